/* money.h - what an attempt may cost, and what is held for it: the account's balance, the
 * operation's cap (G10), the caps per gas. Figures only; what moves is written by whoever
 * reserves, bumps or settles. */
#ifndef PAWL_ENGINE_MONEY_H
#define PAWL_ENGINE_MONEY_H

#include "engine/intent.h"

/* What is held for an attempt: room for one bump and an empty one over that; where the
 * cap has not so much left, for an empty one over itself; or for itself alone. */
enum hold { HOLD_RESERVE, HOLD_EMPTY, HOLD_ITSELF };

struct amount money_to_hold(
    const struct chain_run *c, const struct fees *fees, enum hold what);

/* What the intent holds once an attempt at these fees is signed; that of a fence holds
 * itself alone. false: the cap has no room for it. */
bool money_held_with(struct amount *ret, const struct chain_run *c,
    const struct operation *o, const struct intent *i, const struct fees *fees,
    bool empty);

/* What an attempt of this intent may cost: what it holds, and what the cap has left. */
struct amount money_room(const struct operation *o, const struct intent *i);

/* The highest fee per gas at which this fits the room. */
uint64_t money_fee_within(const struct chain_run *c, const struct amount *room,
    const struct fees *like, enum hold what);

/* Whether the operation's cap still covers it when `held` takes the place of `was`. */
bool money_cap_covers(
    const struct operation *o, const struct amount *was, const struct amount *held);

/* Of the operation's sum of what is held. */
void money_move(const struct runner *r, struct operation *o, const struct amount *was,
    const struct amount *held);

/* Held at once: the next one of this turn must not spend the same room again. */
void money_hold(struct runner *r, struct operation *o, const struct intent *i,
    const struct amount *held);

/* value + gas * max fee: what these bytes could take from the account. false:
 * overflow. */
bool money_cost(struct amount *ret, const struct payload *p, const struct fees *fees);

/* Whether the account has it besides all that is live, its tokens included; and takes
 * it. */
bool money_covers(struct account *a, const struct payload *p, const struct amount *cost);
void money_take(struct account *a, const struct payload *p, const struct amount *cost);

/* Does the agreed block's balance not even pay for the lowest live transaction, which
 * keeps back all above it? Then how much is missing for what is live. */
bool money_short(const struct account *a, struct amount *ret_lack);

/* What replaces anything that this journal's program could have signed. */
uint64_t money_fee_ceiling(const struct account *a);

/* The highest fee per gas for it: the configured one, and for a fence the ceiling. */
uint64_t money_fee_cap(const struct account *a, const struct operation *o);

/* Both fields twice as high, or what the day asks for, each at most the cap. false: they
 * are there already. */
bool money_fees_doubled(
    struct fees *ret, const struct fees *old, const struct fee_market *m, uint64_t cap);

/* The fees of a first attempt today, at most `cap` per gas, with the tag of its row. */
void money_first_fees(struct fees *ret, struct account *a, struct operation *o,
    int64_t row, uint64_t gas, uint64_t cap);

#endif
