#include "serve/door/gate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "serve/vital/vital.h"
#include "serve/watch/wire.h"

#define DIGEST_BYTES 32
#define NAMES_MAX 4
#define SCHEME "http://"

struct gate {
	struct token {
		char *name;
		struct secret *digest;
	} * tokens;
	size_t tokens_n;
	char names[NAMES_MAX][LISTENER_AT_MAX + 16]; /* what may stand behind http:// */
	int names_n;
	bool loopback, metrics_open;
};

struct gate *gate_new(const struct listener *l)
{
	static const char *const here[] = { "127.0.0.1", "[::1]", "localhost" };
	struct gate *g = mem_new(sizeof *g);

	g->loopback = l->loopback;
	snprintf(g->names[g->names_n++], sizeof g->names[0], "%s", l->at);
	for (size_t i = 0; l->loopback && i < sizeof here / sizeof *here; i++)
		snprintf(g->names[g->names_n++], sizeof g->names[0], "%s:%u", here[i],
		    l->port);
	return g;
}

void gate_open_metrics(struct gate *g)
{
	g->metrics_open = true;
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->tokens_n; i++) {
		secret_free(g->tokens[i].digest);
		mem_free(g->tokens[i].name);
	}
	mem_free(g->tokens);
	mem_free(g);
}

void gate_renew(struct gate *g, struct gate *other)
{
	struct gate before = *g;

	g->tokens = other->tokens;
	g->tokens_n = other->tokens_n;
	g->metrics_open = other->metrics_open;
	other->tokens = before.tokens;
	other->tokens_n = before.tokens_n;
	gate_free(other);
}

void gate_token(struct gate *g, const char *name, const struct secret *token)
{
	uint8_t digest[DIGEST_BYTES];

	sha256(digest, secret_bytes(token), secret_len(token));
	g->tokens = mem_grow(g->tokens, g->tokens_n + 1, sizeof *g->tokens);
	g->tokens[g->tokens_n].name = mem_str(name);
	g->tokens[g->tokens_n++].digest = secret_new(digest, sizeof digest);
}

/* All are looked at, whichever it is. Its name; NULL: it is none. */
static const char *token_known(const struct gate *g, const char *authorization)
{
	static const char scheme[] = "Bearer ";
	uint8_t digest[DIGEST_BYTES];
	const char *known = NULL;

	if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
		return NULL;
	authorization += sizeof scheme - 1;
	authorization += strspn(authorization, " ");
	sha256(digest, authorization, strlen(authorization));
	for (size_t i = 0; i < g->tokens_n; i++)
		if (secret_is(g->tokens[i].digest, digest, sizeof digest) ||
		    MUTANT(any_token))
			known = g->tokens[i].name;
	secret_wipe(digest, sizeof digest);
	return known;
}

static bool origin_own(const struct gate *g, const char *origin)
{
	if (strncasecmp(origin, SCHEME, sizeof SCHEME - 1) != 0)
		return false;
	for (int i = 0; i < g->names_n; i++)
		if (strcasecmp(origin + sizeof SCHEME - 1, g->names[i]) == 0)
			return true;
	return false;
}

/* A page that was led here by a name of its own (DNS rebinding) says that name. What
 * other machines reach may have any. */
static bool host_own(const struct gate *g, const char *host)
{
	if (!g->loopback || MUTANT(any_host))
		return true;
	for (int i = 0; host && i < g->names_n; i++)
		if (strcasecmp(host, g->names[i]) == 0)
			return true;
	return false;
}

static int refuse(struct buf *why, int status, enum err e, const char *text)
{
	wire_fail_encode(why, e, text);
	return status;
}

int gate_admit(
    void *gate, const struct server_head *head, const char **ret_who, struct buf *why)
{
	const struct gate *g = gate;
	enum vital v = vital_find(head->method, head->path);

	if (head->origin && !origin_own(g, head->origin) && !MUTANT(any_origin))
		return refuse(
		    why, 403, ERR_USAGE, "no page of another origin may ask here");
	*ret_who = token_known(g, head->authorization);
	if (*ret_who)
		return 0;
	if (vital_is_open(v) || (v == VITAL_METRICS && g->metrics_open))
		return host_own(g, head->host)
		    ? 0
		    : refuse(why, 403, ERR_USAGE,
			  "under another name than localhost this needs a token");
	if (!g->tokens_n)
		return refuse(why, 401, ERR_CONFIG,
		    "no token is configured, so nobody may ask here: write "
		    "`serve: {tokens: {NAME: env:VAR}}` into pawl.yaml");
	return refuse(why, 401, ERR_USAGE,
	    "this needs `Authorization: Bearer TOKEN` with a token of serve.tokens");
}
