/* rows.h - questions about rows, of which a quorum decides: what voids a row or makes it
 * cost is no single node's word. Shared by build.c and rows.c.
 *
 * A question goes to one node after the other, until a quorum has answered and nothing
 * that another one says would change it; whoever takes longer than he is used to has the
 * next one asked meanwhile (quorum.h). It belongs to its airdrop, one at a time; answers
 * that come later than its end are dropped, and the last of them takes it along.
 */
#ifndef PAWL_KINDS_AIRDROP_ROWS_H
#define PAWL_KINDS_AIRDROP_ROWS_H

#include "engine/quorum.h"
#include "kinds/airdrop/inside.h"

/* What the nodes say of one row. */
struct verdict {
	uint32_t reverts, pays; /* nodes */
	bool has_code;
	uint64_t gas, absurd; /* the largest figures */
	char reason[NODE_TEXT_MAX];
};

struct rows {
	struct chain_run *chain;
	const struct question *question;
	int64_t operation, built; /* built: once this is settled */
	uint32_t n;
	int64_t *row;
	struct payment *pay;
	struct verdict *verdict;
	uint32_t asked, said; /* nodes; those of one provider together */
	struct hedge hedge;
	int answers; /* that may still come, or are looked at */
	bool over;
	/* of the last answer that was none */
	enum err err;
	struct fail fail;
};

/* One node's. */
struct rows_said {
	struct fact fact;
	struct runner *runner;
	struct rows *of;
	int node;
	bool taken;
	uint8_t *has_code;
	uint64_t *gas;
	struct node_word *word;
	enum err err;
	struct fail fail;
};

struct question {
	void (*ask)(const struct rows *q, const struct account *acct, struct buf *body);
	enum err (*read)(struct rows_said *s, const char *answer, size_t len);
	/* false: the answer is none */
	bool (*take)(struct rows *q, struct rows_said *s);
	/* Nothing that another node says would change it. */
	bool (*settled)(const struct rows *q);
	void (*settle)(struct runner *r, struct operation *o, struct airdrop *a,
	    const struct rows *q);
};

/* For at most so many rows; then rows_add, and rows_begin, which takes it. */
struct rows *rows_new(struct chain_run *c, struct operation *o,
    const struct question *question, uint32_t max);
void rows_add(struct rows *q, int64_t row, const struct payment *pay);
void rows_begin(struct runner *r, struct operation *o, struct rows *q);

/* The one that is under way: the next node, if it is time to ask one. */
void rows_go_on(struct runner *r, struct operation *o, struct airdrop *a);
/* No quorum has answered: all of it again, behind a pause. */
void rows_pause(
    struct runner *r, struct operation *o, struct airdrop *a, const struct rows *q);

#endif
