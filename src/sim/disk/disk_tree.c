/* Rows in the pages of a database: is a transaction in the journal on the medium? All
 * that is read may be torn, and is bounded by its page. */
#include "sim/disk/disk_in.h"

#include <string.h>

#include "crypto/keccak.h"

#define DEPTH_MAX 20
#define SCHEMA_PAGES_MAX 64
#define DATABASE_HEADER 100
#define TABLE "attempt"
#define INDEX "sqlite_autoindex_attempt_1" /* of its UNIQUE (hash, account) */
#define HASH_LEN 32

/* Columns of the schema, of the index, and of the table. */
enum { SCHEMA_NAME = 1, SCHEMA_ROOT = 3, INDEX_HASH = 0, INDEX_ROW = 2, TABLE_RAW = 4 };

enum kind { INDEX_INNER = 2, TABLE_INNER = 5, INDEX_LEAF = 10, TABLE_LEAF = 13 };

struct page {
	const uint8_t *bytes, *head;
	uint32_t size; /* that SQLite uses */
	uint32_t cells;
	uint8_t kind;
};

struct cell {
	uint32_t child; /* of an inner page */
	int64_t row;    /* of a table */
	const uint8_t *payload;
	uint32_t here; /* of the payload; its rest begins in page rest */
	uint64_t len;
	uint32_t rest;
};

struct column {
	uint64_t type, at, len;
};

static uint32_t get_be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get_be32(const uint8_t *p)
{
	return get_be16(p) << 16 | get_be16(p + 2);
}

/* NULL: it does not end before `end`. */
static const uint8_t *get_varint(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
	*ret = 0;
	for (int i = 0; p < end && i < 8; i++, p++) {
		*ret = *ret << 7 | (*p & 0x7f);
		if (!(*p & 0x80))
			return p + 1;
	}
	if (p >= end)
		return NULL;
	*ret = *ret << 8 | *p;
	return p + 1;
}

/* -- pages and cells ------------------------------------------------------- */

static bool is_inner(const struct page *p)
{
	return p->kind == INDEX_INNER || p->kind == TABLE_INNER;
}

static bool is_table(const struct page *p)
{
	return p->kind == TABLE_INNER || p->kind == TABLE_LEAF;
}

static bool page_get(struct sim_disk *d, uint32_t n, struct page *ret)
{
	const uint8_t *first = disk_page(d, 1), *b = disk_page(d, n);

	if (!first || !b)
		return false;
	*ret = (struct page){ .bytes = b,
		.head = b + (n == 1 ? DATABASE_HEADER : 0),
		.size = d->reader.page_size - first[20] };
	ret->kind = ret->head[0];
	ret->cells = get_be16(ret->head + 3);
	return ret->size >= 480 &&
	    (ret->kind == INDEX_INNER || ret->kind == INDEX_LEAF || is_table(ret)) &&
	    ret->head + (is_inner(ret) ? 12 : 8) + 2 * ret->cells <= b + ret->size;
}

/* How much of a payload is in the page of its cell. */
static uint32_t here_of(const struct page *p, uint64_t len)
{
	uint32_t most = is_table(p) ? p->size - 35 : (p->size - 12) * 64 / 255 - 23;
	uint32_t least = (p->size - 12) * 32 / 255 - 23, here;

	if (len <= most)
		return (uint32_t)len;
	here = least + (uint32_t)((len - least) % (p->size - 4));
	return here <= most ? here : least;
}

static bool payload_get(const struct page *p, const uint8_t *at, struct cell *ret)
{
	const uint8_t *end = p->bytes + p->size;

	ret->payload = at;
	ret->here = here_of(p, ret->len);
	if (ret->len > INT32_MAX || ret->here > (size_t)(end - at))
		return false;
	if (ret->here == ret->len)
		return true;
	if (ret->here + 4 > (size_t)(end - at))
		return false;
	ret->rest = get_be32(at + ret->here);
	return true;
}

/* i: p->cells is the last child of an inner page. */
static bool cell_get(const struct page *p, uint32_t i, struct cell *ret)
{
	const uint8_t *end = p->bytes + p->size, *at;
	uint64_t row = 0;

	*ret = (struct cell){ .child = 0 };
	if (i == p->cells) {
		ret->child = is_inner(p) ? get_be32(p->head + 8) : 0;
		return is_inner(p);
	}
	at = p->bytes + get_be16(p->head + (is_inner(p) ? 12 : 8) + 2 * i);
	if (is_inner(p)) {
		if (at + 4 > end)
			return false;
		ret->child = get_be32(at);
		at += 4;
	}
	if (p->kind != TABLE_INNER && !(at = get_varint(at, end, &ret->len)))
		return false;
	if (is_table(p) && !(at = get_varint(at, end, &row)))
		return false;
	ret->row = (int64_t)row;
	return p->kind == TABLE_INNER || payload_get(p, at, ret);
}

/* -- records --------------------------------------------------------------- */

static uint64_t len_of(uint64_t type)
{
	static const uint8_t small[] = { 0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0 };

	return type < sizeof(small) ? small[type] : (type - 12) / 2;
}

static bool column_get(const struct cell *c, int n, struct column *ret)
{
	const uint8_t *end = c->payload + c->here, *at;
	uint64_t head;

	at = get_varint(c->payload, end, &head);
	if (!at || head > c->here)
		return false;
	end = c->payload + head;
	*ret = (struct column){ .at = head };
	for (int i = 0; i <= n; i++) {
		ret->at += ret->len;
		at = at ? get_varint(at, end, &ret->type) : NULL;
		if (!at || len_of(ret->type) > c->len)
			return false;
		ret->len = len_of(ret->type);
	}
	return ret->at + ret->len <= c->len;
}

static bool integer_get(const struct cell *c, int n, int64_t *ret)
{
	struct column col;
	uint64_t v;

	if (!column_get(c, n, &col) || col.at + col.len > c->here)
		return false;
	if (col.type == 8 || col.type == 9) {
		*ret = col.type == 9;
		return true;
	}
	if (col.type < 1 || col.type > 6)
		return false;
	v = c->payload[col.at] & 0x80 ? UINT64_MAX : 0;
	for (uint64_t i = 0; i < col.len; i++)
		v = v << 8 | c->payload[col.at + i];
	*ret = (int64_t)v;
	return true;
}

/* Of bytes that begin somewhere in a payload, through all pages that it goes on in. */
static bool payload_is(
    struct sim_disk *d, const struct cell *c, uint64_t at, const void *bytes, size_t len)
{
	const uint8_t *part = c->payload, *want = bytes;
	uint32_t size = c->here, rest = c->rest;

	for (;;) {
		uint64_t n = at < size ? size - at : 0;

		n = n < len ? n : len;
		if (n && memcmp(part + at, want, n) != 0)
			return false;
		want += n;
		len -= n;
		at = at < size ? 0 : at - size;
		if (!len)
			return true;
		part = rest ? disk_page(d, rest) : NULL;
		if (!part)
			return false;
		rest = get_be32(part);
		part += 4;
		size = d->reader.page_size - disk_page(d, 1)[20] - 4;
	}
}

/* -- the schema ------------------------------------------------------------ */

static void schema_row(struct sim_disk *d, const struct cell *c)
{
	struct disk_reader *r = &d->reader;
	struct column name;
	int64_t root;

	if (!column_get(c, SCHEMA_NAME, &name) || !integer_get(c, SCHEMA_ROOT, &root) ||
	    root <= 0 || root > UINT32_MAX)
		return;
	if (name.len == strlen(TABLE) && payload_is(d, c, name.at, TABLE, name.len))
		r->table = (uint32_t)root;
	if (name.len == strlen(INDEX) && payload_is(d, c, name.at, INDEX, name.len))
		r->index = (uint32_t)root;
}

/* left: how many pages it may have yet. */
static void schema_walk(struct sim_disk *d, uint32_t n, int *left)
{
	struct page p;
	struct cell c;

	if ((*left)-- <= 0 || !page_get(d, n, &p) || !is_table(&p))
		return;
	for (uint32_t i = 0; i < p.cells + is_inner(&p); i++) {
		if (!cell_get(&p, i, &c))
			continue;
		if (is_inner(&p))
			schema_walk(d, c.child, left);
		else
			schema_row(d, &c);
	}
}

/* It is the same as long as its cookie is. */
static bool schema_read(struct sim_disk *d)
{
	struct disk_reader *r = &d->reader;
	const uint8_t *first = disk_page(d, 1);
	int left = SCHEMA_PAGES_MAX;

	if (!first)
		return false;
	if (!r->table || !r->index || r->cookie != get_be32(first + 40)) {
		r->cookie = get_be32(first + 40);
		r->table = r->index = 0;
		schema_walk(d, 1, &left);
	}
	return r->table && r->index;
}

/* -- trees ----------------------------------------------------------------- */

/* <0, 0, >0: the cell is before, at or behind the key. */
typedef bool (*compare_fn)(const struct cell *c, const void *key, int *ret);

static bool compare_hash(const struct cell *c, const void *key, int *ret)
{
	struct column col;
	uint64_t n;

	if (!column_get(c, INDEX_HASH, &col) || col.at + col.len > c->here)
		return false;
	n = col.len < HASH_LEN ? col.len : HASH_LEN;
	*ret = memcmp(c->payload + col.at, key, n);
	if (!*ret)
		*ret = (col.len > HASH_LEN) - (col.len < HASH_LEN);
	return true;
}

static bool compare_row(const struct cell *c, const void *key, int *ret)
{
	const int64_t *row = key;

	*ret = (c->row > *row) - (c->row < *row);
	return true;
}

/* The first cell that is not before the key: *ret_i, and whether it is at it. */
static bool search(const struct page *p, compare_fn compare, const void *key,
    uint32_t *ret_i, bool *ret_at)
{
	uint32_t from = 0, to = p->cells;
	struct cell c;
	int is;

	*ret_at = false;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (!cell_get(p, middle, &c) || !compare(&c, key, &is))
			return false;
		if (is < 0)
			from = middle + 1;
		else
			to = middle;
		*ret_at = is == 0 || (is < 0 && *ret_at);
	}
	*ret_i = from;
	return true;
}

/* In the tree of an index an inner cell is an entry as well. */
static bool tree_find(struct sim_disk *d, uint32_t root, compare_fn compare,
    const void *key, struct cell *ret)
{
	struct page p;
	uint32_t n = root, i;
	bool at;

	for (int depth = 0; depth < DEPTH_MAX; depth++, n = ret->child) {
		if (!page_get(d, n, &p) || !search(&p, compare, key, &i, &at))
			return false;
		if (at && p.kind != TABLE_INNER)
			return cell_get(&p, i, ret);
		if (!is_inner(&p) || !cell_get(&p, i, ret))
			return false;
	}
	return false;
}

bool sim_disk_holds(struct sim_disk *d, const char *path, const void *bytes, size_t len)
{
	uint8_t hash[HASH_LEN];
	struct column raw;
	struct cell c;
	int64_t row;

	if (!disk_reader_open(d, path) || !schema_read(d))
		return false;
	keccak256(hash, bytes, len);
	return tree_find(d, d->reader.index, compare_hash, hash, &c) &&
	    integer_get(&c, INDEX_ROW, &row) &&
	    tree_find(d, d->reader.table, compare_row, &row, &c) &&
	    column_get(&c, TABLE_RAW, &raw) && raw.type >= 12 && raw.type % 2 == 0 &&
	    raw.len == len && payload_is(d, &c, raw.at, bytes, len);
}
