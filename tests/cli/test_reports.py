#!/usr/bin/env python3
"""What a person asks of a journal, and the small commands that change it, without a node.

usage: test_reports.py PAWL

Speaks TAP.
"""

import contextlib
import csv
import fcntl
import io
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time

from filled import CONFIG, ETHER, FINAL, Journal, OWNER_BYTE, ROWS, SENDER, VOID
from filled import add_fence, amount, blob, fill, init, insert, totals
from program import PAWL, Run, main, test

STATUS_KEYS = (
    "operation kind state rows pending live final void skipped refunded unknown eta_s waits_for left_out subscribers "
    "archive"
).split()
EXPORT_KEYS = "row address amount memo state tx block block_hash nonce attempts fee reason".split()

# --- status ------------------------------------------------------------------------------------


@test
def status_of_an_empty_journal(folder):
    """status of an empty journal says so, and prints nothing as JSON"""
    Run(folder, "status").ends(1, err="there is no")
    init(folder)
    Run(folder, "status").ends(0, out="There is no operation yet")
    assert not Run(folder, "status", "--json").ends(0).json()
    for command in ("export", "verify", "pause", "resume", "retry", "cancel", "status"):
        Run(folder, command, "payroll").ends(1, err="there is no operation 'payroll'")
    Run(folder, "explain", "payroll", "1").ends(1, err="there is no operation")


@test
def status_tells_all(folder):
    """status shows each operation in its line, by all its names, and counts the unknown"""
    fill(folder, ("payroll", "other"))
    first, second = Run(folder, "status", "--json").ends(0).json()
    assert list(first) == STATUS_KEYS, first
    assert second["operation"] == "other"
    want = {"operation": "payroll", "kind": "airdrop", "state": "distributing", "rows": 10,
            "pending": 3, "live": 3, "final": 3, "void": 1, "skipped": 0, "refunded": 0, "unknown": 1,
            "eta_s": None, "waits_for": None, "left_out": None, "subscribers": [], "archive": None}
    assert first == want, first
    assert Run(folder, "status", "payroll", "--json").json() == [first]
    assert Run(folder, "status", "1", "--json").json() == [first]
    shown = Run(folder, "status", "payroll").ends(0, out="3 of 10 final").out
    for part in ("awaiting_funds 5 s, building 5 s, distributing for 1", "rows a second",
                 "1 outcomes", "6 of 55", "0.000168 so far", "Safe to kill now: yes"):
        assert part in shown, f"{part!r}: {shown}"
    Run(folder, "status").ends(0, out="payroll +distributing +10")


@test
def status_tells_what_it_waits_for(folder):
    """status shows a stop of the operation, its account or its chain, and the way on"""
    fill(folder, state=8, waits_for="a brake; then: pawl resume payroll")
    (told,) = Run(folder, "status", "--json").json()
    assert told["waits_for"] == "a brake; then: pawl resume payroll", told
    with Journal(folder) as db:
        db.execute("UPDATE operation SET state = 2, waits_for = NULL")
        db.execute("UPDATE account SET stopped = 'foreign; then: pawl resume key:payer'")
    (told,) = Run(folder, "status", "--json").json()
    assert told["waits_for"] == "foreign; then: pawl resume key:payer", told
    for account in ("stopped", "NULL"):  # the chain's is the first to be lifted
        with Journal(folder) as db:
            db.execute(f"UPDATE account SET stopped = {account}")
            db.execute("UPDATE chain SET stopped = 'a final block vanished'")
        (told,) = Run(folder, "status", "--json").json()
        assert told["waits_for"].endswith("then: pawl resume chain:main"), told


@test
def funds_that_are_missing_are_said(folder):
    """of an account without what is live costs, no report says when it is done, or nothing to do"""
    why = "funds: 2 of the native coin, for what is live, are missing; send them to 0x2c"
    fill(folder, waits_for=why)
    with open(os.path.join(folder, "pawl.db"), "rb+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, OWNER_BYTE)
        (told,) = Run(folder, "status", "--json").json()
        assert (told["waits_for"], told["eta_s"]) == (why, None), told
        (told,) = Run(folder, "explain", "payroll", "5", "--json").json()
        assert told["waits_for"].endswith("; the operation waits for " + why), told
    assert f"it waits for {why}" in findings(folder)["journal"]


@test
def a_stop_at_the_cap_suggests_what_is_left(folder):
    """the cap that a stop suggests is by the fees of now, and says when waiting helps"""
    stop = "the cap on fees does not cover it; then: pawl resume payroll --max-total-fee AMOUNT"
    fill(folder, state=8, waits_for=stop)

    def told():
        (said,) = Run(folder, "status", "--json").json()
        return said["waits_for"]

    def figure():
        return float(told().rsplit(" ", 1)[1])

    calm = figure()
    assert 0.0004 < calm < 0.005, told()
    with Journal(folder) as db:  # bumped through a spike that is over
        db.execute("INSERT INTO attempt (intent, account, hash, raw, empty, fee_type, gas, max_fee,"
                   " tip, signed_height, state) SELECT intent, account, x'" + "07" * 32 + "', raw,"
                   " empty, fee_type, gas, 400000000000, 100000000000, signed_height, state"
                   " FROM attempt WHERE id = (SELECT MAX(id) FROM attempt)")
    assert figure() == calm, told()
    patience = "to wait for lower fees is safe"
    assert patience in told(), told()
    with Journal(folder) as db:
        db.execute("UPDATE operation SET cap = fees_final")
    assert patience not in told(), told()


@test
def a_nonce_without_a_transaction_is_said(folder):
    """status and explain of a row whose nonce is gone say so, and what to look at"""
    fill(folder)
    with Journal(folder) as db:
        db.execute("UPDATE account SET final_count = 106, final_height = 12")
    why = "row 5: nonce 105 was consumed, and no transaction that did it is known"
    (told,) = Run(folder, "status", "--json").json()
    assert told["waits_for"].startswith(why), told
    Run(folder, "status", "payroll").ends(0, out="then +pawl verify payroll")
    (told,) = Run(folder, "explain", "payroll", "5", "--json").ends(0).json()
    assert told["waits_for"].startswith("nonce 105 was consumed, and no transaction"), told
    Run(folder, "explain", "payroll", "5").ends(0, out="to go on: pawl verify payroll")
    (told,) = Run(folder, "explain", "payroll", "6", "--json").ends(0).json()
    assert "was consumed" not in told["waits_for"].split(";")[0], told
    with Journal(folder) as db:
        db.execute(SUSPECT.replace("900", "105"), (blob(0xAF, 1), blob(0xCC, 3), amount(5)))
    (told,) = Run(folder, "status", "--json").json()
    assert told["waits_for"] is None, told


@test
def status_names_void_rows(folder):
    """status shows the first void rows with their reasons, and the line to type"""
    fill(folder, state=4, states=[FINAL] * 9 + [VOID])
    shown = Run(folder, "status", "payroll").ends(0).out
    assert "row 10: reverted" in shown and "pawl retry payroll" in shown, shown
    Run(folder, "status").ends(0, out="(?s)then: pawl retry payroll.*now; none is needed")
    Run(folder, "doctor").ends(1, out="ok +journal +payroll.*tried again: pawl retry payroll")
    with Journal(folder) as db:
        insert(db, "item", operation=1, row=11, line=12, recipient=blob(0xAA, 11, 20),
               amount=amount(1), memo=None, state=VOID, intent=None, reason="reverted")
        db.execute("UPDATE item SET state = 3, reason = 'reverted'")
        db.execute("UPDATE operation SET items = 11, void_n = 11, final_n = 0")
    shown = Run(folder, "status", "payroll").ends(0, out="and 1 more: pawl export payroll").out
    assert shown.count(": reverted") == 10, shown


@test
def status_calls_nothing_done_that_is_not(folder):
    """status of what ended unpaid says ended, and of what stands still who lets it go on"""
    fill(folder, state=4, states=[FINAL] * 10)
    Run(folder, "status").ends(0, out=r"100\.0 % .* done\n.*none is needed")
    with Journal(folder) as db:
        db.execute("UPDATE operation SET state = 7, final_n = 9, pending_n = 1")
        db.execute("UPDATE item SET state = 0 WHERE row = 10")
    Run(folder, "status").ends(0, out=r" 90\.0 % .* 1 unpaid\n.*none is needed")
    (told,) = Run(folder, "status", "--json").json()
    assert told["eta_s"] == 0, told
    for state in (5, 8):
        with Journal(folder) as db:
            db.execute("UPDATE operation SET state = ?, waits_for = 'x'", (state,))
        for words in (["status"], ["status", "payroll"]):
            Run(folder, *words).ends(0, out="Runner: none now; a resume comes first, then a run")


@test
def names_are_suggested(folder):
    """an operation that is not there names the nearest one"""
    fill(folder)
    Run(folder, "status", "payrol").ends(1, err="did you mean payroll")
    Run(folder, "pause", "payrol").ends(1, err="did you mean payroll")
    Run(folder, "status", "99").ends(1, err="there is no operation")


# --- explain -----------------------------------------------------------------------------------


@test
def explain_tells_a_row(folder):
    """explain shows a row, its intents and attempts, and what the nodes said"""
    fill(folder)
    (told,) = Run(folder, "explain", "payroll", "5", "--json").ends(0).json()
    assert (told["row"], told["line"], told["amount"], told["state"]) == (5, 6, "5", "live")
    (intent,) = told["intents"]
    (attempt,) = intent["attempts"]
    assert intent["nonce"] == 105 and intent["state"] == "signed", intent
    assert attempt["tx"].startswith("0xbbbb") and attempt["state"] == "signed", attempt
    assert "replacement underpriced" in attempt["node_said"], attempt
    assert "includes nonce 105" in told["waits_for"] and told["unblock"] == "pawl serve", told
    Run(folder, "explain", "payroll", "1").ends(0, out="no node said anything against it")
    Run(folder, "explain", "payroll", "1").ends(0, out="wei, seen in block")
    (told,) = Run(folder, "explain", "payroll", "1", "--json").ends(0).json()
    assert told["intents"][0]["attempts"][0]["signed_at_block"] is None, told
    with Journal(folder) as db:
        db.execute("UPDATE attempt SET raw = x'02'")
    Run(folder, "explain", "payroll", "1").ends(0, out="wei, signed at block")
    with Journal(folder) as db:
        db.execute("UPDATE account SET stopped = 'foreign; then: pawl resume key:payer'")
    (told,) = Run(folder, "explain", "payroll", "5", "--json").ends(0).json()
    assert "includes nonce 105" in told["waits_for"] and "foreign" in told["waits_for"], told
    assert told["unblock"] == "pawl resume key:payer", told
    with Journal(folder) as db:
        db.execute("UPDATE account SET stopped = NULL")
    Run(folder, "explain", "payroll", "6").ends(0, out="block 16 to be final: the head is 17")
    Run(folder, "explain", "payroll", "7").ends(0, out="nonce 107 is reserved")
    Run(folder, "explain", "payroll", "8").ends(0, out="its turn")
    Run(folder, "explain", "payroll", "4").ends(0, out="(?s)reverted.*pawl retry payroll")
    Run(folder, "explain", "payroll", "1").ends(0, out="proof: paid")


@test
def explain_finds_rows(folder):
    """explain takes an address, and refuses rows that are not there"""
    fill(folder)
    address = "0x" + blob(0xAA, 2, 20).hex()
    (told,) = Run(folder, "explain", "payroll", address, "--json").ends(0).json()
    assert told["row"] == 2 and told["memo"] == 'a "quoted", memo', told
    Run(folder, "explain", "payroll", SENDER).ends(1, err="no row of payroll pays")
    Run(folder, "explain", "payroll", "11").ends(1, err="has 10 rows")
    Run(folder, "explain", "payroll", "0").ends(1, err="no service fee")
    Run(folder, "explain", "payroll", "x").ends(1, err="ROW is a number")
    Run(folder, "explain", "payroll", "0x12").ends(1, err="is no address")


# --- export ------------------------------------------------------------------------------------


@test
def export_as_csv(folder):
    """export prints RFC 4180 that reads back, one record a row"""
    fill(folder)
    run = Run(folder, "export", "payroll").ends(0)
    rows = list(csv.DictReader(io.StringIO(run.out, newline="")))
    assert list(rows[0]) == EXPORT_KEYS, rows[0]
    assert [int(row["row"]) for row in rows] == list(range(1, 11))
    assert [row["memo"] for row in rows] == [memo or "" for _, _, memo in ROWS]
    assert rows[0]["tx"] == "0x" + blob(0xBB, 101).hex() and rows[0]["nonce"] == "101"
    assert rows[0]["fee"] == "0.000042" and rows[0]["block"] == "11", rows[0]
    assert rows[3]["state"] == "void" and rows[3]["tx"], rows[3]
    assert rows[4]["tx"] == "" and rows[4]["nonce"] == "105" and rows[4]["attempts"] == "1"
    assert rows[6]["attempts"] == "0" and rows[9]["nonce"] == ""
    assert run.out.count("\r\n") == 11, run.out


@test
def export_as_json(folder):
    """export as JSON says the same, one object a row"""
    fill(folder)
    rows = Run(folder, "export", "payroll", "--format", "json").ends(0).json()
    assert all(list(row) == EXPORT_KEYS for row in rows), rows[0]
    assert rows == Run(folder, "export", "payroll", "--json").ends(0).json()
    assert rows[0]["fee"] == "0.000042" and rows[0]["block"] == 11, rows[0]
    assert rows[9]["tx"] is None and rows[9]["nonce"] is None and rows[9]["attempts"] == 0
    assert rows[6]["memo"] == "Zürich"
    assert [row["memo"] for row in rows] == [memo for _, _, memo in ROWS], rows
    (told,) = Run(folder, "explain", "payroll", "3", "--json").ends(0).json()
    assert told["memo"] == ROWS[2][2], told
    Run(folder, "explain", "payroll", "3").ends(0, out=r"memo: two\?lines")
    Run(folder, "export", "payroll", "--format", "xml").ends(1, err="csv or json")


@test
def the_service_fee_is_shown(folder):
    """status, export and explain show the service fee, which is row 0"""
    fill(folder)
    to = "0x" + blob(0xAB, 1, 20).hex()
    with Journal(folder) as db:
        db.execute("UPDATE airdrop SET fee_amount = ?, fee_recipient = ?",
                   (amount(ETHER // 2), blob(0xAB, 1, 20)))
    Run(folder, "status", "payroll").ends(0, out=r"(?i)fee of 0.5 to " + to + ": pending")
    *rows, fee = Run(folder, "export", "payroll", "--json").ends(0).json()
    assert len(rows) == 10 and list(fee) == EXPORT_KEYS, fee
    assert (fee["row"], fee["amount"], fee["state"]) == (0, "0.5", "pending"), fee
    Run(folder, "export", "payroll").ends(0, out=r"(?i)\r\n0," + to + ",0.5,the service fee,pending")
    (told,) = Run(folder, "explain", "payroll", to, "--json").ends(0).json()
    assert (told["row"], told["memo"]) == (0, "the service fee"), told
    for word in ("0", "fee"):
        Run(folder, "explain", "payroll", word).ends(0, out="payroll row 0: pending 0.5 to")


@test
def export_of_what_is_unpaid_is_a_list(folder):
    """export --unpaid prints a list that run reads, of what nothing pays any more"""
    fill(folder)
    Run(folder, "export", "payroll", "--unpaid").ends(5, err="distributing.*then: pawl cancel payroll")
    with Journal(folder) as db:
        db.execute("UPDATE operation SET state = 7")
    Run(folder, "export", "payroll", "--unpaid").ends(5, err="3 rows are live: .*pawl serve")
    with Journal(folder) as db:
        db.execute("UPDATE item SET state = 2, intent = NULL WHERE state = 1")
        db.execute("UPDATE operation SET live_n = 0, final_n = 6")
    listed = Run(folder, "export", "payroll", "--unpaid").ends(0).out
    rows = list(csv.DictReader(io.StringIO(listed, newline="")))
    assert [row["amount"] for row in rows] == ["4", "8", "9", "10"], listed
    with open(os.path.join(folder, "rest.csv"), "w", newline="", encoding="utf-8") as file:
        file.write(listed)
    key = {"NOT_THERE": "0x" + "11" * 32}
    Run(folder, "airdrop", "plan", "rest.csv", "--chain", "main", "--from", "payer", env=key
        ).ends(0, out="rows +4\n(.|\n)*total +31\n")
    with Journal(folder) as db:
        db.execute("UPDATE item SET memo = ? WHERE row = 8", (ROWS[2][2],))
    listed = Run(folder, "export", "payroll", "--unpaid").ends(0).out
    assert [row["memo"] for row in csv.DictReader(io.StringIO(listed, newline=""))] == [
        "", ROWS[2][2], "", ""], listed
    with Journal(folder) as db:
        db.execute("UPDATE account SET doubt = 'it is a copy'")
    doubted = Run(folder, "export", "payroll", "--unpaid").ends(0, err="key payer is in doubt: .* rows of payroll")
    assert doubted.out == listed, doubted.out
    Run(folder, "export", "payroll", "--unpaid", "--json").ends(1, err="--unpaid .* is CSV")


# --- pause, resume, retry ------------------------------------------------------------------------


@test
def pause_and_resume(folder):
    """pause and resume record the command, at once and without node or key, twice too"""
    fill(folder)
    for _ in range(2):
        (told,) = Run(folder, "pause", "payroll", "--json").ends(0).json()
        assert told == {"operation": "payroll", "state": "paused"}, told
    (told,) = Run(folder, "status", "--json").json()
    assert told["state"] == "paused" and "pawl resume payroll" in told["waits_for"], told
    for _ in range(2):
        (told,) = Run(folder, "resume", "payroll", "--json").ends(0).json()
        assert told == {"operation": "payroll", "state": "distributing"}, told
    events = sqlite3.connect(os.path.join(folder, "pawl.db")).execute(
        "SELECT to_state FROM event WHERE what = 'command' ORDER BY id").fetchall()
    assert events == [("pause",), ("resume",)], events
    Run(folder, "pause", "payroll").ends(0, out="live is watched by nobody now: pawl serve")
    Run(folder, "resume", "payroll").ends(0)
    for word in ("pause", "resume"):
        quiet = Run(folder, "--quiet", word, "payroll").ends(0)
        assert quiet.out + quiet.err == "", quiet.out + quiet.err


@test
def resume_raises_the_cap(folder):
    """resume --max-total-fee changes the cap, and refuses one that is spent already"""
    fill(folder)
    Run(folder, "resume", "payroll", "--max-total-fee", "2.5").ends(0)
    Run(folder, "status", "payroll").ends(0, out="at most 2.5")
    Run(folder, "resume", "payroll", "--max-total-fee", "0.0001").ends(2, err="0.000168 is spent")
    Run(folder, "resume", "payroll", "--max-total-fee", "1e3").ends(1)
    Run(folder, "resume", "key:payer", "--max-total-fee", "1").ends(1)
    Run(folder, "status", "payroll").ends(0, out="at most 2.5")


@test
def resume_key(folder):
    """resume key:NAME clears the stop, and accepts what was seen"""
    fill(folder)
    (told,) = Run(folder, "resume", "key:payer", "--json").ends(0).json()
    assert told == {"key": "payer", "resumed": False}, told
    with Journal(folder) as db:
        db.execute("UPDATE account SET stopped = 'foreign'")
    (told,) = Run(folder, "resume", "key:payer", "--json").ends(0).json()
    assert told == {"key": "payer", "resumed": True, "accepted": "foreign"}, told
    with Journal(folder) as db:
        assert db.execute("SELECT stopped, accepted_height FROM account").fetchall() == [(None, 17)]
        db.execute("UPDATE account SET accepted_height = 0, stopped ="
                   " 'key payer: another program uses it; then: pawl resume key:payer'")
        for number in (901, 902):
            db.execute(SUSPECT.replace("900, 1", f"{number}, 0"),
                       (blob(0xAF, number), blob(0xCC, 3), amount(5)))
    Run(folder, "resume", "payroll").ends(
        0, out="Accepted: key payer: another program uses it, by 2 transactions; nonces 901 to 902")
    with Journal(folder) as db:
        assert db.execute("SELECT stopped, accepted_height FROM account").fetchall() == [(None, 17)]
    Run(folder, "resume", "key:payr").ends(1, err="did you mean payer")
    Run(folder, "resume", "chain:man").ends(1, err="did you mean main")
    Run(folder, "resume", "chain:main").ends(0, out="was not stopped")


@test
def a_list_whose_fence_waits(folder):
    """a list says what the fence of its account asks for, and the line that accepts it"""
    asks = "it fences 64 nonces; then: pawl resume key:payer"
    fill(folder)
    with Journal(folder) as db:
        add_fence(db, 8, asks)
    told, fence = Run(folder, "status", "--json").ends(0).json()
    assert told["waits_for"] == f"fence-1: {asks}" and fence["waits_for"] == asks, told
    Run(folder, "status", "payroll").ends(0, out="then +pawl resume key:payer\n")
    Run(folder, "status", "payroll").ends(0, out="a resume comes first")
    Run(folder, "explain", "payroll", "8").ends(0, out="to go on: pawl resume key:payer\n")
    Run(folder, "resume", "payroll").ends(4, err="payroll waits for fence-1: it fences 64")
    Run(folder, "pause", "payroll").ends(0)
    Run(folder, "resume", "payroll").ends(0, out="Then: pawl resume key:payer\n")
    Run(folder, "resume", "key:payer").ends(0, out="again")
    told, fence = Run(folder, "status", "--json").ends(0).json()
    assert told["waits_for"] is None and fence["state"] == "distributing", (told, fence)
    with Journal(folder) as db:
        assert db.execute("SELECT accepted = asked FROM fence").fetchall() == [(1,)]
    Run(folder, "pause", "fence-1").ends(0)
    Run(folder, "resume", "payroll").ends(4, err="fence-1: it is paused; then: pawl resume fence-1")
    with Journal(folder) as db:  # nothing is left that needs it
        db.execute("UPDATE item SET state = 2, intent = NULL")
        db.execute("UPDATE operation SET pending_n = 0, live_n = 0, final_n = 10, void_n = 0"
                   " WHERE id = 1")
    Run(folder, "resume", "payroll").ends(0)


SUSPECT = """INSERT INTO consumed
(account, nonce, judgement, hash, height, block_hash, recipient, value, data)
VALUES (1, 900, 1, ?, 3, ?, NULL, ?, x'')"""


# A foreign payment that equals row 4.
BY_HAND = """INSERT INTO consumed
(account, nonce, judgement, hash, height, block_hash, recipient, value, data, payee, amount)
SELECT 1, 901, 0, ?, 3, ?, recipient, amount, x'', recipient, amount FROM item WHERE row = 4"""


def yes_told(folder, *words):
    """The option of the line that a refusal tells."""
    return re.search(r"--yes=[0-9a-f]{8}$", Run(folder, *words).ends(5).err.strip()).group()


@test
def a_payment_that_nobody_knows_is_not_paid_again_blindly(folder):
    """resume refuses where rows seem paid already, until the word that it tells says that they are not"""
    fill(folder)
    with Journal(folder) as db:
        db.execute(SUSPECT, (b"\xab" * 32, b"\xcd" * 32, bytes(32)))
        db.execute("UPDATE account SET stopped = 'suspect'")
    for words in (("key:payer",), ("payroll",), ("payroll", "--yes"), ("payroll", "--yes=00000001")):
        Run(folder, "resume", *words).ends(
            5, err=r"1 transaction that this journal does not know pays its rows.*adopt 0xabab.*"
            f"pawl resume {words[0]} --yes=" "[0-9a-f]{8}$")
    for word in ("2a11caf", "2a11cafe0", "please"):
        Run(folder, "resume", "payroll", "--yes=" + word).ends(1, err=f"'{word}' is no WORD")
    told = yes_told(folder, "resume", "payroll")
    with Journal(folder) as db:
        assert db.execute("SELECT stopped FROM account").fetchall() == [("suspect",)]
        db.execute(SUSPECT.replace("900", "901"), (b"\xac" * 32, b"\xcd" * 32, bytes(32)))
    Run(folder, "resume", "payroll", told).ends(5, err="more came, or some went. 2 transactions")
    Run(folder, "resume", "payroll", yes_told(folder, "resume", "payroll")).ends(0)
    with Journal(folder) as db:
        assert db.execute("SELECT stopped FROM account").fetchall() == [(None,)]
        assert db.execute("SELECT judgement FROM consumed WHERE nonce = 900").fetchall() == [(0,)]


@test
def a_word_is_of_all_accounts_of_a_key(folder):
    """resume key:NAME tells one word for what its accounts suspect, and resumes them by it at once"""
    fill(folder)
    with Journal(folder) as db:
        insert(db, "chain", kind="evm", chain_id=31338, genesis=blob(0x12, 1), name="side", final_height=1)
        insert(db, "account", chain=2, address=bytes(20), key_name="payer", first_nonce=0,
               in_flight_max=64, fee_cap_max=1, accepted_height=0)
        for account in (1, 2):
            db.execute(SUSPECT.replace("(1, 900", f"({account}, 900"),
                       (bytes([account]) * 32, b"\xcd" * 32, bytes(32)))
        db.execute("UPDATE account SET stopped = 'suspect'")
    one, all_of_them = (yes_told(folder, "resume", of) for of in ("payroll", "key:payer"))
    assert one != all_of_them, one
    Run(folder, "resume", "payroll", all_of_them).ends(5, err="1 transaction that this journal does not know")
    Run(folder, "resume", "key:payer", one).ends(5, err="2 transactions that this journal does not know")
    with Journal(folder) as db:
        assert db.execute("SELECT count(*) FROM account WHERE stopped IS NULL").fetchone() == (0,)
    Run(folder, "resume", "key:payer", all_of_them).ends(0)
    with Journal(folder) as db:
        assert db.execute("SELECT count(*) FROM account WHERE stopped IS NULL").fetchone() == (2,)
        assert db.execute("SELECT count(*) FROM consumed WHERE judgement = 1").fetchone() == (0,)


@test
def each_payment_that_nobody_knows_is_told_in_its_turn(folder):
    """a stop asks for what is still to be settled, and for the resume behind the last of it"""
    fill(folder)

    def line():
        (told,) = Run(folder, "status", "--json").json()
        Run(folder, "status").ends(0, out="a (repair and a )?resume comes? first")
        (row,) = Run(folder, "explain", "payroll", "10", "--json").json()
        assert row["unblock"] in told["waits_for"], (row, told)
        return row["unblock"], told["waits_for"]

    with Journal(folder) as db:
        db.execute("UPDATE account SET stopped = 'key payer: row 8; then: pawl resume key:payer'")
        for nonce, row in ((900, 8), (901, 9)):
            db.execute(BY_HAND.replace("901, 0", f"{nonce}, 1").replace("row = 4", f"row = {row}"),
                       (bytes([row]) * 32, b"\xcd" * 32))
    for row in (8, 9):
        want = f"pawl repair payroll {row} adopt 0x{row:02x}"
        first, why = line()
        assert first.startswith(want) and why.endswith("; then: pawl resume key:payer"), why
        with Journal(folder) as db:
            db.execute("UPDATE consumed SET judgement = 3 WHERE hash = ?", (bytes([row]) * 32,))
    assert line() == ("pawl resume key:payer", "key payer: row 8; then: pawl resume key:payer")


@test
def a_row_is_skipped_or_its_nonce_given_back(folder):
    """repair: what is live is neither, without bytes it is both, and the row says so"""
    fill(folder)
    for words, said in ((("5", "skip"), "can still pay it"), (("1", "skip"), "row 1 .* is final"),
                        (("5", "release"), "bytes are signed"), (("4", "release"), "no nonce"),
                        (("fee", "skip"), "can't be skipped")):
        Run(folder, "repair", "payroll", *words).ends(5, err=said)
    for words in (("11", "skip"), ("4294967296", "release")):
        Run(folder, "repair", "payroll", *words).ends(1, err="no row")
    for words in (("0", "skip"), ("-1", "skip"), ("1", "pay"), ("1", "adopt"), ("1", "skip", "0x1"),
                  ("1", "adopt", "0x12")):
        Run(folder, "repair", "payroll", "--", *words).ends(1)
    Run(folder, "repair", "payroll", "7", "release").ends(0, out="pending again, the nonce free")
    (told,) = Run(folder, "repair", "payroll", "4", "skip", "--json").ends(0).json()
    assert told["checked"].startswith("row 4: what was signed for it is dead: paid"), told
    Run(folder, "repair", "payroll", "7", "skip").ends(0, out="row 7: what was signed|no bytes")
    (told,) = Run(folder, "status", "--json").json()
    assert (told["void"], told["skipped"], told["live"]) == (2, 2, 2), told
    Run(folder, "retry", "payroll").ends(0, out="no void row")
    Run(folder, "explain", "payroll", "4").ends(0, out="(?s)skipped.*pawl retry payroll 4")
    Run(folder, "repair", "payroll", "4", "skip").ends(0, out="row 4 is skipped already")
    Run(folder, "repair", "payroll", "8", "release").ends(0, out="is pending already")
    Run(folder, "retry", "payroll", "5").ends(0, out="tried already")
    Run(folder, "retry", "payroll", "1").ends(5, err="is final")
    Run(folder, "retry", "payroll", "4").ends(0, out="1 void row")
    Run(folder, "doctor", "--journal").ends(0)


@test
def a_void_row_that_was_paid_by_hand(folder):
    """retry refuses, and names row and transaction; until the word that it tells, of all rows or of one"""
    fill(folder)
    with Journal(folder) as db:
        db.execute(BY_HAND, (b"\xab" * 32, b"\xcd" * 32))
    for words, line in ((("payroll",), "pawl retry payroll --yes="),
                        (("payroll", "4"), "pawl retry payroll 4 --yes=")):
        Run(folder, "retry", *words).ends(
            5, err="1 void row of payroll seems to be paid.*pawl repair payroll 4 adopt 0x(ab){32}.*" + line)
    with Journal(folder) as db:
        assert db.execute("SELECT state FROM item WHERE row = 4").fetchall() == [(3,)]
    told = yes_told(folder, "retry", "payroll", "4")
    for option in ("--yes", "--yes=00000001"):
        Run(folder, "retry", "payroll", "4", option).ends(5, err=told)
    with Journal(folder) as db:
        db.execute(BY_HAND.replace("901", "902"), (b"\xac" * 32, b"\xcd" * 32))
    Run(folder, "retry", "payroll", "4", told).ends(5, err="not the word for this, or it was told before more came")
    Run(folder, "retry", "payroll", "4", yes_told(folder, "retry", "payroll", "4")).ends(0, out="1 void row")


@test
def retry_void_rows(folder):
    """retry makes void rows pending, once; of what is cancelled it is refused"""
    fill(folder)
    (told,) = Run(folder, "retry", "payroll", "--json").ends(0).json()
    assert told == {"operation": "payroll", "state": "distributing", "retried": 1}, told
    (told,) = Run(folder, "status", "--json").json()
    assert told["void"] == 0 and told["pending"] == 4, told
    Run(folder, "retry", "payroll").ends(0, out="no void row")
    with Journal(folder) as db:
        db.execute("UPDATE operation SET state = 7")
    for command in ("retry", "pause"):
        Run(folder, command, "payroll").ends(5, err="is cancelled")
    Run(folder, "resume", "payroll").ends(5, err="is cancelled.*pawl export payroll --unpaid")
    Run(folder, "cancel", "payroll").ends(0, out="cancelled already")


@test
def what_is_so_already_is_said(folder):
    """a command whose wish is fulfilled says so, and ends with 0, with an owner and without"""
    fill(folder)

    def twice():
        said = (("pause", "payroll"), "payroll is paused already"), \
            (("resume", "payroll"), "payroll is distributing already"), \
            (("resume", "key:payer"), "takes new intents already"), \
            (("resume", "chain:main"), "takes new intents already")
        for words, already in said:
            Run(folder, *words).ends(0)
            Run(folder, *words).ends(0, out=already)

    twice()
    with served(folder):
        twice()
    with Journal(folder) as db:
        db.execute("UPDATE operation SET state = 4")
    Run(folder, "resume", "payroll").ends(0, out="is completed already")
    Run(folder, "pause", "payroll").ends(5)


@test
def cancel_of_what_is_completed(folder):
    """cancel of a completed operation is a conflict"""
    fill(folder, state=4, states=[FINAL] * 10)
    Run(folder, "cancel", "payroll").ends(5, err="nothing to cancel")
    (told,) = Run(folder, "status", "--json").json()
    assert told["eta_s"] == 0 and told["state"] == "completed", told


@contextlib.contextmanager
def served(folder, *more):
    """While somebody else owns the journal; its nodes are out of reach."""
    with subprocess.Popen(
        [PAWL, "serve", *more],
        cwd=folder,
        env={**os.environ, "PAWL_SERVE__LISTEN": "none"},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as owner:
        try:
            deadline = time.monotonic() + 30
            mine = f"Runner: pid {owner.pid} on "
            while mine not in Run(folder, "status", *more).ends(0).out:
                assert owner.poll() is None and time.monotonic() < deadline
            yield owner
        finally:
            owner.kill()


@test
def somebody_else_owns_it(folder):
    """beside an owner reports are read, commands go through its socket, and end as alone"""
    fill(folder)
    with served(folder) as owner:
        Run(folder, "migrate").ends(5, err=f"owned by process {owner.pid} .*kill {owner.pid}")
        (told,) = Run(folder, "pause", "payroll", "--json").ends(0).json()
        assert told == {"operation": "payroll", "state": "paused"}, told
        assert "paused" in Run(folder, "status", "payroll").ends(0).out
        Run(folder, "pause", "payrol").ends(1, err="there is no operation .*did you mean payroll")
        (told,) = Run(folder, "resume", "payroll", "--max-total-fee", "3", "--json").ends(0).json()
        assert told == {"operation": "payroll", "state": "distributing"}, told
        Run(folder, "status", "payroll").ends(0, out="at most 3")
        Run(folder, "resume", "payroll", "--max-total-fee", "0").ends(2, err="is spent or held")
        (told,) = Run(folder, "retry", "payroll", "--json").ends(0).json()
        assert told["retried"] > 0, told
        (told,) = Run(folder, "resume", "key:payer", "--json").ends(0).json()
        assert told == {"key": "payer", "resumed": False}, told
        Run(folder, "resume", "key:payr").ends(1, err="did you mean payer")
        Run(folder, "resume", "chain:main").ends(0, out="was not stopped")
        Run(folder, "explain", "payroll", "1").ends(0)
        assert len(Run(folder, "export", "payroll", "--json").ends(0).json()) == 10
    with Journal(folder) as db:
        said = [row[0] for row in db.execute("SELECT to_state FROM event WHERE what = 'command'")]
    assert said == ["pause", "max-total-fee", "resume", "retry"], said


@test
def the_socket_of_an_owner(folder):
    """it is its owner's alone, and a dead one is replaced"""
    fill(folder)
    path = os.path.join(folder, "pawl.db.sock")
    for _ in range(2):
        with served(folder):
            Run(folder, "pause", "payroll").ends(0)
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert os.path.exists(path)  # it was killed
    Run(folder, "resume", "payroll").ends(0)
    with served(folder) as owner:
        owner.send_signal(signal.SIGTERM)
        owner.wait(10)
    assert not os.path.exists(path)


@test
def the_socket_of_somebody_else(folder):
    """a socket that answers is left alone"""
    fill(folder)
    path = os.path.join(folder, "pawl.db.sock")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        inode = os.stat(path).st_ino
        with served(folder):
            pass
        assert os.stat(path).st_ino == inode


@test
def a_long_way_to_the_socket(folder):
    """a path that no socket may have is no hindrance"""
    deep = os.path.join(folder, "d" * 100, "e" * 100)
    os.makedirs(deep)
    fill(deep)
    config = ("--config", os.path.join(deep, "pawl.yaml"))
    with served(folder, *config):
        Run(folder, "pause", "payroll", *config).ends(0)
        assert os.path.exists(os.path.join(deep, "pawl.db.sock"))


@test
def an_owner_that_has_just_begun(folder):
    """who owns it is not named before it has written who it is"""
    fill(folder)
    with open(os.path.join(folder, "pawl.db"), "r+b") as held:
        fcntl.lockf(held, fcntl.LOCK_EX, 1, OWNER_BYTE)
        run = Run(folder, "pause", "payroll").ends(5, err="another process, which has just begun")
        assert "process 0" not in run.err and "kill" not in run.err, run.err


# --- doctor --------------------------------------------------------------------------------------


def findings(folder, code=1):
    """What doctor found, by what it looked at; each says what to do."""
    *told, end = Run(folder, "doctor", "--json").ends(code).json()
    found = {o["check"]: o["text"] for o in told if not o["ok"]}
    assert all(list(o) == ["check", "of", "ok", "text", "do"] for o in told), told
    assert all(o["do"] for o in told if not o["ok"]), told
    assert end["ok"] == (not found) and end["findings"] >= len(found), end
    return found


@test
def doctor_finds_what_is_wrong(folder):
    """doctor names a key that is not there, a node that is down, and a missing journal"""
    fill(folder)
    found = findings(folder)
    assert set(found) == {"key", "node", "chain"}, found
    assert found["key"] == "the environment variable NOT_THERE is not set", found
    Run(folder, "doctor").ends(1, out="(?s)ok +journal +pawl.db: pages.*do: ", err="findings")
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write("journal: other.db\n")
    found = findings(folder)
    assert set(found) == {"config", "journal"} and "no journal" in found["journal"], found


@test
def doctor_names_each_dead_node(folder):
    """doctor finds each endpoint that does not answer, and calls no such chain tested"""
    init(folder)
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write(CONFIG.replace("[http://127.0.0.1:9]", "[http://127.0.0.1:9, http://127.0.0.1:7]"))
    *told, _ = Run(folder, "doctor", "--json").ends(1).json()
    nodes = [o["of"] for o in told if o["check"] == "node" and not o["ok"]]
    assert nodes == ["main 127.0.0.1:9", "main 127.0.0.1:7"], told
    assert not [o for o in told if o["check"] == "chain" and o["ok"]], told


@test
def a_missing_wal_has_a_way_out(folder):
    """a journal without its -wal says what is certain and where to go on, and so does doctor"""
    fill(folder)
    os.unlink(os.path.join(folder, "pawl.db-wal"))
    Run(folder, "status").ends(6, err="-wal: is missing(.|\n)*is certain(.|\n)*pawl restore .*pawl.db")
    *told, _ = Run(folder, "doctor", "--json").ends(1).json()
    (found,) = (o for o in told if o["check"] == "journal")
    assert not found["ok"] and "put back what is missing" in found["do"], found


@test
def a_file_that_is_no_database_is_told_so(folder):
    """bytes in the journal's place are named as no database, with the way on"""
    init(folder)
    with open(os.path.join(folder, "pawl.db"), "wb") as file:
        file.write(b"\xa5" * 8192)
    run = Run(folder, "status").ends(6, err="^pawl: pawl.db: it is not a database.*pawl restore FILE")
    assert "PRAGMA" not in run.err, run.err


@test
def a_folder_that_is_read_only_is_told_so(folder):
    """where nobody can write, a journal without its -shm says what it needs"""
    fill(folder)
    os.chmod(folder, 0o555)
    os.chown(folder, 65534, 65534) if os.geteuid() == 0 else None
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.endswith("-shm"):
            os.remove(path)
        elif os.geteuid() == 0:
            os.chown(path, 65534, 65534)
    try:
        for words in (["status"], ["migrate"], ["pause", "payroll"]):
            Run(folder, *words, user=65534).ends(
                1, err="pawl.db: .*folder is to be writable, also to read it: .*-shm")
    except PermissionError:
        print("# a folder above is closed to all but root: nobody else can run it here")
    finally:
        os.chmod(folder, 0o755)


@test
def doctor_reads_the_journal(folder):
    """doctor sees totals that are not the sums of their rows, an edited past, a stop"""
    fill(folder)
    with Journal(folder) as db:
        db.execute("UPDATE item SET amount = ? WHERE row = 3", (amount(1),))
    assert "not the sums" in findings(folder)["journal"]
    with Journal(folder) as db:
        db.execute("UPDATE item SET amount = ? WHERE row = 3", (amount(3 * ETHER),))
    Run(folder, "pause", "payroll").ends(0)
    assert "it is paused" in findings(folder)["journal"]
    Run(folder, "resume", "payroll").ends(0)
    assert "journal" not in findings(folder)
    with Journal(folder) as db:
        db.execute("UPDATE event SET why = 'I never did' WHERE id = 2")
    assert "breaks at commit" in findings(folder)["journal"]


@test
def doctor_without_a_chain(folder):
    """doctor of a fresh folder says what comes next"""
    Run(folder, "doctor").ends(1, err="pawl init")
    Run(folder, "init").ends(0)
    Run(folder, "doctor").ends(1, out="(?s)it has no chain.*do: name a chain.*it has no key")


if __name__ == "__main__":
    sys.exit(main())
