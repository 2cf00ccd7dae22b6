#!/usr/bin/env python3
"""Tokens with habits and contracts that get coins: what can be paid is paid exactly once,
and what can't be says why."""

import contextlib

from harness import (
    PAYER, Anvil, Desk, Ledger, check, deploy, desk_of, exactly_once, main, paid, recipients,
    same, tell, test, within,
)

ROWS = 100


@contextlib.contextmanager
def token_desk(name, rows=ROWS, **chain):
    with desk_of(rows, **{"max_in_flight": 30, **chain}) as (anvil, desk):
        token = deploy(anvil, name, PAYER)
        desk.words = desk.airdrop("list.csv", "--token", token)
        yield anvil, desk, token


def one_row(desk, number):
    return next(row for row in desk.export("list") if int(row["row"]) == number)


@test
def a_token_that_returns_nothing():
    with token_desk("Silent") as (anvil, desk, token):
        desk.expect(0, *desk.words)
        same(exactly_once(anvil.rpc, PAYER, token, desk.rows), ROWS, "payments")
        same(desk.verify("list")["final"], ROWS, "rows that are final")


@test
def a_token_that_takes_a_fee():
    with token_desk("Taxed", 20) as (anvil, desk, token):
        ended = desk.expect(0, *desk.words)
        within(["warning", "20 rows", "pawl verify list"], ended.err, "it says so")
        less = [(to, amount - amount // 100) for to, amount in desk.rows]
        same(exactly_once(anvil.rpc, PAYER, token, less), 20, "payments")
        said = desk.verify("list", 6)
        same(said["ok"], False, "verify")
        same(len(said["mismatches"]), 20, "mismatches")
        same({row["state"] for row in desk.export("list")}, {"final"}, "states")


@test
def a_token_that_reverts_for_one():
    with token_desk("Picky") as (anvil, desk, token):
        to, _ = desk.rows[41]
        tell(anvil, token, "ban", to)
        desk.expect(4, *desk.words)
        others = [row for row in desk.rows if row[0] != to]
        same(exactly_once(anvil.rpc, PAYER, token, others, failed=1), ROWS - 1, "payments")
        same(one_row(desk, 42)["state"], "void", "state of the row")
        why = desk.expect(0, "explain", "list", "42").out
        within("reverted: recipient is banned", why, "its reason")
        same(desk.status("list")["final"], ROWS - 1, "rows that are final")


@test
def a_token_that_says_false():
    with token_desk("Picky") as (anvil, desk, token):
        to, _ = desk.rows[41]
        tell(anvil, token, "ignore", to)
        desk.expect(4, *desk.words)
        ledger = Ledger(anvil.rpc, PAYER)
        _, failed, _, silent = ledger.payments(token)
        same((len(failed), len(silent)), (0, 1), "failed ones, and ones without a log")
        rest = [row for row in desk.rows if row[0] != to]
        same(exactly_once(anvil.rpc, PAYER, token, rest, strangers=silent), 99, "payments")
        same(one_row(desk, 42)["state"], "void", "state of the row")
        within("no transfer", desk.expect(0, "explain", "list", "42").out.lower(), "reason")


@test
def a_token_that_is_paused_for_a_while():
    with token_desk("Pausable", 150, max_in_flight=20) as (anvil, desk, token):
        child = desk.start(*desk.words)
        paid(anvil, 40)
        tell(anvil, token, "pause", 1)
        ended = desk.ended(child)
        same(ended.code, 4, f"exit: {ended.err[-600:]}")
        within("pawl resume", ended.err + ended.out, "what to type")
        _, failed, _, _ = Ledger(anvil.rpc, PAYER).payments(token)
        check(5 <= len(failed) <= 40, f"{len(failed)} payments were burnt before it stopped")
        tell(anvil, token, "pause", 0)
        desk.expect(0, "resume", "list")
        within("pawl retry list", desk.expect(4, *desk.words).err, "what to type")
        desk.expect(0, "retry", "list")
        desk.expect(0, *desk.words)
        payments = exactly_once(anvil.rpc, PAYER, token, desk.rows, failed=len(failed))
        same(payments, 150, "payments")


@test
def contracts_that_get_coins():
    with Anvil() as anvil, Desk([anvil.url], chain={"max_in_flight": 30}) as desk:
        diligent, refusing = deploy(anvil, "Diligent"), deploy(anvil, "Refusing")
        rows = recipients(60)
        rows[10] = (diligent, 10**10)
        rows[20] = (refusing, 10**10)
        desk.write_list("list.csv", rows)
        desk.rows = rows
        desk.expect(4, *desk.airdrop())
        others = [row for row in rows if row[0] != refusing]
        same(exactly_once(anvil.rpc, PAYER, None, others), 59, "payments")
        row = one_row(desk, 21)
        same((row["state"], row["nonce"] in (None, "")), ("void", True), "row and nonce")
        within("no coin, thanks", desk.expect(0, "explain", "list", "21").out, "its reason")


@test
def a_token_that_is_none():
    with Anvil() as anvil, Desk([anvil.url]) as desk:
        nobody = recipients(1, "nobody")[0][0]
        desk.write_list("list.csv", recipients(3))
        ended = desk.run(*desk.airdrop("list.csv", "--token", nobody))
        check(ended.code in (1, 2), f"exit {ended.code}: {ended.err[-300:]}")
        same(anvil.rpc.count(PAYER), 0, "transactions")


main()
