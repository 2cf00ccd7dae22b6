#include "serve/command/changes.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "codec/json.h"
#include "kinds/node/state/book.h"

enum err changes_do(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	struct book *b =
	    book_new(at->journal, world_wall_ms(at->world), at->face->node_chain);
	struct book_done done = { 0 };
	enum err e;

	if (at->face->rooted)
		book_rooted_by(b, at->face->rooted, at->face->ctx);
	e = book_lines(b, q->lines, q->lines_len, &done, f);

	if (e == ERR_OK)
		book_settle(b);
	book_free(b);
	ret->fresh = done.fresh;
	ret->known = done.known;
	ret->change = done.last;
	return e;
}

enum err changes_stand(struct journal *j, const struct told *told, struct fail *f)
{
	int64_t first = told->change - (told->fresh ? told->fresh - 1 : 0), by;
	enum book_stands stands = BOOK_STANDS;
	const char *was = told->fresh ? "did" : "found done";
	char from[40] = "";

	if (told->fresh || told->known)
		stands = book_stands(j, told->change, &by);
	if (told->fresh > 1)
		snprintf(from, sizeof from, "s %" PRId64 " to", first);
	if (stands == BOOK_MAY_STAND && !told->change)
		return fail_set(f, ERR_CONFLICT,
		    "what it %s was told by an older version, which kept no numbers of "
		    "changes, and the state was replaced by change %" PRId64
		    ", before or since; whether it is in that nobody here can say: look, "
		    "and if not, send it with a new key",
		    was, by);
	if (stands == BOOK_MAY_STAND)
		return fail_set(f, ERR_CONFLICT,
		    "what it %s, change%s %" PRId64
		    ", was before the state was replaced by one from elsewhere, by "
		    "change %" PRId64
		    "; whether that has it nobody here can say: look, and if not, send "
		    "it with a new key",
		    was, from, told->change, by);
	if (stands == BOOK_TAKEN_BACK)
		return fail_set(f, ERR_CONFLICT,
		    "what it %s, change%s %" PRId64 ", was taken back by change %" PRId64
		    ", a restore of the state: to do it again send it with a new key; of "
		    "lines with an id none is done twice",
		    was, from, told->change, by);
	return ERR_OK;
}

static json_t *amount_json(const struct amount *a)
{
	char text[AMOUNT_TEXT_MAX];

	amount_format(text, a, 0);
	return json_string(text);
}

void changes_encode(struct buf *out, struct journal *j)
{
	struct book_sums s;
	struct amount supply;
	json_t *o;

	book_sums(j, &s);
	supply = book_supply(&s);
	o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "supply", amount_json(&supply),
	    "minted", amount_json(&s.minted), "burned", amount_json(&s.burned),
	    "in_balances", amount_json(&s.balances), "in_escrows",
	    amount_json(&s.escrows), "changes", (json_int_t)s.changes);
	CHECK(o);
	for (int i = 0; i < L2_LISTS; i++)
		CHECK(json_object_set_new(
			  o, l2_kinds[i].many, json_integer((json_int_t)s.n[i])) == 0);
	json_line_add(out, o);
}
