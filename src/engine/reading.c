#include "engine/reading.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/quorum.h"

#define READING_OLD_MS 5000  /* from its last answer on */
#define READING_PAUSE_MS 500 /* before all are asked again */
#define READING_TURN_MS 5000 /* then another one may be read */

struct reading_wish {
	struct hash hash;
	bool busy, done;
	uint32_t asked;
	struct tally tally;
	int64_t begun_ms, at_ms; /* at: of the last answer */
	struct reading said;
};

/* Two questions to one node, one after the other. */
struct reading_ask {
	struct fact fact;
	struct runner *runner;
	struct chain_run *chain;
	int64_t account;
	int node;
	struct hash hash;
	bool receipt; /* the second */
	struct reading reading;
	enum err err;
};

/* -- one node -------------------------------------------------------------- */

static void ask(struct runner *r, struct account *a, int node, bool receipt,
    const struct whole_tx *tx);

/* Its receipt is of the block that it names itself, or it says nothing yet. */
static bool fits(const struct reading *said)
{
	const struct whole_tx *tx = &said->tx;

	if (!tx->known || !tx->included)
		return !said->receipt.known;
	return said->receipt.known &&
	    hash_same(&said->receipt.block_hash, &tx->block_hash) &&
	    said->receipt.height == tx->height;
}

static void answer_put(struct runner *r, struct account *a, const struct reading_ask *q)
{
	struct reading_wish *w = a->reading;
	uint32_t alike;

	if (!fits(&q->reading))
		return;
	alike = tally_add(&w->tally, q->node, &q->reading.tx, &q->reading.receipt);
	w->said = q->reading;
	w->done =
	    follower_quorum(a->chain->follower, alike) || MUTANT(repair_by_one_node);
	r->again = true;
}

static void ask_take(struct runner *r, struct fact *f)
{
	struct reading_ask *q = (struct reading_ask *)f;
	struct account *a = account_of(r, q->account);
	struct reading_wish *w = a ? a->reading : NULL;

	if (!w || !hash_same(&w->hash, &q->hash))
		return;
	w->busy = false;
	w->at_ms = world_now_ms(r->s.world);
	if (q->err)
		return;
	if (!q->receipt && q->reading.tx.known && q->reading.tx.included)
		ask(r, a, q->node, true, &q->reading.tx);
	else
		answer_put(r, a, q);
}

static void ask_done(void *ctx, struct pool_answer *answer)
{
	struct reading_ask *q = ctx;
	const struct connector *c = q->chain->connector;
	struct fail f;

	q->err = answer->err;
	if (!q->err && q->receipt)
		q->err = c->receipts_read(
		    &q->reading.receipt, NULL, 1, answer->answer, answer->len, &f);
	else if (!q->err)
		q->err = c->transactions_read(
		    &q->reading.tx, 1, answer->answer, answer->len, &f);
	runner_fact(q->runner, &q->fact);
}

static void ask(struct runner *r, struct account *a, int node, bool receipt,
    const struct whole_tx *tx)
{
	struct reading_ask *q = mem_new(sizeof *q);
	struct buf body;

	q->fact = (struct fact){ .take = ask_take };
	q->runner = r;
	q->chain = a->chain;
	q->account = a->id;
	q->node = node;
	q->hash = a->reading->hash;
	q->receipt = receipt;
	if (tx)
		q->reading.tx = *tx;
	a->reading->busy = true;
	buf_init(&body, 4096);
	if (receipt)
		a->chain->connector->receipts(&body, &q->hash, 1);
	else
		a->chain->connector->transactions(&body, &q->hash, 1);
	runner_ask(r, a->chain, node, &body, false, ask_done, q);
}

/* -- all of them ----------------------------------------------------------- */

void reading_turn(struct runner *r, struct account *a)
{
	struct reading_wish *w = a->reading;
	int64_t now_ms = world_now_ms(r->s.world), at_ms;
	int node;

	if (!w || w->busy || w->done || !a->chain->id)
		return;
	node = quorum_next(a->chain, w->asked, &at_ms);
	if (node < 0 && w->asked && now_ms >= w->at_ms + READING_PAUSE_MS) {
		w->asked = w->tally.readers = 0;
		node = quorum_next(a->chain, 0, &at_ms);
	}
	if (node < 0) {
		runner_wake_at(r, w->asked ? w->at_ms + READING_PAUSE_MS : at_ms);
		return;
	}
	w->asked |= 1u << node;
	ask(r, a, node, false, NULL);
}

enum err reading_take(struct runner *r, struct account *a, const struct hash *hash,
    struct reading *ret, struct fail *f)
{
	struct reading_wish *w = a->reading;
	int64_t now_ms = world_now_ms(r->s.world);
	bool same = w && hash_same(&w->hash, hash);

	if (same && w->done && now_ms < w->at_ms + READING_OLD_MS) {
		*ret = w->said;
		reading_free(a);
		return ERR_OK;
	}
	if (!w || (same ? w->done : now_ms >= w->begun_ms + READING_TURN_MS)) {
		reading_free(a);
		a->reading = mem_new(sizeof *a->reading);
		a->reading->hash = *hash;
		a->reading->begun_ms = now_ms;
		r->again = true;
	}
	return fail_set(f, ERR_NO_QUORUM,
	    "no quorum of nodes has shown this transaction, or said that there is none; "
	    "see: pawl doctor");
}

void reading_free(struct account *a)
{
	mem_free(a->reading);
	a->reading = NULL;
}
