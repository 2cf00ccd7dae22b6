/* The EVM connector: transactions as others sign them, fees that every client takes,
 * what nodes really answer, and answers that want to hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/mem.h"
#include "chain/chain.h"
#include "chain/evm/evm.h"
#include "chain/evm/outcome.h"
#include "chain/evm/tx.h"
#include "chain/rpc.h"
#include "crypto/secp.h"
#include "recorded.h"

#define ROOM (1 << 20)
#define GWEI UINT64_C(1000000000)

static const struct connector *const evm = &connector_evm;

/* -- helpers --------------------------------------------------------------- */

static size_t bytes_of(uint8_t *out, size_t room, const char *hex)
{
	size_t n = strlen(hex) / 2 - 1;

	assert_true(n <= room);
	assert_true(hex_parse_0x(out, n, hex));
	return n;
}

static struct secret *key_of(const char *hex)
{
	struct secret *key = NULL;

	assert_int_equal(secret_parse_hex(&key, hex, strlen(hex), NULL), ERR_OK);
	return key;
}

static uint64_t seed = 42;

/* splitmix64: the same values in every run */
static uint64_t draw(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Any size: from nothing to 2^max_bits. */
static uint64_t draw_bits(unsigned max_bits)
{
	unsigned bits = (unsigned)(draw() % (max_bits + 1));

	return bits == 0 ? 0 : draw() >> (64 - bits);
}

/* -- transactions ---------------------------------------------------------- */

struct tx_vector {
	int type;
	uint64_t chain_id, nonce, gas, max_fee, tip;
	const char *to, *value, *data, *key, *from, *raw, *hash;
};

static const struct tx_vector txs[] = {
	/* the example of EIP-155 */
	{ FEE_LEGACY, 1, 9, 21000, 20 * GWEI, 0,
	    "0x3535353535353535353535353535353535353535", "0xde0b6b3a7640000", "0x",
	    "0x4646464646464646464646464646464646464646464646464646464646464646",
	    "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f",
	    "0xf86c098504a817c8008252089435353535353535353535353535353535353535"
	    "35880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d"
	    "3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3"
	    "dc64214b297fb1966a3b6d83",
	    "0x33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788" },
#define TX(...) { __VA_ARGS__ },
#include "../vectors/evm_tx.def"
};

static void job_of(struct sign_job *job, const struct tx_vector *v, struct secret *key)
{
	*job =
	    (struct sign_job){ .chain_id = v->chain_id, .nonce = v->nonce, .key = key };
	job->fees = (struct fees){ v->type == FEE_1559 ? FEE_1559 : FEE_LEGACY, v->gas,
		v->max_fee, v->tip };
	bytes_of(job->payload.to.at, 20, v->to);
	assert_true(amount_parse_hex(&job->payload.value, v->value));
	job->payload.data_len =
	    (uint32_t)bytes_of(job->payload.data, PAYLOAD_DATA_MAX, v->data);
}

static void signs_as_others_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof txs / sizeof *txs; i++) {
		struct secret *key = key_of(txs[i].key);
		struct signed_bytes got;
		struct sign_job job;
		uint8_t raw[RAW_MAX], hash[32];
		size_t len = bytes_of(raw, sizeof raw, txs[i].raw);

		job_of(&job, &txs[i], key);
		assert_int_equal(evm->sign(&got, &job, NULL), ERR_OK);
		assert_int_equal(got.raw_len, len);
		assert_memory_equal(got.raw, raw, len);
		bytes_of(hash, sizeof hash, txs[i].hash);
		assert_memory_equal(got.hash.at, hash, sizeof hash);
		secret_free(key);
	}
}

static void reads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof txs / sizeof *txs; i++) {
		uint8_t raw[RAW_MAX], from[20];
		size_t len = bytes_of(raw, sizeof raw, txs[i].raw);
		struct evm_tx tx;

		assert_int_equal(evm_tx_decode(&tx, raw, len, NULL), ERR_OK);
		bytes_of(from, sizeof from, txs[i].from);
		assert_memory_equal(tx.from.at, from, sizeof from);
		assert_int_equal(tx.chain_id, txs[i].chain_id);
		assert_int_equal(tx.nonce, txs[i].nonce);
		assert_int_equal(tx.fees.type, txs[i].type);
		assert_int_equal(tx.fees.gas, txs[i].gas);
		assert_int_equal(tx.fees.max_fee, txs[i].max_fee);
		assert_int_equal(tx.fees.tip, txs[i].tip);
		assert_int_equal(tx.data_len, strlen(txs[i].data) / 2 - 1);
		assert_false(tx.creates);
	}
}

/* Cut anywhere, or longer by a byte: no transaction. A changed bit: none, or
 * another's. */
static void damaged_bytes_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof txs / sizeof *txs; i++) {
		uint8_t raw[RAW_MAX + 1] = { 0 }, from[20];
		size_t len = bytes_of(raw, RAW_MAX, txs[i].raw);
		struct evm_tx tx;

		bytes_of(from, sizeof from, txs[i].from);
		for (size_t cut = 0; cut < len; cut++)
			assert_int_not_equal(evm_tx_decode(&tx, raw, cut, NULL), ERR_OK);
		assert_int_not_equal(evm_tx_decode(&tx, raw, len + 1, NULL), ERR_OK);
		for (size_t bit = 0; bit < 8 * len; bit += 7) {
			raw[bit / 8] ^= (uint8_t)(1U << bit % 8);
			if (evm_tx_decode(&tx, raw, len, NULL) == ERR_OK)
				assert_memory_not_equal(tx.from.at, from, sizeof from);
			raw[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
	}
}

/* Valid on every chain, so it is none of ours: the example of EIP-155 with v = 27. */
static void legacy_without_chain_id_is_refused(void **state)
{
	uint8_t raw[RAW_MAX];
	size_t len = bytes_of(raw, sizeof raw, txs[0].raw);
	struct evm_tx tx;

	(void)state;
	assert_int_equal(raw[len - 67], 0x25);
	raw[len - 67] = 27;
	assert_int_not_equal(evm_tx_decode(&tx, raw, len, NULL), ERR_OK);
}

/* The mirrored signature is of the same key, and refused by EIP-2. */
static void a_high_s_is_refused(void **state)
{
	uint8_t raw[RAW_MAX];
	size_t len = bytes_of(raw, sizeof raw, txs[0].raw);
	struct evm_tx tx;

	(void)state;
	bytes_of(raw + len - 32, 32,
	    "0x98341627668089e51348fccfb4c7ff31c55912f2d2e47ef09652acf665fad3be");
	raw[len - 67] = 0x26;
	assert_int_not_equal(evm_tx_decode(&tx, raw, len, NULL), ERR_OK);
}

/* -- fees ------------------------------------------------------------------ */

static const uint8_t tag[5] = { 0xab, 0xcd, 0xef, 0x12, 0x34 };

#define TAG_MAX UINT64_C(0xabcdef)
#define TAG_TIP UINT64_C(0x1234)
#define TAG_PRICE UINT64_C(0xabcd)
#define TAG_GAS UINT64_C(0xef1)

static bool tagged(const struct fees *x)
{
	if (x->type == FEE_1559)
		return (x->max_fee & 0xffffff) == TAG_MAX && (x->tip & 0xffff) == TAG_TIP;
	return (x->max_fee & 0xffff) == TAG_PRICE && (x->gas & 0xfff) == TAG_GAS;
}

static void first_fees(void **state)
{
	struct fee_market m = {
		.next_base_fee = 30 * GWEI, .tip = 2 * GWEI, .has_1559 = true
	};
	struct fees x;

	(void)state;
	evm->fees_first(&x, &m, 21000, FEE_1559, 500 * GWEI, 50 * GWEI, tag);
	assert_true(tagged(&x));
	assert_in_range(x.max_fee, 62 * GWEI, 62 * GWEI + 0xffffff);
	assert_in_range(x.tip, 2 * GWEI, 2 * GWEI + 0xffff);
	assert_int_equal(x.gas, 21000);
	/* the caps hold for what was rounded: down then */
	evm->fees_first(&x, &m, 21000, FEE_1559, 40 * GWEI, GWEI, tag);
	assert_true(tagged(&x));
	assert_in_range(x.max_fee, 40 * GWEI - 0xffffff, 40 * GWEI);
	assert_in_range(x.tip, GWEI - 0xffff, GWEI);
	/* a gas price: what the node says, where there is no base fee */
	m = (struct fee_market){ .tip = 70 * GWEI };
	evm->fees_first(&x, &m, 21000, FEE_LEGACY, 500 * GWEI, 50 * GWEI, tag);
	assert_true(tagged(&x));
	assert_in_range(x.max_fee, 70 * GWEI, 70 * GWEI + 0xffff);
	assert_in_range(x.gas, 21000, 21000 + 0xfff);
	assert_int_equal(x.tip, 0);
	/* no fees at all: no tag, there is nothing to pay it from */
	m = (struct fee_market){ .has_1559 = true };
	evm->fees_first(&x, &m, 21000, FEE_1559, 500 * GWEI, 50 * GWEI, tag);
	assert_int_equal(x.max_fee, 0);
	assert_int_equal(x.tip, 0);
}

__extension__ typedef unsigned __int128 wide;

/* new is more than 1.1 times old, in every client's arithmetic. */
static bool is_tenth_more(uint64_t new, uint64_t old)
{
	wide floor = (wide)old * 110 / 100;

	return new > old &&new > floor && (wide) new * 10 >= (wide)old * 11;
}

/* geth, Erigon, Nethermind: both fields; Besu: the price at this base fee. */
static bool replaces(const struct fees *new, const struct fees *old, uint64_t base)
{
	uint64_t paid_old, paid_new;

	if (old->type == FEE_LEGACY)
		return is_tenth_more(new->max_fee, old->max_fee);
	paid_old = old->max_fee - old->tip < base ? old->max_fee : base + old->tip;
	paid_new = new->max_fee - new->tip < base ? new->max_fee : base + new->tip;
	return is_tenth_more(new->max_fee, old->max_fee) &&
	    is_tenth_more(new->tip, old->tip) &&
	    (wide)paid_new * 10 >= (wide)paid_old * 11;
}

static void draw_fees(struct fees *x, struct fee_market *m)
{
	m->next_base_fee = draw_bits(48);
	m->tip = draw_bits(40);
	m->has_1559 = true;
	x->type = draw() % 4 ? FEE_1559 : FEE_LEGACY;
	x->gas = 21000 + draw() % 100000;
	x->max_fee = draw_bits(48);
	x->tip = x->type == FEE_1559 ? draw() % (x->max_fee + 1) : 0;
}

static void every_client_takes_a_bump(void **state)
{
	int bumped = 0, refused = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t max_cap = draw_bits(50), tip_cap = draw_bits(48);
		struct fee_market m;
		struct fees old, new;

		draw_fees(&old, &m);
		if (!evm->fees_bump(&new, &old, &m, max_cap, tip_cap, tag)) {
			refused++;
			continue;
		}
		bumped++;
		assert_true(replaces(&new, &old, m.next_base_fee));
		assert_true(new.max_fee <= max_cap);
		assert_true(new.tip <= new.max_fee);
		assert_true(old.type == FEE_LEGACY || new.tip <= tip_cap);
		assert_true(new.gas >= old.gas &&new.gas < old.gas + 0x1000);
		if (m.next_base_fee || m.tip)
			assert_true(tagged(&new));
	}
	assert_true(bumped > 20000 && refused > 20000);
}

/* The rule in the words of its description. */
static void follows_the_rule(
    const struct fees *new, const struct fees *old, uint64_t base)
{
	assert_true((wide)(new->max_fee - 1) * 10 >= (wide)old->max_fee * 11);
	if (old->type == FEE_LEGACY)
		return;
	assert_true((wide)(new->tip - 1) * 10 >= (wide)old->tip * 11);
	assert_true((wide)(new->tip - old->tip - 1) * 10 >= (wide)base + old->tip);
}

/* Where the caps leave room, a bump is there, is not below today's first attempt, and
 * is not dearer than the rule, today's price and the tag make it. */
static void a_bump_is_the_least(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct fee_market m;
		struct fees old, new, first;
		uint64_t most, step;

		draw_fees(&old, &m);
		assert_true(
		    evm->fees_bump(&new, &old, &m, UINT64_MAX / 2, UINT64_MAX / 4, tag));
		evm->fees_first(
		    &first, &m, old.gas, old.type, UINT64_MAX / 2, UINT64_MAX / 4, tag);
		follows_the_rule(&new, &old, m.next_base_fee);
		assert_true(new.max_fee >= first.max_fee || (!m.next_base_fee && !m.tip));
		step = old.type == FEE_1559 ? 0xffffff : 0xffff;
		most = old.max_fee + old.max_fee / 10 + 2;
		if (old.type == FEE_1559 &&
		    most < old.tip + (m.next_base_fee + old.tip) / 10 + 2)
			most = old.tip + (m.next_base_fee + old.tip) / 10 + 2;
		if (most < first.max_fee)
			most = first.max_fee;
		assert_true(new.max_fee <= most + step);
	}
}

static void first_fees_obey_the_caps(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t max_cap = draw_bits(50), tip_cap = draw_bits(48);
		struct fee_market m;
		struct fees x, first;

		draw_fees(&x, &m);
		evm->fees_first(&first, &m, x.gas, x.type, max_cap, tip_cap, tag);
		assert_true(first.max_fee <= max_cap);
		assert_true(first.tip <= first.max_fee);
		assert_true(first.tip <= tip_cap);
		if (max_cap > 0xffffff && tip_cap > 0xffff && (m.next_base_fee || m.tip))
			assert_true(tagged(&first) || first.max_fee < 0xffff + TAG_MAX);
	}
}

/* With values at the end of the range nothing wraps. */
static void the_reserve_covers_two_bumps(void **state)
{
	struct fees now = { FEE_1559, 21000, UINT64_MAX, UINT64_MAX }, once, twice;
	struct fee_market m = { .has_1559 = true, .tip = 1 };

	(void)state;
	assert_int_equal(evm->fees_reserve(&now, 500 * GWEI), UINT64_MAX);
	assert_false(evm->fees_bump(&once, &now, &m, UINT64_MAX, UINT64_MAX, tag));
	m.tip = 0;
	assert_false(evm->fees_bump(&once, &now, &m, UINT64_MAX, UINT64_MAX, tag));
	m.tip = 1;
	for (int i = 0; i < 100000; i++) {
		uint64_t cap = UINT64_MAX / 2;

		now.max_fee = draw_bits(50);
		now.tip = draw() % (now.max_fee + 1);
		assert_true(evm->fees_bump(&once, &now, &m, cap, cap, tag));
		assert_true(evm->fees_bump(&twice, &once, &m, cap, cap, tag));
		assert_true(evm->fees_over(&now, cap) >= once.max_fee);
		assert_true(evm->fees_reserve(&now, cap) >= twice.max_fee);
		assert_true(evm->fees_reserve(&now, now.max_fee) == now.max_fee);
	}
}

/* -- what nodes say -------------------------------------------------------- */

struct said {
	const char *client, *what;
	enum outcome_of of;
	int64_t code;
	const char *text; /* the message, or the whole error object */
	enum err err;
	enum node_note note;
};

static const struct said recorded[] = {
#define ANSWER(client, what, of, error, err, note) \
	{ client, what, of, 0, error, ERR_##err, NOTE_##note },
#include "../vectors/nodes.def"
};

static const struct said texts[] = {
#define TEXT(client, of, code, text, err, note) \
	{ client, text, of, code, text, ERR_##err, NOTE_##note },
#include "../vectors/node_texts.def"
};

static void judge(const struct said *s, const struct node_word *word)
{
	if (word->err != s->err || word->note != s->note)
		fail_msg("%s, %s: %s, note %d", s->client, s->what, err_name(word->err),
		    (int)word->note);
}

static void text_read(
    struct node_word *ret, enum outcome_of of, int64_t code, const char *text)
{
	json_t *error = json_pack("{s:I, s:s}", "code", code, "message", text);

	assert_non_null(error);
	outcome_read(ret, of, error);
	json_decref(error);
}

static void recorded_answers_are_known(void **state)
{
	struct node_word word;

	(void)state;
	for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++) {
		json_t *error = json_loads(recorded[i].text, 0, NULL);

		assert_non_null(error);
		outcome_read(&word, recorded[i].of, error);
		judge(&recorded[i], &word);
		if (strcmp(recorded[i].what, "estimate that reverts") == 0)
			assert_string_equal(word.text, "not to the dead");
		json_decref(error);
	}
	assert_true(sizeof recorded / sizeof *recorded > 30);
}

static void texts_of_all_clients_are_known(void **state)
{
	struct node_word word;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		text_read(&word, texts[i].of, texts[i].code, texts[i].text);
		judge(&texts[i], &word);
	}
}

/* Every row of the table decides for at least one text: its own. Were it hidden by
 * another that says something else, it would be a rule that does nothing. */
static void no_row_is_hidden(void **state)
{
	static const struct {
		int64_t code;
		const char *text;
		unsigned of;
		enum err err;
		enum node_note note;
	} rows[] = {
#define ANY 0
#define OUTCOME(client, code, text, of, err, note) \
	{ code, text, of, ERR_##err, NOTE_##note },
#include "chain/evm/outcome.def"
#undef OUTCOME
#undef ANY
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (unsigned of = OF_SEND; of <= OF_READ; of <<= 1) {
			enum outcome_of one = of == OF_SEND ? OF_SEND
			    : of == OF_CALL                 ? OF_CALL
							    : OF_READ;
			struct node_word word;

			if (!(rows[i].of & of))
				continue;
			text_read(&word, one, rows[i].code, rows[i].text);
			if (word.err != rows[i].err || word.note != rows[i].note)
				fail_msg("hidden: %lld %s", (long long)rows[i].code,
				    rows[i].text);
			/* a question is never answered by an error */
			assert_true(one == OF_SEND || word.err != ERR_OK);
		}
	}
}

/* Short of money, underpriced, full: the bytes stay valid, so never a refusal. */
static void patience_is_never_a_refusal(void **state)
{
	struct node_word word;

	(void)state;
	text_read(&word, OF_SEND, -32000, "INSUFFICIENT FUNDS for gas * price + value");
	assert_int_equal(err_class(word.err), CLASS_RETRY);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		text_read(&word, texts[i].of, texts[i].code, texts[i].text);
		if (word.note == NOTE_FUNDS || word.note == NOTE_REPLACEMENT ||
		    word.note == NOTE_DELEGATED || word.note == NOTE_POOL_FULL ||
		    word.note == NOTE_INDEXING)
			assert_int_equal(err_class(word.err), CLASS_RETRY);
	}
}

static void text_from_outside_is_made_printable(void **state)
{
	char text[500] = "\x1b[2J evil \n\xc3\xbf";
	struct node_word word;

	(void)state;
	memset(text + strlen(text), 'x', sizeof text - strlen(text) - 1);
	text_read(&word, OF_SEND, 1, text);
	assert_int_equal(strlen(word.text), NODE_TEXT_MAX - 1);
	for (const char *c = word.text; *c; c++)
		assert_in_range(*c, ' ', '~');
}

/* -- JSON-RPC -------------------------------------------------------------- */

static void sends_read(struct node_word *word, uint32_t n, const char *answer)
{
	evm->send_read(word, n, answer, strlen(answer));
}

#define HASH "0x1111111111111111111111111111111111111111111111111111111111111111"
#define ID(n, rest) "{\"jsonrpc\":\"2.0\",\"id\":" n "," rest "}"
#define GOOD "\"result\":\"" HASH "\""
#define BAD "\"error\":{\"code\":-32000,\"message\":\"nonce too low\"}"

static void replies_are_found_by_id(void **state)
{
	struct node_word w[3];

	(void)state;
	sends_read(w, 3, "[" ID("2", BAD) "," ID("0", GOOD) "," ID("1", GOOD) "]");
	assert_int_equal(w[0].note, NOTE_ACCEPTED);
	assert_int_equal(w[1].note, NOTE_ACCEPTED);
	assert_int_equal(w[2].note, NOTE_NONCE_LOW);
	assert_int_equal(w[2].err, ERR_OK);
}

static void missing_and_foreign_ids_are_unknown(void **state)
{
	static const char *const answers[] = {
		"[" ID("0", GOOD) "]",
		"[" ID("0", GOOD) "," ID("7", GOOD) "]",
		"[" ID("0", GOOD) "," ID("2000000000", GOOD) "]",
		"[" ID("0", GOOD) "," ID("1", GOOD) "," ID("1", GOOD) "]",
		"[" ID("0", GOOD) "," ID("1", GOOD) "," ID("1", BAD) "," ID(
		    "1", GOOD) "]",
		"[" ID("0", GOOD) "," ID("\"1\"", GOOD) "]",
		"[" ID("0", GOOD) "," ID("1.0", GOOD) "]",
		"[" ID("0", GOOD) "," ID("-1", GOOD) "]",
		"[" ID("0", GOOD) "," ID("1", GOOD "," BAD) "]",
		"[" ID("0", GOOD) "," ID("1", "\"x\":0") "]",
		"[" ID("0", GOOD) ",1,null,[]]",
		"[" ID("0", GOOD) "," ID("1", "\"result\":\"0x11\"") "]",
		"[" ID("0", GOOD) "," ID("1", "\"result\":null") "]",
		"[" ID("0", GOOD) "," ID("1", "\"error\":\"text\"") "]",
		"[" ID("0", GOOD) "," ID("1", "\"error\":{}") "]",
		ID("0", GOOD),
	};

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct node_word w[2];

		sends_read(w, 2, answers[i]);
		assert_int_equal(w[0].note, NOTE_ACCEPTED);
		assert_int_equal(err_class(w[1].err), CLASS_UNKNOWN);
	}
}

static void an_error_for_the_batch_is_for_all(void **state)
{
	struct node_word w[2];

	(void)state;
	sends_read(w, 2,
	    ID("null", "\"error\":{\"code\":-32600,\"message\":\"batch too large\"}"));
	for (int i = 0; i < 2; i++)
		assert_int_equal(err_class(w[i].err), CLASS_RETRY);
	sends_read(w, 2, "<html>");
	for (int i = 0; i < 2; i++)
		assert_int_equal(err_class(w[i].err), CLASS_UNKNOWN);
	sends_read(w, 2, "\"text\"");
	assert_int_equal(err_class(w[1].err), CLASS_UNKNOWN);
}

/* -- readers, on what Anvil answered --------------------------------------- */

static const char *const mine[] = {
#define MINE(hash) hash,
#include "../vectors/nodes.def"
};

struct asked {
	struct block_question q;
	struct watched watched;
};

static void ask(struct asked *a, enum block_way way)
{
	*a = (struct asked){ .q = {
				 .way = way, .height = head_height, .finalized = true } };
	bytes_of(a->q.hash.at, 32, head_hash);
	bytes_of(a->watched.account.at, 20, account_and_token[0]);
	bytes_of(a->watched.token.at, 20, account_and_token[1]);
	a->watched.balance = a->watched.token_balance = true;
	a->q.watched = &a->watched;
	a->q.watched_n = 1;
}

static enum err read_block(
    struct block_facts *b, const struct asked *a, const char *answer)
{
	struct node_word word;

	return evm->block_read(b, &word, &a->q, answer, strlen(answer), NULL);
}

static void facts_are_right(const struct block_facts *b)
{
	assert_int_equal(b->tx_n, 3);
	for (uint32_t i = 0; i < 3; i++) {
		uint8_t hash[32];

		bytes_of(hash, sizeof hash, mine[i]);
		assert_memory_equal(b->tx[i].hash.at, hash, sizeof hash);
		assert_int_equal(b->tx[i].account, 0);
	}
	assert_int_equal(b->tx[0].status, TX_OK);
	assert_int_equal(b->tx[0].gas_used, 21000);
	assert_int_equal(b->tx[1].status, TX_OK);
	assert_int_equal(b->tx[2].status, TX_REVERTED);
	assert_int_equal(b->tx[0].transfers, 0);
	assert_int_equal(b->tx[1].transfers, 1);
	assert_int_equal(b->tx[2].transfers, 0);
	assert_int_equal(b->transfers_n, 1);
	assert_int_equal(b->transfers[0].to.at[19], 0x22);
	assert_int_equal(b->transfers[0].amount.limb[0], 1500000);
	assert_int_equal(b->accounts[0].count, 5);
	assert_int_equal(b->accounts[0].token_balance.limb[0], 3500000);
	assert_true(b->accounts[0].has_balance);
	assert_true(b->has_finalized);
	assert_int_equal(b->finalized_height, head_height - 2);
}

/* Both ways give the same facts, and the same digest. */
static void a_block_both_ways(void **state)
{
	struct block_facts b, whole;
	struct asked a;

	(void)state;
	ask(&a, BLOCK_RECEIPTS);
	assert_int_equal(read_block(&b, &a, replies[REPLY_receipts]), ERR_OK);
	facts_are_right(&b);
	assert_false(b.incomplete);
	ask(&a, BLOCK_WHOLE);
	assert_int_equal(read_block(&whole, &a, replies[REPLY_whole]), ERR_OK);
	assert_true(whole.incomplete);
	assert_int_equal(
	    evm->block_receipts_read(&whole, &a.q, replies[REPLY_own_receipts],
		strlen(replies[REPLY_own_receipts]), NULL),
	    ERR_OK);
	facts_are_right(&whole);
	assert_memory_equal(b.digest.at, whole.digest.at, 32);
	block_facts_release(&b);
	block_facts_release(&whole);
}

static bool entries_count(void *ctx, const struct entry_text *e)
{
	int *n = ctx;

	return e->hash && !strcmp(e->hash, "0x1f") && ++*n < 3;
}

/* How many entries of the list are read from its text; -1: it is not for the walk. */
static int walked(const char *text, const char *behind)
{
	char *list = mem_str(text), *end;
	int n = 0;

	end = evm_walk(list, "transactionHash", entries_count, &n);
	if (end)
		assert_string_equal(end, behind);
	free(list);
	return end ? n : -1;
}

#define HASHED "\"transactionHash\":\"0x1f\""

/* What is not plain is the parser's, and never half of it. */
static void plain_receipts_are_walked(void **state)
{
	static const char *const odd[] = { "", "[", "[]", "[{}]", "[{" HASHED "}",
		"[{" HASHED "},]", "[{" HASHED ",}]", "[{" HASHED "}}", "[ {" HASHED "}]",
		"[{" HASHED "]", "[{" HASHED "," HASHED "}]",
		"[{\"transactionHash\":null}]", "[{\"transactionHash\"}]",
		"[{\"transactionHash\":\"0x1\\u0066\"}]", "[{" HASHED ",\"a\":\"\x01\"}]",
		"[{" HASHED ",\"a\":\"\xc3\xa4\"}]", "[{" HASHED ",\"a\":}]",
		"[{" HASHED ",\"a\":01}]", "[{" HASHED ",\"a\":1.}]",
		"[{" HASHED ",\"a\":-1}]", "[{" HASHED ",\"a\":nulL}]",
		"[{" HASHED ",\"a\":1234567890123456789}]", "[{" HASHED ",\"a\":[}]",
		"[{" HASHED ",\"logs\":null}]", "[{" HASHED ",\"logs\":[}]",
		"[{" HASHED ",\"logs\":[{]", "[{" HASHED ",\"logs\":[],\"logs\":[]}]",
		"[{" HASHED ",\"logs\":{}}]", "[{" HASHED ",\"logs\":[\"\x01\"]}]",
		"[{" HASHED ",\"logs\":[{\"a\":\"]\\\"\"}]}]",
		"[{" HASHED "},{" HASHED "},{" HASHED "}]" };

	(void)state;
	assert_int_equal(walked("[{" HASHED "}]", ""), 1);
	assert_int_equal(walked("[{" HASHED "},{" HASHED "}],\"\\", ",\"\\"), 2);
	assert_int_equal(
	    walked("[{\"a\":null,\"b\":true,\"c\":0,\"d\":12,\"e\":[],\"g\":[0],"
		   "\"logs\":[{\"a\":[\"]}\",{}]}]," HASHED ",\"f\":{}}]",
		""),
	    1);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		if (walked(odd[i], "") != -1)
			fail_msg("%s", odd[i]);
}

/* text with the first `old` behind `after` replaced. */
static char *changed(
    const char *text, const char *after, const char *old, const char *new)
{
	const char *at = strstr(text, after);
	size_t len;
	char *out;

	assert_non_null(at);
	at = strstr(at, old);
	assert_non_null(at);
	len = strlen(text) - strlen(old) + strlen(new) + 1;
	out = mem_new(len);
	snprintf(out, len, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
	return out;
}

typedef void compare_fn(const struct block_facts *was, const struct block_facts *is);

/* The receipts of a block, changed in each of these ways, beside what they were. */
static void each_changed(const char *const (*changes)[3], size_t n, compare_fn *compare)
{
	struct block_facts was, is;
	struct asked a;

	ask(&a, BLOCK_RECEIPTS);
	assert_int_equal(read_block(&was, &a, replies[REPLY_receipts]), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		char *text = changed(
		    replies[REPLY_receipts], changes[i][0], changes[i][1], changes[i][2]);

		assert_int_equal(read_block(&is, &a, text), ERR_OK);
		compare(&was, &is);
		block_facts_release(&is);
		free(text);
	}
	block_facts_release(&was);
}

static void are_the_same(const struct block_facts *was, const struct block_facts *is)
{
	facts_are_right(is);
	assert_memory_equal(was->digest.at, is->digest.at, 32);
}

static void are_another_digest(
    const struct block_facts *was, const struct block_facts *is)
{
	assert_memory_not_equal(was->digest.at, is->digest.at, 32);
}

/* The walk and the parser, which gets what has a blank, read the same. */
static void receipts_walked_and_parsed_agree(void **state)
{
	static const char *const changes[][3] = {
		{ "", "\"result\":[{", "\"result\": [{" },
		{ "", "\"logs\":[]", "\"logs\":[ ]" },
		{ "\"id\":1", "\"id\":1", "\"a\":\"\\u0061\",\"id\":1" },
		{ "\"id\":1", "\"id\":1", "\"a\":\"walked\",\"id\":1" },
	};

	(void)state;
	each_changed(changes, sizeof changes / sizeof *changes, are_the_same);
}

/* A list that answers no question of ours, or another one. */
static void receipts_of_another_id_are_none(void **state)
{
	static const char *const ids[] = { "\"id\":9", "\"id\":1" };
	struct asked a;

	(void)state;
	ask(&a, BLOCK_RECEIPTS);
	for (size_t i = 0; i < 2; i++) {
		char *text = changed(replies[REPLY_receipts], "", "\"id\":0", ids[i]);
		char *more =
		    changed(text, "", "[{", "[" ID("0", "\"result\":\"walked\"") ",{");
		struct block_facts b;

		assert_int_equal(read_block(&b, &a, text), ERR_BAD_ANSWER);
		assert_int_equal(read_block(&b, &a, more), ERR_BAD_ANSWER);
		free(more);
		free(text);
	}
}

/* Each change of what decides is another digest, or no facts at all. */
static void the_digest_is_over_what_decides(void **state)
{
	static const char *const changes[][3] = {
		{ "", "\"status\":\"0x1\"", "\"status\":\"0x0\"" },
		{ "", "\"gasUsed\":\"0x5208\"", "\"gasUsed\":\"0x5209\"" },
		{ "", "\"effectiveGasPrice\":\"0x", "\"effectiveGasPrice\":\"0x1" },
		{ "\"id\":1", "\"result\":\"0x5\"", "\"result\":\"0x6\"" },
		{ "\"id\":2", "\"result\":\"0x", "\"result\":\"0x1" },
		{ "\"id\":3", "\"result\":\"0x0", "\"result\":\"0x1" },
		{ "0xddf252ad", "\"data\":\"0x00", "\"data\":\"0x01" },
		{ "0xddf252ad", "\"logIndex\":\"0x0\"", "\"logIndex\":\"0x1\"" },
	};

	(void)state;
	each_changed(changes, sizeof changes / sizeof *changes, are_another_digest);
}

static void hostile_blocks_are_refused(void **state)
{
	static const char *const changes[][3] = {
		{ "", "\"blockHash\":\"0x", "\"blockHash\":\"1x" },
		{ "", "\"blockNumber\":\"0x5\"", "\"blockNumber\":\"0x6\"" },
		{ "", "\"transactionIndex\":\"0x2\"", "\"transactionIndex\":\"0x1\"" },
		{ "", "\"status\":\"0x1\"", "\"status\":\"0x2\"" },
		{ "", "\"status\":\"0x1\"", "\"status\":1" },
		{ "", "\"gasUsed\":\"0x5208\"", "\"gasUsed\":\"0x1ffffffffffffffff\"" },
		{ "", "\"effectiveGasPrice\"", "\"effectivegasprice\"" },
		{ "", "\"logs\":[", "\"logz\":[" },
		{ "", "\"logs\":[{", "\"logs\":[{\"a\":1,\"a\":1," },
		{ "", "\"from\":\"0x", "\"from\":\"0x00" },
		{ "", "\"transactionHash\":\"0x", "\"transactionHash\":\"" },
		{ "\"id\":1", "\"result\":\"0x5\"", "\"result\":5" },
		{ "\"id\":1", "\"id\":1", "\"id\":9" },
		{ "\"id\":2", "\"id\":2", "\"id\":1" },
		{ "\"id\":2", "\"result\":\"0x", "\"result\":\"0xg" },
		{ "\"id\":3", "\"result\":\"0x", "\"result\":\"0x00" },
	};
	struct asked a;

	(void)state;
	ask(&a, BLOCK_RECEIPTS);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		char *text = changed(
		    replies[REPLY_receipts], changes[i][0], changes[i][1], changes[i][2]);
		struct block_facts b;

		if (err_class(read_block(&b, &a, text)) != CLASS_UNKNOWN)
			fail_msg("%s", changes[i][2]);
		assert_null(b.tx);
		assert_null(b.accounts);
		free(text);
	}
}

/* Cut anywhere: never facts, never a crash. */
static void truncated_answers_are_refused(void **state)
{
	struct asked a;

	(void)state;
	for (enum block_way way = BLOCK_RECEIPTS; way <= BLOCK_WHOLE; way++) {
		const char *text =
		    replies[way == BLOCK_WHOLE ? REPLY_whole : REPLY_receipts];

		ask(&a, way);
		for (size_t cut = 0; cut < strlen(text); cut += 13) {
			struct block_facts b;
			struct node_word word;
			enum err err = evm->block_read(&b, &word, &a.q, text, cut, NULL);

			assert_int_equal(err, ERR_BAD_ANSWER);
		}
	}
}

/* Its hash is what the answer says, and so all in it has to be of that block. */
static void a_block_is_asked_for_by_its_height(void **state)
{
	char *other = changed(
	    replies[REPLY_whole], "\"result\":{", "\"hash\":\"0x9", "\"hash\":\"0x8");
	struct block_facts b, bare;
	struct asked a;

	(void)state;
	ask(&a, BLOCK_RECEIPTS);
	a.q.bare = true;
	a.q.finalized = false;
	assert_int_equal(read_block(&bare, &a, replies[REPLY_receipts]), ERR_OK);
	a.q.way = BLOCK_WHOLE;
	a.q.at_height = true;
	a.q.hash = (struct hash){ { 0 } };
	assert_int_equal(read_block(&b, &a, other), ERR_BAD_ANSWER);
	free(other);
	assert_int_equal(read_block(&b, &a, replies[REPLY_whole]), ERR_OK);
	assert_true(hash_same(&b.head.hash, &bare.head.hash));
	a.q.hash = b.head.hash;
	assert_int_equal(evm->block_receipts_read(&b, &a.q, replies[REPLY_own_receipts],
			     strlen(replies[REPLY_own_receipts]), NULL),
	    ERR_OK);
	assert_int_equal(b.tx_n, 3);
	assert_memory_equal(b.digest.at, bare.digest.at, 32);
	block_facts_release(&b);
	block_facts_release(&bare);
	a.q.height++;
	assert_int_equal(read_block(&b, &a, replies[REPLY_whole]), ERR_BAD_ANSWER);
}

static void another_block_is_no_answer(void **state)
{
	struct block_facts b;
	struct asked a;

	(void)state;
	ask(&a, BLOCK_RECEIPTS);
	a.q.hash.at[31] ^= 1;
	assert_int_equal(read_block(&b, &a, replies[REPLY_receipts]), ERR_BAD_ANSWER);
	ask(&a, BLOCK_WHOLE);
	a.q.hash.at[31] ^= 1;
	assert_int_equal(read_block(&b, &a, replies[REPLY_whole]), ERR_BAD_ANSWER);
	ask(&a, BLOCK_RECEIPTS);
	assert_int_equal(
	    read_block(&b, &a, "[" ID("0", "\"result\":null") "]"), ERR_NODE_BUSY);
}

/* The receipts of a whole block: of this block, of these transactions, from us. */
static void foreign_receipts_are_refused(void **state)
{
	static const char *const keys[] = { "\"blockHash\":\"0x",
		"\"transactionHash\":\"0x", "\"from\":\"0x" };
	struct block_facts b;
	struct asked a;
	char *missing;

	(void)state;
	ask(&a, BLOCK_WHOLE);
	assert_int_equal(read_block(&b, &a, replies[REPLY_whole]), ERR_OK);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *text = replies[REPLY_own_receipts];
		const char *at = strstr(text, keys[i]) + strlen(keys[i]);
		char *other = mem_str(text);

		other[at - text] = *at == '0' ? '1' : '0';
		assert_int_equal(
		    evm->block_receipts_read(&b, &a.q, other, strlen(other), NULL),
		    ERR_BAD_ANSWER);
		assert_true(b.incomplete);
		free(other);
	}
	/* what an answer that broke off had brought does not count twice */
	missing =
	    changed(replies[REPLY_own_receipts], "\"id\":2", "\"id\":2", "\"id\":9");
	assert_int_equal(
	    evm->block_receipts_read(&b, &a.q, missing, strlen(missing), NULL),
	    ERR_BAD_ANSWER);
	free(missing);
	assert_int_equal(evm->block_receipts_read(&b, &a.q, replies[REPLY_own_receipts],
			     strlen(replies[REPLY_own_receipts]), NULL),
	    ERR_OK);
	facts_are_right(&b);
	block_facts_release(&b);
}

/* Tokens that somebody else moved in a transaction of ours are not our payment. */
static void foreign_transfers_do_not_count(void **state)
{
	char *text = changed(replies[REPLY_receipts], "0xddf252ad",
	    "000000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
	    "0000000000000000000000001111111111111111111111111111111111111111");
	struct block_facts b;
	struct asked a;

	(void)state;
	ask(&a, BLOCK_RECEIPTS);
	assert_int_equal(read_block(&b, &a, text), ERR_OK);
	assert_int_equal(b.tx_n, 3);
	assert_int_equal(b.transfers_n, 0);
	block_facts_release(&b);
	free(text);
}

/* Nor is what another token moved to the recipient, or this one to somebody else. */
static void a_transfer_of_another_token_is_no_payment(void **state)
{
	struct payment pay = { .token = true,
		.asset = { { 0x70, 1 } },
		.to = { { 0x22, 2 } },
		.amount = amount_u64(5) };
	struct transfer t = { .token = pay.asset, .to = pay.to, .amount = pay.amount };
	struct seen_tx tx = { .status = TX_OK, .transfers = 1 };
	struct block_facts b = {
		.tx = &tx, .tx_n = 1, .transfers = &t, .transfers_n = 1
	};
	struct payload payload;
	struct amount paid;

	(void)state;
	evm->pay(&payload, &pay);
	assert_true(evm->paid(&paid, &payload, &b, &tx));
	assert_int_equal(amount_cmp(&paid, &pay.amount), 0);
	t.token.at[19] = 1;
	assert_false(evm->paid(&paid, &payload, &b, &tx));
	t.token = pay.asset;
	t.to.at[19] = 1;
	assert_false(evm->paid(&paid, &payload, &b, &tx));
}

/* A node that drops the old states has no count, and says so; the rest is there. */
static void a_pruned_state_is_a_gap(void **state)
{
	const char *count = "\"result\":\"0x5\"";
	char *text = changed(replies[REPLY_receipts], "\"id\":1", count,
	    "\"error\":{\"code\":-32000,\"message\":\"missing trie node 01\"}");
	struct block_facts b;
	struct node_word word;
	struct asked a;

	(void)state;
	ask(&a, BLOCK_RECEIPTS);
	assert_int_equal(
	    evm->block_read(&b, &word, &a.q, text, strlen(text), NULL), ERR_OK);
	assert_false(b.accounts[0].has_count);
	assert_true(b.accounts[0].has_balance);
	assert_int_equal(word.note, NOTE_NO_STATE);
	block_facts_release(&b);
	free(text);
	text = changed(replies[REPLY_receipts], "\"id\":1", count,
	    "\"error\":{\"code\":-32000,\"message\":\"Cannot wrap a \\\"object\\\"\"}");
	assert_int_equal(
	    evm->block_read(&b, &word, &a.q, text, strlen(text), NULL), ERR_NODE_REFUSED);
	assert_int_equal(word.note, NOTE_NO_HASH_PARAM);
	free(text);
}

/* More than a block can hold is none, however well each entry is made. */
static void a_flood_is_bounded(void **state)
{
	struct buf text;
	struct block_facts b;
	struct asked a;

	(void)state;
	ask(&a, BLOCK_RECEIPTS);
	a.q.finalized = false;
	a.q.watched_n = 0;
	buf_init(&text, 1 << 26);
	buf_add_str(&text, "[{\"id\":0,\"result\":[");
	for (unsigned i = 0; i < 100001; i++)
		buf_addf(&text,
		    "%s{\"blockHash\":\"%s\",\"transactionHash\":\"" HASH
		    "\",\"transactionIndex\":\"0x%x\","
		    "\"from\":\"0x1111111111111111111111111111111111111111\"}",
		    i ? "," : "", head_hash, i);
	buf_add_str(&text, "]}]");
	assert_true(buf_ok(&text));
	assert_int_equal(read_block(&b, &a, buf_text(&text)), ERR_BAD_ANSWER);
	buf_release(&text);
}

/* Asked by number, the block must have been there before and after. */
static void by_number_the_block_must_stay(void **state)
{
	const char *header = strstr(replies[REPLY_poll], "\"result\":");
	char *moved = changed(header, "", head_hash + 2,
	    "1111111111111111111111111111111111111111111111111111111111111111");
	struct asked a;

	(void)state;
	ask(&a, BLOCK_RECEIPTS);
	a.q.by_number = true;
	a.q.finalized = false;
	a.q.watched_n = 0;
	for (int i = 0; i < 3; i++) {
		struct block_facts b;
		struct buf text;

		buf_init(&text, ROOM);
		buf_addf(&text, "[{\"id\":0,%s,{\"id\":1,\"result\":[]},{\"id\":2,%s]",
		    i == 1 ? moved : header, i == 2 ? moved : header);
		assert_int_equal(
		    read_block(&b, &a, buf_text(&text)), i ? ERR_NODE_BUSY : ERR_OK);
		if (i == 0)
			assert_int_equal(b.head.base_fee > 0, 1);
		block_facts_release(&b);
		buf_release(&text);
	}
	free(moved);
}

static void heads(void **state)
{
	const char *text = replies[REPLY_poll];
	char *bad = changed(text, "", "\"parentHash\"", "\"parent\"");
	struct head h;
	uint8_t hash[32];

	(void)state;
	assert_int_equal(evm->poll_read(&h, text, strlen(text), NULL), ERR_OK);
	bytes_of(hash, sizeof hash, head_hash);
	assert_memory_equal(h.hash.at, hash, sizeof hash);
	assert_int_equal(h.height, head_height);
	assert_true(h.has_base_fee);
	assert_in_range(h.next_base_fee, h.base_fee - h.base_fee / 8, h.base_fee);
	assert_int_equal(evm->poll_read(&h, bad, strlen(bad), NULL), ERR_BAD_ANSWER);
	free(bad);
	bad = changed(
	    text, "", "\"number\":\"0x", "\"number\":\"0x8000000000000000\",\"n\":\"");
	assert_int_equal(evm->poll_read(&h, bad, strlen(bad), NULL), ERR_BAD_ANSWER);
	free(bad);
	bad = changed(text, "", "\"gasUsed\":\"0x", "\"gasUsed\":\"0xffff");
	assert_int_equal(evm->poll_read(&h, bad, strlen(bad), NULL), ERR_BAD_ANSWER);
	free(bad);
}

/* EIP-1559's rule: a full block raises by an eighth, an empty one lowers by as much. */
static void the_next_base_fee(void **state)
{
	static const struct {
		uint64_t base, used, next;
	} rows[] = {
		{ 1000000000, 15000000, 1000000000 },
		{ 1000000000, 30000000, 1125000000 },
		{ 1000000000, 0, 875000000 },
		{ 7, 30000000, 8 }, /* at least one more */
		{ 7, 0, 7 },
		{ 0, 30000000, 1 },
		{ UINT64_MAX, 30000000, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf text;
		struct head h;

		buf_init(&text, ROOM);
		buf_addf(&text,
		    "{\"id\":0,\"result\":{\"number\":\"0x1\",\"hash\":\"" HASH
		    "\",\"parentHash\":\"" HASH
		    "\",\"gasLimit\":\"0x1c9c380\",\"gasUsed\":\"0x%llx\","
		    "\"baseFeePerGas\":\"0x%llx\"}}",
		    (unsigned long long)rows[i].used, (unsigned long long)rows[i].base);
		assert_int_equal(
		    evm->poll_read(&h, buf_text(&text), text.len, NULL), ERR_OK);
		assert_int_equal(h.next_base_fee, rows[i].next);
		buf_release(&text);
	}
}

static void transactions_and_receipts(void **state)
{
	const char *text = replies[REPLY_own_transactions];
	struct whole_tx tx[3];
	struct receipt r[3];

	(void)state;
	assert_int_equal(evm->transactions_read(tx, 3, text, strlen(text), NULL), ERR_OK);
	assert_true(tx[0].known && tx[0].included && !tx[0].creates);
	assert_int_equal(tx[0].nonce, 2);
	assert_int_equal(tx[0].payload.value.limb[0], 7);
	assert_int_equal(tx[0].payload.data_len, 0);
	assert_int_equal(tx[1].payload.data_len, 68);
	assert_int_equal(tx[1].height, head_height);
	text = replies[REPLY_own_receipts];
	assert_int_equal(
	    evm->receipts_read(r, NULL, 3, text, strlen(text), NULL), ERR_OK);
	assert_int_equal(r[0].transfers, 0);
	assert_int_equal(r[1].transfers, 1);
	assert_int_equal(r[1].transfer.amount.limb[0], 1500000);
	assert_int_equal(r[2].status, TX_REVERTED);
	text = "[{\"id\":0,\"result\":null}]";
	assert_int_equal(
	    evm->receipts_read(r, NULL, 1, text, strlen(text), NULL), ERR_OK);
	assert_false(r[0].known);
	assert_int_equal(evm->transactions_read(tx, 1, text, strlen(text), NULL), ERR_OK);
	assert_false(tx[0].known);
}

/* Then it says the same as one that shows it, or the two never agree. */
static void a_node_that_shows_no_type(void **state)
{
	struct whole_tx shown[3], hidden[3];
	char *text = strdup(replies[REPLY_own_transactions]);
	size_t len = strlen(text), n = 0;

	(void)state;
	assert_int_equal(evm->transactions_read(shown, 3, text, len, NULL), ERR_OK);
	for (char *at = text; (at = strstr(at, "\"type\"")); n++)
		at[1] = 'k';
	assert_int_equal(n, 3);
	assert_int_equal(evm->transactions_read(hidden, 3, text, len, NULL), ERR_OK);
	for (int k = 0; k < 3; k++) {
		assert_int_equal(hidden[k].fees.type, shown[k].fees.type);
		assert_int_equal(hidden[k].fees.max_fee, shown[k].fees.max_fee);
		assert_int_equal(hidden[k].fees.tip, shown[k].fees.tip);
	}
	assert_int_equal(shown[0].fees.type, FEE_1559);
	free(text);
}

static void what_the_node_is(void **state)
{
	const char *text = replies[REPLY_identity];
	char client[CLIENT_MAX];
	struct identity id;
	struct token_facts t;

	(void)state;
	assert_int_equal(evm->identity_read(&id, text, strlen(text), NULL), ERR_OK);
	assert_int_equal(id.chain_id, 31337);
	text = replies[REPLY_client];
	assert_int_equal(evm->client_read(client, text, strlen(text), NULL), ERR_OK);
	assert_string_equal(client, "anvil/v1.7.1");
	text = "{\"id\":0,\"error\":{\"code\":-32601,\"message\":\"no\"}}";
	assert_int_equal(evm->client_read(client, text, strlen(text), NULL), ERR_OK);
	assert_string_equal(client, "");
	text = replies[REPLY_token];
	assert_int_equal(evm->token_read(&t, text, strlen(text), NULL), ERR_OK);
	assert_true(t.has_code);
	assert_int_equal(t.decimals, 6);
	assert_string_equal(t.symbol, "TOK");
	assert_int_equal(t.balance.limb[0], 3500000);
}

static const struct head with_base_fee = { .has_base_fee = true, .next_base_fee = 8 };

static void market(
    struct fee_market *m, const struct head *head, const char *text, enum err err)
{
	assert_int_equal(evm->market_read(m, head, text, strlen(text), NULL), err);
}

#define HISTORY                                            \
	"\"result\":{\"baseFeePerGas\":[\"0x1\",\"0x9\"]," \
	"\"reward\":[[\"0x5\"],[\"0x7\"],[\"0x3\"]]}"
#define REFUSED "\"error\":{\"code\":-32601,\"message\":\"Method not found\"}"
#define TIP "\"result\":\"0x6\""

static void what_gas_costs(void **state)
{
	struct fee_market m;

	(void)state;
	market(&m, &with_base_fee, replies[REPLY_market], ERR_OK);
	assert_true(m.has_1559);
	assert_true(m.next_base_fee > 9);
	/* the median, or the node's own word when that is more */
	market(&m, &with_base_fee, "[" ID("0", HISTORY) "," ID("1", REFUSED) "]", ERR_OK);
	assert_int_equal(m.next_base_fee, 9);
	assert_int_equal(m.tip, 5);
	market(&m, &with_base_fee, "[" ID("0", HISTORY) "," ID("1", TIP) "]", ERR_OK);
	assert_int_equal(m.tip, 6);
	/* no history: the head's own base fee */
	market(&m, &with_base_fee, "[" ID("0", REFUSED) "," ID("1", TIP) "]", ERR_OK);
	assert_true(m.has_1559);
	assert_int_equal(m.next_base_fee, 8);
	assert_int_equal(m.tip, 6);
	market(&m, &with_base_fee, "[" ID("0", REFUSED) "," ID("1", REFUSED) "]",
	    ERR_NODE_REFUSED);
	/* a busy node is not one without the method */
	market(&m, &with_base_fee,
	    "[" ID("0", "\"error\":{\"code\":429,\"message\":\"\"}") "," ID("1", TIP) "]",
	    ERR_RATE_LIMITED);
	market(&m, &with_base_fee, "[" ID("1", TIP) "]", ERR_BAD_ANSWER);
}

/* No base fee: a gas price. Old chains answer eth_feeHistory with zeros. */
static void what_gas_costs_without_a_base_fee(void **state)
{
	static const struct head plain;
	struct fee_market m;

	(void)state;
	market(&m, &plain, "[" ID("0", "\"result\":\"0x64\"") "]", ERR_OK);
	assert_false(m.has_1559);
	assert_int_equal(m.tip, 100);
	assert_int_equal(m.next_base_fee, 0);
	market(&m, &plain, "[" ID("0", HISTORY) "]", ERR_BAD_ANSWER);
	market(&m, &plain, "[" ID("0", REFUSED) "]", ERR_NODE_REFUSED);
}

static void code_is_a_byte_each(void **state)
{
	uint8_t has[2];
	const char *good = "[{\"id\":0,\"result\":\"0x0100\"}]";
	static const char *const bad[] = { "[{\"id\":0,\"result\":\"0x01\"}]",
		"[{\"id\":0,\"result\":\"0x010000\"}]",
		"[{\"id\":0,\"result\":\"0x0102\"}]", "[{\"id\":0,\"result\":\"0x\"}]",
		"[{\"id\":0,\"result\":null}]" };

	(void)state;
	assert_int_equal(evm->code_read(has, 2, good, strlen(good), NULL), ERR_OK);
	assert_int_equal(has[0], 1);
	assert_int_equal(has[1], 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(
		    evm->code_read(has, 2, bad[i], strlen(bad[i]), NULL), ERR_BAD_ANSWER);
}

/* -- requests -------------------------------------------------------------- */

static json_t *request(struct buf *body)
{
	json_t *root = json_loadb((const char *)body->data, body->len, 0, NULL);

	assert_true(buf_ok(body));
	assert_non_null(root);
	buf_release(body);
	return root;
}

static void count_calls(struct buf *body, size_t n)
{
	json_t *root = request(body);

	assert_int_equal(json_array_size(root), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
		    json_integer_value(json_object_get(json_array_get(root, i), "id")),
		    i);
	json_decref(root);
}

static void requests_are_json(void **state)
{
	struct hash hashes[3] = { { { 1 } }, { { 2 } }, { { 3 } } };
	struct address who[3] = { { { 1 } }, { { 2 } }, { { 3 } } };
	uint64_t heights[2] = { 0, UINT64_MAX };
	struct payload p[2] = { { .data_len = 0 }, { .data_len = PAYLOAD_DATA_MAX } };
	struct asked a;
	struct buf b;
	json_t *root;

	(void)state;
	buf_init(&b, ROOM);
	evm->poll(&b);
	root = request(&b);
	assert_true(json_is_object(root));
	json_decref(root);
	evm->identity(&b);
	count_calls(&b, 2);
	evm->market(&b, &with_base_fee);
	count_calls(&b, 2);
	evm->market(&b, &(struct head){ .height = 1 });
	count_calls(&b, 1);
	evm->header(&b, hashes);
	count_calls(&b, 1);
	evm->headers_at(&b, heights, 2);
	count_calls(&b, 2);
	evm->counts_at(&b, who, heights, 2);
	count_calls(&b, 2);
	evm->transactions(&b, hashes, 3);
	count_calls(&b, 3);
	evm->receipts(&b, hashes, 3);
	count_calls(&b, 3);
	evm->estimate(&b, who, p, 2);
	count_calls(&b, 2);
	evm->try(&b, who, p + 1, 7);
	count_calls(&b, 1);
	evm->code(&b, who, 3);
	count_calls(&b, 1);
	evm->token(&b, who, who + 1);
	count_calls(&b, 4);
	evm->account(&b, who);
	count_calls(&b, 2);
	ask(&a, BLOCK_RECEIPTS);
	evm->block(&b, &a.q);
	count_calls(&b, 5);
	a.q.by_number = true;
	evm->block(&b, &a.q);
	count_calls(&b, 7);
	ask(&a, BLOCK_WHOLE);
	a.q.bare = a.q.at_height = true;
	a.q.finalized = false;
	evm->block(&b, &a.q);
	count_calls(&b, 1);
}

static int setup(void **state)
{
	(void)state;
	secret_setup();
	secp_setup();
	return 0;
}

/* Of a list of hashes the last one stays; what is no such list stays whole. */
static void hashes_are_passed_over(void **state)
{
#define H64 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define LIST(list) "{\"id\":0,\"result\":{\"transactions\":[" list "],\"gas\":\"0x1f\"}}"
	static const struct {
		const char *text;
		size_t left;
	} lists[] = {
		{ LIST(""), 0 },
		{ LIST("\"0x" H64 "\""), 1 },
		{ LIST("\"0x" H64 "\",\"0x" H64 "\",\"0x" H64 "\""), 1 },
		{ LIST("\"0x" H64 "\",\"0x" H64 "0\",\"0x" H64 "\""), 2 },
		{ LIST("\"0x" H64 "\", \"0x" H64 "\""), 2 },
		{ LIST("{\"hash\":\"0x" H64 "\"},{}"), 2 },
	};
	static const char *const broken[] = { LIST("\"0x" H64 "\",\"0x"),
		LIST("\"0x" H64 "\",\"0x" H64 "\","), LIST("\"0x" H64 "\",\"0x" H64),
		"{\"id\":0,\"result\":{\"transactions\":[\"0x" H64 "\",\"0x" H64 };
	struct rpc_answer a;

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		const json_t *list;

		assert_int_equal(
		    rpc_read(&a, 1, lists[i].text, strlen(lists[i].text), NULL), ERR_OK);
		list = json_object_get(a.replies[0].result, "transactions");
		assert_int_equal(json_array_size(list), lists[i].left);
		assert_string_equal(
		    json_string_value(json_object_get(a.replies[0].result, "gas")),
		    "0x1f");
		rpc_release(&a);
	}
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		assert_int_equal(
		    rpc_read(&a, 1, broken[i], strlen(broken[i]), NULL), ERR_BAD_ANSWER);
		rpc_release(&a);
	}
}

static void blooms_are_passed_over(void **state)
{
	static const char two[] = "[{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":["
				  "{\"logsBloom\":\"0x00fFa\",\"gas\":\"0x1f\"},"
				  "{\"logsBloom\":\"0x\",\"gas\":\"0x20\"}]}]";
	static const char broken[] = "[{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":"
				     "{\"logsBloom\":\"0x12\"34\"}}]";
	struct rpc_answer a;
	struct fail f = { 0 };
	uint64_t gas;

	(void)state;
	assert_int_equal(rpc_read(&a, 1, two, sizeof two - 1, &f), ERR_OK);
	for (size_t i = 0; i < 2; i++) {
		const json_t *o = json_array_get(a.replies[0].result, i);

		assert_string_equal(
		    json_string_value(json_object_get(o, "logsBloom")), "0x");
		assert_true(rpc_as_u64(json_object_get(o, "gas"), &gas));
		assert_int_equal(gas, 0x1f + i);
	}
	rpc_release(&a);
	assert_int_not_equal(rpc_read(&a, 1, broken, sizeof broken - 1, &f), ERR_OK);
	rpc_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blooms_are_passed_over),
		cmocka_unit_test(hashes_are_passed_over),
		cmocka_unit_test(signs_as_others_do),
		cmocka_unit_test(reads_back),
		cmocka_unit_test(damaged_bytes_are_refused),
		cmocka_unit_test(legacy_without_chain_id_is_refused),
		cmocka_unit_test(a_high_s_is_refused),
		cmocka_unit_test(first_fees),
		cmocka_unit_test(first_fees_obey_the_caps),
		cmocka_unit_test(every_client_takes_a_bump),
		cmocka_unit_test(a_bump_is_the_least),
		cmocka_unit_test(the_reserve_covers_two_bumps),
		cmocka_unit_test(recorded_answers_are_known),
		cmocka_unit_test(texts_of_all_clients_are_known),
		cmocka_unit_test(no_row_is_hidden),
		cmocka_unit_test(patience_is_never_a_refusal),
		cmocka_unit_test(text_from_outside_is_made_printable),
		cmocka_unit_test(replies_are_found_by_id),
		cmocka_unit_test(missing_and_foreign_ids_are_unknown),
		cmocka_unit_test(an_error_for_the_batch_is_for_all),
		cmocka_unit_test(a_block_both_ways),
		cmocka_unit_test(plain_receipts_are_walked),
		cmocka_unit_test(receipts_walked_and_parsed_agree),
		cmocka_unit_test(receipts_of_another_id_are_none),
		cmocka_unit_test(the_digest_is_over_what_decides),
		cmocka_unit_test(hostile_blocks_are_refused),
		cmocka_unit_test(truncated_answers_are_refused),
		cmocka_unit_test(another_block_is_no_answer),
		cmocka_unit_test(a_block_is_asked_for_by_its_height),
		cmocka_unit_test(foreign_receipts_are_refused),
		cmocka_unit_test(foreign_transfers_do_not_count),
		cmocka_unit_test(a_transfer_of_another_token_is_no_payment),
		cmocka_unit_test(a_pruned_state_is_a_gap),
		cmocka_unit_test(a_flood_is_bounded),
		cmocka_unit_test(by_number_the_block_must_stay),
		cmocka_unit_test(heads),
		cmocka_unit_test(the_next_base_fee),
		cmocka_unit_test(transactions_and_receipts),
		cmocka_unit_test(a_node_that_shows_no_type),
		cmocka_unit_test(what_the_node_is),
		cmocka_unit_test(what_gas_costs),
		cmocka_unit_test(what_gas_costs_without_a_base_fee),
		cmocka_unit_test(code_is_a_byte_each),
		cmocka_unit_test(requests_are_json),
	};

	return cmocka_run_group_tests_name("evm", tests, setup, NULL);
}
