/* node_trouble.c - what is wrong with the files of a layer 2, as far as a moment's look
 * tells: of a large log its end is read, and of a large database all but blocks. */
#include "cli/report/node.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "kinds/node/judge/judge.h"
#include "kinds/node/reorgdb/reorgdb.h"
#include "kinds/node/watch/holder.h"

#define MIB ((uint64_t)1 << 20)
#define LOOKED_AT (64 * MIB) /* of a log */
/* Of a database; an empty one has 70 MiB of it, which RocksDB takes for its log ahead. */
#define READ_THROUGH (128 * MIB)

struct troubles {
	const struct cli *cli;
	struct journal *journal;
	const struct node_files *files;
	const struct l2_look *look;
	node_trouble_fn *one;
	void *ctx;
};

static void tell(const struct troubles *t, const char *of, const struct l2_trouble *what)
{
	t->one(t->ctx, of, what);
}

/* -- the newest snapshot --------------------------------------------------------- */

static bool anchor_named(struct journal *j, const char *hash, struct anchor *ret)
{
	struct hash h;

	return hex_parse(h.at, sizeof h.at, hash, strlen(hash)) &&
	    anchor_find(j, &h, ret);
}

static bool anchor_of(struct journal *j, const struct l2_verdict *v, struct anchor *ret)
{
	return anchor_named(j, v->anchor_hash, ret);
}

bool node_had_state(struct journal *j, const struct l2_state *s, const char *anchor_hash)
{
	struct anchor a;

	return l2_state_is_empty(s) || book_had(j, s) >= 0 ||
	    (anchor_named(j, anchor_hash, &a) && a.own);
}

bool node_had(struct journal *j, const char *path, struct l2_block block,
    const struct l2_verdict *v)
{
	struct l2_log *log;
	struct l2_state s;
	struct anchor a;
	bool had = anchor_of(j, v, &a) && a.own;

	if (had || l2_log_open(&log, &files_of_system, path, NULL) != ERR_OK)
		return true;
	l2_state_init(&s);
	if (l2_log_load(log, block, &s, NULL) != ERR_OK) {
		had = true;
	} else {
		(void)l2_state_sort(&s);
		had = node_had_state(j, &s, v->anchor_hash);
	}
	l2_state_release(&s);
	l2_log_close(log);
	return had;
}

/* Of a state that came from elsewhere it may be another's. */
static bool is_unknown(
    struct journal *j, const char *log, struct l2_block block, const struct l2_verdict *v)
{
	struct book_sums sums;

	book_sums(j, &sums);
	return v->anchored && sums.changes && !book_taken(j) &&
	    node_had(j, log, block, v);
}

bool node_anchor_trouble(const struct cli *c, struct journal *j, const char *log,
    struct l2_block block, const struct l2_verdict *v, struct l2_trouble *ret)
{
	struct anchor a;

	if (anchor_of(j, v, &a))
		return trouble_of_anchor(
		    ret, &a, clock_wall_ms(), c->config->node.max_divergence);
	if (!is_unknown(j, log, block, v))
		return false;
	trouble_of_unknown_anchor(ret, v->anchor_hash);
	return true;
}

static void newest_look(const struct troubles *t, const struct l2_end *end)
{
	struct l2_trouble trouble;
	struct book_sums sums;
	uint64_t top, behind;
	struct anchor a;

	book_sums(t->journal, &sums);
	if (!node_had(t->journal, t->files->log, end->block, &end->verdict)) {
		trouble_of_state(&trouble, t->files->log, end->verdict.root, &sums);
		tell(t, t->cli->config->journal, &trouble);
	}
	if (node_anchor_trouble(
		t->cli, t->journal, t->files->log, end->block, &end->verdict, &trouble))
		tell(t, t->files->log, &trouble);
	if (anchor_of(t->journal, &end->verdict, &a) && anchor_stands(&a) &&
	    anchors_top(t->journal, &top) &&
	    !trouble_of_height(&trouble, t->journal, a.height, top, &behind) &&
	    trouble_of_distance(&trouble, behind, t->cli->config->node.max_divergence))
		tell(t, t->files->log, &trouble);
}

/* -- the log --------------------------------------------------------------------- */

/* false: the newest snapshot is larger than what is looked at. */
static bool log_look(const struct troubles *t)
{
	const char *path = t->files->log;
	struct judge judge = { .journal = t->journal, .reorg_db = t->files->reorg_db };
	const struct l2_demand demand = {
		.anchor_needed = true, .stored = judge_knows, .ctx = &judge
	};
	struct fail f = { ERR_OK, "" }, unsure = { ERR_OK, "" };
	struct l2_trouble trouble;
	struct book_sums sums;
	struct l2_end end;
	enum err e, doubt;

	if (!t->look->log_bytes) {
		if (trouble_of_lost(&trouble, t->journal, t->look))
			tell(t, path, &trouble);
		return true;
	}
	book_sums(t->journal, &sums);
	e = l2_log_end(&end, &files_of_system, path, &demand, LOOKED_AT, &f);
	doubt = judge_trouble(&judge, &unsure);
	judge_release(&judge);
	if (trouble_of_reading(&trouble, e, &f, t->look) ||
	    trouble_of_log(&trouble, path, &end, &sums, doubt == ERR_OK ? NULL : &unsure))
		tell(t, path, &trouble);
	if (e == ERR_OK && end.block.len)
		newest_look(t, &end);
	return e != ERR_OK || end.block.len || end.failed || end.looked_at == end.size;
}

/* -- the reorg database ------------------------------------------------------------ */

struct values {
	uint64_t bad;
	char first[400];
};

static void see_bad(void *ctx, const char *key, const char *why)
{
	struct values *v = ctx;

	if (!v->bad++)
		snprintf(v->first, sizeof v->first, "%.200s: %.180s", key, why);
}

/* Blocks are read where somebody takes them. */
static void see_block(void *ctx, uint64_t height, const char *hash)
{
	(void)ctx;
	(void)height;
	(void)hash;
}

static void database_look(const struct troubles *t)
{
	const char *path = t->files->reorg_db;
	struct values values = { .bad = 0 };
	bool small = t->look->database_bytes <= READ_THROUGH;
	const struct reorgdb_visitor v = {
		.ctx = &values, .block = small ? see_block : NULL, .bad = see_bad
	};
	struct fail f = { ERR_OK, "" };
	struct l2_trouble trouble;
	struct reorgdb *db;
	enum err e = reorgdb_open(&db, path, REORGDB_READ, &f);

	if (e == ERR_OK)
		e = reorgdb_visit(db, &v, &f);
	reorgdb_close(db);
	if (trouble_of_database(&trouble, e, &f) ||
	    trouble_of_values(&trouble, values.bad, values.first))
		tell(t, path, &trouble);
}

bool node_troubles(const struct cli *c, struct journal *j, const struct node_files *files,
    const struct l2_look *look, node_trouble_fn *one, void *ctx)
{
	const struct troubles t = { c, j, files, look, one, ctx };
	struct l2_trouble trouble;
	struct l2_holder holder;

	l2_holder_look(&holder, &files->paths);
	if (trouble_of_holder(&trouble, &files->paths, &holder))
		tell(&t, files->paths.folder, &trouble);
	if (trouble_of_minted(&trouble, j))
		tell(&t, c->config->journal, &trouble);
	if (trouble_of_settled(&trouble, j))
		tell(&t, c->config->journal, &trouble);
	if (trouble_of_pegouts(&trouble, j))
		tell(&t, c->config->journal, &trouble);
	if (!look->has_folder)
		return true; /* that is told already */
	database_look(&t);
	return log_look(&t);
}
