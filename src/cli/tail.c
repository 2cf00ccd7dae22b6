#include "cli/tail.h"

#include <string.h>
#include <sys/types.h>

#include "base/check.h"

#define KEPT (TAIL_LINES + 1)

static ssize_t tail_write(void *cookie, const char *data, size_t size)
{
	struct tail *t = cookie;
	const char *at = data, *end = data + size;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct buf *line = &t->kept[t->lines % KEPT];
		size_t len = (size_t)((stop ? stop : end) - at);
		size_t room = TAIL_LINE_MAX - line->len;

		buf_add(line, at, len < room ? len : room);
		at += len;
		if (!stop)
			break;
		at++;
		buf_clear(&t->kept[++t->lines % KEPT]);
	}
	return (ssize_t)size;
}

void tail_open(struct tail *t)
{
	t->lines = 0;
	for (int i = 0; i < KEPT; i++)
		buf_init(&t->kept[i], TAIL_LINE_MAX);
	t->out = fopencookie(t, "w", (cookie_io_functions_t){ .write = tail_write });
	CHECK(t->out);
}

void tail_close(struct tail *t)
{
	CHECK(fclose(t->out) == 0);
	for (int i = 0; i < KEPT; i++)
		buf_release(&t->kept[i]);
}

void tail_clear(struct tail *t)
{
	fflush(t->out);
	t->lines = 0;
	buf_clear(&t->kept[0]);
}

uint64_t tail_first(const struct tail *t)
{
	return t->lines > TAIL_LINES ? t->lines - TAIL_LINES : 0;
}

const char *tail_line(const struct tail *t, uint64_t number)
{
	CHECK(number >= tail_first(t) && number < t->lines);
	return buf_text(&t->kept[number % KEPT]);
}
