/* run.h - what the generated statements are made of. Nobody else calls this.
 *
 * A statement runs from run_begin to run_end (or to the run_next that finds no more
 * rows), once at a time. run_begin opens the transaction before the first write.
 * While the journal is numb, run_begin answers NULL and the rest does nothing.
 */
#ifndef PAWL_JOURNAL_RUN_H
#define PAWL_JOURNAL_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/amount.h"
#include "journal/sql.gen.h"

struct journal;
struct stmt;

#define RUN_KEEP_MAX 8    /* text and blob columns of one statement */
#define RUN_PARAMS_MAX 32 /* of one statement */
#define RUN_TEXT SIZE_MAX /* as a length: up to the NUL */

struct stmt *run_begin(struct journal *j, enum sql sql);
struct stmt *run_next(struct journal *j, enum sql sql); /* NULL: no row, and ended */
void run_end(struct journal *j, enum sql sql);          /* harmless when ended */
int64_t run_change(struct journal *j, enum sql sql);    /* to its end; rows changed */

void run_put_i64(struct journal *j, struct stmt *s, int at, int64_t v);
void run_put_blob(struct journal *j, struct stmt *s, int at, const void *p, size_t len);
void run_put_amount(struct journal *j, struct stmt *s, int at, const struct amount *a);
void run_put_text(struct journal *j, struct stmt *s, int at, const char *text);
void run_put_null(struct journal *j, struct stmt *s, int at);

/* What does not fit the declared type is damage. */
bool run_is_null(struct journal *j, struct stmt *s, int at);
int64_t run_get_i64(struct journal *j, struct stmt *s, int at);
bool run_get_bool(struct journal *j, struct stmt *s, int at);
void run_get_bytes(struct journal *j, struct stmt *s, int at, uint8_t *out, size_t len);
void run_get_amount(struct journal *j, struct stmt *s, int at, struct amount *out);
const char *run_get_text(struct journal *j, struct stmt *s, int at);
const void *run_get_blob(struct journal *j, struct stmt *s, int at, size_t *ret_len);

/* A copy that lives until the same slot of the statement is kept again. */
const void *run_keep(
    struct journal *j, enum sql sql, int slot, const void *p, size_t len);

#endif
