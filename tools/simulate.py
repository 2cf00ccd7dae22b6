#!/usr/bin/env python3
"""Tell stories of the simulated world on all cores, for as long as is asked.

usage: simulate.py PAWL [--lives N | --seconds N] [--from SEED] [--days N]

Without a number it goes on for a minute; ends early, by Ctrl-C too, with what was told
until then and the seed to go on from. A story that goes wrong is shown with the command
that tells it again, and is worth a line in tests/sim/seeds. The exit code is 6 if there was
one, else 3 if it was stopped, 1 for what it does not understand.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import threading
import time

A_PART = 200  # stories that one process tells: what it leaks, if anything, goes with it
SUMS = {
    "lives": "life",
    "blocks": "block",
    "starts": "start",
    "steps": "step",
    "crashes": "crash",
    "power_cuts": "power cut",
    "reorgs": "reorg",
    "sends": "send",
    "faults": "fault",
}
KINDS = ("acts", "seen", "requests", "disk")  # as pawl groups them
STOPPED, WRONG = 3, 6

# What pawl takes.
SEED_MAX = 2**63 - 1
BOUNDS = {
    "--lives": (1, 10**9),
    "--seconds": (1, 10**9),
    "--from": (0, SEED_MAX),
    "--days": (1, 1000),
}


def counted(n, one, many):
    return f"{n:,} {one if n == 1 else many.replace('_', ' ')}"


class Total:
    """What came of all parts."""

    def __init__(self):
        self.sums = collections.Counter()
        self.kinds = {group: collections.Counter() for group in KINDS}
        self.violations = 0
        self.broken = 0  # processes that ended otherwise
        self.lock = threading.Lock()

    def add(self, lines):
        """The objects that a process printed; how many lives it told."""
        lives = 0
        with self.lock:
            for figures in map(json.loads, lines):
                if "wrong" in figures:
                    print(*figures["trace"], sep="\n")
                    print(f"seed {figures['seed']}, step {figures['step']}: {figures['wrong']}")
                    print(f"again: {figures['again']}", flush=True)
                    continue
                lives += figures.get("lives", 0)
                self.violations += figures.pop("violations", 0)
                for group in KINDS:
                    self.kinds[group].update(figures.pop(group, {}))
                self.sums.update({k: v for k, v in figures.items() if k in SUMS})
        return lives

    def add_broken(self, why):
        with self.lock:
            self.broken += 1
            print(why, flush=True)

    def tell(self, seconds):
        print(", ".join(counted(self.sums[many], one, many) for many, one in SUMS.items()))
        for group, kinds in self.kinds.items():
            shown = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n)
            if shown:
                print(f"{group}: {shown}")
        if self.broken:
            print(counted(self.broken, "process broke", "processes broke"))
        if self.violations:
            print(counted(self.violations, "violation", "violations"))
        elif not self.broken:
            print("nothing was wrong")
        sys.stdout.flush()
        rate = self.sums["lives"] / seconds if seconds else 0
        print(f"{seconds:.0f} s, {rate:.{0 if rate >= 10 else 1}f} lives/s", file=sys.stderr)


class Parts:
    """The processes that run, and how to stop them: each hears of it once, from us, and tells
    its story to the end. Who asks twice does not wait for that."""

    def __init__(self, options, total):
        self.options = options
        self.total = total
        self.children = set()
        self.stopping = False
        self.lock = threading.Lock()  # never taken by the thread that hears signals, but to stop
        self.untold = []  # first seeds of what was not told, or not to its end

    def stop(self, *_):
        with self.lock:
            self.stopping = True
            for child in self.children:
                child.send_signal(signal.SIGINT)

    def start(self, command):
        """None: nothing is begun any more."""
        with self.lock:
            if self.stopping:
                return None
            child = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # a Ctrl-C is ours to pass on
            )
            self.children.add(child)
            return child

    def run(self, seed, lives):
        command = [self.options.pawl, "simulate", "--json", "--seed", str(seed)]
        command += ["--lives", str(lives)]
        if self.options.days:
            command += ["--days", str(self.options.days)]
        child = self.start(command)
        told = 0
        if child:
            out, err = child.communicate()
            with self.lock:
                self.children.discard(child)
            lines = [line for line in out.splitlines() if line.startswith("{")]
            told = self.total.add(lines)
            whole = child.returncode in (0, STOPPED, WRONG) and lines
            if not whole and not (self.stopping and child.returncode < 0):
                self.total.add_broken(
                    f"{' '.join(command)}: exit {child.returncode}: {err.strip()}"
                )
                return
        if told < lives:
            self.untold.append(seed + told)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"./do simulate: {message.removeprefix('argument ')}", file=sys.stderr)
        sys.exit(1)


def number(option):
    least, most = BOUNDS[option]

    def parse(text):
        if not text.isascii() or not text.isdigit() or not least <= int(text[:30]) <= most:
            raise argparse.ArgumentTypeError(
                f"{text}: must be a number from {least} to {most}"
            )
        return int(text)

    return parse


def arguments():
    parser = Parser(allow_abbrev=False, add_help=False)
    parser.add_argument("pawl")
    bound = parser.add_mutually_exclusive_group()
    bound.add_argument("--lives", type=number("--lives"))
    bound.add_argument("--seconds", type=number("--seconds"), default=60)
    parser.add_argument("--from", dest="first", type=number("--from"))
    parser.add_argument("--days", type=number("--days"))
    options = parser.parse_args()
    if options.lives is not None:
        options.seconds = None
    if options.first is None:
        options.first = int(time.time()) * 1000  # others than last time
    if (options.lives or 1) - 1 > SEED_MAX - options.first:
        parser.error(f"--lives: the last seed would be above {SEED_MAX}")
    return options


def tell_all(options, parts):
    """Part after part, one more than there are cores."""
    begun = time.monotonic()
    size = 1 if options.days else A_PART
    seed, left = options.first, options.lives
    cores = len(os.sched_getaffinity(0))
    with concurrent.futures.ThreadPoolExecutor(cores) as pool:
        running = set()
        while not parts.stopping and left != 0 and seed <= SEED_MAX:
            if not left and time.monotonic() - begun >= options.seconds:
                break
            lives = min(size, left or size, SEED_MAX - seed + 1)
            running.add(pool.submit(parts.run, seed, lives))
            seed += lives
            left = left - lives if left else left
            while len(running) >= cores + 1:
                done, running = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED
                )
                for one in done:
                    one.result()
        for one in running:
            one.result()
    return min([seed, *parts.untold])


def main():
    options = arguments()
    total = Total()
    parts = Parts(options, total)
    signal.signal(signal.SIGINT, parts.stop)
    signal.signal(signal.SIGTERM, parts.stop)
    begun = time.monotonic()
    print(f"from seed {options.first} on", flush=True)
    seed = tell_all(options, parts)
    total.tell(time.monotonic() - begun)
    if parts.stopping:
        print(f"stopped; on from there: ./do simulate --from {seed}", file=sys.stderr)
    if total.violations or total.broken:
        return WRONG
    return STOPPED if parts.stopping else 0


if __name__ == "__main__":
    sys.exit(main())
