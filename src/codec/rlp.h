/* rlp.h - Ethereum's Recursive Length Prefix (Yellow Paper, appendix B).
 *
 * The writer appends to a buf. A list is written by writing its items into a buf
 * of their own and wrapping it. The reader walks strict, canonical encodings only
 * (shortest lengths, no leading zeros in integers), never past the end. What is inside
 * a list is checked when it is walked with a reader of its own.
 */
#ifndef PAWL_CODEC_RLP_H
#define PAWL_CODEC_RLP_H

#include "base/amount.h"
#include "base/buf.h"

void rlp_add_bytes(struct buf *out, const void *data, size_t len);
void rlp_add_u64(struct buf *out, uint64_t v);
void rlp_add_amount(struct buf *out, const struct amount *a);
void rlp_add_list(struct buf *out, const struct buf *items);

struct rlp_item {
	bool list;
	const uint8_t *data; /* the content, inside the input */
	size_t len;
};

struct rlp {
	const uint8_t *at, *end;
};

/* Readers that return false leave r where it was. */
void rlp_init(struct rlp *r, const void *data, size_t len);
bool rlp_next(
    struct rlp *r, struct rlp_item *ret); /* false: end, or malformed (at != end) */
bool rlp_next_u64(struct rlp *r, uint64_t *ret);
bool rlp_next_amount(struct rlp *r, struct amount *ret);

#endif
