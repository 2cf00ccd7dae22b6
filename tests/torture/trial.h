/* trial.h - an act on a disk that forgets, in each way that it can end early: it dies at
 * an op, the power goes or not, the disk is full, a sync fails. Each time what is there
 * must hold, the act is done once more, and then it is whole.
 */
#ifndef PAWL_TESTS_TRIAL_H
#define PAWL_TESTS_TRIAL_H

#include "mortal.h"

/* The functions are processes of mortal_run. */
struct trial {
	const struct sim_disk_image *begin; /* the disk before it */
	void (*act)(void);
	void (*either)(void); /* what is there, if it was done or not */
	void (*done)(void);   /* it is whole */
	void (*over)(void);   /* of the test, behind each; NULL: nothing */
	int64_t every;        /* it dies at each so many-th op */
};

/* At the ops, with and without the power. How often a start was rightly refused: where
 * the power goes while a -wal begins anew, the sector of its header may be spoiled with a
 * transaction whole behind it, and that this was never synced nobody can tell. */
int trial_deaths(const struct trial *t);
/* The disk is full, or a sync fails: it says so. */
void trial_failures(const struct trial *t);

/* An exit code. */
void trial_expect(int is, int want, const char *when, int64_t n);
/* In a process: the journal, owned. */
struct journal *trial_own(void);
/* In a process: all of this kind that is old enough goes into files. */
void trial_archive(const char *kind, int64_t wall_ms);

#endif
