/* keyed.h - a command that a client has given a key, so that it is done once.
 *
 * The key stands for the command and for what came of it, for ever, in the commit of its
 * effect: who sends the command again gets that answer, with the state of today (but not
 * of what was taken back since: command/changes.h). A command that was refused changed
 * nothing, and leaves its key free. Keys of one token are none of another's. A journal
 * that was put back has forgotten later ones.
 */
#ifndef PAWL_SERVE_REQUEST_KEYED_H
#define PAWL_SERVE_REQUEST_KEYED_H

#include "journal/journal.h"
#include "serve/request/canon.h"

#define KEYED_NAME_MAX 256 /* with its NUL */

struct keyed {
	bool lines;               /* its command is a body of LINES */
	const char *scope, *name; /* borrowed; name NULL: it has no key */
	struct canon canon;
};

/* scope: the name of a token, "" on the socket. fails: USAGE (no key, no body). */
NODISCARD enum err keyed_read(struct keyed *ret, const char *scope, const char *name,
    const struct request *q, const char *body, size_t len, struct fail *f);

/* What it led to. *ret_status 0: nothing yet. fails: CONFLICT (it stands for another
 * command). */
struct buf;
NODISCARD enum err keyed_find(const struct keyed *k, struct journal *j,
    struct buf *ret_answer, int *ret_status, struct fail *f);

/* operation 0: it led to none. */
void keyed_put(const struct keyed *k, struct journal *j, int64_t operation, int status,
    const char *answer, int64_t wall_ms);

#endif
