#!/usr/bin/env python3
"""The tools of the crash recovery guide on snapshots, called by its names for them.

usage: test_snapshots.py PAWL

Speaks TAP.
"""

import contextlib
import json
import os
import pathlib
import pty
import re
import subprocess
import sys

from program import PAWL, Run, environment, main, test
from rocks import Rocks
from snapshots import Snapshot, write

L2 = pathlib.Path(__file__).parent.parent / "vectors" / "l2"
GUIDE = pathlib.Path(__file__).parents[2] / "src" / "cli" / "guide.def"
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "node" / "VERIFICATION.md"
GOLDEN_ROOT = "fe8edd9032df9ef412738c3a4ed7d188e9e5012257340a359b40808dc7ccbf42"
GOLDEN_ANCHOR = "6fd156f54d8f9666007ab8ae3a0582bd75f485beae1c5497132e041b06b08150"
OK = f"Computed L2StateRoot: {GOLDEN_ROOT}\nAnchor verified: {GOLDEN_ANCHOR}\nVerification OK.\n"


def tool(folder, name, *args):
    """(exit code, standard output, standard error) of a link to the program."""
    link = os.path.join(folder, name)
    if not os.path.lexists(link):
        os.symlink(PAWL, link)
    done = subprocess.run(["./" + name, *args], cwd=folder, env=environment(), capture_output=True,
                          encoding="utf-8", timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def verify(folder, path, *more):
    return tool(folder, "ailee_l2_verify", "--snapshot", str(path), *more)


def pegout(name, anchor):
    return (name, "peer-a", "bc1qdest", 50000, 49000, 5, anchor, 1700000000, 0)


@test
def upstreams_files(folder):
    """files of the older program: its lines, its streams, its exit codes"""
    assert verify(folder, L2 / "ok.dat") == (0, OK, "")
    assert verify(folder, L2 / "noanchor.dat") == (
        2, OK.splitlines(True)[0], "No anchor commitment present in snapshot.\n"
        f"None of the 1 snapshot of {L2}/noanchor.dat holds.\n")
    code, out, err = verify(folder, L2 / "torn.dat")
    assert (code, out) == (0, OK) and "byte 0, line 1: a block without an end, 60 bytes: passed over" in err
    code, out, err = verify(folder, L2 / "crlf.dat")
    assert (code, out) == (1, "") and "ends with CR LF" in err
    assert err.endswith(f"Failed to load snapshot: No snapshots found in file: {L2}/crlf.dat\n")
    code, out, err = verify(folder, "missing.dat")
    assert (code, out) == (1, "")
    assert err.startswith("Failed to load snapshot: Failed to open snapshot file: missing.dat\n")
    for words in ([], ["--snapshot"], ["--snapshot", ""], ["--snap", "x"], ["x", "--snapshot", "x"]):
        code, out, err = tool(folder, "ailee_l2_verify", *words)
        assert (code, out) == (1, "") and err.startswith("ailee_l2_verify: "), (code, out, err)
    _, _, err = tool(folder, "ailee_l2_verify", "l2_snapshots.dat")
    assert "'l2_snapshots.dat' is too much; usage: ailee_l2_verify [--snapshot PATH] [--db-path DIR]\n" in err, err
    code, out, _ = tool(folder, "ailee_l2_verify", "--help")
    assert code == 0 and "--snapshot PATH" in out and "the same: pawl node verify\n" in out
    # as a command it prints the same
    assert Run(folder, "node", "verify", "--snapshot", str(L2 / "ok.dat")).ends(0).out == OK


@test
def two_formats_in_a_file(folder):
    """records behind a text are no torn end: told with their place, and made one format by convert"""
    old, new = Snapshot({"a": 1}), Snapshot({"a": 2}, at_ms=1700000000001)
    text = write(f"{folder}/1.dat", old)
    Run(folder, "node", "convert", write(f"{folder}/n.dat", new), "2.dat", "--to", "2").ends(0)
    with open(text, "ab") as log, open(f"{folder}/2.dat", "rb") as records:
        log.write(records.read())
    told = (rf"two formats: it begins with text \(version 1\), and records \(version 2\) begin at byte {len(old.text)}, "
            rf"line {old.text.count(chr(10)) + 1}\..*pawl node convert {text} OUTPUT")
    code, out, err = verify(folder, text)
    assert (code, out) == (0, new.verified) and re.search(told, err) and "torn" not in err, (code, out, err)
    for to in ("1", "2"):
        Run(folder, "node", "convert", text, f"one{to}.dat", "--to", to).ends(0, out="^2 snapshots in version", err=told)
        assert verify(folder, f"{folder}/one{to}.dat") == (0, new.verified, "")


@test
def newest_whole_one_counts(folder):
    """a torn end is passed over; a newest whole one that fails is exit 2, and the newest valid is named"""
    old, new = Snapshot({"a": 1}), Snapshot({"a": 2}, at_ms=1700000000001)
    torn = new.text[:-20]
    log = write(f"{folder}/l.dat", old, new, torn)
    code, out, err = verify(folder, log)
    assert (code, out) == (0, new.verified), err
    assert re.fullmatch(rf"{log}: byte \d+, line 21: a torn end, {len(torn)} bytes: passed over\n", err), err
    place = len(old.text) + new.text.index("2\nescrows")
    for text, why in (
            (new.text.replace('"a" 2', '"a" 3'), "Anchor verification failed: Anchor state root mismatch. expected="),
            (new.text.replace(new.anchor, "0" * 64), "Anchor verification failed: Anchor hash mismatch. expected="),
            (Snapshot({"a": 2}, payload="anything").text, "Anchor verification failed: Anchor payload is not bound"),
            (new.text.replace('"a" 2', '"a" 02'), f"Failed to load snapshot: {log}: byte {place}, line 14: the number has zeros"),
            (new.text.replace("tasks 0\n", ""), f"Failed to load snapshot: {log}: byte "),
            (Snapshot({"a": 2}, anchored=False).text, "No anchor commitment present in snapshot.")):
        write(log, old, text)
        code, out, err = verify(folder, log)
        assert code == 2 and "OK" not in out and "verified" not in out, (code, out, err)
        assert err.startswith(why), (why, err)
        assert f"newest valid snapshot is number 1 of 2, at byte 0, with root {old.root}" in err, err
    told = Run(folder, "node", "verify", "--snapshot", log, "--json").ends(2).json()[0]
    assert told["newest_valid"]["root"] == old.root and not told["verified"]
    # its first or last line is damaged: no torn end, and no command passes it over
    for text, line, why in ((new.text.replace("T v1", "T v2"), 11, "the line SNAPSHOT v1 of this snapshot is damaged"),
                            (new.text[:-2] + "t\n", 20, "the line END_SNAPSHOT of this snapshot is damaged")):
        write(log, old, text)
        code, out, err = verify(folder, log)
        assert (code, out) == (2, "") and f": a damaged snapshot, {len(text)} bytes\n" in err, (code, err)
        assert f", line {line}: {why}\n" in err and "is number 1 of 1 whole ones, at byte 0" in err, err
        Run(folder, "node", "extract", log, f"{folder}/x").ends(2, "^1 snapshot", err="1 of the 2 snapshots")
        Run(folder, "node", "convert", "--to", "2", log, f"{folder}/{line}").ends(2, err="1 of the 2 snapshots .*left out")
        Run(folder, "node", "prune", "--file", log, "--output", f"{folder}/p").ends(2, err="recover --latest-valid puts")
        write(f"{folder}/alone.dat", text)
        code, out, err = verify(folder, f"{folder}/alone.dat")
        assert code == 2 and err.endswith(f"{why}\n{folder}/alone.dat has no other snapshot.\n"), (code, err)


@test
def peg_outs_stand_on_older_anchors(folder):
    """a peg-out's anchor is looked up in older blocks and the store; the circular rule on demand"""
    old = Snapshot({"a": 1})
    stored = "5" * 64
    new = Snapshot({"a": 1}, [pegout("p1", old.anchor), pegout("p2", stored)])
    log = write(f"{folder}/l.dat", old, new)
    code, out, err = verify(folder, log)
    assert code == 2 and out.endswith(f"Anchor verified: {new.anchor}\n"), (code, out)
    assert err.startswith(f"Peg-out p2 stands on anchor {stored}, which no older block that holds has"), err
    assert "Peg-out p1" not in err
    hurt = write(f"{folder}/hurt.dat", old.text.replace("balances 1", "balances x"), Snapshot({"a": 1}, [pegout("p1", old.anchor)]))
    code, _, err = verify(folder, hurt)
    assert code == 2 and "the snapshot at byte 0, which has it, does not hold: byte " in err, err
    assert "made before the damage has it whole: pawl node restore TIME --only log" in err, err
    assert "pawl node verify --all --snapshot FILE" in err, err
    held = Snapshot({"a": 2})
    behind = write(f"{folder}/behind.dat", old.text.replace("balances 1", "balances x"), held)
    assert verify(folder, behind) == (0, held.verified, "")
    code, out, err = verify(folder, behind, "--all")
    assert (code, out) == (2, held.verified), (code, out)
    assert f"Snapshot 1 of 2 of {behind} does not hold: byte 48, line 3: a number is expected" in err, err
    # the newest backup may be of this very log: nothing that is named here takes the place of what holds
    assert "the newest snapshot holds, 1 older does not: nothing is needed at once" in err and "pawl node prune --keep N" in err, err
    assert "restore" not in err, err
    many = json.loads(verify(folder, behind, "--all", "--json")[1])
    assert many["verified"] and [one["byte"] for one in many["older_failed"]] == [0], many
    with Rocks(f"{folder}/reorg_db") as db:
        db.put(f"anchor:{stored}", f"{stored}|{'a' * 64}|100|6|1700000000000|0|1|{'e' * 64}")
    assert verify(folder, log)[:2] == (0, new.verified)
    code, _, err = verify(folder, log, "--strict-upstream")
    assert code == 2 and err.startswith(
        f"Peg-out p1 anchor hash mismatch. expected={new.anchor} got={old.anchor}\n"
        f"Peg-out p2 anchor hash mismatch. expected={new.anchor} got={stored}\n"), err
    log = write(f"{folder}/l.dat", old, Snapshot({"a": 1}, [pegout("p3", "")]))
    assert verify(folder, log)[2].startswith("Peg-out p3 missing anchor commitment hash.\n")
    code, _, err = verify(folder, log, "--db-path", f"{folder}/none")
    assert code == 1 and "init-reorg-db" in err


@test
def taken_apart_and_pruned(folder):
    """extract numbers the snapshots from 1; prune keeps the newest, and what they need"""
    many = [Snapshot({"a": n + 1}, at_ms=1700000000000 + n) for n in range(5)]
    many.append(Snapshot({"a": 9}, [pegout("p1", many[0].anchor)]))
    log = write(f"{folder}/l.dat", *many)
    code, out, err = tool(folder, "ailee_extract_snapshots", log, "apart/")
    assert (code, out, err) == (0, f"6 snapshots of {log} in apart/\n", "")
    assert pathlib.Path(folder, "apart/snapshot_3.dat").read_text() == many[2].text
    code, _, err = tool(folder, "ailee_extract_snapshots", write(f"{folder}/m.dat", many[0]), "apart")
    assert code == 0 and "snapshot_2.dat, and maybe more, is of another log" in err, err
    code, out, _ = tool(folder, "ailee_prune_snapshots", "--file", log, "--keep", "2", "--output", "p.dat")
    assert code == 0 and out.startswith("3 of 6 snapshots kept"), out
    assert pathlib.Path(folder, "p.dat").read_text() == many[0].text + many[4].text + many[5].text
    assert verify(folder, "p.dat")[:2] == (0, many[5].verified)
    os.link(log, f"{folder}/link.dat")
    for words, why in (
            (["--file", log, "--keep", "0", "--output", "p.dat"], "--keep is a number from 1"),
            # whatever it is: the journal, a key, the log of before
            (["--file", log, "--keep", "1", "--output", "p.dat"], "p.dat is there already, and nothing was written"),
            (["--file", log, "--keep", "1"], "--output FILE is missing"),
            (["--file", log, "--keep", "1", "--output", "./link.dat"], "is the log itself"),
            (["--file", "no.dat", "--keep", "1", "--output", "q.dat"], "Failed to open snapshot file: no.dat")):
        code, _, err = tool(folder, "ailee_prune_snapshots", *words)
        assert code == 1 and why in err, (code, err)
    assert verify(folder, "p.dat")[:2] == (0, many[5].verified)
    code, _, err = tool(folder, "ailee_extract_snapshots", log, "l.dat")
    assert code == 1 and "l.dat is no folder" in err
    # where there is no room for the first of them there is no folder either
    full = Run(folder, "node", "extract", log, "full", room=8)
    assert full.code and "File too large" in full.err and not os.path.exists(f"{folder}/full"), full.err


@test
def converted_both_ways(folder):
    """text becomes records and text again, with the same roots; what is malformed is named and left out"""
    many = [Snapshot({"b": n + 1, "a": 2}, at_ms=1700000000000 + n) for n in range(3)]
    log = write(f"{folder}/l.dat", *many)
    for more in ([], ["--compress"]):
        for name in ("v2", "v1"):
            pathlib.Path(folder, name).unlink(missing_ok=True)
        Run(folder, "node", "convert", log, "v2", "--to", "2", *more).ends(0, "^3 snapshots in version 2: v2\n$")
        assert verify(folder, "v2") == (0, many[2].verified, "")
        Run(folder, "node", "convert", "v2", "v1", "--to", "1").ends(0)
        assert verify(folder, "v1") == (0, many[2].verified, "")
        code, _, _ = tool(folder, "ailee_extract_snapshots", "v1", "apart")
        assert code == 0 and verify(folder, "apart/snapshot_1.dat")[:2] == (0, many[0].verified)
    with open(f"{folder}/v2", "r+b") as file:
        file.seek(-100, os.SEEK_END)  # fill of the newest record, which its sum covers
        file.write(b"x")
    code, out, err = verify(folder, "v2")
    assert code == 2 and "number 2 of 3" in err, (code, out, err)
    write(log, many[0], many[1].text.replace('"a" 2', '"a" 02'))
    Run(folder, "node", "convert", log, "v3", "--to", "2").ends(2, "^1 snapshot in", "left out: the number has zeros")
    for words, why in ((["v4"], "--to 1 or --to 2"), (["v4", "--to", "3"], "from 1 to 2, and not '3'"),
                       (["v3", "--to", "2"], "v3 is there already"), (["v4", "--to", "1", "--compress"], "is text")):
        Run(folder, "node", "convert", log, *words).ends(1, err=why)
    colon = write(f"{folder}/colon.dat", Snapshot({"a:b": 1}))
    Run(folder, "node", "convert", colon, "flagged", "--to", "2").ends(
        0, "^1 snapshot in", err="1 text of the snapshot at byte 0 with a colon, .* other states have the same root")


@test
def what_does_not_hold_is_named_when_it_is_copied(folder):
    """converted, pruned, taken apart: it is copied byte for byte, named with its place, and the exit code stays 0"""
    many = [Snapshot({"a": n + 1}, at_ms=1700000000000 + n) for n in range(5)]
    hurt = [s.text.replace(f'"a" {n + 1}', f'"a" {n + 7}') if n in (2, 4) else s.text for n, s in enumerate(many)]
    log, whole = write(f"{folder}/l.dat", *hurt), write(f"{folder}/w.dat", *many)
    places = [len("".join(hurt[:n]).encode()) for n in (2, 4)]
    for code, command, *words in (
            (0, "convert", log, "v2", "--to", "2"), (0, "prune", "--file", log, "--output", "p.dat"), (0, "extract", log, "apart")):
        told = Run(folder, "node", command, *words).ends(code).err.split("\n")
        named = [line for line in told if "is copied, and does not hold: " in line]
        assert len(named) == 2 and all(f"l.dat: the snapshot at byte {at} is" in line for at, line in zip(places, named)), told
        assert told[-2].endswith(f"2 snapshots of it that were copied do not hold. See: pawl node verify --all --snapshot {log}"), told
    assert pathlib.Path(folder, "p.dat").read_text() == "".join(hurt)
    assert pathlib.Path(folder, "apart/snapshot_3.dat").read_text() == hurt[2]
    Run(folder, "node", "verify", "--all", "--snapshot", log).ends(2)
    Run(folder, "node", "prune", "--file", log, "--keep", "1", "--output", "q.dat").ends(0, err="1 snapshot of it that was copied does not")
    for command, *words in (("convert", whole, "w2", "--to", "2"), ("prune", "--file", whole, "--output", "wp.dat"), ("extract", whole, "wa")):
        assert not Run(folder, "node", command, *words).ends(0).err


def on_terminal(folder, *words):
    """All that a command shows on one."""
    here, there = pty.openpty()
    shown = b""
    with subprocess.Popen([PAWL, *words], cwd=folder, stdout=there, stderr=there,
                          env={**environment(), "TERM": "xterm"}) as child:
        os.close(there)
        with contextlib.suppress(OSError):  # of its end
            while part := os.read(here, 4096):
                shown += part
    os.close(here)
    return child.returncode, shown.decode().replace("\r\n", "\n")


@test
def a_long_reading_is_shown(folder):
    """a bar on a terminal, and none elsewhere, while a torn end of 260 MiB is read; then it is taken back"""
    log = os.path.join(folder, "log")
    write(log, (L2 / "ok.dat").read_text(encoding="utf-8"))
    short = on_terminal(folder, "node", "verify", "--snapshot", "log")
    assert short == (0, OK), short
    os.truncate(log, 260 << 20)
    code, shown = on_terminal(folder, "node", "verify", "--snapshot", "log")
    *bars, rest = shown.split("\r\033[K")
    assert code == 0 and "\n" not in "".join(bars), shown
    assert re.search(r"\[\.+\]\S* reading log, MiB: 0 of 260 \(0 %\); safe to stop$", bars[1]), bars[:3]
    assert re.fullmatch(r"log: byte \d+, line \d+: a torn end, \d+ bytes: passed over\n" + OK, rest), rest
    assert "reading" not in Run(folder, "node", "verify", "--snapshot", "log").ends(0, OK).err
    for silent in ("--quiet", "--json"):
        assert "reading" not in on_terminal(folder, "node", "verify", "--snapshot", "log", silent)[1], silent


@test
def folder_of_a_node(folder):
    """init makes what an empty node has, and leaves what is there; an empty log has no snapshot"""
    code, out, _ = tool(folder, "ailee_init_node", "--data-dir", "data/")
    assert code == 0 and out.count(" created: data") == 4, out
    assert os.stat(f"{folder}/data").st_mode & 0o777 == 0o700
    write(f"{folder}/data/l2_snapshots.dat", Snapshot({"a": 1}))
    code, out, _ = tool(folder, "ailee_init_node", "--data-dir", "data")
    assert code == 0 and out.count(" is there already: data") == 4, out
    assert verify(folder, "data/l2_snapshots.dat")[0] == 0
    code, _, err = tool(folder, "ailee_init_node", "--data-dir", "no/such")
    assert code == 1 and "there is no folder no, in which no/such is to be made" in err
    for name, *args in (("ailee_l2_verify", "--snapshot", "no/log"), ("ailee_extract_snapshots", "no/log", "x"),
                        ("ailee_prune_snapshots", "--file", "no/log", "--output", "x"),
                        ("ailee_get_snapshot_block", "no/log"), ("ailee_init_reorg_db", "--path", "no/reorg_db"),
                        ("ailee_resync_blocks", "--start-height", "1", "--db-path", "no/reorg_db", "--bitcoin-rpc",
                         "http://127.0.0.1:9")):
        code, _, err = tool(folder, name, *args)
        assert code == 1 and "there is no folder no, where the " in err and "node init --data-dir no\n" in err, err


@test
def every_name_is_a_command(folder):
    """each name of the table is that of a command, and no other one is"""
    for name, words in re.findall(r'^GUIDE\("(\S+)", "(.+)"\)$', GUIDE.read_text(), re.M):
        code, out, _ = tool(folder, name, "--help")
        assert code == 0 and out.startswith(f"usage: {name}") and f"the same: pawl {words}\n" in out, out
        Run(folder, *words.split(), "--help").ends(0, out=f"^usage: pawl {words}(.|\n)*guide: {name}\n")
        assert f"| `{name}` | `pawl {words}` |\n" in PAGE.read_text(), name
    code, _, err = tool(folder, "ailee_other", "version")
    assert code == 0 and not err


if __name__ == "__main__":
    sys.exit(main())
