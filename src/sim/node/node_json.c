#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/node/node_in.h"

#define DEPTH_MAX 16

struct reader {
	char *at, *end; /* of the text; a NUL stands at its end */
	struct value *value;
	size_t n, room;
};

static bool read_value(struct reader *r, int depth);

static void pass_space(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')
		r->at++;
}

static bool pass(struct reader *r, char c)
{
	pass_space(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

static struct value *value_add(struct reader *r, enum value_kind kind)
{
	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		r->value = mem_grow(r->value, r->room, sizeof *r->value);
	}
	r->value[r->n] = (struct value){ .kind = kind, .span = 1 };
	return &r->value[r->n++];
}

/* Its closing quote becomes its end. */
static bool read_text(struct reader *r)
{
	char *from = ++r->at;

	while ((r->at = memchr(r->at, '"', (size_t)(r->end - r->at)))) {
		char *slash = r->at;

		while (slash > from && slash[-1] == '\\')
			slash--;
		if ((r->at - slash) % 2 == 0)
			break;
		r->at++;
	}
	if (!r->at)
		return false;
	*r->at++ = '\0';
	value_add(r, VALUE_TEXT)->text = from;
	return true;
}

static bool read_number(struct reader *r)
{
	char *end;
	int64_t n = strtoll(r->at, &end, 10);

	if (end == r->at)
		return false;
	r->at = end + strspn(end, ".0123456789eE+-");
	value_add(r, VALUE_NUMBER)->number = n;
	return true;
}

static bool read_word(struct reader *r, const char *word, enum value_kind kind)
{
	if (strncmp(r->at, word, strlen(word)) != 0)
		return false;
	r->at += strlen(word);
	value_add(r, kind);
	return true;
}

/* Of an object each member is two: its key, and what it is. */
static bool read_many(struct reader *r, char close, int depth)
{
	size_t all = r->n;

	value_add(r, close == '}' ? VALUE_OBJECT : VALUE_ARRAY);
	r->at++;
	if (!pass(r, close)) {
		do {
			pass_space(r);
			if (close == '}' &&
			    (*r->at != '"' || !read_text(r) || !pass(r, ':')))
				return false;
			if (!read_value(r, depth))
				return false;
			r->value[all].n++;
		} while (pass(r, ','));
		if (!pass(r, close))
			return false;
	}
	r->value[all].span = (uint32_t)(r->n - all);
	return true;
}

static bool read_value(struct reader *r, int depth)
{
	if (depth == DEPTH_MAX)
		return false;
	pass_space(r);
	switch (*r->at) {
	case '"':
		return read_text(r);
	case '{':
		return read_many(r, '}', depth + 1);
	case '[':
		return read_many(r, ']', depth + 1);
	case 't':
		return read_word(r, "true", VALUE_TRUE);
	case 'f':
		return read_word(r, "false", VALUE_FALSE);
	case 'n':
		return read_word(r, "null", VALUE_NULL);
	default:
		return read_number(r);
	}
}

struct value *values_read(char *text, size_t len)
{
	struct reader r = { .at = text, .end = text + len };

	CHECK(!*r.end);
	if (read_value(&r, 0)) {
		pass_space(&r);
		if (r.at == r.end)
			return r.value;
	}
	mem_free(r.value);
	return NULL;
}

bool value_is(const struct value *v, enum value_kind kind)
{
	return v && v->kind == kind;
}

const struct value *value_at(const struct value *array, size_t at)
{
	const struct value *v;

	if (!value_is(array, VALUE_ARRAY) || at >= array->n)
		return NULL;
	for (v = array + 1; at; at--)
		v += v->span;
	return v;
}

const struct value *value_of(const struct value *object, const char *key)
{
	const struct value *v;

	if (!value_is(object, VALUE_OBJECT))
		return NULL;
	v = object + 1;
	for (uint32_t i = 0; i < object->n; i++, v += 1 + v[1].span)
		if (strcmp(v->text, key) == 0)
			return v + 1;
	return NULL;
}

const char *value_text(const struct value *v)
{
	return value_is(v, VALUE_TEXT) ? v->text : NULL;
}
