#include "engine/doubt.h"

#include <stdio.h>

#include "base/log.h"
#include "journal/sql.gen.h"

void account_doubt(struct runner *r, struct account *a, const char *why)
{
	if (a->doubt[0])
		return;
	snprintf(a->doubt, sizeof a->doubt, "key %s: %.300s", a->key_name, why);
	sql_account_doubt(r->s.journal,
	    &(struct sql_account_doubt_in){ .id = a->id, .doubt = a->doubt });
	journal_event(r->s.journal,
	    &(struct event){
		.what = "account", .from = "", .to = "in doubt", .why = a->doubt });
	log_error("account", "%s", a->doubt);
	r->again = true;
}
