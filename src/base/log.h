/* log.h - one line per fact for the operator, on stderr or into a file.
 *
 * text:  2026-11-21T03:33:55Z info  turn: head 812 0x3f.. final 804
 * json:  {"t":"...","level":"info","at":"turn","msg":"..."}
 * Base, crypto, codec and chain code does not log: it returns a `struct fail`.
 * Never a secret: no formatter for one exists.
 */
#ifndef PAWL_BASE_LOG_H
#define PAWL_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_NOTHING };

/* file NULL: stderr. Opened 0600, appended to. */
NODISCARD enum err log_open(
    const char *file, enum log_level least, bool json, struct fail *f);
void log_reopen(void); /* after SIGHUP: rotation */
void log_close(void);
void log_line(enum log_level level, const char *at, const char *fmt, ...) PRINTF(3, 4);

#define log_debug(at, ...) log_line(LOG_DEBUG, at, __VA_ARGS__)
#define log_info(at, ...) log_line(LOG_INFO, at, __VA_ARGS__)
#define log_warn(at, ...) log_line(LOG_WARN, at, __VA_ARGS__)
#define log_error(at, ...) log_line(LOG_ERROR, at, __VA_ARGS__)

#endif
