#!/usr/bin/env python3
"""Hold the tree to the checks of tidy.py, one TAP line each."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

import tidy

tree = tidy.Tree(pathlib.Path(__file__).resolve().parents[2])
print(f"1..{len(tidy.CHECKS)}")
bad = 0
for number, check in enumerate(tidy.CHECKS, 1):
    problems = list(check(tree))
    bad += bool(problems)
    print(f"{'not ' if problems else ''}ok {number} - {check.__doc__}", flush=True)
    for problem in problems:
        print("# " + problem.replace("\n", "\n# "))
sys.exit(1 if bad else 0)
