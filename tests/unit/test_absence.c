/* An airdrop that is paid while nobody looks, and among nodes of which one lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "scene.h"
#include "sim/oracle.h"

#define ROWS 12
#define INTERVAL_MS 2000
#define GAP 600

static struct scene scene;
static struct runner *runner;
static struct address to[ROWS];
static struct amount amount[ROWS];
static char list[64];

/* -- the list ------------------------------------------------------------------- */

static void list_write(void)
{
	FILE *file;

	snprintf(list, sizeof list, "/tmp/pawl-absence-XXXXXX");
	file = fdopen(mkstemp(list), "w");
	assert_non_null(file);
	fprintf(file, "address,amount\n");
	for (unsigned i = 0; i < ROWS; i++) {
		memset(to[i].at, 0x50, sizeof to[i].at);
		to[i].at[19] = (uint8_t)i;
		amount[i] = amount_u64(1000 + i);
		fprintf(file, "0x");
		for (size_t k = 0; k < sizeof to[i].at; k++)
			fprintf(file, "%02x", to[i].at[k]);
		fprintf(file, ",%u\n", 1000 + i);
	}
	assert_int_equal(fclose(file), 0);
}

static struct list_rules rules(void)
{
	return (struct list_rules){
		.decimals = 18, .base_units = true, .sender = scene.sender
	};
}

static enum err plan_row(void *ctx, const struct list_row *row, struct fail *f)
{
	(void)f;
	plan_hash_row(ctx, &row->to, &row->amount, row->memo, row->memo_len);
	return ERR_OK;
}

static void plan_of(struct list_sum *sum, uint8_t plan[32])
{
	struct plan_header header = { .chain_id = scene.config.chain_id,
		.genesis = scene.chain->genesis->hash,
		.decimals = 18,
		.sender = scene.sender };
	struct plan_hash *h = plan_hash_begin(&header);
	struct list_rules r = rules();
	struct fail f = { 0 };

	if (list_read(sum, NULL, list, &r, plan_row, h, &f))
		fail_msg("the list: %s", f.why);
	plan_hash_end(h, plan);
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

static int64_t create(int64_t chain)
{
	struct airdrop_new new = { .name = "wages",
		.key_name = "treasury",
		.chain = chain,
		.sender = scene.sender,
		.in_flight_max = scene.config.max_in_flight,
		.fee_cap = scene.config.max_fee_per_gas,
		.facts = { .decimals = 18,
		    .gas = AIRDROP_GAS_NATIVE,
		    .fee_gas = AIRDROP_GAS_NATIVE } };
	struct list_rules r = rules();
	struct list_sum sum;
	struct fail f = { 0 };
	int64_t id;

	plan_of(&sum, new.plan);
	new.items = sum.rows;
	new.planned = sum.total;
	assert_int_equal(amount_parse(&new.cap, "10", 2, 18), AMOUNT_OK);
	snprintf(new.facts.file, sizeof new.facts.file, "%s", list);
	memcpy(new.facts.file_hash, sum.file_hash, sizeof new.facts.file_hash);
	id = airdrop_create(scene.journal, &new);
	if (!id || journal_commit(scene.journal, &f))
		fail_msg("create: %s", f.why);
	if (airdrop_import(scene.journal, id, &r, never, NULL, &f))
		fail_msg("import: %s", f.why);
	return id;
}

/* -- the program ------------------------------------------------------------------ */

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

static void rise(int64_t id)
{
	static const struct kind *const kinds[] = { &kind_airdrop };

	runner = runner_new(&(struct runner_setup){ .world = scene.world,
	    .journal = scene.journal,
	    .chains = &scene.config,
	    .chains_n = 1,
	    .keys = { .get = key_get },
	    .kinds = kinds,
	    .kinds_n = 1,
	    .only_operation = id });
}

static void rest(void)
{
	scene_rest(&scene);
	runner_free(runner);
	runner = NULL;
}

static void turn(void)
{
	struct fail f = { 0 };

	if (!runner_turn(runner, &f))
		fail_msg("a full disk, it says: %s", f.why);
}

static void turn_and_wait(void)
{
	turn();
	world_wait(scene.world, runner_wake_ms(runner));
}

static int64_t begin(void)
{
	const struct chain_run *c;
	int64_t id;

	scene_open(&scene, 3, 2);
	scene_say(waits, NULL);
	sim_mining(scene.chain, INTERVAL_MS);
	list_write();
	rise(0);
	c = runner_chain(runner, scene.config.name);
	while (!c->id)
		turn_and_wait();
	id = create(c->id);
	assert_non_null(operation_load(runner, id));
	return id;
}

static void run_to_the_end(int64_t id)
{
	for (;;) {
		const struct operation *o;

		turn();
		o = runner_operation(runner, id);
		if (o && operation_ended(o))
			break;
		world_wait(scene.world, runner_wake_ms(runner));
	}
}

static int end(void **state)
{
	(void)state;
	if (runner)
		rest();
	if (scene.journal)
		scene_close(&scene);
	unlink(list);
	return 0;
}

static uint64_t payments(void)
{
	struct sim_ledger l;

	sim_ledger_read(&l, scene.chain, &scene.sender);
	assert_int_equal(l.empty + l.failed, 0);
	return l.payments;
}

static void assert_paid_exactly_once(int64_t id)
{
	const struct operation *o = runner_operation(runner, id);
	struct address coin = { { 0 } };

	assert_int_equal(o->state, OPERATION_COMPLETED);
	assert_int_equal(o->by_state[ITEM_FINAL].n, ROWS);
	assert_int_equal(payments(), ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		struct amount sum;

		assert_int_equal(
		    sim_paid(scene.chain, &scene.sender, &coin, &to[i], &sum), 1);
		assert_int_equal(amount_cmp(&sum, &amount[i]), 0);
	}
}

/* -- the tests ---------------------------------------------------------------------- */

/* What waits in the pool when it goes is paid in the gap; its end is read there. */
static void goes_on_behind_a_gap_of_600_blocks(void **state)
{
	int64_t id = begin();
	uint64_t before, behind;

	(void)state;
	while (payments() < 2 || !scene.chain->pooled)
		turn_and_wait();
	before = payments();
	rest();
	scene_mine(&scene, GAP);
	behind = payments();
	assert_true(behind > before);
	assert_true(behind < ROWS);
	scene_rise(&scene);
	rise(id);
	run_to_the_end(id);
	assert_paid_exactly_once(id);
}

/* A receipt that one node flips makes no payment void, and none is paid again. */
static void one_liar_of_three_voids_nothing(void **state)
{
	int64_t id = begin();

	(void)state;
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	run_to_the_end(id);
	assert_paid_exactly_once(id);
}

/* As long as the liar and one honest node are all there is, nothing is final. */
static void a_liar_and_one_more_are_no_quorum(void **state)
{
	int64_t id = begin();
	const struct operation *o;
	int64_t until;

	(void)state;
	while (!scene.chain->pooled)
		turn_and_wait();
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	scene.node[2]->down = true;
	until = world_now_ms(scene.world) + 120000;
	while (world_now_ms(scene.world) < until)
		turn_and_wait();
	o = runner_operation(runner, id);
	assert_true(payments() > 0);
	assert_int_equal(o->by_state[ITEM_FINAL].n + o->by_state[ITEM_VOID].n, 0);
	scene.node[2]->down = false;
	run_to_the_end(id);
	assert_paid_exactly_once(id);
}

/* -- robbed ------------------------------------------------------------------------- */

static jmp_buf death;

static void dies(enum err e, const char *why)
{
	assert_int_equal(e, ERR_JOURNAL);
	assert_non_null(strstr(why, "another process has taken it"));
	longjmp(death, 1);
}

/* As if another owner had come while this one was held up. */
static void rob(void)
{
	struct sql_owner_get_out now;
	struct sql_owner_take_in in = { .pid = 2, .host = "thief" };
	struct fail f = { 0 };

	assert_true(sql_owner_get_one(scene.journal, &now));
	in.before = now.epoch;
	in.epoch = now.epoch + 1;
	in.commit_no = journal_commit_no(scene.journal);
	assert_int_equal(sql_owner_take(scene.journal, &in), 1);
	assert_int_equal(journal_commit(scene.journal, &f), ERR_OK);
}

static uint64_t sends(void)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < scene.nodes; i++)
		n += scene.node[i]->calls[SIM_eth_sendRawTransaction];
	return n;
}

static void turn_for(int64_t ms)
{
	int64_t until_ms = world_now_ms(scene.world) + ms;

	while (world_now_ms(scene.world) < until_ms)
		turn_and_wait();
}

static __attribute__((noinline)) bool dies_within(int64_t ms)
{
	journal_die = dies;
	if (setjmp(death))
		return true;
	turn_for(ms);
	return false;
}

/* Nothing changes in the journal, only bytes are due again: it must look all the same. */
static void who_was_robbed_sends_nothing_more(void **state)
{
	void (*died)(enum err e, const char *why) = journal_die;
	uint64_t before;

	(void)state;
	begin();
	while (!scene.chain->pooled)
		turn_and_wait();
	sim_mining(scene.chain, 0);
	turn_for(2000);
	before = sends();
	turn_for(120000);
	assert_true(sends() > before); /* they are sent again and again */
	rob();
	before = sends();
	assert_true(dies_within(600000));
	journal_die = died;
	assert_int_equal(sends(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(goes_on_behind_a_gap_of_600_blocks),
		T(one_liar_of_three_voids_nothing),
		T(a_liar_and_one_more_are_no_quorum),
		T(who_was_robbed_sends_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
