/* durable.c - how fast intents are reserved, signed and made durable, with no node.
 *
 * usage: durable JOURNAL LIST [ROWS]
 *
 * Makes the journal, takes the list in, and runs the engine over the real world (disk,
 * workers, clock), but for HTTP: a simulated node in this process answers everything
 * at once, and what is sent is never answered. Key from PAYER_KEY. The clock runs from
 * the turn that reserves the first intent to the end of the commit that has the last
 * signature. Before and after, libsecp256k1 alone signs on one thread: a hash of as
 * many bytes as a transfer has, and a recoverable signature. With ROWS no more than that
 * many are signed, and the others wait.
 *
 * Prints {"rows","ms","turns","secp_per_s"} and leaves the journal behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <secp256k1_recovery.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "engine/operation.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "sim/node/node.h"

#define REGION (64u << 20)
#define CHAIN_ID 31337
#define GWEI 1000000000ull
#define SECP_ROUNDS 20000
#define TX_BYTES 116 /* that are hashed of a transfer */

static void NORETURN give_up(const struct fail *f)
{
	fprintf(stderr, "durable: %s\n", f->why);
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* -- the world: the real one, but for HTTP ------------------------------------- */

struct reply {
	struct reply *next;
	http_done_fn *done;
	void *ctx;
	struct http_answer answer;
};

struct half_world {
	struct world world;
	struct world *real;
	struct sim_node *node;
	struct reply *ready, **ready_end; /* delivered by the next wait */
	struct reply *unanswered;         /* by the end */
};

static struct half_world *half(struct world *w)
{
	return (struct half_world *)w;
}

static int64_t half_now_ms(struct world *w)
{
	return world_now_ms(half(w)->real);
}

static int64_t half_wall_ms(struct world *w)
{
	return world_wall_ms(half(w)->real);
}

static void half_random(struct world *w, void *out, size_t len)
{
	world_random(half(w)->real, out, len);
}

static void half_work(struct world *w, work_fn *run, work_fn *done, void *job)
{
	world_work(half(w)->real, run, done, job);
}

static int half_signalled(struct world *w)
{
	return world_signalled(half(w)->real);
}

static void half_http(struct world *w, const struct http_request *q)
{
	struct half_world *h = half(w);
	struct reply *r = mem_new(sizeof *r);
	struct buf out;

	r->done = q->done;
	r->ctx = q->ctx;
	if (memmem(q->body, q->body_len, "eth_sendRaw", 11)) {
		r->answer.end = HTTP_UNKNOWN;
		r->next = h->unanswered;
		h->unanswered = r;
		free(q->body);
		return;
	}
	buf_init(&out, q->answer_max);
	sim_node_answer(h->node, &out, q->body, q->body_len);
	free(q->body);
	r->answer = (struct http_answer){ .end = HTTP_ANSWERED,
		.status = 200,
		.retry_after_ms = -1,
		.body_len = out.len };
	r->answer.body = (char *)buf_take(&out, &r->answer.body_len);
	*h->ready_end = r;
	h->ready_end = &r->next;
}

static void deliver(struct reply *r)
{
	while (r) {
		struct reply *next = r->next;

		r->done(r->ctx, &r->answer);
		free(r->answer.body);
		free(r);
		r = next;
	}
}

static void half_wait(struct world *w, int64_t until_ms)
{
	struct half_world *h = half(w);
	struct reply *ready = h->ready;

	h->ready = NULL;
	h->ready_end = &h->ready;
	world_wait(h->real, ready ? 0 : until_ms);
	deliver(ready);
}

static void half_free(struct world *w)
{
	struct half_world *h = half(w);

	deliver(h->ready);
	deliver(h->unanswered);
	world_free(h->real);
	free(h);
}

static const struct world_ops half_ops = {
	.now_ms = half_now_ms,
	.wall_ms = half_wall_ms,
	.random = half_random,
	.http = half_http,
	.work = half_work,
	.wait = half_wait,
	.signalled = half_signalled,
	.free = half_free,
};

static struct world *half_open(struct sim_node *node)
{
	struct half_world *h = mem_new(sizeof *h);
	struct fail f = { 0 };

	h->world.ops = &half_ops;
	h->node = node;
	h->ready_end = &h->ready;
	if (world_open(&h->real, &f))
		give_up(&f);
	return &h->world;
}

/* -- libsecp256k1 alone ---------------------------------------------------------- */

static int64_t secp_us(const struct secret *key)
{
	secp256k1_context *c = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
	secp256k1_ecdsa_recoverable_signature sig;
	uint8_t bytes[TX_BYTES] = { 2 }, hash[32], out[64];
	int64_t began = now_us();
	int parity;

	for (int i = 0; i < SECP_ROUNDS; i++) {
		memcpy(bytes, &i, sizeof i);
		keccak256(hash, bytes, sizeof bytes);
		CHECK(secp256k1_ecdsa_sign_recoverable(
		    c, &sig, hash, secret_bytes(key), NULL, NULL));
		secp256k1_ecdsa_recoverable_signature_serialize_compact(
		    c, out, &parity, &sig);
	}
	began = now_us() - began;
	secp256k1_context_destroy(c);
	return began;
}

/* -- the operation ----------------------------------------------------------------- */

struct bench {
	const char *path, *list;
	struct secret *key;
	struct address sender;
	struct world *world;
	struct journal *journal;
	struct runner *runner;
	int64_t rows, signed_rows;
};

static enum err key_get(
    void *ctx, const char *name, const struct secret **ret, struct fail *f)
{
	const struct bench *b = ctx;

	(void)name;
	(void)f;
	*ret = b->key;
	return ERR_OK;
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

static enum err hash_row(void *ctx, const struct list_row *row, struct fail *f)
{
	(void)f;
	plan_hash_row(ctx, &row->to, &row->amount, row->memo, row->memo_len);
	return ERR_OK;
}

static void facts_of(struct bench *b, struct airdrop_new *n, struct fail *f)
{
	struct list_rules rules = { .decimals = 18, .sender = b->sender };
	struct plan_header header = {
		.chain_id = CHAIN_ID, .decimals = 18, .sender = b->sender
	};
	struct sql_chain_get_out chain;
	struct plan_hash *hash;
	struct list_sum sum;

	CHECK(sql_chain_get_one(
	    b->journal, &(struct sql_chain_get_in){ .id = n->chain }, &chain));
	memcpy(header.genesis.at, chain.genesis, sizeof header.genesis.at);
	hash = plan_hash_begin(&header);
	if (list_read(&sum, NULL, b->list, &rules, hash_row, hash, f))
		give_up(f);
	plan_hash_end(hash, n->plan);
	b->rows = n->items = sum.rows;
	n->planned = sum.total;
	n->facts = (struct airdrop_facts){ .decimals = 18,
		.gas = connector_evm.gas_coin,
		.fee_gas = connector_evm.gas_coin };
	snprintf(n->facts.symbol, sizeof n->facts.symbol, "ETH");
	snprintf(n->facts.file, sizeof n->facts.file, "%s", b->list);
	memcpy(n->facts.file_hash, sum.file_hash, sizeof n->facts.file_hash);
}

static int64_t take_list(struct bench *b, const struct chain_config *c)
{
	struct airdrop_new n = { .name = "list",
		.key_name = "payer",
		.chain = follower_chain(b->runner->chains[0].follower),
		.sender = b->sender,
		.in_flight_max = c->max_in_flight,
		.fee_cap = c->max_fee_per_gas,
		.now_ms = world_wall_ms(b->world) };
	struct list_rules rules = { .decimals = 18, .sender = b->sender };
	struct fail f = { 0 };
	int64_t id;

	facts_of(b, &n, &f);
	n.cap = amount_u64(c->max_fee_per_gas);
	CHECK(amount_mul_u64(&n.cap, &n.cap, (uint64_t)b->rows * connector_evm.gas_coin));
	id = airdrop_create(b->journal, &n);
	if (journal_commit(b->journal, &f) ||
	    airdrop_import(
		b->journal, id, n.facts.file, n.facts.file_hash, &rules, never, NULL, &f))
		give_up(&f);
	return id;
}

static void turn(struct bench *b)
{
	struct fail f = { 0 };

	if (!runner_turn(b->runner, &f))
		give_up(&f);
}

/* The turns from the first reservation to the last signature. */
static int64_t sign_all(struct bench *b, const struct operation *o, int64_t *ret_us)
{
	int64_t began_us = 0, turns = 0;

	for (;;) {
		int64_t before_us = now_us();

		turn(b);
		if (o->state == OPERATION_NEEDS_OPERATOR) {
			fprintf(stderr, "durable: %s\n", o->waits_for);
			exit(1);
		}
		if (!began_us && o->by_state[ITEM_LIVE].n)
			began_us = before_us;
		turns += began_us != 0;
		if (o->by_state[ITEM_LIVE].n == b->signed_rows && !b->runner->signing.n) {
			*ret_us = now_us() - began_us;
			return turns;
		}
		world_wait(b->world, runner_wake_ms(b->runner));
	}
}

static struct sim_node *node_make(const struct address *sender)
{
	struct sim_options options = { .chain_id = CHAIN_ID };
	struct sim_chain *chain = sim_chain_init(mem_new(REGION), REGION, &options);
	struct amount rich = amount_u64(1000000000 * GWEI);

	CHECK(amount_mul_u64(&rich, &rich, GWEI));
	sim_fund(chain, sender, NULL, &rich);
	return sim_node_new(chain);
}

static void setup(struct bench *b)
{
	const char *hex = getenv("PAYER_KEY");
	struct owner who = { .pid = getpid(), .host = "bench" };
	struct fail f = { 0 };

	secret_setup();
	secp_setup();
	(void)!log_open(NULL, LOG_WARN, false, &f);
	if (!hex || secret_parse_hex(&b->key, hex, strlen(hex), &f) ||
	    secp_address(b->sender.at, b->key, &f) || journal_create(b->path, &f) ||
	    journal_own(&b->journal, b->path, &who, &f))
		give_up(&f);
	b->world = half_open(node_make(&b->sender));
}

int main(int argc, char **argv)
{
	static const struct kind *const kinds[] = { &kind_airdrop };
	struct node_config node = { .url = "http://node.invalid/", .weight = 1 };
	struct chain_config chain = { .name = "local",
		.chain_id = CHAIN_ID,
		.endpoints = &node,
		.endpoints_n = 1,
		.finality = { .depth = 2 },
		.quorum = 1,
		.max_fee_per_gas = 500 * GWEI,
		.max_priority_fee_per_gas = 50 * GWEI,
		.fence_max_fee = amount_u64(50 * 1000 * 1000 * GWEI),
		.max_in_flight = LIST_ROWS_MAX,
		.batch = 100,
		.bump_after = 3,
		.poll_ms = 1000,
		.timeout_ms = 600000 };
	struct bench b = { 0 };
	struct runner_setup s = { .chains = &chain,
		.chains_n = 1,
		.keys = { .ctx = &b, .get = key_get },
		.kinds = kinds,
		.kinds_n = 1 };
	int64_t us, turns, secp;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: durable JOURNAL LIST [ROWS]\n");
		return 1;
	}
	if (argc == 4)
		chain.max_in_flight = atoi(argv[3]);
	b.path = argv[1];
	b.list = argv[2];
	setup(&b);
	s.world = b.world;
	s.journal = b.journal;
	b.runner = runner_new(&s);
	while (!follower_chain(b.runner->chains[0].follower)) {
		turn(&b);
		world_wait(b.world, runner_wake_ms(b.runner));
	}
	s.only_operation = take_list(&b, &chain);
	b.signed_rows = argc == 4 ? chain.max_in_flight : b.rows;
	secp = secp_us(b.key);
	turns = sign_all(&b, operation_load(b.runner, s.only_operation), &us);
	secp += secp_us(b.key);
	printf("{\"rows\": %lld, \"ms\": %lld, \"turns\": %lld, \"secp_per_s\": %lld}\n",
	    (long long)b.signed_rows, (long long)(us / 1000), (long long)turns,
	    (long long)(2 * SECP_ROUNDS * 1000000ll / secp));
	world_free(b.world);
	runner_free(b.runner);
	journal_close(b.journal);
	secret_free(b.key);
	return 0;
}
