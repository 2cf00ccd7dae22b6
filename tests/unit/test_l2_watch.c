/* The start of a layer 2's node: what is said of a count that changes outrun. */
#include "kinds/node/state/book.h"
#include "kinds/node/watch/watch.h"
#include "payer.h"

#define PEERS 30

static void commit_it(void)
{
	struct fail f = { 0 };

	if (journal_commit(scene.journal, &f))
		fail_msg("%s", f.why);
}

static void credit(int peer)
{
	struct book *b = book_new(scene.journal, 1);
	struct book_done done = { 0, 0 };
	struct fail f = { 0 };
	char line[100];

	snprintf(line, sizeof line,
	    "{\"do\":\"credit\",\"peer\":\"p%d\",\"amount\":\"1\"}", peer);
	if (book_lines(b, line, strlen(line), &done, &f) != ERR_OK)
		fail_msg("%s", f.why);
	book_settle(b);
	book_free(b);
	commit_it();
}

static const struct l2_step_now *watched(struct l2_watch *w)
{
	static const struct watch_seen seen = { .database_trouble = NULL };

	watch_turn(w, runner, &seen);
	commit_it();
	run(10);
	return &watch_figures(w)->steps[L2_STEP_STATE];
}

/* It is said, the start goes on without it, and it ends when they rest. */
static void a_count_that_changes_outrun_is_said(void **state_)
{
	static const struct l2_node_config config = { .chain = "none",
		.folder = "nowhere",
		.log = "nowhere/log",
		.reorg_db = "nowhere/db",
		.backups = "nowhere/backups" };
	const struct l2_step_now *step;
	struct l2_watch *w;

	(void)state_;
	begin(1, 1);
	for (int i = 0; i < PEERS; i++)
		credit(i);
	watch_rows_a_turn = 8;
	w = watch_new(scene.world, scene.journal, &config);
	for (int i = 0; i < 5; i++) {
		step = watched(w);
		credit(i);
	}
	assert_int_equal(step->how, L2_WAITS);
	run(30000);
	step = watched(w);
	assert_int_equal(step->how, L2_TROUBLE);
	assert_says(step->said, "changes come faster");
	credit(1);
	for (int i = 0; i < 12 && step->how != L2_WELL; i++)
		step = watched(w);
	assert_int_equal(step->how, L2_WELL);
	assert_says(step->said, "recounted: root ");
	credit(2);
	assert_int_equal(watched(w)->how, L2_WELL);
	rest();
	watch_free(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_count_that_changes_outrun_is_said, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
