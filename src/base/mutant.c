#include "base/mutant.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static const char *const names[MUTANT_COUNT] = {
#define DEFECT(name, breaks, suite, program) [MUTANT_##name] = #name,
#include "base/mutant.def"
#undef DEFECT
};

static enum mutant on = MUTANT_COUNT;

/* Before main, so that no two threads read it at once. */
static void __attribute__((constructor)) read_environment(void)
{
	const char *name = getenv("PAWL_MUTANT");

	if (name && *name)
		CHECK(mutant_set(name));
}

bool mutant_set(const char *name)
{
	for (on = 0; on < MUTANT_COUNT && strcmp(names[on], name) != 0;)
		on++;
	return on < MUTANT_COUNT;
}

const char *mutant_name(void)
{
	return on < MUTANT_COUNT ? names[on] : NULL;
}

bool mutant_is(enum mutant m)
{
	return m == on;
}

uint64_t mutant_count(uint64_t at_least)
{
	static uint64_t next;

	if (next < at_least)
		next = at_least;
	return next++;
}
