/* people.c - whoever types commands, and the operator, who types what he is told to.
 *
 * They outlive the processes: who was not answered asks again. A command is the program's
 * own (serve/command.h), in a turn of the owner, and counts when that is committed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "engine/account.h"
#include "engine/past.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "kinds/fence/fence.h"
#include "sim/story.h"

#define LOOK_MS 3000
#define AGAIN_MS 2000
#define ROWS_A_TURN 40
#define CAP_TEXT "1000000"

/* -- wishes ---------------------------------------------------------------------- */

static void wish_add(
    struct sim_story *s, const struct request *q, int64_t after_ms, bool by_operator)
{
	struct sim_people *p = &s->people;

	if (p->wishes == SIM_WISHES)
		return; /* nobody has so much patience */
	p->wish[p->wishes++] = (struct sim_wish){ .q = *q,
		.not_before_ms = s->chain->now_ms + after_ms,
		.by_operator = by_operator };
}

void sim_people_wish(struct sim_story *s, const struct request *q, int64_t after_ms)
{
	wish_add(s, q, after_ms, false);
}

static void wish_drop(struct sim_people *p, int i)
{
	memmove(
	    &p->wish[i], &p->wish[i + 1], (size_t)(--p->wishes - i) * sizeof *p->wish);
}

/* -- the line that is to be typed ---------------------------------------------------- */

static bool word_take(const char **at, char *out, size_t size)
{
	size_t len = strcspn(*at, " ;,\n");

	if (!len || len >= size)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	*at += **at == ' ';
	return true;
}

static bool resume_parse(struct request *ret, const char *at)
{
	char word[REQUEST_NAME_MAX];

	if (!word_take(&at, word, sizeof word))
		return false;
	ret->route = ROUTE_RESUME;
	if (!strncmp(word, "chain:", 6) || !strncmp(word, "key:", 4))
		ret->route = word[0] == 'c' ? ROUTE_RESUME_CHAIN : ROUTE_RESUME_KEY;
	snprintf(ret->name, sizeof ret->name, "%s",
	    ret->route == ROUTE_RESUME ? word : strchr(word, ':') + 1);
	while (word_take(&at, word, sizeof word))
		if (!strcmp(word, "--yes"))
			ret->yes = true;
		else if (!strcmp(word, "--max-total-fee"))
			snprintf(ret->cap, sizeof ret->cap, CAP_TEXT);
		else
			break;
	return true;
}

static bool row_parse(struct request *ret, const char *word)
{
	ret->has_row = true;
	ret->row = strcmp(word, "fee") ? strtoll(word, NULL, 10) : 0;
	return ret->row > 0 || !strcmp(word, "fee");
}

static bool repair_line_parse(struct request *ret, const char *at)
{
	char word[REQUEST_NAME_MAX];

	ret->route = ROUTE_REPAIR;
	if (!word_take(&at, word, sizeof word))
		return false;
	snprintf(ret->name, sizeof ret->name, "%s", word);
	if (!word_take(&at, word, sizeof word) || !row_parse(ret, word) ||
	    !word_take(&at, word, sizeof word))
		return false;
	ret->repair = repair_parse(word);
	if (ret->repair != REPAIR_ADOPT)
		return ret->repair != REPAIR_NOT;
	ret->has_hash = word_take(&at, word, sizeof word) && strlen(word) == 66 &&
	    hex_parse(ret->hash, 32, word + 2, 64);
	return ret->has_hash;
}

static bool line_parse(struct request *ret, const char *line)
{
	char verb[16];

	*ret = (struct request){ .route = ROUTE_COUNT };
	line += strlen("pawl ");
	if (!word_take(&line, verb, sizeof verb))
		return false;
	if (!strcmp(verb, "resume"))
		return resume_parse(ret, line);
	return !strcmp(verb, "repair") && repair_line_parse(ret, line);
}

/* The last line of a sentence; false: it names none. */
static bool advice_take(struct request *ret, const char *why)
{
	const char *at = strstr(why, "then: pawl ");
	bool found = false;

	for (; at; at = strstr(at + 1, "then: pawl "))
		found |= line_parse(ret, at + strlen("then: "));
	return found;
}

/* -- the operator ----------------------------------------------------------------------
 */

static void types(struct sim_story *s, struct request *q)
{
	q->yes |= s->people.yes;
	wish_add(s, q, 0, true);
}

static bool looks_at_accounts(struct sim_story *s, const struct chain_run *c)
{
	struct request q;

	for (size_t i = 0; i < c->accounts_n; i++) {
		if (!c->accounts[i]->stopped)
			continue;
		if (advice_take(&q, c->accounts[i]->why_stopped))
			types(s, &q);
		else
			sim_story_wrong(
			    s, "no line to type: %s", c->accounts[i]->why_stopped);
		return true;
	}
	return false;
}

static void looks(struct sim_life *l)
{
	const struct chain_run *c = &l->runner->chains[0];
	struct request q = { .route = ROUTE_RESUME_CHAIN };

	if (follower_stopped(c->follower)) {
		snprintf(q.name, sizeof q.name, "%s", c->config->name);
		types(l->story, &q);
		return;
	}
	if (looks_at_accounts(l->story, c))
		return;
	for (size_t i = 0; i < l->runner->operations_n; i++) {
		const struct operation *o = l->runner->operations[i];

		if (advice_take(&q, o->waits_for)) {
			types(l->story, &q);
			return;
		}
		if (o->state == OPERATION_NEEDS_OPERATOR)
			sim_story_wrong(
			    l->story, "%s: no line to type: %s", o->name, o->waits_for);
	}
}

/* What was refused names other lines: those first, then again, with --yes. */
static void refused(struct sim_story *s, const char *why)
{
	struct request q;
	const char *at = why;

	s->people.refused++;
	while ((at = strstr(at, "pawl repair "))) {
		if (line_parse(&q, at))
			wish_add(s, &q, 0, true);
		at++;
	}
	s->people.yes = true;
}

/* -- answers ---------------------------------------------------------------------------
 */

struct sim_answer {
	struct fact fact;
	struct sim_life *life;
	bool given;
	struct request q;
	enum err e;
	struct told told;
	struct fail f;
};

static void answer_take(struct runner *r, struct fact *fact)
{
	struct sim_answer *a = (struct sim_answer *)fact;
	struct command_at at = { .world = a->life->world,
		.journal = a->life->journal,
		.runner = r,
		.face = &a->life->story->face };
	size_t mark = outbox_mark(r->outbox);

	command_prepare(&at, &a->q);
	journal_save(at.journal);
	a->e = command_do(&at, &a->q, &a->told, &a->f);
	a->given = true;
	if (a->e == ERR_OK) {
		journal_save_keep(at.journal);
		r->again = true;
	} else {
		journal_save_drop(at.journal);
		outbox_truncate(r->outbox, mark);
	}
}

/* The answer is told after the commit, if there is one. */
static void answer_keep(struct fact *fact)
{
	struct sim_answer *a = (struct sim_answer *)fact;

	if (!a->given)
		mem_free(a);
}

static void cap_is_asked(struct sim_story *s, const struct request *q)
{
	struct amount cap;

	for (int i = 0; i < s->fate->lists && q->cap[0]; i++)
		if (!strcmp(q->name, s->list[i].name) &&
		    amount_parse(&cap, q->cap, strlen(q->cap), 18) == AMOUNT_OK &&
		    amount_cmp(&cap, &s->list[i].cap) > 0)
			s->list[i].cap = cap;
}

static void asks(struct sim_life *l, struct sim_wish *w)
{
	struct sim_answer *a = mem_new(sizeof *a);

	a->fact = (struct fact){ .take = answer_take, .free = answer_keep };
	a->life = l;
	a->q = w->q;
	l->answer = a;
	cap_is_asked(l->story, &a->q);
	runner_fact(l->runner, &a->fact);
}

void sim_people_turn(struct sim_life *l)
{
	struct sim_people *p = &l->story->people;
	int64_t now_ms = l->story->chain->now_ms;

	if (!p->wishes && now_ms >= p->look_ms) {
		p->look_ms = now_ms + LOOK_MS;
		looks(l);
	}
	for (int i = 0; i < p->wishes; i++)
		if (p->wish[i].not_before_ms <= now_ms) {
			struct sim_wish first = p->wish[i];

			wish_drop(p, i);
			memmove(&p->wish[1], &p->wish[0],
			    (size_t)p->wishes++ * sizeof *p->wish);
			p->wish[0] = first;
			asks(l, &p->wish[0]);
			return;
		}
}

void sim_people_told(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct sim_answer *a = l->answer;
	struct sim_wish *w = &s->people.wish[0];

	if (!a)
		return;
	l->answer = NULL;
	if (a->e == ERR_NO_QUORUM) {
		w->not_before_ms = s->chain->now_ms + AGAIN_MS;
	} else {
		bool by_operator = w->by_operator;

		wish_drop(&s->people, 0);
		if (by_operator && a->e == ERR_CONFLICT)
			refused(s, a->f.why);
		else if (by_operator && a->e == ERR_OK && a->q.route != ROUTE_REPAIR)
			s->people.yes = false;
		s->people.resumed += by_operator && a->e == ERR_OK;
	}
	sim_story_line(s, "asked %d %s: %s %s", (int)a->q.route, a->q.name,
	    err_name(a->e), a->e ? a->f.why : "");
	mem_free(a);
}

/* -- lists
 * -------------------------------------------------------------------------------- */

void sim_people_plan(const struct sim_story *s, const struct sim_list *l,
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

static struct airdrop_new new_of(
    const struct sim_story *s, const struct sim_list *l, int64_t chain)
{
	struct airdrop_new new = { .name = l->name,
		.key_name = s->key[l->key].name,
		.chain = chain,
		.sender = s->key[l->key].address,
		.items = l->rows,
		.in_flight_max = s->config.max_in_flight,
		.cap = l->cap,
		.fee_cap = s->config.max_fee_per_gas };

	sim_people_plan(s, l, &new.facts, new.plan, &new.planned);
	return new;
}

/* False: the disk was full, or it is too early. */
static bool committed(struct sim_life *l)
{
	struct fail f = { 0 };

	return journal_commit(l->journal, &f) == ERR_OK;
}

static int64_t find(struct journal *j, const char *name)
{
	struct sql_operation_by_name_in in = { .name = name };
	struct sql_operation_by_name_out out;

	return sql_operation_by_name_one(j, &in, &out) ? out.id : 0;
}

/* What its account did before is read first. */
static bool past_is_read(struct sim_life *l, const struct airdrop_new *new)
{
	struct account *a;
	int64_t id = airdrop_account(l->journal, new);

	if (!committed(l))
		return false;
	a = account_begin(l->runner, &l->runner->chains[0], id);
	return a && past_read(a);
}

static void create(struct sim_life *l, struct sim_list *list, int at)
{
	struct chain_run *c = runner_chain(l->runner, l->story->config.name);
	struct airdrop_new new;
	int64_t id;

	if (!c->id)
		return;
	new = new_of(l->story, list, c->id);
	if (!past_is_read(l, &new))
		return;
	id = airdrop_create(l->journal, &new);
	if (!id || !committed(l))
		return;
	l->id_of[at] = id;
	list->known = true;
	sim_story_line(l->story, "%s is created, %d rows", list->name, list->rows);
}

/* The next part of its rows. */
static void import(
    struct sim_life *l, const struct sim_list *list, int64_t id, bool *ret_all)
{
	struct airdrop_facts a;
	int64_t i;

	if (!airdrop_read(l->journal, id, &a))
		return;
	if (a.imported == list->rows) {
		*ret_all = operation_load(l->runner, id) != NULL;
		return;
	}
	for (i = a.imported + 1; i <= list->rows && i <= a.imported + ROWS_A_TURN; i++)
		airdrop_row_put(l->journal, id,
		    &(struct list_row){ .row = i,
			.line = i + 1,
			.to = list->to[i],
			.amount = list->amount[i] });
	airdrop_rows_are(l->journal, id, i - 1);
	(void)committed(l);
}

void sim_people_create(struct sim_life *l)
{
	struct sim_story *s = l->story;

	for (int i = 0; i < s->fate->lists; i++) {
		struct sim_list *list = &s->list[i];

		if (!list->wanted)
			continue;
		if (!l->id_of[i])
			l->id_of[i] = find(l->journal, list->name);
		if (!l->id_of[i])
			create(l, list, i);
		if (l->id_of[i] && !l->listed[i])
			import(l, list, l->id_of[i], &l->listed[i]);
	}
}

/* -- what the program around it lends
 * ----------------------------------------------------- */

static enum err face_chain(void *ctx, struct journal *j, int64_t chain,
    const struct chain_config **ret, struct fail *f)
{
	struct sim_story *s = ctx;

	(void)j;
	(void)chain;
	(void)f;
	*ret = &s->config;
	return ERR_OK;
}

static enum err face_chain_named(
    void *ctx, const char *name, const struct chain_config **ret, struct fail *f)
{
	struct sim_story *s = ctx;

	*ret = &s->config;
	return strcmp(name, s->config.name) ? fail_set(f, ERR_CONFIG, "no such chain")
					    : ERR_OK;
}

static enum err face_key_peek(
    void *ctx, const char *name, struct address *ret, struct fail *f)
{
	struct sim_story *s = ctx;

	for (int i = 0; i < s->fate->keys; i++)
		if (!strcmp(name, s->key[i].name)) {
			*ret = s->key[i].address;
			return ERR_OK;
		}
	return fail_set(f, ERR_CONFIG, "there is no key %s", name);
}

static enum err face_key_usable(
    void *ctx, const char *name, const struct address *address, struct fail *f)
{
	struct address found;
	enum err e = face_key_peek(ctx, name, &found, f);

	if (e == ERR_OK && !address_same(&found, address))
		return fail_set(f, ERR_KEY, "it is another one");
	return e;
}

static enum err face_stuck(
    void *ctx, struct runner *r, const struct operation *o, struct fail *f)
{
	(void)ctx;
	(void)r;
	return o->state == OPERATION_PAUSED ? fail_set(f, ERR_OPERATOR, "it is paused")
					    : ERR_OK;
}

static const struct kind *const kinds[] = { &kind_airdrop, &kind_fence };

const struct serve_face sim_people_face = { .kinds = kinds,
	.kinds_n = 2,
	.chain = face_chain,
	.chain_named = face_chain_named,
	.key_peek = face_key_peek,
	.key_usable = face_key_usable,
	.stuck = face_stuck };
