/* node prune: the newest snapshots of a log in another file. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/behalf.h"
#include "cli/node/snapshots.h"

#define KEPT 1000

/* The log itself is named so by who wants it smaller, by another path, too. */
static enum err other_file(const char *path, const char *output, struct fail *f)
{
	struct stat a, b;

	if (stat(path, &a) == 0 && lstat(output, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino)
		return fail_set(f, ERR_USAGE,
		    "--output %s is the log itself: name another file, and move it into "
		    "its place when it is verified",
		    output);
	return snapshots_new_file(output, f);
}

static void tell(const struct cli *c, const struct l2_pruned *p, const char *output)
{
	if (c->args.json) {
		cli_json(json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "output",
		    cli_text(output), "snapshots", (json_int_t)p->blocks, "kept",
		    (json_int_t)p->kept, "needed", (json_int_t)p->needed, "bytes",
		    (json_int_t)p->bytes, "kept_bytes", (json_int_t)p->kept_bytes));
		return;
	}
	printf("%zu of %zu snapshot%s kept, %" PRIu64 " of %" PRIu64 " bytes: %s\n",
	    p->kept, p->blocks, p->blocks == 1 ? "" : "s", p->kept_bytes, p->bytes,
	    output);
	if (p->needed)
		cli_say(c,
		    "%zu of them %s older than that, and needed: the newest valid one, "
		    "or anchors that its peg-outs stand on.",
		    p->needed, p->needed == 1 ? "is" : "are");
}

enum err cmd_node_prune(struct cli *c, struct fail *f)
{
	const char *keep_text = args_get(&c->args, "--keep");
	const char *output = args_get(&c->args, "--output");
	char path[SNAPSHOTS_PATH_MAX];
	struct snapshots_copied copied = { .path = path };
	const struct l2_copy_tell told = snapshots_copied_tell(&copied);
	struct l2_pruned pruned;
	struct l2_log *log;
	uint64_t keep = KEPT;
	enum err e = snapshots_path(
	    c, "--file", args_get(&c->args, "--file"), SNAPSHOTS_NAME, path, f);

	if (e == ERR_OK && keep_text)
		e = args_number(&keep, "--keep", keep_text, 1, SIZE_MAX, f);
	if (e == ERR_OK && (!output || !*output))
		e = fail_set(
		    f, ERR_USAGE, "--output FILE is missing: where it is written");
	if (e == ERR_OK)
		e = other_file(path, output, f);
	if (e == ERR_OK)
		e = snapshots_open(&log, c, path, f);
	if (e != ERR_OK)
		return e;
	e = snapshots_damage_tell(log, path, f);
	if (e == ERR_OK)
		e = snapshots_some(log, c, path, f);
	if (e == ERR_OK && snapshots_damaged(log))
		e = fail_set(f, ERR_INPUT,
		    "the newest snapshot of %s is damaged: pawl node recover "
		    "--latest-valid puts the log right, and then it is pruned",
		    path);
	l2_log_close(log);
	if (e == ERR_OK)
		e = behalf_of(c, output, f);
	if (e == ERR_OK)
		e = l2_log_prune(
		    cli_until_stopped(), path, (size_t)keep, output, &pruned, &told, f);
	if (e != ERR_OK)
		return e;
	tell(c, &pruned, output);
	snapshots_unheld_tell(&copied);
	return ERR_OK;
}
