#include "cli/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static enum err refused(const char *path, struct fail *f)
{
	return fail_file(f, ERR_SYSTEM, path);
}

/* The folder that a path is in; free() it. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_str(".");
	return mem_strn(path, slash == path ? 1 : (size_t)(slash - path));
}

/* What was made or named in path's folder is on the medium. */
static enum err folder_sync(const char *path, struct fail *f)
{
	char *folder = folder_of(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = ERR_OK;

	if (fd < 0 || fsync(fd) != 0)
		e = refused(folder, f);
	if (fd >= 0)
		close(fd);
	mem_free(folder);
	return e;
}

enum err folder_make(const char *path, struct fail *f)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return folder_sync(path, f);
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return ERR_OK;
	return refused(path, f);
}

static enum err write_synced(
    int fd, const char *path, const struct buf *content, struct fail *f)
{
	for (size_t at = 0; at < content->len;) {
		ssize_t n = write(fd, content->data + at, content->len - at);

		if (n < 0 && errno != EINTR)
			return refused(path, f);
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0 ? ERR_OK : refused(path, f);
}

/* A second name, and not a rename: that would go over an existing file. */
static enum err publish(const char *temp, const char *path, struct fail *f)
{
	if (link(temp, path) == 0)
		return folder_sync(path, f);
	if (errno == EEXIST)
		return fail_set(f, ERR_CONFLICT, "%s is there already", path);
	return refused(path, f);
}

enum err file_create(const char *path, const struct buf *content, struct fail *f)
{
	size_t size = strlen(path) + sizeof ".XXXXXX";
	char *temp = mem_new(size);
	enum err e;
	int fd;

	snprintf(temp, size, "%s.XXXXXX", path);
	fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		e = refused(path, f);
	} else {
		e = write_synced(fd, path, content, f);
		if (e == ERR_OK)
			e = publish(temp, path, f);
		close(fd);
		unlink(temp);
	}
	mem_free(temp);
	return e;
}

enum err file_read(struct buf *out, int fd, const char *path, struct fail *f)
{
	char piece[4096];
	enum err e;
	ssize_t n;

	do {
		n = read(fd, piece, sizeof piece);
		if (n > 0)
			buf_add(out, piece, (size_t)n);
	} while ((n > 0 && buf_ok(out)) || (n < 0 && errno == EINTR));
	e = n < 0 ? refused(path, f) : ERR_OK;
	close(fd);
	if (e != ERR_OK)
		return e;
	if (!buf_ok(out))
		return fail_set(
		    f, ERR_TOO_BIG, "%s: larger than %zu bytes", path, out->max);
	return ERR_OK;
}
