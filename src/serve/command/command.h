/* command.h - the commands to an operation, a chain or a key, on an open journal.
 *
 * One function does each, whoever asks: the owner in a turn, for somebody on its socket,
 * and a command that owns the journal for itself. It decides and changes rows; the
 * commit is the caller's. A command that failed has changed nothing.
 */
#ifndef PAWL_SERVE_COMMAND_COMMAND_H
#define PAWL_SERVE_COMMAND_COMMAND_H

#include "engine/engine.h"
#include "engine/repair.h"
#include "kinds/node/state/book.h"
#include "serve/request/request.h"

/* What the program around it lends: config and keys. */
struct serve_face {
	void *ctx;
	const struct kind *const *kinds;
	int kinds_n;
	/* The config's chain of a row in the journal, and by name. fails: CONFIG. */
	enum err (*chain)(void *ctx, struct journal *j, int64_t chain,
	    const struct chain_config **ret, struct fail *f);
	enum err (*chain_named)(
	    void *ctx, const char *name, const struct chain_config **ret, struct fail *f);
	/* The config's chains, from 0 on; NULL: none. fails: NOT_FOUND (no more), CONFIG.
	 */
	enum err (*chain_at)(
	    void *ctx, int at, const struct chain_config **ret, struct fail *f);
	/* The address of a key, if nobody must be asked for it. fails: CONFIG, KEY. */
	enum err (*key_peek)(
	    void *ctx, const char *name, struct address *ret, struct fail *f);
	/* Can this process sign with the key by this name, without asking anybody, and is
	 * its address this one? fails: KEY, CONFIG, with what to do. */
	enum err (*key_usable)(
	    void *ctx, const char *name, const struct address *address, struct fail *f);
	/* Can messages leave by this channel, and to there? fails: CONFIG, USAGE, with
	 * what to do. NULL: they can't. */
	enum err (*channel_ready)(
	    void *ctx, const char *channel, const char *target, struct fail *f);
	/* Has somebody the state of a new anchor of a layer 2, or that of a peg-out?
	 * NULL: nobody. fails: INPUT; NO_QUORUM: it is looked up, ask again. */
	book_rooted_fn *rooted;
	enum book_chain node_chain; /* as the config has it */
	/* Why an operation does not go on by itself; OK: it does, or has ended. o as read
	 * from the journal will do. */
	enum err (*stuck)(
	    void *ctx, struct runner *r, const struct operation *o, struct fail *f);
};

struct command_at {
	struct world *world;
	struct journal *journal;
	struct runner *runner; /* the owner's; NULL: it is owned for this alone */
	const struct serve_face *face;
};

#define TOLD_UNREACHED_MAX 1024
#define TOLD_THEN_MAX (OPERATION_NAME_MAX + 120)

/* What came of it. */
struct told {
	int64_t operation; /* 0: of a chain or key */
	char name[OPERATION_NAME_MAX];
	int state;
	/* of a run: the rows of its plan, and those that are there */
	int64_t rows, imported;
	int64_t retried;                /* rows */
	int64_t subscribers, suspended; /* that will hear what is told; that won't */
	int64_t tracked, fresh;         /* of transactions that are followed */
	/* chains on which a hash is not looked for, a name a line: no node of theirs ever
	 * answered */
	char unreached[TOLD_UNREACHED_MAX];
	int64_t known;                 /* changes that were done before; fresh: now */
	int64_t change;                /* the newest of these; 0: there was none */
	bool moved;                    /* false: what was asked for is so already */
	char accepted[WAITS_MAX + 96]; /* why the account was stopped; "": it was not */
	/* of a repair: what it went by, and the line to type next ("": none) */
	char checked[REPAIR_CHECKED_MAX], then[TOLD_THEN_MAX];
};

/* A number from 1 on, and nothing else. */
bool command_id(const char *word, int64_t *ret);

/* Before that, and whatever comes of it, for a route that is a command: what it looks at
 * is in the owner's memory, and followed. Nothing that this does is undone with a command
 * that is refused, and a command that is refused has loaded nothing. */
void command_prepare(const struct command_at *at, const struct request *q);

/* q: of a route that is a command (CHECK). fails: NOT_FOUND, CONFLICT, CONFIG, INPUT;
 * NO_QUORUM: the nodes have not said yet what is needed, ask again. */
NODISCARD enum err command_do(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f);

/* A request of any route that changes something, as a fact of the runner's turn: its rows
 * and effects live and die together. fails: what do_it fails with. */
typedef enum err request_fn(void *ctx, const struct command_at *at, struct fail *f);
NODISCARD enum err command_whole(const struct command_at *at, const struct request *q,
    request_fn *do_it, void *ctx, struct fail *f);

/* By its name, else by its id. fails: NOT_FOUND. */
NODISCARD enum err command_operation(
    struct journal *j, const char *word, struct operation *ret, struct fail *f);

/* The fence of an account that is under way; of several one that waits for somebody, if
 * one does. false: there is none. */
bool command_fence(struct journal *j, int64_t account, struct operation *ret);
/* It waits for the operator, and an operation of its account for it: why, with the line
 * to type. */
bool command_fence_stuck(struct journal *j, const struct operation *o, char *why,
    size_t size, struct operation *ret);

/* Who is named in a run hears of the operation; text: CHANNEL:TARGET, a line each. fails:
 * USAGE, CONFIG. */
NODISCARD enum err command_notify(
    const struct command_at *at, int64_t operation, const char *text, struct fail *f);

/* The cap that a request names, in base units of the coin of the account's chain. fails:
 * USAGE. */
NODISCARD enum err command_cap(
    struct amount *ret, const struct request *q, const struct account *a, struct fail *f);

/* As the owner's runner has it; a chain that it did not have yet comes to it. */
struct chain_run *command_chain(struct runner *r, const struct chain_config *config);

/* Keys that sign nothing: what is loaded with them is only looked at. */
extern const struct keyring_face command_no_keys;

#endif
