/* judge_undone.c - a chain that is stopped, for a final block vanished, goes on from the
 * highest block of the journal that it still has (G6). */
#include <inttypes.h>
#include <string.h>

#include "journal/sql.gen.h"
#include "sim/judge/judge_in.h"

/* 0: none. */
static uint64_t highest_kept(struct sim_life *l)
{
	const struct sim_chain *c = l->story->chain;
	struct sql_block_from_in in = { .chain = 1, .height = 0 };
	struct sql_block_from_out row;
	uint64_t highest = 0;

	sql_block_from_begin(l->journal, &in);
	while (sql_block_from_next(l->journal, &row)) {
		const struct sim_block *b =
		    (uint64_t)row.height <= c->head->height ? c->trail[row.height] : NULL;

		if (b && !memcmp(row.hash, b->hash.at, sizeof row.hash))
			highest = b->height;
	}
	sql_block_from_end(l->journal);
	return highest;
}

void judge_undone(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct sim_judge *j = s->judge;
	struct head final;

	judge_view_of(l)->stopped = follower_stopped(l->runner->chains[0].follower);
	if (judge_view_of(l)->stopped) {
		j->kept[l->id] = highest_kept(l);
		j->kept_reorgs[l->id] = s->figures.reorgs;
		return;
	}
	if (j->kept[l->id] && j->kept_reorgs[l->id] == s->figures.reorgs &&
	    s->broken == SIM_GROUND_FINAL && j->true_heads &&
	    follower_final(l->runner->chains[0].follower, &final) &&
	    final.height < j->kept[l->id])
		sim_story_wrong(s,
		    "it went back to block %" PRIu64 ", and the chain has block %" PRIu64
		    " of its journal",
		    final.height, j->kept[l->id]);
	j->kept[l->id] = 0;
}
