#include "cli/term/chart.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/check.h"

#define LINES 5
#define STEPS 8 /* of a line */
#define LABEL_MAX 12
#define BAR_WIDTH 2

static const char *const blocks[STEPS + 1] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇",
	"█" };

/* The first of these that is set decides, as in setlocale(3). */
static bool shows_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *v = getenv(names[i]);

		if (v && *v)
			return strcasestr(v, "UTF-8") || strcasestr(v, "UTF8");
	}
	return false;
}

void chart_init(struct chart *c)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	*c = (struct chart){ .top = "", .left = "", .right = "" };
	c->utf8 = shows_utf8();
	c->colour = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 &&
	    !(no_color && *no_color);
}

/* In steps: 0 for nothing, at least 1 for anything. */
static uint64_t steps_of(uint64_t v, uint64_t max)
{
	uint64_t all = LINES * STEPS, steps;

	if (v == 0)
		return 0;
	steps = max > UINT64_MAX / all ? v / (max / all) : v * all / max;
	return steps == 0 ? 1 : steps > all ? all : steps;
}

static void bar_add(struct buf *out, const struct chart *c, int i, int line, uint64_t max)
{
	uint64_t below = (uint64_t)line * STEPS, steps = steps_of(c->bar[i], max);
	const char *fill;

	if (!c->known[i])
		fill = line == 0 ? "." : " ";
	else if (steps <= below)
		fill = " ";
	else if (c->utf8)
		fill = blocks[steps - below < STEPS ? steps - below : STEPS];
	else
		fill = steps - below >= STEPS / 2 || line == 0 ? "#" : "_";
	for (int k = 0; k < BAR_WIDTH; k++)
		buf_add_str(out, k + 1 < BAR_WIDTH ? fill : " ");
}

static void spaces(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_add_byte(out, ' ');
}

void chart_draw(struct buf *out, const struct chart *c)
{
	size_t width = (size_t)c->n * BAR_WIDTH,
	       used = strlen(c->left) + strlen(c->right);
	uint64_t max = 1;

	CHECK(c->n <= CHART_BARS_MAX);
	for (int i = 0; i < c->n; i++)
		if (c->known[i] && c->bar[i] > max)
			max = c->bar[i];
	for (int line = LINES - 1; line >= 0; line--) {
		buf_addf(out, "%*.*s %s", LABEL_MAX, LABEL_MAX,
		    line == LINES - 1 ? c->top
			: line == 0   ? "0"
				      : "",
		    c->utf8 ? "│" : "|");
		if (c->colour)
			buf_add_str(out, "\x1b[36m");
		for (int i = 0; i < c->n; i++)
			bar_add(out, c, i, line, max);
		if (c->colour)
			buf_add_str(out, "\x1b[0m");
		buf_add_byte(out, '\n');
	}
	spaces(out, LABEL_MAX + 2);
	buf_add_str(out, c->left);
	spaces(out, width > used ? width - used : 1);
	buf_add_str(out, c->right);
	buf_add_byte(out, '\n');
}
