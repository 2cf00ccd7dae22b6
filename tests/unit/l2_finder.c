/* l2_finder.c - what is found in logs of snapshots, for a test that damages them and has
 * an opinion of its own.
 *
 * Reads lines, and answers each with one:
 *   convert LOG OUTPUT VERSION PACKED    how many snapshots it has then
 *   find LEAST LOG OFFSET...             in parts that "|" divides: version, damages;
 *                                        the newest that holds as offset, length, root,
 *                                        and how many newer ones failed; the same by a
 *                                        look at the end alone, at first of LEAST bytes;
 *                                        all whole ones as offset and length; the faults
 *                                        of those at OFFSET...
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kinds/node/snapshot/log.h"

#define LINE_MAX ((size_t)1 << 20)

static struct fail f;
static const struct l2_demand demand = { .anchor_needed = true };

static void count(void *ctx, struct l2_block block, const struct l2_verdict *v)
{
	(void)block;
	/* One that is told has its reason. */
	if (v->fault != L2_HOLDS && v->why[0])
		++*(size_t *)ctx;
}

static void show(struct l2_block block, const char *root, size_t failed)
{
	printf("| %" PRIu64 " %" PRIu64 " %s %zu ", block.offset, block.len,
	    block.len ? root : "-", failed);
}

static enum err faults(struct l2_log *log, char *offsets)
{
	enum err e = ERR_OK;

	for (char *one = strtok(offsets, " "); one && !e; one = strtok(NULL, " ")) {
		uint64_t offset = strtoull(one, NULL, 10);
		struct l2_verdict v;
		size_t i = 0;

		while (i < l2_log_n(log) && l2_log_at(log, i).offset != offset)
			i++;
		if (i == l2_log_n(log)) {
			printf("none ");
			continue;
		}
		e = l2_log_check(log, l2_log_at(log, i), &demand, &v, &f);
		printf("%d ", e ? -1 : (int)v.fault);
	}
	return e;
}

static enum err find(const char *path, char *offsets)
{
	const struct files *files = &files_of_system;
	struct l2_block newest;
	struct l2_verdict v;
	struct l2_log *log;
	struct l2_end end;
	size_t failed = 0;
	enum err e = l2_log_open(&log, files, path, &f);

	if (e)
		return e;
	e = l2_log_newest(log, &demand, &newest, &v, count, &failed, &f);
	if (!e)
		e = l2_log_survey(log, &f);
	if (!e)
		e = l2_log_end(&end, files, path, &demand, L2_END_ALL, &f);
	if (!e) {
		printf("%d %zu ", l2_log_version(log), l2_log_damages(log));
		show(newest, v.root, failed);
		show(end.block, end.verdict.root, end.failed);
		printf("| ");
		for (size_t i = 0; i < l2_log_n(log); i++)
			printf("%" PRIu64 " %" PRIu64 " ", l2_log_at(log, i).offset,
			    l2_log_at(log, i).len);
		printf("| ");
		e = faults(log, offsets);
	}
	l2_log_close(log);
	return e;
}

static enum err convert(const char *path, const char *output, int version, int packed)
{
	struct l2_append how = { .version = version, .compress = packed };
	size_t n;
	enum err e = l2_log_convert(&files_of_system, path, output, &how, &n, NULL, &f);

	if (!e)
		printf("%zu", n);
	return e;
}

int main(void)
{
	static char line[LINE_MAX], path[4096], other[4096];
	int version, packed, used;
	uint64_t least;

	while (fgets(line, sizeof line, stdin)) {
		enum err e = ERR_USAGE;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "convert %4095s %4095s %d %d", path, other, &version,
			&packed) == 4) {
			e = convert(path, other, version, packed);
		} else if (sscanf(line, "find %" SCNu64 " %4095s%n", &least, path,
			       &used) == 2) {
			l2_log_end_least = least;
			e = find(path, line + used);
		}
		if (e)
			printf("error: %s", f.why);
		printf("\n");
		fflush(stdout);
	}
	return 0;
}
