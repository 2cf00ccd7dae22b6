#include "cli/node/newest.h"

#include <stdio.h>
#include <string.h>

#include "cli/node/replace.h"
#include "cli/report/node.h"

void newest_note(struct newest *ret, const struct judgement *g)
{
	const struct l2_verdict *v;

	l2_state_init(&ret->state);
	ret->block = judgement_whole(g, &ret->number, &v);
	memcpy(ret->root, v->root, L2_HEX);
	memcpy(ret->anchor, v->anchor_hash, L2_HEX);
}

enum err newest_load(struct newest *n, struct l2_log *log, struct fail *f)
{
	enum err e = l2_log_load(log, n->block, &n->state, f);

	if (e == ERR_OK)
		(void)l2_state_sort(&n->state);
	return e;
}

bool newest_is_foreign(const struct newest *n, struct journal *journal)
{
	return n->number && !l2_state_is_empty(&n->state) &&
	    !(journal && node_had_state(journal, &n->state, n->anchor));
}

void newest_tell(
    const struct newest *n, bool journal, const char *log, char out[NEWEST_TOLD])
{
	snprintf(out, NEWEST_TOLD,
	    "snapshot %zu, the newest of %.200s (root %.16s), is of a state that %s of "
	    "that state, transfers too, is given up",
	    n->number, log, n->root,
	    journal ? "this journal never had: it is a new one, an older copy of itself, "
		      "or of another node; what it lacks"
		    : "no journal has: there is none here; what older snapshots lack");
}

void newest_lost_tell(
    struct buf *out, const struct l2_state *is, const struct l2_state *will)
{
	char was[AMOUNT_TEXT_MAX], becomes[AMOUNT_TEXT_MAX];
	struct book_lost lost;

	book_lost(&lost, is, will);
	amount_format(was, &lost.supply, 0);
	amount_format(becomes, &lost.supply_to, 0);
	buf_addf(out, "a supply of %s in place of %s", becomes, was);
	replace_lost_tell(out, &lost);
}
