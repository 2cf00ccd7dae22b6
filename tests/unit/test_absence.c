/* Lists that are paid while nobody looks, among nodes of which one lies, and by an owner
 * whose journal is taken from him. */
#include "payer.h"

#define ROWS 12
#define GAP 600

static uint64_t payments(void)
{
	struct sim_ledger l;

	sim_ledger_read(&l, scene.chain, &scene.sender);
	assert_int_equal(l.empty + l.failed, 0);
	return l.payments;
}

static uint64_t sends(void)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < scene.nodes; i++)
		n += scene.node[i]->calls[SIM_eth_sendRawTransaction];
	return n;
}

static void begin_with_three_nodes(void)
{
	begin(3, 2);
	pay_rows(ROWS);
}

/* -- a long absence ---------------------------------------------------------- */

/* What waits in the pool when it goes is paid in the gap; its end is read there. */
static void goes_on_behind_a_gap_of_600_blocks(void **state_)
{
	uint64_t before, behind;

	(void)state_;
	begin_with_three_nodes();
	run_until(payments() >= 2 && scene.chain->pooled);
	before = payments();
	rest();
	scene_mine(&scene, GAP);
	behind = payments();
	assert_true(behind > before);
	assert_true(behind < ROWS);
	scene_rise(&scene);
	rise_for(lists[0].id);
	run_until(chain()->id && runner->operations_n);
	finish();
}

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

/* -- a node that lies ---------------------------------------------------------- */

/* A receipt that one node flips makes no payment void, and none is paid again. */
static void one_liar_of_three_voids_nothing(void **state_)
{
	(void)state_;
	begin_with_three_nodes();
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	finish();
}

/* As long as the liar and one honest node are all there is, nothing is final. */
static void a_liar_and_one_more_are_no_quorum(void **state_)
{
	(void)state_;
	begin_with_three_nodes();
	run_until(scene.chain->pooled);
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	scene.node[2]->down = true;
	run(120000);
	assert_true(payments() > 0);
	assert_int_equal(op()->by_state[ITEM_FINAL].n + op()->by_state[ITEM_VOID].n, 0);
	scene.node[2]->down = false;
	finish();
}

/* -- robbed ------------------------------------------------------------------- */

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
	in.written = in.commit_no = journal_commit_no(scene.journal);
	assert_int_equal(sql_owner_take(scene.journal, &in), 1);
	assert_int_equal(journal_commit(scene.journal, &f), ERR_OK);
}

static __attribute__((noinline)) bool dies_within(int64_t ms)
{
	journal_die = dies;
	if (setjmp(death))
		return true;
	run(ms);
	return false;
}

/* Nothing changes in the journal, only bytes are due again: it must look all the same. */
static void who_was_robbed_sends_nothing_more(void **state_)
{
	void (*died)(enum err e, const char *why) = journal_die;
	uint64_t before;

	(void)state_;
	begin_with_three_nodes();
	run_until(scene.chain->pooled);
	sim_mining(scene.chain, 0);
	run(2000);
	before = sends();
	run(120000);
	assert_true(sends() > before); /* they are sent again and again */
	rob();
	before = sends();
	assert_true(dies_within(600000));
	journal_die = died;
	assert_int_equal(sends(), before);
}

/* The count of an account is one, in however many tokens it pays. */
static void an_absence_of_two_tokens(void **state_)
{
	struct address at = { .at = { 0x70, 0x6c } };
	struct amount much = amount_u64(100000000);
	uint64_t calls;

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	pay_rows(ROWS);
	token = sim_token_add(scene.chain, &at, SIM_TOKEN_PLAIN, 18, "TWO");
	sim_fund(scene.chain, &scene.sender, token, &much);
	pay(&(struct list){ .name = "bonus", .rows = ROWS });
	run_until(payments() >= 3 && scene.chain->pooled);
	rest();
	scene_mine(&scene, 5 * GAP);
	scene_rise(&scene);
	calls = scene_calls(&scene);
	rise();
	run_until(ended());
	assert_in_range(scene_calls(&scene) - calls, 1, 5 * GAP);
	for (int i = 1; i <= ROWS; i++)
		assert_int_equal(paid(&lists[1], i), 1);
	check_fees();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(an_absence_of_two_tokens),
		T(goes_on_behind_a_gap_of_600_blocks),
		T(an_absence_of_days_ends_exact),
		T(one_liar_of_three_voids_nothing),
		T(a_liar_and_one_more_are_no_quorum),
		T(who_was_robbed_sends_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
