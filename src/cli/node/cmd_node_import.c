/* node import: the state of the layer 2 becomes the one of a file, a log of snapshots or
 * what `node state --json` wrote. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mutant.h"
#include "cli/behalf.h"
#include "cli/node/folder.h"
#include "cli/node/reading.h"
#include "cli/node/refuse.h"
#include "cli/node/replace.h"
#include "cli/node/snapshots.h"
#include "kinds/node/state/dump.h"

/* -- the file -------------------------------------------------------------- */

/* Lines of JSON begin with a brace, snapshots do not. */
static enum err is_dump(bool *ret, const struct cli *c, const char *path, struct fail *f)
{
	struct stat st;
	bool failed;
	int first;
	FILE *in;
	enum err e;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) /* a pipe is never read twice */
		return fail_set(f, ERR_SYSTEM,
		    "%s: no regular file; what comes by a pipe is put into one first",
		    path);
	in = fopen(path, "re");
	first = in ? getc(in) : EOF;
	failed = !in || ferror(in);
	*ret = first == '{';
	if (in)
		(void)fclose(in);
	if (!failed)
		return ERR_OK;
	e = fail_file(f, ERR_SYSTEM, path);
	return folder_of(c, path, "FILE", f) == ERR_OK ? e : f->err;
}

struct reading {
	struct cli *cli;
	const char *path;
	char doubt[500]; /* why its state is none to go on from; "": it is */
};

/* The newest whole one: what of it is doubted is no reason to take an older one instead,
 * and is told. */
static enum err whole_load(struct reading *r, struct l2_log *log,
    const struct judgement *g, struct l2_state *s, struct fail *f)
{
	const struct l2_verdict *v;
	size_t number;
	struct l2_block block = judgement_whole(g, &number, &v);

	if (MUTANT(doubted_is_passed_over))
		block = g->good_block;
	if (!block.len)
		return fail_set(f, ERR_INPUT, "%s: no snapshot in it holds", r->path);
	if (g->broken)
		cli_warn(r->cli, "%s: %zu newer than its snapshot %zu do%s not hold: %s",
		    r->path, g->broken, number, g->broken == 1 ? "es" : "", g->why);
	if (g->doubted && block.offset == g->doubted_block.offset)
		snprintf(r->doubt, sizeof r->doubt,
		    "snapshot %zu of %zu is whole, but not verified: %s", number,
		    g->blocks, v->why);
	return l2_log_load(log, block, s, f);
}

static enum err snapshot_read(struct reading *r, struct l2_state *s, struct fail *f)
{
	struct store store;
	struct judgement g;
	struct l2_log *log = NULL;
	enum err e = store_init(&store, r->cli, NULL, r->path, f);

	if (e == ERR_OK)
		e = reading_log(&log, r->cli, r->path, f);
	if (e == ERR_OK)
		e = judge_log(store_judge(&store), log, &g, f);
	if (e == ERR_OK)
		e = judge_trouble(&store.judge, f);
	if (e == ERR_OK)
		e = whole_load(r, log, &g, s, f);
	l2_log_close(log);
	store_close(&store);
	return e;
}

static enum err state_read(struct reading *r, struct l2_state *s, struct fail *f)
{
	bool dump = false;
	enum err e = is_dump(&dump, r->cli, r->path, f);

	if (e != ERR_OK)
		return e;
	folder_warn(r->cli, r->path);
	return dump ? dump_read(s, r->path, f) : snapshot_read(r, s, f);
}

/* -- into the journal ------------------------------------------------------ */

static void tell(const struct cli *c, const struct replaced *r)
{
	const struct book_restored *done = &r->done;
	char told[REPLACED_TOLD];

	replaced_tell(done, told);
	if (c->args.json)
		cli_json(json_pack("{s:s, s:b, s:I, s:I, s:I, s:o}", "root", done->root,
		    "moved", r->moved, "after", (json_int_t)done->after, "dropped",
		    (json_int_t)done->dropped, "returned", (json_int_t)done->returned,
		    "kept", cli_text(r->kept[0] ? r->kept : NULL)));
	else if (!r->moved)
		cli_say(c, "It is that state already: root %s.", done->root);
	else if (done->after < 0)
		cli_say(c, "The state has root %s%s.", done->root,
		    done->dropped ? ". This journal never had it: ids that it knows "
				    "are refused from now on"
				  : "");
	else
		cli_say(c, "The state has root %s, %s.", done->root, told);
	if (!c->args.json && r->kept[0])
		printf("The state as it was is kept: %s\n", r->kept);
}

/* Beside the journal: who imports may have no folder of a node. */
static enum err keep_path(
    const struct cli *c, char out[SNAPSHOTS_PATH_MAX], struct fail *f)
{
	const char *journal = c->config->journal, *slash = strrchr(journal, '/');
	int n = snprintf(out, SNAPSHOTS_PATH_MAX, "%.*sl2_state.jsonl",
	    slash ? (int)(slash - journal + 1) : 0, journal);

	if (n < 0 || n >= SNAPSHOTS_PATH_MAX)
		return fail_set(f, ERR_USAGE, "the path of the journal is too long");
	return ERR_OK;
}

static enum err import(struct cli *c, const struct reading *from, struct l2_state *s,
    struct replaced *ret, struct fail *f)
{
	const char *path = from->path;
	char keep[SNAPSHOTS_PATH_MAX], line[REFUSE_LINE_MAX];
	struct replacing r = { .state = s,
		.since_ms = s->anchor.there ? s->anchor.timestamp_ms : s->timestamp_ms,
		.what = path,
		.line = refuse_line(line, "pawl node import", path),
		.doubt = from->doubt[0] ? from->doubt : NULL,
		.keep = keep };
	enum err e = args_yes(&r.yes, &c->args, f);

	if (e == ERR_OK)
		e = keep_path(c, keep, f);
	return e == ERR_OK ? replace_state(c, &r, ret, f) : e;
}

enum err cmd_node_import(struct cli *c, struct fail *f)
{
	struct reading r = { .cli = c, .path = args_word(&c->args, 0) };
	struct replaced done;
	struct l2_state s;
	enum err e = cli_config(c, f);

	if (e == ERR_OK)
		e = behalf_in(c, c->config->node.data_dir, f);
	l2_state_init(&s);
	if (e == ERR_OK)
		e = state_read(&r, &s, f);
	if (e == ERR_OK)
		e = import(c, &r, &s, &done, f);
	l2_state_release(&s);
	if (e == ERR_OK)
		tell(c, &done);
	return e;
}
