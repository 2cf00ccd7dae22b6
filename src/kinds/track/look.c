/* look.c - nodes are asked for hashes that are in no block of the trail.
 *
 * A round is one batch to each node, a block: those first that nobody was asked for
 * longest, and what came to pools (hint.c). What one node has in its pool was seen. What
 * none of a quorum has was missed. What a quorum has in one and the same block, at or
 * below the final one, was there before anybody followed it: a second batch reads the
 * receipts.
 */
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/track/look_in.h"

/* -- what is asked for ------------------------------------------------------ */

/* One call of a request is the filter's, and one is for what is known to be there. */
static uint32_t rows_max(const struct track_chain *t)
{
	uint32_t batch = (uint32_t)t->chain->config->batch;

	batch = batch < LOOK_MAX ? batch : LOOK_MAX;
	return batch < LOOK_BATCH_MIN ? 1 : batch - 2;
}

/* In the oldest block of the trail that has any: whoever finds a transaction by its hash
 * finds this one. */
static void known_find(struct track_chain *t, struct look *l)
{
	const struct follower *f = t->chain->follower;
	const struct block_facts *b = follower_agreed(f);

	for (; b && t->chain->config->batch >= LOOK_BATCH_MIN; b = b->head.height
		 ? follower_block(f, &b->head.parent, b->head.height - 1)
		 : NULL)
		if (b->has_every && b->every_n) {
			l->has_known = true;
			l->hash[l->n] = b->every[0].hash;
		}
}

/* The attempt that consumed the nonce of an intent of ours, with its payload; false:
 * there is none, and *ret is the newest one. Nothing is put where it has no attempt. */
static bool winner_find(struct journal *j, int64_t intent, struct hash *ret)
{
	struct sql_attempt_of_intent_in in = { .intent = intent };
	struct sql_attempt_of_intent_out one;
	bool won = false;

	sql_attempt_of_intent_begin(j, &in);
	while (sql_attempt_of_intent_next(j, &one)) {
		bool in_block = one.state == ATTEMPT_INCLUDED ||
		    one.state == ATTEMPT_REVERTED || one.state == ATTEMPT_FINAL;

		if (one.empty || (won && !in_block))
			continue;
		won = in_block;
		memcpy(ret->at, one.hash, sizeof ret->at);
	}
	return won;
}

/* Where a block has it, what that block has: itself, its rival, a sibling. Else of an
 * intent of ours the attempt that won; while there is none the newest, and itself again
 * when nobody has that. */
static struct hash hash_of(struct journal *j, const struct sql_tracked_get_out *row)
{
	struct hash hash, best;

	memcpy(hash.at, row->hash, sizeof hash.at);
	best = hash;
	if (MUTANT(itself_is_asked_for))
		return hash;
	if (!row->no_height && !row->no_by_hash)
		memcpy(hash.at, row->by_hash, sizeof hash.at);
	else if (row->no_height && !row->no_intent &&
	    (winner_find(j, row->intent, &best) || row->misses % 2 == 0))
		hash = best;
	return hash;
}

/* -- what came of it ------------------------------------------------------- */

struct wanted {
	struct look *next; /* those of the next stage */
	uint32_t n;
};

static void want(struct wanted *w, const struct look *l, uint32_t at,
    const struct sql_tracked_get_out *row)
{
	w->next->row[w->n] = l->row[at];
	w->next->hash[w->n] = l->hash[at];
	memcpy(w->next->sender[w->n].at, row->sender, sizeof row->sender);
	w->n++;
}

/* Some node has it, and is heard; known: those that do. */
static void known_take(struct track_chain *t, struct sql_tracked_get_out *row,
    uint32_t at, const struct look_said *s, uint32_t known)
{
	const struct look_said *who = look_sender(t, at);

	if (who)
		row_sender(t, row, &who->from, who->nonce);
	row_seen(t, row, s->included,
	    follower_quorum(t->chain->follower, known) || MUTANT(lone_pool_ends_guess));
}

/* That it came back is believed of a quorum alone: one node could say so for ever. */
static bool is_heard(
    const struct track_chain *t, const struct sql_tracked_get_out *row, uint32_t known)
{
	return known &&
	    (row->state != TRACKED_DROPPED || MUTANT(one_brings_it_back) ||
		follower_quorum(t->chain->follower, known));
}

static void whole_take(
    struct track_chain *t, uint32_t at, struct wanted *deep, struct wanted *missed)
{
	const struct look *l = t->look;
	const struct follower *f = t->chain->follower;
	struct head final = { 0 };
	uint32_t known = look_known(t, at);
	struct sql_tracked_get_out row;
	const struct look_said *s;
	struct hash asked;
	bool same;

	(void)follower_final(f, &final);
	if (!row_get(t->track->journal, l->row[at], &row) || !row.no_ended_ms ||
	    row.no_looks || (row.looks == LOOKS_NEW && !MUTANT(new_overlooked)))
		return;
	asked = hash_of(t->track->journal, &row);
	if (!hash_same(&asked, &l->hash[at]))
		return; /* it moved on meanwhile */
	row.looks = (int64_t)t->look_height;
	if (!is_heard(t, &row, known) && follower_quorum(f, l->answered & ~known)) {
		row_retract(t, &row);
		row_missed(t, &row, t->look_height);
		if (row.no_ended_ms && !row.no_nonce &&
		    follower_quorum(f, look_finds(t) & ~known))
			want(missed, l, at, &row);
		return;
	}
	s = look_best(t, at, &same);
	if (same && s->height <= final.height)
		want(deep, l, at, &row);
	if (is_heard(t, &row, known) && row.no_height)
		known_take(t, &row, at, s, known);
	else
		sql_tracked_looked(t->track->journal,
		    &(struct sql_tracked_looked_in){ .id = row.id, .looks = row.looks });
}

static void receipt_take(struct track_chain *t, uint32_t at)
{
	const struct look *l = t->look;
	bool same;
	const struct look_said *s = look_best(t, at, &same);
	struct head head = { .height = s ? s->height : 0 }, final = { 0 };
	struct sql_tracked_get_out row;
	struct hash asked;

	(void)follower_final(t->chain->follower, &final);
	if (!s || (!same && !MUTANT(one_node_is_enough)) || head.height > final.height ||
	    !row_get(t->track->journal, l->row[at], &row) || !row.no_ended_ms)
		return;
	asked = hash_of(t->track->journal, &row);
	if (!hash_same(&asked, &l->hash[at]))
		return;
	head.hash = s->block_hash;
	row_in_block(t, &row, &head, &asked, row_is_own(t->track->journal, &row, &asked),
	    s->ok ? TX_OK : TX_REVERTED);
	row_final(t, &row, follower_quorum_height(t->chain->follower));
}

/* Of an intent of ours the engine finds out what took its nonce: what won is asked for
 * in the next look. */
static bool may_have_won(struct journal *j, const struct sql_tracked_get_out *row)
{
	struct sql_intent_get_in in = { .id = row->intent };
	struct sql_intent_get_out intent;
	struct hash hash;

	if (row->no_intent || !sql_intent_get_one(j, &in, &intent))
		return false;
	return (intent.state != INTENT_FINAL && intent.state != INTENT_VOID) ||
	    winner_find(j, row->intent, &hash);
}

/* Its nonce is consumed in final blocks, and it is in none of them. */
static void count_take(struct track_chain *t, uint32_t at)
{
	const struct look *l = t->look;
	struct sql_tracked_get_out row;
	uint32_t above;

	if (!row_get(t->track->journal, l->row[at], &row) || !row.no_ended_ms ||
	    row.no_nonce || row.no_looks)
		return;
	above = look_above(t, at, (uint64_t)row.nonce);
	if (follower_quorum(t->chain->follower, above) &&
	    (!may_have_won(t->track->journal, &row) || MUTANT(itself_is_asked_for)))
		row_outrun(t, &row);
}

static void look_end(struct track_chain *t)
{
	mem_free(t->look);
	t->look = NULL;
}

static void look_go_on(struct track_chain *t);

static void round_begin(struct track_chain *t)
{
	t->look->round = ++t->look_round;
	if (!look_ask(t, look_go_on))
		look_end(t);
}

/* With the same round: the block's batch goes on. */
static void look_next(struct track_chain *t, enum look_stage stage, struct wanted *w)
{
	w->next->final_height = t->look->final_height;
	mem_free(t->look);
	t->look = w->next;
	w->next = NULL;
	t->look->stage = stage;
	t->look->n = w->n;
	round_begin(t);
}

/* What came to pools since the last block: once a block, if nothing else is to be asked.
 */
static void look_hinted(struct track_chain *t)
{
	struct wanted hinted = { mem_new(sizeof *hinted.next), 0 };
	struct look *l = hinted.next;
	struct sql_tracked_get_out row;

	if (!t->look->hinted)
		hinted.n = hint_rows(t, l->row, rows_max(t));
	for (uint32_t i = 0; i < hinted.n; i++)
		if (row_get(t->track->journal, l->row[i], &row))
			l->hash[i] = hash_of(t->track->journal, &row);
	l->hinted = true;
	if (hinted.n)
		look_next(t, LOOK_WHOLE, &hinted);
	else
		look_end(t);
	mem_free(hinted.next);
}

/* -- how long it was looked for --------------------------------------------- */

int64_t look_clock_ms(struct track_chain *t)
{
	struct sql_tracked_clock_in in = { .chain = t->chain->id };
	struct sql_tracked_clock_out row;

	return sql_tracked_clock_one(t->track->journal, &in, &row) ? row.looked_ms : 0;
}

/* From one answer of a quorum to the next, if its nodes went on to answer in between. */
static void clock_move(struct track_chain *t)
{
	int64_t now_ms = world_now_ms(t->track->world);
	bool whole = follower_quorum(t->chain->follower, t->look->answered);

	if (whole && t->looked_at_ms)
		sql_tracked_clock_add(t->track->journal,
		    &(struct sql_tracked_clock_add_in){
			.chain = t->chain->id, .ms = now_ms - t->looked_at_ms });
	t->looked_at_ms = whole ? now_ms : 0;
}

/* Too few answer now, whatever they are asked: nobody looks. */
static bool is_blind(const struct track_chain *t)
{
	const struct pool *p = t->chain->pool;
	uint32_t well = 0;

	for (int i = 0; i < pool_size(p); i++) {
		const struct node_state *n = pool_node(p, i);

		if (follower_knows(t->chain->follower, i) && !n->off && !n->left_out &&
		    !n->failures_in_a_row)
			well |= 1u << i;
	}
	return !follower_quorum(t->chain->follower, well) && !MUTANT(outage_expires);
}

static void whole_all(struct track_chain *t)
{
	struct wanted deep = { mem_new(sizeof *deep.next), 0 };
	struct wanted missed = { mem_new(sizeof *missed.next), 0 };

	clock_move(t);
	for (uint32_t i = 0; i < t->look->n; i++)
		whole_take(t, i, &deep, &missed);
	if (t->look->hinted && !MUTANT(hints_lead_on))
		look_end(t); /* that was the block's last request */
	else if (deep.n)
		look_next(t, LOOK_RECEIPTS, &deep);
	else if (missed.n)
		look_next(t, LOOK_COUNTS, &missed);
	else
		look_hinted(t);
	mem_free(deep.next);
	mem_free(missed.next);
}

static void look_go_on(struct track_chain *t)
{
	uint32_t n = t->look->n;

	if (t->look->stage == LOOK_WHOLE) {
		whole_all(t);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		if (t->look->stage == LOOK_RECEIPTS)
			receipt_take(t, i);
		else
			count_take(t, i);
	look_end(t);
}

/* -- the turn -------------------------------------------------------------- */

/* The nodes speak of now: until all that is there now was read, what they miss may be
 * replaced in a block that is still to come, and they are not asked again. */
static uint64_t height_now(const struct track_chain *t, uint64_t agreed)
{
	uint64_t height = follower_quorum_height(t->chain->follower);

	return height > agreed && !MUTANT(looks_are_of_the_past) ? height : agreed;
}

static bool is_in(const struct look *l, int64_t row)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->row[i] == row)
			return true;
	return false;
}

static void rows_find(struct track_chain *t, struct look *l, uint64_t before)
{
	struct journal *j = t->track->journal;
	uint32_t max = rows_max(t);
	struct sql_tracked_looks_in in = {
		.chain = t->chain->id, .before = (int64_t)before, .max = max
	};
	struct sql_tracked_looks_out found;
	struct sql_tracked_get_out row;

	l->n = hint_rows(t, l->row, max);
	sql_tracked_looks_begin(j, &in);
	while (l->n < max && sql_tracked_looks_next(j, &found))
		if (!is_in(l, found.id))
			l->row[l->n++] = found.id;
	sql_tracked_looks_end(j);
	for (uint32_t i = 0; i < l->n; i++)
		if (row_get(j, l->row[i], &row))
			l->hash[i] = hash_of(j, &row);
}

static void look_begin(struct track_chain *t, uint64_t height)
{
	struct look *l = mem_new(sizeof *l);
	struct head final = { 0 };

	/* What no node knew when more than this was final is in no block up to it. */
	(void)follower_final(t->chain->follower, &final);
	l->final_height = final.height;
	rows_find(t, l, height);
	known_find(t, l);
	t->look = l;
	t->look_height = height;
	if (l->n) {
		round_begin(t);
		return;
	}
	t->looked_at_ms = 0; /* for nothing */
	look_end(t);
}

void look_turn(struct track_chain *t)
{
	const struct block_facts *b = follower_agreed(t->chain->follower);

	if (t->looked_at_ms && is_blind(t))
		t->looked_at_ms = 0;
	if (b && !t->look && b->head.height > t->look_height)
		look_begin(t, height_now(t, b->head.height));
}
