/* channel.h - a way to reach subscribers: what a channel must do.
 *
 * A const table of functions, and a row in channel.c. None of them does I/O or keeps
 * anything: tell.c sends, waits and counts. A channel is at least once: an answer that
 * is lost repeats the message.
 */
#ifndef PAWL_TELL_CHANNEL_H
#define PAWL_TELL_CHANNEL_H

#include "crypto/secret.h"
#include "world/world.h"

#define LETTER_LINES_MAX 4
#define LETTER_LINE_MAX 128

/* Borrowed; NULL: the config has none. */
struct channel_config {
	const struct secret *webhook_secret;
};

/* A request, and what it points to. */
struct letter {
	struct http_request request; /* but for done and ctx */
	char line[LETTER_LINES_MAX][LETTER_LINE_MAX];
	const char *lines[LETTER_LINES_MAX + 1];
};

enum delivery {
	DELIVERY_ACCEPTED,
	DELIVERY_AGAIN, /* later; what it says of Retry-After is kept */
	DELIVERY_GONE   /* nobody is there, or wants it: the subscriber is suspended */
};

struct channel {
	const char *name;
	/* Can it be one of this channel's? fails: USAGE. */
	enum err (*check)(const char *target, struct fail *f);
	/* Does the config have what it needs? fails: CONFIG, with the key and the way. */
	enum err (*ready)(const struct channel_config *c, struct fail *f);
	/* body: JSON, len bytes, given to the letter's request. */
	void (*write)(struct letter *ret, const struct channel_config *c,
	    const char *target, char *body, size_t len, int64_t wall_ms);
	enum delivery (*judge)(enum http_end end, int status);
};

extern const struct channel channel_webhook;

/* NULL: there is none of this name. */
const struct channel *channel_named(const char *name);

/* "CHANNEL:TARGET"; *ret_target points into it. fails: USAGE. */
NODISCARD enum err channel_parse(const struct channel **ret, const char **ret_target,
    const char *text, struct fail *f);

#endif
