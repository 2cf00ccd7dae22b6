/* Users choose the texts of a snapshot: what they write there is no snapshot, wherever a
 * log is torn or damaged, and hides none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kinds/node/snapshot/v1.h"
#include "kinds/node/snapshot/v2.h"
#include "l2_disk.h"
#include "l2_sample.h"
#include "own_folder.h"

#define SNAPSHOTS 3

static char roots[SNAPSHOTS + 2][L2_HEX];

/* What may stand in a text, and packs into nothing smaller. */
static void add_noise(struct buf *b, uint64_t *seed, size_t n)
{
	while (n) {
		uint8_t byte = (uint8_t)sample_dice(seed, 256);

		if (byte == ':' || byte == '\n' || byte == '"' || byte == '\\')
			continue;
		buf_add_byte(b, byte);
		n--;
	}
}

/* A record as whole as any, of a sector, that can be said within a text: the state in it
 * is the one that somebody would like to have. */
static void add_wanted(struct buf *b, char root[L2_HEX])
{
	uint64_t seed = 77;

	for (uint64_t amount = 1000000;; amount++) {
		struct l2_balance one = { .amount = amount };
		struct buf peer, record;
		struct l2_state s;
		bool fits;

		buf_init(&peer, SIZE_MAX / 2);
		buf_init(&record, SIZE_MAX / 2);
		add_noise(&peer, &seed, 3500);
		one.peer = (struct l2_bytes){ (char *)peer.data, peer.len };
		l2_state_init(&s);
		l2_state_add(&s, L2_BALANCES, &one);
		l2_state_root(&s, root);
		v2_format(&record, &s, root, false, 0, NULL);
		assert_int_equal(record.len, V2_SECTOR);
		fits = !memchr(record.data, ':', record.len) &&
		    !memchr(record.data, '\n', record.len) &&
		    !memchr(record.data, '"', record.len) &&
		    !memchr(record.data, '\\', record.len);
		if (fits)
			buf_add(b, record.data, record.len);
		l2_state_release(&s);
		buf_release(&record);
		buf_release(&peer);
		if (fits)
			return;
	}
}

/* A state in which that is the name of a peer, which begins `shift` bytes before. */
static void grow_hostile(
    int version, bool compress, struct l2_bytes said, size_t shift, char root[L2_HEX])
{
	struct l2_append how = {
		.version = version, .compress = compress, .metadata = l2_text("m")
	};
	struct l2_balance one = { .amount = 10 };
	uint64_t seed = 5;
	struct l2_state s;
	struct buf peer;
	struct fail f = { 0 };

	buf_init(&peer, SIZE_MAX / 2);
	add_noise(&peer, &seed, shift);
	buf_add(&peer, said.at, said.len);
	add_noise(&peer, &seed, shift ? 300 : 0);
	one.peer = (struct l2_bytes){ (char *)peer.data, peer.len };
	l2_state_init(&s);
	l2_state_add(&s, L2_BALANCES, &one);
	l2_state_root(&s, root);
	assert_int_equal(l2_state_anchor(&s, root, 9, l2_text("m"), NULL), ERR_OK);
	if (l2_log_append(&sim_disk_files, LOG_PATH, &s, &how, &f))
		fail_msg("append: %s", f.why);
	l2_state_release(&s);
	buf_release(&peer);
}

static char *begin(int version, size_t *ret_len)
{
	l2_disk_clear();
	for (uint64_t i = 0; i < SNAPSHOTS; i++)
		l2_grow(LOG_PATH, version, 2 + i, roots[i]);
	return l2_get(LOG_PATH, ret_len);
}

static struct l2_found find_is(const char *root, size_t blocks, size_t failed)
{
	struct l2_found found = l2_find(LOG_PATH);

	assert_string_equal(found.root, root);
	assert_int_equal(found.blocks, blocks);
	assert_int_equal(found.failed, failed);
	l2_find_from_the_end(LOG_PATH, &found);
	return found;
}

/* The power goes while the record is written; later its head is hurt. In both cases what
 * stands in it is looked through for the next one. */
static void a_record_in_a_record(void **state)
{
	struct buf wanted;
	char thief[L2_HEX];

	(void)state;
	buf_init(&wanted, SIZE_MAX / 2);
	add_wanted(&wanted, thief);
	for (int compress = 0; compress < 2; compress++) {
		struct l2_bytes said = { (char *)wanted.data, wanted.len };
		size_t before, len;
		char *bytes;

		mem_free(begin(2, &before));
		/* It begins a sector, as all do. */
		grow_hostile(2, compress, said, V2_SECTOR - V2_HEAD - 12, roots[3]);
		find_is(roots[3], SNAPSHOTS + 1, 0);
		bytes = l2_get(LOG_PATH, &len);
		for (size_t cut = 1; cut < (len - before) / 512; cut++) {
			l2_put(LOG_PATH, bytes, before + cut * 512);
			find_is(roots[2], SNAPSHOTS, 0);
		}
		/* What is written behind it is found. */
		l2_grow(LOG_PATH, 2, 9, roots[4]);
		find_is(roots[4], SNAPSHOTS + 1, 0);
		l2_put(LOG_PATH, bytes, len);
		l2_grow(LOG_PATH, 2, 9, roots[4]);
		mem_free(bytes);
		bytes = l2_get(LOG_PATH, &len);
		bytes[before + 30] ^= 1;
		l2_put(LOG_PATH, bytes, len);
		find_is(roots[4], SNAPSHOTS + 1, 0);
		l2_put(LOG_PATH, bytes, len - V2_SECTOR);
		find_is(roots[2], SNAPSHOTS, 1);
		mem_free(bytes);
	}
	buf_release(&wanted);
}

/* A text whose header is hurt is a text all the same. */
static void a_record_in_a_hurt_text(void **state)
{
	char thief[L2_HEX];
	struct buf wanted;
	size_t before, len;
	char *bytes;

	(void)state;
	buf_init(&wanted, SIZE_MAX / 2);
	add_wanted(&wanted, thief);
	mem_free(begin(1, &before));
	grow_hostile(1, false, (struct l2_bytes){ (char *)wanted.data, wanted.len }, 100,
	    roots[3]);
	find_is(roots[3], SNAPSHOTS + 1, 0);
	bytes = l2_get(LOG_PATH, &len);
	for (size_t i = 0; i < sizeof V1_HEADER - 1; i++) {
		bytes[before + i] ^= 4;
		l2_put(LOG_PATH, bytes, len);
		find_is(roots[2], SNAPSHOTS, 1);
		bytes[before + i] ^= 4;
	}
	/* All of it before the line with the quotes. */
	memset(bytes + before, 0, 30);
	l2_put(LOG_PATH, bytes, len);
	find_is(roots[2], SNAPSHOTS, 1);
	mem_free(bytes);
	buf_release(&wanted);
}

/* Its foot says so, which is where the next one who opens the log looks. */
static void ends_in_a_record(void)
{
	struct v2_foot foot;
	size_t len;
	char *bytes = l2_get(LOG_PATH, &len);

	assert_true(v2_foot_parse(&foot, bytes + len - V2_FOOT, V2_FOOT));
	assert_int_equal(foot.offset + foot.len, len);
	mem_free(bytes);
}

/* The same in a text that was put behind records. */
static void a_record_in_a_text_behind_records(void **state)
{
	char thief[L2_HEX];
	struct buf wanted, both;
	size_t records_len, text_len;
	char *records, *text;

	(void)state;
	buf_init(&wanted, SIZE_MAX / 2);
	buf_init(&both, SIZE_MAX / 2);
	add_wanted(&wanted, thief);
	l2_disk_clear();
	grow_hostile(1, false, (struct l2_bytes){ (char *)wanted.data, wanted.len }, 100,
	    roots[3]);
	text = l2_get(LOG_PATH, &text_len);
	records = begin(2, &records_len);
	buf_add(&both, records, records_len);
	buf_add(&both, text, text_len);
	l2_disk_clear();
	l2_put(LOG_PATH, both.data, both.len);
	find_is(roots[3], SNAPSHOTS + 1, 0);
	/* Torn, and with a record behind it. */
	l2_put(LOG_PATH, both.data, both.len - V2_SECTOR);
	assert_string_equal(l2_find(LOG_PATH).root, roots[2]);
	l2_grow(LOG_PATH, 2, 9, roots[4]);
	find_is(roots[4], SNAPSHOTS + 1, 0);
	ends_in_a_record();
	mem_free(records);
	mem_free(text);
	buf_release(&both);
	buf_release(&wanted);
}

/* Name and amount are the header of a text, in a record that is torn or hurt. */
static void a_header_in_a_record(void **state)
{
	static const struct l2_bytes header = { "SNAPSHOT v1", 11 };
	size_t before, len;
	char *bytes;

	(void)state;
	for (int text = 0; text < 2; text++) {
		struct buf both;
		size_t text_len;
		char *a = begin(1, &text_len);

		mem_free(begin(2, &before));
		grow_hostile(2, false, header, 0, roots[3]);
		l2_grow(LOG_PATH, 2, 9, roots[4]);
		bytes = l2_get(LOG_PATH, &len);
		assert_non_null(memmem(bytes, len, V1_HEADER, sizeof V1_HEADER - 1));
		bytes[before + 30] ^= 1;
		buf_init(&both, SIZE_MAX / 2);
		if (text)
			buf_add(&both, a, text_len);
		buf_add(&both, bytes, len);
		l2_put(LOG_PATH, both.data, both.len);
		find_is(roots[4], SNAPSHOTS + 1 + (text ? SNAPSHOTS : 0), 0);
		buf_release(&both);
		mem_free(bytes);
		mem_free(a);
	}
}

/* Who writes a log otherwise puts the next header where the last byte was. Nothing but
 * its line feed lacks: that snapshot is whole. */
static void a_header_in_a_torn_line(void **state)
{
	size_t len, end;
	char *bytes = begin(1, &len), *text = strstr(bytes, "END_SNAPSHOT");
	struct buf b;

	(void)state;
	/* The first one of the three, torn at each byte, and the others. */
	end = (size_t)(text - bytes) + sizeof V1_END - 1;
	text = strstr(text, V1_HEADER);
	for (size_t cut = 1; cut <= end; cut++) {
		struct l2_found found;

		buf_init(&b, SIZE_MAX / 2);
		buf_add(&b, bytes, cut);
		buf_add(&b, text, len - (size_t)(text - bytes));
		l2_put(LOG_PATH, b.data, b.len);
		found = find_is(roots[2], SNAPSHOTS - (cut < end - 1), 0);
		assert_int_equal(found.damages, cut < end - 1);
		buf_release(&b);
	}
	mem_free(bytes);
}

/* Behind a line of nothing. */
static size_t blocks_in_file(const char *path)
{
	struct l2_log *log;
	struct fail f;
	size_t n;

	assert_int_equal(l2_log_open(&log, &files_of_system, path, &f), ERR_OK);
	assert_int_equal(l2_log_survey(log, &f), ERR_OK);
	n = l2_log_n(log);
	assert_int_equal(l2_log_damages(log), 1);
	l2_log_close(log);
	return n;
}

/* The same where a log is read in two pieces, at each byte of both lines. */
static void a_header_in_a_torn_line_of_two_pieces(void **state)
{
	enum { PIECE = (4 << 20) + 2 * V2_SECTOR, BOTH = 24 }; /* log_scan.c */
	size_t len, end;
	char *bytes = begin(1, &len), *text = strstr(bytes, "END_SNAPSHOT"), path[64];

	(void)state;
	snprintf(path, sizeof path, "%s/log", own_folder);
	end = (size_t)(text - bytes) + sizeof V1_END - 2;
	text = strstr(text, V1_HEADER);
	for (size_t at = 0; at <= BOTH; at++) {
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		fprintf(file, "%*s\n", (int)(PIECE - end + at - BOTH / 2 - 1), "");
		fwrite(bytes, end, 1, file);
		fwrite(text, len - (size_t)(text - bytes), 1, file);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(blocks_in_file(path), SNAPSHOTS);
	}
	mem_free(bytes);
}

/* What parts the word in a body is no word, and the body is the same. */
static void no_body_has_the_word(void **state)
{
	static const char *const said[] = { "L2SNAP2", "L2S", "L2SNA", "P2", "NAP2",
		"2" };
	uint64_t seed = 3;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		size_t n = sample_dice(&seed, round % 20 ? 400 : 40000), words = 0;
		struct l2_balance one = { .amount = 1 };
		struct l2_state s, back;
		struct buf peer, b;
		char root[L2_HEX];

		buf_init(&peer, SIZE_MAX / 2);
		buf_init(&b, SIZE_MAX / 2);
		for (size_t i = 0; i < n; i++) {
			add_noise(&peer, &seed, sample_dice(&seed, 6));
			buf_add_str(&peer, said[sample_dice(&seed, 6)]);
		}
		one.peer = (struct l2_bytes){ (char *)peer.data, peer.len };
		l2_state_init(&s);
		l2_state_init(&back);
		l2_state_add(&s, L2_BALANCES, &one);
		l2_state_root(&s, root);
		v2_format(&b, &s, root, round % 2, 0, NULL);
		for (size_t i = 0; i + 7 <= b.len; i++)
			words += memcmp(b.data + i, "L2SNAP2", 7) == 0;
		assert_int_equal(words, 2);
		assert_int_equal(v2_load(&back, (char *)b.data, b.len, NULL), ERR_OK);
		assert_true(sample_same(&s, &back));
		l2_state_release(&s);
		l2_state_release(&back);
		buf_release(&peer);
		buf_release(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_in_a_record),
		cmocka_unit_test(a_record_in_a_hurt_text),
		cmocka_unit_test(a_record_in_a_text_behind_records),
		cmocka_unit_test(a_header_in_a_record),
		cmocka_unit_test(a_header_in_a_torn_line),
		cmocka_unit_test_setup_teardown(a_header_in_a_torn_line_of_two_pieces,
		    own_folder_make, own_folder_remove),
		cmocka_unit_test(no_body_has_the_word),
	};

	return cmocka_run_group_tests(tests, l2_disk_begin, NULL);
}
