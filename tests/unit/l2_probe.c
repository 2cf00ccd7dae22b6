/* l2_probe.c - what is thought of snapshots, for a test that has another opinion.
 *
 * Reads names of files, one a line; for each prints the fault (0: it holds), the root or
 * "-", and how many texts have a colon.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kinds/node/snapshot/check.h"

#define FILE_MAX ((size_t)1 << 20)

int main(void)
{
	static const struct l2_rules any = { 0 };
	static char bytes[FILE_MAX];
	char name[4096];

	while (fgets(name, sizeof name, stdin)) {
		struct l2_verdict v;
		char *exact;
		FILE *file;
		size_t n;

		name[strcspn(name, "\n")] = '\0';
		file = fopen(name, "re");
		if (!file)
			return 1;
		n = fread(bytes, 1, sizeof bytes, file);
		fclose(file);
		exact = mem_copy(bytes, n ? n : 1);
		v1_check(&v, exact, n, &any);
		mem_free(exact);
		printf(
		    "%d %s %d\n", (int)v.fault, *v.root ? v.root : "-", (int)v.ambiguous);
	}
	return 0;
}
