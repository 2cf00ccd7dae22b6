/* judge_end.c - the end of a story: by the journal, and when nobody lives any more by
 * the chain. */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/fence/fence.h"
#include "sim/chain/mempool.h"
#include "sim/judge/judge_in.h"
#include "sim/judge/oracle.h"

#define EPILOGUE_BLOCKS 4

/* -- tokens ------------------------------------------------------------------------- */

static bool never_arrives(const struct sim_story *s)
{
	return s->token && s->token->kind >= SIM_TOKEN_FALSE;
}

/* A token may take some of it on its way. */
static struct amount arrives(const struct sim_story *s, const struct amount *amount)
{
	struct amount fee = AMOUNT_ZERO, left;
	uint64_t rest;

	if (s->token)
		CHECK(amount_mul_u64(&fee, amount, s->token->fee_per_mille));
	fee = amount_div_u64(&fee, 1000, &rest);
	CHECK(amount_sub(&left, amount, &fee));
	return left;
}

/* -- the end, by the journal -------------------------------------------------------- */

/* G6: less than planned is said. */
static void flag_see(const struct operation *o, const struct sql_item_from_out *row)
{
	struct sim_story *s = sim_life_now()->story;
	struct amount arrived = arrives(s, &row->amount);

	if (row->state == ITEM_FINAL && amount_cmp(&arrived, &row->amount) &&
	    row->no_reason)
		sim_story_wrong(s, "%s: row %" PRId64 " got less, and nobody says so",
		    o->name, row->row);
}

/* It ended before its list was read to the end: the rest of it is pending, and
 * nowhere. */
static bool is_partial(struct journal *j, const struct operation *o, int64_t there)
{
	struct sql_airdrop_get_in in = { .operation = o->id };
	struct sql_airdrop_get_out a;

	return sql_airdrop_get_one(j, &in, &a) && a.imported == there &&
	    there < o->items && o->by_state[ITEM_PENDING].n == o->items;
}

static void read_rows(
    struct judge_said *said, struct journal *j, const struct operation *o)
{
	struct sql_item_from_in in = {
		.operation = o->id, .row = 1, .max = SIM_ROWS_MAX
	};
	struct sql_item_from_out row;
	struct totals sum[5] = { { .n = 0 } };

	sql_item_from_begin(j, &in);
	while (sql_item_from_next(j, &row)) {
		said->row[row.row] = (int)row.state;
		flag_see(o, &row);
		sum[row.state].n++;
		CHECK(amount_add(&sum[row.state].sum, &sum[row.state].sum, &row.amount));
	}
	if (is_partial(j, o, sum[ITEM_PENDING].n))
		return;
	for (int i = 0; i < 5; i++)
		if (sum[i].n != o->by_state[i].n ||
		    amount_cmp(&sum[i].sum, &o->by_state[i].sum) != 0)
			sim_story_wrong(sim_life_now()->story,
			    "%s: %" PRId64 " items are %s, its totals say %" PRId64,
			    o->name, sum[i].n, state_name(MACHINE_ITEM, i),
			    o->by_state[i].n);
}

bool judge_fee_is_paid(struct journal *j, int64_t id)
{
	struct sql_intent_by_row_in in = { .operation = id, .row = 0 };
	struct sql_intent_by_row_out fee;
	bool paid = false;

	sql_intent_by_row_begin(j, &in);
	while (sql_intent_by_row_next(j, &fee)) {
		struct sql_intent_get_in of = { .id = fee.id };
		struct sql_intent_get_out got;

		paid |= sql_intent_get_one(j, &of, &got) && got.state == INTENT_FINAL;
	}
	return paid;
}

static void read_fence(struct sim_judge *j, struct sim_life *l, const struct operation *o)
{
	struct sql_account_get_in in = { .id = o->account };
	struct sql_account_get_out account;
	struct address at;
	struct amount *sum;
	int key;

	if (!sql_account_get_one(l->journal, &in, &account))
		return;
	memcpy(at.at, account.address, sizeof at.at);
	key = judge_key(l->story, &at);
	sum = &j->fence_fees[key];
	CHECK(amount_add(sum, sum, &o->fees_final));
	j->fence_open[key] |= o->state != OPERATION_COMPLETED;
	if (l->story->out)
		sim_story_note(
		    l->story, "%s: %s", o->name, state_name(MACHINE_OPERATION, o->state));
}

static void read_list(struct sim_life *l, int at)
{
	struct sim_judge *j = l->story->judge;
	struct judge_said *said = sim_chain_take(l->story->chain, sizeof *said);
	struct operation o;

	j->said[at] = said;
	said->state = -1;
	if (!l->id_of[at] || !operation_read(l->journal, l->id_of[at], &o))
		return;
	said->state = o.state;
	said->fees = o.fees_final;
	if (!amount_is_zero(&o.fees_held))
		sim_story_wrong(
		    l->story, "%s has ended, and fees are held for it", o.name);
	read_rows(said, l->journal, &o);
	said->fee_paid = judge_fee_was_paid(l, at, &o);
}

void sim_judge_journal(struct sim_life *l)
{
	struct sim_judge *j = l->story->judge;
	struct sql_operation_all_out row;
	int64_t operation, commit = journal_check_events(l->journal, &operation);
	struct operation o;
	char why[300];

	if (commit)
		sim_story_wrong(l->story,
		    "the chain of events breaks at commit %" PRId64
		    ", operation %" PRId64,
		    commit, operation);
	if (!journal_check_pages(l->journal, why, sizeof why))
		sim_story_wrong(l->story, "%s", why);
	if (!l->story->broken)
		judge_remembers(l);
	else
		judge_forgotten(l);
	judge_uses(l);
	judge_heard_end(l);
	judge_archives_end(l);
	for (int i = 0; i < l->story->fate->lists; i++)
		read_list(l, i);
	sql_operation_all_begin(l->journal);
	while (sql_operation_all_next(l->journal, &row))
		if (operation_read(l->journal, row.id, &o) &&
		    !strcmp(o.kind_name, kind_fence.name))
			read_fence(j, l, &o);
	sql_operation_all_end(l->journal);
}

/* -- the end, by the chain ---------------------------------------------------------- */

/* What is still on its way arrives after all, and the pool is mined empty. */
static void epilogue(struct sim_chain *c)
{
	struct sim_word word;
	struct hash hash;

	c->miner = c->pools;
	for (int i = 0; i < EPILOGUE_BLOCKS; i++) {
		for (struct sim_tx *t = c->all; t; t = t->next_all)
			if (!t->foreign)
				sim_pool_send(
				    c->pools, c->head, &word, &hash, t->raw, t->raw_len);
		sim_mine(c, NULL);
	}
}

/* What the journal has not of what pays them. */
static void forgotten_count(struct sim_judge *j, int key)
{
	const struct sim_chain *c = j->story->chain;
	const struct judge_account *a = &j->account[key];
	struct address to;
	struct amount amount;

	for (uint64_t n = 0; n < a->n; n++)
		for (const struct judge_bytes *b = a->at[n].bytes; b; b = b->older) {
			const struct sim_inclusion *i =
			    b->forgotten ? sim_inclusion_find(c, c->head, b->tx) : NULL;

			if (i && judge_paid(j->story, i) &&
			    judge_payment(j->story, b->tx, &to, &amount))
				judge_due_get(j, &to, &amount)->forgotten++;
		}
}

/* A list that was cancelled before an older journal saw again what was paid. */
static bool was_forgotten(const struct sim_judge *j, int list, int row)
{
	const struct judge_row *r = j->list[list].row;

	return j->said[list]->state == OPERATION_CANCELLED && r &&
	    r[row].due->forgotten && r[row].due->forgotten--;
}

/* A final row was paid, each other one never. */
static size_t due_of(struct sim_judge *j, int key, struct sim_due *due)
{
	static const struct address native;
	const struct sim_story *s = j->story;
	const struct address *token = s->token ? &s->token->at : &native;
	const struct amount fee = amount_u64(s->fate->service_fee);
	size_t n = 0;

	for (int k = 0; k < s->fate->lists; k++) {
		const struct sim_list *l = &s->list[k];

		if (l->key != key)
			continue;
		for (int i = 1; i <= l->rows; i++)
			if (j->said[k]->row[i] == ITEM_FINAL || was_forgotten(j, k, i))
				due[n++] = (struct sim_due){ *token, l->to[i],
					arrives(s, &l->amount[i]) };
		if (s->fate->service_fee &&
		    (j->said[k]->fee_paid || was_forgotten(j, k, 0)))
			due[n++] =
			    (struct sim_due){ *token, l->fee_to, arrives(s, &fee) };
	}
	return n;
}

/* Nothing but what can't be paid may be left, unless somebody cancelled. */
static void all_paid(const struct sim_judge *j, int k)
{
	struct sim_story *s = j->story;
	const struct sim_list *l = &s->list[k];
	const struct judge_said *said = j->said[k];

	if (said->state != OPERATION_COMPLETED &&
	    !(said->state == OPERATION_CANCELLED && l->cancelled))
		sim_story_wrong(s, "%s is %s", l->name,
		    said->state < 0 ? "not there"
				    : state_name(MACHINE_OPERATION, said->state));
	for (int i = 1; i <= l->rows; i++) {
		const struct sim_account *to = sim_account_find(s->chain, &l->to[i]);

		if (said->row[i] == ITEM_FINAL || said->state == OPERATION_CANCELLED ||
		    (said->row[i] == ITEM_VOID && (l->skipped[i] || s->by_hand)))
			continue; /* what was paid by hand may have failed */
		if (said->row[i] == ITEM_VOID &&
		    (never_arrives(s) || (to && to->code == SIM_CODE_REVERTS)))
			continue;
		sim_story_wrong(s, "%s: row %d is %s", l->name, i,
		    state_name(MACHINE_ITEM, said->row[i]));
	}
	if (s->fate->service_fee && !said->fee_paid && said->state == OPERATION_COMPLETED)
		sim_story_wrong(s, "%s: the service fee is not paid", l->name);
}

static void judge_fees(const struct sim_judge *j, int key)
{
	struct sim_story *s = j->story;
	struct amount sum = j->fence_fees[key];
	char said[AMOUNT_TEXT_MAX], charged[AMOUNT_TEXT_MAX];
	struct sim_ledger ledger;

	for (int k = 0; k < s->fate->lists; k++)
		if (s->list[k].key == key)
			CHECK(amount_add(&sum, &sum, &j->said[k]->fees));
	sim_ledger_read(&ledger, s->chain, &s->key[key].address);
	if (!amount_cmp(&ledger.fees, &sum) ||
	    ((s->broken || j->fence_open[key]) && amount_cmp(&sum, &ledger.fees) < 0) ||
	    (s->by_hand && amount_cmp(&sum, &ledger.fees) > 0))
		return; /* what was adopted is a row's cost */
	amount_format(said, &sum, 0);
	amount_format(charged, &ledger.fees, 0);
	sim_story_wrong(s, "fees_final is %s, the chain charged %s", said, charged);
}

/* Where it can't be helped it is said: by a stop, a doubt, or the rows themselves. Of a
 * journal that was set back in silence only what was mined in its life can be: seen so
 * many too many. */
static void is_said(const struct sim_judge *j, uint64_t seen)
{
	uint64_t more = judge_paid_more(j);
	unsigned lost = SIM_GROUND_KEPT | SIM_GROUND_NEWEST | SIM_GROUND_SYNC;

	if (!(j->story->broken & ~lost) && !judge_excess_is_lost(j))
		sim_story_wrong(
		    j->story, "what was final when a journal was lost is paid again");

	if (j->story->broken & SIM_GROUND_ALONE)
		more = seen;
	if (more && !j->said_so)
		sim_story_wrong(
		    j->story, "%" PRIu64 " payments too many, and nobody was told", more);
}

/* Rows of a list that was cancelled before the journal saw again that they are paid. */
static uint64_t forgotten(const struct sim_judge *j, int key)
{
	const struct sim_story *s = j->story;
	uint64_t n = 0;

	for (int k = 0; k < s->fate->lists; k++)
		for (int i = 1; s->list[k].key == key && i <= s->list[k].rows; i++)
			n += j->said[k]->state == OPERATION_CANCELLED &&
			    j->said[k]->row[i] != ITEM_FINAL;
	return n;
}

/* -- how it ended, for people ----------------------------------------------------------
 */

/* Rows that pay the same as one before them. */
static int equal_rows(const struct sim_list *l)
{
	int n = 0;

	for (int i = 2; i <= l->rows; i++)
		for (int k = 1; k < i; k++)
			if (address_same(&l->to[i], &l->to[k]) &&
			    amount_cmp(&l->amount[i], &l->amount[k]) == 0) {
				n++;
				break;
			}
	return n;
}

static void list_note(struct sim_story *s, int at)
{
	const struct judge_said *said = s->judge->said[at];
	const struct sim_list *l = &s->list[at];
	int n[5] = { 0 }, equal = equal_rows(l);
	struct buf text;

	if (said->state < 0)
		return;
	buf_init(&text, 300);
	for (int row = 1; row <= l->rows; row++)
		n[said->row[row]]++;
	for (int i = 0; i < 5; i++)
		if (n[i])
			buf_addf(&text, "%s%d %s", text.len ? ", " : "", n[i],
			    state_name(MACHINE_ITEM, i));
	if (equal)
		buf_addf(&text, "; %d pays what another does", equal);
	sim_story_note(s, "%s: %s, %d rows: %s", l->name,
	    state_name(MACHINE_OPERATION, said->state), l->rows, buf_text(&text));
	buf_release(&text);
}

void sim_judge_chain(struct sim_story *s)
{
	static struct sim_due due[SIM_LISTS_MAX * (SIM_ROWS_MAX + 1)];
	struct sim_judge *j = s->judge;
	uint64_t seen;
	struct buf why;

	judge_follow(j);
	seen = judge_paid_more(j);
	epilogue(s->chain);
	judge_follow(j);
	is_said(j, seen);
	for (int k = 0; k < s->fate->lists; k++)
		all_paid(j, k);
	for (int i = 0; i < s->fate->keys; i++) {
		size_t n;

		forgotten_count(j, i);
		n = due_of(j, i, due);
		buf_init(&why, 65536);
		if (!judge_is_strict(s)
			? !sim_oracle_bounds(s->chain, &s->key[i].address, due, n,
			      (uint64_t)s->config.max_in_flight + forgotten(j, i), &why)
			: !sim_oracle_holds(s->chain, &s->key[i].address, due, n, &why))
			sim_story_wrong(s, "%s", buf_text(&why));
		buf_release(&why);
		judge_fees(j, i);
	}
	for (int k = 0; k < s->fate->lists && s->out; k++)
		list_note(s, k);
}
