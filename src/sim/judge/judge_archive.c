/* judge_archive.c - what ended goes into files, and nothing goes that is needed. */
#include <inttypes.h>
#include <string.h>

#include "journal/archive.h"
#include "sim/judge/judge_in.h"

#define LOOKS_MS 180000 /* three of the minutes between which it looks */

bool judge_is_attempt(struct sim_life *l, int64_t account, const struct sim_tx *t)
{
	struct sql_attempt_by_hash_in in = { .account = account };
	struct sql_attempt_by_hash_out out;
	struct sql_archived_attempt_by_hash_in archived = { .account = account };
	struct sql_archived_attempt_by_hash_out there;

	memcpy(in.hash, t->hash.at, sizeof in.hash);
	memcpy(archived.hash, t->hash.at, sizeof archived.hash);
	return sql_attempt_by_hash_one(l->journal, &in, &out) ||
	    (l->story->fate->keep_ms &&
		sql_archived_attempt_by_hash_one(l->journal, &archived, &there));
}

bool judge_is_archived(struct sim_life *l, int64_t operation)
{
	struct archived a;

	return l->story->fate->keep_ms && archive_of(l->journal, operation, &a);
}

/* -- it is written down that there is a file ------------------------------------ */

static uint64_t highest_of(const struct sim_judge *j, int list)
{
	const struct judge_account *a = &j->account[j->story->list[list].key];
	uint64_t height = 0;

	for (uint64_t n = 0; n < a->n; n++)
		if (a->at[n].list == list && a->at[n].final &&
		    a->at[n].final->block->height > height)
			height = a->at[n].final->block->height;
	return height;
}

void judge_archives(struct sim_life *l, const struct sql_event_from_out *e)
{
	struct sim_story *s = l->story;
	struct sim_judge *j = s->judge;
	int at = judge_list_of(l, e->row);
	const struct judge_told *told;

	sim_story_did(s, SIM_DID_ARCHIVED);
	if (at >= 0) {
		j->list[at].archived = true;
		j->list[at].fee_paid |= judge_fee_is_paid(l->journal, e->row);
	}
	if (at < 0 || s->broken)
		return;
	told = &judge_view_of(l)->list[at];
	if (told->state != OPERATION_COMPLETED && told->state != OPERATION_CANCELLED)
		sim_story_wrong(s, "%s is archived, and is %s", s->list[at].name,
		    state_name(MACHINE_OPERATION, told->state));
	if (told->by_state[ITEM_LIVE] || j->list[at].open)
		sim_story_wrong(
		    s, "%s is archived, and something of it is live", s->list[at].name);
	if (j->final && highest_of(j, at) &&
	    highest_of(j, at) + (uint64_t)s->fate->archive_depth > j->final->height)
		sim_story_wrong(s,
		    "%s is archived, and block %" PRIu64 " may still vanish: %" PRIu64
		    " is final",
		    s->list[at].name, highest_of(j, at), j->final->height);
}

/* While a bit is another one nobody looks: then it is as its end says, and of a cancelled
 * one as the chain does. */
bool judge_fee_was_paid(struct sim_life *l, int list, const struct operation *o)
{
	const struct judge_list *j = &l->story->judge->list[list];

	if (!judge_is_archived(l, o->id))
		return judge_fee_is_paid(l->journal, o->id);
	if (j->archived)
		return j->fee_paid;
	return o->state == OPERATION_COMPLETED ||
	    (j->row && j->row[0].due && j->row[0].due->paid);
}

bool judge_events_gone(struct sim_life *l, int64_t first, int64_t last)
{
	struct sql_archived_event_to_in in = { .last = last };
	struct sql_archived_event_to_out gone;

	return l->story->fate->keep_ms &&
	    sql_archived_event_to_one(l->journal, &in, &gone) && gone.first <= first;
}

/* -- all that is due goes -------------------------------------------------------- */

/* After what failed it waits for an hour. */
static bool has_failed(const struct sim_story *s)
{
	return sim_disk_faults(s->disk, SIM_DISK_DID_SYNC_FAILED) ||
	    sim_disk_faults(s->disk, SIM_DISK_DID_FULL) ||
	    sim_disk_faults(s->disk, SIM_DISK_DID_READ_FAILED) || s->jump_ms;
}

static bool is_in_doubt(struct sim_life *l)
{
	const struct chain_run *c = &l->runner->chains[0];

	for (size_t i = 0; i < c->accounts_n; i++)
		if (c->accounts[i]->stopped || *c->accounts[i]->doubt)
			return true;
	return journal_doubt(l->journal);
}

/* Once it is over the story waits for that. */
bool judge_archives_over(struct sim_life *l)
{
	struct sim_story *s = l->story;
	int64_t wait_ms = s->fate->keep_ms + LOOKS_MS +
	    (s->fate->archive_depth + 4) * s->fate->interval_ms;
	int left = -1;

	if (!s->fate->keep_ms)
		return true;
	for (int i = 0; i < s->fate->lists && left < 0; i++)
		if (!judge_is_archived(l, l->id_of[i]))
			left = i;
	if (left < 0)
		return true;
	if (!s->judge->over_ms || sim_vices_due_ms(&s->vices) != INT64_MAX)
		s->judge->over_ms = s->chain->now_ms;
	if (s->judge->over_ms < s->judge->rise_ms[l->id])
		s->judge->over_ms = s->judge->rise_ms[l->id];
	if (s->chain->now_ms < s->judge->over_ms + wait_ms)
		return false;
	if (!s->broken && !s->flipped && !has_failed(s) && !is_in_doubt(l))
		sim_story_wrong(
		    s, "%s has ended long ago, and is not archived", s->list[left].name);
	return true;
}

/* -- what a file holds ------------------------------------------------------------ */

static struct {
	int list;
	int64_t operation;
} shown;

/* All that ever left of it, as any command reads it. */
static void bytes_are_there(struct sim_life *l)
{
	struct sim_story *s = l->story;
	int key = s->list[shown.list].key;
	const struct judge_account *a = &s->judge->account[key];
	struct sql_attempt_by_hash_in in = { .account = judge_account_id(l, key) };

	for (uint64_t n = 0; n < a->n; n++)
		for (const struct judge_bytes *b = a->at[n].bytes; b; b = b->older) {
			struct sql_attempt_by_hash_out out;
			struct sql_attempt_get_out got = { .bytes = -1 };

			if (a->at[n].list != shown.list)
				continue;
			memcpy(in.hash, b->tx->hash.at, sizeof in.hash);
			if (sql_attempt_by_hash_one(l->journal, &in, &out))
				(void)sql_attempt_get_one(l->journal,
				    &(struct sql_attempt_get_in){ .id = out.id }, &got);
			if (got.bytes != (int64_t)b->tx->raw_len)
				sim_story_wrong(s,
				    "%s: bytes of nonce %" PRIu64
				    " left, and its archive has them not",
				    s->list[shown.list].name, n);
		}
}

static void show(struct sim_life *l)
{
	struct fail f = { 0 };

	if (journal_read(&l->journal, "/disk/pawl.db", &f) != ERR_OK ||
	    archive_show(l->journal, shown.operation, &f) != ERR_OK)
		sim_story_wrong(
		    l->story, "%s: %s", l->story->list[shown.list].name, f.why);
	else
		bytes_are_there(l);
	journal_close(l->journal);
	l->journal = NULL;
	l->end = SIM_ENDED;
}

void judge_archives_end(struct sim_life *l)
{
	struct sim_judge *j = l->story->judge;

	for (int i = 0; i < l->story->fate->lists; i++)
		j->archived[i] = judge_is_archived(l, l->id_of[i]) ? l->id_of[i] : 0;
}

void sim_judge_archives(struct sim_story *s)
{
	if (s->broken || s->flipped)
		return;
	for (int i = 0; i < s->fate->lists && !s->why[0]; i++) {
		if (!s->judge->archived[i])
			continue;
		shown.list = i;
		shown.operation = s->judge->archived[i];
		(void)sim_life_use(&s->tool, show);
	}
}
