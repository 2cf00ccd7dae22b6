/* node.h - the node of a layer 2, where the config names one: its files, and what status
 * tells of it. */
#ifndef PAWL_CLI_REPORT_NODE_H
#define PAWL_CLI_REPORT_NODE_H

#include "cli/cli.h"
#include "journal/journal.h"
#include "kinds/node/watch/look.h"
#include "kinds/node/watch/trouble.h"

/* Where they are, by the config; paths longer than 1,000 bytes are cut, and so are found
 * to be missing. */
struct node_files {
	char log[1024], reorg_db[1024], backups[1024];
	char name[JOURNAL_NAME];
	struct l2_paths paths;
};
/* journal: whose backups are looked for; NULL: not known. */
void node_files(
    struct node_files *ret, const struct config *config, struct journal *journal);

/* What is wrong with log, database, and the state and anchor of the newest snapshot, as
 * far as the end of the log tells, beside whoever writes them; in a read of the journal.
 * false: the newest snapshot is too large for that. */
typedef void node_trouble_fn(void *ctx, const char *of, const struct l2_trouble *t);
bool node_troubles(const struct cli *c, struct journal *j, const struct node_files *files,
    const struct l2_look *look, node_trouble_fn *one, void *ctx);

/* The parts of it. This journal went through the state of this snapshot, or anchored it;
 * one that can't be read is told of elsewhere, and is true. */
bool node_had(struct journal *j, const char *log, struct l2_block block,
    const struct l2_verdict *v);
/* The same of one that is in memory, sorted. */
bool node_had_state(struct journal *j, const struct l2_state *s, const char *anchor_hash);
/* Of its anchor; false: it is well, or not of this journal. */
bool node_anchor_trouble(const struct cli *c, struct journal *j, const char *log,
    struct l2_block block, const struct l2_verdict *v, struct l2_trouble *ret);

/* false: there is none, and nothing is said. One without a chain is there where the
 * journal has a state, or its folder a log or something that a person has to do. */
bool node_show(const struct cli *c, struct journal *j);

#endif
