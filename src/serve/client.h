/* client.h - the other side of the socket: a command that asks the owner.
 *
 * It waits: one question at a time, on a world of its own. A signal that asks to stop
 * ends the waiting. What an owner answers is read as any bytes from outside are.
 */
#ifndef PAWL_SERVE_CLIENT_H
#define PAWL_SERVE_CLIENT_H

#include <jansson.h>

#include "serve/command/command.h"
#include "serve/submit/handover.h"
#include "serve/watch/standing.h"

struct client;

/* The owner of this journal. fails: NOT_SENT (nobody listens), CONFIG, SYSTEM. */
NODISCARD enum err client_open(struct client **ret, const char *journal, struct fail *f);
void client_close(struct client *c); /* NULL is fine */

/* The world that it waits on: its clock and signals. */
struct world *client_world(struct client *c);

/* What an owner takes longer for than after_ms is said, once a question: why, and how
 * long it is awaited still, patience_ms in all. Before that is called nothing is said. */
#define CLIENT_PATIENCE_MS 60000 /* until then */
typedef void client_say_fn(void *ctx, const char *why, int64_t left_ms);
void client_waits(struct client *c, int64_t after_ms, int64_t patience_ms,
    client_say_fn *say, void *ctx);

/* Did the owner that was asked end meanwhile? Then all is begun again. One that is there,
 * and silent, did not: what he is asked again he would do as often. */
bool client_lost(const struct client *c, enum err e);

/* What all of these may fail with besides the owner's refusal, which is passed on as it
 * is: NOT_SENT and UNANSWERED (the owner ended, or is silent; the latter may have done
 * it), STOPPED (a signal), BAD_ANSWER. */

/* A command; where the nodes must say something first it is asked again for a while. */
NODISCARD enum err client_command(
    struct client *c, const struct request *q, struct told *ret, struct fail *f);

/* A new operation, and a part of its rows (lines, given away). */
NODISCARD enum err client_create(
    struct client *c, const struct handover *h, struct told *ret, struct fail *f);
NODISCARD enum err client_rows(
    struct client *c, const char *operation, struct buf *lines, struct fail *f);

/* {"endpoints":[..]}, each for endpoint_decode; the caller's. */
NODISCARD enum err client_endpoints(struct client *c, json_t **ret, struct fail *f);

/* Watch an operation until it does not go on by itself: then how that is, OK: it
 * ended. */
typedef void standing_fn(void *ctx, const struct standing *s);
NODISCARD enum err client_follow(struct client *c, const char *operation,
    standing_fn *each, void *ctx, struct fail *f);

#endif
