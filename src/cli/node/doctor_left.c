/* What commands that were killed have left: nothing reads it, and until the same command
 * is typed again nobody would see it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mutant.h"
#include "base/shell.h"
#include "cli/node/doctor.h"
#include "kinds/node/reorgdb/reorgdb.h"

struct leftovers {
	struct node_doctor *n;
	const char *folder;
	bool is_data_dir; /* else the journal's: what is put aside of states alone */
};

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

static bool is_one(const struct leftovers *l, const char *name)
{
	size_t len = strlen(name);
	bool part = len > 5 && strcmp(name + len - 5, ".part") == 0;

	if (!l->is_data_dir)
		return part && begins(name, "l2_state.jsonl.before_");
	return (part && !begins(name, "recovery_")) || strcmp(name, "reorg_db.new") == 0;
}

/* Who makes it has it, or what it is to replace. */
static bool in_use(const struct leftovers *l, const char *path)
{
	struct reorgdb_held held = REORGDB_NOT_HELD;
	struct stat st;
	enum err e;

	if (lstat(path, &st) != 0)
		return true; /* it is gone again */
	if (S_ISDIR(st.st_mode)) {
		e = reorgdb_hold(l->n->files.reorg_db, &held, NULL);
		reorgdb_let_go(&held);
		return e == ERR_OWNED;
	}
	return files_is_owned(path) || files_is_owned(l->n->files.log);
}

/* Killed while it and what is in place changed names. */
static bool swap_tell(const struct leftovers *l, const char *of, const char *path)
{
	bool database = of == l->n->files.reorg_db;
	char word[1400], kept[1400], name[1400], remedy[4400];
	enum files_swap swap = files_swap_look(&files_of_system, of, path);

	shell_word(word, sizeof word, path);
	snprintf(name, sizeof name, "%.1200s.before_%s", of, strrchr(path, '_') + 1);
	if (swap == FILES_SWAP_OLD) {
		snprintf(remedy, sizeof remedy,
		    "mv %s %s gives it the name of what is kept; where it is not "
		    "wanted: rm -r %s",
		    word, shell_word(kept, sizeof kept, name), word);
		doctor_finding(&l->n->d, "files", path, remedy,
		    "it was %s, before a command that was killed put another in its "
		    "place: nothing reads it",
		    of);
	} else if (swap == FILES_SWAP_FRESH) {
		snprintf(remedy, sizeof remedy, "rm -r %s%s", word,
		    database ? "; then that command again; or, with the log as it is "
			       "now: pawl node rebuild-reorg-db"
			     : "");
		doctor_finding(&l->n->d, "files", path, remedy,
		    "it was to take the place of %s, and the command was killed before: "
		    "that is as it was%s",
		    of,
		    database ? "; if it was a restore, the log may be that of the backup "
			       "already"
			     : ", and nothing reads this");
	} else if (swap == FILES_SWAP_UNSURE) {
		snprintf(remedy, sizeof remedy,
		    "pawl node %s %s tells what it is; until that is known, keep it: mv "
		    "%s %s",
		    database ? "reorgs --db-path" : "verify --snapshot", word, word,
		    shell_word(kept, sizeof kept, name));
		doctor_finding(&l->n->d, "files", path, remedy,
		    "a command was killed while it put another %s in place: this is the "
		    "one of before, or the one that was to come. The folder was copied, "
		    "or one of the two was written since: nobody can tell, and nothing "
		    "reads it",
		    of);
	}
	return swap != FILES_SWAP_NONE;
}

static void one(void *ctx, const char *name)
{
	const struct leftovers *l = ctx;
	char path[2048], word[1400], remedy[1500];
	bool half = is_one(l, name);

	if ((!half && !(l->is_data_dir && strstr(name, ".swap_"))) ||
	    MUTANT(leftovers_unsaid))
		return;
	snprintf(path, sizeof path, "%.1000s/%.255s", l->folder, name);
	if (in_use(l, path))
		return;
	if (!half) {
		if (!swap_tell(l, l->n->files.log, path))
			(void)swap_tell(l, l->n->files.reorg_db, path);
		return;
	}
	snprintf(remedy, sizeof remedy, "rm -r %s", shell_word(word, sizeof word, path));
	doctor_finding(&l->n->d, "files", path, remedy,
	    "a command that was killed has left it, half made: nothing reads it");
}

void doctor_left(struct node_doctor *n)
{
	const char *journal = n->d.cli->config->journal, *slash = strrchr(journal, '/');
	char folder[1024];
	struct leftovers data = { n, n->files.paths.folder, true };
	struct leftovers beside = { n, folder, false };

	snprintf(folder, sizeof folder, "%.*s",
	    !slash                 ? 1
		: slash == journal ? 1
				   : (int)(slash - journal),
	    slash ? journal : ".");
	(void)!files_of_system.each(data.folder, one, &data, NULL);
	if (strcmp(folder, data.folder) != 0)
		(void)!files_of_system.each(folder, one, &beside, NULL);
}
