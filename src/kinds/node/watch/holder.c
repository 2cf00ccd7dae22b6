#include "kinds/node/watch/holder.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mutant.h"
#include "journal/journal.h"
#include "kinds/node/backup/backup.h"
#include "kinds/node/reorgdb/reorgdb.h"
#include "world/files.h"

#define WHO_MAX 40

static const char *who(char out[WHO_MAX], int pid)
{
	snprintf(out, WHO_MAX, pid ? "process %d" : "another process", pid);
	return out;
}

void l2_holder_look(struct l2_holder *ret, const struct l2_paths *paths)
{
	struct owner owner = { .pid = 0 };
	bool held = false, there;
	int pid;

	there = files_folder_is_locked(paths->folder, &pid);
	held = paths->journal && journal_owner(paths->journal, &owner, &held) && held;
	*ret = (struct l2_holder){ .there = there,
		.folder = there,
		.own = there && held && (!pid || owner.pid == pid),
		.pid = pid };
	if (pid && l2_reset_runs(paths->folder) == pid) {
		ret->reset = true; /* it owns the journal while it anchors */
		ret->own = false;
	}
	if (ret->folder && !ret->own)
		return;
	there = reorgdb_holder(paths->reorg_db, &pid);
	if (there)
		*ret = (struct l2_holder){ .there = true,
			.own = held && (!pid || owner.pid == pid),
			.pid = pid };
}

bool trouble_of_holder(
    struct l2_trouble *ret, const struct l2_paths *paths, const struct l2_holder *holder)
{
	char name[WHO_MAX], see[80] = "see what it is";

	if (!holder->there || holder->own || holder->reset || MUTANT(holder_is_ours))
		return false;
	who(name, holder->pid);
	if (holder->folder)
		snprintf(ret->why, sizeof ret->why,
		    "%s has it, the daemon of another journal: this one is not the node "
		    "of this data folder",
		    name);
	else
		snprintf(ret->why, sizeof ret->why,
		    "the reorg database %.400s is open in %s, which is not the daemon "
		    "of this journal, and nobody else can write it meanwhile",
		    paths->reorg_db, name);
	if (holder->pid)
		snprintf(see, sizeof see, "ps -p %d shows what it is", holder->pid);
	snprintf(ret->remedy, sizeof ret->remedy,
	    "%s. A command, as pawl node resync, ends by itself. Another node keeps it: "
	    "each needs a folder of its own, so give one of both another node.data_dir "
	    "(pawl node init makes it), or stop it. Files LOCK are never to be deleted",
	    see);
	return true;
}

enum err l2_folder_check(const struct l2_paths *paths, struct fail *f)
{
	struct l2_holder h;
	char name[WHO_MAX];

	l2_holder_look(&h, paths);
	if (!h.folder || h.own || MUTANT(folder_of_two_nodes))
		return ERR_OK;
	if (h.reset)
		return fail_set(f, ERR_OWNED,
		    "a reset of %.400s runs, or is being taken back: process %d. Nothing "
		    "was changed. It ends by itself; type this again then",
		    paths->folder, h.pid);
	return fail_set(f, ERR_OWNED,
	    "%.400s is the data folder of %s, the daemon of another journal. Nothing was "
	    "changed. Type it where the config of that one is, or name another "
	    "node.data_dir in this one",
	    paths->folder, who(name, h.pid));
}

enum err l2_folder_at_rest(const struct l2_paths *paths, struct fail *f)
{
	struct l2_holder h;
	char name[WHO_MAX];

	l2_holder_look(&h, paths);
	if (!h.own || MUTANT(replaced_beside_daemon))
		return ERR_OK;
	return fail_set(f, ERR_OWNED,
	    "the daemon of this journal runs, %s, and has the reorg database %.400s "
	    "open, also where that was moved away. Nothing was changed. Stop it, which "
	    "is safe, and type this again",
	    who(name, h.pid), paths->reorg_db);
}

enum err l2_folder_take(const char *folder, int *ret, struct fail *f)
{
	enum err e = files_lock_folder(folder, ret, NULL);
	int pid = e == ERR_OWNED ? files_locked_by(folder) : 0;
	char name[WHO_MAX], stop[80] = "stop that one";

	if (e != ERR_OWNED || MUTANT(folder_of_two_nodes))
		return ERR_OK; /* what else is wrong with it the first step says */
	if (pid && l2_reset_runs(folder) == pid)
		return fail_set(f, ERR_OWNED,
		    "node.data_dir: a reset of %.400s runs, or is being taken back: "
		    "process %d. It ends by itself; start the node then",
		    folder, pid);
	if (pid)
		snprintf(stop, sizeof stop, "stop that one, which is safe: kill %d", pid);
	return fail_set(f, ERR_OWNED,
	    "node.data_dir: %.400s is the data folder of %s already, the daemon of "
	    "another journal, and two nodes can't have one. Give this one a "
	    "node.data_dir of its own, which pawl node init makes; or %s",
	    folder, who(name, pid), stop);
}

void l2_folder_leave(int *folder)
{
	if (*folder >= 0)
		close(*folder);
	*folder = -1;
}
