/* judge.h - what must hold in a story, judged from the chain and the journal apart.
 *
 * It is written without the engine: it knows what people ordered, what the chain did, and
 * reads rows. What it finds is the story's violation.
 */
#ifndef PAWL_SIM_JUDGE_H
#define PAWL_SIM_JUDGE_H

#include "sim/story/story.h"

struct sim_judge;

struct sim_judge *sim_judge_new(struct sim_story *s);
void sim_judge_free(struct sim_judge *j);
void sim_judge_begin(struct sim_judge *j); /* of a new story */

/* In a life: when it has its journal; after each turn; when bytes leave. */
void sim_judge_rise(struct sim_life *l);
void sim_judge_step(struct sim_life *l);
void sim_judge_sent(void *life, const struct sim_tx *t);
/* Its journal is an older one from here on, as it goes on. */
void sim_judge_older(struct sim_life *l);
/* Nothing of a journal is left; a new one begins. */
void sim_judge_lost(struct sim_story *s);
/* Somebody is told to adopt a payment for a row of a list. In a life. */
void sim_judge_advised(struct sim_life *l, int list, int64_t row);
/* A try of a message leaves, and is filled in; one was accepted, and its process knows.
 * In a life. */
void sim_judge_letter(
    struct sim_life *l, struct sim_letter *t, const struct http_request *r);
void sim_judge_accepted(struct sim_life *l, const struct sim_letter *t);
/* The subscriber of that receiver, if it is suspended; 0: it is not. In a life. */
int64_t sim_judge_suspended(struct sim_life *l, int receiver);
/* A request to a node leaves: who was told that it is off believes so. */
void sim_judge_asked(struct sim_life *l, int node);
/* Is all that was wanted done? In a life. */
bool sim_judge_over(struct sim_life *l);
/* In the last life, before it stops: what the journal says in the end. */
void sim_judge_journal(struct sim_life *l);
/* When nobody lives any more: what archives hold; what the chain says. */
void sim_judge_archives(struct sim_story *s);
void sim_judge_chain(struct sim_story *s);

#endif
