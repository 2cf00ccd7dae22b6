/* drawer.h - a folder of its own with a journal in it, for the tests of the journal: open
 * it once, begin each test with drawer_clean. What fails, fails the test.
 */
#ifndef PAWL_TESTS_DRAWER_H
#define PAWL_TESTS_DRAWER_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"

#define PATH_BYTES 200

extern char path[PATH_BYTES]; /* of the journal */
extern const struct owner me;

bool drawer_open(void);  /* false: there is no folder */
void drawer_clean(void); /* it is empty, and path is pawl.db again */
void drawer_close(void); /* it is gone */

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

/* It ended so, and said that; of: what was tried. */
void says(
    enum err e, const struct fail *f, enum err want, const char *word, const char *of);
/* So does who wants to own it. */
void refused(enum err want, const char *word);

#endif
