/* queue.h - what will happen, by its time, and within an instant by a throw of dice.
 * All-zero is an empty queue. */
#ifndef PAWL_SIM_QUEUE_H
#define PAWL_SIM_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct sim_request;
struct sim_tx;
struct sim_node;

enum sim_event_kind {
	EVENT_ARRIVE,
	EVENT_ACT,
	EVENT_DELIVER,
	EVENT_WORK,
	EVENT_CALL,
	EVENT_WIRE
};

struct sim_event {
	int64_t at_ms;
	uint64_t dice, number; /* order within an instant; the number is the queue's */
	enum sim_event_kind kind;
	struct sim_request *request;
	void (*run)(void *ctx);
	void (*done)(void *ctx); /* of work, or the call itself */
	void *ctx;
	struct sim_tx *tx; /* on the wire, to the node */
	struct sim_node *node;
};

struct sim_queue {
	struct sim_event *at; /* at[0] is next, where n is not 0 */
	size_t n, cap;
	uint64_t number;
};

void sim_queue_add(struct sim_queue *q, struct sim_event e);
struct sim_event sim_queue_take(struct sim_queue *q); /* not from an empty one */
void sim_queue_release(struct sim_queue *q);

#endif
