/* fate_world.c - the world of a story: who and what there is. */
#include "sim/node/vice.h"
#include "sim/story/fate_in.h"
#include "sim/story/story.h"

static void world_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_WORLD);
	f->lists = (int)(hit(d, 400) ? from_to(d, 2, 3) : 1);
	f->rows = (int)from_to(d, 1, 100 / f->lists);
	f->keys = f->lists > 1 && hit(d, 250) ? 2 : 1;
	f->token = hit(d, 350);
	f->token_kind = hit(d, 250) ? SIM_TOKEN_NO_RETURN : SIM_TOKEN_PLAIN;
	f->service_fee = hit(d, 300) ? (uint64_t)from_to(d, 1, 500) : 0;
	f->nodes = (uint32_t)(hit(d, 500) ? 1 : from_to(d, 2, 4));
	f->own = f->nodes;
	f->quorum = (int)(f->nodes / 2 + 1);
	f->depth = (uint64_t)from_to(d, 2, 8);
	f->interval_ms = from_to(d, 1, 6) * 2000;
	f->poll_ms = f->interval_ms / 2;
	f->in_flight = (int)(hit(d, 500) ? from_to(d, 1, 8) : from_to(d, 9, 64));
	f->bump_after = (int)from_to(d, 2, 5);
	f->is_free = hit(d, 60);
	f->legacy = !f->is_free && hit(d, 120);
	f->poor = hit(d, 120);
	f->wallets = hit(d, 200) ? from_to(d, 1, 3) : 0;
	f->refuse = hit(d, 120) ? from_to(d, 1, 2) : 0;
	f->gas_limit = hit(d, 150) ? (uint64_t)from_to(d, 4, 20) * 65000 : 30000000;
	f->base_fee = (uint64_t)skewed(d, 30) * 1000000000u;
	f->latency_ms = hit(d, 200) ? from_to(d, 20, 1500) : from_to(d, 1, 40);
}

/* Many lists at a time, of which a commit moves more than a few. */
static void crowd_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_CROWD);
	if (f->lists == 1 || !hit(d, 250))
		return;
	f->lists = (int)from_to(d, 4, 7);
	f->rows = 1 + f->rows / 3;
}

/* Two nodes of one provider have one vote. */
static void providers_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_PROVIDERS);
	if (f->nodes < 3 || !hit(d, 300))
		return;
	f->own = f->nodes - 2;
	f->quorum = (int)((f->own + 1) / 2 + 1);
}

/* Of providers that make no quorum. */
static uint32_t last_ones(const struct sim_fate *f)
{
	uint32_t providers = f->own + (f->own < f->nodes), all = (1u << f->nodes) - 1;
	uint32_t honest = providers - (uint32_t)f->quorum + 1;

	return all & ~((1u << honest) - 1);
}

/* Who lies, lies for ever: the others are a quorum. */
static void liars_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_LIARS);
	f->liars = last_ones(f);
	if (!hit(d, 25))
		return;
	f->nodes = f->own = SIM_NODES_MAX;
	f->quorum = SIM_NODES_MAX / 2 + 1;
	f->liars = 1 | 1 << 2; /* between the others */
	f->latency_ms = 1;     /* so that they are asked in their order */
	sim_fate_add(f,
	    (struct sim_act){ .kind = SIM_VICE,
		.a = hit(d, 400) ? SIM_VICE_INVENTS : SIM_VICE_READS_WRONG,
		.b = f->liars });
	sim_fate_add(f,
	    (struct sim_act){ .at_ms = from_to(d, 1, 20) * f->interval_ms,
		.kind = SIM_FOREIGN,
		.b = hit(d, 500) });
}

/* What is short, or less than it seems. */
static void money_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_MONEY);
	f->covered = hit(d, 250) ? skewed(d, f->rows) : 0;
	if (f->covered && hit(d, 500))
		f->covered += f->in_flight;
	f->max_fee = hit(d, 250) ? f->base_fee * (uint64_t)from_to(d, 2, 12) : 0;
	if (f->token && hit(d, 200))
		f->token_kind =
		    f->service_fee || hit(d, 700) ? SIM_TOKEN_FEE : SIM_TOKEN_FALSE;
}

/* A contract with the face of one token, and another one behind it. */
static void front_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_FRONTS);
	if (f->token && !f->service_fee && hit(d, 40))
		f->token_kind = SIM_TOKEN_FRONT;
}

/* Some keys sign slowly: much happens between a question for bytes and their coming. */
static void work_draw(struct draw *d)
{
	begin(d, OF_WORK);
	d->fate->work_ms = hit(d, 250) ? skewed(d, 4 * d->fate->interval_ms) : 0;
}

/* Many a provider shows its pool to nobody. */
static void pools_draw(struct draw *d)
{
	begin(d, OF_POOLS);
	for (uint32_t i = 0; i < d->fate->nodes; i++)
		d->fate->hidden |= (uint32_t)hit(d, 250) << i;
}

void fate_world(struct draw *d)
{
	world_draw(d);
	crowd_draw(d);
	providers_draw(d);
	liars_draw(d);
	money_draw(d);
	front_draw(d);
	work_draw(d);
	pools_draw(d);
}
