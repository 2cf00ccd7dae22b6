#!/usr/bin/env python3
"""The node of a layer 2 starts: each step of the guide is said with its result, and what is
damaged names its procedure and stops nothing but a state that contradicts itself."""

import contextlib
import json
import re
import sqlite3

from bitcoin import Bcoin, Layer
from harness import check, end, main, same, serving, stop, test, wait_until

STEPS = ["data folder", "reorg database", "snapshots", "state", "Bitcoin"]
STEP = re.compile(r"(info|warn)  node: start (\d) of 5, ([a-zA-Z ]+): (.*)")


def apply(desk, *changes):
    path = desk.folder / "changes"
    path.write_text("".join(json.dumps(change) + "\n" for change in changes))
    desk.expect(0, "node", "apply", "changes")


def started(desk):
    """A start: its daemon, and {step: (level, what was said)}."""
    daemon = serving(desk)
    wait_until(lambda: "node: started: " in daemon.paths[1].read_text(), 60, "it started", 0.02)
    said = daemon.paths[1].read_text()
    steps = [match.groups() for match in map(STEP.search, said.splitlines()) if match]
    same(sorted((int(n), step) for _, n, step, _ in steps), list(enumerate(STEPS, 1)),
         f"each step is said once: {said}")
    return daemon, {step: (level, what) for level, _, step, what in steps}


def well(steps, *others):
    for step in STEPS:
        if step not in others:
            same(steps[step][0], "info", f"{step}: {steps[step][1]}")


def break_newest(log):
    """A digit of the last balance of the newest snapshot is another one."""
    text = log.read_bytes()
    at = text.rindex(b'balance "bob" ') + len(b'balance "bob" ')
    log.write_bytes(text[:at] + b"9" + text[at + 1:])


@test
def each_step_is_said_with_its_result():
    with Bcoin(blocks=12) as node, Layer(node) as desk:
        desk.folder.chmod(0o700)
        log = desk.folder / "l2_snapshots.dat"
        daemon, steps = started(desk)  # nothing is there yet
        well(steps)
        check("up to block 12" in steps["Bitcoin"][1], steps["Bitcoin"][1])
        stop(desk, daemon)

        apply(desk, {"do": "credit", "peer": "ann", "amount": "5"},
              {"do": "credit", "peer": "bob", "amount": "7"})
        desk.expect(0, "node", "create-anchor")
        daemon, steps = started(desk)
        well(steps)
        check("that of the newest snapshot" in steps["state"][1], steps["state"][1])
        apply(desk, {"do": "transfer", "from": "ann", "to": "bob", "amount": "1"})
        end(daemon)  # SIGKILL, and a torn snapshot; blocks come meanwhile
        with open(log, "ab") as out:
            out.write(b"SNAPSHOT v1\ntimestamp_ms 17")
        node.reorg(3, miner=1, more=2)
        daemon, steps = started(desk)
        well(steps)
        check("by 1 change, which the journal keeps" in steps["state"][1], steps["state"][1])
        check("torn behind it is passed over" in steps["snapshots"][1], steps["snapshots"][1])
        check("up to block 14, which was 12 before; 1 reorg since" in steps["Bitcoin"][1],
              steps["Bitcoin"][1])
        stop(desk, daemon)
        damaged(desk, log)


def damaged(desk, log):
    """What is wrong with files is said, with what to type, and the rest goes on."""
    desk.expect(0, "node", "create-anchor")
    break_newest(log)
    desk.folder.chmod(0o777)
    for part in desk.database.glob("MANIFEST-*"):
        part.unlink()
    daemon, steps = started(desk)
    well(steps, "snapshots", "data folder", "reorg database", "state")
    check("chmod go-w" in steps["data folder"][1], steps["data folder"][1])
    check("procedure 2: pawl node recover --latest-valid" in steps["snapshots"][1],
          steps["snapshots"][1])
    check("procedure 3" in steps["reorg database"][1], steps["reorg database"][1])
    stop(desk, daemon)
    desk.folder.chmod(0o700)
    desk.expect(0, "node", "recover", "--latest-valid")
    desk.expect(0, "node", "rebuild-reorg-db")
    daemon, steps = started(desk)
    well(steps)
    stop(desk, daemon)

    log.write_text("SNAPSHOT v1\n")  # and then no snapshot at all
    daemon, steps = started(desk)
    check("procedure 1: pawl node restore" in steps["snapshots"][1], steps["snapshots"][1])
    stop(desk, daemon)

    with contextlib.closing(sqlite3.connect(desk.journal, isolation_level=None)) as db:
        db.execute("UPDATE node_balance SET amount = amount + 1 WHERE peer = X'626f62'")
        told = desk.ended(desk.start("serve"))
    same(told.code, 6, f"exit of a start on an altered state: {told.err}")
    check("layer-2 state" in told.err, told.err)
    desk.sound = False


main()
