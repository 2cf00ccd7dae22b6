#include "serve/request/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "engine/states.h"

#define SHOWN_MAX 40

enum answer { ANSWER_OBJECT, ANSWER_MADE, ANSWER_STREAM };
enum body { BODY_NONE, BODY_JSON, BODY_LIST, BODY_LINES };

static const struct {
	const char *word, *method, *path;
	enum body body;
	enum answer answer;
} routes[] = {
#define ROUTE(name, method, path, body, answer, ...) \
	{ #name, method, path, BODY_##body, ANSWER_##answer },
#include "serve/request/routes.def"
#undef ROUTE
};

enum where { WHERE_QUERY, WHERE_BODY, WHERE_NEEDED };

static const struct {
	enum route route;
	const char *name;
	enum where where;
} members[] = {
#define ASK(route, name, where, ...) { ROUTE_##route, name, WHERE_##where },
#define GIVE(...)
#define OF(...)
#include "serve/request/members.def"
#undef ASK
#undef GIVE
#undef OF
};

static const char *const repairs[] = {
	[REPAIR_ADOPT] = "adopt",
	[REPAIR_SKIP] = "skip",
	[REPAIR_RELEASE] = "release",
};

/* -- the path -------------------------------------------------------------- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One segment of a path. false: empty, too long, a NUL, or a '%' that leads nowhere. */
static bool segment_decode(char *out, size_t size, const char *in, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)in[i];

		if (c == '%') {
			int high = i + 2 < len ? digit(in[i + 1]) : -1;
			int low = high >= 0 ? digit(in[i + 2]) : -1;

			if (low < 0)
				return false;
			c = high * 16 + low;
			i += 2;
		}
		if (!c || n + 1 >= size)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return n > 0;
}

static bool path_matches(
    const char *pattern, const char *path, const char **ret_name, size_t *ret_len)
{
	const char *hole = strchr(pattern, '{');
	size_t head = hole ? (size_t)(hole - pattern) : strlen(pattern);
	const char *tail = hole ? strchr(hole, '}') + 1 : pattern + head;

	if (strncmp(path, pattern, head) != 0)
		return false;
	*ret_name = path + head;
	*ret_len = hole ? strcspn(path + head, "/") : 0;
	return strcmp(path + head + *ret_len, tail) == 0;
}

/* What comes without a body is as what GET has, but for streams, which never end. */
static bool method_fits(int route, const char *method)
{
	return strcmp(routes[route].method, method) == 0 ||
	    (strcmp(method, "HEAD") == 0 && strcmp(routes[route].method, "GET") == 0 &&
		routes[route].answer != ANSWER_STREAM);
}

/* -1: there is none. */
static int route_find(
    const char *method, const char *path, const char **ret_name, size_t *ret_len)
{
	for (int i = 0; i < ROUTE_COUNT; i++)
		if (path_matches(routes[i].path, path, ret_name, ret_len) &&
		    method_fits(i, method))
			return i;
	return -1;
}

const char *request_allow(const char *path)
{
	static const char *const names[] = { NULL, "GET", "GET, HEAD", "POST",
		"GET, POST", "GET, HEAD, POST" };
	const char *name;
	size_t len;
	bool post = route_find("POST", path, &name, &len) >= 0;
	int get = (route_find("GET", path, &name, &len) >= 0) +
	    (route_find("HEAD", path, &name, &len) >= 0);

	return names[get + (post ? 3 : 0)];
}

bool request_of_endpoint(enum route route)
{
	return route == ROUTE_ENDPOINT_OFF || route == ROUTE_ENDPOINT_ON ||
	    route == ROUTE_ENDPOINT_RESET;
}

const char *request_word(enum route route)
{
	return routes[route].word;
}

bool request_takes_lines(enum route route)
{
	return routes[route].body == BODY_LINES;
}

size_t request_body_max(const char *method, const char *path)
{
	const char *name;
	size_t len;
	int at = route_find(method, path, &name, &len);

	if (at < 0 || routes[at].body == BODY_NONE)
		return 0;
	if (routes[at].body == BODY_LIST)
		return REQUEST_LIST_MAX;
	return routes[at].body == BODY_JSON ? REQUEST_JSON_MAX : REQUEST_LINES_MAX;
}

static enum err route_get(
    struct request *ret, const char *method, const char *path, struct fail *f)
{
	const char *name;
	size_t len;
	int at = route_find(method, path, &name, &len);

	if (at < 0 && request_allow(path))
		return fail_set(f, ERR_METHOD, "%.*s: not with the method %.*s, but %s",
		    SHOWN_MAX, path, SHOWN_MAX, method, request_allow(path));
	if (at < 0)
		return fail_set(
		    f, ERR_NOT_FOUND, "there is no path %.*s", SHOWN_MAX, path);
	ret->route = (enum route)at;
	if (strchr(routes[at].path, '{') &&
	    !segment_decode(ret->name, sizeof ret->name, name, len))
		return fail_set(f, ERR_NOT_FOUND, "there is nothing of such a name");
	return ERR_OK;
}

/* -- the body -------------------------------------------------------------- */

static enum err flag_read(bool *ret, const json_t *value, const char *key, struct fail *f)
{
	*ret = json_is_true(value);
	return json_is_boolean(value)
	    ? ERR_OK
	    : fail_set(f, ERR_USAGE, "%s: not true or false", key);
}

/* How precise it may be is a matter of the chain. */
static enum err cap_read(struct request *q, const json_t *value, struct fail *f)
{
	const char *text = json_string_value(value);
	size_t len = text ? strlen(text) : 0;
	struct amount any;
	enum amount_fault fault =
	    text ? amount_parse(&any, text, len, 0) : AMOUNT_NOT_PLAIN;

	if (fault == AMOUNT_TOO_PRECISE)
		fault = AMOUNT_OK;
	if (fault == AMOUNT_OK && len >= sizeof q->cap)
		fault = AMOUNT_OVERFLOW;
	if (fault != AMOUNT_OK)
		return fail_set(
		    f, ERR_USAGE, "max_total_fee: %s", amount_fault_text(fault));
	memcpy(q->cap, text, len + 1);
	return ERR_OK;
}

/* Who says yes says to what: true alone is to nothing. */
static enum err yes_read(struct request *q, const json_t *value, struct fail *f)
{
	const char *text = json_string_value(value);

	if (json_is_boolean(value) ||
	    (text && word_parse(&q->yes, text, json_string_length(value))))
		return ERR_OK;
	return fail_set(f, ERR_USAGE, "yes: no word that a refusal has told");
}

static enum err by_read(struct request *q, const json_t *value, struct fail *f)
{
	const char *text = json_string_value(value);

	if (!text || !*text || strlen(text) >= sizeof q->by)
		return fail_set(f, ERR_USAGE, "by: no name of somebody");
	snprintf(q->by, sizeof q->by, "%s", text);
	utf8_plain(q->by);
	return ERR_OK;
}

static enum err plan_read(struct request *q, const json_t *value, struct fail *f)
{
	const char *text = json_string_value(value);

	q->has_plan = text && hex_parse_0x(q->plan, sizeof q->plan, text);
	return q->has_plan ? ERR_OK : fail_set(f, ERR_USAGE, "plan: no SHA-256");
}

static enum err row_read(struct request *q, const json_t *value, struct fail *f)
{
	q->row = json_integer_value(value);
	q->has_row = json_is_integer(value) && q->row >= 0;
	return q->has_row ? ERR_OK : fail_set(f, ERR_USAGE, "row: no number of a row");
}

static enum err hash_read(struct request *q, const json_t *value, struct fail *f)
{
	const char *text = json_string_value(value);

	q->has_hash = text && hex_parse_0x(q->hash, sizeof q->hash, text);
	return q->has_hash ? ERR_OK
			   : fail_set(f, ERR_USAGE, "hash: none of a transaction");
}

static enum err repair_read(struct request *q, const json_t *value, struct fail *f)
{
	const char *text = json_string_value(value);

	q->repair = text ? repair_parse(text) : REPAIR_NOT;
	return q->repair != REPAIR_NOT
	    ? ERR_OK
	    : fail_set(f, ERR_USAGE, "do: adopt, skip or release");
}

enum err request_notify(struct request *q, const char *text, struct fail *f)
{
	size_t len = strlen(q->text), more = strlen(text);

	if (!more || strpbrk(text, "\r\n"))
		return fail_set(f, ERR_USAGE, "notify: no CHANNEL:TARGET");
	if (len + more + 2 > sizeof q->text)
		return fail_set(f, ERR_USAGE, "notify: more than %d bytes in all",
		    REQUEST_TEXT_MAX - 1);
	memcpy(q->text + len, text, more + 1);
	memcpy(q->text + len + more, "\n", 2);
	return ERR_OK;
}

static enum err notify_read(struct request *q, const json_t *value, struct fail *f)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(value))
		return fail_set(f, ERR_USAGE, "notify: no array");
	json_array_foreach(value, i, one)
	{
		const char *text = json_string_value(one);
		enum err e = text ? request_notify(q, text, f)
				  : fail_set(f, ERR_USAGE, "notify: no text");

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static enum err text_read(struct request *q, const json_t *value, struct fail *f)
{
	const char *text = json_string_value(value);
	size_t len = text ? strlen(text) : 0;

	if (!len || len >= sizeof q->text)
		return fail_set(
		    f, ERR_USAGE, "text: 1 to %d bytes are told", REQUEST_TEXT_MAX - 1);
	memcpy(q->text, text, len + 1);
	return ERR_OK;
}

static bool is_member(enum route route, const char *name, bool of_query)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (members[i].route == route && strcmp(members[i].name, name) == 0 &&
		    (members[i].where == WHERE_QUERY) == of_query)
			return true;
	return false;
}

static enum err yes_or_word(struct request *q, const json_t *value, struct fail *f)
{
	return q->route == ROUTE_ENDPOINT_OFF ? flag_read(&q->sure, value, "yes", f)
					      : yes_read(q, value, f);
}

static enum err now_read(struct request *q, const json_t *value, struct fail *f)
{
	return flag_read(&q->now, value, "now", f);
}

static const struct {
	const char *name;
	enum err (*read)(struct request *q, const json_t *value, struct fail *f);
} readers[] = {
	{ "by", by_read },
	{ "do", repair_read },
	{ "hash", hash_read },
	{ "max_total_fee", cap_read },
	{ "notify", notify_read },
	{ "now", now_read },
	{ "plan", plan_read },
	{ "row", row_read },
	{ "text", text_read },
	{ "yes", yes_or_word },
};

static enum err member_read(
    struct request *q, const char *key, const json_t *value, struct fail *f)
{
	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
		if (strcmp(readers[i].name, key) == 0 && is_member(q->route, key, false))
			return readers[i].read(q, value, f);
	return fail_set(f, ERR_USAGE, "%.*s: no member of this request", SHOWN_MAX, key);
}

static enum err object_read(
    struct request *q, const char *body, size_t len, struct fail *f)
{
	json_t *root = json_read(body, len, f), *value;
	enum err e = ERR_OK;
	const char *key;

	if (!root)
		return fail_wrap(f, ERR_USAGE, "the body");
	if (!json_is_object(root))
		e = fail_set(f, ERR_USAGE, "the body is no object");
	else
		json_object_foreach(root, key, value) if (e == ERR_OK) e =
		    member_read(q, key, value, f);
	json_decref(root);
	return e;
}

enum err request_parse(struct request *ret, const char *method, const char *path,
    const char *body, size_t len, struct fail *f)
{
	enum err e;

	*ret = (struct request){ .route = ROUTE_COUNT, .state = -1 };
	e = route_get(ret, method, path, f);
	if (e == ERR_OK && routes[ret->route].body == BODY_LINES) {
		ret->lines = body;
		ret->lines_len = len;
		return ERR_OK;
	}
	if (e != ERR_OK || !len || ret->route == ROUTE_CREATE ||
	    ret->route == ROUTE_SUBMIT)
		return e;
	if (routes[ret->route].body == BODY_NONE)
		return fail_set(f, ERR_USAGE, "it takes no body");
	return object_read(ret, body, len, f);
}

bool request_has(enum route route, const char *member)
{
	return is_member(route, member, false);
}

/* -- the query ------------------------------------------------------------- */

static enum err number_read(int64_t *ret, const char *key, const char *text,
    int64_t least, int64_t most, struct fail *f)
{
	size_t digits = strspn(text, "0123456789");
	long long n =
	    digits && digits < 19 && !text[digits] ? strtoll(text, NULL, 10) : -1;

	*ret = n;
	if (n >= least && n <= most)
		return ERR_OK;
	return fail_set(f, ERR_USAGE,
	    "%s=%.*s: not a whole number from %" PRId64 " to %" PRId64, key, SHOWN_MAX,
	    text, least, most);
}

static enum err state_read(struct request *q, const char *text, struct fail *f)
{
	enum machine m = q->route == ROUTE_ITEMS ? MACHINE_ITEM : MACHINE_OPERATION;

	q->state = state_by_name(m, text);
	return q->state >= 0 ? ERR_OK
			     : fail_set(f, ERR_USAGE,
				   "state=%.*s: there is no such state", SHOWN_MAX, text);
}

static enum err kind_read(struct request *q, const char *text, struct fail *f)
{
	if (strlen(text) >= sizeof q->kind)
		return fail_set(
		    f, ERR_USAGE, "kind=%.*s: there is no such kind", SHOWN_MAX, text);
	snprintf(q->kind, sizeof q->kind, "%s", text);
	return ERR_OK;
}

static enum err name_read(struct request *q, const char *text, struct fail *f)
{
	snprintf(q->name, sizeof q->name, "%s", text);
	return *text ? ERR_OK : fail_set(f, ERR_USAGE, "operation=: its name or id");
}

static enum err argument_read(
    struct request *q, const char *key, const char *text, struct fail *f)
{
	if (!is_member(q->route, key, true))
		return fail_set(
		    f, ERR_USAGE, "?%.*s: nothing that this asks for", SHOWN_MAX, key);
	if (strcmp(key, "state") == 0)
		return state_read(q, text, f);
	if (strcmp(key, "kind") == 0)
		return kind_read(q, text, f);
	if (strcmp(key, "limit") == 0)
		return number_read(&q->limit, key, text, 1, REQUEST_LIMIT_MAX, f);
	if (strcmp(key, "operation") == 0)
		return name_read(q, text, f);
	if (strcmp(key, "before") == 0)
		return number_read(&q->before, key, text, 1, INT64_MAX, f);
	CHECK(strcmp(key, "after") == 0);
	return number_read(&q->after, key, text, 0, INT64_MAX, f);
}

enum err request_query(struct request *q, const char *query, struct fail *f)
{
	enum err e = ERR_OK;

	q->limit = REQUEST_LIMIT;
	q->before = INT64_MAX;
	q->after = q->route == ROUTE_FEED ? -1 : 0;
	while (*query && e == ERR_OK) {
		char key[SHOWN_MAX], text[REQUEST_NAME_MAX] = "";
		size_t len = strcspn(query, "&"), key_len = strcspn(query, "=&");

		if (!segment_decode(key, sizeof key, query, key_len) ||
		    (key_len + 1 < len &&
			!segment_decode(
			    text, sizeof text, query + key_len + 1, len - key_len - 1)))
			return fail_set(f, ERR_USAGE, "?%.*s: nothing that this asks for",
			    SHOWN_MAX, query);
		e = argument_read(q, key, text, f);
		query += len + (query[len] == '&');
	}
	return e;
}

/* -- the other way --------------------------------------------------------- */

static void segment_encode(struct buf *out, const char *name)
{
	for (; *name; name++) {
		bool plain = (*name >= 'a' && *name <= 'z') ||
		    (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9') ||
		    *name == '-' || *name == '_' || *name == '~';

		if (plain)
			buf_add_byte(out, (uint8_t)*name);
		else
			buf_addf(out, "%%%02X", (unsigned char)*name);
	}
}

void request_path(struct buf *out, enum route route, const char *name)
{
	const char *pattern = routes[route].path, *hole = strchr(pattern, '{');

	if (!hole) {
		buf_add_str(out, pattern);
		return;
	}
	buf_add(out, pattern, (size_t)(hole - pattern));
	segment_encode(out, name);
	buf_add_str(out, strchr(hole, '}') + 1);
}

static void notify_add(struct buf *out, const struct request *q)
{
	char line[REQUEST_TEXT_MAX];
	const char *between = "";

	buf_addf(out, "%s\"notify\":[", q->has_plan || q->cap[0] ? "," : "");
	for (const char *at = q->text; *at; at += strcspn(at, "\n") + 1) {
		snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
		buf_add_str(out, between);
		buf_add_json(out, line);
		between = ",";
	}
	buf_add_str(out, "]");
}

void request_body(struct buf *out, const struct request *q)
{
	if (routes[q->route].body == BODY_LINES && q->lines)
		buf_add(out, q->lines, q->lines_len);
	if (routes[q->route].body != BODY_JSON)
		return;
	buf_add_str(out, "{");
	if (q->by[0]) {
		buf_add_str(out, "\"by\":");
		buf_add_json(out, q->by);
	}
	if (q->sure)
		buf_addf(out, "%s\"yes\":true", q->by[0] ? "," : "");
	if (q->now)
		buf_add_str(out, "\"now\":true");
	if (q->yes)
		buf_addf(out, "\"yes\":\"%08" PRIx32 "\"", q->yes);
	if (q->has_plan) {
		buf_add_str(out, "\"plan\":\"0x");
		buf_add_hex(out, q->plan, sizeof q->plan);
		buf_add_str(out, "\"");
	}
	if (q->cap[0]) {
		buf_addf(out, "%s\"max_total_fee\":", q->yes || q->has_plan ? "," : "");
		buf_add_json(out, q->cap);
	}
	if (q->has_row)
		buf_addf(out, "%s\"row\":%" PRId64, q->yes ? "," : "", q->row);
	if (q->text[0] && q->route == ROUTE_RUN)
		notify_add(out, q);
	if (q->text[0] && q->route == ROUTE_TELL) {
		buf_add_str(out, "\"text\":");
		buf_add_json(out, q->text);
	}
	if (q->repair != REPAIR_NOT)
		buf_addf(out, ",\"do\":\"%s\"", repairs[q->repair]);
	if (q->has_hash) {
		buf_add_str(out, ",\"hash\":\"0x");
		buf_add_hex(out, q->hash, sizeof q->hash);
		buf_add_str(out, "\"");
	}
	buf_add_str(out, "}");
}

enum repair repair_parse(const char *text)
{
	for (int i = REPAIR_ADOPT; i <= REPAIR_RELEASE; i++)
		if (strcmp(text, repairs[i]) == 0)
			return (enum repair)i;
	return REPAIR_NOT;
}
