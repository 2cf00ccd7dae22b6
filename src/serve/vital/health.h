/* health.h - /health and /ready: how the process is, from its memory and its journal.
 *
 * Nothing is asked of the network. Without a runner there is no room on the journal's
 * disk: that is all that can be said then.
 */
#ifndef PAWL_SERVE_VITAL_HEALTH_H
#define PAWL_SERVE_VITAL_HEALTH_H

#include "base/buf.h"
#include "serve/vital/vital.h"

struct l2_figures; /* kinds/node/watch/watch.h */

struct due_kept;

struct health_at {
	struct due_kept *due; /* NULL: it is counted each time */
	struct world *world;
	struct journal *journal;
	struct runner *runner; /* NULL: its last turn found the disk full.. */
	const char *full;      /* ..and said so */
	const struct pulse *pulse;
	const struct l2_figures *node; /* of a layer 2; NULL: it is none */
	/* Of the journal's file system, in bytes; -1: not known. */
	int64_t disk_free, disk_size;
	const char *version;
	int64_t since_wall_ms; /* when this life began */
};

/* What subscribers have not got yet. */
struct due {
	int64_t n, oldest_ms; /* so long the oldest of it is due */
	int64_t suspended;    /* subscribers */
};

/* What it took long to count holds for a while: whoever asks all the time does not keep
 * the turns from coming. */
struct due_kept {
	struct due due;
	int64_t until_ms;
};

void due_read(struct due *ret, const struct health_at *at);

/* The same in a line, without its end. */
void health_line(char *out, size_t size, const struct runner *r);

/* One JSON object; both return the status of HTTP that goes with it. */
int health_encode(struct buf *out, const struct health_at *at);
int ready_encode(struct buf *out, const struct health_at *at);

#endif
