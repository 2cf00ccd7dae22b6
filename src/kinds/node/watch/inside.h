/* inside.h - what the parts of the watch share: watch.c, and state.c, which compares the
 * journal with the newest snapshot.
 */
#ifndef PAWL_KINDS_NODE_WATCH_INSIDE_H
#define PAWL_KINDS_NODE_WATCH_INSIDE_H

#include "kinds/node/anchor/anchor.h"
#include "kinds/node/judge/judge.h"
#include "kinds/node/watch/watch.h"

/* What a worker does. */
struct watch_job {
	struct l2_watch *watch; /* of which it reads paths alone */
	bool knows;             /* the log as it was before, */
	struct l2_look before;  /* and how it looked */
	struct l2_look look;
	bool judges; /* the log: what knows of anchors is as it will be */
	struct judge_anchors anchors; /* what the journal is asked for */
	bool read, unsure; /* unsure: not all that knows anchors could be asked; fail */
	struct l2_end end;
	enum err err;
	struct fail fail;
};

#define PEGS_MAX 900 /* of what is said of pegs */

struct l2_watch {
	struct world *world;
	struct journal *journal;
	char *chain;
	char *own[4];
	struct l2_paths paths; /* these */
	char name[JOURNAL_NAME];
	int64_t since_ms, look_ms;
	struct watch_job *out, *back;
	struct book_recount *recount;
	struct book_counted counted;
	bool read; /* the log was, and is as it was then: */
	struct l2_end end;
	bool backup_noted; /* a file says that the last one failed (backup.h) */
	bool has_anchor;   /* its newest valid snapshot: */
	struct hash anchor;
	/* How the journal compares with it; what was minted with nothing behind it, or
	 * else peg-outs on anchors that no block has, come in its place where that is
	 * well, as long as it is so. "": nothing */
	struct l2_step_now compared;
	char uncovered[PEGS_MAX], stranded[PEGS_MAX];
	struct l2_figures now;
};

void step_end(struct l2_watch *w, enum l2_step step, enum l2_how how, const char *fmt,
    ...) PRINTF(4, 5);

#define L2_TIME_MAX 32
void watch_time(char out[L2_TIME_MAX], int64_t wall_ms);

/* Ends the step: recounted, and compared with the snapshot. */
void state_tell(struct l2_watch *w);
/* What is said of pegs is another. */
void state_tell_again(struct l2_watch *w);

#endif
