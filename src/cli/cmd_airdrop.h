/* cmd_airdrop.h - what `airdrop plan` and `airdrop run` share: a list of payments and
 * what the nodes say, drafted into a plan. */
#ifndef PAWL_CLI_CMD_AIRDROP_H
#define PAWL_CLI_CMD_AIRDROP_H

#include "cli/ask.h"
#include "cli/cli.h"
#include "kinds/airdrop/airdrop.h"

#define NATIVE_DECIMALS 18

struct draft {
	struct cli *cli;

	/* from the command line */
	const char *file, *key_name, *fee_text; /* fee_text: AMOUNT:ADDRESS or NULL */
	const struct chain_config *chain;
	bool base_units, has_token;
	struct address sender, token;

	/* from the nodes */
	bool identified; /* a quorum told the genesis, and the token's facts */
	bool priced;     /* market, balance and gas are there */
	struct hash genesis;
	unsigned decimals; /* of the asset */
	char symbol[32];   /* "" for the native coin */
	bool sender_has_code;
	struct fee_market market;
	struct amount balance, token_balance;
	uint64_t gas; /* of one payment */

	/* from the list */
	struct amount fee_amount; /* the service fee; zero: none */
	struct address fee_to;
	struct list_sum sum;
	uint8_t plan[32];
	bool hashed;
};

/* Chain, token, sender. A key's secret is not needed. */
NODISCARD enum err draft_args(struct draft *d, struct cli *c, struct fail *f);

/* Everything that the nodes know. fails: INPUT (the token is none), as ask.h; what was
 * learned until then stays. */
NODISCARD enum err draft_ask(
    struct draft *d, struct world *w, int64_t patience_ms, bool hasty, struct fail *f);

/* --service-fee in units of the asset. */
NODISCARD enum err draft_service_fee(struct draft *d, struct fail *f);

/* Can amounts be read? A token's decimals may be unknown. */
bool draft_readable(const struct draft *d);

/* Read the list, and hash the plan where d is identified. Problems are printed on
 * standard error, one a line. each may be NULL. fails: as list_read. */
struct list_rules draft_rules(const struct draft *d);
void draft_header(const struct draft *d, struct plan_header *ret);
NODISCARD enum err draft_list(struct draft *d, const struct list_rules *rules,
    list_row_fn *each, void *ctx, struct fail *f);

/* Fees of all payments, the service fee's included. */
struct amount draft_fees(const struct draft *d, uint64_t fee_per_gas);
struct amount draft_cap(const struct draft *d);   /* by default */
uint64_t draft_first_fee(const struct draft *d);  /* per gas, of an attempt today */
uint64_t draft_base_fee(const struct draft *d);   /* what inclusion costs today */
struct amount draft_total(const struct draft *d); /* with the service fee */
const char *draft_symbol(const struct draft *d);  /* "USDC", "of the native coin" */

/* The plan for a person, or with --json as one object. cap: of all fees. */
void draft_tell(const struct draft *d, const struct amount *cap);

/* Where an operation stands, as the end of `run`; with --json one object. */
void airdrop_tell(const struct cli *c, struct journal *j, int64_t operation);

#endif
