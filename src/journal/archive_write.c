/* archive_write.c - the rows of an archive as lines, and gzip, into its file. */
#include <string.h>

#include <zlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "journal/archive_in.h"

#define GZIP (15 + 16) /* of zlib's window bits */
#define STEP_ROWS 64   /* rows of an item, with all that belongs to them */
#define STEP_EVENTS 512
#define STEP_COMMITS 4096
#define STEP_CHANGES 256
#define TEXT_CHUNK 65536
#define FILE_CHUNK 32768

struct archive_writer {
	const struct archive_subject *of;
	const char *path;
	int part;
	int64_t at, last; /* of the part's rows, ids or commits */
	int64_t n[ARCHIVE_PARTS];
	z_stream z;
	struct buf text, out;
	struct sha256 *sum; /* of the text; NULL: it is whole, and its sum is */
	uint8_t text_sum[32];
};

struct archive_writer *archive_writer_new(
    const struct archive_subject *of, const char *path)
{
	struct archive_writer *w = mem_new(sizeof(*w));

	w->of = of;
	w->path = path;
	CHECK(deflateInit2(&w->z, 6, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	buf_init(&w->text, (size_t)64 << 20);
	buf_init(&w->out, (size_t)64 << 20);
	w->sum = sha256_begin();
	return w;
}

void archive_writer_free(struct archive_writer *w)
{
	if (!w)
		return;
	deflateEnd(&w->z);
	buf_release(&w->text);
	buf_release(&w->out);
	if (w->sum)
		sha256_end(w->sum, w->text_sum);
	mem_free(w);
}

static enum err out_flush(struct archive_writer *w, bool all, struct fail *f)
{
	enum err e = ERR_OK;

	if (w->out.len < FILE_CHUNK && !all)
		return ERR_OK;
	if (w->out.len)
		e = journal_files->append(w->path, w->out.data, w->out.len, f);
	buf_clear(&w->out);
	return e;
}

static enum err text_flush(struct archive_writer *w, bool all, struct fail *f)
{
	uint8_t chunk[4096];
	int z;

	if (w->text.len < TEXT_CHUNK && !all)
		return ERR_OK;
	CHECK(buf_ok(&w->text));
	sha256_add(w->sum, buf_text(&w->text), w->text.len);
	w->z.next_in = w->text.data;
	w->z.avail_in = (unsigned)w->text.len;
	do {
		w->z.next_out = chunk;
		w->z.avail_out = sizeof(chunk);
		z = deflate(&w->z, all ? Z_FINISH : Z_NO_FLUSH);
		CHECK(z == Z_OK || z == Z_STREAM_END || z == Z_BUF_ERROR);
		buf_add(&w->out, chunk, sizeof(chunk) - w->z.avail_out);
	} while (!w->z.avail_out || (all && z != Z_STREAM_END));
	buf_clear(&w->text);
	return out_flush(w, all, f);
}

static void part_begin(struct archive_writer *w)
{
	struct sql_operation_get_in get = { .id = w->of->id };
	struct sql_archive_event_first_in first = { .operation = w->of->id };
	struct sql_archive_event_first_out event = { .no_id = true };
	struct sql_operation_get_out o = { .items = 0 };

	w->at = w->last = 0;
	switch (w->of->parts[w->part].span) {
	case SPAN_NONE:
		return;
	case SPAN_ROWS:
		(void)sql_operation_get_one(w->of->j, &get, &o);
		w->at = -2; /* intents of no row have numbers below */
		w->last = o.items;
		return;
	case SPAN_COMMITS:
		w->last = w->of->commit_no;
		return;
	case SPAN_EVENTS:
		(void)sql_archive_event_first_one(w->of->j, &first, &event);
		w->at = event.no_id ? 1 : event.id;
		w->last = w->of->j->events_n;
		return;
	case SPAN_CHANGES:
		w->at = w->of->first;
		w->last = w->of->last;
		return;
	}
	BUG("a span that there is not");
}

static int64_t step_of(enum archive_span span)
{
	if (span == SPAN_ROWS)
		return STEP_ROWS;
	if (span == SPAN_CHANGES)
		return STEP_CHANGES;
	return span == SPAN_EVENTS ? STEP_EVENTS : STEP_COMMITS;
}

static void part_some(struct archive_writer *w, int64_t *left)
{
	const struct archive_part *p = &w->of->parts[w->part];
	int64_t step = step_of(p->span), to = w->at + step - 1, n;

	n = archive_rows_add(
	    w->of->j, &w->text, p, w->of->id, w->at, to < w->last ? to : w->last);
	w->n[w->part] += n;
	*left -= 1 + n + (p->span == SPAN_EVENTS ? step / 8 : 0);
	w->at += step;
	if (p->span != SPAN_NONE && w->at <= w->last)
		return;
	if (++w->part < w->of->parts_n)
		part_begin(w);
}

static void end_add(struct archive_writer *w)
{
	buf_addf(&w->text, "{\"of\":\"end\"");
	for (int i = 0; i < w->of->parts_n; i++)
		buf_addf(
		    &w->text, ",\"%s\":%lld", w->of->parts[i].of, (long long)w->n[i]);
	buf_add_str(&w->text, "}\n");
}

static enum err text_end(struct archive_writer *w, struct fail *f)
{
	enum err e;

	end_add(w);
	e = text_flush(w, true, f);
	sha256_end(w->sum, w->text_sum);
	w->sum = NULL;
	if (e == ERR_OK && !MUTANT(archive_not_synced))
		e = journal_files->sync(w->path, f);
	return e;
}

enum err archive_writer_some(
    struct archive_writer *w, int64_t *left, bool *ret_done, struct fail *f)
{
	enum err e = ERR_OK;

	while (*left > 0 && e == ERR_OK && w->part < w->of->parts_n) {
		part_some(w, left);
		e = text_flush(w, false, f);
	}
	*ret_done = e == ERR_OK && w->part == w->of->parts_n;
	return *ret_done ? text_end(w, f) : e;
}

void archive_writer_sum(const struct archive_writer *w, uint8_t out[32])
{
	CHECK(!w->sum);
	memcpy(out, w->text_sum, sizeof(w->text_sum));
}
