/* In a build that counts lines, and in no other: the linker sends every call that ends a
 * process at once here, because its counts would be lost with it. */
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

void __gcov_dump(void);
void __gcov_reset(void);
NORETURN void __real__exit(int status);
NORETURN void __real_abort(void);
int __real_raise(int signal);
NORETURN void __wrap__exit(int status);
NORETURN void __wrap_abort(void);
int __wrap_raise(int signal);

void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

void __wrap_abort(void)
{
	__gcov_dump();
	__gcov_reset(); /* a handler of the signal is counted, too */
	__real_abort();
}

int __wrap_raise(int signal)
{
	__gcov_dump();
	__gcov_reset();
	return __real_raise(signal);
}
