/* Branches: nodes that are on one of their own, and a chain that goes over to it. */
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
#include "sim/node/net.h"

/* -- a node beside the first ---------------------------------------------------- */

struct fork {
	struct rig r;
	struct sim_chain *c;
	struct sim_node *other; /* with a pool of its own, as the first */
};

static void fork_init(struct fork *f, const struct sim_options *o, int blocks)
{
	rig_init_with(&f->r, o);
	f->c = f->r.chain;
	f->other = sim_node_new(f->c);
	sim_node_own_pool(f->r.node);
	sim_node_own_pool(f->other);
	for (int i = 0; i < blocks; i++)
		sim_mine(f->c, NULL);
}

static struct head head_of(struct sim_node *n, bool final)
{
	struct buf body = fresh();
	struct head head;
	char *answer;
	size_t len;

	if (final)
		connector_evm.finalized(&body);
	else
		connector_evm.poll(&body);
	answer = ask(n, &body, &len);
	assert_int_equal(connector_evm.poll_read(&head, answer, len, NULL), ERR_OK);
	mem_free(answer);
	return head;
}

static bool shows(struct sim_node *n, bool final, const struct hash *hash)
{
	struct head head = head_of(n, final);

	return memcmp(&head.hash, hash, sizeof *hash) == 0;
}

static struct signed_bytes send_other(struct fork *f, struct order o)
{
	struct rig there = f->r;
	struct signed_bytes raw = sign(&f->r, o);

	there.node = f->other;
	assert_int_equal(send_raw(&there, &raw).note, NOTE_ACCEPTED);
	return raw;
}

/* -- beside the chain ----------------------------------------------------------- */

static void a_minority_goes_its_own_way(void **state)
{
	struct sim_options options = { .interval_ms = 1000 };
	struct signed_bytes ours, theirs;
	struct sim_branch *branch;
	struct fork f;

	(void)state;
	fork_init(&f, &options, 5);
	f.other->cut = true;
	branch = sim_branch_new(f.c, 2, 1);
	assert_int_equal(f.c->head->height, 5);
	assert_int_equal(branch->head->height, 4);
	assert_ptr_equal(branch->head->parent, f.c->trail[3]);
	branch->pool = f.other->pool;
	branch->grows = true;
	f.other->branch = branch;
	f.c->miner = f.r.node->pool;
	ours = sign(&f.r, (struct order){ .to = f.r.you, .wei = 5 });
	send_raw(&f.r, &ours);
	theirs = send_other(&f, (struct order){ .to = f.r.you, .wei = 7 });
	sim_chain_until(f.c, 3000);
	assert_int_equal(head_of(f.r.node, false).height, 8);
	assert_int_equal(head_of(f.other, false).height, 7);
	assert_int_equal(wei_of(&f.r), 5);
	assert_int_equal(wei_at(&f.r, branch->head), 7);
	assert_true(receipt_of(f.r.node, &ours.hash).known);
	assert_false(receipt_of(f.other, &ours.hash).known);
	assert_true(receipt_of(f.other, &theirs.hash).known);
	assert_int_equal(f.c->pooled, 0); /* each is mined where it was seen */
	f.other->branch = NULL;
	assert_false(receipt_of(f.other, &theirs.hash).known);
	rig_release(&f.r);
}

static void what_is_final_is_so_by_the_own_head(void **state)
{
	struct sim_options options = { .finality = { SIM_FINAL_DEPTH, 2 } };
	struct fork f;

	(void)state;
	fork_init(&f, &options, 9);
	f.other->branch = sim_branch_new(f.c, 6, 4); /* deeper than what is final */
	assert_int_equal(head_of(f.r.node, true).height, 7);
	assert_int_equal(head_of(f.other, true).height, 5);
	assert_false(shows(f.other, true, &f.c->trail[5]->hash));
	assert_true(shows(f.r.node, true, &f.c->trail[7]->hash));
	rig_release(&f.r);
}

static void a_head_is_heard_of_late(void **state)
{
	struct sim_reorg reorg = { .depth = 1 };
	struct sim_options options = { .interval_ms = 1000 };
	struct hash old;
	struct fork f;

	(void)state;
	fork_init(&f, &options, 0);
	f.other->head_ms = 400;
	sim_chain_until(f.c, 2399);
	assert_int_equal(head_of(f.r.node, false).height, 2);
	assert_int_equal(head_of(f.other, false).height, 1);
	sim_chain_until(f.c, 2400);
	assert_int_equal(head_of(f.other, false).height, 2);
	old = f.c->head->hash;
	sim_reorg(f.c, &reorg);
	assert_int_equal(head_of(f.r.node, false).height, 3);
	assert_true(shows(f.other, false, &old));
	sim_chain_until(f.c, 2800);
	assert_int_equal(head_of(f.other, false).height, 3);
	f.other->head_ms = 1000000;
	assert_int_equal(head_of(f.other, false).height, 0);
	rig_release(&f.r);
}

/* -- the chain goes over -------------------------------------------------------- */

static void the_chain_goes_over(void **state)
{
	struct signed_bytes ours, theirs, both;
	struct amount five = amount_u64(5);
	struct sim_branch *branch;
	struct sim_block *old;
	struct fork f;

	(void)state;
	for (int give_back = 0; give_back < 2; give_back++) {
		fork_init(&f, &(struct sim_options){ .chain_id = 0 }, 4);
		f.other->cut = true;
		f.c->miner = f.r.node->pool;
		f.other->branch = branch = sim_branch_new(f.c, 2, 0);
		branch->pool = f.other->pool;
		both = sign(&f.r, (struct order){ .to = f.r.you, .wei = 1 });
		send_raw(&f.r, &both);
		send_other(&f, (struct order){ .to = f.r.you, .wei = 1 });
		theirs =
		    send_other(&f, (struct order){ .to = f.r.you, .wei = 7, .nonce = 1 });
		ours = sign(&f.r, (struct order){ .to = f.r.you, .wei = 20, .nonce = 1 });
		send_raw(&f.r, &ours);
		rig_send(&f.r, (struct order){ .to = f.r.you, .wei = 300, .nonce = 2 });
		sim_fund(f.c, &f.r.you, NULL, &five);
		old = sim_mine(f.c, NULL);
		assert_int_equal(wei_of(&f.r), 326);
		for (int i = 0; i < 2; i++)
			sim_branch_mine(f.c, branch);
		sim_adopt(f.c, branch->head, give_back);
		assert_ptr_equal(f.c->head, branch->head); /* though it is shorter */
		assert_ptr_equal(f.c->trail[3], branch->head->parent);
		assert_int_equal(wei_of(&f.r), 8);
		assert_int_equal(wei_at(&f.r, old), 326);
		assert_false(receipt_of(f.r.node, &ours.hash).known);
		assert_true(receipt_of(f.r.node, &theirs.hash).known);
		assert_true(receipt_of(f.r.node, &both.hash).known);
		assert_int_equal(f.r.node->pool->n, give_back); /* nonce 2 alone fits */
		sim_mine(f.c, NULL);
		assert_int_equal(f.c->head->height, 5);
		assert_int_equal(wei_of(&f.r), give_back ? 313 : 13);
		rig_release(&f.r);
	}
}

static void the_chain_can_go_back_again(void **state)
{
	struct sim_branch *branch;
	struct sim_block *old;
	struct fork f;

	(void)state;
	fork_init(&f, &(struct sim_options){ .chain_id = 0 }, 6);
	old = f.c->head;
	branch = sim_branch_new(f.c, 6, 9); /* all of it but the genesis block */
	sim_adopt(f.c, branch->head, true);
	assert_int_equal(head_of(f.r.node, false).height, 9);
	assert_false(sim_on_path(f.c, f.c->head, old));
	sim_adopt(f.c, old, true);
	assert_int_equal(head_of(f.r.node, false).height, 6);
	assert_ptr_equal(f.c->trail[1], sim_block_at(f.c, old, 1));
	assert_false(sim_on_path(f.c, f.c->head, branch->head));
	assert_true(sim_on_path(f.c, branch->head, f.c->genesis));
	assert_ptr_equal(sim_block_at(f.c, branch->head, 5)->parent,
	    sim_block_at(f.c, branch->head, 4));
	rig_release(&f.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minority_goes_its_own_way),
		cmocka_unit_test(what_is_final_is_so_by_the_own_head),
		cmocka_unit_test(a_head_is_heard_of_late),
		cmocka_unit_test(the_chain_goes_over),
		cmocka_unit_test(the_chain_can_go_back_again),
	};

	secret_setup();
	secp_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
