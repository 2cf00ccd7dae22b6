#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "cli/owner/own.h"

enum err cmd_tell(struct cli *c, struct fail *f)
{
	const char *text = args_word(&c->args, 0);
	struct request q = { .route = ROUTE_TELL };
	struct told t = { .operation = 0 };
	size_t len = strlen(text);
	enum err e;

	if (!len || len >= sizeof q.text || !utf8_valid(text, len))
		return fail_set(
		    f, ERR_USAGE, "TEXT is 1 to %d bytes of UTF-8", REQUEST_TEXT_MAX - 1);
	memcpy(q.text, text, len + 1);
	e = own_command(c, &q, &t, f);
	if (e != ERR_OK)
		return e;
	if (c->args.json)
		cli_json(json_pack("{s:I, s:I}", "subscribers", (json_int_t)t.subscribers,
		    "suspended", (json_int_t)t.suspended));
	else if (t.subscribers)
		cli_say(c, "%" PRId64 " subscriber%s will hear it: pawl serve sends it.",
		    t.subscribers, t.subscribers == 1 ? "" : "s");
	else if (!t.suspended)
		cli_say(c,
		    "There are no subscribers yet: pawl track HASH --notify .., or pawl "
		    "airdrop run FILE .. --notify ..");
	if (!c->args.json && t.suspended)
		cli_say(c, "%" PRId64 " suspended one%s will not: pawl status says why.",
		    t.suspended, t.suspended == 1 ? "" : "s");
	return ERR_OK;
}
