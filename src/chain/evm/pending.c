/* What comes to a node's pool: a filter of it, and its news. */
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "chain/evm/evm.h"

static void word_init(struct node_word *word)
{
	*word = (struct node_word){ .err = ERR_OK, .note = NOTE_NONE };
}

static enum err refused(
    struct node_word *word, const struct rpc_reply *reply, struct fail *f)
{
	outcome_read(word, OF_READ, reply->error);
	return outcome_fail(OF_READ, reply->error, f);
}

/* No parameter: whole transactions, which some give for one, are asked of nobody. */
void evm_pending_filter(struct buf *body)
{
	struct rpc_batch b;

	rpc_begin_single(&b, body);
	rpc_call(&b, "eth_newPendingTransactionFilter");
	rpc_call_end(&b);
	rpc_end(&b);
}

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

enum err evm_pending_filter_read(struct pending_filter *ret, struct node_word *ret_word,
    const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, 1, answer, len, f);

	*ret = (struct pending_filter){ .id = "" };
	word_init(ret_word);
	if (err == ERR_OK && !a.replies[0].result)
		err = refused(ret_word, &a.replies[0], f);
	else if (err == ERR_OK && !id_parse(ret, json_string_value(a.replies[0].result)))
		err = fail_set(f, ERR_BAD_ANSWER, "the name of a filter is malformed");
	rpc_release(&a);
	return err;
}

void evm_pending_changes(struct buf *body, const struct pending_filter *filter)
{
	struct rpc_batch b;

	rpc_begin_single(&b, body);
	rpc_call(&b, "eth_getFilterChanges");
	rpc_text(&b, filter->id);
	rpc_call_end(&b);
	rpc_end(&b);
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

/* Hardhat says null of a filter that it does not have. */
static enum err lost(struct node_word *word, struct fail *f)
{
	*word = (struct node_word){ .err = ERR_NODE_REFUSED, .note = NOTE_FILTER_LOST };
	return fail_set(f, ERR_NODE_REFUSED, "the node does not have this filter");
}

enum err evm_pending_changes_read(struct pending *ret, struct node_word *ret_word,
    const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, 1, answer, len, f);
	const struct rpc_reply *reply = a.replies;

	*ret = (struct pending){ .n = 0 };
	word_init(ret_word);
	if (err == ERR_OK && !reply->result)
		err = refused(ret_word, reply, f);
	else if (err == ERR_OK && json_is_null(reply->result))
		err = lost(ret_word, f);
	else if (err == ERR_OK)
		err = hashes_parse(ret, reply->result, f);
	rpc_release(&a);
	if (err != ERR_OK) {
		mem_free(ret->hash);
		*ret = (struct pending){ .n = 0 };
	}
	return err;
}
