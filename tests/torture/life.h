/* life.h - the stage on which the program is tortured, and one life on it.
 *
 * The stage lies in shared memory: a disk that forgets (lossy.h), a simulated chain with
 * its nodes, and the notes that lives leave for their judge. A life is a forked process
 * that owns the journal, makes the operation if it is not there yet, and turns until the
 * operation has ended, or until its death.
 */
#ifndef PAWL_TESTS_LIFE_H
#define PAWL_TESTS_LIFE_H

#include "base/crash.h"
#include "engine/operation.h"
#include "kinds/airdrop/airdrop.h"
#include "lossy.h"
#include "sim/oracle.h"
#include "sim/world.h"

#define ROWS_MAX 4200
#define NODES_MAX 3

/* How a life ended: its exit code. Dead by crash point or disk: LOSSY_DEATH. */
enum life_end {
	LIFE_DONE = 0,
	LIFE_WRONG = 96,  /* it saw something that must not be: told->why */
	LIFE_JOURNAL = 97 /* the journal ended it: told->err, told->why */
};

/* What lives tell, and what the director remembers; no death takes it away. */
struct told {
	uint64_t points, die_at; /* crash points reached in this life; 0: it lives */
	uint64_t reached[CRASH_COUNT];
	int64_t commits; /* of those that were answered with OK */
	int64_t epoch;
	bool created;
	int acts; /* of the scenario, behind us */
	uint64_t act_height;
	enum err err;
	char why[1200];
	/* of the ended operation */
	int state;
	struct amount fees_final;
	bool paid[ROWS_MAX + 1], fee_paid; /* by the journal's word */
};

struct stage;

/* A world: what is paid, and what happens meanwhile. */
struct scenario {
	const char *name;
	int rows;
	bool token;
	enum sim_token_kind token_kind;
	uint64_t service_fee;
	uint32_t nodes; /* default 1 */
	int quorum;     /* default 1 */
	bool cancelled; /* the operation ends so */
	bool signs_nothing;
	int acts; /* that must have happened in a life without death */
	uint32_t per_mille[SIM_FAULT_COUNT];
	/* To the chain; before each event of the world. NULL: nothing. */
	void (*direct)(struct stage *s);
	/* By the operator; before each turn with a loaded operation. */
	void (*command)(struct stage *s, struct runner *r, struct operation *o);
};

extern const struct scenario scenarios[];
extern const size_t scenarios_n;

struct stage {
	const struct scenario *scenario;
	uint64_t seed;
	struct lossy *disk;
	void *region; /* of the chain */
	struct sim_chain *chain;
	struct sim_node *nodes[NODES_MAX];
	struct sim_token *token;
	struct told *told;
	struct secret *key;
	struct address sender, fee_to;
	int list_fd;
	char list[64]; /* the file */
	int64_t rows;
	struct address to[ROWS_MAX + 1]; /* from 1 on */
	struct amount amount[ROWS_MAX + 1];
	struct node_config endpoints[NODES_MAX];
	struct chain_config config;
};

/* Once per process and scenario: keys, the list's file. */
void stage_open(struct stage *s, const struct scenario *scenario, uint64_t seed);
void stage_close(struct stage *s);
/* An empty disk, a fresh chain, nobody has lived. */
void stage_reset(struct stage *s, uint64_t disk_seed);

/* In the child. Creates the journal first if told to; then whatever was armed counts. */
struct armed {
	bool create;
	int64_t point, op, sync; /* die at the n-th; 0: not by this */
};
NORETURN void life_live(struct stage *s, const struct armed *death);

#endif
