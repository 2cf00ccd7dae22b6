#include "serve/suspect.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/mutant.h"
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

	if (row->state != ITEM_LIVE || row->no_intent)
		return false;
	sql_attempt_of_intent_begin(j, &in);
	while (sql_attempt_of_intent_next(j, &attempt))
		included |= attempt.state == ATTEMPT_INCLUDED;
	return included && !MUTANT(line_names_the_paid);
}

/* Its rows in their order, those that are paid in a block or not; nth is counted down. */
static int64_t row_alike(struct journal *j, int64_t account,
    const struct sql_consumed_suspects_out *s, bool included, int *nth,
    struct operation *ret)
{
	struct sql_item_alike_in in = { .account = account, .amount = s->amount };
	struct sql_item_alike_out row;
	int64_t found = 0;

	memcpy(in.recipient, s->payee, sizeof in.recipient);
	sql_item_alike_begin(j, &in);
	while (!found && sql_item_alike_next(j, &row))
		if ((row.state == ITEM_PENDING || row.state == ITEM_LIVE) &&
		    is_included(j, &row) == included &&
		    in_its_asset(j, row.operation, s) &&
		    operation_read(j, row.operation, ret) && !operation_ended(ret) &&
		    !(*nth)--)
			found = row.row;
	sql_item_alike_end(j);
	return found;
}

/* The row that it may pay, the next one for each that pays the same before it (nth); 0:
 * none. A row that is paid in a block is the last to come to mind. */
static int64_t suspect_row(struct journal *j, int64_t account,
    const struct sql_consumed_suspects_out *s, int nth, struct operation *ret)
{
	int64_t row = row_alike(j, account, s, false, &nth, ret);

	return row ? row : row_alike(j, account, s, true, &nth, ret);
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

/* The line that says that it is the row's payment. */
static void suspect_tell(struct journal *j, int64_t account,
    const struct sql_consumed_suspects_out *s, int nth, char *out, size_t size)
{
	bool pays = !s->no_payee && !s->no_amount;
	struct operation o;
	int64_t row = pays ? suspect_row(j, account, s, nth, &o) : 0;
	char hash[65];

	hex_format(hash, s->hash, sizeof s->hash);
	if (row)
		snprintf(out, size, "pawl repair %s %lld adopt 0x%s", o.name,
		    (long long)row, hash);
	else if (pays && suspect_fee(j, account, s, &o))
		snprintf(out, size, "pawl repair %s fee adopt 0x%s", o.name, hash);
	else
		snprintf(out, size, "pawl repair OPERATION ROW adopt 0x%s", hash);
}

static bool pays_alike(
    const struct sql_consumed_suspects_out *x, const struct sql_consumed_suspects_out *y)
{
	return x->no_asset == y->no_asset &&
	    !memcmp(x->asset, y->asset, sizeof x->asset) &&
	    !memcmp(x->payee, y->payee, sizeof x->payee) &&
	    !amount_cmp(&x->amount, &y->amount);
}

/* How many there are, and the first ones in words. */
static int64_t suspects_tell(struct journal *j, int64_t account, struct buf *out)
{
	struct sql_consumed_suspects_in in = { .account = account };
	struct sql_consumed_suspects_out row, told[SUSPECTS_TOLD];
	char line[SUSPECT_LINE_MAX];
	int64_t n = 0;

	sql_consumed_suspects_begin(j, &in);
	while (sql_consumed_suspects_next(j, &row)) {
		int nth = 0;

		if (n++ >= SUSPECTS_TOLD)
			continue;
		for (int64_t k = 0; k < n - 1; k++)
			nth += pays_alike(&told[k], &row);
		told[n - 1] = row;
		suspect_tell(j, account, &row, nth, line, sizeof line);
		buf_addf(out, "%s%s", n > 1 ? "; " : "", line);
	}
	if (n > SUSPECTS_TOLD)
		buf_add_str(out, "; ...");
	return n;
}

void suspects_next(struct journal *j, int64_t account, char ret[SUSPECT_LINE_MAX])
{
	struct sql_consumed_suspects_in in = { .account = account };
	struct sql_consumed_suspects_out row;

	ret[0] = '\0';
	sql_consumed_suspects_begin(j, &in);
	if (!sql_consumed_suspects_next(j, &row))
		return;
	sql_consumed_suspects_end(j);
	suspect_tell(j, account, &row, 0, ret, SUSPECT_LINE_MAX);
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

enum err suspects_clear(
    const struct command_at *at, const struct request *q, int64_t account, struct fail *f)
{
	struct buf lines;
	int64_t n;

	buf_init(&lines, SUSPECTS_TOLD * 512);
	n = suspects_tell(at->journal, account, &lines);
	if (n && !q->yes)
		fail_set(f, ERR_CONFLICT,
		    "%lld transaction%s that this journal does not know pay%s its rows. "
		    "To go on would pay these rows again. Is another copy of the journal "
		    "running, or is this one old? See man pawl, DOUBT. What was a row's "
		    "payment is adopted: %s. Only if they were for something else: pawl "
		    "resume %s%s --yes",
		    (long long)n, n > 1 ? "s" : "", n > 1 ? "" : "s", buf_text(&lines),
		    q->route == ROUTE_RESUME_KEY ? "key:" : "", q->name);
	buf_release(&lines);
	if (!n || !q->yes)
		return n ? ERR_CONFLICT : ERR_OK;
	sql_consumed_clear(
	    at->journal, &(struct sql_consumed_clear_in){ .account = account });
	journal_event(at->journal,
	    &(struct event){ .what = "account",
		.from = "suspect",
		.to = "foreign",
		.why = "the operator says that they were not for its rows" });
	return ERR_OK;
}
