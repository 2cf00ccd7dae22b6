/* What comes to a node's pool: a filter of it, and its news. */
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "chain/evm/evm.h"

/* -- written ---------------------------------------------------------------- */

/* No parameter where one is made: whole transactions, which some give for one, are asked
 * of nobody. */
static void pending_call(struct rpc_batch *b, const struct pending_filter *filter)
{
	bool make = !*filter->id;

	rpc_call(b, make ? "eth_newPendingTransactionFilter" : "eth_getFilterChanges");
	if (!make)
		rpc_text(b, filter->id);
	rpc_call_end(b);
}

void evm_look(struct buf *body, const struct pending_filter *filter,
    const struct hash *hashes, uint32_t n)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	pending_call(&b, filter);
	evm_by_hash(&b, "eth_getTransactionByHash", hashes, n);
	rpc_end(&b);
}

/* -- read ------------------------------------------------------------------- */

/* It is said back to the node as it came, and so has to be what it should be. */
static bool id_parse(struct pending_filter *ret, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len < 3 || len >= sizeof ret->id || strncmp(text, "0x", 2) != 0 ||
	    hex_span(text + 2, len - 2) != len - 2)
		return false;
	memcpy(ret->id, text, len + 1);
	return true;
}

static enum err hashes_parse(struct pending *ret, const json_t *list, struct fail *f)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > PENDING_MAX)
		return fail_set(f, ERR_BAD_ANSWER,
		    "what is new in its pool is no list, or of more than %d",
		    PENDING_MAX);
	ret->hash = mem_array(n ? n : 1, sizeof *ret->hash);
	for (; ret->n < n; ret->n++)
		if (!rpc_as_bytes(json_array_get(list, ret->n), ret->hash[ret->n].at,
			sizeof ret->hash->at))
			return fail_set(f, ERR_BAD_ANSWER,
			    "what is new in its pool is not told by hashes");
	return ERR_OK;
}

static enum err refused(struct pending *ret, const json_t *error, struct fail *f)
{
	outcome_read(&ret->word, OF_READ, error);
	return outcome_fail(OF_READ, error, f);
}

/* Hardhat says null of a filter that it does not have. */
static enum err lost(struct pending *ret, struct fail *f)
{
	ret->word =
	    (struct node_word){ .err = ERR_NODE_REFUSED, .note = NOTE_FILTER_LOST };
	return fail_set(f, ERR_NODE_REFUSED, "the node does not have this filter");
}

static enum err pending_parse(struct pending *ret, const struct pending_filter *filter,
    const struct rpc_reply *reply, struct fail *f)
{
	if (!reply->result)
		return refused(ret, reply->error, f);
	if (*filter->id)
		return json_is_null(reply->result) ? lost(ret, f)
						   : hashes_parse(ret, reply->result, f);
	if (!id_parse(&ret->filter, json_string_value(reply->result)))
		return fail_set(f, ERR_BAD_ANSWER, "the name of a filter is malformed");
	return ERR_OK;
}

enum err evm_look_read(struct whole_tx *ret, struct pending *ret_news,
    const struct pending_filter *filter, uint32_t n, const char *answer, size_t len,
    struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, n + 1, answer, len, f);

	*ret_news = (struct pending){ .err = err, .filter = *filter };
	if (err == ERR_OK)
		ret_news->err = pending_parse(ret_news, filter, &a.replies[0], NULL);
	if (ret_news->err != ERR_OK) {
		mem_free(ret_news->hash);
		ret_news->hash = NULL;
		ret_news->n = 0;
	}
	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		err = evm_transaction_reply(&ret[i], &a.replies[i + 1], f);
	rpc_release(&a);
	return err;
}
