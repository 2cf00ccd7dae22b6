#include "journal/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

/* Far behind any file's end, and not among the bytes that SQLite locks at 1 GiB. */
#define OWNER_BYTE ((off_t)1 << 62)

#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xFF534D42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xFE534D42
#endif

/* A file that this process holds open, once, for all who use it. */
struct file_hold {
	dev_t device;
	ino_t inode;
	int fd, users;
	bool owned;
	struct file_hold *next;
};

static struct file_hold *holds;

static const struct {
	uint32_t magic;
	const char *name;
} lockless[] = {
	{ NFS_SUPER_MAGIC, "nfs" },
	{ SMB_SUPER_MAGIC, "smb" },
	{ CIFS_SUPER_MAGIC, "cifs" },
	{ SMB2_SUPER_MAGIC, "smb" },
	{ V9FS_MAGIC, "9p" },
	{ FUSE_SUPER_MAGIC, "fuse" },
};

static enum err system_failed(const char *path, const char *doing, struct fail *f)
{
	enum err e = errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_SYSTEM;

	if (errno == EIO || errno == ENXIO)
		return fail_file(f, e, path);
	return fail_set(f, e, "%s: %s: %s", path, doing, strerror(errno));
}

/* dirname() may write into its argument. */
static void folder_of(char out[4096], const char *path)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(out, 4096, "%s", dirname(copy));
}

static enum err refuse_lockless(const char *path, struct fail *f)
{
	struct statfs s;

	if (statfs(path, &s))
		return system_failed(path, "statfs", f);
	for (size_t i = 0; i < sizeof(lockless) / sizeof(lockless[0]); i++) {
		if ((uint32_t)s.f_type == lockless[i].magic)
			return fail_set(f, ERR_SYSTEM,
			    "%s: is on %s, where locks can't be"
			    " trusted; put the journal on a local disk",
			    path, lockless[i].name);
	}
	return ERR_OK;
}

static struct flock owner_byte(int type)
{
	return (struct flock){ .l_type = (short)type,
		.l_whence = SEEK_SET,
		.l_start = OWNER_BYTE,
		.l_len = 1 };
}

static struct file_hold *find(const struct stat *s)
{
	struct file_hold *h = holds;

	while (h && (h->device != s->st_dev || h->inode != s->st_ino))
		h = h->next;
	return h;
}

static enum err own(struct file_hold *h, const char *path, struct fail *f)
{
	struct flock l = owner_byte(F_WRLCK);

	if (h->owned ||
	    (fcntl(h->fd, F_OFD_SETLK, &l) && (errno == EAGAIN || errno == EACCES)))
		return fail_set(f, ERR_OWNED, "%s: another process owns it", path);
	l = owner_byte(F_WRLCK);
	if (fcntl(h->fd, F_OFD_SETLK, &l)) {
		if (errno != EBADF)
			return system_failed(path, "lock", f);
		if (access(path, W_OK) != 0 && errno == EROFS)
			return fail_file(f, ERR_SYSTEM, path);
		return fail_set(f, ERR_SYSTEM,
		    "%s: can't be written by this user, or here at all; type it as the "
		    "user who made it, where it can be",
		    path);
	}
	h->owned = true;
	return ERR_OK;
}

static void let_go(struct file_hold *h, bool owning)
{
	struct flock l = owner_byte(F_UNLCK);
	struct file_hold **at = &holds;

	if (!h)
		return;
	if (owning && h->owned) {
		fcntl(h->fd, F_OFD_SETLK, &l);
		h->owned = false;
	}
	if (--h->users > 0)
		return;
	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	close(h->fd);
	mem_free(h);
}

static enum err hold_new(struct file_hold **ret, const char *path, struct fail *f)
{
	struct file_hold *h;
	struct stat s;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && (errno == EACCES || errno == EROFS))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return system_failed(path, "open", f);
	if (fstat(fd, &s) || !S_ISREG(s.st_mode)) {
		close(fd);
		return fail_set(f, ERR_SYSTEM, "%s: is no file", path);
	}
	h = mem_new(sizeof(*h));
	*h = (struct file_hold){ s.st_dev, s.st_ino, fd, 0, false, holds };
	holds = h;
	*ret = h;
	return ERR_OK;
}

static enum err hold(
    struct file_hold **ret, const char *path, bool owning, struct fail *f)
{
	struct stat s;
	struct file_hold *h;
	enum err e = refuse_lockless(path, f);

	if (e != ERR_OK)
		return e;
	if (stat(path, &s))
		return system_failed(path, "stat", f);
	h = find(&s);
	if (!h)
		e = hold_new(&h, path, f);
	if (e != ERR_OK)
		return e;
	h->users++;
	if (owning)
		e = own(h, path, f);
	if (e != ERR_OK)
		owning = false;
	/* between the two looks the name may have passed to another file */
	if (e == ERR_OK && (stat(path, &s) || find(&s) != h))
		e = fail_set(f, ERR_OWNED, "%s: was replaced by another process", path);
	if (e != ERR_OK) {
		let_go(h, owning);
		return e;
	}
	*ret = h;
	return ERR_OK;
}

static bool owned(const char *path)
{
	struct flock l = owner_byte(F_WRLCK);
	struct file_hold *h = NULL;
	bool held;

	if (hold(&h, path, false, NULL) != ERR_OK)
		return false;
	CHECK(h);
	held = h->owned || (fcntl(h->fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK);
	let_go(h, false);
	return held;
}

static int64_t size_of(const char *path)
{
	struct stat s;

	if (stat(path, &s) == 0)
		return (int64_t)s.st_size;
	return errno == EIO || errno == ENXIO ? FILES_UNREADABLE : -1;
}

static bool head(const char *path, void *to, size_t len)
{
	struct stat s;
	const struct file_hold *h = stat(path, &s) ? NULL : find(&s);
	int fd = h ? h->fd : open(path, O_RDONLY | O_CLOEXEC);
	bool whole = fd >= 0 && pread(fd, to, len, 0) == (ssize_t)len;

	if (!h && fd >= 0)
		close(fd);
	return whole;
}

static void read_boot_id(char out[40])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file || !fgets(out, 40, file))
		snprintf(out, 40, "unknown");
	if (file)
		fclose(file);
	out[strcspn(out, "\n")] = 0;
}

static enum err id_of(struct file_id *ret, const char *path, struct fail *f)
{
	struct statx s;

	if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &s))
		return system_failed(path, "stat", f);
	ret->inode = (int64_t)s.stx_ino;
	ret->device = (int64_t)makedev(s.stx_dev_major, s.stx_dev_minor);
	ret->born = 0;
	if (s.stx_mask & STATX_BTIME)
		ret->born =
		    (int64_t)s.stx_btime.tv_sec * 1000000000 + s.stx_btime.tv_nsec;
	read_boot_id(ret->boot);
	return ERR_OK;
}

static bool same(const char *path, const struct file_id *id)
{
	struct stat s;

	return !stat(path, &s) && (int64_t)s.st_ino == id->inode &&
	    (int64_t)s.st_dev == id->device;
}

static enum err make(const char *path, struct fail *f)
{
	char folder[4096];
	enum err e;
	int fd;

	folder_of(folder, path);
	e = refuse_lockless(folder, f);
	if (e != ERR_OK)
		return e;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return system_failed(path, "create", f);
	if (fsync(fd))
		e = system_failed(path, "create", f);
	close(fd);
	return e;
}

static enum err rename_new(const char *from, const char *to, struct fail *f)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return ERR_OK;
	if (errno == EEXIST)
		return fail_set(f, ERR_CONFLICT, "%s: exists already", to);
	return system_failed(to, "rename", f);
}

static void remove_file(const char *path)
{
	unlink(path);
}

static enum err append(const char *path, const void *p, size_t len, struct fail *f)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	const char *at = p;
	enum err e = ERR_OK;

	if (fd < 0)
		return system_failed(path, "open", f);
	while (e == ERR_OK && len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR)
			e = system_failed(path, "write", f);
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return e;
}

static enum err sync_one(const char *path, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum err e = ERR_OK;

	if (fd < 0)
		return system_failed(path, "open", f);
	if (fsync(fd))
		e = fail_set(f, ERR_JOURNAL, "%s: sync: %s", path, strerror(errno));
	close(fd);
	return e;
}

static int64_t read_some(const char *path, int64_t at, void *to, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = pread(fd, to, len, at);
	while (n < 0 && errno == EINTR);
	close(fd);
	return n;
}

static enum err sync_folder(const char *path, struct fail *f)
{
	char folder[4096];
	enum err e = ERR_OK;
	int fd;

	folder_of(folder, path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return system_failed(folder, "open", f);
	if (fsync(fd))
		e = fail_set(f, ERR_JOURNAL, "%s: sync: %s", folder, strerror(errno));
	close(fd);
	return e;
}

static const struct journal_files of_system = {
	.hold = hold,
	.let_go = let_go,
	.owned = owned,
	.size = size_of,
	.head = head,
	.id = id_of,
	.same = same,
	.make = make,
	.rename = rename_new,
	.remove = remove_file,
	.append = append,
	.sync = sync_one,
	.read = read_some,
	.sync_folder = sync_folder,
};

const struct journal_files *journal_files = &of_system;
