#!/usr/bin/env python3
"""Which anchors are known, and which snapshot is gone on from: the same for each command, whatever is lost.

usage: test_judged.py PAWL

Speaks TAP.
"""

import glob
import json
import os
import re
import shutil
import sys
import time

from program import SILENT_CHAIN, Run, Serve, main, test
from rocks import Rocks
from snapshots import Snapshot, write

STORED = "5" * 64  # an anchor that the reorg database alone has
OLD = Snapshot({"a": 1})


def on(anchor, amount=3, at_ms=1700000000002):
    """A snapshot with a peg-out that Bitcoin has paid, and that stands on this anchor."""
    return Snapshot({"a": amount}, [("out-1", "a", "bc1q", 5000, 4000, 6, anchor, 1700000000, 1700000600)], at_ms)


NEW = on(STORED)


class Node:
    """An empty one, and lines of the program about it."""

    def __init__(self, folder):
        self.folder = folder
        self.data = os.path.join(folder, "l2")
        self.log, self.database = os.path.join(self.data, "l2_snapshots.dat"), os.path.join(self.data, "reorg_db")
        self.config()
        self("init").ends(0)
        self("node", "init").ends(0)

    def config(self, *lines):
        with open(os.path.join(self.folder, "pawl.yaml"), "w", encoding="utf-8") as file:
            os.chmod(file.fileno(), 0o600)
            file.writelines(line + "\n" for line in (
                "journal: pawl.db", f"node: {{data_dir: l2{', chain: b' if lines else ''}}}", *lines))

    def __call__(self, *words, **more):
        return Run(self.folder, *words, **more)

    def apply(self, *changes):
        self("node", "apply", "-", stdin="".join(json.dumps(c) + "\n" for c in changes)).ends(0)

    def root(self):
        return self("node", "state", "--quiet").ends(0).out.split()[1]

    def verified(self):
        return self("node", "verify").ends(0).out.split()[2]

    def word(self, *words):
        told = self(*words).ends(5).err
        return re.search(r"(--yes=[0-9a-f]{8})$", told, re.M)[1], told

    def findings(self, code):
        """[(what, what is wrong, what to do)] of node doctor, in its order."""
        rows = [json.loads(line) for line in self("node", "doctor", "--json").ends(code).out.splitlines()]
        return [(row["check"], row["text"], row["do"]) for row in rows if row.get("ok") is False and "check" in row]

    def journal_is_lost(self):
        for name in glob.glob(os.path.join(self.folder, "pawl.db*")):
            os.remove(name)
        self("init").ends(0)

    def database_is_empty(self):
        shutil.rmtree(self.database)
        self("node", "init-reorg-db").ends(0)

    def stored(self):
        """The log has two snapshots, the newer one by an anchor that the reorg database alone has."""
        with Rocks(self.database) as db:
            db.put(f"anchor:{STORED}", f"{STORED}|{'a' * 64}|100|6|1700000000000|0|1|{'e' * 64}")
            db.flush()
        write(self.log, OLD, NEW)
        assert self.verified() == NEW.root

    def damaged(self):
        write(os.path.join(self.database, "CURRENT"), "damaged")

    def own(self):
        """The state of the journal stands on an anchor of its own, which only journal and database know."""
        self.apply({"do": "credit", "peer": "a", "amount": 5})
        first = self("node", "create-anchor", "--json").ends(0).json()[0]["anchor"]
        snapshot = on(first, at_ms=int(time.time() * 1000))
        after = write(os.path.join(self.folder, "after.dat"), snapshot)
        self("node", "import", after, self.word("node", "import", after)[0]).ends(0)
        second = self("node", "create-anchor", "--json").ends(0).json()[0]["anchor"]
        assert self.root() == self.verified() == snapshot.root
        return first, second


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


@test
def nothing_is_older_because_the_database_is_damaged(folder):
    """with no journal, and a database that can't be read, no older snapshot is taken: procedure 3 comes first"""
    node = Node(folder)
    node.stored()
    node.damaged()
    whole, fresh = bytes_of(node.log), node.root()
    for words in (("recover", "--latest-valid"), ("recover", "--to", "2"), ("import", node.log), ("verify",)):
        node("node", *words).ends(6, err="procedure 3, pawl node rebuild-reorg-db.* comes first")
    assert bytes_of(node.log) == whole and node.root() == fresh
    found = node.findings(2)
    order = [what for what, _, _ in found if what in ("database", "log", "state")]
    assert order[:2] == ["database", "log"], found
    assert all("procedure 3" in do and "procedure 2" not in do for what, _, do in found if what in order), found
    # what can be copied is, with the root that it has, and the exit code says that it is not all
    made = node("node", "backup", "--json").ends(6, err="the log is copied; .*procedure 3").json()[0]
    assert made["log"]["root"] == NEW.root and "reorg_db" not in made, made
    assert f"root {NEW.root}" in bytes_of(os.path.join(node.data, "backups", f"backup_{made['time']}.sha256")).decode()
    node("node", "restore", "--only", "log").ends(0, f"root {NEW.root}", "whole, and not verified: Peg-out out-1")


@test
def a_whole_one_is_given_up_by_a_word(folder):
    """where its anchors are lost for good, a snapshot goes, or is taken as it is, by the word for just that"""
    node = Node(folder)
    node.stored()
    node.damaged()
    node("node", "rebuild-reorg-db").ends(0)
    whole = bytes_of(node.log)
    told = node("node", "recover", "--latest-valid").ends(5).err
    for part in ("restore --only reorg-db", f"import l2/l2_snapshots.dat; ", "pawl node recover --to 1"):
        assert part in told, (part, told)
    _, told = node.word("node", "recover", "--to", "1")
    assert "1 completed peg-out of 4000 satoshi" in told and bytes_of(node.log) == whole, told
    do = [do for what, _, do in node.findings(2) if what == "log"]
    assert "pawl node import l2/l2_snapshots.dat" in do[0], do
    word, told = node.word("node", "import", node.log)
    assert "snapshot 2 of 2 is whole, but not verified: Peg-out out-1" in told, told
    node("node", "import", node.log, word).ends(0)
    assert node.root() == NEW.root
    # back to one by its number: the same rule
    write(node.log, OLD, NEW, Snapshot({"a": 3}, at_ms=1700000000009))
    whole = bytes_of(node.log)
    word, told = node.word("node", "recover", "--to", "3")
    assert "not verified" not in told, told
    node("node", "recover", "--to", "3", word).ends(0, "Found valid snapshot: number 3")
    word, told = node.word("node", "recover", "--to", "2")
    assert "that snapshot is whole, but not verified: Peg-out out-1" in told and bytes_of(node.log) == whole, told
    told = node("node", "recover", "--to", "2", word, "--json").ends(0).json()[0]
    assert told["number"] == 2 and told["doubted"] and told["state_moved"], told
    assert node.root() == NEW.root and bytes_of(node.log) == OLD.text.encode() + NEW.text.encode()
    whole = bytes_of(node.log)
    # into a journal that has nothing, and without one
    node.journal_is_lost()
    word, told = node.word("node", "recover", "--to", "2")
    assert "that snapshot is whole, but not verified" in told and "To take that state as it is" in told, told
    node("node", "recover", "--to", "2", "--yes=00000001").ends(5)
    os.rename(os.path.join(folder, "pawl.db"), os.path.join(folder, "aside.db"))
    node("node", "recover", "--to", "2").ends(5, err="there is no journal pawl.db .*pawl init; then type this again")
    os.rename(os.path.join(folder, "aside.db"), os.path.join(folder, "pawl.db"))
    node("node", "recover", "--to", "2", word).ends(0, "Found whole snapshot, which is not verified: number 2 of 2")
    assert node.root() == NEW.root and bytes_of(node.log) == whole
    # its snapshot is there: there is no other one of it, and its anchor is by a word, too
    node("node", "create-anchor", node.word("node", "create-anchor")[0]).ends(0)
    assert bytes_of(node.log) == whole
    word, told = node.word("node", "recover", "--latest-valid")
    assert "1 whole snapshot of l2/l2_snapshots.dat is not verified" in told and bytes_of(node.log) == whole, told
    node("node", "recover", "--latest-valid", word).ends(0, err="a verification of this snapshot fails")
    assert node.root() == NEW.root


@test
def an_anchor_that_never_was(folder):
    """a peg-out on one: nothing is anchored on top, and no snapshot of it goes, but by a word; pegout_anchor helps"""
    node = Node(folder)
    stray = {"do": "pegout", "source": "a", "dest": "bc1q", "amount": 5000, "anchor": "0" * 64}
    node.apply({"do": "credit", "peer": "a", "amount": 20000})
    first = node("node", "create-anchor", "--json").ends(0).json()[0]["anchor"]
    node.apply(stray)
    whole = bytes_of(node.log)
    word, told = node.word("node", "create-anchor")
    assert "stands on no anchor" in told and "pegout_anchor" in told and bytes_of(node.log) == whole, told
    node("node", "anchors").ends(0, out="\nPending: 1\n")
    node("node", "create-anchor", word).ends(0, err="a verification of this snapshot fails")
    node("node", "verify").ends(2, err="pegout_anchor")
    assert "pegout_anchor" in [do for what, _, do in node.findings(2) if what == "log"][0]
    node.apply({"do": "credit", "peer": "a", "amount": 1})
    node("node", "create-anchor", node.word("node", "create-anchor")[0]).ends(0)
    whole = bytes_of(node.log)
    word, told = node.word("node", "recover", "--latest-valid")
    assert "2 whole snapshots" in told and "pegout_anchor" in told and bytes_of(node.log) == whole, told
    node("node", "recover", "--latest-valid", word).ends(0, "Found valid snapshot: number 1 of 3", "verification .* fails")
    # nor is it completed by a word
    rows = [json.loads(line) for line in node("node", "state", "--json").ends(0).out.splitlines()]
    peg = [row["pegout"]["id"] for row in rows if "pegout" in row][0]
    complete = json.dumps({"do": "pegout_complete", "peg": peg, "txid": "c" * 64, "by_hand": True})
    node.apply({"do": "pegout_pending", "peg": peg, "confirmations": 100})
    node("node", "apply", "-", stdin=complete).ends(2, err="no snapshot would be valid. First pegout_anchor")
    node.config("serve: {listen: none}", SILENT_CHAIN)
    with Serve(folder):
        node("node", "apply", "-", stdin=complete).ends(2, err="no snapshot would be valid. First pegout_anchor")
    node.config()
    # the way out, also when it was given up
    node.apply({"do": "pegout_fail", "peg": peg}, {"do": "pegout_anchor", "peg": peg, "anchor": first})
    node("node", "create-anchor").ends(0)
    assert node.verified() == node.root()
    node("node", "recover", "--latest-valid").ends(0)


@test
def a_peg_out_completed_on_an_anchor_of_others(folder):
    """by a word, where the database has it; where nobody has it any more, a word puts it on another, and its snapshot holds"""
    node = Node(folder)
    node.apply({"do": "credit", "peer": "a", "amount": 20000})
    first = node("node", "create-anchor", "--json").ends(0).json()[0]["anchor"]
    with Rocks(node.database) as db:
        db.put(f"anchor:{STORED}", f"{STORED}|{'a' * 64}|100|6|1700000000000|0|1|{'e' * 64}")
        db.flush()
    node.apply({"do": "pegout", "source": "a", "dest": "bc1q", "amount": 5000, "anchor": STORED})
    rows = [json.loads(line) for line in node("node", "state", "--json").ends(0).out.splitlines()]
    peg = [row["pegout"]["id"] for row in rows if "pegout" in row][0]
    node.apply({"do": "pegout_pending", "peg": peg, "confirmations": 100},
               {"do": "pegout_complete", "peg": peg, "txid": "c" * 64, "by_hand": True})
    node("node", "create-anchor").ends(0)
    assert node.verified() == node.root()
    # by the word it stays there, as long as somebody has it
    other = {"do": "pegout_anchor", "peg": peg, "anchor": first, "by_hand": True}
    node("node", "apply", "-", stdin=json.dumps(other)).ends(2, err="is completed: its anchor is for good$")
    node.database_is_empty()
    node("node", "create-anchor").ends(5, err="pegout_anchor .*by_hand")
    _, text, do = [found for found in node.findings(2) if found[0] == "log"][0]
    assert "stands on no anchor" in text and '"by_hand":true' in do and "import" not in do, do
    assert "the newest snapshot has it" in node("node", "doctor").ends(2).out
    node.apply(other)
    node("node", "create-anchor").ends(0)
    assert node.verified() == node.root()


@test
def nothing_goes_on_top_silently(folder):
    """a snapshot that the journal never had gets another on top by a word, and so does a state that it never had"""
    node = Node(folder)
    state = node("node", "state", "--json").ends(0).out
    empty = write(os.path.join(folder, "empty.json"), state)
    write(node.log, OLD)
    whole = bytes_of(node.log)
    for words in ((), ("--l2-state-file", empty)):
        told = node("node", "create-anchor", *words).ends(5).err
        assert "recover --latest-valid" in told and "pawl node import" in told and "supply of 0 in place of 1" in told
        assert bytes_of(node.log) == whole
    node("node", "recover", "--latest-valid").ends(0)
    node.apply({"do": "credit", "peer": "b", "amount": 2})
    node("node", "create-anchor").ends(0)
    whole = bytes_of(node.log)
    foreign = node("node", "state", "--json").ends(0).out.replace('"2"', '"9"')
    foreign = write(os.path.join(folder, "foreign.json"), re.sub(r',?"root":"[0-9a-f]+"', "", foreign))
    word, told = node.word("node", "create-anchor", "--l2-state-file", foreign)
    assert f"import {foreign}" in told and "supply of 10 in place of 3" in told and bytes_of(node.log) == whole, told
    same = write(os.path.join(folder, "same.json"), re.sub(r'"peer":"b"', '"peer":"c"', bytes_of(foreign).decode()).replace('"9"', '"2"'))
    told = node.word("node", "create-anchor", "--l2-state-file", same)[1]
    assert "the same supply of 3, with other records (2 balances)" in told, told
    told = node.word("node", "import", same)[1]
    assert "the supply stays 3, with other records (2 balances)" in told, told
    # one that the journal had, and has not any more
    older, told = node.word("node", "create-anchor", "--l2-state-file", empty)
    assert re.search(r"older state, that behind change 0 .*: 2 changes since, transfers among them, are not in it", told), told
    assert "To anchor the state of the journal: pawl node create-anchor." in told and bytes_of(node.log) == whole, told
    node("node", "create-anchor").ends(0, "anchored before")
    node("node", "create-anchor", "--l2-state-file", empty, older).ends(0)
    node("node", "create-anchor", "--l2-state-file", foreign, word).ends(5, err="not the word for this|in place of 3")
    node("node", "create-anchor", "--l2-state-file", foreign,
         node.word("node", "create-anchor", "--l2-state-file", foreign)[0]).ends(0)


@test
def one_taken_out_is_judged_by_the_database_of_the_node(folder):
    """the guide's loop over snapshot_N.dat, with no config where it is typed: anchors are those of the usual folder"""
    node, away = Node(folder), os.path.join(folder, "away")
    node.stored()
    os.mkdir(away)
    node("node", "extract", node.log, away).ends(0)
    line = ("node", "verify", "--snapshot", "snapshot_2.dat")
    Run(away, *line, env={"PAWL_NODE__DATA_DIR": node.data}).ends(
        0, "Verification OK", f"there is no pawl.yaml: .* looked up in {node.database}; --db-path names another")
    none = {"PAWL_NODE__DATA_DIR": os.path.join(folder, "none")}
    Run(away, *line, env=none).ends(2, err="No reorg database was asked: where there is one, --db-path DIR names it")
    assert "looked up" not in Run(away, *line, "--db-path", node.database, env=none).ends(0).err


@test
def a_node_begins_with_its_folder(folder):
    "without its folder nothing is anchored, and the line that makes one is named"
    node = Node(folder)
    shutil.rmtree(node.data)
    node.apply({"do": "credit", "peer": "a", "amount": "3"})
    log, db, both = "the log of snapshots", "the reorg database", "log and reorg database"
    file = "l2/l2_snapshots.dat"
    for line, what in (("create-anchor", log), ("verify", log), ("prune --output x", log), ("recover --latest-valid", log),
                       ("recover --to 1", log), ("divergence", db), ("anchors", db), ("reorgs", db),
                       ("rebuild-reorg-db", db), ("prune-reorg-db", db), ("init-reorg-db", db),
                       ("resync --start-height 1 --bitcoin-rpc http://127.0.0.1:9", db), (f"import {file}", "FILE"),
                       ("backup", both), ("restore", both), ("restore --only log", both), ("reset", both)):
        node("node", *line.split()).ends(1, "^$", f"node.data_dir: there is no folder l2, where {what} should be; a node "
                                         "begins with: pawl node init\n$")
    # of another path than the config's: what is printed can be typed
    for line in ("verify --snapshot g/l2/x", "extract g/l2/x y", "convert g/l2/x y --to 2", "get-snapshot-block g/l2/x",
                 "init-reorg-db --path g/l2/reorg_db"):
        node("node", *line.split()).ends(1, err="there is no folder g/l2, where .*: pawl node init --data-dir g/l2\n$")
    for line, made in (("init --data-dir g/l2", "g/l2"), ("rehearse g/l2/", "g/l2/"), ("rehearse /g/l2", "/g/l2")):
        node("node", *line.split()).ends(1, err=f"there is no folder /?g, in which {made} is to be made: .*: mkdir -p /?g\n$")
    node("node", "state").ends(0)
    assert "pawl node init --data-dir l2" in [do for what, _, do in node.findings(1) if what == "files"]
    assert sorted(os.listdir(folder)) == sorted(name for name in os.listdir(folder) if name.startswith("pawl"))
    node("node", "init").ends(0)
    node("node", "create-anchor").ends(0)


@test
def journal_is_asked_and_tells_the_database(folder):
    """what the journal knows of anchors counts, and is told to a database that lost it; a lost log is found"""
    node = Node(folder)
    first, second = node.own()
    node.database_is_empty()
    os.remove(node.log)
    found = {what: (text, do) for what, text, do in node.findings(2)}
    assert "lacks 2 anchors" in found["database"][0] and "rebuild-reorg-db" in found["database"][1], found
    assert "lost" in found["log"][0] and "recover --latest-valid" in found["log"][1], found
    node("node", "recover", "--latest-valid").ends(0, "There is no ")
    assert node.verified() == node.root()
    node("node", "anchors").ends(0, f"(?s){second}.*Pending: 2\n")
    whole = bytes_of(node.log)
    assert first.encode() in whole and whole.count(b"END_SNAPSHOT") == 1
    for ask in (("node", "create-anchor"), ("node", "recover", "--latest-valid")):
        node.database_is_empty()
        assert node.verified() == node.root()
        node(*ask).ends(0)
        assert node.verified() == node.root() and bytes_of(node.log) == whole
    assert [what for what, _, _ in node.findings(1) if what in ("log", "database")] == []
    begun(node)
    # an anchor of a state that was given up does not wait in the database, either
    write(node.log, OLD, whole.decode())
    node("node", "recover", "--to", "1", node.word("node", "recover", "--to", "1")[0]).ends(0)
    node("node", "anchors").ends(0, f"{second} FAILED_ORPHANED, without a transaction, ")


def begun(node):
    """A start fills the database before it judges the log by it."""
    shutil.rmtree(node.database)
    node.config("serve: {listen: none}", SILENT_CHAIN)
    with Serve(node.folder, lambda serve: "snapshots: " in serve.said()) as serve:
        pass
    assert re.search(r"start 2 of 5.*\n(?s:.*)start 3 of 5, snapshots: the newest valid one", serve.said()), serve.said()
    node.config()


@test
def what_a_reset_kept_is_pointed_to(folder):
    """journal and log are lost behind a reset: its archive has the state, is named, and is taken as typed"""
    node = Node(folder)
    node.own()
    root = node.root()
    node("node", "reset", node.word("node", "reset")[0]).ends(0)
    node.journal_is_lost()
    node.damaged()
    node("node", "rebuild-reorg-db").ends(0)
    write(node.log, NEW.text.replace('"a" 3', '"a" 4'))
    way = re.compile(r"pawl (node import l2/recovery_[0-9]+/l2_state\.jsonl)")
    told = node("node", "recover", "--latest-valid").ends(6).err
    assert way.search(told) and way.search(node("node", "reset").ends(5).err), told
    found = [do for _, _, do in node.findings(2) if way.search(do)]
    assert found, node.findings(2)
    node(*way.search(told)[1].split()).ends(0)
    assert node.root() == root


if __name__ == "__main__":
    sys.exit(main())
