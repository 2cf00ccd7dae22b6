#!/usr/bin/env python3
"""What tools/coverage.py finds unreached in a small program, and what it makes of reasons."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

import coverage

NAME = "src/engine/small.c"
PROGRAM = """\
#define CHECK(x) ((x) ? (void)0 : __builtin_trap())
static int never(void)
{
	return 1;
}
static int seldom(int a, int b)
{
	CHECK(a > 0 || b > 0);
	if (a > 1)
		return 1;
	if (a && b)
		b++;
	if (b > 0) {
		b++;
	} else {
		b--;
	}
	switch (a) {
	case 2:
		return b;
	default:
		b = 0;
	}
	return b ? never() : 0;
}
int main(void)
{
	return seldom(1, 1);
}
"""
# line, function, text, what is said of it
PLACES = (
    (2, "never", "*", "not reached: 2-4"),
    (9, "seldom", "if (a > 1)", "not reached: 10"),
    (11, "seldom", "if (a && b)", "one way only: 1 of 2, 2 of 2"),
    (13, "seldom", "if (b > 0) {", "not reached: 16"),
    (19, "seldom", "case 2:", "not reached: 19-20"),
    (24, "seldom", "return b ? never() : 0;", "one way only: 1 of 1"),
)
REASONS = """\
= word
	Why many are.

src/engine/small.c
	never: *
		word
	seldom: if (a > 1)
	seldom: if (a && b)
		It is so,
		and so.
	seldom: if (b > 0) {
		another
	seldom: if (gone)
		It was there once.
"""


def small_program(folder):
    """The program, run once, as the tool reads it."""
    source = folder / NAME
    source.parent.mkdir(parents=True)
    source.write_text(PROGRAM, encoding="utf-8")

    def run(*words):
        return subprocess.run(words, cwd=folder, check=True, stdout=subprocess.PIPE).stdout

    run("gcc", "-O0", "--coverage", "-o", "small", NAME)
    run("./small")
    notes = next(folder.glob("*.gcno")).name
    text = run("gcov", "--branch-probabilities", "--json-format", "--stdout", notes)
    coverage.ROOT = folder
    file = coverage.File(NAME)
    file.add(json.loads(text)["files"][0])
    return file


def check_places(file, folder):
    """a decision, an else, a case, a condition, a function; nothing of a CHECK"""
    got = tuple((p.line, p.function, p.text, p.what) for p in file.places)
    assert got == PLACES, got


def check_reasons(file, folder):
    """one for one; a word must have a name, and what has none is told"""
    table = folder / "unreached.txt"
    table.write_text(REASONS, encoding="utf-8")
    named, rows = coverage.read_reasons(table)
    assert named == {"word": "Why many are."}, named
    bare = [place.line for _, place in coverage.explain([file], named, rows)]
    assert bare == [13, 19, 24], bare
    assert [p.why for p in file.places[:3]] == ["word", "It is so, and so.", "It is so, and so."]


def check_stale(file, folder):
    """a reason of what is not in the source any more"""
    _, rows = coverage.read_reasons(folder / "unreached.txt")
    assert [coverage.is_in_source(row) for row in rows] == [True] * 4 + [False]


def main():
    checks = (check_places, check_reasons, check_stale)
    if not shutil.which("gcc") or not shutil.which("gcov"):
        print("1..0 # skip there is no gcc with gcov")
        return 0
    bad = 0
    print(f"1..{len(checks)}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        file = small_program(folder)
        for number, check in enumerate(checks, 1):
            try:
                check(file, folder)
                print(f"ok {number} - {check.__doc__}")
            except AssertionError as e:
                print(f"not ok {number} - {check.__doc__}\n# {e}")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
