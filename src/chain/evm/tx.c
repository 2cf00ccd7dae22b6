#include "chain/evm/tx.h"

#include <string.h>

#include "base/check.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"

#define TYPE_1559 0x02

/* -- writing --------------------------------------------------------------- */

static void fields_legacy(struct buf *out, const struct sign_job *j)
{
	rlp_add_u64(out, j->nonce);
	rlp_add_u64(out, j->fees.max_fee);
	rlp_add_u64(out, j->fees.gas);
	rlp_add_bytes(out, j->payload.to.at, sizeof j->payload.to.at);
	rlp_add_amount(out, &j->payload.value);
	rlp_add_bytes(out, j->payload.data, j->payload.data_len);
}

static void fields_1559(struct buf *out, const struct sign_job *j)
{
	static const struct buf no_access_list;

	rlp_add_u64(out, j->chain_id);
	rlp_add_u64(out, j->nonce);
	rlp_add_u64(out, j->fees.tip);
	rlp_add_u64(out, j->fees.max_fee);
	rlp_add_u64(out, j->fees.gas);
	rlp_add_bytes(out, j->payload.to.at, sizeof j->payload.to.at);
	rlp_add_amount(out, &j->payload.value);
	rlp_add_bytes(out, j->payload.data, j->payload.data_len);
	rlp_add_list(out, &no_access_list);
}

/* The list that items make, behind the type's byte where there is one. */
static void envelope(struct buf *out, enum fee_type type, const struct buf *items)
{
	buf_clear(out);
	if (type == FEE_1559)
		buf_add_byte(out, TYPE_1559);
	rlp_add_list(out, items);
	CHECK(buf_ok(out) && buf_ok(items));
}

/* EIP-155: what is signed ends in (chain id, 0, 0). */
static void add_chain_id(struct buf *items, uint64_t chain_id)
{
	rlp_add_u64(items, chain_id);
	rlp_add_u64(items, 0);
	rlp_add_u64(items, 0);
}

static void signing_hash(uint8_t hash[32], struct buf *scratch, struct buf *items,
    enum fee_type type, uint64_t chain_id)
{
	size_t len = items->len;

	if (type == FEE_LEGACY)
		add_chain_id(items, chain_id);
	envelope(scratch, type, items);
	items->len = len;
	keccak256(hash, scratch->data, scratch->len);
}

static void add_signature(
    struct buf *items, const struct sign_job *j, const uint8_t hash[32])
{
	uint8_t r[32], s[32];
	struct amount number;
	int parity;

	secp_sign(r, s, &parity, j->key, hash);
	rlp_add_u64(items,
	    j->fees.type == FEE_LEGACY ? 2 * j->chain_id + 35 + (uint64_t)parity
				       : (uint64_t)parity);
	number = amount_decode(r);
	rlp_add_amount(items, &number);
	number = amount_decode(s);
	rlp_add_amount(items, &number);
}

enum err evm_tx_sign(struct signed_bytes *ret, const struct sign_job *job, struct fail *f)
{
	struct buf items, out;
	uint8_t hash[32];

	CHECK(job->payload.data_len <= PAYLOAD_DATA_MAX);
	CHECK(job->fees.type == FEE_1559 || job->fees.type == FEE_LEGACY);
	if (job->fees.type == FEE_LEGACY && job->chain_id > (UINT64_MAX - 36) / 2)
		return fail_set(f, ERR_INPUT, "the chain id is too large for EIP-155");
	buf_init(&items, RAW_MAX);
	buf_init(&out, RAW_MAX);
	if (job->fees.type == FEE_LEGACY)
		fields_legacy(&items, job);
	else
		fields_1559(&items, job);
	signing_hash(hash, &out, &items, job->fees.type, job->chain_id);
	add_signature(&items, job, hash);
	envelope(&out, job->fees.type, &items);
	keccak256(ret->hash.at, out.data, out.len);
	ret->raw_len = (uint32_t)out.len;
	memcpy(ret->raw, out.data, out.len);
	buf_release(&items);
	buf_release(&out);
	return ERR_OK;
}

/* -- reading --------------------------------------------------------------- */

struct signature {
	uint8_t r[32], s[32];
	int parity;
};

/* Half the order of secp256k1: a greater s is refused by EIP-2. */
static const uint8_t s_max[32] = { 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4,
	0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0 };

static bool next_bytes(struct rlp *r, struct rlp_item *ret)
{
	return rlp_next(r, ret) && !ret->list;
}

/* to, value, data: the same in both types. */
static bool next_payload(struct rlp *r, struct evm_tx *tx)
{
	struct rlp_item to, data;

	if (!next_bytes(r, &to) || (to.len != 0 && to.len != sizeof tx->to.at))
		return false;
	if (!rlp_next_amount(r, &tx->value) || !next_bytes(r, &data))
		return false;
	tx->creates = to.len == 0;
	if (!tx->creates)
		memcpy(tx->to.at, to.data, to.len);
	tx->data = data.data;
	tx->data_len = data.len;
	return true;
}

static bool next_signature(struct rlp *r, struct signature *sig)
{
	struct amount number;

	if (!rlp_next_amount(r, &number))
		return false;
	amount_encode(sig->r, &number);
	if (!rlp_next_amount(r, &number))
		return false;
	amount_encode(sig->s, &number);
	return r->at == r->end && memcmp(sig->s, s_max, sizeof s_max) <= 0;
}

static bool decode_1559(struct rlp *r, struct evm_tx *tx, struct signature *sig,
    const uint8_t **ret_signed_end)
{
	struct rlp_item access_list;
	uint64_t parity;

	tx->fees.type = FEE_1559;
	if (!rlp_next_u64(r, &tx->chain_id) || !rlp_next_u64(r, &tx->nonce) ||
	    !rlp_next_u64(r, &tx->fees.tip) || !rlp_next_u64(r, &tx->fees.max_fee) ||
	    !rlp_next_u64(r, &tx->fees.gas) || !next_payload(r, tx))
		return false;
	if (!rlp_next(r, &access_list) || !access_list.list)
		return false;
	*ret_signed_end = r->at;
	if (!rlp_next_u64(r, &parity) || parity > 1)
		return false;
	sig->parity = (int)parity;
	return tx->fees.tip <= tx->fees.max_fee && next_signature(r, sig);
}

static bool decode_legacy(struct rlp *r, struct evm_tx *tx, struct signature *sig,
    const uint8_t **ret_signed_end)
{
	uint64_t v;

	tx->fees.type = FEE_LEGACY;
	if (!rlp_next_u64(r, &tx->nonce) || !rlp_next_u64(r, &tx->fees.max_fee) ||
	    !rlp_next_u64(r, &tx->fees.gas) || !next_payload(r, tx))
		return false;
	*ret_signed_end = r->at;
	if (!rlp_next_u64(r, &v) || v < 37) /* 27 and 28: no chain id */
		return false;
	tx->chain_id = (v - 35) / 2;
	sig->parity = (int)((v - 35) % 2);
	return next_signature(r, sig);
}

static enum err recover(struct evm_tx *tx, const struct signature *sig,
    const uint8_t *from, const uint8_t *to, struct fail *f)
{
	struct buf items, out;
	uint8_t hash[32];
	size_t len = (size_t)(to - from);

	buf_init(&items, len + 64);
	buf_init(&out, len + 128);
	buf_add(&items, from, len);
	signing_hash(hash, &out, &items, tx->fees.type, tx->chain_id);
	buf_release(&items);
	buf_release(&out);
	return secp_recover(tx->from.at, sig->r, sig->s, sig->parity, hash, f);
}

/* All but who signed it. */
static enum err read_tx(struct evm_tx *ret, struct signature *sig, struct rlp_item *list,
    const uint8_t **ret_signed_end, const uint8_t *raw, size_t len, struct fail *f)
{
	bool typed = len > 0 && raw[0] == TYPE_1559, ok;
	struct rlp outer, r;

	*ret = (struct evm_tx){ .nonce = 0 };
	if (len == 0 || (!typed && raw[0] < 0xc0))
		return fail_set(f, ERR_INPUT, "no transaction of type 0 or 2");
	rlp_init(&outer, raw + typed, len - typed);
	if (!rlp_next(&outer, list) || !list->list || outer.at != outer.end)
		return fail_set(f, ERR_INPUT, "the transaction is not one RLP list");
	rlp_init(&r, list->data, list->len);
	ok = typed ? decode_1559(&r, ret, sig, ret_signed_end)
		   : decode_legacy(&r, ret, sig, ret_signed_end);
	if (!ok)
		return fail_set(f, ERR_INPUT, "a field of the transaction is malformed");
	keccak256(ret->hash.at, raw, len);
	return ERR_OK;
}

enum err evm_tx_decode(struct evm_tx *ret, const uint8_t *raw, size_t len, struct fail *f)
{
	const uint8_t *signed_end = raw;
	struct signature sig = { .parity = 0 };
	struct rlp_item list;
	enum err e = read_tx(ret, &sig, &list, &signed_end, raw, len, f);

	return e == ERR_OK ? recover(ret, &sig, list.data, signed_end, f) : e;
}

enum err evm_tx_read(struct evm_tx *ret, const uint8_t *raw, size_t len, struct fail *f)
{
	const uint8_t *signed_end = raw;
	struct signature sig = { .parity = 0 };
	struct rlp_item list;

	return read_tx(ret, &sig, &list, &signed_end, raw, len, f);
}

enum err evm_tx_job(struct sign_job *ret, struct hash *ret_hash, const uint8_t *raw,
    size_t len, struct fail *f)
{
	struct evm_tx tx;
	enum err e = evm_tx_read(&tx, raw, len, f);

	if (e != ERR_OK)
		return e;
	if (tx.creates || tx.data_len > PAYLOAD_DATA_MAX)
		return fail_set(f, ERR_INPUT, "the transaction is no payload's");
	*ret = (struct sign_job){ .chain_id = tx.chain_id,
		.nonce = tx.nonce,
		.payload = { .to = tx.to,
		    .value = tx.value,
		    .data_len = (uint32_t)tx.data_len },
		.fees = tx.fees };
	if (tx.data_len)
		memcpy(ret->payload.data, tx.data, tx.data_len);
	*ret_hash = tx.hash;
	return ERR_OK;
}
