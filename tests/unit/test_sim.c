/* The simulated chain, its nodes and the simulated world: each does what it is named. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "chain/evm/tx.h"
#include "codec/abi.h"
#include "crypto/secp.h"
#include "rig.h"
#include "sim/judge/oracle.h"

/* -- the chain ------------------------------------------------------------- */

static void transfer_is_mined(void **state)
{
	struct rig r;
	struct signed_bytes raw;
	struct receipt got;
	struct amount left, fee = amount_u64(21000), want = coins(1000);

	(void)state;
	rig_init(&r);
	raw = sign(&r, (struct order){ .to = r.you, .wei = 500 });
	assert_int_equal(send_raw(&r, &raw).note, NOTE_ACCEPTED);
	assert_false(receipt_of(r.node, &raw.hash).known);
	assert_int_equal(wei_of(&r), 0);
	sim_mine(r.chain, NULL);
	got = receipt_of(r.node, &raw.hash);
	assert_true(got.known);
	assert_int_equal(got.status, TX_OK);
	assert_int_equal(got.height, 1);
	assert_int_equal(got.gas_used, 21000);
	assert_int_equal(got.gas_price, r.chain->head->base_fee + GWEI);
	assert_memory_equal(&got.block_hash, &r.chain->head->hash, 32);
	assert_int_equal(wei_of(&r), 500);
	assert_int_equal(sim_count(r.chain, r.chain->head, &r.me), 1);
	assert_int_equal(sim_count(r.chain, r.chain->genesis, &r.me), 0);
	left = sim_balance(r.chain, r.chain->head, NULL, &r.me);
	assert_true(amount_mul_u64(&fee, &fee, got.gas_price));
	assert_true(amount_sub(&want, &want, &fee));
	fee = amount_u64(500);
	assert_true(amount_sub(&want, &want, &fee));
	assert_int_equal(amount_cmp(&left, &want), 0);
	rig_release(&r);
}

static void replacement_needs_a_tenth_in_both(void **state)
{
	struct order o = { .wei = 1, .max_fee = 1000000000007, .tip = 1000000007 };
	const uint64_t max_floor = 1100000000007, tip_floor = 1100000007;
	struct signed_bytes first, second;
	struct rig r;

	(void)state;
	rig_init(&r);
	o.to = r.you;
	first = sign(&r, o);
	assert_int_equal(send_raw(&r, &first).note, NOTE_ACCEPTED);
	o.max_fee = max_floor - 1;
	o.tip = tip_floor;
	assert_int_equal(rig_send(&r, o).note, NOTE_REPLACEMENT);
	o.max_fee = max_floor;
	o.tip = tip_floor - 1;
	assert_int_equal(rig_send(&r, o).note, NOTE_REPLACEMENT);
	o.tip = tip_floor;
	second = sign(&r, o);
	assert_int_equal(send_raw(&r, &second).note, NOTE_ACCEPTED);
	sim_mine(r.chain, NULL);
	assert_false(receipt_of(r.node, &first.hash).known);
	assert_true(receipt_of(r.node, &second.hash).known);
	assert_int_equal(wei_of(&r), 1);
	rig_release(&r);
}

/* Strictly higher, also where a tenth rounds to nothing. */
static void replacement_of_small_fees_is_strict(void **state)
{
	struct sim_options options = { .base_fee = 1 };
	struct order o = { .max_fee = 9, .tip = 9 };
	struct rig r;

	(void)state;
	rig_init_with(&r, &options);
	o.to = r.you;
	o.gas = 22000;
	assert_int_equal(rig_send(&r, o).note, NOTE_ACCEPTED);
	o.gas = 23000;
	assert_int_equal(rig_send(&r, o).note, NOTE_REPLACEMENT);
	o.max_fee = o.tip = 10;
	assert_int_equal(rig_send(&r, o).note, NOTE_ACCEPTED);
	rig_release(&r);
}

static void pool_speaks_as_geth(void **state)
{
	struct signed_bytes raw;
	struct node_word word;
	struct rig r, poor;

	(void)state;
	rig_init(&r);
	raw = sign(&r, (struct order){ .to = r.you });
	assert_int_equal(send_raw(&r, &raw).note, NOTE_ACCEPTED);
	word = send_raw(&r, &raw);
	assert_int_equal(word.note, NOTE_KNOWN);
	assert_string_equal(word.text, "already known");
	assert_int_equal(
	    rig_send(&r, (struct order){ .nonce = 2 }).note, NOTE_ACCEPTED); /* a gap */
	sim_mine(r.chain, NULL);
	assert_int_equal(sim_count(r.chain, r.chain->head, &r.me), 1);
	word = send_raw(&r, &raw);
	assert_int_equal(word.note, NOTE_NONCE_LOW);
	assert_string_equal(word.text, "nonce too low: next nonce 1, tx nonce 0");
	assert_int_equal(
	    rig_send(&r, (struct order){ .nonce = 1, .gas = 20999 }).note, NOTE_GAS);
	assert_int_equal(
	    rig_send(&r, (struct order){ .nonce = 1, .gas = 30000001 }).note, NOTE_GAS);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 1, .chain_id = 5 }).note,
	    NOTE_CHAIN_ID);
	poor = r;
	poor.key = key_of(9);
	word = rig_send(&poor, (struct order){ .wei = 5 });
	assert_int_equal(word.note, NOTE_FUNDS);
	assert_string_equal(word.text,
	    "insufficient funds for gas * price + value: balance 0, tx cost "
	    "210000000000005, overshot 210000000000005");
	secret_free(poor.key);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 1 }).note, NOTE_ACCEPTED);
	sim_mine(r.chain, NULL); /* the gap is closed: both */
	assert_int_equal(sim_count(r.chain, r.chain->head, &r.me), 3);
	rig_release(&r);
}

static void pool_adds_up_what_waits(void **state)
{
	struct sim_options options = { .tip_min = 5 };
	struct amount little = amount_u64(2 * 21000 * 10ull * GWEI);
	struct secret *rich;
	struct rig r;

	(void)state;
	rig_init_with(&r, &options);
	rich = r.key;
	r.key = key_of(2);
	assert_int_equal(secp_address(r.me.at, r.key, NULL), ERR_OK);
	sim_fund(r.chain, &r.me, NULL, &little);
	assert_int_equal(rig_send(&r, (struct order){ .tip = 4 }).note, NOTE_UNDERPRICED);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 0 }).note, NOTE_ACCEPTED);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 1 }).note, NOTE_ACCEPTED);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 2 }).note, NOTE_FUNDS);
	secret_free(rich);
	rig_release(&r);
}

static void eviction_drops(void **state)
{
	struct sim_random dice = { 4 };
	struct rig r;
	uint32_t dropped;

	(void)state;
	rig_init(&r);
	for (uint64_t i = 0; i < 40; i++)
		assert_int_equal(
		    rig_send(&r, (struct order){ .nonce = i }).note, NOTE_ACCEPTED);
	assert_int_equal(r.chain->pooled, 40);
	dropped = sim_pool_drop_some(r.chain, &dice, 500);
	assert_in_range(dropped, 5, 35);
	assert_int_equal(r.chain->pooled, 40 - dropped);
	sim_pool_drop_all(r.chain);
	assert_int_equal(r.chain->pooled, 0);
	sim_mine(r.chain, NULL);
	assert_int_equal(r.chain->head->tx_n, 0);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 0 }).note, NOTE_ACCEPTED);
	rig_release(&r);
}

static void base_fee_moves_and_spikes(void **state)
{
	struct sim_options options = { .gas_limit = 42000, .base_fee = 800 };
	struct order o = { .max_fee = 1500, .tip = 10 };
	struct rig r;

	(void)state;
	rig_init_with(&r, &options);
	sim_mine(r.chain, NULL); /* the genesis block was empty: an eighth down */
	assert_int_equal(r.chain->head->base_fee, 700);
	for (o.nonce = 0; o.nonce < 3; o.nonce++)
		assert_int_equal(rig_send(&r, o).note, NOTE_ACCEPTED);
	sim_mine(r.chain, NULL); /* two fill it */
	assert_int_equal(r.chain->head->tx_n, 2);
	assert_int_equal(sim_base_fee_next(r.chain, r.chain->head), 613 + 613 / 8);
	r.chain->base_fee_next = 1491;
	sim_mine(r.chain, NULL);
	assert_int_equal(r.chain->head->base_fee, 1491);
	assert_int_equal(r.chain->head->tx_n, 1); /* at its limit, less tip */
	assert_int_equal(r.chain->head->first->gas_price, 1500);
	assert_int_equal(rig_send(&r, o).note, NOTE_ACCEPTED);
	r.chain->base_fee_next = 1501;
	sim_mine(r.chain, NULL);
	assert_int_equal(r.chain->head->tx_n, 0); /* it waits */
	assert_int_equal(r.chain->pooled, 1);
	rig_release(&r);
}

static void reorg_gives_back_or_loses(void **state)
{
	struct sim_reorg lose = { .depth = 2 };
	struct sim_reorg give = { .depth = 1, .blocks = 1, .give_back = true };
	struct signed_bytes raw;
	struct sim_block *old;
	struct rig r;

	(void)state;
	rig_init(&r);
	sim_mine(r.chain, NULL);
	raw = sign(&r, (struct order){ .to = r.you, .wei = 5 });
	send_raw(&r, &raw);
	old = sim_mine(r.chain, NULL);
	assert_int_equal(wei_of(&r), 5);
	give.content.empty = true;
	sim_reorg(r.chain, &give);
	assert_int_equal(r.chain->head->height, 2);
	assert_memory_not_equal(&r.chain->head->hash, &old->hash, 32);
	assert_memory_equal(&r.chain->head->parent->hash, &old->parent->hash, 32);
	assert_int_equal(wei_of(&r), 0);
	assert_false(receipt_of(r.node, &raw.hash).known);
	assert_int_equal(wei_at(&r, old), 5); /* the old branch remembers */
	assert_int_equal(r.chain->pooled, 1);
	sim_mine(r.chain, NULL);
	assert_int_equal(wei_of(&r), 5);
	sim_reorg(r.chain, &lose);
	assert_int_equal(r.chain->head->height, 4);
	assert_int_equal(wei_of(&r), 0);
	assert_int_equal(r.chain->pooled, 0);
	assert_int_equal(send_raw(&r, &raw).note, NOTE_ACCEPTED);
	sim_mine(r.chain, NULL);
	assert_int_equal(wei_of(&r), 5);
	rig_release(&r);
}

static void reorg_puts_another_in(void **state)
{
	struct signed_bytes ours, foreign;
	struct address other = address_of(9);
	struct sim_bytes bytes;
	struct sim_reorg reorg = { .depth = 1, .give_back = true };
	struct sim_ledger ledger;
	struct rig r;

	(void)state;
	rig_init(&r);
	ours = sign(&r, (struct order){ .to = r.you, .wei = 5 });
	foreign = sign(&r, (struct order){ .to = other, .wei = 6 });
	send_raw(&r, &ours);
	sim_mine(r.chain, NULL);
	bytes = (struct sim_bytes){ foreign.raw, foreign.raw_len };
	reorg.content.first = &bytes;
	reorg.content.first_n = 1;
	sim_reorg(r.chain, &reorg);
	assert_false(receipt_of(r.node, &ours.hash).known);
	assert_true(receipt_of(r.node, &foreign.hash).known);
	assert_int_equal(wei_of(&r), 0);
	assert_int_equal(r.chain->pooled, 0);
	assert_int_equal(send_raw(&r, &ours).note, NOTE_NONCE_LOW);
	sim_ledger_read(&ledger, r.chain, &r.me);
	assert_int_equal(ledger.foreign, 1);
	assert_int_equal(ledger.payments, 0);
	rig_release(&r);
}

static void money_arrives_and_survives_a_reorg(void **state)
{
	struct amount five = amount_u64(5);
	struct sim_reorg reorg = { .depth = 1 };
	struct rig r;

	(void)state;
	rig_init(&r);
	sim_mine(r.chain, NULL);
	sim_fund(r.chain, &r.you, NULL, &five);
	assert_int_equal(wei_of(&r), 0);
	sim_mine(r.chain, NULL);
	assert_int_equal(wei_of(&r), 5);
	sim_reorg(r.chain, &reorg);
	assert_int_equal(wei_of(&r), 5);
	assert_int_equal(wei_at(&r, r.chain->head->parent->parent), 0);
	rig_release(&r);
}

static void code_at_the_recipient(void **state)
{
	struct signed_bytes raw;
	struct amount left, before;
	struct rig r;

	(void)state;
	rig_init(&r);
	sim_account_code(r.chain, &r.you, SIM_CODE_WALLET, 18);
	raw = sign(&r, (struct order){ .to = r.you, .wei = 5 });
	before = sim_balance(r.chain, r.chain->head, NULL, &r.me);
	send_raw(&r, &raw);
	sim_mine(r.chain, NULL);
	assert_int_equal(receipt_of(r.node, &raw.hash).status, TX_REVERTED);
	assert_int_equal(receipt_of(r.node, &raw.hash).gas_used, 21000);
	assert_int_equal(wei_of(&r), 0);
	left = sim_balance(r.chain, r.chain->head, NULL, &r.me);
	assert_true(amount_cmp(&left, &before) < 0);
	raw = sign(&r, (struct order){ .to = r.you, .wei = 5, .nonce = 1, .gas = 21018 });
	send_raw(&r, &raw);
	sim_mine(r.chain, NULL);
	assert_int_equal(receipt_of(r.node, &raw.hash).status, TX_OK);
	assert_int_equal(wei_of(&r), 5);
	sim_account_code(r.chain, &r.you, SIM_CODE_REVERTS, 0);
	raw = sign(&r, (struct order){ .to = r.you, .wei = 5, .nonce = 2, .gas = 90000 });
	send_raw(&r, &raw);
	sim_mine(r.chain, NULL);
	assert_int_equal(receipt_of(r.node, &raw.hash).status, TX_REVERTED);
	assert_int_equal(wei_of(&r), 5);
	rig_release(&r);
}

/* -- tokens ---------------------------------------------------------------- */

struct token_rig {
	struct rig r;
	struct sim_token *t;
	uint64_t nonce;
};

static void token_rig_init(struct token_rig *k, enum sim_token_kind kind)
{
	struct address at = address_of(0xaa);
	struct amount supply = amount_u64(1000000);

	rig_init(&k->r);
	k->nonce = 0;
	k->t = sim_token_add(k->r.chain, &at, kind, 6, "TOK");
	sim_fund(k->r.chain, &k->r.me, k->t, &supply);
}

static struct receipt token_pay(struct token_rig *k, uint64_t amount)
{
	struct signed_bytes raw = sign(&k->r,
	    (struct order){
		.to = k->r.you, .wei = amount, .nonce = k->nonce++, .token = k->t });

	assert_int_equal(send_raw(&k->r, &raw).note, NOTE_ACCEPTED);
	sim_mine(k->r.chain, NULL);
	return receipt_for(k->r.node, &raw.hash,
	    &(struct payment){ .token = true, .asset = k->t->at, .to = k->r.you });
}

static uint64_t token_held(const struct token_rig *k)
{
	struct amount a = sim_balance(k->r.chain, k->r.chain->head, k->t, &k->r.you);
	uint64_t n;

	assert_true(amount_to_u64(&a, &n));
	return n;
}

static void token_moves(void **state)
{
	const enum sim_token_kind kinds[] = { SIM_TOKEN_PLAIN, SIM_TOKEN_NO_RETURN };
	struct amount want = amount_u64(400);
	struct token_rig k;
	struct receipt got;

	(void)state;
	for (int i = 0; i < 2; i++) {
		token_rig_init(&k, kinds[i]);
		got = token_pay(&k, 400);
		assert_int_equal(got.status, TX_OK);
		assert_int_equal(got.transfers, 1);
		assert_int_equal(amount_cmp(&got.transfer.amount, &want), 0);
		assert_true(got.arrived);
		assert_int_equal(amount_cmp(&got.amount, &want), 0);
		assert_memory_equal(&got.transfer.to, &k.r.you, 20);
		assert_memory_equal(&got.transfer.token, &k.t->at, 20);
		assert_int_equal(token_held(&k), 400);
		rig_release(&k.r);
	}
}

static void token_takes_a_fee(void **state)
{
	struct amount want = amount_u64(990);
	struct token_rig k;
	struct receipt got;

	(void)state;
	token_rig_init(&k, SIM_TOKEN_FEE);
	got = token_pay(&k, 1000);
	assert_int_equal(got.status, TX_OK);
	assert_int_equal(got.transfers, 2);
	assert_int_equal(amount_cmp(&got.transfer.amount, &want), 0);
	assert_true(got.arrived); /* the other one is not the recipient's */
	assert_int_equal(amount_cmp(&got.amount, &want), 0);
	assert_int_equal(token_held(&k), 990);
	rig_release(&k.r);
}

static void token_returns_false(void **state)
{
	struct token_rig k;
	struct receipt got;

	(void)state;
	token_rig_init(&k, SIM_TOKEN_FALSE);
	got = token_pay(&k, 1000);
	assert_int_equal(got.status, TX_OK);
	assert_int_equal(got.transfers, 0);
	assert_false(got.arrived);
	assert_int_equal(token_held(&k), 0);
	rig_release(&k.r);
}

static void token_reverts(void **state)
{
	struct token_rig k;

	(void)state;
	token_rig_init(&k, SIM_TOKEN_PLAIN);
	k.t->paused = true;
	assert_int_equal(token_pay(&k, 10).status, TX_REVERTED);
	k.t->paused = false;
	assert_int_equal(token_pay(&k, 10).status, TX_OK);
	k.t->refuses = true;
	k.t->refused = k.r.you;
	assert_int_equal(token_pay(&k, 10).status, TX_REVERTED);
	k.t->refused = k.r.me;
	assert_int_equal(
	    token_pay(&k, 1000000).status, TX_REVERTED); /* more than is there */
	assert_int_equal(token_pay(&k, 10).status, TX_OK);
	assert_int_equal(token_held(&k), 20);
	rig_release(&k.r);
}

/* -- nodes ----------------------------------------------------------------- */

static void connector_reads_a_node(void **state)
{
	struct address who[3] = { address_of(1), address_of(2), address_of(0xaa) };
	struct fee_market market;
	struct token_facts facts;
	struct identity id;
	struct token_rig k;
	struct head head;
	struct buf body = fresh();
	uint8_t code[3];
	size_t len;
	char *answer;

	(void)state;
	token_rig_init(&k, SIM_TOKEN_PLAIN);
	sim_account_code(k.r.chain, &who[1], SIM_CODE_WALLET, 18);
	token_pay(&k, 10);
	connector_evm.identity(&body);
	answer = ask(k.r.node, &body, &len);
	assert_int_equal(connector_evm.identity_read(&id, answer, len, NULL), ERR_OK);
	mem_free(answer);
	assert_int_equal(id.chain_id, 31337);
	assert_memory_equal(&id.genesis, &k.r.chain->genesis->hash, 32);
	connector_evm.poll(&body);
	answer = ask(k.r.node, &body, &len);
	assert_int_equal(connector_evm.poll_read(&head, answer, len, NULL), ERR_OK);
	mem_free(answer);
	assert_int_equal(head.height, 1);
	assert_int_equal(
	    head.next_base_fee, sim_base_fee_next(k.r.chain, k.r.chain->head));
	connector_evm.code(&body, who, 3);
	answer = ask(k.r.node, &body, &len);
	assert_int_equal(connector_evm.code_read(code, 3, answer, len, NULL), ERR_OK);
	mem_free(answer);
	assert_memory_equal(code, "\0\1\1", 3);
	connector_evm.token(&body, &k.t->at, &k.r.you);
	answer = ask(k.r.node, &body, &len);
	assert_int_equal(connector_evm.token_read(&facts, answer, len, NULL), ERR_OK);
	mem_free(answer);
	assert_int_equal(facts.decimals, 6);
	assert_string_equal(facts.symbol, "TOK");
	assert_int_equal(facts.balance.limb[0], 10);
	connector_evm.market(&body, &head);
	answer = ask(k.r.node, &body, &len);
	assert_int_equal(
	    connector_evm.market_read(&market, &head, answer, len, NULL), ERR_OK);
	mem_free(answer);
	assert_int_equal(market.tip, GWEI);
	assert_int_equal(market.next_base_fee, head.next_base_fee);
	rig_release(&k.r);
}

static void connector_reads_a_block(void **state)
{
	struct watched watched = { .balance = true, .token_balance = true };
	struct block_question q = { .height = 1, .watched = &watched, .watched_n = 1 };
	struct block_facts facts, later;
	struct node_word word;
	struct token_rig k;
	struct buf body = fresh();
	size_t len;
	char *answer;

	(void)state;
	token_rig_init(&k, SIM_TOKEN_PLAIN);
	watched.account = k.r.me;
	watched.token = k.t->at;
	token_pay(&k, 10);
	q.hash = k.r.chain->head->hash;
	q.finalized = true;
	connector_evm.block(&body, &q);
	answer = ask(k.r.node, &body, &len);
	assert_int_equal(
	    connector_evm.block_read(&facts, &word, &q, answer, len, NULL), ERR_OK);
	mem_free(answer);
	assert_int_equal(facts.tx_n, 1);
	assert_int_equal(facts.transfers_n, 1);
	assert_int_equal(facts.accounts[0].count, 1);
	assert_int_equal(facts.accounts[0].token_balance.limb[0], 1000000 - 10);
	assert_true(facts.has_finalized);
	q.way = BLOCK_WHOLE;
	q.by_number = true;
	k.r.node->no_hash_param = true;
	k.r.node->no_block_receipts = true;
	connector_evm.block(&body, &q);
	answer = ask(k.r.node, &body, &len);
	assert_int_equal(
	    connector_evm.block_read(&later, &word, &q, answer, len, NULL), ERR_OK);
	mem_free(answer);
	assert_true(later.incomplete);
	connector_evm.block_receipts(&body, &q, &later);
	answer = ask(k.r.node, &body, &len);
	assert_int_equal(
	    connector_evm.block_receipts_read(&later, &q, answer, len, NULL), ERR_OK);
	mem_free(answer);
	assert_memory_equal(&facts.digest, &later.digest, 32);
	block_facts_release(&facts);
	block_facts_release(&later);
	rig_release(&k.r);
}

static void estimates(void **state)
{
	struct payload p[2] = { { .data_len = 0 }, { .data_len = 0 } };
	struct node_word word[2];
	struct buf body = fresh();
	struct rig r;
	uint64_t gas[2];
	size_t len;
	char *answer;

	(void)state;
	rig_init(&r);
	p[0].to = r.you;
	p[1].to = address_of(2);
	p[0].value = p[1].value = amount_u64(1);
	sim_account_code(r.chain, &p[0].to, SIM_CODE_WALLET, 18);
	sim_account_code(r.chain, &p[1].to, SIM_CODE_REVERTS, 0);
	connector_evm.estimate(&body, &r.me, p, 2);
	answer = ask(r.node, &body, &len);
	assert_int_equal(
	    connector_evm.estimate_read(gas, word, 2, answer, len, NULL), ERR_OK);
	mem_free(answer);
	assert_int_equal(gas[0], 21018);
	assert_int_equal(word[1].note, NOTE_REVERTED);
	assert_non_null(strstr(word[1].text, "no coin here"));
	rig_release(&r);
}

/* Whatever a contract says of its revert, however long, arrives. */
static void reasons_of_any_length(void **state)
{
	static const size_t lens[] = { 1, 32, 33, 65, 300, 5000 };
	struct payment pay = { .token = true };
	struct token_rig k;

	(void)state;
	token_rig_init(&k, SIM_TOKEN_PLAIN);
	k.t->refuses = true;
	pay.asset = k.t->at;
	pay.to = k.t->refused = k.r.you;
	pay.amount = amount_u64(10);
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		char *says = calloc(1, lens[i] + 1), *answer;
		size_t len, shown = lens[i] < 100 ? lens[i] : 100;
		struct buf body = fresh();
		struct node_word word;
		struct payload p;
		uint64_t gas;

		k.t->says = memset(says, 'a' + (int)i, lens[i]);
		connector_evm.pay(&p, &pay);
		connector_evm.estimate(&body, &k.r.me, &p, 1);
		answer = ask(k.r.node, &body, &len);
		assert_int_equal(
		    connector_evm.estimate_read(&gas, &word, 1, answer, len, NULL),
		    ERR_OK);
		assert_int_equal(word.note, NOTE_REVERTED);
		says[shown] = '\0';
		assert_non_null(strstr(word.text, says));
		mem_free(answer);
		free(says);
	}
	rig_release(&k.r);
}

static void node_lags_forks_and_lies(void **state)
{
	struct signed_bytes raw;
	struct sim_node *n;
	struct rig r;

	(void)state;
	rig_init(&r);
	n = r.node;
	raw = sign(&r, (struct order){ .to = r.you, .wei = 5 });
	for (int i = 0; i < 4; i++)
		sim_mine(r.chain, NULL);
	send_raw(&r, &raw);
	sim_mine(r.chain, NULL);
	says(n, "eth_blockNumber", "[]", "\"0x5\"");
	n->lag = 2;
	says(n, "eth_blockNumber", "[]", "\"0x3\"");
	says(n, "eth_getBlockByNumber", "[\"0x4\",false]", "\"result\":null");
	assert_false(receipt_of(n, &raw.hash).known);
	n->lag = 0;
	n->receipts_lag = 1; /* its count is ahead of its receipts */
	assert_false(receipt_of(n, &raw.hash).known);
	n->receipts_lag = 0;
	n->receipts = SIM_RECEIPTS_FLIPPED;
	assert_int_equal(receipt_of(n, &raw.hash).status, TX_REVERTED);
	n->receipts = SIM_RECEIPTS_NULL;
	assert_false(receipt_of(n, &raw.hash).known);
	n->receipts = SIM_RECEIPTS_TRUE;
	n->fork = sim_side_branch(r.chain, 3, 9);
	says(n, "eth_blockNumber", "[]", "\"0xb\"");
	assert_false(receipt_of(n, &raw.hash).known);
	n->fork = NULL;
	n->chain_id = 5;
	says(n, "eth_chainId", "[]", "\"0x5\"");
	n->receipts_depth = 2;
	assert_true(receipt_of(n, &raw.hash).known);
	for (int i = 0; i < 3; i++)
		sim_mine(r.chain, NULL);
	assert_false(receipt_of(n, &raw.hash).known);
	rig_release(&r);
}

static void node_keeps_orphans(void **state)
{
	struct sim_reorg reorg = { .depth = 1 };
	struct buf hash = fresh();
	struct rig r;

	(void)state;
	rig_init(&r);
	sim_mine(r.chain, NULL);
	buf_add_str(&hash, "[\"0x");
	buf_add_hex(&hash, r.chain->head->hash.at, 32);
	buf_add_str(&hash, "\",false]");
	says(r.node, "eth_getBlockByHash", buf_text(&hash), "\"number\":\"0x1\"");
	sim_reorg(r.chain, &reorg);
	says(r.node, "eth_getBlockByHash", buf_text(&hash), "\"result\":null");
	r.node->keeps_orphans = true;
	says(r.node, "eth_getBlockByHash", buf_text(&hash), "\"number\":\"0x1\"");
	buf_release(&hash);
	rig_release(&r);
}

static void node_lacks_things(void **state)
{
	struct rig r;
	struct buf hash = fresh();

	(void)state;
	rig_init(&r);
	buf_add_str(&hash, "[\"0x");
	buf_add_hex(&hash, r.me.at, 20);
	buf_add_str(&hash, "\",{\"blockHash\":\"0x");
	buf_add_hex(&hash, r.chain->genesis->hash.at, 32);
	buf_add_str(&hash, "\"}]");
	says(r.node, "eth_getTransactionCount", buf_text(&hash), "\"0x0\"");
	r.node->no_hash_param = true;
	says(r.node, "eth_getTransactionCount", buf_text(&hash), "-32602");
	r.node->no_hash_param = false;
	for (int i = 0; i < 5; i++)
		sim_mine(r.chain, NULL);
	r.node->state_depth = 4;
	says(r.node, "eth_getTransactionCount", buf_text(&hash), "missing trie node");
	r.node->other_genesis = true;
	says(r.node, "eth_getTransactionCount", buf_text(&hash), "header not found");
	r.node->no_block_receipts = true;
	says(r.node, "eth_getBlockReceipts", "[\"latest\"]", "-32601");
	says(r.node, "eth_nothing", "[]", "-32601");
	strcpy(r.node->refuses, "not today");
	says(r.node, "eth_sendRawTransaction", "[\"0x02\"]", "not today");
	buf_release(&hash);
	rig_release(&r);
}

static void final_tag(void **state)
{
	const struct {
		struct sim_finality rule;
		const char *says;
	} rows[] = {
		{ { SIM_FINAL_DEPTH, 3 }, "\"number\":\"0x6\"" },
		{ { SIM_FINAL_DEPTH, 30 }, "\"number\":\"0x0\"" },
		{ { SIM_FINAL_STUCK, 2 }, "\"number\":\"0x2\"" },
		{ { SIM_FINAL_LATEST, 0 }, "\"number\":\"0x9\"" },
		{ { SIM_FINAL_NULL, 0 }, "\"result\":null" },
	};
	struct rig r;

	(void)state;
	rig_init(&r);
	for (int i = 0; i < 9; i++)
		sim_mine(r.chain, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		r.chain->options.finality = rows[i].rule;
		says(r.node, "eth_getBlockByNumber", "[\"finalized\",false]",
		    rows[i].says);
	}
	r.node->own_finality = true;
	r.node->finality = (struct sim_finality){ SIM_FINAL_STUCK, 1 };
	says(r.node, "eth_getBlockByNumber", "[\"finalized\",false]",
	    "\"number\":\"0x1\"");
	rig_release(&r);
}

static void batches(void **state)
{
	static const char two[] = "[{\"id\":0,\"method\":\"eth_chainId\"},"
				  "{\"id\":\"a\",\"method\":\"eth_blockNumber\"}]";
	struct buf out = fresh();
	struct rig r;

	(void)state;
	rig_init(&r);
	sim_node_answer(r.node, &out, two, strlen(two));
	assert_string_equal(buf_text(&out),
	    "[{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"0x7a69\"},"
	    "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":\"0x0\"}]");
	buf_clear(&out);
	r.node->batch_max = 1;
	sim_node_answer(r.node, &out, two, strlen(two));
	assert_non_null(strstr(buf_text(&out), "batch too large"));
	buf_clear(&out);
	sim_node_answer(r.node, &out, "{nonsense", 9);
	assert_non_null(strstr(buf_text(&out), "-32700"));
	buf_release(&out);
	rig_release(&r);
}

static void requests_are_read_as_they_stand(void **state)
{
	const struct {
		const char *body, *says;
	} rows[] = {
		{ " { \"method\" :\t\"eth_chainId\", \"params\" : [ ] ,\n\"id\": 7 }\r\n",
		    "\"id\":7,\"result\":\"0x7a69\"" },
		{ "{\"id\":\"a\\\"b\\\\\",\"method\":\"eth_chainId\"}",
		    "\"id\":\"a\\\"b\\\\\",\"result\"" },
		{ "{\"more\":{\"id\":[1,{}],\"method\":[]},\"id\":1,\"method\":\"eth_"
		  "chainId\"}",
		    "\"id\":1,\"result\":\"0x7a69\"" },
		{ "{\"id\":1,\"method\":\"eth_getBlockByNumber\",\"params\":[\"0x0\","
		  "true]}",
		    "\"number\":\"0x0\"" },
		{ "{\"id\":1,\"method\":\"eth_feeHistory\",\"params\":[1,\"latest\","
		  "[50.5,1e1]]}",
		    "\"reward\":[[\"0x0\",\"0x0\"]]" },
		{ "{\"id\":null,\"method\":5}", "invalid request" },
		{ "[]", "empty batch" },
		{ "", "-32700" },
		{ "7", "-32700" },
		{ "{\"id\":1", "-32700" },
		{ "{\"id\" 1}", "-32700" },
		{ "{\"id\":1,}", "-32700" },
		{ "{\"id\":\"1}", "-32700" },
		{ "{\"id\":tru}", "-32700" },
		{ "{}{}", "-32700" },
		{ "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "-32700" },
	};
	struct buf out = fresh();
	struct rig r;

	(void)state;
	rig_init(&r);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&out);
		sim_node_answer(r.node, &out, rows[i].body, strlen(rows[i].body));
		if (!strstr(buf_text(&out), rows[i].says))
			fail_msg("%s: %s", rows[i].body, buf_text(&out));
	}
	buf_release(&out);
	rig_release(&r);
}

/* -- the world ------------------------------------------------------------- */

static void faults_do_as_named(void **state)
{
	const struct {
		enum sim_fault fault;
		enum http_end end;
		int status;
		uint32_t pooled;
	} rows[] = {
		{ SIM_FAULT_NONE, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_NOT_SENT, HTTP_NOT_SENT, 0, 0 },
		{ SIM_FAULT_RESET, HTTP_UNKNOWN, 0, 0 },
		{ SIM_FAULT_HANG, HTTP_UNKNOWN, 0, 0 },
		{ SIM_FAULT_LATE, HTTP_UNKNOWN, 0, 0 },
		{ SIM_FAULT_LOST, HTTP_UNKNOWN, 0, 1 },
		{ SIM_FAULT_EARLY, HTTP_ANSWERED, 200, 0 },
		{ SIM_FAULT_GATEWAY, HTTP_ANSWERED, 504, 1 },
		{ SIM_FAULT_INTERNAL, HTTP_ANSWERED, 500, 1 },
		{ SIM_FAULT_UNAVAILABLE, HTTP_ANSWERED, 503, 0 },
		{ SIM_FAULT_LIMITED, HTTP_ANSWERED, 429, 0 },
		{ SIM_FAULT_STALE, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_CUT, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_EMPTY, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_PAGE, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_FLIPPED, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_TWICE, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_MISSING, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_TYPE, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_HUGE, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_OTHER_ID, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_DOUBLED, HTTP_ANSWERED, 200, 1 },
		{ SIM_FAULT_SHUFFLED, HTTP_ANSWERED, 200, 1 },
	};
	struct world_rig k;
	struct heard h;

	(void)state;
	assert_int_equal(sizeof rows / sizeof *rows, SIM_FAULT_COUNT);
	for (size_t i = 0; i < SIM_FAULT_COUNT; i++) {
		world_rig_init(&k, &(struct sim_options){ .chain_id = 0 });
		sim_world_force(k.sim, rows[i].fault, "eth_sendRawTransaction", -1, 0);
		h = send_world(&k, (struct order){ .nonce = 0 });
		assert_int_equal(h.end, rows[i].end);
		assert_int_equal(h.status, rows[i].status);
		assert_int_equal(k.r.chain->pooled, rows[i].pooled);
		assert_int_equal(
		    h.retry_after_ms, rows[i].fault == SIM_FAULT_LIMITED ? 1000 : -1);
		if (rows[i].fault == SIM_FAULT_HANG || rows[i].fault == SIM_FAULT_LATE)
			assert_int_equal(h.at_ms, 5000);
		else
			assert_in_range(h.at_ms, 1, 40);
		world_wait(k.w, 60000);
		assert_int_equal(k.r.chain->pooled,
		    rows[i].pooled || sim_fault_executes(rows[i].fault));
		assert_int_equal(sim_world_faults(k.sim, rows[i].fault), 1);
		world_rig_release(&k);
	}
}

static void late_is_after_the_timeout(void **state)
{
	struct world_rig k;

	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		rig_init(&k.r);
		world_rig_open(&k, seed);
		sim_world_force(k.sim, SIM_FAULT_LATE, NULL, -1, 0);
		send_world(&k, (struct order){ .nonce = 0 });
		assert_int_equal(k.r.chain->pooled, 0);
		world_wait(k.w, 20000);
		assert_int_equal(k.r.chain->pooled, 1);
		world_rig_release(&k);
	}
}

/* Slower than the patience of who asks: unknown, and executed or not all the same. */
static void slow_answers_time_out(void **state)
{
	const enum sim_fault faults[] = { SIM_FAULT_NONE, SIM_FAULT_LIMITED };
	struct sim_world_options o = { .latency_ms = 1000000, .nodes_n = 1 };
	struct world_rig k;
	struct heard h;

	(void)state;
	for (int i = 0; i < 2; i++) {
		rig_init(&k.r);
		o.chain = k.r.chain;
		o.nodes = &k.r.node;
		k.w = sim_world_open(&o);
		k.sim = sim_world_of(k.w);
		sim_world_force(k.sim, faults[i], NULL, -1, 0);
		h = send_world(&k, (struct order){ .nonce = 0 });
		assert_int_equal(h.end, HTTP_UNKNOWN);
		assert_int_equal(h.at_ms, 5000);
		world_wait(k.w, 3000000);
		assert_int_equal(k.r.chain->pooled, faults[i] == SIM_FAULT_NONE);
		world_rig_release(&k);
	}
}

struct order_of { /* who came first */
	int *n;
	int place;
};

static void take_place(void *ctx)
{
	struct order_of *o = ctx;

	o->place = ++*o->n;
}

static void an_instant_has_no_fixed_order(void **state)
{
	int first = 0, seeds = 40;
	struct world_rig k;

	(void)state;
	for (int seed = 0; seed < seeds; seed++) {
		int n = 0;
		struct order_of a = { &n, 0 }, b = { &n, 0 };

		rig_init(&k.r);
		world_rig_open(&k, (uint64_t)seed);
		sim_world_after(k.sim, 5, take_place, &a);
		sim_world_after(k.sim, 5, take_place, &b);
		world_wait(k.w, INT64_MAX); /* both, as they are due at once */
		assert_int_equal(n, 2);
		first += a.place == 1;
		world_rig_release(&k);
	}
	assert_in_range(first, 5, seeds - 5);
}

static void stale_and_cut_answers(void **state)
{
	struct heard h = { .times = 0 };
	struct buf body = fresh();
	struct world_rig k;

	(void)state;
	world_rig_init(&k, &(struct sim_options){ .chain_id = 0 });
	for (int i = 0; i < 9; i++)
		sim_mine(k.r.chain, NULL);
	sim_world_force(k.sim, SIM_FAULT_STALE, NULL, 0, 0);
	sim_world_force(k.sim, SIM_FAULT_CUT, NULL, 0, 0);
	connector_evm.poll(&body);
	ask_world(k.w, &body, &h);
	world_wait(k.w, INT64_MAX);
	assert_non_null(strstr(h.body, "\"number\":\"0x6\""));
	connector_evm.poll(&body);
	ask_world(k.w, &body, &h);
	world_wait(k.w, INT64_MAX);
	assert_int_equal(h.times, 2);
	assert_int_equal(h.status, 200);
	assert_null(strstr(h.body, "}}"));
	connector_evm.poll(&body);
	ask_world(k.w, &body, &h);
	world_wait(k.w, INT64_MAX);
	assert_non_null(
	    strstr(h.body, "\"number\":\"0x9\"")); /* the lag was the answer's */
	world_rig_release(&k);
}

static void no_such_node(void **state)
{
	struct heard h = { .times = 0 };
	struct world_rig k;
	struct http_request q = { .url = "http://node-1.sim/",
		.timeout_ms = 100,
		.answer_max = 100,
		.done = hear,
		.ctx = &h };

	(void)state;
	world_rig_init(&k, &(struct sim_options){ .chain_id = 0 });
	h.w = k.w;
	world_http(k.w, &q);
	assert_int_equal(h.times, 0); /* only from world_wait */
	world_wait(k.w, INT64_MAX);
	assert_int_equal(h.end, HTTP_NOT_SENT);
	k.r.node->down = true;
	q.url = "http://node-0.sim/";
	world_http(k.w, &q);
	world_wait(k.w, INT64_MAX);
	assert_int_equal(h.times, 2);
	assert_int_equal(h.end, HTTP_NOT_SENT);
	world_http(k.w, &q);
	world_rig_release(&k); /* ends what is under way */
	assert_int_equal(h.times, 3);
	assert_int_equal(h.end, HTTP_UNKNOWN);
}

static void blocks_by_the_clock(void **state)
{
	struct world_rig k;
	int64_t wall;

	(void)state;
	world_rig_init(&k, &(struct sim_options){ .interval_ms = 1000 });
	wall = world_wall_ms(k.w);
	world_wait(k.w, 3500);
	assert_int_equal(world_now_ms(k.w), 3500);
	assert_int_equal(world_wall_ms(k.w) - wall, 3500);
	assert_int_equal(k.r.chain->head->height, 3);
	sim_world_jump(k.sim, -1000000);
	assert_int_equal(world_wall_ms(k.w) - wall, 3500 - 1000000);
	send_world(&k, (struct order){ .to = k.r.you, .wei = 5 });
	assert_int_equal(wei_of(&k.r), 0);
	world_wait(k.w, 4000);
	assert_int_equal(wei_of(&k.r), 5);
	sim_mining(k.r.chain, 0);
	world_wait(k.w, 20000);
	assert_int_equal(k.r.chain->head->height, 4);
	sim_mining(k.r.chain, 100);
	world_wait(k.w, 20150);
	assert_int_equal(k.r.chain->head->height, 5); /* nothing is caught up */
	world_rig_release(&k);
}

static void job_run(void *job)
{
	*(int *)job += 1;
}

static void job_done(void *job)
{
	*(int *)job += 10;
}

static void note_why(void *ctx, const char *why)
{
	*(const char **)ctx = why;
}

static void work_signals_and_standstill(void **state)
{
	const char *why = NULL;
	struct sim_world_options o = { .stuck = note_why, .ctx = &why };
	struct rig r;
	struct world *w;
	int job = 0, call = 0;

	(void)state;
	rig_init(&r);
	o.chain = r.chain;
	w = sim_world_open(&o);
	world_work(w, job_run, job_done, &job);
	assert_int_equal(job, 0);
	world_wait(w, INT64_MAX);
	assert_int_equal(job, 11);
	assert_null(why);
	sim_world_after(sim_world_of(w), 700, job_run, &call);
	world_wait(w, INT64_MAX);
	assert_int_equal(call, 1);
	assert_in_range(world_now_ms(w), 700, 710);
	world_wait(w, INT64_MAX);
	assert_string_equal(why, "a wait for ever, and nothing is due");
	sim_world_signal(sim_world_of(w), SIGTERM);
	world_wait(w, INT64_MAX - 1);
	assert_int_equal(world_signalled(w), SIGTERM);
	world_free(w);
	rig_release(&r);
}

/* A caller that reacts: resends until it is answered, with faults on the way. */
static uint64_t story(uint64_t seed)
{
	struct world_rig k;
	uint64_t trace, random;
	struct heard h;

	rig_init_with(&k.r, &(struct sim_options){ .interval_ms = 500 });
	world_rig_open(&k, seed);
	for (int f = 1; f < SIM_FAULT_COUNT; f++)
		sim_world_chance(k.sim, (enum sim_fault)f, 35);
	for (uint64_t i = 0; i < 30; i++)
		do {
			world_random(k.w, &random, sizeof random);
			h = send_world(&k,
			    (struct order){ .to = k.r.you,
				.wei = 1,
				.nonce = i,
				.tip = GWEI + random % 3 });
		} while (h.status != 200);
	world_wait(k.w, world_now_ms(k.w) + 40000); /* the early ones, too */
	assert_int_equal(wei_of(&k.r), 30);
	trace = sim_world_trace(k.sim);
	world_rig_release(&k);
	return trace;
}

static void seed_decides(void **state)
{
	uint64_t one = story(1);

	(void)state;
	assert_true(story(1) == one);
	assert_true(story(2) != one);
}

static void wire_outlives_the_world(void **state)
{
	struct heard h = { .times = 0 };
	struct buf body = fresh();
	const struct signed_bytes *p;
	struct signed_bytes raw;
	struct world_rig k;

	(void)state;
	world_rig_init(&k, &(struct sim_options){ .chain_id = 0 });
	raw = sign(&k.r, (struct order){ .to = k.r.you });
	p = &raw;
	connector_evm.send(&body, &p, 1);
	ask_world(k.w, &body, &h);
	world_free(k.w); /* before it arrived */
	assert_int_equal(k.r.chain->pooled, 0);
	world_rig_open(&k, 2);
	world_wait(k.w, world_now_ms(k.w) + 61000);
	assert_int_equal(k.r.chain->pooled, 1);
	assert_null(k.r.chain->wire);
	world_rig_release(&k);
}

static void chain_outlives_the_process(void **state)
{
	struct world_rig k;
	int status;
	pid_t pid;

	(void)state;
	world_rig_init(&k, &(struct sim_options){ .chain_id = 0 });
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		send_world(&k, (struct order){ .to = k.r.you, .wei = 5 });
		sim_mine(k.r.chain, NULL);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(k.r.chain->head->height, 1);
	assert_int_equal(wei_of(&k.r), 5);
	send_world(&k, (struct order){ .to = k.r.you, .wei = 5, .nonce = 1 });
	sim_mine(k.r.chain, NULL);
	assert_int_equal(wei_of(&k.r), 10);
	world_rig_release(&k);
}

/* -- the oracle ------------------------------------------------------------ */

static bool holds(
    const struct rig *r, const struct sim_due *due, size_t n, const char *says_it)
{
	struct buf why = fresh();
	bool ok = sim_oracle_holds(r->chain, &r->me, due, n, &why);

	if (!strstr(buf_text(&why), says_it))
		fail_msg("the oracle says: %s", buf_text(&why));
	buf_release(&why);
	return ok;
}

static void oracle_counts(void **state)
{
	struct sim_due due[2] = { { .amount = amount_u64(5) },
		{ .amount = amount_u64(6) } };
	struct amount sum;
	struct rig r;

	(void)state;
	rig_init(&r);
	due[0].to = r.you;
	due[1].to = address_of(2);
	rig_send(&r, (struct order){ .to = r.you, .wei = 5 });
	sim_mine(r.chain, NULL);
	assert_true(holds(&r, due, 1, ""));
	assert_false(holds(&r, due, 2,
	    "got 6 of 0x0000000000000000000000000000000000000000 "
	    "0 times, 1 are due"));
	assert_false(holds(&r, due, 0, "1 times, 0 are due"));
	rig_send(&r, (struct order){ .to = r.you, .wei = 5, .nonce = 1 });
	sim_mine(r.chain, NULL);
	assert_false(holds(&r, due, 1, "got 5 of"));
	assert_int_equal(sim_paid(r.chain, &r.me, NULL, &r.you, &sum), 2);
	assert_int_equal(sum.limb[0], 10);
	rig_release(&r);
}

static void oracle_sees_two_payloads(void **state)
{
	struct sim_due due = { .amount = amount_u64(5) };
	struct signed_bytes other;
	struct order o = {
		.to = { { 0 } }, .max_fee = 100ull * GWEI, .tip = 50ull * GWEI
	};
	struct sim_ledger ledger;
	struct rig r;

	(void)state;
	rig_init(&r);
	due.to = r.you;
	rig_send(&r, (struct order){ .to = r.you, .wei = 5 });
	o.to = r.me; /* empty: allowed beside it */
	rig_send(&r, (struct order){ .to = r.you, .wei = 5, .nonce = 1 });
	o.nonce = 1;
	assert_int_equal(rig_send(&r, o).note, NOTE_ACCEPTED);
	sim_mine(r.chain, NULL);
	assert_true(holds(&r, &due, 1, ""));
	sim_ledger_read(&ledger, r.chain, &r.me);
	assert_int_equal(ledger.payments, 1);
	assert_int_equal(ledger.empty, 1);
	other = sign(&r, (struct order){ .to = address_of(3), .wei = 7 });
	assert_int_equal(
	    send_raw(&r, &other).note, NOTE_NONCE_LOW); /* shown: that suffices */
	assert_false(holds(&r, &due, 1, "nonce 0: signed for two payloads"));
	rig_release(&r);
}

static void oracle_leaves_out_foreign_and_failed(void **state)
{
	struct sign_job job = { .nonce = SIM_NONCE_NEXT };
	struct sim_due due = { .amount = amount_u64(5) };
	struct sim_ledger ledger;
	struct sim_word word;
	struct rig r;

	(void)state;
	rig_init(&r);
	due.to = r.you;
	rig_send(&r, (struct order){ .to = r.you, .wei = 5 });
	job.key = r.key;
	job.payload.to = r.you;
	job.payload.value = amount_u64(5);
	assert_non_null(sim_pool_send_foreign(r.chain, &word, &job));
	assert_int_equal(word.code, 0);
	sim_account_code(r.chain, &(struct address){ { 9 } }, SIM_CODE_REVERTS, 0);
	rig_send(&r, (struct order){ .to = { { 9 } }, .wei = 5, .nonce = 2 });
	sim_mine(r.chain, NULL);
	assert_int_equal(r.chain->head->tx_n, 3);
	assert_true(holds(&r, &due, 1, ""));
	sim_ledger_read(&ledger, r.chain, &r.me);
	assert_int_equal(ledger.payments, 1);
	assert_int_equal(ledger.failed, 1);
	assert_int_equal(ledger.foreign, 1);
	job.nonce = 0; /* and it may replace ours */
	assert_non_null(sim_pool_send_foreign(r.chain, &word, &job));
	assert_string_equal(word.text, "nonce too low: next nonce 3, tx nonce 0");
	assert_true(holds(&r, &due, 1, ""));
	rig_release(&r);
}

static void delegated_sender_has_one_at_a_time(void **state)
{
	struct node_word word;
	struct rig r;

	(void)state;
	rig_init(&r);
	sim_account_code(r.chain, &r.me, SIM_CODE_DELEGATED, 0);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 1 }).note, NOTE_DELEGATED);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 0 }).note, NOTE_ACCEPTED);
	word = rig_send(&r, (struct order){ .nonce = 1 });
	assert_int_equal(word.note, NOTE_DELEGATED);
	assert_non_null(strstr(word.text, "in-flight transaction limit"));
	sim_mine(r.chain, NULL);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 1 }).note, NOTE_ACCEPTED);
	rig_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfer_is_mined),
		cmocka_unit_test(replacement_needs_a_tenth_in_both),
		cmocka_unit_test(replacement_of_small_fees_is_strict),
		cmocka_unit_test(pool_speaks_as_geth),
		cmocka_unit_test(pool_adds_up_what_waits),
		cmocka_unit_test(eviction_drops),
		cmocka_unit_test(base_fee_moves_and_spikes),
		cmocka_unit_test(reorg_gives_back_or_loses),
		cmocka_unit_test(reorg_puts_another_in),
		cmocka_unit_test(money_arrives_and_survives_a_reorg),
		cmocka_unit_test(code_at_the_recipient),
		cmocka_unit_test(token_moves),
		cmocka_unit_test(token_takes_a_fee),
		cmocka_unit_test(token_returns_false),
		cmocka_unit_test(token_reverts),
		cmocka_unit_test(connector_reads_a_node),
		cmocka_unit_test(connector_reads_a_block),
		cmocka_unit_test(estimates),
		cmocka_unit_test(reasons_of_any_length),
		cmocka_unit_test(node_lags_forks_and_lies),
		cmocka_unit_test(node_keeps_orphans),
		cmocka_unit_test(node_lacks_things),
		cmocka_unit_test(final_tag),
		cmocka_unit_test(batches),
		cmocka_unit_test(requests_are_read_as_they_stand),
		cmocka_unit_test(faults_do_as_named),
		cmocka_unit_test(late_is_after_the_timeout),
		cmocka_unit_test(slow_answers_time_out),
		cmocka_unit_test(an_instant_has_no_fixed_order),
		cmocka_unit_test(stale_and_cut_answers),
		cmocka_unit_test(no_such_node),
		cmocka_unit_test(blocks_by_the_clock),
		cmocka_unit_test(work_signals_and_standstill),
		cmocka_unit_test(seed_decides),
		cmocka_unit_test(wire_outlives_the_world),
		cmocka_unit_test(chain_outlives_the_process),
		cmocka_unit_test(oracle_counts),
		cmocka_unit_test(oracle_sees_two_payloads),
		cmocka_unit_test(oracle_leaves_out_foreign_and_failed),
		cmocka_unit_test(delegated_sender_has_one_at_a_time),
	};

	secret_setup();
	secp_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
