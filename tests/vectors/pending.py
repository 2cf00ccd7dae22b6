#!/usr/bin/env python3
"""Writes pending.def: what real nodes say when they are asked what is new in their pool.

python3 tests/vectors/pending.py > tests/vectors/pending.def, with PAWL_ANVIL and
PAWL_PEERS as for the suite e2e."""

import json
import pathlib
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import ACCOUNTS, Anvil, Ganache, Hardhat, end_all  # noqa: E402

MAKES = {
    "anvil": lambda: Anvil(0),
    "hardhat": lambda: Hardhat(0),
    "ganache": lambda: Ganache(0, burn=False),
}
HEAD = """/* Recorded by pending.py from the nodes themselves.
 * SAID(node, what was asked, answer, ERR, NOTE, hashes); hashes: -1 for a filter's name */"""


def post(node, method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": method, "params": params})
    asked = urllib.request.Request(
        node.url, body.encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(asked) as answer:
        said = json.load(answer)
    said.get("error", {}).pop("stack", None)
    if isinstance(said.get("error", {}).get("data"), dict):
        said["error"]["data"].pop("stack", None)
    return said


def row(name, what, said, err="OK", note="NONE", hashes=0):
    text = json.dumps(json.dumps(said, separators=(",", ":")))
    print(f'SAID("{name}", "{what}", {text}, {err}, {note}, {hashes})')


def record(name, node):
    lost = ("NODE_REFUSED", "FILTER_LOST")
    made = post(node, "eth_newPendingTransactionFilter")
    filter_id = made["result"]
    row(name, "a filter", made, hashes=-1)
    row(name, "nothing new", post(node, "eth_getFilterChanges", filter_id))
    for nonce in range(2):
        who, other = ACCOUNTS[0][0], ACCOUNTS[1][0]
        node.rpc.transact(who, other, value=1 + nonce, nonce=hex(nonce))
    row(name, "two more", post(node, "eth_getFilterChanges", filter_id), hashes=2)
    node.mine()
    row(name, "and mined", post(node, "eth_getFilterChanges", filter_id))
    post(node, "eth_uninstallFilter", filter_id)
    row(name, "gone", post(node, "eth_getFilterChanges", filter_id), *lost)
    row(name, "another's", post(node, "eth_getFilterChanges", "0x" + "f" * 32), *lost)
    row(name, "no method", post(node, "eth_getFilterNews", filter_id), "NODE_REFUSED", "NO_METHOD")


def main():
    print(HEAD)
    try:
        for name, make in MAKES.items():
            with make() as node:
                record(name, node)
    finally:
        end_all()
    print("#undef SAID")


main()
