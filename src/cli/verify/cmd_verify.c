/* verify: was every planned row paid exactly once, by the chain's own word?
 *
 * The nonces of the account are walked from the operation's first to its last. For each,
 * the journal only says which hashes to ask for; what consumed it, whom it paid and how
 * much arrived is read from the nodes. A nonce that nothing explains may have paid
 * somebody, so it is a mismatch, as is every row that no final transaction pays: a void
 * row too. Then the journal is held against itself: plan hash, totals, event chain.
 *
 * Suspect transactions are looked at wherever they are. What the account did before the
 * journal knew it and nobody read back can't be judged: it is counted.
 *
 * Of an operation that is under way, or was cancelled, rows that are not paid yet, or not
 * any more, are no mismatches: they are counted apart, and it is not proven then either.
 */
#include "cli/verify/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/endpoint.h"
#include "journal/sql.gen.h"

#define SHOWN_MAX 20 /* of them, to a person */
#define FINAL_PATIENCE_MS 5000

/* -- telling --------------------------------------------------------------- */

static void mismatch_tell(const json_t *m)
{
	const json_t *row = json_object_get(m, "row");
	const json_t *nonce = json_object_get(m, "nonce");
	const json_t *tx = json_object_get(m, "tx");

	if (row)
		printf("row %" JSON_INTEGER_FORMAT ": ", json_integer_value(row));
	if (nonce)
		printf("nonce %" JSON_INTEGER_FORMAT ": ", json_integer_value(nonce));
	printf("%s%s%s\n", json_string_value(json_object_get(m, "why")), tx ? ": " : "",
	    tx ? json_string_value(tx) : "");
}

static void tell_people(
    const struct verify *v, const char *planned, const char *final, bool as_planned)
{
	const json_t *m;
	size_t i;

	json_array_foreach(v->mismatches, i, m)
	{
		if (i < SHOWN_MAX)
			mismatch_tell(m);
	}
	if (i > SHOWN_MAX)
		printf("and %" PRId64 " more: pawl verify %s --json\n",
		    (int64_t)(i - SHOWN_MAX) + v->more, v->operation.name);
	printf("%s: %" PRId64 " of %" PRId64 " rows paid exactly once, %s of %s%s%s%s\n",
	    v->operation.name, v->final, v->operation.items, final, planned,
	    v->asset.symbol[0] ? " " : "", v->asset.symbol,
	    as_planned ? "" : "; this is not as planned");
	if (v->skipped)
		printf("%" PRId64 " row%s skipped by the operator, and not paid\n",
		    v->skipped, v->skipped == 1 ? " was" : "s were");
	if (v->suspects)
		printf("%" PRId64
		       " transaction%s that this journal does not know may be a payment "
		       "of its rows\n",
		    v->suspects, v->suspects == 1 ? "" : "s");
	if (v->unseen)
		printf("%" PRIu64
		       " earlier transaction%s of the account are not known to this "
		       "journal, and were not read\n",
		    v->unseen, v->unseen == 1 ? "" : "s");
	cli_say(v->cli,
	    "Read from %d of the %d nodes of chain %s, up to its final block %" PRIu64
	    ".",
	    ask_answering(v->ask), v->chain->endpoints_n, v->chain->name,
	    v->final_height);
}

/* Mismatches go before all else; without them, why it is not proven all the same. */
static enum err verdict(const struct verify *v, int64_t mismatches, struct fail *f)
{
	const struct operation *o = &v->operation;

	if (mismatches)
		return fail_set(f, ERR_MISMATCH, "%s: %" PRId64 " mismatch%s", o->name,
		    mismatches, mismatches == 1 ? "" : "es");
	if (v->under_way && operation_ended(o))
		return fail_set(f, ERR_STOPPED, "%s has ended meanwhile: pawl verify %s",
		    o->name, o->name);
	if (v->under_way)
		return fail_set(f, ERR_STOPPED,
		    "%s is %s: %" PRId64 " of %" PRId64
		    " rows are not final yet; what is final is as planned",
		    o->name, state_name(MACHINE_OPERATION, o->state), v->open, o->items);
	if (v->open)
		return fail_set(f, ERR_OPERATOR,
		    "%s was cancelled: %" PRId64 " of %" PRId64
		    " rows are not paid; what is paid is as planned",
		    o->name, v->open, o->items);
	return ERR_OK;
}

static enum err tell(struct verify *v, struct fail *f)
{
	char planned[AMOUNT_TEXT_MAX], final[AMOUNT_TEXT_MAX], more[48];
	int64_t n = (int64_t)json_array_size(v->mismatches) + v->more;
	enum err e;

	utf8_plain(v->operation.name);
	e = verdict(v, n, f);
	amount_format(planned, &v->operation.planned, v->asset.decimals);
	amount_format(final, &v->final_total, v->asset.decimals);
	v->cli->told = true;
	if (!v->cli->args.json) {
		tell_people(v, planned, final, n == 0);
		return e;
	}
	if (v->more) {
		snprintf(more, sizeof more, "and %" PRId64 " more", v->more);
		json_array_append_new(v->mismatches, json_pack("{s:s}", "why", more));
	}
	cli_json(json_pack("{s:b, s:I, s:I, s:I, s:O, s:s, s:s, s:I, s:I}", "ok",
	    e == ERR_OK, "rows", (json_int_t)v->operation.items, "final",
	    (json_int_t)v->final, "skipped", (json_int_t)v->skipped, "mismatches",
	    v->mismatches, "planned_total", planned, "final_total", final, "suspects",
	    (json_int_t)v->suspects, "unseen", (json_int_t)v->unseen));
	return e;
}

/* -- the command ----------------------------------------------------------- */

static enum err load(struct verify *v, struct fail *f)
{
	struct journal *j = v->journal;
	enum err e = report_find(j, args_word(&v->cli->args, 0), &v->operation, f);

	if (e == ERR_OK)
		e = report_account(j, &v->operation, &v->account, f);
	if (e == ERR_OK)
		e = report_asset(j, &v->operation, &v->asset, f);
	if (e == ERR_OK && report_fences(&v->operation))
		return fail_set(f, ERR_NOT_FOUND,
		    "%s is a fence: it pays nobody, and has no rows to verify",
		    v->operation.name);
	if (e == ERR_OK && !airdrop_read(j, v->operation.id, &v->facts))
		e = fail_set(f, ERR_DAMAGED, "the airdrop's facts are missing");
	if (e == ERR_OK)
		e = report_chain(v->cli->config, j, v->operation.chain, &v->chain, f);
	if (e == ERR_OK)
		endpoints_mark(j, v->chain);
	v->under_way = !operation_ended(&v->operation);
	return e;
}

/* The right chain, how far it is final, and how many nonces are consumed. */
static enum err meet(struct verify *v, struct fail *f)
{
	struct ask *quick = ask_new(v->world, v->chain, FINAL_PATIENCE_MS, true);
	struct identity identity;
	struct account_seen seen = { 0 };
	enum err e = ask_identity(v->ask, &identity, f);

	if (e == ERR_OK && !hash_same(&identity.genesis, &v->account.genesis))
		e = fail_set(f, ERR_WRONG_CHAIN,
		    "the nodes of %s serve another chain than the operation's: its "
		    "genesis differs; correct its endpoints in pawl.yaml",
		    v->chain->name);
	if (e == ERR_OK)
		e = look_final(quick, v->chain, &v->final_height, f);
	if (e == ERR_OK)
		e = ask_account(v->ask, &v->account.address, &seen, f);
	v->count = seen.count;
	ask_free(quick);
	return e;
}

static enum err verify(struct verify *v, struct fail *f)
{
	enum err e = load(v, f);

	if (e == ERR_OK)
		e = world_open(&v->world, f);
	if (e != ERR_OK)
		return e;
	v->ask = ask_new(v->world, v->chain, ASK_PATIENCE_MS, true);
	ask_waits(v->ask, cli_waits, v->cli);
	v->paid = mem_new((size_t)v->operation.items / 8 + 1);
	v->late = mem_new((size_t)v->operation.items / 8 + 1);
	v->mismatches = json_array();
	e = meet(v, f);
	if (e == ERR_OK)
		e = verify_chain(v, f);
	if (e != ERR_OK)
		return e;
	/* The rows and totals of one moment, as they are now. */
	journal_read_begin(v->journal);
	if (operation_read(v->journal, v->operation.id, &v->operation))
		verify_journal(v);
	journal_read_end(v->journal);
	return tell(v, f);
}

enum err cmd_verify(struct cli *c, struct fail *f)
{
	struct verify v = { .cli = c };
	enum err e = report_open(c, &v.journal, f);

	if (e == ERR_OK)
		e = verify(&v, f);
	world_free(v.world);
	ask_free(v.ask);
	if (v.journal)
		journal_close(v.journal);
	mem_free(v.paid);
	mem_free(v.late);
	json_decref(v.mismatches);
	return e;
}
