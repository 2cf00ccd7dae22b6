#include "kinds/node/again.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/quorum.h"
#include "kinds/node/anchor/missed.h"

#define AGAIN_MS 10000
#define BODY_MAX ((size_t)4096)

struct again {
	bool busy, read;
	bool said;      /* what is read is in the log */
	uint32_t asked; /* nodes, of the block that is next */
	int64_t not_before_ms;
	char trouble[300];
};

/* One question, and its answer. */
struct again_ask {
	struct fact fact; /* first */
	struct again *again;
	struct runner *runner;
	struct chain_run *chain;
	struct missed_run run;
	enum err err;
	struct fail fail;
	struct block_facts facts;
};

static void ask_free(struct fact *fact)
{
	struct again_ask *q = (struct again_ask *)fact;

	block_facts_release(&q->facts);
	mem_free(q);
}

static struct block_question question(const struct missed_run *run)
{
	return (struct block_question){
		.hash = run->hash, .height = run->top, .every = true, .bare = true
	};
}

static void ask_done(void *ctx, struct pool_answer *a)
{
	struct again_ask *q = ctx;
	struct block_question question_ = question(&q->run);
	struct node_word word;

	q->err = a->err;
	q->fail = a->fail;
	if (!q->err)
		q->err = q->chain->connector->block_read(
		    &q->facts, &word, &question_, a->answer, a->len, &q->fail);
	runner_fact(q->runner, &q->fact);
}

static void failed(struct again *a, const struct again_ask *q)
{
	bool new = !a->trouble[0];

	snprintf(a->trouble, sizeof a->trouble,
	    "blocks %" PRIu64 " to %" PRIu64 ", which nobody has read, can't be: %.160s",
	    q->run.bottom, q->run.top, q->fail.why);
	if (new)
		log_warn("node", "%s", a->trouble);
}

static void took(struct again *a, struct runner *r, const struct again_ask *q)
{
	const struct block_facts *b = &q->facts;
	struct hash *txids = mem_array(b->every_n ? b->every_n : 1, sizeof *txids);

	for (uint32_t i = 0; i < b->every_n; i++)
		txids[i] = b->every[i].hash;
	missed_read(r->s.journal, &q->run, &b->head.parent, txids, b->every_n,
	    world_wall_ms(r->s.world));
	mem_free(txids);
	a->trouble[0] = '\0';
	a->read = true;
}

static void ask_take(struct runner *r, struct fact *fact)
{
	struct again_ask *q = (struct again_ask *)fact;
	struct again *a = q->again;
	struct missed_run now;

	a->busy = false;
	if (q->err) {
		failed(a, q);
		return;
	}
	a->asked = 0;
	if (missed_next(r->s.journal, &now) && now.top == q->run.top &&
	    hash_same(&now.hash, &q->run.hash))
		took(a, r, q);
}

static void ask(
    struct again *a, struct runner *r, struct chain_run *c, const struct missed_run *run)
{
	struct block_question about = question(run);
	struct again_ask *q;
	struct buf body;
	int64_t at_ms;
	int node = quorum_next(c, a->asked, &at_ms);

	if (node < 0 && a->asked) { /* all of them were, and none could say */
		a->asked = 0;
		a->not_before_ms = world_now_ms(r->s.world) + AGAIN_MS;
		at_ms = a->not_before_ms;
	}
	if (node < 0) {
		runner_wake_at(r, at_ms);
		return;
	}
	q = mem_new(sizeof *q);
	q->fact = (struct fact){ .take = ask_take, .free = ask_free };
	q->again = a;
	q->runner = r;
	q->chain = c;
	q->run = *run;
	a->busy = true;
	a->asked |= UINT32_C(1) << node;
	buf_init(&body, BODY_MAX);
	c->connector->block(&body, &about);
	runner_ask(r, c, node, &body, false, ask_done, q);
}

void again_turn(struct again *a, struct runner *r, struct chain_run *c)
{
	struct missed_run run;

	if (a->busy)
		return;
	if (!missed_next(r->s.journal, &run)) {
		if (a->said)
			log_info("node", "the blocks that nobody had read are read");
		a->said = false;
		a->trouble[0] = '\0';
		return;
	}
	if (!a->said)
		log_info("node",
		    "blocks %" PRIu64 " to %" PRIu64 " were not read, and are now",
		    run.bottom, run.top);
	a->said = true;
	if (a->not_before_ms > world_now_ms(r->s.world))
		runner_wake_at(r, a->not_before_ms);
	else
		ask(a, r, c, &run);
}

bool again_read(struct again *a)
{
	bool read = a->read;

	a->read = false;
	return read;
}

const char *again_trouble(const struct again *a)
{
	return a->trouble[0] ? a->trouble : NULL;
}

struct again *again_new(void)
{
	return mem_new(sizeof(struct again));
}

void again_free(struct again *a)
{
	mem_free(a);
}
