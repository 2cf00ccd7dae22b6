/* The table of what is looked for in blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kinds/track/fingers.h"

#define MANY 20000

static struct hash hash_of(uint32_t n)
{
	struct hash h = { { 0 } };

	memcpy(h.at, &n, sizeof n);
	return h;
}

static int count(const struct fingers *f, uint64_t print, int64_t row)
{
	size_t at = 0;
	int64_t found;
	int n = 0;

	while ((found = fingers_next(f, print, &at)))
		n += found == row;
	return n;
}

static void what_is_in_it_is_found(void **state)
{
	struct fingers f;
	struct hash h;

	(void)state;
	fingers_init(&f, 17);
	for (uint32_t i = 1; i <= MANY; i++) {
		h = hash_of(i);
		fingers_add(&f, finger_hash(&f, &h), i);
	}
	for (uint32_t i = 1; i <= MANY; i++) {
		h = hash_of(i);
		assert_int_equal(count(&f, finger_hash(&f, &h), i), 1);
	}
	h = hash_of(MANY + 1);
	assert_int_equal(count(&f, finger_hash(&f, &h), MANY + 1), 0);
	assert_true(f.room * sizeof *f.at <= (size_t)MANY * 16 * 8 / 3 * 2);
	fingers_release(&f);
}

/* Against a plain array: rows come and go in any order, some of them twice. */
static void what_goes_leaves_the_others(void **state)
{
	static int there[500];
	struct fingers f;
	uint64_t seed = 1;

	(void)state;
	fingers_init(&f, 0);
	for (int n = 0; n < 200000; n++) {
		uint32_t row;
		struct hash h;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		row = (uint32_t)(seed >> 40) % 500;
		h = hash_of(row / 3); /* three rows a print */
		if ((seed >> 33) & 1) {
			fingers_add(&f, finger_hash(&f, &h), row + 1);
			there[row]++;
		} else {
			fingers_drop(&f, finger_hash(&f, &h), row + 1);
			there[row] -= there[row] > 0;
		}
		assert_int_equal(count(&f, finger_hash(&f, &h), row + 1), there[row]);
	}
	fingers_release(&f);
}

static void who_has_left_takes_no_room(void **state)
{
	struct fingers f;
	size_t most;

	(void)state;
	fingers_init(&f, 0);
	for (uint32_t row = 1; row <= 100000; row++) {
		struct hash h = hash_of(row);

		fingers_add(&f, finger_hash(&f, &h), row);
	}
	most = f.room;
	for (uint32_t row = 1; row <= 99000; row++) {
		struct hash h = hash_of(row);

		fingers_drop(&f, finger_hash(&f, &h), row);
	}
	assert_in_range(f.room, 1000, most / 8);
	for (uint32_t row = 99001; row <= 100000; row++) {
		struct hash h = hash_of(row);

		assert_int_equal(count(&f, finger_hash(&f, &h), row), 1);
	}
	fingers_release(&f);
}

static void a_sender_and_a_nonce_are_one_print(void **state)
{
	struct address a = { { 1 } }, b = { { 2 } };
	struct fingers f, g;

	(void)state;
	fingers_init(&f, 5);
	fingers_init(&g, 6);
	assert_true(finger_nonce(&f, &a, 1) == finger_nonce(&f, &a, 1));
	assert_true(finger_nonce(&f, &a, 1) != finger_nonce(&f, &a, 2));
	assert_true(finger_nonce(&f, &a, 1) != finger_nonce(&f, &b, 1));
	assert_true(finger_nonce(&f, &a, 1) != finger_nonce(&g, &a, 1));
	b.at[19] = 1; /* each byte counts */
	assert_true(finger_nonce(&f, &a, 1) != finger_nonce(&f, &b, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_it_is_found),
		cmocka_unit_test(what_goes_leaves_the_others),
		cmocka_unit_test(who_has_left_takes_no_room),
		cmocka_unit_test(a_sender_and_a_nonce_are_one_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
