#include "tell/subscriber/target.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"

void roster_init(struct roster *r, int64_t now_ms)
{
	*r = (struct roster){ .since_ms = now_ms };
}

static void lane_free(struct lane *l)
{
	mem_free(l->heap);
	mem_free(l);
}

void roster_release(struct roster *r)
{
	for (size_t i = 0; i < r->targets_n; i++)
		mem_free(r->targets[i]);
	for (size_t i = 0; i < r->lanes_n; i++)
		lane_free(r->lanes[i]);
	mem_free(r->targets);
	mem_free(r->lanes);
	mem_free(r->asked);
	*r = (struct roster){ 0 };
}

/* -- lanes ------------------------------------------------------------------- */

static struct lane *lane_of(struct roster *r, const struct channel *channel,
    const char name[LANE_NAME_MAX], bool aside)
{
	struct lane *l;

	for (size_t i = 0; i < r->lanes_n; i++)
		if (r->lanes[i]->channel == channel && r->lanes[i]->aside == aside &&
		    strcmp(r->lanes[i]->name, name) == 0)
			return r->lanes[i];
	CHECK(channel->window_n <= LANE_WINDOW_MAX);
	l = mem_new(sizeof *l);
	*l = (struct lane){
		.channel = channel, .aside = aside, .pace = aside ? LANE_SLOW : LANE_NEW
	};
	memcpy(l->name, name, sizeof l->name);
	for (int i = 0; i < channel->window_n; i++)
		l->place[l->place_n++] = r->since_ms + channel->window_ms;
	r->lanes = mem_grow(r->lanes, r->lanes_n + 1, sizeof *r->lanes);
	r->lanes[r->lanes_n++] = l;
	return l;
}

struct lane *lane_get(struct roster *r, const struct channel *channel, const char *target)
{
	char name[LANE_NAME_MAX] = "";

	channel->lane(name, target);
	return lane_of(r, channel, name, false);
}

/* Of one with a window the window is kept. */
static void lane_leave(struct roster *r, struct lane *l)
{
	size_t i = 0;

	if (--l->of > 0 || l->channel->window_n)
		return;
	while (r->lanes[i] != l)
		i++;
	r->lanes[i] = r->lanes[--r->lanes_n];
	lane_free(l);
}

bool lane_place_take(struct lane *l, int64_t now_ms)
{
	const struct channel *c = l->channel;

	if (!c->window_n)
		return true;
	if (!l->place_n || (l->place[l->place_at] > now_ms && !MUTANT(window_not_kept)))
		return false;
	l->place_at = (l->place_at + 1) % c->window_n;
	l->place_n--;
	return true;
}

void lane_place_put(struct lane *l, int64_t now_ms)
{
	const struct channel *c = l->channel;

	if (!c->window_n)
		return;
	CHECK(l->place_n < c->window_n);
	l->place[(l->place_at + l->place_n) % c->window_n] = now_ms + c->window_ms;
	l->place_n++;
}

void lane_hold(struct lane *l, int64_t until_ms)
{
	if (until_ms > l->hold_ms)
		l->hold_ms = until_ms;
}

/* -- those that wait: a heap ---------------------------------------------------- */

static bool before(const struct target *a, const struct target *b)
{
	return a->ready_ms != b->ready_ms ? a->ready_ms < b->ready_ms : a->came < b->came;
}

static void put_at(struct lane *l, size_t at, struct target *t)
{
	l->heap[at] = t;
	t->at = at;
}

static void rise(struct lane *l, size_t at)
{
	struct target *t = l->heap[at];

	for (; at && before(t, l->heap[(at - 1) / 2]); at = (at - 1) / 2)
		put_at(l, at, l->heap[(at - 1) / 2]);
	put_at(l, at, t);
}

static void sink(struct lane *l, size_t at)
{
	struct target *t = l->heap[at];

	for (size_t child; (child = 2 * at + 1) < l->n; at = child) {
		if (child + 1 < l->n && before(l->heap[child + 1], l->heap[child]))
			child++;
		if (!before(l->heap[child], t))
			break;
		put_at(l, at, l->heap[child]);
	}
	put_at(l, at, t);
}

static void heap_remove(struct lane *l, struct target *t)
{
	size_t at = t->at;

	l->n--;
	if (at == l->n)
		return;
	put_at(l, at, l->heap[l->n]);
	rise(l, at);
	sink(l, at);
}

void target_wait(struct roster *r, struct target *t, int64_t ready_ms)
{
	struct lane *l = t->lane;

	CHECK(t->state != TARGET_BUSY);
	if (t->state == TARGET_WAITS)
		heap_remove(l, t);
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->heap = mem_grow(l->heap, l->cap, sizeof(struct target *));
	}
	t->state = TARGET_WAITS;
	t->ready_ms = ready_ms;
	t->came = r->came++;
	put_at(l, l->n++, t);
	rise(l, t->at);
}

/* -- those that are asked ------------------------------------------------------ */

static const int pace_max[LANE_PACES] = { [LANE_NEW] = LANE_NEW_MAX,
	[LANE_QUICK] = LANE_QUICK_MAX,
	[LANE_SLOW] = LANE_SLOW_MAX };

static enum lane_pace pace_of(const struct lane *l)
{
	return MUTANT(who_hangs_is_quick) ? LANE_QUICK : l->pace;
}

/* Requests of a host at a time. */
static int of_host(const struct roster *r, const struct lane *l)
{
	if (pace_of(l) != LANE_QUICK)
		return 1;
	return r->busy_of[LANE_QUICK] < LANE_QUICK_EACH || MUTANT(quick_take_all)
	    ? l->channel->busy_max
	    : 1;
}

static bool has_room(const struct roster *r, const struct lane *l)
{
	enum lane_pace pace = pace_of(l);

	if (!l->channel->hosts)
		return l->busy < l->channel->busy_max;
	if (MUTANT(hosts_in_turn) && r->asked_n)
		return false;
	return l->busy < of_host(r, l) && r->busy_of[pace] < pace_max[pace];
}

static void asked_add(struct roster *r, struct target *t, int64_t now_ms)
{
	if (r->asked_n == r->asked_cap) {
		r->asked_cap = r->asked_cap ? 2 * r->asked_cap : 16;
		r->asked = mem_grow(r->asked, r->asked_cap, sizeof(struct target *));
	}
	t->asked_at = r->asked_n;
	t->since_ms = now_ms;
	t->counted = pace_of(t->lane);
	r->asked[r->asked_n++] = t;
	r->busy_of[t->counted] += t->lane->channel->hosts;
	t->lane->busy++;
}

static void asked_remove(struct roster *r, struct target *t)
{
	r->asked[t->asked_at] = r->asked[--r->asked_n];
	r->asked[t->asked_at]->asked_at = t->asked_at;
	r->busy_of[t->counted] -= t->lane->channel->hosts;
	t->lane->busy--;
}

/* false: it is with the slow ones of its host, or has none. */
static bool ages(const struct target *t)
{
	return t->lane->channel->hosts && (t->counted != LANE_SLOW || !t->lane->aside) &&
	    !MUTANT(who_hangs_is_quick);
}

/* Of a host, to those that were slow, or back. It is asked. */
static void put_aside(struct roster *r, struct target *t, bool aside)
{
	struct lane *from = t->lane;

	if (from->aside == aside || MUTANT(who_hangs_holds_his_host))
		return;
	t->lane = lane_of(r, from->channel, from->name, aside);
	t->lane->of++;
	t->lane->busy++;
	from->busy--;
	lane_leave(r, from);
}

void roster_age(struct roster *r, int64_t now_ms)
{
	for (size_t i = 0; i < r->asked_n; i++) {
		struct target *t = r->asked[i];

		if (!ages(t) || now_ms - t->since_ms < LANE_SLOW_MS)
			continue;
		r->busy_of[t->counted]--;
		r->busy_of[LANE_SLOW]++;
		t->counted = t->lane->pace = LANE_SLOW;
		put_aside(r, t, true);
	}
}

/* Somebody may wait for its place: among those of its pace, or of its host. */
static bool is_in_the_way(const struct roster *r, const struct target *t)
{
	return r->busy_of[LANE_NEW] >= LANE_NEW_MAX ||
	    r->busy_of[LANE_QUICK] >= LANE_QUICK_EACH || (t->lane->n && !t->lane->aside);
}

/* When the first of them is counted as slow. */
static int64_t ages_next_ms(const struct roster *r)
{
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < r->asked_n; i++) {
		const struct target *t = r->asked[i];

		if (ages(t) && is_in_the_way(r, t) &&
		    t->since_ms + LANE_SLOW_MS < next_ms)
			next_ms = t->since_ms + LANE_SLOW_MS;
	}
	return next_ms;
}

void target_took(struct roster *r, struct target *t, int64_t now_ms)
{
	bool slow = now_ms - t->since_ms >= LANE_SLOW_MS;

	if (!t->lane->channel->hosts)
		return;
	if (slow)
		t->lane->pace = LANE_SLOW;
	put_aside(r, t, slow);
	if (!slow)
		t->lane->pace = LANE_QUICK;
}

static int64_t lane_next_ms(const struct roster *r, const struct lane *l)
{
	const struct channel *c = l->channel;
	int64_t at_ms;

	if (!l->n || !has_room(r, l) || (c->window_n && !l->place_n))
		return INT64_MAX;
	at_ms = l->heap[0]->ready_ms;
	if (l->hold_ms > at_ms)
		at_ms = l->hold_ms;
	if (c->window_n && l->place[l->place_at] > at_ms && !MUTANT(window_not_kept))
		at_ms = l->place[l->place_at];
	return at_ms;
}

struct target *lane_take(struct roster *r, struct lane *l, int64_t now_ms)
{
	struct target *t;

	if (lane_next_ms(r, l) > now_ms || !lane_place_take(l, now_ms))
		return NULL;
	t = l->heap[0];
	heap_remove(l, t);
	t->state = TARGET_BUSY;
	asked_add(r, t, now_ms);
	if (MUTANT(next_overtakes)) {
		t->state = TARGET_IDLE;
		target_wait(r, t, now_ms);
	}
	return t;
}

int64_t roster_next_ms(const struct roster *r)
{
	int64_t next_ms = ages_next_ms(r);

	for (size_t i = 0; i < r->lanes_n; i++) {
		int64_t at_ms = lane_next_ms(r, r->lanes[i]);

		if (at_ms < next_ms)
			next_ms = at_ms;
	}
	return next_ms;
}

/* -- targets ---------------------------------------------------------------------- */

static size_t place_of(const struct roster *r, int64_t subscriber)
{
	size_t low = 0, high = r->targets_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->targets[mid]->subscriber < subscriber)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct target *target_find(const struct roster *r, int64_t subscriber)
{
	size_t at = place_of(r, subscriber);

	return at < r->targets_n && r->targets[at]->subscriber == subscriber
	    ? r->targets[at]
	    : NULL;
}

struct target *target_get(struct roster *r, int64_t subscriber,
    const struct channel *channel, const char *target)
{
	struct target *t = target_find(r, subscriber);
	size_t at = place_of(r, subscriber);

	if (t)
		return t;
	if (r->targets_n == r->targets_cap) {
		r->targets_cap = r->targets_cap ? 2 * r->targets_cap : 16;
		r->targets =
		    mem_grow(r->targets, r->targets_cap, sizeof(struct target *));
	}
	t = mem_new(sizeof *t);
	*t = (struct target){ .subscriber = subscriber,
		.lane = lane_get(r, channel, target),
		.ready_ms = r->since_ms + channel->pause_ms(target) };
	t->lane->of++;
	memmove(&r->targets[at + 1], &r->targets[at],
	    (r->targets_n - at) * sizeof(struct target *));
	r->targets[at] = t;
	r->targets_n++;
	return t;
}

static void target_end(struct roster *r, struct target *t)
{
	CHECK(t->state != TARGET_BUSY);
	if (t->state == TARGET_WAITS)
		heap_remove(t->lane, t);
	lane_leave(r, t->lane);
	mem_free(t);
}

void target_drop(struct roster *r, struct target *t)
{
	size_t at;

	if (!t)
		return;
	at = place_of(r, t->subscriber);
	r->targets_n--;
	memmove(&r->targets[at], &r->targets[at + 1],
	    (r->targets_n - at) * sizeof(struct target *));
	target_end(r, t);
}

void target_done(struct roster *r, struct target *t, int64_t now_ms)
{
	CHECK(t->state == TARGET_BUSY || MUTANT(next_overtakes));
	if (t->state == TARGET_BUSY)
		t->state = TARGET_IDLE;
	asked_remove(r, t);
	lane_place_put(t->lane, now_ms);
}

void roster_sweep(struct roster *r, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->targets_n; i++) {
		struct target *t = r->targets[i];

		if (t->state == TARGET_IDLE && t->ready_ms <= now_ms)
			target_end(r, t);
		else
			r->targets[kept++] = t;
	}
	r->targets_n = kept;
}
