#include "codec/json_plain.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"

#define DEPTH_MAX 16
#define DIGITS_MAX 18 /* of a number that fits a signed 64 bits */

struct reader {
	const char *at, *end;
};

static json_t *read_value(struct reader *r, int depth);

/* NUL at the end, which nothing that is plain begins with. */
static char next(const struct reader *r)
{
	return r->at < r->end ? *r->at : '\0';
}

static char next_but_space(struct reader *r)
{
	while (next(r) == ' ' || next(r) == '\n' || next(r) == '\r' || next(r) == '\t')
		r->at++;
	return next(r);
}

static bool pass(struct reader *r, char c)
{
	if (next_but_space(r) != c)
		return false;
	r->at++;
	return true;
}

/* Between two quotes; NULL: not plain. */
static const char *read_text(struct reader *r, size_t *ret_len)
{
	const char *from;

	if (!pass(r, '"'))
		return NULL;
	from = r->at;
	while (next(r) >= ' ' && next(r) <= '~' && *r->at != '"' && *r->at != '\\')
		r->at++;
	*ret_len = (size_t)(r->at - from);
	if (next(r) != '"')
		return NULL;
	r->at++;
	return from;
}

static json_t *read_string(struct reader *r)
{
	size_t len;
	const char *text = read_text(r, &len);
	json_t *v = text ? json_stringn_nocheck(text, len) : NULL;

	CHECK(v || !text);
	return v;
}

static json_t *read_number(struct reader *r)
{
	const char *from = r->at;
	json_int_t n = 0;
	json_t *v;

	for (; next(r) >= '0' && next(r) <= '9' && r->at - from < DIGITS_MAX; r->at++)
		n = 10 * n + (*r->at - '0');
	if (r->at == from || (*from == '0' && r->at - from > 1))
		return NULL;
	v = json_integer(n);
	CHECK(v);
	return v;
}

static json_t *read_word(struct reader *r, const char *word, json_t *v)
{
	size_t len = strlen(word);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return NULL;
	r->at += len;
	return v;
}

/* A name that is there twice takes the first one's place, and is one fewer. */
static bool read_member(struct reader *r, json_t *object, int depth)
{
	size_t len, before = json_object_size(object);
	const char *key = read_text(r, &len);
	json_t *v = key && pass(r, ':') ? read_value(r, depth) : NULL;

	if (!v)
		return false;
	CHECK(json_object_setn_new_nocheck(object, key, len, v) == 0);
	return json_object_size(object) > before;
}

static bool read_element(struct reader *r, json_t *array, int depth)
{
	json_t *v = read_value(r, depth);

	if (!v)
		return false;
	CHECK(json_array_append_new(array, v) == 0);
	return true;
}

/* Gives `all` back, or away. */
static json_t *read_many(struct reader *r, json_t *all, char close, int depth,
    bool (*read)(struct reader *r, json_t *all, int depth))
{
	bool good = true;

	CHECK(all);
	r->at++;
	if (!pass(r, close)) {
		do
			good = read(r, all, depth);
		while (good && pass(r, ','));
		good = good && pass(r, close);
	}
	if (good)
		return all;
	json_decref(all);
	return NULL;
}

static json_t *read_value(struct reader *r, int depth)
{
	char c = next_but_space(r);

	if (depth == DEPTH_MAX)
		return NULL;
	if (c == '"')
		return read_string(r);
	if (c == '{')
		return read_many(r, json_object(), '}', depth + 1, read_member);
	if (c == '[')
		return read_many(r, json_array(), ']', depth + 1, read_element);
	if (c == 't')
		return read_word(r, "true", json_true());
	if (c == 'f')
		return read_word(r, "false", json_false());
	if (c == 'n')
		return read_word(r, "null", json_null());
	return read_number(r);
}

json_t *json_plain(const char *text, size_t len)
{
	struct reader r = { .at = text, .end = text + len };
	char c = next_but_space(&r);
	json_t *root = c == '{' || c == '[' ? read_value(&r, 0) : NULL;

	if (root && (next_but_space(&r) || r.at < r.end)) {
		json_decref(root);
		root = NULL;
	}
	return root;
}
