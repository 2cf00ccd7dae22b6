/* chats.c - how fast many chats hear, and whether one with a long queue delays others.
 *
 * usage: chats JOURNAL API CHATS FLOOD BACKLOG RATE SECONDS
 *
 * Makes the journal and runs the real src/tell over the real world (disk, HTTP, clock)
 * against a server of the Bot API at the URL API; its token is TOKEN. CHATS chats hear of
 * FLOOD milestones that are there at the start. Chat 900000001 hears of BACKLOG more, too
 * long to be folded. RATE messages a second come by and by, for SECONDS, each to one of
 * the chats in turn, with the milliseconds since 1970 as its text. Ends when nothing is
 * due any more but for that backlog.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/message.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"
#include "tell/tell.h"

#define LATE 900000001
#define LONG 3000

static void NORETURN give_up(const struct fail *f)
{
	fprintf(stderr, "chats: %s\n", f->why);
	exit(1);
}

static struct journal *journal;
static struct world *world;
static struct runner *runner;

static void hears(int64_t chat, const struct subject *of)
{
	char target[24];

	snprintf(target, sizeof target, "%" PRId64, chat);
	CHECK(message_subscribe(journal, "telegram", target, of, NULL));
}

static void says(const struct subject *of, const char *text)
{
	json_t *facts = json_pack("{s:s}", "text", text);

	runner->noted |=
	    message_note(journal, of, MILESTONE_TOLD, 0, world_wall_ms(world), facts);
}

static void fill(int64_t chats, int64_t flood, int64_t backlog)
{
	const struct subject all = { SUBJECT_OPERATION, 1 };
	const struct subject late = { SUBJECT_OPERATION, 2 };
	static char text[LONG + 1];

	for (int64_t i = 1; i <= chats; i++) {
		const struct subject own = { SUBJECT_HASH, i };

		hears(i, &all);
		hears(i, &own);
	}
	hears(LATE, &late);
	for (int64_t i = 0; i < flood; i++)
		says(&all, "a flood");
	memset(text, 'x', LONG);
	for (int64_t i = 0; i < backlog; i++)
		says(&late, text);
}

static void turn(void)
{
	struct fail f = { ERR_OK, "" };

	if (!runner_turn(runner, &f))
		give_up(&f);
}

static bool is_over(int64_t chats)
{
	struct sql_message_due_next_in in = { .after = 0 };
	struct sql_message_due_next_out row;

	return !sql_message_due_next_one(journal, &in, &row) || row.subscriber > chats;
}

static void drip(int64_t chats, int64_t rate, int64_t seconds)
{
	int64_t began_ms = world_now_ms(world), told = 0;

	for (;;) {
		int64_t now_ms = world_now_ms(world);
		int64_t due_ms = began_ms + (told + 1) * 1000 / (rate ? rate : 1);
		bool more = rate && told < rate * seconds;

		if (more && now_ms >= due_ms) {
			const struct subject own = { SUBJECT_HASH, told++ % chats + 1 };
			char text[24];

			snprintf(text, sizeof text, "%" PRId64, world_wall_ms(world));
			says(&own, text);
			continue;
		}
		turn();
		if (!more && is_over(chats))
			return;
		now_ms = runner_wake_ms(runner);
		world_wait(world, more && due_ms < now_ms ? due_ms : now_ms);
	}
}

int main(int argc, char **argv)
{
	const struct owner me = { .pid = 1, .host = "bench" };
	struct channel_config channels = { .telegram_api = argc > 2 ? argv[2] : "" };
	const char *given = getenv("TOKEN");
	struct secret *token;
	struct fail f = { ERR_OK, "" };
	struct tell *tell;
	char bytes[200];

	if (argc != 8 || !given || strlen(given) >= sizeof bytes) {
		fprintf(stderr,
		    "usage: chats JOURNAL API CHATS FLOOD BACKLOG RATE SECONDS\n");
		return 1;
	}
	secret_setup();
	snprintf(bytes, sizeof bytes, "%s", given);
	token = secret_new(bytes, strlen(given));
	channels.telegram_token = token;
	if (journal_create(argv[1], &f) || journal_own(&journal, argv[1], &me, &f) ||
	    world_open(&world, &f))
		give_up(&f);
	tell = tell_new(world, journal, &channels);
	runner = runner_new(&(struct runner_setup){ .world = world,
	    .journal = journal,
	    .tell = { .ctx = tell, .turn = tell_turn } });
	fill(atoll(argv[3]), atoll(argv[4]), atoll(argv[5]));
	drip(atoll(argv[3]), atoll(argv[6]), atoll(argv[7]));
	world_free(world);
	runner_free(runner);
	tell_free(tell);
	journal_close(journal);
	secret_free(token);
	return 0;
}
