#include "serve/door/door.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SUFFIX ".sock"
#define PATH_MAX_HERE 4096
#define BACKLOG 512 /* who comes at once, as when an owner ends: all that watched */

static enum err too_long(const char *journal, struct fail *f)
{
	return fail_set(f, ERR_CONFIG,
	    "%.200s%s is too long a name for a socket: call the journal by a name of at "
	    "most 80 bytes",
	    journal, SUFFIX);
}

/* /proc/self/fd/N/NAME: short, whatever the folder is called. */
static enum err find_through_folder(struct door *d, const char *journal, struct fail *f)
{
	char folder[PATH_MAX_HERE];
	const char *base = strrchr(journal, '/');
	size_t len;
	int n;

	if (!base || (size_t)(base - journal) >= sizeof folder)
		return too_long(journal, f);
	len = base == journal ? 1 : (size_t)(base - journal);
	memcpy(folder, journal, len);
	folder[len] = '\0';
	d->folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (d->folder_fd < 0)
		return fail_set(f, ERR_SYSTEM, "%.200s: %s", folder, strerror(errno));
	n = snprintf(d->name, sizeof d->name, "/proc/self/fd/%d/%s%s", d->folder_fd,
	    base + 1, SUFFIX);
	return n < (int)sizeof d->name ? ERR_OK : too_long(journal, f);
}

enum err door_find(struct door *d, const char *journal, struct fail *f)
{
	int n;

	*d = (struct door){ .folder_fd = -1, .listen_fd = -1 };
	n = snprintf(d->name, sizeof d->name, "%s%s", journal, SUFFIX);
	if (n < (int)sizeof d->name)
		return ERR_OK;
	return find_through_folder(d, journal, f);
}

static struct sockaddr_un address_of(const struct door *d)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	_Static_assert(sizeof a.sun_path == sizeof d->name, "a name fits");
	memcpy(a.sun_path, d->name, sizeof a.sun_path);
	return a;
}

static int socket_new(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* A queue that is full is an answer too. */
bool door_answers(const struct door *d, int64_t *ret_pid)
{
	struct sockaddr_un a = address_of(d);
	struct ucred who = { .pid = 0 };
	socklen_t len = sizeof who;
	int fd = socket_new();
	bool answers = fd >= 0 &&
	    (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 || errno == EAGAIN);

	if (answers && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		who.pid = 0;
	if (ret_pid)
		*ret_pid = who.pid;
	if (fd >= 0)
		close(fd);
	return answers;
}

/* The mode is the socket's before it has a name. */
static enum err listen_at(struct door *d, struct fail *f)
{
	struct sockaddr_un a = address_of(d);
	int fd = socket_new();

	if (fd < 0 || fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&a, sizeof a) ||
	    listen(fd, BACKLOG)) {
		fail_set(f, ERR_SYSTEM, "%s: %s", d->name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return ERR_SYSTEM;
	}
	d->listen_fd = fd;
	return ERR_OK;
}

enum err door_open(struct door *d, const char *journal, struct fail *f)
{
	struct stat s;
	enum err e = door_find(d, journal, f);

	if (e != ERR_OK)
		return e;
	if (lstat(d->name, &s) == 0) {
		if (!S_ISSOCK(s.st_mode) || door_answers(d, NULL))
			return fail_set(f, ERR_CONFLICT,
			    "%s%s is there, and is of another program", journal, SUFFIX);
		(void)unlink(d->name);
	}
	return listen_at(d, f);
}

void door_close(struct door *d)
{
	if (d->listen_fd >= 0) {
		(void)unlink(d->name);
		close(d->listen_fd);
	}
	if (d->folder_fd >= 0)
		close(d->folder_fd);
	d->listen_fd = d->folder_fd = -1;
}
