#include <jansson.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/node/fault.h"

/* -- the table --------------------------------------------------------------- */

static const struct {
	const char *name;
	bool executes;
} faults[] = {
	[SIM_FAULT_NONE] = { "none", true },
#define FAULT(name, word, means, executed) [SIM_FAULT_##name] = { word, executed },
#include "sim/node/fault.def"
#undef FAULT
};

const char *sim_fault_name(enum sim_fault fault)
{
	CHECK(fault < SIM_FAULT_COUNT);
	return faults[fault].name;
}

bool sim_fault_executes(enum sim_fault fault)
{
	CHECK(fault < SIM_FAULT_COUNT);
	return faults[fault].executes;
}

/* -- where things are in an answer that is right ------------------------------- */

/* "name":value */
struct member {
	size_t at, value, end;
};

static size_t string_end(const char *text, size_t at)
{
	for (at++; text[at] != '"'; at++)
		at += text[at] == '\\';
	return at + 1;
}

/* Behind the value that begins there. */
static size_t value_end(const char *text, size_t at)
{
	int depth = 0;

	do {
		if (text[at] == '"') {
			at = string_end(text, at);
			continue;
		}
		depth += text[at] == '{' || text[at] == '[';
		depth -= text[at] == '}' || text[at] == ']';
		at++;
	} while (depth > 0 ||
	    (text[at] && text[at] != ',' && text[at] != '}' && text[at] != ']'));
	return at;
}

/* The first one from there on, however deep. */
static bool member_next(const char *text, size_t from, struct member *ret)
{
	while (text[from]) {
		size_t end = text[from] == '"' ? string_end(text, from) : from + 1;

		if (text[from] == '"' && text[end] == ':') {
			*ret = (struct member){ from, end + 1, value_end(text, end + 1) };
			return true;
		}
		from = end;
	}
	return false;
}

typedef bool fits_fn(const char *text, const struct member *m);

static bool fits_any(const char *text, const struct member *m)
{
	(void)text;
	(void)m;
	return true;
}

static bool fits_number(const char *text, const struct member *m)
{
	return strncmp(text + m->value, "\"0x", 3) == 0;
}

static bool fits_id(const char *text, const struct member *m)
{
	return strncmp(text + m->at, "\"id\":", 5) == 0 && text[m->value] >= '0' &&
	    text[m->value] <= '9';
}

/* Any of those that fit. */
static bool member_draw(
    const char *text, fits_fn *fits, struct sim_random *random, struct member *ret)
{
	struct member m;
	uint64_t n = 0;

	for (size_t at = 0; member_next(text, at, &m); at = m.value)
		if (fits(text, &m) && sim_random_below(random, ++n) == 0)
			*ret = m;
	return n > 0;
}

/* -- changing it --------------------------------------------------------------- */

static void put(struct buf *answer, size_t from, size_t to, const char *instead)
{
	struct buf changed;

	buf_init(&changed, answer->max);
	buf_add(&changed, answer->data, from);
	buf_add_str(&changed, instead);
	buf_add(&changed, answer->data + to, answer->len - to);
	buf_release(answer);
	*answer = changed;
}

static void all(struct buf *answer, const char *instead)
{
	put(answer, 0, answer->len, instead);
}

static void member_twice(struct buf *answer, const struct member *m)
{
	size_t len = m->end - m->at;
	char *text = mem_strn(buf_text(answer) + m->at, len);

	put(answer, m->at, m->at, ",");
	put(answer, m->at, m->at, text);
	mem_free(text);
}

static void member_drop(struct buf *answer, const struct member *m)
{
	const char *text = buf_text(answer);
	bool first = text[m->at - 1] == '{';

	put(answer, first ? m->at : m->at - 1,
	    first && text[m->end] == ',' ? m->end + 1 : m->end, "");
}

/* Nothing is no empty list: of what is not there yet that would be another answer. */
static void value_other(
    struct buf *answer, const struct member *m, struct sim_random *random)
{
	static const char *const values[] = { "\"0x1\"", "7", "[]", "{}", "true",
		"-1.5e3" };
	char now = buf_text(answer)[m->value];
	const char *other;

	do
		other = values[sim_random_below(random, 6)];
	while (*other == now || (*other == '7' && now >= '0' && now <= '9') ||
	    (*other == 't' && now == 'f') || (*other == '[' && now == 'n'));
	put(answer, m->value, m->end, other);
}

/* An odd number of digits: no bytes either. */
static void value_huge(struct buf *answer, const struct member *m)
{
	char text[76] = "\"0x";

	memset(text + 3, 'f', 71);
	text[74] = '"';
	put(answer, m->value, m->end, text);
}

static bool is_json(const struct buf *answer)
{
	json_t *value =
	    json_loadb(buf_text(answer), answer->len, JSON_REJECT_DUPLICATES, NULL);

	json_decref(value);
	return value != NULL;
}

static void flip(struct buf *answer, struct sim_random *random)
{
	for (int tries = 0; answer->len && tries < 200; tries++) {
		uint8_t *at = answer->data + sim_random_below(random, answer->len);
		uint8_t was = *at;

		*at ^= (uint8_t)(1u << sim_random_below(random, 8));
		if (*at && !is_json(answer))
			return;
		*at = was;
	}
	all(answer, "");
}

/* -- batches ------------------------------------------------------------------- */

#define ANSWERS_MAX 1024

/* Where the answers of a batch are; 0: it is none. */
static size_t answers_of(const char *text, struct member at[ANSWERS_MAX])
{
	size_t n = 0, from = 1;

	if (text[0] != '[')
		return 0;
	while (text[from] == '{' && n < ANSWERS_MAX) {
		at[n] = (struct member){ from, from, value_end(text, from) };
		from = at[n++].end;
		from += text[from] == ',';
	}
	return n;
}

static void answers_put(
    struct buf *answer, const struct member *at, size_t n, const char *text)
{
	buf_add_byte(answer, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_byte(answer, ',');
		buf_add(answer, text + at[i].at, at[i].end - at[i].at);
	}
	buf_add_byte(answer, ']');
}

static void batch_mangle(
    enum sim_fault fault, struct buf *answer, struct sim_random *random)
{
	struct member *at = mem_array(2 * ANSWERS_MAX, sizeof *at);
	size_t n = answers_of(buf_text(answer), at);
	struct buf changed;

	if (fault == SIM_FAULT_DOUBLED && n) {
		memcpy(at + n, at, n * sizeof *at);
		n *= 2;
	}
	for (size_t i = n; i > 1; i--) {
		size_t k = sim_random_below(random, i);
		struct member last = at[i - 1];

		at[i - 1] = at[k];
		at[k] = last;
	}
	buf_init(&changed, answer->max);
	answers_put(&changed, at, n, buf_text(answer));
	mem_free(at);
	if (!n) {
		buf_release(&changed);
		return;
	}
	buf_release(answer);
	*answer = changed;
}

static void id_other(struct buf *answer, const struct member *m)
{
	put(answer, m->value, m->value, "100");
}

static void member_mangle(
    enum sim_fault fault, struct buf *answer, struct sim_random *random)
{
	fits_fn *fits = fault == SIM_FAULT_HUGE ? fits_number
	    : fault == SIM_FAULT_OTHER_ID       ? fits_id
						: fits_any;
	struct member m;

	if (!member_draw(buf_text(answer), fits, random, &m))
		return;
	if (fault == SIM_FAULT_TWICE)
		member_twice(answer, &m);
	else if (fault == SIM_FAULT_MISSING)
		member_drop(answer, &m);
	else if (fault == SIM_FAULT_TYPE)
		value_other(answer, &m, random);
	else if (fault == SIM_FAULT_HUGE)
		value_huge(answer, &m);
	else
		id_other(answer, &m);
}

void sim_fault_mangle(enum sim_fault fault, struct buf *answer, struct sim_random *random)
{
	switch ((int)fault) {
	case SIM_FAULT_CUT:
		put(answer, answer->len / 2, answer->len, "");
		return;
	case SIM_FAULT_EMPTY:
		all(answer, "");
		return;
	case SIM_FAULT_PAGE:
		all(answer, "<!doctype html><title>Just a moment...</title>");
		return;
	case SIM_FAULT_FLIPPED:
		flip(answer, random);
		return;
	case SIM_FAULT_TWICE:
	case SIM_FAULT_MISSING:
	case SIM_FAULT_TYPE:
	case SIM_FAULT_HUGE:
	case SIM_FAULT_OTHER_ID:
		member_mangle(fault, answer, random);
		return;
	case SIM_FAULT_DOUBLED:
	case SIM_FAULT_SHUFFLED:
		batch_mangle(fault, answer, random);
		return;
	default:
		return;
	}
}
