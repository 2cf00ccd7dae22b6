#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "journal/journal.h"

static void tell_json(
    const struct cli *c, const char *file, const struct journal_restored *r)
{
	cli_json(json_pack("{s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "journal",
	    cli_text(c->config->journal), "restored", cli_text(file), "commit",
	    (json_int_t)r->holds.commit_no, "operations", (json_int_t)r->holds.operations,
	    "bytes", (json_int_t)r->holds.bytes, "replaced", cli_text(r->replaced),
	    "doubt", cli_text(r->doubt)));
}

static void tell(const struct cli *c, const char *file, const struct journal_restored *r)
{
	const char *journal = c->config->journal;

	printf("%s is what %s holds: %" PRId64 " operation%s, %" PRId64
	       " bytes, now at commit %" PRId64 "\n",
	    journal, file, r->holds.operations, r->holds.operations == 1 ? "" : "s",
	    r->holds.bytes, r->holds.commit_no);
	if (r->replaced)
		printf("what it replaces is kept: %s, with its -wal\n", r->replaced);
	if (r->doubt)
		printf("it may be older than what was sent (%s): nothing new is paid "
		       "until that is settled\n",
		    r->doubt);
	else
		printf("declared the newest and only one: it pays on as it is\n");
}

enum err cmd_restore(struct cli *c, struct fail *f)
{
	const char *file = args_word(&c->args, 0);
	struct owner who = { .pid = getpid(), .since_ms = (int64_t)time(NULL) * 1000 };
	struct journal_restored r;
	enum err e = cli_config(c, f);

	if (e != ERR_OK)
		return e;
	if (gethostname(who.host, sizeof who.host - 1))
		snprintf(who.host, sizeof who.host, "unknown");
	e = journal_restore(
	    c->config->journal, file, args_has(&c->args, "--latest"), &who, &r, f);
	if (e != ERR_OK)
		return e;
	if (c->args.json)
		tell_json(c, file, &r);
	else
		tell(c, file, &r);
	free(r.replaced);
	free(r.doubt);
	return ERR_OK;
}
