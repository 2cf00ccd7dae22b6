/* gate.h - who may ask over TCP: bearers of a token (RFC 6750), and no page of a browser.
 *
 * Whoever has any of the tokens may ask for everything. What is kept of one is its
 * SHA-256, in guarded memory, and it is compared in constant time. Pages can be made to
 * ask on behalf of who looks at them: what names another origin than the listener's own
 * is refused, token or not. What it tells of itself (vitals.def) needs none, unless it is
 * asked for under a name that a page may have led here.
 */
#ifndef PAWL_SERVE_DOOR_GATE_H
#define PAWL_SERVE_DOOR_GATE_H

#include "base/buf.h"
#include "crypto/secret.h"
#include "serve/door/listener.h"
#include "world/server.h"

struct gate;

/* Of an open listener, which it only looks at now. Without a token all is refused. */
struct gate *gate_new(const struct listener *l);
void gate_open_metrics(struct gate *g); /* they need no token */
void gate_free(struct gate *g);         /* NULL is fine */
/* From now on those of the other one may ask, which is freed, and nobody else. */
void gate_renew(struct gate *g, struct gate *other);
/* name: in the configuration, and of what is done with it; both are only read. */
void gate_token(struct gate *g, const char *name, const struct secret *token);

/* For server_setup.admit: 0, 401 or 403. It is the name of the token. */
int gate_admit(
    void *gate, const struct server_head *head, const char **ret_who, struct buf *why);

#endif
