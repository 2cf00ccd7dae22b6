#include "serve/vital/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mutant.h"
#include "base/utf8.h"

#define STATUS_PAUSE_MS 1000
#define AGAIN_MS 200    /* to one who could not take it */
#define WATCHDOG_PART 3 /* of its patience: two may be lost */

static bool to_parse(struct notify *n, const char *to)
{
	size_t len = strlen(to);

	n->to.sun_family = AF_UNIX;
	if ((*to != '/' && *to != '@') || len < 2 || len >= sizeof n->to.sun_path)
		return false;
	memcpy(n->to.sun_path, to, len);
	if (*to ==
	    '@') /* abstract: a name that begins with NUL, and ends with its length */
		n->to.sun_path[0] = '\0';
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (*to == '/')
		n->to_len++;
	return true;
}

/* The whole of a number; 0: it is none. */
static int64_t number(const char *text)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	return errno || *end || end == text || v < 0 ? 0 : v;
}

/* Of this process, and not of one that started it. */
static int64_t watchdog_ms(const char *us, const char *pid)
{
	int64_t every_us = us ? number(us) : 0;

	if (!every_us || (pid && number(pid) != getpid()))
		return INT64_MAX;
	every_us /= 1000 * WATCHDOG_PART;
	return every_us > 0 ? every_us : 1;
}

enum err notify_open(struct notify *n, const char *to, const char *watchdog_us,
    const char *watchdog_pid, struct fail *f)
{
	*n = (struct notify){ .fd = -1, .every_ms = INT64_MAX, .next_ms = INT64_MAX };
	if (!to || !*to)
		return ERR_OK;
	if (!to_parse(n, to))
		return fail_set(f, ERR_CONFIG,
		    "NOTIFY_SOCKET=%.120s is neither a path nor an abstract name", to);
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		return fail_set(f, ERR_SYSTEM, "NOTIFY_SOCKET: %s", strerror(errno));
	n->every_ms = watchdog_ms(watchdog_us, watchdog_pid);
	if (n->every_ms != INT64_MAX)
		n->next_ms = 0;
	return ERR_OK;
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

static bool say(struct notify *n, const char *text)
{
	size_t len = strlen(text);

	return sendto(n->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT,
		   (const struct sockaddr *)&n->to, n->to_len) == (ssize_t)len;
}

/* The same clock as systemd's: CLOCK_MONOTONIC. */
static bool say_state(struct notify *n, const char *state)
{
	char text[80];
	struct timespec now;

	if (strcmp(state, "RELOADING=1") != 0)
		return say(n, state);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	return say(n, text);
}

static void tell(struct notify *n, const char *state)
{
	if (n->fd >= 0)
		n->owed = say_state(n, state) ? NULL : state;
}

void notify_ready(struct notify *n)
{
	tell(n, "READY=1");
}

void notify_reloading(struct notify *n)
{
	tell(n, "RELOADING=1");
}

void notify_stopping(struct notify *n)
{
	tell(n, "STOPPING=1");
}

static void status_tell(struct notify *n, int64_t now_ms, const char *status)
{
	char line[NOTIFY_STATUS_MAX + sizeof "STATUS="], plain[NOTIFY_STATUS_MAX];

	snprintf(plain, sizeof plain, "%s", status);
	utf8_plain(plain); /* what others said begins no line of ours */
	if (strcmp(n->status, plain) != 0 && now_ms >= n->status_ms) {
		memcpy(n->status, plain, sizeof plain);
		n->status_ms = now_ms + STATUS_PAUSE_MS;
		n->status_owed = true;
	}
	if (!n->status_owed)
		return;
	snprintf(line, sizeof line, "STATUS=%s", n->status);
	n->status_owed = !say(n, line);
}

void notify_turned(struct notify *n, int64_t now_ms, const char *status)
{
	if (n->fd < 0)
		return;
	if (n->owed)
		tell(n, n->owed);
	if (now_ms >= n->next_ms && !MUTANT(watchdog_starves))
		n->next_ms = now_ms + (say(n, "WATCHDOG=1") ? n->every_ms : AGAIN_MS);
	status_tell(n, now_ms, status);
}

int64_t notify_wake_ms(const struct notify *n)
{
	return n->fd < 0 ? INT64_MAX : n->next_ms;
}
