/* follower_in.h - inside the follower: its state, shared by its files.
 *
 *   follower.c the turn, votes, what it waits for
 *   ask.c      questions to nodes
 *   take.c     their answers
 *   link.c     a node's branch, down to the trail
 *   quiet.c    which blocks of it need not be read
 *   branch.c   which branch the trail follows
 *   told.c     what is told of its blocks, and which are final
 *   trail.c    the trail in memory and in the journal
 *   far.c      far behind: which blocks need not be read
 *   whole.c    far below the head: blocks by height
 *   undone.c   a final block vanished
 */
#ifndef PAWL_CHAIN_FOLLOWER_FOLLOWER_IN_H
#define PAWL_CHAIN_FOLLOWER_FOLLOWER_IN_H

#include "chain/follower/follower.h"

/* Blocks above the final one that are read at a time: a longer gap is walked in
 * windows of this. */
#define WINDOW 256
/* Final blocks kept below, to name the ancestor when a final block vanishes. */
#define KEPT_FINAL 256
/* How far below the lowest of them a chain is begun anew that has none of them. */
#define ANEW_DEPTH 4096
#define BLOCKS_BUSY_MAX 4
/* Most nodes keep the state of 128 blocks: deeper ones are read without it by all, so
 * that nobody differs only in what he has. */
#define STATE_DEPTH 96

/* Questions for headers between two polls of a node while none leads to the trail: who
 * makes them up is not asked for ever. */
#define HEADERS_MAX 8

enum ask_kind {
	ASK_IDENTITY,
	ASK_POLL,
	ASK_HEADER,
	ASK_HEADERS,
	ASK_ANCESTOR, /* the final blocks that are kept, by height */
	ASK_ANEW,     /* one far below them, where none is theirs */
	ASK_BLOCK,
	ASK_RECEIPTS,
	ASK_FINALIZED,
	ASK_FAR_HEADERS,
	ASK_FAR_COUNT
};

/* One question to one node, and its answer. Lives from the asking to the turn that
 * takes it. */
struct question {
	struct follower *f;
	struct question *next;
	enum ask_kind kind;
	int node;
	uint32_t generation;         /* of what is asked of blocks */
	uint32_t round;              /* FAR: an answer to another one is not looked at */
	uint32_t account;            /* FAR_COUNT: index of the watched */
	struct block_question block; /* HEADER: its hash and height alone */
	uint64_t *heights;
	uint32_t n;
	char *text;
	size_t len;
	enum err err;
	struct fail fail;
	struct node_word word;
	struct identity identity;
	struct head *heads;
	uint64_t *counts;
	bool *known;
	struct hash *hashes; /* of what was asked for by height; NULL: not needed */
	bool by_hash;        /* and their headers were asked for by now */
	struct block_facts facts;
};

/* What some nodes say of a block; they agree when their digests do. */
struct opinion {
	struct block_facts facts;
	uint32_t nodes;
};

struct sighting {
	struct head head;
	bool bare;      /* nobody is asked for the state of it */
	uint32_t asked; /* nodes with a question about it under way */
	struct opinion *opinions;
	int opinions_n;
	bool told;
	int told_as; /* the opinion that was told, an index */
	int64_t asked_ms[POOL_NODES_MAX];
	uint8_t refused[POOL_NODES_MAX]; /* answers without its facts, in a row */
	uint32_t again;                  /* nodes that were asked again, and answered */
};

enum link { LINK_UNKNOWN, LINK_TRAIL, LINK_LAGS, LINK_FORKED };

/* What a node said in a round about a height that is far below its head. */
struct far_view {
	bool asked, failed, counted; /* counted: it has the state */
	int left;                    /* answers that are not there yet */
	struct head head;
	uint64_t *counts; /* by watched */
};

/* FAR_TARGET: all at the highest final block is asked for. FAR_HALVING: the first block
 * that moved a count is looked for. FAR_DENSE: blocks are read one by one. */
enum far_stage { FAR_NOT, FAR_TARGET, FAR_HALVING, FAR_DENSE };

struct far {
	enum far_stage stage;
	uint32_t round;
	uint64_t from;   /* our final block when it began */
	uint64_t height; /* that is asked about */
	int64_t again_at_ms;
	struct head target;
	uint64_t *target_counts; /* by watched; NULL: no target */
	struct head low;         /* nothing moved up to here, */
	uint64_t high;           /* and something up to here */
	bool stateless;          /* no quorum has the state of such blocks, */
	bool blind;              /* nor of any other: there are no counts to compare */
	uint64_t quiet;          /* final blocks in a row without anything of ours */
};

/* Blocks that a node is asked for by their height. */
struct whole_view {
	uint64_t busy[BLOCKS_BUSY_MAX]; /* heights under way; 0: none */
	uint32_t refused;               /* in a row */
	int64_t not_before_ms;
};

struct view {
	bool identified, identity_busy, poll_busy, header_busy;
	bool stranger; /* it said when it was asked last that it serves another chain */
	bool has_head, has_goal;
	bool goal_is_old;  /* no trail has begun, and its head moved since it was asked */
	bool by_hash;      /* headers by height did not link: walk back by hash */
	int headers_asked; /* that led nowhere, since its last poll */
	int blocks_busy;
	struct hash genesis;
	struct head head;
	struct head goal; /* the head, or a block on the way when it is far */
	enum block_way way;
	bool by_number;
	int64_t poll_at_ms, identity_at_ms;
	char *polled; /* the answer to its last poll, and the head that it shows */
	size_t polled_len;
	struct head polled_head;
	bool has_finalized, finalized_busy;
	bool finalized_is_head; /* it says so: that is no finality */
	uint64_t finalized_height;
	uint64_t finalized_at; /* the head at which it was asked for by itself */
	struct far_view far;
	struct whole_view whole;
	bool pruned; /* it had not the state of a block that is deep */
	uint32_t denied;
	enum link link;
	uint64_t fork_height; /* the highest block of the trail on its goal's branch */
	uint64_t ancestor;    /* FORKED: the highest kept final block that it has */
	bool has_ancestor;
	const char *fault; /* what it said of final blocks; NULL: the same as a quorum */
	uint64_t fault_first, fault_last;
	uint64_t differed; /* the last block of which it said otherwise, once; 0: none */
	bool forked;       /* it was, and has not led to the trail since: */
	uint32_t forked_polls; /* so many times it was asked */
	bool unlinked;         /* its headers do not lead to the trail, for so many */
	uint64_t unlinked_finals;
	int64_t unlinked_ms;
	bool no_ancestor;        /* it has none of the kept ones, */
	bool has_anew;           /* but this, far below */
	uint64_t ancestor_asked; /* the kept blocks from here on; 0: none yet */
	struct head anew;
	char left_out[96];
	char
	    word[96]; /* what it said in place of who it is; "": it told, or was silent */
};

/* The chain of one that looks back, which has no row in a journal. */
#define LOOKS_BACK (-1)

struct follower {
	struct follower_setup s;
	int64_t chain;
	struct hash genesis; /* when chain is known */
	struct head *trail;  /* [0] is final */
	size_t trail_n, trail_cap;
	struct sighting *seen;
	size_t seen_n, seen_cap;
	struct view view[POOL_NODES_MAX];
	struct hash path[WINDOW + 1]; /* of the branch that is looked at */
	int nodes;
	struct watched *watched;
	uint32_t watched_n;
	bool every;           /* all transactions of each block are asked for */
	bool every_unwanted;  /* nobody wants them any more, */
	uint64_t every_until; /* and they are told up to this height */
	uint32_t generation;
	struct question *inbox, **inbox_end;
	int under_way; /* questions that are not in it yet */
	struct far far;
	uint64_t best; /* the highest height that the heads of a quorum have reached, */
	uint64_t highest; /* and had, since the chain was last stopped */
	bool unsettled;
	bool stopped;
	bool unshown; /* no quorum shows our final block, as it was known last */
	int64_t shown_again_ms; /* before it, that one shows it is not written again */
	bool has_start;
	uint64_t start;
	char trouble[200];     /* nodes that do not answer */
	bool silent;           /* and the others are no quorum */
	bool lacks, lack_said; /* no quorum is up, and the log says so */
	int64_t lacks_ms;      /* since when, once all of them were heard */
	char waits_for[400];
	char standing[400]; /* who is left out, and why, as the journal has it */
};

/* follower.c */
void follower_leave_out(struct follower *f, int node, const char *why); /* "": back */

/* take.c */
void answers_take(struct follower *f);
void off_forget(struct follower *f); /* nodes that an operator switched off */
bool is_refusal(enum err e);         /* it answered, and not with facts */
/* It is what this node says of the block now; facts are moved out of *facts, or left. */
void opinion_take(struct sighting *s, int node, struct block_facts *facts);

/* link.c: link and fork_height of each node; blocks of its branch are asked
 * for. */
void branches_read(struct follower *f);
void branch_link(struct follower *f, int node);
bool opinion_of(const struct sighting *s, int node); /* has this node one? */
struct sighting *sighting_on_path(
    struct follower *f, const struct hash *path, size_t n, uint64_t top);

/* quiet.c: what this node says of blocks by its counts above and below them.
 * true: the newest of the path is to be asked for before the others. */
bool branch_leaps(struct follower *f, int node, const struct hash *path, size_t n);

/* branch.c: where a quorum has left the trail, it does. */
void branch_choose(struct follower *f);

/* told.c */
struct opinion *sighting_agreed(const struct follower *f, struct sighting *s);
void blocks_tell(struct follower *f);
void blocks_finalize(struct follower *f);

/* ask.c */
void follower_ask_identity(struct follower *f, int node);
void follower_ask_poll(struct follower *f, int node);
bool follower_asks_headers(const struct follower *f, int node); /* may it, now? */
void follower_ask_header(
    struct follower *f, int node, const struct hash *hash, uint64_t height);
/* The upper ones, where they are more than fit a request. */
void follower_ask_headers(
    struct follower *f, int node, enum ask_kind kind, uint64_t from, uint64_t to);
void follower_ask_block(struct follower *f, int node, struct sighting *s);
void follower_ask_whole(struct follower *f, int node, uint64_t height);
void follower_ask_receipts(struct follower *f, struct question *half);
/* Its answer was hashes: q becomes the question for their headers. false: of none that is
 * not known already. */
bool follower_ask_hashed(struct follower *f, struct question *q);
void follower_ask_finalized(struct follower *f, int node);
void follower_ask_far_headers(
    struct follower *f, int node, const uint64_t *heights, uint32_t n);
void follower_ask_far_count(
    struct follower *f, int node, uint32_t watched, uint64_t height);
void question_free(struct question *q);

/* trail.c */
void trail_load(struct follower *f, int64_t final_height);
void trail_begin(struct follower *f, const struct head *h);
void trail_push(struct follower *f, const struct head *h);
void trail_cut(struct follower *f, uint64_t above);
void trail_final_advance(struct follower *f);
bool trail_back_to(struct follower *f, uint64_t height);
void trail_anew(struct follower *f, const struct head *h); /* nothing of it is kept */
bool trail_kept(struct follower *f, uint64_t height, struct hash *ret); /* also final */
bool trail_lowest(struct follower *f, uint64_t *ret);                   /* that is kept */
struct head *trail_at(struct follower *f, uint64_t height); /* NULL: not in it */
bool trail_has(struct follower *f, const struct hash *hash, uint64_t height);
struct head *trail_top(struct follower *f);

/* So far below the head that nodes may have no state of it any more. */
bool is_deep(const struct follower *f, uint64_t height);

/* By hash and height: who says another height of a hash speaks of another block. So each
 * step from a block to its parent goes one down. */
struct sighting *sighting_find(
    struct follower *f, const struct hash *hash, uint64_t height);
struct sighting *sighting_add(struct follower *f, const struct head *h);
void sighting_bare(struct sighting *s);
void sighting_drop(struct follower *f, size_t at);
void sightings_sweep(struct follower *f);  /* those that lead nowhere, of too many */
void sightings_forget(struct follower *f); /* all opinions: they are to be read again */

/* far.c */
bool far_turn(struct follower *f); /* true: blocks are not walked in this turn */
void far_take(struct follower *f, struct question *q);
void far_final(struct follower *f, const struct block_facts *b);
void far_say(const struct follower *f, char *out, size_t len);
/* The first entry of its account: of several, one for each token. */
bool watched_first(const struct follower *f, uint32_t at);
void far_release(struct follower *f); /* not far any more, or other accounts */
bool follower_is_far(const struct follower *f);
bool far_is_dense(const struct follower *f);        /* blocks are read one by one */
uint64_t follower_window(const struct follower *f); /* blocks read ahead */

/* whole.c */
bool whole_reads(const struct follower *f, int node); /* is it asked that way? */
void whole_goal(struct follower *f, int node); /* as far as it is read from the trail */
void whole_ask(struct follower *f, int node);
void whole_take(struct follower *f, const struct question *q);

/* undone.c */
void undone_turn(struct follower *f);
void undone_forget(struct view *v); /* it has our final block, or is asked anew */
void undone_take(struct follower *f, struct question *q);
/* What accepting would go on from; "": nothing is stopped, or none has said yet. */
void undone_say(struct follower *f, char *out, size_t len);
/* Whether a quorum shows the final block. It may be that its nodes begin anew; a branch
 * without that block stops the chain, once it is believed. While neither a quorum shows
 * it nor one does not, as where some are not heard, what was known last counts; since
 * when nobody was heard is told by the time at which a quorum showed it last. */
void final_look(struct follower *f);

#endif
