/* archive_lines.c - rows as lines of JSON, and back: by the columns of statements. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "journal/archive_in.h"

const struct archive_part archive_parts[ARCHIVE_PARTS] = {
	{ "operation", SQL_ARCHIVE_OPERATION, -1, SPAN_NONE },
	{ "stage", SQL_ARCHIVE_STAGE, -1, SPAN_NONE },
	{ "notice", SQL_ARCHIVE_NOTICE, -1, SPAN_NONE },
	{ "message", SQL_ARCHIVE_MESSAGE, -1, SPAN_NONE },
	{ "item", SQL_ARCHIVE_ITEM, -1, SPAN_ROWS },
	{ "intent", SQL_ARCHIVE_INTENT, SQL_ARCHIVED_INTENT_PUT, SPAN_ROWS },
	{ "attempt", SQL_ARCHIVE_ATTEMPT, SQL_ARCHIVED_ATTEMPT_PUT, SPAN_ROWS },
	{ "link", SQL_ARCHIVE_LINK, -1, SPAN_COMMITS },
	{ "event", SQL_ARCHIVE_EVENT, SQL_ARCHIVED_EVENT_PUT, SPAN_EVENTS },
};

const struct archive_part archive_track_parts[ARCHIVE_TRACK_PARTS] = {
	{ "tracked", SQL_ARCHIVE_TRACKED, -1, SPAN_NONE },
	{ "notice", SQL_ARCHIVE_TRACKED_NOTICE, -1, SPAN_NONE },
	{ "message", SQL_ARCHIVE_TRACKED_MESSAGE, -1, SPAN_NONE },
};

const struct archive_part archive_change_parts[ARCHIVE_CHANGE_PARTS] = {
	{ "changes", SQL_NODE_ARCHIVE_HEAD, -1, SPAN_NONE },
	{ "change", SQL_NODE_ARCHIVE_CHANGE, -1, SPAN_CHANGES },
};

/* -- out -------------------------------------------------------------------- */

static void text_add(struct buf *to, const char *text)
{
	size_t len = strlen(text);

	if (utf8_valid(text, len)) {
		buf_add_json(to, text);
		return;
	}
	buf_add_str(to, "{\"text\":\"");
	buf_add_hex(to, text, len);
	buf_add_str(to, "\"}");
}

static void value_add(
    struct journal *j, struct buf *to, struct stmt *s, int at, char type)
{
	const void *p;
	size_t len;

	if (run_is_null(j, s, at)) {
		buf_add_str(to, "null");
	} else if (type == 'i') {
		buf_addf(to, "%lld", (long long)run_get_i64(j, s, at));
	} else if (type == 't') {
		text_add(to, run_get_text(j, s, at));
	} else {
		p = run_get_blob(j, s, at, &len);
		buf_add_str(to, "{\"hex\":\"");
		buf_add_hex(to, p, len);
		buf_add_str(to, "\"}");
	}
}

int64_t archive_rows_add(struct journal *j, struct buf *to,
    const struct archive_part *part, int64_t operation, int64_t first, int64_t last)
{
	const struct statement *told = &statements[part->get];
	struct stmt *s = run_begin(j, part->get);
	int64_t n = 0;

	if (!s)
		return 0;
	run_put_i64(j, s, 1, operation);
	if (part->span != SPAN_NONE) {
		run_put_i64(j, s, 2, first);
		run_put_i64(j, s, 3, last);
	}
	for (; (s = run_next(j, part->get)); n++) {
		buf_addf(to, "{\"of\":\"%s\"", part->of);
		for (int i = 0; i < told->columns; i++) {
			buf_addf(to, ",\"%s\":", told->column_names[i]);
			value_add(j, to, s, i, told->column_types[i]);
		}
		buf_add_str(to, "}\n");
	}
	return n;
}

/* -- back ------------------------------------------------------------------- */

/* Bytes of an object of one member; NULL: it is none. For mem_free(). */
static uint8_t *bytes_of(const json_t *v, const char *key, size_t *ret_len)
{
	const char *hex = json_string_value(json_object_get(v, key));
	size_t len = hex ? strlen(hex) : 1;
	uint8_t *bytes;

	if (len % 2)
		return NULL;
	bytes = mem_new(len / 2 + 1);
	*ret_len = len / 2;
	if (hex_parse(bytes, len / 2, hex, len))
		return bytes;
	mem_free(bytes);
	return NULL;
}

/* A column as a line has it. */
struct value {
	char type;
	bool null;
	int64_t number;
	const char *text; /* the line's, or kept */
	uint8_t *kept;    /* for mem_free(); NULL: nothing */
	size_t len;
};

static bool value_read(struct value *ret, char type, const json_t *v)
{
	*ret = (struct value){ .type = type, .null = json_is_null(v) };
	if (!v || ret->null)
		return v != NULL;
	ret->number = json_integer_value(v);
	if (type == 'i')
		return json_is_integer(v);
	ret->text = json_string_value(v);
	if (type == 't' && ret->text)
		return true;
	ret->kept = bytes_of(v, type == 't' ? "text" : "hex", &ret->len);
	ret->text = (const char *)ret->kept;
	return ret->kept != NULL;
}

static void value_put(struct journal *j, struct stmt *s, int at, const struct value *v)
{
	if (v->null)
		run_put_null(j, s, at);
	else if (v->type == 'i')
		run_put_i64(j, s, at, v->number);
	else if (v->type == 't')
		run_put_text(j, s, at, v->text);
	else
		run_put_blob(j, s, at, v->kept, v->len);
}

bool archive_row_put(
    struct journal *j, const struct archive_part *part, const json_t *line)
{
	const struct statement *told = &statements[part->get];
	struct value v[RUN_PARAMS_MAX] = { 0 };
	enum sql put = (enum sql)part->put;
	struct stmt *s = NULL;
	bool good = true;

	CHECK(statements[put].params == told->columns);
	for (int i = 0; i < told->columns && good; i++)
		good = value_read(&v[i], told->column_types[i],
		    json_object_get(line, told->column_names[i]));
	if (good)
		s = run_begin(j, put);
	for (int i = 0; i < told->columns && s; i++)
		value_put(j, s, i + 1, &v[i]);
	if (s)
		(void)run_change(j, put);
	for (int i = 0; i < told->columns; i++)
		mem_free(v[i].kept);
	return s && !j->numb;
}

bool archive_event_read(
    const json_t *line, int64_t *ret_id, int64_t *ret_commit_no, struct events *ret)
{
	static const char *const names[] = { "id", "commit_no", "operation", "row",
		"what", "from_state", "to_state", "why" };
	struct value v[8] = { 0 };
	bool good = true;

	for (int i = 0; i < 8 && good; i++)
		good = value_read(
			   &v[i], i < 4 ? 'i' : 't', json_object_get(line, names[i])) &&
		    !v[i].null;
	if (good) {
		*ret_id = v[0].number;
		*ret_commit_no = v[1].number;
		good = events_note(ret, v[0].number,
		    &(struct event){ v[2].number, v[3].number, v[4].text, v[5].text,
			v[6].text, v[7].text });
	}
	for (int i = 0; i < 8; i++)
		mem_free(v[i].kept);
	return good;
}
