/* All transactions of a block: its list and its receipts, as nodes give them, and as
 * nobody should believe them. What Anvil answered once is put together here as it answers
 * when it is asked for both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/mem.h"
#include "chain/chain.h"
#include "recorded.h"

#define BLOCK_N 4 /* transactions of it */
#define PAGE 3    /* receipts in a request */

static const struct connector *const evm = &connector_evm;
static struct watched watched;

static struct block_question question(enum block_way way)
{
	struct block_question q = { .way = way,
		.height = head_height,
		.finalized = true,
		.every = true,
		.batch = PAGE,
		.watched = &watched,
		.watched_n = 1 };

	recorded_subject(&q.hash, &watched);
	return q;
}

/* -- answers ---------------------------------------------------------------- */

/* Both lists of the block, to be changed; the rest of the answer comes with them. */
struct said {
	json_t *block, *transactions, *receipts, *rest;
};

static json_t *parsed(enum reply reply)
{
	json_t *v = json_loads(replies[reply], 0, NULL);

	assert_non_null(v);
	return v;
}

static struct said said_now(void)
{
	json_t *whole = parsed(REPLY_whole), *receipts = parsed(REPLY_receipts);
	struct said s = { .rest = json_array() };

	s.block = json_incref(json_object_get(json_array_get(whole, 0), "result"));
	s.transactions = json_object_get(s.block, "transactions");
	s.receipts = json_incref(json_object_get(json_array_get(receipts, 0), "result"));
	for (size_t i = 1; i < json_array_size(whole); i++)
		json_array_append(s.rest, json_array_get(whole, i));
	json_decref(whole);
	json_decref(receipts);
	assert_int_equal(json_array_size(s.transactions), BLOCK_N);
	assert_int_equal(json_array_size(s.receipts), BLOCK_N);
	return s;
}

static void said_free(struct said *s)
{
	json_decref(s->block);
	json_decref(s->receipts);
	json_decref(s->rest);
}

static void put(json_t *answer, json_t *result)
{
	int id = (int)json_array_size(answer);

	json_array_append_new(answer,
	    json_pack("{s:s,s:i,s:O}", "jsonrpc", "2.0", "id", id, "result", result));
}

/* As text; with blanks it is the parser's alone. */
static char *text_of(const struct said *s, enum block_way way, bool blanks)
{
	json_t *answer = json_array();
	char *text;

	put(answer, s->block);
	if (way == BLOCK_RECEIPTS)
		put(answer, s->receipts);
	for (size_t i = 0; i < json_array_size(s->rest); i++)
		put(answer, json_object_get(json_array_get(s->rest, i), "result"));
	text = json_dumps(answer, blanks ? 0 : JSON_COMPACT);
	json_decref(answer);
	assert_non_null(text);
	return text;
}

static enum err read_text(struct block_facts *ret, struct node_word *ret_word,
    enum block_way way, const char *text)
{
	struct block_question q = question(way);

	return evm->block_read(ret, ret_word, &q, text, strlen(text), NULL);
}

static enum err read_said(
    struct block_facts *ret, const struct said *s, enum block_way way, bool blanks)
{
	struct node_word word;
	char *text = text_of(s, way, blanks);
	enum err e = read_text(ret, &word, way, text);

	free(text);
	return e;
}

/* The receipts of s that the rest of a whole block is asked for, request by request. */
static enum err read_rest(struct block_facts *b, const struct said *s)
{
	struct block_question q = question(BLOCK_WHOLE);
	enum err e = ERR_OK;

	while (b->incomplete && e == ERR_OK) {
		json_t *answer = json_array();
		uint32_t first = b->receipts_n, last = first + PAGE;
		char *text;

		for (uint32_t i = first; i < last && i < b->every_n; i++)
			put(answer, json_array_get(s->receipts, i));
		text = json_dumps(answer, JSON_COMPACT);
		e = evm->block_receipts_read(b, &q, text, strlen(text), NULL);
		free(text);
		json_decref(answer);
	}
	return e;
}

/* -- what is right ----------------------------------------------------------- */

static const char *member(const json_t *list, size_t at, const char *name)
{
	const char *text =
	    json_string_value(json_object_get(json_array_get(list, at), name));

	assert_non_null(text);
	return text;
}

static uint64_t number(const json_t *list, size_t at, const char *name)
{
	uint64_t v;

	assert_true(hex_parse_u64(&v, member(list, at, name)));
	return v;
}

static void check_every(const struct block_facts *b, const struct said *s)
{
	int reverted = 0;

	assert_true(b->has_every);
	assert_false(b->incomplete);
	assert_int_equal(b->every_n, BLOCK_N);
	assert_int_equal(b->tx_n, BLOCK_N - 1);
	for (uint32_t i = 0; i < BLOCK_N; i++) {
		const struct passing_tx *tx = &b->every[i];
		struct passing_tx want = { .status = TX_OK };

		assert_true(hex_parse_0x(
		    want.hash.at, 32, member(s->receipts, i, "transactionHash")));
		assert_true(
		    hex_parse_0x(want.from.at, 20, member(s->receipts, i, "from")));
		assert_true(hash_same(&tx->hash, &want.hash));
		assert_true(address_same(&tx->from, &want.from));
		assert_int_equal(tx->nonce, number(s->transactions, i, "nonce"));
		assert_int_equal(tx->status, number(s->receipts, i, "status"));
		reverted += tx->status == TX_REVERTED;
	}
	assert_int_equal(reverted, 1);
}

static void a_block_is_read_with_all_of_it(void **state)
{
	struct said s = said_now();
	struct block_facts walked, read, whole;

	(void)state;
	assert_int_equal(read_said(&walked, &s, BLOCK_RECEIPTS, false), ERR_OK);
	check_every(&walked, &s);
	assert_int_equal(read_said(&read, &s, BLOCK_RECEIPTS, true), ERR_OK);
	check_every(&read, &s);
	assert_memory_equal(walked.digest.at, read.digest.at, 32);
	assert_int_equal(read_said(&whole, &s, BLOCK_WHOLE, false), ERR_OK);
	assert_true(whole.incomplete);
	assert_int_equal(read_rest(&whole, &s), ERR_OK);
	check_every(&whole, &s);
	assert_memory_equal(walked.digest.at, whole.digest.at, 32);
	block_facts_release(&walked);
	block_facts_release(&read);
	block_facts_release(&whole);
	said_free(&s);
}

/* What is watched is the same with all the others as without. */
static void what_is_watched_is_as_it_was(void **state)
{
	struct said s = said_now();
	struct block_question q = question(BLOCK_RECEIPTS);
	const char *alone = replies[REPLY_receipts];
	struct block_facts b, was;
	struct node_word word;

	(void)state;
	q.every = false;
	assert_int_equal(
	    evm->block_read(&was, &word, &q, alone, strlen(alone), NULL), ERR_OK);
	assert_false(was.has_every);
	assert_int_equal(read_said(&b, &s, BLOCK_RECEIPTS, false), ERR_OK);
	assert_int_equal(b.tx_n, was.tx_n);
	assert_memory_equal(b.tx, was.tx, b.tx_n * sizeof *b.tx);
	assert_int_equal(b.transfers_n, was.transfers_n);
	assert_memory_equal(
	    b.transfers, was.transfers, b.transfers_n * sizeof *b.transfers);
	assert_memory_equal(b.accounts, was.accounts, sizeof *b.accounts);
	assert_memory_not_equal(b.digest.at, was.digest.at, 32);
	block_facts_release(&b);
	block_facts_release(&was);
	said_free(&s);
}

/* One request of so many calls, by the block's hash or at its height. */
static void check_asked(
    const struct block_question *q, const char *const *parts, size_t n)
{
	struct buf body;
	const char *text, *at, *end;
	size_t calls = 0;

	buf_init(&body, 1 << 16);
	evm->block(&body, q);
	text = (const char *)body.data;
	at = text;
	end = text + body.len;
	for (size_t i = 0; i < n; i++) {
		at = memmem(at, (size_t)(end - at), parts[i], strlen(parts[i]));
		if (!at)
			fail_msg("it does not ask for %s: %.*s", parts[i], (int)body.len,
			    text);
	}
	for (at = text; (at = memmem(at, (size_t)(end - at), "\"id\":", 5)); at++)
		calls++;
	assert_int_equal(calls, n);
	buf_release(&body);
}

static void it_is_one_request(void **state)
{
	static const char *const by_hash[] = {
		"\"eth_getBlockByHash\",\"params\":[\"0x91",
		"\"eth_getBlockReceipts\",\"params\":[\"0x91",
		"\"eth_getTransactionCount\"", "\"eth_getBalance\"", "\"eth_call\"",
		"\"finalized\",false"
	};
	static const char *const at_height[] = {
		"\"eth_getBlockByNumber\",\"params\":[\"0x5\",true]",
		"\"eth_getBlockReceipts\",\"params\":[\"0x5\"]"
	};
	struct block_question q = question(BLOCK_RECEIPTS);

	(void)state;
	check_asked(&q, by_hash, 6);
	q = (struct block_question){
		.height = 5, .at_height = true, .bare = true, .every = true
	};
	check_asked(&q, at_height, 2);
	q.way = BLOCK_WHOLE;
	check_asked(&q, at_height, 1);
	q.way = BLOCK_RECEIPTS;
	q.every = false;
	check_asked(&q, at_height, 1);
}

/* -- what is no answer -------------------------------------------------------- */

typedef void change_fn(struct said *s);

static json_t *entry(json_t *list, size_t at)
{
	return json_array_get(list, at);
}

static void set(json_t *list, size_t at, const char *name, const char *text)
{
	json_object_set_new(entry(list, at), name, json_string(text));
}

static void without_last_receipt(struct said *s)
{
	json_array_remove(s->receipts, BLOCK_N - 1);
}

static void without_first_receipt(struct said *s)
{
	json_array_remove(s->receipts, 0);
}

static void without_transaction(struct said *s)
{
	json_array_remove(s->transactions, 1);
}

static void other_receipt(struct said *s)
{
	json_object_set(entry(s->receipts, 1), "transactionHash",
	    json_object_get(entry(s->receipts, 0), "transactionHash"));
}

static void two_swapped(struct said *s)
{
	json_object_set(entry(s->receipts, 1), "transactionHash",
	    json_object_get(entry(s->receipts, 2), "transactionHash"));
	json_object_set(entry(s->receipts, 2), "transactionHash",
	    json_object_get(entry(s->transactions, 1), "hash"));
}

/* In both lists, at two places. */
static void one_twice(struct said *s)
{
	for (int i = 0; i < 2; i++) {
		json_t *list = i ? s->receipts : s->transactions;
		json_t *again = json_deep_copy(entry(list, 0));

		json_object_set_new(again, "transactionIndex", json_string("0x4"));
		json_array_append_new(list, again);
	}
}

static void other_sender(struct said *s)
{
	set(s->receipts, 2, "from", "0x00000000000000000000000000000000000000aa");
}

static void other_index(struct said *s)
{
	set(s->receipts, BLOCK_N - 1, "transactionIndex", "0x7");
}

static void other_block(struct said *s)
{
	set(s->receipts, 0, "blockHash",
	    "0x1111111111111111111111111111111111111111111111111111111111111111");
}

static void other_block_of_a_transaction(struct said *s)
{
	set(s->transactions, 0, "blockHash",
	    "0x1111111111111111111111111111111111111111111111111111111111111111");
}

static void other_block_of_receipts(struct said *s)
{
	for (size_t i = 0; i < BLOCK_N; i++)
		set(s->receipts, i, "blockHash",
		    "0x1111111111111111111111111111111111111111111111111111111111111111");
}

static void block_unknown(struct said *s)
{
	json_object_del(entry(s->receipts, 0), "blockHash");
}

static void no_nonce(struct said *s)
{
	json_object_del(entry(s->transactions, 2), "nonce");
}

static void endless_nonce(struct said *s)
{
	set(s->transactions, 2, "nonce", "0x8000000000000000");
}

static void odd_nonce(struct said *s)
{
	json_object_set_new(entry(s->transactions, 2), "nonce", json_integer(3));
}

static void torn_nonce(struct said *s)
{
	set(s->transactions, 2, "nonce", "0xzz");
}

static void odd_status(struct said *s)
{
	set(s->receipts, 0, "status", "0x2");
}

/* As before EIP-658. */
static void root_alone(struct said *s)
{
	for (size_t i = 0; i < BLOCK_N; i++) {
		json_object_del(entry(s->receipts, i), "status");
		set(s->receipts, i, "root",
		    "0x1111111111111111111111111111111111111111111111111111111111111111");
	}
}

static void hashes_alone(struct said *s)
{
	for (size_t i = 0; i < BLOCK_N; i++)
		json_array_set(s->transactions, i,
		    json_object_get(entry(s->transactions, i), "hash"));
}

static void another_head(struct said *s)
{
	json_object_set_new(s->block, "hash",
	    json_string(
		"0x1111111111111111111111111111111111111111111111111111111111111111"));
}

static void what_does_not_fit_is_refused(void **state)
{
	static change_fn *const changes[] = { without_last_receipt, without_first_receipt,
		without_transaction, other_receipt, two_swapped, one_twice, other_sender,
		other_index, other_block, other_block_of_a_transaction, no_nonce,
		endless_nonce, odd_nonce, torn_nonce, odd_status, root_alone,
		hashes_alone, another_head };

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		for (int blanks = 0; blanks < 2; blanks++) {
			struct said s = said_now();
			struct block_facts b;

			changes[i](&s);
			if (read_said(&b, &s, BLOCK_RECEIPTS, blanks) != ERR_BAD_ANSWER)
				fail_msg("change %zu is believed", i);
			assert_null(b.every);
			assert_null(b.tx);
			said_free(&s);
		}
}

/* At a height it is not known which block it is until the answer says so. */
static void what_is_of_two_blocks_is_refused(void **state)
{
	static change_fn *const changes[] = { other_block, other_block_of_a_transaction,
		other_block_of_receipts, another_head, block_unknown };
	struct block_question q = { .height = 5,
		.at_height = true,
		.bare = true,
		.every = true,
		.watched = &watched,
		.watched_n = 1 };

	(void)state;
	for (size_t i = 0; i <= sizeof changes / sizeof *changes; i++)
		for (int blanks = 0; blanks < 2; blanks++) {
			bool changed = i < sizeof changes / sizeof *changes;
			struct said s = said_now();
			struct block_facts b;
			struct node_word word;
			char *text;
			enum err e;

			json_array_clear(s.rest);
			if (changed)
				changes[i](&s);
			text = text_of(&s, BLOCK_RECEIPTS, blanks);
			e = evm->block_read(&b, &word, &q, text, strlen(text), NULL);
			if (e != (changed ? ERR_BAD_ANSWER : ERR_OK))
				fail_msg("change %zu: %s", i, err_name(e));
			assert_int_equal(b.every_n, changed ? 0 : BLOCK_N);
			block_facts_release(&b);
			free(text);
			said_free(&s);
		}
}

/* What is behind a NUL is not read by half. */
static void an_answer_with_a_nul_is_refused(void **state)
{
	struct said s = said_now();
	char *text = text_of(&s, BLOCK_RECEIPTS, false), *at;
	struct block_question q = question(BLOCK_RECEIPTS);
	struct block_facts b;
	struct node_word word;
	size_t len = strlen(text);

	(void)state;
	at = strstr(text, "\"status\":\"0x1\"");
	assert_non_null(at);
	at[1] = '\0';
	assert_int_equal(evm->block_read(&b, &word, &q, text, len, NULL), ERR_BAD_ANSWER);
	free(text);
	said_free(&s);
}

/* The same of the receipts that come after a whole block. */
static void what_does_not_fit_a_whole_block_is_refused(void **state)
{
	static change_fn *const changes[] = { other_receipt, two_swapped, other_sender,
		other_block, odd_status, root_alone };

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct said s = said_now();
		struct block_facts b;

		assert_int_equal(read_said(&b, &s, BLOCK_WHOLE, false), ERR_OK);
		changes[i](&s);
		if (read_rest(&b, &s) != ERR_BAD_ANSWER)
			fail_msg("change %zu is believed", i);
		block_facts_release(&b);
		said_free(&s);
	}
}

/* What a quorum has to agree on. */
static void the_digest_is_over_all_of_it(void **state)
{
	static const struct {
		bool receipt;
		size_t at;
		const char *name, *text;
	} changes[] = { { true, 0, "status", "0x0" }, { true, 2, "status", "0x0" },
		{ false, 0, "nonce", "0x9" }, { false, 3, "nonce", "0x9" } };
	struct said s = said_now();
	struct block_facts was, b;

	(void)state;
	assert_int_equal(read_said(&was, &s, BLOCK_RECEIPTS, false), ERR_OK);
	said_free(&s);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		s = said_now();
		set(changes[i].receipt ? s.receipts : s.transactions, changes[i].at,
		    changes[i].name, changes[i].text);
		assert_int_equal(read_said(&b, &s, BLOCK_RECEIPTS, false), ERR_OK);
		assert_memory_not_equal(was.digest.at, b.digest.at, 32);
		block_facts_release(&b);
		said_free(&s);
	}
	block_facts_release(&was);
}

/* -- what chains do for themselves -------------------------------------------- */

/* The state sync of a Polygon block: last, from nobody, a hash of its own. Nodes have it
 * in one list, in the other, in both or in none. */
static void state_sync_add(json_t *list, const char *hash_key)
{
	json_t *own = json_deep_copy(entry(list, 0));

	json_object_set_new(
	    own, "from", json_string("0x0000000000000000000000000000000000000000"));
	json_object_set_new(own, hash_key,
	    json_string(
		"0x0fff012db1ec67cbd27c1defc5652e78bbf84edb45a80ba711b4bdb456f02869"));
	json_object_set_new(own, "transactionIndex", json_string("0x4"));
	json_object_set_new(own, "nonce", json_string("0x0"));
	json_array_append_new(list, own);
}

static void what_nobody_signed_is_left_out(void **state)
{
	struct said s = said_now();
	struct block_facts was, b;

	(void)state;
	assert_int_equal(read_said(&was, &s, BLOCK_RECEIPTS, false), ERR_OK);
	said_free(&s);
	for (int shown = 1; shown < 4; shown++) {
		s = said_now();
		if (shown & 1)
			state_sync_add(s.transactions, "hash");
		if (shown & 2)
			state_sync_add(s.receipts, "transactionHash");
		assert_int_equal(read_said(&b, &s, BLOCK_RECEIPTS, shown == 3), ERR_OK);
		check_every(&b, &s);
		assert_memory_equal(was.digest.at, b.digest.at, 32);
		block_facts_release(&b);
		assert_int_equal(read_said(&b, &s, BLOCK_WHOLE, false), ERR_OK);
		assert_int_equal(read_rest(&b, &s), ERR_OK);
		assert_memory_equal(was.digest.at, b.digest.at, 32);
		block_facts_release(&b);
		said_free(&s);
	}
	block_facts_release(&was);
}

/* -- a node without such receipts --------------------------------------------- */

#define NO_METHOD "\"error\":{\"code\":-32601,\"message\":\"Method not found\"}"

/* The block is there already: its receipts are asked for one by one. */
static void receipts_that_are_refused_are_asked_for(void **state)
{
	struct said s = said_now();
	struct block_facts b, was;
	struct node_word word;
	char *text, *at;

	(void)state;
	assert_int_equal(read_said(&was, &s, BLOCK_RECEIPTS, false), ERR_OK);
	for (int empty = 0; empty < 2; empty++) {
		json_t *all = s.receipts;

		s.receipts = json_array();
		text = text_of(&s, BLOCK_RECEIPTS, false);
		json_decref(s.receipts);
		s.receipts = all;
		at = strstr(text, "\"id\":1,\"result\":[]}");
		assert_non_null(at);
		if (!empty) {
			char *more = mem_new(strlen(text) + sizeof NO_METHOD);

			snprintf(more, strlen(text) + sizeof NO_METHOD,
			    "%.*s\"id\":1," NO_METHOD "}%s", (int)(at - text), text,
			    at + strlen("\"id\":1,\"result\":[]}"));
			free(text);
			text = more;
		}
		assert_int_equal(read_text(&b, &word, BLOCK_RECEIPTS, text), ERR_OK);
		assert_int_equal(word.note, NOTE_NO_METHOD);
		assert_true(b.incomplete);
		assert_int_equal(read_rest(&b, &s), ERR_OK);
		check_every(&b, &s);
		assert_memory_equal(was.digest.at, b.digest.at, 32);
		block_facts_release(&b);
		free(text);
	}
	block_facts_release(&was);
	said_free(&s);
}

static void an_empty_block_is_whole_at_once(void **state)
{
	struct said s = said_now();
	struct block_facts b;

	(void)state;
	json_array_clear(s.transactions);
	json_array_clear(s.receipts);
	for (enum block_way way = BLOCK_RECEIPTS; way <= BLOCK_WHOLE; way++) {
		assert_int_equal(read_said(&b, &s, way, false), ERR_OK);
		assert_false(b.incomplete);
		assert_true(b.has_every);
		assert_int_equal(b.every_n, 0);
		block_facts_release(&b);
	}
	said_free(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_is_read_with_all_of_it),
		cmocka_unit_test(what_is_watched_is_as_it_was),
		cmocka_unit_test(it_is_one_request),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(what_is_of_two_blocks_is_refused),
		cmocka_unit_test(an_answer_with_a_nul_is_refused),
		cmocka_unit_test(what_does_not_fit_a_whole_block_is_refused),
		cmocka_unit_test(the_digest_is_over_all_of_it),
		cmocka_unit_test(what_nobody_signed_is_left_out),
		cmocka_unit_test(receipts_that_are_refused_are_asked_for),
		cmocka_unit_test(an_empty_block_is_whole_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
