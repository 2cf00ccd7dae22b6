#include "kinds/node/snapshot/state.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "kinds/node/snapshot/fast.h"
#include "kinds/node/snapshot/order.h"
#include "kinds/node/snapshot/root.h"

#define KIND(one, list, list_n, ...)                                                   \
	{                                                                              \
#one, #list, sizeof(struct l2_##one), offsetof(struct l2_state, list), \
		    offsetof(struct l2_state, list_n),                                 \
		    sizeof((struct l2_field[]){ __VA_ARGS__ }) /                       \
		    sizeof(struct l2_field),                                           \
		{                                                                      \
			__VA_ARGS__                                                    \
		}                                                                      \
	}
#define FIELD(one, type, name)                                    \
	{                                                         \
#name, L2_##type, offsetof(struct l2_##one, name) \
	}

const struct l2_kind l2_kinds[L2_LISTS] = {
	KIND(balance, balances, balances_n, /* */
	    FIELD(balance, TEXT, peer), FIELD(balance, U64, amount)),
	KIND(escrow, escrows, escrows_n, /* */
	    FIELD(escrow, TEXT, task), FIELD(escrow, TEXT, client),
	    FIELD(escrow, U64, amount), FIELD(escrow, BOOL, locked),
	    FIELD(escrow, U64, created_ms)),
	KIND(pegin, pegins, pegins_n, /* */
	    FIELD(pegin, TEXT, id), FIELD(pegin, TEXT, btc_tx), FIELD(pegin, U32, vout),
	    FIELD(pegin, U64, amount), FIELD(pegin, TEXT, source),
	    FIELD(pegin, TEXT, dest), FIELD(pegin, INT, status),
	    FIELD(pegin, U64, confirmations), FIELD(pegin, U64, initiated_s),
	    FIELD(pegin, U64, completed_s)),
	KIND(pegout, pegouts, pegouts_n, /* */
	    FIELD(pegout, TEXT, id), FIELD(pegout, TEXT, source),
	    FIELD(pegout, TEXT, dest), FIELD(pegout, U64, burn),
	    FIELD(pegout, U64, release), FIELD(pegout, INT, status),
	    FIELD(pegout, TEXT, anchor), FIELD(pegout, U64, initiated_s),
	    FIELD(pegout, U64, completed_s)),
	KIND(task, tasks, tasks_n, /* */
	    FIELD(task, TEXT, id), FIELD(task, INT, type), FIELD(task, INT, priority),
	    FIELD(task, TEXT, submitter), FIELD(task, U64, submitted_ms),
	    FIELD(task, TEXT, payload_hash), FIELD(task, TEXT, anchor)),
};

int l2_compare(struct l2_bytes a, struct l2_bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len, i = fast_common(a.at, b.at, n);
	int c = i < n ? memcmp(a.at + i, b.at + i, n - i) : 0;

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

uint64_t l2_field_number(const void *record, const struct l2_field *field)
{
	const char *at = (const char *)record + field->at;
	uint64_t v = 0;
	uint32_t u;
	int32_t i;
	bool yes;

	switch (field->type) {
	case L2_U64:
		memcpy(&v, at, sizeof v);
		return v;
	case L2_U32:
		memcpy(&u, at, sizeof u);
		return u;
	case L2_INT:
		memcpy(&i, at, sizeof i);
		return (uint64_t)(int64_t)i;
	case L2_BOOL:
		memcpy(&yes, at, sizeof yes);
		return yes;
	case L2_TEXT:
		break;
	}
	BUG("a text is no number");
}

void l2_field_put(void *record, const struct l2_field *field, uint64_t v)
{
	char *at = (char *)record + field->at;

	switch (field->type) {
	case L2_U64:
		memcpy(at, &v, sizeof v);
		return;
	case L2_U32:
		memcpy(at, &(uint32_t){ (uint32_t)v }, sizeof(uint32_t));
		return;
	case L2_INT:
		memcpy(at, &(int32_t){ (int32_t)v }, sizeof(int32_t));
		return;
	case L2_BOOL:
		memcpy(at, &(bool){ v != 0 }, sizeof(bool));
		return;
	case L2_TEXT:
		break;
	}
	BUG("a text is no number");
}

void l2_state_init(struct l2_state *s)
{
	*s = (struct l2_state){ 0 };
	arena_init(&s->arena, SIZE_MAX / 2);
}

static void *list_get(const struct l2_state *s, enum l2_list list)
{
	void *at;

	memcpy(&at, (const char *)s + l2_kinds[list].list, sizeof at);
	return at;
}

static void list_put(struct l2_state *s, enum l2_list list, void *at, size_t n)
{
	memcpy((char *)s + l2_kinds[list].list, &at, sizeof at);
	memcpy((char *)s + l2_kinds[list].list_n, &n, sizeof n);
}

void l2_state_release(struct l2_state *s)
{
	for (enum l2_list list = 0; list < L2_LISTS; list++)
		mem_free(list_get(s, list));
	arena_release(&s->arena);
	l2_state_init(s);
}

size_t l2_state_n(const struct l2_state *s, enum l2_list list)
{
	size_t n;

	memcpy(&n, (const char *)s + l2_kinds[list].list_n, sizeof n);
	return n;
}

bool l2_state_is_empty(const struct l2_state *s)
{
	for (int i = 0; i < L2_LISTS; i++)
		if (l2_state_n(s, (enum l2_list)i))
			return false;
	return true;
}

const void *l2_state_at(const struct l2_state *s, enum l2_list list, size_t n)
{
	return (const char *)list_get(s, list) + n * l2_kinds[list].size;
}

struct l2_bytes l2_state_keep(struct l2_state *s, struct l2_bytes text)
{
	char *copy;

	if (!text.len)
		return (struct l2_bytes){ 0 };
	copy = arena_strn(&s->arena, text.at, text.len);
	CHECK(copy);
	return (struct l2_bytes){ copy, text.len };
}

void l2_state_add(struct l2_state *s, enum l2_list list, const void *record)
{
	const struct l2_kind *kind = &l2_kinds[list];
	size_t n = l2_state_n(s, list);
	char *at = list_get(s, list), *own;

	if (n == s->cap[list]) {
		s->cap[list] = n ? n * 2 : 16;
		at = mem_grow(at, s->cap[list], kind->size);
	}
	own = at + n * kind->size;
	memcpy(own, record, kind->size);
	for (size_t i = 0; i < kind->fields_n; i++)
		if (kind->fields[i].type == L2_TEXT) {
			struct l2_bytes text =
			    l2_state_keep(s, l2_field_text(record, &kind->fields[i]));

			memcpy(own + kind->fields[i].at, &text, sizeof text);
		}
	list_put(s, list, at, n + 1);
}

/* -- order -------------------------------------------------------------------- */

struct listed {
	const struct l2_state *s;
	enum l2_list list;
};

/* The id is the first field of each record. */
static struct l2_bytes id_at(const struct listed *l, size_t n)
{
	return l2_field_text(l2_state_at(l->s, l->list, n), &l2_kinds[l->list].fields[0]);
}

static uint64_t id_key(void *ctx, uint64_t ref, size_t from)
{
	struct l2_bytes id = id_at(ctx, ref);

	return order_key(id.at, id.len, from);
}

static int id_compare(void *ctx, uint64_t a, uint64_t b)
{
	return l2_compare(id_at(ctx, a), id_at(ctx, b));
}

static size_t common(struct l2_bytes a, struct l2_bytes b, size_t max)
{
	size_t n = 0;

	while (n < max && n < a.len && n < b.len && a.at[n] == b.at[n])
		n++;
	return n;
}

static bool is_sorted(const struct listed *l)
{
	const struct l2_kind *kind = &l2_kinds[l->list];
	const char *record = l2_state_at(l->s, l->list, 0);
	struct l2_bytes last = { 0 }, id;

	for (size_t n = l2_state_n(l->s, l->list), i = 0; i < n; i++, last = id) {
		id = l2_field_text(record + i * kind->size, &kind->fields[0]);
		if (i && l2_compare(last, id) >= 0)
			return false;
	}
	return true;
}

/* NULL: they are sorted, and no id is there twice. */
static struct order *order_of(struct listed *l)
{
	struct order_by by = { id_key, id_compare, l };
	size_t n = l2_state_n(l->s, l->list), same;
	struct order *at;

	if (is_sorted(l))
		return NULL;
	same = id_at(l, 0).len;
	for (size_t i = 1; i < n && same; i++)
		same = common(id_at(l, 0), id_at(l, i), same);
	at = mem_array(n, sizeof *at);
	for (size_t i = 0; i < n; i++)
		at[i] = (struct order){ id_key(l, i, same), i };
	order_sort(at, n, same, &by);
	return at;
}

bool l2_state_sort(struct l2_state *s)
{
	bool once = true;

	for (enum l2_list list = 0; list < L2_LISTS; list++) {
		struct listed l = { s, list };
		struct order_by by = { id_key, id_compare, &l };
		size_t n = l2_state_n(s, list), size = l2_kinds[list].size;
		struct order *order = order_of(&l);
		char *sorted;

		if (!order)
			continue;
		once &= order_twice(order, n, &by) == n;
		sorted = mem_array(n, size);
		for (size_t i = 0; i < n; i++)
			memcpy(
			    sorted + i * size, l2_state_at(s, list, order[i].ref), size);
		mem_free(list_get(s, list));
		list_put(s, list, sorted, n);
		s->cap[list] = n;
		mem_free(order);
	}
	return once;
}

void l2_state_root(const struct l2_state *s, char out[L2_HEX])
{
	struct root *r = root_begin();

	for (enum l2_list list = 0; list < L2_LISTS; list++) {
		struct listed l = { s, list };
		size_t n = l2_state_n(s, list);
		struct order *order = order_of(&l);

		root_list(r, list, n);
		for (size_t i = 0; i < n; i++)
			root_record(
			    r, list, l2_state_at(s, list, order ? order[i].ref : i));
		mem_free(order);
	}
	root_end(r, out);
}

/* -- what may be written ------------------------------------------------------- */

static const char *ambiguous(struct l2_bytes text)
{
	if (!fast_has(text.at, text.len, ':', '\n'))
		return NULL;
	return memchr(text.at, ':', text.len) ? "colon" : "line feed";
}

static bool is_plain(const struct l2_kind *kind, const void *record)
{
	for (size_t i = 0; i < kind->fields_n; i++) {
		struct l2_bytes text;

		if (kind->fields[i].type != L2_TEXT)
			continue;
		text = l2_field_text(record, &kind->fields[i]);
		if (fast_has(text.at, text.len, ':', '\n'))
			return false;
	}
	return true;
}

static bool list_is_ready(const struct l2_state *s, enum l2_list list)
{
	const struct l2_kind *kind = &l2_kinds[list];
	const char *record = l2_state_at(s, list, 0);
	struct l2_bytes last = { 0 }, id;

	for (size_t n = l2_state_n(s, list), i = 0; i < n; i++, last = id) {
		id = l2_field_text(record, &kind->fields[0]);
		if ((i && !fast_is_before(last.at, last.len, id.at, id.len) &&
			!MUTANT(l2_written_unsorted)) ||
		    !is_plain(kind, record))
			return false;
		record += kind->size;
	}
	return true;
}

bool l2_state_is_ready(const struct l2_state *s)
{
	for (enum l2_list list = 0; list < L2_LISTS; list++)
		if (!list_is_ready(s, list))
			return false;
	return true;
}

static enum err check_record(
    enum l2_list list, const void *record, size_t n, struct fail *f)
{
	const struct l2_kind *kind = &l2_kinds[list];

	for (size_t i = 0; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];
		struct l2_bytes text;
		const char *what;

		if (field->type != L2_TEXT)
			continue;
		text = l2_field_text(record, field);
		what = ambiguous(text);
		if (what)
			return fail_set(f, ERR_INPUT,
			    "%s %zu: its %s '%.*s' has a %s, and its root would be that "
			    "of another state, too: give it another one",
			    kind->one, n + 1, field->name,
			    (int)(text.len < 80 ? text.len : 80), text.at, what);
	}
	return ERR_OK;
}

static enum err check_list(const struct l2_state *s, enum l2_list list, struct fail *f)
{
	struct listed l = { s, list };
	struct order_by by = { id_key, id_compare, &l };
	size_t n = l2_state_n(s, list), twice = n;
	struct order *order = order_of(&l);
	enum err e = ERR_OK;

	if (order)
		twice = order_twice(order, n, &by);
	if (twice < n) {
		struct l2_bytes id = id_at(&l, order[twice].ref);

		e = fail_set(f, ERR_INPUT,
		    "%s '%.*s' is there twice, as number %" PRIu64 " and %" PRIu64,
		    l2_kinds[list].one, (int)(id.len < 80 ? id.len : 80), id.at,
		    order[twice - 1].ref + 1, order[twice].ref + 1);
	}
	mem_free(order);
	for (size_t i = 0; !e && i < n; i++)
		e = check_record(list, l2_state_at(s, list, i), i, f);
	return e;
}

enum err l2_state_check(const struct l2_state *s, struct fail *f)
{
	enum err e = ERR_OK;

	for (enum l2_list list = 0; !e && list < L2_LISTS; list++)
		e = check_list(s, list, f);
	return e;
}

enum err l2_state_anchor(struct l2_state *s, const char root[L2_HEX],
    uint64_t timestamp_ms, struct l2_bytes metadata, struct fail *f)
{
	struct buf payload;
	uint8_t hash[32];
	char hex[L2_HEX];

	if (metadata.len && memchr(metadata.at, '\n', metadata.len))
		return fail_set(f, ERR_INPUT,
		    "the metadata of an anchor has a line feed: give it in one line");
	buf_init(&payload, SIZE_MAX / 2);
	buf_add_str(&payload, root);
	buf_add_byte(&payload, ':');
	buf_add_u64(&payload, timestamp_ms);
	buf_add_byte(&payload, ':');
	if (metadata.len)
		buf_add(&payload, metadata.at, metadata.len);
	sha256(hash, payload.data, payload.len);
	hex_format(hex, hash, sizeof hash);
	s->anchor = (struct l2_anchor){
		.there = true,
		.root = l2_state_keep(s, l2_text(root)),
		.timestamp_ms = timestamp_ms,
		.metadata = l2_state_keep(s, metadata),
		.payload = l2_state_keep(
		    s, (struct l2_bytes){ (const char *)payload.data, payload.len }),
		.hash = l2_state_keep(s, l2_text(hex)),
	};
	buf_release(&payload);
	return ERR_OK;
}
