#include "chain/follower/follower_in.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "journal/sql.gen.h"

/* A node this many blocks behind the best one is left out until it is back. */
#define LAG_MAX 3
#define FAILURES_SAID 3
/* Polls without a quorum until the log says so. */
#define LACK_POLLS 5
/* Blocks that became final, and polls, while a node's headers led nowhere. */
#define UNLINKED_FINALS 4
#define UNLINKED_POLLS 16
/* How far below the head the trail of a new chain begins, where the nodes' own tag
 * decides what is final: nothing of ours can be below. */
#define TAG_START_DEPTH 64

struct follower *follower_new(const struct follower_setup *s)
{
	struct follower *f = mem_new(sizeof *f);

	f->s = *s;
	f->nodes = pool_size(s->pool);
	f->inbox_end = &f->inbox;
	f->has_start = !s->journal;
	f->start = s->start;
	return f;
}

void follower_free(struct follower *f)
{
	if (!f)
		return;
	while (f->inbox) {
		struct question *q = f->inbox;

		f->inbox = q->next;
		question_free(q);
	}
	sightings_forget(f);
	far_release(f);
	for (int i = 0; i < f->nodes; i++)
		mem_free(f->view[i].polled);
	mem_free(f->seen);
	mem_free(f->trail);
	mem_free(f->watched);
	mem_free(f);
}

bool follower_idle(const struct follower *f)
{
	return !f->under_way;
}

int64_t follower_chain(const struct follower *f)
{
	return f->chain;
}

const struct hash *follower_genesis(const struct follower *f)
{
	return &f->genesis;
}

static bool watches(const struct follower *f, const struct watched *w, uint32_t n)
{
	for (uint32_t i = 0; i < n && n == f->watched_n; i++) {
		const struct watched *old = &f->watched[i];

		if (!address_same(&w[i].account, &old->account) ||
		    !address_same(&w[i].token, &old->token) ||
		    w[i].balance != old->balance ||
		    w[i].token_balance != old->token_balance)
			return false;
	}
	return n == f->watched_n;
}

/* Other things are asked of each block from now on. */
static void read_anew(struct follower *f)
{
	far_release(f);
	f->generation++;
	sightings_forget(f);
}

void follower_watch(struct follower *f, const struct watched *w, uint32_t n)
{
	if (watches(f, w, n))
		return;
	mem_free(f->watched);
	f->watched = n ? mem_copy(w, n * sizeof *w) : NULL;
	f->watched_n = n;
	read_anew(f);
}

void follower_every(struct follower *f, bool wanted)
{
	if (!wanted && f->every && !f->every_unwanted)
		f->every_until = f->best + WINDOW;
	f->every_unwanted = !wanted;
	if (f->every || !wanted)
		return;
	f->every = true;
	read_anew(f);
}

static void every_end(struct follower *f)
{
	if (!f->every || !f->every_unwanted || f->best <= f->every_until)
		return;
	f->every = false;
	read_anew(f);
}

uint64_t follower_depth(const struct follower *f)
{
	return f->s.config->finality.tag ? TAG_START_DEPTH : f->s.config->finality.depth;
}

bool follower_head(const struct follower *f, struct head *ret)
{
	if (!f->trail_n)
		return false;
	*ret = f->trail[f->trail_n - 1];
	return true;
}

bool follower_shown(const struct follower *f, int node, struct head *ret)
{
	*ret = f->view[node].head;
	return f->view[node].identified && f->view[node].has_head;
}

bool follower_final(const struct follower *f, struct head *ret)
{
	if (!f->trail_n)
		return false;
	*ret = f->trail[0];
	return true;
}

const char *follower_waits_for(const struct follower *f)
{
	return f->waits_for[0] ? f->waits_for : NULL;
}

uint64_t follower_quorum_height(const struct follower *f)
{
	return f->best;
}

bool follower_unsettled(const struct follower *f)
{
	return f->unsettled;
}

const char *follower_trouble(const struct follower *f)
{
	return f->trouble[0] ? f->trouble : NULL;
}

bool follower_silent(const struct follower *f)
{
	return f->silent;
}

/* -- votes ------------------------------------------------------------------ */

/* One vote a provider, however many nodes of its are in the set. */
static int votes(const struct follower *f, uint32_t nodes)
{
	uint64_t providers = 0;

	for (int i = 0; i < f->nodes; i++) {
		const struct node_state *n = pool_node(f->s.pool, i);

		if ((nodes >> i & 1) && f->view[i].identified &&
		    (!n->off || MUTANT(off_has_a_vote)))
			providers |= 1ull
			    << ((MUTANT(votes_by_node) ? i : n->provider) & 63);
	}
	return __builtin_popcountll(providers);
}

bool follower_quorum(const struct follower *f, uint32_t nodes)
{
	return votes(f, nodes) >= f->s.config->quorum;
}

void follower_leave_out(struct follower *f, int node, const char *why)
{
	struct view *v = &f->view[node];

	if (!strcmp(v->left_out, why))
		return;
	snprintf(v->left_out, sizeof v->left_out, "%s", why);
	if (!f->s.journal)
		return; /* the pool is not ours: who reads the past judges for itself */
	pool_leave_out(f->s.pool, node, v->left_out[0] ? v->left_out : NULL);
	if (v->left_out[0])
		log_warn("chain", "%s: node %s left out: %s", f->s.config->name,
		    pool_node(f->s.pool, node)->name, v->left_out);
	else
		log_warn("chain", "%s: node %s is back", f->s.config->name,
		    pool_node(f->s.pool, node)->name);
}

/* -- the turn ----------------------------------------------------------------- */

/* Where the trail of a new chain begins: far enough down that all agree. Who was astray
 * is asked again as his head moves on. */
static void begin(struct follower *f)
{
	uint32_t same[POOL_NODES_MAX] = { 0 };
	uint64_t depth = follower_depth(f);

	for (int i = 0; i < f->nodes && !f->has_start; i++) {
		struct view *v = &f->view[i];
		uint32_t not_below = 0;

		for (int k = 0; k < f->nodes; k++)
			if (f->view[k].has_head &&
			    f->view[k].head.height >= v->head.height)
				not_below |= 1u << k;
		if (!v->has_head || !follower_quorum(f, not_below))
			continue;
		f->start = v->head.height > depth ? v->head.height - depth : 0;
		f->has_start = true;
	}
	for (int i = 0; i < f->nodes && f->has_start; i++) {
		struct view *v = &f->view[i];

		if ((!v->has_goal || v->goal_is_old) && v->has_head &&
		    follower_asks_headers(f, i))
			follower_ask_headers(f, i, ASK_HEADERS, f->start, f->start);
		for (int k = 0; k < f->nodes && v->has_goal; k++)
			if (f->view[k].has_goal &&
			    hash_same(&f->view[k].goal.hash, &v->goal.hash))
				same[i] |= 1u << k;
		if (v->has_goal && follower_quorum(f, same[i])) {
			trail_begin(f, &v->goal);
			return;
		}
	}
}

/* The highest height that a quorum's heads have reached: one liar does not move it. */
static uint64_t quorum_height(const struct follower *f)
{
	uint64_t best = 0;

	for (int i = 0; i < f->nodes; i++) {
		uint32_t at_least = 0;

		for (int k = 0; k < f->nodes; k++)
			if (f->view[k].has_head &&
			    f->view[k].head.height >= f->view[i].head.height)
				at_least |= 1u << k;
		if (f->view[i].has_head && follower_quorum(f, at_least) &&
		    f->view[i].head.height > best)
			best = f->view[i].head.height;
	}
	return best;
}

/* Others go on, and its own headers do not lead to any block of theirs: for long. */
static bool is_unlinked(const struct follower *f, const struct view *v)
{
	return v->unlinked && v->unlinked_finals >= UNLINKED_FINALS &&
	    world_now_ms(f->s.world) >=
	    v->unlinked_ms + UNLINKED_POLLS * (int64_t)f->s.config->poll_ms;
}

/* To LAG_MAX, twice that, and so on: said anew when it has doubled. */
static uint64_t rounded_down(uint64_t lag)
{
	uint64_t n = LAG_MAX;

	while (n <= lag / 2)
		n *= 2;
	return n;
}

/* Why it is left out; "": it is not. */
static void judge(const struct follower *f, const struct view *v, char *why, size_t len)
{
	why[0] = '\0';
	if (v->link == LINK_FORKED || v->forked)
		snprintf(why, len, "forks below the final block");
	else if (v->head.height + LAG_MAX < f->best)
		snprintf(why, len, "lags by %llu blocks or more",
		    (unsigned long long)rounded_down(f->best - v->head.height));
	else if (v->fault)
		snprintf(
		    why, len, "%s %llu", v->fault, (unsigned long long)v->fault_first);
	else if (f->best && v->head.height > f->best + WINDOW)
		snprintf(why, len, "has a head that is far above all others");
	else if (is_unlinked(f, v))
		snprintf(why, len, "shows headers that make no chain");
}

static void judge_standing(struct follower *f)
{
	char why[96];

	for (int i = 0; i < f->nodes; i++) {
		if (!f->view[i].identified || !f->view[i].has_head)
			continue;
		judge(f, &f->view[i], why, sizeof why);
		follower_leave_out(f, i, why);
	}
}

/* It comes with each block that is read; far above the trail none is. */
static bool wants_tag(const struct follower *f, const struct view *v)
{
	return f->s.config->finality.tag && f->trail_n && v->has_head &&
	    v->head.height > f->trail[0].height + WINDOW && !v->finalized_busy &&
	    v->finalized_at != v->head.height;
}

/* It comes before all else, and again now and then from who is left out, and from all
 * while no quorum says which chain it is: another one may be behind the same address by
 * now. */
static bool wants_identity(const struct follower *f, const struct view *v, int64_t now)
{
	if (v->identity_busy)
		return false;
	return v->identified ? (v->left_out[0] || !f->chain) && v->identity_at_ms <= now
			     : v->poll_at_ms <= now;
}

static void schedule(struct follower *f)
{
	int64_t now = world_now_ms(f->s.world), at_ms;

	for (int i = 0; i < f->nodes; i++) {
		struct view *v = &f->view[i];

		if (!pool_ready(f->s.pool, i, &at_ms))
			continue;
		if (wants_identity(f, v, now))
			follower_ask_identity(f, i);
		if (v->identified && !v->poll_busy && v->poll_at_ms <= now)
			follower_ask_poll(f, i);
		if (v->identified && wants_tag(f, v))
			follower_ask_finalized(f, i);
	}
}

/* What the nodes call final is of no use: said, and never replaced by a depth. */
static void say_tag(struct follower *f)
{
	uint32_t is_head = 0;

	for (int i = 0; i < f->nodes; i++)
		if (f->view[i].has_finalized && f->view[i].finalized_is_head)
			is_head |= 1u << i;
	if (follower_quorum(f, is_head))
		snprintf(f->waits_for, sizeof f->waits_for,
		    "chain %s: a finality that means something: its nodes call their "
		    "head finalized (finality: {depth: N} counts blocks)",
		    f->s.config->name);
	else if (f->best > f->trail[0].height + WINDOW)
		snprintf(f->waits_for, sizeof f->waits_for,
		    "chain %s: the finalized block, which stayed at %llu while the head "
		    "went to %llu",
		    f->s.config->name, (unsigned long long)f->trail[0].height,
		    (unsigned long long)f->best);
}

/* Once or twice is nobody's news. */
static void say_trouble(struct follower *f)
{
	uint32_t answering = 0;
	bool mute = false;
	size_t len = 0;

	f->trouble[0] = '\0';
	for (int i = 0; i < f->nodes; i++) {
		const struct node_state *n = pool_node(f->s.pool, i);
		const char *word = n->off ? "" : f->view[i].word;

		if (n->off || n->failures_in_a_row < FAILURES_SAID)
			answering |= 1u << i; /* one that is off has no vote in it */
		mute |= !(answering >> i & 1);
		if ((answering >> i & 1) && word[0] && len < sizeof f->trouble)
			len += (size_t)snprintf(f->trouble + len, sizeof f->trouble - len,
			    "%s%s: %s", len ? ", " : "", n->name, word);
		else if (!(answering >> i & 1) && len < sizeof f->trouble)
			len += (size_t)snprintf(f->trouble + len, sizeof f->trouble - len,
			    "%s%s does not answer (%.60s)", len ? ", " : "", n->name,
			    n->last_error);
	}
	f->silent = mute && !follower_quorum(f, answering);
}

/* Each that is asked at all has answered, or failed to. */
static bool all_heard(const struct follower *f)
{
	for (int i = 0; i < f->nodes; i++) {
		const struct node_state *n = pool_node(f->s.pool, i);

		if (!n->off && n->asked <= n->in_flight)
			return false;
	}
	return true;
}

/* One line when no quorum is up for long, and one when it is back: for the log alone. */
static void log_lack(struct follower *f, uint32_t up)
{
	bool lacks = !follower_quorum(f, up);
	int64_t now = world_now_ms(f->s.world);
	long long s;

	if (!f->s.journal || (lacks && !f->lacks && !all_heard(f)))
		return;
	if (lacks && !f->lacks)
		f->lacks_ms = now;
	f->lacks = lacks;
	s = (long long)(now - f->lacks_ms) / 1000;
	if (!lacks && f->lack_said)
		log_info("chain", "%s: a quorum of its nodes is back, after %lld s",
		    f->s.config->name, s);
	if (!lacks)
		f->lack_said = false;
	if (!lacks || f->lack_said ||
	    now < f->lacks_ms + LACK_POLLS * (int64_t)f->s.config->poll_ms ||
	    MUTANT(lack_not_logged))
		return;
	f->lack_said = true;
	log_warn("chain", "%s: no quorum of its nodes for %lld s: %d of %d votes%s%s",
	    f->s.config->name, s, votes(f, up), f->s.config->quorum,
	    f->trouble[0] ? "; " : "", f->trouble);
}

static void say_waits(struct follower *f)
{
	char known[160];
	uint32_t up = 0;

	say_trouble(f);
	for (int i = 0; i < f->nodes; i++)
		if (f->view[i].identified && f->view[i].has_head &&
		    !f->view[i].left_out[0])
			up |= 1u << i;
	log_lack(f, up);
	f->waits_for[0] = '\0';
	undone_say(f, known, sizeof known);
	if (f->stopped)
		snprintf(f->waits_for, sizeof f->waits_for,
		    "a final block of chain %s vanished: look at it, then "
		    "`pawl resume chain:%s`%s%s",
		    f->s.config->name, f->s.config->name, known[0] ? "; " : "", known);
	else if (!follower_quorum(f, up))
		snprintf(f->waits_for, sizeof f->waits_for,
		    "chain %s: %d of %d votes that a quorum needs%s%s", f->s.config->name,
		    votes(f, up), f->s.config->quorum, f->trouble[0] ? "; " : "",
		    f->trouble);
	else if (!f->trail_n)
		snprintf(f->waits_for, sizeof f->waits_for,
		    "chain %s: the nodes to agree on a block", f->s.config->name);
	else if (f->unshown)
		snprintf(f->waits_for, sizeof f->waits_for,
		    "chain %s: block %llu, which was final and no quorum shows: its "
		    "nodes catch up, or have lost it",
		    f->s.config->name, (unsigned long long)f->trail[0].height);
	else if (follower_is_far(f))
		far_say(f, f->waits_for, sizeof f->waits_for);
	else if (f->s.config->finality.tag)
		say_tag(f);
}

/* Who is of no use now, and why: in the journal, where others can read it. */
static void standing_put(struct follower *f)
{
	char now[sizeof f->standing] = "", known[160];
	size_t len = 0;

	for (int i = 0; i < f->nodes; i++) {
		const struct node_state *n = pool_node(f->s.pool, i);
		const char *why = n->off                    ? "is switched off"
		    : n->failures_in_a_row >= FAILURES_SAID ? "does not answer"
		    : f->view[i].word[0]                    ? "does not tell who it is"
							    : n->left_out;

		if (why && len < sizeof now)
			len += (size_t)snprintf(now + len, sizeof now - len, "%s%s %s",
			    len ? ", " : "", n->name, why);
	}
	if (f->unshown && len < sizeof now)
		snprintf(now + len, sizeof now - len,
		    "%sno quorum shows block %llu, which was final", len ? ", " : "",
		    (unsigned long long)f->trail[0].height);
	undone_say(f, known, sizeof known);
	if (known[0] && len < sizeof now)
		snprintf(now + len, sizeof now - len, "%s%s", len ? ", " : "", known);
	if (!f->chain || !f->s.journal || !strcmp(now, f->standing))
		return;
	memcpy(f->standing, now, sizeof now);
	sql_chain_nodes(f->s.journal,
	    &(struct sql_chain_nodes_in){
		.id = f->chain, .nodes = now, .no_nodes = !now[0] });
}

void follower_turn(struct follower *f)
{
	answers_take(f);
	off_forget(f);
	sightings_sweep(f);
	f->best = quorum_height(f);
	if (f->best > f->highest)
		f->highest = f->best;
	every_end(f);
	schedule(f);
	if (f->chain && !f->trail_n)
		begin(f);
	if (f->chain && f->trail_n && far_turn(f)) {
		undone_turn(f);
	} else if (f->chain && f->trail_n) {
		branches_read(f);
		undone_turn(f);
		if (!f->stopped) {
			branch_choose(f);
			blocks_tell(f);
			blocks_finalize(f);
		}
	}
	judge_standing(f);
	final_look(f);
	say_waits(f);
	standing_put(f);
}

int64_t follower_wake_ms(const struct follower *f)
{
	int64_t wake = INT64_MAX;

	for (int i = 0; i < f->nodes; i++) {
		const struct view *v = &f->view[i];
		int64_t at = v->poll_at_ms, ready_ms;

		if (v->identity_busy || v->poll_busy)
			continue;
		if (!pool_ready(f->s.pool, i, &ready_ms) && ready_ms > at)
			at = ready_ms;
		if (at < wake)
			wake = at;
	}
	return wake;
}
