/* rpc.h - JSON-RPC 2.0 over HTTP: batches written by hand, answers read strictly.
 *
 * The calls of a batch have the ids 0 to n - 1. A reply is found by its id, whatever
 * the order; an id that is missing, foreign or said twice has no reply, which means
 * UNKNOWN. An error object in place of a batch (nodes answer so when a limit is hit)
 * is the reply to all of them.
 */
#ifndef PAWL_CHAIN_RPC_H
#define PAWL_CHAIN_RPC_H

#include <jansson.h>

#include "base/amount.h"
#include "base/buf.h"

/* -- writing --------------------------------------------------------------- */

struct rpc_batch {
	struct buf *out;
	uint32_t calls;
	uint32_t params; /* of the call under way */
	bool single;     /* one call, no brackets */
};

void rpc_begin(struct rpc_batch *b, struct buf *out);
void rpc_begin_single(struct rpc_batch *b, struct buf *out);
void rpc_end(struct rpc_batch *b); /* an empty batch is a bug (CHECK) */
/* All of it: this call alone, with no parameters. */
void rpc_ask(struct buf *out, const char *method);

/* rpc_call, its parameters in order, rpc_call_end. */
void rpc_call(struct rpc_batch *b, const char *method);
void rpc_call_end(struct rpc_batch *b);
void rpc_text(struct rpc_batch *b, const char *plain); /* needs no escapes */
void rpc_bytes(struct rpc_batch *b, const void *data, size_t len);
void rpc_u64(struct rpc_batch *b, uint64_t v); /* "0x1f" */
void rpc_json(struct rpc_batch *b, const char *json);

/* -- reading --------------------------------------------------------------- */

struct rpc_reply {
	const json_t *result; /* may be JSON null */
	const json_t *error;  /* an object; both NULL: no reply */
};

struct rpc_answer {
	json_t *root;
	struct rpc_reply *replies; /* n of them; they borrow from root */
	uint32_t n;
};

/* ERR_BAD_ANSWER when it is no JSON-RPC at all. Release it in either case. */
enum err rpc_read(
    struct rpc_answer *ret, uint32_t n, const char *text, size_t len, struct fail *f);
void rpc_release(struct rpc_answer *a);

/* JSON strings as values; false for anything else. */
bool rpc_is_null(const json_t *v);
bool rpc_as_u64(const json_t *v, uint64_t *ret);
bool rpc_as_u63(const json_t *v, uint64_t *ret); /* as a journal holds numbers */
bool rpc_as_amount(const json_t *v, struct amount *ret);
bool rpc_as_bytes(const json_t *v, void *out, size_t len); /* exactly len */

/* Text from outside, made fit for a terminal: printable ASCII, cut to size. */
void rpc_printable(char *out, size_t size, const char *text);

#endif
