#!/usr/bin/env python3
"""Watch Pawl pay 1,000 recipients on a real node while it is killed again and again.

usage: demo.py [PAWL]        (PAWL_ANVIL names the node's program; ./do demo sets it)

At the end the chain is read block by block, without Pawl, and says whether everybody was
paid exactly once. Nothing stays behind. Exits with 0 if it is so.
"""

import os
import pathlib
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from harness import (  # noqa: E402
    PAYER, Anvil, Desk, Killer, Ledger, exactly_once, recipients, same, whole,
)
from proxy import Proxy  # noqa: E402

ROWS = 1000
UNTIL = 850  # payments on the chain: then it is left alone
BLOCK_S = 0.2
ANSWER_S = 0.08  # what a node takes that is far away
BAR = 25
COMMAND = "pawl airdrop run payroll.csv --chain demo --from payer"

terminal = sys.stdout.isatty()
colours = terminal and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if colours else text


def bold(text):
    return paint("1", text)


def dim(text):
    return paint("2", text)


def say(text=""):
    print(text, flush=True)


def fact(name, text):
    say(f"  {dim(name.ljust(9))}{text}")


def proved(text):
    say(f"  {paint('32', 'ok')}  {text}")


def bar(done):
    full = BAR * done // ROWS
    return paint("32", "#" * full) + dim("." * (BAR - full))


def progress(label, done):
    say(f"  {label}  {bar(done)} {done:5,} paid")


def introduce(anvil, rows):
    say(bold(f"Pawl pays {ROWS:,} people, and is killed again and again."))
    say()
    version = anvil.rpc("web3_clientVersion").replace("anvil/v", "Anvil ")
    fact("node", f"{version}, a block every {BLOCK_S} s, final under 3 more")
    total = whole(sum(amount for _, amount in rows))
    fact("list", f"{ROWS:,} rows, each of another amount, {total} coins in all")
    fact("command", COMMAND)
    say()


def death(anvil, kill, out):
    sends = f"{out:2} sends without an answer" if out else "between two sends"
    label = f"{paint('31', 'SIGKILL')} {kill:2}   {sends.ljust(26)}"
    progress(label, anvil.rpc.count(PAYER))


def kill_on(anvil, desk, proxy, words):
    """Kills it until most is paid, and returns how often."""
    killer = Killer(desk, proxy, time.time_ns(), longest_s=1.4)
    killer.said = lambda kill, out: death(anvil, kill, out)
    while anvil.rpc.count(PAYER) < UNTIL:
        ended = killer.once(*words)
        if ended is not True:
            raise AssertionError(f"it ended by itself, with {ended.code}: {ended.err}")
    return killer


def prove(anvil, rows, before):
    say(bold("What the chain says, read block by block without Pawl:"))
    payments = exactly_once(anvil.rpc, PAYER, None, rows)
    proved(f"{payments:,} recipients have what was planned for them, by one payment each")
    ledger = Ledger(anvil.rpc, PAYER)
    proved(f"nonces 0 to {len(ledger.sent) - 1:,}, no hole, and nothing else was sent")
    fees, total = ledger.fees(), sum(amount for _, amount in rows)
    same(before - anvil.rpc.balance(PAYER), total + fees, "what left the account")
    proved(f"{whole(total)} for them and {whole(fees)} in fees left the account, no wei more")


def demonstrate():
    began = time.monotonic()
    rows = recipients(ROWS, unit=10**15)
    settings = {"max_in_flight": 30, "batch": 10}
    with (
        Anvil(BLOCK_S) as anvil,
        Proxy(anvil.port, delay_s=ANSWER_S) as proxy,
        Desk([proxy.url], depth=3, chain=settings, name="demo") as desk,
    ):
        before = anvil.rpc.balance(PAYER)
        desk.write_list("payroll.csv", rows)
        words = desk.airdrop("payroll.csv")
        introduce(anvil, rows)
        killer = kill_on(anvil, desk, proxy, words)
        desk.expect(0, *words)
        progress("left alone, it finishes".ljust(38), anvil.rpc.count(PAYER))
        say()
        proxy.delay_s = 0
        desk.expect(0, "verify", "payroll")
        proved("pawl verify payroll")
        say()
        prove(anvil, rows, before)
    say()
    say(
        bold("Everybody was paid exactly once.")
        + f" {killer.kills} kills, {killer.amid} of them while sends had no answer;"
        + f" {time.monotonic() - began:.0f} s."
    )


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not os.environ.get("PAWL_ANVIL"):
        print("demo: PAWL_ANVIL names no Anvil; ./do demo installs one", file=sys.stderr)
        return 1
    try:
        demonstrate()
    except KeyboardInterrupt:
        return 1
    except AssertionError as error:
        say()
        say(f"{paint('31', 'not proved')}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
