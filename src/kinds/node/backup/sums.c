#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/backup/inside.h"

#define SUMS_MAX 4096
#define AHEAD_MS 600000

/* What stands around the time in a name. */
static const struct shape {
	const char *before, *behind;
} shapes[BACKUP_FILES] = {
	[BACKUP_LOG] = { "l2_snapshots_", ".dat.bak" },
	[BACKUP_DB] = { "reorg_db_", ".tar.gz" },
	[BACKUP_SUMS] = { "backup_", ".sha256" },
};

void backup_name(char out[64], enum backup_file file, const char *time)
{
	snprintf(out, 64, "%s%.16s%s", shapes[file].before, time, shapes[file].behind);
}

enum err backup_path(
    char out[BACKUP_PATH_MAX], const char *folder, const char *name, struct fail *f)
{
	int n =
	    snprintf(out, BACKUP_PATH_MAX, "%s%s%s", folder, *folder ? "/" : "", name);

	if (n >= 0 && n < BACKUP_PATH_MAX - 32)
		return ERR_OK;
	return fail_set(f, ERR_INPUT, "a path in %.200s is too long", folder);
}

void backup_time(char out[L2_BACKUP_TIME], int64_t wall_ms)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm t;

	gmtime_r(&s, &t);
	if (!strftime(out, L2_BACKUP_TIME, "%Y%m%d_%H%M%S", &t))
		snprintf(out, L2_BACKUP_TIME, "19700101_000000");
}

int64_t l2_backup_wall_ms(const char *time)
{
	struct tm t = { 0 };

	if (!strptime(time, "%Y%m%d_%H%M%S", &t))
		return 0;
	return (int64_t)timegm(&t) * 1000;
}

bool l2_backup_time_ahead(int64_t backup_ms, int64_t wall_ms)
{
	return backup_ms > wall_ms && backup_ms - wall_ms > AHEAD_MS;
}

/* 20261122_090000 */
static bool is_time(const char *text)
{
	for (int i = 0; i < L2_BACKUP_TIME - 1; i++)
		if (i == 8 ? text[i] != '_' : text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

bool backup_name_parse(
    const char *name, enum backup_file *ret, char ret_time[L2_BACKUP_TIME])
{
	for (int i = 0; i < BACKUP_FILES; i++) {
		size_t before = strlen(shapes[i].before);

		if (strncmp(name, shapes[i].before, before) != 0 ||
		    strlen(name) !=
			before + L2_BACKUP_TIME - 1 + strlen(shapes[i].behind) ||
		    !is_time(name + before) ||
		    strcmp(name + before + L2_BACKUP_TIME - 1, shapes[i].behind) != 0)
			continue;
		*ret = (enum backup_file)i;
		memcpy(ret_time, name + before, L2_BACKUP_TIME - 1);
		ret_time[L2_BACKUP_TIME - 1] = '\0';
		return true;
	}
	return false;
}

/* -- the file of sums ------------------------------------------------------ */

void sums_format(struct buf *out, const struct sums *s)
{
	char name[64];

	buf_addf(out, "# pawl node backup %s\n", s->time);
	if (s->root[0])
		buf_addf(out, "# root %s\n", s->root);
	if (s->journal[0])
		buf_addf(out, "# journal %s\n", s->journal);
	if (s->point.link[0])
		buf_addf(
		    out, "# past %" PRId64 " %s\n", s->point.commit_no, s->point.link);
	for (int i = 0; i < 2; i++) {
		backup_name(name, (enum backup_file)i, s->time);
		if (s->sum[i][0])
			buf_addf(out, "%s  %s\n", s->sum[i], name);
	}
}

static bool is_hex(const char *text, int len)
{
	for (int i = 0; i < len; i++)
		if (!strchr("0123456789abcdef", text[i]) || !text[i])
			return false;
	return true;
}

/* # past 123 0f.. */
static bool point_take(struct journal_point *p, const char *line, size_t len)
{
	static const char head[] = "# past ";
	size_t n = sizeof head - 1, at = n;

	if (len < n || memcmp(line, head, n) != 0 || p->link[0])
		return false;
	for (; at < len && at < n + 18 && line[at] >= '0' && line[at] <= '9'; at++)
		p->commit_no = p->commit_no * 10 + (line[at] - '0');
	if (at == n || line[n] == '0' || len != at + 65 || line[at] != ' ' ||
	    !is_hex(line + at + 1, 64))
		return false;
	memcpy(p->link, line + at + 1, 64);
	return true;
}

static bool line_take(struct sums *s, const char *line, size_t len)
{
	char name[64];

	if (len == 7 + 64 && !strncmp(line, "# root ", 7) && is_hex(line + 7, 64) &&
	    !s->root[0]) {
		memcpy(s->root, line + 7, 64);
		return true;
	}
	if (len == 10 + 32 && !strncmp(line, "# journal ", 10) && is_hex(line + 10, 32) &&
	    !s->journal[0]) {
		memcpy(s->journal, line + 10, 32);
		return true;
	}
	if (point_take(&s->point, line, len))
		return true;
	for (int i = 0; i < 2; i++) {
		backup_name(name, (enum backup_file)i, s->time);
		if (len == 66 + strlen(name) && is_hex(line, 64) && line[64] == ' ' &&
		    line[65] == ' ' && !memcmp(line + 66, name, strlen(name)) &&
		    !s->sum[i][0]) {
			memcpy(s->sum[i], line, 64);
			return true;
		}
	}
	return false;
}

enum err sums_parse(struct sums *ret, const char *text, size_t len, struct fail *f)
{
	static const char head[] = "# pawl node backup ";
	size_t head_len = sizeof head - 1 + L2_BACKUP_TIME - 1, at = head_len + 1;
	int line = 1;

	*ret = (struct sums){ 0 };
	if (len <= head_len || memcmp(text, head, sizeof head - 1) != 0 ||
	    text[head_len] != '\n' || !is_time(text + sizeof head - 1))
		return fail_set(f, ERR_INPUT, "line 1: is not \"%s<time>\"", head);
	memcpy(ret->time, text + sizeof head - 1, L2_BACKUP_TIME - 1);
	while (at < len) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		line++;
		if (!end || !line_take(ret, text + at, n))
			return fail_set(f, ERR_INPUT,
			    "line %d: is not the sum of a file of this backup", line);
		at += n + 1;
	}
	if ((!ret->sum[0][0] && !ret->sum[1][0]) || !ret->sum[0][0] != !ret->root[0])
		return fail_set(f, ERR_INPUT, "it lacks sums");
	return ERR_OK;
}

enum err sums_read(
    struct sums *ret, const struct files *files, const char *path, struct fail *f)
{
	char text[SUMS_MAX];
	struct file *file;
	size_t n;
	enum err e = files->open(&file, path, FILE_READ, f);

	if (e != ERR_OK)
		return e;
	e = files->read(file, 0, text, sizeof text, &n, f);
	files->close(file);
	if (e != ERR_OK)
		return e;
	e = sums_parse(ret, text, n, f);
	if (e == ERR_OK)
		return e;
	(void)fail_wrap(f, e, "%s", path);
	if (f)
		f->err = ERR_DAMAGED;
	return ERR_DAMAGED;
}

enum sums_of sums_whose(const struct sums *s, const char *name, struct journal *j)
{
	if (!*name || !s->journal[0])
		return SUMS_OWN;
	if (strcmp(s->journal, name) != 0)
		return SUMS_OTHER;
	return !j || !s->point.link[0] || journal_passed(j, &s->point) ||
		MUTANT(backups_of_copies_are_own)
	    ? SUMS_OWN
	    : SUMS_COPY;
}

void l2_backup_whose(const struct files *files, const char *folder, const char *name,
    struct journal *j, struct l2_backup_seen *seen, size_t n)
{
	char path[BACKUP_PATH_MAX], file[64];
	enum sums_of of;
	struct sums s;

	for (size_t i = 0; i < n; i++) {
		of = SUMS_OWN;
		backup_name(file, BACKUP_SUMS, seen[i].time);
		if (*name && seen[i].sums &&
		    backup_path(path, folder, file, NULL) == ERR_OK &&
		    sums_read(&s, files, path, NULL) == ERR_OK)
			of = sums_whose(&s, name, j);
		seen[i].own = of == SUMS_OWN;
		seen[i].other = of == SUMS_OTHER;
		seen[i].copy = of == SUMS_COPY;
	}
}

enum err l2_backup_check(
    const struct files *files, const char *folder, const char *time, struct fail *f)
{
	char path[BACKUP_PATH_MAX], name[64], sum[SUM_TEXT];
	struct sums s;
	uint64_t len;
	enum err e;

	backup_name(name, BACKUP_SUMS, time);
	e = backup_path(path, folder, name, f);
	if (e == ERR_OK)
		e = sums_read(&s, files, path, f);
	if (e == ERR_INPUT)
		e = fail_set(f, ERR_DAMAGED, "%s: its sums can't be read", path);
	for (int i = 0; i < BACKUP_SUMS && e == ERR_OK; i++) {
		if (!s.sum[i][0])
			continue;
		backup_name(name, (enum backup_file)i, time);
		e = backup_path(path, folder, name, f);
		if (e == ERR_OK)
			e = file_sum(files, path, sum, &len, f);
		if (e == ERR_NOT_FOUND)
			e = fail_set(f, ERR_DAMAGED, "%s: it is gone", path);
		else if (e == ERR_OK && strcmp(sum, s.sum[i]) != 0)
			e = fail_set(f, ERR_DAMAGED,
			    "%s: it was altered, its sum is another one", path);
	}
	return e;
}
