#include "kinds/node/watch/look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "kinds/node/backup/backup.h"

#define DISK_SECTOR 512 /* of st_blocks */
#define L2_WORD 160
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

static bool user_named(char out[64], uid_t uid)
{
	char room[4096];
	struct passwd entry, *there = NULL;

	if (getpwuid_r(uid, &entry, room, sizeof room, &there) == 0 && there)
		snprintf(out, 64, "%s", there->pw_name);
	else
		snprintf(out, 64, "%u", (unsigned)uid);
	return there != NULL;
}

static const char *user_name(char out[64], uid_t uid)
{
	(void)user_named(out, uid);
	return out;
}

/* The owner of the journal is who runs the node, else that of the folder: all is to be
 * his. need: rights of an owner. */
static void rights_look(
    struct l2_look *l, const char *path, const struct stat *st, mode_t need)
{
	char owner[64], should[64], word[L2_WORD];

	shell_word(word, sizeof word, path);
	if (st->st_uid != (uid_t)l->owner && !l->other)
		remedy(
		    found(l, path, "it belongs to %s, and the node to %s",
			user_name(owner, st->st_uid), user_name(should, (uid_t)l->owner)),
		    "sudo chown -R %s: %s", should, word);
	else if (st->st_uid == (uid_t)l->owner && (st->st_mode & need) != need)
		remedy(found(l, path, "its owner may not %s it (mode %04o)",
			   need & S_IXUSR ? "use" : "read and write",
			   (unsigned)st->st_mode & 07777),
		    "chmod %s %s", need & S_IXUSR ? "u+rwx" : "u+rw", word);
	if (st->st_mode & 022)
		remedy(found(l, path, "others may write %s (mode %04o)",
			   S_ISDIR(st->st_mode) ? "in it" : "it",
			   (unsigned)st->st_mode & 07777),
		    "chmod go-w %s", word);
}

/* Root is nobody else's deputy here (behalf.h): he may look. */
static void user_look(struct l2_look *l, const char *path)
{
	char owner[64], me[64], word[L2_WORD], as[SHELL_AS_MAX];
	bool named = user_named(owner, (uid_t)l->owner);

	if (geteuid() == 0 || geteuid() == (uid_t)l->owner || l->other)
		return;
	user_name(me, geteuid());
	remedy(found(l, path, "it belongs to %s, and this process to %s", owner, me),
	    "type it as that user: %s pawl ...; where %s is to run the node: "
	    "sudo chown -R %s: %s",
	    shell_as(as, named ? owner : NULL, (uid_t)l->owner, (gid_t)l->owners_group),
	    me, me, shell_word(word, sizeof word, path));
}

/* What is in a folder, one finding for all of it. Their sizes as du has them; bytes may
 * be NULL. */
static void inside_look(struct l2_look *l, const char *path, uint64_t *bytes)
{
	char owner[64], should[64], first[256] = "", word[L2_WORD];
	DIR *d = opendir(path);
	struct dirent *entry;
	struct stat st, dir;
	size_t n = 0;

	while (d && (entry = readdir(d)) != NULL) {
		if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (bytes)
			*bytes += (uint64_t)st.st_blocks * DISK_SECTOR;
		if (st.st_uid == (uid_t)l->owner || n++)
			continue;
		snprintf(first, sizeof first, "%.200s", entry->d_name);
		user_name(owner, st.st_uid);
	}
	if (l->other || (d && fstat(dirfd(d), &dir) == 0 && dir.st_uid != l->owner))
		n = 0;
	if (d)
		closedir(d);
	if (n)
		remedy(found(l, path,
			   "%zu file%s in it belong%s to another user than %s, as %.100s "
			   "to %s",
			   n, n == 1 ? "" : "s", n == 1 ? "s" : "",
			   user_name(should, (uid_t)l->owner), first, owner),
		    "sudo chown -R %s: %s", should, shell_word(word, sizeof word, path));
}

/* -- what there is --------------------------------------------------------- */

static void folder_look(struct l2_look *l, const char *path, const char *journal)
{
	struct statvfs disk;
	struct stat st, whose;
	char word[L2_WORD];

	shell_word(word, sizeof word, path);

	l->disk_free = l->disk_size = -1;
	if (stat(path, &st) != 0) {
		l->missing = errno == ENOENT;
		if (l->missing)
			remedy(found(l, path, NOWHERE), "pawl node init --data-dir %s",
			    word);
		else
			remedy(found(l, path, "%s", strerror(errno)),
			    "look at the folders above it: who may go through them");
		return;
	}
	l->has_folder = S_ISDIR(st.st_mode);
	if (!l->has_folder) {
		remedy(found(l, path, "it is no folder"),
		    "move it away, then: pawl node init --data-dir %s", word);
		return;
	}
	if (!journal || stat(journal, &whose) != 0 || !whose.st_uid)
		whose = st;
	l->owner = (unsigned)whose.st_uid;
	l->owners_group = (unsigned)whose.st_gid;
	rights_look(l, path, &st, S_IRWXU);
	l->other = st.st_uid != (uid_t)l->owner;
	user_look(l, path);
	if (statvfs(path, &disk) != 0)
		return;
	l->disk_free = (int64_t)(disk.f_bavail * disk.f_frsize);
	l->disk_size = (int64_t)(disk.f_blocks * disk.f_frsize);
	if (disk.f_flag & ST_RDONLY)
		remedy(found(l, path, "its file system is mounted read-only"),
		    "findmnt -T %s names it, and dmesg may say why; then: sudo mount -o "
		    "remount,rw on it",
		    word);
}

static void link_look_at(struct l2_look *l, const char *path)
{
	char what[L2_LINK_TOLD], way[L2_LINK_TOLD];

	if (l2_is_link(path, what, way))
		remedy(found(l, path, "it %s", what), "%s", way);
}

/* Which of the findings since gives who runs this the right that it lacks: the first one,
 * if it is of its owner or mode. */
static void log_right_look(
    struct l2_look *l, const char *path, const struct stat *st, size_t since)
{
	bool owned = st->st_uid == (uid_t)l->owner;

	l->log_denied = faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0 &&
	    errno == EACCES && !MUTANT(unread_is_a_bad_disk);
	if (l->log_denied && l->findings_n > since &&
	    (owned ? !(st->st_mode & S_IRUSR) : !l->other))
		l->log_right = since + 1;
}

static void log_look_at(struct l2_look *l, const char *path)
{
	struct stat st;
	size_t since;

	link_look_at(l, path);
	if (stat(path, &st) != 0) {
		l->log_unseen = errno != ENOENT;
		if (l->log_unseen)
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
	since = l->findings_n;
	rights_look(l, path, &st, S_IRUSR | S_IWUSR);
	log_right_look(l, path, &st, since);
}

static void database_look_at(struct l2_look *l, const char *path)
{
	struct stat st;

	link_look_at(l, path);
	if (stat(path, &st) != 0)
		return;
	l->has_database = S_ISDIR(st.st_mode);
	if (!l->has_database) {
		remedy(found(l, path, "it is no folder"),
		    "move it away: the reorg database is to have this name");
		return;
	}
	rights_look(l, path, &st, S_IRWXU);
	inside_look(l, path, &l->database_bytes);
}

/* Two nodes take turns in it, where one of another came behind one of this: a folder of
 * before the journal was lost, or put back, is no trouble once there is one of this. */
static void others_look(
    struct l2_look *l, const char *folder, const struct l2_backup_seen *seen, size_t n)
{
	size_t others = 0, copies = 0, last = n;

	while (last && !seen[last - 1].own)
		last--;
	for (size_t i = 0; i < last && !MUTANT(backups_of_another_unsaid); i++) {
		others += seen[i].other;
		copies += seen[i].copy;
	}
	if (others)
		remedy(found(l, folder,
			   "%zu of the backups in it %s another journal's, newer than "
			   "one of this one: two nodes have the same folder for them",
			   others, others == 1 ? "is" : "are"),
		    "let each have its own node.backup.folder, and move its backups "
		    "there");
	if (copies)
		remedy(found(l, folder,
			   "%zu of the backups in it %s of this journal by name, and not "
			   "of its past: a copy of this node makes them, or this one did "
			   "before its journal was put back from an older copy",
			   copies, copies == 1 ? "is" : "are"),
		    "let a copy that runs have its own node.backup.folder. pawl node "
		    "backup removes none of them: move them away once nobody needs them");
}

static void backups_look(struct l2_look *l, const struct l2_paths *paths)
{
	const char *folder = paths->backups;
	struct l2_backup_seen *seen = NULL;
	struct stat st;
	size_t n = 0;
	bool there = stat(folder, &st) == 0;

	/* A folder for copies may be of whom it likes, but for root. */
	if (there && !S_ISDIR(st.st_mode)) {
		remedy(found(l, folder, "it is no folder"),
		    "move it away: the folder of the backups is to have this name");
	} else if (there) {
		if (!st.st_uid)
			rights_look(l, folder, &st, S_IRWXU);
		inside_look(l, folder, NULL);
	}
	if (l2_backup_list(&files_of_system, folder, &seen, &n, NULL) == ERR_OK && n) {
		l2_backup_whose(
		    &files_of_system, folder, paths->name, paths->past, seen, n);
		for (size_t i = n; i-- > 0;)
			if (seen[i].own) {
				l->backup_ms = l2_backup_wall_ms(seen[i].time);
				l->backups++;
			}
		others_look(l, folder, seen, n);
	}
	mem_free(seen);
	_Static_assert(sizeof l->backup_failed == L2_BACKUP_NOTED, "as long as a note");
	l->backup_again =
	    (int)l2_backup_noted(&files_of_system, folder, l->backup_failed);
}

/* Until it is finished or taken back, what is in place may be the old or the new. */
static void reset_look(struct l2_look *l, const char *folder)
{
	char told[L2_RESET_TOLD];

	int pid = l2_reset_tell(told, &files_of_system, folder);

	l->half_reset = told[0];
	if (pid)
		remedy(found(l, folder, "%s", told),
		    "it ends by itself: look again then, pawl node doctor");
	else if (told[0])
		remedy(found(l, folder, "%s", told),
		    "pawl node reset, which changes nothing yet: it says how far that "
		    "came, what finishes it, and what takes it back");
}

void l2_look(struct l2_look *ret, const struct l2_paths *paths)
{
	*ret = (struct l2_look){ .findings_n = 0 };
	folder_look(ret, paths->folder, paths->journal);
	if (!ret->has_folder)
		return;
	reset_look(ret, paths->folder);
	log_look_at(ret, paths->log);
	database_look_at(ret, paths->reorg_db);
	backups_look(ret, paths);
}

void l2_look_anchored(struct l2_look *l, int64_t n)
{
	struct l2_finding *f = &l->findings[0];

	if (!l->missing || !n || MUTANT(folder_is_lost_unsaid))
		return;
	l->lost = true;
	snprintf(f->why, sizeof f->why,
	    "it is not there, and the journal has anchored %" PRId64
	    " state%s: it is lost, with the log of snapshots",
	    n, n == 1 ? "" : "s");
	remedy(f, "%s", L2_FOLDER_LOST);
}

/* -- how large ------------------------------------------------------------- */

bool l2_log_is_large(const struct l2_look *l)
{
	return l->log_bytes / L2_MB > L2_LOG_LARGE_MB;
}

bool l2_database_is_large(const struct l2_look *l)
{
	return l->database_bytes / L2_MB > L2_DATABASE_LARGE_MB && !MUTANT(growth_unsaid);
}

bool l2_backup_is_ahead(const struct l2_look *l, int64_t wall_ms)
{
	return l2_backup_time_ahead(l->backup_ms, wall_ms);
}

bool l2_disk_is_low(const struct l2_look *l)
{
	return l->disk_free >= 0 && l->disk_free / L2_DISK_LOW < l->disk_size / 100;
}
