#!/usr/bin/env python3
"""A person pays a row with the key, past pawl, and says so: it is that row's payment, once,
and every row is paid exactly once."""

import contextlib
import re

from harness import (
    PAYER, Anvil, Desk, check, desk_of, exact, exactly_once, intrude, main, paid, recipients,
    same, serving, stop, test, wait_until, within,
)


@contextlib.contextmanager
def stopped_by(*numbers, rows=60, depth=2, **chain):
    """A list is under way; somebody pays the rows of these numbers by hand, and it stops."""
    with desk_of(rows, depth, **{"max_in_flight": 5, **chain}) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 10)
        by_hand = [intrude(anvil, n, desk.rows[n - 1]) for n in numbers]
        ended = desk.ended(child)
        same(ended.code, 4, f"exit: {ended.err[-500:]}")
        within(f"pawl repair list {numbers[0]} adopt {by_hand[0]}", ended.err, "the way on")
        yield anvil, desk, by_hand


def ways_on(desk):
    """The words of each line that a refused resume names."""
    refused = desk.expect(5, "resume", "key:payer").err
    return [re.split(r"[ .;]+", line)[:4] for line in refused.split("pawl repair ")[1:]]


def go_on(desk, *more):
    desk.expect(0, "resume", "list")
    desk.expect(0, *desk.airdrop(), *more, seconds=90)


@test
def a_payment_by_hand_is_adopted():
    with stopped_by(60) as (anvil, desk, (tx,)):
        refused = desk.expect(5, "resume", "key:payer").err
        within(["pawl repair list 60 adopt", "--yes"], refused, "both ways on")
        desk.expect(5, "repair", "list", "59", "adopt", tx)
        desk.expect(1, "repair", "list", "60", "adopt")
        said = desk.expect(0, "repair", "list", "60", "adopt", tx).out
        within(["read whole by a quorum", "Then: pawl resume"], said, "what was checked")
        desk.expect(0, "repair", "list", "60", "adopt", tx)
        within("adopted", desk.expect(0, "explain", "list", "60").out, "what is known of it")
        go_on(desk)
        exact(anvil, desk)
        desk.verify("list")
        same(desk.export("list")[59]["tx"], tx, "the payment of the row")
        desk.expect(5, "repair", "list", "60", "adopt", "0x" + 64 * "7")


@test
def two_payments_are_two_of_the_equal_rows():
    rows = recipients(30)
    rows += [rows[-1]] * 3
    with Anvil() as anvil, Desk([anvil.url], chain={"max_in_flight": 5}) as desk:
        anvil.mine(10)
        desk.rows = rows
        desk.write_list("list.csv", rows)
        child = desk.start(*desk.airdrop(), "--allow-duplicates")
        paid(anvil, 5)
        one, two = (intrude(anvil, 33, rows[-1]) for _ in range(2))
        same(desk.ended(child).code, 4, "exit")
        daemon = serving(desk)
        wait_until(lambda: len(ways_on(desk)) == 2, 20, "both of them to be read")
        first, second = ways_on(desk)
        same((first[2:], second[2:]), (["adopt", one], ["adopt", two]), "what to type")
        check(first[1] != second[1], "each names a row of its own")
        then = f"pawl repair list {second[1]} adopt {two}"
        within(f"Then: {then}", desk.expect(0, "repair", "list", first[1], "adopt", one).out,
               "the next one")
        within(then, desk.expect(4, *desk.airdrop(), "--allow-duplicates").err, "a run")
        within(then, desk.status("list")["waits_for"], "what it waits for")
        within(f"row {first[1]}", desk.expect(5, "repair", "list", "33", "adopt", one).err,
               "whose it is")
        # of the list, once a final block has stopped it by itself: it resumes the key too
        within("Then: pawl resume ", desk.expect(0, *then.split()[1:]).out, "the last one")
        stop(desk, daemon)
        go_on(desk, "--allow-duplicates")
        exact(anvil, desk)
        desk.verify("list")


@test
def a_block_that_vanishes_takes_an_adopted_payment_along():
    with stopped_by(60, depth=8) as (anvil, desk, (tx,)):
        anvil.interval(0)
        told = desk.expect(0, "repair", "list", "60", "adopt", tx)
        check("final block" not in told.out, "its block is not final yet")
        depth = anvil.rpc.height() - int(anvil.rpc.receipt(tx)["blockNumber"], 16) + 1
        anvil.rpc("anvil_reorg", depth, [])
        check(anvil.rpc("eth_getTransactionReceipt", tx) is None, "it is gone")
        anvil.interval(0.2)
        go_on(desk)
        exact(anvil, desk)
        desk.verify("list")


@test
def a_row_is_skipped():
    with desk_of(40, max_in_flight=3) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 5)
        desk.expect(0, "pause", "list")
        same(desk.ended(child).code, 4, "exit of what was paused")
        daemon = serving(desk)
        wait_until(lambda: desk.export("list")[0]["state"] == "final", 30, "row 1 to be final")
        within("nothing was ever signed", desk.expect(0, "repair", "list", "40", "skip").out,
               "why it can't be paid")
        within("is final", desk.expect(5, "repair", "list", "1", "skip").err, "row 1")
        desk.expect(0, "resume", "list")
        wait_until(lambda: desk.status("list")["state"] == "completed", 60, "its end")
        stop(desk, daemon)
        desk.expect(0, *desk.airdrop())
        told = desk.verify("list")
        same((told["ok"], told["skipped"], told["final"]), (True, 1, 39), "what is proven")
        same(desk.status("list")["skipped"], 1, "skipped")
        row = desk.export("list")[39]
        same((row["state"], row["reason"]), ("void", "skipped by the operator"), "row 40")
        same(len(desk.expect(0, "export", "list", "--unpaid").out.splitlines()), 1, "unpaid")
        same(exactly_once(anvil.rpc, PAYER, None, desk.rows[:39]), 39, "payments")
        desk.expect(0, "retry", "list")
        same(desk.status("list")["skipped"], 1, "skipped, after a retry of all")
        desk.expect(0, "retry", "list", "40")
        desk.expect(0, *desk.airdrop())
        exact(anvil, desk)


main()
