/* The reorg database: keys and values byte for byte, who opens whose, what is refused,
 * and what damage is called. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "guide_node.h"
#include "kinds/node/reorgdb/reorgdb.h"
#include "own_folder.h"

#define ROOT "fe8edd9032df9ef412738c3a4ed7d188e9e5012257340a359b40808dc7ccbf42"
#define NAME "0123456789abcdef0123456789abcdef"
#define A1 "1111111111111111111111111111111111111111111111111111111111111111"
#define A2 "2222222222222222222222222222222222222222222222222222222222222222"
#define A3 "3333333333333333333333333333333333333333333333333333333333333333"
#define TX "00000000000000000000000000000000000000000000000000000000000000aa"
#define B1 "000000000000000000000000000000000000000000000000000000000000b001"
#define B2 "000000000000000000000000000000000000000000000000000000000000b002"

static char path[80];

/* RocksDB syncs what it writes ahead by this, whoever it comes from. */
static int syncs;

int fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

/* It opens what is written ahead by this, when it has read which tables there are: then
 * the writer moves that into a table. */
static struct guide_node *amid;
int open_of_rocksdb(const char *name, int flags, ...) __asm__("open");

int open_of_rocksdb(const char *name, int flags, ...)
{
	struct guide_node *g = amid;
	size_t len = strlen(name);
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (g && (flags & O_ACCMODE) == O_RDONLY && len > 4 &&
	    strcmp(name + len - 4, ".log") == 0) {
		amid = NULL;
		guide_flush(g);
		for (int i = 0; i < 100000 && access(name, F_OK) == 0; i++)
			(void)sched_yield();
	}
	return (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
}

static int folder_make(void **state)
{
	if (own_folder_make(state))
		return -1;
	snprintf(path, sizeof path, "%s/reorg_db", own_folder);
	return 0;
}

static struct reorgdb *opened(enum reorgdb_mode mode)
{
	struct fail f = { .err = ERR_OK };
	struct reorgdb *db;

	if (reorgdb_open(&db, path, mode, &f) != ERR_OK)
		fail_msg("%s", f.why);
	return db;
}

static enum err refused(enum reorgdb_mode mode, struct fail *f)
{
	struct reorgdb *db;
	enum err e = reorgdb_open(&db, path, mode, f);

	assert_int_not_equal(e, ERR_OK);
	assert_null(db);
	return e;
}

static struct anchor_record anchor_of(const char *hash, uint64_t height)
{
	struct anchor_record a = { .txid = TX,
		.height = height,
		.confirmations = 7,
		.broadcast_ms = 1700000000004,
		.retries = 2,
		.status = ANCHOR_CONFIRMED,
		.root = ROOT };

	snprintf(a.hash, sizeof a.hash, "%s", hash);
	return a;
}

static void put_text(struct reorgdb_batch *b, const char *key, const char *value)
{
	struct fail f = { .err = ERR_OK };

	if (reorgdb_put(b, key, value, strlen(value), &f) != ERR_OK)
		fail_msg("%s", f.why);
}

static void put_block(struct reorgdb_batch *b, uint64_t height, const char *hash)
{
	char key[RECORD_KEY_MAX];

	key_block(key, height);
	put_text(b, key, hash);
}

static void put_anchor(struct reorgdb_batch *b, const struct anchor_record *a)
{
	char key[RECORD_KEY_MAX];
	struct fail f = { .err = ERR_OK };
	struct buf value;

	buf_init(&value, RECORD_VALUE_MAX);
	assert_int_equal(anchor_format(&value, a, &f), ERR_OK);
	key_anchor(key, a->hash);
	put_text(b, key, buf_text(&value));
	buf_release(&value);
}

static void written(struct reorgdb *db, struct reorgdb_batch *b)
{
	struct fail f = { .err = ERR_OK };

	if (reorgdb_write(db, b, &f) != ERR_OK)
		fail_msg("%s", f.why);
	assert_int_equal(reorgdb_batch_n(b), 0);
}

/* What a visit tells. */
struct seen {
	size_t blocks, anchors, events, bads;
	uint64_t heights[32];
	struct anchor_record anchor[8];
	uint64_t event_number[8], event_height[8];
	size_t event_anchors[8];
	char event_last[8][RECORD_TEXT_MAX + 1];
	char bad[8][400];
};

static void see_block(void *ctx, uint64_t height, const char *hash)
{
	struct seen *s = ctx;

	assert_true(*hash);
	s->heights[s->blocks++ % 32] = height;
}

static void see_anchor(void *ctx, const struct anchor_record *a)
{
	struct seen *s = ctx;

	assert_true(s->anchors < 8);
	s->anchor[s->anchors++] = *a;
}

static void see_event(void *ctx, const struct reorg_event *e)
{
	struct seen *s = ctx;

	assert_true(s->events < 8);
	s->event_number[s->events] = e->number;
	s->event_height[s->events] = e->height;
	s->event_anchors[s->events] = e->anchors_n;
	if (e->anchors_n)
		memcpy(s->event_last[s->events], e->anchors[e->anchors_n - 1],
		    sizeof s->event_last[0]);
	s->events++;
}

static void see_bad(void *ctx, const char *key, const char *why)
{
	struct seen *s = ctx;

	assert_true(s->bads < 8);
	snprintf(s->bad[s->bads++], sizeof s->bad[0], "%s: %s", key, why);
}

static const struct reorgdb_visitor looker = {
	.block = see_block, .anchor = see_anchor, .event = see_event, .bad = see_bad
};

static struct seen s; /* what was visited last */

static void visited(struct reorgdb *db)
{
	struct reorgdb_visitor v = looker;
	struct fail f = { .err = ERR_OK };

	memset(&s, 0, sizeof s);
	v.ctx = &s;
	if (reorgdb_visit(db, &v, &f) != ERR_OK)
		fail_msg("%s", f.why);
}

/* -- bytes ----------------------------------------------------------------- */

static void keys_and_values_are_those_of_the_guide(void **state)
{
	struct anchor_record a = anchor_of(A1, 800000);
	struct reorg_event e;
	struct buf b;
	char key[RECORD_KEY_MAX];

	(void)state;
	key_block(key, 800000);
	assert_string_equal(key, "block:00000000000000800000");
	key_event(key, 3);
	assert_string_equal(key, "reorg:00000000000000000003");
	key_anchor(key, A1);
	assert_string_equal(key, "anchor:" A1);
	buf_init(&b, RECORD_VALUE_MAX);
	assert_int_equal(anchor_format(&b, &a, NULL), ERR_OK);
	assert_string_equal(buf_text(&b), A1 "|" TX "|800000|7|1700000000004|2|1|" ROOT);
	buf_clear(&b);
	reorg_event_init(&e);
	e.height = 799999;
	e.detected_ms = 1700000000005;
	strcpy(e.old_hash, B1);
	strcpy(e.new_hash, B2);
	assert_int_equal(event_format(&b, &e, NULL), ERR_OK);
	assert_string_equal(buf_text(&b), "799999|" B1 "|" B2 "|1700000000005|0");
	assert_int_equal(reorg_event_add(&e, A1, NULL), ERR_OK);
	assert_int_equal(reorg_event_add(&e, A2, NULL), ERR_OK);
	buf_clear(&b);
	assert_int_equal(event_format(&b, &e, NULL), ERR_OK);
	assert_string_equal(
	    buf_text(&b), "799999|" B1 "|" B2 "|1700000000005|2|" A1 "|" A2);
	reorg_event_release(&e);
	buf_release(&b);
	assert_string_equal(anchor_status_name(0), "PENDING");
	assert_string_equal(anchor_status_name(1), "CONFIRMED");
	assert_string_equal(anchor_status_name(2), "INVALIDATED_REORG");
	assert_string_equal(anchor_status_name(3), "FAILED_ORPHANED");
}

static void what_could_not_be_read_back_is_not_written(void **state)
{
	static const char *const bad[] = { "a|b", "a b", "a\nb", "a\tb", "\xc3\xa4" };
	struct anchor_record a;
	struct fail f;
	struct buf b;

	(void)state;
	buf_init(&b, RECORD_VALUE_MAX);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		a = anchor_of(bad[i], 1);
		assert_int_equal(anchor_format(&b, &a, &f), ERR_INPUT);
		a = anchor_of(A1, 1);
		strcpy(a.root, bad[i]);
		assert_int_equal(anchor_format(&b, &a, &f), ERR_INPUT);
		strcpy(a.root, ROOT);
		strcpy(a.txid, bad[i]);
		assert_int_equal(anchor_format(&b, &a, &f), ERR_INPUT);
		assert_non_null(strstr(f.why, "could not be read back"));
		assert_int_equal(block_format(&b, bad[i], &f), ERR_INPUT);
	}
	a = anchor_of(A1, 1);
	a.root[0] = '\0';
	assert_int_equal(anchor_format(&b, &a, &f), ERR_INPUT);
	assert_string_equal(f.why, "the state root of the anchor is empty");
	a = anchor_of("", 1);
	assert_int_equal(anchor_format(&b, &a, &f), ERR_INPUT);
	assert_int_equal(block_format(&b, "", &f), ERR_INPUT);
	assert_int_equal(b.len, 0);
	a = anchor_of(A1, 1); /* it waits for its transaction */
	a.txid[0] = '\0';
	assert_int_equal(anchor_format(&b, &a, &f), ERR_OK);
	buf_release(&b);
}

static void nor_is_it_put_into_a_batch(void **state)
{
	static const char *const pairs[][2] = {
		{ "anchor:" A1, A1 "|" TX "|1|0|0|0|0|" },
		{ "anchor:" A1, A2 "|" TX "|1|0|0|0|0|" ROOT },
		{ "anchor:" A1, A1 "|" TX "|1|0|0|0|4|" ROOT },
		{ "anchor:", "|" TX "|1|0|0|0|0|" ROOT },
		{ "block:1", B1 },
		{ "block:00000000000000000001", "" },
		{ "block:99999999999999999999", B1 },
		{ "reorg:00000000000000000001", "1|" B1 "|" B2 "|5|1" },
		{ "reorg_counter", "01" },
		{ "reorg_counter", "18446744073709551616" },
		{ "pawl:mark", "1|2" },
		{ "other", "1" },
	};
	struct reorgdb_batch *b = reorgdb_batch_new();
	struct fail f;

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		assert_int_equal(
		    reorgdb_put(b, pairs[i][0], pairs[i][1], strlen(pairs[i][1]), &f),
		    ERR_INPUT);
		assert_ptr_equal(strstr(f.why, pairs[i][0]), f.why);
	}
	assert_int_equal(reorgdb_batch_n(b), 0);
	reorgdb_batch_free(b);
}

#define NO_NUMBER "is no decimal number of 64 bits"
#define CUT "is the last that is there: it is cut off"

static void what_is_wrong_is_named_with_its_byte(void **state)
{
	static const struct {
		const char *value, *why;
	} anchors[] = {
		{ "", "0: the anchor hash " CUT },
		{ "a|t|1|2|3|4|0", "13: the status " CUT },
		{ "a|t||2|3|4|0|r", "4: the height " NO_NUMBER },
		{ "a|t|1x|2|3|4|0|r", "4: the height " NO_NUMBER },
		{ "a|t|-1|2|3|4|0|r", "4: the height " NO_NUMBER },
		{ "a|t|1|18446744073709551616|3|4|0|r",
		    "6: the number of confirmations " NO_NUMBER },
		{ "a|t|1|2|3|4|4|r", "12: the status is none of 0 to 3" },
		{ "a|t|1|2|3|4|0|r|s",
		    "15: the state root has a bar in it, or fields follow" },
		{ "b|t|1|2|3|4|0|r", "0: the anchor hash is not that of the key" },
		{ "a|t\x01|1|2|3|4|0|r",
		    "3: the transaction has a byte that is not printable" },
	}, events[] = {
		{ "7|o|n|5|2|a", "8: the number of anchors is not how many follow" },
		{ "7|o|n|5|0|a", "8: the number of anchors is not how many follow" },
		{ "7|o|n|5|1|", "10: an anchor hash is empty" },
		{ "7|o|n", "5: the new hash " CUT },
		{ "07|o|n|5|0", "0: the height " NO_NUMBER },
		{ "7|o|n|5|18446744073709551615|a",
		    "8: the number of anchors is larger than any reorg's" },
	};
	struct anchor_record a;
	struct reorg_event e;
	struct fail f;

	(void)state;
	reorg_event_init(&e);
	for (size_t i = 0; i < sizeof anchors / sizeof *anchors; i++) {
		assert_int_equal(
		    anchor_parse(&a, "a", anchors[i].value, strlen(anchors[i].value), &f),
		    ERR_INPUT);
		assert_string_equal(f.why + strlen("at byte "), anchors[i].why);
	}
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		assert_int_equal(
		    event_parse(&e, events[i].value, strlen(events[i].value), &f),
		    ERR_INPUT);
		assert_string_equal(f.why + strlen("at byte "), events[i].why);
		assert_int_equal(e.anchors_n, 0);
	}
	assert_int_equal(
	    anchor_parse(&a, "a", "a||1|2|3|4|3|", strlen("a||1|2|3|4|3|"), &f), ERR_OK);
	assert_true(a.unread_there);
	assert_int_equal(a.status, ANCHOR_FAILED_ORPHANED);
}

/* -- whose files are whose ------------------------------------------------- */

static struct guide_node *guide(void)
{
	char why[400] = "";
	struct guide_node *g = guide_open(path, why, sizeof why);

	if (!g)
		fail_msg("the node of the guide: %s", why);
	return g;
}

static void guide_anchor_put(struct guide_node *g, const char *hash, uint64_t height)
{
	struct guide_anchor a = { .height = height,
		.confirmations = 3,
		.broadcast = 1700000000000,
		.txid = TX,
		.root = ROOT };

	snprintf(a.hash, sizeof a.hash, "%s", hash);
	guide_register(g, &a);
}

static void what_that_node_wrote_is_read(void **state)
{
	struct guide_node *g = guide();
	struct anchor_record a;
	struct reorgdb *db;
	bool there;
	char value[GUIDE_VALUE];

	(void)state;
	for (uint64_t h = 100; h < 110; h++)
		guide_track(g, h, B1);
	guide_anchor_put(g, A1, 104);
	guide_anchor_put(g, A2, 105);
	guide_anchor_put(g, A3, 106);
	guide_reputation(g, "peer-a", "\x01\x02");
	assert_true(guide_detect(g, 105, B2, 1700000000009));
	guide_flush(g);
	guide_anchor_put(g, A1, 104); /* in the write-ahead log alone */
	guide_close(g);

	db = opened(REORGDB_READ);
	visited(db);
	assert_int_equal(s.blocks, 10);
	assert_int_equal(s.heights[9], 109);
	assert_int_equal(s.anchors, 3);
	assert_int_equal(s.anchor[0].status, ANCHOR_PENDING);
	assert_int_equal(s.anchor[1].status, ANCHOR_INVALIDATED_REORG);
	assert_int_equal(s.anchor[1].confirmations, 0);
	assert_int_equal(s.events, 1);
	assert_int_equal(s.event_height[0], 105);
	assert_int_equal(s.event_anchors[0], 2);
	assert_string_equal(s.event_last[0], A3); /* whole */
	assert_int_equal(s.bads, 0);
	assert_int_equal(reorgdb_anchor(db, A2, &a, &there, NULL), ERR_OK);
	assert_true(there);
	assert_int_equal(a.height, 105);
	reorgdb_close(db);

	db = opened(REORGDB_WRITE); /* and what is not ours stays */
	reorgdb_close(db);
	g = guide();
	assert_true(guide_peer(g, "peer-a", value));
	assert_string_equal(value, "\x01\x02");
	guide_close(g);
}

static void what_we_wrote_is_read_there(void **state)
{
	struct reorgdb *db = opened(REORGDB_CREATE);
	struct reorgdb_batch *b = reorgdb_batch_new();
	struct anchor_record a = anchor_of(A1, 101), waiting = anchor_of(A2, 0);
	struct guide_anchor got, list[GUIDE_LIST];
	struct guide_event events[GUIDE_LIST];
	struct guide_node *g;
	char value[GUIDE_VALUE];

	(void)state;
	waiting.txid[0] = '\0';
	waiting.status = ANCHOR_PENDING;
	for (uint64_t h = 100; h < 103; h++)
		put_block(b, h, B1);
	put_anchor(b, &a);
	put_anchor(b, &waiting);
	put_text(b, "reorg:00000000000000000000", "100|" B2 "|" B1 "|5|0");
	put_text(b, "reorg:00000000000000000001", "101|" B2 "|" B1 "|6|2|" A1 "|" A2);
	put_text(b, "reorg_counter", "2");
	put_text(b, "pawl:mark", NAME "|17");
	written(db, b);
	reorgdb_close(db);

	g = guide();
	assert_true(guide_block(g, 102, value));
	assert_string_equal(value, B1);
	assert_int_equal(guide_blocks(g), 3);
	assert_true(guide_anchor(g, A1, &got));
	assert_string_equal(got.root, ROOT);
	assert_int_equal(got.status, 1);
	assert_int_equal(got.height, 101);
	assert_int_equal(guide_anchors(g, -1, list), 2);
	assert_string_equal(list[1].txid, "");
	assert_int_equal(guide_history(g, events), 2);
	assert_string_equal(events[1].old_hash, B2);
	assert_string_equal(events[0].anchors[0], A1);
	assert_string_equal(events[0].anchors[1], A2 + 1); /* its reader's own loss */
	/* It goes on with our numbers, and we with its. */
	assert_true(guide_detect(g, 102, B2, 7));
	guide_close(g);
	db = opened(REORGDB_WRITE);
	visited(db);
	assert_int_equal(s.event_number[2], 2);
	reorgdb_close(db);
	reorgdb_batch_free(b);
}

static void what_that_node_loses_is_marked(void **state)
{
	struct guide_node *g = guide();
	struct guide_anchor a = { .hash = A1, .txid = TX, .height = 5 }, got;
	struct reorgdb *db;

	(void)state;
	guide_register(g, &a); /* no root */
	a = (struct guide_anchor){ .hash = A2, .txid = "a|b", .height = 5, .root = ROOT };
	guide_register(g, &a); /* all is shifted by one */
	a = (struct guide_anchor){ .hash = A3, .root = ROOT, .status = 9 };
	guide_register(g, &a);
	guide_put(g, "block:7", B1);
	guide_put(g, "reorg_counter", "-1");
	assert_false(guide_anchor(g, A1, &got));
	assert_false(guide_anchor(g, A2, &got));
	guide_close(g);
	db = opened(REORGDB_READ);
	visited(db);
	reorgdb_close(db);
	assert_int_equal(s.anchors, 1);
	assert_true(s.anchor[0].unread_there);
	assert_int_equal(s.anchor[0].height, 5);
	assert_int_equal(s.bads, 4);
	assert_string_equal(s.bad[0],
	    "anchor:" A2 ": at byte 67: the height is no decimal number of 64 bits");
	assert_string_equal(
	    s.bad[1], "anchor:" A3 ": at byte 74: the status is none of 0 to 3");
	assert_string_equal(
	    s.bad[2], "block:7: behind byte 6 of its key are not 20 digits of 64 bits");
	assert_string_equal(s.bad[3],
	    "reorg_counter: at byte 0: the counter is no decimal number of 64 bits");
}

/* -- one key --------------------------------------------------------------- */

static void the_newest_and_the_highest_come_first(void **state)
{
	struct reorgdb *db = opened(REORGDB_CREATE);
	struct reorgdb_batch *b = reorgdb_batch_new();
	struct reorgdb_visitor v = looker;
	char hash[RECORD_TEXT_MAX + 1];
	uint64_t n;
	bool there;

	(void)state;
	assert_int_equal(reorgdb_top(db, &n, hash, &there, NULL), ERR_OK);
	assert_false(there);
	assert_int_equal(reorgdb_counter(db, &n, NULL), ERR_OK);
	assert_int_equal(n, 0);
	for (uint64_t h = 9; h < 12; h++)
		put_block(b, h, h == 11 ? B2 : B1);
	put_text(b, "reorg:00000000000000000009", "1|" B2 "|" B1 "|5|0");
	put_text(b, "reorg:00000000000000000010", "2|" B2 "|" B1 "|5|0");
	put_text(b, "reorg:00000000000000000011", "3|" B2 "|" B1 "|5|0");
	put_text(b, "reorg_counter", "12");
	put_text(b, "pawl:mark", NAME "|17");
	written(db, b);
	assert_int_equal(reorgdb_top(db, &n, hash, &there, NULL), ERR_OK);
	assert_true(there);
	assert_int_equal(n, 11);
	assert_string_equal(hash, B2);
	memset(&s, 0, sizeof s);
	v.ctx = &s;
	assert_int_equal(reorgdb_history(db, 2, &v, NULL), ERR_OK);
	assert_int_equal(s.events, 2);
	assert_int_equal(s.event_number[0], 11);
	assert_int_equal(s.event_number[1], 10);
	assert_int_equal(reorgdb_history(db, 100, &v, NULL), ERR_OK);
	assert_int_equal(s.events, 5);
	assert_int_equal(reorgdb_block(db, 10, hash, &there, NULL), ERR_OK);
	assert_true(there);
	assert_int_equal(reorgdb_block(db, 12, hash, &there, NULL), ERR_OK);
	assert_false(there);
	reorgdb_batch_free(b);
	reorgdb_close(db);
}

/* All that a closed one takes on the disk. */
static uint64_t bytes_of_it(void)
{
	struct dirent *entry;
	uint64_t bytes = 0;
	struct stat at;
	DIR *d = opendir(path);

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		if (fstatat(dirfd(d), entry->d_name, &at, 0) == 0 && S_ISREG(at.st_mode))
			bytes += (uint64_t)at.st_size;
	closedir(d);
	return bytes;
}

static void only_the_highest_blocks_stay(void **state)
{
	struct reorgdb *db = opened(REORGDB_CREATE);
	struct reorgdb_batch *b = reorgdb_batch_new();
	uint64_t dropped, bytes;

	(void)state;
	for (uint64_t h = 0; h < 25000; h++)
		put_block(b, h, B1);
	put_text(b, "reorg_counter", "0");
	written(db, b);
	assert_int_equal(reorgdb_prune(db, 25000, &dropped, NULL), ERR_OK);
	assert_int_equal(dropped, 0);
	reorgdb_close(db);
	bytes = bytes_of_it();
	db = opened(REORGDB_WRITE);
	assert_int_equal(reorgdb_prune(db, 1000, &dropped, NULL), ERR_OK);
	assert_int_equal(dropped, 24000);
	visited(db);
	assert_int_equal(s.blocks, 1000);
	assert_int_equal(s.heights[999 % 32], 24999);
	reorgdb_batch_free(b);
	reorgdb_close(db);
	assert_in_range(bytes_of_it(), 1, bytes / 3);
}

/* -- what is written stays ------------------------------------------------- */

static void a_batch_is_synced_before_it_returns(void **state)
{
	struct reorgdb *db = opened(REORGDB_CREATE);
	struct reorgdb_batch *b = reorgdb_batch_new();
	int before;

	(void)state;
	for (uint64_t h = 0; h < 3; h++) {
		put_block(b, h, B1);
		before = syncs;
		written(db, b);
		assert_int_equal(syncs, before + 1);
	}
	reorgdb_batch_free(b);
	reorgdb_close(db);
}

/* The write-ahead log, as long as it is the only one with anything in it. */
static void find(char out[512], const char *ending, off_t *ret_size)
{
	char line[512], command[600];
	FILE *p;

	snprintf(command, sizeof command, "ls -S %s/*%s", path, ending);
	p = popen(command, "r");
	assert_non_null(p);
	assert_non_null(fgets(line, sizeof line, p));
	pclose(p);
	line[strcspn(line, "\n")] = '\0';
	strcpy(out, line);
	if (ret_size) {
		int fd = open(out, O_RDONLY);

		*ret_size = lseek(fd, 0, SEEK_END);
		close(fd);
	}
}

/* A process that writes, and ends as a kill ends it. */
static void write_and_die(unsigned batches)
{
	pid_t child = fork();
	int status;

	if (!child) {
		struct reorgdb *db = NULL;
		struct reorgdb_batch *b = reorgdb_batch_new();

		if (reorgdb_open(&db, path, REORGDB_CREATE, NULL) != ERR_OK)
			_exit(1);
		for (uint64_t i = 0; i < batches; i++) {
			char key[RECORD_KEY_MAX];

			for (uint64_t k = 0; k < 3; k++) {
				key_block(key, 3 * i + k);
				if (reorgdb_put(b, key, B1, strlen(B1), NULL) != ERR_OK)
					_exit(2);
			}
			if (reorgdb_write(db, b, NULL) != ERR_OK)
				_exit(3);
		}
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void a_cut_tail_is_all_of_a_batch_or_nothing(void **state)
{
	char log[512];
	off_t size;
	bool shorter = false;

	(void)state;
	write_and_die(4);
	find(log, ".log", &size);
	for (off_t cut = size; cut > size - 300 && cut > 0; cut -= 37) {
		struct reorgdb *db;
		size_t n;

		assert_int_equal(truncate(log, cut), 0);
		db = opened(REORGDB_READ);
		visited(db);
		n = s.blocks;
		reorgdb_close(db);
		assert_int_equal(n % 3, 0);
		shorter = shorter || n < 12;
	}
	assert_true(shorter);
}

/* -- damage ---------------------------------------------------------------- */

static void flip(const char *file, off_t at)
{
	int fd = open(file, O_RDWR);
	unsigned char byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void fill(void)
{
	struct guide_node *g = guide();

	for (uint64_t h = 0; h < 2000; h++)
		guide_track(g, h, B1);
	guide_flush(g);
	guide_close(g);
}

static void is_damage(const struct fail *f, const char *what)
{
	assert_int_equal(f->err, ERR_DAMAGED);
	assert_int_equal(err_exit_code(f->err), 6);
	if (!strstr(f->why, what) || !strstr(f->why, "procedure 3"))
		fail_msg("it says: %s", f->why);
}

static void damage_in_the_log_is_no_end_of_it(void **state)
{
	char log[512];
	struct fail f;

	(void)state;
	write_and_die(4);
	find(log, ".log", NULL);
	flip(log, 60);
	refused(REORGDB_WRITE, &f);
	is_damage(&f, "checksum mismatch");
}

static void a_missing_part_is_named(void **state)
{
	char file[512], aside[600], number[16];
	struct fail f;

	(void)state;
	fill();
	find(file, ".sst", NULL);
	snprintf(number, sizeof number, "%.6s", strrchr(file, '/') + 1);
	snprintf(aside, sizeof aside, "%s/aside", own_folder);
	assert_int_equal(rename(file, aside), 0);
	refused(REORGDB_CREATE, &f);
	is_damage(&f, number);
	assert_int_equal(rename(aside, file), 0);
	snprintf(file, sizeof file, "%s/CURRENT", path);
	assert_int_equal(rename(file, aside), 0);
	refused(REORGDB_CREATE, &f); /* nothing is made in its place */
	is_damage(&f, "CURRENT is missing beside");
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(rename(aside, file), 0);
	reorgdb_close(opened(REORGDB_WRITE));
	find(file, "MANIFEST-*", NULL);
	assert_int_equal(unlink(file), 0);
	refused(REORGDB_WRITE, &f);
	is_damage(&f, "MANIFEST");
}

static void a_part_that_is_cut_off_is_named(void **state)
{
	char file[512];
	off_t size;
	struct fail f;

	(void)state;
	fill();
	find(file, ".sst", &size);
	assert_int_equal(truncate(file, size / 2), 0);
	refused(REORGDB_WRITE, &f);
	is_damage(&f, ".sst");
	refused(REORGDB_READ, &f);
	is_damage(&f, ".sst");
}

static void a_flipped_bit_is_found_by_who_reads(void **state)
{
	struct reorgdb_visitor v = looker;
	struct reorgdb *db;
	char file[512];
	struct fail f;

	(void)state;
	fill();
	find(file, ".sst", NULL);
	flip(file, 100);
	db = opened(REORGDB_READ);
	v.ctx = &s;
	assert_int_equal(reorgdb_visit(db, &v, &f), ERR_DAMAGED);
	is_damage(&f, ".sst");
	reorgdb_close(db);
}

static void what_is_no_database_is_told(void **state)
{
	char file[128];
	struct fail f;

	(void)state;
	assert_int_equal(refused(REORGDB_WRITE, &f), ERR_NOT_FOUND);
	assert_non_null(strstr(f.why, "pawl node init-reorg-db --path"));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(refused(REORGDB_READ, &f), ERR_NOT_FOUND);
	snprintf(file, sizeof file, "%s/letter", path);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(refused(REORGDB_CREATE, &f), ERR_NOT_FOUND);
	assert_non_null(strstr(f.why, "a folder without a reorg database"));
}

/* -- no room ----------------------------------------------------------------- */

/* What each file of a child may have: RocksDB meets it as a disk that is full. */
static void room_is(rlim_t bytes)
{
	const struct rlimit files = { bytes, bytes }, core = { 0, 0 };

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_CORE, &core) != 0 || setrlimit(RLIMIT_FSIZE, &files) != 0)
		_exit(99);
}

static int ended(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Opens it in another process, that ends with what it met. */
static int opened_with(rlim_t bytes, enum reorgdb_mode mode)
{
	pid_t child = fork();

	if (!child) {
		struct fail f = { .err = ERR_OK };
		struct reorgdb *db;
		enum err e;

		room_is(bytes);
		e = reorgdb_open(&db, path, mode, &f);
		if (e != ERR_OK && !strstr(f.why, "make room on its disk"))
			_exit(98);
		reorgdb_close(db);
		_exit(e);
	}
	return ended(child);
}

static void a_full_disk_is_told_and_ends_nobody(void **state)
{
	static const rlim_t rooms[] = { 0, 20, 40, 60, 80, 110, 130, 160, 200, 4096 };
	const size_t n = sizeof rooms / sizeof *rooms;
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", path);
	for (size_t i = 0; i < n; i++) {
		int e = opened_with(rooms[i], REORGDB_CREATE);

		if (i == 0 || i == n - 1)
			assert_int_equal(e, i ? ERR_OK : ERR_DISK_FULL);
		assert_true(e == ERR_OK || e == ERR_DISK_FULL);
		/* and once there is room it is made, or there */
		reorgdb_close(opened(REORGDB_CREATE));
		fill();
		assert_int_equal(opened_with(rooms[0], REORGDB_WRITE), ERR_DISK_FULL);
		e = opened_with(rooms[i], REORGDB_WRITE);
		assert_true(e == ERR_OK || (e == ERR_DISK_FULL && i < n - 1));
		assert_int_equal(opened_with(rooms[0], REORGDB_READ), ERR_OK);
		reorgdb_close(opened(REORGDB_WRITE));
		assert_int_equal(system(command), 0);
	}
}

static void nor_does_one_that_fills_up(void **state)
{
	pid_t child = fork();

	(void)state;
	if (!child) {
		struct reorgdb *db = opened(REORGDB_CREATE);
		struct reorgdb_batch *b = reorgdb_batch_new();
		struct fail f;

		room_is(0);
		put_block(b, 7, B1);
		for (int i = 0; i < 20; i++)
			if (reorgdb_write(db, b, &f) == ERR_OK)
				_exit(97);
		reorgdb_close(db);
		_exit(f.err);
	}
	assert_int_equal(ended(child), ERR_DISK_FULL);
	reorgdb_close(opened(REORGDB_WRITE));
}

static void nothing_is_left_of_half_options(void **state)
{
	char command[160];

	(void)state;
	snprintf(command, sizeof command,
	    "test $(ls %s | grep -c 'OPTIONS-.*dbtmp$') -le 2", path);
	for (int i = 0; i < 4; i++)
		reorgdb_close(opened(REORGDB_CREATE));
	assert_int_equal(system(command), 0);
}

/* -- two at once ----------------------------------------------------------- */

static void the_lock_goes_with_its_process(void **state)
{
	char lock[128], pid[32];
	int ready[2];
	struct fail f;
	pid_t child;
	char byte;

	(void)state;
	snprintf(lock, sizeof lock, "%s/LOCK", path);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		(void)opened(REORGDB_CREATE);
		(void)!write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(refused(REORGDB_WRITE, &f), ERR_OWNED);
	snprintf(pid, sizeof pid, "process %d", child);
	assert_non_null(strstr(f.why, pid));
	assert_non_null(strstr(f.why, "never to be deleted"));
	reorgdb_close(opened(REORGDB_READ)); /* to read, one need not wait */
	assert_int_equal(kill(child, SIGKILL), 0);
	waitpid(child, NULL, 0);
	assert_int_equal(access(lock, F_OK), 0);
	reorgdb_close(opened(REORGDB_WRITE));
	assert_int_equal(access(lock, F_OK), 0);
	close(ready[0]);
	close(ready[1]);
}

/* LOCK is deleted beside a process that lives: none of ours writes beside it, and it does
 * not write on beside one that knows no other lock. */
static void a_lock_that_is_deleted_lets_nobody_in(void **state)
{
	char lock[128], pid[32], byte;
	int up[2], down[2], code;
	struct reorgdb_held held;
	struct reorgdb *db;
	struct fail f;
	pid_t child;

	(void)state;
	snprintf(lock, sizeof lock, "%s/LOCK", path);
	assert_int_equal(pipe(up) + pipe(down), 0);
	child = fork();
	if (!child) {
		struct reorgdb_batch *b = reorgdb_batch_new();

		/* It ends with its parent, too. */
		close(up[0]), close(down[1]);
		db = opened(REORGDB_CREATE);
		(void)!write(up[1], "x", 1);
		(void)!read(down[0], &byte, 1);
		(void)!reorgdb_put(b, "block:00000000000000000007", B1, 64, NULL);
		_exit(reorgdb_write(db, b, NULL));
	}
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_int_equal(unlink(lock), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(refused(REORGDB_CREATE, &f), ERR_OWNED);
		snprintf(pid, sizeof pid, "process %d", child);
		assert_non_null(strstr(f.why, pid));
		assert_int_equal(reorgdb_hold(path, &held, &f), ERR_OWNED);
		/* and one that is made anew says nothing, either */
		close(open(lock, O_CREAT | O_WRONLY, 0600));
	}
	assert_int_equal(write(down[1], "x", 1), 1);
	assert_int_equal(waitpid(child, &code, 0), child);
	assert_true(WIFEXITED(code));
	assert_int_equal(WEXITSTATUS(code), ERR_OWNED);
	db = opened(REORGDB_WRITE);
	{
		char hash[RECORD_TEXT_MAX + 1];
		bool there = true;

		assert_int_equal(reorgdb_block(db, 7, hash, &there, &f), ERR_OK);
		assert_false(there);
	}
	reorgdb_close(db);
	close(up[0]), close(up[1]), close(down[0]), close(down[1]);
}

static void block_put(struct reorgdb *db, uint64_t height, enum err want)
{
	struct reorgdb_batch *b = reorgdb_batch_new();
	char key[64];

	snprintf(key, sizeof key, "block:%020" PRIu64, height);
	assert_int_equal(reorgdb_put(b, key, B1, 64, NULL), ERR_OK);
	assert_int_equal(reorgdb_write(db, b, NULL), want);
	reorgdb_batch_free(b);
}

static bool block_there(struct reorgdb *db, uint64_t height)
{
	char hash[RECORD_TEXT_MAX + 1];
	bool there = false;

	assert_int_equal(reorgdb_block(db, height, hash, &there, NULL), ERR_OK);
	return there;
}

/* People move it away beside a process that has it open, and make another one: that
 * writes no more, and nothing that it does behind that, as its end does, is of the new
 * one, whatever the names of its files. */
static void one_that_is_moved_touches_no_file_of_the_next(void **state)
{
	char moved[128], other[128];
	struct reorgdb *old, *db;
	struct fail f;

	(void)state;
	snprintf(moved, sizeof moved, "%s.corrupted", path);
	snprintf(other, sizeof other, "%s.other", path);
	for (uint64_t life = 1; life < 4; life++) { /* tables and logs of both */
		old = opened(REORGDB_CREATE);
		block_put(old, life, ERR_OK);
		reorgdb_close(old);
	}
	old = opened(REORGDB_WRITE);
	assert_int_equal(reorgdb_stands(old, &f), ERR_OK);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(reorgdb_stands(old, &f), ERR_OWNED);
	assert_non_null(strstr(f.why, "was moved or removed"));
	for (uint64_t life = 11; life < 15; life++) {
		db = opened(REORGDB_CREATE);
		block_put(db, life, ERR_OK);
		block_put(old, 4, ERR_OWNED);
		reorgdb_close(db);
	}
	reorgdb_close(old);
	db = opened(REORGDB_WRITE);
	for (uint64_t life = 11; life < 15; life++)
		assert_true(block_there(db, life));
	assert_false(block_there(db, 1) || block_there(db, 4));
	reorgdb_close(db);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(rename(moved, path), 0);
	db = opened(REORGDB_WRITE);
	assert_true(block_there(db, 3) && !block_there(db, 4) && !block_there(db, 11));
	reorgdb_close(db);
}

/* RocksDB is given another name of the folder: people read theirs. */
static void what_is_wrong_is_named_by_its_own_path(void **state)
{
	char current[128], file[128];
	struct fail f;
	FILE *c;

	(void)state;
	reorgdb_close(opened(REORGDB_CREATE));
	snprintf(current, sizeof current, "%s/CURRENT", path);
	snprintf(file, sizeof file, "%s/MANIFEST-999999", path);
	c = fopen(current, "we");
	assert_non_null(c);
	assert_true(fputs("MANIFEST-999999\n", c) >= 0 && fclose(c) == 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    refused(i ? REORGDB_WRITE : REORGDB_READ, &f), ERR_DAMAGED);
		assert_non_null(strstr(f.why, file));
		assert_null(strstr(f.why, "/proc/"));
	}
}

static void what_moves_while_it_is_read_is_read_again(void **state)
{
	char hash[65], why[200];
	struct guide_node *g = guide_open(path, why, sizeof why);
	struct reorgdb *db;
	bool has;

	(void)state;
	assert_non_null(g);
	for (uint64_t i = 0; i < 20; i++) {
		char there[RECORD_TEXT_MAX + 1];

		snprintf(hash, sizeof hash, "%064" PRIx64, i + 1);
		guide_track(g, i, hash);
		amid = g;
		db = opened(REORGDB_READ);
		assert_null(amid);
		assert_int_equal(reorgdb_block(db, i, there, &has, NULL), ERR_OK);
		assert_true(has);
		assert_string_equal(there, hash);
		reorgdb_close(db);
	}
	guide_close(g);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, folder_make, own_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(keys_and_values_are_those_of_the_guide),
		CASE(what_could_not_be_read_back_is_not_written),
		CASE(nor_is_it_put_into_a_batch),
		CASE(what_is_wrong_is_named_with_its_byte),
		CASE(what_that_node_wrote_is_read),
		CASE(what_we_wrote_is_read_there),
		CASE(what_that_node_loses_is_marked),
		CASE(the_newest_and_the_highest_come_first),
		CASE(only_the_highest_blocks_stay),
		CASE(what_moves_while_it_is_read_is_read_again),
		CASE(one_that_is_moved_touches_no_file_of_the_next),
		CASE(what_is_wrong_is_named_by_its_own_path),
		CASE(a_batch_is_synced_before_it_returns),
		CASE(a_cut_tail_is_all_of_a_batch_or_nothing),
		CASE(damage_in_the_log_is_no_end_of_it),
		CASE(a_missing_part_is_named),
		CASE(a_part_that_is_cut_off_is_named),
		CASE(a_flipped_bit_is_found_by_who_reads),
		CASE(what_is_no_database_is_told),
		CASE(a_full_disk_is_told_and_ends_nobody),
		CASE(nor_does_one_that_fills_up),
		CASE(nothing_is_left_of_half_options),
		CASE(the_lock_goes_with_its_process),
		CASE(a_lock_that_is_deleted_lets_nobody_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
