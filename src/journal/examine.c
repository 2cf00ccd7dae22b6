#include <string.h>

#include "journal/inside.h"

static bool has_wal(const char *path)
{
	char name[NAME_SIZE];

	journal_name_with(name, path, "-wal");
	return journal_files->size(name) >= 0;
}

enum err journal_examine(struct journal **ret, const char *path, struct fail *f)
{
	bool alone = journal_files->size(path) >= 0 && !has_wal(path);

	return journal_open_file(ret, path, alone ? DB_ALONE : DB_READ, false, f);
}

enum err journal_noted(struct journal *j, struct fail *f)
{
	enum err e = journal_start_error(j, f);

	j->start.err = ERR_OK;
	j->numb = false;
	return e;
}

enum err journal_check_schema(struct journal *j, struct fail *f)
{
	int have = 0;
	enum err e = migrate_compare(j, &have, f);

	if (e == ERR_OK && have < migrations_count)
		e = fail_set(f, ERR_CONFLICT, "it has schema %d, this pawl reads %d",
		    have, migrations_count);
	return e;
}

/* An owner compared the two when it began, and writes them now. */
enum err journal_check_files(struct journal *j, struct fail *f)
{
	int have = 0;
	enum err e;

	if (j->alone)
		return journal_refuse_missing(j->path, f);
	if (journal_files->owned(j->path))
		return ERR_OK;
	e = migrate_compare(j, &have, f);
	return e == ERR_OK ? check_files(j, have, f) : e;
}

void journal_place(struct journal *j, struct journal_place *ret)
{
	struct sql_journal_copy_get_out c = { .marked = false };
	struct sql_journal_get_out o;

	*ret = (struct journal_place){ .marked = false };
	if (!sql_journal_get_one(j, &o) || !sql_journal_copy_get_one(j, &c) ||
	    journal_files->id(&j->id, j->path, NULL) != ERR_OK)
		return;
	*ret = (struct journal_place){ c.marked, doubt_is_other_file(j, &o, &c),
		o.commit_no, o.events };
}
