#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "sim/node/node_in.h"

#define DATA_BYTES_MAX 131072

void call_refuse(struct call *q, int code, const char *fmt, ...)
{
	va_list args;

	q->code = code;
	va_start(args, fmt);
	vsnprintf(q->message, sizeof q->message, fmt, args);
	va_end(args);
}

const char *param_text(struct call *q, size_t at)
{
	const char *text = value_text(value_at(q->params, at));

	if (!text)
		call_refuse(
		    q, CODE_PARAMS, "missing value for required argument %zu", at);
	return text ? text : "";
}

bool param_bytes(struct call *q, size_t at, void *out, size_t len)
{
	const char *text = param_text(q, at);

	if (!q->code && !hex_parse_0x(out, len, text))
		call_refuse(q, CODE_PARAMS,
		    "invalid argument %zu: hex string has wrong length", at);
	return !q->code;
}

uint8_t *param_hex(struct call *q, const char *text, size_t *ret_len)
{
	size_t digits = strlen(text) > 2 ? strlen(text) - 2 : 0;
	uint8_t *bytes;

	*ret_len = digits / 2;
	if (digits % 2 || digits / 2 > DATA_BYTES_MAX) {
		call_refuse(
		    q, CODE_PARAMS, "invalid argument 0: hex string of odd length");
		return NULL;
	}
	bytes = mem_new(digits / 2 + 1);
	if (hex_parse_0x(bytes, digits / 2, text))
		return bytes;
	call_refuse(q, CODE_PARAMS, "invalid argument 0: invalid hex string");
	mem_free(bytes);
	return NULL;
}

/* What the node calls final; NULL: it knows none. */
static struct sim_block *finalized(const struct call *q)
{
	struct sim_finality f =
	    q->node->own_finality ? q->node->finality : q->chain->options.finality;
	uint64_t head = q->tip->height;

	switch (f.rule) {
	case SIM_FINAL_DEPTH:
		return sim_block_at(q->chain, q->tip, head > f.n ? head - f.n : 0);
	case SIM_FINAL_STUCK:
		return sim_block_at(q->chain, q->tip, head < f.n ? head : f.n);
	case SIM_FINAL_LATEST:
		return q->tip;
	case SIM_FINAL_NULL:
		return NULL;
	}
	return NULL;
}

struct sim_block *param_block_by_hash(struct call *q, const char *text)
{
	struct sim_block *b;
	struct hash hash, told;

	if (!hex_parse_0x(hash.at, sizeof hash.at, text)) {
		call_refuse(
		    q, CODE_PARAMS, "invalid argument: hex string has wrong length");
		return NULL;
	}
	b = sim_block_at(q->chain, q->tip, 0);
	told = sim_told_hash(b, call_slant(q));
	if (memcmp(&hash, &told, sizeof hash) == 0)
		return b;
	if (q->node->other_genesis && memcmp(&hash, &b->hash, sizeof hash) == 0)
		return NULL;
	b = sim_block_find(q->chain, &hash);
	if (!b || (!sim_on_path(q->chain, q->tip, b) && !q->node->keeps_orphans))
		return NULL;
	return b->height <= q->tip->height ? b : NULL;
}

struct sim_block *param_block_by_tag(struct call *q, const char *text)
{
	uint64_t height;

	if (strcmp(text, "latest") == 0 || strcmp(text, "pending") == 0)
		return q->tip;
	if (strcmp(text, "earliest") == 0)
		return sim_block_at(q->chain, q->tip, 0);
	if (strcmp(text, "finalized") == 0 || strcmp(text, "safe") == 0)
		return finalized(q);
	if (hex_parse_u64(&height, text))
		return sim_block_at(q->chain, q->tip, height);
	call_refuse(q, CODE_PARAMS, "invalid argument: hex string without 0x prefix");
	return NULL;
}

struct sim_block *param_block(struct call *q, size_t at)
{
	const struct value *v = value_at(q->params, at);
	const char *text = value_text(v);
	const char *hash = value_text(value_of(v, "blockHash"));
	const char *number = value_text(value_of(v, "blockNumber"));

	if (!v || value_is(v, VALUE_NULL))
		return q->tip;
	if (text && strlen(text) == 66)
		hash = text;
	if (hash && q->node->no_hash_param) {
		call_refuse(q, CODE_PARAMS,
		    "invalid argument %zu: json: cannot unmarshal object into Go value "
		    "of type string",
		    at);
		return NULL;
	}
	if (hash)
		return param_block_by_hash(q, hash);
	if (!text && !number) {
		call_refuse(q, CODE_PARAMS, "invalid argument %zu: no block", at);
		return NULL;
	}
	return param_block_by_tag(q, text ? text : number);
}

struct sim_block *param_state(struct call *q, size_t at)
{
	struct sim_block *b = param_block(q, at);
	char hash[65];

	if (q->code)
		return NULL;
	if (!b) {
		call_refuse(q, CODE_SERVER, "header not found");
		return NULL;
	}
	if (q->node->state_depth && q->tip->height - b->height > q->node->state_depth) {
		if (q->node->state_denied) {
			call_refuse(q, CODE_SERVER, "header not found");
			return NULL;
		}
		hex_format(hash, b->hash.at, sizeof b->hash.at);
		call_refuse(q, CODE_SERVER,
		    "missing trie node %s (path ) state 0x%s is not available", hash,
		    hash);
		return NULL;
	}
	if (q->node->state_after && b->height < q->tip->height)
		return sim_block_at(q->chain, q->tip, b->height + 1);
	return b;
}
