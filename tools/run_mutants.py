#!/usr/bin/env python3
"""Break the program in each way of src/base/mutant.def, and see that a suite finds it.

usage: run_mutants.py BUILD [NAME...]

BUILD was configured with -Dmutants=true. Each test program of the table first runs as it is,
and must pass; then once for each of its mutants, until it fails. A mutant that nothing finds is a
failure. The last line is `N caught, N survived`, and the exit code follows it.
"""

import concurrent.futures
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

import gen_docs
import run_tests

TABLE = gen_docs.ROOT / "src" / "base" / "mutant.def"


class Mutant:
    """A row of the table; its name is None for the program as it is."""

    def __init__(self, name, breaks, suite, program):
        self.name = name
        self.breaks = breaks
        self.test = f"{suite}/{program}"


def run(mutant, test, logs):
    """Run its program until something fails; return what did, or None."""
    outcome = run_tests.Outcome()
    allowed = test["timeout"]
    name = mutant.name or test["name"]
    with open(os.path.join(logs, f"mutant-{name}.log"), "w", encoding="utf-8") as log:
        status, timed_out = run_tests.watch(
            test, log, allowed, outcome, first=True, PAWL_MUTANT=mutant.name or ""
        )
    if not outcome.failures and status < 0 and not timed_out:
        return f"it ended by signal {-status}"
    if not outcome.failures:
        outcome.end(status, allowed, timed_out)
    return outcome.failures[0] if outcome.failures else None


def run_all(mutants, tests, logs, say):
    """Each with what found it, as many at once as this process may use processors."""

    def one(mutant):
        started = time.monotonic()
        found = run(mutant, tests[mutant.test], logs)
        say(mutant, found, time.monotonic() - started)
        return found

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(one, mutants))


def say_baseline(mutant, found, seconds):
    if found:
        print(f"{mutant.test}: fails without a mutant: {found}", flush=True)


def say_mutant(mutant, found, seconds):
    if found:
        text = f"caught    {mutant.name:<25} {mutant.test}: {found} ({seconds:.1f} s)"
    else:
        text = f"SURVIVED  {mutant.name:<25} {mutant.test} ({seconds:.1f} s): {mutant.breaks}"
    print(text, flush=True)


def main():
    if len(sys.argv) < 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 1
    build, names = sys.argv[1], sys.argv[2:]
    mutants = [Mutant(*row.arguments) for row in gen_docs.read_table(TABLE)]
    for name in set(names) - {mutant.name for mutant in mutants}:
        print(f"run_mutants: {name} is none of {TABLE}", file=sys.stderr)
        return 1
    mutants = [mutant for mutant in mutants if not names or mutant.name in names]

    tests = {f"{test['suite']}/{test['name']}": test for test in run_tests.tests_of(build)}
    logs = os.path.join(build, "test-logs")
    os.makedirs(logs, exist_ok=True)
    programs = dict.fromkeys(mutant.test for mutant in mutants)
    whole = [Mutant(None, "", *program.split("/", 1)) for program in programs]
    if any(run_all(whole, tests, logs, say_baseline)):
        return 1
    found = run_all(mutants, tests, logs, say_mutant)
    survived = found.count(None)
    print(f"{len(found) - survived} caught, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
