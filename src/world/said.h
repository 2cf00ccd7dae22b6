/* said.h - what a request says besides its path and body, kept for whoever answers it,
 * and what is said besides the body of an answer.
 *
 * libmicrohttpd has it all only as long as it runs. All of it fits the memory of a
 * connection. The owner releases it.
 */
#ifndef PAWL_WORLD_SAID_H
#define PAWL_WORLD_SAID_H

#include <microhttpd.h>

#include "world/server.h"

#define SAID_MORE_MAX 2

struct said {
	char *query;               /* raw, as in a=b&c=d; "": none */
	char *headers[HEADER_ALL]; /* NULL: not there. Said twice: both, ", " between */
	char *who;                 /* "": nobody in particular */
	struct {
		const char *name; /* of a lifetime that does not end */
		char *value;
	} more[SAID_MORE_MAX]; /* of the answer */
	int more_n;
};

void said_take(struct said *s, struct MHD_Connection *connection, const char *who);
void said_release(struct said *s);

/* value is copied. */
void said_more(struct said *s, const char *name, const char *value);
void said_put(const struct said *s, struct MHD_Response *response);

#endif
