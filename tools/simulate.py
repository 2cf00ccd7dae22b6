#!/usr/bin/env python3
"""Tell stories of the simulated world on all cores, for as long as is asked.

usage: simulate.py PAWL [--lives N | --seconds N] [--from SEED] [--days N]

Without a number it goes on for a minute; ends early, by Ctrl-C too, with what was told
until then. A story that goes wrong is shown with the command that tells it again, and is
worth a line in tests/sim/seeds. The exit code is 6 if there was one.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import subprocess
import sys
import threading
import time

A_PART = 200  # stories that one process tells: what it leaks, if anything, goes with it
SUMS = ("lives", "blocks", "starts", "steps", "crashes", "power_cuts", "reorgs", "sends", "faults")


class Total:
    """What came of all parts."""

    def __init__(self):
        self.sums = collections.Counter()
        self.kinds = collections.Counter()
        self.violations = 0
        self.wrong = []
        self.lock = threading.Lock()

    def add(self, lines):
        with self.lock:
            for line in lines:
                if not line.startswith("{"):
                    self.wrong.append(line)
                    print(line, flush=True)
                    continue
                figures = json.loads(line)
                if "wrong" in figures:
                    told = f"seed {figures['seed']}, step {figures['step']}: {figures['wrong']}"
                    self.wrong.append(told)
                    print(f"{told}\nagain: {figures['again']}", flush=True)
                    continue
                self.violations += figures.pop("violations", 0)
                for kind in ("acts", "seen", "requests", "disk"):
                    self.kinds.update(figures.pop(kind, {}))
                self.sums.update({k: v for k, v in figures.items() if k in SUMS})

    def tell(self, seconds):
        print(", ".join(f"{self.sums[name]:,} {name.replace('_', ' ')}" for name in SUMS))
        print(", ".join(f"{n:,} {kind}" for kind, n in sorted(self.kinds.items()) if n))
        rate = self.sums["lives"] / seconds if seconds else 0
        print(f"{self.violations} violations", flush=True)
        print(f"{seconds:.0f} s, {rate:.0f} lives/s", file=sys.stderr)


def part(options, total, seed, lives):
    """One process; what it says, whatever ended it."""
    command = [options.pawl, "simulate", "--json", "--seed", str(seed), "--lives", str(lives)]
    if options.days:
        command += ["--days", str(options.days)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode not in (0, 6) or not lines or not lines[-1].startswith("{"):
        lines += [f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}"]
    total.add(lines)
    return done.returncode


def arguments():
    def number(text):
        n = int(text)
        if not 0 < n < 1 << 62:
            raise argparse.ArgumentTypeError(f"{text}: must be from 1 to 2^62")
        return n

    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1][len("usage: "):])
    parser.add_argument("pawl")
    bound = parser.add_mutually_exclusive_group()
    bound.add_argument("--lives", type=number)
    bound.add_argument("--seconds", type=number, default=60)
    parser.add_argument("--from", dest="first", type=number)
    parser.add_argument("--days", type=number)
    options = parser.parse_args()
    if options.lives is not None:
        options.seconds = None
    if options.first is None:
        options.first = int(time.time()) * 1000  # others than last time
    return options


def main():
    options = arguments()
    total = Total()
    begun = time.monotonic()
    size = 1 if options.days else A_PART
    seed, left = options.first, options.lives
    cores = len(os.sched_getaffinity(0))
    print(f"from seed {seed} on", flush=True)
    with concurrent.futures.ThreadPoolExecutor(cores) as pool:
        running = set()
        try:
            while left != 0 and (left or time.monotonic() - begun < options.seconds):
                lives = min(size, left) if left else size
                running.add(pool.submit(part, options, total, seed, lives))
                seed += lives
                left = left - lives if left else left
                while len(running) >= cores + 1:
                    done, running = concurrent.futures.wait(
                        running, return_when=concurrent.futures.FIRST_COMPLETED
                    )
            concurrent.futures.wait(running)
        except KeyboardInterrupt:
            concurrent.futures.wait(running)
    total.tell(time.monotonic() - begun)
    return 6 if total.violations or total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
