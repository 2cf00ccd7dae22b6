/* The HTTP server on the production loop, asked by the world's own client and by sockets
 * that say whatever they like. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "own_folder.h"
#include "seen.h"
#include "world/server.h"

#define PATIENCE_MS 20000 /* of the tests themselves */
#define BODY_MAX 1000

struct rig {
	struct world *world;
	struct server *server;
	char path[64];
	int listen_fd;
	struct exchange *got[100];
	unsigned got_n;
};

static size_t body_max(const char *method, const char *path)
{
	(void)path;
	return strcmp(method, "POST") == 0 ? BODY_MAX : 0;
}

static void asked(void *ctx, struct exchange *x)
{
	struct rig *t = ctx;

	t->got[t->got_n++] = x;
}

static struct sockaddr_un name_of(const struct rig *t)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof a.sun_path, "%s", t->path);
	return a;
}

/* Everybody may ask, and is nobody in particular. */
static int strangers(
    void *ctx, const struct server_head *head, const char **ret_who, struct buf *why)
{
	(void)ctx;
	(void)head;
	(void)ret_who;
	(void)why;
	return 0;
}

static void serve_so_many(
    struct rig *t, int64_t request_ms, unsigned connections_max, bool known)
{
	struct server_setup setup = { .world = t->world,
		.listen_fd = t->listen_fd,
		.request_ms = request_ms,
		.connections_max = connections_max,
		.admit = known ? NULL : strangers,
		.body_max = body_max,
		.asked = asked,
		.ctx = t };

	assert_int_equal(server_open(&t->server, &setup, NULL), ERR_OK);
}

static void serve(struct rig *t, int64_t request_ms)
{
	serve_so_many(t, request_ms, 0, true);
}

static int rig_up(void **state)
{
	struct rig *t = mem_new(sizeof *t);
	struct sockaddr_un a;

	assert_int_equal(own_folder_make(NULL), 0);
	snprintf(t->path, sizeof t->path, "%s/socket", own_folder);
	a = name_of(t);
	t->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(t->listen_fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(t->listen_fd, 100), 0);
	assert_int_equal(world_open(&t->world, NULL), ERR_OK);
	serve(t, 0);
	*state = t;
	return 0;
}

static int rig_down(void **state)
{
	struct rig *t = *state;

	server_close(t->server);
	world_free(t->world);
	close(t->listen_fd);
	free(t);
	return own_folder_remove(NULL);
}

static void ask(struct rig *t, struct seen *seen, const char *url, const char *body)
{
	struct http_request q = { .url = url,
		.unix_socket = t->path,
		.body = body ? mem_str(body) : NULL,
		.body_len = body ? strlen(body) : 0,
		.timeout_ms = PATIENCE_MS,
		.answer_max = 1 << 20,
		.done = seen_take,
		.ctx = seen };

	world_http(t->world, &q);
}

static void follow(struct rig *t, struct seen *seen)
{
	struct http_request q = { .url = "http://pawl/events",
		.unix_socket = t->path,
		.timeout_ms = PATIENCE_MS,
		.answer_max = 1 << 20,
		.done = seen_take,
		.part = seen_add,
		.ctx = seen };

	world_http(t->world, &q);
}

/* Turns the loop until the number is reached. */
static void until(struct rig *t, const unsigned *number, unsigned n)
{
	int64_t end_ms = world_now_ms(t->world) + PATIENCE_MS;

	while (*number < n && world_now_ms(t->world) < end_ms)
		world_wait(t->world, world_now_ms(t->world) + 50);
	assert_true(*number >= n);
}

static void reply(struct exchange *x, int status, const char *text)
{
	struct buf body;

	buf_init(&body, 1 << 20);
	buf_add_str(&body, text);
	exchange_reply(x, status, "text/plain", &body);
}

static int dial(const struct rig *t)
{
	struct sockaddr_un a = name_of(t);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What the server says until it closes; NULL: it does not. */
static const char *heard(struct rig *t, int fd)
{
	static char text[8192];
	int64_t end_ms = world_now_ms(t->world) + PATIENCE_MS;
	size_t len = 0;

	while (world_now_ms(t->world) < end_ms) {
		ssize_t n = recv(fd, text + len, sizeof text - 1 - len, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			text[len] = '\0';
			return text;
		}
		len += n > 0 ? (size_t)n : 0;
		world_wait(t->world, world_now_ms(t->world) + 10);
	}
	return NULL;
}

static void a_request_is_answered(void **state)
{
	struct rig *t = *state;
	struct seen seen = { .calls = 0 };
	size_t len;

	ask(t, &seen, "http://pawl/v1/a%2Fb?c=d", "the body");
	until(t, &t->got_n, 1);
	assert_string_equal(exchange_method(t->got[0]), "POST");
	assert_string_equal(exchange_path(t->got[0]), "/v1/a%2Fb");
	assert_string_equal(exchange_body(t->got[0], &len), "the body");
	assert_int_equal(len, 8);
	assert_int_equal(seen.calls, 0);
	reply(t->got[0], 409, "the answer");
	until(t, &seen.calls, 1);
	assert_int_equal(seen.a.end, HTTP_ANSWERED);
	assert_int_equal(seen.a.status, 409);
	assert_string_equal(seen.a.body, "the answer");
	free(seen.a.body);
}

static void many_wait_at_once(void **state)
{
	struct rig *t = *state;
	struct seen seen[20] = { { .calls = 0 } };

	for (int i = 0; i < 20; i++)
		ask(t, &seen[i], "http://pawl/", NULL);
	until(t, &t->got_n, 20);
	for (int i = 19; i >= 0; i--)
		reply(t->got[i], 200, "");
	for (int i = 0; i < 20; i++) {
		until(t, &seen[i].calls, 1);
		assert_int_equal(seen[i].a.status, 200);
		free(seen[i].a.body);
	}
}

static void a_dropped_request_is_unknown(void **state)
{
	struct rig *t = *state;
	struct seen seen = { .calls = 0 };

	ask(t, &seen, "http://pawl/", "x");
	until(t, &t->got_n, 1);
	exchange_drop(t->got[0]);
	until(t, &seen.calls, 1);
	assert_int_equal(seen.a.end, HTTP_UNKNOWN);
}

static void a_body_has_a_bound(void **state)
{
	struct rig *t = *state;
	char body[BODY_MAX + 2];
	struct seen seen = { .calls = 0 };
	int64_t end_ms;
	int fd;

	memset(body, 'x', sizeof body);
	body[BODY_MAX + 1] = '\0';
	ask(t, &seen, "http://pawl/", body);
	until(t, &seen.calls, 1);
	assert_int_equal(seen.a.status, 413);
	body[BODY_MAX] = '\0';
	ask(t, &seen, "http://pawl/", body);
	until(t, &t->got_n, 1);
	reply(t->got[0], 200, "");
	until(t, &seen.calls, 2);
	assert_int_equal(seen.a.status, 200);
	free(seen.a.body);
	/* Without a word of how long it is. */
	fd = dial(t);
	say(fd, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 3; i++) {
		say(fd, "190\r\n");
		body[400] = '\0';
		say(fd, body);
		say(fd, "\r\n");
	}
	say(fd, "0\r\n\r\n");
	assert_non_null(strstr(heard(t, fd), "{\"error\":\"the body is too long\""));
	close(fd);
	/* Or without an end. */
	fd = dial(t);
	say(fd, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	end_ms = world_now_ms(t->world) + PATIENCE_MS;
	while (world_now_ms(t->world) < end_ms &&
	    (send(fd, "1\r\nx\r\n", 6, MSG_NOSIGNAL) >= 0 || errno == EAGAIN))
		world_wait(t->world, world_now_ms(t->world));
	assert_true(world_now_ms(t->world) < end_ms);
	assert_int_equal(t->got_n, 1);
	close(fd);
}

/* Whoever passes it on may read another end, and let in what follows. */
static void what_has_two_ends_is_refused(void **state)
{
	static const char *const words[] = { "Content-Length: 1\r\nContent-Length: 2\r\n",
		"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
		"Content-Length : 1\r\n", "Host: y\r\n" };
	struct rig *t = *state;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		int fd = dial(t);
		const char *text;

		say(fd, "POST / HTTP/1.1\r\nHost: x\r\n");
		say(fd, words[i]);
		say(fd, "\r\nx");
		text = heard(t, fd);
		assert_non_null(text);
		assert_non_null(strstr(text, "HTTP/1.1 400"));
		assert_non_null(strstr(text, "\"name\":\"USAGE\",\"exit\":1}"));
		close(fd);
	}
	assert_int_equal(t->got_n, 0);
}

static void headers_have_a_bound(void **state)
{
	struct rig *t = *state;
	static char much[20000];
	int fd = dial(t);

	say(fd, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < SERVER_HEADERS_MAX; i++)
		say(fd, "A: b\r\n");
	say(fd, "\r\n");
	assert_non_null(strstr(heard(t, fd), "431"));
	close(fd);
	fd = dial(t);
	say(fd, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
	memset(much, 'x', sizeof much - 1);
	much[sizeof much - 1] = '\0';
	say(fd, much);
	assert_non_null(heard(t, fd));
	assert_int_equal(t->got_n, 0);
	close(fd);
}

static void garbage_is_shown_the_door(void **state)
{
	static const char *const words[] = {
		"\r\n\r\n\r\n", "\x16\x03\x01\x02 hello\n\n", "GET\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n", "POST / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 999999999999999999999\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
	};
	struct rig *t = *state;

	server_close(t->server);
	serve(t, 300);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		int fd = dial(t);

		say(fd, words[i]);
		shutdown(fd, SHUT_WR);
		assert_non_null(heard(t, fd));
		close(fd);
	}
	assert_int_equal(t->got_n, 0);
}

static void who_drips_is_shown_the_door(void **state)
{
	struct rig *t = *state;
	int64_t end_ms;
	int fd;

	server_close(t->server);
	serve(t, 300);
	fd = dial(t);
	end_ms = world_now_ms(t->world) + PATIENCE_MS;
	say(fd, "GET / HTTP/1.1\r\nA: ");
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1 && world_now_ms(t->world) < end_ms)
		world_wait(t->world, world_now_ms(t->world) + 20);
	assert_true(world_now_ms(t->world) < end_ms);
	close(fd);
	/* Who waits for his answer is not hurried. */
	fd = dial(t);
	say(fd, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	until(t, &t->got_n, 1);
	end_ms = world_now_ms(t->world) + 500;
	while (world_now_ms(t->world) < end_ms)
		world_wait(t->world, end_ms);
	reply(t->got[0], 200, "late");
	assert_non_null(strstr(heard(t, fd), "late"));
	close(fd);
}

/* An answer that is larger than what the kernel keeps for him, and he takes none of it,
 * or now and then a byte. */
static void who_takes_no_answer_is_shown_the_door(void **state)
{
	struct rig *t = *state;
	static char much[900000];
	char byte;
	int64_t end_ms = world_now_ms(t->world) + PATIENCE_MS;
	int fd;

	server_close(t->server);
	serve(t, 300);
	fd = dial(t);
	say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	until(t, &t->got_n, 1);
	memset(much, 'x', sizeof much - 1);
	reply(t->got[0], 200, much);
	while (send(fd, "", 0, MSG_NOSIGNAL) == 0 && world_now_ms(t->world) < end_ms) {
		(void)recv(fd, &byte, 1, MSG_DONTWAIT);
		world_wait(t->world, world_now_ms(t->world) + 20);
		if (send(fd, "G", 1, MSG_NOSIGNAL) < 0)
			break;
	}
	assert_true(world_now_ms(t->world) < end_ms);
	close(fd);
}

#define SILENT 48 /* three times as many as find room */

/* Who is shown the door is back at once, and says as little. Returns how many are. */
static unsigned silent_come_back(const struct rig *t, int fds[SILENT])
{
	unsigned n = 0;
	char byte;

	for (int i = 0; i < SILENT; i++) {
		if (fds[i] >= 0 && recv(fds[i], &byte, 1, MSG_DONTWAIT) != 0)
			continue;
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = dial(t);
		(void)send(fds[i], "GET / HT", 8, MSG_NOSIGNAL);
		n++;
	}
	return n;
}

/* By the time alone they go thirty seconds later. */
static void who_says_half_keeps_nobody_out(void **state)
{
	struct rig *t = *state;
	static struct seen seen[2];
	unsigned came = 0, long_ago = 0;
	int64_t began_ms, end_ms;
	int fds[SILENT], waits, says;
	size_t len;

	server_close(t->server);
	serve_so_many(t, 60000, SILENT / 3, true);
	waits = dial(t);
	say(waits, "GET /waits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	until(t, &t->got_n, 1);
	says = dial(t);
	say(says, "POST /says HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf");
	memset(fds, -1, sizeof fds);
	began_ms = world_now_ms(t->world);
	end_ms = began_ms + PATIENCE_MS;
	/* Until each of them had its turn, and again. */
	for (unsigned asked_n = 0; came < 3 * SILENT || seen[1].calls < 1;) {
		came += silent_come_back(t, fds);
		if (came > SILENT && asked_n == 0)
			ask(t, &seen[asked_n++], "http://pawl/a", NULL);
		if (seen[0].calls && asked_n == 1)
			ask(t, &seen[asked_n++], "http://pawl/b", NULL);
		world_wait(t->world, world_now_ms(t->world) + 10);
		for (; t->got_n > 1 + long_ago; long_ago++)
			reply(t->got[1 + long_ago], 200, "");
		assert_true(world_now_ms(t->world) < end_ms);
	}
	/* Each keeps his place for a while, so there are no more of them than that. */
	assert_true(came <= SILENT +
		SILENT / 3 * (unsigned)((world_now_ms(t->world) - began_ms) / 250 + 1));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(seen[i].a.status, 200);
		free(seen[i].a.body);
	}
	/* Who had asked, or is about to and may, has kept his place. */
	say(says, "half");
	until(t, &t->got_n, 4);
	assert_string_equal(exchange_body(t->got[3], &len), "halfhalf");
	reply(t->got[3], 200, "");
	reply(t->got[0], 200, "late");
	assert_non_null(strstr(heard(t, waits), "late"));
	close(waits);
	close(says);
	for (int i = 0; i < SILENT; i++)
		close(fds[i]);
}

#define BUSY 16 /* as many as find room */

static void busy_ask_again(const struct rig *t, int fds[BUSY])
{
	static const char again[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	char text[400];

	for (int i = 0; i < BUSY; i++) {
		ssize_t n =
		    fds[i] < 0 ? 0 : recv(fds[i], text, sizeof text, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			continue;
		if (n <= 0) {
			if (fds[i] >= 0)
				close(fds[i]);
			fds[i] = dial(t);
		}
		(void)send(fds[i], again, sizeof again - 1, MSG_NOSIGNAL);
	}
}

static void all_are_answered(struct rig *t)
{
	for (unsigned i = 0; i < t->got_n; i++)
		reply(t->got[i], 200, "");
	t->got_n = 0;
}

/* Nor who takes nothing of what he asked for. */
static void who_asks_for_ever_keeps_nobody_out(void **state)
{
	struct rig *t = *state;
	static struct seen seen;
	static char much[900000];
	int fds[BUSY], deaf;
	int64_t began_ms, end_ms;
	ssize_t n;
	size_t len = 0;

	server_close(t->server);
	serve_so_many(t, 60000, BUSY, false);
	deaf = dial(t);
	say(deaf, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	until(t, &t->got_n, 1);
	memset(much, 'x', sizeof much - 1);
	reply(t->got[0], 200, much);
	t->got_n = 0;
	memset(fds, -1, sizeof fds);
	began_ms = world_now_ms(t->world);
	end_ms = began_ms + PATIENCE_MS;
	/* for a while longer than anybody is waited for */
	for (int passes = 0; !seen.calls || passes < 20;) {
		busy_ask_again(t, fds);
		world_wait(t->world, world_now_ms(t->world) + 10);
		all_are_answered(t);
		passes += world_now_ms(t->world) > began_ms + 300;
		if (passes == 1)
			ask(t, &seen, "http://pawl/", NULL);
		assert_true(world_now_ms(t->world) < end_ms);
	}
	assert_int_equal(seen.a.status, 200);
	free(seen.a.body);
	while ((n = recv(deaf, much, sizeof much, MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	assert_int_equal(n, 0);
	assert_true(len < sizeof much - 1);
	close(deaf);
	for (int i = 0; i < BUSY; i++)
		close(fds[i]);
}

static void a_stream_comes_in_pieces(void **state)
{
	struct rig *t = *state;
	struct seen seen = { .calls = 0 };

	follow(t, &seen);
	until(t, &t->got_n, 1);
	exchange_stream(t->got[0], "text/event-stream");
	assert_true(exchange_send(t->got[0], "one "));
	until(t, &seen.parts_n, 1);
	assert_true(exchange_send(t->got[0], "never seen "));
	assert_true(exchange_send(t->got[0], "two "));
	until(t, &seen.parts_n, 2);
	assert_int_equal(seen.calls, 0);
	assert_true(exchange_send(t->got[0], "three"));
	exchange_end(t->got[0]);
	until(t, &seen.calls, 1);
	assert_int_equal(seen.a.end, HTTP_ANSWERED);
	seen.parts[seen.parts_len] = '\0';
	strncat(seen.parts, seen.a.body ? seen.a.body : "", 100);
	assert_string_equal(seen.parts, "one two three");
	free(seen.a.body);
}

static void a_stream_that_nobody_reads_is_noticed(void **state)
{
	struct rig *t = *state;
	int64_t end_ms;
	int fd = dial(t);

	say(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
	until(t, &t->got_n, 1);
	exchange_stream(t->got[0], "text/event-stream");
	close(fd);
	end_ms = world_now_ms(t->world) + PATIENCE_MS;
	while (exchange_send(t->got[0], "anybody?") && world_now_ms(t->world) < end_ms)
		world_wait(t->world, world_now_ms(t->world) + 20);
	assert_true(world_now_ms(t->world) < end_ms);
	exchange_drop(t->got[0]);
}

/* What was asked is answered, and is the last of its connection; who said nothing, or
 * half of it, goes; who comes is not heard. */
static void a_stop_answers_who_has_asked(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	struct rig *t = *state;
	int asked = dial(t), silent = dial(t), half = dial(t), late;
	const char *answer;

	say(half, "GET / HTTP/1.1\r\nHo");
	say(asked, head);
	until(t, &t->got_n, 1);
	assert_true(server_busy(t->server));
	server_stop(t->server);
	assert_non_null(heard(t, silent));
	assert_non_null(heard(t, half));
	late = dial(t);
	say(late, head);
	assert_true(server_busy(t->server));
	reply(t->got[0], 200, "at last");
	answer = heard(t, asked);
	assert_non_null(strstr(answer, "at last"));
	assert_non_null(strstr(answer, "Connection: close"));
	while (server_busy(t->server))
		world_wait(t->world, world_now_ms(t->world) + 20);
	assert_int_equal(t->got_n, 1);
	close(asked);
	close(silent);
	close(half);
	close(late);
}

static void what_is_held_outlives_the_server(void **state)
{
	struct rig *t = *state;
	struct seen seen[3] = { { .calls = 0 } };

	follow(t, &seen[0]);
	until(t, &t->got_n, 1);
	exchange_stream(t->got[0], "text/event-stream");
	ask(t, &seen[1], "http://pawl/", "x");
	until(t, &t->got_n, 2);
	server_close(t->server);
	assert_false(exchange_send(t->got[0], "nobody"));
	exchange_end(t->got[0]);
	reply(t->got[1], 200, "nobody");
	for (int i = 0; i < 2; i++) {
		until(t, &seen[i].calls, 1);
		assert_int_equal(seen[i].a.end, HTTP_UNKNOWN);
	}
	/* The socket is the caller's, and serves again. */
	serve(t, 0);
	ask(t, &seen[2], "http://pawl/", "x");
	until(t, &t->got_n, 3);
	reply(t->got[2], 200, "");
	until(t, &seen[2].calls, 1);
	assert_int_equal(seen[2].a.status, 200);
	free(seen[2].a.body);
}

static void nobody_there_is_not_sent(void **state)
{
	struct rig *t = *state;
	struct seen seen = { .calls = 0 };

	unlink(t->path);
	ask(t, &seen, "http://pawl/", "x");
	until(t, &seen.calls, 1);
	assert_int_equal(seen.a.end, HTTP_NOT_SENT);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, rig_up, rig_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG(a_request_is_answered),
		RIG(many_wait_at_once),
		RIG(a_dropped_request_is_unknown),
		RIG(a_body_has_a_bound),
		RIG(what_has_two_ends_is_refused),
		RIG(headers_have_a_bound),
		RIG(garbage_is_shown_the_door),
		RIG(who_drips_is_shown_the_door),
		RIG(who_takes_no_answer_is_shown_the_door),
		RIG(who_says_half_keeps_nobody_out),
		RIG(who_asks_for_ever_keeps_nobody_out),
		RIG(a_stream_comes_in_pieces),
		RIG(a_stream_that_nobody_reads_is_noticed),
		RIG(a_stop_answers_who_has_asked),
		RIG(what_is_held_outlives_the_server),
		RIG(nobody_there_is_not_sent),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
