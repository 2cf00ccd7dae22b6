/* ask.h - questions to the nodes of a chain, answered before the call returns.
 *
 * For commands outside of the runner: plan, the checks before a run, doctor, verify. A
 * question goes to all nodes; its answer is what a quorum of providers says, whole. Who
 * is silent, busy or disagrees is asked again, until the patience ends. A node must
 * have told the right chain id and the genesis of the quorum before anything else that
 * it says counts. Nothing here is durable.
 */
#ifndef PAWL_CLI_ASK_ASK_H
#define PAWL_CLI_ASK_ASK_H

#include "chain/config.h"
#include "world/world.h"

#define ASK_PATIENCE_MS 30000

struct ask;

/* w and c are borrowed. hasty: nodes that can't even be reached end it early. */
struct ask *ask_new(
    struct world *w, const struct chain_config *c, int64_t patience_ms, bool hasty);
void ask_free(struct ask *a); /* NULL is fine */
const struct connector *ask_connector(const struct ask *a);
/* Nodes of this very chain that answered when they were last asked. */
int ask_answering(const struct ask *a);

/* say is called once, when an answer takes longer than a second, or, where each node is
 * asked for itself, than three: why, and how much longer it will be waited for. */
typedef void ask_say_fn(void *ctx, const char *why, int64_t left_ms);
void ask_waits(struct ask *a, ask_say_fn *say, void *ctx);

/* A question of any kind: one request and its answer, as in connector. */
struct ask_question {
	const void *ctx;
	const struct connector *connector; /* the chain's; filled in by whoever asks */
	void (*write)(const struct ask_question *q, struct buf *body);
	/* fact is zeroed. A failure of class REJECT is the node's word, and is voted on
	 * as facts are; after others the node is asked again. */
	enum err (*read)(const struct ask_question *q, void *fact, const char *answer,
	    size_t len, struct fail *f);
	/* Do two nodes say the same? NULL: what one node says will do. */
	bool (*same)(const struct ask_question *q, const void *a, const void *b);
	size_t size; /* of a fact; it owns nothing */
};

/* fails: NO_QUORUM (says what each node said), STOPPED (a signal), WRONG_CHAIN, or the
 * failure that a quorum agrees on. Asks for the identity first, once. */
NODISCARD enum err ask_quorum(
    struct ask *a, const struct ask_question *q, void *ret, struct fail *f);

/* What one node said to the last question. Borrowed until the next. */
struct ask_said {
	const char *node; /* host:port */
	bool answered;
	enum err err; /* of the answer, or why there is none yet */
	const char *why;
	const void *fact; /* answered with OK; else NULL */
};

/* Every node for itself, whatever the others say; ends when all have answered, or with
 * the patience. Identity is not asked for before. fails: STOPPED. */
NODISCARD enum err ask_each(struct ask *a, const struct ask_question *q, struct fail *f);
void ask_said(const struct ask *a, int node, struct ask_said *ret);
/* The same until a quorum of providers has answered, and the others had half a second
 * more. Who said another identity is not asked: ask_identity comes before. */
NODISCARD enum err ask_enough(
    struct ask *a, const struct ask_question *q, struct fail *f);
/* Nodes of one provider share the number. */
int ask_provider(const struct ask *a, int node);

/* The usual ones. */
extern const struct ask_question ask_identity_question; /* struct identity */

NODISCARD enum err ask_identity(struct ask *a, struct identity *ret, struct fail *f);
/* A quorum agrees on decimals and symbol, and that there is code; the balance moves, and
 * is the word of one node. */
NODISCARD enum err ask_token(struct ask *a, const struct address *token,
    const struct address *holder, struct token_facts *ret, struct fail *f);
NODISCARD enum err ask_code(
    struct ask *a, const struct address *who, bool *ret_has, struct fail *f);

/* At a node's head. */
struct account_seen {
	uint64_t count;
	struct amount balance;
};

NODISCARD enum err ask_account_agreed(
    struct ask *a, const struct address *who, struct account_seen *ret, struct fail *f);
/* The word of one node each. */
NODISCARD enum err ask_account(
    struct ask *a, const struct address *who, struct account_seen *ret, struct fail *f);
NODISCARD enum err ask_market(struct ask *a, struct fee_market *ret, struct fail *f);
/* ret_word->note: NOTE_REVERTED when it would. */
NODISCARD enum err ask_estimate(struct ask *a, const struct address *from,
    const struct payload *p, uint64_t *ret_gas, struct node_word *ret_word,
    struct fail *f);

#endif
