#include "cli/node/database.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mutant.h"
#include "cli/node/folder.h"
#include "cli/report/node.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/reorgdb/changes.h"
#include "kinds/node/watch/holder.h"

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
	folder_plain(out);
	return folder_of(c, out, "the reorg database", f);
}

#define KEY "anchor:"

/* However they are written: the folder that it is in is looked at. */
static bool is_same_place(const char *a, const char *b)
{
	const char *x = strrchr(a, '/'), *y = strrchr(b, '/');
	char above_a[DATABASE_PATH_MAX], above_b[DATABASE_PATH_MAX];
	struct stat sa, sb;

	if (strcmp(x ? x + 1 : a, y ? y + 1 : b) != 0)
		return false;
	snprintf(above_a, sizeof above_a, "%.*s/", x ? (int)(x - a) : 1, x ? a : ".");
	snprintf(above_b, sizeof above_b, "%.*s/", y ? (int)(y - b) : 1, y ? b : ".");
	return stat(above_a, &sa) == 0 && stat(above_b, &sb) == 0 &&
	    sa.st_ino == sb.st_ino && sa.st_dev == sb.st_dev;
}

/* The journal whose database is at this path, to read; NULL: it is none's. */
static struct journal *journal_of(struct cli *c, const char *path)
{
	char own[DATABASE_PATH_MAX];
	struct fail f = { ERR_OK, "" };
	struct journal *j;

	if (cli_config(c, &f) != ERR_OK ||
	    snprintf(own, sizeof own, "%s/reorg_db", c->config->node.data_dir) >=
		DATABASE_PATH_MAX ||
	    !is_same_place(own, path) ||
	    journal_read(&j, c->config->journal, &f) != ERR_OK)
		return NULL;
	return j;
}

int64_t database_of_journal(struct cli *c, const char *path)
{
	struct journal *j = journal_of(c, path);
	int64_t n = j ? anchors_n(j) : 0;

	if (j)
		journal_close(j);
	return n;
}

bool database_height_trouble(struct cli *c, const char *path, uint64_t height,
    uint64_t head, uint64_t *ret_behind, struct l2_trouble *ret)
{
	struct journal *j = journal_of(c, path);
	bool is = trouble_of_height(ret, j, height, head, ret_behind);

	if (j)
		journal_close(j);
	return is;
}

/* As the journal has it: present, and at its height in its state. */
static bool is_as(struct reorgdb *db, const char *hash, const char *value)
{
	struct anchor_record is, a;
	bool there = false;

	if (reorgdb_anchor(db, hash, &a, &there, NULL) != ERR_OK ||
	    anchor_parse(&is, hash, value, strlen(value), NULL) != ERR_OK)
		return true; /* that is told as damage, where it is */
	return there &&
	    ((a.status == is.status && a.height == is.height) ||
		MUTANT(stale_is_as_the_journal));
}

static size_t lacking(struct reorgdb *db, struct journal *j, const char *hash)
{
	struct changes all;
	size_t n = 0;

	changes_read(&all, j, 0);
	for (size_t i = 0; i < all.n; i++) {
		const char *of = all.at[i].key + strlen(KEY);

		if (strncmp(all.at[i].key, KEY, strlen(KEY)) == 0 &&
		    (!hash || strcmp(of, hash) == 0))
			n += !is_as(db, of, all.at[i].value);
	}
	changes_release(&all);
	return n;
}

size_t database_lacks(struct cli *c, struct reorgdb *db, const char *hash)
{
	struct journal *j = journal_of(c, reorgdb_path(db));
	struct l2_holder holder = { .there = false };
	struct node_files files;
	size_t n = 0;

	if (!j)
		return 0;
	node_files(&files, c->config, NULL);
	l2_holder_look(&holder, &files.paths);
	if (!holder.own && !holder.reset && !MUTANT(lacking_is_none))
		n = lacking(db, j, hash);
	journal_close(j);
	return n;
}

enum err database_absent(struct cli *c, const char *path, enum err e, struct fail *f)
{
	int64_t n = e == ERR_NOT_FOUND && access(path, F_OK) != 0
	    ? database_of_journal(c, path)
	    : 0;

	if (n)
		return fail_set(f, ERR_NOT_FOUND,
		    "there is no reorg database at %s, and the journal has %" PRId64
		    " anchor%s: pawl node rebuild-reorg-db makes it with what the "
		    "journal has",
		    path, n, n == 1 ? "" : "s");
	return e;
}

enum err database_open(struct reorgdb **ret, struct cli *c, const char *option,
    enum reorgdb_mode mode, struct fail *f)
{
	char path[DATABASE_PATH_MAX];
	enum err e = database_path(c, option, path, f);

	if (e == ERR_OK && mode != REORGDB_READ)
		e = folder_to_write(c, path, "the reorg database", f);
	else if (e == ERR_OK)
		folder_warn(c, path);
	if (e != ERR_OK)
		return e;
	e = reorgdb_open(ret, path, mode, f);
	return database_absent(c, path, e, f);
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
