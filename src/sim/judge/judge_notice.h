/* judge_notice.h - notices and messages, as a journal has them: shared by those who judge
 * what is told.
 *
 *   judge_notice.c  their rows
 *   judge_heard.c   what is decided
 *   judge_letter.c  what leaves, and what came of it
 *   judge_chat.c    what a chat reads
 */
#ifndef PAWL_SIM_JUDGE_NOTICE_H
#define PAWL_SIM_JUDGE_NOTICE_H

#include "sim/judge/judge_in.h"

void PRINTF(3, 4) judge_wrong(struct sim_story *s, int receiver, const char *fmt, ...);

/* Nobody else tells, and the journal is what it was. */
bool judge_hears_strictly(const struct sim_story *s);

/* Who hears of lists. all: now; else as in what is read, where they are known. */
void judge_hears_read(struct sim_life *l, bool all);

/* 0: nobody ever named it. */
int64_t judge_subscriber_of(struct sim_life *l, int receiver);

bool judge_message_read(struct sim_life *l, int64_t notice, int receiver,
    struct sql_message_of_notice_out *ret);
/* Its receivers, and those that it is known to have reached. */
void judge_messages_read(struct sim_life *l, struct judge_notice *n);

/* "": it has none. */
void judge_event_id(char out[EVENT_ID_MAX], const char *body);

struct judge_notice *judge_notice_new(
    struct sim_life *l, const struct sql_notice_from_out *row);
/* The rows behind what is known, in their order; the first of them. */
struct judge_notice *judge_notices_read(struct sim_life *l);
/* NULL: there is none. */
struct judge_notice *judge_notice_of(const struct judge_heard *h, const char *event_id);

/* Which events a chat is told, by the journal of who tells it; and whether it says so. */
void judge_chat_letter(struct sim_life *l, struct sim_letter *t);
/* It leaves behind others. */
void judge_chat_next(struct sim_life *l, const struct sim_letter *t);

#endif
