#!/usr/bin/env python3
"""soak.py - a day of `pawl serve` with many users, pressed into minutes.

    bench/soak.py BUILD [--users 200] [--hours 24] [--seconds 10] [--restarts yes|no]

`--users 600 --restarts no` is long enough to fill the database's cache, behind which memory has to stand
still. Each hour every user follows a transaction of that hour and is told of its milestones by a webhook
of his own. At the end of each hour serve is killed or stopped, in turn, and
started again. Told: its memory over the day, what was lost (a user who never heard of a milestone)
and what came twice (two events of one milestone; the same event again, whose answer died with a
kill, is at least once, and counted apart). Exits 1 if it is not what it should be. PAWL_ANVIL names
the node's binary.
"""
import argparse
import collections
import http.server
import json
import os
import pathlib
import signal
import socketserver
import sys
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))

TOKEN = "0123456789abcdef0123456789abcdef"
CONFIRMATIONS = 4
DEPTH = 6
MUST = ("included", "confirmed", "final")  # once each, for every hash and user
CACHE_KIB = 16384  # of the database's pages: it fills as the journal grows, and then no more
ROOM_KIB = 2048
GROWS = 1.03  # with the cache full, the last hour's memory may be so much of the first one's


class Receiver(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Takes all that comes; a path is a user."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self):
        self.lock = threading.Lock()
        self.events = collections.Counter()  # (user, hash or operation, type, percent, event)
        super().__init__(("127.0.0.1", 0), Taken)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Taken(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = json.loads(body)
        key = (self.path[1:], event.get("hash") or event.get("operation"), event["type"],
               event.get("percent"), event["event_id"])
        with self.server.lock:
            self.server.events[key] += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Served:
    """serve, its port and its memory."""

    def __init__(self, harness, desk):
        self.harness, self.desk = harness, desk
        self.child = None
        self.port = harness_port()
        desk.env["PAWL_SERVE__LISTEN"] = f"127.0.0.1:{self.port}"
        desk.env["SOAK_TOKEN"] = TOKEN
        self.start()

    def start(self):
        self.child = self.desk.start("serve")
        self.harness.wait_until(self.is_up, 30, "serve")

    def is_up(self):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def post(self, path, lines):
        body = "\n".join(json.dumps(line) for line in lines).encode()
        ask = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers={
            "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"})
        with urllib.request.urlopen(ask, timeout=30) as answer:
            return json.loads(answer.read())

    def kib(self):
        """Resident: all, and what is no file."""
        said = pathlib.Path(f"/proc/{self.child.pid}/status").read_text(encoding="ascii")
        got = dict(line.split(":", 1) for line in said.splitlines())
        return int(got["VmRSS"].split()[0]), int(got["RssAnon"].split()[0])

    def end(self, how):
        self.harness.end(self.child, how)


def harness_port():
    with socketserver.TCPServer(("127.0.0.1", 0), None) as server:
        return server.server_address[1]


def transact(rpc, number):
    """A transaction of one of the node's own accounts."""
    accounts = rpc("eth_accounts")
    to = "0x" + f"{number:040x}"
    # the first is the payer of lists
    return rpc("eth_sendTransaction", {"from": accounts[1 + number % 9], "to": to,
                                       "value": hex(1), "gas": hex(21000)})


def hour(served, anvil, receiver, asked, args, number, sizes):
    began = time.monotonic()
    step = max(1, args.users // 10)
    for first in range(0, args.users, step):
        lines = []
        for user in range(first, min(first + step, args.users)):
            tx = transact(anvil.rpc, number * args.users + user + 4096)
            asked.append((f"u{user}", tx))
            lines.append({"hash": tx, "chain": "local", "confirmations": CONFIRMATIONS,
                          "notify": [f"webhook:{receiver.url}u{user}"]})
        served.post("/v1/track", lines)
        time.sleep(args.seconds / 14)
    while time.monotonic() - began < args.seconds:
        time.sleep(0.05)
    sizes.append((*served.kib(), os.path.getsize(served.desk.journal) >> 10))


def day(harness, served, anvil, receiver, args):
    asked, sizes = [], []
    for number in range(args.hours):
        hour(served, anvil, receiver, asked, args, number, sizes)
        how = signal.SIGKILL if number % 2 == 0 else signal.SIGTERM
        print(f"hour {number + 1:3}: {sizes[-1][0]:7} KiB resident, {sizes[-1][1]:7} KiB of it its own,"
              f" {sum(receiver.events.values())} messages", flush=True)
        if args.restarts == "yes":
            served.end(how)
            served.start()
    wanted = len(asked) * len(MUST)

    def heard():
        with receiver.lock:
            got = {(user, of, kind) for user, of, kind, _, _ in receiver.events if kind in MUST}
        return len(got) >= wanted
    harness.wait_until(heard, 300, "all that is to be heard", 0.5)
    time.sleep(3)  # what comes twice comes now
    return asked, sizes


def judge(asked, sizes, receiver, args):
    """0: memory is flat, nothing is lost, nothing came twice."""
    milestones = collections.defaultdict(set)
    again = 0
    for (user, of, kind, percent, event), times in receiver.events.items():
        milestones[user, of, kind, percent].add(event)
        again += times - 1
    lost = [(user, tx, kind) for user, tx in asked for kind in MUST
            if not milestones.get((user, tx, kind, None)) and
            not any(key[:3] == (user, tx, kind) for key in milestones)]
    twice = [key for key, events in milestones.items() if len(events) > 1]
    first, last = sizes[0][1], sizes[-1][1]
    full = [own for _, own, journal in sizes if journal > 1.5 * CACHE_KIB]
    flat = last <= first + CACHE_KIB + ROOM_KIB and (not full or full[-1] <= full[0] * GROWS)
    print(f"{len(asked)} transactions followed by {args.users} users, {args.hours} hours of "
          f"{args.seconds:g} s, restarts: {args.restarts}")
    print(f"memory of its own: first hour {first} KiB, last hour {last} KiB, while the journal grew "
          f"to {sizes[-1][2]} KiB; its cache of pages is {CACHE_KIB} KiB at most")
    if full:
        print(f"with the cache full: first {full[0]} KiB, last {full[-1]} KiB, of {len(full)} hours")
    print("flat" if flat else "NOT FLAT")
    print(f"messages: {len(milestones)} milestones heard, {len(lost)} lost, {len(twice)} twice, "
          f"{again} events came again behind a kill")
    for key in (lost + twice)[:5]:
        print("  ", *key)
    return 0 if flat and not lost and not twice else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--restarts", choices=("yes", "no"), default="yes")
    args = parser.parse_args()
    sys.argv[1:] = [str(pathlib.Path(args.build) / "pawl")]
    import harness  # pylint: disable=import-outside-toplevel
    receiver = Receiver()
    with harness.Anvil(0.25) as anvil, harness.Desk([anvil.url], depth=DEPTH) as desk:
        config = desk.folder / "pawl.yaml"
        config.write_text(config.read_text() + "serve:\n  tokens: {soak: env:SOAK_TOKEN}\n"
                          "tell:\n  webhook: {secret: env:SOAK_TOKEN, allow_private: true}\n")
        desk.env["SOAK_TOKEN"] = TOKEN
        served = Served(harness, desk)
        asked, sizes = day(harness, served, anvil, receiver, args)
        served.end(signal.SIGTERM)
        sys.exit(judge(asked, sizes, receiver, args))


if __name__ == "__main__":
    main()
