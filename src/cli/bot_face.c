#include "cli/bot_face.h"

#include <string.h>

#include "engine/quotes.h"
#include "tell/tell.h"

/* quotes_text is UTF-8, and asks the nodes anew for who comes next. */
static void face_fees(void *ctx, struct runner *r, const struct bot_asked *q,
    struct buf *out, bool *ret_table)
{
	(void)ctx;
	*ret_table = true;
	if (!quotes_text(r, q->chain[0] ? q->chain : NULL, out))
		buf_addf(out, "There is no chain %.40s here.", q->chain);
}

void bot_face_lend(struct loop *l)
{
	const struct telegram_config *t = &l->cli->config->tell.telegram;
	const struct bot_rules rules = { .allow = t->allow.at,
		.allow_n = t->allow.n,
		.anyone = t->allow.anyone,
		.max_users = (int)t->max_users };
	const struct bot_face face = { .ctx = l, .fees = face_fees };

	tell_lend(l->tell, &rules, &face);
}
