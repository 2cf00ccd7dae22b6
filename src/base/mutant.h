/* mutant.h - defects that are switched on by name, to see that the suites find them.
 *
 * mutant.def is their table, `./do mutants` runs it. Where the code could go wrong in a
 * way that matters, MUTANT(name) says how. It is false, and the compiler drops it; in a
 * build with -Dmutants=true it is true for the one that PAWL_MUTANT names in the
 * environment. Such a build pays twice: it is never installed.
 */
#ifndef PAWL_BASE_MUTANT_H
#define PAWL_BASE_MUTANT_H

#include <stdbool.h>
#include <stdint.h>

enum mutant {
#define DEFECT(name, breaks, suite, program) MUTANT_##name,
#include "base/mutant.def"
#undef DEFECT
	MUTANT_COUNT
};

#ifdef PAWL_MUTANTS
#define MUTANT(name) mutant_is(MUTANT_##name)
#else
#define MUTANT(name) ((void)MUTANT_##name, false)
#endif

bool mutant_is(enum mutant m);
/* This one from now on; false: there is none by this name, or in this build. */
bool mutant_set(const char *name);
const char *mutant_name(void); /* that is on; NULL: none */

/* A counter in memory, which no transaction takes back: at_least, or one more than it
 * said last. */
uint64_t mutant_count(uint64_t at_least);

#endif
