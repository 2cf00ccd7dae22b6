#!/usr/bin/env python3
"""pawl track and untrack, as who types them meets them: what is refused and why, rows of a
list, how --wait ends. On a real node, and without a daemon.

usage: test_track.py PAWL [NAME]

Speaks TAP.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from harness import (  # pylint: disable=wrong-import-position
    OWNER, PAYER, TILL, Anvil, Desk, check, end, in_pool, main, recipients, same, serving, test,
    wait_until, within,
)

from receiver import Receiver, ears  # pylint: disable=wrong-import-position

HASH = "0x" + "5a" * 32
HOOK = "webhook:http://127.0.0.1:9/"


def says(desk, code, words, *more, lines=()):
    """It ends so, and says all of the words."""
    ended = desk.ended(desk.start(*more, lines=lines))
    same(ended.code, code, f"exit of {' '.join(more)}: {ended.err}")
    within(words, ended.err + ended.out, f"what {' '.join(more)} said")
    return ended


def followed(desk):
    """{hash: state}"""
    return {t["hash"]: t["state"] for t in map(
        json.loads, desk.expect(0, "status", HASH, "--json").out.splitlines())}


@test
def what_is_wrong_is_named_and_nothing_is_followed():
    with Anvil() as anvil, Desk([anvil.url]) as desk:
        desk.write_list("list.csv", recipients(1))
        says(desk, 2, ["'0x12' is no hash", "64 digits"], "track", "0x12")
        says(desk, 2, "is no hash", "track", HASH + "00")
        says(desk, 1, "mainnett", "track", HASH, "--chain", "mainnett")
        for number in ("0", "10001", "many"):
            says(desk, 1, ["--confirmations", f"not '{number}'", "1 to 10000"],
                 "track", HASH, "--confirmations", number)
        ended = says(desk, 1, ["'pigeon'", "CHANNEL:TARGET"], "track", HASH, "--notify", "pigeon:ho")
        check("line 1" not in ended.err, f"no line was given: {ended.err}")
        check("ho" not in ended.err.split("'pigeon'")[1].split("whom")[0], "what may be a secret")
        says(desk, 1, ["webhook:notaurl", "http"], "track", HASH, "--notify", "webhook:notaurl")
        says(desk, 1, "type the command again", "track", HASH,
             *[f"--notify=telegram:{i}" for i in range(1, 10)])
        says(desk, 1, "HASH|ROW.. is missing", "track", "--of", "list")
        says(desk, 1, ["tell.webhook.secret", "env:VAR"], "track", HASH, "--notify", HOOK)
        desk.env.update(PAWL_TELL__WEBHOOK__SECRET="env:HOOK", HOOK="0123456789abcdef")
        for words in (("track", HASH, "--notify", HOOK), desk.airdrop("list.csv", "--notify", HOOK)):
            says(desk, 1, ["127.0.0.1", "tell.webhook.allow_private: true"], *words)
        says(desk, 1, "--wait is for hashes", "track", "1", "--of", "list", "--wait")
        says(desk, 2, ["standard input:3: ", "0xnonsense"], "track", "-",
             lines=["# mine", HASH, "0xnonsense"])
        says(desk, 2, "names no transaction", "track", "-", lines=["# none"])
        ended = says(desk, 1, ["--label", "say with --notify"], "track", HASH, "--label", "mine")
        check("line 1" not in ended.err, f"no line was given: {ended.err}")
        says(desk, 1, ["no operation 'nope'", "a hash of a transaction"], "explain", "nope")
        says(desk, 0, ["pawl track HASH --notify", "pawl airdrop run FILE"], "tell", "hello")
        same(desk.run("status", HASH).code, 1, "exit of what is not followed")
        says(desk, 1, "nobody follows", "untrack", HASH)


@test
def it_is_followed_once_until_it_is_not():
    with Anvil() as anvil, Desk([anvil.url]) as desk:
        other = "0x" + "6b" * 32
        ended = says(desk, 0, "", "track", "-", "--json", lines=["  # mine", "", HASH, " \t" + other])
        same(json.loads(ended.out), {"tracked": 2, "fresh": 2}, "what it said")
        ended = says(desk, 0, "", "track", HASH, "--json")
        same(json.loads(ended.out), {"tracked": 1, "fresh": 0}, "what it said again")
        says(desk, 0, "1 transaction is followed", "track", HASH, HASH.replace("a", "A"))
        for word in ([HASH], []):
            within(["Nobody follows", "pawl serve"], desk.expect(0, "status", *word).out, word)
        child = desk.start("serve")
        wait_until(lambda: "Nobody follows" not in desk.expect(0, "status", HASH).out, 30, "serve")
        check("Nobody follows" not in desk.expect(0, "status").out, "somebody follows them")
        end(child)
        same(followed(desk), {HASH: "unseen"}, "where it is")
        within("2 unseen", desk.expect(0, "status").out, "all that is followed")
        ended = says(desk, 0, "", "untrack", HASH, "--json")
        same(json.loads(ended.out), {"tracked": 1, "moved": True}, "what it said")
        says(desk, 0, "not followed already", "untrack", HASH)
        same(followed(desk), {HASH: "untracked"}, "where it is")
        check("Nobody follows" not in desk.expect(0, "status", HASH).out, "it has ended")
        within("it was asked for", desk.expect(0, "explain", HASH).out, "its story")


@test
def a_row_is_followed_once_it_has_a_transaction():
    with Anvil(None) as anvil, Desk([anvil.url], chain={"max_in_flight": 1}) as desk:
        anvil.mine(2)
        desk.write_list("list.csv", recipients(2))
        says(desk, 1, "nothing", "track", "1", "--of", "nothing")
        child = desk.start(*desk.airdrop())
        wait_until(lambda: in_pool(anvil), 20, "the first payment")
        says(desk, 1, "no row 9", "track", "9", "--of", "list")
        says(desk, 5, "has no transaction yet", "track", "2", "--of", "list")
        says(desk, 0, "1 transaction is followed", "track", "1", "--of", "list")
        anvil.interval(0.1)
        same(desk.ended(child).code, 0, "exit of the list")
        says(desk, 5, ["row 1 of list is final", "pawl explain list 1"],
             "track", "1", "--of", "list")
        desk.expect(0, "explain", "list", "1")


@test
def waiting_ends_as_they_do():
    with Anvil(None) as anvil, Desk([anvil.url]) as desk:
        good = anvil.rpc.transact(OWNER, TILL)
        bad = anvil.rpc.transact(PAYER, data="0x60006000fd", gas="0x30000")
        anvil.mine(1)  # no pool shows it, and what comes next waits until it is told
        child = desk.start("track", good, "--wait", "--confirmations", "2", "--json")
        wait_until(lambda: "included" in child.paths[0].read_text(), 30, "its block")
        anvil.interval(0.1)
        came = desk.ended(child)
        same(came.code, 0, f"exit of who waits: {came.err}")
        came = [json.loads(line) for line in came.out.splitlines()]
        same(came[0], {"tracked": 1, "fresh": 1}, "what is told first")
        states = [line["state"] for line in came[1:]]
        same((states[0], states[-1]), ("included", "final"), f"what came, as it came: {states}")
        said = desk.expect(0, "track", good, "--wait").out
        within([f"{good} on local: final in block"], said, "where it stands already")
        says(desk, 4, ["1 of 2", "good end", "pawl status HASH"], "track", good, bad, "--wait")
        within("final in block", desk.expect(0, "status", good).out, "the good one")
        within("reverted in block", desk.expect(0, "status", bad).out, "the bad one")


@test
def on_which_chain_it_is_is_said():
    with Anvil() as one, Anvil(None, 31338) as two, Desk([one.url]) as desk:
        second = (f"  side: {{kind: evm, chain_id: 31338, endpoints: [{two.url}], "
                  "finality: {depth: 3}, poll_ms: 50}\n")
        config = desk.folder / "pawl.yaml"
        config.write_text(config.read_text().replace("keys:", second + "keys:"))
        desk.env.update(PAWL_TELL__WEBHOOK__SECRET="env:HOOK", HOOK="0123456789abcdef",
                        PAWL_TELL__WEBHOOK__ALLOW_PRIVATE="true")
        two.mine(2)
        words = ("track", HASH, "--notify", HOOK, "--label", "mine")
        said = desk.expect(0, *words).out
        within([f"{HASH} on local: unseen", f"{HASH} on side: unseen", "looked for on these 2",
                'hears of it as "mine"'], said, "what is nowhere yet")
        desk.expect(0, "track", HASH, "--chain", "local")
        desk.expect(0, "untrack", HASH, "--chain", "side")
        within(["On side it is not followed", "pawl track HASH --chain side"],
               desk.expect(0, "status", HASH).out, "what is on one")
        desk.expect(0, "track", HASH, "--chain", "side")
        within("looked for on 2 chains, and told of each",
               desk.expect(0, "status", HASH).out, "what neither has")
        desk.expect(0, *words[:4], "--label", "yours", "--chain", "local")
        said = desk.expect(0, *words[:4], "--confirmations", "7", "--chain", "local").out
        within('as "yours", by 7 confirmations', said, "a new label, and number")
        long = "\N{EURO SIGN}" * 66 + "xy"
        desk.expect(0, *words[:4], "--label", long, "--chain", "local")
        within(f'as "{long}"', desk.expect(0, "status", HASH).out, "as long as it may be")
        desk.expect(0, *words[:4], "--label", "a\u202eb", "--chain", "local")
        within('as "a???b"', desk.expect(0, "status", HASH).out, "what turns around a line")
        desk.expect(0, *words, "--chain", "local")
        told = map(json.loads, desk.expect(0, "status", HASH, "--json").out.splitlines())
        same({t["chain"]: t["labels"] for t in told}, {"local": ["mine"], "side": []},
             "what it is called")
        within("notify:1 webhook:", desk.expect(0, "status", HASH).out, "its number")
        desk.expect(0, "untrack", HASH, "--notify", "notify:1")
        says(desk, 1, "none of these", "untrack", HASH, "--notify", "notify:1")
        desk.expect(0, "track", HASH, "--notify", HOOK, "--chain", "side")
        says(desk, 0, "nothing any more", "untrack", "--notify", "notify:1")
        check("notify:1" not in desk.expect(0, "status", HASH).out, "who heard of it")
        says(desk, 1, "none of these", "untrack", "--notify", HOOK)
        for bad in (["notify:x"], ["notify:0"], ["pigeon:1"], [HOOK, "--chain", "side"]):
            desk.expect(1, "untrack", "--notify", *bad)
        says(desk, 1, "HASH", "untrack")
        keys = config.read_text()
        config.write_text(keys[: keys.index("keys:")])
        said = desk.expect(0, "doctor").out
        within("nobody can be paid", said, "what a journal that only follows needs")
        config.write_text(keys[: keys.index("chains:")])
        says(desk, 1, ["names no chain", "pawl help config"], "track", HASH)


@test
def a_chain_that_never_answered_holds_up_no_other():
    with Anvil() as anvil, Desk([anvil.url]) as desk:
        config = desk.folder / "pawl.yaml"
        config.write_text(config.read_text().replace("keys:", (
            "  side: {kind: evm, chain_id: 31338, endpoints: [http://127.0.0.1:9], "
            "finality: {depth: 3}, poll_ms: 50}\nkeys:")))
        said = desk.expect(0, "track", HASH).out
        within([f"{HASH} on local: unseen", "On chain side it is not looked for", "pawl doctor",
                f"pawl track {HASH} --chain side"], said, "what it said")
        child = serving(desk)
        other = "0x" + "6b" * 32
        told = json.loads(desk.expect(0, "track", other, HASH, "--json").out)
        same(told, {"tracked": 2, "fresh": 1, "unreached": ["side"]}, "what a daemon said")
        same(followed(desk), {HASH: "unseen"}, "where it is")
        desk.expect(0, "untrack", HASH)
        end(child)


@test
def what_the_nodes_of_another_chain_serve_is_said_at_once():
    with Anvil(None, 31338) as wrong, Desk([wrong.url]) as desk:
        serves = "it serves chain id 31338, not 31337"
        for more in ((), ("--chain", "local")):
            says(desk, 1, ["chain local: ", serves], "track", HASH, *more)
        config = desk.folder / "pawl.yaml"
        config.write_text(config.read_text().replace("keys:", (
            f"  side: {{kind: evm, chain_id: 31338, endpoints: [{wrong.url}], "
            "finality: {depth: 3}, poll_ms: 50}\nkeys:")))
        child = serving(desk)
        says(desk, 1, ["chain local: ", serves], "track", HASH, "--chain", "local")
        said = desk.expect(0, "track", HASH).out
        within([f"{HASH} on side: unseen", "On chain local it is not looked for",
                "answered as one of it"], said, "what it said")
        end(child)


@test
def who_wants_more_than_it_was_confirmed_by_is_told_so():
    with Anvil(None) as anvil, Desk([anvil.url], depth=50) as desk:
        sent = anvil.rpc.transact(OWNER, TILL)
        anvil.mine(4)
        desk.expect(0, "track", sent, "--confirmations", "2")
        child = serving(desk)
        wait_until(lambda: "confirmed" in desk.expect(0, "status", sent).out, 30, "2 of 2")
        says(desk, 5, ["confirmed already, by the 2", "11 can't", "when it is final"],
             "track", sent, "--confirmations", "11")
        desk.expect(0, "track", sent, "--confirmations", "2")
        within("confirmed", desk.expect(0, "track", sent).out, "without a number")
        end(child)


@test
def who_comes_back_to_what_began_anew_is_told_it_again():
    with Receiver() as hall, Anvil(None) as anvil, \
            Desk([anvil.url], depth=50, chain={"confirmations": 2}) as desk:
        ears(desk)
        who = ("--notify", hall.url("/u"))
        sent = anvil.rpc.transact(OWNER, TILL)
        anvil.mine(4)
        child = serving(desk)
        wait_until(lambda: desk.run("track", sent, *who).code == 0, 30, "it is followed")
        wait_until(lambda: "confirmed" in hall.types("/u"), 30, "that it is confirmed")
        wait_until(lambda: "to go" not in desk.expect(0, "status", sent).out, 30, "its answer")
        first = [(a.type, a.event) for a in hall.heard["/u"]]
        desk.expect(0, "untrack", sent, *who)
        desk.expect(0, "track", sent, *who)
        desk.expect(0, "untrack", sent)
        desk.expect(0, "track", sent, *who)
        wait_until(lambda: hall.types("/u").count("confirmed") == 2, 30, "that it is, again")
        again = [(a.type, a.event) for a in hall.heard["/u"]][len(first):]
        same([t for t, _ in again], [t for t, _ in first], "what he was told again, once")
        check(not set(again) & set(first), "event ids of their own")
        end(child)


main()
