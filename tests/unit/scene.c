#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/secp.h"
#include "sim/disk/disk.h"

#define JOURNAL "/disk/pawl.db"
#define FILE_MAX_BYTES ((size_t)32 << 20)
#define CHAIN_BYTES ((size_t)96 << 20)
#define BLOCKS_BEFORE 10
#define LAST_MS (24 * 3600 * 1000ll)

static struct sim_disk *disk;
static struct sim_disk_process process = { .id = 1 };
static struct sim_disk_image *kept;
static void *region;
static const char *(*say)(void *ctx);
static void *say_ctx;

static void *reserve(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

static void journal_died(enum err e, const char *why)
{
	fail_msg("the journal died: %s: %s", err_name(e), why);
	abort();
}

static void stuck(void *ctx, const char *why)
{
	(void)ctx;
	fail_msg("stuck: %s; it waits for: %s", why, say ? say(say_ctx) : "?");
}

void scene_say(const char *(*what)(void *ctx), void *ctx)
{
	say = what;
	say_ctx = ctx;
}

static void quiet(void)
{
	struct fail f;
	bool loud = getenv("SCENE_LOUD");

	CHECK(log_open(loud ? NULL : "/dev/null", loud ? LOG_DEBUG : LOG_ERROR, false,
		  &f) == ERR_OK);
	secret_setup();
	secp_setup();
	journal_die = journal_died;
}

/* Once per process; each scene begins with an empty disk and a fresh chain. */
static void ground(void)
{
	if (!disk) {
		disk = reserve(sim_disk_size(FILE_MAX_BYTES));
		process.disk = sim_disk_format(disk, FILE_MAX_BYTES, 1);
		sim_disk_install();
		sim_disk_use(&process);
		quiet();
	} else {
		sim_disk_format(disk, FILE_MAX_BYTES, 1);
	}
	if (region)
		munmap(region, CHAIN_BYTES);
	region = reserve(CHAIN_BYTES);
}

static void config_fill(struct scene *s, int quorum)
{
	static const char *const urls[SCENE_NODES] = { "http://node-0.sim/",
		"http://node-1.sim/", "http://node-2.sim/", "http://node-3.sim/",
		"http://node-4.sim/" };

	for (size_t i = 0; i < SCENE_NODES; i++)
		s->endpoints[i] = (struct node_config){ .url = urls[i], .weight = 1 };
	s->config = (struct chain_config){ .name = "sim",
		.chain_id = 31337,
		.endpoints = s->endpoints,
		.endpoints_n = (int)s->nodes,
		.finality = { .depth = SCENE_DEPTH },
		.quorum = quorum,
		.max_fee_per_gas = 500 * GWEI,
		.max_priority_fee_per_gas = 50 * GWEI,
		.fence_max_fee = amount_u64(50 * 1000 * 1000 * GWEI),
		.max_in_flight = 4,
		.batch = 100,
		.bump_after = 3,
		.lookback = 64,
		.poll_ms = 1000,
		.timeout_ms = 3000 };
}

static void chain_fill(struct scene *s)
{
	struct sim_options o = { .chain_id = 31337, .heights_max = 16384 };
	struct amount coin;

	CHECK(amount_parse(&coin, "100", 3, 18) == AMOUNT_OK);
	s->chain = sim_chain_init(region, CHAIN_BYTES, &o);
	sim_fund(s->chain, &s->sender, NULL, &coin);
	for (uint32_t i = 0; i < s->nodes; i++)
		s->node[i] = sim_node_new(s->chain);
	for (int i = 0; i < BLOCKS_BEFORE; i++)
		sim_mine(s->chain, NULL);
}

void scene_rise(struct scene *s)
{
	struct owner me = { .pid = 1, .host = "lathe" };
	struct fail f = { 0 };

	if (s->journal)
		journal_close(s->journal);
	if (journal_own(&s->journal, JOURNAL, &me, &f))
		fail_msg("no journal: %s", f.why);
	s->world = sim_world_open(&(struct sim_world_options){ .chain = s->chain,
	    .nodes = s->node,
	    .nodes_n = s->nodes,
	    .seed = 7,
	    .last_ms = LAST_MS,
	    .stuck = stuck });
}

void scene_rest(struct scene *s)
{
	world_free(s->world);
	s->world = NULL;
}

void scene_anew(struct scene *s)
{
	struct fail f = { 0 };

	journal_close(s->journal);
	s->journal = NULL;
	sim_disk_format(disk, FILE_MAX_BYTES, 1);
	if (journal_create(JOURNAL, &f))
		fail_msg("no journal: %s", f.why);
	scene_rise(s);
}

void scene_keep(struct scene *s)
{
	(void)s;
	mem_free(kept);
	kept = sim_disk_keep(disk);
}

void scene_put_back(struct scene *s)
{
	journal_close(s->journal);
	s->journal = NULL;
	sim_disk_put_back(disk, kept);
	sim_disk_process_end(&process); /* as of then, it had the journal open */
}

void scene_open(struct scene *s, uint32_t nodes, int quorum)
{
	uint8_t key[32] = { [0] = 0x5a, [31] = 0x17 };
	struct fail f = { 0 };

	memset(s, 0, sizeof *s);
	ground();
	s->nodes = nodes;
	s->key = secret_new(key, sizeof key);
	CHECK(secp_address(s->sender.at, s->key, NULL) == ERR_OK);
	config_fill(s, quorum);
	chain_fill(s);
	if (journal_create(JOURNAL, &f))
		fail_msg("no journal: %s", f.why);
	scene_rise(s);
}

void scene_close(struct scene *s)
{
	if (s->world)
		world_free(s->world);
	journal_close(s->journal);
	secret_free(s->key);
	say = NULL;
	memset(s, 0, sizeof *s);
}

void scene_mine(struct scene *s, uint64_t blocks)
{
	while (blocks-- > 0)
		sim_mine(s->chain, NULL);
}

uint64_t scene_height(const struct scene *s)
{
	return s->chain->head->height;
}

struct sim_tx *scene_spend(struct scene *s, uint64_t nonce, const struct address *to,
    uint64_t amount, uint64_t max_fee)
{
	struct sign_job job = { .key = s->key, .nonce = nonce, .payload = { .to = *to } };
	struct sim_word word;
	struct sim_tx *tx;

	job.payload.value = amount_u64(amount);
	if (max_fee)
		job.fees = (struct fees){ .type = FEE_1559,
			.gas = 21000,
			.max_fee = max_fee,
			.tip = max_fee / 2 };
	tx = sim_pool_send_foreign(s->chain, &word, &job);
	if (!tx)
		fail_msg("a foreign transaction was refused: %s", word.text);
	return tx;
}

uint64_t scene_requests(const struct scene *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->nodes; i++)
		n += s->node[i]->requests;
	return n;
}

uint64_t scene_calls(const struct scene *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->nodes; i++)
		for (int m = 0; m < SIM_METHOD_COUNT; m++)
			n += s->node[i]->calls[m];
	return n;
}

size_t scene_logged(const char *path, const char *text, char last[512])
{
	FILE *file = fopen(path, "r");
	char line[1024];
	size_t n = 0;

	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		if (!strstr(line, text))
			continue;
		if (last)
			snprintf(last, 512, "%.511s", line);
		n++;
	}
	fclose(file);
	return n;
}
