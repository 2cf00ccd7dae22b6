#include <stdio.h>

#include "base/utf8.h"
#include "cli/own.h"

enum err cmd_pause(struct cli *c, struct fail *f)
{
	char said[2 * OPERATION_NAME_MAX + 160];
	struct own own;
	enum err e = own_operation(&own, c, args_word(&c->args, 0), f);

	if (e == ERR_OK)
		e = operation_pause(own.loop.runner, own.operation, f);
	if (e == ERR_OK)
		e = own_commit(&own, f);
	if (e == ERR_OK) {
		snprintf(said, sizeof said,
		    "%s is paused: nothing new is reserved. What is live is watched by "
		    "pawl serve. Then: pawl resume %s",
		    own.operation->name, own.operation->name);
		utf8_plain(said);
		own_tell(c, own.operation, said, NULL);
	}
	own_close(&own);
	return e;
}
