/* Bitcoin: what bitcoind answers, as its documentation has it, and a follower of a chain
 * that is made here, behind the same bytes. The hashes are those of real blocks, or of
 * blocks that are hashed as real ones are. */
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
#include "chain/bitcoin/bitcoin.h"
#include "chain/follower/feed.h"
#include "chain/follower/follower.h"
#include "codec/json.h"
#include "crypto/sha256.h"

#define GENESIS "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
#define NOT_THERE "\"error\":{\"code\":-5,\"message\":\"Block not found\"}"
#define assert_says(text, part)                                             \
	do {                                                                \
		if (!strstr(text, part))                                    \
			fail_msg("\"%s\" does not say \"%s\"", text, part); \
	} while (0)

static const struct connector *const btc = &connector_bitcoin;

/* -- blocks ------------------------------------------------------------------------- */

struct header {
	uint32_t version;
	const char *parent, *merkle_root;
	uint32_t time, bits, nonce;
	const char *hash;
};

static struct hash hash_of(const char *text)
{
	struct hash h;

	assert_true(hex_parse(h.at, sizeof h.at, text, strlen(text)));
	return h;
}

static void put_u32(uint8_t *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}

static void put_hash(uint8_t *at, const struct hash *h)
{
	for (int i = 0; i < 32; i++)
		at[i] = h->at[31 - i];
}

/* What a node prints of it. */
static void raw_format(char out[161], const struct header *h)
{
	struct hash parent = hash_of(h->parent), root = hash_of(h->merkle_root);
	uint8_t raw[80];

	put_u32(raw, h->version);
	put_hash(raw + 4, &parent);
	put_hash(raw + 36, &root);
	put_u32(raw + 68, h->time);
	put_u32(raw + 72, h->bits);
	put_u32(raw + 76, h->nonce);
	hex_format(out, raw, sizeof raw);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define SATOSHI "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
#define BLOCK_100000 "000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506"

/* The first blocks of its networks, and one with four transactions. */
static const struct header known[] = {
	{ 1, ZEROS, SATOSHI, 1231006505, 0x1d00ffff, 2083236893,
	    "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f" },
	{ 1, ZEROS, SATOSHI, 1296688602, 0x1d00ffff, 414098458,
	    "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943" },
	{ 1, ZEROS, "7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e",
	    1714777860, 0x1d00ffff, 393743547,
	    "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043" },
	{ 1, ZEROS, SATOSHI, 1598918400, 0x1e0377ae, 52613770,
	    "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6" },
	{ 1, ZEROS, SATOSHI, 1296688602, 0x207fffff, 2, GENESIS },
	{ 1, "000000000002d01c1fccc21636b607dfd930d31d01c3a62104612a1719011250",
	    "f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766",
	    1293623863, 0x1b04864c, 274148111, BLOCK_100000 },
};
static const char *const names[] = { "mainnet", "testnet3", "testnet4", "signet",
	"regtest" };
static const char *const four[] = {
	"8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87",
	"fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4",
	"6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4",
	"e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d",
};

static void headers_hash_to_their_blocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct bitcoin_raw raw;
		struct hash want = hash_of(known[i].hash),
			    parent = hash_of(known[i].parent);
		char text[161];
		json_t *hex;

		raw_format(text, &known[i]);
		hex = json_string(text);
		assert_true(bitcoin_raw_read(&raw, hex));
		assert_true(hash_same(&raw.hash, &want));
		assert_true(hash_same(&raw.parent, &parent));
		json_decref(hex);
		hex = json_stringn(text, 158);
		assert_false(bitcoin_raw_read(&raw, hex));
		json_decref(hex);
	}
}

static void the_root_is_over_the_transactions(void **state)
{
	struct hash tx[6], root, want = hash_of(known[5].merkle_root), three;

	(void)state;
	for (int i = 0; i < 4; i++)
		tx[i] = hash_of(four[i]);
	assert_true(bitcoin_merkle_root(&root, tx, 4));
	assert_true(hash_same(&root, &want));
	/* The last of three is joined with itself: a list that has it twice is none. */
	for (int i = 0; i < 3; i++)
		tx[i] = hash_of(four[i]);
	assert_true(bitcoin_merkle_root(&three, tx, 3));
	for (int i = 0; i < 4; i++)
		tx[i] = hash_of(four[i < 3 ? i : 2]);
	assert_false(bitcoin_merkle_root(&root, tx, 4));
	assert_true(hash_same(&root, &three));
	for (int i = 0; i < 6; i++)
		tx[i] = hash_of(four[i < 4 ? i : i - 2]);
	assert_true(bitcoin_merkle_root(&three, tx, 6));
	tx[0] = hash_of(four[0]);
	assert_true(bitcoin_merkle_root(&root, tx, 1));
	assert_true(hash_same(&root, &tx[0]));
}

/* -- what nodes say ----------------------------------------------------------------- */

static void errors_mean_what_the_table_says(void **state)
{
	static const struct {
		int code;
		const char *text;
		enum err err; /* OK: absent */
		enum node_note note;
	} rows[] = {
#define ERR_ABSENT ERR_OK
#define TEXT(client, code, text, err, note) { code, text, ERR_##err, NOTE_##note },
#include "../vectors/bitcoin_texts.def"
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *error = json_pack(
		    "{s:i, s:s}", "code", rows[i].code, "message", rows[i].text);
		struct node_word word;
		struct fail f;

		assert_int_equal(bitcoin_absent(error), rows[i].err == ERR_OK);
		if (rows[i].err != ERR_OK) {
			assert_int_equal(bitcoin_fail(error, &word, &f), rows[i].err);
			assert_int_equal(word.note, rows[i].note);
			assert_says(f.why, rows[i].text);
		}
		json_decref(error);
	}
}

static enum err identity_of(const char *answer, struct identity *ret, struct fail *f)
{
	return btc->identity_read(ret, answer, strlen(answer), f);
}

static void a_first_block_names_its_network(void **state)
{
	struct identity id;
	struct fail f;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char answer[160];
		const struct chain_name *name = btc->names;

		snprintf(answer, sizeof answer,
		    "{\"result\":\"%s\",\"error\":null,\"id\":0}", known[i].hash);
		while (strcmp(name->name, names[i]) != 0)
			name++;
		assert_int_equal(identity_of(answer, &id, &f), ERR_OK);
		assert_int_equal(id.chain_id, name->chain_id);
	}
	assert_int_equal(
	    identity_of(
		"{\"result\":\"" BLOCK_100000 "\",\"error\":null,\"id\":0}", &id, &f),
	    ERR_OK);
	assert_int_equal(id.chain_id, 0);
	assert_int_equal(
	    identity_of("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-28,\"message\":"
			"\"Verifying blocks...\"},\"id\":0}",
		&id, &f),
	    ERR_NODE_BUSY);
	assert_int_equal(
	    identity_of("{\"result\":\"0x00\",\"error\":null,\"id\":0}", &id, &f),
	    ERR_BAD_ANSWER);
	assert_int_equal(identity_of("[]", &id, &f), ERR_BAD_ANSWER);
}

static void its_client_is_told_with_its_download(void **state)
{
	static const char *const rows[][2] = {
		{ "[{\"id\":0,\"result\":{\"version\":270000,\"subversion\":"
		  "\"/Satoshi:27.0.0/\"}},{\"id\":1,\"result\":{\"chain\":\"main\","
		  "\"blocks\":812345,\"headers\":812345,"
		  "\"initialblockdownload\":false}}]",
		    "/Satoshi:27.0.0/" },
		{ "[{\"id\":0,\"result\":{\"subversion\":\"/Satoshi:27.0.0/\"}},"
		  "{\"id\":1,\"result\":{\"blocks\":1200,\"headers\":812345,"
		  "\"initialblockdownload\":true}}]",
		    "/Satoshi:27.0.0/, downloads 812345 blocks" },
		{ "[{\"id\":0,\"error\":{\"code\":-32601,\"message\":\"Method not "
		  "found\"}}]",
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char client[CLIENT_MAX];
		struct fail f;

		assert_int_equal(
		    btc->client_read(client, rows[i][0], strlen(rows[i][0]), &f), ERR_OK);
		assert_string_equal(client, rows[i][1]);
	}
}

static void a_height_is_that_of_a_block(void **state)
{
	static const struct {
		const char *answer;
		enum err e;
		uint64_t height;
	} rows[] = {
		{ "{\"result\":812345,\"error\":null,\"id\":0}", ERR_OK, 812345 },
		{ "{\"result\":0,\"error\":null,\"id\":0}", ERR_OK, 0 },
		{ "{\"result\":4294967295,\"error\":null,\"id\":0}", ERR_OK, UINT32_MAX },
		{ "{\"result\":4294967296,\"error\":null,\"id\":0}", ERR_BAD_ANSWER, 7 },
		{ "{\"result\":-1,\"error\":null,\"id\":0}", ERR_BAD_ANSWER, 7 },
		{ "{\"result\":1.0,\"error\":null,\"id\":0}", ERR_BAD_ANSWER, 7 },
		{ "{\"result\":\"1\",\"error\":null,\"id\":0}", ERR_BAD_ANSWER, 7 },
	};
	struct fail f;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t height = 7;

		assert_int_equal(bitcoin_count_read(
				     &height, rows[i].answer, strlen(rows[i].answer), &f),
		    rows[i].e);
		assert_int_equal(height, rows[i].height);
	}
}

static void requests_are_those_of_the_documentation(void **state)
{
	const uint64_t heights[] = { 7, 1234567 };
	struct hash h = hash_of(GENESIS);
	struct block_question q = { .hash = h, .every = true };
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	btc->poll(&b);
	assert_string_equal(buf_text(&b),
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":"
	    "\"getbestblockhash\",\"params\":[]}");
	buf_clear(&b);
	btc->headers_at(&b, heights, 2);
	assert_string_equal(buf_text(&b),
	    "[{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"getblockhash\",\"params\":[7]},"
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getblockhash\",\"params\":"
	    "[1234567]}]");
	buf_clear(&b);
	btc->block(&b, &q);
	assert_string_equal(buf_text(&b),
	    "[{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"getblockheader\",\"params\":"
	    "[\"" GENESIS
	    "\",false]},{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getblock\",\"params\":"
	    "[\"" GENESIS "\",1]}]");
	buf_release(&b);
}

/* A block of mainnet, as the documentation of getblock has its members. */
static char *block_100000(const char *first, const char *last)
{
	char raw[161], *text = mem_new(8192);

	raw_format(raw, &known[5]);
	snprintf(text, 8192,
	    "[{\"result\":\"%s\",\"error\":null,\"id\":0},{\"result\":{\"hash\":\"%s\","
	    "\"confirmations\":1,\"height\":100000,\"version\":1,"
	    "\"versionHex\":\"00000001\","
	    "\"merkleroot\":\"%s\",\"time\":1293623863,\"mediantime\":1293622620,"
	    "\"nonce\":274148111,\"bits\":\"1b04864c\",\"difficulty\":14484.16236122,"
	    "\"chainwork\":"
	    "\"0000000000000000000000000000000000000000000000000644cb7f5234089e\","
	    "\"nTx\":4,\"previousblockhash\":\"%s\",\"strippedsize\":957,\"size\":957,"
	    "\"weight\":3828,\"tx\":[\"%s\",\"%s\",\"%s\",\"%s\"]},\"error\":null,"
	    "\"id\":1}]",
	    raw, BLOCK_100000, known[5].merkle_root, known[5].parent, first, four[1],
	    four[2], last);
	return text;
}

static enum err block_of(
    char *text, const struct block_question *q, struct block_facts *b, struct fail *f)
{
	struct node_word word;
	enum err e = btc->block_read(b, &word, q, text, strlen(text), f);

	mem_free(text);
	return e;
}

static void a_block_is_held_to_its_hash(void **state)
{
	struct block_question q = {
		.hash = hash_of(BLOCK_100000), .height = 100000, .every = true
	};
	struct block_facts b = { .head = { .height = 0 } };
	struct hash parent = hash_of(known[5].parent), first = hash_of(four[0]);
	struct fail f;

	(void)state;
	assert_int_equal(block_of(block_100000(four[0], four[3]), &q, &b, &f), ERR_OK);
	assert_int_equal(b.every_n, 4);
	assert_true(b.has_every && hash_same(&b.every[0].hash, &first));
	assert_true(hash_same(&b.head.parent, &parent));
	block_facts_release(&b);
	/* another transaction, or one twice, or a block of another height or hash */
	b = (struct block_facts){ .tx = NULL };
	assert_int_equal(
	    block_of(block_100000(four[1], four[3]), &q, &b, &f), ERR_BAD_ANSWER);
	assert_says(f.why, "not those of its header");
	assert_int_equal(
	    block_of(block_100000(four[0], four[2]), &q, &b, &f), ERR_BAD_ANSWER);
	q.height = 100001;
	assert_int_equal(
	    block_of(block_100000(four[0], four[3]), &q, &b, &f), ERR_BAD_ANSWER);
	q.height = 100000;
	q.hash.at[31] ^= 1;
	assert_int_equal(
	    block_of(block_100000(four[0], four[3]), &q, &b, &f), ERR_BAD_ANSWER);
	q.hash.at[31] ^= 1;
	/* the header that is known has another parent */
	b.head = (struct head){ .hash = q.hash, .parent = first };
	assert_int_equal(
	    block_of(block_100000(four[0], four[3]), &q, &b, &f), ERR_BAD_ANSWER);
	block_facts_release(&b);
}

/* The same three transactions with the last one twice have the root of three. */
static void a_list_with_its_end_twice_is_no_block(void **state)
{
	struct hash tx[3], root;
	char raw[161], root_text[65], text[2048];
	struct header h = { 1, ZEROS, root_text, 1, 0x207fffff, 0, NULL };
	struct bitcoin_raw read;
	struct block_question q = { .height = 5, .every = true };
	struct block_facts b = { .tx = NULL };
	struct fail f;
	json_t *hex;

	(void)state;
	for (int i = 0; i < 3; i++)
		tx[i] = hash_of(four[i]);
	assert_true(bitcoin_merkle_root(&root, tx, 3));
	hex_format(root_text, root.at, sizeof root.at);
	raw_format(raw, &h);
	hex = json_string(raw);
	assert_true(bitcoin_raw_read(&read, hex));
	json_decref(hex);
	q.hash = read.hash;
	hex_format(root_text, read.hash.at, sizeof read.hash.at);
	for (int twice = 0; twice < 2; twice++) {
		snprintf(text, sizeof text,
		    "[{\"id\":0,\"result\":\"%s\"},{\"id\":1,\"result\":{\"hash\":\"%s\","
		    "\"height\":5,\"tx\":[\"%s\",\"%s\",\"%s\"%s%s%s]}}]",
		    raw, root_text, four[0], four[1], four[2], twice ? ",\"" : "",
		    twice ? four[2] : "", twice ? "\"" : "");
		assert_int_equal(
		    block_of(mem_str(text), &q, &b, &f), twice ? ERR_BAD_ANSWER : ERR_OK);
		block_facts_release(&b);
	}
}

/* -- a node that is made here ------------------------------------------------------- */

#define BLOCKS_MAX 2048
#define NODES 3
#define DEPTH 6

struct block {
	struct hash hash;
	char raw[161], parent[65], text[65], tx[2][65];
	int up; /* the parent's place; -1: none */
	uint64_t height;
};

struct node {
	int best;
	bool lies_of_head;   /* shows another header in place of that of its head */
	bool lies_of_header; /* or under another's hash */
	bool lies_of_list;
	bool starts;  /* -28 */
	bool forgets; /* has no header of its head, nor the hash of some block below */
};

struct ask {
	int node;
	char *body;
	pool_done_fn *done;
	void *ctx;
};

enum tale { ADOPTED, RETRACTED, FINAL, PASSED };

static struct block block[BLOCKS_MAX];
static int blocks_n, requests;
static struct node node[NODES];
static struct ask asked[64];
static int asked_n;
static struct {
	int64_t now_ms;
	struct world world;
} fake;
static struct pool *pool;
static struct follower_setup setup;
static struct follower *eye;
static struct {
	enum tale tale;
	uint64_t height;
	uint32_t every_n;
	struct hash hash;
} told[8 * BLOCKS_MAX];
static int told_n;

static int64_t now_ms(struct world *w)
{
	(void)w;
	return fake.now_ms;
}

static void chance(struct world *w, void *out, size_t len)
{
	(void)w;
	memset(out, 7, len);
}

static const struct world_ops ops = {
	.now_ms = now_ms, .wall_ms = now_ms, .random = chance
};

/* On that one; salt makes it another than its brother. */
static int mine(int up, uint32_t salt)
{
	int at = blocks_n++;
	struct block *b = &block[at];
	struct hash tx[2], root;
	char root_text[65];
	struct header h = { 4, b->parent, root_text, salt, 0x207fffff, (uint32_t)at,
		NULL };
	struct bitcoin_raw raw;
	json_t *hex;

	assert_in_range(at, 0, BLOCKS_MAX - 1);
	b->up = up;
	b->height = up < 0 ? 0 : block[up].height + 1;
	snprintf(b->parent, sizeof b->parent, "%s", up < 0 ? ZEROS : block[up].text);
	for (int i = 0; i < 2; i++) {
		const uint64_t seed[] = { (uint64_t)at, salt, (uint64_t)i };

		sha256(tx[i].at, seed, sizeof seed);
		hex_format(b->tx[i], tx[i].at, sizeof tx[i].at);
	}
	bitcoin_merkle_root(&root, tx, 2);
	hex_format(root_text, root.at, sizeof root.at);
	if (up < 0)
		h = known[4];
	raw_format(b->raw, &h);
	hex = json_string(b->raw);
	assert_true(bitcoin_raw_read(&raw, hex));
	json_decref(hex);
	b->hash = raw.hash;
	hex_format(b->text, raw.hash.at, sizeof raw.hash.at);
	return at;
}

static int mine_n(int up, int n, uint32_t salt)
{
	while (n-- > 0)
		up = mine(up, salt);
	return up;
}

static int at_height(int best, uint64_t height)
{
	while (best >= 0 && block[best].height > height)
		best = block[best].up;
	return best;
}

static int by_hash(const char *text)
{
	for (int i = 0; text && i < blocks_n; i++)
		if (strcmp(block[i].text, text) == 0)
			return i;
	return -1;
}

static json_t *failed(int code, const char *text)
{
	return json_pack(
	    "{s:n, s:{s:i, s:s}}", "result", "error", "code", code, "message", text);
}

static json_t *header_answer(const struct node *n, int at, bool verbose)
{
	const struct block *b;

	if (n->lies_of_head && at == n->best)
		at = block[at].up; /* another header, as whole as this one */
	b = &block[at];
	if (!verbose)
		return json_pack("{s:s, s:n}", "result",
		    block[n->lies_of_header && b->up > 0 ? b->up : at].raw, "error");
	return json_pack("{s:{s:s, s:I, s:s, s:i}, s:n}", "result", "hash", b->text,
	    "height", (json_int_t)b->height, "previousblockhash", b->parent, "nTx", 2,
	    "error");
}

static json_t *list_answer(const struct node *n, int at)
{
	const struct block *b = &block[at];

	return json_pack("{s:{s:s, s:I, s:[s, s]}, s:n}", "result", "hash", b->text,
	    "height", (json_int_t)b->height, "tx", b->tx[0],
	    b->tx[n->lies_of_list ? 0 : 1], "error");
}

static json_t *call_answer(const struct node *n, const json_t *call)
{
	const char *method = json_str(call, "method");
	const json_t *params = json_object_get(call, "params"),
		     *p = json_array_get(params, 0);
	int at = by_hash(json_string_value(p));
	uint64_t height = (uint64_t)json_integer_value(p);

	if (n->starts)
		return failed(-28, "Verifying blocks...");
	if (!strcmp(method, "getbestblockhash"))
		return json_pack("{s:s, s:n}", "result", block[n->best].text, "error");
	if (!strcmp(method, "getblockhash") && height > block[n->best].height)
		return failed(-8, "Block height out of range");
	if (!strcmp(method, "getblockhash") && n->forgets && height == 22)
		return failed(-8, "Block height out of range");
	if (!strcmp(method, "getblockhash"))
		return json_pack("{s:s, s:n}", "result",
		    block[at_height(n->best, height)].text, "error");
	if (at < 0 || (n->forgets && at == n->best))
		return failed(-5, "Block not found");
	if (!strcmp(method, "getblockheader"))
		return header_answer(n, at, json_is_true(json_array_get(params, 1)));
	assert_string_equal(method, "getblock");
	return list_answer(n, at);
}

static json_t *with_id(json_t *answer, const json_t *call)
{
	json_object_set(answer, "id", json_object_get(call, "id"));
	return answer;
}

static char *rpc(const struct node *n, const char *body)
{
	json_t *q = json_loads(body, 0, NULL), *a;
	const json_t *call;
	char *text;
	size_t i;

	assert_non_null(q);
	a = json_is_array(q) ? json_array() : with_id(call_answer(n, q), q);
	json_array_foreach(q, i, call)
	{
		json_array_append_new(a, with_id(call_answer(n, call), call));
	}
	text = json_dumps(a, JSON_COMPACT);
	json_decref(a);
	json_decref(q);
	return text;
}

/* -- who follows it ----------------------------------------------------------------- */

static void ask(void *ctx, int to, struct buf *body, pool_done_fn *done, void *done_ctx)
{
	struct ask *q = &asked[asked_n++];

	(void)ctx;
	assert_in_range(asked_n, 1, 63);
	requests++;
	*q = (struct ask){ to, mem_str(buf_text(body)), done, done_ctx };
	buf_release(body);
}

static void deliver(void)
{
	for (int i = 0; i < asked_n; i++) {
		struct pool_answer a = { .node = asked[i].node };

		a.answer = rpc(&node[a.node], asked[i].body);
		a.len = strlen(a.answer);
		mem_free(asked[i].body);
		asked[i].done(asked[i].ctx, &a);
		mem_free(a.answer);
	}
	asked_n = 0;
}

static void tell(enum tale tale, uint64_t height, const struct block_facts *b)
{
	told[told_n].tale = tale;
	told[told_n].height = height;
	told[told_n].every_n = b ? b->every_n : 0;
	told[told_n].hash = b ? b->head.hash : (struct hash){ { 0 } };
	told_n++;
}

static void adopted(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	tell(ADOPTED, b->head.height, b);
}

static void retracted(void *ctx, uint64_t above)
{
	(void)ctx;
	tell(RETRACTED, above, NULL);
}

static bool may_final(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	(void)b;
	return true;
}

static void final(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	tell(FINAL, b->head.height, b);
}

static void passed(void *ctx, uint64_t height)
{
	(void)ctx;
	tell(PASSED, height, NULL);
}

static void run(int turns)
{
	while (turns-- > 0) {
		follower_turn(eye);
		for (int i = 0; i < 8 && asked_n; i++) {
			deliver();
			follower_turn(eye);
		}
		fake.now_ms += 1000;
	}
}

/* From `start` on, with the chain as the nodes have it. */
static void follow(int nodes, int quorum, uint64_t start)
{
	static struct node_config endpoints[NODES] = { { .url = "http://a:1/" },
		{ .url = "http://b:2/" }, { .url = "http://c:3/" } };
	static struct chain_config config;

	fake.world.ops = &ops;
	fake.now_ms = 1000000;
	told_n = requests = 0;
	config = (struct chain_config){ .name = "btc",
		.kind = CHAIN_BITCOIN,
		.chain_id = 0xfabfb5da,
		.network = "regtest",
		.endpoints = endpoints,
		.endpoints_n = nodes,
		.finality = { .depth = DEPTH },
		.quorum = quorum,
		.batch = 100,
		.poll_ms = 1000,
		.timeout_ms = 3000 };
	pool = pool_new(&fake.world, endpoints, nodes, 3000);
	setup = (struct follower_setup){ .config = &config,
		.connector = btc,
		.pool = pool,
		.world = &fake.world,
		.genesis = hash_of(GENESIS),
		.start = start,
		.told = { .adopted = adopted,
		    .retracted = retracted,
		    .may_final = may_final,
		    .final = final,
		    .passed = passed },
		.ask = ask };
	eye = follower_new(&setup);
	follower_every(eye, true);
}

static int look_away(void **state)
{
	(void)state;
	while (asked_n)
		deliver();
	follower_free(eye);
	pool_free(pool);
	eye = NULL;
	pool = NULL;
	memset(node, 0, sizeof node);
	return 0;
}

static int chain_of(int n)
{
	blocks_n = 0;
	return mine_n(mine(-1, 0), n, 1);
}

static void all_show(int best)
{
	for (int i = 0; i < NODES; i++)
		node[i].best = best;
}

static uint64_t head_height(void)
{
	struct head h = { 0 };

	(void)follower_head(eye, &h);
	return h.height;
}

static bool head_is(int at)
{
	struct head h;

	return follower_head(eye, &h) && hash_same(&h.hash, &block[at].hash);
}

static uint64_t final_height(void)
{
	struct head h = { 0 };

	(void)follower_final(eye, &h);
	return h.height;
}

static void blocks_are_told_whole_and_final(void **state)
{
	int best = chain_of(30), before;

	(void)state;
	all_show(best);
	follow(3, 2, 20);
	run(5);
	assert_true(head_is(best));
	assert_int_equal(final_height(), 30 - DEPTH);
	for (int i = 0; i < told_n; i++)
		assert_int_equal(told[i].every_n, 2);
	/* without a new block: the polls alone; with one, three requests a node */
	before = requests;
	run(5);
	assert_int_equal(requests - before, 3 * 5);
	all_show(mine_n(best, 1, 1));
	before = requests;
	run(5);
	assert_int_equal(requests - before, 3 * (5 + 2));
	assert_int_equal(head_height(), 31);
}

static void a_reorg_is_walked_back(void **state)
{
	static const int depths[] = { 1, 3, DEPTH };
	int best = chain_of(30);

	(void)state;
	all_show(best);
	follow(1, 1, 20);
	run(5);
	for (uint32_t i = 0; i < 3; i++) {
		uint64_t top = block[best].height;
		int fork = at_height(best, top - (uint64_t)depths[i]), since = told_n;
		bool found = false;

		best = mine_n(fork, depths[i] + 1, 100 + i);
		all_show(best);
		run(5);
		assert_true(head_is(best));
		for (int k = since; k < told_n; k++)
			found |= told[k].tale == RETRACTED &&
			    told[k].height == block[fork].height;
		assert_true(found);
		assert_false(follower_stopped(eye));
		best = mine_n(best, DEPTH, 200 + i);
		all_show(best);
		run(5);
	}
	/* and deeper than what is final: it stops */
	all_show(mine_n(at_height(best, block[best].height - DEPTH - 1), 9, 300));
	run(30);
	assert_true(follower_stopped(eye));
	assert_says(follower_waits_for(eye), "a final block of chain btc vanished");
}

/* As long as it may be: no block is passed over, for there is nothing else to know by
 * what is in it. */
static void each_block_of_an_absence_is_read(void **state)
{
	int best = chain_of(700), finals = 0;

	(void)state;
	all_show(best);
	follow(2, 2, 5);
	run(60);
	assert_true(head_is(best));
	for (int i = 0; i < told_n; i++) {
		assert_int_not_equal(told[i].tale, PASSED);
		finals += told[i].tale == FINAL;
	}
	assert_int_equal(finals, 700 - DEPTH - 5);
	assert_int_equal(final_height(), 700 - DEPTH);
}

/* Nobody wants what is in them: the newest headers are enough. */
static void what_nobody_wants_is_passed_over(void **state)
{
	int best = chain_of(700), passes = 0;

	(void)state;
	all_show(best);
	follow(1, 1, 5);
	follower_free(eye);
	eye = follower_new(&setup);
	run(10);
	assert_true(head_is(best));
	for (int i = 0; i < told_n; i++)
		passes += told[i].tale == PASSED;
	assert_int_equal(passes, 1);
	assert_in_range(requests, 1, 60);
}

static void a_liar_among_three_is_left_out(void **state)
{
	int best = chain_of(30);

	(void)state;
	for (int lie = 0; lie < 3; lie++) {
		all_show(best);
		node[0].lies_of_list = lie == 0;
		node[0].lies_of_head = lie == 1;
		node[0].lies_of_header = lie == 2;
		follow(3, 2, 20);
		run(20);
		assert_true(head_is(best));
		assert_int_equal(final_height(), 30 - DEPTH);
		look_away(NULL);
	}
}

/* Alone it leads nowhere: what is not of the hash that was asked for is no header. */
static void a_lie_alone_is_not_believed(void **state)
{
	int best = chain_of(30);
	struct head shown;

	(void)state;
	all_show(best);
	node[0].lies_of_head = true;
	follow(1, 1, 20);
	run(10);
	assert_false(follower_shown(eye, 0, &shown) && shown.height == 29);
	assert_int_equal(head_height(), 0);
	look_away(NULL);
	all_show(best);
	node[0].lies_of_header = true;
	follow(1, 1, 20);
	run(10);
	assert_int_equal(head_height(), 0);
	look_away(NULL);
	all_show(best);
	node[0].lies_of_list = true;
	follow(1, 1, 20);
	run(10);
	assert_int_equal(told_n, 0);
}

/* One of several servers behind its address, which has not heard of the block yet. */
static void a_head_without_a_header_is_none(void **state)
{
	int best = chain_of(30);

	(void)state;
	all_show(best);
	node[0].forgets = true;
	follow(1, 1, 20);
	run(5);
	assert_int_equal(head_height(), 0);
	node[0].forgets = false;
	run(5);
	assert_true(head_is(best));
	/* nor is a gap among the heights that it is asked for */
	all_show(mine_n(best, 5, 1));
	node[0].forgets = true;
	run(5);
	assert_true(head_is(best));
	node[0].forgets = false;
	run(8);
	assert_int_equal(head_height(), 35);
}

static void a_node_that_lost_its_chain_is_waited_for(void **state)
{
	int best = chain_of(300);

	(void)state;
	all_show(best);
	follow(1, 1, 290);
	run(5);
	assert_true(head_is(best));
	assert_null(follower_waits_for(eye));
	node[0].best = 0; /* its first block, as after a crash that lost all */
	run(10);
	assert_false(follower_stopped(eye));
	assert_says(
	    follower_waits_for(eye), "block 294, which was final and no quorum shows");
	assert_true(head_is(best));
	look_away(NULL);
	all_show(best);
	node[0].starts = true;
	follow(1, 1, 290);
	run(3);
	assert_says(follower_waits_for(eye),
	    "0 of 1 votes that a quorum needs; a:1: the node "
	    "says: Verifying blocks...");
	assert_false(follower_silent(eye));
	node[0].starts = false;
	run(5);
	assert_null(follower_waits_for(eye));
	/* another chain in its place: that of the first block, and nothing else of it */
	node[0].best = mine_n(0, 320, 9);
	run(40);
	assert_true(follower_stopped(eye));
}

static void one_that_lags_has_no_vote(void **state)
{
	int best = chain_of(40);

	(void)state;
	all_show(best);
	node[2].best = at_height(best, 30);
	follow(3, 2, 20);
	run(6);
	assert_true(head_is(best));
	assert_int_equal(final_height(), 40 - DEPTH);
	/* two that lag are no quorum: nothing more is final */
	node[1].best = node[2].best = at_height(best, 33);
	node[0].best = mine_n(best, 5, 1);
	run(6);
	assert_int_equal(final_height(), 40 - DEPTH);
}

/* -- who keeps a trail of his own ---------------------------------------------------- */

static struct {
	struct hash hash[BLOCKS_MAX];
	int64_t top, lowest, missed_to; /* -1: none */
	int removed, missed;
} mine_own;

static bool own_top(void *ctx, uint64_t *ret)
{
	(void)ctx;
	*ret = (uint64_t)mine_own.top;
	return mine_own.top >= 0;
}

static bool own_at(void *ctx, uint64_t height, struct hash *ret)
{
	(void)ctx;
	if ((int64_t)height > mine_own.top || (int64_t)height < mine_own.lowest)
		return false;
	*ret = mine_own.hash[height];
	return true;
}

static bool own_begins(void *ctx, uint64_t *ret)
{
	(void)ctx;
	*ret = (uint64_t)mine_own.lowest;
	return mine_own.top >= 0;
}

static void own_removed(void *ctx, uint64_t above)
{
	(void)ctx;
	assert_true((int64_t)above < mine_own.top);
	mine_own.top = (int64_t)above;
	mine_own.removed++;
}

static void own_missed(void *ctx, uint64_t from, uint64_t to, const struct hash *hash)
{
	(void)ctx;
	assert_true((int64_t)from == mine_own.top + 1 && to >= from);
	mine_own.missed_to = (int64_t)to;
	mine_own.hash[to] = *hash;
	mine_own.missed++;
}

/* Each stands on the one below, which may have been missed, and has all that is in it. */
static void own_added(void *ctx, const struct block_facts *b)
{
	int64_t height = (int64_t)b->head.height;

	(void)ctx;
	if (mine_own.top < 0)
		mine_own.lowest = height;
	else
		assert_true(
		    (height == mine_own.missed_to + 1 || height == mine_own.top + 1) &&
		    hash_same(&mine_own.hash[height - 1], &b->head.parent));
	assert_true(b->has_every && b->every_n == 2);
	mine_own.hash[height] = b->head.hash;
	mine_own.top = height;
}

static const struct feed feed = { .top = own_top,
	.at = own_at,
	.begins = own_begins,
	.removed = own_removed,
	.missed = own_missed,
	.added = own_added };

static void fed_final(void *ctx, const struct block_facts *b)
{
	final(ctx, b);
	feed_final(&feed, eye, b);
}

static void follow_fed(uint64_t start)
{
	follow(2, 2, start);
	follower_free(eye);
	setup.told.final = fed_final;
	eye = follower_new(&setup);
	follower_every(eye, true);
}

static void run_fed(int turns)
{
	while (turns-- > 0) {
		run(1);
		feed_turn(&feed, eye);
	}
}

/* What he has is what the chain has, up to its head. */
static void check_own(int best)
{
	assert_int_equal(mine_own.top, block[best].height);
	for (int64_t h = mine_own.top; h >= mine_own.lowest; h--, best = block[best].up)
		if (h > mine_own.missed_to || mine_own.missed_to < 0)
			assert_true(hash_same(&mine_own.hash[h], &block[best].hash));
}

static void own_forget(void)
{
	memset(&mine_own, 0, sizeof mine_own);
	mine_own.top = mine_own.missed_to = -1;
}

static void a_trail_of_ones_own_is_the_quorums(void **state)
{
	int best = chain_of(30);
	uint32_t chance_of = 1;

	(void)state;
	own_forget();
	all_show(best);
	follow_fed(20);
	run_fed(5);
	check_own(best);
	for (uint32_t i = 0; i < 60; i++) {
		int back, more;

		chance_of = chance_of * 1664525 + 1013904223;
		back = (int)(chance_of >> 16) % (DEPTH + 1);
		more = (int)(chance_of >> 24) % 4;
		if (back)
			more += back; /* a longer one, or one as long */
		else
			more++;
		best = mine_n(
		    at_height(best, block[best].height - (uint64_t)back), more, 1000 + i);
		node[0].best = best;
		run_fed(3); /* one node alone moves nothing */
		node[1].best = best;
		run_fed(6);
		check_own(best);
		assert_false(follower_stopped(eye));
	}
	assert_true(mine_own.removed > 10);
	assert_int_equal(mine_own.missed, 0);
}

/* The chain went on without him: what he has not is said, and what is dead is removed. */
static void what_was_followed_without_him_is_missed(void **state)
{
	int best = chain_of(40), dead;

	(void)state;
	own_forget();
	all_show(best);
	follow_fed(20);
	run_fed(5);
	look_away(NULL);
	/* a reorg of 3, and 30 blocks more, which another life followed */
	dead = best;
	best = mine_n(at_height(best, 37), 33, 7);
	all_show(best);
	follow_fed(50);
	run_fed(5);
	assert_int_equal(mine_own.missed, 1);
	assert_int_equal(mine_own.missed_to, 50);
	check_own(best);
	(void)dead;
	/* seen by the kept blocks: those of his that are not the chain's are removed */
	look_away(NULL);
	own_forget();
	best = chain_of(60);
	dead = mine_n(at_height(best, 44), 6, 9);
	all_show(dead);
	follow_fed(40);
	run_fed(5);
	assert_int_equal(mine_own.top, 50);
	look_away(NULL);
	all_show(best);
	follow_fed(46);
	run_fed(5);
	assert_true(mine_own.removed >= 1);
	check_own(best);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test(name)
#define F(name) cmocka_unit_test_teardown(name, look_away)
		T(headers_hash_to_their_blocks),
		T(the_root_is_over_the_transactions),
		T(errors_mean_what_the_table_says),
		T(a_first_block_names_its_network),
		T(its_client_is_told_with_its_download),
		T(a_height_is_that_of_a_block),
		T(requests_are_those_of_the_documentation),
		T(a_block_is_held_to_its_hash),
		T(a_list_with_its_end_twice_is_no_block),
		F(blocks_are_told_whole_and_final),
		F(a_reorg_is_walked_back),
		F(each_block_of_an_absence_is_read),
		F(what_nobody_wants_is_passed_over),
		F(a_liar_among_three_is_left_out),
		F(a_lie_alone_is_not_believed),
		F(a_head_without_a_header_is_none),
		F(a_node_that_lost_its_chain_is_waited_for),
		F(one_that_lags_has_no_vote),
		F(a_trail_of_ones_own_is_the_quorums),
		F(what_was_followed_without_him_is_missed),
	};

	secret_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
