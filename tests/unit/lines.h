/* lines.h - changes of a layer 2 as its tests write them: lines of JSON with ' for ". */
#ifndef PAWL_TESTS_LINES_H
#define PAWL_TESTS_LINES_H

#include "kinds/node/state/book.h"

/* What the config says; BOOK_FOLLOWS_NONE at first. */
extern enum book_chain lines_chain;
/* What log and reorg database say of an anchor that the journal has not; OK at first. */
extern enum err lines_rooted;

char *lines_json(const char *lines); /* freed with mem_free */

/* All of them or none; what they left is the caller's to commit. */
enum err lines_do(struct journal *j, int64_t wall_ms, const char *lines,
    struct book_done *done, struct fail *why);

#endif
