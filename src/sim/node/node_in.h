/* node_in.h - inside a node: one call on its way, shared by its files.
 *
 *   node.c         what it is, blocks, receipts, state, sends; calls and batches
 *   node_call.c    eth_call and eth_estimateGas
 *   node_fees.c    what a transaction would pay
 *   node_filter.c  what came to its pool
 *   node_param.c   parameters into values
 *   node_json.c    a request's text
 */
#ifndef PAWL_SIM_NODE_IN_H
#define PAWL_SIM_NODE_IN_H

#include "sim/node/node.h"
#include "sim/node/shape.h"

#define CODE_PARSE (-32700)
#define CODE_REQUEST (-32600)
#define CODE_NO_METHOD (-32601)
#define CODE_PARAMS (-32602)
#define CODE_SERVER (-32000)
#define CODE_REVERT 3

enum value_kind {
	VALUE_NULL,
	VALUE_FALSE,
	VALUE_TRUE,
	VALUE_NUMBER,
	VALUE_TEXT,
	VALUE_ARRAY,
	VALUE_OBJECT
};

/* A value of a request. What it consists of stands behind it in the same array. */
struct value {
	enum value_kind kind;
	uint32_t n, span; /* elements or members; values in all, with itself */
	union {
		const char *text; /* its escapes are left as they are */
		int64_t number;   /* without its fraction */
	};
};

/* The text, which has a NUL at its end, is cut up and must outlive the values; mem_free()
 * them. NULL: it is no JSON. Nearly all of it comes from us, and little time is lost. */
struct value *values_read(char *text, size_t len);
/* NULL is of no kind, and has nothing. */
bool value_is(const struct value *v, enum value_kind kind);
const struct value *value_at(const struct value *array, size_t at);
const struct value *value_of(const struct value *object, const char *key);
const char *value_text(const struct value *v);

/* A method appends its result to `out`, or refuses: then the error is the answer. */
struct call {
	struct sim_node *node;
	struct sim_chain *chain;
	struct sim_block *tip; /* the block that the node calls latest */
	const struct value *params;
	struct buf *out;
	int code; /* of the error; 0: none */
	char message[240];
	struct buf data; /* of the error */
};

#define M(method) void do_##method(struct call *q);
SIM_METHODS
#undef M

void PRINTF(3, 4) call_refuse(struct call *q, int code, const char *fmt, ...);
struct sim_slant call_slant(const struct call *q);
enum sim_code call_code_at(const struct call *q, const struct address *at);

/* Each refuses what does not fit; a block may be NULL without that: it is not known. */
const char *param_text(struct call *q, size_t at); /* never NULL */
bool param_bytes(struct call *q, size_t at, void *out, size_t len);
/* Hex of any length up to a bound; mem_free() it. */
uint8_t *param_hex(struct call *q, const char *text, size_t *ret_len);
struct sim_block *param_block_by_hash(struct call *q, const char *text);
struct sim_block *param_block_by_tag(struct call *q, const char *text);
/* A tag, a height, a hash, or an object with one of the latter. */
struct sim_block *param_block(struct call *q, size_t at);
/* The block whose state is asked for; NULL: refused. */
struct sim_block *param_state(struct call *q, size_t at);

#endif
