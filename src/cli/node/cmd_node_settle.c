/* node settle: peg-ins that were minted and have nothing behind them, or nothing that
 * this journal knows of, all of them, and those that were settled and have their block
 * again; and that people have settled some. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "cli/node/put.h"
#include "cli/report/report.h"
#include "kinds/node/state/book.h"

#define TOLD_MAX 1100
#define ID_MAX 64

/* Why they are listed. */
enum listed {
	LOST,   /* a block had them, and has not any more */
	AGAIN,  /* settled as lost, and a block has them again */
	UNSEEN, /* with a state from elsewhere, and no block of theirs was read */
	BY_WORD /* of this journal's own state, and no block of theirs was read */
};

struct settling {
	struct cli *cli;
	enum listed why;
	uint64_t n, settled, before;
	struct amount all, open; /* open: of those that are not settled */
};

static const char *shown(char out[TOLD_MAX], struct l2_bytes text)
{
	snprintf(out, TOLD_MAX, "%.*s", (int)text.len, text.len ? text.at : "");
	utf8_plain(out);
	return out;
}

static json_t *json_settled(const struct uncovered *u, int64_t change)
{
	char why[TOLD_MAX];

	if (!change)
		return json_null();
	return json_pack("{s:I, s:I, s:o}", "change", (json_int_t)change, "at_ms",
	    (json_int_t)u->at_ms, "why", cli_text(shown(why, u->why)));
}

static void json_one(
    const struct settling *s, const struct uncovered *u, const char *id, const char *dest)
{
	json_t *settled = json_settled(u, u->change), *was = json_settled(u, u->before);

	if (u->before)
		json_object_set_new(was, "looked",
		    u->looked ? json_integer((json_int_t)u->looked) : json_null());
	cli_json(json_pack("{s:o, s:I, s:I, s:o, s:b, s:b, s:b, s:o, s:o}", "pegin",
	    cli_text(id), "amount", (json_int_t)u->amount, "minted",
	    (json_int_t)u->minted, "dest", cli_text(dest), "seen",
	    s->why == LOST || s->why == AGAIN, "in_block", s->why == AGAIN, "by_word",
	    s->why == BY_WORD, "settled", settled, "settled_before", was));
}

/* That it is not settled; how it was once. */
static void unsettled_tell(const struct settling *s, const struct uncovered *u)
{
	char why[TOLD_MAX], time[REPORT_TIME_MAX], looked[60] = "";

	printf("%s", s->why == BY_WORD ? "by somebody's word" : "not settled");
	if (u->looked)
		snprintf(looked, sizeof looked,
		    " (looked at by change %" PRId64 ", when a block had it)", u->looked);
	if (u->before) {
		report_time(time, u->at_ms);
		printf("; settled before by change %" PRId64 " of %s%s: %s", u->before,
		    time, looked, shown(why, u->why));
	}
	printf("\n");
}

static void one(void *ctx, const struct uncovered *u)
{
	static const char *const before[] = { [LOST] = "",
		[UNSEEN] = "no block of it was seen here; ",
		[BY_WORD] = "no block of it was seen here; ",
		[AGAIN] = "a block has it again; " };
	struct settling *s = ctx;
	struct amount more = amount_u64(u->amount);
	char id[TOLD_MAX], dest[TOLD_MAX], why[TOLD_MAX], time[REPORT_TIME_MAX];

	s->n++;
	s->settled += u->change != 0;
	s->before += u->before != 0;
	CHECK(amount_add(&s->all, &s->all, &more));
	if (!u->change)
		CHECK(amount_add(&s->open, &s->open, &more));
	(void)shown(id, u->id);
	(void)shown(dest, u->dest);
	if (s->cli->args.json) {
		json_one(s, u, id, dest);
		return;
	}
	printf("%s %" PRIu64 " satoshi, %" PRIu64 " of them minted for %s: %s", id,
	    u->amount, u->minted, dest, before[s->why]);
	if (!u->change) {
		unsettled_tell(s, u);
		return;
	}
	report_time(time, u->at_ms);
	printf("settled by change %" PRId64 " of %s: %s\n", u->change, time,
	    shown(why, u->why));
}

static void sum_up(const struct settling *s)
{
	char all[AMOUNT_TEXT_MAX], open[AMOUNT_TEXT_MAX];
	const char *many = s->n == 1 ? "" : "s";

	if (s->cli->args.json || !s->n)
		return;
	amount_format(all, &s->all, 0);
	amount_format(open, &s->open, 0);
	if (s->why == AGAIN)
		cli_say(s->cli,
		    "Settled, and in a block again: %" PRIu64
		    " peg-in%s of %s satoshi. Who was debited lacks the money: once that "
		    "is looked at, pawl node settle PEGIN --why TEXT.",
		    s->n, many, all);
	else if (s->why == BY_WORD)
		cli_say(s->cli,
		    "Minted by somebody's word, and in no block that this journal has "
		    "seen: %" PRIu64 " peg-in%s of %s satoshi.",
		    s->n, many, all);
	else
		cli_say(s->cli,
		    "Minted, and in no block %s: %" PRIu64 " peg-in%s, %" PRIu64
		    " of them settled; %s satoshi are not.%s",
		    s->why == LOST ? "any more"
				   : "that this journal has seen, as the state came from "
				     "elsewhere",
		    s->n, many, s->settled, open,
		    s->before ? " What was settled before may be paid for, or taken "
				"back, already."
			      : "");
}

static enum err list(struct cli *c, struct fail *f)
{
	static void (*const each[])(struct journal *, uncovered_fn *, void *) = {
		[LOST] = book_uncovered,
		[AGAIN] = book_settled_again,
		[UNSEEN] = book_unseen,
		[BY_WORD] = book_by_word,
	};
	struct settling of[BY_WORD + 1];
	struct journal *j;
	uint64_t n = 0;
	enum err e = report_open(c, &j, f);

	if (e != ERR_OK)
		return e;
	journal_read_begin(j);
	for (enum listed i = LOST; i <= BY_WORD; i++) {
		of[i] = (struct settling){ .cli = c, .why = i };
		each[i](j, one, &of[i]);
		n += of[i].n;
	}
	journal_read_end(j);
	journal_close(j);
	for (enum listed i = LOST; i <= BY_WORD; i++)
		sum_up(&of[i]);
	if (!c->args.json && !n)
		cli_say(c, "Each peg-in that was minted has its block behind it.");
	return ERR_OK;
}

/* Of this command alone: an answer that was lost is asked for again, and the same words
 * may be said again when the block is lost once more. */
static void id_add(struct buf *lines, int n)
{
	char id[ID_MAX];

	snprintf(
	    id, sizeof id, "settle/%" PRId64 "/%d/%d", clock_wall_ms(), (int)getpid(), n);
	change_text_format(lines, "id", l2_text(id));
	buf_add_byte(lines, ',');
}

static enum err settle(struct cli *c, const char *why, struct fail *f)
{
	int n = c->args.words_n;
	struct buf lines;
	enum err e;

	buf_init(&lines, (size_t)ARGS_WORDS_MAX * CHANGE_LINE_MAX);
	for (int i = 0; i < n; i++) {
		buf_add_str(&lines, "{\"do\":\"pegin_settle\",");
		if (!MUTANT(settle_asked_twice))
			id_add(&lines, i);
		change_text_format(&lines, "peg", l2_text(args_word(&c->args, i)));
		buf_add_byte(&lines, ',');
		change_text_format(&lines, "why", l2_text(why));
		buf_add_str(&lines, "}\n");
	}
	e = buf_ok(&lines) ? put_lines(c, buf_text(&lines), f)
			   : fail_set(f, ERR_TOO_BIG,
				 "too many peg-ins, or too long ones: give it parts");
	buf_release(&lines);
	if (e == ERR_OK && c->args.json)
		cli_json(json_pack("{s:i}", "settled", n));
	else if (e == ERR_OK)
		cli_say(c,
		    "%d peg-in%s settled: nothing is said of %s any more, until a block "
		    "takes the transaction in again, or loses it.",
		    n, n == 1 ? " is" : "s are", n == 1 ? "it" : "them");
	return e;
}

enum err cmd_node_settle(struct cli *c, struct fail *f)
{
	const char *why = args_get(&c->args, "--why");
	enum err e = cli_config(c, f);

	if (e != ERR_OK)
		return e;
	if (!c->args.words_n && why)
		return fail_set(f, ERR_USAGE,
		    "--why says how a peg-in was settled: name it, as pawl node settle "
		    "lists it");
	if (!c->args.words_n)
		return list(c, f);
	if (!why)
		return fail_set(f, ERR_USAGE,
		    "--why TEXT: who says that it is settled, and what was done, is kept "
		    "in the journal");
	return settle(c, why, f);
}
