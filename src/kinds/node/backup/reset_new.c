/* What a reset puts in the place of log and database. */
#include <string.h>

#include "base/hex.h"
#include "base/mutant.h"
#include "kinds/node/backup/inside.h"
#include "kinds/node/reorgdb/changes.h"

/* A peg-out of the state stands on it, and the journal does not know it. */
static bool is_needed(struct journal *j, const struct l2_state *s, const char *anchor)
{
	struct anchor known;
	struct hash h;
	bool stood_on = false;

	for (size_t i = 0; s && i < s->pegouts_n && !stood_on; i++)
		stood_on = l2_same(s->pegouts[i].anchor, l2_text(anchor));
	return stood_on && hex_parse(h.at, sizeof h.at, anchor, strlen(anchor)) &&
	    !anchor_find(j, &h, &known);
}

static enum err block_keep(const struct files *files, struct l2_log *log,
    struct l2_block block, const char *path, struct fail *f)
{
	static const struct l2_append how = { .version = 1 };
	struct l2_state s;
	enum err e;

	l2_state_init(&s);
	e = l2_log_load(log, block, &s, f);
	if (e == ERR_OK && l2_state_sort(&s))
		e = l2_log_append(files, path, &s, &how, f);
	l2_state_release(&s);
	return e;
}

/* What can't be read of the old one is not in the new one. */
static enum err needed_keep(const struct l2_reset *r, struct journal *j,
    const struct l2_state *s, const char *path, struct fail *f)
{
	static const struct l2_demand any = { .anchor_needed = false };
	struct l2_verdict v;
	const struct files *files = r->files;
	struct l2_log *log;
	enum err e = ERR_OK;

	if (l2_log_open(&log, files, r->log_path, NULL) != ERR_OK)
		return ERR_OK;
	if (l2_log_survey(log, NULL) == ERR_OK)
		for (size_t i = 0; i < l2_log_n(log) && e == ERR_OK; i++) {
			struct l2_block block = l2_log_at(log, i);

			if (l2_log_check(log, block, &any, &v, NULL) == ERR_OK &&
			    (v.fault == L2_HOLDS || v.fault == L2_PEGOUT_UNBACKED) &&
			    v.anchored && is_needed(j, s, v.anchor_hash))
				e = block_keep(files, log, block, path, f);
		}
	l2_log_close(log);
	return e;
}

/* Its old snapshots are those without which the state would not be verified. */
enum err reset_log_make(const struct l2_reset *r, struct journal *j,
    const struct l2_state *s, const char *path, struct fail *f)
{
	const struct files *files = r->files;
	struct file *file = NULL;
	enum err e = files->open(&file, path, FILE_WRITE, f);

	if (e == ERR_OK)
		e = files->cut(file, 0, f);
	if (e == ERR_OK)
		e = files->sync(file, f);
	files->close(file);
	return e == ERR_OK && !MUTANT(reset_unbacks) ? needed_keep(r, j, s, path, f) : e;
}

enum err reset_database_make(const struct l2_reset *r, struct journal *j,
    const struct l2_state *s, const char *path, struct fail *f)
{
	struct reorgdb *db;
	struct changes c;
	size_t written;
	enum err e = reorgdb_open(&db, path, REORGDB_CREATE, f);

	(void)r;
	(void)s;
	if (e != ERR_OK)
		return e;
	changes_read(&c, j, 0);
	e = changes_write(&c, db, &written, f);
	changes_release(&c);
	reorgdb_close(db);
	return e;
}
