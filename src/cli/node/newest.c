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

/* Whole is what it is by itself: nobody is asked for anchors. */
static bool log_newest(struct newest *ret, struct l2_log **log, const char *path)
{
	struct judge nobody = { .journal = NULL };
	struct judgement g;

	l2_state_init(&ret->state);
	if (l2_log_open(log, &files_of_system, path, NULL) != ERR_OK ||
	    judge_log(&nobody, *log, &g, NULL) != ERR_OK)
		return false;
	newest_note(ret, &g);
	return ret->number && newest_load(ret, *log, NULL) == ERR_OK;
}

static bool has(struct l2_log *log, const char root[L2_HEX])
{
	static const struct l2_demand demand = { .anchor_needed = false };
	struct l2_verdict v;

	for (size_t i = l2_log_n(log); i-- > 0;)
		if (l2_log_check(log, l2_log_at(log, i), &demand, &v, NULL) == ERR_OK &&
		    strcmp(v.root, root) == 0)
			return true;
	return false;
}

bool newest_goes(struct newest *is, struct newest *comes, struct journal *journal,
    const char *log, const char *other)
{
	struct l2_log *of_is = NULL, *of_comes = NULL;
	bool goes = log_newest(is, &of_is, log);

	if (goes && journal)
		journal_read_begin(journal);
	goes = goes && newest_is_foreign(is, journal);
	if (goes && journal)
		journal_read_end(journal);
	goes = log_newest(comes, &of_comes, other) && goes && !has(of_comes, is->root);
	l2_log_close(of_comes);
	l2_log_close(of_is);
	return goes;
}

void newest_lost_tell(
    struct buf *out, const struct l2_state *is, const struct l2_state *will)
{
	char was[AMOUNT_TEXT_MAX], becomes[AMOUNT_TEXT_MAX];
	struct book_lost lost;

	book_lost(&lost, is, will);
	amount_format(was, &lost.supply, 0);
	amount_format(becomes, &lost.supply_to, 0);
	if (strcmp(was, becomes) != 0) {
		buf_addf(out, "a supply of %s in place of %s", becomes, was);
	} else {
		buf_addf(out, "the same supply of %s", was);
		replace_others_tell(out, &lost);
	}
	replace_lost_tell(out, &lost);
}
