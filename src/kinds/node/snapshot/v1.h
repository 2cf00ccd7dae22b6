/* v1.h - a snapshot as lines of text: written, and read strictly.
 *
 * docs/node/snapshot-log.md has the grammar. A block goes from its header to its end, and
 * is whole in memory, or is read piece by piece. What is read is just what is written:
 * one space between fields, integers in their shortest form and range, texts in quotes
 * with a backslash before quotes and backslashes alone, lists in their order, with as
 * many records as they say. Anything else is refused, with its place and line.
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

#define V1_BEHIND 32 /* so many bytes may be looked at behind what was read in pieces */

enum v1_part { V1_LIST, V1_RECORD, V1_ANCHOR, V1_DONE, V1_BAD };

/* Where a block is read from: so many bytes at a place of it, or an error. */
struct v1_source {
	enum err (*read)(void *ctx, uint64_t at, void *to, size_t len, struct fail *f);
	void *ctx;
	uint64_t len; /* of the block */
};

/* Where the records of a list begin. */
struct v1_place {
	enum l2_list list;
	uint64_t n, offset, line;
};

struct v1_reader {
	/* what was read last */
	enum l2_list list;
	uint64_t left; /* records of the list that are to come */
	union l2_record record;
	struct l2_anchor anchor;
	uint64_t timestamp_ms;
	/* V1_BAD: what, and where in the block; lines from 1. Else the place and line of
	 * what comes next. */
	char why[200];
	uint64_t offset, line;
	enum err e; /* V1_BAD: it could not be read, and why says why; else it is bad */
	/* texts with a colon so far, and the first record that has one */
	uint64_t ambiguous, ambiguous_offset, ambiguous_line;
	/* Its own. Whole lines from `at` to `end` are in memory, and no others; what
	 * stands from `end` to `limit` may be looked at, and says nothing. */
	const char *at, *end, *limit;
	const struct v1_source *source; /* NULL: all is in memory */
	const char *window;             /* of the block, `base` bytes behind its begin */
	uint64_t base, len;
	size_t window_n, window_cap; /* bytes, and room; of a source */
	uint64_t record_offset;
	int stage;
	char *plain; /* texts without their backslashes */
	size_t plain_n, plain_cap;
};

/* Of a block that stays where it is; of one that is read as it is needed. */
void v1_reader_init(struct v1_reader *r, const char *block, size_t len);
void v1_reader_open(struct v1_reader *r, const struct v1_source *source);
void v1_reader_release(struct v1_reader *r);

/* The next part: LIST before its records, five times; ANCHOR; DONE. Texts of a record
 * and of the anchor last until the next call. After DONE or BAD there is no other. */
enum v1_part v1_next(struct v1_reader *r);

/* Where the list begins that v1_next said last; and another reader of the same block, of
 * the records of a list alone. */
struct v1_place v1_place(const struct v1_reader *r);
void v1_reader_again(
    struct v1_reader *r, const struct v1_reader *of, const struct v1_place *place);

/* For who reads lines himself: false if no more of them could be read (V1_BAD). Else
 * at == end is the end of the block. */
bool v1_more(struct v1_reader *r);
/* What is left of a line is passed over. */
bool v1_skip_line(struct v1_reader *r);
/* r goes on where another reader of it stopped, that passed over n lines of records. */
void v1_take_over(struct v1_reader *r, struct v1_reader *from, uint64_t n);
uint64_t v1_offset(const struct v1_reader *r);

/* All of a block. ERR_INPUT: what v1_next says, with place and line of it. */
NODISCARD enum err v1_load(
    struct l2_state *s, const char *block, size_t len, struct fail *f);

#endif
