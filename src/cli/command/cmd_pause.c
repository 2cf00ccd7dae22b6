#include <inttypes.h>
#include <stdio.h>

#include "base/utf8.h"
#include "cli/owner/own.h"

/* Who sees to what is live meanwhile. */
static void watcher_name(char out[96], const char *journal)
{
	struct owner who;
	bool held;

	if (journal_owner(journal, &who, &held) && held)
		snprintf(out, 96, "What is live is watched by process %" PRId64, who.pid);
	else
		snprintf(out, 96, "What is live is watched by nobody now: pawl serve");
}

enum err cmd_pause(struct cli *c, struct fail *f)
{
	char said[2 * OPERATION_NAME_MAX + 160], watcher[96];
	struct request q;
	struct told t;
	enum err e = own_request(&q, ROUTE_PAUSE, args_word(&c->args, 0), f);

	if (e == ERR_OK)
		e = own_command(c, &q, &t, f);
	if (e != ERR_OK)
		return e;
	watcher_name(watcher, c->config->journal);
	snprintf(said, sizeof said,
	    "%s is paused%s: nothing new is reserved. %s. Then: pawl resume %s", t.name,
	    t.moved ? "" : " already", watcher, t.name);
	utf8_plain(said);
	own_tell(c, &t, said, NULL);
	return ERR_OK;
}
