/* act.c - what the schedule holds is done, each act at its time, and what lasts a while
 * ends. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "sim/chain/mempool.h"
#include "sim/story/story.h"

#define GWEI 1000000000ull
#define STEP_MS_MAX 60000

void sim_act_fund(struct sim_story *s, int key)
{
	struct amount coin, tokens = amount_u64(100000000);

	CHECK(amount_parse(&coin, "100", 3, 18) == AMOUNT_OK);
	sim_fund(s->chain, &s->key[key].address, NULL, &coin);
	if (s->token)
		sim_fund(s->chain, &s->key[key].address, s->token, &tokens);
	if (s->token && s->token->behind)
		sim_fund(s->chain, &s->key[key].address, s->token->behind, &tokens);
}

static void reorg(struct sim_story *s, const struct sim_act *a)
{
	uint64_t depth = (uint64_t)a->a;

	if (s->chain->head->height <= depth + SIM_BLOCKS_BEFORE)
		return;
	if (depth > s->fate->depth)
		s->broken |= SIM_GROUND_FINAL;
	sim_reorg(
	    s->chain, &(struct sim_reorg){ .depth = depth, .give_back = a->b != 0 });
	s->figures.reorgs++;
}

static bool is_quorum(const struct sim_story *s, uint32_t nodes)
{
	return __builtin_popcount(nodes) >= s->fate->quorum;
}

/* A branch that ends no higher than the chain makes nothing final sooner. 0: back. Who
 * shows heads of some time ago would go back further, below what is final. */
static void astray(struct sim_story *s, uint64_t depth)
{
	struct sim_block *fork = NULL;

	if (depth && s->chain->head->height > depth + SIM_BLOCKS_BEFORE)
		fork = sim_side_branch(s->chain, depth, depth);
	for (uint32_t i = 0; i < s->fate->nodes; i++) {
		struct sim_node *n = s->nodes[i];

		n->fork = n->head_ms || n->twin_answers ? NULL : fork;
	}
}

/* Who has two heads while all are astray would show what is final on either side. */
static void heads_home(struct sim_story *s)
{
	for (uint32_t i = 0; s->astray_until_ms && i < s->fate->nodes; i++)
		if (s->nodes[i]->twin_answers)
			s->nodes[i]->fork = NULL;
}

static void arm(struct sim_story *s, const struct sim_act *a)
{
	struct sim_life *l = sim_story_owner(s);

	if (!l->alive)
		return;
	l->power = (int)a->b;
	if (a->kind == SIM_DIE_OP)
		sim_disk_die_at(s->disk, a->a);
	else if (a->kind == SIM_DIE_POINT)
		l->die_points = (uint64_t)a->a;
	else
		l->die_events = (uint64_t)a->a;
}

static void net_put(struct sim_story *s, int fault, uint32_t per_mille)
{
	s->per_mille[fault] = per_mille;
	for (int i = 0; i < SIM_LIVES; i++)
		if (s->life[i].alive)
			sim_world_chance(sim_world_of(s->life[i].world),
			    (enum sim_fault)fault, per_mille);
}

static void disk_act(struct sim_story *s, const struct sim_act *a)
{
	if (a->kind == SIM_SYNC_FAILS) {
		sim_disk_fail_sync_at(s->disk, a->a);
	} else if (a->kind == SIM_READ_FAILS) {
		sim_disk_fail_reads(s->disk, a->a, a->b);
	} else {
		sim_disk_room(s->disk, a->a);
		s->room_until_ms = s->chain->now_ms + a->b;
	}
}

static void chain_act(struct sim_story *s, const struct sim_act *a)
{
	if (a->kind == SIM_REORG) {
		reorg(s, a);
	} else if (a->kind == SIM_EVICT) {
		sim_pool_drop_some(s->chain, &s->dice, (uint32_t)a->a);
	} else if (a->kind == SIM_NO_BLOCKS) {
		sim_mining(s->chain, 0);
		s->blocks_from_ms = s->chain->now_ms + a->a;
	} else if (!s->fate->is_free) {
		s->chain->base_fee_next = (uint64_t)a->a * GWEI;
		s->spike_until = (int64_t)s->chain->head->height + a->b;
	}
}

static void net_act(struct sim_story *s, const struct sim_act *a)
{
	if (!a->c)
		s->net_mostly[a->a] = (uint32_t)a->b;
	else
		s->net_until_ms[a->a] = s->chain->now_ms + a->c;
	net_put(s, (int)a->a, (uint32_t)a->b);
}

/* Of the wall clock. */
static void jump(struct sim_story *s, int64_t ms)
{
	s->jump_ms += ms;
	for (int i = 0; i < SIM_LIVES; i++)
		if (s->life[i].alive)
			sim_world_jump(sim_world_of(s->life[i].world), ms);
}

static void vice_act(struct sim_story *s, const struct sim_act *a)
{
	enum sim_vice vice = (enum sim_vice)a->a;
	uint32_t nodes = (uint32_t)a->b;

	if (is_quorum(s, nodes) && !sim_vice_is_harmless(vice))
		s->broken |= SIM_GROUND_QUORUM;
	sim_vices_begin(&s->vices, s->nodes, vice, nodes, a->c);
	heads_home(s);
}

static void act_do(struct sim_story *s, const struct sim_act *a)
{
	int64_t now_ms = s->chain->now_ms;

	switch ((int)a->kind) {
	case SIM_DIE_OP:
	case SIM_DIE_POINT:
	case SIM_DIE_EVENT:
		arm(s, a);
		return;
	case SIM_KEEP:
	case SIM_BACK:
	case SIM_TWIN:
	case SIM_FLIP:
	case SIM_MEDDLE:
		s->people.off = 0; /* who is off is what that journal says */
		sim_older_act(s, a);
		return;
	case SIM_STOP:
	case SIM_DIE_AGAIN:
	case SIM_SECOND:
	case SIM_STAND:
		sim_process_act(s, a);
		return;
	case SIM_SYNC_FAILS:
	case SIM_READ_FAILS:
	case SIM_DISK_FULL:
		disk_act(s, a);
		return;
	case SIM_REORG:
	case SIM_EVICT:
	case SIM_SPIKE:
	case SIM_NO_BLOCKS:
		chain_act(s, a);
		return;
	case SIM_NET:
		net_act(s, a);
		return;
	case SIM_ASTRAY:
		astray(s, (uint64_t)a->a);
		s->astray_until_ms = now_ms + a->b;
		return;
	case SIM_VICE:
		vice_act(s, a);
		return;
	case SIM_SUBSCRIBE:
	case SIM_RECEIVER:
	case SIM_SAY:
	case SIM_TRACK:
		sim_receivers_act(s, a);
		return;
	case SIM_FUND:
		sim_act_fund(s, (int)a->a);
		return;
	case SIM_JUMP:
		jump(s, a->a);
		return;
	default: /* of people */
		sim_people_act(s, a);
		return;
	}
}

/* What an act began for a while is over. */
static void acts_end(struct sim_story *s)
{
	int64_t now_ms = s->chain->now_ms;

	sim_processes_end(s);
	sim_vices_end(&s->vices, s->nodes, s->calm);
	sim_receivers_end(s);
	if (s->astray_until_ms && (s->calm || now_ms >= s->astray_until_ms)) {
		astray(s, 0);
		s->astray_until_ms = 0;
	}
	if (s->room_until_ms && now_ms >= s->room_until_ms) {
		sim_disk_room(s->disk, -1);
		s->room_until_ms = 0;
	}
	if (s->blocks_from_ms && now_ms >= s->blocks_from_ms) {
		sim_mining(s->chain, s->fate->interval_ms);
		s->blocks_from_ms = 0;
	}
	for (int k = 1; k < SIM_FAULT_COUNT; k++)
		if (s->net_until_ms[k] && now_ms >= s->net_until_ms[k]) {
			net_put(s, k, s->calm ? 0 : s->net_mostly[k]);
			s->net_until_ms[k] = 0;
		}
}

static void calm_down(struct sim_story *s)
{
	s->calm = true;
	sim_processes_calm(s);
	sim_story_line(s, "it calms down");
	for (int k = 1; k < SIM_FAULT_COUNT; k++) {
		s->net_until_ms[k] = 0;
		net_put(s, k, 0);
	}
	s->room_until_ms = s->blocks_from_ms = s->chain->now_ms;
	sim_disk_fail_reads(s->disk, 0, 0);
	sim_people_calm(s);
	for (int i = 0; i < s->fate->keys; i++)
		if (s->fate->poor)
			sim_act_fund(s, i);
	acts_end(s);
	sim_mining(s->chain, s->fate->interval_ms);
}

static void spike_goes_on(struct sim_story *s)
{
	if (s->spike_until > (int64_t)s->chain->head->height && !s->calm)
		s->chain->base_fee_next = s->chain->head->base_fee;
}

void sim_acts_do(struct sim_story *s)
{
	const struct sim_fate *f = s->fate;
	int64_t ms = sim_story_ms(s);

	spike_goes_on(s);
	acts_end(s);
	while (s->act < f->acts_n && f->acts[s->act].at_ms <= ms) {
		const struct sim_act *a = &f->acts[s->act++];
		struct buf text;

		buf_init(&text, 256);
		sim_act_format(&text, a);
		sim_story_line(s, "act %s", buf_text(&text));
		buf_release(&text);
		s->figures.acts[a->kind]++;
		act_do(s, a);
	}
	if (!s->calm && ms >= f->calm_ms)
		calm_down(s);
}

/* -- when the next one is due ---------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Who asks wakes whom he asks. */
static int64_t wishes_due_ms(const struct sim_story *s)
{
	int64_t at_ms = INT64_MAX;

	for (int i = 0; i < s->people.wishes; i++)
		if (s->people.wish[i].not_before_ms > s->chain->now_ms)
			at_ms = earlier(at_ms, s->people.wish[i].not_before_ms);
	return at_ms;
}

/* The next thing of the story's own. */
int64_t sim_acts_due_ms(const struct sim_story *s)
{
	const struct sim_fate *f = s->fate;
	int64_t at_ms = s->chain->now_ms + STEP_MS_MAX;

	if (s->act < f->acts_n)
		at_ms = earlier(at_ms, f->acts[s->act].at_ms + s->begun_ms);
	if (!s->calm)
		at_ms = earlier(at_ms, f->calm_ms + s->begun_ms);
	if (s->room_until_ms)
		at_ms = earlier(at_ms, s->room_until_ms);
	if (s->blocks_from_ms)
		at_ms = earlier(at_ms, s->blocks_from_ms);
	for (int k = 1; k < SIM_FAULT_COUNT; k++)
		if (s->net_until_ms[k])
			at_ms = earlier(at_ms, s->net_until_ms[k]);
	at_ms = earlier(at_ms, wishes_due_ms(s));
	at_ms = earlier(at_ms, sim_processes_due_ms(s));
	at_ms = earlier(at_ms, sim_vices_due_ms(&s->vices));
	at_ms = earlier(at_ms, sim_receivers_due_ms(s));
	if (s->astray_until_ms)
		at_ms = earlier(at_ms, s->astray_until_ms);
	/* a spike lasts block by block */
	if (s->spike_until > (int64_t)s->chain->head->height &&
	    s->chain->options.interval_ms)
		at_ms = earlier(at_ms, s->chain->mine_at_ms);
	return at_ms;
}
