/* The state of a layer 2: each rule of its changes, what they sum up to, and what came
 * from elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/mem.h"
#include "drawer.h"
#include "engine/states.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/snapshot/v1.h"
#include "kinds/node/state/book.h"
#include "leaks.h"
#include "lines.h"
#include "outside.h"

#define TXID "aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11"
#define OTHER "bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22"
/* SHA-256 of that text and "1": as the files of this layer name such a peg. */
#define PEG "099989e5cd710e647f313fb2b909f118bc04bd9d23e2d7d226625ebfa4f7c6bc"

static struct journal *j;
static struct fail why;
static struct book_done done;
static int64_t wall_ms;
static int turns, commits_each = 1; /* so many turns share a commit */

static int fresh(void **state)
{
	(void)state;
	drawer_clean();
	assert_int_equal(journal_create(path, NULL), ERR_OK);
	j = own();
	done = (struct book_done){ 0 };
	wall_ms = 1700000000123;
	return 0;
}

static int over(void **state)
{
	(void)state;
	journal_close(j);
	return 0;
}

static enum err do_lines(const char *lines)
{
	enum err e = lines_do(j, wall_ms, lines, &done, &why);

	if (++turns % commits_each == 0)
		commit(j);
	return e;
}

static const char *root(void)
{
	static char out[2][L2_HEX];
	static int i;
	struct fail f = { 0 };

	i = !i;
	if (book_check(j, out[i], &f) != ERR_OK)
		fail_msg("%s", f.why);
	return out[i];
}

static void is_done(const char *lines)
{
	if (do_lines(lines) != ERR_OK)
		fail_msg("%s: %s", lines, why.why);
}

/* Nothing of it stays. */
static void is_refused(const char *lines, const char *word)
{
	char before[L2_HEX];
	enum err e;

	memcpy(before, root(), sizeof before);
	e = do_lines(lines);
	if (e == ERR_OK || !strstr(why.why, word))
		fail_msg("%s: %d, and not %s: %s", lines, e, word, why.why);
	assert_string_equal(root(), before);
}

static uint64_t sum_of(enum l2_list list)
{
	struct book_sums s;
	uint64_t n;

	book_sums(j, &s);
	assert_true(amount_to_u64(list == L2_BALANCES ? &s.balances : &s.escrows, &n));
	return n;
}

struct search {
	const char *id;
	bool there;
	union l2_record record;
	char anchor[L2_HEX];
};

static void look(void *ctx, enum l2_list list, const void *record)
{
	struct search *s = ctx;
	const struct l2_bytes id = l2_field_text(record, &l2_kinds[list].fields[0]);

	if (!l2_same(id, l2_text(s->id)))
		return;
	s->there = true;
	memcpy(&s->record, record, l2_kinds[list].size);
}

static bool find(enum l2_list list, const char *id, union l2_record *ret)
{
	struct search s = { .id = id };

	book_each(j, list, look, &s);
	*ret = s.record;
	return s.there;
}

static uint64_t has(const char *peer)
{
	union l2_record r;

	return find(L2_BALANCES, peer, &r) ? r.balance.amount : 0;
}

static int pegin_is(const char *id)
{
	union l2_record r;

	assert_true(find(L2_PEGINS, id, &r));
	return r.pegin.status;
}

/* The only one. */
static void first_id(void *ctx, enum l2_list list, const void *record)
{
	struct l2_bytes id = l2_field_text(record, &l2_kinds[list].fields[0]);

	snprintf(ctx, L2_HEX, "%.*s", (int)id.len, id.at);
}

static const char *with_peg(enum l2_list list, const char *format)
{
	static char line[1000];
	char id[L2_HEX] = "";
	const char *at;

	book_each(j, list, first_id, id);
	assert_int_equal(strlen(id), 64);
	at = strstr(format, "%s");
	assert_non_null(at);
	snprintf(line, sizeof line, "%.*s%s%s", (int)(at - format), format, id, at + 2);
	return line;
}

/* -- the ledger ------------------------------------------------------------ */

static void balances_follow_their_rules(void **state)
{
	(void)state;
	is_done("{'do':'credit','peer':'a','amount':'100'}\n"
		"{'do':'transfer','from':'a','to':'b','amount':30}\n\n"
		"{'do':'debit','peer':'b','amount':'10'}");
	assert_int_equal(has("a"), 70);
	assert_int_equal(has("b"), 20);
	is_refused("{'do':'debit','peer':'b','amount':'21'}",
	    "line 1: peer b has 20, and 21 are asked");
	is_refused("{'do':'transfer','from':'c','to':'b','amount':'1'}", "peer c has 0");
	is_refused("{'do':'transfer','from':'a','to':'a','amount':'1'}", "it comes from");
	is_done("{'do':'debit','peer':'b','amount':'20'}");
	assert_int_equal(outside_number(path, "SELECT count(*) FROM node_balance"), 1);
}

static void no_balance_overflows(void **state)
{
	(void)state;
	is_done("{'do':'credit','peer':'a','amount':'18446744073709551615'}\n"
		"{'do':'credit','peer':'b','amount':'18446744073709551615'}");
	assert_true(has("a") == UINT64_MAX);
	is_refused("{'do':'credit','peer':'a','amount':'1'}", "64 bits");
	is_refused("{'do':'transfer','from':'a','to':'b','amount':'1'}", "64 bits");
	is_refused("{'do':'credit','peer':'c','amount':'18446744073709551616'}",
	    " is no whole number from 1 to 18446744073709551615");
}

/* All of a text, or nothing of it. */
static void a_bad_line_undoes_those_before_it(void **state)
{
	(void)state;
	is_refused("{'do':'credit','peer':'a','amount':'100'}\n"
		   "{'do':'debit','peer':'a','amount':'101'}",
	    "line 2: peer a has 100");
	assert_int_equal(has("a"), 0);
	assert_int_equal(outside_number(path, "SELECT count(*) FROM node_change"), 0);
}

static void escrows_follow_their_rules(void **state)
{
	(void)state;
	is_done("{'do':'credit','peer':'a','amount':'100'}\n"
		"{'do':'escrow','task':'t','client':'a','amount':'60'}\n"
		"{'do':'escrow','task':'u','client':'a','amount':'40','locked':true}");
	assert_int_equal(has("a"), 0);
	assert_int_equal(sum_of(L2_ESCROWS), 100);
	is_refused("{'do':'escrow','task':'t','client':'a','amount':'1'}",
	    "task t has an escrow already");
	is_refused("{'do':'escrow_release','task':'u','worker':'b'}", "locked");
	is_refused("{'do':'escrow_refund','task':'u'}", "locked");
	is_refused("{'do':'escrow_lock','task':'u'}", "locked already");
	is_refused("{'do':'escrow_unlock','task':'t'}", "not locked already");
	is_refused("{'do':'escrow_refund','task':'v'}", "task v has no escrow");
	is_done("{'do':'escrow_unlock','task':'u'}\n"
		"{'do':'escrow_release','task':'u','worker':'b'}\n"
		"{'do':'escrow_lock','task':'t'}\n"
		"{'do':'escrow_unlock','task':'t'}\n"
		"{'do':'escrow_refund','task':'t'}");
	assert_int_equal(has("a"), 60);
	assert_int_equal(has("b"), 40);
	assert_int_equal(sum_of(L2_ESCROWS), 0);
}

static void tasks_come_and_go(void **state)
{
	union l2_record r;

	(void)state;
	is_done("{'do':'task','task':'t','type':6,'priority':3,'submitter':'a',"
		"'payload_hash':'" TXID "','at_ms':1700000000003}");
	assert_true(find(L2_TASKS, "t", &r));
	assert_true(r.task.type == 6 && r.task.priority == 3 &&
	    r.task.submitted_ms == 1700000000003 && !r.task.anchor.len);
	is_refused("{'do':'task','task':'t','type':0,'priority':0,'submitter':'a'}",
	    "task t is there already");
	is_refused("{'do':'task','task':'u','type':7,'priority':0,'submitter':'a'}",
	    " is no whole number from 0 to 6");
	is_refused("{'do':'task','task':'u','type':0,'priority':4,'submitter':'a'}",
	    " is no whole number from 0 to 3");
	is_refused("{'do':'task_finish','task':'u'}", "there is no task u");
	is_done("{'do':'task_anchor','task':'t','anchor':'" OTHER "'}");
	assert_true(find(L2_TASKS, "t", &r) && r.task.anchor.len == 64);
	is_done("{'do':'task_finish','task':'t'}");
	assert_false(find(L2_TASKS, "t", &r));
}

/* -- the bridge ------------------------------------------------------------ */

#define PEGIN(amount)                                               \
	"{'do':'pegin','txid':'" TXID "','vout':1,'amount':" amount \
	",'source':'bc1qsrc','dest':'a'}"
#define CONFIRMATIONS(n) "{'do':'pegin_confirmations','peg':'%s','confirmations':" n "}"
#define MINT "{'do':'pegin_mint','peg':'%s'}"

#define PEGOUT(amount)                                                 \
	"{'do':'pegout','source':'a','dest':'bc1qdst','anchor':'" TXID \
	"','amount':" amount ",'at_ms':1700000000999}"

static void confirmations_decide_what_is_minted(void **state)
{
	(void)state;
	is_done(PEGIN("150000"));
	is_refused(with_peg(L2_PEGINS, MINT), "is initiated");
	is_done(with_peg(L2_PEGINS, CONFIRMATIONS("0")));
	is_done(with_peg(L2_PEGINS, CONFIRMATIONS("5")));
	is_refused(with_peg(L2_PEGINS, MINT), "is pending");
	is_done(with_peg(L2_PEGINS, CONFIRMATIONS("6")));
	is_done(with_peg(L2_PEGINS, CONFIRMATIONS("1")));
	is_refused(with_peg(L2_PEGINS, MINT), "is pending");
	is_done(with_peg(L2_PEGINS, CONFIRMATIONS("7")));
	is_done(with_peg(L2_PEGINS, CONFIRMATIONS("8")));
	assert_int_equal(has("a"), 0);
	is_done(with_peg(L2_PEGINS, MINT));
	assert_int_equal(has("a"), 149000);
	is_refused(with_peg(L2_PEGINS, MINT), "is minted");
	is_refused(with_peg(L2_PEGINS, CONFIRMATIONS("9")), "is minted");
	is_refused(with_peg(L2_PEGINS, "{'do':'pegin_fail','peg':'%s'}"), "is minted");
	is_refused(PEGIN("150000"), "is minted: it can't become initiated");
}

static void a_peg_that_is_held_goes_nowhere(void **state)
{
	(void)state;
	is_done(PEGIN("150000"));
	is_done(with_peg(L2_PEGINS, CONFIRMATIONS("6")));
	is_refused(with_peg(L2_PEGINS, "{'do':'pegin_go_on','peg':'%s'}"), "not held");
	is_done(with_peg(L2_PEGINS, "{'do':'pegin_hold','peg':'%s'}"));
	is_refused(with_peg(L2_PEGINS, MINT), "is emergency");
	is_refused(with_peg(L2_PEGINS, CONFIRMATIONS("7")), "is emergency");
	is_done(with_peg(L2_PEGINS, "{'do':'pegin_go_on','peg':'%s'}"));
	is_refused(with_peg(L2_PEGINS, MINT), "is initiated");
	is_done(with_peg(L2_PEGINS, CONFIRMATIONS("6")));
	is_done(with_peg(L2_PEGINS, MINT));
	is_done(PEGOUT("5000"));
	is_done(with_peg(L2_PEGOUTS, "{'do':'pegout_hold','peg':'%s'}"));
	is_refused(with_peg(L2_PEGOUTS,
		       "{'do':'pegout_pending','peg':'%s','confirmations':100}"),
	    "is emergency");
	is_done(with_peg(L2_PEGOUTS, "{'do':'pegout_go_on','peg':'%s'}"));
	is_refused(with_peg(L2_PEGOUTS, "{'do':'pegout_go_on','peg':'%s'}"), "is burned");
}

static void a_pegin_has_its_limits_and_its_name(void **state)
{
	char id[L2_HEX];

	(void)state;
	is_refused(PEGIN("9999"), "10000 to 10000000000 satoshi");
	is_refused(PEGIN("10000000001"), "10000 to 10000000000 satoshi");
	is_done(PEGIN("10000000000"));
	book_each(j, L2_PEGINS, first_id, id);
	assert_string_equal(id, PEG);
	assert_int_equal(pegin_is(PEG), 0);
	is_done("{'do':'pegin_confirmations','peg':'" PEG "','confirmations':3}");
	assert_int_equal(pegin_is(PEG), 1);
	is_done("{'do':'pegin_confirmations','peg':'" PEG "','confirmations':6}");
	assert_int_equal(pegin_is(PEG), 2);
	is_done("{'do':'pegin_fail','peg':'" PEG "'}");
	assert_int_equal(pegin_is(PEG), 7);
	is_done(PEGIN("10000"));
	assert_int_equal(pegin_is(PEG), 0);
	is_refused("{'do':'pegin_mint','peg':'nobody'}", "there is no peg-in nobody");
}

#define COMPLETE "{'do':'pegout_complete','peg':'%s','txid':'" TXID "'}"
#define COMPLETE_BY_HAND \
	"{'do':'pegout_complete','peg':'%s','txid':'" TXID "','by_hand':true}"

static int pegout_is(uint64_t *ret_initiated, size_t *ret_anchor)
{
	char id[L2_HEX] = "";
	union l2_record r;

	book_each(j, L2_PEGOUTS, first_id, id);
	assert_true(find(L2_PEGOUTS, id, &r));
	*ret_initiated = r.pegout.initiated_s;
	*ret_anchor = r.pegout.anchor.len;
	return r.pegout.status;
}

static void a_pegout_burns_and_completes_on_an_anchor(void **state)
{
	uint64_t initiated_s;
	size_t anchor;

	(void)state;
	is_done("{'do':'credit','peer':'a','amount':'5000'}");
	is_refused(PEGOUT("1000"), "more than its fee");
	is_refused(PEGOUT("5001"), "peer a has 5000");
	is_done(PEGOUT("1001"));
	assert_int_equal(has("a"), 3999);
	assert_int_equal(pegout_is(&initiated_s, &anchor), 4);
	assert_true(initiated_s == 1700000000 && anchor == 64);
	is_refused(
	    with_peg(L2_PEGOUTS, "{'do':'pegout_pending','peg':'%s','confirmations':99}"),
	    "it has 99 confirmations, and needs 100");
	is_refused(
	    with_peg(L2_PEGOUTS, "{'do':'pegout_complete','peg':'%s','txid':'" TXID "'}"),
	    "is burned: it can't become completed");
	is_done(with_peg(
	    L2_PEGOUTS, "{'do':'pegout_pending','peg':'%s','confirmations':100}"));
	is_done(with_peg(
	    L2_PEGOUTS, "{'do':'pegout_anchor','peg':'%s','anchor':'" OTHER "'}"));
	is_refused(with_peg(L2_PEGOUTS, COMPLETE), "none of this journal's: say by");
	/* what would be refused, too, is not what helps */
	lines_rooted = ERR_INPUT;
	is_refused(with_peg(L2_PEGOUTS, COMPLETE), "no snapshot would be valid. First");
	is_refused(
	    with_peg(L2_PEGOUTS, COMPLETE_BY_HAND), "no snapshot would be valid. First");
	lines_rooted = ERR_OK;
	is_done(with_peg(L2_PEGOUTS, COMPLETE_BY_HAND));
	assert_int_equal(pegout_is(&initiated_s, &anchor), 6);
	assert_int_equal(anchor, 64);
	is_refused(
	    with_peg(L2_PEGOUTS, "{'do':'pegout_fail','peg':'%s'}"), "is completed");
	is_refused(with_peg(L2_PEGOUTS,
		       "{'do':'pegout_anchor','peg':'%s','anchor':'" OTHER "'}"),
	    "its anchor is for good");
	assert_int_equal(sum_of(L2_BALANCES), 3999);
}

#define ANCHOR_BY_HAND(anchor) \
	"{'do':'pegout_anchor','peg':'%s','anchor':'" anchor "','by_hand':true}"

/* as older versions took it: the way out is one that the journal has */
static void a_completed_one_on_no_anchor_gets_one(void **state)
{
	const struct anchor known = { .hash.at = { 0xaa }, .made_ms = 1 };
	char line[256], hash[65];

	(void)state;
	hex_format(hash, known.hash.at, 32);
	snprintf(line, sizeof line, ANCHOR_BY_HAND("%s"), "%s", hash);
	(void)anchor_add(j, &known, "p", 1);
	is_done("{'do':'credit','peer':'a','amount':'5000'}\n" PEGOUT("5000"));
	is_done(with_peg(
	    L2_PEGOUTS, "{'do':'pegout_pending','peg':'%s','confirmations':100}"));
	is_done(with_peg(L2_PEGOUTS, COMPLETE_BY_HAND));
	is_refused(with_peg(L2_PEGOUTS, line), "for good"); /* log or database has it */
	lines_rooted = ERR_INPUT;
	is_refused(with_peg(L2_PEGOUTS,
		       "{'do':'pegout_anchor','peg':'%s','anchor':'" OTHER "'}"),
	    "by_hand");
	is_refused(
	    with_peg(L2_PEGOUTS, ANCHOR_BY_HAND(OTHER)), "anchor: the journal has no");
	is_done(with_peg(L2_PEGOUTS, line));
	is_refused(with_peg(L2_PEGOUTS, line), "is for good"); /* the journal has it */
	lines_rooted = ERR_OK;
}

/* A reorg took the anchor that it was released on. */
static void a_completed_one_on_a_lost_anchor_gets_one(void **state)
{
	struct anchor known = { .hash.at = { 0xaa }, .made_ms = 1 },
		      lost = { .hash.at = { 0xbb },
			      .made_ms = 1,
			      .status = ANCHOR_INVALIDATED_REORG };
	char to_known[256], to_lost[256], hash[65];

	(void)state;
	hex_format(hash, known.hash.at, 32);
	snprintf(to_known, sizeof to_known, ANCHOR_BY_HAND("%s"), "%s", hash);
	hex_format(hash, lost.hash.at, 32);
	snprintf(to_lost, sizeof to_lost, ANCHOR_BY_HAND("%s"), "%s", hash);
	(void)anchor_add(j, &known, "p", 1);
	(void)anchor_add(j, &lost, "q", 1);
	is_done("{'do':'credit','peer':'a','amount':'5000'}\n" PEGOUT("5000"));
	is_done(with_peg(
	    L2_PEGOUTS, "{'do':'pegout_pending','peg':'%s','confirmations':100}"));
	is_done(with_peg(L2_PEGOUTS, to_lost)); /* it is not completed */
	is_refused(
	    with_peg(L2_PEGOUTS, COMPLETE_BY_HAND), "else pegout_anchor comes first");
	is_done(with_peg(L2_PEGOUTS, ANCHOR_BY_HAND(OTHER)));
	is_done(with_peg(L2_PEGOUTS, COMPLETE_BY_HAND));
	lines_rooted = ERR_INPUT;
	is_refused(with_peg(L2_PEGOUTS, to_lost), "that a block has or may get");
	is_done(with_peg(L2_PEGOUTS, to_known));
	is_refused(with_peg(L2_PEGOUTS, to_known), "is for good");
	outside_alter(path, "UPDATE node_anchor SET status = 2 WHERE id = 1");
	is_refused(with_peg(L2_PEGOUTS, to_lost), "that a block has or may get");
	lines_rooted = ERR_OK;
}

static void a_pegout_that_fails_is_given_back(void **state)
{
	(void)state;
	is_done("{'do':'credit','peer':'a','amount':'5000'}\n" PEGOUT("5000"));
	assert_int_equal(has("a"), 0);
	is_done(with_peg(L2_PEGOUTS, "{'do':'pegout_fail','peg':'%s'}"));
	assert_int_equal(has("a"), 5000);
	is_refused(with_peg(L2_PEGOUTS, "{'do':'pegout_fail','peg':'%s'}"), "is failed");
	is_refused(with_peg(L2_PEGOUTS,
		       "{'do':'pegout_pending','peg':'%s','confirmations':100}"),
	    "is failed");
	/* it is in each snapshot for good, and none is valid on an anchor that is none */
	is_done(with_peg(
	    L2_PEGOUTS, "{'do':'pegout_anchor','peg':'%s','anchor':'" OTHER "'}"));
}

static void two_equal_pegouts_of_a_second_are_two(void **state)
{
	(void)state;
	is_done("{'do':'credit','peer':'a','amount':'6000'}\n" PEGOUT("2000") "\n" PEGOUT(
	    "2000") "\n" PEGOUT("2000"));
	assert_int_equal(outside_number(path, "SELECT count(*) FROM node_pegout"), 3);
	assert_int_equal(has("a"), 0);
}

/* -- lines ----------------------------------------------------------------- */

static void what_is_no_change_is_named(void **state)
{
	static const char *const bad[][2] = {
		{ "[]", "no object" },
		{ "{'do':7}", "no object" },
		{ "{'do':'steal'}", "there is no change steal" },
		{ "{'do':'credit'", "not JSON" },
		{ "{'do':'credit','peer':'a','amount': 18446744073709551615}",
		    "amount: the number 18446744073709551615 is out of range: a whole "
		    "one without quotes is -9223372036854775808 to 9223372036854775807" },
		{ "{'do':'credit','peer':'a','amount':'18446744073709551616'}",
		    "amount: \"18446744073709551616\" is no whole number from 1 to "
		    "18446744073709551615" },
		{ "{'do':'credit','amount':'1'}", "credit needs peer" },
		{ "{'do':'credit','peer':'a'}", "credit needs amount" },
		{ "{'do':'credit','peer':'a','amount':'1','memo':'x'}",
		    "credit has no member memo" },
		{ "{'do':'credit','peer':'a','amount':'0'}",
		    "amount: \"0\" is no whole" },
		{ "{'do':'credit','peer':'a','amount':'01'}",
		    "amount: \"01\" is no whole" },
		{ "{'do':'credit','peer':'a','amount':-1}", "amount: -1 is no whole" },
		{ "{'do':'credit','peer':'a','amount':'1e3'}",
		    "amount: \"1e3\" is no whole" },
		{ "{'do':'credit','peer':'a','amount':1.5}", "amount: 1.5 is no whole" },
		{ "{'do':'credit','peer':'','amount':1}", "1 to 256" },
		{ "{'do':'credit','peer':'a:b','amount':1}", "colon" },
		{ "{'do':'credit','peer':'a\\nb','amount':1}", "line feed" },
		{ "{'do':'credit','peer_hex':'613a','amount':1}", "colon" },
		{ "{'do':'credit','peer_hex':'6','amount':1}", "peer_hex" },
		{ "{'do':'credit','peer_hex':'61','peer':'a','amount':1}", "peer_hex" },
		{ "{'do':'credit','peer':7,'amount':1}", "peer: no text" },
		{ "{'do':'credit','peer':'a','amount':1,'id':''}", "id: no text" },
		{ "{'do':'credit','peer':'a','amount':1,'at_ms':-1}", "at_ms" },
		{ "{'do':'escrow','task':'t','client':'a','amount':1,'locked':1}",
		    "locked: 1 is not true or false" },
		{ "{'do':'pegin_confirmations','peg':'x','confirmations':''}",
		    "confirmations: \"\" is no whole" },
		{ "{'do':'pegin','txid':'AA11','vout':1,'amount':1,"
		  "'source':'s','dest':'d'}",
		    "txid: AA11 is none" },
		{ "{'do':'pegin','txid':'" TXID "','vout':4294967296,"
		  "'amount':10000,'source':'s','dest':'d'}",
		    "vout: 4294967296 is no whole number from 0 to 4294967295" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_refused(bad[i][0], bad[i][1]);
}

static void a_peer_has_256_bytes_at_most(void **state)
{
	char peer[300], line[400];

	(void)state;
	memset(peer, 'p', sizeof peer);
	snprintf(line, sizeof line, "{'do':'credit','peer':'%.256s','amount':1}", peer);
	is_done(line);
	snprintf(line, sizeof line, "{'do':'credit','peer':'%.257s','amount':1}", peer);
	is_refused(line, "it has 257 bytes");
}

static void bytes_that_are_no_text_are_peers_too(void **state)
{
	union l2_record r;

	(void)state;
	is_done("{'do':'credit','peer_hex':'ff00','amount':'5'}\n"
		"{'do':'credit','peer':'\\u00e9\\\"\\\\\",'amount':'6'}");
	assert_int_equal(
	    outside_number(path, "SELECT amount FROM node_balance WHERE peer = x'ff00'"),
	    5);
	assert_true(find(L2_BALANCES, "\xc3\xa9\"\\", &r));
}

/* -- once ------------------------------------------------------------------ */

#define PAY "{'do':'credit','peer':'a','amount':'10','id':'pay-1'}"
#define PAY_2(amount) "{'do':'credit','peer':'a','amount':'" amount "','id':'pay-2'}"
#define PAY_3 "{'do':'credit','peer':'a','amount':'3','id':'pay-3'}"
#define PAY_4 "{'do':'credit','peer':'a','amount':'4','id':'pay-4'}"
#define PAY_5 "{'do':'credit','peer':'a','amount':'5','id':'pay-5'}"

static void a_change_is_done_once_by_its_id(void **state)
{
	(void)state;
	is_done(PAY);
	is_done(PAY "\n" PAY);
	/* in another order, and as a number: the same change */
	is_done("{'id':'pay-1','amount':10,'peer':'a','do':'credit'}");
	assert_int_equal(has("a"), 10);
	assert_true(done.fresh == 1 && done.known == 3);
	assert_int_equal(do_lines("{'do':'credit','peer':'a','amount':'11',"
				  "'id':'pay-1'}"),
	    ERR_CONFLICT);
	assert_non_null(
	    strstr(why.why, "id pay-1 stands for another change (1): {\"do\""));
	assert_int_equal(has("a"), 10);
}

/* -- what was altered ------------------------------------------------------ */

static jmp_buf died;
static void (*death_of)(enum err e, const char *text);
static char last_words[1000];

static void dies(enum err e, const char *text)
{
	snprintf(last_words, sizeof last_words, "%d: %s", e, text);
	longjmp(died, 1);
}

/* The process ends of it, as of damage. */
static __attribute__((noinline)) bool ends_by(const char *lines)
{
	death_of = journal_die;
	journal_die = dies;
	leaks_are_told(false);
	if (setjmp(died)) {
		leaks_are_told(true);
		journal_die = death_of;
		return true;
	}
	(void)do_lines(lines);
	leaks_are_told(true);
	journal_die = death_of;
	return false;
}

static void alter(const char *sql)
{
	journal_close(j);
	outside_alter(path, sql);
	j = own();
}

static void supply_that_does_not_hold_ends_it(void **state)
{
	(void)state;
	is_done("{'do':'credit','peer':'a','amount':'10'}");
	alter("UPDATE node_total SET minted = burned");
	assert_true(ends_by("{'do':'credit','peer':'a','amount':'1'}"));
	assert_non_null(strstr(last_words, "minted less what was burned"));
}

static void altered_rows_are_seen(void **state)
{
	static const char *const edits[][2] = {
		{ "UPDATE node_balance SET amount = amount + 1 WHERE peer = x'61'",
		    "not worth the same" },
		{ "UPDATE node_balance SET amount = 15", "a row of the layer-2 state" },
		{ "UPDATE node_balance SET peer = x'63' WHERE peer = x'61'", "a row of" },
		{ "DELETE FROM node_balance WHERE peer = x'61'", "has 1 balances where" },
		{ "UPDATE node_escrow SET locked = 0", "a row of" },
		{ "UPDATE node_escrow SET client = x'61'", "a row of" },
		{ "UPDATE node_task SET priority = 1", "a row of" },
		{ "DELETE FROM node_task", "has 0 tasks" },
	};
	char out[L2_HEX];
	struct fail f;

	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		journal_close(j);
		fresh(state);
		is_done(
		    "{'do':'credit','peer':'a','amount':'10'}\n"
		    "{'do':'credit','peer':'b','amount':'21'}\n"
		    "{'do':'escrow','task':'t','client':'b','amount':1,'locked':true}\n"
		    "{'do':'task','task':'t','type':0,'priority':0,'submitter':'a'}");
		alter(edits[i][0]);
		f = (struct fail){ 0 };
		assert_int_equal(book_check(j, out, &f), ERR_DAMAGED);
		if (!strstr(f.why, edits[i][1]))
			fail_msg("%s: %s", edits[i][0], f.why);
	}
}

/* A few rows at a time; what changes in between begins it anew. */
static void a_state_is_recounted_by_parts(void **state)
{
	struct book_recount *c;
	struct book_counted counted = { .done = false };
	char root[L2_HEX], line[100];
	struct fail f = { 0 };
	int calls = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(
		    line, sizeof line, "{'do':'credit','peer':'p%d','amount':'7'}", i);
		is_done(line);
	}
	is_done("{'do':'escrow','task':'t','client':'p3','amount':1,'locked':true}\n"
		"{'do':'task','task':'t','type':0,'priority':0,'submitter':'a'}");
	c = book_recount_new(j);
	for (; !counted.done; calls++) {
		assert_int_equal(book_recount_some(c, 3, &counted, &f), ERR_OK);
		if (calls == 2)
			is_done("{'do':'transfer','from':'p0','to':'p9','amount':'3'}");
	}
	assert_int_equal(counted.anew, 1);
	assert_true(calls > 7);
	assert_int_equal(counted.sums.changes, 23);
	assert_int_equal(book_check(j, root, &f), ERR_OK);
	assert_string_equal(counted.root, root);
	book_recount_free(c);
	alter("UPDATE node_balance SET amount = 6 WHERE peer = x'7031'");
	c = book_recount_new(j);
	assert_int_equal(book_recount_some(c, 1000, &counted, &f), ERR_DAMAGED);
	assert_non_null(strstr(f.why, "not worth the same"));
	book_recount_free(c);
}

/* Somebody who makes rows and totals agree is told of by the events. */
static void altered_totals_are_seen(void **state)
{
	struct fail f = { 0 };

	(void)state;
	assert_int_equal(book_check_told(j, &f), ERR_OK);
	is_done("{'do':'credit','peer':'a','amount':'10'}");
	is_done("{'do':'credit','peer':'b','amount':'10'}");
	assert_int_equal(book_check_told(j, &f), ERR_OK);
	alter("UPDATE node_total SET digest = link");
	assert_int_equal(book_check_told(j, &f), ERR_DAMAGED);
	assert_non_null(strstr(f.why, "behind change 2"));
}

static void altered_changes_are_seen(void **state)
{
	static const char *const edits[][2] = {
		{ "UPDATE node_change SET at_ms = at_ms + 1 WHERE no = 1",
		    "was altered" },
		{ "UPDATE node_change SET line = x'7b7d' WHERE no = 2", "was altered" },
		{ "DELETE FROM node_change WHERE no = 2", "2 is gone" },
		{ "DELETE FROM node_change WHERE no = 1", "1 is gone" },
	};
	struct fail f;

	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		journal_close(j);
		fresh(state);
		is_done("{'do':'credit','peer':'a','amount':'10'}\n"
			"{'do':'credit','peer':'b','amount':'21'}");
		assert_int_equal(book_check_changes(j, &f), ERR_OK);
		alter(edits[i][0]);
		f = (struct fail){ 0 };
		assert_int_equal(book_check_changes(j, &f), ERR_DAMAGED);
		if (!strstr(f.why, edits[i][1]))
			fail_msg("%s: %s", edits[i][0], f.why);
	}
}

/* -- from elsewhere -------------------------------------------------------- */

static void restore(const struct l2_state *s, struct book_restored *ret)
{
	struct fail f = { 0 };

	if (book_restore(j, s, wall_ms, ret, &f) != ERR_OK)
		fail_msg("%s", f.why);
	commit(j);
}

/* A state that this journal had: what came later can come again, what came before is
 * done. */
static void what_a_restore_took_back_can_come_again(void **state)
{
	struct book_restored r;
	struct l2_state s;

	(void)state;
	is_done(PAY);
	book_read(j, &s);
	is_done(PAY_2("5"));
	assert_int_equal(has("a"), 15);
	restore(&s, &r);
	assert_true(r.after == 1 && r.dropped == 1);
	assert_int_equal(has("a"), 10);
	is_done(PAY "\n" PAY_2("5"));
	assert_int_equal(has("a"), 15);
	l2_state_release(&s);
}

/* As often as it is needed; and the state that there was before all changes. */
static void it_can_be_taken_back_again(void **state)
{
	struct book_restored r;
	struct l2_state s, none;

	(void)state;
	is_done(PAY);
	book_read(j, &s);
	l2_state_init(&none);
	restore(&none, &r);
	assert_true(r.after == 0 && r.dropped == 1);
	is_done(PAY);
	assert_int_equal(has("a"), 10);
	restore(&s, &r);
	assert_true(r.after == 3 && r.dropped == 0);
	assert_int_equal(done.fresh, 2);
	is_done(PAY);
	assert_int_equal(done.known, 1);
	assert_int_equal(book_check_told(j, NULL), ERR_OK);
	l2_state_release(&s);
	l2_state_release(&none);
}

/* And what a later restore brings back is done: it does not come again. An id stands for
 * what it did on the way to the state that is. */
static void what_comes_back_is_known_by_its_id(void **state)
{
	struct book_restored r;
	struct l2_state one, two;

	(void)state;
	is_done(PAY);
	book_read(j, &one);
	is_done(PAY_2("5"));
	book_read(j, &two);
	restore(&one, &r);
	restore(&two, &r);
	assert_true(r.after == 2 && r.dropped == 0 && r.returned == 1);
	is_done(PAY "\n" PAY_2("5"));
	assert_true(done.fresh == 2 && done.known == 2);
	assert_int_equal(has("a"), 15);
	/* two branches, and each has its own */
	restore(&one, &r);
	assert_true(r.after == 3 && r.dropped == 1 && r.returned == 0);
	is_done(PAY_2("7"));
	assert_int_equal(done.fresh, 3);
	assert_int_equal(has("a"), 17);
	restore(&two, &r);
	assert_true(r.after == 4 && r.dropped == 1 && r.returned == 1);
	assert_int_equal(has("a"), 15);
	is_done(PAY_2("5"));
	assert_int_equal(done.known, 3);
	assert_int_equal(do_lines(PAY_2("7")), ERR_CONFLICT);
	assert_non_null(strstr(why.why, "stands for another change (2)"));
	assert_int_equal(book_check_changes(j, NULL), ERR_OK);
	assert_int_equal(book_check_told(j, NULL), ERR_OK);
	l2_state_release(&one);
	l2_state_release(&two);
}

/* One that it never had: whether it has what was done nobody can say. */
static void ids_are_unsure_behind_a_state_of_others(void **state)
{
	struct book_restored r;
	struct l2_state s;

	(void)state;
	is_done(PAY);
	l2_state_init(&s);
	l2_state_add(&s, L2_BALANCES, &(struct l2_balance){ l2_text("z"), 7 });
	restore(&s, &r);
	assert_int_equal(r.after, -1);
	assert_true(has("a") == 0 && has("z") == 7);
	assert_int_equal(do_lines(PAY), ERR_CONFLICT);
	assert_non_null(strstr(why.why, "replaced by one from elsewhere"));
	is_done("{'do':'credit','peer':'a','amount':'10','id':'pay-3'}");
	is_done("{'do':'credit','peer':'a','amount':'10','id':'pay-3'}");
	assert_int_equal(has("a"), 10);
	assert_int_equal(book_check_changes(j, NULL), ERR_OK);
	l2_state_release(&s);
}

/* Behind it, and behind a way back to what is the journal's own, all is known again. What
 * was done to the one from elsewhere is no part of that, and comes back with it. */
static void what_was_its_own_is_known_again(void **state)
{
	struct l2_state one, two, theirs, later;
	struct book_restored r;

	(void)state;
	is_done(PAY);
	book_read(j, &one);
	is_done(PAY_2("5"));
	book_read(j, &two);
	l2_state_init(&theirs);
	l2_state_add(&theirs, L2_BALANCES, &(struct l2_balance){ l2_text("z"), 7 });
	restore(&theirs, &r);
	assert_true(r.after == -1 && book_taken(j) == 3);
	is_done(PAY_3);
	book_read(j, &later);
	restore(&two, &r);
	assert_true(r.after == 2 && r.dropped == 1 && r.returned == 2);
	assert_int_equal(book_taken(j), 0);
	done = (struct book_done){ 0 };
	is_done(PAY "\n" PAY_2("5"));
	assert_true(done.fresh == 0 && done.known == 2);
	restore(&one, &r);
	assert_true(r.after == 1 && r.dropped == 1 && r.returned == 0);
	is_done(PAY_2("5") "\n" PAY_3 "\n" PAY_4);
	assert_int_equal(done.fresh, 3);
	/* of theirs nobody knows what it began with */
	restore(&later, &r);
	assert_true(r.after == 4 && book_taken(j) == 3);
	is_done(PAY_3);
	assert_int_equal(done.known, 3);
	assert_int_equal(do_lines(PAY), ERR_CONFLICT);
	assert_non_null(strstr(why.why, "replaced by one from elsewhere"));
	assert_int_equal(do_lines(PAY_4), ERR_CONFLICT);
	assert_non_null(strstr(why.why, "replaced by one from elsewhere"));
	/* and has nothing that was done to it itself */
	is_done(PAY_5);
	restore(&theirs, &r);
	assert_true(r.after == 3 && r.dropped == 2 && book_taken(j) == 3);
	done = (struct book_done){ 0 };
	is_done(PAY_5);
	assert_int_equal(done.fresh, 1);
	l2_state_release(&one);
	l2_state_release(&two);
	l2_state_release(&theirs);
	l2_state_release(&later);
}

static void anchor_is(int status)
{
	struct anchor a = { .status = status, .made_ms = 1 };

	memset(a.hash.at, 0xaa, sizeof a.hash.at);
	for (size_t i = 1; i < sizeof a.hash.at; i += 2)
		a.hash.at[i] = 0x11;
	assert_true(anchor_add(j, &a, NULL, 0));
	commit(j);
}

static void chain_is_stopped(bool is)
{
	if (is) {
		add_chain(j, 7);
		assert_true(anchors_chain(j, 1));
	}
	sql_chain_stop(j,
	    &(struct sql_chain_stop_in){
		.id = 1, .stopped = is ? "gone" : NULL, .no_stopped = !is });
	commit(j);
}

static void unshown_is(bool is)
{
	sql_chain_unshown(j, &(struct sql_chain_unshown_in){ .id = 1, .unshown = is });
	commit(j);
}

static void is_shown(void)
{
	sql_chain_shown(j, &(struct sql_chain_shown_in){ .id = 1, .shown_ms = wall_ms });
	commit(j);
}

/* What this journal follows is asked of it, and while its chain is stopped, or its nodes
 * do not show what was final, or were not heard, nobody knows whether the block of an
 * anchor stays. */
static void no_pegout_completes_on_an_anchor_that_is_not_confirmed(void **state)
{
	(void)state;
	for (int status = ANCHOR_PENDING; status <= ANCHOR_FAILED_ORPHANED; status++) {
		if (status) {
			journal_close(j);
			fresh(state);
		}
		anchor_is(status);
		is_done("{'do':'credit','peer':'a','amount':'5000'}\n" PEGOUT("2000"));
		is_done(with_peg(L2_PEGOUTS,
		    "{'do':'pegout_pending','peg':'%s','confirmations':100}"));
		if (status == ANCHOR_CONFIRMED) {
			chain_is_stopped(true);
			is_refused(with_peg(L2_PEGOUTS, COMPLETE_BY_HAND),
			    "has vanished: nothing is released");
			chain_is_stopped(false);
			unshown_is(true);
			is_refused(with_peg(L2_PEGOUTS, COMPLETE_BY_HAND),
			    "nothing is released until they show it");
			unshown_is(false);
			is_refused(with_peg(L2_PEGOUTS, COMPLETE),
			    "nothing is released until one does");
			is_shown();
			is_done(with_peg(L2_PEGOUTS, COMPLETE));
		} else
			is_refused(
			    with_peg(L2_PEGOUTS, COMPLETE_BY_HAND), "and not confirmed");
	}
}

/* A state of others may have a peg-out without one. */
static void no_pegout_completes_without_an_anchor(void **state)
{
	struct book_restored r;
	struct l2_state s;

	(void)state;
	l2_state_init(&s);
	l2_state_add(&s, L2_PEGOUTS,
	    &(struct l2_pegout){ .id = l2_text("p"),
		.source = l2_text("a"),
		.dest = l2_text("d"),
		.burn = 5000,
		.release = 4000,
		.status = 5 });
	restore(&s, &r);
	is_refused("{'do':'pegout_complete','peg':'p','txid':'" TXID "'}",
	    "it stands on no anchor");
	is_done("{'do':'pegout_anchor','peg':'p','anchor':'" OTHER "'}");
	is_done("{'do':'pegout_complete','peg':'p','txid':'" TXID "','by_hand':true}");
	l2_state_release(&s);
}

static void no_state_comes_in_that_no_change_leads_to(void **state)
{
	const struct l2_bytes a = l2_text("a"), ab = l2_text("a:b"), none = { NULL, 0 };
	const struct {
		enum l2_list list;
		union l2_record record;
		const char *word;
	} bad[] = {
		{ L2_BALANCES, { .balance = { none, 1 } }, "256 bytes" },
		{ L2_BALANCES, { .balance = { a, 0 } }, "its amount is 0" },
		{ L2_BALANCES, { .balance = { ab, 1 } }, "a:b" },
		{ L2_ESCROWS, { .escrow = { a, none, 1, false, 0 } }, "client" },
		{ L2_ESCROWS, { .escrow = { none, a, 1, false, 0 } }, "no id" },
		{ L2_PEGINS, { .pegin = { a, a, 0, 1, a, a, 4, 0, 0, 0 } }, "status" },
		{ L2_PEGOUTS, { .pegout = { a, a, a, 1, 1, 0, none, 0, 0 } }, "status" },
		{ L2_PEGOUTS, { .pegout = { a, a, a, 1, 2, 4, none, 1, 0 } },
		    "more than it burned" },
		{ L2_TASKS, { .task = { a, 7, 0, a, 0, none, none } }, "type" },
		{ L2_TASKS, { .task = { a, 0, -1, a, 0, none, none } }, "priority" },
	};

	(void)state;
	is_done(PAY);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct book_restored r;
		struct l2_state s;
		struct fail f = { 0 };

		l2_state_init(&s);
		l2_state_add(&s, bad[i].list, &bad[i].record);
		assert_int_equal(book_restore(j, &s, wall_ms, &r, &f), ERR_INPUT);
		if (!strstr(f.why, bad[i].word))
			fail_msg("%zu: %s", i, f.why);
		journal_rollback(j);
		l2_state_release(&s);
	}
	assert_int_equal(has("a"), 10);
	(void)root();
}

/* -- at random ------------------------------------------------------------- */

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static const char *const peers[] = { "a", "peer-2", "\\\"q\\\\", "\\u00fcber", "p p",
	"z" };

static const char *peer(void)
{
	return peers[draw(sizeof peers / sizeof *peers)];
}

static void pick(void *ctx, enum l2_list list, const void *record)
{
	if (!draw(2))
		first_id(ctx, list, record);
}

static const char *some_peg(enum l2_list list)
{
	static char id[L2_HEX];

	snprintf(id, sizeof id, "none");
	book_each(j, list, pick, id);
	return id;
}

static void random_line(char *out, size_t size)
{
	unsigned long long n = 1 + draw(draw(3) ? 3000 : 40000), task = draw(5);

	switch (draw(14)) {
	case 0:
	case 1:
		snprintf(
		    out, size, "{'do':'credit','peer':'%s','amount':%llu}", peer(), n);
		return;
	case 2:
		snprintf(
		    out, size, "{'do':'debit','peer':'%s','amount':%llu}", peer(), n);
		return;
	case 3:
		snprintf(out, size,
		    "{'do':'transfer','from':'%s','to':'%s','amount':%llu}", peer(),
		    peer(), n);
		return;
	case 4:
		snprintf(out, size,
		    "{'do':'escrow','task':'t%llu','client':'%s','amount':%llu}", task,
		    peer(), n);
		return;
	case 5:
		snprintf(out, size, "{'do':'escrow_%s','task':'t%llu'}",
		    draw(2) ? "lock" : "unlock", task);
		return;
	case 6:
		snprintf(out, size,
		    "{'do':'escrow_release','task':'t%llu','worker':'%s'}", task, peer());
		return;
	case 7:
		snprintf(out, size,
		    "{'do':'pegin','txid':'%.63s%llu','vout':%llu,'amount':%llu,"
		    "'source':'s','dest':'%s'}",
		    TXID, task, n % 3, 9000 + n, peer());
		return;
	case 8:
	case 9:
		snprintf(out, size,
		    "{'do':'pegin_confirmations','peg':'%s','confirmations':%llu}",
		    some_peg(L2_PEGINS), n % 9);
		return;
	case 10:
		snprintf(
		    out, size, "{'do':'pegin_mint','peg':'%s'}", some_peg(L2_PEGINS));
		return;
	case 11:
		snprintf(out, size,
		    "{'do':'pegout','source':'%s','dest':'d','anchor':'" TXID
		    "','amount':%llu}",
		    peer(), n);
		return;
	case 12:
		snprintf(out, size, "{'do':'pegout_%s','peg':'%s'%s}",
		    n % 2 ? "fail" : "pending", some_peg(L2_PEGOUTS),
		    n % 2 ? "" : ",'confirmations':100");
		return;
	default:
		snprintf(out, size,
		    draw(3) ? "{'do':'task','task':'t%llu','type':1,'priority':2,"
			      "'submitter':'s'}"
			    : "{'do':'task_finish','task':'t%llu'}",
		    task);
	}
}

/* Written as a block of the log, and read from it. */
static void through_a_snapshot(struct l2_state *s)
{
	struct fail f = { 0 };
	struct buf block;

	l2_state_sort(s);
	buf_init(&block, (size_t)1 << 20);
	v1_format(&block, s);
	assert_true(buf_ok(&block));
	l2_state_release(s);
	l2_state_init(s);
	if (v1_load(s, buf_text(&block), block.len, &f) != ERR_OK)
		fail_msg("%s", f.why);
	buf_release(&block);
}

/* Out of one journal and into another: the same root, and the same rows. */
static void same_elsewhere(void)
{
	struct book_restored r;
	struct l2_state s;
	char was[L2_HEX], read[L2_HEX];

	memcpy(was, root(), sizeof was);
	book_read(j, &s);
	l2_state_root(&s, read);
	assert_string_equal(read, was);
	through_a_snapshot(&s);
	journal_close(j);
	fresh(NULL);
	restore(&s, &r);
	assert_string_equal(r.root, was);
	assert_string_equal(root(), was);
	l2_state_release(&s);
	journal_close(j);
	j = own();
	assert_string_equal(root(), was);
}

/* By a change; through a snapshot and back it is the same. */
static void texts_of_changes_go_to_their_limits(void **state)
{
	static const size_t sizes[] = { 1, CHANGE_TEXT_MAX - 1, CHANGE_TEXT_MAX };
	static const char format[] =
	    "{'do':'escrow','task':'%.*s','client':'a','amount':1}";
	char task[CHANGE_TEXT_MAX + 2], line[CHANGE_TEXT_MAX + 100];

	(void)state;
	memset(task, 't', sizeof task);
	is_done(PAY);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		snprintf(line, sizeof line, format, (int)sizes[i], task);
		is_done(line);
	}
	same_elsewhere();
	assert_int_equal(
	    outside_number(path, "SELECT max(length(task)) FROM node_escrow"),
	    CHANGE_TEXT_MAX);
	snprintf(line, sizeof line, format, CHANGE_TEXT_MAX + 1, task);
	is_refused(line, "task: it has 1025 bytes: 1 to 1024 are good");
	snprintf(line, sizeof line, format, 0, task);
	is_refused(line, "task: it has 0 bytes");
}

static void restored_with(enum l2_list list, size_t field, size_t n, bool ok)
{
	static char room[CHANGE_TEXT_MAX + 1];
	const struct l2_bytes a = l2_text("a"), none = { NULL, 0 }, text = { room, n };
	union l2_record records[] = {
		[L2_BALANCES] = { .balance = { a, 1 } },
		[L2_ESCROWS] = { .escrow = { a, a, 1, false, 0 } },
		[L2_PEGINS] = { .pegin = { a, a, 0, 1, a, a, 1, 0, 0, 0 } },
		[L2_PEGOUTS] = { .pegout = { a, a, a, 1, 1, 4, none, 1, 0 } },
		[L2_TASKS] = { .task = { a, 0, 0, a, 0, none, none } },
	};
	struct book_restored r;
	struct l2_state s;
	struct fail f = { 0 };

	memset(room, 'x', sizeof room);
	memcpy(
	    (char *)&records[list] + l2_kinds[list].fields[field].at, &text, sizeof text);
	l2_state_init(&s);
	l2_state_add(&s, list, &records[list]);
	through_a_snapshot(&s);
	if (ok != (book_restore(j, &s, wall_ms, &r, &f) == ERR_OK))
		fail_msg("%s, field %zu, %zu bytes: %s", l2_kinds[list].one, field, n,
		    ok ? f.why : "not refused");
	if (ok)
		assert_string_equal(root(), r.root);
	else
		assert_non_null(strstr(f.why, "bytes"));
	journal_rollback(j);
	l2_state_release(&s);
}

/* Of any list; of a peer it is another one. */
static void texts_of_states_go_to_their_limits(void **state)
{
	static const size_t peer_of[] = { 0, 1, 5, 1, L2_FIELDS_MAX };

	(void)state;
	for (enum l2_list list = 0; list < L2_LISTS; list++)
		for (size_t i = 0; i < l2_kinds[list].fields_n; i++) {
			size_t max =
			    i == peer_of[list] ? CHANGE_PEER_MAX : CHANGE_TEXT_MAX;

			if (l2_kinds[list].fields[i].type != L2_TEXT)
				continue;
			restored_with(list, i, 1, true);
			restored_with(list, i, max - 1, true);
			restored_with(list, i, max, true);
			restored_with(list, i, max + 1, false);
			if (i && i != peer_of[list])
				restored_with(list, i, 0, true);
		}
}

/* What is told of pegs by status is what there is. */
static void statuses_are_those_of_rows(void)
{
	static const char differing[] =
	    "WITH is_ AS (SELECT 2 AS list, status, COUNT(*) AS n FROM node_pegin"
	    " GROUP BY status UNION ALL SELECT 3, status, COUNT(*) FROM node_pegout"
	    " GROUP BY status UNION ALL SELECT 5, status, COUNT(*) FROM node_anchor"
	    " GROUP BY status),"
	    " told AS (SELECT list, status, n FROM node_status WHERE n <> 0)"
	    " SELECT (SELECT COUNT(*) FROM"
	    " (SELECT * FROM is_ EXCEPT SELECT * FROM told))"
	    " + (SELECT COUNT(*) FROM (SELECT * FROM told EXCEPT SELECT * FROM is_))";

	assert_int_equal(outside_number(path, differing), 0);
}

static void random_changes_keep_what_must_hold(void **state)
{
	char line[500];
	int taken = 0;

	(void)state;
	commits_each = 20;
	for (seed = 1; seed < 4; seed++) {
		uint64_t was = seed;

		for (int i = 0; i < 400; i++) {
			char before[L2_HEX];

			wall_ms += (int64_t)draw(900);
			random_line(line, sizeof line);
			memcpy(before, root(), sizeof before);
			if (do_lines(line) == ERR_OK)
				taken++;
			else
				assert_string_equal(root(), before);
		}
		commit(j);
		statuses_are_those_of_rows();
		same_elsewhere();
		statuses_are_those_of_rows();
		seed = was;
	}
	commits_each = 1;
	assert_true(taken > 300);
}

/* What was there at a start is what the last commit left. */
static void a_start_finds_what_was_committed(void **state)
{
	char was[L2_HEX];

	(void)state;
	is_done(PAY);
	memcpy(was, root(), sizeof was);
	is_refused("{'do':'debit','peer':'b','amount':'1'}", "peer b has 0");
	journal_close(j);
	j = own();
	assert_string_equal(root(), was);
	is_done(PAY);
	assert_int_equal(has("a"), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(balances_follow_their_rules, fresh, over),
		cmocka_unit_test_setup_teardown(no_balance_overflows, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_bad_line_undoes_those_before_it, fresh, over),
		cmocka_unit_test_setup_teardown(escrows_follow_their_rules, fresh, over),
		cmocka_unit_test_setup_teardown(tasks_come_and_go, fresh, over),
		cmocka_unit_test_setup_teardown(
		    confirmations_decide_what_is_minted, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_pegin_has_its_limits_and_its_name, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_pegout_burns_and_completes_on_an_anchor, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_completed_one_on_no_anchor_gets_one, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_completed_one_on_a_lost_anchor_gets_one, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_pegout_that_fails_is_given_back, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_peg_that_is_held_goes_nowhere, fresh, over),
		cmocka_unit_test_setup_teardown(
		    two_equal_pegouts_of_a_second_are_two, fresh, over),
		cmocka_unit_test_setup_teardown(what_is_no_change_is_named, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_peer_has_256_bytes_at_most, fresh, over),
		cmocka_unit_test_setup_teardown(
		    bytes_that_are_no_text_are_peers_too, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_change_is_done_once_by_its_id, fresh, over),
		cmocka_unit_test_setup_teardown(
		    supply_that_does_not_hold_ends_it, fresh, over),
		cmocka_unit_test_setup_teardown(altered_rows_are_seen, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_state_is_recounted_by_parts, fresh, over),
		cmocka_unit_test_setup_teardown(altered_totals_are_seen, fresh, over),
		cmocka_unit_test_setup_teardown(altered_changes_are_seen, fresh, over),
		cmocka_unit_test_setup_teardown(
		    what_a_restore_took_back_can_come_again, fresh, over),
		cmocka_unit_test_setup_teardown(it_can_be_taken_back_again, fresh, over),
		cmocka_unit_test_setup_teardown(
		    what_comes_back_is_known_by_its_id, fresh, over),
		cmocka_unit_test_setup_teardown(
		    ids_are_unsure_behind_a_state_of_others, fresh, over),
		cmocka_unit_test_setup_teardown(
		    what_was_its_own_is_known_again, fresh, over),
		cmocka_unit_test_setup_teardown(
		    no_pegout_completes_without_an_anchor, fresh, over),
		cmocka_unit_test_setup_teardown(
		    no_pegout_completes_on_an_anchor_that_is_not_confirmed, fresh, over),
		cmocka_unit_test_setup_teardown(
		    no_state_comes_in_that_no_change_leads_to, fresh, over),
		cmocka_unit_test_setup_teardown(
		    texts_of_changes_go_to_their_limits, fresh, over),
		cmocka_unit_test_setup_teardown(
		    texts_of_states_go_to_their_limits, fresh, over),
		cmocka_unit_test_setup_teardown(
		    random_changes_keep_what_must_hold, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_start_finds_what_was_committed, fresh, over),
	};

	return cmocka_run_group_tests_name("book", tests, drawer_open, drawer_close);
}
