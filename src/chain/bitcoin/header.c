/* Who the node is, and headers. */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mutant.h"
#include "chain/bitcoin/bitcoin.h"
#include "codec/json.h"
#include "crypto/sha256.h"

#define HASH_DIGITS 64

/* -- bytes and text ----------------------------------------------------------------- */

/* Nodes print the bytes of a hash from the last to the first. */
static void hash_turn(struct hash *ret, const uint8_t bytes[32])
{
	for (size_t i = 0; i < sizeof ret->at; i++)
		ret->at[i] = bytes[sizeof ret->at - 1 - i];
}

bool bitcoin_hash_read(struct hash *ret, const json_t *hex)
{
	const char *text = json_string_value(hex);

	return text && hex_parse(ret->at, sizeof ret->at, text, strlen(text));
}

void bitcoin_hash_param(struct rpc_batch *b, const struct hash *hash)
{
	char text[HASH_DIGITS + 1];

	hex_format(text, hash->at, sizeof hash->at);
	rpc_text(b, text);
}

bool bitcoin_raw_read(struct bitcoin_raw *ret, const json_t *hex)
{
	enum { PARENT_AT = 4, MERKLE_ROOT_AT = 36 };
	const char *text = json_string_value(hex);
	uint8_t raw[BITCOIN_HEADER_LEN], once[32], twice[32];

	if (!text || !hex_parse(raw, sizeof raw, text, strlen(text)))
		return false;
	sha256(once, raw, sizeof raw);
	sha256(twice, once, sizeof once);
	hash_turn(&ret->hash, twice);
	hash_turn(&ret->parent, raw + PARENT_AT);
	hash_turn(&ret->merkle_root, raw + MERKLE_ROOT_AT);
	return true;
}

/* -- identity ----------------------------------------------------------------------- */

/* The first block of each chain that connector.c names. */
static const struct {
	const char *name, *genesis;
} chains[] = {
	{ "mainnet", "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f" },
	{ "testnet3",
	    "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943" },
	{ "testnet4",
	    "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043" },
	{ "signet", "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6" },
	{ "regtest", "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206" },
};

static uint64_t named(const char *name)
{
	const struct chain_name *at = connector_bitcoin.names;

	while (strcmp(at->name, name) != 0)
		at++;
	return at->chain_id;
}

void bitcoin_identity(struct buf *body)
{
	struct rpc_batch b;

	rpc_begin_single(&b, body);
	rpc_call(&b, "getblockhash");
	rpc_json(&b, "0");
	rpc_call_end(&b);
	rpc_end(&b);
}

/* Of another chain than these the id is 0, which is nobody's. */
enum err bitcoin_identity_read(
    struct identity *ret, const char *answer, size_t len, struct fail *f)
{
	bool known;
	enum err err = bitcoin_hashes_read(&ret->genesis, &known, 1, answer, len, f);
	char genesis[HASH_DIGITS + 1];

	if (err == ERR_OK && !known)
		return fail_set(f, ERR_BAD_ANSWER, "the node shows no first block");
	if (err != ERR_OK)
		return err;
	hex_format(genesis, ret->genesis.at, sizeof ret->genesis.at);
	ret->chain_id = 0;
	for (size_t i = 0; i < sizeof chains / sizeof *chains; i++)
		if (!strcmp(chains[i].genesis, genesis))
			ret->chain_id = named(chains[i].name);
	return ERR_OK;
}

void bitcoin_count(struct buf *body)
{
	rpc_ask(body, "getblockcount");
}

enum err bitcoin_count_read(uint64_t *ret, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err e = rpc_read(&a, 1, answer, len, f);
	const json_t *v = e == ERR_OK ? a.replies[0].result : NULL;

	if (e == ERR_OK && !v)
		e = bitcoin_fail(a.replies[0].error, NULL, f);
	else if (e == ERR_OK &&
	    (!json_is_integer(v) || json_integer_value(v) < 0 ||
		json_integer_value(v) > UINT32_MAX))
		e = fail_set(
		    f, ERR_BAD_ANSWER, "the height of the head is none of a block");
	else if (e == ERR_OK)
		*ret = (uint64_t)json_integer_value(v);
	rpc_release(&a);
	return e;
}

enum { CLIENT_NETWORK, CLIENT_CHAIN, CLIENT_CALLS };

void bitcoin_client(struct buf *body)
{
	static const char *const methods[] = { "getnetworkinfo", "getblockchaininfo" };
	struct rpc_batch b;

	rpc_begin(&b, body);
	for (int i = 0; i < CLIENT_CALLS; i++) {
		rpc_call(&b, methods[i]);
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

/* A node that has yet to download the chain shows a head of long ago, and says so. */
static void client_parse(char ret[CLIENT_MAX], const struct rpc_reply *replies)
{
	const json_t *chain = replies[CLIENT_CHAIN].result;
	const char *name = json_str(replies[CLIENT_NETWORK].result, "subversion");
	char text[200];
	int64_t headers;
	bool downloads;

	if (json_bool(chain, "initialblockdownload", &downloads) && downloads &&
	    json_i64(chain, "headers", &headers))
		snprintf(text, sizeof text, "%.24s, downloads %lld blocks",
		    name ? name : "", (long long)headers);
	else
		snprintf(text, sizeof text, "%.100s", name ? name : "");
	rpc_printable(ret, CLIENT_MAX, text);
}

enum err bitcoin_client_read(
    char ret[CLIENT_MAX], const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, CLIENT_CALLS, answer, len, f);

	ret[0] = '\0';
	if (err == ERR_OK)
		client_parse(ret, a.replies);
	rpc_release(&a);
	return err;
}

/* -- hashes ------------------------------------------------------------------------- */

void bitcoin_poll(struct buf *body)
{
	rpc_ask(body, "getbestblockhash");
}

void bitcoin_headers_at(struct buf *body, const uint64_t *heights, uint32_t n)
{
	struct rpc_batch b;
	char text[24];

	rpc_begin(&b, body);
	for (uint32_t i = 0; i < n; i++) {
		rpc_call(&b, "getblockhash");
		snprintf(text, sizeof text, "%llu", (unsigned long long)heights[i]);
		rpc_json(&b, text);
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

static enum err hash_read(
    struct hash *ret, bool *ret_known, const struct rpc_reply *reply, struct fail *f)
{
	*ret_known = false;
	if (bitcoin_absent(reply->error))
		return ERR_OK;
	if (!reply->result)
		return bitcoin_fail(reply->error, NULL, f);
	if (!bitcoin_hash_read(ret, reply->result))
		return fail_set(f, ERR_BAD_ANSWER, "a hash is malformed");
	*ret_known = true;
	return ERR_OK;
}

enum err bitcoin_hashes_read(struct hash *ret, bool *ret_known, uint32_t n,
    const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, n, answer, len, f);

	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		err = hash_read(&ret[i], &ret_known[i], &a.replies[i], f);
	rpc_release(&a);
	return err;
}

/* -- headers ------------------------------------------------------------------------ */

/* As an object, which has the height, and as what is hashed. */
enum { HEADER_TOLD, HEADER_RAW, HEADER_CALLS };

void bitcoin_headers(struct buf *body, const struct hash *hashes, uint32_t n)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	for (uint32_t i = 0; i < n; i++)
		for (int call = HEADER_TOLD; call < HEADER_CALLS; call++) {
			rpc_call(&b, "getblockheader");
			bitcoin_hash_param(&b, &hashes[i]);
			rpc_json(&b, call == HEADER_TOLD ? "true" : "false");
			rpc_call_end(&b);
		}
	rpc_end(&b);
}

void bitcoin_header(struct buf *body, const struct hash *hash)
{
	bitcoin_headers(body, hash, 1);
}

static bool header_parse(struct head *ret, const struct rpc_reply *replies)
{
	const json_t *told = replies[HEADER_TOLD].result;
	struct bitcoin_raw raw;
	int64_t height;

	*ret = (struct head){ .used = true }; /* each block pays who made it */
	if (!json_is_object(told) || !json_i64(told, "height", &height) || height < 0 ||
	    !bitcoin_hash_read(&ret->hash, json_object_get(told, "hash")) ||
	    !bitcoin_raw_read(&raw, replies[HEADER_RAW].result))
		return false;
	if (!hash_same(&raw.hash, &ret->hash) && !MUTANT(header_not_hashed))
		return false;
	ret->height = (uint64_t)height;
	ret->parent = raw.parent;
	return true;
}

static enum err header_read(
    struct head *ret, bool *ret_known, const struct rpc_reply *replies, struct fail *f)
{
	*ret_known = false;
	if (bitcoin_absent(replies[HEADER_TOLD].error) &&
	    bitcoin_absent(replies[HEADER_RAW].error))
		return ERR_OK;
	for (int i = 0; i < HEADER_CALLS; i++)
		if (!replies[i].result)
			return bitcoin_fail(replies[i].error, NULL, f);
	if (!header_parse(ret, replies))
		return fail_set(f, ERR_BAD_ANSWER, "a header is malformed");
	*ret_known = true;
	return ERR_OK;
}

enum err bitcoin_headers_read(struct head *ret, bool *ret_known, uint32_t n,
    const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, n * HEADER_CALLS, answer, len, f);

	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		err =
		    header_read(&ret[i], &ret_known[i], &a.replies[i * HEADER_CALLS], f);
	rpc_release(&a);
	return err;
}
