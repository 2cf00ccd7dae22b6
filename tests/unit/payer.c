#include "payer.h"

struct scene scene;
struct runner *runner;
const struct track_config *tracking;
static struct track *track;

struct track *followers(void)
{
	return track;
}
bool retracts;
struct list lists[LISTS_MAX];
size_t lists_n;
struct sim_token *token;
const struct address fee_to = { { 0xfe, 0xee } };
const struct address stranger_to = { { 0xaa, 0xbb } };

/* -- the program ------------------------------------------------------------- */

static enum err key_get(
    void *ctx, const char *name, const struct secret **ret, struct fail *f)
{
	(void)ctx;
	if (strcmp(name, "treasury") != 0)
		return fail_set(f, ERR_KEY, "there is no key %s", name);
	*ret = scene.key;
	return ERR_OK;
}

const char *waits_for(void)
{
	return runner && runner->operations_n ? runner->operations[0]->waits_for : "?";
}

static const char *waits(void *ctx)
{
	(void)ctx;
	return waits_for();
}

void rise_for(int64_t operation)
{
	static const struct kind *const kinds[] = { &kind_airdrop, &kind_fence };

	track = tracking ? track_new(scene.world, scene.journal, tracking) : NULL;
	runner = runner_new(&(struct runner_setup){ .world = scene.world,
	    .journal = scene.journal,
	    .chains = &scene.config,
	    .chains_n = 1,
	    .keys = { .get = key_get },
	    .kinds = kinds,
	    .kinds_n = 2,
	    .blocks = { track ? track_watcher(track)
			      : (struct block_watcher){ .ctx = NULL } },
	    .blocks_n = track ? 1 : 0,
	    .only_operation = operation });
}

void rise(void)
{
	rise_for(0);
}

void rest(void)
{
	scene_rest(&scene);
	runner_free(runner);
	runner = NULL;
	track_free(track);
	track = NULL;
}

void rise_again(void)
{
	rest();
	scene_rise(&scene);
	rise();
}

struct chain_run *chain(void)
{
	return &runner->chains[0];
}

struct account *account(void)
{
	assert_int_equal(chain()->accounts_n, 1);
	return chain()->accounts[0];
}

/* -- time passes ------------------------------------------------------------- */

/* G10, at every commit; and the limit of what may be in flight. */
static void check_turn(void)
{
	for (size_t k = 0; k < runner->operations_n; k++) {
		const struct operation *o = runner->operations[k];
		struct amount sum = AMOUNT_ZERO;
		int64_t n = 0;

		for (size_t i = 0; i < 5; i++) {
			n += o->by_state[i].n;
			assert_true(amount_add(&sum, &sum, &o->by_state[i].sum));
		}
		assert_int_equal(n, o->items);
		assert_int_equal(amount_cmp(&sum, &o->planned), 0);
		assert_true(amount_add(&sum, &o->fees_final, &o->fees_held));
		assert_true(amount_cmp(&sum, &o->cap) <= 0);
	}
	for (size_t i = 0; i < chain()->accounts_n; i++) {
		struct account *a = chain()->accounts[i];

		if (a->known && !retracts)
			assert_in_range(account_next_nonce(runner, a) - a->count, 0,
			    (uint64_t)scene.config.max_in_flight);
	}
}

void turn(void)
{
	struct fail f = { 0 };

	if (!runner_turn(runner, &f))
		fail_msg("a full disk, it says: %s", f.why);
	check_turn();
}

void run(int64_t ms)
{
	int64_t until = world_now_ms(scene.world) + ms, wake;

	while (world_now_ms(scene.world) < until) {
		turn();
		wake = runner_wake_ms(runner);
		world_wait(scene.world, wake < until ? wake : until);
	}
	turn();
}

void keep(void)
{
	scene_keep(&scene);
}

void forget(void)
{
	rest();
	scene_put_back(&scene);
	scene_rise(&scene);
	journal_doubt_add(scene.journal, "it is a copy");
	rise();
	run_until(
	    lists_n ? runner_operation(runner, lists[0].id) != NULL : chain()->id != 0);
}

uint64_t height(void)
{
	return scene_height(&scene);
}

void after_blocks(uint64_t n)
{
	uint64_t until = height() + n;

	run_until(height() >= until);
}

/* -- lists ------------------------------------------------------------------- */

void rows_fill(struct list *l)
{
	for (int i = 1; i <= l->rows; i++) {
		memset(l->to[i].at, 0x50, sizeof l->to[i].at);
		l->to[i].at[17] += l->others;
		l->to[i].at[18] = (uint8_t)(l->same ? 0 : l - lists);
		l->to[i].at[19] = (uint8_t)(i <= l->alike ? 1 : i);
		l->amount[i] = 1000 + (uint64_t)l->to[i].at[19];
	}
}

static void list_write(struct list *l)
{
	FILE *file;

	snprintf(l->file, sizeof l->file, "/tmp/pawl-engine-XXXXXX");
	file = fdopen(mkstemp(l->file), "w");
	assert_non_null(file);
	fprintf(file, "address,amount\n");
	for (int i = 1; i <= l->rows; i++) {
		fprintf(file, "0x");
		for (size_t k = 0; k < sizeof l->to[i].at; k++)
			fprintf(file, "%02x", l->to[i].at[k]);
		fprintf(file, ",%llu\n", (unsigned long long)l->amount[i]);
	}
	assert_int_equal(fclose(file), 0);
}

static struct list_rules rules(void)
{
	struct list_rules r = { .decimals = 18,
		.base_units = true,
		.token = token != NULL,
		.sender = scene.sender };

	if (token)
		r.token_address = token->at;
	return r;
}

static enum err plan_row(void *ctx, const struct list_row *row, struct fail *f)
{
	(void)f;
	plan_hash_row(ctx, &row->to, &row->amount, row->memo, row->memo_len);
	return ERR_OK;
}

static void plan_of(const struct list *l, struct list_sum *sum, uint8_t plan[32])
{
	struct plan_header header = { .chain_id = scene.config.chain_id,
		.genesis = *follower_genesis(chain()->follower),
		.token = token != NULL,
		.decimals = 18,
		.sender = scene.sender,
		.service_fee = amount_u64(l->service_fee) };
	struct list_rules r = rules();
	struct fail f = { 0 };
	struct plan_hash *h;

	if (token)
		header.token_address = token->at;
	if (l->service_fee)
		header.service_fee_to = fee_to;
	h = plan_hash_begin(&header);
	if (list_read(sum, NULL, l->file, &r, plan_row, h, &f))
		fail_msg("the list: %s", f.why);
	plan_hash_end(h, plan);
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

static void facts_fill(struct airdrop_facts *a, const struct list *l)
{
	a->has_token = token != NULL;
	a->decimals = 18;
	a->gas = a->fee_gas = token ? connector_evm.gas_token : connector_evm.gas_coin;
	a->fee_amount = amount_u64(l->service_fee);
	a->fee_to = fee_to;
	a->adopt = l->adopt;
	if (token)
		a->token = token->at;
	snprintf(a->symbol, sizeof a->symbol, "%s", token ? "TKN" : "");
	snprintf(a->file, sizeof a->file, "%s", l->file);
}

static void import_all(const struct list *l, const struct airdrop_facts *a)
{
	struct list_rules r = rules();
	struct fail f = { 0 };

	if (airdrop_import(
		scene.journal, l->id, l->file, a->file_hash, &r, never, NULL, &f))
		fail_msg("import: %s", f.why);
}

void import_rest(const struct list *l)
{
	struct operation *o = op_of(l);
	struct airdrop_facts a;

	assert_true(airdrop_read(scene.journal, l->id, &a));
	import_all(l, &a);
	o->kind->close(o->of_kind);
	o->of_kind = o->kind->open(runner, o);
}

static void import_half(const struct list *l)
{
	struct fail f = { 0 };

	for (int i = 1; i <= l->rows / 2; i++)
		airdrop_row_put(scene.journal, l->id,
		    &(struct list_row){ .row = i,
			.line = i + 1,
			.to = l->to[i],
			.amount = amount_u64(l->amount[i]) });
	airdrop_rows_are(scene.journal, l->id, l->rows / 2);
	if (journal_commit(scene.journal, &f))
		fail_msg("import: %s", f.why);
}

static void create(struct list *l)
{
	struct airdrop_new new = { .name = l->name,
		.key_name = "treasury",
		.chain = chain()->id,
		.sender = scene.sender,
		.in_flight_max = scene.config.max_in_flight,
		.fee_cap = scene.config.max_fee_per_gas };
	const char *cap = l->cap ? l->cap : "10";
	struct fail f = { 0 };
	struct list_sum sum;

	facts_fill(&new.facts, l);
	plan_of(l, &sum, new.plan);
	new.items = sum.rows;
	new.planned = sum.total;
	assert_int_equal(amount_parse(&new.cap, cap, strlen(cap), 18), AMOUNT_OK);
	memcpy(new.facts.file_hash, sum.file_hash, sizeof new.facts.file_hash);
	l->id = airdrop_create(scene.journal, &new);
	if (!l->id || journal_commit(scene.journal, &f))
		fail_msg("create: %s", f.why);
	if (l->cut_short)
		import_half(l);
	else
		import_all(l, &new.facts);
	assert_non_null(operation_load(runner, l->id));
}

struct list *pay(const struct list *what)
{
	struct list *l = &lists[lists_n++];

	assert_true(lists_n <= LISTS_MAX && what->rows <= ROWS_MAX);
	*l = *what;
	if (!l->name)
		l->name = "wages";
	rows_fill(l);
	list_write(l);
	run_until(chain()->id);
	create(l);
	return l;
}

struct list *pay_rows(int rows)
{
	return pay(&(struct list){ .rows = rows });
}

/* -- a test begins, and ends ------------------------------------------------- */

void begin(uint32_t nodes, int quorum)
{
	scene_open(&scene, nodes, quorum);
	scene_say(waits, NULL);
	sim_mining(scene.chain, INTERVAL_MS);
	rise();
}

void begin_still(uint32_t nodes, int quorum)
{
	begin(nodes, quorum);
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
}

void begin_token(enum sim_token_kind kind)
{
	struct address at = { .at = { 0x70, 0x6b } };
	struct amount much = amount_u64(100000000);

	begin(1, 1);
	token = sim_token_add(scene.chain, &at, kind, 18, "TKN");
	sim_fund(scene.chain, &scene.sender, token, &much);
	sim_mine(scene.chain, NULL);
}

void begin_in_flight(uint32_t nodes, int quorum, int rows, int in_flight)
{
	begin_still(nodes, quorum);
	scene.config.max_in_flight = in_flight;
	pay_rows(rows);
	run_until(is_signed(in_flight));
	run(1000);
}

void begin_with_a_refusal(void)
{
	begin(1, 1);
	run_until(chain()->id);
	lists[0].rows = 5;
	rows_fill(&lists[0]);
	sim_account_code(scene.chain, &lists[0].to[3], SIM_CODE_REVERTS, 0);
	pay_rows(5);
}

void begin_paying_fee(void)
{
	begin(1, 1);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 2, .service_fee = 77 });
	run_until(state() == OPERATION_PAYING_FEE);
	sim_mining(scene.chain, 0);
	run(3000);
}

void begin_with_a_wallet(uint32_t nodes, int quorum)
{
	begin(nodes, quorum);
	run_until(chain()->id);
	lists[0].rows = 3;
	rows_fill(&lists[0]);
	sim_account_code(scene.chain, &lists[0].to[2], SIM_CODE_WALLET, 9000);
}

int end(void **state)
{
	(void)state;
	if (runner)
		rest();
	if (scene.journal)
		scene_close(&scene);
	while (lists_n)
		unlink(lists[--lists_n].file);
	token = NULL;
	tracking = NULL;
	retracts = false;
	return 0;
}

/* -- what the chain and others do -------------------------------------------- */

void mine_at(uint64_t base_fee)
{
	scene.chain->base_fee_next = base_fee;
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	scene.chain->base_fee_next = base_fee;
	run(1500);
}

void reorg(uint64_t depth, bool give_back)
{
	retracts = true;
	sim_reorg(
	    scene.chain, &(struct sim_reorg){ .depth = depth, .give_back = give_back });
}

void keep_only(const char *coins)
{
	struct amount coin, rest_of;
	struct sign_job job = { .key = scene.key,
		.nonce = SIM_NONCE_NEXT,
		.payload = { .to = stranger_to } };
	struct sim_word word;

	coin = sim_balance(scene.chain, scene.chain->head, NULL, &scene.sender);
	assert_int_equal(amount_parse(&rest_of, coins, strlen(coins), 18), AMOUNT_OK);
	assert_true(amount_sub(&job.payload.value, &coin, &rest_of));
	job.fees = (struct fees){
		.type = FEE_1559, .gas = 21000, .max_fee = 2 * GWEI, .tip = GWEI
	};
	assert_non_null(sim_pool_send_foreign(scene.chain, &word, &job));
	after_blocks(6);
}

static enum err no_sign(
    struct signed_bytes *ret, const struct sign_job *job, struct fail *f)
{
	(void)ret;
	return job->nonce == 2 ? fail_set(f, ERR_KEY, "the signer refuses")
			       : connector_evm.sign(ret, job, f);
}

void refuse_to_sign(void)
{
	static struct connector refuses;

	refuses = connector_evm;
	refuses.sign = no_sign;
	chain()->connector = &refuses;
}

void sign_again(void)
{
	chain()->connector = &connector_evm;
}

struct sim_tx *spend_tagged(int row, uint64_t nonce, uint64_t base_fee)
{
	struct payment p = { .token = token != NULL,
		.to = lists[0].to[row],
		.amount = amount_u64(lists[0].amount[row]) };
	struct fee_market m = {
		.next_base_fee = base_fee, .tip = 2 * GWEI, .has_1559 = true
	};
	struct sign_job job = {
		.key = scene.key, .nonce = nonce, .chain_id = scene.config.chain_id
	};
	struct signed_bytes bytes;
	struct sim_word word;
	uint8_t tag[5];

	if (token)
		p.asset = token->at;
	connector_evm.pay(&job.payload, &p);
	operation_tag(op(), row, tag);
	connector_evm.fees_first(
	    &job.fees, &m, token ? 100000 : 21000, FEE_1559, 500 * GWEI, 50 * GWEI, tag);
	assert_int_equal(connector_evm.sign(&bytes, &job, NULL), ERR_OK);
	sim_pool_send(scene.chain->pools, scene.chain->head, &word, &bytes.hash,
	    bytes.raw, bytes.raw_len);
	assert_int_equal(word.code, 0);
	return scene.chain->all;
}

/* -- what the operator does -------------------------------------------------- */

void resume(void)
{
	struct fail f = { 0 };

	if (operation_resume(runner, op(), &f))
		fail_msg("resume: %s", f.why);
}

void resume_chain(void)
{
	run_until(follower_stopped(chain()->follower));
	run(5000);
	resume();
}

void raise_cap(const char *coins)
{
	struct amount cap;

	assert_int_equal(amount_parse(&cap, coins, strlen(coins), 18), AMOUNT_OK);
	operation_cap(runner, op(), &cap);
}

void cap_at_what_is_held(void)
{
	struct amount all;

	assert_true(amount_add(&all, &op()->fees_held, &op()->fees_final));
	operation_cap(runner, op(), &all);
}

/* -- what is looked at ------------------------------------------------------- */

struct operation *op_of(const struct list *l)
{
	struct operation *o = runner_operation(runner, l->id);

	assert_non_null(o);
	return o;
}

struct operation *op(void)
{
	return op_of(&lists[0]);
}

bool ended(void)
{
	for (size_t i = 0; i < lists_n; i++) {
		const struct operation *o = runner_operation(runner, lists[i].id);

		if (!o || !operation_ended(o))
			return false;
	}
	return true;
}

int state(void)
{
	return op()->state;
}

struct sql_item_get_out item(int64_t row)
{
	struct sql_item_get_in in = { .operation = lists[0].id, .row = row };
	struct sql_item_get_out out;

	assert_true(sql_item_get_one(scene.journal, &in, &out));
	return out;
}

struct intent intent(int64_t id)
{
	struct intent i;

	assert_true(intent_read(scene.journal, id, &i));
	return i;
}

size_t intents_of(int64_t row, int64_t ids[8])
{
	struct sql_intent_by_row_in in = { .operation = lists[0].id, .row = row };
	struct sql_intent_by_row_out out;
	size_t n = 0;

	sql_intent_by_row_begin(scene.journal, &in);
	while (sql_intent_by_row_next(scene.journal, &out)) {
		assert_true(n < 8);
		ids[n++] = out.id;
	}
	return n;
}

size_t attempts_of(int64_t intent_id, struct fee_row out[16])
{
	struct sql_attempt_of_intent_in in = { .intent = intent_id };
	struct sql_attempt_of_intent_out row;
	size_t n = 0;

	sql_attempt_of_intent_begin(scene.journal, &in);
	while (sql_attempt_of_intent_next(scene.journal, &row)) {
		assert_true(n < 16);
		out[n++] = (struct fee_row){ .max_fee = (uint64_t)row.max_fee,
			.tip = (uint64_t)row.tip };
	}
	return n;
}

bool live(int64_t row)
{
	return item(row).state == ITEM_LIVE;
}

bool is_signed(int64_t row)
{
	return live(row) && intent(item(row).intent).has_attempt;
}

uint64_t paid(const struct list *l, int row)
{
	struct address asset = token ? token->at : (struct address){ { 0 } };
	struct amount sum;

	return sim_paid(scene.chain, &scene.sender, &asset, &l->to[row], &sum);
}

uint64_t fee_paid(void)
{
	struct address coin = { { 0 } };
	struct amount sum;

	return sim_paid(scene.chain, &scene.sender, &coin, &fee_to, &sum);
}

void check_exact(void)
{
	static struct sim_due due[LISTS_MAX * (ROWS_MAX + 1)];
	struct buf why;
	size_t n = 0;

	for (size_t k = 0; k < lists_n; k++)
		for (int i = 1; i <= lists[k].rows; i++)
			due[n++] =
			    (struct sim_due){ .token = token ? token->at
							     : (struct address){ { 0 } },
				    .to = lists[k].to[i],
				    .amount = amount_u64(lists[k].amount[i]) };
	for (size_t k = 0; k < lists_n; k++)
		if (lists[k].service_fee)
			due[n++] = (struct sim_due){ .to = fee_to,
				.amount = amount_u64(lists[k].service_fee) };
	buf_init(&why, 65536);
	if (!sim_oracle_holds(scene.chain, &scene.sender, due, n, &why))
		fail_msg("%.*s", (int)why.len, (const char *)why.data);
	buf_release(&why);
}

void check_fees(void)
{
	struct amount sum = AMOUNT_ZERO;
	struct sql_operation_all_out row;
	struct sim_ledger ledger;
	struct operation o;

	sql_operation_all_begin(scene.journal);
	while (sql_operation_all_next(scene.journal, &row)) {
		assert_true(operation_read(scene.journal, row.id, &o));
		assert_true(amount_is_zero(&o.fees_held));
		assert_true(amount_add(&sum, &sum, &o.fees_final));
	}
	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	assert_int_equal(amount_cmp(&sum, &ledger.fees), 0);
}

void finish(void)
{
	run_until(ended());
	for (size_t k = 0; k < lists_n; k++) {
		assert_int_equal(op_of(&lists[k])->state, OPERATION_COMPLETED);
		assert_int_equal(op_of(&lists[k])->by_state[ITEM_FINAL].n, lists[k].rows);
	}
	check_exact();
	check_fees();
}

/* -- what was said ----------------------------------------------------------- */

const char *notices_of(int subject_kind, int64_t subject)
{
	static char out[2048];
	struct sql_notice_of_subject_in in = { .subject_kind = subject_kind,
		.subject = subject };
	struct sql_notice_of_subject_out row;
	size_t len = 0;

	out[0] = '\0';
	sql_notice_of_subject_begin(scene.journal, &in);
	while (sql_notice_of_subject_next(scene.journal, &row))
		len += (size_t)snprintf(out + len, sizeof out - len, "%s%s %lld",
		    len ? ", " : "", milestone_name((enum milestone)row.milestone),
		    (long long)row.nth);
	return out;
}

uint32_t word_told(const char *why)
{
	const char *at = strstr(why, "--yes=");
	uint32_t word = WORD_NONE;

	assert_non_null(at);
	at += strlen("--yes=");
	assert_true(word_parse(&word, at, strlen(at)));
	return word;
}
