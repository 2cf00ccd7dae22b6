/* buf.h - a byte buffer that grows up to a bound given at birth.
 *
 * data is always followed by a NUL byte that is not counted, so text can be
 * handed to C functions. All-zero but for the bound is valid and empty. Going
 * over the bound never writes: it sets `over`, further appends do nothing, and
 * the owner asks once at the end (buf_ok). data is NULL until the first append;
 * buf_text never returns NULL.
 */
#ifndef PAWL_BASE_BUF_H
#define PAWL_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
	uint8_t *data;
	size_t len, cap, max;
	bool over;
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* frees; b is empty and usable again */
void buf_clear(struct buf *b);   /* len 0, memory kept */
bool buf_ok(const struct buf *b);
const char *buf_text(const struct buf *b);
uint8_t *buf_take(struct buf *b, size_t *ret_len); /* the memory moves to the caller */

void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_byte(struct buf *b, uint8_t byte);
void buf_add_str(struct buf *b, const char *s);
void buf_add_u64(struct buf *b, uint64_t v);                   /* decimal, fast */
void buf_add_hex(struct buf *b, const void *data, size_t len); /* lower case, no 0x */
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/* s as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void buf_add_json(struct buf *b, const char *s);
void buf_add_json_bytes(struct buf *b, const char *s, size_t len);

#endif
