/* statement.h - the tables that tools/gen_sql.py writes from sql/: every named
 * statement in both dialects, and the migrations in their order.
 */
#ifndef PAWL_JOURNAL_STATEMENT_H
#define PAWL_JOURNAL_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/sql.gen.h"

struct statement {
	const char *name;
	const char *sqlite, *postgres;
	int params, columns;
	bool writes;
	bool scan; /* a full table scan is meant */
	const char *const *column_names;
	const char *column_types; /* a letter each: i(nteger), t(ext), b(ytes) */
};

extern const struct statement statements[SQL_COUNT]; /* by enum sql */

struct migration {
	int id; /* from 1, without a gap */
	const char *name;
	uint8_t sum[32]; /* of the file's text */
	const char *sqlite, *postgres;
};

/* What this program knows. Variables, so that a test can know more or less. */
extern const struct migration *migrations;
extern int migrations_count;

#endif
