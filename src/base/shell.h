/* shell.h - texts of unknown making in a line that a person is told to type. */
#ifndef PAWL_BASE_SHELL_H
#define PAWL_BASE_SHELL_H

#include <stddef.h>

/* As one word of a shell: in quotes where it takes them. What is too long is cut. out. */
const char *shell_word(char *out, size_t size, const char *text);

#endif
