#include "lines.h"

#include <string.h>

#include "base/mem.h"

enum book_chain lines_chain = BOOK_FOLLOWS_NONE;
enum err lines_rooted = ERR_OK;

char *lines_json(const char *lines)
{
	char *json = mem_str(lines);

	for (char *at = json; *at; at++)
		if (*at == '\'')
			*at = '"';
	return json;
}

static enum err is_rooted(void *ctx, const struct change *anchor, struct fail *f)
{
	(void)ctx;
	(void)anchor;
	return lines_rooted == ERR_OK ? ERR_OK : fail_set(f, lines_rooted, "asked");
}

enum err lines_do(struct journal *j, int64_t wall_ms, const char *lines,
    struct book_done *done, struct fail *why)
{
	struct book *b = book_new(j, wall_ms, lines_chain);
	char *json = lines_json(lines);
	enum err e;

	*why = (struct fail){ 0 };
	book_rooted_by(b, is_rooted, NULL);
	journal_save(j);
	e = book_lines(b, json, strlen(json), done, why);
	if (e == ERR_OK) {
		book_settle(b);
		journal_save_keep(j);
	} else {
		journal_save_drop(j);
	}
	mem_free(json);
	book_free(b);
	return e;
}
