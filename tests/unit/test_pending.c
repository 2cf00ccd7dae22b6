/* What is new in a node's pool: as real nodes said it (vectors/pending.def), and as
 * nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "chain/chain.h"

static const struct connector *const evm = &connector_evm;

static const struct said {
	const char *node, *what, *text;
	enum err err;
	enum node_note note;
	int hashes;
} said[] = {
#define SAID(node, what, text, err, note, hashes) \
	{ node, what, text, ERR_##err, NOTE_##note, hashes },
#include "../vectors/pending.def"
};

static const struct pending_filter none = { .id = "" }, one = { .id = "0x1" };

static struct pending read(const struct pending_filter *filter, const char *text)
{
	struct pending news;

	(void)evm->look_read(NULL, &news, filter, 0, text, strlen(text), NULL);
	return news;
}

static void judge(const struct said *s, const struct pending *news)
{
	if (news->err != s->err || news->word.note != s->note)
		fail_msg("%s, %s: %s, note %d", s->node, s->what, err_name(news->err),
		    (int)news->word.note);
}

static void nodes_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		const struct said *s = &said[i];
		struct pending news;

		if (s->hashes >= 0) {
			news = read(&one, s->text);
			judge(s, &news);
			assert_int_equal(news.n, s->hashes);
			assert_string_equal(news.filter.id, one.id);
			mem_free(news.hash);
		}
		/* a refusal is one of either question */
		if (s->hashes >= 0 && s->err == ERR_OK)
			continue;
		news = read(&none, s->text);
		if (s->hashes < 0) {
			judge(s, &news);
			assert_non_null(strstr(s->text, news.filter.id));
		} else {
			assert_int_not_equal(news.err, ERR_OK);
		}
	}
}

#define ANSWER(result) "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":" result "}"
#define WORD "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_filter_is_called_as_it_said(void **state)
{
	static const char *const odd[] = { ANSWER("null"), ANSWER("1"), ANSWER("\"\""),
		ANSWER("\"0x\""), ANSWER("\"1\""), ANSWER("\"1x12\""), ANSWER("\"0xg\""),
		ANSWER("\"0x1\\\"\""), ANSWER("\"0x" WORD "00\""), ANSWER("[\"0x1\"]"),
		"[]", "{}", "" };
	struct pending news = read(&none, ANSWER("\"0x" WORD "\""));
	struct hash hash = { { 0xab } };
	struct buf body;

	(void)state;
	assert_int_equal(news.err, ERR_OK);
	buf_init(&body, 1 << 10);
	evm->look(&body, &news.filter, &hash, 1);
	assert_string_equal(buf_text(&body),
	    "[{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"eth_getFilterChanges\","
	    "\"params\":[\"0x" WORD "\"]},{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
	    "\"eth_getTransactionByHash\",\"params\":[\"0xab"
	    "00000000000000000000000000000000000000000000000000000000000000\"]}]");
	buf_clear(&body);
	evm->look(&body, &none, NULL, 0);
	assert_string_equal(buf_text(&body),
	    "[{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":"
	    "\"eth_newPendingTransactionFilter\",\"params\":[]}]");
	buf_release(&body);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		news = read(&none, odd[i]);
		if (err_class(news.err) != CLASS_UNKNOWN)
			fail_msg("%s is believed", odd[i]);
		assert_string_equal(news.filter.id, "");
	}
}

/* A refusal of the one is none of the other. */
static void what_is_asked_beside_it_is_answered(void **state)
{
#define REFUSED "{\"id\":0,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}"
	static const char *const text[] = {
		"[" REFUSED ",{\"id\":1,\"result\":null}]",
		"[{\"id\":1,\"result\":null}," REFUSED "]",
		"[{\"id\":1,\"result\":null},{\"id\":0,\"result\":[\"0x" WORD "\"]}]",
		"[{\"id\":0,\"result\":[\"0x" WORD "\"]}]",
	};
	static const enum err want[][2] = { { ERR_OK, ERR_NODE_REFUSED },
		{ ERR_OK, ERR_NODE_REFUSED }, { ERR_OK, ERR_OK },
		{ ERR_UNANSWERED, ERR_OK } };
	struct whole_tx tx;
	struct pending news;

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		enum err e =
		    evm->look_read(&tx, &news, &one, 1, text[i], strlen(text[i]), NULL);

		if (err_class(e) != err_class(want[i][0]))
			fail_msg("%s: %s", text[i], err_name(e));
		assert_int_equal(news.err, want[i][1]);
		assert_int_equal(news.n, news.err == ERR_OK);
		mem_free(news.hash);
	}
}

/* So many hashes at once. */
static enum err read_many(uint32_t n, struct pending *ret)
{
	struct buf text;

	buf_init(&text, 16 << 20);
	buf_add_str(&text, "{\"id\":0,\"result\":[");
	for (uint32_t i = 0; i < n; i++)
		buf_add_str(&text, i ? ",\"0x" WORD "\"" : "\"0x" WORD "\"");
	buf_add_str(&text, "]}");
	assert_true(buf_ok(&text));
	*ret = read(&one, buf_text(&text));
	buf_release(&text);
	return ret->err;
}

static void news_are_bounded_and_hashes(void **state)
{
	static const char *const odd[] = { ANSWER("{}"), ANSWER("\"0x\""), ANSWER("[1]"),
		ANSWER("[\"0x1\"]"), ANSWER("[\"0x" WORD "\",null]"),
		ANSWER("[{\"hash\":\"0x" WORD "\"}]"), "[]", "{}", "" };
	struct pending news;

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		news = read(&one, odd[i]);
		if (err_class(news.err) != CLASS_UNKNOWN)
			fail_msg("%s is believed", odd[i]);
		assert_null(news.hash);
		assert_int_equal(news.n, 0);
	}
	assert_int_equal(read_many(PENDING_MAX, &news), ERR_OK);
	assert_int_equal(news.n, PENDING_MAX);
	assert_int_equal(news.hash[PENDING_MAX - 1].at[1], 0x23);
	mem_free(news.hash);
	assert_int_equal(read_many(PENDING_MAX + 1, &news), ERR_BAD_ANSWER);
	assert_null(news.hash);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_are_understood),
		cmocka_unit_test(a_filter_is_called_as_it_said),
		cmocka_unit_test(what_is_asked_beside_it_is_answered),
		cmocka_unit_test(news_are_bounded_and_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
