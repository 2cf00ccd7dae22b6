/* posts.c - many connections that post airdrops of a row, each with a key of its own.
 *
 * usage: posts PORT SECONDS FILE     posts for so long, or until the server is gone
 *        posts PORT again FILE       posts those of FILE again
 *
 * A bearer of TOKEN. FILE gets a line for each answer of 201: its number, and the id of
 * the operation. Again: each must be answered with 201, as replayed, and with that id.
 * Prints {"posted","ms","refused","p50_us","p99_us"}, or {"replayed","lost","ms"}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "crypto/sha256.h"

#define CONNECTIONS 64
#define TEXT_MAX 2048

struct told {
	int64_t number, id;
};

struct link {
	int fd;
	int64_t number, id; /* that is posted; id: as it was told, 0: not yet */
	int64_t began_us;
	char answer[TEXT_MAX];
	size_t len;
};

struct load {
	int epoll;
	const char *token;
	struct sockaddr_in at;
	FILE *out;
	int64_t next, end_us;
	struct told *told; /* of FILE, where they are posted again */
	int64_t told_n;
	int64_t posted, refused, replayed, lost;
	int32_t *took_us;
	int open;
	struct link links[CONNECTIONS];
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void NORETURN give_up(const char *what)
{
	fprintf(stderr, "posts: %s\n", what);
	exit(1);
}

/* A list of its own: a recipient that no other number pays. */
static size_t request_write(const struct load *l, int64_t number, char *out)
{
	uint8_t to[32];
	char body[400], hex[41];
	int len;

	sha256(to, &number, sizeof number);
	for (int i = 0; i < 20; i++)
		snprintf(hex + 2 * i, 3, "%02x", to[i]);
	len = snprintf(body, sizeof body,
	    "{\"name\":\"post-%" PRId64
	    "\",\"chain\":\"local\",\"key\":\"payer\",\"rows\":[{\"to\":\"0x%s\","
	    "\"amount\":\"0.000001\"}],\"max_total_fee\":\"0.1\"}",
	    number, hex);
	return (size_t)snprintf(out, TEXT_MAX,
	    "POST /v1/operations HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	    "Authorization: Bearer %s\r\nIdempotency-Key: key-%" PRId64
	    "\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
	    l->token, number, len, body);
}

static void link_close(struct load *l, struct link *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	l->open--;
}

static bool is_again(const struct load *l)
{
	return l->told != NULL;
}

/* The next one; false: there is none any more. */
static bool post(struct load *l, struct link *c)
{
	char text[TEXT_MAX];
	size_t len;

	if (is_again(l) ? l->next == l->told_n : now_us() >= l->end_us)
		return false;
	c->number = is_again(l) ? l->told[l->next].number : l->next;
	c->id = is_again(l) ? l->told[l->next].id : 0;
	l->next++;
	c->len = 0;
	c->began_us = now_us();
	len = request_write(l, c->number, text);
	return send(c->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void answer_take(struct load *l, struct link *c, const char *body)
{
	int64_t took_us = now_us() - c->began_us, id = 0;
	bool made = strncmp(c->answer, "HTTP/1.1 201", 12) == 0;
	const char *at = strstr(body, "\"id\":");

	if (at)
		id = strtoll(at + 5, NULL, 10);
	if (is_again(l)) {
		bool replayed = strstr(c->answer, "Idempotency-Replayed: true") != NULL;

		l->replayed += made && replayed && id == c->id;
		l->lost += !made || !replayed || id != c->id;
	} else if (made && id > 0) {
		l->took_us =
		    mem_grow(l->took_us, (size_t)l->posted + 1, sizeof *l->took_us);
		l->took_us[l->posted++] = (int32_t)took_us;
		fprintf(l->out, "%" PRId64 " %" PRId64 "\n", c->number, id);
	} else {
		if (!l->refused++)
			fprintf(stderr, "posts: %s\n", c->answer);
	}
}

/* true: an answer is whole. */
static bool answer_whole(struct load *l, struct link *c)
{
	const char *end, *length;

	c->answer[c->len] = '\0';
	end = strstr(c->answer, "\r\n\r\n");
	length = end ? strcasestr(c->answer, "Content-Length:") : NULL;
	if (!length ||
	    c->len <
		(size_t)(end - c->answer) + 4 + (size_t)strtoul(length + 15, NULL, 10))
		return false;
	answer_take(l, c, end + 4);
	return true;
}

static void link_read(struct load *l, struct link *c)
{
	ssize_t n = recv(c->fd, c->answer + c->len, TEXT_MAX - 1 - c->len, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		link_close(l, c);
		return;
	}
	c->len += (size_t)n;
	if (c->len == TEXT_MAX - 1)
		give_up("an answer is too long");
	if (answer_whole(l, c) && !post(l, c))
		link_close(l, c);
}

static void link_open(struct load *l, struct link *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	const int yes = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&l->at, sizeof l->at))
		give_up("nobody listens");
	CHECK(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0);
	CHECK(epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0);
	l->open++;
	if (!post(l, c))
		link_close(l, c);
}

static void told_read(struct load *l, const char *path)
{
	FILE *in = fopen(path, "r");
	struct told t;

	if (!in)
		give_up("no such FILE");
	l->told = mem_new(sizeof t);
	while (fscanf(in, "%" SCNd64 " %" SCNd64 "\n", &t.number, &t.id) == 2) {
		l->told = mem_grow(l->told, (size_t)l->told_n + 1, sizeof t);
		l->told[l->told_n++] = t;
	}
	fclose(in);
}

static int by_size(const void *a, const void *b)
{
	return *(const int32_t *)a - *(const int32_t *)b;
}

static void say(struct load *l, int64_t us)
{
	if (is_again(l)) {
		printf("{\"replayed\":%" PRId64 ",\"lost\":%" PRId64 ",\"ms\":%" PRId64
		       "}\n",
		    l->replayed, l->lost, us / 1000);
		return;
	}
	if (l->posted)
		qsort(l->took_us, (size_t)l->posted, sizeof *l->took_us, by_size);
	printf("{\"posted\":%" PRId64 ",\"ms\":%" PRId64 ",\"refused\":%" PRId64
	       ",\"p50_us\":%d,\"p99_us\":%d}\n",
	    l->posted, us / 1000, l->refused, l->posted ? l->took_us[l->posted / 2] : 0,
	    l->posted ? l->took_us[l->posted * 99 / 100] : 0);
}

int main(int argc, char **argv)
{
	struct load *l = mem_new(sizeof *l);
	int64_t began_us = now_us();
	struct epoll_event events[CONNECTIONS];

	l->token = getenv("TOKEN");
	if (argc != 4 || !l->token)
		give_up("usage: TOKEN=.. posts PORT SECONDS|again FILE");
	l->at = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	CHECK(l->epoll >= 0);
	if (strcmp(argv[2], "again") == 0)
		told_read(l, argv[3]);
	else
		l->out = fopen(argv[3], "w");
	if (!is_again(l) && !l->out)
		give_up("FILE can't be written");
	l->end_us = began_us + strtoll(argv[2], NULL, 10) * 1000000;
	for (int i = 0; i < CONNECTIONS; i++)
		link_open(l, &l->links[i]);
	while (l->open > 0) {
		int n = epoll_wait(l->epoll, events, CONNECTIONS, 1000);

		for (int i = 0; i < n; i++)
			link_read(l, events[i].data.ptr);
	}
	say(l, now_us() - began_us);
	return l->out && fclose(l->out) != 0;
}
