#include "cli/node/later.h"

#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/state/book.h"

static bool any(void *ctx, struct l2_bytes hash)
{
	(void)ctx;
	(void)hash;
	return true;
}

/* What can't be read, or is no snapshot any more, says nothing. */
static void see(struct later *l, struct l2_block block)
{
	static const struct l2_demand demand = { .stored = any };
	struct later_seen *one;
	struct l2_verdict v;
	struct hash hash;

	if (l2_log_check(l->log, block, &demand, &v, NULL) != ERR_OK || !v.anchored ||
	    !hex_parse(hash.at, sizeof hash.at, v.anchor_hash, strlen(v.anchor_hash)))
		return;
	if (!(l->n & (l->n - 1)))
		l->seen = mem_grow(l->seen, l->n ? 2 * l->n : 1, sizeof *l->seen);
	one = &l->seen[l->n++];
	*one = (struct later_seen){ hash, block.offset > l->block.offset };
}

static void look(struct later *l)
{
	if (l->looked || !l->log)
		return;
	l->looked = true;
	if (l2_log_survey(l->log, NULL) != ERR_OK)
		return;
	for (size_t i = 0; i < l2_log_n(l->log); i++)
		see(l, l2_log_at(l->log, i));
}

bool later_is(void *ctx, const struct anchor *a)
{
	struct later *l = ctx;
	enum book_stands is = BOOK_MAY_STAND;

	if (a->change && l->after >= 0)
		is = book_stood(l->journal, a->change, l->after);
	if (is != BOOK_MAY_STAND && !MUTANT(anchors_left_by_the_clock))
		return is == BOOK_TAKEN_BACK;
	look(l);
	/* the oldest that has it says where it belongs */
	for (size_t i = 0; i < l->n && !MUTANT(anchors_left_by_the_clock); i++)
		if (hash_same(&l->seen[i].anchor, &a->hash))
			return l->seen[i].behind;
	return a->made_ms > 0 && (uint64_t)a->made_ms > l->since_ms;
}

void later_release(struct later *l)
{
	mem_free(l->seen);
}
