/* trouble.h - what can be wrong with a log, its newest snapshot and the anchor of that,
 * and the reorg database: why, and what to type. A daemon's steps, `pawl status` and the
 * doctors say it in these words, each of what it has looked at itself.
 */
#ifndef PAWL_KINDS_NODE_WATCH_TROUBLE_H
#define PAWL_KINDS_NODE_WATCH_TROUBLE_H

#include "kinds/node/anchor/anchor.h"
#include "kinds/node/snapshot/log.h"
#include "kinds/node/state/book.h"
#include "kinds/node/watch/look.h"

#define L2_PROCEDURE_1 "procedure 1: pawl node restore"
#define L2_PROCEDURE_2 "procedure 2: pawl node recover --latest-valid"
#define L2_PROCEDURE_3 \
	"procedure 3, while the node is stopped: pawl node rebuild-reorg-db"

/* Of a quiet layer, too, whose state has an anchor already. */
#define L2_NEWER_ANCHOR "pawl node create-anchor --again"

struct l2_trouble {
	char why[800], remedy[500];
};

/* Each is false, and says nothing, where all is well. */

/* The log could not be read: e, which is not OK. */
bool trouble_of_reading(
    struct l2_trouble *ret, enum err e, const struct fail *f, const struct l2_look *look);
/* No snapshot of it holds, or newer ones do not. unsure: not all that knows of anchors
 * could be asked, for this; NULL: it could. */
bool trouble_of_log(struct l2_trouble *ret, const char *log, const struct l2_end *end,
    const struct book_sums *sums, const struct fail *unsure);
/* It is not there, or empty, and the journal has anchored states. */
bool trouble_of_lost(
    struct l2_trouble *ret, struct journal *j, const struct l2_look *look);
/* The state of the newest one that holds is not of this journal: by who asks. */
void trouble_of_state(struct l2_trouble *ret, const char *log, const char *root,
    const struct book_sums *sums);
/* Of the journal's peg-ins: minted, their transactions in no block any more, and nobody
 * has said that it is settled. */
bool trouble_of_minted(struct l2_trouble *ret, struct journal *j);
/* Settled so, and in a block again; and nobody has said that he looked at that. */
bool trouble_of_settled(struct l2_trouble *ret, struct journal *j);
/* Of its peg-outs: they stand on anchors that no block has (any more). It reads all of
 * them, where there are such anchors. */
bool trouble_of_pegouts(struct l2_trouble *ret, struct journal *j);
/* Of a state from elsewhere: minted there, and nobody here knows of a block. No trouble,
 * but for people to look at. */
bool told_of_unseen(struct l2_trouble *ret, struct journal *j);
/* It is in no block any more; or in none yet, for as long as Bitcoin takes for more than
 * so many blocks, ten minutes each. */
bool trouble_of_anchor(
    struct l2_trouble *ret, const struct anchor *a, int64_t now_ms, uint64_t most);
/* The journal had that state, and has no such anchor: by who asks. */
void trouble_of_unknown_anchor(struct l2_trouble *ret, const char *hash);
/* Between its anchor's block, of this height, and the head there are *ret_behind blocks;
 * true: nobody can say how many. journal NULL: none knows of its chain. */
bool trouble_of_height(struct l2_trouble *ret, struct journal *j, uint64_t height,
    uint64_t head, uint64_t *ret_behind);
/* So many blocks behind Bitcoin. */
bool trouble_of_distance(struct l2_trouble *ret, uint64_t behind, uint64_t most);
/* The reorg database could not be opened, or read: e, which is not OK. */
bool trouble_of_database(struct l2_trouble *ret, enum err e, const struct fail *f);
/* Values of it are not what they should be. */
bool trouble_of_values(struct l2_trouble *ret, uint64_t n, const char *first);

#endif
