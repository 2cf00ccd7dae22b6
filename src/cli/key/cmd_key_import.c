#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/key/make.h"
#include "cli/term/term.h"

static enum err stdin_read(struct secret **ret, struct fail *f)
{
	char bytes[REF_SECRET_MAX];
	size_t len = 0;
	ssize_t n;

	do {
		n = read(STDIN_FILENO, bytes + len, sizeof bytes - len);
		len += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && len < sizeof bytes) || (n < 0 && errno == EINTR));
	if (n < 0) {
		secret_wipe(bytes, len);
		return fail_set(f, ERR_KEY, "standard input: %s", strerror(errno));
	}
	*ret = secret_new(bytes, len);
	return ERR_OK;
}

static enum err text_read(struct secret **ret, const struct cli *c, struct fail *f)
{
	const char *from = args_get(&c->args, "--from");
	struct ref ref;

	if (!from && isatty(STDIN_FILENO))
		return term_ask_secret(ret, "The private key in hex: ", f);
	if (!from)
		return stdin_read(ret, f);
	if (ref_parse(&ref, from, REF_ENV | REF_FILE, f) != ERR_OK)
		return fail_wrap(f, ERR_USAGE, "--from");
	return ref_read(ret, &ref, f);
}

enum err cmd_key_import(struct cli *c, struct fail *f)
{
	const char *name = args_word(&c->args, 0);
	struct secret *text = NULL, *key = NULL;
	enum err e = key_name_check(c, name, f);

	if (e == ERR_OK)
		e = text_read(&text, c, f);
	if (e == ERR_OK)
		e = secret_parse_hex(
		    &key, (const char *)secret_bytes(text), secret_len(text), f);
	if (e == ERR_OK)
		e = key_keep(c, name, key, f);
	secret_free(key);
	secret_free(text);
	return e;
}
