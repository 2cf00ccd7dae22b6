/* auth.h - who asks a node that wants to know: HTTP Basic.
 *
 * User and password come from the config as a secret, or stand in a file that the node
 * itself writes anew at each of its starts (the cookie of bitcoind): "user:password".
 * That is read when it is needed first, and again after the node did not accept it. No
 * message has any of it, and what a node answers with is cleaned of it.
 */
#ifndef PAWL_CHAIN_POOL_AUTH_H
#define PAWL_CHAIN_POOL_AUTH_H

#include <stdbool.h>

#include "base/err.h"
#include "crypto/secret.h"

struct auth {
	char *cookie;               /* its path; NULL: none */
	const struct secret *login; /* borrowed; NULL: none */
	struct secret *read;        /* what the file has; NULL: not read */
	char *line;                 /* the line of the header; NULL: not made */
	char why[160];              /* there is none; "": there is, or nobody wants it */
};

void auth_init(struct auth *a, const char *cookie, const struct secret *login);
void auth_release(struct auth *a);

/* The line of a request's header, borrowed until the next call; NULL: there is none, and
 * a node that wants one will refuse. */
const char *auth_line(struct auth *a);

/* It was not accepted: it is made anew. What to say of that: why the file can't be read,
 * or that it is not accepted. */
const char *auth_refused(struct auth *a);

/* It becomes asterisks. */
void auth_redact(const struct auth *a, char *text, size_t len);

#endif
