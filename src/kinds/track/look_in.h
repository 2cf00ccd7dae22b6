/* look_in.h - inside a look: nodes are asked for hashes, one batch to each.
 *
 *   look.c        which hashes a round asks for, what came of it, and what follows
 *   look_ask.c    a round: one question to each node, and its answer read
 *   look_votes.c  what nodes said in a round, counted
 */
#ifndef PAWL_KINDS_TRACK_LOOK_IN_H
#define PAWL_KINDS_TRACK_LOOK_IN_H

#include "kinds/track/track_in.h"

/* What a node must take at once for more than one hash. */
#define LOOK_BATCH_MIN 3

enum look_stage {
	LOOK_WHOLE,    /* where is it */
	LOOK_RECEIPTS, /* what became of those in final blocks */
	LOOK_COUNTS    /* how many transactions the senders of missed ones have sent */
};

/* What is remembered of an answer. */
struct look_said {
	bool known, included, ok; /* ok: it succeeded, by its receipt */
	struct hash block_hash;
	uint64_t height, nonce, count;
	struct address from;
};

/* A round under way. */
struct look {
	enum look_stage stage;
	bool hinted; /* the second of a block, for what came to pools */
	uint32_t round, asked, answered;
	uint32_t n;
	bool has_known;        /* behind those: one that is in a block of the trail */
	uint64_t final_height; /* when the first stage began */
	int64_t row[LOOK_MAX];
	struct hash hash[LOOK_MAX];
	struct address sender[LOOK_MAX];
	struct look_said said[POOL_NODES_MAX][LOOK_MAX];
};

/* -- look_ask.c ------------------------------------------------------------ */

/* Asks every node that can be asked now; done is called in the turn in which the last of
 * them has answered, or failed to. false: there is none, and done is not called. */
bool look_ask(struct track_chain *t, void (*done)(struct track_chain *t));

/* -- look_votes.c: of the hash at this place in the round -------------------- */

/* The first of those who know it whom a quorum agrees with; else any, who knows it. */
const struct look_said *look_best(
    const struct track_chain *t, uint32_t at, bool *ret_agreed);
/* A bit for each node that answered and knows it. */
uint32_t look_known(const struct track_chain *t, uint32_t at);
/* A bit for each node that answered and finds what is known to be there: that another one
 * finds nothing by some hash says nothing. */
uint32_t look_finds(const struct track_chain *t);
/* Who sent it, as a quorum says alike; NULL: none does. By less nothing is found: what
 * one node makes up would end what is followed, as soon as somebody's nonce is used. */
const struct look_said *look_sender(const struct track_chain *t, uint32_t at);
/* A bit for each node that counts more transactions of its sender than this. */
uint32_t look_above(const struct track_chain *t, uint32_t at, uint64_t count);

#endif
