#include "tell/subscriber/held.h"

#include "base/mutant.h"

static int64_t step(void)
{
	return MUTANT(held_at_once) ? INT64_MAX : HELD_STEP;
}

/* How many of those that are due. */
static int64_t hold(struct journal *j, int64_t subscriber, const char *why)
{
	if (MUTANT(gone_waits_with_others))
		return 0;
	return sql_message_hold(j,
	    &(struct sql_message_hold_in){
		.subscriber = subscriber, .why = why, .most = step() });
}

/* Of what he missed behind this notice. */
static int64_t back(struct journal *j, int64_t subscriber, int64_t after)
{
	struct sql_message_back_next_in in = {
		.subscriber = subscriber, .after = after, .most = step()
	};
	struct sql_message_back_next_out next;
	bool more;

	if (!sql_message_back_next_one(j, &in, &next) || MUTANT(missed_is_lost))
		next.n = 0;
	if (next.n)
		sql_message_back(j,
		    &(struct sql_message_back_in){
			.subscriber = subscriber, .after = after, .upto = next.upto });
	more = next.n == HELD_STEP && !MUTANT(back_in_one_step);
	sql_subscriber_resume(j,
	    &(struct sql_subscriber_resume_in){
		.id = subscriber, .back = next.upto, .no_back = !more });
	return next.n;
}

void held_suspend(struct journal *j, int64_t subscriber, const char *why)
{
	sql_subscriber_suspend(
	    j, &(struct sql_subscriber_suspend_in){ .id = subscriber, .why = why });
}

void held_resume(struct journal *j, int64_t subscriber)
{
	(void)back(j, subscriber, 0);
}

bool held_step(
    struct journal *j, const struct sql_message_due_next_out *row, int64_t *ret_moved)
{
	*ret_moved = 0;
	if (!row->no_suspended)
		*ret_moved = hold(j, row->subscriber, row->suspended);
	else if (!row->no_back)
		*ret_moved = back(j, row->subscriber, row->back);
	return *ret_moved < HELD_STEP;
}
