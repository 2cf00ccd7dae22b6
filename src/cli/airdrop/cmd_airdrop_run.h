/* cmd_airdrop_run.h - the parts of `airdrop run`: a plan that is new to the journal, and
 * one that is there. */
#ifndef PAWL_CLI_AIRDROP_CMD_AIRDROP_RUN_H
#define PAWL_CLI_AIRDROP_CMD_AIRDROP_RUN_H

#include "cli/airdrop/draft.h"
#include "cli/owner/own.h"

struct run {
	struct cli *cli;
	struct loop loop;        /* open where this process owns the journal; else */
	struct client *client;   /* who does is asked, and */
	struct journal *journal; /* the loop's, or one to read */
	struct world *world;     /* the loop's or the client's */
	struct draft draft;
	struct handover plan;
	char name[OPERATION_NAME_MAX];
	char notify[REQUEST_TEXT_MAX]; /* who is to hear of it: CHANNEL:TARGET, a line
					  each */
	bool has_cap, consented;
	bool joined;        /* another owner, once */
	uint8_t agreed[32]; /* the plan that was consented to */
	struct amount cap;  /* --max-total-fee */
	int64_t chain;      /* the journal's, once its nodes were asked */
	int64_t operation;  /* the journal's; 0: there is none of this name */
	int64_t half_rows; /* of another list that is being read, when it was looked at */
	int half_looks;    /* since they were so many */
};

/* Draft, judge, ask: then r->plan is there, and nothing journaled. */
NODISCARD enum err run_plan(struct run *r, struct fail *f);

/* The same, and journal it: then r->operation is there, its list not yet. */
NODISCARD enum err run_create(struct run *r, struct fail *f);

/* The operation of this name must have this content; CONFLICT shows where it has not. */
NODISCARD enum err run_compare(struct run *r, struct fail *f);

/* Give it to the process that owns the journal, if it is not there, and watch it. fails:
 * also as client_command. */
NODISCARD enum err run_there(struct run *r, struct fail *f);

/* Who is named on the command line hears of it, from this commit on. */
NODISCARD enum err run_notify(struct run *r, struct fail *f);

/* How it ended, for the exit code. */
NODISCARD enum err run_verdict(
    struct journal *j, const struct operation *o, struct fail *f);
/* The cap is another one now. */
void run_cap_tell(const struct run *r, const struct operation *before);
/* The list is read from another place than the first time. */
void run_moved_tell(const struct run *r, const struct airdrop_facts *a);

/* Long passes over a list: has a signal come? */
bool run_signalled(struct run *r);

#endif
