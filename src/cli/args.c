#include "cli/args.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/config/ref.h"
#include "cli/guide.h"
#include "codec/eip55.h"

#define GIVEN_MAX 32
#define VALUES_MAX 300

struct given {
	char name[32];
	const char *value; /* NULL: not given with it */
};

/* The line taken apart, before anybody knows which command it is. */
struct line {
	struct given options[GIVEN_MAX];
	int options_n;
	const char *words[ARGS_WORDS_MAX];
	int words_n;
};

bool option_takes_next(const struct option *o)
{
	return o->value && o->value[0] != '[';
}

static bool option_comes_again(const struct option *o)
{
	size_t len = o->value ? strlen(o->value) : 0;

	return len > 2 && strcmp(o->value + len - 2, "..") == 0;
}

static const struct option *option_in(const struct option *options, const char *name)
{
	for (; options->name; options++)
		if (strcmp(options->name, name) == 0)
			return options;
	return NULL;
}

/* Of any command: enough to know whether a value follows. */
static const struct option *option_anywhere(const char *name)
{
	const struct option *found = option_in(global_options, name);

	for (int i = 0; i < commands_n && !found; i++)
		found = option_in(commands[i].options, name);
	return found;
}

/* The commands that have it, as "a, b"; "": none. */
static void option_owners(char out[200], const char *name)
{
	size_t len = 0;

	out[0] = '\0';
	for (int i = 0; i < commands_n && len < 200; i++)
		if (option_in(commands[i].options, name))
			len += (size_t)snprintf(out + len, 200 - len, "%s%s",
			    len ? ", " : "", commands[i].words);
}

/* c NULL: no command is known yet, so it may be an option of any. */
static enum err option_unknown(const struct command *c, const char *name, struct fail *f)
{
	const char *bare = name + strspn(name, "-");
	struct nearest near = { NULL, 0 };
	char out[REF_SHOWN_MAX], owners[200];

	option_owners(owners, name);
	if (*owners)
		return fail_set(f, ERR_USAGE, "there is no option %s here; it is of: %s",
		    ref_shown(out, name), owners);
	for (const struct option *o = global_options; o->name; o++)
		nearest_add(&near, bare, o->name + 2);
	for (int i = 0; i < commands_n; i++)
		for (const struct option *o = commands[i].options; o->name; o++)
			if (!c || c == &commands[i])
				nearest_add(&near, bare, o->name + 2);
	if (near.best)
		return fail_set(f, ERR_USAGE,
		    "there is no option %s here; did you mean --%s?",
		    ref_shown(out, name), near.best);
	return fail_set(f, ERR_USAGE, "there is no option %s here; see: pawl help%s%s",
	    ref_shown(out, name), c ? " " : "", c ? c->words : "");
}

/* The command that the words so far name. */
static const struct command *command_so_far(const struct line *line)
{
	int used;

	return line->words_n ? command_find(line->words, line->words_n, &used, NULL)
			     : NULL;
}

/* One option at argv[*at], with the value that may follow it. */
static enum err option_split(
    struct line *line, int argc, char *const *argv, int *at, struct fail *f)
{
	const char *text = argv[*at], *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : strlen(text);
	struct given *given = &line->options[line->options_n];
	const struct option *option;

	if (line->options_n == GIVEN_MAX)
		return fail_set(f, ERR_USAGE, "too many options");
	if (len >= sizeof given->name)
		return option_unknown(command_so_far(line), text, f);
	memcpy(given->name, text, len);
	given->name[len] = '\0';
	if (strcmp(given->name, "-h") == 0)
		snprintf(given->name, sizeof given->name, "--help");
	option = option_anywhere(given->name);
	if (!option)
		return option_unknown(command_so_far(line), given->name, f);
	given->value = equals ? equals + 1 : NULL;
	if (option_takes_next(option) && !equals) {
		if (*at + 1 == argc || strncmp(argv[*at + 1], "--", 2) == 0)
			return fail_set(
			    f, ERR_USAGE, "%s needs its %s", option->name, option->value);
		given->value = argv[++*at];
	}
	for (int i = 0; i < line->options_n && !option_comes_again(option); i++)
		if (strcmp(line->options[i].name, given->name) == 0)
			return fail_set(f, ERR_USAGE, "%s is there twice", given->name);
	line->options_n++;
	return ERR_OK;
}

static enum err line_split(struct line *line, int argc, char *const *argv, struct fail *f)
{
	bool options = true;

	for (int i = 1; i < argc; i++) {
		enum err e = ERR_OK;

		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1])
			e = option_split(line, argc, argv, &i, f);
		else if (line->words_n == ARGS_WORDS_MAX)
			e = fail_set(f, ERR_USAGE, "too many arguments");
		else
			line->words[line->words_n++] = argv[i];
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err option_put(struct args *a, const struct given *given, struct fail *f)
{
	const struct command *c = a->command;
	const struct option *own = c ? option_in(c->options, given->name) : NULL;
	const struct option *option = own ? own : option_in(global_options, given->name);

	if (option && !option->value && given->value)
		return fail_set(f, ERR_USAGE, "%s takes no value", option->name);
	if (own && option_comes_again(own)) {
		if (a->again_n == ARGS_AGAIN_MAX)
			return fail_set(f, ERR_USAGE,
			    "%s: at most %d times; for more type the command again, "
			    "with the others",
			    own->name, ARGS_AGAIN_MAX);
		a->again[a->again_n++] = given->value ? given->value : "";
	}
	if (own)
		a->values[own - c->options] = given->value ? given->value : "";
	else if (strcmp(given->name, "--config") == 0)
		a->config = given->value;
	else if (!option)
		return option_unknown(c, given->name, f);
	return ERR_OK;
}

/* Of a command that takes no word: the options behind which one may belong. */
static void values_show(char out[VALUES_MAX], const struct command *c)
{
	size_t len = 0;

	out[0] = '\0';
	for (const struct option *o = c->options; o->name && !*c->arguments; o++) {
		if (!o->value || o->need != OPTION_MAYBE)
			continue;
		snprintf(out + len, VALUES_MAX - len, " [%s%s%s]", o->name,
		    option_takes_next(o) ? " " : "", o->value);
		len = strlen(out);
	}
}

/* "FILE [NAME]": at least one, at most two. "HASH..": one at least. */
static enum err words_check(const struct args *a, struct fail *f)
{
	const char *at = a->command->arguments;
	char missing[64] = "", out[REF_SHOWN_MAX], typed[GUIDE_TYPED_MAX];
	char what[GUIDE_TYPED_MAX] = "", all[ARGUMENTS_MAX], values[VALUES_MAX];
	int most = 0;

	guide_typed(typed, a->guide, a->command->words);
	if (!a->guide) /* whose name stands in front of all that is said */
		snprintf(what, sizeof what, "%s: ", a->command->words);

	while (*at) {
		size_t len = strcspn(at, " ");

		most++;
		if (*at != '[' && most > a->words_n && !*missing)
			snprintf(missing, sizeof missing, "%.*s", (int)len, at);
		if (len > 2 && !strncmp(at + len - 2, "..", 2))
			most = ARGS_WORDS_MAX;
		at += len + strspn(at + len, " ");
	}
	if (*missing)
		return fail_set(f, ERR_USAGE, "%s%s is missing; usage: %s%s", what,
		    missing, typed, command_arguments(all, a->command));
	if (a->words_n <= most)
		return ERR_OK;
	values_show(values, a->command);
	return fail_set(f, ERR_USAGE, "%s%s is too much; usage: %s%s%s", what,
	    ref_shown(out, a->words[most]), typed, command_arguments(all, a->command),
	    values);
}

static enum err command_put(struct args *a, const struct line *line, struct fail *f)
{
	static const struct line asks_version = { .words = { "version" }, .words_n = 1 };
	int used = 0;

	if (a->version && !a->help)
		line = &asks_version;
	if (line->words_n == 0)
		return a->help ? ERR_OK
			       : fail_set(f, ERR_USAGE, "no command; see: pawl help");
	if (a->help && line->words_n == 1 && command_group(line->words[0])) {
		a->words[a->words_n++] = line->words[0];
		return ERR_OK;
	}
	a->command = command_find(line->words, line->words_n, &used, f);
	if (!a->command)
		return ERR_USAGE;
	a->words_n = line->words_n - used;
	memcpy(a->words, line->words + used, (size_t)a->words_n * sizeof *a->words);
	return ERR_OK;
}

/* How to tell things must be known even where the line makes no sense. */
static void telling_find(struct args *a, int argc, char *const *argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		a->json |= strcmp(argv[i], "--json") == 0;
		a->quiet |= strcmp(argv[i], "--quiet") == 0;
		a->version |= strcmp(argv[i], "--version") == 0;
		a->help |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
	}
}

enum err args_parse(struct args *ret, int argc, char *const *argv, struct fail *f)
{
	struct line line = { .options_n = 0 };
	const char *config = getenv("PAWL_CONFIG");
	enum err e;

	memset(ret, 0, sizeof *ret);
	ret->guide = argc ? guide_find(argv[0]) : NULL;
	telling_find(ret, argc, argv);
	ret->config = config && *config ? config : "pawl.yaml";
	e = line_split(&line, argc, argv, f);
	if (e == ERR_OK)
		e = command_put(ret, &line, f);
	for (int i = 0; i < line.options_n && e == ERR_OK; i++)
		e = option_put(ret, &line.options[i], f);
	if (e == ERR_OK && ret->command && !ret->help)
		e = words_check(ret, f);
	return e;
}

const char *args_get(const struct args *a, const char *name)
{
	const struct option *option = option_in(a->command->options, name);

	CHECK(option);
	return a->values[option - a->command->options];
}

bool args_has(const struct args *a, const char *name)
{
	return args_get(a, name) != NULL;
}

const char *args_word(const struct args *a, int at)
{
	return at < a->words_n ? a->words[at] : NULL;
}

enum err args_address(
    struct address *ret, const char *what, const char *text, struct fail *f)
{
	char out[REF_SHOWN_MAX];

	switch (eip55_parse(ret->at, text, strlen(text))) {
	case EIP55_OK:
		return ERR_OK;
	case EIP55_BAD_CHECKSUM:
		return fail_set(f, ERR_USAGE, "%s: %s has a wrong checksum (EIP-55)",
		    what, ref_shown(out, text));
	case EIP55_NOT_AN_ADDRESS:
		break;
	}
	return fail_set(f, ERR_USAGE, "%s: %s is no address (0x and 40 digits)", what,
	    ref_shown(out, text));
}

enum err args_amount(struct amount *ret, const char *what, const char *text,
    unsigned decimals, struct fail *f)
{
	char out[REF_SHOWN_MAX];
	enum amount_fault fault = amount_parse(ret, text, strlen(text), decimals);

	if (fault == AMOUNT_OK)
		return ERR_OK;
	return fail_set(f, ERR_USAGE, "%s: %s: %s", what, ref_shown(out, text),
	    amount_fault_text(fault));
}

enum err args_yes(uint32_t *ret, const struct args *a, struct fail *f)
{
	const char *text = args_get(a, "--yes");
	char shown[REF_SHOWN_MAX];

	*ret = WORD_NONE;
	if (!text || !*text || word_parse(ret, text, strlen(text)))
		return ERR_OK;
	return fail_set(f, ERR_USAGE, "--yes: %s is no WORD that a refusal has told",
	    ref_shown(shown, text));
}

enum err args_row(int64_t *ret, const char *text, struct fail *f)
{
	char shown[REF_SHOWN_MAX];

	*ret = 0;
	if (strcmp(text, "fee") == 0)
		return ERR_OK;
	for (const char *at = text; *at >= '0' && *at <= '9' && at - text < 10; at++) {
		*ret = *ret * 10 + (*at - '0');
		if (!at[1] && *ret)
			return ERR_OK;
	}
	return fail_set(f, ERR_USAGE, "ROW is a number from 1 on, or fee, and not %s",
	    ref_shown(shown, text));
}

enum err args_number(uint64_t *ret, const char *what, const char *text, uint64_t min,
    uint64_t max, struct fail *f)
{
	char shown[REF_SHOWN_MAX];
	uint64_t v = 0;
	bool good = *text != '\0';

	for (const char *at = text; *at && good; at++)
		good = *at >= '0' && *at <= '9' && !__builtin_mul_overflow(v, 10, &v) &&
		    !__builtin_add_overflow(v, (uint64_t)(*at - '0'), &v);
	*ret = v;
	if (good && v >= min && v <= max)
		return ERR_OK;
	return fail_set(f, ERR_USAGE,
	    "%s is a number from %" PRIu64 " to %" PRIu64 ", and not %s", what, min, max,
	    ref_shown(shown, text));
}
