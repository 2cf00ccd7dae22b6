#include "engine/scrap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All that the handler may touch: plain memory, prepared before. */
static char path[4096];
static volatile sig_atomic_t armed;
static volatile int64_t advancing;
static volatile int64_t former, former_deaths;

static size_t number_put(char *out, int64_t v)
{
	char digits[24];
	size_t n = 0, len = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	while (n > 0)
		out[len++] = digits[--n];
	return len;
}

static void died(int signal)
{
	if (armed && advancing > 0) {
		char line[64];
		size_t len = number_put(line, advancing);
		int fd;

		line[len++] = ' ';
		len +=
		    number_put(line + len, advancing == former ? former_deaths + 1 : 1);
		line[len++] = '\n';
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd >= 0) {
			ssize_t unused = write(fd, line, len);

			(void)unused;
			close(fd);
		}
	}
	raise(signal); /* the default action again: SA_RESETHAND */
}

static void scrap_read(void)
{
	char line[64] = { 0 };
	char *rest;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	former = former_deaths = 0;
	if (fd < 0)
		return;
	if (read(fd, line, sizeof line - 1) > 0) {
		former = strtoll(line, &rest, 10);
		former_deaths = strtoll(rest, NULL, 10);
	}
	close(fd);
}

int64_t scrap_arm(const char *journal_path)
{
	static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	struct sigaction sa = { .sa_handler = died,
		.sa_flags = (int)SA_RESETHAND | SA_NODEFER };
	const char *slash = strrchr(journal_path, '/');
	int folder = slash ? (int)(slash - journal_path) + 1 : 0;
	int64_t culprit;

	snprintf(path, sizeof path, "%.*sdied-%s", folder, journal_path,
	    slash ? slash + 1 : journal_path);
	scrap_read();
	culprit = former_deaths >= SCRAP_DEATHS_MAX ? former : 0;
	if (culprit)
		scrap_clear();
	advancing = 0;
	armed = 1;
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &sa, NULL);
	return culprit;
}

void scrap_enter(int64_t operation)
{
	advancing = operation;
}

void scrap_leave(void)
{
	advancing = 0;
}

void scrap_clear(void)
{
	if (path[0])
		unlink(path);
	former = former_deaths = 0;
}
