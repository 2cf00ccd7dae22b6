#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/shell.h"
#include "base/utf8.h"

static const struct {
	const char *name, *text;
	enum err_class class;
	int exit_code;
} errs[ERR_COUNT] = {
#define ERR(name, class, code, text) [ERR_##name] = { #name, text, CLASS_##class, code },
#include "base/err.def"
#undef ERR
};

enum err_class err_class(enum err e)
{
	CHECK(e < ERR_COUNT);
	return errs[e].class;
}

const char *err_name(enum err e)
{
	CHECK(e < ERR_COUNT);
	return errs[e].name;
}

const char *err_text(enum err e)
{
	CHECK(e < ERR_COUNT);
	return errs[e].text;
}

int err_exit_code(enum err e)
{
	CHECK(e < ERR_COUNT);
	return errs[e].exit_code;
}

/* Much of what goes in comes from nodes and files; it is made fit to be shown here. */
static void why_put(struct fail *f, enum err e, char *why)
{
	utf8_plain(why);
	f->err = e;
	memcpy(f->why, why, sizeof f->why);
}

enum err fail_set(struct fail *f, enum err e, const char *fmt, ...)
{
	va_list ap;
	char why[sizeof f->why]; /* an argument may point into f */

	if (!f)
		return e;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	why_put(f, e, why);
	return e;
}

enum err fail_file(struct fail *f, enum err e, const char *path)
{
	char word[SHELL_WORD_MAX];

	if (errno == EROFS)
		return fail_set(f, e,
		    "%s: its file system is mounted read-only: findmnt -T %s names it, "
		    "and dmesg may say why; then: sudo mount -o remount,rw on it",
		    path, shell_word(word, sizeof word, path));
	if (errno != EIO && errno != ENXIO)
		return fail_set(f, e, "%s: %s", path, strerror(errno));
	return fail_set(f, ERR_UNREADABLE,
	    "%s: an I/O error: the disk can't be read now, what is on it may be whole",
	    path);
}

/* Truncates in silence: the front of a sentence says the most. */
static void why_append(char *why, size_t size, const char *text)
{
	size_t len = strlen(why), room = size - 1 - len;
	size_t n = strnlen(text, room);

	memcpy(why + len, text, n);
	why[len + n] = '\0';
}

enum err fail_wrap(struct fail *f, enum err e, const char *fmt, ...)
{
	va_list ap;
	char why[sizeof f->why];
	const char *inner;

	if (!f)
		return e;
	inner = f->err != ERR_OK && f->why[0] ? f->why : err_text(e);
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	why_append(why, sizeof why, ": ");
	why_append(why, sizeof why, inner);
	why_put(f, e, why);
	return e;
}
