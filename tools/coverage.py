#!/usr/bin/env python3
"""Say which lines and branches of src/ no suite reaches, and whether each has a reason.

usage: coverage.py [--again] BUILD [SUITE...]

BUILD was configured with -Db_coverage=true. The suites run in it, all but tidy if none is named;
--again takes the counts that are there. BUILD/coverage.md tells every place that was
not reached. When all suites ran, docs/coverage.md is written too: the figures, and what is
not reached of the modules EXPLAINED, each place with its reason from tests/unreached.txt. A
place without one, and a reason whose place is not in the source, are named; the exit code is 1.
"""

import argparse
import collections
import functools
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

import gen_docs
import run_tests

ROOT = gen_docs.ROOT
REASONS = ROOT / "tests" / "unreached.txt"
PAGE = ROOT / "docs" / "coverage.md"
EXPLAINED = ("engine", "journal", "chain", "kinds")

# What a test can't choose: our own mistakes, and where the torture suite dies.
NOISE = re.compile(r"\b(?:CHECK|BUG|CRASH_POINT)\(")
CANNOT_BE = re.compile(r"\b(?:CHECK|BUG)\(")
LABEL = re.compile(r"^\s*(?:case\b.*|default\s*):(?:\s*{)?$")
ELSE = re.compile(r"^(\s*)(?:} )?else\b(?! if)")


class Source:
    """The text of one file, and which of its lines belong to what can't be chosen."""

    def __init__(self, name):
        self.lines = (ROOT / name).read_text(encoding="utf-8").split("\n")
        self.noise = self._extents(NOISE)
        self.impossible = self._extents(CANNOT_BE)

    def text(self, line):
        return " ".join(self.lines[line - 1].split())

    def _extents(self, pattern):
        """The lines from each such name to the parenthesis that closes it."""
        found = set()
        for first, line in enumerate(self.lines, 1):
            match = pattern.search(line)
            if not match:
                continue
            depth = 0
            for number in range(first, len(self.lines) + 1):
                rest = line[match.end() - 1 :] if number == first else self.lines[number - 1]
                depth += rest.count("(") - rest.count(")")
                found.add(number)
                if depth <= 0:
                    break
        return found


class Line:
    """What gcov counted on one line: how often, and each condition both ways."""

    def __init__(self, function):
        self.function = function
        self.count = 0
        self.ways = []

    def add(self, seen):
        self.count += seen["count"]
        ways = [way["count"] for way in seen["branches"]]
        self.ways = [a + b for a, b in itertools.zip_longest(self.ways, ways, fillvalue=0)]


class Place:
    """What is not reached: lines behind a decision, or a condition that goes one way."""

    def __init__(self, function, text, line):
        self.function = function
        self.text = text
        self.line = line
        self.ranges = []
        self.conditions = []
        self.why = None

    @property
    def lines(self):
        if not self.ranges:
            return str(self.line)
        return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in self.ranges)

    @property
    def what(self):
        if self.ranges:
            return f"not reached: {self.lines}"
        return "one way only: " + ", ".join(self.conditions)


class File:
    """One file of src/: its lines, its figures, and its places."""

    def __init__(self, name):
        self.name = name
        self.module = name.split("/")[1]
        self.lines = {}
        self.functions = {}

    @functools.cached_property
    def source(self):
        return Source(self.name)

    def add(self, seen):
        for function in seen["functions"]:
            name = function["name"]
            count = self.functions.get(name, (0, 0))[1] + function["execution_count"]
            self.functions[name] = (function["start_line"], count)
        for line in seen["lines"]:
            known = self.lines.setdefault(
                line["line_number"], Line(line.get("function_name", ""))
            )
            known.add(line)

    # The figures.

    @functools.cached_property
    def counted(self):
        return [line for number, line in self._sorted() if not self._is_impossible(number)]

    @property
    def lines_n(self):
        return len(self.counted)

    @property
    def reached_n(self):
        return sum(line.count > 0 for line in self.counted)

    @functools.cached_property
    def ways(self):
        return [
            way
            for number, line in self._sorted()
            if number not in self.source.noise
            for way in line.ways
        ]

    @property
    def ways_n(self):
        return len(self.ways)

    @property
    def taken_n(self):
        return sum(way > 0 for way in self.ways)

    def _sorted(self):
        return sorted(self.lines.items())

    def _is_impossible(self, number):
        """A line that is nothing but a CHECK or BUG which no run may reach."""
        return self.lines[number].count == 0 and number in self.source.impossible

    # The places.

    @functools.cached_property
    def places(self):
        """In the order of their lines; what hangs on one decision is one place."""
        found = {}
        forgiven = set()
        for first, last in self._ranges():
            place = self._place_of(first)
            if all(
                number in self.source.impossible
                for number in range(first, last + 1)
                if number in self.lines
            ):
                forgiven.add(place.line)
                continue
            found.setdefault(place.line, place).ranges.append((first, last))
        for number, line in self._sorted():
            if number in self.source.noise or number in forgiven or line.count == 0:
                continue
            conditions = self._one_way(number, line)
            if conditions and number not in found:
                found[number] = Place(line.function, self.source.text(number), number)
                found[number].conditions = conditions
        return [found[number] for number in sorted(found)]

    def _ranges(self):
        """First and last of the lines in a row that nothing reached, within a function."""
        numbers = sorted(self.lines)
        key = lambda n: (self.lines[n].function, self.lines[n].count > 0)
        for (_, reached), group in itertools.groupby(numbers, key):
            if not reached:
                group = list(group)
                yield group[0], group[-1]

    def _place_of(self, first):
        """The decision that keeps everybody from this line, or the line itself."""
        function = self.lines[first].function
        start, count = self.functions.get(function, (first, 1))
        if count == 0:
            return Place(function, "*", start)
        line = self._decision_before(first)
        return Place(function, self.source.text(line), line)

    def _decision_before(self, first):
        if LABEL.match(self.source.lines[first - 1]):
            return first
        above = first - 1
        while above > 1 and not self.source.lines[above - 1].strip():
            above -= 1
        if LABEL.match(self.source.lines[above - 1]):
            return above
        otherwise = ELSE.match(self.source.lines[above - 1])
        if otherwise:
            return self._if_of(above, otherwise.group(1)) or first
        before = max((n for n in self.lines if n < first), default=first)
        line = self.lines[before]
        if line.function == self.lines[first].function and 0 in line.ways:
            return before
        return first

    def _if_of(self, above, indent):
        """The last line of the condition whose `else` stands at this depth."""
        while above > 1:
            above -= 1
            if re.match(rf"{indent}(?:}} else )?if \(", self.source.lines[above - 1]):
                return above
        return None

    def _one_way(self, number, line):
        """Which conditions of a line never went the other way. A switch is told by its
        cases."""
        if "switch (" in self.source.lines[number - 1] or len(line.ways) % 2:
            return []
        pairs = list(zip(line.ways[::2], line.ways[1::2]))
        return [
            f"{index} of {len(pairs)}"
            for index, (one, other) in enumerate(pairs, 1)
            if (one == 0) != (other == 0)
        ]


# --- counting ----------------------------------------------------------------------------------


def forget_counts(build):
    for path in pathlib.Path(build).rglob("*.gcda"):
        path.unlink()


def run_suites(build, suites):
    tests = run_tests.tests_of(build)
    every = not suites
    names = suites or sorted({test["suite"] for test in tests} - {"tidy", *run_tests.ON_DEMAND})
    chosen = run_tests.chosen(tests, names)
    logs = os.path.join(build, "test-logs")
    os.makedirs(logs, exist_ok=True)
    outcomes = run_tests.run_all(chosen, logs, slow=5)
    failed = sum(len(outcome.failures) for outcome in outcomes)
    print(f"{sum(o.passed for o in outcomes)} passed, {failed} failed", flush=True)
    return every, failed


def read_counts(build):
    """Every file of src/ that was compiled, also one that nothing ran."""
    build = pathlib.Path(build).resolve()
    notes = sorted(str(path) for path in (build / "src").rglob("*.gcno"))
    # Its exit code speaks of files that nothing ran.
    text = subprocess.run(
        ["gcov", "--branch-probabilities", "--json-format", "--stdout", *notes],
        cwd=build,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ).stdout
    files = {}
    for row in text.splitlines():
        for seen in json.loads(row)["files"]:
            path = pathlib.Path(build, seen["file"]).resolve()
            if not path.is_file() or path.name == "coverage.c":
                continue
            if path.is_relative_to(ROOT / "src"):
                name = path.relative_to(ROOT).as_posix()
                files.setdefault(name, File(name)).add(seen)
    return [files[name] for name in sorted(files)]


# --- the reasons -------------------------------------------------------------------------------


class Reason:
    """A row of tests/unreached.txt: a place, and why nothing reaches it."""

    def __init__(self, number, file, function, text):
        self.number = number
        self.key = (file, function, text)
        self.why = ""
        self.is_used = False


def read_reasons(path):
    """The reasons that have a name, and the rows; the file's own head says how it is written."""
    named, rows, above = {}, [], []
    heading = None
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith("\t"):
            heading, above = line.strip(), []
        elif heading.startswith("= "):
            name = heading[2:]
            named[name] = f"{named.get(name, '')} {line.strip()}".strip()
        elif line.startswith("\t\t"):
            for row in above:
                row.why = f"{row.why} {line.strip()}".strip()
        else:
            if above and above[-1].why:
                above = []
            function, _, text = line.strip().partition(": ")
            above.append(Reason(number, heading, function, text))
            rows.append(above[-1])
    return named, rows


def explain(files, named, reasons):
    """Give each place its reason, one for one in their order; return those without. A
    reason that is one word is the name of one."""
    waiting = collections.defaultdict(list)
    for row in reasons:
        waiting[row.key].append(row)
    bare = []
    for file in files:
        for place in file.places:
            rows = waiting[(file.name, place.function, place.text)]
            if rows and (" " in rows[0].why or rows[0].why in named):
                place.why = rows[0].why
                rows.pop(0).is_used = True
            else:
                bare.append((file, place))
    return bare


def is_in_source(row):
    name, function, text = row.key
    path = ROOT / (name or "")
    if not path.is_file():
        return False
    lines = [" ".join(line.split()) for line in path.read_text(encoding="utf-8").split("\n")]
    return text in lines or (text == "*" and any(f"{function}(" in line for line in lines))


# --- the pages ---------------------------------------------------------------------------------


def share(part, whole):
    return f"{part * 1000 // whole / 10:.1f} %" if whole else "-"


def figures(name, files):
    def total(figure):
        return sum(getattr(file, figure) for file in files)

    lines, reached = total("lines_n"), total("reached_n")
    ways, taken = total("ways_n"), total("taken_n")
    return [
        name,
        str(lines),
        str(lines - reached),
        share(reached, lines),
        str(ways),
        str(ways - taken),
        share(taken, ways),
    ]


HEAD = ("", "lines", "not reached", "reached", "branches", "not taken", "taken")


def module_rows(files):
    by_module = itertools.groupby(files, lambda file: file.module)
    groups = [(name, list(group)) for name, group in by_module]
    return [figures(name, group) for name, group in groups] + [figures("all", files)]


def whole_page(files):
    parts = ["# Coverage", gen_docs.table(HEAD, module_rows(files)), "## Files"]
    parts.append(gen_docs.table(HEAD, [figures(file.name, [file]) for file in files]))
    parts.append("## What was not reached")
    for file in files:
        rows = [
            f"- {place.function}: `{place.text}`: {place.what}" for place in file.places
        ]
        if rows:
            parts += [f"### {file.name}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


ABOUT = """\
Written by `./do coverage` {}, which runs all suites in a build that
counts (gcov, without the optimizer, so that each line and each condition stands for itself). A
process that is ended by SIGKILL, as those of e2e are, leaves no counts: what it reached counts only
where a process that ended otherwise reached it too. The lives of the torture suite end by
themselves, and count.

A branch is one way of one condition. Those of `CHECK`, `BUG` and `CRASH_POINT` are not counted: no
test can choose the first two, and the third is for tests alone; nor are lines that only call
`BUG`. A `MUTANT` is compiled away. A `switch` is told by its cases. What is generated from sql/ is not
counted: the suite sql compiles every statement."""


def explained_part(file, named):
    rows = []
    for place in file.places:
        why = place.why or "-"
        rows.append(
            [
                gen_docs.code(place.function),
                gen_docs.code(place.text) if place.text != "*" else "all of it",
                f"*{why}*" if why in named else why,
            ]
        )
    return f"### {file.name}\n\n" + gen_docs.table(("function", "decision", "why"), rows)


def docs_page(files, named):
    kept = [file for file in files if file.module in EXPLAINED]
    places = sum(len(file.places) for file in kept)
    parts = [
        "# Coverage",
        ABOUT.format(gen_docs.measured()),
        "## Figures",
        gen_docs.table(HEAD, module_rows(files)),
        f"Each file of {', '.join(EXPLAINED)}, whose every place is explained below:",
        gen_docs.table(HEAD, [figures(file.name, [file]) for file in kept]),
        "## What stays unreached, and why",
        f"{places} places. A place is a decision that goes one way only, with all that stands"
        " behind the other way, or a function that nothing calls. The reasons are those of"
        " tests/unreached.txt: a place without one makes `./do coverage` fail. Those that many"
        " places share have a name:",
        gen_docs.table(("", ""), [[f"*{name}*", why] for name, why in named.items()]),
        *(explained_part(file, named) for file in kept if file.places),
    ]
    return "\n\n".join(parts) + "\n"


# --- the judgement -----------------------------------------------------------------------------


def judge(files):
    """Print what has no reason and what is a reason of nothing; return how many."""
    named, reasons = read_reasons(REASONS)
    bare = explain([file for file in files if file.module in EXPLAINED], named, reasons)
    for file, place in bare:
        print(f"{file.name}:{place.line}: {place.function}: {place.text}")
        print(f"  {place.what}, and tests/unreached.txt has no reason")
    stale = [row for row in reasons if not is_in_source(row)]
    for row in stale:
        print(f"tests/unreached.txt:{row.number}: not in the source: {': '.join(row.key[1:])}")
    for row in reasons:
        if not row.is_used and row not in stale:
            print(f"tests/unreached.txt:{row.number}: reached by now: {': '.join(row.key[1:])}")
    return named, len(bare) + len(stale)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--again", action="store_true", help="take the counts that are there")
    parser.add_argument("build")
    parser.add_argument("suites", nargs="*")
    options = parser.parse_intermixed_args()

    every, failed = not options.suites, 0
    if not options.again:
        forget_counts(options.build)
        every, failed = run_suites(options.build, options.suites)
    files = read_counts(options.build)
    page = pathlib.Path(options.build, "coverage.md")
    page.write_text(whole_page(files), encoding="utf-8")
    print(f"written: {page}")
    if not every:
        return 1 if failed else 0
    named, wrong = judge(files)
    PAGE.write_text(docs_page(files, named), encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")
    print(f"{wrong} without a reason, {failed} tests failed")
    return 1 if wrong or failed else 0


if __name__ == "__main__":
    sys.exit(main())
