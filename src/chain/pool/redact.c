#include "chain/pool/redact.h"

#include <string.h>

#include "codec/url.h"

#define SECRET_MIN 16
#define BETWEEN "/?#&=:;,@"

void redact_word(char *text, size_t len, const char *word, size_t n)
{
	char *at = text, *end = text + len;

	while ((at = memmem(at, (size_t)(end - at), word, n))) {
		memset(at, '*', n);
		at += n;
	}
}

static void part_redact(char *text, size_t len, const char *part, size_t part_len)
{
	const char *end = part + part_len;

	while (part < end) {
		size_t n = strcspn(part, BETWEEN);

		if (n > (size_t)(end - part))
			n = (size_t)(end - part);
		if (n >= SECRET_MIN)
			redact_word(text, len, part, n);
		part += n + 1;
	}
}

/* Its host is shown by name anyway. */
void redact(char *text, size_t len, const char *url)
{
	struct url u;

	url_split(&u, url);
	if (u.user)
		part_redact(text, len, u.user, u.user_len);
	part_redact(text, len, u.path, strlen(u.path));
}
