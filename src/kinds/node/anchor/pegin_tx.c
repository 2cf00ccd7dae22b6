#include "kinds/node/anchor/pegin_tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "engine/states.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/anchor.h"

#define DIGITS 64

bool pegin_tx_get(struct journal *j, struct l2_bytes tx, struct pegin_tx *ret)
{
	struct sql_node_pegin_tx_get_in in = { .tx = tx.at, .tx_len = tx.len };
	struct sql_node_pegin_tx_get_out row;

	if (!sql_node_pegin_tx_get_one(j, &in, &row))
		return false;
	*ret = (struct pegin_tx){ .seen = !row.no_height,
		.height = row.no_height ? 0 : (uint64_t)row.height,
		.in_block = !row.no_block_hash };
	memcpy(ret->block.at, row.block_hash, sizeof ret->block.at);
	return true;
}

void pegin_tx_want(struct journal *j, struct l2_bytes tx)
{
	uint8_t bytes[DIGITS / 2];

	if (tx.len == DIGITS && hex_parse(bytes, sizeof bytes, tx.at, tx.len))
		sql_node_pegin_tx_want(j,
		    &(struct sql_node_pegin_tx_want_in){ .tx = tx.at, .tx_len = tx.len });
}

/* -- who is told when one was minted --------------------------------------- */

static void shown(char out[DIGITS + 1], const void *id, size_t len)
{
	size_t n = len < DIGITS ? len : DIGITS;

	memset(out, 0, DIGITS + 1);
	memcpy(out, id, n);
	utf8_plain(out);
}

/* Peg-ins of it that were minted. */
static void minted_tell(
    struct journal *j, struct l2_bytes tx, bool covered, uint64_t height)
{
	struct sql_node_pegins_of_tx_in in = { .tx = tx.at, .tx_len = tx.len };
	struct sql_node_pegins_of_tx_out row;
	char(*ids)[DIGITS + 1] = NULL;
	size_t n = 0;

	sql_node_pegins_of_tx_begin(j, &in);
	while (sql_node_pegins_of_tx_next(j, &row)) {
		if (row.status != PEGIN_MINTED)
			continue;
		ids = mem_grow(ids, n + 1, sizeof *ids);
		shown(ids[n++], row.id, row.id_len);
	}
	for (size_t i = 0; i < n; i++) {
		char what[DIGITS + 16], why[64];

		snprintf(what, sizeof what, "pegin %s", ids[i]);
		snprintf(why, sizeof why, "block %llu %s", (unsigned long long)height,
		    covered ? "has its transaction" : "had it, and is gone");
		journal_event(j,
		    &(struct event){ .what = what,
			.from = covered ? "uncovered" : "covered",
			.to = covered ? "covered" : "uncovered",
			.why = why });
		if (covered)
			log_info(
			    "node", "peg-in %s, which was minted: %s again", ids[i], why);
		else
			log_error("node",
			    "peg-in %s was minted, and no block has its transaction any "
			    "more (%s): what was minted has nothing behind it",
			    ids[i], why);
	}
	mem_free(ids);
}

/* -- what blocks say ------------------------------------------------------- */

static void put(struct journal *j, struct l2_bytes tx, const struct pegin_tx *is)
{
	struct sql_node_pegin_tx_put_in in = { .tx = tx.at,
		.tx_len = tx.len,
		.height = (int64_t)is->height,
		.no_height = !is->seen,
		.no_block_hash = !is->in_block };

	memcpy(in.block_hash, is->block.at, sizeof in.block_hash);
	sql_node_pegin_tx_put(j, &in);
}

/* What was settled is so no more: a block has it. What had lost one was settled by other
 * means, which are to be looked at; of what was never seen people said that it has one.
 */
static void settled_end(struct journal *j, struct l2_bytes tx, bool again)
{
	struct sql_node_settled_again_in lost = { .tx = tx.at, .tx_len = tx.len };
	struct sql_node_unsettle_in never = { .tx = tx.at, .tx_len = tx.len };

	if (MUTANT(settled_for_ever))
		return;
	if (again)
		sql_node_settled_again(j, &lost);
	else
		sql_node_unsettle(j, &never);
}

void pegin_txs_added(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n)
{
	struct pegin_tx was, is = { true, height, true, *hash };
	char text[DIGITS + 1];

	CHECK(height <= INT64_MAX);
	for (size_t i = 0; i < n; i++) {
		hex_format(text, txids[i].at, sizeof txids[i].at);
		if (!pegin_tx_get(j, l2_text(text), &was) ||
		    (was.in_block && was.height == height && hash_same(&was.block, hash)))
			continue;
		put(j, l2_text(text), &is);
		if (was.in_block)
			continue;
		settled_end(j, l2_text(text), was.seen);
		if (was.seen)
			minted_tell(j, l2_text(text), true, height);
	}
}

struct gone {
	char tx[DIGITS + 1];
	uint64_t height;
};

static void all_gone(struct journal *j, const struct gone *gone, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pegin_tx is = { .seen = true, .height = gone[i].height };

		put(j, l2_text(gone[i].tx), &is);
		minted_tell(j, l2_text(gone[i].tx), false, is.height);
	}
}

void pegin_txs_removed(struct journal *j, uint64_t above)
{
	struct sql_node_pegin_tx_above_in in = { .height = (int64_t)above };
	struct sql_node_pegin_tx_above_out row;
	struct gone *gone = NULL;
	size_t n = 0;

	if (MUTANT(pegin_outlives_block))
		return;
	sql_node_pegin_tx_above_begin(j, &in);
	while (sql_node_pegin_tx_above_next(j, &row)) {
		gone = mem_grow(gone, n + 1, sizeof *gone);
		shown(gone[n].tx, row.tx, row.tx_len);
		gone[n++].height = (uint64_t)row.height;
	}
	all_gone(j, gone, n);
	mem_free(gone);
}

void pegin_txs_replaced(struct journal *j, uint64_t height, const struct hash *hash)
{
	struct sql_node_pegin_tx_at_in in = { .height = (int64_t)height };
	struct sql_node_pegin_tx_at_out row;
	struct gone *gone = NULL;
	size_t n = 0;

	sql_node_pegin_tx_at_begin(j, &in);
	while (sql_node_pegin_tx_at_next(j, &row)) {
		if (!memcmp(row.block_hash, hash->at, sizeof hash->at))
			continue;
		gone = mem_grow(gone, n + 1, sizeof *gone);
		shown(gone[n].tx, row.tx, row.tx_len);
		gone[n++].height = height;
	}
	all_gone(j, gone, n);
	mem_free(gone);
}

bool pegin_txs_wanted(struct journal *j)
{
	struct sql_node_pegin_tx_wanted_out row;
	bool any;

	sql_node_pegin_tx_wanted_begin(j);
	any = sql_node_pegin_tx_wanted_next(j, &row);
	sql_node_pegin_tx_wanted_end(j);
	return any;
}

struct pegin_wanted {
	struct hash *at; /* in order */
	size_t n;
};

static int hash_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hash));
}

struct pegin_wanted *pegin_wanted_new(struct journal *j)
{
	struct pegin_wanted *w = mem_new(sizeof *w);
	struct sql_node_pegin_tx_wanted_out row;

	sql_node_pegin_tx_wanted_begin(j);
	while (sql_node_pegin_tx_wanted_next(j, &row)) {
		if (!(w->n & (w->n - 1)))
			w->at = mem_grow(w->at, w->n ? 2 * w->n : 1, sizeof *w->at);
		if (hex_parse(w->at[w->n].at, sizeof w->at->at, row.tx, row.tx_len))
			w->n++;
	}
	if (w->n)
		qsort(w->at, w->n, sizeof *w->at, hash_order);
	return w;
}

bool pegin_wanted_has(const struct pegin_wanted *w, const struct hash *txid)
{
	return w->n && bsearch(txid, w->at, w->n, sizeof *w->at, hash_order);
}

void pegin_wanted_free(struct pegin_wanted *w)
{
	mem_free(w->at);
	mem_free(w);
}

void pegin_txs_looked(struct journal *j)
{
	sql_node_pegin_tx_looked(j);
}

/* -- whether it may be minted ---------------------------------------------- */

void bitcoin_final(struct journal *j, struct bitcoin_final *ret)
{
	struct sql_node_watch_get_out w;
	struct sql_chain_get_in in;
	struct sql_chain_get_out chain;
	uint64_t top;

	*ret = (struct bitcoin_final){ .followed = false };
	if (!sql_node_watch_get_one(j, &w) || w.no_chain)
		return;
	ret->followed = true;
	in.id = w.chain;
	if (!sql_chain_get_one(j, &in, &chain))
		return;
	ret->stopped = chain.stopped != NULL;
	ret->unshown = chain.unshown;
	ret->shown_ms = chain.no_shown_ms ? 0 : chain.shown_ms;
	ret->has_height = !chain.no_final_height;
	ret->height = chain.no_final_height ? 0 : (uint64_t)chain.final_height;
	ret->behind = !anchors_top(j, &top) || top < ret->height;
}
