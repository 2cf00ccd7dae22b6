/* judge_heard.c - what subscribers are to hear: all that was decided, once, and nothing
 * that is not so. */
#include <inttypes.h>
#include <string.h>

#include "sim/judge/judge_notice.h"

static const char *list_name(const struct sim_story *s, int list)
{
	return list < 0 ? "all" : s->list[list].name;
}

void judge_heard_cause(struct sim_life *l, int list, enum milestone m, int64_t commit)
{
	struct judge_heard *h = &judge_view_of(l)->heard;
	struct judge_cause *c;

	if (!l->story->receivers)
		return;
	c = sim_chain_take(l->story->chain, sizeof *c);
	*c = (struct judge_cause){ h->causes, list, m, commit };
	h->causes = c;
}

static bool cause_take(struct judge_heard *h, const struct judge_notice *n)
{
	for (struct judge_cause **at = &h->causes; *at; at = &(*at)->next)
		if ((*at)->list == n->list && (*at)->milestone == n->milestone &&
		    (*at)->commit == n->commit) {
			*at = (*at)->next;
			return true;
		}
	return false;
}

/* The same one may come again, and is counted. */
static int64_t nth_before(const struct judge_heard *h, const struct judge_notice *n)
{
	int64_t nth = 0;

	for (const struct judge_notice *o = h->first; o != n; o = o->next)
		if (o->list == n->list && o->milestone == n->milestone)
			nth = o->nth;
	return nth;
}

/* Each row that it calls final is in a final block. It may be told late, of a list whose
 * void rows are tried again by then. */
static void completed_is_so(struct sim_life *l, int list)
{
	const struct sim_story *s = l->story;
	const struct judge_told *told = &judge_view_of(l)->list[list];

	for (int i = 1; i <= s->list[list].rows && !s->broken && told->row; i++) {
		const struct judge_due *d = s->judge->list[list].row[i].due;

		if (s->judge->list[list].retried && told->row[i] != ITEM_FINAL)
			continue;
		if (told->row[i] != ITEM_VOID && !d->paid && !d->by_hand)
			sim_story_wrong(l->story,
			    "%s is told to be completed, and row %d is in no final block",
			    s->list[list].name, i);
	}
}

/* may_be: suspended, in what is read. */
static void decided(struct sim_life *l, struct judge_notice *n, uint32_t may_be)
{
	struct sim_story *s = l->story;
	struct judge_heard *h = &judge_view_of(l)->heard;
	int64_t nth = nth_before(h, n);
	const char *name = list_name(s, n->list), *word = milestone_name(n->milestone);
	uint32_t must = n->list < 0 ? h->any & ~may_be : h->hears[n->list];

	if (n->kind == SUBJECT_HASH) {
		judge_tracked(l, h->first, n);
		return;
	}
	if (must & ~n->to)
		sim_story_wrong(
		    s, "%s of %s is not told to all who hear of it", word, name);
	if (n->milestone == MILESTONE_TOLD) {
		h->says++;
	} else if (n->milestone == MILESTONE_STUCK) {
		sim_story_did(s, SIM_DID_STUCK);
		if (n->nth <= nth)
			sim_story_wrong(
			    s, "%s is told twice to be stuck in a stage", name);
		return;
	} else if (!cause_take(h, n) && !judge_is_archived(l, n->subject)) {
		/* but for who begins with a copy: its event is in a file */
		sim_story_wrong(
		    s, "%s of %s is told, and did not happen then", word, name);
	}
	if (n->nth != nth + 1)
		sim_story_wrong(s,
		    "%s of %s is told as the %" PRId64 "th behind %" PRId64, word, name,
		    n->nth, nth);
	if (n->milestone == MILESTONE_RETRACTED)
		sim_story_did(s, SIM_DID_RETRACTED);
	if (n->milestone == MILESTONE_COMPLETED)
		completed_is_so(l, n->list);
}

static uint32_t suspended(struct sim_life *l)
{
	uint32_t all = 0;

	for (int i = 0; i < l->story->receivers; i++)
		all |= sim_judge_suspended(l, i) ? 1u << i : 0;
	return all;
}

/* Is it known who hears of it? */
static bool known(const struct sim_life *l, const struct judge_notice *n)
{
	if (n->list < 0 && l->story->tracks)
		return false;
	for (int i = 0; i < l->story->fate->lists; i++)
		if ((n->list < 0 || n->list == i) && !l->id_of[i] &&
		    l->story->list[i].hears)
			return false;
	return true;
}

void judge_heard(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct judge_heard *h = &judge_view_of(l)->heard;
	struct judge_notice *new;
	uint32_t was;

	if (!s->receivers)
		return;
	new = judge_notices_read(l);
	was = h->suspended;
	h->suspended = suspended(l);
	for (struct judge_notice *n = new; n; n = n->next) {
		decided(l, n, was | h->suspended);
		if (n->milestone == MILESTONE_TOLD && (n->to & was & h->suspended))
			sim_story_wrong(s, "it is told to who is suspended");
	}
	for (const struct judge_cause *c = h->causes; c; c = c->next)
		if (h->hears[c->list])
			sim_story_wrong(s, "%s is %s, and nobody is told",
			    list_name(s, c->list), milestone_name(c->milestone));
	h->causes = NULL;
	judge_hears_read(l, false);
	for (const struct judge_notice *n = new; n; n = n->next)
		if (n->to & ~(n->list < 0 ? h->any : h->hears[n->list]) && known(l, n))
			sim_story_wrong(s, "%s of %s is told to who does not hear of it",
			    milestone_name(n->milestone), list_name(s, n->list));
}

void judge_heard_again(struct sim_life *l)
{
	struct judge_view *v = judge_view_of(l);

	if (!l->story->receivers)
		return;
	if (!l->is_copy)
		sim_receivers_older(l->story);
	memset(&v->heard, 0, sizeof v->heard);
	for (const struct judge_notice *n = judge_notices_read(l); n; n = n->next)
		v->heard.says += n->milestone == MILESTONE_TOLD;
	v->heard.suspended = suspended(l);
	judge_hears_read(l, true);
}
