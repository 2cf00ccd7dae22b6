/* account.h - an account: what the chain says of it, and what it may do next. */
#ifndef PAWL_ENGINE_ACCOUNT_H
#define PAWL_ENGINE_ACCOUNT_H

#include "engine/engine.h"

/* From the journal; the caches start empty. */
struct account *account_load(struct runner *r, struct chain_run *c, int64_t id);
void account_free(struct account *a);
/* One that is used from now on, though it has no operation yet: its past is read. NULL:
 * the journal does not know it. */
struct account *account_begin(struct runner *r, struct chain_run *c, int64_t id);
/* An operation of its is loaded: its key is looked for, its limits are journaled in
 * its next turn. */
void account_use(struct runner *r, struct account *a);
struct account *account_of(struct runner *r, int64_t id); /* NULL: not loaded */

/* key.c. It is to be moved on now: its key is asked for. */
void account_key(struct runner *r, int64_t id);
void account_key_take(struct runner *r, struct account *a);
/* Another name of its key is journaled: in a turn of its own, since a command that is
 * refused drops what it wrote. */
void account_name_put(struct runner *r, struct account *a);

/* nonce.c. The next nonce: above all that the journal knows and above the agreed count,
 * or the lowest hole: a nonce that a stranger had until its block vanished. */
uint64_t account_next_nonce(struct runner *r, struct account *a);
uint64_t account_above(struct runner *r, struct account *a); /* holes are not looked at */

/* A hole under live intents: what fills it when there is nothing to pay, and for which
 * operation; NULL: there is none. */
struct operation *account_hole(struct runner *r, struct account *a, struct offer *ret);

/* Are its figures those of a block at most so far below the heads of a quorum? What is
 * not read yet may hold uses of its nonces. */
bool account_abreast(const struct account *a, int blocks);

/* May something new be reserved on it now? else why not, for status (static text or
 * owned by a). */
bool account_reserves(struct runner *r, struct account *a, const char **ret_why);

/* What keeps even its fence from taking a nonce now; NULL: nothing. As above. */
const char *account_keeps_back(struct runner *r, struct account *a);

/* Level-triggered, each turn: figures of the agreed block, judgement, reservations. */
void account_turn(struct runner *r, struct account *a);
void account_fill(struct runner *r, struct account *a);

/* What the follower tells (attempt.c moves the attempts). */
void account_adopted(
    struct runner *r, struct account *a, const struct block_facts *b, uint32_t at);
void account_retracted(struct runner *r, struct account *a, uint64_t above);

/* stop.c. Stop new intents on it; a resume accepts what is seen up to now. */
void account_stop(struct runner *r, struct account *a, const char *why);
/* What was written of that was rolled back: as the journal has it. */
void account_stop_reread(struct runner *r, struct account *a);
/* If it is stopped, the line to type names its key as it is called now. */
void account_stop_renamed(struct runner *r, struct account *a);
/* The operator knows of all foreign use up to now. */
void account_accept(struct runner *r, struct account *a);
void account_resume(struct runner *r, struct account *a);

/* send.c */
void account_send(struct runner *r, struct account *a);
void account_send_again(
    struct account *a, uint64_t from); /* all nodes, from this nonce on */
/* bump.c */
void account_bump(struct runner *r, struct account *a);

#endif
