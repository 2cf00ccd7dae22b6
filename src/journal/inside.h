/* inside.h - the journal's own structure, shared by the files of this folder alone. */
#ifndef PAWL_JOURNAL_INSIDE_H
#define PAWL_JOURNAL_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "journal/driver.h"
#include "journal/files.h"
#include "journal/journal.h"
#include "journal/run.h"
#include "journal/statement.h"

/* An event that waits for its commit; its texts are in events.bytes. */
struct noted {
	int64_t operation, row;
	size_t at, len;             /* its canonical bytes */
	size_t what, from, to, why; /* where its texts begin */
};

struct events {
	struct noted *list;
	size_t n, cap;
	struct buf bytes;
};

struct kept {
	void *p;
	size_t cap;
};

struct journal {
	const struct db_driver *drv;
	struct db *db;
	struct file_hold *hold;
	char *path;
	bool reader;
	bool writing;      /* a transaction is open */
	bool taking;       /* it is the one that sets the owner: no epoch to hold */
	bool saved;        /* inside a savepoint.. */
	bool save_written; /* ..that is made with its first write */
	bool snapshot;
	bool numb;        /* nothing more happens until the rollback */
	uint64_t changes; /* writes that began, and what was taken back of them */
	/* While it starts, an error is noted here and makes the journal numb instead of
	 * ending the process: nothing has left yet. */
	bool starting;
	bool alone;    /* without its -wal */
	bool archives; /* its schema has them; false: perhaps */
	bool shadows;  /* a reader writes tables of its own connection */
	struct fail start;

	int64_t epoch;
	int64_t written;   /* the owner's last commit, as it was read */
	int64_t commit_no; /* the last one that is durable */
	int64_t events_n;  /* events up to it */
	uint8_t link[32];  /* the last link of it */
	int64_t base;      /* the last one that the database has without its -wal */
	struct file_id id, wal_id;

	struct events events; /* of the open transaction */
	size_t saved_events;

	bool busy[SQL_COUNT];
	int busy_n;
	uint8_t amounts[RUN_PARAMS_MAX][32]; /* bound to the statement that begins */
	struct kept kept[SQL_COUNT][RUN_KEEP_MAX];
};

/* journal.c */
/* What fails has the path in front. */
enum err journal_open_file(
    struct journal **ret, const char *path, enum db_mode mode, bool own, struct fail *f);
/* Of damage, what to do about it is said too. Gives back e. */
enum err journal_advise(enum err e, struct fail *f);
enum err journal_refuse_missing(const char *path, struct fail *f);
enum err journal_start_error(
    const struct journal *j, struct fail *f); /* OK: none so far */
bool journal_begin(struct journal *j);        /* false: numb */
/* Ends the process, or makes the journal numb: see starting. */
void journal_failed(struct journal *j, enum err e, const char *fmt, ...) PRINTF(3, 4);
enum err journal_exec(struct journal *j, const char *sql); /* OK, or numb and why */

/* event.c */
void events_init(struct events *e);
void events_release(struct events *e);
void events_truncate(struct events *e, size_t n);
/* false: all of them are more bytes than a commit of ours has. */
bool events_note(struct events *e, int64_t id, const struct event *ev);
/* The link over the events of one operation from list[i] on; returns where they end. */
size_t events_link(const struct events *e, size_t i, const uint8_t before[32],
    int64_t commit_no, uint8_t out[32]);
/* May an event of this id come where that one is the next? */
bool events_follow(struct journal *j, int64_t next_id, int64_t id);
/* Write what was noted and its links; link becomes the last of them. */
void events_write(struct journal *j, uint8_t link[32]);
/* Events from first_id on against their links from first_commit on. 0, or the damaged
 * commit. */
int64_t events_check(
    struct journal *j, int64_t first_id, int64_t first_commit, int64_t *ret_operation);

/* check.c */
/* Cheap, and made before anything else is read: is the end of the journal the end that
 * its own row names? */
enum err check_tail(
    struct journal *j, const struct sql_journal_get_out *o, struct fail *f);
/* Before the -wal is moved into the database, which takes the traces away: is all there
 * that was synced in it, and are the two of one journal and one age? The pair alone where
 * there is no -wal of an owner. */
enum err check_files(struct journal *j, int have, struct fail *f);
enum err check_pair(struct journal *j, int have, struct fail *f);
bool check_sums(struct journal *j, char *why, size_t why_len); /* of all operations */

/* doubt.c */
/* Is it a copy, or in another file than its last commit? Journaled, in the transaction
 * that sets the owner. */
void doubt_find(struct journal *j);
bool doubt_is_other_file(const struct journal *j, const struct sql_journal_get_out *o,
    const struct sql_journal_copy_get_out *c);
void doubt_restored(struct journal *j, bool latest, const char *why);

/* migrate.c */
/* How many migrations the journal has; all known ones must be equal to ours. */
enum err migrate_compare(struct journal *j, int *ret_have, struct fail *f);
/* The migrations from number have + 1 on, inside the open transaction. */
void migrate_up(struct journal *j, int have);

#define PATH_LEN_MAX 4000 /* of a journal; longer ones are refused */
#define NAME_SIZE 4200    /* of a name beside it */

/* owner.c */
void journal_name_with(char out[NAME_SIZE], const char *path, const char *suffix);
/* A name beside the journal that does not begin with the journal's. */
void journal_name_beside(char out[NAME_SIZE], const char *path, const char *prefix);
void journal_mark_unsynced(struct journal *j);
/* ERR_OWNED, naming who has it. */
enum err owner_name(const char *path, struct fail *f);
enum err owner_take(struct journal *j, const struct owner *who, int have,
    char **ret_backup, struct fail *f);
/* The same of a copy that becomes the journal: it is its own backup, and why says why it
 * may be old; latest: that it is not. */
enum err owner_take_copy(struct journal *j, const struct owner *who, int have,
    bool latest, const char *why, struct fail *f);
/* temp, which is whole, becomes path, where none is. */
enum err owner_publish(const char *temp, const char *path, struct fail *f);

#endif
