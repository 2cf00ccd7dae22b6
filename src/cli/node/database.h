/* database.h - the reorg database that a command is about. */
#ifndef PAWL_CLI_NODE_DATABASE_H
#define PAWL_CLI_NODE_DATABASE_H

#include "cli/cli.h"
#include "journal/journal.h"
#include "kinds/node/reorgdb/reorgdb.h"
#include "kinds/node/watch/trouble.h"

#define DATABASE_PATH_MAX 4096

/* What the option says; without it reorg_db in node.data_dir of the config, which is read
 * for that. NOT_FOUND: there is no folder that it could be in. */
NODISCARD enum err database_path(
    struct cli *c, const char *option, char out[DATABASE_PATH_MAX], struct fail *f);
/* The same, opened. */
NODISCARD enum err database_open(struct reorgdb **ret, struct cli *c, const char *option,
    enum reorgdb_mode mode, struct fail *f);

/* So many anchors are in the journal whose database is at this path; 0: it is none's. */
int64_t database_of_journal(struct cli *c, const char *path);

/* trouble_of_height, by the journal whose database is at this path. */
bool database_height_trouble(struct cli *c, const char *path, uint64_t height,
    uint64_t head, uint64_t *ret_behind, struct l2_trouble *ret);

/* e, with what makes it where it is not there, and the journal has anchors (NOT_FOUND).
 */
NODISCARD enum err database_absent(
    struct cli *c, const char *path, enum err e, struct fail *f);
/* So many anchors of its journal, or of these that one (hash; NULL: all), it has not, or
 * otherwise than the journal, where no daemon is about to tell it. */
size_t database_lacks(struct cli *c, struct reorgdb *db, const char *hash);
#define DATABASE_LACKS                                                              \
	"%zu of the journal's anchors it has not, or otherwise: pawl node "         \
	"rebuild-reorg-db makes it with what the journal has, and a start of pawl " \
	"serve tells it, too"

/* What the journal knows of anchors, blocks and reorgs, for the config's database: where
 * a daemon keeps that, nothing is done; where there is none, that is warned of. Blocks
 * above the journal's own, which a resync may have brought, stay. What keeps it from
 * being told is warned of, and keeps nothing else back. */
void database_follow(struct cli *c, struct journal *j);

/* Values that are not what they should be: each is told on standard error. */
struct database_bad {
	const struct cli *c;
	uint64_t n;
	char first[400];
};

void database_bad_tell(struct database_bad *b, const char *key, const char *why);
/* How the command ends: e, or DAMAGED when there were any. */
NODISCARD enum err database_end(
    const struct database_bad *b, enum err e, const char *path, struct fail *f);

#endif
