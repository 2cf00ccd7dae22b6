/* archive.c - an operation's rows into a file, and out of the journal. */
#include "journal/archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "journal/archive_in.h"

#define NAMES_MAX 100

enum stage { STAGE_BEGIN, STAGE_WRITE, STAGE_READ, STAGE_DONE };

struct archive {
	struct archive_subject of;
	enum stage stage;
	char temp[NAME_SIZE], path[NAME_SIZE];
	struct archived made;
	bool found; /* a former life wrote it, and died before it was journaled */
	struct archive_writer *writer;
	uint8_t text_sum[32]; /* of what was written */
	struct archive_back *back;
};

static bool tail_of(const struct archive *a, struct sql_link_before_out *ret)
{
	struct sql_link_before_in in = { a->of.id, INT64_MAX };

	return sql_link_before_one(a->of.j, &in, ret);
}

static const struct {
	const struct archive_part *parts;
	int n;
} contents[] = {
	[ARCHIVE_OPERATION] = { archive_parts, ARCHIVE_PARTS },
	[ARCHIVE_TRACKED] = { archive_track_parts, ARCHIVE_TRACK_PARTS },
	[ARCHIVE_CHANGES] = { archive_change_parts, ARCHIVE_CHANGE_PARTS },
};

struct archive *archive_new(struct journal *j, enum archive_what what, int64_t id)
{
	struct archive *a = mem_new(sizeof(*a));

	a->of = (struct archive_subject){ .j = j,
		.what = what,
		.id = id,
		.parts = contents[what].parts,
		.parts_n = contents[what].n };
	journal_name_beside(a->temp, j->path, "unfinished-archive");
	return a;
}

void archive_finish(struct archive *a)
{
	if (!a)
		return;
	if (a->stage == STAGE_WRITE || a->stage == STAGE_READ)
		journal_files->remove(a->temp);
	archive_writer_free(a->writer);
	archive_back_free(a->back);
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
	if (a->of.what != ARCHIVE_OPERATION)
		snprintf(prefix, sizeof(prefix), "archive-%s-%lld%s",
		    a->of.what == ARCHIVE_TRACKED ? "tracked" : "changes",
		    (long long)a->of.id, more);
	else
		snprintf(prefix, sizeof(prefix), "archive-%lld-%.16s%s",
		    (long long)a->of.id, link, more);
	journal_name_beside(a->path, a->of.j->path, prefix);
	CHECK(strlen(a->path) + 10 < NAME_SIZE);
	memcpy(a->path + strlen(a->path), ".jsonl.gz", 10);
	slash = strrchr(a->path, '/');
	snprintf(a->made.file, sizeof(a->made.file), "%s", slash ? slash + 1 : a->path);
}

static enum err subject_find(struct archive *a, struct fail *f)
{
	struct sql_link_before_out tail;

	if (a->of.what == ARCHIVE_CHANGES && !archive_changes_find(&a->of))
		return fail_set(f, ERR_CONFLICT, "there is no such file to be");
	if (a->of.what != ARCHIVE_OPERATION)
		return ERR_OK;
	if (!tail_of(a, &tail))
		return fail_set(f, ERR_CONFLICT, "it has no events");
	memcpy(a->made.link, tail.hash, 32);
	a->made.commit_no = tail.commit_no;
	memcpy(a->of.link, tail.hash, 32);
	a->of.commit_no = tail.commit_no;
	return ERR_OK;
}

static enum err begin(struct archive *a, struct fail *f)
{
	enum err e = subject_find(a, f);

	if (e != ERR_OK)
		return e;
	name_make(a, 1);
	a->found = a->of.what == ARCHIVE_OPERATION && journal_files->size(a->path) >= 0;
	if (a->found) {
		a->stage = STAGE_READ;
		a->back = archive_back_new(&a->of, a->path, NULL);
		return ERR_OK;
	}
	journal_files->remove(a->temp);
	e = journal_files->make(a->temp, f);
	if (e != ERR_OK)
		return e;
	a->stage = STAGE_WRITE;
	a->writer = archive_writer_new(&a->of, a->temp);
	return ERR_OK;
}

static enum err write_some(struct archive *a, int64_t *left, struct fail *f)
{
	bool done = false;
	enum err e = archive_writer_some(a->writer, left, &done, f);

	if (e != ERR_OK || !done)
		return e;
	archive_writer_sum(a->writer, a->text_sum);
	a->stage = STAGE_READ;
	a->back = archive_back_new(&a->of, a->temp, a->text_sum);
	return ERR_OK;
}

/* -- under its name, and journaled ------------------------------------------- */

static enum err unlike(const struct archive *a, const char *what, struct fail *f)
{
	if (a->of.what == ARCHIVE_CHANGES && a->stage == STAGE_READ)
		return fail_set(f, ERR_DAMAGED,
		    "changes %" PRId64 " to %" PRId64
		    " of the layer-2 state are not those that its event log tells of",
		    a->of.first, a->of.last);
	return fail_set(f, a->found ? ERR_CONFLICT : ERR_JOURNAL,
	    "%s: %s; move it away, and it is written anew", a->path, what);
}

/* Nothing of the operation moved since it was begun. */
static enum err still(const struct archive *a, struct fail *f)
{
	struct sql_link_before_out tail;

	if (a->of.what != ARCHIVE_OPERATION ||
	    (tail_of(a, &tail) && tail.commit_no == a->made.commit_no))
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT, "it moved meanwhile");
}

bool archive_is_current(const struct archive *a)
{
	const struct events *now = &a->of.j->events;
	struct fail f;

	for (size_t i = 0; i < now->n; i++)
		if (now->list[i].operation == a->of.id)
			return false;
	return still(a, &f) == ERR_OK;
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

static enum err read_some(struct archive *a, int64_t *left, struct fail *f)
{
	const char *what;
	bool done;
	enum err e = archive_back_some(a->back, left, &done, &what, f);

	if (what)
		return unlike(a, what, f);
	return e == ERR_OK && done ? publish(a, f) : e;
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
		.id = a->of.id, .file = a->made.file, .size = a->made.size
	};
	char why[80] = "sha256 ";

	memcpy(in.sum, a->made.sum, sizeof(in.sum));
	sql_track_archive_put(a->of.j, &in);
	hex_format(why + strlen(why), in.sum, sizeof(in.sum));
	journal_event(a->of.j,
	    &(struct event){ .row = a->of.id,
		.what = "archive of tracked",
		.from = "",
		.to = a->made.file,
		.why = why });
}

static void operation_put(struct archive *a, int64_t height, int64_t at_ms)
{
	struct sql_archive_add_in in = { .operation = a->of.id,
		.file = a->made.file,
		.size = a->made.size,
		.commit_no = a->made.commit_no,
		.height = height,
		.at_ms = at_ms };
	char why[ARCHIVE_WHY_MAX];

	memcpy(in.sum, a->made.sum, sizeof(in.sum));
	memcpy(in.link, a->made.link, sizeof(in.link));
	sql_archive_add(a->of.j, &in);
	archive_why(why, in.sum, in.link, in.commit_no);
	journal_event(a->of.j,
	    &(struct event){ .row = a->of.id,
		.what = "archive",
		.from = "",
		.to = a->made.file,
		.why = why });
}

void archive_put(struct archive *a, int64_t height, int64_t at_ms)
{
	CHECK(a->stage == STAGE_DONE);
	if (a->of.what == ARCHIVE_TRACKED)
		tracked_put(a);
	else if (a->of.what == ARCHIVE_CHANGES)
		archive_changes_put(&a->of, &a->made);
	else
		operation_put(a, height, at_ms);
}
