/* What a transaction costs: answers of nodes, and what a quorum makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chain/quote.h"

#define GWEI UINT64_C(1000000000)
#define HASH "0x1bdc05c5e59445c1340b3bb04b68ca90581f1290c3a46c4e5e79943d1444194c"

/* As geth and Anvil write it, without what is not read. */
#define BLOCK(number, fees)                                              \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"number\":\"" number \
	"\",\"hash\":\"" HASH "\",\"parentHash\":\"" HASH                \
	"\",\"gasLimit\":\"0x1c9c380\",\"gasUsed\":\"0xe4e1c0\","        \
	"\"timestamp\":\"0x6b027ad6\"" fees "}}"
#define BASE ",\"baseFeePerGas\":\"0x3b9aca00\""
#define WORD(fee) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"" fee "\"}"
#define HISTORY(text) "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{" text "}}"
#define NO_METHOD                                                                     \
	"{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32601,\"message\":\"the " \
	"method eth_feeHistory does not exist/is not available\"}}"
#define BATCH(a, b, c) "[" a "," b "," c "]"
#define OLDEST "\"oldestBlock\":\"0x3e7\","
/* Of Anvil: three blocks, two of them empty. */
#define THREE                                                                            \
	"\"baseFeePerGas\":[\"0x7\",\"0x8\",\"0x9\",\"0xa\"],\"gasUsedRatio\":[0.0,0.0," \
	"0.0007],\"baseFeePerBlobGas\":[\"0x1\",\"0x1\",\"0x1\",\"0x1\"],"               \
	"\"blobGasUsedRatio\":[0.0,0.0,0.0],"
#define REWARDS                                                            \
	"\"reward\":[[\"0x1\",\"0x2\",\"0x3\"],[\"0x0\",\"0x0\",\"0x0\"]," \
	"[\"0x5\",\"0x6\",\"0x3b9aca00\"]]"

static const struct head with_base = { .has_base_fee = true }, without_base;

static enum err read_now(struct fee_said *ret, const struct head *head, const char *text)
{
	struct fail f = { ERR_OK, "" };

	return connector_evm.quote_read(ret, head, text, strlen(text), &f);
}

static void a_history_is_read(void **state)
{
	struct fee_said s;

	(void)state;
	assert_int_equal(
	    read_now(&s, &with_base,
		BATCH(BLOCK("0x3e9", BASE), WORD("0x0"), HISTORY(OLDEST THREE REWARDS))),
	    ERR_OK);
	assert_true(s.has_1559);
	assert_int_equal(s.height, 1001);
	assert_int_equal(s.time_s, 0x6b027ad6);
	assert_int_equal(s.next_base_fee, 10); /* the n + 1st */
	assert_int_equal(s.blocks, 3);
	assert_int_equal(s.tip[QUOTE_SLOW], 5); /* the middle one that is not empty */
	assert_int_equal(s.tip[QUOTE_NORMAL], 6);
	assert_int_equal(s.tip[QUOTE_FAST], GWEI);
	/* the node's own word is the least for who does not want to wait */
	assert_int_equal(read_now(&s, &with_base,
			     BATCH(BLOCK("0x3e9", BASE), WORD("0x3b9aca00"),
				 HISTORY(OLDEST THREE REWARDS))),
	    ERR_OK);
	assert_int_equal(s.tip[QUOTE_SLOW], 5);
	assert_int_equal(s.tip[QUOTE_NORMAL], GWEI);
	assert_int_equal(s.tip[QUOTE_FAST], GWEI);
}

static void nodes_without_a_history_have_a_word(void **state)
{
	struct fee_said s;

	(void)state;
	/* with a base fee: by the rule from the block, which was half full */
	assert_int_equal(read_now(&s, &with_base,
			     BATCH(BLOCK("0x3e9", BASE), WORD("0x3b9aca00"), NO_METHOD)),
	    ERR_OK);
	assert_int_equal(s.blocks, 0);
	assert_int_equal(s.next_base_fee, GWEI);
	assert_int_equal(s.tip[QUOTE_SLOW], GWEI);
	assert_int_equal(s.tip[QUOTE_FAST], GWEI);
	/* without one: the gas price alone */
	assert_int_equal(read_now(&s, &without_base,
			     "[" BLOCK("0x3e9", "") "," WORD("0x12a05f200") "]"),
	    ERR_OK);
	assert_false(s.has_1559);
	assert_int_equal(s.next_base_fee, 0);
	assert_int_equal(s.tip[QUOTE_SLOW], 5 * GWEI);
	assert_int_equal(s.tip[QUOTE_FAST], 5 * GWEI);
}

/* Too short, of other blocks, falling, absurd: nothing of it is believed. */
static void spoiled_histories_are_refused(void **state)
{
	static const char *const histories[] = {
		OLDEST THREE "\"reward\":[]",
		OLDEST THREE "\"reward\":[[\"0x1\",\"0x2\",\"0x3\"]]",
		OLDEST THREE "\"reward\":[[\"0x1\",\"0x2\",\"0x3\"],[\"0x0\",\"0x0\"],"
			     "[\"0x5\",\"0x6\",\"0x7\"]]",
		OLDEST THREE "\"reward\":[[\"0x1\",\"0x2\",\"0x3\"],[\"0x9\",\"0x8\","
			     "\"0x9\"],[\"0x5\",\"0x6\",\"0x7\"]]",
		OLDEST THREE "\"reward\":[[\"0x1\",\"0x2\",\"0x3\"],[1,2,3],"
			     "[\"0x5\",\"0x6\",\"0x7\"]]",
		OLDEST "\"baseFeePerGas\":[\"0x7\",\"0x8\",\"0x9\"],"
		       "\"gasUsedRatio\":[0,0,0]," REWARDS,
		OLDEST
		"\"baseFeePerGas\":[\"0x7\",\"0x8\",\"0x9\",\"0xde0b6b3a7640001\"],"
		"\"gasUsedRatio\":[0,0,0]," REWARDS,
		OLDEST "\"baseFeePerGas\":[\"0x7\",\"0x8\",\"0x9\",\"ten\"],"
		       "\"gasUsedRatio\":[0,0,0]," REWARDS,
		OLDEST "\"baseFeePerGas\":[\"0x7\"],\"gasUsedRatio\":[],\"reward\":[]",
		"\"oldestBlock\":\"0xfffd\"," THREE REWARDS,
		"\"oldestBlock\":\"0x0\"," THREE REWARDS,
		THREE REWARDS,
		"",
	};
	struct fee_said s;

	(void)state;
	for (size_t i = 0; i < sizeof histories / sizeof *histories; i++) {
		char text[4000];

		snprintf(text, sizeof text,
		    "[" BLOCK("0x3e9", BASE) "," WORD("0x1") "," HISTORY("%s") "]",
		    histories[i]);
		if (read_now(&s, &with_base, text) != ERR_BAD_ANSWER)
			fail_msg("believed: %s", histories[i]);
	}
	assert_int_equal(
	    read_now(&s, &with_base,
		BATCH(BLOCK("0x3e9", ""), WORD("0x1"), HISTORY(OLDEST THREE REWARDS))),
	    ERR_BAD_ANSWER); /* the block has no base fee */
	assert_int_equal(
	    read_now(&s, &with_base, "[" BLOCK("0x3e9", BASE) "," WORD("0x1") "]"),
	    ERR_BAD_ANSWER);
	assert_int_equal(
	    read_now(&s, &with_base, BATCH(BLOCK("0x3e9", BASE), WORD("tip"), NO_METHOD)),
	    ERR_BAD_ANSWER);
	assert_int_equal(read_now(&s, &without_base,
			     "[" BLOCK("0x3e9", "") "," WORD("0xde0b6b3a7640001") "]"),
	    ERR_BAD_ANSWER);
}

static void spans_are_read(void **state)
{
	static const char text[] =
	    "[{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{" OLDEST THREE "\"reward\":[]}},"
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":"
	    "\"request beyond head block\"}},"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{" OLDEST
	    "\"baseFeePerGas\":[\"0x7\"],\"gasUsedRatio\":[],\"reward\":[]}}]";
	static const char cut[] = "[{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{" OLDEST
				  "\"baseFeePerGas\":[\"0x7\"],\"gasUsedRatio\":[0]}}]";
	struct fail f = { ERR_OK, "" };
	struct fee_span span[3];

	(void)state;
	assert_int_equal(
	    connector_evm.spans_read(span, 3, text, strlen(text), &f), ERR_OK);
	assert_true(span[0].known);
	assert_int_equal(span[0].low, 7);
	assert_int_equal(span[0].mean, 8);
	assert_int_equal(span[0].high, 9); /* the last is of the block behind them */
	assert_false(span[1].known);
	assert_false(span[2].known);
	assert_int_equal(
	    connector_evm.spans_read(span, 1, cut, strlen(cut), &f), ERR_BAD_ANSWER);
}

/* -- a quorum -------------------------------------------------------------- */

static struct fee_said said(uint64_t base, uint64_t tip, uint64_t time_s)
{
	return (struct fee_said){ .height = 1000,
		.time_s = time_s,
		.has_1559 = true,
		.next_base_fee = base,
		.tip = { tip, 2 * tip, 4 * tip },
		.blocks = 20 };
}

static void one_node_makes_no_fees(void **state)
{
	struct fee_said s[3] = { said(10 * GWEI, GWEI, 5000), said(11 * GWEI, GWEI, 5003),
		said(900 * GWEI, 70 * GWEI, UINT32_MAX) };
	struct quote q;

	(void)state;
	assert_true(quote_make(&q, s, 3, 2, 20));
	assert_int_equal(q.base_fee, 11 * GWEI);
	assert_int_equal(q.time_s, 5003);
	assert_int_equal(q.nodes, 3);
	assert_int_equal(q.level[QUOTE_SLOW].price, 12 * GWEI);
	assert_int_equal(q.level[QUOTE_NORMAL].price, 13 * GWEI);
	assert_int_equal(q.level[QUOTE_FAST].price, 15 * GWEI);
	assert_int_equal(q.level[QUOTE_FAST].max_fee, 18 * GWEI);
	s[2].next_base_fee = 0; /* nor does it make them cheap */
	s[2].tip[0] = s[2].tip[1] = s[2].tip[2] = 0;
	assert_true(quote_make(&q, s, 3, 2, 0));
	assert_int_equal(q.base_fee, 10 * GWEI);
	assert_int_equal(q.level[QUOTE_SLOW].max_fee, 11 * GWEI);
	assert_false(quote_make(&q, s, 1, 2, 20));
	s[0].has_1559 = s[1].has_1559 = false; /* no quorum of one kind is a quorum */
	assert_true(quote_make(&q, s, 3, 2, 20));
	assert_false(q.has_1559);
	assert_false(quote_make(&q, s + 1, 2, 2, 20));
}

static void who_stands_still_is_left_out(void **state)
{
	struct fee_said s[3] = { said(10 * GWEI, GWEI, 5000), said(11 * GWEI, GWEI, 5003),
		said(30 * GWEI, 2 * GWEI, 5000 - QUOTE_BEHIND_S - 1) };
	struct quote q;

	(void)state;
	assert_true(quote_make(&q, s, 3, 2, 20));
	assert_int_equal(q.base_fee, 10 * GWEI);
	assert_int_equal(q.nodes, 2);
	assert_int_equal(q.behind, 1);
	assert_int_equal(quote_age_s(&q, 4000000), 0); /* never below nothing */
	assert_int_equal(quote_age_s(&q, 5060000), 60);
	assert_false(quote_is_stale(&q, 5000000 + QUOTE_STALE_S * 1000));
	assert_true(quote_is_stale(&q, 5001000 + QUOTE_STALE_S * 1000));
}

static void costs_are_rounded_up(void **state)
{
	struct fee_said s = said(FEE_SAID_MAX, FEE_SAID_MAX / 4, 1);
	char text[AMOUNT_TEXT_MAX];
	struct amount cost;
	struct quote q;

	(void)state;
	assert_true(quote_make(&q, &s, 1, 1, QUOTE_BUFFER_MAX)); /* in range */
	assert_int_equal(q.level[QUOTE_FAST].max_fee, UINT64_MAX);
	s = said(7, 0, 1);
	assert_true(quote_make(&q, &s, 1, 1, 20));
	assert_int_equal(q.level[QUOTE_SLOW].max_fee, 9); /* 8.4 */
	cost = quote_cost(GAS_TRANSFER, 12345678901);
	quote_coin(text, &cost, 18);
	assert_string_equal(text, "0.00025926"); /* 0.000259259256921 */
	cost = quote_cost(GAS_TOKEN, 3);
	quote_coin(text, &cost, 18);
	assert_string_equal(text, "0.000000001");
	quote_coin(text, &(struct amount){ { 21000 } }, 8);
	assert_string_equal(text, "0.00021");
	quote_gwei(text, 12345678901);
	assert_string_equal(text, "12.346");
	quote_gwei(text, 7);
	assert_string_equal(text, "0.000000007");
	quote_gwei(text, 30 * GWEI);
	assert_string_equal(text, "30");
}

static void a_chat_is_told_in_lines(void **state)
{
	struct fee_said s = said(10 * GWEI, GWEI, 5000);
	struct quote q;
	struct buf b;

	(void)state;
	assert_true(quote_make(&q, &s, 1, 1, 20));
	buf_init(&b, 4096);
	quote_text(&b, "mainnet", &q, 18, 5012000);
	buf_add_byte(&b, '\0');
	assert_string_equal((char *)b.data,
	    "mainnet, block 1000, 12 s old\n"
	    "slow: 13.2 gwei, transfer 0.0002772, token 0.000858, bridge 0.00132\n"
	    "normal: 14.4 gwei, transfer 0.0003024, token 0.000936, bridge 0.00144\n"
	    "fast: 16.8 gwei, transfer 0.0003528, token 0.001092, bridge 0.00168\n"
	    "Costs in coin, at most: with a buffer of 20 %.\n");
	buf_release(&b);
	buf_init(&b, 4096);
	quote_text(&b, "mainnet", &q, 18, 9000000);
	buf_add_byte(&b, '\0');
	assert_non_null(strstr((char *)b.data, "66 min old: STALE"));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_history_is_read),
		cmocka_unit_test(nodes_without_a_history_have_a_word),
		cmocka_unit_test(spoiled_histories_are_refused),
		cmocka_unit_test(spans_are_read),
		cmocka_unit_test(one_node_makes_no_fees),
		cmocka_unit_test(who_stands_still_is_left_out),
		cmocka_unit_test(costs_are_rounded_up),
		cmocka_unit_test(a_chat_is_told_in_lines),
	};

	return cmocka_run_group_tests_name("quote", tests, NULL, NULL);
}
