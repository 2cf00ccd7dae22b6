/* doctor.h - what the parts of `pawl node doctor` share: cmd_node_doctor.c has the
 * journal, backups, room and Bitcoin, doctor_files.c the log of snapshots and the reorg
 * database, doctor_left.c what killed commands have left.
 */
#ifndef PAWL_CLI_NODE_DOCTOR_H
#define PAWL_CLI_NODE_DOCTOR_H

#include "cli/doctor/doctor.h"
#include "cli/report/node.h"
#include "kinds/node/snapshot/log.h"

struct node_doctor {
	struct doctor d;
	struct node_files files;
	struct l2_look look;
	bool damaged;           /* what is said to be so is a file's content */
	bool fresh;             /* the journal has no state */
	struct l2_block newest; /* valid one; len 0: there is none */
	struct l2_verdict verdict;
	size_t doubted; /* the number of a newer one that is whole (judge.h); 0: none */
	char doubted_root[L2_HEX];
	char doubt[500];   /* where it is, and why */
	bool backing_hurt; /* an older one that does not hold has an anchor of that */
	bool unsure;       /* not all that knows anchors could be asked */
	bool anchor_told;  /* what is wrong with that of the newest */
};

void doctor_trouble(struct node_doctor *n, const char *what, const char *subject,
    const struct l2_trouble *trouble);

/* What killed commands have left in the data folder, and beside the journal. */
void doctor_left(struct node_doctor *n);
/* Who has it open, each value of it, and whether the journal has told it all. It comes
 * before the log, which is judged by it. */
void doctor_database(struct node_doctor *n);
/* Every block of the log is checked, and all that belongs to none is told. */
void doctor_log(struct node_doctor *n);

#endif
