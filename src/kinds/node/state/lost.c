/* lost.c - what one state has that another does not, as far as Bitcoin knows of it. */
#include "base/check.h"
#include "engine/states.h"
#include "kinds/node/state/book.h"

static void add(struct amount *sum, uint64_t more)
{
	struct amount a = amount_u64(more);

	CHECK(amount_add(sum, sum, &a));
}

/* The record of this id; lists are sorted, and so is who asks: at moves on. */
static const void *twin(
    const struct l2_state *s, enum l2_list list, struct l2_bytes id, size_t *at)
{
	const struct l2_field *name = &l2_kinds[list].fields[0];

	for (; *at < l2_state_n(s, list); ++*at) {
		const void *record = l2_state_at(s, list, *at);
		int order = l2_compare(l2_field_text(record, name), id);

		if (order >= 0)
			return order == 0 ? record : NULL;
	}
	return NULL;
}

static void pegouts_compare(
    struct book_lost *ret, const struct l2_state *is, const struct l2_state *will)
{
	size_t at = 0;

	for (size_t i = 0; i < is->pegouts_n; i++) {
		const struct l2_pegout *p = &is->pegouts[i], *then;

		if (p->status != PEGOUT_COMPLETED)
			continue;
		then = twin(will, L2_PEGOUTS, p->id, &at);
		if (then && then->status == PEGOUT_COMPLETED)
			continue;
		ret->pegouts++;
		add(&ret->released, p->release);
	}
}

static void pegins_compare(
    struct book_lost *ret, const struct l2_state *is, const struct l2_state *will)
{
	size_t at = 0;

	for (size_t i = 0; i < is->pegins_n; i++) {
		const struct l2_pegin *p = &is->pegins[i], *then;

		if (p->status != PEGIN_MINTED)
			continue;
		then = twin(will, L2_PEGINS, p->id, &at);
		if (then && then->status == PEGIN_MINTED)
			continue;
		ret->pegins++;
		add(&ret->minted, p->amount);
	}
}

static struct amount supply_of(const struct l2_state *s)
{
	struct amount sum = AMOUNT_ZERO;

	for (size_t i = 0; i < s->balances_n; i++)
		add(&sum, s->balances[i].amount);
	for (size_t i = 0; i < s->escrows_n; i++)
		add(&sum, s->escrows[i].amount);
	return sum;
}

static bool is_same(const struct l2_kind *kind, const void *a, const void *b)
{
	for (size_t i = 0; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];

		if (field->type == L2_TEXT
			? !l2_same(l2_field_text(a, field), l2_field_text(b, field))
			: l2_field_number(a, field) != l2_field_number(b, field))
			return false;
	}
	return true;
}

/* Of both, by their ids. */
static size_t others(
    const struct l2_state *is, const struct l2_state *will, enum l2_list list)
{
	const struct l2_kind *kind = &l2_kinds[list];
	size_t n = l2_state_n(is, list), m = l2_state_n(will, list), ret = 0;

	for (size_t i = 0, j = 0; i < n || j < m;) {
		const void *a = i < n ? l2_state_at(is, list, i) : NULL;
		const void *b = j < m ? l2_state_at(will, list, j) : NULL;
		int order = !a ? 1
		    : !b       ? -1
			       : l2_compare(l2_field_text(a, &kind->fields[0]),
				     l2_field_text(b, &kind->fields[0]));

		ret += order || !is_same(kind, a, b);
		i += order <= 0;
		j += order >= 0;
	}
	return ret;
}

void book_lost(
    struct book_lost *ret, const struct l2_state *is, const struct l2_state *will)
{
	*ret =
	    (struct book_lost){ .supply = supply_of(is), .supply_to = supply_of(will) };
	pegouts_compare(ret, is, will);
	pegins_compare(ret, is, will);
	for (enum l2_list list = 0; list < L2_LISTS; list++)
		if (!amount_cmp(&ret->supply, &ret->supply_to))
			ret->others[list] = others(is, will, list);
}
