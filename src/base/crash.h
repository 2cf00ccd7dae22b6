/* crash.h - named crash points, one table (crash.def).
 *
 * In production crash_hook is NULL and a point costs one branch. The torture
 * suite sets it, counts the points reached, and ends the process at the n-th.
 */
#ifndef PAWL_BASE_CRASH_H
#define PAWL_BASE_CRASH_H

enum crash_point {
#define CRASH(name, truth) CRASH_##name,
#include "base/crash.def"
#undef CRASH
	CRASH_COUNT
};

extern void (*crash_hook)(enum crash_point p);

#define CRASH_POINT(name) (crash_hook ? crash_hook(CRASH_##name) : (void)0)

#endif
