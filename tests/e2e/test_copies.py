#!/usr/bin/env python3
"""Two copies of a folder pay one list at the same time, on one chain. Everybody is paid; too
many payments are at most those in flight; who stops says why, and what to type."""

import contextlib
import copy
import random
import shutil
import subprocess
import threading
import time

from harness import (
    PAYER, Ledger, check, desk_of, end, main, paid, recipients, same, test, wait_until, within,
)

ROWS = 200
IN_FLIGHT = 20
WHY = "another copy of it is running, or it is an old one"


@contextlib.contextmanager
def copied(lists=("list.csv",)):
    """A run is stopped after a while, and its folder copied."""
    with desk_of(ROWS, max_in_flight=IN_FLIGHT) as (anvil, desk):
        firsts = [desk.rows[0][0]]
        for name in lists[1:]:
            more = recipients(ROWS, name)
            desk.write_list(name, more)
            desk.rows += more
            firsts.append(more[0][0])
        running = [desk.start(*desk.airdrop(name)) for name in lists]
        paid(anvil, 40)
        # A copy that has not heard of a list refuses it, once the other one has paid it.
        wait_until(lambda: all(map(anvil.rpc.balance, firsts)), 60, "each list is under way")
        for child in running:
            end(child)
        other = copy.copy(desk)
        other.folder = desk.folder.with_name(desk.folder.name + "-copy")
        other.said = other.folder / "said"
        subprocess.run(["cp", "-a", desk.folder, other.folder], check=True)
        try:
            yield anvil, desk, other
        finally:
            shutil.rmtree(other.folder)


def both_run(desk, other, lists=("list.csv",), late_s=0):
    """How each of their runs ended."""
    children = []
    for of in (desk, other):
        children.append([of.start(*of.airdrop(name)) for name in lists])
        time.sleep(late_s)
    return [[of.ended(child, 90) for child in running]
            for of, running in zip((desk, other), children)]


def as_said(ended):
    """Done, stopped with the line to type, or done and some rows paid twice; was it said?"""
    for end in ended:
        check(end.code in (0, 4, 6), f"exit {end.code}: {end.err[-300:]!r}")
        if end.code == 4:
            within("pawl resume key:payer", end.err, "what to type")
            check(WHY in end.err or "does not know pays" in end.err, end.err[-500:])
        if end.code == 6:
            within("were paid twice; see: pawl explain", end.err, "what is wrong")
    return any(end.code for end in ended)


def go_on(desk, lists=("list.csv",)):
    """The operator has ended the other one, and lets this one go on as it says."""
    for _ in range(3):
        ended = [desk.run(*desk.airdrop(name), seconds=90) for name in lists]
        said = as_said(ended)
        if all(end.code != 4 for end in ended):
            return said
        desk.expect(0, "resume", "key:payer")
    raise AssertionError(f"it stops again and again: {ended[-1].err[-300:]!r}")


def paid_all(anvil, desk, said, what):
    """Everybody is, and at most what was in flight twice; then it was said."""
    payments, _, empty, stray = Ledger(anvil.rpc, PAYER).payments()
    more = sum(len(n) for n in payments.values()) - len(desk.rows)
    for to, amount in desk.rows:
        check(set(payments[to.lower()]) == {amount}, f"{to} got {payments[to.lower()]}")
    same(stray, [], "transactions that nobody planned")
    check(0 <= more <= IN_FLIGHT and (not more or said), f"{more} too many, said: {said}")
    print(f"# {what}: {more} payments too many, {len(empty)} empty attempts")


def settle(anvil, desk, other, ended, what, lists=("list.csv",)):
    stopped = [as_said(of) for of in ended]
    stays = other if stopped[0] and not stopped[1] else desk
    said = go_on(stays, lists)
    paid_all(anvil, desk, said or any(stopped), what)


@test
def a_copied_folder_and_its_original():
    """`cp -a`: the copy finds that it is another file, and fences its account."""
    with copied() as (anvil, desk, other):
        ended = both_run(desk, other)
        within("fence-1", other.expect(0, "status").out, "what the copy does first")
        settle(anvil, desk, other, ended, "a copied folder")


@test
def a_copy_that_was_declared_the_newest():
    """Neither of them doubts itself: only the chain tells."""
    with copied() as (anvil, desk, other):
        other.expect(0, "restore", "--latest", "pawl.db")
        settle(anvil, desk, other, both_run(desk, other), "declared the newest")


@test
def two_lists_on_one_key():
    """Which of them is first is luck, and may differ."""
    lists = ("list.csv", "more.csv")
    with copied(lists) as (anvil, desk, other):
        other.expect(0, "restore", "--latest", "pawl.db")
        ended = both_run(desk, other, lists, late_s=0.1)
        settle(anvil, desk, other, ended, "two lists", lists)


@test
def copies_that_are_killed():
    """Each is killed, and begun again, at random instants."""
    with copied() as (anvil, desk, other):
        other.expect(0, "restore", "--latest", "pawl.db")
        ended = [None, None]

        def live(k, of):
            dice = random.Random(k)
            for _ in range(6):
                child = of.start(*of.airdrop())
                time.sleep(dice.uniform(0.1, 0.6))
                end(child)
            ended[k] = [of.run(*of.airdrop(), seconds=90)]

        lives = [threading.Thread(target=live, args=pair) for pair in enumerate((desk, other))]
        for one in lives:
            one.start()
        for one in lives:
            one.join()
        settle(anvil, desk, other, ended, "killed copies")


main()
