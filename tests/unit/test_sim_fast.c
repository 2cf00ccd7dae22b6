/* What makes the simulated chain cheap changes nothing that can be seen of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "crypto/secp.h"
#include "rig.h"

static void sender_is_known_by_the_hash(void **state)
{
	struct address told = address_of(9);
	struct signed_bytes ours, other;
	struct sim_tx *t;
	struct rig r;

	(void)state;
	rig_init(&r);
	ours = sign(&r, (struct order){ .to = r.you, .wei = 5 });
	other = sign(&r, (struct order){ .to = r.you, .wei = 6 });
	sim_sender_known(r.chain, &ours.hash, &told);
	t = sim_tx_add(r.chain, ours.raw, ours.raw_len, NULL);
	assert_non_null(t);
	assert_memory_equal(&t->from->at, &told, sizeof told);
	assert_memory_equal(&t->to->at, &r.you, sizeof r.you);
	assert_int_equal(t->value.limb[0], 5);
	t = sim_tx_add(r.chain, other.raw, other.raw_len, NULL);
	assert_non_null(t);
	assert_memory_equal(&t->from->at, &r.me, sizeof r.me);
	rig_release(&r);
}

struct thing {
	struct sim_link link;
	int number;
};

/* Nothing is lost when it grows, and of equal keys the newest stays the first. */
static void table_grows(void **state)
{
	struct sim_table table = { .n = 0 };
	struct thing *thing;
	struct sim_link *l;
	struct rig r;

	(void)state;
	rig_init(&r);
	for (int i = 0; i < 1000; i++) {
		thing = sim_chain_take(r.chain, sizeof *thing);
		thing->number = i;
		sim_table_add(r.chain, &table, &thing->link, (uint64_t)i / 2);
	}
	assert_true(table.size >= 1000);
	for (int i = 0; i < 1000; i += 2) {
		l = sim_table_first(&table, (uint64_t)i / 2);
		assert_int_equal(((struct thing *)l)->number, i + 1);
		l = sim_table_next(l);
		assert_int_equal(((struct thing *)l)->number, i);
		assert_null(sim_table_next(l));
	}
	assert_null(sim_table_first(&table, 500));
	rig_release(&r);
}

static void keys_spread_what_is_alike(void **state)
{
	uint8_t at[20] = { 0 };
	int hits[64] = { 0 };

	(void)state;
	for (int i = 0; i < 256; i++) {
		at[i % 20] ^= (uint8_t)(i + 1);
		hits[sim_table_key(at, sizeof at) & 63]++;
	}
	for (int i = 0; i < 64; i++)
		assert_in_range(hits[i], 0, 16);
	assert_true(sim_table_key(at, 19) != sim_table_key(at, 20));
}

/* As its connector reads them, blocks and receipts are the same. */
static void lean_says_what_is_read(void **state)
{
	struct head head[2];
	struct receipt got[2];
	size_t len[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sim_options options = { .lean = i == 1 };
		struct signed_bytes raw;
		struct buf body = fresh();
		struct rig r;
		char *answer;

		rig_init_with(&r, &options);
		raw = sign(&r, (struct order){ .to = r.you, .wei = 5 });
		assert_int_equal(send_raw(&r, &raw).note, NOTE_ACCEPTED);
		sim_mine(r.chain, NULL);
		connector_evm.poll(&body);
		answer = ask(r.node, &body, &len[i]);
		assert_int_equal(
		    connector_evm.poll_read(&head[i], answer, len[i], NULL), ERR_OK);
		mem_free(answer);
		got[i] = receipt_of(r.node, &raw.hash);
		rig_release(&r);
	}
	assert_int_equal(head[0].height, 1);
	assert_memory_equal(&head[0].hash, &head[1].hash, sizeof head[0].hash);
	assert_int_equal(head[0].next_base_fee, head[1].next_base_fee);
	assert_true(got[1].known);
	assert_int_equal(got[0].gas_price, got[1].gas_price);
	assert_in_range(len[1], 1, len[0] / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_is_known_by_the_hash),
		cmocka_unit_test(table_grows),
		cmocka_unit_test(keys_spread_what_is_alike),
		cmocka_unit_test(lean_says_what_is_read),
	};

	secret_setup();
	secp_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
