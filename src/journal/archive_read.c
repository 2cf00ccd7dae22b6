/* archive_read.c - an archive's file, line by line; and its rows before the journal's. */
#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "codec/json.h"
#include "journal/archive_in.h"

#define CHUNK 65536
#define GZIP (15 + 16) /* of zlib's window bits */

/* -- lines ------------------------------------------------------------------ */

struct archive_reader {
	char path[NAME_SIZE];
	z_stream z;
	int64_t at;      /* bytes of the file that were read */
	bool ended;      /* its gzip is whole, with its own sum */
	struct buf text; /* lines that were not given away yet.. */
	size_t given;    /* ..from here on */
	struct sha256 *sum;
	uint8_t in[CHUNK], out[CHUNK];
};

struct archive_reader *archive_reader_new(const char *path)
{
	struct archive_reader *r = mem_new(sizeof(*r));

	snprintf(r->path, sizeof(r->path), "%s", path);
	CHECK(inflateInit2(&r->z, GZIP) == Z_OK);
	buf_init(&r->text, ARCHIVE_LINE_MAX);
	r->sum = sha256_begin();
	return r;
}

void archive_reader_free(struct archive_reader *r)
{
	uint8_t sum[32];

	if (!r)
		return;
	inflateEnd(&r->z);
	buf_release(&r->text);
	if (r->sum)
		sha256_end(r->sum, sum);
	mem_free(r);
}

static enum err cut(const struct archive_reader *r, const char *what, struct fail *f)
{
	return fail_set(f, ERR_DAMAGED, "%s: %s", r->path, what);
}

/* Some bytes more of the text; none at its end. */
static enum err fill(struct archive_reader *r, struct fail *f)
{
	size_t n;
	int z;

	if (!r->z.avail_in) {
		int64_t got = journal_files->read(r->path, r->at, r->in, sizeof(r->in));

		if (got < 0)
			return fail_set(f, ERR_JOURNAL, "%s: can't be read now", r->path);
		if (!got)
			return cut(r, "its end is missing", f);
		r->at += got;
		r->z.next_in = r->in;
		r->z.avail_in = (unsigned)got;
	}
	r->z.next_out = r->out;
	r->z.avail_out = sizeof(r->out);
	z = inflate(&r->z, Z_NO_FLUSH);
	if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
		return cut(r, "is no gzip, or not as it was written", f);
	n = sizeof(r->out) - r->z.avail_out;
	sha256_add(r->sum, r->out, n);
	buf_add(&r->text, r->out, n);
	r->ended = z == Z_STREAM_END;
	return buf_ok(&r->text) ? ERR_OK : cut(r, "has a line that is too long", f);
}

static void drop_given(struct archive_reader *r)
{
	if (!r->given)
		return;
	memmove(r->text.data, r->text.data + r->given, r->text.len - r->given);
	r->text.len -= r->given;
	r->given = 0;
}

enum err archive_reader_next(
    struct archive_reader *r, const char **ret, size_t *ret_len, struct fail *f)
{
	size_t seen = 0;

	for (;;) {
		const char *from = buf_text(&r->text) + r->given;
		size_t left = r->text.len - r->given;
		const char *end =
		    left > seen ? memchr(from + seen, '\n', left - seen) : NULL;
		enum err e;

		if (end) {
			*ret = from;
			*ret_len = (size_t)(end - from);
			r->given += *ret_len + 1;
			return ERR_OK;
		}
		seen = left;
		if (r->ended) {
			*ret = NULL;
			return left ? cut(r, "its last line has no end", f) : ERR_OK;
		}
		drop_given(r);
		e = fill(r, f);
		if (e != ERR_OK)
			return e;
	}
}

void archive_reader_sum(struct archive_reader *r, uint8_t out[32])
{
	sha256_end(r->sum, out);
	r->sum = NULL;
}

bool archive_file_sum(const char *path, uint8_t out[32], int64_t *ret_size)
{
	struct sha256 *sum = sha256_begin();
	uint8_t *bytes = mem_new(CHUNK);
	int64_t at = 0, got;

	while ((got = journal_files->read(path, at, bytes, CHUNK)) > 0) {
		sha256_add(sum, bytes, (size_t)got);
		at += got;
	}
	sha256_end(sum, out);
	mem_free(bytes);
	*ret_size = at;
	return got == 0;
}

/* -- what is journaled of it -------------------------------------------------- */

static bool knows_archives(struct journal *j)
{
	int have = 0;

	return migrate_compare(j, &have, NULL) == ERR_OK && have >= ARCHIVE_SCHEMA;
}

bool archive_of(struct journal *j, int64_t operation, struct archived *ret)
{
	struct sql_archive_get_in in = { .operation = operation };
	struct sql_archive_get_out o;

	if (!j->archives && !knows_archives(j))
		return false;
	j->archives = true;
	if (!sql_archive_get_one(j, &in, &o))
		return false;
	*ret = (struct archived){ .size = o.size,
		.commit_no = o.commit_no,
		.height = o.height,
		.at_ms = o.at_ms,
		.whole = o.whole };
	snprintf(ret->file, sizeof(ret->file), "%s", o.file);
	memcpy(ret->sum, o.sum, sizeof(ret->sum));
	memcpy(ret->link, o.link, sizeof(ret->link));
	return true;
}

void archive_why(char out[ARCHIVE_WHY_MAX], const uint8_t sum[32], const uint8_t link[32],
    int64_t commit_no)
{
	char file[65], last[65];

	hex_format(file, sum, 32);
	hex_format(last, link, 32);
	snprintf(out, ARCHIVE_WHY_MAX, "sha256 %s, link %s of commit %lld", file, last,
	    (long long)commit_no);
}

void archive_path_of(
    const struct journal *j, const struct archived *a, char out[NAME_SIZE])
{
	const char *slash = strrchr(j->path, '/');
	int folder = slash ? (int)(slash - j->path) + 1 : 0;

	snprintf(out, NAME_SIZE, "%.*s%s", folder, j->path, a->file);
}

enum err archive_check_file(
    struct journal *j, const struct archived *a, char path[NAME_SIZE], struct fail *f)
{
	uint8_t sum[32];
	int64_t size;

	archive_path_of(j, a, path);
	if (journal_files->size(path) < 0)
		return fail_set(f, ERR_NOT_FOUND,
		    "%s, which its rows were archived to, is not there: put it back",
		    path);
	if (!archive_file_sum(path, sum, &size))
		return fail_set(f, ERR_JOURNAL, "%s: can't be read now", path);
	if (size != a->size || memcmp(sum, a->sum, sizeof(sum)) != 0)
		return fail_set(f, ERR_DAMAGED,
		    "%s is not what its operation's rows were archived to: its SHA-256"
		    " is another one; put that back",
		    path);
	return ERR_OK;
}

enum err archive_check(struct journal *j, int64_t operation, struct fail *f)
{
	char path[NAME_SIZE];
	struct archived a;

	return archive_of(j, operation, &a) ? archive_check_file(j, &a, path, f) : ERR_OK;
}

/* -- before the journal's ------------------------------------------------------ */

/* Tables of a connection hide those of its database. */
static const char shadows[] =
    "CREATE TEMP TABLE intent AS SELECT * FROM intent LIMIT 0;"
    "CREATE TEMP TABLE attempt AS SELECT * FROM attempt LIMIT 0;"
    "CREATE TEMP TABLE event AS SELECT * FROM event LIMIT 0;"
    "CREATE INDEX temp.shadow_row ON intent (operation, row);"
    "CREATE INDEX temp.shadow_id ON intent (id);"
    "CREATE INDEX temp.shadow_intent ON attempt (intent);"
    "CREATE INDEX temp.shadow_attempt ON attempt (id);"
    "CREATE INDEX temp.shadow_event ON event (operation, row);";

static bool line_put(struct journal *j, const json_t *line)
{
	const char *of = json_str(line, "of");

	for (int i = 0; of && i < ARCHIVE_PARTS; i++)
		if (archive_parts[i].put >= 0 && !strcmp(archive_parts[i].of, of))
			return archive_row_put(j, &archive_parts[i], line);
	return of != NULL;
}

static enum err lines_put(struct journal *j, struct archive_reader *r, struct fail *f)
{
	const char *text = NULL;
	size_t len = 0;
	enum err e;

	while ((e = archive_reader_next(r, &text, &len, f)) == ERR_OK && text) {
		json_t *line = json_read(text, len, f);
		bool good = line && line_put(j, line);

		json_decref(line);
		if (!good)
			return cut(r, "has a line that is none of an archive", f);
	}
	return e;
}

static enum err show(struct journal *j, const char *path, struct fail *f)
{
	struct archive_reader *r = archive_reader_new(path);
	enum err e = j->drv->exec(j->db, "PRAGMA query_only=OFF", f);

	if (e == ERR_OK)
		e = j->drv->exec(j->db, shadows, f);
	j->shadows = true;
	if (e == ERR_OK)
		e = lines_put(j, r, f);
	j->shadows = false;
	if (e == ERR_OK)
		e = j->drv->exec(j->db, "PRAGMA query_only=ON", f);
	archive_reader_free(r);
	return e;
}

enum err archive_show(struct journal *j, int64_t operation, struct fail *f)
{
	char path[NAME_SIZE];
	struct archived a;
	enum err e;

	CHECK(j->reader);
	if (!archive_of(j, operation, &a))
		return ERR_OK;
	e = archive_check_file(j, &a, path, f);
	return e == ERR_OK ? show(j, path, f) : e;
}
