#!/usr/bin/env python3
"""Anchors of a layer 2 on a Bitcoin node, and their database, through reorgs and kills."""

import hashlib
import json
import pathlib
import signal
import sys

from bitcoin import Bcoin, Layer
from harness import check, end, main, same, serving, stop, test, wait_until, within

sys.path.append(str(pathlib.Path(__file__).parent.parent / "cli"))
from rocks import Rocks  # pylint: disable=wrong-import-position

ROOT = "e" * 64


class Anchored(Layer):
    def anchors(self):
        """{anchor: (status, height, confirmations)} of the database, beside who writes it."""
        rows = [row for row in self.told("anchors") if "anchor" in row]
        return {r["anchor"][0]: (r["status"], r["height"], r["confirmations"]) for r in rows}

    def await_anchors(self, **wanted):
        wait_until(lambda: self.anchors() == wanted, 60, f"anchors: {wanted}", 0.05)

    def apply(self, *changes, code=0):
        file = self.folder / "changes.jsonl"
        file.write_text("".join(json.dumps(change) + "\n" for change in changes))
        return self.expect(code, "node", "apply", str(file), "--again").err

    def pegins(self):
        """{transaction: (status, confirmations)} of the state, beside who writes it."""
        rows = [row["pegin"] for row in self.told("state") if "pegin" in row]
        return {r["btc_tx"]: (r["status"], int(r["confirmations"])) for r in rows}

    def await_pegins(self, wanted):
        wait_until(lambda: self.pegins() == wanted, 60, f"peg-ins: {wanted}", 0.05)

    def same_blocks(self, what):
        """Those of the database are those of the node, up to its head."""
        there = self.blocks()
        same(there, self.node.chain(min(there)), f"blocks of the database: {what}")

    def said_is(self, text):
        return any(text in file.read_text(errors="replace") for file in self.said.iterdir())

    def blocks(self):
        """Those of the database, while nobody has it."""
        with Rocks(self.database) as db:
            rows = db.all()
        return {int(k[6:]): v for k, v in rows.items() if k.startswith("block:")}


def coinbase(node, height):
    return node("getblock", node("getblockhash", height))["tx"][0]


@test
def anchors_follow_the_chain_through_reorgs_and_kills():
    with Bcoin(blocks=20) as node, Anchored(node) as desk:
        # as the guide's node leaves it: two anchors that wait for their blocks
        with Rocks(desk.database) as db:
            for name, height in (("1", 18), ("2", 20)):
                db.put(f"anchor:{name * 64}",
                       f"{name * 64}|{coinbase(node, height)}|0|0|0|0|0|{ROOT}")
            db.put("peer", "x", family=1)
        daemon = serving(desk)
        desk.await_anchors(**{"1": ("PENDING", 18, 3), "2": ("PENDING", 20, 1)})
        node.mine(3)
        desk.await_anchors(**{"1": ("CONFIRMED", 18, 6), "2": ("PENDING", 20, 4)})
        end(daemon)  # it is down, and wakes up in another branch
        branch = node.branch(20)
        node.reorg(4, miner=1, more=2)
        daemon = serving(desk)
        desk.await_anchors(**{"1": ("CONFIRMED", 18, 8), "2": ("INVALIDATED_REORG", 20, 0)})
        same([r["height"] for r in desk.told("reorgs") if "height" in r], [20], "reorgs")
        node.back(20, branch, miner=3)  # it revives, and gives way again
        desk.await_anchors(**{"1": ("CONFIRMED", 18, 7), "2": ("PENDING", 20, 5)})
        node.reorg(5, miner=2)
        desk.await_anchors(**{"1": ("CONFIRMED", 18, 8), "2": ("INVALIDATED_REORG", 20, 0)})
        for _ in range(3):  # it dies whenever that is
            node.reorg(2, miner=2)
            end(daemon)
            daemon = serving(desk)
        high = node.height()
        desk.await_anchors(
            **{"1": ("CONFIRMED", 18, high - 17), "2": ("INVALIDATED_REORG", 20, 0)})
        stop(desk, daemon)
        desk.same_blocks("reorgs and kills")
        check(max(desk.blocks()) == high, "the database ends at the head")
        made_anew(desk, node)


def made_anew(desk, node):
    """Procedure 3: what is damaged is made anew, and goes on."""
    before, anchors = desk.blocks(), desk.anchors()
    for part in desk.database.glob("MANIFEST-*"):
        part.unlink()
    desk.expect(6, "node", "anchors")
    daemon = serving(desk)  # it goes on without it, and says so

    def said():
        return any("warn  node: the reorg database" in file.read_text()
                   for file in desk.said.iterdir())

    wait_until(said, 20, "the log names the damage", 0.05)
    stop(desk, daemon)
    told = desk.expect(0, "node", "rebuild-reorg-db")
    check("reorg_db.corrupted" in told.out, told.out)
    same(desk.blocks(), before, "blocks of the new database")
    same(desk.anchors(), anchors, "anchors of the new database")
    daemon = serving(desk)
    node.mine(1)
    desk.await_anchors(**{"1": ("CONFIRMED", 18, node.height() - 17),
                          "2": ("INVALIDATED_REORG", 20, 0)})
    desk.expect(5, "node", "rebuild-reorg-db")  # not while it is written
    stop(desk, daemon)
    below_all_that_is_known(desk, node)


def is_stopped(desk):
    wait_until(lambda: "vanished" in desk.run("status").out, 60, "the chain is stopped")


def accepted(desk):
    is_stopped(desk)
    wait_until(lambda: desk.run("resume", "chain:btc").code == 0, 60, "what is accepted")


def below_all_that_is_known(desk, node):
    """No block that the journal has is the chain's any more."""
    before = desk.blocks()
    with Rocks(desk.database) as db:
        db.put(f"block:{min(before) - 3:020}", "f" * 64)  # older, as a resync brings it
    newest = [r["reorg"] for r in desk.told("reorgs") if "reorg" in r][0]
    daemon = serving(desk)
    node.reorg(node.height() - 2, miner=1, more=2)
    is_stopped(desk)
    wait_until(lambda: "a quorum has none of the blocks" in desk.run("status").out, 60, "why")
    within("none of the blocks", desk.run("doctor", "--json").out, "doctor")
    stop(desk, daemon)  # who accepts it alone tells the layer, too
    known = f"a reorg at or below height {min(before)}, at least {len(before)} deep"
    check(known in desk.expect(0, "resume", "chain:btc").err, "who accepts it is told of it")
    daemon = serving(desk)
    desk.await_follows("another past")
    wait_until(lambda: f"at or below height {min(before)}" in desk.run("node", "reorgs", "1").out,
               60, "what is known of the reorg", 0.05)
    stop(desk, daemon)
    same([(r["reorg"], r["height"], r["old_hash"], r["at_least"])
          for r in desk.told("reorgs", "1") if "reorg" in r],
         [(newest + 1, min(before), before[min(before)], len(before))], "the reorg")
    desk.same_blocks("another past")
    same(min(desk.blocks()), min(before) - 1, "the lowest block, and the one on which it stands")
    told = desk.expect(0, "node", "rebuild-reorg-db").out
    check("at or below" in desk.expect(0, "node", "reorgs", "1").out, told)
    desk.same_blocks("made anew behind it")


def pegin(tx):
    return {"do": "pegin", "txid": tx, "vout": 0, "amount": "50000", "source": "s", "dest": "a"}


def mint(tx):
    return {"do": "pegin_mint", "peg": hashlib.sha256(f"{tx}0".encode()).hexdigest()}


@test
def pegins_are_as_deep_as_their_blocks_through_reorgs_and_kills():
    with Bcoin(blocks=20) as node, Anchored(node) as desk:
        daemon = serving(desk)
        desk.await_follows("from the start")
        old, new = coinbase(node, 18), coinbase(node, 20)
        desk.apply(pegin(old), pegin(new))  # behind the blocks that have them
        desk.await_pegins({old: (1, 3), new: (1, 1)})
        made = desk.expect(0, "node", "create-anchor", "--json").out
        anchor = json.loads(made)["anchor"]
        desk.apply({"do": "anchor_sent", "anchor": anchor, "txid": old})
        desk.await_anchors(**{anchor[0]: ("PENDING", 18, 3)})
        check("Block 18 has its transaction" in desk.expect(0, "node", "create-anchor").out, "it was sent")
        node.reorg(1, miner=1)
        desk.await_pegins({old: (1, 4), new: (1, 0)})
        stop(desk, daemon)
        desk.same_blocks("one that gave way")
        daemon = serving(desk)
        node.mine(2)
        desk.await_pegins({old: (2, 6), new: (1, 0)})
        check("block 18 is not final yet" in desk.apply(mint(old), code=2), "minted early")
        end(daemon)
        node.reorg(3, miner=2)  # while it is down
        daemon = serving(desk)
        desk.await_pegins({old: (2, 7), new: (1, 0)})
        desk.apply(mint(old))
        node.reorg(6, miner=3)
        end(daemon)  # while it notices that
        daemon = serving(desk)
        desk.await_follows("six blocks that gave way")
        same(desk.pegins(), {old: (3, 7), new: (1, 0)}, "peg-ins")
        stop(desk, daemon)
        desk.same_blocks("six that gave way")
        daemon = serving(desk)
        node.restart(empty=True)
        node.mine(30, miner=3)
        is_stopped(desk)
        same(desk.pegins(), {old: (3, 7), new: (1, 0)}, "peg-ins of a chain that is stopped")
        end(daemon)
        daemon = serving(desk)
        accepted(desk)
        desk.await_follows("another chain")
        wait_until(lambda: desk.said_is("nothing behind it"), 60, "what lost its block is said")
        same(desk.pegins(), {old: (3, 7), new: (1, 0)}, "peg-ins behind it")
        stop(desk, daemon)
        desk.same_blocks("another chain")
        desk.expect(0, "doctor", "--journal")


@test
def blocks_that_nobody_wanted_are_read_again():
    with Bcoin(blocks=20) as node, Anchored(node) as desk:
        daemon = serving(desk)
        desk.await_follows("from the start")
        stop(desk, daemon)
        desk.configure([node.url], 6, layer=False)
        node.reorg(3, miner=1)  # of blocks that the layer has read
        node.mine(20)
        daemon = serving(desk)
        desk.await_follows("without the layer")
        end(daemon)
        desk.configure([node.url], 6)
        config = desk.folder / "pawl.yaml"
        text = config.read_text()
        config.write_text(text.replace("data_dir: .", "data_dir: ., backup: {every: never}"))
        of_before, missed = coinbase(node, 4), coinbase(node, 25)
        desk.apply(pegin(missed))
        desk.apply({**pegin(of_before), "height": 4})
        desk.await_pegins({missed: (0, 0), of_before: (0, 0)})
        daemon = serving(desk)
        desk.await_pegins({missed: (2, 17), of_before: (2, 38)})
        same([r["height"] for r in desk.told("reorgs") if "height" in r], [18], "reorgs")
        desk.apply(mint(missed), mint(of_before))
        away = desk.folder / "away"
        away.mkdir()
        config.write_text(text.replace(
            "data_dir: .", "data_dir: ., backup: {every: 1s, copy_to: away, folder: x}"))
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: any(away.iterdir()), 60, "a backup by the new config")
        for said in ("backup.copy_to: taken up", "backup.folder: it changed, and stays"):
            check(desk.said_is("node." + said), said)
        stop(desk, daemon)
        desk.same_blocks("what was read again")


@test
def block_hashes_come_from_a_node():
    with Bcoin(blocks=30) as node, Anchored(node) as desk:
        path = str(desk.database)
        words = ["node", "resync", "--db-path", path, "--bitcoin-rpc", node.url]
        desk.expect(0, "node", "init-reorg-db", "--path", path)
        stale = desk.folder / "stale"  # without one it is asked as the config says
        stale.write_text("__cookie__:of-an-earlier-start")
        refused = desk.expect(4, *words, "--cookie", str(stale), "--start-height", "0")
        check("401" in refused.err, refused.err)
        words += ["--cookie", str(node.cookie)]
        told = desk.expect(0, *words, "--start-height", "10")
        check(told.out == "Resynced blocks 10 to 30: 21 hashes\n", told.out)
        same(desk.blocks(), node.chain(10), "blocks")
        with Rocks(path) as db:
            db.put(f"block:{40:020}", "f" * 64)  # above the head
            desk.expect(5, *words)
        above = desk.expect(1, *words, "--start-height", "31").err
        check("nothing was changed: --start-height 31 is above the node's newest block, 30" in above, above)
        node.reorg(8, miner=1, more=3)
        asks = desk.expect(5, *words, "--start-height", "29").err
        check("9 blocks of the database, 23 to 40, are none of the chain" in asks, asks)
        told = desk.expect(0, *words, "--start-height", "29", asks.split()[-1]).out
        check(told.startswith("Resynced blocks 23 to 33: 11 hashes\nA reorg: 9 hashes"), told)
        same(desk.blocks(), node.chain(10), "blocks behind a reorg")
        node.mine(2)
        desk.expect(0, "node", "resync")  # all of it from the config
        same(desk.blocks(), node.chain(10), "blocks")
        for wrong in (["--bitcoin-rpc", "http://u:p@h"], ["--start-height", "x"]):
            desk.expect(1, "node", "resync", *wrong)


main()
