#!/usr/bin/env python3
"""2,000 rows, paid by a program that is killed at random instants, and everybody is paid
exactly once."""

from harness import (
    PAYER,
    Anvil,
    Desk,
    Killer,
    check,
    deploy,
    exactly_once,
    main,
    recipients,
    same,
    test,
)
from proxy import Proxy

ROWS = 2000
AMID = 12  # kills while sends are outstanding; at least 10 are wanted


def pay_and_kill(seed, token_name):
    # Each answer takes a moment, as it does where the node is not on the same machine.
    with Anvil(block_s=0.15) as anvil, Proxy(anvil.port, delay_s=0.04) as proxy:
        token = deploy(anvil, token_name, PAYER) if token_name else None
        with Desk([proxy.url], chain={"max_in_flight": 64}) as desk:
            rows = recipients(ROWS)
            desk.write_list("list.csv", rows)
            words = desk.airdrop("list.csv", *(["--token", token] if token else []))
            killer = Killer(desk, proxy, seed)
            same(killer.until(AMID, *words), None, "the run that ended before its kills")
            check(killer.amid >= 10, f"{killer.amid} of {killer.kills} kills hit sends")
            desk.expect(0, *words, seconds=90)
            print(f"# {killer.kills} kills, {killer.amid} of them while sends were out")
            same(exactly_once(anvil.rpc, PAYER, token, rows), ROWS, "payments")
            same(desk.status("list")["final"], ROWS, "rows that are final")
            if token is None:
                desk.verify("list")


@test
def native_coin_through_kills():
    pay_and_kill(1, None)


@test
def a_token_through_kills():
    pay_and_kill(2, "Plain")


main()
