#include "cli/node/snapshots.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	enum err e = l2_log_open(ret, &files_of_system, path, f);

	return e == ERR_OK
	    ? e
	    : not_loaded(c, e, "Failed to open snapshot file", path, f->why);
}

size_t snapshots_damaged(const struct l2_log *log)
{
	size_t n = l2_log_damages(log), ret = 0;

	for (size_t i = 0; i < n; i++)
		ret += l2_log_damage(log, i).kind == L2_DAMAGED;
	return ret;
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

enum err snapshots_damage_tell(struct l2_log *log, const char *path, struct fail *f)
{
	enum err e = l2_log_survey(log, f);
	size_t n = e == ERR_OK ? l2_log_damages(log) : 0;
	uint64_t line;

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
		fprintf(stderr, "%s: and %zu more places like these\n", path,
		    n - DAMAGES_SHOWN);
	return e;
}

/* -- the store of anchors -------------------------------------------------------- */

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

static enum err open_now(struct store *s, struct fail *f)
{
	s->opened = true;
	if (s->named)
		snprintf(s->path, sizeof s->path, "%s", s->named);
	else if (!beside(s->path, s->log_path) && !configured(s->path, s->cli))
		s->path[0] = '\0';
	return s->path[0] ? reorgdb_open(&s->db, s->path, REORGDB_READ, f) : ERR_OK;
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
	return named ? open_now(s, f) : ERR_OK;
}

void store_close(struct store *s)
{
	reorgdb_close(s->db);
	s->db = NULL;
}

bool store_knows(void *ctx, struct l2_bytes hash)
{
	struct store *s = ctx;
	bool found = false;

	if (s->e != ERR_OK)
		return false;
	if (!s->opened)
		s->e = open_now(s, &s->fail);
	if (s->e == ERR_OK && s->db)
		s->e = reorgdb_has_anchor(s->db, hash.at, hash.len, &found, &s->fail);
	return found && s->e == ERR_OK;
}
