#include "cli/node/anchoring.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "cli/owner/own.h"
#include "cli/report/report.h"
#include "engine/states.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/state/book.h"
#include "kinds/node/state/dump.h"

struct anchoring {
	struct cli *cli;
	const char *file; /* NULL: the journal's state */
	char database[SNAPSHOTS_PATH_MAX];
	struct journal *journal; /* to read */
	struct l2_state state;
	bool found; /* its snapshot was there */
	struct anchored *ret;
};

/* -- the state ----------------------------------------------------------------- */

static enum err state_get(struct anchoring *a, struct fail *f)
{
	enum err e = ERR_OK;

	if (a->file) {
		e = dump_read(&a->state, a->file, f);
	} else {
		journal_read_begin(a->journal);
		book_read(a->journal, &a->state);
		journal_read_end(a->journal);
	}
	if (e == ERR_OK)
		e = l2_state_check(&a->state, f);
	if (e == ERR_OK)
		l2_state_root(&a->state, a->ret->root);
	return e;
}

static bool anchor_known(struct anchoring *a, const char *hash, int *ret_status)
{
	struct anchor known;
	struct hash h;

	if (!hex_parse(h.at, sizeof h.at, hash, strlen(hash)) ||
	    !anchor_find(a->journal, &h, &known))
		return false;
	*ret_status = known.status;
	return true;
}

static void hash_of(char out[L2_HEX], const char *root, uint64_t made_ms)
{
	char payload[ANCHOR_PAYLOAD];
	uint8_t hash[32];

	(void)anchor_payload(payload, hash, l2_text(root), made_ms);
	hex_format(out, hash, sizeof hash);
}

/* -- its snapshot -------------------------------------------------------------- */

/* The newest one, if it is of this state, and its anchor still of use. */
static enum err newest_look(struct anchoring *a, struct fail *f)
{
	static const struct l2_demand alone = { .anchor_needed = true };
	struct l2_log *log;
	struct l2_block block;
	struct l2_verdict v;
	char hash[L2_HEX];
	enum err e = l2_log_open(&log, &files_of_system, a->ret->log, f);

	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	if (e != ERR_OK)
		return e;
	e = l2_log_newest(log, &alone, &block, &v, NULL, NULL, f);
	l2_log_close(log);
	if (e != ERR_OK || !block.len || strcmp(v.root, a->ret->root) != 0 ||
	    MUTANT(anchored_anew))
		return e;
	hash_of(hash, v.root, v.anchored_ms);
	if (strcmp(hash, v.anchor_hash) != 0)
		return ERR_OK; /* another program's, with metadata */
	a->ret->known = anchor_known(a, hash, &a->ret->status);
	a->found = !a->ret->known || a->ret->status == ANCHOR_PENDING ||
	    a->ret->status == ANCHOR_CONFIRMED;
	a->ret->known = a->ret->known && a->found;
	if (a->found) {
		a->ret->made_ms = v.anchored_ms;
		memcpy(a->ret->hash, hash, sizeof hash);
	}
	return ERR_OK;
}

/* The state was anchored before, and the log has lost it: the snapshot bears that anchor
 * again. */
static bool journal_look(struct anchoring *a)
{
	struct anchor was;
	struct hash root;
	bool found;

	if (!hex_parse(root.at, sizeof root.at, a->ret->root, L2_HEX - 1))
		return false;
	journal_read_begin(a->journal);
	found = anchor_of_root(a->journal, &root, &was);
	journal_read_end(a->journal);
	if (found) {
		a->ret->made_ms = (uint64_t)was.made_ms;
		a->ret->status = was.status;
	}
	return found;
}

static enum err snapshot_write(struct anchoring *a, struct fail *f)
{
	static const struct l2_append how = { .version = 1 };
	enum err e;

	a->ret->known = journal_look(a);
	if (!a->ret->known) {
		a->ret->status = ANCHOR_PENDING;
		a->ret->made_ms = (uint64_t)clock_wall_ms();
	}
	a->ret->written = true;
	hash_of(a->ret->hash, a->ret->root, a->ret->made_ms);
	a->state.timestamp_ms = a->ret->made_ms;
	e = l2_state_anchor(
	    &a->state, a->ret->root, a->ret->made_ms, (struct l2_bytes){ "", 0 }, f);
	return e == ERR_OK
	    ? l2_log_append(&files_of_system, a->ret->log, &a->state, &how, f)
	    : e;
}

static bool stored(void *ctx, struct l2_bytes hash)
{
	struct anchoring *a = ctx;
	char text[L2_HEX];
	int status;

	if (hash.len != L2_HEX - 1)
		return false;
	memcpy(text, hash.at, hash.len);
	text[hash.len] = '\0';
	return anchor_known(a, text, &status);
}

/* A state is anchored as it is; that a verification will refuse it is better said now. */
static enum err warn_unbacked(struct anchoring *a, struct fail *f)
{
	const struct l2_demand demand = {
		.anchor_needed = true, .stored = stored, .ctx = a
	};
	struct l2_log *log;
	struct l2_verdict v;
	enum err e;

	if (!a->state.pegouts_n)
		return ERR_OK;
	e = l2_log_open(&log, &files_of_system, a->ret->log, f);
	if (e != ERR_OK)
		return e;
	e = l2_log_survey(log, f);
	if (e == ERR_OK && l2_log_n(log))
		e = l2_log_check(log, l2_log_at(log, l2_log_n(log) - 1), &demand, &v, f);
	if (e == ERR_OK && l2_log_n(log) && v.fault == L2_PEGOUT_UNBACKED)
		cli_warn(a->cli, "%s: a verification of this snapshot fails", v.why);
	l2_log_close(log);
	return e;
}

/* -- its anchor ---------------------------------------------------------------- */

static void line_of(const struct anchoring *a, char out[400])
{
	CHECK(snprintf(out, 400,
		  "{\"do\":\"anchor\",\"id\":\"anchor/%s\",\"state_root\":\"%s\","
		  "\"made_ms\":%" PRIu64 "}",
		  a->ret->hash, a->ret->root, a->ret->made_ms) < 400);
}

static enum err anchor_here(void *ctx, struct loop *l, struct fail *f)
{
	const char *line = ctx;
	struct book *b = book_new(l->journal, world_wall_ms(l->world));
	struct book_done done = { 0, 0 };
	enum err e = book_lines(b, line, strlen(line), &done, f);

	if (e == ERR_OK)
		book_settle(b);
	book_free(b);
	return e == ERR_OK ? journal_commit(l->journal, f) : e;
}

static enum err anchor_there(void *ctx, struct client *client, struct fail *f)
{
	const char *line = ctx;
	struct request q = {
		.route = ROUTE_NODE_CHANGES, .lines = line, .lines_len = strlen(line)
	};
	struct told t = { .operation = 0 };

	return client_command(client, &q, &t, f);
}

static enum err anchor_put(struct anchoring *a, struct fail *f)
{
	char line[400];

	line_of(a, line);
	return own_do(a->cli,
	    &(struct deed){ .here = anchor_here,
		.there = anchor_there,
		.ctx = line,
		.patience_ms = OWNER_PATIENCE_MS },
	    f);
}

/* The database follows the journal where a daemon keeps it; else it is told here. What
 * keeps it from being told keeps no anchor back. */
static enum err database_put(
    struct reorgdb *db, const struct anchoring *a, struct fail *f)
{
	struct anchor_record r = { .status = ANCHOR_PENDING };
	struct reorgdb_batch *b = reorgdb_batch_new();
	struct anchor_record was;
	char key[RECORD_KEY_MAX];
	bool there = false;
	struct buf value;
	enum err e;

	buf_init(&value, RECORD_VALUE_MAX);
	memcpy(r.hash, a->ret->hash, L2_HEX);
	memcpy(r.root, a->ret->root, L2_HEX);
	key_anchor(key, r.hash);
	e = reorgdb_anchor(db, r.hash, &was, &there, f);
	if (e == ERR_OK && !there)
		e = anchor_format(&value, &r, f);
	if (e == ERR_OK && !there)
		e = reorgdb_put(b, key, buf_text(&value), value.len, f);
	if (e == ERR_OK)
		e = reorgdb_write(db, b, f);
	buf_release(&value);
	reorgdb_batch_free(b);
	return e;
}

static void database_tell(const struct anchoring *a)
{
	struct fail f = { ERR_OK, "" };
	struct reorgdb *db;
	enum err e = reorgdb_open(&db, a->database, REORGDB_WRITE, &f);

	if (e == ERR_NOT_FOUND || e == ERR_OWNED)
		return;
	if (e == ERR_OK) {
		e = database_put(db, a, &f);
		reorgdb_close(db);
	}
	if (e != ERR_OK)
		cli_warn(a->cli, "the journal has the anchor, and %s has not: %s",
		    a->database, f.why);
}

static enum err anchor(struct anchoring *a, struct fail *f)
{
	enum err e = newest_look(a, f);

	if (e == ERR_OK && !a->found)
		e = snapshot_write(a, f);
	if (e == ERR_OK && !a->found)
		e = warn_unbacked(a, f);
	if (e == ERR_OK && !a->ret->known)
		e = anchor_put(a, f);
	if (e == ERR_OK)
		database_tell(a);
	return e;
}

static enum err run(struct anchoring *a, struct fail *f)
{
	enum err e =
	    snapshots_path(a->cli, "node.data_dir", NULL, SNAPSHOTS_NAME, a->ret->log, f);

	if (e == ERR_OK)
		e = snapshots_path(
		    a->cli, "node.data_dir", NULL, "reorg_db", a->database, f);
	if (e == ERR_OK)
		e = state_get(a, f);
	return e == ERR_OK ? anchor(a, f) : e;
}

enum err anchoring_do(
    struct cli *c, const char *file, struct anchored *ret, struct fail *f)
{
	struct anchoring *a = mem_new(sizeof *a);
	enum err e = report_open(c, &a->journal, f);

	*ret = (struct anchored){ .status = ANCHOR_PENDING };
	a->cli = c;
	a->file = file;
	a->ret = ret;
	l2_state_init(&a->state);
	if (e == ERR_OK) {
		e = run(a, f);
		journal_close(a->journal);
	}
	l2_state_release(&a->state);
	mem_free(a);
	return e;
}
