#include <inttypes.h>

#include "base/log.h"
#include "cli/loop.h"

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

enum err cmd_serve(struct cli *c, struct fail *f)
{
	struct loop l = { .cli = c };
	enum err e = chains_check(c, f);

	if (e != ERR_OK)
		return e;
	e = loop_open(&l, c, f);
	if (e == ERR_OK) {
		loop_listen(&l);
		log_info("serve", "journal %s, %d chain%s", c->config->journal,
		    c->config->chains_n, c->config->chains_n == 1 ? "" : "s");
		loop_start(&l, c->config->chains, c->config->chains_n, 0);
		e = loop_serve(&l, f);
		log_info("serve", "stopped; it is safe");
	}
	loop_close(&l);
	return e;
}
