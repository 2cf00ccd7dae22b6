/* watch.h - how the node of a layer 2 is: its start, step by step, and from then on.
 *
 * The steps are those of the crash recovery guide. Each start goes through all of them,
 * and each ends with a line of the log:
 *
 *   data folder      is it there, and this process' to use
 *   reorg database   open, and equal to the journal, which wins
 *   snapshots        the newest valid one of the log, found from its end, and judged
 *                    (judge.h) behind the step before
 *   state            that of the journal, recounted; what the snapshot has differs how
 *   Bitcoin          followed up to its head; reorgs of the time when nothing ran
 *
 * What is wrong with a file stops nothing: the step says which procedure mends it, the
 * others go on, and it is looked at again each minute. Rows of the state that contradict
 * its totals end the process (exit 6), as damage of the journal does anywhere.
 *
 * Files are looked at by a worker, a database is not opened, the state is recounted some
 * rows a turn: no turn waits for the size of anything.
 */
#ifndef PAWL_KINDS_NODE_WATCH_WATCH_H
#define PAWL_KINDS_NODE_WATCH_WATCH_H

#include "engine/engine.h"
#include "kinds/node/node.h"
#include "kinds/node/snapshot/log.h"
#include "kinds/node/state/book.h"
#include "kinds/node/watch/look.h"

enum l2_step {
	L2_STEP_FOLDER,
	L2_STEP_DATABASE,
	L2_STEP_SNAPSHOT,
	L2_STEP_STATE,
	L2_STEP_BITCOIN,
	L2_STEPS
};

enum l2_how { L2_WAITS, L2_WELL, L2_TROUBLE };

const char *l2_step_name(enum l2_step step); /* "data folder" */

/* What is told to people and to Prometheus. */
struct l2_figures {
	struct l2_step_now {
		enum l2_how how;
		char said[900]; /* how it went; in trouble, with what to type */
	} steps[L2_STEPS];
	bool started;        /* each of them has ended once */
	bool looked;         /* at the files: */
	struct l2_look look; /* up to a minute ago */
	bool has_snapshot;   /* one that holds: */
	uint64_t snapshot_ms, snapshot_bytes;
	bool has_height; /* Bitcoin is followed: */
	uint64_t height;
	/* The block that has the snapshot's anchor lies so far below that, where that can
	 * be said. */
	bool has_divergence;
	uint64_t divergence, max_divergence;
	bool diverged, log_large, database_large, disk_low, backup_old;
	int64_t backup_every_ms; /* 0: never */
	bool backup_failed;
	char backup_why[400], anchor_why[1000]; /* "": nothing */
};

struct l2_watch;

/* Of the state, in a turn. A test may lower it. */
extern int64_t watch_rows_a_turn;

/* config as for l2_node_new: copied. */
struct l2_watch *watch_new(
    struct world *w, struct journal *j, const struct l2_node_config *config);
void watch_free(struct l2_watch *w); /* NULL is fine; after its world */

/* What l2_node_configure says. */
void watch_configure(
    struct l2_watch *w, int64_t backup_every_ms, uint64_t max_divergence);

/* What the node knows of the rest. */
struct watch_seen {
	const char *database_trouble; /* NULL: none */
	bool database_whole;
	size_t database_written; /* values, to make it so */
	const char *chain_trouble;
	bool pegins_moved; /* blocks came, or went, that may have some; at first, too */
	bool has_head, had_height;
	uint64_t head, height_before; /* the latter: when this life began */
	bool at_head;                 /* all is read up to there */
	int reorgs;                   /* in this life */
};

/* Behind all else of a turn. */
void watch_turn(struct l2_watch *w, struct runner *r, const struct watch_seen *seen);
/* How the last backup went; NULL: well. */
void watch_backed(struct l2_watch *w, const char *why);

const struct l2_figures *watch_figures(const struct l2_watch *w);

#endif
