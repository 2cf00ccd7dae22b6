/* The newest valid block of a log, from its end: a start has no time for all of it. */
#include <stdio.h>

#include "base/mutant.h"
#include "kinds/node/snapshot/log_in.h"

#define FIRST_LAST ((uint64_t)64 << 20)
#define MORE 8

uint64_t l2_log_end_least = FIRST_LAST;

struct ending {
	struct l2_end *ret;
	bool unbacked; /* a peg-out of a newer block */
};

static void failed(void *ctx, struct l2_block block, const struct l2_verdict *v)
{
	struct ending *e = ctx;

	(void)block;
	if (!e->ret->failed++)
		snprintf(e->ret->why, sizeof e->ret->why, "%s", v->why);
	e->unbacked |= v->fault == L2_PEGOUT_UNBACKED;
}

static void tail(struct l2_log *log, struct l2_end *ret)
{
	size_t n = log->surveyed ? l2_log_damages(log) : 0;
	struct l2_damage d;
	uint64_t at;

	ret->mixed = l2_log_is_mixed(log, &at);
	if (!n)
		return;
	d = l2_log_damage(log, n - 1);
	if (d.kind != L2_DAMAGED && d.offset + d.len == log->size &&
	    d.offset >= ret->block.offset)
		ret->torn = d.len;
}

/* *ret_more: another answer may be found in more of it. */
static enum err look(struct ending *e, const struct files *files, const char *path,
    const struct l2_demand *demand, uint64_t last, bool *ret_more, struct fail *f)
{
	struct l2_end *ret = e->ret;
	struct l2_log *log;
	enum err err = log_open_last(&log, files, path, last, f);

	*ret = (struct l2_end){ .version = 1 };
	e->unbacked = *ret_more = false;
	if (err)
		return err;
	err = l2_log_newest(log, demand, &ret->block, &ret->verdict, failed, e, f);
	ret->version = l2_log_version(log);
	ret->size = log->size;
	ret->looked_at = log->size - log->from;
	*ret_more = !err && log->version != 2 && log->from &&
	    (!ret->block.len || (e->unbacked && !MUTANT(end_forgets_older_anchors)));
	if (!err)
		tail(log, ret);
	l2_log_close(log);
	return err;
}

enum err l2_log_end(struct l2_end *ret, const struct files *files, const char *path,
    const struct l2_demand *demand, uint64_t most, struct fail *f)
{
	struct ending e = { .ret = ret };
	uint64_t last = l2_log_end_least < most ? l2_log_end_least : most;
	bool more = true;
	enum err err = ERR_OK;

	while (!err && more) {
		err = look(&e, files, path, demand, last, &more, f);
		more = more && last < most;
		last = last > most / MORE ? most : last * MORE;
	}
	return err;
}
