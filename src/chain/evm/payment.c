#include "chain/evm/payment.h"

#include <string.h>

#include "base/mutant.h"
#include "codec/abi.h"

_Static_assert(ABI_TRANSFER_LEN <= PAYLOAD_DATA_MAX, "a transfer fits a payload");

void evm_pay(struct payload *ret, const struct payment *p)
{
	memset(ret, 0, sizeof *ret);
	if (!p->token) {
		ret->to = p->to;
		ret->value = p->amount;
		return;
	}
	ret->to = p->asset;
	ret->data_len = ABI_TRANSFER_LEN;
	abi_transfer_encode(ret->data, p->to.at, &p->amount);
}

bool evm_payment(struct payment *ret, const struct payload *p)
{
	memset(ret, 0, sizeof *ret);
	if (!p->data_len) {
		ret->to = p->to;
		ret->amount = p->value;
		return !amount_is_zero(&p->value);
	}
	ret->token = true;
	ret->asset = p->to;
	return p->data_len == ABI_TRANSFER_LEN &&
	    abi_transfer_decode(ret->to.at, &ret->amount, p->data, p->data_len);
}

bool evm_paid(struct amount *ret, const struct payload *p, const struct block_facts *b,
    const struct seen_tx *tx)
{
	struct payment want;
	struct amount sum = AMOUNT_ZERO;
	bool seen = false;

	if (tx->status != TX_OK || !evm_payment(&want, p))
		return false;
	if (!want.token) {
		*ret = want.amount;
		return true;
	}
	for (uint32_t i = 0; i < tx->transfers; i++) {
		const struct transfer *t = &b->transfers[tx->transfer_at + i];

		if ((memcmp(t->token.at, want.asset.at, sizeof t->token.at) != 0 &&
			!MUTANT(transfer_of_any_token)) ||
		    (memcmp(t->to.at, want.to.at, sizeof t->to.at) != 0 &&
			!MUTANT(arrived_at_anyone)))
			continue;
		if (!amount_add(&sum, &sum, &t->amount))
			return false;
		seen = true;
	}
	if (seen)
		*ret = sum;
	return seen;
}
