/* resync_in.h - a resync that runs, for the files that make it up: resync_ask.c asks the
 * node, resync_join.c compares what the database has, resync.c writes.
 */
#ifndef PAWL_CLI_NODE_RESYNC_IN_H
#define PAWL_CLI_NODE_RESYNC_IN_H

#include "cli/node/resync.h"
#include "codec/url.h"

#define HASHES 1000 /* of a request */
#define SLOTS 6     /* requests under way */

_Static_assert(HASHES <= CHAIN_BATCH_MAX, "a request takes as many");

/* A question that is under way, or was answered and is not taken yet. */
struct slot {
	uint64_t heights[HASHES];
	uint32_t n;
	int tries;
	bool busy, answered;
	struct pool_answer got; /* its answer is ours */
};

struct resync_run {
	const struct resync_plan *plan;
	struct world *world;
	struct pool *pool;
	char node[URL_SHOWN_MAX]; /* who is asked, without what is secret */
	int64_t since_ms;         /* nothing came since then, and it was asked */
	int64_t told_ms;          /* 0: nobody was told so */
	struct reorgdb *db;
	struct reorgdb_batch *batch;
	struct slot slots[SLOTS];
	/* The answer that was taken last. */
	struct hash hashes[HASHES];
	bool known[HASHES];
	struct fail *f;
};

/* -- resync_ask.c: fails as the pool, naming the node; STOPPED --------------- */

NODISCARD enum err resync_identity(struct resync_run *r, struct identity *ret);
NODISCARD enum err resync_head(struct resync_run *r, uint64_t *ret);
/* The hashes at the slot's heights: asked for; taken, and asked for again where that may
 * help; both. */
NODISCARD enum err resync_ask(struct resync_run *r, struct slot *s);
NODISCARD enum err resync_take(struct resync_run *r, struct slot *s);
NODISCARD enum err resync_few(struct resync_run *r, struct slot *s);
void resync_span(struct slot *s, uint64_t from, uint32_t n); /* heights, in a row */
void resync_clear(struct slot *s);

/* -- resync_join.c ------------------------------------------------------------- */

/* Has the database the hash of slot number `at` of the last answer there, or none? */
NODISCARD enum err resync_agrees(
    struct resync_run *r, uint64_t height, uint32_t at, bool *ret);
/* What the database has, from its highest block down to one that the node has, too:
 * *ret_from is the start, or the lowest that is another, which is below it. fails:
 * CONFLICT, these are more than the depth rule lets go. */
NODISCARD enum err resync_join(
    struct resync_run *r, uint64_t head, uint64_t *ret_from, struct resynced *ret);

#endif
