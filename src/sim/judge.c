#include "sim/judge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "kinds/fence/fence.h"
#include "sim/judge_in.h"
#include "sim/mempool.h"
#include "sim/oracle.h"

#define EPILOGUE_BLOCKS 4

/* What the journal says in the end. */
struct said {
	int state; /* of the operation; -1: it is not there */
	struct amount fees;
	int row[SIM_ROWS_MAX + 1];
	bool fee_paid;
};

struct sim_judge {
	struct sim_story *story;
	struct said list[SIM_LISTS_MAX];
	struct amount fence_fees[SIM_KEYS_MAX];
};

struct sim_judge *sim_judge_new(struct sim_story *s)
{
	struct sim_judge *j = mem_new(sizeof *j);

	j->story = s;
	return j;
}

void sim_judge_free(struct sim_judge *j)
{
	mem_free(j);
}

void sim_judge_begin(struct sim_judge *j)
{
	struct sim_story *s = j->story;

	memset(j, 0, sizeof *j);
	j->story = s;
}

/* -- a life begins -------------------------------------------------------------- */

static int key_of(const struct sim_story *s, const struct address *a)
{
	for (int i = 0; i < s->fate->keys; i++)
		if (address_same(a, &s->key[i].address))
			return i;
	return -1;
}

/* G1: whatever was ever shown to anybody is in the journal. */
static void rise_remembers(struct sim_life *l)
{
	struct sim_story *s = l->story;

	for (const struct sim_tx *t = s->chain->all; t; t = t->next_all) {
		struct sql_attempt_by_hash_in in;
		struct sql_attempt_by_hash_out out;

		if (t->foreign || key_of(s, &t->from->at) < 0)
			continue;
		memcpy(in.hash, t->hash.at, sizeof in.hash);
		if (!sql_attempt_by_hash_one(l->journal, &in, &out)) {
			sim_story_wrong(s,
			    "bytes of nonce %" PRIu64
			    " left, and the journal has them not",
			    t->nonce);
			return;
		}
	}
}

void sim_judge_rise(struct sim_life *l)
{
	struct sim_notes *n = &l->story->notes;
	struct owner owner;
	bool held;

	if (!journal_owner("/disk/pawl.db", &owner, &held) || !held)
		sim_story_wrong(l->story, "it owns a journal that has no owner");
	if (owner.epoch <= n->epoch)
		sim_story_wrong(
		    l->story, "epoch %" PRId64 " after %" PRId64, owner.epoch, n->epoch);
	n->epoch = owner.epoch;
	if (journal_commit_no(l->journal) <= n->commits)
		sim_story_wrong(l->story,
		    "%" PRId64 " commits were answered with OK, %" PRId64 " are there",
		    n->commits, journal_commit_no(l->journal) - 1);
	rise_remembers(l);
}

/* -- after each turn -------------------------------------------------------------- */

static void adds_up(struct sim_story *s, const struct operation *o)
{
	struct amount sum = AMOUNT_ZERO;
	int64_t n = 0;

	for (size_t i = 0; i < 5; i++) {
		n += o->by_state[i].n;
		CHECK(amount_add(&sum, &sum, &o->by_state[i].sum));
	}
	if (n != o->items || amount_cmp(&sum, &o->planned) != 0)
		sim_story_wrong(
		    s, "%s: the states of its items don't add up to the plan", o->name);
}

void sim_judge_step(struct sim_life *l)
{
	for (size_t i = 0; i < l->runner->operations_n; i++)
		adds_up(l->story, l->runner->operations[i]);
	judge_events(l);
}

void sim_judge_sent(void *life, const struct sim_tx *t)
{
	struct sim_life *l = life;

	l->story->figures.sends++;
	judge_order(l, t);
}

/* -- is it over? ------------------------------------------------------------------- */

static bool ended(const struct sim_life *l, int64_t id)
{
	const struct operation *o = runner_operation(l->runner, id);

	return o && operation_ended(o);
}

static bool no_fence(const struct sim_life *l)
{
	for (size_t i = 0; i < l->runner->operations_n; i++)
		if (!operation_ended(l->runner->operations[i]))
			return false;
	for (size_t i = 0; i < l->runner->chains[0].accounts_n; i++)
		if (l->runner->chains[0].accounts[i]->stopped ||
		    l->runner->chains[0].accounts[i]->doubt[0])
			return false;
	return true;
}

bool sim_judge_over(struct sim_life *l)
{
	for (int i = 0; i < l->story->fate->lists; i++)
		if (!l->story->list[i].wanted || !l->id_of[i] || !ended(l, l->id_of[i]))
			return false;
	return no_fence(l);
}

/* -- the end, by the journal -------------------------------------------------------- */

static void read_rows(struct said *said, struct journal *j, const struct operation *o)
{
	struct sql_item_from_in in = {
		.operation = o->id, .row = 1, .max = SIM_ROWS_MAX
	};
	struct sql_item_from_out row;
	struct totals sum[5] = { { .n = 0 } };

	sql_item_from_begin(j, &in);
	while (sql_item_from_next(j, &row)) {
		said->row[row.row] = (int)row.state;
		sum[row.state].n++;
		CHECK(amount_add(&sum[row.state].sum, &sum[row.state].sum, &row.amount));
	}
	for (int i = 0; i < 5; i++)
		if (sum[i].n != o->by_state[i].n ||
		    amount_cmp(&sum[i].sum, &o->by_state[i].sum) != 0)
			sim_story_wrong(sim_life_now()->story,
			    "%s: %" PRId64 " items are %s, its totals say %" PRId64,
			    o->name, sum[i].n, state_name(MACHINE_ITEM, i),
			    o->by_state[i].n);
}

static bool fee_is_paid(struct journal *j, int64_t id)
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

	if (!sql_account_get_one(l->journal, &in, &account))
		return;
	memcpy(at.at, account.address, sizeof at.at);
	sum = &j->fence_fees[key_of(l->story, &at)];
	CHECK(amount_add(sum, sum, &o->fees_final));
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
	rise_remembers(l);
	for (int i = 0; i < l->story->fate->lists; i++) {
		j->list[i].state = -1;
		if (!l->id_of[i] || !operation_read(l->journal, l->id_of[i], &o))
			continue;
		j->list[i].state = o.state;
		j->list[i].fees = o.fees_final;
		if (!amount_is_zero(&o.fees_held))
			sim_story_wrong(
			    l->story, "%s has ended, and fees are held for it", o.name);
		read_rows(&j->list[i], l->journal, &o);
		j->list[i].fee_paid = fee_is_paid(l->journal, o.id);
	}
	sql_operation_all_begin(l->journal);
	while (sql_operation_all_next(l->journal, &row))
		if (operation_read(l->journal, row.id, &o) &&
		    !strcmp(o.kind_name, kind_fence.name))
			read_fence(j, l, &o);
	sql_operation_all_end(l->journal);
}

/* -- the end, by the chain ------------------------------------------------------------
 */

/* What is still on its way arrives after all, and the pool is mined empty. */
static void epilogue(struct sim_chain *c)
{
	struct sim_word word;
	struct hash hash;

	for (int i = 0; i < EPILOGUE_BLOCKS; i++) {
		for (struct sim_tx *t = c->all; t; t = t->next_all)
			if (!t->foreign)
				sim_pool_send(
				    c->pools, c->head, &word, &hash, t->raw, t->raw_len);
		sim_mine(c, NULL);
	}
}

/* A final row was paid, each other one never. */
static size_t due_of(const struct sim_judge *j, int key, struct sim_due *due)
{
	static const struct address native;
	const struct sim_story *s = j->story;
	const struct address *token = s->token ? &s->token->at : &native;
	size_t n = 0;

	for (int k = 0; k < s->fate->lists; k++) {
		const struct sim_list *l = &s->list[k];

		if (l->key != key)
			continue;
		for (int i = 1; i <= l->rows; i++)
			if (j->list[k].row[i] == ITEM_FINAL)
				due[n++] =
				    (struct sim_due){ *token, l->to[i], l->amount[i] };
		if (s->fate->service_fee && j->list[k].fee_paid)
			due[n++] = (struct sim_due){ *token, l->fee_to,
				amount_u64(s->fate->service_fee) };
	}
	return n;
}

/* Nothing but what refuses coin may be left unpaid, unless somebody cancelled. */
static void all_paid(const struct sim_judge *j, int k)
{
	struct sim_story *s = j->story;
	const struct sim_list *l = &s->list[k];
	const struct said *said = &j->list[k];

	if (said->state != OPERATION_COMPLETED &&
	    !(said->state == OPERATION_CANCELLED && l->cancelled))
		sim_story_wrong(s, "%s is %s", l->name,
		    said->state < 0 ? "not there"
				    : state_name(MACHINE_OPERATION, said->state));
	for (int i = 1; i <= l->rows; i++) {
		const struct sim_account *to = sim_account_find(s->chain, &l->to[i]);

		if (said->row[i] == ITEM_FINAL || said->state == OPERATION_CANCELLED)
			continue;
		if (said->row[i] == ITEM_VOID && to && to->code == SIM_CODE_REVERTS)
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
			CHECK(amount_add(&sum, &sum, &j->list[k].fees));
	sim_ledger_read(&ledger, s->chain, &s->key[key].address);
	if (!amount_cmp(&ledger.fees, &sum))
		return;
	amount_format(said, &sum, 0);
	amount_format(charged, &ledger.fees, 0);
	sim_story_wrong(s, "fees_final is %s, the chain charged %s", said, charged);
}

void sim_judge_chain(struct sim_story *s)
{
	static struct sim_due due[SIM_LISTS_MAX * (SIM_ROWS_MAX + 1)];
	struct sim_judge *j = s->judge;
	struct buf why;

	epilogue(s->chain);
	for (int k = 0; k < s->fate->lists; k++)
		all_paid(j, k);
	for (int i = 0; i < s->fate->keys; i++) {
		buf_init(&why, 65536);
		if (!sim_oracle_holds(
			s->chain, &s->key[i].address, due, due_of(j, i, due), &why))
			sim_story_wrong(s, "%s", buf_text(&why));
		buf_release(&why);
		judge_fees(j, i);
	}
}
