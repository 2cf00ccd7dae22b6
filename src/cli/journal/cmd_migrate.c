#include <stdio.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "journal/journal.h"

static void tell(const struct cli *c, int from, int to, const char *backup)
{
	if (c->args.json)
		cli_json(json_pack("{s:o, s:i, s:i, s:o}", "journal",
		    cli_text(c->config->journal), "from", from, "to", to, "backup",
		    cli_text(backup)));
	else if (from == to)
		printf("%s: schema %d, nothing to do\n", c->config->journal, to);
	else
		printf("%s: schema %d is now %d; the old one is kept as %s\n",
		    c->config->journal, from, to, backup ? backup : "(no backup)");
}

enum err cmd_migrate(struct cli *c, struct fail *f)
{
	int known = journal_schema_known(), schema;
	char *backup = NULL;
	enum err e = cli_config(c, f);

	if (e == ERR_OK)
		e = journal_schema(c->config->journal, &schema, f);
	if (e != ERR_OK)
		return e;
	if (schema > known)
		return fail_set(f, ERR_NEWER_JOURNAL,
		    "%s: schema %d is of a newer pawl; this one knows %d",
		    c->config->journal, schema, known);
	if (args_has(&c->args, "--check") && schema < known)
		return fail_set(f, ERR_CONFLICT,
		    "%s: schema %d, and this pawl works with %d: run `pawl migrate`",
		    c->config->journal, schema, known);
	if (!args_has(&c->args, "--check"))
		e = journal_migrate(c->config->journal, &backup, f);
	if (e == ERR_OK)
		tell(c, schema, known, backup);
	mem_free(backup);
	return e;
}
