/* bot_in.h - inside of the bot.
 *
 *   bot.c       updates are asked for, one after the other
 *   bot_read.c  what one says
 *   bot_do.c    who may, and what is done
 *   bot_later.c answers that wait for what they say
 */
#ifndef PAWL_TELL_BOT_BOT_IN_H
#define PAWL_TELL_BOT_BOT_IN_H

#include "tell/bot/bot.h"

#define TALKERS_MAX 512

/* A chat that said something a while ago. */
struct talker {
	int64_t chat;
	int64_t full_ms; /* what it may say is used up until then, but for a minute's */
	int64_t refused_ms; /* it is not told that it may not before then */
	bool told;          /* that it says too much */
};

/* An answer that waits, while there is another of its: it is sent as it is then. */
#define LATER_MAX 64
struct later {
	int64_t notice, subscriber, until_ms;
	char chain[BOT_WORD_MAX];
};

struct bot {
	struct world *world;
	struct journal *journal;
	struct roster *roster;
	const struct channel_config *channels;
	struct bot_rules rules;
	int64_t *allow; /* the rules' */
	struct bot_face face;
	bool lent;
	int64_t id; /* whose updates are asked for; 0: not known */
	int64_t next_update;
	bool polling, said;
	int limit; /* of updates in one answer */
	int failures;
	int64_t asked_ms, not_before_ms, refuse_ms;
	struct talker talkers[TALKERS_MAX];
	size_t talkers_n;
	struct later later[LATER_MAX];
	int later_n;
};

struct asking {
	struct bot *bot;
	struct runner *runner;
	int64_t update;
	struct bot_command said;
	char target[24];
	int64_t subscriber; /* 0: he has no row */
};

/* An update that holds a command. */
void command_take(struct asking *a);

/* JSON that the caller frees; NULL: the text is no UTF-8. */
char *answer_body(const char *text, bool table);

void later_add(struct bot *b, int64_t notice, int64_t subscriber, const char *chain);
void later_turn(struct bot *b, struct runner *r);

#endif
