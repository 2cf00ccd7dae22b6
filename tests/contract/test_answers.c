/* What a node of any make answers, as the connector asks and reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ground.h"

#define SENDS 50

static struct ground ground;
static const uint8_t tag[5] = { 1, 2, 3, 4, 5 };
static const struct address friend = { { 0xf1, 0x1e, 0x4d } };
static const struct hash nowhere = { { 0xde, 0xad } };

static bool is_amount(const struct amount *a, uint64_t n)
{
	struct amount want = amount_u64(n);

	return amount_cmp(a, &want) == 0;
}

/* -- asking ---------------------------------------------------------------- */

/* The last question and its answer. */
static struct buf body;
static char *text;
static size_t len;
static struct fail why;

#define SAID text, len, &why

#define ASK(write)                                       \
	do {                                             \
		buf_init(&body, 4 << 20);                \
		write;                                   \
		free(text);                              \
		text = ground_ask(&ground, &body, &len); \
	} while (0)

static void check(enum err got, enum err wanted)
{
	if (got != wanted)
		fail_msg("%s, not %s: %s", err_name(got), err_name(wanted), text);
}

static struct head head_now(void)
{
	struct head h;

	ASK(ground.connector->poll(&body));
	check(ground.connector->poll_read(&h, SAID), ERR_OK);
	return h;
}

static bool header_at(uint64_t height, struct head *ret)
{
	bool known;

	ASK(ground.connector->headers_at(&body, &height, 1));
	check(ground.connector->headers_read(ret, &known, 1, SAID), ERR_OK);
	return known;
}

static bool header_of(const struct hash *hash, struct head *ret)
{
	bool known;

	ASK(ground.connector->header(&body, hash));
	check(ground.connector->headers_read(ret, &known, 1, SAID), ERR_OK);
	return known;
}

static struct fee_market market(void)
{
	struct fee_market m;
	struct head head;

	ASK(ground.connector->poll(&body));
	check(ground.connector->poll_read(&head, SAID), ERR_OK);
	ASK(ground.connector->market(&body, &head));
	check(ground.connector->market_read(&m, &head, SAID), ERR_OK);
	return m;
}

static uint64_t count_of(int who, struct amount *ret_balance)
{
	uint64_t count;

	ASK(ground.connector->account(&body, &ground.account[who]));
	check(ground.connector->account_read(&count, ret_balance, SAID), ERR_OK);
	return count;
}

static uint64_t next_nonce(int who)
{
	struct amount balance;

	return count_of(who, &balance);
}

/* -- sending --------------------------------------------------------------- */

static struct payload coin(uint64_t n)
{
	struct payment p = { .to = friend, .amount = amount_u64(n) };
	struct payload ret;

	ground.connector->pay(&ret, &p);
	return ret;
}

static struct payload tokens(uint64_t n)
{
	struct payment p = { .token = true,
		.asset = ground.token,
		.to = friend,
		.amount = amount_u64(n) };
	struct payload ret;

	ground.connector->pay(&ret, &p);
	return ret;
}

static struct sign_job job_of(int who, uint64_t nonce, struct payload what)
{
	return (struct sign_job){ .chain_id = CHAIN_ID,
		.nonce = nonce,
		.payload = what,
		.fees = { FEE_1559, what.data_len ? 100000 : 21000, 10 * GWEI, GWEI },
		.key = ground.key[who] };
}

static struct signed_bytes sign(struct sign_job job)
{
	struct signed_bytes raw;
	struct fail f;

	assert_int_equal(ground.connector->sign(&raw, &job, &f), 0);
	return raw;
}

static struct signed_bytes pay(int who, uint64_t nonce, struct payload what)
{
	return sign(job_of(who, nonce, what));
}

static void send_many(struct node_word *ret, const struct signed_bytes *raw, uint32_t n)
{
	const struct signed_bytes *at[SENDS];

	for (uint32_t i = 0; i < n; i++)
		at[i] = &raw[i];
	ASK(ground.connector->send(&body, at, n));
	ground.connector->send_read(ret, n, text, len);
}

static void send_says(struct signed_bytes raw, enum err err, enum node_note note)
{
	struct node_word word;

	send_many(&word, &raw, 1);
	if (word.err != err || word.note != note)
		fail_msg("\"%s\" is %s, note %d; not %s, note %d", word.text,
		    err_name(word.err), word.note, err_name(err), note);
}

static void mine(uint32_t blocks)
{
	ground.mine(&ground, blocks);
}

static struct signed_bytes paid(int who, struct payload what)
{
	struct signed_bytes raw = pay(who, next_nonce(who), what);

	send_says(raw, ERR_OK, NOTE_ACCEPTED);
	mine(1);
	return raw;
}

/* -- what it is ------------------------------------------------------------ */

static void it_says_who_it_is(void **state)
{
	char client[CLIENT_MAX];
	struct identity id;
	struct head first;

	(void)state;
	ASK(ground.connector->identity(&body));
	check(ground.connector->identity_read(&id, SAID), ERR_OK);
	assert_true(header_at(0, &first));
	assert_int_equal(id.chain_id, CHAIN_ID);
	assert_true(hash_same(&id.genesis, &first.hash));
	ASK(ground.connector->client(&body));
	check(ground.connector->client_read(client, SAID), ERR_OK);
	assert_non_null(strstr(client, ground.make.client));
}

static void headers_link(void **state)
{
	struct head head = head_now(), same, parent;

	(void)state;
	assert_true(header_of(&head.hash, &same));
	assert_true(hash_same(&same.parent, &head.parent));
	assert_int_equal(same.height, head.height);
	assert_true(header_at(head.height - 1, &parent));
	assert_true(hash_same(&parent.hash, &head.parent));
	assert_false(header_of(&nowhere, &same));
	assert_false(header_at(head.height + 100, &same));
}

static void a_block_comes_when_it_is_mined(void **state)
{
	struct head before = head_now(), after;

	(void)state;
	mine(2);
	after = head_now();
	assert_int_equal(after.height, before.height + 2);
	assert_true(header_at(before.height, &after));
	assert_true(hash_same(&after.hash, &before.hash));
}

/* -- blocks ---------------------------------------------------------------- */

static const struct {
	enum block_way way;
	bool by_number;
} ways[] = { { BLOCK_RECEIPTS, false }, { BLOCK_RECEIPTS, true }, { BLOCK_WHOLE, false },
	{ BLOCK_WHOLE, true } };

static struct block_question question(const struct head *h, size_t way)
{
	static struct watched watched[2];

	watched[0] = (struct watched){ .account = ground.account[PAYER],
		.balance = true,
		.token_balance = true,
		.token = ground.token };
	watched[1] = (struct watched){ .account = ground.account[OTHER] };
	return (struct block_question){ .hash = h->hash,
		.height = h->height,
		.way = ways[way].way,
		.by_number = ways[way].by_number,
		.finalized = true,
		.watched = watched,
		.watched_n = 2 };
}

static enum err read_block(
    const struct head *h, size_t way, struct block_facts *ret, enum node_note *ret_note)
{
	struct block_question q = question(h, way);
	struct node_word word;
	enum err e;

	ASK(ground.connector->block(&body, &q));
	e = ground.connector->block_read(ret, &word, &q, SAID);
	*ret_note = word.note;
	if (!e && ret->incomplete) {
		ASK(ground.connector->block_receipts(&body, &q, ret));
		e = ground.connector->block_receipts_read(ret, &q, SAID);
	}
	return e;
}

/* The ways that this make does not have, in the words that the follower learns by. */
static enum node_note refusal(size_t way)
{
	if (ways[way].way == BLOCK_RECEIPTS && !ground.make.block_receipts)
		return NOTE_NO_METHOD;
	if (!ways[way].by_number && !ground.make.state_by_hash)
		return NOTE_NO_HASH_PARAM;
	return NOTE_NONE;
}

/* A payment, a payment of tokens, one that reverts, and one of somebody else. */
static struct head busy_block(void)
{
	struct amount much;
	uint64_t nonce = next_nonce(PAYER);
	struct payment p = { .token = true, .asset = ground.token, .to = friend };
	struct payload more;

	assert_int_equal(amount_parse(&much, "1", 1, 60), AMOUNT_OK);
	p.amount = much;
	ground.connector->pay(&more, &p);
	send_says(pay(PAYER, nonce, coin(7)), ERR_OK, NOTE_ACCEPTED);
	send_says(pay(PAYER, nonce + 1, tokens(5)), ERR_OK, NOTE_ACCEPTED);
	send_says(pay(PAYER, nonce + 2, more), ERR_OK, NOTE_ACCEPTED);
	send_says(pay(OTHER, next_nonce(OTHER), coin(9)), ERR_OK, NOTE_ACCEPTED);
	mine(1);
	return head_now();
}

static void check_busy(const struct block_facts *b)
{
	struct amount balance, arrived;
	struct payload what = tokens(5);
	int of_payer = 0, reverted = 0, arrivals = 0;

	assert_int_equal(b->tx_n, 4);
	for (uint32_t i = 0; i < b->tx_n; i++) {
		of_payer += b->tx[i].account == PAYER;
		reverted += b->tx[i].status == TX_REVERTED;
		assert_true(b->tx[i].gas_used >= 21000 && b->tx[i].gas_price > 0);
		if (b->tx[i].transfers &&
		    ground.connector->paid(&arrived, &what, b, &b->tx[i]))
			arrivals += is_amount(&arrived, 5);
	}
	assert_int_equal(of_payer, 3);
	assert_int_equal(reverted, 1);
	assert_int_equal(arrivals, 1);
	assert_int_equal(b->transfers_n, 1);
	assert_int_equal(b->accounts[PAYER].count, count_of(PAYER, &balance));
	assert_true(b->accounts[PAYER].has_balance);
	assert_int_equal(amount_cmp(&b->accounts[PAYER].balance, &balance), 0);
	assert_true(b->accounts[PAYER].has_token_balance);
	assert_int_equal(b->accounts[OTHER].count, next_nonce(OTHER));
}

static void a_block_is_the_same_each_way(void **state)
{
	struct head h = busy_block();
	struct hash digest;
	int read = 0;

	(void)state;
	for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
		struct block_facts b;
		enum node_note note;
		enum err e = read_block(&h, way, &b, &note);

		assert_int_equal(note, refusal(way));
		if (refusal(way) != NOTE_NONE) {
			assert_int_not_equal(e, ERR_OK);
			continue;
		}
		assert_int_equal(e, ERR_OK);
		check_busy(&b);
		assert_true(!read || hash_same(&b.digest, &digest));
		digest = b.digest;
		read++;
		block_facts_release(&b);
	}
	assert_true(read > 0);
}

/* What the node says of them one by one, by their hash, is what the block said. */
static void check_every(const struct block_facts *b)
{
	struct hash hash[4];
	struct whole_tx tx[4];
	struct receipt r[4];
	int reverted = 0;

	assert_true(b->has_every && !b->incomplete);
	assert_int_equal(b->every_n, 4);
	for (int i = 0; i < 4; i++)
		hash[i] = b->every[i].hash;
	ASK(ground.connector->transactions(&body, hash, 4));
	check(ground.connector->transactions_read(tx, 4, SAID), ERR_OK);
	ASK(ground.connector->receipts(&body, hash, 4));
	check(ground.connector->receipts_read(r, NULL, 4, SAID), ERR_OK);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(tx[i].known && r[i].known);
		assert_true(hash_same(&tx[i].block_hash, &b->head.hash));
		assert_int_equal(r[i].index, i);
		assert_true(address_same(&b->every[i].from, &tx[i].from));
		assert_int_equal(b->every[i].nonce, tx[i].nonce);
		assert_int_equal(b->every[i].status, r[i].status);
		reverted += b->every[i].status == TX_REVERTED;
	}
	assert_int_equal(reverted, 1);
}

/* One of the senders is watched, and the other one's is there all the same. */
static enum err read_every(
    const struct head *h, size_t way, struct block_facts *ret, enum node_note *ret_note)
{
	struct block_question q = question(h, way);
	struct node_word word;
	enum err e;

	q.every = true;
	q.watched_n = 1;
	q.batch = 3;
	ASK(ground.connector->block(&body, &q));
	e = ground.connector->block_read(ret, &word, &q, SAID);
	*ret_note = word.note;
	while (!e && ret->incomplete) {
		ASK(ground.connector->block_receipts(&body, &q, ret));
		e = ground.connector->block_receipts_read(ret, &q, SAID);
	}
	return e;
}

static void all_of_a_block_is_the_same_each_way(void **state)
{
	struct head h = busy_block();
	struct hash digest;
	int read = 0;

	(void)state;
	for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
		bool by_hash = !ways[way].by_number && !ground.make.state_by_hash;
		struct block_facts b;
		enum node_note note;
		enum err e = read_every(&h, way, &b, &note);

		assert_int_equal(note, refusal(way));
		/* without such receipts the block itself goes on */
		assert_int_equal(e == ERR_OK, !by_hash);
		if (e != ERR_OK)
			continue;
		check_every(&b);
		assert_int_equal(b.tx_n, 3);
		assert_true(!read || hash_same(&b.digest, &digest));
		digest = b.digest;
		read++;
		block_facts_release(&b);
	}
	assert_true(read > 1);
}

static void all_at_a_height_is_the_same(void **state)
{
	struct head h = busy_block();

	(void)state;
	for (enum block_way way = BLOCK_RECEIPTS; way <= BLOCK_WHOLE; way++) {
		struct block_question q = { .height = h.height,
			.way = way,
			.at_height = true,
			.bare = true,
			.every = true };
		struct node_word word;
		struct block_facts b;

		ASK(ground.connector->block(&body, &q));
		check(ground.connector->block_read(&b, &word, &q, SAID), ERR_OK);
		assert_true(hash_same(&b.head.hash, &h.hash));
		assert_int_equal(
		    b.incomplete, way == BLOCK_WHOLE || !ground.make.block_receipts);
		q.hash = b.head.hash;
		if (b.incomplete) {
			ASK(ground.connector->block_receipts(&body, &q, &b));
			check(
			    ground.connector->block_receipts_read(&b, &q, SAID), ERR_OK);
		}
		check_every(&b);
		block_facts_release(&b);
	}
}

/* Without its hash, and without its state: what is in it is the same. */
static void a_block_at_a_height_is_the_same(void **state)
{
	struct head h = busy_block();
	struct block_question q = question(&h, 2);
	struct block_facts b, whole;
	struct node_word word;
	enum node_note note;

	(void)state;
	q.bare = q.at_height = true;
	q.finalized = false;
	q.hash = (struct hash){ { 0 } };
	ASK(ground.connector->block(&body, &q));
	check(ground.connector->block_read(&b, &word, &q, SAID), ERR_OK);
	assert_true(hash_same(&b.head.hash, &h.hash));
	assert_true(b.incomplete);
	q.hash = b.head.hash;
	ASK(ground.connector->block_receipts(&body, &q, &b));
	check(ground.connector->block_receipts_read(&b, &q, SAID), ERR_OK);
	assert_int_equal(read_block(&h, 3, &whole, &note), ERR_OK);
	assert_int_equal(b.tx_n, whole.tx_n);
	for (uint32_t i = 0; i < b.tx_n; i++)
		assert_true(hash_same(&b.tx[i].hash, &whole.tx[i].hash));
	block_facts_release(&whole);
	block_facts_release(&b);
}

static void what_was_before_is_asked_for_at_its_block(void **state)
{
	uint64_t count = next_nonce(PAYER);
	struct block_facts b;
	enum node_note note;
	struct head before;

	(void)state;
	mine(1);
	before = head_now();
	paid(PAYER, tokens(1));
	paid(PAYER, tokens(1));
	assert_int_equal(read_block(&before, 3, &b, &note), ERR_OK);
	assert_int_equal(b.accounts[PAYER].count, count);
	assert_int_equal(b.tx_n, 0);
	block_facts_release(&b);
}

static void a_block_that_left_has_no_facts(void **state)
{
	struct block_facts b;
	enum node_note note;
	struct head gone;

	(void)state;
	ground.mark(&ground);
	paid(PAYER, coin(3));
	gone = head_now();
	ground.undo(&ground, 2);
	for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
		if (refusal(way) != NOTE_NONE)
			continue;
		assert_int_equal(read_block(&gone, way, &b, &note), ERR_NODE_BUSY);
		assert_int_equal(note, NOTE_NONE);
	}
}

static void the_tag_is_as_the_make_says(void **state)
{
	struct block_facts b;
	enum node_note note;
	struct head h = head_now();

	(void)state;
	assert_int_equal(read_block(&h, 3, &b, &note), ERR_OK);
	assert_true(b.has_finalized);
	assert_int_equal(b.finalized_height == h.height, ground.make.head_is_final);
	block_facts_release(&b);
}

static void counts_are_told_by_height(void **state)
{
	uint64_t heights[] = { 0, head_now().height }, count[2];
	bool known[2];

	(void)state;
	ASK(ground.connector->counts_at(&body, &ground.account[PAYER], heights, 2));
	check(ground.connector->counts_read(count, known, 2, SAID), ERR_OK);
	assert_true(known[0] && known[1]);
	assert_int_equal(count[0], 0);
	assert_int_equal(count[1], next_nonce(PAYER));
	heights[1] += 1000;
	ASK(ground.connector->counts_at(&body, &ground.account[PAYER], heights, 2));
	check(ground.connector->counts_read(count, known, 2, SAID), ERR_NODE_BUSY);
}

static void a_pool_is_looked_into(void **state)
{
	struct address nobody = { .at = { 0xad } };
	enum pool_shows shows;

	(void)state;
	ASK(ground.connector->pool(&body, &ground.account[PAYER]));
	check(ground.connector->pool_read(&shows, SAID), ERR_OK);
	assert_int_equal(shows, POOL_SOMETHING);
	ASK(ground.connector->pool(&body, &nobody));
	check(ground.connector->pool_read(&shows, SAID), ERR_OK);
	assert_int_equal(shows, ground.make.pool_shown ? POOL_NOTHING : POOL_HIDDEN);
}

/* What is new, in one request with whether hash is there; returns that. */
static bool news(
    const struct pending_filter *filter, const struct hash *hash, struct pending *ret)
{
	struct whole_tx tx;

	ASK(ground.connector->look(&body, filter, hash, 1));
	check(ground.connector->look_read(&tx, ret, filter, 1, SAID), ERR_OK);
	return tx.known;
}

static void what_comes_to_a_pool_is_told_once(void **state)
{
	struct signed_bytes raw = pay(PAYER, next_nonce(PAYER), coin(1));
	struct pending_filter f = { .id = "" },
			      unknown = { .id = "0xfefefefefefefefefefefefefefefefe" };
	struct pending p;

	(void)state;
	assert_false(news(&f, &raw.hash, &p));
	assert_int_equal(p.err, ERR_OK);
	f = p.filter;
	assert_string_not_equal(f.id, "");
	assert_false(news(&f, &raw.hash, &p));
	assert_int_equal(p.err, ERR_OK);
	assert_int_equal(p.n, 0);
	free(p.hash);
	send_says(raw, ERR_OK, NOTE_ACCEPTED);
	assert_true(news(&f, &raw.hash, &p));
	assert_int_equal(p.n, 1);
	assert_true(hash_same(&p.hash[0], &raw.hash));
	free(p.hash);
	mine(1);
	assert_true(news(&f, &raw.hash, &p));
	assert_int_equal(p.err, ERR_OK);
	assert_int_equal(p.n, 0);
	free(p.hash);
	/* and that one is lost does not spoil the rest */
	assert_true(news(&unknown, &raw.hash, &p));
	assert_int_equal(p.err, ERR_NODE_REFUSED);
	assert_int_equal(p.word.note, NOTE_FILTER_LOST);
}

/* -- transactions ---------------------------------------------------------- */

static void a_stranger_is_read_whole(void **state)
{
	struct hash hash[3];
	struct whole_tx tx[3];
	struct payment payment;
	uint64_t nonce = next_nonce(PAYER);

	(void)state;
	hash[0] = paid(PAYER, tokens(4)).hash;
	hash[1] = paid(PAYER, coin(6)).hash;
	hash[2] = nowhere;
	ASK(ground.connector->transactions(&body, hash, 3));
	check(ground.connector->transactions_read(tx, 3, SAID), ERR_OK);
	assert_true(tx[0].known && tx[1].known && !tx[2].known);
	assert_true(tx[0].included && tx[0].height + 1 == tx[1].height);
	assert_true(address_same(&tx[0].from, &ground.account[PAYER]));
	assert_int_equal(tx[0].nonce, nonce);
	assert_true(ground.connector->payment(&payment, &tx[0].payload));
	assert_true(payment.token && address_same(&payment.to, &friend));
	assert_true(is_amount(&payment.amount, 4));
	assert_true(ground.connector->payment(&payment, &tx[1].payload));
	assert_true(!payment.token && address_same(&payment.to, &friend));
}

static void what_waits_is_known_and_in_no_block(void **state)
{
	struct signed_bytes raw = pay(PAYER, next_nonce(PAYER), coin(1));
	struct whole_tx tx;
	struct receipt r;

	(void)state;
	send_says(raw, ERR_OK, NOTE_ACCEPTED);
	ASK(ground.connector->transactions(&body, &raw.hash, 1));
	check(ground.connector->transactions_read(&tx, 1, SAID), ERR_OK);
	assert_true(tx.known && !tx.included);
	ASK(ground.connector->receipts(&body, &raw.hash, 1));
	check(ground.connector->receipts_read(&r, NULL, 1, SAID), ERR_OK);
	assert_false(r.known);
	mine(1);
	ASK(ground.connector->receipts(&body, &raw.hash, 1));
	check(ground.connector->receipts_read(&r, NULL, 1, SAID), ERR_OK);
	assert_true(r.known && r.status == TX_OK);
	assert_int_equal(r.height, head_now().height);
}

/* -- gas, fees, tokens ------------------------------------------------------- */

static void the_next_base_fee_is_as_foretold(void **state)
{
	struct head before = head_now(), after;
	struct fee_market m = market();

	(void)state;
	assert_true(m.has_1559);
	assert_int_equal(m.next_base_fee, before.next_base_fee);
	mine(1);
	after = head_now();
	assert_int_equal(after.base_fee, before.next_base_fee);
}

static enum node_note estimate(int who, struct payload what, uint64_t *ret_gas)
{
	struct node_word word;

	ASK(ground.connector->estimate(&body, &ground.account[who], &what, 1));
	check(ground.connector->estimate_read(ret_gas, &word, 1, SAID), ERR_OK);
	return word.note;
}

static void gas_is_estimated(void **state)
{
	struct amount much;
	struct payload what = coin(1);
	uint64_t gas;

	(void)state;
	assert_int_equal(estimate(PAYER, what, &gas), NOTE_NONE);
	assert_in_range(gas, 21000, 21010);
	assert_int_equal(estimate(PAYER, tokens(1), &gas), NOTE_NONE);
	assert_true(gas > 21000 && gas < 100000);
	assert_int_equal(estimate(OTHER, tokens(1), &gas), NOTE_REVERTED);
	assert_int_equal(amount_parse(&much, "1", 1, 40), AMOUNT_OK);
	what.value = much;
	assert_int_equal(estimate(PAYER, what, &gas),
	    ground.make.estimates_money ? NOTE_FUNDS : NOTE_NONE);
}

static void why_it_reverts_is_told(void **state)
{
	uint64_t height = head_now().height;
	struct payload good = tokens(1);
	struct node_word word;

	(void)state;
	ASK(ground.connector->try(&body, &ground.account[OTHER], &good, height));
	check(ground.connector->try_read(&word, SAID), ERR_OK);
	assert_int_equal(word.note, NOTE_REVERTED);
	ASK(ground.connector->try(&body, &ground.account[PAYER], &good, height));
	check(ground.connector->try_read(&word, SAID), ERR_OK);
	assert_int_equal(word.err, ERR_OK);
}

static void a_token_tells_its_facts(void **state)
{
	struct token_facts t;
	struct address who[] = { friend, ground.token, ground.account[PAYER] };
	uint8_t code[3];

	(void)state;
	ASK(ground.connector->token(&body, &ground.token, &ground.account[PAYER]));
	check(ground.connector->token_read(&t, SAID), ERR_OK);
	assert_true(t.has_code);
	assert_int_equal(t.decimals, 18);
	assert_false(amount_is_zero(&t.balance));
	ASK(ground.connector->token(&body, &friend, &ground.account[PAYER]));
	check(ground.connector->token_read(&t, SAID), ERR_OK);
	assert_false(t.has_code);
	ASK(ground.connector->code(&body, who, 3));
	check(ground.connector->code_read(code, 3, SAID), ERR_OK);
	assert_true(!code[0] && code[1] && !code[2]);
}

/* -- what is said of bytes --------------------------------------------------- */

/* A make that does not tell them apart calls all of them underpriced. */
static void says_busy(struct signed_bytes raw, enum node_note note)
{
	bool known = note == NOTE_KNOWN;

	if (ground.make.tells_apart)
		send_says(raw, known ? ERR_OK : ERR_NODE_BUSY, note);
	else
		send_says(raw, ERR_NODE_BUSY, NOTE_UNDERPRICED);
}

static void bytes_again_are_known_or_used(void **state)
{
	uint64_t nonce = next_nonce(PAYER);
	struct signed_bytes raw = pay(PAYER, nonce, coin(1));

	(void)state;
	send_says(raw, ERR_OK, NOTE_ACCEPTED);
	says_busy(raw, NOTE_KNOWN);
	says_busy(pay(PAYER, nonce, coin(2)), NOTE_REPLACEMENT);
	mine(1);
	send_says(raw, ERR_OK, NOTE_NONCE_LOW);
	send_says(pay(PAYER, nonce, coin(2)), ERR_OK, NOTE_NONCE_LOW);
	assert_int_equal(next_nonce(PAYER), nonce + 1);
}

static void a_bump_replaces(void **state)
{
	struct fee_market m = market();
	struct sign_job job = job_of(PAYER, next_nonce(PAYER), coin(1));
	struct fees old;
	struct signed_bytes first, second;
	struct whole_tx tx;

	(void)state;
	ground.connector->fees_first(
	    &job.fees, &m, 21000, FEE_1559, 500 * GWEI, 50 * GWEI, tag);
	first = sign(job);
	send_says(first, ERR_OK, NOTE_ACCEPTED);
	old = job.fees;
	assert_true(
	    ground.connector->fees_bump(&job.fees, &old, &m, 500 * GWEI, 50 * GWEI, tag));
	second = sign(job);
	send_says(second, ERR_OK, NOTE_ACCEPTED);
	mine(1);
	ASK(ground.connector->transactions(&body, &second.hash, 1));
	check(ground.connector->transactions_read(&tx, 1, SAID), ERR_OK);
	assert_true(tx.known && tx.included);
}

static void what_no_node_takes_is_refused(void **state)
{
	uint64_t nonce = next_nonce(PAYER);
	struct sign_job job = job_of(PAYER, nonce, coin(1));
	struct amount much;

	(void)state;
	job.chain_id = 5;
	send_says(sign(job), ERR_NODE_REFUSED, NOTE_CHAIN_ID);
	job.chain_id = CHAIN_ID;
	job.fees.gas = 20000;
	send_says(sign(job), ERR_NODE_REFUSED, NOTE_GAS);
	job.fees.gas = 900000000;
	send_says(sign(job), ERR_NODE_REFUSED, NOTE_GAS);
	job.fees.gas = 21000;
	assert_int_equal(amount_parse(&much, "1", 1, 40), AMOUNT_OK);
	job.payload.value = much;
	send_says(sign(job), ERR_NODE_BUSY, NOTE_FUNDS);
	mine(1);
	assert_int_equal(next_nonce(PAYER), nonce);
}

static void a_gap_waits_for_its_nonce(void **state)
{
	uint64_t nonce = next_nonce(PAYER);

	(void)state;
	send_says(pay(PAYER, nonce + 1, coin(2)), ERR_OK, NOTE_ACCEPTED);
	mine(1);
	assert_int_equal(next_nonce(PAYER), nonce);
	send_says(pay(PAYER, nonce, coin(1)), ERR_OK, NOTE_ACCEPTED);
	mine(1);
	assert_int_equal(next_nonce(PAYER), nonce + 2);
}

static void a_batch_has_a_word_for_each(void **state)
{
	uint64_t nonce = next_nonce(PAYER);
	static struct signed_bytes raw[SENDS];
	static struct node_word word[SENDS];
	struct sign_job bad = job_of(PAYER, nonce, coin(1));

	(void)state;
	bad.fees.gas = 20000;
	for (uint32_t i = 0; i < SENDS; i++)
		raw[i] = pay(PAYER, nonce + i, coin(i + 1));
	raw[SENDS - 1] = sign(bad);
	send_many(word, raw, SENDS);
	for (uint32_t i = 0; i + 1 < SENDS; i++)
		assert_int_equal(word[i].note, NOTE_ACCEPTED);
	assert_int_equal(word[SENDS - 1].note, NOTE_GAS);
	mine(1);
	assert_int_equal(next_nonce(PAYER), nonce + SENDS - 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_who_it_is),
		cmocka_unit_test(headers_link),
		cmocka_unit_test(a_block_comes_when_it_is_mined),
		cmocka_unit_test(a_block_is_the_same_each_way),
		cmocka_unit_test(a_block_at_a_height_is_the_same),
		cmocka_unit_test(all_of_a_block_is_the_same_each_way),
		cmocka_unit_test(all_at_a_height_is_the_same),
		cmocka_unit_test(what_was_before_is_asked_for_at_its_block),
		cmocka_unit_test(a_block_that_left_has_no_facts),
		cmocka_unit_test(the_tag_is_as_the_make_says),
		cmocka_unit_test(counts_are_told_by_height),
		cmocka_unit_test(a_pool_is_looked_into),
		cmocka_unit_test(what_comes_to_a_pool_is_told_once),
		cmocka_unit_test(a_stranger_is_read_whole),
		cmocka_unit_test(what_waits_is_known_and_in_no_block),
		cmocka_unit_test(the_next_base_fee_is_as_foretold),
		cmocka_unit_test(gas_is_estimated),
		cmocka_unit_test(why_it_reverts_is_told),
		cmocka_unit_test(a_token_tells_its_facts),
		cmocka_unit_test(bytes_again_are_known_or_used),
		cmocka_unit_test(a_bump_replaces),
		cmocka_unit_test(what_no_node_takes_is_refused),
		cmocka_unit_test(a_gap_waits_for_its_nonce),
		cmocka_unit_test(a_batch_has_a_word_for_each),
	};

	ground_open(&ground, argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
