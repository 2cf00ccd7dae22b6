#!/usr/bin/env python3
"""pawl fees, on real nodes: what a transaction costs, how old that is, and who says so.

usage: test_fees.py PAWL [NAME]

Speaks TAP.
"""

import contextlib
import json
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from harness import (  # pylint: disable=wrong-import-position
    CHAIN_ID, OWNER, PAYER, Anvil, Desk, check, main, same, serving, stop, test, wait_until,
    within,
)
from proxy import Proxy  # pylint: disable=wrong-import-position

GAS = {"transfer": 21000, "token": 65000, "bridge": 100000}
LEVELS = ("slow", "normal", "fast")
HOURS = 3


@contextlib.contextmanager
def desk_of(ago=0):
    """Some hours of blocks up to a moment, the newest with a payment in it."""
    began = int(time.time()) - ago - HOURS * 3600
    with Anvil(None, CHAIN_ID, "--timestamp", str(began)) as anvil, \
            Desk([anvil.url], chain={"poll_ms": 1000}) as desk:
        anvil.rpc("anvil_mine", hex(HOURS * 300), hex(12))
        anvil.rpc("eth_sendTransaction", {"from": PAYER, "to": OWNER, "value": "0x1"})
        anvil.mine()
        yield anvil, desk


def fees(desk, *more):
    return json.loads(desk.expect(0, "fees", "local", "--json", *more).out)


@test
def it_tells_what_a_transaction_costs():
    with desk_of() as (_, desk):
        now = fees(desk)
        check(0 <= now["age_s"] < 60 and not now["stale"], now)
        same((now["nodes"], now["behind"], now["blocks"]), (1, 0, 20), "the nodes")
        for level in LEVELS:
            told = {key: int(v) for key, v in now[level].items() if key != "cost"}
            same(told["price"], int(now["base_fee"]) + told["tip"], "the price")
            same(told["max_fee"], -(-told["price"] * 120 // 100), "the buffer")
            for what, gas in GAS.items():
                same(int(now[level]["cost"][what]), gas * told["max_fee"], what)
        check(int(now["slow"]["tip"]) <= int(now["normal"]["tip"]), "slow costs more")
        check(len(now["hours"]) in (HOURS, HOURS + 1), now["hours"])
        desk.env["PAWL_FEES__BUFFER_PERCENT"] = "0"
        same(fees(desk)["normal"]["max_fee"], now["normal"]["price"], "without a buffer")
        # for people; blocks of UTF-8 only where they are shown, and no colour in a file
        del desk.env["NO_COLOR"]
        for locale, full in (("C", "#"), ("de_DE.UTF-8", "█")):
            desk.env["LC_ALL"] = locale
            out = desk.expect(0, "fees").out
            within(("local: block", " s old, by 1 node", "slow", "fast", "24 h ago"), out, "told")
            within(full, out, "the chart")
            check("\x1b" not in out and (out.isascii() or locale != "C"), out)
        within("did you mean local?", desk.expect(1, "fees", "lokal").err, "another name")


@test
def what_is_old_or_spoiled_is_said():
    with desk_of(ago=4000) as (anvil, desk):
        ended = desk.expect(0, "fees")
        within("66 min old (STALE)", ended.out, "its age")
        within("these are no fees of today", ended.err, "a warning")
        check(fees(desk)["stale"], "it is not stale")
        right = fees(desk)

        def dear(call, result):
            if call["method"] == "eth_maxPriorityFeePerGas":
                return hex(10**15)
            if call["method"] == "eth_feeHistory":
                return {**result, "baseFeePerGas": [hex(10**15)] * len(result["baseFeePerGas"])}
            return result

        def cut(call, result):
            if call["method"] == "eth_feeHistory":
                return {**result, "baseFeePerGas": result["baseFeePerGas"][:-1]}
            return result

        with Proxy(anvil.rpc.port) as liar, Proxy(anvil.rpc.port) as other:
            liar.alter = dear
            desk.configure([anvil.url, other.url, liar.url], 2)
            same(fees(desk)["fast"], right["fast"], "by a quorum of three")
            liar.alter = cut
            same((fees(desk)["nodes"], fees(desk)["fast"]), (2, right["fast"]), "without it")


def get(desk, path):
    """Over the owner's socket."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(20)
        link.connect(str(desk.folder / "pawl.db.sock"))
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        said = b"".join(iter(lambda: link.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    same(head.split()[1], b"200", "its status")
    return json.loads(body)


@test
def who_serves_is_asked_for_them():
    with desk_of() as (_, desk):
        child = serving(desk)
        wait_until(lambda: "slow" in get(desk, "/v1/fees")["fees"][0], 20, "fees")
        told = get(desk, "/v1/fees")["fees"]
        same(len(told), 1, "the chains")
        here = fees(desk)
        for key in ("chain", "block", "base_fee", "buffer_percent", *LEVELS):
            same(told[0][key], here[key], key)
        stop(desk, child)


if __name__ == "__main__":
    main()
