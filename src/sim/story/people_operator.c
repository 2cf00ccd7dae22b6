/* people_operator.c - the operator: he looks at what waits, and types the line that it
 * names. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "sim/judge/judge.h"
#include "sim/story/people_in.h"

#define CAP_TEXT "1000000"
#define YES "--yes="

/* -- the line that is to be typed ---------------------------------------------------- */

static bool word_take(const char **at, char *out, size_t size)
{
	size_t len = strcspn(*at, " ;,\n");

	if (len && (*at)[len - 1] == '.')
		len--; /* of the sentence around it */
	if (!len || len >= size)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	*at += **at == ' ';
	return true;
}

/* The amount that was named, or one of his own. */
static void cap_take(struct request *ret, const char **at)
{
	char word[AMOUNT_TEXT_MAX];
	struct amount cap;

	if (!word_take(at, word, sizeof word) ||
	    amount_parse(&cap, word, strlen(word), 18) != AMOUNT_OK)
		snprintf(word, sizeof word, CAP_TEXT);
	snprintf(ret->cap, sizeof ret->cap, "%s", word);
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
		if (!strcmp(word, "--max-total-fee"))
			cap_take(ret, &at);
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

/* -- the operator --------------------------------------------------------- */

bool sim_operator_word(uint32_t *ret, const char *why)
{
	const char *at = strstr(why, YES);

	return at && word_parse(ret, at + strlen(YES), WORD_LEN);
}

/* Is another copy of the journal running? That one ends first. */
static void types(struct sim_story *s, struct request *q)
{
	if (s->life[1].is_copy) {
		s->life[1].wanted_until_ms = s->chain->now_ms;
		return;
	}
	q->yes = s->people.yes ? s->people.word : WORD_NONE;
	sim_operator_wishes(s, q);
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

/* Of one that is gone he is told when it is back; at times he does not wait for that. */
static bool sees_suspended(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct request q = { .route = ROUTE_RESUME_NOTIFY };

	for (int i = 0; i < s->receivers; i++) {
		int64_t id = sim_judge_suspended(l, i);
		bool is_back = s->receiver[i].how != SIM_RECEIVES_GONE;

		if (!id || (!is_back && !sim_random_hit(&s->receiver_dice, 100)))
			continue;
		snprintf(q.name, sizeof q.name, "%" PRId64, id);
		types(s, &q);
		return true;
	}
	return false;
}

void sim_operator_looks(struct sim_life *l)
{
	const struct chain_run *c = &l->runner->chains[0];
	struct request q = { .route = ROUTE_RESUME_CHAIN };

	if (follower_stopped(c->follower)) {
		snprintf(q.name, sizeof q.name, "%s", c->config->name);
		types(l->story, &q);
		return;
	}
	if (looks_at_accounts(l->story, c) || sees_suspended(l))
		return;
	for (size_t i = 0; i < l->runner->operations_n; i++) {
		const struct operation *o = l->runner->operations[i];

		if (advice_take(&q, o->waits_for)) {
			types(l->story, &q);
			return;
		}
		if (o->state == OPERATION_PAUSED) {
			q = (struct request){ .route = ROUTE_RESUME };
			snprintf(q.name, sizeof q.name, "%s", o->name);
			types(l->story, &q);
			return;
		}
		if (o->state == OPERATION_NEEDS_OPERATOR)
			sim_story_wrong(
			    l->story, "%s: no line to type: %s", o->name, o->waits_for);
	}
}

static void advised(struct sim_life *l, const struct request *q)
{
	struct sim_story *s = l->story;

	for (int i = 0; i < s->fate->lists && q->repair == REPAIR_ADOPT; i++)
		if (!strcmp(q->name, s->list[i].name))
			sim_judge_advised(l, i, q->row);
}

void sim_operator_refused(struct sim_life *l, const char *why)
{
	struct sim_story *s = l->story;
	struct request q;
	const char *at = why;

	s->people.yes = true;
	(void)sim_operator_word(&s->people.word, why);
	while ((at = strstr(at, "pawl repair "))) {
		if (line_parse(&q, at)) {
			advised(l, &q);
			sim_operator_wishes(s, &q);
			s->people.yes = false;
		}
		at++;
	}
}
