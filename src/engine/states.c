#include "engine/states.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

struct state_row {
	enum machine machine;
	int code;
	const char *name;
};

struct edge_row {
	enum machine machine;
	int from, to;
};

static const struct state_row states[] = {
#define STATE(m, name, code, promise) { MACHINE_##m, code, #name },
#define EDGE(m, from, to, why)
#include "engine/states.def"
#undef STATE
#undef EDGE
};

static const struct edge_row edges[] = {
#define STATE(m, name, code, promise)
#define EDGE(m, from, to, why) { MACHINE_##m, m##_##from, m##_##to },
#include "engine/states.def"
#undef STATE
#undef EDGE
};

#define STATE_COUNT (sizeof states / sizeof *states)
#define STATE_NAME_MAX 24

/* The table shouts; people and scripts read lower case. */
static const char *lower(size_t at)
{
	static char names[STATE_COUNT][STATE_NAME_MAX];
	char *out = names[at];

	if (!out[0])
		for (size_t i = 0; i + 1 < STATE_NAME_MAX && states[at].name[i]; i++)
			out[i] = (char)tolower((unsigned char)states[at].name[i]);
	return out;
}

const char *state_name(enum machine m, int state)
{
	for (size_t i = 0; i < STATE_COUNT; i++)
		if (states[i].machine == m && states[i].code == state)
			return lower(i);
	return "unknown";
}

int state_by_name(enum machine m, const char *name)
{
	for (size_t i = 0; i < STATE_COUNT; i++)
		if (states[i].machine == m && strcmp(lower(i), name) == 0)
			return states[i].code;
	return -1;
}

bool state_there(enum machine m, int state)
{
	for (size_t i = 0; i < STATE_COUNT; i++)
		if (states[i].machine == m && states[i].code == state)
			return true;
	return false;
}

bool state_edge(enum machine m, int from, int to)
{
	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
		if (edges[i].machine == m && edges[i].from == from && edges[i].to == to)
			return true;
	return false;
}

static const char *machine_name(enum machine m)
{
	switch (m) {
	case MACHINE_ITEM:
		return "an item";
	case MACHINE_INTENT:
		return "an intent";
	case MACHINE_ATTEMPT:
		return "an attempt";
	case MACHINE_OPERATION:
		return "an operation";
	case MACHINE_TRACKED:
		return "a transaction that is followed";
	case MACHINE_PEGIN:
		return "a peg-in";
	case MACHINE_PEGOUT:
		return "a peg-out";
	case MACHINE_ANCHOR:
		return "an anchor";
	case MACHINE_JUDGEMENT:
		break;
	}
	return "a judgement";
}

void state_check(const struct journal *j, enum machine m, int from, int to,
    int64_t operation, int64_t row)
{
	if (!state_edge(m, from, to))
		journal_damaged(j,
		    "row %lld of operation %lld: %s that is %s can't become %s",
		    (long long)row, (long long)operation, machine_name(m),
		    state_name(m, from), state_name(m, to));
}
