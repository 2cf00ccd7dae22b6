/* judge_tracked.c - what is told of transactions, against the blocks of the chain. */
#include <inttypes.h>
#include <string.h>

#include "base/hex.h"
#include "codec/json.h"
#include "journal/sql.gen.h"
#include "kinds/track/track.h"
#include "sim/judge/judge_notice.h"

/* What a message says. */
struct said {
	const struct sim_tx *tx, *by;      /* NULL: there is none such */
	const struct sim_block *block;     /* the same */
	const struct sim_inclusion *there; /* the transaction, or its rival, in that */
	bool has_by;
	int64_t height, confirmations, of, percent;
};

static const struct sim_tx *tx_find(const struct sim_chain *c, const struct hash *hash)
{
	const struct sim_tx *t = c->all;

	while (t && !hash_same(&t->hash, hash))
		t = t->next_all;
	return t;
}

static bool hash_get(struct hash *ret, const json_t *o, const char *key)
{
	const char *text = json_str(o, key);

	return text && hex_parse_0x(ret->at, sizeof ret->at, text);
}

static const struct sim_inclusion *within(
    const struct sim_block *b, const struct sim_tx *t)
{
	const struct sim_inclusion *i = b ? b->first : NULL;

	while (i && i->tx != t)
		i = i->next;
	return t ? i : NULL;
}

static struct said said_read(const struct sim_story *s, const char *body)
{
	json_t *o = json_read(body, strlen(body), NULL);
	struct said a = { .height = -1 };
	struct hash hash;

	if (hash_get(&hash, o, "hash"))
		a.tx = tx_find(s->chain, &hash);
	a.has_by = hash_get(&hash, o, "by");
	if (a.has_by)
		a.by = tx_find(s->chain, &hash);
	if (hash_get(&hash, o, "block_hash"))
		a.block = sim_block_find(s->chain, &hash);
	(void)json_i64(o, "block", &a.height);
	(void)json_i64(o, "confirmations", &a.confirmations);
	(void)json_i64(o, "of", &a.of);
	(void)json_i64(o, "percent", &a.percent);
	a.there = within(a.block, a.has_by ? a.by : a.tx);
	json_decref(o);
	return a;
}

/* -- what is so --------------------------------------------------------------- */

static bool is_final(const struct sim_judge *j, const struct sim_block *b)
{
	const struct sim_chain *c = j->story->chain;

	return j->final && b->height <= j->final->height && c->trail[b->height] == b;
}

static bool in_a_block(const struct said *a, bool ok)
{
	return a->there && (int64_t)a->block->height == a->height &&
	    (a->there->status == TX_OK) == ok;
}

/* By a rival in a block; or it is not known by what, and then it is in none. */
static bool is_replaced(const struct sim_chain *c, const struct said *a)
{
	if (!a->has_by)
		return sim_count(c, c->head, &a->tx->from->at) > a->tx->nonce &&
		    !sim_inclusion_find(c, c->head, a->tx);
	return a->there && a->by != a->tx && a->by->from == a->tx->from &&
	    a->by->nonce == a->tx->nonce;
}

/* The chain may have gone back since, but never by more than finality is deep. */
static bool is_deep(const struct sim_judge *j, const struct said *a)
{
	uint64_t head = j->story->chain->head->height + j->story->fate->depth;
	int64_t wanted = a->percent ? a->of * a->percent / 100 : a->of;

	return is_final(j, a->block) ||
	    (a->confirmations >= wanted &&
		a->confirmations <= (int64_t)(head + 1 - a->block->height));
}

static bool is_so(const struct sim_judge *j, enum milestone m, const struct said *a)
{
	if (m == MILESTONE_EXPIRED)
		return true;
	if (!a->tx)
		return false;
	switch ((int)m) {
	case MILESTONE_INCLUDED:
		return in_a_block(a, true);
	case MILESTONE_REVERTED:
		return in_a_block(a, false);
	case MILESTONE_PROGRESS:
	case MILESTONE_CONFIRMED:
		return in_a_block(a, true) && is_deep(j, a);
	case MILESTONE_FINAL:
		return in_a_block(a, true) && is_final(j, a->block);
	case MILESTONE_REPLACED:
		return is_replaced(j->story->chain, a);
	default:
		return true;
	}
}

/* It gets deeper where its block is: in the trail of who says so, or below that. */
static bool is_counted(struct sim_life *l, enum milestone m, const struct said *a)
{
	struct sql_block_from_in in = { .chain = 1, .height = a->height };
	struct sql_block_from_out row;

	if ((m != MILESTONE_PROGRESS && m != MILESTONE_CONFIRMED) || !a->block ||
	    is_final(l->story->judge, a->block))
		return true;
	return sql_block_from_one(l->journal, &in, &row) && row.height == a->height &&
	    !memcmp(row.hash, a->block->hash.at, sizeof row.hash);
}

/* -- in its order --------------------------------------------------------------- */

/* In a block, or behind that. */
static bool stands(enum milestone m)
{
	return m == MILESTONE_INCLUDED || m == MILESTONE_PROGRESS ||
	    m == MILESTONE_CONFIRMED || m == MILESTONE_FINAL || m == MILESTONE_REVERTED ||
	    m == MILESTONE_REPLACED;
}

static int times_asked(const struct sim_story *s, const struct sim_tx *tx)
{
	int n = 0;

	for (int i = 0; i < s->followed_n; i++)
		n += s->followed[i].tx == tx;
	return n;
}

/* What all hear, behind what anybody heard. before NULL: it is the first. */
static bool follows(const struct judge_notice *before, enum milestone m)
{
	enum milestone was;

	if (!before)
		return true;
	was = before->milestone;
	if (m == MILESTONE_RETRACTED)
		return stands(was);
	if (m == MILESTONE_SEEN)
		return was == MILESTONE_DROPPED || was == MILESTONE_EXPIRED;
	return !stands(was) && was != m;
}

/* What is told by a number, behind what those heard who hear by it. Who comes later hears
 * first where it stands; late: somebody may have. */
static bool follows_by(const struct judge_notice *before, enum milestone m, bool late)
{
	bool first = !before || !stands(before->milestone);
	enum milestone was = first ? 0 : before->milestone;

	if (m == MILESTONE_PROGRESS || m == MILESTONE_CONFIRMED)
		return was == MILESTONE_INCLUDED || was == MILESTONE_PROGRESS;
	if (m == MILESTONE_FINAL)
		return was == MILESTONE_CONFIRMED || late;
	return first;
}

static const struct judge_notice *before_it(
    const struct judge_notice *first, const struct judge_notice *n)
{
	const struct judge_notice *before = NULL;

	for (; first && first != n; first = first->next)
		if (first->kind == SUBJECT_HASH && first->subject == n->subject)
			before = first;
	return before;
}

/* Of those that say the same number, or none. */
static const struct judge_notice *before_by(
    const struct judge_notice *first, const struct judge_notice *n, int64_t of)
{
	const struct judge_notice *before = NULL;

	for (; first && first != n; first = first->next)
		if (first->kind == SUBJECT_HASH && first->subject == n->subject &&
		    (!first->of || first->of == of))
			before = first;
	return before;
}

/* Each who hears it has asked for just that number. */
static void is_asked(
    struct sim_story *s, const struct judge_notice *n, const struct said *a)
{
	for (int r = 0; r < s->receivers; r++) {
		bool asked = !(n->to >> r & 1);

		for (int i = 0; i < s->followed_n && !asked; i++)
			asked = s->followed[i].tx == a->tx &&
			    s->followed[i].receiver == r &&
			    s->followed[i].confirmations == a->of;
		if (!asked)
			judge_wrong(s, r, "it never asked for so many: %.200s", n->body);
	}
}

void judge_tracked(
    struct sim_life *l, const struct judge_notice *first, const struct judge_notice *n)
{
	struct sim_story *s = l->story;
	struct said a = said_read(s, n->body);
	const struct judge_notice *before =
	    n->of ? before_by(first, n, n->of) : before_it(first, n);
	bool late = times_asked(s, a.tx) > 1;

	if (n->milestone == MILESTONE_RETRACTED)
		sim_story_did(s, SIM_DID_TRACK_TAKEN);
	if (s->broken)
		return;
	if (!is_so(s->judge, n->milestone, &a))
		sim_story_wrong(
		    s, "what is told of a transaction is not so: %.350s", n->body);
	if (!is_counted(l, n->milestone, &a))
		sim_story_wrong(
		    s, "its block left the trail, and it gets deeper: %.300s", n->body);
	if (a.of != n->of)
		sim_story_wrong(s, "it is told by another number: %.300s", n->body);
	if (a.of)
		is_asked(s, n, &a);
	if (a.of ? !follows_by(before, n->milestone, late)
		 : !follows(before, n->milestone) &&
		    (n->milestone != MILESTONE_EXPIRED || !late))
		sim_story_wrong(s, "of a transaction %s is told behind %s: %.200s",
		    milestone_name(n->milestone),
		    before ? milestone_name(before->milestone) : "nothing", n->body);
}

/* -- the end -------------------------------------------------------------------- */

/* The state that its fate on the chain asks for; -1: none yet. */
static int wanted_state(const struct sim_chain *c, const struct sim_tx *t)
{
	const struct sim_inclusion *i = t ? sim_inclusion_find(c, c->head, t) : NULL;

	if (i)
		return i->status == TX_OK ? TRACKED_FINAL : TRACKED_REVERTED;
	return t && sim_count(c, c->head, &t->from->at) > t->nonce ? TRACKED_REPLACED
								   : -1;
}

static bool row_of(struct sim_life *l, const struct sim_followed *f, struct tracked *ret)
{
	struct hash hash;

	return hex_parse_0x(hash.at, sizeof hash.at, f->hash) &&
	    track_find(l->journal, &hash, ret, 1) == 1;
}

/* No block of the trail has a transaction. */
static bool is_quiet(const struct sim_story *s)
{
	const struct sim_block *b = s->chain->head;

	for (uint64_t i = 1; i < s->fate->depth && b && !b->first; i++)
		b = b->parent;
	return !b || !b->first;
}

/* Of what no quorum has shown nobody knows the nonce; what did not come in time may come
 * when nobody looks any more; and nobody knows who finds anything by a hash where there
 * is nothing to be found. */
static bool is_unknown(const struct sim_story *s, const struct tracked *row, int wanted)
{
	return row->state == TRACKED_EXPIRED ||
	    (wanted == TRACKED_REPLACED &&
		(!row->has_sender || (row->state == TRACKED_DROPPED && is_quiet(s))));
}

/* What is over on the chain is over. */
bool judge_tracked_all(struct sim_life *l)
{
	const struct sim_story *s = l->story;
	struct tracked row;

	for (int i = 0; i < s->followed_n; i++) {
		const struct sim_followed *f = &s->followed[i];
		int wanted = wanted_state(s->chain, f->tx);

		if (f->known && wanted >= 0 && row_of(l, f, &row) && !track_ended(&row) &&
		    !is_unknown(s, &row, wanted))
			return false;
	}
	return true;
}

/* What was told to have ended in a block is on the chain there. */
static void block_stands(struct sim_story *s, const struct judge_notice *last)
{
	struct said a;

	if (!last ||
	    (last->milestone != MILESTONE_FINAL && last->milestone != MILESTONE_REVERTED))
		return;
	a = said_read(s, last->body);
	if (!a.block || a.block->height > s->chain->head->height ||
	    s->chain->trail[a.block->height] != a.block)
		sim_story_wrong(
		    s, "its block vanished, and nobody is told: %.300s", last->body);
}

void judge_tracked_end(struct sim_life *l, const struct judge_notice *first)
{
	static const enum milestone told[] = { [TRACKED_FINAL] = MILESTONE_FINAL,
		[TRACKED_REVERTED] = MILESTONE_REVERTED,
		[TRACKED_REPLACED] = MILESTONE_REPLACED };
	struct sim_story *s = l->story;
	struct judge_notice end = { .kind = SUBJECT_HASH };
	struct tracked row;

	/* whatever vanishes is taken back */
	for (int i = 0; i < s->followed_n && !(s->broken & ~(unsigned)SIM_GROUND_FINAL);
	     i++) {
		const struct sim_followed *f = &s->followed[i];
		int wanted = wanted_state(s->chain, f->tx);
		const struct judge_notice *last;

		if (!f->known)
			continue;
		if (row_of(l, f, &row)) {
			end.subject = row.id;
			block_stands(s, before_it(first, &end));
		}
		if (wanted < 0)
			continue;
		if (!row_of(l, f, &row)) {
			sim_story_wrong(s, "%s is not followed any more", f->hash);
			return;
		}
		if (is_unknown(s, &row, wanted))
			continue;
		end.subject = row.id;
		last = before_it(first, &end);
		sim_story_did(s, SIM_DID_TRACK_ENDED);
		if (row.state != wanted || !last || last->milestone != told[wanted])
			sim_story_wrong(s, "%s is %s, and is called %s; told was %s",
			    f->hash, state_name(MACHINE_TRACKED, wanted),
			    state_name(MACHINE_TRACKED, row.state),
			    last ? milestone_name(last->milestone) : "nothing");
	}
}
