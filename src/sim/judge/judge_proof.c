/* judge_proof.c - what the journal says of how a row was settled: the transaction that
 * it names is in the block that it names, as deep as finality asks. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "journal/sql.gen.h"
#include "sim/judge/judge_in.h"

#define HASH_TEXT 66

/* "... 0xHASH in final block N ...": the chain has it there, and so deep. */
static void proof_see(struct sim_story *s, int64_t row, const char *proof)
{
	static const char in_final[] = " in final block ",
			  given_back[] = "no bytes of it";
	const char *at = strstr(proof, in_final);
	const struct sim_inclusion *i = NULL;
	const struct sim_tx *t;
	char text[HASH_TEXT + 1] = "";
	struct hash hash;
	uint64_t height;

	if (!at && strncmp(proof, given_back, strlen(given_back)) != 0)
		sim_story_wrong(
		    s, "row %" PRId64 " is settled, and by nothing: %s", row, proof);
	if (!at || at - proof < HASH_TEXT || (s->broken & SIM_GROUND_FINAL))
		return; /* what was final may be undone by now */
	memcpy(text, at - HASH_TEXT, HASH_TEXT);
	height = strtoull(at + strlen(in_final), NULL, 10);
	t = hex_parse_0x(hash.at, sizeof hash.at, text) ? sim_tx_find(s->chain, &hash)
							: NULL;
	if (t)
		i = sim_inclusion_find(s->chain, s->chain->head, t);
	if (!i || i->block->height != height ||
	    height + s->fate->depth > s->chain->head->height)
		sim_story_wrong(s,
		    "row %" PRId64 " is settled: %s. The chain has it at %" PRId64
		    ", and its head is %" PRIu64,
		    row, proof, i ? (int64_t)i->block->height : -1,
		    s->chain->head->height);
}

void judge_proofs(struct sim_life *l, int64_t operation, int64_t row)
{
	struct sql_intent_by_row_in in = { .operation = operation, .row = row };
	struct sql_intent_by_row_out of;
	struct sql_intent_get_out i;

	sql_intent_by_row_begin(l->journal, &in);
	while (sql_intent_by_row_next(l->journal, &of))
		if (sql_intent_get_one(
			l->journal, &(struct sql_intent_get_in){ .id = of.id }, &i) &&
		    i.state >= INTENT_FINAL)
			proof_see(l->story, row, i.no_proof ? "no proof" : i.proof);
}
