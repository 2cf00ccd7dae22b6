/* journal.c - is the journal whole? Each part is looked at by itself, so that what
 * is damaged hides nothing of the rest; memory does not grow with it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/doctor/doctor.h"
#include "cli/owner/loop.h"
#include "cli/owner/own.h"
#include "cli/report/report.h"
#include "engine/recount.h"
#include "engine/states.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"
#include "kinds/node/state/book.h"

#define RESTORE "pawl restore FILE, with the newest backup as FILE"

const char *doctor_journal_advice(enum err e)
{
	switch ((int)e) {
	case ERR_NO_JOURNAL:
		return "pawl init; or pawl restore FILE, if there was one";
	case ERR_CONFLICT:
		return "pawl migrate";
	case ERR_NEWER_JOURNAL:
		return "use the pawl that wrote it, or a newer one";
	case ERR_DAMAGED:
		return "put back what is missing; if it is lost, as said, or " RESTORE;
	default:
		return "look at the file and its folder: owner, mode, medium";
	}
}

/* Of what is looked at. */
static const char *path_of(const struct doctor *d)
{
	return d->copy ? d->copy : d->cli->config->journal;
}

static bool told(struct doctor *d, enum err e, const struct fail *f)
{
	if (e != ERR_OK)
		doctor_finding(
		    d, "journal", path_of(d), doctor_journal_advice(e), "%s", f->why);
	return e == ERR_OK;
}

/* What a part could not read is damage, whatever it says itself. */
static bool readable(struct doctor *d)
{
	struct fail f = { ERR_OK, "" };

	return told(d, journal_noted(d->journal, &f), &f);
}

/* -- pages and events ------------------------------------------------------ */

static bool pages_check(struct doctor *d)
{
	const char *path = path_of(d);
	char why[200];

	if (journal_check_pages(d->journal, why, sizeof why))
		return true;
	doctor_finding(
	    d, "journal", path, "stop what uses it; " RESTORE, "damaged: %s", why);
	return false;
}

/* Of the events that name a move of a machine, those that name no edge of it. */
static bool is_move(const struct sql_event_from_out *e, enum machine m)
{
	int from = -1, to = -1;

	for (int i = 0; strcmp(state_name(m, i), "unknown") != 0; i++) {
		if (strcmp(e->from_state, state_name(m, i)) == 0)
			from = i;
		if (strcmp(e->to_state, state_name(m, i)) == 0)
			to = i;
	}
	return from < 0 || to < 0 || state_edge(m, from, to);
}

static bool edge_check(const struct sql_event_from_out *e)
{
	if (strcmp(e->what, "item") == 0)
		return is_move(e, MACHINE_ITEM);
	if (strcmp(e->what, "operation") == 0)
		return is_move(e, MACHINE_OPERATION);
	if (strncmp(e->what, "attempt ", 8) == 0)
		return is_move(e, MACHINE_ATTEMPT);
	return true;
}

static bool edges_check(struct doctor *d)
{
	struct sql_event_from_out e;
	bool good = true;

	sql_event_from_begin(d->journal, &(struct sql_event_from_in){ .id = 1 });
	while (good && sql_event_from_next(d->journal, &e))
		good = edge_check(&e);
	if (!good)
		doctor_finding(d, "journal", path_of(d), RESTORE,
		    "event %" PRId64 " of commit %" PRId64
		    " is a move that there is not: %s, from %s to %s",
		    e.id, e.commit_no, e.what, e.from_state, e.to_state);
	sql_event_from_end(d->journal);
	return good;
}

static bool events_check(struct doctor *d)
{
	struct fail f = { ERR_OK, "" };

	if (journal_check_past(d->journal, &f) == ERR_OK)
		return edges_check(d);
	doctor_finding(d, "journal", path_of(d), "pawl verify each operation; " RESTORE,
	    "%s", f.why);
	return false;
}

/* -- rows ------------------------------------------------------------------ */

static int64_t last_of(enum machine m)
{
	int64_t n = 0;

	while (strcmp(state_name(m, (int)n + 1), "unknown") != 0)
		n++;
	return n;
}

static bool states_check(struct doctor *d)
{
	struct sql_report_no_state_in in = { last_of(MACHINE_ITEM),
		last_of(MACHINE_INTENT), last_of(MACHINE_ATTEMPT),
		last_of(MACHINE_OPERATION) };
	struct sql_report_no_state_out o = { 0 };

	(void)sql_report_no_state_one(d->journal, &in, &o);
	if (!o.items && !o.intents && !o.attempts && !o.operations && !o.carried)
		return true;
	doctor_finding(d, "journal", path_of(d), RESTORE,
	    "%" PRId64 " items, %" PRId64 " intents, %" PRId64 " attempts and %" PRId64
	    " operations are in no state; %" PRId64
	    " items are live without an intent, or"
	    " have one and are not",
	    o.items, o.intents, o.attempts, o.operations, o.carried);
	return false;
}

/* What a start asks too, before it reserves more for it. */
static bool rows_check(struct doctor *d, const struct operation *o)
{
	const struct kind *kind = loop_kind(o->kind_name);
	const struct chain_config *chain;
	struct fail f = { ERR_OK, "" };
	enum err e = ERR_OK;

	if (!kind)
		e = fail_set(&f, ERR_DAMAGED, "it is of no kind that there is");
	else
		e = recount_whole(d->journal, o->id, kind, &f);
	if (e == ERR_OK &&
	    report_chain(d->cli->config, d->journal, o->chain, &chain, NULL) == ERR_OK)
		e = recount_signed(d->journal, o, chain_connector(chain), &f);
	if (e == ERR_OK && archive_check(d->journal, o->id, &f) != ERR_OK)
		doctor_finding(
		    d, "journal", o->name, "put its archive back", "%s", f.why);
	else if (e == ERR_OK)
		e = archive_compare(d->journal, o->id, &f);
	if (e != ERR_OK && readable(d))
		doctor_finding(
		    d, "journal", o->name, "pawl verify it; " RESTORE, "%s", f.why);
	return e == ERR_OK;
}

static void operation_tell(struct doctor *d, struct operation *o)
{
	struct report_progress p;
	struct fail f = { ERR_OK, "" };

	if (report_progress(d->cli, d->journal, o, &p, &f) != ERR_OK)
		doctor_finding(d, "journal", o->name, RESTORE, "%s", f.why);
	else if (report_lacks(&p))
		doctor_finding(d, "journal", o->name, "send them: it goes on by itself",
		    "it waits for %s", p.waits_for);
	else if (p.unblock[0] && p.waits_for[0])
		doctor_finding(
		    d, "journal", o->name, p.unblock, "it waits for %s", p.waits_for);
	else
		doctor_fine(d, "journal", o->name, "%s, its sums hold%s%s",
		    state_name(MACHINE_OPERATION, o->state),
		    p.unblock[0] ? "; void rows can be tried again: " : "", p.unblock);
}

/* progress: also what each waits for. */
static bool operations_check(struct doctor *d, bool progress)
{
	struct sql_operation_all_out row;
	struct operation o;
	bool good = true;

	sql_operation_all_begin(d->journal);
	while (sql_operation_all_next(d->journal, &row)) {
		if (!operation_read(d->journal, row.id, &o))
			continue;
		utf8_plain(o.name);
		if (!rows_check(d, &o))
			good = false;
		else if (progress)
			operation_tell(d, &o);
	}
	sql_operation_all_end(d->journal);
	return good;
}

/* -- the state of a layer 2 ------------------------------------------------ */

/* Nothing is said of one that there is not. */
static bool node_check(struct doctor *d)
{
	char root[L2_HEX];
	struct book_sums sums;
	struct fail f = { ERR_OK, "" };
	enum err e;

	book_sums(d->journal, &sums);
	e = book_check(d->journal, root, &f);
	if (e == ERR_OK)
		e = book_check_told(d->journal, &f);
	if (e == ERR_OK)
		e = book_check_changes(d->journal, &f);
	if (e == ERR_OK && !d->copy && archive_check_changes(d->journal, &f) != ERR_OK) {
		doctor_finding(d, "node", path_of(d), "put it back", "%s", f.why);
		return false;
	}
	if (e != ERR_OK && readable(d))
		doctor_finding(d, "node", path_of(d), RESTORE, "%s", f.why);
	else if (e == ERR_OK && sums.changes)
		doctor_fine(d, "node", path_of(d),
		    "the layer-2 state has root %s behind %" PRId64
		    " changes, and its sums hold",
		    root, sums.changes);
	return e == ERR_OK;
}

/* -- where it stands, and what it doubts ----------------------------------- */

static void place_tell(struct doctor *d)
{
	const char *path = path_of(d), *doubt;
	struct journal_place p;

	journal_place(d->journal, &p);
	doubt = journal_doubt(d->journal);
	if (p.marked || p.other_file)
		doctor_fine(d, "journal", path,
		    "it is a copy%s: the next start puts its accounts in doubt",
		    p.marked ? " that `pawl backup` made" : "");
	if (doubt)
		doctor_fine(d, "journal", path,
		    "may be older than what was sent: %s; its accounts are fenced before "
		    "anything new is paid",
		    doubt);
	doctor_fine(d, "journal", path,
	    "pages and event chains are intact, up to commit %" PRId64 " with %" PRId64
	    " events",
	    p.commit_no, p.events);
}

/* -- all of it ------------------------------------------------------------- */

/* Pages and events first: rows that can't be believed are not added up. */
static bool content_check(struct doctor *d, bool progress)
{
	bool good = pages_check(d) && readable(d);

	if (good)
		good = events_check(d) && readable(d);
	if (!good)
		return false;
	good = states_check(d);
	good = operations_check(d, progress) && good && readable(d);
	good = node_check(d) && good && readable(d);
	if (good)
		place_tell(d);
	return good;
}

/* Told, if it can't be taken at all. */
static enum err open_journal(struct doctor *d, struct fail *f)
{
	enum err e = journal_examine(&d->journal, d->cli->config->journal, f);

	if (e == ERR_OK) {
		e = journal_check_schema(d->journal, f);
		if (e != ERR_OK) {
			journal_close(d->journal);
			fail_wrap(f, e, "%s", d->cli->config->journal);
		}
	}
	if (!told(d, e, f))
		d->journal = NULL;
	return e;
}

void doctor_journal(struct doctor *d)
{
	struct fail f = { ERR_OK, "" };

	if (open_journal(d, &f) != ERR_OK ||
	    !told(d, journal_check_files(d->journal, &f), &f))
		return;
	journal_read_begin(d->journal);
	(void)content_check(d, true);
	journal_read_end(d->journal);
}

enum err doctor_copy(struct cli *c, const char *path, struct fail *f)
{
	struct doctor d = { .cli = c, .copy = path, .first = f };
	bool whole = true;

	if (journal_examine(&d.journal, path, NULL) != ERR_OK)
		return ERR_OK;
	if (journal_check_schema(d.journal, NULL) == ERR_OK) {
		journal_read_begin(d.journal);
		whole = content_check(&d, false);
		journal_read_end(d.journal);
	}
	journal_close(d.journal);
	return whole ? ERR_OK : ERR_DAMAGED;
}

static enum err verdict(struct doctor *d, enum err e, struct fail *f)
{
	d->cli->told = true;
	if (d->cli->args.json)
		cli_json(
		    json_pack("{s:b, s:i}", "ok", e == ERR_OK, "findings", d->findings));
	if (e == ERR_OK) {
		cli_say(d->cli, "The journal is whole.");
		return ERR_OK;
	}
	if (e == ERR_DAMAGED)
		cli_say(d->cli,
		    "Certain is what is not named above, and that no bytes left before "
		    "they were written here. `pawl verify OPERATION` reads what was paid "
		    "from the chain itself. Keep the files as they are: man pawl, "
		    "DAMAGE.");
	return fail_set(f, e, "%s: %d finding%s", d->cli->config->journal, d->findings,
	    d->findings == 1 ? "" : "s");
}

enum err doctor_journal_alone(struct doctor *d, struct fail *f)
{
	struct fail why = { ERR_OK, "" };
	enum err e = cli_config(d->cli, f);
	bool whole;

	if (e != ERR_OK)
		return e;
	e = open_journal(d, &why);
	if (e != ERR_OK)
		return verdict(d, e, f);
	journal_read_begin(d->journal);
	whole = told(d, journal_check_files(d->journal, &why), &why);
	whole = content_check(d, false) && whole;
	journal_read_end(d->journal);
	return verdict(d, whole ? ERR_OK : ERR_DAMAGED, f);
}
