#include "kinds/airdrop/list_part.h"

#include <inttypes.h>
#include <string.h>

#include "codec/eip55.h"

#define FIELDS_MAX 16 /* kept of a row; more are only counted */

struct csv {
	struct list_reader *r;
	int64_t line; /* where the row began */
	int64_t fields;
	struct list_text field[FIELDS_MAX]; /* inside r->text */
	int64_t width;                      /* fields of the header */
	int64_t column[LIST_NAMES];         /* -1: the header has it not */
};

enum csv_end { END_FIELD, END_ROW, END_BROKEN };
enum csv_row { ROW, ROW_NONE, ROW_BROKEN, ROW_LAST };

/* -- fields ---------------------------------------------------------------- */

static bool quoted_take(struct csv *c)
{
	struct list_reader *r = c->r;

	for (;;) {
		int byte = list_byte(r);

		if (byte == -1) {
			list_lost(r, c->line, "the row has a quote that is never closed");
			return false;
		}
		if (byte == '"' && list_peek(r) != '"')
			return true;
		if (byte == '"')
			list_byte(r);
		if (!list_text_add(r, c->line, byte))
			return false;
	}
}

static bool bare_take(struct csv *c)
{
	struct list_reader *r = c->r;

	for (;;) {
		int byte = list_peek(r);

		if (byte == ',' || byte == '\n' || byte == '\r' || byte == '"' ||
		    byte == -1)
			return true;
		if (!list_text_add(r, c->line, byte))
			return false;
		list_byte(r);
	}
}

/* What follows a field. */
static enum csv_end end_take(struct csv *c, bool quoted)
{
	struct list_reader *r = c->r;
	int64_t line = r->line, column = r->column;
	int byte = list_byte(r);

	if (byte == ',')
		return END_FIELD;
	if (byte == '\r' && list_peek(r) == '\n')
		byte = list_byte(r);
	if (byte == '\n' || byte == -1)
		return END_ROW;
	r->at_column = column;
	if (byte == '\r')
		list_problem(r, line, "a carriage return without a line feed");
	else if (quoted)
		list_problem(r, line, "text behind a closing quote");
	else
		list_problem(
		    r, line, "a quote inside a field that does not begin with one");
	r->at_column = 0;
	return END_BROKEN;
}

static enum csv_end field_take(struct csv *c, bool *ret_quoted)
{
	struct list_reader *r = c->r;
	size_t from = r->text_len;
	int64_t column = r->line == c->line ? r->column : 0;

	*ret_quoted = list_peek(r) == '"';
	if (*ret_quoted)
		list_byte(r);
	if (!(*ret_quoted ? quoted_take(c) : bare_take(c)))
		return END_BROKEN;
	if (c->fields < FIELDS_MAX)
		c->field[c->fields] =
		    (struct list_text){ r->text + from, r->text_len - from, column };
	c->fields++;
	return end_take(c, *ret_quoted);
}

/* -- rows ------------------------------------------------------------------ */

static void line_skip(struct list_reader *r)
{
	int byte;

	do
		byte = list_byte(r);
	while (byte != '\n' && byte != -1);
}

static enum csv_row row_next(struct csv *c)
{
	struct list_reader *r = c->r;
	enum csv_end end = END_FIELD;
	bool quoted = false;

	if (list_peek(r) == -1)
		return ROW_LAST;
	c->line = r->line;
	c->fields = 0;
	r->text_len = 0;
	while (end == END_FIELD) {
		/* the comma stays between: halves of a character must not meet */
		if (c->fields > 0 && !list_text_add(r, c->line, ','))
			return ROW_BROKEN;
		end = field_take(c, &quoted);
	}
	if (end == END_BROKEN && !r->stop)
		line_skip(r);
	if (end == END_BROKEN)
		return ROW_BROKEN;
	if (c->fields == 1 && r->text_len == 0 && !quoted)
		return ROW_NONE;
	list_text_check(r, c->line);
	return ROW;
}

static void row_take(struct csv *c)
{
	struct list_text text[LIST_NAMES] = { 0 };

	if (c->fields != c->width)
		list_problem(c->r, c->line,
		    "the row has %" PRId64 " field%s, the header has %" PRId64, c->fields,
		    c->fields == 1 ? "" : "s", c->width);
	for (int n = 0; n < LIST_NAMES; n++)
		if (c->column[n] >= 0 && c->column[n] < c->fields)
			text[n] = c->field[c->column[n]];
	list_take(c->r, c->line, text);
}

/* -- the header ------------------------------------------------------------ */

static bool field_has(const struct list_text *field, int byte)
{
	return field->len > 0 && memchr(field->at, byte, field->len);
}

/* What people forget most often; true when that is it. */
static bool header_forgotten(struct csv *c)
{
	uint8_t address[20];

	for (int64_t i = 0; i < c->fields && i < FIELDS_MAX; i++) {
		if (eip55_parse(address, c->field[i].at, c->field[i].len) ==
		    EIP55_NOT_AN_ADDRESS)
			continue;
		list_lost(c->r, c->line,
		    "there is no header; the first line is address,amount[,memo]");
		return true;
	}
	if (c->fields == 1 &&
	    (field_has(&c->field[0], ';') || field_has(&c->field[0], '\t'))) {
		list_lost(c->r, c->line, "fields are separated by commas");
		return true;
	}
	return false;
}

/* false: no such name. */
static bool column_take(struct csv *c, int64_t at)
{
	enum list_name name = list_name_find(c->r, c->line, "column", &c->field[at]);

	if (name == LIST_NAMES)
		return false;
	if (c->column[name] >= 0)
		list_problem(
		    c->r, c->line, "the column %s is there twice", list_name(name));
	c->column[name] = at;
	return true;
}

/* A mistyped name is a problem, and its column is judged as what it was meant to be. */
static void column_guess(struct csv *c, int64_t at)
{
	enum list_name name = list_name_guess(&c->field[at]);

	if (name != LIST_NAMES && c->column[name] < 0)
		c->column[name] = at;
}

static void header_take(struct csv *c)
{
	int64_t known = c->fields < FIELDS_MAX ? c->fields : FIELDS_MAX;
	bool found[FIELDS_MAX];

	if (header_forgotten(c))
		return;
	for (int n = 0; n < LIST_NAMES; n++)
		c->column[n] = -1;
	c->width = c->fields;
	for (int64_t at = 0; at < known; at++)
		found[at] = column_take(c, at);
	for (int64_t at = 0; at < known; at++)
		if (!found[at])
			column_guess(c, at);
	if (c->fields > FIELDS_MAX)
		list_problem(
		    c->r, c->line, "the header has %" PRId64 " columns", c->fields);
	for (enum list_name n = LIST_ADDRESS; n <= LIST_AMOUNT; n++)
		if (c->column[n] < 0)
			list_problem(
			    c->r, c->line, "the column %s is missing", list_name(n));
}

/* Every row is measured by the header, so without address and amount in it nothing more
 * can be said. */
static bool header_next(struct csv *c)
{
	enum csv_row row;

	do
		row = row_next(c);
	while (row == ROW_NONE);
	if (row == ROW)
		header_take(c);
	return row == ROW && !c->r->stop &&
	    (c->column[LIST_ADDRESS] >= 0 || c->column[LIST_AMOUNT] >= 0);
}

void list_csv(struct list_reader *r)
{
	struct csv c = { .r = r };

	if (!header_next(&c))
		return;
	while (!r->stop) {
		enum csv_row row = row_next(&c);

		if (row == ROW_LAST)
			return;
		if (row == ROW)
			row_take(&c);
	}
}
