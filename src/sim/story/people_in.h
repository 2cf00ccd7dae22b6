/* people_in.h - who types, inside: shared by its files alone.
 *
 *   people.c           wishes, and what they are answered
 *   people_operator.c  the operator, who types what he is told to
 *   people_act.c       the acts of people
 *   people_list.c      who pays a list
 */
#ifndef PAWL_SIM_PEOPLE_IN_H
#define PAWL_SIM_PEOPLE_IN_H

#include "base/buf.h"
#include "sim/story/story.h"

enum { SIM_OF_NO_LIST = -1, SIM_EDITED = -2 };

/* A question, while its process lives: a fact, then told behind the commit. */
struct sim_answer {
	struct fact fact;
	struct sim_life *life;
	uint64_t wish;
	int list; /* whose it is; or of the above */
	bool given;
	struct request q;
	struct buf body;
	enum err e;
	struct told told;
	struct fail f;
};

/* Nothing else is asked by then. body: moves here; NULL: none. */
void sim_people_ask(
    struct sim_life *l, const struct request *q, int list, const struct buf *body);

void sim_people_create(struct sim_life *l); /* the lists that are wanted, a part */
void sim_people_list_told(struct sim_life *l, const struct sim_answer *a);
void sim_operator_wishes(struct sim_story *s, const struct request *q);
void sim_operator_looks(struct sim_life *l); /* and types, if something waits for him */
/* What was refused names other lines: those first, then again. With --yes where there are
 * none, or none of them will do. */
void sim_operator_refused(struct sim_life *l, const char *why);
/* The word by which a refusal may be overruled. false: it tells none. */
bool sim_operator_word(uint32_t *ret, const char *why);
void sim_people_edit(struct sim_life *l); /* somebody takes an edited list for new */

#endif
