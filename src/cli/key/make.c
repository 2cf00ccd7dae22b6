#include "cli/key/make.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/config/file.h"
#include "cli/config/keys.h"
#include "cli/term/term.h"
#include "codec/eip55.h"
#include "crypto/keystore.h"
#include "crypto/secp.h"

#define FOLDER "keys"

/* -- the password ---------------------------------------------------------- */

static bool secret_same(const struct secret *a, const struct secret *b)
{
	return secret_len(a) == secret_len(b) &&
	    memcmp(secret_bytes(a), secret_bytes(b), secret_len(a)) == 0;
}

static enum err password_ask_twice(struct secret **ret, const char *name, struct fail *f)
{
	struct secret *first = NULL, *again = NULL;
	char prompt[80];
	enum err e;

	snprintf(prompt, sizeof prompt, "A password for key %s: ", name);
	e = term_ask_secret(&first, prompt, f);
	if (e != ERR_OK)
		return fail_wrap(f, e, "no password (--password can name one)");
	if (secret_len(first) == 0)
		e = fail_set(f, ERR_KEY, "the password is empty");
	if (e == ERR_OK)
		e = term_ask_secret(&again, "Once more: ", f);
	if (e == ERR_OK && !secret_same(first, again))
		e = fail_set(f, ERR_KEY, "the two passwords differ");
	secret_free(again);
	if (e == ERR_OK)
		*ret = first;
	else
		secret_free(first);
	return e;
}

static enum err password_new(
    struct secret **ret, const struct cli *c, const char *name, struct fail *f)
{
	const char *text = args_get(&c->args, "--password");
	struct ref ref;

	if (!text)
		return password_ask_twice(ret, name, f);
	if (ref_parse(&ref, text, REF_ENV | REF_FILE, f) != ERR_OK)
		return fail_wrap(f, ERR_USAGE, "--password");
	return ref_read(ret, &ref, f);
}

/* -- the file -------------------------------------------------------------- */

static char *keystore_path(const struct config *c, const char *name)
{
	char file[sizeof FOLDER + CONFIG_NAME_MAX + sizeof "/.json"];

	snprintf(file, sizeof file, FOLDER "/%s.json", name);
	return config_path(c, file);
}

/* A key that can't be read back must not receive money. */
static enum err read_back(const char *path, const struct secret *key,
    const struct secret *password, struct fail *f)
{
	struct secret *copy = NULL;
	struct buf json;
	int fd = ref_open(path, true, f);
	enum err e;

	if (fd < 0)
		return ERR_KEY;
	buf_init(&json, KEYSTORE_FILE_MAX);
	e = file_read(&json, fd, path, f);
	if (e == ERR_OK)
		e = keystore_decrypt(&copy, buf_text(&json), json.len, password, f);
	if (e == ERR_OK && !secret_same(key, copy))
		e = fail_set(f, ERR_KEY, "%s holds another key", path);
	secret_free(copy);
	buf_release(&json);
	return e;
}

static enum err keystore_write(struct cli *c, const char *path, const struct secret *key,
    const struct secret *password, struct fail *f)
{
	char *folder = config_path(c->config, FOLDER);
	struct buf json;
	enum err e;

	buf_init(&json, KEYSTORE_FILE_MAX);
	e = keystore_encrypt(&json, key, password, f);
	if (e == ERR_OK)
		e = folder_make(folder, f);
	if (e == ERR_OK)
		e = file_create(path, &json, f);
	if (e == ERR_OK) {
		e = read_back(path, key, password, f);
		if (e != ERR_OK)
			unlink(path);
	}
	buf_release(&json);
	mem_free(folder);
	return e;
}

static void tell(const struct cli *c, const char *name, const struct address *address,
    const char *path)
{
	const char *password = args_get(&c->args, "--password");
	char text[43];

	eip55_format(text, address->at);
	if (c->args.json) {
		cli_json(json_pack("{s:s, s:s, s:o}", "key", name, "address", text,
		    "keystore", cli_text(path)));
		return;
	}
	printf("%s\n", text);
	cli_say(c, "Key %s is in %s. Keep a copy of it, and the password apart from it.",
	    name, path);
	cli_say(c,
	    "To use it where nobody can type the password, add to %s:", c->config->path);
	cli_say(c, "keys:\n  %s: {source: keystore:" FOLDER "/%s.json, password: %s}",
	    name, name, password ? password : "env:VAR");
}

/* -- what both commands do ------------------------------------------------- */

/* By its keystore, or by the config alone. */
static enum err refuse_taken(const struct config *c, const char *name, struct fail *f)
{
	char *path = keystore_path(c, name);

	if (access(path, F_OK) == 0)
		fail_set(f, ERR_KEY, "there is a key %s already: %s", name, path);
	else
		fail_set(
		    f, ERR_KEY, "there is a key %s already: %s names it", name, c->path);
	mem_free(path);
	return ERR_KEY;
}

enum err key_name_check(struct cli *c, const char *name, struct fail *f)
{
	char out[REF_SHOWN_MAX];
	enum err e;

	if (!config_name_valid(name) || ref_looks_secret(name))
		return fail_set(f, ERR_USAGE,
		    "%s is no name: 1 to %d of a-z, 0-9, _ and -", ref_shown(out, name),
		    CONFIG_NAME_MAX);
	e = cli_keyring(c, f);
	if (e != ERR_OK)
		return e;
	for (int i = 0; i < c->config->keys_n; i++)
		if (strcmp(c->config->keys[i].name, name) == 0)
			return refuse_taken(c->config, name, f);
	return ERR_OK;
}

/* Two names for one key would be a config that nobody can use. */
static enum err address_check(
    struct cli *c, const struct address *address, struct fail *f)
{
	for (int i = 0; i < c->config->keys_n; i++) {
		struct address other;

		if (keyring_peek(c->keyring, c->config->keys[i].name, &other, NULL) ==
			ERR_OK &&
		    memcmp(&other, address, sizeof other) == 0)
			return fail_set(f, ERR_KEY, "this key is there already, as %s",
			    c->config->keys[i].name);
	}
	return ERR_OK;
}

enum err key_keep(
    struct cli *c, const char *name, const struct secret *key, struct fail *f)
{
	struct secret *password = NULL;
	char *path = keystore_path(c->config, name);
	struct address address;
	enum err e = secp_address(address.at, key, f);

	if (e == ERR_OK)
		e = address_check(c, &address, f);
	if (e == ERR_OK)
		e = password_new(&password, c, name, f);
	if (e == ERR_OK)
		e = keystore_write(c, path, key, password, f);
	if (e == ERR_OK)
		tell(c, name, &address, path);
	secret_free(password);
	mem_free(path);
	return e;
}
