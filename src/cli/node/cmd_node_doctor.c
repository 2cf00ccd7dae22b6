/* node doctor: the files of a layer 2, and what they depend on. Each finding names the
 * procedure of the guide and what to type; nothing is changed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "cli/node/doctor.h"
#include "cli/node/snapshot_block.h"
#include "cli/report/report.h"
#include "kinds/node/backup/backup.h"
#include "kinds/node/state/book.h"

void doctor_trouble(struct node_doctor *n, const char *what, const char *subject,
    const struct l2_trouble *trouble)
{
	doctor_finding(&n->d, what, subject, trouble->remedy, "%s", trouble->why);
}

/* -- folder and size ------------------------------------------------------- */

/* "20 KB", "300 MB". */
static const char *size_tell(char out[32], uint64_t bytes)
{
	uint64_t unit = bytes < 10 * L2_MB ? 1024 : L2_MB;

	snprintf(out, 32, "%" PRIu64 " %s", (bytes + unit - 1) / unit,
	    unit == L2_MB ? "MB" : "KB");
	return out;
}

static void room_tell(struct node_doctor *n)
{
	const struct l2_look *l = &n->look;
	uint64_t needed = l->log_bytes + l->database_bytes;
	bool low = l2_disk_is_low(l);
	char of_disk[60] = "", is_free[32], takes[32];

	if (l->disk_free < 0 || (!low && (uint64_t)l->disk_free >= needed))
		return;
	if (low)
		snprintf(of_disk, sizeof of_disk, ", less than %d %% of it", L2_DISK_LOW);
	doctor_finding(&n->d, "files", n->files.paths.folder,
	    "make room: older backups, pawl node prune",
	    "%s are free on its file system%s; a backup takes up to %s",
	    size_tell(is_free, (uint64_t)l->disk_free), of_disk,
	    size_tell(takes, needed));
}

static void look_tell(struct node_doctor *n)
{
	const struct l2_look *l = &n->look;

	for (size_t i = 0; i < l->findings_n; i++)
		doctor_finding(&n->d, "files", l->findings[i].of, l->findings[i].remedy,
		    "%s", l->findings[i].why);
	if (!l->findings_n)
		doctor_fine(&n->d, "files", n->files.paths.folder,
		    "it and what is in it is this user's to use");
	if (l2_log_is_large(l) && !MUTANT(large_log_is_fine))
		doctor_finding(&n->d, "files", n->files.log,
		    "pawl node prune --keep 1000 --output FILE, which takes its place",
		    "it is %" PRIu64 " MB", l->log_bytes / L2_MB);
	if (l2_database_is_large(l))
		doctor_finding(&n->d, "files", n->files.reorg_db,
		    "pawl node prune-reorg-db, while the node is stopped",
		    "it is %" PRIu64 " MB", l->database_bytes / L2_MB);
	room_tell(n);
}

/* -- the journal ----------------------------------------------------------- */

/* The journal has no state, and something else has one. */
static bool lost_tell(struct node_doctor *n)
{
	const char *path = n->d.cli->config->journal;
	char archive[L2_ARCHIVE_TOLD], remedy[L2_ARCHIVE_TOLD + 1200];
	char word[600];
	size_t len = 0;

	shell_word(word, sizeof word, n->files.log);
	l2_archive_tell(archive, n->d.cli->config->node.data_dir);
	if (n->newest.len && !n->doubted)
		len = (size_t)snprintf(remedy, sizeof remedy,
		    "pawl node import %s takes it in; of what made it no id is known: "
		    "send none of it again%s",
		    word, archive);
	else if (n->unsure)
		len = (size_t)snprintf(remedy, sizeof remedy,
		    "procedure 3 comes first: pawl node rebuild-reorg-db; then: pawl "
		    "node recover --latest-valid%s",
		    archive);
	else if (n->doubted)
		len = (size_t)snprintf(remedy, sizeof remedy,
		    "pawl node import %s, which asks for it%s", word, archive);
	else if (archive[0])
		len = (size_t)snprintf(remedy, sizeof remedy, "%s", archive + 2);
	if (!len)
		return false;
	doctor_finding(&n->d, "state", path, remedy, "the journal has no state, and %s",
	    n->newest.len || n->doubted ? "the newest snapshot has one"
					: "what a reset has kept is one");
	return true;
}

/* The journal is an older copy of itself, or the log is of another node. */
static bool other_tell(struct node_doctor *n, const struct book_sums *sums)
{
	struct l2_trouble trouble;
	bool had;

	if (!n->newest.len)
		return false;
	journal_read_begin(n->d.journal);
	had = node_had(n->d.journal, n->files.log, n->newest, &n->verdict);
	journal_read_end(n->d.journal);
	if (had)
		return false;
	trouble_of_state(&trouble, n->files.log, n->verdict.root, sums);
	doctor_trouble(n, "state", n->d.cli->config->journal, &trouble);
	return true;
}

/* As long as the state comes from it: nobody brings the ids back. */
static void taken_tell(struct node_doctor *n)
{
	char dated[REPORT_TIME_MAX] = "";
	int64_t change, at_ms;

	journal_read_begin(n->d.journal);
	change = book_taken(n->d.journal);
	at_ms = change ? book_dated(n->d.journal, change) : -1;
	journal_read_end(n->d.journal);
	if (!change)
		return;
	if (at_ms >= 0)
		report_time(dated, at_ms);
	doctor_fine(&n->d, "state", n->d.cli->config->journal,
	    "change %" PRId64 "%s%s took it from elsewhere, without the ids of what made "
	    "it: what was sent before, and is not in this journal, is done twice when it "
	    "is sent again",
	    change, *dated ? " of " : "", dated);
}

static void state_tell(struct node_doctor *n)
{
	const char *path = n->d.cli->config->journal;
	struct fail f = { ERR_OK, "" };
	struct book_sums sums;
	char root[L2_HEX];
	enum err e;

	journal_read_begin(n->d.journal);
	book_sums(n->d.journal, &sums);
	e = book_check(n->d.journal, root, &f);
	if (e == ERR_OK)
		e = book_check_told(n->d.journal, &f);
	journal_read_end(n->d.journal);
	if (e != ERR_OK) {
		n->damaged = true;
		doctor_finding(
		    &n->d, "state", path, "pawl doctor --journal", "%s", f.why);
	} else if (n->fresh ? lost_tell(n) : other_tell(n, &sums)) {
		return;
	} else {
		doctor_fine(&n->d, "state", path,
		    "root %s behind change %" PRId64 ", its sums hold; %s", root,
		    sums.changes,
		    !n->newest.len && !n->doubted ? "no snapshot has it yet"
			: strcmp(root, n->doubted ? n->doubted_root : n->verdict.root) ==
			    0
			? "the newest snapshot has it"
			: "the newest snapshot has an older or another one, and the "
			  "journal wins");
	}
}

static void pegs_tell(struct node_doctor *n)
{
	struct l2_trouble trouble;

	if (trouble_of_minted(&trouble, n->d.journal))
		doctor_trouble(n, "state", n->d.cli->config->journal, &trouble);
	if (trouble_of_settled(&trouble, n->d.journal))
		doctor_trouble(n, "state", n->d.cli->config->journal, &trouble);
	if (trouble_of_pegouts(&trouble, n->d.journal))
		doctor_trouble(n, "state", n->d.cli->config->journal, &trouble);
	if (told_of_unseen(&trouble, n->d.journal))
		doctor_fine(&n->d, "state", n->d.cli->config->journal, "%s; %s",
		    trouble.why, trouble.remedy);
}

static void journal_open_tell(struct node_doctor *n)
{
	struct fail f = { ERR_OK, "" };
	struct book_sums sums;
	enum err e = report_open(n->d.cli, &n->d.journal, &f);

	if (e == ERR_OK) {
		book_sums(n->d.journal, &sums);
		n->fresh = !sums.changes;
		return;
	}
	n->d.journal = NULL;
	n->damaged |= e == ERR_DAMAGED;
	doctor_finding(&n->d, "state", n->d.cli->config->journal,
	    doctor_journal_advice(e), "%s", f.why);
}

/* -- backups --------------------------------------------------------------- */

static void failed_tell(struct node_doctor *n)
{
	const char *why = n->look.backup_failed;

	if (why[0])
		doctor_finding(&n->d, "backup", n->files.backups,
		    "what that says; then: pawl node backup, which tells whether it is "
		    "mended",
		    "the last one failed: %s", why);
}

/* The folder may be a mount point, which is there without its disk. */
static void copies_tell(struct node_doctor *n, const char *to)
{
	struct stat here, there;

	if (!to || stat(n->files.backups, &here) != 0 || stat(to, &there) != 0 ||
	    here.st_dev != there.st_dev)
		return; /* one that is missing is told when a copy fails */
	doctor_finding(&n->d, "backup", to,
	    "mount its disk; where it has none of its own, node.backup.copy_to is to be "
	    "a folder of another one",
	    "copies in it are on the file system of the backups themselves, and do not "
	    "survive its disk");
}

/* Its sums come last. */
static bool is_being_made(const struct node_doctor *n)
{
	struct buf lock;
	bool ret;

	buf_init(&lock, 4096);
	buf_addf(&lock, "%s/backup.lock", n->files.backups);
	ret = buf_ok(&lock) && files_is_owned(buf_text(&lock));
	buf_release(&lock);
	return ret;
}

static void sums_tell(struct node_doctor *n, const char *time)
{
	struct fail f = { ERR_OK, "" };
	enum err e = l2_backup_check(&files_of_system, n->files.backups, time, &f);

	if (e == ERR_OK) {
		doctor_fine(&n->d, "backup", n->files.backups,
		    "%zu, and the newest, %s, is what its sums say", n->look.backups,
		    time);
	} else if (e == ERR_NOT_FOUND && is_being_made(n)) {
		doctor_fine(&n->d, "backup", n->files.backups,
		    "%zu, and %s is being made now", n->look.backups, time);
	} else if (e == ERR_NOT_FOUND) {
		doctor_finding(&n->d, "backup", n->files.backups,
		    "pawl node backup makes one with sums",
		    "the newest of %zu, %s, has no sums: who made it was killed, or it "
		    "is of the guide's own script, or the file backup_%s.sha256 is lost; "
		    "nobody can say whether it is as it was made",
		    n->look.backups, time, time);
	} else {
		n->damaged = true;
		doctor_finding(&n->d, "backup", n->files.backups,
		    "pawl node backup makes another one", "%s", f.why);
	}
}

static void backups_tell(struct node_doctor *n)
{
	const struct node_keys *k = &n->d.cli->config->node;
	struct l2_backup_seen *seen = NULL;
	size_t found = 0, own = 0;
	int64_t age_ms = clock_wall_ms() - n->look.backup_ms;

	failed_tell(n);
	copies_tell(n, k->backup.copy_to);
	if (l2_backup_list(&files_of_system, n->files.backups, &seen, &found, NULL) !=
	    ERR_OK)
		found = 0;
	l2_backup_whose(
	    &files_of_system, n->files.backups, n->files.name, n->d.journal, seen, found);
	while (own < found && !seen[own].own)
		own++;
	if (own == found) {
		if (n->look.log_bytes)
			doctor_finding(&n->d, "backup", n->files.backups,
			    "pawl node backup; pawl serve makes them by itself where "
			    "node.chain names a chain",
			    found ? "none of those there is of this journal"
				  : "there is none");
	} else {
		if (l2_backup_is_ahead(&n->look, clock_wall_ms()))
			doctor_finding(&n->d, "backup", n->files.backups, L2_AHEAD,
			    "the newest, %s, is of a time to come: the clock of this "
			    "machine was wrong when it was made, or is now",
			    seen[own].time);
		if (k->backup.every && age_ms > 2 * k->backup.every)
			doctor_finding(&n->d, "backup", n->files.backups,
			    "pawl node backup; and see why pawl serve makes none",
			    "the newest is %" PRId64
			    " minute%s old, and one is due every "
			    "%" PRId64,
			    age_ms / 60000, age_ms / 60000 == 1 ? "" : "s",
			    k->backup.every / 60000);
		sums_tell(n, seen[own].time);
	}
	mem_free(seen);
}

/* -- its anchor ------------------------------------------------------------ */

static void anchor_tell(struct node_doctor *n)
{
	struct l2_trouble trouble;

	n->anchor_told = n->newest.len &&
	    node_anchor_trouble(
		n->d.cli, n->d.journal, n->files.log, n->newest, &n->verdict, &trouble);
	if (n->anchor_told)
		doctor_trouble(n, "anchor", n->files.log, &trouble);
}

/* -- Bitcoin --------------------------------------------------------------- */

/* The journal may know no such anchor, or not say that it is in trouble. */
static void no_block_tell(struct node_doctor *n, const struct snapshot_block *b)
{
	bool ill;
	const char *why = snapshot_block_none(b, &ill);

	if (n->anchor_told)
		return;
	if (ill && b->known && !MUTANT(invalidated_is_fine))
		doctor_finding(&n->d, "anchor", n->files.log, "pawl node create-anchor",
		    "the newest snapshot's anchor %s", why);
	else
		doctor_fine(&n->d, "anchor", n->files.log,
		    "the newest snapshot's anchor %s", why);
}

static void divergence_tell(struct node_doctor *n)
{
	uint64_t most = n->d.cli->config->node.max_divergence, head = 0, behind;
	struct fail f = { ERR_OK, "" };
	struct l2_trouble trouble;
	struct snapshot_block b;

	if (!n->newest.len ||
	    snapshot_block(n->d.cli, n->files.log, n->files.reorg_db, &b, &f) != ERR_OK ||
	    bitcoin_block_now(n->d.cli, n->d.world, &head, &f) != ERR_OK)
		return; /* why not is told already */
	if (!b.in_block)
		no_block_tell(n, &b);
	else if (trouble_of_height(&trouble, n->d.journal, b.height, head, &behind))
		doctor_fine(&n->d, "anchor", n->files.log, "%s", trouble.why);
	else if (trouble_of_distance(&trouble, behind, most))
		doctor_trouble(n, "anchor", n->files.log, &trouble);
	else
		doctor_fine(&n->d, "anchor", n->files.log,
		    "the newest snapshot is %" PRIu64 " block%s behind Bitcoin", behind,
		    behind == 1 ? "" : "s");
}

static enum err bitcoin_tell(struct node_doctor *n, struct fail *f)
{
	const char *chain = n->d.cli->config->node.chain;
	enum err e;

	if (!chain) {
		doctor_fine(&n->d, "chain", n->d.cli->config->path,
		    "node.chain is none: pawl serve follows no Bitcoin, and makes no "
		    "backups. To have both, name a chain of the kind bitcoin under "
		    "chains, and in node.chain: pawl help config");
		return ERR_OK;
	}
	e = world_open(&n->d.world, f);
	if (e == ERR_OK)
		e = doctor_chain(&n->d, chain, f);
	if (e == ERR_OK)
		divergence_tell(n);
	return e;
}

/* -- the command ----------------------------------------------------------- */

static enum err verdict(struct node_doctor *n, struct fail *f)
{
	int found = n->d.findings;

	n->d.cli->told = true;
	if (n->d.cli->args.json)
		cli_json(json_pack("{s:b, s:i, s:b}", "ok", found == 0, "findings", found,
		    "damaged", n->damaged));
	if (found == 0) {
		cli_say(n->d.cli, "Nothing to do.");
		return ERR_OK;
	}
	return fail_set(f, n->damaged ? ERR_INPUT : ERR_CONFIG, "%d finding%s%s", found,
	    found == 1 ? "" : "s", n->damaged ? ", of what is damaged among them" : "");
}

static enum err examine(struct node_doctor *n, struct cli *c, struct fail *f)
{
	enum err e = cli_config(c, f);

	if (e != ERR_OK)
		return e;
	journal_open_tell(n);
	node_files(&n->files, c->config, n->d.journal);
	l2_look(&n->look, &n->files.paths);
	if (n->d.journal)
		l2_look_anchored(&n->look, anchors_n(n->d.journal));
	n->damaged |= n->look.lost;
	look_tell(n);
	if (n->look.has_folder) {
		doctor_left(n);
		doctor_database(n);
		doctor_log(n);
		backups_tell(n);
	}
	if (n->d.journal) {
		state_tell(n);
		pegs_tell(n);
		taken_tell(n);
		anchor_tell(n);
	}
	e = bitcoin_tell(n, f);
	world_free(n->d.world);
	if (n->d.journal)
		journal_close(n->d.journal);
	return e == ERR_OK ? verdict(n, f) : e;
}

enum err cmd_node_doctor(struct cli *c, struct fail *f)
{
	struct node_doctor *n = mem_new(sizeof *n);
	enum err e;

	n->d.cli = c;
	e = examine(n, c, f);
	mem_free(n);
	return e;
}
