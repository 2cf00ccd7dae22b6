/* dump.h - a whole state as lines of JSON: what `pawl node state --json` writes, and
 * --l2-state-file reads.
 *
 * The first line counts what follows, and has the root; then one line for each record.
 * Written and read a line at a time. Files come from outside: each line is bounded, its
 * members are known and of their types, the counts are what comes, and the root is that
 * of what was read, or the file is refused with a sentence. Pure: the fuzzer runs it.
 */
#ifndef PAWL_KINDS_NODE_STATE_DUMP_H
#define PAWL_KINDS_NODE_STATE_DUMP_H

#include "base/buf.h"
#include "kinds/node/snapshot/state.h"

#define DUMP_LINE_MAX ((size_t)64 * 1024)

struct dump_head {
	uint64_t timestamp_ms;
	uint64_t n[L2_LISTS];
	bool has_root; /* who wrote it by hand may leave it out */
	char root[L2_HEX];
};

/* Both with their line feed. Records come list by list, each sorted by id. */
void dump_head_format(struct buf *out, const struct dump_head *head);
void dump_record_format(struct buf *out, enum l2_list list, const void *record);

struct dump_reader {
	struct dump_head head;
	struct l2_state *state;
	bool has_head;
	long long line; /* the last one that was read */
};

/* state: empty; it is filled, and stays the caller's. */
void dump_reader_init(struct dump_reader *r, struct l2_state *state);
/* The next line, without its line feed; an empty one is passed over. fails: INPUT,
 * TOO_BIG; the sentence has its number. */
NODISCARD enum err dump_reader_line(
    struct dump_reader *r, const char *line, size_t len, struct fail *f);
/* There are no more lines. fails: INPUT: it is cut off, or not what its head says. */
NODISCARD enum err dump_reader_end(struct dump_reader *r, struct fail *f);

/* All of a file. state as above; what is in it when that failed is nothing. fails: the
 * same, SYSTEM. The path stands in front. */
NODISCARD enum err dump_read(struct l2_state *state, const char *path, struct fail *f);

#endif
