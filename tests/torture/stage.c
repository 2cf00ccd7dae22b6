/* stage.c - the stage is set: keys, list, chain, disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "crypto/secp.h"
#include "life.h"

#define GWEI 1000000000ull
#define FILE_MAX_BYTES ((size_t)32 << 20)
#define CHAIN_BYTES ((size_t)16 << 20)
#define BLOCKS_BEFORE 6
#define INTERVAL_MS 2000

static void *shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

/* Recipients: rows 3 and 7 are the same payment to the same address. */
static void rows_fill(struct stage *s, int list)
{
	struct stage_list *l = &s->all[list];

	CHECK(s->rows <= ROWS_MAX);
	for (int64_t i = 1; i <= s->rows; i++) {
		int64_t like = i == 7 ? 3 : i;

		memset(l->to[i].at, 0x50, sizeof l->to[i].at);
		l->to[i].at[17] = (uint8_t)list;
		l->to[i].at[18] = (uint8_t)(like >> 8);
		l->to[i].at[19] = (uint8_t)like;
		l->amount[i] = amount_u64(1000 + (uint64_t)like % 5);
	}
}

/* One row of the first list is another one's. */
static void revise(struct stage_list *l, const struct stage_list *first, int64_t rows)
{
	for (int64_t i = 1; i <= rows; i++) {
		if (i == STAGE_REVISED)
			continue;
		l->to[i] = first->to[i];
		l->amount[i] = first->amount[i];
	}
	l->fee_to = first->fee_to;
}

const struct stage_list *stage_list(const struct stage *s, int k)
{
	return &s->all[s->scenario->revised && s->told->lost ? LISTS_MAX - 1 - k : k];
}

/* A file without a name of its own: nobody has to tidy up after a test that was
 * killed. */
static void list_write(struct stage *s, struct stage_list *l)
{
	char text[AMOUNT_TEXT_MAX];
	FILE *file;

	l->fd = memfd_create("list", 0);
	snprintf(l->path, sizeof l->path, "/proc/self/fd/%d", l->fd);
	file = fopen(l->path, "w");
	CHECK(file);
	fprintf(file, "address,amount\n");
	for (int64_t i = 1; i <= s->rows; i++) {
		amount_format(text, &l->amount[i], 0);
		fprintf(file, "0x");
		for (size_t k = 0; k < sizeof l->to[i].at; k++)
			fprintf(file, "%02x", l->to[i].at[k]);
		fprintf(file, ",%s\n", text);
	}
	CHECK(fclose(file) == 0);
}

static void keys_make(struct stage *s)
{
	static const char *const names[KEYS_MAX] = { "treasury", "till" };

	s->keys = s->scenario->keys ? s->scenario->keys : 1;
	for (int i = 0; i < s->keys; i++) {
		uint8_t key[32] = { [0] = 0x5a, [30] = (uint8_t)i, [31] = 0x17 };
		struct sim_key *k = &s->key[i];

		k->name = names[i];
		k->secret = secret_new(key, sizeof key);
		CHECK(secp_address(k->address.at, k->secret, NULL) == ERR_OK);
	}
}

static void lists_make(struct stage *s)
{
	static const char *const names[LISTS_MAX] = { "wages", "bonus" };

	s->rows = s->scenario->rows;
	s->lists = s->scenario->lists ? s->scenario->lists : 1;
	for (int i = 0; i < LISTS_MAX; i++) {
		struct stage_list *l = &s->all[i];

		l->name = names[i];
		l->key = &s->key[i % s->keys];
		memset(l->fee_to.at, 0xfe - i, sizeof l->fee_to.at);
		rows_fill(s, i);
		if (i == 1 && s->scenario->revised)
			revise(l, &s->all[0], s->rows);
		list_write(s, l);
	}
}

static void config_fill(struct stage *s)
{
	static const char *const urls[NODES_MAX] = { "http://node-0.sim/",
		"http://node-1.sim/", "http://node-2.sim/" };
	const struct scenario *sc = s->scenario;

	for (size_t i = 0; i < NODES_MAX; i++)
		s->endpoints[i] = (struct node_config){ .url = urls[i], .weight = 1 };
	s->config = (struct chain_config){ .name = "sim",
		.chain_id = 31337,
		.endpoints = s->endpoints,
		.endpoints_n = sc->nodes ? (int)sc->nodes : 1,
		.finality = { .depth = 3 },
		.quorum = sc->quorum ? sc->quorum : 1,
		.max_fee_per_gas = 500 * GWEI,
		.max_priority_fee_per_gas = 50 * GWEI,
		.fence_max_fee = amount_u64(50 * 1000 * 1000 * GWEI),
		.max_in_flight = 3,
		.lookback = 7200,
		.batch = 100,
		.bump_after = 3,
		.poll_ms = 1000,
		.timeout_ms = 3000 };
}

void stage_open(struct stage *s, const struct scenario *scenario, uint64_t seed)
{
	memset(s, 0, sizeof *s);
	s->scenario = scenario;
	s->seed = seed;
	keys_make(s);
	lists_make(s);
	config_fill(s);
	s->lender = (struct sim_lender){ &s->config, s->key, s->keys };
	s->disk = shared(sim_disk_size(FILE_MAX_BYTES));
	s->region = shared(CHAIN_BYTES);
	s->told = shared(sizeof *s->told);
	s->disk_of_copy = shared(sim_disk_size(FILE_MAX_BYTES));
	s->told_of_copy = shared(sizeof *s->told);
	s->baton = shared(sizeof *s->baton);
}

void stage_be_copy(struct stage *s)
{
	s->me = 1;
	s->disk = s->disk_of_copy;
	s->told = s->told_of_copy;
}

void stage_close(struct stage *s)
{
	for (int i = 0; i < LISTS_MAX; i++)
		close(s->all[i].fd);
	for (int i = 0; i < s->keys; i++)
		secret_free(s->key[i].secret);
	munmap(s->disk, sim_disk_size(FILE_MAX_BYTES));
	munmap(s->region, CHAIN_BYTES);
	munmap(s->told, sizeof *s->told);
	munmap(s->disk_of_copy, sim_disk_size(FILE_MAX_BYTES));
	munmap(s->told_of_copy, sizeof *s->told);
	munmap(s->baton, sizeof *s->baton);
}

static void chain_reset(struct stage *s)
{
	struct sim_options o = {
		.chain_id = 31337, .heights_max = 8192, .is_free = s->scenario->is_free
	};
	struct address token = { .at = { 0x70, 0x6b } };
	struct amount coin, tokens = amount_u64(100000000);
	uint32_t nodes = s->scenario->nodes ? s->scenario->nodes : 1;

	CHECK(amount_parse(&coin, "100", 3, 18) == AMOUNT_OK);
	s->chain = sim_chain_init(s->region, CHAIN_BYTES, &o);
	for (int i = 0; i < s->keys; i++)
		sim_fund(s->chain, &s->key[i].address, NULL, &coin);
	s->token = NULL;
	if (s->scenario->token) {
		s->token =
		    sim_token_add(s->chain, &token, s->scenario->token_kind, 18, "TKN");
		for (int i = 0; i < s->keys; i++)
			sim_fund(s->chain, &s->key[i].address, s->token, &tokens);
	} else {
		sim_account_code(s->chain, &s->all[0].to[2], SIM_CODE_WALLET, 9000);
	}
	for (uint32_t i = 0; i < nodes; i++)
		s->nodes[i] = sim_node_new(s->chain);
	for (int i = 0; i < BLOCKS_BEFORE; i++)
		sim_mine(s->chain, NULL);
	sim_mining(s->chain, INTERVAL_MS);
}

void stage_reset(struct stage *s)
{
	chain_reset(s);
	s->disk = sim_disk_format(s->disk, FILE_MAX_BYTES, s->seed);
	memset(s->told, 0, sizeof *s->told);
	memset(s->baton, 0, sizeof *s->baton);
	CHECK(sem_init(&s->baton->go[0], 1, 0) == 0 &&
	    sem_init(&s->baton->go[1], 1, 0) == 0);
	CHECK(sem_init(&s->told->kept, 1, 0) == 0 && sem_init(&s->told->thaw, 1, 0) == 0);
}

/* After a fork each page of what is shared comes with a fault of its own, else. */
void stage_warm(struct stage *s)
{
	size_t used = (size_t)(s->chain->at - (uint8_t *)s->region);

	madvise(s->region, used, MADV_POPULATE_WRITE);
	sim_disk_warm(s->disk);
}
