/* Answers of bitcoind: the first byte chooses the question, the second what was asked
 * for. */
#include <string.h>

#include "base/hex.h"
#include "chain/bitcoin/bitcoin.h"
#include "fuzz.h"

#define N 3
#define GENESIS "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
#define BLOCK_100000 "000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506"

static void block(uint8_t how, const char *text, size_t len)
{
	const char *hash = how & 2 ? BLOCK_100000 : GENESIS;
	struct block_question q = { .height = how & 2 ? 100000 : 0, .every = how & 1 };
	struct block_facts facts = { 0 };
	struct node_word word;
	struct fail f = { 0 };

	CHECK(hex_parse(q.hash.at, sizeof q.hash.at, hash, strlen(hash)));
	if (!connector_bitcoin.block_read(&facts, &word, &q, text, len, &f)) {
		CHECK(hash_same(&facts.head.hash, &q.hash));
		CHECK(facts.head.height == q.height);
		CHECK(facts.has_every == q.every);
		/* what is in it is known to the last byte */
		CHECK(facts.every_n == (how & 1 ? how & 2 ? 4u : 1u : 0u));
	} else {
		CHECK(!facts.every);
	}
	fuzz_check_text(word.text, sizeof word.text);
	block_facts_release(&facts);
}

static void who(const char *text, size_t len)
{
	const struct chain_name *name = connector_bitcoin.names;
	struct identity id;
	char client[CLIENT_MAX];
	struct fail f = { 0 };

	if (!connector_bitcoin.identity_read(&id, text, len, &f)) {
		while (name->name && name->chain_id != id.chain_id)
			name++;
		CHECK(name->chain_id == id.chain_id);
	}
	if (!connector_bitcoin.client_read(client, text, len, &f))
		fuzz_check_text(client, sizeof client);
}

/* As resync asks for it. */
static void count(const char *text, size_t len)
{
	uint64_t height = UINT64_MAX;
	struct fail f = { 0 };

	if (!bitcoin_count_read(&height, text, len, &f))
		CHECK(height <= UINT32_MAX);
	else
		CHECK(height == UINT64_MAX);
	fuzz_check_text(f.why, sizeof f.why);
}

static void heads(const char *text, size_t len)
{
	struct head head[N];
	struct hash hash[N];
	bool known[N];
	struct fail f = { 0 };

	(void)connector_bitcoin.hashes_read(hash, known, N, text, len, &f);
	(void)connector_bitcoin.hashes_read(hash, known, 1, text, len, &f);
	(void)connector_bitcoin.headers_read(head, known, 1, text, len, &f);
	if (connector_bitcoin.headers_read(head, known, N, text, len, &f) != ERR_OK)
		return;
	for (int i = 0; i < N; i++)
		CHECK(!known[i] || head[i].height <= INT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t what = fuzz_byte(&data, &size), how = fuzz_byte(&data, &size);
	const char *text = (const char *)data;

	if (what == 'b')
		block(how, text, size);
	else if (what == 'w')
		who(text, size);
	else if (what == 'c')
		count(text, size);
	else
		heads(text, size);
	return 0;
}
