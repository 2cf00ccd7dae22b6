/* send.c - bytes to nodes: in nonce order, none above a hole, to all nodes, and again
 * until their nonce is consumed. Sending is idempotent, so nothing here is durable. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/account.h"
#include "engine/doubt.h"
#include "engine/intent.h"
#include "engine/mutant.h"
#include "journal/sql.gen.h"

/* Batches under way to one node. */
#define SENDS_BUSY_MAX 6
#define RAW_BODY_MAX (4 * 1024 * 1024)
/* Nothing moved for so long: send all that is live again. */
#define STALL_BLOCKS 3
#define STALL_MS 15000
#define STALL_DOUBLINGS 4
#define FAILED_SEND_PAUSE_MS 500
#define REFUSED_DOUBLINGS 4 /* of that pause, while a node refuses the same nonce */

struct send_job {
	struct fact fact;
	struct runner *runner;
	struct chain_run *chain;
	int64_t account;
	int node;
	uint32_t n;
	uint64_t *nonce;
	struct signed_bytes *bytes;
	const struct signed_bytes **raw;
	struct node_word *word;
	enum err err;
	struct fail fail;
};

static void job_free(struct fact *f)
{
	struct send_job *j = (struct send_job *)f;

	mem_free(j->nonce);
	mem_free(j->bytes);
	mem_free((void *)j->raw);
	mem_free(j->word);
	mem_free(j);
}

void account_send_again(struct account *a, uint64_t from)
{
	for (int i = 0; i < POOL_NODES_MAX; i++) {
		if (a->send_next[i] > from)
			a->send_next[i] = from;
		if (from <= a->send_refused_at[i])
			a->send_at_ms[i] = 0;
	}
	a->send_ready = true;
}

/* From this nonce on, after a pause. */
static void send_later(
    struct runner *r, struct account *a, int node, uint64_t nonce, int64_t pause_ms)
{
	if (a->send_next[node] > nonce)
		a->send_next[node] = nonce;
	a->send_at_ms[node] = world_now_ms(r->s.world) + pause_ms;
}

/* It may say so for hours: it is asked more and more seldom. */
static void send_refused(struct runner *r, struct account *a, int node, uint64_t nonce)
{
	int *times = &a->send_refusals[node];

	if (a->send_refused_at[node] != nonce)
		*times = 0;
	a->send_refused_at[node] = nonce;
	send_later(r, a, node, nonce, (int64_t)FAILED_SEND_PAUSE_MS << *times);
	if (*times < REFUSED_DOUBLINGS)
		++*times;
}

/* -- what nodes said ------------------------------------------------------- */

static void word_put(
    struct runner *r, const struct account *a, struct send_job *j, uint32_t k)
{
	struct sql_attempt_by_hash_in in = { .account = a->id };
	struct sql_attempt_by_hash_out at;
	struct sql_attempt_get_out full;
	char text[300];

	memcpy(in.hash, j->bytes[k].hash.at, sizeof in.hash);
	snprintf(text, sizeof text, "%s: %s", pool_node(j->chain->pool, j->node)->name,
	    j->word[k].text);
	if (!sql_attempt_by_hash_one(r->s.journal, &in, &at) ||
	    !sql_attempt_get_one(
		r->s.journal, &(struct sql_attempt_get_in){ .id = at.id }, &full) ||
	    (!full.no_word && !strcmp(full.word, text)))
		return;
	sql_attempt_word(
	    r->s.journal, &(struct sql_attempt_word_in){ .id = at.id, .word = text });
}

/* Information on which no state depends: only when to send what again. True: this one,
 * later. */
static bool take_word(struct runner *r, struct account *a, struct send_job *j, uint32_t k)
{
	bool later = false;

	doubt_word(a, j->node, j->nonce[k], &j->bytes[k].hash, j->word[k].note);
	if (j->word[k].note == NOTE_FUNDS && MUTANT(funds_missing_is_failure))
		mutant_give_up(r, a->id, j->nonce[k], j->nonce[k] + 1);
	switch (j->word[k].note) {
	case NOTE_NONE:
	case NOTE_ACCEPTED:
	case NOTE_KNOWN:
	case NOTE_NONCE_LOW:
		return false;
	case NOTE_REPLACEMENT:
	case NOTE_UNDERPRICED:
		if (MUTANT(refusal_is_failure))
			mutant_give_up(r, a->id, j->nonce[k], j->nonce[k] + 1);
		/* Other bytes hold the nonce there, or these are too cheap: look at
		 * bumps. */
		if (j->nonce[k] == a->lowest)
			a->refused_nonce = j->nonce[k], a->refused = true;
		break;
	case NOTE_NONCE_GAP:
	case NOTE_POOL_FULL:
	case NOTE_FUNDS:
	case NOTE_FEE_CAP:
	case NOTE_GAS:
	case NOTE_DELEGATED:
	case NOTE_REVERTED:
	case NOTE_NO_METHOD:
	case NOTE_NO_STATE:
	case NOTE_NO_HASH_PARAM:
	case NOTE_INDEXING:
	case NOTE_CHAIN_ID:
	case NOTE_FILTER_LOST:
	case NOTE_OTHER:
		if (MUTANT(refusal_is_failure))
			mutant_give_up(r, a->id, j->nonce[k], j->nonce[k] + 1);
		later = true;
		break;
	}
	word_put(r, a, j, k);
	return later;
}

static void word_count(struct chain_run *c, const struct send_job *j, uint32_t k)
{
	enum node_note note = j->word[k].note;

	if (note == NOTE_NONE || note == NOTE_ACCEPTED)
		c->last_send_wall_ms = world_wall_ms(c->runner->s.world);

	if (note == NOTE_NONE || note == NOTE_ACCEPTED)
		c->sends[SENDS_ACCEPTED]++;
	else if (note == NOTE_KNOWN || note == NOTE_NONCE_LOW)
		c->sends[SENDS_KNOWN]++;
	else
		c->sends[SENDS_REFUSED]++;
}

/* Of those that it refused the lowest counts: what is above may wait for that alone. */
static void take_words(struct runner *r, struct account *a, struct send_job *j)
{
	bool refused = false;

	for (uint32_t k = 0; k < j->n; k++) {
		word_count(a->chain, j, k);
		if (!take_word(r, a, j, k) || refused)
			continue;
		refused = true;
		send_refused(r, a, j->node, j->nonce[k]);
	}
}

static void job_take(struct runner *r, struct fact *f)
{
	struct send_job *j = (struct send_job *)f;
	struct account *a = account_of(r, j->account);

	r->unknown -= (int)j->n;
	CHECK(a);
	a->sends_busy[j->node]--;
	a->send_ready = true;
	if (j->err) {
		a->chain->sends[SENDS_UNKNOWN] += j->n;
		/* Unknown is not failed: the same bytes go again. */
		if (MUTANT(timeout_is_failure) ||
		    (MUTANT(patience_ends) &&
			pool_node(j->chain->pool, j->node)->failures_in_a_row >= 8))
			mutant_give_up(r, a->id, j->nonce[0], j->nonce[j->n - 1] + 1);
		send_later(r, a, j->node, j->nonce[0], FAILED_SEND_PAUSE_MS);
		log_debug("send", "%s: %s", pool_node(j->chain->pool, j->node)->name,
		    j->fail.why);
		return;
	}
	take_words(r, a, j);
}

static void job_done(void *ctx, struct pool_answer *answer)
{
	struct send_job *j = ctx;

	j->err = answer->err;
	j->fail = answer->fail;
	if (!j->err)
		j->chain->connector->send_read(
		    j->word, j->n, answer->answer, answer->len);
	runner_fact(j->runner, &j->fact);
}

/* -- what goes out --------------------------------------------------------- */

static struct send_job *job_new(
    struct runner *r, struct account *a, int node, uint32_t max)
{
	struct send_job *j = mem_new(sizeof *j);

	j->fact = (struct fact){ .take = job_take, .free = job_free };
	j->runner = r;
	j->chain = a->chain;
	j->account = a->id;
	j->node = node;
	j->nonce = mem_array(max, sizeof *j->nonce);
	j->bytes = mem_array(max, sizeof *j->bytes);
	j->raw = mem_array(max, sizeof *j->raw);
	j->word = mem_array(max, sizeof *j->word);
	return j;
}

/* Is this nonce one of a live intent, so that nothing above may leave before it? */
static bool hole_at(struct runner *r, const struct account *a, uint64_t nonce)
{
	struct sql_intent_by_nonce_out found;
	struct intent i;

	return sql_intent_by_nonce_one(r->s.journal,
		   &(struct sql_intent_by_nonce_in){
		       .account = a->id, .nonce = (int64_t)nonce },
		   &found) &&
	    intent_read(r->s.journal, found.id, &i) &&
	    (i.state == INTENT_RESERVED || i.state == INTENT_SIGNED);
}

static void job_fill(
    struct runner *r, struct account *a, struct send_job *j, uint64_t from, uint32_t max)
{
	struct sql_intent_to_send_in in = {
		.account = a->id, .nonce = (int64_t)from, .max = (int64_t)max
	};
	struct sql_intent_to_send_out row;
	bool first = true;
	uint64_t expected = from;

	sql_intent_to_send_begin(r->s.journal, &in);
	while (j->n < max && sql_intent_to_send_next(r->s.journal, &row)) {
		struct signed_bytes *b = &j->bytes[j->n];

		if ((uint64_t)row.nonce != expected) {
			bool hole = false;

			for (uint64_t n = expected; n < (uint64_t)row.nonce && !hole; n++)
				hole = (!first ||
					   (n >= a->lowest &&
					       !MUTANT(hole_below_a_batch))) &&
				    hole_at(r, a, n);
			if (hole && !MUTANT(hole_not_looked_at))
				break;
		}
		first = false;
		expected = (uint64_t)row.nonce + 1;
		if (row.raw_len > sizeof b->raw)
			journal_damaged(r->s.journal,
			    "the bytes on nonce %lld of key %s are no "
			    "transaction of ours",
			    (long long)row.nonce, a->key_name);
		memcpy(b->hash.at, row.hash, sizeof b->hash.at);
		memcpy(b->raw, row.raw, row.raw_len);
		b->raw_len = (uint32_t)row.raw_len;
		j->nonce[j->n] = (uint64_t)row.nonce;
		j->raw[j->n++] = b;
	}
	sql_intent_to_send_end(r->s.journal);
}

/* One batch to one node; false: nothing to send to it now. */
static bool send_batch(struct runner *r, struct account *a, int node)
{
	uint32_t max = (uint32_t)a->chain->config->batch;
	uint64_t from = a->send_next[node] > a->lowest ? a->send_next[node] : a->lowest;
	uint64_t above;
	struct send_job *j;
	struct buf body;

	above = account_above(r, a);
	if (from >= above)
		return false;
	if (max > above - from)
		max = (uint32_t)(above - from);
	j = job_new(r, a, node, max);
	job_fill(r, a, j, from, max);
	if (!j->n) {
		job_free(&j->fact);
		return false;
	}
	buf_init(&body, RAW_BODY_MAX);
	a->chain->connector->send(&body, j->raw, j->n);
	CHECK(buf_ok(&body));
	a->send_next[node] = j->nonce[j->n - 1] + 1;
	a->sends_busy[node]++;
	r->unknown += (int)j->n;
	runner_ask(r, a->chain, node, &body, true, job_done, j);
	return true;
}

/* -- what a node has had already --------------------------------------------- */

struct count_ask {
	struct fact fact;
	struct runner *runner;
	struct chain_run *chain;
	int64_t account;
	int node;
	uint64_t count;
	enum err err;
};

/* What has left, or may leave now, is below this nonce. */
static uint64_t left_below(struct runner *r, struct account *a)
{
	struct sql_intent_mute_in in = { .account = a->id, .nonce = (int64_t)a->count };
	struct sql_intent_mute_out row;

	return sql_intent_mute_one(r->s.journal, &in, &row) ? (uint64_t)row.nonce
							    : account_above(r, a);
}

/* What it counts above that, it did not have from here. */
static void count_take(struct runner *r, struct fact *f)
{
	struct count_ask *q = (struct count_ask *)f;
	struct account *a = account_of(r, q->account);
	uint64_t below;

	CHECK(a);
	a->greeted[q->node] = GREET_DONE;
	a->send_ready = true;
	a->node_count[q->node] = q->count;
	if (q->err)
		return;
	a->node_counted |= 1u << q->node;
	below = left_below(r, a);
	if (below > q->count)
		below = q->count;
	if (a->send_next[q->node] < below)
		a->send_next[q->node] = below;
}

static void count_done(void *ctx, struct pool_answer *answer)
{
	struct count_ask *q = ctx;
	struct amount balance;
	struct fail f;

	q->err = answer->err;
	if (!q->err)
		q->err = q->chain->connector->account_read(
		    &q->count, &balance, answer->answer, answer->len, &f);
	runner_fact(q->runner, &q->fact);
}

/* Most of what a life finds live may be mined: a node is first asked for its own count,
 * and gets what is above. It settles nothing, and who lies about it only has less; when
 * nothing moves, all is sent again. */
static bool greet(struct runner *r, struct account *a, int node)
{
	struct count_ask *q;
	struct buf body;

	if (a->greeted[node] == GREET_NOT && a->lowest == UINT64_MAX && !a->doubt[0])
		a->greeted[node] = GREET_DONE;
	if (a->greeted[node] != GREET_NOT)
		return a->greeted[node] == GREET_DONE;
	a->greeted[node] = GREET_ASKED;
	q = mem_new(sizeof *q);
	*q = (struct count_ask){ .fact = { .take = count_take },
		.runner = r,
		.chain = a->chain,
		.account = a->id,
		.node = node };
	buf_init(&body, 4096);
	a->chain->connector->account(&body, &a->address);
	runner_ask(r, a->chain, node, &body, false, count_done, q);
	return false;
}

/* -- the turn -------------------------------------------------------------- */

static uint64_t lowest_live(struct runner *r, struct account *a)
{
	struct sql_intent_lowest_live_in in = { .account = a->id };
	struct sql_intent_lowest_live_out row;

	if (journal_changed(r->s.journal, &a->read.live_mark))
		a->read.live = sql_intent_lowest_live_one(r->s.journal, &in, &row)
		    ? (uint64_t)row.nonce
		    : UINT64_MAX;
	return a->read.live;
}

/* The lowest nonce that may still need its bytes. */
static void find_lowest(struct runner *r, struct account *a)
{
	uint64_t lowest = lowest_live(r, a);
	struct head head = { 0 };

	if (a->known && lowest < a->count)
		lowest = a->count;
	follower_head(a->chain->follower, &head);
	if (lowest == a->lowest)
		return;
	a->lowest = lowest;
	a->lowest_since_height = a->stalled_since_height = head.height;
	a->stalled_since_ms = world_now_ms(r->s.world);
	a->stalled_times = 0;
}

/* As long as nothing is written it stays what it was. */
static bool lowest_is_hole(struct runner *r, struct account *a)
{
	if (journal_changed(r->s.journal, &a->read.hole_mark) ||
	    a->read.hole_of != a->lowest) {
		a->read.hole_of = a->lowest;
		a->read.is_hole = hole_at(r, a, a->lowest);
	}
	return a->read.is_hole;
}

static void send_again_if_stalled(struct runner *r, struct account *a)
{
	int64_t now = world_now_ms(r->s.world);
	int64_t wait = (int64_t)STALL_MS << a->stalled_times;
	uint64_t blocks = (uint64_t)STALL_BLOCKS << a->stalled_times;
	struct head head = { 0 };

	if (a->lowest == UINT64_MAX ||
	    (a->lowest != lowest_live(r, a) && !lowest_is_hole(r, a)))
		return;
	follower_head(a->chain->follower, &head);
	if (now - a->stalled_since_ms < wait &&
	    head.height < a->stalled_since_height + blocks) {
		runner_wake_at(r, a->stalled_since_ms + wait);
		return;
	}
	a->stalled_since_ms = now;
	a->stalled_since_height = head.height;
	if (a->stalled_times < STALL_DOUBLINGS)
		a->stalled_times++;
	account_send_again(a, 0);
}

void account_send(struct runner *r, struct account *a)
{
	int64_t now = world_now_ms(r->s.world), at_ms;

	find_lowest(r, a);
	send_again_if_stalled(r, a);
	if (!a->send_ready)
		return;
	a->send_ready = false;
	for (int node = 0; node < pool_size(a->chain->pool); node++) {
		if (!follower_knows(a->chain->follower, node)) {
			a->send_ready = true; /* it is asked who it is */
			continue;
		}
		if (a->send_at_ms[node] > now) {
			a->send_ready = true;
			runner_wake_at(r, a->send_at_ms[node]);
			continue;
		}
		if (!greet(r, a, node))
			continue;
		while (a->sends_busy[node] < SENDS_BUSY_MAX) {
			if (!pool_ready(a->chain->pool, node, &at_ms)) {
				a->send_ready = true;
				runner_wake_at(r, at_ms);
				break;
			}
			if (!send_batch(r, a, node))
				break;
		}
	}
}
