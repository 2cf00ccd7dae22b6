/* A copy is taken somewhere else: to another folder, or by a program. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mutant.h"
#include "base/shell.h"
#include "kinds/node/backup/inside.h"

#define COMMAND_MS (30 * 60 * 1000)
#define LOOK_MS 200   /* so often it is looked whether this process is to end */
#define GRACE_MS 1000 /* of SIGTERM */

static enum err one_copy(
    const struct l2_backup_plan *plan, const char *name, const char *to, struct fail *f)
{
	char from[BACKUP_PATH_MAX], path[BACKUP_PATH_MAX];
	char want[SUM_TEXT], sum[SUM_TEXT], again[SUM_TEXT];
	struct part p;
	uint64_t len;
	enum err e;

	if (!*name)
		return ERR_OK;
	e = backup_path(from, plan->folder, name, f);
	if (e == ERR_OK)
		e = backup_path(path, to, name, f);
	if (e == ERR_OK)
		e = file_sum(plan->files, from, want, &len, f);
	if (e != ERR_OK)
		return e;
	e = part_begin(&p, plan->files, path, f);
	if (e == ERR_OK)
		e = part_copy(&p, from, len, f);
	e = part_keep(&p, e, sum, f);
	if (e != ERR_OK)
		return e;
	e = file_sum(plan->files, p.path, again, &len, f);
	if (e == ERR_OK && (strcmp(want, sum) != 0 || strcmp(want, again) != 0) &&
	    !MUTANT(copy_unread))
		e = fail_set(
		    f, ERR_DAMAGED, "%s: what is read is not what was copied", p.path);
	e = part_settle(&p, e, f);
	return e == ERR_OK ? plan->files->sync_folder(path, f) : e;
}

enum err folder_there(const struct files *files, const char *to, struct fail *f)
{
	char word[SHELL_WORD_MAX];
	uint64_t number;
	enum err e = files->number(to, &number, f);

	if (e == ERR_NOT_FOUND && MUTANT(copies_on_the_same_disk))
		return files->folder(to, f);
	if (e != ERR_NOT_FOUND)
		return e;
	return fail_set(f, ERR_CONFIG,
	    "the folder %.300s is not there, and none is made: mount the disk that it is "
	    "on; where it is a new one: sudo install -d -m 0700 -o %u %s",
	    to, (unsigned)geteuid(), shell_word(word, sizeof word, to));
}

enum err l2_backup_copy(const struct l2_backup_plan *plan, const struct l2_backup *b,
    const char *to, struct fail *f)
{
	enum err e = folder_there(plan->files, to, f);

	if (e == ERR_OK)
		e = one_copy(plan, b->log, to, f);
	if (e == ERR_OK)
		e = one_copy(plan, b->reorg_db, to, f);
	if (e == ERR_OK)
		e = one_copy(plan, b->sums, to, f);
	return e == ERR_OK ? e
			   : fail_wrap(f, e, "backup %s is in %s, and not in %s", b->time,
				 plan->folder, to);
}

/* -- by a program ------------------------------------------------------------- */

/* A script, and what it runs, end together. One that may ask somebody at a terminal stays
 * in the group of that: it could not read there else, and Ctrl-C ends all of it. */
static bool is_apart(void)
{
	return !isatty(STDIN_FILENO) && !MUTANT(command_ends_alone);
}

static void stop(pid_t pid, int by)
{
	kill(is_apart() ? -pid : pid, by);
}

/* What it needs to find other programs, and no more: secrets may be among the rest. */
static int start(pid_t *ret, const char *command, char **argv)
{
	posix_spawnattr_t how;
	int e;
	char path[BACKUP_PATH_MAX], home[BACKUP_PATH_MAX];
	char *env[] = { path, home, NULL };
	const char *p = getenv("PATH"), *h = getenv("HOME");

	snprintf(path, sizeof path, "PATH=%s", p ? p : "/usr/bin:/bin");
	snprintf(home, sizeof home, "HOME=%s", h ? h : "/");
	e = posix_spawnattr_init(&how);
	if (e)
		return e;
	posix_spawnattr_setflags(&how, is_apart() ? POSIX_SPAWN_SETPGROUP : 0);
	e = posix_spawn(ret, command, NULL, &how, argv, env);
	posix_spawnattr_destroy(&how);
	return e;
}

/* Until it ends, or its time is over, or that of this process: 0, where it still runs. */
static int watched(pid_t pid)
{
	struct pollfd end = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int said = end.fd < 0 ? -1 : 0;

	for (int ms = 0; !said && ms < COMMAND_MS && !files_stopped(); ms += LOOK_MS)
		said = poll(&end, 1, LOOK_MS);
	if (!said && files_stopped()) {
		stop(pid, SIGTERM);
		said = poll(&end, 1, GRACE_MS);
	}
	if (end.fd >= 0)
		close(end.fd);
	return said;
}

static enum err ended(pid_t pid, const char *command, bool late, struct fail *f)
{
	int how = 0;

	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (files_stopped() && !(WIFEXITED(how) && WEXITSTATUS(how) == 0))
		return fail_set(f, ERR_STOPPED,
		    "node.backup.command: %s was ended with this process", command);
	if (late)
		return fail_set(f, ERR_SYSTEM,
		    "node.backup.command: %s did not end within %d minutes", command,
		    COMMAND_MS / 60000);
	if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
		return ERR_OK;
	return fail_set(f, ERR_SYSTEM, "node.backup.command: %s: %s %d", command,
	    WIFEXITED(how) ? "it ended with" : "it ended by signal",
	    WIFEXITED(how) ? WEXITSTATUS(how) : WTERMSIG(how));
}

enum err l2_backup_command(const struct l2_backup_plan *plan, const struct l2_backup *b,
    const char *command, struct fail *f)
{
	const char *names[] = { b->log, b->reorg_db, b->sums };
	char paths[3][BACKUP_PATH_MAX], name[BACKUP_PATH_MAX];
	char *argv[5] = { name };
	int n = 1, said;
	bool late;
	pid_t pid;

	snprintf(name, sizeof name, "%s", command);
	for (int i = 0; i < 3; i++) {
		if (!*names[i])
			continue;
		if (backup_path(paths[i], plan->folder, names[i], f) != ERR_OK)
			return ERR_INPUT;
		argv[n++] = paths[i];
	}
	if (files_stopped())
		return fail_set(f, ERR_STOPPED,
		    "node.backup.command: %s is not begun: this process ends", command);
	said = start(&pid, command, argv);
	if (said)
		return fail_set(f, ERR_SYSTEM, "node.backup.command: %s: %s", command,
		    strerror(said));
	late = !watched(pid);
	if (late)
		stop(pid, SIGKILL);
	return ended(pid, command, late, f);
}
