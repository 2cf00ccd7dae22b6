#include "kinds/node/watch/look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "kinds/node/backup/backup.h"

#define DISK_SECTOR 512 /* of st_blocks */
#define NOWHERE "it is not there: log, reorg database and backups should be in it"

/* -- findings -------------------------------------------------------------- */

static struct l2_finding *found(struct l2_look *l, const char *of, const char *fmt, ...)
    PRINTF(3, 4);

static struct l2_finding *found(struct l2_look *l, const char *of, const char *fmt, ...)
{
	struct l2_finding *f = &l->findings[l->findings_n];
	va_list ap;

	if (l->findings_n < L2_FINDINGS_MAX - 1)
		l->findings_n++;
	va_start(ap, fmt);
	vsnprintf(f->why, sizeof f->why, fmt, ap);
	va_end(ap);
	f->of = of;
	f->remedy[0] = '\0';
	return f;
}

static void PRINTF(2, 3) remedy(struct l2_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->remedy, sizeof f->remedy, fmt, ap);
	va_end(ap);
}

static const char *user_name(char out[64], uid_t uid)
{
	char room[4096];
	struct passwd entry, *there = NULL;

	if (getpwuid_r(uid, &entry, room, sizeof room, &there) == 0 && there)
		snprintf(out, 64, "%s", there->pw_name);
	else
		snprintf(out, 64, "%u", (unsigned)uid);
	return out;
}

/* Whose it is, and who may use it. want: of access(). Who is root looks for another: the
 * owner of the folder. */
static void rights_look(
    struct l2_look *l, const char *path, const struct stat *st, int want)
{
	char owner[64], should[64];
	uid_t me = geteuid();

	user_name(should, me ? me : (uid_t)l->owner);
	if (st->st_uid != (me ? me : (uid_t)l->owner))
		remedy(found(l, path, "it belongs to %s, and %s %s",
			   user_name(owner, st->st_uid),
			   me ? "this process to" : "its folder to", should),
		    "sudo chown -R %s: %s", should, path);
	else if (faccessat(AT_FDCWD, path, want, AT_EACCESS) != 0)
		remedy(found(l, path, "its owner may not %s it (mode %04o)",
			   want & X_OK ? "use" : "read and write",
			   (unsigned)st->st_mode & 07777),
		    "chmod %s %s", want & X_OK ? "u+rwx" : "u+rw", path);
	if (st->st_mode & 022)
		remedy(found(l, path, "others may write %s (mode %04o)",
			   S_ISDIR(st->st_mode) ? "in it" : "it",
			   (unsigned)st->st_mode & 07777),
		    "chmod go-w %s", path);
}

/* -- what there is --------------------------------------------------------- */

static void folder_look(struct l2_look *l, const char *path)
{
	struct statvfs disk;
	struct stat st;

	l->disk_free = l->disk_size = -1;
	if (stat(path, &st) != 0) {
		if (errno == ENOENT)
			remedy(found(l, path, NOWHERE), "pawl node init --data-dir %s",
			    path);
		else
			remedy(found(l, path, "%s", strerror(errno)),
			    "look at the folders above it: who may go through them");
		return;
	}
	l->has_folder = S_ISDIR(st.st_mode);
	if (!l->has_folder) {
		remedy(found(l, path, "it is no folder"), "give node.data_dir a folder");
		return;
	}
	l->owner = (unsigned)st.st_uid;
	rights_look(l, path, &st, R_OK | W_OK | X_OK);
	if (statvfs(path, &disk) == 0) {
		l->disk_free = (int64_t)(disk.f_bavail * disk.f_frsize);
		l->disk_size = (int64_t)(disk.f_blocks * disk.f_frsize);
	}
}

static void log_look_at(struct l2_look *l, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		if (errno != ENOENT)
			remedy(found(l, path, "%s", strerror(errno)),
			    "look at the folder that it is in");
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		remedy(found(l, path, "it is no file"),
		    "move it away: the log of snapshots is to have this name");
		return;
	}
	l->has_log = true;
	l->log_bytes = (uint64_t)st.st_size;
	l->log_file = (uint64_t)st.st_ino;
	l->log_changed_ns =
	    (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	rights_look(l, path, &st, R_OK | W_OK);
}

/* As du has it: a database is a folder of files. */
static void database_look_at(struct l2_look *l, const char *path)
{
	struct dirent *entry;
	struct stat st;
	DIR *d;

	if (stat(path, &st) != 0)
		return;
	l->has_database = S_ISDIR(st.st_mode);
	if (!l->has_database) {
		remedy(found(l, path, "it is no folder"),
		    "move it away: the reorg database is to have this name");
		return;
	}
	rights_look(l, path, &st, R_OK | W_OK | X_OK);
	d = opendir(path);
	while (d && (entry = readdir(d)) != NULL)
		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			l->database_bytes += (uint64_t)st.st_blocks * DISK_SECTOR;
	if (d)
		closedir(d);
}

static void backups_look(struct l2_look *l, const char *folder)
{
	struct l2_backup_seen *seen = NULL;
	size_t n = 0;

	if (l2_backup_list(&files_of_system, folder, &seen, &n, NULL) == ERR_OK && n) {
		l->backups = n;
		l->backup_ms = l2_backup_wall_ms(seen[0].time);
	}
	mem_free(seen);
}

/* Until it is finished or taken back, what is in place may be the old or the new. */
static void reset_look(struct l2_look *l, const char *folder)
{
	char told[L2_RESET_TOLD];

	l2_reset_tell(told, &files_of_system, folder);
	if (told[0])
		remedy(found(l, folder, "%s", told),
		    "pawl node reset, which changes nothing yet: it says how far that "
		    "came, what finishes it, and what takes it back");
}

void l2_look(struct l2_look *ret, const struct l2_paths *paths)
{
	*ret = (struct l2_look){ .findings_n = 0 };
	folder_look(ret, paths->folder);
	if (!ret->has_folder)
		return;
	reset_look(ret, paths->folder);
	log_look_at(ret, paths->log);
	database_look_at(ret, paths->reorg_db);
	backups_look(ret, paths->backups);
}

/* -- how large ------------------------------------------------------------- */

bool l2_log_is_large(const struct l2_look *l)
{
	return l->log_bytes / L2_MB > L2_LOG_LARGE_MB;
}

bool l2_database_is_large(const struct l2_look *l)
{
	return l->database_bytes / L2_MB > L2_DATABASE_LARGE_MB;
}

bool l2_disk_is_low(const struct l2_look *l)
{
	return l->disk_free >= 0 && l->disk_free / L2_DISK_LOW < l->disk_size / 100;
}
