/* backups.h - copies of a layer 2's files, made every hour or so while a daemon runs, by
 * a worker: no turn waits for one.
 *
 * One is due when the newest in the folder is as old as node.backup.every, at a start
 * too. What goes wrong is a line of the log, and of a file (l2_backup_note). None could
 * be made: it is tried again in a minute, two, four and so on up to 16. One was made, and
 * could not be taken away: the newest is, as often.
 */
#ifndef PAWL_CLI_DAEMON_BACKUPS_H
#define PAWL_CLI_DAEMON_BACKUPS_H

#include "cli/config/config.h"
#include "kinds/node/backup/backup.h"
#include "world/world.h"

#define BACKUP_NAME_MAX 1024

/* Where all of it is, by the config; each is borrowed from it or from this. */
struct backup_paths {
	char log[BACKUP_NAME_MAX], reorg_db[BACKUP_NAME_MAX], folder[BACKUP_NAME_MAX];
	bool elsewhere; /* the folder is not below the data folder */
	/* Whose they are, for who copies: not of the config. NULL: not known. */
	struct journal *journal;
};

/* data_dir NULL: the config's. fails: USAGE, too long. */
NODISCARD enum err backup_paths(struct backup_paths *ret, const struct node_keys *keys,
    const char *data_dir, struct fail *f);

/* Makes one, and takes it to where the config says besides: of one that failed what it
 * has all the same (l2_backup_make). */
NODISCARD enum err backup_now(const struct backup_paths *paths,
    const struct node_backup_config *config, int64_t wall_ms, struct l2_backup *ret,
    struct fail *f);

/* How that went, for who asks later: a file beside them, where it failed. */
void backup_note(const struct backup_paths *paths, enum err e, const struct l2_backup *b,
    const struct fail *why);

struct backups;

/* By the config, which is lent until it is configured anew. */
struct backups *backups_new(const struct node_keys *keys);
/* Before the first turn: whose they are; a worker reads it beside its owner. The path is
 * lent. */
void backups_of(struct backups *b, const char *journal);
/* Between two turns: how often, how many, and what becomes of them from now on; where
 * they are stays. */
void backups_configure(struct backups *b, const struct node_keys *keys);
void backups_free(struct backups *b); /* after the world, which waits for its workers */

/* What is tried again of the last one by what is noted of it (l2_backup_noted), whoever
 * made it: in a minute, where none of this daemon has failed since. */
void backups_noted(struct backups *b, enum l2_backup_again again);

/* One has ended since it was asked: why it failed, NULL where it did not. */
bool backups_ended(struct backups *b, const char **ret_why);

/* Between two turns: begins what is due; the world may be another one than last time.
 * When it is due next, by its clock. */
int64_t backups_turn(struct backups *b, struct world *w);

#endif
