#include "serve/submit/submit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "engine/past.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "serve/submit/handover.h"
#include "serve/submit/submit_in.h"

/* What is known of it, and what it is compared with. */
struct wish {
	const struct command_at *at;
	const struct chain_config *config;
	struct chain_run *chain;
	struct account *account;
	struct scouted scouted;
	struct address sender;
	struct handover plan;
	struct plan_hash *hash;
	struct kept_row {
		struct address to;
		struct amount amount;
		char *memo; /* NULL: none */
		size_t memo_len;
	} * rows;
	size_t rows_n;
	int64_t equal, unclaimed;
	bool fee_unclaimed;
};

/* -- the list -------------------------------------------------------------- */

static bool is_unclaimed(
    const struct wish *n, const struct address *to, const struct amount *amount)
{
	return airdrop_unclaimed(
		   n->at->journal, &n->plan.facts, n->account->id, to, amount) > 0;
}

static enum err row_take(void *ctx, const struct list_row *row, struct fail *f)
{
	struct wish *n = ctx;
	struct kept_row *kept;

	(void)f;
	n->rows = mem_grow(n->rows, n->rows_n + 1, sizeof *n->rows);
	kept = &n->rows[n->rows_n++];
	*kept = (struct kept_row){ .to = row->to, .amount = row->amount };
	if (row->memo) {
		kept->memo = mem_copy(row->memo, row->memo_len);
		kept->memo_len = row->memo_len;
	}
	plan_hash_row(n->hash, &row->to, &row->amount, row->memo, row->memo_len);
	n->equal += airdrop_equal(n->at->journal, &n->plan.facts, n->chain->id, 0,
			&row->to, &row->amount) > 0;
	n->unclaimed += is_unclaimed(n, &row->to, &row->amount);
	return ERR_OK;
}

static enum err total_check(const struct handover *h, struct fail *f)
{
	struct amount total;

	if (amount_add(&total, &h->planned, &h->facts.fee_amount) &&
	    !(total.limb[3] >> 63))
		return ERR_OK;
	return fail_set(f, ERR_INPUT, "rows: the total is above all that can exist");
}

static enum err list_take_in(struct wish *n, const struct submit *s, struct fail *f)
{
	struct handover *h = &n->plan;
	struct list_rules rules = { .decimals = h->facts.decimals,
		.token = s->has_token,
		.token_address = s->token,
		.sender = n->sender,
		.judge = true,
		.allow_duplicates = s->duplicates,
		.allow_self = s->self };
	struct plan_header header = { .chain_id = h->chain_id,
		.genesis = h->genesis,
		.token = s->has_token,
		.token_address = s->token,
		.decimals = (uint8_t)h->facts.decimals,
		.sender = n->sender,
		.service_fee = h->facts.fee_amount,
		.service_fee_to = h->facts.fee_to };
	struct list_sum sum;
	enum err e;

	n->hash = plan_hash_begin(&header);
	e = list_read_text(
	    &sum, NULL, "rows", buf_text(&s->list), s->list.len, &rules, row_take, n, f);
	plan_hash_end(n->hash, h->plan);
	if (e != ERR_OK)
		return e;
	h->rows = sum.rows;
	h->planned = sum.total;
	memcpy(h->facts.file_hash, sum.file_hash, sizeof sum.file_hash);
	n->fee_unclaimed =
	    s->fee && is_unclaimed(n, &h->facts.fee_to, &h->facts.fee_amount);
	return total_check(h, f);
}

/* -- what the journal pays already ----------------------------------------- */

/* All that are open on a chain are in the memory of whoever owns the journal. */
static const struct operation *half_find(const struct wish *n)
{
	const struct runner *r = n->at->runner;

	for (size_t i = 0; i < r->operations_n; i++) {
		const struct operation *o = r->operations[i];

		if (o->chain == n->chain->id && !operation_ended(o) &&
		    o->state != OPERATION_CANCELLING && o->kind->whole &&
		    !o->kind->whole(o))
			return o;
	}
	return NULL;
}

static enum err half_check(const struct wish *n, const struct submit *s, struct fail *f)
{
	const struct operation *half = s->again ? NULL : half_find(n);

	if (!half)
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT,
	    "the list of %s is not read to its end, and its other rows may equal these: "
	    "let it come, or cancel it; to pay also what it pays: `again`",
	    half->name);
}

static enum err equal_check(struct wish *n, const struct submit *s, struct fail *f)
{
	struct sql_operation_by_plan_in in = { 0 };
	struct sql_operation_by_plan_out row;
	char same[OPERATION_NAME_MAX] = "";

	memcpy(in.plan, n->plan.plan, sizeof in.plan);
	sql_operation_by_plan_begin(n->at->journal, &in);
	while (sql_operation_by_plan_next(n->at->journal, &row)) {
		n->plan.again++;
		if (airdrop_pays(n->at->journal, row.id))
			snprintf(same, sizeof same, "%s", row.name);
	}
	if (s->again)
		return ERR_OK;
	if (same[0])
		return fail_set(f, ERR_CONFLICT,
		    "this very plan is the operation %s; to pay it all again: `again`",
		    same);
	if (n->equal)
		return fail_set(f, ERR_CONFLICT,
		    "%" PRId64 " of %" PRId64
		    " rows equal rows of other operations in this journal, which are "
		    "paid or will be; to pay them again: `again`",
		    n->equal, n->plan.rows);
	return ERR_OK;
}

static enum err past_check(const struct wish *n, const struct submit *s, struct fail *f)
{
	uint64_t unread = past_unread(n->at->journal, n->account->id);
	bool some = unread && n->unclaimed < n->plan.rows;

	if (s->adopt && s->again && !some)
		return fail_set(f, ERR_USAGE,
		    "`again` pays what is paid already, `adopt` does not: choose one");
	if (s->adopt && !s->again && some)
		return fail_set(f, ERR_CONFLICT,
		    "%" PRId64 " of %" PRId64 " rows equal payments, and %" PRIu64
		    " older transactions of this account were not read: one of them may "
		    "have paid another row (see `lookback`); to adopt what was read and "
		    "pay the other rows: `adopt` and `again`",
		    n->unclaimed, n->plan.rows, unread);
	if ((!n->unclaimed && !n->fee_unclaimed) || s->again || s->adopt)
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT,
	    "%" PRId64 " of %" PRId64
	    " rows%s equal payments that this account made and no operation of this "
	    "journal knows: of a journal that is lost, or by hand; to take them as "
	    "these rows': `adopt`; to pay these rows again: `again`",
	    n->unclaimed, n->plan.rows, n->fee_unclaimed ? ", and the service fee," : "");
}

/* -- fees ------------------------------------------------------------------ */

static bool fees_of(const struct wish *n, uint64_t price, struct amount *ret)
{
	uint64_t payments =
	    (uint64_t)n->plan.rows + !amount_is_zero(&n->plan.facts.fee_amount);

	*ret = amount_u64(price);
	return amount_mul_u64(ret, ret, n->plan.facts.gas) &&
	    amount_mul_u64(ret, ret, payments);
}

static uint64_t base_price(const struct wish *n)
{
	const struct fee_market *m = &n->chain->market;
	uint64_t first = airdrop_first_fee(n->config, m), base = m->next_base_fee;

	return m->tip < first && base < first - m->tip ? base + m->tip : first;
}

static enum err cap_take(struct wish *n, const struct submit *s, struct fail *f)
{
	unsigned decimals = n->chain->connector->decimals;
	struct amount least;
	enum amount_fault fault;
	char text[AMOUNT_TEXT_MAX];

	CHECK(fees_of(n, base_price(n), &least));
	if (!s->cap) {
		CHECK(fees_of(n, n->config->max_fee_per_gas, &n->plan.cap));
		return ERR_OK;
	}
	fault = amount_parse(&n->plan.cap, s->cap, strlen(s->cap), decimals);
	if (fault != AMOUNT_OK || n->plan.cap.limb[3] >> 63)
		return fail_set(
		    f, ERR_USAGE, "max_total_fee: %s", amount_fault_text(fault));
	if (amount_cmp(&n->plan.cap, &least) >= 0)
		return ERR_OK;
	amount_format(text, &least, decimals);
	return fail_set(f, ERR_INPUT,
	    "max_total_fee: at today's base fee the fees are about %.80s, and bumps need "
	    "room besides",
	    text);
}

static enum err fee_take(struct wish *n, const struct submit *s, struct fail *f)
{
	struct airdrop_facts *a = &n->plan.facts;
	enum amount_fault fault;

	if (!s->fee)
		return ERR_OK;
	fault = amount_parse(&a->fee_amount, s->fee, strlen(s->fee), a->decimals);
	if (fault != AMOUNT_OK || amount_is_zero(&a->fee_amount))
		return fail_set(f, ERR_USAGE, "service_fee: %s",
		    fault == AMOUNT_OK ? "it is zero" : amount_fault_text(fault));
	a->fee_to = s->fee_to;
	return ERR_OK;
}

/* -- who pays, and where --------------------------------------------------- */

/* Development nodes call their head finalized: no payment would ever be final. */
static enum err finality_check(const struct wish *n, struct fail *f)
{
	struct head head, final;

	if (!n->config->finality.tag || !follower_head(n->chain->follower, &head) ||
	    !head.height || !follower_final(n->chain->follower, &final) ||
	    final.height < head.height)
		return ERR_OK;
	return fail_set(f, ERR_CONFIG,
	    "chain %s: its nodes call their head finalized, which means nothing: write "
	    "finality: {depth: N} for it",
	    n->config->name);
}

static enum err chain_find(struct wish *n, const struct submit *s, struct fail *f)
{
	const struct serve_face *face = n->at->face;
	struct sql_chain_get_in in;
	struct sql_chain_get_out row;
	enum err e = face->chain_named(face->ctx, s->chain, &n->config, f);

	if (e == ERR_OK)
		e = chain_pays(n->config, f);
	if (e != ERR_OK)
		return e;
	n->chain = command_chain(n->at->runner, n->config);
	if (!n->chain->id)
		return fail_set(f, ERR_NO_QUORUM, "chain %s: its nodes do not answer",
		    n->config->name);
	in.id = n->chain->id;
	if (!sql_chain_get_one(n->at->journal, &in, &row))
		journal_damaged(n->at->journal, "chain %s is gone", n->config->name);
	memcpy(n->plan.genesis.at, row.genesis, sizeof row.genesis);
	n->plan.chain_id = n->config->chain_id;
	return ERR_OK;
}

static enum err key_find(struct wish *n, const struct submit *s, struct fail *f)
{
	const struct serve_face *face = n->at->face;
	enum err e = face->key_peek(face->ctx, s->key, &n->sender, f);

	if (e == ERR_OK)
		e = face->key_usable(face->ctx, s->key, &n->sender, f);
	n->plan.sender = n->sender;
	return e;
}

/* An account that is met first is a row that stays, whatever comes of the list. */
static enum err account_find(struct wish *n, struct fail *f)
{
	struct airdrop_new want =
	    handover_plan(&n->plan, n->chain->id, n->config, world_wall_ms(n->at->world));
	int64_t id = airdrop_account(n->at->journal, &want);

	n->account = id ? account_begin(n->at->runner, n->chain, id) : NULL;
	if (!n->account)
		return fail_set(f, ERR_DISK_FULL, "the disk is full");
	if (!past_read(n->account))
		return fail_set(f, ERR_NO_QUORUM,
		    "the past of key %s is being read: %.300s", n->plan.key,
		    past_says(n->account));
	if (!n->chain->has_market)
		return fail_set(f, ERR_NO_QUORUM,
		    "chain %s: its nodes have not said yet what it costs",
		    n->config->name);
	return ERR_OK;
}

static enum err scout_take(
    struct wish *n, struct scouts *scouts, const struct submit *s, struct fail *f)
{
	struct airdrop_facts *a = &n->plan.facts;
	enum err e = scout_find(scouts, n->at->runner, n->chain, &n->sender,
	    s->has_token ? &s->token : NULL, &n->scouted, f);

	if (e != ERR_OK)
		return e;
	if (n->scouted.has_code)
		return fail_set(f, ERR_KEY,
		    "key %s: its account has code (EIP-7702): others may spend from it; "
		    "use another one",
		    s->key);
	*a = (struct airdrop_facts){ .has_token = s->has_token,
		.token = s->token,
		.decimals = n->scouted.decimals,
		.adopt = s->adopt,
		.gas = n->scouted.gas,
		.fee_gas = n->scouted.gas };
	memcpy(a->symbol, n->scouted.symbol, sizeof a->symbol);
	snprintf(a->file, sizeof a->file, "(asked for over HTTP)");
	return ERR_OK;
}

static enum err ground_find(
    struct wish *n, struct scouts *scouts, const struct submit *s, struct fail *f)
{
	enum err e = chain_find(n, s, f);

	if (e == ERR_OK)
		e = key_find(n, s, f);
	if (e == ERR_OK)
		e = finality_check(n, f);
	if (e == ERR_OK)
		e = account_find(n, f);
	return e == ERR_OK ? scout_take(n, scouts, s, f) : e;
}

/* -- into the journal ------------------------------------------------------ */

static enum err rows_put(const struct wish *n, int64_t id)
{
	for (size_t i = 0; i < n->rows_n; i++) {
		const struct kept_row *kept = &n->rows[i];

		airdrop_row_put(n->at->journal, id,
		    &(struct list_row){ .row = (int64_t)i + 1,
			.line = (int64_t)i + 1,
			.to = kept->to,
			.amount = kept->amount,
			.memo = kept->memo,
			.memo_len = kept->memo_len });
	}
	airdrop_rows_are(n->at->journal, id, (int64_t)n->rows_n);
	return journal_numb(n->at->journal) ? ERR_DISK_FULL : ERR_OK;
}

static enum err create(
    struct wish *n, const struct submit *s, struct told *ret, struct fail *f)
{
	struct airdrop_new want =
	    handover_plan(&n->plan, n->chain->id, n->config, world_wall_ms(n->at->world));
	struct operation o;
	int64_t id = airdrop_create(n->at->journal, &want);
	enum err e;

	if (!id || rows_put(n, id) != ERR_OK || !operation_read(n->at->journal, id, &o))
		return fail_set(f, ERR_DISK_FULL, "the disk is full");
	e = command_notify(n->at, id, s->notify.text, f);
	*ret = (struct told){
		.operation = id, .state = o.state, .rows = o.items, .imported = o.items
	};
	snprintf(ret->name, sizeof ret->name, "%s", o.name);
	return e;
}

static enum err plan_find(struct wish *n, const struct submit *s, struct fail *f)
{
	enum err e = fee_take(n, s, f);

	return e == ERR_OK ? list_take_in(n, s, f) : e;
}

/* It is there by this name: if it is this plan, it goes on as by a run. */
static enum err go_on(
    struct wish *n, const struct submit *s, struct told *ret, struct fail *f)
{
	struct request q = { .route = ROUTE_RUN, .has_plan = true };

	memcpy(q.plan, n->plan.plan, sizeof q.plan);
	snprintf(q.name, sizeof q.name, "%s", s->name);
	if (s->cap && strlen(s->cap) < sizeof q.cap)
		snprintf(q.cap, sizeof q.cap, "%s", s->cap);
	memcpy(q.text, s->notify.text, sizeof q.text);
	return command_do(n->at, &q, ret, f);
}

static enum err decide(struct wish *n, const struct submit *s, struct told *ret,
    bool *ret_made, struct fail *f)
{
	struct sql_operation_by_name_in in = { .name = s->name };
	struct sql_operation_by_name_out found;
	enum err e = plan_find(n, s, f);

	*ret_made = !sql_operation_by_name_one(n->at->journal, &in, &found);
	if (e == ERR_OK && !*ret_made)
		return go_on(n, s, ret, f);
	if (e == ERR_OK)
		e = half_check(n, s, f);
	if (e == ERR_OK)
		e = equal_check(n, s, f);
	if (e == ERR_OK)
		e = past_check(n, s, f);
	if (e == ERR_OK)
		e = cap_take(n, s, f);
	return e == ERR_OK ? create(n, s, ret, f) : e;
}

static void wish_release(struct wish *n)
{
	for (size_t i = 0; i < n->rows_n; i++)
		mem_free(n->rows[i].memo);
	mem_free(n->rows);
}

enum err submit_do(struct scouts *scouts, const struct command_at *at, const char *body,
    size_t len, struct told *ret, bool *ret_made, struct fail *f)
{
	struct wish n = { .at = at };
	struct submit s;
	enum err e = submit_parse(&s, body, len, f);

	*ret = (struct told){ .operation = 0 };
	*ret_made = false;
	if (e == ERR_OK) {
		snprintf(n.plan.name, sizeof n.plan.name, "%s", s.name);
		snprintf(n.plan.key, sizeof n.plan.key, "%s", s.key);
		e = ground_find(&n, scouts, &s, f);
		if (e == ERR_NO_QUORUM)
			e = ERR_OK; /* later */
		else if (e == ERR_OK)
			e = decide(&n, &s, ret, ret_made, f);
	}
	wish_release(&n);
	submit_release(&s);
	return e;
}
