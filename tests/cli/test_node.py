#!/usr/bin/env python3
"""pawl node apply and state, as who types them meets them.

usage: test_node.py PAWL

Speaks TAP.
"""

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import time

from bitcoind import Bitcoind
from program import PAWL, SILENT_CHAIN, Run, Serve, environment, main, test, wait_for
from snapshots import Snapshot
from rocks import Rocks

EMPTY = "c8113438d69a00d3e8efc6ce769d3bfe325b498060fb9a2070a38456b00a0005"
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors", "l2")
SAMPLE = "fe8edd9032df9ef412738c3a4ed7d188e9e5012257340a359b40808dc7ccbf42"


def write(folder, name, *lines):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        for line in lines:
            file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
    return name


def credit(peer, amount, **more):
    return {"do": "credit", "peer": peer, "amount": str(amount), **more}


def root(folder):
    return Run(folder, "node", "state", "--quiet").ends(0).out.split()[-1]


def state(folder):
    """(the first line, {peer: amount}, all others)"""
    head, *records = Run(folder, "node", "state", "--json").ends(0).json()
    balances = {r["balance"]["peer"]: int(r["balance"]["amount"]) for r in records if "balance" in r}
    return head, balances, [r for r in records if "balance" not in r]


def root_of(balances):
    """As another program computes it, of a state that has nothing else."""
    text = "L2STATE|v1\n" + f"balances:{len(balances)}\n"
    for peer in sorted(balances, key=str.encode):
        text += f"balance:{peer}:{balances[peer]}\n"
    text += "".join(f"{what}:0\n" for what in ("escrows", "pegins", "pegouts", "tasks"))
    return hashlib.sha256(text.encode()).hexdigest()


def begin(folder):
    Run(folder, "init").ends(0)


@test
def file_is_done_once(folder):
    """a file of changes is done whole and once; --again does it once more"""
    begin(folder)
    assert root(folder) == EMPTY
    write(folder, "a.jsonl", credit("a", 100), "", {"do": "transfer", "from": "a", "to": "b\u00e9", "amount": 30})
    Run(folder, "node", "apply", "a.jsonl").ends(0, out="^2 changes are done")
    Run(folder, "node", "apply", "a.jsonl").ends(0, out="All 2 changes were done before.*--again")
    assert Run(folder, "node", "apply", "a.jsonl", "--json").ends(0).json() == [{"fresh": 0, "known": 2}]
    head, balances, others = state(folder)
    assert balances == {"a": 70, "b\u00e9": 30} and not others
    assert head["root"] == root(folder) == root_of(balances)
    Run(folder, "node", "apply", "a.jsonl", "--again").ends(0, out="^2 changes are done")
    # as a pipe: the same bytes are the same file
    text = open(os.path.join(folder, "a.jsonl"), encoding="utf-8").read()
    Run(folder, "node", "apply", "-", stdin=text).ends(0, out="were done before")
    assert state(folder)[1] == {"a": 140, "b\u00e9": 60}
    Run(folder, "node", "state").ends(0, out=r"supply +200\nminted +200\nburned +0")


@test
def bad_line_is_named(folder):
    """a line that is refused is named, and nothing of its file is done"""
    begin(folder)
    write(folder, "bad.jsonl", credit("a", 100), "", {"do": "debit", "peer": "a", "amount": "101"})
    Run(folder, "node", "apply", "bad.jsonl").ends(2, err="bad.jsonl:3: peer a has 100, and 101 are asked")
    Run(folder, "node", "apply", "-", stdin='{"do":"credit","peer":"a:b","amount":1}').ends(
        2, err="standard input:1: peer: a:b has a colon")
    Run(folder, "node", "apply", "-", stdin="x" * 20000).ends(2, err="standard input:1: it has more than 16384")
    Run(folder, "node", "apply", "missing.jsonl").ends(1, err="missing.jsonl: No such file")
    Run(folder, "node", "apply", ".").ends(2, err="no regular file")
    write(folder, "id.jsonl", credit("a", 5, id="pay-1"))
    Run(folder, "node", "apply", "id.jsonl").ends(0)
    write(folder, "id.jsonl", credit("a", 6, id="pay-1"))
    Run(folder, "node", "apply", "id.jsonl").ends(5, err="id.jsonl:1: id pay-1 stands for another change")
    assert state(folder)[1] == {"a": 5}


@test
def damage_is_named(folder):
    """rows that somebody altered are damage: exit 6, by node state and by doctor --journal"""
    begin(folder)
    write(folder, "a.jsonl", credit("a", 100), credit("b", 50))
    Run(folder, "node", "apply", "a.jsonl").ends(0)
    Run(folder, "doctor", "--journal").ends(0, out="layer-2 state has root [0-9a-f]{64} behind 2 changes")
    beside = sqlite3.connect(os.path.join(folder, "pawl.db"))
    beside.execute("SELECT count(*) FROM journal").fetchone()  # the -wal stays while somebody reads
    db = sqlite3.connect(os.path.join(folder, "pawl.db"))
    db.execute("UPDATE node_balance SET amount = 75")
    db.commit()
    db.close()
    Run(folder, "node", "state").ends(6, err="a row of the layer-2 state was altered")
    Run(folder, "node", "state", "--json").ends(6)
    Run(folder, "doctor", "--journal").ends(6, out="a row of the layer-2 state was altered")


def imported(folder, path, former):
    """In place of a state that is there: the refusal says which, and the word for it."""
    told = Run(folder, "node", "import", path).ends(5, err=f"root {former[:16]}").err
    return Run(folder, "node", "import", path, told.split()[-1], "--json").ends(0).json()


@test
def state_from_elsewhere(folder):
    """a state comes in from a snapshot, or from what node state wrote, and goes back again"""
    begin(folder)
    # the older program's own file, whose root it computed itself
    Run(folder, "node", "import", os.path.join(GOLDEN, "ok.dat")).ends(0, out=f"root {SAMPLE}\\.$")
    assert root(folder) == SAMPLE
    head, balances, others = state(folder)
    assert balances == {"peer-a": 1000, "peer-b": 250, 'Peer"Q\\x': 7} and len(others) == 4
    assert others[2]["pegin"]["status"] == 3 and head["root"] == SAMPLE
    Run(folder, "node", "import", os.path.join(GOLDEN, "ok.dat")).ends(0, out="that state already")
    with open(os.path.join(folder, "state.json"), "w", encoding="utf-8") as file:
        file.write(Run(folder, "node", "state", "--json").out)
    write(folder, "a.jsonl", credit("c", 5, id="pay-1"))
    Run(folder, "node", "apply", "a.jsonl").ends(0)
    other = root(folder)
    Run(folder, "node", "import", "state.json", "--yes").ends(5, err="1 change behind.*supply of 1337 becomes 1332")
    told = imported(folder, "state.json", other)
    kept = told[0].pop("kept")
    assert told == [{"root": SAMPLE, "moved": True, "after": 1, "dropped": 1, "returned": 0}], told
    assert json.loads(open(os.path.join(folder, kept), encoding="utf-8").readline())["root"] == other
    assert root(folder) == SAMPLE
    Run(folder, "node", "apply", "a.jsonl").ends(0, out="^1 change is done")
    assert root(folder) == other
    # what is no state leaves all as it was
    Run(folder, "node", "import", "a.jsonl").ends(2, err="a.jsonl: line 1: it does not begin")
    told = imported(folder, os.path.join(GOLDEN, "torn.dat"), other)
    assert told[0]["root"] == SAMPLE and root(folder) == SAMPLE, told
    # a state of others: whether it has what was done nobody can say
    Run(folder, "node", "apply", "a.jsonl").ends(0, out="^1 change is done")
    head, *records = Run(folder, "node", "state", "--json").ends(0).json()
    head.pop("root")
    records[0] = {"balance": {"peer": "z", "amount": "9"}}
    write(folder, "edited.json", head, *records)
    assert imported(folder, "edited.json", other)[0]["after"] == -1
    Run(folder, "node", "apply", "a.jsonl").ends(5, err="a.jsonl:1: id pay-1 was done as change")
    Run(folder, "node", "import", "pawl.yaml").ends(2, err="pawl.yaml: no snapshot in it holds")
    Run(folder, "node", "import", "missing").ends(1, err="missing: No such file")
    os.mkfifo(os.path.join(folder, "pipe"))
    Run(folder, "node", "import", "pipe").ends(1, err="pipe: no regular file; what comes by a pipe is put into one")
    Run(folder, "doctor", "--journal").ends(0)


@test
def owner_is_asked(folder):
    """a running owner takes it over its socket: the same words, all or nothing, once"""
    begin(folder)
    # nobody answers there: what it is asked needs no chain
    write(folder, "pawl.yaml", "journal: pawl.db", "chains:", "  local: {kind: evm, chain_id: 31337, "
          'finality: {depth: 12}, endpoints: ["http://127.0.0.1:9"]}')
    write(folder, "a.jsonl", credit("a", 100), "", credit("b", 7))
    write(folder, "bad.jsonl", "", credit("c", 1), {"do": "debit", "peer": "b", "amount": 8})
    write(folder, "many.jsonl", *(credit(f"peer-{n:05}", 1) for n in range(20000)))
    with Serve(folder):
        Run(folder, "node", "apply", "a.jsonl").ends(0, out="^2 changes are done")
        Run(folder, "node", "apply", "a.jsonl").ends(0, out="All 2 changes were done before")
        Run(folder, "node", "apply", "bad.jsonl").ends(2, err="bad.jsonl: line 3: peer b has 7")
        Run(folder, "node", "apply", "many.jsonl").ends(2, err="many.jsonl:[0-9]+: .*takes 1024 KiB of changes at once.* the ids made")
        assert state(folder)[1] == {"a": 100, "b": 7}
        # as many as it says
        most = int(re.search("parts, of ([0-9]+) lines", Run(folder, "node", "apply", "many.jsonl").err)[1])
        write(folder, "part.jsonl", *(credit(f"peer-{n:05}", 1) for n in range(most)))
        Run(folder, "node", "apply", "part.jsonl").ends(0, out=f"^{most} changes are done")
    Run(folder, "node", "apply", "many.jsonl").ends(0, out="^20000 changes are done")
    assert len(state(folder)[1]) == 20002


def begin_to_serve(folder):
    """A layer of no blocks, whose daemon has a chain as each must, which nobody answers for."""
    begin(folder)
    write(folder, "pawl.yaml", "journal: pawl.db", "node: {data_dir: data}", "serve: {listen: none}",
          SILENT_CHAIN)
    Run(folder, "node", "init").ends(0)


def posted(folder, *lines, **headers):
    """What the socket of a daemon answers to these changes: (status, body)."""
    link = http.client.HTTPConnection("pawl", timeout=60)
    link.sock = socket.socket(socket.AF_UNIX)
    link.sock.connect(os.path.join(folder, "pawl.db.sock"))
    link.request("POST", "/v1/node/changes", "".join(json.dumps(line) + "\n" for line in lines),
                 headers)
    answer = link.getresponse()
    told = answer.status, answer.read().decode()
    link.close()
    return told


@test
def an_anchor_has_a_state_whoever_makes_it(folder):
    """an anchor of a state that no snapshot of the log has is refused at the daemon's own socket, too"""
    begin_to_serve(folder)
    write(folder, "a.jsonl", credit("a", 100))
    write(folder, "b.jsonl", credit("b", 100))
    made = []
    with Serve(folder):
        for changes in ("a.jsonl", "b.jsonl"):
            Run(folder, "node", "apply", changes).ends(0)
            one = Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]
            made.append({"do": "anchor", "state_root": one["root"],
                         "made_ms": int(bytes.fromhex(one["commitment"][6:]).split(b":")[1])})
    os.remove(os.path.join(folder, "pawl.db"))  # one that has no anchors
    for name in ("pawl.db-wal", "pawl.db-shm"):
        os.remove(os.path.join(folder, name))
    Run(folder, "init").ends(0)
    with Serve(folder):
        status, told = posted(folder, credit("c", 5), {**made[0], "state_root": EMPTY})
        assert status == 400 and "line 2: state_root: no snapshot of data/l2_snapshots.dat is of" in told, told
        status, told = posted(folder, {**made[0], "made_ms": 5})
        assert status == 400 and "made_ms: 5 is not the time" in told and f"that is {made[0]['made_ms']}" in told, told
        assert Run(folder, "node", "state", "--quiet").ends(0).out.split()[-1] == EMPTY
        status, told = posted(folder, *made, *made)
        assert status == 200 and json.loads(told)["fresh"] == 4, told
        # however many: the log is not read for each of them, the newest first
        many = [Snapshot({"m": n + 1}, at_ms=1700000000000 + n) for n in range(300)]
        with open(os.path.join(folder, "data", "l2_snapshots.dat"), "a", encoding="utf-8") as log:
            log.write("".join(one.text for one in many))
        lines = [{"do": "anchor", "state_root": one.root, "made_ms": 1700000000000 + n} for n, one in enumerate(many)]
        status, told = posted(folder, *reversed(lines))
        assert status == 200 and json.loads(told)["fresh"] == 300, told
    Run(folder, "node", "rebuild-reorg-db").ends(0)
    Run(folder, "node", "anchors").ends(0, out="\nPending: 302\n")
    # nor by a command that owns the journal itself
    for name in ("pawl.db", "pawl.db-wal", "pawl.db-shm"):
        os.remove(os.path.join(folder, name))
    Run(folder, "init").ends(0)
    write(folder, "anchors", *reversed(lines))
    line = '"$0" node apply anchors && grep rchar "/proc/$$/io"'
    told = subprocess.run(["sh", "-c", line, PAWL], cwd=folder, env=environment(), capture_output=True, text=True, check=True)
    assert "300 changes are done" in told.stdout, told
    read, size = int(told.stdout.split()[-1]), os.path.getsize(os.path.join(folder, "data", "l2_snapshots.dat"))
    assert read < 20 * size + (20 << 20), (read, size)


@test
def a_key_does_not_outlive_what_it_did(folder):
    """a request whose changes a restore took back is neither told that they are done, nor done twice"""
    begin_to_serve(folder)
    key, line = {"Idempotency-Key": "kk9"}, credit("c", 70)
    with Serve(folder):
        posted(folder, credit("a", 7))
        Run(folder, "node", "create-anchor").ends(0)
        for _ in "done", "told again":
            assert posted(folder, line, **key) == (200, '{"known":0,"fresh":1,"change":3}\n')
    word = re.search("--yes=[0-9a-f]+", Run(folder, "node", "recover", "--to", "1").ends(5).err)[0]
    Run(folder, "node", "recover", "--to", "1", word).ends(0, "1 later one is taken back, and can be sent again")
    with Serve(folder):
        status, told = posted(folder, line, **key)
        assert status == 409 and "kk9: what it did, change 3, was taken back by change 4, a restore" in told, told
        assert posted(folder, line, **{"Idempotency-Key": "kk10"})[0] == 200
        Run(folder, "node", "state").ends(0, out=r"supply +77\n")
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "pawl.db"), isolation_level=None)) as journal:
        journal.execute("""UPDATE request_key SET answer = '{"known":0,"fresh":1}' WHERE name = 'kk9'""")  # as versions before
        with Serve(folder):
            status, told = posted(folder, line, **key)
            assert status == 409 and "an older version" in told and "replaced by change 4, before or since" in told, told


@test
def nothing_is_minted_before_a_block_was_read(folder):
    """where node.chain is set a peg-in that no block has is there by_hand or not at all, also before the first serve"""
    plain = ("journal: pawl.db", "serve: {listen: none}")
    output = {"do": "pegin", "txid": "88" * 32, "vout": 0, "amount": 20000, "source": "s", "dest": "a"}
    peg = {"peg": hashlib.sha256(f"{output['txid']}0".encode()).hexdigest()}
    deep, mint = {"do": "pegin_confirmations", "confirmations": 6, **peg}, {"do": "pegin_mint", **peg}

    def apply(code, *changes, err=None):
        Run(folder, "node", "apply", write(folder, "p.jsonl", *changes), "--again").ends(code, err=err)

    begin(folder)
    write(folder, "pawl.yaml", *plain, "node: {data_dir: data}")
    apply(0, output, deep)
    write(folder, "s.json", Run(folder, "node", "state", "--json").ends(0).out)
    write(folder, "pawl.yaml", *plain, "node: {data_dir: data, chain: b}", SILENT_CHAIN)
    apply(2, mint, err=r"p.jsonl:1: .*start pawl serve and give it time, say by .by_hand.:true")
    for name in os.listdir(folder):  # the journal is lost
        if name.startswith("pawl.db"):
            os.remove(os.path.join(folder, name))
    Run(folder, "init").ends(0)
    apply(2, output, deep, err="p.jsonl:2: .*start pawl serve")
    Run(folder, "node", "import", "s.json").ends(0)
    apply(2, mint, err="p.jsonl:1: .*start pawl serve")
    Run(folder, "node", "state").ends(0, out=r"supply +0\n")
    with Serve(folder):
        status, told = posted(folder, mint)
        assert status == 400 and "give it time" in told, told
    apply(0, {**mint, "by_hand": True})
    Run(folder, "node", "state").ends(0, out=r"supply +19000\n")


@test
def state_is_anchored_once(folder):
    """a state gets a snapshot and an anchor, once; what was left between the two is gone on with"""
    begin(folder)
    write(folder, "pawl.yaml", "journal: pawl.db", "node: {data_dir: data}")
    Run(folder, "node", "create-anchor").ends(1, err="no folder data, where .*; a node begins with: pawl node init")
    Run(folder, "node", "init").ends(0)
    write(folder, "a.jsonl", credit("a", 100), credit("b", 7))
    Run(folder, "node", "apply", "a.jsonl").ends(0)
    first = Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]
    payload = bytes.fromhex(first["commitment"][6:])
    assert first["fresh"] and first["commitment"].startswith("6a4c4f") and first["root"] == root(folder)
    assert hashlib.sha256(payload).hexdigest() == first["anchor"] and payload.startswith(root(folder).encode())
    Run(folder, "node", "verify").ends(0, out=f"Anchor verified: {first['anchor']}\n")
    log = os.path.join(folder, "data", "l2_snapshots.dat")
    size = os.path.getsize(log)
    again = Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]
    assert again == {**first, "fresh": False} and os.path.getsize(log) == size
    # by hand an anchor is of a snapshot that the log has, and just the one that this has
    made = {"do": "anchor", "state_root": first["root"], "made_ms": int(payload.split(b":")[1])}
    write(folder, "anchor.jsonl", {**made, "state_root": "0" * 63 + "7"})
    Run(folder, "node", "apply", "anchor.jsonl").ends(2, err="anchor.jsonl:1: state_root: no snapshot of .*create-anchor")
    write(folder, "anchor.jsonl", {**made, "made_ms": 5})
    Run(folder, "node", "apply", "anchor.jsonl").ends(2, err=f"made_ms: 5 is not the time .* that is {made['made_ms']}")
    write(folder, "anchor.jsonl", made)
    Run(folder, "node", "apply", "anchor.jsonl").ends(0)
    Run(folder, "node", "anchors").ends(0, out="\nPending: 1\n")
    # killed behind the snapshot: neither the journal nor the database has its anchor
    os.rename(os.path.join(folder, "pawl.db"), os.path.join(folder, "first.db"))
    os.remove(os.path.join(folder, "pawl.db-wal"))
    shutil.rmtree(os.path.join(folder, "data", "reorg_db"))
    write(folder, "pawl.yaml", "journal: second.db", "node: {data_dir: data}")
    begin(folder)
    Run(folder, "node", "init-reorg-db").ends(0)
    Run(folder, "node", "apply", "a.jsonl").ends(0)
    again = Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]
    assert again == first and os.path.getsize(log) == size
    Run(folder, "node", "anchors").ends(0, out=f"^{first['anchor']} PENDING.*\nPending: 1\n")
    # a file is another state than the journal's: its own snapshot
    lines = Run(folder, "node", "state", "--json").ends(0).out.replace('"100"', '"101"')
    write(folder, "state.json", lines)
    Run(folder, "node", "create-anchor", "--l2-state-file", "state.json").ends(2, err="it was edited")
    write(folder, "state.json", lines.replace(f'"{root(folder)}"', f'"{root_of({"a": 101, "b": 7})}"'))
    line = ("node", "create-anchor", "--l2-state-file", "state.json")
    Run(folder, *line, Run(folder, *line).ends(5, err="journal .* never had").err.split()[-1]).ends(0, out=" PENDING\n")
    Run(folder, "node", "anchors").ends(0, out="\nPending: 2\n")
    # what no node could take over later is not anchored, whatever word is said: the same check as of an import
    whole = os.path.getsize(log)
    pegin = {"id": "i", "btc_tx": "t", "vout": "0", "amount": "20000", "source": "b", "dest": "a", "status": 0,
             "confirmations": "0", "initiated_s": "1", "completed_s": "0"}
    pegout = {"id": "o", "source": "a", "dest": "b", "burn": "5000", "release": "4000", "status": 4, "anchor": "",
              "initiated_s": "1", "completed_s": "0"}
    task = {"id": "t", "type": 77, "priority": 0, "submitter": "a", "submitted_ms": "1", "payload_hash": "", "anchor": ""}
    for what, records in (
            ("its amount is 0", [{"balance": {"peer": "z", "amount": "0"}}]),
            ("no peg-in has such a status", [{"pegin": {**pegin, "status": 99}}]),
            ("another one has the same output", [{"pegin": pegin}, {"pegin": {**pegin, "id": "j"}}]),
            ("no peg-out has such a status", [{"pegout": {**pegout, "status": -3}}]),
            ("it releases more than it burned", [{"pegout": {**pegout, "release": "5001"}}]),
            ("its type is not 0 to 6", [{"task": task}])):
        kinds = [name for record in records for name in record]
        counts = {name + "s": kinds.count(name) for name in ("balance", "escrow", "pegin", "pegout", "task")}
        write(folder, "bad.json", *(json.dumps(line) for line in ({"l2_state": 1, "timestamp_ms": "1", **counts}, *records)))
        for words in (("create-anchor", "--l2-state-file", "bad.json"), ("import", "bad.json")):
            Run(folder, "node", *words).ends(2, err=what)
    assert os.path.getsize(log) == whole
    Run(folder, "doctor", "--journal").ends(0)


@test
def killed_and_typed_again(folder):
    """killed at whatever instant and typed again, a file is done exactly once"""
    begin(folder)
    lines = [credit(f"peer-{n % 500:03}", n + 1) for n in range(4000)]
    wanted = {}
    for line in lines:
        wanted[line["peer"]] = wanted.get(line["peer"], 0) + int(line["amount"])
    write(folder, "a.jsonl", *lines)
    draw = random.Random(7)
    started = time.monotonic()
    whole = None
    for _ in range(60):
        child = subprocess.Popen([PAWL, "node", "apply", "a.jsonl"], cwd=folder, env=environment(),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        try:
            child.wait(draw.uniform(0, 1.5 * (whole or 0.2)))
            if child.returncode == 0:
                whole = whole or time.monotonic() - began
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        db = sqlite3.connect(f"file:{folder}/pawl.db?mode=ro", uri=True)
        n, total = db.execute("SELECT count(*), total(amount) FROM node_balance").fetchone()
        db.close()
        assert (n, int(total)) in ((0, 0), (len(wanted), sum(wanted.values()))), (n, total)
        if time.monotonic() - started > 4:
            break
    Run(folder, "node", "apply", "a.jsonl").ends(0)
    assert state(folder)[1] == wanted
    Run(folder, "doctor", "--journal").ends(0)


def others(folder, uid):
    """What is in it and belongs to another user."""
    there = [os.path.join(at, name) for at, folders, files in os.walk(folder) for name in folders + files]
    return [name for name in there if os.lstat(name).st_uid != uid]


@test
def what_root_does_is_its_owners(folder):
    """in the folder of another user root leaves nothing that this user can't write; what is root's there is named"""
    if os.geteuid() != 0:
        print("# nobody but root can be told apart here")
        return
    write(folder, "pawl.yaml", "journal: pawl.db", "node: {data_dir: l2}", "serve: {listen: none}", "log: {file: log}",
          SILENT_CHAIN)
    os.chmod(os.path.join(folder, "pawl.yaml"), 0o600)
    Run(folder, "init").ends(0)
    Run(folder, "node", "init").ends(0)  # root's own node stays root's
    shutil.rmtree(os.path.join(folder, "l2"))
    for path in [folder, *others(folder, 65534)]:
        os.chown(path, 65534, 65534)
    kept = os.path.join(folder, "kept")  # whoever may write there gives it the name of the log
    open(kept, "w", encoding="utf-8").close()
    os.remove(os.path.join(folder, "log"))
    os.link(kept, os.path.join(folder, "log"))
    Run(folder, "node", "init").ends(0, err="belongs to nobody.* this is done as nobody")
    assert os.stat(kept).st_uid == 0, "root's file was given away"
    os.remove(kept)
    os.remove(os.path.join(folder, "log"))
    done = subprocess.run(["setpriv", "--bounding-set=-setuid", PAWL, "node", "init"], cwd=folder, env=environment(),
                          capture_output=True, check=False)
    assert done.returncode == 1 and b"Type it as that user: sudo -u nobody pawl node init" in done.stderr, done
    os.remove(os.path.join(folder, "log"))
    Run(folder, "node", "apply", "-", stdin=json.dumps(credit("a", 5))).ends(0)
    for line in ("create-anchor", "backup", "rebuild-reorg-db", "restore", "recover --latest-valid", "doctor", "verify",
                 "prune --output l2/pruned", "extract l2/l2_snapshots.dat l2/each", "convert l2/pruned l2/v2 --to 2"):
        Run(folder, "node", *line.split()).ends(0)
        assert not others(folder, 65534), (line, others(folder, 65534))
    text = open(os.path.join(folder, "pawl.yaml"), encoding="utf-8").read()
    write(folder, "pawl.yaml", text.replace("data_dir: l2", "data_dir: l2, chain: b"))
    with Serve(folder) as serve:
        with open(f"/proc/{serve.pid}/status", encoding="utf-8") as status:
            assert "\nUid:\t65534\t65534\t65534\t65534\n" in status.read()
    os.remove(serve.log)
    assert not others(folder, 65534), others(folder, 65534)
    write(folder, "pawl.yaml", text)
    for name in ("l2_snapshots.dat", "reorg_db/CURRENT"):
        os.chown(os.path.join(folder, "l2", name), 0, 0)
    found = "(?s)l2_snapshots.dat: it belongs to root, and the node to nobody.*sudo chown -R nobody: l2/l2_snapshots.dat" \
        ".*reorg_db: 1 file in it .* as CURRENT to root.*sudo chown -R nobody: l2/reorg_db"
    Run(folder, "node", "doctor").ends(1, found)
    Run(folder, "status").ends(0, found)
    os.chown(os.path.join(folder, "l2"), 1, 1)
    Run(folder, "node", "doctor").ends(1, "FINDING files +l2: it belongs to .*\n +do: sudo chown -R nobody: l2\n")


@test
def doctor_says_who_asks_wrongly(folder):
    """a node that answers 401 is one to be shown another cookie or user, and a backup whose sums are lost is a finding"""

    def found(what, config="pawl.yaml"):
        told = Run(folder, "node", "doctor", "--json", env={"PAWL_CONFIG": config}).json()
        return [(one["text"], one["do"]) for one in told if one.get("check") == what and not one["ok"]]

    write(folder, "pawl.yaml", "journal: pawl.db", "node: {data_dir: l2}")
    for name, text in (("cookie", "__cookie__:old"), ("user", "u"), ("word", "other")):
        write(folder, name, text)
        os.chmod(os.path.join(folder, name), 0o600)
    for line in ("init", "node init", "node create-anchor", "node backup"):
        Run(folder, *line.split()).ends(0)
    shown = {"": "say who asks: cookie: FILE", ", cookie: cookie": "now it is cookie$",
             ", cookie: gone": "now it is gone$",
             ", user: 'file:user', password: 'file:word'": r"correct user \(file:user\) or password"}
    with Bitcoind(20, login="u:p") as node:
        for more, wanted in shown.items():
            config = write(folder, "login.yaml", "journal: pawl.db", "node: {data_dir: l2, chain: b}",
                           "chains: {b: {kind: bitcoin, network: regtest, finality: {depth: 6}, "
                           f"endpoints: [{{url: '{node.url}'{more}}}]}}}}")
            (text, do), = found("node", config)
            assert text.startswith("HTTP 401: ") and re.search(wanted, do), (text, do)
        assert len(node.refused) <= 9 * len(shown), f"{len(node.refused)}: three of each question, of three"
    assert not found("backup")
    for name in os.listdir(os.path.join(folder, "l2", "backups")):
        if name.endswith(".sha256"):
            os.remove(os.path.join(folder, "l2", "backups", name))
    (text, do), = found("backup")
    assert "has no sums" in text and ".sha256 is lost" in text and do.startswith("pawl node backup"), (text, do)
    with open(os.path.join(folder, "l2", "backups", "backup.lock"), "r+b") as lock:  # as who makes one has it
        fcntl.fcntl(lock, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 1 << 62, 1, 0))
        assert not found("backup")
        Run(folder, "node", "doctor").ends(0, "ok +backup .* is being made now")


@test
def what_doctor_names_can_be_typed(folder):
    """a folder with a blank is quoted; a log that nobody may look for is not lost; copies of a time to come are told"""
    data = os.path.join(folder, "my node")
    write(folder, "pawl.yaml", "journal: pawl.db", "node: {data_dir: my node}")
    os.chmod(os.path.join(folder, "pawl.yaml"), 0o600)
    write(folder, "changes", credit("a", 5))
    for line in ("init", "node init", "node apply changes", "node create-anchor", "node backup"):
        Run(folder, *line.split()).ends(0)

    def mended(path, code, out):
        """What it names is typed, and then there is nothing to do."""
        line = re.search("^ +do: (.*)$", Run(folder, "node", "doctor").ends(code, out).out, re.M)[1]
        assert path in line, line
        line = line.partition(" (on another disk")[0]
        subprocess.run(["sh", "-c", line.replace("pawl ", PAWL + " ", 1)], cwd=folder, env=environment(), check=True,
                       capture_output=True)
        Run(folder, "node", "doctor").ends(0)

    os.chmod(data, 0o777)
    mended("'my node'", 1, "others may write in it")
    os.mkdir(os.path.join(folder, "my"))  # what a line without quotes would remove
    os.mkdir(os.path.join(data, "reorg_db.part"))
    mended("'my node/reorg_db.part'", 1, "half made")
    assert os.listdir(data) and not os.path.exists(os.path.join(data, "reorg_db.part"))
    assert os.path.isdir(os.path.join(folder, "my"))
    log = os.path.join(data, "l2_snapshots.dat")
    os.rename(log, os.path.join(folder, "a log"))
    os.symlink("../a log", log)
    mended("'my node/l2_snapshots.dat'", 1, "symbolic link")
    assert not os.path.islink(log) and not os.path.exists(os.path.join(folder, "a log"))
    shutil.rmtree(os.path.join(data, "reorg_db"))
    Run(folder, "node", "doctor").ends(1, "there is no reorg database.*\n.*alone: pawl node rebuild-reorg-db")
    Run(folder, "node", "rebuild-reorg-db").ends(0)
    os.remove(os.path.join(data, "l2_snapshots.dat"))
    Run(folder, "node", "doctor").ends(2, "it is lost")
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    for name in os.listdir(os.path.join(data, "backups")):
        os.rename(os.path.join(data, "backups", name), os.path.join(data, "backups", re.sub("_2[0-9]{3}", "_2199", name)))
    for line in (("node", "doctor"), ("status",)):
        told = Run(folder, *line).out
        assert "of a time to come" in told, told
    shutil.rmtree(os.path.join(data, "backups"))
    open(os.path.join(data, "backups"), "w", encoding="utf-8").close()
    Run(folder, "node", "doctor").ends(1, "backups: it is no folder\n +do: move it away")
    os.remove(os.path.join(data, "backups"))
    Run(folder, "node", "backup").ends(0)
    if os.geteuid() == 0:
        for path in [folder, *others(folder, 65534)]:
            os.chown(path, 65534, 65534)
    os.chmod(data, 0)
    told = Run(folder, "node", "doctor", user=65534).ends(1, "chmod u\\+rwx 'my node'")
    os.chmod(data, 0o700)
    assert "lost" not in told.out, told.out


def holder(folder):
    """What doctor finds of who has the files open, while it asks no Bitcoin."""
    told = Run(folder, "node", "doctor", "--json", env={"PAWL_NODE__CHAIN": "none"}).ends(1).json()
    return [t["text"] + "; " + t["do"] for t in told if not t["ok"] and " process " in " " + t.get("text", "")]


@test
def a_data_folder_is_of_one_journal(folder):
    """a second node on it does not start, nor write in it; who has it, or the database, is said by doctor and status"""
    data = os.path.join(folder, "data")
    first, second = [os.path.join(folder, name) for name in ("first", "second")]
    for node in (first, second):
        os.mkdir(node)
        write(node, "pawl.yaml", "journal: pawl.db", "serve: {listen: none}",
              SILENT_CHAIN,
              f"node: {{data_dir: {data}, chain: b, backup: {{every: 0}}}}")
        os.chmod(os.path.join(node, "pawl.yaml"), 0o600)
        begin(node)
        write(node, "changes", credit("a", 5))
        Run(node, "node", "apply", "changes").ends(0)
    Run(first, "node", "init").ends(0)
    Run(first, "node", "create-anchor").ends(0)
    with Serve(first, lambda serve: "start 2 of 5" in serve.said()) as serve:
        for line in ("create-anchor", "rebuild-reorg-db", "recover --latest-valid", "reset", "restore"):
            Run(second, "node", *line.split()).ends(5, err=f"{data} is the data folder of process {serve.pid}, the daemon of ano")
        Run(second, "serve").ends(5, err=f"data_dir: {data} is the data folder of process {serve.pid} already.*kill {serve.pid}")
        (told,) = holder(second)
        assert f"process {serve.pid} has it, the daemon of another journal" in told, told
        assert f"ps -p {serve.pid} shows" in told and "another node.data_dir" in told, told
        Run(second, "status").ends(0, f"warning +{data}: process {serve.pid} has it, the daemon of another journal")
        # of a process in another container the system does not say which it is
        apart = ["unshare", "--pid", "--fork", "--mount-proc", PAWL, "node"]
        if subprocess.run([*apart, "--help"], capture_output=True, check=False).returncode:
            print("# no namespaces here")
        else:
            for node, code in ((second, 5), (first, 0)):
                told = subprocess.run([*apart, "create-anchor"], cwd=node, env=environment(), capture_output=True,
                                      text=True, check=False)
                said = f"{data} is the data folder of another process" if code else ""
                assert told.returncode == code and said in told.stderr, told
        assert holder(first) == []
        assert "has it" not in Run(first, "status").ends(0).out
        Run(first, "node", "create-anchor").ends(0)
    with Rocks(os.path.join(data, "reorg_db")):
        (told,) = holder(first)
        assert f"open in process {os.getpid()}, which is not the daemon of this journal" in told, told
        with Serve(first, lambda serve: "start 2 of 5" in serve.said()):
            (told,) = holder(first)
            assert f"open in process {os.getpid()}, which is not the daemon" in told, told
            Run(first, "status").ends(0, f"warning .*open in process {os.getpid()}, which is not")
    assert holder(first) == []


@test
def what_a_message_says_is_typed_as_it_stands(folder):
    """a path with a blank is in quotes wherever a line to type names it, and the line does what it says"""
    write(folder, "my pawl.yaml", "journal: my pawl.db", "node: {data_dir: my node}")
    env = {"PAWL_CONFIG": "my pawl.yaml"}

    def typed(wanted, err, *words, code=1):
        told = Run(folder, *words, env=env).ends(code, err=err).err
        assert wanted in told, (wanted, told)
        line = re.sub("^pawl ", PAWL + " ", wanted).replace("DIR", "each")
        subprocess.run(["sh", "-c", line], cwd=folder, env={**environment(), **env}, check=True, capture_output=True)

    typed("chmod 600 'my pawl.yaml'", "can be read by everybody", "init", code=0)
    assert "everybody" not in Run(folder, "doctor", env=env).err
    typed("mkdir -p 'no such'", "is the path right", "node", "init", "--data-dir", "no such/node")
    typed("pawl node init --data-dir 'no such/node'", "A node begins with", "node", "verify", "--snapshot", "no such/node/log")
    typed("pawl node init-reorg-db --path 'no such/db'", "no reorg database", "node", "anchors", "--db-path", "no such/db")
    assert os.path.isdir(os.path.join(folder, "no such", "node", "reorg_db"))
    assert os.path.isdir(os.path.join(folder, "no such", "db"))
    log = os.path.join(folder, "no such", "log")
    good, bad = (Snapshot({"a": n}).text for n in (1, 2))
    with open(log, "w", encoding="utf-8") as file:
        file.write(good + bad.replace('"a" 2', '"a" 3'))
    typed("pawl node extract 'no such/log' DIR", "newest valid", "node", "verify", "--snapshot", "no such/log", code=2)
    assert len(os.listdir(os.path.join(folder, "each"))) == 2
    Run(folder, "node", "init", env=env).ends(0)
    Run(folder, "node", "reset", "--undo", env=env).ends(1, err="restore --file 'my node/recovery_SECONDS/l2_snapshots.dat'$")
    Run(folder, "backup", "my copy", env=env).ends(0, "put it back: pawl restore 'my copy'\n")
    os.remove(os.path.join(folder, "my pawl.db-wal"))
    typed("pawl restore 'my pawl.db'", "-wal: is missing", "status", code=6)
    Run(folder, "status", env=env).ends(0)


@test
def what_is_read_only_is_called_so(folder):
    """of a file system that is mounted read-only each command says just that, and nothing of damage or rights"""
    write(folder, "pawl.yaml", "journal: pawl.db", "node: {data_dir: l2}")
    Run(folder, "init").ends(0)
    Run(folder, "node", "init").ends(0)
    Run(folder, "node", "create-anchor").ends(0)

    def there(what, *words):
        """With a file system of its own for this folder."""
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", f"mount --bind {what} {what} && mount -o remount,bind,ro {what} && "
             "cd \"$PWD\" && \"$@\"", "sh", PAWL, *words], cwd=folder, env=environment(), capture_output=True,
            text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    if there("l2", "version")[0] != 0:
        print("# nothing can be mounted here")
        return
    wanted = "l2.*: its file system is mounted read-only.*findmnt -T l2"
    for line in ("doctor", "recover --latest-valid", "backup", "init", "rebuild-reorg-db", "prune-reorg-db",
                 "prune --output l2/p"):
        code, told = there("l2", "node", *line.split())
        assert code == 1 and re.search(wanted, told, re.S) and "amage" not in told, (line, told)
    assert re.search("warning.*" + wanted, there("l2", "status")[1])
    write(folder, "changes", credit("a", 5))
    code, told = there(folder, "node", "apply", "changes")
    assert code == 1 and "pawl.db: its file system is mounted read-only" in told, told


@test
def a_silent_node_is_named_while_it_is_waited_for(folder):
    """who looks at doctor sees who does not answer, before it has given up"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at = f"127.0.0.1:{silent.getsockname()[1]}"
        write(folder, "pawl.yaml", SILENT_CHAIN.replace("127.0.0.1:1]", at + "]") + "\njournal: pawl.db\nnode: {data_dir: l2, chain: b}\n")
        os.chmod(os.path.join(folder, "pawl.yaml"), 0o600)
        Run(folder, "init").ends(0)
        Run(folder, "node", "init").ends(0)
        told = Run(folder, "node", "doctor").ends(1, f"FINDING node .*{at}").err
        assert re.search(f"no answer of the nodes yet; waiting until .*{at}", told), told


@test
def an_owner_that_is_frozen_is_named_while_it_is_waited_for(folder):
    """who asks a daemon that a signal stopped sees which process to let go on, and ends well then"""
    write(folder, "pawl.yaml", SILENT_CHAIN + "\njournal: pawl.db\nnode: {data_dir: l2}\n")
    os.chmod(os.path.join(folder, "pawl.yaml"), 0o600)
    Run(folder, "init").ends(0)
    write(folder, "changes", credit("a", 5))
    told, path = "", os.path.join(folder, "told")

    def is_told():
        nonlocal told
        with open(path, encoding="utf-8") as file:
            told = file.read()
        return "kill -CONT" in told

    with Serve(folder) as serve, open(path, "wb") as file:
        os.kill(serve.pid, signal.SIGSTOP)
        with subprocess.Popen([PAWL, "node", "apply", "changes"], cwd=folder, env=environment(),
                              stdout=subprocess.PIPE, stderr=file, text=True) as child:
            try:
                wait_for(is_told)
            finally:
                os.kill(serve.pid, signal.SIGCONT)
            out = child.communicate(timeout=60)[0]
        assert re.search(f"warning: waiting until .*Z, [0-9]+ s: process {serve.pid}, which owns the journal, does not "
                         f"answer .*: kill -CONT {serve.pid}", told), told
        assert child.returncode == 0 and "1 change is done" in out, (child.returncode, out)


if __name__ == "__main__":
    sys.exit(main())
