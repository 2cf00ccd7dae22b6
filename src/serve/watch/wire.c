#include "serve/watch/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "codec/json.h"

/* -- failures -------------------------------------------------------------- */

static json_t *fail_json(enum err e, const char *why)
{
	return json_pack("{s:o, s:s, s:i}", "error", json_text(why), "name", err_name(e),
	    "exit", err_exit_code(e));
}

void wire_fail_encode(struct buf *out, enum err e, const char *why)
{
	json_line_add(out, fail_json(e, why));
}

int wire_status(enum err e)
{
	if (e == ERR_NOT_FOUND)
		return 404;
	if (e == ERR_METHOD)
		return 405;
	if (e == ERR_TOO_BIG)
		return 413;
	if (e == ERR_CONFLICT || e == ERR_OWNED || e == ERR_OPERATOR)
		return 409;
	if (err_class(e) == CLASS_RETRY || err_class(e) == CLASS_UNKNOWN)
		return 503;
	return err_class(e) == CLASS_FATAL ? 500 : 400;
}

enum err wire_fail_decode(const json_t *o, struct fail *f)
{
	const char *name = json_str(o, "name"), *why = json_str(o, "error");

	for (int e = 0; name && why && e < ERR_COUNT; e++)
		if (strcmp(err_name((enum err)e), name) == 0)
			return e == ERR_OK ? ERR_OK : fail_set(f, (enum err)e, "%s", why);
	return fail_set(f, ERR_BAD_ANSWER, "the owner's answer is not understood");
}

/* -- commands -------------------------------------------------------------- */

json_t *wire_lines(const char *lines)
{
	json_t *list = json_array();

	CHECK(list);
	while (*lines) {
		size_t len = strcspn(lines, "\n");

		CHECK(json_array_append_new(list, json_stringn(lines, len)) == 0);
		lines += len + (lines[len] != '\0');
	}
	return list;
}

/* false: they do not fit. */
static bool lines_read(const json_t *list, char *out, size_t size)
{
	const json_t *one;
	size_t i, len = 0;

	out[0] = '\0';
	json_array_foreach(list, i, one)
	{
		const char *text = json_string_value(one);

		if (!text || len + strlen(text) + 2 > size)
			return false;
		len += (size_t)snprintf(out + len, size - len, "%s\n", text);
	}
	return true;
}

void wire_told_encode(struct buf *out, const struct request *q, const struct told *told)
{
	json_t *o = json_object();

	CHECK(o);
	if (told->operation) {
		json_object_set_new(o, "operation", json_text(told->name));
		json_object_set_new(o, "id", json_integer(told->operation));
		json_object_set_new(
		    o, "state", json_string(state_name(MACHINE_OPERATION, told->state)));
	}
	if (q->route == ROUTE_RUN || q->route == ROUTE_ROWS || q->route == ROUTE_SUBMIT) {
		json_object_set_new(o, "rows", json_integer(told->rows));
		json_object_set_new(o, "imported", json_integer(told->imported));
	}
	if (q->route == ROUTE_RETRY)
		json_object_set_new(o, "retried", json_integer(told->retried));
	if (q->route == ROUTE_TELL) {
		json_object_set_new(o, "subscribers", json_integer(told->subscribers));
		json_object_set_new(o, "suspended", json_integer(told->suspended));
	}
	if (q->route == ROUTE_TRACK || q->route == ROUTE_UNTRACK)
		json_object_set_new(o, "tracked", json_integer(told->tracked));
	if (told->unreached[0])
		json_object_set_new(o, "unreached", wire_lines(told->unreached));
	if (q->route == ROUTE_NODE_CHANGES)
		json_object_set_new(o, "known", json_integer(told->known));
	if (q->route == ROUTE_TRACK || q->route == ROUTE_NODE_CHANGES)
		json_object_set_new(o, "fresh", json_integer(told->fresh));
	if (q->route == ROUTE_NODE_CHANGES)
		json_object_set_new(o, "change", json_integer(told->change));
	if (told->checked[0])
		json_object_set_new(o, "checked", json_text(told->checked));
	if (told->then[0])
		json_object_set_new(o, "then", json_text(told->then));
	if (q->route == ROUTE_RESUME || q->route == ROUTE_PAUSE ||
	    q->route == ROUTE_CANCEL ||
	    (!told->operation && q->route != ROUTE_TELL && q->route != ROUTE_TRACK &&
		q->route != ROUTE_NODE_CHANGES))
		json_object_set_new(o, "moved", json_boolean(told->moved));
	if (told->accepted[0])
		json_object_set_new(o, "accepted", json_text(told->accepted));
	json_line_add(out, o);
}

static bool state_parse(const char *name, int *ret)
{
	*ret = name ? state_by_name(MACHINE_OPERATION, name) : -1;
	return *ret >= 0;
}

bool wire_told_decode(const json_t *o, struct told *ret)
{
	const char *name = json_str(o, "operation"), *accepted = json_str(o, "accepted");
	const char *checked = json_str(o, "checked"), *then = json_str(o, "then");

	*ret = (struct told){ .operation = 0 };
	snprintf(ret->checked, sizeof ret->checked, "%s", checked ? checked : "");
	snprintf(ret->then, sizeof ret->then, "%s", then ? then : "");
	snprintf(ret->accepted, sizeof ret->accepted, "%s", accepted ? accepted : "");
	(void)json_i64(o, "retried", &ret->retried);
	(void)json_i64(o, "subscribers", &ret->subscribers);
	(void)json_i64(o, "suspended", &ret->suspended);
	(void)json_i64(o, "tracked", &ret->tracked);
	(void)json_i64(o, "fresh", &ret->fresh);
	(void)json_i64(o, "known", &ret->known);
	(void)json_i64(o, "change", &ret->change);
	(void)json_i64(o, "rows", &ret->rows);
	(void)json_i64(o, "imported", &ret->imported);
	(void)json_bool(o, "moved", &ret->moved);
	if (!lines_read(
		json_object_get(o, "unreached"), ret->unreached, sizeof ret->unreached))
		return false;
	if (!name)
		return json_is_object(o);
	if (strlen(name) >= sizeof ret->name)
		return false;
	snprintf(ret->name, sizeof ret->name, "%s", name);
	return json_i64(o, "id", &ret->operation) && ret->operation > 0 &&
	    state_parse(json_str(o, "state"), &ret->state);
}

/* -- events ---------------------------------------------------------------- */

void wire_standing_encode(struct buf *out, const struct standing *s)
{
	buf_add_str(out, "event: standing\ndata: ");
	json_line_add(out,
	    json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "state", s->state, "done",
		(json_int_t)s->done, "total", (json_int_t)s->total, "void",
		(json_int_t)s->void_n, "unknown", (json_int_t)s->unknown, "waits_for",
		json_text(s->waits)));
	buf_add_str(out, "\n");
}

bool wire_standing_decode(const json_t *o, struct standing *ret)
{
	const char *state = json_str(o, "state"), *waits = json_str(o, "waits_for");

	memset(ret, 0, sizeof *ret);
	snprintf(ret->state, sizeof ret->state, "%s", state ? state : "");
	snprintf(ret->waits, sizeof ret->waits, "%s", waits ? waits : "");
	return state && json_i64(o, "done", &ret->done) &&
	    json_i64(o, "total", &ret->total) && json_i64(o, "void", &ret->void_n) &&
	    json_i64(o, "unknown", &ret->unknown) && ret->void_n >= 0 && ret->done >= 0 &&
	    ret->done <= ret->total && ret->unknown >= 0;
}

void wire_end_encode(struct buf *out, enum err e, const char *why)
{
	buf_add_str(out, "event: end\ndata: ");
	json_line_add(out, fail_json(e, why));
	buf_add_str(out, "\n");
}

void wire_stopping_encode(struct buf *out, const char *why)
{
	buf_add_str(out, "event: stopping\ndata: ");
	json_line_add(out, fail_json(ERR_STOPPED, why));
	buf_add_str(out, "\n");
}
