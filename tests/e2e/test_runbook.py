#!/usr/bin/env python3
"""Each story of docs/runbook.md: what went wrong is done here, and then its lines are typed,
as they stand there, in their order. Everybody is paid exactly once."""

import contextlib
import fcntl
import os
import pathlib
import pty
import re
import shutil
import subprocess
import termios
import threading

from harness import (
    OWNER, PAYER, Anvil, Desk, Ledger, check, end, exactly_once, intrude, main, paid,
    recipients, same, test, wait_until, within,
)

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "runbook.md"
ROWS = 120
IN_FLIGHT = 15


def blocks(title):
    """The blocks of one story, each a list of lines."""
    stories = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)
    (story,) = (s for s in stories if s.startswith(title + "\n"))
    found = re.findall(r"^```sh\n(.*?)^```$", story, flags=re.M | re.S)
    check(found, f"{title} has lines to type")
    return [block.splitlines() for block in found]


class Operator:
    """Types what the page says, and sees that each line ends as it says."""

    def __init__(self, desk, title):
        self.desk = desk
        self.blocks = blocks(title)
        self.said = ""
        tools = desk.folder / "tools"
        tools.mkdir()
        (tools / "pawl").symlink_to(os.path.abspath(desk.binary))
        self.env = {**desk.env, "PATH": f"{tools}:{os.environ['PATH']}"}
        self.master, self.slave = pty.openpty()
        threading.Thread(target=self.answer, daemon=True).start()

    def sit_down(self):
        """The terminal is that of the child, from here on."""
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def answer(self):
        """Whoever asks on it gets the password."""
        with contextlib.suppress(OSError):
            while asked := os.read(self.master, 1000):
                if asked.endswith(b": "):
                    os.write(self.master, b"a stone in the shoe\n")

    def line(self, text, folder):
        done = subprocess.run(
            ["bash", "-c", text], cwd=folder, env=self.env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=90, check=False, start_new_session=True,
            preexec_fn=self.sit_down)  # pylint: disable=subprocess-popen-preexec-fn
        code = re.search(r"# exit (\d)", text)
        self.said = done.stdout + done.stderr
        same(done.returncode, int(code[1]) if code else 0, f"{text}: {self.said[-900:]}")

    def block(self, folder=None):
        """The next one."""
        for text in self.blocks.pop(0):
            self.line(text, folder or self.desk.folder)

    def over(self):
        same(self.blocks, [], "lines that nobody typed")


@contextlib.contextmanager
def interrupted(payments=40, **more):
    """A run that was killed when so many payments were on the chain."""
    chain = {"max_in_flight": IN_FLIGHT}
    with Anvil() as anvil, Desk([anvil.url], chain=chain, name="main", **more) as desk:
        anvil.mine(10)
        desk.rows = recipients(ROWS)
        desk.write_list("payroll.csv", desk.rows)
        run_until(anvil, desk, payments)
        yield anvil, desk


def run_until(anvil, desk, payments):
    child = desk.start(*desk.airdrop("payroll.csv"))
    paid(anvil, payments)
    end(child)


def is_quiet(anvil):
    return anvil.rpc.count(PAYER, "pending") == anvil.rpc.count(PAYER)


def paid_once(anvil, desk):
    same(exactly_once(anvil.rpc, PAYER, None, desk.rows), ROWS, "payments")


@test
def i_lost_the_journal():
    with interrupted() as (anvil, desk):
        operator = Operator(desk, "I lost the journal")
        wait_until(lambda: is_quiet(anvil), 20, "nothing pending")
        for part in desk.folder.glob("pawl.db*"):
            part.unlink()
        within("pawl restore FILE", desk.expect(1, "status").err, "what it says")
        anvil.mine(10)
        operator.block()
        within("--adopt", operator.said, "what it says")
        operator.block()
        operator.over()
        paid_once(anvil, desk)


@test
def a_person_paid_a_row():
    with interrupted() as (anvil, desk):
        operator = Operator(desk, "A person paid a row")
        operator.env["HASH"] = intrude(anvil, ROWS, desk.rows[ROWS - 1])
        operator.block()
        operator.over()
        paid_once(anvil, desk)


@test
def i_restored_a_backup():
    with interrupted() as (anvil, desk):
        operator = Operator(desk, "I restored a backup")
        (desk.folder / "backups").mkdir()
        desk.expect(0, "backup", "backups/pawl-monday.db")
        run_until(anvil, desk, 80)
        operator.block()
        within("completed", desk.expect(0, "status", "fence-1").out, "the fence")
        paid_once(anvil, desk)
        desk.expect(0, "backup", "backups/pawl-tuesday.db")
        operator.block()
        operator.over()
        same(desk.status("fence-2"), None, "a second fence")
        paid_once(anvil, desk)


@test
def two_machines_ran_it():
    with interrupted() as (anvil, desk):
        operator = Operator(desk, "Two machines ran it")
        other = desk.folder / "other"
        other.mkdir()
        for part in desk.folder.glob("pawl.*"):
            if not part.name.endswith(".sock"):
                shutil.copy(part, other)
        shutil.copy(desk.folder / "payroll.csv", other)
        desk.folder, here = other, desk.folder
        run_until(anvil, desk, 90)
        desk.folder = here
        operator.block(other)
        operator.block()
        operator.over()
        paid_once(anvil, desk)


@test
def the_key_leaked():
    with interrupted() as (anvil, desk):
        operator = Operator(desk, "The key leaked")
        operator.block()
        operator.block()
        fresh = re.search(r"fresh +(0x[0-9a-fA-F]{40})", operator.said)[1]
        anvil.rpc.transact(OWNER, fresh, value=10**18)
        operator.block()
        operator.over()
        first, rest = Ledger(anvil.rpc, PAYER), Ledger(anvil.rpc, fresh.lower())
        payments = [tx["to"] for tx in first.sent + rest.sent if int(tx["value"], 16)]
        same(sorted(payments), sorted(row[0] for row in desk.rows), "recipients")


@test
def the_disk_was_full():
    with interrupted() as (anvil, desk):
        operator = Operator(desk, "The disk was full")
        disk = desk.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)], check=False)
        if mounted.returncode:
            print("# no file system can be mounted here: the disk is not full")
            return
        try:
            for part in desk.folder.glob("pawl.*"):
                if not part.name.endswith(".sock"):
                    shutil.copy(part, disk)
            shutil.copy(desk.folder / "payroll.csv", disk)
            desk.folder, here = disk, desk.folder
            desk.expect(0, "restore", "--latest", "pawl.db")
            with contextlib.suppress(OSError), open(disk / "too-much", "wb", 0) as file:
                while True:
                    file.write(bytes(4096))
            within("full", desk.expect(3, *desk.airdrop("payroll.csv")).err, "what it says")
            operator.block(disk)
            operator.over()
            paid_once(anvil, desk)
            desk.folder = here
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=True)


main()
