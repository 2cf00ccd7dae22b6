#include "kinds/node/anchor/reorg.h"

#include <string.h>

#include "base/check.h"
#include "base/mutant.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/anchor.h"

static bool newest(struct journal *j, struct sql_node_reorg_get_out *ret, int64_t *number)
{
	struct sql_node_watch_get_out w;
	struct sql_node_reorg_get_in in;

	if (!sql_node_watch_get_one(j, &w) || !w.reorgs)
		return false;
	*number = in.number = w.reorgs - 1;
	return sql_node_reorg_get_one(j, &in, ret);
}

/* The next number. */
static int64_t count(struct journal *j)
{
	struct sql_node_watch_get_out w = { .no_chain = true };

	(void)sql_node_watch_get_one(j, &w);
	sql_node_watch_put(j,
	    &(struct sql_node_watch_put_in){ .chain = w.chain,
		.no_chain = w.no_chain,
		.reorgs = w.reorgs + 1,
		.moves = w.moves });
	return w.reorgs;
}

static int64_t begin(struct journal *j, const struct reorg *r,
    const struct sql_node_block_above_out *lowest, int64_t wall_ms)
{
	struct sql_node_reorg_add_in in = { .number = count(j),
		.height = (int64_t)r->height,
		.no_old_hash = !lowest,
		.no_new_hash = true,
		.detected_ms = wall_ms,
		.deep = (int64_t)r->deep,
		.below = r->below,
		.moved = anchors_move(j) };

	if (lowest)
		memcpy(in.old_hash, lowest->hash, sizeof in.old_hash);
	sql_node_reorg_add(j, &in);
	return in.number;
}

static void lower(struct journal *j, const struct reorg *r,
    const struct sql_node_block_above_out *lowest)
{
	struct sql_node_reorg_lower_in in = { .number = r->number,
		.height = (int64_t)r->height,
		.no_new_hash = true,
		.deep = (int64_t)r->deep,
		.moved = anchors_move(j) };

	memcpy(in.old_hash, lowest->hash, sizeof in.old_hash);
	sql_node_reorg_lower(j, &in);
	if (r->below)
		reorg_unfounded(j, r->number);
}

void reorg_add(struct journal *j, uint64_t above, int64_t wall_ms, struct reorg *ret)
{
	struct sql_node_block_above_in in = { .height = (int64_t)above };
	struct sql_node_block_above_out lowest;
	struct sql_node_reorg_get_out row;
	uint64_t top = 0, lowest_of_all;
	bool there = sql_node_block_above_one(j, &in, &lowest);

	CHECK(above < INT64_MAX);
	(void)anchors_top(j, &top);
	if (there && MUTANT(reorg_from_the_fork))
		lowest.height = (int64_t)above + 1;
	*ret = (struct reorg){ .height = there ? (uint64_t)lowest.height : above + 1 };
	ret->deep = there ? top - ret->height + 1 : 0;
	/* Where blocks between were not read yet, those are compared with it later. */
	ret->below =
	    there && anchors_begin(j, &lowest_of_all) && lowest_of_all == ret->height;
	if (there && newest(j, &row, &ret->number) && row.no_new_hash &&
	    (uint64_t)row.height > top) {
		lower(j, ret, &lowest);
		ret->deep += (uint64_t)row.deep;
	} else {
		ret->number = begin(j, ret, there ? &lowest : NULL, wall_ms);
	}
}

int64_t reorg_replace(struct journal *j, uint64_t height, const struct hash *hash,
    const int64_t *number, int64_t wall_ms)
{
	struct sql_node_reorg_lower_in in = { .height = (int64_t)height, .deep = 1 };
	struct reorg one = { .height = height };
	struct hash old = { { 0 } };

	in.no_old_hash = !anchors_at(j, height, &old);
	in.number = number ? *number : begin(j, &one, NULL, wall_ms);
	memcpy(in.old_hash, old.at, sizeof in.old_hash);
	memcpy(in.new_hash, hash->at, sizeof in.new_hash);
	in.moved = anchors_move(j);
	sql_node_reorg_lower(j, &in);
	return in.number;
}

void reorg_unfounded(struct journal *j, int64_t number)
{
	struct sql_node_reorg_below_in in = { .number = number };

	in.moved = anchors_move(j);
	sql_node_reorg_below(j, &in);
}

/* One at this height or below took what came in the place of those before it, too. */
void reorg_settle(struct journal *j, uint64_t height, const struct hash *hash)
{
	struct sql_node_reorg_put_in to = { .number = 0 };
	struct sql_node_reorg_get_out row;
	bool there = newest(j, &row, &to.number);

	while (there && (uint64_t)row.height > height && to.number &&
	    !MUTANT(newest_reorg_alone)) {
		struct sql_node_reorg_get_in in = { .number = --to.number };

		there = sql_node_reorg_get_one(j, &in, &row);
	}
	if (!there || !row.no_new_hash || (uint64_t)row.height != height)
		return;
	memcpy(to.new_hash, hash->at, sizeof to.new_hash);
	to.moved = anchors_move(j);
	sql_node_reorg_put(j, &to);
}

bool reorg_waits(struct journal *j, uint64_t *ret_height)
{
	struct sql_node_reorg_get_out row;
	uint64_t top;
	int64_t number;

	if (anchors_top(j, &top) || !newest(j, &row, &number) || !row.below ||
	    !row.no_new_hash)
		return false;
	*ret_height = (uint64_t)row.height;
	return true;
}
