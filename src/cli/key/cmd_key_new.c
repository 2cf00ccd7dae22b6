#include "cli/key/make.h"
#include "crypto/secp.h"

/* Nearly every 32 bytes are a key: one in 2^128 is not, and is thrown away. */
static struct secret *key_random(void)
{
	for (;;) {
		struct secret *key = secret_random(32);
		uint8_t address[20];

		if (secp_address(address, key, NULL) == ERR_OK)
			return key;
		secret_free(key);
	}
}

enum err cmd_key_new(struct cli *c, struct fail *f)
{
	const char *name = args_word(&c->args, 0);
	struct secret *key;
	enum err e = key_name_check(c, name, f);

	if (e != ERR_OK)
		return e;
	key = key_random();
	e = key_keep(c, name, key, f);
	secret_free(key);
	return e;
}
