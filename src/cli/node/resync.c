#include "cli/node/resync.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "chain/bitcoin/bitcoin.h"
#include "chain/config.h"
#include "cli/node/resync_in.h"

#define WRITTEN 20000 /* hashes of a batch: what a kill asks for again */
#define AGAINS 10     /* reorgs while it runs */

static enum err block_put(struct resync_run *r, uint64_t height, const struct hash *hash)
{
	char key[RECORD_KEY_MAX], text[65];

	key_block(key, height);
	hex_format(text, hash->at, sizeof hash->at);
	return reorgdb_put(r->batch, key, text, strlen(text), r->f);
}

/* ret_short: the chain is lower than it was. */
static enum err hashes_write(struct resync_run *r, const struct slot *s, bool *ret_short)
{
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < s->n && e == ERR_OK && !*ret_short; i++) {
		*ret_short = !r->known[i];
		if (r->known[i])
			e = block_put(r, s->heights[i], &r->hashes[i]);
	}
	return e == ERR_OK && reorgdb_batch_n(r->batch) >= WRITTEN
	    ? reorgdb_write(r->db, r->batch, r->f)
	    : e;
}

static enum err next_ask(
    struct resync_run *r, struct slot *s, uint64_t *next, uint64_t to)
{
	s->tries = 0;
	s->busy = false;
	if (*next > to)
		return ERR_OK;
	resync_span(s, *next, (uint32_t)(to - *next < HASHES ? to - *next + 1 : HASHES));
	*next += s->n;
	return resync_ask(r, s);
}

/* Those from a height on, up to the head, in their order: while some are written, the
 * node is at work on the next ones. */
static enum err span(struct resync_run *r, uint64_t from, uint64_t to, bool *ret_short)
{
	uint64_t next = from;
	enum err e = ERR_OK;

	*ret_short = false;
	for (int i = 0; i < SLOTS && e == ERR_OK; i++)
		e = next_ask(r, &r->slots[i], &next, to);
	for (int at = 0; e == ERR_OK && r->slots[at].busy; at = (at + 1) % SLOTS) {
		struct slot taken = r->slots[at];

		e = resync_take(r, &r->slots[at]);
		if (e == ERR_OK)
			e = next_ask(r, &r->slots[at], &next, *ret_short ? 0 : to);
		/* It leaves before the disk is waited for. */
		world_wait(r->world, world_now_ms(r->world));
		if (e == ERR_OK && !*ret_short)
			e = hashes_write(r, &taken, ret_short);
	}
	return e == ERR_OK ? reorgdb_write(r->db, r->batch, r->f) : e;
}

/* -- where it begins, and whether it ended ---------------------------------- */

static enum err few(struct resync_run *r, uint64_t from, uint32_t n)
{
	struct slot *s = &r->slots[0];

	s->tries = 0;
	resync_span(s, from, n);
	return resync_few(r, s);
}

/* Down from the start, as long as the blocks below it are not the node's. */
static enum err back(struct resync_run *r, uint64_t *start)
{
	while (*start) {
		uint32_t n = *start < 100 ? (uint32_t)*start : 100;
		enum err e = few(r, *start - n, n);
		bool same = false;

		for (uint32_t i = n; i > 0 && e == ERR_OK && !same; i--) {
			e = resync_agrees(r, *start - 1, i - 1, &same);
			if (e == ERR_OK && !same)
				(*start)--;
		}
		if (e != ERR_OK || same)
			return e;
	}
	return ERR_OK;
}

static enum err above_drop(struct resync_run *r, uint64_t head)
{
	enum err e = reorgdb_drop_above(r->db, r->batch, head, r->f);

	return e == ERR_OK ? reorgdb_write(r->db, r->batch, r->f) : e;
}

/* The chain may have moved meanwhile: until the highest that was written is its head's.
 */
static enum err follow(struct resync_run *r, struct resynced *ret)
{
	uint64_t from = r->plan->start;
	uint64_t head = 0;
	enum err e;
	bool same = false, is_short;

	for (int i = 0; i < AGAINS && !same; i++) {
		e = resync_head(r, &head);
		if (e != ERR_OK)
			return e;
		if (i == 0 && r->plan->given && from > head)
			return fail_set(r->f, ERR_USAGE,
			    "nothing was changed: --start-height %" PRIu64
			    " is above the node's newest block, %" PRIu64
			    ": is it the right node, and has it all blocks?",
			    from, head);
		if (from > head)
			from = head;
		e = i == 0 ? resync_join(r, head, &from, ret) : back(r, &from);
		if (i == 0)
			ret->from = from;
		if (e == ERR_OK)
			e = span(r, from, head, &is_short);
		if (e == ERR_OK)
			e = above_drop(r, head);
		if (e == ERR_OK && !is_short)
			e = few(r, head, 1);
		if (e == ERR_OK && !is_short)
			e = resync_agrees(r, head, 0, &same);
		if (e != ERR_OK)
			return e;
		ret->to = from = head;
	}
	if (same)
		return ERR_OK;
	return fail_set(r->f, ERR_STALE, "the node's chain moves faster than it is read");
}

/* -- whose blocks ----------------------------------------------------------- */

static enum err other_genesis(const struct resync_run *r, const struct identity *who,
    const char *has, const char *what)
{
	char text[65];

	hex_format(text, who->genesis.at, sizeof who->genesis.at);
	return fail_set(r->f, ERR_WRONG_CHAIN,
	    "nothing was changed: the node serves another chain than that of the %s: its "
	    "first block is %s, and not %s. Ask a node of that chain, or begin with "
	    "another %s",
	    what, text, has, what);
}

/* The first block that the database has, if it has that. */
static enum err database_agrees(const struct resync_run *r, const struct identity *who)
{
	char there[RECORD_TEXT_MAX + 1], text[65];
	struct hash hash;
	bool has;
	enum err e = reorgdb_block(r->db, 0, there, &has, r->f);

	if (e != ERR_OK)
		return e == ERR_INPUT ? ERR_OK : e; /* no hash: written anew */
	hex_format(text, who->genesis.at, sizeof who->genesis.at);
	if (!has || !hex_parse(hash.at, sizeof hash.at, there, strlen(there)) ||
	    !strcmp(there, text))
		return ERR_OK;
	return other_genesis(r, who, there, "database");
}

static enum err is_the_chain(const struct resync_run *r, const struct identity *who)
{
	const struct resync_plan *chain = r->plan;
	char other[CHAIN_OTHER_MAX], text[65];

	if (!who->chain_id)
		return fail_set(
		    r->f, ERR_WRONG_CHAIN, "the node serves no Bitcoin chain");
	if (chain->chain_id && who->chain_id != chain->chain_id &&
	    !MUTANT(resync_any_network)) {
		chain_other(other, &connector_bitcoin, who->chain_id, chain->chain_id);
		return fail_set(r->f, ERR_WRONG_CHAIN,
		    "nothing was changed: the node serves %s, which the config says: ask "
		    "a node of that network; for another database say --config FILE, too",
		    other);
	}
	if (chain->has_genesis && !hash_same(&who->genesis, &chain->genesis)) {
		hex_format(text, chain->genesis.at, sizeof chain->genesis.at);
		return other_genesis(r, who, text, "journal");
	}
	return MUTANT(resync_any_genesis) ? ERR_OK : database_agrees(r, who);
}

enum err resync(struct resynced *ret, const struct resync_plan *plan, struct fail *f)
{
	struct resync_run *r = mem_new(sizeof *r);
	struct identity who = { .chain_id = 0 };
	enum err e;

	*ret = (struct resynced){ .from = plan->start };
	*r = (struct resync_run){
		.plan = plan, .world = plan->world, .db = plan->db, .f = f
	};
	url_shown(r->node, plan->node.url);
	r->since_ms = world_now_ms(r->world);
	r->pool = pool_new(plan->world, &plan->node, 1, plan->timeout_ms);
	r->batch = reorgdb_batch_new();
	e = resync_identity(r, &who);
	if (e == ERR_OK)
		e = is_the_chain(r, &who);
	if (e == ERR_OK)
		e = follow(r, ret);
	pool_free(r->pool); /* calls nobody back */
	for (int i = 0; i < SLOTS; i++)
		resync_clear(&r->slots[i]);
	reorgdb_batch_free(r->batch);
	mem_free(r);
	return e;
}
