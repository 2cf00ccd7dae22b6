#include "cli/config/percents.h"

#include <string.h>

/* 1 to 99, and above the one before; 0: it is none. */
static int percent_of(const char *text, size_t len, const struct track_percents *before)
{
	int n = 0;

	for (size_t i = 0; i < len && i < 3; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		n = n * 10 + (text[i] - '0');
	}
	if (!len || len > 2 || (before->n && before->at[before->n - 1] >= n))
		return 0;
	return n;
}

static bool percent_add(struct track_percents *ret, const char *text, size_t len)
{
	int n = percent_of(text, len, ret);

	if (!n || ret->n == TRACK_PERCENTS_MAX)
		return false;
	ret->at[ret->n++] = n;
	return true;
}

void percents_read(struct reader *r, struct track_percents *ret, const struct doc *d)
{
	bool good = d->kind != DOC_MAP;

	ret->n = 0;
	if (d->kind == DOC_TEXT && !doc_null(d)) {
		const char *at = d->text;

		for (size_t len; at += strspn(at, " ,"), (len = strcspn(at, " ,")) > 0;
		     at += len)
			good = good && percent_add(ret, at, len);
	}
	for (const struct doc *at = d->kind == DOC_LIST ? d->children : NULL; at;
	     at = at->next)
		good = good && at->kind == DOC_TEXT &&
		    percent_add(ret, at->text, strlen(at->text));
	if (!good)
		problem(r, d,
		    "milestones are a rising list of at most %d whole numbers from 1 to "
		    "99, as [25, 50, 75]",
		    TRACK_PERCENTS_MAX);
}
