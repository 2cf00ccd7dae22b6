/* The records of a log, found by their heads. */
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "kinds/node/snapshot/log_in.h"
#include "kinds/node/snapshot/v2.h"

#define PIECE ((size_t)1 << 20)

/* Is there a whole record? Its head and foot alone are read. */
static enum err look(struct l2_log *log, uint64_t at, uint64_t *ret_len, struct fail *f)
{
	char bytes[V2_HEAD];
	struct v2_head h;
	struct v2_foot foot;
	uint64_t len;
	size_t n;
	enum err e = log->files->read(log->file, at, bytes, V2_HEAD, &n, f);

	*ret_len = 0;
	if (e || !v2_head_parse(&h, bytes, n))
		return e;
	len = v2_len(&h);
	if (len > log->size - at)
		return ERR_OK;
	e = log->files->read(log->file, at + len - V2_FOOT, bytes, V2_FOOT, &n, f);
	if (!e && v2_foot_parse(&foot, bytes, n) && foot.len == len)
		*ret_len = len;
	return e;
}

/* The next place from `at` on where a record may begin; the size of the log: none. */
static enum err find(struct l2_log *log, uint64_t at, uint64_t *ret, struct fail *f)
{
	char *bytes = mem_array(PIECE, 1);
	enum err e = ERR_OK;
	size_t n = PIECE;

	*ret = log->size;
	while (!e && *ret == log->size && n == PIECE) {
		const char *found;

		e = log->files->read(log->file, at, bytes, PIECE, &n, f);
		found = e ? NULL : memmem(bytes, n, V2_MAGIC, V2_MAGIC_LEN);
		if (found)
			*ret = at + (uint64_t)(found - bytes);
		at += PIECE - V2_MAGIC_LEN + 1;
	}
	mem_free(bytes);
	return e;
}

enum err log_scan_v2(struct l2_log *log, struct fail *f)
{
	uint64_t at = 0, lost = 0, len;
	enum err e = ERR_OK;

	log->blocks_n = log->damages_n = 0;
	while (!e && at < log->size) {
		e = look(log, at, &len, f);
		if (!e && !len) {
			e = find(log, at + 1, &at, f);
			continue;
		}
		if (at > lost)
			log_add_damage(log, L2_BROKEN, lost, at);
		log_add_block(log, (struct l2_block){ at, len, false });
		lost = at += len;
	}
	if (!e && lost < log->size)
		log_add_damage(log, L2_TORN_TAIL, lost, log->size);
	return e;
}

enum err log_last_v2(struct l2_log *log, struct fail *f)
{
	char bytes[V2_FOOT];
	struct v2_foot foot;
	uint64_t len;
	size_t n;
	enum err e;

	log->last = (struct l2_block){ 0 };
	if (log->size < V2_HEAD + V2_FOOT)
		return ERR_OK;
	e = log->files->read(log->file, log->size - V2_FOOT, bytes, V2_FOOT, &n, f);
	if (e || !v2_foot_parse(&foot, bytes, n) || foot.len > log->size ||
	    foot.offset != log->size - foot.len)
		return e;
	e = look(log, foot.offset, &len, f);
	if (!e && len == foot.len)
		log->last = (struct l2_block){ foot.offset, len, false };
	return e;
}

static enum err hash_at(
    struct l2_log *log, uint64_t end, uint8_t ret[32], bool *ret_there, struct fail *f)
{
	char bytes[V2_FOOT];
	struct v2_foot foot;
	size_t n;
	enum err e = log->files->read(log->file, end - V2_FOOT, bytes, V2_FOOT, &n, f);

	*ret_there = !e && v2_foot_parse(&foot, bytes, n);
	if (*ret_there)
		memcpy(ret, foot.hash, 32);
	return e;
}

/* The record before it, where that is whole and in its place, must be the one that it
 * names. What stands there instead when a power cut or a damage came between is told by
 * the survey. */
enum err log_check_v2(struct l2_log *log, struct l2_block block, const char *record,
    const struct l2_rules *rules, struct l2_verdict *v, struct fail *f)
{
	struct v2_head h;
	uint8_t hash[32];
	bool asked = false;
	enum err e = ERR_OK;

	if (v2_head_parse(&h, record, block.len) && h.before != V2_NOWHERE &&
	    block.offset >= V2_HEAD + V2_FOOT) {
		uint64_t len;

		if (h.before < block.offset)
			e = look(log, h.before, &len, f);
		else
			len = 0;
		if (!e && len && len <= block.offset - h.before)
			e = hash_at(log, h.before + len, hash, &asked, f);
	}
	if (!e)
		v2_check(v, record, block.len, asked ? hash : NULL, rules);
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
