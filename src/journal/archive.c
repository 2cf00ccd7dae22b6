/* archive.c - an operation's rows into a file, and out of the journal. */
#include "journal/archive.h"

#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "journal/archive_in.h"

#define GZIP (15 + 16) /* of zlib's window bits */
#define STEP_ROWS 64   /* rows of an item, with all that belongs to them */
#define STEP_EVENTS 512
#define STEP_COMMITS 4096
#define TEXT_CHUNK 65536
#define FILE_CHUNK 32768
#define DROP_ROWS 256
#define DROP_EVENTS 4096 /* that are looked at, whosever they are */
#define NAMES_MAX 100

enum stage { STAGE_BEGIN, STAGE_WRITE, STAGE_READ, STAGE_DONE };

struct archive {
	struct journal *j;
	int64_t operation; /* or the id of a track_archive.. */
	bool tracked;      /* ..which it is then */
	const struct archive_part *parts;
	int parts_n;
	enum stage stage;
	char temp[NAME_SIZE], path[NAME_SIZE];
	struct archived made;
	bool found; /* a former life wrote it, and died before it was journaled */
	/* writing */
	int part;
	int64_t at, last; /* of the part's rows, ids or commits */
	int64_t n[ARCHIVE_PARTS];
	z_stream z;
	struct buf text, out;
	struct sha256 *sum; /* of the text */
	uint8_t text_sum[32];
	/* reading it back */
	struct archive_reader *reader;
	int64_t read_n[ARCHIVE_PARTS], event_commit;
	bool read_end;
	uint8_t link[32];
	struct events commit;
};

static bool tail_of(const struct archive *a, struct sql_link_before_out *ret)
{
	struct sql_link_before_in in = { a->operation, INT64_MAX };

	return sql_link_before_one(a->j, &in, ret);
}

struct archive *archive_new(struct journal *j, int64_t operation)
{
	struct archive *a = mem_new(sizeof(*a));

	a->j = j;
	a->operation = operation;
	a->parts = archive_parts;
	a->parts_n = ARCHIVE_PARTS;
	CHECK(deflateInit2(&a->z, 6, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	buf_init(&a->text, (size_t)64 << 20);
	buf_init(&a->out, (size_t)64 << 20);
	events_init(&a->commit);
	a->sum = sha256_begin();
	journal_name_beside(a->temp, j->path, "unfinished-archive");
	return a;
}

struct archive *archive_new_tracked(struct journal *j, int64_t track_archive)
{
	struct archive *a = archive_new(j, track_archive);

	a->tracked = true;
	a->parts = archive_track_parts;
	a->parts_n = ARCHIVE_TRACK_PARTS;
	return a;
}

void archive_free(struct archive *a)
{
	uint8_t sum[32];

	if (!a)
		return;
	if (a->stage == STAGE_WRITE || a->stage == STAGE_READ)
		journal_files->remove(a->temp);
	deflateEnd(&a->z);
	buf_release(&a->text);
	buf_release(&a->out);
	events_release(&a->commit);
	archive_reader_free(a->reader);
	if (a->sum)
		sha256_end(a->sum, sum);
	mem_free(a);
}

/* -- its name --------------------------------------------------------------- */

/* Of the operation and the last of its links: who writes it again, writes the same. */
static void name_make(struct archive *a, int nth)
{
	char link[65], prefix[120], more[16] = "";
	const char *slash;

	hex_format(link, a->made.link, 32);
	if (nth > 1)
		snprintf(more, sizeof(more), "-%d", nth);
	if (a->tracked)
		snprintf(prefix, sizeof(prefix), "archive-tracked-%lld%s",
		    (long long)a->operation, more);
	else
		snprintf(prefix, sizeof(prefix), "archive-%lld-%.16s%s",
		    (long long)a->operation, link, more);
	journal_name_beside(a->path, a->j->path, prefix);
	CHECK(strlen(a->path) + 10 < NAME_SIZE);
	memcpy(a->path + strlen(a->path), ".jsonl.gz", 10);
	slash = strrchr(a->path, '/');
	snprintf(a->made.file, sizeof(a->made.file), "%s", slash ? slash + 1 : a->path);
}

static enum err begin(struct archive *a, struct fail *f)
{
	struct sql_link_before_out tail;
	enum err e;

	if (!a->tracked && !tail_of(a, &tail))
		return fail_set(f, ERR_CONFLICT, "it has no events");
	if (!a->tracked) {
		memcpy(a->made.link, tail.hash, 32);
		a->made.commit_no = tail.commit_no;
	}
	name_make(a, 1);
	a->found = !a->tracked && journal_files->size(a->path) >= 0;
	if (a->found) {
		a->stage = STAGE_READ;
		a->reader = archive_reader_new(a->path);
		return ERR_OK;
	}
	journal_files->remove(a->temp);
	e = journal_files->make(a->temp, f);
	if (e == ERR_OK)
		a->stage = STAGE_WRITE;
	return e;
}

/* -- writing ---------------------------------------------------------------- */

static enum err out_flush(struct archive *a, bool all, struct fail *f)
{
	enum err e = ERR_OK;

	if (a->out.len < FILE_CHUNK && !all)
		return ERR_OK;
	if (a->out.len)
		e = journal_files->append(a->temp, a->out.data, a->out.len, f);
	buf_clear(&a->out);
	return e;
}

static enum err text_flush(struct archive *a, bool all, struct fail *f)
{
	uint8_t chunk[4096];
	int z;

	if (a->text.len < TEXT_CHUNK && !all)
		return ERR_OK;
	CHECK(buf_ok(&a->text));
	sha256_add(a->sum, buf_text(&a->text), a->text.len);
	a->z.next_in = a->text.data;
	a->z.avail_in = (unsigned)a->text.len;
	do {
		a->z.next_out = chunk;
		a->z.avail_out = sizeof(chunk);
		z = deflate(&a->z, all ? Z_FINISH : Z_NO_FLUSH);
		CHECK(z == Z_OK || z == Z_STREAM_END || z == Z_BUF_ERROR);
		buf_add(&a->out, chunk, sizeof(chunk) - a->z.avail_out);
	} while (!a->z.avail_out || (all && z != Z_STREAM_END));
	buf_clear(&a->text);
	return out_flush(a, all, f);
}

static void part_begin(struct archive *a)
{
	struct sql_operation_get_in get = { .id = a->operation };
	struct sql_archive_event_first_in first = { .operation = a->operation };
	struct sql_archive_event_first_out event = { .no_id = true };
	struct sql_operation_get_out o = { .items = 0 };

	a->at = a->last = 0;
	switch (a->parts[a->part].span) {
	case SPAN_NONE:
		return;
	case SPAN_ROWS:
		(void)sql_operation_get_one(a->j, &get, &o);
		a->at = -2; /* intents of no row have numbers below */
		a->last = o.items;
		return;
	case SPAN_COMMITS:
		a->last = a->made.commit_no;
		return;
	case SPAN_EVENTS:
		(void)sql_archive_event_first_one(a->j, &first, &event);
		a->at = event.no_id ? 1 : event.id;
		a->last = a->j->events_n;
		return;
	}
	BUG("a span that there is not");
}

static int64_t step_of(enum archive_span span)
{
	if (span == SPAN_ROWS)
		return STEP_ROWS;
	return span == SPAN_EVENTS ? STEP_EVENTS : STEP_COMMITS;
}

static void part_some(struct archive *a, int64_t *left)
{
	const struct archive_part *p = &a->parts[a->part];
	int64_t step = step_of(p->span), to = a->at + step - 1, n;

	n = archive_rows_add(
	    a->j, &a->text, p, a->operation, a->at, to < a->last ? to : a->last);
	a->n[a->part] += n;
	*left -= 1 + n + (p->span == SPAN_EVENTS ? step / 8 : 0);
	a->at += step;
	if (p->span != SPAN_NONE && a->at <= a->last)
		return;
	if (++a->part < a->parts_n)
		part_begin(a);
}

static void end_add(struct archive *a)
{
	buf_addf(&a->text, "{\"of\":\"end\"");
	for (int i = 0; i < a->parts_n; i++)
		buf_addf(&a->text, ",\"%s\":%lld", a->parts[i].of, (long long)a->n[i]);
	buf_add_str(&a->text, "}\n");
}

static enum err write_end(struct archive *a, struct fail *f)
{
	enum err e;

	end_add(a);
	e = text_flush(a, true, f);
	sha256_end(a->sum, a->text_sum);
	a->sum = NULL;
	if (e == ERR_OK && !MUTANT(archive_not_synced))
		e = journal_files->sync(a->temp, f);
	if (e != ERR_OK)
		return e;
	a->stage = STAGE_READ;
	a->reader = archive_reader_new(a->temp);
	return ERR_OK;
}

static enum err write_some(struct archive *a, int64_t *left, struct fail *f)
{
	enum err e = ERR_OK;

	while (*left > 0 && e == ERR_OK && a->part < a->parts_n) {
		part_some(a, left);
		e = text_flush(a, false, f);
	}
	if (e == ERR_OK && a->part == a->parts_n)
		e = write_end(a, f);
	return e;
}

/* -- reading it back --------------------------------------------------------- */

static enum err unlike(const struct archive *a, const char *what, struct fail *f)
{
	return fail_set(f, a->found ? ERR_CONFLICT : ERR_JOURNAL,
	    "%s: %s; move it away, and it is written anew", a->path, what);
}

/* All events of a commit were read: they are what its link was made from. */
static bool commit_holds(struct archive *a)
{
	struct sql_link_before_in in = { a->operation, a->event_commit + 1 };
	struct sql_link_before_out link;

	if (!a->commit.n)
		return true;
	(void)events_link(&a->commit, 0, a->link, a->event_commit, a->link);
	events_truncate(&a->commit, 0);
	return sql_link_before_one(a->j, &in, &link) &&
	    link.commit_no == a->event_commit && !memcmp(link.hash, a->link, 32);
}

static bool event_see(struct archive *a, const json_t *line)
{
	int64_t id, commit_no;

	if (!json_i64(line, "commit_no", &commit_no) ||
	    (commit_no != a->event_commit && !commit_holds(a)))
		return false;
	a->event_commit = commit_no;
	return archive_event_read(line, &id, &commit_no, &a->commit);
}

static bool end_see(struct archive *a, const json_t *line)
{
	int64_t n;

	a->read_end = true;
	for (int i = 0; i < a->parts_n; i++)
		if (!json_i64(line, a->parts[i].of, &n) || n != a->read_n[i])
			return false;
	return a->tracked || (commit_holds(a) && !memcmp(a->link, a->made.link, 32));
}

static bool line_see(struct archive *a, const json_t *line)
{
	const char *of = json_str(line, "of");

	if (!of || a->read_end)
		return false;
	if (!strcmp(of, "end"))
		return end_see(a, line);
	for (int i = 0; i < a->parts_n; i++)
		if (!strcmp(a->parts[i].of, of)) {
			a->read_n[i]++;
			return a->tracked || i != ARCHIVE_EVENTS || event_see(a, line);
		}
	return false;
}

/* Nothing of the operation moved since it was begun. */
static enum err still(const struct archive *a, struct fail *f)
{
	struct sql_link_before_out tail;

	if (a->tracked || (tail_of(a, &tail) && tail.commit_no == a->made.commit_no))
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT, "it moved meanwhile");
}

/* Under its name, or the next that is free; one that holds the very same will do. */
static enum err name_take(struct archive *a, struct fail *f)
{
	uint8_t sum[32];
	int64_t size;

	for (int nth = 1; nth < NAMES_MAX; nth++) {
		name_make(a, nth);
		if (journal_files->size(a->path) < 0)
			return journal_files->rename(a->temp, a->path, f);
		if (archive_file_sum(a->path, sum, &size) &&
		    !memcmp(sum, a->made.sum, sizeof(sum))) {
			journal_files->remove(a->temp);
			return ERR_OK;
		}
	}
	return fail_set(
	    f, ERR_CONFLICT, "%s: so are all other names that it may have", a->path);
}

static enum err publish(struct archive *a, struct fail *f)
{
	const char *from = a->found ? a->path : a->temp;
	enum err e = still(a, f);

	if (e == ERR_OK && !archive_file_sum(from, a->made.sum, &a->made.size))
		e = unlike(a, "can't be read now", f);
	if (e == ERR_OK && !a->found)
		e = name_take(a, f);
	if (e == ERR_OK)
		e = journal_files->sync_folder(a->path, f);
	if (e == ERR_OK)
		a->stage = STAGE_DONE;
	return e;
}

/* The very text that was written; of what was found, its end and its events. */
static enum err read_end(struct archive *a, struct fail *f)
{
	uint8_t sum[32];

	archive_reader_sum(a->reader, sum);
	if (!a->read_end || (!a->found && memcmp(sum, a->text_sum, sizeof(sum)) != 0))
		return unlike(a, "reads otherwise than it was written", f);
	return publish(a, f);
}

static enum err read_some(struct archive *a, int64_t *left, struct fail *f)
{
	const char *text = "";
	size_t len = 0;
	enum err e = ERR_OK;

	while (e == ERR_OK && text && *left > 0) {
		json_t *line;

		e = archive_reader_next(a->reader, &text, &len, f);
		--*left;
		if (e == ERR_DAMAGED)
			e = unlike(a, "is not whole", f);
		if (e != ERR_OK || !text)
			break;
		line = json_read(text, len, f);
		if (!line || !line_see(a, line))
			e = unlike(a, "has rows that are not the journal's", f);
		json_decref(line);
	}
	return e == ERR_OK && !text ? read_end(a, f) : e;
}

enum err archive_some(struct archive *a, int64_t *left, bool *ret_done, struct fail *f)
{
	enum err e = a->stage == STAGE_BEGIN ? begin(a, f) : ERR_OK;

	if (e == ERR_OK && a->stage == STAGE_WRITE)
		e = write_some(a, left, f);
	if (e == ERR_OK && a->stage == STAGE_READ)
		e = read_some(a, left, f);
	*ret_done = a->stage == STAGE_DONE;
	return e;
}

const char *archive_path(const struct archive *a)
{
	CHECK(a->stage == STAGE_DONE);
	return a->path;
}

static void tracked_put(struct archive *a)
{
	struct sql_track_archive_put_in in = {
		.id = a->operation, .file = a->made.file, .size = a->made.size
	};
	char why[80] = "sha256 ";

	memcpy(in.sum, a->made.sum, sizeof(in.sum));
	sql_track_archive_put(a->j, &in);
	hex_format(why + strlen(why), in.sum, sizeof(in.sum));
	journal_event(a->j,
	    &(struct event){ .row = a->operation,
		.what = "archive of tracked",
		.from = "",
		.to = a->made.file,
		.why = why });
}

static void operation_put(struct archive *a, int64_t height, int64_t at_ms)
{
	struct sql_archive_add_in in = { .operation = a->operation,
		.file = a->made.file,
		.size = a->made.size,
		.commit_no = a->made.commit_no,
		.height = height,
		.at_ms = at_ms };
	char why[ARCHIVE_WHY_MAX];

	memcpy(in.sum, a->made.sum, sizeof(in.sum));
	memcpy(in.link, a->made.link, sizeof(in.link));
	sql_archive_add(a->j, &in);
	archive_why(why, in.sum, in.link, in.commit_no);
	journal_event(a->j,
	    &(struct event){ .row = a->operation,
		.what = "archive",
		.from = "",
		.to = a->made.file,
		.why = why });
}

void archive_put(struct archive *a, int64_t height, int64_t at_ms)
{
	CHECK(a->stage == STAGE_DONE);
	if (a->tracked)
		tracked_put(a);
	else
		operation_put(a, height, at_ms);
}

/* -- what goes --------------------------------------------------------------- */

static bool rows_drop(struct journal *j, int64_t operation)
{
	struct sql_archive_rows_in in = { operation, DROP_ROWS };
	struct sql_archive_rows_out next;

	if (!sql_archive_rows_one(j, &in, &next) || next.no_row)
		return false;
	if (!MUTANT(archived_attempts_forgotten))
		sql_archive_keep_attempts(
		    j, &(struct sql_archive_keep_attempts_in){ operation, next.row });
	sql_archive_drop_attempts(
	    j, &(struct sql_archive_drop_attempts_in){ operation, next.row });
	sql_archive_drop_intents(
	    j, &(struct sql_archive_drop_intents_in){ operation, next.row });
	return true;
}

/* Their ids are known to be gone, with those beside them in one row. */
static void ids_put(struct journal *j, int64_t first, int64_t last)
{
	struct sql_archived_event_to_in to = { .last = first - 1 };
	struct sql_archived_event_to_out before;
	struct sql_archived_event_from_in from = { .first = last + 1 };
	struct sql_archived_event_from_out behind;

	if (sql_archived_event_to_one(j, &to, &before)) {
		first = before.first;
		sql_archived_event_drop(
		    j, &(struct sql_archived_event_drop_in){ .first = first });
	}
	if (sql_archived_event_from_one(j, &from, &behind)) {
		sql_archived_event_drop(
		    j, &(struct sql_archived_event_drop_in){ .first = last + 1 });
		last = behind.last;
	}
	sql_archived_event_add(j, &(struct sql_archived_event_add_in){ first, last });
}

static void events_drop_from(struct journal *j, int64_t first, int64_t last)
{
	sql_archive_drop_events(j, &(struct sql_archive_drop_events_in){ first, last });
	ids_put(j, first, last);
}

/* The next stretch of ids that are the operation's alone, among those from *at on.
 * false: there is none. */
static bool stretch_next(struct journal *j, int64_t operation, int64_t commit_no,
    int64_t *at, int64_t *left, int64_t *ret_first, int64_t *ret_last, bool *ret_end)
{
	struct sql_event_from_in in = { .id = *at };
	struct sql_event_from_out o;
	bool more = true;

	*ret_first = *ret_last = 0;
	sql_event_from_begin(j, &in);
	while (*left > 0 && (more = sql_event_from_next(j, &o)) &&
	    o.commit_no <= commit_no) {
		bool mine = o.operation == operation;

		--*left;
		if (*ret_first && (!mine || o.id != *ret_last + 1))
			break;
		*at = o.id + 1;
		if (mine && !*ret_first)
			*ret_first = o.id;
		if (mine)
			*ret_last = o.id;
	}
	*ret_end = !more || (*left > 0 && o.commit_no > commit_no);
	sql_event_from_end(j);
	return *ret_first > 0;
}

/* true: none is there any more. */
static bool events_drop(
    struct journal *j, int64_t operation, int64_t commit_no, int64_t *at)
{
	struct sql_archive_event_first_in in = { .operation = operation };
	struct sql_archive_event_first_out first;
	int64_t left = DROP_EVENTS, from, to;
	bool end = false;

	if (!*at && (!sql_archive_event_first_one(j, &in, &first) || first.no_id))
		return true;
	if (!*at)
		*at = first.id;
	while (left > 0 && !end)
		if (stretch_next(j, operation, commit_no, at, &left, &from, &to, &end))
			events_drop_from(j, from, to);
	return end;
}

bool archive_drop(struct journal *j, int64_t operation, int64_t *at)
{
	struct archived a;

	if (!archive_of(j, operation, &a) || a.whole)
		return true;
	if (rows_drop(j, operation) || !events_drop(j, operation, a.commit_no, at))
		return false;
	sql_archive_empty_notices(
	    j, &(struct sql_archive_empty_notices_in){ .operation = operation });
	sql_archive_whole(j, &(struct sql_archive_whole_in){ .operation = operation });
	return true;
}

void archive_drop_tracked(struct journal *j, int64_t track_archive)
{
	sql_track_archive_empty(
	    j, &(struct sql_track_archive_empty_in){ .id = track_archive });
	sql_track_archive_whole(
	    j, &(struct sql_track_archive_whole_in){ .id = track_archive });
}
