#include "cli/config/doc.h"

#include <string.h>
#include <yaml.h>

#include "base/check.h"
#include "base/utf8.h"

/* Nodes of a text of DOC_BYTES_MAX that is all structure would take more: refused. */
#define ARENA_WHY "too many entries"

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	struct arena *arena;
	const char *name, *text;
	size_t len;
	struct fail *f;
};

static enum err refuse(struct reader *r, yaml_mark_t at, const char *why)
{
	return fail_set(
	    r->f, ERR_CONFIG, "%s:%zu:%zu: %s", r->name, at.line + 1, at.column + 1, why);
}

/* libyaml knows no line where it can't even read a character. */
static enum err refuse_at_byte(struct reader *r, size_t at, const char *why)
{
	yaml_mark_t mark = { 0, 0, 0 };

	for (size_t i = 0; i < at && i < r->len; i++) {
		mark.column = r->text[i] == '\n' ? 0 : mark.column + 1;
		mark.line += r->text[i] == '\n';
	}
	return refuse(r, mark, why);
}

static enum err step(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return ERR_OK;
	CHECK(r->parser.error != YAML_MEMORY_ERROR);
	if (r->parser.error == YAML_READER_ERROR)
		return refuse_at_byte(r, r->parser.problem_offset, r->parser.problem);
	return refuse(r, r->parser.problem_mark, r->parser.problem);
}

/* Anchors and tags are in three kinds of event, at three places. */
static enum err refuse_extras(struct reader *r)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	const yaml_event_t *e = &r->event;

	if (e->type == YAML_ALIAS_EVENT)
		return refuse(r, e->start_mark, "an alias (*) is not allowed here");
	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	}
	if (anchor)
		return refuse(r, e->start_mark, "an anchor (&) is not allowed here");
	if (tag)
		return refuse(r, e->start_mark, "a tag (!) is not allowed here");
	return ERR_OK;
}

static enum err text_take(struct reader *r, const char **ret)
{
	const char *text = (const char *)r->event.data.scalar.value;
	size_t len = r->event.data.scalar.length;

	if (len > DOC_TEXT_MAX)
		return refuse(r, r->event.start_mark, "the text is too long");
	if (memchr(text, '\0', len))
		return refuse(r, r->event.start_mark, "a NUL is not allowed here");
	*ret = arena_strn(r->arena, text, len);
	return *ret ? ERR_OK : refuse(r, r->event.start_mark, ARENA_WHY);
}

static enum err node_read(struct reader *r, int depth, struct doc **ret);

/* The event is a mapping's key: read it, and make its value the current event. */
static enum err key_read(struct reader *r, const struct doc *map, struct doc *entry)
{
	enum err e = refuse_extras(r);
	yaml_mark_t at = r->event.start_mark;

	if (e != ERR_OK)
		return e;
	if (r->event.type != YAML_SCALAR_EVENT)
		return refuse(r, at, "a key must be plain text");
	e = text_take(r, &entry->key);
	if (e != ERR_OK)
		return e;
	if (doc_get(map, entry->key))
		return refuse(r, at, "this key is already there");
	entry->key_line = (int)at.line + 1;
	entry->key_column = (int)at.column + 1;
	return step(r);
}

static enum err children_read(
    struct reader *r, struct doc *d, yaml_event_type_t end, int depth)
{
	struct doc **tail = &d->children;

	for (int n = 0;; n++) {
		struct doc key = { .key = NULL };
		enum err e = step(r);

		if (e != ERR_OK || r->event.type == end)
			return e;
		if (n == DOC_ENTRIES_MAX)
			return refuse(r, r->event.start_mark, ARENA_WHY);
		if (d->kind == DOC_MAP)
			e = key_read(r, d, &key);
		if (e == ERR_OK)
			e = node_read(r, depth + 1, tail);
		if (e != ERR_OK)
			return e;
		(*tail)->key = key.key;
		(*tail)->key_line = key.key_line;
		(*tail)->key_column = key.key_column;
		tail = &(*tail)->next;
	}
}

/* The event begins a value: read all of it. *ret is written on success only, so that
 * a mapping in the making holds whole entries. */
static enum err node_read(struct reader *r, int depth, struct doc **ret)
{
	enum err e = refuse_extras(r);
	struct doc *d;

	if (e != ERR_OK)
		return e;
	if (depth > DOC_DEPTH_MAX)
		return refuse(r, r->event.start_mark, "nested too deep");
	d = arena_take(r->arena, sizeof *d);
	if (!d)
		return refuse(r, r->event.start_mark, ARENA_WHY);
	d->line = (int)r->event.start_mark.line + 1;
	d->column = (int)r->event.start_mark.column + 1;
	if (r->event.type == YAML_SCALAR_EVENT) {
		d->kind = DOC_TEXT;
		d->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		e = text_take(r, &d->text);
	} else if (r->event.type == YAML_SEQUENCE_START_EVENT) {
		d->kind = DOC_LIST;
		e = children_read(r, d, YAML_SEQUENCE_END_EVENT, depth);
	} else {
		d->kind = DOC_MAP;
		e = children_read(r, d, YAML_MAPPING_END_EVENT, depth);
	}
	if (e == ERR_OK)
		*ret = d;
	return e;
}

static enum err document_start(struct reader *r)
{
	enum err e = step(r); /* the stream's start: always there */

	if (e == ERR_OK)
		e = step(r);
	if (e != ERR_OK || r->event.type == YAML_STREAM_END_EVENT)
		return e;
	if (r->event.data.document_start.version_directive ||
	    r->event.data.document_start.tag_directives.start !=
		r->event.data.document_start.tag_directives.end)
		return refuse(
		    r, r->event.start_mark, "a % directive is not allowed here");
	return step(r);
}

static enum err document_end(struct reader *r)
{
	enum err e = step(r);

	if (e == ERR_OK)
		e = step(r);
	if (e == ERR_OK && r->event.type != YAML_STREAM_END_EVENT)
		return refuse(r, r->event.start_mark, "a second document is not allowed");
	return e;
}

static enum err document_read(struct reader *r, struct doc **ret)
{
	struct doc *d = NULL;
	enum err e = document_start(r);

	if (e == ERR_OK && r->event.type == YAML_STREAM_END_EVENT) {
		d = arena_take(r->arena, sizeof *d);
		if (!d)
			return refuse(r, r->event.start_mark, ARENA_WHY);
		d->kind = DOC_MAP;
	} else if (e == ERR_OK) {
		e = node_read(r, 1, &d);
		if (e == ERR_OK)
			e = document_end(r);
	}
	if (e == ERR_OK)
		*ret = d;
	return e;
}

static enum err utf8_check(struct reader *r)
{
	for (size_t at = 0, n; at < r->len; at += n) {
		n = utf8_next(r->text + at, r->len - at);
		if (n == 0)
			return refuse_at_byte(r, at, "this is not UTF-8");
	}
	return ERR_OK;
}

enum err doc_parse(struct doc **ret, struct arena *a, const char *name, const char *text,
    size_t len, struct fail *f)
{
	struct reader r = { .arena = a, .name = name, .text = text, .len = len, .f = f };
	enum err e;

	if (len > DOC_BYTES_MAX)
		return fail_set(f, ERR_CONFIG, "%s: larger than 1 MiB", name);
	e = utf8_check(&r);
	if (e != ERR_OK)
		return e;
	CHECK(yaml_parser_initialize(&r.parser));
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	e = document_read(&r, ret);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return e;
}

const struct doc *doc_get(const struct doc *map, const char *key)
{
	if (!map || map->kind != DOC_MAP)
		return NULL;
	for (const struct doc *d = map->children; d; d = d->next)
		if (strcmp(d->key, key) == 0)
			return d;
	return NULL;
}

bool doc_null(const struct doc *d)
{
	if (d->kind != DOC_TEXT || d->quoted)
		return false;
	return !*d->text || strcmp(d->text, "~") == 0 || strcmp(d->text, "null") == 0;
}
