/* judge_live.c - does it go on, and is what it says that it waits for true? */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "engine/operation.h"
#include "sim/judge/judge_in.h"
#include "tell/subscriber/backlog.h"

#define STILL_BLOCKS 200     /* in a kind world, without anything that moves */
#define CLAIM_BLOCKS 30      /* may a sentence be behind */
#define GAS_MAX 200000       /* of a payment */
#define SENT_AGAIN_MS 600000 /* a message, at the latest: docs/webhooks.md */

/* -- it goes on ---------------------------------------------------------------------- */

static uint64_t used(const struct sim_story *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < s->fate->keys; i++)
		sum += sim_count(s->chain, s->chain->head, &s->key[i].address);
	return sum;
}

static void goes_on(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct sim_judge *j = s->judge;
	struct judge_view *v = judge_view_of(l);
	int64_t now_ms = s->chain->now_ms, bound_ms = STILL_BLOCKS * s->fate->interval_ms;
	uint64_t n = used(s);

	if (!s->calm || v->event != v->moved_event || n != j->moved_used ||
	    s->letters != j->moved_letter)
		j->moved_ms = now_ms;
	v->moved_event = v->event;
	j->moved_used = n;
	j->moved_letter = s->letters;
	if (now_ms - j->moved_ms > bound_ms && backlog_due(l->journal, 0) > 0)
		bound_ms += SENT_AGAIN_MS;
	if (now_ms - j->moved_ms > bound_ms) {
		j->moved_ms = now_ms;
		sim_life_says(l);
		if (!s->why[0])
			sim_story_wrong(s, "it does not go on, and says not why");
	}
}

/* -- what it waits for ---------------------------------------------------- */

/* More than all lists of a key together can ask for. */
static bool has_plenty(const struct sim_story *s, int key, const struct sim_block *at)
{
	struct amount coin = sim_balance(s->chain, at, NULL, &s->key[key].address), token;
	struct amount need = amount_u64(s->config.max_fee_per_gas), sum = AMOUNT_ZERO;
	uint64_t rows = 2;

	for (int i = 0; i < s->fate->lists; i++) {
		const struct sim_list *l = &s->list[i];

		if (l->key != key)
			continue;
		for (int k = 1; k <= l->rows; k++)
			CHECK(amount_add(&sum, &sum, &l->amount[k]));
		rows += 2 * (uint64_t)l->rows + 1;
	}
	CHECK(amount_mul_u64(&need, &need, GAS_MAX * rows));
	CHECK(amount_mul_u64(&sum, &sum, 2));
	CHECK(amount_add(&need, &need, &sum));
	if (amount_cmp(&coin, &need) < 0)
		return false;
	if (!s->token)
		return true;
	token = sim_balance(s->chain, at, s->token, &s->key[key].address);
	return amount_cmp(&token, &sum) >= 0;
}

/* It may not have seen yet that they came; but not for long, where its nodes are well. */
static void says_the_truth(struct sim_life *l, const struct operation *o)
{
	struct sim_story *s = l->story;
	int64_t *since_ms;
	int at = judge_list_of(l, o->id);

	if (at < 0)
		return;
	since_ms = &judge_view_of(l)->list[at].claims_ms;
	if (!s->calm || strncmp(o->waits_for, "funds:", 6) != 0 || !s->judge->final ||
	    !has_plenty(s, s->list[at].key, s->judge->final) ||
	    !has_plenty(s, s->list[at].key, s->chain->head))
		*since_ms = s->chain->now_ms;
	else if (s->chain->now_ms - *since_ms > CLAIM_BLOCKS * s->fate->interval_ms)
		sim_story_wrong(
		    s, "%s waits for %s, and they are there", o->name, o->waits_for);
}

void judge_live(struct sim_life *l)
{
	goes_on(l);
	for (size_t i = 0; i < l->runner->operations_n; i++)
		says_the_truth(l, l->runner->operations[i]);
}

/* -- it stops for a reason ------------------------------------------------- */

static bool key_was_lent(const struct sim_story *s)
{
	for (const struct sim_tx *t = s->chain->all; t; t = t->next_all)
		if (t->foreign && judge_key(s, &t->from->at) >= 0)
			return true;
	return false;
}

static bool is_doubt(const char *state)
{
	return !strcmp(state, "doubted") || !strcmp(state, "in doubt");
}

bool judge_is_stop(const char *state)
{
	return is_doubt(state) || !strcmp(state, "stopped");
}

void judge_stops(struct sim_life *l, const struct sql_event_from_out *e)
{
	struct sim_story *s = l->story;
	bool doubts = is_doubt(e->to_state);

	if (!judge_is_stop(e->to_state))
		return;
	s->judge->said_so = true;
	if (s->broken || (doubts && s->by_hand))
		return; /* the same payment on the same nonce is taken for ours */
	if (doubts)
		sim_story_wrong(s, "it doubts a journal that is whole: %s", e->why);
	else if (!key_was_lent(s))
		sim_story_wrong(s, "it stops, and nobody else uses the key: %s", e->why);
}
