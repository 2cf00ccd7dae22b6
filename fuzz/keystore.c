/* A keystore of somebody else's, with a password that is not its. */
#include <stdlib.h>
#include <string.h>

#include "crypto/keystore.h"
#include "crypto/secp.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct secret *password;
	struct secret *key = NULL;
	struct fail f = { 0 };

	if (!password) {
		char word[] = "testpassword";

		secret_setup();
		secp_setup();
		password = secret_new(word, sizeof word - 1);
	}
	if (keystore_decrypt(&key, (const char *)data, size, password, &f))
		fuzz_check_text(f.why, sizeof f.why);
	else
		CHECK(secret_len(key) == 32);
	secret_free(key);
	return 0;
}
