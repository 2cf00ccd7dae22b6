/* list_part.h - what the parts of the list's reader share; nobody else includes it.
 *
 * list.c owns the file, the problems and the judgement of a row. list_csv.c and
 * list_json.c cut rows out of the bytes and hand the three texts of each to
 * list_take. list_seen.c finds duplicates.
 */
#ifndef PAWL_KINDS_AIRDROP_LIST_PART_H
#define PAWL_KINDS_AIRDROP_LIST_PART_H

#include <sodium.h>

#include "crypto/sha256.h"
#include "kinds/airdrop/list.h"

#define LIST_BLOCK_BYTES 65536
#define LIST_SHOW_BYTES 64 /* of foreign text in a message, with its NUL */

/* -- list_seen.c: where was this recipient paid before? -------------------- */

/* Recipients in the order in which they came, and an open-addressing index of their
 * positions. A keyed hash: no list can be made that is slow to read. */
struct list_seen {
	struct list_seen_entry *entries;
	uint32_t *slots; /* 1 + position, 0: free */
	uint32_t n, cap, slots_n;
	uint8_t key[crypto_shorthash_KEYBYTES];
};

void list_seen_init(struct list_seen *s);
void list_seen_release(struct list_seen *s);
/* The line of an equal address that was put before; 0: none, and it is put now. */
uint32_t list_seen_put(struct list_seen *s, const struct address *who, uint32_t line);

/* -- list.c ---------------------------------------------------------------- */

struct list_reader {
	const char *path;
	const struct list_rules *rules;
	list_row_fn *each;
	void *ctx;
	struct list_problems *problems;
	struct list_sum sum;
	struct list_seen seen;
	bool sum_over; /* the total passed its bound: said once */
	bool stop;     /* the structure is lost, or err says why */
	enum err err;  /* not OK: `each` or reading failed, and wrote f */
	struct fail *f;
	int fd;           /* -1: the bytes are in memory.. */
	const char *rest; /* ..and these of them were not read yet */
	size_t rest_len;
	bool ended;
	struct sha256 *hash;
	int64_t line, column; /* of the next byte; columns count characters */
	int64_t at_column;    /* of what is judged now, for its problems; 0: not known */
	size_t block_at, block_len;
	uint8_t block[LIST_BLOCK_BYTES];
	size_t text_len;
	char text[LIST_ROW_BYTES_MAX]; /* the row that is being cut out */
};

struct list_text {
	const char *at; /* NULL: absent */
	size_t len;
	int64_t column; /* 0: not known */
};

enum list_name { LIST_ADDRESS, LIST_AMOUNT, LIST_MEMO, LIST_NAMES };

/* Read on when the block is used up; false: the file ended or could not be read. */
bool list_fill(struct list_reader *r);

/* The next byte, looked at or taken; -1 at the end. */
static inline int list_peek(struct list_reader *r)
{
	if (r->block_at == r->block_len && !list_fill(r))
		return -1;
	return r->block[r->block_at];
}

static inline int list_byte(struct list_reader *r)
{
	int byte = list_peek(r);

	if (byte != -1)
		r->block_at++;
	r->line += byte == '\n';
	r->column = byte == '\n' ? 1 : r->column + ((byte & 0xc0) != 0x80);
	return byte;
}

/* One problem more; list_lost: and what follows it can't be understood. */
void list_problem(struct list_reader *r, int64_t line, const char *fmt, ...) PRINTF(3, 4);
void list_lost(struct list_reader *r, int64_t line, const char *fmt, ...) PRINTF(3, 4);

/* Append to r->text; false: the row that began on line is too long, and all is lost. */
bool list_text_add(struct list_reader *r, int64_t line, int byte);
/* A NUL or bad UTF-8 in r->text is a problem on its very line, the first one of the row;
 * each becomes `?`, so that the rest of the row can be judged. */
void list_text_check(struct list_reader *r, int64_t line);

/* Text with a NUL, of printable ASCII: the rest becomes `?`, and dots say it was cut. */
const char *list_show(char out[LIST_SHOW_BYTES], const char *text, size_t len);

const char *list_name(enum list_name name);
/* LIST_NAMES: there is no such name, which is now a problem. what: "column". */
enum list_name list_name_find(
    struct list_reader *r, int64_t line, const char *what, const struct list_text *text);

/* The name that was probably meant; LIST_NAMES: none. */
enum list_name list_name_guess(const struct list_text *text);

/* Judge a row, and give it to `each` if nothing was wrong so far. text by list_name:
 * address or amount are absent only where that is a problem already. */
void list_take(
    struct list_reader *r, int64_t line, const struct list_text text[LIST_NAMES]);

/* -- the formats: from the first byte (after a byte order mark) to the last  */

void list_csv(struct list_reader *r);
void list_json(struct list_reader *r);

#endif
