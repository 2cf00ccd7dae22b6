/* open.c - the folder of the reorg database is opened, and what RocksDB says is told. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "kinds/node/link.h"
#include "kinds/node/reorgdb/inside.h"
#include "world/files.h"

#define FAMILY_MAIN "default"
#define FAMILY_REPUTATION "reputation_cf"
#define PATH_ROOM 4096
#define LOGS_KEPT 4
#define SAID_MAX (PATH_ROOM + 1000)
#define OWN_FOLDERS "/proc/self/fd/"
/* Above all levels: RocksDB's log for people stays empty. Where it can't be written, on a
 * full disk, an assertion of the library, as distributions build it, ends the process;
 * what else can't be is told. Such a level has no name in an OPTIONS file, so that is
 * never whole: what is left of it goes at the next open. */
#define LEVEL_NONE 6
/* A record that is cut off at the end is a write that a power cut took; any other that
 * is not sound is damage, and no end. */
#define RECOVER_TOLERATE_CUT_TAIL 0

/* -- what went wrong ------------------------------------------------------- */

static enum err damaged(const char *path, const char *what, struct fail *f)
{
	return fail_set(f, ERR_DAMAGED,
	    "the reorg database %s is damaged: %s. It is made anew from the journal and "
	    "from Bitcoin: procedure 3, pawl node rebuild-reorg-db",
	    path, what);
}

static enum err read_only(const char *path, struct fail *f)
{
	errno = EROFS;
	return fail_file(f, ERR_SYSTEM, path);
}

/* Of whose files it speaks, in the words of who named the folder. */
static void said_by_path(char out[SAID_MAX], const char *path, const char *said)
{
	const char *at = strstr(said, OWN_FOLDERS), *rest = at;

	if (at)
		for (rest += strlen(OWN_FOLDERS); *rest >= '0' && *rest <= '9';)
			rest++;
	snprintf(out, SAID_MAX, "%.*s%s%s", at ? (int)(at - said) : (int)strlen(said),
	    said, at ? path : "", at ? rest : "");
}

enum err reorgdb_said(const char *path, char *words, struct fail *f)
{
	char said[SAID_MAX];
	enum err e;

	said_by_path(said, path, words);
	if (strstr(said, "/LOCK"))
		e = reorgdb_owned(path, f);
	else if (strstr(said, "No space left on device") ||
	    strstr(said, "Disk quota exceeded") || strstr(said, "File too large"))
		e = fail_set(f, ERR_DISK_FULL,
		    "there is no room for the reorg database %s: make room on its disk. "
		    "RocksDB says: %s",
		    path, said);
	else if (strstr(said, "Read-only file system"))
		e = read_only(path, f);
	else if (strstr(said, "Permission denied") || strstr(said, "Too many open files"))
		e = fail_set(f, ERR_SYSTEM, "%s: %s", path, said);
	else if (strstr(said, "Input/output error"))
		e = fail_set(f, ERR_UNREADABLE, "%s: %s", path, said);
	else
		e = damaged(path, said, f);
	rocksdb_free(words);
	return e;
}

/* -- the folder ------------------------------------------------------------ */

struct folder {
	bool there, current, empty;
	char part[256]; /* a file that only a database has */
};

static bool is_part(const char *name)
{
	size_t len = strlen(name);

	return !strncmp(name, "MANIFEST-", 9) ||
	    (len > 4 &&
		(!strcmp(name + len - 4, ".sst") || !strcmp(name + len - 4, ".log")));
}

static enum err look(struct folder *ret, const char *path, struct fail *f)
{
	struct dirent *entry;
	DIR *d = opendir(path);

	*ret = (struct folder){ .there = true, .empty = true };
	if (!d) {
		ret->there = errno != ENOENT;
		return ret->there ? fail_file(f, ERR_SYSTEM, path) : ERR_OK;
	}
	errno = 0;
	while ((entry = readdir(d)) != NULL) {
		const char *name = entry->d_name;

		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		ret->empty = false;
		if (!strcmp(name, "CURRENT"))
			ret->current = true;
		else if (is_part(name))
			snprintf(ret->part, sizeof ret->part, "%s", name);
	}
	closedir(d);
	return errno ? fail_file(f, ERR_SYSTEM, path) : ERR_OK;
}

static enum err none(const char *path, struct fail *f)
{
	char word[SHELL_WORD_MAX];

	return fail_set(f, ERR_NOT_FOUND,
	    "there is no reorg database at %s: pawl node init-reorg-db --path %s", path,
	    shell_word(word, sizeof word, path));
}

/* Who may write it has its lock before he looks whether there is one: it may be put there
 * just now. ret_folder: as of reorgdb_folder_lock. */
static enum err lock(
    int *ret_folder, const char *path, enum reorgdb_mode mode, struct fail *f)
{
	enum err e = l2_itself(path, f);

	if (e != ERR_OK)
		return e;
	if (mode == REORGDB_CREATE) {
		if (mkdir(path, 0700) == 0)
			e = files_of_system.sync_folder(path, f);
		else if (errno != EEXIST)
			e = fail_file(f, ERR_SYSTEM, path);
	}
	if (e == ERR_OK)
		e = reorgdb_folder_lock(path, ret_folder, f);
	return e == ERR_OK && *ret_folder < 0 ? none(path, f) : e;
}

/* Whether one is to be made. RocksDB makes one beside files of another whose CURRENT is
 * gone, and clears these: it is never asked to. */
static enum err prepare(
    bool *ret_make, const char *path, enum reorgdb_mode mode, struct fail *f)
{
	struct folder there;
	char what[320];
	enum err e = look(&there, path, f);

	if (e != ERR_OK)
		return e;
	*ret_make = mode == REORGDB_CREATE && there.empty;
	if (there.current)
		return ERR_OK;
	if (there.part[0]) {
		snprintf(what, sizeof what, "CURRENT is missing beside %s", there.part);
		return damaged(path, what, f);
	}
	if (*ret_make)
		return ERR_OK;
	return there.there && !there.empty
	    ? fail_set(f, ERR_NOT_FOUND, "%s is a folder without a reorg database", path)
	    : none(path, f);
}

/* -- what is left of one ----------------------------------------------------- */

static bool is_any(int folder, const char *name)
{
	(void)folder;
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Half OPTIONS, and the empty logs of opens that failed. */
static bool is_left(int folder, const char *name)
{
	size_t len = strlen(name);
	struct stat st;

	if (!strncmp(name, "OPTIONS-", 8))
		return len > 6 && !strcmp(name + len - 6, ".dbtmp");
	return !strncmp(name, "LOG.old.", 8) &&
	    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == 0;
}

/* Of the folder that is locked. */
static void drop(const struct reorgdb *db, bool (*is_it)(int folder, const char *name))
{
	DIR *d = db->folder < 0 ? NULL : opendir(db->at);
	struct dirent *entry;

	while (d && (entry = readdir(d)) != NULL)
		if (is_it(db->folder, entry->d_name))
			(void)unlinkat(db->folder, entry->d_name, 0);
	if (d)
		closedir(d);
}

/* -- opening --------------------------------------------------------------- */

static void options_make(struct reorgdb *db, bool make)
{
	db->options = rocksdb_options_create();
	rocksdb_options_set_create_if_missing(db->options, make);
	rocksdb_options_set_create_missing_column_families(db->options, 1);
	rocksdb_options_set_paranoid_checks(db->options, 1);
	rocksdb_options_set_wal_recovery_mode(db->options, RECOVER_TOLERATE_CUT_TAIL);
	rocksdb_options_set_compression(db->options, rocksdb_no_compression);
	rocksdb_options_set_info_log_level(db->options, LEVEL_NONE);
	rocksdb_options_set_keep_log_file_num(db->options, LOGS_KEPT);
	rocksdb_options_set_stats_dump_period_sec(db->options, 0);
	rocksdb_options_set_stats_persist_period_sec(db->options, 0);
	db->reading = rocksdb_readoptions_create();
	rocksdb_readoptions_set_verify_checksums(db->reading, 1);
	db->writing = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(db->writing, 1);
}

/* All of its families must be opened: those that it has, and the two of ours. */
static const char **names_of(char **found, size_t found_n, bool add, size_t *ret_n)
{
	const char **names = mem_array(found_n + 2, sizeof *names);
	bool main = false, reputation = false;
	size_t n = 0;

	for (size_t i = 0; i < found_n; i++) {
		names[n++] = found[i];
		main = main || !strcmp(found[i], FAMILY_MAIN);
		reputation = reputation || !strcmp(found[i], FAMILY_REPUTATION);
	}
	if (!main)
		names[n++] = FAMILY_MAIN;
	if (!reputation && add)
		names[n++] = FAMILY_REPUTATION;
	*ret_n = n;
	return names;
}

static enum err families_open(
    struct reorgdb *db, const char **names, size_t n, bool read_only, struct fail *f)
{
	const rocksdb_options_t **each = mem_array(n, sizeof *each);
	char *said = NULL;

	for (size_t i = 0; i < n; i++)
		each[i] = db->options;
	db->families = mem_array(n, sizeof *db->families);
	if (read_only)
		db->db = rocksdb_open_for_read_only_column_families(
		    db->options, db->at, (int)n, names, each, db->families, 0, &said);
	else
		db->db = rocksdb_open_column_families(
		    db->options, db->at, (int)n, names, each, db->families, &said);
	mem_free(each);
	if (said)
		return reorgdb_said(db->path, said, f);
	db->families_n = n;
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(names[i], FAMILY_MAIN))
			db->main = db->families[i];
		if (!strcmp(names[i], FAMILY_REPUTATION))
			db->reputation = db->families[i];
	}
	CHECK(db->main);
	return ERR_OK;
}

static enum err open_at(struct reorgdb *db, bool make, bool read_only, struct fail *f)
{
	char *said = NULL, **found = NULL;
	const char **names;
	size_t found_n = 0, n;
	enum err e;

	options_make(db, make);
	if (!make) {
		found =
		    rocksdb_list_column_families(db->options, db->at, &found_n, &said);
		if (said) {
			/* of a failure, too, there is a list: an empty one */
			rocksdb_list_column_families_destroy(found, found_n);
			return reorgdb_said(db->path, said, f);
		}
	}
	names = names_of(found, found_n, !read_only, &n);
	e = families_open(db, names, n, read_only, f);
	mem_free(names);
	if (found)
		rocksdb_list_column_families_destroy(found, found_n);
	return e;
}

/* Where the system has no such names, its own is left to go by. */
static char *folder_at(const char *path, int folder)
{
	char at[sizeof OWN_FOLDERS + 12];
	struct stat mine, there;

	snprintf(at, sizeof at, OWN_FOLDERS "%d", folder);
	if (folder < 0 || MUTANT(reorgdb_goes_by_path) || fstat(folder, &mine) != 0 ||
	    stat(at, &there) != 0 || mine.st_ino != there.st_ino)
		return mem_str(path);
	return mem_str(at);
}

/* Where it is a right that lacks its owner, who is asking. */
static void right_name(const char *path, struct fail *f)
{
	char word[SHELL_WORD_MAX];
	struct fail was;
	struct stat st;

	if (!f || stat(path, &st) != 0 || st.st_uid != geteuid() ||
	    (st.st_mode & S_IRWXU) == S_IRWXU)
		return;
	was = *f;
	(void)fail_set(f, was.err,
	    "%.600s. Its owner may not use it (mode %04o): chmod u+rwx %s", was.why,
	    (unsigned)st.st_mode & 07777, shell_word(word, sizeof word, path));
}

static enum err open_once(
    struct reorgdb **ret, const char *path, enum reorgdb_mode mode, struct fail *f)
{
	struct reorgdb *db;
	bool make = false;
	enum err e = ERR_OK;

	*ret = NULL;
	if (strlen(path) > PATH_ROOM - 32)
		return fail_set(
		    f, ERR_INPUT, "the path of the reorg database is too long");
	db = mem_new(sizeof *db);
	db->path = mem_str(path);
	db->folder = -1;
	if (mode != REORGDB_READ)
		e = lock(&db->folder, path, mode, f);
	db->at = folder_at(path, db->folder);
	if (e == ERR_OK)
		e = prepare(&make, path, mode, f);
	if (e == ERR_OK) {
		drop(db, is_left);
		e = open_at(db, make, mode == REORGDB_READ, f);
		/* Half a new one would be none for ever. */
		if (e == ERR_DISK_FULL && make && !MUTANT(reorgdb_half_made))
			drop(db, is_any);
	}
	reorgdb_lock_note(db);
	if (e == ERR_SYSTEM)
		right_name(path, f);
	if (e != ERR_OK) {
		reorgdb_close(db);
		return e;
	}
	*ret = db;
	return ERR_OK;
}

/* Beside who writes it: what is there at one instant. */
static enum err open_to_read(struct reorgdb **ret, const char *path, struct fail *f)
{
	for (int i = 0; i < REORGDB_TRIES; i++) {
		uint64_t before = 0, behind = 0;
		enum err seen = reorgdb_see(path, &before, NULL),
			 e = open_once(ret, path, REORGDB_READ, f);

		if (reorgdb_see(path, &behind, NULL) != seen)
			before = ~behind;
		if (before == behind || MUTANT(reorgdb_read_amid))
			return e;
		reorgdb_close(*ret);
		*ret = NULL;
	}
	return reorgdb_restless(path, f);
}

enum err reorgdb_open(
    struct reorgdb **ret, const char *path, enum reorgdb_mode mode, struct fail *f)
{
	return mode == REORGDB_READ ? open_to_read(ret, path, f)
				    : open_once(ret, path, mode, f);
}

void reorgdb_close(struct reorgdb *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->families_n; i++)
		rocksdb_column_family_handle_destroy(db->families[i]);
	mem_free(db->families);
	if (db->db)
		rocksdb_close(db->db);
	if (db->options)
		rocksdb_options_destroy(db->options);
	if (db->reading)
		rocksdb_readoptions_destroy(db->reading);
	if (db->writing)
		rocksdb_writeoptions_destroy(db->writing);
	if (db->folder >= 0)
		close(db->folder);
	mem_free(db->at);
	mem_free(db->path);
	mem_free(db);
}

const char *reorgdb_path(const struct reorgdb *db)
{
	return db->path;
}
