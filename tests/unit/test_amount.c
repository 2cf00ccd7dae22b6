/* Amounts: exact up to 2^256 - 1, against the integers of Python (tests/vectors). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/amount.h"

#define TOP_HEX "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define TOP_TEXT \
	"115792089237316195423570985008687907853269984665640564039457584007913129639935"
#define OVER_TEXT \
	"115792089237316195423570985008687907853269984665640564039457584007913129639936"

static const struct amount_row {
	const char *a, *b, *sum, *difference;
	uint64_t word;
	const char *product, *quotient;
	uint64_t rest;
	unsigned decimals;
	const char *text;
} rows[] = {
#define ROW(...) { __VA_ARGS__ },
#include "../vectors/amount.def"
#undef ROW
};

#define ROWS (sizeof rows / sizeof *rows)

static struct amount amount_of(const char *hex)
{
	struct amount a;

	assert_true(amount_parse_hex(&a, hex));
	return a;
}

static void assert_amount(const struct amount *a, const char *hex)
{
	char text[67];

	amount_format_hex(text, a);
	assert_string_equal(text, hex);
}

/* expected NULL: fits is false, and what stood in ret before still stands there. */
static void assert_result(
    bool fits, const struct amount *ret, const char *expected, const char *before)
{
	assert_int_equal(fits, expected != NULL);
	assert_amount(ret, expected ? expected : before);
}

static void sums(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const struct amount_row *row = rows + i;
		struct amount a = amount_of(row->a), b = amount_of(row->b), ret = a;
		bool fits = amount_add(&ret, &ret, &b);

		assert_result(fits, &ret, row->sum, row->a);
		ret = b;
		fits = amount_sub(&ret, &a, &ret);
		assert_result(fits, &ret, row->difference, row->b);
		assert_int_equal(amount_cmp(&a, &b) < 0, row->difference == NULL);
		assert_int_equal(amount_cmp(&b, &a) > 0, row->difference == NULL);
	}
}

static void products(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const struct amount_row *row = rows + i;
		struct amount a = amount_of(row->a), ret = a, quotient;
		uint64_t rest;
		bool fits = amount_mul_u64(&ret, &ret, row->word);

		assert_result(fits, &ret, row->product, row->a);
		quotient = amount_div_u64(&a, row->word, &rest);
		assert_amount(&quotient, row->quotient);
		assert_int_equal(rest, row->rest);
	}
}

static void texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const struct amount_row *row = rows + i;
		struct amount a = amount_of(row->a), back;
		char text[AMOUNT_TEXT_MAX];

		amount_format(text, &a, row->decimals);
		assert_string_equal(text, row->text);
		assert_int_equal(
		    amount_parse(&back, text, strlen(text), row->decimals), AMOUNT_OK);
		assert_int_equal(amount_cmp(&a, &back), 0);
	}
}

static void bytes(void **state)
{
	struct amount a = amount_of(
	    "0x102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20");
	uint8_t out[32];

	(void)state;
	amount_encode(out, &a);
	for (int i = 0; i < 32; i++)
		assert_int_equal(out[i], i + 1);
	a = amount_decode(out);
	assert_true(a.limb[0] == 0x191a1b1c1d1e1f20u);
	assert_true(a.limb[3] == 0x0102030405060708u);
}

static void fault_is(const char *text, unsigned decimals, enum amount_fault expected)
{
	struct amount a = amount_u64(77);

	assert_int_equal(amount_parse(&a, text, strlen(text), decimals), expected);
	assert_amount(&a, "0x4d");
}

static void parse_refuses(void **state)
{
	static const char *const odd[] = { "-1", "+1", "1e3", "1E3", "1,5", "1_000", " 1",
		"1 ", ".5", "5.", ".", "1.2.3", "1..2", "0x1", "one", "1.5 ", "\n1",
		"1'000", "\xd9\xa1", "inf", "nan", "1.a" };

	(void)state;
	fault_is("", 18, AMOUNT_EMPTY);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		fault_is(odd[i], 18, AMOUNT_NOT_PLAIN);
	fault_is("1.0", 0, AMOUNT_TOO_PRECISE);
	fault_is("1.1234567", 6, AMOUNT_TOO_PRECISE);
	fault_is("1.0000000", 6, AMOUNT_TOO_PRECISE);
	fault_is(OVER_TEXT, 0, AMOUNT_OVERFLOW);
	fault_is(OVER_TEXT "0000000", 0, AMOUNT_OVERFLOW);
	fault_is("1", 78, AMOUNT_OVERFLOW);
	fault_is(
	    "115792089237316195423570985008687907853269984665640564039457.584007913129"
	    "639936",
	    18, AMOUNT_OVERFLOW);
	for (int fault = AMOUNT_OK; fault <= AMOUNT_OVERFLOW; fault++)
		assert_non_null(amount_fault_text((enum amount_fault)fault));
}

static void parse_takes(void **state)
{
	struct amount a;

	(void)state;
	assert_int_equal(amount_parse(&a, TOP_TEXT, strlen(TOP_TEXT), 0), AMOUNT_OK);
	assert_amount(&a, TOP_HEX);
	assert_int_equal(amount_parse(&a, "0.000001xyz", 8, 6), AMOUNT_OK);
	assert_amount(&a, "0x1");
	assert_int_equal(amount_parse(&a, "1.5", 3, 6), AMOUNT_OK);
	assert_amount(&a, "0x16e360");
	assert_int_equal(amount_parse(&a, "0001.50", 7, 2), AMOUNT_OK);
	assert_amount(&a, "0x96");
	assert_int_equal(amount_parse(&a, "0", 1, 255), AMOUNT_OK);
	assert_true(amount_is_zero(&a));
	assert_int_equal(amount_parse(&a, "1", 1, 77), AMOUNT_OK);
}

static void formats(void **state)
{
	struct amount a = amount_of(TOP_HEX);
	char text[AMOUNT_TEXT_MAX];

	(void)state;
	amount_format(text, &a, 0);
	assert_string_equal(text, TOP_TEXT);
	amount_format(text, &a, 255);
	assert_int_equal(strlen(text), 2 + 255);
	amount_format(text, &AMOUNT_ZERO, 18);
	assert_string_equal(text, "0");
	a = amount_u64(1500000);
	amount_format(text, &a, 6);
	assert_string_equal(text, "1.5");
	amount_format(text, &a, 5);
	assert_string_equal(text, "15");
	amount_format(text, &a, 7);
	assert_string_equal(text, "0.15");
}

static void hex_texts(void **state)
{
	struct amount a = amount_u64(5);

	(void)state;
	assert_false(amount_parse_hex(&a, ""));
	assert_false(amount_parse_hex(&a, "0"));
	assert_false(amount_parse_hex(&a, "0x"));
	assert_false(amount_parse_hex(&a, "0xg"));
	assert_false(amount_parse_hex(&a, "1f"));
	assert_false(amount_parse_hex(&a, TOP_HEX "0"));
	assert_amount(&a, "0x5");
	assert_true(amount_parse_hex(&a, "0x00Ff"));
	assert_amount(&a, "0xff");
	assert_true(amount_parse_hex(&a, "0x0"));
	assert_amount(&a, "0x0");
	assert_true(amount_parse_hex(&a, TOP_HEX));
	assert_amount(&a, TOP_HEX);
}

static void words(void **state)
{
	struct amount a = amount_u64(UINT64_MAX), one = amount_u64(1);
	uint64_t v = 0;

	(void)state;
	assert_true(amount_to_u64(&a, &v));
	assert_true(v == UINT64_MAX);
	assert_true(amount_add(&a, &a, &one));
	assert_false(amount_to_u64(&a, &v));
	assert_false(amount_is_zero(&a));
	assert_true(amount_is_zero(&AMOUNT_ZERO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums),
		cmocka_unit_test(products),
		cmocka_unit_test(texts),
		cmocka_unit_test(bytes),
		cmocka_unit_test(parse_refuses),
		cmocka_unit_test(parse_takes),
		cmocka_unit_test(formats),
		cmocka_unit_test(hex_texts),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
