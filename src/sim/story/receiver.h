/* receiver.h - who is told: hosts of the simulated world that are no nodes, each behind
 * http://receiver-N.sim/, chats behind one that they share (chat.h), and all that was
 * sent to them.
 *
 * What a receiver does is a row of the group RECEIVED of values.def. A letter is one try
 * of a message, or of several at once: it left, arrives or not, is accepted or not, and
 * its answer comes back or not. Letters lie in the chain's region: they outlive the
 * process that sent them.
 */
#ifndef PAWL_SIM_RECEIVER_H
#define PAWL_SIM_RECEIVER_H

#include "engine/message.h"
#include "sim/random.h"
#include "sim/story/fate.h"
#include "sim/world/sim_world.h"

struct sim_story;
struct sim_life;

enum sim_receives {
	SIM_RECEIVES_ALL,
	SIM_RECEIVES_ANY, /* this or that, by luck */
	SIM_RECEIVES_BREAKS,
	SIM_RECEIVES_BUSY,
	SIM_RECEIVES_LIMITS,
	SIM_RECEIVES_DOWN,
	SIM_RECEIVES_RESETS,
	SIM_RECEIVES_LOSES,
	SIM_RECEIVES_HANGS,
	SIM_RECEIVES_LATE,
	SIM_RECEIVES_MOVED,
	SIM_RECEIVES_BABBLES,
	SIM_RECEIVES_GONE,
	SIM_RECEIVES_SLOW, /* not by luck: who is slow is it for a while */
	SIM_RECEIVES
};

enum sim_letter_state {
	SIM_LETTER_OUT,      /* its process waits for an answer */
	SIM_LETTER_ANSWERED, /* it has one, and has not committed that */
	SIM_LETTER_KNOWN,    /* and has */
	SIM_LETTER_LOST      /* no answer came, or its process is no more */
};

struct sim_letter {
	struct sim_letter *older; /* of all receivers */
	int receiver;
	struct sim_life *life;
	char (*event_id)[EVENT_ID_MAX]; /* of all events that it tells */
	size_t events;
	const char *body;
	int64_t left_ms, arrives_ms; /* of the chain's clock; INT64_MAX: never */
	int64_t until_ms;            /* then there is an answer, or none any more */
	bool accepted, gone;         /* by the receiver, if it arrives */
	bool answered;               /* its process was handed the answer */
	bool vague;                  /* which does not say whether it was accepted */
	bool closes;                 /* or that the service takes nothing of ours */
	bool unsent;                 /* there was no connection */
	bool of_another;             /* journal, which was lost */
	int64_t retry_after_ms;      /* -1: it says none */
	int64_t post; /* which one it made or rewrites, of a chat; 0: none */
	bool edits;   /* it rewrites */
	bool stray;   /* by a copy, by who was robbed, or for an older journal */
	enum sim_letter_state state;
};

struct sim_receiver {
	enum sim_receives how;
	int64_t until_ms; /* of the chain's clock; 0: until it calms down */
	bool suspended;   /* its process knows that nobody is there, and nobody resumed */
	int64_t not_before_ms;        /* it has asked that for.. */
	const struct sim_life *asked; /* ..this one */
};

const char *sim_receives_name(enum sim_receives how); /* "loses"; schedule.c */

#define SIM_FOLLOWED_MAX 16

/* A transaction that somebody is to hear of. */
struct sim_followed {
	char hash[67];
	const struct sim_tx *tx; /* NULL: nobody sends it */
	bool known;              /* who asked was told that it is followed */
	int receiver;
	int64_t confirmations;
};

void sim_receivers_begin(struct sim_story *s);
void sim_receivers_act(struct sim_story *s, const struct sim_act *a);
void sim_receivers_end(struct sim_story *s); /* what lasted a while */
int64_t sim_receivers_due_ms(const struct sim_story *s);

/* Who wanted somebody told types his command again. */
void sim_receivers_asked_again(struct sim_life *l);

/* What was asked for is followed. */
void sim_receivers_follow(struct sim_story *s, const char *line);

/* "webhook", and "http://receiver-0.sim/pawl" */
const char *sim_receiver_channel(int receiver);
const char *sim_receiver_target(int receiver);
bool sim_receiver_is_chat(int receiver);
/* -1: none */
int sim_receiver_of(const struct sim_story *s, const char *target);

bool sim_letter_tells(const struct sim_letter *t, const char *event_id);

/* A world's host and answered (sim_world.h); ctx: the life. */
bool sim_receivers_take(void *life, const struct http_request *r, struct sim_reply *ret);
void sim_receivers_answered(void *life, void *letter, bool whole);
/* A turn was committed: what it had for answers is known. */
void sim_receivers_committed(struct sim_life *l);
/* Its world is no more: nobody waits for an answer. */
void sim_receivers_lose(struct sim_life *l);
/* The journal is an older one: what was known of letters is not. */
void sim_receivers_older(struct sim_story *s);
/* There is another journal: a new one, or one that was there before. */
void sim_receivers_another(struct sim_story *s, bool is_new);

#endif
