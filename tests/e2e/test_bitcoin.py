#!/usr/bin/env python3
"""A Bitcoin chain is followed, on bcoin: through reorgs, restarts of the node, and kills."""

import json
import random

from bitcoin import Bcoin, Watch
from harness import PAYER, Anvil, check, end, main, same, serving, stop, test, wait_until, within


def killed(desk, daemon):
    end(daemon)
    return serving(desk)


@test
def it_is_followed_through_reorgs_and_kills():
    luck = random.Random(7)
    with Bcoin(blocks=20) as node, Watch(node) as desk:
        daemon = serving(desk)
        desk.await_follows("from the start")
        for miner, depth in enumerate((1, 3, 6), 1):
            node.reorg(depth, miner)
            luck.random() < 0.5 and end(daemon)  # also while it is noticed
            daemon = serving(desk) if daemon.poll() is not None else killed(desk, daemon)
            desk.await_follows(f"a reorg of {depth}")
            node.mine(7)
        for miner, depth in enumerate((1, 3, 6), 4):
            desk.await_follows("more blocks")
            end(daemon)  # it is down
            node.reorg(depth, miner, more=depth)
            daemon = serving(desk)
            desk.await_follows(f"a reorg of {depth} that nobody saw")
            node.mine(6)
        # an absence of more blocks than it reads at a time
        end(daemon)
        node.mine(300)
        daemon = serving(desk)
        desk.await_follows("an absence")
        within([f"Chain btc is read up to block {node.height()}"], status(desk), "status")
        said = json.loads(desk.expect(0, "status", "--json").out)["chain"]
        same((said["name"], said["height"]), ("btc", node.height()), "status --json")
        stop(desk, daemon)


@test
def a_cookie_changes_and_a_chain_that_is_lost_is_said():
    with Bcoin(blocks=20) as node, Watch(node) as desk:
        daemon = serving(desk)
        desk.await_follows("from the start")
        old = node.secret
        # it comes back with another cookie and nothing else: no reorg yet, so it is waited for
        node.restart(empty=True)
        lost = "no quorum shows block 14, which was final"
        wait_until(lambda: lost in status(desk), 10, "what it waits for")
        node.mine(4)
        within([lost, "is read up to block 20, final 14"], status(desk), "status")
        within(["FINDING node", "its head is block 4, and block 14 is final in the journal"],
               desk.expect(1, "doctor").out, "doctor")
        # and then with other blocks in the place of final ones
        node.mine(26, miner=3)
        wait_until(lambda: "vanished" in status(desk), 20, "the chain is stopped")
        within(["pawl resume chain:btc"], status(desk), "status")
        found = desk.expect(1, "doctor").out
        within(["FINDING chain", "stopped at block 14: a final block vanished", "pawl resume chain:btc"], found, "doctor")
        within(["chain btc is read again"], desk.expect(0, "resume", "chain:btc").out, "what it does then")
        desk.await_follows("what it accepted")
        check("FINDING chain" not in desk.run("doctor").out, "doctor, behind it")
        stop(desk, daemon)
        said = "".join(path.read_text(errors="replace") for path in desk.said.iterdir())
        for secret in (old, node.secret):
            same(secret.split(":")[1] in said, False, "the cookie is in what was said")


def status(desk):
    ended = desk.run("status")
    return ended.out + ended.err


@test
def what_can_not_be_done_there_is_refused():
    with Bcoin(blocks=10) as node, Watch(node) as desk:
        ended = desk.expect(0, "doctor")
        within(["bcoin", "regtest: it is read, and not paid on", "head 10"], ended.out, "doctor")
        ended = desk.expect(0, "endpoints")
        within(["btc", f"127.0.0.1:{node.port}", "well"], ended.out, "endpoints")
        desk.write_list("list.csv", [("0x" + "11" * 20, 5)])
        for words in (
            desk.airdrop(),
            ("airdrop", "plan", "list.csv", "--chain", "btc", "--from", "payer"),
            ("fees",),
        ):
            ended = desk.expect(2, *words)
            within(["btc is a chain of the kind bitcoin", "does not pay on"], ended.err, words[0])
        ended = desk.expect(2, "track", "0x" + "22" * 32, "--chain", "btc")
        within(["follows blocks and no single transactions"], ended.err, "track")
        desk.expect(1, "track", "0x" + "22" * 32)
        # another network
        desk.configure([node.url], 6, network="testnet4")
        ended = desk.expect(1, "doctor")
        within(["it serves regtest, not testnet4", "correct network"], ended.out, "doctor")


@test
def who_waits_for_a_transaction_elsewhere_leaves_it_alone():
    """What nobody reads of its blocks would be missed by the one who does."""
    with Bcoin(blocks=10) as node, Anvil(0.1) as anvil, Watch(node) as desk:
        config = desk.folder / "pawl.yaml"
        local = f"  local: {{kind: evm, chain_id: 31337, endpoints: [{anvil.url}],"
        text = config.read_text().replace("keys:", local + " finality: {depth: 2}}\nkeys:")
        config.write_text(text)
        tx = anvil.rpc.transact(PAYER, PAYER)
        words = ("track", tx, "--wait", "--confirmations", "2")
        desk.expect(0, *words, seconds=30)
        same(desk.trail()[0] != {}, True, "blocks of the other chain")
        same("btc" in status(desk), False, "status tells of a chain that was not followed")


main()
