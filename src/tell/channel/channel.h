/* channel.h - a way to reach subscribers: what a channel must do.
 *
 * A const table of functions, and a row in channel.c. None of them does I/O or keeps
 * anything: tell.c sends, waits and counts. A channel is at least once: an answer that
 * is lost repeats the message.
 */
#ifndef PAWL_TELL_CHANNEL_CHANNEL_H
#define PAWL_TELL_CHANNEL_CHANNEL_H

#include "crypto/secret.h"
#include "world/world.h"

#define LETTER_LINES_MAX 4
#define LETTER_LINE_MAX 128
#define LETTER_URL_MAX 512
#define LANE_NAME_MAX 256
#define LANE_WINDOW_MAX 32
#define VERDICT_WHY_MAX 200

/* Borrowed; NULL: the config has none. */
struct channel_config {
	const struct secret *webhook_secret;
	bool webhook_private; /* those of private addresses, too */
	const struct secret *telegram_token;
	const char *telegram_api; /* its URL, without a '/' at the end */
};

/* One event, and the word that the subscriber has for it, or NULL. */
struct event_text {
	const char *body; /* JSON */
	const char *label;
};

/* What a target is sent at once. */
struct parcel {
	const char *target;
	const struct event_text *events;
	size_t events_n; /* 1, or more where the channel folds */
	bool more;       /* there are more behind them */
	int64_t edits;   /* the message there that is rewritten; 0: it is a new one */
	bool plain;      /* without markup */
};

/* A request, and what it points to. */
struct letter {
	struct http_request request; /* but for done and ctx */
	char url[LETTER_URL_MAX];    /* where it may hold a secret: wiped behind it */
	char line[LETTER_LINES_MAX][LETTER_LINE_MAX];
	const char *lines[LETTER_LINES_MAX + 1];
};

enum delivery {
	DELIVERY_ACCEPTED,
	DELIVERY_AGAIN,  /* later */
	DELIVERY_SLOW,   /* later: its rate was exceeded, or the service's */
	DELIVERY_CLOSED, /* the service itself can't be used by us: all of it waits */
	DELIVERY_PLAIN,  /* at once, without markup */
	DELIVERY_ANEW,   /* what was to be rewritten is no more: a new one */
	DELIVERY_MOVED,  /* the target has another name now */
	DELIVERY_GONE    /* nobody is there, or wants it: the subscriber is suspended */
};

struct verdict {
	enum delivery delivery;
	bool unknown;           /* it may have arrived */
	int64_t retry_after_ms; /* -1: it does not say */
	int64_t message; /* which one it is there, of ACCEPTED; 0: it does not say */
	int64_t moved_to;
	char why[VERDICT_WHY_MAX]; /* for a person; no secret */
};

/* How a milestone is shown where messages can be rewritten. */
enum showing {
	SHOWING_BEGINS,   /* as a new one, which later ones rewrite */
	SHOWING_REWRITES, /* in the last that began, if there is one */
	SHOWING_ENDS      /* as a new one, and what began stays as it is */
};

struct channel {
	const char *name;
	int busy_max;      /* requests under way in a lane */
	bool hosts;        /* its lanes are hosts of anybody, and share (target.h) */
	int window_n;      /* messages in a lane.. */
	int64_t window_ms; /* ..within such a time; window_n 0: any number */
	int fold_from;     /* so many that are due become one; 0: never */
	/* Can it be one of this channel's? fails: USAGE. */
	enum err (*check)(const char *target, struct fail *f);
	/* Does the config have what it needs? fails: CONFIG, with the key and the way. */
	enum err (*ready)(const struct channel_config *c, struct fail *f);
	/* Would it be sent there, by what the target says itself? NULL: to all that can
	 * be one. fails: USAGE, with the way. */
	enum err (*may)(
	    const struct channel_config *c, const char *target, struct fail *f);
	/* What it shares its limits with. */
	void (*lane)(char out[LANE_NAME_MAX], const char *target);
	/* How long a target is left alone after a message. */
	int64_t (*pause_ms)(const char *target);
	/* NULL: it rewrites nothing. */
	enum showing (*showing)(const char *type);
	/* JSON that the caller frees. *ret_n: how many of the events it holds, from the
	 * first on: at least one. */
	char *(*compose)(const struct parcel *p, size_t *ret_n);
	/* body: as composed, len bytes, given to the letter's request. */
	void (*write)(struct letter *ret, const struct channel_config *c,
	    const struct parcel *p, char *body, size_t len, int64_t wall_ms);
	/* ret: zeros. */
	void (*judge)(struct verdict *ret, const struct channel_config *c,
	    const struct http_answer *a);
};

extern const struct channel channel_webhook, channel_telegram;

#define CHANNELS_MAX 4
#define CHANNEL_WORD_MAX 17 /* with its NUL */

/* They are numbered from 0; NULL: there are no more. */
const struct channel *channel_at(int number);
int channel_number(const struct channel *c);

/* NULL: there is none of this name. */
const struct channel *channel_named(const char *name);

/* What text begins with, plain: as much of it as is likely no secret. */
const char *channel_word(char out[CHANNEL_WORD_MAX], const char *text);

/* "CHANNEL:TARGET"; *ret_target points into it, and may be anything: what is in a journal
 * was checked by the pawl that took it. fails: USAGE. */
NODISCARD enum err channel_split(const struct channel **ret, const char **ret_target,
    const char *text, struct fail *f);
/* The same, and it is one that messages can be sent to. */
NODISCARD enum err channel_parse(const struct channel **ret, const char **ret_target,
    const char *text, struct fail *f);

#endif
