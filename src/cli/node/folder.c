#include "cli/node/folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mutant.h"
#include "base/shell.h"
#include "cli/behalf.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/backup/backup.h"
#include "kinds/node/link.h"
#include "kinds/node/watch/holder.h"
#include "kinds/node/watch/look.h"

#define FOLDER_MAX 4096

void folder_plain(char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/' && !MUTANT(slash_at_the_end))
		path[--n] = '\0';
}

/* Up to the last slash that something stands behind; "." without one. */
static void above(char out[FOLDER_MAX], const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n && path[n - 1] != '/')
		n--;
	while (n > 1 && path[n - 1] == '/')
		n--;
	snprintf(out, FOLDER_MAX, "%.*s", n ? (int)n : 1, n ? path : ".");
}

/* What can't be seen may be there: who opens the file says why not. */
static bool is_missing(const char *folder)
{
	struct stat st;

	if (stat(folder, &st) == 0)
		return !S_ISDIR(st.st_mode);
	return errno == ENOENT || errno == ENOTDIR;
}

static bool is_data_dir(const struct cli *c, const char *folder)
{
	const char *dir = c->config ? c->config->node.data_dir : NULL;
	size_t n = dir ? strlen(dir) : 0;

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return n && strlen(folder) == n && memcmp(dir, folder, n) == 0;
}

int64_t folder_lost(const struct cli *c)
{
	struct journal *j;
	int64_t n;

	if (!c->config || !is_missing(c->config->node.data_dir) ||
	    MUTANT(folder_is_lost_unsaid) ||
	    journal_read(&j, c->config->journal, NULL) != ERR_OK)
		return 0;
	n = anchors_n(j);
	journal_close(j);
	return n;
}

enum err folder_of(
    const struct cli *c, const char *file, const char *what, struct fail *f)
{
	char folder[FOLDER_MAX], word[SHELL_WORD_MAX];
	int64_t lost;

	above(folder, file);
	if (!is_missing(folder))
		return ERR_OK;
	lost = is_data_dir(c, folder) ? folder_lost(c) : 0;
	if (lost)
		return fail_set(f, ERR_NOT_FOUND,
		    "node.data_dir: there is no folder %.300s, where %s should be, and "
		    "the journal has anchored %" PRId64 " state%s: " L2_FOLDER_LOST,
		    folder, what, lost, lost == 1 ? "" : "s");
	if (is_data_dir(c, folder))
		return fail_set(f, ERR_NOT_FOUND,
		    "node.data_dir: there is no folder %.800s, where %s should be; a "
		    "node begins with: pawl node init",
		    folder, what);
	return fail_set(f, ERR_NOT_FOUND,
	    "there is no folder %.400s, where %s should be: is the path right? A node "
	    "begins with: pawl node init --data-dir %s",
	    folder, what, shell_word(word, sizeof word, folder));
}

enum err folder_above(const char *folder, struct fail *f)
{
	char path[FOLDER_MAX], word[SHELL_WORD_MAX];

	above(path, folder);
	if (!is_missing(path))
		return ERR_OK;
	return fail_set(f, ERR_NOT_FOUND,
	    "there is no folder %.400s, in which %.400s is to be made: is the path "
	    "right? If it is: mkdir -p %s",
	    path, folder, shell_word(word, sizeof word, path));
}

#define WAYS \
	"pawl node reset says how far it came, what finishes it, and what takes it back"

/* Without a config it is nobody's own. */
static enum err asked(struct cli *c, const char *file,
    enum err (*ask)(const struct l2_paths *paths, struct fail *f), struct fail *f)
{
	const char *journal = cli_config(c, NULL) == ERR_OK ? c->config->journal : NULL;
	char folder[FOLDER_MAX], reorg_db[FOLDER_MAX + 10];

	above(folder, file);
	snprintf(reorg_db, sizeof reorg_db, "%s/reorg_db", folder);
	return ask(
	    &(struct l2_paths){
		.folder = folder, .reorg_db = reorg_db, .journal = journal },
	    f);
}

enum err folder_ours(struct cli *c, const char *file, struct fail *f)
{
	return asked(c, file, l2_folder_check, f);
}

enum err folder_at_rest(struct cli *c, const char *file, struct fail *f)
{
	return asked(c, file, l2_folder_at_rest, f);
}

static enum err settled(const char *file, struct fail *f)
{
	char folder[FOLDER_MAX], told[L2_RESET_TOLD];
	int pid;

	above(folder, file);
	pid = l2_reset_tell(told, &files_of_system, folder);
	if (!told[0])
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT, "%s. Nothing was changed now. %s", told,
	    pid ? "It ends by itself; type this again then" : "First: " WAYS);
}

enum err folder_to_write(
    struct cli *c, const char *file, const char *what, struct fail *f)
{
	enum err e = folder_of(c, file, what, f);

	if (e == ERR_OK)
		e = folder_ours(c, file, f);
	if (e == ERR_OK)
		e = settled(file, f);
	if (e == ERR_OK)
		e = l2_itself(file, f);
	return e == ERR_OK ? behalf_of(c, file, f) : e;
}

void folder_warn(const struct cli *c, const char *file)
{
	char folder[FOLDER_MAX], told[L2_RESET_TOLD];
	int pid;

	above(folder, file);
	pid = l2_reset_tell(told, &files_of_system, folder);
	if (told[0])
		cli_warn(c, "%s: %s", told,
		    pid ? "it ends by itself, and this may be of before or after it"
			: WAYS);
}
