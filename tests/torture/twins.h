/* twins.h - two copies of a journal run at once, on one chain.
 *
 * Each is a life with a disk of its own; they take turns in virtual time (struct baton).
 * One that dies rises at once. Both run until each has ended, or has stopped because of
 * the other one.
 */
#ifndef PAWL_TESTS_TWINS_H
#define PAWL_TESTS_TWINS_H

#include "life.h"

struct twins {
	struct stage *stage;
	/* How the next life of k dies; and was an end its death? */
	struct armed (*next)(void *ctx, int k);
	bool (*died)(void *ctx, int k, int end);
	void *ctx;
	bool stopped[2]; /* told: it did not end by itself */
};

/* The copy is there. How the last life ended that should not have ended so; LIFE_DONE:
 * none. */
int twins_live(struct twins *t);

#endif
