/* refuse.h - what is done by a word alone (crypto/word.h): the refusal that tells it.
 */
#ifndef PAWL_CLI_NODE_REFUSE_H
#define PAWL_CLI_NODE_REFUSE_H

#include "base/err.h"
#include "crypto/word.h"

struct word_asked {
	uint32_t said, word; /* said: WORD_NONE, or one that is not this one */
	const char *unless;  /* "Only if that is meant" */
	const char *line;    /* to type, but for --yes */
};

/* CONFLICT: a sentence without its dot, that nothing was changed, and the line to type.
 * What is too long for one message is cut in the sentence: the word is always there. */
NODISCARD enum err refuse_word(
    struct fail *f, const struct word_asked *r, const char *fmt, ...) PRINTF(3, 4);

/* "pawl node create-anchor --l2-state-file 'my file'": command, and a path behind it;
 * path NULL: none. Returns out. */
#define REFUSE_LINE_MAX 600
const char *refuse_line(char out[REFUSE_LINE_MAX], const char *command, const char *path);

#endif
