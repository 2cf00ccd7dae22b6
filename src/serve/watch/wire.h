/* wire.h - what goes over the socket, as JSON: written by an owner, read by a client that
 * believes it no more than it believes any other bytes. */
#ifndef PAWL_SERVE_WATCH_WIRE_H
#define PAWL_SERVE_WATCH_WIRE_H

#include <jansson.h>

#include "serve/command/command.h"
#include "serve/watch/standing.h"

/* {"error","name","exit"}, and the status of HTTP that goes with it. */
void wire_fail_encode(struct buf *out, enum err e, const char *why);
int wire_status(enum err e);
/* The error of it, and its sentence; BAD_ANSWER when it is none. */
enum err wire_fail_decode(const json_t *o, struct fail *f);

/* An array of its lines. */
json_t *wire_lines(const char *lines);
void wire_told_encode(struct buf *out, const struct request *q, const struct told *told);
bool wire_told_decode(const json_t *o, struct told *ret);

/* An event of a stream: "event: standing" with its data, "event: end", and "event:
 * stopping" of a process that ends before what it told of. */
void wire_standing_encode(struct buf *out, const struct standing *s);
bool wire_standing_decode(const json_t *o, struct standing *ret);
void wire_end_encode(struct buf *out, enum err e, const char *why);
void wire_stopping_encode(struct buf *out, const char *why);

#endif
