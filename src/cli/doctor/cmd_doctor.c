/* doctor: the config, the keys, the journal and the nodes, and what to do about them.
 *
 * Each thing that was looked at is a line; a finding says what is wrong and what to do.
 * It goes on after each: a node that is down hides nothing of the others.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "cli/ask/probe.h"
#include "cli/config/keys.h"
#include "cli/doctor/doctor.h"
#include "cli/report/report.h"
#include "codec/eip55.h"
#include "engine/endpoint.h"
#include "journal/sql.gen.h"

/* Blocks behind the best node from which on a node is said to lag. */
#define LAG_MAX 5
#define SIGNIFICANT_LATENCY_MS 2000

enum rules { RULES_UNKNOWN, RULES_TESTED, RULES_MAINNET, RULES_L1_DATA, RULES_OTHER_GAS };

static const struct {
	uint64_t chain_id;
	const char *name;
	enum rules kind;
} chain_rules[] = {
#define RULES(chain_id, name, kind) { chain_id, name, RULES_##kind },
#include "cli/doctor/chain_rules.def"
#undef RULES
};

/* -- telling --------------------------------------------------------------- */

static void PRINTF(6, 0) vtold(struct doctor *d, const char *what, const char *subject,
    bool finding, const char *advice, const char *fmt, va_list ap)
{
	char text[700];

	vsnprintf(text, sizeof text, fmt, ap);
	utf8_plain(text);
	d->findings += finding;
	if (d->first) {
		if (finding && d->findings == 1)
			fail_set(d->first, ERR_DAMAGED, "%s%s%s",
			    subject == d->copy ? "" : subject,
			    subject == d->copy ? "" : ": ", text);
	} else if (d->cli->args.json) {
		cli_json(json_pack("{s:s, s:o, s:b, s:o, s:o}", "check", what, "of",
		    cli_text(subject), "ok", !finding, "text", cli_text(text), "do",
		    cli_text(advice)));
	} else if (finding) {
		printf("FINDING %-8s %s: %s\n        do: %s\n", what, subject, text,
		    advice ? advice : "-");
	} else if (!d->cli->args.quiet) {
		printf("ok      %-8s %s: %s\n", what, subject, text);
	}
}

void doctor_fine(
    struct doctor *d, const char *what, const char *subject, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vtold(d, what, subject, false, NULL, fmt, ap);
	va_end(ap);
}

void doctor_finding(struct doctor *d, const char *what, const char *subject,
    const char *advice, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vtold(d, what, subject, true, advice, fmt, ap);
	va_end(ap);
}

/* -- config and keys ------------------------------------------------------- */

static void config_check(struct doctor *d)
{
	const struct config *c = d->cli->config;

	if (c->mode & 07)
		doctor_finding(d, "config", c->path, "chmod 600 it",
		    "everybody on this machine can read it");
	else
		doctor_fine(d, "config", c->path, "%d chain%s, %d key%s", c->chains_n,
		    c->chains_n == 1 ? "" : "s", c->keys_n, c->keys_n == 1 ? "" : "s");
	if (c->chains_n == 0)
		doctor_finding(d, "config", c->path, "name a chain: pawl help config",
		    "it has no chain");
}

/* Who only follows transactions needs none: by the journal, which is open then. */
static void keys_check(struct doctor *d)
{
	const struct config *c = d->cli->config;
	struct sql_report_only_tracks_out row;
	bool pays = c->chains_n == 0;

	for (int i = 0; i < c->chains_n; i++)
		pays |= chain_connector(&c->chains[i])->pays;
	if (c->keys_n || !pays)
		return;
	if (d->journal && sql_report_only_tracks_one(d->journal, &row) && row.tracked &&
	    !row.operations)
		doctor_fine(d, "config", c->path,
		    "it has no key: transactions are followed, and nobody can be paid");
	else
		doctor_finding(d, "config", c->path,
		    "pawl key new NAME, or pawl key import NAME", "it has no key");
}

/* Each is resolved, so that it is known now whether it will sign later. */
static void key_check(struct doctor *d, const struct key_config *key)
{
	const struct secret *secret;
	struct address address;
	struct fail f = { ERR_OK, "" };
	char text[43], prefix[80];
	size_t len;

	/* which key it is stands in front already */
	len = (size_t)snprintf(prefix, sizeof prefix, "key %s: ", key->name);
	if (keyring_get(d->cli->keyring, key->name, &secret, &address, &f) != ERR_OK) {
		doctor_finding(d, "key", key->name,
		    "set the variable, file or password that it names; until then its "
		    "operations wait",
		    "%s", strncmp(f.why, prefix, len) == 0 ? f.why + len : f.why);
		return;
	}
	eip55_format(text, address.at);
	doctor_fine(d, "key", key->name, "%s", text);
}

/* -- nodes ----------------------------------------------------------------- */

static void node_tell(struct doctor *d, const struct chain_config *c,
    const struct probe *p, const char *subject)
{
	char final[48] = "no finalized tag";
	const char *slow = p->latency_ms > SIGNIFICANT_LATENCY_MS ? " (slow)" : "";
	const char *client = p->client[0] ? p->client : "client not told";

	if (!chain_connector(c)->pays) {
		doctor_fine(d, "node", subject, "%s, head %" PRIu64 ", %" PRId64 " ms%s",
		    client, p->head.height, p->latency_ms, slow);
		return;
	}
	if (p->has_final)
		snprintf(final, sizeof final, "finalized %" PRIu64, p->final.height);
	doctor_fine(d, "node", subject,
	    "%s, head %" PRIu64 ", %s, %" PRId64 " ms%s; %s, %s", client, p->head.height,
	    final, p->latency_ms, slow,
	    p->block_receipts ? "eth_getBlockReceipts"
			      : "no eth_getBlockReceipts: blocks are read whole",
	    p->by_hash ? "state by hash" : "state by number only");
}

/* Ganache takes it as none given, and executes the transaction each time that it comes:
 * what is sent again after a crash would be paid again. Seen with 7.9.2. */
static bool repeats_nonce_0(const struct probe *p)
{
	return p->reachable && strncmp(p->client, "Ganache", 7) == 0;
}

/* Of a chain that has more than its first block. */
static bool head_is_final(const struct probe *p)
{
	return p->has_final && p->head.height > 0 && p->final.height >= p->head.height;
}

/* Nobody answers, or one who wants to know who asks. */
static void unreachable_tell(struct doctor *d, const char *subject,
    const struct node_config *n, const struct probe *p)
{
	char remedy[700] = "start it, or correct its URL in the config";

	if (strstr(p->fail.why, "HTTP 401") && n->cookie)
		snprintf(remedy, sizeof remedy,
		    "let cookie of this endpoint be the file that the node writes at "
		    "each start, as -rpccookiefile of bitcoind has it (.cookie in its "
		    "data folder, in regtest/ and the like of another network), and one "
		    "that this user may read: now it is %.300s",
		    n->cookie);
	else if (strstr(p->fail.why, "HTTP 401") && n->user)
		snprintf(remedy, sizeof remedy,
		    "correct user (%.100s) or password (%.100s) of this endpoint: "
		    "bitcoind has them by -rpcauth or -rpcuser",
		    n->user, n->password ? n->password : "none");
	else if (strstr(p->fail.why, "HTTP 401"))
		snprintf(remedy, sizeof remedy,
		    "say who asks: cookie: FILE, or user: REF and password: REF, beside "
		    "the url of this endpoint; pawl help config");
	doctor_finding(d, "node", subject, remedy, "%s", p->fail.why);
}

/* best: the highest head of all nodes. */
static void node_check(struct doctor *d, const struct chain_config *c,
    const struct node_config *n, const struct probe *p, const struct hash *genesis,
    uint64_t best)
{
	char subject[120], other[CHAIN_OTHER_MAX];

	snprintf(subject, sizeof subject, "%s %s", c->name, p->name);
	if (p->off) {
		doctor_fine(d, "node", subject,
		    "switched off by an operator, and not asked: pawl endpoints");
	} else if (!p->reachable) {
		unreachable_tell(d, subject, n, p);
	} else if (p->identity.chain_id != c->chain_id) {
		chain_other(other, chain_connector(c), p->identity.chain_id, c->chain_id);
		doctor_finding(d, "node", subject,
		    c->network ? "correct network or the URL in the config"
			       : "correct chain_id or the URL in the config",
		    "it serves %s", other);
	} else if (!hash_same(&p->identity.genesis, genesis)) {
		doctor_finding(d, "node", subject, "take it out of the config",
		    "its genesis is not that of the chain: it serves another one");
	} else if (!p->has_head) {
		doctor_finding(
		    d, "node", subject, "look at the node's own log", "it shows no head");
	} else if (p->head.height + LAG_MAX < best) {
		doctor_finding(d, "node", subject,
		    "wait until it is synced, or take it out",
		    "it is %" PRIu64 " blocks behind the others", best - p->head.height);
	} else if (c->finality.tag && !p->has_final) {
		doctor_finding(d, "node", subject,
		    "write finality: {depth: N} for this chain",
		    "it has no finalized block, which the config waits for");
	} else if (c->finality.tag && head_is_final(p)) {
		doctor_finding(d, "node", subject,
		    "write finality: {depth: N} for this chain",
		    "it calls its head finalized, which means nothing: no payment would "
		    "ever be final");
	} else if (!p->state && !chain_connector(c)->pays) {
		doctor_finding(d, "node", subject,
		    "use a node that keeps its newest blocks, and has them all",
		    "it does not tell what is in its newest block");
	} else if (!p->state) {
		doctor_finding(d, "node", subject,
		    "use a node that keeps the state of new blocks",
		    "it does not tell counts and balances at a block");
	} else {
		node_tell(d, c, p, subject);
	}
}

/* The journal's word for the chain goes before that of the first node. */
static struct hash genesis_of(
    struct doctor *d, const struct chain_config *c, const struct probe *probes)
{
	struct sql_report_chains_out row;
	struct hash genesis = { { 0 } };
	bool known = false;

	for (int i = c->endpoints_n - 1; i >= 0; i--)
		if (probes[i].reachable && probes[i].identity.chain_id == c->chain_id)
			genesis = probes[i].identity.genesis;
	if (!d->journal)
		return genesis;
	sql_report_chains_begin(d->journal);
	while (sql_report_chains_next(d->journal, &row)) {
		if ((uint64_t)row.chain_id != c->chain_id || known ||
		    strcmp(row.name, c->name) != 0)
			continue;
		memcpy(genesis.at, row.genesis, sizeof genesis.at);
		known = true;
	}
	return genesis;
}

static bool is_of_chain(
    const struct chain_config *c, const struct probe *p, const struct hash *genesis)
{
	return p->reachable && p->identity.chain_id == c->chain_id &&
	    hash_same(&p->identity.genesis, genesis) && p->has_head;
}

/* Fit to be compared with others: of the right chain, and not far behind. */
static bool is_sound(const struct chain_config *c, const struct probe *p,
    const struct hash *genesis, uint64_t best)
{
	return is_of_chain(c, p, genesis) && p->state && p->head.height + LAG_MAX >= best;
}

static uint32_t keys_of(struct doctor *d, struct address who[PROBE_ACCOUNTS_MAX])
{
	const struct config *c = d->cli->config;
	uint32_t n = 0;

	for (int i = 0; i < c->keys_n && n < PROBE_ACCOUNTS_MAX; i++)
		n += keyring_peek(d->cli->keyring, c->keys[i].name, &who[n], NULL) ==
		    ERR_OK;
	return n;
}

/* How many nodes say the same as this one; 0: it says nothing. */
static int alike(const struct probe_seen *seen, int n, int i)
{
	static const struct probe_seen nothing;
	int same = 0;

	for (int k = 0; k < n; k++)
		same += memcmp(&seen[k], &seen[i], sizeof *seen) == 0;
	return memcmp(&seen[i], &nothing, sizeof nothing) ? same : 0;
}

/* What the nodes say of our accounts at a block that all of them have: one who says
 * otherwise than most is left out by a run, too. */
static enum err words_check(struct doctor *d, const struct chain_config *c,
    const struct probe *probes, const struct hash *genesis, uint64_t best, struct fail *f)
{
	struct probe_seen seen[POOL_NODES_MAX] = { 0 };
	struct address who[PROBE_ACCOUNTS_MAX];
	uint32_t keys = chain_connector(c)->pays ? keys_of(d, who) : 0;
	uint64_t height = best > LAG_MAX ? best - LAG_MAX : 0;
	char subject[120];
	enum err e = ERR_OK;
	int most = 0;

	for (int i = 0; i < c->endpoints_n && e == ERR_OK; i++)
		if (is_sound(c, &probes[i], genesis, best))
			e = probe_look(
			    d->world, c, i, &probes[i], height, who, keys, &seen[i], f);
	for (int i = 0; i < c->endpoints_n; i++)
		if (alike(seen, c->endpoints_n, i) > most)
			most = alike(seen, c->endpoints_n, i);
	for (int i = 0; i < c->endpoints_n && most > 1 && e == ERR_OK; i++) {
		int same = alike(seen, c->endpoints_n, i);

		if (!is_sound(c, &probes[i], genesis, best) || same == most)
			continue;
		snprintf(subject, sizeof subject, "%s %s", c->name, probes[i].name);
		doctor_finding(d, "node", subject, "take it out of the config",
		    "%s block %" PRIu64 ", or of our accounts there: %d others agree",
		    same ? "it says something else of" : "it says nothing of", height,
		    most);
	}
	return e;
}

static enum err probes_check(
    struct doctor *d, const struct chain_config *c, struct probe *probes, struct fail *f)
{
	struct hash genesis;
	uint64_t best = 0;

	d->repeats = false;
	if (d->journal)
		endpoints_mark(d->journal, c);
	for (int i = 0; i < c->endpoints_n; i++) {
		enum err e = probe_node(d->world, c, i, &probes[i], f);

		if (e != ERR_OK)
			return e;
		d->repeats |= repeats_nonce_0(&probes[i]);
	}
	genesis = genesis_of(d, c, probes);
	for (int i = 0; i < c->endpoints_n; i++)
		if (is_of_chain(c, &probes[i], &genesis) && probes[i].head.height > best)
			best = probes[i].head.height;
	for (int i = 0; i < c->endpoints_n; i++)
		node_check(d, c, &c->endpoints[i], &probes[i], &genesis, best);
	return words_check(d, c, probes, &genesis, best, f);
}

static enum err nodes_check(
    struct doctor *d, const struct chain_config *c, struct fail *f)
{
	struct probe *probes = mem_array(POOL_NODES_MAX, sizeof *probes);
	enum err e = probes_check(d, c, probes, f);

	mem_free(probes);
	return e;
}

/* -- chains ---------------------------------------------------------------- */

static void rules_check(struct doctor *d, const struct chain_config *c)
{
	enum rules kind = RULES_UNKNOWN;
	const char *name = "";

	if (!chain_connector(c)->pays) {
		doctor_fine(
		    d, "chain", c->name, "%s: it is read, and not paid on", c->network);
		return;
	}

	for (size_t i = 0; i < sizeof chain_rules / sizeof *chain_rules; i++)
		if (chain_rules[i].chain_id == c->chain_id) {
			kind = chain_rules[i].kind;
			name = chain_rules[i].name;
		}
	switch (kind) {
	case RULES_TESTED:
		doctor_fine(d, "chain", c->name, "%s: what pawl is tested on", name);
		break;
	case RULES_MAINNET:
		doctor_fine(d, "chain", c->name, "%s: gas as where pawl is tested", name);
		break;
	case RULES_L1_DATA:
		doctor_finding(d, "chain", c->name,
		    "keep more coin than plan says, and start with a small list",
		    "%s: a fee for data comes on top of gas; --max-total-fee does not "
		    "count it",
		    name);
		break;
	case RULES_OTHER_GAS:
		doctor_finding(d, "chain", c->name,
		    "do not pay native coin there; try a token list of "
		    "one row first",
		    "%s: gas works otherwise, and a transfer takes more than 21,000",
		    name);
		break;
	case RULES_UNKNOWN:
		doctor_fine(d, "chain", c->name,
		    "chain id %" PRIu64 " is not known here: try a list of one row first",
		    c->chain_id);
		break;
	}
}

static void account_check(struct doctor *d, struct ask *a, const struct chain_config *c,
    const struct key_config *key)
{
	struct account_seen seen;
	struct address address;
	struct fail f = { ERR_OK, "" };
	char subject[100], balance[AMOUNT_TEXT_MAX];
	bool code = false;

	if (keyring_peek(d->cli->keyring, key->name, &address, NULL) != ERR_OK)
		return;
	snprintf(subject, sizeof subject, "%s on %s", key->name, c->name);
	if (ask_account_agreed(a, &address, &seen, &f) != ERR_OK ||
	    ask_code(a, &address, &code, &f) != ERR_OK) {
		doctor_finding(
		    d, "account", subject, "see the nodes of this chain", "%s", f.why);
		return;
	}
	amount_format(balance, &seen.balance, chain_connector(c)->decimals);
	if (code)
		doctor_finding(d, "account", subject, "use another key",
		    "its account has code (EIP-7702): others can use its nonces, so pawl "
		    "refuses it");
	else if (d->repeats && seen.count == 0)
		doctor_finding(d, "account", subject,
		    "send one transaction from it by other means first",
		    "Ganache executes a transaction with nonce 0 each time that it gets "
		    "it, and after a crash pawl sends again");
	else
		doctor_fine(d, "account", subject,
		    "holds %s of the native coin, count %" PRIu64, balance, seen.count);
}

/* Until somebody has looked nothing goes on there, however well its nodes are. */
static void stop_check(struct doctor *d, const struct chain_config *c)
{
	bool pays = chain_connector(c)->pays;
	struct sql_report_chains_out row;
	char remedy[200];

	if (!d->journal || MUTANT(doctor_passes_a_stop))
		return;
	snprintf(remedy, sizeof remedy,
	    "see which branch its nodes are on, and why; then pawl resume chain:%s",
	    c->name);
	sql_report_chains_begin(d->journal);
	while (sql_report_chains_next(d->journal, &row))
		if (!row.no_stopped && (uint64_t)row.chain_id == c->chain_id &&
		    strcmp(row.name, c->name) == 0)
			doctor_finding(d, "chain", c->name, remedy,
			    "it is stopped at block %" PRId64
			    ": %.300s; until a resume %s",
			    row.no_final_height ? 0 : row.final_height, row.stopped,
			    pays ? "it takes no new intents"
				 : "nothing that its blocks say is taken in");
	sql_report_chains_end(d->journal);
}

enum err doctor_chain(struct doctor *d, const char *name, struct fail *f)
{
	const struct chain_config *c = NULL;
	struct identity identity;
	struct fail why = { ERR_OK, "" };
	struct ask *a;
	enum err e;

	if (config_chain(d->cli->config, name, &c, &why) != ERR_OK) {
		doctor_finding(d, "chain", name, "correct its endpoints in the config",
		    "%s", why.why);
		return ERR_OK;
	}
	stop_check(d, c);
	e = nodes_check(d, c, f);
	if (e != ERR_OK)
		return e;
	a = ask_new(d->world, c, PROBE_PATIENCE_MS, true);
	if (ask_identity(a, &identity, &why) != ERR_OK) {
		doctor_finding(d, "chain", name,
		    "start or correct its nodes; too few answer", "no quorum of %d: %s",
		    c->quorum, why.why);
	} else {
		rules_check(d, c);
		doctor_fine(d, "chain", name, "a quorum of %d answers", c->quorum);
		for (int i = 0; i < d->cli->config->keys_n && chain_connector(c)->pays;
		     i++)
			account_check(d, a, c, &d->cli->config->keys[i]);
	}
	ask_free(a);
	return world_signalled(d->world) ? fail_set(f, ERR_STOPPED, "stopped") : ERR_OK;
}

/* -- the command ----------------------------------------------------------- */

static enum err end(struct doctor *d, struct fail *f)
{
	d->cli->told = true;
	if (d->cli->args.json)
		cli_json(json_pack(
		    "{s:b, s:i}", "ok", d->findings == 0, "findings", d->findings));
	if (d->findings == 0) {
		cli_say(d->cli, "Nothing to do.");
		return ERR_OK;
	}
	return fail_set(
	    f, ERR_CONFIG, "%d finding%s", d->findings, d->findings == 1 ? "" : "s");
}

static enum err doctor(struct doctor *d, struct fail *f)
{
	struct cli *c = d->cli;
	enum err e;

	if (args_has(&c->args, "--journal"))
		return doctor_journal_alone(d, f);
	e = cli_keyring(c, f);
	if (e != ERR_OK)
		return e;
	config_check(d);
	for (int i = 0; i < c->config->keys_n; i++)
		key_check(d, &c->config->keys[i]);
	doctor_journal(d);
	keys_check(d);
	e = world_open(&d->world, f);
	for (int i = 0; i < c->config->chains_n && e == ERR_OK; i++)
		e = doctor_chain(d, c->config->chains[i].name, f);
	return e == ERR_OK ? end(d, f) : e;
}

enum err cmd_doctor(struct cli *c, struct fail *f)
{
	struct doctor d = { .cli = c };
	enum err e = doctor(&d, f);

	world_free(d.world);
	if (d.journal)
		journal_close(d.journal);
	return e;
}
