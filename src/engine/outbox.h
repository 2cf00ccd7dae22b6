/* outbox.h - what wants to leave waits here for the commit (G1).
 *
 * advance() queues; the turn releases after the commit, in order, or drops. There is
 * no other way out: requests, signing, replies. An effect must be harmless at any
 * later time. Rows and effects live and die together: a savepoint that is rolled back
 * truncates the queue to its mark.
 */
#ifndef PAWL_ENGINE_OUTBOX_H
#define PAWL_ENGINE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

struct outbox;

struct effect {
	void (*release)(void *job); /* it leaves; takes the job over */
	void (*drop)(void *job);    /* it never leaves; takes the job over */
	void *job;
	bool commits; /* a send: the turn must commit, so that the epoch is compared */
};

struct outbox *outbox_new(void);
void outbox_free(struct outbox *o); /* drops what is left */
void outbox_add(struct outbox *o, const struct effect *e);
size_t outbox_mark(const struct outbox *o);
void outbox_truncate(struct outbox *o, size_t mark); /* drops what came after */
bool outbox_commits(const struct outbox *o);
void outbox_release(struct outbox *o); /* all, in order; effects may queue new ones */

#endif
