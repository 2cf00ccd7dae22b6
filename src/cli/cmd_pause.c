#include <stdio.h>

#include "base/utf8.h"
#include "cli/own.h"

enum err cmd_pause(struct cli *c, struct fail *f)
{
	char said[2 * OPERATION_NAME_MAX + 160];
	struct request q;
	struct told t;
	enum err e = own_request(&q, ROUTE_PAUSE, args_word(&c->args, 0), f);

	if (e == ERR_OK)
		e = own_command(c, &q, &t, f);
	if (e != ERR_OK)
		return e;
	snprintf(said, sizeof said,
	    "%s is paused%s: nothing new is reserved. What is live is watched by "
	    "pawl serve. Then: pawl resume %s",
	    t.name, t.moved ? "" : " already", t.name);
	utf8_plain(said);
	own_tell(c, &t, said, NULL);
	return ERR_OK;
}
