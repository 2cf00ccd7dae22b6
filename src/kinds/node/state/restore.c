/* restore.c - the whole state at once: out of the journal, and into it. */
#include "kinds/node/state/book_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/states.h"

/* -- out of it ------------------------------------------------------------- */

static void keep(void *ctx, enum l2_list list, const void *record)
{
	l2_state_add(ctx, list, record);
}

void book_read(struct journal *j, struct l2_state *ret)
{
	l2_state_init(ret);
	for (int i = 0; i < L2_LISTS; i++)
		book_each(j, (enum l2_list)i, keep, ret);
}

/* -- into it --------------------------------------------------------------- */

static enum err refuse(
    enum l2_list list, const void *record, const char *why, struct fail *f)
{
	struct l2_bytes id = l2_field_text(record, &l2_kinds[list].fields[0]);
	char shown[CHANGE_SHOWN_MAX];

	return fail_set(
	    f, ERR_INPUT, "%s %s: %s", l2_kinds[list].one, change_shown(shown, id), why);
}

static bool is_peer(struct l2_bytes text)
{
	return text.len && (text.len <= CHANGE_PEER_MAX || MUTANT(l2_peer_any_length));
}

/* What no change could have led to. */
static const char *fault_of(enum l2_list list, const void *record)
{
	const struct l2_escrow *escrow = record;
	const struct l2_pegin *pegin = record;
	const struct l2_pegout *pegout = record;
	const struct l2_task *task = record;

	switch (list) {
	case L2_BALANCES:
		return is_peer(((const struct l2_balance *)record)->peer)
		    ? NULL
		    : "a peer has 1 to 256 bytes";
	case L2_ESCROWS:
		return is_peer(escrow->client) ? NULL : "its client has 1 to 256 bytes";
	case L2_PEGINS:
		if (!state_there(MACHINE_PEGIN, pegin->status))
			return "no peg-in has such a status";
		return is_peer(pegin->dest) ? NULL : "who gets it has 1 to 256 bytes";
	case L2_PEGOUTS:
		if (!state_there(MACHINE_PEGOUT, pegout->status))
			return "no peg-out has such a status";
		if (pegout->release > pegout->burn)
			return "it releases more than it burned";
		return is_peer(pegout->source) ? NULL : "whose it was has 1 to 256 bytes";
	case L2_TASKS:
		if (task->type < 0 || task->type > 6)
			return "its type is not 0 to 6";
		return task->priority >= 0 && task->priority <= 3
		    ? NULL
		    : "its priority is not 0 to 3";
	case L2_LISTS:
		break;
	}
	BUG("a list that is none");
}

/* A balance or escrow of nothing is one that is not there. */
static bool is_nothing(enum l2_list list, const void *record)
{
	if (list == L2_BALANCES)
		return !((const struct l2_balance *)record)->amount;
	return list == L2_ESCROWS && !((const struct l2_escrow *)record)->amount;
}

static enum err record_check(enum l2_list list, const void *record, struct fail *f)
{
	const struct l2_kind *kind = &l2_kinds[list];
	const char *fault = fault_of(list, record);

	for (size_t i = 0; i < kind->fields_n && !fault; i++)
		if (kind->fields[i].type == L2_TEXT &&
		    l2_field_text(record, &kind->fields[i]).len > CHANGE_TEXT_MAX)
			fault = "a text of it has more than 1,024 bytes";
	if (!fault && !l2_field_text(record, &kind->fields[0]).len)
		fault = "it has no id";
	if (!fault && is_nothing(list, record))
		fault = "its amount is 0: such a record is none";
	return fault ? refuse(list, record, fault, f) : ERR_OK;
}

static int by_output(const void *a, const void *b)
{
	const struct l2_pegin *x = *(const struct l2_pegin *const *)a,
			      *y = *(const struct l2_pegin *const *)b;
	size_t n = x->btc_tx.len < y->btc_tx.len ? x->btc_tx.len : y->btc_tx.len;
	int c = n ? memcmp(x->btc_tx.at, y->btc_tx.at, n) : 0;

	if (!c)
		c = (x->btc_tx.len > y->btc_tx.len) - (x->btc_tx.len < y->btc_tx.len);
	return c ? c : (x->vout > y->vout) - (x->vout < y->vout);
}

/* An output is one peg-in. */
static enum err outputs_check(const struct l2_state *s, struct fail *f)
{
	size_t n = l2_state_n(s, L2_PEGINS);
	const struct l2_pegin **all = n ? mem_array(n, sizeof *all) : NULL;
	enum err e = ERR_OK;

	for (size_t i = 0; i < n; i++)
		all[i] = l2_state_at(s, L2_PEGINS, i);
	if (n)
		qsort(all, n, sizeof *all, by_output);
	for (size_t i = 1; i < n && e == ERR_OK; i++)
		if (by_output(&all[i - 1], &all[i]) == 0)
			e = refuse(
			    L2_PEGINS, all[i], "another one has the same output", f);
	mem_free(all);
	return e;
}

enum err book_could_be(const struct l2_state *s, struct fail *f)
{
	enum err e = l2_state_check(s, f);

	for (int i = 0; i < L2_LISTS; i++)
		for (size_t k = 0; k < l2_state_n(s, (enum l2_list)i) && e == ERR_OK; k++)
			e = record_check(
			    (enum l2_list)i, l2_state_at(s, (enum l2_list)i, k), f);
	return e == ERR_OK ? outputs_check(s, f) : e;
}

static enum err records_in(struct book *b, const struct l2_state *s, struct fail *f)
{
	enum err e = book_could_be(s, f);

	for (int i = 0; i < L2_LISTS && e == ERR_OK; i++)
		for (size_t k = 0; k < l2_state_n(s, (enum l2_list)i); k++)
			row_put(
			    b, (enum l2_list)i, NULL, l2_state_at(s, (enum l2_list)i, k));
	if (e == ERR_OK && journal_numb(b->journal))
		e = fail_set(f, ERR_DISK_FULL, "the disk is full");
	return e;
}

/* What was there is there no more, and what is there now came with it. */
static void supply_follow(struct book *b, const struct amount *before)
{
	struct amount now;

	CHECK(amount_add(&now, &b->sums[L2_BALANCES], &b->sums[L2_ESCROWS]) &&
	    amount_add(&b->burned, &b->burned, before) &&
	    amount_add(&b->minted, &b->minted, &now));
}

/* -1: it never had these rows. It began with none. */
static int64_t had_rows(struct book *b)
{
	char rows[2 * 32 + 1];
	struct sql_node_event_of_rows_in in = { .rows = rows };
	struct sql_node_event_of_rows_out found;
	uint8_t digest[32];

	amount_encode(digest, &b->digest);
	hex_format(rows, digest, sizeof digest);
	if (sql_node_event_of_rows_one(b->journal, &in, &found))
		return found.row;
	return amount_is_zero(&b->digest) ? 0 : -1;
}

void book_way(struct journal *j, int64_t after, int64_t *ret_left, int64_t *ret_back)
{
	struct book b = { .journal = j };

	(void)totals_get(&b);
	path_compare(j, b.changes, after, ret_left, ret_back);
}

int64_t book_had(struct journal *j, const struct l2_state *s)
{
	struct book b = { .journal = j };

	for (int i = 0; i < L2_LISTS; i++)
		for (size_t k = 0; k < l2_state_n(s, (enum l2_list)i); k++)
			row_count(&b, (enum l2_list)i, l2_state_at(s, (enum l2_list)i, k),
			    true);
	return had_rows(&b);
}

/* What its ids stand for follows from where the path goes on. */
static void path_follow(struct book *b, struct book_restored *r)
{
	r->after = had_rows(b);
	r->dropped = b->changes;
	if (r->after >= 0)
		path_compare(b->journal, b->changes, r->after, &r->dropped, &r->returned);
}

static void restored_log(struct book *b, const struct book_restored *r)
{
	struct sql_node_restore_add_in in = { .after = r->after,
		.no_after = r->after < 0 };
	char line[160];
	int len = snprintf(line, sizeof line,
	    "{\"do\":\"restore\",\"root\":\"%s\",\"after\":%" PRId64 "}", r->root,
	    r->after);

	b->at_ms = b->wall_ms;
	log_add(b, line, (size_t)len, (struct l2_bytes){ NULL, 0 });
	in.no = b->changes;
	sql_node_restore_add(b->journal, &in);
}

enum err book_restore(struct journal *j, const struct l2_state *s, int64_t wall_ms,
    struct book_restored *ret, struct fail *f)
{
	struct book *b = book_new(j, wall_ms, BOOK_FOLLOWS_NONE); /* no rule is asked */
	struct amount before;
	char root[L2_HEX];
	enum err e;

	*ret = (struct book_restored){ .after = -1 };
	l2_state_root(s, ret->root);
	CHECK(amount_add(&before, &b->sums[L2_BALANCES], &b->sums[L2_ESCROWS]));
	rows_clear(b);
	e = records_in(b, s, f);
	if (e == ERR_OK) {
		supply_follow(b, &before);
		path_follow(b, ret);
		restored_log(b, ret);
		book_settle(b);
		e = book_check(j, root, f);
	}
	if (e == ERR_OK && strcmp(root, ret->root) != 0)
		journal_damaged(j, "the state was restored with root %s, and has root %s",
		    ret->root, root);
	book_free(b);
	return e;
}
