/* json_plain.h - JSON as programs write it, read at ten times jansson's speed.
 *
 * Plain is: printable ASCII without escapes, whole numbers that are not below 0, no deep
 * nesting. Only that is read here, and strictly; of whatever looks different, or is
 * wrong, nothing is said: jansson reads it then, and its word stands.
 */
#ifndef PAWL_CODEC_JSON_PLAIN_H
#define PAWL_CODEC_JSON_PLAIN_H

#include <jansson.h>

/* The same tree that json_loadb() makes of it with JSON_REJECT_DUPLICATES; NULL: not
 * plain. */
json_t *json_plain(const char *text, size_t len);

#endif
