/* mirror.h - the reorg database follows the journal, while a runner lives.
 *
 * It is opened by a worker, and told behind the commit of what is told: so it may lack
 * what the journal has, and never has what the journal lacks. Nothing is remembered of
 * what was to be written: a start compares all that the journal has, and writes what
 * differs, in one batch. So a kill between the two, at whatever instant, loses nothing.
 *
 * What only the database has at a start (anchors, reorgs above the journal's own) was
 * written by another program, or for a journal that was lost: the journal takes it over.
 *
 * When it can't be opened or written the runner goes on, and it is tried again every
 * minute; what is wrong is logged once, and told by mirror_trouble.
 */
#ifndef PAWL_KINDS_NODE_REORGDB_MIRROR_H
#define PAWL_KINDS_NODE_REORGDB_MIRROR_H

#include "engine/engine.h"

struct mirror;

/* Lives and ends with one runner: world, runner, then this. path is copied. */
struct mirror *mirror_new(struct world *w, struct journal *j, const char *path);
void mirror_free(struct mirror *m); /* NULL is fine */

/* In a turn, behind what moves rows. */
void mirror_turn(struct mirror *m, struct runner *r);

/* Why it is behind; NULL: it is not, or nobody knows yet. */
const char *mirror_trouble(const struct mirror *m);
/* In this turn the journal has taken over anchors: blocks that were read before they came
 * may have them. True once for each time. */
bool mirror_took(struct mirror *m);
/* It has all that the journal has. */
bool mirror_whole(const struct mirror *m);
/* Values that were missing or others when it was compared. */
size_t mirror_written(const struct mirror *m);

#endif
