/* bridge.c - pegs: what comes from Bitcoin, and what goes there. No peg ever leaves its
 * table: it says that its output was minted, or its burning released, for good. */
#include "kinds/node/state/book_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "engine/states.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/anchor/missed.h"
#include "kinds/node/anchor/pegin_tx.h"

/* Of its id, as text. */
#define ID_TEXT_MAX (CHANGE_PEER_MAX + 80)

static void hash_of(char out[L2_HEX], const void *text, size_t len)
{
	uint8_t hash[32];

	sha256(hash, text, len);
	hex_format(out, hash, sizeof hash);
}

static uint64_t now_s(const struct book *b)
{
	return (uint64_t)b->at_ms / 1000;
}

/* What is not along an edge is refused. */
static enum err edge(enum machine m, struct l2_bytes id, int from, int to, struct fail *f)
{
	const char *what = m == MACHINE_PEGIN ? "peg-in" : "peg-out";
	char shown[CHANGE_SHOWN_MAX];

	if (state_edge(m, from, to))
		return ERR_OK;
	return fail_set(f, ERR_INPUT, "%s %s is %s: it can't become %s", what,
	    change_shown(shown, id), state_name(m, from), state_name(m, to));
}

/* -- into this layer ------------------------------------------------------- */

static enum err pegin_amount(uint64_t amount, struct fail *f)
{
	if (amount >= PEGIN_LEAST && amount <= PEGIN_MOST)
		return ERR_OK;
	return fail_set(f, ERR_INPUT,
	    "amount: a peg-in is of %d to %" PRIu64 " satoshi, not %" PRIu64, PEGIN_LEAST,
	    PEGIN_MOST, amount);
}

/* A state from elsewhere may have the output under another id. */
static enum err pegin_other(
    struct book *b, const struct change *c, struct l2_bytes id, struct fail *f)
{
	struct sql_node_pegin_of_in in = {
		.btc_tx = c->txid.at, .btc_tx_len = c->txid.len, .vout = (int64_t)c->vout
	};
	struct sql_node_pegin_of_out found;
	char shown[CHANGE_SHOWN_MAX];

	if (!sql_node_pegin_of_one(b->journal, &in, &found) ||
	    l2_same(id, (struct l2_bytes){ found.id, found.id_len }))
		return ERR_OK;
	return fail_set(f, ERR_INPUT, "this output is peg-in %s already",
	    change_shown(shown, (struct l2_bytes){ found.id, found.id_len }));
}

static enum err pegin_make(struct book *b, const struct change *c, struct fail *f)
{
	char text[ID_TEXT_MAX], id[L2_HEX];
	int len = snprintf(text, sizeof text, "%.64s%" PRIu64, c->txid.at, c->vout);
	struct l2_pegin was,
	    is = { .btc_tx = c->txid,
		    .vout = (uint32_t)c->vout,
		    .amount = c->amount,
		    .source = c->source,
		    .dest = c->dest,
		    .status = PEGIN_INITIATED,
		    .initiated_s = now_s(b) };
	bool there;
	enum err e = pegin_amount(c->amount, f);

	if (e != ERR_OK)
		return e;
	hash_of(id, text, (size_t)len);
	is.id = l2_text(id);
	there = pegin_get(b, is.id, &was);
	e = there ? edge(MACHINE_PEGIN, is.id, was.status, PEGIN_INITIATED, f)
		  : pegin_other(b, c, is.id, f);
	if (e == ERR_OK && c->height)
		e = missed_want(b->journal, c->height, f);
	if (e == ERR_OK)
		row_put(b, L2_PEGINS, there ? &was : NULL, &is);
	return e;
}

static enum err pegin_mint(
    struct book *b, const struct l2_pegin *was, const struct change *c, struct fail *f)
{
	enum err e;

	if (was->confirmations < PEGIN_DEEP)
		return fail_set(f, ERR_INPUT,
		    "it has %" PRIu64 " confirmations, and needs %d", was->confirmations,
		    PEGIN_DEEP);
	e = pegin_amount(was->amount, f);
	if (e == ERR_OK)
		e = pegin_is_final(b, was, c, f);
	return e == ERR_OK ? ledger_mint(b, was->dest, was->amount - PEG_FEE, f) : e;
}

static int pegin_next(const struct change *c)
{
	switch ((int)c->kind) {
	case CHANGE_PEGIN_MINT:
		return PEGIN_MINTED;
	case CHANGE_PEGIN_HOLD:
		return PEGIN_EMERGENCY;
	case CHANGE_PEGIN_GO_ON:
		return PEGIN_INITIATED;
	case CHANGE_PEGIN_FAIL:
		return PEGIN_FAILED;
	default:
		return c->confirmations >= PEGIN_DEEP || MUTANT(pegin_confirmed_early)
		    ? PEGIN_CONFIRMED
		    : PEGIN_PENDING;
	}
}

/* Whatever fails can be begun anew, but by another line: it says what it is. */
static enum err pegin_edge(
    const struct change *c, const struct l2_pegin *was, int next, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];

	if (c->kind == CHANGE_PEGIN_GO_ON && was->status != PEGIN_EMERGENCY)
		return fail_set(f, ERR_INPUT, "peg-in %s is %s: it is not held",
		    change_shown(shown, was->id), state_name(MACHINE_PEGIN, was->status));
	if (c->kind == CHANGE_PEGIN_CONFIRMATIONS && was->status == next)
		return ERR_OK;
	if (c->kind == CHANGE_PEGIN_MINT && MUTANT(minted_twice))
		return ERR_OK;
	return edge(MACHINE_PEGIN, was->id, was->status, next, f);
}

static enum err pegin_move(struct book *b, const struct change *c, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];
	struct l2_pegin was, is;
	int next = pegin_next(c);
	enum err e;

	if (!pegin_get(b, c->peg, &was))
		return fail_set(
		    f, ERR_INPUT, "there is no peg-in %s", change_shown(shown, c->peg));
	e = pegin_edge(c, &was, next, f);
	if (e == ERR_OK && c->kind == CHANGE_PEGIN_CONFIRMATIONS)
		e = pegin_word(b, &was, c, f);
	is = was;
	is.status = next;
	if (c->kind == CHANGE_PEGIN_CONFIRMATIONS)
		is.confirmations = c->confirmations;
	if (next == PEGIN_MINTED)
		is.completed_s = now_s(b);
	if (e == ERR_OK && next == PEGIN_MINTED)
		e = pegin_mint(b, &was, c, f);
	if (e == ERR_OK)
		row_put(b, L2_PEGINS, &was, &is);
	return e;
}

/* -- out of it ------------------------------------------------------------- */

/* Two equal ones in a second get two ids: who has the same one already is passed. */
static void pegout_id(struct book *b, const struct change *c, char out[L2_HEX])
{
	char text[ID_TEXT_MAX];
	struct l2_pegout other;
	int len, more = 1;

	memcpy(text, c->source.at, c->source.len);
	len = (int)c->source.len +
	    snprintf(text + c->source.len, sizeof text - c->source.len,
		"%" PRIu64 "%" PRIu64, c->amount, now_s(b));
	hash_of(out, text, (size_t)len);
	while (pegout_get(b, l2_text(out), &other) && !MUTANT(pegouts_collide)) {
		int behind =
		    snprintf(text + len, sizeof text - (size_t)len, "/%d", ++more);

		hash_of(out, text, (size_t)(len + behind));
	}
}

static enum err pegout_make(struct book *b, const struct change *c, struct fail *f)
{
	char id[L2_HEX];
	struct l2_pegout is = { .source = c->source,
		.dest = c->dest,
		.burn = c->amount,
		.release = c->amount - PEG_FEE,
		.status = PEGOUT_BURNED,
		.anchor = c->anchor,
		.initiated_s = now_s(b) };
	enum err e;

	if (c->amount <= PEG_FEE)
		return fail_set(f, ERR_INPUT,
		    "amount: a peg-out is of more than its fee, which is %d satoshi",
		    PEG_FEE);
	pegout_id(b, c, id);
	is.id = l2_text(id);
	e = ledger_burn(b, c->source, c->amount, f);
	if (e == ERR_OK)
		row_put(b, L2_PEGOUTS, NULL, &is);
	return e;
}

static bool anchor_in_journal(struct book *b, struct l2_bytes hash, struct anchor *ret)
{
	struct hash h;

	return hex_parse(h.at, sizeof h.at, hash.at, hash.len) &&
	    anchor_find(b->journal, &h, ret);
}

/* Of one that the journal has not: has the log or the reorg database it? fails: what the
 * door asks again for. */
static enum err anchor_elsewhere(
    struct book *b, struct l2_bytes hash, bool *ret, struct fail *f)
{
	const struct change c = { .kind = CHANGE_PEGOUT_ANCHOR, .anchor = hash };
	struct fail none;
	struct hash h;
	enum err e = ERR_INPUT;

	if (b->rooted && hex_parse(h.at, sizeof h.at, hash.at, hash.len))
		e = b->rooted(b->rooted_ctx, &c, &none);
	*ret = e == ERR_OK;
	return e == ERR_INPUT || e == ERR_OK ? ERR_OK : fail_set(f, e, "%s", none.why);
}

/* What is completed is in each snapshot for good. */
static enum err anchor_by_word(
    struct book *b, const struct l2_pegout *was, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];
	bool there;
	enum err e = anchor_elsewhere(b, was->anchor, &there, f);

	if (e != ERR_OK || there || MUTANT(completed_on_no_anchor))
		return e;
	return fail_set(f, ERR_INPUT,
	    "its anchor %s is one that neither the journal nor the log of snapshots nor "
	    "the reorg database has: completed on it, no snapshot would be valid. First "
	    "pegout_anchor puts it on one that is known: pawl node anchors",
	    change_shown(shown, was->anchor));
}

/* Of an anchor that this journal follows it is known how it stands, and no word changes
 * that; of others it is the word of who completes, who has to give it. */
static enum err anchor_rule(
    struct book *b, const struct l2_pegout *was, const struct change *c, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];
	struct bitcoin_final final;
	struct anchor anchor;
	enum err e;

	if (!was->anchor.len)
		return fail_set(
		    f, ERR_INPUT, "it stands on no anchor: pegout_anchor comes first");
	if (!anchor_in_journal(b, was->anchor, &anchor)) {
		e = MUTANT(pegout_on_unknown_anchor) ? ERR_OK : anchor_by_word(b, was, f);
		if (e != ERR_OK || c->by_hand || MUTANT(pegout_on_unknown_anchor))
			return e;
		return fail_set(f, ERR_INPUT,
		    "its anchor %s is none of this journal's: say by \"by_hand\":true "
		    "that it is confirmed by your word, or leave it",
		    change_shown(shown, was->anchor));
	}
	bitcoin_final(b->journal, &final);
	e = final_shown(b, &final, "released", f);
	if (e != ERR_OK && !MUTANT(released_while_stopped))
		return e;
	if (anchor.status == ANCHOR_CONFIRMED || MUTANT(pegout_on_any_anchor))
		return ERR_OK;
	return fail_set(f, ERR_INPUT,
	    "its anchor %s is %s, and not confirmed; see: pawl node anchors%s",
	    change_shown(shown, was->anchor), state_name(MACHINE_ANCHOR, anchor.status),
	    anchor_is_lost(&anchor) ? ". It counts again when a block has its "
				      "transaction again; else pegout_anchor comes "
				      "first, which puts the peg-out on another one"
				    : "");
}

static enum err pegout_rule(
    struct book *b, const struct l2_pegout *was, const struct change *c, struct fail *f)
{
	if (c->kind == CHANGE_PEGOUT_FAIL)
		return ledger_mint(b, was->source, was->burn, f);
	if (c->kind == CHANGE_PEGOUT_PENDING && c->confirmations < PEGOUT_DEEP)
		return fail_set(f, ERR_INPUT,
		    "it has %" PRIu64 " confirmations, and needs %d", c->confirmations,
		    PEGOUT_DEEP);
	return c->kind == CHANGE_PEGOUT_COMPLETE ? anchor_rule(b, was, c, f) : ERR_OK;
}

/* By somebody's word: is the anchor that it was released on known no more, or in no
 * block? */
static enum err anchor_is_gone(
    struct book *b, const struct l2_pegout *was, bool *ret, struct fail *f)
{
	struct anchor anchor;
	bool there = true;
	enum err e = ERR_OK;

	if (anchor_in_journal(b, was->anchor, &anchor)) {
		*ret = anchor_is_lost(&anchor);
		return ERR_OK;
	}
	e = anchor_elsewhere(b, was->anchor, &there, f);
	*ret = !there;
	return e;
}

/* What was released did so on its anchor; each other one is shown with every snapshot,
 * and no snapshot is valid while its anchor is none. So what was released on one that is
 * known no more, or never was, or that no block has, gets one of the journal by
 * somebody's word. */
static enum err anchor_edge(
    struct book *b, const struct l2_pegout *was, const struct change *c, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];
	struct anchor anchor;
	bool gone = false;
	enum err e = ERR_OK;

	if (was->status != PEGOUT_COMPLETED)
		return ERR_OK;
	if (c->by_hand)
		e = anchor_is_gone(b, was, &gone, f);
	if (e != ERR_OK)
		return e;
	if (!gone)
		return fail_set(f, ERR_INPUT,
		    "peg-out %s is completed: its anchor is for good%s",
		    change_shown(shown, was->id),
		    c->by_hand ? ""
			       : "; where no block has it, or neither journal, log of "
				 "snapshots nor reorg database, \"by_hand\":true puts "
				 "it on another");
	if (!anchor_in_journal(b, c->anchor, &anchor) || anchor_is_lost(&anchor))
		return fail_set(f, ERR_INPUT,
		    "anchor: the journal has no %s that a block has or may get, and a "
		    "completed peg-out is put on such a one: pawl node anchors",
		    change_shown(shown, c->anchor));
	return ERR_OK;
}

static int pegout_next(const struct change *c)
{
	switch ((int)c->kind) {
	case CHANGE_PEGOUT_PENDING:
		return PEGOUT_PENDING;
	case CHANGE_PEGOUT_COMPLETE:
		return PEGOUT_COMPLETED;
	case CHANGE_PEGOUT_HOLD:
		return PEGOUT_EMERGENCY;
	case CHANGE_PEGOUT_GO_ON:
		return PEGOUT_BURNED;
	default:
		return PEGOUT_FAILED;
	}
}

static enum err pegout_move(struct book *b, const struct change *c, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];
	struct l2_pegout was, is;
	enum err e;

	if (!pegout_get(b, c->peg, &was))
		return fail_set(
		    f, ERR_INPUT, "there is no peg-out %s", change_shown(shown, c->peg));
	is = was;
	if (c->kind == CHANGE_PEGOUT_ANCHOR) {
		e = anchor_edge(b, &was, c, f);
		is.anchor = c->anchor;
	} else {
		is.status = pegout_next(c);
		e = edge(MACHINE_PEGOUT, was.id, was.status, is.status, f);
	}
	if (is.status == PEGOUT_COMPLETED)
		is.completed_s = now_s(b);
	if (e == ERR_OK)
		e = pegout_rule(b, &was, c, f);
	if (e == ERR_OK)
		row_put(b, L2_PEGOUTS, &was, &is);
	return e;
}

enum err bridge_do(struct book *b, const struct change *c, struct fail *f)
{
	if (c->kind == CHANGE_PEGIN)
		return pegin_make(b, c, f);
	if (c->kind == CHANGE_PEGOUT)
		return pegout_make(b, c, f);
	if (c->kind == CHANGE_PEGIN_SETTLE)
		return pegin_settle(b, c, f);
	if (c->kind == CHANGE_PEGIN_LOOK)
		return pegin_look(b, c, f);
	return c->kind < CHANGE_PEGOUT ? pegin_move(b, c, f) : pegout_move(b, c, f);
}
