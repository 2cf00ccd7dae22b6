/* The node of a layer 2 on a disk that forgets: its old changes go into files, blocks say
 * how deep its peg-ins are, blocks that nobody had read are read, and all is begun anew.
 * It dies at each op, the power goes or not, the disk is full, syncs fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/archiver.h"
#include "engine/states.h"
#include "journal/archive.h"
#include "journal/files.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/anchor/missed.h"
#include "kinds/node/anchor/pegin_tx.h"
#include "kinds/node/backup/backup.h"
#include "kinds/node/state/book.h"
#include "trial.h"

#define FILE_MAX ((size_t)2 << 20)
#define WALL INT64_C(1700000000000)
#define ROOT "aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11"
#define COMMITS 4
#define LINES 20 /* of each */
#define PEGINS 3
#define LOW 90 /* the first block.. */
#define TOP 99 /* ..and the highest, before more come */
#define MORE 8
#define MISSED_LOW 80
#define LOG "/disk/l2_snapshots.dat"

static struct sim_disk_image *begin;

/* -- what processes do ----------------------------------------------------- */

static void finish(struct journal *j)
{
	struct fail f = { 0 };

	mortal_must(journal_commit(j, &f), &f);
}

static enum err is_rooted(void *ctx, const struct change *anchor, struct fail *f)
{
	(void)ctx;
	(void)anchor;
	(void)f;
	return ERR_OK;
}

static void apply(struct journal *j, const char *lines, struct book_done *done)
{
	struct book *b = book_new(j, WALL, BOOK_FOLLOWS_NONE);
	struct fail f = { 0 };

	book_rooted_by(b, is_rooted, NULL);

	*done = (struct book_done){ 0 };
	mortal_must(book_lines(b, lines, strlen(lines), done, &f), &f);
	book_settle(b);
	book_free(b);
	finish(j);
}

/* Of one commit, by ids that are known again. */
static const char *lines_of(int commit)
{
	static char lines[LINES * 100];
	size_t at = 0;

	for (int i = 0; i < LINES; i++)
		at += (size_t)snprintf(lines + at, sizeof lines - at,
		    "{\"do\":\"credit\",\"peer\":\"p%d\",\"amount\":\"5\",\"id\":"
		    "\"%d-%d\"}\n",
		    i % 7, commit, i);
	return lines;
}

static struct hash named(uint8_t byte)
{
	struct hash ret;

	memset(ret.at, byte, sizeof ret.at);
	return ret;
}

static struct hash block(uint64_t height)
{
	struct hash ret = named(0x01);

	memcpy(ret.at, &height, sizeof height);
	return ret;
}

/* A peg-in's transaction is in every second of the blocks that come.. */
static uint8_t tx_at(uint64_t height)
{
	if (height > TOP && height % 2 == 0 && (height - TOP) / 2 < PEGINS)
		return (uint8_t)(0xb0 + (height - TOP) / 2);
	return height == MISSED_LOW + 2 ? 0xbf
					: 0x77; /* ..one's in one that was missed */
}

static void pegin(struct journal *j, uint8_t tx)
{
	struct book_done done;
	char line[300], hex[65];

	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", tx);
	snprintf(line, sizeof line,
	    "{\"do\":\"pegin\",\"txid\":\"%s\",\"vout\":0,\"amount\":50000,\"source\":"
	    "\"s\",\"dest\":\"a\"}",
	    hex);
	apply(j, line, &done);
}

/* An anchor that is confirmed, and final. */
static void anchored(struct journal *j)
{
	struct sql_node_anchor_put_in in = { .id = 1,
		.status = ANCHOR_CONFIRMED,
		.broadcast_ms = 1,
		.height = LOW,
		.confirmations = 10,
		.moved = 1000 };
	struct book_done done;

	apply(j,
	    "{\"do\":\"anchor\",\"state_root\":\"" ROOT
	    "\",\"made_ms\":\"1\",\"id\":\"a\"}",
	    &done);
	sql_node_anchor_put(j, &in);
	sql_chain_final(j, &(struct sql_chain_final_in){ .id = 1, .final_height = TOP });
	finish(j);
}

static void read_block(struct journal *j, uint64_t height)
{
	struct hash hash = block(height),
		    txids[2] = { named(0x76), named(tx_at(height)) };
	struct book *b;

	anchors_added(j, height, &hash, txids, 2);
	pegin_txs_added(j, height, &hash, txids, 2);
	b = book_new(j, WALL, BOOK_FOLLOWS_NONE);
	(void)book_pegins(b, height, 100);
	book_settle(b);
	book_free(b);
	finish(j);
}

static void prepare(void)
{
	struct sql_chain_add_in chain = { .kind = "bitcoin", .chain_id = 1, .name = "b" };
	struct sql_chain_add_out c;
	struct book_done done;
	struct fail f = { 0 };
	struct journal *j;

	mortal_must(journal_create(PATH, &f), &f);
	j = trial_own();
	(void)sql_chain_add_one(j, &chain, &c);
	(void)anchors_chain(j, 1);
	for (uint64_t i = LOW; i <= TOP; i++)
		read_block(j, i);
	for (int i = 0; i < COMMITS; i++)
		apply(j, lines_of(i), &done);
	anchored(j);
	for (uint8_t i = 0; i < PEGINS; i++)
		pegin(j, (uint8_t)(0xb0 + i));
	pegin(j, 0xbf);
	mortal_must(missed_want(j, MISSED_LOW, &f), &f);
	finish(j);
	journal_close(j);
}

static void archive(void)
{
	trial_archive("node", WALL);
}

/* As a turn does it, a block a turn. */
static void count(void)
{
	struct journal *j = trial_own();
	uint64_t top;

	if (!anchors_top(j, &top))
		mortal_say(ERR_MISMATCH, "no block is there");
	while (++top <= TOP + MORE)
		read_block(j, top);
	journal_close(j);
}

static void read_missed(void)
{
	struct journal *j = trial_own();
	struct hash txids[2] = { named(0x76) };
	struct missed_run run;

	while (missed_next(j, &run)) {
		struct hash parent = block(run.top - 1);

		txids[1] = named(tx_at(run.top));
		missed_read(j, &run, &parent, txids, 2, WALL);
		finish(j);
	}
	journal_close(j);
}

/* -- all anew --------------------------------------------------------------- */

static void state_of_log(struct l2_state *s, char root[L2_HEX])
{
	l2_state_init(s);
	l2_state_add(s, L2_BALANCES, &(struct l2_balance){ l2_text("a"), 7 });
	l2_state_root(s, root);
}

static void log_make(void)
{
	static const struct l2_append how = { .version = 1 };
	char root[L2_HEX];
	struct l2_state s;
	struct fail f = { 0 };

	state_of_log(&s, root);
	mortal_must(l2_state_anchor(&s, root, WALL, l2_text(""), &f), &f);
	mortal_must(l2_log_append(&sim_disk_files, LOG, &s, &how, &f), &f);
	l2_state_release(&s);
}

/* What a log has as its newest snapshot: that of log_make. */
static bool is_old_log(const char *path)
{
	static const struct l2_demand demand = { .anchor_needed = true };
	struct l2_block block = { 0 };
	struct l2_verdict v;
	struct l2_log *log;
	struct l2_state s;
	char root[L2_HEX];
	bool is = false;

	if (l2_log_open(&log, &sim_disk_files, path, NULL) != ERR_OK)
		return false;
	state_of_log(&s, root);
	if (l2_log_newest(log, &demand, &block, &v, NULL, NULL, NULL) == ERR_OK)
		is = block.len && strcmp(v.root, root) == 0;
	l2_state_release(&s);
	l2_log_close(log);
	return is;
}

struct set_aside {
	char part[300], whole[300]; /* folders; "": none */
	char in[600];               /* that is gone through.. */
	int old;                    /* ..and has so many of the old logs */
};

static void note_folder(void *ctx, const char *name)
{
	struct set_aside *a = ctx;
	bool is_part = strstr(name, ".part") != NULL;

	if (strncmp(name, "recovery_", 9) == 0)
		snprintf(is_part ? a->part : a->whole, 300, "/disk/%.200s", name);
}

static void note_log(void *ctx, const char *name)
{
	struct set_aside *a = ctx;
	char path[900];

	snprintf(path, sizeof path, "%s/%.200s", a->in, name);
	a->old += strncmp(name, "l2_snapshots.dat", 16) == 0 && is_old_log(path);
}

static struct set_aside set_aside(void)
{
	struct set_aside a = { .part = "" };
	struct fail f = { 0 };

	mortal_must(sim_disk_files.each("/disk", note_folder, &a, &f), &f);
	for (int i = 0; i < 2; i++) {
		snprintf(a.in, sizeof a.in, "%s", i ? a.part : a.whole);
		if (a.in[0])
			mortal_must(sim_disk_files.each(a.in, note_log, &a, &f), &f);
	}
	return a;
}

/* Who sees that it is done asks for no second one. */
static void reset(void)
{
	struct journal *j = trial_own();
	struct fail f = { 0 };
	struct l2_reset r;
	struct l2_state s;

	if (!set_aside().whole[0]) {
		book_read(j, &s);
		mortal_must(l2_reset_look(&r, &sim_disk_files, "/disk", WALL, &f), &f);
		r.reorg_db_path[0] = '\0';
		mortal_must(l2_reset_files(&r, j, &s, NULL, WALL, &f), &f);
		mortal_must(l2_reset_end(&r, &f), &f);
		l2_state_release(&s);
	}
	journal_close(j);
}

/* -- what is found --------------------------------------------------------- */

static void differs_if(bool is, const char *what)
{
	if (is)
		mortal_say(ERR_MISMATCH, what);
}

struct counts {
	int64_t n[16];
	uint64_t deep[256]; /* by the byte of its transaction */
};

static void count_pegin(void *ctx, enum l2_list list, const void *record)
{
	const struct l2_pegin *p = record;
	struct counts *c = ctx;
	unsigned tx;

	(void)list;
	c->n[p->status]++;
	if (sscanf(p->btc_tx.at, "%2x", &tx) == 1)
		c->deep[tx] = p->confirmations;
}

/* Rows, totals, changes, events; and how many there are of each status. */
static struct counts holds(struct journal *j)
{
	struct sql_node_statuses_in in = { .list = L2_PEGINS };
	struct sql_node_statuses_out row;
	struct counts c = { .n = { 0 } };
	struct fail f = { 0 };
	char root[L2_HEX];
	int64_t operation;

	mortal_must(book_check(j, root, &f), &f);
	mortal_must(book_check_told(j, &f), &f);
	mortal_must(book_check_changes(j, &f), &f);
	mortal_must(archive_check_changes(j, &f), &f);
	differs_if(journal_check_events(j, &operation) != 0, "events break");
	book_each(j, L2_PEGINS, count_pegin, &c);
	sql_node_statuses_begin(j, &in);
	while (sql_node_statuses_next(j, &row))
		differs_if(row.n != c.n[row.status], "a status has another number");
	sql_node_statuses_end(j);
	return c;
}

/* Lines that are here, and up to which one they went. */
static int64_t lines_are(struct journal *j, int64_t *ret_base)
{
	struct sql_node_changes_in in = { 1, INT64_MAX };
	struct sql_node_changes_out row;
	struct sql_node_base_get_out is;
	int64_t n = 0;

	differs_if(!sql_node_base_get_one(j, &is), "there are no totals");
	*ret_base = is.base;
	sql_node_changes_begin(j, &in);
	while (sql_node_changes_next(j, &row))
		n++;
	sql_node_changes_end(j);
	return n;
}

static void lines_or_files(void)
{
	struct journal *j = trial_own();
	struct book_sums sums;
	int64_t base, n = lines_are(j, &base);

	(void)holds(j);
	book_sums(j, &sums);
	differs_if(base + n != sums.changes, "changes are nowhere, or twice");
	journal_close(j);
}

/* All went that could, and each id is known. */
static void all_is_in_files(void)
{
	struct journal *j = trial_own();
	struct book_done done;
	int64_t base;

	(void)holds(j);
	(void)lines_are(j, &base);
	differs_if(base != COMMITS * LINES, "some stayed");
	for (int i = 0; i < COMMITS; i++) {
		apply(j, lines_of(i), &done);
		differs_if(done.known != LINES || done.fresh, "an id is forgotten");
	}
	journal_close(j);
}

/* Each is as deep as the highest block says. */
static void deep_as_blocks(struct journal *j)
{
	struct counts c = holds(j);
	uint64_t top;

	differs_if(!anchors_top(j, &top), "no block is there");
	for (uint64_t i = TOP + 1; i <= TOP + MORE; i++)
		if (tx_at(i) != 0x77)
			differs_if(c.deep[tx_at(i)] != (i > top ? 0 : top - i + 1),
			    "a peg-in is deeper, or less deep, than its block");
}

static void counted_or_not(void)
{
	struct journal *j = trial_own();

	deep_as_blocks(j);
	journal_close(j);
}

static void counted(void)
{
	struct journal *j = trial_own();
	uint64_t top;

	differs_if(!anchors_top(j, &top) || top != TOP + MORE, "blocks are missing");
	deep_as_blocks(j);
	journal_close(j);
}

/* Down to some height all are read, and what is below is still to be. */
static void reading(struct journal *j, bool whole)
{
	static const char tx[] =
	    "bfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbf";
	struct missed_run run;
	struct pegin_tx at = { .seen = false };
	bool more = missed_next(j, &run);

	(void)holds(j);
	differs_if(whole && more, "some were not read");
	differs_if(more && run.bottom != MISSED_LOW, "some were forgotten");
	differs_if(!pegin_tx_get(j, l2_text(tx), &at), "its transaction is unknown");
	differs_if(at.seen != (!more || run.top < MISSED_LOW + 2),
	    "its block was read, and it was not seen");
	journal_close(j);
}

static void read_or_to_be(void)
{
	reading(trial_own(), false);
}

static void all_is_read(void)
{
	reading(trial_own(), true);
}

/* The last line of a state is there: whoever gave the folder its name had all of it. */
static void state_is_whole(const char *folder)
{
	struct fail f = { 0 };
	char path[600], last;
	struct file *file;
	uint64_t size = 0;
	size_t n;

	snprintf(path, sizeof path, "%s/l2_state.jsonl", folder);
	mortal_must(sim_disk_files.open(&file, path, FILE_READ, &f), &f);
	mortal_must(sim_disk_files.size(file, &size, &f), &f);
	differs_if(size < 100, "the state is cut short");
	mortal_must(sim_disk_files.read(file, size - 1, &last, 1, &n, &f), &f);
	differs_if(last != '\n', "the state is cut short");
	sim_disk_files.close(file);
}

/* The old log is in one place, and in a folder that has its name with all that it is to
 * have. */
static void reset_or_not(void)
{
	struct set_aside a = set_aside();

	differs_if(a.part[0] && a.whole[0], "there are two archives");
	differs_if(a.old + is_old_log(LOG) != 1, "the log is nowhere, or twice");
	differs_if(a.whole[0] && !a.old, "the archive has no log");
	if (a.whole[0])
		state_is_whole(a.whole);
}

static void all_is_anew(void)
{
	struct set_aside a = set_aside();

	differs_if(!a.whole[0] || a.part[0], "its archive has not its name");
	reset_or_not();
}

/* -- the runs -------------------------------------------------------------- */

static void nothing_unfinished_is_left(void)
{
	assert_true(journal_files->size("/disk/unfinished-archive-pawl.db") < 0);
}

static struct trial archiving = { .act = archive,
	.either = lines_or_files,
	.done = all_is_in_files,
	.over = nothing_unfinished_is_left,
	.every = 2 };

static void changes_or_their_archive(void **state)
{
	(void)state;
	assert_in_range(trial_deaths(&archiving), 0, 4);
}

static void what_fails_harms_no_change(void **state)
{
	(void)state;
	trial_failures(&archiving);
}

static void pegins_are_as_deep_as_blocks(void **state)
{
	struct trial counting = { begin, count, counted_or_not, counted, NULL, 3 };

	(void)state;
	(void)trial_deaths(&counting);
}

static void missed_blocks_are_read_to_the_end(void **state)
{
	struct trial catching_up = { begin, read_missed, read_or_to_be, all_is_read, NULL,
		3 };

	(void)state;
	(void)trial_deaths(&catching_up);
}

static void old_or_new_log_behind_a_reset(void **state)
{
	struct trial resetting = { NULL, reset, reset_or_not, all_is_anew, NULL, 1 };
	struct sim_disk_image *with_log;

	(void)state;
	sim_disk_put_back(disk, begin);
	trial_expect(mortal_run(log_make, 0), 0, "log", 0);
	resetting.begin = with_log = sim_disk_keep(disk);
	(void)trial_deaths(&resetting);
	/* and who was told that it is done finds it done */
	sim_disk_put_back(disk, with_log);
	trial_expect(mortal_run(reset, 0), 0, "reset", 0);
	sim_disk_lose_power(disk, SIM_LOSE_ALL);
	trial_expect(mortal_run(all_is_anew, 0), 0, "behind a power cut", 0);
	mem_free(with_log);
}

static int make_disk(void **state)
{
	(void)state;
	sim_disk_format(disk, FILE_MAX, 1);
	trial_expect(mortal_run(prepare, 0), 0, "prepare", 0);
	archiving.begin = begin = sim_disk_keep(disk);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_or_their_archive),
		cmocka_unit_test(what_fails_harms_no_change),
		cmocka_unit_test(pegins_are_as_deep_as_blocks),
		cmocka_unit_test(missed_blocks_are_read_to_the_end),
		cmocka_unit_test(old_or_new_log_behind_a_reset),
	};
	int failed;

	archive_depth = 0;
	archive_changes = 2 * LINES;
	if (!mortal_begin(FILE_MAX))
		return 1;
	failed = cmocka_run_group_tests(tests, make_disk, NULL);
	mem_free(begin);
	return failed;
}
