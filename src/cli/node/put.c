#include "cli/node/put.h"

#include <string.h>

#include "cli/owner/own.h"

struct book *put_book(struct loop *l)
{
	return book_new(l->journal, world_wall_ms(l->world), l->face.node_chain);
}

/* Who makes an anchor here has written its snapshot. */
static enum err is_rooted(void *ctx, const struct change *anchor, struct fail *f)
{
	(void)ctx;
	(void)anchor;
	(void)f;
	return ERR_OK;
}

static enum err put_here(void *ctx, struct loop *l, struct fail *f)
{
	const char *lines = ctx;
	struct book *b = put_book(l);
	struct book_done done = { 0 };
	enum err e;

	book_rooted_by(b, is_rooted, NULL);
	e = book_lines(b, lines, strlen(lines), &done, f);
	if (e == ERR_OK)
		book_settle(b);
	book_free(b);
	return e == ERR_OK ? journal_commit(l->journal, f) : e;
}

static enum err put_there(void *ctx, struct client *client, struct fail *f)
{
	const char *lines = ctx;
	struct request q = {
		.route = ROUTE_NODE_CHANGES, .lines = lines, .lines_len = strlen(lines)
	};
	struct told t = { .operation = 0 };

	return client_command(client, &q, &t, f);
}

enum err put_lines(struct cli *c, const char *lines, struct fail *f)
{
	union {
		const char *in;
		void *out;
	} ctx = { .in = lines };

	return own_do(c,
	    &(struct deed){ .here = put_here,
		.there = put_there,
		.ctx = ctx.out,
		.patience_ms = OWNER_PATIENCE_MS },
	    f);
}
