/* utf8.h - is this UTF-8? Strict: no overlong forms, no surrogates, nothing above
 * U+10FFFF.
 */
#ifndef PAWL_BASE_UTF8_H
#define PAWL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes (1 to 4) of the character that text begins with; 0 when it is none. */
size_t utf8_next(const char *text, size_t len);
bool utf8_valid(const char *text, size_t len);

/* In place: what is no UTF-8, and control characters (C0, DEL, C1, and those that begin
 * a line or turn around what is shown), become '?' a byte. Text of others can then
 * neither begin a line, nor speak to the terminal, nor look like another one. */
void utf8_plain(char *text);
/* Is such a character in it? Bytes that are no UTF-8 are none. */
bool utf8_speaks(const char *text);

#endif
