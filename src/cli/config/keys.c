#include "cli/config/keys.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "cli/config/file.h"
#include "cli/term/term.h"
#include "codec/json.h"
#include "crypto/keystore.h"
#include "crypto/secp.h"

struct entry {
	struct secret *secret; /* NULL: not resolved yet */
	struct address address;
	bool known; /* the address */
};

struct keyring {
	const struct config *config;
	bool silent;           /* nobody is asked for a password */
	struct entry *entries; /* one for each of config->keys */
};

struct keyring *keyring_new(const struct config *c)
{
	struct keyring *k = mem_new(sizeof *k);

	secp_setup();
	k->config = c;
	k->entries = mem_array(c->keys_n ? (size_t)c->keys_n : 1, sizeof *k->entries);
	return k;
}

void keyring_free(struct keyring *k)
{
	if (!k)
		return;
	for (int i = 0; i < k->config->keys_n; i++)
		secret_free(k->entries[i].secret);
	mem_free(k->entries);
	mem_free(k);
}

/* -- from a reference to a secret ------------------------------------------ */

bool keyring_asks(struct keyring *k, bool may)
{
	bool before = !k->silent;

	k->silent = !may;
	return before;
}

static enum err password_get(
    struct secret **ret, const struct key_config *key, bool silent, struct fail *f)
{
	char prompt[64];

	if (key->password.kind != REF_PROMPT)
		return ref_read(ret, &key->password, f);
	if (silent)
		return fail_set(f, ERR_KEY,
		    "its password is to be typed, and nobody is asked for it here");
	snprintf(prompt, sizeof prompt, "Password of key %s: ", key->name);
	if (term_ask_secret(ret, prompt, f) != ERR_OK)
		return fail_wrap(
		    f, ERR_KEY, "its password (see `password:` in pawl.yaml)");
	return ERR_OK;
}

static enum err keystore_load(struct buf *out, const char *path, struct fail *f)
{
	int fd = ref_open(path, true, f);

	if (fd < 0)
		return ERR_KEY;
	return file_read(out, fd, path, f) == ERR_OK ? ERR_OK : ERR_KEY;
}

static enum err keystore_resolve(
    struct secret **ret, const struct key_config *key, bool silent, struct fail *f)
{
	struct secret *password = NULL;
	struct buf json;
	enum err e;

	buf_init(&json, KEYSTORE_FILE_MAX);
	e = keystore_load(&json, key->source.at, f);
	if (e == ERR_OK)
		e = password_get(&password, key, silent, f);
	if (e == ERR_OK)
		e = keystore_decrypt(ret, buf_text(&json), json.len, password, f);
	secret_free(password);
	buf_release(&json);
	return e;
}

static enum err hex_resolve(
    struct secret **ret, const struct key_config *key, struct fail *f)
{
	struct secret *text;
	enum err e = ref_read(&text, &key->source, f);

	if (e != ERR_OK)
		return e;
	e = secret_parse_hex(ret, (const char *)secret_bytes(text), secret_len(text), f);
	secret_free(text);
	return e;
}

/* -- entries --------------------------------------------------------------- */

static enum err entry_find(
    const struct keyring *k, const char *name, int *ret, struct fail *f)
{
	const struct key_config *key;
	enum err e = config_key(k->config, name, &key, f);

	if (e == ERR_OK)
		*ret = (int)(key - k->config->keys);
	return e;
}

static enum err address_put(
    struct keyring *k, int at, const struct address *address, struct fail *f)
{
	for (int i = 0; i < k->config->keys_n; i++) {
		if (i == at || !k->entries[i].known ||
		    memcmp(&k->entries[i].address, address, sizeof *address) != 0)
			continue;
		return fail_set(f, ERR_KEY,
		    "it is the same key as %s: keep one of the two",
		    k->config->keys[i].name);
	}
	k->entries[at].address = *address;
	k->entries[at].known = true;
	return ERR_OK;
}

static enum err entry_resolve(struct keyring *k, int at, struct fail *f)
{
	const struct key_config *key = &k->config->keys[at];
	struct secret *secret = NULL;
	struct address address;
	enum err e = key->source.kind == REF_KEYSTORE
	    ? keystore_resolve(&secret, key, k->silent, f)
	    : hex_resolve(&secret, key, f);

	if (e == ERR_OK)
		e = secp_address(address.at, secret, f);
	if (e == ERR_OK)
		e = address_put(k, at, &address, f);
	if (e == ERR_OK)
		k->entries[at].secret = secret;
	else
		secret_free(secret);
	return e;
}

/* What the file says of itself. */
static enum err keystore_address(
    struct address *ret, const struct key_config *key, struct fail *f)
{
	struct buf json;
	json_t *root = NULL;
	const char *text;
	enum err e;

	buf_init(&json, KEYSTORE_FILE_MAX);
	e = keystore_load(&json, key->source.at, f);
	if (e == ERR_OK)
		root = json_read(buf_text(&json), json.len, f);
	if (e == ERR_OK && !root)
		e = fail_wrap(f, ERR_KEY, "%s", key->source.at);
	buf_release(&json);
	if (e != ERR_OK)
		return e;
	text = json_str(root, "address");
	if (text && text[0] == '0' && text[1] == 'x')
		text += 2;
	if (!text || !hex_parse(ret->at, sizeof ret->at, text, strlen(text)))
		e = fail_set(f, ERR_KEY, "%s does not name its address", key->source.at);
	json_decref(root);
	return e;
}

static enum err entry_peek(struct keyring *k, int at, struct fail *f)
{
	const struct key_config *key = &k->config->keys[at];
	struct address address;
	enum err e;

	if (k->entries[at].known)
		return ERR_OK;
	if (key->source.kind != REF_KEYSTORE)
		return entry_resolve(k, at, f);
	e = keystore_address(&address, key, f);
	return e == ERR_OK ? address_put(k, at, &address, f) : e;
}

/* -- the face -------------------------------------------------------------- */

enum err keyring_get(struct keyring *k, const char *name, const struct secret **ret,
    struct address *ret_address, struct fail *f)
{
	int at = 0;
	enum err e = entry_find(k, name, &at, f);

	if (e != ERR_OK)
		return e;
	if (!k->entries[at].secret)
		e = entry_resolve(k, at, f);
	if (e != ERR_OK)
		return fail_wrap(f, e, "key %s", name);
	*ret = k->entries[at].secret;
	if (ret_address)
		*ret_address = k->entries[at].address;
	return ERR_OK;
}

enum err keyring_peek(
    struct keyring *k, const char *name, struct address *ret, struct fail *f)
{
	int at = 0;
	enum err e = entry_find(k, name, &at, f);

	if (e != ERR_OK)
		return e;
	e = entry_peek(k, at, f);
	if (e != ERR_OK)
		return fail_wrap(f, e, "key %s", name);
	*ret = k->entries[at].address;
	return ERR_OK;
}

enum err keyring_address(
    struct keyring *k, const char *name, struct address *ret, struct fail *f)
{
	const struct secret *secret;

	if (keyring_peek(k, name, ret, NULL) == ERR_OK)
		return ERR_OK;
	return keyring_get(k, name, &secret, ret, f);
}

const char *keyring_called(
    struct keyring *k, const char *name, const struct address *address)
{
	struct address found;

	if (keyring_peek(k, name, &found, NULL) == ERR_OK &&
	    address_same(&found, address))
		return name;
	for (int i = 0; i < k->config->keys_n; i++) {
		name = k->config->keys[i].name;
		if (keyring_peek(k, name, &found, NULL) == ERR_OK &&
		    address_same(&found, address))
			return name;
	}
	return NULL;
}
