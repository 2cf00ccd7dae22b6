#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "journal/inside.h"

struct journal_walk {
	struct journal *j;
	int64_t operation;
	int64_t next_id;      /* of whomever; 0: not begun */
	int64_t commit_no;    /* of the last event that was read */
	int64_t linked;       /* the last commit that is proved.. */
	uint8_t link[32];     /* ..and its link */
	struct events commit; /* the operation's events of one commit */
};

static void pass_over(struct journal_walk *w)
{
	struct sql_event_last_in in = { .max = 1 };
	struct sql_event_last_out event;
	struct sql_link_before_in before = { w->operation, INT64_MAX };
	struct sql_link_before_out link;

	if (sql_event_last_one(w->j, &in, &event)) {
		w->next_id = event.id + 1;
		w->commit_no = event.commit_no;
	}
	if (sql_link_before_one(w->j, &before, &link)) {
		w->linked = link.commit_no;
		memcpy(w->link, link.hash, sizeof(w->link));
	}
}

struct journal_walk *journal_walk_new(struct journal *j, int64_t operation, bool from_end)
{
	struct journal_walk *w = mem_new(sizeof(*w));

	w->j = j;
	w->operation = operation;
	events_init(&w->commit);
	if (from_end)
		pass_over(w);
	return w;
}

void journal_walk_free(struct journal_walk *w)
{
	if (!w)
		return;
	events_release(&w->commit);
	mem_free(w);
}

static enum err breaks(const struct journal_walk *w, int64_t commit_no, struct fail *f)
{
	return fail_set(f, ERR_DAMAGED,
	    "the event chain of operation %lld breaks at commit %lld: somebody edited"
	    " the past",
	    (long long)w->operation, (long long)commit_no);
}

/* The next link that it has; 0: none. */
static int64_t link_after(struct journal_walk *w, struct sql_link_after_out *ret)
{
	struct sql_link_after_in in = { w->operation, w->linked };

	return sql_link_after_one(w->j, &in, ret) ? ret->commit_no : 0;
}

/* All events of a commit are there: they must be what its link was made from. */
static enum err prove(
    struct journal_walk *w, journal_walk_fn *take, void *ctx, struct fail *f)
{
	struct events *c = &w->commit;
	const char *text = (const char *)c->bytes.data;
	int64_t commit_no = w->commit_no;
	struct sql_link_after_out link;

	if (!c->n)
		return ERR_OK;
	(void)events_link(c, 0, w->link, commit_no, w->link);
	if (link_after(w, &link) != commit_no ||
	    (memcmp(w->link, link.hash, sizeof(w->link)) != 0 && !MUTANT(past_believed)))
		return breaks(w, commit_no, f);
	w->linked = commit_no;
	for (size_t i = 0; i < c->n; i++) {
		const struct noted *n = &c->list[i];

		take(ctx,
		    &(struct event){ n->operation, n->row, text + n->what, text + n->from,
			text + n->to, text + n->why });
	}
	events_truncate(c, 0);
	return ERR_OK;
}

/* In the order of their ids, of which none is missing but those in archives. */
static enum err read_event(struct journal_walk *w, const struct sql_event_from_out *o,
    journal_walk_fn *take, void *ctx, struct fail *f)
{
	enum err e = ERR_OK;

	if (o->commit_no != w->commit_no)
		e = prove(w, take, ctx, f);
	if (e != ERR_OK)
		return e;
	if (!events_follow(w->j, w->next_id, o->id) || o->commit_no < w->commit_no)
		return breaks(w, o->commit_no, f);
	w->next_id = o->id + 1;
	w->commit_no = o->commit_no;
	if (o->operation != w->operation)
		return ERR_OK;
	return events_note(&w->commit, o->id,
		   &(struct event){ o->operation, o->row, o->what, o->from_state,
		       o->to_state, o->why })
	    ? ERR_OK
	    : breaks(w, o->commit_no, f);
}

/* Its first event is one of no row. */
static void begin(struct journal_walk *w)
{
	struct sql_event_first_in in = { .operation = w->operation };
	struct sql_event_first_out first = { .id = 1 };

	(void)sql_event_first_one(w->j, &in, &first);
	w->next_id = first.id;
}

/* ret_end: all up to this commit are read. */
static enum err read_some(struct journal_walk *w, int64_t last, int64_t *left,
    journal_walk_fn *take, void *ctx, bool *ret_end, struct fail *f)
{
	struct sql_event_from_in in = { .id = w->next_id };
	struct sql_event_from_out o;
	enum err e = ERR_OK;
	bool more = true;

	*ret_end = false;
	sql_event_from_begin(w->j, &in);
	while (e == ERR_OK && !*ret_end && *left > 0) {
		more = sql_event_from_next(w->j, &o);
		*ret_end = !more || o.commit_no > last;
		if (*ret_end)
			break;
		--*left;
		e = read_event(w, &o, take, ctx, f);
	}
	sql_event_from_end(w->j);
	return e;
}

enum err journal_walk_next(struct journal_walk *w, int64_t *left, journal_walk_fn *take,
    void *ctx, bool *ret_whole, struct fail *f)
{
	struct sql_link_before_in in = { w->operation, INT64_MAX };
	struct sql_link_before_out last = { .commit_no = 0 };
	struct sql_link_after_out missing;
	enum err e;
	bool end;

	(void)sql_link_before_one(w->j, &in, &last);
	*ret_whole = w->linked == last.commit_no && !w->commit.n;
	if (*ret_whole)
		return ERR_OK;
	if (!w->next_id)
		begin(w);
	e = read_some(w, last.commit_no, left, take, ctx, &end, f);
	if (e != ERR_OK || !end)
		return e;
	e = prove(w, take, ctx, f);
	*ret_whole = w->linked == last.commit_no;
	if (e == ERR_OK && !*ret_whole)
		return breaks(w, link_after(w, &missing), f);
	return e;
}
