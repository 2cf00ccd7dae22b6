/* listing.h - operations and their rows, as they are told over HTTP.
 *
 * A page at a time, by named statements whose work is bounded whatever the journal
 * holds: a page may be short, or empty, and there may be more all the same: `next` says
 * so. Of what is in the open transaction too: the answer leaves behind its commit.
 */
#ifndef PAWL_SERVE_LISTING_H
#define PAWL_SERVE_LISTING_H

#include "base/buf.h"
#include "engine/engine.h"
#include "serve/request/request.h"

#define LISTING_BYTES_MAX ((size_t)4 * 1024 * 1024) /* of 1,000 rows, with long memos */

void listing_operations(struct buf *out, struct journal *j, const struct request *q);

void listing_items(struct buf *out, struct journal *j, const struct operation *o,
    const struct request *q);

/* All that is known of one; waits_for: of what, as whoever has a runner says it. */
void listing_operation(
    struct buf *out, struct journal *j, const struct operation *o, const char *waits_for);

#endif
