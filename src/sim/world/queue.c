#include "sim/world/queue.h"

#include <stdbool.h>

#include "base/check.h"
#include "base/mem.h"

static bool sooner(const struct sim_event *a, const struct sim_event *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	if (a->dice != b->dice)
		return a->dice < b->dice;
	return a->number < b->number;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
	struct sim_event t = *a;

	*a = *b;
	*b = t;
}

void sim_queue_add(struct sim_queue *q, struct sim_event e)
{
	size_t i = q->n++;

	if (q->n > q->cap) {
		q->cap = q->cap ? 2 * q->cap : 64;
		q->at = mem_grow(q->at, q->cap, sizeof *q->at);
	}
	e.number = q->number++;
	q->at[i] = e;
	for (; i && sooner(&q->at[i], &q->at[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&q->at[i], &q->at[(i - 1) / 2]);
}

struct sim_event sim_queue_take(struct sim_queue *q)
{
	struct sim_event first;
	size_t i = 0, least;

	CHECK(q->n);
	first = q->at[0];
	q->at[0] = q->at[--q->n];
	for (;; i = least) {
		least = i;
		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < q->n; k++)
			if (sooner(&q->at[k], &q->at[least]))
				least = k;
		if (least == i)
			return first;
		swap(&q->at[i], &q->at[least]);
	}
}

void sim_queue_release(struct sim_queue *q)
{
	mem_free(q->at);
	*q = (struct sim_queue){ .n = 0 };
}
