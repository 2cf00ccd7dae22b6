#include "cli/node/replace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mutant.h"
#include "cli/node/database.h"
#include "cli/node/later.h"
#include "cli/node/refuse.h"
#include "cli/owner/own.h"
#include "cli/report/report.h"
#include "crypto/word.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/backup/backup.h"

struct replacement {
	struct cli *cli;
	const struct replacing *r;
	struct replaced *ret;
	struct journal *journal;
	int64_t wall_ms;
	char is[L2_HEX], will[L2_HEX];
	struct book_sums sums;
	struct l2_state was;
	/* what is given up */
	struct book_lost lost;
	size_t anchors, waiting;
	struct later later;
	int64_t after;
	int64_t left, back; /* changes that it takes back, and that it brings back */
};

/* -- what is given up --------------------------------------------------------- */

static struct hash root_hash(const char text[L2_HEX])
{
	struct hash h = { { 0 } };

	(void)!hex_parse(h.at, sizeof h.at, text, L2_HEX - 1);
	return h;
}

static size_t anchors_of_others(struct replacement *p, bool give_up)
{
	struct hash root = root_hash(p->will);

	return anchors_leave(
	    p->journal, &root, later_is, &p->later, give_up, &p->waiting);
}

/* In the journal a change is known by its id, and in no state: what made one that it
 * never had it would do again. */
static void unknown_note(struct replacement *p)
{
	char since[200] = "", until[REPORT_TIME_MAX], dated[REPORT_TIME_MAX];
	int64_t last = p->sums.changes;
	int64_t last_ms = last ? book_dated(p->journal, last) : -1;

	if (p->after >= 0 || MUTANT(unknown_ids_untold))
		return;
	report_time(until, (int64_t)p->r->since_ms);
	report_time(dated, last_ms);
	/* not of an older state than the newest change of here, nor where the journal
	 * began with one from elsewhere itself */
	if (last && !book_taken(p->journal) &&
	    !(p->r->since_ms && last_ms >= (int64_t)p->r->since_ms))
		snprintf(since, sizeof since,
		    " after change %" PRId64 ", the newest of this journal%s%s, and",
		    last, last_ms < 0 ? "" : ", dated ", last_ms < 0 ? "" : dated);
	snprintf(p->ret->unknown, sizeof p->ret->unknown,
	    "a state has no ids of the changes that made it. What was sent%s before %s%s"
	    "that state was anchored or written, is part of it and not known to this "
	    "journal: send none of that again, it would be done twice",
	    since, p->r->since_ms ? until : "", p->r->since_ms ? ", when " : "");
}

static void count(struct replacement *p)
{
	const struct replacing *r = p->r;

	if (!p->ret->fresh)
		book_read(p->journal, &p->was);
	book_lost(
	    &p->lost, p->ret->fresh && r->newer ? &r->newer->state : &p->was, r->state);
	p->after = book_had(p->journal, r->state);
	if (p->after >= 0)
		book_way(p->journal, p->after, &p->left, &p->back);
	p->later = (struct later){ .journal = p->journal,
		.after = p->after,
		.since_ms = r->since_ms,
		.log = r->log,
		.block = r->block };
	p->anchors = anchors_of_others(p, false);
	unknown_note(p);
}

static uint32_t word(const struct replacement *p)
{
	struct sha256 *s = sha256_begin();

	sha256_add(s, p->is, sizeof p->is);
	sha256_add(s, p->will, sizeof p->will);
	sha256_add(s, &p->sums.changes, sizeof p->sums.changes);
	sha256_add(s, &p->lost.pegouts, sizeof p->lost.pegouts);
	if (p->r->newer && !p->ret->fresh)
		sha256_add(s, p->r->newer->root, L2_HEX);
	return word_end(s);
}

static void sats_tell(
    struct buf *out, size_t n, const char *what, const struct amount *sum, const char *so)
{
	char text[AMOUNT_TEXT_MAX];

	if (!n)
		return;
	amount_format(text, sum, 0);
	buf_addf(out, ", %zu %s%s of %s satoshi%s", n, what, n == 1 ? "" : "s", text, so);
}

static void changes_tell(struct buf *out, const struct replacement *p)
{
	if (p->ret->fresh)
		buf_add_str(out, "all newer snapshots");
	else if (p->after >= 0)
		buf_addf(out, "%" PRId64 " change%s behind change %" PRId64, p->left,
		    p->left == 1 ? "" : "s", p->after);
	else
		buf_addf(out,
		    "of all %" PRId64
		    " changes those that are not part of it (the journal never had that "
		    "state)",
		    p->sums.changes);
}

void replace_lost_tell(struct buf *out, const struct book_lost *lost)
{
	sats_tell(out, lost->pegouts, "completed peg-out", &lost->released,
	    ", which Bitcoin has paid and would be asked for again");
	sats_tell(out, lost->pegins, "minted peg-in", &lost->minted, "");
}

void replace_others_tell(struct buf *out, const struct book_lost *lost)
{
	static const char *const called[L2_LISTS] = { "balance", "escrow", "peg-in",
		"peg-out", "task" };
	size_t told = 0;

	for (enum l2_list list = 0; list < L2_LISTS; list++)
		if (lost->others[list])
			buf_addf(out, "%s%zu %s%s",
			    told++ ? ", " : ", with other records (", lost->others[list],
			    called[list], lost->others[list] == 1 ? "" : "s");
	if (told)
		buf_add_str(out, ")");
}

static void supply_tell(struct buf *out, const struct book_lost *lost)
{
	char was[AMOUNT_TEXT_MAX], will[AMOUNT_TEXT_MAX];

	amount_format(was, &lost->supply, 0);
	amount_format(will, &lost->supply_to, 0);
	if (strcmp(was, will) != 0) {
		buf_addf(out, "; the supply of %s becomes %s", was, will);
	} else {
		buf_addf(out, "; the supply stays %s", was);
		replace_others_tell(out, lost);
	}
}

static void newer_tell(struct buf *out, const struct replacement *p)
{
	const struct newest *n = p->r->newer;

	if (!n || p->ret->fresh)
		return;
	buf_addf(out,
	    "; and snapshot %zu, the newest of that log (root %.16s), whose state this "
	    "journal never had (",
	    n->number, n->root);
	newest_lost_tell(out, &n->state, p->r->state);
	buf_add_str(out, ")");
}

/* Nothing is given up, and nobody has verified what comes. */
static enum err refuse_doubt(
    const struct replacement *p, const struct word_asked *r, struct fail *f)
{
	return refuse_word(f, r,
	    "%.120s (root %.16s): %.300s. Its anchors come back, where a copy has them, "
	    "by: pawl node restore --only reorg-db, or pawl node rebuild-reorg-db",
	    p->r->what, p->will, p->r->doubt);
}

static enum err refuse(const struct replacement *p, uint32_t w, struct fail *f)
{
	bool doubt = p->ret->fresh && !p->r->newer;
	struct word_asked r = { p->r->yes, w,
		doubt ? "To take that state as it is" : "Only if that is meant",
		p->r->line };
	enum err e;
	struct buf out;

	if (doubt)
		return refuse_doubt(p, &r, f);
	buf_init(&out, 1400);
	changes_tell(&out, p);
	if (p->back)
		buf_addf(&out,
		    " (and %" PRId64 " that %s taken back %s part of it again)", p->back,
		    p->back == 1 ? "was" : "were", p->back == 1 ? "is" : "are");
	replace_lost_tell(&out, &p->lost);
	if (p->anchors)
		buf_addf(&out, ", what %zu anchor%s for", p->anchors,
		    p->anchors == 1 ? " stands" : "s stand");
	newer_tell(&out, p);
	if (p->r->doubt)
		buf_addf(&out, "; and %.300s", p->r->doubt);
	supply_tell(&out, &p->lost);
	if (p->ret->unknown[0])
		cli_warn(p->cli, "%s", p->ret->unknown);
	e = refuse_word(f, &r,
	    "%.120s has another state (root %.16s) than %s (root %.16s). With it these "
	    "are given up: %s",
	    p->r->what, p->will, p->ret->fresh ? "newer ones" : "the journal",
	    p->ret->fresh ? "others" : p->is, buf_text(&out));
	buf_release(&out);
	return e;
}

/* -- doing it ------------------------------------------------------------------ */

static enum err may(const struct replacement *p, struct fail *f)
{
	uint32_t w = word(p);

	if ((p->ret->fresh && !p->r->newer && !p->r->doubt) || p->r->yes == w ||
	    MUTANT(state_goes_unasked))
		return ERR_OK;
	return refuse(p, w, f);
}

static enum err change(struct replacement *p, struct fail *f)
{
	enum err e = ERR_OK;

	if (!p->ret->fresh && !MUTANT(state_goes_unkept))
		e = l2_state_aside(
		    &files_of_system, p->r->keep, &p->was, p->wall_ms, p->ret->kept, f);
	if (e == ERR_OK)
		e = book_restore(p->journal, p->r->state, p->wall_ms, &p->ret->done, f);
	if (e == ERR_OK) {
		(void)anchors_of_others(p, true);
		e = journal_commit(p->journal, f);
	}
	p->ret->moved = e == ERR_OK;
	if (e == ERR_DISK_FULL && p->ret->kept[0] && !MUTANT(unneeded_state_stays))
		(void)!files_of_system.remove(p->ret->kept, NULL); /* it is still there */
	if (e != ERR_OK)
		return e;
	if (p->ret->unknown[0])
		cli_warn(p->cli, "%s", p->ret->unknown);
	database_follow(p->cli, p->journal);
	return ERR_OK;
}

static enum err replace(struct replacement *p, struct fail *f)
{
	enum err e = book_check(p->journal, p->is, f);

	if (e != ERR_OK)
		return e;
	(void)l2_state_sort(p->r->state);
	l2_state_root(p->r->state, p->will);
	memcpy(p->ret->done.root, p->will, L2_HEX);
	book_sums(p->journal, &p->sums);
	p->ret->fresh = book_is_fresh(&p->sums);
	if (strcmp(p->is, p->will) == 0)
		return ERR_OK;
	e = book_could_be(p->r->state, f);
	if (e != ERR_OK)
		return e;
	count(p);
	e = may(p, f);
	return e == ERR_OK ? change(p, f) : e;
}

void replaced_tell(const struct book_restored *done, char out[REPLACED_TOLD])
{
	int64_t n = done->dropped, m = done->returned;

	snprintf(out, REPLACED_TOLD, "as behind change %" PRId64 ": ", done->after);
	if (n || !m)
		snprintf(out + strlen(out), REPLACED_TOLD - strlen(out),
		    "%" PRId64 " later one%s taken back, and can be sent again%s", n,
		    n == 1 ? " is" : "s are", m ? "; " : "");
	if (m)
		snprintf(out + strlen(out), REPLACED_TOLD - strlen(out),
		    "%" PRId64 " that %s taken back %s part of it again, and known by "
		    "%s id%s",
		    m, m == 1 ? "was" : "were", m == 1 ? "is" : "are",
		    m == 1 ? "its" : "their", m == 1 ? "" : "s");
}

enum err replace_state(
    struct cli *c, const struct replacing *r, struct replaced *ret, struct fail *f)
{
	struct replacement p = { .cli = c, .r = r, .ret = ret };
	struct loop l;
	enum err e = loop_open(&l, c, f);

	*ret = (struct replaced){ .done = { .after = -1 } };
	l2_state_init(&p.was);
	if (e == ERR_OK) {
		p.journal = l.journal;
		p.wall_ms = world_wall_ms(l.world);
		e = replace(&p, f);
	}
	l2_state_release(&p.was);
	later_release(&p.later);
	loop_close(&l);
	return e;
}
