#include "cli/command/track_tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "cli/report/track.h"
#include "engine/states.h"
#include "journal/sql.gen.h"
#include "serve/command/tracking.h"

static int by_hash(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hash));
}

void track_tail_begin(struct track_tail *t, struct hash *hashes, size_t n)
{
	if (n)
		qsort(hashes, n, sizeof *hashes, by_hash);
	*t = (struct track_tail){ .hashes = hashes,
		.n = n,
		.percents = mem_array(n + 1, sizeof *t->percents) };
}

void track_tail_end(struct track_tail *t)
{
	mem_free(t->percents);
	t->percents = NULL;
}

static void stand(struct track_tail *t, const struct cli *c, struct journal *j)
{
	struct sql_tracked_moves_last_out last;

	for (size_t i = 0; i < t->n; i++) {
		struct tracked found[TRACKING_CHAINS_MAX];
		size_t n = track_find(j, &t->hashes[i], found, TRACKING_CHAINS_MAX);

		for (size_t k = 0; k < n; k++) {
			if (found[k].state == TRACKED_UNSEEN ||
			    found[k].state == TRACKED_UNTRACKED)
				continue;
			track_line(c, j, &found[k], NULL, NULL);
			t->percents[i] = (uint8_t)found[k].percent;
		}
	}
	if (sql_tracked_moves_last_one(j, &last) && !last.no_id)
		t->after = last.id;
}

/* "tracked 0x..": what the events of one are called. */
static bool is_waited_for(const struct track_tail *t, const char *what)
{
	struct hash hash;

	return strncmp(what, "tracked ", 8) == 0 && track_hash(&hash, what + 8) &&
	    bsearch(&hash, t->hashes, t->n, sizeof hash, by_hash);
}

static void move_show(
    const struct cli *c, struct journal *j, const struct sql_tracked_moves_out *e)
{
	struct tracked now;
	const char *state;

	if (!track_read(j, e->row, &now))
		return;
	state = state_name(MACHINE_TRACKED, now.state);
	track_line(c, j, &now, strcmp(state, e->to_state) ? e->to_state : NULL, e->why);
}

static void moves_show(struct track_tail *t, const struct cli *c, struct journal *j)
{
	struct sql_tracked_moves_in in = { .after = t->after };
	struct sql_tracked_moves_out e;

	sql_tracked_moves_begin(j, &in);
	while (sql_tracked_moves_next(j, &e)) {
		t->after = e.id;
		if (!e.operation && is_waited_for(t, e.what))
			move_show(c, j, &e);
	}
}

static void percents_show(struct track_tail *t, const struct cli *c, struct journal *j)
{
	for (size_t i = 0; i < t->n; i++) {
		struct tracked found[TRACKING_CHAINS_MAX];
		size_t n = track_find(j, &t->hashes[i], found, TRACKING_CHAINS_MAX);

		for (size_t k = 0; k < n; k++) {
			if (found[k].guess || found[k].state == TRACKED_UNTRACKED)
				continue;
			if (found[k].state == TRACKED_INCLUDED &&
			    found[k].percent > t->percents[i])
				track_line(c, j, &found[k], NULL, NULL);
			t->percents[i] = (uint8_t)found[k].percent;
		}
	}
}

void track_tail_turn(struct track_tail *t, const struct cli *c, struct journal *j)
{
	if (!t->begun)
		stand(t, c, j);
	t->begun = true;
	moves_show(t, c, j);
	percents_show(t, c, j);
	fflush(stdout);
}
