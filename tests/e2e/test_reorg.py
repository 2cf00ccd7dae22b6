#!/usr/bin/env python3
"""The chain takes blocks back, forgets what waits, stands still and gets dear, and
everybody is paid exactly once."""

import contextlib

from harness import (
    PAYER, check, desk_of, exact, in_pool, main, paid, same, test, wait_until, within,
)

ROWS = 300


@contextlib.contextmanager
def under_way(depth, rows=ROWS, block_s=0.2, **chain):
    """A node, a desk with a list, and the program at work on it."""
    with desk_of(rows, depth, block_s, **chain) as (anvil, desk):
        anvil.mine(10)
        desk.child = desk.start(*desk.airdrop())
        yield anvil, desk


def ends_exact(anvil, desk, seconds=60):
    ended = desk.ended(desk.child, seconds)
    same(ended.code, 0, f"exit: {ended.err[-600:]}")
    exact(anvil, desk)


def take_back(anvil, depth):
    """A reorg that must have taken payments with it, at any speed of the machine."""
    for _ in range(20):
        before = anvil.rpc.count(PAYER)
        anvil.rpc("anvil_reorg", depth, [])
        if anvil.rpc.count(PAYER) < before:
            return
    raise AssertionError("no reorg took a payment back")


@test
def six_blocks_are_taken_back_within_the_bound():
    with under_way(depth=8, max_in_flight=60) as (anvil, desk):
        paid(anvil, 100)
        take_back(anvil, 6)
        ends_exact(anvil, desk)


@test
def blocks_are_taken_back_while_nobody_looks():
    with under_way(depth=8, max_in_flight=60) as (anvil, desk):
        paid(anvil, 100)
        desk.child.kill()
        desk.child.wait()
        take_back(anvil, 6)
        desk.child = desk.start(*desk.airdrop())
        ends_exact(anvil, desk)


@test
def a_final_block_vanishes():
    with under_way(depth=3, max_in_flight=40) as (anvil, desk):
        wait_until(lambda: (desk.status("list") or {"final": 0})["final"] >= 80, 30, "80 final")
        anvil.rpc("anvil_reorg", 6, [])
        ended = desk.ended(desk.child)
        same(ended.code, 4, f"exit: {ended.err[-600:]}")
        within("pawl resume chain:local", ended.err + ended.out, "what to type")
        same(desk.run(*desk.airdrop()).code, 4, "exit of a run that nobody allowed")
        desk.expect(0, "resume", "chain:local")
        desk.child = desk.start(*desk.airdrop())
        ends_exact(anvil, desk)


@test
def the_node_forgets_what_waits():
    with under_way(depth=2, max_in_flight=100) as (anvil, desk):
        paid(anvil, 50)
        anvil.interval(0)
        wait_until(lambda: in_pool(anvil) > 0, 30, "something waits")
        anvil.rpc("anvil_dropAllTransactions")
        anvil.interval(0.2)
        ends_exact(anvil, desk)


@test
def nobody_mines_for_a_while():
    with under_way(depth=2, max_in_flight=100) as (anvil, desk):
        paid(anvil, 50)
        anvil.interval(0)
        wait_until(lambda: in_pool(anvil) == 100, 30, "all that may be in flight waits")
        polls = desk.status("list")
        check(polls["live"] >= 100, f"live: {polls}")
        same(desk.child.poll(), None, "it waits")
        anvil.interval(0.2)
        ends_exact(anvil, desk)


@test
def what_waits_is_too_cheap():
    with under_way(depth=2, max_in_flight=50, rows=150, bump_after=2) as (anvil, desk):
        paid(anvil, 50)
        anvil.interval(0)
        wait_until(lambda: in_pool(anvil) > 0, 30, "something waits")
        anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(90 * 10**9))
        anvil.interval(0.2)
        ends_exact(anvil, desk)
        bumped = [row for row in desk.export("list") if int(row["attempts"]) > 1]
        check(bumped, "no row needed a second attempt")


main()
