/* move.c - a row moves along an edge, and its subscribers are told: in one commit. */
#include "kinds/track/track_in.h"

#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/ids.h"
#include "base/mutant.h"
#include "engine/operation.h"

/* Looks in a row until what no node knows counts as dropped; twice as many each time
 * that it came back. So a pool that has it now, and now has not, is told of less and
 * less. */
#define MISSES_MAX 3
#define DOUBLED_MAX 20

bool row_get(struct journal *j, int64_t id, struct sql_tracked_get_out *ret)
{
	return sql_tracked_get_one(j, &(struct sql_tracked_get_in){ .id = id }, ret);
}

void row_keep(struct journal *j, const struct sql_tracked_get_out *row)
{
	struct sql_tracked_put_in in = { .id = row->id,
		.state = row->state,
		.intent = row->intent,
		.no_intent = row->no_intent,
		.guess = row->guess,
		.confirmations = row->confirmations,
		.no_sender = row->no_sender,
		.nonce = row->nonce,
		.no_nonce = row->no_nonce,
		.height = row->height,
		.no_height = row->no_height,
		.no_block_hash = row->no_block_hash,
		.no_by_hash = row->no_by_hash,
		.round = row->round,
		.percent = row->percent,
		.deep = row->deep,
		.due = row->due,
		.no_due = row->no_due,
		.looks = row->looks,
		.no_looks = row->no_looks,
		.misses = row->misses,
		.missed_ms = row->missed_ms,
		.no_missed_ms = row->no_missed_ms,
		.since_ms = row->since_ms,
		.ended_ms = row->ended_ms,
		.no_ended_ms = row->no_ended_ms };

	memcpy(in.sender, row->sender, sizeof in.sender);
	memcpy(in.block_hash, row->block_hash, sizeof in.block_hash);
	memcpy(in.by_hash, row->by_hash, sizeof in.by_hash);
	sql_tracked_put(j, &in);
}

/* -- what is told ---------------------------------------------------------- */

static void fact_put(json_t *facts, const char *name, json_t *value)
{
	CHECK(value && json_object_set_new(facts, name, value) == 0);
}

static void fact_hash(json_t *facts, const char *name, const uint8_t *hash)
{
	char text[2 + 64 + 1] = "0x";

	hex_format(text + 2, hash, 32);
	fact_put(facts, name, json_string(text));
}

/* Whose payment it is. */
static void fact_row(
    json_t *facts, struct journal *j, const struct sql_tracked_get_out *row)
{
	struct sql_intent_get_in get = { .id = row->intent };
	struct sql_intent_get_out intent;
	struct operation o;

	if (row->no_intent || !sql_intent_get_one(j, &get, &intent) ||
	    !operation_read(j, intent.operation, &o))
		return;
	fact_put(facts, "operation", json_string(o.name));
	fact_put(facts, "row", json_integer((json_int_t)intent.row));
}

int64_t row_confirmations(const struct sql_tracked_get_out *row, int64_t number)
{
	return number && !MUTANT(the_largest_holds_for_all) ? number : row->confirmations;
}

json_t *row_facts(struct journal *j, const char *chain,
    const struct sql_tracked_get_out *row, int64_t number, uint64_t confirmations)
{
	json_t *facts = json_object();

	CHECK(facts);
	fact_row(facts, j, row);
	if (!row->guess || row->state != TRACKED_EXPIRED)
		fact_put(facts, "chain", json_string(chain));
	fact_hash(facts, "hash", row->hash);
	if (!row->no_height) {
		fact_put(facts, "block", json_integer(row->height));
		fact_hash(facts, "block_hash", row->block_hash);
	}
	if (!row->no_by_hash)
		fact_hash(facts, "by", row->by_hash);
	if (confirmations)
		fact_put(facts, "confirmations", json_integer((json_int_t)confirmations));
	if (confirmations || number)
		fact_put(facts, "of", json_integer(row_confirmations(row, number)));
	return facts;
}

int64_t row_nth(const struct sql_tracked_get_out *row, int percent)
{
	return percent ? row->round * NTH_OF_ROUND + percent : row->round + 1;
}

/* What does not come with depth, to all. */
static void note(
    struct track_chain *t, const struct sql_tracked_get_out *row, enum milestone m)
{
	const struct subject of = { .kind = SUBJECT_HASH, .id = row->id };
	struct journal *j = t->track->journal;

	if (message_heard(j, &of))
		t->runner->noted |= message_note(j, &of, m, row_nth(row, 0),
		    world_wall_ms(t->track->world),
		    row_facts(j, t->chain->config->name, row, 0, 0));
}

/* To those who hear of it by this number. */
static void note_by(struct track_chain *t, const struct sql_tracked_get_out *row,
    int64_t number, enum milestone m, uint64_t confirmations, int percent)
{
	const struct subject of = { .kind = SUBJECT_HASH, .id = row->id };
	struct journal *j = t->track->journal;
	json_t *facts = row_facts(j, t->chain->config->name, row, number, confirmations);

	if (percent)
		fact_put(facts, "percent", json_integer(percent));
	t->runner->noted |= message_note_by(j, &of, number, m, row_nth(row, percent),
	    world_wall_ms(t->track->world), facts);
}

static struct ids numbers_of(struct track_chain *t, const struct sql_tracked_get_out *row)
{
	const struct subject of = { .kind = SUBJECT_HASH, .id = row->id };
	struct ids numbers = { .n = 0 };

	message_numbers(t->track->journal, &of, &numbers);
	return numbers;
}

/* To each, by the number that he asked for. */
static void note_each(struct track_chain *t, const struct sql_tracked_get_out *row,
    enum milestone m, uint64_t confirmations)
{
	struct ids numbers = numbers_of(t, row);

	for (size_t i = 0; i < numbers.n; i++)
		note_by(t, row, numbers.at[i], m, confirmations, 0);
	ids_release(&numbers);
}

/* -- along its edges ------------------------------------------------------- */

void row_event(struct journal *j, int64_t id, const uint8_t hash[32], const char *from,
    int to, const char *why)
{
	char what[] =
	    "tracked 0x0000000000000000000000000000000000000000000000000000000000"
	    "000000";

	hex_format(what + strlen("tracked 0x"), hash, 32);
	journal_event(j,
	    &(struct event){ .row = id,
		.what = what,
		.from = from,
		.to = state_name(MACHINE_TRACKED, to),
		.why = why });
}

static void move(
    struct journal *j, struct sql_tracked_get_out *row, int to, const char *why)
{
	if (row->state == to)
		return;
	state_check(j, MACHINE_TRACKED, (int)row->state, to, 0, row->id);
	sql_tracked_total_take(
	    j, &(struct sql_tracked_total_take_in){ row->chain, row->state });
	if (!MUTANT(moves_are_not_counted))
		sql_tracked_total_add(
		    j, &(struct sql_tracked_total_add_in){ row->chain, to });
	row_event(
	    j, row->id, row->hash, state_name(MACHINE_TRACKED, (int)row->state), to, why);
	row->state = to;
}

static void end(struct track_chain *t, struct sql_tracked_get_out *row)
{
	row->no_ended_ms = false;
	row->ended_ms = world_wall_ms(t->track->world);
	row->no_due = row->no_looks = true;
	fingers_of_row(t, row, false);
}

/* Where it was found it is: the rows of the same hash on other chains were guesses, and
 * nobody was told anything of them. Whose nodes have not said yet that it is not there
 * is waited for: the same bytes may be on several. */
static void no_guess(struct track_chain *t, struct sql_tracked_get_out *row)
{
	struct journal *j = t->track->journal;
	struct sql_tracked_by_hash_in in = { .hash = { 0 } };
	struct sql_tracked_by_hash_out other;
	int64_t drop[POOL_NODES_MAX];
	size_t n = 0;

	if (!row->guess)
		return;
	row->guess = false;
	memcpy(in.hash, row->hash, sizeof in.hash);
	sql_tracked_by_hash_begin(j, &in);
	while (sql_tracked_by_hash_next(j, &other))
		if (other.id != row->id && other.guess &&
		    (other.misses || MUTANT(first_chain_takes_all)) &&
		    n < sizeof drop / sizeof *drop)
			drop[n++] = other.id;
	for (size_t i = 0; i < n; i++)
		(void)track_drop(j, drop[i], world_wall_ms(t->track->world));
}

/* So deep it is when this part of so many confirmations is there. */
static int64_t depth_of(int64_t confirmations, int percent)
{
	int64_t depth = (confirmations * percent + 99) / 100;

	return depth ? depth : 1;
}

/* Deeper than it was told of; 0: nothing more comes by this number. */
static int64_t next_depth(const struct track_chain *t,
    const struct sql_tracked_get_out *row, int64_t confirmations)
{
	const struct track_config *c = &t->track->config;

	for (int i = 0; i < c->percents_n; i++)
		if (depth_of(confirmations, c->percents[i]) > row->deep)
			return depth_of(confirmations, c->percents[i]);
	return confirmations > row->deep ? confirmations : 0;
}

/* The head at which more is to be told to any. */
static void due_set(struct track_chain *t, struct sql_tracked_get_out *row)
{
	struct ids numbers = numbers_of(t, row);
	int64_t next = 0;

	if (row->state == TRACKED_INCLUDED)
		next = next_depth(t, row, row->confirmations);
	for (size_t i = 0; i < numbers.n; i++) {
		int64_t depth = next_depth(t, row, row_confirmations(row, numbers.at[i]));

		if (depth && (!next || depth < next))
			next = depth;
	}
	ids_release(&numbers);
	row->no_due =
	    !next || (row->state != TRACKED_INCLUDED && row->state != TRACKED_CONFIRMED);
	row->due = row->height + next - 1;
}

void row_in_block(struct track_chain *t, struct sql_tracked_get_out *row,
    const struct head *head, const struct hash *by, bool own, enum tx_status status)
{
	bool sibling = memcmp(by->at, row->hash, sizeof by->at) != 0;

	if (!row->no_height && !memcmp(row->block_hash, head->hash.at, 32))
		return;
	if (!row->no_height)
		row_retract(t, row);
	no_guess(t, row);
	row->no_height = row->no_block_hash = false;
	row->height = (int64_t)head->height;
	memcpy(row->block_hash, head->hash.at, sizeof row->block_hash);
	row->no_by_hash = !sibling;
	memcpy(row->by_hash, by->at, sizeof row->by_hash);
	row->no_looks = true;
	row->misses = row->percent = row->deep = 0;
	if (!own) {
		move(t->track->journal, row, TRACKED_REPLACED,
		    "another transaction took its nonce");
		note(t, row, MILESTONE_REPLACED);
	} else if (status != TX_OK && !MUTANT(failure_confirmed)) {
		move(t->track->journal, row, TRACKED_REVERTED,
		    "it is in a block, and failed");
		note_each(t, row, MILESTONE_REVERTED, 1);
	} else {
		move(t->track->journal, row, TRACKED_INCLUDED, "it is in a block");
		note_each(t, row, MILESTONE_INCLUDED, 1);
	}
	due_set(t, row);
	row_keep(t->track->journal, row);
}

/* Each part of this number that is crossed, also of several at once. */
static void progress_by(struct track_chain *t, const struct sql_tracked_get_out *row,
    int64_t number, int64_t deep, bool final)
{
	const struct track_config *c = &t->track->config;
	int64_t all = row_confirmations(row, number);

	for (int i = 0; i < c->percents_n; i++) {
		int64_t depth = depth_of(all, c->percents[i]);

		if (depth > row->deep && depth <= deep)
			note_by(t, row, number, MILESTONE_PROGRESS, (uint64_t)deep,
			    c->percents[i]);
	}
	if (all > row->deep && (all <= deep || final))
		note_by(t, row, number, MILESTONE_CONFIRMED, (uint64_t)deep, 0);
}

/* To each by his number; and what it is called by its own. */
static void progress(
    struct track_chain *t, struct sql_tracked_get_out *row, int64_t deep, bool final)
{
	const struct track_config *c = &t->track->config;
	struct ids numbers = numbers_of(t, row);

	for (size_t i = 0; i < numbers.n; i++)
		progress_by(t, row, numbers.at[i], deep, final);
	ids_release(&numbers);
	for (int i = 0; i < c->percents_n; i++)
		if (depth_of(row->confirmations, c->percents[i]) <= deep)
			row->percent = c->percents[i];
	if (row->state == TRACKED_INCLUDED && (deep >= row->confirmations || final))
		move(t->track->journal, row, TRACKED_CONFIRMED,
		    deep >= row->confirmations ? "its confirmations are there"
					       : "its block is final");
	row->deep = deep;
}

static bool is_deepening(const struct sql_tracked_get_out *row)
{
	return row->state == TRACKED_INCLUDED || row->state == TRACKED_CONFIRMED;
}

void row_deeper(struct track_chain *t, struct sql_tracked_get_out *row, uint64_t height)
{
	if (!is_deepening(row) || height < (uint64_t)row->height)
		return;
	progress(t, row, (int64_t)height + 1 - row->height, false);
	due_set(t, row);
	row_keep(t->track->journal, row);
}

void row_final(struct track_chain *t, struct sql_tracked_get_out *row, uint64_t height)
{
	uint64_t deep =
	    height < (uint64_t)row->height ? 1 : height + 1 - (uint64_t)row->height;

	if (is_deepening(row))
		progress(t, row, (int64_t)deep, true);
	if (row->state == TRACKED_CONFIRMED) {
		move(t->track->journal, row, TRACKED_FINAL, "its block is final");
		note_each(t, row, MILESTONE_FINAL, deep);
	}
	end(t, row);
	row_keep(t->track->journal, row);
}

void row_retract(struct track_chain *t, struct sql_tracked_get_out *row)
{
	bool ended = !row->no_ended_ms;

	if (row->no_height)
		return;
	if (!MUTANT(vanished_not_told))
		note(t, row, MILESTONE_RETRACTED);
	row->no_height = row->no_block_hash = row->no_by_hash = true;
	row->no_ended_ms = row->no_due = true;
	row->percent = row->deep = row->misses = 0;
	row->no_missed_ms = true;
	row->since_ms = world_wall_ms(t->track->world);
	row->round += !MUTANT(round_stays);
	row->no_looks = false;
	row->looks = LOOKS_NEVER;
	move(t->track->journal, row, TRACKED_MEMPOOL, "its block vanished");
	if (ended)
		fingers_of_row(t, row, true);
	row_keep(t->track->journal, row);
}

void row_outrun(struct track_chain *t, struct sql_tracked_get_out *row)
{
	no_guess(t, row);
	move(t->track->journal, row, TRACKED_REPLACED,
	    "its nonce is consumed, by a transaction in blocks that were not read");
	note(t, row, MILESTONE_REPLACED);
	end(t, row);
	row_keep(t->track->journal, row);
}

void row_sender(struct track_chain *t, struct sql_tracked_get_out *row,
    const struct address *from, uint64_t nonce)
{
	fingers_of_nonce(t, row, false);
	row->no_nonce = row->no_sender = false;
	row->nonce = (int64_t)nonce;
	memcpy(row->sender, from->at, sizeof row->sender);
	fingers_of_nonce(t, row, true);
}

void row_seen(
    struct track_chain *t, struct sql_tracked_get_out *row, bool included, bool believed)
{
	bool back = row->state == TRACKED_DROPPED;

	row->misses = 0;
	row->no_missed_ms = true;
	row->since_ms = world_wall_ms(t->track->world); /* it was there until now */
	if (believed && !MUTANT(guess_not_dropped))
		no_guess(t, row);
	if (!included && (back || row->state == TRACKED_UNSEEN)) {
		row->round += back;
		move(t->track->journal, row, TRACKED_MEMPOOL, "a node has it");
		note(t, row, MILESTONE_SEEN);
	}
	row_keep(t->track->journal, row);
}

/* Of a guess: the same hash on the other chains. */
struct elsewhere {
	bool sought; /* one of them is followed yet: the last one speaks for all */
	bool found;  /* it is there, or was */
};

static struct elsewhere elsewhere_of(
    struct track_chain *t, const struct sql_tracked_get_out *row)
{
	struct sql_tracked_by_hash_in in = { .hash = { 0 } };
	struct sql_tracked_by_hash_out other;
	struct elsewhere e = { 0 };

	if (!row->guess)
		return e;
	memcpy(in.hash, row->hash, sizeof in.hash);
	sql_tracked_by_hash_begin(t->track->journal, &in);
	while (sql_tracked_by_hash_next(t->track->journal, &other)) {
		if (other.id == row->id || other.state == TRACKED_EXPIRED ||
		    other.state == TRACKED_UNTRACKED)
			continue;
		e.sought = true;
		e.found |= !other.guess && other.state != TRACKED_UNSEEN;
	}
	return e;
}

/* Time in which nobody looked, or too few answered, is none in which it was missed. */
static bool is_too_late(
    struct track_chain *t, const struct sql_tracked_get_out *row, int64_t clock_ms)
{
	int64_t after_ms = t->track->config.expire_after_ms;

	if (MUTANT(absence_expires))
		return after_ms &&
		    world_wall_ms(t->track->world) - row->since_ms >= after_ms;
	return after_ms && clock_ms - row->missed_ms >= after_ms;
}

static int64_t misses_max(const struct sql_tracked_get_out *row)
{
	if (MUTANT(each_flap_is_told))
		return MISSES_MAX;
	return (int64_t)MISSES_MAX
	    << (row->round < DOUBLED_MAX ? row->round : DOUBLED_MAX);
}

void row_missed(struct track_chain *t, struct sql_tracked_get_out *row, uint64_t height)
{
	int64_t clock_ms = look_clock_ms(t);

	if (elsewhere_of(t, row).found) {
		(void)track_drop(
		    t->track->journal, row->id, world_wall_ms(t->track->world));
		return;
	}
	row->misses++;
	row->looks = (int64_t)height;
	if (row->no_missed_ms)
		row->missed_ms = clock_ms;
	row->no_missed_ms = false;
	if (row->state == TRACKED_MEMPOOL && row->misses >= misses_max(row)) {
		move(t->track->journal, row, TRACKED_DROPPED, "no node has it any more");
		note(t, row, MILESTONE_DROPPED);
	} else if (row->state != TRACKED_MEMPOOL && is_too_late(t, row, clock_ms)) {
		bool told = !elsewhere_of(t, row).sought;

		move(
		    t->track->journal, row, TRACKED_EXPIRED, "nobody had it for so long");
		if (told)
			note(t, row, MILESTONE_EXPIRED);
		end(t, row);
	} else {
		/* Most rows, a hundred of them a block. */
		sql_tracked_missed(t->track->journal,
		    &(struct sql_tracked_missed_in){ .id = row->id,
			.looks = row->looks,
			.misses = row->misses,
			.missed_ms = row->missed_ms });
		return;
	}
	row_keep(t->track->journal, row);
}

/* -- asked for, by people -------------------------------------------------- */

static void afresh(struct sql_tracked_get_out *row)
{
	row->no_height = row->no_block_hash = row->no_by_hash = true;
	row->no_ended_ms = row->no_due = true;
	row->percent = row->deep = row->misses = 0;
	row->no_missed_ms = true;
	row->round++;
	row->no_looks = false;
	row->looks = LOOKS_NEW;
}

void row_again(struct journal *j, struct sql_tracked_get_out *row,
    const struct track_wish *w, int64_t wall_ms)
{
	if (row->confirmations < w->confirmations &&
	    (row->state == TRACKED_INCLUDED || row->no_height)) {
		row->confirmations = w->confirmations;
		if (row->state == TRACKED_INCLUDED)
			row->due = row->height; /* it is set anew from there */
	}
	row->guess &= w->guess;
	if (row->state == TRACKED_EXPIRED || row->state == TRACKED_UNTRACKED) {
		afresh(row);
		row->since_ms = wall_ms;
		row->guess = w->guess;
		move(j, row, TRACKED_UNSEEN, "it was asked for again");
	}
	row_keep(j, row);
}

void row_untrack(struct journal *j, struct sql_tracked_get_out *row, int64_t wall_ms)
{
	move(j, row, TRACKED_UNTRACKED, "nobody wants to hear of it");
	row->guess = false;
	row->no_due = true;
	row->no_looks = MUTANT(fingers_stay); /* a runner forgets it */
	row->looks = LOOKS_NEW;
	row->no_ended_ms = false;
	row->ended_ms = wall_ms;
	row_keep(j, row);
}
