/* nodes.c - the nodes of a chain: each by itself, against the journal, against the
 * others.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "cli/ask/probe.h"
#include "cli/config/keys.h"
#include "cli/doctor/doctor.h"
#include "engine/endpoint.h"
#include "journal/sql.gen.h"

/* Blocks behind the best node from which on a node is said to lag. */
#define LAG_MAX 5
#define SIGNIFICANT_LATENCY_MS 2000

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

/* What the nodes of a chain are held against. */
struct held {
	struct hash genesis; /* the journal's, or that of the first node */
	uint64_t final;      /* a block that is final in the journal; 0: none is */
	uint64_t best;       /* the highest head of all of them */
};

static void node_check(struct doctor *d, const struct chain_config *c,
    const struct node_config *n, const struct probe *p, const struct held *held)
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
	} else if (!hash_same(&p->identity.genesis, &held->genesis)) {
		doctor_finding(d, "node", subject, "take it out of the config",
		    "its genesis is not that of the chain: it serves another one");
	} else if (!p->has_head) {
		doctor_finding(
		    d, "node", subject, "look at the node's own log", "it shows no head");
	} else if (p->head.height + LAG_MAX < held->best) {
		doctor_finding(d, "node", subject,
		    "wait until it is synced, or take it out",
		    "it is %" PRIu64 " blocks behind the others",
		    held->best - p->head.height);
	} else if (p->head.height < held->final && !MUTANT(doctor_forgets_final)) {
		doctor_finding(d, "node", subject,
		    "wait until it is synced, or take it out; until then it counts for "
		    "nothing",
		    "its head is block %" PRIu64 ", and block %" PRIu64
		    " is final in the journal: it lost blocks, or has not all of "
		    "them yet",
		    p->head.height, held->final);
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

bool doctor_chain_known(
    struct doctor *d, const struct chain_config *c, struct chain_known *ret)
{
	struct sql_report_chains_out row;
	struct sql_chain_get_in in;
	struct sql_chain_get_out chain;
	bool found = false;

	*ret = (struct chain_known){ .final = 0 };
	if (!d->journal)
		return false;
	sql_report_chains_begin(d->journal);
	while (!found && sql_report_chains_next(d->journal, &row))
		found = (uint64_t)row.chain_id == c->chain_id &&
		    strcmp(row.name, c->name) == 0;
	if (!found)
		return false;
	memcpy(ret->genesis.at, row.genesis, sizeof ret->genesis.at);
	if (!row.no_final_height)
		ret->final = (uint64_t)row.final_height;
	if (!row.no_stopped)
		snprintf(ret->stopped, sizeof ret->stopped, "%s", row.stopped);
	in.id = row.id;
	sql_report_chains_end(d->journal);
	if (sql_chain_get_one(d->journal, &in, &chain) && !chain.no_nodes)
		snprintf(ret->nodes, sizeof ret->nodes, "%s", chain.nodes);
	return true;
}

/* The journal's word for the chain goes before that of the first node. */
static struct held held_of(
    struct doctor *d, const struct chain_config *c, const struct probe *probes)
{
	struct held held = { .final = 0 };
	struct chain_known known;

	for (int i = c->endpoints_n - 1; i >= 0; i--)
		if (probes[i].reachable && probes[i].identity.chain_id == c->chain_id)
			held.genesis = probes[i].identity.genesis;
	if (doctor_chain_known(d, c, &known)) {
		held.genesis = known.genesis;
		held.final = known.final;
	}
	return held;
}

static bool is_of_chain(
    const struct chain_config *c, const struct probe *p, const struct held *held)
{
	return p->reachable && p->identity.chain_id == c->chain_id &&
	    hash_same(&p->identity.genesis, &held->genesis) && p->has_head;
}

/* Fit to be compared with others: of the right chain, and not far behind. */
static bool is_sound(
    const struct chain_config *c, const struct probe *p, const struct held *held)
{
	return is_of_chain(c, p, held) && p->state &&
	    p->head.height + LAG_MAX >= held->best;
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
    const struct probe *probes, const struct held *held, struct fail *f)
{
	struct probe_seen seen[POOL_NODES_MAX] = { 0 };
	struct address who[PROBE_ACCOUNTS_MAX];
	uint32_t keys = chain_connector(c)->pays ? keys_of(d, who) : 0;
	uint64_t height = held->best > LAG_MAX ? held->best - LAG_MAX : 0;
	char subject[120];
	enum err e = ERR_OK;
	int most = 0;

	for (int i = 0; i < c->endpoints_n && e == ERR_OK; i++)
		if (is_sound(c, &probes[i], held))
			e = probe_look(
			    d->world, c, i, &probes[i], height, who, keys, &seen[i], f);
	for (int i = 0; i < c->endpoints_n; i++)
		if (alike(seen, c->endpoints_n, i) > most)
			most = alike(seen, c->endpoints_n, i);
	for (int i = 0; i < c->endpoints_n && most > 1 && e == ERR_OK; i++) {
		int same = alike(seen, c->endpoints_n, i);

		if (!is_sound(c, &probes[i], held) || same == most)
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
	struct held held;

	d->repeats = false;
	if (d->journal)
		endpoints_mark(d->journal, c);
	(void)fflush(stdout); /* what is known already waits for no node */
	for (int i = 0; i < c->endpoints_n; i++) {
		enum err e = probe_node(d->world, c, i, cli_waits, d->cli, &probes[i], f);

		if (e != ERR_OK)
			return e;
		d->repeats |= repeats_nonce_0(&probes[i]);
	}
	held = held_of(d, c, probes);
	for (int i = 0; i < c->endpoints_n; i++)
		if (is_of_chain(c, &probes[i], &held) &&
		    probes[i].head.height > held.best)
			held.best = probes[i].head.height;
	for (int i = 0; i < c->endpoints_n; i++)
		node_check(d, c, &c->endpoints[i], &probes[i], &held);
	return words_check(d, c, probes, &held, f);
}

enum err doctor_nodes(struct doctor *d, const struct chain_config *c, struct fail *f)
{
	struct probe *probes = mem_array(POOL_NODES_MAX, sizeof *probes);
	enum err e = probes_check(d, c, probes, f);

	mem_free(probes);
	return e;
}
