/* outside.h - a journal's file as somebody with a SQLite shell looks at it, or alters it.
 * What fails, fails the test.
 */
#ifndef PAWL_TESTS_OUTSIDE_H
#define PAWL_TESTS_OUTSIDE_H

#include <stdint.h>

void outside_alter(const char *file, const char *sql);
/* The first column of the first row; -1 without one. */
int64_t outside_number(const char *file, const char *sql);

#endif
