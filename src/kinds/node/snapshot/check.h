/* check.h - does a snapshot hold? Its root, its anchor, and what its peg-outs stand on.
 *
 * A block is checked as it is read, and no values are made of it: in memory there is of
 * the largest list what goes into the root.
 */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_CHECK_H
#define PAWL_KINDS_NODE_SNAPSHOT_CHECK_H

#include "base/buf.h"
#include "kinds/node/snapshot/state.h"

enum l2_fault {
	L2_HOLDS,
	L2_MALFORMED,      /* is no snapshot, or one in which something is damaged */
	L2_NO_ANCHOR,      /* and the rules ask for one */
	L2_ROOT_DIFFERS,   /* the anchor names another root */
	L2_HASH_DIFFERS,   /* the anchor's hash is not that of its payload */
	L2_NOT_BOUND,      /* the payload is not root, time and metadata of its anchor */
	L2_PEGOUT_UNBACKED /* a peg-out stands on no anchor that is known */
};

/* What a check asks besides the block. All zero: any block that is consistent in itself,
 * with peg-outs or without, anchored or not. */
struct l2_rules {
	bool anchor_needed;
	/* A peg-out stands on the anchor of its own block, as the older program wants it:
	 * nothing honest meets that. */
	bool strict_upstream;
	/* A peg-out's anchor is among those for which this says yes; the caller asks the
	 * log below this block, and the store of anchors. NULL: peg-outs are not asked
	 * for theirs, unless by strict_upstream. */
	bool (*knows_anchor)(void *ctx, struct l2_bytes hash);
	/* Each peg-out that fails; may be NULL. wanted: the one that strict_upstream
	 * expects, else empty. has is empty where it has none. */
	void (*unbacked)(
	    void *ctx, struct l2_bytes id, struct l2_bytes has, struct l2_bytes wanted);
	void *ctx;
};

struct l2_verdict {
	enum l2_fault fault;
	char root[L2_HEX]; /* computed; empty when malformed */
	bool anchored;
	uint64_t timestamp_ms, anchored_ms;
	char anchor_root[L2_HEX], anchor_hash[L2_HEX]; /* as they stand there, cut */
	/* What to say of the fault, in a sentence; place and line of it, which count from
	 * the beginning of the block, lines from 1. */
	char why[300];
	uint64_t offset, line;
	uint64_t records[L2_LISTS], unbacked;
	/* An older block of the log has the anchor of such a peg-out, and does not hold:
	 * why names it, and a copy of the log may have it whole. */
	bool backing_hurt;
	/* Texts with a colon, which make the root ambiguous, and the first line with one.
	 * No fault: the block was written by others. */
	uint64_t ambiguous, ambiguous_offset, ambiguous_line;
};

/* A block of version 1: one that is in memory; one that is read piece by piece, which
 * may fail (ERR_STALE: it became another meanwhile). */
void v1_check(
    struct l2_verdict *v, const char *block, size_t len, const struct l2_rules *rules);
struct v1_source;
NODISCARD enum err v1_check_source(struct l2_verdict *v, const struct v1_source *source,
    const struct l2_rules *rules, struct fail *f);

/* Of a state in memory, as it was read: root as it would be computed is in v->root
 * already. For the formats that come as values. */
void l2_check_anchor(
    struct l2_verdict *v, const struct l2_anchor *anchor, const struct l2_rules *rules);
void l2_check_pegout(struct l2_verdict *v, const struct l2_pegout *pegout,
    const struct l2_anchor *anchor, const struct l2_rules *rules);

const char *l2_fault_name(enum l2_fault fault); /* for people: "root differs" */

#endif
