/* fees: what a transaction costs now, by a quorum of the nodes, and what it did cost in
 * the last day: by the hours that `serve` kept, and by one node where it did not. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/ask/ask.h"
#include "cli/ask/look.h"
#include "cli/cli.h"
#include "cli/term/chart.h"
#include "engine/endpoint.h"
#include "serve/fees.h"

#define FEES_PATIENCE_MS 5000
#define HOUR_S 3600
#define PACE_BLOCKS 1000    /* over which the time between blocks is measured */
#define HOUR_BLOCKS_MAX 300 /* of which an hour's fees are: all of Ethereum's */
#define COLUMN "%-8s %12s %12s %14s %14s %14s\n"

/* One chain, as it is told. */
struct told {
	const struct chain_config *chain;
	const struct connector *connector;
	struct quote quote;
	struct fee_hour hours[QUOTE_HOURS];
	int64_t wall_ms;
};

/* -- questions ------------------------------------------------------------- */

static void quote_write(const struct ask_question *q, struct buf *body)
{
	q->connector->quote(body, q->ctx);
}

static enum err quote_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	return q->connector->quote_read(fact, q->ctx, answer, len, f);
}

struct time_ctx {
	uint64_t height;
};

struct time_fact {
	uint64_t time_s;
	bool known;
};

static void time_write(const struct ask_question *q, struct buf *body)
{
	const struct time_ctx *c = q->ctx;

	q->connector->times(body, &c->height, 1);
}

static enum err time_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	struct time_fact *t = fact;

	return q->connector->times_read(&t->time_s, &t->known, 1, answer, len, f);
}

struct spans_ctx {
	uint64_t newest[QUOTE_HOURS];
	int of[QUOTE_HOURS]; /* which hour it is of */
	uint32_t n, blocks;
};

static void spans_write(const struct ask_question *q, struct buf *body)
{
	const struct spans_ctx *c = q->ctx;

	q->connector->spans(body, c->newest, c->n, c->blocks);
}

static enum err spans_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	const struct spans_ctx *c = q->ctx;

	return q->connector->spans_read(fact, c->n, answer, len, f);
}

/* -- now ------------------------------------------------------------------- */

/* One word a provider: the first that it gave. */
static int words(const struct ask *a, const struct chain_config *c,
    struct fee_said said[POOL_NODES_MAX])
{
	uint64_t providers = 0;
	int n = 0;

	for (int i = 0; i < c->endpoints_n; i++) {
		uint64_t provider = 1ull << ask_provider(a, i);
		struct ask_said word;

		ask_said(a, i, &word);
		if (!word.fact || (providers & provider))
			continue;
		providers |= provider;
		said[n++] = *(const struct fee_said *)word.fact;
	}
	return n;
}

static enum err quote_ask(
    struct told *t, struct ask *a, unsigned buffer_percent, struct fail *f)
{
	struct fee_said said[POOL_NODES_MAX];
	struct identity identity;
	struct head head;
	struct ask_question q = { .ctx = &head,
		.write = quote_write,
		.read = quote_read,
		.size = sizeof *said };
	enum err e = ask_identity(a, &identity, f);

	if (e == ERR_OK)
		e = ask_quorum(a, &look_head_question, &head, f);
	if (e == ERR_OK)
		e = ask_enough(a, &q, f);
	if (e != ERR_OK)
		return e;
	if (!quote_make(&t->quote, said, words(a, t->chain, said), t->chain->quorum,
		buffer_percent))
		return fail_set(f, ERR_NO_QUORUM,
		    "chain %s: no quorum of its nodes is up to date", t->chain->name);
	return ERR_OK;
}

/* -- the last day ---------------------------------------------------------- */

/* Blocks in an hour, by the time that the last ones took; 0: can't be said. */
static uint64_t pace(const struct told *t, struct ask *a)
{
	const struct quote *q = &t->quote;
	struct time_ctx ctx = { q->height > PACE_BLOCKS ? q->height - PACE_BLOCKS : 1 };
	struct ask_question question = { .ctx = &ctx,
		.write = time_write,
		.read = time_read,
		.size = sizeof(struct time_fact) };
	struct time_fact then;
	struct fail f;

	if (q->height <= ctx.height || ask_quorum(a, &question, &then, &f) != ERR_OK ||
	    !then.known || then.time_s >= q->time_s)
		return 0;
	return (q->height - ctx.height) * HOUR_S / (q->time_s - then.time_s);
}

/* The newest block of an hour, as far as the pace was the same; false: the chain was not
 * there. */
static bool newest_of(
    uint64_t *ret, const struct told *t, const struct fee_hour *hour, uint64_t per_hour)
{
	uint64_t end_s = (uint64_t)(hour->hour + 1) * HOUR_S, back = 0;

	if (t->quote.time_s > end_s)
		back = (t->quote.time_s - end_s) * per_hour / HOUR_S;
	if (t->quote.time_s + HOUR_S <= end_s || back >= t->quote.height)
		return false;
	*ret = t->quote.height - back;
	return true;
}

/* For the picture alone, and so the word of one node; without it there are gaps. */
static void past_ask(struct told *t, struct ask *a)
{
	struct fee_span spans[QUOTE_HOURS] = { 0 };
	struct spans_ctx ctx = { .n = 0 };
	struct ask_question q = { .ctx = &ctx,
		.write = spans_write,
		.read = spans_read,
		.size = sizeof spans };
	uint64_t per_hour = t->quote.has_1559 ? pace(t, a) : 0;
	struct fail f;

	if (per_hour == 0)
		return;
	ctx.blocks = (uint32_t)(per_hour < HOUR_BLOCKS_MAX ? per_hour : HOUR_BLOCKS_MAX);
	for (int i = 0; i < QUOTE_HOURS; i++)
		if (!t->hours[i].known &&
		    newest_of(&ctx.newest[ctx.n], t, &t->hours[i], per_hour))
			ctx.of[ctx.n++] = i;
	if (ctx.n == 0 || ask_quorum(a, &q, spans, &f) != ERR_OK)
		return;
	for (uint32_t i = 0; i < ctx.n; i++) {
		struct fee_hour *hour = &t->hours[ctx.of[i]];

		hour->known = spans[i].known;
		hour->low = spans[i].low;
		hour->mean = spans[i].mean;
		hour->high = spans[i].high;
	}
}

static void hours_get(struct told *t, struct journal *j)
{
	if (j) {
		quotes_hours(j, t->chain->chain_id, t->wall_ms, t->hours);
		return;
	}
	for (int i = 0; i < QUOTE_HOURS; i++)
		t->hours[i] = (struct fee_hour){ .hour = t->wall_ms / 1000 / HOUR_S -
			    QUOTE_HOURS + 1 + i };
}

/* -- telling --------------------------------------------------------------- */

static void level_tell(const struct told *t, int level)
{
	char cell[2 + BUYS][AMOUNT_TEXT_MAX];

	quote_gwei(cell[0], t->quote.level[level].tip);
	quote_gwei(cell[1], t->quote.level[level].max_fee);
	for (int i = 0; i < BUYS; i++) {
		struct amount v = quote_cost(quote_gas(i), t->quote.level[level].max_fee);

		quote_coin(cell[2 + i], &v, t->connector->decimals);
	}
	printf(
	    COLUMN, quote_level_name(level), cell[0], cell[1], cell[2], cell[3], cell[4]);
}

static void past_tell(const struct told *t)
{
	char top[AMOUNT_TEXT_MAX];
	struct chart chart;
	uint64_t high = 0;
	struct buf out;
	int known = 0;

	chart_init(&chart);
	chart.n = QUOTE_HOURS;
	chart.left = "24 h ago";
	chart.right = "now";
	for (int i = 0; i < QUOTE_HOURS; i++) {
		chart.known[i] = t->hours[i].known;
		chart.bar[i] = t->hours[i].mean;
		known += t->hours[i].known;
		if (t->hours[i].known && t->hours[i].mean > high)
			high = t->hours[i].mean;
	}
	if (!known) {
		printf("Of the last 24 h nothing is known here: pawl serve keeps it.\n");
		return;
	}
	quote_gwei(top, high);
	chart.top = top;
	printf("\nThe %s of the last 24 h, in gwei; the mean of each hour:\n",
	    t->quote.has_1559 ? "base fee" : "gas price");
	buf_init(&out, 16384);
	chart_draw(&out, &chart);
	fwrite(out.data, 1, out.len, stdout);
	buf_release(&out);
}

static void tell(const struct told *t)
{
	const struct quote *q = &t->quote;
	char age[32], base[AMOUNT_TEXT_MAX];

	quote_age(age, quote_age_s(q, t->wall_ms));
	printf("%s: block %" PRIu64 ", %s old%s, by %d node%s", t->chain->name, q->height,
	    age, quote_is_stale(q, t->wall_ms) ? " (STALE)" : "", q->nodes,
	    q->nodes == 1 ? "" : "s");
	quote_gwei(base, q->base_fee);
	if (q->has_1559)
		printf("; next base fee %s gwei", base);
	printf("\n\n" COLUMN, "", "TIP GWEI", "MAX GWEI", "TRANSFER", "TOKEN", "BRIDGE");
	for (int i = 0; i < QUOTES; i++)
		level_tell(t, i);
	printf(
	    "\nCosts in coin, at most: with a buffer of %u %% (fees.buffer_percent); of "
	    "21,000, 65,000 and 100,000 gas.\n",
	    q->buffer_percent);
	past_tell(t);
}

static void warn(struct cli *c, const struct told *t)
{
	char age[32];

	quote_age(age, quote_age_s(&t->quote, t->wall_ms));
	if (quote_is_stale(&t->quote, t->wall_ms))
		cli_warn(c,
		    "%s: its newest block is %s old: these are no fees of today; see: "
		    "pawl endpoints",
		    t->chain->name, age);
	if (t->quote.behind)
		cli_warn(c, "%s: %d node%s behind, and not counted; see: pawl endpoints",
		    t->chain->name, t->quote.behind,
		    t->quote.behind == 1 ? " is" : "s are");
}

/* -- the command ----------------------------------------------------------- */

static enum err chain_tell(struct cli *c, struct world *w, struct journal *j,
    const char *name, bool more, struct fail *f)
{
	struct told t = { .wall_ms = world_wall_ms(w) };
	struct ask *a;
	enum err e = config_chain(c->config, name, &t.chain, f);

	if (e == ERR_OK)
		e = chain_pays(t.chain, f);
	if (e != ERR_OK)
		return e;
	if (j)
		endpoints_mark(j, t.chain);
	a = ask_new(w, t.chain, FEES_PATIENCE_MS, true);
	t.connector = ask_connector(a);
	ask_waits(a, cli_waits, c);
	e = quote_ask(&t, a, c->config->fees.buffer_percent, f);
	if (e == ERR_OK) {
		hours_get(&t, j);
		past_ask(&t, a);
		if (more && !c->args.json)
			printf("\n");
		if (c->args.json)
			cli_json(fees_encode(name, &t.quote, t.hours, t.wall_ms));
		else
			tell(&t);
		warn(c, &t);
	}
	ask_free(a);
	return e;
}

/* Each chain for itself; none: the failure of the first. */
static enum err all_tell(
    struct cli *c, struct world *w, struct journal *j, struct fail *f)
{
	enum err first = ERR_OK;
	int told = 0;

	for (int i = 0; i < c->config->chains_n; i++) {
		struct fail why = { ERR_OK, "" };
		enum err e;

		if (chain_pays(&c->config->chains[i], f) != ERR_OK &&
		    c->config->chains_n > 1)
			continue;
		e = chain_tell(c, w, j, c->config->chains[i].name, told > 0, &why);

		if (e == ERR_STOPPED)
			return fail_set(f, e, "%s", why.why);
		told += e == ERR_OK;
		if (e == ERR_OK)
			continue;
		if (first == ERR_OK)
			first = fail_set(f, e, "%s", why.why);
		else
			cli_warn(c, "%s", why.why);
	}
	if (told && first != ERR_OK)
		cli_warn(c, "%s", f->why);
	return told ? ERR_OK : first;
}

enum err cmd_fees(struct cli *c, struct fail *f)
{
	const char *name = args_word(&c->args, 0);
	struct fail why = { ERR_OK, "" };
	struct journal *j = NULL;
	struct world *w = NULL;
	enum err e = cli_config(c, f);

	if (e == ERR_OK && c->config->chains_n == 0)
		e = fail_set(
		    f, ERR_CONFIG, "there is no chain in the config: pawl help config");
	if (e == ERR_OK)
		e = world_open(&w, f);
	if (e != ERR_OK)
		return e;
	e = journal_read(&j, c->config->journal, &why);
	if (e != ERR_OK) {
		j = NULL;
		if (e != ERR_NO_JOURNAL)
			cli_warn(c, "%s: what fees were is not known", why.why);
	}
	e = name ? chain_tell(c, w, j, name, false, f) : all_tell(c, w, j, f);
	journal_close(j);
	world_free(w);
	return e;
}
