/* reason.c - why a payload reverted: one node's word, for people alone. Asked for once,
 * when the revert is final; no answer, no reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/attempt.h"
#include "engine/intent.h"
#include "engine/quorum.h"
#include "journal/sql.gen.h"

struct reason {
	struct fact fact;
	struct runner *runner;
	struct chain_run *chain;
	int64_t operation, row;
	struct node_word word;
	enum err err;
};

static void reason_take(struct runner *r, struct fact *f)
{
	struct reason *q = (struct reason *)f;
	struct sql_item_get_in in = { .operation = q->operation, .row = q->row };
	struct sql_item_get_out item;
	char reason[NODE_TEXT_MAX + 16];

	r->reasons--;
	if (q->err || q->word.note != NOTE_REVERTED || !q->word.text[0] ||
	    !sql_item_get_one(r->s.journal, &in, &item) || item.state != ITEM_VOID ||
	    item.no_reason || strcmp(item.reason, REASON_REVERTED) != 0)
		return;
	snprintf(reason, sizeof reason, REASON_REVERTED ": %s", q->word.text);
	sql_item_reason(r->s.journal,
	    &(struct sql_item_reason_in){
		.operation = q->operation, .row = q->row, .reason = reason });
}

static void reason_done(void *ctx, struct pool_answer *answer)
{
	struct reason *q = ctx;
	struct fail f;

	q->err = answer->err;
	if (!q->err)
		q->err = q->chain->connector->try_read(
		    &q->word, answer->answer, answer->len, &f);
	runner_fact(q->runner, &q->fact);
}

void reason_ask(
    struct runner *r, struct account *a, const struct intent *i, uint64_t height)
{
	int64_t at_ms;
	int node = quorum_next(a->chain, 0, &at_ms);
	struct reason *q;
	struct buf body;

	if (i->row <= 0 || node < 0)
		return;
	q = mem_new(sizeof *q);
	*q = (struct reason){ .fact = { .take = reason_take },
		.runner = r,
		.chain = a->chain,
		.operation = i->operation,
		.row = i->row };
	r->reasons++;
	buf_init(&body, 4096);
	a->chain->connector->try(&body, &a->address, &i->payload, height);
	runner_ask(r, a->chain, node, &body, false, reason_done, q);
}
