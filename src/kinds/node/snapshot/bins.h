/* bins.h - the records of a list as lines of the text of a root, brought in any order and
 * told by id.
 *
 * Each line goes to a bin by what its id begins with, and a bin is sorted when it is
 * told: all that is looked at in any order is small by then. Which ids part the bins is
 * learned from the first lines. Memory is that of the lines, and 16 bytes a line of the
 * largest bin; of a bin whose lines came in order, it is the lines alone.
 */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_BINS_H
#define PAWL_KINDS_NODE_SNAPSHOT_BINS_H

#include "kinds/node/snapshot/root.h"

struct bins;

/* n: how many are going to come. */
struct bins *bins_new(uint64_t n);
void bins_free(struct bins *b); /* NULL is fine */

/* rest: what stands behind the id and its colon, and ends with a line feed. */
void bins_add(struct bins *b, struct l2_bytes id, struct l2_bytes rest);

/* Others that part as these do, once these are parted: NULL before. They go with
 * bins_join, behind those that are there, or with bins_free. */
struct bins *bins_beside(const struct bins *b);
void bins_join(struct bins *b, struct bins *others);

/* All of them, sorted. true: an id is there twice; *ret_id is the first such one, and
 * lasts as the bins do. */
bool bins_tell(
    struct bins *b, enum l2_list list, struct root *r, struct l2_bytes *ret_id);

#endif
