#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/config/keys.h"
#include "cli/key/guard.h"
#include "cli/term/term.h"
#include "codec/eip55.h"

static enum err keystore_delete(const struct key_config *key, struct fail *f)
{
	if (unlink(key->source.at) == 0)
		return ERR_OK;
	return fail_set(f, ERR_SYSTEM, "%s: %s", key->source.at, strerror(errno));
}

/* Without a chain there is nobody to ask what it holds, so the user is. */
static enum err consent(
    const struct cli *c, const char *name, const struct address *address, struct fail *f)
{
	char text[43];

	if (c->config->chains_n)
		return ERR_OK;
	eip55_format(text, address->at);
	if (args_has(&c->args, "--yes")) {
		cli_warn(c, "%s names no chain: whether %s holds funds is not known",
		    c->config->path, text);
		return ERR_OK;
	}
	if (!term_present())
		return fail_set(f, ERR_USAGE,
		    "key %s is kept: %s names no chain, so whether %s holds funds is not "
		    "known; to delete it all the same: pawl key remove %s --yes",
		    name, c->config->path, text, name);
	fprintf(stderr,
	    "%s names no chain: whether %s holds funds is not known.\n"
	    "What it holds is lost with it. Delete key %s? [y/N] ",
	    c->config->path, text, name);
	return term_yes() ? ERR_OK : fail_set(f, ERR_STOPPED, "key %s is kept", name);
}

enum err cmd_key_remove(struct cli *c, struct fail *f)
{
	const char *name = args_word(&c->args, 0);
	const struct key_config *key = NULL;
	struct address address;
	enum err e = cli_keyring(c, f);

	if (e == ERR_OK)
		e = config_key(c->config, name, &key, f);
	if (e != ERR_OK)
		return e;
	if (key->source.kind != REF_KEYSTORE)
		return fail_set(f, ERR_KEY,
		    "key %s is no keystore of pawl: take its lines out of %s", name,
		    c->config->path);
	e = keyring_address(c->keyring, name, &address, f);
	if (e == ERR_OK)
		e = key_remove_check(c, name, &address, f);
	if (e == ERR_OK)
		e = consent(c, name, &address, f);
	if (e == ERR_OK)
		e = keystore_delete(key, f);
	if (e == ERR_OK && c->args.json)
		cli_json(json_pack("{s:s, s:b}", "key", name, "removed", 1));
	else if (e == ERR_OK)
		cli_say(c, "Key %s is gone: %s", name, key->source.at);
	return e;
}
