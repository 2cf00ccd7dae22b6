"""File systems in files, under loop devices, and what a power cut does to them.

A `Disk` is cut by the kernel itself: from that instant on nothing reaches its image. A
`Recorder` puts a disk of its own under one, that writes down each write and each flush;
a `Recording` makes from that any disk that a power cut could have left.

Everything is mounted in a mount namespace of our own: it goes when we go, however that is,
and the kernel takes its loop devices back.
"""

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess

from harness import check, end, spawn, wait_until

CLONE_NEWNS = 0x00020000
SECTOR = 512
FLUSH_US = 3000

# FS_IOC_SHUTDOWN, and its ways: what becomes of that which is not synced.
SHUTDOWN = 0x8004587D
WAYS = {
    "nothing more": 2,  # neither data nor the file system's own log
    "its log": 1,  # the log is flushed, with what it needs
    "everything": 0,  # all is written as by a sync
}


class Kind:
    """Of a file system: how it is made, how mended as a start of the machine does, how by
    hand if that can't, and how looked through."""

    def __init__(self, size, make, mend, by_hand, look):
        self.size, self.make, self.mend, self.by_hand = size, make, mend, by_hand
        self.look = look


# The superblock of ext4 is two sectors, and has but one checksum: torn, it is no more
# than a reason to take its copy.
KINDS = {
    "ext4": Kind(
        256 << 20,
        ["mkfs.ext4", "-q", "-F", "-b", "4096"],
        ["e2fsck", "-p"],
        ["e2fsck", "-y", "-b", "32768", "-B", "4096"],
        ["e2fsck", "-f", "-n"],
    ),
    "xfs": Kind(320 << 20, ["mkfs.xfs", "-q", "-f"], None, None, ["xfs_repair", "-n"]),
}


class Missing(Exception):
    """What this machine does not let us do."""


def run(*words, well=(0,)):
    words = [str(word) for word in words]
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    said = (done.stderr + done.stdout).strip()
    check(done.returncode in well, f"{' '.join(words)} ends with {done.returncode}: {said}")


def keep_mounts_to_ourselves():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        raise Missing(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    run("mount", "--make-rprivate", "/")


def copy(source, target):
    """Only what is not zero takes room, and time."""
    run("cp", "--sparse=always", source, target)


def unmount(at, failed):
    """What was killed a moment ago may hold it for another one. When all has failed whoever
    uses it ends soon."""

    def done():
        words = ["umount", "--lazy", at] if failed else ["umount", at]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        check(ended.returncode == 0 or "busy" in ended.stderr, ended.stderr)
        return ended.returncode == 0

    wait_until(done, 10, f"{at} is not busy")


class Memory:
    """A folder in memory, for what need not outlive us."""

    def __init__(self, at):
        self.at = at

    def __enter__(self):
        self.at.mkdir()
        run("mount", "-t", "tmpfs", "none", self.at)
        return self.at

    def __exit__(self, *error):
        unmount(self.at, failed=True)
        self.at.rmdir()


class Disk:
    """A file system of a kind in an image, and the folder where it is mounted."""

    def __init__(self, name, image, at, make=True):
        self.name, self.image, self.at = name, image, at
        self.kind = KINDS[name]
        self.mounted = False
        at.mkdir(exist_ok=True)
        if make:
            with open(image, "wb") as file:
                file.truncate(self.kind.size)
            run(*self.kind.make, image)

    def mount(self):
        """The file system replays its log."""
        run("mount", "-t", self.name, "-o", "loop", self.image, self.at)
        self.mounted = True

    def unmount(self, failed=False):
        unmount(self.at, failed)
        self.mounted = False

    def mend(self):
        """As a start of the machine does; True if that was not enough."""
        if not self.kind.mend:
            return False
        try:
            run(*self.kind.mend, self.image, well=(0, 1))
            return False
        except AssertionError:
            run(*self.kind.by_hand, self.image, well=(0, 1))
            return True

    def rise(self, mend):
        """The machine starts again, and mends it first, or if need be; True: by hand."""
        by_hand = mend and self.mend()
        try:
            self.mount()
        except AssertionError:
            by_hand = self.mend()
            self.mount()
        return by_hand

    def cut(self, way):
        at = os.open(self.at, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(at, SHUTDOWN, struct.pack("I", WAYS[way]))
        finally:
            os.close(at)

    def examine(self):
        """Damage of the file system itself is a fault of ours, or of the kernel."""
        run(*self.kind.look, self.image)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.mounted:
            self.unmount(failed=bool(error[0]))
        shutil.rmtree(self.at, ignore_errors=True)


class Recorder:
    """Serves an image as a slow disk, from `served`, and records what happens to it."""

    def __init__(self, program, image, record, at):
        at.mkdir()
        self.at = at
        self.served = at / "image"
        self.child = spawn([program, image, record, str(FLUSH_US), at])
        wait_until(self.is_up, 10, "the recorder is up")

    def is_up(self):
        check(self.child.poll() is None, "the recorder did not start")
        return self.served.exists()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        unmount(self.at, failed=bool(error[0]))
        self.at.rmdir()
        try:
            self.child.wait(10)
        finally:
            end(self.child)


class Epoch:
    """What was written between two flushes. A disk with a cache may have any of it."""

    def __init__(self):
        self.writes = []
        self.until_ns = None  # the flush that ends it; None: nothing did


class Recording:
    """The epochs of a record. The writes of all former ones are on the medium."""

    def __init__(self, record):
        self.epochs = [Epoch()]
        data = memoryview(record.read_bytes())
        at = 0
        while at < len(data):
            at_ns, offset, length = struct.unpack_from("=QQQ", data, at)
            at += 24
            if length:
                self.epochs[-1].writes.append((offset, data[at : at + length]))
                at += length
            else:
                self.epochs[-1].until_ns = at_ns
                self.epochs.append(Epoch())

    @property
    def writes(self):
        return sum(len(epoch.writes) for epoch in self.epochs)


def survivors(writes, random):
    """Any subset of the writes, in any order; some are torn, at the sectors."""
    chance = random.choice((0, 0.1, 0.5, 0.9, 1))
    torn = random.choice((0, 0.2, 1))
    for offset, data in random.sample(writes, len(writes)):
        if random.random() < torn:
            for at in range(0, len(data), SECTOR):
                if random.random() < chance:
                    yield offset + at, data[at : at + SECTOR]
        elif random.random() < chance:
            yield offset, data


def write_all(image, writes):
    with open(image, "r+b", buffering=0) as file:
        for offset, data in writes:
            file.seek(offset)
            file.write(data)
