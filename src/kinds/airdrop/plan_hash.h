/* plan_hash.h - the name of a plan: SHA-256 over its canonical bytes.
 *
 *   "pawl plan 1"                           11 bytes, no NUL
 *   chain id                                u64
 *   genesis                                 32
 *   asset: 0 native, 1 ERC-20               1
 *   token                                   20, zeros for native
 *   decimals                                1
 *   sender                                  20
 *   service fee, and to whom                32 and 20, zeros for none
 *   each row: address, amount               20 and 32
 *             1 with a memo, 0 without      1
 *             bytes of the memo, the memo   u32 and those
 *   number of rows                          u64
 *
 * Integers are big-endian. Every part has a fixed length or carries it, so no two
 * plans have the same bytes. Caps, endpoints and names are not part of it: the same
 * payments are the same plan. A changed layout gets another number in its first line.
 */
#ifndef PAWL_KINDS_AIRDROP_PLAN_HASH_H
#define PAWL_KINDS_AIRDROP_PLAN_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/amount.h"
#include "chain/chain.h"

struct plan_header {
	uint64_t chain_id;
	struct hash genesis;
	bool token;
	struct address token_address; /* of a native plan: not looked at */
	uint8_t decimals;
	struct address sender;
	struct amount service_fee;     /* 0: none */
	struct address service_fee_to; /* without a fee: not looked at */
};

struct plan_hash; /* freed by plan_hash_end */

struct plan_hash *plan_hash_begin(const struct plan_header *header);
/* memo NULL: none. */
void plan_hash_row(struct plan_hash *h, const struct address *to,
    const struct amount *amount, const char *memo, size_t memo_len);
void plan_hash_end(struct plan_hash *h, uint8_t out[32]);

#endif
