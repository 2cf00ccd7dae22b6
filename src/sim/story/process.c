/* What happens to processes: one ends, many die in a row, two want one journal, one
 * stands still while another takes over. */
#include "base/check.h"
#include "sim/story/story.h"

#define COMMAND_MS 30000 /* that a command waits for its nodes */

struct sim_life *sim_story_owner(struct sim_story *s)
{
	for (int i = 0; i < SIM_LIVES; i++) {
		struct sim_life *l = &s->life[i];
		if (l->alive && !l->stands && !l->is_copy && !l->lost_commit)
			return l;
	}
	return &s->life[0];
}

static void second(struct sim_story *s, int64_t ms)
{
	struct sim_life *l = &s->life[1];

	if (l->is_copy)
		return;
	l->wanted = true;
	l->wanted_until_ms = s->chain->now_ms + ms;
	if (!l->alive)
		l->rise_at_ms = s->chain->now_ms;
}

/* Whoever rises next to it is asked for the journal meanwhile. */
static void stand(struct sim_story *s, const struct sim_act *a)
{
	struct sim_life *l = sim_story_owner(s);

	if (l->stands || l->lost_commit)
		return;
	l->stand_points = (uint64_t)a->a;
	l->stand_ms = a->b;
	l->robbed = (enum sim_robbed)a->c;
	if (l->robbed)
		second(s, 2 * a->b);
}

/* away_ms 0: it is started again as after a death. */
static void stop(struct sim_story *s, int64_t away_ms)
{
	struct sim_life *l = sim_story_owner(s);

	sim_story_stop(s, l);
	if (away_ms && !l->alive)
		l->rise_at_ms = s->chain->now_ms + away_ms;
}

void sim_process_act(struct sim_story *s, const struct sim_act *a)
{
	switch ((int)a->kind) {
	case SIM_STOP:
		stop(s, a->a);
		return;
	case SIM_DIE_AGAIN:
		s->again = (struct sim_again){ a->a, a->b, a->c };
		return;
	case SIM_SECOND:
		second(s, a->a);
		return;
	case SIM_STAND:
		stand(s, a);
		return;
	}
	BUG("no such act of a process");
}

void sim_process_rises(struct sim_story *s, struct sim_life *l)
{
	struct sim_random *dice = &s->process_dice;

	if (!s->again.times)
		return;
	s->again.times--;
	sim_disk_die_at(
	    l->process.disk, 1 + (int64_t)sim_random_below(dice, (uint64_t)s->again.ops));
	if (sim_random_hit(dice, (uint32_t)s->again.power_per_mille))
		l->power = 1 + SIM_LOSE_DRAWN;
}

/* -- what lasts a while ------------------------------------------------------------- */

/* Who lost its journal may find nothing to write, and so not that it did: somebody ends
 * it. */
static void robbed_end(struct sim_story *s, struct sim_life *l)
{
	if (!s->calm || !l->alive || l->stands || !l->lost_commit)
		return;
	sim_life_kill(l);
	l->rise_at_ms = s->chain->now_ms;
	sim_story_line(s, "who lost its journal is killed");
}

/* Where a daemon would be asked it is stopped, and the command rises in its place. */
static void resumes_alone(struct sim_story *s)
{
	struct sim_life *l = sim_story_owner(s);

	if (!sim_people_resume_alone(s, false) || !l->alive || l->stands ||
	    l->lost_commit || l->is_copy || l->command_until_ms)
		return;
	sim_story_stop(s, l);
	if (l->alive || !l->wanted)
		return;
	l->rise_at_ms = s->chain->now_ms;
	l->command_until_ms = s->chain->now_ms + COMMAND_MS;
}

void sim_processes_end(struct sim_story *s)
{
	resumes_alone(s);
	for (int i = 0; i < SIM_LIVES; i++) {
		struct sim_life *l = &s->life[i];

		robbed_end(s, l);
		if (!l->wanted_until_ms || s->chain->now_ms < l->wanted_until_ms ||
		    l->stands)
			continue;
		l->wanted = false;
		l->wanted_until_ms = 0;
		sim_story_stop(s, l);
		if (l->is_copy)
			sim_older_copy_ends(s);
	}
}

void sim_processes_calm(struct sim_story *s)
{
	s->again.times = 0;
	for (int i = 0; i < SIM_LIVES; i++) {
		if (s->life[i].stand_points)
			s->life[i].robbed = SIM_ROBBED_NOT; /* it was not, yet */
		s->life[i].stand_points = 0;
		if (s->life[i].wanted_until_ms)
			s->life[i].wanted_until_ms = s->chain->now_ms;
	}
	sim_processes_end(s);
}

int64_t sim_processes_due_ms(const struct sim_story *s)
{
	int64_t due_ms = INT64_MAX;

	for (int i = 0; i < SIM_LIVES; i++) {
		const struct sim_life *l = &s->life[i];

		if (l->wanted_until_ms && !l->stands && l->wanted_until_ms < due_ms)
			due_ms = l->wanted_until_ms;
	}
	return due_ms;
}
