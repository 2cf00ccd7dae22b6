#include "kinds/node/state/change.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "codec/json.h"

#define HASH_DIGITS 64
#define NAME_MAX_ 32
#define SHOWN_BYTES 40

enum type { PEER, TEXT, NOTE, HASH, AMOUNT, COUNT, INDEX, TYPE, PRIORITY, FLAG };
enum need { NEEDED, MAYBE };

static const struct member {
	enum change_kind kind;
	const char *name;
	enum type type;
	enum need need;
	size_t at;
} members[] = {
#define CHANGE(...)
#define MEMBER(kind, name, type, need, doc) \
	{ CHANGE_##kind, #name, type, need, offsetof(struct change, name) },
#include "kinds/node/state/changes.def"
#undef CHANGE
#undef MEMBER
};

#define MEMBERS_N (sizeof members / sizeof *members)

static const char *const names[] = {
#define CHANGE(name, doc) [CHANGE_##name] = #name,
#define MEMBER(...)
#include "kinds/node/state/changes.def"
#undef CHANGE
#undef MEMBER
};

/* -- names ----------------------------------------------------------------- */

/* The table shouts; lines are in lower case. */
const char *change_name(enum change_kind kind)
{
	static char lower[CHANGE_COUNT][NAME_MAX_];
	const char *name = names[kind];
	size_t i;

	if (!lower[kind][0])
		for (i = 0; name[i] && i + 1 < NAME_MAX_; i++)
			lower[kind][i] = name[i] >= 'A' && name[i] <= 'Z'
			    ? (char)(name[i] - 'A' + 'a')
			    : name[i];
	return lower[kind];
}

static bool kind_find(enum change_kind *ret, const char *name)
{
	for (int i = 0; i < CHANGE_COUNT; i++)
		if (strcmp(change_name((enum change_kind)i), name) == 0) {
			*ret = (enum change_kind)i;
			return true;
		}
	return false;
}

const char *change_shown(char out[CHANGE_SHOWN_MAX], struct l2_bytes text)
{
	size_t n = text.len < SHOWN_BYTES ? text.len : SHOWN_BYTES;

	memset(out, 0, CHANGE_SHOWN_MAX);
	for (size_t i = 0; i < n; i++)
		out[i] = text.at[i] ? text.at[i] : '?';
	utf8_plain(out);
	if (n < text.len)
		memcpy(out + n, "..", 3);
	return n ? out : "\"\"";
}

bool change_is_ambiguous(struct l2_bytes text)
{
	return text.len &&
	    (memchr(text.at, ':', text.len) || memchr(text.at, '\n', text.len));
}

/* -- texts and numbers ----------------------------------------------------- */

static bool is_plain_text(struct l2_bytes text)
{
	return !text.len ||
	    (utf8_valid(text.at, text.len) && !memchr(text.at, 0, text.len));
}

void change_text_format(struct buf *out, const char *name, struct l2_bytes text)
{
	if (is_plain_text(text)) {
		buf_addf(out, "\"%s\":", name);
		buf_add_json_bytes(out, text.at, text.len);
		return;
	}
	buf_addf(out, "\"%s_hex\":\"", name);
	buf_add_hex(out, text.at, text.len);
	buf_add_byte(out, '"');
}

static bool hex_get(struct l2_bytes *ret, struct arena *arena, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = text ? json_string_length(value) : 1;
	char *bytes = len % 2 ? NULL : arena_take(arena, len / 2 + 1);

	if (!bytes || !hex_parse(bytes, len / 2, text, len))
		return false;
	*ret = (struct l2_bytes){ bytes, len / 2 };
	return true;
}

bool change_text_get(struct l2_bytes *ret, struct arena *arena, const json_t *o,
    const char *name, bool *ret_there)
{
	char other[NAME_MAX_ + 8];
	const json_t *value = json_object_get(o, name), *hex;

	snprintf(other, sizeof other, "%s_hex", name);
	hex = json_object_get(o, other);
	*ret_there = value || hex;
	*ret = (struct l2_bytes){ NULL, 0 };
	if (value && hex)
		return false;
	if (hex)
		return hex_get(ret, arena, hex);
	*ret = (struct l2_bytes){ json_string_value(value), json_string_length(value) };
	return !value || ret->at;
}

bool change_number_get(uint64_t *ret, const json_t *value)
{
	const char *text = json_string_value(value);
	uint64_t n = 0;

	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*ret = (uint64_t)json_integer_value(value);
		return true;
	}
	if (!text || !*text || (text[0] == '0' && text[1]) ||
	    strlen(text) != json_string_length(value))
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return false;
	*ret = n;
	return true;
}

/* -- a member -------------------------------------------------------------- */

static struct l2_bytes text_of(const struct change *c, const struct member *m)
{
	struct l2_bytes text;

	memcpy(&text, (const char *)c + m->at, sizeof text);
	return text;
}

static uint64_t number_of(const struct change *c, const struct member *m)
{
	uint64_t n;

	memcpy(&n, (const char *)c + m->at, sizeof n);
	return n;
}

static bool is_hash(struct l2_bytes text)
{
	if (text.len != HASH_DIGITS)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if ((text.at[i] < '0' || text.at[i] > '9') &&
		    (text.at[i] < 'a' || text.at[i] > 'f'))
			return false;
	return true;
}

static enum err text_check(const struct member *m, struct l2_bytes text, struct fail *f)
{
	size_t max = m->type == PEER ? CHANGE_PEER_MAX : CHANGE_TEXT_MAX;
	char shown[CHANGE_SHOWN_MAX];

	if (m->type == HASH && !is_hash(text))
		return fail_set(f, ERR_INPUT,
		    "%s: %s is none: 64 hexadecimal digits in lower case, without 0x",
		    m->name, change_shown(shown, text));
	if (!text.len || (text.len > max && !MUTANT(l2_text_any_length)))
		return fail_set(f, ERR_INPUT, "%s: it has %zu bytes: 1 to %zu are good",
		    m->name, text.len, max);
	if (m->type != NOTE && change_is_ambiguous(text))
		return fail_set(f, ERR_INPUT,
		    "%s: %s has a colon or a line feed: the root of the state would have "
		    "two meanings; take another one",
		    m->name, change_shown(shown, text));
	return ERR_OK;
}

static enum err text_read(
    struct change *c, const struct member *m, bool *ret_there, struct fail *f)
{
	struct l2_bytes text;

	if (!change_text_get(&text, &c->arena, c->root, m->name, ret_there))
		return fail_set(f, ERR_INPUT,
		    "%s: no text; or %s_hex with an even number of hexadecimal digits",
		    m->name, m->name);
	memcpy((char *)c + m->at, &text, sizeof text);
	return *ret_there ? text_check(m, text, f) : ERR_OK;
}

static const struct {
	uint64_t least, most;
} limits[] = {
	[AMOUNT] = { 1, UINT64_MAX },
	[COUNT] = { 0, UINT64_MAX },
	[INDEX] = { 0, UINT32_MAX },
	[TYPE] = { 0, 6 },
	[PRIORITY] = { 0, 3 },
};

static enum err number_read(
    struct change *c, const struct member *m, bool *ret_there, struct fail *f)
{
	const json_t *value = json_object_get(c->root, m->name);
	char shown[JSON_SHOWN_MAX];
	uint64_t n = 0;

	*ret_there = value;
	if (m->type == FLAG) {
		n = json_is_true(value);
		if (value && !json_is_boolean(value))
			return fail_set(f, ERR_INPUT, "%s: %s is not true or false",
			    m->name, json_shown(shown, value));
	} else if (value &&
	    (!change_number_get(&n, value) || n < limits[m->type].least ||
		n > limits[m->type].most)) {
		return fail_set(f, ERR_INPUT,
		    "%s: %s is no whole number from %" PRIu64 " to %" PRIu64, m->name,
		    json_shown(shown, value), limits[m->type].least,
		    limits[m->type].most);
	}
	memcpy((char *)c + m->at, &n, sizeof n);
	return ERR_OK;
}

static bool is_text(const struct member *m)
{
	return m->type <= HASH;
}

static enum err members_read(struct change *c, size_t *ret_n, struct fail *f)
{
	for (size_t i = 0; i < MEMBERS_N; i++) {
		const struct member *m = &members[i];
		bool there = false;
		enum err e;

		if (m->kind != c->kind)
			continue;
		e = is_text(m) ? text_read(c, m, &there, f)
			       : number_read(c, m, &there, f);
		if (e == ERR_OK && !there && m->need == NEEDED)
			e = fail_set(
			    f, ERR_INPUT, "%s needs %s", change_name(c->kind), m->name);
		if (e != ERR_OK)
			return e;
		*ret_n += there;
	}
	return ERR_OK;
}

/* -- a line ---------------------------------------------------------------- */

static enum err id_read(struct change *c, size_t *ret_n, struct fail *f)
{
	const json_t *at = json_object_get(c->root, "at_ms");
	char shown[JSON_SHOWN_MAX];
	bool there;
	uint64_t n = 0;

	if (!change_text_get(&c->id, &c->arena, c->root, "id", &there) ||
	    (there && (!c->id.len || c->id.len > CHANGE_ID_MAX)))
		return fail_set(
		    f, ERR_INPUT, "id: no text of 1 to %d bytes", CHANGE_ID_MAX);
	*ret_n += (there ? 1u : 0u) + (at ? 1u : 0u);
	c->has_at = at;
	if (at && (!change_number_get(&n, at) || n > INT64_MAX))
		return fail_set(f, ERR_INPUT,
		    "at_ms: %s is no time in milliseconds since 1970: 0 to %" PRId64,
		    json_shown(shown, at), INT64_MAX);
	c->at_ms = (int64_t)n;
	return ERR_OK;
}

/* It has a member too many. */
static enum err unknown_find(const struct change *c, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];
	const char *key;
	json_t *value;

	json_object_foreach(c->root, key, value)
	{
		bool known = !strcmp(key, "do") || !strcmp(key, "id") ||
		    !strcmp(key, "id_hex") || !strcmp(key, "at_ms");

		for (size_t i = 0; i < MEMBERS_N && !known; i++) {
			const struct member *m = &members[i];
			size_t len = strlen(m->name);

			known = m->kind == c->kind && !strncmp(key, m->name, len) &&
			    (!key[len] || (is_text(m) && !strcmp(key + len, "_hex")));
		}
		if (!known)
			return fail_set(f, ERR_INPUT, "%s has no member %s",
			    change_name(c->kind), change_shown(shown, l2_text(key)));
	}
	BUG("all members are known, and too many");
}

static enum err kind_read(struct change *c, struct fail *f)
{
	const char *name = json_str(c->root, "do");
	char shown[CHANGE_SHOWN_MAX];

	if (!json_is_object(c->root) || !name)
		return fail_set(f, ERR_INPUT,
		    "it is no object with a member `do`, as {\"do\":\"transfer\",..}");
	if (!kind_find(&c->kind, name))
		return fail_set(f, ERR_INPUT, "do: there is no change %s",
		    change_shown(shown, l2_text(name)));
	return ERR_OK;
}

enum err change_parse(struct change *ret, const char *line, size_t len, struct fail *f)
{
	struct fail why = { ERR_OK, "" };
	size_t n = 1;
	enum err e;

	*ret = (struct change){ .kind = CHANGE_COUNT };
	arena_init(&ret->arena, CHANGE_LINE_MAX);
	if (len > CHANGE_LINE_MAX)
		return fail_set(
		    f, ERR_TOO_BIG, "it has more than %zu bytes", CHANGE_LINE_MAX);
	ret->root = json_read(line, len, &why);
	if (!ret->root)
		return fail_set(f, ERR_INPUT, "%s", why.why);
	e = kind_read(ret, f);
	if (e == ERR_OK)
		e = id_read(ret, &n, f);
	if (e == ERR_OK)
		e = members_read(ret, &n, f);
	if (e == ERR_OK && n != json_object_size(ret->root))
		e = unknown_find(ret, f);
	return e;
}

void change_release(struct change *c)
{
	json_decref(c->root);
	arena_release(&c->arena);
}

/* What is not there is left out: a flag that is false, a text that is empty. */
static void member_format(struct buf *out, const struct change *c, const struct member *m)
{
	if (is_text(m)) {
		if (!text_of(c, m).len)
			return;
		buf_add_byte(out, ',');
		change_text_format(out, m->name, text_of(c, m));
	} else if (m->type != FLAG && (m->need == NEEDED || number_of(c, m))) {
		buf_addf(out, ",\"%s\":\"%" PRIu64 "\"", m->name, number_of(c, m));
	} else if (m->type == FLAG && number_of(c, m)) {
		buf_addf(out, ",\"%s\":true", m->name);
	}
}

void change_format(struct buf *out, const struct change *c, bool with_id)
{
	buf_addf(out, "{\"do\":\"%s\"", change_name(c->kind));
	for (size_t i = 0; i < MEMBERS_N; i++)
		if (members[i].kind == c->kind)
			member_format(out, c, &members[i]);
	if (c->has_at)
		buf_addf(out, ",\"at_ms\":%" PRId64, c->at_ms);
	if (with_id && c->id.len) {
		buf_add_byte(out, ',');
		change_text_format(out, "id", c->id);
	}
	buf_add_byte(out, '}');
}
