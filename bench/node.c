/* node.c - a simulated node behind a real port, that counts what it is asked.
 *
 * usage: node BALANCE_OF INTERVAL_MS [JOURNAL]
 *
 * Serves one simulated chain over HTTP on a free port of 127.0.0.1 and says which on
 * its first line. The account BALANCE_OF is rich. A block each INTERVAL_MS; 0: none.
 * With JOURNAL, all that is signed there is mined before it begins to serve, in blocks
 * of the usual gas limit, and has DEPTH blocks above it. GET / answers what was counted
 * since the start, or since GET /anew: {"requests","calls","sends","first_ms",
 * "first_send_ms","calls_before_send","requests_before_send","methods":{..}}; the times
 * are the monotonic clock when the first byte of a request, or of a send, arrived, 0:
 * none did.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/secp.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"
#include "sim/chain/mempool.h"
#include "sim/node/node.h"

#define REGION (4ull << 30) /* taken from the system as it is used */
#define LINKS_MAX 64
#define REQUEST_MAX (64u << 20)
#define DEPTH 8
#define POOL_FULL 1000 /* a pool is judged anew with each transaction */

struct link {
	int fd;
	struct buf in;
};

struct server {
	struct sim_chain *chain;
	struct sim_node *node;
	struct link links[LINKS_MAX];
	int links_n, listener;
	int64_t first_ms, first_send_ms;
	uint64_t calls_before_send, requests_before_send;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* -- answers ---------------------------------------------------------------------- */

static uint64_t calls(const struct server *s)
{
	uint64_t n = 0;

	for (int m = 0; m < SIM_METHOD_COUNT; m++)
		n += s->node->calls[m];
	return n;
}

static void tell_counts(const struct server *s, struct buf *out)
{
	const struct sim_node *n = s->node;
	const char *comma = "";

	buf_addf(out,
	    "{\"requests\": %llu, \"calls\": %llu, \"sends\": %llu, \"first_ms\": %lld, "
	    "\"first_send_ms\": %lld, \"calls_before_send\": %llu, "
	    "\"requests_before_send\": %llu, \"methods\": {",
	    (unsigned long long)n->requests, (unsigned long long)calls(s),
	    (unsigned long long)n->calls[SIM_eth_sendRawTransaction],
	    (long long)s->first_ms, (long long)s->first_send_ms,
	    (unsigned long long)s->calls_before_send,
	    (unsigned long long)s->requests_before_send);
	for (int m = 0; m < SIM_METHOD_COUNT; m++) {
		if (!n->calls[m])
			continue;
		buf_addf(out, "%s\"%s\": %llu", comma,
		    sim_method_name((enum sim_method)m), (unsigned long long)n->calls[m]);
		comma = ", ";
	}
	buf_add_str(out, "}}");
}

static void count_anew(struct server *s)
{
	s->first_ms = s->first_send_ms = 0;
	s->calls_before_send = s->requests_before_send = s->node->requests = 0;
	memset(s->node->calls, 0, sizeof s->node->calls);
}

static void write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		at += n;
		len -= (size_t)n;
	}
}

static void answer(struct server *s, struct link *l, const char *body, size_t len)
{
	struct buf out, head;

	buf_init(&out, REQUEST_MAX);
	buf_init(&head, 200);
	if (len)
		sim_node_answer(s->node, &out, body, len);
	else
		tell_counts(s, &out);
	buf_addf(&head,
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
	    "%zu\r\n\r\n",
	    out.len);
	CHECK(buf_ok(&out));
	write_all(l->fd, head.data, head.len);
	write_all(l->fd, out.data, out.len);
	buf_release(&out);
	buf_release(&head);
}

/* -- requests ---------------------------------------------------------------------- */

/* Bytes of the first whole request in it; 0: not whole yet. */
static size_t request_len(const struct buf *in, size_t *ret_head)
{
	const char *text = buf_text(in), *end = strstr(text, "\r\n\r\n"), *field;
	size_t len = 0;

	if (!end)
		return 0;
	*ret_head = (size_t)(end - text) + 4;
	field = strcasestr(text, "content-length:");
	if (field && field < end)
		len = strtoull(field + 15, NULL, 10);
	return in->len >= *ret_head + len ? *ret_head + len : 0;
}

static void link_close(struct server *s, struct link *l)
{
	close(l->fd);
	buf_release(&l->in);
	*l = s->links[--s->links_n];
}

static void note_first(struct server *s, const char *in)
{
	if (strncmp(in, "GET /anew", 9) == 0)
		count_anew(s);
	if (!s->first_ms && strncmp(in, "POST", 4) == 0)
		s->first_ms = now_ms();
	if (!s->first_send_ms && strstr(in, "eth_sendRawTransaction")) {
		s->first_send_ms = now_ms();
		s->calls_before_send = calls(s);
		s->requests_before_send = s->node->requests;
	}
}

/* False: it is closed. */
static bool link_read(struct server *s, struct link *l)
{
	char chunk[8192];
	ssize_t n = recv(l->fd, chunk, sizeof chunk, 0);
	size_t len, head;

	if (n <= 0)
		return false;
	buf_add(&l->in, chunk, (size_t)n);
	note_first(s, buf_text(&l->in));
	while ((len = request_len(&l->in, &head))) {
		size_t left = l->in.len - len;

		answer(s, l, buf_text(&l->in) + head, len - head);
		memmove(l->in.data, l->in.data + len, left);
		l->in.len = left;
		l->in.data[left] = 0;
	}
	return true;
}

static void link_add(struct server *s)
{
	int fd = accept(s->listener, NULL, NULL), one = 1;

	if (fd < 0)
		return;
	CHECK(s->links_n < LINKS_MAX);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	s->links[s->links_n] = (struct link){ .fd = fd };
	buf_init(&s->links[s->links_n++].in, REQUEST_MAX);
}

static void NORETURN serve(struct server *s)
{
	for (;;) {
		struct pollfd p[LINKS_MAX + 1] = { { s->listener, POLLIN, 0 } };
		int64_t wait = s->chain->mine_at_ms - now_ms();

		for (int i = 0; i < s->links_n; i++)
			p[i + 1] = (struct pollfd){ s->links[i].fd, POLLIN, 0 };
		if (!s->chain->options.interval_ms)
			wait = -1;
		else if (wait < 0)
			wait = 0;
		poll(p, (nfds_t)s->links_n + 1, (int)wait);
		s->chain->now_ms = now_ms();
		sim_mine_due(s->chain);
		for (int i = s->links_n; i-- > 0;)
			if (p[i + 1].revents && !link_read(s, &s->links[i]))
				link_close(s, &s->links[i]);
		if (p[0].revents)
			link_add(s);
	}
}

static int listen_here(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof at;

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
	CHECK(listen(fd, LINKS_MAX) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	printf("Listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

/* -- the chain ----------------------------------------------------------------------- */

static void chain_open(struct server *s, const char *rich, int64_t interval_ms)
{
	struct sim_options options = { .pool_max = 2000000, .heights_max = 1000000 };
	struct amount all = amount_u64(1000000000000000000);
	struct address at;
	void *region = mmap(NULL, REGION, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(region != MAP_FAILED && hex_parse_0x(at.at, sizeof at.at, rich));
	s->chain = sim_chain_init(region, REGION, &options);
	CHECK(amount_mul_u64(&all, &all, 1000000000));
	sim_fund(s->chain, &at, NULL, &all);
	s->node = sim_node_new(s->chain);
	s->chain->now_ms = now_ms();
	sim_mining(s->chain, interval_ms);
}

static void mine_pool(struct sim_chain *c)
{
	while (c->pooled)
		sim_mine(c, NULL);
}

static void mine_journal(struct sim_chain *c, const char *path)
{
	struct sql_intent_to_send_in in = { .account = 1, .max = INT64_MAX };
	struct sql_intent_to_send_out row;
	struct fail f = { 0 };
	struct journal *j;

	if (journal_read(&j, path, &f)) {
		fprintf(stderr, "node: %s\n", f.why);
		exit(1);
	}
	sql_intent_to_send_begin(j, &in);
	while (sql_intent_to_send_next(j, &row)) {
		struct sim_word word;
		struct hash hash;

		sim_pool_send(c->pools, c->head, &word, &hash, row.raw, row.raw_len);
		CHECK(word.code == 0);
		if (c->pooled >= POOL_FULL)
			mine_pool(c);
	}
	journal_close(j);
	mine_pool(c);
	for (int i = 0; i < DEPTH; i++)
		sim_mine(c, NULL);
}

int main(int argc, char **argv)
{
	static struct server s;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: node BALANCE_OF INTERVAL_MS [JOURNAL]\n");
		return 1;
	}
	secret_setup();
	secp_setup();
	chain_open(&s, argv[1], strtoll(argv[2], NULL, 10));
	if (argc == 4)
		mine_journal(s.chain, argv[3]);
	s.listener = listen_here();
	serve(&s);
}
