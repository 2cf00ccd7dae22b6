/* node rehearse: a node of its own, made of a copy of another one's files, to try out
 * what one hopes not to need. Nothing but the new folder is written. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "cli/daemon/backups.h"
#include "cli/node/folder.h"
#include "cli/node/rehearse.h"
#include "cli/node/snapshots.h"

struct rehearsal {
	struct cli *cli;
	struct backup_paths from;
	char dir[PATH_MAX], config[PATH_MAX], journal[PATH_MAX], data[PATH_MAX],
	    log[PATH_MAX], reorg_db[PATH_MAX];
	bool has_log, has_db;
	uint64_t depth;
	struct rehearsed reorg;
};

static enum err folder_make(struct rehearsal *r, const char *dir, struct fail *f)
{
	char real[PATH_MAX];

	if (mkdir(dir, 0700) != 0)
		return errno == EEXIST
		    ? fail_set(f, ERR_CONFLICT,
			  "%s is there already: a rehearsal makes a folder of its own",
			  dir)
		    : fail_file(f, ERR_SYSTEM, dir);
	if (!realpath(dir, real) || strlen(real) > PATH_MAX - 64)
		return fail_set(f, ERR_USAGE, "%s: the path is too long", dir);
	snprintf(r->dir, sizeof r->dir, "%.4000s", real);
	snprintf(r->config, sizeof r->config, "%.4000s/pawl.yaml", real);
	snprintf(r->journal, sizeof r->journal, "%.4000s/pawl.db", real);
	snprintf(r->data, sizeof r->data, "%.4000s/l2", real);
	snprintf(r->log, sizeof r->log, "%.4000s/l2/" SNAPSHOTS_NAME, real);
	snprintf(r->reorg_db, sizeof r->reorg_db, "%.4000s/l2/reorg_db", real);
	return mkdir(r->data, 0700) == 0 ? ERR_OK : fail_file(f, ERR_SYSTEM, r->data);
}

/* In quotes of YAML, in which a quote stands twice. */
static enum err config_write(const struct rehearsal *r, struct fail *f)
{
	struct buf out;
	struct file *file = NULL;
	enum err e;

	buf_init(&out, 4 * PATH_MAX);
	buf_add_str(&out, "journal: pawl.db\nnode: {data_dir: '");
	for (const char *p = r->data; *p; p++) {
		buf_add_byte(&out, (uint8_t)*p);
		if (*p == '\'')
			buf_add_byte(&out, '\'');
	}
	buf_add_str(&out, "'}\n");
	e = files_of_system.open(&file, r->config, FILE_WRITE, f);
	if (e == ERR_OK)
		e = files_of_system.write(file, 0, buf_text(&out), out.len, f);
	files_of_system.close(file);
	buf_release(&out);
	return e;
}

/* While a node writes them: the log as far as it is, the database of one instant. */
static enum err files_copy(struct rehearsal *r, struct fail *f)
{
	enum err e = l2_log_copy(&files_of_system, r->from.log, r->log, f);

	r->has_log = e == ERR_OK;
	if (e != ERR_OK && e != ERR_NOT_FOUND)
		return e;
	e = reorgdb_checkpoint(r->from.reorg_db, r->reorg_db, f);
	r->has_db = e == ERR_OK;
	if (e == ERR_DAMAGED)
		cli_warn(r->cli,
		    "%s is damaged, and not part of the rehearsal: %s. To make it anew: "
		    "procedure 3, pawl node rebuild-reorg-db",
		    r->from.reorg_db, f->why);
	return e == ERR_NOT_FOUND || e == ERR_DAMAGED ? ERR_OK : e;
}

static enum err reorg(struct rehearsal *r, struct fail *f)
{
	const struct owner who = { .pid = getpid(), .host = "rehearsal" };
	struct journal *j;
	enum err e = journal_own(&j, r->journal, &who, f);

	if (e != ERR_OK)
		return e;
	e = rehearse_reorg(j, r->reorg_db, r->depth, clock_wall_ms(), &r->reorg, f);
	journal_close(j);
	return e;
}

static void tell(const struct rehearsal *r)
{
	if (r->cli->args.json) {
		json_t *o = json_pack("{s:o, s:o, s:b, s:b}", "config",
		    cli_text(r->config), "data_dir", cli_text(r->data), "log", r->has_log,
		    "reorg_db", r->has_db);

		if (r->depth)
			json_object_set_new(o, "reorg",
			    json_pack("{s:I, s:I, s:I, s:b}", "height",
				(json_int_t)r->reorg.height, "depth",
				(json_int_t)r->depth, "anchors",
				(json_int_t)r->reorg.anchors, "made_up",
				r->reorg.made_up));
		cli_json(o);
		return;
	}
	printf("Node of a rehearsal: %s\n", r->config);
	if (!r->has_log && !r->has_db)
		printf("There was nothing to copy: it is an empty one\n");
	if (!r->depth)
		return;
	printf("Reorg at height %" PRIu64 "\n  %" PRIu64 " deep: %zu anchor%s%s "
	       "invalidated, in a block again, and confirmed\n",
	    r->reorg.height, r->depth, r->reorg.anchors, r->reorg.anchors == 1 ? "" : "s",
	    r->reorg.made_up ? ", made up because none was there," : "");
}

static enum err rehearse(struct rehearsal *r, struct fail *f)
{
	const char *dir = args_word(&r->cli->args, 0);
	enum err e = folder_above(dir, f);

	if (e == ERR_OK)
		e = folder_make(r, dir, f);
	if (e == ERR_OK)
		e = config_write(r, f);
	if (e == ERR_OK)
		e = journal_create(r->journal, f);
	if (e == ERR_OK)
		e = files_copy(r, f);
	return e == ERR_OK && r->depth ? reorg(r, f) : e;
}

enum err cmd_node_rehearse(struct cli *c, struct fail *f)
{
	const char *depth = args_get(&c->args, "--reorg-depth");
	const char *dir = args_get(&c->args, "--data-dir");
	struct rehearsal *r = mem_new(sizeof *r);
	enum err e = dir ? ERR_OK : cli_config(c, f);

	r->cli = c;
	if (e == ERR_OK && depth)
		e = args_number(
		    &r->depth, "--reorg-depth", depth, 1, REHEARSE_DEPTH_MAX, f);
	if (e == ERR_OK)
		e = backup_paths(&r->from, dir ? NULL : &c->config->node, dir, f);
	if (e == ERR_OK && dir && !MUTANT(rehearsal_of_nothing))
		e = folder_of(c, r->from.log, "log and reorg database", f);
	if (e == ERR_OK)
		e = rehearse(r, f);
	if (e == ERR_OK)
		tell(r);
	mem_free(r);
	return e;
}
