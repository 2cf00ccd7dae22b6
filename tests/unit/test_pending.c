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

static void judge(const struct said *s, enum err err, const struct node_word *word)
{
	if (err != s->err || word->note != s->note)
		fail_msg("%s, %s: %s, note %d", s->node, s->what, err_name(err),
		    (int)word->note);
}

static void nodes_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		const struct said *s = &said[i];
		struct pending_filter filter;
		struct pending news;
		struct node_word word;
		size_t len = strlen(s->text);
		enum err e;

		if (s->hashes >= 0) {
			e = evm->pending_changes_read(&news, &word, s->text, len, NULL);
			judge(s, e, &word);
			assert_int_equal(news.n, s->hashes);
			mem_free(news.hash);
		}
		/* a refusal is one of either question */
		if (s->hashes >= 0 && s->err == ERR_OK)
			continue;
		e = evm->pending_filter_read(&filter, &word, s->text, len, NULL);
		if (s->hashes < 0) {
			judge(s, e, &word);
			assert_non_null(strstr(s->text, filter.id));
		} else {
			assert_int_not_equal(e, ERR_OK);
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
	const char *text = ANSWER("\"0x" WORD "\"");
	struct pending_filter filter;
	struct node_word word;
	struct buf body;

	(void)state;
	assert_int_equal(
	    evm->pending_filter_read(&filter, &word, text, strlen(text), NULL), ERR_OK);
	buf_init(&body, 1 << 10);
	evm->pending_changes(&body, &filter);
	assert_string_equal(buf_text(&body),
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"eth_getFilterChanges\","
	    "\"params\":[\"0x" WORD "\"]}");
	buf_clear(&body);
	evm->pending_filter(&body);
	assert_string_equal(buf_text(&body),
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":"
	    "\"eth_newPendingTransactionFilter\",\"params\":[]}");
	buf_release(&body);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		enum err e = evm->pending_filter_read(
		    &filter, &word, odd[i], strlen(odd[i]), NULL);

		if (err_class(e) != CLASS_UNKNOWN)
			fail_msg("%s is believed", odd[i]);
		assert_string_equal(filter.id, "");
	}
}

/* So many hashes at once. */
static enum err read_many(uint32_t n, struct pending *ret)
{
	struct node_word word;
	struct buf text;
	enum err e;

	buf_init(&text, 16 << 20);
	buf_add_str(&text, "{\"id\":0,\"result\":[");
	for (uint32_t i = 0; i < n; i++)
		buf_add_str(&text, i ? ",\"0x" WORD "\"" : "\"0x" WORD "\"");
	buf_add_str(&text, "]}");
	assert_true(buf_ok(&text));
	e = evm->pending_changes_read(ret, &word, buf_text(&text), text.len, NULL);
	buf_release(&text);
	return e;
}

static void news_are_bounded_and_hashes(void **state)
{
	static const char *const odd[] = { ANSWER("{}"), ANSWER("\"0x\""), ANSWER("[1]"),
		ANSWER("[\"0x1\"]"), ANSWER("[\"0x" WORD "\",null]"),
		ANSWER("[{\"hash\":\"0x" WORD "\"}]"), "[]", "{}", "" };
	struct pending news;
	struct node_word word;

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		enum err e =
		    evm->pending_changes_read(&news, &word, odd[i], strlen(odd[i]), NULL);

		if (err_class(e) != CLASS_UNKNOWN)
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
		cmocka_unit_test(news_are_bounded_and_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
