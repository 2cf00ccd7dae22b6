#include <stdio.h>

#include "cli/cli.h"
#include "cli/config/keys.h"
#include "codec/eip55.h"

/* Usable as far as can be seen without a password. */
static void row_tell(const struct cli *c, const struct key_config *key)
{
	char source[512] = "", text[43] = "-";
	struct address address;
	struct fail f = { ERR_OK, "" };
	enum err e = keyring_peek(c->keyring, key->name, &address, &f);

	ref_format(source, sizeof source, &key->source);
	if (e == ERR_OK)
		eip55_format(text, address.at);
	if (c->args.json)
		cli_json(json_pack("{s:s, s:o, s:o, s:b, s:o*}", "key", key->name,
		    "source", cli_text(source), "address",
		    cli_text(e == ERR_OK ? text : NULL), "usable", e == ERR_OK, "why",
		    e == ERR_OK ? NULL : cli_text(f.why)));
	else
		printf("%-16s %-42s %s%s%s\n", key->name, text, source,
		    e == ERR_OK ? "" : ": ", e == ERR_OK ? "" : f.why);
}

enum err cmd_key_list(struct cli *c, struct fail *f)
{
	enum err e = cli_keyring(c, f);

	if (e != ERR_OK)
		return e;
	for (int i = 0; i < c->config->keys_n; i++)
		row_tell(c, &c->config->keys[i]);
	if (c->config->keys_n == 0)
		cli_say(c, "There is no key yet: pawl key new NAME");
	return ERR_OK;
}
