/* file.h - files that a command makes: whole or not at all, on the medium, private. */
#ifndef PAWL_CLI_CONFIG_FILE_H
#define PAWL_CLI_CONFIG_FILE_H

#include "base/buf.h"

/* Mode 0700; one that is there already is fine. ERR_SYSTEM. */
NODISCARD enum err folder_make(const char *path, struct fail *f);

/* Make a file with this content, mode 0600. Never over an existing one (ERR_CONFLICT),
 * never half of it, and on return it is synced with its folder. ERR_SYSTEM. */
NODISCARD enum err file_create(
    const char *path, const struct buf *content, struct fail *f);

/* All of a file into an empty buf; what is over the buf's bound is ERR_TOO_BIG. The
 * descriptor is closed. */
NODISCARD enum err file_read(struct buf *out, int fd, const char *path, struct fail *f);

#endif
