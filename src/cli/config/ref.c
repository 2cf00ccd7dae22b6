#include "cli/config/ref.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/shell.h"

#define KEY_DIGITS 64
#define VARIABLE_MAX 128

static const struct {
	enum ref_kind kind;
	const char *prefix, *form;
} kinds[] = {
	{ REF_ENV, "env:", "env:VAR" },
	{ REF_FILE, "file:", "file:PATH" },
	{ REF_KEYSTORE, "keystore:", "keystore:PATH" },
	{ REF_PROMPT, "prompt", "prompt" },
};

#define KINDS (sizeof kinds / sizeof *kinds)

bool ref_looks_secret(const char *text)
{
	int run = 0;

	for (; *text && run < KEY_DIGITS; text++)
		run = isxdigit((unsigned char)*text) ? run + 1 : 0;
	return run == KEY_DIGITS;
}

const char *ref_shown(char out[REF_SHOWN_MAX], const char *text)
{
	size_t n = 0;

	if (ref_looks_secret(text))
		return "what is written there";
	out[n++] = '\'';
	for (; *text && n < REF_SHOWN_MAX - 20; text++)
		out[n++] = (unsigned char)*text < ' ' || *text == 127 ? '?' : *text;
	snprintf(out + n, REF_SHOWN_MAX - n, "%s'", *text ? "..." : "");
	return out;
}

static bool variable_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > VARIABLE_MAX || isdigit((unsigned char)*name))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	return true;
}

static enum err refuse(unsigned allowed, const char *why, struct fail *f)
{
	struct buf forms;

	buf_init(&forms, 128);
	for (size_t i = 0; i < KINDS; i++)
		if (allowed & kinds[i].kind)
			buf_addf(&forms, "%s%s", forms.len ? ", " : "", kinds[i].form);
	fail_set(f, ERR_CONFIG, "%s; it must be one of: %s", why, buf_text(&forms));
	buf_release(&forms);
	return ERR_CONFIG;
}

enum err ref_parse(struct ref *ret, const char *text, unsigned allowed, struct fail *f)
{
	for (size_t i = 0; i < KINDS; i++) {
		size_t len = strlen(kinds[i].prefix);
		const char *at = text + len;

		if (!(allowed & kinds[i].kind) ||
		    strncmp(text, kinds[i].prefix, len) != 0)
			continue;
		if (ref_looks_secret(at))
			break;
		if (kinds[i].kind == REF_PROMPT && *at)
			continue;
		if (kinds[i].kind == REF_ENV && !variable_valid(at))
			return refuse(allowed, "env: without a variable's name", f);
		if (kinds[i].kind != REF_PROMPT && !*at)
			return refuse(allowed, "a reference without a path", f);
		ret->kind = kinds[i].kind;
		ret->at = kinds[i].kind == REF_PROMPT ? NULL : at;
		return ERR_OK;
	}
	return refuse(allowed,
	    ref_looks_secret(text) ? "this looks like a secret itself"
				   : "this is no reference to a secret",
	    f);
}

void ref_format(char *out, size_t size, const struct ref *r)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].kind == r->kind)
			snprintf(out, size, "%s%s", kinds[i].prefix, r->at ? r->at : "");
}

int ref_open(const char *path, bool guarded, struct fail *f)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char word[SHELL_WORD_MAX];

	if (fd < 0 || fstat(fd, &st) < 0) {
		fail_set(f, ERR_KEY, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		fail_set(f, ERR_KEY, "%s: not a regular file", path);
	} else if (guarded && (st.st_mode & 077)) {
		fail_set(f, ERR_KEY, "%s: others can read it (mode %04o): chmod 600 %s",
		    path, (unsigned)(st.st_mode & 07777),
		    shell_word(word, sizeof word, path));
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static enum err secret_take(
    struct secret **ret, void *bytes, size_t len, const char *at, struct fail *f)
{
	if (len == 0 || len > REF_SECRET_MAX) {
		secret_wipe(bytes, len);
		return fail_set(f, ERR_KEY, "%s: %s", at, len ? "too long" : "empty");
	}
	*ret = secret_new(bytes, len);
	return ERR_OK;
}

static enum err file_read(struct secret **ret, const char *path, struct fail *f)
{
	char bytes[REF_SECRET_MAX + 1];
	int fd = ref_open(path, true, f);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return ERR_KEY;
	do {
		n = read(fd, bytes + len, sizeof bytes - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	close(fd);
	if (n < 0) {
		secret_wipe(bytes, len);
		return fail_file(f, ERR_KEY, path);
	}
	if (len <= REF_SECRET_MAX && len && bytes[len - 1] == '\n')
		len--;
	if (len <= REF_SECRET_MAX && len && bytes[len - 1] == '\r')
		len--;
	return secret_take(ret, bytes, len, path, f);
}

static enum err env_read(struct secret **ret, const char *variable, struct fail *f)
{
	char bytes[REF_SECRET_MAX];
	const char *value = getenv(variable);
	size_t len = value ? strnlen(value, REF_SECRET_MAX + 1) : 0;

	if (!value)
		return fail_set(
		    f, ERR_KEY, "the environment variable %s is not set", variable);
	if (len > REF_SECRET_MAX)
		return fail_set(f, ERR_KEY, "%s: too long", variable);
	memcpy(bytes, value, len); /* the variable stays: children may need it */
	return secret_take(ret, bytes, len, variable, f);
}

enum err ref_read(struct secret **ret, const struct ref *r, struct fail *f)
{
	CHECK(r->kind == REF_ENV || r->kind == REF_FILE);
	return r->kind == REF_ENV ? env_read(ret, r->at, f) : file_read(ret, r->at, f);
}
