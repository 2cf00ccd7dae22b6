/* notify.h - what a service manager is told (sd_notify(3)): that it is up, how it is, and
 * that its turns end.
 *
 * The protocol of systemd: lines in a datagram to the socket that NOTIFY_SOCKET names. A
 * manager that does not listen holds up nobody: what it could not take is sent again
 * behind a later turn, and only the newest of it. Nothing depends on being heard.
 */
#ifndef PAWL_SERVE_VITAL_NOTIFY_H
#define PAWL_SERVE_VITAL_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"

#define NOTIFY_STATUS_MAX 256

struct notify {
	int fd; /* -1: nobody listens */
	struct sockaddr_un to;
	socklen_t to_len;
	int64_t every_ms, next_ms; /* that a turn ended is told; INT64_MAX: never */
	const char *owed;          /* the state to tell; NULL: it was told */
	char status[NOTIFY_STATUS_MAX];
	int64_t status_ms; /* when it may change again */
	bool status_owed;
};

/* What the environment says, each NULL where it does not: NOTIFY_SOCKET (a path, or an
 * abstract name behind a '@'), WATCHDOG_USEC and WATCHDOG_PID. fails: CONFIG (no such
 * address), SYSTEM; n is valid for the others in any case, and silent then. */
NODISCARD enum err notify_open(struct notify *n, const char *to, const char *watchdog_us,
    const char *watchdog_pid, struct fail *f);
void notify_close(struct notify *n);

void notify_ready(struct notify *n);
void notify_reloading(struct notify *n); /* until the next notify_ready() */
void notify_stopping(struct notify *n);

/* A turn ended: the watchdog is fed when it is due, and nowhere else. status is a line
 * for a person; a new one is told at most once a second. */
void notify_turned(struct notify *n, int64_t now_ms, const char *status);
/* When a turn has to end next; INT64_MAX: whenever it does. */
int64_t notify_wake_ms(const struct notify *n);

#endif
