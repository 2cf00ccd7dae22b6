/* v1.h - a snapshot as lines of text: written, and read strictly.
 *
 * docs/node/snapshot-log.md has the grammar. A block is whole in memory: from its header
 * to its end. What is read is just what is written: one space between fields, integers
 * in their shortest form and range, texts in quotes with a backslash before quotes and
 * backslashes alone, lists in their order, with as many records as they say. Anything
 * else is refused, with its place and line.
 */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_V1_H
#define PAWL_KINDS_NODE_SNAPSHOT_V1_H

#include "base/buf.h"
#include "kinds/node/snapshot/state.h"

#define V1_HEADER "SNAPSHOT v1\n"
#define V1_END "END_SNAPSHOT\n"

/* A whole block, as the state has its records: sort it first. Nothing is checked, but
 * that texts have no line feed (CHECK): l2_state_check before. */
void v1_format(struct buf *b, const struct l2_state *s);

/* The same in pieces: head, then each list with its records, then its anchor; V1_END is
 * not among them. */
void v1_format_head(struct buf *b, const struct l2_state *s);
void v1_format_list(struct buf *b, const struct l2_state *s, enum l2_list list);
void v1_format_record(struct buf *b, enum l2_list list, const void *record);
void v1_format_anchor(struct buf *b, const struct l2_state *s);

enum v1_part { V1_LIST, V1_RECORD, V1_ANCHOR, V1_DONE, V1_BAD };

struct v1_reader {
	/* what was read last */
	enum l2_list list;
	uint64_t left; /* records of the list that are to come */
	union l2_record record;
	const char *record_at; /* its line */
	struct l2_anchor anchor;
	uint64_t timestamp_ms;
	/* V1_BAD: what, and where in the block; lines from 1. Else the place and line of
	 * what comes next. */
	char why[200];
	size_t offset;
	uint64_t line;
	/* texts with a colon so far, and the first record that has one */
	uint64_t ambiguous;
	size_t ambiguous_offset;
	uint64_t ambiguous_line;
	/* its own */
	const char *block, *end, *at;
	int stage;
	char *plain; /* texts without their backslashes */
	size_t plain_n, plain_cap;
};

/* Of a block that stays where it is. */
void v1_reader_init(struct v1_reader *r, const char *block, size_t len);
void v1_reader_release(struct v1_reader *r);

/* The next part: LIST before its records, five times; ANCHOR; DONE. Texts of a record
 * and of the anchor last until the next call. After DONE or BAD there is no other. */
enum v1_part v1_next(struct v1_reader *r);

/* A record whose line was read before, by another reader; only the record is of use
 * then. */
void v1_again(struct v1_reader *r, enum l2_list list, const char *line);

/* All of a block. ERR_INPUT: what v1_next says, with place and line of it. */
NODISCARD enum err v1_load(
    struct l2_state *s, const char *block, size_t len, struct fail *f);

#endif
