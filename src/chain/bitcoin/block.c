/* What is in a block: the hashes of its transactions, where they are asked for. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "chain/bitcoin/bitcoin.h"
#include "codec/json.h"
#include "crypto/sha256.h"

enum { BLOCK_RAW, BLOCK_LIST, BLOCK_CALLS };

void bitcoin_block(struct buf *body, const struct block_question *q)
{
	struct rpc_batch b;

	CHECK(!q->at_height);
	rpc_begin(&b, body);
	rpc_call(&b, "getblockheader");
	bitcoin_hash_param(&b, &q->hash);
	rpc_json(&b, "false");
	rpc_call_end(&b);
	rpc_call(&b, q->every ? "getblock" : "getblockheader");
	bitcoin_hash_param(&b, &q->hash);
	rpc_json(&b, q->every ? "1" : "true");
	rpc_call_end(&b);
	rpc_end(&b);
}

/* -- the Merkle root ---------------------------------------------------------------- */

static void turn(uint8_t out[32], const struct hash *h)
{
	for (size_t i = 0; i < sizeof h->at; i++)
		out[i] = h->at[sizeof h->at - 1 - i];
}

static void join(struct hash *ret, const struct hash *left, const struct hash *right)
{
	uint8_t both[64], once[32];
	struct hash twice;

	turn(both, left);
	turn(both + 32, right);
	sha256(once, both, sizeof both);
	sha256(twice.at, once, sizeof once);
	turn(ret->at, &twice);
}

/* The last of an odd number is joined with itself. So a list that has its end twice gives
 * the same root as one that has it once. */
bool bitcoin_merkle_root(struct hash *ret, struct hash *tx, uint32_t n)
{
	bool twice = false;

	CHECK(n > 0);
	for (; n > 1; n = (n + 1) / 2)
		for (uint32_t i = 0; i < n; i += 2) {
			const struct hash *right = i + 1 < n ? &tx[i + 1] : &tx[i];

			twice |= i + 1 < n && hash_same(&tx[i], right);
			join(&tx[i / 2], &tx[i], right);
		}
	*ret = tx[0];
	return !twice || MUTANT(merkle_tail_twice);
}

/* -- the answer --------------------------------------------------------------------- */

static bool root_fits(const struct block_facts *b, const struct hash *root)
{
	struct hash *tx = mem_array(b->every_n, sizeof *tx), computed;
	bool fits;

	for (uint32_t i = 0; i < b->every_n; i++)
		tx[i] = b->every[i].hash;
	fits =
	    bitcoin_merkle_root(&computed, tx, b->every_n) && hash_same(&computed, root);
	mem_free(tx);
	return fits || MUTANT(block_list_believed);
}

static bool list_parse(struct block_facts *b, const json_t *list, const struct hash *root)
{
	size_t n = json_array_size(list);

	if (!n || n > UINT32_MAX / 2)
		return false;
	b->every = mem_array(n, sizeof *b->every);
	b->every_n = (uint32_t)n;
	b->has_every = true;
	for (size_t i = 0; i < n; i++) {
		b->every[i].status = TX_OK;
		if (!bitcoin_hash_read(&b->every[i].hash, json_array_get(list, i)))
			return false;
	}
	return root_fits(b, root);
}

/* What is known of it already must be said again. */
static bool head_fits(struct head *head, const struct block_question *q,
    const struct bitcoin_raw *raw, const json_t *told)
{
	struct hash hash;
	int64_t height;

	if (!json_i64(told, "height", &height) || height < 0 ||
	    (uint64_t)height != q->height ||
	    !bitcoin_hash_read(&hash, json_object_get(told, "hash")))
		return false;
	if (!hash_same(&hash, &q->hash) || !hash_same(&raw->hash, &q->hash))
		return false;
	if (hash_same(&head->hash, &q->hash) && !hash_same(&head->parent, &raw->parent))
		return false;
	*head = (struct head){
		.height = q->height, .hash = q->hash, .parent = raw->parent, .used = true
	};
	return true;
}

static enum err facts_read(struct block_facts *ret, struct node_word *ret_word,
    const struct block_question *q, const struct rpc_reply *replies, struct fail *f)
{
	struct bitcoin_raw raw;

	for (int i = 0; i < BLOCK_CALLS; i++)
		if (!replies[i].result)
			return bitcoin_fail(replies[i].error, ret_word, f);
	if (!bitcoin_raw_read(&raw, replies[BLOCK_RAW].result) ||
	    !head_fits(&ret->head, q, &raw, replies[BLOCK_LIST].result))
		return fail_set(f, ERR_BAD_ANSWER, "a header is malformed");
	if (q->every &&
	    !list_parse(
		ret, json_object_get(replies[BLOCK_LIST].result, "tx"), &raw.merkle_root))
		return fail_set(f, ERR_BAD_ANSWER,
		    "the transactions of a block are not those of its header");
	ret->accounts_n = q->watched_n; /* of whom nothing is said */
	ret->accounts = mem_array(q->watched_n ? q->watched_n : 1, sizeof *ret->accounts);
	block_facts_digest(ret);
	return ERR_OK;
}

enum err bitcoin_block_read(struct block_facts *ret, struct node_word *ret_word,
    const struct block_question *q, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, BLOCK_CALLS, answer, len, f);

	*ret_word = (struct node_word){ .note = NOTE_NONE };
	if (err == ERR_OK)
		err = facts_read(ret, ret_word, q, a.replies, f);
	if (err != ERR_OK)
		block_facts_release(ret);
	rpc_release(&a);
	return err;
}
