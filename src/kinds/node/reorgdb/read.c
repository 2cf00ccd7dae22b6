/* read.c - what is in the reorg database. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "kinds/node/reorgdb/inside.h"
#include "world/files.h"

#define ANCHOR_HEX_LEN 64 /* of SHA-256 */

/* ';' comes behind ':'. */
#define BEHIND_BLOCKS "block;"
#define BEHIND_EVENTS "reorg;"

/* The key in front of what its value is; it may be anything, and is made plain. */
static enum err at_key(const char *key, size_t len, enum err e, struct fail *f)
{
	char text[RECORD_KEY_MAX];

	snprintf(text, sizeof text, "%.*s", (int)(len < 300 ? len : 300), key);
	utf8_plain(text);
	return fail_wrap(f, e, "%s", text);
}

/* -- one key --------------------------------------------------------------- */

/* NULL: there is none, or it failed. */
static rocksdb_pinnableslice_t *get(
    struct reorgdb *db, const char *key, enum err *ret, struct fail *f)
{
	char *said = NULL;
	rocksdb_pinnableslice_t *slice =
	    rocksdb_get_pinned_cf(db->db, db->reading, db->main, key, strlen(key), &said);

	*ret = said ? reorgdb_said(db->path, said, f) : ERR_OK;
	return slice;
}

enum err reorgdb_block(struct reorgdb *db, uint64_t height, char ret[RECORD_TEXT_MAX + 1],
    bool *ret_there, struct fail *f)
{
	char key[RECORD_KEY_MAX];
	rocksdb_pinnableslice_t *slice;
	size_t len;
	enum err e;

	key_block(key, height);
	slice = get(db, key, &e, f);
	*ret_there = slice != NULL;
	if (slice) {
		const char *value = rocksdb_pinnableslice_value(slice, &len);

		e = block_parse(ret, value, len, f);
		rocksdb_pinnableslice_destroy(slice);
	}
	return e == ERR_INPUT ? at_key(key, strlen(key), e, f) : e;
}

enum err reorgdb_anchor(struct reorgdb *db, const char *hash, struct anchor_record *ret,
    bool *ret_there, struct fail *f)
{
	char key[RECORD_KEY_MAX];
	rocksdb_pinnableslice_t *slice;
	size_t len;
	enum err e;

	*ret_there = false;
	if (!*hash || strlen(hash) > RECORD_TEXT_MAX)
		return ERR_OK;
	key_anchor(key, hash);
	slice = get(db, key, &e, f);
	*ret_there = slice != NULL;
	if (slice) {
		const char *value = rocksdb_pinnableslice_value(slice, &len);

		e = anchor_parse(ret, hash, value, len, f);
		rocksdb_pinnableslice_destroy(slice);
	}
	return e == ERR_INPUT ? at_key(key, strlen(key), e, f) : e;
}

enum err reorgdb_has_anchor(
    struct reorgdb *db, const void *hash, size_t len, bool *ret_has, struct fail *f)
{
	char text[ANCHOR_HEX_LEN + 1] = "";
	struct anchor_record a;

	*ret_has = false;
	if (len != ANCHOR_HEX_LEN)
		return ERR_OK;
	memcpy(text, hash, len);
	if (strspn(text, "0123456789abcdef") != len)
		return ERR_OK;
	return reorgdb_anchor(db, text, &a, ret_has, f);
}

static enum err number_at(
    struct reorgdb *db, const char *key, uint64_t *ret, bool *ret_there, struct fail *f)
{
	enum err e;
	size_t len;
	rocksdb_pinnableslice_t *slice = get(db, key, &e, f);

	*ret = 0;
	*ret_there = slice != NULL;
	if (slice) {
		const char *value = rocksdb_pinnableslice_value(slice, &len);

		e = counter_parse(ret, value, len, f);
		rocksdb_pinnableslice_destroy(slice);
	}
	return e == ERR_INPUT ? at_key(key, strlen(key), e, f) : e;
}

enum err reorgdb_counter(struct reorgdb *db, uint64_t *ret, struct fail *f)
{
	bool there;

	return number_at(db, KEY_COUNTER, ret, &there, f);
}

enum err reorgdb_below(struct reorgdb *db, uint64_t number, uint64_t *ret_deep,
    bool *ret_there, struct fail *f)
{
	char key[RECORD_KEY_MAX];

	key_below(key, number);
	return number_at(db, key, ret_deep, ret_there, f);
}

enum err reorgdb_mark(
    struct reorgdb *db, struct record_mark *ret, bool *ret_there, struct fail *f)
{
	enum err e;
	size_t len;
	rocksdb_pinnableslice_t *slice = get(db, KEY_MARK, &e, f);

	*ret_there = slice != NULL;
	if (slice) {
		const char *value = rocksdb_pinnableslice_value(slice, &len);

		e = mark_parse(ret, value, len, f);
		rocksdb_pinnableslice_destroy(slice);
	}
	return e == ERR_INPUT ? at_key(KEY_MARK, strlen(KEY_MARK), e, f) : e;
}

enum err reorgdb_has(struct reorgdb *db, const char *key, const char *value, size_t len,
    bool *ret, struct fail *f)
{
	enum err e;
	size_t there_len;
	rocksdb_pinnableslice_t *slice = get(db, key, &e, f);

	*ret = false;
	if (slice) {
		const char *there = rocksdb_pinnableslice_value(slice, &there_len);

		*ret = there_len == len && !memcmp(there, value, len);
		rocksdb_pinnableslice_destroy(slice);
	}
	return e;
}

/* -- all keys -------------------------------------------------------------- */

static void bad(
    const struct reorgdb_visitor *v, const char *key, size_t len, const struct fail *why)
{
	char text[RECORD_KEY_MAX];

	if (!v->bad)
		return;
	snprintf(text, sizeof text, "%.*s", (int)(len < 300 ? len : 300), key);
	utf8_plain(text);
	v->bad(v->ctx, text, why->why);
}

static enum err visit_anchor(const struct reorgdb_visitor *v, const char *key, size_t len,
    const char *value, size_t value_len, struct fail *why)
{
	char hash[RECORD_TEXT_MAX + 1];
	struct anchor_record a;
	enum err e;

	if (len - strlen("anchor:") > RECORD_TEXT_MAX)
		return fail_set(why, ERR_INPUT, "its key is too long");
	snprintf(hash, sizeof hash, "%.*s", (int)(len - strlen("anchor:")),
	    key + strlen("anchor:"));
	e = anchor_parse(&a, hash, value, value_len, why);
	if (e == ERR_OK && v->anchor)
		v->anchor(v->ctx, &a);
	return e;
}

static enum err visit_event(const struct reorgdb_visitor *v, uint64_t number,
    const char *value, size_t len, struct fail *why)
{
	struct reorg_event event;
	enum err e;

	reorg_event_init(&event);
	e = event_parse(&event, value, len, why);
	event.number = number;
	if (e == ERR_OK && v->event)
		v->event(v->ctx, &event);
	reorg_event_release(&event);
	return e;
}

static enum err visit_value(const struct reorgdb_visitor *v, enum key_kind kind,
    uint64_t number, const char *key, size_t len, const char *value, size_t value_len,
    struct fail *why)
{
	char hash[RECORD_TEXT_MAX + 1];
	struct record_mark mark;
	uint64_t deep;
	enum err e;

	switch (kind) {
	case KEY_BLOCK:
		e = block_parse(hash, value, value_len, why);
		if (e == ERR_OK && v->block)
			v->block(v->ctx, number, hash);
		return e;
	case KEY_ANCHOR:
		return visit_anchor(v, key, len, value, value_len, why);
	case KEY_EVENT:
		return visit_event(v, number, value, value_len, why);
	case KEY_BELOW:
		e = counter_parse(&deep, value, value_len, why);
		if (e == ERR_OK && v->below)
			v->below(v->ctx, number, deep);
		return e;
	case KEY_IS_COUNTER:
		return counter_parse(&number, value, value_len, why);
	case KEY_IS_MARK:
		return mark_parse(&mark, value, value_len, why);
	case KEY_OTHER:
		break;
	}
	return ERR_OK;
}

static void visit_one(const struct reorgdb_visitor *v, const rocksdb_iterator_t *it)
{
	size_t len, value_len;
	const char *key = rocksdb_iter_key(it, &len),
		   *value = rocksdb_iter_value(it, &value_len);
	struct fail why = { .err = ERR_OK };
	enum key_kind kind;
	uint64_t number;

	if (key_read(&kind, &number, key, len, &why) != ERR_OK ||
	    visit_value(v, kind, number, key, len, value, value_len, &why) != ERR_OK)
		bad(v, key, len, &why);
}

static enum err iterated(struct reorgdb *db, rocksdb_iterator_t *it, struct fail *f)
{
	char *said = NULL;

	rocksdb_iter_get_error(it, &said);
	rocksdb_iter_destroy(it);
	return said ? reorgdb_said(db->path, said, f) : ERR_OK;
}

static bool has_prefix(const rocksdb_iterator_t *it, const char *prefix)
{
	size_t len, n = strlen(prefix);
	const char *key = rocksdb_iter_key(it, &len);

	return len >= n && !memcmp(key, prefix, n);
}

enum err reorgdb_visit(
    struct reorgdb *db, const struct reorgdb_visitor *v, struct fail *f)
{
	rocksdb_iterator_t *it =
	    rocksdb_create_iterator_cf(db->db, db->reading, db->main);
	enum err e;

	rocksdb_iter_seek_to_first(it);
	while (rocksdb_iter_valid(it) && !files_stopped()) {
		if (!v->block && has_prefix(it, "block:")) {
			rocksdb_iter_seek(it, BEHIND_BLOCKS, strlen(BEHIND_BLOCKS));
			continue;
		}
		visit_one(v, it);
		rocksdb_iter_next(it);
	}
	e = iterated(db, it, f);
	return e == ERR_OK && files_stopped()
	    ? fail_set(f, ERR_STOPPED, "stopped while %s was read", db->path)
	    : e;
}

enum err reorgdb_history(
    struct reorgdb *db, size_t max, const struct reorgdb_visitor *v, struct fail *f)
{
	rocksdb_iterator_t *it =
	    rocksdb_create_iterator_cf(db->db, db->reading, db->main);

	rocksdb_iter_seek_for_prev(it, BEHIND_EVENTS, strlen(BEHIND_EVENTS));
	for (; max && rocksdb_iter_valid(it) && has_prefix(it, "reorg:"); max--) {
		visit_one(v, it);
		rocksdb_iter_prev(it);
	}
	return iterated(db, it, f);
}

struct top {
	uint64_t height;
	char *hash;
	bool there;
	char *key;
	struct fail why;
};

static void top_block(void *ctx, uint64_t height, const char *hash)
{
	struct top *t = ctx;

	t->there = true;
	t->height = height;
	snprintf(t->hash, RECORD_TEXT_MAX + 1, "%s", hash);
}

static void top_bad(void *ctx, const char *key, const char *why)
{
	struct top *t = ctx;

	(void)fail_set(&t->why, ERR_INPUT, "%s: %s", key, why);
}

enum err reorgdb_top(struct reorgdb *db, uint64_t *ret_height,
    char ret[RECORD_TEXT_MAX + 1], bool *ret_there, struct fail *f)
{
	rocksdb_iterator_t *it =
	    rocksdb_create_iterator_cf(db->db, db->reading, db->main);
	struct top t = { .hash = ret };
	const struct reorgdb_visitor v = {
		.ctx = &t, .block = top_block, .bad = top_bad
	};
	enum err e;

	rocksdb_iter_seek_for_prev(it, BEHIND_BLOCKS, strlen(BEHIND_BLOCKS));
	if (rocksdb_iter_valid(it) && has_prefix(it, "block:"))
		visit_one(&v, it);
	e = iterated(db, it, f);
	*ret_there = t.there;
	*ret_height = t.height;
	if (e == ERR_OK && t.why.err != ERR_OK)
		return fail_set(f, ERR_INPUT, "%s", t.why.why);
	return e;
}

enum err reorgdb_drop_above(
    struct reorgdb *db, struct reorgdb_batch *b, uint64_t height, struct fail *f)
{
	rocksdb_iterator_t *it;
	char key[RECORD_KEY_MAX];
	size_t len;

	if (height == UINT64_MAX)
		return ERR_OK;
	it = rocksdb_create_iterator_cf(db->db, db->reading, db->main);
	key_block(key, height + 1);
	rocksdb_iter_seek(it, key, strlen(key));
	for (; rocksdb_iter_valid(it) && has_prefix(it, "block:");
	     rocksdb_iter_next(it)) {
		const char *at = rocksdb_iter_key(it, &len);

		snprintf(key, sizeof key, "%.*s", (int)(len < 300 ? len : 300), at);
		reorgdb_drop(b, key);
	}
	return iterated(db, it, f);
}

static bool block_here(
    const rocksdb_iterator_t *it, uint64_t *ret, char hash[RECORD_TEXT_MAX + 1])
{
	size_t len, value_len;
	const char *key = rocksdb_iter_key(it, &len),
		   *value = rocksdb_iter_value(it, &value_len);
	enum key_kind kind;

	return key_read(&kind, ret, key, len, NULL) == ERR_OK && kind == KEY_BLOCK &&
	    block_parse(hash, value, value_len, NULL) == ERR_OK;
}

enum err reorgdb_blocks_down(struct reorgdb *db, uint64_t from,
    bool (*take)(void *ctx, uint64_t height, const char *hash), void *ctx, struct fail *f)
{
	rocksdb_iterator_t *it =
	    rocksdb_create_iterator_cf(db->db, db->reading, db->main);
	char key[RECORD_KEY_MAX], hash[RECORD_TEXT_MAX + 1];
	uint64_t height;
	bool more = true;

	key_block(key, from);
	rocksdb_iter_seek_for_prev(it, key, strlen(key));
	for (; more && rocksdb_iter_valid(it) && has_prefix(it, "block:");
	     rocksdb_iter_prev(it))
		if (block_here(it, &height, hash))
			more = take(ctx, height, hash);
	return iterated(db, it, f);
}

enum err reorgdb_reputations(struct reorgdb *db,
    void (*take)(
	void *ctx, const char *peer, size_t peer_len, const char *value, size_t len),
    void *ctx, struct fail *f)
{
	rocksdb_iterator_t *it;

	if (!db->reputation)
		return ERR_OK;
	it = rocksdb_create_iterator_cf(db->db, db->reading, db->reputation);
	rocksdb_iter_seek_to_first(it);
	for (; rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
		size_t peer_len, len;
		const char *peer = rocksdb_iter_key(it, &peer_len),
			   *value = rocksdb_iter_value(it, &len);

		take(ctx, peer, peer_len, value, len);
	}
	return iterated(db, it, f);
}
