/* Somebody edits the journal with another program, as one might who wants a row to be
 * paid again: all that says that it is paid, but for its attempts and its events. Or an
 * event, which makes the past another one. */
#include <sqlite3.h>
#include <string.h>

#include "base/check.h"
#include "engine/operation.h"
#include "sim/story/story.h"

#define JOURNAL "/disk/pawl.db"

static struct {
	bool event, done;
	int64_t luck;
	int64_t open;    /* the operation, if it had not ended; else 0 */
	int64_t id, len; /* of the event, and of what stands there now */
} edit;                  /* of the tool */

/* -- rows ----------------------------------------------------------------- */

struct paid_row {
	int64_t intent, operation, row;
	struct amount amount, pending, final;
};

static void amount_get(sqlite3_stmt *of, int column, struct amount *ret)
{
	uint8_t bytes[32];

	CHECK(sqlite3_column_bytes(of, column) == sizeof bytes);
	memcpy(bytes, sqlite3_column_blob(of, column), sizeof bytes);
	*ret = amount_decode(bytes);
}

/* A row that is final, and the totals that it is part of. */
static bool row_find(sqlite3 *db, struct paid_row *ret)
{
	static const char sql[] =
	    "SELECT intent.id, operation.id, item.row, item.amount, pending_sum,"
	    " final_sum FROM intent JOIN item ON item.operation = intent.operation"
	    " AND item.row = intent.row JOIN operation ON operation.id = item.operation"
	    " WHERE intent.state = ?1 AND item.state = ?2"
	    " ORDER BY (intent.id * 7919 + ?3) % 1009 LIMIT 1";
	sqlite3_stmt *of = NULL;
	bool found = sqlite3_prepare_v2(db, sql, -1, &of, NULL) == SQLITE_OK &&
	    !sqlite3_bind_int64(of, 1, INTENT_FINAL) &&
	    !sqlite3_bind_int64(of, 2, ITEM_FINAL) &&
	    !sqlite3_bind_int64(of, 3, edit.luck) && sqlite3_step(of) == SQLITE_ROW;

	if (found) {
		ret->intent = sqlite3_column_int64(of, 0);
		ret->operation = sqlite3_column_int64(of, 1);
		ret->row = sqlite3_column_int64(of, 2);
		amount_get(of, 3, &ret->amount);
		amount_get(of, 4, &ret->pending);
		amount_get(of, 5, &ret->final);
	}
	sqlite3_finalize(of);
	return found;
}

/* What a statement has no place for is not bound. */
static bool put(sqlite3 *db, const char *sql, int64_t state, const struct paid_row *t)
{
	uint8_t pending[32], final[32];
	sqlite3_stmt *of = NULL;
	bool done = sqlite3_prepare_v2(db, sql, -1, &of, NULL) == SQLITE_OK;

	amount_encode(pending, &t->pending);
	amount_encode(final, &t->final);
	(void)sqlite3_bind_int64(of, 1, state);
	(void)sqlite3_bind_int64(of, 2, t->intent);
	(void)sqlite3_bind_int64(of, 3, t->operation);
	(void)sqlite3_bind_int64(of, 4, t->row);
	(void)sqlite3_bind_blob(of, 5, pending, sizeof pending, SQLITE_STATIC);
	(void)sqlite3_bind_blob(of, 6, final, sizeof final, SQLITE_STATIC);
	done = done && sqlite3_step(of) == SQLITE_DONE;
	sqlite3_finalize(of);
	return done;
}

static bool row_edit(sqlite3 *db)
{
	struct paid_row t;

	if (!row_find(db, &t) || !amount_add(&t.pending, &t.pending, &t.amount) ||
	    !amount_sub(&t.final, &t.final, &t.amount))
		return false;
	return put(db, "UPDATE intent SET state = ?1 WHERE id = ?2", INTENT_VOID, &t) &&
	    put(db, "UPDATE item SET state = ?1 WHERE operation = ?3 AND row = ?4",
		ITEM_PENDING, &t) &&
	    put(db,
		"UPDATE operation SET pending_n = pending_n + 1, final_n = final_n - 1,"
		" pending_sum = ?5, final_sum = ?6 WHERE id = ?3",
		ITEM_PENDING, &t);
}

/* -- events --------------------------------------------------------------- */

static bool event_edit(sqlite3 *db)
{
	static const char sql[] =
	    "UPDATE event SET why = why || '.' WHERE id = (SELECT id FROM event"
	    " WHERE operation > 0 ORDER BY (id * 7919 + ?1) % 1009 LIMIT 1) RETURNING"
	    " operation * (SELECT state NOT IN (?2, ?3) FROM operation"
	    " WHERE id = event.operation), id, length(CAST(why AS BLOB))";
	sqlite3_stmt *of = NULL;
	bool done = sqlite3_prepare_v2(db, sql, -1, &of, NULL) == SQLITE_OK &&
	    !sqlite3_bind_int64(of, 1, edit.luck) &&
	    !sqlite3_bind_int64(of, 2, OPERATION_COMPLETED) &&
	    !sqlite3_bind_int64(of, 3, OPERATION_CANCELLED) &&
	    sqlite3_step(of) == SQLITE_ROW;

	if (done) {
		edit.open = sqlite3_column_int64(of, 0);
		edit.id = sqlite3_column_int64(of, 1);
		edit.len = sqlite3_column_int64(of, 2);
	}
	sqlite3_finalize(of);
	return done;
}

/* -- the tool ------------------------------------------------------------- */

/* Its -wal stays, as beside somebody who has it open, and is moved into the database. One
 * that is not of its database nobody has open: it is removed, as SQLite does it. */
static void meddle(struct sim_life *l)
{
	sqlite3 *db = NULL;
	int keep = !l->story->older.is_mixed;

	if (sqlite3_open_v2(JOURNAL, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
	    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep) ==
		SQLITE_OK)
		edit.done = edit.event ? event_edit(db) : row_edit(db);
	sqlite3_close(db);
	l->end = SIM_ENDED;
}

void sim_meddle(struct sim_story *s, bool event, uint64_t luck)
{
	edit.event = event;
	edit.luck = (int64_t)(luck % 1009);
	edit.done = false;
	edit.open = 0;
	s->older.was_damaged |= sim_disk_is_unsure(s->disk, JOURNAL "-wal");
	(void)sim_life_use(&s->tool, meddle);
	if (!edit.done)
		return;
	sim_is_flipped(s, false);
	s->edited = edit.open;
	s->edited_event = edit.id;
	s->edited_len = edit.len;
	sim_story_did(s, SIM_DID_MEDDLED);
}
