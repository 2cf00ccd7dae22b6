#include "serve/vital/vital.h"

#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

enum access { ACCESS_OPEN, ACCESS_GUARDED };

static const struct {
	const char *path;
	enum access access;
} vitals[] = {
#define VITAL(name, path, access, ...) { path, ACCESS_##access },
#include "serve/vital/vitals.def"
#undef VITAL
};

enum vital vital_find(const char *method, const char *path)
{
	for (int i = 0; i < VITAL_COUNT; i++)
		if (strcmp(path, vitals[i].path) == 0 &&
		    (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0))
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

#define PART_MS 600000 /* of the hour for which it is remembered what moved */
#define PARTS 6

struct beat {
	int64_t operation, pending, done, since_ms;
	int64_t born_ms, part; /* the number of the newest part */
	int64_t moved[PARTS];  /* rows that were reserved in it */
	bool partial;
	bool seen; /* in this turn */
};

struct pulse {
	struct beat_of_head *heads;
	int heads_n;
	struct beat *beats;
	size_t beats_n;
	size_t near;    /* behind the one that was found last */
	int64_t newest; /* of all that were felt: later operations have none yet */
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

/* An operation of a former life stands since something was told of it. */
static int64_t still_since_ms(
    const struct runner *r, const struct operation *o, int64_t now_ms)
{
	struct sql_metric_link_last_in in = { .operation = o->id };
	struct sql_metric_link_last_out last;
	int64_t age_ms;

	if (!sql_metric_link_last_one(r->s.journal, &in, &last) || MUTANT(stands_anew))
		return now_ms;
	age_ms = world_wall_ms(r->s.world) - last.at_ms;
	return age_ms > 0 ? now_ms - age_ms : now_ms;
}

static struct beat *beat_new(
    struct pulse *p, const struct runner *r, const struct operation *o, int64_t now_ms)
{
	struct beat *b;

	p->beats = mem_grow(p->beats, p->beats_n + 1, sizeof *p->beats);
	b = &p->beats[p->beats_n++];
	*b = (struct beat){ .operation = o->id,
		.pending = o->by_state[ITEM_PENDING].n,
		.since_ms = still_since_ms(r, o, now_ms),
		.born_ms = now_ms,
		.part = now_ms / PART_MS };
	return b;
}

static void moved_add(struct beat *b, int64_t rows, int64_t now_ms)
{
	for (int n = 0; b->part < now_ms / PART_MS && n < PARTS; n++)
		b->moved[++b->part % PARTS] = 0;
	b->part = now_ms / PART_MS;
	if (rows > 0)
		b->moved[b->part % PARTS] += rows;
}

/* Operations come in the order of the beats, whatever is missing here or there: where the
 * last one was found the next one is looked for first. */
static struct beat *beat_next(struct pulse *p, int64_t operation)
{
	for (size_t i = 0; i < p->beats_n && operation <= p->newest; i++, p->near++) {
		if (p->near >= p->beats_n)
			p->near = 0;
		if (p->beats[p->near].operation == operation)
			return &p->beats[p->near++];
	}
	if (operation > p->newest)
		p->newest = operation;
	return NULL;
}

static void operation_feel(
    struct pulse *p, const struct runner *r, const struct operation *o, int64_t now_ms)
{
	const struct totals *t = o->by_state;
	int64_t pending = t[ITEM_PENDING].n;
	int64_t done = t[ITEM_FINAL].n + t[ITEM_VOID].n + t[ITEM_REFUNDED].n;
	struct beat *b;

	if (operation_ended(o))
		return;
	b = beat_next(p, o->id);
	if (!b) {
		b = beat_new(p, r, o, now_ms);
	} else if (b->done != done || b->pending != pending) {
		b->since_ms = now_ms;
		moved_add(b, b->pending - pending, now_ms);
	} else {
		moved_add(b, 0, now_ms);
	}
	b->pending = pending;
	b->done = done;
	b->partial =
	    o->state == OPERATION_DISTRIBUTING && pending < o->items && done < o->items;
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
		operation_feel(p, r, r->operations[i], now_ms);
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

int64_t pulse_still_ms(const struct pulse *p, int64_t now_ms)
{
	int64_t most_ms = 0;

	for (size_t i = 0; i < p->beats_n; i++)
		if (p->beats[i].partial && now_ms - p->beats[i].since_ms > most_ms)
			most_ms = now_ms - p->beats[i].since_ms;
	return most_ms;
}

/* Rows an hour; 0: not known. */
static int64_t rows_an_hour(const struct beat *b, int64_t now_ms)
{
	int64_t life_ms = now_ms - b->born_ms, rows = 0;

	for (int i = 0; i < PARTS; i++)
		rows += b->moved[i];
	if (life_ms < PART_MS)
		return 0;
	if (life_ms < PARTS * PART_MS)
		rows = rows * (PARTS * PART_MS / 1000) / (life_ms / 1000);
	return rows;
}

static void need_add(const struct pulse *p, struct runner *r, const struct operation *o,
    int64_t now_ms, struct amount *sum)
{
	const struct beat *b = beat_of(p, o->id);
	int64_t left = o->by_state[ITEM_PENDING].n, rows;
	struct amount all;
	uint64_t rest;

	if (!b || !o->kind->need || operation_ended(o) || o->state == OPERATION_PAUSED)
		return;
	o->kind->need(r, o, &all);
	rows = rows_an_hour(b, now_ms);
	if (rows > 0 && rows < left && amount_mul_u64(&all, &all, (uint64_t)rows))
		all = amount_div_u64(&all, (uint64_t)left, &rest);
	if (!amount_add(sum, sum, &all))
		*sum = all; /* more than there can be */
}

void pulse_need(const struct pulse *p, struct runner *r, const struct account *a,
    int64_t now_ms, struct amount *ret)
{
	*ret = a->outstanding;
	for (size_t i = 0; i < r->operations_n; i++)
		if (r->operations[i]->account == a->id)
			need_add(p, r, r->operations[i], now_ms, ret);
}

int64_t stuck_count(const struct runner *r)
{
	struct sql_metric_stuck_in in = { .before = world_wall_ms(r->s.world) -
		    r->s.stuck_after_ms };
	struct sql_metric_stuck_out out;

	return r->s.stuck_after_ms && sql_metric_stuck_one(r->s.journal, &in, &out)
	    ? out.n
	    : 0;
}
