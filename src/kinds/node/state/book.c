#include "kinds/node/state/book_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "journal/archive.h"

/* -- totals ---------------------------------------------------------------- */

bool totals_get(struct book *b)
{
	struct sql_node_total_get_out o;

	if (!sql_node_total_get_one(b->journal, &o))
		return false;
	b->minted = o.minted;
	b->burned = o.burned;
	b->sums[L2_BALANCES] = o.balance_sum;
	b->sums[L2_ESCROWS] = o.escrow_sum;
	b->n[L2_BALANCES] = o.balances;
	b->n[L2_ESCROWS] = o.escrows;
	b->n[L2_PEGINS] = o.pegins;
	b->n[L2_PEGOUTS] = o.pegouts;
	b->n[L2_TASKS] = o.tasks;
	b->digest = amount_decode(o.digest);
	memcpy(b->link, o.link, sizeof b->link);
	b->changes = o.changes;
	b->base = o.base;
	if (!o.no_base_link)
		memcpy(b->base_link, o.base_link, sizeof b->base_link);
	return true;
}

static void totals_put(const struct book *b)
{
	struct sql_node_total_put_in in = { .minted = b->minted,
		.burned = b->burned,
		.balance_sum = b->sums[L2_BALANCES],
		.escrow_sum = b->sums[L2_ESCROWS],
		.balances = b->n[L2_BALANCES],
		.escrows = b->n[L2_ESCROWS],
		.pegins = b->n[L2_PEGINS],
		.pegouts = b->n[L2_PEGOUTS],
		.tasks = b->n[L2_TASKS],
		.changes = b->changes };

	amount_encode(in.digest, &b->digest);
	memcpy(in.link, b->link, sizeof in.link);
	sql_node_total_put(b->journal, &in);
}

bool totals_hold(const struct book *b)
{
	struct amount supply, there;

	return amount_sub(&supply, &b->minted, &b->burned) &&
	    amount_add(&there, &b->sums[L2_BALANCES], &b->sums[L2_ESCROWS]) &&
	    amount_cmp(&supply, &there) == 0;
}

void totals_tell(const struct book *b, char out[TOLD_MAX])
{
	char link[L2_HEX], digest[L2_HEX];
	uint8_t bytes[32];

	amount_encode(bytes, &b->digest);
	hex_format(digest, bytes, sizeof bytes);
	hex_format(link, b->link, sizeof b->link);
	snprintf(out, TOLD_MAX, "link %s, rows %s", link, digest);
}

static void hold(const struct book *b, const char *when)
{
	if (!journal_numb(b->journal) && !totals_hold(b) && !MUTANT(supply_not_compared))
		journal_damaged(b->journal,
		    "%s, what was minted less what was burned is not what lies in "
		    "balances and escrows",
		    when);
}

struct book *book_new(struct journal *j, int64_t wall_ms, enum book_chain chain)
{
	struct book *b = mem_new(sizeof *b);

	b->journal = j;
	b->chain = chain;
	b->wall_ms = wall_ms;
	(void)totals_get(b);
	b->first = b->changes;
	hold(b, "of the layer-2 state that was found");
	return b;
}

void book_settle(struct book *b)
{
	char from[32], to[32], why[TOLD_MAX];

	if (b->changes == b->first)
		return;
	hold(b, "after the changes of this turn");
	totals_put(b);
	totals_tell(b, why);
	snprintf(from, sizeof from, "change %" PRId64, b->first);
	snprintf(to, sizeof to, "change %" PRId64, b->changes);
	journal_event(b->journal,
	    &(struct event){
		.row = b->changes, .what = "node", .from = from, .to = to, .why = why });
	b->first = b->changes;
}

void book_free(struct book *b)
{
	mem_free(b);
}

void book_sums(struct journal *j, struct book_sums *ret)
{
	struct book b = { .journal = j };

	(void)totals_get(&b);
	*ret = (struct book_sums){ .minted = b.minted,
		.burned = b.burned,
		.balances = b.sums[L2_BALANCES],
		.escrows = b.sums[L2_ESCROWS],
		.changes = b.changes };
	memcpy(ret->n, b.n, sizeof ret->n);
}

bool book_is_fresh(const struct book_sums *s)
{
	for (int i = 0; i < L2_LISTS; i++)
		if (s->n[i])
			return false;
	return amount_is_zero(&s->minted);
}

struct amount book_supply(const struct book_sums *s)
{
	struct amount supply = AMOUNT_ZERO;

	(void)!amount_sub(&supply, &s->minted, &s->burned);
	return supply;
}

/* -- the log --------------------------------------------------------------- */

void log_add(struct book *b, const char *line, size_t len, struct l2_bytes id)
{
	struct sql_node_key_add_in key = { .name = id.at, .name_len = id.len };

	b->changes++;
	archive_link_next(b->link, b->changes, b->at_ms, line, len);
	sql_node_change_add(b->journal,
	    &(struct sql_node_change_add_in){
		.no = b->changes, .at_ms = b->at_ms, .line = line, .line_len = len });
	key.change = b->changes;
	sha256(key.hash, line, len);
	if (id.len && !MUTANT(change_id_forgotten))
		sql_node_key_add(b->journal, &key);
}

/* An id stands for another change: for which, its line tells while it is here. */
static enum err other(struct book *b, struct l2_bytes id,
    const struct sql_node_keys_out *key, struct fail *f)
{
	struct sql_node_change_get_in in = { .no = key->change };
	struct sql_node_change_get_out was;
	char shown[CHANGE_SHOWN_MAX];
	int n;

	if (!sql_node_change_get_one(b->journal, &in, &was))
		return fail_set(f, ERR_CONFLICT,
		    "id %s stands for another change (%" PRId64
		    ", which is in an archive beside the journal); a new change takes a "
		    "new id",
		    change_shown(shown, id), key->change);
	n = was.line_len < 120 ? (int)was.line_len : 120;
	return fail_set(f, ERR_CONFLICT,
	    "id %s stands for another change (%" PRId64
	    "): %.*s; a new change takes a new id",
	    change_shown(shown, id), key->change, n, (const char *)was.line);
}

/* Is it what was done by that id? What went into an archive is known by its hash. */
static bool is_same(
    struct book *b, const struct sql_node_keys_out *key, const struct buf *line)
{
	struct sql_node_change_get_in in = { .no = key->change };
	struct sql_node_change_get_out was;
	uint8_t hash[32];

	if (sql_node_change_get_one(b->journal, &in, &was))
		return was.line_len == line->len &&
		    memcmp(was.line, line->data, line->len) == 0;
	if (key->no_hash || key->change > b->base)
		journal_damaged(b->journal,
		    "change %" PRId64 " of the layer-2 state is gone", key->change);
	sha256(hash, buf_text(line), line->len);
	return memcmp(hash, key->hash, sizeof hash) == 0 || MUTANT(archived_ids_believed);
}

/* The change that an id stands for: one that led to the state that is; else one of which
 * nobody can say that. */
static enum on_path key_find(
    struct book *b, struct l2_bytes id, struct sql_node_keys_out *ret)
{
	struct sql_node_keys_in in = { .name = id.at, .name_len = id.len };
	enum on_path is = PATH_LACKS;
	struct sql_node_keys_out key;

	sql_node_keys_begin(b->journal, &in);
	while (is != PATH_HAS && sql_node_keys_next(b->journal, &key)) {
		enum on_path on = MUTANT(ids_outlive_a_restore)
		    ? PATH_HAS
		    : path_on(b->journal, b->changes, key.change);

		if (on > is) {
			is = on;
			*ret = key;
		}
	}
	if (is == PATH_HAS)
		sql_node_keys_end(b->journal);
	return is;
}

/* Was it done by this id? As which change; 0: it was not. */
static enum err known(struct book *b, struct l2_bytes id, const struct buf *line,
    int64_t *ret, struct fail *f)
{
	enum on_path is = PATH_LACKS;
	struct sql_node_keys_out key;
	char shown[CHANGE_SHOWN_MAX];

	*ret = 0;
	if (id.len)
		is = key_find(b, id, &key);
	if (is == PATH_LACKS)
		return ERR_OK;
	if (!is_same(b, &key, line))
		return other(b, id, &key, f);
	if (is == PATH_MAY_HAVE && !MUTANT(unsure_ids_forgotten))
		return fail_set(f, ERR_CONFLICT,
		    "id %s was done as change %" PRId64
		    ", before the state was replaced by one from elsewhere; whether that "
		    "has it nobody here can say: look, and if not, send it with a new id",
		    change_shown(shown, id), key.change);
	*ret = key.change;
	return ERR_OK;
}

/* -- changes --------------------------------------------------------------- */

static enum err move(struct book *b, const struct change *c, struct fail *f)
{
	if (c->kind == CHANGE_ANCHOR)
		return anchor_do(b, c, f);
	if (c->kind == CHANGE_ANCHOR_SENT)
		return anchor_sent(b, c, f);
	if (c->kind <= CHANGE_ESCROW_REFUND)
		return ledger_do(b, c, f);
	return c->kind < CHANGE_TASK ? bridge_do(b, c, f) : task_do(b, c, f);
}

enum err book_do(
    struct book *b, const struct change *c, struct book_done *done, struct fail *f)
{
	struct buf line;
	int64_t before;
	enum err e;

	buf_init(&line, 4 * CHANGE_LINE_MAX);
	change_format(&line, c, false);
	CHECK(buf_ok(&line));
	b->at_ms = c->has_at ? c->at_ms : b->wall_ms;
	e = known(b, c->id, &line, &before, f);
	if (e == ERR_OK && before) {
		done->known++;
		done->last = before > done->last ? before : done->last;
	}
	if (e == ERR_OK && !before) {
		e = move(b, c, f);
		log_add(b, buf_text(&line), line.len, c->id);
		done->fresh++;
		done->last = b->changes;
	}
	if (journal_numb(b->journal))
		e = fail_set(f, ERR_DISK_FULL, "the disk is full");
	buf_release(&line);
	return e;
}

static enum err line_do(
    struct book *b, const char *text, size_t len, struct book_done *done, struct fail *f)
{
	struct change c;
	enum err e = change_parse(&c, text, len, f);

	if (e == ERR_OK)
		e = book_do(b, &c, done, f);
	change_release(&c);
	return e;
}

enum err book_lines(
    struct book *b, const char *text, size_t len, struct book_done *done, struct fail *f)
{
	const char *end = text + len;
	enum err e = ERR_OK;

	for (long long line = 1; text < end && e == ERR_OK; line++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t n = stop ? (size_t)(stop - text) : (size_t)(end - text);

		if (n && !(n == 1 && *text == '\r'))
			e = line_do(b, text, n, done, f);
		if (e != ERR_OK)
			(void)fail_wrap(f, e, "line %lld", line);
		text += n + 1;
	}
	return e;
}
