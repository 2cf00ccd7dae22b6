#include "cli/node/reading.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/term/term.h"

#define SHOWN_FROM ((uint64_t)256 << 20) /* less is read in a moment */
#define PIECE ((size_t)1 << 16)          /* less is a look at a place */
#define MIB 20

struct reading {
	struct progress progress;
	char what[200];
	uint64_t at; /* behind what was read last */
};

static struct reading the_one;
static _Thread_local struct reading *now; /* NULL: nothing is shown */

static int64_t now_ms(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void show(struct reading *r, uint64_t at, uint64_t size)
{
	struct progress_facts facts = { .what = r->what,
		.done = (int64_t)(at >> MIB),
		.total = (int64_t)(size >> MIB) };

	/* Once more from its beginning, for another question: at a speed of its own. */
	if (at < r->at)
		r->progress.marks_n = 0;
	r->at = at;
	progress_show(&r->progress, &facts, now_ms());
}

static enum err read_shown(
    struct file *file, uint64_t at, void *to, size_t len, size_t *ret_n, struct fail *f)
{
	enum err e = files_of_system.read(file, at, to, len, ret_n, f);
	uint64_t size;

	if (now && e == ERR_OK && len >= PIECE &&
	    files_of_system.size(file, &size, NULL) == ERR_OK && size >= SHOWN_FROM)
		show(now, at + *ret_n, size);
	return e;
}

const struct files *reading_begin(const struct cli *c, const char *path)
{
	static struct files shown;

	shown = files_of_system;
	shown.read = read_shown;
	reading_end();
	if (c->args.quiet || c->args.json || !isatty(STDERR_FILENO))
		return &shown;
	now = &the_one;
	now->at = 0;
	snprintf(now->what, sizeof now->what, "reading %s, MiB", path);
	progress_init(&now->progress, stderr);
	return &shown;
}

void reading_end(void)
{
	if (now)
		progress_take_back(&now->progress);
	now = NULL;
}

enum err reading_log(
    struct l2_log **ret, const struct cli *c, const char *path, struct fail *f)
{
	enum err e = l2_log_open(ret, reading_begin(c, path), path, f);

	reading_end();
	return e;
}
