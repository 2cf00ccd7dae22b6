/* mortal.h - a journal's processes, a function and a fork each, one after the other on a
 * disk that forgets. What they have to say lies beside the disk, and forgets nothing.
 */
#ifndef PAWL_TESTS_MORTAL_H
#define PAWL_TESTS_MORTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"
#include "sim/disk/disk.h"

#define DEATH 99 /* exit code of a process that died by its disk */
#define PATH "/disk/pawl.db"

extern struct sim_disk *disk;
extern const struct owner me;

/* Once: the disk, not formatted. false: there is no memory. */
bool mortal_begin(size_t file_max);
void *mortal_share(size_t size); /* of all processes; NULL: there is none */

/* The exit code of a process that lives on the disk until its n-th op; 0: to its end. */
int mortal_run(void (*act)(void), int64_t die_at);
const char *mortal_why(void); /* the last one that said it had to end */

/* In a process: it ends here, and says why; or if that went wrong. */
void mortal_say(enum err e, const char *why);
void mortal_must(enum err e, const struct fail *f);

/* Rows of the table of chains, numbered from 1 on. */
int64_t rows(struct journal *j);

#endif
