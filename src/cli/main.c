/* main.c - start, run one command, tell how it ended. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/config/keys.h"
#include "cli/guide.h"
#include "crypto/secret.h"
#include "world/clock.h"

/* A journal that is opened as descriptor 1 would be printed into. What is printed where
 * nobody can write is an error; who closes 2 wants to hear of none. */
static void descriptors_fill(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			CHECK(open("/dev/null",
				  fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) == fd);
}

static const char *output_why(void)
{
	bool closed = (fcntl(STDOUT_FILENO, F_GETFL) & O_ACCMODE) == O_RDONLY;

	return closed ? "it is closed" : strerror(errno);
}

/* By a name of the guide: its command's words stand in front of what was typed. */
static enum err parse(struct cli *c, int argc, char **argv, struct fail *f)
{
	static char words[64]; /* what args borrows from */
	char *line[GUIDE_ARGUMENTS_MAX];

	c->args.guide = argc ? guide_find(argv[0]) : NULL;
	if (!c->args.guide)
		return args_parse(&c->args, argc, argv, f);
	argc = guide_line(c->args.guide, argc, argv, line, words);
	if (!argc)
		return fail_set(f, ERR_USAGE, "too many arguments");
	return args_parse(&c->args, argc, line, f);
}

static enum err run(struct cli *c, int argc, char **argv, struct fail *f)
{
	enum err e = parse(c, argc, argv, f);

	if (e != ERR_OK)
		return e;
	if (c->args.help) /* of the command in args, or of all */
		return cmd_help(c, f);
	return c->args.command->run(c, f);
}

/* What was printed counts as printed only when it got there. */
static enum err output_check(enum err e, struct fail *f)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return e;
	if (e == ERR_OK)
		e = fail_set(f, ERR_SYSTEM, "standard output: %s", output_why());
	return e;
}

static void error_print(const struct cli *c, const char *why)
{
	while (*why) {
		size_t len = strcspn(why, "\n");

		fprintf(stderr, "%s: %.*s\n",
		    c->args.guide ? c->args.guide->name : "pawl", (int)len, why);
		why += len + (why[len] == '\n');
	}
}

static int end(const struct cli *c, enum err e, const struct fail *f)
{
	const char *why = f->why[0] ? f->why : err_text(e);

	int code = err_exit_code(e);

	if (e == ERR_OK)
		return 0;
	if (c->args.guide)
		code = guide_exit_code(code);
	if (c->args.json && !c->told)
		cli_json(json_pack("{s:s, s:i}", "error", why, "exit", code));
	fflush(stdout);
	if (!c->said)
		error_print(c, why);
	return code;
}

int main(int argc, char **argv)
{
	struct cli c = { .config = NULL };
	struct fail f = { ERR_OK, "" };
	enum err e;

	descriptors_fill();
	clock_set(system_wall_ms);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	/* A file that may not grow is an error of its write, and that is said. */
	signal(SIGXFSZ, SIG_IGN);
	secret_setup();
	e = output_check(run(&c, argc, argv, &f), &f);
	keyring_free(c.keyring);
	config_free(c.config);
	log_close();
	return end(&c, e, &f);
}
