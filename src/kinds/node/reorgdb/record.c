#include "kinds/node/reorgdb/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"

#define PREFIX_BLOCK "block:"
#define PREFIX_ANCHOR "anchor:"
#define PREFIX_EVENT "reorg:"
#define PREFIX_BELOW "pawl:below:"
#define DIGITS 20 /* of a number in a key */

static const char *const status_names[ANCHOR_STATUSES] = { "PENDING", "CONFIRMED",
	"INVALIDATED_REORG", "FAILED_ORPHANED" };

const char *anchor_status_name(int status)
{
	CHECK(status >= 0 && status < ANCHOR_STATUSES);
	return status_names[status];
}

bool anchor_status_parse(int *ret, const char *text)
{
	for (int i = 0; i < ANCHOR_STATUSES; i++)
		if (!strcasecmp(text, status_names[i]) ||
		    (text[0] == '0' + i && !text[1])) {
			*ret = i;
			return true;
		}
	return false;
}

void reorg_event_init(struct reorg_event *e)
{
	*e = (struct reorg_event){ .number = 0 };
}

void reorg_event_release(struct reorg_event *e)
{
	mem_free(e->anchors);
	reorg_event_init(e);
}

/* Doubling, so that many cost no more than they are. */
static char *anchors_room(struct reorg_event *e)
{
	if (!(e->anchors_n & (e->anchors_n - 1))) /* 0, 1, 2, 4.. are there */
		e->anchors = mem_grow(
		    e->anchors, e->anchors_n ? 2 * e->anchors_n : 1, sizeof *e->anchors);
	memset(e->anchors[e->anchors_n], 0, sizeof *e->anchors);
	return e->anchors[e->anchors_n++];
}

enum err reorg_event_add(struct reorg_event *e, const char *anchor, struct fail *f)
{
	size_t len = strlen(anchor);

	if (e->anchors_n == RECORD_ANCHORS_MAX)
		return fail_set(f, ERR_TOO_BIG, "a reorg of more than %d anchors",
		    RECORD_ANCHORS_MAX);
	if (len > RECORD_TEXT_MAX)
		return fail_set(f, ERR_INPUT, "an anchor hash of more than %d characters",
		    RECORD_TEXT_MAX);
	memcpy(anchors_room(e), anchor, len + 1);
	return ERR_OK;
}

/* -- keys ------------------------------------------------------------------ */

void key_block(char out[RECORD_KEY_MAX], uint64_t height)
{
	snprintf(out, RECORD_KEY_MAX, PREFIX_BLOCK "%020" PRIu64, height);
}

void key_anchor(char out[RECORD_KEY_MAX], const char *hash)
{
	snprintf(out, RECORD_KEY_MAX, PREFIX_ANCHOR "%s", hash);
}

void key_event(char out[RECORD_KEY_MAX], uint64_t number)
{
	snprintf(out, RECORD_KEY_MAX, PREFIX_EVENT "%020" PRIu64, number);
}

void key_below(char out[RECORD_KEY_MAX], uint64_t number)
{
	snprintf(out, RECORD_KEY_MAX, PREFIX_BELOW "%020" PRIu64, number);
}

/* Decimal digits, all of them, within 64 bits. */
static bool digits_read(uint64_t *ret, const char *s, size_t len)
{
	uint64_t v = 0;

	if (!len)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return false;
	}
	*ret = v;
	return true;
}

static bool begins(const char *key, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len >= n && !memcmp(key, prefix, n);
}

static bool is(const char *key, size_t len, const char *text)
{
	return len == strlen(text) && !memcmp(key, text, len);
}

static enum err numbered(
    uint64_t *ret, const char *key, size_t len, size_t prefix, struct fail *f)
{
	if (len - prefix == DIGITS && digits_read(ret, key + prefix, DIGITS))
		return ERR_OK;
	return fail_set(f, ERR_INPUT,
	    "behind byte %zu of its key are not %d digits of 64 bits", prefix, DIGITS);
}

enum err key_read(
    enum key_kind *ret, uint64_t *ret_number, const char *key, size_t len, struct fail *f)
{
	*ret = KEY_OTHER;
	*ret_number = 0;
	if (is(key, len, KEY_COUNTER)) {
		*ret = KEY_IS_COUNTER;
	} else if (is(key, len, KEY_MARK)) {
		*ret = KEY_IS_MARK;
	} else if (begins(key, len, PREFIX_BLOCK)) {
		*ret = KEY_BLOCK;
		return numbered(ret_number, key, len, strlen(PREFIX_BLOCK), f);
	} else if (begins(key, len, PREFIX_EVENT)) {
		*ret = KEY_EVENT;
		return numbered(ret_number, key, len, strlen(PREFIX_EVENT), f);
	} else if (begins(key, len, PREFIX_BELOW)) {
		*ret = KEY_BELOW;
		return numbered(ret_number, key, len, strlen(PREFIX_BELOW), f);
	} else if (begins(key, len, PREFIX_ANCHOR)) {
		*ret = KEY_ANCHOR;
		if (len == strlen(PREFIX_ANCHOR))
			return fail_set(f, ERR_INPUT, "its key names no anchor");
	}
	return ERR_OK;
}

/* -- writing --------------------------------------------------------------- */

/* What may stand between two bars: printable ASCII, no blank, no bar. */
static bool is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '|';
}

static enum err text_check(const char *what, const char *text, bool empty, struct fail *f)
{
	size_t len = strnlen(text, RECORD_TEXT_MAX + 1);

	if (len > RECORD_TEXT_MAX)
		return fail_set(f, ERR_INPUT, "%s has more than %d characters", what,
		    RECORD_TEXT_MAX);
	if (!len && !empty && !MUTANT(reorgdb_empty_root))
		return fail_set(f, ERR_INPUT, "%s is empty", what);
	for (size_t i = 0; i < len; i++)
		if (!is_plain(text[i]) &&
		    !(MUTANT(reorgdb_bar_written) && text[i] == '|'))
			return fail_set(f, ERR_INPUT,
			    "%s has a byte 0x%02x at %zu, which could not be read back",
			    what, (unsigned char)text[i], i);
	return ERR_OK;
}

enum err block_format(struct buf *out, const char *hash, struct fail *f)
{
	enum err e = text_check("the hash of the block", hash, false, f);

	if (e == ERR_OK)
		buf_add_str(out, hash);
	return e;
}

enum err anchor_format(struct buf *out, const struct anchor_record *a, struct fail *f)
{
	enum err e = text_check("the anchor hash", a->hash, false, f);

	if (e == ERR_OK)
		e = text_check("the transaction of the anchor", a->txid, true, f);
	if (e == ERR_OK)
		e = text_check("the state root of the anchor", a->root, false, f);
	if (e != ERR_OK)
		return e;
	if (a->status < 0 || a->status >= ANCHOR_STATUSES)
		return fail_set(f, ERR_INPUT, "%d is no status of an anchor", a->status);
	buf_addf(out, "%s|%s|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "|%d|%s",
	    a->hash, a->txid, a->height, a->confirmations, a->broadcast_ms, a->retries,
	    a->status, a->root);
	return ERR_OK;
}

enum err event_format(struct buf *out, const struct reorg_event *e, struct fail *f)
{
	enum err err = text_check("the old hash of the reorg", e->old_hash, true, f);

	if (err == ERR_OK)
		err = text_check("the new hash of the reorg", e->new_hash, true, f);
	for (size_t i = 0; i < e->anchors_n && err == ERR_OK; i++)
		err = text_check("an anchor hash of the reorg", e->anchors[i], false, f);
	if (err != ERR_OK)
		return err;
	buf_addf(out, "%" PRIu64 "|%s|%s|%" PRIu64 "|%zu", e->height, e->old_hash,
	    e->new_hash, e->detected_ms, e->anchors_n);
	for (size_t i = 0; i < e->anchors_n; i++)
		buf_addf(out, "|%s", e->anchors[i]);
	return ERR_OK;
}

void mark_format(struct buf *out, const struct record_mark *m)
{
	buf_addf(out, "%s|%" PRIu64, m->journal, m->change);
}

/* -- reading --------------------------------------------------------------- */

struct reading {
	const char *at;
	size_t len, pos;
	struct fail *f;
	enum err e; /* the first failure; nothing is read behind it */
};

static void wrong(struct reading *r, size_t at, const char *what, const char *why)
{
	if (r->e == ERR_OK)
		r->e = fail_set(r->f, ERR_INPUT, "at byte %zu: %s %s", at, what, why);
}

/* The field that begins here; pos moves behind the bar. last: there is no bar. */
static const char *field(struct reading *r, const char *what, bool last, size_t *ret_len)
{
	const char *from = r->at + r->pos, *bar;

	*ret_len = 0;
	if (r->e != ERR_OK)
		return NULL;
	bar = memchr(from, '|', r->len - r->pos);
	if (last && bar)
		wrong(
		    r, (size_t)(bar - r->at), what, "has a bar in it, or fields follow");
	else if (!last && !bar)
		wrong(r, r->len, what, "is the last that is there: it is cut off");
	if (r->e != ERR_OK)
		return NULL;
	*ret_len = bar ? (size_t)(bar - from) : r->len - r->pos;
	r->pos += *ret_len + (bar ? 1 : 0);
	return from;
}

static void read_text(struct reading *r, char ret[RECORD_TEXT_MAX + 1], const char *what,
    bool empty, bool last)
{
	size_t begin = r->pos, len;
	const char *s = field(r, what, last, &len);

	if (!s)
		return;
	if (!len && !empty)
		wrong(r, begin, what, "is empty");
	if (len > RECORD_TEXT_MAX)
		wrong(r, begin, what, "is too long");
	for (size_t i = 0; i < len && r->e == ERR_OK; i++)
		if (!is_plain(s[i]))
			wrong(r, begin + i, what, "has a byte that is not printable");
	if (r->e != ERR_OK)
		return;
	memcpy(ret, s, len);
	ret[len] = '\0';
}

static uint64_t read_number(struct reading *r, const char *what, bool last)
{
	size_t begin = r->pos, len;
	const char *s = field(r, what, last, &len);
	uint64_t v = 0;

	if (!s)
		return 0;
	if (MUTANT(reorgdb_lax_numbers)) {
		(void)digits_read(&v, s, len);
		return v;
	}
	if (!digits_read(&v, s, len) || (len > 1 && s[0] == '0'))
		wrong(r, begin, what, "is no decimal number of 64 bits");
	return v;
}

enum err block_parse(
    char ret[RECORD_TEXT_MAX + 1], const char *value, size_t len, struct fail *f)
{
	struct reading r = { .at = value, .len = len, .f = f };

	ret[0] = '\0';
	read_text(&r, ret, "the hash of the block", false, true);
	return r.e;
}

enum err anchor_parse(struct anchor_record *ret, const char *hash, const char *value,
    size_t len, struct fail *f)
{
	struct reading r = { .at = value, .len = len, .f = f };
	struct anchor_record a = { .hash = "" };
	size_t at;
	uint64_t status;

	read_text(&r, a.hash, "the anchor hash", false, false);
	if (r.e == ERR_OK && hash && strcmp(hash, a.hash) != 0)
		wrong(&r, 0, "the anchor hash", "is not that of the key");
	read_text(&r, a.txid, "the transaction", true, false);
	a.height = read_number(&r, "the height", false);
	a.confirmations = read_number(&r, "the number of confirmations", false);
	a.broadcast_ms = read_number(&r, "the time of broadcast", false);
	a.retries = read_number(&r, "the number of retries", false);
	at = r.pos;
	status = read_number(&r, "the status", false);
	if (status >= ANCHOR_STATUSES)
		wrong(&r, at, "the status", "is none of 0 to 3");
	a.status = (int)(status % ANCHOR_STATUSES);
	read_text(&r, a.root, "the state root", true, true);
	a.unread_there = !a.root[0];
	if (r.e == ERR_OK)
		*ret = a;
	return r.e;
}

static void read_anchors(struct reading *r, struct reorg_event *e, uint64_t n)
{
	for (uint64_t i = 0; i < n && r->e == ERR_OK; i++)
		read_text(r, anchors_room(e), "an anchor hash", false, i + 1 == n);
}

enum err event_parse(
    struct reorg_event *ret, const char *value, size_t len, struct fail *f)
{
	struct reading r = { .at = value, .len = len, .f = f };
	size_t at, bars = 0;
	uint64_t n;

	reorg_event_release(ret);
	for (size_t i = 0; i < len; i++)
		bars += value[i] == '|';
	ret->height = read_number(&r, "the height", false);
	read_text(&r, ret->old_hash, "the old hash", true, false);
	read_text(&r, ret->new_hash, "the new hash", true, false);
	ret->detected_ms = read_number(&r, "the time of detection", false);
	at = r.pos;
	n = read_number(&r, "the number of anchors", bars <= 4);
	if (n > RECORD_ANCHORS_MAX)
		wrong(&r, at, "the number of anchors", "is larger than any reorg's");
	if (bars >= 4 && n != bars - 4)
		wrong(&r, at, "the number of anchors", "is not how many follow");
	read_anchors(&r, ret, n);
	if (r.e != ERR_OK)
		reorg_event_release(ret);
	return r.e;
}

enum err counter_parse(uint64_t *ret, const char *value, size_t len, struct fail *f)
{
	struct reading r = { .at = value, .len = len, .f = f };

	*ret = read_number(&r, "the counter", true);
	return r.e;
}

enum err mark_parse(
    struct record_mark *ret, const char *value, size_t len, struct fail *f)
{
	struct reading r = { .at = value, .len = len, .f = f };
	struct record_mark m = { .journal = "" };
	char journal[RECORD_TEXT_MAX + 1] = "";

	read_text(&r, journal, "the journal of the mark", false, false);
	m.change = read_number(&r, "the change of the mark", true);
	if (r.e == ERR_OK &&
	    (hex_span(journal, sizeof journal) != sizeof m.journal - 1 ||
		strlen(journal) != sizeof m.journal - 1))
		wrong(&r, 0, "the journal of the mark", "is no name of one");
	if (r.e != ERR_OK)
		return r.e;
	memcpy(m.journal, journal, sizeof m.journal - 1);
	*ret = m;
	return ERR_OK;
}
