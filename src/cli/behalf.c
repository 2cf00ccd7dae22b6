#include "cli/behalf.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "base/shell.h"

struct user {
	uid_t uid;
	gid_t gid;
	bool named; /* the system knows it by a name */
	char name[64], home[256];
};

static void user_find(struct user *ret, const struct stat *st)
{
	char room[4096];
	struct passwd entry, *there = NULL;

	*ret = (struct user){ .uid = st->st_uid, .gid = st->st_gid };
	ret->named =
	    getpwuid_r(st->st_uid, &entry, room, sizeof room, &there) == 0 && there;
	if (ret->named) {
		ret->gid = entry.pw_gid;
		snprintf(ret->name, sizeof ret->name, "%s", entry.pw_name);
		snprintf(ret->home, sizeof ret->home, "%s", entry.pw_dir);
	} else {
		snprintf(ret->name, sizeof ret->name, "#%u", (unsigned)st->st_uid);
	}
}

static bool journal_stat(const struct cli *c, struct stat *st)
{
	return c->config && stat(c->config->journal, st) == 0;
}

/* What was opened before is of root: an empty log goes on as his. Who may write in the
 * folder of it can put any file of root's there, by a link: that is not given away. */
static void log_give(const struct cli *c, const struct user *u)
{
	const char *path = c->config ? c->config->log.file : NULL;
	int fd = path ? open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !st.st_uid && !st.st_size &&
	    (st.st_nlink == 1 || MUTANT(root_gives_away)) &&
	    fchown(fd, u->uid, u->gid) != 0)
		cli_warn(c, "%s belongs to root, and %s can't write it: %s", path,
		    u->name, strerror(errno));
	close(fd);
}

static enum err become(
    const struct cli *c, const char *folder, const struct user *u, struct fail *f)
{
	char as[SHELL_AS_MAX];

	log_give(c, u);
	if ((u->named ? initgroups(u->name, u->gid) : setgroups(0, NULL)) != 0 ||
	    setresgid(u->gid, u->gid, u->gid) != 0 ||
	    setresuid(u->uid, u->uid, u->uid) != 0)
		return fail_set(f, ERR_SYSTEM,
		    "%.300s belongs to %s, who could not write what root leaves there, "
		    "and the system lets nobody become %s here (%s). Nothing was "
		    "changed. Type it as that user: %s pawl %s ...",
		    folder, u->name, u->name, strerror(errno),
		    shell_as(as, u->named ? u->name : NULL, u->uid, u->gid),
		    c->args.command->words);
	if (u->home[0])
		(void)setenv("HOME", u->home, 1);
	cli_warn(c,
	    "%s belongs to %s, who could not write what root leaves there: this is done "
	    "as %s",
	    folder, u->name, u->name);
	return ERR_OK;
}

enum err behalf_in(const struct cli *c, const char *folder, struct fail *f)
{
	struct stat st, journal;
	struct user u;

	if (geteuid() != 0 || MUTANT(root_writes_for_others) || stat(folder, &st) != 0 ||
	    !S_ISDIR(st.st_mode) || !st.st_uid ||
	    (journal_stat(c, &journal) && !journal.st_uid))
		return ERR_OK;
	user_find(&u, &st);
	return become(c, folder, &u, f);
}

enum err behalf_of(const struct cli *c, const char *file, struct fail *f)
{
	char *copy = mem_str(file);
	enum err e = behalf_in(c, dirname(copy), f);

	mem_free(copy);
	return e;
}

enum err behalf_give(const struct cli *c, const char *folder, struct fail *f)
{
	struct stat st;
	struct user u;

	if (geteuid() != 0 || !journal_stat(c, &st) || !st.st_uid)
		return ERR_OK;
	user_find(&u, &st);
	if (chown(folder, u.uid, u.gid) != 0)
		return fail_set(f, ERR_SYSTEM, "%s: to give it to %s: %s", folder, u.name,
		    strerror(errno));
	return ERR_OK;
}
