#include "cli/node/resync.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "chain/bitcoin/bitcoin.h"
#include "chain/config.h"

#define HASHES 1000  /* of a request */
#define WRITTEN 5000 /* and of a batch of the database */
#define SLOTS 6      /* requests under way */
#define TIMEOUT_MS 60000
#define TRIES 5
#define AGAINS 10 /* reorgs while it runs */

_Static_assert(HASHES <= CHAIN_BATCH_MAX, "a request takes as many");

struct run;

/* A question that is under way, or was answered and is not taken yet. */
struct slot {
	struct run *run;
	uint64_t from;
	uint32_t n;
	int tries;
	bool busy, answered;
	struct pool_answer got; /* its answer is ours */
};

struct run {
	struct world *world;
	struct pool *pool;
	struct reorgdb *db;
	struct reorgdb_batch *batch;
	struct slot slots[SLOTS];
	struct hash hashes[HASHES];
	bool known[HASHES];
	bool given; /* the start, by who asked */
	struct fail *f;
};

/* -- one question ---------------------------------------------------------- */

static void answered(void *ctx, struct pool_answer *a)
{
	struct slot *s = ctx;

	s->got = *a;
	a->answer = NULL;
	s->answered = true;
}

static enum err await(struct run *r, const struct slot *s)
{
	while (!s->answered) {
		world_wait(r->world, world_now_ms(r->world) + TIMEOUT_MS);
		if (world_signalled(r->world))
			return fail_set(r->f, ERR_STOPPED,
			    "stopped; what was written stays, and the same command goes "
			    "on");
	}
	return ERR_OK;
}

/* When its node may be asked. */
static enum err ask(struct run *r, struct slot *s, struct buf *body)
{
	int64_t at_ms;

	while (!pool_ready(r->pool, 0, &at_ms)) {
		world_wait(r->world, at_ms);
		if (world_signalled(r->world)) {
			buf_release(body);
			return fail_set(r->f, ERR_STOPPED, "stopped");
		}
	}
	s->run = r;
	s->busy = true;
	s->answered = false;
	pool_ask(r->pool, 0, body, answered, s);
	/* It leaves now, and not when somebody waits for it. */
	world_wait(r->world, world_now_ms(r->world));
	return ERR_OK;
}

static void slot_clear(struct slot *s)
{
	mem_free(s->got.answer);
	s->got.answer = NULL;
	s->busy = s->answered = false;
}

static bool may_come(enum err e)
{
	return err_class(e) == CLASS_RETRY || err_class(e) == CLASS_UNKNOWN;
}

typedef enum err read_fn(struct run *r, const char *answer, size_t len, void *ret);

/* One question by itself, tried some times. */
static enum err asked(
    struct run *r, void (*write)(struct buf *body), read_fn *read, void *ret)
{
	enum err e = ERR_OK;

	for (int i = 0; i < TRIES; i++) {
		struct slot s = { .run = r };
		struct buf body;

		buf_init(&body, 4096);
		write(&body);
		e = ask(r, &s, &body);
		if (e == ERR_OK)
			e = await(r, &s);
		if (e != ERR_OK)
			return e;
		e = s.got.err;
		if (e == ERR_OK)
			e = read(r, s.got.answer, s.got.len, ret);
		else
			(void)fail_set(r->f, e, "%s", s.got.fail.why);
		slot_clear(&s);
		if (!may_come(e))
			return e;
	}
	return e;
}

static enum err identity_take(struct run *r, const char *answer, size_t len, void *ret)
{
	return bitcoin_identity_read(ret, answer, len, r->f);
}

static void count_write(struct buf *body)
{
	struct rpc_batch b;

	rpc_begin_single(&b, body);
	rpc_call(&b, "getblockcount");
	rpc_call_end(&b);
	rpc_end(&b);
}

static enum err count_take(struct run *r, const char *answer, size_t len, void *ret)
{
	uint64_t *height = ret;
	struct rpc_answer a;
	enum err e = rpc_read(&a, 1, answer, len, r->f);
	const json_t *v = e == ERR_OK ? a.replies[0].result : NULL;

	if (e == ERR_OK && !v)
		e = bitcoin_fail(a.replies[0].error, NULL, r->f);
	else if (e == ERR_OK &&
	    (!json_is_integer(v) || json_integer_value(v) < 0 ||
		json_integer_value(v) > UINT32_MAX))
		e = fail_set(
		    r->f, ERR_BAD_ANSWER, "the height of the head is none of a block");
	else if (e == ERR_OK)
		*height = (uint64_t)json_integer_value(v);
	rpc_release(&a);
	return e;
}

/* -- hashes ---------------------------------------------------------------- */

static enum err hashes_ask(struct run *r, struct slot *s)
{
	uint64_t heights[HASHES];
	struct buf body;

	for (uint32_t i = 0; i < s->n; i++)
		heights[i] = s->from + i;
	buf_init(&body, 1 << 20);
	bitcoin_headers_at(&body, heights, s->n);
	return ask(r, s, &body);
}

/* The answer of a slot into r->hashes; asked again where that may help. */
static enum err hashes_take(struct run *r, struct slot *s)
{
	enum err e = await(r, s);

	if (e != ERR_OK)
		return e;
	e = s->got.err;
	if (e == ERR_OK)
		e = bitcoin_hashes_read(
		    r->hashes, r->known, s->n, s->got.answer, s->got.len, r->f);
	else
		(void)fail_set(r->f, e, "%s", s->got.fail.why);
	slot_clear(s);
	if (!may_come(e) || ++s->tries == TRIES)
		return e;
	e = hashes_ask(r, s);
	return e == ERR_OK ? hashes_take(r, s) : e;
}

static enum err block_put(struct run *r, uint64_t height, const struct hash *hash)
{
	char key[RECORD_KEY_MAX], text[65];

	key_block(key, height);
	hex_format(text, hash->at, sizeof hash->at);
	return reorgdb_put(r->batch, key, text, strlen(text), r->f);
}

/* ret_short: the chain is lower than it was. */
static enum err hashes_write(struct run *r, const struct slot *s, bool *ret_short)
{
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < s->n && e == ERR_OK && !*ret_short; i++) {
		*ret_short = !r->known[i];
		if (r->known[i])
			e = block_put(r, s->from + i, &r->hashes[i]);
	}
	return e == ERR_OK && reorgdb_batch_n(r->batch) >= WRITTEN
	    ? reorgdb_write(r->db, r->batch, r->f)
	    : e;
}

static enum err next_ask(struct run *r, struct slot *s, uint64_t *next, uint64_t to)
{
	*s = (struct slot){ .from = *next };
	if (*next > to)
		return ERR_OK;
	s->n = (uint32_t)(to - *next < HASHES ? to - *next + 1 : HASHES);
	*next += s->n;
	return hashes_ask(r, s);
}

/* Those from a height on, up to the head, in their order: while some are written, the
 * node is at work on the next ones. */
static enum err span(struct run *r, uint64_t from, uint64_t to, bool *ret_short)
{
	uint64_t next = from;
	enum err e = ERR_OK;

	*ret_short = false;
	for (int i = 0; i < SLOTS && e == ERR_OK; i++)
		e = next_ask(r, &r->slots[i], &next, to);
	for (int at = 0; e == ERR_OK && r->slots[at].busy; at = (at + 1) % SLOTS) {
		struct slot taken = r->slots[at];

		e = hashes_take(r, &r->slots[at]);
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

static enum err few(struct run *r, uint64_t from, uint32_t n)
{
	struct slot s = { .from = from, .n = n };
	enum err e = hashes_ask(r, &s);

	return e == ERR_OK ? hashes_take(r, &s) : e;
}

/* The database has this block with the hash that the node shows, or none. */
static enum err agrees(struct run *r, uint64_t height, uint32_t at, bool *ret)
{
	char there[RECORD_TEXT_MAX + 1], text[65];
	bool has;
	enum err e = reorgdb_block(r->db, height, there, &has, r->f);

	hex_format(text, r->hashes[at].at, sizeof r->hashes[at].at);
	*ret = e == ERR_OK && (!has || (r->known[at] && !strcmp(there, text)));
	return e == ERR_INPUT ? ERR_OK : e; /* what is no hash is written anew */
}

/* Down from the start, as long as the blocks below it are not the node's. */
static enum err back(struct run *r, uint64_t *start)
{
	while (*start) {
		uint32_t n = *start < 100 ? (uint32_t)*start : 100;
		enum err e = few(r, *start - n, n);
		bool same = false;

		for (uint32_t i = n; i > 0 && e == ERR_OK && !same; i--) {
			e = agrees(r, *start - 1, i - 1, &same);
			if (e == ERR_OK && !same)
				(*start)--;
		}
		if (e != ERR_OK || same)
			return e;
	}
	return ERR_OK;
}

static enum err above_drop(struct run *r, uint64_t head)
{
	enum err e = reorgdb_drop_above(r->db, r->batch, head, r->f);

	return e == ERR_OK ? reorgdb_write(r->db, r->batch, r->f) : e;
}

/* The chain may have moved meanwhile: until the highest that was written is its head's.
 */
static enum err follow(struct run *r, struct resynced *ret, uint64_t start)
{
	uint64_t from = start;
	uint64_t head = 0;
	enum err e;
	bool same = false, is_short;

	for (int i = 0; i < AGAINS && !same; i++) {
		e = asked(r, count_write, count_take, &head);
		if (e != ERR_OK)
			return e;
		if (i == 0 && r->given && from > head)
			return fail_set(r->f, ERR_USAGE,
			    "nothing was changed: --start-height %" PRIu64
			    " is above the node's newest block, %" PRIu64
			    ": is it the right node, and has it all blocks?",
			    from, head);
		if (from > head)
			from = head;
		e = back(r, &from);
		if (i == 0) {
			ret->back = (start < head ? start : head) - from;
			ret->from = from;
		}
		if (e == ERR_OK)
			e = span(r, from, head, &is_short);
		if (e == ERR_OK)
			e = above_drop(r, head);
		if (e == ERR_OK && !is_short)
			e = few(r, head, 1);
		if (e == ERR_OK && !is_short)
			e = agrees(r, head, 0, &same);
		if (e != ERR_OK)
			return e;
		ret->to = from = head;
	}
	if (same)
		return ERR_OK;
	return fail_set(r->f, ERR_STALE, "the node's chain moves faster than it is read");
}

/* -- whose blocks ----------------------------------------------------------- */

static enum err other_genesis(
    const struct run *r, const struct identity *who, const char *has, const char *what)
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
static enum err database_agrees(const struct run *r, const struct identity *who)
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

static enum err is_the_chain(
    const struct run *r, const struct identity *who, const struct resync_chain *chain)
{
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

enum err resync(struct resynced *ret, struct world *w, const struct node_config *node,
    const struct resync_chain *chain, struct reorgdb *db, uint64_t start, bool given,
    struct fail *f)
{
	struct run *r = mem_new(sizeof *r);
	struct identity who = { .chain_id = 0 };
	enum err e;

	*ret = (struct resynced){ .from = start };
	*r = (struct run){ .world = w, .db = db, .given = given, .f = f };
	r->pool = pool_new(w, node, 1, TIMEOUT_MS);
	r->batch = reorgdb_batch_new();
	e = asked(r, bitcoin_identity, identity_take, &who);
	if (e == ERR_OK)
		e = is_the_chain(r, &who, chain);
	if (e == ERR_OK)
		e = follow(r, ret, start);
	pool_free(r->pool); /* calls nobody back */
	for (int i = 0; i < SLOTS; i++)
		slot_clear(&r->slots[i]);
	reorgdb_batch_free(r->batch);
	mem_free(r);
	return e;
}
