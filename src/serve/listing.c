#include "serve/listing.h"

#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mutant.h"
#include "codec/eip55.h"
#include "codec/json.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"

#define WINDOW_ROWS 20000 /* so many are looked at for one page */

static void put(json_t *o, const char *key, json_t *value)
{
	CHECK(value && json_object_set_new(o, key, value) == 0);
}

static void put_n(json_t *o, const char *key, int64_t n)
{
	put(o, key, json_integer(n));
}

static json_t *hash_json(const uint8_t hash[32])
{
	char text[67] = "0x";

	hex_format(text + 2, hash, 32);
	return json_string(text);
}

static json_t *address_json(const uint8_t at[20])
{
	struct address a;
	char text[43];

	memcpy(a.at, at, sizeof a.at);
	eip55_format(text, a.at);
	return json_string(text);
}

static json_t *amount_json(const struct amount *a, unsigned decimals)
{
	char text[AMOUNT_TEXT_MAX];

	amount_format(text, a, decimals);
	return json_string(text);
}

/* -- operations ------------------------------------------------------------ */

#define BRIEF(row)                                                                     \
	json_pack("{s:o, s:I, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", \
	    "operation", json_text((row)->name), "id", (json_int_t)(row)->id, "kind",  \
	    json_text((row)->kind), "chain", json_text((row)->chain), "state",         \
	    state_name(MACHINE_OPERATION, (int)(row)->state), "rows",                  \
	    (json_int_t)(row)->items, "pending", (json_int_t)(row)->pending, "live",   \
	    (json_int_t)(row)->live, "final", (json_int_t)(row)->final, "void",        \
	    (json_int_t)(row)->voided, "refunded", (json_int_t)(row)->refunded,        \
	    "started_ms", (json_int_t)(row)->started_ms, "ended_ms",                   \
	    (row)->no_ended_ms ? json_null() : json_integer((row)->ended_ms))

static void add(json_t *list, json_t *o)
{
	CHECK(o && json_array_append_new(list, o) == 0);
}

static void list_in(json_t *list, struct journal *j, const struct request *q)
{
	struct sql_list_operations_in_in in = {
		.state = q->state, .kind = q->kind, .before = q->before, .max = q->limit
	};
	struct sql_list_operations_in_out row;

	sql_list_operations_in_begin(j, &in);
	while (sql_list_operations_in_next(j, &row))
		add(list, BRIEF(&row));
}

static void list_of(json_t *list, struct journal *j, const struct request *q)
{
	struct sql_list_operations_of_in in = {
		.kind = q->kind, .before = q->before, .max = q->limit
	};
	struct sql_list_operations_of_out row;

	sql_list_operations_of_begin(j, &in);
	while (sql_list_operations_of_next(j, &row))
		add(list, BRIEF(&row));
}

static void list_any(json_t *list, struct journal *j, const struct request *q)
{
	struct sql_list_operations_in in = { .before = q->before, .max = q->limit };
	struct sql_list_operations_out row;

	sql_list_operations_begin(j, &in);
	while (sql_list_operations_next(j, &row))
		add(list, BRIEF(&row));
}

void listing_operations(struct buf *out, struct journal *j, const struct request *q)
{
	json_t *list = json_array(), *o = json_object();
	size_t n;

	CHECK(list && o);
	if (q->state >= 0)
		list_in(list, j, q);
	else if (q->kind[0])
		list_of(list, j, q);
	else
		list_any(list, j, q);
	n = json_array_size(list);
	put(o, "operations", list);
	put(o, "next",
	    (int64_t)n < q->limit
		? json_null()
		: json_incref(json_object_get(json_array_get(list, n - 1), "id")));
	json_line_add(out, o);
}

/* -- one ------------------------------------------------------------------- */

static json_t *amounts_json(const struct operation *o, unsigned decimals)
{
	static const struct {
		const char *name;
		int state;
	} parts[] = { { "pending", ITEM_PENDING }, { "live", ITEM_LIVE },
		{ "final", ITEM_FINAL }, { "void", ITEM_VOID },
		{ "refunded", ITEM_REFUNDED } };
	json_t *all = json_object();

	CHECK(all);
	put(all, "planned", amount_json(&o->planned, decimals));
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		put(all, parts[i].name,
		    amount_json(&o->by_state[parts[i].state].sum, decimals));
	return all;
}

static void asset_put(
    json_t *told, struct journal *j, const struct operation *o, unsigned coin_decimals)
{
	struct airdrop_facts a;
	bool is_airdrop =
	    strcmp(o->kind_name, kind_airdrop.name) == 0 && airdrop_read(j, o->id, &a);
	unsigned decimals = is_airdrop ? a.decimals : coin_decimals;

	put(told, "amounts", amounts_json(o, decimals));
	put_n(told, "decimals", decimals);
	if (!is_airdrop)
		return;
	if (a.has_token) {
		put(told, "symbol", json_text(a.symbol));
		put(told, "token", address_json(a.token.at));
	}
	put_n(told, "imported", a.imported);
}

/* Of a chain that this program does not know: in base units. */
static unsigned account_put(json_t *told, struct journal *j, const struct operation *o)
{
	struct sql_chain_get_in chain_in = { .id = o->chain };
	struct sql_account_get_in account_in = { .id = o->account };
	const struct connector *connector = NULL;
	struct sql_account_get_out account;
	struct sql_chain_get_out chain;

	if (!sql_chain_get_one(j, &chain_in, &chain))
		journal_damaged(j, "operation %lld has no chain", (long long)o->id);
	put(told, "chain", json_text(chain.name));
	connector = chain_connector_find(chain.kind);
	if (!sql_account_get_one(j, &account_in, &account))
		journal_damaged(j, "operation %lld has no account", (long long)o->id);
	put(told, "key", json_text(account.key_name));
	put(told, "sender", address_json(account.address));
	return connector ? connector->decimals : 0;
}

void listing_operation(
    struct buf *out, struct journal *j, const struct operation *o, const char *waits_for)
{
	const struct totals *t = o->by_state;
	json_t *told = json_pack("{s:o, s:I, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I}",
	    "operation", json_text(o->name), "id", (json_int_t)o->id, "kind",
	    json_text(o->kind_name), "state", state_name(MACHINE_OPERATION, o->state),
	    "rows", (json_int_t)o->items, "pending", (json_int_t)t[ITEM_PENDING].n,
	    "live", (json_int_t)t[ITEM_LIVE].n, "final", (json_int_t)t[ITEM_FINAL].n,
	    "void", (json_int_t)t[ITEM_VOID].n, "refunded",
	    (json_int_t)t[ITEM_REFUNDED].n);
	unsigned decimals;

	CHECK(told);
	decimals = account_put(told, j, o);
	put(told, "plan", hash_json(o->plan));
	put(told, "waits_for", json_text(waits_for[0] ? waits_for : NULL));
	asset_put(told, j, o, decimals);
	put(told, "max_total_fee", amount_json(&o->cap, decimals));
	put(told, "fees_final", amount_json(&o->fees_final, decimals));
	put(told, "fees_held", amount_json(&o->fees_held, decimals));
	put_n(told, "started_ms", o->started_ms);
	put(told, "ended_ms", o->ended_ms ? json_integer(o->ended_ms) : json_null());
	json_line_add(out, told);
}

/* -- rows ------------------------------------------------------------------ */

static void attempt_put(
    json_t *told, struct journal *j, const struct operation *o, int64_t row)
{
	struct sql_list_attempt_in in = { .operation = o->id, .row = row };
	struct sql_list_attempt_out at;

	if (!sql_list_attempt_one(j, &in, &at))
		return;
	put(told, "hash", hash_json(at.hash));
	put(told, "attempt", json_string(state_name(MACHINE_ATTEMPT, (int)at.state)));
	if (!at.no_height)
		put_n(told, "height", at.height);
}

static json_t *item_json(struct journal *j, const struct operation *o, unsigned decimals,
    const struct sql_list_items_out *item)
{
	json_t *told = json_object();

	CHECK(told);
	put_n(told, "row", item->row);
	put_n(told, "line", item->line);
	put(told, "to", address_json(item->recipient));
	put(told, "amount", amount_json(&item->amount, decimals));
	if (!item->no_memo)
		put(told, "memo", json_text(item->memo));
	put(told, "state", json_string(state_name(MACHINE_ITEM, (int)item->state)));
	if (item->state != ITEM_PENDING)
		attempt_put(told, j, o, item->row);
	if (!item->no_reason)
		put(told, "why", json_text(item->reason));
	return told;
}

static unsigned decimals_of(struct journal *j, const struct operation *o)
{
	struct sql_chain_get_in in = { .id = o->chain };
	const struct connector *connector = NULL;
	struct sql_chain_get_out chain;
	struct airdrop_facts a;

	if (strcmp(o->kind_name, kind_airdrop.name) == 0 && airdrop_read(j, o->id, &a))
		return a.decimals;
	if (sql_chain_get_one(j, &in, &chain))
		connector = chain_connector_find(chain.kind);
	return connector ? connector->decimals : 0;
}

void listing_items(struct buf *out, struct journal *j, const struct operation *o,
    const struct request *q)
{
	int64_t last =
	    q->after < INT64_MAX - WINDOW_ROWS ? q->after + WINDOW_ROWS : INT64_MAX;
	struct sql_list_items_in in = { .operation = o->id,
		.after = q->after,
		.last = last,
		.state = q->state,
		.max = q->limit };
	unsigned decimals = decimals_of(j, o);
	struct sql_list_items_out item = { .row = q->after };
	json_t *told = json_object(), *items = json_array();
	int64_t n = 0, next = last;

	CHECK(told && items);
	put(told, "operation", json_text(o->name));
	put_n(told, "id", o->id);
	sql_list_items_begin(j, &in);
	while (sql_list_items_next(j, &item)) {
		add(items, item_json(j, o, decimals, &item));
		if (++n == q->limit)
			next = item.row;
	}
	put(told, "items", items);
	put(told, "next", next >= o->items ? json_null() : json_integer(next));
	json_line_add(out, told);
}
