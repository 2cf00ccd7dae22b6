/* draft.h - what `airdrop plan` and `airdrop run` share: a list of payments and
 * what the nodes say, drafted into a plan. */
#ifndef PAWL_CLI_AIRDROP_DRAFT_H
#define PAWL_CLI_AIRDROP_DRAFT_H

#include "cli/ask/ask.h"
#include "cli/cli.h"
#include "engine/operation.h"
#include "kinds/airdrop/airdrop.h"

#define DIFFERENCE_MAX (AMOUNT_TEXT_MAX + 48)

struct draft {
	struct cli *cli;

	/* from the command line */
	const char *file, *key_name, *fee_text; /* fee_text: AMOUNT:ADDRESS or NULL */
	const struct chain_config *chain;
	bool base_units, has_token;
	struct address sender, token;

	/* from the nodes */
	bool identified; /* a quorum told the genesis, and the token's facts */
	bool remembered; /* identified, but by the journal alone */
	bool priced;     /* market, balance and gas are there */
	struct hash genesis;
	unsigned decimals; /* of the asset */
	char symbol[32];   /* "" for the native coin */
	bool sender_has_code;
	struct fee_market market;
	struct amount balance, token_balance;
	uint64_t count; /* of transactions that the sender has sent */
	uint64_t gas;   /* of one payment */

	/* from the journal */
	struct journal *journal; /* borrowed; NULL: there is none to read */
	bool no_journal;         /* none was made yet */
	bool again;              /* --again was given */
	int64_t journal_chain;   /* 0: the journal does not know the chain */
	int64_t journal_account; /* 0: it does not know it, or not its past */
	uint64_t unseen;         /* transactions of the account, unknown to the journal */
	uint64_t unread;         /* of them, where its past was read: in older blocks */
	int64_t unclaimed;  /* rows equal to payments of its that no operation knows */
	bool fee_unclaimed; /* so is its service fee */
	bool adopt;         /* --adopt was given */
	int64_t equal;      /* rows that other operations pay, or paid */
	int64_t same;       /* operations with this very plan */
	char same_name[OPERATION_NAME_MAX]; /* one that paid or may pay; "": none */

	/* of the name that `run` would choose; "": not asked */
	char name[OPERATION_NAME_MAX];
	int64_t own_id; /* the operation that has it; 0: none */
	enum { OWN_NONE, OWN_OPEN, OWN_CANCELLED, OWN_OTHER } own;
	int64_t equal_own;                    /* of `equal`, rows that no other pays */
	int64_t other_row, other_line;        /* the first that it has not so; 0: none */
	bool other_there;                     /* it has this row otherwise */
	char own_differs[3 * DIFFERENCE_MAX]; /* OWN_OTHER: in what */

	/* from the list */
	bool plans; /* what `run` has options for is a problem only beside others */
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

/* Read the list, hash the plan where d is identified, and compare both with the journal
 * unless rules->judge is off. Problems are printed on standard error, one a line. each
 * may be NULL. fails: as list_read. */
unsigned draft_coin_decimals(const struct draft *d); /* of the native coin */
struct list_rules draft_rules(const struct draft *d);
NODISCARD enum err draft_list(struct draft *d, const struct list_rules *rules,
    list_row_fn *each, void *ctx, struct fail *f);

/* The file's base name without its extension; cut if it is too long. */
void draft_name(const struct draft *d, char out[OPERATION_NAME_MAX]);

/* What d->journal knows: of chain and account, once the nodes were asked; of a row; of
 * the plan, once it is hashed. draft_list asks for the last two. */
void draft_recall(struct draft *d);
/* Genesis and decimals as the journal has them, where no node told them. */
void draft_remember(struct draft *d);
void draft_row_recall(struct draft *d, const struct list_row *row);
void draft_plan_recall(struct draft *d);

/* In what the header of a plan is another one than the draft's: "its WHAT is WAS, not
 * IS". The service fee can only be compared once it was read. */
struct difference {
	const char *what;
	char was[DIFFERENCE_MAX], is[DIFFERENCE_MAX];
};

bool draft_header_differs(
    const struct draft *d, const struct plan_header *h, struct difference *ret);
bool draft_fee_differs(
    const struct draft *d, const struct plan_header *h, struct difference *ret);

struct sql_item_get_out;
bool draft_row_same(const struct list_row *row, const struct sql_item_get_out *item);
/* Rows against those of own_id, one after another; then what differs, for a person. */
void draft_row_differs(struct draft *d, const struct list_row *row);
void draft_differs(
    const struct draft *d, const struct operation *o, char *out, size_t size);

/* Fees of all payments, the service fee's included. */
struct amount draft_fees(const struct draft *d, uint64_t fee_per_gas);
struct amount draft_cap(const struct draft *d);   /* by default */
uint64_t draft_first_fee(const struct draft *d);  /* per gas, of an attempt today */
uint64_t draft_base_fee(const struct draft *d);   /* what inclusion costs today */
struct amount draft_total(const struct draft *d); /* with the service fee */
const char *draft_symbol(const struct draft *d);  /* "USDC", "of the native coin" */

/* The plan for a person, or with --json as one object. cap: of all fees. */
void draft_tell(const struct draft *d, const struct amount *cap);
/* The one warning of it that no --yes, --json or script is spared. */
void draft_warn_unseen(const struct draft *d);

/* Where an operation stands, as the end of `run`; with --json one object. */
void airdrop_tell(const struct cli *c, struct journal *j, int64_t operation);

#endif
