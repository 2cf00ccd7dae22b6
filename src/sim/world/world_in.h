/* world_in.h - inside the simulated world, shared by its files.
 *
 *   sim_world.c    the clock, the table of functions, the director's hand
 *   world_http.c   a request's way to a node and back, and its faults
 *   world_wire.c   sends that outlive the process which sent them
 *   queue.c        what will happen
 */
#ifndef PAWL_SIM_WORLD_IN_H
#define PAWL_SIM_WORLD_IN_H

#include "base/buf.h"
#include "sim/random.h"
#include "sim/world/queue.h"
#include "sim/world/sim_world.h"

#define NODES_MAX 64
#define FORCED_MAX 32

/* Lives until its last event has run. */
struct sim_request {
	struct sim_node *node; /* NULL: no such host */
	uint64_t id;
	enum sim_fault fault;
	char *body;
	size_t len, answer_max;
	http_done_fn *done;
	void *ctx;
	struct buf answer;
	int events;         /* that still need it */
	bool brief, hosted; /* by a host that is no node */
	struct sim_reply reply;
};

struct forced {
	enum sim_fault fault;
	const char *method;
	int node;
	uint32_t skip;
};

struct sim_world {
	struct world base;
	struct sim_world_options o;
	struct sim_node *nodes[NODES_MAX];
	struct sim_random dice, handed; /* own; what world_random gives */
	struct sim_queue queue;
	uint64_t requests, trace;
	uint32_t forced_n, still;
	struct forced forced[FORCED_MAX];
	uint64_t faults[SIM_FAULT_COUNT];
	int signal;
	bool gives; /* something, since the wait began */
	int64_t wall_jump_ms;
};

/* In that many ms from now. */
void sim_event_add(struct sim_world *w, int64_t after_ms, struct sim_event e);

/* -- world_http.c ---------------------------------------------------------- */

void sim_request_add(struct sim_world *w, const struct http_request *r);
void sim_request_arrive(struct sim_world *w, struct sim_request *q);
void sim_request_act(struct sim_world *w, struct sim_request *q);
void sim_request_deliver(struct sim_world *w, struct sim_request *q);
void sim_request_unuse(struct sim_request *q); /* an event has run */

/* -- world_wire.c ---------------------------------------------------------- */

/* Every raw transaction in the request's body leaves; it is on the wire until it arrives,
 * if it does. */
void sim_wire_put(struct sim_world *w, const struct sim_request *q, bool arrives);
void sim_wire_end(struct sim_world *w, const struct sim_request *q);
/* What an earlier life had sent arrives now, much later, or never. */
void sim_wire_resume(struct sim_world *w);
void sim_wire_arrive(struct sim_world *w, struct sim_node *n, struct sim_tx *t);

#endif
