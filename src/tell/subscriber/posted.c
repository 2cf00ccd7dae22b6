#include "tell/subscriber/posted.h"

#include <stdio.h>

#include "journal/sql.gen.h"
#include "tell/subscriber/held.h"

int64_t posted_get(struct journal *j, int64_t subscriber, const struct subject *of)
{
	struct sql_posted_get_in in = {
		.subscriber = subscriber, .subject_kind = of->kind, .subject = of->id
	};
	struct sql_posted_get_out row;

	return sql_posted_get_one(j, &in, &row) ? row.message : 0;
}

void posted_forget(struct journal *j, int64_t subscriber, const struct subject *of)
{
	sql_posted_forget(j,
	    &(struct sql_posted_forget_in){
		.subscriber = subscriber, .subject_kind = of->kind, .subject = of->id });
}

void posted_keep(struct journal *j, int64_t subscriber, const struct subject *of,
    size_t n, enum showing how, int64_t message)
{
	if (how != SHOWING_ENDS && n == 1 && message > 0) {
		sql_posted_put(j,
		    &(struct sql_posted_put_in){ .subscriber = subscriber,
			.subject_kind = of->kind,
			.subject = of->id,
			.message = message });
		return;
	}
	for (size_t i = 0; i < n; i++)
		posted_forget(j, subscriber, &of[i]);
}

void answer_forget(struct journal *j, int64_t notice)
{
	sql_answer_message_drop(
	    j, &(struct sql_answer_message_drop_in){ .notice = notice });
	sql_answer_notice_drop(
	    j, &(struct sql_answer_notice_drop_in){ .notice = notice });
}

static void merge(struct journal *j, int64_t from, int64_t into, const char *to)
{
	char why[64];

	snprintf(why, sizeof why, "it is %.40s now", to);
	sql_subscription_merge(
	    j, &(struct sql_subscription_merge_in){ .old = from, .into = into });
	sql_subscription_none(
	    j, &(struct sql_subscription_none_in){ .subscriber = from });
	sql_message_merge(j, &(struct sql_message_merge_in){ .old = from, .into = into });
	held_suspend(j, from, why);
}

void subscriber_follow(
    struct journal *j, int64_t subscriber, const char *channel, const char *to)
{
	struct sql_subscriber_by_target_in in = { .channel = channel, .target = to };
	struct sql_subscriber_by_target_out other;

	if (!sql_subscriber_by_target_one(j, &in, &other))
		sql_subscriber_move(j,
		    &(struct sql_subscriber_move_in){ .id = subscriber, .target = to });
	else if (other.id != subscriber)
		merge(j, subscriber, other.id, to);
}
