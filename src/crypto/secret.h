/* secret.h - a private key in guarded memory (libsodium): locked, not dumped,
 * between guard pages, wiped when freed. No function formats one. Read-only
 * after creation, so workers may sign with it at the same time.
 *
 * Where RLIMIT_MEMLOCK is used up the memory can't be locked: all else holds, and
 * the pages might be swapped out. The process must have called secret_setup.
 */
#ifndef PAWL_CRYPTO_SECRET_H
#define PAWL_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct secret;

/* Once per process: libsodium, no core dumps of this process's secrets
 * (PR_SET_DUMPABLE off, RLIMIT_CORE 0). */
void secret_setup(void);

/* len bytes move into guarded memory; the caller's copy is wiped. */
struct secret *secret_new(void *bytes, size_t len);
struct secret *secret_random(size_t len);
const uint8_t *secret_bytes(const struct secret *s);
size_t secret_len(const struct secret *s);
/* In a time that says nothing of where they differ. */
bool secret_is(const struct secret *s, const void *bytes, size_t len);
void secret_free(struct secret *s); /* NULL is fine */
void secret_wipe(void *p, size_t len);

/* 32 bytes in hex, 0x or not, blanks around it allowed. Never says what it read. */
NODISCARD enum err secret_parse_hex(
    struct secret **ret, const char *text, size_t len, struct fail *f);

#endif
