/* link.h - a log and a reorg database are a node's own, and no symbolic links to others:
 * what writes one anew gives its name to another file, and what writes through a link
 * writes where somebody else may have pointed it.
 */
#ifndef PAWL_KINDS_NODE_LINK_H
#define PAWL_KINDS_NODE_LINK_H

#include <stdbool.h>

#include "base/err.h"

#define L2_LINK_TOLD 420

/* Is it one? Then what is wrong with that, and what to type. */
bool l2_is_link(const char *path, char what[L2_LINK_TOLD], char remedy[L2_LINK_TOLD]);
/* It is to be written. fails: INPUT, it is one. */
NODISCARD enum err l2_itself(const char *path, struct fail *f);

#endif
