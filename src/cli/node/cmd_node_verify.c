/* node verify: does the newest snapshot of a log hold? Its lines are those of the guide's
 * tool, on the streams where that has them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mutant.h"
#include "base/shell.h"
#include "base/utf8.h"
#include "cli/node/snapshots.h"

#define ID_SHOWN 300

struct verifying {
	struct cli *cli;
	char path[SNAPSHOTS_PATH_MAX];
	struct l2_log *log;
	struct store store;
	struct l2_demand demand;
	size_t failed_n;         /* newest ones that do not hold */
	struct l2_block newest;  /* the first of them */
	struct l2_verdict why;   /* and what is with it */
	struct l2_block valid;   /* len 0: none */
	struct l2_verdict holds; /* that it does */
	json_t *unbacked;        /* with --json: peg-outs of the newest one */
	bool older;              /* with --all: the others are checked now */
	size_t hurt_n;           /* of them do not hold */
	json_t *hurt;            /* with --json: these */
};

/* -- one that fails ------------------------------------------------------------ */

static void shown(char out[ID_SHOWN + 1], struct l2_bytes text)
{
	size_t n = text.len < ID_SHOWN ? text.len : ID_SHOWN;

	if (n)
		memcpy(out, text.at, n);
	out[n] = '\0';
	utf8_plain(out);
}

static void unbacked(
    void *ctx, struct l2_bytes id, struct l2_bytes has, struct l2_bytes wanted)
{
	struct verifying *v = ctx;
	char name[ID_SHOWN + 1], got[ID_SHOWN + 1], want[ID_SHOWN + 1];

	if (v->failed_n || v->older)
		return; /* why an older one does not hold is said in one line of its own
			 */
	shown(name, id);
	shown(got, has);
	shown(want, wanted);
	if (!has.len)
		fprintf(stderr, "Peg-out %s missing anchor commitment hash.\n", name);
	else if (wanted.len)
		fprintf(stderr, "Peg-out %s anchor hash mismatch. expected=%s got=%s\n",
		    name, want, got);
	else
		fprintf(stderr,
		    "Peg-out %s stands on anchor %s, which no older block that holds "
		    "has, nor %s%s\n",
		    name, got, v->store.path[0] ? v->store.path : "a reorg database",
		    v->store.judge.journal ? ", nor the journal" : "");
	if (v->unbacked)
		json_array_append_new(v->unbacked, cli_text(name));
}

static bool stored(void *ctx, struct l2_bytes hash)
{
	struct verifying *v = ctx;

	return store_knows(&v->store, hash);
}

static void failed(void *ctx, struct l2_block block, const struct l2_verdict *why)
{
	struct verifying *v = ctx;

	if (v->failed_n++)
		return;
	v->newest = block;
	v->why = *why;
}

/* -- telling it ------------------------------------------------------------------ */

static void tell_root(const struct l2_verdict *w)
{
	if (w->root[0])
		printf("Computed L2StateRoot: %s\n", w->root);
	if (w->fault == L2_HOLDS || w->fault == L2_PEGOUT_UNBACKED)
		printf("Anchor verified: %s\n", w->anchor_hash);
	if (w->fault == L2_HOLDS)
		printf("Verification OK.\n");
}

/* Peg-outs are told already. */
static enum err tell_fault(struct verifying *v, struct fail *f)
{
	const struct l2_verdict *w = &v->why;
	uint64_t line = 0;
	enum err e;

	switch (w->fault) {
	case L2_NO_ANCHOR:
		fprintf(stderr, "%s\n", w->why);
		break;
	case L2_ROOT_DIFFERS:
	case L2_HASH_DIFFERS:
	case L2_NOT_BOUND:
		fprintf(stderr, "Anchor verification failed: %s\n", w->why);
		break;
	case L2_MALFORMED:
		e = l2_log_line(v->log, v->newest.offset, &line, f);
		if (e != ERR_OK)
			return e;
		fprintf(stderr, "Failed to load snapshot: %s: byte %" PRIu64, v->path,
		    v->newest.offset + w->offset);
		if (!v->newest.record)
			fprintf(stderr, ", line %" PRIu64, line + w->line - 1);
		fprintf(stderr, ": %s\n", w->why);
		break;
	case L2_PEGOUT_UNBACKED:
		if (w->backing_hurt)
			fprintf(stderr,
			    "%s. A backup that was made before the damage has it whole: "
			    "pawl node restore TIME --only log; which one that is tells "
			    "pawl node verify --all --snapshot FILE, of its log\n",
			    w->why);
		else if (!v->demand.strict_upstream)
			cli_warn(v->cli,
			    "an anchor that is lost: pawl node doctor; one that never "
			    "was: pegout_anchor puts a peg-out on another%s",
			    v->store.path[0] ? ""
					     : ". No reorg database was asked: where "
					       "there is one, --db-path DIR names it");
		break;
	case L2_HOLDS:
		break;
	}
	return ERR_OK;
}

/* Which of all: from 1, as extract numbers them; 0: it is not asked how many there are.
 */
static size_t number_of(const struct verifying *v, struct l2_block block)
{
	size_t n = l2_log_n(v->log);

	for (size_t i = 0; i < n; i++)
		if (l2_log_at(v->log, i).offset == block.offset)
			return i + 1;
	return 0;
}

/* What to go on with when the newest one is of no use. */
static void tell_valid(const struct verifying *v)
{
	char word[SHELL_WORD_MAX];

	if (!v->valid.len && !l2_log_n(v->log))
		fprintf(stderr, "%s has no other snapshot.\n", v->path);
	else if (!v->valid.len)
		fprintf(stderr, "None of the %zu snapshot%s of %s holds.\n",
		    l2_log_n(v->log), l2_log_n(v->log) == 1 ? "" : "s", v->path);
	else
		fprintf(stderr,
		    "The newest valid snapshot is number %zu of %zu%s, at byte %" PRIu64
		    ", with root %s: pawl node extract %s DIR takes it out.\n",
		    number_of(v, v->valid), l2_log_n(v->log),
		    snapshots_damaged(v->log) ? " whole ones" : "", v->valid.offset,
		    v->holds.root, shell_word(word, sizeof word, v->path));
}

static json_t *block_json(struct l2_block block, const struct l2_verdict *w)
{
	json_t *o = json_pack("{s:I, s:I}", "byte", (json_int_t)block.offset, "bytes",
	    (json_int_t)block.len);

	if (w->root[0])
		json_object_set_new(o, "root", json_string(w->root));
	if (w->anchored)
		json_object_set_new(o, "anchor", cli_text(w->anchor_hash));
	json_object_set_new(o, "timestamp_ms", json_integer((json_int_t)w->timestamp_ms));
	if (w->fault != L2_HOLDS)
		json_object_set_new(o, "why", cli_text(w->why));
	return o;
}

static void tell_json(struct verifying *v)
{
	json_t *o = json_pack("{s:o, s:i, s:b}", "snapshot", cli_text(v->path), "version",
	    l2_log_version(v->log), "verified", v->valid.len && !v->failed_n);

	json_object_set_new(o, "newest",
	    v->failed_n ? block_json(v->newest, &v->why)
			: block_json(v->valid, &v->holds));
	if (v->failed_n && v->valid.len)
		json_object_set_new(o, "newest_valid", block_json(v->valid, &v->holds));
	json_object_set(o, "unbacked", v->unbacked);
	if (v->older)
		json_object_set(o, "older_failed", v->hurt);
	cli_json(o);
	v->cli->told = true;
}

/* -- the others -------------------------------------------------------------------- */

static enum err hurt_tell(
    struct verifying *v, size_t number, const struct l2_verdict *w, struct fail *f)
{
	struct l2_block block = l2_log_at(v->log, number - 1);
	struct l2_place at;
	char line[40] = "";
	enum err e = l2_log_place(v->log, block, w, &at, f);

	if (e != ERR_OK)
		return e;
	v->hurt_n++;
	if (v->hurt)
		json_array_append_new(v->hurt, block_json(block, w));
	if (at.line)
		snprintf(line, sizeof line, ", line %" PRIu64, at.line);
	fprintf(stderr,
	    "Snapshot %zu of %zu of %s does not hold: byte %" PRIu64 "%s: %s\n", number,
	    l2_log_n(v->log), v->path, at.offset, line, w->why);
	return ERR_OK;
}

/* All but the newest, of which its own lines tell. */
static enum err look_at_older(struct verifying *v, struct fail *f)
{
	enum err e = l2_log_survey(v->log, f);
	struct l2_verdict w;

	v->older = true;
	for (size_t i = l2_log_n(v->log); e == ERR_OK && i-- > 0;) {
		struct l2_block block = l2_log_at(v->log, i);

		if (block.offset == (v->failed_n ? v->newest : v->valid).offset)
			continue;
		e = l2_log_check(v->log, block, &v->demand, &w, f);
		if (e == ERR_OK && w.fault != L2_HOLDS)
			e = hurt_tell(v, i + 1, &w, f);
	}
	return e == ERR_OK ? judge_trouble(&v->store.judge, f) : e;
}

/* -- verifying -------------------------------------------------------------------- */

static enum err look(struct verifying *v, struct fail *f)
{
	enum err e;

	/* Of records the newest one is known without a look at the others. */
	if (l2_log_version(v->log) == 1) {
		e = snapshots_damage_tell(v->log, v->path, f);
		if (e == ERR_OK)
			e = snapshots_some(v->log, v->cli, v->path, f);
		if (e != ERR_OK)
			return e;
	}
	e = l2_log_newest(v->log, &v->demand, &v->valid, &v->holds, failed, v, f);
	return e == ERR_OK ? judge_trouble(&v->store.judge, f) : e;
}

static enum err tell(struct verifying *v, struct fail *f)
{
	enum err e = ERR_OK;

	if (l2_log_version(v->log) == 2 &&
	    (v->failed_n || !v->valid.len ||
		v->valid.offset + v->valid.len != l2_log_size(v->log)))
		e = snapshots_damage_tell(v->log, v->path, f);
	if (e == ERR_OK && !v->valid.len)
		e = snapshots_some(v->log, v->cli, v->path, f);
	if (e == ERR_OK && args_has(&v->cli->args, "--all"))
		e = look_at_older(v, f);
	if (e != ERR_OK)
		return e;
	if (v->cli->args.json)
		tell_json(v);
	else
		tell_root(v->failed_n ? &v->why : &v->holds);
	fflush(stdout);
	snapshots_ambiguous_tell(v->path, v->failed_n ? v->newest : v->valid,
	    v->failed_n ? &v->why : &v->holds);
	if (!v->failed_n && v->hurt_n)
		return fail_set(f, ERR_INPUT,
		    "the newest snapshot holds, %zu older do%s not: nothing is needed at "
		    "once. A backup that was made before the damage has %s whole, and "
		    "newer ones may be of this very log: pawl node verify --all "
		    "--snapshot FILE, of its log, tells. pawl node prune --keep N "
		    "--output FILE leaves out what is older than the N newest",
		    v->hurt_n, v->hurt_n == 1 ? "es" : "",
		    v->hurt_n == 1 ? "it" : "them");
	if (!v->failed_n || (v->valid.len && MUTANT(older_snapshot_will_do)))
		return ERR_OK;
	e = tell_fault(v, f);
	if (e == ERR_OK)
		e = l2_log_survey(v->log, f);
	if (e != ERR_OK)
		return e;
	tell_valid(v);
	v->cli->said = true;
	return fail_set(
	    f, ERR_INPUT, "the newest snapshot does not hold: %s", v->why.why);
}

enum err cmd_node_verify(struct cli *c, struct fail *f)
{
	struct verifying v = { .cli = c,
		.demand = { .anchor_needed = true,
		    .strict_upstream = args_has(&c->args, "--strict-upstream"),
		    .stored = stored,
		    .unbacked = unbacked } };
	enum err e = snapshots_path(
	    c, "--snapshot", args_get(&c->args, "--snapshot"), SNAPSHOTS_NAME, v.path, f);

	v.demand.ctx = &v;
	if (e == ERR_OK)
		e = store_init(&v.store, c, args_get(&c->args, "--db-path"), v.path, f);
	if (e == ERR_OK)
		e = snapshots_open(&v.log, c, v.path, f);
	if (e == ERR_OK) {
		v.unbacked = c->args.json ? json_array() : NULL;
		v.hurt = c->args.json ? json_array() : NULL;
		e = look(&v, f);
		if (e == ERR_OK)
			e = tell(&v, f);
		json_decref(v.unbacked);
		json_decref(v.hurt);
		l2_log_close(v.log);
	}
	store_close(&v.store);
	return e;
}
