#include "kinds/airdrop/list_part.h"

#include <jansson.h>
#include <string.h>

static void blanks_skip(struct list_reader *r)
{
	int byte = list_peek(r);

	while (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
		list_byte(r);
		byte = list_peek(r);
	}
}

/* How deep inside brackets, and whether inside a string, what was read ends. */
struct nest {
	int depth;
	bool string, escaped;
};

static void nest_add(struct nest *n, int byte)
{
	if (n->string) {
		n->string = n->escaped || byte != '"';
		n->escaped = !n->escaped && byte == '\\';
		return;
	}
	n->string = byte == '"';
	n->depth += (byte == '{' || byte == '[') - (byte == '}' || byte == ']');
}

/* Cut out one object: up to the bracket that closes it, outside of strings. Whether
 * what is cut out is JSON is not judged here. */
static bool object_cut(struct list_reader *r, int64_t line, bool *ret_flat)
{
	struct nest n = { 0 };

	*ret_flat = true;
	r->text_len = 0;
	do {
		int byte = list_byte(r);

		if (byte == -1) {
			list_lost(r, line, "the file ends inside this row");
			return false;
		}
		if (!list_text_add(r, line, byte))
			return false;
		nest_add(&n, byte);
		*ret_flat = *ret_flat && n.depth <= 1;
	} while (n.depth > 0);
	return true;
}

/* -- members --------------------------------------------------------------- */

static void value_take(struct list_reader *r, int64_t line, enum list_name name,
    const json_t *value, struct list_text *ret)
{
	static const char *const hint[LIST_NAMES] = {
		[LIST_ADDRESS] = "",
		[LIST_AMOUNT] = "; put it in quotes: \"1.5\", not 1.5",
		[LIST_MEMO] = "; put it in quotes: \"17\", not 17",
	};

	if (name == LIST_MEMO && json_is_null(value))
		return;
	if (!json_is_string(value)) {
		list_problem(r, line, "the %s is not a string%s", list_name(name),
		    json_is_number(value) ? hint[name] : "");
		return;
	}
	ret->at = json_string_value(value);
	ret->len = json_string_length(value);
}

/* A mistyped name is a problem, and its value is judged as what it was meant to be. */
static enum list_name name_take(
    struct list_reader *r, int64_t line, const json_t *object, const char *key)
{
	struct list_text found = { .at = key, .len = strlen(key) };
	enum list_name name = list_name_find(r, line, "member", &found);

	if (name != LIST_NAMES)
		return name;
	name = list_name_guess(&found);
	return name != LIST_NAMES && json_object_get(object, list_name(name)) ? LIST_NAMES
									      : name;
}

static void members_take(struct list_reader *r, int64_t line, json_t *object,
    struct list_text text[LIST_NAMES])
{
	bool there[LIST_NAMES] = { false };

	for (void *i = json_object_iter(object); i;
	     i = json_object_iter_next(object, i)) {
		enum list_name name = name_take(r, line, object, json_object_iter_key(i));

		if (name == LIST_NAMES)
			continue;
		there[name] = true;
		value_take(r, line, name, json_object_iter_value(i), &text[name]);
	}
	for (enum list_name n = LIST_ADDRESS; n <= LIST_AMOUNT; n++)
		if (!there[n])
			list_problem(r, line, "the member %s is missing", list_name(n));
}

/* -- rows ------------------------------------------------------------------ */

/* line and column: where the row begins. */
static void parse_problem(
    struct list_reader *r, int64_t line, int64_t column, const json_error_t *error)
{
	char show[LIST_SHOW_BYTES];

	r->at_column = error->line > 1 ? error->column : column + error->column - 1;
	line += error->line > 0 ? error->line - 1 : 0;
	if (json_error_code(error) == json_error_numeric_overflow)
		list_problem(
		    r, line, "a number that is too large; put amounts in quotes");
	else if (json_error_code(error) == json_error_null_character)
		list_problem(r, line, "a NUL character");
	else
		list_problem(r, line, "bad JSON: %s",
		    list_show(show, error->text, strlen(error->text)));
	r->at_column = 0;
}

static void object_take(struct list_reader *r, int64_t line, int64_t column)
{
	/* integers beyond 64 bits are to reach value_take, which says what to do */
	size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL;
	struct list_text text[LIST_NAMES] = { 0 };
	json_error_t error;
	json_t *object = json_loadb(r->text, r->text_len, flags, &error);

	if (!object) {
		parse_problem(r, line, column, &error);
		return;
	}
	members_take(r, line, object, text);
	list_take(r, line, text);
	json_decref(object);
}

/* What is no row, up to the comma or bracket behind it. */
static void element_skip(struct list_reader *r)
{
	int64_t line = r->line;
	struct nest n = { 0 };

	r->text_len = 0;
	for (;;) {
		int byte = list_peek(r);

		if (byte == -1 || !list_text_add(r, line, byte) ||
		    (n.depth == 0 && !n.string && (byte == ',' || byte == ']')))
			return;
		list_byte(r);
		nest_add(&n, byte);
		n.depth = n.depth < 0 ? 0 : n.depth;
	}
}

static void problem_here(struct list_reader *r, const char *text)
{
	r->at_column = r->column;
	list_problem(r, r->line, "%s", text);
	r->at_column = 0;
}

static void row_take(struct list_reader *r)
{
	int64_t line = r->line, column = r->column;
	bool flat;

	if (!object_cut(r, line, &flat))
		return;
	list_text_check(r, line);
	if (flat)
		object_take(r, line, column);
	else
		list_problem(r, line, "a row holds nothing but strings");
}

/* One row and what follows it; false: it was the last. */
static bool row_next(struct list_reader *r)
{
	int byte;

	blanks_skip(r);
	byte = list_peek(r);
	if (byte == '{') {
		row_take(r);
	} else if (byte != -1) {
		problem_here(
		    r, "a row is expected here: {\"address\": .., \"amount\": ..}");
		element_skip(r);
	}
	if (r->stop)
		return false;
	blanks_skip(r);
	byte = list_peek(r);
	if (byte == -1)
		list_lost(r, r->line, "the file ends before the closing ]");
	else if (byte != ',' && byte != ']')
		problem_here(r, "a comma or ] is expected behind a row");
	if (byte == ',' || byte == ']')
		list_byte(r);
	else if (byte != '{')
		element_skip(r);
	return byte != ']';
}

void list_json(struct list_reader *r)
{
	blanks_skip(r);
	if (list_byte(r) != '[') {
		list_lost(r, r->line,
		    "rows of JSON stand between [ and ], with commas: "
		    "[{\"address\": .., \"amount\": ..}, ..]");
		return;
	}
	blanks_skip(r);
	if (list_peek(r) == ']')
		list_byte(r);
	else
		while (!r->stop && row_next(r))
			;
	if (r->stop)
		return;
	blanks_skip(r);
	if (list_peek(r) != -1)
		list_lost(r, r->line, "text behind the closing ]");
}
