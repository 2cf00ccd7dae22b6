/* What the database has of another branch than the node's: a reorg of that depth. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "cli/node/resync_in.h"
#include "crypto/word.h"

/* From the highest block of the database on, down. */
struct join {
	struct resync_run *run;
	uint64_t head;
	uint64_t next; /* the next height to be looked at */
	bool over;     /* there is none */
	uint32_t most;
	struct slot slot;
	char there[HASHES][65]; /* what it has at those of the slot */
	uint64_t others, lowest, highest;
	char other[65]; /* its lowest other hash */
	bool same;      /* below it one is the node's */
};

enum err resync_agrees(struct resync_run *r, uint64_t height, uint32_t at, bool *ret)
{
	char there[RECORD_TEXT_MAX + 1], text[65];
	bool has;
	enum err e = reorgdb_block(r->db, height, there, &has, r->f);

	hex_format(text, r->hashes[at].at, sizeof r->hashes[at].at);
	*ret = e == ERR_OK && (!has || (r->known[at] && !strcmp(there, text)));
	return e == ERR_INPUT ? ERR_OK : e; /* what is no hash is written anew */
}

static void other(struct join *j, uint64_t height, const char *hash)
{
	j->highest = j->others++ ? j->highest : height;
	j->lowest = height;
	snprintf(j->other, sizeof j->other, "%.64s", hash);
}

/* What is above its head the node need not be asked for. */
static bool collect(void *ctx, uint64_t height, const char *text)
{
	struct join *j = ctx;
	struct hash hash;

	j->over = !height;
	j->next = height - !j->over;
	if (!hex_parse(hash.at, sizeof hash.at, text, strlen(text)))
		return true; /* no hash: it is written anew */
	if (height > j->head) {
		other(j, height, text);
		return true;
	}
	memcpy(j->there[j->slot.n], text, 65);
	j->slot.heights[j->slot.n++] = height;
	return j->slot.n < j->most;
}

static void compare(struct join *j)
{
	const struct resync_run *r = j->run;
	char text[65];

	for (uint32_t i = 0; i < j->slot.n && !j->same; i++) {
		hex_format(text, r->hashes[i].at, sizeof r->hashes[i].at);
		j->same = r->known[i] && !strcmp(j->there[i], text);
		if (!j->same)
			other(j, j->slot.heights[i], j->there[i]);
	}
}

static uint32_t word(const struct join *j)
{
	struct sha256 *s = sha256_begin();

	sha256_add(s, "resync", 6);
	sha256_add(s, &j->others, sizeof j->others);
	sha256_add(s, &j->lowest, sizeof j->lowest);
	sha256_add(s, &j->highest, sizeof j->highest);
	sha256_add(s, j->other, sizeof j->other);
	/* A node whose chain only grows is the one that was shown. */
	sha256_add(s, &(bool){ j->head < j->highest }, sizeof(bool));
	return word_end(s);
}

/* As a reorg that the daemon sees: no deeper than what may be undone. */
static enum err may(const struct join *j)
{
	const struct resync_run *r = j->run;
	const struct resync_plan *plan = r->plan;
	uint32_t w = word(j);

	if (j->others <= plan->depth || plan->yes == w || MUTANT(resync_any_depth))
		return ERR_OK;
	return fail_set(r->f, ERR_CONFLICT,
	    "nothing was changed: %" PRIu64 " blocks of the database, %" PRIu64
	    " to %" PRIu64 ", are none of the chain of %s, whose newest is %" PRIu64
	    ": a reorg of that depth, and %s lets %" PRIu64
	    " go. Is it the right node, and has it all blocks? Only if its chain is "
	    "right: the same line with --yes=%08" PRIx32,
	    j->others, j->lowest, j->highest, r->node, j->head, plan->depth_of,
	    plan->depth, w);
}

static void see_anchor(void *ctx, const struct anchor_record *a)
{
	struct resynced *ret = ctx;

	ret->anchors += a->height >= ret->lowest && a->status != ANCHOR_INVALIDATED_REORG;
}

static enum err look(struct join *j)
{
	struct resync_run *r = j->run;
	enum err e = ERR_OK;

	for (j->most = 100; e == ERR_OK && !j->same && !j->over; j->most = HASHES) {
		j->slot.n = 0;
		j->slot.tries = 0;
		e = reorgdb_blocks_down(r->db, j->next, collect, j, r->f);
		if (e != ERR_OK || !j->slot.n)
			break;
		e = resync_few(r, &j->slot);
		if (e == ERR_OK)
			compare(j);
	}
	return e;
}

enum err resync_join(
    struct resync_run *r, uint64_t head, uint64_t *ret_from, struct resynced *ret)
{
	struct join *j = mem_new(sizeof *j);
	enum err e;

	*j = (struct join){ .run = r, .head = head, .next = UINT64_MAX };
	e = look(j);
	if (e == ERR_OK)
		e = may(j);
	if (e == ERR_OK && j->others) {
		const struct reorgdb_visitor v = { .ctx = ret, .anchor = see_anchor };

		ret->others = j->others;
		ret->lowest = j->lowest;
		if (j->lowest < *ret_from)
			*ret_from = j->lowest;
		e = reorgdb_visit(r->db, &v, r->f);
	}
	resync_clear(&j->slot);
	mem_free(j);
	return e;
}
