/* quote.h - what a transaction costs now, for people: slow, normal and fast.
 *
 * From what nodes say, each figure by a quorum of them (quote_figure), as the fees that
 * are signed (engine/market.h). A price is the next base fee and a tip; on top of it
 * comes the buffer of the config, since base fees move while a person decides: that is
 * the most which a transaction should offer, and what a cost is told of. Integers only,
 * rounded up. Who stands still is left out, and how old the data is, is always told.
 */
#ifndef PAWL_CHAIN_QUOTE_H
#define PAWL_CHAIN_QUOTE_H

#include "chain/chain.h"

#define QUOTE_NODES_MAX 16
#define QUOTE_BEHIND_S 120 /* a node whose newest block is older by that stands still */
#define QUOTE_STALE_S 300  /* told as stale when all of them do so */
#define QUOTE_BUFFER_MAX 1000

/* What is bought with it; the gas of each. */
enum { BUY_TRANSFER, BUY_TOKEN, BUY_BRIDGE, BUYS };
#define GAS_TRANSFER 21000
#define GAS_TOKEN 65000
#define GAS_BRIDGE 100000

struct quote {
	bool has_1559;
	uint64_t height, time_s; /* of the newest block that a quorum has at least */
	uint64_t base_fee;       /* of the next one; 0: the chain has none */
	struct {
		uint64_t tip, price;
		uint64_t max_fee; /* the price, and the buffer */
	} level[QUOTES];
	unsigned buffer_percent;
	uint32_t blocks;   /* whose tips it goes by, at the least */
	int nodes, behind; /* that it is of; that stand still */
};

/* The highest of these figures that so many say at least; n is not below that (CHECK). */
uint64_t quote_figure(const uint64_t *said, int n, int quorum);

/* Of nodes of different providers. false: no quorum is of one kind, and up to date. */
NODISCARD bool quote_make(struct quote *ret, const struct fee_said *said, int n,
    int quorum, unsigned buffer_percent);

const char *quote_level_name(int level); /* "slow" */
const char *quote_buy_name(int buy);     /* "transfer" */
uint64_t quote_gas(int buy);

/* What gas costs at that fee, in base units. */
struct amount quote_cost(uint64_t gas, uint64_t fee);
/* Of its newest block by this wall clock, in seconds; never below 0. */
uint64_t quote_age_s(const struct quote *q, int64_t wall_ms);
bool quote_is_stale(const struct quote *q, int64_t wall_ms);

/* For people: gwei without needless digits ("12.3", rounded up), and coin of that many
 * decimals, rounded up to nine of them. */
void quote_gwei(char out[AMOUNT_TEXT_MAX], uint64_t wei);
void quote_coin(char out[AMOUNT_TEXT_MAX], const struct amount *cost, unsigned decimals);
void quote_age(char out[32], uint64_t age_s); /* "12 s", "4 min" */

/* The whole of it in some plain lines, as a chat shows them: fees_text of a chain. */
void quote_text(struct buf *out, const char *chain, const struct quote *q,
    unsigned decimals, int64_t wall_ms);

#endif
