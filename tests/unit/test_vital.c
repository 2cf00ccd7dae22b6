/* What the process tells of itself: what stands, what is needed, what is due. */
#include "payer.h"

#include <jansson.h>

#include "base/clock.h"
#include "engine/message.h"
#include "serve/vital/health.h"
#include "serve/vital/vital.h"

#define HOUR_MS ((int64_t)3600 * 1000)
#define MINUTE_MS ((int64_t)60 * 1000)

static struct pulse *pulse;

/* Time passes, and it is felt every minute. */
static void feel(int64_t ms)
{
	for (int64_t past = 0; past < ms; past += MINUTE_MS) {
		run(MINUTE_MS);
		pulse_turn(pulse, runner, world_now_ms(scene.world));
	}
}

static void live_anew(void)
{
	pulse_free(pulse);
	rise_again();
	pulse = pulse_new();
	run_until(chain()->id && runner_operation(runner, lists[0].id));
	pulse_turn(pulse, runner, world_now_ms(scene.world));
}

static int64_t wall_ms(void)
{
	return scene.world ? world_wall_ms(scene.world) : 0;
}

static int pulse_end(void **state_)
{
	clock_set(NULL);
	pulse_free(pulse);
	pulse = NULL;
	return end(state_);
}

static void begin_list(int rows)
{
	begin(1, 1);
	pulse = pulse_new();
	run_until(chain()->id);
	pay_rows(rows);
	run_until(runner_operation(runner, lists[0].id));
}

/* As the journal has it: no life has to see it for an hour. */
static void what_is_stuck_is_so_in_each_life(void **state_)
{
	(void)state_;
	begin_list(3);
	sim_mining(scene.chain, 0);
	run_until(state() == OPERATION_DISTRIBUTING);
	runner->s.stuck_after_ms = HOUR_MS;
	feel(HOUR_MS / 2);
	assert_int_equal(stuck_count(runner), 0);
	live_anew();
	runner->s.stuck_after_ms = HOUR_MS;
	feel(HOUR_MS * 2 / 3);
	assert_int_equal(stuck_count(runner), 1);
	rise_again();
	runner->s.stuck_after_ms = HOUR_MS;
	assert_int_equal(stuck_count(runner), 1); /* and no node has answered yet */
	runner->s.stuck_after_ms = 3 * HOUR_MS;
	assert_int_equal(stuck_count(runner), 0);
	runner->s.stuck_after_ms = HOUR_MS;
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(stuck_count(runner), 0);
}

static int64_t still_ms(void)
{
	return pulse_still_ms(pulse, world_now_ms(scene.world));
}

/* Partly paid, and no row moves; it stood in the life before, too. */
static void what_stands_is_timed(void **state_)
{
	(void)state_;
	clock_set(wall_ms); /* of the journal */
	begin_in_flight(1, 1, 6, 3);
	pulse = pulse_new();
	feel(30 * MINUTE_MS);
	assert_in_range(still_ms(), 29 * MINUTE_MS, 31 * MINUTE_MS);
	live_anew();
	assert_true(still_ms() > 0);
	feel(10 * MINUTE_MS);
	assert_true(still_ms() >= 10 * MINUTE_MS);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(item(1).state == ITEM_FINAL);
	pulse_turn(pulse, runner, world_now_ms(scene.world));
	assert_true(still_ms() < MINUTE_MS);
	finish();
	pulse_turn(pulse, runner, world_now_ms(scene.world));
	assert_int_equal(still_ms(), 0);
}

static struct amount need(void)
{
	struct amount n;

	pulse_need(pulse, runner, account(), world_now_ms(scene.world), &n);
	return n;
}

/* All that is left, while nobody knows how fast it goes; then what an hour moves. */
static void a_need_is_that_of_an_hour(void **state_)
{
	struct amount all, hour, twice, pending = AMOUNT_ZERO;
	const struct totals *left;

	(void)state_;
	begin_in_flight(1, 1, 100, 4);
	pulse = pulse_new();
	pulse_turn(pulse, runner, world_now_ms(scene.world));
	left = &op()->by_state[ITEM_PENDING];
	assert_int_equal(left->n, 96);
	all = need();
	assert_true(amount_add(&pending, &left->sum, &account()->outstanding));
	assert_true(amount_cmp(&all, &pending) > 0); /* and their fees */
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(op()->by_state[ITEM_PENDING].n <= 88);
	sim_mining(scene.chain, 0);
	feel(20 * MINUTE_MS);
	left = &op()->by_state[ITEM_PENDING];
	assert_in_range(left->n, 40, 88);
	hour = need();
	assert_true(amount_mul_u64(&twice, &hour, 2));
	assert_true(amount_cmp(&twice, &all) < 0);
	assert_true(amount_cmp(&hour, &account()->outstanding) > 0);
	feel(2 * HOUR_MS); /* nothing moved: it may be all of it */
	twice = need();
	assert_true(amount_cmp(&twice, &hour) > 0);
	assert_true(amount_add(&pending, &left->sum, &account()->outstanding));
	assert_true(amount_cmp(&twice, &pending) > 0);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	hour = need();
	assert_true(amount_is_zero(&hour));
}

static void what_is_due_has_an_age(void **state_)
{
	struct subject of = { .kind = SUBJECT_OPERATION };
	struct due due;
	int64_t who;

	(void)state_;
	begin_list(1);
	of.id = lists[0].id;
	who = message_subscribe(scene.journal, "webhook", "http://a.example/", &of, NULL);
	message_note(scene.journal, &of, MILESTONE_NEEDS_OPERATOR, 0,
	    world_wall_ms(scene.world), NULL);
	feel(15 * MINUTE_MS);
	message_note(scene.journal, &of, MILESTONE_NEEDS_OPERATOR, 0,
	    world_wall_ms(scene.world), NULL);
	due_read(
	    &due, &(struct health_at){ .world = scene.world, .journal = scene.journal });
	assert_in_range(due.n, 2, 3);
	assert_in_range(due.oldest_ms, 15 * MINUTE_MS, 16 * MINUTE_MS);
	assert_int_equal(due.suspended, 0);
	sql_message_hold(scene.journal,
	    &(struct sql_message_hold_in){ .subscriber = 1, .why = "gone", .most = 10 });
	sql_subscriber_suspend(scene.journal,
	    &(struct sql_subscriber_suspend_in){ .id = who, .why = "gone" });
	due_read(
	    &due, &(struct health_at){ .world = scene.world, .journal = scene.journal });
	assert_int_equal(due.n, 0);
	assert_int_equal(due.oldest_ms, 0);
	assert_int_equal(due.suspended, 1);
}

static int64_t slow_ms;

static int64_t slowly(struct world *w)
{
	(void)w;
	return slow_ms += 50;
}

static int64_t any_wall_ms(struct world *w)
{
	(void)w;
	return 1700000000000;
}

/* Whoever asks all the time has it counted for a twentieth of that, at most. */
static void what_takes_long_is_counted_seldom(void **state_)
{
	static const struct world_ops ops = { .now_ms = slowly, .wall_ms = any_wall_ms };
	struct world world = { .ops = &ops };
	struct due_kept kept = { .until_ms = 0 };
	struct health_at at = { .due = &kept, .world = &world };
	struct subject of = { .kind = SUBJECT_OPERATION };
	struct due due;

	(void)state_;
	begin_list(1);
	at.journal = scene.journal;
	of.id = lists[0].id;
	due_read(&due, &at);
	assert_int_equal(due.n, 0);
	(void)message_subscribe(scene.journal, "webhook", "http://a.example/", &of, NULL);
	message_note(scene.journal, &of, MILESTONE_NEEDS_OPERATOR, 0, 0, NULL);
	for (int i = 0; i < 18; i++) {
		due_read(&due, &at);
		assert_int_equal(due.n, 0);
	}
	due_read(&due, &at);
	due_read(&due, &at);
	assert_int_equal(due.n, 1);
}

/* What is told of the part of that name. */
static void deliveries_are(const char *status, size_t alerts)
{
	const struct health_at at = { .world = scene.world,
		.journal = scene.journal,
		.runner = runner,
		.pulse = pulse,
		.disk_free = -1,
		.disk_size = -1,
		.version = "" };
	struct buf out;
	json_t *o, *part;

	buf_init(&out, 65536);
	health_encode(&out, &at);
	assert_true(buf_ok(&out));
	o = json_loadb((const char *)out.data, out.len, 0, NULL);
	part = json_object_get(json_object_get(o, "components"), "deliveries");
	assert_string_equal(json_string_value(json_object_get(part, "status")), status);
	assert_string_equal(json_string_value(json_object_get(o, "status")), status);
	assert_int_equal(json_array_size(json_object_get(o, "alerts")), alerts);
	json_decref(o);
	buf_release(&out);
}

/* As long as he hears of anything. */
static void who_is_suspended_is_a_loss(void **state_)
{
	struct subject of = { .kind = SUBJECT_OPERATION };
	int64_t who, suspended;

	(void)state_;
	begin_list(1);
	finish();
	pulse_turn(pulse, runner, world_now_ms(scene.world));
	of.id = lists[0].id;
	who = message_subscribe(scene.journal, "webhook", "http://a.example/", &of, NULL);
	deliveries_are("healthy", 0);
	assert_int_equal(message_subscribers(scene.journal, &suspended), 1);
	assert_int_equal(suspended, 0);
	sql_subscriber_suspend(scene.journal,
	    &(struct sql_subscriber_suspend_in){ .id = who, .why = "gone" });
	deliveries_are("degraded", 1);
	assert_int_equal(message_subscribers(scene.journal, &suspended), 0);
	assert_int_equal(suspended, 1);
	assert_true(message_unsubscribe(scene.journal, who, &of));
	assert_false(message_silence(scene.journal, who));
	deliveries_are("healthy", 0);
	assert_int_equal(message_subscribers(scene.journal, &suspended), 0);
	assert_int_equal(suspended, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_is_stuck_is_so_in_each_life, pulse_end),
		cmocka_unit_test_teardown(what_stands_is_timed, pulse_end),
		cmocka_unit_test_teardown(a_need_is_that_of_an_hour, pulse_end),
		cmocka_unit_test_teardown(what_is_due_has_an_age, pulse_end),
		cmocka_unit_test_teardown(what_takes_long_is_counted_seldom, pulse_end),
		cmocka_unit_test_teardown(who_is_suspended_is_a_loss, pulse_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
