/* target.h - whom to ask next: targets wait in lanes.
 *
 * A lane is what targets share: a service with its own limit of messages, or a host. In
 * it those wait that have something due, by the time from which they may be asked, and
 * who came first goes first; whoever waits longer keeps nobody else back. Memory only: a
 * life that begins knows nothing of what the one before it sent, so it takes all of a
 * lane's limit, and of each target's, to be used up.
 *
 * A service counts what arrives, and a message arrives at some time before its answer
 * does. A place in the window is therefore free again one window after the answer: no
 * delay on the way makes more of them arrive within one.
 */
#ifndef PAWL_TELL_SUBSCRIBER_TARGET_H
#define PAWL_TELL_SUBSCRIBER_TARGET_H

#include "tell/channel/channel.h"

struct lane;

enum target_state {
	TARGET_IDLE,  /* nothing is due; kept while its time is not up */
	TARGET_WAITS, /* in its lane */
	TARGET_BUSY   /* asked: no answer yet */
};

/* How long the last request of a lane took. Where lanes are hosts of anybody, those of
 * one pace share a number of requests: who hangs takes nothing from who is quick, and a
 * host that has not answered yet, or was slow, is asked by one request at a time. A
 * request that takes longer than LANE_SLOW_MS makes its lane a slow one at once, and is
 * counted there: however many hang, the others wait no longer than that. Quick ones have
 * more than one each of the first LANE_QUICK_EACH alone, so that it takes more hosts than
 * the others are, all of which begin to hang at once, until anybody waits at all.
 *
 * Of a host that answers some and lets others hang, those that took so long last time
 * have a lane beside that of the others, who wait for each of them once. */
enum lane_pace { LANE_NEW, LANE_QUICK, LANE_SLOW };
#define LANE_PACES 3
#define LANE_NEW_MAX 32
#define LANE_QUICK_MAX 64
#define LANE_QUICK_EACH 32
#define LANE_SLOW_MAX 16
#define LANE_SLOW_MS 2000

struct target {
	int64_t subscriber;
	struct lane *lane;
	enum target_state state;
	int64_t ready_ms; /* it is not asked before.. */
	int64_t free_ms;  /* ..for its own reasons: an answer may wait for what it says */
	uint64_t came;    /* among those of one time, who came first */
	size_t at;        /* in the lane's heap */
	size_t asked_at;  /* among those that are busy.. */
	int64_t since_ms; /* ..since then.. */
	enum lane_pace counted; /* ..and counted with these */
	bool plain;             /* the next is sent without markup */
};

/* Whose rate was exceeded, and nobody's message was accepted since; 0: nobody's. */
struct lane {
	const struct channel *channel;
	struct target **heap;
	size_t n, cap;
	int busy;
	enum lane_pace pace;
	bool aside;      /* of those of its host that were slow */
	int64_t hold_ms; /* nobody is asked before */
	int64_t slowed;
	size_t of;                      /* targets */
	int64_t place[LANE_WINDOW_MAX]; /* free from then on: a ring, the oldest first */
	int place_at, place_n;
	char name[LANE_NAME_MAX];
};

struct roster {
	struct target **targets; /* by subscriber */
	size_t targets_n, targets_cap;
	struct lane **lanes;
	size_t lanes_n;
	int64_t since_ms;
	uint64_t came;
	struct target **asked; /* that are busy, in no order */
	size_t asked_n, asked_cap;
	int busy_of[LANE_PACES];
};

void roster_init(struct roster *r, int64_t now_ms);
void roster_release(struct roster *r);

/* The soonest that somebody may be asked; INT64_MAX: nobody waits, or only for answers.
 */
int64_t roster_next_ms(const struct roster *r);
/* What takes too long is counted as slow: before lanes are looked at. */
void roster_age(struct roster *r, int64_t now_ms);
/* Forgets those that have nothing due, and could be asked again. */
void roster_sweep(struct roster *r, int64_t now_ms);

struct target *target_find(const struct roster *r, int64_t subscriber); /* or NULL */
struct target *target_get(struct roster *r, int64_t subscriber,
    const struct channel *channel, const char *target);
void target_drop(struct roster *r, struct target *t); /* NULL is fine */

/* Something is due. It must not be busy. */
void target_wait(struct roster *r, struct target *t, int64_t ready_ms);
/* Its answer has come, or never will; before target_done. */
void target_took(struct roster *r, struct target *t, int64_t now_ms);
/* It is idle. */
void target_done(struct roster *r, struct target *t, int64_t now_ms);

/* The one of the lane to be asked now, which is busy then; NULL: none. */
struct target *lane_take(struct roster *r, struct lane *l, int64_t now_ms);
/* Leave all of it alone. */
void lane_hold(struct lane *l, int64_t until_ms);
/* A place of its window, for what is no message of a target; false: none is free. */
bool lane_place_take(struct lane *l, int64_t now_ms);
void lane_place_put(struct lane *l, int64_t now_ms);
struct lane *lane_get(
    struct roster *r, const struct channel *channel, const char *target);

#endif
