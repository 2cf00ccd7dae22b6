/* judge_known.c - each use of a key is known by the transaction that did it (G8), before
 * anything new is reserved and in the end. */
#include <inttypes.h>
#include <string.h>

#include "engine/engine.h"
#include "sim/judge/judge_in.h"

#define HEADERS_A_POLL 150 /* that lead nowhere: a batch, and some */
#define POLLS_BEFORE 20

static bool is_stranger(struct sim_life *l, int64_t account, const struct sim_tx *t)
{
	struct sql_consumed_get_in in = { .account = account,
		.nonce = (int64_t)t->nonce };
	struct sql_consumed_get_out out;

	return sql_consumed_get_one(l->journal, &in, &out) &&
	    !memcmp(out.hash, t->hash.at, sizeof out.hash);
}

/* -- what it says of a stranger ------------------------------------------- */

static bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (!a_len || !memcmp(a, b, a_len));
}

/* gas 0: its fees are none that the program could have signed, and were not kept. */
static bool fees_are_told(const struct sql_consumed_at_out *row, const struct sim_tx *t)
{
	return row->no_gas || !row->gas ||
	    ((uint64_t)row->max_fee == t->max_fee &&
		(t->type == FEE_LEGACY || (uint64_t)row->tip == t->tip));
}

static bool is_told_so(const struct sql_consumed_at_out *row, const struct sim_tx *t)
{
	return row->no_recipient == !t->to &&
	    (!t->to || !memcmp(row->recipient, t->to->at.at, sizeof row->recipient)) &&
	    !amount_cmp(&row->value, &t->value) &&
	    same_bytes(row->data, row->data_len, t->data, t->data_len) &&
	    fees_are_told(row, t);
}

/* G5: a stranger's content is a quorum's word, and so it is what the chain has. */
static void is_read_right(
    struct sim_life *l, int64_t account, const struct sim_inclusion *i)
{
	struct sql_consumed_at_in in = { .account = account,
		.height = (int64_t)i->block->height };
	struct sql_consumed_at_out row;

	sql_consumed_at_begin(l->journal, &in);
	while (sql_consumed_at_next(l->journal, &row))
		if (!memcmp(row.hash, i->tx->hash.at, sizeof row.hash) &&
		    !is_told_so(&row, i->tx))
			sim_story_wrong(l->story,
			    "nonce %" PRIu64
			    ": the journal has another transaction there",
			    i->tx->nonce);
	sql_consumed_at_end(l->journal);
}

/* The highest block that the journal follows; NULL: none that the chain has. */
struct sim_block *judge_followed(struct sim_life *l)
{
	struct head head;

	return follower_head(l->runner->chains[0].follower, &head)
	    ? sim_block_find(l->story->chain, &head.hash)
	    : NULL;
}

/* G8: what a newer journal sent is dead before anything is reserved. */
static void nothing_is_forgotten(struct sim_life *l, int key)
{
	struct sim_story *s = l->story;
	struct judge_account *a = &s->judge->account[key];
	int64_t account = judge_account_id(l, key);

	if (s->broken != SIM_GROUND_NEWEST)
		return;
	if (a->unseen)
		a->reach = 0;
	for (uint64_t n = 0; n < a->n && n < a->reach; n++)
		for (const struct judge_bytes *b = a->at[n].bytes; b && !a->at[n].final;
		     b = b->older)
			if (!judge_is_attempt(l, account, b->tx))
				sim_story_wrong(s,
				    "a nonce is taken, and bytes of nonce %" PRIu64
				    " that it does not know may still be mined",
				    n);
}

bool judge_is_unclaimed(struct sim_life *l, int key, const struct sim_tx *t)
{
	struct sql_consumed_get_in in = { .account = judge_account_id(l, key),
		.nonce = (int64_t)t->nonce };
	struct sql_consumed_get_out out;

	return sql_consumed_get_one(l->journal, &in, &out) &&
	    !memcmp(out.hash, t->hash.at, sizeof out.hash) &&
	    (out.judgement == JUDGEMENT_FOREIGN || out.judgement == JUDGEMENT_SUSPECT);
}

/* -- before a nonce is taken ---------------------------------------------- */

/* What others paid of it with the key, in blocks that the journal follows, and nobody has
 * called a row's. */
static uint32_t by_hand(
    struct sim_life *l, const struct sim_block *top, int key, const struct judge_due *due)
{
	const struct sim_story *s = l->story;
	int64_t account = judge_account_id(l, key);
	struct address to;
	struct amount amount;
	uint32_t n = 0;

	for (const struct sim_tx *t = s->chain->all; t; t = t->next_all) {
		const struct sim_inclusion *i;

		if (!t->foreign || judge_key(s, &t->from->at) != key ||
		    !judge_payment(s, t, &to, &amount) || !address_same(&to, &due->to) ||
		    amount_cmp(&amount, &due->amount) != 0)
			continue;
		i = sim_inclusion_find(s->chain, top, t);
		n += i && judge_paid(s, i) && !judge_is_attempt(l, account, t);
	}
	return n;
}

/* Rows of it that are on their way, or there. */
static uint32_t taken(struct sim_life *l, const struct judge_due *due)
{
	const struct sim_judge *j = l->story->judge;
	const struct judge_view *v = judge_view_of(l);
	uint32_t n = 0;

	for (int k = 0; k < l->story->fate->lists; k++)
		for (int i = 1; v->list[k].row && i <= l->story->list[k].rows; i++)
			n += j->list[k].row[i].due == due &&
			    (v->list[k].row[i] == ITEM_LIVE ||
				v->list[k].row[i] == ITEM_FINAL);
	return n;
}

/* Who paid a row by hand is asked before it is paid again. */
static void is_not_paid(struct sim_life *l, const struct sim_block *top, int key)
{
	struct sim_story *s = l->story;

	for (int k = 0; k < s->fate->lists; k++)
		for (int i = 1; s->judge->list[k].row && i <= s->list[k].rows; i++) {
			struct judge_due *d = s->judge->list[k].row[i].due;

			if (s->list[k].key != key || !d->reserved)
				continue;
			d->reserved = false;
			if (top && s->by_hand && !s->broken && !s->people.said_yes &&
			    by_hand(l, top, key, d) + taken(l, d) > d->rows)
				sim_story_wrong(s,
				    "%s, row %d: it is reserved, and was paid by hand",
				    s->list[k].name, i);
		}
}

void judge_reserves(struct sim_life *l, int key)
{
	struct sim_story *s = l->story;
	const struct sim_block *top = judge_followed(l);
	int64_t account = judge_account_id(l, key);
	const struct sim_inclusion *i;

	if (s->judge->lent)
		is_not_paid(l, top, key);
	nothing_is_forgotten(l, key);
	if (!top)
		return;
	if (s->judge->true_heads && judge_is_strict(s) &&
	    top->height + 1 < s->judge->rise_height[l->id])
		sim_story_wrong(s,
		    "a nonce is taken at block %" PRIu64 ", and it began at %" PRIu64,
		    top->height, s->judge->rise_height[l->id]);
	for (const struct sim_tx *t = s->chain->all; t && s->judge->lent;
	     t = t->next_all) {
		if (!t->foreign || judge_key(s, &t->from->at) != key)
			continue;
		i = sim_inclusion_find(s->chain, top, t);
		if (i && !is_stranger(l, account, t) && !judge_is_attempt(l, account, t))
			sim_story_wrong(s,
			    "a nonce is taken, and that of nonce %" PRIu64 " is not read",
			    t->nonce);
	}
}

/* -- what a person is told to type ---------------------------------------- */

/* Its own payment, in a block that the journal follows; NULL: none is. */
static const struct sim_tx *own_payment(
    struct sim_life *l, int key, const struct judge_row *row)
{
	struct sim_story *s = l->story;
	const struct sim_block *top = judge_followed(l);
	const struct judge_bytes *b = row->nonce < 0 || !top
	    ? NULL
	    : judge_nonce_get(s->judge, key, (uint64_t)row->nonce)->bytes;

	for (; b; b = b->older) {
		const struct sim_inclusion *i = sim_inclusion_find(s->chain, top, b->tx);

		if (i && judge_paid(s, i))
			return b->tx;
	}
	return NULL;
}

/* The journal says so, too. */
static bool is_told(struct sim_life *l, int key, const struct sim_tx *t)
{
	struct sql_attempt_by_hash_in in = { .account = judge_account_id(l, key) };
	struct sql_attempt_by_hash_out row;

	memcpy(in.hash, t->hash.at, sizeof in.hash);
	return sql_attempt_by_hash_one(l->journal, &in, &row) &&
	    row.state == ATTEMPT_INCLUDED;
}

static uint32_t foreign_alike(const struct sim_story *s, const struct judge_due *d)
{
	struct address to;
	struct amount amount;
	uint32_t n = 0;

	for (const struct sim_tx *t = s->chain->all; t; t = t->next_all)
		n += t->foreign && judge_payment(s, t, &to, &amount) &&
		    address_same(&to, &d->to) && !amount_cmp(&amount, &d->amount);
	return n;
}

/* G8: of rows that equal each other one is named that nothing pays yet. */
void sim_judge_advised(struct sim_life *l, int list, int64_t row)
{
	struct sim_story *s = l->story;
	const struct judge_row *rows = s->judge->list[list].row;
	const int8_t *told = judge_view_of(l)->list[list].row;
	int key = s->list[list].key;
	const struct sim_tx *paid;

	if (s->broken || s->flipped || !rows || !told || row < 1 ||
	    row > s->list[list].rows || foreign_alike(s, rows[row].due) != 1)
		return;
	paid = own_payment(l, key, &rows[row]);
	for (int k = 1; paid && k <= s->list[list].rows; k++)
		if (k != row && rows[k].due == rows[row].due &&
		    (told[k] == ITEM_PENDING ||
			(told[k] == ITEM_LIVE && is_told(l, key, paid) &&
			    !own_payment(l, key, &rows[k]))))
			sim_story_wrong(s,
			    "%s: what was paid by hand is said to be row %" PRId64
			    "'s, which is paid in a block, and row %d is not",
			    s->list[list].name, row, k);
}

/* -- in the end ----------------------------------------------------------- */

static void key_is_known(struct sim_life *l, int key, uint64_t up_to)
{
	struct sim_story *s = l->story;
	const struct judge_account *a = &s->judge->account[key];
	int64_t id = judge_account_id(l, key);

	for (uint64_t n = 0; id && n < a->n; n++) {
		const struct sim_inclusion *i = a->at[n].final;

		if (!i || i->block->height > up_to)
			continue;
		if (!judge_is_attempt(l, id, i->tx) && !is_stranger(l, id, i->tx))
			sim_story_wrong(s,
			    "nonce %" PRIu64 " was used in block %" PRIu64
			    ", and the journal does not know by what",
			    n, i->block->height);
		else if (!i->tx->foreign && !s->broken && is_stranger(l, id, i->tx))
			sim_story_wrong(
			    s, "nonce %" PRIu64 ": its own bytes are a stranger's", n);
		else if (!(s->broken & SIM_GROUND_QUORUM))
			is_read_right(l, id, i);
	}
}

/* A final block that vanished may be seen only when there is something to do. */
static bool stands(const struct sim_chain *c, const struct head *final)
{
	const struct sim_block *b = sim_block_find(c, &final->hash);

	return b && sim_on_path(c, c->head, b);
}

/* G5: who reads it otherwise takes nobody's vote back, so that each is asked once. */
static void asked_once(struct sim_story *s)
{
	uint64_t foreign = 0;

	for (const struct sim_tx *t = s->chain->all; t; t = t->next_all)
		foreign += t->foreign;
	for (uint32_t i = 0; i < s->fate->nodes; i++)
		if (s->nodes[i]->calls[SIM_eth_getTransactionByHash] > foreign)
			sim_story_wrong(s,
			    "node %u was asked %" PRIu64 " times for %" PRIu64
			    " transactions",
			    i, s->nodes[i]->calls[SIM_eth_getTransactionByHash], foreign);
}

/* Whose headers lead nowhere is asked for some of them, and then at its next poll. */
static void headers_end(struct sim_story *s)
{
	uint64_t polls = (uint64_t)(sim_story_ms(s) / s->fate->poll_ms + POLLS_BEFORE);

	for (uint32_t i = 0; i < s->fate->nodes; i++) {
		const struct sim_node *n = s->nodes[i];
		uint64_t blocks =
		    n->calls[SIM_eth_getBlockByNumber] + n->calls[SIM_eth_getBlockByHash];

		if (n->invents && blocks > HEADERS_A_POLL * polls)
			sim_story_wrong(s,
			    "node %u was asked for %" PRIu64 " headers in %" PRIu64
			    " polls",
			    i, blocks, polls);
	}
}

void judge_uses(struct sim_life *l)
{
	const struct sim_story *s = l->story;
	struct head final;

	if (s->judge->undisturbed)
		asked_once(l->story);
	headers_end(l->story);
	if (!follower_final(l->runner->chains[0].follower, &final))
		return;
	if ((s->broken & SIM_GROUND_FINAL) && !stands(s->chain, &final))
		return;
	judge_follow(l->story->judge);
	for (int k = 0; k < l->story->fate->keys; k++)
		key_is_known(l, k, final.height);
}

void judge_forgotten(struct sim_life *l)
{
	for (int k = 0; k < l->story->fate->keys; k++) {
		const struct judge_account *a = &l->story->judge->account[k];
		int64_t id = judge_account_id(l, k);

		for (uint64_t n = 0; n < a->n; n++)
			for (struct judge_bytes *b = a->at[n].bytes; b; b = b->older)
				b->forgotten = !judge_is_attempt(l, id, b->tx);
	}
}
