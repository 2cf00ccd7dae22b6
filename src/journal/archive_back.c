/* archive_back.c - an archive is read back, and held against the journal. */
#include <string.h>

#include "base/mem.h"
#include "codec/json.h"
#include "journal/archive_in.h"

struct archive_back {
	const struct archive_subject *of;
	struct archive_reader *reader;
	const uint8_t *sum; /* of the text that was written; NULL: not known */
	int64_t n[ARCHIVE_PARTS], event_commit, change;
	bool end; /* was read */
	uint8_t link[32];
	struct events commit;
};

struct archive_back *archive_back_new(
    const struct archive_subject *of, const char *path, const uint8_t *sum)
{
	struct archive_back *b = mem_new(sizeof(*b));

	b->of = of;
	b->reader = archive_reader_new(path);
	b->sum = sum;
	events_init(&b->commit);
	b->change = of->first - 1;
	memcpy(b->link, of->before, sizeof(b->link));
	return b;
}

void archive_back_free(struct archive_back *b)
{
	if (!b)
		return;
	archive_reader_free(b->reader);
	events_release(&b->commit);
	mem_free(b);
}

/* All events of a commit were read: they are what its link was made from. */
static bool commit_holds(struct archive_back *b)
{
	struct sql_link_before_in in = { b->of->id, b->event_commit + 1 };
	struct sql_link_before_out link;

	if (!b->commit.n)
		return true;
	(void)events_link(&b->commit, 0, b->link, b->event_commit, b->link);
	events_truncate(&b->commit, 0);
	return sql_link_before_one(b->of->j, &in, &link) &&
	    link.commit_no == b->event_commit && !memcmp(link.hash, b->link, 32);
}

static bool event_see(struct archive_back *b, const json_t *line)
{
	int64_t id, commit_no;

	if (!json_i64(line, "commit_no", &commit_no) ||
	    (commit_no != b->event_commit && !commit_holds(b)))
		return false;
	b->event_commit = commit_no;
	return archive_event_read(line, &id, &commit_no, &b->commit);
}

static bool end_see(struct archive_back *b, const json_t *line)
{
	int64_t n;

	b->end = true;
	for (int i = 0; i < b->of->parts_n; i++)
		if (!json_i64(line, b->of->parts[i].of, &n) || n != b->n[i])
			return false;
	if (b->of->what == ARCHIVE_OPERATION && !commit_holds(b))
		return false;
	return b->of->what == ARCHIVE_TRACKED || !memcmp(b->link, b->of->link, 32);
}

static bool row_see(struct archive_back *b, enum archive_span span, const json_t *line)
{
	if (span == SPAN_EVENTS)
		return event_see(b, line);
	return span != SPAN_CHANGES || archive_change_see(line, &b->change, b->link);
}

static bool line_see(struct archive_back *b, const json_t *line)
{
	const char *of = json_str(line, "of");

	if (!of || b->end)
		return false;
	if (!strcmp(of, "end"))
		return end_see(b, line);
	for (int i = 0; i < b->of->parts_n; i++)
		if (!strcmp(b->of->parts[i].of, of)) {
			b->n[i]++;
			return row_see(b, b->of->parts[i].span, line);
		}
	return false;
}

static const char *end_unlike(struct archive_back *b)
{
	uint8_t sum[32];

	archive_reader_sum(b->reader, sum);
	if (b->end && (!b->sum || !memcmp(sum, b->sum, sizeof(sum))))
		return NULL;
	return "reads otherwise than it was written";
}

/* false: there is no line any more, or one that the journal contradicts. */
static bool line_take(struct archive_back *b, const char *text, size_t len)
{
	json_t *line = json_read(text, len, NULL);
	bool good = line && line_see(b, line);

	json_decref(line);
	return good;
}

enum err archive_back_some(struct archive_back *b, int64_t *left, bool *ret_done,
    const char **ret_unlike, struct fail *f)
{
	const char *text = "";
	size_t len = 0;

	*ret_done = false;
	*ret_unlike = NULL;
	while (*left > 0) {
		enum err e = archive_reader_next(b->reader, &text, &len, f);

		--*left;
		if (e == ERR_DAMAGED)
			*ret_unlike = "is not whole";
		if (e != ERR_OK)
			return e;
		*ret_done = !text;
		if (!text)
			*ret_unlike = end_unlike(b);
		else if (!line_take(b, text, len))
			*ret_unlike = "has rows that are not the journal's";
		if (*ret_unlike)
			return ERR_DAMAGED;
		if (!text)
			break;
	}
	return ERR_OK;
}
