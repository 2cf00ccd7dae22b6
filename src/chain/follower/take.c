/* take.c - what the nodes said since the last turn. */
#include "chain/follower/follower_in.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "journal/sql.gen.h"

/* So many polls until who is left out is asked again who it is. */
#define IDENTITY_POLLS 10

/* The journal's row of the chain is found or made. */
static void chain_find(struct follower *f)
{
	struct sql_chain_by_identity_in in = { .chain_id =
						   (int64_t)f->s.config->chain_id };
	struct sql_chain_add_in add = { .kind = f->s.connector->name,
		.chain_id = in.chain_id,
		.name = f->s.config->name };
	struct sql_chain_by_identity_out row;
	struct sql_chain_add_out added;

	memcpy(in.genesis, f->genesis.at, sizeof in.genesis);
	memcpy(add.genesis, f->genesis.at, sizeof add.genesis);
	if (!sql_chain_by_identity_one(f->s.journal, &in, &row)) {
		if (sql_chain_add_one(f->s.journal, &add, &added))
			f->chain = added.id;
		return;
	}
	f->chain = row.id;
	f->stopped = !row.no_stopped;
	f->unshown = row.unshown;
	sql_chain_named(f->s.journal,
	    &(struct sql_chain_named_in){ .id = row.id, .name = f->s.config->name });
	if (!row.no_final_height)
		trail_load(f, row.final_height);
}

/* A quorum names one genesis. */
static void chain_settle(struct follower *f)
{
	for (int i = 0; i < f->nodes && !f->chain; i++) {
		uint32_t same = 0;

		for (int k = 0; k < f->nodes; k++)
			if (f->view[k].identified && f->view[i].identified &&
			    hash_same(&f->view[k].genesis, &f->view[i].genesis))
				same |= 1u << k;
		if (!follower_quorum(f, same))
			continue;
		if (!f->s.journal && !hash_same(&f->view[i].genesis, &f->s.genesis))
			return;
		f->genesis = f->view[i].genesis;
		if (f->s.journal)
			chain_find(f);
		else
			f->chain = LOOKS_BACK;
	}
}

/* Whoever answers there next may be another. */
static void view_forget(struct view *v)
{
	v->identified = v->has_head = v->has_goal = v->forked = v->unlinked = false;
	v->link = LINK_UNKNOWN;
}

/* What it said has no weight any more; once it is on again it is asked who it is. */
void off_forget(struct follower *f)
{
	for (int i = 0; i < f->nodes; i++) {
		struct view *v = &f->view[i];

		if (!pool_node(f->s.pool, i)->off || MUTANT(off_has_a_vote))
			continue;
		view_forget(v);
		v->poll_at_ms = 0;
		v->left_out[0] = '\0';
		if (f->s.journal)
			pool_leave_out(f->s.pool, i, NULL);
	}
}

/* It serves another chain: it has no vote, is sent nothing, and is asked again later. */
static void refuse(struct follower *f, int node, const char *why)
{
	struct view *v = &f->view[node];

	view_forget(v);
	v->stranger = true;
	v->poll_at_ms =
	    world_now_ms(f->s.world) + IDENTITY_POLLS * (int64_t)f->s.config->poll_ms;
	follower_leave_out(f, node, why);
}

static void refuse_strangers(struct follower *f)
{
	for (int i = 0; i < f->nodes && f->chain; i++)
		if (f->view[i].identified && !hash_same(&f->view[i].genesis, &f->genesis))
			refuse(f, i, "serves a chain of another genesis");
}

static void take_identity(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];
	char why[96], other[CHAIN_OTHER_MAX];

	v->identity_busy = false;
	v->identity_at_ms =
	    world_now_ms(f->s.world) + IDENTITY_POLLS * (int64_t)f->s.config->poll_ms;
	v->word[0] = '\0';
	if (q->err) {
		v->poll_at_ms = world_now_ms(f->s.world) + f->s.config->poll_ms;
		if (is_refusal(q->err))
			snprintf(v->word, sizeof v->word, "%.90s", q->fail.why);
		return;
	}
	if (q->identity.chain_id != f->s.config->chain_id) {
		chain_other(
		    other, f->s.connector, q->identity.chain_id, f->s.config->chain_id);
		snprintf(why, sizeof why, "serves %s", other);
		refuse(f, q->node, why);
		return;
	}
	v->genesis = q->identity.genesis;
	v->identified = true;
	v->stranger = false;
	if (!f->chain)
		chain_settle(f);
	refuse_strangers(f);
}

const char *follower_stranger(const struct follower *f, int node)
{
	return f->view[node].stranger ? f->view[node].left_out : NULL;
}

bool follower_knows(const struct follower *f, int node)
{
	return f->chain && f->view[node].identified;
}

static void take_poll(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];

	v->poll_busy = false;
	v->poll_at_ms = world_now_ms(f->s.world) + f->s.config->poll_ms;
	if (q->err) {
		/* Another server may answer at this address next time. */
		v->identified = false;
		return;
	}
	if (!v->identified)
		return; /* it turned out to be another one meanwhile */
	v->goal_is_old |= !hash_same(&v->head.hash, &q->heads[0].hash);
	v->head = q->heads[0];
	v->has_head = true;
	v->headers_asked = 0;
	v->forked_polls += v->link == LINK_FORKED;
}

static void take_headers(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];

	v->header_busy = false;
	if (q->err)
		return;
	for (uint32_t i = 0; i < q->n; i++) {
		if (!q->known[i])
			continue;
		if (f->trail_n && q->heads[i].height > f->trail[0].height)
			sighting_add(f, &q->heads[i]);
		else if (f->trail_n &&
		    trail_has(f, &q->heads[i].hash, q->heads[i].height))
			v->fork_height = q->heads[i].height;
		if (!f->trail_n || (q->kind == ASK_HEADERS && i + 1 == q->n)) {
			v->goal = q->heads[i];
			v->has_goal = true;
			v->goal_is_old = false;
		}
	}
	/* By height and by hash must meet; where they don't, the node moved in
	 * between. */
	v->by_hash = q->kind == ASK_HEADERS;
}

/* The place of an opinion that nobody holds any more, else a new one: who says something
 * else each time fills no memory. */
static struct opinion *opinion_room(struct sighting *s)
{
	for (int i = 0; i < s->opinions_n; i++)
		if (!s->opinions[i].nodes && !(s->told && s->told_as == i)) {
			block_facts_release(&s->opinions[i].facts);
			return &s->opinions[i];
		}
	s->opinions =
	    mem_grow(s->opinions, (size_t)s->opinions_n + 1, sizeof *s->opinions);
	return &s->opinions[s->opinions_n++];
}

void opinion_take(struct sighting *s, int node, struct block_facts *facts)
{
	uint32_t bit = 1u << node;

	s->refused[node] = 0;
	if (opinion_of(s, node))
		s->again |= bit;
	for (int i = 0; i < s->opinions_n; i++)
		s->opinions[i].nodes &= ~bit;
	facts->head = s->head;
	for (int i = 0; i < s->opinions_n; i++)
		if (hash_same(&s->opinions[i].facts.digest, &facts->digest)) {
			s->opinions[i].nodes |= bit;
			return;
		}
	*opinion_room(s) = (struct opinion){ .facts = *facts, .nodes = bit };
	memset(facts, 0, sizeof *facts);
}

static void take_finalized(struct view *v, const struct question *q)
{
	if (q->err || !q->facts.has_finalized)
		return;
	v->has_finalized = true;
	v->finalized_height = q->facts.finalized_height;
	v->finalized_is_head = v->head.height && v->finalized_height >= v->head.height;
}

bool is_refusal(enum err e)
{
	return e == ERR_NODE_BUSY || e == ERR_NODE_REFUSED || e == ERR_BAD_ANSWER;
}

/* Returns false when q lives on as the question for the receipts. */
static bool take_block(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];
	struct sighting *s;

	if (q->word.note == NOTE_NO_METHOD && v->way == BLOCK_RECEIPTS)
		v->way = BLOCK_WHOLE;
	else if (q->word.note == NOTE_NO_HASH_PARAM)
		v->by_number = true;
	q->word.note = NOTE_NONE;
	if (!q->err && q->block.at_height)
		q->block.hash = q->facts.head.hash;
	if (!q->err && q->generation == f->generation && q->facts.incomplete) {
		follower_ask_receipts(f, q);
		return false;
	}
	v->blocks_busy--;
	if (q->block.at_height)
		whole_take(f, q);
	if (q->generation != f->generation)
		return true;
	s = sighting_find(f, &q->block.hash, q->block.height);
	if (s)
		s->asked &= ~(1u << q->node);
	take_finalized(v, q);
	if (!q->err && s && s->bare == q->block.bare)
		opinion_take(s, q->node, &q->facts);
	else if (s && is_refusal(q->err) && s->refused[q->node] < UINT8_MAX)
		s->refused[q->node]++;
	return true;
}

void answers_take(struct follower *f)
{
	while (f->inbox) {
		struct question *q = f->inbox;
		bool done = true;

		f->inbox = q->next;
		if (!f->inbox)
			f->inbox_end = &f->inbox;
		if (pool_node(f->s.pool, q->node)->off)
			q->err = ERR_NOT_SENT; /* too late to count */
		if (!q->err && q->hashes && !q->by_hash && follower_ask_hashed(f, q))
			continue;
		switch (q->kind) {
		case ASK_IDENTITY:
			take_identity(f, q);
			break;
		case ASK_POLL:
			take_poll(f, q);
			break;
		case ASK_HEADER:
		case ASK_HEADERS:
			take_headers(f, q);
			break;
		case ASK_ANCESTOR:
		case ASK_ANEW:
			undone_take(f, q);
			break;
		case ASK_BLOCK:
		case ASK_RECEIPTS:
			done = take_block(f, q);
			break;
		case ASK_FINALIZED:
			f->view[q->node].finalized_busy = false;
			take_finalized(&f->view[q->node], q);
			break;
		case ASK_FAR_HEADERS:
		case ASK_FAR_COUNT:
			far_take(f, q);
			break;
		}
		if (done)
			question_free(q);
	}
}
