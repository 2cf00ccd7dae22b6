/* sight.c - whether whoever writes the reorg database has moved from some of its files to
 * others, while somebody read it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kinds/node/reorgdb/inside.h"
#include "world/files.h"

/* Files that come, go and change when tables are written, in any order. */
struct sight {
	const char *path;
	uint64_t
	    sum; /* begins with the folder's own number: it may be changed as a whole */
};

static bool is_counted(const char *name)
{
	const char *dot = strrchr(name, '.');

	return !strncmp(name, "MANIFEST-", 9) || !strcmp(name, "CURRENT") ||
	    (dot && (!strcmp(dot, ".sst") || !strcmp(dot, ".log")));
}

static void sight_add(void *ctx, const char *name)
{
	struct sight *s = ctx;
	uint64_t h = UINT64_C(14695981039346656037);
	char file[4096];
	struct stat st;

	if (!is_counted(name))
		return;
	for (const char *p = name; *p; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
	snprintf(file, sizeof file, "%s/%s", s->path, name);
	if (!strncmp(name, "MANIFEST-", 9) && !stat(file, &st))
		h = (h ^ (uint64_t)st.st_size) * UINT64_C(1099511628211);
	s->sum += h;
}

enum err reorgdb_see(const char *path, uint64_t *ret, struct fail *f)
{
	struct sight s = { path, 0 };
	enum err e = files_of_system.number(path, &s.sum, f);

	if (e == ERR_OK)
		e = files_of_system.each(path, sight_add, &s, f);
	*ret = s.sum;
	return e;
}

enum err reorgdb_restless(const char *path, struct fail *f)
{
	return fail_set(f, ERR_STALE,
	    "the reorg database %s is rewritten all the time, and could not be read as a "
	    "whole; type it again later",
	    path);
}
