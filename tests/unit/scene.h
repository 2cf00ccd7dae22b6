/* scene.h - a chain, its nodes, a journal and a world for a test of what follows and
 * pays. Everything lies in this process: the chain is simulated, the disk is the one
 * that forgets (sim/disk/disk.h), time is virtual. Blocks come when the test says
 * so. The program under test can rest and rise again over the same journal and chain.
 */
#ifndef PAWL_TESTS_SCENE_H
#define PAWL_TESTS_SCENE_H

#include "chain/config.h"
#include "journal/journal.h"
#include "sim/chain/mempool.h"
#include "sim/world/sim_world.h"

#define SCENE_NODES 5
#define SCENE_DEPTH 3
#define GWEI 1000000000ull

struct scene {
	struct sim_chain *chain;
	struct sim_node *node[SCENE_NODES];
	uint32_t nodes;
	struct node_config endpoints[SCENE_NODES];
	struct chain_config config;
	struct journal *journal;
	struct world *world;
	struct secret *key;
	struct address sender; /* of the key; it has 100 coins */
};

/* Ten blocks, an empty journal that is owned, a world. One scene at a time. */
void scene_open(struct scene *s, uint32_t nodes, int quorum);
void scene_close(struct scene *s);

/* The program ends, and starts again: another owner of the same journal, another world
 * over the same chain. Whoever borrowed journal or world is freed between the two
 * (scene_rest frees the world first). */
void scene_rest(struct scene *s);
void scene_rise(struct scene *s);

/* At rest: the disk is empty, and a journal is made there anew. */
void scene_anew(struct scene *s);
/* All that is on the disk, as a snapshot of a machine has it; and back, at rest. */
void scene_keep(struct scene *s);
void scene_put_back(struct scene *s);

void scene_mine(struct scene *s, uint64_t blocks);
uint64_t scene_height(const struct scene *s);
/* Another program spends with the key, in the next block unless it waits in the pool. */
struct sim_tx *scene_spend(struct scene *s, uint64_t nonce, const struct address *to,
    uint64_t amount, uint64_t max_fee);
uint64_t scene_requests(const struct scene *s); /* HTTP, of all nodes, ever */
uint64_t scene_calls(const struct scene *s);    /* RPC calls, likewise */

/* How many lines of a log have this text; the last of them (may be NULL). */
size_t scene_logged(const char *path, const char *text, char last[512]);

#define assert_says(text, part)                                             \
	do {                                                                \
		if (!strstr(text, part))                                    \
			fail_msg("\"%s\" does not say \"%s\"", text, part); \
	} while (0)

/* What to say of the program when nothing happens any more, and the test stops. */
void scene_say(const char *(*what)(void *ctx), void *ctx);

#endif
