#include <inttypes.h>

#include "base/shell.h"
#include "cli/cli.h"
#include "journal/journal.h"

static void tell(const struct cli *c, const char *file, const struct journal_holds *h)
{
	char word[SHELL_WORD_MAX];

	if (c->args.json) {
		cli_json(json_pack("{s:o, s:o, s:I, s:I, s:I}", "journal",
		    cli_text(c->config->journal), "backup", cli_text(file), "commit",
		    (json_int_t)h->commit_no, "operations", (json_int_t)h->operations,
		    "bytes", (json_int_t)h->bytes));
		return;
	}
	printf("%s holds %s up to commit %" PRId64 ": %" PRId64 " operation%s, %" PRId64
	       " bytes; it is whole, and marked as a copy\n",
	    file, c->config->journal, h->commit_no, h->operations,
	    h->operations == 1 ? "" : "s", h->bytes);
	cli_say(c,
	    "It does not know what is sent from now on. To put it back: "
	    "pawl restore %s",
	    shell_word(word, sizeof word, file));
}

enum err cmd_backup(struct cli *c, struct fail *f)
{
	const char *file = args_word(&c->args, 0);
	struct journal_holds holds;
	enum err e = cli_config(c, f);

	if (e == ERR_OK)
		e = journal_backup(c->config->journal, file, &holds, f);
	if (e == ERR_OK)
		tell(c, file, &holds);
	return e;
}
