/* doctor.h - what the parts of `pawl doctor` share: cmd_doctor.c looks at config, keys
 * and chains, nodes.c at their nodes, journal.c at the journal; finding.c tells it.
 */
#ifndef PAWL_CLI_DOCTOR_DOCTOR_H
#define PAWL_CLI_DOCTOR_DOCTOR_H

#include "chain/chain.h"
#include "cli/cli.h"
#include "journal/journal.h"

struct world;

struct doctor {
	struct cli *cli;
	struct world *world;
	struct journal *journal; /* NULL: there is none to read */
	bool repeats;            /* the chain has a node that repeats_nonce_0() */
	int findings;
	const char *copy;   /* the file that is looked at; NULL: the config's journal */
	struct fail *first; /* not NULL: nothing is told, the first finding is kept */
};

/* One line each: what was looked at, and of what. A finding says what to do. */
void doctor_fine(struct doctor *d, const char *what, const char *subject, const char *fmt,
    ...) PRINTF(4, 5);
void doctor_finding(struct doctor *d, const char *what, const char *subject,
    const char *advice, const char *fmt, ...) PRINTF(5, 6);

/* Its nodes, and what they agree on; needs d->world. fails: STOPPED */
NODISCARD enum err doctor_chain(struct doctor *d, const char *name, struct fail *f);

/* What the journal has of a chain; false: nothing, or there is none. */
struct chain_known {
	struct hash genesis;
	uint64_t final;    /* the highest block that is; 0: none is yet */
	char stopped[301]; /* why; "": it is not */
	char nodes[401];   /* what its nodes lack; "": nothing */
};
bool doctor_chain_known(
    struct doctor *d, const struct chain_config *c, struct chain_known *ret);
NODISCARD enum err doctor_nodes(
    struct doctor *d, const struct chain_config *c, struct fail *f);

/* What to do about a journal that can't be taken. */
const char *doctor_journal_advice(enum err e);
/* Opens d->journal, if it is sound; what its operations wait for, too. */
void doctor_journal(struct doctor *d);
/* The same of a file that is to become the journal: nothing is told but in f. One that
 * can't be looked at yet is OK. fails: DAMAGED */
NODISCARD enum err doctor_copy(struct cli *c, const char *path, struct fail *f);
/* The journal and nothing else; DAMAGED when something of it is. */
NODISCARD enum err doctor_journal_alone(struct doctor *d, struct fail *f);

#endif
