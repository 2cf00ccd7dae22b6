#include "crypto/keystore.h"

#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"

#define KEY_LEN 32
#define IV_LEN 16
#define DERIVED_LEN 32 /* 16 bytes encrypt, 16 authenticate */
#define SALT_MAX 128
#define MIB ((uint64_t)1 << 20)
#define SCRYPT_MEMORY_MAX (512 * MIB)
#define SCRYPT_R_MAX 1024
#define SCRYPT_P_MAX 16
#define ROUNDS_MAX 10000000

/* What a file says, read and bounded. */
struct keystore {
	bool scrypt;
	json_int_t n, r, p; /* scrypt */
	json_int_t rounds;  /* pbkdf2 */
	uint8_t salt[SALT_MAX];
	size_t salt_len;
	uint8_t iv[IV_LEN], ciphertext[KEY_LEN], mac[32];
	bool has_address;
	uint8_t address[20];
};

static enum err malformed(struct fail *f, const char *what)
{
	return fail_set(f, ERR_KEY, "keystore: %s", what);
}

static enum err hex_read(
    void *out, size_t len, const char *text, const char *what, struct fail *f)
{
	if (!hex_parse(out, len, text, strlen(text)))
		return fail_set(
		    f, ERR_KEY, "keystore: %s is not %zu bytes in hex", what, len);
	return ERR_OK;
}

static enum err salt_read(struct keystore *k, const char *text, struct fail *f)
{
	k->salt_len = strlen(text) / 2;
	if (k->salt_len == 0 || k->salt_len > SALT_MAX)
		return fail_set(
		    f, ERR_KEY, "keystore: salt is not 1 to %d bytes", SALT_MAX);
	return hex_read(k->salt, k->salt_len, text, "salt", f);
}

/* In this order nothing overflows: r is small before it is multiplied. */
static bool scrypt_bounded(const struct keystore *k)
{
	return k->r >= 1 && k->r <= SCRYPT_R_MAX && k->p >= 1 && k->p <= SCRYPT_P_MAX &&
	    k->n >= 2 && (k->n & (k->n - 1)) == 0 &&
	    (uint64_t)k->n <= SCRYPT_MEMORY_MAX / 128 / (uint64_t)k->r;
}

static enum err scrypt_read(struct keystore *k, json_t *params, struct fail *f)
{
	json_int_t dklen;
	const char *salt;

	k->scrypt = true;
	if (json_unpack(params, "{s:I, s:I, s:I, s:I, s:s}", "dklen", &dklen, "n", &k->n,
		"r", &k->r, "p", &k->p, "salt", &salt))
		return malformed(f, "scrypt needs dklen, n, r, p and salt");
	if (dklen != DERIVED_LEN)
		return malformed(f, "dklen is not 32");
	if (!scrypt_bounded(k))
		return malformed(f, "the scrypt parameters are out of bounds");
	return salt_read(k, salt, f);
}

static enum err pbkdf2_read(struct keystore *k, json_t *params, struct fail *f)
{
	json_int_t dklen;
	const char *salt, *prf;

	k->scrypt = false;
	if (json_unpack(params, "{s:I, s:I, s:s, s:s}", "dklen", &dklen, "c", &k->rounds,
		"prf", &prf, "salt", &salt))
		return malformed(f, "pbkdf2 needs dklen, c, prf and salt");
	if (dklen != DERIVED_LEN)
		return malformed(f, "dklen is not 32");
	if (strcmp(prf, "hmac-sha256") != 0)
		return malformed(f, "prf is not hmac-sha256");
	if (k->rounds < 1 || k->rounds > ROUNDS_MAX)
		return malformed(f, "the pbkdf2 rounds are out of bounds");
	return salt_read(k, salt, f);
}

static enum err kdf_read(
    struct keystore *k, const char *kdf, json_t *params, struct fail *f)
{
	if (strcmp(kdf, "scrypt") == 0)
		return scrypt_read(k, params, f);
	if (strcmp(kdf, "pbkdf2") == 0)
		return pbkdf2_read(k, params, f);
	return malformed(f, "kdf is neither scrypt nor pbkdf2");
}

static enum err crypto_read(struct keystore *k, json_t *crypto, struct fail *f)
{
	const char *cipher, *iv, *ciphertext, *mac, *kdf;
	json_t *params;
	enum err e;

	if (json_unpack(crypto, "{s:s, s:{s:s}, s:s, s:s, s:s, s:o}", "cipher", &cipher,
		"cipherparams", "iv", &iv, "ciphertext", &ciphertext, "mac", &mac, "kdf",
		&kdf, "kdfparams", &params))
		return malformed(f,
		    "crypto needs cipher, cipherparams.iv, ciphertext, mac, "
		    "kdf and kdfparams");
	if (strcmp(cipher, "aes-128-ctr") != 0)
		return malformed(f, "cipher is not aes-128-ctr");
	e = hex_read(k->iv, sizeof k->iv, iv, "iv", f);
	if (e == ERR_OK)
		e = hex_read(k->ciphertext, KEY_LEN, ciphertext, "ciphertext", f);
	if (e == ERR_OK)
		e = hex_read(k->mac, sizeof k->mac, mac, "mac", f);
	return e == ERR_OK ? kdf_read(k, kdf, params, f) : e;
}

/* Not part of the standard, but most files have it. */
static enum err address_read(struct keystore *k, json_t *root, struct fail *f)
{
	json_t *address = json_object_get(root, "address");
	const char *text = json_string_value(address);

	k->has_address = address && !json_is_null(address);
	if (!k->has_address)
		return ERR_OK;
	if (!text)
		return malformed(f, "address is no text");
	if (text[0] == '0' && text[1] == 'x')
		text += 2;
	return hex_read(k->address, sizeof k->address, text, "address", f);
}

static enum err root_read(struct keystore *k, json_t *root, struct fail *f)
{
	json_t *lower = json_object_get(root, "crypto");
	json_t *upper = json_object_get(root, "Crypto"); /* as old programs write it */
	json_t *version = json_object_get(root, "version");
	enum err e;

	if (!json_is_integer(version) || json_integer_value(version) != 3)
		return malformed(f, "version is not 3");
	if (!lower == !upper)
		return malformed(f, "there is not exactly one crypto");
	e = crypto_read(k, lower ? lower : upper, f);
	return e == ERR_OK ? address_read(k, root, f) : e;
}

static enum err keystore_read(
    struct keystore *k, const char *json, size_t len, struct fail *f)
{
	json_error_t at;
	json_t *root;
	enum err e;

	if (len > KEYSTORE_FILE_MAX)
		return malformed(f, "the file is too large");
	root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &at);
	if (!root)
		return fail_set(f, ERR_KEY, "keystore: not JSON at line %d, column %d",
		    at.line, at.column);
	e = root_read(k, root, f);
	json_decref(root);
	return e;
}

static enum err derive(uint8_t out[DERIVED_LEN], const struct keystore *k,
    const struct secret *password, struct fail *f)
{
	const uint8_t *pass = secret_bytes(password);
	size_t pass_len = secret_len(password);

	if (k->scrypt) {
		/* libsodium's: OpenSSL refuses n = 2^18 with r = 1, which the standard's
		 * own example has */
		if (crypto_pwhash_scryptsalsa208sha256_ll(pass, pass_len, k->salt,
			k->salt_len, (uint64_t)k->n, (uint32_t)k->r, (uint32_t)k->p, out,
			DERIVED_LEN))
			return malformed(f, "scrypt fails: too little memory?");
	} else if (!PKCS5_PBKDF2_HMAC((const char *)pass, (int)pass_len, k->salt,
		       (int)k->salt_len, (int)k->rounds, EVP_sha256(), DERIVED_LEN,
		       out)) {
		return malformed(f, "pbkdf2 fails");
	}
	return ERR_OK;
}

/* aes-128-ctr turns either into the other. */
static void cipher_apply(uint8_t out[KEY_LEN], const uint8_t in[KEY_LEN],
    const uint8_t key[16], const uint8_t iv[IV_LEN])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;

	CHECK(ctx);
	CHECK(EVP_EncryptInit_ex2(ctx, EVP_aes_128_ctr(), key, iv, NULL) == 1);
	CHECK(EVP_EncryptUpdate(ctx, out, &len, in, KEY_LEN) == 1 && len == KEY_LEN);
	EVP_CIPHER_CTX_free(ctx);
}

static void mac_make(
    uint8_t mac[32], const uint8_t derived[DERIVED_LEN], const uint8_t in[KEY_LEN])
{
	uint8_t text[16 + KEY_LEN];

	memcpy(text, derived + 16, 16);
	memcpy(text + 16, in, KEY_LEN);
	keccak256(mac, text, sizeof text);
	secret_wipe(text, sizeof text);
}

static enum err key_open(struct secret **ret, const struct keystore *k,
    const struct secret *password, struct fail *f)
{
	uint8_t derived[DERIVED_LEN], mac[32], key[KEY_LEN];
	enum err e = derive(derived, k, password, f);

	if (e != ERR_OK)
		return e;
	mac_make(mac, derived, k->ciphertext);
	if (sodium_memcmp(mac, k->mac, sizeof mac) == 0) {
		cipher_apply(key, k->ciphertext, derived, k->iv);
		*ret = secret_new(key, sizeof key);
	} else {
		e = malformed(f,
		    "the password does not fit: correct what "
		    "`password:` of the key names, or type it again");
	}
	secret_wipe(derived, sizeof derived);
	return e;
}

/* The MAC covers neither the validity of the key nor the address. */
static enum err key_check(
    const struct keystore *k, const struct secret *key, struct fail *f)
{
	uint8_t address[20];
	enum err e;

	secp_setup();
	e = secp_address(address, key, f);
	if (e != ERR_OK)
		return fail_wrap(f, e, "keystore");
	if (k->has_address && memcmp(address, k->address, sizeof address) != 0)
		return malformed(f, "the key inside is not that of the address it names");
	return ERR_OK;
}

enum err keystore_decrypt(struct secret **ret, const char *json, size_t len,
    const struct secret *password, struct fail *f)
{
	struct keystore k = { 0 };
	struct secret *key;
	enum err e = keystore_read(&k, json, len, f);

	if (e == ERR_OK)
		e = key_open(&key, &k, password, f);
	if (e != ERR_OK)
		return e;
	e = key_check(&k, key, f);
	if (e != ERR_OK)
		secret_free(key);
	else
		*ret = key;
	return e;
}

static void add_hex_member(
    struct buf *out, const char *name, const void *data, size_t len)
{
	buf_addf(out, "\"%s\":\"", name);
	buf_add_hex(out, data, len);
	buf_add_byte(out, '"');
}

/* A random UUID (RFC 4122, version 4). */
static void add_id(struct buf *out)
{
	static const size_t parts[] = { 4, 2, 2, 2, 6 };
	uint8_t id[16];
	const uint8_t *at = id;

	randombytes_buf(id, sizeof id);
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; at += parts[i++]) {
		buf_add_str(out, i ? "-" : "\"id\":\"");
		buf_add_hex(out, at, parts[i]);
	}
	buf_add_byte(out, '"');
}

static void keystore_write(struct buf *out, const struct keystore *k)
{
	buf_add_byte(out, '{');
	add_hex_member(out, "address", k->address, sizeof k->address);
	buf_add_str(out, ",\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{");
	add_hex_member(out, "iv", k->iv, sizeof k->iv);
	buf_add_str(out, "},");
	add_hex_member(out, "ciphertext", k->ciphertext, sizeof k->ciphertext);
	buf_addf(out,
	    ",\"kdf\":\"scrypt\",\"kdfparams\":{\"dklen\":%d,\"n\":%lld,\"p\":%lld,"
	    "\"r\":%lld,",
	    DERIVED_LEN, (long long)k->n, (long long)k->p, (long long)k->r);
	add_hex_member(out, "salt", k->salt, k->salt_len);
	buf_add_str(out, "},");
	add_hex_member(out, "mac", k->mac, sizeof k->mac);
	buf_add_str(out, "},");
	add_id(out);
	buf_add_str(out, ",\"version\":3}\n");
}

enum err keystore_encrypt(struct buf *out, const struct secret *key,
    const struct secret *password, struct fail *f)
{
	struct keystore k = {
		.scrypt = true, .n = 262144, .r = 8, .p = 1, .salt_len = 32
	};
	uint8_t derived[DERIVED_LEN];
	enum err e;

	secp_setup();
	e = secp_address(k.address, key, f);
	if (e != ERR_OK)
		return e;
	randombytes_buf(k.salt, k.salt_len);
	randombytes_buf(k.iv, sizeof k.iv);
	e = derive(derived, &k, password, f);
	if (e != ERR_OK)
		return e;
	cipher_apply(k.ciphertext, secret_bytes(key), derived, k.iv);
	mac_make(k.mac, derived, k.ciphertext);
	secret_wipe(derived, sizeof derived);
	keystore_write(out, &k);
	return buf_ok(out) ? ERR_OK : fail_set(f, ERR_TOO_BIG, "keystore: no room");
}
