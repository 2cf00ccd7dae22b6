/* schedule.c - the acts of a fate: their names, their order, and what is left of them. */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/disk/disk.h"
#include "sim/node/fault.h"
#include "sim/node/vice.h"
#include "sim/story/fate.h"
#include "sim/story/story.h"

/* -- what they are called ----------------------------------------------------- */

static const struct {
	const char *name, *of[3];
} acts[] = {
#define ACT(name, word, means, ...) [SIM_##name] = { word, { __VA_ARGS__ } },
#include "sim/story/acts.def"
#undef ACT
};

const char *sim_act_name(enum sim_act_kind kind)
{
	CHECK(kind < SIM_ACTS);
	return acts[kind].name;
}

/* -- numbers that have a name ------------------------------------------------- */

/* 1 + enum sim_disk_loss */
static const char *const powers[] = {
#define POWER(word, means) word,
#include "sim/story/values.def"
};

static const char *const keeps[] = {
#define KEPT(word, means) word,
#include "sim/story/values.def"
};

static const char *const backs[] = {
#define PUT_BACK(word, means) word,
#include "sim/story/values.def"
};

static const char *const edits[] = {
#define EDITED(word, means) word,
#include "sim/story/values.def"
};

static const char *const robs[] = {
#define ROBBED(word, means) word,
#include "sim/story/values.def"
};

static const char *const receives[] = {
#define RECEIVED(word, means) word,
#include "sim/story/values.def"
};

#define N(words) (sizeof words / sizeof *(words))

_Static_assert(N(powers) == 2 + SIM_LOSE_ALL, "each has its word");
_Static_assert(N(keeps) == SIM_KEEPS, "each has its word");
_Static_assert(N(backs) == SIM_BACKS, "each has its word");
_Static_assert(N(edits) == 1 + SIM_EDIT_PART, "each has its word");
_Static_assert(N(robs) == 1 + SIM_ROBBED_LOCK, "each has its word");
_Static_assert(N(receives) == SIM_RECEIVES, "each has its word");

const char *sim_receives_name(enum sim_receives how)
{
	return receives[how];
}

#define OF(kind, parameter, words)                         \
	{                                                  \
		SIM_##kind, (parameter), (words), N(words) \
	}

static const struct {
	enum sim_act_kind kind;
	int parameter;
	const char *const *words;
	size_t n;
} named[] = {
	OF(DIE_OP, 1, powers),
	OF(DIE_POINT, 1, powers),
	OF(DIE_EVENT, 1, powers),
	OF(KEEP, 0, keeps),
	OF(BACK, 0, backs),
	OF(EDIT, 1, edits),
	OF(STAND, 2, robs),
	OF(RECEIVER, 1, receives),
};

/* What the number of a parameter stands for; NULL: for itself. */
static const char *act_word(const struct sim_act *a, int parameter, int64_t value)
{
	if (a->kind == SIM_NET && parameter == 0)
		return sim_fault_name((enum sim_fault)value);
	if (a->kind == SIM_VICE && parameter == 0)
		return sim_vice_name((enum sim_vice)value);
	for (size_t i = 0; i < N(named); i++)
		if (named[i].kind == a->kind && named[i].parameter == parameter) {
			CHECK(value >= 0 && (size_t)value < named[i].n);
			return named[i].words[value];
		}
	return NULL;
}

/* "1,3": the first and the third. */
static void nodes_format(struct buf *out, uint32_t nodes)
{
	const char *between = "";

	for (int i = 0; i < SIM_NODES_MAX; i++) {
		if (!(nodes >> i & 1))
			continue;
		buf_addf(out, "%s%d", between, i + 1);
		between = ",";
	}
}

void sim_act_format(struct buf *out, const struct sim_act *a)
{
	const int64_t value[] = { a->a, a->b, a->c };

	buf_addf(out, "%" PRIu32 " %s", a->number, acts[a->kind].name);
	for (int i = 0; i < 3; i++) {
		const char *word = act_word(a, i, value[i]);

		if (!acts[a->kind].of[i][0])
			continue;
		buf_addf(out, " %s=", acts[a->kind].of[i]);
		if (word)
			buf_add_str(out, word);
		else if (a->kind == SIM_VICE && i == 1)
			nodes_format(out, (uint32_t)a->b);
		else
			buf_addf(out, "%" PRId64, value[i]);
	}
}

/* -- their order ----------------------------------------------------------------- */

void sim_fate_add(struct sim_fate *f, struct sim_act act)
{
	size_t at = f->acts_n;

	f->acts = mem_grow(f->acts, f->acts_n + 1, sizeof *f->acts);
	while (at > 0 && f->acts[at - 1].at_ms > act.at_ms)
		at--;
	memmove(&f->acts[at + 1], &f->acts[at], (f->acts_n - at) * sizeof *f->acts);
	f->acts[at] = act;
	f->acts_n++;
}

void sim_fate_copy(struct sim_fate *ret, const struct sim_fate *from)
{
	*ret = *from;
	ret->acts = mem_copy(from->acts, from->acts_n * sizeof *from->acts);
}

void sim_fate_release(struct sim_fate *f)
{
	mem_free(f->acts);
	f->acts = NULL;
	f->acts_n = 0;
}

bool sim_act_is_fault(const struct sim_act *a)
{
	return a->kind != SIM_CREATE && a->kind != SIM_FUND;
}

void sim_fate_keep(struct sim_fate *f, const bool *keep)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->acts_n; i++)
		if (!sim_act_is_fault(&f->acts[i]) || keep[f->acts[i].number])
			f->acts[kept++] = f->acts[i];
	f->acts_n = kept;
}

void sim_fate_numbers(struct buf *out, const struct sim_fate *f)
{
	const char *between = "";

	for (size_t i = 0; i < f->acts_n; i++) {
		if (!sim_act_is_fault(&f->acts[i]))
			continue;
		buf_addf(out, "%s%" PRIu32, between, f->acts[i].number);
		between = ",";
	}
}
