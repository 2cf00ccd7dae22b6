/* What nodes answered once, with each member of it gone, or something else than it was:
 * it is refused, or it changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/hex.h"
#include "chain/chain.h"
#include "recorded.h"

static const struct connector *const evm = &connector_evm;

static const struct head head = { .has_base_fee = true, .next_base_fee = 8 };

/* -- readers: what they make of an answer, as bytes --------------------------- */

static struct watched watched;

static struct block_question question(enum block_way way)
{
	struct block_question q = { .way = way,
		.height = head_height,
		.finalized = true,
		.watched = &watched,
		.watched_n = 1 };

	recorded_subject(&q.hash, &watched);
	return q;
}

static enum err facts_put(struct buf *out, enum err e, struct block_facts *b)
{
	buf_add(out, b->digest.at, sizeof b->digest.at);
	block_facts_release(b);
	return e;
}

static enum err poll(struct buf *out, const char *text, size_t len)
{
	struct head h;
	enum err e = evm->poll_read(&h, text, len, NULL);

	buf_add(out, &h, sizeof h);
	return e;
}

static enum err headers(struct buf *out, const char *text, size_t len)
{
	struct head h;
	bool known;
	enum err e = evm->headers_read(&h, &known, 1, text, len, NULL);

	buf_add(out, &h, sizeof h);
	buf_add(out, &known, sizeof known);
	return e;
}

static enum err block(struct buf *out, const char *text, size_t len)
{
	struct block_question q = question(BLOCK_RECEIPTS);
	struct block_facts b;
	struct node_word word;
	enum err e = evm->block_read(&b, &word, &q, text, len, NULL);

	return facts_put(out, e, &b);
}

static enum err whole(struct buf *out, const char *text, size_t len)
{
	const char *rest = replies[REPLY_own_receipts];
	struct block_question q = question(BLOCK_WHOLE);
	struct block_facts b;
	struct node_word word;
	enum err e = evm->block_read(&b, &word, &q, text, len, NULL);

	if (e == ERR_OK && b.incomplete)
		e = evm->block_receipts_read(&b, &q, rest, strlen(rest), NULL);
	return facts_put(out, e, &b);
}

static enum err own(struct buf *out, const char *text, size_t len)
{
	const char *first = replies[REPLY_whole];
	struct block_question q = question(BLOCK_WHOLE);
	struct block_facts b;
	struct node_word word;

	assert_int_equal(
	    evm->block_read(&b, &word, &q, first, strlen(first), NULL), ERR_OK);
	return facts_put(out, evm->block_receipts_read(&b, &q, text, len, NULL), &b);
}

static enum err receipts(struct buf *out, const char *text, size_t len)
{
	struct payment wants[3] = { { .token = false } };
	struct receipt r[3];
	enum err e;

	memset(r, 0, sizeof r);
	wants[1].token = true;
	wants[1].to.at[19] = 0x22;
	question(BLOCK_WHOLE);
	wants[1].asset = watched.token;
	e = evm->receipts_read(r, wants, 3, text, len, NULL);
	buf_add(out, r, sizeof r);
	return e;
}

static enum err transactions(struct buf *out, const char *text, size_t len)
{
	struct whole_tx tx[3];
	enum err e;

	memset(tx, 0, sizeof tx);
	e = evm->transactions_read(tx, 3, text, len, NULL);
	buf_add(out, tx, sizeof tx);
	return e;
}

static enum err identity(struct buf *out, const char *text, size_t len)
{
	struct identity id = { .chain_id = 0 };
	enum err e = evm->identity_read(&id, text, len, NULL);

	buf_add(out, &id, sizeof id);
	return e;
}

static enum err client(struct buf *out, const char *text, size_t len)
{
	char name[CLIENT_MAX] = "";

	buf_add(out, name, sizeof name);
	return evm->client_read(name, text, len, NULL);
}

static enum err market(struct buf *out, const char *text, size_t len)
{
	struct fee_market m = { .tip = 0 };
	enum err e = evm->market_read(&m, &head, text, len, NULL);

	buf_add(out, &m, sizeof m);
	return e;
}

static enum err token(struct buf *out, const char *text, size_t len)
{
	struct token_facts t;
	enum err e;

	memset(&t, 0, sizeof t);
	e = evm->token_read(&t, text, len, NULL);
	buf_add(out, &t.decimals, sizeof t.decimals);
	buf_add(out, &t.balance, sizeof t.balance);
	return e;
}

static enum err account(struct buf *out, const char *text, size_t len)
{
	struct amount balance = AMOUNT_ZERO;
	uint64_t count = 0;
	enum err e = evm->account_read(&count, &balance, text, len, NULL);

	buf_add(out, &count, sizeof count);
	buf_add(out, &balance, sizeof balance);
	return e;
}

static enum err counts(struct buf *out, const char *text, size_t len)
{
	uint64_t n[2] = { 0 };
	bool known[2] = { false };
	enum err e = evm->counts_read(n, known, 2, text, len, NULL);

	buf_add(out, n, sizeof n);
	return e;
}

static enum err code(struct buf *out, const char *text, size_t len)
{
	uint8_t has[2] = { 0 };
	enum err e = evm->code_read(has, 2, text, len, NULL);

	buf_add(out, has, sizeof has);
	return e;
}

static enum err estimate(struct buf *out, const char *text, size_t len)
{
	uint64_t gas[2] = { 0 };
	struct node_word word[2];
	enum err e = evm->estimate_read(gas, word, 2, text, len, NULL);

	for (int i = 0; i < 2 && e == ERR_OK; i++)
		e = word[i].err;
	buf_add(out, gas, sizeof gas);
	return e;
}

static enum err try(struct buf *out, const char *text, size_t len)
{
	struct node_word word;
	enum err e = evm->try_read(&word, text, len, NULL);

	buf_add(out, &word.note, sizeof word.note);
	return e == ERR_OK ? word.err : e;
}

#define TWO(a, b) "[{\"id\":0,\"result\":" a "},{\"id\":1,\"result\":" b "}]"

/* A log that is no Transfer pays nobody, and is no fault. */
#define NO_LOG " logs=[] logs[]=* topics=* topics[]=* data=* address=* logIndex=* "
/* It is in no block, or one that pays nobody; fees that we would not sign are none. */
#define NOT_OURS                                                                      \
	" result=null blockHash=(gone) blockHash=null to=(gone) to=null input=\"0x\"" \
	" type=* gas=* maxFeePerGas=* maxPriorityFeePerGas=* "

/* may_be: what of a member says something else, and is believed. */
static const struct {
	enum err (*read)(struct buf *out, const char *text, size_t len);
	enum reply reply; /* REPLIES: text */
	const char *text, *may_be;
} rows[] = {
	{ poll, REPLY_poll, NULL, " baseFeePerGas=(gone) baseFeePerGas=null " },
	{ headers, REPLY_poll, NULL,
	    " result=null baseFeePerGas=(gone) baseFeePerGas=null " },
	{ block, REPLY_receipts, NULL, NO_LOG " result=[] result=\"0x\" " },
	{ whole, REPLY_whole, NULL, " transactions=[] result=\"0x\" " },
	{ own, REPLY_own_receipts, NULL, NO_LOG },
	{ receipts, REPLY_own_receipts, NULL, NO_LOG " result=null " },
	{ transactions, REPLY_own_transactions, NULL, NOT_OURS },
	{ identity, REPLY_identity, NULL, "" },
	{ client, REPLY_client, NULL, " result=* " },
	{ market, REPLY_market, NULL, "" },
	{ token, REPLY_token, NULL,
	    " result=\"\" result=\"0x\" result=\"x\" " }, /* no code */
	{ account, REPLIES, TWO("\"0x5\"", "\"0xffff\""), "" },
	{ counts, REPLIES, TWO("\"0x5\"", "\"0x7\""), "" },
	{ code, REPLIES, "{\"id\":0,\"result\":\"0x0100\"}", "" },
	{ estimate, REPLIES, TWO("\"0x5208\"", "\"0xcf08\""), "" },
	{ try, REPLIES, "{\"id\":0,\"result\":\"0x\"}", "" },
};

/* -- what becomes of a member --------------------------------------------------- */

static const char *const others[] = { NULL, "null", "1", "true", "{}", "[]", "\"\"",
	"\"x\"", "\"0x\"", "\"0xzz\"",
	"\"0x1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"" };

struct walk {
	size_t row;
	json_t *root;
	struct buf right;
	size_t refused;
};

static bool may_be(const char *list, const char *name, const char *other)
{
	char one[128], any[128];

	snprintf(one, sizeof one, " %s=%s ", name, other ? other : "(gone)");
	snprintf(any, sizeof any, " %s=* ", name);
	return strstr(list, one) || strstr(list, any);
}

static void judge(struct walk *w, const char *name, const char *other)
{
	char *text = json_dumps(w->root, JSON_COMPACT);
	struct buf said;
	enum err e;

	assert_non_null(text);
	buf_init(&said, 1 << 16);
	e = rows[w->row].read(&said, text, strlen(text));
	if (e != ERR_OK)
		w->refused++;
	else if ((said.len != w->right.len ||
		     memcmp(said.data, w->right.data, said.len) != 0) &&
	    !may_be(rows[w->row].may_be, name, other))
		fail_msg("row %zu: %s = %s is believed", w->row, name,
		    other ? other : "(gone)");
	buf_release(&said);
	free(text);
}

static void walk(struct walk *w, json_t *at, const char *name);

static void member(struct walk *w, json_t *in, const char *key, json_t *value)
{
	json_incref(value);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (others[i])
			json_object_set_new(
			    in, key, json_loads(others[i], JSON_DECODE_ANY, NULL));
		else
			json_object_del(in, key);
		judge(w, key, others[i]);
	}
	json_object_set_new(in, key, value);
	walk(w, value, key);
}

static void element(struct walk *w, json_t *in, size_t at, const char *list)
{
	json_t *value = json_incref(json_array_get(in, at));
	char name[64];

	snprintf(name, sizeof name, "%.60s[]", list);
	for (size_t i = 1; i < sizeof others / sizeof *others; i++) {
		json_array_set_new(in, at, json_loads(others[i], JSON_DECODE_ANY, NULL));
		judge(w, name, others[i]);
	}
	json_array_set_new(in, at, value);
	walk(w, value, name);
}

static void walk(struct walk *w, json_t *at, const char *name)
{
	const char *keys[64];
	size_t n = 0;

	for (void *i = json_object_iter(at); i; i = json_object_iter_next(at, i)) {
		assert_true(n < 64);
		keys[n++] = json_object_iter_key(i);
	}
	for (size_t k = 0; k < n; k++) {
		char key[64];

		snprintf(key, sizeof key, "%s", keys[k]);
		member(w, at, key, json_object_get(at, key));
	}
	for (size_t k = 0; k < json_array_size(at); k++)
		element(w, at, k, name);
}

static void a_member_is_refused_or_unread(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
		const char *text =
		    rows[row].text ? rows[row].text : replies[rows[row].reply];
		struct walk w = { .row = row, .root = json_loads(text, 0, NULL) };

		assert_non_null(w.root);
		buf_init(&w.right, 1 << 16);
		assert_int_equal(rows[row].read(&w.right, text, strlen(text)), ERR_OK);
		walk(&w, w.root, "");
		assert_true(w.refused > 0 || rows[row].read == client);
		buf_release(&w.right);
		json_decref(w.root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_is_refused_or_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
