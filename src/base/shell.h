/* shell.h - texts of unknown making in a line that a person is told to type. */
#ifndef PAWL_BASE_SHELL_H
#define PAWL_BASE_SHELL_H

#include <stddef.h>
#include <sys/types.h>

/* As one word of a shell: in quotes where it takes them. What is too long is "PATH", for
 * whoever types it to fill in: half of it would be another file. size: at least that.
 * Returns out. */
#define SHELL_WORD_MAX 360 /* for most paths */
const char *shell_word(char *out, size_t size, const char *text);

/* What stands before a command that another user is to type. name NULL: the system knows
 * him by his number alone, and sudo not at all. Returns out. */
#define SHELL_AS_MAX 128
const char *shell_as(char out[SHELL_AS_MAX], const char *name, uid_t uid, gid_t gid);

#endif
