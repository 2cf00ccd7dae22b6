/* canon.h - which command a request is, whatever bytes say it.
 *
 * Of the parsed body: members in any order, with any blanks and escapes; an amount with
 * or without zeros at its end; hex in either case; a flag that is false as one that is
 * left out. Pure: the fuzzer runs it.
 */
#ifndef PAWL_SERVE_REQUEST_CANON_H
#define PAWL_SERVE_REQUEST_CANON_H

#include "serve/request/request.h"

#define CANON_MEMBERS_MAX 40
#define CANON_NAME_MAX 32 /* with its NUL */
#define CANON_TEXT_MAX (CANON_MEMBERS_MAX * (CANON_NAME_MAX + 18))

struct canon {
	uint8_t hash[32];
	char members[CANON_TEXT_MAX]; /* sorted lines: a name, 16 digits of its hash */
};

/* q: parsed from this body. fails: USAGE (the body is none of any route). */
NODISCARD enum err canon_of(struct canon *ret, const struct request *q, const char *body,
    size_t len, struct fail *f);

/* The first member that is not the same in both; "path" for what stands there. */
void canon_differs(const char *a, const char *b, char out[CANON_NAME_MAX]);

#endif
