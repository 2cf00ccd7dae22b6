/* tx.h - one EVM transaction as bytes: written, signed, and read back.
 *
 * Types: EIP-1559 (2), and legacy with the chain id of EIP-155. A legacy transaction
 * without a chain id is valid on every chain, so it is neither made nor read.
 */
#ifndef PAWL_CHAIN_EVM_TX_H
#define PAWL_CHAIN_EVM_TX_H

#include "chain/chain.h"

struct evm_tx {
	uint64_t chain_id, nonce;
	struct fees fees;
	bool creates; /* no `to` */
	struct address to;
	struct amount value;
	const uint8_t *data; /* inside the raw bytes */
	size_t data_len;
	struct address from; /* recovered from the signature */
	struct hash hash;
};

/* Same job, same bytes. job->key is a valid private key (CHECK). */
enum err evm_tx_sign(
    struct signed_bytes *ret, const struct sign_job *job, struct fail *f);

/* ERR_INPUT when the bytes are no transaction of these types, not canonical, or
 * signed by nobody. An access list is passed over. */
enum err evm_tx_decode(
    struct evm_tx *ret, const uint8_t *raw, size_t len, struct fail *f);

/* The same, but `from` is left zero: for who knows it already. */
enum err evm_tx_read(struct evm_tx *ret, const uint8_t *raw, size_t len, struct fail *f);

/* The job that was signed, but for its key, and its hash; by whom is not looked at. */
enum err evm_tx_job(struct sign_job *ret, struct hash *ret_hash, const uint8_t *raw,
    size_t len, struct fail *f);

#endif
