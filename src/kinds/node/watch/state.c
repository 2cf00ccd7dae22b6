/* The state of the journal against the newest snapshot: the journal wins, and what
 * differs is said. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "journal/sql.gen.h"
#include "kinds/node/watch/inside.h"
#include "kinds/node/watch/trouble.h"

#define CHANGES_LOOKED_AT 4096

void watch_time(char out[L2_TIME_MAX], int64_t wall_ms)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&s, &tm) || !strftime(out, L2_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, L2_TIME_MAX, "an unknown time");
}

/* So many changes came behind the one that anchored this root, or restored it; -1: none
 * of those that are looked at. */
static int64_t changes_since(struct journal *j, int64_t last, const char *root)
{
	char member[100];
	int n = snprintf(member, sizeof member, "root\":\"%s\"", root);

	for (int64_t i = 0; i < CHANGES_LOOKED_AT && i < last; i++) {
		struct sql_node_change_get_in in = { .no = last - i };
		struct sql_node_change_get_out row;

		if (!sql_node_change_get_one(j, &in, &row))
			break; /* it is in an archive */
		if (memmem(row.line, row.line_len, member, (size_t)n))
			return i;
	}
	return -1;
}

/* Which lists have another number of records. */
static void differs(char out[300], const struct l2_end *end, const struct book_sums *sums)
{
	int n = 0;

	out[0] = '\0';
	for (int i = 0; i < L2_LISTS && n >= 0 && n < 250; i++)
		if (end->verdict.records[i] != (uint64_t)sums->n[i])
			n += snprintf(out + n, 300 - (size_t)n,
			    "%s%" PRIu64 " %s instead of %" PRId64, n ? ", " : "",
			    end->verdict.records[i], l2_kinds[i].many, sums->n[i]);
	if (!n)
		snprintf(out, 300, "as many records of each kind");
}

static uint64_t records_n(const struct l2_end *end)
{
	uint64_t n = 0;

	for (int i = 0; i < L2_LISTS; i++)
		n += end->verdict.records[i];
	return n;
}

void state_tell_again(struct l2_watch *w)
{
	const struct l2_step_now *s = &w->compared;

	if (s->how == L2_WAITS)
		return;
	if (s->how == L2_WELL && w->uncovered[0])
		step_end(w, L2_STEP_STATE, L2_TROUBLE, "%s", w->uncovered);
	else if (s->how == L2_WELL && w->stranded[0])
		step_end(w, L2_STEP_STATE, L2_TROUBLE, "%s", w->stranded);
	else
		step_end(w, L2_STEP_STATE, s->how, "%s", s->said);
}

static void compared(struct l2_watch *w, enum l2_how how, const char *fmt, ...)
    PRINTF(3, 4);

static void compared(struct l2_watch *w, enum l2_how how, const char *fmt, ...)
{
	size_t most = sizeof w->compared.said, len;
	struct l2_trouble told;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->compared.said, most, fmt, ap);
	va_end(ap);
	w->compared.how = how;
	len = strlen(w->compared.said);
	if (how == L2_WELL && told_of_unseen(&told, w->journal))
		snprintf(w->compared.said + len, most - len,
		    ". But %.300s: pawl node settle", told.why);
	state_tell_again(w);
}

static void other_root(struct l2_watch *w)
{
	const struct book_sums *s = &w->counted.sums;
	const struct l2_end *end = &w->end;
	int64_t behind = changes_since(w->journal, s->changes, end->verdict.root);
	char what[300], more[80] = "more than 4,096 changes";
	struct l2_trouble trouble;
	struct anchor a;

	differs(what, end, s);
	trouble_of_state(&trouble, w->paths.log, end->verdict.root, s);
	if (!s->changes && records_n(end)) {
		compared(w, L2_TROUBLE, "%s (%s): %s", trouble.why, what, trouble.remedy);
	} else if (behind >= 0 || s->changes > CHANGES_LOOKED_AT ||
	    (w->has_anchor && anchor_find(w->journal, &w->anchor, &a) && a.own)) {
		if (behind >= 0)
			snprintf(more, sizeof more, "%" PRId64 " change%s", behind,
			    behind == 1 ? "" : "s");
		compared(w, L2_WELL,
		    "recounted: root %s behind change %" PRId64 ". It goes on from the "
		    "newest snapshot (%s, root %s) by %s, which the journal keeps",
		    w->counted.root, s->changes, what, end->verdict.root, more);
	} else {
		compared(w, L2_TROUBLE,
		    "recounted: root %.16s behind change %" PRId64
		    ", and the journal holds. But %s (%s): %s",
		    w->counted.root, s->changes, trouble.why, what, trouble.remedy);
	}
}

void state_tell(struct l2_watch *w)
{
	const struct book_sums *s = &w->counted.sums;
	const char *root = w->counted.root;

	if (!w->now.has_snapshot)
		compared(w, L2_WELL,
		    "recounted: root %s behind change %" PRId64
		    "; no snapshot to compare it with",
		    root, s->changes);
	else if (strcmp(root, w->end.verdict.root) == 0)
		compared(w, L2_WELL,
		    "recounted: root %s behind change %" PRId64 ", that of the newest "
		    "snapshot",
		    root, s->changes);
	else
		other_root(w);
}
