/* The floor: errors, memory, buffers, text. Amounts have a suite of their own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/crash.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/shell.h"
#include "base/utf8.h"
#include "own_folder.h"

static void err_table(void **state)
{
	(void)state;
	assert_int_equal(err_class(ERR_OK), CLASS_NONE);
	assert_int_equal(err_class(ERR_UNANSWERED), CLASS_UNKNOWN);
	assert_int_equal(err_class(ERR_JOURNAL), CLASS_FATAL);
	assert_string_equal(err_name(ERR_NO_QUORUM), "NO_QUORUM");
	assert_int_equal(err_exit_code(ERR_INPUT), 2);
	assert_int_equal(err_exit_code(ERR_OK), 0);
	for (enum err e = ERR_OK; e < ERR_COUNT; e++) {
		assert_true(err_text(e)[0] != '\0');
		assert_true(e == ERR_OK || err_class(e) != CLASS_NONE);
		assert_true(e == ERR_OK || err_exit_code(e) != 0);
	}
}

static void fail_wraps_outermost_first(void **state)
{
	struct fail f = { 0 };

	(void)state;
	assert_int_equal(fail_set(&f, ERR_CONFIG, "not %s", "hex"), ERR_CONFIG);
	assert_int_equal(fail_wrap(&f, ERR_CONFIG, "keys.%s", "x"), ERR_CONFIG);
	assert_int_equal(fail_wrap(&f, ERR_KEY, "pawl.yaml:%d", 3), ERR_KEY);
	assert_string_equal(f.why, "pawl.yaml:3: keys.x: not hex");
	assert_int_equal(f.err, ERR_KEY);
	/* an argument may be the sentence itself */
	fail_set(&f, ERR_INPUT, "again: %s", f.why);
	assert_string_equal(f.why, "again: pawl.yaml:3: keys.x: not hex");
	assert_int_equal(fail_set(NULL, ERR_INPUT, "nobody listens"), ERR_INPUT);
	assert_int_equal(fail_wrap(NULL, ERR_INPUT, "nobody listens"), ERR_INPUT);
}

static void a_disk_that_gives_nothing_is_no_refusal(void **state)
{
	struct fail f = { 0 };

	(void)state;
	errno = EACCES;
	assert_int_equal(fail_file(&f, ERR_CONFIG, "pawl.yaml"), ERR_CONFIG);
	assert_string_equal(f.why, "pawl.yaml: Permission denied");
	errno = EIO;
	assert_int_equal(fail_file(&f, ERR_CONFIG, "pawl.yaml"), ERR_UNREADABLE);
	assert_non_null(strstr(f.why, "pawl.yaml: an I/O error"));
	assert_int_equal(err_exit_code(f.err), 3);
}

static void fail_wrap_without_inner_sentence(void **state)
{
	struct fail f = { 0 };

	(void)state;
	assert_int_equal(fail_wrap(&f, ERR_DISK_FULL, "journal"), ERR_DISK_FULL);
	assert_string_equal(f.why, "journal: the disk is full");
}

static void fail_is_fit_to_be_shown(void **state)
{
	struct fail f = { 0 };

	(void)state;
	fail_set(&f, ERR_NODE_REFUSED, "a\nb\x1b[2J\x7f\xff\xc2\x9b\xc3\xa9");
	assert_string_equal(f.why, "a?b?[2J????\xc3\xa9");
	fail_wrap(&f, ERR_NODE_REFUSED, "\r%s", "x");
	assert_string_equal(f.why, "?x: a?b?[2J????\xc3\xa9");
}

static void fail_is_bounded(void **state)
{
	struct fail f = { 0 };
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	fail_set(&f, ERR_INPUT, "%s", text);
	assert_int_equal(strlen(f.why), sizeof f.why - 1);
	fail_wrap(&f, ERR_INPUT, "%s", "front");
	assert_int_equal(strlen(f.why), sizeof f.why - 1);
	assert_memory_equal(f.why, "front: xxx", 10);
	fail_wrap(&f, ERR_INPUT, "%s", text);
	assert_int_equal(strlen(f.why), sizeof f.why - 1);
}

/* How a child ends that runs f: the signal, or 0. */
static int death_of(void (*f)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		f();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void break_check(void)
{
	volatile int one = 1;

	CHECK(one == 2);
}

static void keep_check(void)
{
	volatile int one = 1;

	CHECK(one == 1);
}

static void grow_past_the_end(void)
{
	volatile size_t many = SIZE_MAX / 2;

	free(mem_grow(NULL, many, 3));
}

static void check_aborts(void **state)
{
	(void)state;
	assert_int_equal(death_of(break_check), SIGABRT);
	assert_int_equal(death_of(keep_check), 0);
	assert_int_equal(death_of(grow_past_the_end), SIGABRT);
}

static void mem_gives(void **state)
{
	char *s = mem_strn("abcdef", 3), *p = mem_new(0);
	uint32_t *n = mem_array(100, sizeof *n);

	(void)state;
	assert_string_equal(s, "abc");
	assert_non_null(p);
	for (int i = 0; i < 100; i++)
		assert_int_equal(n[i], 0);
	n[99] = 7;
	n = mem_grow(n, 10000, sizeof *n);
	assert_int_equal(n[99], 7);
	free(s);
	free(p);
	free(n);
	p = mem_copy("xy", 2);
	assert_memory_equal(p, "xy", 2);
	free(p);
}

static void arena_is_zeroed_and_aligned(void **state)
{
	struct arena a;
	struct arena zeros = { 0 };

	(void)state;
	assert_null(arena_take(&zeros, 1));
	arena_init(&a, 1 << 20);
	for (int round = 0; round < 3; round++) {
		for (size_t n = 0; n < 600; n++) {
			uint8_t *p = arena_take(&a, n);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % 16, 0);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xa5, n);
		}
		arena_release(&a);
	}
	assert_string_equal(arena_strn(&a, "abc", 2), "ab");
	arena_release(&a);
}

static void arena_pieces_do_not_overlap(void **state)
{
	struct arena a;
	uint8_t *small, *large, *next;

	(void)state;
	arena_init(&a, 1 << 20);
	small = arena_take(&a, 100);
	memset(small, 1, 100);
	large = arena_take(&a, 300000);
	memset(large, 2, 300000);
	next = arena_take(&a, 100);
	memset(next, 3, 100);
	assert_int_equal(small[99], 1);
	assert_int_equal(large[0], 2);
	assert_int_equal(large[299999], 2);
	assert_ptr_equal(next, small + 112); /* the first block goes on */
	arena_release(&a);
}

static void arena_has_a_cap(void **state)
{
	struct arena a;
	size_t n = 0;

	(void)state;
	arena_init(&a, 100000);
	assert_null(arena_take(&a, 100001));
	assert_null(arena_take(&a, SIZE_MAX));
	assert_null(arena_strn(&a, "", SIZE_MAX));
	while (arena_take(&a, 1))
		n++;
	assert_int_equal(n, 100000 / 16);
	assert_null(arena_take(&a, 1));
	arena_release(&a);
	assert_non_null(arena_take(&a, 99984));
	arena_release(&a);
}

static void buf_grows_to_its_bound(void **state)
{
	struct buf b = { .max = 1000 };

	(void)state;
	assert_string_equal(buf_text(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_add_byte(&b, 'x');
	assert_true(buf_ok(&b));
	assert_int_equal(b.len, 1000);
	assert_true(b.cap <= 1001);
	buf_add(&b, "", 0);
	assert_true(buf_ok(&b));
	buf_add_byte(&b, 'y');
	assert_false(buf_ok(&b));
	assert_int_equal(b.len, 1000);
	assert_int_equal(strlen(buf_text(&b)), 1000);
	buf_clear(&b);
	assert_true(buf_ok(&b));
	assert_string_equal(buf_text(&b), "");
	buf_release(&b);
	assert_int_equal(b.max, 1000);
}

static void buf_over_is_sticky(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	buf_add_str(&b, "12345");
	buf_add_str(&b, "1");
	assert_false(buf_ok(&b));
	assert_string_equal(buf_text(&b), "");
	buf_clear(&b);
	buf_addf(&b, "%d", 12345);
	assert_false(buf_ok(&b));
	buf_clear(&b);
	buf_add_hex(&b, "abc", 3);
	assert_false(buf_ok(&b));
	buf_clear(&b);
	buf_add_hex(&b, "ab", 2);
	assert_string_equal(buf_text(&b), "6162");
	buf_release(&b);
}

static void buf_adds(void **state)
{
	struct buf b;
	uint8_t *data;
	size_t len;

	(void)state;
	buf_init(&b, 10000);
	buf_add_u64(&b, 0);
	buf_add_byte(&b, ' ');
	buf_add_u64(&b, UINT64_MAX);
	buf_addf(&b, " %s-%d", "n", 5);
	buf_add(&b, "\0z", 2);
	data = buf_take(&b, &len);
	assert_int_equal(len, 28);
	assert_memory_equal(data, "0 18446744073709551615 n-5\0z", 29);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	free(data);
	data = buf_take(&b, &len);
	assert_int_equal(len, 0);
	assert_int_equal(data[0], 0);
	free(data);
}

static void json_is(const char *in, const char *expected)
{
	struct buf b;

	buf_init(&b, 1000);
	buf_add_json(&b, in);
	assert_string_equal(buf_text(&b), expected);
	buf_release(&b);
}

static void buf_writes_json(void **state)
{
	(void)state;
	json_is("", "\"\"");
	json_is("a\"b\\c/", "\"a\\\"b\\\\c/\"");
	json_is("\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
	json_is("\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x80",
	    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x80\"");
	json_is("\xff", "\"\xef\xbf\xbd\"");
	json_is("\xc3", "\"\xef\xbf\xbd\"");
	json_is("a\xe2\x82z", "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
	json_is("\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* overlong NUL */
}

static void utf8_is_strict(void **state)
{
	static const char *const good[] = { "", "a", "\x7f", "\xc2\x80", "\xdf\xbf",
		"\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc2",
		"\xc2z", "\xe0\x9f\xbf", "\xe0\xa0", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xe1\x80z", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf1\x80\x80z",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "ok\xe2\x82" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_true(utf8_valid("a\0b", 3));
	assert_int_equal(utf8_next("\xe2\x82\xac!", 4), 3);
	assert_int_equal(utf8_next("\xe2\x82\xac!", 2), 0); /* never looks past the end */
}

/* Whatever a stranger calls his own. */
static void text_of_others_is_plain(void **state)
{
	static const char *const speak[] = { "\n", "\x1b", "\x7f", "\xc2\x85", "\xd8\x9c",
		"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xae",
		"\xe2\x81\xa6", "\xe2\x81\xa9" };
	static const char *const plain[] = { "", "a\xc3\xa4", "\xe2\x82\xac", "\xd8\x9b",
		"\xe2\x80\x93", "\xe2\x80\xaf", "\xe2\x81\xaa", "\xf0\x9f\x98\x80" };
	char text[20];

	(void)state;
	for (size_t i = 0; i < sizeof speak / sizeof *speak; i++) {
		snprintf(text, sizeof text, "a%sb", speak[i]);
		assert_true(utf8_speaks(text));
		utf8_plain(text);
		assert_int_equal(strspn(text + 1, "?"), strlen(speak[i]));
		assert_false(utf8_speaks(text));
	}
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		snprintf(text, sizeof text, "%s", plain[i]);
		assert_false(utf8_speaks(text));
		utf8_plain(text);
		assert_string_equal(text, plain[i]);
	}
	assert_false(utf8_speaks("\xff\xe2\x80"));
}

static void hex_both_ways(void **state)
{
	uint8_t bytes[4] = { 9, 9, 9, 9 };
	char text[9];

	(void)state;
	assert_true(hex_parse(bytes, 4, "00fFaB7e", 8));
	assert_memory_equal(bytes, "\x00\xff\xab\x7e", 4);
	hex_format(text, bytes, 4);
	assert_string_equal(text, "00ffab7e");
	assert_false(hex_parse(bytes, 4, "11111111", 7));
	assert_false(hex_parse(bytes, 4, "1111111", 7));
	assert_false(hex_parse(bytes, 4, "111111111", 9));
	assert_false(hex_parse(bytes, 4, "1111111g", 8));
	assert_false(hex_parse(bytes, 4, "1111111 ", 8));
	assert_memory_equal(bytes, "\x00\xff\xab\x7e", 4);
	assert_true(hex_parse(bytes, 0, "", 0));
	assert_true(hex_parse_0x(bytes, 2, "0x1234"));
	assert_false(hex_parse_0x(bytes, 2, "0x12345"));
	assert_false(hex_parse_0x(bytes, 2, "0X1234"));
	assert_false(hex_parse_0x(bytes, 2, "1234"));
	assert_false(hex_parse_0x(bytes, 2, ""));
}

static void hex_quantities(void **state)
{
	uint64_t v = 5;

	(void)state;
	assert_false(hex_parse_u64(&v, ""));
	assert_false(hex_parse_u64(&v, "0"));
	assert_false(hex_parse_u64(&v, "0x"));
	assert_false(hex_parse_u64(&v, "0x 1"));
	assert_false(hex_parse_u64(&v, "0x-1"));
	assert_false(hex_parse_u64(&v, "12"));
	assert_false(hex_parse_u64(&v, "0x10000000000000000"));
	assert_false(hex_parse_u64(&v, "0x00000000000000001"));
	assert_int_equal(v, 5);
	assert_true(hex_parse_u64(&v, "0x0"));
	assert_int_equal(v, 0);
	assert_true(hex_parse_u64(&v, "0x00ff"));
	assert_int_equal(v, 255);
	assert_true(hex_parse_u64(&v, "0xFFFFffffffffffff"));
	assert_int_equal(v, UINT64_MAX);
}

static int points[CRASH_COUNT];

static void count_point(enum crash_point p)
{
	points[p]++;
}

static void crash_points_reach_the_hook(void **state)
{
	(void)state;
	CRASH_POINT(sign_before);
	crash_hook = count_point;
	CRASH_POINT(sign_before);
	crash_hook = NULL;
	CRASH_POINT(sign_before);
	assert_int_equal(points[CRASH_sign_before], 1);
}

static char path[64], moved[64];

static int folder_make(void **state)
{
	if (own_folder_make(state))
		return -1;
	snprintf(path, sizeof path, "%s/log", own_folder);
	snprintf(moved, sizeof moved, "%s/log.1", own_folder);
	return 0;
}

static const char *file_text(const char *name)
{
	static char text[32768];
	FILE *in = fopen(name, "re");

	assert_non_null(in);
	text[fread(text, 1, sizeof text - 1, in)] = '\0';
	fclose(in);
	return text;
}

/* "2026-11-21T03:33:55Z": checks the time that a line begins with, and takes it away. */
static const char *without_time(const char *text)
{
	static const char shape[] = "0000-00-00T00:00:00Z";

	for (size_t i = 0; i < sizeof shape - 1; i++) {
		if (shape[i] == '0')
			assert_in_range(text[i], '0', '9');
		else
			assert_int_equal(text[i], shape[i]);
	}
	return text + sizeof shape - 1;
}

static void log_writes_text(void **state)
{
	struct stat st;

	(void)state;
	unlink(path);
	assert_int_equal(log_open(path, LOG_INFO, false, NULL), ERR_OK);
	log_debug("turn", "not seen");
	log_info("turn", "head %d", 812);
	log_close();
	assert_string_equal(without_time(file_text(path)), " info  turn: head 812\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void log_lets_no_control_through(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(log_open(path, LOG_DEBUG, false, NULL), ERR_OK);
	log_error("x", "%s", "a\nb\x1b[2J\x7f\xff\xc2\x9b\xc3\xa9");
	log_close();
	assert_string_equal(
	    without_time(file_text(path)), " error x: a?b?[2J????\xc3\xa9\n");
}

static void log_writes_json(void **state)
{
	const char *text;

	(void)state;
	unlink(path);
	assert_int_equal(log_open(path, LOG_WARN, true, NULL), ERR_OK);
	log_info("turn", "not seen");
	log_warn("turn", "a \"b\"\n");
	log_close();
	text = file_text(path);
	assert_memory_equal(text, "{\"t\":\"", 6);
	assert_string_equal(without_time(text + 6),
	    "\",\"level\":\"warn\",\"at\":\"turn\",\"msg\":\"a \\\"b\\\"\\n\"}\n");
}

static void log_line_is_bounded(void **state)
{
	char *text = mem_new(100001);
	const char *line;

	(void)state;
	memset(text, '\x01', 100000); /* six bytes each in JSON */
	unlink(path);
	assert_int_equal(log_open(path, LOG_INFO, true, NULL), ERR_OK);
	log_info("x", "%s", text);
	log_close();
	line = file_text(path);
	assert_in_range(strlen(line), 6 * 4000, 6 * 4200);
	assert_string_equal(line + strlen(line) - 9, "\\u0001\"}\n");
	free(text);
}

static void log_appends(void **state)
{
	(void)state;
	unlink(path);
	for (int run = 0; run < 2; run++) {
		assert_int_equal(log_open(path, LOG_INFO, false, NULL), ERR_OK);
		log_info("x", "run %d", run);
		log_close();
	}
	assert_non_null(strstr(file_text(path), "x: run 0\n"));
	assert_non_null(strstr(file_text(path), "x: run 1\n"));
}

static void log_follows_a_rotation(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(log_open(path, LOG_INFO, false, NULL), ERR_OK);
	log_info("x", "one");
	assert_int_equal(rename(path, moved), 0);
	log_info("x", "two");
	log_reopen();
	log_info("x", "three");
	log_close();
	assert_non_null(strstr(file_text(moved), "two"));
	assert_null(strstr(file_text(moved), "three"));
	assert_string_equal(without_time(file_text(path)), " info  x: three\n");
}

static void log_says_why_it_can_not_open(void **state)
{
	struct fail f = { 0 };

	(void)state;
	assert_int_equal(log_open("/nowhere/at/all", LOG_INFO, false, &f), ERR_CONFIG);
	assert_string_equal(f.why, "log file /nowhere/at/all: No such file or directory");
}

static void a_word_is_typed_as_one(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = { { "/var/lib/a-b_c.d", "/var/lib/a-b_c.d" },
		{ "my node", "'my node'" }, { "it's", "'it'\\''s'" },
		{ "$(rm x)", "'$(rm x)'" }, { "", "''" }, { "-rf", "'-rf'" } };
	char out[32], small[8];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(
		    shell_word(out, sizeof out, cases[i].text), cases[i].word);
	assert_string_equal(shell_word(small, sizeof small, "/a/b/cd"), "/a/b/cd");
	assert_string_equal(shell_word(small, sizeof small, "it's"), "PATH");
	assert_string_equal(shell_word(small, sizeof small, "a b c"), "'a b c'");
	/* Half of them would be other files. */
	assert_string_equal(shell_word(small, sizeof small, "/a/b/c/d"), "PATH");
	assert_string_equal(shell_word(small, sizeof small, "a b/cd"), "PATH");
}

static void a_command_is_typed_as_another(void **state)
{
	char out[SHELL_AS_MAX];

	(void)state;
	assert_string_equal(shell_as(out, "ailee", 1000, 1000), "sudo -u ailee");
	assert_string_equal(shell_as(out, NULL, 1001, 1002),
	    "sudo setpriv --reuid=1001 --regid=1002 --clear-groups");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_is_typed_as_one),
		cmocka_unit_test(a_command_is_typed_as_another),
		cmocka_unit_test(err_table),
		cmocka_unit_test(fail_wraps_outermost_first),
		cmocka_unit_test(a_disk_that_gives_nothing_is_no_refusal),
		cmocka_unit_test(fail_wrap_without_inner_sentence),
		cmocka_unit_test(fail_is_fit_to_be_shown),
		cmocka_unit_test(fail_is_bounded),
		cmocka_unit_test(check_aborts),
		cmocka_unit_test(mem_gives),
		cmocka_unit_test(arena_is_zeroed_and_aligned),
		cmocka_unit_test(arena_pieces_do_not_overlap),
		cmocka_unit_test(arena_has_a_cap),
		cmocka_unit_test(buf_grows_to_its_bound),
		cmocka_unit_test(buf_over_is_sticky),
		cmocka_unit_test(buf_adds),
		cmocka_unit_test(buf_writes_json),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(text_of_others_is_plain),
		cmocka_unit_test(hex_both_ways),
		cmocka_unit_test(hex_quantities),
		cmocka_unit_test(crash_points_reach_the_hook),
		cmocka_unit_test(log_writes_text),
		cmocka_unit_test(log_lets_no_control_through),
		cmocka_unit_test(log_writes_json),
		cmocka_unit_test(log_line_is_bounded),
		cmocka_unit_test(log_appends),
		cmocka_unit_test(log_follows_a_rotation),
		cmocka_unit_test(log_says_why_it_can_not_open),
	};

	return cmocka_run_group_tests(tests, folder_make, own_folder_remove);
}
