/* again.h - blocks that a node of a layer 2 has missed (anchor/missed.h) are read again,
 * one after the other, from whichever node has them.
 */
#ifndef PAWL_KINDS_NODE_AGAIN_H
#define PAWL_KINDS_NODE_AGAIN_H

#include "engine/engine.h"

struct again;

struct again *again_new(void);
void again_free(struct again *a); /* behind the runner; NULL is fine */

/* In a turn, of the chain that the blocks are of. */
void again_turn(struct again *a, struct runner *r, struct chain_run *c);
/* Since this was asked last blocks were read. */
bool again_read(struct again *a);
/* Why none can be read; NULL: it can, or there is none. */
const char *again_trouble(const struct again *a);

#endif
