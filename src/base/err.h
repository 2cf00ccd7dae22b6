/* err.h - what went wrong, and what may be done about it.
 *
 * An error is a name from err.def; its class is the policy. A `struct fail`
 * carries the sentence for a person: it is passed last, may be NULL, is written
 * only on failure, and is wrapped from the inside out ("pawl.yaml:3: keys.x:
 * not hex"). No heap, no thread-local state. Control characters in it become '?'.
 */
#ifndef PAWL_BASE_ERR_H
#define PAWL_BASE_ERR_H

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))

enum err {
#define ERR(name, class, code, text) ERR_##name,
#include "base/err.def"
#undef ERR
	ERR_COUNT
};

enum err_class { CLASS_NONE, CLASS_RETRY, CLASS_REJECT, CLASS_UNKNOWN, CLASS_FATAL };

struct fail {
	enum err err;
	char why[1000];
};

enum err_class err_class(enum err e);
const char *err_name(enum err e); /* "NO_QUORUM" */
const char *err_text(enum err e);
int err_exit_code(enum err e);

/* Write e and the sentence into f (which may be NULL), and return e. */
enum err fail_set(struct fail *f, enum err e, const char *fmt, ...) PRINTF(3, 4);

/* The same of a file, as errno has it, with what to type where it is mounted read-only; a
 * disk that gives nothing is UNREADABLE, not e. */
enum err fail_file(struct fail *f, enum err e, const char *path);

/* Put "prefix: " before what f says; returns f->err (ERR_SYSTEM for NULL f is
 * avoided by passing e). */
enum err fail_wrap(struct fail *f, enum err e, const char *fmt, ...) PRINTF(3, 4);

#endif
