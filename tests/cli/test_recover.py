#!/usr/bin/env python3
"""pawl node recover and reset, as who types them meets them.

usage: test_recover.py PAWL

Speaks TAP.
"""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time

from program import PAWL, SILENT_CHAIN, Run, Serve, environment, main, test, unwarned, wait_for
from rocks import Rocks
from snapshots import Snapshot, write

OLD, MID = Snapshot({"a": 1}), Snapshot({"a": 2}, at_ms=1700000000001)
PAID = Snapshot({"a": 3}, [("out-1", "a", "bc1q", 5000, 4000, 6, OLD.anchor, 1700000000, 1700000600)],
                at_ms=1700000000002)
DUE = Snapshot({"a": 3}, [("out-1", "a", "bc1q", 50000, 49000, 5, OLD.anchor, 1700000000, 0)], at_ms=1700000000003)
BROKEN = Snapshot({"a": 9}).text.replace('"a" 9', '"a" 8')


def begin(folder):
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        os.chmod(file.fileno(), 0o600)
        file.write("journal: pawl.db\nnode: {data_dir: l2}\n")
    Run(folder, "init").ends(0)
    Run(folder, "node", "init").ends(0)
    return os.path.join(folder, "l2", "l2_snapshots.dat")


def apply(folder, *changes):
    Run(folder, "node", "apply", "-", stdin="".join(json.dumps(c) + "\n" for c in changes)).ends(0)


def credit(peer, amount, **more):
    return {"do": "credit", "peer": peer, "amount": amount, **more}


def root(folder):
    return Run(folder, "node", "state", "--quiet").ends(0).out.split()[1]


def verified(folder):
    """The root of the newest snapshot, which holds."""
    return Run(folder, "node", "verify").ends(0).out.split()[2]


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def kept(folder, what):
    return sorted(glob.glob(os.path.join(folder, "l2", what + ".before_*")))


@test
def links_are_no_files_of_the_node(folder):
    """what writes log or database anew refuses a link to one, and names what puts that in order, which does"""
    log, disk = begin(folder), os.path.join(folder, "disk")
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write(f"journal: pawl.db\nnode: {{data_dir: l2, chain: b}}\nserve: {{listen: none}}\n{SILENT_CHAIN}\n")
    os.mkdir(disk)
    apply(folder, credit("a", 5))
    Run(folder, "node", "create-anchor").ends(0)
    Run(folder, "node", "backup").ends(0)
    apply(folder, credit("a", 6))
    write_anew = (["create-anchor"], ["recover", "--latest-valid"], ["restore"], ["reset"], ["rebuild-reorg-db"],
                  ["init-reorg-db"], ["prune-reorg-db"], ["resync", "--bitcoin-rpc", "http://127.0.0.1:1"])
    database = os.path.join(folder, "l2", "reorg_db")
    for path, commands in ((log, write_anew[:4]), (database, write_anew[2:])):
        own = os.path.join(disk, os.path.basename(path))
        os.rename(path, own)
        os.symlink(own, path)
        before, said = os.stat(own).st_mtime_ns, os.path.relpath(path, folder) + " is a symbolic link"
        for words in commands:
            refused = Run(folder, "node", *words).ends(2, err=f"{said}.* Nothing was changed. First: l=")
        assert os.path.islink(path) and os.stat(own).st_mtime_ns == before
        if path == database:
            for words in ("rebuild-reorg-db", "--db-path"), ("init-reorg-db", "--path"):
                Run(folder, "node", *words, "l2/reorg_db/").ends(2, err=f"{said}.* Nothing was changed.")
            assert "link" in Run(folder, "node", "create-anchor", "--again").ends(0, err=f"warning: .* {said}").err
            with Serve(folder, lambda serve: "start 2 of 5" in serve.said()) as serve:
                pass
            assert re.search(f"warn +node: start 2 of 5, reorg database: {said}.* First: l=", serve.said()), serve.said()
            assert os.stat(own).st_mtime_ns == before
        Run(folder, "node", "doctor").ends(1, out=r"FINDING files +l2/\S+: it is a symbolic link")
        remedy = refused.err.split("First: ")[1].split(" (on")[0]
        subprocess.run(["/bin/sh", "-c", remedy], cwd=folder, check=True)
        assert not os.path.islink(path) and not os.path.exists(own)
    # the folder as a whole may lie elsewhere
    os.rename(os.path.join(folder, "l2"), os.path.join(disk, "l2"))
    os.symlink(os.path.join(disk, "l2"), os.path.join(folder, "l2"))
    Run(folder, "node", "create-anchor").ends(0)
    Run(folder, "node", "restore").ends(0)
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    Run(folder, "node", "rebuild-reorg-db", "--db-path", "l2/reorg_db//").ends(0)
    assert verified(folder) == root(folder) and os.path.islink(os.path.join(folder, "l2"))
    pruned = os.path.join(folder, "pruned")
    os.symlink(log, pruned)
    Run(folder, "node", "prune", "--output", pruned).ends(1, err="pruned is there already")


@test
def log_is_mended_from_the_journal(folder):
    """what the log lost the journal has: its state is the newest snapshot again, with the anchor that it had"""
    log = begin(folder)
    apply(folder, credit("a", 5))
    first = Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]
    before = os.path.getsize(log)
    apply(folder, credit("b", 7))
    second = Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]
    whole, is_now = text(log), root(folder)
    # the newest is torn, damaged, or followed by what does not hold; then all are; then there is no log
    for lost, found in ((whole[:before + 80], 1), (whole[:before] + whole[before:].replace('"b" 7', '"b" 8'), 1),
                        (whole + BROKEN, 2), (whole.replace('"a" 5', '"a" 6'), 0), (None, None)):
        os.remove(log)
        if lost is not None:
            write(log, lost)
        if not lost:  # a new log would hide that
            Run(folder, "node", "create-anchor").ends(5, err="anchored 2 states.*mounted.*restore --only log.*recover --latest")
            Run(folder, "node", "doctor").ends(2, "there is none, and .* anchored 2 states: it is lost\n.*restore --only log.*recover --lat")
        gone = "begun anew, with this snapshot alone, and the journal has 1 other anchor; .*restore --only log"
        ended = Run(folder, "node", "recover", "--latest-valid", "--json").ends(0, err=gone if found is None else None)
        told = ended.json()[0]
        assert not found or "begun anew" not in ended.err, ended.err
        assert told["number"] == (found or 0) and not told["state_moved"], told
        assert told.get("anchored", {"anchor": second["anchor"]})["anchor"] == second["anchor"], told
        assert found == 2 or told["anchored"]["status"] == "PENDING", told
        assert lost is None or text(os.path.join(folder, told["kept"])) == lost
        assert verified(folder) == is_now == root(folder)
        Run(folder, "node", "recover", "--latest-valid").ends(0, "Its state is that of the journal\n$")
        fewer = "the journal has 2 anchors, so snapshots of 1 are not in it: .*lost with a log"
        assert bool(re.search(fewer, Run(folder, "node", "doctor").out)) == (text(log).count("END_SNAPSHOT") == 1)
    assert len(kept(folder, "l2_snapshots.dat")) == 4
    Run(folder, "node", "anchors").ends(0, f"{first['anchor']} PENDING(.*\n)+Pending: 2\n")
    # a new log begins by a word alone; of a backup the old one comes back
    Run(folder, "node", "backup").ends(0)
    whole = text(log)
    os.remove(log)
    Run(folder, "node", "doctor").ends(2, "it is lost\n.*pawl node restore --only log;")
    Run(folder, "node", "create-anchor", word_of(folder, "node", "create-anchor")[0]).ends(0, second["anchor"])
    Run(folder, "node", "restore", "--only", "log").ends(0)
    assert text(log) == whole[:len(text(log))] and "END_SNAPSHOT" in text(log)
    write(log, "")
    lost = "had no snapshot, and begins with this one. The journal has 1 older anchor, whose snapshot is not in this log"
    again = Run(folder, "node", "create-anchor").ends(0, err=f"{lost}. If a backup has it, type: pawl node restore --only log .*: pawl node create-anchor\n")
    assert again.err.count("restore") == 1 and lost not in Run(folder, "node", "create-anchor").ends(0).err
    # changes that no snapshot has yet are one then
    apply(folder, credit("c", 1))
    Run(folder, "node", "recover", "--latest-valid").ends(0, f"newest snapshot: root {root(folder)}\n")
    assert verified(folder) == root(folder) != is_now


@test
def a_node_without_a_chain_can_be_well(folder):
    """doctor says that no Bitcoin is followed, and that is no finding"""
    begin(folder)
    apply(folder, credit("a", 5))
    Run(folder, "node", "apply", "-", stdin=json.dumps(credit("a", 5)) + "\n").ends(0, "^The 1 change was done before")
    Run(folder, "node", "create-anchor").ends(0)
    # a limit of the shell is an error, and kills nobody
    told = subprocess.run(["bash", "-c", 'ulimit -f 0; exec "$0" node backup', PAWL], cwd=folder, env=environment(),
                          capture_output=True, text=True, check=False)
    assert told.returncode == 1 and "File too large" in told.stderr, told
    Run(folder, "node", "backup").ends(0)
    Run(folder, "node", "doctor").ends(0, "ok +chain .*node.chain is none.*\nNothing to do")


@test
def journal_without_a_state_takes_it(folder):
    """a machine that was restored: the state comes from the newest snapshot that holds, and no other is touched"""
    log = begin(folder)
    write(log, OLD, MID, BROKEN)
    Run(folder, "node", "recover", "--to", "1").ends(
        5, err=f"all newer snapshots.*supply of 2 becomes 1. .*recover --to 1 --yes=[0-9a-f]{{8}}$")
    assert text(log).endswith(BROKEN) and not root(folder) == OLD.root
    Run(folder, "node", "recover", "--latest-valid").ends(
        0, f"number 2 of 3, root {MID.root}\n(.*\n)+The journal had no state: .*\nIts state is that of the journal")
    assert root(folder) == MID.root == verified(folder) and text(log) == OLD.text + MID.text
    Run(folder, "node", "recover", "--latest-valid").ends(0, "the log stays")
    Run(folder, "doctor", "--journal").ends(0)
    # without a journal the log alone is put right
    for name in glob.glob(os.path.join(folder, "pawl.db*")):
        os.remove(name)
    write(log, OLD, BROKEN)
    Run(folder, "node", "recover", "--latest-valid").ends(0, f"root {OLD.root}", "no journal pawl.db: .*pawl init")
    write(log, BROKEN)
    Run(folder, "node", "recover", "--latest-valid").ends(6, err="no journal: procedure 1, pawl node restore")
    Run(folder, "init").ends(0)
    Run(folder, "node", "recover", "--latest-valid").ends(6, err="has no state: procedure 1, pawl node restore")


@test
def what_is_anchored_is_anchored_again_by_a_word(folder):
    """a quiet layer gets a newer anchor where it is asked for; one that no reorg database could note is told"""
    log = begin(folder)
    apply(folder, credit("a", 5))
    first = Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]
    Run(folder, "node", "create-anchor").ends(0, "anchored before.*create-anchor --again")
    whole = text(log)
    second = Run(folder, "node", "create-anchor", "--again", "--json").ends(0).json()[0]
    assert second["root"] == first["root"] and second["anchor"] != first["anchor"] and second["fresh"], second
    assert text(log).startswith(whole) and text(log).count("END_SNAPSHOT") == 2 and verified(folder) == first["root"]
    # typed without it, it is the newer one; killed before the journal had its anchor, that is gone on with
    assert Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]["anchor"] == second["anchor"]
    late = Snapshot({"a": 5}, at_ms=int(time.time() * 1000) + 5)
    write(log, text(log), late.text)
    third = Run(folder, "node", "create-anchor", "--again", "--json").ends(0).json()[0]
    assert third["anchor"] == late.anchor and text(log).count("END_SNAPSHOT") == 3, third
    Run(folder, "node", "anchors").ends(0, "Pending: 3\n")
    shutil.rmtree(os.path.join(folder, "l2", "reorg_db"))
    Run(folder, "node", "create-anchor", "--again").ends(0, err="no reorg database l2/reorg_db.*rebuild-reorg-db")
    Run(folder, "node", "rebuild-reorg-db").ends(0, " 4 anchors")
    # what became of its transaction is said
    newest = Run(folder, "node", "create-anchor").ends(0, "The transaction waits").out.split("Anchor: ")[1].split()[0]
    apply(folder, {"do": "anchor_sent", "anchor": newest, "txid": "a1" * 32})
    Run(folder, "node", "create-anchor").ends(0, f"{newest} (.*\n)+Its transaction was sent, and is in no block yet")
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "pawl.db"), isolation_level=None)) as journal:
        for has in "height = 7", "block_hash = zeroblob(32)":  # by the word of an older node; read here
            journal.execute(f"UPDATE node_anchor SET {has} WHERE txid IS NOT NULL")
            Run(folder, "node", "create-anchor").ends(0, "Block 7 has its transaction, which counts .* with 6 blocks")


def word_of(folder, *line):
    told = Run(folder, *line).ends(5).err
    return re.search(r"(--yes=[0-9a-f]{8})$", told, re.M)[1], told


def imported(folder, path):
    Run(folder, "node", "import", path, word_of(folder, "node", "import", path)[0]).ends(0)


@test
def the_word_is_always_there(folder):
    """however long the paths are that a refusal names, it ends with the line to type; a word that is none is called so"""
    begin(folder)
    deep = os.path.join(*["folder of a very long name, in which a log is"] * 11)
    os.makedirs(os.path.join(folder, deep))
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write(f"journal: pawl.db\nnode: {{data_dir: '{deep}'}}\n")
    state = os.path.join(*["s" * 100] * 4, "state of before")
    os.makedirs(os.path.join(folder, os.path.dirname(state)))
    Run(folder, "node", "init").ends(0)
    for amount in (5, 6):
        with open(os.path.join(folder, state), "w", encoding="utf-8") as file:
            file.write(Run(folder, "node", "state", "--json").ends(0).out)
        apply(folder, credit("a", amount))
        Run(folder, "node", "create-anchor").ends(0)
    for line in (("recover", "--to", "1"), ("import", state), ("create-anchor", "--l2-state-file", state), ("reset",)):
        word, told = word_of(folder, "node", *line)
        assert told.rstrip().endswith(word) and "not the word" not in told and "Nothing was changed" in told, told
        assert state not in line or f"'{state}' {word}" in told, told
        wrong, told = word_of(folder, "node", *line, "--yes=00000001")
        assert wrong == word and "That is not the word for this, or it was told before something changed" in told, told
    for line in (("create-anchor", "--l2-state-file", state), ("import", state)):
        Run(folder, "node", *line, word_of(folder, "node", *line)[0]).ends(0)


@test
def going_back_is_asked_for(folder):
    """an older snapshot takes the place of what the journal knows only by the word for just that, and all is kept"""
    log = begin(folder)
    write(log, OLD, PAID)
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    apply(folder, credit("b", 7, id="pay-1"))
    anchor = Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]
    apply(folder, credit("b", 1, id="pay-2"))
    whole, is_now = text(log), root(folder)
    line = ("node", "recover", "--to", "1")
    word, told = word_of(folder, *line)
    for part in ("of all 4 changes those that are not part of it", "1 completed peg-out of 4000 satoshi, which Bitcoin has paid", "what 1 anchor stands",
                 "supply of 11 becomes 1."):
        assert part in told, (part, told)
    assert word_of(folder, *line, "--yes=00000001")[0] == word
    assert text(log) == whole and root(folder) == is_now and not kept(folder, "*")
    # more came since it was told
    apply(folder, credit("b", 1, id="pay-3"))
    is_now = root(folder)
    word, told = word_of(folder, *line, word)
    assert "not the word for this" in told and "supply of 12" in told
    # the newest that holds gives nothing up
    Run(folder, "node", "recover", "--to", "2").ends(5, err="4 changes behind change 1[,;]")
    Run(folder, *line, word).ends(0, f"which this journal never had(.*\n)+.*kept: l2/l2_state.jsonl.before_")
    assert root(folder) == OLD.root == verified(folder) and text(log) == OLD.text
    Run(folder, *line).ends(0, "the log stays as it is\nIts state")
    Run(folder, "node", "apply", "-", stdin=json.dumps(credit("b", 7, id="pay-1"))).ends(5, err="pay-1 was done")
    Run(folder, "doctor", "--journal").ends(0)
    # nobody sends a transaction for the anchor of a state that is not there
    Run(folder, "node", "rebuild-reorg-db").ends(0)
    Run(folder, "node", "anchors").ends(0, f"{anchor['anchor']} FAILED_ORPHANED")
    # and back again: what was kept is the state
    imported(folder, kept(folder, "l2_state.jsonl")[0])
    assert root(folder) == is_now and text(kept(folder, "l2_snapshots.dat")[0]) == whole


@test
def anchors_are_given_up_with_their_states(folder):
    """of later states, whatever the clock said when they were made; where a journal never had them, the log says which"""
    hour, made = 3600000, []
    begin(folder)
    journal, older = [os.path.join(folder, name) for name in ("pawl.db", "older.db")]
    data, whole = [os.path.join(folder, name) for name in ("l2", "whole")]

    def clock_was_wrong(base):
        for which, by in ((0, hour), (3, -hour)):
            base.execute("UPDATE node_anchor SET made_ms = made_ms + ? WHERE hash = ?", (by, bytes.fromhex(made[which])))

    def statuses(base):
        rows = dict(base.execute("SELECT lower(hex(hash)), status FROM node_anchor"))
        return [rows.get(anchor) for anchor in made]

    for n in range(4):
        if n == 2:
            Run(folder, "backup", older).ends(0)
        apply(folder, credit("a", 1, id=f"c{n}"))
        made += [a["anchor"] for a in Run(folder, "node", "create-anchor", "--json").ends(0).json()]
    shutil.copytree(data, whole)
    with contextlib.closing(sqlite3.connect(journal, isolation_level=None)) as base:
        clock_was_wrong(base)
        word, told = word_of(folder, "node", "recover", "--to", "2")
        assert "what 2 anchors stand for" in told, told
        Run(folder, "node", "recover", "--to", "2", word).ends(0)
        assert statuses(base) == [0, 0, 3, 3]
    # of the newest states only the log knows which was first, and of two anchors nobody when they were made
    shutil.rmtree(data)
    os.rename(whole, data)
    Run(folder, "restore", older).ends(0)
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write(f"journal: pawl.db\nnode: {{data_dir: l2, chain: b}}\nserve: {{listen: none}}\n{SILENT_CHAIN}\n")
    with Serve(folder, lambda serve: "start 3 of 5" in serve.said()):
        pass
    with contextlib.closing(sqlite3.connect(journal, isolation_level=None)) as base:
        clock_was_wrong(base)
        assert statuses(base) == [0, 0, 0, 0]
        word, told = word_of(folder, "node", "recover", "--to", "3")
        assert "what 1 anchor stands for" in told, told
        Run(folder, "node", "recover", "--to", "3", word).ends(0)
        assert statuses(base) == [0, 0, 0, 3]


@test
def taken_back_changes_come_again(folder):
    """back to a snapshot of its own, the journal knows which changes it took back: their ids are free until they are back"""
    begin(folder)
    apply(folder, credit("a", 5, id="pay-1"))
    Run(folder, "node", "create-anchor").ends(0)
    then = root(folder)
    apply(folder, credit("a", 6, id="pay-2"))
    word, told = word_of(folder, "node", "recover", "--to", "1")
    assert "1 change behind change 2;" in told, told
    Run(folder, "node", "recover", "--to", "1", word).ends(0, "as behind change 2: 1 later one is taken back")
    assert root(folder) == then
    # and forward again, to what was kept: that is done, and is not done twice
    imported(folder, kept(folder, "l2_state.jsonl")[0])
    apply(folder, credit("a", 6, id="pay-2"))
    Run(folder, "node", "state").ends(0, r"supply +11\n")
    word, _ = word_of(folder, "node", "recover", "--to", "1")
    Run(folder, "node", "recover", "--to", "1", word).ends(0, "1 later one is taken back")
    apply(folder, credit("a", 5, id="pay-1"), credit("a", 6, id="pay-2"))
    Run(folder, "node", "state").ends(0, r"supply +11\n")


@test
def older_journal_is_named(folder):
    """a log of states that the journal never had: nothing is done until it is said which of the two goes on"""
    log = begin(folder)
    apply(folder, credit("z", 4))
    write(log, OLD, MID, BROKEN)
    told = Run(folder, "node", "recover", "--latest-valid").ends(5, err="older copy of itself").err
    assert "recover --to 2" in told and text(log).endswith(BROKEN), told
    for line, code in ((("node", "doctor"), 2), (("status",), 0)):
        Run(folder, *line).ends(code, r"is of a state that this journal never had.*\n?.*recover --latest-valid")
    is_now = root(folder)
    word, told = word_of(folder, "node", "create-anchor")
    assert "a supply of 4 in place of 2." in told and text(log).endswith(BROKEN), told
    Run(folder, "node", "create-anchor", word).ends(0)
    assert verified(folder) == is_now
    Run(folder, "node", "recover", "--latest-valid").ends(0, "the log stays")


@test
def a_state_of_no_other_place_is_cut_off_by_a_word(folder):
    """snapshots behind N of which this journal never had the state, or no journal: what goes with them is told first"""
    log, gone = begin(folder), "1 completed peg-out of 4000 satoshi, which Bitcoin has paid and would be asked for again"
    write(log, OLD, MID)
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    write(log, OLD, MID, PAID)
    whole, own, older = text(log), ("node", "recover", "--to", "2"), ("node", "recover", "--to", "1")
    word, told = word_of(folder, *own)
    assert "never had: " in told and f"a supply of 2 in place of 3, {gone}" in told, told
    Run(folder, *re.search(r"pawl (node recover --to 3)\. Nothing", told)[1].split()).ends(5, err="supply of 2 becomes 3")
    other, told = word_of(folder, *older, word)
    assert "supply of 2 becomes 1" in told and "snapshot 3, the newest" in told and gone in told and word != other, told
    Run(folder, *own, other).ends(5, err="not the word for this")
    assert text(log) == whole and root(folder) == MID.root
    Run(folder, *own, word).ends(0, "What was behind it is gone from .*: \\S+\nIts state is that of the journal\n$")
    assert text(log) == OLD.text + MID.text and text(kept(folder, "l2_snapshots.dat")[0]) == whole
    Run(folder, *own).ends(0, "nothing is behind it")
    # its own go at once, where their state is not the journal's any more by a word of before
    write(log, whole)
    Run(folder, *older, word_of(folder, *older)[0]).ends(0)
    write(log, OLD, MID)
    Run(folder, *older).ends(0, "What was behind it is gone")
    # an empty state is that of a new journal, too
    for name in glob.glob(os.path.join(folder, "pawl.db*")):
        os.remove(name)
    write(log, Snapshot({}), MID)
    _, told = word_of(folder, *older)
    assert "no journal has: there is none here" in told and "a supply of 0 in place of 2" in told, told
    Run(folder, "init").ends(0)
    word, told = word_of(folder, *older)
    assert "this journal never had" in told and "a supply of 0 in place of 2" in told, told
    Run(folder, *older, word).ends(0)


@test
def a_log_of_no_other_place_is_replaced_by_a_word(folder):
    """reset and restore say of a log whose newest state this journal never had, and the copy neither, what goes with it"""
    log, gone = begin(folder), "1 completed peg-out of 4000 satoshi, which Bitcoin has paid and would be asked for again"
    write(log, OLD, MID)
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    Run(folder, "node", "create-anchor").ends(0)
    Run(folder, "node", "backup").ends(0)
    own = text(log)
    assert "never had" not in word_of(folder, "node", "reset")[1]
    Run(folder, "node", "restore").ends(0)
    write(log, OLD, MID, PAID)
    for line, unlike in (("reset",), "peg-out, "), (("restore",), "restore --only"), (("restore", "--only", "log"), "pawl init"):
        word, told = word_of(folder, "node", *line)
        assert "never had: it is a new one" in told and f"a supply of 2 in place of 3, {gone}" in told, told
        assert "to go on from" in told.lower() and unlike not in told and text(log).endswith(PAID.text), told
    Run(folder, "node", "restore", "--only", "reorg-db").ends(0)
    Run(folder, "node", "restore", "--only", "log", word).ends(0)
    assert text(log).rstrip() == own.rstrip() and text(kept(folder, "l2_snapshots.dat")[-1]).endswith(PAID.text)
    # a copy that has it as well takes nothing away, also of a new journal
    copy = os.path.join(folder, "copy.dat")
    write(copy, OLD, MID, PAID)
    write(log, OLD, PAID, BROKEN)
    for name in glob.glob(os.path.join(folder, "pawl.db*")):
        os.remove(name)
    Run(folder, "init").ends(0)
    Run(folder, "node", "restore", "--file", copy).ends(0)
    write(copy, OLD, MID)
    assert gone in word_of(folder, "node", "restore", "--file", copy)[1]


@test
def an_anchor_that_was_not_told_is_named(folder):
    """create-anchor ended between its snapshot and the journal: doctor and status say it, and the line that tells it"""
    begin(folder)
    apply(folder, credit("a", 5))
    Run(folder, "backup", "copy.db").ends(0)
    anchor = Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]["anchor"]
    Run(folder, "restore", "copy.db").ends(0)
    said = f"anchor {anchor[:16]}.. of the newest snapshot is one that the journal does not know"
    Run(folder, "node", "doctor").ends(1, f"FINDING anchor .*{said}.*\\n +do: pawl node create-anchor")
    Run(folder, "status").ends(0, f"{said}.*; then: pawl node create-anchor")
    Run(folder, "node", "create-anchor").ends(0, anchor)
    assert said not in Run(folder, "node", "doctor").out + Run(folder, "status").ends(0).out


@test
def what_no_id_tells_is_warned_of(folder):
    """a state that the journal never had comes without ids: doctor, the refusal, and who takes it say what is done twice"""
    begin(folder)
    apply(folder, credit("a", 5, id="pay-1"))
    Run(folder, "backup", "copy.db").ends(0)
    apply(folder, credit("b", 7, id="pay-2"))
    Run(folder, "node", "create-anchor").ends(0)
    Run(folder, "restore", "copy.db").ends(0)
    Run(folder, "node", "doctor").ends(1, "never had(.*\n)+.*send nothing again that was sent since the journal's copy")
    sent = r"warning: .*sent after change 1, the newest of this journal, dated 20\S+, and before 20\S+, when .*send none of that"
    line = ("node", "recover", "--to", "1")
    word, told = word_of(folder, *line)
    assert re.search(sent, told), told
    done = Run(folder, *line, word).ends(0, "never had: ids that it knows are refused", sent)
    assert "used before" not in done.out
    # it is as was said
    Run(folder, "node", "apply", "-", stdin=json.dumps(credit("a", 5, id="pay-1"))).ends(5, err="pay-1 was done")
    apply(folder, credit("b", 7, id="pay-2"))
    Run(folder, "node", "state").ends(0, r"supply +19\n")
    Run(folder, "node", "doctor").ends(1, "change 2 of 20.* took it from elsewhere, without the ids")
    theirs = os.path.join(folder, "theirs.dat")
    write(theirs, OLD)  # another one on top: what came between is not known either
    _, told = word_of(folder, "node", "import", theirs)
    assert re.search("warning: .*What was sent before", told) and "after change" not in told, told
    for name in glob.glob(os.path.join(folder, "pawl.db*")):
        os.remove(name)
    Run(folder, "init").ends(0)
    Run(folder, *line[:2], "--latest-valid").ends(0, err=r"What was sent before 20\S+, when that state .* is part of it.*send none")
    Run(folder, "node", "doctor").ends(1, "change 1 of 20.* took it from elsewhere, without the ids")


def unseen_are_settled(folder, peg):
    """What came with a state that was taken over, and no block is known of, is said until people have looked."""
    said = "in it 1 peg-in of 50000 satoshi is minted of which this journal has seen no block"
    assert said in Run(folder, "node", "doctor").out
    with open(os.path.join(folder, "pawl.yaml"), encoding="utf-8") as file:
        before = file.read()
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write(re.sub("node: {", "node: {chain: b, ", before) + f"serve: {{listen: none}}\n{SILENT_CHAIN}\n")
    with Serve(folder, lambda serve: re.search(f"4 of 5, state: recounted.*{said}.*: pawl node settle\n", serve.said())):
        pass
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write(before)
    Run(folder, "node", "settle").ends(0, f"^{peg} 50000 satoshi, 49000 of them minted for a: no block of it was seen here; "
                                       "not settled\nMinted, and in no block that this journal has seen.*: 1 peg-in, 0 of them")
    told, = Run(folder, "node", "settle", "--json").ends(0).json()
    assert (told["pegin"], told["seen"], told["settled"]) == (peg, False, None), told
    Run(folder, "node", "settle", peg, "--why", "Ann: block 12").ends(0, "^1 peg-in is settled")
    assert said not in Run(folder, "node", "doctor").out


def settled(folder, peg, said):
    """What was minted and has nothing behind it is listed, settled by people, and not said any more: by a daemon, too."""
    Run(folder, "node", "settle").ends(0, f"^{peg} 50000 satoshi, 49000 of them minted for a: not settled\nMinted.*: 1 peg-in, 0 of them")
    Run(folder, "node", "settle", peg).ends(1, err="--why TEXT")
    Run(folder, "node", "settle", "--why", "Ann").ends(1, err="name it, as pawl node settle lists it")
    Run(folder, "node", "settle", peg, "0" * 64, "--why", "Ann").ends(2, err="there is no peg-in 000")
    with open(os.path.join(folder, "pawl.yaml"), encoding="utf-8") as file:
        before = file.read()
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write(re.sub("node: {", "node: {chain: b, ", before) + f"serve: {{listen: none}}\n{SILENT_CHAIN}\n")
    why = "Ann: debited from a, ticket 17"
    with Serve(folder, lambda serve: "start 4 of 5, state: 1 peg-in of 50000 satoshi was minted" in serve.said()) as serve:
        Run(folder, "node", "settle", peg, "--why", why).ends(0, "^1 peg-in is settled")
        # by an id: a daemon whose answer is lost is asked again, and has done it
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "pawl.db"))) as db:
            (name,) = db.execute("SELECT name FROM node_key ORDER BY change DESC LIMIT 1").fetchone()
        assert bytes(name).startswith(b"settle/"), name
        wait_for(lambda: "state: recounted" in serve.said())
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write(before)
    Run(folder, "node", "settle", peg, "--why", why).ends(2, err=f"peg-in {peg[:40]}.* was settled by change [0-9]+")
    Run(folder, "node", "settle").ends(0, f"^{peg} 50000 satoshi, 49000 of them minted for a: settled by change [0-9]+ of 20.*: {why}\nMin")
    told, = Run(folder, "node", "settle", "--json").ends(0).json()
    assert (told["pegin"], told["amount"], told["minted"], told["dest"]) == (peg, 50000, 49000, "a"), told
    assert told["settled"]["why"] == why, told
    said()


@test
def status_says_what_doctor_says(folder):
    """a file that is damaged or lost, a foreign log, an anchor without its block: status names each, and what helps"""
    log = begin(folder)

    def said(*wanted):
        """By status as text and as JSON; doctor has a line of the same to type. None: all is well."""
        told = Run(folder, "status", "--json").ends(0).json()[-1]["node"]["warnings"]
        assert len(told) == bool(wanted), told
        assert ("warning" in Run(folder, "status").ends(0).out) == bool(wanted)
        found = [one for one in Run(folder, "node", "doctor", "--json").json() if one.get("ok") is False and "do" in one]
        for part in wanted:
            assert part in told[0] or re.search(part, told[0]), (part, told)
        assert not wanted or wanted[-1] in "".join(one["do"] for one in found), found

    apply(folder, credit("a", 5))
    Run(folder, "node", "create-anchor").ends(0)
    whole = text(log)
    said("there is no backup", "pawl node backup")
    Run(folder, "node", "backup").ends(0)
    said()
    write(log, whole, whole.replace('"a" 5', '"a" 6'))
    said("1 newer than that of", "does not hold", "pawl node recover --latest-valid")
    write(log, whole.replace('"a" 5', '"a" 6'))
    said("none of l2/l2_snapshots.dat holds", "pawl node recover --latest-valid")
    os.remove(log)
    said("there is none, and the journal has anchored 1 state: it is lost", "pawl node recover --latest-valid")
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    said()
    for name in glob.glob(os.path.join(folder, "l2", "reorg_db", "MANIFEST-*")):
        os.truncate(name, 10)
    said("l2/reorg_db is damaged", "pawl node rebuild-reorg-db")
    assert not Run(folder, "node", "anchors").ends(6, err="rebuild-reorg-db").out
    database = os.path.join(folder, "l2", "reorg_db")
    shutil.rmtree(database)
    Run(folder, "node", "anchors").ends(1, err="the journal has 1 anchor: pawl node rebuild-reorg-db")
    Run(folder, "node", "get-snapshot-block", os.path.join(folder, "l2", "l2_snapshots.dat")).ends(
        1, err="the journal has 1 anchor: pawl node rebuild-reorg-db")
    Run(folder, "node", "init-reorg-db").ends(0, err="empty, and the journal has 1 anchor: pawl node rebuild-reorg-db")
    stale = "1 of the journal's anchors it has not, or otherwise: pawl node rebuild-reorg-db"
    Run(folder, "node", "anchors").ends(1, "Pending: 0\n", err=stale)
    for line in (("get-snapshot-block", log), ("divergence",), ("get-snapshot-block", log, "--db-path", "l2/reorg_db/")):
        Run(folder, "node", *line).ends(2, err=stale)
    Run(folder, "node", "rebuild-reorg-db").ends(0)
    with Rocks(database) as older:  # it was so once
        key, value = next((k, v) for k, v in older.all().items() if k.startswith("anchor:"))
        part = value.split("|")
        part[2:4], part[6] = ("9", "6"), "1"
        older.put(key, "|".join(part))
    Run(folder, "node", "anchors").ends(1, "Confirmed: 1\n", err=stale)
    for line in (("get-snapshot-block", log), ("divergence",)):
        Run(folder, "node", *line).ends(2, err=stale)
    Run(folder, "node", "rebuild-reorg-db").ends(0)
    Run(folder, "node", "anchors").ends(0, "Pending: 1\n")
    with Rocks(os.path.join(folder, "l2", "reorg_db")) as database:
        database.put(f"block:{7:020}", "no|hash")
    said("1 value is not what it should be", "pawl node rebuild-reorg-db")
    Run(folder, "node", "rebuild-reorg-db").ends(0)
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "pawl.db"), isolation_level=None)) as journal:
        output = {"txid": "a1" * 32, "vout": 0, "amount": 50000, "source": "s", "dest": "a"}
        apply(folder, {"do": "pegin", **output})
        peg = journal.execute("SELECT CAST(id AS TEXT) FROM node_pegin").fetchone()[0]
        apply(folder, {"do": "pegin_confirmations", "peg": peg, "confirmations": 6}, {"do": "pegin_mint", "peg": peg})
        Run(folder, "node", "settle").ends(0, f"^{peg} .* minted for a: no block of it was seen here; by somebody's word\nMinted by some")
        journal.execute("UPDATE node_pegin_tx SET height = 7")  # as a reorg of what was final leaves it
        said(f"1 peg-in of 50000 satoshi was minted, .* nothing behind it: {peg};", "debit (pawl node apply)")
        settled(folder, peg, said)
        journal.execute("UPDATE node_pegin_tx SET block_hash = zeroblob(32)")  # as a block has it again
        journal.execute("UPDATE node_settled SET again = 1")
        said(f"1 peg-in of 50000 satoshi was settled when no .* lacks the money: {peg};", "pawl node settle PEGIN --why TEXT")
        Run(folder, "node", "settle").ends(0, f"^{peg} .* minted for a: a block has it again; settled by change [0-9]+ of 20.*: Ann.*\nSettled")
        told, = Run(folder, "node", "settle", "--json").ends(0).json()
        assert told["in_block"] and told["seen"] and told["settled"], told
        Run(folder, "node", "settle", peg, "--why", "Ann: credited").ends(0, "^1 peg-in is settled")
        said()
        Run(folder, "node", "settle").ends(0, "^Each peg-in that was minted has its block behind it.\n")
        journal.execute("UPDATE node_pegin_tx SET block_hash = NULL")  # and loses it again
        said(f"nothing behind it: {peg}. 1 of 1 was settled before: see how, so that nobody does it twice;", "pawl node settle PEGIN --why TEXT")
        Run(folder, "node", "settle").ends(
            0, f"^{peg} .* minted for a: not settled; settled before by change [0-9]+ of 20.* [(]looked at by change [0-9]+, when a block had "
               "it[)]: Ann: debited from a, ticket 17\nMinted.*satoshi are not. What was settled before may be paid for, or taken back, already")
        told, = Run(folder, "node", "settle", "--json").ends(0).json()
        assert told["settled"] is None and told["settled_before"]["why"] == "Ann: debited from a, ticket 17", told
        assert told["settled_before"]["looked"] > told["settled_before"]["change"], told
        journal.execute("UPDATE node_pegin_tx SET block_hash = zeroblob(32)")
        said()
        journal.execute("UPDATE node_anchor SET status = 2")  # as a reorg leaves it
        said("is INVALIDATED_REORG: a reorg took its block", "pawl node create-anchor")
        Run(folder, "node", "rebuild-reorg-db").ends(0)
        Run(folder, "node", "divergence").ends(2, err="INVALIDATED_REORG: a reorg took its block: .*create-anchor$")
        Run(folder, "node", "create-anchor").ends(0)
        said()
        journal.execute("UPDATE node_anchor SET made_ms = made_ms - 17 * 3600000")  # Bitcoin has 102 blocks since
        said("was made 17 hours ago, and is in no block yet", "pawl node anchors")
    for name in glob.glob(os.path.join(folder, "pawl.db*")):
        os.remove(name)
    Run(folder, "init").ends(0)
    said("the journal has no state, and the newest snapshot", "pawl node import l2/l2_snapshots.dat")
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    unseen_are_settled(folder, peg)


@test
def pegouts_on_an_anchor_without_a_block_are_told(folder):
    """completed ones and others: status and doctor say how many, on which anchors, and what puts them on another one"""
    begin(folder)
    apply(folder, credit("a", 50000))
    Run(folder, "node", "create-anchor").ends(0)
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "pawl.db"), isolation_level=None)) as journal:
        lost = journal.execute("SELECT lower(hex(hash)) FROM node_anchor").fetchone()[0]
        journal.execute("UPDATE node_anchor SET status = 1")  # as six blocks leave it
        apply(folder, *({"do": "pegout", "source": "a", "dest": "d", "amount": n, "anchor": lost} for n in (2000, 3000, 4000)))
        pegs = [row[0] for row in journal.execute("SELECT CAST(id AS TEXT) FROM node_pegout ORDER BY burn")]
        apply(folder, *({"do": "pegout_pending", "peg": peg, "confirmations": 100} for peg in pegs),
              {"do": "pegout_complete", "peg": pegs[0], "txid": "a1" * 32}, {"do": "pegout_fail", "peg": pegs[2]})
        Run(folder, "node", "create-anchor").ends(0)
        Run(folder, "node", "backup").ends(0)
        assert "warning" not in Run(folder, "status").ends(0).out
        journal.execute("UPDATE node_anchor SET status = 2 WHERE id = 1")  # as a reorg leaves it
        journal.execute("DELETE FROM node_status WHERE list = 5")
        journal.execute("INSERT INTO node_status (list, status, n) SELECT 5, status, COUNT(*) FROM node_anchor GROUP BY status")

        def told(wanted):
            warnings = Run(folder, "status", "--json").ends(0).json()[-1]["node"]["warnings"]
            assert len(warnings) == 1 and wanted in warnings[0], warnings
            assert "pegout_anchor (pawl node apply)" in warnings[0], warnings
            Run(folder, "node", "doctor").ends(1, f"(?s)FINDING state [^\n]*{wanted}\n[^\n]*pegout_anchor [(]pawl node apply[)]")

        told(f"2 peg-outs, 1 of them completed, stand on an anchor that no block of Bitcoin has: {lost} INVALIDATED_REORG")
        complete = json.dumps({"do": "pegout_complete", "peg": pegs[1], "txid": "a2" * 32})
        Run(folder, "node", "apply", "-", stdin=complete).ends(2, err="invalidated_reorg, and not confirmed.*else pegout_anchor comes first")
        stands = journal.execute("SELECT lower(hex(hash)) FROM node_anchor WHERE id = 2").fetchone()[0]
        apply(folder, {"do": "pegout_anchor", "peg": pegs[1], "anchor": stands})
        told(f"1 peg-out, 1 of them completed, stands on an anchor that no block of Bitcoin has: {lost} INVALIDATED_REORG")
        by_hand = {"do": "pegout_anchor", "peg": pegs[0], "anchor": stands}
        Run(folder, "node", "apply", "-", stdin=json.dumps(by_hand)).ends(2, err='where no block has it, .*"by_hand":true')
        apply(folder, {**by_hand, "by_hand": True})
        assert "warning" not in Run(folder, "status").ends(0).out
        Run(folder, "node", "create-anchor").ends(0)
        verified(folder)


@test
def one_rebuilds_a_missing_database(folder):
    """and while another one does it is refused, with his files as they are; without room nothing is left of it"""
    begin(folder)
    apply(folder, credit("a", 5))
    Run(folder, "node", "create-anchor").ends(0)
    database, fresh = (os.path.join(folder, "l2", name) for name in ("reorg_db", "reorg_db.new"))
    shutil.rmtree(database)
    with Rocks(fresh) as db:
        db.put("block:00000000000000000007", "7" * 64)
        Run(folder, "node", "rebuild-reorg-db").ends(5, err=f"reorg_db.new is open in process {os.getpid()}")
        assert not os.path.exists(database)
        db.put("block:00000000000000000008", "8" * 64)
        assert len(db.all()) == 2
    Run(folder, "node", "rebuild-reorg-db").ends(0, " 1 anchor")
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "pawl.db"))) as db:
        db.execute("SELECT count(*) FROM chain")  # so that the journal's -shm is there
        Run(folder, "node", "rebuild-reorg-db", room=8).ends(3, err="File too large")
        assert not os.path.exists(fresh)
        Run(folder, "node", "anchors").ends(0)


@test
def a_database_that_may_not_be_written_is_not_rebuilt(folder):
    """a right that lacks is no damage: who writes it names the line that gives it, and a rebuild changes nothing"""
    begin(folder)
    apply(folder, credit("a", 5))
    Run(folder, "node", "create-anchor").ends(0)
    database = os.path.join(folder, "l2", "reorg_db")
    for path in [folder] + [os.path.join(top, n) for top, dirs, files in os.walk(folder) for n in dirs + files]:
        os.chown(path, 65534, 65534) if os.geteuid() == 0 else None
    os.chmod(database, 0o500)
    right = "chmod u[+]rwx l2/reorg_db"
    there = sorted(os.listdir(database)), sorted(os.listdir(os.path.join(folder, "l2")))
    Run(folder, "node", "rebuild-reorg-db", user=65534).ends(1, err=f"nothing was changed: .*Permission denied.*{right}")
    assert there == (sorted(os.listdir(database)), sorted(os.listdir(os.path.join(folder, "l2"))))
    assert right.replace("[+]", "+") in Run(folder, "node", "doctor", user=65534).ends(1).out
    Run(folder, "node", "create-anchor", "--again", user=65534).ends(0, err=f"has not all that the journal has: .*{right}")
    Run(folder, "node", "recover", "--latest-valid", user=65534).ends(0, err=f"has not all that the journal has: .*{right}")
    os.chmod(database, 0o700)
    Run(folder, "node", "rebuild-reorg-db", user=65534).ends(0, " 2 anchors ")


@test
def half_a_recovery_says_so(folder):
    """the journal has the state of a snapshot, and its log could not be cut: that is said, and typed again it ends"""
    log = begin(folder)
    for amount in (5, 6):
        apply(folder, credit("a", amount))
        Run(folder, "node", "create-anchor").ends(0)
    word, part = word_of(folder, "node", "recover", "--to", "1")[0], log + ".part"
    os.makedirs(os.path.join(part, "in the way"))
    is_now = root(folder)
    Run(folder, "node", "recover", "--to", "1", word).ends(
        1, err="the state of the journal is that of snapshot 1 by now, and the log ends behind it when this is typed again: .*part")
    assert root(folder) != is_now
    shutil.rmtree(part)
    Run(folder, "node", "recover", "--to", "1").ends(0, "What was behind it is gone")
    assert verified(folder) == root(folder)


@contextlib.contextmanager
def anchored_deep(folder, *ages_s):
    """The anchors are this old, and in a block of a chain that is thousands of blocks above it: no test mines these."""
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "pawl.db"), isolation_level=None)) as db:
        db.execute("INSERT INTO chain (id, kind, chain_id, genesis, name, final_height) VALUES (7, 'bitcoin', 1, ?, 'b', 9000)",
                   (bytes(32),))
        db.execute("INSERT INTO node_watch (id, chain, reorgs, moves) VALUES (1, 7, 0, 9) "
                   "ON CONFLICT (id) DO UPDATE SET chain = 7")
        for number, age_s in enumerate(ages_s, 1):
            db.execute("UPDATE node_anchor SET status = 1, height = 4000, block_hash = zeroblob(32), made_ms = ? WHERE id = ?",
                       (int(time.time() - age_s) * 1000, number))
        yield db  # who leaves last would take the -wal with him


def kept_archives(folder):
    return sorted(int(re.search(r"changes-(\d+)-pawl.db.jsonl.gz$", path)[1]) for path in
                  glob.glob(os.path.join(folder, "archive-*")))


@test
def old_changes_are_archived(folder):
    """by serve, at once what SIGHUP says to keep no longer, and by pawl archive: behind an anchor that is deep enough"""
    begin(folder)
    for number in range(3):
        apply(folder, credit(f"p{number}", 5), credit(f"q{number}", 5))
        Run(folder, "node", "create-anchor").ends(0)
    with anchored_deep(folder, 4 * 86400, 2 * 86400, 7200) as db:
        archived_by_and_by(folder, os.path.join(folder, "pawl.yaml"))
        db.execute("INSERT INTO track_archive (at_ms, whole) VALUES (1, 0)")  # as one that was killed leaves it
        Run(folder, "archive", "--dry-run").ends(0, "Nothing is old enough")
        Run(folder, "archive").ends(0, "What an earlier run began to archive is whole")
        Run(folder, "archive").ends(0, "Nothing is old enough")


def archived_by_and_by(folder, config):
    none, is_now = "Nothing is old enough", root(folder)
    for words in (["--dry-run"], [], ["--older-than", "5d"]):
        Run(folder, "archive", *words).ends(0, none)
    write(config, text(config), "serve: {listen: none}\nchains: {local: {kind: evm, chain_id: 31337, "
          "finality: {depth: 12}, endpoints: [http://127.0.0.1:9]}}\nretention: {node: 3d}\n")
    Run(folder, "archive", "--dry-run").ends(0, "^changes of the layer 2: 2 can be archived\n$")
    with Serve(folder, lambda serve: "file 1 of changes: they are in it alone" in serve.said()) as serve:
        for keeps in ("4d", "1d"):  # behind the first of them it has looked, and would not for a day
            write(config, re.sub("node: [34]d", f"node: {keeps}", text(config)))
            os.kill(serve.pid, signal.SIGHUP)
            wait_for(lambda: serve.said().count("key was taken up") > ("4d", "1d").index(keeps))
        wait_for(lambda: "file 2 of changes: they are in it alone" in serve.said())
        Run(folder, "archive", "--older-than", "1h").ends(5, err="pawl serve archives what is due by itself")
    Run(folder, "archive").ends(0, none)
    Run(folder, "archive", "--older-than", "1h", "--dry-run").ends(0, "^changes of the layer 2: 3 can be archived\n$")
    assert kept_archives(folder) == [1, 2]
    assert Run(folder, "archive", "--older-than", "1h", "--json").ends(0).json() == [{"changes": 3, "archived": True}]
    assert kept_archives(folder) == [1, 2, 3]
    Run(folder, "archive", "--older-than", "1h").ends(0, none)
    Run(folder, "doctor", "--journal").ends(0)
    assert root(folder) == is_now == verified(folder)


@test
def owner_is_named(folder):
    """while another process owns the journal a state is not replaced under it, and the log is put right all the same"""
    log = begin(folder)
    with open(os.path.join(folder, "pawl.yaml"), "a", encoding="utf-8") as file:
        file.write('chains:\n  local: {kind: evm, chain_id: 31337, finality: {depth: 12}, '
                   'endpoints: ["http://127.0.0.1:9"]}\nserve: {listen: none}\n')
    write(log, OLD, MID)
    with Serve(folder) as serve:
        for line in (("import", log), ("recover", "--latest-valid")):
            Run(folder, "node", *line).ends(5, err=f"process {serve.pid} .*to stop it, which is safe: kill {serve.pid}")
        apply(folder, credit("z", 4))
        is_now = root(folder)
        Run(folder, "node", "create-anchor", word_of(folder, "node", "create-anchor")[0]).ends(0)
        write(log, text(log), BROKEN)
        Run(folder, "node", "recover", "--latest-valid").ends(0)
        assert verified(folder) == is_now


def owned(path):
    """The journal's lock, as its owner has it (struct flock): he does not listen."""
    file = open(path, "r+b")  # pylint: disable=consider-using-with
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 1 << 62, 1, 0))
    return file


@test
def anchor_is_killed_behind_its_snapshot(folder):
    """create-anchor dies when the log has the snapshot and the journal no anchor: typed again, it is that anchor"""
    log = begin(folder)
    apply(folder, credit("a", 5))
    with owned(os.path.join(folder, "pawl.db")):
        with subprocess.Popen([PAWL, "node", "create-anchor"], cwd=folder, env=environment(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            until = time.monotonic() + 60
            while b"END_SNAPSHOT" not in pathlib.Path(log).read_bytes():
                assert child.poll() is None and time.monotonic() < until, "no snapshot"
                time.sleep(0.001)
            child.kill()
    verify = Run(folder, "node", "verify").ends(0).out
    Run(folder, "node", "rebuild-reorg-db").ends(0, " 0 anchors")
    size = os.path.getsize(log)
    made = Run(folder, "node", "create-anchor", "--json").ends(0).json()[0]
    assert made["fresh"] and f"Anchor verified: {made['anchor']}\n" in verify and os.path.getsize(log) == size
    Run(folder, "node", "anchors").ends(0, "Pending: 1\n")


def archives(folder, ending=""):
    return sorted(glob.glob(os.path.join(folder, "l2", "recovery_*" + ending)))


@test
def all_is_begun_anew(folder):
    """reset sets log and database aside, says who must know, and the state of the journal is the first snapshot"""
    log = begin(folder)
    write(log, OLD, DUE)
    word, _ = word_of(folder, "node", "reset")
    Run(folder, "node", "reset").ends(5, err="no state, so that of snapshot 2 .*stays by: pawl node recover --latest")
    # what there is goes: the state is that of the snapshot; then there is nothing of all this
    Run(folder, "node", "reset", word).ends(
        0, "^Archived: l2/recovery_[0-9]+, the log, the reorg database, the state of the newest whole snapshot\n"
        "Log and .*\n.* no state yet. .*: pawl node import l2/recovery_[0-9]+/l2_state.jsonl\n")
    archive = archives(folder)[0]
    assert sorted(os.listdir(archive)) == ["l2_snapshots.dat", "l2_state.jsonl", "reorg_db"]
    Run(folder, "node", "import", os.path.join(archive, "l2_state.jsonl"), "--json").ends(0, DUE.root)
    for name in glob.glob(os.path.join(folder, "pawl.db*")):
        os.remove(name)
    Run(folder, "init").ends(0)
    shutil.rmtree(archive)
    os.remove(log)
    shutil.rmtree(os.path.join(folder, "l2", "reorg_db"))
    Run(folder, "node", "reset", word_of(folder, "node", "reset")[0]).ends(
        0, "^Archived: l2/recovery_[0-9]+\nThere was no log\nThere was no reorg database\nThere was no state but the empty")
    assert os.listdir(archives(folder)[0]) == []
    shutil.rmtree(archives(folder)[0])
    write(log, OLD, DUE)
    word, _ = word_of(folder, "node", "reset")
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    apply(folder, credit("a", 9))
    write(log, text(log), BROKEN)
    told = Run(folder, "node", "reset", word).ends(5, err="not the word for this, or it was told before something").err
    assert "tell the other members of the federation" in told and "who waits for 1 peg-out (49000 satoshi), which is paid later" in told, told
    assert not archives(folder) and text(log).endswith(BROKEN)
    with Rocks(os.path.join(folder, "l2", "reorg_db")):
        Run(folder, "node", "reset", told.split()[-1]).ends(5, err=f"process {os.getpid()}")
        Run(folder, "node", "reset").ends(5, err=f"has to be stopped for a reset: .*process {os.getpid()}(.*\n)+.*--yes=")
    is_now, was = root(folder), text(log)
    assert not archives(folder)
    done = Run(folder, "node", "reset", told.split()[-1], "--json").ends(0).json()[0]
    assert done["log"] and done["reorg_db"] and not done["went_on"] and done["peg_outs_waiting"] == 1, done
    (archive,) = archives(folder)
    assert os.path.join(folder, done["archive"]) == archive and not archives(folder, ".part")
    assert text(os.path.join(archive, "l2_snapshots.dat")) == was and done["anchored"]["root"] == is_now
    with Rocks(os.path.join(archive, "reorg_db")):
        pass
    assert sorted(os.listdir(archive)) == ["l2_snapshots.dat", "l2_state.jsonl", "reorg_db"]
    assert verified(folder) == is_now == root(folder)
    Run(folder, "node", "anchors").ends(0, f"{done['anchored']['anchor']} PENDING")
    word, _ = word_of(folder, "node", "reset")
    Run(folder, "node", "reset", word).ends(0, "^Archived: l2/recovery_[0-9]+, the log")
    Run(folder, "node", "reset", word).ends(5, err="not the word for this")
    assert len(archives(folder)) == 2 and verified(folder) == is_now


def noted(path):
    """What a name says of a log, or of a database, that was in place: the size and the sum of it, or of its own name."""
    with open(os.path.join(path, "IDENTITY") if os.path.isdir(path) else path, "rb") as file:
        content = file.read()
    return f"{len(content)}_{hashlib.sha256(content).hexdigest()[:32]}"


def half_reset(folder, step, says=noted):
    """The files as a reset leaves them that is killed behind so many of its steps; what there was of the log."""
    data = os.path.join(folder, "l2")
    log, database, part = (os.path.join(data, n) for n in ("l2_snapshots.dat", "reorg_db", "recovery_1795000000.part"))
    was, made = text(log), f"l2_snapshots.dat.instead_of_{says(log)}"
    write(os.path.join(database, "mark"), "old")
    os.mkdir(part)
    if step == 1:  # the new log is made
        write(os.path.join(part, made), "")
    elif step >= 2:  # both have changed names
        os.rename(log, os.path.join(part, made if step == 2 else "l2_snapshots.dat"))
        write(log, "")
    if step >= 4:
        os.rename(database, os.path.join(part, "reorg_db" if step == 4 else f"reorg_db.instead_of_{says(database)}"))
        Run(folder, "node", "init-reorg-db").ends(0)
    return was


def by_inode(path):
    """The same of an earlier version."""
    return os.stat(path).st_ino


@test
def half_a_reset_is_told_and_asks(folder):
    """a reset that was killed is told by each command, and finished by a word or taken back: never in silence"""
    log = begin(folder)
    apply(folder, credit("a", 5))
    Run(folder, "node", "create-anchor").ends(0)
    Run(folder, "node", "backup").ends(0)
    mark, is_now = os.path.join(folder, "l2", "reorg_db", "mark"), root(folder)
    before, _ = word_of(folder, "node", "reset")
    for step in range(5):
        was = half_reset(folder, step)
        if step == 0:
            Run(folder, "status").ends(0, "warning +l2: a reset was begun, and did not end .*pawl node reset")
            Run(folder, "node", "anchors").ends(0, err="warning: a reset was begun")
        Run(folder, "node", "doctor").ends(1 if step < 2 else 2, "FINDING files +l2: a reset was begun, .*\n.*: pawl node reset")
        Run(folder, "node", "verify").ends(0 if step < 2 else 1, err="warning: a reset was begun.*what finishes it")
        for line in (("recover", "--latest-valid"), ("restore",), ("create-anchor",), ("rebuild-reorg-db",),
                     ("prune-reorg-db",))[:1 if step else 5]:
            Run(folder, "node", *line).ends(5, err="a reset was begun, .*Nothing was changed now.*what takes it back")
        assert step != 2 or "is lost" not in Run(folder, "node", "doctor").out
        word, told = word_of(folder, "node", "reset", before)
        has = ("nothing is", "nothing is", "the log is", "the log is", "the log and the reorg database are")[step]
        assert "not the word for this" in told and f".part): so far {has} set aside." in told and "pawl node reset --undo." in told, told
        if step == 1:  # another one took the log's place meanwhile
            was = OLD.text
            write(log, was)
            word, _ = word_of(folder, "node", "reset")
        if step % 2:
            Run(folder, "node", "reset", word).ends(0, "^Archived: l2/recovery_1795000000, the log, the reorg database")
            assert text(os.path.join(archives(folder)[0], "l2_snapshots.dat")) == was and not os.path.exists(mark)
            assert text(os.path.join(archives(folder)[0], "reorg_db", "mark")) == "old" and verified(folder) == is_now
            shutil.rmtree(archives(folder)[0])
        else:
            write(log, text(log), OLD)
            if step == 4:
                os.remove(log)
            Run(folder, "node", "reset", "--undo", *(["--json"] if step else [])).ends(0, "taken back|\"undone\":true")
            assert not archives(folder) and text(mark) == "old"
            assert text(log) == was + (OLD.text if step < 2 else ""), "an old one"
            assert step < 2 or [text(k) for k in kept(folder, "l2_snapshots.dat")] == [OLD.text], "what was new"
            write(log, was)
        Run(folder, "node", "doctor").ends(0)
    Run(folder, "node", "reset", "--undo").ends(1, err="no reset that was begun.* --file l2/recovery_SECONDS/l2_snap")
    # killed on the way back it goes no further forward
    os.mkdir(os.path.join(folder, "l2", "recovery_5.back"))
    Run(folder, "node", "reset").ends(5, err="half taken back.*reset --undo$")
    Run(folder, "node", "reset", "--undo").ends(0)
    Run(folder, "node", "doctor").ends(0)
    # of a log that nobody can read it is not said that it is empty
    write(log, "SNAPSHOT v1\nbalance")
    assert "the log (19 bytes, and no whole snapshot in them)" in word_of(folder, "node", "reset")[1]
    os.remove(log)
    os.mkdir(log)
    Run(folder, "node", "reset").ends(1, err="l2_snapshots.dat: is no file. Nothing was changed. First: .* move it away;")


def copied(folder):
    """The data folder as `cp -a` to another disk leaves it: each file has another inode."""
    data = os.path.join(folder, "l2")
    shutil.copytree(data, data + ".copy", symlinks=True)
    shutil.rmtree(data)
    os.rename(data + ".copy", data)


@test
def half_a_reset_is_told_apart_by_people_in_a_copy(folder):
    """in a copy of half a reset of an earlier version no inode says which log is which: nothing is done until people have said it"""
    log = begin(folder)
    apply(folder, credit("a", 5))
    Run(folder, "node", "create-anchor").ends(0)
    for undone in (True, False):
        before, _ = word_of(folder, "node", "reset")
        was = half_reset(folder, 2, by_inode)
        copied(folder)
        for line in ((), ("--undo",), (before,)):
            told = Run(folder, "node", "reset", *line).ends(5, err="the folder was copied, or .*Nothing was changed.").err
            made = re.search(r"What it is: pawl (node verify --snapshot l2/(\S+)); what is in place: pawl node verify\. .*: "
                             r"(mv l2/\2 l2/\S+/l2_snapshots.dat); if it is the new one: "
                             r"mv l2/\2 l2/l2_snapshots.dat.before_1795000000;", told)
            assert text(log) == "" and text(os.path.join(folder, "l2", made[2])) == was
            Run(folder, *made[1].split()).ends(0)
            Run(folder, "node", "verify").ends(1)
        Run(folder, "node", "doctor").ends(2, "a reset was begun")
        subprocess.run(["sh", "-c", made[3]], cwd=folder, check=True)
        if undone:
            Run(folder, "node", "reset", "--undo").ends(0, "those of before")
            assert text(log) == was and not archives(folder)
        else:
            Run(folder, "node", "reset", word_of(folder, "node", "reset")[0]).ends(0, "^Archived: ")
            assert text(os.path.join(archives(folder)[0], "l2_snapshots.dat")) == was
    # where another file got the number, it is taken for the wrong one: nothing is lost
    was = half_reset(folder, 2, by_inode)
    (made,) = glob.glob(os.path.join(folder, "l2", "recovery_*.part", "l2_snapshots.dat.instead_of_*"))
    os.rename(made, f"{made[:made.rindex('_')]}_{os.stat(log).st_ino}")
    Run(folder, "node", "reset", "--undo").ends(0, "kept: l2/l2_snapshots.dat.before_")
    assert was in [text(path) for path in kept(folder, "l2_snapshots.dat")]
    # on the way back the new one has that name, and the old one is in place
    part, new = os.path.join(folder, "l2", "recovery_1795000001.back"), text(log)
    os.mkdir(part)
    write(os.path.join(part, "l2_snapshots.dat.again_for_7"), OLD)
    told = Run(folder, "node", "reset", "--undo").ends(5, err="the folder was copied, or").err
    subprocess.run(["sh", "-c", re.search("new one: (mv [^;]*);", told)[1]], cwd=folder, check=True)
    Run(folder, "node", "reset", "--undo").ends(0, "those of before")
    assert text(log) == new


@test
def half_a_reset_is_told_apart_by_content_in_a_copy(folder):
    """in a copy of the folder log and database of before are known by what is in them, until that was changed"""
    log = begin(folder)
    apply(folder, credit("a", 5))
    Run(folder, "node", "create-anchor").ends(0)
    is_now, mark = root(folder), os.path.join(folder, "l2", "reorg_db", "mark")
    for step in (1, 2, 5):
        was = half_reset(folder, step)
        copied(folder)
        Run(folder, "node", "reset", "--undo").ends(0, "those of before")
        assert text(log) == was and text(mark) == "old" and not archives(folder)
        was = half_reset(folder, step)
        copied(folder)
        Run(folder, "node", "reset", word_of(folder, "node", "reset")[0]).ends(0, "^Archived: ")
        (archive,) = archives(folder)
        assert text(os.path.join(archive, "l2_snapshots.dat")) == was and verified(folder) == is_now
        assert text(os.path.join(archive, "reorg_db", "mark")) == "old" and not os.path.exists(mark)
        shutil.rmtree(archive)
    # one that was changed since is neither
    was = half_reset(folder, 5)
    (made,) = glob.glob(os.path.join(folder, "l2", "recovery_*.part", "reorg_db.instead_of_*"))
    write(os.path.join(made, "IDENTITY"), "another")
    told = Run(folder, "node", "reset", "--undo").ends(5, err="nobody can tell: .* place: pawl node reorgs\\. If it is").err
    Run(folder, *re.search("What it is: pawl (node reorgs --db-path [^;]*);", told)[1].split()).ends(0)
    subprocess.run(["sh", "-c", re.search("of before: (mv [^;]*);", told)[1]], cwd=folder, check=True)
    Run(folder, "node", "reset", "--undo").ends(0, "those of before")
    assert text(log) == was and text(mark) == "old"


@test
def a_reset_of_the_empty_state_does_not_contradict_itself(folder):
    """what it says of a state without an entry before and behind it is the same, and there is an anchor to tell where there is one"""
    begin(folder)
    for anchored in (False, True):
        if anchored:
            Run(folder, "node", "create-anchor").ends(0)
        word, asked = word_of(folder, "node", "reset")
        done = Run(folder, "node", "reset", word).ends(0, "\nThere was no state but the empty one")
        told = asked + done.out + done.err
        for words in ("and is anchored again", "compared with the new ones", "newest snapshot: root ", "federation the anchor"):
            assert (words in told) == anchored, (words, told)
        for words in ("of the journal is empty, and is not anchored", "is empty, and not anchored: pawl node import"):
            assert (words in told) != anchored, (words, told)
        assert "given up" not in told and "no state yet" not in told, told


def stopped_amid(folder, *line):
    """The program, stopped by a signal once the folder of a reset is there; it may have ended before."""
    child = subprocess.Popen([PAWL, *line], cwd=folder, env=environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while child.poll() is None:
        if archives(folder, ".part"):
            child.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            break
    return child


def is_locked(path):
    """A reset has its folder a moment before it has the lock of it, which says that it is one."""
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@test
def a_reset_that_runs_is_alone(folder):
    """while a reset runs nobody takes it back, begins another or writes there: each is told who runs"""
    log = begin(folder)
    apply(folder, credit("a", 5))
    Run(folder, "node", "create-anchor").ends(0)
    for _ in range(20):  # where it was faster than this
        child = stopped_amid(folder, "node", "reset", word_of(folder, "node", "reset")[0])
        if child.poll() is None and any(is_locked(path) for path in archives(folder, ".part")):
            break
        child.send_signal(signal.SIGCONT)
        child.communicate(timeout=60)
    runs = f"a reset of l2 runs, or is being taken back: process {child.pid}. Nothing .* ends by itself"
    try:
        for line in (("reset", "--undo"), ("reset",), ("create-anchor",), ("restore",)):
            Run(folder, "node", *line).ends(5, err=runs)
        told = Run(folder, "node", "doctor").ends(1).out
        assert re.search(f"a reset runs, process {child.pid} .*\n.*ends by itself", told), told
        assert "another journal" not in told and "did not end" not in told, told
        Run(folder, "node", "anchors").ends(0, err=f"warning: a reset runs, process {child.pid} .*ends by itself")
    finally:
        child.send_signal(signal.SIGCONT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 0 and out.startswith("Archived: ") and not unwarned(err), (out, err)
    assert not archives(folder, ".part") and os.path.getsize(log)
    # the lock is that of the data folder, which a daemon has, too
    word, _ = word_of(folder, "node", "reset")
    lock = os.open(os.path.join(folder, "l2"), os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    Run(folder, "node", "reset", word).ends(5, err=f"process {os.getpid()}, the daemon of another journal")
    os.close(lock)


@test
def a_state_that_stays_is_not_set_aside(folder):
    """a disk that is full when the state is to be replaced: it is where it was, and no copy of it takes room"""
    begin(folder)
    for peer in ("a", "b", "c"):
        apply(folder, credit(peer, 5))
        Run(folder, "node", "create-anchor").ends(0)
    word, _ = word_of(folder, "node", "recover", "--to", "2")
    small = os.path.join(folder, "small")
    os.mkdir(small)
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"""mount -t tmpfs -o size=6m none {small} || exit 99
         cp -a pawl.* l2 {small} && cd {small} && left=$(df -k --output=avail . | tail -1) &&
         dd if=/dev/zero of=filled bs=1k count=$((left - 4)) 2>&1 && "$@"; echo "ended with $?"; ls l2; "$1" node doctor""",
         "sh", PAWL, "node", "recover", "--to", "2", word],
        cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    if done.returncode in (1, 99) and "ended with" not in told:
        print("# nothing can be mounted here")
        return
    assert "nothing of this was written" in told and "ended with 3\n" in told and ".before_" not in told, told
    assert re.search("[0-9]+ KB are free on its file system, less than 10 % of it; a backup takes up to [1-9][0-9]* KB\n", told), told


@test
def a_reset_without_a_row_is_well(folder):
    """a journal that has anchored a state without a row begins its log with that again: nothing is told to be lost"""
    log = begin(folder)
    Run(folder, "node", "create-anchor").ends(0)
    done = Run(folder, "node", "reset", word_of(folder, "node", "reset")[0], "--json").ends(0).json()[0]
    assert done["anchored"]["root"] == root(folder) == verified(folder), done
    assert "is lost" not in Run(folder, "node", "doctor").ends(1).out
    os.remove(log)
    assert "with no balance, by: pawl node create-anchor" in Run(folder, "node", "doctor").ends(2).out
    Run(folder, "node", "create-anchor", word_of(folder, "node", "create-anchor")[0]).ends(0)
    assert verified(folder) == root(folder)


@test
def a_reset_without_room_changes_nothing(folder):
    """what takes room is made before anything is set aside: where there is none, all is as it was, and it says so"""
    log = begin(folder)
    apply(folder, *(credit(f"{n:0200}", 5) for n in range(600)))
    Run(folder, "node", "create-anchor").ends(0)
    was, word = text(log), word_of(folder, "node", "reset")[0]
    Run(folder, "node", "reset", word, room=1 << 16).ends(1, err="as it was, and what .* begun is gone: .*File too large")
    assert not archives(folder) and text(log) == was
    Run(folder, "node", "reset", word).ends(0, "^Archived")


@test
def reset_is_killed_and_typed_again(folder):
    """killed at whatever instant of a reset, all that was is somewhere once; by its word it is finished"""
    log = begin(folder)
    apply(folder, credit("a", 5))
    Run(folder, "node", "create-anchor").ends(0)
    is_now, draw, whole_s = root(folder), random.Random(5), 0.4
    started = time.monotonic()
    for n in range(12):
        write(log, text(log), OLD, f"mark {n}\n")
        was = text(log)
        mark = os.path.join(folder, "l2", "reorg_db", "mark")
        write(mark, str(n))
        word, _ = word_of(folder, "node", "reset")
        child = subprocess.Popen([PAWL, "node", "reset", word], cwd=folder, env=environment(),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(draw.uniform(0, whole_s))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        assert os.path.exists(log) and os.path.isdir(os.path.dirname(mark)), "the old or the new"
        if archives(folder, ".part") or len(archives(folder)) == n:
            Run(folder, "node", "reset", word_of(folder, "node", "reset")[0]).ends(0, "^Archived")
        assert not archives(folder, ".part") and len(archives(folder)) == n + 1, os.listdir(os.path.join(folder, "l2"))
        archive = max(archives(folder), key=os.path.getctime)
        assert text(os.path.join(archive, "l2_snapshots.dat")) == was
        assert text(os.path.join(archive, "reorg_db", "mark")) == str(n)
        assert sorted(os.listdir(archive)) == ["l2_snapshots.dat", "l2_state.jsonl", "reorg_db"]
        assert verified(folder) == is_now == root(folder)
        if time.monotonic() - started > 3:
            break


@test
def killed_and_typed_again(folder):
    """killed at whatever instant, there is the old or the new; typed again, it is finished"""
    log = begin(folder)
    write(log, OLD, MID)
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    apply(folder, *(credit(f"peer-{n:04}", 1) for n in range(2000)))
    Run(folder, "node", "create-anchor").ends(0)
    is_now, whole = root(folder), text(log)
    word, _ = word_of(folder, "node", "recover", "--to", "2")
    draw, whole_s = random.Random(3), 0.2
    started = time.monotonic()
    for _ in range(12):
        child = subprocess.Popen([PAWL, "node", "recover", "--to", "2", word], cwd=folder, env=environment(),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        try:
            child.wait(draw.uniform(0, whole_s))
            whole_s = max(time.monotonic() - began, 0.02)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        there = root(folder)
        assert there in (is_now, MID.root) and text(log) in (whole, OLD.text + MID.text)
        assert there == MID.root or text(log) == whole, "the commit comes first"
        Run(folder, "node", "recover", "--to", "2", word).ends(0)
        assert root(folder) == MID.root == verified(folder) and text(log) == OLD.text + MID.text
        if time.monotonic() - started > 4:
            break
        # and all of it comes back
        imported(folder, kept(folder, "l2_state.jsonl")[-1])
        write(log, whole)
        assert root(folder) == is_now
        word, _ = word_of(folder, "node", "recover", "--to", "2")


@test
def what_killed_commands_left_is_told_and_goes(folder):
    """half made files are named by doctor, never read, and removed when the same is done again; one in use is neither"""
    log = begin(folder)
    write(log, OLD, MID)
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    Run(folder, "node", "backup").ends(0)
    data, at = os.path.join(folder, "l2"), "l2_state.jsonl.before_20261122_000000.part"
    left = [os.path.join(data, n) for n in (at, "l2_snapshots.dat.part")] + [os.path.join(folder, at)]
    for path in left:
        write(path, OLD.text)
    os.mkdir(os.path.join(data, "reorg_db.new"))
    told = Run(folder, "node", "doctor").ends(1, "4 findings|FINDING").out
    for path in ("l2/" + at, "l2/l2_snapshots.dat.part", "l2/reorg_db.new", "./" + at):
        assert f"FINDING files    {path}: a command that was killed" in told and f"do: rm -r {path}\n" in told, told
    with owned(left[0]), owned(left[2]):
        told = Run(folder, "node", "doctor").ends(1).out
        assert at not in told and "l2_snapshots.dat.part" in told, told
        Run(folder, "node", "recover", "--to", "1", word_of(folder, "node", "recover", "--to", "1")[0]).ends(0)
        assert os.path.exists(left[0]) and not os.path.exists(left[1]) and text(log) == OLD.text
    imported(folder, kept(folder, "l2_state.jsonl")[-1])
    assert os.path.exists(left[0]) and not os.path.exists(left[2])
    write(log, OLD, MID)
    Run(folder, "node", "recover", "--to", "1", word_of(folder, "node", "recover", "--to", "1")[0]).ends(0)
    assert not os.path.exists(left[0])
    Run(folder, "node", "rebuild-reorg-db").ends(0)
    Run(folder, "node", "doctor").ends(0)


@test
def a_name_says_which_of_two_it_is(folder):
    """killed while names change: doctor says what was there and what was to come, and each line that it names can be typed"""
    log = begin(folder)
    write(log, OLD)
    Run(folder, "node", "recover", "--latest-valid").ends(0)
    Run(folder, "node", "backup").ends(0)
    database = os.path.join(folder, "l2", "reorg_db")
    to_come = f"{database}.swap_{noted(database)}"
    Run(folder, "node", "init-reorg-db", "--path", to_come).ends(0)
    copied(folder)
    told = Run(folder, "node", "doctor").ends(1, "1 finding|was to take the place of l2/reorg_db").out
    again = "; then that command again; or, with the log as it is now: pawl node rebuild-reorg-db\n"
    assert f"do: rm -r {os.path.relpath(to_come, folder)}{again}" in told, told
    Run(folder, "node", "rebuild-reorg-db").ends(0)
    assert not os.path.exists(to_come)
    # where both are the same database nobody can tell, and it stays
    to_come = f"{database}.swap_{noted(database)}"
    shutil.copytree(database, to_come)
    Run(folder, "node", "doctor").ends(1, f"nobody can tell.*\n.*do: pawl node reorgs --db-path {os.path.relpath(to_come, folder)} ")
    for line in ("rebuild-reorg-db", "restore"):
        Run(folder, "node", line).ends(5, err="nobody can tell whether it is the database of before. Nothing was changed")
    shutil.rmtree(to_come)
    for says in (noted, by_inode):
        write(log, OLD)
        to_come = f"{log}.swap_{says(log)}"
        write(to_come, MID)
        write(log, text(log), DUE)  # it grows, and is the same
        told = Run(folder, "node", "doctor").ends(1, "1 finding|was to take the place of l2/l2_snapshots.dat").out
        write(log, OLD)
        os.rename(log, log + ".was")
        os.rename(to_come, log)
        os.rename(log + ".was", to_come)
        told += Run(folder, "node", "doctor").ends(1, "it was l2/l2_snapshots.dat, before a command that was killed").out
        there, kept_as = re.search(r"do: mv (\S+) (\S+) gives it the name", told).groups()
        copied(folder)
        Run(folder, "node", "doctor").ends(
            1, "it was l2/l2_snapshots.dat, before" if says == noted else
            f"nobody can tell, and nothing reads it\n.*: pawl node verify --snapshot {there} tells .*: mv {there} {kept_as}")
        os.rename(os.path.join(folder, there), os.path.join(folder, kept_as))
        assert text(os.path.join(folder, kept_as)) == OLD.text
    Run(folder, "node", "restore", word_of(folder, "node", "restore")[0]).ends(0)
    assert ".swap_" not in Run(folder, "node", "doctor").ends(0).out and text(log) == OLD.text


if __name__ == "__main__":
    sys.exit(main())
