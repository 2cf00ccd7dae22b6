/* Two files that were put one behind the other, or a log that was written to in both
 * formats: where the log's own one has damage, blocks of the other are looked for. Places
 * that are no damage are not read again. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/log_in.h"

static enum err scan(
    struct l2_log *log, int version, uint64_t from, uint64_t to, struct fail *f)
{
	return version == 2 ? log_scan_v2(log, from, to, f)
			    : log_scan_v1(log, from, to, f);
}

/* Between blocks, what is none of them is looked at as it was at first. */
static enum err rest(struct l2_log *log, uint64_t from, uint64_t to, struct fail *f)
{
	if (from >= to || log_is_fill(log, from, to))
		return ERR_OK;
	return scan(log, log->version, from, to, f);
}

/* *ret: there are some of the other version; else nothing is added. */
static enum err look(
    struct l2_log *log, uint64_t from, uint64_t to, bool *ret, struct fail *f)
{
	size_t first = log->blocks_n, damages = log->damages_n, n;
	uint64_t at = from;
	enum err e = scan(log, 3 - log->version, from, to, f);

	n = log->blocks_n;
	log->damages_n = damages;
	*ret = n > first;
	for (size_t i = first; !e && i < n; i++) {
		struct l2_block b = log->blocks[i];

		e = rest(log, at, b.offset, f);
		at = b.offset + b.len;
	}
	return e || !*ret ? e : rest(log, at, to, f);
}

static int by_place(const void *a, const void *b)
{
	/* Both begin with it. */
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int damage_by_place(const void *a, const void *b)
{
	const struct l2_damage *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Those damages that lie there stay as they were; the first of them is at *at. */
static size_t in_gap(const struct l2_log *was, size_t *at, uint64_t to)
{
	size_t n = 0;

	while (*at + n < was->damages_n && was->damages[*at + n].offset < to)
		n++;
	return n;
}

enum err log_mixed(struct l2_log *log, struct fail *f)
{
	struct l2_log was = *log;
	uint64_t from = log->version == 2 ? 0 : log->from;
	size_t damage = 0;
	bool any = false;
	enum err e = ERR_OK;

	if (MUTANT(other_format_is_torn))
		return ERR_OK;
	log->blocks = NULL;
	log->damages = NULL;
	log->blocks_n = log->blocks_cap = log->damages_n = log->damages_cap = 0;
	for (size_t i = 0; !e && i <= was.blocks_n; i++) {
		uint64_t to = i < was.blocks_n ? was.blocks[i].offset : log->size;
		size_t n = in_gap(&was, &damage, to);
		bool others = false;

		if (n)
			e = look(log, from, to, &others, f);
		any |= others;
		for (size_t k = damage; k < damage + n && !others; k++) {
			struct l2_damage d = was.damages[k];

			log_add_damage(log, d.kind, d.offset, d.offset + d.len);
		}
		damage += n;
		if (i < was.blocks_n) {
			log_add_block(log, was.blocks[i]);
			from = was.blocks[i].offset + was.blocks[i].len;
		}
	}
	mem_free(was.blocks);
	mem_free(was.damages);
	if (any)
		qsort(log->blocks, log->blocks_n, sizeof *log->blocks, by_place);
	if (any && log->damages_n)
		qsort(
		    log->damages, log->damages_n, sizeof *log->damages, damage_by_place);
	return e;
}

bool l2_log_is_mixed(const struct l2_log *log, uint64_t *ret)
{
	for (size_t i = 0; i < log->blocks_n; i++) {
		*ret = log->blocks[i].offset;
		if (log->blocks[i].record != (log->version == 2))
			return true;
	}
	return false;
}
