#!/usr/bin/env python3
"""Runs a program of the contract suite on a real node: on_node.py MAKE PROGRAM.

The node is mined by the program. It gets MAKE, the node's URL and a token of which the
first account has some; how it ends is how we end."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import PAYER, Anvil, Ganache, Hardhat, deploy, end_all  # noqa: E402

MAKES = {
    "anvil": lambda: Anvil(0),
    "hardhat": lambda: Hardhat(0),
    "ganache": lambda: Ganache(0, burn=False),
}


def main():
    make, program = sys.argv[1:]
    try:
        with MAKES[make]() as node:
            node.interval(0.05)
            token = deploy(node, "Plain", PAYER)
            node.interval(0)
            return subprocess.run([program, make, node.url, token]).returncode
    finally:
        end_all()


sys.exit(main())
