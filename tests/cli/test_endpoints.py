#!/usr/bin/env python3
"""pawl endpoints, as its user meets it: nodes that nobody runs, with and without an owner.

usage: test_endpoints.py PAWL

Speaks TAP.
"""

import os
import pwd
import sqlite3
import sys
import time

from program import Run, Serve, main, said, test

KEY = "0123456789abcdef0123456789abcdef"
CONFIG = f"""chains:
  main:
    kind: evm
    chain_id: 31337
    endpoints:
      - "http://127.0.0.1:9/v3/{KEY}"
      - {{url: "http://user:{KEY}@localhost:9/", weight: 7}}
      - "http://127.0.0.1:9/other/{KEY}"
    finality: {{depth: 12}}
  side:
    kind: evm
    chain_id: 31338
    endpoints: ["http://127.0.0.1:9/?key={KEY}"]
    finality: {{depth: 12}}
"""
ME = pwd.getpwuid(os.getuid()).pw_name


def init(folder):
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        os.chmod(file.fileno(), 0o600)
        file.write(CONFIG)
    Run(folder, "init").ends(0)


def rows(folder):
    told = Run(folder, "endpoints", "--json").ends(0).json()
    return {f"{row['chain']}/{row['endpoint']}": row for row in told}


def served(folder):
    """An owner of the journal, once it tells of nodes."""
    return Serve(folder, lambda _: "By the process" in Run(folder, "endpoints").out)


@test
def _(folder):
    """nodes are asked by the command itself where nobody follows them"""
    init(folder)
    Run(folder, "endpoints").ends(0, r"main +127\.0\.0\.1:9 .*in trouble.*\n[^\n]*\n"
                                     r"main +localhost:9 +7 ")
    Run(folder, "endpoints").ends(0, "Nobody follows the chains now")
    Run(folder, "endpoints", "--help").ends(0, "(?m)^  endpoints +show all nodes")
    told = rows(folder)
    assert list(told) == ["main/127.0.0.1:9", "main/localhost:9", "main/127.0.0.1:9#2",
                          "side/127.0.0.1:9"], told
    assert told["main/localhost:9"]["weight"] == 7, told


@test
def _(folder):
    """a node is switched off, and stays off"""
    init(folder)
    Run(folder, "endpoints", "off", "localhost:9").ends(0, "main/localhost:9 is off")
    Run(folder, "endpoints", "off", "localhost:9").ends(0, "was off already")
    told = rows(folder)["main/localhost:9"]
    assert (told["state"], told["by"]) == ("off", ME), told
    assert abs(told["since_ms"] - time.time() * 1000) < 60000, told
    Run(folder, "endpoints").ends(0, f"by {ME}, since 20")
    Run(folder, "doctor").ends(1, r"main localhost:9: switched off by")
    Run(folder, "endpoints", "off", "127.0.0.1:9#2").ends(
        5, err="1 of the 2 votes that a quorum needs.*pawl endpoints off main/127.0.0.1:9#2 --yes")
    Run(folder, "endpoints", "off", "127.0.0.1:9#2", "--yes").ends(0)
    ended = Run(folder, "endpoints", "on", "localhost:9", "--json").ends(0).json()
    assert ended == [{"endpoint": "main/localhost:9", "moved": True}], ended
    assert rows(folder)["main/localhost:9"]["state"] == "in trouble"
    Run(folder, "endpoints", "on", "localhost:9").ends(0, "was on already")
    with sqlite3.connect(f"file:{folder}/pawl.db?mode=ro", uri=True) as db:
        events = db.execute("SELECT what, from_state, to_state, why FROM event "
                            "WHERE what LIKE 'endpoint%' ORDER BY id").fetchall()
    assert events == [("endpoint main/localhost:9", "on", "off", f"by {ME}"),
                      ("endpoint main/127.0.0.1:9#2", "on", "off", f"by {ME}"),
                      ("endpoint main/localhost:9", "off", "on", f"by {ME}")], events


@test
def _(folder):
    """what names no node, or several, is refused"""
    init(folder)
    Run(folder, "endpoints", "off", "127.0.0.1:9").ends(
        1, err="say which, of main/127.0.0.1:9, side/127.0.0.1:9")
    Run(folder, "endpoints", "off", "main/127.0.0.1:9").ends(0)
    Run(folder, "endpoints", "off", "nowhere:9").ends(1, err="no chain of the config has")
    Run(folder, "endpoints", "off", "main/lokalhost:9").ends(1, err="did you mean localhost:9?")
    Run(folder, "endpoints", "off", "mein/localhost:9").ends(1, err="did you mean main?")
    Run(folder, "endpoints", "reset", "localhost:9").ends(0, "is followed by nobody now")
    Run(folder, "endpoints", "reset", "main/127.0.0.1:9").ends(0, "is off, and stays so")


@test
def _(folder):
    """the owner of the journal is asked, and does it"""
    init(folder)
    with served(folder):
        told = rows(folder)["main/localhost:9"]
        assert told["requests"] > 0 and "failed" in told, told
        Run(folder, "endpoints", "off", "localhost:9").ends(0, "is off")
        asked = rows(folder)["main/localhost:9"]
        assert (asked["state"], asked["by"]) == ("off", ME), asked
        Run(folder, "endpoints", "reset", "main/127.0.0.1:9").ends(0, "is asked at once")
        Run(folder, "endpoints", "off", "127.0.0.1:9#2").ends(5, err="--yes")
        Run(folder, "endpoints", "reset", "localhost:9").ends(
            0, "is off, and stays so; to ask it again: pawl endpoints on main/localhost:9")
    with served(folder):
        told = rows(folder)["main/localhost:9"]
        assert (told["state"], told["requests"]) == ("off", 0), told
        Run(folder, "endpoints", "on", "localhost:9").ends(0, "is on again")


@test
def _(_folder):
    """no key of a URL is shown or logged"""
    assert KEY[:16] not in "".join(said), [text for text in said if KEY[:16] in text]


sys.exit(main())
