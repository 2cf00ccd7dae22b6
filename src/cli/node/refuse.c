#include "cli/node/refuse.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mutant.h"
#include "base/shell.h"

#define WRONG "That is not the word for this, or it was told before something changed: "

static size_t whole_letters(const char *text, size_t n)
{
	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

enum err refuse_word(struct fail *f, const struct word_asked *r, const char *fmt, ...)
{
	char text[2000], end[REFUSE_LINE_MAX + 200];
	size_t n, room;
	va_list ap;

	snprintf(end, sizeof end, ". Nothing was changed. %.120s: %s --yes=%08" PRIx32,
	    r->unless, r->line, r->word);
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	n = strlen(text);
	room = sizeof f->why - 1 - strlen(end) - (r->said ? sizeof WRONG - 1 : 0);
	if (n > room && !MUTANT(word_is_cut_off)) {
		n = whole_letters(text, room - 2);
		memcpy(text + n, "..", 3);
	}
	return fail_set(f, ERR_CONFLICT, "%s%s%s", r->said ? WRONG : "", text, end);
}

const char *refuse_line(char out[REFUSE_LINE_MAX], const char *command, const char *path)
{
	char word[500];

	snprintf(out, REFUSE_LINE_MAX, "%.90s%s%s", command, path ? " " : "",
	    path ? shell_word(word, sizeof word, path) : "");
	return out;
}
