/* track.h - transactions that are followed, by whomever they were sent.
 *
 * A row of the journal each (states.def, TRACKED); subscribers of its subject hear of
 * its milestones, in the commit that moves it. Followed is what blocks hold, agreed by a
 * quorum: the same few requests a block, however many there are. Nodes are asked for
 * hashes by themselves only while these are in no block, a batch a block, in turn: that
 * finds what a pool has, what it dropped, and what was final before anybody asked.
 *
 * Rows are added and dropped in the open transaction, by whoever owns the journal; a
 * runner with a struct track finds what is new in its next turn.
 */
#ifndef PAWL_KINDS_TRACK_TRACK_H
#define PAWL_KINDS_TRACK_TRACK_H

#include "engine/engine.h"
#include "engine/message.h"

#define TRACK_PERCENTS_MAX 16
#define TRACK_CONFIRMATIONS_MAX 10000

struct track_config {
	int64_t expire_after_ms; /* by the wall; 0: never */
	int percents_n;
	int percents[TRACK_PERCENTS_MAX]; /* 1 to 99, rising */
};

/* As many as are safe on this chain, its own block included. */
int track_confirmations(uint64_t chain_id);

struct track;

/* Lives and ends with one runner: world, runner, then this. */
struct track *track_new(
    struct world *w, struct journal *j, const struct track_config *config);
void track_free(struct track *t); /* NULL is fine */
/* From now on: a part of its confirmations that was not told of before is told of a
 * transaction from its next milestone on. */
void track_configure(struct track *t, const struct track_config *config);
/* For a runner's setup. */
struct block_watcher track_watcher(struct track *t);

/* -- rows ------------------------------------------------------------------ */

struct tracked {
	int64_t id, chain;
	struct hash hash;
	int state;
	bool guess; /* it is looked for on other chains as well */
	uint32_t confirmations;
	bool has_sender; /* a block, or a quorum, says who sent it, on which nonce */
	bool in_block;   /* the next three: of the block that has it or its rival */
	uint64_t height;
	struct hash block_hash;
	int percent;    /* of its confirmations that was told last */
	int64_t misses; /* looks in a row in which no node had it */
	bool unasked;   /* no node was asked for it since it was taken back */
	bool has_by;    /* another hash consumed its nonce: */
	struct hash by; /* what replaced it, or a sibling of the same intent */
	int64_t since_ms, ended_ms; /* by the wall; ended 0: it is followed */
};

/* What was asked for: on this chain, or with guess on each of several. */
struct track_wish {
	struct hash hash;
	int64_t chain;
	bool guess;
	uint32_t confirmations; /* of several wishes the largest holds */
	int64_t intent;         /* of this journal, whose attempt it is; 0: none */
};

/* Follow it. What ended without it (expired, untracked) begins anew; what is there is
 * as it was. The row's id; 0: the journal is numb. */
int64_t track_add(struct journal *j, const struct track_wish *w, int64_t wall_ms);

/* Nobody hears of it any more. false: it had ended, and stays as it is. */
bool track_drop(struct journal *j, int64_t id, int64_t wall_ms);

bool track_read(struct journal *j, int64_t id, struct tracked *ret);
/* On whichever chains: at most max, how many there are. */
size_t track_find(
    struct journal *j, const struct hash *hash, struct tracked *ret, size_t max);

/* Will nothing more come of it, but by the loss of a final block? */
bool track_ended(const struct tracked *t);
/* Has a block of this chain it, or a pool? Not where it is merely looked for. */
bool track_there(const struct tracked *t);

/* What is known of it now, for who comes later: the newest milestone that it reached, as
 * a message to this subscriber alone. Nothing where there is none yet. */
void track_retell(struct journal *j, int64_t id, int64_t subscriber, int64_t wall_ms);

#endif
