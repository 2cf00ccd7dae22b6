/* door.h - the socket of a journal's owner: <journal>.sock, mode 0600.
 *
 * Made under the journal's lock, so what lies there is of an owner that is dead: it is
 * replaced, never trusted. A socket that answers all the same is somebody else's, and is
 * left alone. The name of a socket has at most 107 bytes: a longer path is reached
 * through its folder's descriptor, so that only the journal's own name must be shorter.
 */
#ifndef PAWL_SERVE_DOOR_DOOR_H
#define PAWL_SERVE_DOOR_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define DOOR_NAME_MAX 108 /* of a socket, with its NUL */

/* The socket beside a journal, under a name that fits. folder_fd must stay open for as
 * long as the name is used; -1: the name is the path itself. */
struct door {
	int folder_fd, listen_fd; /* -1: not open */
	char name[DOOR_NAME_MAX];
};

/* Only the name. fails: CONFIG (too long), SYSTEM. d is valid for door_close always. */
NODISCARD enum err door_find(struct door *d, const char *journal, struct fail *f);

/* Listen. fails: as door_find; CONFLICT: a socket that answers is there. */
NODISCARD enum err door_open(struct door *d, const char *journal, struct fail *f);
/* By its owner, while it still has the lock: the socket is removed if it was made. */
void door_close(struct door *d);

/* Does anybody listen behind it now? ret_pid (NULL: not asked): who; 0: nobody knows. */
bool door_answers(const struct door *d, int64_t *ret_pid);

#endif
