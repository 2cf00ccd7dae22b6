#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/mem.h"
#include "chain/evm/tx.h"
#include "codec/abi.h"
#include "crypto/secp.h"
#include "rig.h"

#define REGION ((size_t)64 << 20)

struct secret *key_of(uint8_t last)
{
	uint8_t bytes[32] = { 0 };

	bytes[31] = last;
	return secret_new(bytes, sizeof bytes);
}

struct address address_of(uint8_t last)
{
	struct address a = { { 0 } };

	memset(a.at, 0x77, sizeof a.at);
	a.at[19] = last;
	return a;
}

struct amount coins(uint64_t n)
{
	struct amount a = amount_u64(1000000000000000000u);

	assert_true(amount_mul_u64(&a, &a, n));
	return a;
}

void rig_init_with(struct rig *r, const struct sim_options *o)
{
	struct amount much = coins(1000);

	r->region = mmap(NULL, REGION, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(r->region, MAP_FAILED);
	r->chain = sim_chain_init(r->region, REGION, o);
	r->node = sim_node_new(r->chain);
	r->key = key_of(1);
	assert_int_equal(secp_address(r->me.at, r->key, NULL), ERR_OK);
	r->you = address_of(1);
	sim_fund(r->chain, &r->me, NULL, &much);
}

void rig_init(struct rig *r)
{
	rig_init_with(r, &(struct sim_options){ .chain_id = 0 });
}

void rig_release(struct rig *r)
{
	secret_free(r->key);
	munmap(r->region, REGION);
}

struct signed_bytes sign(const struct rig *r, struct order o)
{
	struct sign_job job = { .chain_id = o.chain_id ? o.chain_id : 31337,
		.nonce = o.nonce,
		.key = r->key };
	struct signed_bytes raw;
	struct amount amount = amount_u64(o.wei);

	job.fees.type = o.legacy ? FEE_LEGACY : FEE_1559;
	job.fees.gas = o.gas ? o.gas : o.token ? 80000 : 21000;
	job.fees.max_fee = o.max_fee ? o.max_fee : 10ull * GWEI;
	job.fees.tip = o.legacy ? 0 : o.tip ? o.tip : GWEI;
	if (o.token) {
		job.payload.to = o.token->at;
		job.payload.data_len = ABI_TRANSFER_LEN;
		abi_transfer_encode(job.payload.data, o.to.at, &amount);
	} else {
		job.payload.to = o.to;
		job.payload.value = amount;
	}
	assert_int_equal(evm_tx_sign(&raw, &job, NULL), ERR_OK);
	return raw;
}

char *ask(struct sim_node *n, struct buf *body, size_t *ret_len)
{
	struct buf out;

	buf_init(&out, (size_t)64 << 20);
	sim_node_answer(n, &out, buf_text(body), body->len);
	assert_true(buf_ok(&out));
	buf_release(body);
	return (char *)buf_take(&out, ret_len);
}

struct buf fresh(void)
{
	struct buf b;

	buf_init(&b, (size_t)16 << 20);
	return b;
}

struct node_word send_raw(struct rig *r, const struct signed_bytes *raw)
{
	struct buf body = fresh();
	struct node_word word;
	size_t len;
	char *answer;

	connector_evm.send(&body, &raw, 1);
	answer = ask(r->node, &body, &len);
	connector_evm.send_read(&word, 1, answer, len);
	mem_free(answer);
	return word;
}

struct node_word rig_send(struct rig *r, struct order o)
{
	struct signed_bytes raw = sign(r, o);

	return send_raw(r, &raw);
}

struct receipt receipt_for(
    struct sim_node *n, const struct hash *hash, const struct payment *want)
{
	struct buf body = fresh();
	struct receipt ret;
	size_t len;
	char *answer;

	connector_evm.receipts(&body, hash, 1);
	answer = ask(n, &body, &len);
	assert_int_equal(
	    connector_evm.receipts_read(&ret, want, 1, answer, len, NULL), ERR_OK);
	mem_free(answer);
	return ret;
}

struct receipt receipt_of(struct sim_node *n, const struct hash *hash)
{
	return receipt_for(n, hash, NULL);
}

uint64_t wei_at(const struct rig *r, const struct sim_block *tip)
{
	struct amount a = sim_balance(r->chain, tip, NULL, &r->you);
	uint64_t wei;

	assert_true(amount_to_u64(&a, &wei));
	return wei;
}

uint64_t wei_of(const struct rig *r)
{
	return wei_at(r, r->chain->head);
}

void says(struct sim_node *n, const char *method, const char *params, const char *text)
{
	struct buf body = fresh(), out = fresh();

	buf_addf(&body, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":%s}",
	    method, params);
	sim_node_answer(n, &out, buf_text(&body), body.len);
	if (!strstr(buf_text(&out), text))
		fail_msg("%s%s: %s lacks %s", method, params, buf_text(&out), text);
	buf_release(&body);
	buf_release(&out);
}

/* -- with a world ---------------------------------------------------------- */

void world_rig_open(struct world_rig *k, uint64_t seed)
{
	struct sim_world_options o = { .chain = k->r.chain,
		.nodes = &k->r.node,
		.nodes_n = 1,
		.seed = seed,
		.wire_per_mille = 1000 };

	k->w = sim_world_open(&o);
	k->sim = sim_world_of(k->w);
}

void world_rig_init(struct world_rig *k, const struct sim_options *o)
{
	rig_init_with(&k->r, o);
	world_rig_open(k, 1);
}

void world_rig_release(struct world_rig *k)
{
	world_free(k->w);
	rig_release(&k->r);
}

void hear(void *ctx, struct http_answer *a)
{
	struct heard *h = ctx;

	h->times++;
	h->end = a->end;
	h->status = a->status;
	h->retry_after_ms = a->retry_after_ms;
	h->at_ms = world_now_ms(h->w);
	if (a->body)
		snprintf(h->body, sizeof h->body, "%s", a->body);
}

void ask_world(struct world *w, struct buf *body, struct heard *h)
{
	struct http_request q = { .url = "http://node-0.sim/",
		.timeout_ms = 5000,
		.answer_max = 1 << 20,
		.done = hear,
		.ctx = h };

	h->w = w;
	q.body = (char *)buf_take(body, &q.body_len);
	world_http(w, &q);
}

struct heard send_world(struct world_rig *k, struct order o)
{
	struct signed_bytes raw = sign(&k->r, o);
	const struct signed_bytes *p = &raw;
	struct buf body = fresh();
	struct heard h = { .times = 0 };

	connector_evm.send(&body, &p, 1);
	ask_world(k->w, &body, &h);
	while (!h.times)
		world_wait(k->w, INT64_MAX);
	return h;
}
