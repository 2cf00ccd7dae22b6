#include <stdio.h>
#include <string.h>

#include "base/mutant.h"
#include "kinds/node/backup/inside.h"
#include "kinds/node/state/dump.h"

#define PIECE ((size_t)64 * 1024)

static enum err flush(struct part *p, struct buf *out, struct fail *f)
{
	enum err e = part_add(p, buf_text(out), out->len, f);

	buf_clear(out);
	return e;
}

static enum err lines_add(
    struct part *p, const struct l2_state *s, int64_t wall_ms, struct fail *f)
{
	struct dump_head head = { .timestamp_ms = (uint64_t)wall_ms, .has_root = true };
	enum err e = ERR_OK;
	struct buf out;

	for (int i = 0; i < L2_LISTS; i++)
		head.n[i] = l2_state_n(s, (enum l2_list)i);
	l2_state_root(s, head.root);
	buf_init(&out, PIECE + 2 * DUMP_LINE_MAX);
	dump_head_format(&out, &head);
	for (int i = 0; i < L2_LISTS; i++)
		for (size_t k = 0; k < head.n[i] && e == ERR_OK; k++) {
			dump_record_format(
			    &out, (enum l2_list)i, l2_state_at(s, (enum l2_list)i, k));
			if (out.len >= PIECE)
				e = flush(p, &out, f);
		}
	if (e == ERR_OK)
		e = flush(p, &out, f);
	buf_release(&out);
	return e;
}

enum err l2_state_write(const struct files *files, const char *path,
    const struct l2_state *s, int64_t wall_ms, struct fail *f)
{
	char sum[SUM_TEXT];
	struct part part;
	enum err e = part_begin(&part, files, path, f);

	if (e == ERR_OK)
		e = lines_add(&part, s, wall_ms, f);
	e = part_end(&part, e, sum, f);
	return e == ERR_OK ? files->sync_folder(path, f) : e;
}

/* What who was killed in it left: parts of states under names of their own. */
#define LEFT_MAX 16

struct left {
	const char *name; /* l2_state.jsonl, without its folder */
	size_t n;
	char names[LEFT_MAX][128];
};

static void note_left(void *ctx, const char *name)
{
	struct left *l = ctx;
	size_t len = strlen(name), own = strlen(l->name);

	if (l->n < LEFT_MAX && len < sizeof l->names[0] && len > own + 5 &&
	    !strncmp(name, l->name, own) && !strncmp(name + own, ".before_", 8) &&
	    !strcmp(name + len - 5, ".part"))
		memcpy(l->names[l->n++], name, len + 1);
}

static void left_clear(const struct files *files, const char *path)
{
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) + 1 : 0;
	char folder[BACKUP_PATH_MAX], part[BACKUP_PATH_MAX];
	struct left l = { .name = path + len };

	snprintf(folder, sizeof folder, "%.*s", len ? len : 2, len ? path : "./");
	if (MUTANT(left_state_stays) ||
	    files->each(folder, note_left, &l, NULL) != ERR_OK)
		return;
	for (size_t i = 0; i < l.n; i++) {
		struct file *file = NULL;

		snprintf(part, sizeof part, "%.*s%s", len, path, l.names[i]);
		/* Who is at it now has it. */
		if (files->open(&file, part, FILE_WRITE, NULL) == ERR_OK &&
		    files->own(file, NULL) == ERR_OK)
			(void)!files->remove(part, NULL);
		files->close(file);
	}
}

enum err l2_state_aside(const struct files *files, const char *path,
    const struct l2_state *s, int64_t wall_ms, char kept[BACKUP_PATH_MAX], struct fail *f)
{
	enum err e = name_free(files, wall_ms, path, kept, f);

	left_clear(files, path);
	return e == ERR_OK ? l2_state_write(files, kept, s, wall_ms, f) : e;
}

enum err l2_log_copy(
    const struct files *files, const char *from, const char *to, struct fail *f)
{
	char sum[SUM_TEXT];
	struct part part;
	struct file *file = NULL;
	uint64_t size = 0;
	enum err e = files->open(&file, from, FILE_READ, f);

	if (e == ERR_OK)
		e = files->size(file, &size, f);
	files->close(file);
	if (e != ERR_OK)
		return e;
	e = part_begin(&part, files, to, f);
	if (e == ERR_OK)
		e = part_copy(&part, from, size, f);
	e = part_end(&part, e, sum, f);
	return e == ERR_OK ? files->sync_folder(to, f) : e;
}
