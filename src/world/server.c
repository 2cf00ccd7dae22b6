/* libmicrohttpd behind an epoll descriptor that libuv watches.
 *
 * While an exchange waits for its answer, or a stream for its next piece, its connection
 * is suspended: libmicrohttpd would ask again and again. That one was resumed is seen
 * when libmicrohttpd is run next, which nothing but a timer would do.
 */
#include "world/server_in.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"

#define MEMORY_BYTES \
	((size_t)16 * 1024)             /* of a connection: its header, what is written */
#define SPILT_MAX ((size_t)1024 * 1024) /* of a body, before who sends it is told */
#define SILENCE_S 20u
#define REQUEST_MS 30000
#define LOOK_MS 1000
#define CROWDED_MS 250 /* to say a request, where there is little room */
#define ROOM(max) (((max) + 7) / 8)
#define RUNS_MAX 16 /* of libmicrohttpd in one pass of the loop */

/* Little room is left: who keeps his place keeps another one out. */
static bool is_crowded(const struct server *s)
{
	return s->callers_n > s->s.connections_max - ROOM(s->s.connections_max);
}

/* -- what libmicrohttpd tells ---------------------------------------------- */

static void on_caller(void *ctx, struct MHD_Connection *connection, void **of,
    enum MHD_ConnectionNotificationCode what)
{
	struct server *s = ctx;
	struct caller *c = *of;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		c = mem_new(sizeof *c);
		c->connection = connection;
		c->until_ms = world_now_ms(s->s.world) + s->s.request_ms;
		c->look_ms = world_now_ms(s->s.world) + LOOK_MS;
		LIST_INSERT_HEAD(&s->callers, c, link);
		s->callers_n++;
		*of = c;
		return;
	}
	LIST_REMOVE(c, link);
	s->callers_n -= !c->leaves;
	mem_free(c);
	s->one_left = true;
}

/* The answer is on its way, or the client is gone. */
static void on_completed(void *ctx, struct MHD_Connection *connection, void **of,
    enum MHD_RequestTerminationCode why)
{
	struct server *s = ctx;
	struct exchange *x = *of;

	(void)connection;
	(void)why;
	if (!x)
		return;
	*of = NULL;
	x->caller->until_ms = world_now_ms(s->s.world) + s->s.request_ms;
	x->caller->asks = x->caller->stays = false;
	x->connection = NULL;
	x->suspended = false;
	exchange_let_go(x);
}

/* challenge: what a 401 says of how to do better (RFC 6750). text is taken. */
static enum MHD_Result refuse_with(struct MHD_Connection *connection, unsigned status,
    const char *challenge, struct buf *text)
{
	struct MHD_Response *response;
	enum MHD_Result done;
	size_t len;
	uint8_t *bytes = buf_take(text, &len);

	response = MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
	CHECK(response);
	CHECK(MHD_add_response_header(response, "Content-Type", "application/json"));
	CHECK(MHD_add_response_header(response, "Connection", "close"));
	if (challenge)
		CHECK(MHD_add_response_header(response, "WWW-Authenticate", challenge));
	done = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return done;
}

static enum MHD_Result refuse(
    struct MHD_Connection *connection, unsigned status, const char *why)
{
	bool big = status != MHD_HTTP_BAD_REQUEST;
	struct buf text;

	buf_init(&text, 256);
	buf_addf(&text, "{\"error\":\"%s\",\"name\":\"%s\",\"exit\":%d}\n", why,
	    big ? "TOO_BIG" : "USAGE", big ? 2 : 1);
	return refuse_with(connection, status, NULL, &text);
}

static struct caller *caller_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	CHECK(info && info->socket_context);
	return info->socket_context;
}

/* More than digits is refused by libmicrohttpd itself. */
static bool longer_than(struct MHD_Connection *connection, size_t max)
{
	const char *text = MHD_lookup_connection_value(
	    connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text && strtoull(text, NULL, 10) > max;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* What is said of where a request ends, and whom it is for. */
struct framing {
	int lengths, codings, hosts;
	bool chunked, blank;
};

static enum MHD_Result framing_add(
    void *ctx, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct framing *f = ctx;

	(void)kind;
	f->blank |= strpbrk(key, " \t") != NULL;
	f->lengths += strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
	f->hosts += strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0;
	if (strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
		f->codings++;
		f->chunked = value && strcasecmp(value, "chunked") == 0;
	}
	return MHD_YES;
}

/* Whoever passes requests on may read it in another way than libmicrohttpd does, and
 * what he takes for a body would be a request here. NULL: it can be read in one way. */
static const char *framing_fault(struct MHD_Connection *connection)
{
	struct framing f = { 0 };

	(void)MHD_get_connection_values(connection, MHD_HEADER_KIND, framing_add, &f);
	if (MUTANT(any_framing))
		return NULL;
	if (f.blank)
		return "a blank in the name of a header";
	if (f.hosts > 1)
		return "more than one Host";
	if (f.lengths + f.codings > 1)
		return "more than one word of how long the body is";
	return f.codings && !f.chunked ? "Transfer-Encoding: chunked alone is read"
				       : NULL;
}

/* false: he may not ask, and is told so, which *ret says. */
static bool admitted(struct server *s, struct MHD_Connection *connection,
    const char *method, const char *path, const char **ret_who, enum MHD_Result *ret)
{
	struct server_head head = { .method = method,
		.path = path,
		.host = header(connection, MHD_HTTP_HEADER_HOST),
		.origin = header(connection, MHD_HTTP_HEADER_ORIGIN),
		.authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION) };
	const char *challenge = head.authorization
	    ? "Bearer realm=\"pawl\", error=\"invalid_token\""
	    : "Bearer realm=\"pawl\"";
	struct buf why;
	int status;

	buf_init(&why, PIECE_BYTES);
	status = s->s.admit ? s->s.admit(s->s.admit_ctx, &head, ret_who, &why) : 0;
	if (status)
		*ret = refuse_with(connection, (unsigned)status,
		    status == MHD_HTTP_UNAUTHORIZED ? challenge : NULL, &why);
	buf_release(&why);
	return !status;
}

static enum MHD_Result begin(struct server *s, struct MHD_Connection *connection,
    const char *method, const char *path, void **of)
{
	size_t max = s->s.body_max(method, path);
	const char *who = NULL, *fault = framing_fault(connection);
	enum MHD_Result refused;
	struct exchange *x;

	if (s->stopped)
		return MHD_NO;
	if (fault)
		return refuse(connection, MHD_HTTP_BAD_REQUEST, fault);
	if (!admitted(s, connection, method, path, &who, &refused))
		return refused;
	if (MHD_get_connection_values(connection, MHD_HEADER_KIND, NULL, NULL) >
	    SERVER_HEADERS_MAX)
		return refuse(connection, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
		    "too many headers");
	if (longer_than(connection, max))
		return refuse(
		    connection, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too long");
	x = mem_new(sizeof *x);
	x->outcome.deliver = exchange_hand_out;
	x->outcome.of = x;
	x->server = s;
	x->connection = connection;
	x->caller = caller_of(connection);
	x->caller->asks = true;
	x->caller->known = x->caller->stays = who || !s->s.admit;
	x->method = mem_str(method);
	x->path = mem_str(path);
	said_take(&x->said, connection, who);
	buf_init(&x->body, max);
	LIST_INSERT_HEAD(&s->exchanges, x, link);
	*of = x;
	return MHD_YES;
}

static enum MHD_Result answer(struct server *s, struct exchange *x)
{
	struct caller *c = x->caller;

	if (!x->streams) { /* who takes it drop by drop is gone some day, too */
		c->until_ms = world_now_ms(s->s.world) + s->s.request_ms;
		c->stays = c->known;
	}
	if (is_crowded(s) && !c->known && !MUTANT(asks_for_ever))
		CHECK(MHD_add_response_header(x->response, "Connection", "close"));
	return MHD_queue_response(x->connection, (unsigned)x->status, x->response);
}

/* Called when the header is there, with each part of the body, at its end, and after
 * each resume. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
    const char *path, const char *method, const char *version, const char *data,
    size_t *len, void **of)
{
	struct server *s = ctx;
	struct exchange *x = *of;

	(void)version;
	if (!x)
		return begin(s, connection, method, path, of);
	if (*len) {
		buf_add(&x->body, data, *len);
		x->spilt += buf_ok(&x->body) ? 0 : *len;
		*len = 0;
		return x->spilt <= SPILT_MAX ? MHD_YES : MHD_NO;
	}
	if (!buf_ok(&x->body))
		return refuse(
		    connection, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too long");
	if (x->response)
		return answer(s, x);
	if (x->ended)
		return MHD_NO;
	if (!x->whole) {
		x->whole = x->held = x->caller->stays = true;
		x->caller->until_ms = 0;
		world_post(s->world, &x->outcome);
	}
	exchange_wait(x);
	return MHD_YES;
}

/* Paths are read by whoever knows the routes: "%2F" is no slash. */
static size_t on_unescape(void *ctx, struct MHD_Connection *connection, char *text)
{
	(void)ctx;
	(void)connection;
	return strlen(text);
}

/* -- the loop -------------------------------------------------------------- */

static int socket_of(const struct caller *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	CHECK(info);
	return info->connect_fd;
}

static void show_out(struct server *s, struct caller *c)
{
	(void)shutdown(socket_of(c), SHUT_RDWR);
	c->until_ms = 0;
	s->callers_n -= !c->leaves;
	c->leaves = true;
}

/* An end that came with the last bytes is not told to libmicrohttpd: it reads what is
 * there, and is woken by what comes after that. */
static bool is_gone(const struct caller *c)
{
	char byte;

	return recv(socket_of(c), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

bool exchange_gone(const struct exchange *x)
{
	return !x->connection || is_gone(x->caller);
}

static struct caller *slowest(const struct server *s)
{
	struct caller *c, *slowest = NULL;

	LIST_FOREACH(c, &s->callers, link)
	if (c->until_ms && !c->stays && (!slowest || c->until_ms < slowest->until_ms))
		slowest = c;
	return slowest;
}

/* Whoever says at once what he wants finds room, however many say nothing, and come back
 * when they are shown the door. Returns when the next one has to go. */
static int64_t room_make(struct server *s, int64_t now_ms)
{
	struct caller *c;

	while (is_crowded(s) && (c = slowest(s)) && !MUTANT(nobody_gives_way)) {
		int64_t due_ms = c->until_ms - s->s.request_ms + CROWDED_MS;

		if (due_ms > now_ms && !MUTANT(gives_way_at_once))
			return due_ms;
		show_out(s, c);
	}
	return INT64_MAX;
}

/* Who takes too long to say what he wants is shown the door, however busy he looks. */
static int64_t callers_look(struct server *s)
{
	int64_t now_ms = world_now_ms(s->s.world), next_ms = room_make(s, now_ms), due_ms;
	struct caller *c;

	LIST_FOREACH(c, &s->callers, link)
	{
		if (!c->until_ms)
			continue;
		if (c->until_ms <= now_ms ||
		    (c->look_ms <= now_ms && is_gone(c) && !MUTANT(leavers_awaited))) {
			show_out(s, c);
			continue;
		}
		if (c->look_ms <= now_ms)
			c->look_ms = now_ms + LOOK_MS;
		due_ms = c->look_ms < c->until_ms ? c->look_ms : c->until_ms;
		next_ms = due_ms < next_ms ? due_ms : next_ms;
	}
	return next_ms == INT64_MAX ? INT64_MAX : next_ms - now_ms;
}

static void on_time(uv_timer_t *timer);

static void server_run(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG left = 0;
	int64_t wait_ms;

	s->soon = false;
	for (int n = 0; n < RUNS_MAX; n++) {
		s->one_left = false;
		CHECK(MHD_run(s->daemon));
		if (!MHD_get_timeout(s->daemon, &left))
			left = INT64_MAX;
		if (s->one_left) /* full, it listens again only in its next run */
			left = 0;
		if (left)
			break;
	}
	/* What has come is read: who says all of it at once is not slow. */
	wait_ms = callers_look(s);
	if ((int64_t)left < wait_ms)
		wait_ms = (int64_t)left;
	if (wait_ms == INT64_MAX)
		CHECK(uv_timer_stop(&s->timer) == 0);
	else
		CHECK(uv_timer_start(&s->timer, on_time,
			  wait_ms > 0 ? (uint64_t)wait_ms : 1, 0) == 0);
}

static void on_time(uv_timer_t *timer)
{
	server_run(timer->data);
}

void server_flush(struct server *s)
{
	if (s->soon)
		server_run(s);
}

void server_soon(struct server *s)
{
	s->soon = true;
	CHECK(uv_timer_start(&s->timer, on_time, 1, 0) == 0);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	server_run(poll->data);
}

static int epoll_of(struct MHD_Daemon *daemon)
{
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);

	CHECK(info);
	return info->epoll_fd;
}

static struct MHD_Daemon *daemon_start(struct server *s)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
	    on_request, s, MHD_OPTION_LISTEN_SOCKET, s->s.listen_fd,
	    MHD_OPTION_CONNECTION_LIMIT, s->s.connections_max,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_BYTES,
	    MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, s, MHD_OPTION_NOTIFY_COMPLETED,
	    on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_caller, s, MHD_OPTION_END);
}

enum err server_open(
    struct server **ret, const struct server_setup *setup, struct fail *f)
{
	struct server *s = mem_new(sizeof *s);

	s->s = *setup;
	if (!s->s.request_ms)
		s->s.request_ms = REQUEST_MS;
	if (!s->s.connections_max)
		s->s.connections_max = SERVER_CONNECTIONS_MAX;
	s->world = (struct uv_world *)setup->world;
	LIST_INIT(&s->exchanges);
	LIST_INIT(&s->callers);
	s->daemon = daemon_start(s);
	if (!s->daemon) {
		mem_free(s);
		return fail_set(f, ERR_SYSTEM, "libmicrohttpd does not start");
	}
	CHECK(uv_poll_init(&s->world->loop, &s->poll, epoll_of(s->daemon)) == 0);
	CHECK(uv_timer_init(&s->world->loop, &s->timer) == 0);
	s->poll.data = s->timer.data = s;
	s->handles = 2;
	CHECK(uv_poll_start(&s->poll, UV_READABLE, on_ready) == 0);
	*ret = s;
	return ERR_OK;
}

void server_stop(struct server *s)
{
	struct caller *c;

	s->stopped = true;
	(void)MHD_quiesce_daemon(s->daemon);
	LIST_FOREACH(c, &s->callers, link)
	if (!c->asks)
		show_out(s, c);
}

bool server_busy(const struct server *s)
{
	const struct exchange *x;

	LIST_FOREACH(x, &s->exchanges, link)
	if (x->connection && !x->streams)
		return true;
	return false;
}

static void on_closed(uv_handle_t *handle)
{
	struct server *s = handle->data;

	if (--s->handles == 0)
		mem_free(s);
}

/* libmicrohttpd closes a listening socket that it was given, unless told to leave it. */
void server_close(struct server *s)
{
	struct exchange *x, *next;

	if (!s)
		return;
	CHECK(uv_poll_stop(&s->poll) == 0);
	/* What was said last leaves, as far as it can without waiting. */
	for (int n = 0; n < RUNS_MAX; n++)
		CHECK(MHD_run(s->daemon));
	LIST_FOREACH(x, &s->exchanges, link)
	{
		x->ended = true;
		exchange_go_on(x);
	}
	CHECK(uv_timer_stop(&s->timer) == 0);
	(void)MHD_quiesce_daemon(s->daemon);
	MHD_stop_daemon(s->daemon);
	for (x = LIST_FIRST(&s->exchanges); x; x = next) {
		next = LIST_NEXT(x, link);
		x->server = NULL;
	}
	uv_close((uv_handle_t *)&s->poll, on_closed);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}
