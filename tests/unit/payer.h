/* payer.h - a list that is paid in a scene (scene.h), for the tests of what pays: the
 * runner over its journal and chain, lists of rows, and what a test looks at afterwards.
 * One at a time: `begin` makes it, `end` is each test's teardown. Every turn checks that
 * the sums hold, and the chain alone says who was paid. What fails, fails the test.
 */
#ifndef PAWL_TESTS_PAYER_H
#define PAWL_TESTS_PAYER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/word.h"
#include "engine/account.h"
#include "engine/attempt.h"
#include "engine/intent.h"
#include "engine/message.h"
#include "engine/operation.h"
#include "engine/retry.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "kinds/fence/fence.h"
#include "kinds/track/track.h"
#include "scene.h"
#include "sim/judge/oracle.h"

#define ROWS_MAX 150
#define LISTS_MAX 2
#define INTERVAL_MS 2000

struct list {
	const char *name; /* NULL: "wages" */
	int rows;
	uint64_t service_fee;
	bool others;     /* it pays nobody that another list pays */
	bool same;       /* it pays whom the first list pays */
	int alike;       /* so many of the first rows pay the same */
	bool adopt;      /* payments of the past are its rows' */
	bool cut_short;  /* half of its rows are there, until import_rest */
	const char *cap; /* whole coin; NULL: 10 */
	char file[64];
	int64_t id;
	struct address to[ROWS_MAX + 1]; /* from 1 on */
	uint64_t amount[ROWS_MAX + 1];
};

struct fee_row {
	uint64_t max_fee, tip;
};

extern struct scene scene;
extern struct runner *runner;
extern const struct track_config *tracking; /* NULL: no transactions are followed */
struct track *followers(void);              /* with it, of this life */
extern bool retracts; /* blocks vanish: what was in them is in flight again */
extern struct list lists[LISTS_MAX];
extern size_t lists_n;
extern struct sim_token *token; /* that is paid in; NULL: the native coin */
extern const struct address fee_to, stranger_to;

/* -- a test begins, and ends ------------------------------------------------ */

void begin(uint32_t nodes, int quorum);
void begin_still(uint32_t nodes, int quorum); /* a block comes when told */
void begin_token(enum sim_token_kind kind);   /* and the sender has much of it */
/* Of the rows so many are signed and in the pools; a block comes when told. */
void begin_in_flight(uint32_t nodes, int quorum, int rows, int in_flight);
void begin_with_a_wallet(uint32_t nodes, int quorum); /* row 2: more than 21,000 gas */
void begin_with_a_refusal(void); /* row 3 of five: it takes no coin */
/* Two rows are final and the fee of 77 is on its way; a block comes when told. */
void begin_paying_fee(void);
int end(void **state_);

void rise(void);
void rise_for(int64_t operation); /* and no other; 0: all */
void rest(void);
void rise_again(void);
void keep(void);   /* a copy of the journal */
void forget(void); /* it rises over that copy, which is in doubt */

/* The rows are filled in, unless rows_fill did before. */
struct list *pay(const struct list *what);
struct list *pay_rows(int rows);
void import_rest(const struct list *l);
void rows_fill(struct list *l);

/* -- time passes ------------------------------------------------------------ */

void turn(void);
void run(int64_t ms);
void after_blocks(uint64_t n);
const char *waits_for(void);

#define run_until(condition)                                                             \
	do {                                                                             \
		int64_t late = world_now_ms(scene.world) + 600000;                       \
		while (!(condition)) {                                                   \
			if (world_now_ms(scene.world) > late)                            \
				fail_msg("not within ten minutes: %s; it waits for: %s", \
				    #condition, waits_for());                            \
			run(20);                                                         \
		}                                                                        \
	} while (0)

/* -- what the chain and others do --------------------------------------------- */

uint64_t height(void);
void mine_at(uint64_t base_fee); /* an empty block, and the next one costs that too */
void reorg(uint64_t depth, bool give_back);
void keep_only(const char *coins); /* all the others go elsewhere */
/* Signed by another life of this very journal, for a row of the first list, on a
 * nonce. */
struct sim_tx *spend_tagged(int row, uint64_t nonce, uint64_t base_fee);
void refuse_to_sign(void); /* from nonce 2 on */
void sign_again(void);

/* -- what the operator does ----------------------------------------------------- */

void resume(void);
void resume_chain(void); /* that stopped; he looks at it for a while */
void raise_cap(const char *coins);
void cap_at_what_is_held(void); /* and spent; not a wei more */

/* -- what is looked at ------------------------------------------------------------ */

struct chain_run *chain(void);
struct account *account(void);
struct operation *op_of(const struct list *l);
struct operation *op(void); /* of the first list; so are rows and items */
int state(void);
bool ended(void); /* all lists */
struct sql_item_get_out item(int64_t row);
struct intent intent(int64_t id);
size_t intents_of(int64_t row, int64_t ids[8]); /* oldest first; returns how many */
size_t attempts_of(int64_t intent_id, struct fee_row out[16]);
bool live(int64_t row);
bool is_signed(int64_t row);

uint64_t paid(
    const struct list *l, int row); /* how many payments of the chain go there */
uint64_t fee_paid(void);

/* Exactly once, by the chain alone; contiguous nonces; one payload a nonce. */
void check_exact(void);
void check_fees(void); /* the journal has those of the chain */
void finish(void);     /* run to the end, and check all of it */

/* "completed 1, retracted 1": all that its subscribers were ever told of it. */
const char *notices_of(int subject_kind, int64_t subject);
/* Of the line that a refusal says is to be typed: --yes=WORD. */
uint32_t word_told(const char *why);

#endif
