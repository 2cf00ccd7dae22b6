/* replace.h - a state from elsewhere takes the place of the journal's.
 *
 * What is given up by it is counted first, as far as it is money, and only the line that
 * bears the word for just that does it. What there was is kept as a file, on the medium,
 * before the one commit in which all of it changes. Where the journal has that state
 * already, nothing is done: whoever was killed in it types it again.
 */
#ifndef PAWL_CLI_NODE_REPLACE_H
#define PAWL_CLI_NODE_REPLACE_H

#include "cli/cli.h"
#include "cli/node/newest.h"
#include "kinds/node/snapshot/log.h"
#include "kinds/node/state/book.h"

#define KEPT_MAX 1024

struct replacing {
	struct l2_state *state; /* is sorted */
	uint64_t since_ms;      /* its time */
	struct l2_log *log;     /* that has it; may be NULL */
	struct l2_block block;  /* its snapshot there */
	/* Of that log, and given up, too: what there is besides, where the journal has
	 * nothing yet, else one of a state that it never had; may be NULL. */
	const struct newest *newer;
	const char *doubt;       /* why a snapshot of it is not verified; NULL: it is */
	const char *what, *line; /* "snapshot 3 of LOG"; to type, but for --yes */
	const char *keep;        /* where to: this with .before_<time> behind it */
	uint32_t yes;
};

struct replaced {
	bool moved; /* false: it was that state */
	bool fresh; /* the journal had no state */
	struct book_restored done;
	/* What made the state is not all known by its ids: told already, with a refusal
	 * and when it is done; "": it is. */
	char unknown[500];
	char kept[KEPT_MAX]; /* what there was; "": nothing */
};

/* Owns the journal for it. fails: OWNED, with what to do; CONFLICT, what is given up, and
 * the line to type; as book_restore does. */
NODISCARD enum err replace_state(
    struct cli *c, const struct replacing *r, struct replaced *ret, struct fail *f);

/* ", 2 completed peg-outs of .." and so on, to what may be told behind it. */
void replace_lost_tell(struct buf *out, const struct book_lost *lost);
/* ", with other records (2 balances, 1 peg-in)": what there is to say where the supply is
 * the same. */
void replace_others_tell(struct buf *out, const struct book_lost *lost);

/* What became of the changes of a journal that had the state: "as behind change 2: ..".
 */
#define REPLACED_TOLD 240
void replaced_tell(const struct book_restored *done, char out[REPLACED_TOLD]);

/* What to do about a peg-out on an anchor that is not known, where the journal has it. */
#define ANCHORS_BACK                                                                     \
	"Its anchor comes back, where a copy has it, by: pawl node restore --only "      \
	"reorg-db, or pawl node rebuild-reorg-db; else a peg-out gets another one by a " \
	"change: pegout_anchor (pawl node apply), with \"by_hand\":true where it is "    \
	"completed"

#endif
