/* recorder - a disk in a file that writes down what it is told to do.
 *
 * usage: recorder IMAGE RECORD FLUSH_US MOUNTPOINT
 *
 * MOUNTPOINT/image is the file IMAGE, seen through FUSE; a loop device over it is the
 * disk. RECORD gets an entry for each write, with its bytes, and for each flush. Requests
 * are served one by one, so that the order of the entries is the order of what happened.
 * A flush takes FLUSH_US, as on a slow disk, and is noted when it is done: whoever sends
 * without waiting for it is seen to.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NAME "image"

/* In the machine's byte order; a flush has no length. at_ns is of CLOCK_MONOTONIC. */
struct entry {
	uint64_t at_ns, offset, len;
};

static int image, record;
static long flush_us;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int note(const void *bytes, size_t len, off_t offset)
{
	struct entry e = { now_ns(), (uint64_t)offset, len };
	struct iovec parts[] = { { &e, sizeof e }, { (void *)(uintptr_t)bytes, len } };
	ssize_t wrote = writev(record, parts, 2);

	return wrote == (ssize_t)(sizeof e + len) ? 0 : -EIO;
}

static bool is_image(const char *path)
{
	return strcmp(path, "/" NAME) == 0;
}

static int get_attributes(const char *path, struct stat *at, struct fuse_file_info *file)
{
	(void)file;
	memset(at, 0, sizeof *at);
	if (strcmp(path, "/") == 0) {
		at->st_mode = S_IFDIR | 0700;
		at->st_nlink = 2;
		return 0;
	}
	if (!is_image(path))
		return -ENOENT;
	if (fstat(image, at))
		return -errno;
	at->st_mode = S_IFREG | 0600;
	at->st_nlink = 1;
	return 0;
}

static int open_image(const char *path, struct fuse_file_info *file)
{
	(void)file;
	return is_image(path) ? 0 : -ENOENT;
}

static int read_image(
    const char *path, char *to, size_t len, off_t offset, struct fuse_file_info *file)
{
	ssize_t got = pread(image, to, len, offset);

	(void)path;
	(void)file;
	return got < 0 ? -errno : (int)got;
}

static int write_image(const char *path, const char *from, size_t len, off_t offset,
    struct fuse_file_info *file)
{
	ssize_t put = pwrite(image, from, len, offset);

	(void)path;
	(void)file;
	if (put < 0)
		return -errno;
	return note(from, (size_t)put, offset) ? -EIO : (int)put;
}

static int flush_image(const char *path, int data_only, struct fuse_file_info *file)
{
	struct timespec left = { flush_us / 1000000, flush_us % 1000000 * 1000 };

	(void)path;
	(void)data_only;
	(void)file;
	while (nanosleep(&left, &left) && errno == EINTR)
		;
	return note(NULL, 0, 0);
}

static const struct fuse_operations operations = {
	.getattr = get_attributes,
	.open = open_image,
	.read = read_image,
	.write = write_image,
	.fsync = flush_image,
};

int main(int argc, char **argv)
{
	char here[] = "-f", one_by_one[] = "-s";
	char *args[] = { argv[0], here, one_by_one, argc == 5 ? argv[4] : NULL, NULL };

	if (argc != 5) {
		fprintf(stderr, "usage: recorder IMAGE RECORD FLUSH_US MOUNTPOINT\n");
		return 1;
	}
	image = open(argv[1], O_RDWR | O_CLOEXEC);
	record = open(argv[2], O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	flush_us = strtol(argv[3], NULL, 10);
	if (image < 0 || record < 0) {
		fprintf(stderr, "recorder: %s: %s\n", argv[image < 0 ? 1 : 2],
		    strerror(errno));
		return 1;
	}
	return fuse_main(4, args, &operations, NULL);
}
