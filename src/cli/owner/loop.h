/* loop.h - own the journal, and turn until something ended.
 *
 * What `run`, `cancel` and `serve` share. The loop owns the world, the journal and the
 * runner; nothing that it holds needs an orderly end. A disk that is full drops the
 * runner, and another one is made when there may be room again.
 */
#ifndef PAWL_CLI_OWNER_LOOP_H
#define PAWL_CLI_OWNER_LOOP_H

#include "cli/cli.h"
#include "cli/owner/channels.h"
#include "cli/owner/progress.h"
#include "kinds/node/judge/rooted.h"
#include "serve/serve.h"
#include "serve/vital/notify.h"

struct l2_node;

struct loop {
	struct cli *cli;
	struct world *world;
	struct journal *journal;
	struct runner *runner; /* after loop_start */
	struct runner_setup setup;
	struct retention retention[4];
	struct progress progress;
	struct l2_rooters rooters;
	struct tell *tell; /* the runner's */
	struct channels channels;
	struct track *track;  /* the same */
	struct l2_node *node; /* the same; NULL: the config has none */
	int node_folder; /* of `serve` alone: its lock, let go before the journal's; -1 */
	struct track_config tracking;
	struct door door;
	struct listener listener; /* of `serve` alone: before loop_listen */
	struct gate *gate;        /* the loop's */
	struct serve *serve;      /* after loop_listen; NULL: nobody is let in */
	struct serve_face face;
	int64_t since_wall_ms;
	struct config *reloaded; /* what the cli's config points to since a reload */
	struct notify notify;    /* of `serve` alone, else silent */
};

/* NULL: there is no such kind of operation. */
const struct kind *loop_kind(const char *name);

/* World and journal, owned. fails: OWNED, NO_JOURNAL, NEWER_JOURNAL, DAMAGED, and as
 * cli_keyring. l is valid for loop_close in any case. */
NODISCARD enum err loop_open(struct loop *l, struct cli *c, struct fail *f);
void loop_close(struct loop *l);

/* Let others in by the journal's socket. Where that can't be made it is warned of, and
 * nothing else depends on it. */
void loop_listen(struct loop *l);

/* The runner. only: the operation to advance with whatever shares its account; 0: all;
 * LOOP_NONE: none until loop_take. chains are borrowed. */
#define LOOP_NONE (-1)
void loop_start(
    struct loop *l, const struct chain_config *chains, int chains_n, int64_t only);

/* Turn until the only chain is known to the journal. fails: NO_QUORUM after 30 s. */
NODISCARD enum err loop_chain(struct loop *l, int64_t *ret, struct fail *f);

/* Turn until all is read that an account did before the journal knew it, and tell how far
 * that is; *ret_unread of its transactions lie too far back. fails: NO_QUORUM when
 * nothing came for 30 s. */
NODISCARD enum err loop_past(
    struct loop *l, int64_t account, uint64_t *ret_unread, struct fail *f);

/* An operation that came while the runner turns, and those that share its account. */
void loop_take(struct loop *l, int64_t operation);

/* One turn, and whatever arrives within so long: for somebody who waits for a person
 * meanwhile. fails: STOPPED. */
NODISCARD enum err loop_step(struct loop *l, int64_t ms, struct fail *f);

/* Turn until the operation ended (OK), or nothing goes on by itself: OPERATOR with the
 * line to type, also where it is paused; STOPPED after a signal. */
NODISCARD enum err loop_operation(struct loop *l, int64_t operation, struct fail *f);

/* Turn until all subscribers of an operation (0: of whatever) have heard what is due, but
 * not for long; says what is left. */
void loop_deliver(struct loop *l, int64_t operation);

/* One turn, or a pause where the disk is full; and whatever arrives until then, or comes
 * due. fails: STOPPED. */
NODISCARD enum err loop_turn(struct loop *l, struct fail *f);
void loop_wait(struct loop *l, int64_t until_ms);

/* How long what ended is kept; of what is looked at next on. */
void loop_retention(struct loop *l, const struct retention_config *c);

/* When a transaction that is followed expires, and what is told of it on its way. */
void loop_tracking(struct loop *l, const struct track_keys *k);

/* tell.stuck_after is another one from now on. */
void loop_stuck_after(struct loop *l, int64_t ms);

/* Why an operation does not go on by itself; OK: it does, or has ended. o as read from
 * the journal will do. */
NODISCARD enum err loop_stuck(struct loop *l, const struct operation *o, struct fail *f);

#endif
