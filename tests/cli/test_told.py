#!/usr/bin/env python3
"""What the program tells about money that moves: it names each flag that is needed, each line
to type, and never less than it knows. On a real node.

usage: test_told.py PAWL [NAME]

Speaks TAP.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from harness import (  # pylint: disable=wrong-import-position
    OWNER, PAYER, Anvil, Desk, check, deploy, end, main, paid, recipients, same, test,
    wait_until, within,
)


@contextlib.contextmanager
def desk_of(rows=5, **chain):
    """A node, and a desk with a list."""
    with Anvil() as anvil, Desk([anvil.url], chain=chain) as desk:
        desk.write_list("list.csv", recipients(rows))
        yield anvil, desk


def plan(desk, name="list.csv", *more):
    words = ("airdrop", "plan", name, "--chain", "local", "--from", "payer", "--json", *more)
    ended = desk.expect(0, *words)
    return json.loads(ended.out), ended.err


def warned(desk, name="list.csv"):
    return " / ".join(plan(desk, name)[0]["warnings"])


# --- what run will need -----------------------------------------------------------------------


def edit(journal, *statements):
    """By a process that dies: one that closes the journal would take its -wal away."""
    code = ("import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); "
            "[db.execute(s) for s in sys.argv[2:]]; db.commit(); os._exit(0)")
    subprocess.run([sys.executable, "-c", code, journal, *statements], check=True)


@test
def plan_names_the_flag_for_what_was_paid():
    with desk_of() as (_, desk):
        same(warned(desk), "", "warnings of a list that is new")
        desk.expect(0, *desk.airdrop())
        within("is the operation list: `run` goes on with it", warned(desk), "the same list")
        same(plan(desk)[0]["equal_rows"], 0, "its own rows are no others")
        (desk.folder / "copy.csv").write_text((desk.folder / "list.csv").read_text())
        within("very plan is the operation list: to go on with it: --name list; else `run` needs "
               "--again", warned(desk, "copy.csv"), "the same plan")
        within("to go on with it: --name list; to pay it all again: --again",
               desk.expect(5, *desk.airdrop("copy.csv")).err, "a run of it")
        desk.expect(0, *desk.airdrop("copy.csv"), "--name", "list")
        desk.write_list("more.csv", recipients(7))
        told = plan(desk, "more.csv")[0]
        within("5 of 7 rows equal rows of other operations of this journal: `run` needs --again",
               " / ".join(told["warnings"]), "equal rows")
        same(told["equal_rows"], 5, "rows that are equal")
        within("--again", desk.expect(5, *desk.airdrop("more.csv")).err, "a run without it")
        desk.expect(0, *desk.airdrop("more.csv", "--again"))
        desk.write_list("list.csv", recipients(8))
        within("list is another plan (it has no row 6): `run` needs another --name", warned(desk),
               "an edited list")


@test
def what_was_cancelled_unpaid_needs_no_flag():
    with desk_of() as (anvil, desk):
        anvil.rpc("anvil_setBalance", PAYER, "0x0")
        child = desk.start(*desk.airdrop())
        wait_for(desk, "awaiting_funds", child)
        desk.expect(0, "cancel", "list")
        anvil.rpc("anvil_setBalance", PAYER, hex(10**20))
        within("list was cancelled: `run` needs another --name", warned(desk), "the plan")
        check("--again" not in warned(desk), "--again for what was never paid")
        desk.expect(0, *desk.airdrop("list.csv", "--name", "second"))


def wait_for(desk, state, child):
    """Ends a run as soon as its operation is in this state."""
    wait_until(lambda: (desk.status("list") or {}).get("state") == state, 30, state)
    end(child)


@test
def a_past_that_the_journal_has_not_seen_is_told():
    with desk_of() as (_, desk):
        desk.expect(0, *desk.airdrop())
        for name in ("pawl.db", "pawl.db-wal", "pawl.db-shm"):
            (desk.folder / name).unlink(missing_ok=True)
        desk.expect(0, "init")
        unseen = "does not know 5 transactions that this account has sent"
        within((unseen, "asks for --adopt or --again"), warned(desk), "the plan")
        within("5 of 5 rows equal payments", desk.expect(5, *desk.airdrop(), "--json").out, "run")
        check("not know" not in warned(desk), "they are read back now")
        within("5 of 5 rows equal payments", warned(desk), "the plan behind it")


@test
def an_edited_list_is_told_what_to_do():
    with desk_of() as (_, desk):
        desk.expect(0, *desk.airdrop())
        desk.write_list("list.csv", recipients(6))
        within("put the new rows into a file of their own: pawl airdrop run NEW.csv --chain local "
               "--from payer", desk.expect(5, *desk.airdrop()).err, "the way on")


@test
def another_plan_names_what_differs():
    with desk_of(6) as (anvil, desk):
        rows = recipients(6)
        words = desk.airdrop("list.csv", "--name", "list")
        desk.expect(0, *words)
        desk.write_list("list.csv", rows[:4])
        said = desk.expect(5, *words).err
        within(("row 5 is missing", "  0.000000005\n", "as it began"), said, "a list that was cut")
        check("NEW.csv" not in said, f"advice for rows that are new: {said}")
        within("is another plan (it has a row 5): `run` needs another --name", warned(desk), "plan")
        desk.write_list("list.csv", [*rows[:2], (rows[2][0], 77), *rows[3:]])
        within("is another plan (row 3, line 4, differs): `run`", warned(desk), "a row's plan")
        within(("row 3 differs", "as it began"), desk.expect(5, *words).err, "a row")
        desk.write_list("list.csv", recipients(7))
        within("is another plan (it has no row 7): `run` needs", warned(desk), "plan of a longer list")
        desk.write_list("list.csv", rows)
        fee = ("--service-fee", f"0.5:{OWNER}")
        other = f"its service fee is none, not 0.5 to {OWNER}"
        within(f"{other}; to go on with it, give it what it began with",
               desk.expect(5, *words, *fee).err.lower(), "the fee")
        warnings = " / ".join(plan(desk, "list.csv", *fee)[0]["warnings"])
        within(f"is another plan ({other}): `run` needs", warnings.lower(), "the plan with a fee")
        token = deploy(anvil, "Plain", PAYER)
        within(f"its asset is the native coin, not {token}",
               desk.expect(5, *words, "--token", token).err.lower(), "the asset")


@test
def a_list_that_moved_is_read_where_it_is():
    with desk_of(20000) as (anvil, desk):
        anvil.rpc("anvil_setBalance", PAYER, "0x0")
        words = desk.airdrop("list.csv", "--name", "list")
        child = desk.start(*words)
        wait_until(lambda: (desk.status("list") or {}).get("waits_for"), 30, "it is there")
        end(child)
        edit(desk.journal, "DELETE FROM item WHERE row > 4096",
             "UPDATE airdrop SET imported = 4096", "UPDATE operation SET waits_for = NULL")
        (desk.folder / "list.csv").rename(desk.folder / "moved.csv")
        child = desk.start(*desk.airdrop("moved.csv", "--name", "list"))
        wait_until(lambda: "funds: " in (desk.status("list")["waits_for"] or ""), 30, "all rows")
        child.send_signal(signal.SIGTERM)
        within("The list is read from", desk.ended(child).out, "that it moved")


# --- without nodes ----------------------------------------------------------------------------


@test
def a_plan_without_a_node_is_hashed_by_the_journal():
    with desk_of() as (anvil, desk):
        anvil.close()
        told = plan(desk, "list.csv", "--token", OWNER)[0]
        same(told["plan"], None, "a hash without a genesis")
        within("needs the chain's genesis and the token's decimals", " / ".join(told["warnings"]),
               "why there is no hash")
    with desk_of() as (anvil, desk):
        tokens = ("--token", deploy(anvil, "Plain", PAYER))
        known = [plan(desk)[0], plan(desk, "list.csv", *tokens)[0]]
        fresh = [t["plan"] for t in known]
        check(all(re.fullmatch("0x[0-9a-f]{64}", h) for h in fresh), f"plan hashes: {fresh}")
        desk.expect(0, *desk.airdrop("list.csv", *tokens))
        ended = desk.expect(0, *desk.airdrop("list.csv", *tokens), "--json")
        same(json.loads(ended.out)["plan"], fresh[1], "the plan of a run")
        within(fresh[1], desk.expect(0, "status", "list").out, "the plan in status")
        within(fresh[1], desk.expect(0, *desk.airdrop("list.csv", *tokens)).out, "and in words")
        anvil.close()
        told = [plan(desk)[0], plan(desk, "list.csv", *tokens)[0]]
        same([t["plan"] for t in told], fresh, "hashes by the journal")
        within("no node confirms it now", " / ".join(told[0]["warnings"]), "by whose word")
        same(told[1]["symbol"], known[1]["symbol"], "the token's symbol")


@test
def nobody_waits_in_silence():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with Desk([f"http://127.0.0.1:{silent.getsockname()[1]}"]) as desk:
            desk.write_list("list.csv", recipients(2))
            words = desk.airdrop()
            for child in (desk.start(*words), desk.start("airdrop", "plan", *words[2:-1])):
                wait_until(lambda: "no answer of the nodes yet; waiting until" in
                           child.paths[1].read_text(), 5, "a word about the waiting")
                end(child)


# --- what is not settled ----------------------------------------------------------------------


@test
def verify_counts_what_is_not_final_apart():
    with desk_of(100, max_in_flight=5) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 10)
        beside = desk.expect(3, "verify", "list", "--json")
        told = json.loads(beside.out)
        same((told["ok"], told["mismatches"]), (False, []), "verify of what is under way")
        within(("list is distributing", "rows are not final yet"), beside.err, "why")
        child.send_signal(signal.SIGTERM)
        desk.ended(child)
        text = desk.expect(3, "verify", "list")
        check(len(text.out.splitlines()) <= 2, f"a line for each row: {text.out}")
        desk.expect(0, "cancel", "list")
        text = desk.expect(4, "verify", "list")
        within(("list was cancelled", "rows are not paid"), text.err, "why")
        check(len(text.out.splitlines()) <= 2, f"a line for each row: {text.out}")
        told = desk.verify("list", 4)
        same(told["final"], anvil.rpc.count(PAYER), "rows that are final")
        within("put them into a list of their own", desk.expect(4, *desk.airdrop()).err, "the run")


@test
def verify_says_what_it_can_not_see():
    with Anvil() as anvil, Desk([anvil.url], chain={"lookback": 0}) as desk:
        for _ in range(3):
            anvil.rpc.receipt(anvil.rpc.transact(PAYER, OWNER, value=1))
        anvil.mine(50)
        desk.write_list("list.csv", recipients(3))
        desk.expect(0, *desk.airdrop())
        told = desk.verify("list")
        same((told["ok"], told["unseen"], told["suspects"]), (True, 3, 0), "what it can't see")
        within("3 earlier transactions of the account are not known to this journal",
               desk.expect(0, "verify", "list").out, "and in words")


@test
def verify_counts_what_may_have_paid():
    with desk_of(40, max_in_flight=5) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 10)
        anvil.interval(0)
        wait_until(lambda: anvil.rpc.count(PAYER, "pending") - anvil.rpc.count(PAYER) == 5, 30,
                   "all that may be in flight")
        to, value = recipients(40)[39]
        anvil.rpc.transact(PAYER, to, value=value, nonce=hex(anvil.rpc.count(PAYER, "pending")))
        anvil.mine()
        anvil.interval(0.2)
        same(desk.ended(child).code, 4, "exit of the run")
        height = anvil.rpc.height()
        wait_until(lambda: anvil.rpc.height() > height + 5, 30, "the last blocks to be final")
        told = desk.verify("list", 6)
        same((told["suspects"], [m["row"] for m in told["mismatches"]]), (1, [40]), "suspects")
        within("1 transaction that this journal does not know may be a payment of its rows",
               desk.expect(6, "verify", "list").out, "and in words")


@test
def verify_finds_what_shares_a_nonce():
    with desk_of(3) as (_, desk):
        desk.expect(0, *desk.airdrop())
        columns = "operation, row, account, nonce, state, emptied, recipient, value, data, cost, held"
        edit(desk.journal,
             "UPDATE intent SET shared_nonce = nonce, nonce = NULL WHERE row = 2",
             f"INSERT INTO intent ({columns}) SELECT operation, 3, account, shared_nonce, 3, "
             "emptied, recipient, value, data, cost, held FROM intent WHERE row = 2")
        desk.verify("list")


@test
def verify_says_how_many_nodes_it_read():
    with Anvil() as anvil:
        dead = "http://127.0.0.1:1"
        with Desk([anvil.url, dead], chain={"quorum": 1}) as desk:
            desk.write_list("list.csv", recipients(3))
            desk.expect(0, *desk.airdrop())
            within("Read from 1 of the 2 nodes", desk.expect(0, "verify", "list").out, "nodes")


@test
def a_node_that_is_lost_is_named():
    with Anvil() as anvil, Desk([anvil.url], depth=1000) as desk:
        desk.write_list("list.csv", recipients(5))
        child = desk.start(*desk.airdrop())
        wait_until(lambda: anvil.rpc.count(PAYER) == 5, 30, "5 payments")
        check("0 of 1 votes" not in child.paths[1].read_text(), "a healthy start waits for votes")
        anvil.close()
        lost = f"127.0.0.1:{anvil.port} does not answer"
        wait_until(lambda: lost in (desk.status("list")["waits_for"] or ""), 30, lost)
        end(child)
    with Anvil() as anvil, Desk([anvil.url], depth=1000, chain={"max_in_flight": 5}) as desk:
        desk.write_list("list.csv", recipients(50))
        child = desk.start(*desk.airdrop())
        paid(anvil, 10)
        anvil.close()
        lost = f"127.0.0.1:{anvil.port} does not answer"
        wait_until(lambda: lost in (desk.status("list")["waits_for"] or ""), 30, lost)
        end(child)


@test
def the_bar_is_as_wide_as_the_terminal():
    with desk_of(40, max_in_flight=5) as (_, desk):
        for columns in (60, 150):
            pid, terminal = pty.fork()
            if pid == 0:
                os.chdir(desk.folder)
                words = desk.airdrop("list.csv", "--name", f"w{columns}", "--again")
                os.execve(desk.binary, [desk.binary, *words], {**desk.env, "TERM": "xterm"})
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            shown = b""
            with contextlib.suppress(OSError):
                while piece := os.read(terminal, 4096):
                    shown += piece
            os.waitpid(pid, 0)
            os.close(terminal)
            bars = re.findall(rb"\r\x1b\[K(\[[#.]+\] [^\r]*)", shown)
            check(bars and max(map(len, bars)) < columns, f"bars: {bars}")
            check(columns < 100 or all(len(bar.split()[0]) == 42 for bar in bars), f"bars: {bars}")


# --- chains ------------------------------------------------------------------------------------


@test
def chains_whose_fees_or_gas_are_others():
    for chain_id, said in (
        (10, "OP Mainnet: a fee for data comes on top of gas; --max-total-fee does not count it"),
        (42161, "Arbitrum One: gas works otherwise"),
    ):
        with Anvil(chain_id=chain_id) as anvil:
            with Desk([anvil.url], chain={"chain_id": chain_id}) as desk:
                within(("FINDING chain", said), desk.expect(1, "doctor").out, "doctor")
    with Anvil(chain_id=424242) as anvil:
        with Desk([anvil.url], chain={"chain_id": 424242}) as desk:
            within("chain id 424242 is not known here", desk.run("doctor").out, "doctor")


# --- lists that are wrong ---------------------------------------------------------------------


@test
def problems_of_a_list_are_json():
    with desk_of() as (_, desk):
        good, checksum = recipients(1)[0][0], "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96046"
        (desk.folder / "bad.csv").write_text(
            f"memo,address,amount\n\u00e9,{good},-1\nx,{checksum},0\ny\n")
        for words in (desk.airdrop("bad.csv"), ("airdrop", "plan", *desk.airdrop("bad.csv")[2:-1])):
            *told, last = map(json.loads, desk.expect(2, *words, "--json").out.splitlines())
            check(all(list(p) == ["file", "line", "column", "problem"] for p in told), told)
            same([(p["file"], p["line"], p["column"]) for p in told],
                 [("bad.csv", 2, 46), ("bad.csv", 3, 3), ("bad.csv", 3, 46), ("bad.csv", 4, None)],
                 "places")
            same((last["exit"], list(last)), (2, ["error", "exit"]), "the end")
        (desk.folder / "one.json").write_text('[\n  {"address": 1 "amount"}]')
        told = json.loads(desk.expect(2, *desk.airdrop("one.json"), "--json").out.splitlines()[0])
        same((told["line"], told["column"] > 10), (2, True), "a place in JSON")


@test
def plan_lists_all_that_run_refuses():
    with desk_of() as (_, desk):
        rows = recipients(2)
        desk.write_list("bad.csv", [*rows, rows[0], (PAYER, 1), ("0x12", 1)])
        refused = desk.expect(2, *desk.airdrop("bad.csv")).err
        within(("paid on line 2 already", "pays the sender itself", "not an address"), refused,
               "the run")
        planned = desk.expect(2, "airdrop", "plan", *desk.airdrop("bad.csv")[2:-1]).err
        same(planned, refused, "what the plan says")


# --- stops ------------------------------------------------------------------------------------


@test
def a_stop_at_the_cap_names_a_figure_that_suffices():
    with desk_of(100, max_in_flight=5) as (anvil, desk):
        child = desk.start(*desk.airdrop("list.csv", "--max-total-fee", "0.02"))
        paid(anvil, 10)
        anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(60 * 10**9))
        ended = desk.ended(child)
        same(ended.code, 4, f"exit: {ended.err[-500:]}")
        line = re.search(r"then: pawl (resume list --max-total-fee [0-9.]+)$", ended.err, re.M)
        check(line, f"no line to type in {ended.err[-500:]}")
        within(line.group(1), desk.expect(0, "status", "list").out, "the same line")
        desk.expect(0, *line.group(1).split())
        desk.expect(0, *desk.airdrop())
        within("--max-total-fee 0.", desk.expect(
            2, *desk.airdrop("list.csv", "--name", "b", "--again", "--max-total-fee", "0.00001")
        ).err, "a cap that is too low")


if __name__ == "__main__":
    main()
