/* Nodes that refuse what is asked, or invent more than anybody can hold: neither makes
 * the program ask without a pause, nor grow. */
#include "chain/follower/follower_in.h"
#include "watcher.h"

#define LIAR_BASE_FEE 666

static uint64_t invented;
static struct hash asked; /* the last by its hash */

/* A hash of its own making, that tells its height. */
static void invent(struct hash *h, uint64_t height)
{
	memset(h->at, 0x66, sizeof h->at);
	memcpy(h->at, &height, sizeof height);
	memcpy(h->at + 8, &(uint64_t){ ++invented }, sizeof(uint64_t));
}

static enum err invented_poll(
    struct head *ret, const char *answer, size_t len, struct fail *f)
{
	enum err e = connector_evm.poll_read(ret, answer, len, f);

	if (!e && ret->base_fee == LIAR_BASE_FEE) {
		invent(&ret->hash, ret->height);
		invent(&ret->parent, ret->height - 1);
	}
	return e;
}

static void asked_header(struct buf *body, const struct hash *hash)
{
	asked = *hash;
	connector_evm.header(body, hash);
}

static enum err invented_headers(struct head *ret, bool *ret_known, uint32_t n,
    const char *answer, size_t len, struct fail *f)
{
	enum err e = connector_evm.headers_read(ret, ret_known, n, answer, len, f);

	if (!e && n == 1 && !ret_known[0] && asked.at[16] == 0x66) {
		ret_known[0] = true;
		ret[0].hash = asked;
		memcpy(&ret[0].height, asked.at, sizeof ret[0].height);
		invent(&ret[0].parent, ret[0].height - 1);
		return e;
	}
	for (uint32_t i = 0; !e && i < n; i++)
		if (ret_known[i] && ret[i].base_fee == LIAR_BASE_FEE) {
			invent(&ret[i].hash, ret[i].height);
			invent(&ret[i].parent, ret[i].height - 1);
		}
	return e;
}

static int64_t asked_of(int node, int64_t ms)
{
	int64_t n = pool_node(pool, node)->asked;

	run(ms);
	return pool_node(pool, node)->asked - n;
}

/* A poll a second, and with it what it refused, for three blocks. */
static void who_shows_no_block_is_asked_with_its_polls(void **state)
{
	(void)state;
	begin_looking(3, 2);
	scene.node[0]->receipts = SIM_RECEIPTS_NULL;
	live(SCENE_DEPTH);
	assert_in_range(asked_of(0, 20000), 20, 5 * 20);
	scene.node[0]->receipts = SIM_RECEIPTS_TRUE;
	live(SCENE_DEPTH + 17);
	assert_string_equal(left_out(0), "");
}

static enum err no_identity(
    struct identity *ret, const char *answer, size_t len, struct fail *f)
{
	(void)ret, (void)answer, (void)len;
	return fail_set(f, ERR_NODE_REFUSED, "the node says: no such project");
}

static void who_does_not_say_who_it_is_is_asked_with_pauses(void **state)
{
	static struct connector bent;

	(void)state;
	bent = connector_evm;
	bent.identity_read = no_identity;
	connector = &bent;
	begin(1, 1);
	look();
	assert_in_range(asked_of(0, 20000), 15, 21);
	connector = &connector_evm;
}

static void invented_headers_fill_no_memory(void **state)
{
	static struct connector bent;

	(void)state;
	bent = connector_evm;
	bent.poll_read = invented_poll;
	bent.headers_read = invented_headers;
	bent.header = asked_header;
	connector = &bent;
	begin(3, 2);
	scene.config.finality.depth = 200;
	look();
	run(3000);
	scene_mine(&scene, 210);
	run(10000);
	assert_int_equal(final(), scene_height(&scene) - 200);
	scene.node[0]->base_fee = LIAR_BASE_FEE;
	scene_mine(&scene, 1);
	run(20000);
	assert_in_range(asked_of(0, 20000), 20, 10 * 21);
	assert_in_range(eye->seen_n, 200, 5 * (WINDOW + 1));
	live(3);
	assert_int_equal(final(), scene_height(&scene) - 200);
	assert_true(on_chain());
	check_all();
}

/* Its heads are made up, and it has the final block: the kept ones are asked for with its
 * polls. */
static void who_invents_is_asked_once_for_what_it_has(void **state)
{
	uint64_t *n;

	(void)state;
	begin(3, 2);
	look();
	scene_mine(&scene, 300);
	run(20000);
	n = &scene.node[0]->calls[SIM_eth_getBlockByNumber];
	scene.node[0]->invents = 1;
	run(20000);
	*n = 0;
	run(20000);
	assert_in_range(
	    *n, 20, 21 * ((uint64_t)scene.config.batch + 4 + 2 * SCENE_DEPTH));
	assert_says(left_out(0), "forks below the final block");
	scene.node[0]->invents = 0;
	live(3);
	assert_string_equal(left_out(0), "");
	check_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(who_shows_no_block_is_asked_with_its_polls),
		T(who_does_not_say_who_it_is_is_asked_with_pauses),
		T(invented_headers_fill_no_memory),
		T(who_invents_is_asked_once_for_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
