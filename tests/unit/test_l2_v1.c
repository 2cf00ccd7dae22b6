/* A snapshot as text: files that the older program wrote, what is refused and where,
 * every change of a byte, and any states there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kinds/node/snapshot/check.h"
#include "kinds/node/snapshot/v1.h"
#include "l2_sample.h"

static const struct l2_rules any = { 0 };
static const struct l2_rules anchored = { .anchor_needed = true };

static char *file_of(const char *name, size_t *ret_len)
{
	char path[500];
	FILE *file;
	char *bytes = mem_array(65536, 1);

	snprintf(path, sizeof path, "%s/%s", getenv("L2_VECTORS"), name);
	file = fopen(path, "re");
	assert_non_null(file);
	*ret_len = fread(bytes, 1, 65536, file);
	fclose(file);
	return bytes;
}

static void a_file_of_the_older_program_is_read(void **state)
{
	struct l2_state s, expected;
	struct l2_verdict v;
	struct buf b;
	size_t len;
	char *ok = file_of("ok.dat", &len);

	(void)state;
	l2_state_init(&s);
	l2_state_init(&expected);
	sample_anchor(&expected);
	assert_int_equal(v1_load(&s, ok, len, NULL), ERR_OK);
	assert_true(sample_same(&s, &expected));
	v1_check(&v, ok, len, &anchored);
	assert_int_equal(v.fault, L2_HOLDS);
	assert_string_equal(v.root, SAMPLE_ROOT);
	assert_string_equal(v.anchor_hash, SAMPLE_ANCHOR);
	assert_int_equal(v.timestamp_ms, 1700000000000);
	assert_int_equal(v.records[L2_BALANCES], 3);
	/* And written as it wrote it, byte by byte. */
	buf_init(&b, 65536);
	v1_format(&b, &s);
	assert_int_equal(b.len, len);
	assert_memory_equal(b.data, ok, len);
	buf_release(&b);
	l2_state_release(&s);
	l2_state_release(&expected);
	mem_free(ok);
}

static void one_without_an_anchor(void **state)
{
	struct l2_verdict v;
	size_t len;
	char *block = file_of("noanchor.dat", &len);

	(void)state;
	v1_check(&v, block, len, &any);
	assert_int_equal(v.fault, L2_HOLDS);
	assert_false(v.anchored);
	v1_check(&v, block, len, &anchored);
	assert_int_equal(v.fault, L2_NO_ANCHOR);
	assert_string_equal(v.root, SAMPLE_ROOT);
	mem_free(block);
}

/* What is put in place of what, in ok.dat; the line and the words that it is told by. */
static const struct {
	const char *old, *new;
	uint64_t line;
	const char *why;
} wrong[] = {
	{ "SNAPSHOT v1\n", "SNAPSHOT v1\r\n", 1, "CR LF" },
	{ "SNAPSHOT v1\n", "SNAPSHOT v1 \n", 1, "more in the line" },
	{ "timestamp_ms 17", "timestamp_ms -17", 2, "of digits alone" },
	{ "timestamp_ms 1700000000000\n", "", 2, "the line 'timestamp_ms'" },
	{ "balances 3", "balances 4", 7, "a line 'balance' is expected here: 1 more" },
	{ "balances 3", "balances 2", 6, "the line 'escrows' is expected" },
	{ "balances 3", "balances 99999", 3, "fit in no block" },
	{ "balances 3", "balances", 3, "ends too early" },
	{ "balance \"peer-b\" 250\n", "", 6, "1 more are said" },
	{ "\"peer-b\" 250", "\"peer-b\" 0250", 4, "zeros in front" },
	{ "\"peer-b\" 250", "\"peer-b\" +250", 4, "of digits alone" },
	{ "\"peer-b\" 250", "\"peer-b\" 250a", 4, "more in the line" },
	{ "\"peer-b\" 250", "\"peer-b\" 250 1", 4, "more in the line" },
	{ "\"peer-b\" 250", "\"peer-b\"  250", 4, "of digits alone" },
	{ "\"peer-b\" 250", "\"peer-b\" 18446744073709551616", 4, "larger than" },
	{ "\"peer-b\" 250", "\"peer-b\" 99999999999999999999", 4, "larger than" },
	{ "\"peer-b\" 250", "peer-b 250", 4, "a text in quotes" },
	{ "\"peer-b\" 250", "\"peer-b 250", 4, "not closed" },
	{ "Peer\\\"Q", "Peer\\nQ", 6, "a backslash stands before" },
	{ "\\\\x\"", "\\\\x\\\"", 6, "not closed" },
	{ "50 1 17", "50 2 17", 8, "larger than 1" },
	{ "\"aa11\" 1 15", "\"aa11\" 4294967296 15", 11, "larger than 4294967295" },
	{ "\"peer-a\" 3 6", "\"peer-a\" 2147483648 6", 11, "larger than 2147483647" },
	{ "\"peer-a\" 3 6", "\"peer-a\" -2147483649 6", 11, "larger than 2147483648" },
	{ "\"peer-a\" 3 6", "\"peer-a\" -0 6", 11, "a zero with a sign" },
	{ "\"job-1\" 5 1 ", "\"job-1\" 5 ", 14, "of digits alone" },
	{ "tasks 1\n", "tasks 1\nfoo 1\n", 14, "a line 'task'" },
	{ "pegouts 0\n", "", 12, "the line 'pegouts'" },
	{ "anchor \"fe", "anchor nonsense\n\"fe", 15, "a text in quotes" },
	{ "anchor \"fe", "anchor none\n\"fe", 16, "the line 'END_SNAPSHOT'" },
	{ "peer-b\" 250", "peer-a\" 250", 5, "is there already, in line 4" },
	{ "END_SNAPSHOT\n", "END_SNAPSHOT\n\n", 17, "more behind the end" },
	{ "END_SNAPSHOT\n", "END_SNAPSHO", 16, "the line 'END_SNAPSHOT'" },
};

static char *with(const char *text, const char *old, const char *new, size_t *ret_len)
{
	const char *at = strstr(text, old);
	char *ret = mem_array(strlen(text) + strlen(new) + 1, 1);

	assert_non_null(at);
	memcpy(ret, text, (size_t)(at - text));
	strcat(ret, new);
	strcat(ret, at + strlen(old));
	*ret_len = strlen(ret);
	return ret;
}

static void what_is_wrong_has_its_line(void **state)
{
	struct l2_verdict v;
	struct fail f;
	size_t len;
	char *ok = file_of("ok.dat", &len);

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char *block = with(ok, wrong[i].old, wrong[i].new, &len);
		struct l2_state s;
		enum err e;

		v1_check(&v, block, len, &any);
		if (v.fault != L2_MALFORMED || v.line != wrong[i].line ||
		    !strstr(v.why, wrong[i].why))
			fail_msg("%s: %s, line %d: %s", wrong[i].new,
			    l2_fault_name(v.fault), (int)v.line, v.why);
		assert_int_equal(v.root[0], 0);
		/* Its place is in that line. */
		assert_true(v.offset <= len);
		l2_state_init(&s);
		e = v1_load(&s, block, len, &f);
		/* Values may be there twice; all else is refused when it is read. */
		assert_int_equal(e, strstr(wrong[i].why, "already") ? ERR_OK : ERR_INPUT);
		l2_state_release(&s);
		mem_free(block);
	}
	mem_free(ok);
}

static void an_anchor_must_be_of_its_state(void **state)
{
	static const struct {
		const char *old, *new;
		enum l2_fault fault;
	} rows[] = {
		{ "anchor \"fe8e", "anchor \"FE8E", L2_ROOT_DIFFERS },
		{ "peer-a\" 1000", "peer-a\" 1001", L2_ROOT_DIFFERS },
		{ "\"6fd1", "\"6fd2", L2_HASH_DIFFERS },
		{ "\"6fd1", "\"6FD1", L2_HOLDS },
		{ "\"6fd1", "\"fd1", L2_HASH_DIFFERS },
		{ "\"meta:1\"", "\"meta:2\"", L2_NOT_BOUND },
		{ "1700000000004 \"", "1700000000005 \"", L2_NOT_BOUND },
		/* The payload that the older program believes: a word with its hash. */
		{ "\"" SAMPLE_ROOT ":1700000000004:meta:1\" \"" SAMPLE_ANCHOR "\"",
		    "\"anything\" \"ee0874170b7f6f32b8c2ac9573c428d35b575270"
		    "a66b757c2c0185d2bd09718d\"",
		    L2_NOT_BOUND },
	};
	struct l2_verdict v;
	size_t len;
	char *ok = file_of("ok.dat", &len);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *block = with(ok, rows[i].old, rows[i].new, &len);

		v1_check(&v, block, len, &any);
		if (v.fault != rows[i].fault)
			fail_msg(
			    "%s: %s: %s", rows[i].new, l2_fault_name(v.fault), v.why);
		mem_free(block);
	}
	mem_free(ok);
}

static void a_colon_is_flagged(void **state)
{
	struct l2_verdict v;
	size_t len;
	char *ok = file_of("noanchor.dat", &len), *block;

	(void)state;
	v1_check(&v, ok, len, &any);
	assert_int_equal(v.ambiguous, 0);
	block = with(ok, "\"peer-a\" 1000", "\"peer:a\" 1000", &len);
	v1_check(&v, block, len, &any);
	assert_int_equal(v.fault, L2_HOLDS);
	assert_int_equal(v.ambiguous, 1);
	assert_int_equal(v.ambiguous_line, 5);
	assert_memory_equal(block + v.ambiguous_offset, "balance \"peer:a\"", 16);
	mem_free(block);
	mem_free(ok);
}

/* -- peg-outs ---------------------------------------------------------------------- */

static int failed;
static char known[L2_HEX];

static bool knows(void *ctx, struct l2_bytes hash)
{
	(void)ctx;
	return l2_same(hash, l2_text(known));
}

static void unbacked(
    void *ctx, struct l2_bytes id, struct l2_bytes has, struct l2_bytes wanted)
{
	(void)ctx;
	(void)has;
	(void)wanted;
	assert_true(id.len > 3 && memcmp(id.at, "out", 3) == 0);
	failed++;
}

static void a_pegout_stands_on_an_anchor_that_is_known(void **state)
{
	struct l2_rules rules = { .knows_anchor = knows, .unbacked = unbacked };
	struct l2_pegout out = { .id = l2_text("out-1"),
		.anchor = l2_text(SAMPLE_ANCHOR) };
	struct l2_state s;
	struct l2_verdict v;
	struct buf b;

	(void)state;
	l2_state_init(&s);
	buf_init(&b, 65536);
	l2_state_add(&s, L2_PEGOUTS, &out);
	out.id = l2_text("out-2");
	out.anchor = (struct l2_bytes){ 0 };
	l2_state_add(&s, L2_PEGOUTS, &out);
	v1_format(&b, &s);
	failed = 0;
	memcpy(known, SAMPLE_ANCHOR, L2_HEX);
	v1_check(&v, (char *)b.data, b.len, &rules);
	assert_int_equal(v.fault, L2_PEGOUT_UNBACKED);
	assert_int_equal(v.unbacked, 1);
	assert_int_equal(failed, 1);
	assert_non_null(strstr(v.why, "Peg-out out-2"));
	known[0] = 'x';
	v1_check(&v, (char *)b.data, b.len, &rules);
	assert_int_equal(v.unbacked, 2);
	rules.knows_anchor = NULL;
	v1_check(&v, (char *)b.data, b.len, &rules);
	assert_int_equal(v.fault, L2_HOLDS);
	/* The rule of the older program: its own anchor, which none can have. */
	rules.strict_upstream = true;
	v1_check(&v, (char *)b.data, b.len, &rules);
	assert_int_equal(v.unbacked, 1);
	buf_release(&b);
	l2_state_release(&s);
}

/* -- changes ------------------------------------------------------------------------- */

/* Of all single bytes that can be another one, few leave a snapshot that holds: digits of
 * its time, which nothing covers, and the case of the anchor's hash. Its root is the same
 * then. */
static void no_change_of_a_byte_is_another_root(void **state)
{
	struct l2_verdict v;
	size_t len, held = 0;
	char *ok = file_of("ok.dat", &len);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char was = ok[i];

		for (int c = 0; c < 256; c++) {
			if ((char)c == was)
				continue;
			ok[i] = (char)c;
			v1_check(&v, ok, len, &anchored);
			if (v.fault != L2_HOLDS)
				continue;
			held++;
			assert_string_equal(v.root, SAMPLE_ROOT);
			assert_true((i >= 25 && i < 38) || i > len - 80);
		}
		ok[i] = was;
	}
	assert_int_equal(held, 8 + 12 * 9 + 21);
	mem_free(ok);
}

static void no_truncation_holds(void **state)
{
	struct l2_verdict v;
	size_t len;
	char *ok = file_of("ok.dat", &len);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char *cut = mem_take(i ? i : 1);

		memcpy(cut, ok, i);
		v1_check(&v, cut, i, &any);
		/* All but the last line feed, which the older program misses neither. */
		assert_int_equal(v.fault == L2_HOLDS, i == len - 1);
		mem_free(cut);
	}
	mem_free(ok);
}

static void any_state_comes_back(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct l2_state s, back;
		struct l2_verdict v;
		struct buf b;
		char root[L2_HEX];

		l2_state_init(&s);
		l2_state_init(&back);
		buf_init(&b, SIZE_MAX / 2);
		sample_any(&s, &seed, round % 50 ? 12 : 900);
		assert_int_equal(l2_state_check(&s, NULL), ERR_OK);
		l2_state_root(&s, root);
		v1_format(&b, &s);
		assert_int_equal(v1_load(&back, (char *)b.data, b.len, NULL), ERR_OK);
		assert_true(sample_same(&s, &back));
		v1_check(&v, (char *)b.data, b.len, &any);
		assert_int_equal(v.fault, L2_HOLDS);
		assert_string_equal(v.root, root);
		l2_state_sort(&back);
		l2_state_root(&back, root);
		assert_string_equal(v.root, root);
		buf_release(&b);
		l2_state_release(&s);
		l2_state_release(&back);
	}
}

/* As many as make the sort and the hash use threads. */
static void very_many_are_sorted_by_two(void **state)
{
	enum { N = 600000 };
	struct l2_state s;
	struct l2_verdict v;
	struct buf b;
	char root[L2_HEX];

	(void)state;
	l2_state_init(&s);
	buf_init(&b, SIZE_MAX / 2);
	for (uint64_t i = 0; i < N; i++) {
		char id[40];
		struct l2_balance one;

		snprintf(id, sizeof id, "peer-%08llx",
		    (unsigned long long)(i * 2654435761u % 4294967296u));
		one = (struct l2_balance){ l2_text(id), i };
		l2_state_add(&s, L2_BALANCES, &one);
	}
	v1_format(&b, &s);
	v1_check(&v, (char *)b.data, b.len, &any);
	assert_int_equal(v.fault, L2_HOLDS);
	l2_state_sort(&s);
	for (size_t i = 1; i < N; i++)
		assert_true(l2_compare(s.balances[i - 1].peer, s.balances[i].peer) < 0);
	l2_state_root(&s, root);
	assert_string_equal(v.root, root);
	buf_release(&b);
	l2_state_release(&s);
}

/* -- in pieces, half of them by a thread ------------------------------------------- */

struct pieces {
	const char *block;
	size_t len;
};

static enum err read_block(void *ctx, uint64_t at, void *to, size_t len, struct fail *f)
{
	const struct pieces *p = ctx;

	if (at > p->len || len > p->len - at)
		return fail_set(f, ERR_STALE, "became shorter");
	memcpy(to, p->block + at, len);
	return ERR_OK;
}

/* The reader of values has no thread, and finds the same where it finds anything. */
static void same_as_values(const struct buf *b, const struct l2_verdict *v)
{
	struct l2_state s;
	struct fail f;
	char where[400];

	l2_state_init(&s);
	if (v1_load(&s, (const char *)b->data, b->len, &f)) {
		snprintf(where, sizeof where, "line %llu, byte %llu: %s",
		    (unsigned long long)v->line, (unsigned long long)v->offset, v->why);
		assert_string_equal(f.why, where);
	}
	l2_state_release(&s);
}

/* Whatever is in a block, it is the same whether it is in memory or not. */
static enum l2_fault same_in_pieces(const struct buf *b)
{
	struct pieces pieces = { (const char *)b->data, b->len };
	struct v1_source source = { read_block, &pieces, b->len };
	struct l2_verdict whole, v;

	v1_check(&whole, pieces.block, b->len, &any);
	assert_int_equal(v1_check_source(&v, &source, &any, NULL), ERR_OK);
	assert_int_equal(v.fault, whole.fault);
	assert_string_equal(v.root, whole.root);
	assert_string_equal(v.why, whole.why);
	assert_int_equal(v.offset, whole.offset);
	assert_int_equal(v.line, whole.line);
	assert_int_equal(v.ambiguous, whole.ambiguous);
	assert_int_equal(v.ambiguous_line, whole.ambiguous_line);
	same_as_values(b, &v);
	return v.fault;
}

/* In no order. Some of the first half are long, or begin as most do not. */
static void add_many(struct l2_state *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		static const char *const before[] = { "peer-", "peer-\\", "\"", "zz",
			"peer", "" };
		unsigned long long mixed = i * 2654435761u % 4294967296u;
		char id[600];
		struct l2_balance one = { .amount = i * i };
		int len = snprintf(id, sizeof id, "%s%08llx",
		    before[i % 977 == 500 && i < 30000 ? 1 + i / 977 % 5 : 0], mixed);

		if (i % 7001 == 7000 && i < 30000) {
			memset(id + len, 'x', 500);
			len += 500;
		}
		one.peer = (struct l2_bytes){ id, (size_t)len };
		l2_state_add(s, L2_BALANCES, &one);
	}
}

static size_t nth(const struct buf *b, const char *word, int n)
{
	const char *p = (const char *)b->data;

	for (; n-- && p; p++)
		p = memmem(
		    p, b->len - (size_t)(p - (const char *)b->data), word, strlen(word));
	assert_non_null(p);
	return (size_t)(p - 1 - (const char *)b->data);
}

static void many_in_pieces(void **state)
{
	enum { N = 60000 };
	struct l2_state s;
	struct buf b;
	char root[L2_HEX];
	struct l2_verdict v;
	size_t at, to;

	(void)state;
	l2_state_init(&s);
	buf_init(&b, SIZE_MAX / 2);
	add_many(&s, N);
	v1_format(&b, &s);
	assert_true(b.len > (1u << 20));
	assert_int_equal(same_in_pieces(&b), L2_HOLDS);
	v1_check(&v, (char *)b.data, b.len, &any);
	l2_state_root(&s, root);
	assert_string_equal(v.root, root);

	/* What is wrong is so at its line, in either half. */
	for (int n = 100; n < N; n += 9983) {
		at = nth(&b, "\nbalance", n) + 5;
		b.data[at] ^= 1;
		assert_int_equal(same_in_pieces(&b), L2_MALFORMED);
		b.data[at] ^= 1;
	}
	/* An id of the first half that is in the second one, too. */
	at = nth(&b, "\nbalance \"peer-", 900);
	to = nth(&b, "\nbalance \"peer-", N - 900);
	memcpy(b.data + to, b.data + at, 24);
	assert_int_equal(same_in_pieces(&b), L2_MALFORMED);
	/* More records than are said, the last one in either half; and fewer. */
	at = nth(&b, "balances 60000", 1) + 9;
	b.data[at] = '5';
	assert_int_equal(same_in_pieces(&b), L2_MALFORMED);
	b.data[at] = '3';
	assert_int_equal(same_in_pieces(&b), L2_MALFORMED);
	b.data[at] = '9';
	assert_int_equal(same_in_pieces(&b), L2_MALFORMED);
	/* A line that is longer than a piece. */
	at = nth(&b, "\nbalance", 20000);
	memset(b.data + at, 'x', 600000);
	assert_int_equal(same_in_pieces(&b), L2_MALFORMED);
	buf_release(&b);
	l2_state_release(&s);
}

/* As a node writes them. */
static void many_in_order(void **state)
{
	struct l2_state s;
	struct buf b;

	(void)state;
	l2_state_init(&s);
	buf_init(&b, SIZE_MAX / 2);
	add_many(&s, 60000);
	l2_state_sort(&s);
	v1_format(&b, &s);
	assert_int_equal(same_in_pieces(&b), L2_HOLDS);
	buf_release(&b);
	l2_state_release(&s);
}

/* It is said, and is no verdict. */
static void a_block_that_becomes_shorter(void **state)
{
	struct pieces pieces = { 0 };
	struct v1_source source = { read_block, &pieces, 0 };
	struct l2_verdict v;
	struct l2_state s;
	struct fail f;
	struct buf b;

	(void)state;
	l2_state_init(&s);
	buf_init(&b, SIZE_MAX / 2);
	add_many(&s, 60000);
	v1_format(&b, &s);
	pieces = (struct pieces){ (char *)b.data, b.len - 1000000 };
	source.len = b.len;
	assert_int_equal(v1_check_source(&v, &source, &any, &f), ERR_STALE);
	assert_string_equal(f.why, "became shorter");
	buf_release(&b);
	l2_state_release(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_the_older_program_is_read),
		cmocka_unit_test(one_without_an_anchor),
		cmocka_unit_test(what_is_wrong_has_its_line),
		cmocka_unit_test(an_anchor_must_be_of_its_state),
		cmocka_unit_test(a_colon_is_flagged),
		cmocka_unit_test(a_pegout_stands_on_an_anchor_that_is_known),
		cmocka_unit_test(no_change_of_a_byte_is_another_root),
		cmocka_unit_test(no_truncation_holds),
		cmocka_unit_test(any_state_comes_back),
		cmocka_unit_test(very_many_are_sorted_by_two),
		cmocka_unit_test(many_in_pieces),
		cmocka_unit_test(many_in_order),
		cmocka_unit_test(a_block_that_becomes_shorter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
