#!/usr/bin/env python3
"""Chats hear of an operation as by Telegram: once, in order, within its limits, through a
server that refuses, hangs and drops, and through SIGKILL of who sends."""

import contextlib
import json
import os
import pathlib
import random
import re
import signal
import sqlite3
import subprocess
import urllib.request

from harness import (
    PAYER, check, desk_of, exact, main, same, serving, stop, test, wait_until, within,
)
from telegram import TOKEN, Telegram

FRIEND = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@contextlib.contextmanager
def chats_and_desk(rows, **chain):
    with Telegram() as chats, desk_of(rows, **chain) as (anvil, desk):
        desk.env.update(BOT_TOKEN=TOKEN, PAWL_TELL__TELEGRAM__TOKEN="env:BOT_TOKEN",
                        PAWL_TELL__TELEGRAM__API=chats.url)
        yield chats, anvil, desk
        same(chats.wrong, [], "requests that mean nothing")
        same(chats.exceeded, [], "limits exceeded")


def notify(*chats):
    return [word for chat in chats for word in ("--notify", f"telegram:{chat}")]


def journaled(desk, statement):
    with contextlib.closing(sqlite3.connect(f"file:{desk.journal}?mode=ro", uri=True)) as db:
        return db.execute(statement).fetchall()


def unsaid(desk):
    """The token is in no file but the process's own memory."""
    for path in desk.folder.rglob("*"):
        if path.is_file():
            check(TOKEN[10:].encode() not in path.read_bytes(), f"the token is in {path.name}")


@test
def a_daemon_tells_and_suspends():
    with chats_and_desk(10) as (chats, anvil, desk):
        chats.scripts[5] = lambda n: (403, "Forbidden: bot was blocked by the user") if not n else None
        chats.scripts[-7] = lambda n: [
            (400, "Bad Request: group chat was upgraded to a supergroup chat",
             {"migrate_to_chat_id": -1007})][n] if n < 1 else None
        daemon = serving(desk)
        desk.expect(0, *desk.airdrop("list.csv", *notify(4294967299, 5, -7)))
        wait_until(lambda: chats.texts(4294967299) and chats.texts(-1007), 20, "who is there")
        within(["<b>Completed</b>: list", "local"], chats.texts(4294967299)[0], "what it says")
        wait_until(lambda: desk.status("list")["subscribers"][1]["suspended"], 10, "a suspension")
        shown = desk.expect(0, "status", "list").out
        within(["blocked by the user", "pawl resume notify:2", "telegram -1007"], shown, "status")
        desk.expect(0, "resume", "notify:2")
        wait_until(lambda: chats.texts(5), 10, "who is back")
        same(len(chats.messages), 3, "messages")
        desk.expect(1, *desk.airdrop("list.csv", "--notify", "telegram:t.me/x"))
        stop(desk, daemon)
        exact(anvil, desk)
        unsaid(desk)
        desk.env["BOT_TOKEN"] = "123:short"
        ended = desk.expect(1, *desk.airdrop("list.csv", *notify(6)))
        within(["tell.telegram.token", "no token of a bot"], ended.err, "what is wrong")


@test
def a_bot_takes_commands():
    with chats_and_desk(3) as (chats, anvil, desk):
        desk.env["PAWL_TELL__TELEGRAM__ALLOW"] = "41 -77"
        chats.says(41, "/help")
        daemon = serving(desk)
        wait_until(lambda: chats.texts(41), 10, "an answer to what was asked before")
        within(["/track HASH [CHAIN]", "/fees"], chats.texts(41)[0], "the help")
        chats.says(99, "/start")
        chats.says(-77, "/help@pawl_bot", user=5, kind="supergroup")
        wait_until(lambda: chats.texts(99) and chats.texts(-77), 10, "both answers")
        within("this number: 99", chats.texts(99)[0], "what a stranger hears")
        chats.says(41, "/fees local")
        wait_until(lambda: len(chats.texts(41)) == 2, 10, "what it costs")
        within(["<pre>", "local", "normal"], chats.texts(41)[1], "fees")
        daemon.send_signal(signal.SIGKILL)
        desk.ended(daemon)
        same(journaled(desk, "SELECT id, next_update FROM bot"), [(123456789, 704)], "the offset")
        chats.says(41, "/weather")
        daemon = serving(desk)
        wait_until(lambda: len(chats.texts(41)) == 3, 10, "what it was asked meanwhile")
        same([len(chats.texts(n)) for n in (41, 99, -77)], [3, 1, 1], "answers")
        same(len(journaled(desk, "SELECT id FROM subscriber")), 2, "rows of who may")
        stop(desk, daemon)


@contextlib.contextmanager
def server_of_others():
    """telegram-test-api, of npm: it has no limits and no long polling, but its own reading of
    what the API is."""
    peers = pathlib.Path(os.environ["PAWL_PEERS"])
    runtime = next((peers / "node_modules").glob("node-linux-*/bin/node"))
    words = [runtime, pathlib.Path(__file__).parents[1] / "peers/others/telegram.cjs"]
    env = {**os.environ, "NODE_PATH": str(peers / "node_modules")}
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield re.match("Listening on (.*)", child.stdout.readline()).group(1)
        finally:
            child.kill()


def post(url, body):
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@test
def a_server_of_others_is_understood():
    with server_of_others() as url, desk_of(3) as (anvil, desk):
        desk.env.update(BOT_TOKEN=TOKEN, PAWL_TELL__TELEGRAM__TOKEN="env:BOT_TOKEN",
                        PAWL_TELL__TELEGRAM__API=url, PAWL_TELL__TELEGRAM__ALLOW="41")

        def heard():
            told = post(f"{url}/getUpdatesHistory", {"token": TOKEN})["result"]
            return [u["message"]["text"] for u in told if "chat_id" in u.get("message", {})]

        daemon = serving(desk)
        post(f"{url}/sendMessage", {
            "botToken": TOKEN, "date": 1700000000, "text": "/help",
            "from": {"id": 41, "first_name": "A"}, "chat": {"id": 41, "type": "private"}})
        wait_until(lambda: heard(), 10, "the help")
        desk.expect(0, *desk.airdrop("list.csv", *notify(41)))
        wait_until(lambda: len(heard()) == 2, 20, "its end")
        within("/track HASH", heard()[0], "the help")
        within("<b>Completed</b>", heard()[1], "its end")
        stop(desk, daemon)
        same(journaled(desk, "SELECT COUNT(*), SUM(unknown) FROM message WHERE state = 1"),
             [(1, 0)], "what was accepted")


@test
def a_chat_follows_a_transaction():
    """What goes on is one message that is rewritten; what counts is a new one."""
    with chats_and_desk(1, depth=30, confirmations=20) as (chats, anvil, desk):
        desk.env["PAWL_TELL__TELEGRAM__ALLOW"] = "41 42"
        daemon = serving(desk)
        anvil.interval(0)
        paid = anvil.rpc("eth_sendTransaction", {"from": FRIEND, "to": PAYER, "value": "0x1"})
        chats.says(42, "/track 0x12")
        chats.says(41, f"/track {paid} local")
        for blocks, word in ((0, "You hear of"), (1, "Included in"), (4, "(25 %)"), (5, "(50 %)"),
                             (5, "(75 %)"), (5, "Confirmed")):
            if blocks:
                anvil.mine(blocks)
            wait_until(lambda: any(word in t for t in chats.texts(41)), 20, word)
        chats.says(41, "/status")
        chats.says(41, f"/untrack {paid}")
        wait_until(lambda: "You hear no more" in chats.texts(41)[-1], 10, "an end")
        own = [m for m in chats.messages if m.chat == 41]
        within([f"You hear of {paid} from now on", "local: "], own[0].text + own[1].text, "the answer")
        new = [m.text.split("\n")[0] for m in own if not m.edits]
        same([t for t in new if t.startswith("<b>") and "Seen" not in t],
             ["<b>Included in a block</b>", "<b>Confirmed</b>"], "new messages")
        edits = [m for m in own if m.edits]
        same(len(edits), 3, "edits")
        same({m.edits for m in edits}, {m.id for m in own if "Included in" in m.text}, "edited")
        within(["Gets confirmations", " of 20 confirmations (75 %)", paid], edits[-1].text, "text")
        within(f"{paid}\nlocal: ", own[-2].text, "what he follows")
        within("no hash of a transaction", chats.texts(42)[0], "what is refused")
        same(desk.expect(0, "untrack", paid).code, 0, "the operator's own")
        stop(desk, daemon)


def fate(luck):
    """What a bad day of the service does."""
    return luck.choices(
        [None, (502, "Bad Gateway"), "reset", "drop", (429, "Too Many Requests: retry after 1",
                                                       {"retry_after": 1})],
        [30, 3, 4, 2, 2])[0]


@test
def everybody_hears_all_of_it_through_kills():
    chats_n = [1, 2, 3, -4]
    with chats_and_desk(10, confirmations=12, depth=16) as (chats, anvil, desk):
        desk.env["PAWL_TELL__TELEGRAM__ALLOW"] = "2"
        luck = random.Random(7)
        for chat in chats_n[1:]:
            dice = random.Random(chat)
            chats.scripts[chat] = lambda n, dice=dice: fate(dice)
        desk.expect(0, *desk.airdrop("list.csv", *notify(*chats_n)), seconds=90)
        paid = anvil.rpc("eth_sendTransaction", {"from": FRIEND, "to": PAYER, "value": "0x1"})
        chats.says(2, f"/track {paid}")
        for n in range(3):
            daemon = serving(desk)
            for k in range(3):
                desk.expect(0, "tell", f"[{n}.{k}]")
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(luck.uniform(0.5, 2))
            daemon.send_signal(signal.SIGKILL)
            desk.ended(daemon)
        daemon = serving(desk)
        wait_until(
            lambda: journaled(desk, "SELECT COUNT(*) FROM message WHERE state = 0") == [(0,)],
            60, "everything to be accepted", every_s=0.2,
        )
        wait_until(lambda: any("<b>Final" in t for t in chats.texts(2)), 30, "its end")
        stop(desk, daemon)
        bodies = [json.loads(body) for (body,) in journaled(
            desk, "SELECT body FROM notice WHERE subject_kind <> 4 ORDER BY id")]
        said = [body.get("text", "Completed") for body in bodies if "hash" not in body]
        same(len(said), 10, "notices")
        same(journaled(desk, "SELECT COUNT(*) FROM notice WHERE subject_kind = 4"), [(0,)],
             "answers that are kept")
        titles = {"seen": "Seen", "included": "Included", "confirmed": "Confirmed",
                  "final": "<b>Final"}
        decided = [titles[body["type"]] for body in bodies if body["type"] in titles]
        heard = re.findall("|".join(titles.values()), "\n".join(chats.texts(2)))
        same(list(dict.fromkeys(heard)), decided, "what became of the transaction")
        within(["Included", "Confirmed", "<b>Final"], decided, "its milestones")
        lost = dict(journaled(desk, "SELECT subscriber, SUM(unknown) FROM message GROUP BY 1"))
        for number, chat in enumerate(chats_n, 1):
            heard = re.findall(r"\[\d\.\d\]|Completed", "\n".join(chats.texts(chat)))
            same(list(dict.fromkeys(heard)), said, f"what {chat} heard, and its order")
            twice = len(heard) - len(said)
            check(twice <= lost[number], f"{chat}: {twice} twice, {lost[number]} answers lost")
        check(sum(lost.values()) > 0, "no answer was lost: nothing was tested")
        check(any("messages that waited" in m.text for m in chats.messages), "nothing was folded")
        print(f"# {sum(lost.values())} answers lost, {len(chats.messages)} messages")
        exact(anvil, desk)


main()
