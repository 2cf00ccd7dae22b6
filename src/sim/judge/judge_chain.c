/* judge_chain.c - what is final on the chain, read once, block by block. */
#include <string.h>

#include "base/check.h"
#include "sim/judge/judge_in.h"

#define DUES 1024     /* heads of the table */
#define HEARD_POLLS 3 /* until what is shown is known */

static const uint8_t transfer[16] = { 0xa9, 0x05, 0x9c, 0xbb };

/* -- what was ordered ------------------------------------------------------------ */

struct judge_due *judge_due_get(
    struct sim_judge *j, const struct address *to, const struct amount *amount)
{
	size_t head = (to->at[17] * 401u + to->at[18] * 256u + to->at[19]) % DUES;
	struct judge_due *d;

	if (!j->dues)
		j->dues =
		    sim_chain_take(j->story->chain, DUES * sizeof(struct judge_due *));
	for (d = j->dues[head]; d; d = d->next)
		if (address_same(&d->to, to) && !amount_cmp(&d->amount, amount))
			return d;
	d = sim_chain_take(j->story->chain, sizeof *d);
	*d = (struct judge_due){ .next = j->dues[head], .to = *to, .amount = *amount };
	j->dues[head] = d;
	return d;
}

uint64_t judge_paid_more(const struct sim_judge *j)
{
	uint64_t more = 0;

	for (size_t i = 0; i < DUES && j->dues; i++)
		for (const struct judge_due *d = j->dues[i]; d; d = d->next)
			more += d->paid > d->rows ? d->paid - d->rows : 0;
	return more;
}

static void due_lost(struct judge_due *d, const struct judge_nonce *at)
{
	if (!at->final)
		d->lost++;
	else if (at->final->block->height > d->lost_height)
		d->lost_height = at->final->block->height;
}

static uint64_t node_shows(const struct sim_node *n)
{
	uint64_t height = n->down ? 0 : sim_node_head(n)->height;

	if (n->twin_answers && sim_node_head(n->twin)->height < height)
		return sim_node_head(n->twin)->height;
	return height;
}

static int votes_from(const struct sim_story *s, uint64_t height)
{
	bool shared = false;
	int own = 0;

	for (uint32_t i = 0; i < s->fate->nodes; i++) {
		bool shows = node_shows(s->nodes[i]) >= height;

		own += shows && i < s->fate->own;
		shared |= shows && i >= s->fate->own;
	}
	return own + shared;
}

/* The highest height that a quorum shows, by whatever answers there. */
static uint64_t quorum_shows(const struct sim_story *s)
{
	uint64_t best = 0;

	for (uint32_t i = 0; i < s->fate->nodes; i++) {
		uint64_t height = node_shows(s->nodes[i]);

		if (height > best && votes_from(s, height) >= s->fate->quorum)
			best = height;
	}
	return best;
}

/* What is in flight may be paid again by who does not know of it; what is final may not,
 * once a quorum has shown it: it is read back. */
void sim_judge_lost(struct sim_story *s)
{
	struct sim_judge *j = s->judge;
	struct address to;
	struct amount amount;

	judge_follow(j);
	for (int k = 0; k < s->fate->keys; k++)
		for (uint64_t n = 0; n < j->account[k].n; n++) {
			const struct judge_nonce *at = &j->account[k].at[n];

			if (at->payload && judge_payment(s, at->payload, &to, &amount))
				due_lost(judge_due_get(j, &to, &amount), at);
		}
	j->shown = (struct judge_shown){ .known = quorum_shows(s) };
}

void judge_lost_look(struct sim_judge *j)
{
	struct judge_shown *w = &j->shown;
	const struct sim_story *s = j->story;

	if (!(s->broken & SIM_GROUND_KEPT) || s->chain->now_ms < w->next_ms)
		return;
	w->known = w->next > w->known ? w->next : w->known;
	w->next = quorum_shows(s);
	w->next_ms = s->chain->now_ms + HEARD_POLLS * (int64_t)s->config.poll_ms;
}

bool judge_lost_is_hidden(const struct sim_judge *j, const struct judge_due *d)
{
	return (j->story->broken & SIM_GROUND_KEPT) && d->lost_height > j->shown.known;
}

bool judge_excess_is_lost(const struct sim_judge *j)
{
	for (size_t i = 0; i < DUES && j->dues; i++)
		for (const struct judge_due *d = j->dues[i]; d; d = d->next)
			if (d->paid > d->rows + d->lost)
				return false;
	return true;
}

void judge_forget(struct sim_judge *j, int view)
{
	struct judge_view *v = &j->view[view];

	for (size_t i = 0; i < DUES && j->dues; i++)
		for (struct judge_due *d = j->dues[i]; d; d = d->next)
			d->told[view] = 0;
	memset(v->account_id, 0, sizeof v->account_id);
	memset(v->list_of, 0, sizeof v->list_of);
	memset(v->list, 0, sizeof v->list);
	memset(&v->heard, 0, sizeof v->heard);
}

void judge_list_begin(struct sim_judge *j, int list)
{
	const struct sim_story *s = j->story;
	const struct sim_list *l = &s->list[list];
	struct judge_list *of = &j->list[list];
	size_t rows = (size_t)l->rows + 1;

	if (of->row)
		return;
	of->row = sim_chain_take(s->chain, rows * sizeof *of->row);
	for (size_t i = 0; i < rows; i++) {
		struct amount fee = amount_u64(s->fate->service_fee);

		of->row[i].nonce = -1;
		if (!i && amount_is_zero(&fee))
			continue;
		of->row[i].due = judge_due_get(
		    j, i ? &l->to[i] : &l->fee_to, i ? &l->amount[i] : &fee);
		of->row[i].due->rows++;
	}
}

/* -- what bytes say ---------------------------------------------------------------- */

bool judge_is_empty(const struct sim_tx *t)
{
	return t->to == t->from && amount_is_zero(&t->value) && !t->data_len;
}

bool judge_payment(const struct sim_story *s, const struct sim_tx *t, struct address *to,
    struct amount *amount)
{
	if (!t->to)
		return false;
	if (!s->token) {
		*to = t->to->at;
		*amount = t->value;
		return !t->data_len && !amount_is_zero(&t->value);
	}
	if (!address_same(&t->to->at, &s->token->at) || t->data_len != 68 ||
	    memcmp(t->data, transfer, sizeof transfer) != 0)
		return false;
	memcpy(to->at, t->data + 16, sizeof to->at);
	*amount = amount_decode(t->data + 36);
	return true;
}

bool judge_paid(const struct sim_story *s, const struct sim_inclusion *i)
{
	struct address to;
	struct amount amount;

	return i->status == TX_OK && judge_payment(s, i->tx, &to, &amount) &&
	    (!s->token || (i->log_n && i->log[0].token == s->token));
}

/* -- nonces ------------------------------------------------------------------------ */

struct judge_nonce *judge_nonce_get(struct sim_judge *j, int key, uint64_t nonce)
{
	struct judge_account *a = &j->account[key];

	if (nonce >= a->room) {
		uint64_t room = a->room ? 2 * a->room : 128;
		struct judge_nonce *at;

		while (room <= nonce)
			room *= 2;
		at = sim_chain_take(j->story->chain, room * sizeof *at);
		if (a->n)
			memcpy(at, a->at, a->n * sizeof *at);
		a->at = at;
		a->room = room;
	}
	for (; a->n <= nonce; a->n++)
		a->at[a->n].list = -1;
	return &a->at[nonce];
}

/* -- blocks ------------------------------------------------------------------------ */

static void charge(struct judge_list *l, struct judge_nonce *n)
{
	struct amount fee = amount_u64(n->final->gas_price);

	CHECK(amount_mul_u64(&fee, &fee, n->final->gas_used));
	CHECK(amount_sub(&l->could, &l->could, &n->dearest));
	l->open--;
	if (!n->final->tx->foreign)
		CHECK(amount_add(&l->charged, &l->charged, &fee));
}

static void final_add(struct sim_judge *j, int key, const struct sim_inclusion *i)
{
	struct judge_nonce *n = judge_nonce_get(j, key, i->tx->nonce);
	struct address to;
	struct amount amount;
	struct judge_due *d;

	n->final = i;
	if (n->list >= 0 && n->bytes)
		charge(&j->list[n->list], n);
	if (!judge_paid(j->story, i) || !judge_payment(j->story, i->tx, &to, &amount))
		return;
	d = judge_due_get(j, &to, &amount);
	if (i->tx->foreign)
		d->by_hand++;
	else if (++d->paid > d->rows && judge_is_strict(j->story))
		sim_story_wrong(j->story, "nonce %llu: paid %u times, %u rows owe it",
		    (unsigned long long)i->tx->nonce, d->paid, d->rows);
}

static void block_read(struct sim_judge *j, const struct sim_block *b)
{
	for (const struct sim_inclusion *i = b->first; i; i = i->next) {
		int key = judge_key(j->story, &i->tx->from->at);

		if (key >= 0)
			final_add(j, key, i);
	}
	j->final = b;
}

/* A final block is undone: all are read again. */
static void read_again(struct sim_judge *j)
{
	for (int l = 0; l < SIM_LISTS_MAX; l++) {
		j->list[l].open = 0;
		j->list[l].charged = j->list[l].could = AMOUNT_ZERO;
	}
	for (int k = 0; k < SIM_KEYS_MAX; k++)
		for (uint64_t i = 0; i < j->account[k].n; i++) {
			struct judge_nonce *n = &j->account[k].at[i];

			n->final = NULL;
			if (n->list < 0)
				continue;
			j->list[n->list].open++;
			CHECK(amount_add(&j->list[n->list].could, &j->list[n->list].could,
			    &n->dearest));
		}
	for (size_t i = 0; i < DUES && j->dues; i++)
		for (struct judge_due *d = j->dues[i]; d; d = d->next)
			d->paid = d->by_hand = 0;
	j->final = j->story->chain->genesis;
}

/* Of what was there when a life began, a reorg leaves what is below it. */
static void still_there(struct sim_judge *j)
{
	const struct sim_chain *c = j->story->chain;
	const struct sim_block *b = j->head;

	while (b && !sim_on_path(c, c->head, b))
		b = b->parent;
	for (int i = 0; i < SIM_LIVES && b != j->head; i++)
		if (j->rise_height[i] > b->height)
			j->rise_height[i] = b->height;
	j->head = c->head;
}

void judge_follow(struct sim_judge *j)
{
	const struct sim_chain *c = j->story->chain;
	uint64_t depth = j->story->fate->depth;

	if (!j->final)
		j->final = c->genesis;
	if (!sim_on_path(c, c->head, j->final))
		read_again(j);
	still_there(j);
	while (j->final->height + depth < c->head->height)
		block_read(j, c->trail[j->final->height + 1]);
}
