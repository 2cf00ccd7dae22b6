#include "world/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/mutant.h"

struct file {
	int fd;
	char *path;
};

static enum err failed(const char *path, const char *doing, struct fail *f)
{
	enum err e = errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL
	    : errno == ENOENT                           ? ERR_NOT_FOUND
							: ERR_SYSTEM;

	if (errno == EIO || errno == ENXIO || errno == EROFS)
		return fail_file(f, e, path);
	return fail_set(f, e, "%s: %s: %s", path, doing, strerror(errno));
}

static enum err open_file(
    struct file **ret, const char *path, enum file_how how, struct fail *f)
{
	static const int flags[] = {
		[FILE_READ] = O_RDONLY, [FILE_WRITE] = O_RDWR | O_CREAT | O_NOFOLLOW
	};
	int fd = open(path, flags[how] | O_CLOEXEC | O_NONBLOCK, 0600);
	struct stat s;

	if (fd < 0 && errno == ELOOP && how == FILE_WRITE)
		return fail_set(f, ERR_SYSTEM,
		    "%s: is a symbolic link, and nothing is written through one: name "
		    "the file itself, or put it there",
		    path);
	if (fd < 0)
		return failed(path, "open", f);
	if (fstat(fd, &s) || !S_ISREG(s.st_mode)) {
		close(fd);
		return fail_set(f, ERR_SYSTEM, "%s: is no file", path);
	}
	*ret = mem_new(sizeof **ret);
	(*ret)->fd = fd;
	(*ret)->path = mem_str(path);
	return ERR_OK;
}

static void close_file(struct file *file)
{
	if (!file)
		return;
	close(file->fd);
	mem_free(file->path);
	mem_free(file);
}

static enum err size_of(struct file *file, uint64_t *ret, struct fail *f)
{
	struct stat s;

	if (fstat(file->fd, &s))
		return failed(file->path, "stat", f);
	*ret = (uint64_t)s.st_size;
	return ERR_OK;
}

static enum err read_at(
    struct file *file, uint64_t at, void *to, size_t len, size_t *ret_n, struct fail *f)
{
	char *p = to;

	*ret_n = 0;
	while (*ret_n < len) {
		ssize_t n =
		    pread(file->fd, p + *ret_n, len - *ret_n, (off_t)(at + *ret_n));

		if (n < 0 && errno != EINTR)
			return failed(file->path, "read", f);
		if (n == 0)
			break;
		*ret_n += n > 0 ? (size_t)n : 0;
	}
	return ERR_OK;
}

static void soon(struct file *file, uint64_t at, size_t len)
{
	posix_fadvise(file->fd, (off_t)at, (off_t)len, POSIX_FADV_WILLNEED);
}

static void start(struct file *file, uint64_t at, size_t len)
{
	sync_file_range(file->fd, (off_t)at, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

static enum err write_at(
    struct file *file, uint64_t at, const void *bytes, size_t len, struct fail *f)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = pwrite(file->fd, p, len, (off_t)at);

		if (n < 0 && errno != EINTR)
			return failed(file->path, "write", f);
		p += n > 0 ? n : 0;
		at += n > 0 ? (uint64_t)n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return ERR_OK;
}

static enum err cut_at(struct file *file, uint64_t size, struct fail *f)
{
	return ftruncate(file->fd, (off_t)size) ? failed(file->path, "cut", f) : ERR_OK;
}

static enum err sync_file(struct file *file, struct fail *f)
{
	if (fsync(file->fd))
		return fail_set(f, ERR_JOURNAL,
		    "%s: sync: %s: what was written may be "
		    "nowhere",
		    file->path, strerror(errno));
	return ERR_OK;
}

/* On a byte far behind any end; of the open file, so that no close of another descriptor
 * in this process drops it. */
static struct flock owners(void)
{
	return (struct flock){ .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)1 << 62,
		.l_len = 1 };
}

bool files_is_owned(const char *path)
{
	struct flock l = owners();
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool ret = fd >= 0 && fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;

	if (fd >= 0)
		close(fd);
	return ret;
}

static enum err own(struct file *file, struct fail *f)
{
	struct flock l = owners();
	struct stat mine, there;

	if (fcntl(file->fd, F_OFD_SETLK, &l)) {
		if (errno == EAGAIN || errno == EACCES)
			return fail_set(f, ERR_OWNED,
			    "%s: another process writes it; wait for it", file->path);
		return failed(file->path, "lock", f);
	}
	if (fstat(file->fd, &mine) || stat(file->path, &there) ||
	    mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
		return fail_set(
		    f, ERR_STALE, "%s: was replaced just now; type it again", file->path);
	return ERR_OK;
}

/* -- of a folder ------------------------------------------------------------- */

#define LOOK_TRIES 20
#define LOOK_MS 10

/* The process of a line of the system's list of locks, if that is one of this folder:
 * "1: FLOCK ADVISORY WRITE 123 fe:01:4567 0 EOF". */
static int line_holder(const char *line, const struct stat *st)
{
	const char *words[6], *at = line;
	unsigned long major, minor, pid;
	char *end;

	for (size_t i = 0; i < 6; i++) {
		words[i] = at += strspn(at, " ");
		at += strcspn(at, " ");
	}
	if (strncmp(words[1], "FLOCK ", 6) != 0 || strncmp(words[3], "WRITE ", 6) != 0)
		return 0;
	pid = strtoul(words[4], NULL, 10);
	major = strtoul(words[5], &end, 16);
	minor = strtoul(*end ? end + 1 : end, &end, 16);
	return major == major(st->st_dev) && minor == minor(st->st_dev) &&
		strtoull(*end ? end + 1 : end, NULL, 10) == st->st_ino && pid < INT_MAX
	    ? (int)pid
	    : 0;
}

int files_locked_by(const char *path)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[256];
	struct stat st;
	int ret = 0;

	if (locks && stat(path, &st) == 0)
		while (!ret && fgets(line, sizeof line, locks))
			ret = line_holder(line, &st);
	if (locks)
		fclose(locks);
	return ret;
}

bool files_folder_is_locked(const char *path, int *ret_pid)
{
	bool ret;
	int fd;

	*ret_pid = files_locked_by(path);
	if (*ret_pid || MUTANT(unlisted_is_unlocked))
		return *ret_pid;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	return ret;
}

/* Who only looks has it for an instant, and is none that the list calls a writer. */
static bool is_locked_for_long(int fd, const char *path)
{
	for (int i = 0; i < LOOK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			return false;
		if (files_locked_by(path))
			return true;
		(void)poll(NULL, 0, LOOK_MS);
	}
	return true;
}

enum err files_lock_folder(const char *path, int *ret, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret = -1;
	if (fd < 0)
		return errno == ENOENT ? ERR_OK : fail_file(f, ERR_SYSTEM, path);
	if (is_locked_for_long(fd, path)) {
		close(fd);
		return fail_set(f, ERR_OWNED, "%s: another process has it", path);
	}
	*ret = fd;
	return ERR_OK;
}

static enum err rename_over(const char *from, const char *to, struct fail *f)
{
	return rename(from, to) ? failed(to, "rename", f) : ERR_OK;
}

static enum err exchange(const char *a, const char *b, struct fail *f)
{
	if (!renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE))
		return ERR_OK;
	if (errno == EINVAL || errno == ENOSYS)
		return fail_set(f, ERR_SYSTEM,
		    "%s: this file system can't exchange two names at once, as ext4, "
		    "xfs, btrfs and tmpfs do: keep it on one of these",
		    b);
	return failed(b, "exchange", f);
}

static enum err point(const char *target, const char *name, struct fail *f)
{
	size_t len = strlen(name) + sizeof ".part";
	char *part = mem_array(len, 1);
	enum err e = ERR_OK;

	snprintf(part, len, "%s.part", name);
	if ((unlink(part) && errno != ENOENT) || symlink(target, part))
		e = failed(part, "link", f);
	else if (rename(part, name))
		e = failed(name, "rename", f);
	mem_free(part);
	return e;
}

static enum err number(const char *path, uint64_t *ret, struct fail *f)
{
	struct stat s;

	if (lstat(path, &s))
		return failed(path, "look", f);
	*ret = s.st_ino;
	return ERR_OK;
}

static enum err folder(const char *path, struct fail *f)
{
	struct stat s;

	if (!mkdir(path, 0700) ||
	    (errno == EEXIST && !stat(path, &s) && S_ISDIR(s.st_mode)))
		return ERR_OK;
	return failed(path, "make the folder", f);
}

static enum err each_of(
    const char *path, void (*one)(void *ctx, const char *name), void *ctx, struct fail *f)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	enum err e = ERR_OK;

	if (!d)
		return failed(path, "open", f);
	errno = 0;
	while ((entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			one(ctx, entry->d_name);
		errno = 0;
	}
	if (errno)
		e = failed(path, "read", f);
	closedir(d);
	return e;
}

static enum err remove_file(const char *path, struct fail *f)
{
	return unlink(path) ? failed(path, "remove", f) : ERR_OK;
}

static enum err sync_folder(const char *path, struct fail *f)
{
	char *copy = mem_str(path), *folder = dirname(copy);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = ERR_OK;

	if (fd < 0)
		e = failed(folder, "open", f);
	else if (fsync(fd))
		e = fail_set(f, ERR_JOURNAL, "%s: sync: %s", folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	mem_free(copy);
	return e;
}

/* All but how it reads and writes. */
#define OF_SYSTEM                                                                   \
	.open = open_file, .close = close_file, .size = size_of, .soon = soon,      \
	.start = start, .cut = cut_at, .sync = sync_file, .own = own,               \
	.rename = rename_over, .exchange = exchange, .point = point,                \
	.remove = remove_file, .number = number, .folder = folder, .each = each_of, \
	.sync_folder = sync_folder

const struct files files_of_system = { OF_SYSTEM, .read = read_at, .write = write_at };

/* -- until it is asked to end ------------------------------------------------ */

#define PIECE ((size_t)8 << 20) /* that much is read before it is looked again */

static atomic_bool stopping;

void files_stop(void)
{
	atomic_store(&stopping, true);
}

bool files_stopped(void)
{
	return atomic_load(&stopping) && !MUTANT(ends_behind_its_files);
}

static enum err read_until(
    struct file *file, uint64_t at, void *to, size_t len, size_t *ret_n, struct fail *f)
{
	enum err e = ERR_OK;
	size_t n = PIECE;

	*ret_n = 0;
	while (e == ERR_OK && n == PIECE && *ret_n < len) {
		size_t want = len - *ret_n < PIECE ? len - *ret_n : PIECE;

		if (files_stopped())
			return fail_set(
			    f, ERR_STOPPED, "stopped while %s was read", file->path);
		e = read_at(file, at + *ret_n, (char *)to + *ret_n, want, &n, f);
		*ret_n += n;
	}
	return e;
}

static enum err write_until(
    struct file *file, uint64_t at, const void *bytes, size_t len, struct fail *f)
{
	return files_stopped()
	    ? fail_set(f, ERR_STOPPED, "stopped while %s was written", file->path)
	    : write_at(file, at, bytes, len, f);
}

const struct files files_until_stopped = { OF_SYSTEM, .read = read_until,
	.write = write_until };
