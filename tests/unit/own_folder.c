#include "own_folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

char own_folder[32];

static int remove_one(const char *p, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(p);
}

int own_folder_make(void **state)
{
	(void)state;
	snprintf(own_folder, sizeof own_folder, "/dev/shm/pawl-test-XXXXXX");
	if (mkdtemp(own_folder))
		return 0;
	snprintf(own_folder, sizeof own_folder, "/tmp/pawl-test-XXXXXX");
	return mkdtemp(own_folder) ? 0 : -1;
}

int own_folder_remove(void **state)
{
	(void)state;
	return nftw(own_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
