#include "kinds/node/snapshot/v1.h"

#include "base/check.h"
#include "kinds/node/snapshot/fast.h"

static void add_text(struct buf *b, struct l2_bytes text)
{
	size_t from = 0;

	buf_add_byte(b, '"');
	for (size_t i = 0; i < text.len; i++) {
		CHECK(text.at[i] != '\n');
		if (text.at[i] != '"' && text.at[i] != '\\')
			continue;
		buf_add(b, text.at + from, i - from);
		buf_add_byte(b, '\\');
		from = i;
	}
	if (text.len)
		buf_add(b, text.at + from, text.len - from);
	buf_add_byte(b, '"');
}

/* Most balances are as short, and have room where they go. */
#define PEER_MAX 128

static bool add_balance(struct buf *b, const struct l2_balance *one)
{
	static const char tag[] = "balance \"";
	char *p;

	if (b->cap - b->len < sizeof tag + PEER_MAX + DIGITS_MAX + 8 || !one->peer.len ||
	    one->peer.len > PEER_MAX ||
	    fast_has3(one->peer.at, one->peer.len, '"', '\\', '\n'))
		return false;
	p = (char *)b->data + b->len;
	memcpy(p, tag, sizeof tag - 1);
	p = fast_copy(p + sizeof tag - 1, one->peer.at, one->peer.len);
	*p++ = '"';
	*p++ = ' ';
	p = digits_put(p, one->amount);
	*p++ = '\n';
	*p = '\0';
	b->len = (size_t)(p - (char *)b->data);
	return true;
}

static void add_record(struct buf *b, const struct l2_kind *kind, const void *record)
{
	buf_add_str(b, kind->one);
	for (size_t i = 0; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];
		char digits[DIGITS_MAX + 2], *p = digits;
		uint64_t v;

		if (field->type == L2_TEXT) {
			buf_add_byte(b, ' ');
			add_text(b, l2_field_text(record, field));
			continue;
		}
		v = l2_field_number(record, field);
		*p++ = ' ';
		if (field->type == L2_INT && v >> 63) {
			*p++ = '-';
			v = -v;
		}
		buf_add(b, digits, (size_t)(digits_put(p, v) - digits));
	}
	buf_add_byte(b, '\n');
}

void v1_format_anchor(struct buf *b, const struct l2_state *s)
{
	const struct l2_anchor *a = &s->anchor;

	if (!a->there) {
		buf_add_str(b, "anchor none\n");
		return;
	}
	buf_add_str(b, "anchor ");
	add_text(b, a->root);
	buf_add_byte(b, ' ');
	buf_add_u64(b, a->timestamp_ms);
	buf_add_byte(b, ' ');
	add_text(b, a->metadata);
	buf_add_byte(b, ' ');
	add_text(b, a->payload);
	buf_add_byte(b, ' ');
	add_text(b, a->hash);
	buf_add_byte(b, '\n');
}

void v1_format_head(struct buf *b, const struct l2_state *s)
{
	buf_add_str(b, V1_HEADER "timestamp_ms ");
	buf_add_u64(b, s->timestamp_ms);
	buf_add_byte(b, '\n');
}

void v1_format_list(struct buf *b, const struct l2_state *s, enum l2_list list)
{
	buf_add_str(b, l2_kinds[list].many);
	buf_add_byte(b, ' ');
	buf_add_u64(b, l2_state_n(s, list));
	buf_add_byte(b, '\n');
}

void v1_format_record(struct buf *b, enum l2_list list, const void *record)
{
	if (list != L2_BALANCES || !add_balance(b, record))
		add_record(b, &l2_kinds[list], record);
}

void v1_format(struct buf *b, const struct l2_state *s)
{
	v1_format_head(b, s);
	for (enum l2_list list = 0; list < L2_LISTS; list++) {
		v1_format_list(b, s, list);
		for (size_t i = 0; i < l2_state_n(s, list); i++)
			v1_format_record(b, list, l2_state_at(s, list, i));
	}
	v1_format_anchor(b, s);
	buf_add_str(b, V1_END);
}
