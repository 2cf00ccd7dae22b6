#include "cli/node/rooted.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mutant.h"
#include "cli/node/snapshots.h"
#include "kinds/node/state/book.h"

struct rooting {
	const struct change *change;
	const char *path;
	char hash[L2_HEX]; /* of the anchor that it would be */
	bool found;
	uint64_t other_ms; /* a snapshot has the root, and an anchor of this time */
	bool has_other;
};

static void see(struct rooting *r, const struct l2_verdict *v)
{
	if (judge_of(v) == JUDGED_BROKEN ||
	    !l2_same(r->change->state_root, l2_text(v->root)))
		return;
	if (!v->anchored || strcmp(v->anchor_hash, r->hash) == 0) {
		r->found = true;
	} else if (!r->has_other) {
		r->has_other = true;
		r->other_ms = v->anchored_ms;
	}
}

static enum err look(struct rooting *r, struct fail *f)
{
	static const struct l2_demand any = { .anchor_needed = false };
	struct l2_verdict v;
	struct l2_log *log;
	enum err e = l2_log_open(&log, &files_of_system, r->path, f);

	if (e != ERR_OK)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	e = l2_log_survey(log, f);
	for (size_t i = e == ERR_OK ? l2_log_n(log) : 0;
	     e == ERR_OK && !r->found && i-- > 0;) {
		e = l2_log_check(log, l2_log_at(log, i), &any, &v, f);
		if (e == ERR_OK)
			see(r, &v);
	}
	l2_log_close(log);
	return e;
}

static enum err none(const struct rooting *r, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];

	if (r->has_other)
		return fail_set(f, ERR_INPUT,
		    "made_ms: %" PRIu64 " is not the time of the anchor that the "
		    "snapshot of state %s has in %s: that is %" PRIu64,
		    r->change->made_ms, change_shown(shown, r->change->state_root),
		    r->path, r->other_ms);
	return fail_set(f, ERR_INPUT,
	    "state_root: no snapshot of %s is of state %s, and an anchor whose state "
	    "nobody has is of no use: pawl node create-anchor writes the snapshot of a "
	    "state and its anchor",
	    r->path, change_shown(shown, r->change->state_root));
}

enum err rooted(struct cli *c, const struct change *anchor, struct fail *f)
{
	char path[SNAPSHOTS_PATH_MAX], payload[ANCHOR_PAYLOAD];
	struct rooting r = { .change = anchor, .path = path };
	uint8_t hash[32];
	enum err e = snapshots_path(c, "node.data_dir", NULL, SNAPSHOTS_NAME, path, f);

	if (e != ERR_OK)
		return e;
	(void)anchor_payload(payload, hash, anchor->state_root, anchor->made_ms);
	hex_format(r.hash, hash, sizeof hash);
	e = look(&r, f);
	if (e != ERR_OK || r.found || MUTANT(anchored_without_snapshot))
		return e;
	return none(&r, f);
}
