/* life.h - the stage on which the program is tortured, and one life on it.
 *
 * The stage lies in shared memory: a disk that forgets (sim/disk/disk.h), a simulated
 * chain with its nodes, and the notes that lives leave for their judge. A life is a
 * forked process that owns the journal, makes the operation if it is not there yet, and
 * turns until the operation has ended, or until its death.
 */
#ifndef PAWL_TESTS_LIFE_H
#define PAWL_TESTS_LIFE_H

#include <semaphore.h>
#include <sys/types.h>

#include "base/crash.h"
#include "engine/operation.h"
#include "kinds/airdrop/airdrop.h"
#include "sim/disk/disk.h"
#include "sim/judge/oracle.h"
#include "sim/story/lender.h"
#include "sim/world/sim_world.h"

#define ROWS_MAX 4200
#define NODES_MAX 3
#define LISTS_MAX 2
#define KEYS_MAX 2
#define STAGE_REVISED 5 /* the row that is another one in a list that was revised */

/* How a life ended: its exit code. */
enum life_end {
	LIFE_DONE = 0,
	LIFE_COPIED = 93,  /* it stopped, for a copy to be made of its journal */
	LIFE_STOPPED = 94, /* of two copies that run: its account is stopped */
	LIFE_FULL = 95,    /* it could not even start: the disk is full */
	LIFE_WRONG = 96,   /* it saw something that must not be: told->why */
	LIFE_JOURNAL = 97, /* the journal ended it: told->err, told->why */
	LIFE_DIED = 99     /* by crash point or disk */
};

/* In the child: it dies at the n-th, or turns into two; 0: not by this. */
struct armed {
	int64_t point, op, sync;
	/* from the turn after that op: a copy of the process stands still; it ends */
	int64_t freeze, copy;
};

/* What lives tell, and what the director remembers; no death takes it away. */
struct notes {
	uint64_t points, die_at; /* crash points reached in this life; 0: it lives */
	uint64_t reached[CRASH_COUNT];
	int64_t commits; /* of those that were answered with OK */
	int64_t epoch;
	bool listed; /* the journal has all lists */
	bool older;  /* the journal was put back from a copy: it has forgotten things */
	bool doubts; /* and the next life is to find that out */
	bool lost;   /* it was lost, and made anew */
	int64_t resumed, repaired; /* by the operator */
	int64_t row;               /* that is handed over next; 0: he has to ask */
	bool by_hand;              /* the last row is paid so */
	bool skipped, released;    /* by somebody who repairs */
	int64_t stops;             /* of two that run, because of each other */
	pid_t frozen;              /* a life that stands still; 0: none */
	struct armed thawed;       /* how it dies, when it goes on */
	sem_t kept, thaw;
	bool created[LISTS_MAX];
	int acts; /* of the scenario, behind us */
	uint64_t act_height;
	int vanished;    /* the act by which final blocks vanished */
	bool event;      /* of the scenario, by the journal's word */
	int64_t dropped; /* turns, for the disk was full */
	enum err err;
	char why[1200];
	struct amount fence_fees[KEYS_MAX]; /* of each key's fences, which are no lists */
	/* of each ended operation */
	struct told_list {
		int state;
		struct amount fees_final;
		bool paid[ROWS_MAX + 1], fee_paid; /* by the journal's word */
	} list[LISTS_MAX];
};

struct stage;
struct desk;
struct request;
struct told;

/* A world: what is paid, and what happens meanwhile. */
struct scenario {
	const char *name;
	int rows;  /* of each list */
	int lists; /* default 1 */
	int keys;  /* default 1; list k is paid with key k % keys */
	bool token;
	enum sim_token_kind token_kind;
	uint64_t service_fee;
	uint32_t nodes; /* default 1 */
	int quorum;     /* default 1 */
	bool is_free;   /* the chain has no fees, and so nothing a tag */
	bool cancelled; /* the operation ends so */
	bool forgets;   /* the journal may be put back from an older copy */
	bool copied;    /* two copies of the journal run at once, on one chain */
	bool sets_back; /* the machine is, on its way, and nobody says so */
	bool unordered; /* then rows may get other nonces: which list is first is luck */
	bool thaws;     /* and with its memory */
	bool loses;     /* each story begins with a journal that is lost on its way */
	bool revised;   /* and what is paid then is another list, with nearly its rows */
	bool handed;    /* the second list comes over the socket */
	bool mended;    /* rows are repaired, one is paid by hand */
	bool operated;  /* by somebody at its socket, see desk.h */
	bool fills;     /* the disk: a turn may be dropped, a start refused */
	bool signs_nothing;
	int acts;          /* that must have happened in a life without death */
	const char *event; /* `to` of one that must then be in the journal; NULL: none */
	uint32_t per_mille[SIM_FAULT_COUNT];
	/* To the chain; before each event of the world. NULL: nothing. */
	void (*direct)(struct stage *s);
	/* By the operator; before each turn, for each loaded operation. */
	void (*command)(struct stage *s, struct runner *r, struct operation *o);
	/* Does `advance` of this operation fail, after all that it did? NULL: never. */
	bool (*breaks)(struct stage *s, const struct operation *o);
	/* Does its process end here, and rise again? NULL: never. */
	bool (*leaves)(const struct stage *s, struct journal *j);
	/* By somebody at the socket, and what he was answered. NULL: nobody. */
	void (*asks)(struct stage *s, struct desk *d, struct runner *r);
	void (*answered)(struct stage *s, const struct request *q, enum err e,
	    const struct told *told);
};

extern const struct scenario scenarios[];
extern const size_t scenarios_n;

/* A list of payments: an operation each. */
struct stage_list {
	const char *name;
	const struct sim_key *key;
	struct address fee_to;
	int fd;
	char path[64];
	struct address to[ROWS_MAX + 1]; /* from 1 on */
	struct amount amount[ROWS_MAX + 1];
};

/* Two lives in one time: who has something to do next is awake, the other one waits. */
struct baton {
	sem_t go[2];
	int64_t due_ms[2];
	bool alive[2];
};

struct stage {
	const struct scenario *scenario;
	uint64_t seed;
	struct sim_disk *disk;
	void *region; /* of the chain */
	struct sim_chain *chain;
	struct sim_node *nodes[NODES_MAX];
	struct sim_token *token;
	struct notes *told;
	/* of the copy, where two run; and who of them this process is */
	struct sim_disk *disk_of_copy;
	struct notes *told_of_copy;
	struct baton *baton;
	int me;
	struct sim_key key[KEYS_MAX];
	int keys;
	struct sim_lender lender;
	int64_t rows; /* of each list */
	struct stage_list all[LISTS_MAX];
	int lists;
	struct node_config endpoints[NODES_MAX];
	struct chain_config config;
};

/* The k-th list that is paid now: of a journal that was lost it may be another one. */
const struct stage_list *stage_list(const struct stage *s, int k);
/* Once per process and scenario: keys, the list's file. */
void stage_open(struct stage *s, const struct scenario *scenario, uint64_t seed);
void stage_close(struct stage *s);
/* An empty disk, a fresh chain, nobody has lived. */
void stage_reset(struct stage *s);
/* In a child that was just forked: what the stage shares is at hand, page by page. */
void stage_warm(struct stage *s);
/* In the child that is to be the copy's: its disk and its notes are the stage's. */
void stage_be_copy(struct stage *s);

/* What `run` finds out of a list. */
void life_plan(const struct stage *s, const struct stage_list *l, struct list_sum *sum,
    uint8_t plan[32]);
void life_facts(
    const struct stage *s, const struct stage_list *l, struct airdrop_facts *ret);

/* In the child: makes the journal, and that is all. */
NORETURN void life_make(struct stage *s);

/* In the child. */
NORETURN void life_live(struct stage *s, const struct armed *death);

#endif
