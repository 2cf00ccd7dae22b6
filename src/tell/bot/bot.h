/* bot.h - commands that chats send to the bot of Telegram.
 *
 * A part of the turn. Updates are asked for by long polling, from the number on that the
 * journal holds: each is handled in the commit that moves this number behind it, so that
 * none is handled twice, and none is lost. What it answers is a message like any other,
 * sent behind the commit until it is accepted. Who is not allowed is told once how to
 * become it, without a row: nobody can fill the journal from outside.
 *
 * What a command does is lent to it (struct bot_face).
 */
#ifndef PAWL_TELL_BOT_BOT_H
#define PAWL_TELL_BOT_BOT_H

#include <jansson.h>

#include "base/buf.h"
#include "engine/engine.h"
#include "tell/subscriber/target.h"

#define BOT_WORD_MAX 128
#define BOT_TEXT_MAX ((size_t)8 * 1024)

struct bot;

/* Who may use it: the numbers of chats and of users. Copied. */
struct bot_rules {
	const int64_t *allow;
	int allow_n;
	bool anyone;
	int max_users; /* chats, those that the operator named among them */
};

struct bot_asked {
	int64_t subscriber;
	const char *target;       /* his, as "123" */
	const char *hash, *chain; /* as he wrote them; "": he did not */
};

/* Do it, and write what to say. *ret_table: in columns. Rows are of the open
 * transaction. */
typedef void bot_do_fn(void *ctx, struct runner *r, const struct bot_asked *q,
    struct buf *out, bool *ret_table);

/* NULL: it can't be done here. */
struct bot_face {
	void *ctx;
	bot_do_fn *track, *untrack, *status, *fees;
	/* Is what fees says of today? While it is not, the answer waits a few seconds,
	 * and is written anew then. A life that ends meanwhile leaves the one of before.
	 */
	bool (*fees_known)(void *ctx, struct runner *r, const char *chain);
};

/* world, journal and roster are borrowed; so is channels, which may change. */
struct bot *bot_new(struct world *world, struct journal *journal, struct roster *roster,
    const struct channel_config *channels);
void bot_free(struct bot *b); /* NULL is fine */

/* From now on. Until then, and without a token, it does nothing. */
void bot_lend(struct bot *b, const struct bot_rules *rules, const struct bot_face *face);

void bot_turn(struct bot *b, struct runner *r);

/* Nothing is sent to this subscriber before: an answer of his waits. 0: none does. */
int64_t bot_held_ms(const struct bot *b, int64_t subscriber);

/* What an update says to us. false: nothing that is a command for us, or it is none of
 * the API's; what is parsed is bounded by it. */
struct bot_command {
	int64_t chat, user;
	bool alone; /* with the user, not in a group */
	char word[32], hash[BOT_WORD_MAX], chain[BOT_WORD_MAX];
};
bool bot_command_parse(struct bot_command *ret, const json_t *update);

#endif
