/* doctor: the config, the keys, the journal and the nodes, and what to do about them.
 *
 * Each thing that was looked at is a line; a finding says what is wrong and what to do.
 * It goes on after each: a node that is down hides nothing of the others.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mutant.h"
#include "cli/ask/probe.h"
#include "cli/config/keys.h"
#include "cli/doctor/doctor.h"
#include "cli/report/report.h"
#include "codec/eip55.h"
#include "journal/sql.gen.h"

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
	struct chain_known known;
	char remedy[200];

	if (!doctor_chain_known(d, c, &known) || !known.stopped[0] ||
	    MUTANT(doctor_passes_a_stop))
		return;
	snprintf(remedy, sizeof remedy,
	    "see which branch its nodes are on, and why; then pawl resume chain:%s",
	    c->name);
	doctor_finding(d, "chain", c->name, remedy,
	    "it is stopped at block %" PRIu64 ": %s%s%s%s; until a resume %s",
	    known.final, known.stopped, known.nodes[0] ? " (" : "", known.nodes,
	    known.nodes[0] ? ")" : "",
	    pays ? "it takes no new intents" : "nothing that its blocks say is taken in");
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
	e = doctor_nodes(d, c, f);
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
