#include "cli/daemon/reload.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mutant.h"
#include "cli/config/ref.h"
#include "cli/daemon/backups.h"
#include "cli/owner/bot_face.h"
#include "engine/archiver.h"
#include "kinds/node/node.h"
#include "tell/tell.h"

#define TOKEN_SHORT 16 /* bytes; what is shorter may be guessed */

/* What is taken up: keys, or where it ends with a '.', all below. */
static const char *const taken_up[] = { "log.", "serve.tokens.", "serve.metrics_open",
	"tell.", "fees.", "retention.", "track.", "node.max_divergence",
	"node.backup.every", "node.backup.keep", "node.backup.copy_to",
	"node.backup.command" };

/* -- who may ask ----------------------------------------------------------- */

static enum err token_read(
    struct gate *g, const struct token_config *token, struct fail *f)
{
	struct secret *secret;
	enum err e = ref_read(&secret, &token->token, f);

	if (e != ERR_OK)
		return fail_wrap(f, e, "serve.tokens.%s", token->name);
	if (secret_len(secret) < TOKEN_SHORT)
		log_warn("serve",
		    "serve.tokens.%s is short enough to be guessed; a good one: openssl "
		    "rand -hex 32",
		    token->name);
	gate_token(g, token->name, secret);
	secret_free(secret);
	return ERR_OK;
}

enum err gate_make(
    struct gate **ret, const struct loop *l, const struct serve_config *c, struct fail *f)
{
	struct gate *g = gate_new(&l->listener);
	enum err e = ERR_OK;

	*ret = NULL;
	for (int i = 0; i < c->tokens_n && e == ERR_OK; i++)
		e = token_read(g, &c->tokens[i], f);
	if (c->metrics_open)
		gate_open_metrics(g);
	if (e == ERR_OK)
		*ret = g;
	else
		gate_free(g);
	return e;
}

/* -- what is new ----------------------------------------------------------- */

struct changed {
	const struct config *before, *now;
	int taken_up, left;
};

static struct chain_config *chain_of(const struct config *c, const char *name, size_t len)
{
	for (int i = 0; i < c->chains_n; i++)
		if (strlen(c->chains[i].name) == len &&
		    memcmp(c->chains[i].name, name, len) == 0)
			return &c->chains[i];
	return NULL;
}

/* Their endpoints are the same, in the same order. */
static bool same_nodes(const struct chain_config *a, const struct chain_config *b)
{
	bool same = a && b && a->endpoints_n == b->endpoints_n;

	for (int i = 0; same && i < a->endpoints_n; i++)
		same = strcmp(a->endpoints[i].url, b->endpoints[i].url) == 0;
	return same;
}

/* "chains.NAME.endpoints.N.rate": a node's pace. */
static bool is_rate(const struct changed *t, const char *path)
{
	static const char chains[] = "chains.";
	const char *name = path + sizeof chains - 1, *key = strrchr(path, '.');
	size_t len;

	if (strncmp(path, chains, sizeof chains - 1) != 0 ||
	    (strcmp(key, ".rate") != 0 && strcmp(key, ".burst") != 0))
		return false;
	len = strcspn(name, ".");
	return same_nodes(chain_of(t->before, name, len), chain_of(t->now, name, len));
}

static bool is_taken_up(const char *path)
{
	for (size_t i = 0; i < sizeof taken_up / sizeof *taken_up; i++) {
		size_t len = strlen(taken_up[i]);

		if (taken_up[i][len - 1] == '.' ? strncmp(path, taken_up[i], len) == 0
						: strcmp(path, taken_up[i]) == 0)
			return true;
	}
	return false;
}

static void change_told(void *ctx, const char *path)
{
	struct changed *t = ctx;

	if (is_taken_up(path) || is_rate(t, path)) {
		t->taken_up++;
		log_info("reload", "%s: taken up", path);
		return;
	}
	t->left++;
	log_warn("reload",
	    "%s: it changed, and stays what it was until a restart, which is safe", path);
}

static enum err nodes_named(struct config *c, struct fail *f)
{
	const struct chain_config *chain;
	enum err e = ERR_OK;

	for (int i = 0; i < c->chains_n && e == ERR_OK; i++)
		e = config_chain(c, c->chains[i].name, &chain, f);
	return e;
}

/* All that may fail, before anything is changed; *ret_gate is NULL where nobody asks over
 * TCP. */
static enum err prepare(struct loop *l, struct config *next, struct gate **ret_gate,
    struct channels *ret_channels, struct fail *f)
{
	enum err e = ERR_OK;

	*ret_gate = NULL;
	e = nodes_named(next, f);
	if (e == ERR_OK && l->gate && !MUTANT(reload_forgets_tokens))
		e = gate_make(ret_gate, l, &next->serve, f);
	if (e == ERR_OK) {
		channels_load(ret_channels, next);
		e = channels_sound(ret_channels, f);
	}
	if (e == ERR_OK)
		e = cli_log(l->cli, &next->log, f);
	return e;
}

static void rates_take_up(struct runner *r, const struct config *next)
{
	for (int i = 0; i < r->s.chains_n; i++) {
		const struct chain_config *c = r->chains[i].config;
		const struct chain_config *other =
		    chain_of(next, c->name, strlen(c->name));

		if (!same_nodes(c, other))
			continue;
		for (int k = 0; k < c->endpoints_n; k++) {
			c->endpoints[k].rate = other->endpoints[k].rate;
			c->endpoints[k].burst = other->endpoints[k].burst;
		}
		pool_rates(r->chains[i].pool, c->endpoints);
	}
}

/* What it follows, and where its files are, stays. */
static void node_take_up(
    struct loop *l, const struct node_keys *next, struct backups *backups)
{
	struct node_keys *keys = &l->cli->config->node;

	keys->max_divergence = next->max_divergence;
	keys->backup.every = next->backup.every;
	keys->backup.keep = next->backup.keep;
	keys->backup.copy_to = next->backup.copy_to;
	keys->backup.command = next->backup.command;
	if (backups)
		backups_configure(backups, keys);
	if (l->node)
		l2_node_configure(l->node, keys->backup.every, keys->max_divergence);
}

/* What the runner follows stays where it is; the rest of the old one is let go when
 * another one comes. */
static void take_up(struct loop *l, struct config *next, struct gate *gate,
    struct channels *channels, struct backups *backups)
{
	struct config *c = l->cli->config;

	if (gate)
		gate_renew(l->gate, gate);
	c->log = next->log;
	c->serve.tokens = next->serve.tokens;
	c->serve.tokens_n = next->serve.tokens_n;
	c->serve.metrics_open = next->serve.metrics_open;
	c->tell = next->tell;
	c->fees = next->fees;
	l->setup.quotes.buffer_percent = c->fees.buffer_percent;
	l->runner->s.quotes.buffer_percent = c->fees.buffer_percent;
	rates_take_up(l->runner, next);
	channels_renew(&l->channels, channels);
	tell_channels(l->tell, &l->channels.config);
	c->retention = next->retention;
	loop_retention(l, &c->retention);
	if (l->runner->archiver && !MUTANT(reload_forgets_retention))
		archiver_look_again(l->runner->archiver);
	c->track = next->track;
	if (!MUTANT(reload_forgets_track))
		loop_tracking(l, &c->track);
	if (!MUTANT(reload_forgets_backups))
		node_take_up(l, &next->node, backups);
	bot_face_lend(l);
	loop_stuck_after(l, c->tell.stuck_after);
	if (l->reloaded)
		config_free(l->reloaded);
	l->reloaded = next;
}

/* A fail has a problem a line. */
static void refused(char *why)
{
	for (char *rest = why, *line; (line = strsep(&rest, "\n"));)
		if (*line)
			log_error("reload", "%s", line);
	log_error("reload",
	    "refused; what was read before stays, and nothing of this is taken up");
}

void reload(struct loop *l, struct backups *backups)
{
	struct changed t = { NULL, NULL, 0, 0 };
	struct config *next = NULL;
	struct gate *gate = NULL;
	struct channels channels = { .read = false };
	struct fail f = { ERR_OK, "" };
	enum err e;

	notify_reloading(&l->notify);
	e = config_load(&next, l->cli->config->path, &f);
	if (e == ERR_OK)
		e = prepare(l, next, &gate, &channels, &f);
	if (e == ERR_OK) {
		for (int i = 0; i < next->warnings_n; i++)
			log_warn("reload", "%s", next->warnings[i]);
		t.before = l->cli->config;
		t.now = next;
		config_changes(l->cli->config, next, change_told, &t);
		take_up(l, next, gate, &channels, backups);
		log_info("reload",
		    "%s was read again, and so were its secrets: %d key%s taken up, %d "
		    "left for a restart",
		    l->cli->config->path, t.taken_up, t.taken_up == 1 ? " was" : "s were",
		    t.left);
	} else {
		refused(f.why);
		gate_free(gate);
		channels_release(&channels);
		config_free(next);
	}
	notify_ready(&l->notify);
}
