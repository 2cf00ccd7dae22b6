#include "serve/request/canon.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "crypto/sha256.h"

#define SHOWN_BYTES 8 /* of a member's hash */

/* -- values ---------------------------------------------------------------- */

static const char *const amounts[] = { "amount", "max_total_fee", "service_fee",
	"total" };

static const char *const hexes[] = { "file_hash", "genesis", "hash", "plan", "sender",
	"service_fee_to", "to", "token" };

static bool is_one_of(const char *const *names, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(key, names[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(names, key) is_one_of(names, sizeof(names) / sizeof *(names), key)

/* 1.50 is 1.5, and 1. and 1.0 are 1. */
static size_t amount_len(const char *text, size_t len)
{
	const char *dot = memchr(text, '.', len);

	if (!dot || strspn(text, "0123456789.") != len)
		return len;
	while (text[len - 1] == '0')
		len--;
	return text[len - 1] == '.' ? len - 1 : len;
}

static void hex_lower(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] >= 'A' && text[i] <= 'F')
			text[i] = (char)(text[i] - 'A' + 'a');
}

static json_t *text_plain(const char *key, const json_t *value)
{
	size_t len = json_string_length(value);
	char *text = mem_new(len + 1);
	json_t *o;

	memcpy(text, json_string_value(value), len);
	if (IS_ONE_OF(amounts, key) && len)
		len = amount_len(text, len);
	else if (IS_ONE_OF(hexes, key))
		hex_lower(text, len);
	o = json_stringn(text, len);
	CHECK(o);
	mem_free(text);
	return o;
}

static json_t *plain(const char *key, json_t *value);

static json_t *object_plain(json_t *value)
{
	json_t *o = json_object(), *v;
	const char *key;

	CHECK(o);
	json_object_foreach(value, key, v) if (!json_is_false(v))
	    CHECK(json_object_set_new(o, key, plain(key, v)) == 0);
	return o;
}

static json_t *array_plain(const char *key, json_t *value)
{
	json_t *o = json_array(), *v;
	size_t i;

	CHECK(o);
	json_array_foreach(value, i, v)
	    CHECK(json_array_append_new(o, plain(key, v)) == 0);
	return o;
}

/* Its depth is bounded by the reader's. */
static json_t *plain(const char *key, json_t *value)
{
	if (json_is_string(value))
		return text_plain(key, value);
	if (json_is_object(value))
		return object_plain(value);
	return json_is_array(value) ? array_plain(key, value) : json_incref(value);
}

/* -- members --------------------------------------------------------------- */

struct writing {
	struct sha256 *all;
	struct buf members;
	bool exact; /* what looks like hex may be the name of a peer */
};

static void member_add(struct writing *w, const char *key, json_t *value)
{
	json_t *o = w->exact ? json_incref(value) : plain(key, value);
	char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	uint8_t hash[32];

	CHECK(text);
	sha256(hash, text, strlen(text));
	sha256_add(w->all, key, strlen(key) + 1);
	sha256_add(w->all, hash, sizeof hash);
	buf_addf(&w->members, "%s ", key);
	buf_add_hex(&w->members, hash, SHOWN_BYTES);
	buf_add_str(&w->members, "\n");
	mem_free(text);
	json_decref(o);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names are what members of requests are called. */
static enum err members_add(struct writing *w, json_t *root, struct fail *f)
{
	const char *names[CANON_MEMBERS_MAX - 1], *key;
	size_t n = 0;
	json_t *value;

	json_object_foreach(root, key, value)
	{
		size_t len = strlen(key);

		if (n == CANON_MEMBERS_MAX - 1 || !len || len >= CANON_NAME_MAX ||
		    strspn(key, "abcdefghijklmnopqrstuvwxyz_") != len)
			return fail_set(
			    f, ERR_USAGE, "%.40s: no member of this request", key);
		if (!json_is_false(value))
			names[n++] = key;
	}
	qsort(names, n, sizeof *names, by_name);
	for (size_t i = 0; i < n; i++)
		member_add(w, names[i], json_object_get(root, names[i]));
	return ERR_OK;
}

static void path_add(struct writing *w, const struct request *q)
{
	struct buf path;
	json_t *o;

	buf_init(&path, 4 * (size_t)REQUEST_NAME_MAX + 100);
	request_path(&path, q->route, q->name);
	o = json_string(buf_text(&path));
	CHECK(buf_ok(&path) && o);
	member_add(w, "path", o);
	json_decref(o);
	buf_release(&path);
}

static json_t *lines_read(const char *body, size_t len, struct fail *f)
{
	json_t *rows = json_array(), *o;
	const char *at = body, *end = body + len;

	CHECK(rows);
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		stop = stop ? stop : end;
		if (stop == at) { /* nothing is on this line */
			at++;
			continue;
		}
		o = json_read(at, (size_t)(stop - at), f);
		if (!o) {
			json_decref(rows);
			return NULL;
		}
		CHECK(json_array_append_new(rows, o) == 0);
		at = stop + 1;
	}
	o = json_pack("{s:o}", "rows", rows);
	CHECK(o);
	return o;
}

enum err canon_of(struct canon *ret, const struct request *q, const char *body,
    size_t len, struct fail *f)
{
	json_t *root = request_takes_lines(q->route) ? lines_read(body, len, f)
	    : len                                    ? json_read(body, len, f)
						     : json_object();
	struct writing w;
	enum err e;

	if (!root)
		return fail_wrap(f, ERR_USAGE, "the body");
	w.exact = q->route == ROUTE_NODE_CHANGES && !MUTANT(peers_are_hex);
	w.all = sha256_begin();
	buf_init(&w.members, sizeof ret->members);
	path_add(&w, q);
	e = json_is_object(root) ? members_add(&w, root, f)
				 : fail_set(f, ERR_USAGE, "the body is no object");
	CHECK(buf_ok(&w.members));
	snprintf(ret->members, sizeof ret->members, "%s", buf_text(&w.members));
	sha256_end(w.all, ret->hash);
	if (MUTANT(key_without_command))
		memset(ret->hash, 0, sizeof ret->hash);
	buf_release(&w.members);
	json_decref(root);
	return e;
}

void canon_differs(const char *a, const char *b, char out[CANON_NAME_MAX])
{
	size_t a_len = strcspn(a, "\n"), b_len = strcspn(b, "\n");
	const char *first;

	while (a_len && a_len == b_len && memcmp(a, b, a_len) == 0) {
		a += a_len + (a[a_len] == '\n');
		b += b_len + (b[b_len] == '\n');
		a_len = strcspn(a, "\n");
		b_len = strcspn(b, "\n");
	}
	/* of two names the lesser: the other one has it not */
	first = !a_len || (b_len && strcmp(b, a) < 0) ? b : a;
	snprintf(out, CANON_NAME_MAX, "%.*s", (int)strcspn(first, " "), first);
}
