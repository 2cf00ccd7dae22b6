#!/usr/bin/env python3
"""A journal that lost a part of itself, or is another than it was, in the middle of a list:
it is refused, the line that is printed makes it a journal in doubt, and everybody is paid
exactly once."""

import contextlib
import os
import shutil
import sqlite3

from harness import PAYER, check, desk_of, end, exactly_once, main, paid, same, test, within

ROWS = 150
IN_FLIGHT = 15


def desk_with_a_list():
    return desk_of(ROWS, max_in_flight=IN_FLIGHT)


def start_until(anvil, desk, payments):
    child = desk.start(*desk.airdrop())
    paid(anvil, payments)
    return child


def run_until(anvil, desk, payments):
    """Killed at once, so that the last commits are in the -wal alone."""
    child = start_until(anvil, desk, payments)
    end(child)


def refused(desk, why):
    ended = desk.expect(6, *desk.airdrop())
    within([why, "pawl restore"], ended.err, "what it says")
    desk.expect(6, "doctor", "--journal")


def paid_once(anvil, desk, *more):
    desk.expect(0, *desk.airdrop("list.csv", *more), seconds=90)
    same(exactly_once(anvil.rpc, PAYER, None, desk.rows), ROWS, "payments")
    desk.verify("list")


@test
def its_wal_is_deleted():
    with desk_with_a_list() as (anvil, desk):
        run_until(anvil, desk, 30)
        run_until(anvil, desk, 80)
        (desk.folder / "pawl.db-wal").unlink()
        refused(desk, "is missing")
        desk.expect(0, "restore", "pawl.db")
        paid_once(anvil, desk)


@test
def an_old_database_is_put_under_its_wal():
    with desk_with_a_list() as (anvil, desk):
        run_until(anvil, desk, 20)
        run_until(anvil, desk, 40)
        shutil.copy(desk.journal, desk.folder / "old.db")
        run_until(anvil, desk, 60)
        run_until(anvil, desk, 90)
        shutil.copy(desk.folder / "old.db", desk.journal)
        refused(desk, "do not belong together")
        os.rename(desk.folder / "pawl.db-wal", desk.folder / "away")
        desk.expect(0, "restore", "pawl.db")
        paid_once(anvil, desk)


@test
def its_wal_is_damaged_in_the_middle():
    with desk_with_a_list() as (anvil, desk):
        run_until(anvil, desk, 80)
        wal = desk.folder / "pawl.db-wal"
        frames = (wal.stat().st_size - 32) // 4120
        with open(wal, "r+b") as file:
            file.seek(32 + 4120 * (frames * 6 // 10) + 2000)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
        refused(desk, "in the middle")
        desk.expect(0, "restore", "pawl.db")
        paid_once(anvil, desk)


@contextlib.contextmanager
def shell(desk):
    """A SQLite shell over the journal; its end would take the -wal away."""
    wal = desk.folder / "pawl.db-wal"
    db = sqlite3.connect(desk.journal, isolation_level=None)
    yield db
    content = wal.read_bytes()
    db.close()
    wal.write_bytes(content)


def column(db, what):
    (value,) = db.execute(f"SELECT {what}").fetchone()
    return value


@test
def a_row_is_set_back_by_hand():
    """As somebody might who wants it to be paid again, its totals with it."""
    edits = (
        ("UPDATE item SET state = {} WHERE row = 1", 0, 2, "row 1 is pending"),
        ("UPDATE intent SET state = {} WHERE row = 1", 3, 2, "is void, and an attempt of it paid"),
        ("UPDATE event SET why = '{}' WHERE id = (SELECT MIN(id) FROM event WHERE row = 1)", "x",
         "", "event chain of operation 1 breaks"),
        ("UPDATE item SET recipient = x'{}' WHERE row = 150", "11" * 20, None, "of its plan"),
    )
    with desk_with_a_list() as (anvil, desk):
        run_until(anvil, desk, 80)
        with shell(desk) as db:
            same(column(db, "state FROM item WHERE row = 1"), 2, "the first row's state")
            last = column(db, "hex(recipient) FROM item WHERE row = 150")
            payments = anvil.rpc.count(PAYER)
            for sql, bad, good, why in edits:
                db.execute(sql.format(bad))
                ended = desk.expect(6, *desk.airdrop())
                within([why, "pawl doctor --journal"], ended.err, "what it says")
                within(why, desk.expect(6, "doctor", "--journal").out, "what doctor says")
                db.execute(sql.format(last if good is None else good))
        check(anvil.rpc.count(PAYER) <= payments + IN_FLIGHT, "it reserved more")
        paid_once(anvil, desk)


@test
def a_backup_is_older_than_its_operation():
    with desk_with_a_list() as (anvil, desk):
        desk.expect(0, "backup", "copy.db")
        run_until(anvil, desk, 80)
        desk.expect(0, "restore", "copy.db")
        within("--adopt", desk.expect(5, *desk.airdrop()).err, "the way on")
        paid_once(anvil, desk, "--adopt")


@test
def it_is_replaced_while_it_runs():
    with desk_with_a_list() as (anvil, desk):
        run_until(anvil, desk, 30)
        desk.expect(0, "backup", "copy.db")
        run_until(anvil, desk, 40)
        child = start_until(anvil, desk, 60)
        desk.expect(5, "restore", "copy.db")
        shutil.copy(desk.folder / "copy.db", desk.folder / "new.db")
        os.rename(desk.folder / "new.db", desk.journal)
        ended = desk.ended(child)
        same(ended.code, 3, "exit")
        within("replaced while this process owned it", ended.err, "what it says")
        check(anvil.rpc.count(PAYER) < ROWS, "it paid on")
        desk.expect(6, *desk.airdrop())  # the -wal is that of the other one
        desk.expect(0, "restore", "copy.db")
        paid_once(anvil, desk)


main()
