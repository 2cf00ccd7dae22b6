#!/usr/bin/env python3
"""A journal is put back from a backup that is older than what was sent: the account is
fenced, and everybody is paid exactly once, wherever the forgotten transactions are."""

import contextlib
import subprocess

from harness import (
    PAYER, Anvil, Desk, Ledger, desk_of, end, exactly_once, is_empty, main, paid, recipients,
    same, test, wait_until, within,
)

ROWS = 300
IN_FLIGHT = 20


@contextlib.contextmanager
def forgetful(**chain):
    """A run is killed some time after a backup of its journal was made, with transactions
    of its in the pool and no block to take them."""
    with desk_of(ROWS, **{"max_in_flight": IN_FLIGHT, **chain}) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 40)
        desk.expect(0, "backup", "copy.db")
        at_backup = anvil.rpc.count(PAYER)
        wait_until(lambda: anvil.rpc.count(PAYER) >= at_backup + 2 * IN_FLIGHT, 30, "more")
        anvil.interval(0)
        mined = anvil.rpc.count(PAYER)
        waits = lambda: anvil.rpc.count(PAYER, "pending") - mined
        wait_until(lambda: waits() >= IN_FLIGHT, 30, "transactions in the pool")
        end(child)
        yield anvil, desk


def lose(anvil):
    """No pool has anything of the account, and the last requests of the dead have come in."""
    quiet = 0

    def is_quiet():
        nonlocal quiet
        quiet += 1
        if anvil.rpc.count(PAYER, "pending") > anvil.rpc.count(PAYER):
            anvil.rpc("anvil_dropAllTransactions")
            quiet = 0
        return quiet > 30

    wait_until(is_quiet, 10, "an empty pool")


def restore(desk):
    desk.expect(0, "restore", "copy.db")


def fence_of(desk):
    return desk.status("fence-1")


def paid_once(anvil, desk, what):
    """Everybody is; what the fence did cost is printed."""
    same(exactly_once(anvil.rpc, PAYER, None, desk.rows), ROWS, "payments")
    desk.verify("list")
    ledger = Ledger(anvil.rpc, PAYER)
    cost = [
        int(r["gasUsed"], 16) * int(r["effectiveGasPrice"], 16)
        for tx, r in zip(ledger.sent, ledger.receipts)
        if is_empty(tx)
    ]
    print(f"# {what}: {len(cost)} empty attempts, {sum(cost) / 1e18:.6f} coin")
    return len(cost)


@test
def forgotten_transactions_are_all_mined():
    with forgetful() as (anvil, desk):
        anvil.mine(8)
        restore(desk)
        anvil.interval(0.2)
        desk.expect(0, *desk.airdrop(), seconds=90)
        same(fence_of(desk)["state"], "completed", "fence")
        # Nobody ever signed for those that the limit allows above.
        same(paid_once(anvil, desk, "all mined"), IN_FLIGHT, "empty attempts")


@test
def forgotten_transactions_are_in_the_pool():
    with forgetful() as (anvil, desk):
        restore(desk)
        child = desk.start(*desk.airdrop())
        wait_until(lambda: fence_of(desk), 30, "a fence")
        within("what was forgotten to be mined", fence_of(desk)["waits_for"], "waits for")
        within("fence-1", desk.status("list")["waits_for"], "what the list waits for")
        anvil.interval(0.2)
        same(desk.ended(child, 90).code, 0, "exit")
        same(paid_once(anvil, desk, "all in the pool"), 0, "empty attempts")


@test
def forgotten_transactions_are_nowhere():
    with forgetful() as (anvil, desk):
        lose(anvil)
        restore(desk)
        anvil.interval(0.2)
        desk.expect(0, *desk.airdrop(), seconds=90)
        same(paid_once(anvil, desk, "none known"), IN_FLIGHT, "empty attempts")


@test
def a_dear_fence_asks_first():
    with forgetful(fence_max_fee="0.000000001") as (anvil, desk):
        lose(anvil)
        restore(desk)
        anvil.interval(0.2)
        ended = desk.run(*desk.airdrop())
        same(ended.code, 4, "exit")
        within("then: pawl resume key:payer", ended.err, "what to type")
        within("it fences", desk.expect(0, "status", "fence-1").out, "status")
        same(desk.run("explain", "fence-1", "1").code, 1, "explain of a fence")
        same(desk.run("verify", "fence-1").code, 1, "verify of a fence")
        same(desk.run("cancel", "fence-1").code, 5, "cancel of a fence")
        same(desk.export("fence-1"), [], "rows of a fence")
        desk.expect(0, "resume", "key:payer")
        desk.expect(0, *desk.airdrop(), seconds=90)
        paid_once(anvil, desk, "accepted")


@test
def killed_while_it_fences():
    with forgetful() as (anvil, desk):
        lose(anvil)
        restore(desk)
        anvil.interval(0.2)
        for after_s in (0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1):
            child = desk.start(*desk.airdrop())
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(after_s)
            end(child)
        desk.expect(0, *desk.airdrop(), seconds=90)
        paid_once(anvil, desk, "killed seven times")


@test
def the_latest_is_not_fenced():
    with Anvil() as anvil, Desk([anvil.url]) as desk:
        anvil.mine(10)
        desk.rows = recipients(ROWS)
        desk.write_list("list.csv", desk.rows)
        desk.expect(0, *desk.airdrop())
        desk.expect(0, "backup", "copy.db")
        desk.expect(0, "restore", "copy.db", "--latest")
        desk.expect(0, *desk.airdrop())
        same(fence_of(desk), None, "fence")


main()
