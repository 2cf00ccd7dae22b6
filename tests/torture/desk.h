/* desk.h - the owner's socket on the stage, and who asks there.
 *
 * serve.c is the program's own, whole. Under it lies a server without a network: what
 * world/server.h declares is here, and hands bytes over. Who asks is another process: an
 * owner that dies leaves him without an answer, and he asks the next one, by what he sees
 * then. One question at a time. What was answered must be in the journal from then on.
 */
#ifndef PAWL_TESTS_DESK_H
#define PAWL_TESTS_DESK_H

#include "life.h"
#include "serve/command/command.h"

struct desk;

struct desk *desk_open(struct stage *s, struct world *w, struct journal *j);
/* Who waits for an answer gets none. Before the world is freed. */
void desk_close(struct desk *d);
/* When the runner is freed: it may hold what was asked. */
void desk_free(struct desk *d);

/* Around a turn of its owner. A scenario with an operator has one who does what he is
 * told: he resumes what stopped, and types the lines that he gets instead. */
void desk_turn(struct desk *d, struct runner *r);
void desk_tell(struct desk *d, struct runner *r);

/* For a scenario's `asks`, which is called when nothing is on the desk: a command, or
 * the bytes of CREATE or ROWS. The answer comes to its `answered`. */
void desk_ask(struct desk *d, const struct request *q);
void desk_ask_with(struct desk *d, const struct request *q, struct buf *body);

struct journal *desk_journal(struct desk *d); /* to read */
/* Of an operation, as who asks reads it from the journal; false: it is not there. */
bool desk_look(struct desk *d, const char *name, struct operation *ret);

#endif
