/* Airdrops on a chain that misbehaves, with an operator who changes his mind: nonces that
 * others take, bumps and caps, cancels, blocks that vanish, tokens that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "chain/follower_in.h"
#include "engine/account.h"
#include "engine/attempt.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "scene.h"
#include "sim/oracle.h"

#define ROWS_MAX 150
#define LISTS_MAX 2
#define INTERVAL_MS 2000

/* -- the program ----------------------------------------------------------- */

static struct scene scene;
static struct runner *runner;
static bool retracts; /* blocks vanish: what was in them is in flight again */

static enum err key_get(
    void *ctx, const char *name, const struct secret **ret, struct fail *f)
{
	(void)ctx;
	if (strcmp(name, "treasury") != 0)
		return fail_set(f, ERR_KEY, "there is no key %s", name);
	*ret = scene.key;
	return ERR_OK;
}

static const char *waits(void *ctx)
{
	(void)ctx;
	return runner && runner->operations_n ? runner->operations[0]->waits_for : "?";
}

static void rise(void)
{
	static const struct kind *const kinds[] = { &kind_airdrop };

	runner = runner_new(&(struct runner_setup){ .world = scene.world,
	    .journal = scene.journal,
	    .chains = &scene.config,
	    .chains_n = 1,
	    .keys = { .get = key_get },
	    .kinds = kinds,
	    .kinds_n = 1 });
}

static void rest(void)
{
	scene_rest(&scene);
	runner_free(runner);
	runner = NULL;
}

static void rise_again(void)
{
	rest();
	scene_rise(&scene);
	rise();
}

static struct chain_run *chain(void)
{
	return &runner->chains[0];
}

static struct account *account(void)
{
	assert_int_equal(chain()->accounts_n, 1);
	return chain()->accounts[0];
}

/* G10, at every commit; and the limit of what may be in flight. */
static void check_turn(void)
{
	for (size_t k = 0; k < runner->operations_n; k++) {
		const struct operation *o = runner->operations[k];
		struct amount sum = AMOUNT_ZERO;
		int64_t n = 0;

		for (size_t i = 0; i < 5; i++) {
			n += o->by_state[i].n;
			assert_true(amount_add(&sum, &sum, &o->by_state[i].sum));
		}
		assert_int_equal(n, o->items);
		assert_int_equal(amount_cmp(&sum, &o->planned), 0);
		assert_true(amount_add(&sum, &o->fees_final, &o->fees_held));
		assert_true(amount_cmp(&sum, &o->cap) <= 0);
	}
	for (size_t i = 0; i < chain()->accounts_n; i++) {
		struct account *a = chain()->accounts[i];

		if (a->known && !retracts)
			assert_in_range(account_next_nonce(runner, a) - a->count, 0,
			    (uint64_t)scene.config.max_in_flight);
	}
}

static void turn(void)
{
	struct fail f = { 0 };

	if (!runner_turn(runner, &f))
		fail_msg("a full disk, it says: %s", f.why);
	check_turn();
}

static void run(int64_t ms)
{
	int64_t until = world_now_ms(scene.world) + ms, wake;

	while (world_now_ms(scene.world) < until) {
		turn();
		wake = runner_wake_ms(runner);
		world_wait(scene.world, wake < until ? wake : until);
	}
	turn();
}

#define run_until(condition)                                                             \
	do {                                                                             \
		int64_t late = world_now_ms(scene.world) + 600000;                       \
		while (!(condition)) {                                                   \
			if (world_now_ms(scene.world) > late)                            \
				fail_msg("not within ten minutes: %s; it waits for: %s", \
				    #condition, waits(NULL));                            \
			run(20);                                                         \
		}                                                                        \
	} while (0)

#define assert_says(text, part)                                             \
	do {                                                                \
		if (!strstr(text, part))                                    \
			fail_msg("\"%s\" does not say \"%s\"", text, part); \
	} while (0)

/* -- lists ----------------------------------------------------------------- */

struct list {
	const char *name;
	int rows;
	uint64_t service_fee;
	const char *cap; /* whole coin; NULL: 10 */
	char file[64];
	int64_t id;
	struct address to[ROWS_MAX + 1]; /* from 1 on */
	uint64_t amount[ROWS_MAX + 1];
};

static struct list lists[LISTS_MAX];
static size_t lists_n;
static struct sim_token *token; /* that is paid in; NULL: the native coin */
static const struct address fee_to = { { 0xfe, 0xee } };

static void rows_fill(struct list *l)
{
	for (int i = 1; i <= l->rows; i++) {
		memset(l->to[i].at, 0x50, sizeof l->to[i].at);
		l->to[i].at[18] = (uint8_t)(l - lists);
		l->to[i].at[19] = (uint8_t)i;
		l->amount[i] = 1000 + (uint64_t)i;
	}
}

static void list_write(struct list *l)
{
	FILE *file;

	snprintf(l->file, sizeof l->file, "/tmp/pawl-engine-XXXXXX");
	file = fdopen(mkstemp(l->file), "w");
	assert_non_null(file);
	fprintf(file, "address,amount\n");
	for (int i = 1; i <= l->rows; i++) {
		fprintf(file, "0x");
		for (size_t k = 0; k < sizeof l->to[i].at; k++)
			fprintf(file, "%02x", l->to[i].at[k]);
		fprintf(file, ",%llu\n", (unsigned long long)l->amount[i]);
	}
	assert_int_equal(fclose(file), 0);
}

static struct list_rules rules(void)
{
	struct list_rules r = { .decimals = 18,
		.base_units = true,
		.token = token != NULL,
		.sender = scene.sender };

	if (token)
		r.token_address = token->at;
	return r;
}

static enum err plan_row(void *ctx, const struct list_row *row, struct fail *f)
{
	(void)f;
	plan_hash_row(ctx, &row->to, &row->amount, row->memo, row->memo_len);
	return ERR_OK;
}

static void plan_of(const struct list *l, struct list_sum *sum, uint8_t plan[32])
{
	struct plan_header header = { .chain_id = scene.config.chain_id,
		.genesis = scene.chain->genesis->hash,
		.token = token != NULL,
		.decimals = 18,
		.sender = scene.sender,
		.service_fee = amount_u64(l->service_fee) };
	struct list_rules r = rules();
	struct fail f = { 0 };
	struct plan_hash *h;

	if (token)
		header.token_address = token->at;
	if (l->service_fee)
		header.service_fee_to = fee_to;
	h = plan_hash_begin(&header);
	if (list_read(sum, NULL, l->file, &r, plan_row, h, &f))
		fail_msg("the list: %s", f.why);
	plan_hash_end(h, plan);
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

static void facts_fill(struct airdrop_facts *a, const struct list *l)
{
	a->has_token = token != NULL;
	a->decimals = 18;
	a->gas = a->fee_gas = token ? AIRDROP_GAS_TOKEN : AIRDROP_GAS_NATIVE;
	a->fee_amount = amount_u64(l->service_fee);
	a->fee_to = fee_to;
	if (token)
		a->token = token->at;
	snprintf(a->symbol, sizeof a->symbol, "%s", token ? "TKN" : "");
	snprintf(a->file, sizeof a->file, "%s", l->file);
}

static void create(struct list *l)
{
	struct airdrop_new new = { .name = l->name,
		.key_name = "treasury",
		.chain = chain()->id,
		.sender = scene.sender,
		.in_flight_max = scene.config.max_in_flight,
		.fee_cap = scene.config.max_fee_per_gas };
	const char *cap = l->cap ? l->cap : "10";
	struct list_rules r = rules();
	struct fail f = { 0 };
	struct list_sum sum;

	facts_fill(&new.facts, l);
	plan_of(l, &sum, new.plan);
	new.items = sum.rows;
	new.planned = sum.total;
	assert_int_equal(amount_parse(&new.cap, cap, strlen(cap), 18), AMOUNT_OK);
	memcpy(new.facts.file_hash, sum.file_hash, sizeof new.facts.file_hash);
	l->id = airdrop_create(scene.journal, &new);
	if (!l->id || journal_commit(scene.journal, &f))
		fail_msg("create: %s", f.why);
	if (airdrop_import(scene.journal, l->id, &r, never, NULL, &f))
		fail_msg("import: %s", f.why);
	assert_non_null(operation_load(runner, l->id));
}

/* -- a test begins, and ends ------------------------------------------------ */

static void begin(uint32_t nodes, int quorum)
{
	scene_open(&scene, nodes, quorum);
	scene_say(waits, NULL);
	sim_mining(scene.chain, INTERVAL_MS);
	rise();
}

static struct operation *op_of(const struct list *l)
{
	struct operation *o = runner_operation(runner, l->id);

	assert_non_null(o);
	return o;
}

static struct operation *op(void)
{
	return op_of(&lists[0]);
}

static void begin_token(enum sim_token_kind kind)
{
	struct address at = { .at = { 0x70, 0x6b } };
	struct amount much = amount_u64(100000000);

	begin(1, 1);
	token = sim_token_add(scene.chain, &at, kind, 18, "TKN");
	sim_fund(scene.chain, &scene.sender, token, &much);
	sim_mine(scene.chain, NULL);
}

static struct list *pay(const struct list *what)
{
	struct list *l = &lists[lists_n++];

	assert_true(lists_n <= LISTS_MAX && what->rows <= ROWS_MAX);
	*l = *what;
	if (!l->name)
		l->name = "wages";
	rows_fill(l);
	list_write(l);
	run_until(chain()->id);
	create(l);
	return l;
}

static struct list *pay_rows(int rows)
{
	return pay(&(struct list){ .rows = rows });
}

static int end(void **state)
{
	(void)state;
	if (runner)
		rest();
	if (scene.journal)
		scene_close(&scene);
	while (lists_n)
		unlink(lists[--lists_n].file);
	token = NULL;
	retracts = false;
	return 0;
}

/* -- what is looked at ------------------------------------------------------ */

static bool ended(void)
{
	for (size_t i = 0; i < lists_n; i++) {
		const struct operation *o = runner_operation(runner, lists[i].id);

		if (!o || !operation_ended(o))
			return false;
	}
	return true;
}

static int state(void)
{
	return op()->state;
}

static struct sql_item_get_out item(int64_t row)
{
	struct sql_item_get_in in = { .operation = lists[0].id, .row = row };
	struct sql_item_get_out out;

	assert_true(sql_item_get_one(scene.journal, &in, &out));
	return out;
}

static struct intent intent(int64_t id)
{
	struct intent i;

	assert_true(intent_read(scene.journal, id, &i));
	return i;
}

/* The intents of a row, oldest first; returns how many. */
static size_t intents_of(int64_t row, int64_t ids[8])
{
	struct sql_intent_by_row_in in = { .operation = lists[0].id, .row = row };
	struct sql_intent_by_row_out out;
	size_t n = 0;

	sql_intent_by_row_begin(scene.journal, &in);
	while (sql_intent_by_row_next(scene.journal, &out)) {
		assert_true(n < 8);
		ids[n++] = out.id;
	}
	return n;
}

static bool live(int64_t row)
{
	return item(row).state == ITEM_LIVE;
}

static bool is_signed(int64_t row)
{
	return live(row) && intent(item(row).intent).has_attempt;
}

/* How many of the chain's payments go to this row. */
static uint64_t paid(const struct list *l, int row)
{
	struct address asset = token ? token->at : (struct address){ { 0 } };
	struct amount sum;

	return sim_paid(scene.chain, &scene.sender, &asset, &l->to[row], &sum);
}

/* Exactly once, by the chain alone; contiguous nonces; one payload a nonce. */
static void check_exact(void)
{
	static struct sim_due due[LISTS_MAX * (ROWS_MAX + 1)];
	struct buf why;
	size_t n = 0;

	for (size_t k = 0; k < lists_n; k++)
		for (int i = 1; i <= lists[k].rows; i++)
			due[n++] =
			    (struct sim_due){ .token = token ? token->at
							     : (struct address){ { 0 } },
				    .to = lists[k].to[i],
				    .amount = amount_u64(lists[k].amount[i]) };
	for (size_t k = 0; k < lists_n; k++)
		if (lists[k].service_fee)
			due[n++] = (struct sim_due){ .to = fee_to,
				.amount = amount_u64(lists[k].service_fee) };
	buf_init(&why, 65536);
	if (!sim_oracle_holds(scene.chain, &scene.sender, due, n, &why))
		fail_msg("%.*s", (int)why.len, (const char *)why.data);
	buf_release(&why);
}

/* Fees as the journal has them are those of the chain. */
static void check_fees(void)
{
	struct amount sum = AMOUNT_ZERO;
	struct sim_ledger ledger;

	for (size_t k = 0; k < lists_n; k++) {
		assert_true(amount_is_zero(&op_of(&lists[k])->fees_held));
		assert_true(amount_add(&sum, &sum, &op_of(&lists[k])->fees_final));
	}
	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	assert_int_equal(amount_cmp(&sum, &ledger.fees), 0);
}

static void finish(void)
{
	run_until(ended());
	for (size_t k = 0; k < lists_n; k++) {
		assert_int_equal(op_of(&lists[k])->state, OPERATION_COMPLETED);
		assert_int_equal(op_of(&lists[k])->by_state[ITEM_FINAL].n, lists[k].rows);
	}
	check_exact();
	check_fees();
}

static void resume(void)
{
	struct fail f = { 0 };

	if (operation_resume(runner, op(), &f))
		fail_msg("resume: %s", f.why);
}

/* The operator looks at it for a while. */
static void resume_chain(void)
{
	run_until(follower_stopped(chain()->follower));
	run(5000);
	resume();
}

static uint64_t height(void)
{
	return scene_height(&scene);
}

static void after_blocks(uint64_t n)
{
	uint64_t until = height() + n;

	run_until(height() >= until);
}

static void reorg(uint64_t depth, bool give_back)
{
	retracts = true;
	sim_reorg(
	    scene.chain, &(struct sim_reorg){ .depth = depth, .give_back = give_back });
}

static const struct address stranger_to = { { 0xaa, 0xbb } };

/* -- what nodes lie about ---------------------------------------------------- */

static void a_list_is_paid(void **state_)
{
	(void)state_;
	begin(3, 2);
	pay_rows(12);
	finish();
}

/* One node's block holds our transaction, the quorum's has not. */
static void an_attempt_in_one_nodes_block_is_disowned(void **state_)
{
	struct block_facts lie = { 0 };
	struct seen_tx tx = { .status = TX_OK, .gas_used = 21000, .gas_price = GWEI };
	struct sql_attempt_get_out at;
	struct intent i;

	(void)state_;
	begin(3, 2);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(1);
	run_until(is_signed(1));
	i = intent(item(1).intent);
	assert_true(sql_attempt_get_one(
	    scene.journal, &(struct sql_attempt_get_in){ .id = i.attempt }, &at));
	memcpy(tx.hash.at, at.hash, sizeof at.hash);
	sim_pool_drop_all(scene.chain);
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	run(3000);
	assert_true(follower_head(chain()->follower, &lie.head));
	lie.tx = &tx;
	lie.tx_n = 1;
	account_adopted(runner, account(), &lie, 0);
	turn();
	assert_true(sql_attempt_get_one(
	    scene.journal, &(struct sql_attempt_get_in){ .id = i.attempt }, &at));
	assert_int_equal(at.state, ATTEMPT_INCLUDED);
	for (int k = 0; k < SCENE_DEPTH; k++)
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	run(3000);
	assert_true(sql_attempt_get_one(
	    scene.journal, &(struct sql_attempt_get_in){ .id = i.attempt }, &at));
	assert_int_equal(at.state, ATTEMPT_SIGNED);
	assert_true(at.no_height);
	assert_true(live(1));
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

struct fee_row {
	uint64_t max_fee, tip;
};

static size_t attempts_of(int64_t intent_id, struct fee_row out[16])
{
	struct sql_attempt_of_intent_in in = { .intent = intent_id };
	struct sql_attempt_of_intent_out row;
	size_t n = 0;

	sql_attempt_of_intent_begin(scene.journal, &in);
	while (sql_attempt_of_intent_next(scene.journal, &row)) {
		assert_true(n < 16);
		out[n++] = (struct fee_row){ .max_fee = (uint64_t)row.max_fee,
			.tip = (uint64_t)row.tip };
	}
	return n;
}

/* Of three nodes one lies: it neither raises nor lowers what is offered. */
static void one_node_does_not_make_the_fees(void **state_)
{
	static const uint64_t lies[] = { 40 * GWEI, 1 };

	(void)state_;
	for (uint32_t k = 0; k < 6; k++) {
		begin(3, 2);
		scene.node[0]->tip = scene.node[1]->tip = 2 * GWEI;
		scene.node[2]->tip = 3 * GWEI;
		scene.node[k / 2]->tip = lies[k % 2];
		run_until(chain()->id);
		pay_rows(1);
		run_until(is_signed(1));
		assert_in_range(chain()->market.tip, 2 * GWEI, 3 * GWEI);
		finish();
		end(NULL);
	}
}

/* Headers are of one node's making: none makes a bump dearer. */
static void one_node_makes_no_base_fee(void **state_)
{
	(void)state_;
	for (int k = 0; k < 3; k++) {
		struct fee_row row[16];
		size_t n;

		begin(3, 2);
		run_until(chain()->id);
		sim_mining(scene.chain, 0);
		pay_rows(1);
		run_until(is_signed(1));
		scene.node[k]->base_fee = 400 * GWEI;
		for (int i = 0; i < 8; i++) {
			sim_mine(scene.chain, &(struct sim_content){ .empty = true });
			run(1500);
		}
		n = attempts_of(item(1).intent, row);
		assert_in_range(row[n - 1].max_fee, GWEI, 10 * GWEI);
		assert_in_range(row[n - 1].tip, GWEI, 3 * GWEI);
		sim_mining(scene.chain, INTERVAL_MS);
		finish();
		end(NULL);
	}
}

/* Two of three answer: a liar can't raise it. */
static void a_node_that_is_down_keeps_no_fees_back(void **state_)
{
	(void)state_;
	begin(3, 2);
	scene.node[0]->tip = 40 * GWEI;
	scene.node[2]->down = true;
	run_until(chain()->id);
	pay_rows(1);
	run_until(is_signed(1));
	assert_int_equal(chain()->market.tip, GWEI);
	finish();
}

static enum err no_market(
    struct fee_market *ret, const char *answer, size_t len, struct fail *f)
{
	(void)ret, (void)answer, (void)len;
	return fail_set(f, ERR_BAD_ANSWER, "no fees");
}

static void fees_that_nobody_tells_are_asked_for_with_pauses(void **state_)
{
	static struct connector silent;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	silent = connector_evm;
	silent.market_read = no_market;
	chain()->connector = &silent;
	pay_rows(2);
	run(20000);
	assert_in_range(scene.node[0]->calls[SIM_eth_feeHistory], 5, 25);
	chain()->connector = &connector_evm;
	finish();
}

/* -- others who use the key ---------------------------------------------------- */

/* The payload moves only when the consumer is final, and the proof names it. */
static void a_stranger_on_our_nonce_costs_nobody_anything(void **state_)
{
	struct sql_intent_get_out was;
	struct sim_tx *tx;
	int64_t ids[8];
	uint64_t block;
	char hash[65];

	(void)state_;
	begin(3, 2);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(3);
	run_until(is_signed(3));
	run(1000);
	tx =
	    scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	block = height();
	for (int i = 0; i < SCENE_DEPTH; i++) {
		run(3000);
		assert_true(live(1));
		assert_int_equal(intents_of(1, ids), 1);
		scene_mine(&scene, 1);
	}
	run(3000);
	assert_int_equal(intents_of(1, ids), 2);
	assert_true(sql_intent_get_one(
	    scene.journal, &(struct sql_intent_get_in){ .id = ids[0] }, &was));
	assert_int_equal(was.state, INTENT_VOID);
	for (size_t i = 0; i < 32; i++)
		snprintf(hash + 2 * i, 3, "%02x", tx->hash.at[i]);
	assert_says(was.proof, hash);
	assert_int_equal(intent(ids[1]).state == INTENT_VOID, false);
	assert_true(block + SCENE_DEPTH <= height());
	assert_false(account()->stopped);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* It used the nonce of a row and paid that very row: an absent receipt of ours proves
 * nothing, and the row is not paid a second time. */
static void a_stranger_that_pays_the_row_of_its_nonce_moves_nothing(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin(3, 2);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(3);
	run_until(is_signed(3));
	run(1000);
	scene_spend(&scene, intent(item(1).intent).nonce, &lists[0].to[1],
	    lists[0].amount[1], 60 * GWEI);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	run(60000);
	assert_says(op()->waits_for, "consumed a nonce and pays one of the rows");
	assert_true(live(1));
	assert_int_equal(intents_of(1, ids), 1);
	assert_int_equal(paid(&lists[0], 1), 0); /* by us; the stranger's is there */
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 2);
}

static void a_stranger_in_a_block_that_vanishes_proves_nothing(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(2);
	run_until(is_signed(2));
	run(1000);
	scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	run(4000);
	scene_mine(&scene, 1);
	run(3000);
	reorg(2, false);
	run(3000);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(intents_of(1, ids), 1);
}

/* Another program's transaction was below ours, and its block vanishes with it. */
static void begin_with_a_hole(int rows)
{
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	run(3000);
	scene.config.max_in_flight = 2;
	pay_rows(rows);
	run_until(is_signed(rows < 2 ? rows : 2));
	run(1000);
	assert_int_equal(intent(item(1).intent).nonce, 1);
	reorg(1, false);
	scene_mine(&scene, 1);
	run(3000);
}

static void a_nonce_that_comes_back_is_paid_with(void **state_)
{
	(void)state_;
	begin_with_a_hole(3);
	assert_int_equal(intent(item(3).intent).nonce, 0);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static void a_nonce_that_comes_back_is_filled(void **state_)
{
	struct sql_intent_by_nonce_out at;

	(void)state_;
	begin_with_a_hole(2);
	assert_true(sql_intent_by_nonce_one(scene.journal,
	    &(struct sql_intent_by_nonce_in){ .account = account()->id }, &at));
	assert_int_equal(intent(at.id).row, ROW_HOLE);
	rise_again();
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* It is final on the chain, but for us it waits: a death must not forget it. */
static void a_stranger_that_nobody_shows_holds_its_block(void **state_)
{
	struct head final;
	int64_t ids[8];
	uint64_t block;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(3);
	run_until(is_signed(3));
	run(1000);
	scene.node[0]->hides_transactions = true;
	scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	block = height();
	scene_mine(&scene, SCENE_DEPTH + 2);
	run(5000);
	for (int life = 0; life < 2; life++) {
		assert_true(follower_final(chain()->follower, &final));
		assert_in_range(final.height, 0, block - 1);
		assert_int_equal(intents_of(1, ids), 1);
		rise_again();
		run(5000);
	}
	scene.node[0]->hides_transactions = false;
	run_until(intents_of(1, ids) == 2);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* What it did is not known yet: another payment of a row, perhaps. */
static void nothing_is_reserved_beside_an_unread_stranger(void **state_)
{
	int64_t pending;

	(void)state_;
	begin(1, 1);
	pay_rows(24);
	run_until(is_signed(4));
	scene.node[0]->hides_transactions = true;
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
	after_blocks(3);
	run(1000);
	pending = op()->by_state[ITEM_PENDING].n;
	assert_true(pending > 0);
	after_blocks(12);
	assert_int_equal(op()->by_state[ITEM_PENDING].n, pending);
	scene.node[0]->hides_transactions = false;
	finish();
}

/* While the missed blocks are read its count is that of long ago. */
static void a_start_takes_no_nonce_that_was_used_meanwhile(void **state_)
{
	struct sql_intent_by_nonce_in in;
	struct sql_intent_by_nonce_out found;

	(void)state_;
	begin(3, 2);
	scene.config.max_in_flight = 2;
	run_until(chain()->id);
	pay_rows(16);
	run_until(op()->by_state[ITEM_FINAL].n >= 3);
	rest();
	sim_mining(scene.chain, 0);
	scene_mine(&scene, 60);
	in.nonce =
	    (int64_t)scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 0)->nonce;
	scene_mine(&scene, 50);
	sim_mining(scene.chain, INTERVAL_MS);
	scene_rise(&scene);
	rise();
	run_until(runner->operations_n);
	finish();
	in.account = account()->id;
	assert_false(sql_intent_by_nonce_one(scene.journal, &in, &found));
}

static void a_stranger_that_pays_a_row_stops_the_account(void **state_)
{
	(void)state_;
	begin(3, 2);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(12);
	run_until(is_signed(4));
	run(500);
	scene_spend(&scene, SIM_NONCE_NEXT, &lists[0].to[12], lists[0].amount[12], 0);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "pays one of its rows");
	assert_says(account()->why_stopped, "pawl resume key:treasury");
	sim_mining(scene.chain, INTERVAL_MS);
	run(60000);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
	rise_again(); /* it stays so */
	run(20000);
	assert_true(account()->stopped);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	resume();
	finish(); /* foreign payments are not the oracle's */
}

/* On the nonce of a live intent, and it pays a row: when the operator says that it was
 * for something else, it is a stranger like others, and its row is paid. */
static void a_suspect_that_is_cleared_settles_its_nonce(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(3);
	run_until(is_signed(3));
	run(500);
	scene_spend(&scene, intent(item(1).intent).nonce, &lists[0].to[2],
	    lists[0].amount[2], 60 * GWEI);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	sim_mining(scene.chain, INTERVAL_MS);
	after_blocks(SCENE_DEPTH + 3);
	assert_true(live(1));
	sql_consumed_clear(
	    scene.journal, &(struct sql_consumed_clear_in){ .account = account()->id });
	turn();
	rise_again();
	run_until(runner->operations_n && account()->known);
	resume();
	run_until(ended());
	assert_int_equal(op()->state, OPERATION_COMPLETED);
	assert_int_equal(intents_of(1, ids), 2);
}

static void three_strangers_stop_and_a_resume_accepts_them(void **state_)
{
	(void)state_;
	begin(3, 2);
	scene.config.finality.depth = 6;
	scene.config.max_in_flight = 2;
	run_until(chain()->id);
	pay_rows(24);
	run_until(op()->by_state[ITEM_FINAL].n >= 1);
	for (int i = 0; i < 3; i++) {
		scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 7, 90 * GWEI);
		after_blocks(1);
		if (i < 1)
			assert_false(account()->stopped);
	}
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "another program");
	run(30000);
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	resume();
	run(6000);
	assert_false(account()->stopped);
	finish();
}

/* -- fees ------------------------------------------------------------------------ */

static size_t check_rule(int64_t intent_id)
{
	struct fee_row row[16];
	size_t n = attempts_of(intent_id, row);

	for (size_t i = 0; i < n; i++) {
		assert_true(row[i].max_fee <= scene.config.max_fee_per_gas);
		assert_true(row[i].tip <= scene.config.max_priority_fee_per_gas);
		if (!i)
			continue;
		assert_true(row[i].max_fee * 10 > row[i - 1].max_fee * 11);
		assert_true(row[i].tip * 10 > row[i - 1].tip * 11);
	}
	return n;
}

/* All is mined while it is away: nothing is sent again, and no block of the past makes
 * an attempt too cheap. */
static void what_was_mined_meanwhile_is_not_sent_again(void **state_)
{
	uint64_t sends;

	(void)state_;
	begin(1, 1);
	scene.config.max_in_flight = 12;
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(12);
	run_until(is_signed(12));
	run(1000);
	rest();
	scene_mine(&scene, 5);
	for (int k = 0; k < 40; k++) {
		scene.chain->base_fee_next = 90 * GWEI;
		scene_mine(&scene, 1);
	}
	for (int k = 0; k < 60; k++)
		scene_mine(&scene, 1);
	sends = scene.node[0]->calls[SIM_eth_sendRawTransaction];
	scene_rise(&scene);
	rise();
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(runner->operations_n);
	finish();
	assert_int_equal(scene.node[0]->calls[SIM_eth_sendRawTransaction], sends);
	for (int row = 1; row <= 12; row++) {
		struct fee_row fees[16];
		int64_t ids[8];

		assert_int_equal(intents_of(row, ids), 1);
		assert_int_equal(attempts_of(ids[0], fees), 1);
	}
}

static void a_base_fee_above_what_it_offers_bumps_it(void **state_)
{
	struct fee_row row[16];
	int64_t id;
	size_t n;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(3);
	run_until(is_signed(3));
	id = item(1).intent;
	assert_int_equal(attempts_of(id, row), 1);
	scene.chain->base_fee_next = 30 * GWEI;
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	scene.chain->base_fee_next = 30 * GWEI;
	run(5000);
	n = check_rule(id);
	assert_int_equal(n, 2);
	attempts_of(id, row);
	assert_true(row[1].max_fee >= 30 * GWEI);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* Only the lowest, and only after bump_after blocks. */
static void the_lowest_that_waits_is_bumped(void **state_)
{
	int64_t first, second;
	struct fee_row row[16];

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(3);
	run_until(is_signed(3));
	first = item(1).intent;
	second = item(2).intent;
	for (int i = 0; i < scene.config.bump_after - 1; i++) {
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
		run(2000);
		assert_int_equal(attempts_of(first, row), 1);
	}
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	run(2000);
	assert_int_equal(check_rule(first), 2);
	assert_int_equal(attempts_of(second, row), 1);
	for (int i = 0; i < 40; i++) {
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
		run(2000);
	}
	assert_in_range(check_rule(first), 5, 16);
	assert_int_equal(attempts_of(second, row), 1);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static size_t attempts_in(int64_t intent_id, int attempt_state)
{
	struct sql_attempt_of_intent_in in = { .intent = intent_id };
	struct sql_attempt_of_intent_out row;
	size_t n = 0;

	sql_attempt_of_intent_begin(scene.journal, &in);
	while (sql_attempt_of_intent_next(scene.journal, &row))
		n += row.state == attempt_state;
	return n;
}

/* However many: when one is mined all the others are replaced, and come back with it. */
static void all_attempts_of_a_nonce_move_together(void **state_)
{
	int64_t id;

	(void)state_;
	begin(1, 1);
	scene.config.bump_after = 1;
	scene.node[0]->tip = 1;
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	scene.chain->base_fee_next = 7;
	pay_rows(1);
	run_until(is_signed(1));
	id = item(1).intent;
	for (int i = 0; i < 80; i++) {
		scene.chain->base_fee_next = 7;
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
		run(1500);
	}
	assert_in_range(attempts_in(id, ATTEMPT_SIGNED), 70, 90);
	scene.chain->base_fee_next = 7;
	sim_mine(scene.chain, NULL);
	run(1500);
	assert_int_equal(attempts_in(id, ATTEMPT_INCLUDED), 1);
	assert_int_equal(attempts_in(id, ATTEMPT_SIGNED), 0);
	reorg(1, false);
	run(3000);
	assert_int_equal(attempts_in(id, ATTEMPT_REPLACED), 0);
	scene.chain->base_fee_next = 0;
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static void no_bump_passes_the_caps_per_gas(void **state_)
{
	struct fee_row row[16];

	(void)state_;
	begin(1, 1);
	scene.config.max_fee_per_gas = 8 * GWEI;
	scene.config.max_priority_fee_per_gas = 2 * GWEI;
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(6);
	run_until(is_signed(4));
	for (int i = 0; i < 30; i++) {
		scene.chain->base_fee_next = 20 * GWEI;
		sim_mine(scene.chain, NULL);
		run(1500);
	}
	check_rule(item(1).intent);
	assert_true(op()->by_state[ITEM_PENDING].n == 2);
	assert_int_equal(state(), OPERATION_DISTRIBUTING);
	scene.chain->base_fee_next = GWEI;
	sim_mine(scene.chain, NULL);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	for (int64_t i = 1; i <= 6; i++)
		assert_true(attempts_of(item(i).intent, row) <= 16);
}

static void the_cap_stops_it_and_a_higher_one_lets_it_go_on(void **state_)
{
	struct amount cap;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 10, .cap = "0.0002" });
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "--max-total-fee");
	assert_says(op()->waits_for, "pawl resume wages");
	assert_true(op()->by_state[ITEM_FINAL].n > 0);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	run(20000);
	assert_int_equal(state(), OPERATION_NEEDS_OPERATOR);
	assert_int_equal(amount_parse(&cap, "1", 1, 18), AMOUNT_OK);
	operation_cap(runner, op(), &cap);
	resume();
	finish();
}

/* Bumps come before new intents, and what they need is held. */
static void the_cap_stops_bumps_with_what_is_live(void **state_)
{
	struct amount cap;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay(&(struct list){ .rows = 4, .cap = "0.002" });
	run_until(is_signed(1));
	run(500);
	for (int i = 0; i < 30 && state() != OPERATION_NEEDS_OPERATOR; i++) {
		scene.chain->base_fee_next = 400 * GWEI;
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
		run(1500);
	}
	assert_int_equal(state(), OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "--max-total-fee");
	assert_true(op()->by_state[ITEM_LIVE].n > 0);
	assert_int_equal(amount_parse(&cap, "5", 1, 18), AMOUNT_OK);
	operation_cap(runner, op(), &cap);
	resume();
	scene.chain->base_fee_next = 20 * GWEI;
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static uint64_t paid_in_all(void)
{
	uint64_t n = 0;

	for (int i = 1; i <= lists[0].rows; i++) {
		assert_in_range(paid(&lists[0], i), 0, 1);
		n += paid(&lists[0], i);
	}
	return n;
}

/* The cap is what is spent and held; not a wei more. */
static void cap_at_what_is_held(void)
{
	struct amount all;

	assert_true(amount_add(&all, &op()->fees_held, &op()->fees_final));
	operation_cap(runner, op(), &all);
}

static void raise_cap(const char *coins)
{
	struct amount cap;

	assert_int_equal(amount_parse(&cap, coins, strlen(coins), 18), AMOUNT_OK);
	operation_cap(runner, op(), &cap);
}

static void mine_at(uint64_t base_fee)
{
	scene.chain->base_fee_next = base_fee;
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	scene.chain->base_fee_next = base_fee;
	run(1500);
}

static bool is_emptied(int64_t row)
{
	struct intent i = intent(item(row).intent);
	struct sql_attempt_get_out at;

	return sql_attempt_get_one(
		   scene.journal, &(struct sql_attempt_get_in){ .id = i.attempt }, &at) &&
	    at.empty;
}

/* At thirty times the fee, and with a bump before it: each live intent holds enough for
 * its empty attempt. */
static void a_cancel_now_uses_the_room_that_is_held(void **state_)
{
	struct fee_row row[16];
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(4);
	run_until(is_signed(4));
	cap_at_what_is_held();
	for (int i = 0; i < scene.config.bump_after; i++)
		mine_at(GWEI);
	assert_int_equal(attempts_of(item(1).intent, row), 2);
	mine_at(30 * GWEI);
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	run(3000);
	for (int i = 1; i <= 4; i++)
		assert_true(is_emptied(i));
	scene.chain->base_fee_next = GWEI;
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(paid_in_all(), 0);
	check_fees();
}

static void a_cancel_that_its_cap_holds_up_says_so(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(4);
	run_until(is_signed(4));
	cap_at_what_is_held();
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	run(2000);
	assert_true(is_emptied(1));
	for (int i = 0; i < 8; i++)
		mine_at(60 * GWEI); /* the empty ones are too cheap now */
	assert_int_equal(state(), OPERATION_CANCELLING);
	assert_says(op()->waits_for, "the cap on fees does not cover an empty attempt");
	assert_says(op()->waits_for, "pawl resume wages --max-total-fee AMOUNT");
	raise_cap("5");
	run(3000);
	assert_string_equal(op()->waits_for, "what is live to be final");
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(paid_in_all(), 0);
	check_fees();
}

/* More than are looked at in one go, and behind others. */
static void a_cancel_now_empties_all_at_once(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	scene.config.max_in_flight = 400;
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(ROWS_MAX);
	run_until(is_signed(ROWS_MAX));
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	run(2000);
	for (int i = 1; i <= ROWS_MAX; i++)
		assert_true(is_emptied(i));
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(paid_in_all(), 0);
	check_fees();
}

/* -- the operator ------------------------------------------------------------------ */

static void a_pause_reserves_nothing_new(void **state_)
{
	struct fail f = { 0 };
	int64_t pending;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(12);
	run_until(op()->by_state[ITEM_LIVE].n >= 3);
	assert_int_equal(operation_pause(runner, op(), &f), ERR_OK);
	pending = op()->by_state[ITEM_PENDING].n;
	run(40000);
	assert_int_equal(state(), OPERATION_PAUSED);
	assert_int_equal(op()->by_state[ITEM_PENDING].n, pending);
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
	rise_again();
	run(20000);
	assert_int_equal(op()->by_state[ITEM_PENDING].n, pending);
	resume();
	finish();
}

static void a_cancel_settles_what_is_live(void **state_)
{
	struct sim_ledger ledger;
	struct fail f = { 0 };
	int64_t open;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(12);
	run_until(op()->by_state[ITEM_LIVE].n >= 3);
	open = op()->by_state[ITEM_LIVE].n + op()->by_state[ITEM_FINAL].n;
	assert_int_equal(operation_cancel(runner, op(), false, &f), ERR_OK);
	run_until(ended());
	assert_int_equal(state(), OPERATION_CANCELLED);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, open);
	assert_int_equal(paid_in_all(), (uint64_t)open);
	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	assert_int_equal(ledger.empty, 0);
	check_fees();
}

/* Empty attempts on every nonce; a payload that is out already may still win. */
static void a_cancel_now_empties_what_is_live(void **state_)
{
	struct sim_ledger ledger;
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(12);
	run_until(is_signed(4));
	run(500);
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	run(5000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(state(), OPERATION_CANCELLED);
	assert_int_equal(paid_in_all(), 0);
	assert_int_equal(op()->by_state[ITEM_PENDING].n, 12);
	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	assert_int_equal(ledger.empty, 4);
	check_fees();
}

static uint64_t sends(void)
{
	return scene.node[0]->calls[SIM_eth_sendRawTransaction];
}

/* The lowest nonce has no bytes that may leave: those above it would only wait for it. */
static void nothing_leaves_above_a_hole(void **state_)
{
	uint64_t before;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(3);
	run_until(is_signed(3));
	run(1000);
	scene.config.max_fee_per_gas = 1; /* so that it gets no empty attempt */
	sql_intent_empty(
	    scene.journal, &(struct sql_intent_empty_in){ .id = item(1).intent });
	sim_pool_drop_all(scene.chain);
	before = sends();
	run(120000);
	rise_again();
	run(120000);
	assert_int_equal(sends(), before);
	scene.config.max_fee_per_gas = 500 * GWEI;
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* Who is wrong about where a row is moves nothing. */
static void rows_move_only_from_where_they_are(void **state_)
{
	const struct amount amount = amount_u64(1001), zero = AMOUNT_ZERO;
	struct sql_intent_settle_in settle = {
		.from = INTENT_SIGNED, .to = INTENT_VOID, .held = zero, .no_proof = true
	};
	struct totals before[5];

	(void)state_;
	begin(1, 1);
	pay_rows(2);
	memcpy(before, op()->by_state, sizeof before);
	operation_item(runner, op(), 1, &amount, ITEM_LIVE, ITEM_FINAL, 0, NULL);
	assert_int_equal(item(1).state, ITEM_PENDING);
	assert_memory_equal(before, op()->by_state, sizeof before);
	run_until(live(1));
	settle.id = item(1).intent;
	finish();
	assert_int_equal(sql_intent_settle(scene.journal, &settle), 0);
	assert_int_equal(sql_intent_empty(scene.journal,
			     &(struct sql_intent_empty_in){ .id = settle.id }),
	    0);
	assert_int_equal(sql_intent_signed(scene.journal,
			     &(struct sql_intent_signed_in){
				 .id = settle.id, .attempt = intent(settle.id).attempt }),
	    0);
	assert_int_equal(intent(settle.id).state, INTENT_FINAL);
	turn();
}

/* Four in a row would be three too many, if they were anybody else's. */
static void empty_attempts_are_our_own(void **state_)
{
	struct sql_consumed_highest_out foreign = { .no_nonce = true };
	struct fail f = { 0 };

	(void)state_;
	begin(3, 2);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(4);
	run_until(is_signed(4));
	run(1000);
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	run(3000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_false(account()->stopped);
	sql_consumed_highest_one(scene.journal,
	    &(struct sql_consumed_highest_in){ .account = account()->id }, &foreign);
	assert_true(foreign.no_nonce);
	check_fees();
}

/* It is cancelled while a worker signs its payload: that attempt never comes to be. */
static void a_cancel_overtakes_the_signing(void **state_)
{
	struct sql_attempt_of_intent_in in;
	struct sql_attempt_of_intent_out row;
	struct fail f = { 0 };
	size_t n = 0;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(1);
	while (!live(1)) {
		turn();
		if (!live(1))
			world_wait(scene.world, runner_wake_ms(runner));
	}
	in.intent = item(1).intent;
	assert_false(intent(in.intent).has_attempt);
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	run_until(ended());
	sql_attempt_of_intent_begin(scene.journal, &in);
	for (; sql_attempt_of_intent_next(scene.journal, &row); n++)
		assert_true(row.empty);
	assert_true(n > 0);
	assert_int_equal(paid(&lists[0], 1), 0);
}

/* The dearest one may still win, also when the newest is an empty one that costs less. */
static void an_intent_holds_its_dearest_attempt(void **state_)
{
	struct fee_row row[16];
	struct fail f = { 0 };
	struct intent before, now;

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	run_until(chain()->id);
	pay_rows(1);
	run_until(state() == OPERATION_DISTRIBUTING);
	sim_mining(scene.chain, 0);
	run_until(is_signed(1));
	run(1000);
	before = intent(item(1).intent);
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	run(3000);
	now = intent(before.id);
	assert_int_equal(attempts_of(before.id, row), 2);
	assert_true(now.attempt != before.attempt);
	assert_true(amount_cmp(&now.held, &before.held) >= 0);
	assert_int_equal(amount_cmp(&now.held, &op()->fees_held), 0);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	check_fees();
}

/* The second bytes were asked for before the first were there: they come for an intent
 * that has moved on, and are nobody's. */
static void bytes_of_another_generation_are_dropped(void **state_)
{
	struct fee_row row[16];
	struct intent i;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(1);
	run_until(is_signed(1));
	run(1000);
	i = intent(item(1).intent);
	assert_int_equal(intent_bump(runner, account(), &i, false), BUMP_DONE);
	idset_remove(&runner->signing, i.id);
	i = intent(i.id);
	chain()->market.next_base_fee *= 4;
	assert_int_equal(intent_bump(runner, account(), &i, false), BUMP_DONE);
	run(1000);
	assert_int_equal(attempts_of(i.id, row), 2);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* Decided is decided: while no empty attempt can be paid for, the payload is not sent
 * again either, though nobody has it any more. */
static void a_cancelled_payload_is_never_sent_again(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(3);
	run_until(is_signed(3));
	run(1000);
	assert_int_equal(scene.chain->pooled, 3);
	scene.config.max_fee_per_gas = 1;
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	sim_pool_drop_all(scene.chain);
	run(120000);
	assert_int_equal(scene.chain->pooled, 0);
	rise_again();
	run(120000);
	assert_int_equal(scene.chain->pooled, 0);
	scene.config.max_fee_per_gas = 500 * GWEI;
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(state(), OPERATION_CANCELLED);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(paid(&lists[0], i), 0);
	check_fees();
}

static void a_payload_may_win_over_its_cancel(void **state_)
{
	struct sim_ledger ledger;
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(12);
	run_until(is_signed(4));
	run(500);
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	turn();
	scene_mine(&scene, 1); /* the empty ones are not there yet */
	run(3000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(state(), OPERATION_CANCELLED);
	assert_int_equal(paid_in_all(), 4);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 4);
	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	assert_int_equal(ledger.empty, 0);
	check_fees();
}

/* All but so much of the coin goes elsewhere. */
static void keep_only(const char *coins)
{
	struct amount coin, rest_of;
	struct sign_job job = { .key = scene.key,
		.nonce = SIM_NONCE_NEXT,
		.payload = { .to = stranger_to } };
	struct sim_word word;

	coin = sim_balance(scene.chain, scene.chain->head, NULL, &scene.sender);
	assert_int_equal(amount_parse(&rest_of, coins, strlen(coins), 18), AMOUNT_OK);
	assert_true(amount_sub(&job.payload.value, &coin, &rest_of));
	job.fees = (struct fees){
		.type = FEE_1559, .gas = 21000, .max_fee = 2 * GWEI, .tip = GWEI
	};
	assert_non_null(sim_pool_send_foreign(scene.chain, &word, &job));
	after_blocks(6);
}

static void funds_that_are_missing_are_named_and_awaited(void **state_)
{
	struct amount coin;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	keep_only("0.0001");
	pay_rows(6);
	run(20000);
	assert_int_equal(state(), OPERATION_AWAITING_FUNDS);
	assert_says(op()->waits_for, "are missing; send them to 0x");
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
	assert_int_equal(amount_parse(&coin, "2", 1, 18), AMOUNT_OK);
	sim_fund(scene.chain, &scene.sender, NULL, &coin);
	finish();
}

static size_t stages(void)
{
	struct sql_stage_list_in in = { .operation = lists[0].id };
	struct sql_stage_list_out row;
	size_t n = 0;

	sql_stage_list_begin(scene.journal, &in);
	while (sql_stage_list_next(scene.journal, &row))
		n++;
	return n;
}

/* The balance is enough for a plain payment, and the row's recipient is a contract that
 * takes more: it goes back to waiting once, and says what is missing for it. */
static void funds_for_the_next_item_are_awaited_once(void **state_)
{
	struct amount coin = amount_u64(GWEI);

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	keep_only("0.0001");
	sim_mining(scene.chain, 0);
	lists[0].rows = 1;
	rows_fill(&lists[0]);
	sim_account_code(scene.chain, &lists[0].to[1], SIM_CODE_WALLET, 100000);
	pay_rows(1);
	run(20000);
	assert_int_equal(state(), OPERATION_AWAITING_FUNDS);
	assert_int_equal(stages(), 4);
	assert_says(op()->waits_for, "are missing; send them to 0x");
	assert_true(amount_mul_u64(&coin, &coin, GWEI));
	sim_fund(scene.chain, &scene.sender, NULL, &coin);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(stages(), 6);
}

/* What it says is missing is enough, to the end: also where every tag adds to the fee,
 * which is a multiple of 2^24 without one. */
static void what_is_said_to_be_missing_suffices(void **state_)
{
	const uint64_t base = 306783378; /* the next one is 2^28 */
	struct amount lack;
	const char *at;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	scene.node[0]->tip = 1 << 30;
	keep_only("0.0001");
	sim_mining(scene.chain, 0);
	pay_rows(10);
	mine_at(base);
	run(5000);
	assert_int_equal(chain()->market.next_base_fee, 1 << 28);
	assert_int_equal(state(), OPERATION_AWAITING_FUNDS);
	at = op()->waits_for + strlen("funds: ");
	assert_int_equal(amount_parse(&lack, at, strcspn(at, " "), 18), AMOUNT_OK);
	sim_fund(scene.chain, &scene.sender, NULL, &lack);
	scene.config.max_in_flight = ROWS_MAX;
	mine_at(base);
	run(5000);
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 10);
	scene.chain->base_fee_next = 0;
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* Whichever of three nodes it is. */
static void a_balance_is_a_quorums_word(void **state_)
{
	(void)state_;
	for (int k = 0; k < 3; k++) {
		begin(3, 2);
		scene.node[k]->boasts = true;
		run_until(chain()->id);
		keep_only("0.0001");
		pay_rows(6);
		run(20000);
		assert_int_equal(state(), OPERATION_AWAITING_FUNDS);
		assert_says(op()->waits_for, "are missing; send them to 0x");
		assert_true(amount_cmp(&account()->balance,
				&(struct amount){ { 1000000 * GWEI } }) < 0);
		end(NULL);
	}
}

/* -- the service fee, bad rows, tokens ------------------------------------------------
 */

static uint64_t fee_paid(void)
{
	struct address coin = { { 0 } };
	struct amount sum;

	return sim_paid(scene.chain, &scene.sender, &coin, &fee_to, &sum);
}

static void the_service_fee_is_paid_once_and_last(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 9, .service_fee = 77 });
	run_until(op()->by_state[ITEM_FINAL].n == 9);
	assert_int_equal(fee_paid(), 0);
	run_until(state() == OPERATION_PAYING_FEE);
	rise_again();
	finish();
	assert_int_equal(fee_paid(), 1);
}

static void a_row_whose_estimate_reverts_is_void_without_a_nonce(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	lists[0].rows = 5;
	rows_fill(&lists[0]);
	sim_account_code(scene.chain, &lists[0].to[3], SIM_CODE_REVERTS, 0);
	pay_rows(5);
	run_until(ended());
	assert_int_equal(item(3).state, ITEM_VOID);
	assert_string_equal(item(3).reason, "its estimate reverts: no coin here");
	assert_int_equal(intents_of(3, ids), 0);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 4);
	assert_int_equal(op()->by_state[ITEM_VOID].n, 1);
	assert_int_equal(sim_count(scene.chain, scene.chain->head, &scene.sender), 4);
	check_fees();
}

/* Row 2 is a wallet, which takes more than 21,000. */
static void begin_with_a_wallet(uint32_t nodes, int quorum)
{
	begin(nodes, quorum);
	run_until(chain()->id);
	lists[0].rows = 3;
	rows_fill(&lists[0]);
	sim_account_code(scene.chain, &lists[0].to[2], SIM_CODE_WALLET, 9000);
}

static void one_node_voids_no_row(void **state_)
{
	(void)state_;
	for (int k = 0; k < 3; k++) {
		begin_with_a_wallet(3, 2);
		scene.node[k]->estimates_revert = true;
		pay_rows(3);
		finish();
		end(NULL);
	}
}

static void one_node_makes_no_estimate(void **state_)
{
	(void)state_;
	for (int k = 0; k < 3; k++) {
		begin_with_a_wallet(3, 2);
		scene.node[k]->estimate = 21000;
		scene.node[(k + 1) % 3]->hides_code = true;
		pay_rows(3);
		finish();
		end(NULL);
		begin_with_a_wallet(3, 2);
		scene.node[k]->estimate = UINT64_MAX;
		pay_rows(3);
		finish();
		assert_in_range(item(2).gas, 30000, 38000);
		end(NULL);
	}
}

static void an_absurd_estimate_stops_it(void **state_)
{
	(void)state_;
	begin_with_a_wallet(1, 1);
	scene.node[0]->estimate = 30000001;
	pay_rows(3);
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "row 2 would need 30000001 gas");
	assert_says(op()->waits_for, "pawl resume wages");
	scene.node[0]->estimate = 0;
	resume();
	finish();
}

static enum err no_estimate(uint64_t *ret_gas, struct node_word *ret_word, uint32_t n,
    const char *answer, size_t len, struct fail *f)
{
	(void)ret_gas, (void)ret_word, (void)n, (void)answer, (void)len;
	return fail_set(f, ERR_BAD_ANSWER, "no estimate here");
}

static void estimates_that_fail_are_asked_for_with_pauses(void **state_)
{
	static struct connector silent;

	(void)state_;
	begin_with_a_wallet(1, 1);
	silent = connector_evm;
	silent.estimate_read = no_estimate;
	chain()->connector = &silent;
	pay_rows(3);
	run(20000);
	assert_in_range(scene.node[0]->calls[SIM_eth_estimateGas], 5, 25);
	assert_says(op()->waits_for, "no estimate here");
	chain()->connector = &connector_evm;
	finish();
}

static void a_token_with_a_fee_is_final_and_flagged(void **state_)
{
	(void)state_;
	begin_token(SIM_TOKEN_FEE);
	token->fee_per_mille = 100;
	pay_rows(5);
	run_until(ended());
	assert_int_equal(state(), OPERATION_COMPLETED);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(item(i).state, ITEM_FINAL);
		assert_says(item(i).reason, "another amount arrived");
		assert_int_equal(paid(&lists[0], i), 1);
	}
	check_fees();
}

static void a_token_that_does_nothing_is_void(void **state_)
{
	(void)state_;
	begin_token(SIM_TOKEN_FALSE);
	pay_rows(3);
	run_until(ended());
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(item(i).state, ITEM_VOID);
		assert_string_equal(item(i).reason, "no transfer seen");
		assert_int_equal(paid(&lists[0], i), 0);
	}
	check_fees();
}

static void a_token_without_a_return_value_is_paid(void **state_)
{
	(void)state_;
	begin_token(SIM_TOKEN_NO_RETURN);
	pay_rows(7);
	finish();
}

static void a_refused_recipient_is_void_and_can_be_tried_again(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	lists[0].rows = 6;
	rows_fill(&lists[0]);
	token->refuses = true;
	token->refused = lists[0].to[2];
	pay_rows(6);
	run_until(ended());
	assert_int_equal(item(2).state, ITEM_VOID);
	run(2000);
	assert_string_equal(item(2).reason, "reverted: recipient refused");
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 5);
	check_fees();
	token->refuses = false;
	assert_int_equal(operation_retry(runner, op(), &f), ERR_OK);
	turn();
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 6);
	for (int i = 1; i <= 6; i++)
		assert_int_equal(paid(&lists[0], i), 1);
	check_fees();
}

/* A token that is paused for a while must not burn the gas of all rows. */
static void the_brake_stops_a_token_that_reverts(void **state_)
{
	struct sim_ledger ledger;

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	scene.config.max_in_flight = 2;
	pay_rows(20);
	run_until(op()->by_state[ITEM_FINAL].n >= 1);
	token->paused = true;
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "5 of the last 10");
	run(30000);
	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	assert_in_range(ledger.failed, 5, 9);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	token->paused = false;
	resume();
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_VOID].n, (int64_t)ledger.failed);
	check_fees();
}

/* -- several at once, and a key that fails ----------------------------------------------
 */

static void two_lists_of_one_account_take_turns(void **state_)
{
	const struct list *a, *b;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	a = pay(&(struct list){ .rows = 8, .name = "wages" });
	b = pay(&(struct list){ .rows = 8, .name = "bonus" });
	run_until(op_of(a)->state == OPERATION_DISTRIBUTING &&
	    op_of(b)->state == OPERATION_DISTRIBUTING);
	for (int i = 0; i < 3; i++) {
		scene_mine(&scene, 1);
		run(3000);
		assert_in_range(op_of(a)->by_state[ITEM_PENDING].n -
			op_of(b)->by_state[ITEM_PENDING].n + 4,
		    0, 8);
	}
	assert_true(op_of(b)->by_state[ITEM_PENDING].n < 8);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* The cap of one has room for a single row; the other gets the rest of what may be in
 * flight, in the same turn. */
static void who_cannot_reserve_keeps_nobody_back(void **state_)
{
	struct list *a, *b;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	a = pay(&(struct list){ .rows = 4, .name = "wages", .cap = "0.00005" });
	b = pay(&(struct list){ .rows = 4, .name = "bonus" });
	run_until(op_of(b)->state == OPERATION_DISTRIBUTING);
	run(3000);
	assert_int_equal(op_of(a)->by_state[ITEM_LIVE].n, 1);
	assert_int_equal(op_of(b)->by_state[ITEM_LIVE].n, 3);
	assert_says(op_of(a)->waits_for, "in flight");
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(op_of(b)->state == OPERATION_COMPLETED);
	operation_cap(runner, op_of(a), &op_of(b)->cap);
	resume();
	finish();
}

static enum err no_sign(
    struct signed_bytes *ret, const struct sign_job *job, struct fail *f)
{
	(void)ret;
	return job->nonce == 2 ? fail_set(f, ERR_KEY, "the signer refuses")
			       : connector_evm.sign(ret, job, f);
}

/* What is signed below goes on, nothing above it leaves. */
static void a_signer_that_refuses_stops_the_account(void **state_)
{
	static struct connector refuses;
	int64_t commits;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	refuses = connector_evm;
	refuses.sign = no_sign;
	chain()->connector = &refuses;
	pay_rows(8);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "pawl resume key:treasury");
	commits = journal_commit_no(scene.journal);
	run(40000);
	assert_int_equal(sim_count(scene.chain, scene.chain->head, &scene.sender), 2);
	/* It is not asked again and again: what is committed is the blocks. */
	assert_in_range(journal_commit_no(scene.journal) - commits, 1, 150);
	chain()->connector = &connector_evm;
	resume();
	finish();
}

/* Row 3 was reserved when the life ended, and its cap is what was held for it then. */
static void begin_reserved_at_its_cap(void)
{
	static struct connector refuses;

	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	refuses = connector_evm;
	refuses.sign = no_sign;
	chain()->connector = &refuses;
	pay_rows(3);
	run_until(account()->stopped);
	cap_at_what_is_held();
	turn();
	rest();
	assert_int_equal(intent(item(3).intent).state, INTENT_RESERVED);
}

/* What is asked for again fits what was held: check_turn looks. */
static void bytes_asked_for_again_stay_within_the_cap(void **state_)
{
	struct fee_row row[16];

	(void)state_;
	begin_reserved_at_its_cap();
	scene.chain->base_fee_next = 5 * GWEI / 4;
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	scene_rise(&scene);
	rise();
	run_until(is_signed(3));
	assert_int_equal(state(), OPERATION_DISTRIBUTING);
	assert_int_equal(attempts_of(item(3).intent, row), 1);
	assert_true(row[0].max_fee >= 5 * GWEI / 4);
	resume();
	raise_cap("5");
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static void bytes_that_do_not_fit_the_cap_stop_it(void **state_)
{
	uint64_t nonce;

	(void)state_;
	begin_reserved_at_its_cap();
	nonce = intent(item(3).intent).nonce;
	scene.chain->base_fee_next = 30 * GWEI;
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	scene.chain->base_fee_next = 30 * GWEI;
	scene_rise(&scene);
	rise();
	run_until(chain()->id && state() == OPERATION_NEEDS_OPERATOR);
	run(10000);
	assert_says(op()->waits_for, "pawl resume wages --max-total-fee AMOUNT");
	assert_int_equal(intent(item(3).intent).state, INTENT_RESERVED);
	assert_int_equal(intent(item(3).intent).nonce, nonce);
	raise_cap("5");
	resume();
	run_until(is_signed(3));
	assert_int_equal(intent(item(3).intent).nonce, nonce);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* -- blocks that vanish ----------------------------------------------------------------
 */

static void reorgs_within_the_bound_change_nothing(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin(3, 2);
	run_until(chain()->id);
	pay_rows(16);
	for (uint64_t i = 0; i < 6; i++) {
		after_blocks(3);
		reorg(1 + i % SCENE_DEPTH, i % 2);
	}
	finish();
	for (int64_t i = 1; i <= 16; i++)
		assert_int_equal(intents_of(i, ids), 1); /* the same bytes */
}

static void a_reorg_while_it_is_down(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(12);
	run_until(op()->by_state[ITEM_FINAL].n >= 1);
	rest();
	reorg(SCENE_DEPTH, false);
	scene_rise(&scene);
	rise();
	finish();
}

static void beyond_the_bound_items_reopen_and_end_exact(void **state_)
{
	int64_t was, ids[8];

	(void)state_;
	begin(3, 2);
	run_until(chain()->id);
	pay_rows(12);
	run_until(op()->by_state[ITEM_FINAL].n >= 6);
	was = op()->by_state[ITEM_FINAL].n;
	reorg(SCENE_DEPTH + 4, false);
	run_until(follower_stopped(chain()->follower));
	run(20000);
	assert_says(follower_waits_for(chain()->follower), "pawl resume chain:sim");
	rise_again();
	run(20000);
	assert_true(follower_stopped(chain()->follower));
	assert_in_range(op()->by_state[ITEM_FINAL].n, was, 12);
	resume();
	turn();
	assert_true(op()->by_state[ITEM_FINAL].n < was);
	finish();
	for (int64_t i = 1; i <= 12; i++)
		assert_int_equal(intents_of(i, ids), 1);
}

static void beyond_the_bound_a_completed_list_reopens(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 4, .service_fee = 50 });
	finish();
	reorg(SCENE_DEPTH + 4, false);
	resume_chain();
	run(10);
	finish();
	assert_int_equal(fee_paid(), 1);
}

/* Row 2 was void by a revert and paid on its second try; then both blocks vanish, and
 * the first bytes would succeed now. */
static void a_contested_row_is_paid_once(void **state_)
{
	struct fail f = { 0 };
	int64_t ids[8];

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	lists[0].rows = 3;
	rows_fill(&lists[0]);
	token->refuses = true;
	token->refused = lists[0].to[2];
	pay_rows(3);
	run_until(ended());
	assert_int_equal(item(2).state, ITEM_VOID);
	token->refuses = false;
	assert_int_equal(operation_retry(runner, op(), &f), ERR_OK);
	turn();
	run_until(ended());
	assert_int_equal(intents_of(2, ids), 2);
	assert_int_equal(paid(&lists[0], 2), 1);
	sim_mining(scene.chain, 0);
	reorg(height() - 11, false); /* all of it; nobody gives anything back */
	resume_chain();
	turn();
	assert_int_equal(item(2).state, ITEM_LIVE);
	assert_int_equal(intent(ids[0]).emptied, 1);
	assert_int_equal(intent(ids[1]).emptied, 2);
	run(5000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	for (int i = 1; i <= 3; i++)
		assert_int_equal(paid(&lists[0], i), 1);
	check_fees();
}

/* The same where the nodes put the first bytes back by themselves: they win, and the
 * second payload never leaves again. */
static void a_contested_row_whose_old_bytes_win_is_paid_once(void **state_)
{
	struct fail f = { 0 };
	int64_t ids[8];

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	lists[0].rows = 3;
	rows_fill(&lists[0]);
	token->refuses = true;
	token->refused = lists[0].to[2];
	pay_rows(3);
	run_until(ended());
	token->refuses = false;
	assert_int_equal(operation_retry(runner, op(), &f), ERR_OK);
	turn();
	run_until(ended());
	assert_int_equal(intents_of(2, ids), 2);
	sim_mining(scene.chain, 0);
	retracts = true;
	sim_reorg(scene.chain,
	    &(struct sim_reorg){ .depth = height() - 11,
		.give_back = true,
		.content = { .empty = true } }); /* both are in the pool again */
	resume_chain();
	turn();
	assert_int_equal(intent(ids[0]).emptied, 1);
	assert_int_equal(intent(ids[1]).emptied, 2);
	run(5000); /* an empty attempt replaces the older one in the pool */
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(paid(&lists[0], 2), 1);
	check_fees();
}

/* Three tries: the last one is held until no older one can win. */
static void a_row_contested_thrice_waits_for_all_older(void **state_)
{
	struct fail f = { 0 };
	struct intent first;
	int64_t ids[8];

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	lists[0].rows = 2;
	rows_fill(&lists[0]);
	token->refuses = true;
	token->refused = lists[0].to[2];
	pay_rows(2);
	run_until(ended());
	assert_int_equal(operation_retry(runner, op(), &f), ERR_OK);
	turn();
	run_until(ended());
	token->refuses = false;
	assert_int_equal(operation_retry(runner, op(), &f), ERR_OK);
	turn();
	run_until(ended());
	assert_int_equal(intents_of(2, ids), 3);
	sim_mining(scene.chain, 0);
	reorg(height() - 11, false);
	resume_chain();
	turn();
	first = intent(ids[0]);
	scene_spend(&scene, first.nonce, &stranger_to, 5, 60 * GWEI);
	intent_void(runner, &first, false, "another transaction consumed the nonce", "");
	turn();
	assert_int_equal(intent(ids[2]).emptied, 2);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(paid(&lists[0], 2), 1);
	check_fees();
}

/* The service fee failed, was tried again and paid; then both blocks vanish, and the
 * first bytes would succeed now. give_back: the nodes put them back by themselves. */
static void fee_is_contested(bool give_back)
{
	struct fail f = { 0 };
	struct intent old, new;
	int64_t ids[8];

	begin(1, 1);
	run_until(chain()->id);
	sim_account_code(scene.chain, &fee_to, SIM_CODE_REVERTS, 0);
	pay(&(struct list){ .rows = 2, .service_fee = 77 });
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "the service fee failed");
	sim_account_code(scene.chain, &fee_to, SIM_CODE_NONE, 0);
	assert_int_equal(operation_retry(runner, op(), &f), ERR_OK);
	resume();
	run_until(ended());
	assert_int_equal(fee_paid(), 1);
	assert_int_equal(intents_of(-1, ids), 1);
	old = intent(ids[0]);
	assert_int_equal(intents_of(0, ids), 1);
	new = intent(ids[0]);
	sim_mining(scene.chain, 0);
	retracts = true;
	sim_reorg(scene.chain,
	    &(struct sim_reorg){ .depth = height() - 11,
		.give_back = give_back,
		.content = { .empty = true } });
	resume_chain();
	turn();
	assert_int_equal(intent(old.id).emptied, 1);
	assert_int_equal(intent(new.id).emptied, 2);
	run(5000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(fee_paid(), 1);
	check_fees();
}

static void a_contested_service_fee_is_paid_once(void **state_)
{
	(void)state_;
	fee_is_contested(false);
	end(NULL);
	fee_is_contested(true);
}

/* Given up, and the new try not begun: the old one is the fee again. */
static void a_service_fee_that_is_live_again_is_paid_once(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_account_code(scene.chain, &fee_to, SIM_CODE_REVERTS, 0);
	pay(&(struct list){ .rows = 2, .service_fee = 77 });
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	sim_account_code(scene.chain, &fee_to, SIM_CODE_NONE, 0);
	assert_int_equal(operation_retry(runner, op(), &f), ERR_OK);
	turn();
	reorg(height() - 11, false);
	resume_chain();
	run_until(ended());
	assert_int_equal(fee_paid(), 1);
	check_fees();
}

/* A stranger's block was final, the payload moved, and the block vanished. */
static void a_row_that_moved_for_a_stranger_is_paid_once(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(2);
	run_until(is_signed(2));
	run(1000);
	scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(intents_of(1, ids), 2);
	sim_mining(scene.chain, 0);
	reorg(height() - 10, false);
	resume_chain();
	turn();
	assert_int_equal(item(1).state, ITEM_LIVE);
	run(5000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	for (int i = 1; i <= 2; i++)
		assert_int_equal(paid(&lists[0], i), 1);
	check_fees();
}

/* -- a long absence --------------------------------------------------------------------
 */

/* What was signed was mined meanwhile, and somebody else used the key. */
static void an_absence_of_days_ends_exact(void **state_)
{
	(void)state_;
	begin(3, 2);
	scene.config.max_in_flight = 2;
	for (int i = 0; i < 3; i++)
		scene.node[i]->state_depth = 128;
	run_until(chain()->id);
	pay_rows(16);
	run_until(op()->by_state[ITEM_FINAL].n >= 3);
	rest();
	sim_mining(scene.chain, 0);
	scene_mine(&scene, 300);
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 0);
	scene_mine(&scene, 3000);
	sim_mining(scene.chain, INTERVAL_MS);
	scene_rise(&scene);
	rise();
	run_until(follower_waits_for(chain()->follower) &&
	    strstr(follower_waits_for(chain()->follower), "blocks that were missed"));
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	finish();
}

/* -- several things at once ------------------------------------------------------------
 */

/* Row 2 was void, paid on its second try, and both blocks vanished. */
static void begin_contested(int64_t ids[8])
{
	struct fail f = { 0 };

	begin_token(SIM_TOKEN_PLAIN);
	lists[0].rows = 3;
	rows_fill(&lists[0]);
	token->refuses = true;
	token->refused = lists[0].to[2];
	pay_rows(3);
	run_until(ended());
	token->refuses = false;
	assert_int_equal(operation_retry(runner, op(), &f), ERR_OK);
	turn();
	run_until(ended());
	assert_int_equal(intents_of(2, ids), 2);
	sim_mining(scene.chain, 0);
	reorg(height() - 11, false);
	resume_chain();
}

/* The bytes of a payload that were out already. */
static void send_old_bytes(int64_t intent_id)
{
	struct intent i = intent(intent_id);
	struct sql_attempt_get_out at;
	struct sim_word word;
	struct sign_job job = {
		.key = scene.key, .nonce = i.nonce, .payload = i.payload
	};

	assert_true(sql_attempt_get_one(
	    scene.journal, &(struct sql_attempt_get_in){ .id = i.attempt }, &at));
	job.chain_id = 31337;
	job.fees = (struct fees){ .type = (enum fee_type)at.fee_type,
		.gas = (uint64_t)at.gas,
		.max_fee = (uint64_t)at.max_fee,
		.tip = (uint64_t)at.tip };
	assert_non_null(sim_pool_send_foreign(scene.chain, &word, &job));
}

/* The older payload won: the newer one's nonce is a hole until its empty attempt is
 * final, in this life or the next. */
static void a_rival_that_lost_is_settled_too(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_contested(ids);
	scene.config.max_fee_per_gas = 1; /* no empty attempt yet */
	turn();
	run(3000);
	send_old_bytes(ids[0]);
	for (int k = 0; k < SCENE_DEPTH + 2; k++) {
		scene_mine(&scene, 1);
		run(3000);
	}
	assert_int_equal(item(2).state, ITEM_FINAL);
	assert_int_equal(intent(ids[1]).emptied, 1);
	assert_int_equal(intent(ids[1]).state, INTENT_SIGNED);
	scene.config.max_fee_per_gas = 500 * GWEI;
	rise_again();
	run_until(chain()->id);
	sim_mining(scene.chain, INTERVAL_MS);
	pay(&(struct list){ .rows = 2, .name = "bonus" });
	run_until(op_of(&lists[1])->state == OPERATION_COMPLETED);
	run_until(op_of(&lists[0])->state == OPERATION_COMPLETED);
	assert_int_equal(paid(&lists[0], 2), 0); /* but by the bytes that were out */
	assert_int_equal(intent(ids[1]).state, INTENT_VOID);
	assert_true(amount_is_zero(&op_of(&lists[0])->fees_held));
}

/* Both payloads may win: each holds what its dearest attempt costs. */
static void what_is_contested_holds_its_fees(void **state_)
{
	int64_t ids[8];
	struct amount sum = AMOUNT_ZERO, fees;

	(void)state_;
	begin_contested(ids);
	turn();
	for (int k = 0; k < 2; k++) {
		struct intent i = intent(ids[k]);

		assert_true(amount_sub(&fees, &i.cost, &i.payload.value));
		assert_true(amount_cmp(&i.held, &fees) >= 0);
		assert_true(amount_add(&sum, &sum, &i.held));
	}
	for (int row = 1; row <= 3; row += 2) {
		struct intent i = intent(item(row).intent);

		assert_true(amount_add(&sum, &sum, &i.held));
	}
	assert_int_equal(amount_cmp(&sum, &op()->fees_held), 0);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	check_fees();
}

/* Who resumes for the first reason would accept the second unseen, and pay twice. */
static void a_second_reason_to_stop_is_said(void **state_)
{
	static struct connector refuses;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	refuses = connector_evm;
	refuses.sign = no_sign;
	chain()->connector = &refuses;
	pay_rows(12);
	run_until(account()->stopped);
	run(20000);
	scene_spend(&scene, SIM_NONCE_NEXT, &lists[0].to[12], lists[0].amount[12], 0);
	run(30000);
	assert_says(account()->why_stopped, "pays one of its rows");
	assert_says(account()->why_stopped, "signing failed");
	rise_again();
	run(5000);
	assert_says(account()->why_stopped, "pays one of its rows");
}

/* A nonce went without a transaction. */
static void a_resume_accepts_a_count_ahead(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	scene.config.max_in_flight = 1;
	retracts = true;
	pay_rows(40);
	run_until(op()->by_state[ITEM_FINAL].n >= 2);
	account()->final_count--;
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "without a transaction");
	for (int life = 0; life < 3; life++) {
		resume();
		turn();
		rise_again();
		run_until(runner->operations_n);
		run(14000);
		assert_false(account()->stopped);
	}
	finish();
}

/* It comes between two turns, and the block that is told next was read without it. */
static void an_account_that_comes_later_is_not_another(void **state_)
{
	struct sql_account_add_in in = { .key_name = "other", .in_flight_max = 1 };
	struct sql_account_add_out out;
	struct account *b;
	int64_t until;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(12);
	run_until(op()->by_state[ITEM_FINAL].n >= 5);
	sim_mining(scene.chain, 0);
	run(3000);
	scene_mine(&scene, 1);
	world_wait(scene.world, world_now_ms(scene.world) + 900);
	in.chain = chain()->id;
	memset(in.address, 0x31, sizeof in.address);
	assert_true(sql_account_add_one(scene.journal, &in, &out));
	until = world_now_ms(scene.world) + 8000;
	b = account_load(runner, chain(), out.id);
	assert_non_null(b);
	while (world_now_ms(scene.world) < until) {
		turn();
		world_wait(scene.world, runner_wake_ms(runner));
		assert_true(!b->has_final_count || b->final_count == 0);
		assert_int_equal(b->strangers_n, 0);
	}
}

static uint64_t liar_heard;

/* The node that boasts has a transaction of ours in each block that nobody else has; the
 * others are heard after it. */
static enum err forged_block(struct block_facts *ret, struct node_word *w,
    const struct block_question *q, const char *answer, size_t len, struct fail *f)
{
	static uint32_t number;
	enum err e = connector_evm.block_read(ret, w, q, answer, len, f);
	struct amount much = amount_u64(1000 * GWEI);
	struct seen_tx *tx;

	assert_true(amount_mul_u64(&much, &much, GWEI));
	if (e || !ret->accounts_n || !ret->accounts[0].has_balance)
		return e;
	if (amount_cmp(&ret->accounts[0].balance, &much) < 0)
		return q->height <= liar_heard
		    ? e
		    : fail_set(f, ERR_NODE_BUSY, "the liar is heard first");
	liar_heard = q->height;
	tx = calloc(ret->tx_n + 8, sizeof *tx);
	if (ret->tx_n)
		memcpy(tx, ret->tx, ret->tx_n * sizeof *tx);
	free(ret->tx);
	ret->tx = tx;
	tx += ret->tx_n++;
	*tx = (struct seen_tx){
		.index = 999, .status = TX_OK, .gas_used = 21000, .gas_price = 7
	};
	number++;
	memcpy(tx->hash.at, &number, sizeof number);
	tx->hash.at[31] = 0x77;
	return ERR_OK;
}

/* It is heard first, and has another one in each block. */
static void strangers_of_one_node_keep_nothing_back(void **state_)
{
	static struct connector forges;

	(void)state_;
	for (uint32_t k = 0; k < 3; k++) {
		begin(3, 2);
		liar_heard = 0;
		forges = connector_evm;
		forges.block_read = forged_block;
		((struct follower *)chain()->follower)->s.connector = &forges;
		scene.node[k]->boasts = true;
		pay_rows(24);
		finish();
		end(NULL);
	}
}

/* Its blocks vanish while only another key's list is run. */
static void rows_of_an_ended_list_are_not_lost(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(2);
	finish();
	sim_mining(scene.chain, 0);
	reorg(height() - 10, false);
	rise_again();
	runner->only_account = 999; /* another key's list is run */
	run_until(chain()->id && follower_stopped(chain()->follower));
	run(5000);
	assert_int_equal(follower_accept(chain()->follower, &f), ERR_OK);
	turn();
	run(2000);
	assert_true(live(1));
	rise_again();
	run_until(runner->operations_n);
	scene.config.max_fee_per_gas = 1;
	run(500);
	scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 90 * GWEI);
	scene_mine(&scene, 1);
	scene_mine(&scene, SCENE_DEPTH + 1);
	run(10000);
	scene.config.max_fee_per_gas = 500 * GWEI;
	sim_mining(scene.chain, INTERVAL_MS);
	run(60000);
	assert_int_equal(item(1).state, ITEM_FINAL);
	finish();
}

/* It had no bytes when a stranger took its nonce, whose final block vanishes. */
static void what_is_reserved_again_is_asked_for(void **state_)
{
	static struct connector refuses;
	int64_t ids[8];

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	refuses = connector_evm;
	refuses.sign = no_sign;
	chain()->connector = &refuses;
	pay_rows(4);
	run_until(account()->stopped);
	run(20000);
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
	run(30000);
	assert_int_equal(item(3).state, ITEM_PENDING);
	chain()->connector = &connector_evm;
	resume();
	finish();
	assert_int_equal(intents_of(3, ids), 2);
	sim_mining(scene.chain, 0);
	reorg(height() - 10, false);
	resume_chain();
	turn();
	assert_int_equal(intent(ids[0]).state, INTENT_RESERVED);
	run(5000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	for (int i = 1; i <= 4; i++)
		assert_int_equal(paid(&lists[0], i), 1);
	check_fees();
}

/* A copy of this journal, perhaps: it is no proof that the fee is not paid. */
static void a_stranger_that_pays_the_service_fee_is_suspect(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 2, .service_fee = 77 });
	run_until(op()->by_state[ITEM_FINAL].n == 2);
	sim_mining(scene.chain, 0);
	run(3000);
	assert_int_equal(state(), OPERATION_PAYING_FEE);
	scene_spend(&scene, 2, &fee_to, 77, 60 * GWEI);
	sim_mining(scene.chain, INTERVAL_MS);
	run(60000);
	assert_int_equal(fee_paid(), 0); /* by us */
	assert_true(account()->stopped);
}

static void shallow_finality_and_one_in_flight(void **state_)
{
	(void)state_;
	for (int depth = 0; depth < 2; depth++)
		for (int in_flight = 1; in_flight < 3; in_flight++) {
			begin(3, 2);
			scene.config.finality.depth = (uint64_t)depth;
			scene.config.max_in_flight = in_flight;
			run_until(chain()->id);
			pay(&(struct list){ .rows = 7, .service_fee = 5 });
			run_until(op()->by_state[ITEM_FINAL].n >= 2);
			scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
			after_blocks(2);
			rise_again();
			run_until(runner->operations_n);
			scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
			finish();
			end(NULL);
		}
}

/* The bytes for a nonce that came back leave at once. */
static void bytes_for_a_hole_leave_at_once(void **state_)
{
	(void)state_;
	begin_with_a_hole(2);
	run(1500);
	assert_int_equal(scene.chain->pooled, 3);
}

/* -- all of it at once, by dice
 * ----------------------------------------------------------
 */

#define STORMS 60
#define STORM_STEPS 40

static uint64_t dice;

static uint64_t roll(uint64_t n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice % n;
}

static void help_with(struct operation *o)
{
	struct amount more = amount_u64(300000 * GWEI);
	struct fail f = { 0 };

	if (o->state != OPERATION_NEEDS_OPERATOR && o->state != OPERATION_PAUSED)
		return;
	assert_true(amount_add(&more, &more, &o->cap));
	if (strstr(o->waits_for, "--max-total-fee"))
		operation_cap(runner, o, &more);
	assert_int_equal(operation_retry(runner, o, &f), ERR_OK);
	assert_int_equal(operation_resume(runner, o, &f), ERR_OK);
}

/* The operator answers whatever it waits for. */
static void help(void)
{
	for (size_t k = 0; k < runner->operations_n; k++)
		help_with(runner->operations[k]);
	for (size_t i = 0; i < chain()->accounts_n; i++)
		if (chain()->accounts[i]->stopped)
			account_resume(runner, chain()->accounts[i]);
}

static void storm_nodes(void)
{
	struct sim_node *n = scene.node[roll(scene.nodes)];

	n->down = roll(2);
	n->lag = roll(3);
	n->receipts_lag = roll(2);
	n->hides_transactions = roll(2);
	if (scene.nodes < 3)
		return;
	n = scene.node[0]; /* the only one that lies */
	n->boasts = roll(2);
	n->forgets = roll(2);
	n->base_fee = roll(2) * 900 * GWEI;
	n->tip = roll(2) * 900 * GWEI;
	n->receipts = roll(2) ? SIM_RECEIPTS_FLIPPED : SIM_RECEIPTS_TRUE;
}

static void calm(void)
{
	for (uint32_t k = 0; k < scene.nodes; k++) {
		struct sim_node *n = scene.node[k];

		n->down = n->hides_transactions = n->boasts = n->forgets = false;
		n->lag = n->receipts_lag = n->base_fee = n->tip = 0;
		n->receipts = SIM_RECEIPTS_TRUE;
	}
	scene.chain->base_fee_next = GWEI;
}

static void storm_step(void)
{
	uint64_t next = sim_count(scene.chain, scene.chain->head, &scene.sender);
	struct fail f = { 0 };

	switch (roll(10)) {
	case 0:
	case 1:
		reorg(1 + roll(SCENE_DEPTH - 1), roll(2));
		break;
	case 2:
		scene_spend(
		    &scene, SIM_NONCE_NEXT, &stranger_to, 1 + roll(99), 60 * GWEI);
		break;
	case 3:
		scene_spend(&scene, next, &stranger_to, 1 + roll(99), 200 * GWEI);
		break;
	case 4:
		rise_again();
		break;
	case 5:
		sim_pool_drop_all(scene.chain);
		break;
	case 6:
		scene.chain->base_fee_next = (1 + roll(40)) * GWEI;
		break;
	case 7:
		for (size_t k = 0; k < runner->operations_n; k++)
			if (!operation_ended(runner->operations[k]))
				assert_int_equal(
				    operation_pause(runner, runner->operations[k], &f),
				    ERR_OK);
		break;
	default:
		storm_nodes();
	}
}

/* Reorgs within the bound, others with the key, deaths, pools that forget, fees that
 * jump, nodes that fail and one that lies, a cap that is too low: nobody is paid twice,
 * and in the end everybody once. */
static void storms_end_exact(void **state_)
{
	(void)state_;
	for (uint64_t seed = 1; seed <= STORMS; seed++) {
		dice = seed * 0x9e3779b97f4a7c15u;
		if (seed % 2)
			begin(3, 2);
		else
			begin(1, 1);
		retracts = true;
		scene.config.max_in_flight = 1 + (int)roll(5);
		run_until(chain()->id);
		pay(&(struct list){ .rows = 8, .service_fee = 7, .cap = "0.0003" });
		pay(&(struct list){ .rows = 4, .name = "bonus" });
		for (int i = 0; i < STORM_STEPS; i++) {
			storm_step();
			run((int64_t)roll(4000));
			help();
		}
		calm();
		for (int i = 0; i < 1000 && !(chain()->id && ended()); i++) {
			run(500);
			help();
			for (size_t k = 0; k < lists_n && chain()->id; k++)
				operation_load(runner, lists[k].id);
		}
		finish();
		end(NULL);
	}
}

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
	T(a_list_is_paid),
	T(an_attempt_in_one_nodes_block_is_disowned),
	T(one_node_does_not_make_the_fees),
	T(one_node_makes_no_base_fee),
	T(a_node_that_is_down_keeps_no_fees_back),
	T(fees_that_nobody_tells_are_asked_for_with_pauses),
	T(a_stranger_on_our_nonce_costs_nobody_anything),
	T(a_stranger_that_pays_the_row_of_its_nonce_moves_nothing),
	T(a_stranger_in_a_block_that_vanishes_proves_nothing),
	T(a_nonce_that_comes_back_is_paid_with),
	T(a_nonce_that_comes_back_is_filled),
	T(a_stranger_that_nobody_shows_holds_its_block),
	T(nothing_is_reserved_beside_an_unread_stranger),
	T(a_start_takes_no_nonce_that_was_used_meanwhile),
	T(a_stranger_that_pays_a_row_stops_the_account),
	T(a_suspect_that_is_cleared_settles_its_nonce),
	T(three_strangers_stop_and_a_resume_accepts_them),
	T(what_was_mined_meanwhile_is_not_sent_again),
	T(a_base_fee_above_what_it_offers_bumps_it),
	T(the_lowest_that_waits_is_bumped),
	T(all_attempts_of_a_nonce_move_together),
	T(no_bump_passes_the_caps_per_gas),
	T(the_cap_stops_it_and_a_higher_one_lets_it_go_on),
	T(the_cap_stops_bumps_with_what_is_live),
	T(a_cancel_now_uses_the_room_that_is_held),
	T(a_cancel_that_its_cap_holds_up_says_so),
	T(a_cancel_now_empties_all_at_once),
	T(a_pause_reserves_nothing_new),
	T(a_cancel_settles_what_is_live),
	T(a_cancel_now_empties_what_is_live),
	T(nothing_leaves_above_a_hole),
	T(rows_move_only_from_where_they_are),
	T(empty_attempts_are_our_own),
	T(a_cancel_overtakes_the_signing),
	T(an_intent_holds_its_dearest_attempt),
	T(bytes_of_another_generation_are_dropped),
	T(a_cancelled_payload_is_never_sent_again),
	T(a_payload_may_win_over_its_cancel),
	T(funds_that_are_missing_are_named_and_awaited),
	T(funds_for_the_next_item_are_awaited_once),
	T(what_is_said_to_be_missing_suffices),
	T(a_balance_is_a_quorums_word),
	T(the_service_fee_is_paid_once_and_last),
	T(a_row_whose_estimate_reverts_is_void_without_a_nonce),
	T(one_node_voids_no_row),
	T(one_node_makes_no_estimate),
	T(an_absurd_estimate_stops_it),
	T(estimates_that_fail_are_asked_for_with_pauses),
	T(a_token_with_a_fee_is_final_and_flagged),
	T(a_token_that_does_nothing_is_void),
	T(a_token_without_a_return_value_is_paid),
	T(a_refused_recipient_is_void_and_can_be_tried_again),
	T(the_brake_stops_a_token_that_reverts),
	T(two_lists_of_one_account_take_turns),
	T(who_cannot_reserve_keeps_nobody_back),
	T(a_signer_that_refuses_stops_the_account),
	T(bytes_asked_for_again_stay_within_the_cap),
	T(bytes_that_do_not_fit_the_cap_stop_it),
	T(reorgs_within_the_bound_change_nothing),
	T(a_reorg_while_it_is_down),
	T(beyond_the_bound_items_reopen_and_end_exact),
	T(beyond_the_bound_a_completed_list_reopens),
	T(a_contested_row_is_paid_once),
	T(a_contested_row_whose_old_bytes_win_is_paid_once),
	T(a_row_contested_thrice_waits_for_all_older),
	T(a_contested_service_fee_is_paid_once),
	T(a_service_fee_that_is_live_again_is_paid_once),
	T(a_row_that_moved_for_a_stranger_is_paid_once),
	T(an_absence_of_days_ends_exact),
	T(a_rival_that_lost_is_settled_too),
	T(what_is_contested_holds_its_fees),
	T(a_second_reason_to_stop_is_said),
	T(a_resume_accepts_a_count_ahead),
	T(an_account_that_comes_later_is_not_another),
	T(strangers_of_one_node_keep_nothing_back),
	T(rows_of_an_ended_list_are_not_lost),
	T(what_is_reserved_again_is_asked_for),
	T(a_stranger_that_pays_the_service_fee_is_suspect),
	T(shallow_finality_and_one_in_flight),
	T(bytes_for_a_hole_leave_at_once),
	T(storms_end_exact),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
