#!/usr/bin/env python3
"""Subscribers hear of an operation by webhooks: once, in order, signed, through receivers that
refuse, hang and drop, and through SIGKILL of who sends."""

import contextlib
import json
import random
import signal
import sqlite3
import subprocess

from harness import (
    check, desk_of, exact, main, recipients, same, serving, stop, test, wait_until, within,
)
from receiver import Receiver, ears


@contextlib.contextmanager
def hall_and_desk(rows, **chain):
    with Receiver() as hall, desk_of(rows, **chain) as (anvil, desk):
        ears(desk)
        yield hall, anvil, desk
        same(hall.bad, [], "messages whose signature is wrong")


def notify(hall, *paths):
    return [word for path in paths for word in ("--notify", hall.url(path))]


def journaled(desk, statement):
    with contextlib.closing(sqlite3.connect(f"file:{desk.journal}?mode=ro", uri=True)) as db:
        return db.execute(statement).fetchall()


@test
def a_run_tells_of_its_end():
    with hall_and_desk(20) as (hall, anvil, desk):
        hall.scripts["/slow"] = lambda n: (429, 503, 302, 200)[min(n, 3)]
        words = desk.airdrop("list.csv", *notify(hall, "/a?key=k3y", "/slow"))
        desk.env["PAWL_LOG__LEVEL"] = "debug"
        ended = desk.expect(0, *words)
        same(hall.types("/a"), ["completed"], "what /a heard")
        for said in (ended.err, ended.out, desk.expect(0, "status", "list").out):
            check("k3y" not in said and "/slow" not in said, f"a key of a URL is shown: {said}")
        if not hall.types("/slow"):
            within("not delivered yet", ended.err, "what is left")
            desk.expect(0, *words)
        wait_until(lambda: hall.types("/slow"), 20, "the slow one")
        same({a.event for a in hall.heard["/slow"]}, {hall.heard["/a"][0].event}, "event ids")
        same(hall.heard["/elsewhere"], [], "a redirect that was followed")
        desk.expect(0, *desk.airdrop("list.csv", *notify(hall, "/late")))
        same([s["due"] for s in desk.status("list")["subscribers"]], [0, 0, 0], "what is due")
        same(hall.heard["/late"], [], "what was before it came")
        same(hall.types("/a"), ["completed"], "what /a heard in the end")
        exact(anvil, desk)


@test
def without_a_secret_it_is_refused():
    with hall_and_desk(3) as (hall, _, desk):
        del desk.env["PAWL_TELL__WEBHOOK__SECRET"]
        ended = desk.expect(1, *desk.airdrop("list.csv", *notify(hall, "/a")))
        within(["tell.webhook.secret", "env:VAR"], ended.err, "what to do")
        desk.env.update(PAWL_TELL__WEBHOOK__SECRET="env:HOOK_SECRET", HOOK_SECRET="short")
        ended = desk.expect(1, *desk.airdrop("list.csv", *notify(hall, "/a")))
        within(["tell.webhook.secret", "shorter than 16"], ended.err, "what to do")
        desk.expect(1, *desk.airdrop("list.csv", "--notify", "webhook:http://u:pw@h/"))
        desk.expect(1, *desk.airdrop("list.csv", "--notify", "pigeon:home"))
        same(desk.status("list"), None, "what was journaled")


@test
def a_private_address_is_not_asked():
    """Whoever may name a target names none behind the firewall: not by number, not by name."""
    with hall_and_desk(3) as (hall, anvil, desk):
        del desk.env["PAWL_TELL__WEBHOOK__ALLOW_PRIVATE"]
        local = hall.url("/b").replace("127.0.0.1", "localhost")
        daemon = serving(desk)
        ended = desk.expect(1, *desk.airdrop("list.csv", *notify(hall, "/a")))
        within("allow_private: true", ended.err, "one that is an address")
        desk.expect(0, *desk.airdrop("list.csv", "--notify", local))
        wait_until(lambda: all("allow_private" in (s["why"] or "")
                               for s in desk.status("list")["subscribers"]), 10, "why not")
        same(hall.asked.total(), 0, "what was asked")
        stop(desk, daemon)
        exact(anvil, desk)


@test
def a_daemon_tells_and_suspends():
    with hall_and_desk(10) as (hall, anvil, desk):
        hall.scripts["/gone"] = lambda n: 410 if n == 0 else 200
        daemon = serving(desk)
        desk.expect(0, *desk.airdrop("list.csv", *notify(hall, "/a", "/gone")))
        wait_until(lambda: hall.types("/a"), 10, "the one that is there")
        wait_until(lambda: desk.status("list")["subscribers"][1]["suspended"], 10, "a suspension")
        within("pawl resume notify:2", desk.expect(0, "status", "list").out, "the way back")
        told = desk.expect(0, "tell", "It is \"done\" – näher").out
        within(("1 subscriber will", "1 suspended one will not"), told, "who hears")
        wait_until(lambda: hall.types("/a")[1:] == ["told"], 10, "what was said")
        same(hall.heard["/a"][1].text, "It is \"done\" – näher", "its text")
        same(hall.asked["/gone"], 1, "tries of who is gone")
        desk.expect(0, "resume", "notify:2")
        wait_until(lambda: hall.types("/gone") == ["completed"], 10, "what it missed")
        desk.expect(1, "resume", "notify:9")
        stop(desk, daemon)
        exact(anvil, desk)


@test
def one_target_hears_of_two():
    with hall_and_desk(10) as (hall, _, desk):
        desk.expect(0, *desk.airdrop("list.csv", *notify(hall, "/a")))
        desk.write_list("more.csv", recipients(10, "more"))
        desk.expect(0, *desk.airdrop("more.csv", *notify(hall, "/a", "/b")))
        same(hall.types("/a"), ["completed"] * 2, "what hears of both")
        same(len({a.event for a in hall.heard["/a"]}), 2, "two events")
        same(hall.types("/b"), ["completed"], "what hears of one")


def fate(luck):
    """What a bad receiver does."""
    return luck.choices([200, 204, 429, 500, "reset", "hang"], [30, 10, 2, 4, 4, 0.3])[0]


@test
def everybody_hears_all_of_it_through_kills():
    paths = [f"/{n}" for n in range(6)]
    with hall_and_desk(40) as (hall, anvil, desk):
        luck = random.Random(6)
        for path in paths[1:]:
            dice = random.Random(path)
            hall.scripts[path] = lambda n, dice=dice: fate(dice)
        desk.expect(0, *desk.airdrop("list.csv", *notify(hall, *paths)), seconds=90)
        kills = 0
        for n in range(12):
            daemon = serving(desk)
            for k in range(3):
                desk.expect(0, "tell", f"{n}.{k}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(luck.uniform(0, 0.5))
            daemon.send_signal(signal.SIGKILL)
            desk.ended(daemon)
            kills += 1
        for path in paths:
            hall.scripts.pop(path, None)
        daemon = serving(desk)
        wait_until(
            lambda: journaled(desk, "SELECT COUNT(*) FROM message WHERE state = 0") == [(0,)],
            90, "everything to be accepted", every_s=0.2,
        )
        stop(desk, daemon)
        bodies = journaled(desk, "SELECT body FROM notice ORDER BY id")
        events = [json.loads(body)["event_id"] for (body,) in bodies]
        same(len(events), 37, "notices")
        lost = dict(journaled(desk, "SELECT subscriber, SUM(unknown) FROM message GROUP BY 1"))
        for number, path in enumerate(paths, 1):
            taken = [a.event for a in hall.heard[path] if a.taken]
            same(list(dict.fromkeys(taken)), events, f"what {path} heard, and its order")
            twice = len(taken) - len(events)
            check(twice <= lost[number], f"{path}: {twice} twice, {lost[number]} answers lost")
        check(sum(lost.values()) > 0, "no answer was lost: nothing was tested")
        print(f"# {kills} kills, {sum(lost.values())} answers lost")
        exact(anvil, desk)


main()
