/* endpoint.h - the nodes of all chains, as they are told to whoever asks, and the
 * commands to one of them. Nothing of it is a secret: a node is its host and port.
 */
#ifndef PAWL_SERVE_COMMAND_ENDPOINT_H
#define PAWL_SERVE_COMMAND_ENDPOINT_H

#include <jansson.h>

#include "serve/command/command.h"

struct endpoint_told {
	char chain[64], name[NODE_NAME_MAX];
	char state[16]; /* node_standing_name */
	char why[160];  /* "": well, or off */
	char by[NODE_BY_MAX];
	int64_t since_ms; /* off since then, by the wall */
	int64_t for_ms;   /* and the state changes by itself then; 0: it does not */
	int64_t weight, in_flight;
	bool has_head;
	int64_t head, lag; /* behind the highest head of its chain */
	bool has_figures;  /* the rest is there */
	int64_t p50_ms, p95_ms, requests, errors, failed[FAILURE_COUNT];
};

/* Of the nodes of a chain that is followed. lag is to be filled in: endpoints_lag. */
void endpoint_of(
    const struct chain_run *c, int64_t now_ms, int node, struct endpoint_told *ret);
/* Rows of one chain stand together. */
void endpoints_lag(struct endpoint_told *rows, size_t n);

json_t *endpoint_encode(const struct endpoint_told *e);
/* false: it is none */
bool endpoint_decode(const json_t *o, struct endpoint_told *ret);

/* All that the runner follows, as {"endpoints":[..]}. */
void endpoints_encode(struct buf *out, const struct runner *r);

/* off, on and reset; q->name is CHAIN/ENDPOINT. fails: NOT_FOUND, CONFIG, CONFLICT. */
NODISCARD enum err endpoint_do(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f);

#endif
