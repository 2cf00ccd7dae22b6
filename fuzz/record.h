/* record.h - a snapshot as a record, with sums that fit whatever its bytes are. */
#ifndef PAWL_FUZZ_RECORD_H
#define PAWL_FUZZ_RECORD_H

#include <string.h>

#include "codec/crc32c.h"
#include "crypto/sha256.h"
#include "kinds/node/snapshot/v2.h"

static inline void record_put(uint8_t *to, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

/* With head, body and foot, in whole sectors. */
static inline uint64_t record_len(uint64_t body_len)
{
	return (V2_HEAD + body_len + V2_FOOT + V2_SECTOR - 1) / V2_SECTOR * V2_SECTOR;
}

/* The sums of head and foot, and the length in the foot. */
static inline void record_seal(uint8_t *record, uint64_t body_len)
{
	uint64_t len = record_len(body_len);
	uint8_t *foot = record + len - V2_FOOT;

	record_put(record + 12, crc32c(record + V2_HEAD, body_len), 4);
	record_put(record + V2_HEAD - 4, crc32c(record, V2_HEAD - 4), 4);
	record_put(foot + 8, len, 8);
	sha256(foot + 16, record, len - V2_FOOT);
	memcpy(foot + 48, "L2SNAP2\x89", 8);
	record_put(foot + V2_FOOT - 4, crc32c(foot, V2_FOOT - 4), 4);
}

#endif
