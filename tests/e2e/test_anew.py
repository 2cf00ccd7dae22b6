#!/usr/bin/env python3
"""The journal is lost and made anew: what its key has paid is read back from the chain,
and nobody is paid twice unless the operator says so."""

import contextlib
import re

from harness import (
    OWNER, PAYER, Anvil, Desk, check, desk_of, end, exact, exactly_once, main, paid, recipients,
    same, serving, stop, test, wait_until, within,
)


def anew(desk):
    for part in desk.folder.glob("pawl.db*"):
        part.unlink()
    desk.expect(0, "init")


@contextlib.contextmanager
def lost(rows, **chain):
    """A list is paid, and then its journal is made anew."""
    with desk_of(rows, **chain) as (anvil, desk):
        desk.expect(0, *desk.airdrop())
        anew(desk)
        yield anvil, desk


def refused(desk):
    ended = desk.expect(5, *desk.airdrop())
    within(["--adopt", "--again"], ended.err, "the two ways on")
    check(ended.err.index("--adopt") < ended.err.index("--again"), "the safe way comes first")
    return ended.err


@test
def a_list_that_was_paid_is_adopted():
    with lost(30, max_in_flight=16) as (anvil, desk):
        within("30 of 30 rows", refused(desk), "how many")
        same(anvil.rpc.count(PAYER), 30, "payments while it was refused")
        ended = desk.expect(0, *desk.airdrop(), "--adopt")
        within("key payer is in doubt", ended.err, "what is left, and waits for the next list")
        within(("list: 30 payments that the account had made are its rows': nonces 0 to 29, in "
                "blocks ", "; 0 of its 30 rows are left"), ended.err, "what was adopted")
        same(ended.err.count("adopt"), 0, "lines of single rows")
        empties = anvil.rpc.count(PAYER) - 30
        same(desk.status("list")["state"], "completed", "state")
        print(f"# {empties} empty attempts for a lost journal with all of its payments final")
        desk.verify("list")
        within("adopted", desk.expect(0, "explain", "list", "7").out, "what is known of a row")


@test
def the_rest_of_a_list_is_paid():
    with desk_of(80, max_in_flight=16) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 40)
        end(child)
        anew(desk)
        refused(desk)
        desk.expect(0, *desk.airdrop(), "--adopt", seconds=120)
        exact(anvil, desk)
        print(f"# {anvil.rpc.count(PAYER) - 80} empty attempts for a lost journal in mid-run")
        desk.verify("list")


@test
def the_operator_may_pay_again():
    with lost(5) as (anvil, desk):
        within("choose one", desk.expect(1, *desk.airdrop(), "--adopt", "--again").err, "both")
        desk.expect(0, *desk.airdrop(), "--again")
        same(anvil.rpc.count(PAYER), 10, "payments")


@test
def a_list_that_began_is_not_begun_otherwise():
    with lost(5, max_in_flight=2) as (anvil, desk):
        anvil.interval(0)
        child = desk.start(*desk.airdrop(), "--again")
        wait_until(lambda: anvil.rpc.count(PAYER, "pending") == 7, 30, "two in flight")
        end(child)
        said = desk.expect(5, *desk.airdrop(), "--adopt").err
        within(("list is under way", "3 payments that no row knows", "pawl repair list 3 adopt 0x"),
               said, "what is not done")
        same(anvil.rpc.count(PAYER, "pending"), 7, "transactions")
        anvil.interval(0.2)
        said = desk.expect(0, *desk.airdrop(), "--again").err
        within("it is paid once under this name", said, "what --again does not do")
        same(anvil.rpc.count(PAYER), 10, "payments")
        said = desk.expect(0, *desk.airdrop(), "--adopt").err
        within("completed already: --adopt takes no more", said, "what --adopt does not do")
        same(desk.expect(0, *desk.airdrop()).err, "", "a list that is asked for again")


@test
def a_payment_by_hand_between_two_lists():
    with Anvil() as anvil, Desk([anvil.url]) as desk:
        desk.write_list("first.csv", recipients(4, "first"))
        desk.expect(0, *desk.airdrop("first.csv"))
        rows = recipients(4)
        anvil.rpc.transact(PAYER, rows[1][0], value=rows[1][1])
        wait_until(lambda: anvil.rpc.count(PAYER) == 5, 30, "the payment by hand")
        desk.write_list("list.csv", rows)
        within("1 of 4 rows", refused(desk), "how many")
        same(desk.status("list"), None, "nothing of it is journaled")
        desk.expect(0, *desk.airdrop(), "--adopt")
        same(anvil.rpc.count(PAYER), 8, "payments")
        desk.verify("list")


@test
def a_service_fee_that_was_paid_is_adopted():
    """No row of the list was paid before, and its fee was."""
    rows, to = recipients(3), recipients(1, "service")[0][0]
    fee = ("--service-fee", f"0.5:{to}")
    with Anvil() as anvil, Desk([anvil.url]) as desk:
        anvil.rpc.transact(PAYER, to, value=5 * 10**17)
        wait_until(lambda: anvil.rpc.count(PAYER) == 1, 30, "the fee by hand")
        desk.write_list("list.csv", rows)
        said = desk.expect(5, *desk.airdrop(), *fee).err
        within(("the service fee equals a payment", "--adopt", "--again"), said, "the two ways on")
        plan = desk.expect(0, "airdrop", "plan", "list.csv", "--chain", desk.name,
                           "--from", "payer", *fee)
        within("the service fee equals", plan.out + plan.err, "the plan's warning")
        desk.expect(0, *desk.airdrop(), *fee, "--adopt")
        same(anvil.rpc.count(PAYER), 4, "payments")
        desk.verify("list")


@test
def an_owner_reads_the_past_of_what_is_handed_over():
    with lost(12) as (anvil, desk):
        daemon = serving(desk)
        within("12 of 12 rows", refused(desk), "how many")
        desk.expect(0, *desk.airdrop(), "--adopt")
        same(desk.status("list")["state"], "completed", "state")
        same(anvil.rpc.count(PAYER), 12, "payments")
        stop(desk, daemon)


def look_back(desk, blocks):
    config = desk.folder / "pawl.yaml"
    config.write_text(re.sub(r"lookback: \d+", f"lookback: {blocks}", config.read_text()))


@test
def a_list_that_lies_half_beyond_lookback():
    rows = recipients(40)
    with Anvil() as anvil, Desk([anvil.url], chain={"lookback": 20}) as desk:
        desk.write_list("list.csv", rows[:25])
        desk.expect(0, *desk.airdrop())
        anvil.mine(64)
        desk.write_list("rest.csv", rows[25:])
        desk.expect(0, *desk.airdrop("rest.csv"))
        anew(desk)
        desk.write_list("list.csv", rows)
        said = refused(desk)
        within(["15 of 40 rows", "25 older ones were not read: see `lookback`"], said, "how many")
        said = desk.expect(5, *desk.airdrop(), "--adopt").err
        within(["25 older transactions", "`lookback:` of chain local"], said, "the way on")
        same(anvil.rpc.count(PAYER), 40, "payments while it was refused")
        look_back(desk, 5000)
        within("40 of 40 rows", refused(desk), "how many a larger one finds")
        within("choose one", desk.expect(1, *desk.airdrop(), "--adopt", "--again").err, "both")
        desk.expect(0, *desk.airdrop(), "--adopt")
        desk.verify("list")
        same(exactly_once(anvil.rpc, PAYER, None, rows), 40, "payments")


@test
def what_was_not_read_is_paid_when_told():
    rows = recipients(12)
    with Anvil() as anvil, Desk([anvil.url], chain={"lookback": 20}) as desk:
        older = anvil.rpc.transact(PAYER, OWNER, value=5)
        anvil.mine(64)
        desk.write_list("list.csv", rows[:8])
        desk.expect(0, *desk.airdrop())
        anew(desk)
        desk.write_list("list.csv", rows)
        within("1 older transactions", desk.expect(5, *desk.airdrop(), "--adopt").err, "unread")
        desk.expect(0, *desk.airdrop(), "--adopt", "--again")
        same(exactly_once(anvil.rpc, PAYER, None, rows, strangers={older}), 12, "payments")


@test
def a_past_beyond_lookback_is_said():
    rows = recipients(5)
    with Anvil() as anvil, Desk([anvil.url], chain={"lookback": 10}) as desk:
        desk.write_list("list.csv", rows)
        desk.expect(0, *desk.airdrop())
        anvil.rpc("anvil_mine", "0x40")
        anew(desk)
        ended = desk.expect(0, *desk.airdrop())
        within("does not know 5 transactions", ended.err, "what was not read")


main()
