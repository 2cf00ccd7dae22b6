/* ref.h - references to secrets: where one is, never what it is.
 *
 *	env:VAR         an environment variable
 *	file:PATH       a file that nobody else can read
 *	keystore:PATH   a Web3 Secret Storage file; its password is another reference
 *	prompt          asked on the terminal
 *
 * No message from here repeats what was written in place of a reference: it may be
 * the secret itself.
 */
#ifndef PAWL_CLI_CONFIG_REF_H
#define PAWL_CLI_CONFIG_REF_H

#include <stdbool.h>

#include "base/err.h"
#include "crypto/secret.h"

#define REF_SECRET_MAX 4096 /* bytes of a key or password in a variable or file */

enum ref_kind {
	REF_NONE = 0,
	REF_ENV = 1,
	REF_FILE = 2,
	REF_KEYSTORE = 4,
	REF_PROMPT = 8
};

struct ref {
	enum ref_kind kind;
	const char *at; /* variable or path; NULL for a prompt */
};

/* allowed: the kinds it may be, ored. ret->at points into text. fails: ERR_CONFIG. */
NODISCARD enum err ref_parse(
    struct ref *ret, const char *text, unsigned allowed, struct fail *f);

/* "env:VAR", "keystore:/etc/pawl/keys/payer.json": for lists and messages. */
void ref_format(char *out, size_t size, const struct ref *r);

/* The bytes behind env: or file:, a file's last line end taken off. A file that others
 * can read is refused. fails: ERR_KEY. */
NODISCARD enum err ref_read(struct secret **ret, const struct ref *r, struct fail *f);

/* Open for reading: a regular file, and with `guarded` one that its owner alone can
 * read. -1 and f on failure (ERR_KEY). */
int ref_open(const char *path, bool guarded, struct fail *f);

/* 64 hexadecimal digits in a row: may be a private key, must not be shown. */
bool ref_looks_secret(const char *text);

/* What a person wrote, in quotes and fit to be repeated: short, printable, no secret. */
#define REF_SHOWN_MAX 64
const char *ref_shown(char out[REF_SHOWN_MAX], const char *text);

#endif
