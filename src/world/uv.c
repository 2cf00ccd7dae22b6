#include "world/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "world/clock.h"

/* So often the loop is asked again whether more has arrived, before all is handed
 * out: a node that answers faster than we read must not keep a turn open. */
#define DRAIN_MAX 16

/* ops->X(w) get the address of the first member. */
static struct uv_world *of(struct world *w)
{
	return (struct uv_world *)w;
}

void world_post(struct uv_world *w, struct outcome *o)
{
	STAILQ_INSERT_TAIL(&w->arrived, o, link);
	w->arrived_count++;
}

static int64_t uv_world_now_ms(struct world *world)
{
	(void)world;
	return (int64_t)(uv_hrtime() / 1000000);
}

static int64_t uv_world_wall_ms(struct world *world)
{
	(void)world;
	return system_wall_ms();
}

static void uv_world_random(struct world *world, void *out, size_t len)
{
	(void)world;
	CHECK(uv_random(NULL, NULL, out, len, 0, NULL) == 0);
}

static void uv_world_http(struct world *world, const struct http_request *q)
{
	http_add(&of(world)->http, q);
}

static void uv_world_work(struct world *world, work_fn *run, work_fn *done, void *job)
{
	workers_add(of(world), run, done, job);
}

/* Hands out what has arrived, and only that: what arrives meanwhile is the next
 * turn's. */
static void deliver(struct uv_world *w)
{
	struct outcome_list now = STAILQ_HEAD_INITIALIZER(now);

	STAILQ_CONCAT(&now, &w->arrived);
	while (!STAILQ_EMPTY(&now)) {
		struct outcome *o = STAILQ_FIRST(&now);

		STAILQ_REMOVE_HEAD(&now, link);
		o->deliver(o->of);
	}
}

static void on_until(uv_timer_t *timer)
{
	(void)timer; /* it ends the sleep; wait_some looks at the clock itself */
}

static bool anything(const struct uv_world *w)
{
	return !STAILQ_EMPTY(&w->arrived) || w->woken;
}

/* One pass of the loop, which sleeps until something happens, but not beyond. */
static void wait_some(struct uv_world *w, int64_t until_ms)
{
	int64_t left_ms = until_ms - uv_world_now_ms(&w->world);

	curl_loop_kick(&w->http.curl);
	if (anything(w) || left_ms <= 0) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		return;
	}
	uv_update_time(&w->loop);
	CHECK(uv_timer_start(&w->until, on_until, (uint64_t)left_ms, 0) == 0);
	(void)uv_run(&w->loop, UV_RUN_ONCE);
	(void)uv_timer_stop(&w->until);
}

static void drain(struct uv_world *w)
{
	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		size_t before = w->arrived_count;

		curl_loop_kick(&w->http.curl);
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		if (w->arrived_count == before)
			return;
	}
}

static void uv_world_wait(struct world *world, int64_t until_ms)
{
	struct uv_world *w = of(world);

	do
		wait_some(w, until_ms);
	while (!anything(w) && uv_world_now_ms(world) < until_ms);
	if (anything(w))
		drain(w);
	w->woken = false;
	deliver(w);
}

static int uv_world_signalled(struct world *world)
{
	return of(world)->signalled;
}

static const struct world_signals *uv_world_signals(struct world *world)
{
	return &of(world)->signals;
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct uv_world *w = handle->data;

	w->woken = true;
	if (number == SIGHUP) {
		log_reopen();
		w->signals.reloads++;
		return;
	}
	w->signals.stops++;
	if (!w->signalled)
		w->signalled = number;
}

static void watch_signal(struct uv_world *w, uv_signal_t *handle, int number)
{
	CHECK(uv_signal_init(&w->loop, handle) == 0);
	handle->data = w;
	CHECK(uv_signal_start(handle, on_signal, number) == 0);
}

/* Every request and job ends, and whoever waits for it is told, before anything is
 * taken away. */
static void settle(struct uv_world *w)
{
	http_abort(&w->http);
	while (w->jobs || !STAILQ_EMPTY(&w->arrived)) {
		deliver(w);
		if (w->jobs)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
	}
}

static void uv_world_free(struct world *world)
{
	struct uv_world *w = of(world);

	w->closing = true;
	settle(w);
	http_close(&w->http);
	uv_close((uv_handle_t *)&w->until, NULL);
	uv_close((uv_handle_t *)&w->on_int, NULL);
	uv_close((uv_handle_t *)&w->on_term, NULL);
	uv_close((uv_handle_t *)&w->on_hup, NULL);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&w->loop) == 0);
	curl_global_cleanup();
	mem_free(w);
}

static const struct world_ops uv_world_ops = {
	.now_ms = uv_world_now_ms,
	.wall_ms = uv_world_wall_ms,
	.random = uv_world_random,
	.http = uv_world_http,
	.work = uv_world_work,
	.wait = uv_world_wait,
	.signalled = uv_world_signalled,
	.signals = uv_world_signals,
	.free = uv_world_free,
};

static enum err open_parts(struct uv_world *w, struct fail *f)
{
	int e = uv_loop_init(&w->loop);

	if (e)
		return fail_set(f, ERR_SYSTEM, "event loop: %s", uv_strerror(e));
	if (!http_open(&w->http, w)) {
		CHECK(uv_loop_close(&w->loop) == 0);
		return fail_set(f, ERR_SYSTEM, "libcurl does not start");
	}
	return ERR_OK;
}

enum err world_open(struct world **ret, struct fail *f)
{
	struct uv_world *w = mem_new(sizeof(*w));
	enum err e;

	workers_init();
	w->world.ops = &uv_world_ops;
	STAILQ_INIT(&w->arrived);
	CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	e = open_parts(w, f);
	if (e) {
		curl_global_cleanup();
		mem_free(w);
		return e;
	}
	CHECK(uv_timer_init(&w->loop, &w->until) == 0);
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	watch_signal(w, &w->on_int, SIGINT);
	watch_signal(w, &w->on_term, SIGTERM);
	watch_signal(w, &w->on_hup, SIGHUP);
	*ret = &w->world;
	return ERR_OK;
}
