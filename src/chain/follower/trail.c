#include "chain/follower/follower_in.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "journal/sql.gen.h"

static void trail_room(struct follower *f)
{
	if (f->trail_n < f->trail_cap)
		return;
	f->trail_cap = f->trail_cap ? f->trail_cap * 2 : 64;
	f->trail = mem_grow(f->trail, f->trail_cap, sizeof *f->trail);
}

static bool follows(struct follower *f, const struct head *h, int64_t final_height)
{
	const struct head *top = f->trail_n ? trail_top(f) : NULL;

	if (!top)
		return h->height == (uint64_t)final_height;
	return h->height == top->height + 1 && hash_same(&h->parent, &top->hash);
}

void trail_load(struct follower *f, int64_t final_height)
{
	struct sql_block_from_out row;
	bool dense = true;

	f->trail_n = 0;
	sql_block_from_begin(f->s.journal,
	    &(struct sql_block_from_in){ .chain = f->chain, .height = final_height });
	while (sql_block_from_next(f->s.journal, &row)) {
		struct head h = { .height = (uint64_t)row.height,
			.base_fee = (uint64_t)row.base_fee,
			.used = row.used };

		memcpy(h.hash.at, row.hash, sizeof h.hash.at);
		memcpy(h.parent.at, row.parent, sizeof h.parent.at);
		dense = dense && follows(f, &h, final_height);
		trail_room(f);
		f->trail[f->trail_n++] = h;
	}
	if ((!dense || !f->trail_n) && !journal_numb(f->s.journal))
		journal_damaged(f->s.journal,
		    "the trail of chain %s is not whole from its final block %lld on",
		    f->s.config->name, (long long)final_height);
}

static void block_put(struct follower *f, const struct head *h)
{
	struct sql_block_add_in in = { .chain = f->chain,
		.height = (int64_t)h->height,
		.base_fee = (int64_t)h->base_fee,
		.used = h->used };

	memcpy(in.hash, h->hash.at, sizeof in.hash);
	memcpy(in.parent, h->parent.at, sizeof in.parent);
	if (f->s.journal)
		sql_block_add(f->s.journal, &in);
}

static void final_put(struct follower *f)
{
	if (!f->s.journal)
		return;
	sql_chain_final(f->s.journal,
	    &(struct sql_chain_final_in){
		.id = f->chain, .final_height = (int64_t)f->trail[0].height });
}

void trail_begin(struct follower *f, const struct head *h)
{
	trail_room(f);
	f->trail_n = 1;
	f->trail[0] = *h;
	block_put(f, h);
	final_put(f);
}

void trail_push(struct follower *f, const struct head *h)
{
	struct head *top = trail_top(f);

	CHECK(h->height == top->height + 1 && hash_same(&h->parent, &top->hash));
	block_put(f, h);
	trail_room(f);
	f->trail[f->trail_n++] = *h;
}

void trail_cut(struct follower *f, uint64_t above)
{
	CHECK(above >= f->trail[0].height);
	f->trail_n = (size_t)(above - f->trail[0].height) + 1;
	if (!f->s.journal)
		return;
	sql_block_drop_above(f->s.journal,
	    &(struct sql_block_drop_above_in){
		.chain = f->chain, .height = (int64_t)above });
}

void trail_final_advance(struct follower *f)
{
	CHECK(f->trail_n > 1);
	memmove(f->trail, f->trail + 1, --f->trail_n * sizeof *f->trail);
	if (!f->s.journal)
		return;
	final_put(f);
	sql_block_drop_below(f->s.journal,
	    &(struct sql_block_drop_below_in){
		.chain = f->chain, .height = (int64_t)f->trail[0].height - KEPT_FINAL });
}

/* A final block vanished and the operator accepted it: height is final now. */
bool trail_back_to(struct follower *f, uint64_t height)
{
	struct sql_block_from_out row;
	struct sql_block_from_in in = { .chain = f->chain, .height = (int64_t)height };
	bool found = false;

	sql_block_from_begin(f->s.journal, &in);
	if (sql_block_from_next(f->s.journal, &row))
		found = (uint64_t)row.height == height;
	sql_block_from_end(f->s.journal);
	if (!found)
		return false;
	sql_block_drop_above(f->s.journal,
	    &(struct sql_block_drop_above_in){
		.chain = f->chain, .height = (int64_t)height });
	trail_load(f, (int64_t)height);
	final_put(f);
	return true;
}

void trail_anew(struct follower *f, const struct head *h)
{
	sql_block_drop_above(f->s.journal,
	    &(struct sql_block_drop_above_in){ .chain = f->chain, .height = -1 });
	trail_begin(f, h);
}

static bool kept_from(struct follower *f, uint64_t height, struct sql_block_from_out *ret)
{
	struct sql_block_from_in in = { .chain = f->chain, .height = (int64_t)height };
	bool found;

	if (!f->s.journal)
		return false;
	sql_block_from_begin(f->s.journal, &in);
	found = sql_block_from_next(f->s.journal, ret);
	if (found)
		sql_block_from_end(f->s.journal);
	return found;
}

bool trail_kept(struct follower *f, uint64_t height, struct hash *ret)
{
	struct sql_block_from_out row;

	if (!kept_from(f, height, &row) || (uint64_t)row.height != height)
		return false;
	memcpy(ret->at, row.hash, sizeof ret->at);
	return true;
}

bool follower_kept(struct follower *f, uint64_t height, struct hash *ret)
{
	const struct head *h = trail_at(f, height);

	if (!h)
		return f->chain && trail_kept(f, height, ret);
	*ret = h->hash;
	return true;
}

bool trail_lowest(struct follower *f, uint64_t *ret)
{
	struct sql_block_from_out row;

	if (!kept_from(f, 0, &row))
		return false;
	*ret = (uint64_t)row.height;
	return true;
}

struct head *trail_at(struct follower *f, uint64_t height)
{
	if (!f->trail_n || height < f->trail[0].height)
		return NULL;
	if (height - f->trail[0].height >= f->trail_n)
		return NULL;
	return &f->trail[height - f->trail[0].height];
}

bool trail_has(struct follower *f, const struct hash *hash, uint64_t height)
{
	struct head *h = trail_at(f, height);

	return h && (hash_same(&h->hash, hash) || MUTANT(height_not_hash));
}

struct head *trail_top(struct follower *f)
{
	CHECK(f->trail_n > 0);
	return &f->trail[f->trail_n - 1];
}

bool is_deep(const struct follower *f, uint64_t height)
{
	return f->best > height + STATE_DEPTH;
}

struct sighting *sighting_find(
    struct follower *f, const struct hash *hash, uint64_t height)
{
	for (size_t i = 0; i < f->seen_n; i++)
		if (f->seen[i].head.height == height &&
		    hash_same(&f->seen[i].head.hash, hash))
			return &f->seen[i];
	return NULL;
}

static bool parent_known(struct follower *f, const struct head *h)
{
	return trail_has(f, &h->parent, h->height - 1) ||
	    sighting_find(f, &h->parent, h->height - 1);
}

/* A liar may have been the first to show a header of this hash: one that fits takes its
 * place. */
struct sighting *sighting_add(struct follower *f, const struct head *h)
{
	struct sighting *s = sighting_find(f, &h->hash, h->height);

	if (s) {
		if (!parent_known(f, &s->head) && parent_known(f, h))
			s->head = *h;
		return s;
	}
	if (f->seen_n == f->seen_cap) {
		f->seen_cap = f->seen_cap ? f->seen_cap * 2 : 64;
		f->seen = mem_grow(f->seen, f->seen_cap, sizeof *f->seen);
	}
	s = &f->seen[f->seen_n++];
	*s = (struct sighting){ .head = *h, .bare = is_deep(f, h->height) };
	return s;
}

static void opinions_free(struct sighting *s)
{
	for (int i = 0; i < s->opinions_n; i++)
		block_facts_release(&s->opinions[i].facts);
	mem_free(s->opinions);
	s->opinions = NULL;
	s->opinions_n = 0;
}

/* It became deep before the nodes agreed on it, and some have the state no more: it is
 * read again, without. */
void sighting_bare(struct sighting *s)
{
	opinions_free(s);
	s->bare = true;
	s->told = false;
}

void sighting_drop(struct follower *f, size_t at)
{
	opinions_free(&f->seen[at]);
	f->seen[at] = f->seen[--f->seen_n];
}

/* From a block down to the trail, as far as its parents were seen. */
static void path_keep(struct follower *f, struct head at, bool *keep)
{
	for (int n = 0; n <= WINDOW && at.height > f->trail[0].height; n++) {
		struct sighting *s = sighting_find(f, &at.hash, at.height);

		if (!s)
			return;
		keep[s - f->seen] = true;
		s = sighting_find(f, &at.parent, at.height - 1);
		if (!s)
			return;
		at = s->head;
	}
}

/* More than the trail and a branch of each node is nobody's: headers that a node shows
 * once and never again fill no memory. */
void sightings_sweep(struct follower *f)
{
	bool *keep;

	if (!f->trail_n || f->seen_n <= (size_t)(f->nodes + 2) * (WINDOW + 1) ||
	    MUTANT(headers_kept))
		return;
	keep = mem_array(f->seen_n, sizeof *keep);
	for (size_t i = 0; i < f->seen_n; i++)
		keep[i] = trail_has(f, &f->seen[i].head.hash, f->seen[i].head.height);
	for (int i = 0; i < f->nodes; i++)
		if (f->view[i].has_goal)
			path_keep(f, f->view[i].goal, keep);
	for (size_t i = f->seen_n; i-- > 0;) {
		if (keep[i])
			continue;
		sighting_drop(f, i);
		keep[i] = keep[f->seen_n];
	}
	mem_free(keep);
}

void sightings_forget(struct follower *f)
{
	for (size_t i = 0; i < f->seen_n; i++) {
		opinions_free(&f->seen[i]);
		f->seen[i].told = false;
		f->seen[i].asked = 0;
		memset(f->seen[i].asked_ms, 0, sizeof f->seen[i].asked_ms);
	}
}
