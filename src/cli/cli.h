/* cli.h - what every command gets, and how it tells things.
 *
 * A command is one file, one function and one row in commands.def. It prints its
 * results on standard output, with --json as one compact object a line, and returns
 * how it ended: main prints the sentence in f on standard error ("pawl: why") and
 * turns the error into the exit code.
 */
#ifndef PAWL_CLI_CLI_H
#define PAWL_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/args.h"
#include "cli/config/config.h"

struct files;
struct keyring;

struct cli {
	struct args args;
	struct config *config;   /* after cli_config */
	struct keyring *keyring; /* after cli_keyring */
	bool said; /* why it failed stands on standard error: no "pawl: why" behind it */
	bool told; /* the object that says how it ended is printed: no {"error"} behind it
		    */
};

/* Load what --config says, once; opens its log. Warns of a file that others can read. */
NODISCARD enum err cli_config(struct cli *c, struct fail *f);
/* Open the log that it says. fails: CONFIG; the log of before stays. */
NODISCARD enum err cli_log(
    const struct cli *c, const struct log_config *log, struct fail *f);
NODISCARD enum err cli_keyring(struct cli *c, struct fail *f); /* loads the config too */

/* For long work on files (files.h): SIGINT and SIGTERM stop it, and what it began is
 * taken away. A second one ends the process at once. */
const struct files *cli_until_stopped(void);

/* For a person who is watching: not with --json or --quiet. */
void cli_say(const struct cli *c, const char *fmt, ...) PRINTF(2, 3);
/* On standard error, not with --quiet. */
void cli_warn(const struct cli *c, const char *fmt, ...) PRINTF(2, 3);
/* That nodes are waited for, as ask.h says it, or the journal's owner, as client.h does;
 * ctx is the cli. */
void cli_waits(void *ctx, const char *why, int64_t left_ms);
void cli_waits_owner(void *ctx, const char *why, int64_t left_ms);
/* One object, compact, on a line of its own; o is given away. */
void cli_json(json_t *o);
/* A path or another text of unknown making as JSON (json_pack's "o"): what is no UTF-8
 * becomes '?'. NULL: null. */
json_t *cli_text(const char *text);
/* The same, exact: control characters are escaped and come back. What is no UTF-8 can't
 * be JSON, and is made plain. */
json_t *cli_exact(const char *text);

extern const struct option global_options[];

#define GLOBAL(...)
#define COMMAND(words, arguments, run, ...) command_fn run;
#include "cli/commands.def"
#undef GLOBAL
#undef COMMAND

#endif
