/* handover.h - an airdrop that one process planned and another one owns.
 *
 * The first reads the list, asks the nodes and the person; the owner gets what came of
 * it, then the rows, a part a turn, and never opens the list. The plan's hash over the
 * journaled rows is compared before anything is reserved, as always. Both are read as
 * hostile bytes: what the journal's schema or a sum could not bear is refused here.
 */
#ifndef PAWL_SERVE_SUBMIT_HANDOVER_H
#define PAWL_SERVE_SUBMIT_HANDOVER_H

#include "kinds/airdrop/airdrop.h"

#define HANDOVER_ROWS_MAX 2048 /* of a part */
#define HANDOVER_PART_MAX ((size_t)512 * 1024)
#define HANDOVER_KEY_MAX 64
#define HANDOVER_CHAIN_MAX 64

struct handover {
	char name[OPERATION_NAME_MAX], key[HANDOVER_KEY_MAX], chain[HANDOVER_CHAIN_MAX];
	uint64_t chain_id;
	struct hash genesis;
	struct address sender;
	uint8_t plan[32];
	int64_t again, rows;
	/* it was compared with so many payments of the account that no item knows; -1:
	 * they were not read */
	int64_t past;
	int64_t seen; /* the newest operation that the plan was compared with */
	struct amount cap, planned;
	struct airdrop_facts facts; /* without what the owner writes */
};

/* For airdrop_create; the texts are borrowed from h. */
struct airdrop_new handover_plan(const struct handover *h, int64_t chain,
    const struct chain_config *config, int64_t now_ms);

/* One line; false: a text of it is no UTF-8. */
NODISCARD bool handover_encode(struct buf *out, const struct handover *h);
/* fails: USAGE. */
NODISCARD enum err handover_decode(
    struct handover *ret, const char *text, size_t len, struct fail *f);

void handover_row_encode(struct buf *out, const struct list_row *row);
/* Each row of the lines; memo lives as long as the call. fails: USAGE, what each fails
 * with. */
NODISCARD enum err handover_rows_decode(
    const char *text, size_t len, list_row_fn *each, void *ctx, struct fail *f);

/* It is typed behind other words, where a number is an id, and is a part of paths, where
 * ".." is none. */
bool handover_name_good(const char *name);

#endif
