#include "chain/rpc.h"

#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "codec/json.h"

#define HASH_DIGITS 64

/* -- writing --------------------------------------------------------------- */

void rpc_begin(struct rpc_batch *b, struct buf *out)
{
	*b = (struct rpc_batch){ .out = out };
	buf_add_byte(out, '[');
}

void rpc_begin_single(struct rpc_batch *b, struct buf *out)
{
	*b = (struct rpc_batch){ .out = out, .single = true };
}

void rpc_end(struct rpc_batch *b)
{
	CHECK(b->calls > 0);
	if (!b->single)
		buf_add_byte(b->out, ']');
}

void rpc_call(struct rpc_batch *b, const char *method)
{
	CHECK(b->calls == 0 || !b->single);
	if (b->calls)
		buf_add_byte(b->out, ',');
	buf_add_str(b->out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_add_u64(b->out, b->calls++);
	buf_add_str(b->out, ",\"method\":\"");
	buf_add_str(b->out, method);
	buf_add_str(b->out, "\",\"params\":[");
	b->params = 0;
}

void rpc_call_end(struct rpc_batch *b)
{
	buf_add_str(b->out, "]}");
}

void rpc_ask(struct buf *out, const char *method)
{
	struct rpc_batch b;

	rpc_begin_single(&b, out);
	rpc_call(&b, method);
	rpc_call_end(&b);
	rpc_end(&b);
}

static void param_begin(struct rpc_batch *b)
{
	if (b->params++)
		buf_add_byte(b->out, ',');
}

void rpc_json(struct rpc_batch *b, const char *json)
{
	param_begin(b);
	buf_add_str(b->out, json);
}

void rpc_text(struct rpc_batch *b, const char *plain)
{
	param_begin(b);
	buf_add_byte(b->out, '"');
	buf_add_str(b->out, plain);
	buf_add_byte(b->out, '"');
}

void rpc_bytes(struct rpc_batch *b, const void *data, size_t len)
{
	param_begin(b);
	buf_add_str(b->out, "\"0x");
	buf_add_hex(b->out, data, len);
	buf_add_byte(b->out, '"');
}

void rpc_u64(struct rpc_batch *b, uint64_t v)
{
	char text[67];
	struct amount a = amount_u64(v);

	amount_format_hex(text, &a);
	rpc_text(b, text);
}

/* -- reading --------------------------------------------------------------- */

static bool reply_parse(struct rpc_reply *ret, const json_t *entry)
{
	const json_t *error = json_object_get(entry, "error");
	const json_t *result = json_object_get(entry, "result");

	if (error && json_is_null(error))
		error = NULL;
	if (error && !json_is_object(error))
		return false;
	if (error && result && !json_is_null(result))
		return false;
	ret->error = error;
	ret->result = error ? NULL : result;
	return true;
}

static bool entry_id(const json_t *entry, uint32_t n, uint32_t *ret)
{
	const json_t *id = json_object_get(entry, "id");

	if (!json_is_integer(id) || json_integer_value(id) < 0 ||
	    json_integer_value(id) >= (json_int_t)n)
		return false;
	*ret = (uint32_t)json_integer_value(id);
	return true;
}

/* seen: one byte an id, so that the second reply to it takes the first one back. */
static void entry_take(struct rpc_answer *a, uint8_t *seen, const json_t *entry)
{
	uint32_t id;
	struct rpc_reply reply = { 0 };

	if (!json_is_object(entry) || !entry_id(entry, a->n, &id))
		return;
	if (!reply_parse(&reply, entry) || seen[id])
		reply = (struct rpc_reply){ 0 };
	seen[id] = 1;
	a->replies[id] = reply;
}

static void batch_take(struct rpc_answer *a)
{
	uint8_t *seen = mem_new(a->n);

	for (size_t i = 0; i < json_array_size(a->root); i++)
		entry_take(a, seen, json_array_get(a->root, i));
	mem_free(seen);
}

static void object_take(struct rpc_answer *a)
{
	struct rpc_reply reply = { 0 };
	uint32_t id;

	if (!reply_parse(&reply, a->root))
		return;
	if (reply.error) {
		for (uint32_t i = 0; i < a->n; i++)
			a->replies[i] = reply;
	} else if (entry_id(a->root, a->n, &id)) {
		a->replies[id] = reply;
	}
}

/* Digits that nobody reads and the parser would look at one by one: where they end. */
typedef char *pass_fn(char *at, const char *end);

/* More than half of a receipt is its bloom. */
static char *bloom_pass(char *at, const char *end)
{
	return at + hex_span(at, (size_t)(end - at));
}

/* Nearly all of a header is the hashes of its transactions. The last one stays: such a
 * list is not an empty one. */
static char *hashes_pass(char *at, const char *end)
{
	static const char next[] = "\",\"0x";
	size_t len = sizeof next - 1;

	while ((size_t)(end - at) > HASH_DIGITS + len &&
	    hex_span(at, HASH_DIGITS) == HASH_DIGITS &&
	    !memcmp(at + HASH_DIGITS, next, len))
		at += HASH_DIGITS + len;
	return at;
}

/* In place, what pass passes over behind each key; returns what is left. */
static size_t cut(char *text, size_t len, const char *key, pass_fn *pass)
{
	char *to = text, *at = text, *end = text + len, *digits;

	while ((digits = memmem(at, (size_t)(end - at), key, strlen(key)))) {
		digits += strlen(key);
		memmove(to, at, (size_t)(digits - at));
		to += digits - at;
		at = pass(digits, end);
	}
	memmove(to, at, (size_t)(end - at));
	return (size_t)(to - text) + (size_t)(end - at);
}

static json_t *answer_read(const char *text, size_t len, struct fail *f)
{
	char *slim = mem_copy(text, len);
	json_t *root;

	len = cut(slim, len, "\"logsBloom\":\"0x", bloom_pass);
	len = cut(slim, len, "\"transactions\":[\"0x", hashes_pass);
	root = json_read(slim, len, f);
	mem_free(slim);
	return root;
}

enum err rpc_read(
    struct rpc_answer *ret, uint32_t n, const char *text, size_t len, struct fail *f)
{
	CHECK(n > 0);
	*ret = (struct rpc_answer){ .n = n };
	ret->root = answer_read(text, len, f);
	if (!ret->root)
		return ERR_BAD_ANSWER;
	ret->replies = mem_array(n, sizeof *ret->replies);
	if (json_is_array(ret->root))
		batch_take(ret);
	else if (json_is_object(ret->root))
		object_take(ret);
	else
		return fail_set(f, ERR_BAD_ANSWER, "the answer is no JSON-RPC");
	return ERR_OK;
}

void rpc_release(struct rpc_answer *a)
{
	json_decref(a->root);
	mem_free(a->replies);
	*a = (struct rpc_answer){ 0 };
}

bool rpc_is_null(const json_t *v)
{
	return !v || json_is_null(v);
}

bool rpc_as_u64(const json_t *v, uint64_t *ret)
{
	const char *text = json_string_value(v);

	return text && hex_parse_u64(ret, text);
}

bool rpc_as_u63(const json_t *v, uint64_t *ret)
{
	return rpc_as_u64(v, ret) && *ret <= INT64_MAX;
}

bool rpc_as_amount(const json_t *v, struct amount *ret)
{
	const char *text = json_string_value(v);

	return text && amount_parse_hex(ret, text);
}

bool rpc_as_bytes(const json_t *v, void *out, size_t len)
{
	const char *text = json_string_value(v);

	return text && hex_parse_0x(out, len, text);
}

void rpc_printable(char *out, size_t size, const char *text)
{
	size_t i = 0;

	for (; text[i] && i + 1 < size; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = '\0';
}
