/* outcome.h - what a node's error means.
 *
 * One table (outcome.def) maps code and text of all known clients to a policy and a
 * note; the first row that fits decides. What no row knows is UNKNOWN.
 */
#ifndef PAWL_CHAIN_EVM_OUTCOME_H
#define PAWL_CHAIN_EVM_OUTCOME_H

#include <jansson.h>

#include "chain/chain.h"

/* What was asked: the same words mean different things. */
enum outcome_of {
	OF_SEND = 1, /* eth_sendRawTransaction */
	OF_CALL = 2, /* eth_call, eth_estimateGas */
	OF_READ = 4, /* anything else */
	OF_ANY = 7
};

/* error: the object of the reply; NULL: the reply is missing. */
void outcome_read(struct node_word *ret, enum outcome_of of, const json_t *error);

/* The same for a question that must be answered: never ERR_OK; f says what the node
 * said. */
enum err outcome_fail(enum outcome_of of, const json_t *error, struct fail *f);

/* The answer is there but not understood: UNKNOWN. */
void outcome_bad(struct node_word *ret, const char *why);

#endif
