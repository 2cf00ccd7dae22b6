"""A journal that the program made, filled by hand: ten rows in every state of a row."""

import hashlib
import os
import sqlite3
import time

from program import Run

SENDER = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"
CONFIG = """chains:
  main:
    kind: evm
    chain_id: 31337
    endpoints: [http://127.0.0.1:9]
    finality: {depth: 12}
keys:
  payer: {source: "env:NOT_THERE"}
"""
OWNER_BYTE = 1 << 62  # of the database file: locked by whoever owns it
PENDING, LIVE, FINAL, VOID = range(4)
GWEI = 10**9
ETHER = 10**18
STAGES = ("awaiting_funds", "building", "distributing")
# state of a row; its amount in ether; its memo
ROWS = (
    (FINAL, 1, None),
    (FINAL, 2, 'a "quoted", memo'),
    (FINAL, 3, "two\nlines\tx\x01"),
    (VOID, 4, None),
    (LIVE, 5, None),
    (LIVE, 6, None),
    (LIVE, 7, "Zürich"),
    (PENDING, 8, None),
    (PENDING, 9, None),
    (PENDING, 10, None),
)


def amount(value):
    return value.to_bytes(32, "big")


def blob(tag, number, size=32):
    return bytes([tag]) * (size - 4) + number.to_bytes(4, "big")


def init(folder):
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        os.chmod(file.fileno(), 0o600)
        file.write(CONFIG)
    Run(folder, "init").ends(0)


def insert(db, table, **values):
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    query = f"INSERT INTO {table} ({names}) VALUES ({marks})"
    return db.execute(query, list(values.values())).lastrowid


class Journal:
    """The journal of a folder, opened to be filled."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "pawl.db")
        self.db = None

    def __enter__(self):
        self.db = sqlite3.connect(self.path)
        return self.db

    def __exit__(self, *_):
        self.db.commit()
        with open(self.path + "-wal", "rb") as file:
            wal = file.read()
        self.db.close()
        with open(self.path + "-wal", "wb") as file:
            file.write(wal)  # Python's SQLite takes it away, and that is damage


def add_intent(db, operation, row, state):
    """One intent of a row, with one attempt; of the last live row with none."""
    included = state in (FINAL, VOID) or row == 6
    recipient, value = blob(0xAA, row, 20), amount(ROWS[row - 1][1] * ETHER)
    intent = insert(
        db, "intent", operation=operation, row=row, account=1, nonce=100 * operation + row,
        state={FINAL: 2, VOID: 3, LIVE: 0 if row == 7 else 1}[state], emptied=0,
        recipient=recipient, value=value, data=b"", cost=amount(0), held=amount(0),
        proof="paid: seen" if included else None,
    )
    if row == 7 and state == LIVE:
        return intent
    attempt = insert(
        db, "attempt", intent=intent, account=1, hash=blob(0xBB, 100 * operation + row),
        raw=b"", empty=0, fee_type=2, gas=21000, max_fee=3 * GWEI, tip=GWEI,
        signed_height=4, state=(5 if state in (FINAL, VOID) else 1) if included else 0,
        height=10 + row if included else None,
        block_hash=blob(0xCC, row) if included else None,
        status=int(state != VOID) if included else None,
        gas_used=21000 if included else None, gas_price=2 * GWEI if included else None,
        paid=value if included and state != VOID else None,
        word=None if included else "node.example:8545: replacement underpriced",
    )
    db.execute("UPDATE intent SET attempt = ? WHERE id = ?", (attempt, intent))
    return intent


def plan():
    """The name of what is planned, as src/kinds/airdrop/plan_hash.h has it."""
    sha = hashlib.sha256(b"pawl plan 1" + (31337).to_bytes(8, "big") + blob(0x11, 1) + bytes(21))
    sha.update(bytes([18]) + bytes.fromhex(SENDER[2:]) + bytes(52))
    for row, (_, ether, memo) in enumerate(ROWS, 1):
        text = (memo or "").encode()
        sha.update(blob(0xAA, row, 20) + amount(ether * ETHER) + bytes([memo is not None])
                   + len(text).to_bytes(4, "big") + text)
    sha.update(len(ROWS).to_bytes(8, "big"))
    return sha.digest()


def totals(states):
    """The columns of an operation for rows in these states."""
    ret = {}
    for code, name in enumerate(("pending", "live", "final", "void", "refunded")):
        rows = [i for i, state in enumerate(states) if state == code]
        ret[name + "_n"] = len(rows)
        ret[name + "_sum"] = amount(sum(ROWS[i][1] * ETHER for i in rows))
    return ret


def add_events(db, operation, stages, items):
    """What moved, in the commit that is the last one: as the program tells it."""
    events = [(0, "operation", before, after) for before, after in zip(("", *stages), stages)]
    for row, state in enumerate(items, 1):
        way = ("pending", "live", "final" if state == FINAL else "void")[:1 + min(state, 2)]
        events += [(row, "item", *move) for move in zip(way, way[1:])]
    commit, last = db.execute("SELECT commit_no, events FROM journal").fetchone()
    link = hashlib.sha256(bytes(32) + commit.to_bytes(8, "big"))
    for number, (row, *texts) in enumerate(events, last + 1):
        link.update(number.to_bytes(8, "big") + row.to_bytes(8, "big"))
        link.update(b"".join(text.encode() + b"\0" for text in (*texts, "")))
        insert(db, "event", id=number, commit_no=commit, operation=operation, row=row,
               what=texts[0], from_state=texts[1], to_state=texts[2], why="")
    insert(db, "link", operation=operation, commit_no=commit, hash=link.digest(),
           at_ms=int(time.time() * 1000))
    db.execute("UPDATE journal SET events = ?, link = ?", (last + len(events), link.digest()))


def add_operation(db, name, state=2, states=None, waits_for=None):
    states = [row[0] for row in ROWS] if states is None else states
    now = int(time.time() * 1000)
    total = sum(row[1] for row in ROWS) * ETHER
    operation = insert(
        db, "operation", kind="airdrop", name=name, plan=plan(), again=0, chain=1,
        account=1, state=state, back_to=2, waits_for=waits_for, cap=amount(ETHER),
        items=len(ROWS), planned=amount(total), fees_final=amount(4 * 21000 * 2 * GWEI),
        fees_held=amount(0), started_ms=now - 20000, ended_ms=None, **totals(states),
    )
    insert(
        db, "airdrop", operation=operation, token=None, decimals=18, symbol="",
        fee_amount=amount(0), fee_recipient=None, file="list.csv", file_hash=blob(0xEE, 1),
        imported=10, built=10, frozen=1, gas=21000, fee_gas=21000,
    )
    for ordinal, (stage, ago) in enumerate(((0, 20000), (1, 15000), (2, 10000)), 1):
        insert(db, "stage", operation=operation, ordinal=ordinal, state=stage,
               entered_ms=now - ago)
    for row, (_, ether, memo) in enumerate(ROWS, 1):
        item = states[row - 1]
        intent = add_intent(db, operation, row, item) if item != PENDING else None
        insert(
            db, "item", operation=operation, row=row, line=row + 1,
            recipient=blob(0xAA, row, 20), amount=amount(ether * ETHER), memo=memo,
            state=item, intent=intent if item == LIVE else None,
            reason="reverted" if item == VOID else None,
        )
    add_events(db, operation, STAGES + {2: (), 4: ("completed",), 8: ("needs_operator",)}[state],
               states)
    return operation


def add_fence(db, state=2, waits_for=None):
    """The account is in doubt, and has a fence."""
    nothing = totals([])
    db.execute("UPDATE account SET doubt = 'it is a copy'")
    operation = insert(
        db, "operation", kind="fence", name="fence-1", plan=blob(0xFE, 1), again=0, chain=1,
        account=1, state=state, back_to=2, waits_for=waits_for, cap=amount(GWEI), items=0,
        planned=amount(0), fees_final=amount(0), fees_held=amount(0), started_ms=1,
        ended_ms=None, **nothing,
    )
    insert(db, "fence", operation=operation, below=170, why="it is a copy",
           asked=amount(ETHER), accepted=None)
    insert(db, "stage", operation=operation, ordinal=1, state=state, entered_ms=1)
    return operation


def fill(folder, names=("payroll",), **more):
    """A journal with a chain, an account and operations."""
    init(folder)
    with Journal(folder) as db:
        insert(db, "chain", kind="evm", chain_id=31337, genesis=blob(0x11, 1), name="main",
               final_height=12)
        insert(db, "block", chain=1, height=17, hash=blob(0x22, 1), parent=blob(0x22, 0),
               base_fee=GWEI)
        insert(db, "account", chain=1, address=bytes.fromhex(SENDER[2:]), key_name="payer",
               first_nonce=0, in_flight_max=64, fee_cap_max=500 * GWEI, accepted_height=0)
        for name in names:
            add_operation(db, name, **more)
