#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/backup/inside.h"
#include "kinds/node/reorgdb/reorgdb.h"

struct recovering {
	const struct l2_recover_plan *plan;
	const char *path;
	struct l2_log *log;
	struct l2_block block;
	struct l2_recovered *ret;
};

static enum err one_check(struct recovering *r, uint64_t number,
    const struct l2_demand *demand, struct l2_verdict *v, struct fail *f)
{
	enum err e;

	if (number > l2_log_n(r->log))
		return fail_set(f, ERR_NOT_FOUND,
		    "%s has %zu whole snapshots, and none of number %" PRIu64, r->path,
		    l2_log_n(r->log), number);
	r->block = l2_log_at(r->log, (size_t)number - 1);
	e = l2_log_check(r->log, r->block, demand, v, f);
	if (e == ERR_OK && v->fault != L2_HOLDS && !MUTANT(recover_unchecked))
		e = fail_set(f, ERR_DAMAGED,
		    "snapshot %" PRIu64 " of %s does not hold: %s; the newest that does: "
		    "pawl node recover --latest-valid",
		    number, r->path, v->why);
	return e;
}

static enum err choose(struct recovering *r, struct reorgdb *store, struct fail *f)
{
	const struct l2_demand demand = { .stored = is_stored, .ctx = store };
	uint64_t number = r->plan->number;
	struct l2_verdict v;
	enum err e = l2_log_survey(r->log, f);

	if (e != ERR_OK)
		return e;
	r->ret->blocks = l2_log_n(r->log);
	if (number)
		e = one_check(r, number, &demand, &v, f);
	else
		e = l2_log_newest(r->log, &demand, &r->block, &v, NULL, NULL, f);
	if (e == ERR_OK && !r->block.len && !r->plan->agree)
		e = fail_set(f, ERR_DAMAGED, "no snapshot of %s holds", r->path);
	if (e != ERR_OK || !r->block.len)
		return e;
	memcpy(r->ret->root, v.root, L2_HEX);
	r->ret->snapshot_ms = v.timestamp_ms;
	if (v.anchored) {
		memcpy(r->ret->anchor, v.anchor_hash, L2_HEX);
		r->ret->anchored_ms = v.anchored_ms;
	}
	for (size_t i = 0; i < r->ret->blocks; i++)
		if (l2_log_at(r->log, i).offset == r->block.offset)
			r->ret->number = i + 1;
	return ERR_OK;
}

/* Behind its last block a log has what fills the sector, and that is nothing. */
static bool is_last(const struct recovering *r)
{
	uint64_t end = r->block.offset + r->block.len;
	size_t n = l2_log_damages(r->log);

	for (size_t i = 0; i < n; i++)
		if (l2_log_damage(r->log, i).offset >= end)
			return false;
	return r->ret->number == r->ret->blocks;
}

static enum err cut_behind(struct recovering *r, struct fail *f)
{
	const struct l2_recover_plan *plan = r->plan;
	char sum[SUM_TEXT];
	struct part part;
	enum err e = part_begin(&part, plan->files, r->path, f);

	if (e == ERR_OK)
		e = part_copy(&part, r->path, r->block.offset + r->block.len, f);
	e = part_keep(&part, e, sum, f);
	if (e == ERR_OK)
		e = place(plan->files, plan->wall_ms, r->path, true, r->ret->kept, f);
	r->ret->changed = e == ERR_OK;
	return e;
}

static enum err agreed(struct recovering *r, struct fail *f)
{
	const struct l2_recover_plan *plan = r->plan;
	enum err e = ERR_OK;

	if (plan->agree)
		e = plan->agree(plan->ctx, r->ret, r->log, r->block, f);
	return e == ERR_OK && !is_last(r) ? cut_behind(r, f) : e;
}

enum err l2_log_recover(
    const struct l2_recover_plan *plan, struct l2_recovered *ret, struct fail *f)
{
	struct recovering r = { .plan = plan, .path = plan->log, .ret = ret };
	const struct files *files = plan->files;
	char path[BACKUP_PATH_MAX];
	struct reorgdb *store = NULL;
	struct file *owned = NULL;
	enum err e = backup_path(path, "", plan->log, f);

	*ret = (struct l2_recovered){ 0 };
	if (e == ERR_OK)
		e = l2_log_open(&r.log, files, plan->log, f);
	if (e != ERR_OK)
		return e;
	l2_log_close(r.log);
	r.log = NULL;
	/* It is there; nobody appends to it from here on. */
	e = files->open(&owned, plan->log, FILE_WRITE, f);
	if (e == ERR_OK)
		e = files->own(owned, f);
	if (e == ERR_OK)
		e = l2_log_open(&r.log, files, plan->log, f);
	if (*plan->reorg_db)
		(void)!reorgdb_open(&store, plan->reorg_db, REORGDB_READ, NULL);
	if (e == ERR_OK)
		e = choose(&r, store, f);
	if (e == ERR_OK)
		e = agreed(&r, f);
	reorgdb_close(store);
	files->close(owned);
	l2_log_close(r.log);
	return e;
}
