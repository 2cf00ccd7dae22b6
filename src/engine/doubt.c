#include "engine/doubt.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

/* The count has stood still for so many blocks. */
#define STILL_BLOCKS 2
#define GIVE_BACK_MAX 256

/* -- in doubt, and out of it ------------------------------------------------- */

/* The nodes are asked anew how far they are. */
static void begin(struct runner *r, struct account *a, const char *why)
{
	snprintf(a->doubt, sizeof a->doubt, "%.300s", why);
	a->fenced[0] = '\0';
	a->still_known = false;
	a->node_counted = 0;
	a->behind_until = a->trail_until = 0;
	for (int i = 0; i < POOL_NODES_MAX; i++)
		a->greeted[i] = GREET_NOT;
	a->holes = a->send_ready = true;
	r->again = true;
	log_warn("account", "key %s is in doubt: %s", a->key_name, a->doubt);
}

void account_doubt(struct runner *r, struct account *a, const char *why)
{
	if (a->doubt[0])
		return;
	begin(r, a, why);
	sql_account_doubt(r->s.journal,
	    &(struct sql_account_doubt_in){ .id = a->id, .doubt = a->doubt });
	journal_event(r->s.journal,
	    &(struct event){
		.what = "account", .from = "", .to = "in doubt", .why = a->doubt });
}

void account_trust(struct runner *r, struct account *a, const char *why)
{
	if (!a->doubt[0])
		return;
	a->doubt[0] = a->fenced[0] = '\0';
	a->refusals_n = 0;
	account_accept(r, a); /* foreign use too was what it settled */
	r->again = true;
	sql_account_doubt(r->s.journal,
	    &(struct sql_account_doubt_in){ .id = a->id, .no_doubt = true });
	journal_event(r->s.journal,
	    &(struct event){
		.what = "account", .from = "in doubt", .to = "", .why = why });
	log_info("account", "key %s is in doubt no more: %s", a->key_name, why);
}

/* What was forgotten is told from what is foreign by looking rows up: an index in which
 * a bit has flipped would find them not, and they would be paid again. */
static void pages_check(struct runner *r, const char *doubt)
{
	struct sql_account_doubted_out doubted = { 0 };

	if (!doubt)
		(void)sql_account_doubted_one(r->s.journal, &doubted);
	if ((doubt || doubted.n) && !MUTANT(pages_believed_in_doubt))
		journal_trust_pages(r->s.journal);
}

void doubt_take(struct runner *r)
{
	const char *doubt = journal_doubt(r->s.journal);
	char why[WAITS_MAX];

	r->doubt_taken = true;
	pages_check(r, doubt);
	if (!doubt)
		return;
	/* Never that of before: what was fenced for an older one is not enough. */
	snprintf(why, sizeof why, "%.250s (found at commit %lld)", doubt,
	    (long long)journal_commit_no(r->s.journal));
	if (!MUTANT(doubt_not_kept))
		sql_account_doubt_all(
		    r->s.journal, &(struct sql_account_doubt_all_in){ .doubt = why });
	for (int c = 0; c < r->s.chains_n; c++)
		for (size_t i = 0; i < r->chains[c].accounts_n; i++)
			begin(r, r->chains[c].accounts[i], why);
	journal_doubt_clear(r->s.journal, "each of its accounts is in doubt");
}

const char *doubt_waits(const struct account *a)
{
	return a->fenced[0] ? a->fenced : "the nodes to say how far the account is";
}

/* -- nonces that have no bytes ------------------------------------------------- */

static void give_back_one(struct runner *r, struct account *a, int64_t id)
{
	struct intent i;

	/* One that is contested waits for its rival, and an empty one pays nobody. */
	if (!intent_read(r->s.journal, id, &i) || i.emptied || i.has_attempt ||
	    !runner_operation(r, i.operation))
		return;
	intent_give_back(r, &i);
	a->holes = true;
}

/* Bytes that a worker makes right now are durable before they leave: they stay. */
static void give_back(struct runner *r, struct account *a)
{
	struct sql_intent_unsigned_in in = { .account = a->id, .max = GIVE_BACK_MAX };
	struct sql_intent_unsigned_out row;
	int64_t ids[GIVE_BACK_MAX];
	bool changed = journal_changed(r->s.journal, &a->read.unsigned_mark);
	size_t n = 0;

	if (MUTANT(reserved_keep_their_nonce) || (!changed && !a->read.is_unsigned))
		return;
	a->read.is_unsigned = false;
	sql_intent_unsigned_begin(r->s.journal, &in);
	while (n < GIVE_BACK_MAX && sql_intent_unsigned_next(r->s.journal, &row)) {
		a->read.is_unsigned = true;
		if (!idset_has(&r->signing, row.id))
			ids[n++] = row.id;
	}
	sql_intent_unsigned_end(r->s.journal);
	for (size_t k = 0; k < n; k++)
		give_back_one(r, a, ids[k]);
}

/* -- how far the account may be ------------------------------------------------- */

/* From the head on that this life finds: what was sent before it had no chance in the
 * blocks below. */
static void still_follow(struct account *a)
{
	if (!a->known || (a->still_known && a->still_count == a->count) ||
	    (!a->still_known && !account_abreast(a, 0)))
		return;
	a->still_known = true;
	a->still_count = a->count;
	a->still_since = a->height;
}

bool doubt_still(const struct account *a)
{
	return a->known && a->still_known && a->still_count == a->count &&
	    a->height >= a->still_since + STILL_BLOCKS;
}

/* Is there one that may yet say how far it is? Who does not answer is not waited for. */
static bool nodes_awaited(const struct account *a)
{
	struct pool *pool = a->chain->pool;

	for (int i = 0; i < pool_size(pool); i++) {
		const struct node_state *n = pool_node(pool, i);

		if ((!n->off || MUTANT(off_is_awaited)) && !n->left_out &&
		    !n->failures_in_a_row && a->greeted[i] != GREET_DONE)
			return true;
	}
	return false;
}

/* No life of ours can have used so many nonces above what a quorum has shown. */
static bool is_far(const struct account *a, int node)
{
	return a->node_counted >> node & 1 && a->node_count[node] > a->count &&
	    a->node_count[node] - a->count > a->in_flight_max;
}

/* Whose is far above a quorum's is left out. */
static uint64_t highest_head(const struct account *a)
{
	uint64_t highest = a->height;
	struct head head;

	for (int i = 0; i < pool_size(a->chain->pool); i++)
		if (!pool_node(a->chain->pool, i)->left_out &&
		    follower_shown(a->chain->follower, i, &head) && head.height > highest)
			highest = head.height;
	return highest;
}

/* Who counts so far above may be no liar: the block of which we know the count can be an
 * old one, by machines that lag behind the nodes of a quorum. Should it have meant blocks
 * that vanished, others are as deep as finality soon. */
static bool is_behind(struct account *a)
{
	bool far = false;

	for (int i = 0; i < pool_size(a->chain->pool); i++)
		far |= is_far(a, i);
	if (!far || MUTANT(far_is_a_lie)) {
		a->behind_until = 0;
		return false;
	}
	if (!a->behind_until)
		a->behind_until =
		    highest_head(a) + follower_depth(a->chain->follower) + 1;
	return a->height < a->behind_until;
}

/* Blocks that the journal follows since its last life, and its nodes show no more, or not
 * again as yet. */
static bool is_below_the_trail(struct account *a)
{
	struct head top = { 0 };

	follower_head(a->chain->follower, &top);
	if (!a->trail_until)
		a->trail_until = top.height;
	return a->height < top.height && a->height < a->trail_until &&
	    !MUTANT(fence_below_the_trail);
}

/* The highest count that a node reports, by whatever branch: what was mined there may be
 * mined here. One that no life of ours can have reached, and that did not come true
 * meanwhile, is named, and left out. */
static uint64_t highest_count(const struct account *a)
{
	uint64_t highest = a->count;

	for (int i = 0; i < pool_size(a->chain->pool); i++) {
		uint64_t count = a->node_count[i];

		if (!(a->node_counted >> i & 1) || count <= highest)
			continue;
		if (!is_far(a, i))
			highest = count;
		else
			log_warn("account",
			    "node %s counts %llu transactions of key %s, a quorum %llu: "
			    "its word is left out",
			    pool_node(a->chain->pool, i)->name, (unsigned long long)count,
			    a->key_name, (unsigned long long)a->count);
	}
	return highest;
}

static const struct kind *fence_kind(const struct runner *r)
{
	for (int i = 0; i < r->s.kinds_n; i++)
		if (r->s.kinds[i]->fence)
			return r->s.kinds[i];
	return NULL;
}

/* For this very doubt: a copy may have been made while one for an older doubt was under
 * way. */
static bool has_fence(const struct runner *r, const struct account *a)
{
	for (size_t k = 0; k < r->operations_n; k++) {
		const struct operation *o = r->operations[k];

		if (o->account == a->id && operation_fences(o) && !operation_ended(o) &&
		    (!strcmp(o->kind->settles(o), a->doubt) || MUTANT(fence_not_raised)))
			return true;
	}
	return false;
}

static void measured_put(struct runner *r, struct account *a, bool measured)
{
	a->fence_measured = measured;
	a->fence_height = measured ? a->height : 0;
	sql_account_fence_height(r->s.journal,
	    &(struct sql_account_fence_height_in){ .id = a->id,
		.no_fence_height = !measured,
		.fence_height = (int64_t)a->fence_height });
}

/* Its count was of a block that a reorg has thrown out: what was forgotten may be higher
 * than it says. */
void doubt_retracted(struct runner *r, struct account *a, uint64_t above)
{
	if (a->fence_measured && a->fence_height > above &&
	    !MUTANT(fence_not_measured_anew))
		measured_put(r, a, false);
}

void doubt_outgrown(struct runner *r, struct account *a)
{
	measured_put(r, a, false);
}

static void fence(struct runner *r, struct account *a)
{
	const struct kind *kind = fence_kind(r);
	uint64_t below;
	int64_t id;

	if (!kind || !a->used || (has_fence(r, a) && a->fence_measured) || !a->known ||
	    !a->has_first_nonce || !a->chain->has_market ||
	    !account_abreast(a, MUTANT(fence_below_the_head) ? STILL_BLOCKS : 0) ||
	    (nodes_awaited(a) && !MUTANT(nodes_not_awaited)) || is_behind(a) ||
	    is_below_the_trail(a))
		return;
	below = highest_count(a) + a->in_flight_max - MUTANT(fence_one_short);
	id = kind->fence(r, a, below);
	if (id)
		operation_load(r, id);
	measured_put(r, a, true);
	r->again = true;
}

void doubt_turn(struct runner *r, struct account *a)
{
	if (!a->doubt[0])
		return;
	still_follow(a);
	if (!runner_moves_on(r, a->id))
		return; /* followed and settled, not moved on */
	give_back(r, a);
	fence(r, a);
}

/* -- what nodes refuse ------------------------------------------------------------ */

static struct refusal *refusal_find(const struct account *a, uint64_t nonce)
{
	for (size_t i = 0; i < a->refusals_n; i++)
		if (a->refusals[i].nonce == nonce)
			return &a->refusals[i];
	return NULL;
}

static struct refusal *refusal_add(
    struct account *a, uint64_t nonce, const struct hash *hash)
{
	struct refusal *r = refusal_find(a, nonce);

	if (!r) {
		a->refusals =
		    mem_grow(a->refusals, a->refusals_n + 1, sizeof *a->refusals);
		r = &a->refusals[a->refusals_n++];
		*r = (struct refusal){ .nonce = nonce };
	}
	if (!hash_same(&r->hash, hash))
		*r = (struct refusal){ .nonce = nonce, .hash = *hash };
	return r;
}

void doubt_word(struct account *a, int node, uint64_t nonce, const struct hash *hash,
    enum node_note note)
{
	if (!a->doubt[0])
		return;
	if (note == NOTE_REPLACEMENT || note == NOTE_UNDERPRICED)
		refusal_add(a, nonce, hash)->nodes |= 1u << node;
	else if (note == NOTE_ACCEPTED || note == NOTE_KNOWN)
		refusal_add(a, nonce, hash)->nodes &= ~(1u << node);
}

bool doubt_refused(const struct account *a, uint64_t nonce, const struct hash *hash)
{
	const struct refusal *r = refusal_find(a, nonce);

	if (!r || !hash_same(&r->hash, hash))
		return false;
	for (int i = 0; i < pool_size(a->chain->pool); i++) {
		const struct node_state *n = pool_node(a->chain->pool, i);

		if (!n->off && !n->left_out && !(r->nodes >> i & 1))
			return false;
	}
	return r->nodes != 0;
}
