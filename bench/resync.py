"""How long `pawl node resync` takes beside the bare calls: the same questions over as many
connections, whose answers nobody looks at. Both ask a fake node, in a process of its own."""

import concurrent.futures
import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.parse

from layer import Chain, Server, desk_of

HASHES = 1000     # of a request, as resync asks
CONNECTIONS = 3
ROUNDS = 5


def serve(height):
    """The node alone: its URL, and the end when its input ends."""
    with Server(Chain(height).answer) as node:
        print(node.url, flush=True)
        sys.stdin.read()


def bare(url, height):
    """Says its seconds, without those that Python takes to start."""
    at = urllib.parse.urlsplit(url)
    began = time.monotonic()

    def ask(first):
        link = http.client.HTTPConnection(at.hostname, at.port)
        for low in range(first, height + 1, HASHES * CONNECTIONS):
            calls = [{"jsonrpc": "1.0", "id": i, "method": "getblockhash", "params": [i]}
                     for i in range(low, min(low + HASHES, height + 1))]
            link.request("POST", "/", json.dumps(calls),
                         {"Content-Type": "application/json"})
            link.getresponse().read()
        link.close()

    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(ask, range(0, HASHES * CONNECTIONS, HASHES)))
    print(time.monotonic() - began)


def run(*words, **how):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, **how).stdout


def report(bench, env, percent):
    """percent: of 100,000 blocks."""
    height = 1000 * percent
    me = str(pathlib.Path(__file__).resolve())
    with subprocess.Popen([sys.executable, me, "serve", str(height)], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as node:
        url = node.stdout.readline().strip()
        desk = desk_of(bench.folder / "resync", url)
        ours, theirs = [], []
        for i in range(ROUNDS):
            db = f"db{i}"
            run(bench.pawl, "node", "init-reorg-db", "--path", db, cwd=desk, env=env)
            theirs.append(float(run(sys.executable, me, "bare", url, str(height))))
            began = time.monotonic()
            run(bench.pawl, "node", "resync", "--start-height", "0", "--db-path", db,
                "--bitcoin-rpc", url, cwd=desk, env=env)
            ours.append(time.monotonic() - began)
        node.stdin.close()
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    bench.say(f"resync of {height:,} blocks, of the bare calls", f"{ratio:.2f}"
              f" ({statistics.median(ours):.2f} s against {statistics.median(theirs):.2f} s;"
              f" the median of {ROUNDS} pairs)", "at most 1.2", ratio <= 1.2)


if __name__ == "__main__":
    {"serve": lambda: serve(int(sys.argv[2])),
     "bare": lambda: bare(sys.argv[2], int(sys.argv[3]))}[sys.argv[1]]()
