#include "watcher.h"

#define ASKS_MAX 256

struct ask {
	int node;
	struct buf body;
	pool_done_fn *done;
	void *ctx;
};

struct scene scene;
struct pool *pool;
struct follower *eye;
const struct connector *connector = &connector_evm;
struct follower_told told_by;
static struct ask asks[ASKS_MAX];
static size_t asks_n;

/* -- who looks --------------------------------------------------------------- */

static void on_ask(void *ctx, int node, struct buf *body, pool_done_fn *done, void *dctx)
{
	(void)ctx;
	assert_true(asks_n < ASKS_MAX);
	asks[asks_n++] =
	    (struct ask){ .node = node, .body = *body, .done = done, .ctx = dctx };
}

const char *waits_for(void)
{
	const char *why = eye ? follower_waits_for(eye) : NULL;

	return why ? why : "nothing";
}

static const char *waits(void *ctx)
{
	(void)ctx;
	return waits_for();
}

/* The count that a journal would have: by what was told as final. */
static struct watched watched(void)
{
	struct watched w = {
		.account = scene.sender, .balance = true, .has_count = true, .exact = true
	};

	for (size_t i = 0; i < told_n; i++)
		w.count += told[i].tale == FINAL ? told[i].tx_n : 0;
	return w;
}

void look(void)
{
	struct watched w = watched();

	pool = pool_new(scene.world, scene.config.endpoints, scene.config.endpoints_n,
	    scene.config.timeout_ms);
	eye = follower_new(&(struct follower_setup){
	    .config = &scene.config,
	    .connector = connector,
	    .pool = pool,
	    .world = scene.world,
	    .journal = scene.journal,
	    .told = told_by,
	    .ask = on_ask,
	});
	follower_watch(eye, &w, 1);
}

void look_away(void)
{
	scene_rest(&scene);
	follower_free(eye);
	pool_free(pool);
	eye = NULL;
	pool = NULL;
}

/* -- a test begins, and ends ------------------------------------------------- */

void begin(uint32_t nodes, int quorum)
{
	scene_open(&scene, nodes, quorum);
	scene_say(waits, NULL);
	told_n = asks_n = 0;
	told_by = teller;
}

void begin_looking(uint32_t nodes, int quorum)
{
	begin(nodes, quorum);
	look();
	run(3000);
}

void rise(void)
{
	look_away();
	scene_rise(&scene);
	look();
}

int end(void **state)
{
	(void)state;
	if (eye)
		look_away();
	if (scene.journal)
		scene_close(&scene);
	connector = &connector_evm;
	return 0;
}

/* -- time passes ------------------------------------------------------------- */

void turn(void)
{
	struct fail f;

	follower_turn(eye);
	if (journal_writing(scene.journal))
		assert_int_equal(journal_commit(scene.journal, &f), ERR_OK);
	for (size_t i = 0; i < asks_n; i++)
		pool_ask(pool, asks[i].node, &asks[i].body, asks[i].done, asks[i].ctx);
	asks_n = 0;
}

void run(int64_t ms)
{
	int64_t until = world_now_ms(scene.world) + ms, wake;

	while (world_now_ms(scene.world) < until) {
		turn();
		wake = follower_wake_ms(eye);
		world_wait(scene.world, wake < until ? wake : until);
	}
	turn();
}

void live(int blocks)
{
	while (blocks-- > 0) {
		scene_mine(&scene, 1);
		run(1500);
	}
}

void reorg(uint64_t depth, bool give_back)
{
	sim_reorg(
	    scene.chain, &(struct sim_reorg){ .depth = depth, .give_back = give_back });
}

void by_tag(enum sim_finality_rule rule, uint64_t n)
{
	scene.config.finality = (struct finality){ .tag = true };
	scene.chain->options.finality = (struct sim_finality){ .rule = rule, .n = n };
}

uint64_t spend_and_bury(void)
{
	uint64_t at = scene_height(&scene) + 1;

	scene_spend(&scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
	live(SCENE_DEPTH + 2);
	return at;
}

/* -- what is looked at ------------------------------------------------------- */

uint64_t head(void)
{
	struct head h;

	return follower_head(eye, &h) ? h.height : 0;
}

uint64_t final(void)
{
	struct head h;

	return follower_final(eye, &h) ? h.height : 0;
}

bool on_chain(void)
{
	struct head h;

	return follower_head(eye, &h) && hash_same(&h.hash, &scene.chain->head->hash);
}

size_t count_told(enum tale tale, size_t from)
{
	size_t n = 0;

	for (size_t i = from; i < told_n; i++)
		n += told[i].tale == tale;
	return n;
}

const char *left_out(int node)
{
	const char *why = pool_node(pool, node)->left_out;

	return why ? why : "";
}

struct told *told_at(enum tale tale, uint64_t height)
{
	for (size_t i = told_n; i-- > 0;)
		if (told[i].tale == tale && told[i].height == height)
			return &told[i];
	return NULL;
}

/* -- what must always hold --------------------------------------------------- */

void check_told(void)
{
	static struct hash at[TOLD_MAX];
	static bool has[TOLD_MAX];
	uint64_t low = 0;

	memset(has, 0, sizeof has);
	for (size_t i = 0; i < told_n; i++) {
		const struct told *t = &told[i];

		assert_true(t->height < TOLD_MAX);
		switch (t->tale) {
		case ADOPTED:
			at[t->height] = t->hash;
			has[t->height] = true;
			break;
		case RETRACTED:
			for (uint64_t h = t->height + 1; h < TOLD_MAX; h++)
				has[h] = false;
			break;
		case FINAL:
			assert_true(has[t->height]);
			assert_true(hash_same(&at[t->height], &t->hash));
			assert_true(!low || t->height == low + 1);
			low = t->height;
			break;
		case UNDONE:
			low = t->height;
			break;
		case PASSED:
			assert_true(t->height > low);
			low = t->height;
			break;
		}
	}
}

void check_trail(void)
{
	struct sql_block_from_in in = { .chain = follower_chain(eye),
		.height = (int64_t) final() };
	struct sql_block_from_out row;
	uint8_t last[32] = { 0 };
	int64_t height = -1;

	sql_block_from_begin(scene.journal, &in);
	while (sql_block_from_next(scene.journal, &row)) {
		if (height >= 0) {
			assert_int_equal(row.height, height + 1);
			assert_memory_equal(row.parent, last, 32);
		}
		height = row.height;
		memcpy(last, row.hash, 32);
	}
	assert_int_equal(height, head());
}

void check_final_is_canonical(void)
{
	for (size_t i = 0; i < told_n; i++)
		if (told[i].tale == FINAL)
			assert_memory_equal(&told[i].hash,
			    &sim_block_at(scene.chain, scene.chain->head, told[i].height)
				 ->hash,
			    32);
}

void check_all(void)
{
	check_told();
	check_trail();
	check_final_is_canonical();
}
