#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define HELP_MAX 65536

static enum err topic(struct buf *out, const struct cli *c, struct fail *f)
{
	const struct command *about = c->args.command;
	int used;

	if (!about || (about->run == cmd_help && c->args.words_n == 0 && !c->args.help)) {
		command_usage(out);
		return ERR_OK;
	}
	if (about->run == cmd_help && c->args.words_n > 0) {
		if (strcmp(c->args.words[0], "config") == 0) {
			config_reference(out);
			return ERR_OK;
		}
		about = command_find(c->args.words, c->args.words_n, &used, f);
	}
	if (!about)
		return ERR_USAGE;
	command_help(out, about);
	return ERR_OK;
}

enum err cmd_help(struct cli *c, struct fail *f)
{
	struct buf text;
	enum err e;

	buf_init(&text, HELP_MAX);
	e = topic(&text, c, f);
	if (e == ERR_OK)
		fputs(buf_text(&text), stdout);
	buf_release(&text);
	return e;
}
