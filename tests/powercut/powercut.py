#!/usr/bin/env python3
"""Take the power from the disk under the program while it pays on a real node.

usage: powercut.py PAWL RECORDER [--cuts N] [--seed N] [--mutant NAME] [--keep DIR] [-v]

First cuts: a journal on a real file system, which the kernel shuts down at a random instant,
so that what was not synced is gone; mounted again, it has every transaction that
the node was ever given; at the end everybody is paid exactly once. Then images: what a disk
with a volatile cache could hold after a cut, at each of its flushes; each is mounted, its
journal is whole, and nothing that was sent by then is missing from it.

The last line on standard output is the summary. Exits with 0 if all of it holds, 1 if
not, and 77 where it can't be tried: as root alone, with loop devices and FUSE.
"""

import argparse
import collections
import contextlib
import itertools
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tools")]
sys.dont_write_bytecode = True

import gen_docs  # noqa: E402
from disks import (  # noqa: E402
    KINDS,
    Disk,
    Memory,
    Missing,
    Recorder,
    Recording,
    copy,
    keep_mounts_to_ourselves,
    survivors,
    write_all,
)
from harness import (  # noqa: E402
    PAYER,
    Anvil,
    Desk,
    check,
    children,
    deploy,
    end_all,
    exactly_once,
    recipients,
    same,
    wait_until,
)
from proxy import SEND, Proxy  # noqa: E402

NOT_HERE = 77
ROWS, CUTS_A_ROUND = 600, 30
IN_FLIGHT = (8, 16, 64)
LONGEST_S = 0.4
ROWS_RECORDED, KILLS_RECORDED = 150, 5
IMAGES_A_FLUSH = 2


class Witness:
    """All that the node was ever given, and when it came to our ears."""

    def __init__(self, proxy):
        self.given = {}
        proxy.heard = self.hear

    def hear(self, calls):
        for call in calls:
            if call["method"] == SEND:
                raw = bytes.fromhex(call["params"][0][2:])
                self.given.setdefault(raw, time.monotonic_ns())

    def before(self, ns):
        return {raw for raw, at_ns in self.given.items() if ns is None or at_ns < ns}


def read_journal(journal, folder, statement):
    """The rows of a statement, from a copy: nothing that is tried may depend on our look.
    None: there is no journal."""
    if not journal.exists():
        return None
    there = folder / "copy.db"
    for tail in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{journal}{tail}", f"{there}{tail}")
    with contextlib.closing(sqlite3.connect(there)) as copied:
        rows = copied.execute(statement).fetchall()
    for path in folder.glob("copy.db*"):
        path.unlink()
    return rows


def has_all(desk, folder, given, what):
    """Whatever was sent is in the journal."""
    rows = read_journal(desk.journal, folder, "SELECT raw FROM attempt")
    check(rows is not None, f"{what}: the journal is gone")
    missing = given - {raw for (raw,) in rows}
    check(
        not missing,
        f"{what}: {len(missing)} of {len(given)} transactions that the node was given are"
        f" not in the journal, as 0x{next(iter(missing), b'').hex()}",
    )


class Power:
    """What all rounds share: where they work, the dice, what was counted."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.random = random.Random(options.seed)
        self.cuts = self.images = 0
        self.tally = collections.Counter()
        self.doing = "beginning"

    def desk(self, proxy, disk, in_flight):
        return Desk(
            [proxy.url],
            chain={"max_in_flight": in_flight},
            journal=disk.at / "pawl.db",
            mutant=self.options.mutant,
        )

    @contextlib.contextmanager
    def keeping(self, image):
        """What fails on it leaves it where somebody can look at it."""
        try:
            yield
        except AssertionError:
            if self.options.keep:
                copy(image, self.options.keep)
            raise

    def say(self, text):
        self.doing = text
        if self.options.v:
            print(text, flush=True)


# --- cuts -------------------------------------------------------------------------------------


class Round:
    """A list that is paid from a journal on one disk, through cut after cut."""

    def __init__(self, power, disk, anvil, proxy, desk, token):
        self.power, self.disk, self.desk, self.proxy = power, disk, desk, proxy
        self.random = power.random
        self.witness = Witness(proxy)
        self.words = desk.airdrop("list.csv", *(["--token", token] if token else []))

    def live(self):
        """A life until some instant, half of them close behind a send."""
        return self.desk.start_for_a_while(self.words, self.proxy, self.random, LONGEST_S)

    def cut(self, child):
        """Takes the power; the program dies with it, or is left to see for itself."""
        way = self.random.choices(("nothing more", "its log", "everything"), (6, 1, 1))[0]
        sees = child is not None and self.random.random() < 0.25
        with self.proxy.holding():
            out = self.proxy.outstanding
            self.disk.cut(way)
            if child and not sees:
                child.kill()
        self.power.cuts += 1
        self.power.tally["amid"] += out > 0
        self.power.tally["seen"] += sees
        self.power.say(
            f"cut {self.power.cuts}: {self.disk.name}, written: {way},"
            f" {len(self.witness.given)} sent, {out} of them without an answer"
            f"{', seen' if sees else ''}"
        )
        if sees:
            ended = self.desk.ended(child, 20)
            # never 1: nobody has to mend anything; never 6: nothing is damaged. Where a
            # page of a mapped file can't be read the kernel ends it, as a crash does.
            mapped = ended.code == -signal.SIGBUS
            check(mapped or ended.code == 3, f"{ended.code} on a disk that is gone: {ended.err}")
            self.desk.expect(3, "status")
        elif child:
            child.wait()
            children.discard(child)

    def rise(self):
        """The machine starts again: first its file system, then its journal."""
        self.disk.unmount()
        self.disk.rise(mend=self.random.random() < 0.5)
        wait_until(lambda: self.proxy.outstanding == 0, 10, "the proxy is at rest")
        has_all(self.desk, self.power.folder, self.witness.before(None), "after the cut")

    def pay(self, cuts):
        """True when so many cuts were made, False when the list was paid before."""
        self.cut(None)  # what init has made is there to stay
        self.rise()
        for _ in range(cuts - 1):
            child = self.live()
            if self.random.random() < 0.2:  # death alone: the cut meets the next life
                child.kill()
                child.wait()
                children.discard(child)
                child = self.live()
            if child.poll() is not None:
                same(self.desk.ended(child).code, 0, "exit of the run that nobody cut")
                return False
            self.cut(child)
            self.rise()
        return True


def cut_round(power, kind, most, token_name):
    image = power.folder / f"{kind}.img"
    with contextlib.ExitStack() as stack:
        disk = stack.enter_context(Disk(kind, image, power.folder / "disk"))
        disk.mount()
        anvil = stack.enter_context(Anvil(block_s=0.15))
        # Each answer takes a moment, as it does where the node is not on the same machine.
        proxy = stack.enter_context(Proxy(anvil.port, delay_s=0.04))
        token = deploy(anvil, token_name, PAYER) if token_name else None
        desk = stack.enter_context(power.desk(proxy, disk, power.random.choice(IN_FLIGHT)))
        rows = recipients(ROWS)
        desk.write_list("list.csv", rows)
        story = Round(power, disk, anvil, proxy, desk, token)
        with power.keeping(image):
            more = story.pay(most)
        if more:
            power.say(f"{kind}: the power stays")
            desk.expect(0, *story.words, seconds=120)
        same(exactly_once(anvil.rpc, PAYER, token, rows), ROWS, "payments")
        same(desk.status("list")["final"], ROWS, "rows that are final")
        has_all(desk, power.folder, story.witness.before(None), "at the end")
        desk.verify("list")
    disk.examine()
    image.unlink()


def cut_all(power):
    began = time.monotonic()
    for kind, token in itertools.cycle(itertools.product(KINDS, (None, "Plain"))):
        if power.cuts >= power.options.cuts:
            break
        cut_round(power, kind, min(CUTS_A_ROUND, power.options.cuts - power.cuts), token)
    print(
        f"{power.cuts} cuts in {time.monotonic() - began:.0f} s: {power.tally['amid']} while"
        f" sends were out, {power.tally['seen']} seen by the program",
        flush=True,
    )


# --- images -----------------------------------------------------------------------------------


class Story:
    """What was recorded, and from when on what must be there."""

    def __init__(self, kind, desk, witness):
        self.kind, self.desk, self.witness = kind, desk, witness
        self.made_ns = time.monotonic_ns()  # the journal, by init
        self.saved_ns = None  # the backup
        self.backup = desk.journal.with_name("backup.db")


def record(story, anvil, proxy):
    """Pays a list, with some deaths, and a backup in the midst of it."""
    desk = story.desk
    rows = recipients(ROWS_RECORDED)
    desk.write_list("list.csv", rows)
    words = desk.airdrop()
    for kill in range(KILLS_RECORDED):
        enough = proxy.sends + ROWS_RECORDED // 10
        child = desk.start(*words)
        wait_until(lambda n=enough: proxy.sends >= n or child.poll() is not None, 30, "some sends")
        check(child.poll() is None, f"it ended before: {desk.tail(child)}")
        if not story.saved_ns:
            desk.expect(0, "backup", str(story.backup))
            story.saved_ns = time.monotonic_ns()
        child.kill()
        child.wait()
        children.discard(child)
    desk.expect(0, *words, seconds=90)
    same(exactly_once(anvil.rpc, PAYER, None, rows), ROWS_RECORDED, "payments")


def begins(desk):
    """A life of its own, however short."""
    ended = desk.run("pause", "list")
    done = "is completed" in ended.err
    same(ended.code, 5 if done else 0, f"exit of pause: {ended.err}")


def later(until_ns, ns):
    return until_ns is None or until_ns > ns


def opens(power, story, until_ns):
    """The journal is whole, begins a life, and has all that was sent until then; before init
    was done there may be none. So is the backup, which may not be there before it was made."""
    desk, given = story.desk, story.witness.before(until_ns)
    if desk.journal.exists() or later(until_ns, story.made_ns):
        has_all(desk, power.folder, given, "on the image")
        desk.expect(0, "doctor", "--journal")
        if read_journal(desk.journal, power.folder, "SELECT 1 FROM operation"):
            begins(desk)
    else:
        same(given, set(), "what was sent without a journal")
    if story.backup.exists() or later(until_ns, story.saved_ns):
        said = read_journal(story.backup, power.folder, "PRAGMA integrity_check")
        same(said, [("ok",)], "what SQLite says of the backup")


def replay(power, story, base, recording):
    durable, image = base, power.memory / "cut.img"
    for number, epoch in enumerate(recording.epochs):
        for _ in range(IMAGES_A_FLUSH):
            copy(durable, image)
            write_all(image, survivors(epoch.writes, power.random))
            power.images += 1
            power.say(
                f"image {power.images}: {story.kind}, flush {number}, {len(epoch.writes)}"
                f" writes in the cache, {len(story.witness.before(epoch.until_ns))} sent"
            )
            with Disk(story.kind, image, power.folder / "disk", make=False) as disk:
                with power.keeping(image):
                    power.tally["by hand"] += disk.rise(mend=power.random.random() < 0.5)
                    opens(power, story, epoch.until_ns)
        write_all(durable, epoch.writes)


def image_round(power, kind):
    image, base = power.memory / "disk.img", power.memory / "base.img"
    written = power.memory / "record"
    with contextlib.ExitStack() as stack:
        made = Disk(kind, image, power.folder / "disk")
        copy(image, base)
        anvil = stack.enter_context(Anvil(block_s=0.15))
        proxy = stack.enter_context(Proxy(anvil.port, delay_s=0.02))
        witness = Witness(proxy)
        served = power.folder / "served"
        with Recorder(power.options.recorder, image, written, served) as recorder:
            with Disk(kind, recorder.served, made.at, make=False) as disk:
                disk.mount()
                desk = power.desk(proxy, disk, 8)
                stack.callback(desk.close)
                story = Story(kind, desk, witness)
                record(story, anvil, proxy)
        recording = Recording(written)
        power.tally["writes"] += recording.writes
        power.tally["flushes"] += len(recording.epochs) - 1
        replay(power, story, base, recording)
    for path in (image, base, written):
        path.unlink()


def image_all(power):
    began = time.monotonic()
    with Memory(power.folder / "memory") as power.memory:
        for kind in KINDS:
            image_round(power, kind)
    print(
        f"{power.images} images in {time.monotonic() - began:.0f} s: {power.tally['writes']}"
        f" writes, {power.tally['flushes']} flushes; {power.tally['by hand']} torn superblocks",
        flush=True,
    )


# --- all of it --------------------------------------------------------------------------------


def check_machine(folder):
    """Raises Missing where there is nothing to cut."""
    if os.geteuid() != 0:
        raise Missing("only root can mount")
    if not os.path.exists("/dev/fuse"):
        raise Missing("no FUSE: /dev/fuse is not there")
    keep_mounts_to_ourselves()
    for kind in KINDS:
        try:
            with Disk(kind, folder / "try.img", folder / "disk") as disk:
                disk.mount()
                disk.cut("nothing more")
        except (AssertionError, OSError) as error:
            raise Missing(f"{kind} on a loop device: {error}") from None
    (folder / "try.img").unlink()


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"./do powercut: {message.removeprefix('argument ')}", file=sys.stderr)
        sys.exit(1)


def at_least(least):
    def number(text):
        if not text.isascii() or not text.isdigit() or int(text[:20]) < least:
            raise argparse.ArgumentTypeError(f"{text}: must be a number from {least} on")
        return int(text)

    return number


def mutant(name):
    if all(row[0] != name for row in gen_docs.read_table(ROOT / "src" / "base" / "mutant.def")):
        raise argparse.ArgumentTypeError(f"{name}: there is no such defect")
    return name


def arguments():
    parser = Parser(description="power cuts under a program that pays", allow_abbrev=False)
    parser.add_argument("pawl")
    parser.add_argument("recorder")
    parser.add_argument("--cuts", type=at_least(1), default=200)
    parser.add_argument("--seed", type=at_least(0), default=random.randrange(1 << 32))
    parser.add_argument("--mutant", type=mutant)
    parser.add_argument("--keep", metavar="DIR", help="where the image goes that fails")
    parser.add_argument("-v", action="store_true", help="a line for each cut and image")
    return parser.parse_args()


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(
        prefix="pawl-powercut-", ignore_cleanup_errors=True
    ) as name:
        power = Power(options, pathlib.Path(name))
        try:
            check_machine(power.folder)
            cut_all(power)
            image_all(power)
        except Missing as missing:
            print(f"powercut: not here: {missing}", file=sys.stderr)
            return NOT_HERE
        except (AssertionError, OSError) as error:
            print(f"{power.doing}\n{error}\nseed {options.seed}")
            print(f"{power.cuts} cuts, {power.images} images, NOT exact")
            return 1
        finally:
            end_all()
    print(f"{power.cuts} cuts, {power.images} images, ledger exact")
    return 0


if __name__ == "__main__":
    sys.exit(main())
