#include "base/crash.h"

#include <stddef.h>

#include "base/check.h"

void (*crash_hook)(enum crash_point p);

static const char *const names[CRASH_COUNT] = {
#define CRASH(name, truth) [CRASH_##name] = #name,
#include "base/crash.def"
#undef CRASH
};

const char *crash_name(enum crash_point p)
{
	CHECK(p < CRASH_COUNT);
	return names[p];
}
