#include "cli/cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/shell.h"
#include "cli/config/keys.h"
#include "codec/json.h"
#include "world/files.h"

enum err cli_log(const struct cli *c, const struct log_config *log, struct fail *f)
{
	enum log_level level = log->level;

	if (c->args.quiet && !log->file && level < LOG_WARN)
		level = LOG_WARN;
	return log_open(log->file, level, log->format == LOG_JSON, f);
}

enum err cli_config(struct cli *c, struct fail *f)
{
	char word[SHELL_WORD_MAX];
	enum err e;

	if (c->config)
		return ERR_OK;
	e = config_load(&c->config, c->args.config, f);
	if (e != ERR_OK)
		return e;
	if (c->config->mode & 07)
		cli_warn(c, "%s can be read by everybody on this machine: chmod 600 %s",
		    c->config->path, shell_word(word, sizeof word, c->config->path));
	for (int i = 0; i < c->config->warnings_n; i++)
		cli_warn(c, "%s", c->config->warnings[i]);
	return cli_log(c, &c->config->log, f);
}

enum err cli_keyring(struct cli *c, struct fail *f)
{
	enum err e = cli_config(c, f);

	if (e == ERR_OK && !c->keyring)
		c->keyring = keyring_new(c->config);
	return e;
}

static void on_stop(int number)
{
	(void)number;
	files_stop();
}

const struct files *cli_until_stopped(void)
{
	const struct sigaction a = { .sa_handler = on_stop,
		.sa_flags = SA_RESTART | (int)SA_RESETHAND };

	CHECK(sigaction(SIGINT, &a, NULL) == 0 && sigaction(SIGTERM, &a, NULL) == 0);
	return &files_until_stopped;
}

void cli_say(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->args.json || c->args.quiet)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void cli_warn(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->args.quiet)
		return;
	fputs("pawl: warning: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void waits(
    const struct cli *c, const char *for_whom, const char *why, int64_t left_ms)
{
	time_t until = (time_t)((clock_wall_ms() + left_ms + 999) / 1000);
	struct tm tm;
	char text[16];

	if (!gmtime_r(&until, &tm) || !strftime(text, sizeof text, "%TZ", &tm))
		snprintf(text, sizeof text, "then");
	cli_warn(c, "%swaiting until %s, %lld s: %s", for_whom, text,
	    (long long)(left_ms + 999) / 1000, why);
}

void cli_waits(void *ctx, const char *why, int64_t left_ms)
{
	waits(ctx, "no answer of the nodes yet; ", why, left_ms);
}

void cli_waits_owner(void *ctx, const char *why, int64_t left_ms)
{
	waits(ctx, "", why, left_ms);
}

void cli_json(json_t *o)
{
	char *text;

	CHECK(o);
	text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	CHECK(text);
	puts(text);
	mem_free(text);
	json_decref(o);
}

json_t *cli_exact(const char *text)
{
	json_t *o = text ? json_string(text) : NULL;

	return o ? o : cli_text(text);
}

json_t *cli_text(const char *text)
{
	return json_text(text);
}
