/* fate.h - all that will happen in a story: drawn from its seed before it begins, or
 * written down for a named scenario.
 *
 * The world (rows, nodes, fees), the chances of what happens by itself, and a schedule:
 * the acts of chain, disk, process and people, each at its time. What is drawn per story
 * is also which sorts of act there are at all and how often, so that rare ones meet.
 */
#ifndef PAWL_SIM_FATE_H
#define PAWL_SIM_FATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sim/world/sim_world.h"

#define SIM_ROWS_MAX 400 /* of a list */
#define SIM_LISTS_MAX 24
#define SIM_KEYS_MAX 2
#define SIM_NODES_MAX 5
#define SIM_WEBHOOKS 3 /* receivers; those behind them are chats */
#define SIM_CHATS 3
#define SIM_RECEIVERS_MAX (SIM_WEBHOOKS + SIM_CHATS)

enum sim_act_kind {
#define ACT(name, ...) SIM_##name,
#include "sim/story/acts.def"
#undef ACT
	SIM_ACTS
};

struct sim_act {
	int64_t at_ms; /* since the story began */
	enum sim_act_kind kind;
	int64_t a, b, c;
	uint32_t number; /* in the whole schedule, from 1 on */
};

struct sim_fate {
	uint64_t seed;

	/* the world */
	int rows, lists, keys;
	bool token;
	enum sim_token_kind token_kind;
	uint64_t service_fee; /* of each list; 0: none */
	bool apart;           /* each node has a pool of its own */
	uint32_t hidden;      /* whose pool is shown to nobody, a bit each */
	uint32_t nodes, own; /* own: so many with a provider each; the others share one */
	int quorum;
	uint32_t liars; /* who may say what is not so, a bit each: no quorum */
	uint64_t depth; /* of finality */
	bool by_tag;    /* and the nodes say so: finality is their tag */
	int64_t interval_ms, poll_ms;
	int64_t hedge_ms; /* 0: a node that is late is waited for */
	int in_flight, bump_after;
	bool is_free, legacy;
	bool run;                /* a process moves on what it was asked to run alone */
	bool poor;               /* the accounts get their coin by an act */
	int64_t wallets, refuse; /* recipients with code, of each list; that revert */
	uint64_t base_fee, gas_limit;
	int64_t covered;  /* payments that a list's cap on fees is for; 0: it is ample */
	uint64_t max_fee; /* per gas, that the configuration allows; 0: ample */
	int64_t latency_ms;
	int64_t counted;  /* pieces of a journal in a turn, by who recounts it; 0: many */
	int64_t work_ms;  /* of a signature, at most; 0: next to none */
	int64_t stuck_ms; /* in one stage; then subscribers are told of it */
	int64_t keep_ms;  /* what ended, in the journal; 0: for ever */
	int64_t archive_depth; /* in blocks below the final one (archiver.h) */

	int64_t calm_ms; /* then what lasts is over, and nothing new begins */

	struct sim_act *acts; /* by time; owned */
	size_t acts_n;
};

/* The story of a seed. days 0: a short one. */
void sim_fate_draw(struct sim_fate *ret, uint64_t seed, int days);
void sim_fate_copy(struct sim_fate *ret, const struct sim_fate *from);
void sim_fate_add(struct sim_fate *f, struct sim_act act); /* at its place in time */
void sim_fate_release(struct sim_fate *f);
/* What people order belongs to the world: it can't be left out. */
bool sim_act_is_fault(const struct sim_act *a);
/* Without the faults that are not kept; keep is by their numbers, keep[0] unused. */
void sim_fate_keep(struct sim_fate *f, const bool *keep);
/* Without who hears of it, and all that was drawn for that; false: nobody does. */
bool sim_fate_unheard(struct sim_fate *f);

/* "17 die-op n=17 power=loses-last": its number, what it is, its parameters. */
void sim_act_format(struct buf *out, const struct sim_act *a);
const char *sim_act_name(enum sim_act_kind kind);
/* The numbers of its faults, as sim_fate_keep knows them: "3,7,12". */
void sim_fate_numbers(struct buf *out, const struct sim_fate *f);

#endif
