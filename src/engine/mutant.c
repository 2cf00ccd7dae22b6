#include "engine/mutant.h"

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
