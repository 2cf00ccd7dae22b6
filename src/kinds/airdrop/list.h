/* list.h - reads a list of payments, CSV or JSON, and says all that is wrong with it.
 *
 * The list is streamed: memory does not grow with the file, but for the table that
 * finds duplicates (rules.judge): at most 35 bytes for each recipient, freed before
 * list_read returns. A list is read twice, first to check and hash it, then to keep
 * it; that the bytes were the same both times is told by file_hash, so the file must
 * be a regular one. The format is told by the first byte that is not blank: `[` is
 * JSON, all else is CSV.
 *
 * CSV: RFC 4180 with the header `address,amount[,memo]`, its names exactly so, in any
 * order. LF or CRLF ends a row; a quoted field may hold either. Empty lines are
 * skipped. JSON: an array of flat objects with the same names, all values strings.
 * Both are UTF-8, with or without a byte order mark. An empty memo is no memo, so the
 * same payments are the same plan in either format. A row's line is where it begins.
 *
 * The file is hostile. Rows, memos and counts are bounded, and no byte of it enters a
 * message before it is made printable.
 */
#ifndef PAWL_KINDS_AIRDROP_LIST_H
#define PAWL_KINDS_AIRDROP_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/amount.h"
#include "base/err.h"
#include "chain/chain.h"

#define LIST_ROWS_MAX 10000000
#define LIST_ROW_BYTES_MAX 65536 /* CSV: without its quotes */
#define LIST_MEMO_BYTES_MAX 1024
#define LIST_PROBLEMS_MAX 1000
#define LIST_SHOWN_MAX 10

struct list_rules {
	unsigned decimals; /* of the asset */
	bool base_units;   /* amounts are integers in base units */
	bool token; /* an ERC-20: the zero address is refused whatever is allowed */
	struct address token_address, sender;
	bool judge; /* look for duplicates and self payments; a second pass need not */
	bool allow_duplicates, allow_self; /* then they are counted, and no problem */
};

/* One payment. memo is borrowed until the call returns, NULL when there is none, and
 * not ended by a NUL. */
struct list_row {
	int64_t row; /* 1, 2, 3.. as they come, empty lines not counted */
	int64_t line;
	struct address to;
	struct amount amount;
	const char *memo;
	size_t memo_len;
};

typedef enum err list_row_fn(void *ctx, const struct list_row *row, struct fail *f);

struct list_problem {
	int64_t line;   /* 0: the file as a whole */
	int64_t column; /* in characters, from 1 on; 0: not known, or the whole row */
	char *text;     /* printable; without file and line */
};

/* Owned by the caller, all-zero is empty. Reading adds to it, at most
 * LIST_PROBLEMS_MAX; `more` counts those beyond. */
struct list_problems {
	struct list_problem *at;
	int64_t n, more;
};

void list_problems_release(struct list_problems *p);

struct list_pair {
	int64_t line, first_line; /* where the recipient was paid before */
};

/* duplicates: rows whose recipient an earlier row pays. self_payments: rows that pay
 * the sender, the token's contract or the zero address. Both are 0 unless judged, and
 * come with the lines of the first LIST_SHOWN_MAX of them. */
struct list_sum {
	int64_t rows;
	struct amount total;
	int64_t duplicates, self_payments;
	struct list_pair duplicate_at[LIST_SHOWN_MAX];
	int64_t self_line[LIST_SHOWN_MAX];
	uint8_t file_hash[32]; /* SHA-256 of its bytes */
};

/* Read the whole file, and give each payment to `each` in the file's order.
 *
 * each      not called any more after the first problem, so what it did is to be
 *           thrown away unless all went well. Its failure ends the reading.
 * problems  may be NULL; written when it fails with ERR_INPUT for the content.
 * fails     INPUT   the file can't be read, or has problems: all are collected, as
 *                   far as its structure can be followed. f counts them and says the
 * first. what `each` returned
 */
NODISCARD enum err list_read(struct list_sum *ret, struct list_problems *problems,
    const char *path, const struct list_rules *rules, list_row_fn *each, void *ctx,
    struct fail *f);

/* The same of what is in memory already; what is called in messages. */
NODISCARD enum err list_read_text(struct list_sum *ret, struct list_problems *problems,
    const char *what, const char *text, size_t len, const struct list_rules *rules,
    list_row_fn *each, void *ctx, struct fail *f);

#endif
