#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "cli/doctor/doctor.h"
#include "cli/report/report.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/node/state/book.h"

#define NAMED_MAX 3

/* What is under way in it, and goes on; and the state of a layer 2. */
struct under_way {
	int64_t n;
	char names[NAMED_MAX * (OPERATION_NAME_MAX + 2) + 8];
	int64_t change, dated_ms; /* its newest; 0: it has none; -1: not known when */
};

static void under_way_add(struct under_way *u, struct operation *o)
{
	size_t len = strlen(u->names);

	if (operation_ended(o) || report_fences(o) || u->n++ > NAMED_MAX)
		return;
	utf8_plain(o->name);
	snprintf(u->names + len, sizeof u->names - len, "%s%s", len ? ", " : "",
	    u->n > NAMED_MAX ? "..." : o->name);
}

static void under_way_find(struct under_way *u, struct cli *c)
{
	struct sql_operation_all_out row;
	struct operation o;
	struct book_sums sums;
	struct journal *j;

	*u = (struct under_way){ .n = 0 };
	if (report_open(c, &j, NULL) != ERR_OK)
		return;
	sql_operation_all_begin(j);
	while (sql_operation_all_next(j, &row))
		if (operation_read(j, row.id, &o))
			under_way_add(u, &o);
	sql_operation_all_end(j);
	book_sums(j, &sums);
	u->change = sums.changes;
	u->dated_ms = book_dated(j, sums.changes);
	journal_close(j);
}

/* A list goes on by the very line that began it, which names options that no journal
 * has. */
static const char *then_line(const struct under_way *u)
{
	return u->n         ? "pawl serve"
	    : u->change > 0 ? "pawl node doctor"
			    : "pawl airdrop run FILE --chain C --from KEY";
}

/* What came behind it in the journal that was there is not in this one, nor its ids. */
static void layer_tell(const struct under_way *u, bool doubt)
{
	char dated[REPORT_TIME_MAX] = "";

	if (!u->change || MUTANT(layer_back_unsaid))
		return;
	if (u->dated_ms >= 0)
		report_time(dated, u->dated_ms);
	printf("the state of its layer 2 is the one behind change %" PRId64 "%s%s",
	    u->change, *dated ? ", of " : "", dated);
	if (doubt)
		printf(": what was applied since that copy was made it knows nothing of, "
		       "and would do twice. Stop who sends changes, and send none of "
		       "those again. pawl node doctor compares it with the newest "
		       "snapshot; where that is of a state that this journal never had, "
		       "pawl node recover --latest-valid names both ways on");
	printf("\n");
}

static void tell_json(const char *journal, const char *file,
    const struct journal_restored *r, const struct under_way *u)
{
	cli_json(json_pack("{s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:s}",
	    "journal", cli_text(journal), "restored", cli_text(file), "commit",
	    (json_int_t)r->holds.commit_no, "operations", (json_int_t)r->holds.operations,
	    "bytes", (json_int_t)r->holds.bytes, "replaced", cli_text(r->replaced),
	    "doubt", cli_text(r->doubt), "under_way",
	    cli_text(u->names[0] ? u->names : NULL), "node_change", (json_int_t)u->change,
	    "then", then_line(u)));
}

static void tell(const char *journal, const char *file, const struct journal_restored *r,
    const struct under_way *u)
{
	printf("%s is what %s holds: %" PRId64 " operation%s, %" PRId64
	       " bytes, now at commit %" PRId64 "\n",
	    journal, file, r->holds.operations, r->holds.operations == 1 ? "" : "s",
	    r->holds.bytes, r->holds.commit_no);
	if (r->replaced)
		printf("what it replaces is kept: %s%s\n", r->replaced,
		    r->wal_kept ? ", with its -wal" : "");
	if (r->doubt)
		printf("it may be older than what was sent (%s): each account is fenced "
		       "before it pays anything new, by transactions without payment, "
		       "which cost fees; how many, and how much: pawl status, when "
		       "that has begun\n",
		    r->doubt);
	else
		printf("declared the newest and only one: nothing is fenced, and it pays "
		       "on as it is\n");
	layer_tell(u, r->doubt != NULL);
	if (u->n)
		printf("Then: the line that began the list, again (%s); or for all of "
		       "them: %s\n",
		    u->names, then_line(u));
	else
		printf("Nothing is under way in it. Then: %s\n", then_line(u));
}

/* What can be typed where this can't. */
static enum err advise(enum err e, struct fail *f)
{
	char why[600];

	if (e != ERR_DAMAGED)
		return e;
	snprintf(why, sizeof why, "%.599s", f->why);
	return fail_set(f, e,
	    "%s. Then: pawl restore FILE, with another backup; without one, pawl doctor "
	    "--journal says what can still be read, and a new journal takes what was "
	    "paid from the chain, by --adopt (man pawl, DAMAGE)",
	    why);
}

enum err cmd_restore(struct cli *c, struct fail *f)
{
	const char *file = args_word(&c->args, 0);
	struct owner who = { .pid = getpid(), .since_ms = clock_wall_ms() };
	struct journal_restored r;
	struct under_way u;
	enum err e = cli_config(c, f);

	if (e != ERR_OK)
		return e;
	if (gethostname(who.host, sizeof who.host - 1))
		snprintf(who.host, sizeof who.host, "unknown");
	e = doctor_copy(c, file, f);
	if (e != ERR_OK)
		e = fail_wrap(f, e, "%s is damaged, and nothing was changed", file);
	else
		e = journal_restore(c->config->journal, file,
		    args_has(&c->args, "--latest"), &who, &r, f);
	if (e != ERR_OK)
		return advise(e, f);
	under_way_find(&u, c);
	if (c->args.json)
		tell_json(c->config->journal, file, &r, &u);
	else
		tell(c->config->journal, file, &r, &u);
	mem_free(r.replaced);
	mem_free(r.doubt);
	return ERR_OK;
}
