/* scenarios.c - the worlds in which the program is tortured. */
#include "life.h"

#include <string.h>

#include "base/check.h"
#include "callers.h"
#include "engine/account.h"
#include "engine/doubt.h"
#include "sim/chain/mempool.h"

#define GWEI 1000000000ull
#define BEYOND 7 /* blocks: more than finality is deep */

/* -- what happens to the chain --------------------------------------------- */

static uint64_t height(const struct stage *s)
{
	return s->chain->head->height;
}

static uint64_t count(const struct stage *s)
{
	return sim_count(s->chain, s->chain->head, &s->key[0].address);
}

/* So many blocks since the last act? */
static bool later(const struct stage *s, uint64_t blocks)
{
	return height(s) >= s->told->act_height + blocks;
}

static void act_done(struct stage *s)
{
	s->told->acts++;
	s->told->act_height = height(s);
}

static void reorg(struct stage *s, uint64_t depth, bool give_back)
{
	sim_reorg(
	    s->chain, &(struct sim_reorg){ .depth = depth, .give_back = give_back });
	act_done(s);
}

/* What was in the blocks is gone for all nodes; later it comes back by itself. */
static void reorgs(struct stage *s)
{
	if (s->told->acts == 0 && count(s) >= 2)
		reorg(s, 2, false);
	else if (s->told->acts == 1 && later(s, 3))
		reorg(s, 3, true);
}

/* The pool forgets all it has, twice. */
static void evicts(struct stage *s)
{
	if (s->told->acts < 2 && later(s, 2) && s->chain->pooled) {
		sim_pool_drop_all(s->chain);
		act_done(s);
	}
}

static void evicts_and_reorgs(struct stage *s)
{
	if (s->told->acts < 2)
		evicts(s);
	else if (s->told->acts == 2 && count(s) >= 3)
		reorg(s, 3, false);
	else if (s->told->acts == 3 && later(s, 3))
		reorg(s, 2, true);
}

/* The base fee rises thirtyfold for five blocks. */
static void spikes(struct stage *s)
{
	if (s->told->acts == 0 && count(s) >= 1)
		act_done(s);
	if (s->told->acts == 1 && !later(s, 5))
		s->chain->base_fee_next = 30 * GWEI;
}

/* The journal is lost, and what it has in the pool is too cheap for some time. */
static void stalls(struct stage *s)
{
	if (s->told->acts == 0 && s->told->lost)
		act_done(s);
	if (s->told->acts == 1 && !later(s, 6))
		s->chain->base_fee_next = 60 * GWEI;
}

/* And while it lasts, an empty attempt lands. */
static void spikes_for_empties(struct stage *s)
{
	struct sim_ledger ledger;

	spikes(s);
	if (s->told->acts != 1)
		return;
	sim_ledger_read(&ledger, s->chain, &s->key[0].address);
	if (ledger.empty)
		act_done(s);
}

/* Another wallet uses the key: on a nonce that waits, and on the next one. */
static void intrudes(struct stage *s)
{
	const struct sim_account *a = sim_account_find(s->chain, &s->key[0].address);
	struct sign_job job = { .key = s->key[0].secret,
		.nonce = SIM_NONCE_NEXT,
		.payload = { .to = { { 0xaa } } } };
	struct sim_word word;

	job.payload.value = amount_u64(77);
	if (s->told->acts == 0 && a && sim_pool_lowest(a)) {
		job.nonce = sim_pool_lowest(a)->nonce;
		job.fees = (struct fees){ .type = FEE_1559,
			.gas = 21000,
			.max_fee = 60 * GWEI,
			.tip = 45 * GWEI };
	} else if (s->told->acts != 1 || !later(s, 3)) {
		return;
	}
	sim_pool_send_foreign(s->chain, &word, &job);
	act_done(s);
}

/* The last row is paid by hand, before its turn comes. */
static void pays_by_hand(struct stage *s)
{
	struct sign_job job = { .key = s->key[0].secret,
		.nonce = SIM_NONCE_NEXT,
		.payload = {
		    .to = s->all[0].to[s->rows], .value = s->all[0].amount[s->rows] } };
	struct sim_word word;

	if (s->told->by_hand || count(s) < 1)
		return;
	sim_pool_send_foreign(s->chain, &word, &job);
	s->told->by_hand = true;
	act_done(s);
}

/* Nothing more fits on the disk for some blocks. What one turn wrote may still go. */
static void fills(struct stage *s)
{
	if (s->told->acts == 0 && count(s) >= 2) {
		sim_disk_room(s->disk, 6000);
		act_done(s);
	} else if (s->told->acts == 1 && (s->told->dropped || later(s, 12))) {
		act_done(s);
	} else if (s->told->acts == 2 && later(s, 4)) {
		sim_disk_room(s->disk, -1);
		act_done(s);
	}
}

/* One of three nodes says the contrary of each receipt, from the first payment on. */
static void lies(struct stage *s)
{
	if (s->told->acts == 0 && s->chain->pooled) {
		s->nodes[0]->receipts = SIM_RECEIPTS_FLIPPED;
		act_done(s);
	}
}

static void vanish(struct stage *s, uint64_t depth, bool give_back)
{
	reorg(s, depth, give_back);
	s->told->vanished = s->told->acts;
}

/* Final blocks vanish for all nodes, with what was paid in them. */
static void vanishes(struct stage *s)
{
	if (s->told->acts == 0 && count(s) >= 7)
		vanish(s, BEYOND, false);
	else if (s->told->acts == 2 && later(s, 5))
		vanish(s, BEYOND, true);
}

/* The block of a stranger is final, the payload moves to another nonce and is paid; then
 * both of them vanish. */
static void intrudes_and_vanishes(struct stage *s)
{
	if (s->told->acts < 1)
		intrudes(s);
	else if (s->told->acts == 1 && later(s, 8))
		vanish(s, 9, false);
}

/* -- what the operator does ------------------------------------------------ */

static void must(enum err e)
{
	CHECK(e == ERR_OK);
}

static void pauses(struct stage *s, struct runner *r, struct operation *o)
{
	struct fail f = { 0 };

	if (s->told->acts == 0 && o->state == OPERATION_PAUSED)
		act_done(s);
	else if (s->told->acts == 0 && o->by_state[ITEM_LIVE].n >= 2)
		must(operation_pause(r, o, &f));
	else if (s->told->acts == 1 && o->state == OPERATION_PAUSED && later(s, 3))
		must(operation_resume(r, o, &f));
	else if (s->told->acts == 1 && o->state != OPERATION_PAUSED)
		act_done(s);
}

/* What is in no block yet is too cheap for the spike: empty attempts win. */
static void cancels(struct stage *s, struct runner *r, struct operation *o)
{
	struct fail f = { 0 };

	if (s->told->acts >= 1 && o->state == OPERATION_DISTRIBUTING &&
	    o->by_state[ITEM_LIVE].n >= 5)
		must(operation_cancel(r, o, true, &f));
}

/* As soon as something is reserved: its bytes are just being signed. */
static void cancels_at_once(struct stage *s, struct runner *r, struct operation *o)
{
	struct fail f = { 0 };

	(void)s;
	if (o->state == OPERATION_DISTRIBUTING && o->by_state[ITEM_LIVE].n >= 1)
		must(operation_cancel(r, o, true, &f));
}

/* Before anything is reserved: the list is in the journal, and that is all. */
static void cancels_before(struct stage *s, struct runner *r, struct operation *o)
{
	struct fail f = { 0 };

	(void)s;
	if (o->state < OPERATION_DISTRIBUTING)
		must(operation_cancel(r, o, false, &f));
}

/* He looks at what vanished, and accepts it as soon as a quorum shows what is left. */
static void accepts(struct stage *s, struct runner *r, struct operation *o)
{
	struct follower *chain = runner_chain_by_id(r, o->chain)->follower;
	struct fail f = { 0 };

	if (!follower_stopped(chain) || operation_resume(r, o, &f) ||
	    follower_stopped(chain))
		return;
	if (s->told->acts == s->told->vanished)
		act_done(s);
}

/* In the middle it is found that the journal may be older than what was sent. */
static void doubts(struct stage *s, struct runner *r, struct operation *o)
{
	struct account *a = account_of(r, o->account);

	if (s->told->acts == 0 && a->doubt[0])
		act_done(s);
	else if (s->told->acts == 0 && o->by_state[ITEM_LIVE].n >= 2)
		account_doubt(r, a, "another copy of it was seen");
	else if (s->told->acts == 1 && !a->doubt[0])
		act_done(s);
}

/* The first list fails in the middle, the second one is paid meanwhile. */
static bool breaks(struct stage *s, const struct operation *o)
{
	return s->told->acts == 0 && !strcmp(o->name, stage_list(s, 0)->name) &&
	    o->state == OPERATION_DISTRIBUTING && o->by_state[ITEM_LIVE].n >= 2;
}

static void mends(struct stage *s, struct runner *r, struct operation *o)
{
	struct operation *other = NULL;
	struct fail f = { 0 };

	for (size_t i = 0; i < r->operations_n; i++)
		if (r->operations[i] != o)
			other = r->operations[i];
	if (o->state != OPERATION_NEEDS_OPERATOR || (other && !operation_ended(other)))
		return;
	act_done(s);
	must(operation_resume(r, o, &f));
}

/* -- the table ------------------------------------------------------------- */

const struct scenario scenarios[] = {
	{ .name = "native", .rows = 8, .forgets = true },
	{ .name = "token",
	    .rows = 8,
	    .token = true,
	    .token_kind = SIM_TOKEN_PLAIN,
	    .forgets = true },
	{ .name = "no-return",
	    .rows = 7,
	    .token = true,
	    .token_kind = SIM_TOKEN_NO_RETURN,
	    .service_fee = 5,
	    .forgets = true },
	{ .name = "service-fee", .rows = 7, .service_fee = 250, .forgets = true },
	{ .name = "reorg", .rows = 12, .direct = reorgs, .acts = 2, .forgets = true },
	{ .name = "dropped", .rows = 12, .direct = evicts, .acts = 2, .forgets = true },
	{ .name = "dropped-reorg",
	    .rows = 10,
	    .token = true,
	    .direct = evicts_and_reorgs,
	    .acts = 4,
	    .forgets = true },
	{ .name = "spike", .rows = 9, .direct = spikes, .acts = 1, .forgets = true },
	{ .name = "foreign", .rows = 9, .direct = intrudes, .acts = 2, .forgets = true },
	{ .name = "pause", .rows = 8, .command = pauses, .acts = 2 },
	{ .name = "cancel",
	    .rows = 12,
	    .cancelled = true,
	    .direct = spikes_for_empties,
	    .command = cancels,
	    .acts = 2 },
	{ .name = "cancel-early",
	    .rows = 6,
	    .cancelled = true,
	    .command = cancels_at_once },
	{ .name = "import",
	    .rows = ROWS_MAX,
	    .cancelled = true,
	    .signs_nothing = true,
	    .command = cancels_before },
	{ .name = "full-disk", .rows = 10, .fills = true, .direct = fills, .acts = 3 },
	{ .name = "broken",
	    .rows = 7,
	    .lists = 2,
	    .breaks = breaks,
	    .command = mends,
	    .acts = 1,
	    .event = "needs_operator" },
	{ .name = "vanished",
	    .rows = 14,
	    .direct = vanishes,
	    .command = accepts,
	    .acts = 4 },
	{ .name = "contested",
	    .rows = 9,
	    .direct = intrudes_and_vanishes,
	    .command = accepts,
	    .acts = 3,
	    .event = "contested" },
	{ .name = "fence",
	    .rows = 8,
	    .command = doubts,
	    .acts = 2,
	    .event = "in doubt",
	    .forgets = true },
	{ .name = "adopt",
	    .rows = 8,
	    .service_fee = 250,
	    .loses = true,
	    .operated = true },
	{ .name = "adopt-token",
	    .rows = 8,
	    .token = true,
	    .token_kind = SIM_TOKEN_PLAIN,
	    .direct = stalls,
	    .acts = 1,
	    .loses = true,
	    .operated = true },
	{ .name = "adopt-revised",
	    .rows = 9,
	    .direct = stalls,
	    .acts = 1,
	    .loses = true,
	    .revised = true,
	    .operated = true },
	{ .name = "set-back",
	    .rows = 12,
	    .service_fee = 250,
	    .direct = reorgs,
	    .acts = 2,
	    .sets_back = true,
	    .thaws = true,
	    .operated = true },
	{ .name = "set-back-lists",
	    .rows = 7,
	    .lists = 2,
	    .token = true,
	    .token_kind = SIM_TOKEN_PLAIN,
	    .direct = reorgs,
	    .acts = 2,
	    .sets_back = true,
	    .unordered = true,
	    .thaws = true,
	    .operated = true },
	{ .name = "copies",
	    .rows = 12,
	    .service_fee = 250,
	    .copied = true,
	    .operated = true },
	{ .name = "copies-lists",
	    .rows = 7,
	    .lists = 2,
	    .token = true,
	    .token_kind = SIM_TOKEN_PLAIN,
	    .copied = true,
	    .operated = true },
	{ .name = "free",
	    .rows = 8,
	    .service_fee = 250,
	    .is_free = true,
	    .direct = reorgs,
	    .acts = 2,
	    .forgets = true,
	    .sets_back = true,
	    .operated = true },
	{ .name = "free-adopt",
	    .rows = 8,
	    .service_fee = 250,
	    .is_free = true,
	    .loses = true,
	    .operated = true },
	{ .name = "free-copies",
	    .rows = 7,
	    .is_free = true,
	    .copied = true,
	    .operated = true },
	{ .name = "handed",
	    .rows = 5,
	    .lists = 2,
	    .service_fee = 250,
	    .asks = callers_hand_over,
	    .answered = callers_handed,
	    .acts = 2,
	    .handed = true,
	    .operated = true },
	{ .name = "repair",
	    .rows = 8,
	    .direct = pays_by_hand,
	    .leaves = callers_may_release,
	    .asks = callers_repair,
	    .answered = callers_repaired,
	    .acts = 3,
	    .mended = true,
	    .operated = true },
	{ .name = "liar",
	    .rows = 8,
	    .nodes = 3,
	    .quorum = 2,
	    .direct = lies,
	    .acts = 1,
	    .forgets = true },
	{ .name = "two-keys",
	    .rows = 7,
	    .lists = 2,
	    .keys = 2,
	    .service_fee = 250,
	    .forgets = true },
	{ .name = "two-lists",
	    .rows = 7,
	    .lists = 2,
	    .service_fee = 250,
	    .forgets = true },
	{ .name = "lost-answers",
	    .rows = 8,
	    .forgets = true,
	    .nodes = 3,
	    .quorum = 2,
	    .per_mille = { [SIM_FAULT_NOT_SENT] = 20,
		[SIM_FAULT_RESET] = 40,
		[SIM_FAULT_HANG] = 20,
		[SIM_FAULT_LATE] = 40,
		[SIM_FAULT_LOST] = 60,
		[SIM_FAULT_GATEWAY] = 60,
		[SIM_FAULT_LIMITED] = 20,
		[SIM_FAULT_CUT] = 30,
		[SIM_FAULT_STALE] = 30 } },
};

const size_t scenarios_n = sizeof scenarios / sizeof *scenarios;
