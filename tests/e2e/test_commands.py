#!/usr/bin/env python3
"""What an operator does in mid-run: pause, resume, cancel, raise the cap; and what the last
line of a run says is what the chain says."""

import contextlib
import json
import signal
import sqlite3

from harness import (
    PAYER, TILL, Anvil, Desk, Ledger, address, check, deploy, desk_of, exact, exactly_once,
    in_pool, main, paid, recipients, same, test, wait_until, whole, within,
)


@contextlib.contextmanager
def under_way(*more, rows=100):
    with desk_of(rows, max_in_flight=20) as (anvil, desk):
        desk.child = desk.start(*desk.airdrop("list.csv", *more))
        paid(anvil, 20)
        yield anvil, desk


def stop(desk):
    desk.child.send_signal(signal.SIGTERM)
    same(desk.ended(desk.child, 2).code, 3, "exit of a run that was stopped")


def rows_read(desk):
    """How many rows of a list the journal has, once there is one."""
    with contextlib.closing(sqlite3.connect(f"file:{desk.journal}?mode=ro", uri=True)) as db:
        row = db.execute("SELECT imported FROM airdrop").fetchone()
        return row and row[0] + 1


@test
def a_list_is_compared_with_one_that_is_not_read_to_its_end():
    with desk_of(200_000) as (anvil, desk):
        desk.child = desk.start(*desk.airdrop("list.csv", "--max-total-fee", "9000"))
        wait_until(lambda: rows_read(desk), 60, "the list in the journal")
        stop(desk)
        check(desk.status("list")["rows"] == 200_000 > rows_read(desk), "it was read")
        desk.write_list("end.csv", desk.rows[-3:])
        ended = desk.expect(5, *desk.airdrop("end.csv"))
        within(("pawl cancel list", "--again"), ended.err, "the ways on")
        desk.expect(0, "cancel", "list")
        within("list: cancelled", desk.expect(0, "doctor").out, "what doctor says of it")
        within("--name", desk.expect(4, *desk.airdrop()).err, "how all of it is paid")
        within("--name", desk.expect(5, "export", "list", "--unpaid").err, "how it is not")
        desk.expect(0, *desk.airdrop("end.csv"))
        same(exactly_once(anvil.rpc, PAYER, None, desk.rows[-3:]), 3, "payments")


@test
def it_is_paused_and_resumed():
    with under_way() as (anvil, desk):
        stop(desk)
        desk.expect(0, "pause", "list")
        before = anvil.rpc.count(PAYER)
        within("pawl resume list", desk.expect(4, *desk.airdrop()).err, "what to type")
        check(anvil.rpc.count(PAYER) <= before + 20, "something new was paid")
        desk.expect(0, "resume", "list")
        last = json.loads(desk.expect(0, *desk.airdrop(), "--json").out.splitlines()[-1])
        exact(anvil, desk)
        same(last["fees_total"], whole(Ledger(anvil.rpc, PAYER).fees()), "fees_total")
        same(last["sent_total"], whole(sum(n for _, n in desk.rows)), "sent_total")


@test
def it_is_cancelled_over_what_waits():
    with under_way() as (anvil, desk):
        anvil.interval(0)
        wait_until(lambda: in_pool(anvil) >= 20, 30, "all that may be in flight waits")
        stop(desk)
        waiting = {tx["hash"] for tx in pool(anvil)}
        child = desk.start("cancel", "list", "--now")
        wait_until(lambda: not waiting & {tx["hash"] for tx in pool(anvil)}, 20, "replaced")
        anvil.interval(0.2)
        same(desk.ended(child, 30).code, 0, "exit of cancel")
        settled(anvil, desk)
        check(Ledger(anvil.rpc, PAYER).payments()[2], "no empty transaction is on the chain")


def pool(anvil):
    pending = anvil.rpc("txpool_content")["pending"]
    return [tx for of_one in pending.values() for tx in of_one.values()]


def settled(anvil, desk):
    """Every row is final or was never paid, and the journal knows which."""
    said = desk.status("list")
    same((said["state"], said["live"]), ("cancelled", 0), "state, and rows under way")
    final = {row["address"].lower() for row in desk.export("list") if row["state"] == "final"}
    there = [row for row in desk.rows if row[0] in final]
    same(exactly_once(anvil.rpc, PAYER, None, there), len(final), "payments")
    check(0 < len(there) < len(desk.rows), f"{len(there)} rows were paid")


@test
def it_is_cancelled_and_settles():
    with under_way() as (anvil, desk):
        stop(desk)
        desk.expect(0, "cancel", "list", seconds=30)
        settled(anvil, desk)
        check(desk.run(*desk.airdrop()).code != 0, "a cancelled operation is not done")
        settled(anvil, desk)


@test
def the_cap_is_reached_and_raised():
    with under_way("--max-total-fee", "0.02") as (anvil, desk):
        anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(60 * 10**9))
        ended = desk.ended(desk.child)
        same(ended.code, 4, f"exit: {ended.err[-500:]}")
        within("--max-total-fee", ended.err, "what to type")
        spent = Ledger(anvil.rpc, PAYER).fees()
        check(spent <= 2 * 10**16, f"{whole(spent)} was spent")
        desk.expect(0, "resume", "list", "--max-total-fee", "1")
        desk.expect(0, *desk.airdrop())
        exact(anvil, desk)


@test
def a_service_fee_is_paid_last():
    with Anvil() as anvil, Desk([anvil.url]) as desk:
        token, to = deploy(anvil, "Plain", PAYER), address(1, "service")
        rows = recipients(20)
        desk.write_list("list.csv", rows)
        fee = ("--service-fee", f"0.5:{to}")
        desk.expect(0, *desk.airdrop("list.csv", "--token", token, *fee))
        everybody = rows + [(to, 5 * 10**17)]
        same(exactly_once(anvil.rpc, PAYER, token, everybody), 21, "payments")
        last = Ledger(anvil.rpc, PAYER)
        same(last.transfers(last.receipts[-1], token), everybody[-1:], "the last payment")
        desk.verify("list")


@test
def a_recipient_may_have_two_rows():
    with Anvil() as anvil, Desk([anvil.url]) as desk:
        rows = recipients(5) + recipients(3)
        desk.write_list("list.csv", rows)
        desk.expect(2, *desk.airdrop())
        same(anvil.rpc.count(PAYER), 0, "transactions without the flag")
        desk.expect(0, *desk.airdrop("list.csv", "--allow-duplicates"))
        same(exactly_once(anvil.rpc, PAYER, None, rows), 8, "payments")
        desk.verify("list")


@test
def two_keys_pay_on_one_chain():
    """Each list is stopped on its way, and one process pays them both to the end."""
    with under_way() as (anvil, desk):
        stop(desk)
        bonus = recipients(80, "bonus")
        desk.write_list("bonus.csv", bonus)
        desk.child = desk.start(*desk.airdrop("bonus.csv", key="till"))
        wait_until(lambda: anvil.rpc.count(TILL) >= 20, 30, "20 payments of the till")
        stop(desk)
        child = desk.start("serve")
        wait_until(lambda: finished(desk, "list") and finished(desk, "bonus"), 60, "both end")
        child.send_signal(signal.SIGTERM)
        same(desk.ended(child, 5).code, 0, "exit of serve")
        exact(anvil, desk)
        same(exactly_once(anvil.rpc, TILL, None, bonus), len(bonus), "payments of the till")
        for name in ("list", "bonus"):
            desk.verify(name)


def finished(desk, name):
    status = desk.status(name)
    return status and status["state"] == "completed"


main()
