#!/usr/bin/env python3
"""A pool of three nodes, one of which goes bad while a list is paid: it lies, it lags, it
serves another chain id or another genesis. It is named wherever one would look, nobody
is paid by its word, and when it is well again it is back."""

from harness import (
    PAYER, Anvil, check, desk_behind, end, exactly_once, main, paid, same, test, wait_until,
    within,
)

ROWS = 500
DEPTH = 6
LAGS = "lags by"


def pool_of_three():
    """A desk that pays slowly, so that there is time for what happens to its nodes, on a
    chain deep enough that who mixes two blocks up is asked again before it is named: Anvil
    does so at times while it makes the next one."""
    return desk_behind(3, ROWS, depth=DEPTH, max_in_flight=4)


def left_out(desk):
    return (desk.status("list") or {}).get("left_out")


def goes_bad_and_is_well_again(spoil, heal, said, diagnosed):
    """spoil(proxy, anvil) and heal(proxy, anvil) happen to the first of three nodes."""
    with pool_of_three() as (anvil, proxies, desk):
        name = f"127.0.0.1:{proxies[0].port}"
        child = desk.start(*desk.airdrop())
        paid(anvil, 16)
        check(said not in (left_out(desk) or ""), "none of three good ones is blamed")
        spoil(proxies[0], anvil)
        wait_until(lambda: said in (left_out(desk) or ""), 30, f"that status says {said}")
        height = anvil.rpc.height()
        wait_until(lambda: anvil.rpc.height() > height + 10, 30, "10 blocks")
        status = left_out(desk)
        within([name, said], status, "status")
        same(status.count(said), 1, f"nodes that are blamed in {status!r}")
        within(f"left out: {name} ", desk.expect(0, "status").out, "status for people")
        if diagnosed:
            ended = desk.expect(1, "doctor")
            within([f"local {name}: ", diagnosed], ended.out, "doctor")
            same(ended.out.count("FINDING"), 1, f"findings in {ended.out}")
        heal(proxies[0], anvil)
        wait_until(lambda: left_out(desk) is None, 60, "that it is back")
        same(child.poll(), None, "the list is still paid")
        end(child)
        log = child.paths[1].read_text()
        within([f"node {name} left out: ", said, f"node {name} is back"], log, "the log")
        others = [f"127.0.0.1:{proxy.port}" for proxy in proxies[1:]]
        if said != LAGS:  # on a busy machine anybody may, for a moment
            blamed = [o for o in others if f"node {o} left out: {said}" in log]
            same(blamed, [], f"others that are blamed in {log}")
        desk.configure([proxy.url for proxy in proxies], DEPTH, max_in_flight=200)
        desk.expect(0, *desk.airdrop(), seconds=60)
        same(exactly_once(anvil.rpc, PAYER, None, desk.rows), ROWS, "payments")
        same(desk.verify("list")["final"], ROWS, "rows that are verified")


def counts_more(call, result):
    if call["method"] == "eth_getTransactionCount":
        return hex(int(result, 16) + 3)
    return result


def has_more(call, result):
    return hex(int(result, 16) * 1000) if call["method"] == "eth_getBalance" else result


def sees_failures(call, result):
    if call["method"] == "eth_getBlockReceipts" and result:
        return [{**receipt, "status": "0x0"} for receipt in result]
    return result


def hides_a_payment(call, result):
    """One that is missing in each block; doctor looks at one that may have none of ours."""
    return result[1:] if call["method"] == "eth_getBlockReceipts" and result else result


def lies(lie, diagnosed="says something else of"):
    def spoil(proxy, anvil):
        proxy.alter = lie

    def heal(proxy, anvil):
        proxy.alter = None

    goes_bad_and_is_well_again(spoil, heal, "says otherwise than a quorum", diagnosed)


@test
def one_lies_about_counts():
    lies(counts_more)


@test
def one_lies_about_balances():
    lies(has_more)


@test
def one_lies_about_receipts():
    lies(sees_failures, None)


@test
def one_lies_about_blocks():
    lies(hides_a_payment, None)


@test
def one_lags():
    def spoil(proxy, anvil):
        proxy.frozen = anvil.rpc.height()

    def heal(proxy, anvil):
        proxy.frozen = None

    goes_bad_and_is_well_again(spoil, heal, LAGS, "blocks behind the others")


def becomes(chain_id, said, diagnosed):
    """Another node is behind its address."""
    with Anvil(0.15, chain_id, "--timestamp", "1700000000") as stranger:
        stranger.mine(60)

        def spoil(proxy, anvil):
            proxy.upstream = stranger.port

        def heal(proxy, anvil):
            same(stranger.rpc.count(PAYER), 0, "payments on the other chain")
            proxy.upstream = anvil.port

        goes_bad_and_is_well_again(spoil, heal, said, diagnosed)


@test
def one_serves_another_chain_id():
    becomes(5, "serves chain id 5, not 31337", "it serves chain id 5, not 31337")


@test
def one_serves_another_genesis():
    becomes(31337, "serves a chain of another genesis", "its genesis is not that of")


class LateOnce:
    """A node that shows one transaction as pending, the first time it is asked for it."""

    def __init__(self):
        self.asked = 0

    def __call__(self, call, result):
        if call["method"] != "eth_getTransactionByHash" or not result or result["nonce"] != "0x7":
            return result
        self.asked += 1
        if self.asked > 1:
            return result
        return {**result, "blockHash": None, "blockNumber": None, "transactionIndex": None}


@test
def verify_asks_again_before_it_alarms():
    with desk_behind(2, 20) as (_, proxies, desk):
        desk.expect(0, *desk.airdrop(), seconds=60)
        for proxy in proxies:
            proxy.alter = LateOnce()
        same(desk.verify("list")["final"], 20, "rows that are verified")
        check(all(proxy.alter.asked > 1 for proxy in proxies), "both were asked again")


main()
