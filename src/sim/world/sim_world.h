/* sim_world.h - the simulated outside: struct world in virtual time, decided by a seed.
 *
 * HTTP to http://node-N.sim/ reaches nodes[N] after a virtual latency, and may meet a
 * fault on its way; what other hosts do is the director's; work runs inline when its time
 * comes; blocks are mined by the chain's interval in between. Nothing runs but in
 * world_wait. The same seed over the same chain and the same caller gives the same trace.
 *
 * A world dies with its process, the chain does not: the clock goes on where it was,
 * and sends that were under way stay on the wire, in the chain's region. The next
 * world over it delivers some of them, at its own times, and loses the others.
 */
#ifndef PAWL_SIM_WORLD_H
#define PAWL_SIM_WORLD_H

#include "sim/chain/sim_chain.h"
#include "sim/node/fault.h"
#include "sim/node/node.h"
#include "world/world.h"

typedef void sim_event_fn(void *ctx);
typedef void sim_stuck_fn(void *ctx, const char *why);
typedef void sim_sent_fn(void *ctx, const struct sim_tx *t);

/* What a host that is no node answers, decided when a request leaves. */
struct sim_reply {
	enum http_end end;
	int status;
	int64_t retry_after_ms; /* -1: it says none */
	const char *body;       /* NULL: whatever */
	size_t len;             /* of it */
	int64_t after_ms;       /* until the answer is there, or is given up */
	uint64_t dice;          /* its order within an instant */
	void *of;               /* for `answered` */
};

/* false: there is no such host. */
typedef bool sim_host_fn(void *ctx, const struct http_request *r, struct sim_reply *ret);

/* All-zero but for chain and nodes is valid: the default stands behind each. */
struct sim_world_options {
	struct sim_chain *chain;
	struct sim_node *const *nodes; /* copied */
	uint32_t nodes_n;
	uint64_t seed;
	int64_t latency_ms;     /* one way, at most; 20 */
	int64_t work_ms;        /* of a job, at most; 2 */
	int64_t retry_after_ms; /* 1,000 */
	int64_t clock_ms; /* the monotonic clock is the chain's plus this (a reboot) */
	uint64_t stale_blocks;   /* 3 */
	uint32_t wire_per_mille; /* of the sends left on the wire still arrive; 500 */
	/* chance of each, besides the node's own; [NONE] is not read */
	uint32_t per_mille[SIM_FAULT_COUNT];
	int64_t last_ms; /* of the chain's clock: later is stuck; 0: none */
	/* Nothing can happen any more (a wait for ever with nothing due, a clock that
	 * does not move, last_ms). NULL: the process ends. If it returns, so does the
	 * wait. */
	sim_stuck_fn *stuck;
	sim_event_fn *before;               /* each event; NULL: none */
	void (*asked)(void *ctx, int node); /* a request to it leaves; NULL: as sent */
	sim_sent_fn *sent; /* bytes of a transaction leave; NULL: nobody looks */
	sim_host_fn *host; /* hosts that are no nodes; NULL: there are none */
	/* Such a request is over; whole: its status came back. */
	void (*answered)(void *ctx, void *of, bool whole);
	void *ctx;        /* of all these */
	uint64_t *faults; /* each is counted here, too, by its kind; NULL: not */
};

struct sim_world;

struct world *sim_world_open(const struct sim_world_options *options);
struct sim_world *sim_world_of(struct world *w); /* CHECK that it is one */

/* The next request that fits meets this fault, whatever the chances say: to this node
 * (-1: any) and with this method in it (NULL: any, static text), after skipping some.
 * At most 32 are remembered. */
void sim_world_force(struct sim_world *w, enum sim_fault fault, const char *method,
    int node, uint32_t skip);
void sim_world_chance(struct sim_world *w, enum sim_fault fault, uint32_t per_mille);
/* Call fn in that many ms, from world_wait. */
void sim_world_after(struct sim_world *w, int64_t ms, sim_event_fn *fn, void *ctx);
void sim_world_signal(struct sim_world *w, int signal);
void sim_world_jump(struct sim_world *w, int64_t wall_ms); /* the wall clock alone */

/* When the next thing of its own happens, by world_now_ms: now, if a wait ended with
 * something; INT64_MAX: nothing. Blocks are everybody's. */
int64_t sim_world_due_ms(const struct sim_world *w);

uint64_t sim_world_trace(const struct sim_world *w); /* of all that happened */
uint64_t sim_world_faults(const struct sim_world *w, enum sim_fault fault);

#endif
