#include <string.h>

#include "base/check.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"

/* Rows of one commit. */
#define CHUNK 4096

struct import {
	struct journal *j;
	int64_t operation, rows;
	bool (*stop)(void *ctx);
	void *ctx;
};

static enum err import_commit(struct import *i, struct fail *f)
{
	enum err e;

	airdrop_rows_are(i->j, i->operation, i->rows);
	e = journal_commit(i->j, f);
	if (e)
		return e;
	journal_tend(i->j);
	if (i->stop(i->ctx))
		return fail_set(
		    f, ERR_STOPPED, "stopped while the list was being read; it is safe");
	return ERR_OK;
}

void airdrop_row_put(struct journal *j, int64_t operation, const struct list_row *row)
{
	char memo[LIST_MEMO_BYTES_MAX + 1];
	struct sql_item_add_in in = { .operation = operation,
		.row = row->row,
		.line = row->line,
		.amount = row->amount,
		.memo = memo,
		.no_memo = !row->memo };

	/* The reader's text goes on behind the memo. */
	CHECK(row->memo_len < sizeof memo);
	if (row->memo)
		memcpy(memo, row->memo, row->memo_len);
	memo[row->memo_len] = '\0';
	memcpy(in.recipient, row->to.at, sizeof in.recipient);
	sql_item_add(j, &in);
}

static enum err import_row(void *ctx, const struct list_row *row, struct fail *f)
{
	struct import *i = ctx;

	airdrop_row_put(i->j, i->operation, row);
	i->rows++;
	return i->rows % CHUNK ? ERR_OK : import_commit(i, f);
}

void airdrop_rows_drop(struct journal *j, int64_t operation)
{
	sql_item_drop_all(j, &(struct sql_item_drop_all_in){ .operation = operation });
	airdrop_rows_are(j, operation, 0);
}

void airdrop_rows_are(struct journal *j, int64_t operation, int64_t n)
{
	sql_airdrop_imported(j,
	    &(struct sql_airdrop_imported_in){ .operation = operation, .imported = n });
}

/* What a former import left, before anything was reserved. */
static enum err drop_rows(struct import *i, struct fail *f)
{
	airdrop_rows_drop(i->j, i->operation);
	return import_commit(i, f);
}

enum err airdrop_import(struct journal *j, int64_t operation, const char *file,
    const uint8_t file_hash[32], const struct list_rules *rules, bool (*stop)(void *ctx),
    void *ctx, struct fail *f)
{
	struct import i = { .j = j, .operation = operation, .stop = stop, .ctx = ctx };
	struct operation o;
	struct list_sum sum;
	enum err e;

	if (!operation_read(j, operation, &o))
		return fail_set(f, ERR_NOT_FOUND, "no operation has the id %lld",
		    (long long)operation);
	e = drop_rows(&i, f);
	if (!e)
		e = list_read(&sum, NULL, file, rules, import_row, &i, f);
	if (e) {
		journal_rollback(j);
		return e;
	}
	if (i.rows != o.items ||
	    memcmp(sum.file_hash, file_hash, sizeof sum.file_hash) != 0) {
		journal_rollback(j);
		return fail_set(
		    f, ERR_INPUT, "%s: it changed while it was being read", file);
	}
	return import_commit(&i, f);
}
