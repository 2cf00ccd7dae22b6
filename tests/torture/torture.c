/* The program dies at every instant that has a name, at every write and sync of its disk,
 * and again while it rises; then it rises once more and finishes. Afterwards the chain
 * alone says who was paid.
 *
 * usage: torture [--long] SCENARIO [STORY]
 *
 * A story is a list of deaths, one a life: `p12` dies at the 12th crash point, `o7` at
 * the 7th op of the disk, `s3` when its 3rd sync fails; with `!` the power goes too. So
 * `p12 o7!` dies, rises, dies with the power, rises and finishes. With `+` a copy of the
 * disk is made after it, and with `-` that is put back: `o9+ o30-` forgets all from the
 * 9th op on; with `=` too, but nothing says so. `o30~9`: when it is dead the process of
 * the 9th op goes on, with the disk that it had, as a machine does that is put back with
 * its memory. Where two copies run, `o30'` is a death of the copy. A failure prints its
 * story; SEED=N and TORTURE_LOUD=1 tell it again, aloud.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "callers.h"
#include "crypto/secp.h"
#include "crypto/sha256.h"
#include "life.h"
#include "sim/chain/mempool.h"
#include "sim/random.h"
#include "twins.h"

#define DEATHS_MAX 6
#define RISING_OPS 40 /* about so many until it owns the journal */
#define FAILURES_SHOWN 5
#define EPILOGUE_BLOCKS 4

enum by { BY_POINT, BY_OP, BY_SYNC, BY_COUNT };

struct death {
	enum by by;
	int64_t n;
	bool power, keep;
	char back;      /* '-' or '=', or not */
	int64_t freeze; /* 0: not */
	bool of_copy;
};

struct story {
	struct death deaths[DEATHS_MAX];
	int n;
};

static struct stage stage;
static uint64_t seed = 1;
static int tests, failed_tests, failures;
static int64_t stories, died;
static int64_t resumed, repaired; /* by the operator */
static int64_t stops;
static uint64_t too_many, too_many_most; /* payments, by two copies */
static uint64_t empties, empties_most;   /* attempts, of all stories, and of one */
static uint64_t reached[CRASH_COUNT];
static struct sim_disk_image *made; /* the disk with a new journal */
/* A copy of it, and what lives had told by then. */
static struct sim_disk_image *copy;
static struct notes copied;
static int64_t ops_whole; /* of a life without death, where journals are lost */

/* -- stories as text ------------------------------------------------------- */

static void story_format(char *out, size_t len, const struct story *t)
{
	size_t at = 0;

	out[0] = '\0';
	for (int i = 0; i < t->n && at < len; i++) {
		const struct death *d = &t->deaths[i];

		at += (size_t)snprintf(out + at, len - at, "%s%c%lld%s%s%s", i ? " " : "",
		    "pos"[d->by], (long long)d -> n, d -> power ? "!" : "",
		    d->keep ? "+" : "", (char[]){ d->back, '\0' });
		if (d->of_copy && at < len)
			at += (size_t)snprintf(out + at, len - at, "'");
		if (d->freeze && at < len)
			at += (size_t)snprintf(
			    out + at, len - at, "~%lld", (long long)d->freeze);
	}
}

static bool story_parse(struct story *ret, const char *text)
{
	static const char kinds[] = "pos";

	for (*ret = (struct story){ .n = 0 }; *text; text += strspn(text, " ")) {
		struct death *d = &ret->deaths[ret->n++];
		const char *kind = strchr(kinds, *text);
		char *end;

		if (!kind || ret->n > DEATHS_MAX)
			return false;
		d->by = (enum by)(kind - kinds);
		d->n = strtoll(text + 1, &end, 10);
		d->power = *end == '!';
		end += d->power;
		d->keep = *end == '+';
		d->back = strchr("-=", *end) ? *end : '\0';
		text = end + (d->keep || d->back);
		d->of_copy = *text == '\'';
		text += d->of_copy;
		if (*text == '~')
			d->freeze = strtoll(text + 1, (char **)(uintptr_t)&text, 10);
	}
	return true;
}

/* The disk's luck is the story's: told again, it is the same. */
static uint64_t luck_of(const struct story *t)
{
	struct sim_random r = { .state = seed };

	for (int i = 0; i < t->n; i++) {
		r.state += (uint64_t)t->deaths[i].n * 8 + t->deaths[i].by * 2 +
		    t->deaths[i].power;
		sim_random_next(&r);
	}
	return sim_random_next(&r);
}

/* -- a story is told ------------------------------------------------------- */

static int wait_for(pid_t child)
{
	int status;

	CHECK(child >= 0);
	while (waitpid(child, &status, 0) < 0)
		CHECK(errno == EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* One that stood still goes on, else one begins. */
static pid_t rise(const struct armed *death)
{
	pid_t child = stage.told->frozen;

	fflush(stdout);
	if (child) {
		stage.told->frozen = 0;
		stage.told->thawed = *death;
		CHECK(sem_post(&stage.told->thaw) == 0);
		return child;
	}
	child = fork();
	if (child == 0)
		life_live(&stage, death);
	return child;
}

static int live(const struct armed *death)
{
	int end = wait_for(rise(death));

	for (int i = 0; i < CRASH_COUNT; i++) {
		reached[i] += stage.told->reached[i];
		stage.told->reached[i] = 0;
	}
	return end;
}

/* A start that the full disk refused is tried again when there is room. */
static int live_with_room(const struct armed *death)
{
	int end = live(death);

	if (end != LIFE_FULL)
		return end;
	stage.told->dropped++;
	sim_disk_room(stage.disk, -1);
	return live(death);
}

/* Making the journal is the same in each story (and tortured in test_lossy.c): they begin
 * when it is made. */
static void make_once(void)
{
	pid_t child;

	stage_reset(&stage);
	child = fork();
	if (child == 0)
		life_make(&stage);
	CHECK(wait_for(child) == LIFE_DONE);
	made = sim_disk_keep(stage.disk);
}

/* How many ops it takes to pay it all. */
static void measure_once(void)
{
	stage_reset(&stage);
	sim_disk_put_back(stage.disk, made);
	CHECK(live(&(struct armed){ .op = 0 }) == LIFE_DONE);
	ops_whole = sim_disk_ops(stage.disk);
}

static void complain(struct buf *why, int end)
{
	if (end == LIFE_DIED)
		buf_addf(why, "it died without being told to\n");
	else if (end < 0)
		buf_addf(why, "it ended by signal %d\n", -end);
	else if (end != LIFE_DONE && end != LIFE_WRONG && end != LIFE_JOURNAL)
		buf_addf(why, "it ended with %d\n", end);
	if (end == LIFE_WRONG || end == LIFE_JOURNAL)
		buf_addf(why, "%s\n", stage.told->why);
}

/* Who was paid of a list that the journal does not have is asked when it comes, by the
 * commands. */
static void copy_keep(void)
{
	mem_free(copy);
	copy = NULL;
	if (!stage.told->listed)
		return;
	copy = sim_disk_keep(stage.disk);
	copied = *stage.told;
}

/* The chain goes on from where it is, and the journal from where it was. */
static void copy_put_back(bool says)
{
	struct notes *t = stage.told;

	if (!copy)
		return;
	sim_disk_put_back(stage.disk, copy);
	t->commits = copied.commits;
	t->epoch = copied.epoch;
	memcpy(t->created, copied.created, sizeof t->created);
	t->older = true;
	t->doubts = says;
}

static struct armed armed_of(const struct death *d)
{
	return (struct armed){ .point = d->by == BY_POINT ? d->n : 0,
		.op = d->by == BY_OP ? d->n : 0,
		.sync = d->by == BY_SYNC ? d->n : 0,
		.freeze = d->freeze };
}

static bool is_death(const struct death *d, int end, const struct notes *told)
{
	return end == LIFE_DIED ||
	    (end == LIFE_JOURNAL && d->by == BY_SYNC && told->err == ERR_JOURNAL);
}

/* One life with its death. True when the story goes on (dead, or done before it). */
static bool live_and_die(const struct death *d, bool *ret_hit, struct buf *why)
{
	struct armed a = armed_of(d);
	int end = live_with_room(&a);

	*ret_hit = is_death(d, end, stage.told);
	if (*ret_hit) {
		died++;
		if (d->power)
			sim_disk_lose_power(stage.disk, SIM_LOSE_DRAWN);
		if (d->keep)
			copy_keep();
	}
	if ((*ret_hit || end == LIFE_DONE) && d->back && copy) {
		copy_put_back(d->back == '-');
		*ret_hit = true; /* also what had ended goes on */
	}
	*ret_hit |= stage.told->frozen != 0;
	if (*ret_hit || end == LIFE_DONE)
		return true;
	complain(why, end);
	return false;
}

/* It dies at some op, and nothing of its disk is found again: the operator makes the
 * journal anew, and runs what he ran. */
static bool lose(const struct story *t, struct buf *why)
{
	struct death d = { .by = BY_OP,
		.n = 1 + (int64_t)(luck_of(t) % (uint64_t)ops_whole) };
	bool hit;

	if (!live_and_die(&d, &hit, why))
		return false;
	sim_disk_put_back(stage.disk, made);
	memset(stage.told->created, 0, sizeof stage.told->created);
	stage.told->commits = stage.told->epoch = 0;
	stage.told->listed = false;
	stage.told->older = stage.told->lost = true;
	return true;
}

/* -- two copies ------------------------------------------------------------ */

struct telling {
	const struct story *story;
	int at[2]; /* the next death of each */
	int hit;
};

/* Its next death of the story; NULL: none. */
static const struct death *death_of(const struct telling *t, int k)
{
	for (int i = t->at[k]; i < t->story->n; i++)
		if (t->story->deaths[i].of_copy == (k == 1))
			return &t->story->deaths[i];
	return NULL;
}

static struct armed copy_next(void *ctx, int k)
{
	const struct death *d = death_of(ctx, k);

	return d ? armed_of(d) : (struct armed){ .op = 0 };
}

static bool copy_died(void *ctx, int k, int end)
{
	struct telling *t = ctx;
	const struct death *d = death_of(t, k);

	if (!d || !is_death(d, end, k ? stage.told_of_copy : stage.told))
		return false;
	died++;
	t->hit++;
	if (d->power)
		sim_disk_lose_power(k ? stage.disk_of_copy : stage.disk, SIM_LOSE_DRAWN);
	t->at[k] = (int)(d - t->story->deaths) + 1;
	return true;
}

/* `cp -a` of its folder makes another file, which doubts itself; a cloned machine has the
 * same one. */
static void copy_make(bool clone)
{
	struct sim_disk_image *image = sim_disk_keep(stage.disk);

	sim_disk_put_back(stage.disk_of_copy, image);
	mem_free(image);
	stage.told->older = true; /* from now on the other one sends, too */
	*stage.told_of_copy = *stage.told;
	stage.told_of_copy->doubts = !clone;
}

/* It stops at some op, is copied, and both run. Who has stopped waits for the operator:
 * he ends the copy for good, and goes on with the first one. */
static bool tell_twins(const struct story *t, int *ret_hit, struct buf *why)
{
	struct telling telling = { .story = t };
	struct twins twins = {
		.stage = &stage, .next = copy_next, .died = copy_died, .ctx = &telling
	};
	uint64_t luck = luck_of(t);
	int end =
	    live(&(struct armed){ .copy = 1 + (int64_t)(luck % (uint64_t)ops_whole) });

	*ret_hit = 0;
	if (end == LIFE_COPIED) {
		copy_make(luck >> 32 & 1);
		end = twins_live(&twins);
		*ret_hit = telling.hit;
		if (end != LIFE_DONE && !stage.told->why[0])
			memcpy(stage.told->why, stage.told_of_copy->why,
			    sizeof stage.told->why);
		stage.told->stops += twins.stopped[0] + twins.stopped[1];
		if (end == LIFE_DONE && twins.stopped[0])
			end = live(&(struct armed){ .op = 0 });
	}
	if (end != LIFE_DONE)
		complain(why, end);
	return end == LIFE_DONE;
}

/* -- the judge ------------------------------------------------------------- */

/* What is still on the wire arrives after all, and the pool is mined empty. */
static void epilogue(void)
{
	struct sim_chain *c = stage.chain;
	struct sim_tx *late[1024];
	struct sim_word word;
	struct hash hash;
	size_t n = 0;

	for (struct sim_tx *t = c->all; t && n < 1024; t = t->next_all)
		if (!t->foreign)
			late[n++] = t;
	for (int i = 0; i < EPILOGUE_BLOCKS; i++) {
		for (size_t k = n; k-- > 0;)
			sim_pool_send(c->pools, c->head, &word, &hash, late[k]->raw,
			    late[k]->raw_len);
		sim_mine(c, NULL);
	}
}

/* Of a list that was revised on its way: the row that is in it no more, if it was
 * paid. */
static size_t due_of_lost(struct sim_due *due, const struct address *token)
{
	const struct stage_list *l = &stage.all[0];
	struct amount sum;

	*due = (struct sim_due){ *token, l->to[STAGE_REVISED], l->amount[STAGE_REVISED] };
	return sim_paid(stage.chain, &l->key->address, token, &due->to, &sum) > 0;
}

/* Where rows are repaired: one was skipped, if it came in time, another paid by hand. */
static bool is_mended(const struct told_list *told, int64_t row)
{
	return stage.scenario->mended &&
	    ((row == CALLERS_SKIPPED && !told->paid[row]) || row == stage.rows);
}

static size_t due_of(struct sim_due *due, const struct sim_key *key)
{
	const struct address native = { { 0 } };
	const struct address *token = stage.token ? &stage.token->at : &native;
	bool cancelled = stage.scenario->cancelled;
	size_t n = 0;

	for (int k = 0; k < stage.lists; k++) {
		const struct stage_list *l = stage_list(&stage, k);
		const struct told_list *told = &stage.told->list[k];

		if (l->key != key)
			continue;
		if (stage.scenario->revised)
			n += due_of_lost(&due[n], token);
		for (int64_t i = 1; i <= stage.rows; i++)
			if ((!cancelled || told->paid[i]) && !is_mended(told, i))
				due[n++] =
				    (struct sim_due){ *token, l->to[i], l->amount[i] };
		if (stage.scenario->service_fee && (!cancelled || told->fee_paid))
			due[n++] = (struct sim_due){ *token, l->fee_to,
				amount_u64(stage.scenario->service_fee) };
	}
	return n;
}

/* G3: after an empty attempt of a nonce, no new bytes with a payload. */
static bool judge_empties(struct buf *why)
{
	const struct sim_chain *c = stage.chain;
	bool ok = true;

	for (const struct sim_tx *t = c->all; t; t = t->next_all) {
		if (t->foreign || t->from != t->to || !amount_is_zero(&t->value))
			continue;
		for (const struct sim_tx *u = c->all; u != t; u = u->next_all) {
			if (u->foreign || u->from != t->from || u->nonce != t->nonce ||
			    u->from == u->to)
				continue;
			buf_addf(why,
			    "nonce %llu: a payload was signed over an empty one\n",
			    (unsigned long long)t->nonce);
			ok = false;
		}
	}
	return ok;
}

/* What was paid by hand is a row's now, and so is what it cost. */
static void add_by_hand(struct amount *fees, const struct sim_key *key)
{
	const struct sim_chain *c = stage.chain;

	for (uint64_t h = 0; h <= c->head->height; h++)
		for (const struct sim_inclusion *i = c->trail[h]->first; i; i = i->next) {
			struct amount fee = amount_u64(i->gas_price);

			if (i->tx->foreign &&
			    address_same(&i->tx->from->at, &key->address))
				CHECK(amount_mul_u64(&fee, &fee, i->gas_used) &&
				    amount_add(fees, fees, &fee));
		}
}

/* Fees as the journals' lists of this key have them are those of the chain; an older one
 * has forgotten empty attempts, which are nobody's. */
static bool judge_fees(const struct sim_key *key, struct buf *why)
{
	char said[AMOUNT_TEXT_MAX], charged[AMOUNT_TEXT_MAX];
	struct amount sum = stage.told->fence_fees[key - stage.key];
	struct sim_ledger ledger;

	for (int k = 0; k < stage.lists; k++)
		if (stage_list(&stage, k)->key == key)
			CHECK(amount_add(&sum, &sum, &stage.told->list[k].fees_final));
	sim_ledger_read(&ledger, stage.chain, &key->address);
	if (stage.scenario->mended)
		add_by_hand(&ledger.fees, key);
	if (!amount_cmp(&ledger.fees, &sum) ||
	    (stage.told->older && amount_cmp(&sum, &ledger.fees) < 0))
		return true;
	amount_format(said, &sum, 0);
	amount_format(charged, &ledger.fees, 0);
	buf_addf(why, "fees_final is %s, the chain charged %s\n", said, charged);
	return false;
}

static bool judge_states(struct buf *why)
{
	int want = stage.scenario->cancelled ? OPERATION_CANCELLED : OPERATION_COMPLETED;
	bool ok = true;

	for (int k = 0; k < stage.lists; k++) {
		if (stage.told->list[k].state == want)
			continue;
		buf_addf(why, "operation %s is %s\n", stage_list(&stage, k)->name,
		    state_name(MACHINE_OPERATION, stage.told->list[k].state));
		ok = false;
	}
	return ok;
}

static void count_empties(void)
{
	uint64_t n = 0;

	for (int i = 0; i < stage.keys; i++) {
		struct sim_ledger ledger;

		sim_ledger_read(&ledger, stage.chain, &stage.key[i].address);
		n += ledger.empty;
	}
	empties += n;
	empties_most = n > empties_most ? n : empties_most;
}

/* Two that run at once, or one set back, break what exactly-once stands on: all are paid,
 * and too many are at most those that were in flight; then it was said. */
static bool judge_copies(
    const struct sim_key *key, const struct sim_due *due, size_t n, struct buf *why)
{
	int64_t stopped = stage.told->stops + stage.told->resumed;
	struct sim_ledger ledger;
	uint64_t more;
	bool ok = true;

	sim_ledger_read(&ledger, stage.chain, &key->address);
	more = ledger.payments > n ? ledger.payments - n : 0;
	for (size_t i = 0; i < n; i++) {
		struct amount sum;
		uint64_t paid =
		    sim_paid(stage.chain, &key->address, &due[i].token, &due[i].to, &sum);

		if (!paid)
			buf_addf(why, "row %zu was not paid\n", i + 1);
		ok &= paid > 0;
	}
	too_many += more;
	too_many_most = more > too_many_most ? more : too_many_most;
	if (more > (uint64_t)stage.config.max_in_flight || (more && !stopped)) {
		buf_addf(why, "%llu payments too many, %lld stops\n",
		    (unsigned long long)more, (long long)stopped);
		return false;
	}
	return ok;
}

static bool judge(struct buf *why)
{
	static struct sim_due due[LISTS_MAX * (ROWS_MAX + 2)];
	bool bounded =
	    stage.scenario->copied || (stage.scenario->unordered && stage.told->older);
	bool ok;

	epilogue();
	count_empties();
	ok = bounded || judge_empties(why);
	ok = judge_states(why) && ok;
	for (int i = 0; i < stage.keys; i++) {
		const struct sim_key *key = &stage.key[i];

		if (bounded)
			ok = judge_copies(key, due, due_of(due, key), why) && ok;
		else
			ok = sim_oracle_holds(stage.chain, &key->address, due,
				 due_of(due, key), why) &&
			    ok;
		ok = judge_fees(key, why) && ok;
	}
	return ok;
}

/* What nobody thawed. */
static void bury(void)
{
	pid_t frozen = stage.told->frozen;

	stage.told->frozen = 0;
	if (frozen && kill(frozen, SIGKILL) == 0)
		wait_for(frozen);
}

/* True: all was as it must be. ret_hit: how many of its deaths came. */
static bool tell(const struct story *t, int *ret_hit, struct buf *why)
{
	bool hit = true;
	int end;

	*ret_hit = 0;
	stories++;
	stage_reset(&stage);
	sim_disk_put_back(stage.disk, made);
	sim_disk_seed(stage.disk, luck_of(t));
	mem_free(copy);
	copy = NULL;
	if (stage.scenario->copied)
		return tell_twins(t, ret_hit, why) && judge(why);
	if (ops_whole && !lose(t, why))
		return false;
	for (int i = 0; i < t->n && hit; i++) {
		if (!live_and_die(&t->deaths[i], &hit, why))
			return false;
		*ret_hit += hit;
	}
	if (hit) {
		end = live_with_room(&(struct armed){ .op = 0 });
		if (end != LIFE_DONE) {
			complain(why, end);
			return false;
		}
	}
	return judge(why);
}

static bool told_well(const struct story *t, int *ret_hit)
{
	char text[200];
	struct buf why;
	bool ok;

	buf_init(&why, 65536);
	ok = tell(t, ret_hit, &why);
	bury();
	resumed += stage.told->resumed;
	stops += stage.told->stops;
	repaired += stage.told->repaired;
	if (!ok && failures++ < FAILURES_SHOWN) {
		story_format(text, sizeof text, t);
		printf("# SEED=%llu torture %s '%s'\n", (unsigned long long)seed,
		    stage.scenario->name, text);
		for (char *line = strtok((char *)(uintptr_t)buf_text(&why), "\n"); line;
		     line = strtok(NULL, "\n"))
			printf("#   %s\n", line);
	}
	buf_release(&why);
	return ok;
}

/* -- the tests ------------------------------------------------------------- */

static void test(bool ok, const char *what)
{
	printf(
	    "%sok %d - %s: %s\n", ok ? "" : "not ", ++tests, stage.scenario->name, what);
	failed_tests += !ok;
}

static bool one(enum by by, int64_t n, bool power, int *ret_hit)
{
	struct story t = { .deaths = { { .by = by,
			       .n = n,
			       .power = power,
			       .of_copy = stage.scenario->copied && (n / 8 & 1) } },
		.n = 1 };

	return told_well(&t, ret_hit);
}

/* Every n until the death does not come any more. */
static bool every(enum by by, int64_t stride, int64_t *ret_n)
{
	bool ok = true;
	int misses = stage.scenario->copied ? 16 / (int)stride : 0, hit = 1;

	for (*ret_n = 1 + (int64_t)(seed % (uint64_t)stride); hit || misses-- > 0;
	     *ret_n += stride) {
		ok = one(by, *ret_n, *ret_n / stride & 1, &hit) && ok;
		if (stride == 1 && hit)
			ok = one(by, *ret_n, !(*ret_n & 1), &hit) && ok;
	}
	return ok;
}

static bool again_and_again(int64_t n, const int64_t bound[BY_COUNT])
{
	struct sim_random r = { .state = seed };
	bool ok = true;
	int hit;

	for (int64_t i = 0; i < n; i++) {
		struct story t = { .n = 2 + (int)sim_random_below(&r, DEATHS_MAX - 2) };

		for (int k = 0; k < t.n; k++) {
			struct death *d = &t.deaths[k];
			bool soon = k > 0 && sim_random_hit(&r, 600);

			d->by = (enum by)sim_random_below(&r, BY_COUNT);
			d->n = 1 +
			    (int64_t)sim_random_below(
				&r, soon ? 24 : (uint64_t)bound[d->by]);
			d->power = sim_random_hit(&r, 500);
			d->of_copy = stage.scenario->copied && sim_random_hit(&r, 500);
		}
		ok = told_well(&t, &hit) && ok;
	}
	return ok;
}

/* A sync fails, its pages are clean and not on the medium; the power goes while the next
 * life brings them there. */
static bool power_after_failure(int64_t n, int64_t syncs)
{
	struct sim_random r = { .state = ~seed };
	bool ok = true;
	int hit;

	for (int64_t i = 0; i < n; i++) {
		struct story t = { .n = 2 };

		t.deaths[0] = (struct death){ .by = BY_SYNC,
			.n = 1 + (int64_t)sim_random_below(&r, (uint64_t)syncs) };
		t.deaths[1] =
		    (struct death){ .by = BY_OP, .n = 1 + i % RISING_OPS, .power = true };
		ok = told_well(&t, &hit) && ok;
	}
	return ok;
}

/* A copy that was made at some time is put back at some later time, or after the end;
 * half of them die once more while they rise from it. */
static bool put_back(int64_t n, int64_t ops, char how)
{
	struct sim_random r = { .state = seed ^ 0xc0b1 };
	bool ok = true;
	int hit;

	for (int64_t i = 0; i < n; i++) {
		struct story t = { .n = 2 + (int)(i & 1) };

		for (int k = 0; k < t.n; k++)
			t.deaths[k] = (struct death){ .by = BY_OP,
				.n = 1 + (int64_t)sim_random_below(&r, (uint64_t)ops),
				.keep = k == 0,
				.back = k == 1 ? how : '\0' };
		ok = told_well(&t, &hit) && ok;
	}
	return ok;
}

/* A machine is put back with its memory: half of them die once more, then. */
static bool thaw(int64_t n, int64_t ops)
{
	struct sim_random r = { .state = seed ^ 0x7a3 };
	bool ok = true;
	int hit;

	for (int64_t i = 0; i < n; i++) {
		struct story t = { .n = 1 + (int)(i & 1) };

		for (int k = 0; k < t.n; k++)
			t.deaths[k] = (struct death){ .by = BY_OP,
				.n = 1 + (int64_t)sim_random_below(&r, (uint64_t)ops) };
		t.deaths[0].freeze =
		    1 + (int64_t)sim_random_below(&r, (uint64_t)t.deaths[0].n);
		ok = told_well(&t, &hit) && ok;
	}
	return ok;
}

static bool points_all(void)
{
	static const char *const names[] = {
#define CRASH(name, truth) #name,
#include "base/crash.def"
#undef CRASH
	};
	bool all = true;

	for (int i = 0; i < CRASH_COUNT; i++) {
		if (reached[i])
			continue;
		printf("# never reached: %s\n", names[i]);
		all = false;
	}
	return all;
}

/* How much of all that can happen is tried. */
struct measure {
	int64_t points, ops, syncs; /* every n-th */
	int64_t power, again, back; /* stories */
};

static const struct measure brief = { 4, 8, 4, 24, 50, 60 };
static const struct measure whole = { 1, 1, 1, 20 * RISING_OPS, 2000, 2000 };

static void torture(const struct measure *m)
{
	const struct scenario *sc = stage.scenario;
	int64_t bound[BY_COUNT];
	int hit;

	test(told_well(&(struct story){ .n = 0 }, &hit), "it lives, and nothing happens");
	printf("# %d acts, %llu blocks\n", stage.told->acts,
	    (unsigned long long)stage.chain->head->height);
	test(stage.told->acts >= sc->acts && (!sc->event || stage.told->event),
	    "and all that belongs to it did happen");
	if (!sc->signs_nothing)
		test(points_all(), "every named point is reached");
	test(
	    every(BY_POINT, m->points, &bound[BY_POINT]), "it dies at every named point");
	test(every(BY_OP, m->ops, &bound[BY_OP]), "it dies at every write and sync");
	test(every(BY_SYNC, m->syncs, &bound[BY_SYNC]), "every sync fails");
	test(power_after_failure(m->power, bound[BY_SYNC]),
	    "a sync fails, and the power goes while it rises");
	test(again_and_again(m->again, bound), "it dies again and again");
	if (sc->forgets)
		test(put_back(m->back, bound[BY_OP], '-'), "an older copy is put back");
	if (sc->sets_back)
		test(put_back(m->back, bound[BY_OP], '='),
		    "the machine is set back, and nobody says so");
	if (sc->thaws)
		test(thaw(m->back, bound[BY_OP]), "it is set back with its memory");
	printf("# %lld points, %lld ops, %lld syncs\n", (long long)bound[BY_POINT],
	    (long long)bound[BY_OP], (long long)bound[BY_SYNC]);
	printf(
	    "# %lld deaths in %lld stories, %llu empty attempts, at most %llu in one\n",
	    (long long)died, (long long)stories, (unsigned long long)empties,
	    (unsigned long long)empties_most);
	if (sc->copied || sc->unordered)
		printf("# %lld stops, %llu payments too many, at most %llu in a story\n",
		    (long long)stops, (unsigned long long)too_many,
		    (unsigned long long)too_many_most);
	if (sc->operated)
		printf("# the operator resumed %lld times, and repaired %lld rows\n",
		    (long long)resumed, (long long)repaired);
}

/* What libraries do when they are used first is done before the forks. */
static void warm(void)
{
	uint8_t unused[32];

	sim_disk_install();
	sha256_end(sha256_begin(), unused);
}

static const struct scenario *find(const char *name)
{
	for (size_t i = 0; i < scenarios_n; i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	return NULL;
}

static void replay(const char *text)
{
	struct story t;
	int hit;

	CHECK(story_parse(&t, text));
	test(told_well(&t, &hit), text);
}

int main(int argc, char **argv)
{
	bool longer = argc > 1 && !strcmp(argv[1], "--long");
	const char *from = getenv("SEED");
	const struct scenario *sc;

	argv += 1 + longer;
	sc = *argv ? find(*argv) : NULL;
	if (!sc) {
		fprintf(stderr, "usage: torture [--long] SCENARIO [STORY]\n");
		return 1;
	}
	if (from)
		seed = strtoull(from, NULL, 10);
	secret_setup();
	secp_setup();
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0); /* of who stands still */
	stage_open(&stage, sc, seed);
	warm();
	make_once();
	if (sc->loses || sc->copied)
		measure_once();
	printf("# seed %llu\n", (unsigned long long)seed);
	if (argv[1])
		replay(argv[1]);
	else
		torture(longer ? &whole : &brief);
	printf("1..%d\n", tests);
	mem_free(made);
	mem_free(copy);
	stage_close(&stage);
	return failed_tests ? 1 : 0;
}
