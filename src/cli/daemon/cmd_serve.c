#include <string.h>

#include "base/log.h"
#include "cli/behalf.h"
#include "cli/daemon/backups.h"
#include "cli/daemon/reload.h"
#include "cli/daemon/service.h"
#include "cli/owner/loop.h"
#include "kinds/node/watch/holder.h"

/* References to secrets in endpoints are resolved now: a daemon that could follow one
 * chain less than its config says does not start. */
static enum err chains_check(struct cli *c, struct fail *f)
{
	const struct chain_config *chain;
	enum err e = cli_config(c, f);

	if (e == ERR_OK && c->config->chains_n == 0)
		e = fail_set(
		    f, ERR_CONFIG, "%s: it names no chain to serve", c->config->path);
	for (int i = 0; e == ERR_OK && i < c->config->chains_n; i++)
		e = config_chain(c->config, c->config->chains[i].name, &chain, f);
	return e;
}

/* -- the HTTP API ---------------------------------------------------------- */

#define LISTEN_DEFAULT "127.0.0.1:8080"

static enum err gate_open(struct loop *l, const struct serve_config *c, struct fail *f)
{
	enum err e = gate_make(&l->gate, l, c, f);

	if (e != ERR_OK)
		return e;
	log_info("serve", "HTTP on %s", l->listener.at);
	if (!l->listener.loopback)
		log_warn("serve",
		    "serve.listen: other machines reach %s, and what is said there is "
		    "not encrypted: put a proxy that speaks TLS before it",
		    l->listener.at);
	return ERR_OK;
}

/* Where nobody wrote an address, one that is taken is no reason to pay nobody. */
static enum err listen_on(struct loop *l, struct fail *f)
{
	const struct serve_config *c = &l->cli->config->serve;
	const char *at = c->listen ? c->listen : LISTEN_DEFAULT;
	enum err e;

	if (!strcmp(at, CONFIG_LISTEN_NONE))
		return ERR_OK;
	e = listener_open(&l->listener, at, f);
	if (e == ERR_OK)
		return gate_open(l, c, f);
	(void)fail_wrap(f, e, "serve.listen");
	if (c->listen)
		return e;
	log_warn("serve", "%s; until then nobody asks over HTTP", f->why);
	return ERR_OK;
}

/* A node whose data folder another has would go on by halves: it does not start. */
static enum err folder_take(struct loop *l, struct fail *f)
{
	const struct node_keys *node = &l->cli->config->node;

	return node->chain ? l2_folder_take(node->data_dir, &l->node_folder, f) : ERR_OK;
}

enum err cmd_serve(struct cli *c, struct fail *f)
{
	struct loop l = { .cli = c };
	struct backups *backups;
	enum err e = chains_check(c, f);

	if (e == ERR_OK && c->config->node.chain)
		e = behalf_in(c, c->config->node.data_dir, f);
	if (e != ERR_OK)
		return e;
	backups = backups_new(&c->config->node);
	e = loop_open(&l, c, f);
	if (e == ERR_OK) {
		backups_of(backups, c->config->journal);
		e = folder_take(&l, f);
	}
	if (e == ERR_OK)
		e = listen_on(&l, f);
	if (e == ERR_OK) {
		loop_listen(&l);
		log_info("serve", "journal %s, %d chain%s", c->config->journal,
		    c->config->chains_n, c->config->chains_n == 1 ? "" : "s");
		loop_start(&l, c->config->chains, c->config->chains_n, 0);
		e = service_run(&l, backups, f);
		log_info("serve", "stopped; it is safe");
	}
	loop_close(&l);
	backups_free(backups);
	return e;
}
