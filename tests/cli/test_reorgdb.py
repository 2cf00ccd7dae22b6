#!/usr/bin/env python3
"""The reorg database, as its user meets it.

usage: test_reorgdb.py PAWL

Speaks TAP.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import sys

from bitcoind import GENESIS, MAINNET, Bitcoind
from program import Run, main, test
from rocks import Rocks

A, B, C = ("1" * 64, "2" * 64, "3" * 64)
VECTORS = pathlib.Path(__file__).parent.parent / "vectors" / "l2"
TX, ROOT = "a" * 64, "e" * 64


def anchor(db, name, height, status, root=ROOT):
    db.put(f"anchor:{name}", f"{name}|{TX}|{height}|7|1700000000000|0|{status}|{root}")


def filled(folder):
    """A database as the guide's node leaves it."""
    path = os.path.join(folder, "reorg_db")
    with Rocks(path) as db:
        for height in range(100, 110):
            db.put(f"block:{height:020}", f"{height:064x}")
        anchor(db, A, 101, 0)
        anchor(db, B, 102, 1)
        anchor(db, C, 105, 2)
        for number, height in enumerate((104, 103)):
            db.put(f"reorg:{number:020}", f"{height}|{'0' * 64}|{'9' * 64}|1700000000001|2|{A}|{C}")
        db.put("reorg_counter", "2")
        db.put("peer", "x", family=1)
        db.flush()
    return path


@test
def one_is_made_and_stays(folder):
    """a database is made once, in the folder that is named or the config's"""
    path = os.path.join(folder, "reorg_db")
    Run(folder, "node", "anchors", "--db-path", path).ends(1, err="init-reorg-db --path")
    Run(folder, "node", "init-reorg-db", "--path", path).ends(0, "Reorg database created: ")
    with Rocks(path) as db:
        db.put("block:00000000000000000007", "7" * 64)
        Run(folder, "node", "init-reorg-db", "--path", path).ends(
            5, err=rf"process {os.getpid()}.*never to be deleted")
    Run(folder, "node", "init-reorg-db", "--path", path).ends(0, "is there already")
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        os.chmod(file.fileno(), 0o600)
        file.write("node: {data_dir: .}\n")
    Run(folder, "node", "reorgs", "--json").ends(0, '"blocks":1')
    Run(folder, "node", "init-reorg-db", "--path", os.path.join(folder, "no/such")).ends(
        1, err="there is no folder .*/no, where the reorg database should be")


@test
def blocks_of_another_chain_stay_out(folder):
    """a node of another network than the config's, the database's or the journal's changes nothing"""
    path = os.path.join(folder, "reorg_db")

    def resync(node, code, **said):
        line = ["node", "resync", "--start-height", "2", "--db-path", path, "--bitcoin-rpc", node.url]
        Run(folder, *line).ends(code, **said)
        with Rocks(path) as db:
            return db.all()

    def config(network):
        with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
            os.chmod(file.fileno(), 0o600)
            file.write("journal: pawl.db\nnode: {data_dir: ., chain: b}\nserve: {listen: none}\nchains: {b: {kind: bitcoin, "
                       f"network: {network}, endpoints: [http://127.0.0.1:9], finality: {{depth: 6}}}}}}\n")

    with Rocks(path) as db:
        db.put(f"block:{0:020}", GENESIS)
    with Bitcoind(9) as regtest, Bitcoind(9, genesis=MAINNET) as mainnet:
        assert resync(mainnet, 1, err=f"that of the database: its first block is {MAINNET}, and not {GENESIS}") == {
            f"block:{0:020}": GENESIS}
        config("mainnet")
        assert len(resync(regtest, 1, err="nothing was changed: the node serves regtest, not mainnet")) == 1
        Run(folder, "init").ends(0)
        config("regtest")
        assert len(resync(regtest, 0)) == 9
        # the journal's blocks are of the main network
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "pawl.db"))) as db:
            db.execute("INSERT INTO chain (id, kind, chain_id, genesis, name) VALUES (7, 'bitcoin', 1, ?, 'b')",
                       (bytes.fromhex(MAINNET),))
            db.execute("INSERT OR REPLACE INTO node_watch (id, chain, reorgs, moves) VALUES (1, 7, 0, 0)")
            db.commit()
            resync(regtest, 1, err=f"that of the journal: its first block is {GENESIS}, and not {MAINNET}")


@test
def another_branch_is_a_reorg(folder):
    """what a node has otherwise is told, and above the depth rule replaced by a word alone"""
    path = os.path.join(folder, "reorg_db")

    def resync(node, code, *more, **said):
        done = Run(folder, "node", "resync", "--db-path", path, "--bitcoin-rpc", node.url, *more).ends(code, **said)
        with Rocks(path) as db:
            return {key: value for key, value in db.all().items() if key.startswith("block:")}, done

    def all_of(node, lowest=0):
        return {f"block:{n:020}": node.hash(n) for n in range(lowest, node.height + 1)}

    Run(folder, "node", "init-reorg-db", "--path", path).ends(0)
    with Bitcoind(30) as first, Bitcoind(31, fork=24) as near, Bitcoind(20, fork=0) as far:
        assert resync(first, 0, "--start-height", "0")[0] == all_of(first)
        assert resync(near, 0, "--start-height", "29", out=r"^Resynced blocks 25 to 31: 7 hashes\nA reorg: 6 hashes of the "
                      r"database, from block 25 on, were of another branch")[0] == all_of(near)
        # seven are one more than there may be, and so is a start in the middle of a shorter chain
        kept, _ = resync(far, 5, err=r"nothing was changed: 31 blocks of the database, 1 to 31, .* lets 6 go\..*--yes=")
        assert kept == all_of(near)
        kept, done = resync(far, 5, "--start-height", "15", err=f"of the chain of {far.url}, whose newest is 20: ")
        assert kept == all_of(near)
        word = done.err.split()[-1]
        with Rocks(path) as db:
            anchor(db, A, 20, 1)
        near.height = 32  # what there is to give up is another one then
        assert resync(near, 0)[0] == all_of(near)
        assert resync(far, 5, "--start-height", "15", word)[0] == all_of(near)
        word = resync(far, 5, "--start-height", "15")[1].err.split()[-1]
        assert resync(far, 0, "--start-height", "15", word, out="^Resynced blocks 1 to 20: 20 hashes\nA reorg: 32 ",
                      err="1 anchor of the database stands in blocks from 1 on")[0] == all_of(far)


@test
def silent_node_is_named(folder):
    """one that takes a question and answers nothing is named while it is waited for, and when that ends"""
    with socket.create_server(("127.0.0.1", 0)) as mute, open(
            os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        os.chmod(file.fileno(), 0o600)
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        file.write("journal: pawl.db\nnode: {data_dir: ., chain: b}\nserve: {listen: none}\nchains: {b: {kind: bitcoin, "
                   f"network: regtest, timeout_ms: 700, endpoints: ['{url}/key'], finality: {{depth: 6}}}}}}\n")
        file.flush()
        Run(folder, "node", "init-reorg-db").ends(0)
        done = Run(folder, "node", "resync", "--bitcoin-rpc", url + "/key").ends(
            3, err=f"waiting for {url}/\\.\\.\\.: no answer for 3 s(.|\n)*"
            f"pawl: {url}/\\.\\.\\., asked 5 times .*700 ms, as timeout_ms .*: no whole answer within 700 ms")
        assert "key" not in done.err, done.err


@test
def what_the_guides_node_wrote_is_told(folder):
    """anchors and reorgs are told in the words of the guide"""
    path = filled(folder)
    told = Run(folder, "node", "anchors", "--db-path", path).ends(0)
    assert told.out.endswith("\nPending: 1\nConfirmed: 1\nInvalidated: 1\n"), told.out
    Run(folder, "node", "anchors", "--db-path", path, "--status", "confirmed").ends(
        0, rf"^{B} CONFIRMED, height 102, 7 confirmations, transaction {TX}, root {ROOT}\nPending")
    rows = Run(folder, "node", "anchors", "--db-path", path, "--json").ends(0).json()
    assert [r["status"] for r in rows[:3]] == ["PENDING", "CONFIRMED", "INVALIDATED_REORG"]
    assert rows[3] == {"pending": 1, "confirmed": 1, "invalidated": 1, "orphaned": 0, "bad": 0}
    told = Run(folder, "node", "reorgs", "--quiet", "--db-path", path).ends(0)
    assert told.out == "Reorg at height 103\nReorg at height 104\n", told.out
    told = Run(folder, "node", "reorgs", "1", "--json", "--db-path", path).ends(0).json()
    assert told[0]["height"] == 103 and told[0]["invalidated"] == [A, C]
    assert told[1] == {"blocks": 10, "reorgs": 2, "bad": 0, "whole": True}
    for words in (["anchors", "--status", "4"], ["reorgs", "0"], ["reorgs", "1x"]):
        Run(folder, "node", *words, "--db-path", path).ends(1, err="and not '")


@test
def what_is_wrong_in_it_is_named(folder):
    """values that are wrong are named with key and byte, and damage ends with 6"""
    path = filled(folder)
    with Rocks(path) as db:
        anchor(db, "4" * 64, "1x", 0)
        anchor(db, "5" * 64, 7, 0, root="")
    told = Run(folder, "node", "anchors", "--db-path", path).ends(
        6, r"\nPending: 2\n", r"anchor:4{64}: at byte 130: the height is no decimal number")
    assert "anchor:" + "5" * 64 + " has no state root" in told.err
    Run(folder, "node", "reorgs", "--db-path", path).ends(6, "Reorg at height", "procedure 3")
    table = max(pathlib.Path(path).glob("*.sst"), key=lambda p: p.stat().st_size)
    bytes_ = bytearray(table.read_bytes())
    bytes_[60] ^= 1
    table.write_bytes(bytes_)
    Run(folder, "node", "reorgs", "--db-path", path).ends(6, err=r"damaged: .*procedure 3")
    for part in pathlib.Path(path).glob("MANIFEST-*"):
        part.unlink()
    Run(folder, "node", "anchors", "--db-path", path).ends(6, err="MANIFEST.*rebuild-reorg-db")
    for height in "-1", "<last_known_height>":  # what is wrong with the line comes first
        Run(folder, "node", "resync", "--start-height", height, "--db-path", path, "--bitcoin-rpc", "http://127.0.0.1:1").ends(
            1, err=f"--start-height .*{height}")


@test
def the_oldest_blocks_go(folder):
    """block hashes are pruned, and nothing else is"""
    path = filled(folder)
    Run(folder, "node", "prune-reorg-db", "--keep", "4", "--db-path", path).ends(
        0, "^6 blocks dropped")
    with Rocks(path) as db:
        kept = db.all()
        assert db.all(family=1) == {"peer": "x"}
    assert [k for k in kept if k.startswith("block:")] == [f"block:{h:020}" for h in range(106, 110)]
    assert len([k for k in kept if re.match("anchor:|reorg", k)]) == 6


@test
def the_block_of_a_snapshot_is_told(folder):
    """the height of a snapshot's anchor is that of the reorg database, or unknown"""
    log = os.path.join(folder, "l2_snapshots.dat")
    shutil.copy(VECTORS / "ok.dat", log)
    # its anchor is the newest line that begins so: the last text in it is the hash
    with open(log, encoding="utf-8") as file:
        hashed = [line for line in file if line.startswith("anchor ")][-1].split('"')[-2]
    path = filled(folder)
    told = Run(folder, "node", "get-snapshot-block", log).ends(2, err=hashed)
    assert told.out == "unknown\n", told.out
    with Rocks(path) as db:
        anchor(db, hashed, 777, 0)
    assert Run(folder, "node", "get-snapshot-block", log).ends(0).out == "777\n"
    assert Run(folder, "node", "get-snapshot-block", "l2_snapshots.dat").ends(0).out == "777\n"
    with Rocks(path) as db:
        anchor(db, hashed, 777, 2)
    Run(folder, "node", "get-snapshot-block", log, "--db-path", path).ends(2, "^unknown$")
    # none that holds and has an anchor has no height either; a log or database that is not there is another matter
    for none in (path + "/LOCK", str(VECTORS / "noanchor.dat")):
        Run(folder, "node", "get-snapshot-block", none).ends(2, "^unknown$", err="no valid snapshot with an anchor")
    assert not Run(folder, "node", "get-snapshot-block", log, "--db-path", "no").ends(1, err="no reorg database at no").out


if __name__ == "__main__":
    sys.exit(main())
