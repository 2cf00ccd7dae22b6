#!/usr/bin/env python3
"""The node of a layer 2 starts: each step of the guide is said with its result, and what is
damaged names its procedure and stops nothing but a state that contradicts itself."""

import contextlib
import http.client
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys

from bitcoin import Bcoin, Layer
from harness import check, end, main, same, serving, stop, test, wait_until

sys.path.append(str(pathlib.Path(__file__).parent.parent / "cli"))
from rocks import Rocks  # pylint: disable=wrong-import-position

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


class Served(Layer):
    """It also serves HTTP, at a port of the system's choice."""

    def configure(self, endpoints, depth, **more):
        super().configure(endpoints, depth, **more)
        with open(self.folder / "pawl.yaml", "a", encoding="utf-8") as config:
            config.write(f"serve: {{tokens: {{t: file:{self.folder}/token}}, metrics_open: true}}\n")
        (self.folder / "token").touch(0o600)
        (self.folder / "token").write_text("a-token-of-the-tests-0123456789")
        self.env["PAWL_SERVE__LISTEN"] = "127.0.0.1:0"


def ask(daemon, path):
    """What it answers, at the port that it names in its log."""
    port = re.search(r"HTTP on 127\.0\.0\.1:(\d+)", daemon.paths[1].read_text())[1]
    link = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
    link.request("GET", path)
    body = link.getresponse().read().decode()
    link.close()
    return body


def figures(daemon):
    lines = [line for line in ask(daemon, "/metrics").splitlines() if line.startswith("pawl_node")]
    return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines)}


def health(daemon):
    return json.loads(ask(daemon, "/health"))["components"]["node"]


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
    check("procedure 2: pawl node recover --latest-valid" in steps["snapshots"][1], steps["snapshots"][1])
    stop(desk, daemon)

    with contextlib.closing(sqlite3.connect(desk.journal, isolation_level=None)) as db:
        db.execute("UPDATE node_balance SET amount = amount + 1 WHERE peer = X'626f62'")
        told = desk.ended(desk.start("serve"))
    same(told.code, 6, f"exit of a start on an altered state: {told.err}")
    check("layer-2 state" in told.err, told.err)
    desk.sound = False


@test
def health_metrics_and_status_know_of_the_node():
    with Bcoin(blocks=12) as node, Served(node) as desk:
        desk.folder.chmod(0o700)
        out = {"txid": "aa" * 32, "vout": 1, "source": "s", "dest": "bob"}
        apply(desk, {"do": "credit", "peer": "ann", "amount": "50"},
              {"do": "debit", "peer": "ann", "amount": "8"},
              {"do": "pegin", "amount": "50000", **out})
        desk.expect(0, "node", "create-anchor")
        daemon, _ = started(desk)
        told = health(daemon)
        full = "is free" in told.get("why", "")  # of this machine
        same((told["status"], told["started"], told["height"]),
             ("degraded" if full else "healthy", True, 12), f"{told}")
        same({step: told["steps"][step]["how"] for step in STEPS}, dict.fromkeys(STEPS, "well"),
             "steps")
        # its first backup is made meanwhile, and looked at behind that
        wait_until(lambda: figures(daemon).get("pawl_node_backup_age_seconds", 9e9) < 60, 30,
                   "a backup", 0.05)
        text = ask(daemon, "/metrics")
        judged = subprocess.run([shutil.which("promtool"), "check", "metrics"], input=text,
                                capture_output=True, text=True, check=False)
        same((judged.returncode, judged.stdout + judged.stderr), (0, ""), text)
        got = figures(daemon)
        for series, value in {
                "pawl_node_started": 1, 'pawl_node_step_trouble{step="state"}': 0,
                "pawl_node_height": 12, "pawl_node_anchor_without_block": 0,
                "pawl_node_backups": 1, "pawl_node_backup_failed": 0,
                "pawl_node_minted_total": 50, "pawl_node_burned_total": 8, "pawl_node_supply": 42,
                'pawl_node_records{list="pegins"}': 1, 'pawl_node_anchors{status="pending"}': 1,
                'pawl_node_pegs{direction="in",status="initiated"}': 1,
                "pawl_node_backup_every_seconds": 3600}.items():
            same(got.get(series), value, series)
        check(got["pawl_node_snapshot_log_bytes"] > 100, "the log")
        check(got["pawl_node_reorg_db_bytes"] > 100, "the database")
        apply(desk, {"do": "pegin_fail", "peg": next(iter(told_pegs(desk)))})
        got = figures(daemon)
        same((got['pawl_node_pegs{direction="in",status="initiated"}'],
              got['pawl_node_pegs{direction="in",status="failed"}']), (0, 1), "pegs by status")
        said = desk.expect(0, "status").out
        check("supply 42 (50 minted, 8 burned)" in said, said)
        stop(desk, daemon)

        log = desk.folder / "l2_snapshots.dat"
        with open(log, "r+b") as file:  # a hole: it takes no room
            file.truncate(5001 * 2**20)
        said = desk.expect(0, "status").out
        check("the log of snapshots is large; then: pawl node prune" in said, said)
        with open(log, "r+b") as file:
            file.truncate(0)
        stop_backups(desk)


def told_pegs(desk):
    return [row["pegin"]["id"] for row in desk.told("state") if "pegin" in row]


def stop_backups(desk):
    """What can't be copied is an alert."""
    folder = desk.folder / "backups"
    shutil.rmtree(folder)
    folder.write_text("no folder")
    desk.expect(0, "node", "create-anchor")
    with contextlib.closing(sqlite3.connect(desk.journal, isolation_level=None)) as db:
        db.execute("UPDATE node_anchor SET made_ms = made_ms - 17 * 3600000")  # 102 blocks of Bitcoin
        daemon, _ = started(desk)
    wait_until(lambda: figures(daemon)["pawl_node_backup_failed"] == 1, 30, "it is said", 0.05)
    wait_until(lambda: figures(daemon)["pawl_node_anchor_without_block"] == 1, 30, "and this", 0.05)
    told = health(daemon)
    same(told["status"], "degraded", f"{told}")
    stop(desk, daemon)


def findings(desk, code):
    """{(what, whose last part): (what is wrong, what to do)} of node doctor."""
    rows = [json.loads(line) for line in desk.expect(code, "node", "doctor", "--json").out.splitlines()]
    return {(row["check"], row["of"].rsplit("/", 1)[-1]): (row["text"], row["do"])
            for row in rows if row.get("ok") is False and "check" in row
            and "free on its file system" not in row["text"]}  # that is this machine's


def coinbase(node, height):
    return node("getblock", node("getblockhash", height))["tx"][0]


@test
def doctor_names_procedures_and_divergence_is_measured():
    with Bcoin(blocks=12) as node, Layer(node) as old, Layer(node) as desk:
        apply(old, {"do": "credit", "peer": "bob", "amount": "7"})
        old.expect(0, "node", "create-anchor")
        log = desk.folder / "l2_snapshots.dat"
        log.write_bytes((old.folder / "l2_snapshots.dat").read_bytes())
        log.chmod(0o600)
        desk.folder.chmod(0o700)
        with open(desk.folder / "pawl.yaml", encoding="utf-8") as file:
            config = file.read()
        desk.folder.joinpath("pawl.yaml").write_text(
            config.replace("data_dir: .", "data_dir: ., max_divergence: 5"))
        # of another journal, and its anchor in the newest block, as the database has it
        root = json.loads(desk.expect(0, "node", "verify", "--json").out)["newest"]
        with Rocks(desk.database) as db:
            db.put(f"anchor:{root['anchor']}", f"{root['anchor']}|{coinbase(node, 12)}|0|0|0|0|0|{root['root']}")
        desk.database.chmod(0o700)
        same(findings(desk, 1)["state", "pawl.db"][1],
             "pawl node import ./l2_snapshots.dat takes it in; of what made it no id is known: send none of it again", "state")
        unknown = desk.expect(2, "node", "divergence")
        check("is in no block yet" in unknown.err, unknown.err)
        desk.expect(0, "node", "import", str(log))
        daemon, steps = started(desk)
        well(steps)
        wait_until(lambda: desk.run("node", "divergence").code == 0, 60, "its block is known", 0.05)
        told = desk.expect(0, "node", "divergence").out
        same(told, "Snapshot is 0 blocks behind Bitcoin\n", "divergence")
        node.mine(6)
        wait_until(lambda: "Large divergence detected: the newest snapshot is 6 blocks"
                   in daemon.paths[1].read_text(), 30, "the log warns", 0.05)
        # a log runs ahead of the commit that status reads
        wait_until(lambda: "Large divergence detected: the newest snapshot is 6 blocks"
                   in desk.expect(0, "status").out, 30, "status warns", 0.05)
        told = desk.expect(2, "node", "divergence").out
        same(told, "Snapshot is 6 blocks behind Bitcoin\nWarning: Large divergence detected\n", "divergence")
        # the daemon's own first one may not be ready yet
        wait_until(lambda: desk.run("node", "backup").code == 0, 30, "a backup", 0.1)
        found = findings(desk, 1)
        same(list(found), [("anchor", "l2_snapshots.dat")], f"{found}")
        said = desk.expect(1, "node", "doctor").out
        check(f"the daemon of this journal, process {daemon.pid}, has its lock" in said, said)
        owned = f"open in process {daemon.pid}, which has the operating system's lock"
        # the guide's advice, beside a daemon that lives: nobody else gets in
        (desk.folder / "reorg_db" / "LOCK").unlink()
        runs = f"the daemon of this journal runs, process {daemon.pid}"
        for command, why in ((["init-reorg-db", "--path", str(desk.folder / "reorg_db")], owned),
                             (["rebuild-reorg-db"], runs), (["restore", "--only", "reorg-db"], runs)):
            told = desk.expect(5, "node", *command)
            check(why in told.err, told.err)
        # procedure 3 without its first step: nor is another put where it was
        (desk.folder / "reorg_db").rename(desk.folder / "reorg_db.corrupted")
        for command in (["rebuild-reorg-db"], ["restore", "--only", "reorg-db"]):
            check(runs in desk.expect(5, "node", *command).err, "it is replaced beside its daemon")
        (desk.folder / "reorg_db.corrupted").rename(desk.folder / "reorg_db")
        # the way out that is named, of a layer in which nothing has changed since
        desk.expect(0, "node", "create-anchor", "--again")
        told = desk.expect(2, "node", "divergence").err
        # the daemon tells the database of it in a moment, or has by now
        known = "is in no block yet" in told or "the reorg database does not know" in told
        check(known and root["anchor"] not in told, told)
        stop(desk, daemon)
        ill(desk, log)


def ill(desk, log):
    """Each thing that is wrong has its procedure, and exit 2 where a file is damaged."""
    whole, database = log.read_bytes(), desk.folder / "reorg_db"
    apply(desk, {"do": "credit", "peer": "bob", "amount": "7"})
    desk.expect(0, "node", "create-anchor")
    break_newest(log)
    desk.folder.chmod(0o770)
    for sums in desk.folder.glob("backups/l2_snapshots_2*.bak"):
        sums.write_bytes(b"x" + sums.read_bytes()[1:])
    with Rocks(database) as db:
        db.put(f"block:{3:020}", "no|hash")
    found = findings(desk, 2)
    check("pawl node recover --latest-valid" in found["log", "l2_snapshots.dat"][1], f"{found}")
    check("pawl node rebuild-reorg-db" in found["database", "reorg_db"][1], f"{found}")
    check("it was altered" in found["backup", "backups"][0], f"{found}")
    check("chmod go-w" in found["files", "."][1], f"{found}")
    log.write_bytes(b"SNAPSHOT v1\ntimestamp_ms 17")
    found = findings(desk, 2)
    check("pawl node recover --latest-valid" in found["log", "l2_snapshots.dat"][1], f"{found}")
    check((database / "LOCK").exists(), "nothing is deleted")
    log.write_bytes(whole)
    shutil.rmtree(database)
    found = findings(desk, 2)  # the backup is still what it was made
    check("pawl node rebuild-reorg-db" in found["database", "reorg_db"][1], f"{found}")


main()
