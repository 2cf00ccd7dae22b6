/* Transactions that are followed: what their subscribers hear, once and in order. */
#include "payer.h"

#include "base/hex.h"
#include "engine/message.h"
#include "kinds/track/look_in.h"
#include "kinds/track/track_in.h"

#define CONFIRMATIONS 4
#define HOURS_MS ((int64_t)2 * 3600 * 1000)

static const struct track_config config = {
	.expire_after_ms = HOURS_MS, .percents_n = 3, .percents = { 25, 50, 75 }
};
static int64_t followed;

static const char *told(void)
{
	return notices_of(SUBJECT_HASH, followed);
}

static const char *newest(void)
{
	static char body[4096];
	struct sql_notice_of_subject_in in = { .subject_kind = SUBJECT_HASH,
		.subject = followed };
	struct sql_notice_of_subject_out row;

	body[0] = '\0';
	sql_notice_of_subject_begin(scene.journal, &in);
	while (sql_notice_of_subject_next(scene.journal, &row))
		snprintf(body, sizeof body, "%s", row.body);
	return body;
}

/* By state, of all chains: what metrics tell. */
static void counted(int64_t ret[16])
{
	struct sql_metric_tracked_out row;

	for (int64_t chain = 1; chain <= 3; chain++) {
		sql_metric_tracked_begin(
		    scene.journal, &(struct sql_metric_tracked_in){ .chain = chain });
		while (sql_metric_tracked_next(scene.journal, &row))
			ret[row.state] += row.n;
	}
}

/* Each test's teardown. */
static int ends(void **state_)
{
	struct sql_tracked_count_out row;
	int64_t n[16] = { 0 };

	counted(n);
	sql_tracked_count_begin(scene.journal);
	while (sql_tracked_count_next(scene.journal, &row))
		n[row.state] -= row.n;
	for (int i = 0; i < 16; i++)
		if (n[i])
			fail_msg("of %s %lld too many are counted",
			    state_name(MACHINE_TRACKED, i), (long long)n[i]);
	return end(state_);
}

static int state_now(void)
{
	struct tracked t;

	assert_true(track_read(scene.journal, followed, &t));
	return t.state;
}

static int64_t follow(const struct hash *hash)
{
	const struct subject of = { .kind = SUBJECT_HASH,
		.id = track_add(scene.journal,
		    &(struct track_wish){ .hash = *hash,
			.chain = chain()->id,
			.confirmations = CONFIRMATIONS },
		    world_wall_ms(scene.world)) };

	assert_true(of.id > 0);
	message_subscribe(scene.journal, "webhook", "http://a.example/", &of, "mine");
	followed = of.id;
	return of.id;
}

static void begin_following(uint32_t nodes, int quorum)
{
	tracking = &config;
	begin_still(nodes, quorum);
	run_until(chain()->id);
}

static struct sim_tx *pays(uint64_t nonce, uint64_t amount, uint64_t max_fee)
{
	return scene_spend(&scene, nonce, &stranger_to, amount, max_fee);
}

static void mine(uint64_t blocks)
{
	for (uint64_t i = 0; i < blocks; i++) {
		scene_mine(&scene, 1);
		run(3000);
	}
}

static void each_milestone_is_told_once_and_in_order(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	mine(1);
	tx = pays(0, 5, 0);
	follow(&tx->hash);
	mine(1); /* it is in this block */
	assert_string_equal(told(), "included 1, progress 25");
	mine(1);
	assert_string_equal(told(), "included 1, progress 25, progress 50");
	mine(1);
	assert_string_equal(told(), "included 1, progress 25, progress 50, progress 75");
	mine(1);
	assert_string_equal(told(),
	    "included 1, progress 25, progress 50, progress 75, confirmed 1, final 1");
	assert_says(newest(), "\"confirmations\":4,\"of\":4");
	assert_int_equal(state_now(), TRACKED_FINAL);
	rise_again();
	mine(2);
	assert_string_equal(told(),
	    "included 1, progress 25, progress 50, progress 75, confirmed 1, final 1");
}

static void who_waits_in_a_pool_is_seen(void **state_)
{
	struct hash never = { { 1 } };
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(1, 5, 0); /* there is no nonce 0: no block takes it */
	follow(&tx->hash);
	mine(2);
	assert_string_equal(told(), "seen 1");
	sim_pool_drop_all(scene.chain);
	mine(2);
	assert_string_equal(told(), "seen 1");
	mine(3);
	assert_string_equal(told(), "seen 1, dropped 1");
	follow(&never);
	mine(5);
	assert_string_equal(told(), "");
	run(HOURS_MS);
	mine(2);
	assert_string_equal(told(), "expired 1");
	assert_int_equal(state_now(), TRACKED_EXPIRED);
}

/* No node has it, and what took its place is in a block that was not read yet. */
static void what_was_replaced_in_an_absence_is_not_dropped(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(1, 5, 0);
	follow(&tx->hash);
	mine(2);
	assert_string_equal(told(), "seen 1");
	rest();
	sim_pool_drop_all(scene.chain);
	scene_mine(&scene, 30);
	pays(0, 6, 0);
	pays(1, 6, 0);
	scene_mine(&scene, 2);
	scene_rise(&scene);
	rise();
	run(30000);
	assert_string_equal(told(), "seen 1, replaced 1");
}

/* It was mined in an absence, and no node finds anything by its hash: its nonce is used,
 * and that is by itself. */
static void who_finds_nothing_replaces_nothing(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(3, 2);
	tx = pays(0, 5, 0);
	(void)sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	follow(&tx->hash);
	run(5000);
	assert_string_equal(told(), "seen 1");
	rest();
	scene_mine(&scene, 600);
	pays(0, 6, 0);
	scene_mine(&scene, 2);
	for (int i = 0; i < 3; i++)
		scene.node[i]->hides_transactions = true;
	scene_rise(&scene);
	rise();
	run(60000);
	mine(12);
	assert_string_equal(told(), "seen 1, dropped 1");
	for (int i = 0; i < 3; i++)
		scene.node[i]->hides_transactions = false;
	mine(2);
	run(5000);
	assert_int_equal(state_now(), TRACKED_FINAL);
}

static void who_was_dropped_may_come_back(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(1, 5, 0);
	follow(&tx->hash);
	mine(2);
	sim_pool_drop_all(scene.chain);
	mine(6);
	assert_string_equal(told(), "seen 1, dropped 1");
	sim_pool_return(scene.chain, tx);
	mine(2);
	assert_string_equal(told(), "seen 1, dropped 1, seen 2");
}

static void other_parts_are_told_from_then_on(void **state_)
{
	struct track_config other = {
		.expire_after_ms = HOURS_MS, .percents_n = 1, .percents = { 60 }
	};

	(void)state_;
	begin_following(1, 1);
	follow(&pays(0, 5, 0)->hash);
	mine(1);
	track_configure(followers(), &other);
	mine(1);
	assert_string_equal(told(), "included 1, progress 25");
	mine(1);
	assert_string_equal(told(), "included 1, progress 25, progress 60");
}

/* A pool that has it, and then has not, for 3 blocks: at first each is told. */
static void a_pool_that_comes_and_goes_is_told_of_less(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(1, 5, 0);
	follow(&tx->hash);
	mine(1);
	for (int i = 0; i < 20; i++) {
		scene.node[0]->hides_transactions = true;
		mine(3);
		scene.node[0]->hides_transactions = false;
		mine(1);
	}
	assert_string_equal(told(), "seen 1, dropped 1, seen 2");
	scene.node[0]->hides_transactions = true;
	mine(6);
	assert_string_equal(told(), "seen 1, dropped 1, seen 2, dropped 2");
}

/* One of three that says now this, now that. */
static void one_liar_is_told_of_once(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(3, 2);
	tx = pays(1, 5, 0);
	scene.node[1]->hides_transactions = scene.node[2]->hides_transactions = true;
	follow(&tx->hash);
	for (int i = 0; i < 4; i++) {
		scene.node[0]->hides_transactions = false;
		mine(2);
		scene.node[0]->hides_transactions = true;
		mine(30);
	}
	assert_string_equal(told(), "seen 1, dropped 1");
	scene.node[0]->hides_transactions = scene.node[1]->hides_transactions = false;
	mine(1);
	assert_string_equal(told(), "seen 1, dropped 1, seen 2");
	scene.node[0]->hides_transactions = true;
	mine(20); /* what one still has is not gone */
	assert_string_equal(told(), "seen 1, dropped 1, seen 2");
}

/* It says for ever that it has what nobody else knows. */
/* As long as it was looked for, in all lives; and at least once behind each gap. */
static void time_in_which_nobody_looks_expires_nothing(void **state_)
{
	struct hash never = { { 1 } };

	(void)state_;
	begin_following(1, 1);
	follow(&never);
	mine(2);
	rest();
	scene_rise(&scene);
	world_wait(scene.world, world_now_ms(scene.world) + 2 * HOURS_MS);
	rise();
	run_until(chain()->id);
	mine(3);
	assert_int_equal(state_now(), TRACKED_UNSEEN);
	scene.node[0]->down = true;
	run(2 * HOURS_MS);
	scene.node[0]->down = false;
	run(60000);
	mine(3);
	assert_int_equal(state_now(), TRACKED_UNSEEN);
	run(HOURS_MS / 2);
	mine(1);
	rise_again();
	run_until(chain()->id);
	mine(2);
	assert_int_equal(state_now(), TRACKED_UNSEEN);
	run(HOURS_MS / 2);
	mine(2);
	assert_string_equal(told(), "expired 1");
}

static void one_liar_keeps_nothing_from_expiring(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(3, 2);
	tx = pays(1, 5, 0);
	follow(&tx->hash);
	mine(1);
	for (int i = 0; i < 3; i++)
		scene.node[i]->hides_transactions = true;
	mine(4);
	assert_string_equal(told(), "seen 1, dropped 1");
	scene.node[0]->hides_transactions = false;
	mine(1);
	run(HOURS_MS);
	mine(2);
	assert_string_equal(told(), "seen 1, dropped 1, expired 1");
}

static void a_failure_is_no_success(void **state_)
{
	struct address to = { { 0x66 } };
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	sim_account_code(scene.chain, &to, SIM_CODE_REVERTS, 0);
	tx = scene_spend(&scene, 0, &to, 5, 0);
	follow(&tx->hash);
	mine(6);
	assert_string_equal(told(), "reverted 1");
	assert_int_equal(state_now(), TRACKED_REVERTED);
}

static void what_replaces_it_is_named(void **state_)
{
	struct sim_tx *tx, *other;
	char hex[65];

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 3 * GWEI);
	follow(&tx->hash);
	(void)sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	run(5000);
	other = pays(0, 7, 9 * GWEI);
	mine(1);
	hex_format(hex, other->hash.at, 32);
	assert_string_equal(told(), "seen 1, replaced 1");
	assert_says(newest(), hex);
	mine(5);
	assert_string_equal(told(), "seen 1, replaced 1");
}

static void what_vanishes_is_retracted_and_told_again(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 0);
	follow(&tx->hash);
	mine(2);
	assert_string_equal(told(), "included 1, progress 25, progress 50");
	reorg(2, false);
	mine(1);
	assert_string_equal(told(), "included 1, progress 25, progress 50, retracted 1");
	sim_pool_return(scene.chain, tx);
	mine(1);
	assert_string_equal(told(),
	    "included 1, progress 25, progress 50, retracted 1, included 2, progress "
	    "1025");
}

static void a_reorg_while_it_rests_is_told_too(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 0);
	follow(&tx->hash);
	mine(1);
	rest();
	reorg(1, false);
	scene_rise(&scene);
	rise();
	run(5000);
	mine(1);
	assert_string_equal(told(), "included 1, progress 25, retracted 1");
}

/* What took the place of its block is final before anybody looks. */
static void what_is_gone_gets_no_deeper(void **state_)
{
	(void)state_;
	begin_following(1, 1);
	follow(&pays(0, 5, 0)->hash);
	mine(1);
	reorg(1, false);
	scene_mine(&scene, 2 * SCENE_DEPTH);
	run(5000);
	mine(2);
	assert_string_equal(told(), "included 1, progress 25, retracted 1");
}

/* The same, in blocks that nobody reads one by one. */
static void nor_in_an_absence(void **state_)
{
	(void)state_;
	begin_following(1, 1);
	follow(&pays(0, 5, 0)->hash);
	mine(1);
	rest();
	reorg(1, false);
	scene_mine(&scene, 600);
	scene_rise(&scene);
	rise();
	run(60000);
	mine(2);
	assert_string_equal(told(), "included 1, progress 25, retracted 1");
}

/* A command that owns the journal for a moment looks for nothing, and takes it back all
 * the same: nobody is told of these blocks again. */
static void what_was_final_is_taken_back_by_whoever_accepts_it(void **state_)
{
	static const char before[] =
	    "included 1, progress 25, progress 50, progress 75, confirmed 1, final 1";
	char after[sizeof before + 64];
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 0);
	follow(&tx->hash);
	mine(4);
	assert_string_equal(told(), before);
	reorg(4, false);
	run_until(follower_stopped(chain()->follower));
	run(5000);
	rest();
	scene_rise(&scene);
	rise();
	runner->s.blocks[0].turn = NULL;
	run_until(follower_stopped(chain()->follower));
	run_until(follower_accept(chain()->follower, NULL) == ERR_OK);
	turn();
	assert_int_equal(state_now(), TRACKED_MEMPOOL);
	snprintf(after, sizeof after, "%s, retracted 1", before);
	assert_string_equal(told(), after);
	rise_again();
	run_until(chain()->id);
	sim_pool_return(scene.chain, tx);
	mine(1);
	snprintf(
	    after, sizeof after, "%s, retracted 1, included 2, progress 1025", before);
	assert_string_equal(told(), after);
}

static void what_was_final_before_is_told_at_once(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 0);
	mine(SCENE_DEPTH + 4);
	follow(&tx->hash);
	mine(1);
	assert_string_equal(told(),
	    "included 1, progress 25, progress 50, progress 75, confirmed 1, final 1");
}

/* The trail has that block: nobody is asked whether it is there. */
static void what_is_in_the_final_block_is_final(void **state_)
{
	struct hash another = { { 1 } };
	struct head final = { 0 };
	struct sim_tx *tx;
	uint64_t height;

	(void)state_;
	begin_following(1, 1);
	follow(&another); /* so that blocks are read whole */
	mine(1);
	tx = pays(0, 5, 0);
	mine(1);
	height = scene.chain->head->height;
	while (!follower_final(chain()->follower, &final) || final.height < height)
		mine(1);
	assert_int_equal(final.height, height);
	scene.node[0]->hides_transactions = true;
	follow(&tx->hash);
	run(1000);
	assert_string_equal(told(),
	    "included 1, progress 25, progress 50, progress 75, confirmed 1, final 1");
	mine(2);
	assert_int_equal(state_now(), TRACKED_FINAL);
}

static void what_was_final_in_an_absence_is_told(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 0);
	follow(&tx->hash);
	mine(1);
	rest();
	scene_mine(&scene, 600);
	scene_rise(&scene);
	rise();
	run(30000);
	mine(3);
	assert_int_equal(state_now(), TRACKED_FINAL);
	assert_string_equal(told(),
	    "included 1, progress 25, progress 50, progress 75, confirmed 1, final 1");
}

static void one_node_does_not_hide_who_sent_it(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(3, 2);
	tx = pays(0, 5, 3 * GWEI);
	scene.node[0]->reads = SIM_READS_OTHER_NONCE;
	follow(&tx->hash);
	(void)sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	run(5000);
	(void)pays(0, 7, 9 * GWEI);
	mine(1);
	assert_string_equal(told(), "seen 1, replaced 1");
}

/* Nonce 0 is another transaction's: what waits behind it is not replaced by that. */
static struct sim_tx *one_alone_says_who_sent_it(void)
{
	struct sim_tx *tx;

	begin_following(3, 2);
	tx = pays(1, 5, 0);
	scene.node[0]->reads = SIM_READS_OTHER_NONCE;
	scene.node[1]->hides_transactions = scene.node[2]->hides_transactions = true;
	follow(&tx->hash);
	mine(1);
	assert_string_equal(told(), "seen 1");
	sim_pool_drop_all(scene.chain);
	(void)pays(0, 7, 0);
	return tx;
}

static void one_node_alone_replaces_nothing(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	tx = one_alone_says_who_sent_it();
	mine(SCENE_DEPTH + 4);
	assert_string_equal(told(), "seen 1, dropped 1");
	sim_pool_return(scene.chain, tx);
	scene.node[1]->hides_transactions = scene.node[2]->hides_transactions = false;
	mine(SCENE_DEPTH + 4);
	assert_int_equal(state_now(), TRACKED_FINAL);
}

/* The block is none that was read: its sender's count is all that is asked for. */
static void nor_does_it_in_an_absence(void **state_)
{
	(void)state_;
	(void)one_alone_says_who_sent_it();
	rest();
	scene_mine(&scene, 600);
	scene_rise(&scene);
	rise();
	run(30000);
	mine(6);
	assert_string_equal(told(), "seen 1, dropped 1");
}

/* In no pool that was looked at: its block alone says who sent it. */
static void a_rival_behind_a_reorg_is_found(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 3 * GWEI);
	follow(&tx->hash);
	mine(1);
	assert_string_equal(told(), "included 1, progress 25");
	reorg(1, false);
	(void)pays(0, 7, 9 * GWEI);
	mine(1);
	assert_string_equal(told(), "included 1, progress 25, retracted 1, replaced 2");
	mine(5);
	assert_string_equal(told(), "included 1, progress 25, retracted 1, replaced 2");
}

/* Its rival is asked for, not itself: that nobody has it is no news. */
static void what_was_replaced_stays_so_in_an_absence(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 3 * GWEI);
	follow(&tx->hash);
	(void)sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	run(5000);
	(void)pays(0, 7, 9 * GWEI);
	mine(1);
	assert_string_equal(told(), "seen 1, replaced 1");
	rest();
	scene_mine(&scene, 600);
	scene_rise(&scene);
	rise();
	run(30000);
	mine(6);
	assert_string_equal(told(), "seen 1, replaced 1");
	assert_int_equal(state_now(), TRACKED_REPLACED);
}

/* A payment of ours, that was bumped. */
static void follow_a_payment(struct hash *ret_first)
{
	struct track_wish wish = { .confirmations = CONFIRMATIONS };
	struct subject of = { .kind = SUBJECT_HASH };
	struct sql_attempt_newest_in in;
	struct sql_attempt_newest_out attempt;
	struct fee_row fees[16];

	tracking = &config;
	begin_in_flight(1, 1, 1, 1);
	wish.chain = chain()->id;
	wish.intent = in.intent = item(1).intent;
	assert_true(sql_attempt_newest_one(scene.journal, &in, &attempt));
	memcpy(wish.hash.at, attempt.hash, sizeof wish.hash.at);
	*ret_first = wish.hash;
	wish.intent = 0; /* by its hash, and then as what it is */
	of.id = track_add(scene.journal, &wish, world_wall_ms(scene.world));
	message_subscribe(scene.journal, "webhook", "http://a.example/", &of, "mine");
	run(1000);
	wish.intent = item(1).intent;
	of.id = followed = track_add(scene.journal, &wish, world_wall_ms(scene.world));
	while (attempts_of(wish.intent, fees) < 2) {
		(void)sim_mine(scene.chain, &(struct sim_content){ .empty = true });
		run(5000);
	}
	run(5000);
	assert_string_equal(told(), "seen 1");
}

static void absent(void)
{
	rest();
	scene_mine(&scene, 600);
	scene_rise(&scene);
	rise();
	run(60000);
	mine(6);
}

static void a_bumped_payment_is_no_replacement(void **state_)
{
	struct track_wish wish = { .confirmations = CONFIRMATIONS };

	(void)state_;
	follow_a_payment(&wish.hash);
	mine(1);
	assert_string_equal(told(), "seen 1, included 1, progress 25");
	assert_says(newest(), "\"operation\":\"wages\",\"row\":1,");
	absent();
	assert_int_equal(state_now(), TRACKED_FINAL);
	assert_string_equal(told(),
	    "seen 1, included 1, progress 25, progress 50, progress 75, confirmed 1, "
	    "final 1");
}

/* The other attempt is final before anybody asks what became of this one. */
static void nor_is_one_that_was_bumped_long_ago(void **state_)
{
	struct sql_tracked_get_out row;
	struct hash first;
	struct subject of = { .kind = SUBJECT_HASH };

	(void)state_;
	follow_a_payment(&first);
	assert_true(row_get(scene.journal, followed, &row));
	assert_true(track_drop(scene.journal, followed, 1000));
	mine(SCENE_DEPTH + 400);
	assert_string_equal(told(), "seen 1");
	assert_int_equal(followed,
	    track_add(scene.journal,
		&(struct track_wish){ .hash = first,
		    .chain = chain()->id,
		    .confirmations = CONFIRMATIONS,
		    .intent = row.intent },
		world_wall_ms(scene.world)));
	of.id = followed;
	message_subscribe(scene.journal, "webhook", "http://a.example/", &of, "mine");
	mine(6);
	assert_string_equal(told(),
	    "seen 1, included 2, progress 1025, progress 1050, progress 1075, "
	    "confirmed 2, final 2");
}

static void it_takes_a_quorum_to_end_it(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(3, 2);
	tx = pays(0, 5, 0);
	mine(SCENE_DEPTH + 4);
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	follow(&tx->hash);
	mine(2);
	assert_int_equal(state_now(), TRACKED_FINAL);
	scene.node[0]->receipts = SIM_RECEIPTS_TRUE;
	tx = pays(1, 5, 0);
	mine(SCENE_DEPTH + 4);
	scene.node[1]->receipts = SIM_RECEIPTS_FLIPPED;
	scene.node[2]->receipts = SIM_RECEIPTS_NULL;
	follow(&tx->hash);
	mine(2);
	assert_int_equal(state_now(), TRACKED_UNSEEN);
	assert_string_equal(told(), "");
	scene.node[1]->receipts = SIM_RECEIPTS_TRUE;
	mine(2);
	assert_int_equal(state_now(), TRACKED_FINAL);
}

static void who_comes_later_hears_where_it_stands(void **state_)
{
	struct sim_tx *tx;
	struct subject of;
	int64_t late;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 0);
	of = (struct subject){ .kind = SUBJECT_HASH, .id = follow(&tx->hash) };
	mine(2);
	late =
	    message_subscribe(scene.journal, "webhook", "http://b.example/", &of, NULL);
	track_retell(scene.journal, of.id, late, world_wall_ms(scene.world));
	assert_string_equal(told(), "included 1, progress 25, progress 50");
	mine(3);
	assert_int_equal(state_now(), TRACKED_FINAL);
	track_retell(scene.journal, of.id, late, world_wall_ms(scene.world));
	assert_string_equal(told(),
	    "included 1, progress 25, progress 50, progress 75, confirmed 1, final 1");
}

/* What this subscriber is told, in its order: "included of 2, confirmed of 2". */
static const char *heard(int64_t subscriber)
{
	static char text[2048];
	struct sql_notice_of_subject_in in = { .subject_kind = SUBJECT_HASH,
		.subject = followed };
	struct sql_notice_of_subject_out row;
	struct sql_message_of_notice_out message;
	size_t len = 0;

	text[0] = '\0';
	sql_notice_of_subject_begin(scene.journal, &in);
	while (sql_notice_of_subject_next(scene.journal, &row)) {
		json_t *body = json_loads(row.body, 0, NULL);
		bool his = false;

		sql_message_of_notice_begin(
		    scene.journal, &(struct sql_message_of_notice_in){ row.id });
		while (sql_message_of_notice_next(scene.journal, &message))
			his |= message.subscriber == subscriber;
		if (his)
			len += (size_t)snprintf(text + len, sizeof text - len,
			    "%s%s %lld of %lld", len ? ", " : "",
			    json_string_value(json_object_get(body, "type")),
			    (long long)json_integer_value(
				json_object_get(body, "percent")),
			    (long long)json_integer_value(json_object_get(body, "of")));
		json_decref(body);
	}
	return text;
}

static int64_t hears(const char *target, int64_t number)
{
	const struct subject of = { .kind = SUBJECT_HASH, .id = followed };
	int64_t id = message_hear(
	    scene.journal, "webhook", target, &of, &(struct hearing){ .number = number });

	track_retell(scene.journal, followed, id, world_wall_ms(scene.world));
	return id;
}

static void each_hears_by_his_own_number(void **state_)
{
	struct hash hash;
	int64_t two, eight, last;

	(void)state_;
	begin_following(1, 1);
	hash = pays(0, 5, 0)->hash;
	followed = track_add(scene.journal,
	    &(struct track_wish){
		.hash = hash, .chain = chain()->id, .confirmations = 8 },
	    world_wall_ms(scene.world));
	two = hears("http://two.example/", 2);
	mine(1);
	assert_string_equal(
	    heard(two), "included 0 of 2, progress 25 of 2, progress 50 of 2");
	eight = hears("http://eight.example/", 8);
	run(3000);
	assert_string_equal(heard(eight), "included 0 of 8");
	mine(1);
	assert_string_equal(heard(two),
	    "included 0 of 2, progress 25 of 2, progress 50 of 2, progress 75 of 2, "
	    "confirmed 0 of 2");
	assert_string_equal(heard(eight), "included 0 of 8, progress 25 of 8");
	last = hears("http://late.example/", 2);
	assert_string_equal(heard(last), "confirmed 0 of 2");
	rise_again();
	run_until(chain()->id);
	last = hears("http://later.example/", 1);
	run(3000);
	assert_string_equal(heard(last),
	    "included 0 of 1, progress 25 of 1, progress 50 of 1, progress 75 of 1, "
	    "confirmed 0 of 1");
	assert_int_equal(state_now(), TRACKED_INCLUDED);
	mine(3);
	assert_says(heard(two), "confirmed 0 of 2, final 0 of 2");
	assert_string_equal(heard(eight),
	    "included 0 of 8, progress 25 of 8, progress 50 of 8, confirmed 0 of 8, "
	    "final 0 of 8");
	assert_int_equal(state_now(), TRACKED_FINAL);
}

/* It is told again from its block on, and only by that. */
static void who_asks_for_another_number_hears_by_that(void **state_)
{
	static const char four[] = "included 0 of 4, progress 25 of 4, progress 50 of 4";
	char wanted[512];
	int64_t one;

	(void)state_;
	begin_following(1, 1);
	follow(&pays(0, 5, 0)->hash);
	one = hears("http://one.example/", 4);
	mine(2);
	assert_string_equal(heard(one), four);
	assert_int_equal(hears("http://one.example/", 2), one);
	run(3000);
	snprintf(wanted, sizeof wanted,
	    "%s, included 0 of 2, progress 25 of 2, progress 50 of 2, progress 75 of 2, "
	    "confirmed 0 of 2",
	    four);
	assert_string_equal(heard(one), wanted);
	assert_int_equal(hears("http://one.example/", 0), one); /* it stays */
	mine(1);
	assert_string_equal(heard(one), wanted);
	mine(1);
	assert_says(heard(one), "confirmed 0 of 2, final 0 of 2");
}

/* No node has shown it since: nobody hears that one has. */
static void who_comes_behind_a_reorg_hears_of_that(void **state_)
{
	struct sim_tx *tx;
	struct subject of;
	int64_t late;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 0);
	of = (struct subject){ .kind = SUBJECT_HASH, .id = follow(&tx->hash) };
	mine(1);
	reorg(1, false);
	mine(1);
	assert_string_equal(told(), "included 1, progress 25, retracted 1");
	late =
	    message_subscribe(scene.journal, "webhook", "http://b.example/", &of, NULL);
	track_retell(scene.journal, of.id, late, world_wall_ms(scene.world));
	assert_string_equal(told(), "included 1, progress 25, retracted 1");
}

static void nobody_hears_of_what_is_untracked(void **state_)
{
	struct sim_tx *tx;
	int64_t id;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 0);
	id = follow(&tx->hash);
	assert_true(track_drop(scene.journal, id, 1000));
	assert_false(track_drop(scene.journal, id, 1000));
	mine(3);
	assert_string_equal(told(), "");
	assert_int_equal(follow(&tx->hash), id);
	mine(3);
	assert_int_equal(state_now(), TRACKED_FINAL);
}

/* Nodes of a chain that nobody runs here have said that it is not there. */
static void is_missed(int64_t id)
{
	sql_tracked_missed(
	    scene.journal, &(struct sql_tracked_missed_in){ .id = id, .misses = 1 });
}

/* One that nobody runs here. */
static int64_t other_chain(void)
{
	struct sql_chain_add_in other = { .kind = "evm", .chain_id = 4, .name = "other" };
	struct sql_chain_add_out added;

	assert_true(sql_chain_add_one(scene.journal, &other, &added));
	return added.id;
}

static int64_t guessed(const struct hash *hash, int64_t on)
{
	const struct track_wish wish = {
		.hash = *hash, .chain = on, .guess = true, .confirmations = CONFIRMATIONS
	};

	return track_add(scene.journal, &wish, 1000);
}

static int state_of(int64_t id)
{
	struct tracked found;

	assert_true(track_read(scene.journal, id, &found));
	return found.state;
}

static void of_guesses_one_holds(void **state_)
{
	struct tracked found[4];
	struct sim_tx *tx;
	int64_t here, there;

	(void)state_;
	begin_following(1, 1);
	tx = pays(0, 5, 0);
	here = guessed(&tx->hash, chain()->id);
	there = guessed(&tx->hash, other_chain());
	assert_int_not_equal(here, there);
	assert_int_equal(track_find(scene.journal, &tx->hash, found, 4), 2);
	is_missed(there);
	mine(1);
	assert_true(track_read(scene.journal, here, &found[0]));
	assert_int_equal(found[0].state, TRACKED_INCLUDED);
	assert_false(found[0].guess);
	assert_true(track_read(scene.journal, there, &found[0]));
	assert_int_equal(found[0].state, TRACKED_UNTRACKED);
}

static struct track_chain *in_memory(void)
{
	assert_int_equal(followers()->chains_n, 1);
	return followers()->chains[0];
}

static void what_pools_have_is_looked_for_nowhere_else(void **state_)
{
	const struct sim_tx *tx;
	int64_t there;

	(void)state_;
	begin_following(2, 2);
	tx = pays(1, 5, 0); /* no block takes it */
	there = guessed(&tx->hash, other_chain());
	(void)guessed(&tx->hash, chain()->id);
	is_missed(there);
	mine(2);
	assert_int_equal(state_of(there), TRACKED_UNTRACKED);
}

/* The same bytes on two chains: who looks later is waited for, and each is followed. */
static void what_is_on_two_chains_is_followed_on_both(void **state_)
{
	const struct hash nowhere = { { 7 } };
	struct sql_tracked_get_out row;
	const struct sim_tx *tx;
	int64_t here, there, other;

	(void)state_;
	begin_following(2, 2);
	tx = pays(0, 5, 0);
	other = other_chain();
	there = guessed(&tx->hash, other);
	here = guessed(&tx->hash, chain()->id);
	mine(1);
	assert_int_equal(state_of(here), TRACKED_INCLUDED);
	assert_int_equal(state_of(there), TRACKED_UNSEEN);
	/* and one that others have, and this chain has not */
	there = guessed(&nowhere, other);
	here = guessed(&nowhere, chain()->id);
	assert_true(row_get(scene.journal, there, &row));
	row.guess = false;
	row_seen(in_memory(), &row, false, false);
	mine(2);
	assert_int_equal(state_of(here), TRACKED_UNTRACKED);
}

static void one_pool_alone_ends_no_guess(void **state_)
{
	const struct sim_tx *tx;
	int64_t there, here;

	(void)state_;
	begin_following(3, 2);
	tx = pays(1, 5, 0);
	there = guessed(&tx->hash, other_chain());
	here = guessed(&tx->hash, chain()->id);
	scene.node[1]->hides_transactions = scene.node[2]->hides_transactions = true;
	mine(2);
	assert_int_equal(state_of(here), TRACKED_MEMPOOL);
	assert_int_equal(state_of(there), TRACKED_UNSEEN);
	scene.node[1]->hides_transactions = false;
	is_missed(there);
	mine(1);
	assert_int_equal(state_of(there), TRACKED_UNTRACKED);
}

static void who_is_silent_ends_a_round_not_the_looking(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(2, 1);
	tx = pays(1, 5, 0);
	follow(&tx->hash);
	run(100);
	scene.node[0]->hides_transactions = scene.node[1]->hides_transactions = true;
	scene_mine(&scene, 1);
	for (int ms = 0; ms < 5000 && !in_memory()->look; ms++)
		run(1);
	assert_non_null(in_memory()->look);
	scene.node[0]->down = scene.node[1]->down = true;
	run(120000);
	assert_null(in_memory()->look);
	scene.node[0]->hides_transactions = scene.node[1]->hides_transactions = false;
	scene.node[0]->down = scene.node[1]->down = false;
	run(120000);
	mine(3);
	assert_says(told(), "seen 1");
}

static void of_guesses_the_last_one_expires_aloud(void **state_)
{
	struct track_wish wish = { .guess = true, .confirmations = CONFIRMATIONS };
	struct sql_chain_add_in other = { .kind = "evm", .chain_id = 4, .name = "other" };
	struct sql_chain_add_out added;
	struct hash never = { { 9 } };
	int64_t there;

	(void)state_;
	begin_following(1, 1);
	assert_true(sql_chain_add_one(scene.journal, &other, &added));
	wish.hash = never;
	wish.chain = added.id;
	there = track_add(scene.journal, &wish, 1000);
	follow(&never);
	sql_tracked_put(scene.journal,
	    &(struct sql_tracked_put_in){ .id = followed,
		.guess = true,
		.confirmations = 1,
		.no_sender = true,
		.no_nonce = true,
		.no_height = true,
		.no_block_hash = true,
		.no_by_hash = true,
		.no_due = true,
		.looks = LOOKS_NEW,
		.no_ended_ms = true });
	run(HOURS_MS);
	mine(3);
	assert_int_equal(state_now(), TRACKED_EXPIRED);
	assert_string_equal(told(), ""); /* it may be on the other one */
	assert_true(track_drop(scene.journal, there, 1000));
	followed = follow(&never);
	run(HOURS_MS);
	mine(3);
	assert_string_equal(told(), "expired 2");
	assert_says(newest(), "\"chain\":"); /* no guess any more */
	sql_tracked_put(scene.journal,
	    &(struct sql_tracked_put_in){ .id = followed,
		.state = TRACKED_UNSEEN,
		.guess = true,
		.confirmations = 1,
		.no_sender = true,
		.no_nonce = true,
		.no_height = true,
		.no_block_hash = true,
		.no_by_hash = true,
		.no_due = true,
		.looks = LOOKS_NEW,
		.round = 2,
		.no_ended_ms = true });
	sql_tracked_total_take(scene.journal,
	    &(struct sql_tracked_total_take_in){ chain()->id, TRACKED_EXPIRED });
	sql_tracked_total_add(scene.journal,
	    &(struct sql_tracked_total_add_in){ chain()->id, TRACKED_UNSEEN });
	run(HOURS_MS);
	mine(3);
	assert_string_equal(told(), "expired 2, expired 3");
	assert_null(strstr(newest(), "\"chain\":")); /* it is on none of them */
}

static void who_left_is_not_kept_in_memory(void **state_)
{
	int64_t ids[1000];

	(void)state_;
	begin_following(1, 1);
	for (uint32_t i = 0; i < 1000; i++) {
		struct hash h = { { 0x78 } };

		memcpy(h.at + 4, &i, sizeof i);
		ids[i] = follow(&h);
	}
	mine(2);
	assert_int_equal(in_memory()->fingers.n, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		assert_true(track_drop(scene.journal, ids[i], 1000));
	mine(2);
	assert_int_equal(in_memory()->fingers.n, 0);
}

/* While nodes are asked for it; false: something else came before their answer. */
static bool is_followed_anew(const struct hash *hash, int64_t id)
{
	const struct look *look;
	uint32_t round;

	scene_mine(&scene, 1);
	for (int ms = 0; ms < 5000 && !in_memory()->look; ms++)
		run(1);
	assert_non_null(in_memory()->look);
	round = in_memory()->look->round;
	assert_true(track_drop(scene.journal, id, 1000));
	turn();
	assert_int_equal(follow(hash), id);
	world_wait(scene.world, world_now_ms(scene.world) + 5000);
	turn(); /* not twice: the answer meets what is new */
	look = in_memory()->look;
	return !look || look->round != round;
}

/* An answer about its former life comes in the turn in which it begins anew. */
static void who_is_followed_anew_is_looked_for(void **state_)
{
	struct hash never = { { 1 } };
	int64_t id;
	int n = 0;

	(void)state_;
	begin_following(1, 1);
	id = follow(&never);
	mine(2);
	while (!is_followed_anew(&never, id)) {
		assert_true(++n < 10);
		mine(1);
	}
	mine(1);
	assert_int_equal(in_memory()->fingers.n, 1);
}

static void many_cost_no_more_requests(void **state_)
{
	uint64_t requests[2];

	(void)state_;
	begin_following(1, 1);
	for (int round = 0; round < 2; round++) {
		uint64_t before;

		for (uint32_t i = 0; i < (round ? 5000 : 1); i++) {
			struct hash h = { { 0x77, (uint8_t)round } };

			memcpy(h.at + 4, &i, sizeof i);
			follow(&h);
		}
		mine(3);
		before = scene_requests(&scene);
		mine(10);
		requests[round] = scene_requests(&scene) - before;
	}
	assert_in_range(requests[1] + 1, requests[0], requests[0] + 2); /* a poll */
}

/* -- what comes to pools --------------------------------------------------------- */

#define MANY 1000

static struct hash many[MANY];

static void follow_many(void)
{
	for (uint32_t i = 0; i < MANY; i++) {
		many[i] = (struct hash){ { 0x79 } };
		memcpy(many[i].at + 4, &i, sizeof i);
		follow(&many[i]);
	}
}

/* It was looked at in this very block, and is not in its turn before many others. */
static void wait_for_its_turn(void)
{
	struct sql_tracked_get_out row;

	do {
		mine(1);
		assert_true(row_get(scene.journal, followed, &row));
	} while (row.looks != (int64_t)height());
}

static struct sim_tx *looked_at_just_now(void)
{
	struct sim_tx *tx = pays(1, 5, 0);

	sim_pool_drop_all(scene.chain);
	follow_many();
	follow(&tx->hash);
	mine(2);
	wait_for_its_turn();
	return tx;
}

/* Of what was dropped it says that it is back, and denies it: no more is asked then.
 * Where a request has two questions, whoever denies is believed. */
static void a_lie_about_a_pool_costs_one_request(void **state_)
{
	uint64_t *counts, before, usual;
	struct sim_tx *tx;
	int64_t its;

	(void)state_;
	begin_following(1, 1);
	scene.config.batch = LOOK_BATCH_MIN - 1;
	counts = &scene.node[0]->calls[SIM_eth_getTransactionCount];
	tx = pays(1, 5, 0);
	its = follow(&tx->hash);
	mine(2);
	sim_pool_drop_all(scene.chain);
	mine(4);
	assert_string_equal(told(), "seen 1, dropped 1");
	for (uint8_t i = 0; i < 4; i++)
		follow(&(struct hash){ { 0x7a, i } });
	followed = its;
	wait_for_its_turn();
	before = *counts;
	mine(1);
	usual = *counts - before;
	scene.node[0]->hides_transactions = true;
	sim_pool_return(scene.chain, tx);
	before = *counts;
	mine(1);
	assert_int_equal(*counts - before, usual);
}

static void what_comes_to_a_pool_is_looked_for_first(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = looked_at_just_now();
	sim_pool_return(scene.chain, tx);
	mine(1);
	assert_string_equal(told(), "seen 1");
}

static void a_filter_that_is_lost_is_made_anew(void **state_)
{
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	tx = looked_at_just_now();
	memset(scene.node[0]->filter, 0, sizeof scene.node[0]->filter);
	mine(2); /* it is missed, and made */
	sim_pool_return(scene.chain, tx);
	mine(1);
	assert_string_equal(told(), "seen 1");
}

static void who_has_no_filters_is_asked_in_turn(void **state_)
{
	uint64_t *made;
	struct sim_tx *tx;

	(void)state_;
	begin_following(1, 1);
	made = &scene.node[0]->calls[SIM_eth_newPendingTransactionFilter];
	scene.node[0]->no_filters = true;
	tx = looked_at_just_now();
	assert_int_equal(*made, 1);
	sim_pool_return(scene.chain, tx);
	mine(2);
	assert_string_equal(told(), "");
	mine(10);
	assert_string_equal(told(), "seen 1");
	assert_int_equal(*made, 1);
	mine(60); /* it may have them one day */
	assert_int_equal(*made, 2);
}

static void one_node_hints_no_more_than_its_share(void **state_)
{
	struct pending news = { .hash = many, .n = MANY };
	int64_t rows[LOOK_MAX], back[LOOK_MAX];
	struct track_chain *t;
	uint32_t n;

	(void)state_;
	begin_following(2, 1);
	follow_many();
	mine(1);
	t = in_memory();
	n = hint_match(t, &news, rows);
	assert_int_equal(n, LOOK_MAX);
	hint_add(t, 0, rows, n);
	assert_int_equal(t->hints.n, LOOK_MAX / 2);
	hint_add(t, 0, rows, n);
	assert_int_equal(t->hints.n, LOOK_MAX / 2);
	hint_add(t, 1, rows, n);
	assert_int_equal(t->hints.n, LOOK_MAX);
	assert_int_equal(hint_rows(t, back, 10), 10);
	assert_memory_equal(back, rows, 10 * sizeof *rows);
	assert_int_equal(t->hints.n, 0);
}

/* Perhaps it is the filter that it does not take. */
static void who_fails_is_asked_without_it_next(void **state_)
{
	static const int without[] = { 1, 3, 7, 15, 31, 63, 63 };
	const struct pending good = { .filter = { "0x1" } }, none = { .err = ERR_OK };
	struct track_chain *t;

	(void)state_;
	begin_following(1, 1);
	mine(1);
	t = in_memory();
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
			hint_answered(t, 0, &none, ERR_UNANSWERED);
			for (int k = 0; k < without[i]; k++)
				assert_null(hint_filter(t, 0));
			assert_string_equal(hint_filter(t, 0)->id, "");
		}
		hint_answered(t, 0, &good, ERR_OK);
		assert_string_equal(hint_filter(t, 0)->id, "0x1");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_milestone_is_told_once_and_in_order, ends),
		cmocka_unit_test_teardown(who_waits_in_a_pool_is_seen, ends),
		cmocka_unit_test_teardown(
		    what_was_replaced_in_an_absence_is_not_dropped, ends),
		cmocka_unit_test_teardown(who_finds_nothing_replaces_nothing, ends),
		cmocka_unit_test_teardown(who_was_dropped_may_come_back, ends),
		cmocka_unit_test_teardown(other_parts_are_told_from_then_on, ends),
		cmocka_unit_test_teardown(
		    a_pool_that_comes_and_goes_is_told_of_less, ends),
		cmocka_unit_test_teardown(one_liar_is_told_of_once, ends),
		cmocka_unit_test_teardown(
		    time_in_which_nobody_looks_expires_nothing, ends),
		cmocka_unit_test_teardown(one_liar_keeps_nothing_from_expiring, ends),
		cmocka_unit_test_teardown(a_failure_is_no_success, ends),
		cmocka_unit_test_teardown(what_replaces_it_is_named, ends),
		cmocka_unit_test_teardown(
		    what_vanishes_is_retracted_and_told_again, ends),
		cmocka_unit_test_teardown(a_reorg_while_it_rests_is_told_too, ends),
		cmocka_unit_test_teardown(what_is_gone_gets_no_deeper, ends),
		cmocka_unit_test_teardown(nor_in_an_absence, ends),
		cmocka_unit_test_teardown(
		    what_was_final_is_taken_back_by_whoever_accepts_it, ends),
		cmocka_unit_test_teardown(what_was_final_before_is_told_at_once, ends),
		cmocka_unit_test_teardown(what_is_in_the_final_block_is_final, ends),
		cmocka_unit_test_teardown(what_was_final_in_an_absence_is_told, ends),
		cmocka_unit_test_teardown(one_node_does_not_hide_who_sent_it, ends),
		cmocka_unit_test_teardown(one_node_alone_replaces_nothing, ends),
		cmocka_unit_test_teardown(nor_does_it_in_an_absence, ends),
		cmocka_unit_test_teardown(a_rival_behind_a_reorg_is_found, ends),
		cmocka_unit_test_teardown(what_was_replaced_stays_so_in_an_absence, ends),
		cmocka_unit_test_teardown(a_bumped_payment_is_no_replacement, ends),
		cmocka_unit_test_teardown(nor_is_one_that_was_bumped_long_ago, ends),
		cmocka_unit_test_teardown(it_takes_a_quorum_to_end_it, ends),
		cmocka_unit_test_teardown(who_comes_later_hears_where_it_stands, ends),
		cmocka_unit_test_teardown(each_hears_by_his_own_number, ends),
		cmocka_unit_test_teardown(
		    who_asks_for_another_number_hears_by_that, ends),
		cmocka_unit_test_teardown(who_comes_behind_a_reorg_hears_of_that, ends),
		cmocka_unit_test_teardown(nobody_hears_of_what_is_untracked, ends),
		cmocka_unit_test_teardown(of_guesses_one_holds, ends),
		cmocka_unit_test_teardown(
		    what_is_on_two_chains_is_followed_on_both, ends),
		cmocka_unit_test_teardown(
		    what_pools_have_is_looked_for_nowhere_else, ends),
		cmocka_unit_test_teardown(one_pool_alone_ends_no_guess, ends),
		cmocka_unit_test_teardown(
		    who_is_silent_ends_a_round_not_the_looking, ends),
		cmocka_unit_test_teardown(of_guesses_the_last_one_expires_aloud, ends),
		cmocka_unit_test_teardown(who_left_is_not_kept_in_memory, ends),
		cmocka_unit_test_teardown(who_is_followed_anew_is_looked_for, ends),
		cmocka_unit_test_teardown(many_cost_no_more_requests, ends),
		cmocka_unit_test_teardown(what_comes_to_a_pool_is_looked_for_first, ends),
		cmocka_unit_test_teardown(a_lie_about_a_pool_costs_one_request, ends),
		cmocka_unit_test_teardown(a_filter_that_is_lost_is_made_anew, ends),
		cmocka_unit_test_teardown(who_has_no_filters_is_asked_in_turn, ends),
		cmocka_unit_test_teardown(one_node_hints_no_more_than_its_share, ends),
		cmocka_unit_test_teardown(who_fails_is_asked_without_it_next, ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
