#include "serve/vital.h"

#include <string.h>

#include "base/mem.h"
#include "engine/operation.h"

enum access { ACCESS_OPEN, ACCESS_GUARDED };

static const struct {
	const char *path;
	enum access access;
} vitals[] = {
#define VITAL(name, path, access, ...) { path, ACCESS_##access },
#include "serve/vitals.def"
#undef VITAL
};

enum vital vital_find(const char *method, const char *path)
{
	for (int i = 0; i < VITAL_COUNT; i++)
		if (strcmp(path, vitals[i].path) == 0 && strcmp(method, "GET") == 0)
			return (enum vital)i;
	return VITAL_COUNT;
}

bool vital_is_open(enum vital v)
{
	return v != VITAL_COUNT && vitals[v].access == ACCESS_OPEN;
}

/* -- the pulse ------------------------------------------------------------- */

struct beat_of_head {
	bool has_head;
	struct hash head;
	int64_t since_ms;
};

struct beat {
	int64_t operation, done, since_ms;
	int state;
	bool seen; /* in this turn */
};

struct pulse {
	struct beat_of_head *heads;
	int heads_n;
	struct beat *beats;
	size_t beats_n;
};

struct pulse *pulse_new(void)
{
	return mem_new(sizeof(struct pulse));
}

void pulse_free(struct pulse *p)
{
	if (!p)
		return;
	mem_free(p->heads);
	mem_free(p->beats);
	mem_free(p);
}

static void head_feel(struct beat_of_head *b, const struct follower *f, int64_t now_ms)
{
	struct head head;

	if (!follower_head(f, &head) ||
	    (b->has_head && memcmp(&b->head, &head.hash, sizeof head.hash) == 0))
		return;
	*b = (struct beat_of_head){ true, head.hash, now_ms };
}

static struct beat *beat_of(const struct pulse *p, int64_t operation)
{
	for (size_t i = 0; i < p->beats_n; i++)
		if (p->beats[i].operation == operation)
			return &p->beats[i];
	return NULL;
}

static void operation_feel(struct pulse *p, const struct operation *o, int64_t now_ms)
{
	const struct totals *t = o->by_state;
	int64_t done = t[ITEM_FINAL].n + t[ITEM_VOID].n + t[ITEM_REFUNDED].n;
	struct beat *b = beat_of(p, o->id);

	if (operation_ended(o))
		return;
	if (!b) {
		p->beats = mem_grow(p->beats, p->beats_n + 1, sizeof *p->beats);
		b = &p->beats[p->beats_n++];
		*b = (struct beat){ .operation = o->id, .since_ms = now_ms };
	} else if (b->done != done || b->state != o->state) {
		b->since_ms = now_ms;
	}
	b->done = done;
	b->state = o->state;
	b->seen = true;
}

void pulse_turn(struct pulse *p, const struct runner *r, int64_t now_ms)
{
	size_t kept = 0;

	if (p->heads_n < r->s.chains_n) {
		p->heads = mem_grow(p->heads, (size_t)r->s.chains_n, sizeof *p->heads);
		memset(p->heads + p->heads_n, 0,
		    (size_t)(r->s.chains_n - p->heads_n) * sizeof *p->heads);
		p->heads_n = r->s.chains_n;
	}
	for (int i = 0; i < r->s.chains_n; i++)
		head_feel(&p->heads[i], r->chains[i].follower, now_ms);
	for (size_t i = 0; i < p->beats_n; i++)
		p->beats[i].seen = false;
	for (size_t i = 0; i < r->operations_n; i++)
		operation_feel(p, r->operations[i], now_ms);
	for (size_t i = 0; i < p->beats_n; i++)
		if (p->beats[i].seen)
			p->beats[kept++] = p->beats[i];
	p->beats_n = kept;
}

int64_t pulse_head_age_ms(const struct pulse *p, int i, int64_t now_ms)
{
	return i < p->heads_n && p->heads[i].has_head ? now_ms - p->heads[i].since_ms
						      : -1;
}

bool pulse_stuck(const struct pulse *p, const struct operation *o, int64_t now_ms)
{
	const struct beat *b = beat_of(p, o->id);

	return b && o->state != OPERATION_PAUSED &&
	    o->state != OPERATION_NEEDS_OPERATOR &&
	    now_ms - b->since_ms >= PULSE_STUCK_MS;
}
