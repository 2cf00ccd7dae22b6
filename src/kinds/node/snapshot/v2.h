/* v2.h - a snapshot as a record of bytes.
 *
 * docs/node/snapshot-log.md has the format. A record is a head of fixed size, a body
 * that may be packed by zstd, and a foot that says where the record begins: who reads the
 * last bytes of a log has its newest record. Sums (CRC-32C) tell damage by chance; the
 * foot has the SHA-256 of head and body, and the next head repeats it, so that the log is
 * a chain. Zeros before the foot fill the last sector. Lists are sorted by id, each id
 * once: one state has one body. Within a record, what users wrote into it included, there
 * is nothing that begins or ends as one.
 */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_V2_H
#define PAWL_KINDS_NODE_SNAPSHOT_V2_H

#include "kinds/node/snapshot/check.h"

#define V2_MAGIC "\x89L2SNAP2"
#define V2_MAGIC_LEN 8
#define V2_WORD "L2SNAP2" /* of this and of a foot's magic */
#define V2_HEAD 160
#define V2_FOOT 64
#define V2_SECTOR 4096 /* a record is a number of these */
#define V2_NOWHERE UINT64_MAX

struct v2_head {
	bool packed, anchored;
	uint32_t body_sum;
	uint64_t body_len; /* in the log */
	uint64_t raw_len;  /* unpacked */
	uint64_t number;   /* of the record in its log, from 1 */
	uint64_t timestamp_ms;
	uint64_t before; /* offset of the record before it; V2_NOWHERE: it is the first */
	uint8_t before_hash[32];
	uint8_t root[32], anchor_hash[32]; /* the latter zero if there is no anchor */
};

struct v2_foot {
	uint64_t offset, len; /* of the whole record */
	uint8_t hash[32];     /* of its head and body */
};

/* A record to stand at `offset`, behind the one whose place, number and hash are in
 * `after` (NULL: it is the first). The state is sorted, and has no id twice. The foot is
 * its last V2_FOOT bytes. */
struct v2_place {
	uint64_t offset, number;
	uint8_t hash[32];
};
void v2_format(struct buf *b, const struct l2_state *s, const char root[L2_HEX],
    bool compress, uint64_t offset, const struct v2_place *after);

/* false: these bytes are no whole and undamaged one. */
uint64_t v2_len(const struct v2_head *h); /* of the whole record */
bool v2_head_parse(struct v2_head *h, const char *bytes, size_t len);
bool v2_foot_parse(struct v2_foot *t, const char *bytes, size_t len);

/* The same record behind another one: its body is kept. */
void v2_move(struct buf *b, const char *record, size_t len, uint64_t offset,
    const struct v2_place *after);

/* A whole record; before_hash of the one before it in the log, or NULL: not asked. */
void v2_check(struct l2_verdict *v, const char *record, size_t len,
    const uint8_t *before_hash, const struct l2_rules *rules);
NODISCARD enum err v2_load(
    struct l2_state *s, const char *record, size_t len, struct fail *f);

#endif
