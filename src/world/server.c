/* libmicrohttpd behind an epoll descriptor that libuv watches.
 *
 * While an exchange waits for its answer, or a stream for its next piece, its connection
 * is suspended: libmicrohttpd would ask again and again. That one was resumed is seen
 * when libmicrohttpd is run next, which nothing but a timer would do.
 */
#include "world/server.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/mem.h"
#include "world/loop.h"
#include "world/said.h"

#define MEMORY_BYTES \
	((size_t)16 * 1024) /* of a connection: its header, what is written */
#define SILENCE_S 20u
#define REQUEST_MS 30000
#define RUNS_MAX 16 /* of libmicrohttpd in one pass of the loop */
#define PIECE_BYTES 4096
#define STREAM_PIECE_MAX ((size_t)64 * 1024)

LIST_HEAD(exchange_list, exchange);
LIST_HEAD(caller_list, caller);

/* A connection, from the first byte on. */
struct caller {
	LIST_ENTRY(caller) link;
	struct MHD_Connection *connection;
	int64_t until_ms; /* for a whole request; 0: it is said */
};

struct exchange {
	LIST_ENTRY(exchange) link;
	struct outcome outcome;
	struct server *server;             /* NULL: it is closed */
	struct MHD_Connection *connection; /* NULL: it ended */
	struct caller *caller;
	char *method, *path;
	struct said said;
	struct buf body;
	bool whole;     /* the request is said, and was posted */
	bool held;      /* somebody has it, or will: the answer is his to give */
	bool suspended; /* the connection */

	/* the answer */
	struct MHD_Response *response; /* NULL: none yet */
	int status;
	bool streams, ended;
	struct buf now, next; /* pieces: on its way, and the newest */
	size_t now_at;
};

struct server {
	struct server_setup s;
	struct uv_world *world;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t timer;
	int handles; /* that are not closed */
	struct exchange_list exchanges;
	struct caller_list callers;
	bool one_left; /* in this run of libmicrohttpd */
};

/* -- exchanges ------------------------------------------------------------- */

static void exchange_free(struct exchange *x)
{
	if (x->server)
		LIST_REMOVE(x, link);
	if (x->response)
		MHD_destroy_response(x->response);
	buf_release(&x->body);
	buf_release(&x->now);
	buf_release(&x->next);
	mem_free(x->method);
	mem_free(x->path);
	said_release(&x->said);
	mem_free(x);
}

/* Nobody holds it, or its connection ended: whichever comes last frees it. */
static void exchange_let_go(struct exchange *x)
{
	if (!x->held && !x->connection)
		exchange_free(x);
}

static void wait_here(struct exchange *x)
{
	x->suspended = true;
	MHD_suspend_connection(x->connection);
}

static void on_time(uv_timer_t *timer);

static void go_on(struct exchange *x)
{
	if (!x->suspended)
		return;
	x->suspended = false;
	MHD_resume_connection(x->connection);
	CHECK(uv_timer_start(&x->server->timer, on_time, 1, 0) == 0);
}

static void hand_out(void *of)
{
	struct exchange *x = of;

	if (x->server) {
		x->server->s.asked(x->server->s.ctx, x);
		return;
	}
	x->held = false;
	exchange_let_go(x);
}

const char *exchange_method(const struct exchange *x)
{
	return x->method;
}

const char *exchange_path(const struct exchange *x)
{
	return x->path;
}

const char *exchange_query(const struct exchange *x)
{
	return x->said.query;
}

const char *exchange_who(const struct exchange *x)
{
	return x->said.who;
}

const char *exchange_header(const struct exchange *x, enum server_header which)
{
	return x->said.headers[which];
}

void exchange_more(struct exchange *x, const char *name, const char *value)
{
	said_more(&x->said, name, value);
}

const char *exchange_body(const struct exchange *x, size_t *ret_len)
{
	*ret_len = x->body.len;
	return buf_text(&x->body);
}

static void response_put(
    struct exchange *x, struct MHD_Response *response, int status, const char *type)
{
	CHECK(response);
	CHECK(MHD_add_response_header(response, "Content-Type", type));
	CHECK(MHD_add_response_header(response, "Cache-Control", "no-store"));
	if (status >= 400) /* who is refused does not keep a place */
		CHECK(MHD_add_response_header(response, "Connection", "close"));
	said_put(&x->said, response);
	x->response = response;
	x->status = status;
	go_on(x);
}

void exchange_reply(struct exchange *x, int status, const char *type, struct buf *body)
{
	size_t len;
	uint8_t *text = buf_take(body, &len);

	x->held = false;
	if (x->connection)
		response_put(x,
		    MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE),
		    status, type);
	else
		mem_free(text);
	exchange_let_go(x);
}

void exchange_drop(struct exchange *x)
{
	x->held = false;
	x->ended = true;
	if (x->connection)
		go_on(x);
	exchange_let_go(x);
}

/* -- streams --------------------------------------------------------------- */

/* Called by libmicrohttpd for more to write. */
static ssize_t piece_read(void *of, uint64_t at, char *out, size_t max)
{
	struct exchange *x = of;
	size_t n;

	(void)at;
	if (x->now_at == x->now.len) {
		struct buf empty = x->now;

		x->now = x->next;
		x->next = empty;
		buf_clear(&x->next);
		x->now_at = 0;
	}
	n = x->now.len - x->now_at;
	if (!n && x->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!n) {
		wait_here(x);
		return 0;
	}
	n = n < max ? n : max;
	memcpy(out, x->now.data + x->now_at, n);
	x->now_at += n;
	return (ssize_t)n;
}

void exchange_stream(struct exchange *x, const char *type)
{
	x->streams = true;
	buf_init(&x->now, STREAM_PIECE_MAX);
	buf_init(&x->next, STREAM_PIECE_MAX);
	if (x->connection)
		response_put(x,
		    MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, PIECE_BYTES, piece_read, x, NULL),
		    MHD_HTTP_OK, type);
}

bool exchange_send(struct exchange *x, const char *piece)
{
	if (!x->connection)
		return false;
	buf_clear(&x->next);
	buf_add_str(&x->next, piece);
	CHECK(buf_ok(&x->next));
	go_on(x);
	return true;
}

void exchange_end(struct exchange *x)
{
	exchange_drop(x);
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
		LIST_INSERT_HEAD(&s->callers, c, link);
		*of = c;
		return;
	}
	LIST_REMOVE(c, link);
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
	struct buf text;

	buf_init(&text, 256);
	buf_addf(&text, "{\"error\":\"%s\",\"name\":\"TOO_BIG\",\"exit\":2}\n", why);
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
	const char *who = NULL;
	enum MHD_Result refused;
	struct exchange *x;

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
	x->outcome.deliver = hand_out;
	x->outcome.of = x;
	x->server = s;
	x->connection = connection;
	x->caller = caller_of(connection);
	x->method = mem_str(method);
	x->path = mem_str(path);
	said_take(&x->said, connection, who);
	buf_init(&x->body, max);
	LIST_INSERT_HEAD(&s->exchanges, x, link);
	*of = x;
	return MHD_YES;
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
		*len = 0;
		return buf_ok(&x->body) ? MHD_YES : MHD_NO;
	}
	if (x->response) {
		if (!x->streams) /* who takes it drop by drop is gone some day, too */
			x->caller->until_ms = world_now_ms(s->s.world) + s->s.request_ms;
		return MHD_queue_response(connection, (unsigned)x->status, x->response);
	}
	if (x->ended)
		return MHD_NO;
	if (!x->whole) {
		x->whole = x->held = true;
		x->caller->until_ms = 0;
		world_post(s->world, &x->outcome);
	}
	wait_here(x);
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

/* Who takes too long to say what he wants is shown the door, however busy he looks. */
static int64_t callers_look(struct server *s)
{
	int64_t now_ms = world_now_ms(s->s.world), next_ms = INT64_MAX;
	struct caller *c;

	LIST_FOREACH(c, &s->callers, link)
	{
		const union MHD_ConnectionInfo *info;

		if (!c->until_ms)
			continue;
		if (c->until_ms > now_ms) {
			next_ms = c->until_ms < next_ms ? c->until_ms : next_ms;
			continue;
		}
		info = MHD_get_connection_info(
		    c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		CHECK(info);
		(void)shutdown(info->connect_fd, SHUT_RDWR);
		c->until_ms = 0;
	}
	return next_ms == INT64_MAX ? INT64_MAX : next_ms - now_ms;
}

static void server_run(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG left = 0;
	int64_t wait_ms = callers_look(s);

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
		go_on(x);
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
