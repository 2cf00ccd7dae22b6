#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cli/report/node.h"
#include "cli/report/report.h"
#include "cli/report/track.h"
#include "cli/term/term.h"
#include "codec/eip55.h"
#include "engine/message.h"
#include "engine/repair.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"
#include "kinds/fence/fence.h"

/* Of void rows. */
#define VOID_SHOWN 10
#define VOID_REASON_MAX 160
#define WHY_SHOWN_MAX 200

/* One operation, as it stands at one moment. */
struct standing {
	struct operation operation;
	struct report_account account;
	struct report_asset asset, coin;
	struct report_progress progress;
	struct report_fee fee;
	int64_t skipped; /* of the void rows */
};

static enum err standing_read(
    struct standing *s, struct cli *c, struct journal *j, struct fail *f)
{
	enum err e = report_account(j, &s->operation, &s->account, f);

	if (e == ERR_OK)
		e = report_asset(j, &s->operation, &s->asset, f);
	if (e == ERR_OK)
		e = report_progress(c, j, &s->operation, &s->progress, f);
	if (e == ERR_OK)
		e = report_fee(j, &s->operation, &s->fee, f);
	s->coin = report_coin(j, s->operation.chain);
	s->skipped = repair_skips(j, &s->operation);
	utf8_plain(s->operation.name);
	return e;
}

static const char *state_of(const struct standing *s)
{
	return state_name(MACHINE_OPERATION, s->operation.state);
}

/* Nodes of its chain that nobody asks now; NULL: none, or nobody works on it. */
static const char *left_out(const struct standing *s)
{
	return s->progress.owned && s->account.nodes[0] ? s->account.nodes : NULL;
}

/* -- JSON ------------------------------------------------------------------ */

static json_t *or_null(bool known, json_t *o)
{
	if (known)
		return o;
	json_decref(o);
	return json_null();
}

static json_t *subscribers_json(struct journal *j, const struct standing *s)
{
	struct sql_report_subscribers_in in = { .subject = s->operation.id };
	struct sql_report_subscribers_out row;
	json_t *all = json_array();
	char shown[TARGET_MAX];

	CHECK(all);
	sql_report_subscribers_begin(j, &in);
	while (sql_report_subscribers_next(j, &row)) {
		message_target_shown(shown, row.target);
		json_array_append_new(all,
		    json_pack("{s:I, s:s, s:s, s:I, s:o, s:o}", "id", (json_int_t)row.id,
			"channel", row.channel, "target", shown, "due",
			(json_int_t)row.due, "suspended",
			cli_text(row.no_suspended ? NULL : row.suspended), "why",
			cli_text(row.no_why ? NULL : row.why)));
	}
	return all;
}

static void line_json(struct journal *j, const struct standing *s)
{
	const struct operation *o = &s->operation;
	const struct totals *t = o->by_state;
	const struct report_progress *p = &s->progress;

	struct archived archived;
	bool is_archived = archive_of(j, o->id, &archived);

	cli_json(json_pack(
	    "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, "
	    "s:o}",
	    "operation", o->name, "kind", o->kind_name, "state", state_of(s), "rows",
	    (json_int_t)o->items, "pending", (json_int_t)t[ITEM_PENDING].n, "live",
	    (json_int_t)t[ITEM_LIVE].n, "final", (json_int_t)t[ITEM_FINAL].n, "void",
	    (json_int_t)t[ITEM_VOID].n, "skipped", (json_int_t)s->skipped, "refunded",
	    (json_int_t)t[ITEM_REFUNDED].n, "unknown", (json_int_t)p->unknown, "eta_s",
	    or_null(p->eta_s >= 0, json_integer(p->eta_s)), "waits_for",
	    cli_text(p->waits_for[0] ? p->waits_for : NULL), "left_out",
	    cli_text(left_out(s)), "subscribers", subscribers_json(j, s), "archive",
	    cli_text(is_archived ? archived.file : NULL)));
}

/* -- the table of all ------------------------------------------------------ */

/* "40.5 %", rounded down: 100 % is said of nothing less. */
static void percent(char out[32], int64_t done, int64_t total)
{
	int64_t milli = total > 0 ? done * 1000 / total : 1000;

	if (total == 0)
		snprintf(out, 32, "-");
	else
		snprintf(out, 32, "%" PRId64 ".%" PRId64 " %%", milli / 10, milli % 10);
}

static void left_text(char out[32], const struct standing *s)
{
	const struct operation *o = &s->operation;
	int64_t unpaid = o->items - o->by_state[ITEM_FINAL].n - s->skipped;

	if (s->progress.eta_s > 0)
		term_duration(out, s->progress.eta_s);
	else if (!operation_ended(o))
		snprintf(out, 32, "-");
	else if (unpaid)
		snprintf(out, 32, "%" PRId64 " unpaid", unpaid);
	else
		snprintf(out, 32, "done");
}

static void table_head(void)
{
	printf("%-24s %-15s %10s %10s %9s %8s %8s %8s %s\n", "OPERATION", "STATE", "ROWS",
	    "FINAL", "", "LIVE", "VOID", "UNKNOWN", "LEFT");
}

static void table_row(const struct standing *s)
{
	const struct operation *o = &s->operation;
	const struct totals *t = o->by_state;
	char done[32], left[32];

	percent(done, t[ITEM_FINAL].n, o->items);
	left_text(left, s);
	printf("%-24s %-15s %10" PRId64 " %10" PRId64 " %9s %8" PRId64 " %8" PRId64
	       " %8" PRId64 " %s\n",
	    o->name, state_of(s), o->items, t[ITEM_FINAL].n, done, t[ITEM_LIVE].n,
	    t[ITEM_VOID].n, s->progress.unknown, left);
	if (s->progress.waits_for[0])
		printf("%-24s waits for: %s\n", "", s->progress.waits_for);
	else if (s->progress.unblock[0])
		printf("%-24s then: %s\n", "", s->progress.unblock);
	if (left_out(s))
		printf("%-24s left out: %s\n", "", left_out(s));
}

/* What would a runner do: nothing, nothing before the operator did something, or pay? */
enum need { NEED_NONE, NEED_RESUME, NEED_REPAIR, NEED_RUN };

static enum need need_of(const struct standing *s)
{
	if (operation_ended(&s->operation))
		return NEED_NONE;
	if (strncmp(s->progress.unblock, "pawl repair ", 12) == 0)
		return NEED_REPAIR;
	return strncmp(s->progress.unblock, "pawl resume ", 12) ? NEED_RUN : NEED_RESUME;
}

static void runner_line(const struct report_progress *p, enum need need)
{
	static const char *const what[] = {
		[NEED_NONE] = "none is needed",
		[NEED_RESUME] = "a resume comes first, then a run or pawl serve",
		[NEED_REPAIR] = "a repair and a resume come first, then a run",
		[NEED_RUN] = "the same run goes on with its list, pawl serve with all",
	};
	char since[REPORT_TIME_MAX], host[sizeof p->owner.host];

	if (!p->owned) {
		printf("Runner: none now; %s.\n", what[need]);
		return;
	}
	snprintf(host, sizeof host, "%s", p->owner.host);
	utf8_plain(host);
	report_time(since, p->owner.since_ms);
	printf("Runner: pid %" PRId64 " on %s since %s.\n", p->owner.pid, host, since);
}

static void safe_line(void)
{
	printf("Safe to kill now: yes, as at any time.\n");
}

/* -- one, in detail -------------------------------------------------------- */

static void stages_tell(struct journal *j, const struct standing *s)
{
	struct sql_report_stages_in in = { .operation = s->operation.id };
	struct sql_report_stages_out row, before = { 0 };
	bool ended = operation_ended(&s->operation);
	char took[32];

	printf("  stages     ");
	sql_report_stages_begin(j, &in);
	while (sql_report_stages_next(j, &row)) {
		if (before.ordinal) {
			term_duration(took, (row.entered_ms - before.entered_ms) / 1000);
			printf("%s %s, ",
			    state_name(MACHINE_OPERATION, (int)before.state), took);
		}
		before = row;
	}
	term_duration(took, (clock_wall_ms() - before.entered_ms) / 1000);
	if (!before.ordinal)
		printf("none is recorded\n");
	else if (ended)
		printf("%s\n", state_of(s));
	else
		printf("%s for %s\n", state_name(MACHINE_OPERATION, (int)before.state),
		    took);
}

static void money_tell(const struct standing *s)
{
	const struct operation *o = &s->operation;
	char paid[REPORT_AMOUNT_MAX], planned[REPORT_AMOUNT_MAX];
	char fees[REPORT_AMOUNT_MAX], cap[REPORT_AMOUNT_MAX];

	report_amount(paid, &s->asset, &o->by_state[ITEM_FINAL].sum);
	report_amount(planned, &s->asset, &o->planned);
	report_amount(fees, &s->coin, &o->fees_final);
	report_amount(cap, &s->coin, &o->cap);
	printf("  paid       %s of %s\n", paid, planned);
	printf("  fees       %s so far, at most %s, in the native coin\n", fees, cap);
}

static void fee_tell(const struct standing *s)
{
	char amount[REPORT_AMOUNT_MAX], to[43];

	if (!s->fee.due)
		return;
	report_amount(amount, &s->asset, &s->fee.amount);
	eip55_format(to, s->fee.to.at);
	printf("  service    a fee of %s to %s: %s\n", amount, to,
	    state_name(MACHINE_ITEM, s->fee.state));
}

static void speed_tell(const struct standing *s)
{
	const struct report_progress *p = &s->progress;
	char eta[32];

	if (s->operation.state == OPERATION_CANCELLING)
		return;
	if (p->rate_milli < 0) {
		printf("  speed      can't be said yet\n");
		return;
	}
	printf("  speed      %" PRId64 ".%" PRId64 " rows a second", p->rate_milli / 1000,
	    p->rate_milli / 100 % 10);
	term_duration(eta, p->eta_s > 0 ? p->eta_s : 0);
	if (p->eta_s > 0)
		printf(", done in about %s", eta);
	printf("\n");
}

static void rows_tell(const struct standing *s)
{
	const struct totals *t = s->operation.by_state;
	char done[32], n[6][32];

	percent(done, t[ITEM_FINAL].n, s->operation.items);
	term_count(n[0], t[ITEM_FINAL].n);
	term_count(n[1], s->operation.items);
	term_count(n[2], t[ITEM_LIVE].n);
	term_count(n[3], t[ITEM_PENDING].n);
	term_count(n[4], t[ITEM_VOID].n);
	term_count(n[5], s->progress.unknown);
	printf("  rows       %s of %s final (%s), %s live, %s pending, %s void\n", n[0],
	    n[1], done, n[2], n[3], n[4]);
	if (s->skipped)
		printf("  skipped    %" PRId64 " of the void rows, by the operator\n",
		    s->skipped);
	printf("  unknown    %s%s\n", n[5],
	    s->progress.unknown ? " outcomes: they are looked up, never guessed" : "");
}

static void subscribers_tell(struct journal *j, const struct standing *s)
{
	struct sql_report_subscribers_in in = { .subject = s->operation.id };
	struct sql_report_subscribers_out row;
	char shown[TARGET_MAX], why[WHY_SHOWN_MAX];

	sql_report_subscribers_begin(j, &in);
	while (sql_report_subscribers_next(j, &row)) {
		message_target_shown(shown, row.target);
		snprintf(why, sizeof why, "%s",
		    !row.no_suspended ? row.suspended
			: !row.no_why ? row.why
				      : "");
		utf8_plain(why);
		printf("  notify     %" PRId64 " %s %s: ", row.id, row.channel, shown);
		if (!row.no_suspended)
			printf("suspended (%s); then: pawl resume notify:%" PRId64 "\n",
			    why, row.id);
		else if (row.due)
			printf("%" PRId64 " due%s%s\n", row.due, why[0] ? "; last: " : "",
			    why);
		else
			printf("has heard all\n");
	}
}

/* The first void rows, with why. */
static void void_tell(struct journal *j, const struct standing *s)
{
	struct sql_item_void_list_in in = { .operation = s->operation.id };
	struct sql_item_void_list_out row;
	int64_t left = s->operation.by_state[ITEM_VOID].n;
	char reason[VOID_REASON_MAX];

	sql_item_void_list_begin(j, &in);
	for (int n = 0; n < VOID_SHOWN && sql_item_void_list_next(j, &row); n++) {
		snprintf(reason, sizeof reason, "%s", row.no_reason ? "-" : row.reason);
		utf8_plain(reason);
		printf("  void       row %" PRId64 ": %s\n", row.row, reason);
		left--;
	}
	sql_item_void_list_end(j);
	if (left > 0)
		printf("  void       and %" PRId64 " more: pawl export %s\n", left,
		    s->operation.name);
}

/* What only a fence has to tell. */
static void fence_tell(struct journal *j, const struct standing *s)
{
	char fees[REPORT_AMOUNT_MAX], cap[REPORT_AMOUNT_MAX];
	struct fence_facts fence;

	if (!fence_read(j, s->operation.id, &fence))
		return;
	utf8_plain(fence.why);
	report_amount(fees, &s->coin, &s->operation.fees_final);
	report_amount(cap, &s->coin, &s->operation.cap);
	printf(
	    "  fences     every nonce below %" PRIu64 ": %s\n", fence.below, fence.why);
	printf("  fees       %s so far; it asks where more than %s is likely, in the "
	       "native coin\n",
	    fees, cap);
}

static void rows_and_money_tell(struct journal *j, const struct standing *s)
{
	rows_tell(s);
	money_tell(s);
	fee_tell(s);
	void_tell(j, s);
	speed_tell(s);
}

static void archive_tell(struct journal *j, const struct standing *s)
{
	struct archived archived;
	struct fail f = { ERR_OK, "" };

	if (!archive_of(j, s->operation.id, &archived))
		return;
	printf("  archive    %s%s\n", archived.file,
	    archived.whole ? "" : ", and its rows are still being moved there");
	if (archive_check(j, s->operation.id, &f) != ERR_OK)
		printf("  archive    %s\n", f.why);
}

static void detail(struct journal *j, const struct standing *s)
{
	const struct operation *o = &s->operation;
	char plan[REPORT_HASH_MAX], tail[REPORT_HASH_MAX], chain[64], key[64];

	snprintf(chain, sizeof chain, "%s", s->account.chain_name);
	snprintf(key, sizeof key, "%s", s->account.key_name);
	utf8_plain(chain);
	utf8_plain(key);
	report_hash(plan, o->plan);
	report_tail(tail, j, o->id);
	printf("%s: %s\n", o->name, state_of(s));
	printf("  operation  %s %" PRId64 " on %s from key %s\n", o->kind_name, o->id,
	    chain, key);
	printf("  plan       %s\n", plan);
	if (report_fences(o))
		fence_tell(j, s);
	else
		rows_and_money_tell(j, s);
	stages_tell(j, s);
	printf("  waits for  %s\n",
	    s->progress.waits_for[0] ? s->progress.waits_for : "nothing");
	if (s->progress.unblock[0])
		printf("  then       %s\n", s->progress.unblock);
	if (left_out(s))
		printf("  left out   %s\n", left_out(s));
	subscribers_tell(j, s);
	archive_tell(j, s);
	printf("  events     %s\n", tail);
}

/* -- the command ----------------------------------------------------------- */

static enum err status_one(
    struct cli *c, struct journal *j, const char *word, struct fail *f)
{
	struct standing s;
	enum err e = report_find(j, word, &s.operation, f);

	if (e == ERR_OK)
		e = standing_read(&s, c, j, f);
	if (e != ERR_OK)
		return e;
	if (c->args.json) {
		line_json(j, &s);
		return ERR_OK;
	}
	detail(j, &s);
	runner_line(&s.progress, need_of(&s));
	safe_line();
	return ERR_OK;
}

static enum err status_all(struct cli *c, struct journal *j, struct fail *f)
{
	struct sql_operation_all_out row;
	struct standing s;
	enum err e = ERR_OK;
	enum need need = NEED_NONE;
	bool tells;
	int n = 0;

	sql_operation_all_begin(j);
	while (e == ERR_OK && sql_operation_all_next(j, &row)) {
		if (!operation_read(j, row.id, &s.operation))
			continue;
		e = standing_read(&s, c, j, f);
		if (e != ERR_OK)
			break;
		need = need_of(&s) > need ? need_of(&s) : need;
		if (c->args.json)
			line_json(j, &s);
		else if (n++ == 0)
			table_head();
		if (!c->args.json)
			table_row(&s);
	}
	sql_operation_all_end(j);
	if (e == ERR_OK && c->args.json)
		(void)track_status_all(c, j);
	if (e == ERR_OK && c->args.json)
		(void)read_chains_show(c, j);
	if (e == ERR_OK && c->args.json) {
		unreached_show(c, j);
		(void)node_show(c, j);
	}
	if (e != ERR_OK || c->args.json)
		return e;
	if (n)
		runner_line(&s.progress, need);
	tells = track_status_all(c, j);
	tells |= read_chains_show(c, j);
	tells |= node_show(c, j);
	if (!tells && !n)
		cli_say(c,
		    "There is no operation yet: pawl airdrop plan FILE --chain C "
		    "--from KEY");
	unreached_show(c, j);
	safe_line();
	return ERR_OK;
}

enum err cmd_status(struct cli *c, struct fail *f)
{
	const char *word = args_word(&c->args, 0);
	struct journal *j;
	enum err e = report_open(c, &j, f);

	if (e != ERR_OK)
		return e;
	journal_read_begin(j);
	if (word && track_word(word))
		e = track_status(c, j, word, f);
	else
		e = word ? status_one(c, j, word, f) : status_all(c, j, f);
	journal_read_end(j);
	journal_close(j);
	return e;
}
