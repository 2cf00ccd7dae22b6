/* A bit of the journal flips at rest, or it is edited (meddle.c). From then on no rule of
 * the judge goes by what it says, until somebody has said that it is damaged, and a
 * backup is in its place, or all that pawl doctor looks at was found whole. */
#include <stdio.h>
#include <string.h>

#include "engine/operation.h"
#include "engine/recount.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "kinds/fence/fence.h"
#include "sim/judge/judge.h"
#include "sim/story/story.h"

#define JOURNAL "/disk/pawl.db"
#define GIVES_UP_BLOCKS 400 /* in a kind world */

void sim_is_flipped(struct sim_story *s, bool wal)
{
	s->flipped |= wal ? SIM_FLIPPED_WAL : SIM_FLIPPED_DATABASE;
	s->older.was_damaged = true;
	/* the last transactions of a -wal may be gone, and nothing tells */
	s->broken |= wal ? SIM_GROUND_ALONE : SIM_GROUND_SYNC;
}

void sim_flip(struct sim_story *s, bool wal, uint64_t where)
{
	if (!sim_disk_flip(s->disk, wal ? JOURNAL "-wal" : JOURNAL, where))
		return;
	sim_is_flipped(s, wal);
	sim_story_did(s, SIM_DID_FLIPPED);
}

/* -- is it whole? --------------------------------------------------------- */

static enum err rows_are_whole(
    struct journal *j, const struct operation *o, struct fail *f)
{
	const struct kind *kind =
	    !strcmp(o->kind_name, kind_fence.name) ? &kind_fence : &kind_airdrop;
	enum err e = recount_whole(j, o->id, kind, f);

	if (e == ERR_OK)
		e = recount_signed(j, o, &connector_evm, f);
	if (e == ERR_OK && archive_compare(j, o->id, f) == ERR_DAMAGED)
		e = ERR_DAMAGED;
	return e;
}

static enum err is_whole(struct journal *j, struct fail *f)
{
	struct sql_operation_all_out row;
	struct operation o;
	enum err e;

	if (!journal_check_pages(j, f->why, sizeof f->why))
		return ERR_DAMAGED;
	e = journal_check_past(j, f);
	sql_operation_all_begin(j);
	while (e == ERR_OK && sql_operation_all_next(j, &row))
		if (operation_read(j, row.id, &o))
			e = rows_are_whole(j, &o, f);
	sql_operation_all_end(j);
	return e;
}

/* The power may take back what somebody edited. */
static bool is_edited(const struct sim_life *l)
{
	const struct sim_story *s = l->story;
	struct sql_event_from_in in = { .id = s->edited_event };
	struct sql_event_from_out e;
	bool is;

	sql_event_from_begin(l->journal, &in);
	is = sql_event_from_next(l->journal, &e) && e.id == s->edited_event &&
	    (int64_t)strlen(e.why) == s->edited_len;
	sql_event_from_end(l->journal);
	return is;
}

/* G11: what was edited while it had not ended is named before it ends. */
static void was_named(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct operation o;

	if (s->edited && !s->figures.deeds[SIM_DID_FLIPPED] &&
	    operation_read(l->journal, s->edited, &o) && operation_ended(&o) &&
	    is_edited(l))
		sim_story_wrong(
		    s, "%s has ended, and one of its events was edited", o.name);
}

bool sim_flip_is_harmless(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct fail f = { .err = ERR_OK };
	char why[SIM_WHY_MAX];

	was_named(l);
	if (is_whole(l->journal, &f) != ERR_OK) {
		snprintf(why, sizeof why, "doctor: %s; pawl restore FILE", f.why);
		return !sim_older_damaged(s, why);
	}
	s->flipped = 0;
	sim_judge_older(l);
	return true;
}

bool sim_flip_is_given_up(struct sim_story *s)
{
	int64_t bound_ms = s->fate->calm_ms + GIVES_UP_BLOCKS * s->fate->interval_ms;

	if (!s->flipped || sim_story_ms(s) < bound_ms)
		return false;
	return sim_older_damaged(s, "it does not go on; pawl restore FILE");
}
