/* airdrop.h - the airdrop: pay a list of recipients, each exactly once.
 *
 * Stages: awaiting_funds -> building -> distributing -> paying_fee -> completed. The
 * list is in the journal, row by row, before the first stage; `building` hashes the
 * journaled rows (they must be the plan), finds recipients with code and estimates
 * them one by one, and freezes the plan. Nothing is reserved before.
 */
#ifndef PAWL_KINDS_AIRDROP_AIRDROP_H
#define PAWL_KINDS_AIRDROP_AIRDROP_H

#include "engine/engine.h"
#include "kinds/airdrop/list.h"
#include "kinds/airdrop/plan_hash.h"

extern const struct kind kind_airdrop;

/* What the journal keeps of an airdrop besides its rows. */
struct airdrop_facts {
	bool has_token;
	struct address token;
	unsigned decimals;
	char symbol[32];
	struct amount fee_amount; /* zero: none */
	struct address fee_to;
	char file[1024];
	uint8_t file_hash[32];
	int64_t imported, built;
	bool frozen;
	bool adopt; /* payments of the past are still to be taken as its rows' */
	/* Uses of its account's nonces from there on came while its list was read, and
	 * are held against its rows when that is done. */
	bool compares;
	uint64_t compared;
	uint64_t gas, fee_gas;
};

/* From the journal, also on a reader's connection; false: no such airdrop. */
NODISCARD bool airdrop_read(
    struct journal *j, int64_t operation, struct airdrop_facts *ret);

/* A new operation, in the journal within one commit of the caller's: the account is
 * found or made, the operation starts in awaiting_funds with no rows imported. */
struct airdrop_new {
	const char *name, *key_name;
	int64_t chain; /* the journal's */
	struct address sender;
	uint8_t plan[32];
	int64_t again;
	struct amount cap, planned;
	int64_t items;
	int in_flight_max;
	uint64_t fee_cap;
	int64_t now_ms;
	struct airdrop_facts facts;
};

/* The account that it will be paid from, known to the journal or new: its past can be
 * read before there is a plan. 0 when the journal is numb (disk full): commit says so. */
int64_t airdrop_account(struct journal *j, const struct airdrop_new *n);
int64_t airdrop_create(struct journal *j, const struct airdrop_new *n);

/* Rows of a list into the journal, in chunks of their own commits. The file may have
 * moved, or been written otherwise: its hash is that of the pass that found the plan in
 * it. An import that was cut short begins anew; nothing was reserved. fails: INPUT (the
 * file is not what was planned), DISK_FULL, STOPPED (stop said so). */
NODISCARD enum err airdrop_import(struct journal *j, int64_t operation, const char *file,
    const uint8_t file_hash[32], const struct list_rules *rules, bool (*stop)(void *ctx),
    void *ctx, struct fail *f);

/* The steps of it, for rows that come from somebody else, a part a turn: what is there is
 * dropped, rows are added in their order, and so many are there now. */
void airdrop_rows_drop(struct journal *j, int64_t operation);
void airdrop_row_put(struct journal *j, int64_t operation, const struct list_row *row);
void airdrop_rows_are(struct journal *j, int64_t operation, int64_t n);

/* The plan's header from what is journaled, to hash rows under. */
NODISCARD bool airdrop_header(struct journal *j, const struct operation *o,
    const struct airdrop_facts *a, struct plan_header *ret);

/* What is still to be paid. */
struct airdrop_left {
	int64_t n, own_n; /* pending rows, and those with an estimate of their own */
	uint64_t own_gas;
	struct amount sum;
	bool fee_due;
};

/* What the account needs for it, at this fee per gas and with so much more gas a payment;
 * token is zero for the native coin. */
void airdrop_need(const struct airdrop_facts *a, const struct airdrop_left *left,
    uint64_t fee_per_gas, uint64_t gas_more, struct amount *ret_native,
    struct amount *ret_token);

/* Today's fee per gas of a first attempt: 2 x next base fee + tip, within the caps. */
uint64_t airdrop_first_fee(const struct chain_config *c, const struct fee_market *m);

/* Payments that the account made and no item knows, equal to this one. */
int64_t airdrop_unclaimed(struct journal *j, const struct airdrop_facts *a,
    int64_t account, const struct address *to, const struct amount *amount);

/* What was cancelled before anything of it was paid pays nobody twice. */
bool airdrop_pays(struct journal *j, int64_t operation);

/* Rows of other airdrops of this chain and asset that pay the same, and are paid or may
 * still be. */
int64_t airdrop_equal(struct journal *j, const struct airdrop_facts *a, int64_t chain,
    int64_t operation, const struct address *to, const struct amount *amount);

#endif
