/* No text of a snapshot has a line feed: whoever may choose one can put a whole record
 * into its quotes, and never at the beginning of a line. And quotes are behind lines of a
 * text: where none is between a record and the block before it, what is there is of a
 * record that was torn or hurt, in which there can be no other (v2.h). */
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/log_in.h"
#include "kinds/node/snapshot/v1.h"

#define LINE_MOST 32 /* so much of a line says whose it is */

static bool begins(const char *line, size_t n, const char *word, const char *behind)
{
	size_t word_n = strlen(word), behind_n = strlen(behind);

	return n >= word_n + behind_n && memcmp(line, word, word_n) == 0 &&
	    memcmp(line + word_n, behind, behind_n) == 0;
}

/* Of a text, be its header hurt? */
static bool is_line(const char *line, size_t n)
{
	bool ret = begins(line, n, "timestamp_ms", " ");

	for (enum l2_list list = 0; !ret && list < L2_LISTS; list++)
		ret = begins(line, n, l2_kinds[list].many, " ") ||
		    begins(line, n, l2_kinds[list].one, " \"");
	return ret;
}

/* first: they begin a line. */
static bool has_line(const char *bytes, size_t n, bool first)
{
	const char *at = bytes, *end = bytes + n;

	if (first && is_line(at, n))
		return true;
	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		if (is_line(at, (size_t)(end - at)))
			return true;
	}
	return false;
}

/* Does one begin between the two? What can't be read has one. */
static bool has_text(const struct l2_log *log, uint64_t from, uint64_t to, bool first)
{
	enum { PIECE = 1 << 16 };
	char *bytes = mem_array(PIECE, 1);
	bool ret = false;
	size_t n = PIECE;

	/* A line that is cut is looked at again, from its line feed on. */
	while (!ret && from < to && n == PIECE) {
		size_t want = to - from < PIECE ? (size_t)(to - from) : PIECE;

		ret = log->files->read(log->file, from, bytes, want, &n, NULL) ||
		    has_line(bytes, n, first);
		first = false;
		from += n > LINE_MOST ? n - LINE_MOST : n;
	}
	mem_free(bytes);
	return ret;
}

/* Behind a line feed, or an end of a text that lacks its own. */
static bool begins_line(const struct l2_log *log, uint64_t at, uint64_t from)
{
	static const char end[] = "\nEND_SNAPSHOT";
	char bytes[sizeof end - 1];
	uint64_t n = at - from < sizeof bytes ? at - from : sizeof bytes;
	size_t got = 0;

	if (log->files->read(log->file, at - n, bytes, (size_t)n, &got, NULL) || got != n)
		return false;
	return bytes[n - 1] == '\n' ||
	    (n == sizeof bytes && memcmp(bytes, end, sizeof bytes) == 0);
}

void log_gap_begin(struct log_gap *gap, const struct l2_log *log, uint64_t from)
{
	/* Of a log whose end alone is looked at nobody knows what it begins with. */
	*gap = (struct log_gap){ from, from, from && from == log->from };
}

bool log_is_quoted(struct log_gap *gap, const struct l2_log *log, uint64_t at)
{
	if (at == gap->from && !gap->text)
		return false;
	if (!gap->text)
		gap->text = has_text(log, gap->seen, at, gap->seen == gap->from);
	gap->seen = at;
	return gap->text && (at == gap->from || !begins_line(log, at, gap->from)) &&
	    !MUTANT(quoted_records_believed);
}
