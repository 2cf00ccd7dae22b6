/* mailbox.h - a world that only takes requests, and a runner that only sends messages in
 * it: what left is looked at, and answered by hand.
 */
#ifndef PAWL_TESTS_MAILBOX_H
#define PAWL_TESTS_MAILBOX_H

#include "engine/message.h"
#include "journal/sql.gen.h"
#include "tell/tell.h"

#define HITS_MAX 8192
#define MAILBOX_SECRET "0123456789abcdef0123456789abcdef"

struct hit {
	char url[200], *body, lines[2][LETTER_LINE_MAX];
	http_done_fn *done; /* NULL: it was answered */
	void *ctx;
	int64_t at_ms;
};

extern struct fake {
	struct world world;
	int64_t now_ms;
	struct hit hits[HITS_MAX];
	int hits_n;
} fake;

extern struct journal *journal;
extern struct runner *runner;
extern struct tell *tell;
extern struct secret *secret; /* of webhooks */
extern struct channel_config channels;
extern const struct subject of; /* an operation */

int64_t wall_ms(struct world *w);
void rise(void); /* with channels */
void die(void);  /* killed: what is on its way has no outcome */

/* Setup and teardown of a test: an empty journal, and webhooks can be sent. */
int mailbox_begin(void **state);
int mailbox_end(void **state);

void turn(void);
void later(int64_t ms);
int64_t hears(const char *channel, const char *target);
void note(int64_t nth);
void answer_after(int at, enum http_end how, int status, int64_t retry_after_ms);
void answer(int at, int status);
void answer_with(int at, int status, const char *body);

/* Of the nth notice, to that subscriber. */
struct sql_message_of_notice_out row_of(int64_t notice, int64_t subscriber);

#define assert_row(notice, subscriber, state_, tries_, unknown_)                    \
	do {                                                                        \
		struct sql_message_of_notice_out row_ = row_of(notice, subscriber); \
		assert_int_equal(row_.state, state_);                               \
		assert_int_equal(row_.tries, tries_);                               \
		assert_int_equal(row_.unknown, unknown_);                           \
	} while (0)

#endif
