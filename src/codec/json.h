/* json.h - strict reading of JSON through jansson.
 *
 * Duplicate keys and trailing text are refused, depth and number of values bounded;
 * amounts travel as strings. The getters borrow from the value given and never fail
 * loudly: a missing or wrongly typed member gives false or NULL.
 */
#ifndef PAWL_CODEC_JSON_H
#define PAWL_CODEC_JSON_H

#include <jansson.h>

#include "base/amount.h"
#include "base/err.h"

struct buf;

/* NULL on malformed text, f says line and column, or which number of which member is out
 * of range (ERR_BAD_ANSWER). */
json_t *json_read(const char *text, size_t len, struct fail *f);

/* Compact, and the end of a line behind it; o is given away. */
void json_line_add(struct buf *out, json_t *o);

/* For sentences: a value as it stands there, short, and printable. */
#define JSON_SHOWN_MAX 48
const char *json_shown(char out[JSON_SHOWN_MAX], const json_t *value);

/* Any bytes: what can't be shown is replaced. NULL is null. */
json_t *json_text(const char *text);

const char *json_str(const json_t *object, const char *key); /* NULL if absent */
bool json_i64(const json_t *object, const char *key, int64_t *ret);
bool json_bool(const json_t *object, const char *key, bool *ret);
bool json_hex_u64(const json_t *object, const char *key, uint64_t *ret); /* "0x1f" */
bool json_hex_u63(const json_t *object, const char *key, uint64_t *ret); /* a journal's */
bool json_hex_amount(const json_t *object, const char *key, struct amount *ret);
bool json_hex_bytes(
    const json_t *object, const char *key, void *out, size_t len); /* exactly len */

#endif
