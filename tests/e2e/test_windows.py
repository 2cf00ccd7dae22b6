#!/usr/bin/env python3
"""Crash windows of the field (tests/windows.def) that no other suite shows on a real node."""

import json
import signal

from harness import (
    ETHER, OWNER, PAYER, Ledger, check, deploy, desk_behind, desk_of, end, exact, exactly_once,
    in_pool, main, paid, same, test, wait_until, within,
)
from proxy import SEND, Refusal

GWEI = 10**9


def said_of(desk, child):
    ended = desk.ended(child)
    return ended.code, ended.err + ended.out


# --- who owns the journal ---------------------------------------------------------------------


@test
def a_frozen_owner_is_not_overtaken():
    """It stands still between two instructions for as long as another run waits for it."""
    with desk_of(100, max_in_flight=20) as (anvil, desk):
        first = desk.start(*desk.airdrop())
        paid(anvil, 20)
        first.send_signal(signal.SIGSTOP)
        wait_until(lambda: in_pool(anvil) == 0, 20, "all that it had sent is mined")
        before = anvil.rpc.count(PAYER)
        second = desk.start(*desk.airdrop())
        height = anvil.rpc.height()
        wait_until(lambda: anvil.rpc.height() > height + 20, 30, "twenty blocks")
        same(anvil.rpc.count(PAYER), before, "payments while the owner stands still")
        first.send_signal(signal.SIGCONT)
        same(desk.ended(first).code, 0, "exit of the owner")
        if desk.ended(second).code != 0:
            desk.expect(0, *desk.airdrop())
        exact(anvil, desk)


# --- what nodes say ---------------------------------------------------------------------------


def refuse(call, result):
    """It has the bytes, and says that it has not."""
    if call["method"] == SEND:
        raise Refusal("tx fee (1.05 ether) exceeds the configured cap (1.00 ether)")
    return result


@test
def nodes_refuse_what_they_have_taken():
    for liars in (1, 3):
        with desk_behind(3, 100, max_in_flight=30) as (anvil, proxies, desk):
            for proxy in proxies[:liars]:
                proxy.alter = refuse
            desk.expect(0, *desk.airdrop())
            exact(anvil, desk)
            if liars == 3:
                within("configured cap", desk.expect(0, "explain", "list", "3").out, "their word")


def boast(call, result):
    """A thousand times the fees of the day."""
    if call["method"] == "eth_feeHistory":
        rewards = [[hex(1000 * int(tip, 16)) for tip in tips] for tips in result["reward"]]
        fees = [hex(1000 * int(fee, 16)) for fee in result["baseFeePerGas"]]
        return {**result, "reward": rewards, "baseFeePerGas": fees}
    if call["method"] in ("eth_gasPrice", "eth_maxPriorityFeePerGas"):
        return hex(1000 * int(result, 16))
    return result


@test
def one_of_three_names_fees_without_measure():
    with desk_behind(3, 100, max_in_flight=30) as (anvil, proxies, desk):
        proxies[0].alter = boast
        for honest in proxies[1:]:
            honest.delay_s = 0.05  # it is the first to answer
        desk.expect(0, *desk.airdrop())
        exact(anvil, desk)
        spent = Ledger(anvil.rpc, PAYER).fees()
        check(spent < 100 * 21000 * 10 * GWEI, f"{spent} was spent on fees")


def shrink(call, result):
    """Six decimals, of a token that has eighteen."""
    if call["method"] == "eth_call" and call["params"][0]["data"].startswith("0x313ce567"):
        return f"0x{6:064x}"
    return result


@test
def one_of_three_names_other_decimals():
    with desk_behind(3, 20, max_in_flight=30) as (anvil, proxies, desk):
        token = deploy(anvil, "Plain", PAYER)
        proxies[0].alter = shrink
        for honest in proxies[1:]:
            honest.delay_s = 0.05
        desk.expect(0, *desk.airdrop("list.csv", "--token", token))
        exact(anvil, desk, token)


@test
def blocks_of_another_decade():
    with desk_of(100, max_in_flight=10) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        for count in (20, 50):
            paid(anvil, count)
            anvil.rpc("evm_increaseTime", hex(10 * 365 * 86400))
        same(desk.ended(child).code, 0, "exit")
        exact(anvil, desk)
        check(all(row["attempts"] == 1 for row in desk.export("list")), "attempts")


# --- the account itself -----------------------------------------------------------------------


@test
def a_sender_with_code_is_refused():
    with desk_of(5) as (anvil, desk):
        anvil.rpc("anvil_setCode", PAYER, "0xef0100" + OWNER[2:])
        said = desk.expect(1, *desk.airdrop()).err
        within(("EIP-7702", "use another one"), said, "why")
        plan = desk.expect(0, "airdrop", "plan", "list.csv", "--chain", "local", "--from", "payer",
                           "--json")
        within("EIP-7702", json.dumps(json.loads(plan.out)["warnings"]), "the plan's warning")
        within("EIP-7702", desk.expect(1, "doctor").out, "doctor")
        same(anvil.rpc.count(PAYER), 0, "payments")


@test
def a_nonce_goes_without_a_transaction():
    """As EIP-7702 can have it. Nobody can say what became of its row: all others are paid."""
    with desk_of(60, max_in_flight=5) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 20)
        anvil.interval(0)
        wait_until(lambda: in_pool(anvil) == 5, 20, "all that may be in flight waits")
        anvil.rpc("anvil_dropAllTransactions")
        anvil.rpc("anvil_setNonce", PAYER, hex(anvil.rpc.count(PAYER) + 1))
        anvil.interval(0.2)
        code, said = said_of(desk, child)
        same(code, 4, f"exit: {said[-600:]}")
        within("pawl resume key:payer", said, "what to type")
        desk.expect(0, "resume", "key:payer")
        child = desk.start(*desk.airdrop())
        wait_until(lambda: desk.status("list")["final"] == 59, 30, "all others")
        height = anvil.rpc.height()
        wait_until(lambda: anvil.rpc.height() > height + 10, 20, "ten blocks")
        same(child.poll(), None, "it waits")
        child.send_signal(signal.SIGTERM)
        same(desk.ended(child).code, 3, "exit of what was stopped")
        there = Ledger(anvil.rpc, PAYER).payments()[0]
        same(sorted(map(len, there.values())), [1] * 59, "payments of each")


@test
def a_cancel_waits_for_the_funds_of_its_bytes():
    """What was signed is good for ever: a cancel ends when its nonces are used."""
    with desk_of(60, max_in_flight=10) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 20)
        anvil.interval(0)
        wait_until(lambda: in_pool(anvil) >= 10, 20, "all that may be in flight waits")
        end(child)
        anvil.rpc("anvil_dropAllTransactions")
        anvil.rpc("anvil_setBalance", PAYER, "0x0")
        anvil.interval(0.2)
        child = desk.start("cancel", "list", "--now")
        wait_until(lambda: (desk.status("list") or {}).get("state") == "cancelling", 20, "begun")
        height = anvil.rpc.height()
        wait_until(lambda: anvil.rpc.height() > height + 15, 20, "fifteen blocks")
        same(child.poll(), None, "it waits")
        anvil.rpc("anvil_setBalance", PAYER, hex(ETHER))
        same(desk.ended(child).code, 0, "exit of cancel")
        final = {row["address"].lower() for row in desk.export("list") if row["state"] == "final"}
        there = [row for row in desk.rows if row[0] in final]
        same(exactly_once(anvil.rpc, PAYER, None, there), len(final), "payments")
        nonces = Ledger(anvil.rpc, PAYER).nonces()
        check(len(nonces) >= 30, f"{len(nonces)} nonces are used")


main()
