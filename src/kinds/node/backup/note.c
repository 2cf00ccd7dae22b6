/* What went wrong with the last backup, in a file beside them. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "kinds/node/backup/inside.h"

#define NOTE "backup_failed.txt"

/* The line behind why it failed. */
static const char *const lines[] = {
	[L2_AGAIN_NOTHING] = "",
	[L2_AGAIN_AWAY] = "pawl serve takes it there again\n",
	[L2_AGAIN_MAKE] = "pawl serve makes it again\n",
};

static enum err note_write(const struct files *files, const char *path, const char *why,
    const char *again, struct fail *f)
{
	char sum[SUM_TEXT];
	struct part p;
	enum err e = part_begin(&p, files, path, f);

	if (e == ERR_OK)
		e = part_add(&p, why, strlen(why), f);
	if (e == ERR_OK)
		e = part_add(&p, "\n", 1, f);
	if (e == ERR_OK)
		e = part_add(&p, again, strlen(again), f);
	e = part_end(&p, e, sum, f);
	return e == ERR_OK ? files->sync_folder(path, f) : e;
}

enum err l2_backup_note(const struct files *files, const char *folder, const char *why,
    enum l2_backup_again again, struct fail *f)
{
	char path[BACKUP_PATH_MAX];
	enum err e = backup_path(path, folder, NOTE, f);

	if (e == ERR_OK && why)
		return note_write(files, path, why, lines[again], f);
	if (e == ERR_OK)
		e = files->remove(path, f);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum l2_backup_again l2_backup_noted(
    const struct files *files, const char *folder, char out[L2_BACKUP_NOTED])
{
	char path[BACKUP_PATH_MAX], text[2 * L2_BACKUP_NOTED + 400];
	enum l2_backup_again again = L2_AGAIN_NOTHING;
	size_t why;
	struct file *file = NULL;
	size_t n = 0;

	out[0] = '\0';
	if (backup_path(path, folder, NOTE, NULL) != ERR_OK ||
	    files->open(&file, path, FILE_READ, NULL) != ERR_OK)
		return again;
	if (files->read(file, 0, text, sizeof text - 1, &n, NULL) != ERR_OK)
		n = 0;
	files->close(file);
	text[n] = '\0';
	why = strcspn(text, "\n");
	for (int i = L2_AGAIN_AWAY; i <= L2_AGAIN_MAKE; i++)
		if (text[why] && !strcmp(text + why + 1, lines[i]))
			again = (enum l2_backup_again)i;
	snprintf(out, L2_BACKUP_NOTED, "%.*s", (int)why, text);
	utf8_plain(out);
	if (!out[0]) /* whoever emptied it: it is there */
		memcpy(out, NOTE " is there", sizeof NOTE " is there");
	return again;
}
