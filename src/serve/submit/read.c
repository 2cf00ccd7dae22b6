/* read.c - the body of a submit, member by member. */
#include "serve/submit/submit_in.h"

#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "codec/eip55.h"
#include "codec/json.h"
#include "kinds/airdrop/airdrop.h"
#include "serve/submit/handover.h"

#define LIST_MAX (4 * REQUEST_LIST_MAX)

/* -- reading --------------------------------------------------------------- */

static enum err text_get(
    const char **ret, const json_t *o, const char *key, bool needed, struct fail *f)
{
	const json_t *value = json_object_get(o, key);

	*ret = json_string_value(value);
	if ((!value && !needed) || (*ret && **ret))
		return ERR_OK;
	return fail_set(f, ERR_USAGE, "%s: %s", key, value ? "no text" : "is missing");
}

static enum err flag_get(bool *ret, const json_t *o, const char *key, struct fail *f)
{
	const json_t *value = json_object_get(o, key);

	*ret = json_is_true(value);
	return !value || json_is_boolean(value)
	    ? ERR_OK
	    : fail_set(f, ERR_USAGE, "%s: not true or false", key);
}

static enum err address_get(
    struct address *ret, const char *text, const char *key, struct fail *f)
{
	switch (eip55_parse(ret->at, text, strlen(text))) {
	case EIP55_OK:
		return ERR_OK;
	case EIP55_BAD_CHECKSUM:
		return fail_set(f, ERR_USAGE,
		    "%s: its checksum does not match: it is mistyped somewhere", key);
	case EIP55_NOT_AN_ADDRESS:
		break;
	}
	return fail_set(
	    f, ERR_USAGE, "%s: not an address (0x and 40 hexadecimal digits)", key);
}

static enum err notify_get(struct submit *s, const json_t *o, struct fail *f)
{
	const json_t *all = json_object_get(o, "notify"), *one;
	enum err e = ERR_OK;
	size_t i;

	if (all && !json_is_array(all))
		return fail_set(f, ERR_USAGE, "notify: no array");
	json_array_foreach(all, i, one)
	{
		const char *text = json_string_value(one);

		if (e == ERR_OK)
			e = text ? request_notify(&s->notify, text, f)
				 : fail_set(f, ERR_USAGE, "notify: no text");
	}
	return e;
}

/* A row as the reader of lists knows it: one a line, so a line is a row's number. */
static enum err row_get(struct submit *s, json_t *row, size_t number, struct fail *f)
{
	const json_t *to = json_object_get(row, "to");
	const json_t *amount = json_object_get(row, "amount");
	const json_t *memo = json_object_get(row, "memo");
	json_t *o;
	char *text;

	if (!json_is_string(to) || !json_is_string(amount) ||
	    (memo && !json_is_string(memo)) || json_object_size(row) != (memo ? 3u : 2u))
		return fail_set(f, ERR_USAGE,
		    "rows: %zu: a row has `to`, `amount` and maybe `memo`, all text",
		    number);
	o = json_object();
	CHECK(o && json_object_set(o, "address", (json_t *)(uintptr_t)to) == 0 &&
	    json_object_set(o, "amount", (json_t *)(uintptr_t)amount) == 0);
	if (memo)
		CHECK(json_object_set(o, "memo", (json_t *)(uintptr_t)memo) == 0);
	text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	CHECK(text);
	buf_addf(&s->list, "%s", number == 1 ? "[" : ",\n");
	buf_add_str(&s->list, text);
	mem_free(text);
	json_decref(o);
	return ERR_OK;
}

static enum err rows_get(struct submit *s, const json_t *o, struct fail *f)
{
	json_t *rows = json_object_get(o, "rows"), *row;
	enum err e = ERR_OK;
	size_t i;

	if (!json_is_array(rows) || !json_array_size(rows))
		return fail_set(f, ERR_USAGE, "rows: no array of rows to pay");
	json_array_foreach(rows, i, row) if (e == ERR_OK) e = row_get(s, row, i + 1, f);
	buf_add_str(&s->list, "]\n");
	if (e == ERR_OK && !buf_ok(&s->list))
		e = fail_set(f, ERR_TOO_BIG, "rows: too many in one request");
	return e;
}

static enum err texts_get(struct submit *s, const json_t *o, struct fail *f)
{
	const char *kind, *token, *fee_to;
	enum err e = text_get(&kind, o, "kind", false, f);

	if (e == ERR_OK && kind && strcmp(kind, kind_airdrop.name) != 0)
		e = fail_set(f, ERR_USAGE, "kind: %.40s: airdrop alone is made so", kind);
	if (e == ERR_OK)
		e = text_get(&s->name, o, "name", true, f);
	if (e == ERR_OK && !handover_name_good(s->name))
		e = fail_set(f, ERR_USAGE,
		    "name: letters, digits, '.', '_' and '-', at most %d of them and not "
		    "digits or dots alone",
		    OPERATION_NAME_MAX - 1);
	if (e == ERR_OK)
		e = text_get(&s->chain, o, "chain", true, f);
	if (e == ERR_OK)
		e = text_get(&s->key, o, "key", true, f);
	if (e == ERR_OK && strlen(s->key) >= HANDOVER_KEY_MAX)
		e = fail_set(f, ERR_USAGE, "key: too long");
	if (e == ERR_OK)
		e = text_get(&s->cap, o, "max_total_fee", false, f);
	if (e == ERR_OK)
		e = text_get(&s->fee, o, "service_fee", false, f);
	if (e == ERR_OK)
		e = text_get(&fee_to, o, "service_fee_to", s->fee, f);
	if (e == ERR_OK && fee_to)
		e = address_get(&s->fee_to, fee_to, "service_fee_to", f);
	if (e == ERR_OK)
		e = text_get(&token, o, "token", false, f);
	s->has_token = e == ERR_OK && token;
	return s->has_token ? address_get(&s->token, token, "token", f) : e;
}

static enum err flags_get(struct submit *s, const json_t *o, struct fail *f)
{
	enum err e = flag_get(&s->again, o, "again", f);

	if (e == ERR_OK)
		e = flag_get(&s->adopt, o, "adopt", f);
	if (e == ERR_OK)
		e = flag_get(&s->duplicates, o, "allow_duplicates", f);
	return e == ERR_OK ? flag_get(&s->self, o, "allow_self", f) : e;
}

void submit_release(struct submit *s)
{
	json_decref(s->root);
	buf_release(&s->list);
}

enum err submit_parse(struct submit *s, const char *body, size_t len, struct fail *f)
{
	static const struct address zero;
	const char *key;
	json_t *value;
	enum err e;

	*s = (struct submit){ .root = json_read(body, len, f) };
	s->notify.route = ROUTE_RUN;
	buf_init(&s->list, LIST_MAX);
	if (!s->root)
		return fail_wrap(f, ERR_USAGE, "the body");
	if (!json_is_object(s->root))
		return fail_set(f, ERR_USAGE, "the body is no object");
	json_object_foreach(
	    s->root, key, value) if (!request_has(ROUTE_SUBMIT, key)) return fail_set(f,
	    ERR_USAGE, "%.40s: no member of this request", key);
	e = texts_get(s, s->root, f);
	if (e == ERR_OK && s->has_token && address_same(&s->token, &zero))
		e = fail_set(f, ERR_USAGE,
		    "token: the zero address is none; leave it out for the native coin");
	if (e == ERR_OK)
		e = flags_get(s, s->root, f);
	if (e == ERR_OK)
		e = notify_get(s, s->root, f);
	return e == ERR_OK ? rows_get(s, s->root, f) : e;
}

enum err submit_check(const char *body, size_t len, struct fail *f)
{
	struct submit s;
	enum err e = submit_parse(&s, body, len, f);

	submit_release(&s);
	return e;
}
