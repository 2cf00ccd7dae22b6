/* guide.h - the names by which the crash recovery guide calls commands of this program
 * (guide.def).
 */
#ifndef PAWL_CLI_GUIDE_H
#define PAWL_CLI_GUIDE_H

#include <stddef.h>

#define GUIDE_ARGUMENTS_MAX 1024

struct guide {
	const char *name, *words; /* "ailee_l2_verify", "node verify" */
};

/* By what the program was called by, a path or not; NULL: it is none of them. */
const struct guide *guide_find(const char *called);
/* The name that a command has in the guide; NULL: none. */
const char *guide_name(const char *words);

/* How a command is typed: "pawl node verify", or by its name in the guide. */
#define GUIDE_TYPED_MAX 64
void guide_typed(
    char out[GUIDE_TYPED_MAX], const struct guide *called_by, const char *words);

/* The line with the command's words in it. ret has room for GUIDE_ARGUMENTS_MAX;
 * returns how many there are, or 0 when they are too many. buf is what the words are cut
 * from. */
int guide_line(const struct guide *g, int argc, char **argv,
    char *ret[GUIDE_ARGUMENTS_MAX], char buf[64]);

/* The guide knows 0 for done, 2 for what does not hold, and 1 for all else. */
int guide_exit_code(int code);

#endif
