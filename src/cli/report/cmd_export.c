#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/shell.h"
#include "base/utf8.h"
#include "cli/report/report.h"
#include "codec/eip55.h"
#include "engine/repair.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"

#define REASON_MAX 256

/* Two cursors go side by side: the rows, and the attempts of all their intents. So a
 * list of any length is told in the memory of one row, as it was at one moment. */
struct export
{
	struct cli *cli;
	struct journal *journal;
	struct operation operation;
	struct report_asset asset, coin;
	bool json;
	bool has; /* an attempt was read ahead */
	struct sql_report_attempts_out ahead;
};

/* What a row shows of its attempts. */
struct shown {
	int64_t attempts;
	bool has_nonce, has_tx, has_fee;
	int64_t nonce, block;
	uint8_t tx[32], block_hash[32];
	struct amount fee;
	unsigned fee_decimals;
};

/* -- collecting ------------------------------------------------------------ */

static void tx_take(struct shown *s, const struct sql_report_attempts_out *at)
{
	s->has_tx = true;
	s->block = at->height;
	memcpy(s->tx, at->hash, sizeof s->tx);
	memcpy(s->block_hash, at->block_hash, sizeof s->block_hash);
	s->fee = amount_u64(at->no_gas_price ? 0 : (uint64_t)at->gas_price);
	s->has_fee = !at->no_gas_price && !at->no_gas_used &&
	    amount_mul_u64(&s->fee, &s->fee, (uint64_t)at->gas_used);
}

/* The transaction that carries the payload and is in a block; a later intent's goes
 * before an earlier one's, which is dead. The nonce is that transaction's. */
static void attempt_take(struct shown *s, const struct sql_report_attempts_out *at)
{
	bool in_block =
	    !at->no_hash && !at->empty && !at->no_height && !at->no_block_hash;

	s->attempts += !at->no_hash;
	if (in_block)
		tx_take(s, at);
	if (!at->no_nonce && (in_block || !s->has_tx)) {
		s->has_nonce = true;
		s->nonce = at->nonce;
	}
}

static void shown_find(struct export *x, int64_t row, struct shown *s)
{
	*s = (struct shown){ .fee_decimals = x->coin.decimals };
	while (x->has && x->ahead.row <= row) {
		if (x->ahead.row == row)
			attempt_take(s, &x->ahead);
		x->has = sql_report_attempts_next(x->journal, &x->ahead);
	}
}

/* -- telling --------------------------------------------------------------- */

/* RFC 4180: quoted where a separator, a quote or a line's end is in it. */
static void field_put(const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

/* What nodes and contracts said is in it. */
static void reason_format(char out[REASON_MAX], const struct sql_item_from_out *item)
{
	snprintf(out, REASON_MAX, "%s", item->no_reason ? "" : item->reason);
	utf8_plain(out);
}

static void csv_row(const struct sql_item_from_out *item, const char *address,
    const char *amount, const struct shown *s)
{
	char tx[REPORT_HASH_MAX] = "", block_hash[REPORT_HASH_MAX] = "";
	char fee[AMOUNT_TEXT_MAX] = "", nonce[24] = "", block[24] = "";
	char reason[REASON_MAX];

	if (s->has_tx) {
		report_hash(tx, s->tx);
		report_hash(block_hash, s->block_hash);
		snprintf(block, sizeof block, "%" PRId64, s->block);
	}
	if (s->has_fee)
		amount_format(fee, &s->fee, s->fee_decimals);
	if (s->has_nonce)
		snprintf(nonce, sizeof nonce, "%" PRId64, s->nonce);
	printf("%" PRId64 ",%s,%s,", item->row, address, amount);
	field_put(item->no_memo ? "" : item->memo);
	printf(",%s,%s,%s,%s,%s,%" PRId64 ",%s,",
	    state_name(MACHINE_ITEM, (int)item->state), tx, block, block_hash, nonce,
	    s->attempts, fee);
	reason_format(reason, item);
	field_put(reason);
	printf("\r\n");
}

static json_t *hash_json(bool has, const uint8_t hash[32])
{
	char text[REPORT_HASH_MAX];

	if (!has)
		return json_null();
	report_hash(text, hash);
	return json_string(text);
}

static json_t *fee_json(const struct shown *s)
{
	char text[AMOUNT_TEXT_MAX];

	if (!s->has_fee)
		return json_null();
	amount_format(text, &s->fee, s->fee_decimals);
	return json_string(text);
}

static void json_row(const struct sql_item_from_out *item, const char *address,
    const char *amount, const struct shown *s)
{
	char reason[REASON_MAX];

	reason_format(reason, item);
	cli_json(json_pack("{s:I, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:o}",
	    "row", (json_int_t)item->row, "address", address, "amount", amount, "memo",
	    cli_exact(item->no_memo ? NULL : item->memo), "state",
	    state_name(MACHINE_ITEM, (int)item->state), "tx", hash_json(s->has_tx, s->tx),
	    "block", s->has_tx ? json_integer(s->block) : json_null(), "block_hash",
	    hash_json(s->has_tx, s->block_hash), "nonce",
	    s->has_nonce ? json_integer(s->nonce) : json_null(), "attempts",
	    (json_int_t)s->attempts, "fee", fee_json(s), "reason",
	    cli_text(reason[0] ? reason : NULL)));
}

static void rows_export(struct export *x)
{
	int64_t operation = x->operation.id, last = x->operation.items;
	struct sql_item_from_in items = { operation, 1, last };
	struct sql_report_attempts_in attempts = { operation, 1, last };
	struct sql_item_from_out item;
	char address[43], amount[AMOUNT_TEXT_MAX];
	struct shown s;

	sql_item_from_begin(x->journal, &items);
	sql_report_attempts_begin(x->journal, &attempts);
	x->has = sql_report_attempts_next(x->journal, &x->ahead);
	/* A reader that is gone ends it. */
	while (!ferror(stdout) && sql_item_from_next(x->journal, &item)) {
		eip55_format(address, item.recipient);
		amount_format(amount, &item.amount, x->asset.decimals);
		shown_find(x, item.row, &s);
		if (x->json)
			json_row(&item, address, amount, &s);
		else
			csv_row(&item, address, amount, &s);
	}
	sql_item_from_end(x->journal);
	sql_report_attempts_end(x->journal);
}

/* Behind all rows, as row 0: it is none of the list. */
static enum err fee_export(struct export *x, struct fail *f)
{
	int64_t operation = x->operation.id;
	struct sql_report_attempts_in attempts = { operation, 0, 0 };
	struct sql_item_from_out item = { .memo = "the service fee", .no_reason = true };
	char address[43], amount[AMOUNT_TEXT_MAX];
	struct report_fee fee;
	struct shown s;
	enum err e = report_fee(x->journal, &x->operation, &fee, f);

	if (e != ERR_OK || !fee.due)
		return e;
	item.state = fee.state;
	eip55_format(address, fee.to.at);
	amount_format(amount, &fee.amount, x->asset.decimals);
	sql_report_attempts_begin(x->journal, &attempts);
	x->has = sql_report_attempts_next(x->journal, &x->ahead);
	shown_find(x, 0, &s);
	sql_report_attempts_end(x->journal);
	if (x->json)
		json_row(&item, address, amount, &s);
	else
		csv_row(&item, address, amount, &s);
	return ERR_OK;
}

static enum err all_export(struct export *x, struct fail *f)
{
	if (!x->json)
		printf("row,address,amount,memo,state,tx,block,block_hash,nonce,attempts,"
		       "fee,reason\r\n");
	rows_export(x);
	return fee_export(x, f);
}

/* -- a list of what is left ------------------------------------------------ */

/* While anything of it may still be paid, a list of the rest would pay it twice; and of a
 * list that was never read to its end the journal knows no rest. */
static enum err unpaid_check(const struct export *x, struct fail *f)
{
	const struct operation *o = &x->operation;
	char word[SHELL_WORD_MAX];
	struct airdrop_facts a;

	if (!operation_ended(o))
		return fail_set(f, ERR_CONFLICT,
		    "%s is %s: its rows may still be paid; then: pawl cancel %s", o->name,
		    state_name(MACHINE_OPERATION, o->state), o->name);
	if (o->by_state[ITEM_LIVE].n)
		return fail_set(f, ERR_CONFLICT,
		    "%s: %" PRId64 " rows are live: until they are settled, run: pawl "
		    "serve",
		    o->name, o->by_state[ITEM_LIVE].n);
	if (airdrop_read(x->journal, o->id, &a) && a.imported < o->items)
		return fail_set(f, ERR_CONFLICT,
		    "%s was cancelled before its list was read to its end, and paid "
		    "nobody; to pay it: pawl airdrop run %s --name NEW ..",
		    o->name, shell_word(word, sizeof word, a.file));
	return ERR_OK;
}

/* What pays the rest by other means than this program does not see what was forgotten. */
static void doubt_warn(const struct export *x)
{
	struct sql_account_get_in in = { .id = x->operation.account };
	struct sql_account_get_out account;
	char key[64];

	if (!sql_account_get_one(x->journal, &in, &account) ||
	    (account.no_doubt && !journal_doubt(x->journal)))
		return;
	snprintf(key, sizeof key, "%s", account.key_name);
	utf8_plain(key);
	cli_warn(x->cli,
	    "key %s is in doubt: what its journal may have forgotten can have paid rows "
	    "of %s; only pawl airdrop run holds a list against that",
	    key, x->operation.name);
}

static enum err unpaid_export(struct export *x, struct fail *f)
{
	struct sql_item_from_in items = { x->operation.id, 1, x->operation.items };
	struct sql_item_from_out item;
	char address[43], amount[AMOUNT_TEXT_MAX];
	enum err e = unpaid_check(x, f);

	if (e != ERR_OK)
		return e;
	doubt_warn(x);
	printf("address,amount,memo\r\n");
	sql_item_from_begin(x->journal, &items);
	while (!ferror(stdout) && sql_item_from_next(x->journal, &item)) {
		if (item.state != ITEM_PENDING && item.state != ITEM_VOID)
			continue;
		if (!item.no_reason && repair_skipped(item.reason))
			continue;
		eip55_format(address, item.recipient);
		amount_format(amount, &item.amount, x->asset.decimals);
		printf("%s,%s,", address, amount);
		field_put(item.no_memo ? "" : item.memo);
		printf("\r\n");
	}
	sql_item_from_end(x->journal);
	return ERR_OK;
}

/* -- the command ----------------------------------------------------------- */

static enum err format_read(struct export *x, struct fail *f)
{
	const char *format = args_get(&x->cli->args, "--format");
	char shown[REF_SHOWN_MAX];

	x->json = format ? strcmp(format, "json") == 0 : x->cli->args.json;
	if (x->json && args_has(&x->cli->args, "--unpaid"))
		return fail_set(f, ERR_USAGE, "--unpaid prints a list, which is CSV");
	if (!format || x->json || strcmp(format, "csv") == 0)
		return ERR_OK;
	return fail_set(
	    f, ERR_USAGE, "--format is csv or json, not %s", ref_shown(shown, format));
}

enum err cmd_export(struct cli *c, struct fail *f)
{
	struct export x = { .cli = c };
	enum err e = format_read(&x, f);

	if (e == ERR_OK)
		e = report_open(c, &x.journal, f);
	if (e != ERR_OK)
		return e;
	journal_read_begin(x.journal);
	e = report_find(x.journal, args_word(&c->args, 0), &x.operation, f);
	if (e == ERR_OK && !args_has(&c->args, "--unpaid"))
		e = report_archive(c, x.journal, &x.operation, true, f);
	if (e == ERR_OK)
		e = report_asset(x.journal, &x.operation, &x.asset, f);
	x.coin = report_coin(x.journal, x.operation.chain);
	if (e == ERR_OK)
		e = args_has(&c->args, "--unpaid") ? unpaid_export(&x, f)
						   : all_export(&x, f);
	journal_read_end(x.journal);
	journal_close(x.journal);
	return e;
}
