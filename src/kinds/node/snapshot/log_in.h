/* log_in.h - an open log, for the files that make it up: log_scan.c finds the blocks of
 * a text, log_v2.c those of records (not those that log_quoted.c sees in quotes),
 * log_mixed.c those of the one format amid the other, log_tail.c judges what stands
 * behind the last one, log.c opens and checks, log_end.c looks at its end alone,
 * log_write.c appends, log_copy.c makes other files of it.
 */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_LOG_IN_H
#define PAWL_KINDS_NODE_SNAPSHOT_LOG_IN_H

#include "kinds/node/snapshot/log.h"

/* What a disk writes at once, or spoils. */
#define L2_SECTOR 4096

struct l2_log {
	const struct files *files;
	struct file *file;
	char *path;
	uint64_t size;
	uint64_t from; /* of a text nothing is known below it */
	int version;
	bool surveyed;
	struct l2_block last; /* of version 2, until it is surveyed */
	struct l2_block *blocks;
	size_t blocks_n, blocks_cap;
	struct l2_damage *damages;
	size_t damages_n, damages_cap;
	/* Nothing that was looked at behind these has the word of a text's first and last
	 * lines, or that of a record's head and foot: what is there is not read again. */
	uint64_t word, magic;
};

/* As l2_log_open; of a text only its last bytes are looked at, so many. */
NODISCARD enum err log_open_last(struct l2_log **ret, const struct files *files,
    const char *path, uint64_t last, struct fail *f);

void log_add_block(struct l2_log *log, struct l2_block block);
void log_add_damage(
    struct l2_log *log, enum l2_damage_kind kind, uint64_t from, uint64_t to);

/* log_scan.c: of a text what lies between two places. */
NODISCARD enum err log_scan_v1(
    struct l2_log *log, uint64_t from, uint64_t to, struct fail *f);
/* Nothing is there but what fills a sector? */
bool log_is_fill(const struct l2_log *log, uint64_t from, uint64_t to);

/* log_quoted.c. Between the last block and a record there may be a text, that was torn or
 * hurt: is the record one that stands in its quotes? One gap is asked upwards. */
struct log_gap {
	uint64_t from, seen; /* below `seen` it was looked at */
	bool text;           /* it has some */
};
void log_gap_begin(struct log_gap *gap, const struct l2_log *log, uint64_t from);
bool log_is_quoted(struct log_gap *gap, const struct l2_log *log, uint64_t at);

/* log_mixed.c: blocks of the other version, where there is damage; all of the log's own
 * are known. */
NODISCARD enum err log_mixed(struct l2_log *log, struct fail *f);

/* log_tail.c: which damage behind the last block is that of a snapshot; the blocks and
 * the damages are known. */
NODISCARD enum err log_tail(struct l2_log *log, struct fail *f);

/* log_v2.c. The last record, by the foot that the log ends with: log->last, of len 0
 * where it ends otherwise. All that lie between two places; one of them, read already;
 * the anchor that its head names. */
NODISCARD enum err log_last_v2(struct l2_log *log, struct fail *f);
NODISCARD enum err log_scan_v2(
    struct l2_log *log, uint64_t from, uint64_t to, struct fail *f);
NODISCARD enum err log_check_v2(struct l2_log *log, struct l2_block block,
    const char *record, const struct l2_rules *rules, struct l2_verdict *v,
    struct fail *f);
NODISCARD enum err log_anchor_hash_v2(
    struct l2_log *log, struct l2_block block, char ret[L2_HEX], struct fail *f);

/* A block by these rules; the hash of its anchor, empty if it has none that could be
 * one: not checked. */
NODISCARD enum err log_check(struct l2_log *log, struct l2_block block,
    const struct l2_rules *rules, struct l2_verdict *v, struct fail *f);
NODISCARD enum err log_anchor_hash(
    struct l2_log *log, struct l2_block block, char ret[L2_HEX], struct fail *f);

/* So many bytes of the log in memory; freed with mem_free. ERR_STALE: it became
 * shorter. */
NODISCARD enum err log_read(
    struct l2_log *log, uint64_t offset, uint64_t len, char **ret, struct fail *f);
/* Which version an open file is of: 0 when it is empty. */
NODISCARD enum err log_version(
    const struct files *files, struct file *file, int *ret, struct fail *f);

#endif
