#include "base/shell.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mutant.h"

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,-="
#define TOO_LONG "PATH"
#define QUOTE_LEN 4 /* of a quote within quotes */

/* The length of a word in quotes. */
static size_t quoted_len(const char *text)
{
	size_t n = 2;

	for (; *text; text++)
		n += *text == '\'' ? QUOTE_LEN : 1;
	return n;
}

static void quote(char *out, const char *text)
{
	*out++ = '\'';
	for (; *text; text++) {
		size_t n = *text == '\'' ? QUOTE_LEN : 1;

		memcpy(out, n > 1 ? "'\\''" : text, n);
		out += n;
	}
	*out++ = '\'';
	*out = '\0';
}

const char *shell_word(char *out, size_t size, const char *text)
{
	bool plain = *text && *text != '-' && !text[strspn(text, PLAIN)];
	size_t len = plain ? strlen(text) : quoted_len(text);

	CHECK(size >= sizeof TOO_LONG);
	if (len >= size && !MUTANT(half_a_path))
		snprintf(out, size, "%s", TOO_LONG);
	else if (plain || len >= size)
		snprintf(out, size, "%s", text);
	else
		quote(out, text);
	return out;
}

const char *shell_as(char out[SHELL_AS_MAX], const char *name, uid_t uid, gid_t gid)
{
	char word[80];

	if (name)
		snprintf(
		    out, SHELL_AS_MAX, "sudo -u %s", shell_word(word, sizeof word, name));
	else
		snprintf(out, SHELL_AS_MAX,
		    "sudo setpriv --reuid=%u --regid=%u --clear-groups", (unsigned)uid,
		    (unsigned)gid);
	return out;
}
