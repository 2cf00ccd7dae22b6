#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mutant.h"
#include "journal/inside.h"

int journal_schema_known(void)
{
	return migrations_count;
}

/* One applied migration against the one that we have under its number. */
static enum err compare_one(
    const struct sql_migration_all_out *o, int have, struct fail *f)
{
	const struct migration *m = &migrations[have];

	if (have >= migrations_count)
		return fail_set(f, ERR_NEWER_JOURNAL,
		    "it has schema %lld (%s), this pawl knows %d: use the newer pawl",
		    (long long)o->id, o->name, migrations_count);
	if (o->id != m->id)
		return fail_set(f, ERR_DAMAGED, "migration %d is not recorded", m->id);
	if (memcmp(o->sum, m->sum, sizeof(m->sum)) != 0)
		return fail_set(f, ERR_DAMAGED,
		    "migration %d (%s) was made from another text than this pawl's",
		    m->id, o->name);
	return ERR_OK;
}

enum err migrate_compare(struct journal *j, int *ret_have, struct fail *f)
{
	struct sql_migration_all_out o;
	enum err e = ERR_OK;
	int have = 0;

	sql_migration_all_begin(j);
	while (e == ERR_OK && sql_migration_all_next(j, &o)) {
		e = compare_one(&o, have, f);
		have++;
	}
	sql_migration_all_end(j);
	if (e == ERR_OK)
		e = journal_start_error(j, f);
	if (e == ERR_OK && !have)
		e = fail_set(f, ERR_DAMAGED, "no migration is recorded");
	*ret_have = have;
	return e;
}

static void record(struct journal *j, const struct migration *m)
{
	struct sql_migration_add_in in = { .id = m->id,
		.name = m->name,
		.at_ms = clock_wall_ms(),
		.version = PAWL_VERSION };
	char why[200];

	memcpy(in.sum, m->sum, sizeof(in.sum));
	sql_migration_add(j, &in);
	snprintf(why, sizeof(why), "%s, by pawl %s", m->name, PAWL_VERSION);
	journal_event(j,
	    &(struct event){ .what = "schema", .from = "", .to = m->name, .why = why });
}

void migrate_up(struct journal *j, int have)
{
	bool sqlite = strcmp(j->drv->name, "sqlite") == 0;

	for (; have < migrations_count; have++) {
		const struct migration *m = &migrations[have];

		if (journal_exec(j, sqlite ? m->sqlite : m->postgres) != ERR_OK)
			return;
		if (MUTANT(migration_in_pieces))
			(void)journal_exec(j, "COMMIT; BEGIN IMMEDIATE");
		record(j, m);
	}
}

enum err journal_migrate(const char *path, char **ret_backup, struct fail *f)
{
	struct owner who = { .pid = getpid(), .since_ms = clock_wall_ms() };
	struct journal *j;
	int have;
	enum err e = journal_open_file(&j, path, DB_WRITE, true, f);

	*ret_backup = NULL;
	if (e != ERR_OK)
		return journal_advise(e, f);
	gethostname(who.host, sizeof(who.host) - 1);
	e = migrate_compare(j, &have, f);
	if (e == ERR_OK)
		e = owner_take(j, &who, have, ret_backup, f);
	journal_close(j);
	return e == ERR_OK ? e : journal_advise(fail_wrap(f, e, "%s", path), f);
}

enum err journal_schema(const char *path, int *ret, struct fail *f)
{
	struct sql_migration_all_out o;
	struct journal *j;
	enum err e = journal_open_file(&j, path, DB_READ, false, f);

	if (e != ERR_OK)
		return e;
	*ret = 0;
	sql_migration_all_begin(j);
	while (sql_migration_all_next(j, &o))
		*ret = (int)o.id;
	e = journal_start_error(j, f);
	journal_close(j);
	return e == ERR_OK ? e : fail_wrap(f, e, "%s", path);
}
