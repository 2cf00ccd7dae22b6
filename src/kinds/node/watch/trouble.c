#include "kinds/node/watch/trouble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "base/utf8.h"
#include "engine/states.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/pegin_tx.h"
#include "kinds/node/watch/inside.h"

#define HOUR_MS 3600000u
#define BLOCK_MS 600000u /* of Bitcoin, as it aims at */

static void why(struct l2_trouble *t, const char *fmt, ...) PRINTF(2, 3);
static void remedy(struct l2_trouble *t, const char *fmt, ...) PRINTF(2, 3);

static void why(struct l2_trouble *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->why, sizeof t->why, fmt, ap);
	va_end(ap);
}

static void remedy(struct l2_trouble *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->remedy, sizeof t->remedy, fmt, ap);
	va_end(ap);
}

/* -- the log ----------------------------------------------------------------- */

bool trouble_of_reading(
    struct l2_trouble *ret, enum err e, const struct fail *f, const struct l2_look *look)
{
	if (e == ERR_OK)
		return false;
	why(ret, "Failed to load snapshot: %.500s", f->why);
	if (look->log_right)
		remedy(ret, "%s", look->findings[look->log_right - 1].remedy);
	else if (look->log_denied)
		remedy(
		    ret, "type it as the user whose log it is, or let this one read it");
	else
		remedy(ret, "of a bad disk, " L2_PROCEDURE_1);
	return true;
}

bool trouble_of_log(struct l2_trouble *ret, const char *log, const struct l2_end *end,
    const struct book_sums *sums, const struct fail *unsure)
{
	char time[L2_TIME_MAX];

	if (!end->size || (end->block.len && !end->failed))
		return false;
	watch_time(time, (int64_t)end->verdict.timestamp_ms);
	remedy(ret, L2_PROCEDURE_2);
	if (unsure) {
		why(ret, "%zu of its newest snapshots not verified, for %.500s",
		    end->failed, unsure->why);
		remedy(ret, L2_PROCEDURE_3);
	} else if (end->block.len) {
		why(ret,
		    "%zu newer than that of %s at byte %" PRIu64 " of %.300s do%s not "
		    "hold, the newest: %.200s",
		    end->failed, time, end->block.offset, log,
		    end->failed == 1 ? "es" : "", end->why);
	} else if (end->looked_at < end->size) {
		if (!end->failed)
			return false; /* nothing whole is there: the newest is larger */
		why(ret,
		    "the newest snapshot%s of %.300s, as far as was looked at, do%s not "
		    "hold: %.200s",
		    end->failed == 1 ? "" : "s", log, end->failed == 1 ? "es" : "",
		    end->why);
	} else {
		why(ret, "Failed to load snapshot: none of %.300s holds%s%.200s", log,
		    end->why[0] ? ", the newest: " : "", end->why);
		if (!sums->changes)
			remedy(ret, L2_PROCEDURE_1);
	}
	return true;
}

bool trouble_of_lost(
    struct l2_trouble *ret, struct journal *j, const struct l2_look *look)
{
	int64_t n = anchors_n(j);
	struct book_sums sums;

	if (!n || look->log_unseen || MUTANT(lost_log_starts))
		return false;
	why(ret, "%s, and the journal has anchored %" PRId64 " state%s: it is lost",
	    look->has_log ? "it is empty" : "there is none", n, n == 1 ? "" : "s");
	if (look->half_reset) {
		why(ret, "it is empty: a reset was begun, and did not end");
		remedy(
		    ret, "pawl node reset says what finishes it, and what takes it back");
		return true;
	}
	book_sums(j, &sums);
	remedy(ret,
	    "is the disk that it was on mounted? If it is lost for good, put the newest "
	    "backup of it back: pawl node restore --only log; where there is none, %s",
	    book_is_fresh(&sums) ? "a log begins anew, with no balance, by: pawl node "
				   "create-anchor"
				 : L2_PROCEDURE_2);
	return true;
}

/* -- the state ------------------------------------------------------------------ */

#define UNCOVERED_NAMED 3

struct unsettled {
	uint64_t n, before; /* the latter: they were settled once */
	struct amount amount;
	char ids[UNCOVERED_NAMED * 66];
};

static void count(void *ctx, const struct uncovered *one)
{
	struct amount more = amount_u64(one->amount);
	struct unsettled *u = ctx;
	size_t len = strlen(u->ids);

	if (u->n < UNCOVERED_NAMED) {
		snprintf(u->ids + len, sizeof u->ids - len, "%s%.*s", len ? " " : "",
		    one->id.len < 64 ? (int)one->id.len : 64, one->id.at);
		utf8_plain(u->ids);
	}
	u->n++;
	u->before += one->before != 0;
	CHECK(amount_add(&u->amount, &u->amount, &more));
}

static void unsettled_count(void *ctx, const struct uncovered *one)
{
	if (!one->change)
		count(ctx, one);
}

/* Behind those that are named. */
#define MORE_MAX 120
static const char *more_of(char out[MORE_MAX], const struct unsettled *u)
{
	int len = 0;

	out[0] = '\0';
	if (u->n > UNCOVERED_NAMED)
		len = snprintf(
		    out, MORE_MAX, " and %" PRIu64 " more", u->n - UNCOVERED_NAMED);
	if (u->before)
		snprintf(out + len, (size_t)(MORE_MAX - len),
		    ". %" PRIu64 " of %" PRIu64 " %s settled before: see how, so that "
		    "nobody does it twice",
		    u->before, u->n, u->before == 1 ? "was" : "were");
	return out;
}

bool trouble_of_minted(struct l2_trouble *ret, struct journal *j)
{
	char sum[AMOUNT_TEXT_MAX], more[MORE_MAX];
	struct unsettled u = { .n = 0 };

	book_uncovered(j, unsettled_count, &u);
	if (!u.n || MUTANT(uncovered_is_well))
		return false;
	amount_format(sum, &u.amount, 0);
	why(ret,
	    "%" PRIu64 " peg-in%s of %s satoshi %s minted, and no block of Bitcoin has "
	    "%s any more, so what was minted has nothing behind it: %s%s",
	    u.n, u.n == 1 ? "" : "s", sum, u.n == 1 ? "was" : "were",
	    u.n == 1 ? "its transaction" : "their transactions", u.ids,
	    more_of(more, &u));
	remedy(ret,
	    "pawl node settle lists all, and who got it. Nothing takes it back by "
	    "itself: whether it becomes a debit (pawl node apply), or a payment on "
	    "Bitcoin, is for those who run the layer. Once it is settled: pawl node "
	    "settle PEGIN --why TEXT. It is said until then, or until a block has the "
	    "transaction again");
	return true;
}

bool trouble_of_settled(struct l2_trouble *ret, struct journal *j)
{
	char sum[AMOUNT_TEXT_MAX], more[MORE_MAX];
	struct unsettled u = { .n = 0 };

	book_settled_again(j, count, &u);
	if (!u.n || MUTANT(settled_and_back_is_well))
		return false;
	amount_format(sum, &u.amount, 0);
	why(ret,
	    "%" PRIu64 " peg-in%s of %s satoshi %s settled when no block had %s, and a "
	    "block has %s again, so who was debited for that lacks the money: %s%s",
	    u.n, u.n == 1 ? "" : "s", sum, u.n == 1 ? "was" : "were",
	    u.n == 1 ? "its transaction" : "their transactions", u.n == 1 ? "it" : "them",
	    u.ids, more_of(more, &u));
	remedy(ret,
	    "pawl node settle lists all, and how each was settled. Nothing gives it back "
	    "by itself: whether it becomes a credit (pawl node apply) is for those who "
	    "run the layer. Once it is looked at: pawl node settle PEGIN --why TEXT. It "
	    "is said until then, or until the block is lost again");
	return true;
}

struct stranded {
	int64_t n, completed;
	size_t anchors;
	char names[UNCOVERED_NAMED * 90];
};

static void stranded_count(
    struct stranded *s, struct journal *j, const struct sql_node_pegouts_lost_out *row)
{
	size_t len = strlen(s->names);
	struct anchor a = { .status = ANCHOR_INVALIDATED_REORG };
	struct hash hash;

	s->n += row->n;
	s->completed += row->completed;
	if (s->anchors++ >= UNCOVERED_NAMED)
		return;
	if (hex_parse(hash.at, sizeof hash.at, row->anchor, row->anchor_len))
		(void)anchor_find(j, &hash, &a);
	snprintf(s->names + len, sizeof s->names - len, "%s%.64s %s", len ? ", " : "",
	    (const char *)row->anchor,
	    a.status == ANCHOR_INVALIDATED_REORG ? "INVALIDATED_REORG"
						 : "FAILED_ORPHANED");
}

bool trouble_of_pegouts(struct l2_trouble *ret, struct journal *j)
{
	struct stranded s = { .n = 0 };
	struct sql_node_pegouts_lost_out row;
	char more[40] = "";

	if (!anchors_lost_n(j))
		return false;
	sql_node_pegouts_lost_begin(j);
	while (sql_node_pegouts_lost_next(j, &row))
		stranded_count(&s, j, &row);
	if (!s.n || MUTANT(stranded_is_well))
		return false;
	if (s.anchors > UNCOVERED_NAMED)
		snprintf(more, sizeof more, " and %zu more", s.anchors - UNCOVERED_NAMED);
	why(ret,
	    "%" PRId64 " peg-out%s, %" PRId64 " of them completed, stand%s on %s that no "
	    "block of Bitcoin has: %s%s",
	    s.n, s.n == 1 ? "" : "s", s.completed, s.n == 1 ? "s" : "",
	    s.anchors == 1 ? "an anchor" : "anchors", s.names, more);
	remedy(ret,
	    "pawl node anchors lists them. A block that has the anchor's transaction "
	    "again makes it count by itself, so have that sent again. Else pegout_anchor "
	    "(pawl node apply) puts each on another one, what is completed with "
	    "\"by_hand\":true");
	return true;
}

bool told_of_unseen(struct l2_trouble *ret, struct journal *j)
{
	struct unsettled u = { .n = 0 };
	char sum[AMOUNT_TEXT_MAX];

	book_unseen(j, unsettled_count, &u);
	if (!u.n)
		return false;
	amount_format(sum, &u.amount, 0);
	why(ret,
	    "the state came from elsewhere, and in it %" PRIu64 " peg-in%s of %s satoshi "
	    "%s minted of which this journal has seen no block: whether a block of "
	    "Bitcoin has %s, nobody here has looked",
	    u.n, u.n == 1 ? "" : "s", sum, u.n == 1 ? "is" : "are",
	    u.n == 1 ? "its transaction" : "their transactions");
	remedy(ret,
	    "pawl node settle lists %s. Where the block is known, the change pegin_look "
	    "(pawl node apply) names its height, and it is read; else look on Bitcoin "
	    "for the transaction, then: pawl node settle PEGIN --why TEXT",
	    u.n == 1 ? "it" : "all");
	return true;
}

/* -- the newest snapshot ------------------------------------------------------- */

void trouble_of_state(struct l2_trouble *ret, const char *log, const char *root,
    const struct book_sums *sums)
{
	char word[300];

	if (sums->changes) {
		why(ret,
		    "the newest snapshot (root %.16s) is of a state that this journal "
		    "never had: the journal is an older copy of itself, or the log is of "
		    "another node",
		    root);
		remedy(ret,
		    "pawl node recover --latest-valid, which changes nothing here and "
		    "names both ways on. Until then, and with the state of the snapshot, "
		    "send nothing again that was sent since the journal's copy was made: "
		    "it knows none of it, and would do it twice");
	} else {
		why(ret,
		    "the journal has no state, and the newest snapshot (root %.16s) has "
		    "one",
		    root);
		remedy(ret,
		    "pawl node import %s takes it in; where it is another node's, move "
		    "the log away. Of what made it no id is known: send none of it "
		    "again",
		    shell_word(word, sizeof word, log));
	}
}

/* A layer goes on, and nothing on Bitcoin stands for it. */
static bool trouble_of_waiting(
    struct l2_trouble *ret, const struct anchor *a, int64_t now_ms, uint64_t most)
{
	uint64_t hours =
	    now_ms > a->made_ms ? (uint64_t)(now_ms - a->made_ms) / HOUR_MS : 0;

	if (hours * HOUR_MS / BLOCK_MS <= most || MUTANT(anchor_may_wait))
		return false;
	why(ret,
	    "Large divergence detected: the anchor of the newest snapshot was made "
	    "%" PRIu64 " hours ago, and is in no block yet: Bitcoin makes more than "
	    "node.max_divergence (%" PRIu64 ") blocks in that time",
	    hours, most);
	remedy(ret,
	    "see why its transaction is not sent, or not mined: pawl node anchors has "
	    "what it carries");
	return true;
}

bool trouble_of_anchor(
    struct l2_trouble *ret, const struct anchor *a, int64_t now_ms, uint64_t most)
{
	char hash[2 * sizeof a->hash.at + 1];

	if (anchor_stands(a))
		return false;
	if (!anchor_is_lost(a))
		return trouble_of_waiting(ret, a, now_ms, most);
	if (MUTANT(anchor_without_block_is_well))
		return false;
	hex_format(hash, a->hash.at, sizeof a->hash.at);
	if (a->status == ANCHOR_INVALIDATED_REORG)
		why(ret,
		    "the anchor of the newest snapshot, %s, is INVALIDATED_REORG: a "
		    "reorg took its block%s",
		    hash, a->has_txid ? ", and no other has its transaction" : "");
	else
		why(ret,
		    "the anchor of the newest snapshot, %s, is FAILED_ORPHANED: its "
		    "state was given up, or no block took it in time",
		    hash);
	remedy(ret,
	    "pawl node create-anchor, the guide's re-anchoring; a block that has its "
	    "transaction again makes it count by itself");
	return true;
}

void trouble_of_unknown_anchor(struct l2_trouble *ret, const char *hash)
{
	why(ret,
	    "the anchor %.16s.. of the newest snapshot is one that the journal does not "
	    "know: a pawl node create-anchor was stopped before it told it, or the "
	    "journal is an older copy of itself",
	    hash);
	remedy(ret,
	    "pawl node create-anchor, which goes on with that one, or makes a newer one "
	    "where the state has changed since");
}

bool trouble_of_height(struct l2_trouble *ret, struct journal *j, uint64_t height,
    uint64_t head, uint64_t *ret_behind)
{
	struct bitcoin_final final = { .stopped = false };

	if (j)
		bitcoin_final(j, &final);
	*ret_behind = head > height ? head - height : 0;
	if (final.stopped && !MUTANT(distance_while_stopped)) {
		why(ret,
		    "a final block of Bitcoin has vanished, and block %" PRIu64
		    ", which has the anchor of the newest valid snapshot, may be one of "
		    "those: how far it is behind can't be said",
		    height);
		remedy(ret, "see: pawl status");
		return true;
	}
	if (head >= height)
		return false;
	why(ret,
	    "Bitcoin's newest block by node.chain is %" PRIu64 ", and block %" PRIu64
	    " has the anchor of the newest valid snapshot: its node lost blocks, or is "
	    "still reading them; how far it is behind can't be said",
	    head, height);
	remedy(ret, "look at: pawl node doctor");
	return true;
}

bool trouble_of_distance(struct l2_trouble *ret, uint64_t behind, uint64_t most)
{
	if (behind <= most || MUTANT(divergence_is_never_large))
		return false;
	why(ret,
	    "Large divergence detected: the newest snapshot is %" PRIu64
	    " block%s behind Bitcoin, more than node.max_divergence (%" PRIu64 ")",
	    behind, behind == 1 ? "" : "s", most);
	remedy(ret, L2_NEWER_ANCHOR " makes a newer one");
	return true;
}

/* -- the reorg database -------------------------------------------------------- */

bool trouble_of_database(struct l2_trouble *ret, enum err e, const struct fail *f)
{
	if (e == ERR_OK)
		return false;
	why(ret, "%.700s", f->why);
	if (e == ERR_DAMAGED)
		remedy(ret, L2_PROCEDURE_3);
	else if (e == ERR_NOT_FOUND)
		remedy(ret,
		    "start pawl serve, which makes it, as one that runs does within a "
		    "minute or two; alone: pawl node rebuild-reorg-db");
	else
		remedy(ret, "look at the folder: owner, mode, medium");
	return true;
}

bool trouble_of_values(struct l2_trouble *ret, uint64_t n, const char *first)
{
	if (!n)
		return false;
	why(ret, "%" PRIu64 " value%s not what %s should be, %s%.400s", n,
	    n == 1 ? " is" : "s are", n == 1 ? "it" : "they",
	    n == 1 ? "" : "the first: ", first);
	remedy(ret, L2_PROCEDURE_3);
	return true;
}
