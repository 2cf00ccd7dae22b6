#include "base/check.h"
#include "cli/owner/own.h"
#include "cli/report/report.h"
#include "engine/operation.h"

/* Whoever owns it settles it; when he ends, another does, maybe we. */
struct settling {
	struct cli *cli;
	struct told *told;
};

static enum err settle_here(void *ctx, struct loop *l, struct fail *f)
{
	struct told *t = ((struct settling *)ctx)->told;
	const struct chain_config *chain = NULL;
	struct operation o;
	enum err e;

	if (!operation_read(l->journal, t->operation, &o))
		return fail_set(f, ERR_NOT_FOUND, "the operation is gone");
	t->state = o.state;
	if (o.state == OPERATION_CANCELLED)
		return ERR_OK;
	e = report_chain(l->cli->config, l->journal, o.chain, &chain, f);
	if (e != ERR_OK)
		return e;
	loop_listen(l);
	loop_start(l, chain, 1, o.id);
	e = loop_operation(l, o.id, f);
	loop_deliver(l, o.id);
	CHECK(operation_read(l->journal, o.id, &o));
	t->state = o.state;
	return e;
}

static enum err settle_there(void *ctx, struct client *client, struct fail *f)
{
	struct settling *s = ctx;
	enum err e = own_follow(s->cli, client, s->told->operation, f);

	if (e == ERR_OK)
		s->told->state = OPERATION_CANCELLED;
	return e;
}

static enum err settle(struct cli *c, struct told *t, struct fail *f)
{
	struct settling s = { c, t };

	return own_do(c,
	    &(struct deed){ .here = settle_here,
		.there = settle_there,
		.ctx = &s,
		.patience_ms = OWNER_PATIENCE_LONG_MS,
		.lasts = true },
	    f);
}

/* The wish is durable before a node is asked: it holds also when this process dies. */
enum err cmd_cancel(struct cli *c, struct fail *f)
{
	struct request q;
	struct told t = { .operation = 0 };
	bool was_so;
	enum err e = own_request(&q, ROUTE_CANCEL, args_word(&c->args, 0), f);

	q.now = args_has(&c->args, "--now");
	if (e == ERR_OK)
		e = own_command(c, &q, &t, f);
	was_so = !t.moved;
	if (e == ERR_OK)
		e = settle(c, &t, f);
	if (e == ERR_OK)
		own_tell(c, &t,
		    was_so ? "cancelled already: everything that was signed is settled"
			   : "cancelled: everything that was signed is settled",
		    NULL);
	return e;
}
