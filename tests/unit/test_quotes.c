/* What a transaction costs, asked for while a chain is followed, and kept by the hour. */
#include "engine/quotes.h"
#include "payer.h"

#define HOUR_MS INT64_C(3600000)
#define TEXT_MAX 4096

static const struct quote *heard(void)
{
	return quotes_get(runner, chain());
}

static void who_wants_to_know_is_told(void **state_)
{
	struct head head;
	struct buf b;

	(void)state_;
	begin(3, 2);
	scene.node[0]->tip = scene.node[1]->tip = 2 * GWEI;
	scene.node[2]->tip = 40 * GWEI; /* alone with it */
	run_until(chain()->id);
	buf_init(&b, TEXT_MAX);
	assert_true(quotes_text(runner, NULL, &b));
	assert_int_equal(memcmp(b.data, "sim: its nodes are being asked", 30), 0);
	buf_release(&b);
	assert_false(quotes_fresh(runner, NULL));
	run_until(chain()->has_quote);
	assert_true(quotes_fresh(runner, "sim"));
	assert_true(follower_head(chain()->follower, &head));
	assert_in_range(heard()->height, head.height - 1, head.height);
	assert_true(heard()->has_1559);
	assert_int_equal(heard()->level[QUOTE_FAST].tip, 2 * GWEI);
	assert_true(heard()->nodes >= 2);
	buf_init(&b, TEXT_MAX);
	assert_true(quotes_text(runner, "sim", &b));
	buf_add_byte(&b, '\0');
	assert_says((char *)b.data, "sim, block ");
	assert_says((char *)b.data, "\nfast: ");
	assert_false(quotes_text(runner, "another", &b));
	buf_release(&b);
}

/* Nobody wanted to know; and then it is not asked for at once again. */
static void nobody_is_asked_without_a_reason(void **state_)
{
	int64_t at_ms;

	(void)state_;
	begin(2, 1);
	run_until(chain()->id);
	run(600000);
	assert_int_equal(chain()->quote_at_ms, 0);
	(void)heard();
	run_until(chain()->has_quote);
	at_ms = chain()->quote_at_ms;
	for (int i = 0; i < 5; i++) {
		(void)heard();
		run(1000);
	}
	assert_int_equal(chain()->quote_at_ms, at_ms);
	run(10000);
	assert_false(quotes_fresh(runner, NULL));
	(void)heard();
	run(3000);
	assert_true(chain()->quote_at_ms > at_ms);
}

/* With one of two that a quorum needs it is what was heard last, and ever older. */
static void without_a_quorum_it_grows_old(void **state_)
{
	uint64_t age_s;

	(void)state_;
	begin(2, 2);
	run_until(chain()->id);
	(void)heard();
	run_until(chain()->has_quote);
	age_s = quote_age_s(heard(), world_wall_ms(scene.world));
	scene.node[1]->down = true;
	run((QUOTE_STALE_S + 60) * 1000);
	assert_true(
	    quote_age_s(heard(), world_wall_ms(scene.world)) >= age_s + QUOTE_STALE_S);
	assert_true(quote_is_stale(heard(), world_wall_ms(scene.world)));
	scene.node[1]->down = false;
	run(90000);
	(void)heard();
	run(5000);
	assert_false(quote_is_stale(heard(), world_wall_ms(scene.world)));
}

static int hours_known(struct fee_hour *hours)
{
	int n = 0;

	quotes_hours(
	    scene.journal, scene.config.chain_id, world_wall_ms(scene.world), hours);
	for (int i = 0; i < QUOTE_HOURS; i++)
		n += hours[i].known;
	return n;
}

static void hours_are_kept(void **state_)
{
	struct fee_hour hours[QUOTE_HOURS];
	struct sql_fee_hour_get_in in = { .chain_id = (int64_t)scene.config.chain_id };
	struct sql_fee_hour_get_out row;

	(void)state_;
	begin(2, 1);
	in.chain_id = (int64_t)scene.config.chain_id;
	in.hour = world_wall_ms(scene.world) / HOUR_MS;
	sql_fee_hour_put(scene.journal,
	    &(struct sql_fee_hour_put_in){ .chain_id = in.chain_id,
		.hour = in.hour - 72,
		.low = 1,
		.mean = 2,
		.high = 3,
		.samples = 4 });
	runner->s.quotes.keep = true;
	run_until(chain()->has_quote); /* nobody asked */
	run(20 * 60000);
	assert_in_range(hours_known(hours), 1, 2);
	assert_true(hours[QUOTE_HOURS - 1].known);
	assert_true(hours[QUOTE_HOURS - 1].low <= hours[QUOTE_HOURS - 1].mean);
	assert_true(hours[QUOTE_HOURS - 1].mean <= hours[QUOTE_HOURS - 1].high);
	assert_int_equal(
	    hours[QUOTE_HOURS - 1].hour, world_wall_ms(scene.world) / HOUR_MS);
	in.hour = hours[QUOTE_HOURS - 1].hour;
	assert_true(sql_fee_hour_get_one(scene.journal, &in, &row));
	assert_true(row.samples >= 1);
	in.hour = world_wall_ms(scene.world) / HOUR_MS - 72; /* long ago */
	assert_false(sql_fee_hour_get_one(scene.journal, &in, &row));
	rise_again(); /* they outlive it */
	assert_in_range(hours_known(hours), 1, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(who_wants_to_know_is_told, end),
		cmocka_unit_test_teardown(nobody_is_asked_without_a_reason, end),
		cmocka_unit_test_teardown(without_a_quorum_it_grows_old, end),
		cmocka_unit_test_teardown(hours_are_kept, end),
	};

	return cmocka_run_group_tests_name("quotes", tests, NULL, NULL);
}
