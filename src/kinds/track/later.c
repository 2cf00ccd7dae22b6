/* later.c - who comes later is told where it stands. */
#include "base/mutant.h"
#include "kinds/track/track_in.h"

/* What its state tells, as it was told; false: nothing yet. */
static bool milestone_of(enum milestone *ret, int64_t state)
{
	static const struct {
		int state;
		enum milestone milestone;
	} told[] = {
		{ TRACKED_MEMPOOL, MILESTONE_SEEN },
		{ TRACKED_INCLUDED, MILESTONE_INCLUDED },
		{ TRACKED_CONFIRMED, MILESTONE_CONFIRMED },
		{ TRACKED_REVERTED, MILESTONE_REVERTED },
		{ TRACKED_REPLACED, MILESTONE_REPLACED },
		{ TRACKED_FINAL, MILESTONE_FINAL },
		{ TRACKED_DROPPED, MILESTONE_DROPPED },
		{ TRACKED_EXPIRED, MILESTONE_EXPIRED },
	};

	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (told[i].state == state) {
			*ret = told[i].milestone;
			return true;
		}
	return false;
}

/* Its block vanished, that was told, and no node has shown it since. */
static bool is_taken_back(
    struct journal *j, const struct subject *of, const struct sql_tracked_get_out *row)
{
	struct sql_notice_one_in in = { .subject_kind = of->kind,
		.subject = of->id,
		.milestone = MILESTONE_RETRACTED,
		.nth = row->round };
	struct sql_notice_one_out told;

	return row->state == TRACKED_MEMPOOL && sql_notice_one_one(j, &in, &told);
}

/* In a block, by his number. Who is the first by it hears the rest in the next turn, as
 * far as the agreed blocks go: it is counted again from its block on, and what was told
 * is not told again. */
static void stand_tell(struct journal *j, const char *chain,
    struct sql_tracked_get_out *row, int64_t number, int64_t subscriber, int64_t wall_ms)
{
	const struct subject of = { .kind = SUBJECT_HASH, .id = row->id };
	enum milestone m = MILESTONE_INCLUDED;
	int percent = 0;

	if (message_noted(j, &of, number, MILESTONE_CONFIRMED, row_nth(row, 0)))
		m = MILESTONE_CONFIRMED;
	for (int i = 99; i > 0 && m == MILESTONE_INCLUDED && !percent; i--)
		if (message_noted(j, &of, number, MILESTONE_PROGRESS, row_nth(row, i)))
			percent = i;
	if (percent)
		m = MILESTONE_PROGRESS;
	message_tell(j, &of, number, m, row_nth(row, percent), wall_ms,
	    row_facts(j, chain, row, number, (uint64_t)row->deep + !row->deep),
	    subscriber);
	if (MUTANT(who_comes_later_waits) || !row->no_looks)
		return; /* in doubt it gets no deeper */
	row->deep = 0;
	row->no_due = false;
	row->due = row->height;
	row_keep(j, row);
}

void track_retell(struct journal *j, int64_t id, int64_t subscriber, int64_t wall_ms)
{
	const struct subject of = { .kind = SUBJECT_HASH, .id = id };
	struct sql_tracked_get_out row;
	struct sql_chain_get_out chain;
	enum milestone m;
	int64_t number = message_number(j, &of, subscriber);
	bool by_number;

	if (!row_get(j, id, &row) || !milestone_of(&m, row.state))
		return;
	if (!sql_chain_get_one(j, &(struct sql_chain_get_in){ .id = row.chain }, &chain))
		return;
	by_number = m == MILESTONE_FINAL || m == MILESTONE_REVERTED;
	if (m == MILESTONE_INCLUDED || m == MILESTONE_CONFIRMED)
		stand_tell(j, chain.name, &row, number, subscriber, wall_ms);
	else if (is_taken_back(j, &of, &row) && !MUTANT(taken_back_is_seen))
		message_again(j, &of, subscriber);
	else
		message_tell(j, &of, by_number ? number : 0, m, row_nth(&row, 0), wall_ms,
		    row_facts(
			j, chain.name, &row, number, by_number ? (uint64_t)row.deep : 0),
		    subscriber);
}
