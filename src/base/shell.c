#include "base/shell.h"

#include <stdio.h>
#include <string.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,-="
#define QUOTE_LEN 4 /* of a quote within quotes */

const char *shell_word(char *out, size_t size, const char *text)
{
	size_t n = 0;

	if (*text && *text != '-' && !text[strspn(text, PLAIN)]) {
		snprintf(out, size, "%s", text);
		return out;
	}
	if (size < 3) {
		snprintf(out, size, "%s", "");
		return out;
	}
	out[n++] = '\'';
	for (; *text && n + QUOTE_LEN + 2 <= size; text++) {
		if (*text == '\'') {
			memcpy(out + n, "'\\''", QUOTE_LEN);
			n += QUOTE_LEN;
		} else {
			out[n++] = *text;
		}
	}
	out[n++] = '\'';
	out[n] = '\0';
	return out;
}
