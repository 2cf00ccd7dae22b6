#include "serve/command/suspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/mutant.h"
#include "crypto/word.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"

#define SUSPECTS_TOLD 2
#define WHY_MAX 560 /* the lines to type fit behind it, also in a fail */

static bool in_its_asset(
    struct journal *j, int64_t operation, const struct sql_consumed_suspects_out *s)
{
	struct airdrop_facts a;

	return airdrop_read(j, operation, &a) && a.has_token == !s->no_asset &&
	    (s->no_asset || !memcmp(a.token.at, s->asset, sizeof s->asset));
}

/* Is its payment in a block already? */
static bool is_included(struct journal *j, const struct sql_item_alike_out *row)
{
	struct sql_attempt_of_intent_in in = { .intent = row->intent };
	struct sql_attempt_of_intent_out attempt;
	bool included = false;

	if (row->no_intent)
		return false;
	sql_attempt_of_intent_begin(j, &in);
	while (sql_attempt_of_intent_next(j, &attempt))
		included |= attempt.state == ATTEMPT_INCLUDED;
	return included && !MUTANT(line_names_the_paid);
}

/* In which order they come to mind: bytes of ours may still pay the second kind, and have
 * paid the third. */
enum mind { MIND_WAITS, MIND_IS_OUT, MIND_IS_PAID, MIND_NOT };

static enum mind mind_of(struct journal *j, const struct sql_item_alike_out *row)
{
	if (row->state == ITEM_PENDING)
		return MIND_WAITS;
	if (row->state != ITEM_LIVE)
		return MIND_NOT;
	return is_included(j, row) ? MIND_IS_PAID : MIND_IS_OUT;
}

/* Its rows of that kind in their order; nth is counted down. */
static int64_t row_alike(struct journal *j, int64_t account,
    const struct sql_consumed_suspects_out *s, enum mind mind, int *nth,
    struct operation *ret)
{
	struct sql_item_alike_in in = { .account = account, .amount = s->amount };
	struct sql_item_alike_out row;
	int64_t found = 0;

	memcpy(in.recipient, s->payee, sizeof in.recipient);
	sql_item_alike_begin(j, &in);
	while (!found && sql_item_alike_next(j, &row))
		if (mind_of(j, &row) == mind && in_its_asset(j, row.operation, s) &&
		    operation_read(j, row.operation, ret) && !operation_ended(ret) &&
		    !(*nth)--)
			found = row.row;
	sql_item_alike_end(j);
	return found;
}

/* The row that it may pay, the next one for each that pays the same before it (nth); 0:
 * none. */
static int64_t suspect_row(struct journal *j, int64_t account,
    const struct sql_consumed_suspects_out *s, int nth, struct operation *ret)
{
	int64_t row = 0;

	for (enum mind mind = MIND_WAITS; !row && mind < MIND_NOT; mind++)
		row = row_alike(j, account, s, mind, &nth, ret);
	return row;
}

/* Whose service fee it may be. */
static bool suspect_fee(struct journal *j, int64_t account,
    const struct sql_consumed_suspects_out *s, struct operation *ret)
{
	struct sql_report_open_of_account_in in = { .account = account };
	struct sql_report_open_of_account_out row;
	bool found = false;

	sql_report_open_of_account_begin(j, &in);
	while (!found && sql_report_open_of_account_next(j, &row)) {
		struct airdrop_facts a;

		found = in_its_asset(j, row.id, s) && airdrop_read(j, row.id, &a) &&
		    !memcmp(a.fee_to.at, s->payee, sizeof s->payee) &&
		    !amount_cmp(&a.fee_amount, &s->amount) &&
		    operation_read(j, row.id, ret);
	}
	sql_report_open_of_account_end(j);
	return found;
}

/* The line that says that it is the row's payment; false: it names no row. */
static bool suspect_tell(struct journal *j, int64_t account,
    const struct sql_consumed_suspects_out *s, int nth, char out[SUSPECT_LINE_MAX])
{
	bool pays = !s->no_payee && !s->no_amount;
	struct operation o;
	int64_t row = pays ? suspect_row(j, account, s, nth, &o) : 0;
	bool fee = !row && pays && suspect_fee(j, account, s, &o);
	char hash[65];

	hex_format(hash, s->hash, sizeof s->hash);
	if (row)
		snprintf(out, SUSPECT_LINE_MAX, "pawl repair %s %lld adopt 0x%s", o.name,
		    (long long)row, hash);
	else
		snprintf(out, SUSPECT_LINE_MAX, "pawl repair %s%s adopt 0x%s",
		    fee ? o.name : "OPERATION", fee ? " fee" : " ROW", hash);
	return row || fee;
}

static bool pays_alike(
    const struct sql_consumed_suspects_out *x, const struct sql_consumed_suspects_out *y)
{
	return x->no_asset == y->no_asset &&
	    !memcmp(x->asset, y->asset, sizeof x->asset) &&
	    !memcmp(x->payee, y->payee, sizeof x->payee) &&
	    !amount_cmp(&x->amount, &y->amount);
}

struct lines {
	int64_t account[SUSPECTS_TOLD];
	struct sql_consumed_suspects_out of[SUSPECTS_TOLD];
	char line[SUSPECTS_TOLD][SUSPECT_LINE_MAX];
	int n;
};

static bool is_told(const struct lines *l, int64_t account,
    const struct sql_consumed_suspects_out *s, int *ret_nth)
{
	*ret_nth = 0;
	for (int k = 0; k < l->n; k++) {
		if (l->account[k] != account)
			continue;
		if (!memcmp(l->of[k].hash, s->hash, sizeof s->hash))
			return true;
		*ret_nth += pays_alike(&l->of[k], s);
	}
	return false;
}

/* As far as there is room; returns how many the account has in all. */
static int64_t lines_add(struct journal *j, int64_t account, struct lines *l, bool named)
{
	struct sql_consumed_suspects_in in = { .account = account };
	struct sql_consumed_suspects_out row;
	int64_t n = 0;
	int nth;

	sql_consumed_suspects_begin(j, &in);
	for (; sql_consumed_suspects_next(j, &row); n++)
		if (l->n < SUSPECTS_TOLD && !is_told(l, account, &row, &nth) &&
		    suspect_tell(j, account, &row, nth, l->line[l->n]) == named) {
			l->account[l->n] = account;
			l->of[l->n++] = row;
		}
	return n;
}

/* Lines that name a row come first: who sees none any more has adopted them all. */
static int64_t lines_read(
    struct journal *j, const int64_t *accounts, size_t n, struct lines *ret)
{
	int64_t all = 0;

	ret->n = 0;
	for (size_t i = 0; i < n; i++)
		lines_add(j, accounts[i], ret, !MUTANT(named_lines_hidden));
	for (size_t i = 0; i < n; i++)
		all += lines_add(j, accounts[i], ret, MUTANT(named_lines_hidden));
	return all;
}

/* How many there are, and the first ones in words. */
static int64_t suspects_tell(
    struct journal *j, const int64_t *accounts, size_t n, struct buf *out)
{
	struct lines l;
	int64_t all = lines_read(j, accounts, n, &l);

	for (int i = 0; i < l.n; i++)
		buf_addf(out, "%s%s", i ? "; " : "", l.line[i]);
	if (all > l.n)
		buf_add_str(out, "; ...");
	return all;
}

/* It stands for all of them, also for those that there is no room to tell. */
static uint32_t suspects_word(struct journal *j, const int64_t *accounts, size_t n)
{
	struct sha256 *s = sha256_begin();
	struct sql_consumed_suspects_out row;

	for (size_t i = 0; i < n; i++) {
		struct sql_consumed_suspects_in in = { .account = accounts[i] };

		sql_consumed_suspects_begin(j, &in);
		while (sql_consumed_suspects_next(j, &row)) {
			sha256_add(s, &accounts[i], sizeof accounts[i]);
			sha256_add(s, row.hash, sizeof row.hash);
		}
		sql_consumed_suspects_end(j);
	}
	return word_end(s);
}

void suspects_next(struct journal *j, int64_t account, char ret[SUSPECT_LINE_MAX])
{
	struct lines l;

	lines_read(j, &account, 1, &l);
	snprintf(ret, SUSPECT_LINE_MAX, "%s", l.n ? l.line[0] : "");
}

void suspects_stop(
    struct journal *j, int64_t account, const char *why, char ret[SUSPECT_STOP_MAX])
{
	const char *then = strstr(why, "; then: ");
	size_t len = then ? (size_t)(then - why) : strlen(why);
	char line[SUSPECT_LINE_MAX];

	suspects_next(j, account, line);
	if (line[0])
		snprintf(ret, SUSPECT_STOP_MAX,
		    "%.*s; first, if that was a row's payment: %s%s",
		    (int)(len < WHY_MAX ? len : WHY_MAX), why, line, then ? then : "");
	else
		snprintf(ret, SUSPECT_STOP_MAX, "%s", why);
}

static enum err suspects_refuse(
    const struct request *q, int64_t n, const char *lines, uint32_t word, struct fail *f)
{
	return fail_set(f, ERR_CONFLICT,
	    "%s%lld transaction%s that this journal does not know pay%s its rows. To go "
	    "on would pay these rows again. Is another copy of the journal running, or "
	    "is this one old? See man pawl, DOUBT. What was a row's payment is adopted: "
	    "%s. Only if they were for something else: pawl resume %s%s --yes=%08" PRIx32,
	    q->yes ? "That is not the word for this, or it was told before more came, or "
		     "some went. "
		   : "",
	    (long long)n, n > 1 ? "s" : "", n > 1 ? "" : "s", lines,
	    q->route == ROUTE_RESUME_KEY ? "key:" : "", q->name, word);
}

static void suspects_accept(struct journal *j, const int64_t *accounts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sql_consumed_clear(
		    j, &(struct sql_consumed_clear_in){ .account = accounts[i] });
	journal_event(j,
	    &(struct event){ .what = "account",
		.from = "suspect",
		.to = "foreign",
		.why = "the operator says that they were not for its rows" });
}

enum err suspects_clear(const struct command_at *at, const struct request *q,
    const int64_t *accounts, size_t n, struct fail *f)
{
	uint32_t word = suspects_word(at->journal, accounts, n);
	struct buf lines;
	int64_t all;
	enum err e = ERR_OK;

	buf_init(&lines, SUSPECTS_TOLD * 512);
	all = suspects_tell(at->journal, accounts, n, &lines);
	if (all && q->yes != word && !(q->yes && MUTANT(yes_takes_all)))
		e = suspects_refuse(q, all, buf_text(&lines), word, f);
	else if (all)
		suspects_accept(at->journal, accounts, n);
	buf_release(&lines);
	return e;
}
