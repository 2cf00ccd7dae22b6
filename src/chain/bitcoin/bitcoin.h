/* bitcoin.h - the connector to Bitcoin, over the JSON-RPC of bitcoind: read only.
 *
 * It follows blocks, and reads which transactions are in them; it signs and sends
 * nothing yet, and looks no transaction up by its hash, for which nodes need an index
 * that few of them keep. What each function does is said in chain/chain.h.
 *
 * A hash is in the order of its bytes in which nodes print it. What a node says of a
 * block is checked against its hash: the header's 80 bytes give the hash and the parent,
 * and the transactions of a block give the header's Merkle root. So of a hash that is
 * believed nothing else is a matter of belief, but for its height.
 */
#ifndef PAWL_CHAIN_BITCOIN_BITCOIN_H
#define PAWL_CHAIN_BITCOIN_BITCOIN_H

#include <jansson.h>

#include "chain/chain.h"
#include "chain/rpc.h"

#define BITCOIN_HEADER_LEN 80

/* -- outcome.c: what a node's error means; its table is outcome.def ------------------ */

/* Is this the node's way to say that it has no such block? */
bool bitcoin_absent(const json_t *error);

/* error NULL: there is no reply. Never OK. ret_word may be NULL. */
enum err bitcoin_fail(const json_t *error, struct node_word *ret_word, struct fail *f);

/* -- header.c ----------------------------------------------------------------------- */

void bitcoin_identity(struct buf *body);
enum err bitcoin_identity_read(
    struct identity *ret, const char *answer, size_t len, struct fail *f);
/* The height of the node's head. */
void bitcoin_count(struct buf *body);
enum err bitcoin_count_read(
    uint64_t *ret, const char *answer, size_t len, struct fail *f);
void bitcoin_client(struct buf *body);
enum err bitcoin_client_read(
    char ret[CLIENT_MAX], const char *answer, size_t len, struct fail *f);
void bitcoin_poll(struct buf *body);
void bitcoin_header(struct buf *body, const struct hash *hash);
/* Hashes at heights, in one batch. */
void bitcoin_headers_at(struct buf *body, const uint64_t *heights, uint32_t n);
enum err bitcoin_hashes_read(struct hash *ret, bool *ret_known, uint32_t n,
    const char *answer, size_t len, struct fail *f);
/* Headers by hash, in one batch. */
void bitcoin_headers(struct buf *body, const struct hash *hashes, uint32_t n);
enum err bitcoin_headers_read(struct head *ret, bool *ret_known, uint32_t n,
    const char *answer, size_t len, struct fail *f);

/* A header as it is hashed: 160 digits. */
struct bitcoin_raw {
	struct hash hash, parent, merkle_root;
};

bool bitcoin_raw_read(struct bitcoin_raw *ret, const json_t *hex);
bool bitcoin_hash_read(struct hash *ret, const json_t *hex);
void bitcoin_hash_param(struct rpc_batch *b, const struct hash *hash);

/* -- block.c ------------------------------------------------------------------------ */

void bitcoin_block(struct buf *body, const struct block_question *q);
enum err bitcoin_block_read(struct block_facts *ret, struct node_word *ret_word,
    const struct block_question *q, const char *answer, size_t len, struct fail *f);

/* The root over the hashes of a block's transactions, in their order, n of them, at least
 * one; they are written over. false: of two lists that give the same root it is the one
 * that no block has, with something in it twice (CVE-2012-2459). */
bool bitcoin_merkle_root(struct hash *ret, struct hash *tx, uint32_t n);

#endif
