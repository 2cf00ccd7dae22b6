/* check.h - assertions that stay on in production.
 *
 * CHECK is for what the program promises itself, never for input. It prints
 * file, line and expression, and aborts: dying is the best tested path there is.
 */
#ifndef PAWL_BASE_CHECK_H
#define PAWL_BASE_CHECK_H

#include "base/err.h"

#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))
#define BUG(why) check_failed(__FILE__, __LINE__, why)

NORETURN void check_failed(const char *file, int line, const char *what);

#endif
