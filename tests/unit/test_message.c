/* What subscribers are told: decided once, in the commit of its cause. */
#include "payer.h"

#include "engine/message.h"

#define HOUR_MS ((int64_t)3600 * 1000)

static struct subject subject_of(const struct list *l)
{
	return (struct subject){ .kind = SUBJECT_OPERATION, .id = l->id };
}

static int64_t hear(const char *target)
{
	struct subject of = subject_of(&lists[0]);

	op()->stuck_look_ms = 0;
	return message_subscribe(scene.journal, "webhook", target, &of, NULL);
}

static const char *told(void)
{
	return notices_of(SUBJECT_OPERATION, lists[0].id);
}

static int64_t first_notice(char *body, size_t size)
{
	struct sql_notice_of_subject_in in = { .subject_kind = SUBJECT_OPERATION,
		.subject = lists[0].id };
	struct sql_notice_of_subject_out row;

	sql_notice_of_subject_begin(scene.journal, &in);
	assert_true(sql_notice_of_subject_next(scene.journal, &row));
	snprintf(body, size, "%s", row.body);
	sql_notice_of_subject_end(scene.journal);
	return row.id;
}

static int messages_of(int64_t notice)
{
	struct sql_message_of_notice_in in = { .notice = notice };
	struct sql_message_of_notice_out row;
	int n = 0;

	sql_message_of_notice_begin(scene.journal, &in);
	while (sql_message_of_notice_next(scene.journal, &row))
		n += row.state == MESSAGE_DUE && !row.tries && !row.unknown;
	return n;
}

static void begin_list(void)
{
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(3);
	run_until(runner_operation(runner, lists[0].id));
}

static void each_hears_once_that_it_completed(void **state_)
{
	char body[2048];
	int64_t notice;

	(void)state_;
	begin_list();
	assert_int_equal(hear("http://a.example/"), hear("http://a.example/"));
	hear("http://b.example/");
	finish();
	assert_string_equal(told(), "completed 1");
	rise_again();
	run(60000);
	assert_string_equal(told(), "completed 1");
	notice = first_notice(body, sizeof body);
	assert_int_equal(messages_of(notice), 2);
	assert_says(body, "{\"schema\":1,\"event_id\":\"");
	assert_says(
	    body, "\"type\":\"completed\",\"operation\":\"wages\",\"chain\":\"sim\"");
}

static void nobody_hears_what_nobody_asked_for(void **state_)
{
	(void)state_;
	begin_list();
	finish();
	assert_string_equal(told(), "");
	hear("http://a.example/");
	run(60000);
	assert_string_equal(told(), ""); /* what was before he came he does not hear */
}

static void what_is_undone_was_not_told(void **state_)
{
	struct subject of;

	(void)state_;
	begin_list();
	hear("http://a.example/");
	of = subject_of(&lists[0]);
	journal_save(scene.journal);
	assert_true(
	    message_note(scene.journal, &of, MILESTONE_NEEDS_OPERATOR, 0, 1000, NULL));
	assert_string_equal(told(), "needs_operator 1");
	journal_save_drop(scene.journal);
	assert_string_equal(told(), "");
}

static void the_same_is_noted_once(void **state_)
{
	struct subject of;
	char first[EVENT_ID_MAX], again[EVENT_ID_MAX], other[EVENT_ID_MAX];
	json_t *facts = json_pack("{s:s}", "operation", "payroll");

	(void)state_;
	begin_list();
	hear("http://a.example/");
	of = subject_of(&lists[0]);
	assert_true(message_note(scene.journal, &of, MILESTONE_STUCK, 4, 1000, NULL));
	assert_false(message_note(scene.journal, &of, MILESTONE_STUCK, 4, 9000, NULL));
	assert_string_equal(told(), "stuck 4");
	message_event_id(scene.journal, of.kind, MILESTONE_STUCK, 4, facts, first);
	rise_again();
	message_event_id(scene.journal, of.kind, MILESTONE_STUCK, 4, facts, again);
	message_event_id(scene.journal, of.kind, MILESTONE_STUCK, 5, facts, other);
	assert_string_equal(first, again);
	assert_string_not_equal(first, other);
	/* of a journal that was put back, and numbers another one the same */
	(void)json_object_set_new(facts, "operation", json_string("salaries"));
	message_event_id(scene.journal, of.kind, MILESTONE_STUCK, 4, facts, other);
	assert_string_not_equal(first, other);
	/* what it holds besides may be told otherwise the second time */
	(void)json_object_set_new(facts, "operation", json_string("payroll"));
	(void)json_object_set_new(facts, "confirmations", json_integer(21));
	message_event_id(scene.journal, of.kind, MILESTONE_STUCK, 4, facts, other);
	assert_string_equal(first, other);
	assert_int_equal(strlen(first), 32);
	json_decref(facts);
}

static void each_stop_is_told(void **state_)
{
	(void)state_;
	begin_list();
	hear("http://a.example/");
	operation_stop(runner, op(), "a test");
	assert_string_equal(told(), "needs_operator 1");
	operation_stop(runner, op(), "a test"); /* it is stopped already */
	resume();
	operation_stop(runner, op(), "a test");
	assert_string_equal(told(), "needs_operator 1, needs_operator 2");
	resume();
	finish();
	assert_string_equal(told(), "needs_operator 1, needs_operator 2, completed 1");
}

static void a_cancelled_list_is_told(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin_list();
	hear("http://a.example/");
	assert_int_equal(operation_cancel(runner, op(), false, &f), ERR_OK);
	run_until(ended());
	assert_string_equal(told(), "cancelled 1");
}

static void what_vanishes_is_retracted(void **state_)
{
	(void)state_;
	begin_list();
	hear("http://a.example/");
	finish();
	reorg(SCENE_DEPTH + 4, false);
	resume_chain();
	run(10);
	assert_string_equal(told(), "completed 1, retracted 1");
	finish();
	assert_string_equal(told(), "completed 1, retracted 1, completed 2");
}

static void a_stage_that_takes_long_is_told_once(void **state_)
{
	char body[2048];

	(void)state_;
	begin_list();
	sim_mining(scene.chain, 0);
	run_until(state() == OPERATION_DISTRIBUTING);
	hear("http://a.example/");
	runner->s.stuck_after_ms = HOUR_MS;
	run(HOUR_MS / 2);
	assert_string_equal(told(), "");
	rise_again();
	runner->s.stuck_after_ms = HOUR_MS;
	run(HOUR_MS * 2 / 3);
	assert_string_equal(told(), "stuck 3");
	(void)first_notice(body, sizeof body);
	assert_says(body, "\"stage\":\"distributing\"");
	rise_again();
	runner->s.stuck_after_ms = HOUR_MS;
	run(HOUR_MS * 2);
	assert_string_equal(told(), "stuck 3");
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_string_equal(told(), "stuck 3, completed 1");
}

static void a_target_is_shown_without_its_keys(void **state_)
{
	static const struct {
		const char *target, *shown;
	} rows[] = {
		{ "https://a.example/hook?key=abc", "https://a.example/...#40a55be3" },
		{ "https://a.example/T0B0/x", "https://a.example/...#95529606" },
		{ "https://a.example?k", "https://a.example/...#ef769ae6" },
		{ "https://a.example:8443/", "https://a.example:8443/" },
		{ "-1001234567890", "-1001234567890" },
	};
	char out[TARGET_MAX], long_one[TARGET_MAX];

	(void)state_;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		message_target_shown(out, rows[i].target);
		assert_string_equal(out, rows[i].shown);
	}
	memset(long_one, 'a', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = '\0';
	message_target_shown(out, long_one);
	assert_string_equal(out, long_one);
	memcpy(long_one, "https://h/", 10);
	message_target_shown(out, long_one);
	assert_int_equal(strlen(out), strlen("https://h/...#00000000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_hears_once_that_it_completed, end),
		cmocka_unit_test_teardown(nobody_hears_what_nobody_asked_for, end),
		cmocka_unit_test_teardown(what_is_undone_was_not_told, end),
		cmocka_unit_test_teardown(the_same_is_noted_once, end),
		cmocka_unit_test_teardown(each_stop_is_told, end),
		cmocka_unit_test_teardown(a_cancelled_list_is_told, end),
		cmocka_unit_test_teardown(what_vanishes_is_retracted, end),
		cmocka_unit_test_teardown(a_stage_that_takes_long_is_told_once, end),
		cmocka_unit_test(a_target_is_shown_without_its_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
