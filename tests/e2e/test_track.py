#!/usr/bin/env python3
"""Transactions are followed on two chains, through reorgs, replacements, drops and failures,
by a daemon that is killed at random: each subscriber hears each milestone once, in order,
and what was taken back."""

import contextlib
import hashlib
import json
import random
import signal
import sqlite3
import subprocess
import threading
import time

from harness import (
    ACCOUNTS, CHAIN_ID, Anvil, Desk, check, listens, main, same, serving, stop, test, wait_until,
)
from receiver import Receiver, ears

GWEI = 10**9
FAILS = "0x60006000fd"  # reverts while it is deployed
MANY = 100000
PATIENCE_S = 90  # nothing takes as long, while others load the machine
WHO = [who for who, _ in ACCOUNTS]


@contextlib.contextmanager
def desk_of_two(depths=(8, 3), **keys):
    """Two chains that mine when they are told to, and a desk that follows both."""
    with contextlib.ExitStack() as stack:
        hall = stack.enter_context(Receiver())
        nodes = [stack.enter_context(Anvil(None, CHAIN_ID + i)) for i in (0, 1)]
        for node in nodes:
            node.mine(12)
        desk = Desk([nodes[0].url], depth=depths[0], chain={"confirmations": 4})
        second = [f"  other:\n    kind: evm\n    chain_id: {CHAIN_ID + 1}\n",
                  f"    endpoints: [{nodes[1].url}]\n    finality: {{depth: {depths[1]}}}\n",
                  "    poll_ms: 50\n    confirmations: 4\n"]
        config = desk.folder / "pawl.yaml"
        config.write_text(config.read_text().replace("keys:", "".join(second) + "keys:"))
        ears(desk)
        yield hall, nodes, stack.enter_context(desk)
        same(hall.bad, [], "messages whose signature is wrong")


def journaled(desk, statement, *values):
    with contextlib.closing(sqlite3.connect(f"file:{desk.journal}?mode=ro", uri=True)) as db:
        return db.execute(statement, values).fetchall()


class Reaper:
    """Keeps a daemon running, and ends it with SIGKILL at random: in starts as long as it
    takes here just now, so that a slow machine does not end each life before its work."""

    def __init__(self, desk, seed):
        self.desk, self.luck = desk, random.Random(seed)
        self.kills = 0
        self.start_s = 0.05
        self.resting = threading.Event()
        self.thread = None

    def rest(self):
        self.resting.set()
        self.thread.join()

    def go(self):
        self.resting.clear()
        self.thread = threading.Thread(target=self.reap)
        self.thread.start()

    def is_up(self, daemon, began):
        """Until its door answers, or it has ended."""
        wait_until(lambda: listens(self.desk) or daemon.poll() is not None, 60, "a start")
        if daemon.poll() is None:
            self.start_s = time.monotonic() - began

    def reap(self):
        while not self.resting.is_set():
            began = time.monotonic()
            daemon = self.desk.start("serve")
            # Most die at their work, some while they start.
            life = self.luck.choice((1, 2, 3, 6)) * self.luck.uniform(0.2, 1)
            if life > 1:
                self.is_up(daemon, began)
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(life * self.start_s)
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
            self.desk.ended(daemon)
            self.kills += 1

    def __enter__(self):
        self.go()
        return self

    def __exit__(self, *error):
        self.rest()


class Followed:
    """A transaction on one node, and what /a and /b heard of it."""

    def __init__(self, hall, node, sender, **tx):
        self.hall, self.node = hall, node
        self.hash = node.rpc.transact(sender, **{"to": WHO[-1], **tx})
        self.raw = node.rpc("eth_getRawTransactionByHash", self.hash)
        self.expected = []

    def again(self):
        """A node that took blocks back forgot it."""
        self.node.rpc("eth_sendRawTransaction", self.raw)

    def arrivals(self, path="/a"):
        seen = {}
        for a in list(self.hall.heard[path]):
            if a.taken and a.body.get("hash") == self.hash:
                seen.setdefault(a.event, a)
        return list(seen.values())

    def heard(self, path="/a"):
        """Its milestones, each event once, in the order of their first arrival."""
        return [a.type + str(a.body.get("percent", "")) for a in self.arrivals(path)]

    def hears(self, *words, mines=False):
        """It hears these next, and nothing else in between. mines: a block now and then."""
        wanted = self.expected + list(words)
        deadline = time.monotonic() + PATIENCE_S
        while self.heard()[: len(wanted)] != wanted:
            if self.heard()[:1] == ["seen"] != wanted[:1]:
                wanted.insert(0, "seen")  # a start looks into the pools before any block
                continue
            check(time.monotonic() < deadline, f"heard {self.heard()}, not {wanted}")
            if mines:
                self.node.mine()
            time.sleep(0.25 if mines else 0.01)
        self.expected = wanted

    def deepens(self, *words):
        """A block after the other, each heard of."""
        for word in words:
            self.node.mine()
            self.hears(word)

    def goes_well(self):
        self.node.mine()
        self.hears(*PARTS)
        self.deepens(*DEEP)


PARTS = ("included", "progress25")
DEEP = ("progress50", "progress75", "confirmed")


def track(desk, hall, tx, *words):
    desk.expect(0, "track", getattr(tx, "hash", tx), *words, "--notify", hall.url("/a"),
                "--notify", hall.url("/b"))


def states(desk, tx):
    return {t["chain"]: t["state"]
            for t in map(json.loads, desk.expect(0, "status", tx, "--json").out.splitlines())}


# --- what happens to them ---------------------------------------------------------------------


def seen_dropped_and_back(desk, hall, one):
    """Without --chain; the node forgets it, and gets it again."""
    tx = Followed(hall, one, WHO[1], nonce="0x1", gas="0x5208")
    track(desk, hall, tx)
    tx.hears("seen", mines=True)
    same(states(desk, tx.hash), {"local": "mempool", "other": "untracked"}, "where it is")
    one.rpc("anvil_dropAllTransactions")
    tx.hears("dropped", mines=True)
    tx.again()
    tx.hears("seen", mines=True)
    one.rpc.transact(WHO[1], WHO[1], nonce="0x0")
    tx.goes_well()
    return tx


def reorged(desk, hall, one, reaper):
    """One, three and six blocks are taken back, each time with it; and while nobody looks."""
    tx = Followed(hall, one, WHO[0])
    track(desk, hall, tx, "--chain", "local")
    for depth, parts in ((1, ()), (3, DEEP[:2]), (6, DEEP)):
        one.mine()
        tx.hears(*PARTS)
        one.mine(depth - 1)
        tx.hears(*parts)
        one.rpc("anvil_reorg", depth, [])
        tx.hears("retracted")
        tx.again()
    one.mine()
    tx.hears(*PARTS)
    reaper.rest()
    one.rpc("anvil_reorg", 1, [])
    tx.again()
    one.mine()
    reaper.go()
    tx.hears("retracted", *PARTS)
    tx.deepens(*DEEP)
    tx.hears("final", mines=True)
    return tx


def replaced(desk, hall, two):
    """A dearer one takes its nonce."""
    tx = Followed(hall, two, WHO[2], nonce="0x1", gas="0x5208")
    track(desk, hall, tx, "--chain", "other")
    tx.hears("seen", mines=True)
    fee = {"maxFeePerGas": hex(90 * GWEI), "maxPriorityFeePerGas": hex(9 * GWEI)}
    rival = two.rpc.transact(WHO[2], WHO[2], nonce="0x1", gas="0x5208", **fee)
    two.rpc.transact(WHO[2], WHO[2], nonce="0x0")
    two.mine()
    tx.hears("replaced")
    same(tx.arrivals()[-1].body["by"], rival, "what replaced it")
    return tx


def failed(desk, hall, two):
    tx = Followed(hall, two, WHO[1], to=None, data=FAILS, gas="0x30000")
    track(desk, hall, tx, "--chain", "other")
    two.mine()
    tx.hears("reverted")
    return tx


def taken_back_when_final(desk, hall, two):
    """Deeper than the chain's bound: it stops until somebody says so, and it is told."""
    two.mine(10)
    tx = Followed(hall, two, WHO[0])
    track(desk, hall, tx)
    tx.goes_well()
    tx.hears("final", mines=True)
    two.rpc("anvil_reorg", 9, [])
    return tx


def resumed(desk, two, tx):
    """Until then what it has is in doubt, and nobody hears of it."""
    def says(words, *command):
        wait_until(lambda: all(w in desk.run(*command, tx.hash).out for w in words),
                   PATIENCE_S, f"{command}: {words}", every_s=0.2)

    says(["IN DOUBT", "resume chain:other"], "status")
    says(["final to webhook:", ", event ", ": accepted at 20"], "explain")
    same(tx.heard(), tx.expected, "what is heard of a chain that stands still")

    def lets_go_on():
        """Who was killed amid it stops again, and says so."""
        if "resume chain:other" in desk.run("status").out:
            desk.run("resume", "chain:other")
        return tx.heard()[len(tx.expected):] == ["retracted"]

    wait_until(lets_go_on, PATIENCE_S, "a retraction", every_s=0.5)
    tx.hears("retracted")
    tx.again()
    tx.goes_well()
    tx.hears("final", mines=True)


# --- what was heard ---------------------------------------------------------------------------


def heard_exactly(desk, hall, path, number):
    """All that was decided for it, in order, and twice only where an answer was lost."""
    decided = [json.loads(body)["event_id"] for (body,) in journaled(
        desk, "SELECT n.body FROM message m JOIN notice n ON n.id = m.notice "
        "WHERE m.subscriber = ? ORDER BY m.notice", number)]
    taken = [a.event for a in hall.heard[path] if a.taken]
    same(list(dict.fromkeys(taken)), decided, f"what {path} heard, and its order")
    (lost,), = journaled(desk, "SELECT SUM(unknown) FROM message WHERE subscriber = ?", number)
    check(len(taken) - len(decided) <= lost, f"{path}: {len(taken)} of {len(decided)}, {lost} lost")
    return lost


@test
def each_milestone_is_heard_once_through_kills():
    with desk_of_two() as (hall, (one, two), desk):
        dice = random.Random(3)
        hall.scripts["/b"] = lambda n: dice.choices([200, 204, 500, "reset"], [6, 2, 1, 1])[0]
        with Reaper(desk, 6) as reaper:
            all_of = [
                seen_dropped_and_back(desk, hall, one), failed(desk, hall, two),
                replaced(desk, hall, two), reorged(desk, hall, one, reaper),
            ]
            all_of[0].hears("final")
            deep = taken_back_when_final(desk, hall, two)
            wait_until(lambda: "resume chain:other" in desk.run("status").out,
                       PATIENCE_S, "it stops")
            resumed(desk, two, deep)
        never = "0x" + "77" * 32
        track(desk, hall, never)
        daemon = serving(desk)
        config = desk.folder / "pawl.yaml"
        config.write_text(config.read_text() + "track: {expire_after: 1s}\n")
        daemon.send_signal(signal.SIGHUP)
        hall.scripts.clear()

        def expires():
            one.mine()
            two.mine()
            return set(states(desk, never).values()) == {"expired"}

        wait_until(expires, 30, "it expires", every_s=0.2)
        wait_until(lambda: journaled(
            desk, "SELECT COUNT(*) FROM message WHERE state = 0") == [(0,)], 30, "all sent")
        stop(desk, daemon)
        for tx in [*all_of, deep]:
            same(tx.heard(), tx.expected, f"what was heard of {tx.hash}")
            same(tx.heard("/b"), tx.expected, f"what /b heard of {tx.hash}")
        same([a.type for a in hall.heard["/a"] if a.body.get("hash") == never], ["expired"],
             "what was heard of one that never came")
        lost = [heard_exactly(desk, hall, path, n) for n, path in enumerate(("/a", "/b"), 1)]
        print(f"# {reaper.kills} kills, {lost} answers lost")
        check(reaper.kills >= 5, "it was not killed: nothing was tested")


def many(count):
    return ["0x" + hashlib.sha256(b"%d" % n).hexdigest() for n in range(count)]


@test
def who_is_among_very_many_hears_at_once():
    """Beside a hundred thousand that nobody ever sends, also while they come."""
    with desk_of_two() as (hall, (one, _), desk):
        daemon = serving(desk)
        tx = Followed(hall, one, WHO[0])
        track(desk, hall, tx, "--chain", "local")
        began = time.monotonic()
        child = desk.start("track", "-", "--chain", "local", "--json",
                           lines=["# all", "", *many(MANY)])
        tx.goes_well()
        amid = child.poll() is None
        ended = desk.ended(child)
        took = time.monotonic() - began
        same(json.loads(ended.out), {"tracked": MANY, "fresh": MANY}, "what is followed")
        print(f"# {MANY} in {took:.1f} s{', while one was confirmed' if amid else ''}")
        last = Followed(hall, one, WHO[1])
        track(desk, hall, last, "--chain", "local")
        last.goes_well()
        tx.hears("final", mines=True)
        waits = Followed(hall, one, WHO[2], gas=hex(5 * 10**6))
        one.rpc("anvil_dropAllTransactions")
        track(desk, hall, waits, "--chain", "local")
        one.mine()
        waits.again()
        one.rpc("evm_setBlockGasLimit", hex(10**6))  # no block takes it
        waits.hears("seen", mines=True)  # in its turn it would be after a thousand blocks
        one.rpc("evm_setBlockGasLimit", hex(3 * 10**7))
        waits.goes_well()
        stop(desk, daemon)
        daemon = serving(desk)  # it reads them all
        last.hears("final", mines=True)
        waits.hears("final", mines=True)
        counted = json.loads(desk.expect(0, "status", "--json").out)
        same(counted, {"tracked": {"unseen": MANY, "final": 3}}, "what is followed in the end")
        stop(desk, daemon)


main()
