/* Anchors on Bitcoin: what blocks and reorgs make of them, and how the reorg database
 * comes to know. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/mem.h"
#include "drawer.h"
#include "engine/states.h"
#include "guide_node.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/anchor/missed.h"
#include "kinds/node/reorgdb/changes.h"
#include "kinds/node/reorgdb/rebuild.h"

#define WALL INT64_C(1700000000000)

static struct journal *j;
static char db_path[PATH_BYTES];

/* RocksDB syncs what it writes ahead by this. */
static int syncs;

int fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

static int fresh(void **state)
{
	(void)state;
	drawer_clean();
	assert_int_equal(journal_create(path, NULL), ERR_OK);
	j = own();
	snprintf(db_path, sizeof db_path, "%s", beside("reorg_db"));
	return 0;
}

static int over(void **state)
{
	char command[PATH_BYTES + 16];

	(void)state;
	journal_close(j);
	snprintf(command, sizeof command, "rm -rf %s", db_path);
	return system(command);
}

/* A hash of one byte, said 32 times; of a block, with its branch. */
static struct hash h(uint8_t byte)
{
	struct hash ret;

	memset(ret.at, byte, sizeof ret.at);
	return ret;
}

static struct hash block_hash(uint64_t height, uint8_t branch)
{
	struct hash ret = h(branch);

	memcpy(ret.at, &height, sizeof height);
	return ret;
}

static const char *text(uint8_t byte)
{
	static char out[65];

	for (int i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", byte);
	return out;
}

static int64_t made(uint8_t name)
{
	struct anchor a = { .made_ms = WALL, .hash = h(name), .root = h(0xee) };

	return anchor_add(j, &a, "payload", 7);
}

static struct anchor at(int64_t id)
{
	struct anchor a;

	assert_true(anchor_read(j, id, &a));
	return a;
}

static void broadcast(int64_t id, uint8_t tx, int64_t wall_ms)
{
	struct anchor a = at(id);
	struct hash txid = h(tx);

	anchor_broadcast(j, &a, &txid, wall_ms);
}

/* Blocks of a branch; those that stand for a byte have a transaction of that name. */
static void grow(uint64_t from, uint64_t to, uint8_t branch, uint8_t tx)
{
	for (uint64_t i = from; i <= to; i++) {
		struct hash hash = block_hash(i, branch), txids[2] = { h(0x77), h(tx) };

		anchors_added(j, i, &hash, txids, tx && i == from ? 2 : 1);
	}
}

static struct reorg removed(uint64_t above)
{
	struct reorg r;

	anchors_removed(j, above, WALL + 5, &r);
	return r;
}

/* -- what blocks make of them ------------------------------------------------ */

static void six_blocks_confirm_it(void **state)
{
	int64_t id = made(1), waits = made(2);

	(void)state;
	assert_int_equal(made(1), id);
	assert_false(at(id).has_txid);
	broadcast(id, 0xa1, WALL);
	grow(90, 99, 1, 0);
	assert_int_equal(at(id).confirmations, 0);
	grow(100, 104, 1, 0xa1);
	assert_int_equal(at(id).height, 100);
	assert_int_equal(at(id).confirmations, 5);
	assert_int_equal(at(id).status, ANCHOR_PENDING);
	grow(105, 105, 1, 0);
	assert_int_equal(at(id).confirmations, 6);
	assert_int_equal(at(id).status, ANCHOR_CONFIRMED);
	grow(106, 220, 1, 0);
	assert_int_equal(at(id).confirmations, ANCHOR_COUNTED);
	assert_int_equal(at(waits).status, ANCHOR_PENDING);
	assert_false(at(waits).has_height);
}

/* The database may be opened behind the blocks that have its anchors. */
static void who_came_later_is_in_its_block_all_the_same(void **state)
{
	struct hash txids[2] = { h(0x77), h(0xa1) };
	struct hash dead = block_hash(100, 2), hash = block_hash(100, 1);
	int64_t id;

	(void)state;
	grow(100, 103, 1, 0xa1);
	id = made(1);
	broadcast(id, 0xa1, WALL);
	anchors_again(j, 100, &dead, txids, 2);
	assert_false(at(id).in_block);
	anchors_again(j, 100, &hash, txids, 2);
	assert_true(at(id).in_block);
	assert_int_equal(at(id).height, 100);
	assert_int_equal(at(id).confirmations, 4);
	assert_int_equal(at(id).status, ANCHOR_PENDING);
}

static void a_reorg_takes_those_of_its_blocks(void **state)
{
	int64_t below = made(1), in = made(2), above = made(3);
	struct hash hash;
	uint64_t top;

	(void)state;
	broadcast(below, 0xa1, WALL);
	broadcast(in, 0xa2, WALL);
	broadcast(above, 0xa3, WALL);
	grow(100, 109, 1, 0xa1);
	grow(110, 111, 1, 0xa2);
	grow(112, 116, 1, 0xa3);
	assert_int_equal(at(in).status, ANCHOR_CONFIRMED);
	(void)removed(109);
	assert_int_equal(at(below).status, ANCHOR_CONFIRMED);
	assert_int_equal(at(in).status, ANCHOR_INVALIDATED_REORG);
	assert_int_equal(at(in).confirmations, 0);
	assert_int_equal(at(above).status, ANCHOR_INVALIDATED_REORG);
	assert_true(anchors_top(j, &top));
	assert_int_equal(top, 109); /* nothing of the dead branch is left */
	assert_false(anchors_at(j, 110, &hash));
	/* What is mined again is alive again, and counted from there. */
	grow(110, 114, 2, 0xa2);
	assert_int_equal(at(in).status, ANCHOR_PENDING);
	assert_int_equal(at(in).confirmations, 5);
	assert_int_equal(at(above).status, ANCHOR_INVALIDATED_REORG);
	grow(115, 117, 2, 0xa3);
	assert_int_equal(at(in).status, ANCHOR_CONFIRMED);
	assert_int_equal(at(above).status, ANCHOR_PENDING);
	assert_int_equal(at(above).height, 115);
}

static void who_is_in_no_block_for_long_is_orphaned(void **state)
{
	int64_t waits = made(1), old = made(2), ahead = made(3), in = made(4);

	(void)state;
	broadcast(old, 0xa2, WALL);
	broadcast(
	    ahead, 0xa3, WALL + INT64_C(999999999)); /* of a clock that was set back */
	broadcast(in, 0xa4, WALL);
	grow(100, 100, 1, 0xa4);
	anchors_turn(j, WALL + ANCHOR_PENDING_MS);
	assert_int_equal(at(old).status, ANCHOR_PENDING);
	anchors_turn(j, WALL + ANCHOR_PENDING_MS + 1);
	assert_int_equal(at(old).status, ANCHOR_FAILED_ORPHANED);
	assert_int_equal(at(waits).status, ANCHOR_PENDING);
	assert_int_equal(at(ahead).status, ANCHOR_PENDING);
	assert_int_equal(at(in).status, ANCHOR_PENDING);
	grow(101, 106, 1, 0xa2);
	assert_int_equal(at(old).status, ANCHOR_CONFIRMED);
}

/* It was noticed in two steps, and nothing had come yet in the place of what went. */
static void a_reorg_that_goes_on_is_one(void **state)
{
	struct reorg r;

	(void)state;
	grow(100, 120, 1, 0);
	r = removed(110);
	assert_int_equal(r.height, 111);
	assert_int_equal(r.deep, 10);
	r = removed(105);
	assert_int_equal(r.number, 0);
	assert_int_equal(r.height, 106);
	assert_int_equal(r.deep, 15);
	assert_false(r.below);
	grow(106, 108, 2, 0);
	r = removed(107);
	assert_int_equal(r.number, 1);
	assert_int_equal(r.deep, 1);
}

/* The second step leaves nothing of what was known: where it began is not. */
static void a_reorg_that_goes_on_below_all_has_no_fork(void **state)
{
	struct reorg r;
	uint64_t at_height;

	(void)state;
	grow(100, 120, 1, 0);
	(void)removed(110);
	r = removed(99);
	assert_int_equal(r.number, 0);
	assert_int_equal(r.height, 100);
	assert_int_equal(r.deep, 21);
	assert_true(r.below);
	assert_true(anchors_begin(j, &at_height));
	assert_int_equal(at_height, 100);
}

/* What came in the place of the first is unread as yet, and blocks stand above it. */
static void the_next_reorg_is_another(void **state)
{
	struct hash hash = block_hash(300, 2);
	struct reorg r;

	(void)state;
	grow(100, 120, 1, 0);
	(void)removed(110);
	missed_add(j, 111, 300, &hash);
	anchors_base(j, 300, &hash);
	grow(301, 310, 2, 0);
	r = removed(305);
	assert_int_equal(r.number, 1);
	assert_int_equal(r.height, 306);
	assert_int_equal(r.deep, 5);
}

/* Up to block 120 all was read, and none from there to this one, 300. */
static void unread_to(const struct hash *hash)
{
	grow(100, 120, 1, 0);
	missed_add(j, 121, 300, hash);
	anchors_base(j, 300, hash);
}

/* Blocks went by unread, and then some are undone: what is known below them may be the
 * chain's. */
static void a_reorg_above_what_was_not_read_has_its_height(void **state)
{
	struct hash hash = block_hash(300, 1);
	struct missed_run run;
	struct reorg r;

	(void)state;
	unread_to(&hash);
	grow(301, 320, 1, 0);
	r = removed(200);
	missed_removed(j, 200);
	assert_int_equal(r.height, 300);
	assert_int_equal(r.deep, 21);
	assert_false(r.below);
	hash = block_hash(290, 2);
	missed_add(j, 201, 290, &hash);
	grow(291, 320, 2, 0);
	assert_true(missed_next(j, &run));
	assert_int_equal(run.top, 290);
	assert_int_equal(run.bottom, 121);
}

/* The block that came in the place of the first is read later than those above it. */
static void what_came_in_its_place_is_known_when_it_is_read(void **state)
{
	struct hash hash = block_hash(300, 2), came = block_hash(111, 2);
	struct sql_node_reorg_get_in in = { .number = 0 };
	struct sql_node_reorg_get_out row;
	struct missed_run run;

	(void)state;
	grow(100, 120, 1, 0);
	(void)removed(110);
	missed_add(j, 111, 300, &hash);
	anchors_base(j, 300, &hash);
	grow(301, 310, 2, 0);
	/* and others come above it meanwhile, that wait for nothing, or still do */
	(void)removed(305);
	grow(306, 308, 3, 0);
	(void)removed(307);
	assert_true(sql_node_reorg_get_one(j, &in, &row));
	assert_true(row.no_new_hash);
	while (missed_next(j, &run)) {
		struct hash below = block_hash(run.top - 1, run.top > 111 ? 2 : 1);

		missed_read(j, &run, &below, NULL, 0, WALL);
	}
	assert_true(sql_node_reorg_get_one(j, &in, &row));
	assert_false(row.no_new_hash);
	assert_memory_equal(row.new_hash, came.at, 32);
	assert_int_equal(row.height, 111);
	assert_int_equal(row.deep, 10);
	assert_false(row.below);
	in.number = 2;
	assert_true(sql_node_reorg_get_one(j, &in, &row));
	assert_true(row.no_new_hash);
}

/* What came in the place of a block that was never read went again: of it nothing is
 * known, and what stands there behind another reorg is no word of it. */
static void what_went_again_settles_none_of_before(void **state)
{
	struct hash hash = block_hash(300, 2), came = block_hash(150, 3);
	struct sql_node_reorg_get_in in = { .number = 0 };
	struct sql_node_reorg_get_out row;

	(void)state;
	grow(100, 120, 1, 0);
	(void)removed(110);
	missed_add(j, 111, 300, &hash);
	anchors_base(j, 300, &hash);
	(void)removed(105);
	missed_removed(j, 105);
	grow(106, 150, 3, 0);
	assert_true(sql_node_reorg_get_one(j, &in, &row));
	assert_int_equal(row.height, 111);
	assert_true(row.no_new_hash);
	in.number = 1;
	assert_true(sql_node_reorg_get_one(j, &in, &row));
	assert_int_equal(row.height, 106);
	assert_false(row.no_new_hash);
	came = block_hash(106, 3);
	assert_memory_equal(row.new_hash, came.at, 32);
}

/* Read late, each of them is another one, down to the lowest. */
static void what_replaces_all_that_was_known_has_no_fork(void **state)
{
	struct sql_node_reorg_get_in in = { .number = 0 };
	struct hash hash = block_hash(300, 2);
	struct sql_node_reorg_get_out row;
	struct missed_run run;

	(void)state;
	unread_to(&hash);
	grow(301, 310, 2, 0);
	while (missed_next(j, &run)) {
		struct hash below = block_hash(run.top - 1, 2);

		assert_true(!sql_node_reorg_get_one(j, &in, &row) || !row.below);
		missed_read(j, &run, &below, NULL, 0, WALL);
	}
	assert_true(sql_node_reorg_get_one(j, &in, &row));
	assert_int_equal(row.height, 100);
	assert_int_equal(row.deep, 21);
	assert_true(row.below);
}

/* As far as the chain's own block is known there; above it nothing is missed any more. */
static void what_was_missed_below_a_lost_branch_is_read_still(void **state)
{
	struct hash hash = block_hash(300, 1), anew = block_hash(150, 2);
	struct missed_run run;

	(void)state;
	grow(100, 120, 1, 0);
	missed_add(j, 121, 300, &hash);
	missed_lost(j, 150, &anew);
	assert_true(missed_next(j, &run));
	assert_int_equal(run.top, 150);
	assert_int_equal(run.bottom, 121);
	assert_memory_equal(run.hash.at, anew.at, 32);
	missed_lost(j, 110, &anew);
	assert_false(missed_next(j, &run));
}

static void who_is_below_all_that_is_known_may_have_changed(void **state)
{
	int64_t in = made(1), below = made(2);
	struct hash hash = block_hash(60, 1), txid = h(0xa2);
	struct reorg r;
	uint64_t at_height;

	(void)state;
	broadcast(in, 0xa1, WALL);
	broadcast(below, 0xa2, WALL);
	assert_false(anchors_begin(j, &at_height));
	anchors_below(j, 60, &hash, &txid, 1);
	grow(100, 105, 1, 0);
	grow(106, 120, 1, 0xa1);
	assert_true(anchors_begin(j, &at_height));
	assert_int_equal(at_height, 100);
	assert_int_equal(at(below).status, ANCHOR_CONFIRMED);
	/* 101 and below are not known to have changed */
	anchors_lost(j, 40, 102, WALL, &r);
	assert_int_equal(r.height, 102);
	assert_int_equal(r.deep, 19);
	assert_true(r.below);
	assert_int_equal(at(in).status, ANCHOR_INVALIDATED_REORG);
	assert_int_equal(at(below).status, ANCHOR_INVALIDATED_REORG);
	assert_false(anchors_top(j, &at_height));
	assert_true(anchors_begin(j, &at_height));
	assert_int_equal(at_height, 102);
	anchors_below(j, 60, &hash, &txid, 1); /* it lives */
	assert_int_equal(at(below).status, ANCHOR_PENDING);
	grow(102, 110, 2, 0xa1);
	assert_int_equal(at(below).status, ANCHOR_CONFIRMED);
	assert_int_equal(at(in).status, ANCHOR_CONFIRMED);
	assert_int_equal(at(in).height, 102);
	/* a reorg to below the lowest, one block after the other */
	r = removed(99);
	assert_int_equal(r.height, 102);
	assert_int_equal(r.deep, 9);
	assert_true(r.below);
}

static void only_the_highest_blocks_are_kept(void **state)
{
	struct hash hash;

	(void)state;
	grow(0, 1500, 1, 0);
	assert_false(anchors_at(j, 500, &hash));
	assert_true(anchors_at(j, 501, &hash));
	assert_true(anchors_at(j, 1500, &hash));
	add_chain(j, 7);
	assert_true(anchors_chain(j, 1)); /* the first one is its chain */
	assert_true(anchors_chain(j, 1));
	assert_false(anchors_chain(j, 2));
}

/* -- how the database comes to know ------------------------------------------ */

static struct reorgdb *database(void)
{
	struct fail f = { .err = ERR_OK };
	struct reorgdb *db;

	if (reorgdb_open(&db, db_path, REORGDB_CREATE, &f) != ERR_OK)
		fail_msg("%s", f.why);
	return db;
}

/* All that moved after it; how many keys were written. */
static size_t told(struct reorgdb *db, int64_t after)
{
	struct fail f = { .err = ERR_OK };
	struct changes c;
	size_t n;

	changes_read(&c, j, after);
	if (changes_write(&c, db, &n, &f) != ERR_OK)
		fail_msg("%s", f.why);
	changes_release(&c);
	return n;
}

static struct guide_node *guide(void)
{
	char why[400] = "";
	struct guide_node *g = guide_open(db_path, why, sizeof why);

	if (!g)
		fail_msg("the node of the guide: %s", why);
	return g;
}

static void a_reorg_is_one_batch(void **state)
{
	int64_t id = made(1), moves;
	struct reorgdb *db = database();
	struct guide_anchor a;
	struct guide_event events[GUIDE_LIST];
	struct guide_node *g;
	char value[GUIDE_VALUE];
	int before;

	(void)state;
	broadcast(id, 0xa1, WALL);
	grow(99, 99, 1, 0);
	grow(100, 109, 1, 0xa1);
	told(db, 0);
	moves = anchors_moves(j);
	(void)removed(99);
	grow(100, 102, 2, 0);
	before = syncs;
	assert_int_equal(told(db, moves), 7 + 3 + 1 + 1 + 1 + 1); /* blocks gone, new,
								     anchor, event,
								     counter, mark */
	assert_int_equal(syncs, before + 1);
	reorgdb_close(db);
	g = guide();
	assert_true(guide_anchor(g, text(1), &a));
	assert_int_equal(a.status, ANCHOR_INVALIDATED_REORG);
	assert_int_equal(a.height, 100);
	assert_int_equal(guide_history(g, events), 1);
	assert_int_equal(events[0].height, 100);
	assert_int_equal(events[0].anchors_n, 1);
	assert_string_equal(events[0].anchors[0], text(1));
	assert_int_equal(strlen(events[0].old_hash), 64);
	assert_int_equal(strlen(events[0].new_hash), 64);
	assert_string_not_equal(events[0].old_hash, events[0].new_hash);
	assert_int_equal(guide_blocks(g), 4);
	assert_true(guide_block(g, 102, value));
	assert_true(guide_get(g, "reorg_counter", value));
	assert_string_equal(value, "1");
	guide_close(g);
}

/* What is below may be of the dead branch; what a resync brings later is not. */
static void blocks_below_an_unknown_fork_go_once(void **state)
{
	struct reorgdb *db = database();
	struct guide_node *g;
	struct guide_event events[GUIDE_LIST];
	char value[GUIDE_VALUE];
	struct reorg r;
	uint64_t deep;
	bool there;

	(void)state;
	grow(100, 120, 1, 0);
	told(db, 0);
	reorgdb_close(db);
	g = guide();
	for (uint64_t i = 90; i < 100; i++)
		guide_track(g, i, text(0xb1));
	guide_close(g);
	anchors_lost(j, 40, 100, WALL, &r);
	db = database();
	told(db, 0);
	reorgdb_close(db);
	g = guide();
	assert_int_equal(guide_blocks(g), 0);
	guide_track(g, 99, text(0xb2));
	guide_close(g);
	grow(100, 125, 2, 0);
	db = database();
	told(db, 0);
	assert_int_equal(reorgdb_below(db, 0, &deep, &there, NULL), ERR_OK);
	assert_true(there);
	assert_int_equal(deep, 21);
	assert_int_equal(told(db, 0), 0);
	reorgdb_close(db);
	g = guide();
	assert_int_equal(guide_blocks(g), 27);
	assert_true(guide_block(g, 99, value));
	assert_int_equal(guide_history(g, events), 1);
	assert_int_equal(events[0].height, 100);
	assert_int_equal(strlen(events[0].old_hash), 64);
	assert_int_equal(strlen(events[0].new_hash), 64);
	guide_close(g);
}

/* The old one was not told of that reorg: what lies below it is not taken over. */
static void a_rebuild_leaves_them_out(void **state)
{
	struct reorgdb *db = database();
	struct rebuilt told_of;
	struct guide_node *g;
	struct reorg r;

	(void)state;
	grow(100, 120, 1, 0);
	told(db, 0);
	reorgdb_close(db);
	g = guide();
	for (uint64_t i = 90; i < 100; i++)
		guide_track(g, i, text(0xb1));
	guide_close(g);
	anchors_lost(j, 40, 100, WALL, &r);
	grow(100, 125, 2, 0);
	commit(j);
	assert_int_equal(reorgdb_rebuild(&told_of, j, db_path, NULL), ERR_OK);
	mem_free(told_of.aside);
	g = guide();
	assert_int_equal(guide_blocks(g), 26);
	guide_close(g);
}

/* Others are in their place, which are unread as yet. */
static void dead_blocks_go_before_others_come(void **state)
{
	struct hash hash = block_hash(300, 2);
	struct reorgdb *db = database();
	char there[RECORD_TEXT_MAX + 1];
	int64_t moves;
	bool has;

	(void)state;
	grow(100, 120, 1, 0);
	told(db, 0);
	moves = anchors_moves(j);
	(void)removed(110);
	missed_add(j, 111, 300, &hash);
	anchors_base(j, 300, &hash);
	grow(301, 310, 2, 0);
	told(db, moves);
	for (uint64_t i = 100; i <= 120; i++) {
		assert_int_equal(reorgdb_block(db, i, there, &has, NULL), ERR_OK);
		assert_int_equal(has, i <= 110);
	}
	reorgdb_close(db);
}

/* More blocks went by unread than are kept, and of those before some are dead. */
static void what_is_dead_behind_a_long_absence_is_not_told(void **state)
{
	struct hash hash = block_hash(1500, 2), dead = block_hash(115, 1);
	struct reorgdb *db = database();
	struct missed_run run;
	char there[RECORD_TEXT_MAX + 1], text_of_dead[65];
	bool has;

	(void)state;
	grow(100, 120, 1, 0);
	told(db, 0);
	missed_add(j, 121, 1500, &hash);
	grow(1501, 1510, 2, 0);
	while (missed_next(j, &run)) {
		struct hash below = block_hash(run.top - 1, run.top > 111 ? 2 : 1);

		missed_read(j, &run, &below, NULL, 0, WALL);
	}
	assert_true(anchors_at(j, 115, &hash));
	assert_memory_not_equal(hash.at, dead.at, 32);
	told(db, 0);
	hex_format(text_of_dead, dead.at, 32);
	assert_int_equal(reorgdb_block(db, 115, there, &has, NULL), ERR_OK);
	assert_true(!has || strcmp(there, text_of_dead) != 0);
	reorgdb_close(db);
}

static void what_a_kill_kept_from_it_is_told_by_the_next_start(void **state)
{
	int64_t id = made(1);
	struct reorgdb *db = database();

	(void)state;
	broadcast(id, 0xa1, WALL);
	grow(100, 105, 1, 0xa1);
	told(db, 0);
	reorgdb_close(db);
	(void)removed(103);
	grow(104, 110, 2, 0);
	commit(j); /* and here it dies */
	db = database();
	assert_true(told(db, 0) > 7);
	assert_int_equal(told(db, 0), 0); /* once more is nothing more */
	reorgdb_close(db);
}

static void the_journal_wins(void **state)
{
	int64_t id = made(1);
	struct reorgdb *db = database();
	struct guide_anchor a = { .root = "00", .status = 3 };
	struct guide_node *g;
	char value[GUIDE_VALUE];

	(void)state;
	broadcast(id, 0xa1, WALL);
	grow(100, 105, 1, 0xa1);
	told(db, 0);
	reorgdb_close(db);
	g = guide();
	snprintf(a.hash, sizeof a.hash, "%s", text(1));
	guide_register(g, &a);
	guide_track(g, 103, "00");
	guide_track(g, 106, "00");
	guide_put(g, "pawl:mark", "nonsense");
	guide_close(g);
	db = database();
	assert_int_equal(told(db, 0), 4);
	reorgdb_close(db);
	g = guide();
	assert_true(guide_anchor(g, text(1), &a));
	assert_int_equal(a.status, ANCHOR_CONFIRMED);
	assert_false(guide_block(g, 106, value));
	guide_close(g);
}

static void what_only_the_database_has_is_taken_over(void **state)
{
	struct guide_anchor a = { .height = 101, .confirmations = 9, .status = 1 };
	struct guide_node *g = guide();
	struct reorgdb *db;
	struct holdings held;
	struct adopted adopted;
	struct anchor got;
	struct hash one = h(1), two = h(2);

	(void)state;
	snprintf(a.root, sizeof a.root, "%s", text(0xee));
	for (uint8_t i = 1; i < 4; i++) {
		snprintf(a.hash, sizeof a.hash, "%s", text(i));
		guide_register(g, &a);
	}
	snprintf(a.hash, sizeof a.hash, "anchor-4");
	guide_register(g, &a);
	guide_track(g, 100, text(0xb1));
	assert_true(guide_detect(g, 100, text(0xb2), 5));
	guide_close(g);

	assert_true(made(1) > 0); /* this one it knows */
	db = database();
	assert_int_equal(holdings_read(&held, db, NULL), ERR_OK);
	assert_false(held.marked);
	holdings_adopt(&adopted, j, &held, WALL);
	assert_int_equal(adopted.anchors, 2);
	assert_int_equal(adopted.unfit, 1);
	assert_int_equal(adopted.events, 1);
	assert_true(anchor_find(j, &two, &got));
	assert_int_equal(got.status, ANCHOR_INVALIDATED_REORG);
	assert_int_equal(got.height, 101);
	assert_true(anchor_find(j, &one, &got));
	assert_int_equal(got.status, ANCHOR_PENDING);
	holdings_adopt(&adopted, j, &held, WALL); /* a second time there is nothing */
	assert_int_equal(adopted.anchors + adopted.events, 0);
	holdings_release(&held);
	told(db, 0);
	(void)removed(99); /* the next reorg has the next number */
	told(db, 0);
	reorgdb_close(db);
	g = guide();
	assert_int_equal(guide_history(g, (struct guide_event[GUIDE_LIST]){ { 0 } }), 2);
	guide_close(g);
}

/* -- however it came about ------------------------------------------------------ */

/* A chain that has forks, some of whose blocks have one of the transactions. */
static struct {
	uint8_t branch[9000], tx[9000];
	uint64_t top;
} real;

static uint32_t dice(uint32_t sides)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % sides;
}

static struct hash real_hash(uint64_t height)
{
	return block_hash(height, real.branch[height]);
}

static size_t real_txids(uint64_t height, struct hash out[2])
{
	out[0] = h(0x77);
	out[1] = h(real.tx[height]);
	return real.tx[height] ? 2 : 1;
}

/* So many give way, and others come; what had been in them may be in others. */
static void real_moves(uint64_t deep, uint64_t more)
{
	uint64_t from = real.top - deep + 1;
	static uint8_t branch;

	branch = (uint8_t)(branch % 250 + 1);
	real.top = real.top - deep + more;
	for (uint64_t i = from; i <= real.top; i++) {
		real.branch[i] = branch;
		real.tx[i] = dice(3) ? 0 : (uint8_t)(0xa1 + dice(6));
	}
}

static void real_read(uint64_t from)
{
	for (uint64_t i = from; i <= real.top; i++) {
		struct hash hash = real_hash(i), below = real_hash(i - 1), txids[2];
		size_t n = real_txids(i, txids);

		anchors_base(j, i - 1, &below);
		anchors_added(j, i, &hash, txids, n);
	}
}

/* Down to the fork. */
static uint64_t real_removed(uint64_t top)
{
	uint64_t at = top < real.top ? top : real.top;
	struct hash mine, hash;

	for (; at; at--) {
		hash = real_hash(at);
		if (anchors_at(j, at, &mine) && hash_same(&mine, &hash))
			break;
	}
	if (at < top) {
		(void)removed(at);
		missed_removed(j, at);
	}
	return at;
}

/* As the feed does: what is dead is removed, what was skipped is missed. */
static void real_followed(bool skips)
{
	uint64_t top;
	struct hash hash;

	if (!anchors_top(j, &top)) {
		real_read(real.top - 5);
		return;
	}
	skips = skips && real.top > top + 30;
	if (!skips || dice(2)) /* else it is found when they are read */
		top = real_removed(top);
	if (skips || real.top > top + 40) {
		hash = real_hash(real.top - 10);
		missed_add(j, top + 1, real.top - 10, &hash);
		top = real.top - 10;
	}
	real_read(top + 1);
}

static void real_missed(uint64_t most)
{
	struct missed_run run;

	for (; most && missed_next(j, &run); most--) {
		struct hash txids[2], below = real_hash(run.top - 1);

		missed_read(j, &run, &below, txids, real_txids(run.top, txids), WALL);
	}
}

static void dump_block(void *ctx, uint64_t height, const char *hash)
{
	struct hash real_one = real_hash(height);
	char want[65];

	hex_format(want, real_one.at, 32);
	/* What was not read again yet may be of a dead branch. */
	if (!missed_above(j, height))
		assert_string_equal(hash, want);
	buf_addf(ctx, "block %" PRIu64 " %s\n", height, hash);
}

static void dump_anchor(void *ctx, const struct anchor_record *a)
{
	buf_addf(ctx, "anchor %s %s %" PRIu64 " %" PRIu64 " %d\n", a->hash, a->txid,
	    a->height, a->confirmations, a->status);
}

static void dump_event(void *ctx, const struct reorg_event *e)
{
	buf_addf(ctx, "reorg %" PRIu64 " %" PRIu64 " %s %s %zu\n", e->number, e->height,
	    e->old_hash, e->new_hash, e->anchors_n);
}

static void dump_below(void *ctx, uint64_t number, uint64_t deep)
{
	buf_addf(ctx, "below %" PRIu64 " %" PRIu64 "\n", number, deep);
}

static void dump(struct buf *b, struct reorgdb *db)
{
	const struct reorgdb_visitor v = { .ctx = b,
		.block = dump_block,
		.anchor = dump_anchor,
		.event = dump_event,
		.below = dump_below };

	buf_init(b, 4 << 20);
	assert_int_equal(reorgdb_visit(db, &v, NULL), ERR_OK);
}

/* Each anchor is in the block that has its transaction, as deep as that is. */
static void check_anchors(void)
{
	for (int64_t id = 1; id <= 6; id++) {
		struct anchor a = at(id);
		struct hash hash;
		uint64_t top;

		if (!a.in_block)
			continue;
		assert_true(anchors_top(j, &top));
		hash = real_hash(a.height);
		assert_memory_equal(a.block_hash.at, hash.at, 32);
		assert_int_equal(real.tx[a.height], 0xa0 + id);
		assert_int_equal(a.confirmations,
		    top - a.height >= ANCHOR_COUNTED ? ANCHOR_COUNTED
						     : top - a.height + 1);
		assert_true(a.status ==
		    (a.confirmations >= ANCHOR_CONFIRMS ? ANCHOR_CONFIRMED
							: ANCHOR_PENDING));
	}
}

/* Made anew it is what it had become by following, whatever happened, and however much of
 * that it was told at a time. */
static void made_anew_it_is_what_was_followed(void **state)
{
	struct reorgdb *db = database();
	struct rebuilt told_of;
	struct buf followed, anew;
	int64_t moves = 0;

	(void)state;
	for (uint8_t i = 1; i <= 6; i++)
		broadcast(made(i), (uint8_t)(0xa0 + i), WALL);
	memset(&real, 0, sizeof real);
	real.top = 200;
	real_moves(150, 150);
	for (int i = 0; i < 250; i++) {
		uint64_t deep = dice(4) ? dice(3) : dice(30);

		real_moves(deep, deep + dice(dice(5) ? 3 : dice(30) ? 60 : 1500));
		real_followed(dice(4) == 0);
		real_missed(dice(3) ? UINT64_MAX : dice(20));
		if (dice(3))
			continue;
		told(db, dice(8) ? moves : 0);
		moves = anchors_moves(j);
		dump(&followed, db);
		buf_release(&followed);
	}
	real_missed(UINT64_MAX);
	real_followed(false);
	real_missed(UINT64_MAX);
	told(db, moves);
	check_anchors();
	dump(&followed, db);
	assert_int_equal(told(db, 0), 0);
	reorgdb_close(db);
	commit(j);
	assert_int_equal(reorgdb_rebuild(&told_of, j, db_path, NULL), ERR_OK);
	mem_free(told_of.aside);
	db = database();
	dump(&anew, db);
	assert_string_equal(buf_text(&anew), buf_text(&followed));
	buf_release(&anew);
	buf_release(&followed);
	reorgdb_close(db);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh, over)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(six_blocks_confirm_it),
		CASE(who_came_later_is_in_its_block_all_the_same),
		CASE(a_reorg_takes_those_of_its_blocks),
		CASE(who_is_in_no_block_for_long_is_orphaned),
		CASE(a_reorg_that_goes_on_is_one),
		CASE(a_reorg_that_goes_on_below_all_has_no_fork),
		CASE(the_next_reorg_is_another),
		CASE(a_reorg_above_what_was_not_read_has_its_height),
		CASE(what_came_in_its_place_is_known_when_it_is_read),
		CASE(what_went_again_settles_none_of_before),
		CASE(what_replaces_all_that_was_known_has_no_fork),
		CASE(what_was_missed_below_a_lost_branch_is_read_still),
		CASE(who_is_below_all_that_is_known_may_have_changed),
		CASE(only_the_highest_blocks_are_kept),
		CASE(a_reorg_is_one_batch),
		CASE(blocks_below_an_unknown_fork_go_once),
		CASE(a_rebuild_leaves_them_out),
		CASE(dead_blocks_go_before_others_come),
		CASE(what_is_dead_behind_a_long_absence_is_not_told),
		CASE(what_a_kill_kept_from_it_is_told_by_the_next_start),
		CASE(the_journal_wins),
		CASE(what_only_the_database_has_is_taken_over),
		CASE(made_anew_it_is_what_was_followed),
	};

	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
