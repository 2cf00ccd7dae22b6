/* The usual questions, about tokens, accounts and fees. */
#include <string.h>

#include "cli/ask/look.h"

struct token_ctx {
	const struct address *token, *holder;
};

static void token_write(const struct ask_question *q, struct buf *body)
{
	const struct token_ctx *c = q->ctx;

	q->connector->token(body, c->token, c->holder);
}

static enum err token_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	return q->connector->token_read(fact, answer, len, f);
}

static bool token_same(const struct ask_question *q, const void *a, const void *b)
{
	const struct token_facts *x = a, *y = b;

	(void)q;
	return x->has_code == y->has_code && x->decimals == y->decimals &&
	    strcmp(x->symbol, y->symbol) == 0;
}

enum err ask_token(struct ask *a, const struct address *token,
    const struct address *holder, struct token_facts *ret, struct fail *f)
{
	struct token_ctx ctx = { token, holder };

	return ask_quorum(a,
	    &(struct ask_question){ .ctx = &ctx,
		.write = token_write,
		.read = token_read,
		.same = token_same,
		.size = sizeof *ret },
	    ret, f);
}

static void code_write(const struct ask_question *q, struct buf *body)
{
	q->connector->code(body, q->ctx, 1);
}

static enum err code_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	return q->connector->code_read(fact, 1, answer, len, f);
}

static bool code_same(const struct ask_question *q, const void *a, const void *b)
{
	const uint8_t *x = a, *y = b;

	(void)q;
	return !*x == !*y;
}

enum err ask_code(struct ask *a, const struct address *who, bool *ret_has, struct fail *f)
{
	uint8_t has = 0;
	enum err e = ask_quorum(a,
	    &(struct ask_question){ .ctx = who,
		.write = code_write,
		.read = code_read,
		.same = code_same,
		.size = sizeof has },
	    &has, f);

	*ret_has = has != 0;
	return e;
}

static void account_write(const struct ask_question *q, struct buf *body)
{
	q->connector->account(body, q->ctx);
}

static enum err account_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	struct account_seen *a = fact;

	return q->connector->account_read(&a->count, &a->balance, answer, len, f);
}

static bool account_same(const struct ask_question *q, const void *a, const void *b)
{
	const struct account_seen *x = a, *y = b;

	(void)q;
	return x->count == y->count && amount_cmp(&x->balance, &y->balance) == 0;
}

enum err ask_account(
    struct ask *a, const struct address *who, struct account_seen *ret, struct fail *f)
{
	return ask_quorum(a,
	    &(struct ask_question){ .ctx = who,
		.write = account_write,
		.read = account_read,
		.size = sizeof *ret },
	    ret, f);
}

enum err ask_account_agreed(
    struct ask *a, const struct address *who, struct account_seen *ret, struct fail *f)
{
	return ask_quorum(a,
	    &(struct ask_question){ .ctx = who,
		.write = account_write,
		.read = account_read,
		.same = account_same,
		.size = sizeof *ret },
	    ret, f);
}

static void market_write(const struct ask_question *q, struct buf *body)
{
	q->connector->market(body, q->ctx);
}

static enum err market_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	return q->connector->market_read(fact, q->ctx, answer, len, f);
}

enum err ask_market(struct ask *a, struct fee_market *ret, struct fail *f)
{
	struct head head;
	enum err e = ask_quorum(a, &look_head_question, &head, f);

	if (e != ERR_OK)
		return e;
	return ask_quorum(a,
	    &(struct ask_question){ .ctx = &head,
		.write = market_write,
		.read = market_read,
		.size = sizeof *ret },
	    ret, f);
}

struct estimate_ctx {
	const struct address *from;
	const struct payload *payload;
};

struct estimate_fact {
	uint64_t gas;
	struct node_word word;
};

static void estimate_write(const struct ask_question *q, struct buf *body)
{
	const struct estimate_ctx *c = q->ctx;

	q->connector->estimate(body, c->from, c->payload, 1);
}

static enum err estimate_read(const struct ask_question *q, void *fact,
    const char *answer, size_t len, struct fail *f)
{
	struct estimate_fact *e = fact;

	return q->connector->estimate_read(&e->gas, &e->word, 1, answer, len, f);
}

enum err ask_estimate(struct ask *a, const struct address *from, const struct payload *p,
    uint64_t *ret_gas, struct node_word *ret_word, struct fail *f)
{
	struct estimate_ctx ctx = { from, p };
	struct estimate_fact fact = { 0 };
	enum err e = ask_quorum(a,
	    &(struct ask_question){ .ctx = &ctx,
		.write = estimate_write,
		.read = estimate_read,
		.size = sizeof fact },
	    &fact, f);

	*ret_gas = fact.gas;
	*ret_word = fact.word;
	return e;
}
