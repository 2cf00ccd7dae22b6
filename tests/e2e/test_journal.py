#!/usr/bin/env python3
"""One owner, one journal, one plan a name, enough funds, and a key that is nowhere to be
read; everybody is paid exactly once."""

import json
import os
import signal

from harness import (
    ETHER, OWNER, PAYER, PAYER_KEY, Anvil, Desk, Ledger, check, deploy, desk_of, end, exact,
    exactly_once, main, paid, recipients, same, test, wait_until, whole, within,
)


def rest(anvil, desk, child):
    same(desk.ended(child).code, 0, "exit of the first runner")
    exact(anvil, desk)


@test
def it_is_read_beside_its_owner():
    with desk_of(200, max_in_flight=30) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 30)
        same(desk.status("list")["rows"], 200, "what is read beside the owner")
        desk.expect(0, "export", "list")
        rest(anvil, desk, child)


@test
def a_dead_owner_needs_nobody():
    with desk_of(100, max_in_flight=30) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 30)
        end(child)
        rest(anvil, desk, desk.start(*desk.airdrop()))


@test
def it_stops_when_it_is_told_to():
    for how in (signal.SIGINT, signal.SIGTERM):
        with desk_of(100, max_in_flight=30) as (anvil, desk):
            child = desk.start(*desk.airdrop())
            paid(anvil, 30)
            child.send_signal(how)
            ended = desk.ended(child, 2)
            same(ended.code, 3, "exit")
            within("safe", ended.out + ended.err, "what it says")
            rest(anvil, desk, desk.start(*desk.airdrop()))


@test
def a_lost_journal_is_not_made_anew():
    with desk_of(100, max_in_flight=30) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 30)
        end(child)
        kept = desk.folder / "kept"
        kept.mkdir()
        for part in desk.folder.glob("pawl.db*"):
            part.rename(kept / part.name)
        for words in (desk.airdrop(), ("status",), ("verify", "list")):
            ended = desk.expect(1, *words)
            within(["pawl.db", "pawl init"], ended.err, "what is missing")
            check(not desk.journal.exists(), f"a journal was made by {words}")
        for part in kept.iterdir():
            part.rename(desk.folder / part.name)
        rest(anvil, desk, desk.start(*desk.airdrop()))


@test
def the_same_list_has_one_name():
    with desk_of(40) as (anvil, desk):
        desk.expect(0, *desk.airdrop())
        ended = desk.expect(5, *desk.airdrop("list.csv", "--name", "other"))
        within("--again", ended.err, "the way on")
        exact(anvil, desk)
        desk.expect(0, *desk.airdrop("list.csv", "--name", "other", "--again"))
        same(exactly_once(anvil.rpc, PAYER, None, desk.rows + desk.rows), 80, "payments")


@test
def rows_of_another_list_are_refused():
    with desk_of(10) as (anvil, desk):
        desk.expect(0, *desk.airdrop())
        desk.write_list("more.csv", desk.rows[3:6] + recipients(5, "new"))
        ended = desk.expect(5, *desk.airdrop("more.csv"))
        within(["3", "--again"], ended.err, "how many rows")
        exact(anvil, desk)


@test
def a_key_gets_another_name():
    """In mid-run, and its old name goes to another key; then a new list by the new name."""
    with Anvil() as anvil, Desk([anvil.url], chain={"max_in_flight": 10}) as desk:
        rows, more = recipients(60), recipients(10, "more")
        desk.write_list("list.csv", rows)
        desk.write_list("more.csv", more)
        child = desk.start(*desk.airdrop())
        paid(anvil, 20)
        end(child)
        config = desk.folder / "pawl.yaml"
        text = config.read_text().replace("  payer:", "  hot:").replace("  till:", "  payer:")
        config.write_text(text)
        desk.expect(0, *desk.airdrop("list.csv", key="hot"))
        desk.expect(0, *desk.airdrop("more.csv", key="hot"))
        same(exactly_once(anvil.rpc, PAYER, None, rows + more), 70, "payments")
        within("from key hot", desk.expect(0, "status", "list").out, "its key")


@test
def an_edited_list_is_another_plan():
    with desk_of(100, max_in_flight=30) as (anvil, desk):
        child = desk.start(*desk.airdrop())
        paid(anvil, 30)
        end(child)
        edited = desk.rows[:]
        edited[6] = (desk.rows[6][0], 77 * 10**9)
        desk.write_list("list.csv", edited)
        ended = desk.expect(5, *desk.airdrop())
        said = ended.err + ended.out
        within(["row 7", whole(desk.rows[6][1]), whole(77 * 10**9)], said, "what differs")
        desk.write_list("list.csv", desk.rows)
        rest(anvil, desk, desk.start(*desk.airdrop()))


def waits_for(desk):
    return (desk.status("list") or {}).get("waits_for") or ""


@test
def it_waits_for_funds():
    with Anvil() as anvil, Desk([anvil.url]) as desk:
        keep = 5 * 10**13  # less than the list costs, before fees
        anvil.rpc("anvil_setBalance", PAYER, hex(keep))
        rows = recipients(50, unit=10**12)
        desk.write_list("list.csv", rows)
        child = desk.start(*desk.airdrop())
        wait_until(
            lambda: "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266" in waits_for(desk),
            20,
            "it says where to send the funds",
        )
        same(desk.status("list")["state"], "awaiting_funds", "state")
        same(anvil.rpc.count(PAYER), 0, "payments before it can pay for all")
        anvil.rpc.transact(OWNER, PAYER, value=ETHER)
        same(desk.ended(child).code, 0, "exit")
        same(exactly_once(anvil.rpc, PAYER, None, rows), 50, "payments")


@test
def funds_go_away_in_mid_run():
    with Anvil() as anvil, Desk([anvil.url], chain={"max_in_flight": 20}) as desk:
        rows = recipients(150, unit=10**12)
        desk.write_list("list.csv", rows)
        child = desk.start(*desk.airdrop())
        paid(anvil, 40)
        anvil.rpc("anvil_setBalance", PAYER, hex(0))
        wait_until(lambda: PAYER in waits_for(desk).lower(), 20, "it says where to send it")
        anvil.rpc("anvil_setBalance", PAYER, hex(ETHER))
        same(desk.ended(child).code, 0, "exit")
        same(exactly_once(anvil.rpc, PAYER, None, rows), 150, "payments")


@test
def funds_go_away_under_what_is_live():
    with Anvil() as anvil, Desk([anvil.url], chain={"max_in_flight": 20}) as desk:
        rows = recipients(60, unit=10**12)
        desk.write_list("list.csv", rows)
        child = desk.start(*desk.airdrop())
        paid(anvil, 10)
        anvil.interval(0)
        wait_until(lambda: desk.status("list")["live"] >= 20, 20, "all that may be live is")
        anvil.rpc("anvil_setBalance", PAYER, hex(0))
        anvil.interval(0.2)
        wait_until(lambda: "missing" in waits_for(desk), 20, "it says so")
        same(desk.status("list")["eta_s"], None, "when it is done")
        anvil.rpc("anvil_setBalance", PAYER, hex(ETHER))
        same(desk.ended(child).code, 0, "exit")
        same(exactly_once(anvil.rpc, PAYER, None, rows), 60, "payments")


@test
def two_lists_at_once_on_one_key():
    with Anvil() as anvil, Desk([anvil.url], chain={"max_in_flight": 30}) as desk:
        token = deploy(anvil, "Plain", PAYER)
        coins, tokens = recipients(100), recipients(100, "holder")
        desk.write_list("coins.csv", coins)
        desk.write_list("tokens.csv", tokens)
        child = desk.start(*desk.airdrop("coins.csv"))
        paid(anvil, 30)
        child.send_signal(signal.SIGTERM)
        same(desk.ended(child, 2).code, 3, "exit of the one that was stopped")
        desk.expect(0, *desk.airdrop("tokens.csv", "--token", token))
        desk.expect(0, *desk.airdrop("coins.csv"))
        for name in ("coins", "tokens"):
            desk.verify(name)
            same(desk.status(name)["final"], 100, f"final rows of {name}")
        same(both(anvil, token, coins, tokens), 200, "transactions")


def both(anvil, token, coins, tokens):
    """Each list by itself is exact, when the other's transactions are set aside."""
    sent = Ledger(anvil.rpc, PAYER).sent
    of_token = {tx["hash"] for tx in sent if tx["to"] == token}
    of_coins = {tx["hash"] for tx in sent} - of_token
    exactly_once(anvil.rpc, PAYER, None, coins, strangers=of_token)
    exactly_once(anvil.rpc, PAYER, token, tokens, strangers=of_coins)
    return len(sent)


def leaks(data, where):
    key = bytes.fromhex(PAYER_KEY)
    for what in (key, key[::-1], PAYER_KEY.encode(), PAYER_KEY.upper().encode()):
        check(what not in data, f"the key is in {where}")


def mappings(pid):
    """(start, end, would a core hold it?) of all memory that can be read."""
    found = []
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as smaps:
        for line in smaps:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                start, end = (int(part, 16) for part in words[0].split("-"))
                special = words[-1] in ("[vvar]", "[vsyscall]")
                readable = words[1].startswith("r") and not special
            elif words[0] == "VmFlags:" and readable:
                found.append((start, end, "dd" not in words))
    return found


def memory(pid, in_core):
    """What a core of the process would hold, or what it would leave out."""
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for start, end, dumped in mappings(pid):
            if dumped == in_core:
                mem.seek(start)
                yield mem.read(end - start)


def refuses_a_core(pid):
    """The system neither dumps it nor lets its own user look into it."""
    try:
        mappings(pid)
    except PermissionError:
        return
    raise AssertionError("the process can be dumped")


@test
def the_key_is_nowhere_to_be_read():
    with Anvil() as anvil, Desk([anvil.url], chain={"max_in_flight": 30}) as desk:
        secret = desk.folder / "secret"
        secret.touch(0o600)
        secret.write_text(PAYER_KEY)
        config = desk.folder / "pawl.yaml"
        text = config.read_text().replace("env:PAYER_KEY", f"file:{secret}")
        config.write_text(text + "log: {level: debug, file: pawl.log}\n")
        del desk.env["PAYER_KEY"]
        rows = recipients(100)
        desk.write_list("list.csv", rows)
        child = desk.start(*desk.airdrop())
        paid(anvil, 30)
        child.send_signal(signal.SIGKILL)
        child.wait()
        same(desk.run(*desk.airdrop(), "--json").code, 0, "exit")
        for words in (
            ("explain", "list", "1"),
            ("explain", "list", "1", "--json"),
            ("status", "list", "--json"),
            ("export", "list"),
            ("verify", "list"),
            ("key", "list"),
            ("doctor", "--json"),
        ):
            desk.run(*words)
        secret.write_text("0x" + PAYER_KEY + "zz")  # an error message about it
        desk.write_list("more.csv", recipients(3, "more"))
        check(desk.run(*desk.airdrop("more.csv")).code != 0, "a broken key is refused")
        secret.write_text("")
        for path in desk.folder.rglob("*"):
            if path.is_file():
                leaks(path.read_bytes(), path.name)


@test
def a_core_has_no_key():
    with Anvil() as anvil, Desk([anvil.url], chain={"max_in_flight": 30}) as desk:
        secret = desk.folder / "secret"
        secret.touch(0o600)
        secret.write_text(PAYER_KEY)
        config = desk.folder / "pawl.yaml"
        config.write_text(config.read_text().replace("env:PAYER_KEY", f"file:{secret}"))
        del desk.env["PAYER_KEY"]
        desk.write_list("list.csv", recipients(300))
        child = desk.start(*desk.airdrop())
        paid(anvil, 30)
        child.send_signal(signal.SIGSTOP)
        if os.geteuid() != 0:
            refuses_a_core(child.pid)
            return
        key = bytes.fromhex(PAYER_KEY)
        check(any(key in part for part in memory(child.pid, False)), "guarded memory holds it")
        # in the midst of a signature the curve's library has it on the stack; it does not stay there
        for more in (60, 90, 120, 150):
            if not any(key in part for part in memory(child.pid, True)):
                break
            child.send_signal(signal.SIGCONT)
            paid(anvil, more)
            child.send_signal(signal.SIGSTOP)
        for part in memory(child.pid, True):
            leaks(part, "what a core holds")
        child.send_signal(signal.SIGCONT)
        same(json.loads(desk.run("status", "--json").out)["rows"], 300, "rows")


main()
