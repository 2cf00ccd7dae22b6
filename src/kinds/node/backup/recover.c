#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/backup/inside.h"

struct recovering {
	const struct l2_recover_plan *plan;
	const char *path;
	struct l2_log *log;
	struct l2_block block;
	struct l2_recovered *ret;
};

static enum err one_check(struct recovering *r, uint64_t number, struct judge *judge,
    struct l2_verdict *v, struct fail *f)
{
	const struct l2_demand demand = {
		.anchor_needed = true, .stored = judge_knows, .ctx = judge
	};
	enum err e;

	if (number > l2_log_n(r->log))
		return fail_set(f, ERR_NOT_FOUND,
		    "%s has %zu whole snapshot%s, and none of number %" PRIu64, r->path,
		    l2_log_n(r->log), l2_log_n(r->log) == 1 ? "" : "s", number);
	r->block = l2_log_at(r->log, (size_t)number - 1);
	e = l2_log_check(r->log, r->block, &demand, v, f);
	if (e == ERR_OK && v->fault == L2_PEGOUT_UNBACKED)
		e = judge_trouble(judge, f);
	if (e == ERR_OK && r->plan->agree && judge_of(v) == JUDGED_DOUBTED) {
		r->ret->doubted = (size_t)number;
		r->ret->doubted_block = r->block;
		r->ret->doubt = *v;
		return ERR_OK; /* who agrees says more */
	}
	if (e == ERR_OK && v->fault != L2_HOLDS && !MUTANT(recover_unchecked))
		e = fail_set(f, ERR_DAMAGED,
		    "snapshot %" PRIu64 " of %s does not hold: %s; the newest that does: "
		    "pawl node recover --latest-valid",
		    number, r->path, v->why);
	return e;
}

static enum err newest(
    struct recovering *r, struct judge *judge, struct l2_verdict *v, struct fail *f)
{
	struct judgement g;
	enum err e = judge_log(judge, r->log, &g, f);

	if (e == ERR_OK)
		e = judge_trouble(judge, f);
	if (e != ERR_OK)
		return e;
	r->block = g.good_block;
	*v = g.good_verdict;
	r->ret->doubted = g.doubted;
	r->ret->doubted_n = g.doubted_n;
	r->ret->doubted_block = g.doubted_block;
	r->ret->doubt = g.doubted_verdict;
	return ERR_OK;
}

static enum err choose(struct recovering *r, struct judge *judge, struct fail *f)
{
	uint64_t number = r->plan->number;
	struct l2_verdict v;
	enum err e = l2_log_survey(r->log, f);

	if (e != ERR_OK)
		return e;
	r->ret->blocks = l2_log_n(r->log);
	e = number ? one_check(r, number, judge, &v, f) : newest(r, judge, &v, f);
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
	struct judge alone = { .journal = NULL };
	struct file *owned = NULL;
	enum err e = backup_path(path, "", plan->log, f);

	*ret = (struct l2_recovered){ 0 };
	if (e == ERR_OK)
		e = files->open(&owned, plan->log, FILE_READ, f);
	if (e != ERR_OK)
		return e;
	files->close(owned);
	owned = NULL;
	/* It is there; nobody appends to it from here on. */
	e = files->open(&owned, plan->log, FILE_WRITE, f);
	if (e == ERR_OK)
		e = files->own(owned, f);
	if (e == ERR_OK)
		e = l2_log_open(&r.log, files, plan->log, f);
	if (e == ERR_OK)
		e = choose(&r, plan->judge ? plan->judge : &alone, f);
	if (e == ERR_OK)
		e = agreed(&r, f);
	files->close(owned);
	l2_log_close(r.log);
	return e;
}
