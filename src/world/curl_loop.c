#include "world/loop.h"

#include "base/check.h"
#include "base/mem.h"

#define CONNECTIONS_KEPT 256L

/* A socket of libcurl's that the loop watches. */
struct watch {
	uv_poll_t poll;
	struct curl_loop *curl;
	curl_socket_t fd;
	int events; /* what libcurl waits for */
};

static void reap(struct curl_loop *c)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			c->ended(m->easy_handle, m->data.result);
}

static void act(struct curl_loop *c, curl_socket_t fd, int events)
{
	int running;

	CHECK(curl_multi_socket_action(c->multi, fd, events, &running) == CURLM_OK);
	reap(c);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch_start(struct watch *s)
{
	CHECK(uv_poll_start(&s->poll, s->events, on_ready) == 0);
}

/* On an error of the socket libuv stops to watch it and says no more. libcurl is sent
 * to read or write it: only so it gets what arrived before the error, and the error. */
static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *s = poll->data;
	int ready = status < 0 ? s->events : events;
	int what = 0;

	if (ready & UV_READABLE)
		what |= CURL_CSELECT_IN;
	if (ready & UV_WRITABLE)
		what |= CURL_CSELECT_OUT;
	act(s->curl, s->fd, what);
	if (status < 0 && !uv_is_closing((uv_handle_t *)poll))
		watch_start(s);
}

static void on_due(uv_timer_t *timer)
{
	struct curl_loop *c = timer->data;

	c->due = false;
	act(c, CURL_SOCKET_TIMEOUT, 0);
}

static void free_watch(uv_handle_t *handle)
{
	mem_free(handle->data);
}

static struct watch *watch_new(struct curl_loop *c, curl_socket_t fd)
{
	struct watch *s = mem_new(sizeof(*s));

	s->curl = c;
	s->fd = fd;
	CHECK(uv_poll_init_socket(c->loop, &s->poll, fd) == 0);
	s->poll.data = s;
	CHECK(curl_multi_assign(c->multi, fd, s) == CURLM_OK);
	return s;
}

/* libcurl says what it waits for on a socket. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of)
{
	struct curl_loop *c = ctx;
	struct watch *s = of;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			uv_close((uv_handle_t *)&s->poll, free_watch);
		return 0;
	}
	if (!s)
		s = watch_new(c, fd);
	s->events = (what & CURL_POLL_IN ? UV_READABLE : 0) |
	    (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	watch_start(s);
	return 0;
}

/* libcurl says when it wants to be called. Never a timer of 0 ms: one that is
 * restarted in its own callback would starve the loop. */
static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct curl_loop *c = ctx;

	(void)multi;
	c->due = timeout_ms == 0;
	if (timeout_ms < 0)
		return uv_timer_stop(&c->timer);
	return uv_timer_start(
	    &c->timer, on_due, timeout_ms > 0 ? (uint64_t)timeout_ms : 1, 0);
}

bool curl_loop_open(
    struct curl_loop *c, uv_loop_t *loop, void (*ended)(CURL *easy, CURLcode code))
{
	c->loop = loop;
	c->ended = ended;
	c->multi = curl_multi_init();
	if (!c->multi)
		return false;
	CHECK(uv_timer_init(loop, &c->timer) == 0);
	c->timer.data = c;
	CHECK(!curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket));
	CHECK(!curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c));
	CHECK(!curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer));
	CHECK(!curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c));
	CHECK(!curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT));
	return true;
}

void curl_loop_kick(struct curl_loop *c)
{
	if (!c->due)
		return;
	c->due = false;
	act(c, CURL_SOCKET_TIMEOUT, 0);
}

void curl_loop_close(struct curl_loop *c)
{
	CHECK(curl_multi_cleanup(c->multi) == CURLM_OK);
	uv_close((uv_handle_t *)&c->timer, NULL);
}
