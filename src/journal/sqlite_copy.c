/* Copies of a database, and whether its pages are sound. */
#include "journal/sqlite_in.h"

#include <stdio.h>
#include <string.h>

/* As SQLite ends the line of a page that it could not read. */
static bool is_unread(const char *why)
{
	static const char code[] = "error code=";
	const char *at = strstr(why, code);
	int rc = 0;

	if (!at)
		return false;
	for (at += strlen(code); *at >= '0' && *at <= '9' && rc < 100000; at++)
		rc = 10 * rc + (*at - '0');
	return sqlite_class(rc) == ERR_JOURNAL;
}

static enum err pages(sqlite3 *c, char *why, size_t why_len)
{
	static const char heading[] = "*** in database main ***\n";
	struct fail f = { 0 };
	enum err e = sqlite_ask(c, "PRAGMA integrity_check(1)", why, why_len, &f);

	if (e != ERR_OK)
		snprintf(why, why_len, "%s", f.why);
	else if (strcmp(why, "ok") != 0)
		e = is_unread(why) ? ERR_JOURNAL : ERR_DAMAGED;
	if (strncmp(why, heading, strlen(heading)) == 0)
		memmove(why, why + strlen(heading), strlen(why + strlen(heading)) + 1);
	return e;
}

static enum err sound(sqlite3 *c, char *why, size_t why_len)
{
	enum err e = pages(c, why, why_len);
	struct fail f = { 0 };
	char text[160];

	if (e != ERR_OK)
		return e;
	e = sqlite_ask(c,
	    "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' points to no '"
	    " || \"parent\" FROM pragma_foreign_key_check LIMIT 1",
	    text, sizeof(text), &f);
	snprintf(why, why_len, "%.150s", e == ERR_OK ? text : f.why);
	return e == ERR_OK && *text ? ERR_DAMAGED : e;
}

enum err sqlite_check(struct db *d, char *why, size_t why_len)
{
	return sound(d->c, why, why_len);
}

static enum err copy(sqlite3 *from, sqlite3 *to, int then, struct fail *f)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	char why[200];
	enum err e;

	if (!b)
		return sqlite_failed(to, "backup", f);
	sqlite3_backup_step(b, -1);
	if (sqlite3_backup_finish(b))
		return sqlite_failed(to, "backup", f);
	/* one file that stands alone, until it is a journal again */
	e = sqlite_run(to, "PRAGMA journal_mode=DELETE", f);
	if (e == ERR_OK && then != SQL_COUNT)
		e = sqlite_run(to, statements[then].sqlite, f);
	if (e == ERR_OK) {
		e = sound(to, why, sizeof(why));
		if (e != ERR_OK)
			fail_set(f, e, "its pages are not sound: %s", why);
	}
	return e;
}

enum err sqlite_backup(struct db *d, const char *path, int then, struct fail *f)
{
	sqlite3 *to = NULL;
	enum err e;

	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, db_sqlite_vfs)) {
		e = sqlite_failed(to, "backup", f);
	} else {
		sqlite3_extended_result_codes(to, 1);
		e = copy(d->c, to, then, f);
	}
	sqlite3_close(to);
	return e;
}
