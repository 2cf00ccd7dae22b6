#include "journal/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "journal/inside.h"

static void sql_failed(struct journal *j, enum sql sql, const struct fail *f)
{
	journal_failed(j, f->err, "%s: %s", statements[sql].name, f->why);
}

struct stmt *run_begin(struct journal *j, enum sql sql)
{
	struct fail f = { 0 };
	struct stmt *s = NULL;
	bool writes = statements[sql].writes;

	CHECK(!j->busy[sql]);
	CHECK(!(j->reader && writes && !j->shadows));
	if (j->numb || (writes && !j->shadows && !journal_begin(j)))
		return NULL;
	j->changes += writes;
	if (j->drv->prepare(j->db, &s, (int)sql, &f) != ERR_OK) {
		sql_failed(j, sql, &f);
		return NULL;
	}
	j->busy[sql] = true;
	j->busy_n++;
	return s;
}

static struct stmt *prepared(struct journal *j, enum sql sql)
{
	struct stmt *s = NULL;

	CHECK(j->drv->prepare(j->db, &s, (int)sql, NULL) == ERR_OK);
	return s;
}

static void ended(struct journal *j, enum sql sql, struct stmt *s)
{
	j->drv->reset(s);
	j->busy[sql] = false;
	j->busy_n--;
}

struct stmt *run_next(struct journal *j, enum sql sql)
{
	struct fail f = { 0 };
	struct stmt *s;
	bool row = false;
	enum err e;

	if (!j->busy[sql]) {
		CHECK(j->numb); /* else _next without _begin */
		return NULL;
	}
	s = prepared(j, sql);
	e = j->drv->step(s, &row, &f);
	if (row)
		return s;
	ended(j, sql, s);
	if (e != ERR_OK)
		sql_failed(j, sql, &f);
	return NULL;
}

void run_end(struct journal *j, enum sql sql)
{
	/* a write is complete, its foreign keys included, only at its last step */
	while (j->busy[sql] && statements[sql].writes && run_next(j, sql))
		;
	if (j->busy[sql])
		ended(j, sql, prepared(j, sql));
}

int64_t run_change(struct journal *j, enum sql sql)
{
	bool row = run_next(j, sql) != NULL;

	CHECK(!row);
	return j->numb ? 0 : j->drv->changed(j->db);
}

/* -- parameters ------------------------------------------------------------ */

void run_put_i64(struct journal *j, struct stmt *s, int at, int64_t v)
{
	j->drv->bind_i64(s, at, v);
}

void run_put_blob(struct journal *j, struct stmt *s, int at, const void *p, size_t len)
{
	j->drv->bind_blob(s, at, p, len);
}

void run_put_amount(struct journal *j, struct stmt *s, int at, const struct amount *a)
{
	uint8_t *bytes;

	CHECK(at > 0 && at <= RUN_PARAMS_MAX);
	bytes = j->amounts[at - 1];
	amount_encode(bytes, a);
	j->drv->bind_blob(s, at, bytes, sizeof(j->amounts[0]));
}

void run_put_text(struct journal *j, struct stmt *s, int at, const char *text)
{
	CHECK(text);
	j->drv->bind_text(s, at, text);
}

void run_put_null(struct journal *j, struct stmt *s, int at)
{
	j->drv->bind_null(s, at);
}

/* -- columns --------------------------------------------------------------- */

/* The statement is not passed down: its columns are named by whoever is busy. */
static void misfit(struct journal *j, struct stmt *s, int at, const char *what)
{
	for (int sql = 0; sql < SQL_COUNT; sql++) {
		if (j->busy[sql] && prepared(j, (enum sql)sql) == s) {
			journal_failed(j, ERR_DAMAGED, "%s: column %s is %s",
			    statements[sql].name, statements[sql].column_names[at], what);
			return;
		}
	}
	BUG("a column of no running statement");
}

bool run_is_null(struct journal *j, struct stmt *s, int at)
{
	return j->drv->is_null(s, at);
}

int64_t run_get_i64(struct journal *j, struct stmt *s, int at)
{
	if (j->drv->is_null(s, at))
		misfit(j, s, at, "empty");
	return j->drv->i64(s, at);
}

bool run_get_bool(struct journal *j, struct stmt *s, int at)
{
	int64_t v = run_get_i64(j, s, at);

	if (v != 0 && v != 1)
		misfit(j, s, at, "neither 0 nor 1");
	return v == 1;
}

void run_get_bytes(struct journal *j, struct stmt *s, int at, uint8_t *out, size_t len)
{
	size_t is;
	const void *p = j->drv->blob(s, at, &is);

	if (p && is == len) {
		memcpy(out, p, len);
		return;
	}
	memset(out, 0, len);
	misfit(j, s, at, "of another length");
}

void run_get_amount(struct journal *j, struct stmt *s, int at, struct amount *out)
{
	uint8_t bytes[32];

	run_get_bytes(j, s, at, bytes, sizeof(bytes));
	*out = amount_decode(bytes);
}

const char *run_get_text(struct journal *j, struct stmt *s, int at)
{
	const char *text = j->drv->text(s, at);

	if (!text)
		misfit(j, s, at, "empty");
	return text ? text : "";
}

const void *run_get_blob(struct journal *j, struct stmt *s, int at, size_t *ret_len)
{
	const void *p = j->drv->blob(s, at, ret_len);

	if (j->drv->is_null(s, at))
		misfit(j, s, at, "empty");
	return p ? p : "";
}

const void *run_keep(struct journal *j, enum sql sql, int slot, const void *p, size_t len)
{
	struct kept *k = &j->kept[sql][slot];

	if (len == RUN_TEXT)
		len = strlen(p) + 1;
	if (k->cap < len + 1) {
		k->cap = len + 1;
		k->p = mem_grow(k->p, k->cap, 1);
	}
	if (len)
		memcpy(k->p, p, len);
	return k->p;
}
