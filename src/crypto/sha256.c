#include "crypto/sha256.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "base/check.h"
#include "base/mem.h"

struct sha256 {
	EVP_MD_CTX *ctx;
};

static EVP_MD *algorithm;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Looking the algorithm up costs more than hashing a short text. */
static void fetch(void)
{
	algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	CHECK(algorithm);
}

struct sha256 *sha256_begin(void)
{
	struct sha256 *s = mem_new(sizeof *s);

	pthread_once(&once, fetch);
	s->ctx = EVP_MD_CTX_new();
	CHECK(s->ctx);
	CHECK(EVP_DigestInit_ex2(s->ctx, algorithm, NULL) == 1);
	return s;
}

void sha256_add(struct sha256 *s, const void *data, size_t len)
{
	CHECK(EVP_DigestUpdate(s->ctx, data, len) == 1);
}

void sha256_end(struct sha256 *s, uint8_t out[32])
{
	CHECK(EVP_DigestFinal_ex(s->ctx, out, NULL) == 1);
	EVP_MD_CTX_free(s->ctx);
	mem_free(s);
}

void sha256(uint8_t out[32], const void *data, size_t len)
{
	struct sha256 *s = sha256_begin();

	sha256_add(s, data, len);
	sha256_end(s, out);
}
