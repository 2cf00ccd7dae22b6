#!/usr/bin/env python3
"""usage: test_release.py PAWL: the program can't be told to be wrong."""

import pathlib
import sys

# Of src/base/mutant.c: what it reads, and what MUTANT() calls where it is no plain false.
TRACES = (b"PAWL_MUTANT", b"mutant_is", b"mutant_count", b"mutant_give_up")

program = pathlib.Path(sys.argv[1]).read_bytes()
found = [trace.decode() for trace in TRACES if trace in program]
print("1..1")
print(f"{'not ' if found else ''}ok 1 - no trace of the mutants is in the program")
for trace in found:
    print(f"# {trace}")
sys.exit(1 if found else 0)
