/* The production world against a TCP server that misbehaves as told by the path. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "seen.h"
#include "world/address.h"
#include "world/world.h"

#define CONNECTIONS_MAX 512
#define HEAD_MAX 8192
#define POST_BYTES 25000
#define PATIENCE_MS 20000 /* of the tests themselves */

/* ---- the server: one thread a connection ---- */

struct server;

struct connection {
	struct server *server;
	pthread_t thread;
	int fd;
	unsigned served; /* requests on this connection, the present one counted */
	char head[HEAD_MAX];
	char *body;
	size_t body_len;
};

struct server {
	int fd;
	unsigned port;
	pthread_t acceptor;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct connection *connections[CONNECTIONS_MAX];
	unsigned connected, requested, answered, closed;
	bool gate;           /* open: /gate answers */
	char head[HEAD_MAX]; /* of the last request */
};

static void count(struct server *s, unsigned *counter)
{
	pthread_mutex_lock(&s->lock);
	++*counter;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static unsigned look(struct server *s, const unsigned *counter)
{
	unsigned v;

	pthread_mutex_lock(&s->lock);
	v = *counter;
	pthread_mutex_unlock(&s->lock);
	return v;
}

/* Waits until the counter is n. */
static void await(struct server *s, const unsigned *counter, unsigned n)
{
	struct timespec end;
	int e = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&s->lock);
	while (*counter < n && !e)
		e = pthread_cond_timedwait(&s->changed, &s->lock, &end);
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(e, 0);
}

static bool put(struct connection *c, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static void puts_to(struct connection *c, const char *text)
{
	(void)put(c, text, strlen(text));
}

static void answer(struct connection *c, const char *status, const char *headers,
    const char *body, size_t len)
{
	char head[512];

	(void)snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n",
	    status, headers, len);
	puts_to(c, head);
	(void)put(c, body, len);
	count(c->server, &c->server->answered);
}

static bool echo(struct connection *c)
{
	answer(c, "200 OK", "", c->body, c->body_len);
	return true;
}

static bool chunked(struct connection *c)
{
	puts_to(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	puts_to(c, "5\r\nhello\r\n");
	puts_to(c, "7\r\n, chunk\r\n0\r\n\r\n");
	return true;
}

static bool broken(struct connection *c)
{
	answer(c, "500 Internal Server Error", "", "oops", 4);
	return true;
}

static bool patience_seconds(struct connection *c)
{
	answer(c, "429 Too Many Requests", "Retry-After: 7\r\n", "", 0);
	return true;
}

static bool patience_date(struct connection *c)
{
	answer(c, "429 Too Many Requests",
	    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "Retry-After: Sun, 06 Nov 1994 08:49:49 GMT\r\n",
	    "", 0);
	return true;
}

static bool patience_absurd(struct connection *c)
{
	answer(c, "503 Service Unavailable",
	    "Retry-After: 99999999999999999999999999\r\n", "", 0);
	return true;
}

static bool patience_garbage(struct connection *c)
{
	answer(c, "503 Service Unavailable", "Retry-After: soon\r\n", "", 0);
	return true;
}

static bool redirect(struct connection *c)
{
	answer(c, "302 Found", "Location: /echo\r\n", "", 0);
	return true;
}

static bool drop(struct connection *c)
{
	(void)c;
	return false;
}

/* Closing with a linger of 0 sends a reset. */
static bool reset(struct connection *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return false;
}

static bool half(struct connection *c)
{
	puts_to(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
	return reset(c);
}

static bool hang(struct connection *c)
{
	char byte;

	(void)recv(c->fd, &byte, 1, 0); /* until the other side gives up */
	return false;
}

static bool half_ends(struct connection *c)
{
	puts_to(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
	return false;
}

static bool half_hangs(struct connection *c)
{
	(void)half_ends(c);
	return hang(c);
}

static bool gate(struct connection *c)
{
	struct server *s = c->server;

	pthread_mutex_lock(&s->lock);
	while (!s->gate)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return echo(c);
}

static bool gate_reset(struct connection *c)
{
	(void)gate(c);
	return reset(c);
}

static bool kilobyte(struct connection *c)
{
	char body[1024];

	memset(body, 'k', sizeof(body));
	answer(c, "200 OK", "", body, sizeof(body));
	return true;
}

/* A header without an end. */
static bool flood(struct connection *c)
{
	char line[1024];

	memset(line, 'f', sizeof(line));
	memcpy(line, "F: ", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	puts_to(c, "HTTP/1.1 200 OK\r\n");
	while (put(c, line, sizeof(line)))
		continue;
	return false;
}

/* A whole answer, and the connection is closed without a word of it. */
static bool last(struct connection *c)
{
	answer(c, "200 OK", "", "last", 4);
	return false;
}

/* No new connection is taken, and then the present one goes. */
static bool vanish(struct connection *c)
{
	shutdown(c->server->fd, SHUT_RDWR);
	return false;
}

static const struct {
	const char *path;
	bool (*serve)(struct connection *c); /* false: close */
} routes[] = {
	{ "/echo", echo },
	{ "/chunked", chunked },
	{ "/broken", broken },
	{ "/seconds", patience_seconds },
	{ "/date", patience_date },
	{ "/absurd", patience_absurd },
	{ "/garbage", patience_garbage },
	{ "/redirect", redirect },
	{ "/drop", drop },
	{ "/reset", reset },
	{ "/half", half },
	{ "/half-ends", half_ends },
	{ "/half-hangs", half_hangs },
	{ "/hang", hang },
	{ "/gate", gate },
	{ "/gate-reset", gate_reset },
	{ "/kilobyte", kilobyte },
	{ "/flood", flood },
	{ "/last", last },
	{ "/vanish", vanish },
};

/* Head and body; false: the connection is over. */
static bool get_request(struct connection *c)
{
	size_t len = 0, body_len = 0;
	const char *field;

	do {
		if (len == sizeof(c->head) - 1 || recv(c->fd, c->head + len, 1, 0) <= 0)
			return false;
		c->head[++len] = '\0';
		if (c->head[0] == 0x16) /* TLS */
			return false;
	} while (len < 4 || strcmp(c->head + len - 4, "\r\n\r\n") != 0);
	field = strcasestr(c->head, "\r\nContent-Length: ");
	if (field)
		body_len = strtoul(field + 18, NULL, 10);
	free(c->body);
	c->body = mem_new(body_len + 1);
	c->body_len = body_len;
	for (len = 0; len < body_len;) {
		ssize_t n = recv(c->fd, c->body + len, body_len - len, 0);

		if (n <= 0)
			return false;
		len += (size_t)n;
	}
	return true;
}

static bool serve_request(struct connection *c)
{
	const char *path = strchr(c->head, ' ');
	size_t len;

	if (!path)
		return false;
	len = strcspn(++path, " ?");
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strlen(routes[i].path) == len &&
		    strncmp(path, routes[i].path, len) == 0)
			return routes[i].serve(c);
	return false;
}

static void *serve_connection(void *of)
{
	struct connection *c = of;
	struct server *s = c->server;

	do {
		if (!get_request(c))
			break;
		c->served++;
		pthread_mutex_lock(&s->lock);
		memcpy(s->head, c->head, sizeof(s->head));
		pthread_mutex_unlock(&s->lock);
		count(s, &s->requested);
	} while (serve_request(c));
	pthread_mutex_lock(&s->lock);
	close(c->fd);
	c->fd = -1;
	pthread_mutex_unlock(&s->lock);
	count(s, &s->closed);
	return NULL;
}

static void *accept_connections(void *of)
{
	struct server *s = of;
	int fd;

	while (s->connected < CONNECTIONS_MAX && (fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct connection *c = mem_new(sizeof(*c));

		c->server = s;
		c->fd = fd;
		pthread_mutex_lock(&s->lock);
		s->connections[s->connected++] = c;
		pthread_create(&c->thread, NULL, serve_connection, c);
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

/* A bound socket on a free port of loopback. */
static int bound_socket(unsigned *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static struct server *server_new(void)
{
	struct server *s = mem_new(sizeof(*s));

	s->fd = bound_socket(&s->port);
	assert_int_equal(listen(s->fd, CONNECTIONS_MAX), 0);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	assert_int_equal(pthread_create(&s->acceptor, NULL, accept_connections, s), 0);
	return s;
}

static void open_gate(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->gate = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void server_free(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->acceptor, NULL);
	open_gate(s);
	for (unsigned i = 0; i < s->connected; i++) {
		struct connection *c = s->connections[i];

		pthread_mutex_lock(&s->lock);
		if (c->fd >= 0)
			shutdown(c->fd, SHUT_RDWR);
		pthread_mutex_unlock(&s->lock);
		pthread_join(c->thread, NULL);
		free(c->body);
		free(c);
	}
	close(s->fd);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s);
}

/* ---- one request after the other ---- */

struct rig {
	struct server *server;
	struct world *world;
};

static int rig_up(void **state)
{
	struct rig *t = mem_new(sizeof(*t));

	t->server = server_new();
	assert_int_equal(world_open(&t->world, NULL), ERR_OK);
	*state = t;
	return 0;
}

static int rig_down(void **state)
{
	struct rig *t = *state;

	world_free(t->world);
	server_free(t->server);
	free(t);
	return 0;
}

static struct http_request request(struct seen *seen, const char *url)
{
	return (struct http_request){
		.url = url,
		.timeout_ms = PATIENCE_MS,
		.answer_max = 1 << 20,
		.done = seen_take,
		.ctx = seen,
	};
}

static const char *url_of(const struct rig *t, const char *path)
{
	static char url[256];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", t->server->port, path);
	return url;
}

static void wait_for(struct world *w, const struct seen *seen, unsigned calls)
{
	int64_t end = world_now_ms(w) + PATIENCE_MS;

	while (seen->calls < calls && world_now_ms(w) < end)
		world_wait(w, end);
	assert_int_equal(seen->calls, calls);
}

/* Turns until the server has n requests. */
static void turn_until_requested(const struct rig *t, unsigned n)
{
	struct world *w = t->world;
	int64_t end = world_now_ms(w) + PATIENCE_MS;

	while (look(t->server, &t->server->requested) < n && world_now_ms(w) < end)
		world_wait(w, world_now_ms(w) + 1);
	assert_true(look(t->server, &t->server->requested) >= n);
}

/* Runs the request to its end. */
static struct seen ask(const struct rig *t, struct http_request q)
{
	struct seen seen = { .calls = 0 };

	q.ctx = &seen;
	world_http(t->world, &q);
	assert_int_equal(seen.calls, 0);
	wait_for(t->world, &seen, 1);
	return seen;
}

static struct seen get(const struct rig *t, const char *path)
{
	return ask(t, request(NULL, url_of(t, path)));
}

/* The answer is judged and given back. */
static void assert_answer(struct seen *seen, int status, const char *body)
{
	assert_int_equal(seen->a.end, HTTP_ANSWERED);
	assert_int_equal(seen->a.status, status);
	assert_int_equal(seen->a.body_len, strlen(body));
	assert_string_equal(seen->a.body, body);
	assert_string_equal(seen->a.why, "");
	free(seen->a.body);
	seen->a.body = NULL;
}

static void assert_end(const struct seen *seen, enum http_end end)
{
	assert_int_equal(seen->a.end, end);
	assert_int_equal(seen->a.status, 0);
	assert_int_equal(seen->a.retry_after_ms, -1);
	assert_null(seen->a.body);
	assert_true(seen->a.why[0] != '\0');
}

static void a_post_is_answered(void **state)
{
	struct rig *t = *state;
	struct http_request q = request(NULL, url_of(t, "/echo"));
	struct seen seen;
	char *expected = mem_new(POST_BYTES + 1);

	memset(expected, 'x', POST_BYTES);
	q.body = mem_str(expected);
	q.body_len = POST_BYTES;
	seen = ask(t, q);
	assert_answer(&seen, 200, expected);
	free(expected);
	assert_int_equal(seen.a.retry_after_ms, -1);
	assert_non_null(strstr(t->server->head, "POST /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(t->server->head, "\r\nUser-Agent: pawl\r\n"));
	assert_non_null(
	    strstr(t->server->head, "\r\nContent-Type: application/json\r\n"));
	assert_null(strcasestr(t->server->head, "\r\nExpect:"));
	assert_non_null(strstr(t->server->head, "\r\nCache-Control: no-cache\r\n"));
}

static void a_content_type_is_sent(void **state)
{
	struct rig *t = *state;
	struct http_request q = request(NULL, url_of(t, "/echo"));
	struct seen seen;

	q.body = mem_str("");
	q.content_type = "text/plain";
	seen = ask(t, q);
	assert_answer(&seen, 200, "");
	assert_non_null(strstr(t->server->head, "POST "));
	assert_non_null(strstr(t->server->head, "\r\nContent-Type: text/plain\r\n"));
}

static void lines_of_its_own_are_sent(void **state)
{
	static const char *const lines[] = { "One: 1", "Two: v1=2", NULL };
	struct rig *t = *state;
	struct http_request q = request(NULL, url_of(t, "/echo"));
	struct seen seen;

	for (int with_body = 0; with_body < 2; with_body++) {
		q.body = with_body ? mem_str("{}") : NULL;
		q.lines = lines;
		seen = ask(t, q);
		assert_answer(&seen, 200, "");
		assert_non_null(strstr(t->server->head, "\r\nOne: 1\r\n"));
		assert_non_null(strstr(t->server->head, "\r\nTwo: v1=2\r\n"));
	}
	assert_non_null(
	    strstr(t->server->head, "\r\nContent-Type: application/json\r\n"));
	q.body = mem_str("{}");
	q.lines = NULL;
	seen = ask(t, q);
	assert_answer(&seen, 200, "");
	assert_null(strstr(t->server->head, "\r\nOne: "));
}

/* The same handle does both kinds in turn. */
static void get_and_post_alternate(void **state)
{
	struct rig *t = *state;
	struct http_request q = request(NULL, url_of(t, "/echo"));
	struct seen seen;

	for (int i = 0; i < 3; i++) {
		q.body = mem_str("posted");
		q.body_len = 6;
		seen = ask(t, q);
		assert_answer(&seen, 200, "posted");
		seen = get(t, "/echo");
		assert_answer(&seen, 200, "");
		assert_non_null(strstr(t->server->head, "GET /echo "));
		assert_null(strcasestr(t->server->head, "\r\nContent-Type:"));
	}
	assert_int_equal(look(t->server, &t->server->connected), 1);
}

static void chunks_are_joined(void **state)
{
	struct seen seen = get(*state, "/chunked");

	assert_answer(&seen, 200, "hello, chunk");
}

static void any_status_is_an_answer(void **state)
{
	struct seen seen = get(*state, "/broken");

	assert_answer(&seen, 500, "oops");
	seen = get(*state, "/redirect");
	assert_answer(&seen, 302, "");
}

static void retry_after_is_read(void **state)
{
	static const struct {
		const char *path;
		int status;
		int64_t ms;
	} rows[] = {
		{ "/seconds", 429, 7000 },
		{ "/date", 429, 12000 },
		{ "/absurd", 503, 86400000 },
		{ "/garbage", 503, -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen seen = get(*state, rows[i].path);

		assert_true(seen.a.retry_after_ms == rows[i].ms);
		assert_answer(&seen, rows[i].status, "");
	}
}

/* ---- sent or not ---- */

static void refused_is_not_sent(void **state)
{
	struct rig *t = *state;
	unsigned port;
	int fd = bound_socket(&port);
	char url[128];
	struct seen seen;

	(void)snprintf(
	    url, sizeof(url), "http://user:hush@127.0.0.1:%u/hush?key=hush", port);
	seen = ask(t, request(NULL, url));
	assert_end(&seen, HTTP_NOT_SENT);
	assert_non_null(strstr(seen.a.why, "refused"));
	assert_null(strstr(seen.a.why, "hush"));
	close(fd);
}

static void no_url_is_not_sent(void **state)
{
	static const char *const urls[] = { "", "hush", "ftp://127.0.0.1/hush",
		"file:///etc/hush", "http://", "127.0.0.1:80" };

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct seen seen = ask(*state, request(NULL, urls[i]));

		assert_end(&seen, HTTP_NOT_SENT);
		assert_string_equal(seen.a.why, "not a URL of http or https");
	}
}

static bool is_public(const char *text)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_storage a = { 0 };

	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
		memcpy(&a, &six, sizeof six);
	} else {
		assert_int_equal(inet_pton(AF_INET, text, &four.sin_addr), 1);
		memcpy(&a, &four, sizeof four);
	}
	return address_public((const struct sockaddr *)&a);
}

static void what_is_private_is_known(void **state)
{
	static const char *const private[] = { "0.0.0.0", "10.255.0.1", "100.64.0.1",
		"100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.168.1.1", "198.19.255.255",
		"224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
		"fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
		"64:ff9b::7f00:1", "2002:7f00:1::1", "2002:a00:1::", "2001:db8::1",
		"2001::1", "::7f00:1", "3fff::1" };
	static const char *const public[] = { "1.1.1.1", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255",
		"192.169.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450::8a",
		"::ffff:1.1.1.1", "64:ff9b::101:101", "2001:db7::1", "2001:4860::8888" };

	(void)state;
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		if (is_public(private[i]))
			fail_msg("taken for public: %s", private[i]);
	for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++)
		if (!is_public(public[i]))
			fail_msg("taken for private: %s", public[i]);
}

/* By number and by name, also where another request has a connection that could be used
 * again. */
static void a_private_address_is_not_asked(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "127.1",
		"2130706433", "[::ffff:127.0.0.1]" };
	struct rig *t = *state;
	struct seen seen = get(t, "/echo");
	unsigned asked;

	assert_answer(&seen, 200, "");
	asked = look(t->server, &t->server->requested);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		char url[64];
		struct http_request q;

		(void)snprintf(
		    url, sizeof(url), "http://%s:%u/echo", hosts[i], t->server->port);
		q = request(NULL, url);
		q.public_only = true;
		seen = ask(t, q);
		assert_end(&seen, HTTP_NOT_SENT);
		assert_string_equal(
		    seen.a.why, "its address is not one of the internet's");
	}
	assert_int_equal(look(t->server, &t->server->requested), asked);
	seen = get(t, "/echo");
	assert_answer(&seen, 200, "");
}

static void no_tls_is_not_sent(void **state)
{
	struct rig *t = *state;
	char url[64];
	struct seen seen;

	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/echo", t->server->port);
	seen = ask(t, request(NULL, url));
	assert_end(&seen, HTTP_NOT_SENT);
	assert_int_equal(look(t->server, &t->server->requested), 0);
}

static void no_answer_is_unknown(void **state)
{
	static const char *const paths[] = { "/drop", "/reset", "/half" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct seen seen = get(*state, paths[i]);

		assert_end(&seen, HTTP_UNKNOWN);
	}
}

static void a_header_has_a_bound(void **state)
{
	struct seen seen = get(*state, "/flood");

	assert_end(&seen, HTTP_UNKNOWN);
	assert_non_null(strstr(seen.a.why, "header over"));
}

static void why_keeps_secrets(void **state)
{
	struct rig *t = *state;
	char url[128];
	struct seen seen;

	(void)snprintf(
	    url, sizeof(url), "http://hush:hush@127.0.0.1:%u/half?hush", t->server->port);
	seen = ask(t, request(NULL, url));
	assert_end(&seen, HTTP_UNKNOWN);
	assert_null(strstr(seen.a.why, "hush"));
	assert_non_null(strstr(t->server->head, "\r\nAuthorization: Basic "));
}

/* The clock of a request begins when it is made, also at the end of a long turn. */
static void hanging_is_unknown(void **state)
{
	struct rig *t = *state;
	struct http_request q = request(NULL, url_of(t, "/hang"));
	int64_t begin = world_now_ms(t->world) + 100;
	struct seen seen;

	while (world_now_ms(t->world) < begin)
		continue;
	q.timeout_ms = 200;
	seen = ask(t, q);
	assert_end(&seen, HTTP_UNKNOWN);
	assert_non_null(strstr(seen.a.why, "200 ms"));
	assert_true(world_now_ms(t->world) - begin >= 200);
}

/* The answer lies in the socket, but the turn before took longer than the timeout. */
static void an_answer_beats_the_clock(void **state)
{
	struct rig *t = *state;
	struct seen seen = { .calls = 0 };
	struct http_request q = request(&seen, url_of(t, "/gate"));
	int64_t end;

	q.timeout_ms = 500;
	world_http(t->world, &q);
	end = world_now_ms(t->world) + q.timeout_ms;
	turn_until_requested(t, 1);
	world_wait(t->world, end - 100); /* libcurl has no timer left */
	open_gate(t->server);
	await(t->server, &t->server->answered, 1);
	while (world_now_ms(t->world) <= end + 1)
		continue;
	world_wait(t->world, 0);
	wait_for(t->world, &seen, 1);
	assert_answer(&seen, 200, "");
}

/* A whole answer is one, also when a reset came right behind it. */
static void an_answer_beats_a_reset(void **state)
{
	struct rig *t = *state;
	struct seen seen = { .calls = 0 };
	struct http_request q = request(&seen, url_of(t, "/gate-reset"));

	q.body = mem_str("kept");
	q.body_len = 4;
	world_http(t->world, &q);
	turn_until_requested(t, 1);
	open_gate(t->server);
	await(t->server, &t->server->closed, 1);
	wait_for(t->world, &seen, 1);
	assert_answer(&seen, 200, "kept");
}

static void the_bound_holds(void **state)
{
	struct rig *t = *state;
	struct http_request q = request(NULL, url_of(t, "/kilobyte"));
	struct seen seen;

	q.answer_max = 1024;
	seen = ask(t, q);
	assert_int_equal(seen.a.end, HTTP_ANSWERED);
	assert_int_equal(seen.a.body_len, 1024);
	free(seen.a.body);
	q.answer_max = 1023;
	seen = ask(t, q);
	assert_end(&seen, HTTP_UNKNOWN);
	assert_string_equal(seen.a.why, "answer over 1023 bytes");
}

/* What only its status is asked of is answered by that. */
static void a_status_is_enough(void **state)
{
	struct rig *t = *state;
	struct http_request q = request(NULL, url_of(t, "/kilobyte"));
	struct seen seen;

	q.brief = true;
	q.answer_max = 1023;
	seen = ask(t, q);
	assert_int_equal(seen.a.end, HTTP_ANSWERED);
	assert_int_equal(seen.a.status, 200);
	free(seen.a.body);
	q.url = url_of(t, "/half-ends");
	seen = ask(t, q);
	assert_int_equal(seen.a.end, HTTP_ANSWERED);
	assert_int_equal(seen.a.status, 200);
	free(seen.a.body);
	q.url = url_of(t, "/half-hangs");
	q.timeout_ms = 500;
	seen = ask(t, q);
	assert_int_equal(seen.a.end, HTTP_ANSWERED);
	assert_int_equal(seen.a.status, 200);
	free(seen.a.body);
	q.url = url_of(t, "/reset");
	seen = ask(t, q);
	assert_end(&seen, HTTP_UNKNOWN);
	q.url = url_of(t, "/hang");
	seen = ask(t, q);
	assert_end(&seen, HTTP_UNKNOWN);
}

/* ---- connections ---- */

static void a_closed_connection_is_replaced(void **state)
{
	struct rig *t = *state;

	for (unsigned i = 1; i <= 3; i++) {
		struct seen seen = get(t, "/last");

		assert_answer(&seen, 200, "last");
		assert_int_equal(look(t->server, &t->server->connected), i);
		assert_int_equal(look(t->server, &t->server->requested), i);
	}
}

/* Keeps a connection, then has a request die on it. */
static unsigned tries_of(struct rig *t, bool once)
{
	struct seen seen = get(t, "/echo");
	struct http_request q;
	unsigned before;

	assert_answer(&seen, 200, "");
	before = look(t->server, &t->server->requested);
	q = request(NULL, url_of(t, "/drop"));
	q.body = mem_str("message");
	q.body_len = 7;
	q.once = once;
	seen = ask(t, q);
	assert_end(&seen, HTTP_UNKNOWN);
	return look(t->server, &t->server->requested) - before;
}

static void once_is_never_repeated(void **state)
{
	assert_int_equal(tries_of(*state, true), 1);
}

/* Why `once` is there: without it a second try is made behind our back. */
static void others_are_repeated(void **state)
{
	assert_int_equal(tries_of(*state, false), 2);
}

/* The bytes left on the kept connection; that the second try finds no server must not
 * make it NOT_SENT. */
static void refused_at_the_second_try_is_unknown(void **state)
{
	struct rig *t = *state;
	struct seen seen = get(t, "/echo");

	assert_answer(&seen, 200, "");
	seen = get(t, "/vanish");
	assert_end(&seen, HTTP_UNKNOWN);
	assert_int_equal(look(t->server, &t->server->requested), 2);
	seen = get(t, "/echo");
	assert_end(&seen, HTTP_NOT_SENT);
}

static void loopback_needs_no_proxy(void **state)
{
	struct seen seen;

	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	seen = get(*state, "/echo");
	assert_int_equal(unsetenv("http_proxy"), 0);
	assert_answer(&seen, 200, "");
}

static void many_at_once(void **state)
{
	enum { MANY = 300 };
	struct rig *t = *state;
	struct seen *seen = mem_array(MANY, sizeof(*seen));
	unsigned calls = 0;
	int64_t end = world_now_ms(t->world) + PATIENCE_MS;
	char text[16];

	for (int i = 0; i < MANY; i++) {
		struct http_request q = request(&seen[i], url_of(t, "/echo"));

		(void)snprintf(text, sizeof(text), "%d", i);
		q.body = mem_str(text);
		q.body_len = strlen(text);
		world_http(t->world, &q);
	}
	while (calls < MANY && world_now_ms(t->world) < end) {
		world_wait(t->world, end);
		calls = 0;
		for (int i = 0; i < MANY; i++)
			calls += seen[i].calls;
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(seen[i].calls, 1);
		(void)snprintf(text, sizeof(text), "%d", i);
		assert_answer(&seen[i], 200, text);
	}
	free(seen);
	assert_in_range(look(t->server, &t->server->connected), 8, 32);
}

/* What finds no free connection in its time has not been sent, and is told so. */
static void waiting_in_line_is_not_sent(void **state)
{
	enum { CONNECTIONS = 32 };
	struct rig *t = *state;
	struct seen sent = { .calls = 0 }, waiting = { .calls = 0 };
	struct http_request q = request(&sent, url_of(t, "/hang"));

	for (int i = 0; i < CONNECTIONS; i++)
		world_http(t->world, &q);
	turn_until_requested(t, CONNECTIONS);
	q.ctx = &waiting;
	q.timeout_ms = 50;
	world_http(t->world, &q);
	wait_for(t->world, &waiting, 1);
	assert_end(&waiting, HTTP_NOT_SENT);
	assert_int_equal(sent.calls, 0);
	world_free(t->world);
	assert_int_equal(sent.calls, CONNECTIONS);
	assert_end(&sent, HTTP_UNKNOWN);
	t->world = NULL;
}

/* ---- turns ---- */

static void one_turn_gets_all_that_arrived(void **state)
{
	struct rig *t = *state;
	struct seen seen = { .calls = 0 };
	struct http_request q = request(&seen, url_of(t, "/gate"));

	for (int i = 0; i < 10; i++)
		world_http(t->world, &q);
	turn_until_requested(t, 10);
	assert_int_equal(seen.calls, 0);
	open_gate(t->server);
	await(t->server, &t->server->answered, 10);
	world_wait(t->world, world_now_ms(t->world) + PATIENCE_MS);
	assert_int_equal(seen.calls, 10);
	assert_answer(&seen, 200, "");
}

/* Each refusal lets the next one in line start, which is refused at once, too. */
static void one_turn_gets_all_that_follows(void **state)
{
	enum { CONNECTIONS = 32, ROUNDS = 6 };
	struct rig *t = *state;
	struct seen seen = { .calls = 0 };
	char url[64];
	unsigned port;
	int fd = bound_socket(&port);
	struct http_request q = request(&seen, url);

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	for (int i = 0; i < CONNECTIONS * ROUNDS; i++)
		world_http(t->world, &q);
	world_wait(t->world, world_now_ms(t->world) + PATIENCE_MS);
	assert_int_equal(seen.calls, CONNECTIONS * ROUNDS);
	assert_end(&seen, HTTP_NOT_SENT);
	close(fd);
}

static void wait_keeps_its_time(void **state)
{
	struct rig *t = *state;
	int64_t until = world_now_ms(t->world) + 30;

	world_wait(t->world, until);
	assert_true(world_now_ms(t->world) >= until);
	world_wait(t->world, 0); /* past: at once */
	world_wait(t->world, world_now_ms(t->world));
	assert_int_equal(world_signalled(t->world), 0);
	assert_true(world_wall_ms(t->world) > INT64_C(1600000000000));
}

struct meeting {
	pthread_barrier_t both;
	unsigned done;
	unsigned strays; /* jobs that ran on the loop's thread; atomic */
	pthread_t loop;
};

static void meet(void *job)
{
	struct meeting *m = job;

	if (pthread_equal(pthread_self(), m->loop))
		__atomic_add_fetch(&m->strays, 1, __ATOMIC_RELAXED);
	pthread_barrier_wait(&m->both);
}

static void met(void *job)
{
	struct meeting *m = job;

	assert_true(pthread_equal(pthread_self(), m->loop));
	m->done++;
}

/* Two jobs that wait for each other end only when both run at a time. */
static void jobs_run_side_by_side(void **state)
{
	struct rig *t = *state;
	struct meeting m = { .loop = pthread_self() };
	int64_t end = world_now_ms(t->world) + PATIENCE_MS;

	pthread_barrier_init(&m.both, NULL, 2);
	for (int i = 0; i < 20; i++)
		world_work(t->world, meet, met, &m);
	while (m.done < 20 && world_now_ms(t->world) < end)
		world_wait(t->world, end);
	assert_int_equal(m.done, 20);
	assert_int_equal(m.strays, 0);
	pthread_barrier_destroy(&m.both);
}

static void a_signal_ends_the_wait(void **state)
{
	struct rig *t = *state;
	int64_t until = world_now_ms(t->world) + PATIENCE_MS;

	assert_int_equal(kill(getpid(), SIGTERM), 0);
	world_wait(t->world, until);
	assert_true(world_now_ms(t->world) < until);
	assert_int_equal(world_signalled(t->world), SIGTERM);
	until = world_now_ms(t->world) + 20;
	world_wait(t->world, until); /* it was told; this one keeps its time */
	assert_true(world_now_ms(t->world) >= until);
	assert_int_equal(world_signals(t->world).stops, 1);
	assert_int_equal(kill(getpid(), SIGINT), 0);
	world_wait(t->world, INT64_MAX);
	assert_int_equal(world_signalled(t->world), SIGTERM);
	assert_int_equal(world_signals(t->world).stops, 2);
	assert_int_equal(world_signals(t->world).reloads, 0);
}

static void a_reload_ends_it_too(void **state)
{
	struct rig *t = *state;

	assert_int_equal(kill(getpid(), SIGHUP), 0);
	world_wait(t->world, INT64_MAX);
	assert_int_equal(world_signalled(t->world), 0);
	assert_int_equal(world_signals(t->world).reloads, 1);
	assert_int_equal(world_signals(t->world).stops, 0);
}

static void other_signals_do_not(void **state)
{
	struct rig *t = *state;
	int64_t until = world_now_ms(t->world) + 30;

	assert_int_equal(kill(getpid(), SIGPIPE), 0);
	world_wait(t->world, until);
	assert_true(world_now_ms(t->world) >= until);
	assert_int_equal(world_signalled(t->world), 0);
}

static void random_is_drawn(void **state)
{
	struct rig *t = *state;
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	world_random(t->world, a, sizeof(a));
	world_random(t->world, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

/* ---- the end ---- */

static void free_tells_everybody(void **state)
{
	struct rig *t = *state;
	struct seen flying = { .calls = 0 }, fresh = { .calls = 0 };
	struct meeting m = { .loop = pthread_self() };
	struct http_request q = request(&flying, url_of(t, "/hang"));

	pthread_barrier_init(&m.both, NULL, 2);
	for (int i = 0; i < 40; i++)
		world_http(t->world, &q);
	turn_until_requested(t, 20);
	q.ctx = &fresh;
	q.body = mem_str("never sent");
	q.body_len = 10;
	world_http(t->world, &q);
	for (int i = 0; i < 20; i++)
		world_work(t->world, meet, met, &m);
	world_free(t->world);
	t->world = NULL;
	assert_int_equal(flying.calls, 40);
	assert_end(&flying, HTTP_UNKNOWN);
	assert_int_equal(fresh.calls, 1);
	assert_end(&fresh, HTTP_UNKNOWN);
	assert_int_equal(m.done, 20);
	pthread_barrier_destroy(&m.both);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, rig_up, rig_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG(a_post_is_answered),
		RIG(a_content_type_is_sent),
		RIG(lines_of_its_own_are_sent),
		RIG(get_and_post_alternate),
		RIG(chunks_are_joined),
		RIG(any_status_is_an_answer),
		RIG(retry_after_is_read),
		RIG(refused_is_not_sent),
		RIG(no_url_is_not_sent),
		RIG(what_is_private_is_known),
		RIG(a_private_address_is_not_asked),
		RIG(no_tls_is_not_sent),
		RIG(no_answer_is_unknown),
		RIG(a_header_has_a_bound),
		RIG(why_keeps_secrets),
		RIG(hanging_is_unknown),
		RIG(an_answer_beats_the_clock),
		RIG(an_answer_beats_a_reset),
		RIG(the_bound_holds),
		RIG(a_status_is_enough),
		RIG(a_closed_connection_is_replaced),
		RIG(once_is_never_repeated),
		RIG(others_are_repeated),
		RIG(refused_at_the_second_try_is_unknown),
		RIG(loopback_needs_no_proxy),
		RIG(many_at_once),
		RIG(waiting_in_line_is_not_sent),
		RIG(one_turn_gets_all_that_arrived),
		RIG(one_turn_gets_all_that_follows),
		RIG(wait_keeps_its_time),
		RIG(jobs_run_side_by_side),
		RIG(a_signal_ends_the_wait),
		RIG(a_reload_ends_it_too),
		RIG(other_signals_do_not),
		RIG(random_is_drawn),
		RIG(free_tells_everybody),
	};

	return cmocka_run_group_tests_name("world", tests, NULL, NULL);
}
