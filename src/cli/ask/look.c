#include "cli/ask/look.h"

#include <string.h>

#include "base/mem.h"

/* -- transactions ---------------------------------------------------------- */

struct hashes {
	const struct hash *at;
	uint32_t n;
	const struct payment *wants; /* for receipts: what they may be of */
};

static void transactions_write(const struct ask_question *q, struct buf *body)
{
	const struct hashes *h = q->ctx;

	q->connector->transactions(body, h->at, h->n);
}

static enum err transactions_read(const struct ask_question *q, void *fact,
    const char *answer, size_t len, struct fail *f)
{
	const struct hashes *h = q->ctx;
	struct whole_tx *tx = fact;
	enum err e = q->connector->transactions_read(tx, h->n, answer, len, f);

	for (uint32_t i = 0; i < h->n && e == ERR_OK; i++)
		if (tx[i].known && !hash_same(&tx[i].hash, &h->at[i]))
			e = fail_set(
			    f, ERR_BAD_ANSWER, "another transaction was answered");
	return e;
}

/* Whether a node knows a transaction that is in no block is its own affair. */
static bool tx_same(const struct whole_tx *a, const struct whole_tx *b)
{
	const struct payload *p = &a->payload, *o = &b->payload;
	size_t kept = p->data_len < PAYLOAD_DATA_MAX ? p->data_len : PAYLOAD_DATA_MAX;

	if (!a->included || !b->included)
		return a->included == b->included;
	return hash_same(&a->block_hash, &b->block_hash) && a->height == b->height &&
	    address_same(&a->from, &b->from) && a->nonce == b->nonce &&
	    a->creates == b->creates && address_same(&p->to, &o->to) &&
	    amount_cmp(&p->value, &o->value) == 0 && p->data_len == o->data_len &&
	    memcmp(p->data, o->data, kept) == 0;
}

static bool transactions_same(const struct ask_question *q, const void *a, const void *b)
{
	const struct hashes *h = q->ctx;
	const struct whole_tx *x = a, *y = b;

	for (uint32_t i = 0; i < h->n; i++)
		if (!tx_same(&x[i], &y[i]))
			return false;
	return true;
}

/* -- receipts -------------------------------------------------------------- */

static void receipts_write(const struct ask_question *q, struct buf *body)
{
	const struct hashes *h = q->ctx;

	q->connector->receipts(body, h->at, h->n);
}

static enum err receipts_read(const struct ask_question *q, void *fact,
    const char *answer, size_t len, struct fail *f)
{
	const struct hashes *h = q->ctx;
	struct receipt *ret = fact;
	enum err e = q->connector->receipts_read(ret, h->wants, h->n, answer, len, f);

	for (uint32_t i = 0; i < h->n && e == ERR_OK; i++)
		if (ret[i].known && !hash_same(&ret[i].hash, &h->at[i]))
			e = fail_set(f, ERR_BAD_ANSWER, "another receipt was answered");
	return e;
}

static bool receipts_same(const struct ask_question *q, const void *a, const void *b)
{
	const struct hashes *h = q->ctx;
	const struct receipt *x = a, *y = b;

	for (uint32_t i = 0; i < h->n; i++)
		if (x[i].known != y[i].known || x[i].height != y[i].height ||
		    !hash_same(&x[i].block_hash, &y[i].block_hash) ||
		    !address_same(&x[i].from, &y[i].from) || x[i].status != y[i].status ||
		    x[i].arrived != y[i].arrived ||
		    amount_cmp(&x[i].amount, &y[i].amount) != 0)
			return false;
	return true;
}

/* The receipt of a transaction is that of its own block and sender, or none. */
static void receipt_take(struct looked *l, const struct receipt *r)
{
	if (!r->known || !hash_same(&r->block_hash, &l->tx.block_hash) ||
	    r->height != l->tx.height || !address_same(&r->from, &l->tx.from))
		return;
	l->receipt = true;
	l->status = r->status;
	if (r->status != TX_OK || !l->pays)
		return;
	l->arrived = l->payment.token ? r->arrived : true;
	l->amount = l->payment.token ? r->amount : l->payment.amount;
}

/* Of those that a block has; at is their places in ret. */
static enum err receipts_look(struct ask *a, const struct hashes *included,
    const uint32_t *at, struct looked *ret, struct fail *f)
{
	struct ask_question q = { .ctx = included,
		.write = receipts_write,
		.read = receipts_read,
		.same = receipts_same,
		.size = included->n * sizeof(struct receipt) };
	struct receipt *receipts = mem_array(included->n, sizeof *receipts);
	enum err e = ask_quorum(a, &q, receipts, f);

	for (uint32_t i = 0; i < included->n && e == ERR_OK; i++)
		receipt_take(&ret[at[i]], &receipts[i]);
	mem_free(receipts);
	return e;
}

static enum err outcomes_look(
    struct ask *a, uint32_t n, struct looked *ret, struct fail *f)
{
	struct hash *hashes = mem_array(n, sizeof *hashes);
	struct payment *wants = mem_array(n, sizeof *wants);
	uint32_t *at = mem_array(n, sizeof *at), m = 0;
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < n; i++) {
		if (!ret[i].tx.included)
			continue;
		hashes[m] = ret[i].tx.hash;
		if (ret[i].pays)
			wants[m] = ret[i].payment;
		at[m++] = i;
	}
	if (m)
		e = receipts_look(a, &(struct hashes){ hashes, m, wants }, at, ret, f);
	mem_free(hashes);
	mem_free(wants);
	mem_free(at);
	return e;
}

enum err look_transactions(struct ask *a, const struct hash *hashes, uint32_t n,
    struct looked *ret, struct fail *f)
{
	struct hashes h = { hashes, n, NULL };
	struct ask_question q = { .ctx = &h,
		.write = transactions_write,
		.read = transactions_read,
		.same = transactions_same,
		.size = n * sizeof(struct whole_tx) };
	struct whole_tx *tx = mem_array(n, sizeof *tx);
	enum err e = ask_quorum(a, &q, tx, f);

	for (uint32_t i = 0; i < n && e == ERR_OK; i++) {
		ret[i] = (struct looked){ .tx = tx[i] };
		ret[i].pays = tx[i].included && !tx[i].creates &&
		    ask_connector(a)->payment(&ret[i].payment, &tx[i].payload);
	}
	mem_free(tx);
	return e == ERR_OK ? outcomes_look(a, n, ret, f) : e;
}

/* -- blocks ---------------------------------------------------------------- */

struct heights {
	const uint64_t *at;
	uint32_t n;
};

struct block_fact {
	struct head head;
	bool known;
};

static void blocks_write(const struct ask_question *q, struct buf *body)
{
	const struct heights *h = q->ctx;

	q->connector->headers_at(body, h->at, h->n);
}

/* Of nodes that know of a height the hash alone. */
static enum err hashes_read(const struct connector *c, const struct heights *h,
    struct head *heads, bool *known, const char *answer, size_t len, struct fail *f)
{
	struct hash *hashes = mem_array(h->n, sizeof *hashes);
	enum err e = c->hashes_read(hashes, known, h->n, answer, len, f);

	for (uint32_t i = 0; i < h->n && e == ERR_OK; i++)
		heads[i] = (struct head){ .height = h->at[i], .hash = hashes[i] };
	mem_free(hashes);
	return e;
}

static enum err blocks_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	const struct heights *h = q->ctx;
	struct block_fact *ret = fact;
	struct head *heads = mem_array(h->n, sizeof *heads);
	bool *known = mem_array(h->n, sizeof *known);
	enum err e;

	if (q->connector->hashes_read)
		e = hashes_read(q->connector, h, heads, known, answer, len, f);
	else
		e = q->connector->headers_read(heads, known, h->n, answer, len, f);

	for (uint32_t i = 0; i < h->n && e == ERR_OK; i++) {
		ret[i] = (struct block_fact){ heads[i], known[i] };
		if (known[i] && heads[i].height != h->at[i])
			e = fail_set(f, ERR_BAD_ANSWER, "another block was answered");
	}
	mem_free(heads);
	mem_free(known);
	return e;
}

static bool blocks_same(const struct ask_question *q, const void *a, const void *b)
{
	const struct heights *h = q->ctx;
	const struct block_fact *x = a, *y = b;

	for (uint32_t i = 0; i < h->n; i++)
		if (x[i].known != y[i].known ||
		    (x[i].known && !hash_same(&x[i].head.hash, &y[i].head.hash)))
			return false;
	return true;
}

enum err look_blocks(struct ask *a, const uint64_t *heights, uint32_t n, struct hash *ret,
    bool *ret_known, struct fail *f)
{
	struct heights h = { heights, n };
	struct ask_question q = { .ctx = &h,
		.write = blocks_write,
		.read = blocks_read,
		.same = blocks_same,
		.size = n * sizeof(struct block_fact) };
	struct block_fact *facts = mem_array(n, sizeof *facts);
	enum err e = ask_quorum(a, &q, facts, f);

	for (uint32_t i = 0; i < n && e == ERR_OK; i++) {
		ret[i] = facts[i].head.hash;
		ret_known[i] = facts[i].known;
	}
	mem_free(facts);
	return e;
}

/* -- what is final --------------------------------------------------------- */

static void head_write(const struct ask_question *q, struct buf *body)
{
	q->connector->poll(body);
}

static void final_write(const struct ask_question *q, struct buf *body)
{
	q->connector->finalized(body);
}

static enum err head_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	return q->connector->poll_read(fact, answer, len, f);
}

const struct ask_question look_head_question = {
	.write = head_write, .read = head_read, .size = sizeof(struct head)
};
const struct ask_question look_final_question = {
	.write = final_write, .read = head_read, .size = sizeof(struct head)
};

/* The best that each provider shows: theirs is one vote, whatever nodes they have. */
static int provider_best(
    const struct ask *a, const struct chain_config *c, uint64_t best[POOL_NODES_MAX])
{
	const char *names[POOL_NODES_MAX];
	int n = 0;

	for (int i = 0; i < c->endpoints_n; i++) {
		const char *provider = c->endpoints[i].provider;
		struct ask_said said;
		int at = 0;

		ask_said(a, i, &said);
		if (!said.fact)
			continue;
		while (at < n && !(provider && names[at] && !strcmp(names[at], provider)))
			at++;
		if (at == n) {
			names[n] = provider;
			best[n++] = 0;
		}
		if (((const struct head *)said.fact)->height > best[at])
			best[at] = ((const struct head *)said.fact)->height;
	}
	return n;
}

enum err look_final(
    struct ask *a, const struct chain_config *c, uint64_t *ret_height, struct fail *f)
{
	const struct ask_question *q =
	    c->finality.tag ? &look_final_question : &look_head_question;
	uint64_t best[POOL_NODES_MAX];
	enum err e = ask_each(a, q, f);
	int n;

	if (e != ERR_OK)
		return e;
	n = provider_best(a, c, best);
	if (n < c->quorum)
		return fail_set(f, ERR_NO_QUORUM,
		    "chain %s: %d of %d providers show their %s", c->name, n, c->quorum,
		    c->finality.tag ? "finalized block" : "head");
	/* as far as so many are: the lowest of the highest */
	for (int k = 0; k < c->quorum; k++) {
		int at = k;

		for (int i = k + 1; i < n; i++)
			at = best[i] > best[at] ? i : at;
		*ret_height = best[at];
		best[at] = best[k];
	}
	if (c->finality.tag)
		return ERR_OK;
	*ret_height -= *ret_height < c->finality.depth ? *ret_height : c->finality.depth;
	return ERR_OK;
}
