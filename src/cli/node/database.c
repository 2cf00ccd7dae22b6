#include "cli/node/database.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mutant.h"
#include "cli/behalf.h"
#include "cli/node/folder.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/reorgdb/changes.h"

enum err database_path(
    struct cli *c, const char *option, char out[DATABASE_PATH_MAX], struct fail *f)
{
	const char *given = args_get(&c->args, option);
	enum err e;
	int n;

	if (given && !*given)
		return fail_set(f, ERR_USAGE, "%s is the path of a folder", option);
	e = given ? ERR_OK : cli_config(c, f);
	if (e != ERR_OK)
		return e;
	n = given
	    ? snprintf(out, DATABASE_PATH_MAX, "%s", given)
	    : snprintf(out, DATABASE_PATH_MAX, "%s/reorg_db", c->config->node.data_dir);
	if (n < 0 || n >= DATABASE_PATH_MAX)
		return fail_set(
		    f, ERR_USAGE, "the path of the reorg database is too long");
	return folder_of(c, out, "the reorg database", f);
}

int64_t database_of_journal(struct cli *c, const char *path)
{
	char own[DATABASE_PATH_MAX];
	struct fail f = { ERR_OK, "" };
	struct journal *j;
	int64_t n;

	if (cli_config(c, &f) != ERR_OK ||
	    snprintf(own, sizeof own, "%s/reorg_db", c->config->node.data_dir) >=
		DATABASE_PATH_MAX ||
	    strcmp(own, path) != 0 || journal_read(&j, c->config->journal, &f) != ERR_OK)
		return 0;
	n = anchors_n(j);
	journal_close(j);
	return n;
}

/* An empty one would hide what the journal has of it. */
static enum err absent(struct cli *c, const char *path, struct fail *f)
{
	int64_t n = access(path, F_OK) == 0 ? 0 : database_of_journal(c, path);

	if (n)
		return fail_set(f, ERR_NOT_FOUND,
		    "there is no reorg database at %s, and the journal has %" PRId64
		    " anchor%s: pawl node rebuild-reorg-db makes it with what the "
		    "journal has",
		    path, n, n == 1 ? "" : "s");
	return ERR_NOT_FOUND;
}

enum err database_open(struct reorgdb **ret, struct cli *c, const char *option,
    enum reorgdb_mode mode, struct fail *f)
{
	char path[DATABASE_PATH_MAX];
	enum err e = database_path(c, option, path, f);

	if (e == ERR_OK && mode != REORGDB_READ)
		e = folder_settled(c, path, f);
	else if (e == ERR_OK)
		folder_warn(c, path);
	if (e == ERR_OK && mode != REORGDB_READ)
		e = behalf_of(c, path, f);
	if (e != ERR_OK)
		return e;
	e = reorgdb_open(ret, path, mode, f);
	return e == ERR_NOT_FOUND ? absent(c, path, f) : e;
}

static enum err tell_all(struct reorgdb *db, struct journal *j, struct fail *f)
{
	struct changes c;
	size_t written;
	enum err e;

	changes_read(&c, j, 0);
	c.has_top = false;
	e = changes_write(&c, db, &written, f);
	changes_release(&c);
	return e;
}

void database_follow(struct cli *c, struct journal *j)
{
	struct fail f = { ERR_OK, "" };
	char path[DATABASE_PATH_MAX];
	struct reorgdb *db;
	int n = snprintf(path, sizeof path, "%s/reorg_db", c->config->node.data_dir);
	enum err e;

	if (n < 0 || (size_t)n >= sizeof path || MUTANT(database_not_told))
		return;
	e = reorgdb_open(&db, path, REORGDB_WRITE, &f);
	if (e == ERR_NOT_FOUND && anchors_moves(j))
		cli_warn(c,
		    "there is no reorg database %s, so what the journal has of anchors "
		    "is not noted there. It is made, with all of that, by: pawl node "
		    "rebuild-reorg-db",
		    path);
	if (e == ERR_NOT_FOUND || e == ERR_OWNED)
		return;
	if (e == ERR_OK) {
		e = tell_all(db, j, &f);
		reorgdb_close(db);
	}
	if (e != ERR_OK)
		cli_warn(c, "%s has not all that the journal has: %s", path, f.why);
}

void database_bad_tell(struct database_bad *b, const char *key, const char *why)
{
	if (!b->n++)
		snprintf(b->first, sizeof b->first, "%s: %s", key, why);
	cli_warn(b->c, "%s: %s", key, why);
}

enum err database_end(
    const struct database_bad *b, enum err e, const char *path, struct fail *f)
{
	if (e != ERR_OK || !b->n)
		return e;
	return fail_set(f, ERR_DAMAGED,
	    "%" PRIu64 " value%s of the reorg database %s not what %s should be; the "
	    "first is %s. To make it anew: procedure 3, pawl node rebuild-reorg-db",
	    b->n, b->n == 1 ? "" : "s", path, b->n == 1 ? "it" : "they", b->first);
}
