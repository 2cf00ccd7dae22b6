/* Answers of nodes: the first byte chooses the question, the second how it was asked. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chain/quote.h"
#include "fuzz.h"

#define N 3

static const struct watched watched[] = {
	{ .account = { { 0xf3, 0x9f, 0xd6, 0xe5, 0x1a, 0xad, 0x88, 0xf6, 0xf4, 0xce, 0x6a,
	      0xb8, 0x82, 0x72, 0x79, 0xcf, 0xff, 0xb9, 0x22, 0x66 } },
	    .balance = true,
	    .token_balance = true,
	    .token = { { 0x70 } } },
	{ .account = { { 0x22 } }, .balance = true },
};

static void check_words(const struct node_word *word, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		fuzz_check_text(word[i].text, sizeof word[i].text);
}

static void check_facts(const struct block_facts *b, const struct block_question *q)
{
	CHECK(b->accounts_n == q->watched_n);
	for (uint32_t i = 0; i < b->tx_n; i++) {
		const struct seen_tx *t = &b->tx[i];

		CHECK(t->account < b->accounts_n);
		CHECK(t->transfer_at + t->transfers <= b->transfers_n);
	}
	if (!q->by_number && !q->at_height)
		CHECK(!memcmp(b->head.hash.at, q->hash.at, sizeof q->hash.at));
	CHECK(b->has_every == q->every);
	for (uint32_t i = 0; i < b->every_n; i++) {
		CHECK(b->every[i].nonce <= INT64_MAX);
		CHECK(b->every[i].status <= TX_OK);
		for (uint32_t k = 0; k < i; k++)
			CHECK(!hash_same(&b->every[i].hash, &b->every[k].hash));
	}
}

/* A blank sends the lists to the parser: both readers say the same. */
static void check_parsed(const struct block_facts *walked, const struct block_question *q,
    const char *begin, const char *text, size_t len)
{
	const char *at = memmem(text, len, begin, strlen(begin));
	size_t before = at ? (size_t)(at - text) + strlen(begin) - 1 : 0;
	struct block_facts facts = { 0 };
	struct node_word word = { 0 };
	struct fail f = { 0 };
	char *spaced;

	if (!at)
		return;
	spaced = mem_new(len + 1);
	memcpy(spaced, text, before);
	spaced[before] = ' ';
	memcpy(spaced + before + 1, text + before, len - before);
	if (!connector_evm.block_read(&facts, &word, q, spaced, len + 1, &f)) {
		CHECK(facts.tx_n == walked->tx_n);
		CHECK(facts.every_n == walked->every_n);
		CHECK(facts.incomplete == walked->incomplete);
		CHECK(hash_same(&facts.digest, &walked->digest));
	}
	free(spaced);
	block_facts_release(&facts);
}

static void block(uint8_t how, const char *text, size_t len)
{
	bool at_height = how & 32, every = how & 64;
	struct block_question q = { .height = 1,
		.way = how & 1 || (at_height && !every) ? BLOCK_WHOLE : BLOCK_RECEIPTS,
		.every = every,
		.by_number = how & 2 && !at_height,
		.finalized = how & 4 && !at_height,
		.bare = how & 8 || at_height,
		.at_height = at_height,
		.watched = watched,
		.watched_n = how & 16 ? 1 : 2 };
	struct block_facts facts = { 0 };
	struct node_word word = { 0 };
	struct fail f = { 0 };

	memset(q.hash.at, 0xab, sizeof q.hash.at);
	if (!connector_evm.block_read(&facts, &word, &q, text, len, &f)) {
		check_facts(&facts, &q);
		check_parsed(&facts, &q, "\"result\":[{", text, len);
		check_parsed(&facts, &q, "\"transactions\":[{", text, len);
		if (at_height)
			q.hash = facts.head.hash;
		if (facts.incomplete &&
		    !connector_evm.block_receipts_read(&facts, &q, text, len, &f))
			check_facts(&facts, &q);
	}
	check_words(&word, 1);
	block_facts_release(&facts);
}

static void heads(const char *text, size_t len)
{
	struct head head[N];
	bool known[N];
	uint64_t count[N];
	enum pool_shows shows;
	struct fail f = { 0 };

	(void)connector_evm.poll_read(&head[0], text, len, &f);
	(void)connector_evm.headers_read(head, known, N, text, len, &f);
	(void)connector_evm.counts_read(count, known, N, text, len, &f);
	(void)connector_evm.pool_read(&shows, text, len, &f);
}

static void looks(const char *text, size_t len)
{
	static const struct pending_filter filter[] = { { "" }, { "0x1" } };
	struct whole_tx tx[N];
	struct pending news;
	struct fail f = { 0 };

	for (int i = 0; i < 2; i++) {
		(void)connector_evm.look_read(
		    tx, &news, &filter[i], N - 1, text, len, &f);
		fuzz_check_text(news.filter.id, sizeof news.filter.id);
		CHECK(news.n <= PENDING_MAX && (news.err == ERR_OK || !news.hash));
		check_words(&news.word, 1);
		mem_free(news.hash);
	}
}

static void transactions(const char *text, size_t len)
{
	struct whole_tx tx[N];
	static const struct payment wants[N] = { { .token = true } };
	struct receipt receipt[N];
	struct fail f = { 0 };

	(void)connector_evm.transactions_read(tx, N, text, len, &f);
	(void)connector_evm.receipts_read(receipt, wants, N, text, len, &f);
}

static void money(const char *text, size_t len)
{
	struct node_word word[N] = { 0 };
	static const struct head plain, priced = { .has_base_fee = true };
	struct fee_market market;
	struct amount balance;
	uint64_t gas[N], count;
	uint8_t code[N];
	struct fail f = { 0 };

	(void)connector_evm.market_read(&market, &plain, text, len, &f);
	(void)connector_evm.market_read(&market, &priced, text, len, &f);
	if (!connector_evm.estimate_read(gas, word, N, text, len, &f))
		check_words(word, N);
	if (!connector_evm.try_read(&word[0], text, len, &f))
		check_words(word, 1);
	(void)connector_evm.code_read(code, N, text, len, &f);
	(void)connector_evm.account_read(&count, &balance, text, len, &f);
}

static void quotes(const char *text, size_t len)
{
	static const struct head plain, priced = { .has_base_fee = true };
	struct fee_said said[2] = { 0 };
	struct fee_span span[N];
	uint64_t time_s[N];
	bool known[N];
	struct fail f = { 0 };
	struct quote quote;

	for (int i = 0; i < 2; i++) {
		if (connector_evm.quote_read(
			&said[i], i ? &priced : &plain, text, len, &f))
			continue;
		CHECK(said[i].tip[QUOTE_SLOW] <= said[i].tip[QUOTE_NORMAL]);
		CHECK(said[i].tip[QUOTE_NORMAL] <= said[i].tip[QUOTE_FAST]);
		CHECK(said[i].tip[QUOTE_FAST] <= FEE_SAID_MAX);
		CHECK(said[i].next_base_fee <= FEE_SAID_MAX);
		CHECK(quote_make(&quote, &said[i], 1, 1, QUOTE_BUFFER_MAX));
	}
	if (!connector_evm.spans_read(span, N, text, len, &f))
		for (int i = 0; i < N; i++)
			CHECK(!span[i].known ||
			    (span[i].low <= span[i].mean &&
				span[i].mean <= span[i].high));
	(void)connector_evm.times_read(time_s, known, N, text, len, &f);
}

static void names(const char *text, size_t len)
{
	struct identity identity;
	char client[CLIENT_MAX];
	struct token_facts token = { 0 };
	struct fail f = { 0 };

	(void)connector_evm.identity_read(&identity, text, len, &f);
	if (!connector_evm.client_read(client, text, len, &f))
		fuzz_check_text(client, sizeof client);
	if (!connector_evm.token_read(&token, text, len, &f))
		fuzz_check_text(token.symbol, sizeof token.symbol);
}

static void sends(const char *text, size_t len)
{
	struct node_word word[N] = { 0 };

	connector_evm.send_read(word, N, text, len);
	check_words(word, N);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t what = fuzz_byte(&data, &size), how = fuzz_byte(&data, &size);
	const char *text = (const char *)data;

	switch (what % 6) {
	case 0:
		block(how, text, size);
		break;
	case 1:
		heads(text, size);
		break;
	case 2:
		transactions(text, size);
		looks(text, size);
		break;
	case 3:
		money(text, size);
		quotes(text, size);
		break;
	case 4:
		names(text, size);
		break;
	default:
		sends(text, size);
		break;
	}
	return 0;
}
