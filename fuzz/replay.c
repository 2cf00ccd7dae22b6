/* replay.c - shows one target each file of a folder: what was found stays found.
 *
 * usage: replay FOLDER
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuzz.h"

#define INPUT_MAX (1 << 20)

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void show(int folder, const char *name)
{
	uint8_t *bytes = mem_new(INPUT_MAX);
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, INPUT_MAX);
	uint8_t *exact;

	CHECK(fd >= 0 && n >= 0);
	close(fd);
	exact = mem_copy(bytes, (size_t)n); /* so that reading beyond it is seen */
	free(bytes);
	LLVMFuzzerTestOneInput(exact, (size_t)n);
	free(exact);
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int folder, n;

	if (argc != 2 || (folder = open(argv[1], O_RDONLY | O_DIRECTORY)) < 0)
		return 1;
	n = scandir(argv[1], &entries, visible, alphasort);
	CHECK(n > 0);
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		show(folder, entries[i]->d_name);
		printf("ok %d - %s\n", i + 1, entries[i]->d_name);
		fflush(stdout);
		free(entries[i]);
	}
	free(entries);
	close(folder);
	return 0;
}
