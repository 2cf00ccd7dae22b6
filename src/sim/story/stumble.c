/* stumble.c - a list whose advance fails behind all that it did: nothing of that may
 * stay, neither rows nor what was to leave. */
#include <string.h>

#include "engine/outbox.h"
#include "sim/story/story.h"

static void leaves(void *job)
{
	(void)job;
	sim_story_wrong(sim_life_now()->story,
	    "what an advance that failed had asked for is let out");
}

static void dropped(void *job)
{
	(void)job;
}

static bool stumbles(struct sim_story *s, const struct operation *o)
{
	for (int i = 0; i < s->fate->lists; i++) {
		struct sim_list *l = &s->list[i];

		if (!l->stumbles || strcmp(l->name, o->name) != 0)
			continue;
		l->stumbles = false;
		return true;
	}
	return false;
}

static bool is_under_way(const struct operation *o)
{
	return !operation_ended(o) && o->state != OPERATION_PAUSED &&
	    o->state != OPERATION_NEEDS_OPERATOR;
}

static enum err advance(struct runner *r, struct operation *o, struct fail *f)
{
	struct sim_story *s = sim_life_now()->story;
	bool under_way = is_under_way(o);
	enum err e = kind_airdrop.advance(r, o, f);

	if (e || !under_way || !stumbles(s, o))
		return e;
	sim_story_did(s, SIM_DID_STUMBLED);
	outbox_add(r->outbox,
	    &(struct effect){ .release = leaves, .drop = dropped, .commits = true });
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.what = "operation",
		.from = "",
		.to = SIM_STUMBLED,
		.why = "" });
	return fail_set(f, ERR_CONFLICT, "it stumbles");
}

const struct kind *sim_stumbling(void)
{
	static struct kind airdrop;

	airdrop = kind_airdrop;
	airdrop.advance = advance;
	return &airdrop;
}
