/* report.h - what the reports share: the journal read beside its owner, an operation by
 * the word that a person typed, its asset, how fast it goes, and what it waits for.
 *
 * Reports never ask a node and never write. All figures are integers.
 */
#ifndef PAWL_CLI_REPORT_REPORT_H
#define PAWL_CLI_REPORT_REPORT_H

#include "cli/cli.h"
#include "engine/operation.h"
#include "kinds/airdrop/airdrop.h"
#include "serve/command/suspect.h"

/* Loads the config and opens the journal to read. */
NODISCARD enum err report_open(struct cli *c, struct journal **ret, struct fail *f);

/* The config's chain of a row in the journal: by name, else by chain id. */
NODISCARD enum err report_chain(struct config *c, struct journal *j, int64_t chain,
    const struct chain_config **ret, struct fail *f);

/* By its name, else by its id. NOT_FOUND names the nearest. */
NODISCARD enum err report_find(
    struct journal *j, const char *word, struct operation *ret, struct fail *f);

/* What is archived of it is read from its file, which stands before the journal until
 * that is closed; one that is not there is warned of, or needed. fails: NOT_FOUND,
 * DAMAGED. */
NODISCARD enum err report_archive(struct cli *c, struct journal *j,
    const struct operation *o, bool needed, struct fail *f);

/* The account behind an operation, as the journal has it. */
struct report_account {
	struct address address;
	char key_name[64], chain_name[64];
	uint64_t chain_id;
	struct hash genesis;
	int64_t final_height, head; /* -1: not known */
	/* Of the account, else of the chain; "": neither. */
	char stopped[SUSPECT_STOP_MAX];
	char how[SUSPECT_LINE_MAX]; /* the line to type first; "" with it */
	bool suspected;             /* transactions that nobody has settled are why */
	char doubt[300]; /* the journal's own, that no start has taken over; "": none */
	char nodes[400]; /* of the chain that its runner leaves out, and why; "": none */
};

NODISCARD enum err report_account(struct journal *j, const struct operation *o,
    struct report_account *ret, struct fail *f);

/* What is paid, in which units; of a fence, the native coin. */
struct report_asset {
	unsigned decimals;
	char symbol[32];
	bool token;
	struct address at; /* of a token */
};

/* The native coin of a chain of the journal. */
struct report_asset report_coin(struct journal *j, int64_t chain);

/* It fences its account (kinds/fence/fence.h), and has no rows. */
bool report_fences(const struct operation *o);

NODISCARD enum err report_asset(struct journal *j, const struct operation *o,
    struct report_asset *ret, struct fail *f);

/* "12.5 USDC" */
#define REPORT_AMOUNT_MAX (AMOUNT_TEXT_MAX + 40)
void report_amount(char out[REPORT_AMOUNT_MAX], const struct report_asset *asset,
    const struct amount *amount);

/* The service fee, which is no row. */
struct report_fee {
	bool due; /* there is one */
	struct amount amount;
	struct address to;
	int state;      /* ITEM_*: as if it were one */
	int64_t intent; /* the newest; 0: none */
};

NODISCARD enum err report_fee(
    struct journal *j, const struct operation *o, struct report_fee *ret, struct fail *f);

/* Why it needs an operator, and the line to type, with its figures. */
#define REPORT_STOP_MAX (WAITS_MAX + OPERATION_NAME_MAX + AMOUNT_TEXT_MAX + 150)
void report_stop(struct cli *c, struct journal *j, const struct operation *o,
    char out[REPORT_STOP_MAX]);

/* The first row whose nonce was used by no transaction that is known; false: none. */
struct report_unexplained {
	int64_t n, row, nonce; /* row 0: the service fee */
};

bool report_unexplained(
    struct journal *j, const struct operation *o, struct report_unexplained *ret);

/* Where an operation stands at a moment. */
struct report_progress {
	int64_t unknown;    /* outcomes that are not known yet */
	bool owned;         /* a process works on it, or could */
	struct owner owner; /* which */
	int64_t rate_milli; /* rows settled in 1,000 s; -1: can't be said yet */
	int64_t eta_s;      /* -1: can't be said */
	char waits_for[REPORT_STOP_MAX]; /* "": nothing */
	char unblock[REPORT_STOP_MAX];   /* the line to type; "": none is needed */
};

NODISCARD enum err report_progress(struct cli *c, struct journal *j,
    const struct operation *o, struct report_progress *ret, struct fail *f);

/* It waits for money. */
bool report_lacks(const struct report_progress *p);

/* "2026-11-21T03:33:55Z" */
#define REPORT_TIME_MAX 24
void report_time(char out[REPORT_TIME_MAX], int64_t wall_ms);

#define REPORT_HASH_MAX 67
void report_hash(char out[REPORT_HASH_MAX], const uint8_t hash[32]); /* 0x.. */
/* The tail of an operation's event chain; "" when it has none. */
void report_tail(char out[REPORT_HASH_MAX], struct journal *j, int64_t operation);

/* Chains that are read and not paid on, each a line. false: there are none. */
bool read_chains_show(const struct cli *c, struct journal *j);

#endif
