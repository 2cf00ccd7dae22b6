#!/usr/bin/env python3
"""Nodes that lose answers, lag, lie or serve another chain, and everybody is paid exactly
once."""

import time

from harness import (
    PAYER, Anvil, Desk, check, desk_behind, exact, exactly_once, main, paid, recipients, same,
    test, wait_until, within,
)
from proxy import SEND, Faults, Limit

LOSSES = {"504": 0.1, "reset": 0.1, "drop": 0.1, "hang": 0.05}


def impatient_desk(proxies, rows, **chain):
    """Who hears nothing asks again soon."""
    return desk_behind(proxies, rows, **{"max_in_flight": 60, "timeout_ms": 600, **chain})


def pays_exactly(anvil, desk, seconds=90):
    ended = desk.expect(0, *desk.airdrop(), seconds=seconds)
    exact(anvil, desk)
    return ended.err


@test
def answers_to_sends_are_lost():
    with impatient_desk(1, 200, max_in_flight=20, batch=5) as (anvil, (proxy,), desk):
        proxy.fault = Faults(11, {k: 2 * v for k, v in LOSSES.items()}, only=SEND)
        pays_exactly(anvil, desk)
        check(all(proxy.fault.seen.values()), f"each kind of fault: {proxy.fault.seen}")


@test
def any_answer_may_be_lost():
    with impatient_desk(1, 200, batch=5) as (anvil, (proxy,), desk):
        proxy.fault = Faults(12, LOSSES)
        pays_exactly(anvil, desk)
        check(all(proxy.fault.seen.values()), f"each kind of fault: {proxy.fault.seen}")


@test
def the_node_answers_so_often_and_no_more():
    with impatient_desk(1, 200, block_s=0.5) as (anvil, (proxy,), desk):
        proxy.fault = Limit(15)
        pays_exactly(anvil, desk)
        check(proxy.fault.refused > 0, "it was never asked too often")


@test
def the_node_is_busy_now_and_then():
    with impatient_desk(1, 200, batch=5) as (anvil, (proxy,), desk):
        proxy.fault = Faults(13, {"503": 0.1})
        pays_exactly(anvil, desk)
        check(all(proxy.fault.seen.values()), f"each kind of fault: {proxy.fault.seen}")


@test
def the_only_node_has_no_block_yet():
    with Anvil(0) as anvil, Desk([anvil.url]) as desk:
        desk.fill(5)
        child = desk.start(*desk.airdrop())
        wait_until(lambda: anvil.rpc.count(PAYER, "pending") == 5, 30, "all are sent")
        same(int(anvil.rpc("eth_blockNumber"), 16), 0, "the head")
        anvil.interval(0.2)
        same(desk.ended(child).code, 0, "the exit code")
        exact(anvil, desk)


@test
def the_only_node_falls_back_in_time():
    """A load balancer that moves to a node which is behind, and back."""
    with impatient_desk(1, 300) as (anvil, (proxy,), desk):
        child = desk.start(*desk.airdrop())
        for paid in (60, 120, 180):
            wait_until(lambda paid=paid: anvil.rpc.count(PAYER) >= paid, 30, f"{paid} paid")
            proxy.lag = 4
            before = proxy.requests
            wait_until(lambda before=before: proxy.requests > before + 20, 30, "20 requests")
            proxy.lag = 0
        same(desk.ended(child).code, 0, "exit")
        same(exactly_once(anvil.rpc, PAYER, None, desk.rows), 300, "payments")


@test
def one_of_three_lags():
    with impatient_desk(3, 200) as (anvil, proxies, desk):
        anvil.mine(40)
        proxies[0].lag = 30
        said = pays_exactly(anvil, desk)
        within([str(proxies[0].port), "lags"], said, "the node is named")


@test
def one_of_three_is_dead():
    with impatient_desk(3, 200) as (anvil, proxies, desk):
        proxies[1].fault = lambda methods: "drop"
        pays_exactly(anvil, desk)


def lie(call, result):
    """Payments failed, and whoever counts gets more than there is."""
    if call["method"] == "eth_getBlockReceipts" and result:
        return [{**receipt, "status": "0x0"} for receipt in result]
    if call["method"] == "eth_getTransactionReceipt" and result:
        return {**result, "status": "0x0"}
    if call["method"] == "eth_getTransactionCount":
        return hex(int(result, 16) + 3)
    return result


@test
def one_of_three_lies():
    with impatient_desk(3, 200) as (anvil, proxies, desk):
        proxies[2].alter = lie
        for honest in proxies[:2]:
            honest.delay_s = 0.1  # the liar is the first to answer
        pays_exactly(anvil, desk)
        same({row["state"] for row in desk.export("list")}, {"final"}, "states")


@test
def one_of_three_serves_another_chain():
    for other in (1, 31337):  # another number, or another genesis
        with impatient_desk(3, 100) as (anvil, proxies, desk):
            with Anvil(0.15, other, "--timestamp", "1700000000") as stranger:
                proxies[0].upstream = stranger.port
                said = pays_exactly(anvil, desk)
                same(stranger.rpc.count(PAYER), 0, "payments on the other chain")
                within(str(proxies[0].port), said, "the node is named")


@test
def the_only_node_serves_another_chain():
    with Anvil(0.15, 5) as stranger, Desk([stranger.url]) as desk:
        desk.write_list("list.csv", recipients(3))
        ended = desk.expect(1, *desk.airdrop())
        within("chain", ended.err, "why")
        same(stranger.rpc.count(PAYER), 0, "payments on the other chain")


@test
def the_quorum_goes_and_comes_back():
    with impatient_desk(3, 300) as (anvil, proxies, desk):
        anvil.mine(60)
        child = desk.start(*desk.airdrop())
        paid(anvil, 60)
        for proxy in proxies[:2]:
            proxy.lag = 50
        height = anvil.rpc.height()
        wait_until(lambda: anvil.rpc.height() > height + 10, 30, "10 blocks")
        final = desk.status("list")["final"]
        wait_until(lambda: anvil.rpc.height() > height + 20, 30, "10 blocks more")
        same(desk.status("list")["final"], final, "rows that one node alone called final")
        same(child.poll(), None, "it waits")
        for proxy in proxies[:2]:
            proxy.lag = 0
        same(desk.ended(child, 60).code, 0, "exit")
        same(exactly_once(anvil.rpc, PAYER, None, desk.rows), 300, "payments")


@test
def without_a_quorum_nothing_is_begun():
    """Before anything is in the journal there is nothing to wait for: it is said, and it ends."""
    with impatient_desk(2, 20, quorum=2) as (anvil, (_, dead), desk):
        dead.fault = lambda methods: "drop"
        began = time.monotonic()
        ended = desk.expect(1, *desk.airdrop(), seconds=60)
        check(time.monotonic() - began < 45, "it was not said within 45 s")
        within("nothing was journaled", ended.err, "what is said")
        same(desk.status("list"), None, "an operation in the journal")
        same(anvil.rpc.count(PAYER), 0, "transactions")
        dead.fault = None
        pays_exactly(anvil, desk)


main()
