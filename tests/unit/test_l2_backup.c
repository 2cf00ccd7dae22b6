/* Copies of a layer 2's files: made while they are written, put back, and what is there
 * after a death at any instant of either. */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/sha256.h"
#include "guide_node.h"
#include "kinds/node/backup/inside.h"
#include "kinds/node/reorgdb/rebuild.h"
#include "l2_disk.h"
#include "leaks.h"
#include "own_folder.h"

#define NOW INT64_C(1795338000000) /* 2026-11-22, 09:00 UTC */
#define KEEP 3

static char log_path[96], db_path[96], folder[96];

static int folder_make(void **state)
{
	if (own_folder_make(state))
		return -1;
	snprintf(log_path, sizeof log_path, "%s/l2_snapshots.dat", own_folder);
	snprintf(db_path, sizeof db_path, "%s/reorg_db", own_folder);
	snprintf(folder, sizeof folder, "%s/backups", own_folder);
	return mkdir(folder, 0700);
}

static int group_begin(void **state)
{
	(void)l2_disk_begin(state);
	return 0;
}

static void run(const char *fmt, ...) PRINTF(1, 2);
static void run(const char *fmt, ...)
{
	char line[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (system(line) != 0)
		fail_msg("failed: %s", line);
}

/* -- what is there ---------------------------------------------------------- */

static void grow_on(const struct files *files, uint64_t balances, char root[L2_HEX])
{
	struct l2_append how = { .version = 1 };
	struct l2_state s;
	struct fail f = { 0 };

	l2_state_init(&s);
	s.timestamp_ms = 1000 + balances;
	for (uint64_t i = 0; i < balances; i++) {
		char id[40];
		struct l2_balance one;

		snprintf(id, sizeof id, "peer-%" PRIu64, i);
		one = (struct l2_balance){ l2_text(id), balances * 7 + i };
		l2_state_add(&s, L2_BALANCES, &one);
	}
	l2_state_root(&s, root);
	assert_int_equal(l2_state_anchor(&s, root, 5000, l2_text("m"), NULL), ERR_OK);
	if (l2_log_append(files, log_path, &s, &how, &f))
		fail_msg("append: %s", f.why);
	l2_state_release(&s);
}

static void root_of(const struct files *files, const char *path, char ret[L2_HEX])
{
	static const struct l2_demand demand = { .anchor_needed = true };
	struct l2_verdict v;
	struct l2_block block;
	struct l2_log *log;

	ret[0] = '\0';
	if (l2_log_open(&log, files, path, NULL))
		return;
	assert_int_equal(
	    l2_log_newest(log, &demand, &block, &v, NULL, NULL, NULL), ERR_OK);
	if (block.len)
		memcpy(ret, v.root, L2_HEX);
	l2_log_close(log);
}

static void hash_of(char out[65], uint64_t height)
{
	snprintf(out, 65, "%064" PRIx64, height + 1);
}

/* Heights below n, by the node of the guide. */
static void db_fill(uint64_t from, uint64_t n)
{
	char hash[65], why[200];
	struct guide_node *g = guide_open(db_path, why, sizeof why);

	if (!g)
		fail_msg("%s", why);
	for (uint64_t i = from; i < n; i++) {
		hash_of(hash, i);
		guide_track(g, i, hash);
	}
	guide_close(g);
}

static size_t db_blocks(const char *path)
{
	char why[200];
	struct guide_node *g = guide_open(path, why, sizeof why);
	size_t n;

	if (!g)
		fail_msg("%s: %s", path, why);
	n = guide_blocks(g);
	guide_close(g);
	return n;
}

static enum err make_on(
    const struct files *files, int64_t at, struct l2_backup *b, struct fail *f)
{
	struct l2_backup_plan plan = { files, log_path, db_path, folder, KEEP,
		NOW + at * 3600000, false, NULL };

	return l2_backup_make(&plan, b, f);
}

static struct l2_backup made(int64_t at)
{
	struct l2_backup b;
	struct fail f = { 0 };

	if (make_on(&files_of_system, at, &b, &f))
		fail_msg("backup: %s", f.why);
	return b;
}

static enum err restore_on(
    const struct files *files, const char *time, struct l2_restored *r, struct fail *f)
{
	struct l2_restore_plan plan = { .files = files,
		.folder = folder,
		.time = time,
		.log = log_path,
		.reorg_db = files == &sim_disk_files ? NULL : db_path,
		.wall_ms = NOW + 86400000 };

	return l2_backup_restore(&plan, r, f);
}

static enum err recover_on(
    const struct files *files, uint64_t number, struct l2_recovered *r, struct fail *f)
{
	return l2_log_recover(
	    &(struct l2_recover_plan){
		.files = files, .log = log_path, .number = number, .wall_ms = NOW },
	    r, f);
}

static struct l2_restored restored(const char *time)
{
	struct l2_restored r;
	struct fail f = { 0 };

	if (restore_on(&files_of_system, time, &r, &f))
		fail_msg("restore: %s", f.why);
	return r;
}

static size_t count_like(const char *pattern)
{
	char line[400];
	size_t n = 0;
	FILE *p;

	snprintf(line, sizeof line, "ls -d %s/%s 2>/dev/null", own_folder, pattern);
	p = popen(line, "r");
	assert_non_null(p);
	while (fgets(line, sizeof line, p))
		n++;
	pclose(p);
	return n;
}

/* -- on a disk that is there ------------------------------------------------- */

static void one_is_made_and_put_back(void **state)
{
	char root[L2_HEX], later[L2_HEX], now[L2_HEX], latest[200];
	struct l2_backup b;
	struct l2_restored r;

	(void)state;
	grow_on(&files_of_system, 30, root);
	db_fill(0, 100);
	b = made(0);
	assert_string_equal(b.time, "20261122_090000");
	assert_string_equal(b.root, root);
	assert_int_equal(b.values, 100);
	run("cd %s && sha256sum --quiet -c %s", folder, b.sums);
	snprintf(latest, sizeof latest, "%s/l2_snapshots_latest.dat.bak", folder);
	root_of(&files_of_system, latest, now);
	assert_string_equal(now, root);
	run("cd %s && mkdir x && tar xzf %s -C x && test -f x/reorg_db/CURRENT", folder,
	    b.reorg_db);
	assert_int_equal(
	    count_like("backups/*.part") + count_like("backups/*.check*"), 0);

	grow_on(&files_of_system, 40, later);
	db_fill(100, 150);
	r = restored(NULL);
	assert_true(r.log && r.reorg_db && r.summed);
	root_of(&files_of_system, log_path, now);
	assert_string_equal(now, root);
	root_of(&files_of_system, r.log_kept, now);
	assert_string_equal(now, later);
	assert_int_equal(db_blocks(db_path), 100);
	assert_int_equal(db_blocks(r.reorg_db_kept), 150);
	/* and the next snapshot is written */
	grow_on(&files_of_system, 50, root);
	root_of(&files_of_system, log_path, now);
	assert_string_equal(now, root);
	assert_int_equal(count_like("*.part"), 0);
}

static void so_many_are_kept(void **state)
{
	char root[L2_HEX];

	(void)state;
	grow_on(&files_of_system, 5, root);
	db_fill(0, 3);
	for (int i = 0; i < KEEP + 2; i++)
		assert_int_equal(made(i).removed, i < KEEP ? 0 : 3);
	assert_int_equal(count_like("backups/l2_snapshots_2*.dat.bak"), KEEP);
	assert_int_equal(count_like("backups/reorg_db_*.tar.gz"), KEEP);
	assert_int_equal(count_like("backups/backup_*.sha256"), KEEP);
	/* two of one second have a name each */
	made(KEEP + 1);
	assert_int_equal(count_like("backups/*_20261122_130001*"), 3);
}

static void spoil(const char *name, long at, int with)
{
	char path[200];
	FILE *file;
	int c;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "r+");
	assert_non_null(file);
	fseek(file, at, SEEK_SET);
	c = fgetc(file);
	fseek(file, at, SEEK_SET);
	fputc(c ^ with, file);
	fclose(file);
}

static void refused(enum err want)
{
	char root[L2_HEX], now[L2_HEX];
	struct l2_restored r;
	struct fail f = { 0 };

	root_of(&files_of_system, log_path, root);
	assert_int_equal(restore_on(&files_of_system, NULL, &r, &f), want);
	assert_true(f.why[0]);
	root_of(&files_of_system, log_path, now);
	assert_string_equal(now, root);
	assert_int_equal(db_blocks(db_path), 12);
	assert_int_equal(count_like("*before*"), 0);
}

static void what_was_altered_is_not_put_back(void **state)
{
	char root[L2_HEX];
	struct l2_backup b;

	(void)state;
	grow_on(&files_of_system, 5, root);
	db_fill(0, 10);
	b = made(0);
	grow_on(&files_of_system, 6, root);
	db_fill(10, 12);
	for (long at = 60; at < 110; at += 7) {
		spoil(b.log, at, 1);
		refused(ERR_DAMAGED);
		spoil(b.log, at, 1);
	}
	for (long at = 20; at < 600; at += 97) {
		spoil(b.reorg_db, at, 1);
		refused(ERR_DAMAGED);
		spoil(b.reorg_db, at, 1);
	}
	for (long at = 0; at < 300; at += 9) {
		spoil(b.sums, at, 2);
		refused(ERR_DAMAGED);
		spoil(b.sums, at, 2);
	}
	restored(NULL);
}

static void what_does_not_hold_is_no_backup(void **state)
{
	char root[L2_HEX];
	struct l2_backup b;
	struct fail f;

	(void)state;
	assert_int_equal(make_on(&files_of_system, 0, &b, &f), ERR_NOT_FOUND);
	grow_on(&files_of_system, 5, root);
	run("sed -i 's/^balance \"peer-1\" .*/balance \"peer-1\" 1/' %s", log_path);
	assert_int_equal(make_on(&files_of_system, 0, &b, &f), ERR_DAMAGED);
	assert_int_equal(count_like("backups/*.bak") + count_like("backups/*.sha256"), 0);
	/* an older one that holds makes it one */
	grow_on(&files_of_system, 5, root);
	grow_on(&files_of_system, 6, root);
	run("sed -i 's/^balance \"peer-5\" .*/balance \"peer-5\" 1/' %s", log_path);
	assert_int_equal(made(0).failed, 1);
}

/* The guide's own lines, by hand. */
static void a_backup_of_the_guide_is_put_back(void **state)
{
	char root[L2_HEX], later[L2_HEX], now[L2_HEX];
	struct l2_restored r;

	(void)state;
	grow_on(&files_of_system, 5, root);
	db_fill(0, 10);
	run("cp %s %s/l2_snapshots_20260101_000000.dat.bak", log_path, folder);
	run("tar -czf %s/reorg_db_20260101_000000.tar.gz -C %s reorg_db/", folder,
	    own_folder);
	grow_on(&files_of_system, 6, later);
	r = restored(NULL);
	assert_true(r.log && r.reorg_db && !r.summed);
	root_of(&files_of_system, log_path, now);
	assert_string_equal(now, root);
}

/* Which backup is taken when none is named, and what is said of those that are not. */
static void no_backup_is_passed_over_in_silence(void **state)
{
	char first[L2_HEX], second[L2_HEX], now[L2_HEX], line[80];
	struct l2_restore_plan plan = { .files = &files_of_system,
		.folder = folder,
		.log = log_path,
		.wall_ms = NOW + 86400000 };
	struct l2_backup a, b;
	struct l2_restored r;
	struct fail f;

	(void)state;
	grow_on(&files_of_system, 5, first);
	db_fill(0, 12);
	a = made(0);
	grow_on(&files_of_system, 6, second);
	b = made(1);
	grow_on(&files_of_system, 7, now);
	/* the newest has lost its log: of all that is asked for, of a log alone */
	run("cd %s && mv %s lost", folder, b.log);
	refused(ERR_NOT_FOUND);
	assert_int_equal(restore_on(&files_of_system, b.time, &r, &f), ERR_NOT_FOUND);
	assert_non_null(strstr(f.why, "lost its log"));
	/* by the clock as it is, the newest is of a time to come */
	plan.wall_ms = NOW - 1800000;
	assert_int_equal(l2_backup_restore(&plan, &r, &f), ERR_CONFLICT);
	assert_non_null(strstr(f.why, a.time));
	assert_null(strstr(f.why, "the newest that is not"));
	plan.wall_ms = NOW + 60000;
	assert_int_equal(l2_backup_restore(&plan, &r, &f), ERR_OK);
	assert_string_equal(r.time, a.time);
	assert_string_equal(r.lacking, b.time);
	root_of(&files_of_system, log_path, now);
	assert_string_equal(now, first);
	run("cd %s && mv lost %s && rm -r %s/*before*", folder, b.log, own_folder);
	/* its sums, and then its database */
	run("cd %s && mv %s lost", folder, b.sums);
	refused(ERR_CONFLICT);
	assert_int_equal(l2_backup_restore(&plan, &r, &f), ERR_CONFLICT);
	assert_non_null(strstr(f.why, b.time));
	assert_non_null(strstr(f.why, a.time));
	assert_false(restored(b.time).summed);
	root_of(&files_of_system, log_path, now);
	assert_string_equal(now, second);
	run("cd %s && mv lost %s && rm -r %s/*before* %s", folder, b.sums, own_folder,
	    b.reorg_db);
	refused(ERR_NOT_FOUND);
	assert_int_equal(l2_backup_restore(&plan, &r, &f), ERR_CONFLICT);
	snprintf(line, sizeof line, "restore %s the newest that is not", a.time);
	assert_non_null(strstr(f.why, line));
	plan.wall_ms = NOW + 86400000;
	assert_int_equal(l2_backup_restore(&plan, &r, &f), ERR_OK);
	assert_string_equal(r.time, b.time);
	assert_string_equal(r.lacking, "");
}

static void nothing_else_comes_out_of_an_archive(void **state)
{
	static const char *const makes[] = { "ln -s /etc/passwd reorg_db/x.sst",
		"mkdir reorg_db/sub; touch reorg_db/sub/y",
		"ln reorg_db/CURRENT reorg_db/z.sst", "touch other" };
	char root[L2_HEX];

	(void)state;
	grow_on(&files_of_system, 5, root);
	db_fill(0, 12);
	run("cp %s %s/l2_snapshots_20260101_000000.dat.bak", log_path, folder);
	for (size_t i = 0; i < sizeof makes / sizeof *makes; i++) {
		run("cd %s && rm -rf w && mkdir w && cp -r reorg_db w && cd w && %s && "
		    "tar -czf %s/reorg_db_20260101_000000.tar.gz *",
		    own_folder, makes[i], folder);
		refused(ERR_DAMAGED);
	}
	run("cd %s && tar -czPf %s/reorg_db_20260101_000000.tar.gz "
	    "--transform 's,^reorg_db/CURRENT,reorg_db/../../CURRENT,' reorg_db",
	    own_folder, folder);
	refused(ERR_DAMAGED);
}

static void who_writes_is_not_replaced(void **state)
{
	char root[L2_HEX];
	int up[2], down[2];
	char byte;
	pid_t pid;

	(void)state;
	grow_on(&files_of_system, 5, root);
	db_fill(0, 12);
	made(0);
	assert_int_equal(pipe(up) + pipe(down), 0);
	pid = fork();
	if (!pid) {
		struct reorgdb *db;

		(void)!reorgdb_open(&db, db_path, REORGDB_WRITE, NULL);
		(void)!write(up[1], "x", 1);
		(void)!read(down[0], &byte, 1);
		_exit(0);
	}
	assert_int_equal(read(up[0], &byte, 1), 1);
	{
		struct l2_restored r;
		struct fail f;

		assert_int_equal(restore_on(&files_of_system, NULL, &r, &f), ERR_OWNED);
		/* and a copy is made beside it */
		assert_int_equal(made(1).values, 12);
	}
	assert_int_equal(write(down[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	restored(NULL);
	close(up[0]), close(up[1]), close(down[0]), close(down[1]);
}

/* While one is under way that has read its copy. */
static enum err others_refused(
    void *ctx, const struct l2_restored *r, const char *log, struct fail *f)
{
	struct l2_restored other;
	struct reorgdb *db = NULL;

	(void)r, (void)log;
	assert_int_equal(reorgdb_open(&db, db_path, REORGDB_CREATE, f), ERR_OWNED);
	assert_int_equal(restore_on(&files_of_system, NULL, &other, f), ERR_OWNED);
	return *(enum err *)ctx;
}

static void where_none_is_nobody_makes_one_meanwhile(void **state)
{
	enum err says = ERR_CONFLICT;
	struct l2_restore_plan plan = { .files = &files_of_system,
		.folder = folder,
		.log = log_path,
		.reorg_db = db_path,
		.wall_ms = NOW + 86400000,
		.agree = others_refused,
		.ctx = &says };
	char root[L2_HEX];
	struct l2_restored r;
	struct fail f;

	(void)state;
	grow_on(&files_of_system, 5, root);
	db_fill(0, 12);
	made(0);
	run("rm -r %s", db_path);
	assert_int_equal(l2_backup_restore(&plan, &r, &f), ERR_CONFLICT);
	assert_int_equal(count_like("reorg_db*"), 0);
	says = ERR_OK;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(l2_backup_restore(&plan, &r, &f), ERR_OK);
		assert_int_equal(db_blocks(db_path), 12);
		assert_int_equal(count_like("reorg_db*"), 1);
		run("rm -r %s", db_path);
		/* what a kill leaves: it is nothing that anybody had */
		run("mkdir %s", db_path);
	}
}

/* -- while it is written ------------------------------------------------------ */

static void write_on(void)
{
	char hash[65], why[200];
	struct guide_node *g = guide_open(db_path, why, sizeof why);

	for (uint64_t i = 0; g; i++) {
		hash_of(hash, i);
		guide_track(g, i, hash);
		if (i % 400 == 0)
			guide_flush(g);
	}
	_exit(1);
}

struct heights {
	uint64_t n;
	bool gap;
};

static void height_seen(void *ctx, uint64_t height, const char *hash)
{
	struct heights *h = ctx;

	(void)hash;
	h->gap |= height != h->n;
	h->n = height + 1;
}

static void a_copy_is_of_one_instant(void **state)
{
	struct heights h = { 0 };
	char to[200];
	pid_t pid;
	int made_n = 0;

	(void)state;
	db_fill(0, 1);
	snprintf(to, sizeof to, "%s/copy", own_folder);
	pid = fork();
	if (!pid)
		write_on();
	for (int i = 0; i < 60; i++) {
		const struct reorgdb_visitor v = { .ctx = &h, .block = height_seen };
		struct reorgdb *db;
		struct fail f = { 0 };
		enum err e = reorgdb_checkpoint(db_path, to, &f);

		if (e == ERR_STALE)
			continue;
		if (e)
			fail_msg("%s", f.why);
		h = (struct heights){ 0 };
		assert_int_equal(reorgdb_open(&db, to, REORGDB_READ, &f), ERR_OK);
		assert_int_equal(reorgdb_visit(db, &v, &f), ERR_OK);
		reorgdb_close(db);
		assert_false(h.gap);
		made_n++;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(made_n > 5);
	reorgdb_remove(to);
}

/* -- a kill at every call ------------------------------------------------------ */

static long left; /* calls that change something, until the process is dead */

static void count(void)
{
	if (left && --left == 0)
		_exit(9);
}

static enum err k_open(
    struct file **ret, const char *path, enum file_how how, struct fail *f)
{
	if (how == FILE_WRITE)
		count();
	return files_of_system.open(ret, path, how, f);
}

static enum err k_write(
    struct file *file, uint64_t at, const void *bytes, size_t len, struct fail *f)
{
	enum err e = files_of_system.write(file, at, bytes, len / 2, f);

	count();
	return e ? e
		 : files_of_system.write(file, at + len / 2,
		       (const char *)bytes + len / 2, len - len / 2, f);
}

static enum err k_sync(struct file *file, struct fail *f)
{
	count();
	return files_of_system.sync(file, f);
}

static enum err k_rename(const char *from, const char *to, struct fail *f)
{
	count();
	return files_of_system.rename(from, to, f);
}

static enum err k_exchange(const char *a, const char *b, struct fail *f)
{
	count();
	return files_of_system.exchange(a, b, f);
}

static enum err k_sync_folder(const char *path, struct fail *f)
{
	count();
	return files_of_system.sync_folder(path, f);
}

static bool dies_restoring(long at)
{
	pid_t pid = fork();
	int how;

	if (!pid) {
		struct files killed = files_of_system;
		struct l2_restored r;

		killed.open = k_open;
		killed.write = k_write;
		killed.sync = k_sync;
		killed.rename = k_rename;
		killed.exchange = k_exchange;
		killed.sync_folder = k_sync_folder;
		left = at;
		_exit(restore_on(&killed, NULL, &r, NULL) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) != 1);
	return WEXITSTATUS(how) == 9;
}

/* Live or kept, somewhere. */
static bool somewhere(const char *root, size_t blocks)
{
	char now[L2_HEX], line[400];
	bool log = false, db = false;
	FILE *p;

	snprintf(line, sizeof line, "ls -d %s* %s* 2>/dev/null", log_path, db_path);
	p = popen(line, "r");
	while (fgets(line, sizeof line, p)) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, ".part"))
			continue;
		if (strstr(line, "reorg_db")) {
			db |= db_blocks(line) == blocks;
			continue;
		}
		root_of(&files_of_system, line, now);
		log |= !strcmp(now, root);
	}
	pclose(p);
	return log && db;
}

/* RocksDB links its tables into a copy by this: then another one is written. */
static struct guide_node *amid;

int link(const char *from, const char *to)
{
	struct guide_node *g = amid;
	char hash[65];

	amid = NULL;
	if (g) {
		hash_of(hash, 5);
		guide_track(g, 5, hash);
		guide_flush(g);
	}
	return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void what_changes_meanwhile_is_copied_again(void **state)
{
	char to[200], hash[65], why[200];
	struct guide_node *g;
	struct fail f = { 0 };

	(void)state;
	db_fill(0, 4);
	snprintf(to, sizeof to, "%s/copy", own_folder);
	g = guide_open(db_path, why, sizeof why);
	assert_non_null(g);
	hash_of(hash, 4);
	guide_track(g, 4, hash);
	guide_flush(g);
	amid = g;
	if (reorgdb_checkpoint(db_path, to, &f))
		fail_msg("%s", f.why);
	assert_null(amid);
	guide_close(g);
	assert_int_equal(db_blocks(to), 6);
	reorgdb_remove(to);
}

static void a_restore_dies_anywhere(void **state)
{
	char root[L2_HEX], later[L2_HEX], now[L2_HEX];
	bool died = true;
	long at = 1;

	(void)state;
	for (; died; at++) {
		run("rm -rf %s/*; mkdir %s", own_folder, folder);
		grow_on(&files_of_system, 5, root);
		db_fill(0, 3);
		made(0);
		grow_on(&files_of_system, 6, later);
		db_fill(3, 7);
		died = dies_restoring(at);
		root_of(&files_of_system, log_path, now);
		assert_true(!strcmp(now, root) || !strcmp(now, later));
		assert_true(db_blocks(db_path) == 3 || db_blocks(db_path) == 7);
		assert_true(somewhere(later, 7));
		restored(NULL);
		root_of(&files_of_system, log_path, now);
		assert_string_equal(now, root);
		assert_int_equal(db_blocks(db_path), 3);
		assert_true(somewhere(later, 7));
	}
	assert_true(at > 15);
}

/* -- the power goes ------------------------------------------------------------ */

static char was[L2_HEX], is[L2_HEX];

static void backup_it(void)
{
	struct l2_backup b;
	struct fail f = { 0 };

	if (make_on(&sim_disk_files, 10, &b, &f))
		fail_msg("backup: %s", f.why);
}

static void restore_it(void)
{
	struct l2_restored r;
	struct fail f = { 0 };

	if (restore_on(&sim_disk_files, NULL, &r, &f))
		fail_msg("restore: %s", f.why);
}

static void recover_it(void)
{
	struct l2_recovered r;
	struct fail f = { 0 };

	if (recover_on(&sim_disk_files, KEEP, &r, &f))
		fail_msg("recover: %s", f.why);
	assert_string_equal(r.root, was);
}

/* As a rebuilt reorg database takes its place: what is moved may be anything. */
static void take_place(void)
{
	char fresh[200], aside[200];
	struct fail f = { 0 };

	snprintf(fresh, sizeof fresh, "%s/l2_snapshots_20261122_110000.dat.bak", folder);
	snprintf(aside, sizeof aside, "%s.corrupted", log_path);
	if (reorgdb_take_place(&sim_disk_files, fresh, log_path, aside, &f))
		fail_msg("take place: %s", f.why);
}

static bool dies(void (*deed)(void), int64_t op, unsigned round)
{
	bool died;

	leaks_are_told(false);
	died = l2_dies(deed, op, round);
	leaks_are_told(true);
	return died;
}

static void prepare(unsigned round)
{
	struct l2_backup b;
	struct fail f = { 0 };

	l2_disk_clear();
	sim_disk_seed(l2_disk, 5000 + round);
	for (int i = 0; i < KEEP; i++) {
		grow_on(&sim_disk_files, 10 + (uint64_t)i, was);
		if (make_on(&sim_disk_files, i, &b, &f))
			fail_msg("backup: %s", f.why);
	}
	grow_on(&sim_disk_files, 40, is);
}

/* A copy that has its sums is whole. */
static bool is_whole(const struct l2_backup_seen *s, char root[L2_HEX])
{
	char path[200], want[65];
	uint8_t sum[32];
	size_t len;
	char *bytes;

	snprintf(path, sizeof path, "%s/backup_%s.sha256", folder, s->time);
	bytes = l2_get(path, &len);
	assert_true(len > 64);
	memcpy(want, strstr(bytes, "  l2_snapshots_") - 64, 64);
	want[64] = '\0';
	mem_free(bytes);
	snprintf(path, sizeof path, "%s/l2_snapshots_%s.dat.bak", folder, s->time);
	bytes = l2_get(path, &len);
	sha256(sum, bytes, len);
	mem_free(bytes);
	hex_format(root, sum, 32);
	if (strcmp(root, want) != 0)
		return false;
	root_of(&sim_disk_files, path, root);
	return root[0];
}

static void backup_judge(bool died)
{
	char path[200], root[L2_HEX], now[L2_HEX];
	struct l2_backup_seen *seen;
	size_t n, len, whole = 0;
	char *link;

	assert_int_equal(
	    l2_backup_list(&sim_disk_files, folder, &seen, &n, NULL), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		if (seen[i].sums && seen[i].log) {
			assert_true(is_whole(&seen[i], root));
			whole++;
		}
	}
	assert_true(whole >= KEEP);
	if (!died)
		assert_string_equal(seen[0].time, "20261122_190000");
	mem_free(seen);
	root_of(&sim_disk_files, log_path, now);
	assert_string_equal(now, is);
	snprintf(path, sizeof path, "%s/l2_snapshots_latest.dat.bak", folder);
	link = l2_get(path, &len);
	assert_true(len > 0);
	snprintf(path, sizeof path, "%s/%.*s", folder, (int)len, link);
	root_of(&sim_disk_files, path, now);
	assert_true(!strcmp(now, was) || !strcmp(now, is));
	mem_free(link);
	backup_it();
	restore_it();
	root_of(&sim_disk_files, log_path, now);
	assert_string_equal(now, is);
}

/* What was there, by its name; no name says it of what was to come. */
static void seen_swapped(void *ctx, const char *name)
{
	enum files_swap swap;
	char path[200], root[L2_HEX];
	bool kept = strstr(name, ".before_") || strstr(name, ".corrupted");

	snprintf(path, sizeof path, "%s/%s", own_folder, name);
	swap = files_swap_look(&sim_disk_files, log_path, path);
	if (!kept && swap == FILES_SWAP_NONE)
		return;
	kept |= swap == FILES_SWAP_OLD;
	root_of(&sim_disk_files, path, root);
	assert_string_equal(root, kept ? is : was);
	*(bool *)ctx |= kept;
}

static void is_kept(void)
{
	char now[L2_HEX];
	bool kept = false;

	assert_int_equal(
	    sim_disk_files.each(own_folder, seen_swapped, &kept, NULL), ERR_OK);
	root_of(&sim_disk_files, log_path, now);
	assert_true(kept || !strcmp(now, is));
}

/* Into the place of the newest; done again, it is there. */
static void older_judge(bool died, void (*again)(void))
{
	char now[L2_HEX];

	root_of(&sim_disk_files, log_path, now);
	assert_true(!strcmp(now, was) || !strcmp(now, is));
	if (!died)
		assert_string_equal(now, was);
	is_kept();
	again();
	root_of(&sim_disk_files, log_path, now);
	assert_string_equal(now, was);
}

static void restore_judge(bool died)
{
	older_judge(died, restore_it);
}

static void recover_judge(bool died)
{
	char now[L2_HEX], root[L2_HEX];

	older_judge(died, recover_it);
	grow_on(&sim_disk_files, 77, root);
	root_of(&sim_disk_files, log_path, now);
	assert_string_equal(now, root);
}

static void place_judge(bool died)
{
	char now[L2_HEX];

	root_of(&sim_disk_files, log_path, now);
	assert_true(!strcmp(now, was) || !strcmp(now, is));
	if (!died)
		assert_string_equal(now, was);
	is_kept();
}

/* The log begins anew, and what there was is in the folder; l2_reset_end gives that its
 * name. */
static void reset_it(void)
{
	struct l2_reset r;
	struct l2_state s;
	struct fail f = { 0 };
	enum err e;

	l2_state_init(&s);
	l2_state_add(&s, L2_BALANCES, &(struct l2_balance){ l2_text("a"), 7 });
	e = l2_reset_look(&r, &sim_disk_files, own_folder, 1000000, &f);
	r.reorg_db_path[0] = '\0';
	if (e == ERR_OK)
		e = l2_reset_files(&r, NULL, &s, NULL, 1000000, &f);
	if (e != ERR_OK)
		fail_msg("reset: %s", f.why);
	assert_true(r.log);
	l2_state_release(&s);
}

/* The newest of the old log, in the folder: under the name that it will have, or under
 * the one of what was made in its place. */
static void seen_kept(void *ctx, const char *name)
{
	char at[300], root[L2_HEX];

	if (strncmp(name, "l2_snapshots.dat", 16) != 0)
		return;
	snprintf(at, sizeof at, "%s/recovery_1000.part/%s", own_folder, name);
	root_of(&sim_disk_files, at, root);
	if (!strcmp(root, is))
		snprintf(ctx, 300, "%s", at);
}

static void reset_judge(bool died)
{
	char now[L2_HEX], kept[300] = "", part[200], root[L2_HEX];

	snprintf(part, sizeof part, "%s/recovery_1000.part", own_folder);
	root_of(&sim_disk_files, log_path, now);
	assert_true(!strcmp(now, is) || !now[0]);
	assert_int_equal(sim_disk_files.each(part, seen_kept, kept, NULL), ERR_OK);
	assert_true(!strcmp(now, is) != !!kept[0]); /* in one place, and never in none */
	if (!died)
		assert_string_equal(strrchr(kept, '/'), "/l2_snapshots.dat");
	reset_it();
	kept[0] = '\0';
	assert_int_equal(sim_disk_files.each(part, seen_kept, kept, NULL), ERR_OK);
	assert_string_equal(strrchr(kept, '/'), "/l2_snapshots.dat");
	root_of(&sim_disk_files, log_path, now);
	assert_string_equal(now, "");
	grow_on(&sim_disk_files, 77, root);
	root_of(&sim_disk_files, log_path, now);
	assert_string_equal(now, root);
}

/* From wherever the reset was, and then from wherever that was. */
static void undo_it(void)
{
	struct l2_reset r;
	struct fail f = { 0 };
	enum err e = l2_reset_look(&r, &sim_disk_files, own_folder, 1000000, &f);

	r.reorg_db_path[0] = '\0';
	if (e == ERR_OK && r.unfinished)
		e = l2_reset_undo(&r, 1000000, &f);
	if (e != ERR_OK)
		fail_msg("undo: %s", f.why);
}

static void reset_and_undo(void)
{
	reset_it();
	undo_it();
}

static void undo_judge(bool died)
{
	char now[L2_HEX];

	(void)died;
	undo_it();
	root_of(&sim_disk_files, log_path, now);
	assert_string_equal(now, is);
	undo_it();
	root_of(&sim_disk_files, log_path, now);
	assert_string_equal(now, is);
}

static void goes_anywhere(
    void (*deed)(void), void (*judge)(bool), unsigned rounds, unsigned least)
{
	unsigned deaths = 0;

	for (unsigned round = 0; round < rounds; round++) {
		bool died = true;

		for (int64_t op = 1; died; op++) {
			prepare(round);
			died = dies(deed, op, round);
			judge(died);
			deaths += died;
		}
	}
	assert_true(deaths >= rounds * least);
}

static void the_power_goes_in_a_backup(void **state)
{
	(void)state;
	goes_anywhere(backup_it, backup_judge, 32, 14);
}

static void the_power_goes_in_a_restore(void **state)
{
	(void)state;
	goes_anywhere(restore_it, restore_judge, 32, 6);
}

static void the_power_goes_in_a_recovery(void **state)
{
	(void)state;
	goes_anywhere(recover_it, recover_judge, 16, 6);
}

static void the_power_goes_in_a_rebuild(void **state)
{
	(void)state;
	goes_anywhere(take_place, place_judge, 16, 4);
}

static void the_power_goes_in_a_reset(void **state)
{
	(void)state;
	goes_anywhere(reset_it, reset_judge, 16, 8);
}

static void the_power_goes_on_the_way_back(void **state)
{
	(void)state;
	goes_anywhere(reset_and_undo, undo_judge, 16, 12);
}

static void the_newest_that_holds_is_found(void **state)
{
	char root[L2_HEX], now[L2_HEX];
	struct l2_recovered r;
	struct fail f = { 0 };

	(void)state;
	grow_on(&files_of_system, 5, root);
	grow_on(&files_of_system, 6, now);
	run("sed -i 's/^balance \"peer-5\" .*/balance \"peer-5\" 1/' %s", log_path);
	assert_int_equal(recover_on(&files_of_system, 2, &r, &f), ERR_DAMAGED);
	assert_int_equal(recover_on(&files_of_system, 3, &r, &f), ERR_NOT_FOUND);
	assert_int_equal(count_like("*.before_*"), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(recover_on(&files_of_system, 0, &r, &f), ERR_OK);
		assert_string_equal(r.root, root);
		assert_int_equal(r.number, 1);
		assert_int_equal(r.changed, i == 0);
		assert_int_equal(count_like("*.before_*"), 1);
	}
}

/* The same with an archive on that disk. */
static void the_power_goes_beside_a_database(void **state)
{
	(void)state;
	db_fill(0, 20);
	goes_anywhere(backup_it, backup_judge, 2, 18);
}

static void a_full_disk_keeps_what_there_is(void **state)
{
	struct l2_backup b;
	struct fail f;

	(void)state;
	for (int64_t room = 0; room < 2000; room += 211) {
		prepare(1);
		sim_disk_room(l2_disk, room);
		assert_int_equal(make_on(&sim_disk_files, 10, &b, &f), ERR_DISK_FULL);
		sim_disk_room(l2_disk, -1);
		backup_judge(true);
	}
}

/* A packing that fails amid a file, of the disk it goes to or of a name. */
static void a_packing_that_fails_writes_no_more(void **state)
{
	char digest[65], sum[65], path[200];
	struct fail f = { 0 };
	struct part p;

	(void)state;
	run("mkdir %s/x && head -c 900000 /dev/urandom >%s/x/000007.sst", own_folder,
	    own_folder);
	snprintf(path, sizeof path, "%s/x", own_folder);
	for (int named = 0; named < 2; named++) {
		l2_disk_clear();
		assert_int_equal(part_begin(&p, &sim_disk_files, log_path, &f), ERR_OK);
		sim_disk_room(l2_disk, named ? -1 : 300000);
		assert_int_equal(tar_pack(&p, path, "reorg_db", digest, &f),
		    named ? ERR_INPUT : ERR_DISK_FULL);
		/* the second piece of 256 KiB is the one that had no room */
		assert_int_equal(p.size, (named ? 3 : 2) * (256 << 10));
		assert_int_equal(part_end(&p, ERR_DISK_FULL, sum, &f), ERR_DISK_FULL);
		run("touch '%s/x/a name'", own_folder);
	}
	assert_non_null(strstr(f.why, "a name: is no file of a reorg database"));
}

/* Reads and writes, until it is to end. */
static long until;

static enum err u_read(
    struct file *file, uint64_t at, void *to, size_t len, size_t *n, struct fail *f)
{
	return until-- > 0 ? files_of_system.read(file, at, to, len, n, f)
			   : fail_set(f, ERR_STOPPED, "stopped");
}

static enum err u_write(
    struct file *file, uint64_t at, const void *bytes, size_t len, struct fail *f)
{
	return until-- > 0 ? files_of_system.write(file, at, bytes, len, f)
			   : fail_set(f, ERR_STOPPED, "stopped");
}

/* Wherever it is stopped: what was begun is gone, and what was there is there. */
static void what_is_stopped_leaves_nothing(void **state)
{
	struct files stopping = files_of_system;
	enum err backup = ERR_STOPPED, restore = ERR_STOPPED;
	char root[L2_HEX];
	struct l2_backup b;
	struct l2_restored r;
	struct fail f;

	(void)state;
	stopping.read = u_read;
	stopping.write = u_write;
	grow_on(&files_of_system, 30, root);
	db_fill(0, 10);
	for (long n = 0; backup == ERR_STOPPED; n++) {
		until = n;
		backup = make_on(&stopping, 0, &b, &f);
		assert_true(backup == ERR_OK || backup == ERR_STOPPED);
		assert_int_equal(count_like("backups/*_2*"), backup ? 0 : 3);
	}
	for (long n = 0; restore == ERR_STOPPED; n++) {
		until = n;
		restore = restore_on(&stopping, NULL, &r, &f);
		assert_true(restore == ERR_OK || restore == ERR_STOPPED);
		assert_int_equal(count_like("*.part"), 0);
		assert_int_equal(count_like("*.before_*"), restore ? 0 : 2);
	}
}

/* Of what is to be the database, when the log changes names. */
static size_t beside_the_log;

static enum err x_exchange(const char *a, const char *b, struct fail *f)
{
	if (!strcmp(b, log_path))
		beside_the_log = count_like("reorg_db.swap_*");
	return files_of_system.exchange(a, b, f);
}

static void grown_and_backed(void)
{
	char root[L2_HEX];
	struct l2_backup b;
	struct fail f;

	grow_on(&files_of_system, 3, root);
	db_fill(0, 10);
	assert_int_equal(make_on(&files_of_system, 0, &b, &f), ERR_OK);
}

/* So who is killed between the two is told by it. */
static void a_database_is_at_hand_before_the_log_goes(void **state)
{
	struct files files = files_of_system;
	struct l2_restored r;
	struct fail f;

	(void)state;
	files.exchange = x_exchange;
	grown_and_backed();
	assert_int_equal(restore_on(&files, NULL, &r, &f), ERR_OK);
	assert_int_equal(beside_the_log, 1);
	assert_int_equal(count_like("*.swap_*"), 0);
}

/* As of a file system that can't. */
static enum err no_exchange(const char *a, const char *b, struct fail *f)
{
	(void)a;
	(void)b;
	return fail_set(f, ERR_SYSTEM, "Invalid argument");
}

static enum err u_ill_read(
    struct file *file, uint64_t at, void *to, size_t len, size_t *n, struct fail *f)
{
	(void)file;
	(void)at;
	(void)to;
	(void)len;
	(void)n;
	return fail_set(f, ERR_SYSTEM, "Input/output error");
}

static enum err longer(struct file *file, uint64_t *ret, struct fail *f)
{
	enum err e = files_of_system.size(file, ret, f);

	*ret += 1;
	return e;
}

static void put(const char *path, const char *text)
{
	run("printf '%%s' '%s' >%s", text, path);
}

/* Two files at a time, what was noted of the one, and what the other is then. */
static void a_name_says_it_by_content(void **state)
{
	static const struct {
		const char *then, *now, *named;
		enum files_swap is;
	} rows[] = {
		{ "old", "old", "new", FILES_SWAP_FRESH },
		{ "old", "new", "old", FILES_SWAP_OLD },
		{ "old", "old and more", "new", FILES_SWAP_FRESH },
		{ "old", "new", "old and more", FILES_SWAP_OLD },
		{ "old", "old", "old and more", FILES_SWAP_FRESH },
		{ "old", "old and more", "old", FILES_SWAP_OLD },
		{ "old", "old", "old", FILES_SWAP_FRESH },
		{ "old", "old,", "old;", FILES_SWAP_UNSURE },
		{ "old", "ol", "new", FILES_SWAP_UNSURE },
		{ "", "", "new", FILES_SWAP_FRESH },
		{ "", "new", "", FILES_SWAP_OLD },
		{ "", "new", "newer", FILES_SWAP_UNSURE },
	};
	static const char *const none[] = { "", "_", "7_", "7_0", "x", "7x" };
	char named[120], noted[FILES_NOTED], number[FILES_NOTED];
	struct files files = files_of_system;

	(void)state;
	snprintf(named, sizeof named, "%s/named", own_folder);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		put(log_path, rows[i].then);
		assert_int_equal(files_note(&files, log_path, noted, NULL), ERR_OK);
		put(log_path, rows[i].now);
		put(named, rows[i].named);
		assert_int_equal(
		    files_noted_is(&files, log_path, named, noted), rows[i].is);
	}
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_int_equal(
		    files_noted_is(&files, log_path, named, none[i]), FILES_SWAP_NONE);
	/* what can't be read, or changes meanwhile, is known by its number */
	files.read = u_ill_read;
	assert_int_equal(files_note(&files, log_path, noted, NULL), ERR_OK);
	files = files_of_system;
	files.size = longer;
	assert_int_equal(files_note(&files, log_path, number, NULL), ERR_OK);
	assert_string_equal(noted, number);
	assert_null(strchr(noted, '_'));
	assert_int_equal(
	    files_noted_is(&files_of_system, log_path, named, noted), FILES_SWAP_FRESH);
	assert_int_equal(
	    files_noted_is(&files_of_system, named, log_path, noted), FILES_SWAP_OLD);
	assert_int_equal(
	    files_noted_is(&files_of_system, named, named, noted), FILES_SWAP_UNSURE);
}

/* A process that is killed behind the instant at which two names change. */
static enum err exchange_and_die(const char *a, const char *b, struct fail *f)
{
	enum err e = files_of_system.exchange(a, b, f);

	return e == ERR_OK ? fail_set(f, ERR_SYSTEM, "killed") : e;
}

static enum err reset_on(const struct files *files, bool undone)
{
	struct l2_reset r;
	struct l2_state s;
	struct fail f = { 0 };
	enum err e = l2_reset_look(&r, files, own_folder, 1000000, &f);

	r.reorg_db_path[0] = '\0';
	l2_state_init(&s);
	if (e == ERR_OK)
		e = undone ? l2_reset_undo(&r, 1000000, &f)
			   : l2_reset_files(&r, NULL, &s, NULL, 1000000, &f);
	l2_state_release(&s);
	if (e != ERR_OK && e != ERR_SYSTEM)
		fail_msg("%s", f.why);
	return e;
}

/* The folder as a copy may have it: each of the two has the inode of the other. */
static void inodes_change(void)
{
	run("cd %s && set -- recovery_*/l2_snapshots.dat.*_* && test -f \"$1\" && "
	    "cp $1 a && cp l2_snapshots.dat b && mv $1 c && mv l2_snapshots.dat $1 && "
	    "mv c l2_snapshots.dat && cat a >$1 && cat b >l2_snapshots.dat && rm a b",
	    own_folder);
}

/* Killed in the reset or on its way back, before that instant or behind it; then it is
 * taken back, or finished. */
static void in_a_copy_of_half_a_reset_content_tells(void **state)
{
	char root[L2_HEX], now[L2_HEX], kept[200];
	struct files files = files_of_system;

	(void)state;
	snprintf(kept, sizeof kept, "%s/recovery_1000.part/l2_snapshots.dat", own_folder);
	for (unsigned way = 0; way < 6; way++) {
		bool back = way<2, finished = way> 3;

		run("rm -rf %s*", log_path);
		run("rm -rf %s/recovery_*", own_folder);
		grow_on(&files_of_system, 3, root);
		if (back)
			assert_int_equal(reset_on(&files_of_system, false), ERR_OK);
		files.exchange = way % 2 ? exchange_and_die : no_exchange;
		assert_int_equal(reset_on(&files, back), ERR_SYSTEM);
		inodes_change();
		assert_int_equal(reset_on(&files_of_system, !finished), ERR_OK);
		root_of(&files_of_system, finished ? kept : log_path, now);
		assert_string_equal(now, root);
		root_of(&files_of_system, log_path, now);
		assert_string_equal(now, finished ? "" : root);
	}
}

static void where_two_names_do_not_change_nothing_is_left(void **state)
{
	struct files files = files_of_system;
	struct l2_restore_plan plan = {
		.folder = folder, .reorg_db = db_path, .wall_ms = NOW + 86400000
	};
	struct l2_restored r;
	struct fail f;

	(void)state;
	files.exchange = no_exchange;
	grown_and_backed();
	assert_int_equal(restore_on(&files, NULL, &r, &f), ERR_SYSTEM);
	assert_int_equal(count_like("*.swap_*"), 0);
	assert_int_equal(count_like("*.part"), 0);
	assert_int_equal(count_like("*.before_*"), 0);
	/* nor of the guide's, which copies the name that each database has of its own */
	run("rm %s/*", folder);
	run("tar -czf %s/reorg_db_20260101_000000.tar.gz -C %s reorg_db/", folder,
	    own_folder);
	plan.files = &files;
	assert_int_equal(l2_backup_restore(&plan, &r, &f), ERR_SYSTEM);
	assert_int_equal(count_like("*.swap_*"), 0);
	files.exchange = exchange_and_die;
	assert_int_equal(l2_backup_restore(&plan, &r, &f), ERR_SYSTEM);
	assert_int_equal(db_blocks(db_path), 10);
	/* what was there stays, whatever is done then */
	plan.files = &files_of_system;
	assert_int_equal(l2_backup_restore(&plan, &r, &f), ERR_OK);
	assert_int_equal(count_like("reorg_db.swap_*"), 1);
}

/* A disk that has taken all that it was given, and has one bit of it otherwise. */
static struct file *ill;

static enum err ill_open(
    struct file **ret, const char *path, enum file_how how, struct fail *f)
{
	enum err e = files_of_system.open(ret, path, how, f);

	if (e == ERR_OK && how == FILE_READ && strstr(path, "/away/"))
		ill = *ret;
	return e;
}

static void ill_close(struct file *file)
{
	if (file == ill)
		ill = NULL;
	files_of_system.close(file);
}

static enum err ill_read(
    struct file *file, uint64_t at, void *to, size_t len, size_t *n, struct fail *f)
{
	enum err e = files_of_system.read(file, at, to, len, n, f);

	if (e == ERR_OK && file == ill && !at && *n)
		*(uint8_t *)to ^= 1;
	return e;
}

static void what_another_disk_has_is_read(void **state)
{
	struct files files = files_of_system;
	struct l2_backup_plan plan = { .files = &files, .folder = folder };
	char away[100], root[L2_HEX];
	struct l2_backup b;
	struct fail f = { 0 };

	(void)state;
	grow_on(&files_of_system, 3, root);
	db_fill(0, 10);
	if (make_on(&files_of_system, 0, &b, &f))
		fail_msg("%s", f.why);
	snprintf(away, sizeof away, "%s/away", own_folder);
	run("mkdir %s", away);
	files.open = ill_open;
	files.close = ill_close;
	files.read = ill_read;
	assert_int_equal(l2_backup_copy(&plan, &b, away, &f), ERR_DAMAGED);
	assert_non_null(strstr(f.why, "what is read is not what was copied"));
	assert_int_equal(count_like("away/*"), 0);
	files.read = files_of_system.read;
	assert_int_equal(l2_backup_copy(&plan, &b, away, &f), ERR_OK);
	assert_int_equal(count_like("away/*_2*"), 3);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, folder_make, own_folder_remove)
	static const struct CMUnitTest tests[] = {
		ONE(one_is_made_and_put_back),
		ONE(so_many_are_kept),
		ONE(what_was_altered_is_not_put_back),
		ONE(what_does_not_hold_is_no_backup),
		ONE(a_backup_of_the_guide_is_put_back),
		ONE(no_backup_is_passed_over_in_silence),
		ONE(nothing_else_comes_out_of_an_archive),
		ONE(who_writes_is_not_replaced),
		ONE(where_none_is_nobody_makes_one_meanwhile),
		ONE(a_copy_is_of_one_instant),
		ONE(what_changes_meanwhile_is_copied_again),
		ONE(a_restore_dies_anywhere),
		ONE(the_power_goes_in_a_backup),
		ONE(the_power_goes_in_a_restore),
		ONE(the_power_goes_in_a_recovery),
		ONE(the_power_goes_in_a_rebuild),
		ONE(the_power_goes_in_a_reset),
		ONE(the_power_goes_on_the_way_back),
		ONE(the_newest_that_holds_is_found),
		ONE(the_power_goes_beside_a_database),
		ONE(a_full_disk_keeps_what_there_is),
		ONE(a_packing_that_fails_writes_no_more),
		ONE(what_is_stopped_leaves_nothing),
		ONE(a_database_is_at_hand_before_the_log_goes),
		ONE(a_name_says_it_by_content),
		ONE(in_a_copy_of_half_a_reset_content_tells),
		ONE(where_two_names_do_not_change_nothing_is_left),
		ONE(what_another_disk_has_is_read),
	};

	return cmocka_run_group_tests(tests, group_begin, NULL);
}
