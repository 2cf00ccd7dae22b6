#include "cli/ask/probe.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/ask/look.h"
#include "crypto/sha256.h"

/* -- a block, in the way that the follower reads it ------------------------ */

struct block_ctx {
	struct watched watched;
	struct block_question q;
};

struct block_word {
	bool read, has_count;
	enum node_note note;
};

static void block_write(const struct ask_question *q, struct buf *body)
{
	const struct block_ctx *c = q->ctx;

	q->connector->block(body, &c->q);
}

/* A refusal is what is asked for here, so it is a fact. */
static enum err block_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	const struct block_ctx *c = q->ctx;
	struct block_word *ret = fact;
	struct block_facts b = { 0 };
	struct node_word word = { .note = NOTE_NONE };
	enum err e = q->connector->block_read(&b, &word, &c->q, answer, len, f);

	ret->read = e == ERR_OK;
	ret->note = word.note;
	ret->has_count = ret->read && b.accounts_n > 0 && b.accounts[0].has_count;
	block_facts_release(&b);
	return ERR_OK;
}

static enum err block_ask(struct ask *a, struct block_ctx *c, enum block_way way,
    bool by_number, struct block_word *ret, struct fail *f)
{
	struct ask_question q = {
		.ctx = c, .write = block_write, .read = block_read, .size = sizeof *ret
	};
	struct ask_said said;
	enum err e;

	c->q.way = way;
	c->q.by_number = by_number;
	*ret = (struct block_word){ .read = false };
	e = ask_each(a, &q, f);
	if (e != ERR_OK)
		return e;
	ask_said(a, 0, &said);
	if (said.fact)
		*ret = *(const struct block_word *)said.fact;
	return ERR_OK;
}

static enum err block_probe(struct ask *a, struct probe *p, struct fail *f)
{
	struct block_ctx c = {
		.q = { .hash = p->head.hash, .height = p->head.height, .watched_n = 1 }
	};
	enum block_way way = BLOCK_RECEIPTS;
	struct block_word word;
	enum err e;

	c.q.watched = &c.watched;
	e = block_ask(a, &c, way, false, &word, f);
	p->block_receipts =
	    word.note != NOTE_NO_METHOD && (word.read || word.note == NOTE_NO_HASH_PARAM);
	if (e == ERR_OK && !p->block_receipts) {
		way = BLOCK_WHOLE;
		e = block_ask(a, &c, way, false, &word, f);
	}
	p->by_hash = p->state = word.read && word.has_count;
	if (e == ERR_OK && !p->by_hash) {
		e = block_ask(a, &c, way, true, &word, f);
		p->state = word.read && word.has_count;
	}
	return e;
}

/* Nobody has an account there: whether it tells what is in a block. */
static enum err list_probe(struct ask *a, struct probe *p, struct fail *f)
{
	struct block_ctx c = {
		.q = { .hash = p->head.hash, .height = p->head.height, .every = true }
	};
	struct block_word word;
	enum err e = block_ask(a, &c, BLOCK_RECEIPTS, false, &word, f);

	p->state = p->by_hash = word.read;
	return e;
}

/* -- a node ---------------------------------------------------------------- */

static enum err head_probe(struct ask *a, const struct ask_question *q, struct head *ret,
    bool *ret_has, struct fail *f)
{
	struct ask_said said;
	enum err e = ask_each(a, q, f);

	if (e != ERR_OK)
		return e;
	ask_said(a, 0, &said);
	*ret_has = said.fact != NULL;
	if (said.fact)
		*ret = *(const struct head *)said.fact;
	return ERR_OK;
}

static void tip_write(const struct ask_question *q, struct buf *body)
{
	q->connector->poll(body);
}

static enum err tip_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	struct head *head = fact;
	bool known;
	enum err e = q->connector->hashes_read(&head->hash, &known, 1, answer, len, f);

	return e == ERR_OK && !known
	    ? fail_set(f, ERR_BAD_ANSWER, "the node shows no head")
	    : e;
}

static void tip_header_write(const struct ask_question *q, struct buf *body)
{
	q->connector->header(body, q->ctx);
}

static enum err tip_header_read(const struct ask_question *q, void *fact,
    const char *answer, size_t len, struct fail *f)
{
	struct head *head = fact;
	bool known;
	enum err e = q->connector->headers_read(head, &known, 1, answer, len, f);

	if (e == ERR_OK && (!known || !hash_same(&head->hash, q->ctx)))
		e = fail_set(f, ERR_BAD_ANSWER, "the node does not show its head");
	return e;
}

/* Of a node that knows its head by the hash alone. */
static enum err tip_probe(struct ask *a, struct probe *p, struct fail *f)
{
	static const struct ask_question tip = {
		.write = tip_write, .read = tip_read, .size = sizeof(struct head)
	};
	struct ask_question header = { .write = tip_header_write,
		.read = tip_header_read,
		.size = sizeof(struct head) };
	struct head named;
	enum err e = head_probe(a, &tip, &named, &p->has_head, f);

	if (e != ERR_OK || !p->has_head)
		return e;
	header.ctx = &named.hash;
	return head_probe(a, &header, &p->head, &p->has_head, f);
}

static enum err identity_probe(struct ask *a, struct probe *p, struct fail *f)
{
	struct ask_said said;
	enum err e = ask_each(a, &ask_identity_question, f);

	if (e != ERR_OK)
		return e;
	ask_said(a, 0, &said);
	snprintf(p->name, sizeof p->name, "%s", said.node);
	p->reachable = said.fact != NULL;
	if (said.fact)
		p->identity = *(const struct identity *)said.fact;
	else
		fail_set(&p->fail, ERR_NO_QUORUM, "%s",
		    *said.why ? said.why : "it does not answer");
	return ERR_OK;
}

static void client_write(const struct ask_question *q, struct buf *body)
{
	q->connector->client(body);
}

static enum err client_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	return q->connector->client_read(fact, answer, len, f);
}

static enum err client_probe(struct ask *a, struct probe *p, struct fail *f)
{
	static const struct ask_question q = {
		.write = client_write, .read = client_read, .size = sizeof p->client
	};
	struct ask_said said;
	enum err e = ask_each(a, &q, f);

	if (e != ERR_OK)
		return e;
	ask_said(a, 0, &said);
	if (said.fact)
		memcpy(p->client, said.fact, sizeof p->client);
	return ERR_OK;
}

enum err probe_node(struct world *w, const struct chain_config *c, int endpoint,
    ask_say_fn *say, void *ctx, struct probe *ret, struct fail *f)
{
	struct chain_config alone = *c;
	struct ask *a;
	int64_t began_ms;
	enum err e;

	*ret = (struct probe){ .off = c->endpoints[endpoint].off };
	if (ret->off) {
		node_name(ret->name, c->endpoints, endpoint);
		return ERR_OK;
	}
	alone.endpoints = &c->endpoints[endpoint];
	alone.endpoints_n = alone.quorum = 1;
	a = ask_new(w, &alone, PROBE_PATIENCE_MS, true);
	ask_waits(a, say, ctx);
	e = identity_probe(a, ret, f);
	began_ms = world_now_ms(w);
	if (e == ERR_OK && ret->reachable)
		e = ask_connector(a)->hashes_read
		    ? tip_probe(a, ret, f)
		    : head_probe(a, &look_head_question, &ret->head, &ret->has_head, f);
	ret->latency_ms = world_now_ms(w) - began_ms;
	if (e == ERR_OK && ret->reachable)
		e = client_probe(a, ret, f);
	if (e == ERR_OK && ret->has_head && ask_connector(a)->finalized)
		e = head_probe(a, &look_final_question, &ret->final, &ret->has_final, f);
	if (e == ERR_OK && ret->has_head)
		e = ask_connector(a)->pays ? block_probe(a, ret, f)
					   : list_probe(a, ret, f);
	ask_free(a);
	return e;
}

/* -- what it says of accounts ---------------------------------------------- */

static void seen_write(const struct ask_question *q, struct buf *body)
{
	const struct block_question *b = q->ctx;

	q->connector->block(body, b);
}

/* The counts and balances of a block, and which transactions are in it: what both ways to
 * read one have. */
static void seen_digest(struct hash *ret, const struct block_facts *b)
{
	struct sha256 *s = sha256_begin();

	for (uint32_t i = 0; i < b->accounts_n; i++) {
		sha256_add(s, &b->accounts[i].count, sizeof b->accounts[i].count);
		sha256_add(s, &b->accounts[i].balance, sizeof b->accounts[i].balance);
	}
	for (uint32_t i = 0; i < b->tx_n; i++)
		sha256_add(s, b->tx[i].hash.at, sizeof b->tx[i].hash.at);
	sha256_end(s, ret->at);
}

static enum err seen_read(const struct ask_question *q, void *fact, const char *answer,
    size_t len, struct fail *f)
{
	const struct block_question *b = q->ctx;
	struct probe_seen *ret = fact;
	struct block_facts facts = { 0 };
	struct node_word word;
	enum err e = q->connector->block_read(&facts, &word, b, answer, len, f);

	if (e == ERR_OK) {
		ret->block = b->hash;
		seen_digest(&ret->accounts, &facts);
	}
	block_facts_release(&facts);
	return e;
}

enum err probe_look(struct world *w, const struct chain_config *c, int endpoint,
    const struct probe *p, uint64_t height, const struct address *who, uint32_t n,
    struct probe_seen *ret, struct fail *f)
{
	struct chain_config alone = *c;
	struct watched watched[PROBE_ACCOUNTS_MAX] = { 0 };
	struct block_question b = { .height = height,
		.way = p->block_receipts ? BLOCK_RECEIPTS : BLOCK_WHOLE,
		.by_number = !p->by_hash,
		.watched = watched,
		.watched_n = n };
	struct ask_question q = {
		.ctx = &b, .write = seen_write, .read = seen_read, .size = sizeof *ret
	};
	struct ask_said said;
	struct fail why;
	struct ask *a;
	bool known = false;
	enum err e;

	CHECK(n <= PROBE_ACCOUNTS_MAX);
	*ret = (struct probe_seen){ .block = { { 0 } } };
	for (uint32_t i = 0; i < n; i++)
		watched[i] = (struct watched){ .account = who[i], .balance = true };
	alone.endpoints = &c->endpoints[endpoint];
	alone.endpoints_n = alone.quorum = 1;
	a = ask_new(w, &alone, PROBE_PATIENCE_MS, true);
	e = look_blocks(a, &height, 1, &b.hash, &known, &why);
	if (e == ERR_OK && known) {
		e = ask_each(a, &q, f);
		ask_said(a, 0, &said);
		if (e == ERR_OK && said.fact)
			*ret = *(const struct probe_seen *)said.fact;
	}
	ask_free(a);
	return world_signalled(w) ? fail_set(f, ERR_STOPPED, "stopped") : ERR_OK;
}
