#!/usr/bin/env python3
"""Another wallet program uses the same key in mid-run, and the rows are paid exactly once."""

import contextlib

from harness import desk_of, exact, intrude, main, paid, same, test, within

ROWS = 200


@contextlib.contextmanager
def under_way(depth, rows=ROWS, **chain):
    with desk_of(rows, depth, **{"max_in_flight": 30, **chain}) as (anvil, desk):
        desk.child = desk.start(*desk.airdrop())
        paid(anvil, 30)
        yield anvil, desk


@test
def another_program_takes_a_nonce():
    with under_way(depth=2) as (anvil, desk):
        stranger = intrude(anvil, 1)
        same(desk.ended(desk.child).code, 0, "exit")
        exact(anvil, desk, strangers={stranger})
        desk.verify("list")


@test
def another_program_takes_one_while_we_are_away():
    with under_way(depth=2) as (anvil, desk):
        desk.child.kill()
        desk.child.wait()
        strangers = {intrude(anvil, number) for number in range(2)}
        desk.expect(0, *desk.airdrop())
        exact(anvil, desk, strangers=strangers)


@test
def three_foreign_ones_want_an_operator():
    with under_way(depth=6) as (anvil, desk):
        strangers = {intrude(anvil, number) for number in range(3)}
        ended = desk.ended(desk.child)
        same(ended.code, 4, f"exit: {ended.err[-500:]}")
        within("pawl resume key:payer", ended.err + ended.out, "what to type")
        same(desk.run(*desk.airdrop()).code, 4, "exit of a run that nobody allowed")
        desk.expect(0, "resume", "key:payer")
        desk.expect(0, *desk.airdrop(), seconds=90)
        exact(anvil, desk, strangers=strangers)
        desk.verify("list")


main()
