/* node extract: each snapshot of a log as a file of its own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/behalf.h"
#include "cli/node/folder.h"
#include "cli/node/snapshots.h"

static enum err folder_make(const char *folder, bool *ret_made, struct fail *f)
{
	struct stat st;

	*ret_made = mkdir(folder, 0700) == 0;
	if (*ret_made)
		return ERR_OK;
	if (errno != EEXIST)
		return fail_file(f, ERR_SYSTEM, folder);
	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
		return fail_set(f, ERR_USAGE, "%s is no folder", folder);
	return ERR_OK;
}

/* Files of a log that was longer, from another day, would be taken for the newest. */
static void warn_others(const struct cli *c, const char *folder, size_t n)
{
	char name[SNAPSHOTS_PATH_MAX];
	int len = snprintf(name, sizeof name, "%s/snapshot_%zu.dat", folder, n + 1);

	if (len > 0 && (size_t)len < sizeof name && access(name, F_OK) == 0)
		cli_warn(c, "%s, and maybe more, is of another log: %zu are of this one",
		    name, n);
}

static enum err tell(const struct cli *c, const struct snapshots_copied *x,
    const char *folder, size_t n, size_t all, struct fail *f)
{
	if (c->args.json)
		cli_json(json_pack("{s:o, s:o, s:I, s:I}", "snapshot", cli_text(x->path),
		    "folder", cli_text(folder), "written", (json_int_t)n, "unreadable",
		    (json_int_t)x->left));
	else
		printf("%zu snapshot%s of %s in %s\n", n, n == 1 ? "" : "s", x->path,
		    folder);
	snapshots_unheld_tell(x);
	warn_others(c, folder, all);
	return x->left
	    ? fail_set(f, ERR_INPUT, "%zu of the %zu snapshot%s of %s can't be read",
		  x->left, all, all == 1 ? "" : "s", x->path)
	    : ERR_OK;
}

enum err cmd_node_extract(struct cli *c, struct fail *f)
{
	struct snapshots_copied x = { .path = args_word(&c->args, 0),
		.word = "has no file" };
	const struct l2_copy_tell told = snapshots_copied_tell(&x);
	const char *folder = args_word(&c->args, 1);
	struct l2_log *log;
	size_t n = 0, all = 0;
	bool made = false;
	enum err e = snapshots_open(&log, c, x.path, f);

	if (e != ERR_OK)
		return e;
	e = snapshots_damage_tell(log, x.path, f);
	if (e == ERR_OK)
		e = snapshots_some(log, c, x.path, f);
	if (e == ERR_OK) {
		x.left = snapshots_damaged(log);
		all = l2_log_n(log) + x.left;
	}
	l2_log_close(log);
	if (e == ERR_OK)
		e = folder_above(folder, f);
	if (e == ERR_OK)
		e = behalf_of(c, folder, f);
	if (e == ERR_OK)
		e = behalf_in(c, folder, f);
	if (e == ERR_OK)
		e = folder_make(folder, &made, f);
	if (e == ERR_OK)
		e = l2_log_extract(cli_until_stopped(), x.path, folder, &n, &told, f);
	if (e != ERR_OK && made)
		(void)!rmdir(folder); /* where nothing got into it */
	return e == ERR_OK ? tell(c, &x, folder, n, all, f) : e;
}
