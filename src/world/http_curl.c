/* HTTP requests over libcurl.
 *
 * Whether bytes left is one fact: libcurl calls CURLOPT_PREREQFUNCTION when the
 * connection stands (TLS included) and before the first byte of each try. Never
 * called: NOT_SENT. Called, and no whole answer: UNKNOWN, also when that try wrote
 * nothing, or a later one found no connection. CURLINFO_REQUEST_SIZE is no such
 * fact: over TLS it lags behind what left.
 *
 * A kept connection that its server closed while it was idle is found dead before it
 * is used, and a new one is made. When it dies after bytes were written and before
 * an answer came, libcurl repeats the request on another one, and says nothing. It
 * does so on reused connections only; thus `once` asks for a fresh one.
 */
#include "world/loop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "world/address.h"

#define HOST_ACTIVE_MAX 32u /* requests at a time, and so connections, to one host */
#define HEADER_MAX (256u * 1024)
#define RETRY_AFTER_MAX_S ((int64_t)86400)
#define BUFFER_BYTES 65536L

#define SET(easy, option, value) \
	CHECK(curl_easy_setopt(easy, CURLOPT_##option, value) == CURLE_OK)

/* Scheme, name and port, with the requests that wait for their turn on it. */
struct host {
	TAILQ_ENTRY(host) link;
	struct request_list waiting;
	unsigned active;
	char name[]; /* "https://example.org:443" */
};

struct request {
	TAILQ_ENTRY(request) open;    /* in http.open */
	TAILQ_ENTRY(request) waiting; /* in host.waiting while easy is NULL */
	struct outcome outcome, part; /* its end; something came of a stream */
	struct http *http;
	struct host *host; /* NULL: the URL is none of ours */
	CURL *easy;
	uv_timer_t timer;
	int64_t timeout_ms;
	char *url, *body, *unix_socket;
	size_t body_len;
	struct curl_slist *headers; /* its own, else NULL */
	struct buf answer;
	size_t header_len;
	bool once, brief;
	bool public_only, private; /* its name led to a private address */
	bool part_posted;
	bool left; /* a try was made: bytes may have left */
	bool late; /* the time is up, and the sockets are read once more */
	struct http_answer a;
	http_done_fn *done;
	http_part_fn *on_part;
	void *ctx;
};

static void part_post(struct request *r)
{
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (r->part_posted || status != 200)
		return;
	r->part_posted = true;
	world_post(r->http->world, &r->part);
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct request *r = ctx;

	buf_add(&r->answer, data, size * n);
	if (r->on_part)
		part_post(r);
	return buf_ok(&r->answer) ? n * size : 0;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct request *r = ctx;

	(void)data;
	r->header_len += size * n;
	return r->header_len <= HEADER_MAX ? size * n : 0;
}

static int on_try(void *ctx, char *their_ip, char *our_ip, int their_port, int our_port)
{
	struct request *r = ctx;

	(void)their_ip;
	(void)our_ip;
	(void)their_port;
	(void)our_port;
	r->left = true;
	return CURL_PREREQFUNC_OK;
}

/* Asked for each address that the name has, when it is known. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct request *r = ctx;

	(void)purpose;
	if (!address_public(&a->addr) && !MUTANT(private_is_asked)) {
		r->private = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static CURL *easy_new(const struct http *h)
{
	CURL *easy = curl_easy_init();

	CHECK(easy);
	SET(easy, NOSIGNAL, 1L);
	SET(easy, QUICK_EXIT, 1L); /* a name server that hangs does not hold our end */
	SET(easy, PROTOCOLS_STR, "http,https");
	SET(easy, HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	SET(easy, FOLLOWLOCATION, 0L);
	SET(easy, NOPROXY, h->no_proxy);
	SET(easy, TCP_NODELAY, 1L);
	SET(easy, USERAGENT, "pawl");
	SET(easy, BUFFERSIZE, BUFFER_BYTES);
	SET(easy, WRITEFUNCTION, on_body);
	SET(easy, HEADERFUNCTION, on_header);
	SET(easy, PREREQFUNCTION, on_try);
	return easy;
}

static CURL *easy_take(struct http *h)
{
	return h->idle_count ? h->idle[--h->idle_count] : easy_new(h);
}

/* Removing one in mid-transfer closes its connection. */
static void easy_put(struct http *h, CURL *easy)
{
	CHECK(curl_multi_remove_handle(h->curl.multi, easy) == CURLM_OK);
	if (h->idle_count == sizeof(h->idle) / sizeof(h->idle[0])) {
		curl_easy_cleanup(easy);
		return;
	}
	SET(easy, POSTFIELDS, NULL);
	SET(easy, HTTPHEADER, NULL);
	SET(easy, UNIX_SOCKET_PATH, NULL);
	SET(easy, PRIVATE, NULL);
	h->idle[h->idle_count++] = easy;
}

static struct curl_slist *content_headers(const char *type)
{
	char line[200];
	struct curl_slist *list, *whole;

	CHECK(snprintf(line, sizeof(line), "Content-Type: %s", type) < (int)sizeof(line));
	list = curl_slist_append(NULL, line);
	whole = curl_slist_append(list, "Expect:"); /* never wait for a 100 */
	CHECK(list && whole);
	/* what stood between us and a node some time ago is no fact of today */
	whole = curl_slist_append(list, "Cache-Control: no-cache");
	CHECK(whole);
	return whole;
}

static void lines_add(struct request *r, const struct http_request *q)
{
	const char *type = q->content_type ? q->content_type : "application/json";

	if (!q->lines && (!q->body || !q->content_type))
		return;
	r->headers = q->body ? content_headers(type) : NULL;
	for (size_t i = 0; q->lines && q->lines[i]; i++) {
		CHECK(!strpbrk(q->lines[i], "\r\n"));
		r->headers = curl_slist_append(r->headers, q->lines[i]);
		CHECK(r->headers);
	}
}

static void set_body(const struct http *h, struct request *r)
{
	if (!r->body) {
		SET(r->easy, HTTPGET, 1L);
		SET(r->easy, HTTPHEADER, r->headers);
		return;
	}
	SET(r->easy, POST, 1L);
	SET(r->easy, POSTFIELDS, r->body);
	SET(r->easy, POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
	SET(r->easy, HTTPHEADER, r->headers ? r->headers : h->json);
}

static void start(struct http *h, struct request *r)
{
	r->easy = easy_take(h);
	SET(r->easy, URL, r->url);
	set_body(h, r);
	if (r->unix_socket)
		SET(r->easy, UNIX_SOCKET_PATH, r->unix_socket);
	SET(r->easy, FRESH_CONNECT, r->once || r->public_only ? 1L : 0L);
	SET(r->easy, OPENSOCKETFUNCTION, r->public_only ? on_socket : NULL);
	SET(r->easy, OPENSOCKETDATA, r);
	SET(r->easy, WRITEDATA, r);
	SET(r->easy, HEADERDATA, r);
	SET(r->easy, PREREQDATA, r);
	SET(r->easy, PRIVATE, r);
	CHECK(curl_multi_add_handle(h->curl.multi, r->easy) == CURLM_OK);
}

/* Starts what waits for the host, as far as its bound allows; forgets an idle one. */
static void host_next(struct http *h, struct host *host)
{
	while (!h->world->closing && host->active < HOST_ACTIVE_MAX) {
		struct request *r = TAILQ_FIRST(&host->waiting);

		if (!r)
			break;
		TAILQ_REMOVE(&host->waiting, r, waiting);
		host->active++;
		start(h, r);
	}
	if (host->active || !TAILQ_EMPTY(&host->waiting))
		return;
	TAILQ_REMOVE(&h->hosts, host, link);
	mem_free(host);
}

/* Writes nothing of the URL but scheme, name and port. false: not http(s), or longer
 * than a name can be. */
static bool host_name(char *out, size_t size, const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *name = NULL, *port = NULL;
	bool ok;

	CHECK(u);
	ok = !curl_url_set(u, CURLUPART_URL, url, 0) &&
	    !curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) &&
	    !curl_url_get(u, CURLUPART_HOST, &name, 0) &&
	    !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
	    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
	    snprintf(out, size, "%s://%s:%s", scheme, name, port) < (int)size;
	curl_free(scheme);
	curl_free(name);
	curl_free(port);
	curl_url_cleanup(u);
	return ok;
}

static struct host *host_get(struct http *h, const char *url)
{
	char name[320];
	struct host *host;

	if (!host_name(name, sizeof(name), url))
		return NULL;
	TAILQ_FOREACH(host, &h->hosts, link)
	if (strcmp(host->name, name) == 0)
		return host;
	host = mem_new(sizeof(*host) + strlen(name) + 1);
	memcpy(host->name, name, strlen(name) + 1);
	TAILQ_INIT(&host->waiting);
	TAILQ_INSERT_HEAD(&h->hosts, host, link);
	return host;
}

static void PRINTF(2, 3) because(struct request *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(r->a.why, sizeof(r->a.why), fmt, args);
	va_end(args);
}

/* The request is over; its outcome waits for the next delivery. */
static void finish(struct request *r, enum http_end end)
{
	struct http *h = r->http;

	r->a.end = end;
	CHECK(uv_timer_stop(&r->timer) == 0);
	TAILQ_REMOVE(&h->open, r, open);
	if (r->easy) {
		easy_put(h, r->easy);
		r->easy = NULL;
		r->host->active--;
	} else if (r->host) {
		TAILQ_REMOVE(&r->host->waiting, r, waiting);
	}
	world_post(h->world, &r->outcome);
	if (r->host)
		host_next(h, r->host);
}

static enum http_end unanswered(const struct request *r)
{
	return r->left ? HTTP_UNKNOWN : HTTP_NOT_SENT;
}

static const char *header_get(CURL *easy, const char *name)
{
	struct curl_header *found;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
		return NULL;
	return found->value;
}

/* A date is measured against the answer's own Date, so that clocks may differ. */
static int64_t seconds_until(CURL *easy, const char *date)
{
	const char *sent = header_get(easy, "Date");
	time_t then = curl_getdate(date, NULL);
	time_t now = sent ? curl_getdate(sent, NULL) : -1;

	if (then < 0)
		return -1;
	if (now < 0)
		now = time(NULL);
	return then > now ? (int64_t)(then - now) : 0;
}

static int64_t seconds_parse(const char *digits)
{
	int64_t v = 0;

	for (; *digits >= '0' && *digits <= '9'; digits++)
		if (v <= RETRY_AFTER_MAX_S)
			v = v * 10 + (*digits - '0');
	return *digits ? -1 : v;
}

static int64_t retry_after_ms(CURL *easy)
{
	const char *text = header_get(easy, "Retry-After");
	int64_t s;

	if (!text || !*text)
		return -1;
	s = seconds_parse(text);
	if (s < 0)
		s = seconds_until(easy, text);
	if (s < 0)
		return -1;
	return (s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S) * 1000;
}

static void answered(struct request *r, int status)
{
	r->a.status = status;
	r->a.retry_after_ms = retry_after_ms(r->easy);
	if (buf_ok(&r->answer))
		r->a.body = (char *)buf_take(&r->answer, &r->a.body_len);
	finish(r, HTTP_ANSWERED);
}

/* libcurl's own sentences are constant, and its error buffer is not asked: neither
 * URL nor credentials can get in here. */
static void explain(struct request *r, CURLcode code)
{
	char system[80];
	long number = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &number);
	if (!buf_ok(&r->answer))
		because(r, "answer over %zu bytes", r->answer.max);
	else if (code == CURLE_WRITE_ERROR && r->header_len > HEADER_MAX)
		because(r, "answer's header over %u bytes", HEADER_MAX);
	else if (r->private && !r->left)
		because(r, "its address is not one of the internet's");
	else if (number)
		because(r, "%s (%s)", curl_easy_strerror(code),
		    uv_strerror_r(
			uv_translate_sys_error((int)number), system, sizeof(system)));
	else
		because(r, "%s", curl_easy_strerror(code));
}

/* Of a whole answer, or of as much of it as is asked for. 0: there is none. */
static int status_of(struct request *r, bool whole)
{
	long status = 0;

	if (r->easy)
		(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return whole || (r->brief && status >= 200) ? (int)status : 0;
}

static void on_ended(CURL *easy, CURLcode code)
{
	struct request *r = NULL;
	int status;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &r);
	CHECK(r && r->easy == easy);
	status = status_of(r, code == CURLE_OK);
	if (status > 0) {
		answered(r, status);
		return;
	}
	explain(r, code);
	finish(r, unanswered(r));
}

/* Timers run before sockets are read. After a long turn the answer may lie there
 * already, so the first call only asks for a second one, behind the reading. */
static void on_timeout(uv_timer_t *timer)
{
	struct request *r = timer->data;

	if (!r->late) {
		r->late = true;
		CHECK(uv_timer_start(timer, on_timeout, 1, 0) == 0);
		return;
	}
	if (status_of(r, false)) {
		answered(r, status_of(r, false));
		return;
	}
	because(r,
	    r->left ? "no whole answer within %" PRId64 " ms"
		    : "no connection within %" PRId64 " ms",
	    r->timeout_ms);
	finish(r, unanswered(r));
}

static void free_request(uv_handle_t *handle)
{
	mem_free(handle->data);
}

/* Before its end, which was posted later if it was. */
static void deliver_part(void *of)
{
	struct request *r = of;

	r->part_posted = false;
	if (r->answer.len)
		r->on_part(r->ctx, buf_text(&r->answer), r->answer.len);
	buf_clear(&r->answer);
}

static void deliver(void *of)
{
	struct request *r = of;

	r->done(r->ctx, &r->a);
	mem_free(r->a.body);
	mem_free(r->body);
	mem_free(r->url);
	mem_free(r->unix_socket);
	buf_release(&r->answer);
	curl_slist_free_all(r->headers);
	uv_close((uv_handle_t *)&r->timer, free_request);
}

static struct request *request_new(struct http *h, const struct http_request *q)
{
	struct request *r = mem_new(sizeof(*r));

	r->outcome.deliver = deliver;
	r->part.deliver = deliver_part;
	r->outcome.of = r->part.of = r;
	r->http = h;
	r->url = mem_str(q->url);
	r->unix_socket = q->unix_socket ? mem_str(q->unix_socket) : NULL;
	r->body = q->body;
	r->body_len = q->body_len;
	lines_add(r, q);
	r->timeout_ms = q->timeout_ms > 0 ? q->timeout_ms : 1;
	r->once = q->once;
	r->public_only = q->public_only;
	r->brief = q->brief;
	r->done = q->done;
	r->on_part = q->part;
	r->ctx = q->ctx;
	r->a.retry_after_ms = -1;
	buf_init(&r->answer, q->answer_max);
	CHECK(uv_timer_init(&h->world->loop, &r->timer) == 0);
	r->timer.data = r;
	TAILQ_INSERT_TAIL(&h->open, r, open);
	return r;
}

void http_add(struct http *h, const struct http_request *q)
{
	struct request *r = request_new(h, q);

	if (h->world->closing) {
		because(r, "the program ends");
		finish(r, HTTP_NOT_SENT);
		return;
	}
	r->host = host_get(h, q->url);
	if (!r->host) {
		because(r, "not a URL of http or https");
		finish(r, HTTP_NOT_SENT);
		return;
	}
	uv_update_time(&h->world->loop); /* the turn before may have been long */
	CHECK(uv_timer_start(&r->timer, on_timeout, (uint64_t)r->timeout_ms, 0) == 0);
	TAILQ_INSERT_TAIL(&r->host->waiting, r, waiting);
	host_next(h, r->host);
}

/* What the environment exempts from its proxies, and loopback always. */
#define NO_PROXY_MAX 65536

static char *no_proxy_new(void)
{
	static const char ours[] = "localhost,127.0.0.0/8,::1";
	const char *env = getenv("no_proxy");
	struct buf list;

	if (!env)
		env = getenv("NO_PROXY");
	if (!env || !*env)
		return mem_str(ours);
	if (strcmp(env, "*") == 0)
		return mem_str(env);
	buf_init(&list, NO_PROXY_MAX);
	buf_addf(&list, "%s,%s", ours, env);
	return buf_ok(&list) ? (char *)buf_take(&list, &(size_t){ 0 }) : mem_str(ours);
}

bool http_open(struct http *h, struct uv_world *w)
{
	h->world = w;
	TAILQ_INIT(&h->hosts);
	TAILQ_INIT(&h->open);
	if (!curl_loop_open(&h->curl, &w->loop, on_ended))
		return false;
	h->json = content_headers("application/json");
	h->no_proxy = no_proxy_new();
	return true;
}

void http_abort(struct http *h)
{
	struct request *r;

	while ((r = TAILQ_FIRST(&h->open))) {
		because(r, "the program ends");
		finish(r, HTTP_UNKNOWN);
	}
}

void http_close(struct http *h)
{
	CHECK(TAILQ_EMPTY(&h->open) && TAILQ_EMPTY(&h->hosts));
	while (h->idle_count)
		curl_easy_cleanup(h->idle[--h->idle_count]);
	curl_loop_close(&h->curl);
	curl_slist_free_all(h->json);
	mem_free(h->no_proxy);
}
