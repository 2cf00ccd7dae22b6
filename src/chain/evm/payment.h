/* payment.h - payments as payloads: native coin and ERC-20 transfers. The faces are
 * those of struct connector (chain.h). */
#ifndef PAWL_CHAIN_EVM_PAYMENT_H
#define PAWL_CHAIN_EVM_PAYMENT_H

#include "chain/chain.h"

void evm_pay(struct payload *ret, const struct payment *p);
bool evm_payment(struct payment *ret, const struct payload *p);
bool evm_paid(struct amount *ret, const struct payload *p, const struct block_facts *b,
    const struct seen_tx *tx);

#endif
