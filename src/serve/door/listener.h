/* listener.h - a TCP address to listen on, as it is written in a config.
 *
 * "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "0.0.0.0:8080"; port 0 takes a free
 * one. Names are not looked up. Who opens it closes it.
 */
#ifndef PAWL_SERVE_DOOR_LISTENER_H
#define PAWL_SERVE_DOOR_LISTENER_H

#include <stdbool.h>

#include "base/err.h"

#define LISTENER_AT_MAX 64

struct listener {
	int fd;                   /* -1: not open */
	char at[LISTENER_AT_MAX]; /* as it is: "127.0.0.1:43121" */
	unsigned port;
	bool loopback; /* no other machine reaches it */
};

/* What is wrong with the text; NULL: it is an address and a port. */
const char *listener_fault(const char *text);

/* fails: CONFIG (no address, in use, not of this machine), SYSTEM. l is valid for
 * listener_close in any case. */
NODISCARD enum err listener_open(struct listener *l, const char *text, struct fail *f);
void listener_close(struct listener *l);

#endif
