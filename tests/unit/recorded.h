/* recorded.h - what nodes answered once (vectors/nodes.def): the texts by name, and which
 * block, account and token they are about. Behind cmocka.h.
 */
#ifndef PAWL_TESTS_RECORDED_H
#define PAWL_TESTS_RECORDED_H

#include <stdint.h>

#include "base/hex.h"
#include "chain/chain.h"

/* they are long */
#pragma GCC diagnostic ignored "-Woverlength-strings"

static const char *const head_hash =
#define HEAD(hash, height) hash
#include "../vectors/nodes.def"
    ;
static const uint64_t head_height =
#define HEAD(hash, height) height
#include "../vectors/nodes.def"
    ;
static const char *const account_and_token[] = {
#define ACCOUNT(account, token) account, token
#include "../vectors/nodes.def"
};

/* The block, and the account with its token. */
static inline void recorded_subject(struct hash *block, struct watched *watched)
{
	assert_true(hex_parse_0x(block->at, sizeof block->at, head_hash));
	assert_true(hex_parse_0x(watched->account.at, 20, account_and_token[0]));
	assert_true(hex_parse_0x(watched->token.at, 20, account_and_token[1]));
	watched->balance = watched->token_balance = true;
}

enum reply {
#define REPLY(name, text) REPLY_##name,
#include "../vectors/nodes.def"
	REPLIES
};
static const char *const replies[] = {
#define REPLY(name, text) text,
#include "../vectors/nodes.def"
};

#endif
