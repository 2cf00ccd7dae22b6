/* ceiling.c - what the node itself can do: the figure that Pawl is measured against.
 *
 * usage: ceiling URL LIST CHAIN_ID GAS_PRICE_MAX GAS_TIP
 *
 * Signs a payment for each row of the list before the clock runs (key from PAYER_KEY,
 * nonces from 0), then sends the bytes in batches of 100 over 4 connections, while a
 * fifth reads header and receipts of each new block. Ends when the last receipt is
 * read, and prints {"rows","blocks","sign_ms","ms"}: ms from the first byte sent.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "chain/chain.h"
#include "crypto/secp.h"
#include "kinds/airdrop/list.h"

#define CONNECTIONS 4
#define BATCH 100
#define GAS 21000
#define ANSWER_MAX (64 * 1024 * 1024)
/* A block that is not there yet is asked for again so soon. */
#define PAUSE_US 5000

struct load {
	const char *url;
	struct sign_job job; /* of the next row */
	struct signed_bytes *raw;
	uint32_t n;
	atomic_uint next; /* the first row that nobody sends yet */
	uint64_t blocks;
	uint32_t receipts;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void NORETURN give_up(const char *what)
{
	fprintf(stderr, "ceiling: %s\n", what);
	exit(1);
}

/* -- the payments ------------------------------------------------------------- */

static enum err sign_row(void *ctx, const struct list_row *row, struct fail *f)
{
	struct load *l = ctx;

	l->raw = mem_grow(l->raw, l->n + 1, sizeof *l->raw);
	l->job.payload = (struct payload){ .to = row->to, .value = row->amount };
	l->job.nonce = l->n;
	return connector_evm.sign(&l->raw[l->n++], &l->job, f);
}

static void sign_all(struct load *l, const char *path)
{
	struct list_rules rules = { .decimals = 18 };
	const char *hex = getenv("PAYER_KEY");
	struct list_sum sum;
	struct secret *key;
	struct fail f = { 0 };

	if (!hex || secret_parse_hex(&key, hex, strlen(hex), &f))
		give_up("no key in PAYER_KEY");
	l->job.key = key;
	if (list_read(&sum, NULL, path, &rules, sign_row, l, &f))
		give_up(f.why);
	secret_free(key);
}

/* -- one connection ----------------------------------------------------------- */

static size_t take(char *data, size_t size, size_t n, void *ctx)
{
	buf_add(ctx, data, size * n);
	return size * n;
}

static CURL *connection(const char *url, struct curl_slist **ret_headers)
{
	CURL *c = curl_easy_init();

	CHECK(c);
	*ret_headers = curl_slist_append(NULL, "Content-Type: application/json");
	*ret_headers = curl_slist_append(*ret_headers, "Expect:");
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, *ret_headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	return c;
}

static void ask(CURL *c, const struct buf *body, struct buf *answer)
{
	CURLcode end;

	buf_clear(answer);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body->data);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, answer);
	end = curl_easy_perform(c);
	if (end != CURLE_OK)
		give_up(curl_easy_strerror(end));
	CHECK(buf_ok(answer));
}

static void *send_all(void *ctx)
{
	const struct signed_bytes *batch[BATCH];
	struct buf body, answer;
	struct load *l = ctx;
	struct curl_slist *headers;
	CURL *c = connection(l->url, &headers);
	uint32_t from;

	buf_init(&body, ANSWER_MAX);
	buf_init(&answer, ANSWER_MAX);
	while ((from = atomic_fetch_add(&l->next, BATCH)) < l->n) {
		uint32_t n = l->n - from < BATCH ? l->n - from : BATCH;

		for (uint32_t i = 0; i < n; i++)
			batch[i] = &l->raw[from + i];
		buf_clear(&body);
		connector_evm.send(&body, batch, n);
		ask(c, &body, &answer);
		if (memmem(answer.data, answer.len, "\"error\"", 7))
			give_up("the node refused a transaction");
	}
	buf_release(&body);
	buf_release(&answer);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	return NULL;
}

/* -- the blocks --------------------------------------------------------------- */

static uint32_t count_of(const struct buf *b, const char *word)
{
	const char *at = (const char *)b->data, *end = at + b->len;
	uint32_t n = 0;

	while ((at = memmem(at, (size_t)(end - at), word, strlen(word)))) {
		at += strlen(word);
		n++;
	}
	return n;
}

/* Header and receipts of one block in one request; false: it is not there yet. */
static bool read_block(
    CURL *c, uint64_t height, struct buf *body, struct buf *answer, uint32_t *ret_n)
{
	buf_clear(body);
	buf_addf(body,
	    "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBlockByNumber\","
	    "\"params\":[\"0x%llx\",false]},"
	    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_getBlockReceipts\","
	    "\"params\":[\"0x%llx\"]}]",
	    (unsigned long long)height, (unsigned long long)height);
	ask(c, body, answer);
	*ret_n = count_of(answer, "\"effectiveGasPrice\"");
	return memmem(answer->data, answer->len, "\"parentHash\"", 12) != NULL;
}

static void read_all(struct load *l)
{
	struct curl_slist *headers;
	CURL *c = connection(l->url, &headers);
	struct buf body, answer;
	uint64_t height = 1;

	buf_init(&body, ANSWER_MAX);
	buf_init(&answer, ANSWER_MAX);
	while (l->receipts < l->n) {
		uint32_t n;

		if (!read_block(c, height, &body, &answer, &n)) {
			usleep(PAUSE_US);
			continue;
		}
		l->receipts += n;
		l->blocks += n > 0;
		height++;
	}
	buf_release(&body);
	buf_release(&answer);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
}

int main(int argc, char **argv)
{
	struct load l = { 0 };
	pthread_t sender[CONNECTIONS];
	int64_t began_ms, signed_ms;

	if (argc != 6)
		give_up("usage: ceiling URL LIST CHAIN_ID MAX_FEE TIP");
	l.url = argv[1];
	l.job = (struct sign_job){ .chain_id = strtoull(argv[3], NULL, 10),
		.fees = { .type = FEE_1559,
		    .gas = GAS,
		    .max_fee = strtoull(argv[4], NULL, 10),
		    .tip = strtoull(argv[5], NULL, 10) } };
	secret_setup();
	secp_setup();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	began_ms = now_ms();
	sign_all(&l, argv[2]);
	signed_ms = now_ms();
	for (int i = 0; i < CONNECTIONS; i++)
		CHECK(pthread_create(&sender[i], NULL, send_all, &l) == 0);
	read_all(&l);
	printf("{\"rows\": %u, \"blocks\": %llu, \"sign_ms\": %lld, \"ms\": %lld}\n", l.n,
	    (unsigned long long)l.blocks, (long long)(signed_ms - began_ms),
	    (long long)(now_ms() - signed_ms));
	for (int i = 0; i < CONNECTIONS; i++)
		pthread_join(sender[i], NULL);
	free(l.raw);
	curl_global_cleanup();
	return 0;
}
