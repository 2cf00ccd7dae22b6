/* args.h - the command line by the table of commands (commands.def).
 *
 * Options stand anywhere, as `--name VALUE` or `--name=VALUE`; `--` ends them. What is
 * not understood is refused with the nearest thing that is (ERR_USAGE). Everything
 * given borrows from argv.
 */
#ifndef PAWL_CLI_ARGS_H
#define PAWL_CLI_ARGS_H

#include <stdbool.h>

#include "base/amount.h"
#include "base/buf.h"
#include "chain/chain.h"
#include "crypto/word.h"

#define ARGS_WORDS_MAX 256
#define ARGS_OPTIONS_MAX 16
#define ARGS_AGAIN_MAX 8 /* values of an option that may come again */

struct cli;
struct guide;

typedef enum err command_fn(struct cli *c, struct fail *f);

struct option {
	/* value NULL: a flag; "[=WORD]": may be left out; "WORD..": may come again */
	const char *name, *value, *doc;
	enum option_need {
		OPTION_MAYBE,
		OPTION_NEEDED,
		OPTION_ONE_OF /* one of those that stand so beside each other */
	} need;
};

/* Is its value the next argument, where it does not stand behind a '='? */
bool option_takes_next(const struct option *o);

struct command {
	const char *words, *arguments; /* "key new", "NAME" */
	command_fn *run;
	const char *doc, *example;
	struct option options[ARGS_OPTIONS_MAX]; /* ended by a NULL name */
};

struct args {
	/* NULL only with help: none was named, or a group is words[0]. */
	const struct command *command;
	const char *words[ARGS_WORDS_MAX];
	int words_n;
	const char *values[ARGS_OPTIONS_MAX]; /* of its options; "" for none */
	const char *again[ARGS_AGAIN_MAX];    /* all of the one that may come again */
	int again_n;
	const struct guide *guide; /* called by a name of the guide; NULL: by its own */
	const char *config;        /* the option or PAWL_CONFIG or ./pawl.yaml */
	bool json, quiet, help, version;
};

/* json and quiet are written also on failure: they say how to tell it. */
NODISCARD enum err args_parse(
    struct args *ret, int argc, char *const *argv, struct fail *f);

/* An option by its name, which must be in the command's row (CHECK); NULL: not given. */
const char *args_get(const struct args *a, const char *name);
bool args_has(const struct args *a, const char *name);
const char *args_word(const struct args *a, int at); /* NULL: not given */

/* The rows, and the command that words name; NULL and why: none. */
extern const struct command commands[];
extern const int commands_n;
const struct command *command_find(
    const char *const *words, int words_n, int *ret_used, struct fail *f);

bool command_group(const char *word); /* "key": commands begin with it */

/* What stands behind its words in a usage: " FILE OUTPUT --to VERSION". */
#define ARGUMENTS_MAX 120
const char *command_arguments(char out[ARGUMENTS_MAX], const struct command *command);

/* Of all (NULL) or of a group; of one. */
void command_usage(struct buf *out, const char *group);
void command_help(
    struct buf *out, const struct command *command, const struct guide *called_by);

/* Values that several commands take. what: the option or argument, for f. ERR_USAGE. */
NODISCARD enum err args_address(
    struct address *ret, const char *what, const char *text, struct fail *f);
NODISCARD enum err args_amount(struct amount *ret, const char *what, const char *text,
    unsigned decimals, struct fail *f);

/* What --yes is said to: a word that was told, or NONE where it has none. ERR_USAGE. */
NODISCARD enum err args_yes(uint32_t *ret, const struct args *a, struct fail *f);

/* Decimal digits, from min to max. ERR_USAGE. */
NODISCARD enum err args_number(uint64_t *ret, const char *what, const char *text,
    uint64_t min, uint64_t max, struct fail *f);

/* A row: a number from 1, or "fee" (0). ERR_USAGE. */
NODISCARD enum err args_row(int64_t *ret, const char *text, struct fail *f);

#endif
