#include "guide_node.h"

#include <ctype.h>
#include <inttypes.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define THRESHOLD_STATUS 2

struct guide_node {
	rocksdb_t *db;
	rocksdb_column_family_handle_t *family[2];
	rocksdb_options_t *options;
	rocksdb_readoptions_t *reading;
	rocksdb_writeoptions_t *writing;
};

static void no_error(char *said)
{
	if (said)
		fprintf(stderr, "# RocksDB: %s\n", said);
	CHECK(!said);
}

/* Without its second family it opens, makes that, and opens again. */
static bool try_open(struct guide_node *g, const char *path, char **said)
{
	static const char *const names[] = { "default", "reputation_cf" };
	const rocksdb_options_t *const each[] = { g->options, g->options };
	rocksdb_column_family_handle_t *made;

	g->db = rocksdb_open_column_families(
	    g->options, path, 2, names, each, g->family, said);
	if (!*said)
		return true;
	rocksdb_free(*said);
	*said = NULL;
	g->db = rocksdb_open(g->options, path, said);
	if (*said)
		return false;
	made = rocksdb_create_column_family(g->db, g->options, "reputation_cf", said);
	no_error(*said);
	rocksdb_column_family_handle_destroy(made);
	rocksdb_close(g->db);
	g->db = rocksdb_open_column_families(
	    g->options, path, 2, names, each, g->family, said);
	return !*said;
}

struct guide_node *guide_open(const char *path, char *why, size_t why_len)
{
	struct guide_node *g = mem_new(sizeof *g);
	char *said = NULL;

	g->options = rocksdb_options_create();
	rocksdb_options_set_create_if_missing(g->options, 1);
	g->reading = rocksdb_readoptions_create();
	g->writing = rocksdb_writeoptions_create(); /* nothing of it is synced */
	if (try_open(g, path, &said))
		return g;
	snprintf(why, why_len, "%s", said);
	rocksdb_free(said);
	rocksdb_options_destroy(g->options);
	rocksdb_readoptions_destroy(g->reading);
	rocksdb_writeoptions_destroy(g->writing);
	mem_free(g);
	return NULL;
}

void guide_close(struct guide_node *g)
{
	rocksdb_column_family_handle_destroy(g->family[0]);
	rocksdb_column_family_handle_destroy(g->family[1]);
	rocksdb_close(g->db);
	rocksdb_options_destroy(g->options);
	rocksdb_readoptions_destroy(g->reading);
	rocksdb_writeoptions_destroy(g->writing);
	mem_free(g);
}

void guide_flush(struct guide_node *g)
{
	rocksdb_flushoptions_t *o = rocksdb_flushoptions_create();
	char *said = NULL;

	rocksdb_flush(g->db, o, &said);
	no_error(said);
	rocksdb_flushoptions_destroy(o);
}

/* -- its streams ----------------------------------------------------------- */

struct stream {
	const char *at;
	bool ok, end;
};

/* Up to the bar, which goes; what is behind the last one too. */
static bool take_line(struct stream *s, char stop, char out[GUIDE_TEXT])
{
	size_t n = 0;

	s->ok = s->ok && !s->end && *s->at;
	if (!s->ok)
		return false;
	while (*s->at && *s->at != stop && n < GUIDE_TEXT - 1)
		out[n++] = *s->at++;
	out[n] = '\0';
	if (*s->at)
		s->at++;
	else
		s->end = true;
	return true;
}

static bool take_number(struct stream *s, uint64_t *ret)
{
	char *behind;

	while (s->ok && isspace((unsigned char)*s->at))
		s->at++;
	s->ok = s->ok && !s->end && *s->at;
	if (!s->ok)
		return false;
	*ret = strtoull(s->at, &behind, 10);
	s->ok = behind != s->at;
	s->at = behind;
	s->end = !*s->at;
	return s->ok;
}

/* Whatever character it is. */
static bool take_one(struct stream *s)
{
	while (s->ok && isspace((unsigned char)*s->at))
		s->at++;
	s->ok = s->ok && !s->end && *s->at;
	if (s->ok)
		s->at++;
	return s->ok;
}

static bool read_anchor(struct guide_anchor *a, const char *value)
{
	struct stream s = { .at = value, .ok = true };
	char status[GUIDE_TEXT];

	if (!take_line(&s, '|', a->hash) || !take_line(&s, '|', a->txid) ||
	    !take_number(&s, &a->height) || !take_one(&s) ||
	    !take_number(&s, &a->confirmations) || !take_one(&s) ||
	    !take_number(&s, &a->broadcast) || !take_one(&s) ||
	    !take_number(&s, &a->retries) || !take_one(&s) ||
	    !take_line(&s, '|', status) || !take_line(&s, '\n', a->root))
		return false;
	a->status = (int)strtol(status, NULL, 10);
	return true;
}

static bool read_event(struct guide_event *e, const char *value)
{
	struct stream s = { .at = value, .ok = true };
	uint64_t n;

	if (!take_number(&s, &e->height) || !take_one(&s) ||
	    !take_line(&s, '|', e->old_hash) || !take_line(&s, '|', e->new_hash) ||
	    !take_number(&s, &e->detected) || !take_one(&s) || !take_number(&s, &n))
		return false;
	CHECK(n <= GUIDE_LIST);
	for (e->anchors_n = 0; e->anchors_n < n; e->anchors_n++)
		if (!take_one(&s) || !take_line(&s, '|', e->anchors[e->anchors_n]))
			return false;
	return true;
}

/* -- writing --------------------------------------------------------------- */

void guide_put(struct guide_node *g, const char *key, const char *value)
{
	char *said = NULL;

	rocksdb_put_cf(g->db, g->writing, g->family[0], key, strlen(key), value,
	    strlen(value), &said);
	no_error(said);
}

void guide_track(struct guide_node *g, uint64_t height, const char *hash)
{
	char key[64];

	snprintf(key, sizeof key, "block:%020" PRIu64, height);
	guide_put(g, key, hash);
}

void guide_register(struct guide_node *g, const struct guide_anchor *a)
{
	char key[GUIDE_TEXT + 8], value[GUIDE_VALUE];

	snprintf(key, sizeof key, "anchor:%s", a->hash);
	snprintf(value, sizeof value,
	    "%s|%s|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "|%d|%s", a->hash,
	    a->txid, a->height, a->confirmations, a->broadcast, a->retries, a->status,
	    a->root);
	guide_put(g, key, value);
}

static void store_event(struct guide_node *g, uint64_t height, const char *old_hash,
    const char *new_hash, uint64_t at, const struct guide_anchor *hit, size_t hits)
{
	char value[3 * GUIDE_VALUE], key[64], counter[GUIDE_VALUE] = "0";
	rocksdb_writebatch_t *b = rocksdb_writebatch_create();
	uint64_t number;
	char *said = NULL;
	size_t n = (size_t)snprintf(value, sizeof value,
	    "%" PRIu64 "|%s|%s|%" PRIu64 "|%zu", height, old_hash, new_hash, at, hits);

	for (size_t i = 0; i < hits; i++)
		n += (size_t)snprintf(value + n, sizeof value - n, "|%s", hit[i].hash);
	(void)guide_get(g, "reorg_counter", counter);
	number = strtoull(counter, NULL, 10);
	snprintf(key, sizeof key, "reorg:%020" PRIu64, number);
	snprintf(counter, sizeof counter, "%" PRIu64, number + 1);
	rocksdb_writebatch_put(b, key, strlen(key), value, strlen(value));
	rocksdb_writebatch_put(
	    b, "reorg_counter", strlen("reorg_counter"), counter, strlen(counter));
	rocksdb_write(g->db, g->writing, b, &said);
	no_error(said);
	rocksdb_writebatch_destroy(b);
}

bool guide_detect(struct guide_node *g, uint64_t height, const char *hash, uint64_t at)
{
	struct guide_anchor all[GUIDE_LIST], hit[GUIDE_LIST];
	char old_hash[GUIDE_VALUE];
	size_t n, hits = 0;

	if (!guide_block(g, height, old_hash)) {
		guide_track(g, height, hash);
		return false;
	}
	if (!strcmp(old_hash, hash))
		return false;
	n = guide_anchors(g, -1, all);
	for (size_t i = 0; i < n; i++) {
		if (all[i].height < height || all[i].status == THRESHOLD_STATUS)
			continue;
		all[i].status = THRESHOLD_STATUS;
		all[i].confirmations = 0;
		guide_register(g, &all[i]);
		hit[hits++] = all[i];
	}
	store_event(g, height, old_hash, hash, at, hit, hits);
	guide_track(g, height, hash);
	return true;
}

void guide_reputation(struct guide_node *g, const char *peer, const char *value)
{
	char *said = NULL;

	rocksdb_put_cf(g->db, g->writing, g->family[1], peer, strlen(peer), value,
	    strlen(value), &said);
	no_error(said);
}

/* -- reading --------------------------------------------------------------- */

static bool get(struct guide_node *g, int family, const char *key, char out[GUIDE_VALUE])
{
	char *said = NULL, *value;
	size_t len;

	value = rocksdb_get_cf(
	    g->db, g->reading, g->family[family], key, strlen(key), &len, &said);
	no_error(said);
	if (value)
		snprintf(out, GUIDE_VALUE, "%.*s", (int)len, value);
	rocksdb_free(value);
	return value != NULL;
}

bool guide_get(struct guide_node *g, const char *key, char out[GUIDE_VALUE])
{
	return get(g, 0, key, out);
}

bool guide_peer(struct guide_node *g, const char *peer, char out[GUIDE_VALUE])
{
	return get(g, 1, peer, out);
}

bool guide_block(struct guide_node *g, uint64_t height, char out[GUIDE_VALUE])
{
	char key[64];

	snprintf(key, sizeof key, "block:%020" PRIu64, height);
	return guide_get(g, key, out);
}

bool guide_anchor(struct guide_node *g, const char *hash, struct guide_anchor *ret)
{
	char key[GUIDE_TEXT + 8], value[GUIDE_VALUE];

	snprintf(key, sizeof key, "anchor:%s", hash);
	return guide_get(g, key, value) && read_anchor(ret, value);
}

/* It goes to a prefix, and on while keys begin with it. */
static size_t each(struct guide_node *g, const char *prefix,
    void (*take)(void *ctx, const char *value), void *ctx)
{
	rocksdb_iterator_t *it =
	    rocksdb_create_iterator_cf(g->db, g->reading, g->family[0]);
	size_t len, n = 0;

	rocksdb_iter_seek(it, prefix, strlen(prefix));
	for (; rocksdb_iter_valid(it); rocksdb_iter_next(it), n++) {
		const char *key = rocksdb_iter_key(it, &len);
		char value[GUIDE_VALUE];

		if (len < strlen(prefix) || memcmp(key, prefix, strlen(prefix)) != 0)
			break;
		key = rocksdb_iter_value(it, &len);
		snprintf(value, sizeof value, "%.*s", (int)len, key);
		take(ctx, value);
	}
	rocksdb_iter_destroy(it);
	return n;
}

struct anchors {
	int status;
	size_t n;
	struct guide_anchor *at;
};

static void anchors_take(void *ctx, const char *value)
{
	struct anchors *l = ctx;
	struct guide_anchor a;

	if (!read_anchor(&a, value) || (l->status >= 0 && a.status != l->status))
		return;
	CHECK(l->n < GUIDE_LIST);
	l->at[l->n++] = a;
}

size_t guide_anchors(struct guide_node *g, int status, struct guide_anchor *ret)
{
	struct anchors l = { .status = status, .at = ret };

	each(g, "anchor:", anchors_take, &l);
	return l.n;
}

struct events {
	size_t n;
	struct guide_event at[GUIDE_LIST];
};

static void events_take(void *ctx, const char *value)
{
	struct events *l = ctx;

	CHECK(l->n < GUIDE_LIST);
	if (read_event(&l->at[l->n], value))
		l->n++;
}

size_t guide_history(struct guide_node *g, struct guide_event *ret)
{
	struct events *l = mem_new(sizeof *l);
	size_t n;

	each(g, "reorg:", events_take, l);
	n = l->n;
	for (size_t i = 0; i < n; i++)
		ret[i] = l->at[n - 1 - i];
	mem_free(l);
	return n;
}

static void nothing(void *ctx, const char *value)
{
	(void)ctx;
	(void)value;
}

size_t guide_blocks(struct guide_node *g)
{
	return each(g, "block:", nothing, NULL);
}
