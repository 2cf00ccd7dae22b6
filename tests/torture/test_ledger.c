/* The state of a layer 2 on a disk that forgets: changes, and a state from elsewhere, die
 * at every op, the power goes or not, the disk is full, syncs fail. What is found then is
 * the state before them or behind them, whole; and the same lines once more are done
 * exactly once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kinds/node/state/book.h"
#include "trial.h"

#define FILE_MAX ((size_t)2 << 20)
#define PEERS 40
#define TXID "aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11"

/* Of all processes. */
static struct shared {
	char before[L2_HEX], after[L2_HEX], other[L2_HEX];
} * roots;

static struct sim_disk_image *begin;

/* -- what processes do ----------------------------------------------------- */

static void apply(struct journal *j, const char *lines)
{
	struct book *b = book_new(j, 1700000000000, BOOK_FOLLOWS_NONE);
	struct book_done done = { 0 };
	struct fail f = { 0 };

	mortal_must(book_lines(b, lines, strlen(lines), &done, &f), &f);
	book_settle(b);
	book_free(b);
	mortal_must(journal_commit(j, &f), &f);
}

static void prepare(void)
{
	static char lines[PEERS * 100];
	struct fail f = { 0 };
	size_t at = 0;

	for (int i = 0; i < PEERS; i++)
		at += (size_t)snprintf(lines + at, sizeof lines - at,
		    "{\"do\":\"credit\",\"peer\":\"peer-%02d\",\"amount\":\"100000\"}\n",
		    i);
	mortal_must(journal_create(PATH, &f), &f);
	apply(trial_own(), lines);
}

/* Each table, and rows that come, move and go. */
static void change(void)
{
	static char lines[PEERS * 400];
	size_t at = 0;

	for (int i = 0; i < PEERS; i++)
		at += (size_t)snprintf(lines + at, sizeof lines - at,
		    "{\"do\":\"transfer\",\"from\":\"peer-%02d\",\"to\":\"new-%d\","
		    "\"amount\":\"%d\",\"id\":\"t-%d\"}\n"
		    "{\"do\":\"escrow\",\"task\":\"t-%d\",\"client\":\"new-%d\","
		    "\"amount\":\"7\",\"id\":\"e-%d\"}\n",
		    i, i % 7, i % 3 ? 1000 : 100000, i, i, i % 7, i);
	snprintf(lines + at, sizeof lines - at,
	    "{\"do\":\"pegin\",\"txid\":\"" TXID "\",\"vout\":0,\"amount\":50000,"
	    "\"source\":\"s\",\"dest\":\"new-1\",\"id\":\"i\"}\n"
	    "{\"do\":\"pegout\",\"source\":\"new-0\",\"dest\":\"d\",\"amount\":5000,"
	    "\"anchor\":\"" TXID "\","
	    "\"id\":\"o\"}\n"
	    "{\"do\":\"task\",\"task\":\"t\",\"type\":1,\"priority\":1,"
	    "\"submitter\":\"s\",\"id\":\"k\"}\n"
	    "{\"do\":\"escrow_refund\",\"task\":\"t-1\",\"id\":\"r\"}\n");
	apply(trial_own(), lines);
}

static void restore(void)
{
	struct journal *j = trial_own();
	struct book_restored r;
	struct l2_state s;
	struct fail f = { 0 };

	l2_state_init(&s);
	for (int i = 0; i < PEERS; i++) {
		char peer[16];

		snprintf(peer, sizeof peer, "other-%02d", i);
		l2_state_add(&s, L2_BALANCES,
		    &(struct l2_balance){ l2_text(peer), (uint64_t)i + 1 });
	}
	mortal_must(book_restore(j, &s, 1700000000000, &r, &f), &f);
	mortal_must(journal_commit(j, &f), &f);
}

/* All of it holds; one of the roots that it may have. */
static void look(char ret[L2_HEX])
{
	struct journal *j = trial_own();
	struct fail f = { 0 };

	mortal_must(book_check(j, ret, &f), &f);
	mortal_must(book_check_told(j, &f), &f);
	mortal_must(book_check_changes(j, &f), &f);
	journal_close(j);
}

static void look_before(void)
{
	look(roots->before);
}

static void look_after(void)
{
	look(roots->after);
}

static void look_other(void)
{
	look(roots->other);
}

static void is_one_of(const char *a, const char *b)
{
	char root[L2_HEX];

	look(root);
	if (strcmp(root, a) != 0 && strcmp(root, b) != 0)
		mortal_say(ERR_MISMATCH, root);
}

static void changed_or_not(void)
{
	is_one_of(roots->before, roots->after);
}

static void changed(void)
{
	is_one_of(roots->after, roots->after);
}

static void restored_or_not(void)
{
	is_one_of(roots->before, roots->other);
}

static void restored(void)
{
	is_one_of(roots->other, roots->other);
}

/* -- the runs -------------------------------------------------------------- */

static struct trial changing = {
	.act = change, .either = changed_or_not, .done = changed, .every = 1
};

static void changes_are_all_or_none(void **state)
{
	(void)state;
	(void)trial_deaths(&changing);
}

static void a_state_from_elsewhere_is_all_or_none(void **state)
{
	struct trial restoring = { begin, restore, restored_or_not, restored, NULL, 1 };

	(void)state;
	(void)trial_deaths(&restoring);
}

/* It says so, and all of it is as it was. */
static void a_disk_that_fails_harms_no_state(void **state)
{
	(void)state;
	trial_failures(&changing);
}

static int make_disk(void **state)
{
	(void)state;
	sim_disk_format(disk, FILE_MAX, 1);
	trial_expect(mortal_run(prepare, 0), 0, "prepare", 0);
	trial_expect(mortal_run(look_before, 0), 0, "look", 0);
	changing.begin = begin = sim_disk_keep(disk);
	trial_expect(mortal_run(change, 0), 0, "change", 0);
	trial_expect(mortal_run(look_after, 0), 0, "look", 0);
	sim_disk_put_back(disk, begin);
	trial_expect(mortal_run(restore, 0), 0, "restore", 0);
	trial_expect(mortal_run(look_other, 0), 0, "look", 0);
	return strcmp(roots->before, roots->after) && strcmp(roots->before, roots->other)
	    ? 0
	    : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_all_or_none),
		cmocka_unit_test(a_state_from_elsewhere_is_all_or_none),
		cmocka_unit_test(a_disk_that_fails_harms_no_state),
	};
	int failed;

	roots = mortal_begin(FILE_MAX) ? mortal_share(sizeof *roots) : NULL;
	if (!roots)
		return 1;
	failed = cmocka_run_group_tests(tests, make_disk, NULL);
	mem_free(begin);
	return failed;
}
