/* bot_in.h - inside of the bot.
 *
 *   bot.c       updates are asked for, one after the other
 *   bot_read.c  what one says
 *   bot_do.c    who may, and what is done
 */
#ifndef PAWL_TELL_BOT_IN_H
#define PAWL_TELL_BOT_IN_H

#include "tell/bot.h"

#define TALKERS_MAX 512

/* A chat that said something a while ago. */
struct talker {
	int64_t chat;
	int64_t full_ms; /* what it may say is used up until then, but for a minute's */
	int64_t refused_ms; /* it is not told that it may not before then */
	bool told;          /* that it says too much */
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

#endif
