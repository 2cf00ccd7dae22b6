#include "kinds/node/snapshot/v1.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"

/* A line of a record has a tag, an id in quotes, and more. */
#define LINE_MIN 12

enum stage { HEADER, LIST, RECORDS, ANCHOR, END, OVER };

/* So much of a block that is not in memory is read at a time; more, where a line is
 * longer. */
#define WINDOW ((size_t)1 << 18)

void v1_reader_init(struct v1_reader *r, const char *block, size_t len)
{
	*r = (struct v1_reader){ .window = block,
		.at = block,
		.end = block + len,
		.limit = block + len,
		.len = len,
		.line = 1 };
}

void v1_reader_open(struct v1_reader *r, const struct v1_source *source)
{
	*r = (struct v1_reader){ .source = source, .len = source->len, .line = 1 };
}

struct v1_place v1_place(const struct v1_reader *r)
{
	return (struct v1_place){ r->list, r->left, r->offset, r->line };
}

void v1_reader_again(
    struct v1_reader *r, const struct v1_reader *of, const struct v1_place *place)
{
	*r = (struct v1_reader){ .list = place->list,
		.left = place->n,
		.offset = place->offset,
		.line = place->line,
		.len = of->len,
		.stage = RECORDS };
	if (of->source) {
		r->source = of->source;
		r->base = place->offset;
		return;
	}
	r->window = of->window;
	r->at = of->window + place->offset;
	r->end = r->limit = of->window + of->len;
}

void v1_reader_release(struct v1_reader *r)
{
	mem_free(r->plain);
	r->plain = NULL;
	if (r->source) {
		char *own = (char *)(uintptr_t)r->window;

		mem_free(own);
		r->window = NULL;
	}
}

uint64_t v1_offset(const struct v1_reader *r)
{
	return r->base + (uint64_t)(r->at - r->window);
}

/* Always false, for those who return it. The first thing that is said stays. */
static bool PRINTF(2, 3) bad(struct v1_reader *r, const char *fmt, ...)
{
	va_list ap;

	if (r->why[0])
		return false;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof r->why, fmt, ap);
	va_end(ap);
	r->offset = v1_offset(r);
	return false;
}

/* -- from a source ---------------------------------------------------------------- */

static bool read_more(struct v1_reader *r, char *window)
{
	uint64_t left = r->len - r->base - r->window_n;
	size_t n = r->window_cap - r->window_n;
	struct fail f = { 0 };

	if (n > left)
		n = (size_t)left;
	r->e = r->source->read(
	    r->source->ctx, r->base + r->window_n, window + r->window_n, n, &f);
	if (r->e)
		return bad(r, "%s", f.why);
	r->window_n += n;
	memset(window + r->window_n, 0, V1_BEHIND);
	r->limit = window + r->window_n + V1_BEHIND;
	return true;
}

/* What is left of a line that is cut goes to the front, and more comes behind it. */
static bool move_on(struct v1_reader *r)
{
	size_t done = (size_t)(r->end - r->window), kept = r->window_n - done;
	char *window = (char *)(uintptr_t)r->window;
	const char *last;

	if (kept)
		memmove(window, r->end, kept);
	r->base += done;
	r->window_n = kept;
	do {
		if (r->window_n == r->window_cap) {
			r->window_cap = r->window_cap ? 2 * r->window_cap : WINDOW;
			if (r->window_cap > r->len - r->base)
				r->window_cap = (size_t)(r->len - r->base);
			window = mem_grow(window, r->window_cap + V1_BEHIND, 1);
		}
		r->window = r->at = r->end = window;
		if (!read_more(r, window))
			return false;
		last = memrchr(window, '\n', r->window_n);
	} while (!last && r->base + r->window_n < r->len);
	if (r->base + r->window_n == r->len)
		r->end = window + r->window_n;
	else
		r->end = last + 1;
	return true;
}

/* Lines are cut nowhere: where the last one that is in memory ends, others come. */
bool v1_more(struct v1_reader *r)
{
	if (!r->source || r->at != r->end || r->base + r->window_n == r->len)
		return true;
	return move_on(r);
}

bool v1_skip_line(struct v1_reader *r)
{
	const char *end;

	if (!v1_more(r))
		return false;
	end = r->at == r->end ? NULL : memchr(r->at, '\n', (size_t)(r->end - r->at));
	r->at = end ? end + 1 : r->end;
	return true;
}

void v1_take_over(struct v1_reader *r, struct v1_reader *from, uint64_t n)
{
	const char *window = r->window;
	size_t cap = r->window_cap;

	r->at = from->at;
	r->end = from->end;
	r->limit = from->limit;
	r->base = from->base;
	r->window_n = from->window_n;
	r->window = from->window;
	r->window_cap = from->window_cap;
	from->window = window;
	from->window_cap = cap;
	r->line += n;
	r->left -= n;
}

/* -- what is in a line ------------------------------------------------------------ */

static bool take_word(struct v1_reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

static bool take_space(struct v1_reader *r)
{
	if (r->at < r->end && *r->at == ' ') {
		r->at++;
		return true;
	}
	return bad(r,
	    r->at < r->end && *r->at == '\n'
		? "the line ends too early: a field is missing"
		: "one space is expected here");
}

static bool take_end(struct v1_reader *r)
{
	if (r->at < r->end && *r->at == '\n') {
		r->at++;
		r->line++;
		return true;
	}
	if (r->at < r->end && *r->at == '\r')
		return bad(r, "the line ends with CR LF; only LF ends a line");
	return bad(r, "there is more in the line than belongs to it");
}

static bool too_large(struct v1_reader *r, uint64_t max)
{
	int n = 0;

	while (r->at + n < r->end && r->at[n] >= '0' && r->at[n] <= '9' && n < 40)
		n++;
	return bad(r, "the number %.*s%s is larger than %" PRIu64, n, r->at,
	    n == 40 ? ".." : "", max);
}

static bool take_digits(struct v1_reader *r, uint64_t *ret, uint64_t max)
{
	const char *p = r->at;
	uint64_t v = 0;

	while (p < r->end && *p >= '0' && *p <= '9') {
		unsigned digit = (unsigned)(*p - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return too_large(r, max);
		v = v * 10 + digit;
		p++;
	}
	if (p == r->at)
		return bad(r, "a number is expected here, of digits alone");
	if (*r->at == '0' && p - r->at > 1)
		return bad(r, "the number has zeros in front");
	if (v > max)
		return too_large(r, max);
	r->at = p;
	*ret = v;
	return true;
}

static bool take_number(struct v1_reader *r, enum l2_type type, uint64_t *ret)
{
	const char *start = r->at;

	switch (type) {
	case L2_U64:
		return take_digits(r, ret, UINT64_MAX);
	case L2_U32:
		return take_digits(r, ret, UINT32_MAX);
	case L2_BOOL:
		return take_digits(r, ret, 1);
	case L2_INT:
		if (!take_word(r, "-"))
			return take_digits(r, ret, INT32_MAX);
		if (!take_digits(r, ret, (uint64_t)INT32_MAX + 1))
			return false;
		if (!*ret) {
			r->at = start;
			return bad(r, "the number is a zero with a sign");
		}
		*ret = -*ret;
		return true;
	case L2_TEXT:
		break;
	}
	BUG("a text is no number");
}

/* Behind the first backslash of a text, which begins at `from`. */
static bool take_escaped(struct v1_reader *r, const char *from, struct l2_bytes *ret)
{
	const char *p = from, *line_end = memchr(from, '\n', (size_t)(r->end - from));
	size_t most = (size_t)((line_end ? line_end : r->end) - from), start = r->plain_n;

	/* All texts of a line are shorter than it: what was taken before stays. */
	CHECK(r->plain_cap - r->plain_n >= most);
	while (p < r->end && *p != '"' && *p != '\n') {
		if (*p == '\\' && (++p == r->end || (*p != '"' && *p != '\\'))) {
			r->at = p - 1;
			return bad(r, "a backslash stands before quotes or another one");
		}
		r->plain[r->plain_n++] = *p++;
	}
	if (p == r->end || *p == '\n')
		return bad(r, "the quotes are not closed in their line");
	*ret = (struct l2_bytes){ r->plain + start, r->plain_n - start };
	r->at = p + 1;
	return true;
}

static void make_room(struct v1_reader *r)
{
	const char *line_end = memchr(r->at, '\n', (size_t)(r->end - r->at));
	size_t most = (size_t)((line_end ? line_end : r->end) - r->at);

	if (r->plain_n || r->plain_cap >= most)
		return;
	mem_free(r->plain);
	r->plain = mem_array(most, 1);
	r->plain_cap = most;
}

static bool take_text(struct v1_reader *r, struct l2_bytes *ret)
{
	const char *p = r->at + 1;

	if (r->at == r->end || *r->at != '"')
		return bad(r, "a text in quotes is expected here");
	while (p < r->end && *p != '"' && *p != '\\' && *p != '\n')
		p++;
	if (p == r->end || *p == '\n')
		return bad(r, "the quotes are not closed in their line");
	if (*p == '\\') {
		make_room(r);
		return take_escaped(r, r->at + 1, ret);
	}
	*ret = (struct l2_bytes){ r->at + 1, (size_t)(p - r->at - 1) };
	r->at = p + 1;
	return true;
}

static void look_for_colon(struct v1_reader *r, struct l2_bytes text)
{
	if (!text.len || !memchr(text.at, ':', text.len))
		return;
	if (!r->ambiguous++) {
		r->ambiguous_offset = r->record_offset;
		r->ambiguous_line = r->line;
	}
}

static bool take_fields(struct v1_reader *r)
{
	const struct l2_kind *kind = &l2_kinds[r->list];

	r->plain_n = 0;
	for (size_t i = 0; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];
		struct l2_bytes text;
		uint64_t v;

		if (!take_space(r))
			return false;
		if (field->type == L2_TEXT) {
			if (!take_text(r, &text))
				return false;
			look_for_colon(r, text);
			memcpy((char *)&r->record + field->at, &text, sizeof text);
		} else {
			if (!take_number(r, field->type, &v))
				return false;
			l2_field_put(&r->record, field, v);
		}
	}
	return take_end(r);
}

static bool take_record(struct v1_reader *r)
{
	const struct l2_kind *kind = &l2_kinds[r->list];

	r->record_offset = v1_offset(r);
	if (!take_word(r, kind->one))
		return bad(r, "a line '%s' is expected here: %" PRIu64 " more are said",
		    kind->one, r->left);
	if (!take_fields(r))
		return false;
	r->left--;
	return true;
}

static bool take_list(struct v1_reader *r)
{
	const struct l2_kind *kind = &l2_kinds[r->list];

	if (!take_word(r, kind->many))
		return bad(r, "the line '%s' is expected here", kind->many);
	if (!take_space(r))
		return false;
	if (!take_digits(r, &r->left, UINT64_MAX))
		return false;
	if (r->left > (r->len - v1_offset(r)) / LINE_MIN)
		return bad(r, "%" PRIu64 " %s are said, and fit in no block of this size",
		    r->left, kind->many);
	return take_end(r);
}

static bool take_anchor(struct v1_reader *r)
{
	struct l2_anchor *a = &r->anchor;

	r->plain_n = 0;
	if (!take_word(r, "anchor"))
		return bad(r, "the line 'anchor' is expected here");
	if (!take_space(r))
		return false;
	if (take_word(r, "none"))
		return take_end(r);
	a->there = true;
	return take_text(r, &a->root) && take_space(r) &&
	    take_number(r, L2_U64, &a->timestamp_ms) && take_space(r) &&
	    take_text(r, &a->metadata) && take_space(r) && take_text(r, &a->payload) &&
	    take_space(r) && take_text(r, &a->hash) && take_end(r);
}

static bool take_header(struct v1_reader *r)
{
	r->stage = LIST;
	if (!take_word(r, "SNAPSHOT v1"))
		return bad(r, "the line 'SNAPSHOT v1' is expected here");
	if (!take_end(r) || !v1_more(r))
		return false;
	if (!take_word(r, "timestamp_ms"))
		return bad(r, "the line 'timestamp_ms' is expected here");
	return take_space(r) && take_digits(r, &r->timestamp_ms, UINT64_MAX) &&
	    take_end(r);
}

/* The last line of a file may have lost its line feed, and nothing else. */
static bool take_last(struct v1_reader *r)
{
	r->stage = OVER;
	if (!take_word(r, "END_SNAPSHOT"))
		return bad(r, "the line 'END_SNAPSHOT' is expected here");
	if (r->at < r->end && !take_end(r))
		return false;
	return v1_offset(r) == r->len ||
	    bad(r, "there is more behind the end of the block");
}

static enum v1_part part_of(struct v1_reader *r, bool good, enum v1_part part)
{
	if (!good) {
		r->stage = OVER;
		return V1_BAD;
	}
	r->offset = v1_offset(r);
	return part;
}

static bool has_record(struct v1_reader *r)
{
	const char *start = r->at;
	bool ret = take_word(r, l2_kinds[r->list].one) && take_word(r, " ");

	r->at = start;
	return ret;
}

/* What comes behind the last record of a list. */
static void leave_list(struct v1_reader *r)
{
	r->stage = r->list + 1 == L2_LISTS ? ANCHOR : LIST;
	if (r->stage == LIST)
		r->list++;
}

enum v1_part v1_next(struct v1_reader *r)
{
	if (!v1_more(r) || (r->stage == HEADER && (!take_header(r) || !v1_more(r))))
		return part_of(r, false, V1_BAD);
	if (r->stage == RECORDS &&
	    (!r->left || (MUTANT(l2_count_believed) && !has_record(r))))
		leave_list(r);
	switch ((enum stage)r->stage) {
	case RECORDS:
		return part_of(r, take_record(r), V1_RECORD);
	case LIST:
		r->stage = RECORDS;
		return part_of(r, take_list(r), V1_LIST);
	case ANCHOR:
		r->stage = END;
		return part_of(r, take_anchor(r), V1_ANCHOR);
	case END:
		return part_of(r, take_last(r), V1_DONE);
	case HEADER:
	case OVER:
		break;
	}
	BUG("a block is read behind its end");
}

enum err v1_load(struct l2_state *s, const char *block, size_t len, struct fail *f)
{
	struct v1_reader r;
	enum v1_part part;
	enum err e = ERR_OK;

	v1_reader_init(&r, block, len);
	while ((part = v1_next(&r)) < V1_ANCHOR)
		if (part == V1_RECORD)
			l2_state_add(s, r.list, &r.record);
	if (part == V1_ANCHOR) {
		s->timestamp_ms = r.timestamp_ms;
		s->anchor = r.anchor;
		s->anchor.root = l2_state_keep(s, r.anchor.root);
		s->anchor.metadata = l2_state_keep(s, r.anchor.metadata);
		s->anchor.payload = l2_state_keep(s, r.anchor.payload);
		s->anchor.hash = l2_state_keep(s, r.anchor.hash);
		part = v1_next(&r);
	}
	if (part != V1_DONE)
		e = fail_set(f, ERR_INPUT, "line %" PRIu64 ", byte %" PRIu64 ": %s",
		    r.line, r.offset, r.why);
	v1_reader_release(&r);
	return e;
}
