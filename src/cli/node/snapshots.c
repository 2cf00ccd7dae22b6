#include "cli/node/snapshots.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mutant.h"
#include "base/shell.h"
#include "cli/config/config.h"
#include "cli/node/folder.h"
#include "cli/node/reading.h"

#define DAMAGES_SHOWN 20

enum err snapshots_path(struct cli *c, const char *what, const char *given,
    const char *name, char out[SNAPSHOTS_PATH_MAX], struct fail *f)
{
	enum err e = given ? ERR_OK : cli_config(c, f);
	int n;

	if (given && !*given)
		return fail_set(f, ERR_USAGE, "%s is empty: it is a path", what);
	if (e != ERR_OK)
		return e;
	n = given
	    ? snprintf(out, SNAPSHOTS_PATH_MAX, "%s", given)
	    : snprintf(out, SNAPSHOTS_PATH_MAX, "%s/%s", c->config->node.data_dir, name);
	if (n < 0 || n >= SNAPSHOTS_PATH_MAX)
		return fail_set(f, ERR_USAGE, "%s: the path is too long", what);
	return ERR_OK;
}

enum err snapshots_new_file(const char *output, struct fail *f)
{
	struct stat st;

	if (lstat(output, &st) != 0 || MUTANT(made_over_any_file))
		return ERR_OK;
	return fail_set(f, ERR_USAGE,
	    "%s is there already, and nothing was written: name a file that is none yet",
	    output);
}

/* In the words of the guide's tool. */
static enum err not_loaded(
    struct cli *c, enum err e, const char *why, const char *path, const char *more)
{
	c->said = true;
	fprintf(stderr, "Failed to load snapshot: %s: %s\n", why, path);
	if (more)
		fprintf(stderr, "%s\n", more);
	return e;
}

enum err snapshots_open(
    struct l2_log **ret, struct cli *c, const char *path, struct fail *f)
{
	enum err e = reading_log(ret, c, path, f);

	folder_warn(c, path);
	if (e == ERR_OK)
		return e;
	/* the folder, where it is that which lacks */
	(void)!folder_of(c, path, "the log of snapshots", f);
	return not_loaded(c, e, "Failed to open snapshot file", path, f->why);
}

size_t snapshots_damaged(const struct l2_log *log)
{
	size_t n = l2_log_damages(log), ret = 0;

	for (size_t i = 0; i < n; i++)
		ret += l2_log_damage(log, i).kind == L2_DAMAGED;
	return ret;
}

void snapshots_ambiguous_tell(
    const char *path, struct l2_block block, const struct l2_verdict *v)
{
	if (v->ambiguous)
		fprintf(stderr,
		    "%s: %" PRIu64 " text%s of the snapshot at byte %" PRIu64
		    " with a colon, the first at byte %" PRIu64
		    ": other states have the same root\n",
		    path, v->ambiguous, v->ambiguous == 1 ? "" : "s", block.offset,
		    block.offset + v->ambiguous_offset);
}

static void left_tell(void *ctx, struct l2_block block, const struct l2_verdict *why)
{
	struct snapshots_copied *copied = ctx;

	copied->left++;
	fprintf(stderr, "%s: the snapshot at byte %" PRIu64 " %s: %s\n", copied->path,
	    block.offset, copied->word, why->why);
}

static void kept_tell(void *ctx, struct l2_block block, const struct l2_verdict *why)
{
	struct snapshots_copied *copied = ctx;

	snapshots_ambiguous_tell(copied->path, block, why);
	if (why->fault != L2_HOLDS && copied->unheld++ < DAMAGES_SHOWN)
		fprintf(stderr,
		    "%s: the snapshot at byte %" PRIu64
		    " is copied, and does not hold: %s\n",
		    copied->path, block.offset, why->why);
}

struct l2_copy_tell snapshots_copied_tell(struct snapshots_copied *ctx)
{
	return (struct l2_copy_tell){ left_tell, kept_tell, ctx };
}

void snapshots_unheld_tell(const struct snapshots_copied *copied)
{
	char word[SHELL_WORD_MAX];
	size_t n = copied->unheld;

	if (n)
		fprintf(stderr,
		    "%s: %zu snapshot%s of it that %s copied do%s not hold. See: pawl "
		    "node verify --all --snapshot %s\n",
		    copied->path, n, n == 1 ? "" : "s", n == 1 ? "was" : "were",
		    n == 1 ? "es" : "", shell_word(word, sizeof word, copied->path));
}

enum err snapshots_some(
    struct l2_log *log, struct cli *c, const char *path, struct fail *f)
{
	enum err e = l2_log_survey(log, f);

	if (e != ERR_OK || l2_log_n(log) || snapshots_damaged(log))
		return e;
	e = fail_set(f, ERR_NOT_FOUND, "%s has no whole snapshot", path);
	return not_loaded(c, e, "No snapshots found in file", path, NULL);
}

void snapshots_mixed(struct l2_log *log, char out[SNAPSHOTS_MIXED_MAX])
{
	static const char *const names[] = { "", "text", "records" };
	int version = l2_log_version(log);
	char place[40] = "";
	uint64_t at, line;

	out[0] = '\0';
	if (!l2_log_is_mixed(log, &at))
		return;
	if (version == 1 && l2_log_line(log, at, &line, NULL) == ERR_OK)
		snprintf(place, sizeof place, ", line %" PRIu64, line);
	snprintf(out, SNAPSHOTS_MIXED_MAX,
	    "a file of two formats: it begins with %s (version %d), and %s (version %d) "
	    "begin%s at byte %" PRIu64 "%s. Each snapshot is read as what it is, and the "
	    "last one is the newest",
	    names[version], version, names[3 - version], 3 - version,
	    version == 2 ? "s" : "", at, place);
}

enum err snapshots_damage_tell(struct l2_log *log, const char *path, struct fail *f)
{
	enum err e = l2_log_survey(log, f);
	size_t n = e == ERR_OK ? l2_log_damages(log) : 0;
	char mixed[SNAPSHOTS_MIXED_MAX], word[SHELL_WORD_MAX];
	uint64_t line;

	if (e == ERR_OK)
		snapshots_mixed(log, mixed);
	if (e == ERR_OK && mixed[0])
		fprintf(stderr,
		    "%s: %s. In one format: pawl node convert %s OUTPUT --to 1 (or 2)\n",
		    path, mixed, shell_word(word, sizeof word, path));
	for (size_t i = 0; i < n && i < DAMAGES_SHOWN && e == ERR_OK; i++) {
		struct l2_damage d = l2_log_damage(log, i);

		e = l2_log_line(log, d.offset, &line, f);
		if (e != ERR_OK)
			break;
		fprintf(stderr, "%s: byte %" PRIu64, path, d.offset);
		if (l2_log_version(log) == 1)
			fprintf(stderr, ", line %" PRIu64, line);
		fprintf(stderr, ": %s, %" PRIu64 " byte%s%s\n", l2_damage_name(d.kind),
		    d.len, d.len == 1 ? "" : "s",
		    d.kind == L2_DAMAGED ? "" : ": passed over");
	}
	if (n > DAMAGES_SHOWN)
		fprintf(stderr, "%s: and %zu more place%s like these\n", path,
		    n - DAMAGES_SHOWN, n - DAMAGES_SHOWN == 1 ? "" : "s");
	return e;
}

/* -- the judge ------------------------------------------------------------------- */

static bool there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* reorg_db in the folder of a file. */
static bool beside(char out[SNAPSHOTS_PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');
	int n = snprintf(out, SNAPSHOTS_PATH_MAX, "%.*sreorg_db",
	    slash ? (int)(slash - path + 1) : 0, path);

	return n > 0 && n < SNAPSHOTS_PATH_MAX && there(out);
}

/* Of the config, which may be missing: a log is verified without one, too. */
static bool configured(char out[SNAPSHOTS_PATH_MAX], struct cli *c)
{
	struct fail f = { ERR_OK, "" };
	int n;

	if (access(c->args.config, F_OK) != 0 || cli_config(c, &f) != ERR_OK)
		return false;
	n = snprintf(out, SNAPSHOTS_PATH_MAX, "%s/reorg_db", c->config->node.data_dir);
	return n > 0 && n < SNAPSHOTS_PATH_MAX && there(out);
}

/* Where no config is, as for a snapshot that was taken out of a log: that of the folder
 * that a node has where none is named, by the environment or at all. */
static bool usual(struct store *s)
{
	struct config *none;
	int n;

	if (access(s->cli->args.config, F_OK) == 0 || MUTANT(no_usual_database) ||
	    config_parse(&none, "", 0, s->cli->args.config, environ, NULL) != ERR_OK)
		return false;
	n = snprintf(s->path, sizeof s->path, "%s/reorg_db", none->node.data_dir);
	config_free(none);
	if (n < 0 || n >= SNAPSHOTS_PATH_MAX || !there(s->path))
		return false;
	fprintf(stderr,
	    "%s: no reorg_db is beside it, and there is no %s: the anchors of its "
	    "peg-outs are looked up in %s; --db-path names another\n",
	    s->log_path, s->cli->args.config, s->path);
	return true;
}

static void database_find(struct store *s)
{
	if (s->named)
		snprintf(s->path, sizeof s->path, "%s", s->named);
	else if (!beside(s->path, s->log_path) && !configured(s->path, s->cli) &&
	    !usual(s))
		s->path[0] = '\0';
	s->judge.reorg_db = s->path;
}

/* Without a config, and without a journal, a log is verified, too. */
static void journal_find(struct store *s)
{
	struct judge *j = &s->judge;
	struct cli *c = s->cli;
	struct fail f = { ERR_OK, "" };

	if (access(c->args.config, F_OK) != 0 || cli_config(c, &f) != ERR_OK)
		return;
	j->journal_err = journal_read(&j->journal, c->config->journal, &j->journal_fail);
	s->own_journal = j->journal_err == ERR_OK;
	if (j->journal_err == ERR_OK)
		return;
	j->journal = NULL;
	if (j->journal_err == ERR_NO_JOURNAL)
		j->journal_err = ERR_OK;
}

struct judge *store_judge(struct store *s)
{
	if (!s->looked) {
		database_find(s);
		journal_find(s);
	}
	s->looked = true;
	return &s->judge;
}

void store_lend(struct store *s, struct journal *j)
{
	database_find(s);
	s->judge.journal = j;
	s->looked = true;
}

enum err store_init(struct store *s, struct cli *c, const char *named,
    const char *log_path, struct fail *f)
{
	memset(s, 0, sizeof *s);
	s->cli = c;
	s->named = named;
	s->log_path = log_path;
	if (named && (!*named || strlen(named) >= SNAPSHOTS_PATH_MAX))
		return fail_set(f, ERR_USAGE, "--db-path is the path of a folder");
	return named ? judge_open(store_judge(s), f) : ERR_OK;
}

void store_close(struct store *s)
{
	judge_release(&s->judge);
	if (s->own_journal)
		journal_close(s->judge.journal);
	s->judge.journal = NULL;
	s->own_journal = false;
}

bool store_knows(void *ctx, struct l2_bytes hash)
{
	return judge_knows(store_judge(ctx), hash);
}
