#!/usr/bin/env python3
"""What `./do powercut` refuses before it takes the power from anything. Speaks TAP."""

import pathlib
import subprocess
import sys

POWERCUT = pathlib.Path(__file__).resolve().parents[1] / "powercut" / "powercut.py"
REFUSED = (
    ("--cuts", "0", "must be a number from 1 on"),
    ("--cuts", "-1", "must be a number from 1 on"),
    ("--cuts", "x", "must be a number from 1 on"),
    ("--seed", "1.5", "must be a number from 0 on"),
    ("--mutant", "nope", "there is no such defect"),
)


def main():
    failed = 0
    print(f"1..{len(REFUSED)}")
    for number, (option, value, why) in enumerate(REFUSED, 1):
        done = subprocess.run(
            [sys.executable, POWERCUT, "no-pawl", "no-recorder", f"{option}={value}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        said = (done.returncode, done.stdout, done.stderr)
        ok = said == (1, "", f"./do powercut: {option}: {value}: {why}\n")
        print(f"{'ok' if ok else 'not ok'} {number} - {option} {value}")
        if not ok:
            print(f"# {said}")
        failed += not ok
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
