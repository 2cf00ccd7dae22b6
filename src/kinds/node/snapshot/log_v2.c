/* The records of a log, found by their heads. */
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/log_in.h"
#include "kinds/node/snapshot/v2.h"

#define PIECE ((size_t)1 << 20)

/* Is there a whole record, that ends before `to`? Its head and foot alone are read. */
static enum err look(struct l2_log *log, uint64_t at, uint64_t to, uint64_t *ret_len,
    struct v2_foot *foot, struct fail *f)
{
	char bytes[V2_HEAD];
	struct v2_head h;
	uint64_t len;
	size_t n;
	enum err e = log->files->read(log->file, at, bytes, V2_HEAD, &n, f);

	*ret_len = 0;
	if (e || !v2_head_parse(&h, bytes, n))
		return e;
	len = v2_len(&h);
	if (len > to - at)
		return ERR_OK;
	e = log->files->read(log->file, at + len - V2_FOOT, bytes, V2_FOOT, &n, f);
	if (!e && v2_foot_parse(foot, bytes, n) && foot->len == len)
		*ret_len = len;
	return e;
}

/* What was read of a log last, to find heads in. */
struct window {
	char *bytes;
	uint64_t at;
	size_t n, cap;
	bool magic; /* it has the word of a head or foot */
};

static enum err window_read(
    struct window *w, struct l2_log *log, uint64_t at, uint64_t to, struct fail *f)
{
	uint64_t left = to - at;
	enum err e = log->files->read(
	    log->file, at, w->bytes, left < w->cap ? (size_t)left : w->cap, &w->n, f);

	w->at = at;
	w->magic = !e && memmem(w->bytes, w->n, V2_WORD, sizeof V2_WORD - 1);
	if (w->magic && log->magic < at + w->n)
		log->magic = at + w->n;
	return e;
}

/* The next head from `at` on whose sum is right; `to`: none. */
static enum err find(struct l2_log *log, struct window *w, uint64_t at, uint64_t to,
    uint64_t *ret, struct fail *f)
{
	enum err e = ERR_OK;

	*ret = to;
	while (!e && to - at >= V2_HEAD) {
		const char *found;
		struct v2_head h;
		size_t from;

		if (at < w->at || at + V2_HEAD > w->at + w->n)
			e = window_read(w, log, at, to, f);
		if (e || w->n < V2_HEAD)
			break;
		from = (size_t)(at - w->at);
		found = w->magic
		    ? memmem(w->bytes + from, w->n - from, V2_MAGIC, V2_MAGIC_LEN)
		    : NULL;
		at = found ? w->at + (uint64_t)(found - w->bytes)
			   : w->at + w->n - V2_MAGIC_LEN + 1;
		from = (size_t)(at - w->at);
		if (!found || w->n - from < V2_HEAD)
			continue;
		if (v2_head_parse(&h, w->bytes + from, V2_HEAD)) {
			*ret = at;
			break;
		}
		at++;
	}
	return e;
}

enum err log_scan_v2(struct l2_log *log, uint64_t from, uint64_t to, struct fail *f)
{
	struct window w = { .cap = to - from < PIECE ? (size_t)(to - from) : PIECE };
	uint64_t at = from, lost = from, len;
	struct v2_foot foot;
	struct log_gap gap;
	enum err e = ERR_OK;

	w.bytes = mem_array(w.cap ? w.cap : 1, 1);
	log_gap_begin(&gap, log, from);
	while (!e && at < to) {
		e = look(log, at, to, &len, &foot, f);
		if (!e && (!len || log_is_quoted(&gap, log, at))) {
			e = find(log, &w, at + 1, to, &at, f);
			continue;
		}
		if (e)
			break;
		if (at > lost)
			log_add_damage(log, L2_BROKEN, lost, at);
		log_add_block(
		    log, (struct l2_block){ .offset = at, .len = len, .record = true });
		lost = at += len;
		gap = (struct log_gap){ at, at, MUTANT(records_behind_a_hurt_one) };
	}
	mem_free(w.bytes);
	if (!e && lost < to)
		log_add_damage(log, to < log->size ? L2_BROKEN : L2_TORN_TAIL, lost, to);
	return e;
}

enum err log_last_v2(struct l2_log *log, struct fail *f)
{
	char bytes[V2_FOOT];
	struct v2_foot foot;
	uint64_t at, len;
	size_t n;
	enum err e;

	log->last = (struct l2_block){ 0 };
	if (log->size < V2_HEAD + V2_FOOT)
		return ERR_OK;
	e = log->files->read(log->file, log->size - V2_FOOT, bytes, V2_FOOT, &n, f);
	if (e || !v2_foot_parse(&foot, bytes, n) || foot.len > log->size ||
	    foot.offset != log->size - foot.len)
		return e;
	at = foot.offset;
	e = look(log, at, log->size, &len, &foot, f);
	if (!e && len == log->size - at)
		log->last = (struct l2_block){ .offset = at, .len = len, .record = true };
	return e;
}

/* The record before it, where that is whole and in its place, must be the one that it
 * names. What stands there instead when a power cut or a damage came between is told by
 * the survey. In a file that was put behind another one all places are as far off as that
 * of the record itself. */
enum err log_check_v2(struct l2_log *log, struct l2_block block, const char *record,
    const struct l2_rules *rules, struct l2_verdict *v, struct fail *f)
{
	struct v2_foot own, foot;
	struct v2_head h;
	uint64_t len = 0;
	enum err e = ERR_OK;

	if (v2_head_parse(&h, record, block.len) && h.before != V2_NOWHERE &&
	    block.len >= V2_FOOT &&
	    v2_foot_parse(&own, record + block.len - V2_FOOT, V2_FOOT)) {
		uint64_t before = h.before + (block.offset - own.offset);

		if (before < block.offset)
			e = look(log, before, block.offset, &len, &foot, f);
	}
	if (!e)
		v2_check(v, record, block.len, len ? foot.hash : NULL, rules);
	return e;
}

enum err log_anchor_hash_v2(
    struct l2_log *log, struct l2_block block, char ret[L2_HEX], struct fail *f)
{
	char bytes[V2_HEAD];
	struct v2_head h;
	size_t n;
	enum err e = log->files->read(log->file, block.offset, bytes, V2_HEAD, &n, f);

	ret[0] = '\0';
	if (!e && v2_head_parse(&h, bytes, n) && h.anchored)
		hex_format(ret, h.anchor_hash, 32);
	return e;
}
