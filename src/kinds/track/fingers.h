/* fingers.h - which rows may be meant by a hash, or by a sender and a nonce: in memory.
 *
 * A million transactions are looked for in each block without a question to the journal:
 * 16 bytes an entry, in a table that is between three and six eighths full while it
 * grows, and gets smaller when most of them have left. A finger is 64 bits of what it
 * stands for, mixed with a number of this life: who is found is only meant perhaps, and
 * its row decides. One entry may be there several times.
 */
#ifndef PAWL_KINDS_TRACK_FINGERS_H
#define PAWL_KINDS_TRACK_FINGERS_H

#include <stddef.h>
#include <stdint.h>

#include "chain/chain.h"

struct finger {
	uint64_t print; /* 0: the place is free */
	int64_t row;
};

struct fingers {
	struct finger *at;
	size_t n, room; /* room: 0, or a power of two */
	uint64_t mix;   /* of this life: nobody outside can choose who meets whom */
};

void fingers_init(struct fingers *f, uint64_t mix);
void fingers_release(struct fingers *f);

uint64_t finger_hash(const struct fingers *f, const struct hash *hash);
uint64_t finger_nonce(
    const struct fingers *f, const struct address *sender, uint64_t nonce);

void fingers_add(struct fingers *f, uint64_t print, int64_t row);
void fingers_drop(struct fingers *f, uint64_t print, int64_t row); /* one of them */

/* The next row of this print; *at begins as 0, and is this call's. 0: no more. The table
 * may not change in between. */
int64_t fingers_next(const struct fingers *f, uint64_t print, size_t *at);

#endif
