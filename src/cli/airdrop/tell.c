/* What `airdrop plan` shows before, and `airdrop run` shows at the end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "cli/airdrop/draft.h"
#include "cli/report/report.h"
#include "cli/term/term.h"
#include "codec/eip55.h"
#include "engine/operation.h"
#include "engine/repair.h"
#include "journal/sql.gen.h"
#include "serve/command/command.h"

#define WARNINGS_MAX 12
#define WARNING_MAX (OPERATION_NAME_MAX + 3 * DIFFERENCE_MAX + 100)
#define GWEI_DECIMALS 9

struct warnings {
	char text[WARNINGS_MAX][WARNING_MAX];
	int n;
};

/* -- what is not as one would expect --------------------------------------- */

static void PRINTF(2, 3) warn(struct warnings *w, const char *fmt, ...)
{
	va_list ap;

	if (w->n == WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(w->text[w->n++], WARNING_MAX, fmt, ap);
	va_end(ap);
}

static void warn_duplicates(struct warnings *w, const struct list_sum *sum)
{
	char lines[200] = "";
	size_t len = 0;
	int64_t shown =
	    sum->duplicates < LIST_SHOWN_MAX ? sum->duplicates : LIST_SHOWN_MAX;

	for (int64_t i = 0; i < shown && len < sizeof lines - 50; i++)
		len += (size_t)snprintf(lines + len, sizeof lines - len,
		    "%s%" PRId64 " as %" PRId64, i ? ", " : "", sum->duplicate_at[i].line,
		    sum->duplicate_at[i].first_line);
	if (sum->duplicates)
		warn(w,
		    "%" PRId64 " rows pay a recipient again (line %s%s): `run` needs "
		    "--allow-duplicates",
		    sum->duplicates, lines, shown < sum->duplicates ? ", .." : "");
}

static void warn_self(struct warnings *w, const struct list_sum *sum)
{
	char lines[200] = "";
	size_t len = 0;
	int64_t shown =
	    sum->self_payments < LIST_SHOWN_MAX ? sum->self_payments : LIST_SHOWN_MAX;

	for (int64_t i = 0; i < shown && len < sizeof lines - 30; i++)
		len += (size_t)snprintf(lines + len, sizeof lines - len, "%s%" PRId64,
		    i ? ", " : "", sum->self_line[i]);
	if (sum->self_payments)
		warn(w,
		    "%" PRId64
		    " rows pay the sender, the token or the zero address (line "
		    "%s%s): `run` needs --allow-self",
		    sum->self_payments, lines, shown < sum->self_payments ? ", .." : "");
}

static void warn_again(struct warnings *w, const struct draft *d)
{
	const char *what = d->again ? "it is paid again" : "`run` needs --again";
	char on[OPERATION_NAME_MAX + 40];

	if (d->own == OWN_OPEN) {
		warn(w, "this plan is the operation %s: `run` goes on with it", d->name);
		return;
	}
	if (d->own == OWN_OTHER)
		warn(w,
		    "the operation %s is another plan (%s): `run` needs another --name",
		    d->name, d->own_differs);
	else if (d->own == OWN_CANCELLED)
		warn(w, "the operation %s was cancelled: `run` needs another --name",
		    d->name);
	snprintf(on, sizeof on, "to go on with it: --name %s; else ", d->same_name);
	if (d->same_name[0])
		warn(w, "this very plan is the operation %s: %s%s", d->same_name,
		    d->again ? "" : on, what);
	else if (d->equal)
		warn(w,
		    "%" PRId64 " of %" PRId64
		    " rows equal rows of other operations of this "
		    "journal: %s",
		    d->equal, d->sum.rows, d->again ? "they are paid again" : what);
}

#define UNSEEN                                                           \
	"this journal does not know %" PRIu64                            \
	" transactions that this account has sent: if one of them paid " \
	"this list, it is paid again"

/* `run` reads the last ones first. */
#define UNSEEN_YET UNSEEN ", unless `run` finds it: it then asks for --adopt or --again"

void draft_warn_unseen(const struct draft *d)
{
	if (d->unseen)
		cli_warn(d->cli, UNSEEN, d->unseen);
}

static void warn_missing(struct warnings *w, const struct draft *d,
    const struct amount *need, const struct amount *have, unsigned decimals,
    const char *symbol)
{
	char text[AMOUNT_TEXT_MAX], to[43];
	struct amount lack;

	if (!amount_sub(&lack, need, have) || amount_is_zero(&lack))
		return;
	amount_format(text, &lack, decimals);
	eip55_format(to, d->sender.at);
	warn(w, "%.90s %s are missing: `run` will wait for them at %s", text, symbol, to);
}

static void warn_funds(struct warnings *w, const struct draft *d)
{
	struct amount total = draft_total(d);
	struct amount native = draft_fees(d, draft_first_fee(d));

	if (d->has_token)
		warn_missing(
		    w, d, &total, &d->token_balance, d->decimals, draft_symbol(d));
	else if (!amount_add(&native, &native, &total))
		return;
	warn_missing(
	    w, d, &native, &d->balance, draft_coin_decimals(d), "of the native coin");
}

static void warnings_find(struct warnings *w, const struct draft *d)
{
	w->n = 0;
	warn_duplicates(w, &d->sum);
	warn_self(w, &d->sum);
	warn_again(w, d);
	if (d->unclaimed)
		warn(w,
		    "%" PRId64 " of %" PRId64
		    " rows equal payments that the account made and no operation of this "
		    "journal knows%s",
		    d->unclaimed, d->sum.rows,
		    d->adopt       ? ": they are taken as these rows'"
			: d->again ? ": they are paid again"
				   : ": `run` asks for --adopt or --again");
	if (d->fee_unclaimed)
		warn(w,
		    "the service fee equals a payment that the account made and no "
		    "operation of this journal knows%s",
		    d->adopt       ? ": it is taken as this list's"
			: d->again ? ": it is paid again"
				   : ": `run` asks for --adopt or --again");
	if (d->no_journal)
		warn(w,
		    "there is no journal yet, so no earlier operation to compare with; "
		    "to make one: pawl init");
	if (d->unseen)
		warn(w, UNSEEN_YET, d->unseen);
	if (d->sender_has_code)
		warn(w, "the sender has code (EIP-7702): `run` refuses it");
	if (!draft_readable(d))
		warn(w,
		    "without a node the token's decimals are unknown: amounts are not "
		    "checked (--base-units needs no decimals)");
	if (d->priced)
		warn_funds(w, d);
	else
		warn(w, "no quorum of nodes answered: the fees are not known");
	if (d->remembered)
		warn(w,
		    "the plan hash is over what the journal knows of chain %s: no node "
		    "confirms it now",
		    d->chain->name);
	else if (!d->identified)
		warn(w,
		    "the plan hash needs the chain's genesis%s, which neither a node nor "
		    "the journal tells",
		    d->has_token ? " and the token's decimals" : "");
}

/* -- the plan -------------------------------------------------------------- */

struct figures {
	char sender[43], token[43], plan[REPORT_HASH_MAX], fee_to[43];
	char total[AMOUNT_TEXT_MAX], service_fee[AMOUNT_TEXT_MAX], fees[AMOUNT_TEXT_MAX],
	    cap[AMOUNT_TEXT_MAX], price[AMOUNT_TEXT_MAX];
};

static void figures_format(
    struct figures *g, const struct draft *d, const struct amount *cap)
{
	/* A token that no node told of: base units are all that is known. */
	unsigned decimals = !d->has_token || d->identified ? d->decimals : 0;
	struct amount fees, price;

	eip55_format(g->sender, d->sender.at);
	eip55_format(g->token, d->token.at);
	eip55_format(g->fee_to, d->fee_to.at);
	report_hash(g->plan, d->plan);
	amount_format(g->total, &d->sum.total, decimals);
	amount_format(g->service_fee, &d->fee_amount, decimals);
	amount_format(g->cap, cap, draft_coin_decimals(d));
	fees = draft_fees(d, draft_first_fee(d));
	price = amount_u64(draft_first_fee(d));
	amount_format(g->fees, &fees, draft_coin_decimals(d));
	amount_format(g->price, &price, GWEI_DECIMALS);
}

static void plan_json(
    const struct draft *d, const struct figures *g, const struct warnings *w)
{
	json_t *warnings = json_array();

	for (int i = 0; i < w->n; i++)
		json_array_append_new(warnings, cli_text(w->text[i]));
	cli_json(
	    json_pack("{s:o, s:s, s:I, s:s?, s:o, s:o, s:s, s:I, s:s?, s:s?, s:I, s:I, "
		      "s:I, s:I, s:I, s:s?, s:s, s:s?, s:o}",
		"file", cli_text(d->file), "chain", d->chain->name, "chain_id",
		(json_int_t)d->chain->chain_id, "token", d->has_token ? g->token : NULL,
		"symbol", cli_text(d->symbol[0] ? d->symbol : NULL), "decimals",
		d->has_token && !d->identified ? json_null() : json_integer(d->decimals),
		"from", g->sender, "rows", (json_int_t)d->sum.rows, "total",
		draft_readable(d) ? g->total : NULL, "service_fee",
		amount_is_zero(&d->fee_amount) ? NULL : g->service_fee, "duplicates",
		(json_int_t)d->sum.duplicates, "self_payments",
		(json_int_t)d->sum.self_payments, "equal_rows", (json_int_t)d->equal,
		"unclaimed_rows", (json_int_t)d->unclaimed, "gas", (json_int_t)d->gas,
		"fees", d->priced ? g->fees : NULL, "max_total_fee", g->cap, "plan",
		d->hashed ? g->plan : NULL, "warnings", warnings));
}

/* A total without decimals is told as it stands in the file. */
static void plan_text(const struct draft *d, const struct figures *g)
{
	char rows[32];
	bool whole = !d->has_token || d->identified;

	term_count(rows, d->sum.rows);
	printf("file         %s\n", d->file);
	printf("chain        %s (chain id %" PRIu64 ")\n", d->chain->name,
	    d->chain->chain_id);
	if (d->has_token)
		printf(
		    "asset        %s %s\n", d->symbol[0] ? d->symbol : "token", g->token);
	else
		printf("asset        the native coin\n");
	printf("from         %s (key %s)\n", g->sender, d->key_name);
	printf("rows         %s\n", rows);
	if (whole || d->base_units)
		printf("total        %s%s%s\n", g->total,
		    whole && !d->symbol[0] ? "" : " ", whole ? d->symbol : "base units");
	if (!amount_is_zero(&d->fee_amount))
		printf("service fee  %s to %s\n", g->service_fee, g->fee_to);
	if (d->priced)
		printf("fees         about %s at %s gwei (%" PRIu64 " gas a payment)\n",
		    g->fees, g->price, d->gas);
	printf("at most      %s\n", g->cap);
	if (d->hashed)
		printf("plan         %s\n", g->plan);
}

void draft_tell(const struct draft *d, const struct amount *cap)
{
	struct warnings w;
	struct figures g;

	warnings_find(&w, d);
	figures_format(&g, d, cap);
	if (d->cli->args.json) {
		plan_json(d, &g, &w);
		return;
	}
	plan_text(d, &g);
	fflush(stdout);
	for (int i = 0; i < w.n; i++)
		cli_warn(d->cli, "%s", w.text[i]);
}

/* -- the end --------------------------------------------------------------- */

static void end_json(const struct operation *o, int64_t skipped, const char *sent,
    const char *fees, const char *plan)
{
	const struct totals *t = o->by_state;

	cli_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s}",
	    "operation", o->name, "state", state_name(MACHINE_OPERATION, o->state),
	    "rows", (json_int_t)o->items, "pending", (json_int_t)t[ITEM_PENDING].n,
	    "live", (json_int_t)t[ITEM_LIVE].n, "final", (json_int_t)t[ITEM_FINAL].n,
	    "void", (json_int_t)t[ITEM_VOID].n, "skipped", (json_int_t)skipped,
	    "refunded", (json_int_t)t[ITEM_REFUNDED].n, "sent_total", sent, "fees_total",
	    fees, "plan", plan));
}

static void end_text(const struct operation *o, int64_t skipped,
    const struct airdrop_facts *a, const char *sent, const char *fees, const char *plan,
    const char *tail)
{
	char final[32], rows[32];
	const struct totals *t = o->by_state;

	term_count(final, t[ITEM_FINAL].n);
	term_count(rows, o->items);
	printf("%s: %s\n", o->name, state_name(MACHINE_OPERATION, o->state));
	printf("paid    %s of %s rows, final; %s%s%s\n", final, rows, sent,
	    a->has_token && a->symbol[0] ? " " : "", a->has_token ? a->symbol : "");
	if (t[ITEM_FINAL].n < o->items)
		printf("rest    %" PRId64 " pending, %" PRId64 " live, %" PRId64
		       " void\n",
		    t[ITEM_PENDING].n, t[ITEM_LIVE].n, t[ITEM_VOID].n);
	if (skipped)
		printf(
		    "skipped %" PRId64 " of the void rows, by the operator\n", skipped);
	printf("fees    %s of the native coin\n", fees);
	printf("plan    %s\n", plan);
	printf("events  %s\n", tail);
}

/* A token that takes a fee: final, and not what was planned. */
static void warn_flagged(
    const struct cli *c, struct journal *j, const struct operation *o)
{
	struct sql_item_flagged_in in = { .operation = o->id };
	struct sql_item_flagged_out found;

	if (sql_item_flagged_one(j, &in, &found) && found.n > 0)
		cli_warn(c,
		    "%s: another amount than planned arrived in %" PRId64
		    " rows, or they were paid twice; row %" PRId64
		    " is the first: pawl verify %s",
		    o->name, found.n, found.row, o->name);
}

/* It ended, and its account is still in doubt: only what pays more needs the fence. */
static void warn_doubt(const struct cli *c, struct journal *j, const struct operation *o)
{
	static const char when[] = "with the next list that it pays, or with pawl serve";
	struct sql_account_get_in in = { .id = o->account };
	struct sql_account_get_out account;
	char key[64], why[WAITS_MAX];
	struct operation fence;

	if (!operation_ended(o) || !sql_account_get_one(j, &in, &account) ||
	    account.no_doubt)
		return;
	snprintf(key, sizeof key, "%s", account.key_name);
	utf8_plain(key);
	if (!command_fence(j, o->account, &fence)) {
		cli_warn(c, "key %s is in doubt: it is fenced %s", key, when);
		return;
	}
	snprintf(why, sizeof why, "%s", fence.waits_for);
	utf8_plain(why);
	if (fence.state == OPERATION_NEEDS_OPERATOR)
		cli_warn(c, "key %s is in doubt: %s: %s", key, fence.name, why);
	else
		cli_warn(c, "key %s is in doubt: %s goes on %s", key, fence.name, when);
}

void airdrop_tell(const struct cli *c, struct journal *j, int64_t operation)
{
	char sent[AMOUNT_TEXT_MAX], fees[AMOUNT_TEXT_MAX], plan[REPORT_HASH_MAX],
	    tail[REPORT_HASH_MAX];
	struct airdrop_facts a;
	struct operation o;

	if (!operation_read(j, operation, &o) || !airdrop_read(j, operation, &a))
		return;
	amount_format(sent, &o.by_state[ITEM_FINAL].sum, a.decimals);
	amount_format(fees, &o.fees_final, report_coin(j, o.chain).decimals);
	report_hash(plan, o.plan);
	warn_flagged(c, j, &o);
	warn_doubt(c, j, &o);
	if (c->args.json) {
		end_json(&o, repair_skips(j, &o), sent, fees, plan);
		return;
	}
	report_tail(tail, j, operation);
	end_text(&o, repair_skips(j, &o), &a, sent, fees, plan, tail);
}
