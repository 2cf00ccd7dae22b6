/* cmd_airdrop_run.h - the parts of `airdrop run`: a plan that is new to the journal, and
 * one that is there. */
#ifndef PAWL_CLI_CMD_AIRDROP_RUN_H
#define PAWL_CLI_CMD_AIRDROP_RUN_H

#include "cli/cmd_airdrop.h"
#include "cli/loop.h"

struct run {
	struct cli *cli;
	struct loop loop;
	struct draft draft;
	char name[OPERATION_NAME_MAX];
	bool has_cap;
	struct amount cap; /* --max-total-fee */
	int64_t operation; /* the journal's; 0: there is none of this name */
};

/* Plan, judge, ask, journal: then r->operation is there, its list not yet. */
NODISCARD enum err run_create(struct run *r, struct fail *f);

/* The operation of this name must have this content; CONFLICT shows where it has not. */
NODISCARD enum err run_compare(struct run *r, struct fail *f);

/* Long passes over a list: has a signal come? */
bool run_signalled(struct run *r);

#endif
