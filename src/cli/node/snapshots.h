/* snapshots.h - the log of snapshots that a command is about, and what is said of it in
 * the words of the guide: on standard error, whatever --quiet says.
 */
#ifndef PAWL_CLI_NODE_SNAPSHOTS_H
#define PAWL_CLI_NODE_SNAPSHOTS_H

#include "cli/cli.h"
#include "kinds/node/judge/judge.h"
#include "kinds/node/snapshot/log.h"

#define SNAPSHOTS_PATH_MAX 4096
#define SNAPSHOTS_NAME "l2_snapshots.dat"

/* given; where it is NULL, name in node.data_dir of the config, which is read for that.
 * what: the option or argument, for f. */
NODISCARD enum err snapshots_path(struct cli *c, const char *what, const char *given,
    const char *name, char out[SNAPSHOTS_PATH_MAX], struct fail *f);

/* What is made of a log takes the place of nothing: any file may be named by mistake.
 * fails: USAGE. */
NODISCARD enum err snapshots_new_file(const char *output, struct fail *f);

/* Opened, and why not is said. All of it is known then, of version 2 the newest record
 * alone. fails: NOT_FOUND and what the system said: it can't be read. */
NODISCARD enum err snapshots_open(
    struct l2_log **ret, struct cli *c, const char *path, struct fail *f);
/* ERR_NOT_FOUND, which is said: it has no whole block, nor one that was. Surveys it. */
NODISCARD enum err snapshots_some(
    struct l2_log *log, struct cli *c, const char *path, struct fail *f);

/* What belongs to no whole block, each with its place: reported, and passed over, but
 * for snapshots that were whole; and how many of these there are, of a surveyed log. */
NODISCARD enum err snapshots_damage_tell(
    struct l2_log *log, const char *path, struct fail *f);
size_t snapshots_damaged(const struct l2_log *log);

/* That a log has two formats, where the other begins, and how one is made of them: of
 * one that is surveyed. "": it has one. */
#define SNAPSHOTS_MIXED_MAX 400
void snapshots_mixed(struct l2_log *log, char out[SNAPSHOTS_MIXED_MAX]);

/* That the root of a block is ambiguous, where it is. */
void snapshots_ambiguous_tell(
    const char *path, struct l2_block block, const struct l2_verdict *v);

/* Of other files that are made of a log: snapshots that are in none of them, and those
 * that are, and do not hold. Each is told with its place, of the latter the first ones.
 */
struct snapshots_copied {
	const char *path, *word; /* the log; "is left out" */
	size_t left, unheld;
};
struct l2_copy_tell snapshots_copied_tell(struct snapshots_copied *ctx);
/* At the end: how many do not hold, and what to type. */
void snapshots_unheld_tell(const struct snapshots_copied *copied);

/* -- the judge --------------------------------------------------------------- */

/* The judge of a log that is named (judge.h): with the config's journal, where there is
 * one, and the reorg database that is named, else reorg_db beside the log, else the
 * config's, else that of the usual data folder, which is told. Both are looked for when
 * the first anchor is asked for. */
struct store {
	struct cli *cli;
	const char *named, *log_path;  /* named: what --db-path says, or NULL */
	char path[SNAPSHOTS_PATH_MAX]; /* "": there is none */
	bool looked, own_journal;
	struct judge judge;
};

/* A database that is named is opened at once: it must be there. */
NODISCARD enum err store_init(struct store *s, struct cli *c, const char *named,
    const char *log_path, struct fail *f);
/* So does one of a command that has its journal open; j may be NULL. */
void store_lend(struct store *s, struct journal *j);
void store_close(struct store *s);
/* All that it may ask is at hand; for who judges more than an anchor. */
struct judge *store_judge(struct store *s);
bool store_knows(void *ctx, struct l2_bytes hash); /* ctx: the store */

#endif
