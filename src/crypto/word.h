/* word.h - a short word that stands for exactly what a person was shown.
 *
 * What could pay somebody twice is refused, and told; the line that has it done all the
 * same bears this word. When it is typed there may be more: then the word is another one,
 * and what nobody was shown is accepted by nobody. It is kept nowhere, and made anew.
 */
#ifndef PAWL_CRYPTO_WORD_H
#define PAWL_CRYPTO_WORD_H

#include <stdbool.h>

#include "crypto/sha256.h"

#define WORD_NONE 0 /* none was said */
#define WORD_LEN 8  /* in hex, without a NUL */

/* Of all that was added to s, which ends with it; never NONE. */
uint32_t word_end(struct sha256 *s);

/* Exactly its digits. false: it can be no word. */
bool word_parse(uint32_t *ret, const char *text, size_t len);

#endif
