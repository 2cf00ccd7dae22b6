#include <stdio.h>

#include "cli/cli.h"
#include "journal/journal.h"

enum err cmd_version(struct cli *c, struct fail *f)
{
	int schema = journal_schema_known();

	(void)f;
	if (c->args.json)
		cli_json(
		    json_pack("{s:s, s:i}", "version", PAWL_VERSION, "schema", schema));
	else
		printf("pawl %s (journal schema %d)\n", PAWL_VERSION, schema);
	return ERR_OK;
}
