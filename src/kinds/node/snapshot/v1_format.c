#include "kinds/node/snapshot/v1.h"

#include <inttypes.h>

#include "base/check.h"

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

static void add_record(struct buf *b, const struct l2_kind *kind, const void *record)
{
	buf_add_str(b, kind->one);
	for (size_t i = 0; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];
		uint64_t v;

		buf_add_byte(b, ' ');
		if (field->type == L2_TEXT) {
			add_text(b, l2_field_text(record, field));
			continue;
		}
		v = l2_field_number(record, field);
		if (field->type == L2_INT && v >> 63) {
			buf_add_byte(b, '-');
			v = -v;
		}
		buf_add_u64(b, v);
	}
	buf_add_byte(b, '\n');
}

static void add_anchor(struct buf *b, const struct l2_anchor *a)
{
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

void v1_format(struct buf *b, const struct l2_state *s)
{
	buf_add_str(b, V1_HEADER "timestamp_ms ");
	buf_add_u64(b, s->timestamp_ms);
	buf_add_byte(b, '\n');
	for (enum l2_list list = 0; list < L2_LISTS; list++) {
		const struct l2_kind *kind = &l2_kinds[list];
		size_t n = l2_state_n(s, list);

		buf_add_str(b, kind->many);
		buf_add_byte(b, ' ');
		buf_add_u64(b, n);
		buf_add_byte(b, '\n');
		for (size_t i = 0; i < n; i++)
			add_record(b, kind, l2_state_at(s, list, i));
	}
	add_anchor(b, &s->anchor);
	buf_add_str(b, V1_END);
}
