"""What the end-to-end suites share: a real node, the real program, and an oracle that
believes nothing but the chain.

Anvil comes from PAWL_ANVIL, other nodes from PAWL_PEERS, the program from a suite's first
argument (or PAWL). A suite is a script: it decorates its tests with @test and ends with
main(). Nobody waits for a fixed time here: wait_until() waits for a condition, with a
deadline.
"""

import atexit
import collections
import contextlib
import ctypes
import hashlib
import http.client
import json
import os
import pathlib
import queue
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from proxy import Proxy

HERE = pathlib.Path(__file__).resolve().parent
CHAIN_ID = 31337
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
# The accounts that the nodes unlock: (address, secret key).
ACCOUNTS = [
    (
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    ),
    (
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    ),
    (
        "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
        "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    ),
]
PAYER, PAYER_KEY = ACCOUNTS[0]
OWNER, _ = ACCOUNTS[1]  # deploys tokens, mints, and is nobody's payer
TILL, TILL_KEY = ACCOUNTS[2]  # another payer
ETHER = 10**18


# --- processes --------------------------------------------------------------------------------

children = set()


def die_with_us():
    """A child of ours ends when we do, even when we are killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def spawn(command, **options):
    child = subprocess.Popen(command, preexec_fn=die_with_us, **options)
    children.add(child)
    return child


def end(child, how=signal.SIGKILL):
    if child.poll() is None:
        child.send_signal(how)
    child.wait()
    children.discard(child)
    for stream in (child.stdout, child.stderr):
        if stream:
            stream.close()


@atexit.register
def end_all():
    for child in list(children):
        end(child)


def held_up():
    """By the kernel's word, where each thread of each child that lives is, a line each."""
    lines = []
    for child in list(children):
        for task in sorted(pathlib.Path("/proc").glob(f"{child.pid}/task/*")):
            with contextlib.suppress(OSError):
                said = (task / "stat").read_text().rsplit(") ", 1)[1].split()
                calls = (task / "syscall").read_text().split()[0]
                waits = (task / "wchan").read_text()
                lines.append(
                    f"process {child.pid}, thread {task.name}: {said[0]}, call {calls} in"
                    f" {waits}, {said[11]} + {said[12]} ticks"
                )
    return "".join(f"\n{line}" for line in lines)


def wait_until(condition, seconds=30, what=None, every_s=0.01):
    """The first true value of condition(), or an AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            what = what or condition.__name__
            raise AssertionError(f"not within {seconds} s: {what}{held_up()}")
        time.sleep(every_s)


# --- JSON-RPC ---------------------------------------------------------------------------------


class RpcError(Exception):
    pass


class Rpc:
    """One node, spoken to over one connection; for one thread."""

    IDLE_S = 2  # some nodes end a connection that rests for five seconds

    def __init__(self, port):
        self.port = port
        self.link = None
        self.used = 0.0

    def post(self, message):
        if time.monotonic() > self.used + self.IDLE_S:
            self.close()
        self.used = time.monotonic()
        if not self.link:
            self.link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            self.link.request(
                "POST", "/", json.dumps(message), {"Content-Type": "application/json"}
            )
            return json.loads(self.link.getresponse().read())
        except Exception:
            self.close()
            raise

    def __call__(self, method, *params):
        answer = self.post(request(0, method, params))
        if "error" in answer:
            raise RpcError(f"{method}: {answer['error']}")
        return answer["result"]

    def many(self, calls, at_once=100):
        """The results of [(method, param...)...], in their order, asked for in batches."""
        results = []
        for start in range(0, len(calls), at_once):
            part = calls[start : start + at_once]
            answers = self.post([request(i, c[0], c[1:]) for i, c in enumerate(part)])
            for answer in sorted(answers, key=lambda a: a["id"]):
                if "error" in answer:
                    raise RpcError(f"{part[answer['id']]}: {answer['error']}")
                results.append(answer["result"])
        return results

    def height(self):
        return int(self("eth_blockNumber"), 16)

    def balance(self, address):
        return int(self("eth_getBalance", address, "latest"), 16)

    def count(self, address, tag="latest"):
        return int(self("eth_getTransactionCount", address, tag), 16)

    def transact(self, sender, to=None, data="0x", value=0, **more):
        """Sends from an unlocked account and returns the hash."""
        tx = {"from": sender, "data": data, "value": hex(value), **more}
        if data != "0x":
            tx.setdefault("gas", hex(2000000))  # Ganache guesses too little
        if to:
            tx["to"] = to
        return self("eth_sendTransaction", tx)

    def receipt(self, tx, seconds=20):
        return wait_until(
            lambda: self("eth_getTransactionReceipt", tx), seconds, f"receipt of {tx}"
        )

    def close(self):
        if self.link:
            self.link.close()
            self.link = None


def request(number, method, params):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


# --- the node ---------------------------------------------------------------------------------


def read_ports(child, ports, said):
    with contextlib.suppress(ValueError, OSError):
        for line in child.stdout:
            if said in line:
                ports.put(int(line.strip().rstrip("/").rsplit(":", 1)[1]))
    ports.put(None)


class Node:
    """A node of our own on a free port, with the accounts of the well-known mnemonic."""

    name = "node"

    def __init__(self, command, said, **options):
        self.child = spawn(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options
        )
        # Read to the end: with a full pipe the node would stand still.
        ports = queue.SimpleQueue()
        reader = threading.Thread(
            target=read_ports, args=(self.child, ports, said), daemon=True
        )
        reader.start()
        self.port = ports.get(timeout=60)
        check(self.port, f"{self.name} did not start")
        self.url = f"http://127.0.0.1:{self.port}"
        self.rpc = Rpc(self.port)
        self.miner = None
        self.resting = threading.Event()
        wait_until(self.is_up, 20, f"an answer of {self.name}")

    def is_up(self):
        try:
            return self.rpc("eth_chainId")
        except OSError:
            return None

    def mine(self, blocks=1):
        for _ in range(blocks):
            self.rpc("evm_mine")

    def interval(self, seconds):
        """Mines every so many seconds from now on, which may be 0: not by itself."""
        self.stop_miner()
        if seconds:
            self.resting.clear()
            self.miner = threading.Thread(target=self.keep_mining, args=(seconds,))
            self.miner.start()

    def keep_mining(self, seconds):
        rpc = Rpc(self.port)
        with contextlib.suppress(OSError, http.client.HTTPException):
            while not self.resting.wait(seconds):
                rpc("evm_mine")
        rpc.close()

    def stop_miner(self):
        self.resting.set()
        if self.miner:
            self.miner.join()
            self.miner = None

    def close(self):
        self.stop_miner()
        self.rpc.close()
        end(self.child)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


class Anvil(Node):
    """Without block_s it mines only on demand. What it keeps of old blocks on the disk, in
    its user's home and for ever if it is killed, ends with it."""

    name = "Anvil"

    def __init__(self, block_s=0.2, chain_id=CHAIN_ID, *more):
        self.states = tempfile.TemporaryDirectory(
            prefix="pawl-anvil-", ignore_cleanup_errors=True
        )
        command = [os.environ["PAWL_ANVIL"], "--port", "0", "--chain-id", str(chain_id)]
        command += ["--block-time", str(block_s)] if block_s else ["--no-mining"]
        command += ["--order", "fifo", "--cache-path", self.states.name, *more]
        super().__init__(command, "Listening on")

    def close(self):
        super().close()
        self.states.cleanup()

    def mine(self, blocks=1):
        self.rpc("anvil_mine", hex(blocks))

    # Anvil's own timer knows whole seconds only, once it runs.
    def interval(self, seconds):
        self.rpc("evm_setIntervalMining", 0)
        super().interval(seconds)


class Other(Node):
    """One of the nodes of tests/peers/others, from the folder that PAWL_PEERS names."""

    def __init__(self, words, said, block_s, chain_id):
        peers = pathlib.Path(os.environ["PAWL_PEERS"])
        modules = peers / "node_modules"
        runtime = next(modules.glob("node-linux-*/bin/node"))
        env = {**os.environ, "CHAIN_ID": str(chain_id), "CI": "1", "NO_COLOR": "1"}
        super().__init__([runtime, *words], said, cwd=peers, env=env)
        self.interval(block_s)


class Hardhat(Other):
    """It has no eth_getBlockReceipts, and calls its head finalized."""

    name = "Hardhat"

    def __init__(self, block_s=0.2, chain_id=CHAIN_ID):
        words = ["node_modules/hardhat/dist/src/cli.js", "--config", "hardhat.config.mjs"]
        words += ["--network", "node", "node", "--hostname", "127.0.0.1", "--port", "0"]
        super().__init__(words, "JSON-RPC server at", block_s, chain_id)


class Ganache(Other):
    """It takes no block's hash for its state, and executes a transaction with nonce 0 each
    time that it is sent: what it is to pay from has to have used that nonce."""

    name = "Ganache"

    def __init__(self, block_s=0.2, chain_id=CHAIN_ID, burn=True):
        super().__init__(["ganache.cjs"], "Listening on", 0, chain_id)
        if burn:
            self.burn()
        self.interval(block_s)

    def burn(self):
        for who, _ in ACCOUNTS:
            self.rpc.transact(who, who)
        self.mine()


# --- lists ------------------------------------------------------------------------------------


def address(number, label="recipient"):
    """The same address for the same words, for ever; its key is known to nobody."""
    return "0x" + hashlib.sha256(f"{label} {number}".encode()).hexdigest()[:40]


def recipients(count, label="recipient", unit=10**9):
    """[(address, base units)...]: every amount is another one."""
    return [(address(n, label), (n + 1) * unit) for n in range(count)]


def whole(units, decimals=18):
    """Base units as decimal text in whole units."""
    text = str(units).rjust(decimals + 1, "0")
    head, tail = text[: len(text) - decimals], text[len(text) - decimals :].rstrip("0")
    return f"{head}.{tail}" if tail else head


# --- the program ------------------------------------------------------------------------------

Ended = collections.namedtuple("Ended", "code out err")


def program():
    path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PAWL", "build/pawl")
    return str(pathlib.Path(path).resolve())


class Desk:
    """A folder with a config and a journal, and everything that pawl ever said in it. The
    journal may be elsewhere."""

    def __init__(
        self,
        endpoints,
        depth=2,
        key=PAYER_KEY,
        chain=None,
        name="local",
        journal="pawl.db",
        mutant=None,
    ):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-e2e-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.said = self.folder / "said"
        self.said.mkdir()
        self.runs = 0
        self.sound = True  # the journal is to be whole at the end
        self.binary = program()
        self.env = {
            k: v for k, v in os.environ.items() if not k.startswith("PAWL_") or k == "PAWL_MUTANT"
        }
        self.env.update(PAYER_KEY=key, TILL_KEY=TILL_KEY, NO_COLOR="1")
        self.env["PAWL_SERVE__LISTEN"] = "none"  # test_api has its own
        if mutant:
            self.env["PAWL_MUTANT"] = mutant
        self.name = name
        self.place = journal
        self.configure(endpoints, depth, **(chain or {}))
        self.expect(0, "init")

    def configure(self, endpoints, depth, **more):
        chain = {
            "kind": "evm",
            "chain_id": CHAIN_ID,
            "endpoints": json.dumps(endpoints).replace('"', ""),
            "finality": f"{{depth: {depth}}}",
            "poll_ms": 50,
            "max_in_flight": 200,
            **more,
        }
        lines = [f"journal: {self.place}", "chains:", f"  {self.name}:"]
        lines += [f"    {key}: {value}" for key, value in chain.items()]
        lines += ["keys:", "  payer:", "    source: env:PAYER_KEY"]
        lines += ["  till:", "    source: env:TILL_KEY", ""]
        config = self.folder / "pawl.yaml"
        config.touch(0o600)
        config.write_text("\n".join(lines))

    @property
    def journal(self):
        return self.folder / self.place

    def write_list(self, name, rows, decimals=18):
        lines = ["address,amount"] + [f"{to},{whole(n, decimals)}" for to, n in rows]
        (self.folder / name).write_text("\n".join(lines) + "\n")

    def fill(self, rows):
        """A list to pay, and what an oracle asks for: so many rows."""
        self.rows = recipients(rows)
        self.write_list("list.csv", self.rows)

    def airdrop(self, name="list.csv", *more, key="payer"):
        """The words of the command that pays a list."""
        return ("airdrop", "run", name, "--chain", self.name, "--from", key, "--yes", *more)

    def start(self, *words, lines=()):
        """Runs pawl in the background; what it says is kept in files. lines: what it reads
        on its standard input."""
        self.runs += 1
        paths = [self.said / f"{self.runs:03}.{kind}" for kind in ("out", "err")]
        said = self.said / f"{self.runs:03}.in"
        said.write_text("".join(line + "\n" for line in lines))
        with open(paths[0], "wb") as out, open(paths[1], "wb") as err, open(said, "rb") as read:
            child = spawn(
                [self.binary, *words],
                cwd=self.folder,
                env=self.env,
                stdin=read,
                stdout=out,
                stderr=err,
            )
        child.paths = paths
        return child

    def start_for_a_while(self, words, proxy, luck, longest_s):
        """Starts it, and returns at a random instant; it may have ended before.

        Half of the instants are counted from the start, half from the first send on, which
        the proxy sees: those are close behind it.
        """
        before = proxy.sends
        child = self.start(*words)
        if luck.random() < 0.5:
            longest_s /= 8
            while child.poll() is None and proxy.sends == before:
                time.sleep(0.001)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(luck.uniform(0, longest_s))
        return child

    def ended(self, child, seconds=60):
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            end(child)
            raise AssertionError(
                f"{child.args[1:]} still ran after {seconds} s: {self.tail(child)}"
            ) from None
        children.discard(child)
        out, err = (path.read_text(errors="replace") for path in child.paths)
        return Ended(child.returncode, out, err)

    def tail(self, child):
        return [path.read_text(errors="replace")[-600:] for path in child.paths]

    def run(self, *words, seconds=60):
        return self.ended(self.start(*words), seconds)

    def expect(self, code, *words, seconds=60):
        ended = self.run(*words, seconds=seconds)
        same(ended.code, code, f"exit of {' '.join(words)}: {ended.err[-900:]}{ended.out[-300:]}")
        return ended

    def status(self, operation):
        """The one line of `status --json`, or None while there is no such operation."""
        ended = self.run("status", operation, "--json")
        if ended.code != 0 or not ended.out.strip():
            return None
        return json.loads(ended.out.splitlines()[0])

    def verify(self, operation, code=0):
        return json.loads(self.expect(code, "verify", operation, "--json").out)

    def export(self, operation):
        ended = self.expect(0, "export", operation, "--format", "json")
        return [json.loads(line) for line in ended.out.splitlines()]

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        try:
            if not error[0] and self.sound and self.journal.exists():
                self.expect(0, "doctor", "--journal")
        finally:
            if not error[0] or not os.environ.get("PAWL_E2E_KEEP"):
                self.close()


def listens(desk):
    """Whoever was killed leaves a socket behind, at which nobody answers."""
    with socket.socket(socket.AF_UNIX) as door:
        return door.connect_ex(os.path.relpath(desk.folder / "pawl.db.sock")) == 0


def serving(desk):
    """A daemon that listens."""
    child = desk.start("serve")

    def is_up():
        up = listens(desk)
        check(up or child.poll() is None, f"the daemon ended: {desk.tail(child)}")
        return up

    wait_until(is_up, 30, "the daemon's socket")
    return child


def stop(desk, child, code=0):
    child.send_signal(signal.SIGTERM)
    same(desk.ended(child, 30).code, code, "exit of what was stopped")


# --- the killer -------------------------------------------------------------------------------


class Killer:
    """Runs a command again and again, and ends it with SIGKILL at random instants.

    The proxy in front of the node knows, at the very instant, how many sends the program
    has no answer for; a kill with one or more of them is `amid`.
    """

    def __init__(self, desk, proxy, seed, longest_s=0.4):
        self.desk = desk
        self.proxy = proxy
        self.random = random.Random(seed)
        self.longest_s = longest_s
        self.kills = 0
        self.amid = 0
        self.said = lambda kill, out: None

    def once(self, *words):
        """One life: True when it was killed, else how it ended."""
        child = self.desk.start_for_a_while(words, self.proxy, self.random, self.longest_s)
        with self.proxy.holding():
            out = self.proxy.outstanding
            if child.poll() is None:
                child.kill()
            code = child.wait()
        if code != -signal.SIGKILL:
            return self.desk.ended(child)
        children.discard(child)
        self.kills += 1
        self.amid += out > 0
        self.said(self.kills, out)
        return True

    def until(self, amid, *words, most=200):
        """Kills until `amid` of the kills hit sends; None, or how a run ended before."""
        while self.amid < amid and self.kills < most:
            ended = self.once(*words)
            if ended is not True:
                return ended
            # The dead one's requests go out of the count before the next one's come in.
            wait_until(lambda: self.proxy.outstanding == 0, 10, "the proxy is at rest")
        return None


def pay_through_kills(node, proxy, seed, token_name, rows, amid, **chain):
    """Pays a list by a program that is killed until `amid` kills hit sends, and then is
    left alone: everybody is paid exactly once."""
    token = deploy(node, token_name, PAYER) if token_name else None
    with Desk([proxy.url], chain=chain) as desk:
        desk.fill(rows)
        words = desk.airdrop("list.csv", *(["--token", token] if token else []))
        killer = Killer(desk, proxy, seed)
        same(killer.until(amid, *words), None, "the run that ended before its kills")
        check(killer.amid >= amid, f"{killer.amid} of {killer.kills} kills hit sends")
        desk.expect(0, *words, seconds=120)
        print(f"# {killer.kills} kills, {killer.amid} of them while sends were out")
        exact(node, desk, token)
        same(desk.status("list")["final"], rows, "rows that are final")
        same(desk.verify("list")["final"], rows, "rows that are verified")


# --- the oracle -------------------------------------------------------------------------------


class Ledger:
    """All that one sender ever did, read from the chain alone, from genesis on."""

    def __init__(self, rpc, sender):
        self.rpc = rpc
        self.sender = sender.lower()
        blocks = rpc.many(
            [("eth_getBlockByNumber", hex(n), True) for n in range(rpc.height() + 1)]
        )
        self.sent = [
            tx for b in blocks for tx in b["transactions"] if tx["from"] == self.sender
        ]
        self.receipts = rpc.many([("eth_getTransactionReceipt", t["hash"]) for t in self.sent])

    def nonces(self):
        return [int(tx["nonce"], 16) for tx in self.sent]

    def fees(self):
        """What all of it cost beside the payments."""
        return sum(
            int(r["gasUsed"], 16) * int(r["effectiveGasPrice"], 16) for r in self.receipts
        )

    def payments(self, token=None, strangers=()):
        """{recipient: [amount...]} of what succeeded, and what else there is to know:
        the numbers of failed and of empty transactions, and everything nobody planned."""
        paid = collections.defaultdict(list)
        failed, empty, stray = [], [], []
        for tx, receipt in zip(self.sent, self.receipts):
            if tx["hash"] in strangers:
                continue
            succeeded = int(receipt["status"], 16) == 1
            if is_empty(tx):
                empty.append(tx["hash"])
            elif not succeeded:
                failed.append(tx["hash"])
            elif token:
                transfers = self.transfers(receipt, token)
                if (tx["to"] or "").lower() != token.lower() or len(transfers) != 1:
                    stray.append(tx["hash"])
                for to, amount in transfers:
                    paid[to].append(amount)
            elif tx["input"] != "0x" or receipt["logs"]:
                stray.append(tx["hash"])
            else:
                paid[tx["to"].lower()].append(int(tx["value"], 16))
        return paid, failed, empty, stray

    def transfers(self, receipt, token):
        found = []
        for log in receipt["logs"]:
            topics = log["topics"]
            if topics[0] != TRANSFER or log["address"].lower() != token.lower():
                continue
            if "0x" + topics[1][-40:] == self.sender:
                found.append(("0x" + topics[2][-40:], int(log["data"], 16)))
        return found


def is_empty(tx):
    return tx["to"] == tx["from"] and int(tx["value"], 16) == 0 and tx["input"] == "0x"


def exactly_once(rpc, sender, token, expected, failed=0, strangers=()):
    """Proves from the chain alone that everybody in `expected`, [(address, amount)...], was
    paid exactly what was planned by exactly as many payments as planned, that the nonces
    have neither hole nor double, and that the sender did nothing else. Returns the
    number of payments."""
    ledger = Ledger(rpc, sender)
    paid, lost, _, stray = ledger.payments(token, strangers)
    wanted = collections.defaultdict(list)
    for to, amount in expected:
        wanted[to.lower()].append(amount)
    same(ledger.nonces(), list(range(len(ledger.sent))), "nonces")
    same(rpc.count(sender), len(ledger.sent), "transactions that the account counts")
    same(stray, [], "transactions that nobody planned")
    for to in wanted.keys() | paid.keys():
        same(sorted(paid[to]), sorted(wanted[to]), f"payments to {to}")
    same(len(lost), failed, "failed transactions")
    same(holdings(rpc, token, wanted), {t: sum(a) for t, a in wanted.items()}, "holdings")
    return sum(map(len, paid.values()))


@contextlib.contextmanager
def desk_of(rows, depth=2, block_s=0.2, **chain):
    """A node with some blocks, and a desk with a list."""
    with Anvil(block_s) as anvil, Desk([anvil.url], depth=depth, chain=chain) as desk:
        anvil.mine(10)
        desk.fill(rows)
        yield anvil, desk


@contextlib.contextmanager
def desk_behind(proxies, rows, block_s=0.15, depth=2, **chain):
    """A desk with a list whose nodes are one Anvil behind so many proxies."""
    with contextlib.ExitStack() as stack:
        anvil = stack.enter_context(Anvil(block_s))
        anvil.mine(10)
        made = [stack.enter_context(Proxy(anvil.port)) for _ in range(proxies)]
        desk = stack.enter_context(Desk([p.url for p in made], depth=depth, chain=chain))
        desk.fill(rows)
        yield anvil, made, desk


def paid(anvil, count, who=PAYER):
    wait_until(lambda: anvil.rpc.count(who) >= count, 30, f"{count} payments on the chain")


def in_pool(anvil):
    return int(anvil.rpc("txpool_status")["pending"], 16)


def exact(anvil, desk, token=None, strangers=()):
    """Everybody on the desk's list is paid, exactly once."""
    payments = exactly_once(anvil.rpc, PAYER, token, desk.rows, strangers=strangers)
    same(payments, len(desk.rows), "payments")


def intrude(anvil, number, row=None):
    """Another program takes the account's next nonce, whatever waits for it, and its
    transaction is mined. It pays a friend, or what a row says."""
    to, value = row or (address(number, "friend"), 1000)
    anvil.interval(0)
    anvil.rpc("anvil_dropAllTransactions")
    nonce = anvil.rpc.count(PAYER)
    price = hex(400 * 10**9)
    tx = anvil.rpc.transact(
        PAYER,
        to,
        value=value,
        nonce=hex(nonce),
        maxFeePerGas=price,
        maxPriorityFeePerGas=price,
    )
    anvil.mine()
    anvil.interval(0.2)
    same(anvil.rpc.receipt(tx)["status"], "0x1", "status of the foreign transaction")
    return tx


def holdings(rpc, token, who):
    """{address: what it has}, of the token or of the native coin."""
    who = list(who)
    if token:
        calls = [
            ("eth_call", {"to": token, "data": call("balanceOf", a)}, "latest") for a in who
        ]
    else:
        calls = [("eth_getBalance", a, "latest") for a in who]
    return {a: int(n, 16) for a, n in zip(who, rpc.many(calls))}


# --- contracts --------------------------------------------------------------------------------

contracts = json.loads((HERE / "tokens" / "contracts.json").read_text())["contracts"]


def call(function, *values):
    """Call data of a function that any of our contracts has."""
    selector = next(
        c["functions"][function] for c in contracts.values() if function in c["functions"]
    )
    words = (v if isinstance(v, int) else int(v, 16) for v in values)
    return "0x" + selector + "".join(f"{word:064x}" for word in words)


def deploy(anvil, name, holder=None, amount=10**24):
    """Puts a contract of tokens/ on the chain, and gives the holder some of it."""
    made = anvil.rpc.transact(OWNER, data="0x" + contracts[name]["bytecode"])
    at = anvil.rpc.receipt(made)["contractAddress"]
    if holder:
        tell(anvil, at, "mint", holder, amount)
    return at


def tell(anvil, contract, function, *values):
    """Calls a function as the contracts' owner, and waits for the block."""
    tx = anvil.rpc.transact(OWNER, contract, call(function, *values))
    same(anvil.rpc.receipt(tx)["status"], "0x1", f"status of {function}")


# --- tests ------------------------------------------------------------------------------------

tests = []


def test(function):
    tests.append(function)
    return function


def same(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {brief(got)}, not {brief(wanted)}")


def brief(value):
    text = repr(value)
    return text if len(text) <= 900 else f"{text[:600]} ... {text[-200:]}"


def check(true, what):
    if not true:
        raise AssertionError(what)


def within(words, text, what):
    """All of the words are in the text."""
    for word in [words] if isinstance(words, str) else words:
        check(word in text, f"{what}: no {word!r} in {brief(text)}")


def main():
    """Runs all tests, or those whose name holds the second argument; speaks TAP."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not os.environ.get("PAWL_ANVIL"):
        print("Bail out! PAWL_ANVIL names no Anvil")
        sys.exit(1)
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    chosen = [t for t in tests if part in t.__name__]
    print(f"1..{len(chosen)}", flush=True)
    failures = 0
    for number, function in enumerate(chosen, 1):
        name = function.__name__.replace("_", " ")
        began = time.monotonic()
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Exception as error:
            failures += 1
            print(f"not ok {number} - {name}")
            story = str(error)
            if not isinstance(error, AssertionError):
                story = f"{type(error).__name__}: {story}"
            print("\n".join("# " + line for line in story.splitlines()), flush=True)
            print("\n".join("# " + line for line in where(error)), flush=True)
        print(f"# {time.monotonic() - began:.1f} s", flush=True)
        end_all()
    sys.exit(1 if failures else 0)


def where(error):
    """The lines of the suite that led there."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{pathlib.Path(f.filename).name}:{f.lineno} {f.line}" for f in frames[1:]]
