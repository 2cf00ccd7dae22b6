#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#define MESSAGE_MAX 4096
#define LINE_MAX_BYTES (6 * MESSAGE_MAX + 1024) /* each byte as \u00xx, and the rest */

static struct {
	char *file;
	int fd;
	enum log_level least;
	bool json;
} sink = { .fd = STDERR_FILENO, .least = LOG_INFO };

static const char *const names[] = { "debug", "info", "warn", "error" };

static int file_open(const char *file)
{
	return open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

enum err log_open(const char *file, enum log_level least, bool json, struct fail *f)
{
	int fd = file ? file_open(file) : STDERR_FILENO;

	if (fd < 0)
		return fail_set(f, ERR_CONFIG, "log file %s: %s", file, strerror(errno));
	log_close();
	sink.file = file ? mem_str(file) : NULL;
	sink.fd = fd;
	sink.least = least;
	sink.json = json;
	return ERR_OK;
}

void log_reopen(void)
{
	int fd;

	if (!sink.file)
		return;
	fd = file_open(sink.file);
	if (fd < 0) {
		log_warn("log", "%s: %s; the old file stays in use", sink.file,
		    strerror(errno));
		return;
	}
	close(sink.fd);
	sink.fd = fd;
}

void log_close(void)
{
	if (sink.file)
		close(sink.fd);
	mem_free(sink.file);
	sink.file = NULL;
	sink.fd = STDERR_FILENO;
}

static void time_format(char out[32])
{
	time_t now_s = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;

	gmtime_r(&now_s, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void line_add(struct buf *b, enum log_level level, const char *at, char *msg)
{
	char t[32];

	time_format(t);
	if (sink.json) {
		buf_addf(b, "{\"t\":\"%s\",\"level\":\"%s\",\"at\":", t, names[level]);
		buf_add_json(b, at);
		buf_add_str(b, ",\"msg\":");
		buf_add_json(b, msg);
		buf_add_str(b, "}\n");
	} else {
		buf_addf(b, "%s %-5s %s: ", t, names[level], at);
		utf8_plain(msg);
		buf_add_str(b, msg);
		buf_add_byte(b, '\n');
	}
}

void log_line(enum log_level level, const char *at, const char *fmt, ...)
{
	char msg[MESSAGE_MAX];
	struct buf line;
	va_list ap;

	if (level < sink.least)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	buf_init(&line, LINE_MAX_BYTES);
	line_add(&line, level, at, msg);
	/* A full disk must not stop what runs: a lost line is lost. */
	while (write(sink.fd, line.data, line.len) < 0 && errno == EINTR)
		;
	buf_release(&line);
}
