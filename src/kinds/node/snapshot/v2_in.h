/* v2_in.h - what the writer and the reader of records share. */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_V2_IN_H
#define PAWL_KINDS_NODE_SNAPSHOT_V2_IN_H

#include "kinds/node/snapshot/v2.h"

size_t v2_width(enum l2_type type); /* bytes of a number in a body */

#endif
