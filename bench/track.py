"""What a block costs, of as many followed transactions as you like: on a real Anvil whose
blocks hold 200 of others, behind a proxy that counts."""

import contextlib
import http.server
import json
import os
import pathlib
import secrets
import statistics
import subprocess
import sys
import threading
import time

from proxy import Proxy

COUNTS = (1, 1000, 100000, 1000000)
TXS = 200
BLOCKS = 60
POLL_MS = 200
NEWS = 40  # blocks that somebody hears of

# Rows are written straight into the journal of nobody, by a process that dies: who closes it
# takes its -wal away.
FILL = """
import os, secrets, sqlite3, sys
db = sqlite3.connect("pawl.db")
db.execute("PRAGMA cache_size=-200000")
chain, = db.execute("SELECT id FROM chain").fetchone()
db.executemany("INSERT INTO tracked (chain, hash, state, guess, confirmations, round, percent, "
    "looks, misses, since_ms) VALUES (?, ?, 0, 0, 20, 0, 0, 1, 0, ?)",
    ((chain, secrets.token_bytes(32), int(sys.argv[2])) for _ in range(int(sys.argv[1]))))
db.commit()
os._exit(0)
"""


def cpu_ms(pid):
    """Of all its threads."""
    ns = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            ns += int((task / "schedstat").read_text().split()[0])
    return ns / 1e6


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(text.split("VmRSS:")[1].split()[0])


class Ear(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Listens)
        self.heard = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.target = f"webhook:http://127.0.0.1:{self.server_address[1]}/"

    def handle_error(self, request, client_address):
        """Who tells is killed."""


class Listens(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        """Nothing."""

    def do_POST(self):
        at = time.monotonic()
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if event["type"] == "included":
            self.server.heard.setdefault(event["hash"], at)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Chain:
    """A node that mines when it is told to, and who sends."""

    def __init__(self, url, rpc):
        self.url, self.rpc = url, rpc
        self.who = rpc(url, "eth_accounts")

    def send(self, sender):
        return self.rpc(self.url, "eth_sendTransaction",
                        {"from": sender, "to": self.who[0], "value": "0x1", "gas": "0x5208"})

    def block(self):
        """Of as many as there are accounts but one."""
        for sender in self.who[1:]:
            self.send(sender)
        self.rpc(self.url, "evm_mine")


def settled(desk, chain, until, journaled):
    """It is through with all that there is."""
    height = int(chain.rpc(chain.url, "eth_blockNumber"), 16)
    until(lambda: (journaled(desk, "MAX(height) FROM block") or 0) >= height, "the head")


def costs(chain, child, desk, proxy, tools):
    """Of a block of many, none of them followed: requests but polls, their bytes, milliseconds of CPU; and bytes
    resident."""
    sizes, polls = [], 0
    chain.block()
    settled(desk, chain, *tools)

    def heard(calls):
        nonlocal polls
        if any(call["method"] == "eth_getBlockByNumber" for call in calls):
            polls += 1
        else:
            sizes.append(len(json.dumps(calls)))

    proxy.heard = heard
    before = cpu_ms(child.pid)
    for _ in range(BLOCKS):
        chain.block()
        settled(desk, chain, *tools)
    time.sleep(3 * POLL_MS / 1000)
    used = cpu_ms(child.pid) - before
    proxy.heard = None
    return len(sizes) / BLOCKS, sum(sizes) / BLOCKS, used / BLOCKS, resident(child.pid)


def latencies(bench, chain, desk, ear, tools):
    """Milliseconds from a block at the node to its news at who listens."""
    took = []
    for _ in range(NEWS):
        tx = chain.send(chain.who[0])
        subprocess.run([bench.pawl, "track", tx, "--chain", "local", "--notify", ear.target],
                       cwd=desk, env=tools[0], check=True, stdout=subprocess.DEVNULL)
        time.sleep(secrets.randbelow(POLL_MS) / 1000)  # anywhere between two polls
        chain.rpc(chain.url, "evm_mine")
        at = time.monotonic()
        tools[1](lambda tx=tx: tx in ear.heard, "news")
        took.append(1000 * (ear.heard[tx] - at))
    return took


def measure(bench, url, env, tools):
    """{count: (requests, bytes, CPU ms, resident, [latency ms])}"""
    rpc, until, journaled, serving = tools
    chain, said = Chain(url, rpc), {}
    ear = Ear()
    env.update(HOOK_SECRET="0" * 32, PAWL_TELL__WEBHOOK__SECRET="env:HOOK_SECRET",
               PAWL_TELL__WEBHOOK__ALLOW_PRIVATE="true")
    with Proxy(int(url.rsplit(":", 1)[1].rstrip("/"))) as proxy:
        desk = bench.init(bench.desk("track", proxy.url, poll_ms=POLL_MS))
        with serving(bench, desk):
            until(lambda: journaled(desk, "COUNT(*) FROM chain"), "a chain")
        there = 0
        for count in COUNTS:
            subprocess.run([sys.executable, "-c", FILL, str(count - there),
                            str(int(1000 * time.time()))], cwd=desk, check=True)
            there = count
            with serving(bench, desk) as child:
                until(lambda: os.path.exists(desk / "pawl.db.sock"), "its socket")
                cost = costs(chain, child, desk, proxy, (until, journaled))
                took = latencies(bench, chain, desk, ear, (env, until))
            said[count] = (*cost, took)
    ear.shutdown()
    return said


def report(bench, said):
    one, most = said[COUNTS[0]], said[COUNTS[-1]]
    requests = [cost[0] for cost in said.values()]
    bench.say("requests a block with 1, 1,000, 100,000 and 1,000,000 followed, beside polls, "
              "and their bytes",
              ", ".join(f"{cost[0]:.2f}" for cost in said.values()) + "; "
              + ", ".join(f"{cost[1]:,.0f}" for cost in said.values()),
              "the same, at most 4", max(requests) <= 4 and max(requests) - min(requests) < 0.5)
    bench.say(f"CPU a block of {TXS} transactions with 1,000,000 followed, times 1 followed",
              f"{most[2] / one[2]:.2f} ({most[2]:.1f} ms against {one[2]:.1f} ms)",
              "at most 1.5", most[2] <= 1.5 * one[2])
    each = (most[3] - one[3]) / COUNTS[-1]
    bench.say("memory of each of 1,000,000 followed", f"{each:.0f} bytes", "under 150",
              each < 150)
    for name, cost in (("1", one), ("1,000,000", most)):
        middle = statistics.median(cost[4])
        bench.say(f"from a block at the node to its news at a webhook, {name} followed, "
                  f"a poll each {POLL_MS} ms",
                  f"median {middle:.0f} ms, 95 % within {sorted(cost[4])[NEWS * 95 // 100]:.0f} ms",
                  f"median {POLL_MS + 50} ms", middle <= POLL_MS + 50)
