/* Answers that are spoiled: none of them is read as another one that would be right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "crypto/secp.h"
#include "rig.h"

/* Some things may be left out by a node: a base fee, what is final, the block of what
 * still waits. Without them nothing is taken for something else; here they count as
 * refused. */

/* -- what is asked, and what is read in the answers ------------------------------ */

static struct {
	struct rig r;
	struct sim_token *token;
	struct signed_bytes coin, tokens, next;
	struct watched watched;
} stage;

static void stage_open(bool lean)
{
	struct sim_options options = { .lean = lean, .finality = { SIM_FINAL_DEPTH, 2 } };
	struct amount many = amount_u64(1000);

	rig_init_with(&stage.r, &options);
	stage.token =
	    sim_token_add(stage.r.chain, &(struct address){ { 0x70 } }, 0, 18, "TKN");
	sim_fund(stage.r.chain, &stage.r.me, stage.token, &many);
	stage.coin = sign(&stage.r, (struct order){ .to = stage.r.you, .wei = 5 });
	stage.tokens = sign(&stage.r,
	    (struct order){
		.to = stage.r.you, .wei = 6, .nonce = 1, .token = stage.token });
	stage.next = sign(&stage.r, (struct order){ .to = stage.r.you, .nonce = 2 });
	send_raw(&stage.r, &stage.coin);
	send_raw(&stage.r, &stage.tokens);
	for (int i = 0; i < 5; i++)
		sim_mine(stage.r.chain, NULL);
	stage.watched = (struct watched){ .account = stage.r.me,
		.balance = true,
		.token_balance = true,
		.token = stage.token->at };
}

static void ask_head(struct buf *body)
{
	connector_evm.poll(body);
}

static void put_head(struct buf *facts, const struct head *h)
{
	buf_addf(facts, "%ju %ju %ju ", (uintmax_t)h->height, (uintmax_t)h->base_fee,
	    (uintmax_t)h->next_base_fee);
	buf_add_hex(facts, h->hash.at, sizeof h->hash.at);
	buf_add_hex(facts, h->parent.at, sizeof h->parent.at);
}

static bool read_head(struct buf *facts, const char *answer, size_t len)
{
	struct head h;

	if (connector_evm.poll_read(&h, answer, len, NULL) != ERR_OK)
		return false;
	put_head(facts, &h);
	return h.has_base_fee;
}

static struct block_question block_question(enum block_way way)
{
	const struct sim_block *b = stage.r.chain->trail[1];

	return (struct block_question){ .hash = b->hash,
		.height = b->height,
		.way = way,
		.finalized = true,
		.watched = &stage.watched,
		.watched_n = 1 };
}

static void put_block(struct buf *facts, const struct block_facts *b)
{
	put_head(facts, &b->head);
	buf_addf(
	    facts, " final %ju %d", (uintmax_t)b->finalized_height, b->has_finalized);
	for (uint32_t i = 0; i < b->tx_n; i++) {
		const struct seen_tx *t = &b->tx[i];

		buf_addf(facts, " tx %u %u %d %ju %ju %u ", t->account, t->index,
		    (int)t->status, (uintmax_t)t->gas_used, (uintmax_t)t->gas_price,
		    t->transfers);
		buf_add_hex(facts, t->hash.at, sizeof t->hash.at);
	}
	for (uint32_t i = 0; i < b->transfers_n; i++) {
		buf_add_hex(facts, b->transfers[i].to.at, 20);
		buf_addf(facts, " %ju", (uintmax_t)b->transfers[i].amount.limb[0]);
	}
	for (uint32_t i = 0; i < b->accounts_n; i++)
		buf_addf(facts, " account %ju %d %ju %d %ju",
		    (uintmax_t)b->accounts[i].count, b->accounts[i].has_balance,
		    (uintmax_t)b->accounts[i].balance.limb[0],
		    b->accounts[i].has_token_balance,
		    (uintmax_t)b->accounts[i].token_balance.limb[0]);
}

static bool read_block_as(
    enum block_way way, struct buf *facts, const char *answer, size_t len)
{
	struct block_question q = block_question(way);
	struct block_facts b;
	struct node_word word;
	enum err e = connector_evm.block_read(&b, &word, &q, answer, len, NULL);

	bool whole;

	if (e != ERR_OK)
		return false;
	put_block(facts, &b);
	whole = b.has_finalized && (way == BLOCK_RECEIPTS || b.head.has_base_fee);
	block_facts_release(&b);
	return whole;
}

static void ask_block(struct buf *body)
{
	struct block_question q = block_question(BLOCK_RECEIPTS);

	connector_evm.block(body, &q);
}

static bool read_block(struct buf *facts, const char *answer, size_t len)
{
	return read_block_as(BLOCK_RECEIPTS, facts, answer, len);
}

static void ask_whole(struct buf *body)
{
	struct block_question q = block_question(BLOCK_WHOLE);

	connector_evm.block(body, &q);
}

static bool read_whole(struct buf *facts, const char *answer, size_t len)
{
	return read_block_as(BLOCK_WHOLE, facts, answer, len);
}

static void ask_transactions(struct buf *body)
{
	struct hash hashes[] = { stage.coin.hash, stage.tokens.hash };

	connector_evm.transactions(body, hashes, 2);
}

static bool read_transactions(struct buf *facts, const char *answer, size_t len)
{
	struct whole_tx t[2];

	if (connector_evm.transactions_read(t, 2, answer, len, NULL) != ERR_OK)
		return false;
	for (int i = 0; i < 2; i++) {
		buf_addf(facts, "%d %d %d %ju %ju %ju %u ", t[i].known, t[i].creates,
		    t[i].included, (uintmax_t)t[i].nonce, (uintmax_t)t[i].height,
		    (uintmax_t)t[i].payload.value.limb[0], t[i].payload.data_len);
		buf_add_hex(facts, t[i].from.at, sizeof t[i].from.at);
		buf_add_hex(facts, t[i].payload.to.at, sizeof t[i].payload.to.at);
		buf_add_hex(facts, t[i].payload.data, t[i].payload.data_len);
		buf_add_hex(facts, t[i].block_hash.at, sizeof t[i].block_hash.at);
		buf_addf(facts, " %d %ju %ju %ju ", (int)t[i].fees.type,
		    (uintmax_t)t[i].fees.gas, (uintmax_t)t[i].fees.max_fee,
		    (uintmax_t)t[i].fees.tip);
	}
	return t[0].included && t[1].included;
}

static void ask_receipts(struct buf *body)
{
	struct hash hashes[] = { stage.coin.hash, stage.tokens.hash };

	connector_evm.receipts(body, hashes, 2);
}

static bool read_receipts(struct buf *facts, const char *answer, size_t len)
{
	struct payment want[2] = { { .token = false }, { .token = true } };
	struct receipt r[2];

	want[1].asset = stage.token->at;
	want[1].to = stage.r.you;
	if (connector_evm.receipts_read(r, want, 2, answer, len, NULL) != ERR_OK)
		return false;
	for (int i = 0; i < 2; i++) {
		buf_addf(facts, "%d %ju %u %d %ju %ju %u %d %ju ", r[i].known,
		    (uintmax_t)r[i].height, r[i].index, (int)r[i].status,
		    (uintmax_t)r[i].gas_used, (uintmax_t)r[i].gas_price, r[i].transfers,
		    r[i].arrived, (uintmax_t)r[i].amount.limb[0]);
		buf_add_hex(facts, r[i].from.at, sizeof r[i].from.at);
		buf_add_hex(facts, r[i].block_hash.at, sizeof r[i].block_hash.at);
	}
	return true;
}

static void ask_send(struct buf *body)
{
	const struct signed_bytes *raw[] = { &stage.next };

	connector_evm.send(body, raw, 1);
}

/* What is not accepted is unknown: that is what a spoiled answer to a send says. */
static bool read_send(struct buf *facts, const char *answer, size_t len)
{
	struct node_word word;

	connector_evm.send_read(&word, 1, answer, len);
	if (word.err != ERR_OK && err_class(word.err) == CLASS_UNKNOWN)
		return false;
	buf_addf(facts, "%d %d", (int)word.err, (int)word.note);
	return true;
}

static void ask_counts(struct buf *body)
{
	uint64_t heights[] = { 1, 2 };

	connector_evm.counts_at(body, &stage.r.me, heights, 2);
}

static bool read_counts(struct buf *facts, const char *answer, size_t len)
{
	uint64_t count[2];
	bool known[2];

	if (connector_evm.counts_read(count, known, 2, answer, len, NULL) != ERR_OK)
		return false;
	for (int i = 0; i < 2; i++)
		buf_addf(facts, "%d %ju ", known[i],
		    known[i] ? (uintmax_t)count[i] : (uintmax_t)0);
	return true;
}

static const struct asked {
	const char *what;
	void (*ask)(struct buf *body);
	bool (*read)(struct buf *facts, const char *answer, size_t len);
} askeds[] = {
	{ "head", ask_head, read_head },
	{ "block", ask_block, read_block },
	{ "block whole", ask_whole, read_whole },
	{ "transactions", ask_transactions, read_transactions },
	{ "receipts", ask_receipts, read_receipts },
	{ "send", ask_send, read_send },
	{ "counts", ask_counts, read_counts },
};

/* -- each, spoiled in each way ---------------------------------------------------- */

static void check(const struct asked *a, const struct buf *truth, const char *answer,
    size_t len, enum sim_fault f, uint64_t seed, int *refused)
{
	struct sim_random random = { .state = seed };
	struct buf spoiled = fresh(), facts = fresh();

	buf_add(&spoiled, answer, len);
	sim_fault_mangle(f, &spoiled, &random);
	assert_true(buf_ok(&spoiled));
	if (!a->read(&facts, buf_text(&spoiled), spoiled.len)) {
		++*refused;
		if (f == SIM_FAULT_SHUFFLED)
			fail_msg("%s, %s, seed %ju: is refused: %.300s", a->what,
			    sim_fault_name(f), (uintmax_t)seed, buf_text(&spoiled));
	} else if (strcmp(buf_text(&facts), buf_text(truth)) != 0) {
		fail_msg("%s, %s, seed %ju: %.200s is read as %.200s, not %.200s",
		    a->what, sim_fault_name(f), (uintmax_t)seed, buf_text(&spoiled),
		    buf_text(&facts), buf_text(truth));
	}
	buf_release(&spoiled);
	buf_release(&facts);
}

static void spoil(const struct asked *a, int *refused)
{
	struct buf body = fresh(), truth = fresh();
	char *answer;
	size_t len;

	a->ask(&body);
	answer = ask(stage.r.node, &body, &len);
	assert_true(a->read(&truth, answer, len));
	for (int f = SIM_FAULT_CUT; f < SIM_FAULT_COUNT; f++)
		for (uint64_t seed = 1; seed <= 60; seed++)
			check(
			    a, &truth, answer, len, (enum sim_fault)f, seed, &refused[f]);
	mem_free(answer);
	buf_release(&truth);
}

static void spoiled_is_refused_or_the_same(void **state)
{
	int refused[SIM_FAULT_COUNT] = { 0 };

	(void)state;
	for (int lean = 0; lean < 2; lean++) {
		stage_open(lean == 1);
		for (size_t i = 0; i < sizeof askeds / sizeof *askeds; i++)
			spoil(&askeds[i], refused);
		rig_release(&stage.r);
	}
	for (int f = SIM_FAULT_CUT; f <= SIM_FAULT_OTHER_ID; f++)
		if (!refused[f])
			fail_msg("%s: never refused", sim_fault_name((enum sim_fault)f));
	assert_int_equal(refused[SIM_FAULT_SHUFFLED], 0);
}

/* Receipts that are not there are no empty list: that would say that nothing was done. */
static void what_is_not_there_is_not_nothing(void **state)
{
	struct buf body = fresh();
	char *answer;
	size_t len;

	(void)state;
	stage_open(false);
	stage.r.node->receipts = SIM_RECEIPTS_NULL;
	ask_block(&body);
	answer = ask(stage.r.node, &body, &len);
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct sim_random random = { .state = seed };
		struct buf spoiled = fresh(), facts = fresh();

		buf_add(&spoiled, answer, len);
		sim_fault_mangle(SIM_FAULT_TYPE, &spoiled, &random);
		assert_false(read_block(&facts, buf_text(&spoiled), spoiled.len));
		buf_release(&spoiled);
		buf_release(&facts);
	}
	mem_free(answer);
	rig_release(&stage.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoiled_is_refused_or_the_same),
		cmocka_unit_test(what_is_not_there_is_not_nothing),
	};

	secret_setup();
	secp_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
