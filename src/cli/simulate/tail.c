#include "cli/simulate/tail.h"

#include <string.h>
#include <sys/types.h>

#include "base/check.h"
#include "base/mem.h"

#define KEPT (TAIL_LINES + 1)

static ssize_t tail_write(void *cookie, const char *data, size_t size)
{
	struct tail *t = cookie;
	const char *at = data, *end = data + size;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		char *line = t->kept[t->lines % KEPT];
		size_t len = (size_t)((stop ? stop : end) - at);
		size_t room = TAIL_LINE_MAX - t->len, fits = len < room ? len : room;

		memcpy(line + t->len, at, fits);
		t->len += fits;
		line[t->len] = '\0';
		at += len;
		if (!stop)
			break;
		at++;
		t->lines++;
		t->len = 0;
	}
	return (ssize_t)size;
}

struct tail *tail_new(void)
{
	struct tail *t = mem_new(sizeof *t);

	t->out = fopencookie(t, "w", (cookie_io_functions_t){ .write = tail_write });
	CHECK(t->out);
	return t;
}

void tail_free(struct tail *t)
{
	CHECK(fclose(t->out) == 0);
	mem_free(t);
}

void tail_clear(struct tail *t)
{
	fflush(t->out);
	t->lines = t->len = 0;
}

uint64_t tail_first(const struct tail *t)
{
	return t->lines > TAIL_LINES ? t->lines - TAIL_LINES : 0;
}

const char *tail_line(const struct tail *t, uint64_t number)
{
	CHECK(number >= tail_first(t) && number < t->lines);
	return t->kept[number % KEPT];
}
