/* node import: the state of the layer 2 becomes the one of a file, a log of snapshots or
 * what `node state --json` wrote. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/owner/own.h"
#include "kinds/node/snapshot/log.h"
#include "kinds/node/state/book.h"
#include "kinds/node/state/dump.h"

/* -- the file -------------------------------------------------------------- */

/* Lines of JSON begin with a brace, snapshots do not. */
static enum err is_dump(bool *ret, const char *path, struct fail *f)
{
	FILE *in = fopen(path, "re");
	int c = in ? getc(in) : EOF;
	bool failed = !in || ferror(in);

	*ret = c == '{';
	if (in)
		(void)fclose(in);
	return failed ? fail_set(f, ERR_SYSTEM, "%s: %s", path, strerror(errno)) : ERR_OK;
}

struct reading {
	const struct cli *cli;
	const char *path;
};

static void failed_tell(void *ctx, struct l2_block block, const struct l2_verdict *v)
{
	const struct reading *r = ctx;

	cli_warn(r->cli, "%s: the block at byte %" PRIu64 " does not hold: %s", r->path,
	    block.offset, v->why);
}

static enum err snapshot_read(struct reading *r, struct l2_state *s, struct fail *f)
{
	const struct l2_demand demand = { .anchor_needed = false };
	struct l2_log *log = NULL;
	struct l2_verdict v;
	struct l2_block block;
	enum err e = l2_log_open(&log, &files_of_system, r->path, f);

	if (e == ERR_OK)
		e = l2_log_newest(log, &demand, &block, &v, failed_tell, r, f);
	if (e == ERR_OK && !block.len)
		e = fail_set(f, ERR_INPUT, "%s: no snapshot in it holds", r->path);
	else if (e == ERR_OK)
		e = l2_log_load(log, block, s, f);
	l2_log_close(log);
	return e;
}

static enum err state_read(struct reading *r, struct l2_state *s, struct fail *f)
{
	bool dump;
	enum err e = is_dump(&dump, r->path, f);

	if (e != ERR_OK)
		return e;
	return dump ? dump_read(s, r->path, f) : snapshot_read(r, s, f);
}

/* -- into the journal ------------------------------------------------------ */

/* What is there is shown before it goes. */
static enum err may_replace(const struct cli *c, struct journal *j,
    const struct l2_state *s, bool *ret_same, struct fail *f)
{
	char is[L2_HEX], will[L2_HEX];
	struct book_sums sums;
	enum err e = book_check(j, is, f);

	if (e != ERR_OK)
		return e;
	l2_state_root(s, will);
	book_sums(j, &sums);
	*ret_same = strcmp(is, will) == 0;
	if (*ret_same || !sums.changes || args_has(&c->args, "--yes"))
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT,
	    "the journal has a state, of root %s behind %" PRId64
	    " changes; that of the file has root %s, and takes its place only with --yes",
	    is, sums.changes, will);
}

static void tell(const struct cli *c, const struct book_restored *r, bool same)
{
	if (c->args.json)
		cli_json(json_pack("{s:s, s:b, s:I, s:I}", "root", r->root, "moved",
		    !same, "after", (json_int_t)r->after, "dropped",
		    (json_int_t)r->dropped));
	else if (same)
		cli_say(c, "It is that state already: root %s.", r->root);
	else if (r->after < 0)
		cli_say(c, "The state has root %s%s.", r->root,
		    r->dropped ? ". This journal never had it: ids that were used before "
				 "are refused from now on"
			       : "");
	else
		cli_say(c,
		    "The state has root %s, as behind change %" PRId64 ": %" PRId64
		    " later ones are taken back, and can be sent again.",
		    r->root, r->after, r->dropped);
}

static enum err import(struct cli *c, struct loop *l, const struct l2_state *s,
    struct book_restored *ret, bool *ret_same, struct fail *f)
{
	enum err e = may_replace(c, l->journal, s, ret_same, f);

	if (e == ERR_OK && *ret_same) {
		*ret = (struct book_restored){ .after = -1 };
		l2_state_root(s, ret->root);
		return ERR_OK;
	}
	if (e == ERR_OK)
		e = book_restore(l->journal, s, world_wall_ms(l->world), ret, f);
	return e == ERR_OK ? journal_commit(l->journal, f) : e;
}

enum err cmd_node_import(struct cli *c, struct fail *f)
{
	struct reading r = { .cli = c, .path = args_word(&c->args, 0) };
	struct book_restored done = { .after = -1 };
	bool same = false;
	struct l2_state s;
	struct loop l;
	enum err e = cli_config(c, f);

	l2_state_init(&s);
	if (e == ERR_OK)
		e = state_read(&r, &s, f);
	if (e == ERR_OK) {
		e = loop_open(&l, c, f);
		if (e == ERR_OK)
			e = import(c, &l, &s, &done, &same, f);
		loop_close(&l);
	}
	l2_state_release(&s);
	if (e == ERR_OK)
		tell(c, &done, same);
	return e;
}
