/* What the operator puts right of a row: what is adopted pays one row and is looked at
 * until it is final, what is skipped can't be paid any more, what is given back has no
 * bytes. */
#include "base/hex.h"
#include "crypto/secp.h"
#include "engine/doubt.h"
#include "engine/repair.h"
#include "payer.h"

static char checked[REPAIR_CHECKED_MAX];
static struct fail why;

/* Asked again while the nodes are. */
static enum err adopt(int64_t row, const struct hash *hash)
{
	enum err e = ERR_NO_QUORUM;

	for (int i = 0; i < 500 && e == ERR_NO_QUORUM; i++) {
		e = repair_adopt(runner, op(), row, hash, checked, &why);
		run(e == ERR_NO_QUORUM ? 20 : 0);
	}
	turn();
	return e;
}

static void refused(int64_t row, const struct hash *hash, enum err err, const char *says)
{
	int state_before = (int)item(row).state;
	int64_t before = op()->by_state[ITEM_FINAL].n;

	assert_int_equal(adopt(row, hash), err);
	assert_says(why.why, says);
	assert_int_equal(item(row).state, state_before);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, before);
}

static enum err skip_row(int64_t row)
{
	enum err e = repair_skip(runner, op(), row, checked, &why);

	turn();
	return e;
}

static enum err release(int64_t row)
{
	enum err e = repair_release(runner, op(), row, checked, &why);

	turn();
	return e;
}

/* A list of which row 1 is on its way; the others wait. Blocks come when told. */
static void begin_list(const struct list *what)
{
	begin_still(3, 2);
	scene.config.max_in_flight = 1;
	pay(what);
	run_until(is_signed(1));
	run(1000);
	scene_mine(&scene, 1);
	run(1000);
}

/* A person pays a row with the key, without a word to us. */
static struct hash by_hand(int row)
{
	return scene_spend(
	    &scene, SIM_NONCE_NEXT, &lists[0].to[row], lists[0].amount[row], 60 * GWEI)
	    ->hash;
}

/* So many rows, of which that person has paid the last one, so many blocks deep. */
static struct hash begin_paid_by_hand(int rows, uint64_t blocks)
{
	struct hash tx;

	begin_list(&(struct list){ .rows = rows });
	tx = by_hand(rows);
	scene_mine(&scene, blocks);
	run_until(account()->stopped);
	return tx;
}

static void complete(void)
{
	if (account()->stopped)
		resume();
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(op()->state, OPERATION_COMPLETED);
}

static int64_t suspects(void)
{
	struct sql_consumed_suspects_in in = { .account = account()->id };
	struct sql_consumed_suspects_out row;
	int64_t n = 0;

	sql_consumed_suspects_begin(scene.journal, &in);
	while (sql_consumed_suspects_next(scene.journal, &row))
		n++;
	return n;
}

/* -- adopt ------------------------------------------------------------------ */

static void a_payment_by_hand_is_the_rows(void **state_)
{
	struct amount fees;
	struct hash tx;

	(void)state_;
	tx = begin_paid_by_hand(4, SCENE_DEPTH + 3);
	assert_says(account()->why_stopped, "pays row 4 of wages");
	assert_int_equal(suspects(), 1);
	run_until(item(1).state == ITEM_FINAL);
	run(2000);
	fees = op()->fees_final;
	assert_int_equal(adopt(4, &tx), ERR_OK);
	assert_says(checked, "in final block");
	assert_int_equal(item(4).state, ITEM_FINAL);
	assert_int_equal(suspects(), 0);
	assert_int_equal(adopt(4, &tx), ERR_OK); /* nothing is left to do */
	assert_int_equal(amount_cmp(&op()->fees_final, &fees), 1);
	rise_again();
	run_until(runner->operations_n && account()->known);
	complete();
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 4);
	assert_int_equal(paid(&lists[0], 4), 0); /* by us */
}

/* Two stops at once: the line of one leads to that of the other. */
static void nothing_is_adopted_on_a_stopped_chain(void **state_)
{
	struct hash tx;

	(void)state_;
	tx = begin_paid_by_hand(4, 1);
	reorg(SCENE_DEPTH + 3, true);
	run_until(follower_stopped(chain()->follower));
	refused(4, &tx, ERR_OPERATOR, "then: pawl resume chain:sim");
	run(5000);
	assert_int_equal(follower_accept(chain()->follower, &why), ERR_OK);
	scene_mine(&scene, SCENE_DEPTH + 1);
	assert_int_equal(adopt(4, &tx), ERR_OK);
	complete();
	assert_int_equal(paid(&lists[0], 4), 0); /* by us */
}

static void as_many_rows_as_payments(void **state_)
{
	struct hash one, two;

	(void)state_;
	begin_list(&(struct list){ .rows = 5, .alike = 4 });
	one = by_hand(3);
	two = by_hand(3);
	scene_mine(&scene, SCENE_DEPTH + 3);
	run_until(suspects() == 2);
	assert_int_equal(adopt(3, &one), ERR_OK);
	refused(4, &one, ERR_CONFLICT, "an attempt of row 3 already");
	assert_int_equal(adopt(4, &two), ERR_OK);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 4);
	complete();
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 5);
	assert_int_equal(paid(&lists[0], 3), 2); /* rows 1 and 2, to the same recipient */
}

/* Row 3 is paid by hand in the head, and that is adopted. */
static void begin_adopted(void)
{
	struct hash tx;

	tx = begin_paid_by_hand(3, 1);
	assert_int_equal(adopt(3, &tx), ERR_OK);
	assert_true(live(3));
}

/* By two people, each of whom asks again while the nodes are asked for both. */
static void two_that_are_adopted_at_once(void **state_)
{
	enum err e[2] = { ERR_NO_QUORUM, ERR_NO_QUORUM };
	struct hash tx[2];

	(void)state_;
	begin_list(&(struct list){ .rows = 4 });
	tx[0] = by_hand(3);
	tx[1] = by_hand(4);
	scene_mine(&scene, SCENE_DEPTH + 3);
	run_until(suspects() == 2);
	for (int i = 0; i < 1000 && (e[0] || e[1]); i++) {
		int k = i % 2;

		if (e[k])
			e[k] = repair_adopt(runner, op(), 3 + k, &tx[k], checked, &why);
		run(10);
	}
	assert_int_equal(e[0], ERR_OK);
	assert_int_equal(e[1], ERR_OK);
	assert_int_equal(item(3).state, ITEM_FINAL);
	assert_int_equal(item(4).state, ITEM_FINAL);
}

/* Before its block is final it is looked at; the block vanishes, and the row is paid
 * once. */
static void an_adopted_one_whose_block_vanishes(void **state_)
{
	(void)state_;
	begin_adopted();
	reorg(1, false);
	run(3000);
	assert_true(live(3));
	complete();
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 3);
	check_exact();
}

/* The same, in doubt: another payload may have been sent on its nonce by a journal that
 * is lost, so nothing but an empty one goes there, and the row has another nonce then. */
static void in_doubt_an_adopted_one_is_not_signed(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_adopted();
	account_doubt(runner, account(), "it is a copy");
	turn();
	reorg(1, false);
	run(3000);
	assert_true(live(3));
	assert_int_equal(intents_of(3, ids), 1);
	assert_int_equal(intent(ids[0]).emptied, 1);
	complete();
	assert_int_equal(intent(ids[0]).state, INTENT_VOID);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 3);
	check_exact();
}

/* It is in a block, and so is the row's own payment. Both vanish, and the own one comes
 * back: until that is settled nothing is signed for the other. */
static void an_adopted_one_that_vanishes_waits_for_the_own(void **state_)
{
	const struct sim_tx *own = NULL;
	struct sim_word word;
	struct hash tx;
	int64_t ids[8];

	(void)state_;
	begin_in_flight(1, 1, 2, 2);
	for (const struct sim_tx *t = scene.chain->all; t; t = t->next_all)
		own = t->nonce == intent(item(1).intent).nonce ? t : own;
	tx = by_hand(1);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	assert_int_equal(adopt(1, &tx), ERR_OK);
	assert_int_equal(intents_of(1, ids), 2);
	reorg(1, false);
	sim_node_send(scene.node[0], &word, &tx, own->raw, own->raw_len);
	scene_mine(&scene, 1);
	run(2000);
	assert_true(live(1));
	assert_int_equal(intent(ids[1]).emptied, 2);
	rise_again();
	run_until(runner->operations_n && account()->known);
	complete();
	assert_int_equal(intent(ids[0]).state, INTENT_FINAL);
	assert_int_equal(intent(ids[1]).state, INTENT_VOID);
	check_exact();
}

static void an_adopted_one_is_final_with_its_block(void **state_)
{
	(void)state_;
	begin_adopted();
	rise_again();
	run_until(runner->operations_n && account()->known);
	complete();
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 3);
	assert_int_equal(paid(&lists[0], 3), 0);
}

/* Even the final block vanishes, and the payment with it: the row is paid after all. */
static void a_final_one_that_vanishes_is_paid_again(void **state_)
{
	struct hash tx;

	(void)state_;
	tx = begin_paid_by_hand(3, SCENE_DEPTH + 3);
	assert_int_equal(adopt(3, &tx), ERR_OK);
	assert_int_equal(item(3).state, ITEM_FINAL);
	run_until(item(2).state == ITEM_FINAL);
	reorg(SCENE_DEPTH + 3, false);
	resume_chain();
	run_until(live(3) && !ended());
	complete();
	run_until(op()->by_state[ITEM_FINAL].n == 3);
	check_exact();
	check_fees();
}

/* The row was paid by its own bytes, too, and the final block of what was adopted
 * vanishes alone: paid it is, and only an empty attempt leaves. */
static void a_second_payment_whose_final_block_vanishes(void **state_)
{
	int64_t ids[8];
	struct hash tx;
	uint64_t its;

	(void)state_;
	begin_in_flight(1, 1, 2, 2);
	scene_mine(&scene, SCENE_DEPTH - 1);
	run(1000);
	tx = by_hand(1);
	scene_mine(&scene, 1);
	its = height();
	run_until(account()->stopped);
	assert_int_equal(adopt(1, &tx), ERR_OK);
	assert_int_equal(intents_of(1, ids), 2);
	resume();
	scene_mine(&scene, SCENE_DEPTH + 3);
	run_until(ended());
	assert_string_equal(item(1).reason, "paid twice");
	reorg(height() - its + 1, false);
	resume_chain();
	turn();
	assert_int_equal(intent(ids[0]).state, INTENT_FINAL);
	assert_int_equal(intent(ids[1]).state, INTENT_SIGNED);
	assert_int_equal(item(1).state, ITEM_FINAL);
	assert_true(item(1).no_reason);
	assert_int_equal(state(), OPERATION_DISTRIBUTING);
	complete();
	assert_int_equal(intent(ids[1]).state, INTENT_VOID);
	assert_int_equal(item(1).state, ITEM_FINAL);
	check_exact();
}

/* Its own transaction is out: an empty attempt takes its nonce. */
static void the_own_payment_of_the_row_is_emptied(void **state_)
{
	int64_t ids[8];
	struct hash tx;

	(void)state_;
	begin_in_flight(1, 1, 2, 2);
	sim_pool_drop_all(scene.chain);
	tx = scene_spend(&scene, intent(item(1).intent).nonce, &lists[0].to[2],
	    lists[0].amount[2], 60 * GWEI)
		 ->hash;
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	assert_int_equal(adopt(2, &tx), ERR_OK);
	assert_int_equal(intents_of(2, ids), 2);
	assert_int_equal(intent(ids[0]).emptied, 1);
	complete();
	assert_int_equal(intent(ids[0]).state, INTENT_VOID);
	assert_int_equal(paid(&lists[0], 2), 0);
	assert_int_equal(paid(&lists[0], 1), 1); /* whose nonce it was */
}

/* A payment of a list's past, from before the journal knew the account. */
static void one_of_long_ago_is_adopted(void **state_)
{
	struct hash tx;

	(void)state_;
	begin_still(3, 2);
	scene.config.lookback = 2;
	lists[0].rows = 2;
	rows_fill(&lists[0]);
	tx = by_hand(2);
	scene_mine(&scene, 30);
	run(5000);
	scene.config.max_in_flight = 1;
	pay(&(struct list){ .rows = 2 });
	run_until(is_signed(1));
	assert_int_equal(adopt(2, &tx), ERR_OK);
	assert_int_equal(item(2).state, ITEM_FINAL);
	complete();
	assert_int_equal(paid(&lists[0], 2), 0);
}

/* The same in a token: the receipt shows what arrived. Coin is not a token. */
static void a_token_by_hand(void **state_)
{
	struct sign_job job = { .nonce = SIM_NONCE_NEXT };
	struct payment p = { .token = true };
	struct sim_word word;
	struct hash coin, tx;

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	scene.config.max_in_flight = 1;
	pay_rows(3);
	run_until(is_signed(1));
	run(1000);
	p.asset = token->at;
	p.to = lists[0].to[3];
	p.amount = amount_u64(lists[0].amount[3]);
	chain()->connector->pay(&job.payload, &p);
	job.key = scene.key;
	job.fees = (struct fees){ .type = FEE_1559, .gas = 100000, .max_fee = 60 * GWEI };
	job.fees.tip = GWEI;
	tx = sim_pool_send_foreign(scene.chain, &word, &job)->hash;
	coin = by_hand(3);
	scene_mine(&scene, SCENE_DEPTH + 3);
	run_until(account()->stopped);
	refused(3, &coin, ERR_CONFLICT, "base units of coin to");
	refused(2, &tx, ERR_CONFLICT, "is not what row 2");
	assert_int_equal(adopt(3, &tx), ERR_OK);
	assert_int_equal(item(3).state, ITEM_FINAL);
	complete();
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 3);
}

static void a_service_fee_by_hand(void **state_)
{
	struct hash tx, less;

	(void)state_;
	begin_list(&(struct list){ .rows = 2, .service_fee = 7 });
	less = scene_spend(&scene, SIM_NONCE_NEXT, &fee_to, 6, 60 * GWEI)->hash;
	tx = scene_spend(&scene, SIM_NONCE_NEXT, &fee_to, 7, 60 * GWEI)->hash;
	scene_mine(&scene, SCENE_DEPTH + 3);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "pays the service fee of wages (0x");
	assert_int_equal(adopt(0, &less), ERR_CONFLICT);
	assert_int_equal(adopt(0, &tx), ERR_OK);
	complete();
	assert_int_equal(fee_paid(), 0); /* by us */
	assert_int_equal(adopt(0, &tx), ERR_OK);
	assert_int_equal(skip_row(0), ERR_CONFLICT);
}

/* What one node says of it decides nothing. */
static void one_liar_adopts_nothing(void **state_)
{
	struct hash tx;

	(void)state_;
	for (int liar = 0; liar < 3; liar++) {
		tx = begin_paid_by_hand(3, SCENE_DEPTH + 3);
		scene.node[liar]->reads = SIM_READS_TO_ITSELF;
		assert_int_equal(adopt(3, &tx), ERR_OK);
		scene.node[liar]->reads = SIM_READS_TRUE;
		complete();
		assert_int_equal(paid(&lists[0], 3), 0);
		end(state_);
	}
}

/* Of a list that was cancelled a person pays the rest. */
static void a_row_of_a_cancelled_list_is_adopted(void **state_)
{
	struct hash tx;

	(void)state_;
	begin_list(&(struct list){ .rows = 5 });
	assert_int_equal(operation_cancel(runner, op(), false, &why), ERR_OK);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	tx = by_hand(5);
	after_blocks(1);
	run(1000);
	assert_int_equal(adopt(5, &tx), ERR_OK);
	run_until(item(5).state == ITEM_FINAL && ended());
	assert_int_equal(op()->state, OPERATION_CANCELLED);
	assert_int_equal(paid(&lists[0], 5), 0);
}

static struct hash by_another(int row, const struct secret *key)
{
	struct sign_job job = { .key = key,
		.nonce = SIM_NONCE_NEXT,
		.payload = {
		    .to = lists[0].to[row], .value = amount_u64(lists[0].amount[row]) } };
	struct sim_word word;
	struct sim_tx *tx = sim_pool_send_foreign(scene.chain, &word, &job);

	assert_non_null(tx);
	return tx->hash;
}

static void what_pays_another_is_refused(void **state_)
{
	struct amount much = amount_u64(1000000000000000000u);
	struct hash tx, less, other, unknown = { { 7 } };
	uint8_t bytes[32] = { 9, 9 };
	struct secret *key = secret_new(bytes, sizeof bytes);
	struct sql_attempt_of_intent_out own;
	struct address sender;
	int64_t ids[8];

	(void)state_;
	begin_list(&(struct list){ .rows = 5 });
	assert_int_equal(secp_address(sender.at, key, NULL), ERR_OK);
	sim_fund(scene.chain, &sender, NULL, &much);
	scene_mine(&scene, 1);
	tx = by_hand(4);
	less = scene_spend(
	    &scene, SIM_NONCE_NEXT, &lists[0].to[5], lists[0].amount[5] - 1, 60 * GWEI)
		   ->hash;
	other = by_another(4, key);
	scene_mine(&scene, SCENE_DEPTH + 3);
	run_until(account()->stopped);
	run_until(item(1).state == ITEM_FINAL);
	refused(3, &tx, ERR_CONFLICT, "is not what row 3 of wages is to get");
	refused(5, &less, ERR_CONFLICT, "is not what row 5");
	refused(4, &other, ERR_CONFLICT, "not from the account of key treasury");
	refused(4, &unknown, ERR_NOT_FOUND, "know no transaction");
	refused(1, &tx, ERR_CONFLICT, "is final");
	assert_int_equal(
	    repair_adopt(runner, op(), 6, &tx, checked, &why), ERR_NOT_FOUND);
	assert_int_equal(intents_of(1, ids), 1);
	sql_attempt_of_intent_begin(
	    scene.journal, &(struct sql_attempt_of_intent_in){ .intent = ids[0] });
	assert_true(sql_attempt_of_intent_next(scene.journal, &own));
	sql_attempt_of_intent_end(scene.journal);
	memcpy(tx.at, own.hash, sizeof tx.at);
	refused(4, &tx, ERR_CONFLICT, "an attempt of row 1");
	secret_free(key);
}

/* Nobody has its bytes when its block vanishes: they are not made anew. */
static void what_is_cancelled_is_not_paid_for_him(void **state_)
{
	struct hash tx;

	(void)state_;
	tx = begin_paid_by_hand(4, 1);
	resume();
	assert_int_equal(operation_cancel(runner, op(), true, &why), ERR_OK);
	assert_int_equal(adopt(4, &tx), ERR_OK);
	run(1000);
	reorg(1, false);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(op()->state, OPERATION_CANCELLED);
	assert_int_equal(paid(&lists[0], 4), 0);
}

/* It was final by its own bytes when both blocks vanished, and nobody gives anything
 * back: neither pays it, and so it is not final. */
static void a_row_paid_twice_may_be_paid_by_neither(void **state_)
{
	struct hash tx;

	(void)state_;
	begin_list(&(struct list){ .rows = 2 });
	tx = by_hand(1);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	assert_int_equal(adopt(1, &tx), ERR_OK);
	while (item(1).state != ITEM_FINAL) {
		scene_mine(&scene, 1);
		run(2000);
	}
	reorg(SCENE_DEPTH + 2, false);
	resume_chain();
	turn();
	assert_int_equal(item(1).state, ITEM_LIVE);
	complete();
	assert_int_equal(paid(&lists[0], 1), 1);
}

/* The journal has read it: it is not dropped because nodes are behind. */
static void what_nodes_do_not_show_now_is_asked_again(void **state_)
{
	struct hash tx;

	(void)state_;
	begin_list(&(struct list){ .rows = 8 });
	tx = by_hand(4);
	scene_mine(&scene, 2);
	run_until(account()->stopped);
	run(2000);
	for (uint32_t i = 0; i < scene.nodes; i++)
		scene.node[i]->hides_transactions = true;
	do {
		assert_int_equal(
		    repair_adopt(runner, op(), 4, &tx, checked, &why), ERR_NO_QUORUM);
		run(20);
	} while (strstr(why.why, "no quorum"));
	assert_says(why.why, "which the nodes do not show now");
	for (uint32_t i = 0; i < scene.nodes; i++)
		scene.node[i]->hides_transactions = false;
	assert_int_equal(adopt(4, &tx), ERR_OK);
}

static void what_failed_or_waits_is_refused(void **state_)
{
	struct hash tx;

	(void)state_;
	begin_still(1, 1);
	lists[0].rows = 2;
	rows_fill(&lists[0]);
	sim_account_code(scene.chain, &lists[0].to[2], SIM_CODE_REVERTS, 0);
	scene_mine(&scene, 1);
	pay(&(struct list){ .rows = 2 });
	run_until(item(2).state == ITEM_VOID);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	sim_mining(scene.chain, 0);
	tx = by_hand(2);
	refused(2, &tx, ERR_CONFLICT, "in no block");
	scene_mine(&scene, SCENE_DEPTH + 3);
	run(3000);
	refused(2, &tx, ERR_CONFLICT, "failed on the chain");
}

/* -- skip, release ------------------------------------------------------------ */

static void what_is_skipped_is_not_paid(void **state_)
{
	(void)state_;
	begin_list(&(struct list){ .rows = 4 });
	assert_int_equal(skip_row(3), ERR_OK);
	assert_says(checked, "nothing was ever signed");
	assert_int_equal(item(3).state, ITEM_VOID);
	assert_true(repair_skipped(item(3).reason));
	assert_int_equal(skip_row(3), ERR_OK);
	complete();
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 3);
	assert_int_equal(paid(&lists[0], 3), 0);
	assert_int_equal(skip_row(1), ERR_CONFLICT);
	assert_says(why.why, "is final");
	assert_int_equal(operation_retry(runner, op(), WORD_NONE, &why), ERR_OK);
	assert_int_equal(item(3).state, ITEM_VOID);
	assert_int_equal(operation_retry_row(runner, op(), 3, WORD_NONE, &why), ERR_OK);
	finish();
}

static void a_live_row_is_not_skipped(void **state_)
{
	(void)state_;
	begin_list(&(struct list){ .rows = 2 });
	reorg(1, true);
	run(1000);
	assert_true(live(1));
	assert_int_equal(skip_row(1), ERR_CONFLICT);
	assert_says(why.why, "can still pay it");
	assert_true(live(1));
	complete();
	check_exact();
}

/* Of six rows the first two have theirs; row 3 is live. */
static void begin_without_bytes(void)
{
	begin(1, 1);
	run_until(chain()->id);
	refuse_to_sign();
	pay_rows(6);
	run_until(account()->stopped);
	assert_true(live(3));
}

static void a_nonce_without_bytes_is_free_again(void **state_)
{
	uint64_t nonce;

	(void)state_;
	begin_without_bytes();
	nonce = intent(item(3).intent).nonce;
	assert_int_equal(nonce, 2);
	assert_int_equal(release(1), ERR_CONFLICT);
	assert_int_equal(release(3), ERR_OK);
	assert_int_equal(item(3).state, ITEM_PENDING);
	assert_int_equal(release(3), ERR_OK); /* it is so already */
	assert_int_equal(item(3).state, ITEM_PENDING);
	assert_int_equal(skip_row(3), ERR_OK);
	assert_int_equal(release(3), ERR_CONFLICT);
	assert_says(why.why, "no nonce to give back");
	sign_again();
	complete();
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 5);
	assert_int_equal(paid(&lists[0], 3), 0);
}

/* -- retry ------------------------------------------------------------------- */

/* Rows 1 and 2, of one recipient that refuses, are void; he takes coin from then on. */
static void begin_void(void)
{
	begin(1, 1);
	run_until(chain()->id);
	lists[0] = (struct list){ .rows = 5, .alike = 2 };
	rows_fill(&lists[0]);
	sim_account_code(scene.chain, &lists[0].to[1], SIM_CODE_REVERTS, 0);
	pay(&(struct list){ .rows = 5, .alike = 2 });
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_VOID].n, 2);
	sim_account_code(scene.chain, &lists[0].to[1], SIM_CODE_NONE, 0);
}

static enum err retry(int64_t row, uint32_t yes)
{
	enum err e = row ? operation_retry_row(runner, op(), row, yes, &why)
			 : operation_retry(runner, op(), yes, &why);

	turn();
	return e;
}

static void what_was_paid_by_hand_is_not_tried_again(void **state_)
{
	struct hash tx;
	char line[120] = "pawl repair wages 1 adopt 0x";

	(void)state_;
	begin_void();
	tx = by_hand(1);
	after_blocks(SCENE_DEPTH + 3);
	hex_format(line + strlen(line), tx.at, sizeof tx.at);
	assert_int_equal(retry(1, WORD_NONE), ERR_CONFLICT);
	assert_says(why.why, line);
	assert_says(why.why, "pawl retry wages 1 --yes=");
	assert_int_equal(retry(0, WORD_NONE), ERR_CONFLICT);
	assert_says(why.why, "1 void row of wages seems to be paid");
	assert_says(why.why, line);
	assert_says(why.why, "pawl retry wages --yes=");
	assert_int_equal(op()->by_state[ITEM_VOID].n, 2);
	assert_int_equal(adopt(1, &tx), ERR_OK);
	assert_int_equal(retry(0, WORD_NONE), ERR_OK);
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 5);
	assert_int_equal(paid(&lists[0], 1), 1); /* by us */
}

static void another_amount_by_hand_is_no_payment(void **state_)
{
	(void)state_;
	begin_void();
	(void)scene_spend(
	    &scene, SIM_NONCE_NEXT, &lists[0].to[1], lists[0].amount[1] + 1, 60 * GWEI);
	after_blocks(SCENE_DEPTH + 3);
	assert_int_equal(retry(0, WORD_NONE), ERR_OK);
	assert_int_equal(op()->by_state[ITEM_VOID].n, 0);
}

static void only_yes_pays_it_again(void **state_)
{
	(void)state_;
	begin_void();
	assert_int_equal(skip_row(2), ERR_OK);
	(void)by_hand(1);
	after_blocks(SCENE_DEPTH + 3);
	assert_int_equal(retry(2, WORD_NONE), ERR_CONFLICT);
	assert_int_equal(retry(0, WORD_NONE), ERR_CONFLICT);
	assert_int_equal(retry(0, word_told(why.why)), ERR_OK);
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 4);
	assert_int_equal(item(2).state, ITEM_VOID);
	assert_int_equal(paid(&lists[0], 1), 1);       /* by us */
	assert_int_equal(retry(0, WORD_NONE), ERR_OK); /* what is skipped is left out */
}

/* He is told of one, and while he looks at that there is another. */
static void what_he_was_not_told_is_not_tried_again(void **state_)
{
	uint32_t word;

	(void)state_;
	begin_void();
	(void)by_hand(1);
	after_blocks(SCENE_DEPTH + 3);
	assert_int_equal(retry(0, WORD_NONE), ERR_CONFLICT);
	word = word_told(why.why);
	(void)by_hand(1);
	after_blocks(SCENE_DEPTH + 3);
	assert_int_equal(retry(0, word), ERR_CONFLICT);
	assert_says(why.why, "told before more came");
	assert_int_equal(op()->by_state[ITEM_VOID].n, 2);
	assert_int_equal(retry(0, word_told(why.why)), ERR_OK);
	assert_int_equal(op()->by_state[ITEM_VOID].n, 0);
}

/* Its bytes are nobody's: it is given back and skipped at once. */
static void a_row_without_bytes_is_skipped(void **state_)
{
	(void)state_;
	begin_without_bytes();
	assert_int_equal(skip_row(3), ERR_OK);
	assert_says(checked, "no bytes were signed for its nonce, which is free");
	assert_int_equal(item(3).state, ITEM_VOID);
	sign_again();
	complete();
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 5);
	assert_int_equal(paid(&lists[0], 3), 0);
}

/* The token takes a fee of its own: what was called for is the row's, what arrived is
 * less. Refused, there would be no line to type but one that pays it again. */
static void what_less_arrived_of_is_adopted_and_flagged(void **state_)
{
	struct sql_item_get_in in = { .row = 3 };
	struct sql_item_get_out row;
	struct sign_job job = { .nonce = SIM_NONCE_NEXT };
	struct payment p = { .token = true };
	struct sim_word word;
	struct sim_tx *tx;

	(void)state_;
	begin_token(SIM_TOKEN_FEE);
	token->fee_per_mille = 100;
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	scene.config.max_in_flight = 1;
	pay_rows(3);
	run_until(is_signed(1));
	run(1000);
	scene_mine(&scene, 1);
	p.asset = token->at;
	p.to = lists[0].to[3];
	p.amount = amount_u64(lists[0].amount[3]);
	connector_evm.pay(&job.payload, &p);
	job.key = scene.key;
	job.fees = (struct fees){
		.type = FEE_1559, .gas = 100000, .max_fee = 60 * GWEI, .tip = 30 * GWEI
	};
	tx = sim_pool_send_foreign(scene.chain, &word, &job);
	assert_non_null(tx);
	scene_mine(&scene, SCENE_DEPTH + 3);
	run_until(account()->stopped);
	assert_int_equal(adopt(3, &tx->hash), ERR_OK);
	in.operation = op()->id;
	assert_true(sql_item_get_one(scene.journal, &in, &row));
	assert_int_equal(row.state, ITEM_FINAL);
	assert_false(row.no_reason);
	assert_says(row.reason, "another amount arrived");
	assert_int_equal(paid(&lists[0], 3), 0); /* by us */
}

/* Nodes show it at once; the journal follows, and reads who consumed the nonce. */
static void what_is_not_followed_yet_is_asked_again(void **state_)
{
	enum err e = ERR_NO_QUORUM;
	bool block = false, nonce = false;
	struct hash tx;

	(void)state_;
	begin_list(&(struct list){ .rows = 4 });
	tx = by_hand(4);
	scene_mine(&scene, 1);
	for (int i = 0; i < 2000 && e == ERR_NO_QUORUM; i++) {
		e = repair_adopt(runner, op(), 4, &tx, checked, &why);
		block |= strstr(why.why, "which is not read yet") != NULL;
		nonce |= strstr(why.why, "the journal has not read that yet") != NULL;
		run(e == ERR_NO_QUORUM ? 5 : 0);
	}
	assert_int_equal(e, ERR_OK);
	assert_true(block);
	assert_true(nonce);
	complete();
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_is_not_followed_yet_is_asked_again, end),
		cmocka_unit_test_teardown(a_row_without_bytes_is_skipped, end),
		cmocka_unit_test_teardown(
		    what_less_arrived_of_is_adopted_and_flagged, end),
		cmocka_unit_test_teardown(a_payment_by_hand_is_the_rows, end),
		cmocka_unit_test_teardown(nothing_is_adopted_on_a_stopped_chain, end),
		cmocka_unit_test_teardown(as_many_rows_as_payments, end),
		cmocka_unit_test_teardown(two_that_are_adopted_at_once, end),
		cmocka_unit_test_teardown(an_adopted_one_whose_block_vanishes, end),
		cmocka_unit_test_teardown(in_doubt_an_adopted_one_is_not_signed, end),
		cmocka_unit_test_teardown(
		    an_adopted_one_that_vanishes_waits_for_the_own, end),
		cmocka_unit_test_teardown(an_adopted_one_is_final_with_its_block, end),
		cmocka_unit_test_teardown(a_final_one_that_vanishes_is_paid_again, end),
		cmocka_unit_test_teardown(
		    a_second_payment_whose_final_block_vanishes, end),
		cmocka_unit_test_teardown(the_own_payment_of_the_row_is_emptied, end),
		cmocka_unit_test_teardown(one_of_long_ago_is_adopted, end),
		cmocka_unit_test_teardown(a_token_by_hand, end),
		cmocka_unit_test_teardown(a_service_fee_by_hand, end),
		cmocka_unit_test_teardown(one_liar_adopts_nothing, end),
		cmocka_unit_test_teardown(a_row_of_a_cancelled_list_is_adopted, end),
		cmocka_unit_test_teardown(what_pays_another_is_refused, end),
		cmocka_unit_test_teardown(what_failed_or_waits_is_refused, end),
		cmocka_unit_test_teardown(a_row_paid_twice_may_be_paid_by_neither, end),
		cmocka_unit_test_teardown(what_is_cancelled_is_not_paid_for_him, end),
		cmocka_unit_test_teardown(what_nodes_do_not_show_now_is_asked_again, end),
		cmocka_unit_test_teardown(what_is_skipped_is_not_paid, end),
		cmocka_unit_test_teardown(a_live_row_is_not_skipped, end),
		cmocka_unit_test_teardown(a_nonce_without_bytes_is_free_again, end),
		cmocka_unit_test_teardown(what_was_paid_by_hand_is_not_tried_again, end),
		cmocka_unit_test_teardown(another_amount_by_hand_is_no_payment, end),
		cmocka_unit_test_teardown(only_yes_pays_it_again, end),
		cmocka_unit_test_teardown(what_he_was_not_told_is_not_tried_again, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
