#include "chain/follower/follower_in.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"

/* Answers longer than this are parsed on a worker. */
#define PARSE_INLINE_MAX (256 * 1024)
#define BODY_MAX (4 * 1024 * 1024)

static struct question *question_new(struct follower *f, enum ask_kind kind, int node)
{
	struct question *q = mem_new(sizeof *q);

	q->f = f;
	q->kind = kind;
	q->node = node;
	q->generation = f->generation;
	return q;
}

void question_free(struct question *q)
{
	if (!q)
		return;
	block_facts_release(&q->facts);
	mem_free((void *)(uintptr_t)q->block.watched);
	mem_free(q->heights);
	mem_free(q->heads);
	mem_free(q->counts);
	mem_free(q->known);
	mem_free(q->hashes);
	mem_free(q->text);
	mem_free(q);
}

/* What was asked for by height is of that height, by hash of that hash and height. */
static bool as_asked(const struct question *q, uint32_t i)
{
	if (q->heights)
		return q->heads[i].height == q->heights[i];
	return q->heads[i].height == q->block.height &&
	    hash_same(&q->heads[i].hash, &q->block.hash);
}

/* The connector's nodes know only the hash of what is asked for. */
static bool is_named_first(const struct question *q)
{
	return q->f->s.connector->hashes_read && !q->by_hash &&
	    (q->kind == ASK_POLL || q->kind == ASK_HEADERS || q->kind == ASK_ANCESTOR ||
		q->kind == ASK_ANEW || q->kind == ASK_FAR_HEADERS);
}

/* Of the hashes that are known, in their order. */
static void headers_of_hashes(struct question *q)
{
	struct head *heads = mem_array(q->n, sizeof *heads);
	bool *known = mem_array(q->n, sizeof *known);
	uint32_t n = 0;

	for (uint32_t i = 0; i < q->n; i++)
		n += q->known[i];
	q->err =
	    q->f->s.connector->headers_read(heads, known, n, q->text, q->len, &q->fail);
	n = 0;
	for (uint32_t i = 0; i < q->n && !q->err; i++) {
		if (!q->known[i])
			continue;
		q->heads[i] = heads[n];
		q->known[i] = known[n++];
		if (q->known[i] && !hash_same(&q->heads[i].hash, &q->hashes[i]) &&
		    !MUTANT(header_of_another))
			q->err = fail_set(
			    &q->fail, ERR_BAD_ANSWER, "a header is of another hash");
	}
	mem_free(heads);
	mem_free(known);
}

static void headers_read(struct question *q)
{
	const struct connector *c = q->f->s.connector;

	if (is_named_first(q)) {
		q->hashes = mem_array(q->n, sizeof *q->hashes);
		q->err =
		    c->hashes_read(q->hashes, q->known, q->n, q->text, q->len, &q->fail);
		return;
	}
	if (q->by_hash)
		headers_of_hashes(q);
	else
		q->err =
		    c->headers_read(q->heads, q->known, q->n, q->text, q->len, &q->fail);
	for (uint32_t i = 0; i < q->n && !q->err && q->kind != ASK_POLL; i++)
		if (q->known[i] && !as_asked(q, i))
			q->err = fail_set(
			    &q->fail, ERR_BAD_ANSWER, "a header is of another block");
}

static void head_read(struct question *q)
{
	const struct connector *c = q->f->s.connector;

	if (!c->hashes_read) {
		q->err = c->poll_read(q->heads, q->text, q->len, &q->fail);
		return;
	}
	headers_read(q);
	if (!q->err && !q->known[0])
		q->err = fail_set(&q->fail, ERR_BAD_ANSWER, "the node shows no head");
}

/* Pure: from q->text into the answer's fields. May run on a worker. */
static void question_read(void *job)
{
	struct question *q = job;
	const struct connector *c = q->f->s.connector;

	if (q->err)
		return;
	switch (q->kind) {
	case ASK_IDENTITY:
		q->err = c->identity_read(&q->identity, q->text, q->len, &q->fail);
		break;
	case ASK_POLL:
		head_read(q);
		break;
	case ASK_HEADER:
	case ASK_HEADERS:
	case ASK_ANCESTOR:
	case ASK_ANEW:
	case ASK_FAR_HEADERS:
		headers_read(q);
		break;
	case ASK_FAR_COUNT:
		q->err =
		    c->counts_read(q->counts, q->known, q->n, q->text, q->len, &q->fail);
		break;
	case ASK_BLOCK:
	case ASK_FINALIZED:
		q->err = c->block_read(
		    &q->facts, &q->word, &q->block, q->text, q->len, &q->fail);
		break;
	case ASK_RECEIPTS:
		q->err = c->block_receipts_read(
		    &q->facts, &q->block, q->text, q->len, &q->fail);
		break;
	}
}

static void question_file(void *job)
{
	struct question *q = job;
	struct follower *f = q->f;

	mem_free(q->text);
	q->text = NULL;
	*f->inbox_end = q;
	f->inbox_end = &q->next;
	f->under_way--;
}

/* A head that has not moved is shown by the same bytes: they are read once. */
static void poll_read(struct question *q)
{
	struct view *v = &q->f->view[q->node];

	if (v->polled && v->polled_len == q->len &&
	    memcmp(v->polled, q->text, q->len) == 0) {
		q->heads[0] = v->polled_head;
		return;
	}
	question_read(q);
	if (q->err || q->hashes)
		return;
	mem_free(v->polled);
	v->polled = q->text;
	v->polled_len = q->len;
	v->polled_head = q->heads[0];
	q->text = NULL;
}

static void question_done(void *ctx, struct pool_answer *a)
{
	struct question *q = ctx;

	q->err = a->err;
	q->fail = a->fail;
	q->text = a->answer;
	q->len = a->len;
	a->answer = NULL;
	if (!q->err && q->len > PARSE_INLINE_MAX) {
		world_work(q->f->s.world, question_read, question_file, q);
		return;
	}
	if (q->kind == ASK_POLL && !q->err)
		poll_read(q);
	else
		question_read(q);
	question_file(q);
}

static void question_send(struct question *q, struct buf *body)
{
	struct follower *f = q->f;

	CHECK(buf_ok(body));
	f->under_way++;
	f->s.ask(f->s.ask_ctx, q->node, body, question_done, q);
}

void follower_ask_identity(struct follower *f, int node)
{
	struct question *q = question_new(f, ASK_IDENTITY, node);
	struct buf body;

	buf_init(&body, BODY_MAX);
	f->s.connector->identity(&body);
	f->view[node].identity_busy = true;
	question_send(q, &body);
}

void follower_ask_poll(struct follower *f, int node)
{
	struct question *q = question_new(f, ASK_POLL, node);
	struct buf body;

	buf_init(&body, BODY_MAX);
	f->s.connector->poll(&body);
	q->n = 1;
	q->heads = mem_array(1, sizeof *q->heads);
	q->known = mem_array(1, sizeof *q->known);
	f->view[node].poll_busy = true;
	question_send(q, &body);
}

bool follower_asks_headers(const struct follower *f, int node)
{
	const struct view *v = &f->view[node];
	int64_t at_ms;

	return !v->header_busy &&
	    (v->headers_asked < HEADERS_MAX || MUTANT(headers_for_ever)) &&
	    pool_ready(f->s.pool, node, &at_ms);
}

void follower_ask_header(
    struct follower *f, int node, const struct hash *hash, uint64_t height)
{
	struct question *q = question_new(f, ASK_HEADER, node);
	struct buf body;

	buf_init(&body, BODY_MAX);
	f->s.connector->header(&body, hash);
	q->block = (struct block_question){ .hash = *hash, .height = height };
	q->n = 1;
	q->heads = mem_array(1, sizeof *q->heads);
	q->known = mem_array(1, sizeof *q->known);
	f->view[node].header_busy = true;
	f->view[node].headers_asked++;
	question_send(q, &body);
}

void follower_ask_headers(
    struct follower *f, int node, enum ask_kind kind, uint64_t from, uint64_t to)
{
	struct question *q = question_new(f, kind, node);
	uint64_t batch = (uint64_t)f->s.config->batch;
	struct buf body;

	CHECK(to >= from && batch > 0);
	if (to - from >= batch)
		from = to - batch + 1;
	q->n = (uint32_t)(to - from) + 1;
	q->heights = mem_array(q->n, sizeof *q->heights);
	q->heads = mem_array(q->n, sizeof *q->heads);
	q->known = mem_array(q->n, sizeof *q->known);
	for (uint32_t i = 0; i < q->n; i++)
		q->heights[i] = from + i;
	buf_init(&body, BODY_MAX);
	f->s.connector->headers_at(&body, q->heights, q->n);
	f->view[node].header_busy = true;
	f->view[node].headers_asked++;
	question_send(q, &body);
}

void follower_ask_block(struct follower *f, int node, struct sighting *s)
{
	struct question *q = question_new(f, ASK_BLOCK, node);
	struct view *v = &f->view[node];
	struct buf body;

	q->block = (struct block_question){
		.hash = s->head.hash,
		.height = s->head.height,
		.way = v->way,
		.by_number = v->by_number,
		.finalized = f->s.config->finality.tag,
		.bare = s->bare,
		.used = s->head.used,
		.every = f->every,
		.batch = (uint32_t)f->s.config->batch,
		.watched = f->watched_n
		    ? mem_copy(f->watched, f->watched_n * sizeof *f->watched)
		    : NULL,
		.watched_n = f->watched_n,
	};
	/* The header is known already; an answer only has to agree with it. */
	q->facts.head = s->head;
	buf_init(&body, BODY_MAX);
	f->s.connector->block(&body, &q->block);
	s->asked |= 1u << node;
	v->blocks_busy++;
	question_send(q, &body);
}

void follower_ask_whole(struct follower *f, int node, uint64_t height)
{
	struct question *q = question_new(f, ASK_BLOCK, node);
	struct buf body;

	q->block = (struct block_question){
		.height = height,
		.way = f->every ? f->view[node].way : BLOCK_WHOLE,
		.every = f->every,
		.bare = true,
		.at_height = true,
		.batch = (uint32_t)f->s.config->batch,
		.watched = f->watched_n
		    ? mem_copy(f->watched, f->watched_n * sizeof *f->watched)
		    : NULL,
		.watched_n = f->watched_n,
	};
	buf_init(&body, BODY_MAX);
	f->s.connector->block(&body, &q->block);
	f->view[node].blocks_busy++;
	question_send(q, &body);
}

/* The block came whole, its receipts are a second request: q becomes it. */
void follower_ask_receipts(struct follower *f, struct question *half)
{
	struct buf body;

	half->kind = ASK_RECEIPTS;
	half->next = NULL;
	buf_init(&body, BODY_MAX);
	f->s.connector->block_receipts(&body, &half->block, &half->facts);
	question_send(half, &body);
}

bool follower_ask_hashed(struct follower *f, struct question *q)
{
	const struct view *v = &f->view[q->node];
	struct hash *hashes = mem_array(q->n, sizeof *hashes);
	uint32_t n = 0;
	struct buf body;

	for (uint32_t i = 0; i < q->n; i++)
		if (q->known[i])
			hashes[n++] = q->hashes[i];
	if (q->kind == ASK_POLL && n && v->has_head &&
	    hash_same(&hashes[0], &v->head.hash)) {
		q->heads[0] = v->head;
		n = 0;
	}
	if (n) {
		q->next = NULL;
		q->by_hash = true;
		buf_init(&body, BODY_MAX);
		f->s.connector->headers(&body, hashes, n);
		question_send(q, &body);
	}
	mem_free(hashes);
	return n > 0;
}

/* The tag alone, with the head: no block is read where it might have moved. */
void follower_ask_finalized(struct follower *f, int node)
{
	struct question *q = question_new(f, ASK_FINALIZED, node);
	struct view *v = &f->view[node];
	struct buf body;

	q->block = (struct block_question){ .hash = v->head.hash,
		.height = v->head.height,
		.way = v->way,
		.by_number = v->by_number,
		.finalized = true };
	v->finalized_busy = true;
	v->finalized_at = v->head.height;
	buf_init(&body, BODY_MAX);
	f->s.connector->block(&body, &q->block);
	question_send(q, &body);
}

void follower_ask_far_headers(
    struct follower *f, int node, const uint64_t *heights, uint32_t n)
{
	struct question *q = question_new(f, ASK_FAR_HEADERS, node);
	struct buf body;

	q->round = f->far.round;
	q->n = n;
	q->heights = mem_copy(heights, n * sizeof *heights);
	q->heads = mem_array(n, sizeof *q->heads);
	q->known = mem_array(n, sizeof *q->known);
	buf_init(&body, BODY_MAX);
	f->s.connector->headers_at(&body, heights, n);
	question_send(q, &body);
}

void follower_ask_far_count(
    struct follower *f, int node, uint32_t watched, uint64_t height)
{
	struct question *q = question_new(f, ASK_FAR_COUNT, node);
	struct buf body;

	q->round = f->far.round;
	q->account = watched;
	q->n = 1;
	q->counts = mem_array(1, sizeof *q->counts);
	q->known = mem_array(1, sizeof *q->known);
	buf_init(&body, BODY_MAX);
	f->s.connector->counts_at(&body, &f->watched[watched].account, &height, 1);
	question_send(q, &body);
}
