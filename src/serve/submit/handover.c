#include "serve/submit/handover.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "codec/json.h"

#define GAS_MAX 30000000

/* -- names ----------------------------------------------------------------- */

static bool name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || (c & 0x80);
}

bool handover_name_good(const char *name)
{
	size_t len = strlen(name), digits = strspn(name, "0123456789");
	bool good = len > 0 && strspn(name, ".") < len && len < OPERATION_NAME_MAX &&
	    digits < len && name[0] != '-' && !utf8_speaks(name);

	for (size_t i = 0; i < len; i++)
		good = good && name_byte(name[i]);
	return good;
}

struct airdrop_new handover_plan(const struct handover *h, int64_t chain,
    const struct chain_config *config, int64_t now_ms)
{
	struct airdrop_new n = { .name = h->name,
		.key_name = h->key,
		.chain = chain,
		.sender = h->sender,
		.again = h->again,
		.cap = h->cap,
		.planned = h->planned,
		.items = h->rows,
		.in_flight_max = config->max_in_flight,
		.fee_cap = config->max_fee_per_gas,
		.now_ms = now_ms,
		.facts = h->facts };

	memcpy(n.plan, h->plan, sizeof n.plan);
	return n;
}

/* -- writing --------------------------------------------------------------- */

static json_t *hex_json(const void *bytes, size_t len)
{
	char text[67] = "0x";

	CHECK(2 * len + 3 <= sizeof text);
	hex_format(text + 2, bytes, len);
	return json_string(text);
}

static json_t *amount_json(const struct amount *a)
{
	char text[AMOUNT_TEXT_MAX];

	amount_format(text, a, 0);
	return json_string(text);
}

bool handover_encode(struct buf *out, const struct handover *h)
{
	const struct airdrop_facts *a = &h->facts;
	json_t *o = json_pack(
	    "{s:s, s:o, s:s, s:I, s:o, s:s, s:o, s:I, s:s, s:o, s:o, s:I, s:o, s:I, s:I, "
	    "s:I, s:I, s:b, s:s, s:o}",
	    "name", h->name, "plan", hex_json(h->plan, sizeof h->plan), "chain", h->chain,
	    "chain_id", (json_int_t)h->chain_id, "genesis",
	    hex_json(h->genesis.at, sizeof h->genesis.at), "key", h->key, "sender",
	    hex_json(h->sender.at, sizeof h->sender.at), "decimals",
	    (json_int_t)a->decimals, "symbol", a->symbol, "service_fee",
	    amount_json(&a->fee_amount), "max_total_fee", amount_json(&h->cap), "rows",
	    (json_int_t)h->rows, "total", amount_json(&h->planned), "gas",
	    (json_int_t)a->gas, "again", (json_int_t)h->again, "seen",
	    (json_int_t)h->seen, "past", (json_int_t)h->past, "adopt", a->adopt, "file",
	    a->file, "file_hash", hex_json(a->file_hash, sizeof a->file_hash));

	if (!o)
		return false;
	if (a->has_token)
		json_object_set_new(
		    o, "token", hex_json(a->token.at, sizeof a->token.at));
	if (!amount_is_zero(&a->fee_amount))
		json_object_set_new(
		    o, "service_fee_to", hex_json(a->fee_to.at, sizeof a->fee_to.at));
	json_line_add(out, o);
	return true;
}

void handover_row_encode(struct buf *out, const struct list_row *row)
{
	json_t *o = json_pack("{s:I, s:I, s:o, s:o}", "row", (json_int_t)row->row, "line",
	    (json_int_t)row->line, "to", hex_json(row->to.at, sizeof row->to.at),
	    "amount", amount_json(&row->amount));

	CHECK(o);
	if (row->memo)
		json_object_set_new(o, "memo", json_stringn(row->memo, row->memo_len));
	json_line_add(out, o);
}

/* -- reading --------------------------------------------------------------- */

static const char *const plan_members[] = { "name", "plan", "chain", "chain_id",
	"genesis", "key", "sender", "token", "decimals", "symbol", "service_fee",
	"service_fee_to", "max_total_fee", "rows", "total", "gas", "again", "seen",
	"past", "adopt", "file", "file_hash" };
static const char *const row_members[] = { "row", "line", "to", "amount", "memo" };

/* By a member that is not known here another version of the program means something. */
static bool members_known(const json_t *o, const char *const *names, size_t n)
{
	size_t known = 0;

	for (size_t i = 0; i < n; i++)
		known += json_object_get(o, names[i]) != NULL;
	return json_object_size(o) == known || MUTANT(members_ignored);
}

static bool text_get(const json_t *o, const char *key, char *out, size_t size)
{
	const char *text = json_str(o, key);

	if (!text || strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool amount_get(const json_t *o, const char *key, struct amount *ret)
{
	const char *text = json_str(o, key);

	return text && amount_parse(ret, text, strlen(text), 0) == AMOUNT_OK;
}

static bool count_get(const json_t *o, const char *key, int64_t max, int64_t *ret)
{
	return json_i64(o, key, ret) && *ret >= 0 && *ret <= max;
}

static bool asset_get(struct airdrop_facts *a, const json_t *o)
{
	bool has_fee;
	int64_t decimals, gas;

	a->has_token = json_object_get(o, "token") != NULL;
	if (!count_get(o, "decimals", AMOUNT_DECIMALS_MAX, &decimals) ||
	    !count_get(o, "gas", GAS_MAX, &gas) || !gas ||
	    !amount_get(o, "service_fee", &a->fee_amount) ||
	    (a->has_token &&
		!json_hex_bytes(o, "token", a->token.at, sizeof a->token.at)))
		return false;
	a->decimals = (unsigned)decimals;
	a->gas = a->fee_gas = (uint64_t)gas;
	has_fee = !amount_is_zero(&a->fee_amount);
	return text_get(o, "symbol", a->symbol, sizeof a->symbol) &&
	    text_get(o, "file", a->file, sizeof a->file) &&
	    json_hex_bytes(o, "file_hash", a->file_hash, sizeof a->file_hash) &&
	    (!has_fee ||
		json_hex_bytes(o, "service_fee_to", a->fee_to.at, sizeof a->fee_to.at));
}

/* Nobody owns so much, and sums with fees stay far from the end of the range. */
static bool sums_good(const struct handover *h)
{
	struct amount all;

	return amount_add(&all, &h->planned, &h->facts.fee_amount) &&
	    !(all.limb[3] >> 63) && !(h->cap.limb[3] >> 63);
}

static bool plan_get(struct handover *h, const json_t *o)
{
	int64_t chain_id;

	if (!json_i64(o, "chain_id", &chain_id) || chain_id <= 0)
		return false;
	h->chain_id = (uint64_t)chain_id;
	if (!json_i64(o, "past", &h->past) || !json_bool(o, "adopt", &h->facts.adopt))
		return false;
	return text_get(o, "name", h->name, sizeof h->name) &&
	    handover_name_good(h->name) && text_get(o, "key", h->key, sizeof h->key) &&
	    text_get(o, "chain", h->chain, sizeof h->chain) &&
	    json_hex_bytes(o, "plan", h->plan, sizeof h->plan) &&
	    json_hex_bytes(o, "genesis", h->genesis.at, sizeof h->genesis.at) &&
	    json_hex_bytes(o, "sender", h->sender.at, sizeof h->sender.at) &&
	    count_get(o, "again", INT32_MAX, &h->again) &&
	    count_get(o, "seen", INT64_MAX, &h->seen) &&
	    count_get(o, "rows", LIST_ROWS_MAX, &h->rows) && h->rows > 0 &&
	    amount_get(o, "max_total_fee", &h->cap) &&
	    amount_get(o, "total", &h->planned);
}

enum err handover_decode(
    struct handover *ret, const char *text, size_t len, struct fail *f)
{
	json_t *o = json_read(text, len, f);
	bool good;

	if (!o)
		return fail_wrap(f, ERR_USAGE, "the body");
	*ret = (struct handover){ .rows = 0 };
	good =
	    members_known(o, plan_members, sizeof plan_members / sizeof *plan_members) &&
	    plan_get(ret, o) && asset_get(&ret->facts, o) && sums_good(ret);
	json_decref(o);
	return good ? ERR_OK : fail_set(f, ERR_USAGE, "the body is no plan");
}

static bool row_get(struct list_row *row, const json_t *o)
{
	const json_t *memo = json_object_get(o, "memo");

	*row = (struct list_row){ .row = 0 };
	if (!members_known(o, row_members, sizeof row_members / sizeof *row_members) ||
	    !count_get(o, "row", LIST_ROWS_MAX, &row->row) || !row->row ||
	    !count_get(o, "line", INT64_MAX, &row->line) ||
	    !json_hex_bytes(o, "to", row->to.at, sizeof row->to.at) ||
	    !amount_get(o, "amount", &row->amount) || amount_is_zero(&row->amount))
		return false;
	if (!memo)
		return true;
	row->memo = json_string_value(memo);
	row->memo_len = json_string_length(memo);
	return row->memo && row->memo_len > 0 && row->memo_len <= LIST_MEMO_BYTES_MAX;
}

enum err handover_rows_decode(
    const char *text, size_t len, list_row_fn *each, void *ctx, struct fail *f)
{
	const char *at = text, *end = text + len;
	enum err e = ERR_OK;

	for (int64_t n = 1; e == ERR_OK && at < end; n++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		json_t *o;
		struct list_row row;

		if (!stop || n > HANDOVER_ROWS_MAX)
			return fail_set(f, ERR_USAGE, "line %lld: %s", (long long)n,
			    stop ? "one too many" : "it has no end");
		o = json_read(at, (size_t)(stop - at), NULL);
		e = o && row_get(&row, o)
		    ? each(ctx, &row, f)
		    : fail_set(f, ERR_USAGE, "line %lld: no row", (long long)n);
		json_decref(o);
		at = stop + 1;
	}
	return e;
}
