#!/usr/bin/env python3
"""The crash recovery guide, word for word in guide/guide.txt: each block of it.

usage: test_guide.py PAWL

Commands are typed as printed. What the guide says in C++, or draws, is asked of a node by what is typed
here for it. Paths are moved to a folder of the test; systemctl, journalctl, sudo, chown, date and
bitcoin-cli are those of guide/: the node that systemctl starts and stops is a real pawl serve.

Speaks TAP.
"""

import contextlib
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import time

from bitcoind import Bitcoind, Chain, Server, block_hash
from program import PAWL, Run, environment, main, said, test, unwarned
from rocks import Rocks
from snapshots import Snapshot, write

HERE = pathlib.Path(__file__).parent / "guide"
SCRIPT = pathlib.Path(__file__).parents[2] / "ops" / "recovery" / "test_recovery.sh"
HEADING_OR_BLOCK = re.compile(r"^#+ ([^\n]+)$|^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)


def blocks_of(text):
    """{(heading, number below it): (language, block)}"""
    found, heading, number = {}, "", 0
    for title, language, block in HEADING_OR_BLOCK.findall(text):
        heading, number = (title, 0) if title else (heading, number + 1)
        if number:
            found[heading, number] = language, block
    assert text.count("```") == 2 * len(found)
    return found


BLOCKS = blocks_of((HERE / "guide.txt").read_text(encoding="utf-8"))
COMMANDS = {block for block, (language, _) in BLOCKS.items() if language == "bash"}
typed, shown = set(), set()


def shows(heading, number=1):
    """A block that is no command, for a test of what it says."""
    shown.add((heading, number))
    return BLOCKS[heading, number][1]


def calls(heading, number=1):
    """The functions that a block of C++ calls, in their order."""
    return re.findall(r"\b(\w+)\(", shows(heading, number))


class Node:
    """The machine that the guide is about, in a folder."""

    def __init__(self, folder):
        self.folder, self.home = folder, pathlib.Path(folder)
        self.data = self.home / "ailee"
        self.log = self.data / "l2_snapshots.dat"
        for name in sorted(tools_of(*COMMANDS) | {"pawl"}):
            os.symlink(SCRIPT if name == SCRIPT.name else PAWL, self.home / name)
        (self.home / "tmp").mkdir()
        Run(folder, "init").ends(0)
        # nobody answers there
        self.config("journal: pawl.db", "chains:", "  local: {kind: evm, chain_id: 31337, finality: {depth: 12}, "
                    'endpoints: ["http://127.0.0.1:9"]}', "serve: {listen: none}", f"node: {{data_dir: {self.data}}}")
        Run(folder, "node", "init").ends(0)

    def config(self, *lines):
        (self.home / "pawl.yaml").write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def bash(self, text, **more):
        """(exit code, standard output, standard error)"""
        done = subprocess.run(
            ["bash", "-c", text], cwd=self.folder, capture_output=True, encoding="utf-8", timeout=60, check=False,
            env={**environment(), "PATH": f"{HERE}:{os.environ['PATH']}", "GUIDE_HOME": self.folder,
                 "GUIDE_PAWL": PAWL, "TMPDIR": str(self.home / "tmp"), **more})
        said.append(done.stdout + done.stderr)
        # no key of a config: it is how a build with defects is told which
        return done.returncode, done.stdout, unwarned(done.stderr)

    def types(self, heading, *replaced):
        """A block as it is printed, but for paths and what is replaced."""
        text = BLOCKS[heading, 1][1]
        for what, by in (("/tmp/", f"{self.home}/tmp/"), ("/var/lib/ailee", self.data), *replaced):
            assert what in text or what.startswith("/"), what
            text = text.replace(what, str(by))
        typed.add((heading, 1))
        return self.bash(text)

    def follows(self, bitcoin):
        self.config("journal: pawl.db", "chains:", "  btc: {kind: bitcoin, network: regtest, poll_ms: 50, "
                    f"finality: {{depth: 6}}, endpoints: ['{bitcoin.url}']}}", "serve: {listen: none}",
                    f"node: {{chain: btc, data_dir: {self.data}}}")

    def starts(self, until="node: started: "):
        """What the log of a start says until then: else until each of its steps has ended."""
        before = self.bash("journalctl -u ailee-node")[1]
        assert self.bash("systemctl start ailee-node")[0] == 0
        deadline = time.monotonic() + 60
        while until not in (said := self.bash("journalctl -u ailee-node")[1][len(before):]):
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        return said

    def is_up(self):
        return Run(self.folder, "status", "--json").ends(0) and self.bash("flock -n running true")[0] != 0

    def verified(self):
        return self.bash(f"./ailee_l2_verify --snapshot {self.log}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bash("systemctl stop ailee-node")


def tools_of(*names):
    return {tool for name in names
            for tool in re.findall(r"\./(ailee_\w+|test_\w+\.sh)", BLOCKS[name][1])}


def as_printed(text):
    """A pattern, and the exit code: what the guide cuts short is a hash."""
    code = re.search(r"\n<exit code (\d+)>\n", text)
    text = re.sub(r"<exit code \d+>\n", "", text)
    return re.sub(r"[0-9a-f]{8}\\\.\\\.\\\.", "[0-9a-f]{64}", re.escape(text)), int(code[1]) if code else 0


OLD, MID = Snapshot({"a": 1}), Snapshot({"a": 2}, at_ms=1700000000001)
NEW = Snapshot({"a": 3}, at_ms=1700000000002)
BROKEN = NEW.text.replace('"a" 3', '"a" 4')


@test
def validated(folder):
    """Validate L2 Snapshot: the output that the guide expects, and the exit code"""
    with Node(folder) as node:
        for number, last in ((2, NEW), (3, BROKEN)):
            write(node.log, OLD, last)
            printed, wanted = as_printed(shows("Validate L2 Snapshot", number))
            code, out, err = node.types("Validate L2 Snapshot")
            told = "".join((out + err).splitlines(True)[:printed.count("\n")])
            assert code == wanted and re.fullmatch(printed, told), (number, code, out, err)


@test
def latest_is_restored(folder):
    """Procedure 1: the backup is put in place of a log that fails, and the node is up again"""
    with Node(folder) as node:
        write(node.log, OLD, MID, BROKEN)
        write(node.data / "backups" / "l2_snapshots_latest.dat.bak", OLD, MID)
        assert node.bash("systemctl start ailee-node")[0] == 0 and node.is_up()
        code, out, err = node.types("Procedure 1: Restore from Latest Snapshot")
        assert code == 0 and "Anchor verification failed" in err and out.startswith("Computed L2StateRoot: ")
        assert node.verified() == (0, MID.verified, "") and node.is_up()


@test
def earlier_is_restored(folder):
    """Procedure 2: all are taken apart and verified, and the newest valid one is put in place"""
    with Node(folder) as node:
        write(node.log, OLD, MID, BROKEN)
        code, out, err = node.types("Procedure 2: Restore from Earlier Snapshot", ("snapshot_12345", "snapshot_2"))
        assert code == 0 and out.count("Verification OK.") == 2, (code, out, err)
        assert re.search(rf"Verifying {node.home}/tmp/snapshots/snapshot_2.dat\.\.\.\n{MID.verified}", out), out
        assert node.verified() == (0, MID.verified, "") and node.is_up()


@test
def last_valid_is_found(folder):
    """State root mismatch after recovery: the loop finds the last valid snapshot"""
    with Node(folder) as node:
        write(node.log, OLD, MID, BROKEN)
        code, out, err = node.types("Issue: State root mismatch after recovery")
        assert code == 0 and f"Found valid snapshot: {node.home}/tmp/snapshots/snapshot_2.dat\n" in out, (out, err)
        assert node.verified() == (0, MID.verified, "") and node.is_up()


@test
def database_is_rebuilt(folder):
    """Procedure 3: the database is set aside, made anew, and filled with hashes from a Bitcoin node"""
    with Node(folder) as node, Bitcoind(130) as bitcoin:
        (node.data / "reorg_db" / "CURRENT").write_text("damaged")
        code, out, err = node.types("Procedure 3: Rebuild Reorg Database",
                                    ("<last_known_height>", "100"), ("http://localhost:8332", bitcoin.url))
        assert (code, err) == (0, "") and "Resynced blocks 100 to 130: 31 hashes\n" in out, (code, out, err)
        assert (node.data / "reorg_db.corrupted").is_dir() and node.is_up()
        node.bash("systemctl stop ailee-node")
        with Rocks(node.data / "reorg_db") as db:
            assert db.all() == {f"block:{n:020}": block_hash(n) for n in range(100, 131)}


@test
def node_is_asked_as_the_config_says(folder):
    """the guide names no password: a node that wants one is asked as the config says, by either name"""
    with Node(folder) as node, Bitcoind(12, login="__cookie__:abc") as bitcoin:
        resync = f"./ailee_resync_blocks --start-height 10 --db-path {node.data}/reorg_db --bitcoin-rpc "
        code, _, err = node.bash(resync + bitcoin.url)
        assert code == 1 and "401" in err, err
        (node.home / "cookie").write_text("__cookie__:abc")
        node.config("journal: pawl.db", "chains:", "  btc: {kind: bitcoin, network: regtest, finality: {depth: 6}, "
                    f"endpoints: [{{url: '{bitcoin.url}', cookie: cookie}}]}}")
        for url in (bitcoin.url, bitcoin.url.replace("127.0.0.1", "localhost") + "/"):
            assert node.bash(resync + url) == (0, "Resynced blocks 10 to 12: 3 hashes\n", ""), url


@test
def all_is_begun_anew(folder):
    """Procedure 4: files are set aside and made anew, and the state of the journal is anchored again"""
    with Node(folder) as node:
        Run(folder, "node", "apply", "-", stdin='{"do":"credit","peer":"a","amount":7}').ends(0)
        state = Run(folder, "node", "state", "--json").ends(0).out
        (node.home / "tmp" / "current_state.json").write_text(state, encoding="utf-8")
        write(node.log, BROKEN)
        code, out, err = node.types("Procedure 4: Complete Reset (Last Resort)")
        told = re.search(r"^L2StateRoot: (\w+)\nAnchor: (\w+) PENDING\n", out, re.M)
        assert code == 0 and not err and told and told[1] in state, (code, out, err)
        assert (node.data / "recovery_1739577600" / "l2_snapshots.dat").read_text() == BROKEN
        assert (node.data / "recovery_1739577600" / "reorg_db" / "CURRENT").exists()
        assert node.verified() == (
            0, f"Computed L2StateRoot: {told[1]}\nAnchor verified: {told[2]}\nVerification OK.\n", "")
        assert node.is_up()
        Run(folder, "node", "anchors").ends(0, out=f"^{told[2]} PENDING, waits for its transaction.*\nPending: 1\n")


@test
def a_second_passes(folder):
    """Procedure 4 asks for the time twice: where it goes on, what is archived nowhere is no state"""
    with Node(folder) as node:
        Run(folder, "node", "apply", "-", stdin='{"do":"credit","peer":"a","amount":7}').ends(0)
        Run(folder, "node", "create-anchor").ends(0)
        state = Run(folder, "node", "state", "--json").ends(0).out
        (node.home / "tmp" / "current_state.json").write_text(state, encoding="utf-8")
        before = node.verified()
        (node.home / "slow").write_text("")
        _, _, err = node.types("Procedure 4: Complete Reset (Last Resort)")
        assert "cp: " in err and not list(node.data.glob("recovery_*/*")), err
        # the journal had all of it: state, anchor, and so the snapshot
        assert before[0] == 0 and node.verified() == before and node.is_up()
        node.bash("systemctl stop ailee-node")
        word = Run(folder, "node", "reset").ends(5).err.split()[-1]
        Run(folder, "node", "reset", word).ends(0)
        assert node.verified() == before and len(list(node.data.glob("recovery_*/l2_snapshots.dat"))) == 1


@test
def several_backups_are_none(folder):
    """Node won't start after crash: of several backups the guide's line takes none and harms nothing; one is restored"""
    with Node(folder) as node:
        write(node.log, OLD, MID)
        Run(folder, "node", "backup").ends(0)
        write(node.log, OLD, BROKEN)
        code, _, err = node.types("Issue: Node won't start after crash")
        assert code and "cp: target" in err and node.log.read_text() == OLD.text + BROKEN, err
        Run(folder, "node", "restore", "--only", "log").ends(0)
        assert node.verified() == (0, MID.verified, "")


@test
def owner_is_set_right(folder):
    """Node won't start after crash: owner, verification, and the one backup that there is"""
    with Node(folder) as node:
        write(node.log, OLD, BROKEN)
        write(node.data / "backups" / "l2_snapshots_20250215_120000.dat.bak", OLD, MID)
        code, out, err = node.types("Issue: Node won't start after crash")
        assert code == 0 and out.startswith("-rw") and "Anchor verification failed" in err, (code, out, err)
        assert (node.home / "chowned").read_text() == f"ailee:ailee {node.log}\n"
        assert node.verified() == (0, MID.verified, "")


@test
def lock_means_nothing(folder):
    """Reorg database locked: the lock is the system's, so the file may be there or not"""
    with Node(folder) as node:
        path = node.data / "reorg_db"
        with Rocks(path):
            code, _, err = node.bash(f"./ailee_init_reorg_db --path {path}")
            assert code == 1 and f"process {os.getpid()}" in err and "never to be deleted" in err, err
        assert node.bash(f"./ailee_init_reorg_db --path {path}")[0] == 0, "LOCK is there, and nobody has it"
        code, _, err = node.types("Issue: Reorg database locked")
        assert code == 0 and node.is_up(), err
        node.bash("systemctl stop ailee-node")
        assert node.bash(f"./ailee_init_reorg_db --path {path}")[0] == 0


@test
def log_is_pruned(folder):
    """Snapshot file growing too large: the newest 1,000 are kept, verified, and put in place"""
    with Node(folder) as node:
        many = [Snapshot({"a": n + 1}, at_ms=1700000000000 + n) for n in range(1003)]
        write(node.log, *many)
        code, out, err = node.types("Issue: Snapshot file growing too large")
        assert (code, err) == (0, "") and out.startswith("1000 of 1003 snapshots kept"), (code, out, err)
        assert many[-1].verified in out and node.is_up()
        assert node.log.read_text() == "".join(one.text for one in many[3:])
        assert (node.data / "l2_snapshots_old.dat").read_text() == "".join(one.text for one in many)


@test
def backed_up_by_hand(folder):
    """Regular Backups and Monitoring: the guide's scripts for cron, on the files of a node"""
    with Node(folder) as node:
        backups = node.data / "backups"
        write(node.log, OLD, MID)
        for n in range(30):
            old = write(backups / f"l2_snapshots_20250101_0000{n:02}.dat.bak", OLD)
            os.utime(old, (time.time() - 9999 + n,) * 2)
        assert node.types("1. Regular Backups")[0] == 0
        kept = sorted(backups.glob("l2_snapshots_*.dat.bak"))
        assert len(kept) == 24 and kept[-1].read_text() == node.log.read_text()
        assert len(list(backups.glob("reorg_db_*.tar.gz"))) == 1
        assert node.bash(f"./ailee_l2_verify --snapshot {kept[-1]}") == (0, MID.verified, "")
        assert node.types("2. Monitoring")[:2] == (0, "")
        os.truncate(node.log, 5001 << 20)
        assert node.types("2. Monitoring")[1] == "Warning: Snapshot file is 5001MB - consider pruning\n"


@test
def divergence_is_told(folder):
    """Cross-Validate with Bitcoin: how far the anchor of the newest snapshot is behind the chain"""
    with Node(folder) as node:
        write(node.log, OLD, NEW)
        (node.home / "height").write_text("1101\n")
        code, out, err = node.types("Cross-Validate with Bitcoin")
        # no block has its anchor yet: it prints "unknown", which the shell counts as 0
        assert "is in no block that the reorg database knows" in err and "Warning: Large" in out, (code, out, err)
        for height, behind in ((1001, 100), (1000, 101)):
            with Rocks(node.data / "reorg_db") as db:
                db.put(f"anchor:{NEW.anchor}",
                       f"{NEW.anchor}|{'a' * 64}|{height}|6|1700000000000|0|1|{NEW.root}")
                db.flush()
            code, out, err = node.types("Cross-Validate with Bitcoin")
            warned = "Warning: Large divergence detected\n" if behind > 100 else ""
            assert (out, err) == (f"Snapshot is {behind} blocks behind Bitcoin\n{warned}", ""), (out, err)


def whole(path):
    """All files of a folder, and what is in them."""
    return {file.relative_to(path): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


@test
def recovery_is_tried_out(folder):
    """Testing Recovery: the script works on copies, finds what does not recover, and leaves nothing behind"""
    with Node(folder) as node:
        staging = node.home / "tmp" / "ailee_test"
        Run(folder, "node", "init", "--data-dir", staging).ends(0)
        write(staging / "l2_snapshots.dat", OLD, MID)
        write(node.log, OLD, NEW)
        with Rocks(node.data / "reorg_db") as db:
            for height in range(90, 101):
                db.put(f"block:{height:020}", block_hash(height))
            db.put(f"anchor:{NEW.anchor}", f"{NEW.anchor}|{'a' * 64}|99|2|1700000000000|0|0|{NEW.root}")
            db.flush()
        before = whole(staging), whole(node.data)
        code, out, err = node.types("3. Testing Recovery")
        assert code == 0 and re.findall("Recovery test passed: (.*)", out) == ["crash", "reorg", "corruption"], (out, err)
        assert "Each of 600 changes was done once\n" in out and f"root {MID.root}\n" in out
        assert re.search("^Reorg at height 98\n  3 deep: 1 anchor invalidated, in a block again, and confirmed\n", out, re.M)
        assert re.search(f"^  anchor {NEW.anchor} was invalidated\n(.*\n)*{NEW.anchor} CONFIRMED", out, re.M), out
        assert "Anchor verification failed: Anchor state root mismatch." in err, err
        # another node that the environment is about is not that of the copy
        code, out, err = node.bash(f"./test_recovery.sh --mode corruption --data-dir {staging}",
                                   PAWL_NODE__DATA_DIR=str(node.data), PAWL_JOURNAL=str(node.home / "pawl.db"))
        assert code == 0 and "Reorg database rebuilt" in out and "CURRENT file corrupted" in err, (out, err)
        assert before == (whole(staging), whole(node.data)) and os.listdir(node.home / "tmp") == ["ailee_test"]
        write(staging / "l2_snapshots.dat", BROKEN)
        code, _, err = node.bash(f"./test_recovery.sh --mode crash --data-dir {staging}")
        assert code == 2 and "Recovery failed: no snapshot of the node holds\nThe copy is kept: " in err, err
        left = sorted(os.listdir(node.home / "tmp"))
        assert len(left) == 2, left
        for words in (f"--mode crash --data-dir {node.home}/nonexistent", "--mode reorg --data-dir nonexistent"):
            code, out, err = node.bash(f"./test_recovery.sh {words}")
            assert code == 1 and "passed" not in out and "nonexistent, where log and reorg database should be: is the path right?" in err, (out, err)
        for words in ("", "--mode x", "--mode crash --reorg-depth 3", "--mode reorg --reorg-depth x", "--mode reorg --x",
                      "--mode crash --corrupt-snapshot", "--mode reorg --reorg-depth 0"):
            code, _, err = node.bash(f"./test_recovery.sh {words}")
            assert code == 1 and ("one block at least" in err) == words.endswith(" 0"), (words, err)
        assert sorted(os.listdir(node.home / "tmp")) == left, "what could not be tried leaves nothing"


@test
def a_start_does_what_the_guide_says(folder):
    """On Normal Startup: each step says what came of it; the newest snapshot fails, and the journal has no state"""
    with Node(folder) as node, Server(Chain(112).answer) as bitcoin:
        node.follows(bitcoin)
        write(node.log, OLD, MID, BROKEN)
        said = node.starts()
        assert calls("On Normal Startup", 1) == ["detector", "initialize"]
        assert f"start 2 of 5, reorg database: {node.data}/reorg_db has all that the journal has" in said, said
        assert calls("On Normal Startup", 2) == ["loadLatestSnapshotFromFile"]
        assert calls("On Normal Startup", 3) == ["computeL2StateRoot"]
        told = re.search(r"start 3 of 5, snapshots: 1 newer than that of .*: Anchor state root mismatch\. expected=\w+ "
                         r"anchor=\w+; procedure 2: (pawl node recover --latest-valid)\n", said)
        assert told and "start 4 of 5, state: the journal has no state" in said, said
        assert node.bash(f"systemctl stop ailee-node; ./{told[1]}")[0] == 0
        assert node.verified() == (0, MID.verified, "")
        assert calls("On Normal Startup", 4) == ["restoreFromSnapshot"] * 3
        assert node.bash("./pawl node state")[1].startswith(f"root       {MID.root}\nsupply     2\n")
        said = node.starts()
        for step in (f"1 of 5, data folder: {node.data} ", f"2 of 5, reorg database: {node.data}/reorg_db ",
                     rf"3 of 5, snapshots: the newest valid one is of \S+, at byte {len(OLD.text)} of {node.log}, root {MID.root}\n",
                     f"4 of 5, state: recounted: root {MID.root} behind change 1, that of the newest snapshot\n",
                     "5 of 5, Bitcoin: btc is followed up to block 112, which was 112 before; 0 reorgs since\n"):
            assert re.search(f"info  node: start {step}", said), (step, said)
        assert "info  node: started: all is well\n" in said, said
        # where all is in its place: a drawing with one level below the folder
        assert node.bash("systemctl stop ailee-node; ./pawl node backup")[0] == 0
        folders = [node.data]
        for branch, name in re.findall(r"^(.*)── (\S+)", shows("File Locations"), re.M):
            del folders[1 + len(branch) // 4:]
            assert list(folders[-1].glob(name.rstrip("/"))), (name, os.listdir(folders[-1]))
            folders.append(folders[-1] / name.rstrip("/"))


@test
def a_gap_is_warned_of(folder):
    """State Divergence Check: a start and a command say how far the newest snapshot is behind Bitcoin"""
    assert calls("Recovery from Crash") == ["getBlockCount", "logWarning"]
    with Node(folder) as node, Server((chain := Chain(112)).answer) as bitcoin:
        node.follows(bitcoin)
        write(node.log, OLD)
        assert node.bash("./pawl node recover --latest-valid")[0] == 0
        for height, behind in ((12, 100), (11, 101)):
            with Rocks(node.data / "reorg_db") as db:  # as the older node left it; the block is none that is read again
                db.put(f"anchor:{OLD.anchor}", f"{OLD.anchor}|{'a' * 64}|{height}|100|1700000000000|0|1|{OLD.root}")
            code, out, _ = node.bash("./pawl node divergence")
            assert (code, out.split("\n", 1)[0]) == (2 * (behind > 100), f"Snapshot is {behind} blocks behind Bitcoin"), out
        assert out.endswith("\nWarning: Large divergence detected\n"), out
        # a reorg took its block, which the journal has not heard of yet
        with Rocks(node.data / "reorg_db") as db:
            known = db.all()[f"anchor:{OLD.anchor}"]
            db.put(f"anchor:{OLD.anchor}", known.replace("|0|1|", "|0|2|"))
        code, out, _ = node.bash("./pawl node doctor")
        assert code == 1 and re.search(r"FINDING anchor .*: the newest snapshot's anchor is INVALIDATED_REORG: a reorg took its "
                                       r"block\n +do: pawl node create-anchor\n", out), out
        with Rocks(node.data / "reorg_db") as db:
            db.put(f"anchor:{OLD.anchor}", known)
        warning = "Large divergence detected: the newest snapshot is 101 blocks behind Bitcoin"
        assert f"warn  node: {warning}" in node.starts(until=warning)
        assert node.bash("systemctl stop ailee-node")[0] == 0
        assert warning in node.bash("./pawl status")[1]
        with contextlib.closing(sqlite3.connect(node.home / "pawl.db", isolation_level=None)) as journal:
            journal.execute("UPDATE chain SET stopped = 'gone'")  # while it is open its -wal is there
            code, out, err = node.bash("./pawl node divergence")
            assert (code, out) == (2, "") and "a final block of Bitcoin has vanished, and block 11," in err, (code, out, err)
            for command in "status", "node doctor":
                said = node.bash(f"./pawl {command}")[1]
                assert "vanished" in said and "behind Bitcoin" not in said, said
            journal.execute("UPDATE chain SET stopped = NULL")
            chain.__init__(10)  # the node lost blocks
            code, out, err = node.bash("./pawl node divergence")
            assert (code, out) == (2, "") and "newest block by node.chain is 10, and block 11 has" in err, (code, out, err)
            assert "newest block by node.chain is 10, and block 11 has" in node.bash("./pawl node doctor")[1]


@test
def snapshots_are_in_the_format_of_the_guide(folder):
    """Snapshot Format: a state with a record of each sort is written as it is drawn"""
    pattern = ""
    for line in shows("Snapshot Format").splitlines():
        if line != "...":  # more of the same
            line = re.sub(r'"<\w+>"', r'"(?:[^"\\\\]|\\\\.)*"', line)
            pattern += re.sub(r"<\w+>", r"\\w+", line).replace(" ...", " .+") + "\n"
    with Node(folder) as node:
        owner = r'"a \"b\" \\"'
        Run(folder, "node", "apply", "-", stdin=f'{{"do":"credit","peer":{owner},"amount":20000}}\n'
            f'{{"do":"escrow","task":"t","client":{owner},"amount":5}}\n'
            f'{{"do":"pegin","txid":"{"a1" * 32}","vout":1,"amount":50000,"source":"s","dest":"c"}}\n'
            f'{{"do":"pegout","source":{owner},"dest":"bc1q","amount":5000,"anchor":"{"0" * 64}"}}\n'
            '{"do":"task","task":"t","type":1,"priority":1,"submitter":"c"}\n').ends(0)
        word = Run(folder, "node", "create-anchor").ends(5).err.split()[-1]
        Run(folder, "node", "create-anchor", word).ends(0)
        text = node.log.read_text(encoding="utf-8").rstrip(" \n") + "\n"  # it is filled up to a sector
        assert re.fullmatch(pattern, text), (pattern, text)


@test
def the_database_is_validated(folder):
    """Validate Reorg Database: the newest reorgs, and anchors by status, in the guide's words; and that it is damaged"""
    with Node(folder) as node:
        block = shows("Validate Reorg Database")
        newest = int(re.search(r"getRecentReorgHistory\((\d+)\)", block)[1])
        counted = dict(zip(re.findall(r"AnchorStatus::(\w+)", block), re.findall(r'cout << "(\w+: )"', block)))
        assert set(calls("Validate Reorg Database")) == {
            "detector", "initialize", "getRecentReorgHistory", "getAnchorsByStatus", "size"}
        with Rocks(node.data / "reorg_db") as db:
            for n in range(newest + 2):
                db.put(f"reorg:{n:020}", f"{100 + n}|{'b' * 64}|{'c' * 64}|1700000000000|0")
            db.put("reorg_counter", str(newest + 2))
            for n, status in enumerate((0, 1, 1, 2, 2, 2)):
                db.put(f"anchor:{n:064}", f"{n:064}|{'a' * 64}|99|6|1700000000000|0|{status}|{NEW.root}")
        told = "".join(f"Reorg at height {100 + n}\n" for n in range(newest + 1, 1, -1))
        assert node.bash(f"./pawl node reorgs {newest} --quiet") == (0, told, "")
        code, told, _ = node.bash("./pawl node anchors")
        assert code == 0 and told.endswith("".join(f"{word}{n}\n" for word, n in zip(counted.values(), (1, 2, 3)))), told
        for n, status in enumerate(counted):
            code, told, _ = node.bash(f"./pawl node anchors --status {status}")
            assert code == 0 and told.count(f" {status}, ") == n + 1, told
        (node.data / "reorg_db" / "CURRENT").write_text("damaged")
        for line in ("reorgs", "anchors"):
            code, told, err = node.bash(f"./pawl node {line}")
            assert (code, told) == (6, "") and "is damaged: Corruption: CURRENT" in err, err


@test
def nothing_is_left_out(_):
    """each block was typed or shown, and each tool is there"""
    assert (typed, shown) == (COMMANDS, set(BLOCKS) - COMMANDS), (typed | shown) ^ set(BLOCKS)
    for tool in tools_of(*COMMANDS):
        called = str(SCRIPT) if tool == SCRIPT.name else f'exec -a {tool} "{PAWL}"'
        done = subprocess.run(["bash", "-c", f"{called} --help"], capture_output=True, encoding="utf-8",
                              env=environment(), check=False)
        assert done.stdout.startswith(f"usage: {tool}") and "usage: pawl" not in done.stdout, done.stdout
    done = subprocess.run(["bash", "-c", f'exec -a ./ailee_get_snapshot_block "{PAWL}"'], capture_output=True,
                          encoding="utf-8", env=environment(), check=False)
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == (
        "ailee_get_snapshot_block: FILE is missing; usage: ailee_get_snapshot_block FILE"), done.stderr
    for words in ("--snapshot a --snapshot b", "--snapshot a --what b"):
        done = subprocess.run(["bash", "-c", f'exec -a ailee_l2_verify "{PAWL}" {words}'], capture_output=True,
                              encoding="utf-8", env=environment(), check=False)
        assert done.returncode == 1 and "ailee_l2_verify: " in done.stderr, done.stderr


if __name__ == "__main__":
    sys.exit(main())
