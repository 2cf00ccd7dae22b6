/* snapshots.c - logs of snapshots: made, checked, searched and appended to.
 *
 * usage: snapshots make VERSION BLOCKS BALANCES FILE     a log of such blocks, unsorted
 *        snapshots newest FILE                           {"ms","peak_kib","held"}
 *        snapshots append BALANCES ROUNDS FOLDER         {"append_us","plain_us","bytes"}
 *
 * newest is what `verify` does: all of the log is looked through, and the newest block
 * that holds is found, with its root. append takes a state that was read in order, as a
 * node has it, computes its root and anchor, and appends it; beside it, in turn, the same
 * bytes are written to another file and synced once. Medians.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "kinds/node/snapshot/log.h"
#include "kinds/node/snapshot/v1.h"
#include "kinds/node/snapshot/v2.h"

static void NORETURN give_up(const struct fail *f)
{
	fprintf(stderr, "snapshots: %s\n", f->why);
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint64_t mixed(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
	v = (v ^ v >> 27) * 0x94d049bb133111ebu;
	return v ^ v >> 31;
}

/* Lines of 41 bytes and a bit, as of a million peers that came in no order. */
static void add_balances(struct l2_state *s, uint64_t n)
{
	s->timestamp_ms = 1700000000000;
	for (uint64_t i = 0; i < n; i++) {
		char id[40];
		struct l2_balance one;

		snprintf(id, sizeof id, "peer-%016llx", (unsigned long long)mixed(i + 1));
		one = (struct l2_balance){ l2_text(id), mixed(~i) >> 38 };
		l2_state_add(s, L2_BALANCES, &one);
	}
}

static void set_anchor(struct l2_state *s, char root[L2_HEX])
{
	l2_state_root(s, root);
	CHECK(!l2_state_anchor(s, root, s->timestamp_ms, l2_text(""), NULL));
}

static void put(int fd, const struct buf *b)
{
	CHECK(write(fd, b->data, b->len) == (ssize_t)b->len);
}

/* Too large for a state in memory: the lines as they come, without an anchor. */
static void make_large(int fd, uint64_t balances)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	buf_addf(&b, V1_HEADER "timestamp_ms 1\nbalances %llu\n",
	    (unsigned long long)balances);
	for (uint64_t i = 0; i < balances; i++) {
		buf_addf(&b, "balance \"peer-%016llx\" %llu\n",
		    (unsigned long long)mixed(i + 1),
		    (unsigned long long)(mixed(~i) >> 38));
		if (b.len > 1 << 22) {
			put(fd, &b);
			buf_clear(&b);
		}
	}
	buf_add_str(&b, "escrows 0\npegins 0\npegouts 0\ntasks 0\nanchor none\n" V1_END);
	put(fd, &b);
	buf_release(&b);
}

static void make_records(int fd, struct l2_state *s, const char *root, uint64_t blocks)
{
	struct v2_place last = { 0 };
	struct v2_foot foot;
	struct buf first, b;
	uint64_t at = 0;

	l2_state_sort(s);
	buf_init(&first, SIZE_MAX / 2);
	buf_init(&b, SIZE_MAX / 2);
	v2_format(&first, s, root, false, 0, NULL);
	for (uint64_t i = 0; i < blocks; i++) {
		buf_clear(&b);
		v2_move(&b, (char *)first.data, first.len, at, i ? &last : NULL);
		CHECK(v2_foot_parse(&foot, (char *)b.data + b.len - V2_FOOT, V2_FOOT));
		last = (struct v2_place){ at, i + 1, { 0 } };
		memcpy(last.hash, foot.hash, 32);
		put(fd, &b);
		at += b.len;
	}
	buf_release(&first);
	buf_release(&b);
}

static void make(char **argv)
{
	uint64_t blocks = strtoull(argv[1], NULL, 10), n = strtoull(argv[2], NULL, 10);
	int fd = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct l2_state s;
	char root[L2_HEX];
	struct buf b;

	CHECK(fd >= 0);
	if (blocks == 1) {
		make_large(fd, n);
	} else {
		l2_state_init(&s);
		add_balances(&s, n);
		set_anchor(&s, root);
		buf_init(&b, SIZE_MAX / 2);
		v1_format(&b, &s);
		for (uint64_t i = 0; i < blocks && *argv[0] == '1'; i++)
			put(fd, &b);
		if (*argv[0] == '2')
			make_records(fd, &s, root, blocks);
		buf_release(&b);
		l2_state_release(&s);
	}
	CHECK(!fsync(fd));
	close(fd);
}

static void newest(const char *path)
{
	struct l2_demand demand = { 0 };
	struct l2_block block;
	struct l2_verdict v;
	struct l2_log *log;
	struct rusage usage;
	struct fail f;
	int64_t began = now_us();

	if (l2_log_open(&log, &files_of_system, path, &f) ||
	    l2_log_newest(log, &demand, &block, &v, NULL, NULL, &f))
		give_up(&f);
	began = now_us() - began;
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"ms\":%lld.%03lld,\"peak_kib\":%ld,\"held\":%s}\n",
	    (long long)began / 1000, (long long)began % 1000, usage.ru_maxrss,
	    block.len ? "true" : "false");
	l2_log_close(log);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t plain(const char *path, const struct buf *b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int64_t began = now_us();

	CHECK(fd >= 0);
	put(fd, b);
	CHECK(!fsync(fd));
	began = now_us() - began;
	close(fd);
	return began;
}

static void append(char **argv)
{
	enum { ROUNDS = 100 };
	uint64_t n = strtoull(argv[0], NULL, 10);
	struct l2_state drawn;
	int rounds = atoi(argv[1]);
	int64_t ours[ROUNDS], theirs[ROUNDS];
	struct l2_append how = { .version = 1, .anchor = true, .anchored_ms = 1 };
	char log[4096], other[4096], root[L2_HEX];
	struct l2_state s;
	struct fail f;
	struct buf b;

	CHECK(rounds > 0 && rounds <= ROUNDS);
	snprintf(log, sizeof log, "%s/log", argv[2]);
	snprintf(other, sizeof other, "%s/other", argv[2]);
	l2_state_init(&drawn);
	add_balances(&drawn, n);
	l2_state_sort(&drawn);
	l2_state_init(&s);
	for (uint64_t i = 0; i < n; i++)
		l2_state_add(&s, L2_BALANCES, &drawn.balances[i]);
	l2_state_release(&drawn);
	set_anchor(&s, root);
	buf_init(&b, SIZE_MAX / 2);
	v1_format(&b, &s);
	for (int i = 0; i < rounds; i++) {
		theirs[i] = plain(other, &b);
		ours[i] = now_us();
		if (l2_log_append(&files_of_system, log, &s, &how, &f))
			give_up(&f);
		ours[i] = now_us() - ours[i];
	}
	qsort(ours, (size_t)rounds, sizeof *ours, by_size);
	qsort(theirs, (size_t)rounds, sizeof *theirs, by_size);
	printf("{\"append_us\":%lld,\"plain_us\":%lld,\"bytes\":%zu}\n",
	    (long long)ours[rounds / 2], (long long)theirs[rounds / 2], b.len);
	buf_release(&b);
	l2_state_release(&s);
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "make") == 0)
		make(argv + 2);
	else if (argc == 3 && strcmp(argv[1], "newest") == 0)
		newest(argv[2]);
	else if (argc == 5 && strcmp(argv[1], "append") == 0)
		append(argv + 2);
	else
		return 1;
	return 0;
}
