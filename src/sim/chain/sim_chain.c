#include "sim/chain/sim_chain.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "chain/evm/tx.h"
#include "crypto/keccak.h"
#include "sim/chain/execute.h"
#include "sim/node/net.h"

__extension__ typedef unsigned __int128 u128;

/* -- memory ---------------------------------------------------------------- */

static size_t room(const struct sim_chain *c)
{
	return (size_t)(c->end - c->at);
}

void *sim_chain_take(struct sim_chain *c, size_t size)
{
	void *p = c->at;

	size = (size + 15) & ~(size_t)15;
	CHECK(size <= room(c));
	c->at += size;
	return memset(p, 0, size);
}

const char *sim_chain_text(struct sim_chain *c, const char *text)
{
	size_t len = strlen(text) + 1;

	return memcpy(sim_chain_take(c, len), text, len);
}

/* -- looking up ------------------------------------------------------------ */

static uint64_t key_of_address(const struct address *at)
{
	return sim_table_key(at->at, sizeof at->at);
}

static uint64_t key_of_hash(const struct hash *hash)
{
	uint64_t key;

	memcpy(&key, hash->at, sizeof key);
	return key;
}

static struct sim_account *account_with(
    const struct sim_chain *c, const struct address *at, uint64_t key)
{
	struct sim_link *l = sim_table_first(&c->accounts, key);
	struct sim_account *a = (struct sim_account *)l;

	for (; a; a = (struct sim_account *)l) {
		if (memcmp(&a->at, at, sizeof *at) == 0)
			return a;
		l = sim_table_next(l);
	}
	return NULL;
}

const struct sim_account *sim_account_find(
    const struct sim_chain *c, const struct address *at)
{
	return account_with(c, at, key_of_address(at));
}

struct sim_account *sim_account_get(struct sim_chain *c, const struct address *at)
{
	uint64_t key = key_of_address(at);
	struct sim_account *a = account_with(c, at, key);

	if (a)
		return a;
	a = sim_chain_take(c, sizeof *a);
	a->at = *at;
	sim_table_add(c, &c->accounts, &a->link, key);
	return a;
}

struct sim_block *sim_block_find(const struct sim_chain *c, const struct hash *hash)
{
	struct sim_link *l = sim_table_first(&c->blocks, key_of_hash(hash));

	while (l && memcmp(&((struct sim_block *)l)->hash, hash, sizeof *hash) != 0)
		l = sim_table_next(l);
	return (struct sim_block *)l;
}

struct sim_tx *sim_tx_find(const struct sim_chain *c, const struct hash *hash)
{
	struct sim_link *l = sim_table_first(&c->txs, key_of_hash(hash));

	while (l && memcmp(&((struct sim_tx *)l)->hash, hash, sizeof *hash) != 0)
		l = sim_table_next(l);
	return (struct sim_tx *)l;
}

static bool on_trail(const struct sim_chain *c, const struct sim_block *b)
{
	return b->height <= c->head->height && c->trail[b->height] == b;
}

struct sim_block *sim_block_at(
    const struct sim_chain *c, struct sim_block *tip, uint64_t height)
{
	if (height > tip->height)
		return NULL;
	while (tip->height > height && !on_trail(c, tip))
		tip = tip->parent;
	return tip->height > height ? c->trail[height] : tip;
}

bool sim_on_path(
    const struct sim_chain *c, const struct sim_block *tip, const struct sim_block *b)
{
	while (tip->height > b->height && !on_trail(c, tip))
		tip = tip->parent;
	return tip == b || (tip->height > b->height && on_trail(c, b));
}

const struct sim_inclusion *sim_inclusion_find(
    const struct sim_chain *c, const struct sim_block *tip, const struct sim_tx *t)
{
	const struct sim_inclusion *i = t->newest;

	while (i && !sim_on_path(c, tip, i->block))
		i = i->older;
	return i;
}

/* -- values by block ------------------------------------------------------- */

/* A branch is written from below, so the newest that lies on it is the one. */
static const struct sim_version *version_at(const struct sim_chain *c,
    const struct sim_version *newest, const struct sim_block *tip)
{
	while (newest && !sim_on_path(c, tip, newest->block))
		newest = newest->older;
	return newest;
}

void sim_version_put(struct sim_chain *c, struct sim_version **newest,
    const struct sim_block *b, uint64_t count, const struct amount *amount)
{
	struct sim_version *v = *newest;

	if (!v || v->block != b) {
		v = sim_chain_take(c, sizeof *v);
		v->older = *newest;
		v->block = b;
		*newest = v;
	}
	v->count = count;
	v->amount = *amount;
}

uint64_t sim_count_of(
    const struct sim_chain *c, const struct sim_block *tip, const struct sim_account *a)
{
	const struct sim_version *v = version_at(c, a->newest, tip);

	return v ? v->count : 0;
}

uint64_t sim_count(
    const struct sim_chain *c, const struct sim_block *tip, const struct address *at)
{
	const struct sim_account *a = sim_account_find(c, at);

	return a ? sim_count_of(c, tip, a) : 0;
}

struct amount sim_balance_of(const struct sim_chain *c, const struct sim_block *tip,
    const struct sim_token *token, const struct sim_account *a)
{
	const struct sim_version *v = token ? NULL : version_at(c, a->newest, tip);
	const struct sim_holding *h = token ? a->holdings : NULL;

	for (; h; h = h->next)
		if (h->token == token)
			v = version_at(c, h->newest, tip);
	return v ? v->amount : AMOUNT_ZERO;
}

struct amount sim_balance(const struct sim_chain *c, const struct sim_block *tip,
    const struct sim_token *token, const struct address *at)
{
	const struct sim_account *a = sim_account_find(c, at);

	return a ? sim_balance_of(c, tip, token, a) : AMOUNT_ZERO;
}

/* -- accounts, coin, tokens ------------------------------------------------ */

void sim_account_code(
    struct sim_chain *c, const struct address *at, enum sim_code code, uint64_t extra_gas)
{
	struct sim_account *a = sim_account_get(c, at);

	a->code = code;
	a->extra_gas = extra_gas;
}

const struct sim_token *sim_token_find(
    const struct sim_chain *c, const struct address *at)
{
	const struct sim_token *t = c->tokens;

	while (t && memcmp(&t->at, at, sizeof *at) != 0)
		t = t->next;
	return t;
}

struct sim_token *sim_token_add(struct sim_chain *c, const struct address *at,
    enum sim_token_kind kind, uint8_t decimals, const char *symbol)
{
	struct sim_token *t = sim_chain_take(c, sizeof *t);

	CHECK(!sim_token_find(c, at) && strlen(symbol) < sizeof t->symbol);
	t->at = *at;
	t->kind = kind;
	t->decimals = decimals;
	t->fee_per_mille = kind == SIM_TOKEN_FEE ? 10 : 0;
	memcpy(t->symbol, symbol, strlen(symbol));
	t->next = c->tokens;
	c->tokens = t;
	sim_account_code(c, at, SIM_CODE_TOKEN, 0);
	return t;
}

static void credit_apply(
    struct sim_chain *c, const struct sim_block *b, const struct sim_credit *k)
{
	struct amount sum = sim_balance_of(c, b, k->token, k->account);

	CHECK(amount_add(&sum, &sum, &k->amount));
	sim_balance_put(c, b, k->token, k->account, &sum);
}

void sim_fund(struct sim_chain *c, const struct address *at,
    const struct sim_token *token, const struct amount *amount)
{
	struct sim_credit *k = sim_chain_take(c, sizeof *k);

	k->account = sim_account_get(c, at);
	k->token = token;
	k->amount = *amount;
	if (c->head == c->genesis) {
		credit_apply(c, c->genesis, k);
		return;
	}
	k->next = c->credits;
	c->credits = k;
}

/* -- transactions ---------------------------------------------------------- */

static struct sim_tx *tx_keep(
    struct sim_chain *c, const struct evm_tx *e, const uint8_t *raw, size_t len)
{
	struct sim_tx *t = sim_chain_take(c, sizeof *t);

	t->hash = e->hash;
	t->from = sim_account_get(c, &e->from);
	t->to = e->creates ? NULL : sim_account_get(c, &e->to);
	t->type = e->fees.type;
	t->chain_id = e->chain_id;
	t->nonce = e->nonce;
	t->gas = e->fees.gas;
	t->max_fee = e->fees.max_fee;
	t->tip = e->fees.type == FEE_LEGACY ? e->fees.max_fee : e->fees.tip;
	t->value = e->value;
	t->raw = sim_chain_take(c, len);
	memcpy(t->raw, raw, len);
	t->raw_len = (uint32_t)len;
	t->data = t->raw + (e->data - raw);
	t->data_len = (uint32_t)e->data_len;
	sim_table_add(c, &c->txs, &t->link, key_of_hash(&t->hash));
	t->next_all = c->all;
	c->all = t;
	return t;
}

/* Somebody whom the chain was told to be behind these bytes. */
struct known {
	struct sim_link link;
	struct hash hash;
	struct address from;
};

static const struct known *known_find(const struct sim_chain *c, const struct hash *hash)
{
	struct sim_link *l = sim_table_first(&c->known, key_of_hash(hash));

	while (l && memcmp(&((struct known *)l)->hash, hash, sizeof *hash) != 0)
		l = sim_table_next(l);
	return (const struct known *)l;
}

void sim_sender_known(
    struct sim_chain *c, const struct hash *hash, const struct address *from)
{
	struct known *k;

	if (known_find(c, hash))
		return;
	k = sim_chain_take(c, sizeof *k);
	k->hash = *hash;
	k->from = *from;
	sim_table_add(c, &c->known, &k->link, key_of_hash(hash));
}

static enum err decode(const struct sim_chain *c, struct evm_tx *ret,
    const struct hash *hash, const uint8_t *raw, size_t len, struct fail *f)
{
	const struct known *k = known_find(c, hash);
	enum err e;

	if (!k)
		return evm_tx_decode(ret, raw, len, f);
	e = evm_tx_read(ret, raw, len, f);
	ret->from = k->from;
	return e;
}

/* Most bytes come several times. */
struct bytes {
	struct sim_link link;
	struct sim_tx *tx;
};

static struct sim_tx *bytes_find(
    const struct sim_chain *c, uint64_t key, const uint8_t *raw, size_t len)
{
	struct sim_link *l = sim_table_first(&c->raws, key);

	for (; l; l = sim_table_next(l)) {
		struct sim_tx *t = ((struct bytes *)l)->tx;

		if (t->raw_len == len && memcmp(t->raw, raw, len) == 0)
			return t;
	}
	return NULL;
}

static struct sim_tx *tx_new(
    struct sim_chain *c, const uint8_t *raw, size_t len, struct fail *f)
{
	struct hash hash;
	struct evm_tx e;

	keccak256(hash.at, raw, len);
	return decode(c, &e, &hash, raw, len, f) ? NULL : tx_keep(c, &e, raw, len);
}

struct sim_tx *sim_tx_add(
    struct sim_chain *c, const uint8_t *raw, size_t len, struct fail *f)
{
	uint64_t key = sim_table_key(raw, len);
	struct sim_tx *t = bytes_find(c, key, raw, len);
	struct bytes *b;

	if (t)
		return t;
	t = tx_new(c, raw, len, f);
	if (!t)
		return NULL;
	b = sim_chain_take(c, sizeof *b);
	b->tx = t;
	sim_table_add(c, &c->raws, &b->link, key);
	return t;
}

/* -- blocks ---------------------------------------------------------------- */

/* EIP-1559: an eighth up or down at the extremes, at least 1 up. */
uint64_t sim_base_fee_next(const struct sim_chain *c, const struct sim_block *tip)
{
	uint64_t target = c->options.gas_limit / 2, fee = tip->base_fee, step;

	if (c->options.is_free)
		return 0;
	if (tip == c->head && c->base_fee_next)
		return c->base_fee_next;
	if (tip->gas_used == target)
		return fee;
	if (tip->gas_used > target) {
		step = (uint64_t)((u128)fee * (tip->gas_used - target) / target / 8);
		return fee + (step ? step : 1);
	}
	step = (uint64_t)((u128)fee * (target - tip->gas_used) / target / 8);
	return fee - step;
}

static struct sim_block *block_begin(struct sim_chain *c, struct sim_block *parent)
{
	struct sim_block *b = sim_chain_take(c, sizeof *b);
	uint64_t now_s = (uint64_t)(c->options.genesis_s + c->now_ms / 1000);

	b->parent = parent;
	b->branch = c->branch;
	b->time_s = now_s;
	b->base_fee = c->options.base_fee;
	b->gas_limit = c->options.gas_limit;
	if (!parent)
		return b;
	b->height = parent->height + 1;
	b->base_fee = sim_base_fee_next(c, parent);
	if (b->time_s <= parent->time_s)
		b->time_s = parent->time_s + 1;
	return b;
}

/* The hash covers parent, height, branch and contents, as a real one does. */
static void block_seal(struct sim_chain *c, struct sim_block *b)
{
	uint64_t numbers[] = { b->height, b->branch, b->time_s, b->base_fee, b->gas_used,
		c->options.salt, c->options.chain_id };
	struct buf out;

	buf_init(&out, (size_t)128 << 20);
	if (b->parent)
		buf_add(&out, b->parent->hash.at, sizeof b->parent->hash.at);
	buf_add(&out, numbers, sizeof numbers);
	for (const struct sim_inclusion *i = b->first; i; i = i->next) {
		buf_add(&out, i->tx->hash.at, sizeof i->tx->hash.at);
		buf_add_byte(&out, (uint8_t)i->status);
	}
	CHECK(buf_ok(&out));
	keccak256(b->hash.at, out.data, out.len);
	buf_release(&out);
	sim_table_add(c, &c->blocks, &b->link, key_of_hash(&b->hash));
}

static void content_execute(
    struct sim_chain *c, struct sim_block *b, const struct sim_content *content)
{
	for (size_t i = 0; i < content->first_n; i++) {
		struct sim_tx *t =
		    sim_tx_add(c, content->first[i].at, content->first[i].len, NULL);

		CHECK(t);
		t->foreign = true;
		if (sim_executable(c, b, t))
			sim_execute(c, b, t);
	}
}

struct sim_block *sim_block_make(struct sim_chain *c, struct sim_block *parent,
    const struct sim_content *content, const struct sim_pool *pool,
    struct sim_credit *credits)
{
	struct sim_block *b = block_begin(c, parent);

	b->credits = credits;
	for (const struct sim_credit *k = credits; k; k = k->next)
		credit_apply(c, b, k);
	if (content)
		content_execute(c, b, content);
	if (!content || !content->empty)
		sim_execute_pool(c, b, pool);
	block_seal(c, b);
	return b;
}

void sim_head_put(struct sim_chain *c, struct sim_block *b)
{
	struct sim_move *m = c->moves;

	CHECK(b->height < c->options.heights_max);
	c->trail[b->height] = b;
	c->head = b;
	if (!m || m->at_ms != c->now_ms) {
		m = sim_chain_take(c, sizeof *m);
		m->older = c->moves;
		m->at_ms = c->now_ms;
		c->moves = m;
	}
	m->head = b;
}

struct sim_block *sim_head_at(const struct sim_chain *c, int64_t at_ms)
{
	const struct sim_move *m = c->moves;

	while (m->older && m->at_ms > at_ms)
		m = m->older;
	return m->head;
}

/* In its turn, as the hash below has it: any of those that are in touch. */
static struct sim_pool *miner_of(
    const struct sim_chain *c, const struct sim_block *parent)
{
	uint64_t n = 0, turn;

	if (c->miner)
		return c->miner;
	for (struct sim_pool *p = c->pools; p; p = p->next)
		n += sim_pool_is_used(p) && !sim_pool_is_apart(p);
	turn = n ? key_of_hash(&parent->hash) % n : 0;
	for (struct sim_pool *p = c->pools; n && p; p = p->next)
		if (sim_pool_is_used(p) && !sim_pool_is_apart(p) && turn-- == 0)
			return p;
	return NULL;
}

struct sim_block *sim_mine(struct sim_chain *c, const struct sim_content *content)
{
	struct sim_credit *credits = c->credits;
	struct sim_block *b;

	c->credits = NULL;
	b = sim_block_make(c, c->head, content, miner_of(c, c->head), credits);
	c->base_fee_next = 0;
	sim_head_put(c, b);
	sim_pool_tidy(c);
	return b;
}

void sim_mining(struct sim_chain *c, int64_t interval_ms)
{
	c->options.interval_ms = interval_ms;
	c->mine_at_ms = c->now_ms + interval_ms;
}

void sim_mine_due(struct sim_chain *c)
{
	while (c->options.interval_ms && c->mine_at_ms <= c->now_ms) {
		sim_mine(c, NULL);
		sim_branches_grow(c);
		c->mine_at_ms += c->options.interval_ms;
	}
}

/* -- birth ----------------------------------------------------------------- */

static struct sim_options options_whole(const struct sim_options *o)
{
	struct sim_options w = *o;

	w.chain_id = w.chain_id ? w.chain_id : 31337;
	w.gas_limit = w.gas_limit ? w.gas_limit : 30000000;
	w.base_fee = w.is_free ? 0 : w.base_fee ? w.base_fee : 1000000000;
	w.tip_min = w.is_free ? 0 : w.tip_min ? w.tip_min : 1;
	w.heights_max = w.heights_max ? w.heights_max : 65536;
	w.pool_max = w.pool_max ? w.pool_max : 20000;
	w.genesis_s = w.genesis_s ? w.genesis_s : 1700000000;
	return w;
}

struct sim_chain *sim_chain_init(
    void *region, size_t size, const struct sim_options *options)
{
	struct sim_chain *c = region;

	CHECK(size >= SIM_REGION_MIN && (uintptr_t)region % 16 == 0);
	memset(c, 0, sizeof *c);
	c->at = (uint8_t *)region + ((sizeof *c + 15) & ~(size_t)15);
	c->end = (uint8_t *)region + size;
	c->options = options_whole(options);
	CHECK(c->options.heights_max * sizeof *c->trail < room(c) / 2);
	/* not zeroed: nothing above the head is ever read */
	c->trail = (struct sim_block **)(void *)c->at;
	c->at += c->options.heights_max * sizeof *c->trail;
	c->mine_at_ms = c->options.interval_ms;
	sim_pool_new(c);
	c->genesis = block_begin(c, NULL);
	block_seal(c, c->genesis);
	sim_head_put(c, c->genesis);
	return c;
}
