#!/usr/bin/env python3
"""Operations that ended long ago go into archives, and all that is asked of them is answered as
before. On a real node.

usage: test_archive.py PAWL [NAME]

Speaks TAP.
"""

import gzip
import json
import os
import pathlib
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from harness import (  # pylint: disable=wrong-import-position
    Anvil, Desk, check, main, recipients, same, serving, stop, test, wait_until, within,
)

DEPTH = 4500  # blocks below the final one that no resume comes back to: archiver.h


def told(desk, *words, code=0):
    """JSON lines of a report."""
    said = desk.expect(code, *words, "--json").out
    return [json.loads(line) for line in said.splitlines()]


def reports(desk):
    """All that is told of the first list."""
    return [desk.expect(0, *words).out for words in (
        ("export", "list"), ("export", "list", "--format", "json"), ("explain", "list", "2"),
        ("explain", "list", "fee"), ("export", "list", "--unpaid"))]


def names(desk):
    return [name for name in os.listdir(desk.folder) if name.startswith("archive-")]


def count(desk, table):
    """As a reader of the database sees it, and not with a connection of the journal's."""
    done = desk.expect(0, "status", "--json")
    check(done.out, "status tells nothing")
    db = sqlite3.connect(f"file:{desk.journal}?mode=ro", uri=True)
    try:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        db.close()


def pay(desk, name, rows, label, *more):
    desk.write_list(name, recipients(rows, label))
    desk.expect(0, *desk.airdrop(name, *more))


def mine(anvil, blocks):
    """A few at a time: on a machine that is busy otherwise each answer has its minute."""
    for _ in range(0, blocks, 100):
        anvil.mine(100)


def reports_stay(desk, made, before):
    """The file is read, and nothing else in its place."""
    same(reports(desk), before, "what is told of it")
    same(told(desk, "status", "list")[0]["archive"], made["archive"], "its status")
    desk.verify("list")
    os.rename(desk.folder / made["archive"], desk.folder / "away")
    within(["put it back"], desk.expect(1, "export", "list").err, "an export without it")
    within(["put it back"], desk.expect(0, "explain", "list", "2").err, "a story without it")
    (desk.folder / made["archive"]).write_bytes(b"another")
    within(["SHA-256"], desk.expect(6, "export", "list").err, "another file in its place")
    desk.verify("list", 6)
    os.rename(desk.folder / "away", desk.folder / made["archive"])
    same(reports(desk), before, "what is told of it at the end")


def refusals_stay(desk, fee):
    """What it paid is not paid again unasked, and nothing of it is moved."""
    for words in (("retry", "list"), ("repair", "list", "2", "skip")):
        within(["are archived"], desk.expect(5, *words).err, words[0])
    desk.write_list("again.csv", recipients(5, "one"))
    within(["--again"], desk.run(*desk.airdrop("again.csv")).err, "rows that it paid")
    desk.expect(0, *desk.airdrop("list.csv", *fee))
    pay(desk, "third.csv", 2, "three")
    desk.verify("third")


def by_a_command(desk, before):
    (can,) = told(desk, "archive", "list", "--dry-run")
    same(can["why"], None, "what would go")
    same(names(desk), [], "a dry run writes nothing")
    events = count(desk, "event")
    (made,) = told(desk, "archive", "list")
    same([made["archive"]], names(desk), "its file")
    same(oct((desk.folder / made["archive"]).stat().st_mode & 0o777), "0o600", "its mode")
    check(count(desk, "event") < events, "its events are there still")
    same(count(desk, "archived_attempt"), 6, "hashes that stay")
    with gzip.open(desk.folder / made["archive"], "rt") as file:
        lines = [json.loads(line) for line in file]
    same((lines[-1]["item"], lines[-1]["attempt"]), (5, 6), "items and attempts in it")
    same(told(desk, "archive", "list")[0]["archive"], made["archive"], "the same again")
    reports_stay(desk, made, before)


def by_serve(desk):
    config = desk.folder / "pawl.yaml"
    config.write_text(config.read_text() + "retention: {airdrop: 1s, fence: never}\n")
    child = serving(desk)
    wait_until(lambda: told(desk, "status", "big")[0]["archive"], 60, "an archive")
    within(["by itself"], desk.expect(5, "archive").err, "a command beside serve")
    wait_until(lambda: not count(desk, "intent WHERE operation = 2"), 20, "its rows are gone")
    pay(desk, "fourth.csv", 2, "four")
    stop(desk, child)
    desk.verify("big")
    config.write_text(config.read_text().replace("never", "soon"))
    within(["1h or 2d, or never"], desk.run("status").err, "a retention that is none")
    config.write_text(config.read_text().replace("soon", "never"))


@test
def all_is_told_as_before():
    """by pawl archive and by serve: the same reports, the same refusals, and the next list goes on"""
    with Anvil(block_s=0.1) as anvil, Desk([anvil.url]) as desk:
        fee = ("--service-fee", "0.001:0x" + "77" * 20)
        pay(desk, "list.csv", 5, "one", *fee)
        before = reports(desk)
        pay(desk, "big.csv", 200, "big")
        within(["is kept until block"], told(desk, "archive", "list", "--dry-run")[0]["why"],
               "a young one")
        within(["is kept until block"], desk.expect(5, "archive", "list").err, "a young one")
        same(told(desk, "archive", "--older-than", "1d"), [], "those of yesterday")
        mine(anvil, DEPTH + 10)
        pay(desk, "more.csv", 2, "two")
        by_a_command(desk, before)
        refusals_stay(desk, fee)
        same(desk.expect(0, "doctor").code, 0, "doctor")
        by_serve(desk)


if __name__ == "__main__":
    main()
