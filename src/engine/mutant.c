#include "engine/mutant.h"

#include "base/mem.h"
#include "engine/intent.h"
#include "journal/sql.gen.h"

void mutant_give_up(struct runner *r, int64_t account, uint64_t first, uint64_t last)
{
	for (; first < last; first++) {
		struct sql_intent_by_nonce_in in = { .account = account,
			.nonce = (int64_t)first };
		struct sql_intent_by_nonce_out found;
		struct intent i;

		if (sql_intent_by_nonce_one(r->s.journal, &in, &found) &&
		    intent_read(r->s.journal, found.id, &i) &&
		    (i.state == INTENT_RESERVED || i.state == INTENT_SIGNED) && i.row > 0)
			intent_void(r, &i, false, "mutant", "mutant");
	}
}

struct later {
	struct fact fact; /* first */
	struct subject of;
	enum milestone milestone;
	int64_t nth;
	json_t *facts;
};

static void later_take(struct runner *r, struct fact *fact)
{
	struct later *l = (struct later *)fact;

	r->noted |= message_note(r->s.journal, &l->of, l->milestone, l->nth,
	    world_wall_ms(r->s.world), l->facts);
	l->facts = NULL;
}

static void later_free(struct fact *fact)
{
	struct later *l = (struct later *)fact;

	json_decref(l->facts);
	mem_free(l);
}

void mutant_note_later(struct runner *r, const struct subject *of, enum milestone m,
    int64_t nth, json_t *facts)
{
	struct later *l = mem_new(sizeof *l);

	*l = (struct later){ .of = *of, .milestone = m, .nth = nth, .facts = facts };
	l->fact.take = later_take;
	l->fact.free = later_free;
	runner_fact(r, &l->fact);
	r->again = true;
}
