#include "drawer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>
#include <cmocka.h>

#include "journal/sql.gen.h"

static char folder[] = "/tmp/pawl-journal-XXXXXX";
char path[PATH_BYTES];

const struct owner me = { .pid = 4711, .host = "lathe", .since_ms = 1000 };

/* -- the folder ------------------------------------------------------------ */

int drawer_open(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

void drawer_clean(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf %s/*", folder);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/pawl.db", folder);
}

int drawer_close(void **state)
{
	(void)state;
	drawer_clean();
	return rmdir(folder);
}

const char *beside(const char *name)
{
	static char out[4][400];
	static int i;

	i = (i + 1) % 4;
	snprintf(out[i], sizeof(out[i]), "%s/%s", folder, name);
	return out[i];
}

bool there(const char *name)
{
	return access(beside(name), F_OK) == 0;
}

/* -- the journal ----------------------------------------------------------- */

struct journal *own(void)
{
	struct fail f = { 0 };
	struct journal *j = NULL;

	if (journal_own(&j, path, &me, &f) != ERR_OK)
		fail_msg("%s", f.why);
	return j;
}

struct journal *reader(void)
{
	struct fail f = { 0 };
	struct journal *j = NULL;

	if (journal_read(&j, path, &f) != ERR_OK)
		fail_msg("%s", f.why);
	return j;
}

void commit(struct journal *j)
{
	struct fail f = { 0 };

	if (journal_commit(j, &f) != ERR_OK)
		fail_msg("%s", f.why);
}

void add_chain(struct journal *j, int64_t id)
{
	struct sql_chain_add_in in = { .kind = "evm", .chain_id = id, .name = "one" };
	struct sql_chain_add_out out = { 0 };

	assert_true(sql_chain_add_one(j, &in, &out));
	assert_int_not_equal(out.id, 0);
}

void add_operations(struct journal *j, int n)
{
	struct sql_chain_add_in chain = { .kind = "evm", .chain_id = 77, .name = "ops" };
	struct sql_chain_add_out chain_out;
	struct sql_account_add_in account = { .key_name = "k" };
	struct sql_account_add_out account_out;

	assert_true(sql_chain_add_one(j, &chain, &chain_out));
	account.chain = chain_out.id;
	assert_true(sql_account_add_one(j, &account, &account_out));
	for (int i = 1; i <= n; i++) {
		char name[20];
		struct sql_operation_add_in in = { .kind = "airdrop",
			.name = name,
			.chain = chain_out.id,
			.account = account_out.id };
		struct sql_operation_add_out out;

		snprintf(name, sizeof(name), "list-%d", i);
		assert_true(sql_operation_add_one(j, &in, &out));
		assert_int_equal(out.id, i);
	}
}

bool has_chain(struct journal *j, int64_t id)
{
	struct sql_chain_by_identity_in in = { .chain_id = id };
	struct sql_chain_by_identity_out out;

	return sql_chain_by_identity_one(j, &in, &out);
}

/* -- what is refused ------------------------------------------------------- */

void says(
    enum err e, const struct fail *f, enum err want, const char *word, const char *of)
{
	if (e != want || !strstr(f->why, word))
		fail_msg("%s: %s: %s (wanted %s, %s)", of, err_name(e), f->why,
		    err_name(want), word);
}

void refused(enum err want, const char *word)
{
	struct fail f = { 0 };
	struct journal *j = NULL;

	says(journal_own(&j, path, &me, &f), &f, want, word, "own");
}

/* -- a disk that can't be read ---------------------------------------------- */

static struct {
	int64_t from, n, seen, failed;
} cable;

static bool is_cut(void)
{
	bool cut = ++cable.seen >= cable.from && cable.seen - cable.from < cable.n;

	cable.failed += cut;
	errno = EIO;
	return cut;
}

static ssize_t read_or_fail(int fd, void *to, size_t len)
{
	return is_cut() ? -1 : read(fd, to, len);
}

static ssize_t pread_or_fail(int fd, void *to, size_t len, off_t at)
{
	return is_cut() ? -1 : pread(fd, to, len, at);
}

int64_t drawer_reads_fail(int64_t from, int64_t n)
{
	sqlite3_vfs *v = sqlite3_vfs_find(NULL);
	sqlite3_syscall_ptr pread_call = from ? (sqlite3_syscall_ptr)pread_or_fail : NULL;
	int64_t failed = cable.failed;

	v->xSetSystemCall(v, "read", from ? (sqlite3_syscall_ptr)read_or_fail : NULL);
	v->xSetSystemCall(v, "pread", pread_call);
	v->xSetSystemCall(v, "pread64", pread_call);
	cable.from = from;
	cable.n = n;
	cable.seen = cable.failed = 0;
	return failed;
}
