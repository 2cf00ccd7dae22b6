/* hint.c - nodes say what came to their pools: when to look, and for what.
 *
 * A node is asked with the batch of a look, in the same request. Its silence says
 * nothing: who has no filters, or loses them, is asked for hash after hash all the same.
 */
#include "base/mutant.h"
#include "kinds/track/track_in.h"

/* Looks without a filter after a node refused one; after other failures one look, then
 * three, then seven .. */
#define PAUSE_MAX 64

const struct pending_filter *hint_filter(struct track_chain *t, int node)
{
	struct hint_node *h = &t->hints.node[node];

	if (t->chain->config->batch < 2)
		return NULL;
	if (h->pause) {
		h->pause--;
		return NULL;
	}
	return &h->filter;
}

uint32_t hint_match(
    const struct track_chain *t, const struct pending *news, int64_t ret[LOOK_MAX])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < news->n && n < LOOK_MAX; i++) {
		uint64_t print = finger_hash(&t->fingers, &news->hash[i]);
		size_t at = 0;
		int64_t id;

		while (n < LOOK_MAX && (id = fingers_next(&t->fingers, print, &at)))
			ret[n++] = id;
	}
	return n;
}

void hint_answered(
    struct track_chain *t, int node, const struct pending *news, enum err request)
{
	struct hint_node *h = &t->hints.node[node];
	enum err e = request ? request : news->err;

	if (e == ERR_OK) {
		h->filter = news->filter;
		h->failures = 0;
		return;
	}
	if (!MUTANT(lost_filter_stays))
		h->filter = (struct pending_filter){ .id = "" };
	if (!request && news->word.note == NOTE_FILTER_LOST)
		return;
	h->failures += h->failures < 6;
	h->pause = (1u << h->failures) - 1;
	if (!request && news->word.note == NOTE_NO_METHOD)
		h->pause = PAUSE_MAX;
}

static bool is_there(const struct hints *h, int64_t row)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (h->at[i].row == row)
			return true;
	return false;
}

void hint_add(struct track_chain *t, int node, const int64_t *rows, uint32_t n)
{
	struct hints *h = &t->hints;
	uint32_t share = LOOK_MAX / (uint32_t)pool_size(t->chain->pool), its = 0;

	for (uint32_t i = 0; i < h->n; i++)
		its += h->at[i].node == node;
	if (MUTANT(one_hints_for_all))
		share = LOOK_MAX;
	for (uint32_t i = 0; i < n && its < share && h->n < LOOK_MAX; i++)
		if (!is_there(h, rows[i])) {
			h->at[h->n++] = (struct hint){ rows[i], node };
			its++;
		}
}

uint32_t hint_rows(struct track_chain *t, int64_t *ret, uint32_t max)
{
	struct hints *h = &t->hints;
	struct sql_tracked_get_out row;
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->n && n < max && !MUTANT(hints_go_unheard); i++)
		if (row_get(t->track->journal, h->at[i].row, &row) && !row.no_looks &&
		    row.no_height &&
		    (row.state == TRACKED_UNSEEN || row.state == TRACKED_DROPPED))
			ret[n++] = row.id;
	h->n = 0;
	return n;
}
