#include "mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "drawer.h"

struct fake fake;
struct journal *journal;
struct runner *runner;
struct tell *tell;
struct secret *secret;
struct channel_config channels;
const struct subject of = { .kind = SUBJECT_OPERATION, .id = 1 };

/* -- the world --------------------------------------------------------------- */

static int64_t now_ms(struct world *w)
{
	(void)w;
	return fake.now_ms;
}

int64_t wall_ms(struct world *w)
{
	(void)w;
	return 1700000000000 + fake.now_ms;
}

/* The longest that luck may bring. */
static void luck(struct world *w, void *out, size_t len)
{
	const uint64_t most = 38400000 - 1; /* a multiple of each bound, less one */

	(void)w;
	assert_int_equal(len, sizeof most);
	memcpy(out, &most, len);
}

static void http(struct world *w, const struct http_request *q)
{
	struct hit *h = &fake.hits[fake.hits_n++];

	(void)w;
	assert_true(fake.hits_n < HITS_MAX);
	if (!strstr(q->url, "/getUpdates")) {
		assert_true(q->once && q->timeout_ms <= 15000);
		assert_true(q->answer_max <= 128 * 1024);
	}
	*h = (struct hit){
		.done = q->done, .ctx = q->ctx, .body = q->body, .at_ms = fake.now_ms
	};
	snprintf(h->url, sizeof h->url, "%s", q->url);
	for (size_t i = 0; q->lines && q->lines[i]; i++)
		snprintf(h->lines[i], sizeof h->lines[i], "%s", q->lines[i]);
}

static const struct world_ops fake_ops = {
	.now_ms = now_ms, .wall_ms = wall_ms, .random = luck, .http = http
};

/* -- who sends --------------------------------------------------------------- */

void rise(void)
{
	journal = own();
	tell = tell_new(&fake.world, journal, &channels);
	runner = runner_new(&(struct runner_setup){ .world = &fake.world,
	    .journal = journal,
	    .tell = { .ctx = tell, .turn = tell_turn } });
}

void die(void)
{
	for (int i = 0; i < fake.hits_n; i++)
		if (fake.hits[i].done)
			fake.hits[i].done(fake.hits[i].ctx,
			    &(struct http_answer){ .end = HTTP_UNKNOWN });
	for (int i = 0; i < fake.hits_n; i++)
		fake.hits[i].done = NULL;
	runner_free(runner);
	tell_free(tell);
	journal_close(journal);
}

int mailbox_begin(void **state)
{
	char bytes[] = MAILBOX_SECRET;

	(void)state;
	drawer_clean();
	fake.world.ops = &fake_ops;
	fake.now_ms = 1000;
	fake.hits_n = 0;
	assert_int_equal(journal_create(path, NULL), ERR_OK);
	secret = secret_new(bytes, strlen(MAILBOX_SECRET));
	channels = (struct channel_config){ .webhook_secret = secret };
	rise();
	return 0;
}

int mailbox_end(void **state)
{
	(void)state;
	die();
	for (int i = 0; i < fake.hits_n; i++)
		mem_free(fake.hits[i].body);
	secret_free(secret);
	return 0;
}

void turn(void)
{
	struct fail f = { 0 };

	do
		assert_true(runner_turn(runner, &f));
	while (runner->again);
}

void later(int64_t ms)
{
	fake.now_ms += ms;
	turn();
}

int64_t hears(const char *channel, const char *target)
{
	return message_subscribe(journal, channel, target, &of, NULL);
}

void note(int64_t nth)
{
	runner->noted |= message_note(
	    journal, &of, MILESTONE_COMPLETED, nth, wall_ms(&fake.world), NULL);
}

static void answered(int at, struct http_answer *a)
{
	http_done_fn *done = fake.hits[at].done;

	assert_non_null(done);
	fake.hits[at].done = NULL;
	done(fake.hits[at].ctx, a);
	turn();
}

void answer_after(int at, enum http_end how, int status, int64_t retry_after_ms)
{
	struct http_answer a = {
		.end = how, .status = status, .retry_after_ms = retry_after_ms
	};

	answered(at, &a);
}

void answer(int at, int status)
{
	answer_after(at, HTTP_ANSWERED, status, -1);
}

void answer_with(int at, int status, const char *body)
{
	struct http_answer a = { .end = HTTP_ANSWERED,
		.status = status,
		.retry_after_ms = -1,
		.body = mem_str(body),
		.body_len = strlen(body) };

	answered(at, &a);
	mem_free(a.body);
}

struct sql_message_of_notice_out row_of(int64_t notice, int64_t subscriber)
{
	struct sql_message_of_notice_in in = { .notice = notice };
	struct sql_message_of_notice_out row, found = { .state = -1 };

	sql_message_of_notice_begin(journal, &in);
	while (sql_message_of_notice_next(journal, &row))
		if (row.subscriber == subscriber)
			found = row;
	return found;
}
