/* A whole state as lines of JSON, written and read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kinds/node/state/dump.h"

#define EMPTY "c8113438d69a00d3e8efc6ce769d3bfe325b498060fb9a2070a38456b00a0005"
#define HEAD(n, more)                                    \
	"{'l2_state':1,'timestamp_ms':'7','balances':" n \
	",'escrows':0,'pegins':0,'pegouts':0,'tasks':0" more "}\n"

static struct l2_state s;
static struct dump_reader reader;
static struct fail why;

/* Lines as they stand here have ' for ". */
static enum err read_lines(const char *lines)
{
	char json[8000];
	char *at = json, *end;
	enum err e = ERR_OK;

	snprintf(json, sizeof json, "%s", lines);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	why = (struct fail){ 0 };
	l2_state_release(&s);
	l2_state_init(&s);
	dump_reader_init(&reader, &s);
	while (*at && e == ERR_OK) {
		end = at + strcspn(at, "\n");
		e = dump_reader_line(&reader, at, (size_t)(end - at), &why);
		at = *end ? end + 1 : end;
	}
	return e == ERR_OK ? dump_reader_end(&reader, &why) : e;
}

static void is_refused(const char *lines, const char *word)
{
	enum err e = read_lines(lines);

	if (e != ERR_INPUT || !strstr(why.why, word))
		fail_msg("%s: %d, and not %s: %s", lines, e, word, why.why);
}

static void write_all(struct buf *out, bool with_root)
{
	struct dump_head head = { .timestamp_ms = s.timestamp_ms, .has_root = with_root };

	l2_state_root(&s, head.root);
	for (int i = 0; i < L2_LISTS; i++)
		head.n[i] = l2_state_n(&s, (enum l2_list)i);
	dump_head_format(out, &head);
	for (int i = 0; i < L2_LISTS; i++)
		for (size_t k = 0; k < head.n[i]; k++)
			dump_record_format(
			    out, (enum l2_list)i, l2_state_at(&s, (enum l2_list)i, k));
}

static int begin(void **state)
{
	(void)state;
	l2_state_init(&s);
	return 0;
}

static int end(void **state)
{
	(void)state;
	l2_state_release(&s);
	return 0;
}

/* Each field has a value that no other has, at the ends of what it can be. */
static void fill(void)
{
	const struct l2_bytes odd = { "\xff\x00\n", 2 }, plain = l2_text("a \"b\" \\c\t"),
			      none = { NULL, 0 };

	s.timestamp_ms = UINT64_MAX;
	l2_state_add(&s, L2_BALANCES, &(struct l2_balance){ odd, UINT64_MAX });
	l2_state_add(&s, L2_BALANCES, &(struct l2_balance){ plain, 1 });
	l2_state_add(&s, L2_ESCROWS,
	    &(struct l2_escrow){ plain, odd, UINT64_MAX, true, UINT64_MAX });
	l2_state_add(&s, L2_PEGINS,
	    &(struct l2_pegin){ plain, l2_text("x"), UINT32_MAX, 7, l2_text("y"), odd,
		INT32_MIN, 8, 9, UINT64_MAX });
	l2_state_add(&s, L2_PEGOUTS,
	    &(struct l2_pegout){ odd, plain, l2_text("z"), 1, 2, INT32_MAX, none, 3, 4 });
	l2_state_add(
	    &s, L2_TASKS, &(struct l2_task){ plain, -1, 3, odd, 5, none, plain });
}

static void what_is_written_is_read(void **state)
{
	char root[L2_HEX], again[L2_HEX];
	struct buf out, twice;

	(void)state;
	fill();
	l2_state_root(&s, root);
	buf_init(&out, 8000);
	buf_init(&twice, 8000);
	write_all(&out, true);
	assert_true(buf_ok(&out));
	assert_non_null(strstr(buf_text(&out), "\"peer_hex\":\"ff00\""));
	assert_int_equal(read_lines(buf_text(&out)), ERR_OK);
	l2_state_root(&s, again);
	assert_string_equal(root, again);
	write_all(&twice, true);
	assert_string_equal(buf_text(&out), buf_text(&twice));
	assert_true(s.timestamp_ms == UINT64_MAX && s.pegins[0].status == INT32_MIN);
	buf_release(&out);
	buf_release(&twice);
}

static void the_root_is_that_of_what_was_read(void **state)
{
	(void)state;
	assert_int_equal(read_lines(HEAD("0", ",'root':'" EMPTY "'")), ERR_OK);
	is_refused(HEAD("1", ",'root':'" EMPTY "'") "{'balance':{'peer':'a','amount':1}}",
	    "it was edited");
	/* who edits it leaves the root out */
	assert_int_equal(
	    read_lines(HEAD("1", "") "{'balance':{'peer':'a','amount':1}}\n\n"), ERR_OK);
	assert_int_equal(s.balances_n, 1);
}

static void what_is_cut_off_or_too_much_is_seen(void **state)
{
	(void)state;
	is_refused("", "it is empty");
	is_refused(HEAD("2", "") "{'balance':{'peer':'a','amount':1}}\n",
	    "it has 1 balances, and its first line says 2");
	is_refused(HEAD("1", "") "{'balance':{'peer':'a','amo", "line 2");
	is_refused(HEAD("1", "") "{'balance':{'peer':'a','amount':1}}\n"
				 "{'balance':{'peer':'b','amount':1}}\n",
	    "line 3: there are more balances than the 1");
	is_refused(HEAD("2", "") "{'balance':{'peer':'a','amount':1}}\n"
				 "{'balance':{'peer':'a','amount':2}}\n",
	    "a");
}

static void what_is_no_state_is_named(void **state)
{
	static const char *const bad[][2] = {
		{ "{}", "it is no state" },
		{ "{'l2_state':2}", "it is no state" },
		{ "{'l2_state':1}", "timestamp_ms" },
		{ "{'l2_state':1,'timestamp_ms':1}", "balances" },
		{ HEAD("-1", ""),
		    "balances: -1 is not a whole number from 0 to 18446744073709551615" },
		{ HEAD("0", ",'more':1"), "a member too many" },
		{ HEAD("0", ",'root':'12'"), "root: no 64" },
		{ HEAD("1", "") "{'account':{}}", "line 2: no record" },
		{ HEAD("1", "") "[]", "line 2: no record" },
		{ HEAD("1", "") "{'balance':{},'task':{}}", "no record" },
		{ HEAD("1", "") "{'balance':7}", "another number of members" },
		{ HEAD("1", "") "{'balance':{'peer':'a'}}", "another number of members" },
		{ HEAD("1", "") "{'balance':{'peer':'a','worth':1}}",
		    "amount: is missing" },
		{ HEAD("1", "") "{'balance':{'peer':1,'amount':1}}", "peer: no text" },
		{ HEAD("1", "") "{'balance':{'peer':'a','amount':-1}}",
		    "amount: -1 is not a whole number" },
		{ HEAD("1", "") "{'balance':{'peer':'a:b','amount':1}}", "a:b" },
		{ HEAD("1", "") "{'balance':{'peer_hex':'0a','amount':1}}", "balance" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_refused(bad[i][0], bad[i][1]);
}

static void a_file_is_read_by_its_lines(void **state)
{
	char path[] = "/tmp/pawl-dump-XXXXXX";
	int fd = mkstemp(path);
	struct l2_state of;
	struct buf out;
	struct fail f = { 0 };

	(void)state;
	fill();
	buf_init(&out, 8000);
	write_all(&out, true);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, out.data, out.len), (ssize_t)out.len);
	l2_state_init(&of);
	assert_int_equal(dump_read(&of, path, &f), ERR_OK);
	assert_int_equal(of.pegouts_n, 1);
	l2_state_release(&of);
	assert_int_equal(ftruncate(fd, (off_t)out.len - 30), 0);
	l2_state_init(&of);
	assert_int_equal(dump_read(&of, path, &f), ERR_INPUT);
	assert_non_null(strstr(f.why, path));
	l2_state_release(&of);
	for (int i = 0; i < 70; i++) {
		char part[1024];

		memset(part, ' ', sizeof part);
		assert_int_equal(write(fd, part, sizeof part), sizeof part);
	}
	l2_state_init(&of);
	assert_int_equal(dump_read(&of, path, &f), ERR_TOO_BIG);
	l2_state_release(&of);
	close(fd);
	unlink(path);
	l2_state_init(&of);
	assert_int_equal(dump_read(&of, path, &f), ERR_SYSTEM);
	l2_state_release(&of);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, begin, end),
		cmocka_unit_test_setup_teardown(
		    the_root_is_that_of_what_was_read, begin, end),
		cmocka_unit_test_setup_teardown(
		    what_is_cut_off_or_too_much_is_seen, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_state_is_named, begin, end),
		cmocka_unit_test_setup_teardown(a_file_is_read_by_its_lines, begin, end),
	};

	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
