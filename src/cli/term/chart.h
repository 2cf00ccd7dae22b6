/* chart.h - a row of bars as text, as high as some lines of a terminal.
 *
 * Of blocks where the terminal shows UTF-8, else of ASCII; in colour where it may be. The
 * lowest line begins at 0, so that what looks twice as high is. Integers only.
 */
#ifndef PAWL_CLI_TERM_CHART_H
#define PAWL_CLI_TERM_CHART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define CHART_BARS_MAX 64

struct chart {
	uint64_t bar[CHART_BARS_MAX];
	bool known[CHART_BARS_MAX];
	int n;
	const char *top;          /* what the highest is, in words */
	const char *left, *right; /* below the ends */
	bool utf8, colour;
};

/* By the environment, and whether standard output is a terminal. */
void chart_init(struct chart *c);
void chart_draw(struct buf *out, const struct chart *c);

#endif
