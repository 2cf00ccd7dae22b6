#include "cli/airdrop/draft.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "cli/ask/look.h"
#include "cli/config/keys.h"
#include "cli/config/ref.h"
#include "engine/endpoint.h"

/* Without a token's decimals only the form of an amount can be judged. */
#define DECIMALS_UNKNOWN 36
#define NAMES_MAX 300 /* of chains or keys in a message */

/* -- from the command line ------------------------------------------------- */

static enum err missing(const struct cli *c, const char *option, const char *names,
    const char *none, struct fail *f)
{
	return fail_set(f, ERR_USAGE, "%s: %s is missing; %s%s", c->args.command->words,
	    option, *names ? "it is one of: " : none, names);
}

static void name_add(char *names, size_t size, const char *name)
{
	size_t len = strlen(names);

	snprintf(names + len, size - len, "%s%s", len ? ", " : "", name);
}

static enum err chain_arg(const char **ret, const struct cli *c, struct fail *f)
{
	char names[NAMES_MAX] = "";

	*ret = args_get(&c->args, "--chain");
	for (int i = 0; i < c->config->chains_n; i++)
		name_add(names, sizeof names, c->config->chains[i].name);
	return *ret ? ERR_OK
		    : missing(c, "--chain", names,
			  "write one under `chains:`; see: pawl help config", f);
}

static enum err key_arg(const char **ret, const struct cli *c, struct fail *f)
{
	char names[NAMES_MAX] = "";

	*ret = args_get(&c->args, "--from");
	for (int i = 0; i < c->config->keys_n; i++)
		name_add(names, sizeof names, c->config->keys[i].name);
	return *ret ? ERR_OK
		    : missing(c, "--from", names, "for one: pawl key new NAME", f);
}

unsigned draft_coin_decimals(const struct draft *d)
{
	return chain_connector(d->chain)->decimals;
}

static enum err token_args(struct draft *d, struct fail *f)
{
	static const struct address zero;
	const char *token = args_get(&d->cli->args, "--token");
	enum err e;

	d->decimals = draft_coin_decimals(d);
	if (!token)
		return ERR_OK;
	d->has_token = true;
	e = args_address(&d->token, "--token", token, f);
	if (e == ERR_OK && address_same(&d->token, &zero))
		e = fail_set(f, ERR_INPUT,
		    "--token: the zero address is no token; leave it out for the native "
		    "coin");
	return e;
}

enum err draft_args(struct draft *d, struct cli *c, struct fail *f)
{
	const char *chain;
	enum err e = cli_keyring(c, f);

	*d = (struct draft){ .cli = c, .file = args_word(&c->args, 0) };
	d->base_units = args_has(&c->args, "--base-units");
	d->fee_text = args_get(&c->args, "--service-fee");
	if (e == ERR_OK)
		e = chain_arg(&chain, c, f);
	if (e == ERR_OK)
		e = key_arg(&d->key_name, c, f);
	if (e == ERR_OK)
		e = config_chain(c->config, chain, &d->chain, f);
	if (e == ERR_OK)
		e = chain_pays(d->chain, f);
	if (e == ERR_OK)
		e = token_args(d, f);
	if (e == ERR_OK)
		e = keyring_address(c->keyring, d->key_name, &d->sender, f);
	return e;
}

void draft_name(const struct draft *d, char out[OPERATION_NAME_MAX])
{
	const char *base = strrchr(d->file, '/'), *dot;
	size_t len;

	base = base ? base + 1 : d->file;
	dot = strrchr(base, '.');
	len = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	len = len < OPERATION_NAME_MAX ? len : OPERATION_NAME_MAX;
	snprintf(out, OPERATION_NAME_MAX, "%.*s", (int)len, base);
}

enum err draft_service_fee(struct draft *d, struct fail *f)
{
	const char *colon = d->fee_text ? strchr(d->fee_text, ':') : NULL;
	char amount[96], out[REF_SHOWN_MAX];
	enum err e;

	if (!d->fee_text)
		return ERR_OK;
	if (!colon || (size_t)(colon - d->fee_text) >= sizeof amount)
		return fail_set(f, ERR_USAGE, "--service-fee: %s is not AMOUNT:ADDRESS",
		    ref_shown(out, d->fee_text));
	snprintf(amount, sizeof amount, "%.*s", (int)(colon - d->fee_text), d->fee_text);
	e = args_address(&d->fee_to, "--service-fee", colon + 1, f);
	if (e == ERR_OK)
		e = args_amount(&d->fee_amount, "--service-fee", amount, d->decimals, f);
	if (e == ERR_OK && amount_is_zero(&d->fee_amount))
		e = fail_set(f, ERR_USAGE, "--service-fee: the amount is zero");
	return e;
}

/* -- from the nodes -------------------------------------------------------- */

static enum err ask_for_token(struct draft *d, struct ask *a, struct fail *f)
{
	struct token_facts t = { 0 };
	enum err e = ask_token(a, &d->token, &d->sender, &t, f);

	if (e != ERR_OK && e != ERR_NODE_REFUSED)
		return e;
	if (e == ERR_OK && !t.has_code)
		fail_set(f, ERR_INPUT, "there is no contract at this address");
	if (e == ERR_NODE_REFUSED || !t.has_code)
		return fail_wrap(f, ERR_INPUT, "--token");
	d->decimals = t.decimals;
	memcpy(d->symbol, t.symbol, sizeof d->symbol);
	utf8_plain(d->symbol);
	d->token_balance = t.balance;
	return ERR_OK;
}

static enum err ask_who(struct draft *d, struct ask *a, struct fail *f)
{
	struct identity identity;
	enum err e = ask_identity(a, &identity, f);

	if (e == ERR_OK && d->has_token)
		e = ask_for_token(d, a, f);
	if (e == ERR_OK)
		e = ask_code(a, &d->sender, &d->sender_has_code, f);
	d->identified = e == ERR_OK;
	d->genesis = identity.genesis;
	return e;
}

static void finality_write(const struct ask_question *q, struct buf *body)
{
	look_final_question.write(q, body);
}

/* Is this head final for the node already? One that knows no finalized block says no. */
static enum err finality_read(const struct ask_question *q, void *fact,
    const char *answer, size_t len, struct fail *f)
{
	const struct head *head = q->ctx;
	struct head last = { .height = 0 };
	bool *is_final = fact;

	*is_final = look_final_question.read(q, &last, answer, len, f) == ERR_OK &&
	    last.height >= head->height;
	return ERR_OK;
}

static bool finality_same(const struct ask_question *q, const void *a, const void *b)
{
	(void)q;
	return *(const bool *)a == *(const bool *)b;
}

/* Development nodes call their head finalized: that is no finality, and no payment would
 * ever be final. */
static enum err ask_finality(struct draft *d, struct ask *a, struct fail *f)
{
	struct head head;
	bool is_final = false;
	enum err e;

	if (!d->chain->finality.tag)
		return ERR_OK;
	e = ask_quorum(a, &look_head_question, &head, f);
	if (e == ERR_OK && head.height > 0)
		e = ask_quorum(a,
		    &(struct ask_question){ .ctx = &head,
			.write = finality_write,
			.read = finality_read,
			.same = finality_same,
			.size = sizeof is_final },
		    &is_final, f);
	if (e != ERR_OK || !is_final)
		return e;
	return fail_set(f, ERR_CONFIG,
	    "chain %s: its nodes call their head finalized, which means nothing: no "
	    "payment would ever be final; write finality: {depth: N} for it",
	    d->chain->name);
}

/* A transfer to a holder that nobody has seen costs the most. What can't be estimated
 * (an account without any) is guessed; nothing is signed by this figure. */
static enum err ask_gas(struct draft *d, struct ask *a, struct world *w, struct fail *f)
{
	struct payment pay = { .token = true, .asset = d->token };
	struct node_word word;
	struct payload p;
	uint64_t gas;
	enum err e;

	pay.amount = amount_u64(1);
	world_random(w, pay.to.at, sizeof pay.to.at);
	chain_connector(d->chain)->pay(&p, &pay);
	e = ask_estimate(a, &d->sender, &p, &gas, &word, f);
	if (e == ERR_OK && word.err == ERR_OK && gas <= UINT64_MAX / 2)
		d->gas = gas + gas / 4;
	return e == ERR_NODE_REFUSED ? ERR_OK : e;
}

static enum err ask_prices(
    struct draft *d, struct ask *a, struct world *w, struct fail *f)
{
	struct account_seen seen = { 0 };
	enum err e = ask_account(a, &d->sender, &seen, f);

	d->balance = seen.balance;
	d->count = seen.count;
	if (e == ERR_OK)
		e = ask_market(a, &d->market, f);
	if (e == ERR_OK && d->has_token)
		e = ask_gas(d, a, w, f);
	d->priced = e == ERR_OK;
	return e;
}

enum err draft_ask(
    struct draft *d, struct world *w, int64_t patience_ms, bool hasty, struct fail *f)
{
	struct ask *a;
	enum err e;

	if (d->journal)
		endpoints_mark(d->journal, d->chain);
	a = ask_new(w, d->chain, patience_ms, hasty);
	ask_waits(a, cli_waits, d->cli);
	d->gas = d->has_token ? chain_connector(d->chain)->gas_token
			      : chain_connector(d->chain)->gas_coin;
	e = ask_who(d, a, f);
	if (e == ERR_OK)
		e = ask_finality(d, a, f);
	if (e == ERR_OK)
		e = ask_prices(d, a, w, f);
	ask_free(a);
	return e;
}

/* -- the list -------------------------------------------------------------- */

bool draft_readable(const struct draft *d)
{
	return d->base_units || !d->has_token || d->identified;
}

struct list_rules draft_rules(const struct draft *d)
{
	return (struct list_rules){
		.decimals = draft_readable(d) ? d->decimals : DECIMALS_UNKNOWN,
		.base_units = d->base_units,
		.token = d->has_token,
		.token_address = d->token,
		.sender = d->sender,
		.judge = true,
		.allow_duplicates = true,
		.allow_self = true,
	};
}

static void header_fill(const struct draft *d, struct plan_header *ret)
{
	*ret = (struct plan_header){
		.chain_id = d->chain->chain_id,
		.genesis = d->genesis,
		.token = d->has_token,
		.token_address = d->token,
		.decimals = (uint8_t)d->decimals,
		.sender = d->sender,
		.service_fee = d->fee_amount,
		.service_fee_to = d->fee_to,
	};
}

struct reading {
	struct draft *draft;
	struct plan_hash *hash;
	bool recall;
	list_row_fn *each;
	void *ctx;
};

static enum err row_take(void *ctx, const struct list_row *row, struct fail *f)
{
	struct reading *r = ctx;

	if (r->hash)
		plan_hash_row(r->hash, &row->to, &row->amount, row->memo, row->memo_len);
	if (r->recall)
		draft_row_recall(r->draft, row);
	return r->each ? r->each(r->ctx, row, f) : ERR_OK;
}

static json_t *place(int64_t n)
{
	return n ? json_integer(n) : json_null();
}

static void problem_json(const char *file, int64_t line, int64_t column, const char *text)
{
	cli_json(json_pack("{s:o, s:o, s:o, s:o}", "file", cli_text(file), "line",
	    place(line), "column", place(column), "problem", cli_text(text)));
}

static void problems_json(const char *file, const struct list_problems *p)
{
	char more[48];

	for (int64_t i = 0; i < p->n; i++)
		problem_json(file, p->at[i].line, p->at[i].column, p->at[i].text);
	snprintf(more, sizeof more, "and %" PRId64 " more", p->more);
	if (p->more)
		problem_json(file, 0, 0, more);
}

static void problems_tell(const char *file, const struct list_problems *p)
{
	for (int64_t i = 0; i < p->n; i++)
		if (p->at[i].line)
			fprintf(stderr, "%s:%" PRId64 ": %s\n", file, p->at[i].line,
			    p->at[i].text);
		else
			fprintf(stderr, "%s: %s\n", file, p->at[i].text);
	if (p->more)
		fprintf(stderr, "%s: and %" PRId64 " more\n", file, p->more);
}

/* Nobody owns so much, and sums with fees stay far from the end of the range. */
static enum err total_check(const struct draft *d, struct fail *f)
{
	struct amount total;

	if (amount_add(&total, &d->sum.total, &d->fee_amount) && !(total.limb[3] >> 63))
		return ERR_OK;
	return fail_set(
	    f, ERR_INPUT, "%s: the total is above all that can exist", d->file);
}

/* A list that a plan refuses is told with all that `run` refuses in it. */
static enum err all_problems(
    struct draft *d, struct list_rules rules, struct list_problems *p, struct fail *f)
{
	struct list_sum sum;
	struct reading nobody = { .draft = d };

	rules.allow_duplicates = rules.allow_self = false;
	list_problems_release(p);
	return list_read(&sum, p, d->file, &rules, row_take, &nobody, f);
}

enum err draft_list(struct draft *d, const struct list_rules *rules, list_row_fn *each,
    void *ctx, struct fail *f)
{
	struct reading r = {
		.draft = d, .recall = rules->judge, .each = each, .ctx = ctx
	};
	struct list_problems problems = { 0 };
	struct plan_header header;
	enum err e;

	if (r.recall)
		draft_recall(d);
	if (d->identified) {
		header_fill(d, &header);
		r.hash = plan_hash_begin(&header);
	}
	e = list_read(&d->sum, &problems, d->file, rules, row_take, &r, f);
	if (r.hash)
		plan_hash_end(r.hash, d->plan);
	if (d->plans && problems.n)
		e = all_problems(d, *rules, &problems, f);
	if (e == ERR_OK)
		e = total_check(d, f);
	d->hashed = d->identified && e == ERR_OK;
	if (r.recall)
		draft_plan_recall(d);
	if (d->cli->args.json)
		problems_json(d->file, &problems);
	else if (problems.n > 1)
		problems_tell(d->file, &problems);
	list_problems_release(&problems);
	return e;
}

/* -- money ----------------------------------------------------------------- */

struct amount draft_fees(const struct draft *d, uint64_t fee_per_gas)
{
	uint64_t payments =
	    (uint64_t)d->sum.rows + (amount_is_zero(&d->fee_amount) ? 0 : 1);
	struct amount fees = amount_u64(fee_per_gas);

	CHECK(amount_mul_u64(&fees, &fees, d->gas));
	CHECK(amount_mul_u64(&fees, &fees, payments));
	return fees;
}

struct amount draft_cap(const struct draft *d)
{
	return draft_fees(d, d->chain->max_fee_per_gas);
}

uint64_t draft_first_fee(const struct draft *d)
{
	return airdrop_first_fee(d->chain, &d->market);
}

uint64_t draft_base_fee(const struct draft *d)
{
	uint64_t base = d->market.next_base_fee, first = draft_first_fee(d);

	if (d->market.tip < first && base < first - d->market.tip)
		return base + d->market.tip;
	return first;
}

struct amount draft_total(const struct draft *d)
{
	struct amount total;

	CHECK(amount_add(&total, &d->sum.total, &d->fee_amount));
	return total;
}

const char *draft_symbol(const struct draft *d)
{
	if (!d->has_token)
		return "of the native coin";
	return d->symbol[0] ? d->symbol : "of the token";
}
