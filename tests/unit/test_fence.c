/* A journal that is older than what was sent: its account is in doubt, and fenced. */
#include "engine/doubt.h"
#include "payer.h"

/* -- what is looked at --------------------------------------------------------- */

/* The newest fence, from the journal; false: there is none. */
static bool fence_of(struct operation *ret)
{
	struct sql_operation_all_out row;
	bool found = false;

	sql_operation_all_begin(scene.journal);
	while (sql_operation_all_next(scene.journal, &row)) {
		struct operation o;

		assert_true(operation_read(scene.journal, row.id, &o));
		if (strcmp(o.kind_name, "fence") != 0)
			continue;
		*ret = o;
		found = true;
	}
	return found;
}

static struct operation fence(void)
{
	struct operation o;

	assert_true(fence_of(&o));
	return o;
}

static uint64_t fenced_below(void)
{
	struct fence_facts f;

	assert_true(fence_read(scene.journal, fence().id, &f));
	return f.below;
}

static bool has_fence(void)
{
	struct operation o;

	return fence_of(&o);
}

static uint64_t count(void)
{
	return sim_count(scene.chain, scene.chain->head, &scene.sender);
}

static uint64_t empties(void)
{
	struct sim_ledger ledger;

	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	return ledger.empty;
}

static bool signed_n(int n)
{
	int have = 0;

	for (int i = 1; i <= lists[0].rows; i++)
		have += item(i).state == ITEM_FINAL || is_signed(i);
	return have >= n;
}

/* -- a life that is forgotten --------------------------------------------------- */

/* Four rows are paid and final, and no more are begun: that is what a copy knows. Then
 * the next four are signed, are out, and in no block. */
static void begin_forgetful(uint32_t nodes, int quorum, int rows)
{
	begin(nodes, quorum);
	run_until(chain()->id);
	pay_rows(rows);
	run_until(op()->by_state[ITEM_FINAL].n >= 4);
	sim_mining(scene.chain, 0);
	run(5000);
	assert_int_equal(operation_pause(runner, op(), NULL), ERR_OK);
	run_until(op()->state == OPERATION_PAUSED);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(!op()->by_state[ITEM_LIVE].n);
	sim_mining(scene.chain, 0);
	run(3000);
	keep();
	resume();
	run_until(signed_n((int)op()->by_state[ITEM_FINAL].n + 4));
	run(2000);
}

static void go_on(void)
{
	resume();
	sim_mining(scene.chain, INTERVAL_MS);
}

static void finish_fenced(void)
{
	finish();
	assert_int_equal(fence().state, OPERATION_COMPLETED);
	assert_false(account()->doubt[0]);
}

/* -- where the forgotten bytes are ------------------------------------------------ */

static void bytes_that_nobody_has_are_replaced(void **state_)
{
	uint64_t before;

	(void)state_;
	begin_forgetful(1, 1, 60);
	before = count();
	sim_pool_drop_all(scene.chain);
	forget();
	run_until(ended() || op()->state == OPERATION_PAUSED);
	go_on();
	run_until(has_fence());
	assert_int_equal(fenced_below(), before + 4);
	finish_fenced();
	assert_int_equal(empties(), 4);
}

static void bytes_in_a_pool_win_by_themselves(void **state_)
{
	(void)state_;
	begin_forgetful(1, 1, 60);
	forget();
	run_until(op()->state == OPERATION_PAUSED);
	go_on();
	finish_fenced();
	assert_int_equal(empties(), 0);
}

static void bytes_that_are_mined_are_adopted(void **state_)
{
	(void)state_;
	begin_forgetful(1, 1, 60);
	scene_mine(&scene, 1);
	forget();
	run_until(op()->state == OPERATION_PAUSED);
	go_on();
	finish_fenced();
	assert_int_equal(empties(), 4); /* of those above, that were never signed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(bytes_that_nobody_has_are_replaced, end),
		cmocka_unit_test_teardown(bytes_in_a_pool_win_by_themselves, end),
		cmocka_unit_test_teardown(bytes_that_are_mined_are_adopted, end),
	};

	return cmocka_run_group_tests_name("fence", tests, NULL, NULL);
}
