#include "engine/outbox.h"

#include "base/crash.h"
#include "base/mem.h"

struct outbox {
	struct effect *effects;
	size_t n, cap;
};

struct outbox *outbox_new(void)
{
	return mem_new(sizeof(struct outbox));
}

void outbox_free(struct outbox *o)
{
	if (!o)
		return;
	outbox_truncate(o, 0);
	mem_free(o->effects);
	mem_free(o);
}

void outbox_add(struct outbox *o, const struct effect *e)
{
	if (o->n == o->cap) {
		o->cap = o->cap ? o->cap * 2 : 32;
		o->effects = mem_grow(o->effects, o->cap, sizeof *o->effects);
	}
	o->effects[o->n++] = *e;
}

size_t outbox_mark(const struct outbox *o)
{
	return o->n;
}

void outbox_truncate(struct outbox *o, size_t mark)
{
	while (o->n > mark) {
		struct effect e = o->effects[--o->n];

		e.drop(e.job);
	}
}

bool outbox_commits(const struct outbox *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->effects[i].commits)
			return true;
	return false;
}

void outbox_release(struct outbox *o)
{
	size_t n = o->n;

	for (size_t i = 0; i < n; i++) {
		o->effects[i].release(o->effects[i].job);
		if (i == 0 && n > 1)
			CRASH_POINT(turn_amid_effects);
	}
	for (size_t i = n; i < o->n; i++)
		o->effects[i - n] = o->effects[i];
	o->n -= n;
}
