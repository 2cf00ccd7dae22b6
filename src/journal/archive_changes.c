/* archive_changes.c - changes of a layer 2: SHA-256 over them, and out of the journal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "journal/archive_in.h"

#define DROP_CHANGES 1024

static void be64(uint8_t out[8], uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = (uint8_t)v;
}

void archive_link_next(
    uint8_t link[32], int64_t no, int64_t at_ms, const void *line, size_t len)
{
	struct sha256 *h = sha256_begin();
	uint8_t number[8];

	sha256_add(h, link, 32);
	be64(number, (uint64_t)no);
	sha256_add(h, number, sizeof(number));
	be64(number, (uint64_t)at_ms);
	sha256_add(h, number, sizeof(number));
	sha256_add(h, line, len);
	sha256_end(h, link);
}

/* -- into a file ------------------------------------------------------------ */

static bool base_get(struct journal *j, int64_t *ret_base, uint8_t ret_link[32])
{
	struct sql_node_base_get_out o;

	memset(ret_link, 0, 32);
	if (!sql_node_base_get_one(j, &o))
		return false;
	*ret_base = o.base;
	if (!o.no_base_link)
		memcpy(ret_link, o.base_link, 32);
	return true;
}

bool archive_changes_find(struct archive_subject *of)
{
	struct sql_node_archive_get_in in = { .id = of->id };
	struct sql_node_archive_get_out o;
	int64_t base;

	if (!sql_node_archive_get_one(of->j, &in, &o) ||
	    !base_get(of->j, &base, of->before) || base != o.first - 1)
		return false;
	of->first = o.first;
	of->last = o.last;
	memcpy(of->link, o.link, sizeof(of->link));
	return true;
}

bool archive_change_see(const json_t *line, int64_t *no, uint8_t link[32])
{
	const char *text = json_str(line, "line");
	int64_t its, at_ms;

	if (!text || !json_i64(line, "no", &its) || its != *no + 1 ||
	    !json_i64(line, "at_ms", &at_ms))
		return false;
	*no = its;
	archive_link_next(link, its, at_ms, text, strlen(text));
	return true;
}

static void why_make(char out[ARCHIVE_WHY_MAX], const uint8_t sum[32])
{
	int n = snprintf(out, ARCHIVE_WHY_MAX, "sha256 ");

	hex_format(out + n, sum, 32);
}

void archive_changes_put(const struct archive_subject *of, const struct archived *made)
{
	struct sql_node_archive_put_in in = {
		.id = of->id, .file = made->file, .size = made->size
	};
	char why[ARCHIVE_WHY_MAX], from[64];

	memcpy(in.sum, made->sum, sizeof(in.sum));
	sql_node_archive_put(of->j, &in);
	why_make(why, made->sum);
	snprintf(
	    from, sizeof(from), "changes %" PRId64 " to %" PRId64, of->first, of->last);
	journal_event(of->j,
	    &(struct event){ .row = of->id,
		.what = "archive of changes",
		.from = from,
		.to = made->file,
		.why = why });
}

/* -- out of the journal ------------------------------------------------------ */

/* Those up to `last` go: how many there are, and SHA-256 up to there. */
static int64_t changes_pass(
    struct journal *j, int64_t first, int64_t last, uint8_t link[32])
{
	struct sql_node_changes_in in = { first, last };
	struct sql_node_changes_out row;
	struct sql_node_key_hash_in key;
	int64_t n = 0;

	sql_node_changes_begin(j, &in);
	while (sql_node_changes_next(j, &row)) {
		archive_link_next(link, row.no, row.at_ms, row.line, row.line_len);
		key.change = row.no;
		sha256(key.hash, row.line, row.line_len);
		if (!MUTANT(older_ids_unhashed))
			sql_node_key_hash(j, &key);
		n++;
	}
	sql_node_changes_end(j);
	return n;
}

bool archive_drop_changes(struct journal *j, int64_t node_archive)
{
	struct sql_node_archive_get_in get = { .id = node_archive };
	struct sql_node_archive_get_out o;
	struct sql_node_base_put_in put;
	int64_t base = 0, n;

	if (!sql_node_archive_get_one(j, &get, &o) || o.whole ||
	    !base_get(j, &base, put.base_link))
		return true;
	put.base = o.last - base > DROP_CHANGES ? base + DROP_CHANGES : o.last;
	n = changes_pass(j, base + 1, put.base, put.base_link);
	if (journal_numb(j))
		return false;
	if (n != put.base - base ||
	    (put.base == o.last && memcmp(put.base_link, o.link, 32) != 0))
		journal_damaged(j,
		    "the changes of the layer-2 state that are in %s are not those of "
		    "the journal",
		    o.no_file ? "an archive" : o.file);
	sql_node_changes_drop(
	    j, &(struct sql_node_changes_drop_in){ base + 1, put.base });
	if (!MUTANT(base_forgotten))
		sql_node_base_put(j, &put);
	if (put.base < o.last)
		return false;
	sql_node_archive_whole(j, &(struct sql_node_archive_whole_in){ node_archive });
	return true;
}

/* -- reading ----------------------------------------------------------------- */

/* What its event says, and no less. */
static enum err file_check(
    struct journal *j, const struct sql_node_archives_out *row, struct fail *f)
{
	struct sql_node_archive_event_in in = { .id = row->id };
	struct sql_node_archive_event_out event;
	struct archived a = { .size = row->size };
	char path[NAME_SIZE], why[ARCHIVE_WHY_MAX];

	why_make(why, row->sum);
	snprintf(a.file, sizeof(a.file), "%s", row->file);
	memcpy(a.sum, row->sum, sizeof(a.sum));
	if (!sql_node_archive_event_one(j, &in, &event) || strcmp(event.why, why) != 0 ||
	    strcmp(event.to_state, a.file) != 0)
		return fail_set(f, ERR_DAMAGED,
		    "what is said of %s, to which changes of the layer-2 state were "
		    "archived, was altered",
		    a.file);
	return archive_check_file(j, &a, path, f);
}

enum err archive_check_changes(struct journal *j, struct fail *f)
{
	struct sql_node_archives_out row;
	enum err e = ERR_OK;

	sql_node_archives_begin(j);
	while (e == ERR_OK && sql_node_archives_next(j, &row))
		e = file_check(j, &row, f);
	sql_node_archives_end(j);
	return e;
}
