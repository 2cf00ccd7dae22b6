/* Rows into an archive on a disk that forgets: it dies at every op, the power goes or
 * not, the disk is full, syncs fail. What is found then is the rows, or a whole file that
 * is journaled and what must stay; and the next life ends it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/archiver.h"
#include "engine/states.h"
#include "journal/archive.h"
#include "journal/files.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"
#include "trial.h"

#define FILE_MAX ((size_t)2 << 20)
#define ROWS 260 /* more than go at once */

static struct sim_disk_image *begin;

/* -- what processes do ------------------------------------------------------ */

static void add_row(struct journal *j, int64_t operation, int64_t row)
{
	struct sql_item_add_in item = {
		.operation = operation, .row = row, .no_memo = true
	};
	struct sql_intent_add_in i = { .operation = operation,
		.row = row,
		.account = 1,
		.nonce = row - 1,
		.data = "",
		.data_len = 0 };
	struct sql_intent_added_out added;
	struct sql_attempt_add_in a = { .account = 1, .raw = "raw bytes", .raw_len = 9 };

	item.recipient[0] = (uint8_t)row;
	sql_item_add(j, &item);
	sql_item_move(j,
	    &(struct sql_item_move_in){ .operation = operation,
		.row = row,
		.from = ITEM_PENDING,
		.to = ITEM_FINAL,
		.no_intent = true,
		.no_reason = true });
	sql_intent_add(j, &i);
	(void)sql_intent_added_one(j, &added);
	sql_intent_settle(j,
	    &(struct sql_intent_settle_in){ .id = added.id,
		.from = INTENT_RESERVED,
		.to = INTENT_FINAL,
		.proof = "it is final" });
	a.intent = added.id;
	a.hash[0] = (uint8_t)row;
	a.hash[1] = (uint8_t)(row >> 8);
	sql_attempt_add(j, &a);
	journal_event(
	    j, &(struct event){ operation, row, "item", "live", "final", "it is" });
}

static void add_operation(struct journal *j, const char *name, int64_t n)
{
	struct sql_operation_add_in in = { .kind = "airdrop",
		.name = name,
		.chain = 1,
		.account = 1,
		.state = OPERATION_COMPLETED,
		.items = n };
	struct sql_operation_add_out o;

	(void)sql_operation_add_one(j, &in, &o);
	journal_event(j, &(struct event){ o.id, 0, "operation", "", "completed", "" });
	for (int64_t row = 1; row <= n; row++)
		add_row(j, o.id, row);
	sql_operation_put(j,
	    &(struct sql_operation_put_in){ .id = o.id,
		.state = OPERATION_COMPLETED,
		.no_waits_for = true,
		.final_n = n,
		.ended_ms = 1 });
}

static void prepare(void)
{
	struct sql_chain_add_in chain = { .kind = "evm", .chain_id = 1, .name = "one" };
	struct sql_chain_add_out c;
	struct sql_account_add_in account = { .chain = 1, .key_name = "k" };
	struct sql_account_add_out a;
	struct fail f = { 0 };
	struct journal *j;

	mortal_must(journal_create(PATH, &f), &f);
	j = trial_own();
	(void)sql_chain_add_one(j, &chain, &c);
	(void)sql_account_add_one(j, &account, &a);
	add_operation(j, "wages", ROWS);
	mortal_must(journal_commit(j, &f), &f);
	for (int i = 0; i < 3; i++) {
		journal_event(j, &(struct event){ 1, 0, "command", "", "tell", "" });
		mortal_must(journal_commit(j, &f), &f);
	}
}

static void archive_all(void)
{
	trial_archive("airdrop", 1000);
}

/* -- what is found ------------------------------------------------------------ */

static bool row_is_there(struct journal *j, int64_t row)
{
	struct sql_intent_by_nonce_in in = { .account = 1, .nonce = row - 1 };
	struct sql_intent_by_nonce_out i;
	struct sql_attempt_by_hash_in hash = { .account = 1 };
	struct sql_attempt_by_hash_out at;

	hash.hash[0] = (uint8_t)row;
	hash.hash[1] = (uint8_t)(row >> 8);
	return sql_intent_by_nonce_one(j, &in, &i) &&
	    sql_attempt_by_hash_one(j, &hash, &at) && at.intent == i.id;
}

static bool row_is_archived(struct journal *j, int64_t row)
{
	struct sql_archived_attempt_by_hash_in hash = { .account = 1 };
	struct sql_archived_attempt_by_hash_out at;
	struct fail f = { 0 };

	hash.hash[0] = (uint8_t)row;
	hash.hash[1] = (uint8_t)(row >> 8);
	if (!sql_archived_attempt_by_hash_one(j, &hash, &at))
		return false;
	if (row == 1 || row == ROWS)
		mortal_must(archive_check(j, 1, &f), &f);
	return at.operation == 1 && at.row == row;
}

static void compare(int64_t want_whole)
{
	struct sql_archived_attempt_below_in below = { .account = 1, .nonce = ROWS };
	struct sql_archived_attempt_below_out gone;
	struct journal *j = trial_own();
	struct archived a;
	int64_t operation, there = 0;
	char why[100];

	for (int64_t row = 1; row <= ROWS; row++) {
		bool is = row_is_there(j, row);

		if (is == row_is_archived(j, row)) {
			snprintf(why, sizeof(why), "row %lld is %s", (long long)row,
			    is ? "there twice" : "gone");
			mortal_say(ERR_MISMATCH, why);
		}
		there += is;
	}
	if (journal_check_events(j, &operation))
		mortal_say(ERR_DAMAGED, "the chain of events breaks");
	if (archive_of(j, 1, &a) ? (want_whole && !a.whole) || (a.whole && there)
				 : want_whole || there != ROWS)
		mortal_say(ERR_MISMATCH, "rows went, or did not");
	if (!sql_archived_attempt_below_one(j, &below, &gone) || gone.n != ROWS - there)
		mortal_say(ERR_MISMATCH, "nonces are forgotten");
	journal_close(j);
}

static void look(void)
{
	compare(0);
}

/* It is all in the file, as it was. */
static void look_at_whole(void)
{
	struct sql_report_events_in in = { .operation = 1, .row = ROWS };
	struct sql_report_events_out e;
	struct fail f = { 0 };
	struct journal *j;

	compare(1);
	mortal_must(journal_read(&j, PATH, &f), &f);
	mortal_must(archive_show(j, 1, &f), &f);
	for (int64_t row = 1; row <= ROWS; row++)
		if (!row_is_there(j, row))
			mortal_say(ERR_MISMATCH, "a row is not in the file");
	if (!sql_report_events_one(j, &in, &e) || strcmp(e.why, "it is") != 0)
		mortal_say(ERR_MISMATCH, "an event is not in the file");
	journal_close(j);
}

/* -- the runs ------------------------------------------------------------------- */

static void nothing_unfinished_is_left(void)
{
	assert_true(journal_files->size("/disk/unfinished-archive-pawl.db") < 0);
}

static struct trial trial = {
	.act = archive_all,
	.either = look,
	.done = look_at_whole,
	.over = nothing_unfinished_is_left,
	.every = 2,
};

static void rows_or_the_archive(void **state)
{
	(void)state;
	assert_in_range(trial_deaths(&trial), 0, 2);
}

/* A disk that is full, and syncs that fail: it says so, and all of it is as it was. */
static void what_fails_harms_nothing(void **state)
{
	(void)state;
	trial_failures(&trial);
}

static int make_disk(void **state)
{
	(void)state;
	sim_disk_format(disk, FILE_MAX, 1);
	trial_expect(mortal_run(prepare, 0), 0, "prepare", 0);
	trial.begin = begin = sim_disk_keep(disk);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_or_the_archive),
		cmocka_unit_test(what_fails_harms_nothing),
	};
	int failed;

	if (!mortal_begin(FILE_MAX))
		return 1;
	failed = cmocka_run_group_tests(tests, make_disk, NULL);
	mem_free(begin);
	return failed;
}
