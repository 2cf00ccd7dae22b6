#!/usr/bin/env python3
"""The oracle believes in no double, missing, strange or foreign payment, and the proxy
does what its name says."""

import http.client

from harness import (
    OWNER, PAYER, Anvil, Rpc, address, call, deploy, exactly_once, main, recipients, same, tell,
    test,
)
from proxy import Faults, Proxy


def refused(*words, **more):
    """The oracle's complaint."""
    try:
        exactly_once(*words, **more)
    except AssertionError as error:
        return str(error).split(":")[0].split(" 0x")[0]
    return None


def pay(anvil, rows, token=None):
    for to, amount in rows:
        if token:
            anvil.rpc.transact(PAYER, token, call("transfer", to, amount), gas=hex(200000))
        else:
            anvil.rpc.transact(PAYER, to, value=amount)
    anvil.mine()


@test
def native_payments_are_judged():
    with Anvil(block_s=None) as anvil:
        rows = recipients(5)
        pay(anvil, rows)
        same(exactly_once(anvil.rpc, PAYER, None, rows), 5, "payments")
        same(refused(anvil.rpc, PAYER, None, rows[:4]), "payments to", "one too many")
        same(refused(anvil.rpc, PAYER, None, recipients(6)), "payments to", "one missing")
        pay(anvil, [(PAYER, 0)])
        same(exactly_once(anvil.rpc, PAYER, None, rows), 5, "an empty one more")
        pay(anvil, rows[:1])
        same(refused(anvil.rpc, PAYER, None, rows), "payments to", "paid twice")


@test
def half_a_payment_twice_is_no_payment():
    with Anvil(block_s=None) as anvil:
        pay(anvil, [(address(0), 500), (address(0), 500)])
        same(refused(anvil.rpc, PAYER, None, [(address(0), 1000)]), "payments to", "halves")


@test
def coins_of_somebody_else_are_seen():
    with Anvil(block_s=None) as anvil:
        rows = recipients(2)
        pay(anvil, rows)
        anvil.rpc.transact(OWNER, rows[0][0], value=1)
        anvil.mine()
        same(refused(anvil.rpc, PAYER, None, rows), "holdings", "more than was paid")


@test
def tokens_are_judged_by_their_logs():
    with Anvil(block_s=0.1) as anvil:
        token = deploy(anvil, "Picky", PAYER)
        anvil.interval(0)
        rows = recipients(4)
        pay(anvil, rows, token)
        same(exactly_once(anvil.rpc, PAYER, token, rows), 4, "payments")
        anvil.rpc.transact(PAYER, token, call("ban", address(9)))
        anvil.mine()
        same(refused(anvil.rpc, PAYER, token, rows), "transactions that nobody planned", "ban")


@test
def failed_and_silent_transfers_are_seen():
    with Anvil(block_s=0.1) as anvil:
        token = deploy(anvil, "Picky", PAYER)
        tell(anvil, token, "ban", address(0))
        tell(anvil, token, "ignore", address(1))
        anvil.interval(0)
        rows = recipients(3)
        pay(anvil, [rows[0], rows[2]], token)
        same(refused(anvil.rpc, PAYER, token, rows[2:]), "failed transactions", "a revert")
        same(exactly_once(anvil.rpc, PAYER, token, rows[2:], failed=1), 1, "payments")
        pay(anvil, [rows[1]], token)
        word = refused(anvil.rpc, PAYER, token, rows[2:], failed=1)
        same(word, "transactions that nobody planned", "false without a log")


def outcome(rpc, method="eth_blockNumber"):
    try:
        rpc(method)
        return "answer"
    except http.client.BadStatusLine:
        return "closed"
    except ConnectionError:
        return "reset"
    except ValueError:
        return "no JSON"
    except KeyError:
        return "refused"
    except Exception as error:
        return type(error).__name__


@test
def the_proxy_misbehaves_by_name():
    with Anvil(block_s=None) as anvil, Proxy(anvil.port) as proxy:
        rpc = Rpc(proxy.port)
        for fault, wanted in [
            (None, "answer"),
            ("504", "no JSON"),
            ("drop", "closed"),
            ("reset", "reset"),
            ("503", "no JSON"),
            (None, "answer"),
        ]:
            proxy.fault = lambda methods, fault=fault: fault
            same(outcome(rpc), wanted, str(fault))
        rpc.close()
        same(proxy.outstanding, 0, "sends without an answer")


@test
def the_proxy_forwards_what_it_does_not_answer():
    with Anvil(block_s=None) as anvil, Proxy(anvil.port) as proxy:
        proxy.fault = Faults(1, {"504": 1.0}, only="eth_sendTransaction")
        rpc = Rpc(proxy.port)
        try:
            rpc.transact(PAYER, address(0), value=7)
        except ValueError:
            pass
        rpc.close()
        anvil.mine()
        same(anvil.rpc.balance(address(0)), 7, "what arrived")


@test
def the_proxy_shows_the_past():
    with Anvil(block_s=None) as anvil, Proxy(anvil.port) as proxy:
        pay(anvil, recipients(1))
        old = anvil.rpc("eth_getBlockByNumber", "latest", False)
        anvil.mine(3)
        proxy.lag = 4
        rpc = Rpc(proxy.port)
        same(rpc.height(), 0, "height")
        same(rpc.count(PAYER), 0, "count")
        same(rpc("eth_getBlockByHash", old["hash"], False), None, "a block of the future")
        same(rpc("eth_getTransactionReceipt", old["transactions"][0]), None, "its receipt")
        rpc.close()


main()
