/* newest.h - the newest whole snapshot of a log, where it is of a state that the journal
 * never had, nor anchored: the journal is a new one, an older copy of itself, or of
 * another node. What such a snapshot has is nowhere else. So whoever puts another on top,
 * cuts it off, sets it aside or replaces it says the same of it first, by this.
 */
#ifndef PAWL_CLI_NODE_NEWEST_H
#define PAWL_CLI_NODE_NEWEST_H

#include "base/buf.h"
#include "kinds/node/judge/judge.h"

struct newest {
	size_t number; /* 0: there is none */
	struct l2_block block;
	char root[L2_HEX], anchor[L2_HEX];
	struct l2_state state; /* sorted, once it is loaded */
};

/* All but its state, which is empty then; the caller's to release. */
void newest_note(struct newest *ret, const struct judgement *g);
NODISCARD enum err newest_load(struct newest *n, struct l2_log *log, struct fail *f);

/* Of one that is loaded; an empty state is nobody's. journal: in a read; NULL: there is
 * none that could have had it. */
bool newest_is_foreign(const struct newest *n, struct journal *journal);

/* "snapshot 3, the newest of LOG (root ..), is of a state that this journal never had:
 * ..", as the beginning of a sentence. */
#define NEWEST_TOLD 500
void newest_tell(
    const struct newest *n, bool journal, const char *log, char out[NEWEST_TOLD]);

/* Another log takes the place of this one: is the newest of this one foreign, and not in
 * that? Both are loaded then, and are released by the caller in any case. What can't be
 * read says nothing. */
bool newest_goes(struct newest *is, struct newest *comes, struct journal *journal,
    const char *log, const char *other);

/* "a supply of 5 in place of 7, 1 completed peg-out of ..", or "the same supply of 7,
 * with other records (2 balances)"; both are sorted. */
void newest_lost_tell(
    struct buf *out, const struct l2_state *is, const struct l2_state *will);

#endif
