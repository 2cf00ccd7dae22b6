#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "journal/archive_in.h"
#include "journal/inside.h"

#define EVENT_BYTES_MAX (256u << 20) /* of one transaction */

static const uint8_t no_link[32];

void events_init(struct events *e)
{
	*e = (struct events){ 0 };
	buf_init(&e->bytes, EVENT_BYTES_MAX);
}

void events_release(struct events *e)
{
	mem_free(e->list);
	buf_release(&e->bytes);
	*e = (struct events){ 0 };
}

void events_truncate(struct events *e, size_t n)
{
	CHECK(n <= e->n);
	if (n < e->n)
		e->bytes.len =
		    n ? e->list[n].at : 0; /* a sorted list is only ever emptied */
	e->n = n;
}

static void add_be64(struct buf *b, int64_t v)
{
	uint8_t bytes[8];

	for (int i = 7; i >= 0; i--, v = (int64_t)((uint64_t)v >> 8))
		bytes[i] = (uint8_t)v;
	buf_add(b, bytes, sizeof(bytes));
}

static size_t add_text(struct buf *b, const char *text)
{
	size_t at = b->len;

	buf_add(b, text, strlen(text) + 1);
	return at;
}

/* Canonical bytes: id, row, then the four texts, each with its NUL. */
bool events_note(struct events *e, int64_t id, const struct event *ev)
{
	struct noted *n;

	if (e->n == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 256;
		e->list = mem_grow(e->list, e->cap, sizeof(*e->list));
	}
	n = &e->list[e->n++];
	*n = (struct noted){
		.operation = ev->operation, .row = ev->row, .at = e->bytes.len
	};
	add_be64(&e->bytes, id);
	add_be64(&e->bytes, ev->row);
	n->what = add_text(&e->bytes, ev->what);
	n->from = add_text(&e->bytes, ev->from);
	n->to = add_text(&e->bytes, ev->to);
	n->why = add_text(&e->bytes, ev->why);
	n->len = e->bytes.len - n->at;
	return buf_ok(&e->bytes);
}

void journal_event(struct journal *j, const struct event *e)
{
	CHECK(!j->reader);
	if (journal_begin(j))
		CHECK(events_note(&j->events, j->events_n + (int64_t)j->events.n + 1, e));
}

/* -- links ----------------------------------------------------------------- */

static int by_operation(const void *a, const void *b)
{
	const struct noted *x = a, *y = b;

	if (x->operation != y->operation)
		return x->operation < y->operation ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void sort(struct events *e)
{
	bool sorted = true;

	for (size_t i = 1; i < e->n && sorted; i++)
		sorted = e->list[i - 1].operation <= e->list[i].operation;
	if (!sorted)
		qsort(e->list, e->n, sizeof(*e->list), by_operation);
}

size_t events_link(const struct events *e, size_t i, const uint8_t before[32],
    int64_t commit_no, uint8_t out[32])
{
	struct sha256 *h = sha256_begin();
	int64_t operation = e->list[i].operation;
	uint8_t number[8];

	for (int b = 0; b < 8; b++)
		number[b] = (uint8_t)((uint64_t)commit_no >> (56 - 8 * b));
	sha256_add(h, before, 32);
	sha256_add(h, number, sizeof(number));
	for (; i < e->n && e->list[i].operation == operation; i++)
		sha256_add(h, e->bytes.data + e->list[i].at, e->list[i].len);
	sha256_end(h, out);
	return i;
}

static void link_before(
    struct journal *j, int64_t operation, int64_t commit_no, uint8_t out[32])
{
	struct sql_link_before_out o;
	bool found = sql_link_before_one(j,
	    &(struct sql_link_before_in){
		.operation = operation, .commit_no = commit_no },
	    &o);

	memcpy(out, found ? o.hash : no_link, 32);
}

static void write_links(struct journal *j, uint8_t link[32])
{
	struct events *e = &j->events;
	int64_t commit_no = j->commit_no + 1, now = clock_wall_ms();

	sort(e);
	for (size_t i = 0, n = 0; i < e->n && (n < 4 || !MUTANT(links_of_four)); n++) {
		struct sql_link_add_in in = { .operation = e->list[i].operation,
			.commit_no = commit_no,
			.at_ms = now };
		uint8_t before[32];

		link_before(j, in.operation, commit_no, before);
		i = events_link(e, i, before, commit_no, in.hash);
		sql_link_add(j, &in);
		memcpy(link, in.hash, 32);
	}
}

void events_write(struct journal *j, uint8_t link[32])
{
	struct events *e = &j->events;
	const char *text = (const char *)e->bytes.data;

	for (size_t i = 0; i < e->n; i++) {
		const struct noted *n = &e->list[i];

		sql_event_add(j,
		    &(struct sql_event_add_in){ .id = j->events_n + (int64_t)i + 1,
			.commit_no = j->commit_no + 1,
			.operation = n->operation,
			.row = n->row,
			.what = text + n->what,
			.from_state = text + n->from,
			.to_state = text + n->to,
			.why = text + n->why });
	}
	write_links(j, link);
}

/* -- checking -------------------------------------------------------------- */

/* Ids go on without a gap, but for those that are in archives. */
bool events_follow(struct journal *j, int64_t next_id, int64_t id)
{
	struct sql_archived_event_from_in in = { .first = next_id };
	struct sql_archived_event_from_out gap;
	struct archived any;

	if (id == next_id)
		return true;
	(void)archive_of(j, 0, &any); /* knows whether there may be any */
	return j->archives && sql_archived_event_from_one(j, &in, &gap) &&
	    gap.last == id - 1;
}

/* Reads events and links side by side: each must account for the other. Those of an
 * operation that is archived are in its file; which one that is, and how they ended, is
 * an event of the journal itself. */
struct checker {
	struct journal *j;
	struct events commit; /* the events of one commit */
	int64_t commit_no;
	int64_t next_id;
	int64_t bad_commit, bad_operation;
	int64_t looked_at, up_to; /* an operation that was asked for last, and up to which
				     commit it is archived */
	int64_t archives;         /* that events told of */
};

static bool is_archived(struct checker *c, int64_t operation, int64_t commit_no)
{
	struct archived a;

	if (operation != c->looked_at) {
		c->looked_at = operation;
		c->up_to =
		    operation && archive_of(c->j, operation, &a) ? a.commit_no : -1;
	}
	return commit_no <= c->up_to;
}

static bool bad(struct checker *c, int64_t commit_no, int64_t operation)
{
	if (!c->bad_commit) {
		c->bad_commit = commit_no;
		c->bad_operation = operation;
	}
	return false;
}

/* The next link in the journal must be this one. */
static bool link_matches(struct checker *c, int64_t operation, const uint8_t hash[32])
{
	struct sql_link_from_out o;

	do
		if (!sql_link_from_next(c->j, &o))
			return bad(c, c->commit_no, operation);
	while (is_archived(c, o.operation, o.commit_no));
	if (o.commit_no < c->commit_no)
		return bad(c, o.commit_no, o.operation);
	if (o.commit_no != c->commit_no || memcmp(o.hash, hash, 32) != 0)
		return bad(c, c->commit_no, operation);
	if (o.operation != operation)
		return bad(
		    c, c->commit_no, o.operation < operation ? o.operation : operation);
	return true;
}

static bool check_commit(struct checker *c)
{
	bool good = true;

	sort(&c->commit);
	for (size_t i = 0; i < c->commit.n && good;) {
		int64_t operation = c->commit.list[i].operation;
		uint8_t before[32], hash[32];

		link_before(c->j, operation, c->commit_no, before);
		i = events_link(&c->commit, i, before, c->commit_no, hash);
		good = link_matches(c, operation, hash);
	}
	events_truncate(&c->commit, 0);
	return good;
}

/* It is there, as its event says. */
static bool archive_told(struct checker *c, const struct sql_event_from_out *o)
{
	char why[ARCHIVE_WHY_MAX];
	struct archived a;

	c->archives++;
	if (!archive_of(c->j, o->row, &a))
		return false;
	archive_why(why, a.sum, a.link, a.commit_no);
	return !strcmp(why, o->why) && !strcmp(a.file, o->to_state);
}

/* None is there of which no event tells. */
static bool archives_told(struct checker *c)
{
	struct sql_archive_count_out n;

	return !c->j->archives || !sql_archive_count_one(c->j, &n) || n.n == c->archives;
}

static bool check_event(struct checker *c, const struct sql_event_from_out *o)
{
	if (o->commit_no != c->commit_no) {
		if (!check_commit(c))
			return false;
		if (o->commit_no < c->commit_no)
			return bad(c, o->commit_no, o->operation);
		c->commit_no = o->commit_no;
	}
	if (!events_follow(c->j, c->next_id, o->id))
		return bad(c, o->commit_no, o->operation);
	c->next_id = o->id + 1;
	if (is_archived(c, o->operation, o->commit_no))
		return true;
	if (!o->operation && !strcmp(o->what, "archive") && !archive_told(c, o))
		return bad(c, o->commit_no, o->row);
	return events_note(&c->commit, o->id,
		   &(struct event){ o->operation, o->row, o->what, o->from_state,
		       o->to_state, o->why }) ||
	    bad(c, o->commit_no, o->operation);
}

static void check_all(struct checker *c, int64_t first_commit)
{
	struct sql_event_from_out o;
	struct sql_link_from_out l;
	bool good = true;

	sql_event_from_begin(c->j, &(struct sql_event_from_in){ .id = c->next_id });
	sql_link_from_begin(
	    c->j, &(struct sql_link_from_in){ .commit_no = first_commit });
	while (good && sql_event_from_next(c->j, &o))
		good = check_event(c, &o);
	good = good && check_commit(c);
	while (good && sql_link_from_next(c->j, &l))
		if (!is_archived(c, l.operation, l.commit_no))
			good = bad(c, l.commit_no, l.operation); /* its events are gone */
	sql_event_from_end(c->j);
	sql_link_from_end(c->j);
}

int64_t events_check(
    struct journal *j, int64_t first_id, int64_t first_commit, int64_t *ret_operation)
{
	struct checker c = {
		.j = j, .commit_no = first_commit, .next_id = first_id, .looked_at = -1
	};
	struct sql_journal_get_out o;

	events_init(&c.commit);
	check_all(&c, first_commit);
	/* a cut tail: the journal's own row knows how many there were */
	if (!c.bad_commit && sql_journal_get_one(j, &o) && o.events != c.next_id - 1)
		bad(&c, o.commit_no, 0);
	if (!c.bad_commit && first_id == 1 && !archives_told(&c))
		bad(&c, o.commit_no, 0);
	events_release(&c.commit);
	*ret_operation = c.bad_operation;
	return c.bad_commit;
}

void journal_tail(struct journal *j, int64_t operation, char out[65])
{
	struct sql_link_before_out o;

	out[0] = 0;
	if (sql_link_before_one(j,
		&(struct sql_link_before_in){
		    .operation = operation, .commit_no = INT64_MAX },
		&o))
		hex_format(out, o.hash, 32);
}

static void point_before(struct journal *j, int64_t commit_no, struct journal_point *ret)
{
	struct sql_link_before_in in = { .operation = 0, .commit_no = commit_no };
	struct sql_link_before_out o;

	*ret = (struct journal_point){ .commit_no = 0 };
	if (!sql_link_before_one(j, &in, &o))
		return;
	ret->commit_no = o.commit_no;
	hex_format(ret->link, o.hash, 32);
}

void journal_point(struct journal *j, struct journal_point *ret)
{
	point_before(j, INT64_MAX, ret);
}

bool journal_passed(struct journal *j, const struct journal_point *p)
{
	struct journal_point own;

	point_before(j, p->commit_no + 1, &own);
	return own.commit_no == p->commit_no && !strcmp(own.link, p->link);
}
