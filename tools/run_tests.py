#!/usr/bin/env python3
"""Run the test programs that meson knows, and count every single test.

usage: run_tests.py [--slow N] BUILD [NAME...]

A test program speaks TAP. Its suite is the first name that meson.build gives it. NAME is
a suite, a program, SUITE/PROGRAM, or a part of a program's name; one that names nothing is
an error. Without one, all suites run but those that take long. A program that ends badly,
overruns its time or breaks off its plan counts as one failure more. The last line is
`N passed, N failed`, and the exit code follows it.
"""

import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

ON_DEMAND = ("torture-long",)
RESULT = re.compile(r"(not )?ok\b(?:\s+\d+)?\s*-?\s*([^#]*)(#\s*skip\b.*)?", re.IGNORECASE)
PLAN = re.compile(r"1\.\.(\d+)")
SHOWN_LINES = 40

output = threading.Lock()


class Outcome:
    """What one program said, and how it ended."""

    def __init__(self):
        self.passed = 0
        self.skipped = 0
        self.failures = []
        self.planned = None

    def read(self, line):
        plan = PLAN.match(line)
        if plan:
            self.planned = (self.planned or 0) + int(plan.group(1))
            return
        if line.startswith("Bail out!"):
            self.failures.append(line.strip())
            return
        result = RESULT.match(line)
        if not result:
            return
        bad, name, skip = result.groups()
        if skip:
            self.skipped += 1
        elif bad:
            self.failures.append(name.strip())
        else:
            self.passed += 1

    def end(self, status, seconds_allowed, timed_out):
        seen = self.passed + self.skipped + len(self.failures)
        if timed_out:
            self.failures.append(f"still running after {seconds_allowed} s")
        elif self.planned is None:
            self.failures.append("printed no plan")
        elif self.planned != seen:
            self.failures.append(f"planned {self.planned} tests, reported {seen}")
        elif status < 0:
            self.failures.append(f"ended by signal {-status}")
        elif status != 0 and not self.failures:
            self.failures.append(f"ended with {status}")


def end_group(leader):
    """Nothing that a test started may outlive it."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def watch(test, log, allowed, outcome, first=False, **env):
    """Run one program to its end, or to its first failure; its status, and whether it
    overran its time."""
    timed_out = threading.Event()
    child = subprocess.Popen(
        test["cmd"],
        cwd=test["workdir"],
        env={**os.environ, **test["env"], **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )

    def overrun():
        timed_out.set()
        end_group(child.pid)

    timer = threading.Timer(allowed, overrun)
    timer.start()
    for line in child.stdout:
        outcome.read(line)
        log.write(line)
        log.flush()
        if first and outcome.failures:
            end_group(child.pid)
    status = child.wait()
    timer.cancel()
    end_group(child.pid)
    return status, timed_out.is_set()


def run(test, logs, slow):
    """Run one program, print what it came to, and return its outcome."""
    outcome = Outcome()
    allowed = test["timeout"] * slow if test["timeout"] > 0 else 600 * slow
    log_path = os.path.join(logs, re.sub(r"\W+", "-", f"{test['suite']}-{test['name']}") + ".log")
    started = time.monotonic()
    with open(log_path, "w+", encoding="utf-8", errors="replace") as log:
        status, timed_out = watch(test, log, allowed, outcome)
        outcome.end(status, allowed, timed_out)
        log.seek(0)
        tail = [line for line in log if not line.startswith("ok ")][-SHOWN_LINES:]
    report(test, outcome, time.monotonic() - started, tail, log_path)
    return outcome


def report(test, outcome, seconds, tail, log_path):
    words = [f"{outcome.passed} passed" if outcome.planned != 0 else "skipped as a whole"]
    if outcome.skipped:
        words.append(f"{outcome.skipped} skipped")
    if outcome.failures:
        words.append(f"{len(outcome.failures)} FAILED")
    with output:
        print(f"{test['suite']}/{test['name']}: {', '.join(words)} ({seconds:.1f} s)")
        for name in outcome.failures:
            print(f"  not ok: {name}")
        if outcome.failures:
            print(f"  the end of {log_path}:")
            for line in tail:
                print("    " + line.rstrip("\n"))
        sys.stdout.flush()


def tests_of(build):
    text = subprocess.run(
        ["meson", "introspect", "--tests", build], check=True, stdout=subprocess.PIPE
    ).stdout
    tests = json.loads(text)
    for test in tests:
        suites = [name.split(":")[-1] for name in test["suite"]]
        test["suite"] = suites[0]
        # Meson runs tests in the build folder, and names files from there.
        test["workdir"] = test["workdir"] or os.path.abspath(build)
    return tests


def chosen(tests, names):
    if not names:
        return [test for test in tests if test["suite"] not in ON_DEMAND]
    found = []
    for name in names:
        for matches in (
            lambda test: test["suite"] == name,
            lambda test: name in (test["name"], f"{test['suite']}/{test['name']}"),
            lambda test: name in test["name"],
        ):
            hits = [test for test in tests if matches(test)]
            if hits:
                found += [test for test in hits if test not in found]
                break
        else:
            sys.exit(f"run_tests: no test is called {name}")
    return found


def run_all(tests, logs, slow):
    """Programs that may share the machine go first and together, the others one by one."""
    together = [test for test in tests if test["is_parallel"]]
    alone = [test for test in tests if not test["is_parallel"]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(lambda test: run(test, logs, slow), together))
    return outcomes + [run(test, logs, slow) for test in alone]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slow", type=int, default=1, help="multiply the time limits")
    parser.add_argument("build")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()

    tests = chosen(tests_of(options.build), options.names)
    logs = os.path.join(options.build, "test-logs")
    os.makedirs(logs, exist_ok=True)
    outcomes = run_all(tests, logs, options.slow)
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(len(outcome.failures) for outcome in outcomes)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
