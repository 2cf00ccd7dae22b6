#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define HELP_MAX 65536

/* Of the words behind `pawl help`. */
static enum err words_help(
    struct buf *out, const char *const *words, int n, struct fail *f)
{
	const struct command *command;
	int used;

	if (n == 0 || (n == 1 && command_group(words[0]))) {
		command_usage(out, n ? words[0] : NULL);
	} else if (strcmp(words[0], "config") == 0) {
		config_reference(out);
	} else {
		command = command_find(words, n, &used, f);
		if (!command)
			return ERR_USAGE;
		command_help(out, command, NULL);
	}
	return ERR_OK;
}

/* `pawl help key new` and `pawl key new --help` are the same. */
static enum err topic(struct buf *out, const struct args *a, struct fail *f)
{
	if (a->command && (a->command->run != cmd_help || a->help)) {
		command_help(out, a->command, a->guide);
		return ERR_OK;
	}
	return words_help(out, a->words, a->words_n, f);
}

enum err cmd_help(struct cli *c, struct fail *f)
{
	struct buf text;
	enum err e;

	buf_init(&text, HELP_MAX);
	e = topic(&text, &c->args, f);
	if (e == ERR_OK)
		fputs(buf_text(&text), stdout);
	buf_release(&text);
	return e;
}
