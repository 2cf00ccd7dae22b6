#include "kinds/node/anchor/missed.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/mutant.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/anchor/pegin_tx.h"

bool missed_next(struct journal *j, struct missed_run *ret)
{
	struct sql_node_missed_next_out row;

	if (!sql_node_missed_next_one(j, &row))
		return false;
	*ret = (struct missed_run){ .top = (uint64_t)row.top,
		.bottom = (uint64_t)row.bottom,
		.has_reorg = !row.no_reorg,
		.reorg = row.reorg };
	memcpy(ret->hash.at, row.hash, sizeof ret->hash.at);
	return true;
}

bool missed_above(struct journal *j, uint64_t height)
{
	struct sql_node_missed_above_in in = { .height = (int64_t)height };
	struct sql_node_missed_above_out row;

	return sql_node_missed_above_one(j, &in, &row);
}

static void put(struct journal *j, const struct missed_run *run)
{
	struct sql_node_missed_add_in in = { .top = (int64_t)run->top,
		.bottom = (int64_t)run->bottom,
		.reorg = run->reorg,
		.no_reorg = !run->has_reorg };

	memcpy(in.hash, run->hash.at, sizeof in.hash);
	sql_node_missed_add(j, &in);
}

void missed_add(struct journal *j, uint64_t from, uint64_t to, const struct hash *hash)
{
	struct sql_node_missed_reaching_in in = { .height = (int64_t)from };
	struct sql_node_missed_reaching_out there;
	struct missed_run run = { .top = to, .bottom = from, .hash = *hash };

	CHECK(from <= to && to <= INT64_MAX);
	if (sql_node_missed_reaching_one(j, &in, &there) && (uint64_t)there.bottom < from)
		run.bottom = (uint64_t)there.bottom;
	sql_node_missed_drop_from(
	    j, &(struct sql_node_missed_drop_from_in){ .height = (int64_t)from });
	put(j, &run);
}

void missed_removed(struct journal *j, uint64_t above)
{
	sql_node_missed_drop_above(
	    j, &(struct sql_node_missed_drop_above_in){ .height = (int64_t)above });
}

void missed_lost(struct journal *j, uint64_t above, const struct hash *hash)
{
	struct sql_node_missed_across_in in = { .height = (int64_t)above };
	struct sql_node_missed_across_out there;
	bool across = sql_node_missed_across_one(j, &in, &there);
	struct missed_run run = { .top = above, .hash = *hash };

	sql_node_missed_drop_from(
	    j, &(struct sql_node_missed_drop_from_in){ .height = (int64_t)above + 1 });
	run.bottom = across ? (uint64_t)there.bottom : 0;
	if (across)
		put(j, &run);
}

enum err missed_want(struct journal *j, uint64_t height, struct fail *f)
{
	struct missed_run run = { .top = height, .bottom = height };
	struct sql_node_block_lowest_out lowest;

	if (!sql_node_block_lowest_one(j, &lowest))
		return fail_set(f, ERR_INPUT,
		    "height: this node has read no block of Bitcoin yet, and would not "
		    "know where to look: with node.chain in its config, pawl serve reads "
		    "them; start it, and give it time");
	if (height < (uint64_t)lowest.height) {
		if ((uint64_t)lowest.height - height > MISSED_BELOW_MAX)
			return fail_set(f, ERR_INPUT,
			    "height: block %" PRIu64 " lies more than %d blocks below "
			    "%" PRId64 ", the lowest that this node has read, and is "
			    "not looked at. For a peg-in people's word will do: "
			    "\"by_hand\", or of a minted one pawl node settle",
			    height, MISSED_BELOW_MAX, lowest.height);
		run.top = (uint64_t)lowest.height;
		memcpy(run.hash.at, lowest.hash, sizeof run.hash.at);
	} else if (!anchors_at(j, height, &run.hash)) {
		return ERR_OK; /* it is to be read, or has yet to come */
	}
	put(j, &run);
	return ERR_OK;
}

/* What was read of this height was of another block. */
static void replace(struct journal *j, struct missed_run *run, int64_t wall_ms)
{
	struct hash was;
	uint64_t lowest;

	if (!anchors_at(j, run->top, &was) || hash_same(&was, &run->hash))
		return;
	run->reorg = anchors_replaced(
	    j, run->top, &run->hash, run->has_reorg ? &run->reorg : NULL, wall_ms);
	run->has_reorg = true;
	if (anchors_begin(j, &lowest) && lowest == run->top)
		reorg_unfounded(j, run->reorg);
	pegin_txs_replaced(j, run->top, &run->hash);
}

void missed_read(struct journal *j, const struct missed_run *run,
    const struct hash *parent, const struct hash *txids, size_t n, int64_t wall_ms)
{
	struct missed_run at = *run;
	struct hash below;

	replace(j, &at, wall_ms);
	anchors_late(j, at.top, &at.hash, txids, n);
	pegin_txs_added(j, at.top, &at.hash, txids, n);
	sql_node_missed_drop(
	    j, &(struct sql_node_missed_drop_in){ .top = (int64_t)run->top });
	if (!at.top || MUTANT(missed_once))
		return;
	at.top--;
	at.hash = *parent;
	if (at.top < at.bottom) {
		if (!anchors_at(j, at.top, &below) || hash_same(&below, parent) ||
		    MUTANT(missed_ends_anywhere))
			return;
		at.bottom = at.top;
	}
	put(j, &at);
}
