/* verify.h - what `pawl verify` holds against what: chain.c the nonces of the account
 * against what the nodes say, journal.c the journal against itself and against what was
 * found paid, mismatch.c what does not fit. cmd_verify.c runs and tells it.
 */
#ifndef PAWL_CLI_VERIFY_VERIFY_H
#define PAWL_CLI_VERIFY_VERIFY_H

#include <jansson.h>

#include "cli/ask/look.h"
#include "cli/report/report.h"

struct verify {
	struct cli *cli;
	struct world *world;
	struct journal *journal;
	const struct chain_config *chain;
	struct ask *ask;
	struct operation operation;
	struct report_account account;
	struct report_asset asset;
	struct airdrop_facts facts;
	uint64_t final_height, count;
	bool under_way; /* when it was begun: what is not there yet may still come */
	uint64_t first, last; /* the nonces that were walked */
	int64_t suspects;     /* that may have paid a row of the account's operations */
	uint64_t unseen; /* nonces below the journal's first that it knows nothing of */
	uint8_t *paid;   /* a bit a row; 0 is the service fee */
	uint8_t *late;   /* the same: a transaction for it is not final yet */
	int64_t skipped; /* rows that the operator left out, and nothing pays */
	int64_t open;    /* rows that are not paid, where that is no mismatch */
	int64_t final;
	struct amount final_total;
	json_t *mismatches;
	int64_t more; /* beyond those that are kept */
};

/* Kept for the telling, up to a bound. row 0, nonce -1, tx NULL: not about one. */
void PRINTF(5, 6) verify_mismatch(struct verify *v, int64_t row, int64_t nonce,
    const struct hash *tx, const char *fmt, ...);

bool verify_paid(const struct verify *v, int64_t row);

/* Each nonce from the operation's first to its last: what consumed it, and what that
 * paid. Marks the rows that are paid. */
NODISCARD enum err verify_chain(struct verify *v, struct fail *f);

/* Rows against what was marked, the plan's hash, the totals, the event chain: of one
 * moment, within journal_read_begin. */
void verify_journal(struct verify *v);

#endif
