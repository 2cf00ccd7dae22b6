/* Every refusal of the config with its place, units, defaults and the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "cli/config/config.h"
#include "cli/config/doc.h"
#include "crypto/secret.h"

#define CHAIN_HEAD                                 \
	"chains:\n"                                \
	"  main:\n"                                \
	"    kind: evm\n"                          \
	"    chain_id: 1\n"                        \
	"    endpoints: [http://127.0.0.1:8545]\n" \
	"    finality: {depth: 12}\n"
#define KEY_HEX "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"

static char *no_env[] = { NULL };

static struct config *parse_env(const char *text, char *const *env)
{
	struct config *c = NULL;
	struct fail f = { ERR_OK, "" };
	enum err e = config_parse(&c, text, strlen(text), "dir/pawl.yaml", env, &f);

	if (e != ERR_OK)
		fail_msg("refused: %s", f.why);
	return c;
}

static struct config *parse(const char *text)
{
	return parse_env(text, no_env);
}

/* The whole message is `why`, or begins with it when it ends in "...". */
static void refused_env(const char *text, size_t len, char *const *env, const char *why)
{
	struct config *c = NULL;
	struct fail f = { ERR_OK, "" };
	size_t n = strlen(why);

	assert_int_equal(config_parse(&c, text, len, "p", env, &f), ERR_CONFIG);
	assert_null(c);
	assert_int_equal(config_parse(&c, text, len, "p", env, NULL), ERR_CONFIG);
	assert_null(strstr(f.why, KEY_HEX));
	if (n > 3 && strcmp(why + n - 3, "...") == 0) {
		if (strncmp(f.why, why, n - 3) != 0)
			fail_msg("for %s: %s", why, f.why);
	} else {
		assert_string_equal(f.why, why);
	}
}

static void refused(const char *text, const char *why)
{
	refused_env(text, strlen(text), no_env, why);
}

static void empty_is_defaults(void **state)
{
	static const char *const texts[] = { "", "# nothing\n", "{}", "---\n",
		"chains:\n" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct config *c = parse(texts[i]);

		assert_string_equal(c->journal, "dir/pawl.db");
		assert_string_equal(c->dir, "dir");
		assert_int_equal(c->chains_n, 0);
		assert_int_equal(c->keys_n, 0);
		assert_int_equal(c->log.level, LOG_INFO);
		assert_null(c->log.file);
		config_free(c);
	}
}

static void assert_fence_max_fee(const struct chain_config *chain, const char *coin)
{
	char text[AMOUNT_TEXT_MAX];

	amount_format(text, &chain->fence_max_fee, 18);
	assert_string_equal(text, coin);
}

static void the_api_is_read(void **state)
{
	char listen[] = "PAWL_SERVE__LISTEN=none",
	     ops[] = "PAWL_SERVE__TOKENS__OPS=file:other";
	char *env[] = { listen, ops, NULL };
	static const char text[] = "serve:\n  listen: '[::1]:0'\n"
				   "  tokens: {ops: env:PAWL_API, ci: file:ci.token}\n";
	struct config *c = parse(text);

	(void)state;
	assert_string_equal(c->serve.listen, "[::1]:0");
	assert_int_equal(c->serve.tokens_n, 2);
	assert_string_equal(c->serve.tokens[0].name, "ops");
	assert_string_equal(c->serve.tokens[0].token.at, "PAWL_API");
	assert_string_equal(c->serve.tokens[1].token.at, "dir/ci.token");
	config_free(c);
	c = parse_env(text, env);
	assert_string_equal(c->serve.listen, "none");
	assert_string_equal(c->serve.tokens[0].token.at, "dir/other");
	config_free(c);
	c = parse("");
	assert_null(c->serve.listen);
	assert_int_equal(c->serve.tokens_n, 0);
	config_free(c);
	refused("serve: {listen: 8080}",
	    "p:1:17: serve.listen: '8080' is not an address and a port, as in "
	    "127.0.0.1:8080 or [::1]:8080, nor none");
	refused("serve: {tokens: {ops: hunter2}}",
	    "p:1:23: serve.tokens.ops: this is no reference to a secret...");
	refused(
	    "serve: {tokens: [a]}", "p:1:17: serve.tokens: this must be a mapping...");
	refused(
	    "serve: {tokens: {A B: env:X}}", "p:1:18: serve.tokens: 'A B' is no name...");
	refused("serve: {port: 1}", "p:1:9: serve: no key 'port' here...");
}

static void chain_defaults(void **state)
{
	struct config *c = parse(CHAIN_HEAD);
	const struct chain_config *chain;

	(void)state;
	assert_int_equal(config_chain(c, "main", &chain, NULL), ERR_OK);
	assert_int_equal(chain->kind, CHAIN_EVM);
	assert_int_equal(chain->chain_id, 1);
	assert_int_equal(chain->endpoints_n, 1);
	assert_string_equal(chain->endpoints[0].url, "http://127.0.0.1:8545");
	assert_null(chain->endpoints[0].provider);
	assert_int_equal(chain->endpoints[0].weight, 1);
	assert_false(chain->finality.tag);
	assert_int_equal(chain->finality.depth, 12);
	assert_int_equal(chain->quorum, 1);
	assert_int_equal(chain->fee_type, CHAIN_FEE_AUTO);
	assert_int_equal(chain->max_fee_per_gas, 500000000000);
	assert_int_equal(chain->max_priority_fee_per_gas, 50000000000);
	assert_int_equal(chain->max_in_flight, 64);
	assert_fence_max_fee(chain, "0.05");
	assert_int_equal(chain->poll_ms, 1000);
	assert_int_equal(chain->batch, 100);
	assert_int_equal(chain->bump_after, 3);
	assert_int_equal(chain->timeout_ms, 10000);
	assert_int_equal(chain->hedge_after_ms, 1000);
	config_free(c);
}

static void all_keys(void **state)
{
	struct config *c =
	    parse("journal: /var/lib/pawl/j.db\n"
		  "log: {format: json, file: x.log, level: debug}\n"
		  "chains:\n"
		  "  a_b-1:\n"
		  "    kind: 'evm'\n"
		  "    chain_id: \"9223372036854775771\"\n"
		  "    endpoints:\n"
		  "    - https://u:p@[::1]:1/x?y=z\n"
		  "    - {url: http://h, provider: h, weight: 100, rate: 50, burst: 75}\n"
		  "    - {url: http://h2, provider: h}\n"
		  "    finality: finalized\n"
		  "    quorum: 1\n"
		  "    fee_type: legacy\n"
		  "    max_fee_per_gas: 7 wei\n"
		  "    max_priority_fee_per_gas: 7wei\n"
		  "    max_in_flight: 5000\n"
		  "    fence_max_fee: 0.25\n"
		  "    poll_ms: 100\n"
		  "    batch: 1000\n"
		  "    bump_after: 1\n"
		  "    timeout_ms: 100\n"
		  "keys:\n"
		  "  one: {source: env:ONE}\n"
		  "  two: {source: file:k/two}\n"
		  "  three: {source: keystore:/k.json, password: file:pw}\n"
		  "  four: {source: keystore:k.json}\n");
	const struct chain_config *chain = &c->chains[0];

	(void)state;
	assert_string_equal(c->journal, "/var/lib/pawl/j.db");
	assert_int_equal(c->log.format, LOG_JSON);
	assert_string_equal(c->log.file, "dir/x.log");
	assert_int_equal(c->log.level, LOG_DEBUG);
	assert_string_equal(chain->name, "a_b-1");
	assert_int_equal(chain->chain_id, 9223372036854775771);
	assert_int_equal(chain->endpoints_n, 3);
	assert_int_equal(chain->endpoints[1].weight, 100);
	assert_int_equal(chain->endpoints[1].rate, 50);
	assert_int_equal(c->fees.buffer_percent, 20);
	assert_int_equal(chain->endpoints[1].burst, 75);
	assert_int_equal(chain->endpoints[0].rate, 0);
	assert_string_equal(chain->endpoints[2].provider, "h");
	assert_true(chain->finality.tag);
	assert_int_equal(chain->fee_type, CHAIN_FEE_LEGACY);
	assert_int_equal(chain->max_fee_per_gas, 7);
	assert_int_equal(chain->max_priority_fee_per_gas, 7);
	assert_int_equal(chain->max_in_flight, 5000);
	assert_fence_max_fee(chain, "0.25");
	assert_int_equal(c->keys_n, 4);
	assert_int_equal(c->keys[0].source.kind, REF_ENV);
	assert_int_equal(c->keys[0].password.kind, REF_NONE);
	assert_string_equal(c->keys[1].source.at, "dir/k/two");
	assert_string_equal(c->keys[2].source.at, "/k.json");
	assert_string_equal(c->keys[2].password.at, "dir/pw");
	assert_int_equal(c->keys[3].password.kind, REF_PROMPT);
	config_free(c);
}

static void quorum_counts_providers(void **state)
{
	static const struct {
		const char *endpoints;
		int quorum;
	} rows[] = {
		{ "[http://a]", 1 },
		{ "[http://a, http://b]", 2 },
		{ "[http://a, http://b, http://c]", 2 },
		{ "[{url: http://a, provider: x}, {url: http://b, provider: x}]", 1 },
		{ "[{url: http://a, provider: x}, http://b, http://c, http://d]", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[400];
		struct config *c;

		snprintf(text, sizeof text,
		    "chains: {m: {kind: evm, chain_id: 1, finality: finalized,\n"
		    "  endpoints: %s}}",
		    rows[i].endpoints);
		c = parse(text);
		assert_int_equal(c->chains[0].quorum, rows[i].quorum);
		config_free(c);
	}
}

static void fees_are_exact(void **state)
{
	static const struct {
		const char *text;
		uint64_t wei;
	} rows[] = {
		{ "1 wei", 1 },
		{ "0.5 gwei", 500000000 },
		{ "0.000000001 gwei", 1 },
		{ "123.456789012 gwei", 123456789012 },
		{ "1000000000 gwei", 1000000000000000000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[400];
		struct config *c;

		snprintf(text, sizeof text, CHAIN_HEAD "    max_fee_per_gas: %s\n",
		    rows[i].text);
		c = parse(text);
		assert_int_equal(c->chains[0].max_fee_per_gas, rows[i].wei);
		/* the default tip stays below a low cap */
		assert_true(c->chains[0].max_priority_fee_per_gas <= rows[i].wei);
		config_free(c);
	}
}

static void yaml_surprises_are_refused(void **state)
{
	(void)state;
	refused("journal: &a x\n", "p:1:10: an anchor (&) is not allowed here");
	refused("journal: x\nlog: *a\n", "p:2:6: an alias (*) is not allowed here");
	refused("journal: !!str x\n", "p:1:10: a tag (!) is not allowed here");
	refused("log: !x {}\n", "p:1:6: a tag (!) is not allowed here");
	refused("chains: &x\n  {}\n", "p:1:9: an anchor (&) is not allowed here");
	refused("%YAML 1.1\n---\njournal: x\n", "p:1:1: a % directive is not allowed...");
	refused(
	    "journal: x\n---\njournal: y\n", "p:2:1: a second document is not allowed");
	refused("journal: x\nlog: {}\njournal: y\n", "p:3:1: this key is already there");
	refused(
	    "log:\n  level: info\n  level: warn\n", "p:3:3: this key is already there");
	refused("? [a]\n: x\n", "p:1:3: a key must be plain text");
	refused(
	    "journal: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}\n", "p:1:38: nested...");
	refused("journal: [[[[[[[[[[[[[[\n", "p:1:17: nested too deep");
	refused("a: b: c\n", "p:1:5: mapping values are not allowed in this context");
	refused("a: \"x\\0y\"\n", "p:1:4: a NUL is not allowed here");
	refused("journal: x\n\tlog: y\n", "p:2:...");
	refused("- a\n", "p:1:1: this must be a mapping (key: value)");
}

static void bytes_are_checked(void **state)
{
	static char big[DOC_BYTES_MAX + 2];

	(void)state;
	refused("journal: x\nlog: \xff\n", "p:2:6: this is not UTF-8");
	refused("journal: \x01\n", "p:1:10: control characters are not allowed");
	refused_env("a\0b", 3, no_env, "p:1:2: control characters are not allowed");
	memset(big, ' ', sizeof big);
	refused_env(big, sizeof big - 1, no_env, "p: larger than 1 MiB");
	memset(big, 'x', sizeof big);
	memcpy(big, "journal: ", 9);
	refused_env(big, DOC_TEXT_MAX + 10, no_env, "p:1:10: the text is too long");
	for (size_t i = 0; i + 2 < sizeof big; i += 2)
		memcpy(big + i, "- ", 2);
	refused_env(big, 40, no_env, "p:1:17: nested too deep");
	memset(big, ',', sizeof big);
	for (size_t i = 0; i + 2 < sizeof big; i += 2)
		memcpy(big + i, "-\n", 2);
	refused_env(big, 10000, no_env, "p:1001:2: too many entries");
}

static void wrong_keys_name_the_nearest(void **state)
{
	(void)state;
	refused("journl: x\n", "p:1:1: no key 'journl' here; did you mean journal?");
	refused("log: {fil: x}\n", "p:1:7: log: no key 'fil' here; did you mean file?");
	refused(CHAIN_HEAD "    pol_ms: 5\n",
	    "p:7:5: chains.main: no key 'pol_ms' here; did you mean poll_ms?");
	refused(CHAIN_HEAD "    zzzzzzzz: 5\n",
	    "p:7:5: chains.main: no key 'zzzzzzzz' here; see: pawl help config");
	refused("keys: {a: {sorce: env:A}}\n",
	    "p:1:12: keys.a: no key 'sorce' here; did you mean source?\n"
	    "p:1:8: keys.a.source: this key is required");
	refused("chains: {m: {kind: emv, chain_id: 1, finality: finalized,\n"
		"  endpoints: [{url: http://a, weigth: 2}]}}",
	    "p:1:20: chains.m.kind: 'emv' is none of evm|bitcoin; did you mean evm?\n"
	    "p:2:31: chains.m.endpoints.0: no key 'weigth' here; did you mean weight?");
	refused("log: {level: wran}\n",
	    "p:1:14: log.level: 'wran' is none of debug|info|warn|error; did ...");
}

static void whom_the_bot_obeys(void **state)
{
	char allow[] = "PAWL_TELL__TELEGRAM__ALLOW=7 -8 anyone", *env[] = { allow, NULL };
	const struct telegram_config *t;
	struct config *c;

	(void)state;
	c = parse("tell:\n  telegram:\n    token: env:BOT\n    allow: [123456789, "
		  "-1001234567890]\n    max_users: 7\n");
	t = &c->tell.telegram;
	assert_int_equal(t->allow.n, 2);
	assert_int_equal(t->allow.at[0], 123456789);
	assert_int_equal(t->allow.at[1], -1001234567890);
	assert_false(t->allow.anyone);
	assert_int_equal(t->max_users, 7);
	assert_string_equal(t->api, "https://api.telegram.org");
	config_free(c);
	c = parse_env("journal: a.db\n", env);
	assert_int_equal(c->tell.telegram.allow.n, 2);
	assert_int_equal(c->tell.telegram.allow.at[1], -8);
	assert_true(c->tell.telegram.allow.anyone);
	assert_int_equal(c->tell.telegram.max_users, 100);
	config_free(c);
	refused("tell: {telegram: {allow: [12, 1x]}}",
	    "p:1:31: tell.telegram.allow: this must be the number of a chat or a user, "
	    "as 123456789, or anyone");
	refused(
	    "tell: {telegram: {allow: [007]}}", "p:1:27: tell.telegram.allow: this...");
	refused("tell: {telegram: {allow: [1234567890123456789]}}",
	    "p:1:27: tell.telegram.allow: this...");
	refused("tell: {telegram: {allow: {a: 1}}}",
	    "p:1:26: tell.telegram.allow: this must be a list...");
}

/* -- a bitcoin chain -------------------------------------------------------- */

#define BTC(rest) \
	"chains:\n  b: {kind: bitcoin, network: regtest, finality: {depth: 6},\n" rest

static void a_bitcoin_chain(void **state)
{
	static const char text[] =
	    BTC("   endpoints: [{url: 'http://h:1', cookie: c/.cookie}]}\n"
		"  t: {kind: bitcoin, network: testnet4, finality: {depth: 2},\n"
		"   endpoints: [{url: 'http://h:1', user: env:U, password: file:p}]}\n");
	struct config *c = parse(text);
	const struct chain_config *b = &c->chains[0];

	(void)state;
	assert_int_equal(b->kind, CHAIN_BITCOIN);
	assert_int_equal(b->chain_id, 0xfabfb5da);
	assert_string_equal(b->network, "regtest");
	assert_int_equal(b->finality.depth, 6);
	assert_string_equal(b->endpoints[0].cookie, "dir/c/.cookie");
	assert_string_equal(c->chains[1].endpoints[0].user, "env:U");
	assert_string_equal(c->chains[1].endpoints[0].password, "file:dir/p");
	assert_int_equal(chain_pays(b, NULL), ERR_INPUT);
	assert_int_equal(chain_tracks(b, NULL), ERR_INPUT);
	config_free(c);
}

static void a_layer_2_is_on_a_bitcoin_chain(void **state)
{
	struct config *c =
	    parse(BTC("   endpoints: [http://h]}\nnode: {chain: b, data_dir: l2}"));

	(void)state;
	assert_string_equal(c->node.chain, "b");
	assert_string_equal(c->node.data_dir, "dir/l2");
	config_free(c);
	refused(BTC("   endpoints: [http://h]}\nnode: {chain: bb}"),
	    "p:4:15: node.chain: there is no chain 'bb'; did you mean b?");
	refused("chains:\n  e: {kind: evm, chain_id: 1, finality: {depth: 1},\n"
		"   endpoints: [http://h]}\nnode: {chain: e}",
	    "p:4:15: node.chain: the chain e is not of the kind bitcoin: the anchors of "
	    "a layer 2 are there");
}

static void backups_are_not_in_what_is_replaced(void **state)
{
	struct config *c =
	    parse("node: {data_dir: l2, backup: {folder: l2/reorg_db_b, copy_to: l2}}");

	(void)state;
	assert_string_equal(c->node.backup.folder, "dir/l2/reorg_db_b");
	config_free(c);
	refused("node:\n  data_dir: l2\n  backup: {copy_to: l2/reorg_db/,\n"
		"    folder: l2/reorg_db/a/b}",
	    "p:4:13: node.backup.folder: 'l2/reorg_db/a/b' is in the folder of the "
	    "reorg database, and goes with it where that is restored, rebuilt or reset. "
	    "Make a folder outside of reorg_db, move the backups there, and name it "
	    "here\n"
	    "p:3:21: node.backup.copy_to: 'l2/reorg_db/' is in the folder of the "
	    "reorg database, and goes with it where that is restored, rebuilt or reset. "
	    "Make a folder outside of reorg_db, move the backups there, and name it "
	    "here");
}

static void what_a_bitcoin_chain_has_not(void **state)
{
	(void)state;
	refused(BTC("   endpoints: [http://h], max_fee_per_gas: 5 gwei, chain_id: 1}"),
	    "p:3:52: chains.b.chain_id: a chain of the kind bitcoin has no such key\n"
	    "p:3:27: chains.b.max_fee_per_gas: a chain of the kind bitcoin has no such "
	    "key");
	refused("chains:\n  b: {kind: bitcoin, network: tesnet3, finality: finalized,\n"
		"   endpoints: [http://u:p@h]}",
	    "p:2:31: chains.b.network: there is no network 'tesnet3'; did you mean "
	    "testnet3?\n"
	    "p:2:40: chains.b: the nodes of a bitcoin chain call no block final: {depth: "
	    "6} counts blocks\n"
	    "p:2:3: chains.b: endpoint 1 has a user or password in its URL: say cookie, "
	    "or user and password");
	refused(
	    "chains:\n  b: {kind: bitcoin, finality: {depth: 6}, endpoints: [http://h]}",
	    "p:2:3: chains.b.network: this key is required");
	refused(BTC("   endpoints: [http://h]}\n"
		    "  c: {kind: bitcoin, network: regtest, finality: {depth: 6},\n"
		    "   endpoints: [http://i]}"),
	    "p:4:22: chains.c: network regtest is already that of b");
	refused(BTC("   endpoints: [{url: 'http://h', user: env:U}]}"),
	    "p:3:16: chains.b.endpoints.0: user and password belong together: say both");
	refused(BTC("   endpoints: [{url: 'http://h', user: env:U, password: env:P,"
		    " cookie: c}]}"),
	    "p:3:16: chains.b.endpoints.0: a cookie is a user and a password: say "
	    "either");
	refused(BTC("   endpoints: [{url: 'http://h', user: me, password: env:P}]}"),
	    "p:3:40: chains.b.endpoints.0.user: ...");
}

/* What stands there is put together for the node, and is nowhere in the config. */
static void user_and_password_are_looked_up(void **state)
{
	static const char text[] =
	    BTC("   endpoints: [{url: 'http://h:1', user: env:PAWL_TEST_U, password: "
		"env:PAWL_TEST_P}]}\n");
	struct config *c = parse(text);
	const struct chain_config *b;
	struct fail f;

	(void)state;
	assert_int_equal(config_chain(c, "b", &b, &f), ERR_CONFIG);
	assert_non_null(strstr(f.why, "chain b: an endpoint's"));
	setenv("PAWL_TEST_U", "anna", 1);
	setenv("PAWL_TEST_P", "a:secret", 1);
	assert_int_equal(config_chain(c, "b", &b, &f), ERR_OK);
	assert_true(secret_is(b->endpoints[0].login, "anna:a:secret", 13));
	assert_int_equal(config_chain(c, "b", &b, &f), ERR_OK);
	config_free(c);
	c = parse(text);
	setenv("PAWL_TEST_U", "an:na", 1);
	assert_int_equal(config_chain(c, "b", &b, &f), ERR_CONFIG);
	assert_non_null(strstr(f.why, "has a colon"));
	config_free(c);
}

static void required_keys(void **state)
{
	(void)state;
	refused("chains:\n  m: {}\n",
	    "p:2:3: chains.m.kind: this key is required\n"
	    "p:2:3: chains.m.endpoints: this key is required\n"
	    "p:2:3: chains.m.finality: this key is required\n"
	    "p:2:3: chains.m.chain_id: this key is required");
	refused("chains: {m: {kind: evm, chain_id: 1, finality: finalized,\n"
		"  endpoints: [{url: http://a, burst: 2}]}}",
	    "p:2:15: chains.m.endpoints.0: a burst is of a rate: say rate, too");
	refused("chains: {m: {kind: evm, chain_id: 1, endpoints: [{weight: 2}],\n"
		" finality: {}}}",
	    "p:1:50: chains.m.endpoints.0.url: this key is required\n"
	    "p:2:2: chains.m.finality.depth: this key is required");
}

static const struct tell_config *tell_of(struct config **c, const char *value)
{
	char text[200];

	snprintf(text, sizeof text,
	    "tell:\n  stuck_after: %s\n  webhook:\n    secret: env:HOOK\n", value);
	*c = parse(text);
	return &(*c)->tell;
}

static void whom_it_tells_and_when(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = { { "90s", 90000 }, { "15m", 900000 }, { "1h", 3600000 },
		{ "2d", 172800000 } };
	static const char *const bad[] = { "1", "h", "0s", "1hh", "-1h", "1w", "1000000s",
		"1.5h" };
	struct config *c;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct tell_config *t = tell_of(&c, rows[i].text);

		assert_int_equal(t->stuck_after, rows[i].ms);
		assert_int_equal(t->webhook.secret.kind, REF_ENV);
		assert_string_equal(t->webhook.secret.at, "HOOK");
		config_free(c);
	}
	c = parse("journal: a.db\n");
	assert_int_equal(c->tell.stuck_after, 3600000);
	assert_int_equal(c->tell.webhook.secret.kind, REF_NONE);
	config_free(c);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[100], why[200];

		snprintf(text, sizeof text, "tell:\n  stuck_after: %s\n", bad[i]);
		snprintf(why, sizeof why,
		    "p:2:16: tell.stuck_after: '%s': this must be...", bad[i]);
		refused(text, why);
	}
}

static void how_long_it_keeps_what_ended(void **state)
{
	static const struct {
		const char *text;
		int64_t airdrop, fence;
	} rows[] = { { "journal: a.db\n", 2592000000, 2592000000 },
		{ "retention: {airdrop: never, fence: 90d}\n", 0, 7776000000 },
		{ "retention: {airdrop: 0}\n", 0, 2592000000 },
		{ "retention: {fence: 30s}\n", 2592000000, 30000 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config *c = parse(rows[i].text);

		assert_int_equal(c->retention.airdrop, rows[i].airdrop);
		assert_int_equal(c->retention.fence, rows[i].fence);
		assert_int_equal(c->retention.track, 2592000000);
		config_free(c);
	}
	refused("retention: {airdrop: nevermore}\n",
	    "p:1:22: retention.airdrop: 'nevermore': this must be a time such as"
	    " 90s, 15m, 1h or 2d, or never");
	refused("retention: {airdrops: 1d}\n",
	    "p:1:13: retention: no key 'airdrops' here; did you mean airdrop?");
}

static void values_are_checked(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{ "poll_ms: -1",
		    "14: chains.main.poll_ms: '-1' is not a whole number from 10..." },
		{ "poll_ms: 1e3", "14: chains.main.poll_ms: '1e3' is not..." },
		{ "poll_ms: 9", "14: chains.main.poll_ms: '9' is not..." },
		{ "poll_ms: 99999999999999999999", "14: chains.main.poll_ms: '9999..." },
		{ "poll_ms:", "13: chains.main.poll_ms: nothing is written here" },
		{ "poll_ms: ~", "14: chains.main.poll_ms: nothing is written here" },
		{ "poll_ms: [1]",
		    "14: chains.main.poll_ms: this must be one value, not a list" },
		{ "batch: 1001",
		    "12: chains.main.batch: '1001' is not a whole number from..." },
		{ "max_fee_per_gas: 5",
		    "22: chains.main.max_fee_per_gas: '5': a fee needs its unit..." },
		{ "max_fee_per_gas: 5 eth",
		    "22: chains.main.max_fee_per_gas: '5 eth': a fee is..." },
		{ "max_fee_per_gas: 0.5 wei",
		    "22: chains.main.max_fee_per_gas: '0.5 wei': ..." },
		{ "max_fee_per_gas: 0 wei",
		    "22: chains.main.max_fee_per_gas: '0 wei': a fee of zero" },
		{ "max_fee_per_gas: 1.0000000001 gwei",
		    "22: chains.main.max_fee_per_gas: ..." },
		{ "max_fee_per_gas: 1000000001 gwei",
		    "22: chains.main.max_fee_per_gas: ..." },
		{ "fence_max_fee: 0.1 eth",
		    "20: chains.main.fence_max_fee: '0.1 eth': not a..." },
		{ "fence_max_fee: -1", "20: chains.main.fence_max_fee: '-1': not a..." },
		{ "max_fee_per_gas: -5 gwei", "22: chains.main.max_fee_per_gas: ..." },
		{ "max_priority_fee_per_gas: 501 gwei",
		    "5: chains.main: max_priority_fee_per_gas "
		    "is above max_fee_per_gas" },
		{ "quorum: 2",
		    "5: chains.main: quorum is 2, and there are only 1 providers" },
		{ "quorum: 0",
		    "13: chains.main.quorum: '0' is not a whole number from 1 to 16" },
		{ "fee_type: 1560",
		    "15: chains.main.fee_type: '1560' is none of auto|1559|legacy..." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[400], why[300];

		snprintf(text, sizeof text, CHAIN_HEAD "    %s\n", rows[i].line);
		snprintf(why, sizeof why, "p:7:%s", rows[i].why);
		refused(text, why);
	}
}

static void urls_are_checked(void **state)
{
	static const char *const bad[] = { "ftp://x", "127.0.0.1:8545", "http://",
		"http:///x", "http://x:0", "http://x:65536", "http://x:8a",
		"http://x:", "http://a b", "http://\xc3\xa9", "http://u@", "http://u@:1",
		"env:", "env:A-B", "env:1A" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[300];

		snprintf(text, sizeof text,
		    "chains: {m: {kind: evm, chain_id: 1, finality: finalized,\n"
		    " endpoints: ['%s']}}",
		    bad[i]);
		refused(text, "p:2:14: chains.m.endpoints.0.url: ...");
	}
	refused(
	    "chains: {m: {kind: evm, chain_id: 1, finality: finalized, endpoints: []}}",
	    "p:1:70: chains.m.endpoints: endpoints are a list of 1 to 16 nodes");
}

static void finality_forms(void **state)
{
	struct config *c =
	    parse("chains: {m: {kind: evm, chain_id: 1, endpoints: http://a,\n"
		  " finality: {depth: 0}}}");

	(void)state;
	assert_false(c->chains[0].finality.tag);
	assert_int_equal(c->chains[0].finality.depth, 0);
	config_free(c);
	refused(
	    "chains: {m: {kind: evm, chain_id: 1, endpoints: http://a,\n finality: 12}}",
	    "p:2:12: chains.m.finality: finality is {depth: BLOCKS} or finalized");
	refused("chains: {m: {kind: evm, chain_id: 1, endpoints: http://a,\n"
		" finality: [12]}}",
	    "p:2:12: chains.m.finality: finality is {depth: BLOCKS} or finalized");
	refused("chains: {m: {kind: evm, chain_id: 1, endpoints: http://a,\n"
		" finality: {dept: 12}}}",
	    "p:2:13: chains.m.finality: no key 'dept' here; did you mean depth?\n"
	    "p:2:2: chains.m.finality.depth: this key is required");
}

static void what_must_be_one(void **state)
{
	(void)state;
	refused(CHAIN_HEAD
	    "  other: {kind: evm, finality: finalized, endpoints: [http://b],\n"
	    "    chain_id: 1}\n",
	    "p:8:5: chains.other: chain_id 1 is already that of main");
	refused("keys:\n  a: {source: env:A}\n  b: {source: env:A}\n",
	    "p:3:7: keys.b: this source is already that of key a");
	refused("keys:\n  a: {source: file:A}\n  b: {source: keystore:A}\n",
	    "p:3:7: keys.b: this source is already that of key a");
	refused("keys:\n  a-b: {source: env:A}\n  a_b: {source: env:B}\n",
	    "p:3:3: keys: a-b and a_b would be the same in the environment");
	refused("keys:\n  A: {source: env:A}\n",
	    "p:2:3: keys: 'A' is no name: 1 to 32 of a-z, 0-9, _ and -");
	refused(
	    "keys:\n  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: {}\n", "p:2:3: keys: 'aaa...");
}

static void secrets_are_never_repeated(void **state)
{
	(void)state;
	refused("keys: {a: {source: " KEY_HEX "}}",
	    "p:1:20: keys.a.source: this looks like a"
	    " secret itself; it must be one of: env:VAR,"
	    " file:PATH, keystore:PATH");
	refused(
	    "keys: {a: {source: 0x" KEY_HEX "}}", "p:1:20: keys.a.source: this looks...");
	refused("keys: {a: {source: env:a" KEY_HEX "}}",
	    "p:1:20: keys.a.source: this looks...");
	refused("keys: {a: {source: file:" KEY_HEX "}}",
	    "p:1:20: keys.a.source: this looks...");
	refused("keys: {" KEY_HEX ": {}}",
	    "p:1:8: keys: what is written there is no name...");
	refused(KEY_HEX ": x", "p:1:1: no key what is written there here; ...");
	refused("log: {level: " KEY_HEX "}",
	    "p:1:14: log.level: what is written there is...");
	refused("keys: {a: {source: hunter2}}",
	    "p:1:20: keys.a.source: this is no reference to a secret; it must be one"
	    " of: env:VAR, file:PATH, keystore:PATH");
	refused("keys: {a: {source: env:A, password: env:B}}",
	    "p:1:27: keys.a: only a keystore has a password");
	refused("keys: {a: {source: prompt}}",
	    "p:1:20: keys.a.source: this is no reference...");
	refused("keys: {a: {source: keystore:x, password: keystore:y}}",
	    "p:1:42: keys.a.password: this is no reference to a secret; it must be one"
	    " of: env:VAR, file:PATH, prompt");
}

static void the_environment_goes_first(void **state)
{
	char *env[] = { (char[]){ "PAWL_CHAINS__MAIN__POLL_MS=500" },
		(char[]){ "PAWL_CHAINS__MAIN__FINALITY__DEPTH=3" },
		(char[]){ "PAWL_CHAINS__MAIN__ENDPOINTS=http://x  http://y" },
		(char[]){ "PAWL_CHAINS__MAIN__ENDPOINTS__1__WEIGHT=9" },
		(char[]){ "PAWL_CHAINS__MAIN__MAX_FEE_PER_GAS=60 gwei" },
		(char[]){ "PAWL_KEYS__A_B__SOURCE=env:OTHER" },
		(char[]){ "PAWL_JOURNAL=e.db" }, (char[]){ "PAWL_LOG__LEVEL=error" },
		(char[]){ "PAWL_ELSEWHERE=1" }, NULL };
	struct config *c = parse_env("keys: {a-b: {source: env:ONE}}\n" CHAIN_HEAD, env);

	(void)state;
	assert_int_equal(c->chains[0].poll_ms, 500);
	assert_int_equal(c->chains[0].finality.depth, 3);
	assert_int_equal(c->chains[0].endpoints_n, 2);
	assert_string_equal(c->chains[0].endpoints[1].url, "http://y");
	assert_int_equal(c->chains[0].endpoints[1].weight, 9);
	assert_int_equal(c->chains[0].quorum, 2);
	assert_int_equal(c->chains[0].max_fee_per_gas, 60000000000);
	assert_string_equal(c->keys[0].source.at, "OTHER");
	assert_string_equal(c->journal, "dir/e.db");
	assert_int_equal(c->log.level, LOG_ERROR);
	config_free(c);
}

static void the_environment_is_checked(void **state)
{
	char *bad[] = { (char[]){ "PAWL_CHAINS__MAIN__POLL_MS=x" }, NULL };
	char *typo[] = { (char[]){ "PAWL_CHAINS__MAINN__POLL_MS=5" }, NULL };
	char *far[] = { (char[]){ "PAWL_KEYS__A=5" }, NULL };
	char *tag[] = { (char[]){ "PAWL_CHAINS__MAIN__FINALITY=finalized" }, NULL };
	struct config *c;

	(void)state;
	refused_env(CHAIN_HEAD, strlen(CHAIN_HEAD), bad,
	    "PAWL_CHAINS__MAIN__POLL_MS: chains.main.poll_ms: 'x' is not...");
	refused_env(CHAIN_HEAD, strlen(CHAIN_HEAD), typo,
	    "PAWL_CHAINS__MAINN__POLL_MS: no such key; did you mean"
	    " PAWL_CHAINS__MAIN__POLL_MS?");
	refused_env("", 0, far, "PAWL_KEYS__A: this variable names no key of the config");
	c = parse_env(CHAIN_HEAD, tag);
	assert_true(c->chains[0].finality.tag);
	config_free(c);
}

static void many_problems_are_told_as_far_as_there_is_room(void **state)
{
	struct buf text;
	struct config *c;
	struct fail f;

	(void)state;
	buf_init(&text, 1 << 16);
	for (int i = 0; i < 200; i++)
		buf_addf(&text, "wrong%d: 1\n", i);
	assert_int_equal(
	    config_parse(&c, buf_text(&text), text.len, "p", no_env, &f), ERR_CONFIG);
	assert_true(strncmp(f.why, "p:1:1: no key 'wrong0' here;", 28) == 0);
	assert_non_null(strstr(f.why, "p:2:1: no key 'wrong1' here; "));
	assert_non_null(strstr(f.why, "\nand 1"));
	assert_string_equal(f.why + strlen(f.why) - 5, " more");
	buf_release(&text);
}

static void names_are_looked_up(void **state)
{
	struct config *c = parse("keys: {payer: {source: env:A}}\n" CHAIN_HEAD);
	const struct chain_config *chain;
	const struct key_config *key;
	struct fail f;

	(void)state;
	assert_int_equal(config_chain(c, "mian", &chain, &f), ERR_CONFIG);
	assert_string_equal(
	    f.why, "dir/pawl.yaml: there is no chain mian; did you mean main?");
	assert_int_equal(config_key(c, "zzz", &key, &f), ERR_CONFIG);
	assert_string_equal(f.why, "dir/pawl.yaml: there is no key zzz");
	assert_int_equal(config_key(c, KEY_HEX, &key, &f), ERR_CONFIG);
	assert_null(strstr(f.why, KEY_HEX));
	assert_int_equal(config_key(c, "payer", &key, NULL), ERR_OK);
	assert_string_equal(key->source.at, "A");
	config_free(c);
}

static void endpoints_from_the_environment(void **state)
{
	struct config *c =
	    parse("chains: {m: {kind: evm, chain_id: 1, finality: finalized,\n"
		  " endpoints: [env:TEST_CONFIG_URL]}}");
	const struct chain_config *chain;
	struct fail f;

	(void)state;
	unsetenv("TEST_CONFIG_URL");
	assert_int_equal(config_chain(c, "m", &chain, &f), ERR_CONFIG);
	assert_string_equal(f.why,
	    "chain m: the environment variable TEST_CONFIG_URL"
	    " (an endpoint) is not set");
	setenv("TEST_CONFIG_URL", "secret", 1);
	assert_int_equal(config_chain(c, "m", &chain, &f), ERR_CONFIG);
	assert_null(strstr(f.why, "secret"));
	setenv("TEST_CONFIG_URL", "http://secret@h/", 1);
	assert_int_equal(config_chain(c, "m", &chain, &f), ERR_OK);
	assert_string_equal(chain->endpoints[0].url, "http://secret@h/");
	config_free(c);
}

/* Take the first # off each line of a block, as a person would. */
static char *uncomment(const char *text)
{
	char *out = mem_str(text), *to = out;
	bool doc;

	for (const char *at = text; *at;) {
		const char *end = strchr(at, '\n') + 1;

		doc = at[0] == '#' && at[1] == ' ' && at[2] != ' ';
		at += *at == '#' && !doc;
		memcpy(to, at, (size_t)(end - at));
		to += end - at;
		at = end;
	}
	*to = '\0';
	return out;
}

static void the_example_is_valid(void **state)
{
	struct config *c;
	struct buf text;
	char *whole;

	(void)state;
	buf_init(&text, 1 << 16);
	config_example(&text);
	config_free(parse(buf_text(&text)));
	whole = uncomment(buf_text(&text));
	c = parse(whole);
	assert_int_equal(c->chains_n, 1);
	assert_int_equal(c->keys_n, 1);
	assert_string_equal(c->chains[0].endpoints[0].url, "http://127.0.0.1:8545");
	free(whole);
	config_free(c);
	buf_release(&text);
}

static int near(const char *word, const char *candidate)
{
	struct nearest n = { NULL, 0 };

	nearest_add(&n, word, candidate);
	return n.best ? n.distance : -1;
}

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		int distance; /* -1: too far to be worth saying */
	} rows[] = { { "", "", 0 }, { "", "abc", -1 }, { "abc", "abc", 0 },
		{ "abc", "acb", 1 }, { "kitten", "sitting", 3 }, { "poll", "pol", 1 },
		{ "ab", "ba", 1 }, { "Ab", "BA", 1 }, { "ab", "cd", -1 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(near(rows[i].a, rows[i].b), rows[i].distance);
		assert_int_equal(near(rows[i].b, rows[i].a), rows[i].distance);
	}
}

struct paths {
	char text[1024];
};

static void path_add(void *ctx, const char *path)
{
	struct paths *p = ctx;

	assert_true(strlen(p->text) + strlen(path) + 2 < sizeof p->text);
	strcat(strcat(p->text, path), " ");
}

static void differ(const char *before, const char *now, const char *paths)
{
	struct config *a = parse(before), *b = parse(now);
	struct paths found = { "" };

	config_changes(a, b, path_add, &found);
	assert_string_equal(found.text, paths);
	config_free(a);
	config_free(b);
}

#define ONE_CHAIN \
	"{kind: evm, chain_id: 1, finality: finalized, endpoints: [http://a, http://b]"

/* What is said with other words, or by its default, is no change. */
static void changes_are_named(void **state)
{
	(void)state;
	differ("", "{log: {level: info}, journal: pawl.db}", "");
	differ("", "{journal: other.db, log: {file: l}}", "journal log.file ");
	differ("serve: {tokens: {a: env:A, b: env:B}}",
	    "serve: {tokens: {b: env:C, c: env:B}, listen: none}",
	    "serve.listen serve.tokens.b serve.tokens.c serve.tokens.a ");
	differ("", "track: {milestones: [10]}", "track.milestones ");
	differ("", "retention: {airdrop: never}", "retention.airdrop ");
	differ("", "tell: {stuck_after: 2h, webhook: {secret: env:S}}",
	    "tell.stuck_after tell.webhook.secret ");
	differ("keys: {a: {source: env:A}}", "keys: {a: {source: file:A}}",
	    "keys.a.source ");
	differ("chains: {m: " ONE_CHAIN "}}",
	    "chains: {m: " ONE_CHAIN ", poll_ms: 1000, fence_max_fee: 0.050}}", "");
	differ("chains: {m: " ONE_CHAIN ", fence_max_fee: 0.06, poll_ms: 7000}}",
	    "chains: {m: {kind: evm, chain_id: 1, finality: {depth: 3}, "
	    "endpoints: [http://a, {url: http://c, weight: 2}]}}",
	    "chains.m.endpoints.2.url chains.m.endpoints.2.weight chains.m.finality "
	    "chains.m.fence_max_fee chains.m.poll_ms ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_defaults),
		cmocka_unit_test(the_api_is_read),
		cmocka_unit_test(chain_defaults),
		cmocka_unit_test(all_keys),
		cmocka_unit_test(quorum_counts_providers),
		cmocka_unit_test(changes_are_named),
		cmocka_unit_test(fees_are_exact),
		cmocka_unit_test(yaml_surprises_are_refused),
		cmocka_unit_test(bytes_are_checked),
		cmocka_unit_test(wrong_keys_name_the_nearest),
		cmocka_unit_test(required_keys),
		cmocka_unit_test(a_bitcoin_chain),
		cmocka_unit_test(a_layer_2_is_on_a_bitcoin_chain),
		cmocka_unit_test(backups_are_not_in_what_is_replaced),
		cmocka_unit_test(what_a_bitcoin_chain_has_not),
		cmocka_unit_test(user_and_password_are_looked_up),
		cmocka_unit_test(whom_it_tells_and_when),
		cmocka_unit_test(how_long_it_keeps_what_ended),
		cmocka_unit_test(whom_the_bot_obeys),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(urls_are_checked),
		cmocka_unit_test(finality_forms),
		cmocka_unit_test(what_must_be_one),
		cmocka_unit_test(secrets_are_never_repeated),
		cmocka_unit_test(the_environment_goes_first),
		cmocka_unit_test(the_environment_is_checked),
		cmocka_unit_test(many_problems_are_told_as_far_as_there_is_room),
		cmocka_unit_test(names_are_looked_up),
		cmocka_unit_test(endpoints_from_the_environment),
		cmocka_unit_test(the_example_is_valid),
		cmocka_unit_test(distances),
	};

	secret_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
