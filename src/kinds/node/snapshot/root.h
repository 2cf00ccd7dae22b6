/* root.h - the text whose SHA-256 is the root of a state, made and hashed in pieces.
 *
 * Who calls brings the records in the order of the text: for each list its count, and
 * then its records, sorted by id.
 */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_ROOT_H
#define PAWL_KINDS_NODE_SNAPSHOT_ROOT_H

#include "base/buf.h"
#include "kinds/node/snapshot/state.h"

struct root;       /* opaque, freed by root_end */
struct root_ahead; /* the same, by root_ahead_free */

/* What stands there behind a record's id and its colon, with the line feed. */
void root_rest(struct buf *b, enum l2_list list, const void *record);

struct root *root_begin(void);
void root_list(struct root *r, enum l2_list list, uint64_t n);
void root_record(struct root *r, enum l2_list list, const void *record);
/* One as it stands in that text, from its id to its line feed. */
void root_line(struct root *r, enum l2_list list, struct l2_bytes line);
void root_end(struct root *r, char out[L2_HEX]);

/* The root of a sorted state, by a thread of its own, while the caller does other work:
 * the lists of the state are not changed before it is free. get waits for it. */
struct root_ahead *root_ahead_begin(const struct l2_state *s);
void root_ahead_get(struct root_ahead *a, char out[L2_HEX]);
void root_ahead_free(struct root_ahead *a);

#endif
