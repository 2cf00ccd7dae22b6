/* A real node, mined by its own methods for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/hex.h"
#include "chain/rpc.h"
#include "ground.h"

/* One call; what it says as a number. */
static uint64_t tell(struct ground *g, const char *method, const uint64_t *param)
{
	struct rpc_batch b;
	struct rpc_answer a;
	struct buf body;
	struct fail f = { 0 };
	uint64_t said = 0;
	size_t len;
	char *text;

	buf_init(&body, 1 << 20);
	rpc_begin(&b, &body);
	rpc_call(&b, method);
	if (param)
		rpc_u64(&b, *param);
	rpc_call_end(&b);
	rpc_end(&b);
	text = ground_ask(g, &body, &len);
	if (rpc_read(&a, 1, text, len, &f) || !a.replies[0].result)
		fail_msg("%s: %s", method, text);
	rpc_as_u64(a.replies[0].result, &said);
	rpc_release(&a);
	free(text);
	return said;
}

static void mine(struct ground *g, uint32_t blocks)
{
	while (blocks-- > 0)
		tell(g, "evm_mine", NULL);
}

static void mark(struct ground *g)
{
	g->marked = tell(g, "evm_snapshot", NULL);
}

static void undo(struct ground *g, uint32_t blocks)
{
	tell(g, "evm_revert", &g->marked);
	mine(g, blocks);
}

void ground_meet(struct ground *g, const char *token)
{
	struct fail f = { 0 };

	g->mine = mine;
	g->mark = mark;
	g->undo = undo;
	CHECK(hex_parse_0x(g->token.at, sizeof g->token.at, token));
	if (world_open(&g->world, &f))
		fail_msg("no world: %s", f.why);
}
