/* judge_sent.c - at the instant at which bytes leave: may they? */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "sim/judge/judge_in.h"

/* What is leaving. */
struct leaving {
	struct sim_life *life;
	struct sim_story *story;
	struct sim_judge *judge;
	const struct sim_tx *tx;
	struct judge_nonce *nonce;
	int key, list;
	int64_t row; /* of the intent; 0: the service fee, below: of none */
	bool empty;
};

static void PRINTF(2, 3) wrong(const struct leaving *w, const char *fmt, ...)
{
	char why[JUDGE_WHY_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof why, fmt, args);
	va_end(args);
	sim_story_wrong(w->story, "nonce %" PRIu64 ": %s", w->tx->nonce, why);
}

/* -- whose it is ------------------------------------------------------------------- */

static bool intent_on_nonce(
    struct sim_life *l, int key, uint64_t nonce, struct sql_intent_get_out *ret)
{
	struct sql_intent_by_nonce_in in = { .account = judge_account_id(l, key),
		.nonce = (int64_t)nonce };
	struct sql_intent_by_nonce_out out;
	struct sql_intent_get_in of;

	if (!sql_intent_by_nonce_one(l->journal, &in, &out))
		return false;
	of.id = out.id;
	return sql_intent_get_one(l->journal, &of, ret);
}

/* What a former owner had committed to send is as good as out. */
static bool by_a_former_owner(const struct leaving *w)
{
	return w->life->lost_commit && !judge_owns(w->life);
}

/* G3: from the decision on nothing with the payload is signed. */
static bool whose(struct leaving *w)
{
	struct sql_intent_get_out i;

	if (!intent_on_nonce(w->life, w->key, w->tx->nonce, &i)) {
		wrong(w, "bytes leave, and no intent holds it");
		return false;
	}
	w->list = judge_list_of(w->life, i.operation);
	w->row = i.row;
	if (w->list >= 0)
		judge_list_begin(w->judge, w->list);
	if (!w->empty && i.emptied && !by_a_former_owner(w))
		wrong(w, "a payload leaves that was given up");
	return true;
}

/* -- G1 ------------------------------------------------------------------------------ */

/* On the medium: if the power went now, and all that no sync has covered with it. */
static void is_recorded(struct leaving *w)
{
	if (journal_writing(w->life->journal))
		wrong(w, "bytes leave before their turn is committed");
	if (w->story->flipped ||
	    (w->life->lost_commit && w->life->robbed != SIM_ROBBED_LOCK))
		return; /* what was there may be unreadable now, or has another name */
	if (!sim_disk_holds(
		w->life->process.disk, "/disk/pawl.db", w->tx->raw, w->tx->raw_len))
		wrong(w, "bytes leave that are not on the medium");
}

/* -- G2 ------------------------------------------------------------------------------ */

/* By whomever, in a block that a reorg may have undone since. */
static bool was_used(const struct leaving *w, uint64_t nonce)
{
	for (const struct sim_tx *t = w->story->chain->all; t; t = t->next_all)
		if (t->from == w->tx->from && t->nonce == nonce && t->newest)
			return true;
	return false;
}

static bool is_whole(struct leaving *w, uint64_t nonce)
{
	const struct sim_chain *c = w->story->chain;
	struct sql_intent_get_out i;

	return judge_nonce_get(w->judge, w->key, nonce)->bytes ||
	    nonce < sim_count(c, c->head, &w->tx->from->at) ||
	    (intent_on_nonce(w->life, w->key, nonce, &i) && !i.no_attempt) ||
	    was_used(w, nonce);
}

static void no_hole_below(struct leaving *w)
{
	struct judge_account *a = &w->judge->account[w->key];

	/* one that somebody gave back is taken next, wherever the others are */
	for (; a->whole < w->tx->nonce && !w->story->released; a->whole++)
		if (!is_whole(w, a->whole)) {
			wrong(w, "bytes leave above nonce %" PRIu64 ", which has none",
			    a->whole);
			return;
		}
}

/* -- G3 ------------------------------------------------------------------------------ */

static bool same_payload(const struct sim_tx *a, const struct sim_tx *b)
{
	return a->to == b->to && !amount_cmp(&a->value, &b->value) &&
	    a->data_len == b->data_len && !memcmp(a->data, b->data, a->data_len);
}

static bool is_pooled(const struct leaving *w, uint64_t nonce)
{
	const struct judge_bytes *b = judge_nonce_get(w->judge, w->key, nonce)->bytes;

	while (b && !b->tx->pooled)
		b = b->older;
	return b;
}

/* What an older journal forgot of this nonce is higher than a fence goes by the count,
 * which a reorg took back; and in no pool, or above a hole, where no count has it, or in
 * blocks that no node shows: nothing tells of it. */
static bool is_lost(const struct leaving *w, uint64_t nonce)
{
	const struct sim_chain *c = w->story->chain;
	uint64_t n = sim_count(c, c->head, &w->tx->from->at);

	while (n <= nonce && is_pooled(w, n))
		n++;
	return (n <= nonce || !w->judge->true_heads) &&
	    (w->story->broken & SIM_GROUND_NEWEST) &&
	    nonce >= w->judge->account[w->key].reach;
}

static void one_payload(struct leaving *w)
{
	if (w->nonce->payload && !same_payload(w->nonce->payload, w->tx)) {
		if (!is_lost(w, w->tx->nonce))
			wrong(w, "bytes of a second payload leave");
		w->story->broken |= SIM_GROUND_ALONE;
	}
	if (w->nonce->emptied && !w->story->broken)
		wrong(w, "a payload is signed over an empty attempt");
	if (!w->nonce->payload)
		w->nonce->payload = w->tx;
}

/* -- G5 ------------------------------------------------------------------------------ */

/* What a lost journal paid of one of two equal rows may be adopted for the other. */
static bool has_equal(const struct leaving *w)
{
	const struct sim_list *l = &w->story->list[w->list];

	for (int i = 1; i <= l->rows && w->story->broken && w->row > 0; i++)
		if (i != w->row && address_same(&l->to[i], &l->to[w->row]) &&
		    !amount_cmp(&l->amount[i], &l->amount[w->row]))
			return true;
	return false;
}

/* What it was to be paid with before is dead, in a final block. Bytes for a nonce that is
 * used in one are nobody's payment: a backup has them. */
static void moves(struct leaving *w, struct judge_row *row)
{
	const struct sim_inclusion *i;

	if (row->nonce < 0 || row->nonce == (int64_t)w->tx->nonce || w->nonce->final)
		return;
	i = judge_nonce_get(w->judge, w->key, (uint64_t)row->nonce)->final;
	if (!i && is_lost(w, (uint64_t)row->nonce))
		w->story->broken |= SIM_GROUND_ALONE;
	else if (!i)
		wrong(w,
		    "row %" PRId64 " moves here, and nonce %" PRId64
		    " is in no final block",
		    w->row, row->nonce);
	else if (!i->tx->foreign && judge_paid(w->story, i) && !has_equal(w))
		wrong(w, "row %" PRId64 " moves here, nonce %" PRId64 " has paid it",
		    w->row, row->nonce);
	else if (!w->story->broken && !i->tx->foreign && !judge_is_empty(i->tx) &&
	    !w->judge->list[w->list].retried)
		wrong(w, "row %" PRId64 " failed, and nobody asked for another try",
		    w->row);
}

/* The same payment by a person is on this nonce, too: one of them wins. */
static bool is_by_hand(const struct leaving *w)
{
	for (const struct sim_tx *t = w->story->chain->all; t; t = t->next_all)
		if (t->foreign && t->from == w->tx->from && t->nonce == w->tx->nonce &&
		    same_payload(t, w->tx))
			return true;
	return false;
}

static void pays_a_row(struct leaving *w)
{
	const struct sim_list *l;
	struct judge_row *row;
	struct address to;
	struct amount amount;

	if (w->list < 0 || w->row < 0 || w->row > w->story->list[w->list].rows) {
		wrong(w, "a payload leaves that is no row's");
		return;
	}
	l = &w->story->list[w->list];
	row = &w->judge->list[w->list].row[w->row];
	if (!row->due || !judge_payment(w->story, w->tx, &to, &amount) ||
	    !address_same(&to, &row->due->to) || amount_cmp(&amount, &row->due->amount))
		wrong(
		    w, "it does not pay what %s owes its row %" PRId64, l->name, w->row);
	if (l->key != w->key)
		wrong(w, "it is not the key of %s", l->name);
	if (judge_is_strict(w->story))
		moves(w, row);
	if (row->adopted && !w->story->broken && !is_by_hand(w))
		wrong(w, "another payment of row %" PRId64 " is adopted", w->row);
	row->nonce = (int64_t)w->tx->nonce;
}

/* G6: of a row that is contested neither payload leaves. */
static void is_alone(struct leaving *w)
{
	struct sql_intent_by_row_in in;
	struct sql_intent_by_row_out of;
	struct sql_intent_get_out mine, other;

	if (!(w->story->broken & SIM_GROUND_FINAL) || w->empty || by_a_former_owner(w) ||
	    !intent_on_nonce(w->life, w->key, w->tx->nonce, &mine))
		return;
	in =
	    (struct sql_intent_by_row_in){ .operation = mine.operation, .row = mine.row };
	sql_intent_by_row_begin(w->life->journal, &in);
	while (sql_intent_by_row_next(w->life->journal, &of))
		if (of.id != mine.id &&
		    sql_intent_get_one(w->life->journal,
			&(struct sql_intent_get_in){ .id = of.id }, &other) &&
		    other.state < INTENT_FINAL)
			wrong(w, "row %" PRId64 " is contested, and its payload leaves",
			    mine.row);
	sql_intent_by_row_end(w->life->journal);
}

/* -- G10 ----------------------------------------------------------------------------- */

static void within_cap(struct leaving *w)
{
	struct judge_list *l = &w->judge->list[w->list];
	struct amount most;

	CHECK(amount_add(&most, &l->charged, &l->could));
	if (!w->story->broken && amount_cmp(&most, &w->story->list[w->list].cap) > 0) {
		char text[AMOUNT_TEXT_MAX], cap[AMOUNT_TEXT_MAX];

		amount_format(text, &most, 18);
		amount_format(cap, &w->story->list[w->list].cap, 18);
		wrong(w, "%s may cost %s, its cap is %s", w->story->list[w->list].name,
		    text, cap);
	}
}

/* A journal that has forgotten may give a nonce to another list. */
static void holds_it(struct leaving *w)
{
	struct judge_nonce *n = w->nonce;
	struct judge_list *before = n->list < 0 ? NULL : &w->judge->list[n->list];

	if (before) {
		CHECK(amount_sub(&before->could, &before->could, &n->dearest));
		before->open--;
	}
	n->list = w->list;
	n->dearest = AMOUNT_ZERO;
	w->judge->list[w->list].open++;
}

/* Of its bytes those that cost most can be the ones that land. */
static void costs(struct leaving *w)
{
	const struct chain_config *c = &w->story->config;
	struct judge_nonce *n = w->nonce;
	struct amount fee = amount_u64(w->tx->max_fee);

	CHECK(amount_mul_u64(&fee, &fee, w->tx->gas));
	if (w->list >= 0 && (w->tx->max_fee > c->max_fee_per_gas))
		wrong(w, "%" PRIu64 " wei per gas, the cap is %" PRIu64, w->tx->max_fee,
		    c->max_fee_per_gas);
	if (w->list < 0 || n->final)
		return;
	if (n->list != w->list)
		holds_it(w);
	if (amount_cmp(&fee, &n->dearest) > 0) {
		struct amount *could = &w->judge->list[w->list].could;

		CHECK(amount_sub(could, could, &n->dearest));
		CHECK(amount_add(could, could, &fee));
		n->dearest = fee;
		within_cap(w);
	}
}

/* -- the instant ---------------------------------------------------------- */

static struct judge_bytes *left_before(const struct leaving *w)
{
	struct judge_bytes *b = w->nonce->bytes;

	while (b && b->tx != w->tx)
		b = b->older;
	return b;
}

static void remember(struct leaving *w)
{
	struct judge_bytes *b = sim_chain_take(w->story->chain, sizeof *b);

	*b = (struct judge_bytes){ .older = w->nonce->bytes,
		.tx = w->tx,
		.epoch = w->judge->life_epoch[w->life->id] };
	w->nonce->bytes = b;
	w->nonce->emptied |= w->empty;
}

static void first_time(struct leaving *w)
{
	judge_follow(w->judge);
	is_recorded(w);
	if (!whose(w))
		return;
	if (!w->story->broken)
		no_hole_below(w);
	if (!w->empty) {
		if (judge_is_strict(w->story))
			one_payload(w);
		pays_a_row(w);
	}
	costs(w);
	remember(w);
}

static void again(struct leaving *w, struct judge_bytes *b)
{
	int64_t epoch = w->judge->life_epoch[w->life->id];

	if (b->epoch != epoch)
		is_recorded(w);
	b->epoch = epoch;
	if (!w->empty && w->nonce->emptied && judge_owns(w->life) && !w->story->broken)
		wrong(w, "a payload leaves again over an empty attempt");
}

void sim_judge_sent(void *life, const struct sim_tx *t)
{
	struct sim_life *l = life;
	struct sim_story *s = l->story;
	struct leaving w = { .life = l,
		.story = s,
		.judge = s->judge,
		.tx = t,
		.key = judge_key(s, &t->from->at),
		.list = -1,
		.empty = judge_is_empty(t) };
	struct judge_bytes *before;

	s->figures.sends++;
	if (w.key < 0) {
		wrong(&w, "a transaction of nobody leaves");
		return;
	}
	w.nonce = judge_nonce_get(s->judge, w.key, t->nonce);
	is_alone(&w);
	before = left_before(&w);
	if (before)
		again(&w, before);
	else
		first_time(&w);
}

/* -- who is asked ------------------------------------------------------------------ */

void sim_judge_asked(struct sim_life *l, int node)
{
	if ((l->story->people.off >> node & 1) && l->sees_off && !l->is_copy)
		sim_story_wrong(
		    l->story, "node %d is asked, and it was switched off", node);
}
