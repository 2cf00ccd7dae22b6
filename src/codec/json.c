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

json_t *json_read(const char *text, size_t len, struct fail *f)
{
	json_error_t at;
	json_t *root;

	if (is_too_many(text, len)) {
		fail_set(f, ERR_BAD_ANSWER, "more than %d values", VALUES_MAX);
		return NULL;
	}
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
	if (!root)
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
