/* What a database says of itself without its -wal: its own row, read from the page of it
 * by hand. Another connection, to a file that does not change, would read the whole
 * schema for that, at each start. */
#include "journal/sqlite_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"

#define PAGE_MAX 65536
#define LEAF 13     /* the first byte of a table's page without others below it */
#define CELL_MIN 64 /* bytes of a row of ours, at least */
#define AGE_COLUMN 13
#define BLOB_TYPE(len) (12 + 2 * (uint64_t)(len))

/* Of at most two bytes, which is enough here; 0 otherwise. */
static uint64_t varint(const uint8_t **at)
{
	uint64_t high = *(*at)++, low;

	if (high < 0x80)
		return high;
	low = *(*at)++;
	return low < 0x80 ? (high & 0x7f) << 7 | low : 0;
}

/* An integer of a record, big-endian; it is not negative. Two types are 0 and 1. */
static bool integer(const uint8_t *at, uint64_t type, int64_t *ret)
{
	static const uint8_t sizes[] = { 0, 1, 2, 3, 4, 6, 8, 0, 0, 0 };

	if (!type || type == 7 || type >= sizeof(sizes))
		return false;
	*ret = type == 9;
	for (int i = 0; i < sizes[type]; i++)
		*ret = *ret << 8 | at[i];
	return true;
}

/* The bytes of a value of a record by its type. */
static uint64_t size_of(uint64_t type)
{
	static const uint8_t sizes[] = { 0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0 };

	return type < sizeof(sizes) ? sizes[type] : (type - sizeof(sizes)) / 2;
}

/* The last column of a row of so many bytes; 0: it was written before there was that. */
static int64_t age(const uint8_t *row, size_t len)
{
	const uint8_t *at = row;
	uint64_t value = varint(&at), type;
	const uint8_t *values = row + value;
	int64_t age;

	for (int i = 0; at < values && i < AGE_COLUMN; i++)
		value += size_of(varint(&at));
	type = at < values ? varint(&at) : 0;
	return value + size_of(type) <= len && integer(row + value, type, &age) ? age : 0;
}

/* One row; id (which is its number), name and commit_no are the first of its columns. */
bool sqlite_row_read(const uint8_t *page, size_t len, struct db_alone *ret)
{
	size_t cell = (size_t)page[8] << 8 | page[9];
	const uint8_t *at = page + cell, *header, *body;
	uint64_t size, type;

	if (page[0] != LEAF || page[3] != 0 || page[4] != 1 || cell > len - CELL_MIN)
		return false;
	size = varint(&at);
	if (size < CELL_MIN || size > len - cell || varint(&at) != 1)
		return false;
	header = at;
	body = header + varint(&at);
	if (varint(&at) != 0 || varint(&at) != BLOB_TYPE(sizeof(ret->name)))
		return false;
	type = varint(&at);
	if (body < at || body > header + 32)
		return false;
	memcpy(ret->name, body, sizeof(ret->name));
	ret->age = age(header, (size_t)(page + len - header));
	return integer(body + sizeof(ret->name), type, &ret->commit_no);
}

/* Where it is does not change in the life of a journal. */
enum err sqlite_own_page(struct db *d, struct fail *f)
{
	char number[32] = "", size[32];
	enum err e = ERR_OK;

	if (d->own_page)
		return ERR_OK;
	e = sqlite_ask(d->c, "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'",
	    number, sizeof(number), f);
	if (e == ERR_OK)
		e = sqlite_ask(d->c, "PRAGMA page_size", size, sizeof(size), f);
	if (e != ERR_OK)
		return e;
	d->own_page = (uint32_t)strtoul(number, NULL, 10);
	d->page_size = (uint32_t)strtoul(size, NULL, 10);
	return ERR_OK;
}

/* A page that the disk does not give is no torn one. */
enum err sqlite_alone(struct db *d, struct db_alone *ret, bool *ret_told, struct fail *f)
{
	static uint8_t page[PAGE_MAX];
	sqlite3_file *file = NULL;
	enum err e = sqlite_own_page(d, f);
	int64_t at;
	int rc;

	*ret_told = false;
	if (e != ERR_OK || !d->own_page ||
	    sqlite3_file_control(d->c, "main", SQLITE_FCNTL_FILE_POINTER, &file))
		return e;
	at = (int64_t)(d->own_page - 1) * d->page_size;
	rc = file->pMethods->xRead(file, page, (int)d->page_size, at);
	if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ && !MUTANT(unread_is_torn))
		return fail_set(
		    f, ERR_JOURNAL, "its own row can't be read from the disk (%d)", rc);
	*ret_told = rc == SQLITE_OK && sqlite_row_read(page, d->page_size, ret);
	return ERR_OK;
}
