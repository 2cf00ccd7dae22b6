/* term.h - what a person at a terminal sees, and is asked.
 *
 * A progress is a bar that is drawn over itself on a terminal, and elsewhere a plain
 * line whenever something has changed, at most every few seconds. It goes to standard
 * error; results go to standard output. NO_COLOR and TERM=dumb are honoured. All
 * figures are integers. One thread.
 */
#ifndef PAWL_CLI_TERM_TERM_H
#define PAWL_CLI_TERM_TERM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "crypto/secret.h"

#define PROGRESS_MARKS 16 /* moments of which the rate is an average */

/* What there is to say: done of total, and what a person asks next. */
struct progress_facts {
	const char *what; /* "distributing" */
	int64_t done, total;
	int64_t void_n;    /* of done: settled, and not paid */
	int64_t unknown;   /* outcomes that are not known yet */
	const char *waits; /* for what it waits; NULL: for nothing */
	bool cancelled;    /* the rest is not to be done: no speed, no time left */
};

struct progress {
	FILE *out; /* NULL: silent */
	bool drawn_over, colour;
	bool drawn; /* a bar is on the line */
	int64_t told_ms, began_ms;
	char last[512];
	struct {
		int64_t at_ms, done;
	} marks[PROGRESS_MARKS];
	int marks_n;
};

/* out NULL: nothing is ever shown (--quiet, --json). */
void progress_init(struct progress *p, FILE *out);
/* now_ms: any clock that only goes forward. Call it as often as you like. */
void progress_show(
    struct progress *p, const struct progress_facts *facts, int64_t now_ms);
void progress_end(struct progress *p); /* the line is finished, the cursor below it */
void progress_take_back(struct progress *p); /* a bar is gone, the line is empty */

void term_duration(char out[32], int64_t seconds); /* "4 s", "2 min 10 s", "3 h 5 min" */
void term_count(char out[32], int64_t n);          /* "1,234,567" */

/* Ask on the terminal of this process, without showing what is typed. ERR_KEY without
 * a terminal, ERR_STOPPED after Ctrl-C. */
NODISCARD enum err term_ask_secret(
    struct secret **ret, const char *prompt, struct fail *f);

/* A line from standard input: "y" or "yes". */
bool term_yes(void);

bool term_present(void); /* standard input and error are a terminal */

#endif
