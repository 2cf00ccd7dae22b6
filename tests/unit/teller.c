#include "teller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct told told[TOLD_MAX];
size_t told_n;
bool may_be_final = true;

static void tell(enum tale tale, uint64_t height, const struct block_facts *b)
{
	struct told *t = &told[told_n++];

	assert_true(told_n < TOLD_MAX);
	*t = (struct told){ .tale = tale, .height = height };
	if (!b)
		return;
	t->hash = b->head.hash;
	t->tx_n = b->tx_n;
	t->status = b->tx_n ? b->tx[0].status : TX_OK;
	t->has_every = b->has_every;
	t->every_n = b->every_n;
	for (uint32_t i = 0; i < b->every_n; i++)
		t->every_ok += b->every[i].status == TX_OK;
	t->has_count = b->accounts_n && b->accounts[0].has_count;
	t->count = t->has_count ? b->accounts[0].count : 0;
}

static void on_adopted(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	tell(ADOPTED, b->head.height, b);
}

static void on_retracted(void *ctx, uint64_t above)
{
	(void)ctx;
	tell(RETRACTED, above, NULL);
}

static bool on_may_final(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	(void)b;
	return may_be_final;
}

static void on_final(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	tell(FINAL, b->head.height, b);
}

static void on_passed(void *ctx, uint64_t height)
{
	(void)ctx;
	tell(PASSED, height, NULL);
}

static void on_undone(void *ctx, uint64_t ancestor)
{
	(void)ctx;
	tell(UNDONE, ancestor, NULL);
}

const struct follower_told teller = { .adopted = on_adopted,
	.retracted = on_retracted,
	.may_final = on_may_final,
	.final = on_final,
	.passed = on_passed,
	.undone = on_undone };
