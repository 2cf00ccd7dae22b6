#!/usr/bin/env python3
"""Break the program in each way of src/base/mutant.def, and see that a suite finds it.

usage: run_mutants.py BUILD [--simulate[=STORIES]] [NAME...]

BUILD was configured with -Dmutants=true. Each test program of the table first runs as it is,
and must pass; then once for each of its mutants, until it fails. A mutant of the suite sim is
lived with by `pawl simulate`: story by story, until one goes wrong that goes well without it. A
mutant that nothing finds is a failure. The last line is `N caught, N survived`, and the exit code
follows it.

With --simulate all mutants meet the simulator, and nothing else: where so many stories (5,000) are
told in vain, those of tests/sim/seeds and then the named scenarios. What found it is kept in
tests/sim/mutants.txt, for docs/mutants.md.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

import gen_docs
import run_tests

TABLE = gen_docs.ROOT / "src" / "base" / "mutant.def"
STORIES_MAX, STORIES_FIRST, STORIES_AT_ONCE = 5000, 10, 100
SCENARIO_LIVES, SCENARIO_TOLD, SCENARIO_APART = 50, 8, 13  # the latter as tests/sim/test_scenarios.c
WRONG = re.compile(r"\bseed (\d+), step \d+: (.+)")


class Mutant:
    """A row of the table; its name is None for the program as it is."""

    def __init__(self, name, breaks, suite, program):
        self.name = name
        self.breaks = breaks
        self.suite = suite
        self.test = f"{suite}/{program}"


def run(mutant, test, logs):
    """Run its program until something fails; return what did, or None."""
    outcome = run_tests.Outcome()
    allowed = test["timeout"]
    name = mutant.name or mutant.test.replace("/", "-")
    with open(os.path.join(logs, f"mutant-{name}.log"), "w", encoding="utf-8") as log:
        status, timed_out = run_tests.watch(
            test, log, allowed, outcome, first=True, PAWL_MUTANT=mutant.name or ""
        )
    if not outcome.failures and status < 0 and not timed_out:
        return f"it ended by signal {-status}"
    if not outcome.failures:
        outcome.end(status, allowed, timed_out)
    return outcome.failures[0] if outcome.failures else None


# --- the simulator -----------------------------------------------------------------------------


def pawl(build, name, what):
    return subprocess.run(
        [os.path.join(build, "pawl"), "simulate", *what],
        env={**os.environ, "PAWL_MUTANT": name or ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def stories(build, name, seed, n, scenario=None):
    """Tell so many; the seed of the first that goes wrong and why, or None."""
    what = ["--seed", str(seed), "--lives", str(n)]
    if scenario:
        what += ["--scenario", scenario]
    told = pawl(build, name, what)
    wrong = WRONG.search(told.stdout)
    if wrong:
        return int(wrong[1]), wrong[2]
    if told.returncode:
        sys.exit(f"pawl simulate {' '.join(what)}: {told.stdout.strip()[-500:]}")
    return None


def is_its_own(build, wrong, scenario=None):
    """It goes well without a mutant."""
    if not stories(build, None, wrong[0], 1, scenario):
        return True
    named = f" --scenario {scenario}" if scenario else ""
    print(f"pawl simulate --seed {wrong[0]}{named}: goes wrong without a mutant", flush=True)
    return False


def is_unsaid(build, mutant, scenario, says):
    """What a scenario is about does not show in any of the stories that the suite tells, too."""
    for seed in range(1, 1 + SCENARIO_TOLD * SCENARIO_APART, SCENARIO_APART):
        told = pawl(build, mutant, ["--seed", str(seed), "--scenario", scenario])
        if says in told.stdout:
            return False
    return True


def draw(build, mutant, most):
    """The number of the story that it was found in, and why; None where nothing was."""
    seed, n = 1, STORIES_FIRST
    while seed <= most:
        n = min(n, most - seed + 1)
        wrong = stories(build, mutant.name, seed, n)
        if wrong and is_its_own(build, wrong):
            return wrong
        seed = wrong[0] + 1 if wrong else seed + n
        n = min(2 * n, STORIES_AT_ONCE)
    return None


def kept():
    """The stories that once went wrong without a mutant."""
    lines = (gen_docs.ROOT / "tests" / "sim" / "seeds").read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line[:1].isdigit()]


def simulate(build, mutant, most=STORIES_MAX):
    """The number of a story, or the name of a scenario, and why; None: nothing found it."""
    wrong = draw(build, mutant, most)
    for seed in [] if wrong else kept():
        wrong = stories(build, mutant.name, seed, 1)
        if wrong and is_its_own(build, wrong):
            return wrong
    for name, says in [] if wrong else gen_docs.scenarios().items():
        wrong = stories(build, mutant.name, 1, SCENARIO_LIVES, name)
        if wrong and is_its_own(build, wrong, name):
            return name, wrong[1]
        if says != "NULL" and is_unsaid(build, mutant.name, name, says):
            return name, f"none of its stories says: {says}"
    return wrong


# --- all of them -------------------------------------------------------------------------------


def run_all(mutants, find, say):
    """Each with what found it, as many at once as this process may use processors."""

    def one(mutant):
        started = time.monotonic()
        found = find(mutant)
        say(mutant, found, time.monotonic() - started)
        return found

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(one, mutants))


def say_baseline(mutant, found, seconds):
    if found:
        print(f"{mutant.test}: fails without a mutant: {found}", flush=True)


def say_mutant(mutant, found, seconds):
    if isinstance(found, tuple):
        found = f"{found[0]}: {found[1]}"
    if found:
        text = f"caught    {mutant.name:<25} {mutant.test}: {found} ({seconds:.1f} s)"
    else:
        text = f"SURVIVED  {mutant.name:<25} {mutant.test} ({seconds:.1f} s): {mutant.breaks}"
    print(text, flush=True)


def find_by_suites(build, mutants):
    """What found each; None: a program fails without any of them."""
    tests = {f"{test['suite']}/{test['name']}": test for test in run_tests.tests_of(build)}
    logs = os.path.join(build, "test-logs")
    os.makedirs(logs, exist_ok=True)

    def find(mutant):
        if mutant.suite == "sim":
            return simulate(build, mutant)
        return run(mutant, tests[mutant.test], logs)

    programs = dict.fromkeys(mutant.test for mutant in mutants if mutant.suite != "sim")
    whole = [Mutant(None, "", *program.split("/", 1)) for program in programs]
    if any(run_all(whole, find, say_baseline)):
        return None
    return run_all(mutants, find, say_mutant)


def keep(mutant, found, most):
    """Who is killed in the middle has kept what was found by then."""
    kept = gen_docs.mutant_stories()
    kept[mutant.name] = str(found[0]) if found else f">{most}"
    names = [row[0] for row in gen_docs.read_table(TABLE)]
    lines = [f"{name} {kept[name]}\n" for name in names if name in kept]
    gen_docs.MUTANT_STORIES.write_text("".join(lines), encoding="utf-8")


def find_by_stories(build, mutants, most):
    """The same, of the simulator alone, and kept."""
    keeping = threading.Lock()
    for mutant in mutants:
        mutant.test = "pawl simulate"

    def say(mutant, found, seconds):
        say_mutant(mutant, found, seconds)
        with keeping:
            keep(mutant, found, most)

    return run_all(mutants, lambda mutant: simulate(build, mutant, most), say)


def main():
    build, *names = sys.argv[1:] or [None]
    option = re.fullmatch(r"--simulate(?:=(\d+))?", names[0]) if names else None
    names = names[1:] if option else names
    if not build:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 1
    mutants = [Mutant(*row.arguments) for row in gen_docs.read_table(TABLE)]
    for name in set(names) - {mutant.name for mutant in mutants}:
        print(f"run_mutants: {name} is none of {TABLE}", file=sys.stderr)
        return 1
    mutants = [mutant for mutant in mutants if not names or mutant.name in names]
    if option:
        found = find_by_stories(build, mutants, int(option[1] or STORIES_MAX))
    else:
        found = find_by_suites(build, mutants)
    if found is None:
        return 1
    survived = found.count(None)
    print(f"{len(found) - survived} caught, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
