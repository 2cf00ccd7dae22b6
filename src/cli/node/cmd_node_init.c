/* node init: the folder of a node, with what an empty one has. What is there stays. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/behalf.h"
#include "cli/node/folder.h"
#include "cli/node/refuse.h"
#include "cli/node/snapshots.h"
#include "kinds/node/link.h"

static enum err join(
    char out[SNAPSHOTS_PATH_MAX], const char *folder, const char *name, struct fail *f)
{
	int n = snprintf(out, SNAPSHOTS_PATH_MAX, "%s/%s", folder, name);

	if (n < 0 || n >= SNAPSHOTS_PATH_MAX)
		return fail_set(f, ERR_USAGE, "--data-dir: the path is too long");
	return ERR_OK;
}

static enum err made(
    struct cli *c, const char *what, const char *path, bool fresh, enum err e)
{
	if (e != ERR_OK)
		return e;
	if (c->args.json)
		cli_json(json_pack("{s:s, s:o, s:b}", "made", what, "path",
		    cli_text(path), "fresh", fresh));
	else
		printf("%s %s: %s\n", what, fresh ? "created" : "is there already", path);
	return e;
}

static enum err folder_make(
    struct cli *c, const char *what, const char *path, struct fail *f)
{
	bool fresh = mkdir(path, 0700) == 0;
	struct stat st;
	enum err e = ERR_OK;

	if (!fresh && errno != EEXIST)
		e = fail_file(f, ERR_SYSTEM, path);
	else if (!fresh && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)))
		e = fail_set(f, ERR_USAGE, "%s is there, and no folder", path);
	if (e == ERR_OK && fresh)
		e = behalf_give(c, path, f);
	if (e == ERR_OK && fresh)
		e = files_of_system.sync_folder(path, f);
	return made(c, what, path, fresh, e);
}

/* An empty one: there is no state of which a snapshot could be. */
static enum err log_make(struct cli *c, const char *path, struct fail *f)
{
	bool fresh = access(path, F_OK) != 0;
	struct file *file = NULL;
	enum err e = l2_itself(path, f);

	if (e == ERR_OK)
		e = files_of_system.open(&file, path, FILE_WRITE, f);
	if (e == ERR_OK && fresh) {
		e = files_of_system.sync(file, f);
		if (e == ERR_OK)
			e = files_of_system.sync_folder(path, f);
	}
	files_of_system.close(file);
	return made(c, "Snapshot log", path, fresh, e);
}

static enum err database_make(struct cli *c, const char *path, struct fail *f)
{
	struct reorgdb *db = NULL;
	enum err e = reorgdb_open(&db, path, REORGDB_READ, f);
	bool fresh = e == ERR_NOT_FOUND;

	if (fresh)
		e = reorgdb_open(&db, path, REORGDB_CREATE, f);
	reorgdb_close(e == ERR_OK ? db : NULL);
	return made(c, "Reorg database", path, fresh, e);
}

/* The folder that is missing is of a disk that is not mounted, as far as anybody knows.
 */
static enum err lost_agree(struct cli *c, const char *folder, struct fail *f)
{
	struct word_asked no = { .unless = "Only if that disk is gone for good" };
	int64_t n = folder_lost(c);
	char line[REFUSE_LINE_MAX];
	struct sha256 *s;
	enum err e = args_yes(&no.said, &c->args, f);

	if (e != ERR_OK || !n)
		return e;
	s = sha256_begin();
	sha256_add(s, "init", 4);
	sha256_add(s, folder, strlen(folder));
	sha256_add(s, &n, sizeof n);
	no.word = word_end(s);
	no.line = refuse_line(line, "pawl node init --data-dir", folder);
	if (no.said == no.word)
		return ERR_OK;
	return refuse_word(f, &no,
	    "the journal %.300s has anchored %" PRId64
	    " state%s, and its data folder %.300s is not there: is its disk mounted? "
	    "Mount it first. A new folder would be an empty one on another disk, and "
	    "hidden when that is mounted over it",
	    c->config->journal, n, n == 1 ? "" : "s", c->config->node.data_dir);
}

enum err cmd_node_init(struct cli *c, struct fail *f)
{
	char folder[SNAPSHOTS_PATH_MAX], path[SNAPSHOTS_PATH_MAX];
	enum err e = snapshots_path(
	    c, "--data-dir", args_get(&c->args, "--data-dir"), "", folder, f);

	/* whose journal it is, where there is one */
	if (e == ERR_OK && access(c->args.config, F_OK) == 0)
		(void)!cli_config(c, NULL);
	if (e == ERR_OK) {
		folder_plain(folder);
		e = folder_above(folder, f);
	}
	if (e == ERR_OK)
		e = lost_agree(c, folder, f);
	if (e == ERR_OK)
		e = behalf_of(c, folder, f);
	if (e == ERR_OK)
		e = folder_make(c, "Data folder", folder, f);
	if (e == ERR_OK)
		e = behalf_in(c, folder, f);
	if (e == ERR_OK)
		e = join(path, folder, "backups", f);
	if (e == ERR_OK)
		e = folder_make(c, "Backup folder", path, f);
	if (e == ERR_OK)
		e = join(path, folder, SNAPSHOTS_NAME, f);
	if (e == ERR_OK)
		e = log_make(c, path, f);
	if (e == ERR_OK)
		e = join(path, folder, "reorg_db", f);
	return e == ERR_OK ? database_make(c, path, f) : e;
}
