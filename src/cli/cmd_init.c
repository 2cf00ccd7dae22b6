#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/config/file.h"
#include "journal/journal.h"

#define EXAMPLE_MAX 65536

static bool present(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static enum err folder_for(const char *path, struct fail *f)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	enum err e;

	if (!slash || slash == path)
		return ERR_OK;
	folder = mem_strn(path, (size_t)(slash - path));
	e = folder_make(folder, f);
	mem_free(folder);
	return e;
}

static enum err config_write(const char *path, bool *ret_made, struct fail *f)
{
	struct buf text;
	enum err e;

	*ret_made = !present(path);
	if (!*ret_made)
		return ERR_OK;
	buf_init(&text, EXAMPLE_MAX);
	config_example(&text);
	e = folder_for(path, f);
	if (e == ERR_OK)
		e = file_create(path, &text, f);
	buf_release(&text);
	return e;
}

/* An existing one is looked at, so that `init` never calls something a journal that is
 * none. */
static enum err journal_make(const char *path, bool *ret_made, struct fail *f)
{
	enum err e;
	int schema;

	*ret_made = !present(path);
	if (!*ret_made)
		return journal_schema(path, &schema, f);
	e = folder_for(path, f);
	return e == ERR_OK ? journal_create(path, f) : e;
}

static void tell(const struct cli *c, bool config_made, bool journal_made)
{
	const char *config = c->config->path, *journal = c->config->journal;

	if (c->args.json) {
		cli_json(json_pack("{s:o, s:b, s:o, s:b}", "config", cli_text(config),
		    "config_made", config_made, "journal", cli_text(journal),
		    "journal_made", journal_made));
		return;
	}
	cli_say(c, "%s: %s", config, config_made ? "written" : "is there, and kept");
	cli_say(c, "%s: %s", journal,
	    journal_made ? "an empty journal" : "is there, and kept");
	if (config_made)
		cli_say(c, "Now: name a chain in %s, and make a key: pawl key new payer",
		    config);
}

enum err cmd_init(struct cli *c, struct fail *f)
{
	bool config_made, journal_made;
	enum err e = config_write(c->args.config, &config_made, f);

	if (e == ERR_OK)
		e = cli_config(c, f);
	if (e == ERR_OK)
		e = journal_make(c->config->journal, &journal_made, f);
	if (e == ERR_OK)
		tell(c, config_made, journal_made);
	return e;
}
