#!/usr/bin/env python3
"""Nodes that are not Anvil: another RPC layer with other words for the same answers, and
another EVM. Neither has eth_getBlockReceipts, and both call their head finalized."""

from harness import (
    PAYER, Desk, Ganache, Hardhat, address, exactly_once, main, pay_through_kills, recipients,
    same, test, within,
)
from proxy import Proxy

ROWS = 300
AMID = 4  # kills while sends are outstanding


def pay_and_kill(kind, seed, token_name):
    with kind(block_s=0.2) as node, Proxy(node.port, delay_s=0.04) as proxy:
        pay_through_kills(node, proxy, seed, token_name, ROWS, AMID, max_in_flight=20)


@test
def native_coin_on_hardhat():
    pay_and_kill(Hardhat, 21, None)


@test
def a_token_on_hardhat():
    pay_and_kill(Hardhat, 22, "Plain")


@test
def native_coin_on_ganache():
    pay_and_kill(Ganache, 23, None)


@test
def a_token_on_ganache():
    pay_and_kill(Ganache, 24, "Plain")


def says_that_its_head_is_no_final_block(kind):
    """Without a depth in the config nothing is final there: it is said before anything is
    sent, and not guessed."""
    with kind(0.1) as node, Desk([node.url], chain={"finality": "finalized"}) as desk:
        node.mine()
        count = node.rpc.count(PAYER)
        ended = desk.expect(1, "doctor")
        within(["calls its head finalized", "finality: {depth: N}"], ended.out, "doctor")
        desk.write_list("list.csv", recipients(5))
        ended = desk.expect(1, *desk.airdrop())
        within(["call their head finalized", "finality: {depth: N}"], ended.err, "run")
        same(desk.status("list"), None, "an operation in the journal")
        same(node.rpc.count(PAYER), count, "transactions")
        desk.configure([node.url], 2)
        desk.expect(0, *desk.airdrop(), seconds=60)
        same(exactly_once(node.rpc, PAYER, None, recipients(5)), 5, "payments")


@test
def finality_on_hardhat():
    says_that_its_head_is_no_final_block(Hardhat)


@test
def finality_on_ganache():
    says_that_its_head_is_no_final_block(Ganache)


@test
def ganache_executes_nonce_0_again():
    """What is said of it is true: else the advice would be of no use."""
    with Ganache(0, burn=False) as node, Desk([node.url]) as desk:
        ended = desk.expect(1, "doctor")
        within(["account", "nonce 0", "other means first"], ended.out, "doctor")
        payment = {"from": PAYER, "to": address(1), "value": "0x7", "nonce": "0x0"}
        payment |= {"type": "0x2", "gas": "0x5208", "maxFeePerGas": "0x2540be400"}
        raw = node.rpc("eth_signTransaction", payment)
        for _ in range(2):
            node.rpc("eth_sendRawTransaction", raw)
        node.mine()
        same(node.rpc.balance(address(1)), 14, "what was paid by the same bytes twice")
        node.burn()
        node.mine()
        desk.expect(0, "doctor")


main()
