/* drawer.h - a folder of its own with a journal in it, for the tests of the journal: open
 * it for a group, begin each test with drawer_clean. What fails, fails the test.
 */
#ifndef PAWL_TESTS_DRAWER_H
#define PAWL_TESTS_DRAWER_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"

#define PATH_BYTES 200

extern char path[PATH_BYTES]; /* of the journal */
extern const struct owner me;

int drawer_open(void **state);  /* a group's setup; not 0: there is no folder */
void drawer_clean(void);        /* it is empty, and path is pawl.db again */
int drawer_close(void **state); /* its teardown: it is gone */

const char *beside(const char *name); /* in the folder; for the next three calls */
bool there(const char *name);

struct journal *own(void);
struct journal *reader(void);
void commit(struct journal *j);

/* Of the reads of the disk n fail, from that one on, as a cable that is pulled; from 0:
 * none. Returns how many did since it was said last. */
int64_t drawer_reads_fail(int64_t from, int64_t n);

/* A row, to see again. */
void add_chain(struct journal *j, int64_t id);
bool has_chain(struct journal *j, int64_t id);
/* So many, numbered from 1, of which only the row is there. */
void add_operations(struct journal *j, int n);

/* It ended so, and said that; of: what was tried. */
void says(
    enum err e, const struct fail *f, enum err want, const char *word, const char *of);
/* So does who wants to own it. */
void refused(enum err want, const char *word);

#endif
