#!/usr/bin/env python3
"""2,000 rows, paid by a program that is killed at random instants, and everybody is paid
exactly once."""

from harness import Anvil, main, pay_through_kills, test
from proxy import Proxy

ROWS = 2000
AMID = 10  # kills while sends are outstanding


def pay_and_kill(seed, token_name):
    # Each answer takes a moment, as it does where the node is not on the same machine.
    with Anvil(block_s=0.15) as anvil, Proxy(anvil.port, delay_s=0.04) as proxy:
        pay_through_kills(anvil, proxy, seed, token_name, ROWS, AMID, max_in_flight=64)


@test
def native_coin_through_kills():
    pay_and_kill(1, None)


@test
def a_token_through_kills():
    pay_and_kill(2, "Plain")


main()
