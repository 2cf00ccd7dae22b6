/* RLP, addresses, ABI, JSON and URLs: the standards' examples, another wallet's output,
 * and what nobody should have sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/mem.h"
#include "codec/abi.h"
#include "codec/eip55.h"
#include "codec/json.h"
#include "codec/rlp.h"
#include "codec/url.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Of exactly the size, so that a sanitizer sees a look past the end. */
static uint8_t *bytes_of(const char *hex, size_t *ret_len)
{
	size_t skip = strncmp(hex, "0x", 2) == 0 ? 2 : 0, digits = strlen(hex) - skip;
	uint8_t *bytes = mem_new(digits / 2);

	assert_true(hex_parse(bytes, digits / 2, hex + skip, digits));
	*ret_len = digits / 2;
	return bytes;
}

static void buf_is(struct buf *b, const char *hex)
{
	struct buf text;

	assert_true(buf_ok(b));
	buf_init(&text, 1 << 16);
	buf_add_hex(&text, b->data, b->len);
	assert_string_equal(buf_text(&text), hex);
	buf_release(&text);
	buf_clear(b);
}

/* The examples of ethereum.org. */
static void rlp_writes_the_examples(void **state)
{
	static const char lorem[] =
	    "Lorem ipsum dolor sit amet, consectetur adipisicing elit";
	struct buf out, items, none;

	(void)state;
	buf_init(&out, 1000);
	buf_init(&items, 1000);
	buf_init(&none, 1000);
	rlp_add_bytes(&out, "dog", 3);
	buf_is(&out, "83646f67");
	rlp_add_bytes(&items, "cat", 3);
	rlp_add_bytes(&items, "dog", 3);
	rlp_add_list(&out, &items);
	buf_is(&out, "c88363617483646f67");
	rlp_add_bytes(&out, "", 0);
	buf_is(&out, "80");
	rlp_add_list(&out, &none);
	buf_is(&out, "c0");
	rlp_add_bytes(&out, "\x00", 1);
	buf_is(&out, "00");
	rlp_add_bytes(&out, "\x0f", 1);
	buf_is(&out, "0f");
	rlp_add_bytes(&out, "\x04\x00", 2);
	buf_is(&out, "820400");
	rlp_add_bytes(&out, lorem, 56);
	assert_int_equal(out.len, 58);
	assert_memory_equal(out.data, "\xb8\x38Lorem", 7);
	buf_release(&out);
	buf_release(&items);
}

static void rlp_writes_numbers(void **state)
{
	struct amount top;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	rlp_add_u64(&out, 0);
	rlp_add_u64(&out, 127);
	rlp_add_u64(&out, 128);
	rlp_add_u64(&out, 1024);
	rlp_add_u64(&out, UINT64_MAX);
	buf_is(&out, "807f818082040088ffffffffffffffff");
	assert_true(amount_parse_hex(
	    &top, "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"));
	rlp_add_amount(&out, &top);
	rlp_add_amount(&out, &AMOUNT_ZERO);
	buf_is(
	    &out, "a0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff80");
	buf_release(&out);
}

static void rlp_list_carries_overflow(void **state)
{
	struct buf out, items;

	(void)state;
	buf_init(&out, 1000);
	buf_init(&items, 2);
	rlp_add_bytes(&items, "dog", 3);
	rlp_add_list(&out, &items);
	assert_false(buf_ok(&out));
	buf_release(&out);
	buf_release(&items);
}

/* Reads one level with the reader and writes it again with the writer. */
static void copy_items(struct buf *out, const uint8_t *data, size_t len)
{
	struct rlp_item item;
	struct rlp r;

	rlp_init(&r, data, len);
	while (rlp_next(&r, &item)) {
		if (item.list) {
			struct buf items;

			buf_init(&items, 1 << 16);
			copy_items(&items, item.data, item.len);
			rlp_add_list(out, &items);
			buf_release(&items);
		} else {
			rlp_add_bytes(out, item.data, item.len);
		}
	}
	assert_ptr_equal(r.at, r.end);
}

static const char *const encodings[] = {
#define RLP(hex) hex,
#include "../vectors/ethers.def"
};

static void rlp_reads_and_writes_as_ethers(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	for (size_t i = 0; i < COUNT(encodings); i++) {
		size_t len;
		uint8_t *bytes = bytes_of(encodings[i], &len);

		copy_items(&out, bytes, len);
		buf_is(&out, encodings[i] + 2);
		free(bytes);
	}
	buf_release(&out);
}

static void rlp_refuses_what_is_not_canonical(void **state)
{
	static const char *const bad[] = { "81", "8100", "817f", "83646f", "b8", "b800",
		"b837", "b838", "b90001ff", "b9003864", "b900", "bfffffffffffffffffff",
		"bf7fffffffffffffff00", "c1", "c28080c1", "f8", "f800", "f837", "f90038",
		"f90100", "ffffffffffffffffff", "ffffffffffffffffffff",
		"c88363617483646f" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		size_t len;
		uint8_t *bytes = bytes_of(bad[i], &len);
		struct rlp_item item;
		struct rlp r;

		rlp_init(&r, bytes, len);
		while (rlp_next(&r, &item))
			;
		assert_ptr_not_equal(r.at, r.end);
		free(bytes);
	}
}

/* As many bytes as the length says, and still not canonical. */
static void rlp_refuses_long_lengths(void **state)
{
	static const char *const heads[] = { "b837", "b90038", "ba000038", "f837",
		"f90038" };
	uint8_t bytes[4 + 56] = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++) {
		size_t head = strlen(heads[i]) / 2, len = i % 3 ? 56 : 55;
		struct rlp_item item;
		struct rlp r;

		assert_true(hex_parse(bytes, head, heads[i], 2 * head));
		rlp_init(&r, bytes, head + len);
		assert_false(rlp_next(&r, &item));
	}
}

static void rlp_never_reads_past_a_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(encodings); i++) {
		size_t len;
		uint8_t *bytes = bytes_of(encodings[i], &len);

		for (size_t cut = 1; cut < len; cut++) {
			uint8_t *part = mem_copy(bytes, cut);
			struct rlp_item item;
			struct rlp r;

			rlp_init(&r, part, cut);
			assert_false(rlp_next(&r, &item));
			assert_ptr_equal(r.at, part);
			free(part);
		}
		free(bytes);
	}
}

static bool number_of(const char *hex, uint64_t *ret)
{
	size_t len;
	uint8_t *bytes = bytes_of(hex, &len);
	struct rlp r;
	bool is;

	rlp_init(&r, bytes, len);
	is = rlp_next_u64(&r, ret);
	assert_ptr_equal(r.at, is ? bytes + len : bytes);
	free(bytes);
	return is;
}

static void rlp_reads_numbers(void **state)
{
	struct amount a;
	struct rlp r;
	uint64_t v = 5;

	(void)state;
	assert_false(number_of("00", &v)); /* zero is the empty string */
	assert_false(number_of("820001", &v));
	assert_false(number_of("c0", &v));
	assert_false(number_of("c101", &v));
	assert_false(number_of("89010000000000000000", &v));
	assert_false(number_of("8204", &v));
	assert_int_equal(v, 5);
	assert_true(number_of("80", &v));
	assert_int_equal(v, 0);
	assert_true(number_of("7f", &v));
	assert_int_equal(v, 127);
	assert_true(number_of("88ffffffffffffffff", &v));
	assert_true(v == UINT64_MAX);
	rlp_init(&r, "\x89\x01\0\0\0\0\0\0\0\0", 10);
	assert_true(rlp_next_amount(&r, &a));
	assert_true(a.limb[0] == 0 && a.limb[1] == 1);
	assert_false(rlp_next_amount(&r, &a));
	rlp_init(&r, "\xa1\x01xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 34);
	assert_false(rlp_next_amount(&r, &a));
	rlp_init(&r, NULL, 0);
	assert_false(rlp_next_amount(&r, &a));
}

static const char *const addresses[] = {
	/* the examples of EIP-55 */
	"0x52908400098527886E0F7030069857D2E4169EE7",
	"0x8617E340B3D01FA5F11F306F4090FD50E238070D",
	"0xde709f2102306220921060314715629080e2fb77",
	"0x27b1fdb04752bbc536007a920d24acb045561c26",
	"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
	"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
	"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
	"0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
#define ADDRESS(text) text,
#include "../vectors/ethers.def"
};

static void eip55_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		uint8_t address[20];
		char text[43];

		assert_int_equal(eip55_parse(address, addresses[i], 42), EIP55_OK);
		eip55_format(text, address);
		assert_string_equal(text, addresses[i]);
	}
}

/* Each letter on its own in the other case: none may pass but where one case is left. */
static void eip55_sees_every_flip(void **state)
{
	(void)state;
	for (size_t i = 4; i < COUNT(addresses); i++) {
		for (size_t at = 2; at < 42; at++) {
			uint8_t address[20];
			char text[43];

			memcpy(text, addresses[i], sizeof text);
			if (text[at] < 'A')
				continue;
			text[at] ^= 0x20;
			assert_int_equal(
			    eip55_parse(address, text, 42), EIP55_BAD_CHECKSUM);
		}
	}
}

static void eip55_takes_one_case(void **state)
{
	static const char *const good[] = {
		"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
		"0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
		"0x0000000000000000000000000000000000000000",
	};
	static const char *const bad[] = {
		"",
		"0x",
		"5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
		"0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
		"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae",
		"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaedd",
		"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg",
		"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae ",
		" 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae",
	};
	uint8_t address[20] = { 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
		    eip55_parse(address, bad[i], strlen(bad[i])), EIP55_NOT_AN_ADDRESS);
	assert_memory_equal(address, "\1\2\3\0", 4);
	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(eip55_parse(address, good[i], 42), EIP55_OK);
}

static const struct {
	const char *to, *value, *transfer, *balance_of;
} transfers[] = {
#define TRANSFER(...) { __VA_ARGS__ },
#include "../vectors/ethers.def"
};

static void assert_hex_is(const uint8_t *data, size_t len, const char *hex)
{
	char *text = mem_new(2 * len + 1);

	hex_format(text, data, len);
	assert_string_equal(text, hex + 2);
	free(text);
}

static void abi_calls_as_ethers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(transfers); i++) {
		uint8_t to[20], back[20], call[ABI_TRANSFER_LEN], balance[36];
		struct amount value, value_back;

		assert_int_equal(eip55_parse(to, transfers[i].to, 42), EIP55_OK);
		assert_true(amount_parse_hex(&value, transfers[i].value));
		abi_transfer_encode(call, to, &value);
		assert_hex_is(call, sizeof call, transfers[i].transfer);
		assert_true(abi_transfer_decode(back, &value_back, call, sizeof call));
		assert_memory_equal(back, to, 20);
		assert_int_equal(amount_cmp(&value, &value_back), 0);
		abi_balance_of_encode(balance, to);
		assert_hex_is(balance, sizeof balance, transfers[i].balance_of);
	}
}

static void abi_refuses_other_calls(void **state)
{
	uint8_t to[20] = { 1 }, call[ABI_TRANSFER_LEN + 1] = { 0 };
	struct amount value = amount_u64(1);

	(void)state;
	abi_transfer_encode(call, to, &value);
	assert_true(abi_transfer_decode(to, &value, call, ABI_TRANSFER_LEN));
	assert_false(abi_transfer_decode(to, &value, call, ABI_TRANSFER_LEN - 1));
	assert_false(abi_transfer_decode(to, &value, call, ABI_TRANSFER_LEN + 1));
	assert_false(abi_transfer_decode(to, &value, call, 0));
	call[15] = 1; /* dirty upper bytes of the address */
	assert_false(abi_transfer_decode(to, &value, call, ABI_TRANSFER_LEN));
	call[15] = 0;
	call[0] ^= 1;
	assert_false(abi_transfer_decode(to, &value, call, ABI_TRANSFER_LEN));
}

static const struct {
	const char *data, *text;
} reverts[] = {
#define REVERT(...) { __VA_ARGS__ },
#include "../vectors/ethers.def"
}, strings[] = {
#define STRING(...) { __VA_ARGS__ },
#include "../vectors/ethers.def"
};

static void revert_begins(const char *hex, const char *expected)
{
	size_t len;
	uint8_t *bytes = bytes_of(hex, &len);
	char out[160];

	abi_revert_reason(out, bytes, len);
	assert_memory_equal(out, expected, strlen(expected));
	free(bytes);
}

static void abi_reads_reverts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(reverts); i++)
		revert_begins(
		    reverts[i].data, reverts[i].text[0] ? reverts[i].text : "no reason");
	revert_begins("", "no reason");
	revert_begins("08c379", "no reason");
	revert_begins("08c379a0", "error 0x08c379a0");
	revert_begins("12345678ffff", "error 0x12345678");
	revert_begins("4e487b7100", "error 0x4e487b71");
	revert_begins(
	    "4e487b71ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	    "panic 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
}

#define W0 "0000000000000000000000000000000000000000000000000000000000000000"
#define W32 "0000000000000000000000000000000000000000000000000000000000000020"
#define W3 "0000000000000000000000000000000000000000000000000000000000000003"
#define W33 "0000000000000000000000000000000000000000000000000000000000000021"
#define W65 "0000000000000000000000000000000000000000000000000000000000000041"
#define WTOP "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define W64TOP "000000000000000000000000000000000000000000000000ffffffffffffffff"
#define ABC "6162630000000000000000000000000000000000000000000000000000000000"

static bool string_of(char out[32], const char *hex)
{
	size_t len;
	uint8_t *bytes = bytes_of(hex, &len);
	bool is = abi_string_decode(out, bytes, len);

	free(bytes);
	return is;
}

static void abi_reads_strings(void **state)
{
	char out[32];

	(void)state;
	for (size_t i = 0; i < COUNT(strings); i++) {
		assert_true(string_of(out, strings[i].data));
		assert_string_equal(out, strings[i].text);
	}
	assert_true(string_of(out, W32 W3 ABC));
	assert_string_equal(out, "abc");
	assert_true(string_of(out, W32 W3 "610a7f"));
	assert_string_equal(out, "a??");
	assert_true(string_of(out, W32 W33 ABC ABC)); /* longer than is kept */
	assert_int_equal(strlen(out), 31);
	assert_true(string_of(out, WTOP)); /* 32 bytes without a NUL */
	assert_string_equal(out, "???????????????????????????????");
	assert_false(string_of(out, ""));
	assert_false(string_of(out, "00"));
	assert_false(string_of(out, W32 "00"));
	assert_false(string_of(out, W32 W33 ABC));
	assert_false(
	    string_of(out, W33 W3 ABC)); /* the length word would cross the end */
	assert_false(string_of(out, W65 W0 W0));
	assert_false(string_of(out, WTOP W3 ABC));
	assert_false(string_of(out, W64TOP W3 ABC));
	assert_false(string_of(out, W32 WTOP ABC));
	assert_false(string_of(out, W32 W64TOP ABC));
	assert_true(string_of(out, W0 W0));
	assert_string_equal(out, "");
}

static void abi_bounds_a_reason(void **state)
{
	struct buf hex;
	char out[160];
	uint8_t *bytes;
	size_t len;

	(void)state;
	buf_init(&hex, 10000);
	buf_add_str(&hex, "08c379a0" W32);
	buf_addf(&hex, "%064x", 1000);
	for (int i = 0; i < 1000; i++)
		buf_add_str(&hex, i % 2 ? "1b" : "41");
	bytes = bytes_of(buf_text(&hex), &len);
	abi_revert_reason(out, bytes, len);
	assert_int_equal(strlen(out), 159);
	assert_memory_equal(out, "A?A?", 4);
	abi_revert_reason(out, bytes, len - 1);
	assert_string_equal(out, "error 0x08c379a0");
	free(bytes);
	buf_release(&hex);
}

static void abi_words(void **state)
{
	uint8_t word[32] = { [12] = 0xaa, [31] = 0xbb }, address[20];

	(void)state;
	assert_true(abi_word_address(address, word));
	assert_int_equal(address[0], 0xaa);
	assert_int_equal(address[19], 0xbb);
	for (int i = 0; i < 12; i++) {
		word[i] = 1;
		assert_false(abi_word_address(address, word));
		word[i] = 0;
	}
	assert_hex_is(abi_transfer_topic, 32,
	    "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
}

static void json_refuses(void **state)
{
	static const char *const bad[] = { "", " ", "{", "[1,]", "{\"a\":1,\"a\":2}",
		"{} x", "{}{}", "nul", "'a'", "\"\xff\"", "{\"a\":01}", "3", "[1e999]",
		"{\"a\":\"\\u0000\"}", "99999999999999999999" };
	char deep[5000];
	struct fail f = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		f = (struct fail){ 0 };
		assert_null(json_read(bad[i], strlen(bad[i]), &f));
		assert_int_equal(f.err, ERR_BAD_ANSWER);
	}
	assert_null(json_read("{\n\"a\" 1}", 8, &f));
	assert_memory_equal(f.why, "not JSON at line 2, column 5", 28);
	memset(deep, '[', sizeof deep);
	assert_null(json_read(deep, sizeof deep, &f));
	assert_null(json_read("{}", 1, NULL));
}

/* Three bytes are enough to make a value that takes hundreds. */
static void json_of_too_many_values_is_refused(void **state)
{
	size_t n = 3u << 20;
	char *text = malloc(3 * n + 2);
	struct fail f = { 0 };

	(void)state;
	assert_non_null(text);
	text[0] = '[';
	for (size_t i = 0; i < n; i++)
		memcpy(text + 1 + 3 * i, "{},", 3);
	text[3 * n] = ']';
	assert_null(json_read(text, 3 * n + 1, &f));
	assert_int_equal(f.err, ERR_BAD_ANSWER);
	free(text);
}

static void json_gets(void **state)
{
	static const char text[] =
	    "{\"s\":\"x\",\"i\":-5,\"b\":true,\"f\":1.0,\"n\":null,"
	    "\"h\":\"0x1f\",\"big\":\"0x10000000000000000\","
	    "\"bytes\":\"0xABcd\",\"dec\":\"31\"}";
	json_t *o = json_read(text, sizeof text - 1, NULL);
	struct amount a;
	uint8_t bytes[2];
	uint64_t u = 7;
	int64_t i = 7;
	bool b = false;

	(void)state;
	assert_non_null(o);
	assert_string_equal(json_str(o, "s"), "x");
	assert_null(json_str(o, "i"));
	assert_null(json_str(o, "none"));
	assert_null(json_str(NULL, "s"));
	assert_true(json_i64(o, "i", &i));
	assert_int_equal(i, -5);
	assert_false(json_i64(o, "f", &i));
	assert_false(json_i64(o, "h", &i));
	assert_true(json_bool(o, "b", &b));
	assert_true(b);
	assert_false(json_bool(o, "n", &b));
	assert_false(json_bool(o, "i", &b));
	assert_false(json_hex_u64(o, "dec", &u));
	assert_false(json_hex_u64(o, "big", &u));
	assert_false(json_hex_u64(o, "n", &u));
	assert_int_equal(u, 7);
	assert_true(json_hex_u64(o, "h", &u));
	assert_int_equal(u, 31);
	assert_true(json_hex_amount(o, "big", &a));
	assert_true(a.limb[0] == 0 && a.limb[1] == 1);
	assert_false(json_hex_amount(o, "s", &a));
	assert_true(json_hex_bytes(o, "bytes", bytes, 2));
	assert_memory_equal(bytes, "\xab\xcd", 2);
	assert_false(json_hex_bytes(o, "bytes", bytes, 1));
	assert_false(json_hex_bytes(o, "none", bytes, 2));
	json_decref(o);
}

/* -- URLs ------------------------------------------------------------------ */

static void part_is(const char *at, size_t len, const char *wanted)
{
	if (!wanted) {
		assert_null(at);
		return;
	}
	assert_non_null(at);
	assert_int_equal(len, strlen(wanted));
	assert_memory_equal(at, wanted, len);
}

static void url_has_parts(void **state)
{
	static const struct {
		const char *text, *user, *host, *host_port, *port, *path;
	} rows[] = {
		{ "http://h", NULL, "h", "h", NULL, "" },
		{ "https://h:1/a?b#c", NULL, "h", "h:1", "1", "/a?b#c" },
		{ "http://u:p@h:1/x@y:2", "u:p", "h", "h:1", "1", "/x@y:2" },
		{ "http://u@v@h?q", "u@v", "h", "h", NULL, "?q" },
		{ "http://[::1]:80/", NULL, "[::1]", "[::1]:80", "80", "/" },
		{ "http://u@[::1]", "u", "[::1]", "[::1]", NULL, "" },
		{ "http://h:", NULL, "h", "h:", "", "" },
		{ "http://", NULL, "", "", NULL, "" },
		{ "http://@:1", "", "", ":1", "1", "" },
		{ "h:1#f", NULL, "h", "h:1", "1", "#f" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct url u;

		url_split(&u, rows[i].text);
		part_is(u.user, u.user_len, rows[i].user);
		part_is(u.host, u.host_len, rows[i].host);
		part_is(u.host, u.host_port_len, rows[i].host_port);
		part_is(u.port, u.port_len, rows[i].port);
		assert_string_equal(u.path, rows[i].path);
	}
}

/* Whatever it is, its parts in their order are all of it. */
static void url_parts_are_the_whole(void **state)
{
	static const char letters[] = "a:/@[]?";
	char text[16] = "http://";

	(void)state;
	for (unsigned n = 0; n < 7 * 7 * 7 * 7 * 7 * 7; n++) {
		struct url u;
		const char *end;

		for (unsigned i = 0, rest = n; i < 6; i++, rest /= 7)
			text[7 + i] = letters[rest % 7];
		url_split(&u, text);
		end = u.user ? u.user + u.user_len : NULL;
		assert_true(u.user
			? u.user == text + 7 && u.host == end + 1 && *end == '@'
			: u.host == text + 7);
		end = u.host + u.host_len;
		assert_true(u.port ? u.port == end + 1 && *end == ':' &&
			    u.path == u.port + u.port_len
				   : u.path == end);
		assert_true(u.path == u.host + u.host_port_len);
		assert_true(!*u.path || strchr("/?#", *u.path));
	}
}

/* Those that libcurl would ask for, and that there can be. */
static void urls_are_those_that_can_be_asked(void **state)
{
	static const char *const good[] = { "http://h", "HTTPS://Host.example/",
		"https://a.b.c.example./x?k=@", "http://my_node:8545",
		"http://1.2.3.4:1/", "http://127.1/", "http://0x7f.1",
		"http://[::1]:65535/?a", "http://[fe80::1%25eth0]/", "http://u:p@h/",
		"https://xn--nxasmq6b/", "https://a-b/", "http://h/a%20b",
		"https://1password.example" };
	static const char *const bad[] = { "", "h", "ftp://h/", "http:/h", "http://",
		"http:///x", "https://h:99999/", "http://h:0", "http://h:abc",
		"http://h:", "http://h:-1", "http://h:8a", "http://[::1", "http://::1/",
		"http://[::1]x/", "http://[1.2.3.4]/", "http://[g::]/", "https://-/",
		"https://a..b/", "https://.a/", "https://a-/", "https://-a.b/",
		"https://./", "http://a b/", "http://h/\t", "http://\xc3\xa9/",
		"http://h\\@evil/", "http://127.0.0.%31/", "http://a%00b/",
		"http://1.2.3.999/", "http://1.2.3.4.5/", "http://4294967296/",
		"http://0x/", "http://@", "http://u@", "http://a,b/", "http://a@b@c/",
		"http://*.example/" };
	char name[300] = "http://";

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (url_fault(good[i]))
			fail_msg("%s: %s", good[i], url_fault(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!url_fault(bad[i]))
			fail_msg("%s", bad[i]);
	memset(name + 7, 'a', 64);
	assert_non_null(url_fault(name));
	name[7 + 63] = '\0';
	assert_null(url_fault(name));
	for (int at = 7; at < 7 + 253; at += 2)
		memcpy(name + at, "a.", 3);
	assert_null(url_fault(name));
	assert_non_null(strcat(name, "aa"));
	assert_non_null(url_fault(name));
}

static void what_is_secret_of_a_url_is_not_shown(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "https://h", "https://h" },
		{ "https://h:1/", "https://h:1/" },
		{ "https://h/T0/B0/key", "https://h/..." },
		{ "https://h?key", "https://h/..." },
		{ "HTTPS://[::1]:80/?k=@", "HTTPS://[::1]:80/..." },
		{ "http://u:pass@h/", "http://h/..." },
		{ "http://u:pa/ss@h/", "http://..." },
		{ "http://h\n/x", "http://..." },
		{ "ftp://h/x", "ftp://h/..." },
		{ "h/key", "" },
		{ "", "" },
	};
	char shown[URL_SHOWN_MAX], wide[600] = "http://";

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		url_shown(shown, rows[i].text);
		assert_string_equal(shown, rows[i].shown);
	}
	memset(wide + 7, 'a', 500);
	url_shown(shown, wide);
	assert_string_equal(shown, "http://...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_those_that_can_be_asked),
		cmocka_unit_test(what_is_secret_of_a_url_is_not_shown),
		cmocka_unit_test(rlp_writes_the_examples),
		cmocka_unit_test(rlp_writes_numbers),
		cmocka_unit_test(rlp_list_carries_overflow),
		cmocka_unit_test(rlp_reads_and_writes_as_ethers),
		cmocka_unit_test(rlp_refuses_what_is_not_canonical),
		cmocka_unit_test(rlp_refuses_long_lengths),
		cmocka_unit_test(rlp_never_reads_past_a_cut),
		cmocka_unit_test(rlp_reads_numbers),
		cmocka_unit_test(eip55_both_ways),
		cmocka_unit_test(eip55_sees_every_flip),
		cmocka_unit_test(eip55_takes_one_case),
		cmocka_unit_test(abi_calls_as_ethers),
		cmocka_unit_test(abi_refuses_other_calls),
		cmocka_unit_test(abi_reads_reverts),
		cmocka_unit_test(abi_reads_strings),
		cmocka_unit_test(abi_bounds_a_reason),
		cmocka_unit_test(abi_words),
		cmocka_unit_test(json_refuses),
		cmocka_unit_test(json_of_too_many_values_is_refused),
		cmocka_unit_test(json_gets),
		cmocka_unit_test(url_has_parts),
		cmocka_unit_test(url_parts_are_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
