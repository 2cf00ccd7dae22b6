#include "sim/story/story.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/secp.h"
#include "crypto/sha256.h"
#include "engine/archiver.h"
#include "engine/recount.h"
#include "sim/judge/judge.h"
#include "sim/node/net.h"
#include "sim/story/chat.h"

#define GWEI 1000000000ull
#define CHAIN_BYTES ((size_t)1 << 30)
#define LIFE_BYTES ((size_t)1 << 30)
#define CALM_BLOCKS 2000 /* then it must be over */
#define FIRST 1          /* stories */
#define FIRST_FEW 10
#define DOWN_MS 8000 /* between a death and the next start, mostly */

/* -- what happens, told ------------------------------------------------------------ */

int64_t sim_story_ms(const struct sim_story *s)
{
	return s->chain->now_ms - s->begun_ms;
}

static void trace_add(struct sim_story *s, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->trace = (s->trace ^ (uint8_t)text[i]) * 0x100000001b3u;
}

static void PRINTF(2, 0) line_put(struct sim_story *s, const char *fmt, va_list args)
{
	char text[SIM_WHY_MAX + 64];
	int64_t ms = sim_story_ms(s);
	int len =
	    snprintf(text, sizeof text, "%" PRId64 ".%03d ", ms / 1000, (int)(ms % 1000));

	vsnprintf(text + len, sizeof text - (size_t)len, fmt, args);
	trace_add(s, text, strlen(text));
	if (s->out)
		fprintf(s->out, "%s\n", text);
}

void sim_story_did(struct sim_story *s, enum sim_deed deed)
{
	s->figures.deeds[deed]++;
}

const char *sim_deed_name(enum sim_deed deed)
{
	static const char *const names[] = {
#define DEED(name, word) word,
#include "sim/story/deeds.def"
#undef DEED
	};

	return names[deed];
}

void sim_story_line(struct sim_story *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	line_put(s, fmt, args);
	va_end(args);
}

void sim_story_note(struct sim_story *s, const char *fmt, ...)
{
	va_list args;

	if (!s->out)
		return;
	va_start(args, fmt);
	vfprintf(s->out, fmt, args);
	va_end(args);
	fputc('\n', s->out);
}

void sim_story_wrong(struct sim_story *s, const char *fmt, ...)
{
	va_list args;

	if (s->why[0])
		return;
	s->figures.violations++;
	va_start(args, fmt);
	vsnprintf(s->why, sizeof s->why, fmt, args);
	va_end(args);
	sim_story_line(s, "WRONG: %s", s->why);
}

/* -- the stage, once a program ------------------------------------------------------- */

static void *region(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

static void keys_make(struct sim_story *s)
{
	static const char *const names[SIM_KEYS_MAX] = { "treasury", "till" };

	for (int i = 0; i < SIM_KEYS_MAX; i++) {
		uint8_t key[32] = { [0] = 0x5a, [30] = (uint8_t)i, [31] = 0x17 };

		s->key[i].name = names[i];
		s->key[i].secret = secret_new(key, sizeof key);
		CHECK(
		    secp_address(s->key[i].address.at, s->key[i].secret, NULL) == ERR_OK);
	}
}

static void life_new(struct sim_story *s, struct sim_life *l, int id)
{
	l->story = s;
	l->id = id;
	l->region = sim_region_new(LIFE_BYTES);
	sim_life_open(l);
}

static void disk_begin(struct sim_story *s, uint64_t seed)
{
	s->tool.process.disk = s->disk =
	    sim_disk_format(s->disk_region, SIM_FILE_BYTES, seed);
	for (int i = 0; i < SIM_LIVES; i++)
		s->life[i].process.disk = s->disk;
}

struct sim_story *sim_story_new(bool loud)
{
	struct sim_story *s = mem_new(sizeof *s);

	secret_setup();
	secp_setup();
	sim_region_setup();
	sim_disk_install();
	CHECK(log_open(NULL, loud ? LOG_DEBUG : LOG_NOTHING, false, NULL) == ERR_OK);
	s->chain_region = region(CHAIN_BYTES);
	s->disk_region = region(sim_disk_size(SIM_FILE_BYTES));
	s->judge = sim_judge_new(s);
	keys_make(s);
	s->copy_region = region(sim_disk_size(SIM_FILE_BYTES));
	s->copy_disk = sim_disk_format(s->copy_region, SIM_FILE_BYTES, 0);
	s->webhook = secret_new((char[]){ "webhook" }, 7);
	s->telegram = secret_new((char[]){ SIM_CHAT_TOKEN }, sizeof SIM_CHAT_TOKEN - 1);
	for (int i = 0; i < SIM_LIVES; i++)
		life_new(s, &s->life[i], i);
	life_new(s, &s->tool, SIM_LIVES);
	disk_begin(s, 0);
	sim_life_make(&s->life[0]);
	s->made = sim_disk_keep(s->disk);
	return s;
}

void sim_story_free(struct sim_story *s)
{
	if (!s)
		return;
	for (int i = 0; i < SIM_LIVES; i++) {
		sim_region_free(s->life[i].region);
		mem_free(s->life[i].begun);
	}
	sim_region_free(s->tool.region);
	for (int i = 0; i < SIM_KEYS_MAX; i++)
		secret_free(s->key[i].secret);
	secret_free(s->webhook);
	secret_free(s->telegram);
	CHECK(munmap(s->chain_region, CHAIN_BYTES) == 0);
	CHECK(munmap(s->disk_region, sim_disk_size(SIM_FILE_BYTES)) == 0);
	CHECK(munmap(s->copy_region, sim_disk_size(SIM_FILE_BYTES)) == 0);
	sim_judge_free(s->judge);
	mem_free(s->made);
	mem_free(s);
}

/* -- the stage of a story -------------------------------------------------- */

/* The operator allows more when he is asked. */
static void cap_begin(struct amount *ret, const struct sim_fate *f)
{
	uint64_t gas = f->token ? connector_evm.gas_token : connector_evm.gas_coin;

	*ret = amount_u64(3 * f->base_fee + GWEI);
	if (!f->covered)
		CHECK(amount_parse(ret, "10", 2, 18) == AMOUNT_OK);
	else
		CHECK(amount_mul_u64(ret, ret, gas) &&
		    amount_mul_u64(ret, ret, (uint64_t)f->covered));
}

static void lists_begin(struct sim_story *s)
{
	const struct sim_fate *f = s->fate;

	for (int k = 0; k < f->lists; k++) {
		struct sim_list *l = &s->list[k];

		memset(l, 0, offsetof(struct sim_list, to));
		cap_begin(&l->cap, f);
		l->key = k % f->keys;
		l->rows = f->rows;
		snprintf(l->name, sizeof l->name, "list-%d", k + 1);
		memset(l->fee_to.at, 0xfe, sizeof l->fee_to.at);
		l->fee_to.at[0] = (uint8_t)k;
		for (int i = 1; i <= l->rows; i++) {
			int like = i == 7 ? 3 : i; /* the same payment twice */

			memset(l->to[i].at, 0x50, sizeof l->to[i].at);
			l->to[i].at[17] = (uint8_t)k;
			l->to[i].at[18] = (uint8_t)(like >> 8);
			l->to[i].at[19] = (uint8_t)like;
			l->amount[i] = amount_u64(1000 + (uint64_t)like % 5);
		}
	}
}

static void config_begin(struct sim_story *s)
{
	static const char *const urls[SIM_NODES_MAX] = { "http://node-0.sim/",
		"http://node-1.sim/", "http://node-2.sim/", "http://node-3.sim/",
		"http://node-4.sim/" };
	const struct sim_fate *f = s->fate;

	for (size_t i = 0; i < SIM_NODES_MAX; i++)
		s->endpoints[i] = (struct node_config){ .url = urls[i],
			.provider = i >= f->own ? "shared" : NULL,
			.weight = 1 };
	s->config = (struct chain_config){ .name = "sim",
		.chain_id = 31337,
		.endpoints = s->endpoints,
		.endpoints_n = (int)f->nodes,
		.finality = { .tag = f->by_tag, .depth = f->by_tag ? 0 : f->depth },
		.quorum = f->quorum,
		.fee_type = f->legacy ? CHAIN_FEE_LEGACY : CHAIN_FEE_AUTO,
		.max_fee_per_gas = f->max_fee ? f->max_fee : 500 * GWEI,
		.max_priority_fee_per_gas = 50 * GWEI,
		.max_in_flight = f->in_flight,
		.lookback = 7200,
		.batch = 100,
		.bump_after = f->bump_after,
		.poll_ms = (int)f->poll_ms,
		.hedge_after_ms = (int)f->hedge_ms,
		.timeout_ms = 3000 };
	CHECK(amount_parse(&s->config.fence_max_fee, "5", 1, 18) == AMOUNT_OK);
}

static void recipients_begin(struct sim_story *s)
{
	const struct sim_fate *f = s->fate;

	for (int k = 0; k < f->lists; k++) {
		struct sim_list *l = &s->list[k];

		for (int i = 1; i <= f->wallets && i <= l->rows && !f->token; i++)
			sim_account_code(s->chain, &l->to[i], SIM_CODE_WALLET, 9000);
		for (int i = 0; i < f->refuse && i < l->rows && !f->token; i++)
			sim_account_code(
			    s->chain, &l->to[l->rows - i], SIM_CODE_REVERTS, 0);
	}
}

static void chain_begin(struct sim_story *s)
{
	const struct sim_fate *f = s->fate;
	struct sim_options o = { .chain_id = 31337,
		.heights_max = 1u << 20,
		.gas_limit = f->gas_limit,
		.finality = { SIM_FINAL_DEPTH, f->depth },
		.base_fee = f->base_fee,
		.is_free = f->is_free,
		.lean = true };
	struct address token = { .at = { 0x70, 0x6b } }, other = { .at = { 0x07, 0x6b } };

	s->chain = sim_chain_init(s->chain_region, CHAIN_BYTES, &o);
	s->token =
	    f->token ? sim_token_add(s->chain, &token, f->token_kind, 18, "TKN") : NULL;
	s->other = sim_token_add(s->chain, &other, SIM_TOKEN_PLAIN, 18, "OTHER");
	if (s->token && f->token_kind == SIM_TOKEN_FRONT)
		s->token->behind = s->other;
	for (int i = 0; i < f->keys && !f->poor; i++)
		sim_act_fund(s, i);
	recipients_begin(s);
	for (uint32_t i = 0; i < f->nodes; i++) {
		s->nodes[i] = sim_node_new(s->chain);
		s->nodes[i]->hides_pool = f->hidden >> i & 1;
		if (!f->apart)
			continue;
		sim_node_own_pool(s->nodes[i]);
		s->nodes[i]->gossip_ms = f->latency_ms * (int64_t)(i + 1);
	}
	for (int i = 0; i < SIM_BLOCKS_BEFORE; i++)
		sim_mine(s->chain, NULL);
	sim_mining(s->chain, f->interval_ms);
	s->begun_ms = s->chain->now_ms;
}

static void retention_begin(struct sim_story *s)
{
	static const char *const kinds[] = { "airdrop", "fence", "track" };

	for (int i = 0; i < 3; i++)
		s->retention[i] = (struct retention){ kinds[i], s->fate->keep_ms };
	archive_depth = s->fate->keep_ms ? s->fate->archive_depth : ARCHIVE_DEPTH;
}

static void story_begin(struct sim_story *s, const struct sim_fate *fate, FILE *out)
{
	s->fate = fate;
	s->out = out;
	s->dice.state = fate->seed ^ 0x5709;
	memset(s->per_mille, 0, sizeof s->per_mille);
	memset(s->net_mostly, 0, sizeof s->net_mostly);
	memset(&s->vices, 0, sizeof s->vices);
	s->vices.dice.state = fate->seed ^ 0x71ce;
	s->astray_until_ms = 0;
	memset(&s->people, 0, sizeof s->people);
	memset(&s->figures, 0, sizeof s->figures);
	memset(s->net_until_ms, 0, sizeof s->net_until_ms);
	s->process_dice.state = fate->seed ^ 0x960c;
	s->again = (struct sim_again){ .times = 0 };
	s->act = 0;
	s->jump_ms = s->room_until_ms = s->blocks_from_ms = s->spike_until = 0;
	s->calm = false;
	s->broken = 0;
	s->is_other_file = s->twin_is_other = false;
	s->flipped = 0;
	s->edited = 0;
	s->by_hand = s->released = false;
	s->why[0] = '\0';
	s->trace = 0xcbf29ce484222325u;
	memset(s->is_named, 0, sizeof s->is_named);
	s->lender = (struct sim_lender){ &s->config, s->key, fate->keys };
	s->face = sim_lender_face(&s->lender);
	recount_turn_max = fate->counted ? fate->counted : RECOUNT_TURN_MAX;
	lists_begin(s);
	config_begin(s);
	retention_begin(s);
	chain_begin(s);
	sim_receivers_begin(s);
	disk_begin(s, fate->seed);
	sim_disk_put_back(s->disk, s->made);
	sim_disk_seed(s->disk, fate->seed ^ 0xd15c);
	for (int i = 0; i < SIM_LIVES; i++) {
		s->life[i].wanted = i == 0;
		s->life[i].rise_at_ms = s->chain->now_ms;
		s->life[i].clock_ms = s->life[i].wanted_until_ms = 0;
		s->life[i].stands = false;
	}
	sim_judge_begin(s->judge);
}

/* -- who is next ----------------------------------------------------------- */

static const char *who(const struct sim_life *l)
{
	static const char *const names[SIM_LIVES] = { "", "the other one " };

	return l->is_copy ? "the copy " : names[l->id];
}

static void down(struct sim_story *s, struct sim_life *l)
{
	uint64_t most = sim_random_hit(&s->dice, 150) ? 20 * DOWN_MS : DOWN_MS;

	l->rise_at_ms = s->chain->now_ms + (int64_t)sim_random_below(&s->dice, most);
}

void sim_story_stop(struct sim_story *s, struct sim_life *l)
{
	if (!l->alive || l->stands)
		return;
	(void)sim_life_stop(l);
	sim_story_line(s, "%sends by itself", who(l));
	down(s, l);
}

/* A machine has a clock of its own, which begins again with it. */
static void power_goes(struct sim_story *s, struct sim_life *of, enum sim_disk_loss loss)
{
	for (int i = 0; i < SIM_LIVES; i++) {
		if (s->life[i].process.disk != of->process.disk)
			continue;
		sim_life_kill(&s->life[i]);
		s->life[i].clock_ms = -s->chain->now_ms;
	}
	sim_disk_lose_power(of->process.disk, loss);
	s->figures.power_cuts++;
}

static void ended(struct sim_story *s, struct sim_life *l, enum sim_end end)
{
	static const char *const how[] = { [SIM_DIED] = "dies",
		[SIM_FATAL] = "dies of it",
		[SIM_STARTED_NOT] = "can't start",
		[SIM_ENDED] = "ends",
		[SIM_WRONG] = "wrong" };

	if (end == SIM_GOES_ON)
		return;
	sim_story_line(
	    s, "%s%s%s", who(l), how[end], end == SIM_DIED && l->power ? ", power" : "");
	if (end == SIM_DIED || end == SIM_FATAL)
		s->figures.crashes++;
	if (end == SIM_DIED && l->power)
		power_goes(s, l, (enum sim_disk_loss)(l->power - 1));
	l->power = 0;
	down(s, l);
}

static void rose(struct sim_story *s, struct sim_life *l, enum sim_end end)
{
	const struct sim_life *owner = sim_story_owner(s);

	ended(s, l, end);
	if (end == SIM_DIED)
		sim_story_did(s, SIM_DID_DIED_RISING);
	else if (end == SIM_STARTED_NOT && owner != l && (owner->alive || owner->stands))
		sim_story_did(s, SIM_DID_WAS_REFUSED);
	if (!l->alive)
		return;
	sim_story_line(s, "%srises", who(l));
	if (!l->is_copy)
		sim_people_rise(s);
	if (l->id && !l->is_copy)
		sim_story_did(s, SIM_DID_TOOK_OVER);
}

/* NULL: all stand still. ret_until_ms: then it is another one's turn. */
static struct sim_life *next_life(
    struct sim_story *s, int64_t *ret_ms, int64_t *ret_until_ms)
{
	struct sim_life *first = NULL;

	*ret_ms = *ret_until_ms = INT64_MAX;
	for (int i = 0; i < SIM_LIVES; i++) {
		int64_t ms = sim_life_due_ms(&s->life[i]);

		if (s->life[i].stands)
			continue;
		if (!first || ms < *ret_ms) {
			*ret_until_ms = *ret_ms;
			*ret_ms = ms;
			first = &s->life[i];
		} else if (ms < *ret_until_ms) {
			*ret_until_ms = ms;
		}
	}
	return first;
}

static void step(struct sim_story *s, int64_t until_ms)
{
	int64_t at_ms, next_ms, own_ms = sim_acts_due_ms(s);
	struct sim_life *l = next_life(s, &at_ms, &next_ms);

	s->figures.steps++;
	if (until_ms < own_ms)
		own_ms = until_ms;
	if (!l || (!l->alive && at_ms > own_ms)) {
		sim_chain_until(s->chain, own_ms);
	} else if (!l->alive) {
		sim_chain_until(s->chain, at_ms);
		s->figures.rises++;
		if (!l->is_copy)
			sim_older_rises(s);
		sim_process_rises(s, l);
		rose(s, l, sim_life_rise(l));
	} else {
		ended(s, l, sim_life_step(l, next_ms < own_ms ? next_ms : own_ms));
	}
}

void sim_story_meanwhile(struct sim_story *s, int64_t ms)
{
	int64_t until_ms = s->chain->now_ms + ms;

	while (!s->why[0] && s->chain->now_ms < until_ms) {
		sim_acts_do(s);
		step(s, until_ms);
	}
}

static bool is_over(struct sim_story *s)
{
	const struct sim_life *l = sim_story_owner(s);

	return s->calm && s->act == s->fate->acts_n && !s->people.wishes && l->alive &&
	    !l->stands && l->over && l->over_at == s->chain->head;
}

static void tell(struct sim_story *s)
{
	int64_t last_ms = s->fate->calm_ms + CALM_BLOCKS * s->fate->interval_ms;

	while (!s->why[0]) {
		sim_acts_do(s);
		if (is_over(s))
			break;
		if (sim_flip_is_given_up(s)) {
			sim_life_kill(sim_story_owner(s));
			last_ms += sim_story_ms(s);
		}
		if (sim_story_ms(s) > last_ms) {
			sim_life_explain(sim_story_owner(s));
			break;
		}
		step(s, INT64_MAX);
	}
}

/* What processes need is known by and by. */
static void spares_make(struct sim_story *s)
{
	s->told++;
	if (s->told != FIRST && s->told != FIRST_FEW)
		return;
	for (int i = 0; i < SIM_LIVES; i++) {
		sim_disk_put_back(s->disk, s->made);
		sim_life_spare(&s->life[i]);
	}
}

bool sim_story_tell(struct sim_story *s, const struct sim_fate *fate, FILE *out)
{
	story_begin(s, fate, out);
	do
		tell(s);
	while (!s->why[0] && !sim_life_read(sim_story_owner(s)));
	for (int i = 0; i < SIM_LIVES; i++) {
		if (s->life[i].alive && !s->why[0])
			(void)sim_life_stop(&s->life[i]);
		sim_life_kill(&s->life[i]);
	}
	if (!s->why[0])
		sim_judge_archives(s);
	if (!s->why[0])
		sim_judge_chain(s);
	sim_older_end(s);
	for (int i = 0; i < SIM_DISK_FAULTS; i++)
		s->figures.disk[i] = sim_disk_faults(s->disk, (enum sim_disk_fault)i);
	s->figures.blocks = s->chain->head->height;
	spares_make(s);
	sim_story_line(
	    s, "%s, %016" PRIx64, s->why[0] ? "ends wrong" : "ends well", s->trace);
	return !s->why[0];
}
