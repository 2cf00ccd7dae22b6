/* pegins.c - how deep the transactions of peg-ins are: by blocks where these say it, and
 * else by the word of who says so. */
#include "kinds/node/state/book_in.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/states.h"
#include "kinds/node/anchor/missed.h"
#include "kinds/node/anchor/pegin_tx.h"

/* As long as this, what a quorum showed last is believed: Bitcoin makes a block in that
 * time, and a running follower says it each minute. */
#define BELIEVED_MS 600000

/* -- by blocks ------------------------------------------------------------- */

struct due {
	char *id; /* as bytes, with a zero behind them */
	size_t len;
	uint64_t deep;
	bool in_block;
	uint8_t block[32];
};

static size_t due_read(struct journal *j, uint64_t top, struct due *ret, size_t n)
{
	struct sql_node_pegins_due_in in = { .top = (int64_t)top,
		.enough = PEGIN_DEEP,
		.most = PEGIN_COUNTED,
		.n = (int64_t)n };
	struct sql_node_pegins_due_out row;
	size_t i = 0;

	sql_node_pegins_due_begin(j, &in);
	while (i < n && sql_node_pegins_due_next(j, &row)) {
		ret[i] = (struct due){ .id = mem_new(row.id_len + 1),
			.len = row.id_len,
			.deep = (uint64_t)row.deep,
			.in_block = !row.no_block_hash };
		memcpy(ret[i].id, row.id, row.id_len);
		memcpy(ret[i++].block, row.block_hash, sizeof ret->block);
	}
	sql_node_pegins_due_end(j);
	return i;
}

static void due_log(struct book *b, const struct due *d)
{
	struct buf line;

	buf_init(&line, CHANGE_LINE_MAX);
	buf_add_str(&line, "{\"do\":\"pegin_blocks\",");
	change_text_format(&line, "peg", (struct l2_bytes){ d->id, d->len });
	buf_addf(&line, ",\"confirmations\":\"%" PRIu64 "\"", d->deep);
	if (d->in_block) {
		buf_add_str(&line, ",\"block\":\"");
		buf_add_hex(&line, d->block, sizeof d->block);
		buf_add_byte(&line, '"');
	}
	buf_add_byte(&line, '}');
	CHECK(buf_ok(&line));
	b->at_ms = b->wall_ms;
	log_add(b, buf_text(&line), line.len, (struct l2_bytes){ NULL, 0 });
	buf_release(&line);
}

static void due_do(struct book *b, const struct due *d)
{
	struct l2_pegin was, is;

	if (!pegin_get(b, (struct l2_bytes){ d->id, d->len }, &was))
		return;
	is = was;
	is.confirmations = d->deep;
	if (d->deep >= PEGIN_DEEP)
		is.status = PEGIN_CONFIRMED;
	else if (d->deep || was.status != PEGIN_INITIATED)
		is.status = PEGIN_PENDING;
	if (is.status != was.status)
		state_check(b->journal, MACHINE_PEGIN, was.status, is.status, 0, 0);
	row_put(b, L2_PEGINS, &was, &is);
	due_log(b, d);
}

size_t book_pegins(struct book *b, uint64_t top, size_t most)
{
	struct due *due = mem_array(most, sizeof *due);
	size_t n = due_read(b->journal, top, due, most);

	for (size_t i = 0; i < n; i++) {
		due_do(b, &due[i]);
		mem_free(due[i].id);
	}
	mem_free(due);
	return n;
}

/* -- by somebody's word ---------------------------------------------------- */

/* A chain that the config names counts before the first block of it was read. */
static bool followed(const struct book *b, const struct bitcoin_final *final)
{
	return final->followed ||
	    (b->chain == BOOK_FOLLOWS && !MUTANT(unread_chain_is_none));
}

static enum err unseen(
    const struct change *c, const struct bitcoin_final *final, struct fail *f)
{
	if (c->by_hand || MUTANT(word_is_a_block))
		return ERR_OK;
	if (!final->followed)
		return fail_set(f, ERR_INPUT,
		    "no block has its transaction, as this journal has read none yet of "
		    "the chain that node.chain names: start pawl serve and give it time, "
		    "say by \"by_hand\":true that it is there by your word, or leave it");
	return fail_set(f, ERR_INPUT,
	    "no block that this node has read has its transaction: give it time, say by "
	    "\"by_hand\":true that it is there by your word, or leave it");
}

enum err pegin_word(
    struct book *b, const struct l2_pegin *was, const struct change *c, struct fail *f)
{
	struct pegin_tx tx = { .seen = false };
	struct bitcoin_final final;

	(void)pegin_tx_get(b->journal, was->btc_tx, &tx);
	if (tx.seen)
		return fail_set(f, ERR_INPUT,
		    "this node has seen its transaction in block %" PRIu64
		    ", and counts its confirmations itself: %" PRIu64 " now",
		    tx.height, was->confirmations);
	bitcoin_final(b->journal, &final);
	return followed(b, &final) ? unseen(c, &final, f) : ERR_OK;
}

/* A clock that was set back tells nothing, either. */
static bool is_heard(const struct bitcoin_final *final, int64_t wall_ms)
{
	int64_t ago = wall_ms - final->shown_ms;

	return final->shown_ms && ago <= BELIEVED_MS && ago >= -BELIEVED_MS;
}

enum err final_shown(const struct book *b, const struct bitcoin_final *final,
    const char *done, struct fail *f)
{
	if (!final->followed)
		return ERR_OK;
	if (final->stopped)
		return fail_set(f, ERR_INPUT,
		    "a final block of Bitcoin has vanished: nothing is %s until that is "
		    "accepted; see: pawl status",
		    done);
	if (final->unshown && !MUTANT(final_is_for_ever))
		return fail_set(f, ERR_INPUT,
		    "no quorum of Bitcoin's nodes shows block %" PRIu64
		    ", which was final: they catch up, or have lost it, and nothing is "
		    "%s until they show it; see: pawl status",
		    final->height, done);
	if (is_heard(final, b->wall_ms) || MUTANT(last_word_is_for_ever))
		return ERR_OK;
	return fail_set(f, ERR_INPUT,
	    "no quorum of Bitcoin's nodes has shown what is final in the last %d "
	    "minutes, and nothing is %s until one does: pawl serve asks them, see: pawl "
	    "status",
	    BELIEVED_MS / 60000, done);
}

/* What is minted is never taken back: so its block has to be one that stays. */
enum err pegin_is_final(
    struct book *b, const struct l2_pegin *was, const struct change *c, struct fail *f)
{
	struct pegin_tx tx = { .seen = false };
	struct bitcoin_final final;
	enum err e;

	(void)pegin_tx_get(b->journal, was->btc_tx, &tx);
	bitcoin_final(b->journal, &final);
	if (!followed(b, &final) || MUTANT(minted_before_final))
		return ERR_OK;
	if (!tx.seen && !final.stopped)
		return unseen(c, &final, f);
	e = final_shown(b, &final, "minted", f);
	if (e != ERR_OK)
		return e;
	if (final.behind || missed_above(b->journal, tx.height))
		return fail_set(f, ERR_INPUT,
		    "this node has not read Bitcoin as far as it is final, block %" PRIu64
		    ": with node.chain in its config, pawl serve does",
		    final.height);
	if (tx.in_block && final.has_height && tx.height <= final.height)
		return ERR_OK;
	if (!tx.in_block)
		return fail_set(f, ERR_INPUT, "no block has its transaction any more");
	return fail_set(f, ERR_INPUT,
	    "its block %" PRIu64 " is not final yet: that are blocks up to %" PRIu64,
	    tx.height, final.height);
}
