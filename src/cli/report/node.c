#include "cli/report/node.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "cli/term/term.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/backup/backup.h"
#include "kinds/node/state/book.h"

void node_files(struct node_files *ret, const struct node_keys *k)
{
	snprintf(ret->log, sizeof ret->log, "%.1000s/l2_snapshots.dat", k->data_dir);
	snprintf(ret->reorg_db, sizeof ret->reorg_db, "%.1000s/reorg_db", k->data_dir);
	if (k->backup.folder)
		snprintf(ret->backups, sizeof ret->backups, "%s", k->backup.folder);
	else
		snprintf(
		    ret->backups, sizeof ret->backups, "%.1000s/backups", k->data_dir);
	ret->paths =
	    (struct l2_paths){ k->data_dir, ret->log, ret->reorg_db, ret->backups };
}

static int64_t backup_age_ms(const struct l2_look *l)
{
	int64_t age_ms = clock_wall_ms() - l->backup_ms;

	return age_ms > 0 ? age_ms : 0;
}

/* Each is a sentence with what to type. */
static void warnings(const struct l2_look *l, const struct node_keys *k,
    void (*one)(void *ctx, const char *text), void *ctx)
{
	char text[900];

	for (size_t i = 0; i < l->findings_n; i++) {
		snprintf(text, sizeof text, "%s: %s; then: %s", l->findings[i].of,
		    l->findings[i].why, l->findings[i].remedy);
		one(ctx, text);
	}
	if (l2_log_is_large(l))
		one(ctx, "the log of snapshots is large; then: pawl node prune");
	if (l2_database_is_large(l))
		one(ctx,
		    "the reorg database is large; then: pawl node prune-reorg-db, while "
		    "the node is stopped");
	if (l2_disk_is_low(l))
		one(ctx, "less than 10 % of the file system of the node is free");
	if (k->backup.every && l->backup_ms && backup_age_ms(l) > 2 * k->backup.every)
		one(ctx,
		    "the newest backup is older than twice node.backup.every; then: pawl "
		    "node backup");
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

static void say(const struct l2_look *l, const struct book_sums *s, const char *supply,
    const char *minted, const char *burned, bool has_height, uint64_t height)
{
	char age[32];

	printf(
	    "Node of the layer 2: supply %s (%s minted, %s burned) behind change %" PRId64
	    "\n",
	    supply, minted, burned, s->changes);
	if (has_height)
		printf("  Bitcoin    followed up to block %" PRIu64 "\n", height);
	printf("  files      snapshots %" PRIu64 " MB, reorg database %" PRIu64 " MB\n",
	    l->log_bytes / L2_MB, l->database_bytes / L2_MB);
	if (l->backup_ms) {
		term_duration(age, backup_age_ms(l) / 1000);
		printf("  backups    %zu, the newest made %s ago\n", l->backups, age);
	} else {
		printf("  backups    none\n");
	}
}

static void show_json(const struct l2_look *l, const struct node_keys *k,
    const struct book_sums *s, const char *supply, bool has_height, uint64_t height)
{
	json_t *list = json_array();

	warnings(l, k, warning_add, list);
	cli_json(json_pack("{s:{s:s, s:I, s:o, s:I, s:I, s:I, s:o, s:o}}", "node",
	    "supply", supply, "changes", (json_int_t)s->changes, "height",
	    has_height ? json_integer((json_int_t)height) : json_null(),
	    "snapshot_log_bytes", (json_int_t)l->log_bytes, "reorg_db_bytes",
	    (json_int_t)l->database_bytes, "backups", (json_int_t)l->backups,
	    "backup_age_ms",
	    l->backup_ms ? json_integer((json_int_t)backup_age_ms(l)) : json_null(),
	    "warnings", list));
}

bool node_show(const struct cli *c, struct journal *j)
{
	const struct node_keys *k = &c->config->node;
	char supply[AMOUNT_TEXT_MAX], minted[AMOUNT_TEXT_MAX], burned[AMOUNT_TEXT_MAX];
	struct amount all;
	struct node_files files;
	struct l2_look l;
	struct book_sums s;
	uint64_t height = 0;
	char half[L2_RESET_TOLD];
	bool has_height;

	l2_reset_tell(half, &files_of_system, k->data_dir);
	if (!k->chain && !half[0])
		return false;
	node_files(&files, k);
	l2_look(&l, &files.paths);
	book_sums(j, &s);
	all = book_supply(&s);
	amount_format(supply, &all, 0);
	amount_format(minted, &s.minted, 0);
	amount_format(burned, &s.burned, 0);
	has_height = anchors_top(j, &height);
	if (c->args.json) {
		show_json(&l, k, &s, supply, has_height, height);
		return true;
	}
	say(&l, &s, supply, minted, burned, has_height, height);
	warnings(&l, k, warning_say, NULL);
	return true;
}
