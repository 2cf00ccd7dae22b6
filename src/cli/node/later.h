/* later.h - is an anchor of a state that came after the one to which a journal goes back?
 *
 * The journal knows by which change it made an anchor, and whether that led to the state.
 * Of one that came from elsewhere, or where the state does, the log knows which of its
 * snapshots come before that one and which behind. No clock is asked where either knows:
 * it may have been wrong, or set back.
 */
#ifndef PAWL_CLI_NODE_LATER_H
#define PAWL_CLI_NODE_LATER_H

#include "journal/journal.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/snapshot/log.h"

/* A state, and the snapshot of it, where it is one of a log. */
struct later {
	struct journal *journal;
	int64_t after; /* the change that it is behind; -1: it is of another journal */
	uint64_t since_ms;
	struct l2_log *log; /* may be NULL */
	struct l2_block block;
	/* Those of the log, when it was read for them. */
	struct later_seen {
		struct hash anchor;
		bool behind;
	} * seen;
	size_t n;
	bool looked;
};

/* Of struct later; the log is read through when it is needed first. */
bool later_is(void *ctx, const struct anchor *a);
void later_release(struct later *l);

#endif
