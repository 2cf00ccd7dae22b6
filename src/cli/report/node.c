#include "cli/report/node.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "cli/term/term.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/state/book.h"

void node_files(
    struct node_files *ret, const struct config *config, struct journal *journal)
{
	const struct node_keys *k = &config->node;

	snprintf(ret->log, sizeof ret->log, "%.1000s/l2_snapshots.dat", k->data_dir);
	snprintf(ret->reorg_db, sizeof ret->reorg_db, "%.1000s/reorg_db", k->data_dir);
	if (k->backup.folder)
		snprintf(ret->backups, sizeof ret->backups, "%s", k->backup.folder);
	else
		snprintf(
		    ret->backups, sizeof ret->backups, "%.1000s/backups", k->data_dir);
	ret->paths = (struct l2_paths){ k->data_dir, ret->log, ret->reorg_db,
		ret->backups, config->journal, ret->name, journal };
	ret->name[0] = '\0';
	if (journal)
		book_name(journal, ret->name);
}

static int64_t backup_age_ms(const struct l2_look *l)
{
	int64_t age_ms = clock_wall_ms() - l->backup_ms;

	return age_ms > 0 ? age_ms : 0;
}

struct shown {
	const struct cli *cli;
	struct journal *journal;
	struct node_files files;
	struct l2_look look;
	struct book_sums sums;
	char supply[AMOUNT_TEXT_MAX], minted[AMOUNT_TEXT_MAX], burned[AMOUNT_TEXT_MAX];
	bool has_height, unseen; /* unseen: the newest snapshot is, by its size */
	uint64_t height;
};

/* Each is a sentence with what to type. */
struct warned {
	void (*one)(void *ctx, const char *text);
	void *ctx;
};

static void trouble_say(void *ctx, const char *of, const struct l2_trouble *t)
{
	const struct warned *w = ctx;
	char text[sizeof t->why + sizeof t->remedy + 500];

	snprintf(text, sizeof text, "%.480s: %s; then: %s", of, t->why, t->remedy);
	w->one(w->ctx, text);
}

static void finding_say(struct warned *w, const struct l2_finding *f)
{
	struct l2_trouble t;

	snprintf(t.why, sizeof t.why, "%s", f->why);
	snprintf(t.remedy, sizeof t.remedy, "%s", f->remedy);
	trouble_say(w, f->of, &t);
}

static void sizes_say(
    const struct warned *w, const struct l2_look *l, const struct node_keys *k)
{
	char text[sizeof l->backup_failed + 40];

	if (l2_log_is_large(l))
		w->one(w->ctx, "the log of snapshots is large; then: pawl node prune");
	if (l2_database_is_large(l))
		w->one(w->ctx,
		    "the reorg database is large; then: pawl node prune-reorg-db, while "
		    "the node is stopped");
	if (l2_disk_is_low(l))
		w->one(w->ctx, "less than 10 % of the file system of the node is free");
	if (l2_backup_is_ahead(l, clock_wall_ms()))
		w->one(w->ctx,
		    "the newest backup is of a time to come: the clock of this machine "
		    "was wrong when it was made, or is now; then: " L2_AHEAD);
	if (l->log_bytes && !l->backups)
		w->one(w->ctx, "there is no backup; then: pawl node backup");
	if (k->backup.every && l->backup_ms && backup_age_ms(l) > 2 * k->backup.every)
		w->one(w->ctx,
		    "the newest backup is older than twice node.backup.every; then: pawl "
		    "node backup");
	if (l->backup_failed[0]) {
		snprintf(
		    text, sizeof text, "the last backup failed: %s", l->backup_failed);
		w->one(w->ctx, text);
	}
}

static void warnings(struct shown *s, struct warned w)
{
	for (size_t i = 0; i < s->look.findings_n; i++)
		finding_say(&w, &s->look.findings[i]);
	s->unseen =
	    !node_troubles(s->cli, s->journal, &s->files, &s->look, trouble_say, &w);
	sizes_say(&w, &s->look, &s->cli->config->node);
}

static void warning_say(void *ctx, const char *text)
{
	(void)ctx;
	printf("  warning    %s\n", text);
}

static void warning_add(void *ctx, const char *text)
{
	json_array_append_new(ctx, cli_text(text));
}

static void say(struct shown *s)
{
	const struct l2_look *l = &s->look;
	char age[32];

	printf(
	    "Node of the layer 2: supply %s (%s minted, %s burned) behind change %" PRId64
	    "\n",
	    s->supply, s->minted, s->burned, s->sums.changes);
	if (s->has_height)
		printf("  Bitcoin    followed up to block %" PRIu64 "\n", s->height);
	printf("  files      snapshots %" PRIu64 " MB, reorg database %" PRIu64 " MB\n",
	    l->log_bytes / L2_MB, l->database_bytes / L2_MB);
	if (l->backup_ms) {
		term_duration(age, backup_age_ms(l) / 1000);
		printf("  backups    %zu, the newest made %s ago\n", l->backups, age);
	} else {
		printf("  backups    none\n");
	}
	warnings(s, (struct warned){ warning_say, NULL });
	if (s->unseen)
		printf("  snapshot   the newest is too large to be looked at here: pawl "
		       "node verify\n");
}

static void show_json(struct shown *s)
{
	const struct l2_look *l = &s->look;
	json_t *list = json_array();

	warnings(s, (struct warned){ warning_add, list });
	cli_json(json_pack("{s:{s:s, s:I, s:o, s:I, s:I, s:I, s:o, s:b, s:o}}", "node",
	    "supply", s->supply, "changes", (json_int_t)s->sums.changes, "height",
	    s->has_height ? json_integer((json_int_t)s->height) : json_null(),
	    "snapshot_log_bytes", (json_int_t)l->log_bytes, "reorg_db_bytes",
	    (json_int_t)l->database_bytes, "backups", (json_int_t)l->backups,
	    "backup_age_ms",
	    l->backup_ms ? json_integer((json_int_t)backup_age_ms(l)) : json_null(),
	    "snapshot_unseen", s->unseen, "warnings", list));
}

bool node_show(const struct cli *c, struct journal *j)
{
	struct shown s = { .cli = c, .journal = j };
	struct amount all;

	node_files(&s.files, c->config, j);
	book_sums(j, &s.sums);
	l2_look(&s.look, &s.files.paths);
	l2_look_anchored(&s.look, anchors_n(j));
	if (!c->config->node.chain && !s.sums.changes && !s.look.log_bytes &&
	    !(s.look.has_folder && s.look.findings_n))
		return false;
	all = book_supply(&s.sums);
	amount_format(s.supply, &all, 0);
	amount_format(s.minted, &s.sums.minted, 0);
	amount_format(s.burned, &s.sums.burned, 0);
	s.has_height = anchors_top(j, &s.height);
	if (c->args.json)
		show_json(&s);
	else
		say(&s);
	return true;
}
