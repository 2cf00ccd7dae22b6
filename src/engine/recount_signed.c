/* recount_signed.c - what is signed and not settled, against what is to be paid. */
#include <inttypes.h>
#include <string.h>

#include "engine/judge.h"
#include "engine/recount.h"
#include "journal/sql.gen.h"

struct live {
	const struct connector *connector;
	struct sql_intent_bytes_of_out row; /* an intent, and an attempt of it */
	struct payload payload, nothing;    /* nothing: 0 to ourselves */
};

static enum err bad(const struct live *l, const char *what, struct fail *f)
{
	return fail_set(f, ERR_DAMAGED, "intent %" PRId64 " (row %" PRId64 ") %s",
	    l->row.id, l->row.row, what);
}

static enum err payload_see(struct live *l, struct fail *f)
{
	const struct sql_intent_bytes_of_out *i = &l->row;
	struct payload *p = &l->payload;
	struct payment pay;

	*p = (struct payload){ .value = i->value, .data_len = (uint32_t)i->data_len };
	if (i->data_len > sizeof p->data)
		return bad(l, "has data that is longer than a payload's", f);
	memcpy(p->to.at, i->recipient, sizeof p->to.at);
	if (i->data_len)
		memcpy(p->data, i->data, i->data_len);
	if (i->no_payee)
		return ERR_OK;
	return l->connector->payment(&pay, p) &&
		!memcmp(pay.to.at, i->payee, sizeof pay.to.at) &&
		!amount_cmp(&pay.amount, &i->amount)
	    ? ERR_OK
	    : bad(l, "pays something else than its row", f);
}

/* Of an adopted attempt there are no bytes. */
static enum err bytes_see(const struct live *l, struct fail *f)
{
	const struct sql_intent_bytes_of_out *i = &l->row;
	struct sign_job job;
	struct hash hash;

	if (i->no_raw || !i->raw_len)
		return ERR_OK;
	if (l->connector->signed_job(&job, &hash, i->raw, i->raw_len, f) != ERR_OK ||
	    memcmp(hash.at, i->hash, sizeof hash.at) != 0)
		return bad(l, "has an attempt whose hash is not that of its bytes", f);
	if (i->no_nonce || job.nonce != (uint64_t)i->nonce)
		return bad(l, "has an attempt on another nonce", f);
	if (!payload_same(&job.payload, i->empty ? &l->nothing : &l->payload))
		return bad(l, "has an attempt that pays something else", f);
	return ERR_OK;
}

enum err recount_signed(struct journal *j, const struct operation *o,
    const struct connector *connector, struct fail *f)
{
	struct sql_intent_bytes_of_in in = { o->account, o->id };
	struct sql_account_get_in account_in = { .id = o->account };
	struct sql_account_get_out account;
	struct live l = { .connector = connector };
	enum err e = ERR_OK;

	if (!sql_account_get_one(j, &account_in, &account))
		return fail_set(f, ERR_DAMAGED, "its account is gone");
	memcpy(l.nothing.to.at, account.address, sizeof l.nothing.to.at);
	sql_intent_bytes_of_begin(j, &in);
	while (e == ERR_OK && sql_intent_bytes_of_next(j, &l.row)) {
		e = payload_see(&l, f);
		if (e == ERR_OK)
			e = bytes_see(&l, f);
	}
	sql_intent_bytes_of_end(j);
	return e;
}
