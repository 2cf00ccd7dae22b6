/* put.h - changes that a command makes of its own: done here, or by who owns the journal.
 */
#ifndef PAWL_CLI_NODE_PUT_H
#define PAWL_CLI_NODE_PUT_H

#include "cli/cli.h"
#include "cli/owner/loop.h"
#include "kinds/node/state/book.h"

/* The state in the open journal, to change. */
struct book *put_book(struct loop *l);

/* Lines (kinds/node/state/change.h), all of them or none. Where the answer of who did
 * them is lost they are put again: each has an id, or says nothing new the second time.
 * fails: as book_lines, and as own_do does. */
NODISCARD enum err put_lines(struct cli *c, const char *lines, struct fail *f);

#endif
