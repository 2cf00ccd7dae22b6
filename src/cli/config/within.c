#include "cli/config/within.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first part of a path, without its last name: its length. */
static size_t above(const char *path, size_t n)
{
	while (n && path[n - 1] != '/')
		n--;
	while (n > 1 && path[n - 1] == '/')
		n--;
	return n;
}

static bool place_of(char out[PATH_MAX], const char *path)
{
	char part[PATH_MAX], there[PATH_MAX];
	size_t n = strlen(path);
	const char *rest;
	int len;

	if (n >= sizeof part)
		return false;
	memcpy(part, path, n + 1);
	while (!realpath(n ? part : ".", there)) {
		if (!n || !strcmp(part, "/"))
			return false;
		n = above(part, n);
		part[n] = '\0';
	}
	rest = path + n + strspn(path + n, "/");
	len = snprintf(out, PATH_MAX, "%s%s%s", there, *rest ? "/" : "", rest);
	return len > 0 && len < PATH_MAX;
}

bool path_within(const char *path, const char *folder)
{
	char there[PATH_MAX], in[PATH_MAX];
	size_t n;

	if (!place_of(there, path) || !place_of(in, folder))
		return false;
	n = strlen(in);
	return !strncmp(there, in, n) && (!there[n] || there[n] == '/');
}
