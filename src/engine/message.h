/* message.h - what subscribers are told is a row, in the commit of its cause (G9).
 *
 * A notice says that a subject reached a milestone for the nth time; each who hears of
 * the subject gets one message of it, by constraint and for ever. Nothing here asks the
 * network: src/tell/ sends what is due, behind the commit. All of it is rows of the open
 * transaction, and is undone with it; a journal that is numb does nothing.
 */
#ifndef PAWL_ENGINE_MESSAGE_H
#define PAWL_ENGINE_MESSAGE_H

#include <jansson.h>

#include "base/ids.h"
#include "journal/journal.h"

enum subject_kind {
	SUBJECT_OPERATION = 1,
	SUBJECT_HASH = 2,
	SUBJECT_JOURNAL = 3,
	SUBJECT_ANSWER = 4 /* to an update of a bot, for one alone */
};

enum message_state { MESSAGE_DUE, MESSAGE_ACCEPTED, MESSAGE_GONE };

enum milestone {
#define MILESTONE(name, code, word, when) MILESTONE_##name = (code),
#include "engine/milestone.def"
#undef MILESTONE
};

struct subject {
	enum subject_kind kind;
	int64_t id; /* 0: the journal's, which all hear that hear of anything */
};

#define TARGET_MAX 1024 /* with its NUL */
#define EVENT_ID_MAX 33

const char *milestone_name(enum milestone m);

/* How he hears of it. */
struct hearing {
	const char *label; /* his own word for it; NULL: not said */
	/* confirmations of a transaction: what he asks for, and what holds for who asks
	 * for none; 0: not said, the transaction's own */
	int64_t number, usual;
};

/* From now on this target hears of the subject. What it heard of it already, it does not
 * hear again; what is said of label and number holds from now on, also for who heard of
 * it before. The subscriber's id; 0: the journal is numb. */
int64_t message_hear(struct journal *j, const char *channel, const char *target,
    const struct subject *of, const struct hearing *how);
/* The same, with a label or NULL. */
int64_t message_subscribe(struct journal *j, const char *channel, const char *target,
    const struct subject *of, const char *label);
/* 0: nobody ever named it. */
int64_t message_subscriber(struct journal *j, const char *channel, const char *target);
/* Both: false: he did not hear of it, or of anything. Nothing more is sent to him, also
 * of what was due already; what was accepted stays, and a try that is on its way is. */
bool message_unsubscribe(struct journal *j, int64_t subscriber, const struct subject *of);
bool message_silence(struct journal *j, int64_t subscriber);
void message_unsubscribe_all(struct journal *j, const struct subject *of);
bool message_heard(struct journal *j, const struct subject *of); /* by anybody */

/* How many would hear what is said to all: who hears of anything. *ret_suspended: those
 * that would not, since nobody is there; NULL is fine. */
int64_t message_subscribers(struct journal *j, int64_t *ret_suspended);

/* Tell all who hear of it, if it was not told. nth 0: one more than the last. facts: what
 * a webhook gets besides `schema`, `event_id`, `type` and `time`, an object that is given
 * away, or NULL. Nobody hears of it: no notice. true: there are messages to send. */
bool message_note(struct journal *j, const struct subject *of, enum milestone m,
    int64_t nth, int64_t wall_ms, json_t *facts);

/* The same of what is told by a number of confirmations (0: the transaction's own): only
 * those hear it who hear by that, once for each. */
bool message_note_by(struct journal *j, const struct subject *of, int64_t number,
    enum milestone m, int64_t nth, int64_t wall_ms, json_t *facts);
/* The same to one alone, who came later, whether it was told to others or not; number 0
 * is that of what all hear, too. */
void message_tell(struct journal *j, const struct subject *of, int64_t number,
    enum milestone m, int64_t nth, int64_t wall_ms, json_t *facts, int64_t subscriber);
bool message_noted(struct journal *j, const struct subject *of, int64_t number,
    enum milestone m, int64_t nth);
/* His number; and those by which anybody hears of it, added. */
int64_t message_number(struct journal *j, const struct subject *of, int64_t subscriber);
void message_numbers(struct journal *j, const struct subject *of, struct ids *ret);

/* Who came later is told what the subject reached last, too, if anything was told of it.
 */
void message_again(struct journal *j, const struct subject *of, int64_t subscriber);

/* 32 digits, the same in each life of this journal: who gets it twice can tell. */
void message_event_id(struct journal *j, enum subject_kind kind, enum milestone m,
    int64_t nth, const json_t *facts, char out[EVENT_ID_MAX]);

/* A target as it may be shown. Of a URL that is its scheme and host; where more follows,
 * which may be a key, dots and the first 8 digits of the whole one's SHA-256:
 * "https://hooks.example/...#5f0c12ab". */
void message_target_shown(char out[TARGET_MAX], const char *target);

#endif
