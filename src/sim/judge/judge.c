#include "sim/judge/judge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "journal/files.h"
#include "journal/sql.gen.h"
#include "sim/judge/judge_in.h"

struct sim_judge *sim_judge_new(struct sim_story *s)
{
	struct sim_judge *j = mem_new(sizeof *j);

	j->story = s;
	return j;
}

void sim_judge_free(struct sim_judge *j)
{
	mem_free(j);
}

void sim_judge_begin(struct sim_judge *j)
{
	struct sim_story *s = j->story;

	memset(j, 0, sizeof *j);
	j->story = s;
	j->true_heads = j->undisturbed = true;
	for (size_t i = 0; i < s->fate->acts_n; i++) {
		const struct sim_act *a = &s->fate->acts[i];

		j->undisturbed &= a->kind == SIM_CREATE || a->kind == SIM_FOREIGN ||
		    (a->kind == SIM_VICE && !a->c);
		j->lent |= a->kind == SIM_FOREIGN || a->kind == SIM_BY_HAND ||
		    a->kind == SIM_DRAIN;
		if (a->kind == SIM_VICE || a->kind == SIM_ASTRAY ||
		    (a->kind == SIM_NET && a->a == SIM_FAULT_STALE))
			j->true_heads = false;
	}
}

/* -- a life begins -------------------------------------------------------------- */

int judge_key(const struct sim_story *s, const struct address *a)
{
	for (int i = 0; i < s->fate->keys; i++)
		if (address_same(a, &s->key[i].address))
			return i;
	return -1;
}

static int list_named(const struct sim_story *s, const char *name)
{
	for (int i = 0; i < s->fate->lists; i++)
		if (!strcmp(name, s->list[i].name))
			return i;
	return -1;
}

struct judge_view *judge_view_of(struct sim_life *l)
{
	struct judge_view *v = l->story->judge->view;

	while (v->disk && v->disk != l->process.disk)
		v++;
	v->disk = l->process.disk;
	v->n = (int)(v - l->story->judge->view);
	return v;
}

int judge_list_of(struct sim_life *l, int64_t operation)
{
	struct sql_operation_get_in in = { .id = operation };
	struct sql_operation_get_out out;
	int8_t *known;

	if (l->story->flipped && (operation < 0 || operation > JUDGE_OPERATIONS))
		return -1;
	CHECK(operation >= 0 && operation <= JUDGE_OPERATIONS);
	known = &judge_view_of(l)->list_of[operation];
	if (!*known && sql_operation_get_one(l->journal, &in, &out)) {
		int at = list_named(l->story, out.name);

		*known = (int8_t)(at < 0 ? -1 : at + 1);
	}
	return *known > 0 ? *known - 1 : -1;
}

int64_t judge_account_id(struct sim_life *l, int key)
{
	struct judge_view *v = judge_view_of(l);
	struct sql_account_by_address_out out;
	struct sql_account_by_address_in in = { .chain = 1 };

	if (v->account_id[key])
		return v->account_id[key];
	memcpy(in.address, l->story->key[key].address.at, sizeof in.address);
	if (sql_account_by_address_one(l->journal, &in, &out))
		v->account_id[key] = out.id;
	return v->account_id[key];
}

/* G1: whatever was ever shown to anybody is in the journal. */
void judge_remembers(struct sim_life *l)
{
	struct sim_story *s = l->story;

	for (const struct sim_tx *t = s->chain->all; t; t = t->next_all) {
		int key = judge_key(s, &t->from->at);

		if (t->foreign || key < 0)
			continue;
		if (!judge_is_attempt(l, judge_account_id(l, key), t)) {
			sim_story_wrong(s,
			    "bytes of nonce %" PRIu64
			    " left, and the journal has them not",
			    t->nonce);
			return;
		}
	}
}

/* Commits that were answered with OK are there, unless an older journal is. */
static void rise_goes_on(struct sim_life *l, struct judge_view *v)
{
	int64_t commits = journal_commit_no(l->journal) - 1;

	if (commits > v->commit && !v->older)
		return;
	if (v->older && l->story->broken == SIM_GROUND_NEWEST &&
	    !journal_doubt(l->journal))
		sim_story_wrong(l->story, "another journal is there, and is not doubted");
	if (v->older)
		l->story->people.off = 0; /* whoever was off by a file that is gone */
	v->older = false;
	if (!l->story->broken)
		sim_story_wrong(l->story,
		    "%" PRId64 " commits were answered with OK, %" PRId64 " are there",
		    v->commit, commits);
	judge_rows_again(l);
	judge_older(l);
}

/* Of a -wal in which a bit flipped, the last transaction may be gone, and nothing tells.
 * What stands behind it tells of any other. */
static void rise_is_whole(const struct sim_life *l, const struct judge_view *v)
{
	int64_t commits = journal_commit_no(l->journal) - 1;

	if (commits < v->commit - 1)
		sim_story_wrong(l->story,
		    "the -wal is damaged before its last commit, %" PRId64 " of %" PRId64
		    " are there, and it says nothing",
		    commits, v->commit);
}

static void rise_doubts(struct sim_life *l, bool *is_other)
{
	if (*is_other && !journal_doubt(l->journal))
		sim_story_wrong(
		    l->story, "it does not doubt a journal that is another file");
	*is_other = false;
}

void sim_judge_rise(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct judge_view *v = judge_view_of(l);
	struct sql_owner_get_out owner;

	if (!sql_owner_get_one(l->journal, &owner) ||
	    !journal_files->owned("/disk/pawl.db"))
		sim_story_wrong(s, "it owns a journal that has no owner");
	rise_doubts(l, l->is_copy ? &s->twin_is_other : &s->is_other_file);
	if (!s->flipped)
		rise_goes_on(l, v);
	else if (v->older)
		judge_forget(s->judge, v->n);
	else if (s->flipped == SIM_FLIPPED_WAL)
		rise_is_whole(l, v);
	if (owner.epoch <= v->epoch && !s->broken)
		sim_story_wrong(
		    s, "epoch %" PRId64 " after %" PRId64, owner.epoch, v->epoch);
	v->epoch = s->judge->life_epoch[l->id] = owner.epoch;
	for (int i = 0; i < s->fate->lists; i++)
		v->list[i].claims_ms = s->chain->now_ms; /* it has seen nothing yet */
	judge_heard_rise(l);
	judge_follow(s->judge);
	s->judge->rise_height[l->id] = s->chain->head->height;
	s->judge->rise_ms[l->id] = s->chain->now_ms;
	if (!s->broken)
		judge_remembers(l);
}

void sim_judge_older(struct sim_life *l)
{
	judge_view_of(l)->older = true;
}

/* Whoever is set back with it owns it. */
static void older_look(struct sim_life *l, struct judge_view *v)
{
	struct owner owner;
	bool held;

	if (!v->older)
		return;
	v->older = false;
	if (!journal_owner("/disk/pawl.db", &owner, &held))
		sim_story_wrong(l->story, "a journal that was set back has no owner");
	v->epoch = l->story->judge->life_epoch[l->id] = owner.epoch;
	judge_rows_again(l);
}

/* Who lost only its lock owns the journal until another one takes it. */
bool judge_owns(struct sim_life *l)
{
	bool newest = l->story->judge->life_epoch[l->id] == judge_view_of(l)->epoch;

	if (newest && l->lost_commit && l->robbed == SIM_ROBBED_LOCK)
		l->lost_commit = journal_commit_no(l->journal);
	return newest && (!l->lost_commit || l->robbed == SIM_ROBBED_LOCK);
}

/* Who lost its journal may think what it likes, until it wants to commit. */
static void writes_nothing(struct sim_life *l)
{
	if (journal_commit_no(l->journal) > l->lost_commit)
		sim_story_wrong(l->story, "it has lost its journal, and goes on with it");
}

void sim_judge_step(struct sim_life *l)
{
	if (l->lost_commit && !judge_owns(l)) {
		writes_nothing(l);
		return;
	}
	if (l->story->flipped) {
		if (judge_view_of(l)->older)
			judge_forget(l->story->judge, judge_view_of(l)->n);
		judge_reach(l); /* by what nodes show alone */
		return;
	}
	older_look(l, judge_view_of(l));
	if (!judge_owns(l))
		return;
	judge_reach(l);
	judge_lost_look(l->story->judge);
	judge_rows(l);
	sim_receivers_committed(l);
	judge_live(l);
	judge_undone(l);
	if (follower_stopped(l->runner->chains[0].follower)) {
		l->story->judge->said_so = true;
		if (!l->story->broken)
			sim_story_wrong(l->story,
			    "the chain is stopped, and no final block is undone");
	}
}

/* -- is it over? ------------------------------------------------------------------- */

static bool ended(const struct sim_life *l, int64_t id)
{
	const struct operation *o = runner_operation(l->runner, id);
	struct operation unloaded;

	if (!o && operation_read(l->journal, id, &unloaded))
		o = &unloaded;
	return o && operation_ended(o);
}

/* An account in doubt that nobody wants to use is not fenced. */
static bool nothing_open(const struct sim_life *l)
{
	for (size_t i = 0; i < l->runner->operations_n; i++)
		if (!operation_ended(l->runner->operations[i]))
			return false;
	for (size_t i = 0; i < l->runner->chains[0].accounts_n; i++)
		if (l->runner->chains[0].accounts[i]->stopped)
			return false;
	return true;
}

/* Where a final block has vanished: who has risen since has yet to find that. */
static bool is_on_the_chain(const struct sim_life *l)
{
	const struct sim_chain *c = l->story->chain;
	struct head head;

	return !(l->story->broken & SIM_GROUND_FINAL) ||
	    (follower_head(l->runner->chains[0].follower, &head) &&
		head.height <= c->head->height &&
		hash_same(&head.hash, &c->trail[head.height]->hash));
}

bool sim_judge_over(struct sim_life *l)
{
	if (!is_on_the_chain(l))
		return false;
	for (int i = 0; i < l->story->fate->lists; i++)
		if (!l->story->list[i].wanted || !l->id_of[i])
			return false;
	for (int i = 0; i < l->story->fate->lists; i++)
		if (!ended(l, l->id_of[i]))
			return false;
	return nothing_open(l) && judge_heard_all(l) && judge_archives_over(l);
}
