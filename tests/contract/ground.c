#include "ground.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"
#include "crypto/secp.h"

#define PATIENCE_MS 30000

static const struct make makes[] = {
	{ .name = "sim",
	    .client = "Simulated",
	    .block_receipts = true,
	    .state_by_hash = true,
	    .tells_apart = true,
	    .pool_shown = true,
	    .estimates_money = true },
	{ .name = "anvil",
	    .client = "anvil",
	    .block_receipts = true,
	    .state_by_hash = true,
	    .tells_apart = true },
	{ .name = "hardhat",
	    .client = "HardhatNetwork",
	    .state_by_hash = true,
	    .head_is_final = true,
	    .tells_apart = true },
	{ .name = "ganache", .client = "Ganache", .head_is_final = true },
};

/* The first two accounts of the mnemonic that development nodes know. */
static const char *const keys[] = {
	"ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
	"59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
};

static char folder[] = "/tmp/pawl-contract-XXXXXX";

static void folder_drop(void)
{
	char command[80];

	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	if (system(command))
		fprintf(stderr, "%s is left behind\n", folder);
}

static void journal_ready(struct ground *g)
{
	struct owner me = { .pid = 1, .host = "lathe" };
	struct fail f = { 0 };
	char path[64];

	CHECK(mkdtemp(folder));
	atexit(folder_drop);
	snprintf(path, sizeof path, "%s/pawl.db", folder);
	if (journal_create(path, &f) || journal_own(&g->journal, path, &me, &f))
		fail_msg("no journal: %s", f.why);
}

static void config_fill(struct ground *g, const char *url)
{
	g->endpoint = (struct node_config){ .url = url, .weight = 1 };
	g->config = (struct chain_config){ .name = "local",
		.kind = g->make.kind,
		.chain_id = CHAIN_ID,
		.endpoints = &g->endpoint,
		.endpoints_n = 1,
		.finality = { .depth = 2 },
		.quorum = 1,
		.max_fee_per_gas = 500 * GWEI,
		.max_priority_fee_per_gas = 50 * GWEI,
		.max_in_flight = 64,
		.batch = 100,
		.bump_after = 3,
		.poll_ms = 20,
		.timeout_ms = 10000 };
	g->connector = chain_connector(&g->config);
}

static void accounts_fill(struct ground *g)
{
	struct fail f = { 0 };

	for (int i = 0; i < 2; i++) {
		CHECK(!secret_parse_hex(&g->key[i], keys[i], strlen(keys[i]), &f));
		CHECK(!secp_address(g->account[i].at, g->key[i], NULL));
	}
}

/* -- asking ---------------------------------------------------------------- */

struct asked {
	bool done;
	struct pool_answer answer;
};

static void asked_done(void *ctx, struct pool_answer *a)
{
	struct asked *asked = ctx;

	asked->answer = *a;
	asked->done = true;
	a->answer = NULL;
}

char *ground_ask(struct ground *g, struct buf *body, size_t *ret_len)
{
	struct asked asked = { .done = false };
	int64_t until_ms = world_now_ms(g->world) + PATIENCE_MS;

	pool_ask(g->pool, 0, body, asked_done, &asked);
	while (!asked.done && world_now_ms(g->world) < until_ms)
		world_wait(g->world, until_ms);
	if (!asked.done || asked.answer.err)
		fail_msg("the node does not answer: %s", asked.answer.fail.why);
	*ret_len = asked.answer.len;
	return asked.answer.answer;
}

/* -- the first nonce ------------------------------------------------------- */

static bool is_unused(struct ground *g, int who)
{
	struct amount balance;
	uint64_t count = 0;
	struct fail f = { .why = "" };
	struct buf body;
	size_t len;
	char *text;

	buf_init(&body, 1 << 20);
	g->connector->account(&body, &g->account[who]);
	text = ground_ask(g, &body, &len);
	if (g->connector->account_read(&count, &balance, text, len, &f))
		fail_msg("no account: %s", f.why);
	free(text);
	return count == 0;
}

static void burn(struct ground *g, int who)
{
	struct sign_job job = { .chain_id = CHAIN_ID,
		.payload = { .to = g->account[who] },
		.fees = { FEE_1559, 21000, 10 * GWEI, GWEI },
		.key = g->key[who] };
	struct signed_bytes raw, *at = &raw;
	struct node_word word = { .err = ERR_OK };
	struct buf body;
	size_t len;
	char *text;

	CHECK(!g->connector->sign(&raw, &job, NULL));
	buf_init(&body, 1 << 20);
	g->connector->send(&body, (const struct signed_bytes *const *)&at, 1);
	text = ground_ask(g, &body, &len);
	g->connector->send_read(&word, 1, text, len);
	free(text);
	if (word.note != NOTE_ACCEPTED)
		fail_msg("nonce 0 was not taken: %s", word.text);
}

void ground_open(struct ground *g, int n, char **words)
{
	struct fail f = { 0 };
	bool loud = getenv("GROUND_LOUD");

	*g = (struct ground){ .world = NULL };
	CHECK(!log_open(
	    loud ? NULL : "/dev/null", loud ? LOG_DEBUG : LOG_ERROR, false, &f));
	secret_setup();
	secp_setup();
	for (size_t i = 0; i < sizeof makes / sizeof *makes && n > 1; i++)
		if (!strcmp(makes[i].name, words[1]))
			g->make = makes[i];
	if (!g->make.name || (n != 4 && n != 2)) {
		printf("Bail out! usage: %s MAKE [URL TOKEN]\n", words[0]);
		exit(1);
	}
	config_fill(g, n == 4 ? words[2] : "http://node-0.sim/");
	accounts_fill(g);
	journal_ready(g);
	if (n == 4)
		ground_meet(g, words[3]);
	else
		ground_simulate(g);
	g->pool = pool_new(g->world, &g->endpoint, 1, g->config.timeout_ms);
	for (int i = 0; i < 2; i++)
		if (is_unused(g, i))
			burn(g, i);
	g->mine(g, 3);
}
