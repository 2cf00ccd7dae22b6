#!/usr/bin/env python3
"""`pawl simulate` as who types it meets it: the same story each time, in words, and what it
refuses.

usage: test_simulate.py PAWL

Speaks TAP.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys

from program import PAWL, Run, environment, main, test

LARGEST = 2**63 - 1
ALL_CORES = pathlib.Path(__file__).resolve().parents[2] / "tools" / "simulate.py"


def on_all_cores(folder, *words):
    """`./do simulate`, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, ALL_CORES, PAWL, *words],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@test
def a_story_is_the_same_each_time(folder):
    """a seed tells the same story, to the byte, and beside a config that it does not read"""
    words = ("simulate", "--trace", "--seed")
    first = Run(folder, *words, "42").ends(0, out="nothing was wrong\n$")
    Run(folder, "init").ends(0)
    again = Run(folder, *words, "42").ends(0, err=r"lives/s")
    assert first.out == again.out
    other = Run(folder, *words, "43").ends(0)
    assert other.out != first.out


@test
def it_is_told_in_words(folder):
    """what has a name is told by it, and by the number that --acts takes"""
    told = Run(folder, "simulate", "--seed", "42", "--trace").ends(0).out
    acts = re.findall(r"^\d+\.\d{3} act (\d+) (\S+)(.*)$", told, re.M)
    assert [int(number) for number, *_ in acts] == list(range(1, len(acts) + 1)), told
    for word in ("fault", "what", "how", "power"):
        assert re.search(rf" {word}=[a-z]", told), f"{word}: {told}"
        assert not re.search(rf" {word}=\d", told), f"{word}: {told}"


@test
def what_goes_well_is_not_told_at_length(folder):
    """a life that went well ends with its hash and its figures; --trace shows all of it"""
    whole = Run(folder, "simulate", "--seed", "42", "--trace").ends(0).out
    short = Run(folder, "simulate", "--seed", "42").ends(0).out
    assert re.match(r"\S+ ends well, [0-9a-f]{16}\n1 life, ", short), short
    assert whole.endswith("\n" + short) and whole.count("\n") > 30, whole
    Run(folder, "simulate", "--trace", "--lives", "2").ends(1, err="--trace is of one story")
    Run(folder, "simulate", "--trace", "--json").ends(1, err="--trace is of lines")


@test
def faults_are_of_requests_and_disk(folder):
    """what is called faults is the sum of both tables"""
    for words in (("--seed", "42"), ("--scenario", "failed-sync-leaves-clean-pages")):
        kinds, sums = Run(folder, "simulate", *words, "--json").ends(0).json()
        assert sum(kinds["disk"].values()) > 0, kinds
        assert sums["faults"] == sum((*kinds["requests"].values(), *kinds["disk"].values()))


@test
def figures_are_the_same_in_json(folder):
    """--json has the figures, and each kind of act, deed and fault, also those of none"""
    words = ("simulate", "--seed", "42", "--lives", "5")
    told = Run(folder, *words).ends(0).out
    kinds, sums = Run(folder, *words, "--json").ends(0).json()
    assert list(sums) == [
        *("seed", "steps", "crashes", "power_cuts", "reorgs", "sends", "faults"),
        "violations",
    ]
    assert sums["seed"] == 42 and sums["violations"] == 0
    assert f"{kinds['lives']} lives, {sums['steps']} steps" in told, told
    for part in ("acts", "seen", "requests", "disk"):
        (line,) = re.findall(rf"^{part}: (.*)$", told, re.M)
        shown = dict(reversed(word.split(" ", 1)) for word in line.split(", "))
        some = {kind: str(n) for kind, n in kinds[part].items() if n}
        assert shown == some, f"{part}: {shown}, not {some}"
        assert len(kinds[part]) > len(some), part


@test
def a_part_of_a_story(folder):
    """--acts leaves out what it does not name, and knows what a story has not"""
    told = Run(folder, "simulate", "--seed", "42", "--acts", "9,10").ends(0).out
    assert re.findall(r" act (\d+) (?!create)", told) == ["9", "10"], told
    Run(folder, "simulate", "--seed", "42", "--acts", "9,99999").ends(
        1, err="seed 42 has no act 99999"
    )
    Run(folder, "simulate", "--acts", "9,,10").ends(1, err="--acts: 9,,10: must be numbers")
    Run(folder, "simulate", "--acts", "9", "--lives", "2").ends(1, err="--acts is of one story")


@test
def a_scenario_by_its_name(folder):
    """--scenario tells the one of a crash window; a wrong name meets the nearest"""
    Run(folder, "simulate", "--scenario", "two-copies-run").ends(0, out="the copy ends")
    Run(folder, "simulate", "--scenario", "two-copies-runs").ends(
        1, err="there is no two-copies-runs; did you mean two-copies-run?"
    )
    Run(folder, "simulate", "--scenario", "x").ends(1, err="docs/crash-windows.md names them")


@test
def numbers_out_of_bounds(folder):
    """a number that is none, or beyond what can be told, is refused with its bounds"""
    for option, values in {
        "--seed": ("-1", "x", "", "1x", str(LARGEST + 1), "9" * 30),
        "--lives": ("0", "-5", "1.5", "1000000001", "9" * 30),
        "--days": ("0", "1001"),
    }.items():
        for value in values:
            Run(folder, "simulate", f"{option}={value}").ends(
                1, err=rf"^pawl: {option}: {re.escape(value)}: must be a number from \d+ to \d+\n"
            )
    Run(folder, "simulate", "--seed", str(LARGEST), "--lives", "2").ends(
        1, err=f"--lives: the last seed would be above {LARGEST}"
    )


@test
def who_stops_it_is_told_where_to_go_on(folder):
    """Ctrl-C ends it after the story under way, with 3 and the seed of the next one"""
    child = subprocess.Popen(
        [PAWL, "simulate", "--lives", "1000000", "--loud"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = child.stderr.readline()  # the log of the first life
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 3, f"exit {child.returncode}: {said}{err}"
    done = int(re.search(r"^(\d+) (?:life|lives),", out, re.M)[1])
    assert f"stopped after {done} stories; on from there: --seed {done + 1}" in err, err


@test
def all_cores_tell_what_one_tells(folder):
    """./do simulate keeps the tables of pawl apart, and sums them up"""
    out, err = on_all_cores(folder, "--from", "1", "--lives", "12").communicate(timeout=120)
    told = Run(folder, "simulate", "--lives", "12").ends(0).out
    plain = re.sub(r"(?<=\d),(?=\d)", "", out)
    for part in ("acts", "seen", "requests", "disk"):
        (line,) = re.findall(rf"^{part}: .*$", told, re.M)
        assert line in plain.splitlines(), f"{line}: {out}{err}"
    assert out.endswith("\nnothing was wrong\n"), out


@test
def a_ctrl_c_on_all_cores(folder):
    """./do simulate begins nothing more, sums up, says where to go on, and ends with 3"""
    child = on_all_cores(folder, "--from", "5", "--seconds", "600")
    first = child.stdout.readline()
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert first == "from seed 5 on\n" and child.returncode == 3, f"{first}{out}{err}"
    assert re.match(r"\d+ (life|lives), ", out) and "nothing was wrong" in out, out
    lives = int(re.match(r"\d+", out)[0])
    seed = int(re.search(r"stopped; on from there: \./do simulate --from (\d+)", err)[1])
    assert 5 <= seed <= 5 + lives, f"{out}{err}"


@test
def all_cores_refuse_what_pawl_refuses(folder):
    """./do simulate ends with 1 and a sentence, by the bounds of pawl"""
    for option, value in (
        ("--days", "5000"),
        ("--days", "0"),
        ("--from", str(LARGEST + 1)),
        ("--from", "x"),
        ("--lives", "1000000001"),
    ):
        child = on_all_cores(folder, option, value)
        out, err = child.communicate(timeout=60)
        assert child.returncode == 1 and not out, f"{option} {value}: {out}{err}"
        assert re.fullmatch(
            rf"\./do simulate: {option}: {value}: must be a number from \d+ to \d+\n", err
        ), err
    out, err = on_all_cores(folder, "--from", "0", "--lives", "1").communicate(timeout=60)
    assert out.startswith("from seed 0 on\n1 life, "), f"{out}{err}"


if __name__ == "__main__":
    sys.exit(main())
