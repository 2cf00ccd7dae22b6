/* Peg-ins as blocks have them: what is counted, what a reorg takes back, and when it may
 * be minted. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "drawer.h"
#include "engine/states.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/anchor/missed.h"
#include "kinds/node/anchor/pegin_tx.h"
#include "kinds/node/state/book.h"
#include "lines.h"
#include "outside.h"

#define TXID "bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22"
#define WALL INT64_C(1700000000000)

static struct journal *j;
static struct fail why;

static int fresh(void **state)
{
	(void)state;
	drawer_clean();
	assert_int_equal(journal_create(path, NULL), ERR_OK);
	j = own();
	lines_chain = BOOK_FOLLOWS_NONE;
	return 0;
}

static int over(void **state)
{
	(void)state;
	journal_close(j);
	return 0;
}

/* -- the chain ------------------------------------------------------------- */

static int64_t chain;

/* A quorum of its nodes showed then what is final. */
static void shown_at(int64_t wall_ms)
{
	sql_chain_shown(
	    j, &(struct sql_chain_shown_in){ .id = chain, .shown_ms = wall_ms });
}

static void follow(void)
{
	chain = 1;
	add_chain(j, 7);
	assert_true(anchors_chain(j, chain));
	shown_at(WALL);
}

static struct hash h(uint8_t byte)
{
	struct hash ret;

	memset(ret.at, byte, sizeof ret.at);
	return ret;
}

static void final_is(int64_t height)
{
	sql_chain_final(
	    j, &(struct sql_chain_final_in){ .id = chain, .final_height = height });
}

/* Blocks of a branch, the first with a transaction of that name (0: none). */
static void grow(uint64_t from, uint64_t to, uint8_t branch, uint8_t tx)
{
	for (uint64_t i = from; i <= to; i++) {
		struct hash hash = h(branch), txids[2] = { h(0x77), h(tx) };
		size_t n = tx && i == from ? 2 : 1;

		memcpy(hash.at, &i, sizeof i);
		anchors_added(j, i, &hash, txids, n);
		pegin_txs_added(j, i, &hash, txids, n);
	}
}

static void reorg(uint64_t above)
{
	struct reorg r;

	anchors_removed(j, above, WALL, &r);
	pegin_txs_removed(j, above);
}

/* As the node's turn does. How many moved. */
static size_t counted(void)
{
	struct book *b = book_new(j, WALL, BOOK_FOLLOWS_NONE);
	uint64_t top;
	size_t n;

	assert_true(anchors_top(j, &top));
	n = book_pegins(b, top, 100);
	book_settle(b);
	book_free(b);
	commit(j);
	return n;
}

/* -- the state ------------------------------------------------------------- */

/* Lines as they stand here have ' for ", and NAME for a transaction of that byte. */
static enum err do_line(const char *line)
{
	struct book_done done = { 0 };
	enum err e = lines_do(j, WALL, line, &done, &why);

	commit(j);
	return e;
}

static void is_done(const char *line)
{
	if (do_line(line) != ERR_OK)
		fail_msg("%s: %s", line, why.why);
}

static void is_refused(const char *line, const char *word)
{
	if (do_line(line) == ERR_OK || !strstr(why.why, word))
		fail_msg("%s: not %s: %s", line, word, why.why);
}

static const char *tx_of(uint8_t byte)
{
	static char out[65];

	for (int i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", byte);
	return out;
}

static void pegin(uint8_t tx)
{
	char line[400];

	snprintf(line, sizeof line,
	    "{'do':'pegin','txid':'%s','vout':0,'amount':50000,'source':'s','dest':'a'}",
	    tx_of(tx));
	is_done(line);
}

static struct l2_pegin found;
static char id[65], want[65];

static void take(void *ctx, enum l2_list list, const void *record)
{
	const struct l2_pegin *p = record;

	(void)ctx;
	(void)list;
	if (strncmp(p->btc_tx.at, want, 64) != 0)
		return;
	found = *p;
	snprintf(id, sizeof id, "%.64s", p->id.at);
}

static void is(uint8_t tx, int status, uint64_t confirmations)
{
	snprintf(want, sizeof want, "%s", tx_of(tx));
	book_each(j, L2_PEGINS, take, NULL);
	assert_int_equal(found.status, status);
	assert_int_equal(found.confirmations, confirmations);
}

/* A change of the one that was looked at last. */
static const char *change(const char *what, const char *more)
{
	static char line[300];

	snprintf(line, sizeof line, "{'do':'%s','peg':'%s'%s}", what, id, more);
	return line;
}

static void is_whole(void)
{
	char root[L2_HEX];
	struct fail f = { 0 };

	if (book_check(j, root, &f) != ERR_OK || book_check_changes(j, &f) != ERR_OK ||
	    book_check_told(j, &f) != ERR_OK)
		fail_msg("%s", f.why);
}

/* -- what blocks make of them ---------------------------------------------- */

static void blocks_confirm_it_and_final_ones_let_it_be_minted(void **state)
{
	(void)state;
	follow();
	grow(90, 99, 1, 0);
	final_is(93);
	pegin(0xa1);
	pegin(0xa2);
	assert_int_equal(counted(), 0);
	is(0xa1, PEGIN_INITIATED, 0);
	grow(100, 100, 1, 0xa1);
	assert_int_equal(counted(), 1);
	is(0xa1, PEGIN_PENDING, 1);
	grow(101, 104, 1, 0);
	assert_int_equal(counted(), 1);
	is(0xa1, PEGIN_PENDING, 5);
	is_refused(change("pegin_mint", ""), "is pending");
	grow(105, 105, 1, 0);
	final_is(99);
	assert_int_equal(counted(), 1);
	is(0xa1, PEGIN_CONFIRMED, 6);
	is_refused(change("pegin_mint", ""), "block 100 is not final yet");
	is_refused(change("pegin_mint", ",'by_hand':true"), "block 100 is not final yet");
	is_refused(change("pegin_confirmations", ",'confirmations':9,'by_hand':true"),
	    "seen its transaction in block 100, and counts its confirmations itself: 6");
	final_is(106);
	is_refused(change("pegin_mint", ""), "not read Bitcoin as far as it is final");
	grow(106, 106, 1, 0);
	final_is(100);
	assert_int_equal(counted(), 1);
	is_done(change("pegin_mint", ""));
	is(0xa1, PEGIN_MINTED, 7);
	assert_int_equal(outside_number(path, "SELECT amount FROM node_balance"), 49000);
	grow(107, 110, 1, 0);
	assert_int_equal(counted(), 0); /* what is minted stays as it was then */
	is(0xa2, PEGIN_INITIATED, 0);
	is_whole();
}

static void a_reorg_takes_its_confirmations_back(void **state)
{
	(void)state;
	follow();
	grow(90, 99, 1, 0);
	pegin(0xa1);
	pegin(0xa2);
	grow(100, 100, 1, 0xa1);
	grow(101, 106, 1, 0xa2);
	final_is(99);
	assert_int_equal(counted(), 2);
	is(0xa1, PEGIN_CONFIRMED, 7);
	is(0xa2, PEGIN_CONFIRMED, 6);
	reorg(99); /* of seven, before it was minted */
	final_is(100);
	grow(100, 102, 2, 0xa2);
	assert_int_equal(counted(), 2);
	is(0xa2, PEGIN_PENDING, 3);
	is(0xa1, PEGIN_PENDING, 0);
	is_refused(change("pegin_mint", ",'by_hand':true"), "is pending");
	is_refused(change("pegin_confirmations", ",'confirmations':6,'by_hand':true"),
	    "counts its confirmations itself: 0");
	/* a block has it again */
	grow(103, 103, 2, 0xa1);
	grow(104, 108, 2, 0);
	final_is(103);
	assert_int_equal(counted(), 2);
	is(0xa1, PEGIN_CONFIRMED, 6);
	is_done(change("pegin_mint", ""));
	is_whole();
}

/* How many have nothing behind them, of how much and which; and of those that are
 * settled, what was said of the last one. */
static struct {
	size_t n, settled, before, looked;
	uint64_t amount;
	char id[65], why[65], before_why[65];
} lost;

static void find(void *ctx, const struct uncovered *u)
{
	(void)ctx;
	if (!u->change) {
		lost.n++;
		lost.amount += u->amount;
		snprintf(lost.id, sizeof lost.id, "%.*s", (int)u->id.len, u->id.at);
		lost.before += u->before != 0;
		lost.looked += u->looked != 0;
		snprintf(lost.before_why, sizeof lost.before_why, "%.*s", (int)u->why.len,
		    u->why.at);
		return;
	}
	lost.settled++;
	snprintf(lost.why, sizeof lost.why, "%.*s", (int)u->why.len, u->why.at);
}

static void uncovered_are(size_t n, size_t settled)
{
	memset(&lost, 0, sizeof lost);
	book_uncovered(j, find, NULL);
	assert_int_equal(lost.n, n);
	assert_int_equal(lost.settled, settled);
}

/* The one that is not settled was so before. */
static void was_settled(const char *as, bool looked)
{
	assert_int_equal(lost.before, 1);
	assert_int_equal(lost.looked, looked);
	assert_string_equal(lost.before_why, as);
}

/* Its nodes show that they have lost what was final. */
static void unshown_is(bool is)
{
	sql_chain_unshown(
	    j, &(struct sql_chain_unshown_in){ .id = chain, .unshown = is });
}

/* Minted in block 100, and lost by a reorg: blocks up to 110 have it no more. */
static void mint_and_lose(void)
{
	follow();
	grow(90, 99, 1, 0);
	pegin(0xa1);
	grow(100, 106, 1, 0xa1);
	final_is(100);
	assert_int_equal(counted(), 1);
	is(0xa1, PEGIN_CONFIRMED, 7);
	sql_chain_stop(j, &(struct sql_chain_stop_in){ .id = chain, .stopped = "gone" });
	is_refused(change("pegin_mint", ""), "has vanished: nothing is minted");
	sql_chain_stop(j, &(struct sql_chain_stop_in){ .id = chain, .no_stopped = true });
	is_refused(change("pegin_settle", ",'why':'w'"), "only what was minted");
	unshown_is(true);
	is_refused(change("pegin_mint", ""), "shows block 100, which was final");
	is_refused(change("pegin_mint", ",'by_hand':true"), "nothing is minted until");
	unshown_is(false);
	shown_at(WALL - 600001); /* its nodes are silent, or nobody asks them */
	is_refused(
	    change("pegin_mint", ""), "in the last 10 minutes, and nothing is minted");
	shown_at(WALL + 600001); /* the clock was set back */
	is_refused(change("pegin_mint", ",'by_hand':true"), "in the last 10 minutes");
	shown_at(WALL - 600000);
	is_done(change("pegin_mint", ""));
	uncovered_are(0, 0);
	is_refused(change("pegin_settle", ",'why':'w'"),
	    "block 100 has the transaction of peg-in");
	reorg(99);
	grow(100, 110, 2, 0);
	(void)counted();
	is(0xa1, PEGIN_MINTED, 7); /* nothing is taken from whom it was given to */
	uncovered_are(1, 0);
}

/* Deeper than what is final: whoever follows the chain stops, and when that is accepted
 * blocks go that had what was minted. */
static void what_was_minted_and_lost_its_block_is_said(void **state)
{
	(void)state;
	mint_and_lose();
	assert_int_equal(lost.amount, 50000);
	assert_string_equal(lost.id, id);
	assert_int_equal(outside_number(path,
			     "SELECT COUNT(*) FROM event WHERE to_state = 'uncovered'"),
	    1);
	is_refused(change("pegin_mint", ""), "is minted");
	grow(111, 111, 2, 0xa1);
	(void)counted();
	uncovered_are(0, 0);
	assert_int_equal(
	    outside_number(path, "SELECT COUNT(*) FROM event WHERE to_state = 'covered'"),
	    1);
	is_whole();
}

/* Settled, and in a block again. */
static void again_are(size_t n)
{
	memset(&lost, 0, sizeof lost);
	book_settled_again(j, find, NULL);
	assert_int_equal(lost.settled, n);
}

static void back_to(struct l2_state *before)
{
	struct book_restored r;

	(void)l2_state_sort(before);
	assert_int_equal(book_restore(j, before, WALL, &r, &why), ERR_OK);
	commit(j);
	l2_state_release(before);
}

/* It is no longer said, until a block has had it once more, or the state before is back.
 */
static void what_people_have_settled_is_not_said(void **state)
{
	struct l2_state before;

	(void)state;
	mint_and_lose();
	book_read(j, &before);
	is_done("{'do':'debit','peer':'a','amount':49000}");
	is_refused(change("pegin_settle", ""), "pegin_settle needs why");
	is_done(change("pegin_settle", ",'why':'Ann: debited'"));
	uncovered_are(0, 1);
	assert_string_equal(lost.why, "Ann: debited");
	is_refused(change("pegin_settle", ",'why':'Bob'"), "was settled by change");
	is_whole();
	back_to(&before);
	uncovered_are(1, 0);
	was_settled(
	    "Ann: debited", false); /* the state lacks the debit; a payment stays */
	is_done(change("pegin_settle", ",'why':'Ann: paid'"));
	uncovered_are(0, 1);
	again_are(0);
	grow(111, 111, 2, 0xa1);
	uncovered_are(0, 0);
	/* who was debited lacks it now, until somebody has looked */
	again_are(1);
	assert_string_equal(lost.why, "Ann: paid");
	reorg(110);
	uncovered_are(1, 0);
	was_settled("Ann: paid", false);
	grow(111, 111, 2, 0xa1);
	again_are(1);
	book_read(j, &before);
	is_done("{'do':'credit','peer':'a','amount':1}");
	is_done(change("pegin_settle", ",'why':'Ann: credited'"));
	again_are(0);
	is_refused(change("pegin_settle", ",'why':'w'"), "there is nothing to settle");
	back_to(&before);
	again_are(1);
	is_done(change("pegin_settle", ",'why':'Ann: credited'"));
	again_are(0);
	reorg(110);
	again_are(0);
	uncovered_are(1, 0);
	was_settled("Ann: paid", true);
	is_done(change("pegin_settle", ",'why':'again'"));
	uncovered_are(0, 1);
	is_whole();
}

static void unseen_are(size_t n, size_t settled)
{
	memset(&lost, 0, sizeof lost);
	book_unseen(j, find, NULL);
	assert_int_equal(lost.n, n);
	assert_int_equal(lost.settled, settled);
}

static void by_word_are(size_t n)
{
	memset(&lost, 0, sizeof lost);
	book_by_word(j, find, NULL);
	assert_int_equal(lost.n, n);
}

/* A new journal takes over what another one minted: whether that has a block nobody has
 * looked, until one is read that has it, or people say so. */
static void what_was_minted_elsewhere_is_not_known_to_have_a_block(void **state)
{
	struct l2_state taken;
	struct book_restored r;

	(void)state;
	follow();
	pegin(0xa1);
	is_done(change("pegin_confirmations", ",'confirmations':6,'by_hand':true"));
	is_done(change("pegin_mint", ",'by_hand':true"));
	unseen_are(0, 0); /* this journal has whose word it was */
	by_word_are(1);
	book_read(j, &taken);
	(void)l2_state_sort(&taken);
	journal_close(j);
	drawer_clean();
	assert_int_equal(journal_create(path, NULL), ERR_OK);
	j = own();
	follow();
	assert_int_equal(book_restore(j, &taken, WALL, &r, &why), ERR_OK);
	commit(j);
	l2_state_release(&taken);
	uncovered_are(0, 0);
	by_word_are(0);
	unseen_are(1, 0);
	assert_int_equal(lost.amount, 50000);
	assert_string_equal(lost.id, id);
	is_refused(change("pegin_look", ",'height':90"), "has read no block");
	grow(100, 110, 1, 0);
	is_done(change("pegin_look", ",'height':90"));
	unseen_are(1, 0);
	is_done(change("pegin_settle", ",'why':'Ann: block 12'"));
	unseen_are(0, 1);
	/* a block has it for the first time: what was said of it is void */
	grow(111, 111, 1, 0xa1);
	unseen_are(0, 0);
	uncovered_are(0, 0);
	again_are(0);
	is_refused(change("pegin_look", ",'height':90"), "block 111 has the transaction");
	reorg(110);
	unseen_are(0, 0);
	uncovered_are(1, 0);
	was_settled("Ann: block 12", false);
	is_whole();
}

/* What is in no block that was read is there by a word, which is written down. */
static void what_no_block_has_is_somebodys_word(void **state)
{
	(void)state;
	pegin(0xa1);
	is(0xa1, PEGIN_INITIATED, 0);
	is_done(
	    change("pegin_confirmations", ",'confirmations':6")); /* it follows none */
	follow();
	grow(90, 99, 1, 0);
	final_is(93);
	is_refused(change("pegin_mint", ""), "\"by_hand\":true");
	is_refused(change("pegin_confirmations", ",'confirmations':7"), "by_hand");
	is_done(change("pegin_confirmations", ",'confirmations':7,'by_hand':true"));
	assert_int_equal(counted(), 0);
	is(0xa1, PEGIN_CONFIRMED, 7);
	is_done(change("pegin_mint", ",'by_hand':true"));
	is_refused(change("pegin_settle", ",'why':'w'"), "minted by somebody's word");
	assert_int_equal(outside_number(path,
			     "SELECT COUNT(*) FROM node_change WHERE CAST(line AS TEXT) "
			     "LIKE '%\"by_hand\":true%'"),
	    2);
	is_whole();
}

/* The config names a chain, and nobody has read a block of it yet: as in a new journal,
 * or behind a state from elsewhere. */
static void before_the_first_block_no_word_is_one(void **state)
{
	(void)state;
	pegin(0xa1);
	is(0xa1, PEGIN_INITIATED, 0);
	lines_chain = BOOK_FOLLOWS;
	is_refused(change("pegin_confirmations", ",'confirmations':6"),
	    "of the chain that node.chain names: start pawl serve");
	lines_chain = BOOK_FOLLOWS_NONE;
	is_done(change("pegin_confirmations", ",'confirmations':6"));
	lines_chain = BOOK_FOLLOWS;
	is_refused(change("pegin_mint", ""), "say by \"by_hand\":true");
	is(0xa1, PEGIN_CONFIRMED, 6);
	is_done(change("pegin_mint", ",'by_hand':true"));
	is(0xa1, PEGIN_MINTED, 6);
	pegin(0xa2);
	is(0xa2, PEGIN_INITIATED, 0);
	is_done(change("pegin_confirmations", ",'confirmations':6,'by_hand':true"));
	is_whole();
}

static void what_begins_anew_is_looked_at_anew(void **state)
{
	struct pegin_wanted *w;
	struct hash txid = h(0xa1), other = h(0xa2);

	(void)state;
	follow();
	grow(100, 103, 1, 0xa1); /* before anybody asked for it */
	pegin(0xa1);
	assert_true(pegin_txs_wanted(j));
	w = pegin_wanted_new(j);
	assert_true(pegin_wanted_has(w, &txid));
	assert_false(pegin_wanted_has(w, &other));
	pegin_wanted_free(w);
	pegin_txs_looked(j);
	assert_false(pegin_txs_wanted(j));
	grow(104, 104, 1, 0xa1);
	assert_int_equal(counted(), 1);
	is(0xa1, PEGIN_PENDING, 1);
	is_done(change("pegin_hold", ""));
	grow(105, 109, 1, 0);
	assert_int_equal(counted(), 0);
	is_done(change("pegin_go_on", ""));
	assert_true(pegin_txs_wanted(j));
	assert_int_equal(counted(), 1);
	is(0xa1, PEGIN_CONFIRMED, 6);
	grow(110, 320, 1, 0);
	assert_int_equal(counted(), 1);
	is(0xa1, PEGIN_CONFIRMED, PEGIN_COUNTED);
	grow(321, 330, 1, 0);
	assert_int_equal(counted(), 0);
	is_whole();
}

/* -- blocks that nobody had read ------------------------------------------- */

static struct hash block(uint64_t height, uint8_t branch)
{
	struct hash hash = h(branch);

	memcpy(hash.at, &height, sizeof height);
	return hash;
}

/* The next one is read, as the chain has it, with a transaction at a height. */
static uint64_t again(uint8_t branch, uint64_t fork, uint64_t at, uint8_t tx)
{
	struct hash parent, txids[2] = { h(0x77), h(tx) };
	struct missed_run run;
	uint64_t height;

	if (!missed_next(j, &run))
		return 0;
	height = run.top;
	parent = block(height - 1, height - 1 > fork ? branch : 1);
	assert_memory_equal(
	    run.hash.at, block(height, height > fork ? branch : 1).at, 32);
	missed_read(j, &run, &parent, txids, height == at ? 2 : 1, WALL);
	return height;
}

/* The chain went on while nobody wanted its blocks, from 109 to 120. */
static void leave_out(uint8_t branch)
{
	struct hash last = block(119, branch);

	missed_add(j, 110, 119, &last);
	grow(120, 125, branch, 0);
	final_is(119);
	(void)counted();
}

static void what_was_missed_is_read_again(void **state)
{
	(void)state;
	follow();
	grow(90, 100, 1, 0);
	pegin(0xa1);
	pegin(0xa2);
	grow(101, 101, 1, 0xa2);
	grow(102, 109, 1, 0);
	assert_int_equal(counted(), 1);
	leave_out(1);
	is(0xa2, PEGIN_CONFIRMED, 25);
	assert_int_equal(outside_number(path, "SELECT COUNT(*) FROM node_block"), 26);
	is_refused(change("pegin_mint", ""), "not read Bitcoin as far");
	for (uint64_t i = 119; i >= 110; i--)
		assert_int_equal(again(1, 0, 112, 0xa1), i);
	assert_int_equal(again(1, 0, 0, 0), 0);
	assert_int_equal(outside_number(path, "SELECT COUNT(*) FROM node_block"), 26);
	assert_int_equal(counted(), 1);
	is(0xa1, PEGIN_CONFIRMED, 14);
	is_done(change("pegin_mint", ""));
	is(0xa2, PEGIN_CONFIRMED, 25);
	is_done(change("pegin_mint", ""));
	assert_int_equal(outside_number(path, "SELECT COUNT(*) FROM node_reorg"), 0);
	is_whole();
}

/* Three blocks that were read gave way meanwhile. */
static void what_was_missed_may_stand_on_others(void **state)
{
	struct anchor a = { .made_ms = WALL, .hash = h(1), .root = h(2) };
	struct hash txid = h(0xa2), hash;
	int64_t anchor;

	(void)state;
	follow();
	anchor = anchor_add(j, &a, "payload", 7);
	assert_true(anchor_read(j, anchor, &a));
	anchor_broadcast(j, &a, &txid, WALL);
	grow(90, 100, 1, 0);
	pegin(0xa1);
	pegin(0xa2);
	grow(101, 106, 1, 0xa1);
	grow(107, 109, 1, 0xa2);
	assert_int_equal(counted(), 2);
	leave_out(2);
	for (uint64_t i = 119; i >= 107; i--)
		assert_int_equal(again(2, 106, 0, 0), i);
	assert_int_equal(again(2, 106, 0, 0), 0);
	assert_int_equal(counted(), 1);
	is(0xa1, PEGIN_CONFIRMED, 25);
	is(0xa2, PEGIN_PENDING, 0);
	assert_true(anchor_read(j, anchor, &a));
	assert_int_equal(a.status, ANCHOR_INVALIDATED_REORG);
	assert_int_equal(outside_number(path, "SELECT COUNT(*) FROM node_reorg"), 1);
	assert_int_equal(outside_number(path, "SELECT height FROM node_reorg"), 107);
	assert_true(anchors_at(j, 108, &hash));
	assert_memory_equal(hash.at, block(108, 2).at, 32);
	is_whole();
}

static void a_pegin_of_before_names_its_block(void **state)
{
	char line[400];

	(void)state;
	snprintf(line, sizeof line,
	    "{'do':'pegin','txid':'%s','vout':0,'amount':50000,'source':'s','dest':'a',"
	    "'height':95}",
	    tx_of(0xa1));
	is_refused(line, "read no block of Bitcoin yet");
	follow();
	grow(100, 120, 1, 0);
	final_is(114);
	is_done(line);
	for (uint64_t i = 100; i >= 95; i--)
		assert_int_equal(again(1, 0, 95, 0xa1), i);
	assert_int_equal(again(1, 0, 0, 0), 0);
	assert_int_equal(counted(), 1);
	is(0xa1, PEGIN_CONFIRMED, 26);
	is_done(change("pegin_mint", ""));
	grow(20000, 20001, 1, 0);
	snprintf(line, sizeof line,
	    "{'do':'pegin','txid':'%s','vout':0,'amount':50000,'source':'s','dest':'a',"
	    "'height':95}",
	    tx_of(0xa2));
	is_refused(line, "more than 10000 blocks below 20000");
	is_whole();
}

/* An anchor that somebody sent, and then once more. */
static void an_anchor_is_in_the_block_of_its_transaction(void **state)
{
	struct anchor a = { .made_ms = WALL, .hash = h(1), .root = h(2) };
	char line[400];
	int64_t anchor;

	(void)state;
	follow();
	anchor = anchor_add(j, &a, "payload", 7);
	grow(100, 105, 1, 0);
	assert_false(anchors_wait(j));
	snprintf(line, sizeof line,
	    "{'do':'anchor_sent','anchor':'%s','txid':'" TXID "'}", tx_of(0xee));
	is_refused(line, "there is no anchor");
	for (uint8_t tx = 0xa1; tx <= 0xa2; tx++) {
		int n = snprintf(
		    line, sizeof line, "{'do':'anchor_sent','anchor':'%s',", tx_of(1));

		snprintf(line + n, sizeof line - (size_t)n, "'txid':'%s'}", tx_of(tx));
		is_done(line);
		assert_true(anchors_wait(j));
	}
	grow(106, 106, 1, 0xa1); /* the former does not count any more */
	assert_true(anchors_wait(j));
	grow(107, 112, 1, 0xa2);
	assert_false(anchors_wait(j));
	assert_true(anchor_read(j, anchor, &a));
	assert_int_equal(a.status, ANCHOR_CONFIRMED);
	assert_int_equal(a.retries, 1);
	snprintf(line, sizeof line,
	    "{'do':'anchor_sent','anchor':'%s','txid':'" TXID "'}", tx_of(1));
	is_refused(line, "block 107 has the transaction of anchor");
	is_whole();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, over)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(blocks_confirm_it_and_final_ones_let_it_be_minted),
		CASE(a_reorg_takes_its_confirmations_back),
		CASE(what_was_minted_and_lost_its_block_is_said),
		CASE(what_was_minted_elsewhere_is_not_known_to_have_a_block),
		CASE(what_people_have_settled_is_not_said),
		CASE(what_no_block_has_is_somebodys_word),
		CASE(before_the_first_block_no_word_is_one),
		CASE(what_begins_anew_is_looked_at_anew),
		CASE(what_was_missed_is_read_again),
		CASE(what_was_missed_may_stand_on_others),
		CASE(a_pegin_of_before_names_its_block),
		CASE(an_anchor_is_in_the_block_of_its_transaction),
	};

	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
