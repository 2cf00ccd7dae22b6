#include "kinds/node/state/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "kinds/node/state/change.h"

#define VERSION 1

/* -- writing --------------------------------------------------------------- */

void dump_head_format(struct buf *out, const struct dump_head *head)
{
	buf_addf(out, "{\"l2_state\":%d,\"timestamp_ms\":\"%" PRIu64 "\"", VERSION,
	    head->timestamp_ms);
	for (int i = 0; i < L2_LISTS; i++)
		buf_addf(out, ",\"%s\":%" PRIu64, l2_kinds[i].many, head->n[i]);
	if (head->has_root)
		buf_addf(out, ",\"root\":\"%s\"", head->root);
	buf_add_str(out, "}\n");
}

static void field_format(
    struct buf *out, const void *record, const struct l2_field *field)
{
	uint64_t n;

	if (field->type == L2_TEXT) {
		change_text_format(out, field->name, l2_field_text(record, field));
		return;
	}
	n = l2_field_number(record, field);
	buf_addf(out, "\"%s\":", field->name);
	if (field->type == L2_BOOL)
		buf_add_str(out, n ? "true" : "false");
	else if (field->type == L2_INT)
		buf_addf(out, "%" PRId64, (int64_t)n);
	else
		buf_addf(out, "\"%" PRIu64 "\"", n);
}

void dump_record_format(struct buf *out, enum l2_list list, const void *record)
{
	const struct l2_kind *kind = &l2_kinds[list];

	buf_addf(out, "{\"%s\":{", kind->one);
	for (size_t i = 0; i < kind->fields_n; i++) {
		if (i)
			buf_add_byte(out, ',');
		field_format(out, record, &kind->fields[i]);
	}
	buf_add_str(out, "}}\n");
}

/* -- a record -------------------------------------------------------------- */

static enum err text_read(void *record, const struct l2_field *field, struct arena *arena,
    const json_t *o, struct fail *f)
{
	struct l2_bytes text;
	bool there;

	if (!change_text_get(&text, arena, o, field->name, &there) || !there)
		return fail_set(f, ERR_INPUT,
		    "%s: %s; text, or %s_hex with hexadecimal digits", field->name,
		    there ? "no text" : "is missing", field->name);
	memcpy((char *)record + field->at, &text, sizeof text);
	return ERR_OK;
}

static const char *const numbers[] = {
	[L2_U64] = "a whole number from 0 to 18446744073709551615",
	[L2_U32] = "a whole number from 0 to 4294967295",
	[L2_INT] = "a whole number, without quotes, from -2147483648 to 2147483647",
	[L2_BOOL] = "true or false",
};

static enum err number_read(
    void *record, const struct l2_field *field, const json_t *o, struct fail *f)
{
	const json_t *value = json_object_get(o, field->name);
	json_int_t i = json_integer_value(value);
	char shown[JSON_SHOWN_MAX];
	uint64_t n = 0;
	bool good;

	if (!value)
		return fail_set(f, ERR_INPUT, "%s: is missing", field->name);
	if (field->type == L2_BOOL) {
		good = json_is_boolean(value);
		n = json_is_true(value);
	} else if (field->type == L2_INT) {
		good = json_is_integer(value) && i >= INT32_MIN && i <= INT32_MAX;
		n = (uint64_t)i;
	} else {
		good = change_number_get(&n, value) &&
		    (field->type == L2_U64 || n <= UINT32_MAX);
	}
	if (!good)
		return fail_set(f, ERR_INPUT, "%s: %s is not %s", field->name,
		    json_shown(shown, value), numbers[field->type]);
	l2_field_put(record, field, n);
	return ERR_OK;
}

static enum err record_read(
    struct dump_reader *r, enum l2_list list, const json_t *o, struct fail *f)
{
	const struct l2_kind *kind = &l2_kinds[list];
	union l2_record record = { .balance = { .amount = 0 } };
	struct arena arena;
	enum err e = ERR_OK;

	arena_init(&arena, DUMP_LINE_MAX);
	if (!json_is_object(o) || json_object_size(o) != kind->fields_n)
		e = fail_set(f, ERR_INPUT,
		    "%s: it has another number of members than %zu", kind->one,
		    kind->fields_n);
	for (size_t i = 0; i < kind->fields_n && e == ERR_OK; i++) {
		const struct l2_field *field = &kind->fields[i];

		e = field->type == L2_TEXT ? text_read(&record, field, &arena, o, f)
					   : number_read(&record, field, o, f);
	}
	if (e == ERR_OK)
		l2_state_add(r->state, list, &record);
	arena_release(&arena);
	return e;
}

/* -- lines ----------------------------------------------------------------- */

static enum err head_number(
    uint64_t *ret, const json_t *o, const char *name, struct fail *f)
{
	const json_t *value = json_object_get(o, name);
	char shown[JSON_SHOWN_MAX];

	if (value && change_number_get(ret, value))
		return ERR_OK;
	return value ? fail_set(f, ERR_INPUT, "%s: %s is not %s", name,
			   json_shown(shown, value), numbers[L2_U64])
		     : fail_set(f, ERR_INPUT, "%s: is missing", name);
}

static enum err head_read(struct dump_reader *r, const json_t *o, struct fail *f)
{
	size_t known = 2 + L2_LISTS;
	const json_t *root = json_object_get(o, "root");
	const char *text = json_string_value(root);
	int64_t version;
	enum err e;

	if (!json_i64(o, "l2_state", &version) || version != VERSION)
		return fail_set(f, ERR_INPUT,
		    "it does not begin with {\"l2_state\":%d,..}: it is no state that "
		    "`pawl node state --json` wrote",
		    VERSION);
	e = head_number(&r->head.timestamp_ms, o, "timestamp_ms", f);
	for (int i = 0; i < L2_LISTS && e == ERR_OK; i++)
		e = head_number(&r->head.n[i], o, l2_kinds[i].many, f);
	if (e != ERR_OK)
		return e;
	if (root && (!text || strlen(text) != L2_HEX - 1))
		return fail_set(f, ERR_INPUT, "root: no 64 hexadecimal digits");
	r->head.has_root = root;
	if (root)
		memcpy(r->head.root, text, L2_HEX);
	if (json_object_size(o) != known + r->head.has_root)
		return fail_set(f, ERR_INPUT, "its first line has a member too many");
	r->has_head = true;
	r->state->timestamp_ms = r->head.timestamp_ms;
	return ERR_OK;
}

static enum err object_read(struct dump_reader *r, const json_t *o, struct fail *f)
{
	if (!r->has_head)
		return head_read(r, o, f);
	for (int i = 0; i < L2_LISTS; i++) {
		const json_t *record = json_object_get(o, l2_kinds[i].one);

		if (!record)
			continue;
		if (json_object_size(o) != 1)
			break;
		if (l2_state_n(r->state, (enum l2_list)i) == r->head.n[i])
			return fail_set(f, ERR_INPUT,
			    "there are more %s than the %" PRIu64
			    " that its first line says",
			    l2_kinds[i].many, r->head.n[i]);
		return record_read(r, (enum l2_list)i, record, f);
	}
	return fail_set(
	    f, ERR_INPUT, "no record, as {\"balance\":{\"peer\":..,\"amount\":..}}");
}

void dump_reader_init(struct dump_reader *r, struct l2_state *state)
{
	*r = (struct dump_reader){ .state = state };
}

enum err dump_reader_line(
    struct dump_reader *r, const char *line, size_t len, struct fail *f)
{
	json_t *o;
	enum err e;

	r->line++;
	if (!len)
		return ERR_OK;
	if (len > DUMP_LINE_MAX)
		return fail_set(f, ERR_TOO_BIG, "line %lld: it has more than %zu bytes",
		    r->line, DUMP_LINE_MAX);
	o = json_read(line, len, f);
	e = o ? object_read(r, o, f) : ERR_INPUT;
	json_decref(o);
	return e == ERR_OK ? e : fail_wrap(f, e, "line %lld", r->line);
}

enum err dump_reader_end(struct dump_reader *r, struct fail *f)
{
	char root[L2_HEX];
	enum err e;

	if (!r->has_head)
		return fail_set(f, ERR_INPUT, "it is empty");
	for (int i = 0; i < L2_LISTS; i++) {
		size_t n = l2_state_n(r->state, (enum l2_list)i);

		if (n != r->head.n[i] && !MUTANT(dump_count_believed))
			return fail_set(f, ERR_INPUT,
			    "it has %zu %s, and its first line says %" PRIu64
			    ": it is cut off, or was edited",
			    n, l2_kinds[i].many, r->head.n[i]);
	}
	e = l2_state_check(r->state, f);
	if (e != ERR_OK || !r->head.has_root || MUTANT(dump_root_believed))
		return e;
	l2_state_root(r->state, root);
	if (strcmp(root, r->head.root) == 0)
		return ERR_OK;
	return fail_set(f, ERR_INPUT,
	    "its root is %s, and its first line says %.64s: it was edited; to take it as "
	    "it is, leave the root out of that line",
	    root, r->head.root);
}

/* -- a file ---------------------------------------------------------------- */

static enum err lines_read(struct dump_reader *r, FILE *in, struct fail *f)
{
	char *line = mem_new(DUMP_LINE_MAX + 2);
	enum err e = ERR_OK;
	size_t len = 0;
	int c;

	while (e == ERR_OK && (c = getc_unlocked(in)) != EOF) {
		if (c != '\n' && len <= DUMP_LINE_MAX) {
			line[len++] = (char)c;
			continue;
		}
		e = dump_reader_line(r, line, len, f);
		len = 0;
	}
	if (e == ERR_OK && len)
		e = dump_reader_line(r, line, len, f);
	mem_free(line);
	return e == ERR_OK && ferror(in) ? fail_set(f, ERR_SYSTEM, "%s", strerror(errno))
					 : e;
}

enum err dump_read(struct l2_state *state, const char *path, struct fail *f)
{
	FILE *in = fopen(path, "re");
	struct dump_reader r;
	enum err e;

	if (!in)
		return fail_set(f, ERR_SYSTEM, "%s: %s", path, strerror(errno));
	dump_reader_init(&r, state);
	e = lines_read(&r, in, f);
	if (e == ERR_OK)
		e = dump_reader_end(&r, f);
	(void)fclose(in);
	return e == ERR_OK ? e : fail_wrap(f, e, "%s", path);
}
