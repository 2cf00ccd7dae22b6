/* submit_in.h - what is asked for in a submit.h, as read; its own files alone include it.
 */
#ifndef PAWL_SERVE_SUBMIT_SUBMIT_IN_H
#define PAWL_SERVE_SUBMIT_SUBMIT_IN_H

#include <jansson.h>

#include "base/buf.h"
#include "serve/submit/submit.h"

/* As it is asked for. The texts live as long as root. */
struct submit {
	json_t *root;
	const char *name, *chain, *key, *cap, *fee;
	bool has_token, again, adopt, duplicates, self;
	struct address token, fee_to;
	struct request notify; /* its text */
	struct buf list;       /* the rows, one a line */
};

/* fails: USAGE, TOO_BIG. s is released by the caller in any case. */
NODISCARD enum err submit_parse(
    struct submit *s, const char *body, size_t len, struct fail *f);
void submit_release(struct submit *s);

#endif
