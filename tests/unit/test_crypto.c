/* Keys, hashes and signatures: vectors of the standards, another wallet's, and files
 * that want to hurt. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/keccak.h"
#include "crypto/keystore.h"
#include "crypto/secp.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"

static struct secret *secret_text(const char *text)
{
	char *copy = mem_str(text);
	struct secret *s = secret_new(copy, strlen(text));

	free(copy);
	return s;
}

static struct secret *secret_hex(const char *hex)
{
	struct secret *s;

	assert_int_equal(secret_parse_hex(&s, hex, strlen(hex), NULL), ERR_OK);
	return s;
}

static void assert_hex(const void *data, size_t len, const char *hex)
{
	char text[129];

	assert_true(len <= 64);
	hex_format(text, data, len);
	assert_string_equal(text, hex);
}

/* FIPS 180-2, appendix B. */
static void sha256_vectors(void **state)
{
	static const char long_text[] =
	    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	struct sha256 *s = sha256_begin();
	uint8_t out[32];

	(void)state;
	sha256(out, "abc", 3);
	assert_hex(
	    out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256(out, NULL, 0);
	assert_hex(
	    out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t i = 0; i < sizeof long_text - 1; i++)
		sha256_add(s, long_text + i, 1);
	sha256_end(s, out);
	assert_hex(
	    out, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void secret_moves_and_wipes(void **state)
{
	char mine[] = "0123456789abcdef0";
	struct secret *s = secret_new(mine, 17), *t, *u;

	(void)state;
	assert_int_equal(secret_len(s), 17);
	assert_memory_equal(secret_bytes(s), "0123456789abcdef0", 17);
	for (size_t i = 0; i < 17; i++)
		assert_int_equal(mine[i], 0);
	secret_free(s);
	secret_free(NULL);
	t = secret_random(32);
	u = secret_random(32);
	assert_memory_not_equal(secret_bytes(t), secret_bytes(u), 32);
	secret_free(t);
	secret_free(u);
	s = secret_new(mine, 0);
	assert_int_equal(secret_len(s), 0);
	secret_free(s);
}

/* The signal that a child dies of when it touches the byte at the offset. */
static int death_at(const struct secret *s, size_t offset, bool write_it)
{
	volatile uint8_t *at = (uint8_t *)(uintptr_t)secret_bytes(s) + offset;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		fclose(stderr);
		signal(SIGSEGV, SIG_DFL);
		if (write_it)
			*at = 1;
		(void)*at;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void secret_is_guarded(void **state)
{
	uint8_t mine[32] = { 1 };
	struct secret *both[] = { secret_random(32), secret_new(mine, 32) };

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(death_at(both[i], 0, false), 0);
		assert_int_equal(death_at(both[i], 0, true), SIGSEGV);
		assert_int_equal(
		    death_at(both[i], 32, false), SIGSEGV); /* the next page */
		secret_free(both[i]);
	}
}

static void secret_leaves_no_core(void **state)
{
	struct rlimit core;

	(void)state;
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
	assert_int_equal(core.rlim_cur, 0);
	assert_int_equal(core.rlim_max, 0);
}

#define KEY_HEX "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"

static void secret_reads_hex(void **state)
{
	static const char *const good[] = { KEY_HEX, "0x" KEY_HEX,
		" \t\r\n" KEY_HEX "\r\n" };
	static const char *const bad[] = { "", "0x", " ", KEY_HEX "0", KEY_HEX "00",
		"0X" KEY_HEX, "0x0x" KEY_HEX,
		"7a28b5ba57c53603b0b07b56bba752f7 784bf506fa95edc395f5cf6c7514fe9d",
		"7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9g" };
	struct secret *s = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		s = secret_hex(good[i]);
		assert_hex(secret_bytes(s), secret_len(s), KEY_HEX);
		secret_free(s);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct fail f = { 0 };

		s = NULL;
		assert_int_equal(
		    secret_parse_hex(&s, bad[i], strlen(bad[i]), &f), ERR_KEY);
		assert_null(s);
		assert_string_equal(f.why, "not 32 bytes in hex");
	}
}

static const struct sign_row {
	const char *key, *hash, *r, *s;
	int parity;
	const char *address;
} sign_rows[] = {
#define SIGN(...) { __VA_ARGS__ },
#include "../vectors/ethers.def"
};

#define STACK (1 << 20)

static void *address_make(void *key)
{
	uint8_t address[20];

	return secp_address(address, key, NULL) == ERR_OK ? key : NULL;
}

static void *sign(void *key)
{
	static const uint8_t hash[32] = { 1 };
	uint8_t r[32], s[32];
	int parity;

	secp_sign(r, s, &parity, key, hash);
	return key;
}

/* Half of the key, in either order of its bytes. */
static bool holds_some(const uint8_t *stack, const uint8_t key[32])
{
	uint8_t turned[32];

	for (size_t i = 0; i < 32; i++)
		turned[i] = key[31 - i];
	for (size_t i = 0; i + 16 <= STACK; i++)
		for (size_t at = 0; at <= 16; at += 8)
			if (!memcmp(stack + i, key + at, 16) ||
			    !memcmp(stack + i, turned + at, 16))
				return true;
	return false;
}

static bool leaves_some(void *(*what)(void *), struct secret *s, const uint8_t key[32])
{
	uint8_t *stack = aligned_alloc(4096, STACK);
	pthread_attr_t attr;
	pthread_t thread;
	void *done = NULL;
	bool ret;

	assert_non_null(stack);
	memset(stack, 0, STACK);
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstack(&attr, stack, STACK), 0);
	assert_int_equal(pthread_create(&thread, &attr, what, s), 0);
	assert_int_equal(pthread_join(thread, &done), 0);
	assert_ptr_equal(done, s);
	ret = holds_some(stack, key);
	pthread_attr_destroy(&attr);
	free(stack);
	return ret;
}

/* The first call of a library's function saves registers there, and so what is left in
 * them: nobody may have called one of the curve before this test. */
static void no_key_stays_on_the_stack(void **state)
{
	uint8_t key[32], bytes[32];
	struct secret *s;

	(void)state;
	for (size_t i = 0; i < 32; i++)
		key[i] = (uint8_t)(0x3a + 7 * i);
	memcpy(bytes, key, 32);
	s = secret_new(bytes, 32);
	assert_false(leaves_some(address_make, s, key));
	assert_false(leaves_some(sign, s, key));
	secret_free(s);
}

static void sign_row_holds(const struct sign_row *row)
{
	struct secret *key = secret_hex(row->key);
	uint8_t hash[32], r[32], s[32], address[20], lower[20];
	int parity = -1;

	assert_true(hex_parse_0x(hash, 32, row->hash));
	assert_true(hex_parse_0x(lower, 20, row->address));
	assert_int_equal(secp_address(address, key, NULL), ERR_OK);
	assert_memory_equal(address, lower, 20);
	secp_sign(r, s, &parity, key, hash);
	assert_hex(r, 32, row->r + 2);
	assert_hex(s, 32, row->s + 2);
	assert_int_equal(parity, row->parity);
	assert_int_equal(secp_recover(address, r, s, parity, hash, NULL), ERR_OK);
	assert_memory_equal(address, lower, 20);
	hash[0] ^= 1;
	if (secp_recover(address, r, s, parity, hash, NULL) == ERR_OK)
		assert_memory_not_equal(address, lower, 20);
	secret_free(key);
}

static void signs_as_ethers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sign_rows / sizeof *sign_rows; i++)
		sign_row_holds(sign_rows + i);
}

/* The example of EIP-155: nonce 9, 20 gwei, 21000 gas, 1 ether to 0x3535.., chain 1. */
static void signs_as_eip155(void **state)
{
	static const char unsigned_hex[] =
	    "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3"
	    "a764000080018080";
	struct secret *key = secret_hex(
	    "0x4646464646464646464646464646464646464646464646464646464646464646");
	uint8_t bytes[45], hash[32], r[32], s[32];
	int parity;

	(void)state;
	assert_true(
	    hex_parse(bytes, sizeof bytes, unsigned_hex, sizeof unsigned_hex - 1));
	keccak256(hash, bytes, sizeof bytes);
	assert_hex(
	    hash, 32, "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
	secp_sign(r, s, &parity, key, hash);
	assert_int_equal(parity, 37 - 35 - 2 * 1);
	assert_hex(
	    r, 32, "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276");
	assert_hex(
	    s, 32, "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83");
	secret_free(key);
}

#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static void secp_refuses_what_is_no_key(void **state)
{
	struct secret *zero = secret_hex(ZERO), *order = secret_hex(ORDER);
	struct secret *one_less = secret_hex(
	    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140");
	struct secret *shorter = secret_random(31);
	uint8_t address[20];

	(void)state;
	assert_int_equal(secp_address(address, zero, NULL), ERR_KEY);
	assert_int_equal(secp_address(address, order, NULL), ERR_KEY);
	assert_int_equal(secp_address(address, shorter, NULL), ERR_KEY);
	assert_int_equal(secp_address(address, one_less, NULL), ERR_OK);
	secret_free(zero);
	secret_free(order);
	secret_free(one_less);
	secret_free(shorter);
}

static void secp_refuses_what_nobody_signed(void **state)
{
	uint8_t r[32], s[32], zero[32] = { 0 }, order[32], address[20], hash[32] = { 1 };
	struct secret *key = secret_hex(KEY_HEX);
	int parity;

	(void)state;
	secp_sign(r, s, &parity, key, hash);
	assert_true(hex_parse(order, 32, ORDER, 64));
	assert_int_equal(secp_recover(address, r, s, 2, hash, NULL), ERR_INPUT);
	assert_int_equal(secp_recover(address, r, s, -1, hash, NULL), ERR_INPUT);
	assert_int_equal(secp_recover(address, zero, s, 0, hash, NULL), ERR_INPUT);
	assert_int_equal(secp_recover(address, r, zero, 0, hash, NULL), ERR_INPUT);
	assert_int_equal(secp_recover(address, order, s, 0, hash, NULL), ERR_INPUT);
	assert_int_equal(secp_recover(address, r, order, 0, hash, NULL), ERR_INPUT);
	assert_int_equal(secp_recover(address, r, s, parity, hash, NULL), ERR_OK);
	secret_free(key);
}

/* The two test vectors of the Web3 Secret Storage definition, password "testpassword". */
#define PBKDF2_CRYPTO                                                                    \
	"{\"cipher\":\"aes-128-ctr\","                                                   \
	"\"cipherparams\":{\"iv\":\"6087dab2f9fdbbfaddc31a909735c1e6\"},\"ciphertext\":" \
	"\"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46\","          \
	"\"kdf\":\"pbkdf2\",\"kdfparams\":{\"c\":262144,\"dklen\":32,"                   \
	"\"prf\":\"hmac-sha256\",\"salt\":"                                              \
	"\"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd\"},"         \
	"\"mac\":\"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2\"}"
#define SCRYPT_CRYPTO                                                                    \
	"{\"cipher\":\"aes-128-ctr\","                                                   \
	"\"cipherparams\":{\"iv\":\"83dbcc02d8ccb40e466191a123791e0e\"},\"ciphertext\":" \
	"\"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c\","          \
	"\"kdf\":\"scrypt\",\"kdfparams\":{\"dklen\":32,\"n\":262144,\"p\":8,\"r\":1,"   \
	"\"salt\":"                                                                      \
	"\"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19\"},"         \
	"\"mac\":\"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097\"}"
#define ADDRESS_OF_KEY(last) \
	"\"address\":\"008aeeda4d805471df9b2a5b0f38a0c3bcba786" last "\","
#define TAIL ",\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}"
#define PBKDF2_FILE "{\"crypto\":" PBKDF2_CRYPTO TAIL
#define SCRYPT_FILE "{\"crypto\":" SCRYPT_CRYPTO TAIL

static void opens(const char *json, const char *password, const char *key_hex)
{
	struct secret *pass = secret_text(password), *key = NULL;
	struct fail f = { 0 };
	enum err e = keystore_decrypt(&key, json, strlen(json), pass, &f);

	secret_free(pass);
	assert_string_equal(f.why, "");
	assert_int_equal(e, ERR_OK);
	assert_hex(secret_bytes(key), secret_len(key), key_hex);
	secret_free(key);
}

static void refused(const char *json, size_t len, const char *password, const char *why)
{
	struct secret *pass = secret_text(password), *key = NULL;
	struct fail f = { 0 };
	enum err e = keystore_decrypt(&key, json, len, pass, &f);

	secret_free(pass);
	assert_int_equal(e, ERR_KEY);
	assert_null(key);
	if (!strstr(f.why, why))
		fail_msg("\"%s\" is not in \"%s\"", why, f.why);
}

static const struct {
	const char *json, *password, *key;
} keystores[] = {
#define KEYSTORE(...) { __VA_ARGS__ },
#include "../vectors/ethers.def"
};

static void keystore_opens(void **state)
{
	(void)state;
	opens(PBKDF2_FILE, "testpassword", KEY_HEX);
	opens(SCRYPT_FILE, "testpassword", KEY_HEX);
	opens("{\"Crypto\":" PBKDF2_CRYPTO ",\"address\":null" TAIL, "testpassword",
	    KEY_HEX);
	opens("{" ADDRESS_OF_KEY("b") "\"crypto\":" PBKDF2_CRYPTO TAIL, "testpassword",
	    KEY_HEX);
	for (size_t i = 0; i < sizeof keystores / sizeof *keystores; i++)
		opens(keystores[i].json, keystores[i].password, keystores[i].key + 2);
}

static void keystore_wrong_password(void **state)
{
	static const char other_key[] =
	    "{" ADDRESS_OF_KEY("c") "\"crypto\":" PBKDF2_CRYPTO TAIL;

	(void)state;
	refused(keystores[0].json, strlen(keystores[0].json), "wrong",
	    "the password does not fit");
	refused(PBKDF2_FILE, sizeof PBKDF2_FILE - 1, "testpasswore",
	    "the password does not fit");
	refused(
	    other_key, sizeof other_key - 1, "testpassword", "not that of the address");
}

/* json with the first `from` replaced by `to`; freed by the caller. */
static char *replaced(const char *json, const char *from, const char *to)
{
	const char *at = strstr(json, from);
	size_t size = strlen(json) + strlen(to) + 1;
	char *out = mem_new(size);

	assert_non_null(at);
	snprintf(out, size, "%.*s%s%s", (int)(at - json), json, to, at + strlen(from));
	return out;
}

static const struct hostile {
	const char *json, *from, *to, *why;
} hostiles[] = {
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":1073741824", "out of bounds" },
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":8388608", "out of bounds" },
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":9223372036854775807", "out of bounds" },
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":99999999999999999999", "not JSON" },
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":262143", "out of bounds" },
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":1", "out of bounds" },
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":0", "out of bounds" },
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":-262144", "out of bounds" },
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":262144.0", "needs dklen" },
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":\"262144\"", "needs dklen" },
	{ SCRYPT_FILE, "\"n\":262144,", "", "needs dklen" },
	{ SCRYPT_FILE, "\"n\":262144", "\"n\":262144,\"n\":2", "not JSON" },
	{ SCRYPT_FILE, "\"r\":1", "\"r\":1073741824", "out of bounds" },
	{ SCRYPT_FILE, "\"r\":1", "\"r\":9223372036854775807", "out of bounds" },
	{ SCRYPT_FILE, "\"r\":1", "\"r\":17", "out of bounds" },
	{ SCRYPT_FILE, "\"n\":262144,\"p\":8,\"r\":1", "\"n\":2,\"p\":8,\"r\":1025",
	    "out of bounds" },
	{ SCRYPT_FILE, "\"r\":1", "\"r\":0", "out of bounds" },
	{ SCRYPT_FILE, "\"p\":8", "\"p\":1073741824", "out of bounds" },
	{ SCRYPT_FILE, "\"p\":8", "\"p\":17", "out of bounds" },
	{ SCRYPT_FILE, "\"p\":8", "\"p\":0", "out of bounds" },
	{ SCRYPT_FILE, "\"p\":8", "\"p\":-1", "out of bounds" },
	{ SCRYPT_FILE, "\"dklen\":32", "\"dklen\":31", "dklen" },
	{ SCRYPT_FILE, "\"dklen\":32", "\"dklen\":64", "dklen" },
	{ SCRYPT_FILE, "\"dklen\":32", "\"dklen\":1073741824", "dklen" },
	{ SCRYPT_FILE, "\"salt\":\"ab", "\"salt\":\"a", "salt" },
	{ SCRYPT_FILE, "\"salt\":\"ab", "\"salt\":\"xx", "salt" },
	{ SCRYPT_FILE, "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
	    "", "salt" },
	{ SCRYPT_FILE, "\"scrypt\"", "\"argon2id\"", "neither scrypt nor pbkdf2" },
	{ SCRYPT_FILE, "aes-128-ctr", "aes-128-cbc", "cipher" },
	{ SCRYPT_FILE, "\"iv\":\"83", "\"iv\":\"", "iv" },
	{ SCRYPT_FILE, "\"ciphertext\":\"d1", "\"ciphertext\":\"", "ciphertext" },
	{ SCRYPT_FILE, "\"ciphertext\":\"d1", "\"ciphertext\":\"d1d1", "ciphertext" },
	{ SCRYPT_FILE, "\"mac\":\"21", "\"mac\":\"", "mac" },
	{ SCRYPT_FILE, "\"mac\":\"21", "\"mac\":null,\"x\":\"", "crypto needs" },
	{ SCRYPT_FILE, "\"version\":3", "\"version\":2", "version" },
	{ SCRYPT_FILE, "\"version\":3", "\"version\":\"3\"", "version" },
	{ SCRYPT_FILE, ",\"version\":3", "", "version" },
	{ SCRYPT_FILE, "\"version\":3", "\"version\":3,\"version\":3", "not JSON" },
	{ SCRYPT_FILE, "\"version\":3", "\"version\":3,\"Crypto\":{}", "exactly one" },
	{ SCRYPT_FILE, "\"crypto\"", "\"vault\"", "exactly one" },
	{ SCRYPT_FILE, "{\"crypto\":", "{\"address\":7,\"crypto\":", "address" },
	{ SCRYPT_FILE, "{\"crypto\":", "{\"address\":\"\",\"crypto\":", "address" },
	{ SCRYPT_FILE, "\"version\":3}", "\"version\":3} x", "not JSON" },
	{ PBKDF2_FILE, "\"c\":262144", "\"c\":1073741824", "out of bounds" },
	{ PBKDF2_FILE, "\"c\":262144", "\"c\":4294967297", "out of bounds" },
	{ PBKDF2_FILE, "\"c\":262144", "\"c\":10000001", "out of bounds" },
	{ PBKDF2_FILE, "\"c\":262144", "\"c\":0", "out of bounds" },
	{ PBKDF2_FILE, "\"c\":262144", "\"c\":-1", "out of bounds" },
	{ PBKDF2_FILE, "\"dklen\":32", "\"dklen\":0", "dklen" },
	{ PBKDF2_FILE, "hmac-sha256", "hmac-sha512", "prf" },
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void keystore_refuses_hostile_files(void **state)
{
	int64_t start = now_ms();

	(void)state;
	for (size_t i = 0; i < sizeof hostiles / sizeof *hostiles; i++) {
		const struct hostile *h = hostiles + i;
		char *json = replaced(h->json, h->from, h->to);

		refused(json, strlen(json), "testpassword", h->why);
		free(json);
	}
	/* none of them was worth one derivation */
	assert_in_range(now_ms() - start, 0, 250);
}

static void keystore_refuses_torn_files(void **state)
{
	char *large = mem_new(KEYSTORE_FILE_MAX + 1);

	(void)state;
	for (size_t len = 0; len < sizeof SCRYPT_FILE - 1; len++)
		refused(SCRYPT_FILE, len, "testpassword", "not JSON");
	memset(large, ' ', KEYSTORE_FILE_MAX + 1);
	memcpy(large, SCRYPT_FILE, sizeof SCRYPT_FILE - 1);
	refused(large, KEYSTORE_FILE_MAX + 1, "testpassword", "too large");
	memset(large, '[', KEYSTORE_FILE_MAX);
	refused(large, KEYSTORE_FILE_MAX, "testpassword", "not JSON");
	refused("[3]", 3, "testpassword", "version");
	refused("{}", 2, "testpassword", "version");
	free(large);
}

static void keystore_round_trip(void **state)
{
	struct secret *key = secret_hex(KEY_HEX), *pass = secret_text("a b\xc3\xa4");
	struct buf out;

	(void)state;
	buf_init(&out, KEYSTORE_FILE_MAX);
	assert_int_equal(keystore_encrypt(&out, key, pass, NULL), ERR_OK);
	assert_non_null(strstr(
	    buf_text(&out), "\"address\":\"008aeeda4d805471df9b2a5b0f38a0c3bcba786b\""));
	assert_non_null(strstr(buf_text(&out), "\"n\":262144,\"p\":1,\"r\":8"));
	assert_null(strstr(buf_text(&out), KEY_HEX));
	opens(buf_text(&out), "a b\xc3\xa4", KEY_HEX);
	buf_release(&out);
	secret_free(key);
	key = secret_hex(ZERO);
	assert_int_equal(keystore_encrypt(&out, key, pass, NULL), ERR_KEY);
	assert_int_equal(out.len, 0);
	secret_free(key);
	secret_free(pass);
}

static int setup(void **state)
{
	(void)state;
	secret_setup();
	secp_setup();
	secp_setup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_vectors),
		cmocka_unit_test(secret_moves_and_wipes),
		cmocka_unit_test(secret_is_guarded),
		cmocka_unit_test(secret_leaves_no_core),
		cmocka_unit_test(secret_reads_hex),
		cmocka_unit_test(no_key_stays_on_the_stack),
		cmocka_unit_test(signs_as_ethers),
		cmocka_unit_test(signs_as_eip155),
		cmocka_unit_test(secp_refuses_what_is_no_key),
		cmocka_unit_test(secp_refuses_what_nobody_signed),
		cmocka_unit_test(keystore_opens),
		cmocka_unit_test(keystore_wrong_password),
		cmocka_unit_test(keystore_refuses_hostile_files),
		cmocka_unit_test(keystore_refuses_torn_files),
		cmocka_unit_test(keystore_round_trip),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
