#include "l2_sample.h"

#include <stdio.h>

#include "base/check.h"
#include "base/hex.h"
#include "crypto/sha256.h"
#include "kinds/node/state/change.h"

#define T(s) l2_text(s)
#define ID_DIGITS 4

void sample_add(struct l2_state *s)
{
	struct l2_balance balances[] = { { T("peer-b"), 250 }, { T("peer-a"), 1000 },
		{ T("Peer\"Q\\x"), 7 } };
	struct l2_escrow escrows[] = {
		{ T("task-2"), T("peer-a"), 50, true, 1700000000001 },
		{ T("task-1"), T("peer-b"), 25, false, 1700000000002 },
	};
	struct l2_pegin pegin = { T("pegin-1"), T("aa11"), 1, 150000, T("bc1qsrc"),
		T("peer-a"), 3, 6, 1700000000, 1700000600 };
	struct l2_task task = { T("job-1"), 5, 1, T("peer-a"), 1700000000003, { 0 },
		{ 0 } };
	uint8_t hash[32];
	char hex[L2_HEX];

	sha256(hash, "payload", 7);
	hex_format(hex, hash, sizeof hash);
	task.payload_hash = T(hex);
	s->timestamp_ms = 1700000000000;
	for (size_t i = 0; i < 3; i++)
		l2_state_add(s, L2_BALANCES, &balances[i]);
	for (size_t i = 0; i < 2; i++)
		l2_state_add(s, L2_ESCROWS, &escrows[i]);
	l2_state_add(s, L2_PEGINS, &pegin);
	l2_state_add(s, L2_TASKS, &task);
}

void sample_anchor(struct l2_state *s)
{
	char root[L2_HEX];

	sample_add(s);
	l2_state_root(s, root);
	CHECK(!l2_state_anchor(s, root, 1700000000004, T("meta:1"), NULL));
}

uint64_t sample_dice(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return below ? (*seed >> 32) % below : 0;
}

static struct l2_bytes any_text(uint64_t *seed, char *room, size_t max)
{
	static const char *const bits[] = { "\"", "\\", "\\\"", " ", "\xc3\xa4",
		"\xe2\x82\xac", "\xf0\x9f\x8d\x8b", "END_SNAPSHOT", "SNAPSHOT v1",
		"peer-", "\t", "\r", "\xff", "0", "anchor none" };
	const size_t edges[] = { 0, 1, max - 1, max };
	size_t n = 0, most = sample_dice(seed, 20);

	if (!sample_dice(seed, 8))
		most = sample_dice(seed, max);
	else if (!sample_dice(seed, 24))
		most = edges[sample_dice(seed, sizeof edges / sizeof *edges)];

	while (n < most) {
		const char *bit = bits[sample_dice(seed, sizeof bits / sizeof *bits)];
		uint64_t luck = sample_dice(seed, 40);

		if (luck < 6 && n + strlen(bit) <= most) {
			memcpy(room + n, bit, strlen(bit));
			n += strlen(bit);
		} else {
			room[n++] = luck == 39 ? '\0' : (char)('a' + luck % 26);
		}
	}
	return (struct l2_bytes){ room, n };
}

static uint64_t any_number(uint64_t *seed, enum l2_type type)
{
	static const uint64_t most[] = { [L2_U64] = UINT64_MAX,
		[L2_U32] = UINT32_MAX,
		[L2_INT] = INT32_MAX,
		[L2_BOOL] = 1 };
	uint64_t luck = sample_dice(seed, 10);

	if (luck < 2)
		return luck ? most[type] : 0;
	if (luck == 3 && type == L2_INT)
		return sample_dice(seed, 2) ? (uint64_t)INT32_MIN : (uint64_t)-1;
	luck = sample_dice(seed, 1u << 31) << sample_dice(seed, 32);
	return type == L2_BOOL ? luck & 1 : luck & most[type];
}

static void add_any(struct l2_state *s, uint64_t *seed, enum l2_list list, size_t i)
{
	const struct l2_kind *kind = &l2_kinds[list];
	static char room[L2_FIELDS_MAX][CHANGE_TEXT_MAX + 1];
	union l2_record r = { 0 };

	for (size_t k = 0; k < kind->fields_n; k++) {
		const struct l2_field *field = &kind->fields[k];
		struct l2_bytes text;

		if (field->type != L2_TEXT) {
			l2_field_put(&r, field, any_number(seed, field->type));
			continue;
		}
		text = any_text(seed, room[k], CHANGE_TEXT_MAX - (k ? 0 : ID_DIGITS));
		/* One id may be empty; the others end with what makes them differ. */
		if (!k && i)
			text.len += (size_t)snprintf(
			    room[k] + text.len, ID_DIGITS + 1, "%0*zu", ID_DIGITS, i);
		else if (!k)
			text.len = 0;
		memcpy((char *)&r + field->at, &text, sizeof text);
	}
	l2_state_add(s, list, &r);
}

void sample_any(struct l2_state *s, uint64_t *seed, size_t n)
{
	char root[L2_HEX], room[CHANGE_TEXT_MAX];

	s->timestamp_ms = any_number(seed, L2_U64);
	for (enum l2_list list = 0; list < L2_LISTS; list++) {
		size_t most = sample_dice(seed, n + 1);

		for (size_t i = 0; i < most; i++)
			add_any(s, seed, list, i);
	}
	if (!sample_dice(seed, 4))
		return;
	l2_state_root(s, root);
	CHECK(!l2_state_anchor(
	    s, root, any_number(seed, L2_U64), any_text(seed, room, sizeof room), NULL));
}

static bool same_record(const struct l2_kind *kind, const void *a, const void *b)
{
	for (size_t k = 0; k < kind->fields_n; k++) {
		const struct l2_field *field = &kind->fields[k];

		if (field->type == L2_TEXT
			? !l2_same(l2_field_text(a, field), l2_field_text(b, field))
			: l2_field_number(a, field) != l2_field_number(b, field))
			return false;
	}
	return true;
}

bool sample_same(const struct l2_state *a, const struct l2_state *b)
{
	for (enum l2_list list = 0; list < L2_LISTS; list++) {
		if (l2_state_n(a, list) != l2_state_n(b, list))
			return false;
		for (size_t i = 0; i < l2_state_n(a, list); i++)
			if (!same_record(&l2_kinds[list], l2_state_at(a, list, i),
				l2_state_at(b, list, i)))
				return false;
	}
	return a->timestamp_ms == b->timestamp_ms && a->anchor.there == b->anchor.there &&
	    l2_same(a->anchor.root, b->anchor.root) &&
	    a->anchor.timestamp_ms == b->anchor.timestamp_ms &&
	    l2_same(a->anchor.metadata, b->anchor.metadata) &&
	    l2_same(a->anchor.payload, b->anchor.payload) &&
	    l2_same(a->anchor.hash, b->anchor.hash);
}
