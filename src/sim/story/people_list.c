/* people_list.c - who pays a list, as `pawl airdrop run` does beside an owner: what the
 * journal knows is held against it, then it goes over the socket, a part at a time.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "engine/account.h"
#include "engine/past.h"
#include "journal/sql.gen.h"
#include "serve/submit/handover.h"
#include "serve/submit/intake.h"
#include "sim/story/people_in.h"

#define PART_ROWS 25
#define BODY_MAX ((size_t)64 * 1024)
#define AGAIN_MS 1000
#define POLL_MS 100
#define BACK_BLOCKS 12
#define SILENCE_MS 3500 /* another one seems to send it */

/* -- the plan ------------------------------------------------------------- */

static void plan_make(const struct sim_story *s, const struct sim_list *l,
    struct airdrop_facts *ret, uint8_t plan[32], struct amount *ret_total)
{
	struct plan_header header = { .chain_id = s->config.chain_id,
		.genesis = s->chain->genesis->hash,
		.token = s->fate->token,
		.decimals = 18,
		.sender = s->key[l->key].address,
		.service_fee = amount_u64(s->fate->service_fee),
		.service_fee_to = l->fee_to };
	struct plan_hash *h;

	*ret = (struct airdrop_facts){ .has_token = s->fate->token,
		.decimals = 18,
		.fee_amount = header.service_fee,
		.fee_to = l->fee_to };
	ret->gas = ret->fee_gas =
	    s->token ? connector_evm.gas_token : connector_evm.gas_coin;
	if (s->token)
		ret->token = header.token_address = s->token->at;
	snprintf(ret->symbol, sizeof ret->symbol, "%s", s->token ? "TKN" : "");
	snprintf(ret->file, sizeof ret->file, "/lists/%s.csv", l->name);
	h = plan_hash_begin(&header);
	*ret_total = AMOUNT_ZERO;
	for (int i = 1; i <= l->rows; i++) {
		plan_hash_row(h, &l->to[i], &l->amount[i], NULL, 0);
		CHECK(amount_add(ret_total, ret_total, &l->amount[i]));
	}
	plan_hash_end(h, plan);
}

/* -- what the journal knows ----------------------------------------------- */

static int64_t find(struct journal *j, const char *name)
{
	struct sql_operation_by_name_in in = { .name = name };
	struct sql_operation_by_name_out out;

	return sql_operation_by_name_one(j, &in, &out) ? out.id : 0;
}

/* The account, if all that it did before is known. */
static int64_t account_find(
    struct sim_life *l, const struct sim_list *list, int64_t chain)
{
	struct sql_account_by_address_in in = { .chain = chain };
	struct sql_account_by_address_out found;
	struct sql_account_get_in of;
	struct sql_account_get_out row;

	memcpy(in.address, l->story->key[list->key].address.at, sizeof in.address);
	if (!sql_account_by_address_one(l->journal, &in, &found))
		return 0;
	of.id = found.id;
	return sql_account_get_one(l->journal, &of, &row) && !row.no_past_from ? found.id
									       : 0;
}

/* Rows of it that the account has paid and no item knows; rows that others pay. */
static void compare(struct sim_life *l, const struct sim_list *list, int64_t chain,
    int64_t *ret_unclaimed, int64_t *ret_equal)
{
	const struct sim_story *s = l->story;
	struct airdrop_facts asset = { .has_token = s->fate->token };
	struct amount fee = amount_u64(s->fate->service_fee);
	int64_t account = account_find(l, list, chain);

	if (s->token)
		asset.token = s->token->at;
	*ret_unclaimed = *ret_equal = 0;
	if (account && !amount_is_zero(&fee))
		*ret_unclaimed +=
		    airdrop_unclaimed(l->journal, &asset, account, &list->fee_to, &fee);
	for (int i = 1; i <= list->rows; i++) {
		const struct address *to = &list->to[i];
		const struct amount *amount = &list->amount[i];

		if (account && airdrop_unclaimed(l->journal, &asset, account, to, amount))
			++*ret_unclaimed;
		if (airdrop_equal(l->journal, &asset, chain, 0, to, amount))
			++*ret_equal;
	}
}

static bool another_is_read(struct sim_life *l)
{
	struct sql_airdrop_half_in in = { .chain_id =
					      (int64_t)l->story->config.chain_id };
	struct sql_airdrop_half_out half;

	return sql_airdrop_half_one(l->journal, &in, &half);
}

/* -- it is asked for ------------------------------------------------------ */

static void ask(struct sim_life *l, int at, enum route route, struct buf *body)
{
	struct request q = { .route = route };

	snprintf(q.name, sizeof q.name, "%s", l->story->list[at].name);
	sim_people_ask(l, &q, at, body);
}

static int64_t newest(struct journal *j)
{
	struct sql_operation_newest_out row;

	return sql_operation_newest_one(j, &row) && !row.no_id ? row.id : 0;
}

/* It is held against the journal, unless nothing has come since the last time. */
static void compare_once(struct sim_life *l, int at, int64_t chain)
{
	const struct sim_list *list = &l->story->list[at];
	int64_t account = account_find(l, list, chain);

	if (!journal_changed(l->journal, &l->compared[at].mark))
		return;
	compare(l, list, chain, &l->compared[at].unclaimed, &l->compared[at].equal);
	l->compared[at].past = account ? past_payments(l->journal, account) : -1;
}

static void handover_fill(
    const struct sim_life *l, int at, struct handover *ret, const char *behind)
{
	const struct sim_story *s = l->story;
	const struct sim_list *list = &s->list[at];

	*ret = (struct handover){ .chain_id = s->config.chain_id,
		.genesis = s->chain->genesis->hash,
		.sender = s->key[list->key].address,
		.rows = list->rows,
		.seen = newest(l->journal),
		.past = l->compared[at].past,
		.cap = list->cap };
	plan_make(s, list, &ret->facts, ret->plan, &ret->planned);
	snprintf(ret->name, sizeof ret->name, "%s%s", list->name, behind);
	snprintf(ret->key, sizeof ret->key, "%s", s->key[list->key].name);
	snprintf(ret->chain, sizeof ret->chain, "%s", s->config.name);
}

static void ask_create(struct sim_life *l, int at, int64_t chain)
{
	struct sim_story *s = l->story;
	struct handover h;
	struct buf body;

	compare_once(l, at, chain);
	if (l->compared[at].equal)
		sim_story_wrong(s, "%s: %lld rows are taken for those of another list",
		    s->list[at].name, (long long)l->compared[at].equal);
	handover_fill(l, at, &h, "");
	h.facts.adopt = l->compared[at].unclaimed > 0;
	buf_init(&body, BODY_MAX);
	CHECK(handover_encode(&body, &h));
	if (h.facts.adopt)
		sim_story_did(s, SIM_DID_ADOPTED_LIST);
	ask(l, at, ROUTE_CREATE, &body);
}

static void ask_run(struct sim_life *l, int at)
{
	const struct sim_list *list = &l->story->list[at];
	struct request q = { .route = ROUTE_RUN, .has_plan = true };
	struct airdrop_facts facts;
	struct amount total;

	for (int i = 0; i < l->story->receivers; i++)
		if (list->hears >> i & 1) {
			char whom[80];

			snprintf(whom, sizeof whom, "%s:%s", sim_receiver_channel(i),
			    sim_receiver_target(i));
			CHECK(request_notify(&q, whom, NULL) == ERR_OK);
		}
	snprintf(q.name, sizeof q.name, "%s", list->name);
	plan_make(l->story, list, &facts, q.plan, &total);
	sim_people_ask(l, &q, at, NULL);
}

/* The next ones, but for one. */
static void rows_encode(
    struct buf *out, const struct sim_list *list, int64_t first, int64_t missing)
{
	buf_init(out, BODY_MAX);
	for (int64_t i = first; i <= list->rows && i < first + PART_ROWS; i++)
		if (i != missing)
			handover_row_encode(out,
			    &(struct list_row){ .row = i,
				.line = i + 1,
				.to = list->to[i],
				.amount = list->amount[i] });
}

static void ask_rows(struct sim_life *l, int at)
{
	struct buf body;

	rows_encode(&body, &l->story->list[at], l->sent[at] + 1, 0);
	ask(l, at, ROUTE_ROWS, &body);
}

/* Somebody else sends a part that has a hole. */
static bool spoilt_part(struct sim_life *l, int at)
{
	struct sim_list *list = &l->story->list[at];
	struct request q = { .route = ROUTE_ROWS };
	int64_t first = l->sent[at] + 1;
	struct buf body;

	if (list->edit != SIM_EDIT_PART || first == 1 || first + 2 > list->rows)
		return false;
	list->edit = 0;
	snprintf(q.name, sizeof q.name, "%s", list->name);
	rows_encode(&body, list, first, first + 1);
	sim_people_ask(l, &q, SIM_EDITED, &body);
	return true;
}

static void go_on(struct sim_life *l, int at)
{
	struct chain_run *c = runner_chain(l->runner, l->story->config.name);

	if (!l->id_of[at])
		l->id_of[at] = find(l->journal, l->story->list[at].name);
	if (!l->id_of[at]) {
		if (c->id && !another_is_read(l))
			ask_create(l, at, c->id);
	} else if (!l->asked[at]) {
		ask_run(l, at);
	} else if (l->sent[at] < l->story->list[at].rows) {
		if (!spoilt_part(l, at))
			ask_rows(l, at);
	} else {
		l->listed[at] = true;
	}
}

/* Where each is run by somebody of its own, one comes back later than another. */
void sim_people_rise(struct sim_story *s)
{
	uint64_t most_ms = BACK_BLOCKS * (uint64_t)s->fate->interval_ms;

	for (int i = 0; i < s->fate->lists && s->fate->run; i++)
		if (sim_random_hit(&s->process_dice, 400))
			s->list[i].not_before_ms = s->chain->now_ms +
			    (int64_t)sim_random_below(&s->process_dice, most_ms);
}

void sim_people_create(struct sim_life *l)
{
	struct sim_story *s = l->story;

	for (int i = 0; i < s->fate->lists && !l->answer; i++)
		if (s->list[i].wanted && !l->listed[i] &&
		    s->list[i].not_before_ms <= s->chain->now_ms)
			go_on(l, i);
}

/* -- and answered --------------------------------------------------------- */

static void created(struct sim_life *l, int at, const struct told *told)
{
	struct sim_list *list = &l->story->list[at];

	if (!told->operation) { /* what its account did before is being read */
		list->not_before_ms = l->story->chain->now_ms + POLL_MS;
		return;
	}
	l->id_of[at] = told->operation;
	list->known = true;
	sim_story_line(l->story, "%s is created, %d rows", list->name, list->rows);
}

static void refused(
    struct sim_life *l, int at, enum route route, enum err e, const char *why)
{
	struct sim_list *list = &l->story->list[at];

	l->asked[at] = false;
	l->id_of[at] = 0;
	list->not_before_ms =
	    l->story->chain->now_ms + (route == ROUTE_ROWS ? SILENCE_MS : AGAIN_MS);
	if (e != ERR_STALE && e != ERR_NO_QUORUM && e != ERR_DISK_FULL)
		sim_story_wrong(
		    l->story, "%s can't be run: %s: %s", list->name, err_name(e), why);
}

/* When some rows are there, or none where one part would be all. */
static void leaves(
    struct sim_story *s, struct sim_list *list, enum route route, const struct told *told)
{
	if (!list->leaves_ms || told->imported >= told->rows ||
	    route != (list->rows > PART_ROWS ? ROUTE_ROWS : ROUTE_RUN))
		return;
	list->not_before_ms += list->leaves_ms;
	list->leaves_ms = 0;
	sim_story_line(s, "who sends %s goes away", list->name);
	sim_story_did(s, SIM_DID_LEFT);
}

static bool are_named(
    const struct sim_story *s, const struct sim_list *list, const char *text)
{
	bool all = true;

	for (int i = 0; i < s->receivers; i++)
		all &= !(list->hears >> i & 1) || strstr(text, sim_receiver_target(i));
	return all;
}

void sim_people_list_told(struct sim_life *l, const struct sim_answer *a)
{
	struct sim_list *list = &l->story->list[a->list];

	if (a->e != ERR_OK) {
		sim_story_line(
		    l->story, "%s: %s: %s", list->name, err_name(a->e), a->f.why);
		refused(l, a->list, a->q.route, a->e, a->f.why);
		return;
	}
	list->not_before_ms = l->story->chain->now_ms;
	if (a->q.route == ROUTE_CREATE) {
		created(l, a->list, &a->told);
		return;
	}
	if (a->q.route == ROUTE_RUN) /* somebody may have been named since */
		l->asked[a->list] = are_named(l->story, list, a->q.text);
	l->sent[a->list] = a->told.imported;
	if (a->q.route == ROUTE_RUN && a->told.imported < a->told.rows)
		l->sent[a->list] = 0;
	leaves(l->story, list, a->q.route, &a->told);
}

/* -- a list that was edited ----------------------------------------------- */

/* The file under another name, with another row at times: the rows are paid already. */
static void under_another_name(struct sim_life *l, int at, bool edited)
{
	const struct sim_list *list = &l->story->list[at];
	static struct sim_list other;
	struct operation o;
	struct chain_run *c = runner_chain(l->runner, l->story->config.name);
	int64_t unclaimed, equal;

	if (!operation_read(l->journal, l->id_of[at], &o))
		return;
	other = *list;
	if (edited)
		other.to[1].at[1] = 0x51;
	compare(l, &other, c->id, &unclaimed, &equal);
	sim_story_line(l->story, "%s under another name: %lld of %d rows are another's",
	    list->name, (long long)equal, list->rows);
	sim_story_did(l->story, SIM_DID_EDITED);
	if (equal < o.items - o.by_state[ITEM_VOID].n - edited)
		sim_story_wrong(l->story, "%s is taken for another list", list->name);
}

/* Its plan is another one. */
static void under_its_name(struct sim_life *l, int at)
{
	struct request q = { .route = ROUTE_RUN, .has_plan = true };

	snprintf(q.name, sizeof q.name, "%s", l->story->list[at].name);
	memset(q.plan, 0xed, sizeof q.plan);
	sim_people_ask(l, &q, SIM_EDITED, NULL);
}

/* It would be another operation, by a plan that is not good any more; or one that says
 * more than this program can read. */
static void handed_over(struct sim_life *l, int at, bool newer)
{
	static const char more[] = ",\"until\":5}\n";
	struct request q = { .route = ROUTE_CREATE };
	struct handover h;
	struct buf body;

	compare_once(l, at, runner_chain(l->runner, l->story->config.name)->id);
	handover_fill(l, at, &h, newer ? "-newer" : "-unseen");
	h.seen -= !newer;
	snprintf(q.name, sizeof q.name, "%s", h.name);
	buf_init(&body, BODY_MAX);
	CHECK(handover_encode(&body, &h));
	if (newer) {
		body.len -= strlen("}\n");
		buf_add(&body, more, strlen(more));
	}
	sim_people_ask(l, &q, SIM_EDITED, &body);
}

void sim_people_edit(struct sim_life *l)
{
	struct sim_story *s = l->story;
	bool knows = runner_chain(l->runner, s->config.name)->id != 0;

	for (int i = 0; i < s->fate->lists && !l->answer; i++) {
		int how = s->list[i].edit;

		if (!knows || !how || how == SIM_EDIT_PART || !l->listed[i] ||
		    s->list[i].cancelled)
			continue;
		s->list[i].edit = 0;
		if (how == SIM_EDIT_ROWS)
			under_its_name(l, i);
		else if (how >= SIM_EDIT_UNSEEN)
			handed_over(l, i, how == SIM_EDIT_NEWER);
		else
			under_another_name(l, i, how == SIM_EDIT_BOTH);
	}
}
