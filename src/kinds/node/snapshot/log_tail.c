/* What stands behind the last whole block: is it a write that was cut, or a snapshot that
 * was whole once? log.h says by what it is told. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/log_in.h"
#include "kinds/node/snapshot/v1.h"
#include "kinds/node/snapshot/v2.h"

#define PIECE ((size_t)1 << 16)
#define ATOM 512 /* the least that a disk writes whole */
#define END_LEN (sizeof V1_END - 1)
#define END_MOST 9           /* so many bytes of an end: SNAPSHOT has 8 */
#define LAST (2 * L2_SECTOR) /* what fills a sector, and the line before it */

struct region {
	struct l2_log *log;
	uint64_t from, to;
	char *bytes; /* PIECE of them */
	struct fail *f;
	enum err e;
	/* what is found */
	const char *why; /* NULL: it is torn */
	uint64_t at;
	bool lines; /* it is one of a text */
};

static void found(struct region *r, const char *why, uint64_t at)
{
	if (r->why)
		return;
	r->why = why;
	r->at = at;
}

/* As much of it as is there, up to PIECE. */
static size_t read_at(struct region *r, uint64_t at, size_t len)
{
	const struct files *files = r->log->files;
	size_t n = 0;

	len = len < r->to - at ? len : (size_t)(r->to - at);
	if (!r->e)
		r->e = files->read(r->log->file, at, r->bytes, len, &n, r->f);
	return r->e ? 0 : n;
}

/* -- text ------------------------------------------------------------------ */

/* The first place of a text that no cut write leaves; UINT64_MAX: none. */
static uint64_t place_of(struct region *r, const char *text, size_t len)
{
	uint64_t at = r->from;
	size_t n;

	while (r->from <= r->log->word && (n = read_at(r, at, PIECE)) >= len) {
		const char *there = memmem(r->bytes, n, text, len);

		if (there)
			return at + (uint64_t)(there - r->bytes);
		at += n - len + 1;
	}
	return UINT64_MAX;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || !c;
}

/* Nothing, or what was never written, and the line feed that fences it off. */
static bool is_unwritten(const char *p, size_t n, uint64_t at, uint64_t begins)
{
	bool fenced = n && p[n - 1] == '\n' && (at + n - 1) % L2_SECTOR == 0;

	n -= fenced;
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return !n || fenced || at % ATOM == 0 || at == begins;
}

/* So many bytes at p are those of an end. */
static size_t like_end(const char *p, size_t n)
{
	size_t same = 0;

	for (size_t i = 0; i < END_LEN - 1 && i < n; i++)
		same += p[i] == V1_END[i];
	return same;
}

/* What a disk wrote of a line that was being written? */
static bool is_cut_end(const char *p, size_t len, size_t n, uint64_t at)
{
	size_t zeros = 0;

	while (!p[zeros])
		zeros++;
	if (zeros && (at + zeros) % ATOM == 0)
		return true;
	return len < END_LEN - 1 && memcmp(p, V1_END, len) == 0 &&
	    is_unwritten(p + len, n - len, at + len, at);
}

/* Is the last line, or from amid the line before it, most of an end? */
static void look_at_end(struct region *r)
{
	uint64_t base = r->to - r->from > LAST ? r->to - LAST : r->from;
	size_t n = read_at(r, base, LAST), end = n, line;
	const char *p = r->bytes;

	while (end && is_blank(p[end - 1]))
		end--;
	for (line = end; line && p[line - 1] != '\n';)
		line--;
	for (size_t back = 0; back < END_LEN - 1 && back <= line; back++) {
		size_t at = line - back;

		if (end - at > END_LEN || like_end(p + at, n - at) < END_MOST)
			continue;
		if (back || !is_cut_end(p + at, end - at, n - at, base + at))
			found(r, "the line END_SNAPSHOT of this snapshot is damaged",
			    base + at);
		return;
	}
}

/* What fills the sector behind the block before is none of it. */
static void pass_fill(struct region *r)
{
	size_t n = read_at(r, r->from, LAST), i = 0;

	while (i < n && is_blank(r->bytes[i]))
		i++;
	r->from += i < n ? i : 0;
}

static bool begins_as_text(struct region *r)
{
	size_t n = read_at(r, r->from, sizeof V1_HEADER - 1);

	return n == sizeof V1_HEADER - 1 && memcmp(r->bytes, V1_HEADER, n) == 0;
}

static void look_at_text(struct region *r)
{
	static const char crlf[] = "SNAPSHOT v1\r\n";
	uint64_t end;

	end = place_of(r, V1_END, END_LEN);
	if (end != UINT64_MAX) {
		if (begins_as_text(r))
			found(r, "END_SNAPSHOT does not begin a line", end);
		else
			found(r, "the line SNAPSHOT v1 of this snapshot is damaged",
			    r->from);
	} else if ((end = place_of(r, crlf, sizeof crlf - 1)) == UINT64_MAX) {
		look_at_end(r);
	} else if (r->log->blocks_n) {
		found(r, "the lines of this snapshot end with CR LF", end);
	}
	r->lines = r->why;
}

/* -- records --------------------------------------------------------------- */

static const uint8_t foot_magic[] = { 0x4c, 0x32, 0x53, 0x4e, 0x41, 0x50, 0x32, 0x89 };

#define FOOT_MAGIC 48 /* where in a foot it is */

/* Most of a foot for a record of this length? The rest of it is a hash, and its place,
 * which is another one in a file that was put behind another. */
static bool is_most_of_foot(const char *bytes, uint64_t len)
{
	size_t same = 0, zeros = 0;

	for (size_t i = 0; i < V2_FOOT; i++)
		zeros += !bytes[i];
	for (size_t i = 0; i < 8; i++) {
		same += (uint8_t)bytes[8 + i] == (uint8_t)(len >> 8 * i);
		same += (uint8_t)bytes[FOOT_MAGIC + i] == foot_magic[i];
	}
	return zeros < V2_FOOT && same >= 13;
}

/* At the end of the record that this head begins. */
static void look_at_head(struct region *r, const char *head, size_t n, uint64_t at)
{
	char bytes[V2_FOOT];
	struct v2_foot foot;
	struct v2_head h;
	uint64_t end;

	if (!v2_head_parse(&h, head, n) || v2_len(&h) > r->to - at)
		return;
	end = at + v2_len(&h);
	r->e = r->log->files->read(r->log->file, end - V2_FOOT, bytes, V2_FOOT, &n, r->f);
	if (r->e || n != V2_FOOT || !is_most_of_foot(bytes, v2_len(&h)))
		return;
	if (v2_foot_parse(&foot, bytes, n) && foot.len == v2_len(&h))
		found(r,
		    "a record stands in the middle of a line of text, and is none; if "
		    "you put a file there, tail -c takes it out from this byte on",
		    at);
	else
		found(r, "the foot of this record is damaged", end - V2_FOOT);
}

/* Of a record that began in here? `end` is behind it. */
static void look_at_foot(struct region *r, const char *bytes, uint64_t end)
{
	struct v2_foot foot;

	if (v2_foot_parse(&foot, bytes, V2_FOOT) && foot.len >= V2_FOOT &&
	    foot.len <= end - r->from)
		found(r, "the head of this record is damaged", end - foot.len);
}

/* Whole heads and feet, by what they have in common: pieces overlap by one of them. */
static void look_at_records(struct region *r)
{
	uint64_t at = r->from;
	size_t n;

	/* What is shorter was perhaps not looked at for heads. */
	if (r->to - r->from > PIECE && r->log->magic < r->from)
		return;
	while (!r->why && !r->e && (n = read_at(r, at, PIECE)) >= V2_FOOT) {
		const char *p = r->bytes, *end = r->bytes + n;

		while (!r->why &&
		    (p = memmem(p, (size_t)(end - p), V2_WORD, sizeof V2_WORD - 1))) {
			size_t i = (size_t)(p - r->bytes);

			if (i)
				look_at_head(r, p - 1, n - i + 1, at + i - 1);
			if (i >= FOOT_MAGIC && n - i >= V2_FOOT - FOOT_MAGIC)
				look_at_foot(
				    r, p - FOOT_MAGIC, at + i - FOOT_MAGIC + V2_FOOT);
			p++;
		}
		if (n < PIECE)
			break;
		at += n - V2_HEAD;
	}
}

/* -- all of it --------------------------------------------------------------- */

static uint64_t lines_between(struct region *r, uint64_t from, uint64_t to)
{
	uint64_t lines = 0;
	size_t n;

	while (from < to && (n = read_at(r, from, PIECE))) {
		for (size_t i = 0; i < n && from + i < to; i++)
			lines += r->bytes[i] == '\n';
		from += n;
	}
	return lines;
}

/* Records end here, and something that begins as a text stands there. */
static void look_at_text_behind(struct region *r)
{
	struct region text = *r;

	pass_fill(&text);
	if (r->why || !begins_as_text(&text))
		return;
	look_at_text(&text);
	*r = text;
}

/* What stands at its end: it goes on, most likely. */
static bool is_of_records(const struct l2_log *log)
{
	return log->blocks_n ? log->blocks[log->blocks_n - 1].record : log->version == 2;
}

static enum err judge(
    struct l2_log *log, struct l2_damage *d, char *bytes, struct fail *f)
{
	struct region r = { .log = log,
		.from = d->offset,
		.to = d->offset + d->len,
		.bytes = bytes,
		.f = f };

	if (is_of_records(log)) {
		look_at_records(&r);
		look_at_text_behind(&r);
	} else {
		pass_fill(&r);
		look_at_text(&r);
		if (!r.why)
			look_at_records(&r);
	}
	if (r.why && !MUTANT(l2_damaged_is_torn)) {
		d->kind = L2_DAMAGED;
		d->why = r.why;
		d->offset = r.from;
		d->len = r.to - r.from;
		d->fault = r.at - d->offset;
		d->line = r.lines ? 1 + lines_between(&r, d->offset, r.at) : 0;
	}
	return r.e;
}

enum err log_tail(struct l2_log *log, struct fail *f)
{
	uint64_t from = log->version == 2 ? 0 : log->from, end = from;
	char *bytes = NULL;
	enum err e = ERR_OK;

	if (log->blocks_n) {
		const struct l2_block *last = &log->blocks[log->blocks_n - 1];

		end = last->offset + last->len;
	}
	for (size_t i = 0; !e && i < log->damages_n; i++) {
		struct l2_damage *d = &log->damages[i];

		/* What a look at the end alone has cut says nothing. */
		if (d->offset < end || d->kind == L2_CRLF || (from && d->offset == from))
			continue;
		if (!bytes)
			bytes = mem_array(PIECE, 1);
		e = judge(log, d, bytes, f);
	}
	mem_free(bytes);
	return e;
}
