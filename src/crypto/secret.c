#include "crypto/secret.h"

#include <sodium.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/hex.h"

struct secret {
	size_t len;
	uint8_t bytes[];
};

void secret_setup(void)
{
	const struct rlimit none = { 0, 0 };

	CHECK(sodium_init() >= 0);
	CHECK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
}

static struct secret *guarded(size_t len)
{
	/* libsodium puts the end at the guard page: only a round size is aligned */
	size_t align = _Alignof(struct secret);
	struct secret *s;

	CHECK(len < 1 << 20);
	s = sodium_malloc((sizeof *s + len + align - 1) / align * align);
	CHECK(s);
	s->len = len;
	return s;
}

struct secret *secret_new(void *bytes, size_t len)
{
	struct secret *s = guarded(len);

	if (len)
		memcpy(s->bytes, bytes, len);
	secret_wipe(bytes, len);
	CHECK(sodium_mprotect_readonly(s) == 0);
	return s;
}

struct secret *secret_random(size_t len)
{
	struct secret *s = guarded(len);

	randombytes_buf(s->bytes, len);
	CHECK(sodium_mprotect_readonly(s) == 0);
	return s;
}

const uint8_t *secret_bytes(const struct secret *s)
{
	return s->bytes;
}

bool secret_is(const struct secret *s, const void *bytes, size_t len)
{
	return len == s->len && sodium_memcmp(s->bytes, bytes, len) == 0;
}

size_t secret_len(const struct secret *s)
{
	return s->len;
}

void secret_free(struct secret *s)
{
	sodium_free(s);
}

void secret_wipe(void *p, size_t len)
{
	sodium_memzero(p, len);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum err secret_parse_hex(
    struct secret **ret, const char *text, size_t len, struct fail *f)
{
	uint8_t bytes[32];

	while (len && is_blank(text[len - 1]))
		len--;
	while (len && is_blank(*text)) {
		text++;
		len--;
	}
	if (len >= 2 && text[0] == '0' && text[1] == 'x') {
		text += 2;
		len -= 2;
	}
	if (!hex_parse(bytes, sizeof bytes, text, len))
		return fail_set(f, ERR_KEY, "not 32 bytes in hex");
	*ret = secret_new(bytes, sizeof bytes);
	return ERR_OK;
}
