/* The log of snapshots: what is found in it, damaged as it may be, and what is made of
 * it. All on the disk in memory, but for one test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/crc32c.h"
#include "kinds/node/snapshot/v1.h"
#include "kinds/node/snapshot/v2.h"
#include "l2_disk.h"
#include "l2_sample.h"

static void put_vector(const char *name)
{
	static char bytes[65536];
	char path[500];
	FILE *file;
	size_t n;

	snprintf(path, sizeof path, "%s/%s", getenv("L2_VECTORS"), name);
	file = fopen(path, "re");
	assert_non_null(file);
	n = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	l2_put(LOG_PATH, bytes, n);
}

static struct l2_log *open_log(const char *path)
{
	struct l2_log *log;

	assert_int_equal(l2_log_open(&log, &sim_disk_files, path, NULL), ERR_OK);
	assert_int_equal(l2_log_survey(log, NULL), ERR_OK);
	return log;
}

static void files_of_the_older_program(void **state)
{
	struct l2_log *log;
	struct l2_damage d;
	uint64_t line;

	(void)state;
	l2_disk_clear();
	put_vector("torn.dat");
	assert_string_equal(l2_find(LOG_PATH).root, SAMPLE_ROOT);
	log = open_log(LOG_PATH);
	assert_int_equal(l2_log_n(log), 1);
	assert_true(l2_log_at(log, 0).glued);
	assert_int_equal(l2_log_damages(log), 1);
	d = l2_log_damage(log, 0);
	assert_int_equal(d.kind, L2_INCOMPLETE);
	assert_int_equal(d.offset, 0);
	assert_int_equal(d.len, l2_log_at(log, 0).offset);
	assert_int_equal(l2_log_line(log, l2_log_at(log, 0).offset, &line, NULL), ERR_OK);
	assert_int_equal(line, 4);
	{
		struct l2_demand demand = { .strict_upstream = true };
		struct l2_verdict v = { .offset = 12, .line = 2 };
		struct l2_place place;

		assert_int_equal(
		    l2_log_place(log, l2_log_at(log, 0), &v, &place, NULL), ERR_OK);
		assert_int_equal(place.line, 5);
		assert_int_equal(place.offset, l2_log_at(log, 0).offset + 12);
		assert_int_equal(
		    l2_log_check(log, l2_log_at(log, 0), &demand, &v, NULL), ERR_OK);
		assert_int_equal(v.fault, L2_HOLDS);
	}
	l2_log_close(log);
	put_vector("crlf.dat");
	log = open_log(LOG_PATH);
	assert_int_equal(l2_log_n(log), 0);
	assert_int_equal(l2_log_damages(log), 2);
	assert_int_equal(l2_log_damage(log, 0).kind, L2_CRLF);
	l2_log_close(log);
	put_vector("noanchor.dat");
	assert_int_equal(l2_find(LOG_PATH).failed, 1);
	assert_int_equal(l2_find(LOG_PATH).block.len, 0);
}

static void what_is_appended_is_found(void **state)
{
	char first[L2_HEX], second[L2_HEX];
	struct l2_found found;

	(void)state;
	for (int version = 1; version <= 2; version++) {
		l2_disk_clear();
		l2_grow(LOG_PATH, version, 3, first);
		assert_string_equal(l2_find(LOG_PATH).root, first);
		/* The version is that of the log, whatever a new one would get. */
		l2_grow(LOG_PATH, 3 - version, 4, second);
		found = l2_find(LOG_PATH);
		assert_string_equal(found.root, second);
		assert_int_equal(found.blocks, 2);
		assert_int_equal(found.damages, 0);
	}
}

static void what_may_not_be_written_is_refused(void **state)
{
	struct l2_balance bad = { l2_text("a:b"), 1 }, good = { l2_text("a"), 1 };
	struct l2_append how = { .version = 1 };
	struct l2_state s;
	struct fail f;
	char root[L2_HEX];

	(void)state;
	l2_disk_clear();
	l2_state_init(&s);
	l2_state_add(&s, L2_BALANCES, &bad);
	assert_int_equal(
	    l2_log_append(&sim_disk_files, LOG_PATH, &s, &how, &f), ERR_INPUT);
	l2_state_release(&s);
	l2_state_add(&s, L2_BALANCES, &good);
	l2_state_root(&s, root);
	assert_int_equal(l2_state_anchor(&s, root, 1, l2_text(""), &f), ERR_OK);
	s.balances[0].amount++;
	assert_int_equal(
	    l2_log_append(&sim_disk_files, LOG_PATH, &s, &how, &f), ERR_INPUT);
	assert_non_null(strstr(f.why, "state root mismatch"));
	assert_int_equal(
	    l2_log_open(&(struct l2_log *){ 0 }, &sim_disk_files, LOG_PATH, &f),
	    ERR_NOT_FOUND);
	l2_state_release(&s);
}

/* -- every damage -------------------------------------------------------------------- */

#define SNAPSHOTS 3
static char roots[SNAPSHOTS][L2_HEX];

static char *three(int version, size_t *ret_len)
{
	l2_disk_clear();
	for (uint64_t i = 0; i < SNAPSHOTS; i++)
		l2_grow(LOG_PATH, version, 2 + i, roots[i]);
	return l2_get(LOG_PATH, ret_len);
}

static int which(const struct l2_found *found)
{
	for (int i = 0; i < SNAPSHOTS; i++)
		if (strcmp(found->root, roots[i]) == 0)
			return i;
	return -1;
}

/* More than what fills a sector? */
static bool has_more(const char *bytes, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (bytes[i] != ' ' && bytes[i] != '\n')
			return true;
	return false;
}

/* ./do damage asks for each byte, and each change of it. */
static bool asked_for_all(void)
{
	return getenv("L2_EVERY");
}

/* Of what fills a sector each 97th byte, of all else each. */
static size_t next_of(const char *bytes, size_t at, size_t len)
{
	size_t next = at + 97;

	if (!asked_for_all() && at < len && next < len && at > 0 &&
	    bytes[at] == bytes[at - 1] && memcmp(bytes + at, bytes + at + 1, 97) == 0)
		return next;
	return at + 1;
}

/* Whatever a cut leaves, the newest whole snapshot is found, what is lost is told, and
 * the next one that is written is found by both programs. */
static void every_truncation(void **state)
{
	(void)state;
	for (int version = 1; version <= 2; version++) {
		size_t len, ends[SNAPSHOTS];
		char *bytes = three(version, &len);
		struct l2_log *log = open_log(LOG_PATH);

		for (size_t i = 0; i < SNAPSHOTS; i++)
			ends[i] = l2_log_at(log, i).offset + l2_log_at(log, i).len;
		l2_log_close(log);
		for (size_t n = 0; n <= len; n = next_of(bytes, n, len)) {
			struct l2_found found;
			char root[L2_HEX];
			int whole = -1;

			l2_put(LOG_PATH, bytes, n);
			found = l2_find(LOG_PATH);
			for (int i = 0; i < SNAPSHOTS; i++)
				if (n + (version == 1) >= ends[i])
					whole = i;
			assert_int_equal(which(&found), whole);
			assert_int_equal(found.failed, 0);
			assert_int_equal(found.damages > 0,
			    has_more(bytes, whole < 0 ? 0 : ends[whole], n));
			l2_grow(LOG_PATH, version, 9, root);
			assert_string_equal(l2_find(LOG_PATH).root, root);
		}
		mem_free(bytes);
	}
}

/* A block that was changed does not hold, unless it is in what no sum covers: the time of
 * a text. Then all three are as they were. */
static void every_change_of_a_byte(void **state)
{
	static const uint8_t few[] = { 1, 0x20, 0x80, 0xff };

	(void)state;
	for (int version = 1; version <= 2; version++) {
		size_t len;
		char *bytes = three(version, &len);

		for (size_t i = 0; i < len; i = next_of(bytes, i, len)) {
			char was = bytes[i];

			for (unsigned flip = 1; flip < 256; flip++) {
				struct l2_found found;
				int at;

				if (!asked_for_all() &&
				    !memchr(few, (int)flip, sizeof few))
					continue;
				bytes[i] = (char)((uint8_t)was ^ flip);
				l2_put(LOG_PATH, bytes, len);
				found = l2_find(LOG_PATH);
				at = which(&found);
				assert_true(at >= 1);
				if (at == 1)
					assert_true(found.failed || found.damages);
				/* The newest of a log of records is read alone. */
				if (at == 2 && version == 2)
					assert_true(i < found.block.offset);
			}
			bytes[i] = was;
		}
		mem_free(bytes);
	}
}

/* The first and the last bytes of a snapshot, by which it is found. */
struct edges {
	struct l2_block newest;
	size_t head, foot;  /* how long they are */
	size_t end;         /* behind the foot: a line of spaces fills the sector */
	size_t others;      /* older snapshots that hold */
	const char *before; /* the root of the newest of those */
};

static void edges_find(struct edges *e, int version, size_t others)
{
	struct l2_log *log = open_log(LOG_PATH);

	e->newest = l2_log_at(log, l2_log_n(log) - 1);
	e->head = version == 2 ? V2_HEAD : sizeof V1_HEADER - 1;
	e->foot = version == 2 ? V2_FOOT : sizeof V1_END - 1;
	e->end = e->newest.offset + e->newest.len;
	e->others = others;
	e->before = others ? roots[others - 1] : "";
	l2_log_close(log);
}

/* It does not hold, and is no torn end: the one before it is not taken in silence. */
static void is_damage(const struct edges *e, const char *bytes, size_t len, size_t at)
{
	struct l2_found found;
	struct l2_log *log;
	struct l2_damage d;

	l2_put(LOG_PATH, bytes, len);
	found = l2_find(LOG_PATH);
	if (found.failed != 1 || found.blocks != e->others || found.damages != 1)
		fail_msg("byte %zu is %d: %zu failed, %zu damages, %zu blocks", at,
		    (uint8_t)bytes[at], found.failed, found.damages, found.blocks);
	assert_string_equal(found.root, e->before);
	log = open_log(LOG_PATH);
	d = l2_log_damage(log, 0);
	assert_int_equal(d.kind, L2_DAMAGED);
	/* A first byte that became a blank is none. */
	assert_true(d.offset - e->newest.offset <= 1);
	assert_true(at < e->newest.offset + e->head
		? d.fault == 0
		: d.fault > e->head && d.fault < d.len);
	l2_log_close(log);
}

/* Each bit of a byte, none and all of them, and what text is parted by. */
static void damage_each(
    const struct edges *e, char *bytes, size_t len, size_t from, size_t n)
{
	for (size_t at = from; at < from + n; at++) {
		char was = bytes[at];

		for (unsigned v = 0; v < 256; v++) {
			uint8_t flip = (uint8_t)((uint8_t)was ^ v);

			if (!flip ||
			    (flip & (flip - 1) && v != 255 && !strchr(" \n\r", (int)v)))
				continue;
			bytes[at] = (char)v;
			is_damage(e, bytes, len, at);
		}
		bytes[at] = was;
	}
}

/* Of a log that is its one snapshot, of three; with what fills a sector, and without. */
static void a_damaged_end_is_not_torn(void **state)
{
	(void)state;
	for (int version = 1; version <= 2; version++)
		for (size_t others = 0; others < SNAPSHOTS; others += SNAPSHOTS - 1) {
			struct edges e;
			size_t len;
			char *bytes;

			l2_disk_clear();
			for (uint64_t i = 0; i <= others; i++)
				l2_grow(LOG_PATH, version, 2 + i, roots[i]);
			bytes = l2_get(LOG_PATH, &len);
			edges_find(&e, version, others);
			damage_each(&e, bytes, len, e.newest.offset, e.head);
			damage_each(&e, bytes, len, e.end - e.foot, e.foot);
			if (version == 1)
				damage_each(&e, bytes, e.end, e.end - e.foot, e.foot - 1);
			/* The next one is the newest, whatever is with this one. */
			bytes[e.newest.offset + 2] ^= 1;
			l2_put(LOG_PATH, bytes, len);
			l2_grow(LOG_PATH, version, 9, roots[1]);
			assert_string_equal(l2_find(LOG_PATH).root, roots[1]);
			assert_int_equal(l2_find(LOG_PATH).failed, 0);
			mem_free(bytes);
		}
}

/* What is looked for in a tail of any length is known of a long one before it is read
 * again. */
static void so_is_that_of_a_large_one(void **state)
{
	static const size_t from_end[] = { 1, 5, 12, 17, 30, 60 };

	(void)state;
	for (int version = 1; version <= 2; version++) {
		struct edges e;
		size_t len;
		char *bytes;

		l2_disk_clear();
		l2_grow(LOG_PATH, version, 2, roots[0]);
		l2_grow(LOG_PATH, version, 9000, roots[1]);
		bytes = l2_get(LOG_PATH, &len);
		edges_find(&e, version, 1);
		for (size_t at = 0; at < 12; at++)
			damage_each(&e, bytes, len, e.newest.offset + at, 1);
		for (size_t i = 0; i < sizeof from_end / sizeof *from_end; i++)
			if (from_end[i] <= e.foot)
				damage_each(&e, bytes, len, e.end - from_end[i], 1);
		mem_free(bytes);
	}
}

static void put_end(char *bytes, size_t len, const char *end, size_t n, size_t failed)
{
	memcpy(bytes + len, end, n);
	l2_put(LOG_PATH, bytes, len + n);
	assert_int_equal(l2_find(LOG_PATH).failed, failed);
	assert_string_equal(l2_find(LOG_PATH).root, roots[1]);
}

/* What a disk leaves of a last line that it was writing, sector by sector. */
static void a_cut_end_is_torn(void **state)
{
	size_t len, at;
	struct edges e;
	char *bytes, *room;

	(void)state;
	mem_free(three(1, &len));
	edges_find(&e, 1, 2);
	bytes = l2_get(LOG_PATH, &len);
	at = e.end - e.foot;
	room = mem_array(len + 3 * 4096, 1);
	memcpy(room, bytes, at);
	put_end(room, at, "END_SNAPSH", 10, 0);
	put_end(room, at, "END_SNAPSH\0", 11, 1);
	put_end(room, at, "END_SNAPSH ", 11, 1);
	/* Torn, and torn again behind the line feed that fences it off. */
	memset(room + at + 10, 0, 4096);
	room[e.newest.offset + 4096] = '\n';
	memcpy(room + at, "END_SNAPSH", 10);
	memcpy(room + e.newest.offset + 4097, V1_HEADER "timest", 18);
	put_end(room, e.newest.offset + 4097 + 18, "amp", 3, 0);
	/* The line lies across two sectors, and one of them was not written. */
	memset(room + at - 1, 'x', 512);
	at = (at + 511) / 512 * 512;
	room[at - 6] = '\n';
	memcpy(room + at - 5, "END_S", 5);
	put_end(room, at, "\0\0\0\0\0\0", 6, 0);
	memset(room + at - 5, 0, 5);
	put_end(room, at, "NAPSHOT \n", 9, 0);
	/* Of its first byte alone nobody can say. */
	room[at - 2] = '\n';
	room[at - 1] = '\0';
	put_end(room, at, "ND_SNAPSHOT \n", 13, 0);
	room[at - 1] = 1;
	put_end(room, at, "ND_SNAPSHOT \n", 13, 1);
	mem_free(room);
	mem_free(bytes);
}

/* Runs of bytes are lost, doubled, changed or put elsewhere. */
static void random_damage(void **state)
{
	enum { ROUNDS = 800 };
	uint64_t seed = 11;

	(void)state;
	for (int version = 1; version <= 2; version++) {
		size_t len;
		char *bytes = three(version, &len), *hurt = mem_array(len * 2, 1);

		for (int round = 0; round < ROUNDS; round++) {
			size_t from = sample_dice(&seed, len),
			       to = sample_dice(&seed, len);
			size_t run = 1 + sample_dice(&seed, round % 3 ? 60 : len),
			       n = len;
			struct l2_found found;

			run = run < len - from ? run : len - from;
			run = run < len - to ? run : len - to;
			memcpy(hurt, bytes, len);
			switch (round % 4) {
			case 0:
				memmove(hurt + from, hurt + from + run, len - from - run);
				n = len - run;
				break;
			case 1:
				memmove(hurt + from + run, hurt + from, len - from);
				n = len + run;
				break;
			case 2:
				memcpy(hurt + to, bytes + from, run);
				break;
			default:
				for (size_t i = 0; i < run; i++)
					hurt[from + i] = (char)sample_dice(&seed, 256);
			}
			l2_put(LOG_PATH, hurt, n);
			found = l2_find(LOG_PATH);
			if (found.block.len)
				assert_true(which(&found) >= 0);
			if (which(&found) < 2)
				assert_true(found.failed || found.damages ||
				    !has_more(
					hurt, found.block.offset + found.block.len, n));
		}
		mem_free(bytes);
		mem_free(hurt);
	}
}

/* -- records ----------------------------------------------------------------------------
 */

static void sums_are_those_of_others(void **state)
{
	uint8_t bytes[32];

	(void)state;
	/* RFC 3720, B.4 */
	assert_int_equal(crc32c("123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof bytes);
	assert_int_equal(crc32c(bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof bytes);
	assert_int_equal(crc32c(bytes, 32), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(crc32c(bytes, 32), 0x46dd794e);
	for (size_t n = 0; n <= sizeof bytes; n++)
		assert_int_equal(crc32c(bytes, n), crc32c_by_tables(bytes, n));
}

/* Another first record, as whole as the one before and as long: the second was not
 * written behind that. */
static void records_are_a_chain(void **state)
{
	struct l2_append how = { .version = 2 };
	struct l2_block a, b;
	struct l2_found found;
	struct l2_log *log;
	struct l2_state s;
	char root[L2_HEX];
	size_t len, other_len;
	char *bytes = three(2, &len), *other;

	(void)state;
	log = open_log(LOG_PATH);
	a = l2_log_at(log, 0);
	b = l2_log_at(log, 1);
	l2_state_init(&s);
	assert_int_equal(l2_log_load(log, a, &s, NULL), ERR_OK);
	l2_log_close(log);
	s.balances[0].amount++;
	l2_state_root(&s, root);
	assert_int_equal(l2_state_anchor(&s, root, 5002, l2_text("m"), NULL), ERR_OK);
	l2_disk_clear();
	assert_int_equal(
	    l2_log_append(&sim_disk_files, LOG_PATH, &s, &how, NULL), ERR_OK);
	other = l2_get(LOG_PATH, &other_len);
	assert_int_equal(other_len, a.len);
	memcpy(bytes, other, other_len);
	l2_put(LOG_PATH, bytes, b.offset + b.len);
	found = l2_find(LOG_PATH);
	assert_int_equal(found.failed, 1);
	assert_string_equal(found.root, root);
	/* Where there is no older one any more, nobody can say. */
	mem_free(bytes);
	bytes = three(2, &len);
	l2_put(LOG_PATH, bytes + b.offset, len - b.offset);
	assert_string_equal(l2_find(LOG_PATH).root, roots[2]);
	l2_state_release(&s);
	mem_free(bytes);
	mem_free(other);
}

static void any_state_as_a_record(void **state)
{
	static const struct l2_rules any = { 0 };
	uint64_t seed = 5;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct l2_state s, back;
		struct l2_verdict v;
		struct buf b;
		char root[L2_HEX];

		l2_state_init(&s);
		l2_state_init(&back);
		buf_init(&b, SIZE_MAX / 2);
		sample_any(&s, &seed, round % 50 ? 12 : 400);
		l2_state_sort(&s);
		l2_state_root(&s, root);
		v2_format(&b, &s, root, round % 2, 0, NULL);
		assert_int_equal(v2_load(&back, (char *)b.data, b.len, NULL), ERR_OK);
		assert_true(sample_same(&s, &back));
		v2_check(&v, (char *)b.data, b.len, NULL, &any);
		assert_int_equal(v.fault, L2_HOLDS);
		assert_string_equal(v.root, root);
		buf_release(&b);
		l2_state_release(&s);
		l2_state_release(&back);
	}
}

/* -- other files ------------------------------------------------------------------------
 */

static void told(void *ctx, struct l2_block block, const struct l2_verdict *v)
{
	(void)block;
	assert_int_equal(v->fault, L2_MALFORMED);
	++*(int *)ctx;
}

/* Each names the one before it, by its place and hash. */
static void is_chained(const char *path)
{
	size_t len, before = 0, n = 0;
	char *bytes = l2_get(path, &len);
	struct v2_head h;

	for (size_t at = 0; at < len; at += v2_len(&h)) {
		assert_true(v2_head_parse(&h, bytes + at, len - at));
		assert_int_equal(h.number, ++n);
		assert_int_equal(h.before, at ? before : V2_NOWHERE);
		if (at)
			assert_memory_equal(h.before_hash, bytes + at - V2_FOOT + 16, 32);
		before = at;
	}
	mem_free(bytes);
}

static void there_and_back(void **state)
{
	struct l2_append as_records = { .version = 2 },
			 packed = { .version = 2, .compress = true },
			 as_text = { .version = 1 };
	int failed = 0;
	size_t len, back_len, n;
	char *bytes = three(1, &len), *back;
	struct l2_log *log;

	(void)state;
	assert_int_equal(
	    l2_log_convert(&sim_disk_files, LOG_PATH, "/disk/v2", &as_records, &n,
		&(struct l2_copy_tell){ told, told, &failed }, NULL),
	    ERR_OK);
	assert_int_equal(n, 3);
	assert_string_equal(l2_find("/disk/v2").root, roots[2]);
	assert_int_equal(l2_find("/disk/v2").damages, 0);
	is_chained("/disk/v2");
	assert_int_equal(
	    l2_log_convert(&sim_disk_files, "/disk/v2", "/disk/packed", &packed, &n,
		&(struct l2_copy_tell){ told, told, &failed }, NULL),
	    ERR_OK);
	assert_string_equal(l2_find("/disk/packed").root, roots[2]);
	assert_int_equal(
	    l2_log_convert(&sim_disk_files, "/disk/packed", "/disk/v1", &as_text, &n,
		&(struct l2_copy_tell){ told, told, &failed }, NULL),
	    ERR_OK);
	back = l2_get("/disk/v1", &back_len);
	log = open_log(LOG_PATH);
	for (size_t i = 0, at = 0; i < 3; i++) {
		struct l2_block block = l2_log_at(log, i);

		assert_memory_equal(back + at, bytes + block.offset, block.len);
		at += block.len;
		assert_int_equal(at == back_len, i == 2);
	}
	l2_log_close(log);
	mem_free(back);
	/* One that is no snapshot any more is told, and left out. */
	bytes[20] = 'x';
	l2_put(LOG_PATH, bytes, len);
	assert_int_equal(
	    l2_log_convert(&sim_disk_files, LOG_PATH, "/disk/v2", &as_records, &n,
		&(struct l2_copy_tell){ told, told, &failed }, NULL),
	    ERR_OK);
	assert_int_equal(n, 2);
	assert_int_equal(failed, 1);
	assert_int_equal(l2_log_convert(&sim_disk_files, LOG_PATH, LOG_PATH, &as_text, &n,
			     &(struct l2_copy_tell){ told, told, &failed }, NULL),
	    ERR_USAGE);
	mem_free(bytes);
}

/* A snapshot with a peg-out that stands on an anchor, and maybe another one. */
static void grow_with_pegouts(const char *anchor, const char *also, char hash[L2_HEX])
{
	struct l2_append how = { .version = 1 };
	struct l2_pegout out = { .id = l2_text("out"), .anchor = l2_text(anchor) };
	struct l2_pegout other = { .id = l2_text("too") };
	struct l2_state s;
	char root[L2_HEX];
	struct fail f = { 0 };

	l2_state_init(&s);
	l2_state_add(&s, L2_PEGOUTS, &out);
	if (also) {
		other.anchor = l2_text(also);
		l2_state_add(&s, L2_PEGOUTS, &other);
	}
	l2_state_root(&s, root);
	assert_int_equal(l2_state_anchor(&s, root, 1, l2_text(""), NULL), ERR_OK);
	memcpy(hash, s.anchor.hash.at, L2_HEX - 1);
	hash[L2_HEX - 1] = '\0';
	if (l2_log_append(&sim_disk_files, LOG_PATH, &s, &how, &f))
		fail_msg("%s", f.why);
	l2_state_release(&s);
}

static void grow_with_pegout(const char *anchor, char hash[L2_HEX])
{
	grow_with_pegouts(anchor, NULL, hash);
}

static void anchor_of_first(char hash[L2_HEX])
{
	static const struct l2_demand demand = { 0 };
	struct l2_log *log = open_log(LOG_PATH);
	struct l2_verdict v;

	assert_int_equal(l2_log_check(log, l2_log_at(log, 0), &demand, &v, NULL), ERR_OK);
	memcpy(hash, v.anchor_hash, L2_HEX);
	l2_log_close(log);
}

static bool in_store(void *ctx, struct l2_bytes hash)
{
	return l2_same(hash, l2_text(ctx));
}

static struct l2_verdict verdict_of_last(const struct l2_demand *demand)
{
	struct l2_log *log = open_log(LOG_PATH);
	struct l2_verdict v;

	assert_int_equal(
	    l2_log_check(log, l2_log_at(log, l2_log_n(log) - 1), demand, &v, NULL),
	    ERR_OK);
	l2_log_close(log);
	return v;
}

static enum l2_fault check_last(const struct l2_demand *demand)
{
	return verdict_of_last(demand).fault;
}

/* Older anchors of the log, of blocks that hold; those of the store; never its own. */
static void a_pegout_stands_on_an_older_anchor(void **state)
{
	static const char other[] =
	    "0000000000000000000000000000000000000000000000000000000000000001";
	struct l2_demand demand = { .anchor_needed = true };
	char first[L2_HEX], own[L2_HEX], last[L2_HEX];
	struct l2_found found;
	size_t len;
	char *bytes = three(1, &len);

	(void)state;
	anchor_of_first(first);
	grow_with_pegout(first, own);
	assert_int_equal(check_last(&demand), L2_HOLDS);
	found = l2_find(LOG_PATH);
	assert_int_equal(found.failed, 0);
	l2_find_from_the_end(LOG_PATH, &found);
	grow_with_pegout(own, last);
	assert_int_equal(check_last(&demand), L2_HOLDS);
	demand.strict_upstream = true;
	assert_int_equal(check_last(&demand), L2_PEGOUT_UNBACKED);
	demand.strict_upstream = false;
	grow_with_pegout(other, last);
	assert_int_equal(check_last(&demand), L2_PEGOUT_UNBACKED);
	demand.stored = in_store;
	demand.ctx = (void *)(uintptr_t)other;
	assert_int_equal(check_last(&demand), L2_HOLDS);
	demand.stored = NULL;
	/* Its own hash is in its root: nobody can name it. By hand it is in the block
	 * itself, and that is not older. */
	mem_free(bytes);
	bytes = l2_get(LOG_PATH, &len);
	for (char *at = bytes; (at = memmem(at, len - (size_t)(at - bytes), other, 64));)
		memcpy(at, last, 64);
	l2_put(LOG_PATH, bytes, len);
	assert_int_not_equal(check_last(&demand), L2_HOLDS);
	mem_free(bytes);
}

/* The hash of an anchor that is to come can be known before. */
static void a_later_anchor_is_none(void **state)
{
	struct l2_demand demand = { .anchor_needed = true };
	char first[L2_HEX], own[L2_HEX];
	struct l2_log *log;
	struct l2_verdict v;
	size_t len;

	(void)state;
	mem_free(three(1, &len));
	anchor_of_first(first);
	l2_disk_clear();
	grow_with_pegout(first, own);
	l2_grow(LOG_PATH, 1, 2, own);
	log = open_log(LOG_PATH);
	assert_int_equal(l2_log_check(log, l2_log_at(log, 1), &demand, &v, NULL), ERR_OK);
	assert_string_equal(v.anchor_hash, first);
	assert_int_equal(l2_log_check(log, l2_log_at(log, 0), &demand, &v, NULL), ERR_OK);
	assert_int_equal(v.fault, L2_PEGOUT_UNBACKED);
	l2_log_close(log);
}

/* What damage took its anchor from it is named. */
static void an_older_anchor_must_hold(void **state)
{
	struct l2_demand demand = { .anchor_needed = true };
	char first[L2_HEX], own[L2_HEX];
	struct l2_verdict v;
	size_t len;
	char *bytes = three(1, &len), *at;

	(void)state;
	anchor_of_first(first);
	grow_with_pegout(first, own);
	mem_free(bytes);
	bytes = l2_get(LOG_PATH, &len);
	at = strstr(bytes, "\"peer-0\" 14");
	assert_non_null(at);
	at[10] = '5';
	l2_put(LOG_PATH, bytes, len);
	v = verdict_of_last(&demand);
	assert_int_equal(v.fault, L2_PEGOUT_UNBACKED);
	assert_true(v.backing_hurt);
	assert_non_null(strstr(v.why,
	    ": the snapshot at byte 0, which has it, does not "
	    "hold: byte "));
	assert_non_null(strstr(v.why, "Anchor state root mismatch"));
	/* unless somebody else has it */
	demand.stored = in_store;
	demand.ctx = first;
	v = verdict_of_last(&demand);
	assert_int_equal(v.fault, L2_HOLDS);
	assert_false(v.backing_hurt);
	mem_free(bytes);
}

/* Of a snapshot that stands on the store as well, what it needs of the log stays. */
static void pruning_asks_for_no_store(void **state)
{
	char first[L2_HEX], own[L2_HEX], stored[L2_HEX];
	struct l2_demand demand = {
		.anchor_needed = true, .stored = in_store, .ctx = stored
	};
	struct l2_pruned pruned;
	size_t len;

	(void)state;
	memset(stored, '5', L2_HEX - 1);
	stored[L2_HEX - 1] = '\0';
	mem_free(three(1, &len));
	anchor_of_first(first);
	grow_with_pegouts(first, stored, own);
	assert_int_equal(check_last(&demand), L2_HOLDS);
	assert_int_equal(
	    l2_log_prune(&sim_disk_files, LOG_PATH, 1, "/disk/p", &pruned, NULL, NULL),
	    ERR_OK);
	assert_int_equal(sim_disk_files.rename("/disk/p", LOG_PATH, NULL), ERR_OK);
	assert_int_equal(check_last(&demand), L2_HOLDS);
}

static void pruning_keeps_what_is_needed(void **state)
{
	struct l2_demand demand = { .anchor_needed = true };
	struct l2_pruned pruned;
	char first[L2_HEX], own[L2_HEX];
	size_t len;

	(void)state;
	mem_free(three(1, &len));
	assert_int_equal(
	    l2_log_prune(&sim_disk_files, LOG_PATH, 2, "/disk/p", &pruned, NULL, NULL),
	    ERR_OK);
	assert_int_equal(pruned.blocks, 3);
	assert_int_equal(pruned.kept, 2);
	assert_int_equal(pruned.needed, 0);
	assert_string_equal(l2_find("/disk/p").root, roots[2]);
	assert_int_equal(l2_find("/disk/p").damages, 0);
	anchor_of_first(first);
	grow_with_pegout(first, own);
	assert_int_equal(
	    l2_log_prune(&sim_disk_files, LOG_PATH, 1, "/disk/p", &pruned, NULL, NULL),
	    ERR_OK);
	assert_int_equal(pruned.kept, 2);
	assert_int_equal(pruned.needed, 1);
	assert_int_equal(sim_disk_files.rename("/disk/p", LOG_PATH, NULL), ERR_OK);
	assert_int_equal(check_last(&demand), L2_HOLDS);
	/* A record is moved with its chain. */
	mem_free(three(2, &len));
	assert_int_equal(
	    l2_log_prune(&sim_disk_files, LOG_PATH, 2, "/disk/p", &pruned, NULL, NULL),
	    ERR_OK);
	assert_string_equal(l2_find("/disk/p").root, roots[2]);
	assert_int_equal(l2_find("/disk/p").blocks, 2);
	assert_int_equal(l2_find("/disk/p").damages, 0);
	/* One that does not hold is kept beside the newest that does. */
	{
		char *bytes = three(1, &len);

		struct l2_block newest = l2_find(LOG_PATH).block;

		bytes[newest.offset + newest.len - 20] ^= 1;
		l2_put(LOG_PATH, bytes, len);
		mem_free(bytes);
	}
	assert_int_equal(
	    l2_log_prune(&sim_disk_files, LOG_PATH, 1, "/disk/p", &pruned, NULL, NULL),
	    ERR_OK);
	assert_int_equal(pruned.kept, 2);
	assert_string_equal(l2_find("/disk/p").root, roots[1]);
}

static void each_is_a_file(void **state)
{
	size_t len, n, one_len;
	int failed = 0;
	char *bytes, *one;

	(void)state;
	for (int version = 1; version <= 2; version++) {
		bytes = three(version, &len);
		assert_int_equal(
		    l2_log_extract(&sim_disk_files, LOG_PATH, "/disk/out", &n,
			&(struct l2_copy_tell){ told, told, &failed }, NULL),
		    ERR_OK);
		assert_int_equal(n, 3);
		assert_string_equal(l2_find("/disk/out/snapshot_1.dat").root, roots[0]);
		one = l2_get("/disk/out/snapshot_3.dat", &one_len);
		assert_memory_equal(one, V1_HEADER, sizeof V1_HEADER - 1);
		mem_free(one);
		mem_free(bytes);
	}
}

/* -- two formats ---------------------------------------------------------------- */

#define HALVES 3

/* So many snapshots of this version, from that many balances on. */
static char *half(int version, uint64_t balances, size_t *ret_len, char root[L2_HEX])
{
	l2_disk_clear();
	for (uint64_t i = 0; i < HALVES; i++)
		l2_grow(LOG_PATH, version, balances + i, root);
	return l2_get(LOG_PATH, ret_len);
}

static void put_both(const char *a, size_t a_len, const char *b, size_t b_len)
{
	struct buf both;

	buf_init(&both, SIZE_MAX / 2);
	buf_add(&both, a, a_len);
	buf_add(&both, b, b_len);
	l2_disk_clear();
	l2_put(LOG_PATH, both.data, both.len);
	buf_release(&both);
}

static void is_mixed_at(uint64_t at)
{
	static const struct l2_demand demand = { .anchor_needed = true };
	struct l2_log *log = open_log(LOG_PATH);
	struct l2_end end;
	uint64_t other;

	assert_int_equal(
	    l2_log_end(&end, &sim_disk_files, LOG_PATH, &demand, L2_END_ALL, NULL),
	    ERR_OK);
	assert_true(end.mixed);

	assert_true(l2_log_is_mixed(log, &other));
	assert_int_equal(other, at);
	l2_log_close(log);
}

static void in_one_format(int version, size_t n, const char *root)
{
	const struct l2_append how = { .version = version };
	struct l2_log *log;
	uint64_t at;
	size_t done;

	assert_int_equal(l2_log_convert(&sim_disk_files, LOG_PATH, "/disk/one", &how,
			     &done, NULL, NULL),
	    ERR_OK);
	assert_int_equal(done, n);
	assert_string_equal(l2_find("/disk/one").root, root);
	log = open_log("/disk/one");
	assert_int_equal(l2_log_version(log), version);
	assert_false(l2_log_is_mixed(log, &at));
	assert_int_equal(l2_log_damages(log), 0);
	l2_log_close(log);
}

/* A file that somebody put behind another: nothing whole of either is passed over. */
static void two_formats_in_a_file(void **state)
{
	char a_root[L2_HEX], b_root[L2_HEX], next[L2_HEX];

	(void)state;
	for (int version = 1; version <= 2; version++) {
		size_t a_len, b_len;
		char *a = half(version, 3, &a_len, a_root);
		char *b = half(3 - version, 40, &b_len, b_root);
		struct l2_found found;

		put_both(a, a_len, b, b_len);
		is_mixed_at(a_len);
		found = l2_find(LOG_PATH);
		assert_string_equal(found.root, b_root);
		assert_int_equal(found.blocks, 2 * HALVES);
		assert_int_equal(found.damages, 0);
		l2_find_from_the_end(LOG_PATH, &found);
		for (int to = 1; to <= 2; to++)
			in_one_format(to, 2 * HALVES, b_root);
		l2_grow(LOG_PATH, 3 - version, 60, next);
		found = l2_find(LOG_PATH);
		assert_string_equal(found.root, next);
		assert_int_equal(found.blocks, 2 * HALVES + 1);
		assert_int_equal(found.damages, 0);
		/* What tore the first one off tears nothing off the second. */
		for (size_t cut = 1; cut < V2_SECTOR; cut += 97) {
			a[a_len - V2_SECTOR - cut - 1] = '\n';
			put_both(a, a_len - V2_SECTOR - cut, b, b_len);
			found = l2_find(LOG_PATH);
			assert_string_equal(found.root, b_root);
			assert_true(found.blocks >= 2 * HALVES - 2);
			l2_find_from_the_end(LOG_PATH, &found);
		}
		mem_free(a);
		mem_free(b);
	}
}

/* The newest of the second half is damaged: it is no torn end of the first. */
static void damage_in_the_other_format(void **state)
{
	char root[L2_HEX];

	(void)state;
	for (int version = 1; version <= 2; version++) {
		size_t a_len, b_len, last;
		char *a = half(version, 3, &a_len, root);
		char *b = half(3 - version, 4, &b_len, root);

		put_both(a, a_len, b, b_len);
		last = (size_t)(l2_find(LOG_PATH).block.offset - a_len);
		for (size_t i = 0; i < (version == 1 ? V2_HEAD + V2_FOOT : 11); i++) {
			size_t at =
			    i < V2_HEAD ? last + i : b_len - V2_FOOT + i - V2_HEAD;

			b[at] ^= 4;
			/* All places are off by one. */
			put_both(a, a_len - 1, b, b_len);
			assert_true(l2_find(LOG_PATH).failed > 0);
			b[at] ^= 4;
		}
		mem_free(a);
		mem_free(b);
	}
}

/* What stands behind a hurt record begins no line, and is in no quotes: no header of a
 * text is before it. */
static void a_hurt_record_hides_no_other(void **state)
{
	char root[L2_HEX], newest[L2_HEX];
	size_t text_len, len;
	char *text = half(1, 3, &text_len, root), *records = half(2, 40, &len, newest);

	(void)state;
	for (size_t i = 0; i < HALVES - 1; i++)
		for (int foot = 0; foot < 2; foot++) {
			size_t at = i * V2_SECTOR + (foot ? V2_SECTOR - 20 : 20);
			struct l2_found found;

			records[at] ^= 1;
			put_both(text, text_len, records, len);
			records[at] ^= 1;
			found = l2_find(LOG_PATH);
			assert_string_equal(found.root, newest);
			assert_int_equal(found.blocks, 2 * HALVES - 1);
			assert_int_equal(found.damages, 1);
			l2_find_from_the_end(LOG_PATH, &found);
		}
	mem_free(text);
	mem_free(records);
}

/* What users may write into the texts of a snapshot is no snapshot, should it be torn:
 * that records stand there is told. */
static void a_record_in_quotes_is_none(void **state)
{
	char root[L2_HEX], other[L2_HEX];
	size_t text_len, records_len;
	char *text = half(1, 3, &text_len, root),
	     *records = half(2, 40, &records_len, other);
	struct l2_found found;
	size_t cut = text_len;

	(void)state;
	while (text[cut - 1] != '"')
		cut--;
	put_both(text, cut, records, records_len);
	found = l2_find(LOG_PATH);
	assert_int_equal(found.blocks, HALVES - 1);
	assert_int_equal(found.failed, 1);
	assert_string_not_equal(found.root, other);
	l2_find_from_the_end(LOG_PATH, &found);
	mem_free(text);
	mem_free(records);
}

/* Its records name those before them by places of the file that they were in. */
static void a_chain_behind_another_file(void **state)
{
	char root[L2_HEX];
	size_t a_len, b_len;
	char *a = half(2, 3, &a_len, root), *b = half(2, 40, &b_len, root);
	struct l2_found found;

	(void)state;
	put_both(a, a_len, b, b_len);
	found = l2_find(LOG_PATH);
	assert_string_equal(found.root, root);
	assert_int_equal(found.failed, 0);
	assert_int_equal(found.blocks, 2 * HALVES);
	mem_free(a);
	mem_free(b);
}

static void it_has_one_writer(void **state)
{
	struct l2_append how = { .version = 1 };
	struct l2_state s;
	struct file *file;
	struct fail f;
	size_t len;

	(void)state;
	mem_free(three(1, &len));
	assert_int_equal(sim_disk_files.open(&file, LOG_PATH, FILE_WRITE, NULL), ERR_OK);
	assert_int_equal(sim_disk_files.own(file, NULL), ERR_OK);
	l2_state_init(&s);
	assert_int_equal(
	    l2_log_append(&sim_disk_files, LOG_PATH, &s, &how, &f), ERR_OWNED);
	sim_disk_files.close(file);
	assert_int_equal(l2_log_append(&sim_disk_files, LOG_PATH, &s, &how, &f), ERR_OK);
}

/* The same on files of the system. */
static void on_a_real_disk(void **state)
{
	const struct files *files = &files_of_system;
	struct l2_append how = { .version = 1 };
	char folder[] = "/tmp/l2-log-XXXXXX", path[100], other[100];
	struct l2_demand demand = { .anchor_needed = true };
	struct l2_block block;
	struct l2_verdict v;
	struct l2_pruned pruned;
	struct l2_log *log;
	struct file *file, *second;
	struct l2_state s;
	struct fail f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/log", folder);
	snprintf(other, sizeof other, "%s/other", folder);
	assert_int_equal(l2_log_open(&log, files, path, &f), ERR_NOT_FOUND);
	l2_state_init(&s);
	sample_anchor(&s);
	assert_int_equal(l2_log_append(files, path, &s, &how, &f), ERR_OK);
	assert_int_equal(l2_log_append(files, path, &s, &how, &f), ERR_OK);
	assert_int_equal(files->open(&file, path, FILE_WRITE, &f), ERR_OK);
	assert_int_equal(files->open(&second, path, FILE_WRITE, &f), ERR_OK);
	assert_int_equal(files->own(file, &f), ERR_OK);
	assert_int_equal(files->own(second, &f), ERR_OWNED);
	files->close(second);
	assert_int_equal(l2_log_append(files, path, &s, &how, &f), ERR_OWNED);
	assert_int_equal(l2_log_prune(files, path, 1, other, &pruned, NULL, &f), ERR_OK);
	assert_int_equal(pruned.kept, 1);
	assert_int_equal(files->rename(other, path, &f), ERR_OK);
	files->close(file);
	assert_int_equal(l2_log_open(&log, files, path, &f), ERR_OK);
	assert_int_equal(l2_log_newest(log, &demand, &block, &v, NULL, NULL, &f), ERR_OK);
	assert_string_equal(v.root, SAMPLE_ROOT);
	assert_int_equal(block.offset, 0);
	l2_log_close(log);
	assert_int_equal(files->remove(path, &f), ERR_OK);
	assert_int_equal(files->remove(path, &f), ERR_NOT_FOUND);
	assert_int_equal(l2_log_append(files, folder, &s, &how, &f), ERR_SYSTEM);
	assert_int_equal(rmdir(folder), 0);
	l2_state_release(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_the_older_program),
		cmocka_unit_test(what_is_appended_is_found),
		cmocka_unit_test(what_may_not_be_written_is_refused),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(every_change_of_a_byte),
		cmocka_unit_test(a_damaged_end_is_not_torn),
		cmocka_unit_test(so_is_that_of_a_large_one),
		cmocka_unit_test(a_cut_end_is_torn),
		cmocka_unit_test(random_damage),
		cmocka_unit_test(sums_are_those_of_others),
		cmocka_unit_test(records_are_a_chain),
		cmocka_unit_test(any_state_as_a_record),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(a_pegout_stands_on_an_older_anchor),
		cmocka_unit_test(a_later_anchor_is_none),
		cmocka_unit_test(an_older_anchor_must_hold),
		cmocka_unit_test(pruning_keeps_what_is_needed),
		cmocka_unit_test(pruning_asks_for_no_store),
		cmocka_unit_test(each_is_a_file),
		cmocka_unit_test(two_formats_in_a_file),
		cmocka_unit_test(damage_in_the_other_format),
		cmocka_unit_test(a_hurt_record_hides_no_other),
		cmocka_unit_test(a_record_in_quotes_is_none),
		cmocka_unit_test(a_chain_behind_another_file),
		cmocka_unit_test(it_has_one_writer),
		cmocka_unit_test(on_a_real_disk),
	};

	return cmocka_run_group_tests(tests, l2_disk_begin, NULL);
}
