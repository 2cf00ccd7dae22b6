/* leaks.h - a death by longjmp frees nothing of what it ends: what is taken while leaks
 * are not told of may be lost. Without the address sanitizer nobody looks for them.
 */
#ifndef PAWL_TESTS_LEAKS_H
#define PAWL_TESTS_LEAKS_H

#include <stdbool.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

static inline void leaks_are_told(bool so)
{
#ifdef __SANITIZE_ADDRESS__
	if (so)
		__lsan_enable();
	else
		__lsan_disable();
#else
	(void)so;
#endif
}

#endif
