/* chat.h - Telegram's Bot API as a receiver's chat meets it: sendMessage and
 * editMessageText, behind http://telegram.sim.
 *
 * It is a fake. What it answers is what the API documents and is known to answer:
 * docs/telegram.md and telegram.def. Chats know no ids of ours, so a post is known
 * by the letter that made it. Posts lie in the chain's region.
 */
#ifndef PAWL_SIM_CHAT_H
#define PAWL_SIM_CHAT_H

#include "sim/story/receiver.h"

#define SIM_CHAT_API "http://telegram.sim"
#define SIM_CHAT_TOKEN "4242:simulated_bot_token"

/* A message that a chat has. */
struct sim_post {
	struct sim_post *older;
	int64_t id;
	const struct sim_letter *of; /* that made it */
	const char *text;            /* as it was rewritten last */
	bool deleted;                /* by somebody there */
};

/* The receiver whose chat it is; -1: none. */
int sim_chat_of(const struct sim_story *s, const struct http_request *r);

/* What the API makes of it, and answers. y and t are filled as for any receiver. */
void sim_chat_receive(struct sim_story *s, struct sim_letter *t, struct sim_reply *y,
    enum sim_receives how, const struct http_request *r);

/* The chat has it. */
void sim_chat_did(struct sim_story *s, const struct sim_letter *t);

/* It was told that the service takes nothing of ours: it leaves all chats alone. */
void sim_chats_closed(struct sim_life *l, const struct sim_letter *t);

/* NULL: it has none of that id. */
struct sim_post *sim_chat_post(const struct sim_story *s, int receiver, int64_t id);

#endif
