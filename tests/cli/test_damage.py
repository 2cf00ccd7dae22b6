#!/usr/bin/env python3
"""Copies of a journal, and a damaged one, as their user meets them.

usage: test_damage.py PAWL

Speaks TAP. Each kind of damage ends with its exit code, and says what is damaged, what is
certain, and which line to type; and that line works.
"""

import contextlib
import fcntl
import os
import re
import shutil
import sqlite3
import sys

from filled import ETHER, Journal, OWNER_BYTE, amount, fill
from program import Run, main, test


def path(folder, name="pawl.db"):
    return os.path.join(folder, name)


def overwrite(folder, name, at, data):
    with open(path(folder, name), "r+b") as file:
        file.seek(at)
        file.write(data)


def edit(folder, sql, name="pawl.db"):
    """As somebody with a SQLite shell would, in a file that stands alone."""
    db = sqlite3.connect(path(folder, name))
    db.execute(sql)
    db.commit()
    db.close()


def owned(folder):
    """The owner's byte of the journal is locked for as long as this is open."""
    file = open(path(folder), "r+b")  # pylint: disable=consider-using-with
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, OWNER_BYTE)
    return file


def found(folder, code):
    """What doctor --journal found, of which nothing hides the rest."""
    *told, end = Run(folder, "doctor", "--journal", "--json").ends(code).json()
    bad = [o for o in told if not o["ok"]]
    assert end == {"ok": code == 0, "findings": len(bad)}, end
    assert all(o["do"] for o in bad), bad
    return " | ".join(o["text"] for o in bad)


def whole(folder):
    Run(folder, "doctor", "--journal").ends(0, out="intact, up to commit.*\nThe journal is whole")


# --- backup and restore -----------------------------------------------------------------------


@test
def backup_says_what_it_holds(folder):
    """backup makes one file of mode 0600, says what it holds, and goes over nothing"""
    fill(folder)
    Run(folder, "backup", "copy.db").ends(
        0, out=r"copy.db holds pawl.db up to commit 1: 1 operation, \d+ bytes; .*whole.*marked.*\n"
        r".*pawl restore copy.db")
    assert os.stat(path(folder, "copy.db")).st_mode & 0o777 == 0o600
    (told,) = Run(folder, "backup", "other.db", "--json").ends(0).json()
    size = os.path.getsize(path(folder, "other.db"))
    assert told == {"journal": "pawl.db", "backup": "other.db", "commit": 1, "operations": 1,
                    "bytes": size}, told
    Run(folder, "backup", "copy.db").ends(5, err="copy.db: is there already")
    Run(folder, "backup", "pawl.db").ends(5, err="pawl.db: is there already")
    Run(folder, "backup", "no/such/copy.db").ends(1, err="no/such")
    Run(folder, "backup").ends(1, err="FILE")
    with owned(folder):
        Run(folder, "backup", "third.db").ends(0)


@test
def restore_keeps_what_it_replaces(folder):
    """restore says what it holds and doubts, keeps the old one, and --latest doubts nothing"""
    fill(folder)
    Run(folder, "backup", "copy.db").ends(0)
    Run(folder, "pause", "payroll").ends(0)
    with owned(folder):
        Run(folder, "restore", "copy.db").ends(5, err="pawl.db: is owned by")
    Run(folder, "restore", "copy.db").ends(
        0, out="pawl.db is what copy.db holds: 1 operation(.|\n)*replaced-1-pawl.db"
        ", with its -wal(.|\n)*may be older than what was sent .*restored from copy.db.*is fenced .*fees"
        r"(.|\n)*Then: the line .* \(payroll\); .*: pawl serve\n")
    Run(folder, "status", "payroll").ends(0, out="distributing")
    Run(folder, "status", "payroll").ends(
        0, out="waits for  key payer is in doubt: it was restored from copy.db.*begins its fence")
    Run(folder, "doctor", "--journal").ends(0, out="may be older.*restored from copy.db")
    (told,) = Run(folder, "restore", "replaced-1-pawl.db", "--latest", "--json").ends(0).json()
    assert told["replaced"] == "replaced-2-pawl.db" and told["doubt"] is None, told
    Run(folder, "status", "payroll").ends(0, out="paused")
    Run(folder, "restore", "none.db").ends(1, err="none.db: is not there")
    whole(folder)


@test
def a_copy_by_hand_is_told(folder):
    """a copied journal says so before it is used, one that was moved does not"""
    fill(folder)
    Run(folder, "pause", "payroll").ends(0)
    for name in ("pawl.db", "pawl.db-wal"):
        os.rename(path(folder, name), path(folder, "away"))
        os.rename(path(folder, "away"), path(folder, name))
    out = Run(folder, "doctor", "--journal").ends(0).out
    assert "copy" not in out, out
    shutil.copy(path(folder), path(folder, "away"))
    os.rename(path(folder, "away"), path(folder))
    Run(folder, "doctor", "--journal").ends(0, out="is a copy: the next start puts")
    Run(folder, "resume", "payroll").ends(0, err="another file than commit")


# --- damage ------------------------------------------------------------------------------------


@test
def a_missing_wal_is_restored(folder):
    """a missing -wal is damage; the line that it prints makes a journal in doubt of the rest"""
    fill(folder)
    os.unlink(path(folder, "pawl.db-wal"))
    run = Run(folder, "pause", "payroll").ends(6, err="is certain.*nothing was sent")
    assert "is missing" in found(folder, 6)
    (line,) = re.findall(r"pawl (restore \S+pawl\.db|restore pawl\.db)", run.err)
    Run(folder, *line.split()).ends(
        0, out=r"is kept: replaced-1-pawl.db\n(.|\n)*may be older than what was sent")
    Run(folder, "pause", "payroll").ends(0)
    whole(folder)


@test
def what_is_edited_is_not_restored(folder):
    """restore finds what doctor finds, changes nothing, and says what is left to type"""
    fill(folder)
    Run(folder, "backup", "copy.db").ends(0)
    edit(folder, "DELETE FROM attempt WHERE id = 2", "copy.db")
    edit(folder, "UPDATE intent SET attempt = NULL WHERE attempt = 2", "copy.db")
    Run(folder, "restore", "copy.db").ends(
        6, err="copy.db is damaged, and nothing was changed: payroll: .*pawl restore FILE.*--adopt")
    assert not os.path.exists(path(folder, "replaced-1-pawl.db"))
    whole(folder)


@test
def a_torn_page_is_named(folder):
    """a corrupted page ends all with 6, by its number; the backup is the way on"""
    fill(folder)
    Run(folder, "backup", "copy.db").ends(0)
    overwrite(folder, "pawl.db", 2 * 4096, b"\xa5" * 4096)
    way = r"age 3(.|\n)*Nothing was sent(.|\n)*doctor --journal(.|\n)*pawl restore FILE"
    Run(folder, "pause", "payroll").ends(6, err=way)
    assert "age 3" in found(folder, 6)
    run = Run(folder, "doctor", "--journal").ends(6, out="pawl restore FILE(.|\n)*Certain is")
    assert "Nothing was sent" not in run.out
    Run(folder, "backup", "other.db").ends(6, err="pawl.db")
    assert not os.path.exists(path(folder, "other.db"))
    Run(folder, "restore", "pawl.db").ends(6, err="nothing was changed")
    Run(folder, "restore", "copy.db").ends(0)
    whole(folder)


@test
def a_torn_header_is_no_database(folder):
    """a torn header, and bytes that are no database, are named as that"""
    fill(folder)
    Run(folder, "backup", "copy.db").ends(0)
    overwrite(folder, "pawl.db", 0, b"\0" * 16)
    Run(folder, "pause", "payroll").ends(6, err="not a database.*header is torn.*pawl restore FILE")
    assert "not a database" in found(folder, 6)
    Run(folder, "restore", "copy.db").ends(0)
    whole(folder)


@test
def what_is_in_its_place_is_named(folder):
    """a database that is cut short, another program's, and no database: also without a -wal"""
    fill(folder)
    with open(path(folder), "rb") as file:
        whole_of_it = file.read()

    def says(code, why, content):
        with open(path(folder), "wb") as file:
            file.write(content)
        for name in ("pawl.db-wal", "pawl.db-shm"):
            if os.path.exists(path(folder, name)):
                os.remove(path(folder, name))
        for words in (("status",), ("pause", "payroll"), ("doctor", "--journal")):
            run = Run(folder, *words)
            assert run.code == code and why in run.out + run.err, (words, run.out, run.err)
            assert "PRAGMA" not in run.out + run.err, run.err
            assert "pawl.db: pawl.db: " not in run.out + run.err, (run.out, run.err)

    says(6, f"is cut short: 8192 bytes of its {len(whole_of_it)}", whole_of_it[:8192])
    says(6, f"is cut short: 5000 bytes of its {len(whole_of_it)}", whole_of_it[:5000])
    says(6, "is not a database", b"not one" * 1000)
    says(6, "the file is empty", b"")
    with contextlib.closing(sqlite3.connect(path(folder, "other.db"))) as db:
        db.execute("CREATE TABLE other (a)")
    with open(path(folder, "other.db"), "rb") as file:
        says(6, "but a database of another program", file.read())
    says(6, "pawl.db-wal: is missing", whole_of_it)


@test
def a_foreign_database_is_left_alone(folder):
    """another program's database ends with 6, a newer journal with 1; neither is touched"""
    fill(folder)
    Run(folder, "backup", "copy.db").ends(0)
    Run(folder, "backup", "newer.db").ends(0)
    edit(folder, "PRAGMA application_id = 7", "copy.db")
    edit(folder, "INSERT INTO migration VALUES (999, 'x', zeroblob(32), 0, '9')", "newer.db")
    for code, name, why in ((6, "copy.db", "another program"), (1, "newer.db", "newer pawl")):
        run = Run(folder, "restore", name).ends(code, err=f"{name}.*{why}")
        assert "doctor --journal` says what is whole" not in run.err, run.err
        shutil.copy(path(folder, name), path(folder))
        open(path(folder, "pawl.db-wal"), "wb").close()
        run = Run(folder, "pause", "payroll").ends(code, err=why)
        assert code == 1 or "pawl restore FILE" in run.err, run.err
        assert why in found(folder, code)
        assert "says what is whole" not in Run(folder, "doctor", "--journal").ends(code).out


def found_by_row(folder, sql):
    with Journal(folder) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute(sql)
    return found(folder, 6)


@test
def doctor_finds_each_edit(folder):
    """doctor --journal finds an edited event, sum, state, constraint and reference"""
    fill(folder)
    Run(folder, "pause", "payroll").ends(0)
    whole(folder)
    Run(folder, "backup", "copy.db").ends(0)
    for sql, why in (
        ("UPDATE event SET why = 'I never did' WHERE id = 1", "breaks at commit 1"),
        ("UPDATE item SET amount = x'%s' WHERE row = 3" % amount(ETHER).hex(), "not the sums"),
        ("UPDATE item SET state = 9 WHERE row = 1", "1 items"),
        ("UPDATE intent SET state = 9 WHERE id = 1", "1 intents"),
        ("UPDATE attempt SET state = 9 WHERE id = 1", "1 attempts"),
        ("UPDATE operation SET items = 11", "not the sums"),
        ("UPDATE operation SET state = 4", "completed, and its events say that it is paused"),
        ("UPDATE item SET state = 0 WHERE row = 1", "row 1 is pending, and its events say"),
        ("UPDATE item SET memo = 'paid' WHERE row = 9", "not those of its plan"),
        ("UPDATE intent SET recipient = zeroblob(20) WHERE row = 5", "something else than its row"),
        ("UPDATE attempt SET raw = x'c0' WHERE id = 5", "whose hash is not that of its bytes"),
        ("DELETE FROM item WHERE row = 4", "row 5 stands where row 4 of 10 should be"),
        ("UPDATE intent SET state = 3 WHERE row = 2", "(row 2) is void, and an attempt of it paid"),
        ("UPDATE intent SET row = 9 WHERE row = 2", "row 2 is final, and no intent of it is"),
        ("UPDATE attempt SET empty = 1 WHERE id = 1", "final, and none of its attempts paid"),
        ("UPDATE intent SET account = 7 WHERE id = 1", "intent row 1 points to no account"),
        ("UPDATE item SET intent = NULL WHERE row = 5", "1 items are live without"),
        ("UPDATE item SET intent = 1 WHERE row = 9", "1 items are live without"),
        ("UPDATE item SET intent = 99 WHERE row = 5", "1 items are live without"),
        ("DELETE FROM link WHERE commit_no = 1", "breaks at commit 1"),
        ("UPDATE journal SET commit_no = 1", "and the journal with 1"),
    ):
        got = found_by_row(folder, sql)
        assert why in got, f"{sql}: {got}"
        Run(folder, "restore", "copy.db", "--latest").ends(0)
    whole(folder)


@test
def an_old_database_under_a_newer_wal(folder):
    """cp of an old database under the -wal is refused, and the printed way on goes"""
    fill(folder)
    shutil.copy(path(folder), path(folder, "old.db"))
    for word in ("pause", "resume", "pause", "resume"):
        Run(folder, word, "payroll").ends(0)
    shutil.copy(path(folder, "old.db"), path(folder))
    run = Run(folder, "pause", "payroll").ends(6, err="do not belong together.*older copy")
    assert "do not belong together" in found(folder, 6)
    assert "pawl.db-wal away and type: pawl restore" in run.err, run.err
    os.rename(path(folder, "pawl.db-wal"), path(folder, "away"))
    Run(folder, "restore", "pawl.db").ends(0, out="may be older")
    whole(folder)


if __name__ == "__main__":
    sys.exit(main())
