#include "kinds/node/judge/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/anchor/anchor.h"

#define ANCHORS_LEAST 64

/* -- a worker's questions ------------------------------------------------------ */

static int in_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hash));
}

static void sort(struct judge_anchors *a)
{
	size_t n = 0;

	if (a->n)
		qsort(a->at, a->n, sizeof *a->at, in_order);
	for (size_t i = 0; i < a->n; i++)
		if (!n || !hash_same(&a->at[n - 1], &a->at[i]))
			a->at[n++] = a->at[i];
	a->n = n;
}

/* Each block asks for those of the one below it once more. */
static void gather(struct judge_anchors *a, const struct hash *h)
{
	if (a->n == a->room) {
		sort(a);
		if (a->n >= a->room / 2) {
			a->room = a->room ? 2 * a->room : ANCHORS_LEAST;
			a->at = mem_grow(a->at, a->room, sizeof *a->at);
		}
	}
	a->at[a->n++] = *h;
}

static bool was_told(const struct judge_anchors *a, const struct hash *h)
{
	return a->answered && a->n && bsearch(h, a->at, a->n, sizeof *h, in_order);
}

void judge_anchors_release(struct judge_anchors *a)
{
	mem_free(a->at);
	*a = (struct judge_anchors){ .at = NULL };
}

bool judge_anchors_ask(struct judge_anchors *a, struct journal *j, size_t many)
{
	struct anchor known;

	for (; a->asked < a->n && many; a->asked++, many--)
		if (anchor_find(j, &a->at[a->asked], &known))
			a->at[a->known++] = a->at[a->asked];
	if (a->asked < a->n)
		return false;
	a->n = a->known;
	return a->answered = true;
}

void judge_release(struct judge *j)
{
	reorgdb_close(j->db);
	j->db = NULL;
	if (j->worker && !j->worker->answered)
		sort(j->worker);
}

/* -- anchors ------------------------------------------------------------------- */

enum err judge_open(struct judge *j, struct fail *f)
{
	if (!j->opened) {
		j->opened = true;
		j->db_err = reorgdb_open(&j->db, j->reorg_db, REORGDB_READ, &j->db_fail);
	}
	if (j->db_err != ERR_OK && f)
		*f = j->db_fail;
	return j->db_err;
}

static bool in_journal(struct judge *j, const struct hash *h)
{
	struct anchor a;

	if (j->worker)
		return was_told(j->worker, h);
	return j->journal && !MUTANT(judge_asks_no_journal) &&
	    anchor_find(j->journal, h, &a);
}

static enum err in_database(
    struct judge *j, struct l2_bytes hash, bool *ret, struct fail *f)
{
	enum err e;

	*ret = false;
	if (!j->reorg_db || !*j->reorg_db)
		return ERR_OK;
	e = judge_open(j, f);
	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	return e == ERR_OK ? reorgdb_has_anchor(j->db, hash.at, hash.len, ret, f) : e;
}

bool judge_knows(void *ctx, struct l2_bytes hash)
{
	struct judge *j = ctx;
	struct fail f = { ERR_OK, "" };
	struct hash h;
	bool has = false,
	     is_hash = hash.len == L2_HEX - 1 &&
	    hex_parse(h.at, sizeof h.at, hash.at, hash.len);
	enum err e;

	if (is_hash && in_journal(j, &h))
		return true;
	e = in_database(j, hash, &has, &f);
	if (e == ERR_OK && has)
		return true;
	if (is_hash && j->worker && !j->worker->answered)
		gather(j->worker, &h);
	if (e == ERR_OK && j->journal_err != ERR_OK) {
		e = j->journal_err;
		f = j->journal_fail;
	}
	if (e != ERR_OK && j->err == ERR_OK) {
		j->err = e;
		j->fail = f;
	}
	return false;
}

enum err judge_trouble(const struct judge *j, struct fail *f)
{
	if (j->err == ERR_OK || MUTANT(judge_guesses))
		return ERR_OK;
	return fail_set(f, j->err == ERR_INPUT ? ERR_DAMAGED : j->err,
	    "which anchors are known can't be said: %.500s%s. That comes first: without "
	    "it a snapshot that holds is taken for one that does not",
	    j->fail.why,
	    j->db_err == ERR_OK || strstr(j->fail.why, "rebuild-reorg-db")
		? ""
		: "; procedure 3: pawl node rebuild-reorg-db");
}

/* -- snapshots ----------------------------------------------------------------- */

enum judged judge_of(const struct l2_verdict *v)
{
	if (v->fault == L2_HOLDS)
		return JUDGED_GOOD;
	return v->fault == L2_PEGOUT_UNBACKED || v->fault == L2_NO_ANCHOR ? JUDGED_DOUBTED
									  : JUDGED_BROKEN;
}

static void failed(void *ctx, struct l2_block block, const struct l2_verdict *v)
{
	struct judgement *g = ctx;

	if (!g->failed++)
		snprintf(g->why, sizeof g->why, "%s", v->why);
	g->doubted_n += judge_of(v) == JUDGED_DOUBTED;
	if (judge_of(v) == JUDGED_DOUBTED && !g->doubted_block.len) {
		g->doubted_block = block;
		g->doubted_verdict = *v;
		g->broken = g->failed - 1;
	}
}

static size_t number_of(const struct l2_log *log, struct l2_block block)
{
	size_t n = l2_log_n(log);

	for (size_t i = 0; i < n && block.len; i++)
		if (l2_log_at(log, i).offset == block.offset)
			return i + 1;
	return 0;
}

enum err judge_log(
    struct judge *j, struct l2_log *log, struct judgement *ret, struct fail *f)
{
	const struct l2_demand demand = {
		.anchor_needed = true, .stored = judge_knows, .ctx = j
	};
	enum err e = l2_log_survey(log, f);

	*ret = (struct judgement){ 0 };
	if (e != ERR_OK)
		return e;
	ret->blocks = l2_log_n(log);
	e = l2_log_newest(
	    log, &demand, &ret->good_block, &ret->good_verdict, failed, ret, f);
	if (!ret->doubted_block.len)
		ret->broken = ret->failed;
	ret->good = number_of(log, ret->good_block);
	ret->doubted = number_of(log, ret->doubted_block);
	return e;
}

struct l2_block judgement_whole(
    const struct judgement *g, size_t *ret_number, const struct l2_verdict **v)
{
	if (ret_number)
		*ret_number = g->doubted ? g->doubted : g->good;
	if (v)
		*v = g->doubted ? &g->doubted_verdict : &g->good_verdict;
	return g->doubted ? g->doubted_block : g->good_block;
}
