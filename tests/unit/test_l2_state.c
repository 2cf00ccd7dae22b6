/* A state as values: its root against golden vectors, order, and what is refused. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/sha256.h"
#include "kinds/node/snapshot/fast.h"
#include "kinds/node/snapshot/order.h"
#include "kinds/node/snapshot/state.h"
#include "l2_sample.h"

#define T(s) l2_text(s)

static void root_is(const struct l2_state *s, const char *expected)
{
	char root[L2_HEX];

	l2_state_root(s, root);
	assert_string_equal(root, expected);
}

static void an_empty_state_has_its_root(void **state)
{
	struct l2_state s;

	(void)state;
	l2_state_init(&s);
	root_is(&s, EMPTY_ROOT);
	s.timestamp_ms = 1;
	root_is(&s, EMPTY_ROOT);
	l2_state_release(&s);
}

static void a_sample_has_its_root(void **state)
{
	struct l2_state s;

	(void)state;
	l2_state_init(&s);
	sample_add(&s);
	root_is(&s, SAMPLE_ROOT);
	l2_state_sort(&s);
	root_is(&s, SAMPLE_ROOT);
	assert_true(l2_same(s.balances[0].peer, T("Peer\"Q\\x")));
	assert_int_equal(s.balances[2].amount, 250);
	assert_true(l2_same(s.escrows[0].task, T("task-1")));
	s.balances[2].amount++;
	root_is(&s, "e7e32ce086c1efe974d80a73b4b4a438649ae74fc574e7b5d01c5585992f80ed");
	l2_state_release(&s);
}

static void an_anchor_names_root_time_and_metadata(void **state)
{
	struct l2_state s;
	struct fail f;
	char root[L2_HEX];

	(void)state;
	l2_state_init(&s);
	sample_add(&s);
	l2_state_root(&s, root);
	assert_int_equal(
	    l2_state_anchor(&s, root, 1700000000004, T("meta:1"), &f), ERR_OK);
	assert_true(s.anchor.there);
	assert_true(l2_same(s.anchor.payload, T(SAMPLE_ROOT ":1700000000004:meta:1")));
	assert_true(l2_same(s.anchor.hash, T(SAMPLE_ANCHOR)));
	root_is(&s, SAMPLE_ROOT);
	assert_int_equal(l2_state_anchor(&s, root, 1, T("a\nb"), &f), ERR_INPUT);
	assert_non_null(strstr(f.why, "line feed"));
	l2_state_release(&s);
}

/* The two escrows of which neither says where its task ends. */
static void what_is_ambiguous_is_refused(void **state)
{
	struct l2_escrow one = { T("a:b"), T("c"), 1, false, 5 };
	struct l2_escrow other = { T("a"), T("b:c"), 1, false, 5 };
	struct l2_balance forged = { T("x:1\nbalance:y"), 2 };
	struct l2_state a, b;
	struct fail f;
	char root[L2_HEX];

	(void)state;
	l2_state_init(&a);
	l2_state_init(&b);
	l2_state_add(&a, L2_ESCROWS, &one);
	l2_state_add(&b, L2_ESCROWS, &other);
	l2_state_root(&a, root);
	root_is(&b, root);
	assert_int_equal(l2_state_check(&a, &f), ERR_INPUT);
	assert_non_null(strstr(f.why, "escrow 1: its task 'a:b' has a colon"));
	assert_int_equal(l2_state_check(&b, &f), ERR_INPUT);
	assert_non_null(strstr(f.why, "client 'b:c' has a colon"));
	l2_state_release(&a);
	l2_state_add(&a, L2_BALANCES, &forged);
	assert_int_equal(l2_state_check(&a, &f), ERR_INPUT);
	l2_state_release(&a);
	forged.peer = T("x\ny");
	l2_state_add(&a, L2_BALANCES, &forged);
	assert_int_equal(l2_state_check(&a, &f), ERR_INPUT);
	assert_non_null(strstr(f.why, "has a line feed"));
	l2_state_release(&a);
	l2_state_release(&b);
}

static void an_id_is_there_once(void **state)
{
	struct l2_balance b = { T("peer"), 1 };
	struct l2_state s;
	struct fail f;

	(void)state;
	l2_state_init(&s);
	l2_state_add(&s, L2_BALANCES, &b);
	b.peer = T("a");
	l2_state_add(&s, L2_BALANCES, &b);
	assert_int_equal(l2_state_check(&s, &f), ERR_OK);
	b.peer = T("peer");
	l2_state_add(&s, L2_BALANCES, &b);
	assert_int_equal(l2_state_check(&s, &f), ERR_INPUT);
	assert_string_equal(f.why, "balance 'peer' is there twice, as number 1 and 3");
	l2_state_release(&s);
}

enum { TEXT_MAX = 24 };

/* Of few letters, so that many begin alike, or are the same; some may not be written. */
static struct l2_bytes drawn_text(char room[TEXT_MAX], uint64_t *seed)
{
	static const char letters[] = "aaaaaab\x80\xff\n:";
	size_t n = sample_dice(seed, TEXT_MAX);
	size_t of = sizeof letters - 1 - (sample_dice(seed, 30) ? 2 : 0);

	for (size_t i = 0; i < n; i++)
		room[i] = letters[sample_dice(seed, of)];
	return (struct l2_bytes){ room, n };
}

static void drawn_state(struct l2_state *s, uint64_t *seed)
{
	char id[TEXT_MAX], other[TEXT_MAX];

	l2_state_init(s);
	for (uint64_t n = sample_dice(seed, 4); n; n--) {
		struct l2_balance b = { drawn_text(id, seed), 1 };

		l2_state_add(s, L2_BALANCES, &b);
	}
	for (uint64_t n = sample_dice(seed, 4); n; n--) {
		struct l2_escrow e = { drawn_text(id, seed), drawn_text(other, seed), 1,
			false, 1 };

		l2_state_add(s, L2_ESCROWS, &e);
	}
	if (sample_dice(seed, 2))
		l2_state_sort(s);
}

static bool is_in_order(const struct l2_state *s)
{
	for (size_t i = 1; i < s->balances_n; i++)
		if (l2_compare(s->balances[i - 1].peer, s->balances[i].peer) >= 0)
			return false;
	for (size_t i = 1; i < s->escrows_n; i++)
		if (l2_compare(s->escrows[i - 1].task, s->escrows[i].task) >= 0)
			return false;
	return true;
}

static void what_is_ready_has_nothing_wrong(void **state)
{
	enum { ROUNDS = 20000 };
	uint64_t seed = 11;
	int ready = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct l2_state s;
		bool is;

		drawn_state(&s, &seed);
		is = l2_state_is_ready(&s);
		assert_int_equal(is, is_in_order(&s) && !l2_state_check(&s, NULL));
		ready += is;
		l2_state_release(&s);
	}
	assert_in_range(ready, ROUNDS / 8, ROUNDS / 8 * 7);
}

static uint64_t below_ten_to(int n)
{
	uint64_t ten = 1;

	while (n--)
		ten *= 10;
	return ten - 1;
}

static void a_number_is_written_in_decimal(void **state)
{
	char ours[DIGITS_MAX + 1], theirs[DIGITS_MAX + 1];
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t v = sample_dice(&seed, UINT64_MAX) >> i % 64;

		if (i % 3 == 0)
			v = below_ten_to(i / 3 % DIGITS_MAX) + (uint64_t)i % 2;
		*digits_put(ours, v) = '\0';
		snprintf(theirs, sizeof theirs, "%" PRIu64, v);
		assert_string_equal(ours, theirs);
	}
}

static void numbers_of_any_size(void **state)
{
	struct l2_pegin in = { T("p"), { 0 }, UINT32_MAX, UINT64_MAX, { 0 }, { 0 },
		INT32_MIN, 0, UINT64_MAX, 1 };
	struct l2_state s;
	uint8_t hash[32];
	char hex[L2_HEX];
	static const char text[] =
	    "L2STATE|v1\nbalances:0\nescrows:0\npegins:1\n"
	    "pegin:p::4294967295:18446744073709551615:::-2147483648:0:"
	    "18446744073709551615:1\npegouts:0\ntasks:0\n";

	(void)state;
	l2_state_init(&s);
	l2_state_add(&s, L2_PEGINS, &in);
	sha256(hash, text, sizeof text - 1);
	hex_format(hex, hash, sizeof hash);
	root_is(&s, hex);
	l2_state_release(&s);
}

/* -- order -------------------------------------------------------------------- */

struct texts {
	struct l2_bytes *at;
	size_t n;
};

static uint64_t key(void *ctx, uint64_t ref, size_t from)
{
	struct texts *t = ctx;

	return order_key(t->at[ref].at, t->at[ref].len, from);
}

static int compare(void *ctx, uint64_t a, uint64_t b)
{
	struct texts *t = ctx;

	return l2_compare(t->at[a], t->at[b]);
}

/* Each is at most as large as the next; equal ones have their refs in order. */
static void sorted(struct texts *t, struct order *at)
{
	struct order_by by = { key, compare, t };
	uint64_t sum = 0;
	bool twice = false;

	for (size_t i = 0; i < t->n; i++)
		at[i] = (struct order){ key(t, i, 0), i };
	order_sort(at, t->n, 0, &by);
	for (size_t i = 0; i < t->n; i++) {
		int c = i ? compare(t, at[i - 1].ref, at[i].ref) : -1;

		sum += at[i].ref;
		twice |= !c;
		assert_true(c < 0 || (!c && at[i - 1].ref < at[i].ref));
	}
	assert_int_equal(sum, t->n * (t->n - 1) / 2);
	assert_int_equal(order_twice(at, t->n, &by) < t->n, twice);
}

/* Alphabets of two bytes, zeros among them, make long equal beginnings. */
static void any_texts_are_sorted(void **state)
{
	enum { N = 3000, LEN = 100 };
	static char bytes[N * LEN];
	static struct l2_bytes at[N];
	static struct order order[N];
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 60; round++) {
		unsigned letters = round % 3 == 0 ? 256 : 1 + (unsigned)round % 4;
		size_t same = sample_dice(&seed, 90), n = 1 + sample_dice(&seed, N);
		struct texts t = { at, n };

		for (size_t i = 0; i < n; i++) {
			at[i].at = bytes + i * LEN;
			at[i].len = sample_dice(&seed, same > 45 ? LEN : 12);
			for (size_t j = 0; j < LEN; j++)
				bytes[i * LEN + j] = (char)(j < same && round % 2
					? 'x'
					: sample_dice(&seed, letters));
		}
		sorted(&t, order);
	}
}

/* Each text begins the next one: no recursion is as deep as they are long. */
static void stairs_are_sorted(void **state)
{
	enum { N = 4000 };
	static char bytes[N * 8];
	static struct l2_bytes at[N];
	static struct order order[N];
	struct texts t = { at, N };

	(void)state;
	for (size_t i = 0; i < N; i++)
		at[i] = (struct l2_bytes){ bytes, (i * 7919 % N) * 8 };
	sorted(&t, order);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_state_has_its_root),
		cmocka_unit_test(a_sample_has_its_root),
		cmocka_unit_test(an_anchor_names_root_time_and_metadata),
		cmocka_unit_test(what_is_ambiguous_is_refused),
		cmocka_unit_test(an_id_is_there_once),
		cmocka_unit_test(what_is_ready_has_nothing_wrong),
		cmocka_unit_test(a_number_is_written_in_decimal),
		cmocka_unit_test(numbers_of_any_size),
		cmocka_unit_test(any_texts_are_sorted),
		cmocka_unit_test(stairs_are_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
