#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cli/report/report.h"
#include "cli/report/track.h"
#include "codec/eip55.h"
#include "engine/repair.h"
#include "journal/sql.gen.h"

/* A row's story is built as JSON once, and told in either form. */
struct story {
	struct cli *cli;
	struct journal *journal;
	struct operation operation;
	struct report_account account;
	struct report_asset asset, coin;
	struct report_progress progress;
	struct report_fee fee;
	/* of the row that is told */
	int64_t row;
	int item_state;
	int64_t live_intent;
	bool skipped;
};

static json_t *hash_json(bool none, const uint8_t hash[32])
{
	char text[REPORT_HASH_MAX];

	if (none)
		return json_null();
	report_hash(text, hash);
	return json_string(text);
}

static json_t *i64_json(bool none, int64_t v)
{
	return none ? json_null() : json_integer(v);
}

static json_t *amount_json(const struct amount *a, unsigned decimals)
{
	char text[AMOUNT_TEXT_MAX];

	amount_format(text, a, decimals);
	return json_string(text);
}

/* -- intents and attempts -------------------------------------------------- */

static json_t *fee_json(const struct story *s, const struct sql_attempt_of_intent_out *at)
{
	struct amount fee = amount_u64(at->no_gas_price ? 0 : (uint64_t)at->gas_price);

	if (at->no_gas_price || at->no_gas_used ||
	    !amount_mul_u64(&fee, &fee, (uint64_t)at->gas_used))
		return json_null();
	return amount_json(&fee, s->coin.decimals);
}

static json_t *attempt_json(
    const struct story *s, const struct sql_attempt_of_intent_out *at)
{
	return json_pack(
	    "{s:o, s:b, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "tx",
	    hash_json(false, at->hash), "empty", at->empty != 0, "state",
	    state_name(MACHINE_ATTEMPT, (int)at->state), "gas", (json_int_t)at->gas,
	    "max_fee", (json_int_t)at->max_fee, "tip", (json_int_t)at->tip,
	    "signed_at_block", i64_json(!at->bytes, at->signed_height), "block",
	    i64_json(at->no_height, at->height), "block_hash",
	    hash_json(at->no_block_hash, at->block_hash), "status",
	    i64_json(at->no_status, at->status), "fee", fee_json(s, at), "paid",
	    at->no_paid ? json_null() : amount_json(&at->paid, s->asset.decimals),
	    "node_said", cli_text(at->no_word ? NULL : at->word));
}

static json_t *intent_json(const struct story *s, int64_t id)
{
	struct sql_intent_get_in in = { .id = id };
	struct sql_attempt_of_intent_in of = { .intent = id };
	struct sql_attempt_of_intent_out at;
	struct sql_intent_get_out i;
	json_t *attempts = json_array();

	CHECK(attempts && sql_intent_get_one(s->journal, &in, &i));
	sql_attempt_of_intent_begin(s->journal, &of);
	while (sql_attempt_of_intent_next(s->journal, &at))
		json_array_append_new(attempts, attempt_json(s, &at));
	return json_pack("{s:I, s:o, s:s, s:b, s:o, s:o}", "intent", (json_int_t)id,
	    "nonce", i64_json(i.no_nonce, i.nonce), "state",
	    state_name(MACHINE_INTENT, (int)i.state), "emptied", i.emptied != 0, "proof",
	    cli_text(i.no_proof ? NULL : i.proof), "attempts", attempts);
}

static json_t *intents_json(const struct story *s)
{
	struct sql_intent_by_row_in in = { .operation = s->operation.id, .row = s->row };
	struct sql_intent_by_row_out row;
	json_t *ret = json_array();

	CHECK(ret);
	sql_intent_by_row_begin(s->journal, &in);
	while (sql_intent_by_row_next(s->journal, &row))
		json_array_append_new(ret, intent_json(s, row.id));
	return ret;
}

static json_t *events_json(const struct story *s)
{
	struct sql_report_events_in in = { .operation = s->operation.id, .row = s->row };
	struct sql_report_events_out e;
	char at[REPORT_TIME_MAX];
	json_t *ret = json_array();

	CHECK(ret);
	/* The operation's own events have no row either. */
	if (s->row == 0)
		return ret;
	sql_report_events_begin(s->journal, &in);
	while (sql_report_events_next(s->journal, &e)) {
		report_time(at, e.no_at_ms ? 0 : e.at_ms);
		json_array_append_new(ret,
		    json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "commit",
			(json_int_t)e.commit_no, "at", cli_text(e.no_at_ms ? NULL : at),
			"what", cli_text(e.what), "from", cli_text(e.from_state), "to",
			cli_text(e.to_state), "why", cli_text(e.why)));
	}
	return ret;
}

/* -- why it waits ---------------------------------------------------------- */

struct waiting {
	char why[REPORT_STOP_MAX], unblock[REPORT_STOP_MAX];
};

static void PRINTF(2, 3) waiting_set(struct waiting *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->why, sizeof w->why, fmt, ap);
	va_end(ap);
}

/* What holds the operation up may hold up its live rows. */
static void waiting_add(const struct story *s, struct waiting *w)
{
	size_t len = strlen(w->why);

	if (s->progress.waits_for[0])
		snprintf(w->why + len, sizeof w->why - len,
		    "; the operation waits for %s", s->progress.waits_for);
	snprintf(w->unblock, sizeof w->unblock, "%s", s->progress.unblock);
}

static bool is_unexplained(const struct story *s, const struct sql_intent_get_out *i)
{
	struct report_unexplained u;
	struct sql_account_get_in in = { .id = s->operation.account };
	struct sql_account_get_out a;

	return report_unexplained(s->journal, &s->operation, &u) && !i->no_nonce &&
	    sql_account_get_one(s->journal, &in, &a) && !a.no_final_count &&
	    i->nonce < a.final_count;
}

/* The live intent's newest attempt, as the journal sees it. */
static void waiting_live(const struct story *s, struct waiting *w)
{
	struct sql_intent_get_in in = { .id = s->live_intent };
	struct sql_attempt_of_intent_in of = { .intent = s->live_intent };
	struct sql_attempt_of_intent_out at;
	struct sql_intent_get_out i;
	int64_t height = -1;
	bool any = false;

	if (!sql_intent_get_one(s->journal, &in, &i))
		return;
	sql_attempt_of_intent_begin(s->journal, &of);
	while (sql_attempt_of_intent_next(s->journal, &at)) {
		any = true;
		if (!at.no_height)
			height = at.height;
	}
	if (height < 0 && is_unexplained(s, &i))
		waiting_set(w,
		    "nonce %" PRId64
		    " was consumed, and no transaction that did it is known: nothing is "
		    "paid on it any more, and without a proof nothing on another one",
		    i.nonce);
	else if (!any)
		waiting_set(
		    w, "its bytes to be signed; nonce %" PRId64 " is reserved", i.nonce);
	else if (height < 0)
		waiting_set(w,
		    "a block that includes nonce %" PRId64 "; the same bytes are sent "
		    "until then, and offer more when they wait too long",
		    i.nonce);
	else
		waiting_set(w,
		    "block %" PRId64 " to be final: the head is %" PRId64
		    ", the last final block %" PRId64,
		    height, s->account.head, s->account.final_height);
	waiting_add(s, w);
}

static void waiting_pending(const struct story *s, struct waiting *w)
{
	const struct operation *o = &s->operation;

	if (s->progress.waits_for[0])
		waiting_set(w, "%s", s->progress.waits_for);
	else if (operation_ended(o) || o->state == OPERATION_CANCELLING)
		waiting_set(w, "nothing: the operation is %s, it is not paid any more",
		    state_name(MACHINE_OPERATION, o->state));
	else if (!operation_reserves(o))
		waiting_set(w, "the operation to pay: it is %s",
		    state_name(MACHINE_OPERATION, o->state));
	else
		waiting_set(w, "its turn: rows are paid in the order of the list");
	snprintf(w->unblock, sizeof w->unblock, "%s", s->progress.unblock);
}

static void waiting_find(const struct story *s, struct waiting *w)
{
	const struct operation *o = &s->operation;

	memset(w, 0, sizeof *w);
	if (s->item_state == ITEM_LIVE)
		waiting_live(s, w);
	else if (s->item_state == ITEM_PENDING)
		waiting_pending(s, w);
	else if (s->skipped)
		snprintf(w->unblock, sizeof w->unblock, "pawl retry %s %" PRId64, o->name,
		    s->row);
	else if (s->item_state == ITEM_VOID && o->state != OPERATION_CANCELLED &&
	    o->state != OPERATION_CANCELLING)
		snprintf(w->unblock, sizeof w->unblock, "pawl retry %s", o->name);
	if (!s->progress.owned && !w->unblock[0] && !operation_ended(o) && w->why[0])
		snprintf(w->unblock, sizeof w->unblock, "pawl serve");
	utf8_plain(w->why);
	utf8_plain(w->unblock);
}

/* -- telling --------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static json_int_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static bool known(const json_t *o, const char *key)
{
	return !json_is_null(json_object_get(o, key));
}

/* One without bytes of ours was adopted from a block. */
static void signed_tell(const json_t *at)
{
	if (known(at, "signed_at_block"))
		printf("signed at block %" JSON_INTEGER_FORMAT "\n",
		    number_of(at, "signed_at_block"));
	else if (known(at, "block"))
		printf(
		    "seen in block %" JSON_INTEGER_FORMAT "\n", number_of(at, "block"));
	else
		printf("signed elsewhere\n");
}

static void attempt_tell(const json_t *at)
{
	printf("    attempt %s%s: %s\n", text_of(at, "tx"),
	    json_is_true(json_object_get(at, "empty")) ? " (empty: 0 to ourselves)" : "",
	    text_of(at, "state"));
	printf("      gas %" JSON_INTEGER_FORMAT ", max fee %" JSON_INTEGER_FORMAT
	       " wei, tip %" JSON_INTEGER_FORMAT " wei, ",
	    number_of(at, "gas"), number_of(at, "max_fee"), number_of(at, "tip"));
	signed_tell(at);
	if (known(at, "block"))
		printf("      in block %" JSON_INTEGER_FORMAT
		       " %s, status %" JSON_INTEGER_FORMAT ", fee %s\n",
		    number_of(at, "block"), text_of(at, "block_hash"),
		    number_of(at, "status"), text_of(at, "fee"));
	if (known(at, "node_said"))
		printf("      %s\n", text_of(at, "node_said"));
	else
		printf("      no node said anything against it\n");
}

static void intents_tell(const json_t *intents)
{
	const json_t *i, *at;
	size_t k, n;

	json_array_foreach(intents, k, i)
	{
		printf("  intent %" JSON_INTEGER_FORMAT ": %s", number_of(i, "intent"),
		    text_of(i, "state"));
		if (known(i, "nonce"))
			printf(", nonce %" JSON_INTEGER_FORMAT, number_of(i, "nonce"));
		printf("%s\n",
		    json_is_true(json_object_get(i, "emptied"))
			? ", emptied: no payload of it is sent any more"
			: "");
		if (known(i, "proof"))
			printf("    proof: %s\n", text_of(i, "proof"));
		json_array_foreach(json_object_get(i, "attempts"), n, at)
		    attempt_tell(at);
	}
}

static void events_tell(const json_t *events)
{
	const json_t *e;
	size_t k;

	json_array_foreach(events, k, e)
	{
		printf("  %s commit %" JSON_INTEGER_FORMAT " %s: %s%s%s%s%s\n",
		    text_of(e, "at"), number_of(e, "commit"), text_of(e, "what"),
		    text_of(e, "from"), *text_of(e, "from") ? " -> " : "",
		    text_of(e, "to"), *text_of(e, "why") ? ": " : "", text_of(e, "why"));
	}
}

/* JSON has it exactly; a terminal gets what it can show. */
static void memo_tell(const json_t *o)
{
	char *plain;

	if (!known(o, "memo"))
		return;
	plain = mem_str(text_of(o, "memo"));
	utf8_plain(plain);
	printf("  memo: %s\n", plain);
	mem_free(plain);
}

static void story_tell(const json_t *o, const struct report_asset *asset)
{
	printf(
	    "%s row %" JSON_INTEGER_FORMAT, text_of(o, "operation"), number_of(o, "row"));
	if (known(o, "line"))
		printf(" (line %" JSON_INTEGER_FORMAT ")", number_of(o, "line"));
	printf(": %s %s%s%s to %s\n", text_of(o, "state"), text_of(o, "amount"),
	    asset->symbol[0] ? " " : "", asset->symbol, text_of(o, "address"));
	memo_tell(o);
	if (known(o, "reason"))
		printf("  reason: %s\n", text_of(o, "reason"));
	intents_tell(json_object_get(o, "intents"));
	events_tell(json_object_get(o, "events"));
	if (known(o, "waits_for"))
		printf("  waits for: %s\n", text_of(o, "waits_for"));
	if (known(o, "unblock"))
		printf("  to go on: %s\n", text_of(o, "unblock"));
}

/* The parts that are the row's own come first, in order. */
static void story_end(const struct story *s, json_t *o)
{
	struct waiting w;

	CHECK(o);
	waiting_find(s, &w);
	json_object_set_new(o, "waits_for", cli_text(w.why[0] ? w.why : NULL));
	json_object_set_new(o, "unblock", cli_text(w.unblock[0] ? w.unblock : NULL));
	json_object_set_new(o, "intents", intents_json(s));
	json_object_set_new(o, "events", events_json(s));
	if (s->cli->args.json) {
		cli_json(o);
		return;
	}
	story_tell(o, &s->asset);
	json_decref(o);
}

static void row_explain(struct story *s, const struct sql_item_get_out *item)
{
	char address[43], plan[REPORT_HASH_MAX];

	s->row = item->row;
	s->item_state = (int)item->state;
	s->live_intent = item->no_intent ? 0 : item->intent;
	s->skipped =
	    item->state == ITEM_VOID && !item->no_reason && repair_skipped(item->reason);
	eip55_format(address, item->recipient);
	report_hash(plan, s->operation.plan);
	story_end(s,
	    json_pack("{s:o, s:s, s:I, s:I, s:s, s:o, s:o, s:s, s:o}", "operation",
		cli_text(s->operation.name), "plan", plan, "row", (json_int_t)item->row,
		"line", (json_int_t)item->line, "address", address, "amount",
		amount_json(&item->amount, s->asset.decimals), "memo",
		cli_exact(item->no_memo ? NULL : item->memo), "state",
		state_name(MACHINE_ITEM, (int)item->state), "reason",
		cli_text(item->no_reason ? NULL : item->reason)));
}

/* Row 0: the service fee, which is no row of the list. */
static void fee_explain(struct story *s)
{
	char address[43], plan[REPORT_HASH_MAX];

	s->row = 0;
	s->live_intent = s->fee.intent;
	s->item_state = s->fee.state;
	eip55_format(address, s->fee.to.at);
	report_hash(plan, s->operation.plan);
	story_end(s,
	    json_pack("{s:o, s:s, s:i, s:n, s:s, s:o, s:s, s:s, s:n}", "operation",
		cli_text(s->operation.name), "plan", plan, "row", 0, "line", "address",
		address, "amount", amount_json(&s->fee.amount, s->asset.decimals), "memo",
		"the service fee", "state", state_name(MACHINE_ITEM, s->item_state),
		"reason"));
}

/* -- which rows ------------------------------------------------------------ */

static enum err explain_row(struct story *s, const char *word, struct fail *f)
{
	struct sql_item_get_in in = { .operation = s->operation.id };
	struct sql_item_get_out item;
	char rows[32];

	if (strcmp(word, "fee") == 0)
		word = "0";
	for (const char *at = word; *at; at++) {
		if (*at < '0' || *at > '9' || at - word > 9)
			return fail_set(f, ERR_USAGE,
			    "ROW is a number from 1 on, fee, or an address");
		in.row = in.row * 10 + (*at - '0');
	}
	if (in.row == 0 && !s->fee.due)
		return fail_set(f, ERR_NOT_FOUND,
		    "rows count from 1, and there is no service fee (row 0)");
	if (in.row == 0) {
		fee_explain(s);
		return ERR_OK;
	}
	if (!sql_item_get_one(s->journal, &in, &item)) {
		snprintf(rows, sizeof rows, "%" PRId64, s->operation.items);
		return fail_set(f, ERR_NOT_FOUND, "%s has %s rows, and no row %s",
		    s->operation.name, rows, word);
	}
	row_explain(s, &item);
	return ERR_OK;
}

static enum err explain_address(struct story *s, const char *word, struct fail *f)
{
	struct sql_item_by_recipient_in in = { .operation = s->operation.id };
	struct sql_item_by_recipient_out row;
	struct sql_item_get_out item;
	struct address address;
	enum err e = args_address(&address, "ADDRESS", word, f);
	bool any = false;

	if (e != ERR_OK)
		return e;
	memcpy(in.recipient, address.at, sizeof in.recipient);
	sql_item_by_recipient_begin(s->journal, &in);
	while (sql_item_by_recipient_next(s->journal, &row)) {
		struct sql_item_get_in get = { s->operation.id, row.row };

		if (any && !s->cli->args.json)
			printf("\n");
		any = true;
		if (sql_item_get_one(s->journal, &get, &item))
			row_explain(s, &item);
	}
	if (s->fee.due && address_same(&address, &s->fee.to)) {
		if (any && !s->cli->args.json)
			printf("\n");
		any = true;
		fee_explain(s);
	}
	return any
	    ? ERR_OK
	    : fail_set(f, ERR_NOT_FOUND, "no row of %s pays %s", s->operation.name, word);
}

static enum err explain(struct story *s, struct fail *f)
{
	const char *word = args_word(&s->cli->args, 1);
	enum err e =
	    report_find(s->journal, args_word(&s->cli->args, 0), &s->operation, f);

	if (e == ERR_OK)
		e = report_archive(s->cli, s->journal, &s->operation, false, f);
	if (e == ERR_OK)
		e = report_account(s->journal, &s->operation, &s->account, f);
	if (e == ERR_OK)
		e = report_asset(s->journal, &s->operation, &s->asset, f);
	if (e == ERR_OK)
		e = report_progress(s->cli, s->journal, &s->operation, &s->progress, f);
	if (e == ERR_OK)
		e = report_fee(s->journal, &s->operation, &s->fee, f);
	if (e != ERR_OK)
		return e;
	s->coin = report_coin(s->journal, s->operation.chain);
	utf8_plain(s->operation.name);
	if (report_fences(&s->operation))
		return fail_set(f, ERR_NOT_FOUND,
		    "%s is a fence: it pays nobody, and has no rows; see: pawl status %s",
		    s->operation.name, s->operation.name);
	if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
		return explain_address(s, word, f);
	return explain_row(s, word, f);
}

/* One word that is no hash. */
static enum err explain_no_row(struct story *s, const char *word, struct fail *f)
{
	enum err e = report_find(s->journal, word, &s->operation, f);

	if (e != ERR_OK)
		return fail_wrap(f, e,
		    "it is a hash of a transaction (0x and 64 digits), or an operation "
		    "with a row or an address");
	return fail_set(f, ERR_USAGE,
	    "ROW or ADDRESS is missing; usage: pawl explain OPERATION ROW|ADDRESS");
}

enum err cmd_explain(struct cli *c, struct fail *f)
{
	const char *word = args_word(&c->args, 0);
	struct story s = { .cli = c };
	enum err e = report_open(c, &s.journal, f);

	if (e != ERR_OK)
		return e;
	journal_read_begin(s.journal);
	if (track_word(word) && !args_word(&c->args, 1))
		e = track_explain(c, s.journal, word, f);
	else if (!args_word(&c->args, 1))
		e = explain_no_row(&s, word, f);
	else
		e = explain(&s, f);
	journal_read_end(s.journal);
	journal_close(s.journal);
	return e;
}
