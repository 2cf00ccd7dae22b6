"""A full node of Bitcoin in regtest, bcoin, and a desk that follows it.

What it does unlike bitcoind: a block that was invalidated is unknown to it, and not merely
off the chain; a header as an object lacks its nonce; errors come with HTTP 200.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import sqlite3
import tempfile

from harness import Desk, RpcError, check, end, spawn, subprocess, wait_until

REGTEST = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"


def peers():
    others = pathlib.Path(os.environ["PAWL_PEERS"])
    folder = os.environ.get("PAWL_BITCOIN") or others.parent / "bitcoin"
    return next((others / "node_modules").glob("node-linux-*/bin/node")), pathlib.Path(folder)


class Bcoin:
    """Its data stay where they are when it is killed, and it keeps its port; the cookie is
    another one each time."""

    def __init__(self, blocks=0):
        self.place = tempfile.TemporaryDirectory(prefix="pawl-bcoin-", ignore_cleanup_errors=True)
        self.folder = pathlib.Path(self.place.name)
        self.port = 0
        self.generation = 0
        self.start()
        if blocks:
            self.mine(blocks)

    @property
    def data(self):
        return self.folder / f"data-{self.generation}"

    @property
    def cookie(self):
        return self.folder / "cookie"

    def start(self):
        runtime, folder = peers()
        self.child = spawn(
            [runtime, "bcoin.cjs", self.data, str(self.port)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self.child.stdout.readline()
        check(line, "bcoin did not start")
        self.addresses = json.loads(line)
        self.port = int(self.child.stdout.readline().rsplit(":", 1)[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.secret = (self.data / ".cookie").read_text()
        self.cookie.unlink(missing_ok=True)
        self.cookie.symlink_to(self.data / ".cookie")

    def restart(self, empty=False):
        end(self.child)
        self.generation += empty
        self.start()

    def __call__(self, method, *params):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        auth = base64.b64encode(self.secret.encode()).decode()
        body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": method, "params": params})
        link.request("POST", "/", body, {"Authorization": f"Basic {auth}"})
        answer = json.loads(link.getresponse().read())
        link.close()
        if answer["error"]:
            raise RpcError(f"{method}: {answer['error']}")
        return answer["result"]

    def mine(self, blocks, miner=0):
        """Its pool hears of a block that was invalidated a little later than its chain."""

        def mined():
            with contextlib.suppress(RpcError):
                return self("generatetoaddress", blocks, self.addresses[miner])

        return wait_until(mined, 30, "a block on the chain as it is now")

    def height(self):
        return self("getblockcount")

    def reorg(self, depth, miner, more=1):
        """So many blocks give way to as many others and some more."""
        self("invalidateblock", self("getblockhash", self.height() - depth + 1))
        self.mine(depth + more, miner)

    def branch(self, lowest):
        """Hash and bytes of each block from there to the head, for back()."""
        hashes = [self("getblockhash", height) for height in range(lowest, self.height() + 1)]
        return [(hash, self("getblock", hash, False)) for hash in hashes]

    def back(self, lowest, branch, miner):
        """Blocks that gave way are the chain again, from that height on, and one more. What it
        invalidated it forgot: it must be told of each anew."""
        self("invalidateblock", self("getblockhash", lowest))
        for hash, _ in branch:
            self("reconsiderblock", hash)
        for _, block in branch:
            said = self("submitblock", block)
            check(not said, f"submitblock: {said}")
        self.mine(1, miner)

    def chain(self, lowest=0):
        """{height: hash} from there to the head."""
        return {h: self("getblockhash", h) for h in range(lowest, self.height() + 1)}

    def close(self):
        end(self.child)
        self.place.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


class Watch(Desk):
    """A desk with a chain that is read, and no other."""

    def __init__(self, node, depth=6, **more):
        self.node = node
        super().__init__([node.url], depth, name="btc", chain=more)

    def configure(self, endpoints, depth, **more):
        chain = {
            "kind": "bitcoin",
            "network": "regtest",
            "endpoints": f'[{{url: "{endpoints[0]}", cookie: "{self.node.cookie}"}}]',
            "finality": f"{{depth: {depth}}}",
            "poll_ms": 50,
            **more,
        }
        lines = [f"journal: {self.place}", "chains:", "  btc:"]
        lines += [f"    {key}: {value}" for key, value in chain.items() if value]
        config = self.folder / "pawl.yaml"
        config.touch(0o600)
        config.write_text("\n".join([*lines, "keys:", "  payer: {source: env:PAYER_KEY}", ""]))

    def trail(self):
        """{height: hash} that the journal has, and its final height."""
        db = sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True, timeout=10)
        try:
            final = db.execute("SELECT final_height FROM chain").fetchone()
            rows = db.execute("SELECT height, hash FROM block").fetchall()
        finally:
            db.close()
        return {height: hash.hex() for height, hash in rows}, final and final[0]

    def follows(self):
        """The trail is the node's chain up to its head, and as much of it is final as is
        deep."""
        trail, final = self.trail()
        if not trail or max(trail) != self.node.height():
            return False
        chain = self.node.chain(min(trail))
        there = {height: chain[height] for height in trail}  # it may have passed some over
        return trail == there and final == max(0, max(chain) - 6)

    def await_follows(self, what):
        wait_until(self.follows, 60, f"the trail is that of the node: {what}", 0.05)


class Layer(Watch):
    """A desk whose owner is the node of a layer 2."""

    def configure(self, endpoints, depth, layer=True, **more):
        super().configure(endpoints, depth, **more)
        if not layer:
            return
        with open(self.folder / "pawl.yaml", "a", encoding="utf-8") as config:
            config.write("node: {chain: btc, data_dir: .}\n")

    @property
    def database(self):
        return self.folder / "reorg_db"

    def told(self, *words):
        run = self.run("node", *words, "--json")
        return [json.loads(line) for line in run.out.splitlines()]
