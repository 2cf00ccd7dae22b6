#include "codec/json.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/utf8.h"

/* So many values take half a gigabyte at most, and are more than any block's. */
#define VALUES_MAX (2 << 20)

/* All values but the first have a comma before them, or open what is one deeper. */
static bool is_too_many(const char *text, size_t len)
{
	const char *at = text, *end = text + len;

	for (int n = 0; (at = memchr(at, ',', (size_t)(end - at))); at++)
		if (++n > VALUES_MAX)
			return true;
	return false;
}

static bool is_of_number(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' ||
	    c == 'E';
}

static void shorten(char out[JSON_SHOWN_MAX], const char *text, size_t len)
{
	size_t n = len < JSON_SHOWN_MAX - 3 ? len : JSON_SHOWN_MAX - 3;

	memcpy(out, text, n);
	memcpy(out + n, "..", 3);
	if (n == len)
		out[n] = '\0';
	utf8_plain(out);
}

/* Up to `end`, where reading stopped: the name before the colon before it. */
static void number_fault(const char *text, size_t end, struct fail *f)
{
	char number[JSON_SHOWN_MAX], name[JSON_SHOWN_MAX];
	size_t at, from;

	while (end && !is_of_number(text[end - 1]))
		end--;
	for (at = end; at && is_of_number(text[at - 1]);)
		at--;
	shorten(number, text + at, end - at);
	while (at && (text[at - 1] == ' ' || text[at - 1] == ':'))
		at--;
	at = at && text[at - 1] == '"' ? at - 1 : 0; /* else it is no member's */
	for (from = at; from && text[from - 1] != '"';)
		from--;
	shorten(name, text + from, at - from);
	fail_set(f, ERR_BAD_ANSWER,
	    "%s%sthe number %s is out of range: a whole one without quotes is "
	    "-9223372036854775808 to 9223372036854775807",
	    name, *name ? ": " : "", number);
}

json_t *json_read(const char *text, size_t len, struct fail *f)
{
	json_error_t at;
	json_t *root;

	if (is_too_many(text, len)) {
		fail_set(f, ERR_BAD_ANSWER, "more than %d values", VALUES_MAX);
		return NULL;
	}
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
	if (!root && json_error_code(&at) == json_error_numeric_overflow)
		number_fault(
		    text, (size_t)at.position < len ? (size_t)at.position : len, f);
	else if (!root)
		fail_set(f, ERR_BAD_ANSWER, "not JSON at line %d, column %d: %s", at.line,
		    at.column, at.text);
	return root;
}

void json_line_add(struct buf *out, json_t *o)
{
	char *text;

	CHECK(o);
	text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	CHECK(text);
	buf_add_str(out, text);
	buf_add_str(out, "\n");
	mem_free(text);
	json_decref(o);
}

const char *json_shown(char out[JSON_SHOWN_MAX], const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	shorten(out, text ? text : "", text ? strlen(text) : 0);
	mem_free(text);
	return out;
}

json_t *json_text(const char *text)
{
	char *plain;
	json_t *o;

	if (!text)
		return json_null();
	plain = mem_str(text);
	utf8_plain(plain);
	o = json_string(plain);
	CHECK(o);
	mem_free(plain);
	return o;
}

const char *json_str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool json_i64(const json_t *object, const char *key, int64_t *ret)
{
	const json_t *v = json_object_get(object, key);

	if (!json_is_integer(v))
		return false;
	*ret = json_integer_value(v);
	return true;
}

bool json_bool(const json_t *object, const char *key, bool *ret)
{
	const json_t *v = json_object_get(object, key);

	if (!json_is_boolean(v))
		return false;
	*ret = json_is_true(v);
	return true;
}

bool json_hex_u64(const json_t *object, const char *key, uint64_t *ret)
{
	const char *text = json_str(object, key);

	return text && hex_parse_u64(ret, text);
}

bool json_hex_u63(const json_t *object, const char *key, uint64_t *ret)
{
	return json_hex_u64(object, key, ret) && *ret <= INT64_MAX;
}

bool json_hex_amount(const json_t *object, const char *key, struct amount *ret)
{
	const char *text = json_str(object, key);

	return text && amount_parse_hex(ret, text);
}

bool json_hex_bytes(const json_t *object, const char *key, void *out, size_t len)
{
	const char *text = json_str(object, key);

	return text && hex_parse_0x(out, len, text);
}
