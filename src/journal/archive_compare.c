/* archive_compare.c - rows that stayed in the journal, held against their archive. */
#include <string.h>

#include "base/buf.h"
#include "base/mutant.h"
#include "journal/archive_in.h"

#define STEP_ROWS 64
#define TEXT_MAX ((size_t)4 << 20)

/* Rows of an operation as lines, as its archive has them. */
struct lines {
	struct journal *j;
	const struct archive_part *part;
	int64_t operation, row;
	struct buf text;
	size_t at;
};

static bool lines_more(struct lines *l)
{
	int64_t first = l->row;

	buf_clear(&l->text);
	l->at = 0;
	l->row += STEP_ROWS;
	return archive_rows_add(
		   l->j, &l->text, l->part, l->operation, first, l->row - 1) > 0;
}

/* Is this the next one? */
static bool line_is(struct lines *l, const char *text, size_t len)
{
	if (l->at == l->text.len && !lines_more(l))
		return false;
	if (l->text.len - l->at <= len || l->text.data[l->at + len] != '\n' ||
	    memcmp(l->text.data + l->at, text, len) != 0)
		return false;
	l->at += len + 1;
	return true;
}

static bool is_item(const char *text, size_t len)
{
	static const char begin[] = "{\"of\":\"item\",";

	return len > strlen(begin) && !memcmp(text, begin, strlen(begin));
}

static enum err items_compare(struct lines *l, struct archive_reader *r, struct fail *f)
{
	const char *text;
	size_t len;
	enum err e;

	while ((e = archive_reader_next(r, &text, &len, f)) == ERR_OK && text)
		if (is_item(text, len) && !line_is(l, text, len))
			break;
	if (e == ERR_OK && (text || l->at < l->text.len || lines_more(l)) &&
	    !MUTANT(archived_rows_believed))
		return fail_set(f, ERR_DAMAGED,
		    "its rows are not those that its archive was written from");
	return e;
}

enum err archive_compare(struct journal *j, int64_t operation, struct fail *f)
{
	struct lines l = { .j = j, .operation = operation };
	struct archive_reader *r;
	char path[NAME_SIZE];
	struct archived a;
	enum err e;

	if (!archive_of(j, operation, &a))
		return ERR_OK;
	e = archive_check(j, operation, f);
	if (e != ERR_OK)
		return e;
	for (int i = 0; i < ARCHIVE_PARTS; i++)
		if (archive_parts[i].get == SQL_ARCHIVE_ITEM)
			l.part = &archive_parts[i];
	archive_path_of(j, &a, path);
	r = archive_reader_new(path);
	buf_init(&l.text, TEXT_MAX);
	e = items_compare(&l, r, f);
	buf_release(&l.text);
	archive_reader_free(r);
	return e;
}
