#include <stdio.h>
#include <string.h>

#include "base/mutant.h"
#include "base/nearest.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/config/ref.h"
#include "cli/guide.h"

#define SUMMARY_COLUMN 30

#define OPTION(name, value, doc, need) \
	{                              \
		name, value, doc, need \
	}
#define VALUE(name, value, doc) OPTION(name, value, doc, OPTION_MAYBE)
#define NEEDED(name, value, doc) OPTION(name, value, doc, OPTION_NEEDED)
#define ONE_OF(name, value, doc) OPTION(name, value, doc, OPTION_ONE_OF)
#define FLAG(name, doc) OPTION(name, NULL, doc, OPTION_MAYBE)
#define NONE OPTION(NULL, NULL, NULL, OPTION_MAYBE)

const struct option global_options[] = {
#define GLOBAL(...) __VA_ARGS__,
#define COMMAND(...)
#include "cli/commands.def"
#undef GLOBAL
#undef COMMAND
	NONE,
};

const struct command commands[] = {
#define GLOBAL(...)
#define COMMAND(words, arguments, run, doc, example, ...) \
	{ words, arguments, run, doc, example, { __VA_ARGS__ } },
#include "cli/commands.def"
#undef GLOBAL
#undef COMMAND
};

const int commands_n = sizeof commands / sizeof *commands;

/* -- finding one ----------------------------------------------------------- */

/* Do the words begin with the command's own? Returns how many are its own. */
static int words_match(const char *own, const char *const *words, int words_n)
{
	int used = 0;

	while (*own) {
		size_t len = strcspn(own, " ");

		if (used == words_n || strlen(words[used]) != len ||
		    memcmp(words[used], own, len) != 0)
			return 0;
		used++;
		own += len + (own[len] == ' ');
	}
	return used;
}

/* "airdrop" of "airdrop run". */
static const char *first_word(char out[32], const struct command *c)
{
	snprintf(out, 32, "%.*s", (int)strcspn(c->words, " "), c->words);
	return out;
}

static bool is_group(const struct command *c, const char *word)
{
	char own[32];

	return strchr(c->words, ' ') && strcmp(first_word(own, c), word) == 0;
}

bool command_group(const char *word)
{
	for (int i = 0; i < commands_n; i++)
		if (is_group(&commands[i], word))
			return true;
	return false;
}

/* pawl key nwe: the group is known, the command in it is not. */
static const struct command *unknown_in_group(
    const char *group, const char *word, struct fail *f)
{
	struct nearest near = { NULL, 0 };
	char out[REF_SHOWN_MAX];
	struct buf all;

	buf_init(&all, 256);
	for (int i = 0; i < commands_n; i++) {
		const char *own = strchr(commands[i].words, ' ');

		if (!is_group(&commands[i], group))
			continue;
		if (word)
			nearest_add(&near, word, own + 1);
		buf_addf(&all, "%s%s", all.len ? "," : "", own);
	}
	if (near.best)
		fail_set(f, ERR_USAGE, "%s has no %s; did you mean pawl %s %s?", group,
		    ref_shown(out, word), group, near.best);
	else
		fail_set(f, ERR_USAGE, "%s needs one of:%s", group, buf_text(&all));
	buf_release(&all);
	return NULL;
}

const struct command *command_find(
    const char *const *words, int words_n, int *ret_used, struct fail *f)
{
	char names[sizeof commands / sizeof *commands][32], out[REF_SHOWN_MAX];
	struct nearest near = { NULL, 0 };

	for (int i = 0; i < commands_n; i++) {
		*ret_used = words_match(commands[i].words, words, words_n);
		if (*ret_used)
			return &commands[i];
	}
	for (int i = 0; i < commands_n; i++) {
		if (is_group(&commands[i], words[0]))
			return unknown_in_group(
			    words[0], words_n > 1 ? words[1] : NULL, f);
		nearest_add(&near, words[0], first_word(names[i], &commands[i]));
	}
	fail_set(f, ERR_USAGE, "there is no command %s; %s%s%s", ref_shown(out, words[0]),
	    near.best ? "did you mean pawl " : "see: pawl ",
	    near.best ? near.best : "help", near.best ? "?" : "");
	return NULL;
}

/* -- telling --------------------------------------------------------------- */

static void add_padded(struct buf *out, const char *text, size_t column)
{
	size_t len = strlen(text);

	buf_addf(out, "  %s", text);
	if (len + 1 >= column) {
		buf_add_byte(out, '\n');
		len = 0;
		buf_add_str(out, "  ");
	}
	for (; len < column; len++)
		buf_add_byte(out, ' ');
}

static void add_options(struct buf *out, const struct option *options)
{
	char left[64];

	for (; options->name; options++) {
		snprintf(left, sizeof left, "%s%s%s", options->name,
		    option_takes_next(options) ? " " : "",
		    options->value ? options->value : "");
		add_padded(out, left, SUMMARY_COLUMN);
		buf_addf(out, "%s\n", options->doc);
	}
}

static void add_needed(
    char out[ARGUMENTS_MAX], const struct option *o, enum option_need before)
{
	bool one_of = o->need == OPTION_ONE_OF;
	size_t len = strlen(out);

	if (o->need == OPTION_MAYBE || MUTANT(needed_unshown))
		return;
	snprintf(out + len, ARGUMENTS_MAX - len, "%s%s%s%s%s",
	    !one_of                       ? " "
		: before == OPTION_ONE_OF ? " | "
					  : " (",
	    o->name, o->value ? " " : "", o->value ? o->value : "",
	    one_of && o[1].need != OPTION_ONE_OF ? ")" : "");
}

const char *command_arguments(char out[ARGUMENTS_MAX], const struct command *command)
{
	enum option_need before = OPTION_MAYBE;

	snprintf(out, ARGUMENTS_MAX, "%s%s", *command->arguments ? " " : "",
	    command->arguments);
	for (const struct option *o = command->options; o->name; o++) {
		add_needed(out, o, before);
		before = o->need;
	}
	return out;
}

void command_usage(struct buf *out, const char *group)
{
	char left[96 + ARGUMENTS_MAX], arguments[ARGUMENTS_MAX];

	buf_addf(out, "usage: pawl %s%sCOMMAND [ARGUMENTS] [OPTIONS]\n\n",
	    group ? group : "", group ? " " : "");
	for (int i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];

		if (group && !is_group(c, group) && strcmp(c->words, group) != 0)
			continue;
		snprintf(
		    left, sizeof left, "%s%s", c->words, command_arguments(arguments, c));
		add_padded(out, left, SUMMARY_COLUMN);
		buf_addf(out, "%s\n", c->doc);
	}
	buf_add_str(out, "\nOptions of all commands:\n");
	add_options(out, global_options);
	buf_add_str(out, "\nexample: pawl init && pawl key new payer\n");
}

void command_help(struct buf *out, const struct command *c, const struct guide *called_by)
{
	char own[GUIDE_TYPED_MAX], typed[GUIDE_TYPED_MAX], arguments[ARGUMENTS_MAX];
	size_t len;

	guide_typed(own, NULL, c->words);
	guide_typed(typed, called_by, c->words);
	len = strlen(own);
	buf_addf(out, "usage: %s%s", typed, command_arguments(arguments, c));
	buf_addf(out, "%s\n\n%s\n\n", c->options[0].name ? " [OPTIONS]" : "", c->doc);
	if (c->options[0].name) {
		buf_add_str(out, "Options:\n");
		add_options(out, c->options);
		buf_add_byte(out, '\n');
	}
	buf_add_str(out, "Options of all commands:\n");
	add_options(out, global_options);
	if (called_by && !strncmp(c->example, own, len))
		buf_addf(out, "\nexample: %s%s\n", typed, c->example + len);
	else
		buf_addf(out, "\nexample: %s\n", c->example);
	if (called_by)
		buf_addf(out, "the same: %s\n", own);
	else if (guide_name(c->words))
		buf_addf(out, "in the crash recovery guide: %s\n", guide_name(c->words));
}
