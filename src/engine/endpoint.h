/* endpoint.h - nodes that an operator has switched off: what the journal says of them,
 * and what the pool of a chain is told.
 *
 * Such a node is asked nothing, is sent nothing, and has no vote, in every life until it
 * is switched on. The quorum stays as large as the configuration says.
 */
#ifndef PAWL_ENGINE_ENDPOINT_H
#define PAWL_ENGINE_ENDPOINT_H

#include "engine/engine.h"

/* As journaled: to a chain that is begun, and after each change. */
void endpoints_load(struct journal *j, const struct chain_config *c, struct pool *p);
/* The same in the configuration, for who asks its nodes without a pool that is told. */
void endpoints_mark(struct journal *j, const struct chain_config *c);
/* Which of them are off; bits. */
uint32_t endpoints_off(struct journal *j, const struct chain_config *c);

/* By its name (node_name). fails: NOT_FOUND */
NODISCARD enum err endpoint_find(
    const struct chain_config *c, const char *name, int *ret, struct fail *f);

/* Journaled, with an event that names who said so; off NULL: on. *ret_moved false: it was
 * so already. fails: CONFLICT, too few providers would be left for a quorum, unless sure.
 */
NODISCARD enum err endpoint_switch(struct journal *j, const struct chain_config *c,
    int node, const struct node_off *off, const char *by, bool sure, bool *ret_moved,
    struct fail *f);

/* An event alone: what is forgiven was in memory. */
void endpoint_event(struct journal *j, const struct chain_config *c, int node,
    const char *from, const char *to, const char *by);

#endif
