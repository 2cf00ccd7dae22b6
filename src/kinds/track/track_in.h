/* track_in.h - inside what follows transactions.
 *
 *   track.c    rows: added, dropped, read
 *   move.c     a row moves, and its subscribers are told
 *   later.c    who comes later hears where it stands
 *   follow.c   blocks: what they hold, how deep it is, what is final
 *   look.c     nodes are asked for hashes that are in no block (look_in.h)
 *   hint.c     nodes say what came to their pools
 *   fingers.c  which rows a transaction may mean
 */
#ifndef PAWL_KINDS_TRACK_TRACK_IN_H
#define PAWL_KINDS_TRACK_TRACK_IN_H

#include "journal/sql.gen.h"
#include "kinds/track/fingers.h"
#include "kinds/track/track.h"

/* Hashes that one request asks for. */
#define LOOK_MAX 100
/* What `looks` says of a row that nobody has asked for yet. */
#define LOOKS_NEW 0
#define LOOKS_NEVER 1
#define NTH_OF_ROUND 1000 /* a round has more than one milestone of progress */

struct look;

/* What one node's pool is asked by. */
struct hint_node {
	struct pending_filter filter;
	uint32_t failures, pause; /* looks without it, from now on */
};

/* A node's pool took it: it is to be looked at soon. */
struct hint {
	int64_t row;
	int node;
};

struct hints {
	struct hint_node node[POOL_NODES_MAX];
	struct hint at[LOOK_MAX];
	uint32_t n;
};

/* A chain as the runner has it. */
struct track_chain {
	struct track *track;
	struct runner *runner;
	struct chain_run *chain;
	bool loaded;
	struct fingers fingers;
	/* The agreed block up to which all was looked at; none: from the final one on. */
	bool has_done;
	uint64_t done_height;
	struct hash done;
	/* Blocks above this height have left the trail, and rows may have been in them.
	 */
	bool doubtful;
	uint64_t doubt_above;
	struct look *look; /* under way; NULL: none */
	uint64_t look_height;
	uint32_t look_round;
	int64_t looked_at_ms; /* a quorum answered, and ever since; 0: none has */
	struct hints hints;
};

struct track {
	struct world *world;
	struct journal *journal;
	struct track_config config;
	struct track_chain **chains;
	size_t chains_n;
};

/* -- move.c: each ends with the row put ------------------------------------ */

bool row_get(struct journal *j, int64_t id, struct sql_tracked_get_out *ret);
void row_keep(struct journal *j, const struct sql_tracked_get_out *row);
/* So many this number stands for; 0: as many as the row's. */
int64_t row_confirmations(const struct sql_tracked_get_out *row, int64_t number);
/* What a message says of it. confirmations 0: nothing of them. What expired as a guess
 * is on none of the chains. */
json_t *row_facts(struct journal *j, const char *chain,
    const struct sql_tracked_get_out *row, int64_t number, uint64_t confirmations);
/* The nth time that a milestone comes: of its round, and this part of that. */
int64_t row_nth(const struct sql_tracked_get_out *row, int percent);
/* It is in this block: itself (or a sibling of its intent), or its rival. Nothing when
 * that is known. */
void row_in_block(struct track_chain *t, struct sql_tracked_get_out *row,
    const struct head *head, const struct hash *by, bool own, enum tx_status status);
/* More of its confirmations are there. */
void row_deeper(struct track_chain *t, struct sql_tracked_get_out *row, uint64_t height);
/* Its block is final; height: of the head. */
void row_final(struct track_chain *t, struct sql_tracked_get_out *row, uint64_t height);
/* Its block is none any more. */
void row_retract(struct track_chain *t, struct sql_tracked_get_out *row);
/* Something else consumed its nonce, for good: nobody says what. */
void row_outrun(struct track_chain *t, struct sql_tracked_get_out *row);
/* Who sent it, and with which nonce; the row is not put. */
void row_sender(struct track_chain *t, struct sql_tracked_get_out *row,
    const struct address *from, uint64_t nonce);
/* A node has it, in no block that we follow; included: it says that some block has it;
 * believed: a quorum has it, and it is looked for nowhere else. */
void row_seen(
    struct track_chain *t, struct sql_tracked_get_out *row, bool included, bool believed);
/* No node of a quorum has it, at this head. */
void row_missed(struct track_chain *t, struct sql_tracked_get_out *row, uint64_t height);

/* What an event of the journal says of a move: "tracked 0x..". */
void row_event(struct journal *j, int64_t id, const uint8_t hash[32], const char *from,
    int to, const char *why);
/* Asked for again by somebody; nobody wants it any more. */
void row_again(struct journal *j, struct sql_tracked_get_out *row,
    const struct track_wish *w, int64_t wall_ms);
void row_untrack(struct journal *j, struct sql_tracked_get_out *row, int64_t wall_ms);

/* -- follow.c -------------------------------------------------------------- */

void fingers_of_row(
    struct track_chain *t, const struct sql_tracked_get_out *row, bool there);
void fingers_of_nonce(
    struct track_chain *t, const struct sql_tracked_get_out *row, bool there);
/* Is this hash the row's, or that of another attempt with the payload of its intent? */
bool row_is_own(
    struct journal *j, const struct sql_tracked_get_out *row, const struct hash *hash);

/* -- look.c ---------------------------------------------------------------- */

void look_turn(struct track_chain *t);
/* How long the nodes of this chain were asked, and a quorum answered, in all lives. */
int64_t look_clock_ms(struct track_chain *t);

/* -- hint.c ---------------------------------------------------------------- */

/* What this node is asked by in this look; NULL: it is not asked. */
const struct pending_filter *hint_filter(struct track_chain *t, int node);
/* Rows that what is new may mean; in memory alone, at any time. */
uint32_t hint_match(
    const struct track_chain *t, const struct pending *news, int64_t ret[LOOK_MAX]);
/* What came of it; request: of the request as a whole. */
void hint_answered(
    struct track_chain *t, int node, const struct pending *news, enum err request);
/* Of a node no more than its share: one alone can not crowd out what others say. */
void hint_add(struct track_chain *t, int node, const int64_t *rows, uint32_t n);
/* Those that were not seen yet, of all that was added; the others are forgotten. */
uint32_t hint_rows(struct track_chain *t, int64_t *ret, uint32_t max);

#endif
