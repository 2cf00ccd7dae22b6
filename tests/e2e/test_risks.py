#!/usr/bin/env python3
"""Scenarios of docs/risks.md that no other suite shows as their users met them."""

import concurrent.futures
import contextlib
import http.client
import http.server
import json
import pathlib
import threading

from harness import (
    OWNER, PAYER, Desk, check, desk_behind, end, main, same, stop, test, wait_until, within,
)

TOKEN = "1f0c5fd3a1e94f0ab8f7c6d5e4c3b2a1"
USERS = 120


class Hall(http.server.ThreadingHTTPServer):
    """A subscriber, who takes all that he is told."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Ear)
        self.told = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.shutdown()
        self.server_close()

    def types(self):
        return [event["type"] for event in list(self.told)]

    def name(self):
        return f"webhook:http://127.0.0.1:{self.server_address[1]}/"


class Ear(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        """Nothing."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append(json.loads(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def serve(desk):
    """(child, port): a daemon that is asked over TCP."""
    config = desk.folder / "pawl.yaml"
    text = config.read_text()
    if "serve:" not in text:
        config.write_text("serve: {tokens: {ops: env:OPS_TOKEN}}\n" + text)
    desk.env.update(OPS_TOKEN=TOKEN, PAWL_SERVE__LISTEN="127.0.0.1:0")
    child = desk.start("serve")

    def port():
        _, found, rest = child.paths[1].read_text().partition("HTTP on 127.0.0.1:")
        return found and "\n" in rest and rest.split("\n")[0]

    return child, int(wait_until(port, 20, "the port that it got"))


def ask(port, method, path, body=None, **headers):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(link):
        link.request(method, path, body, {"Authorization": f"Bearer {TOKEN}", **headers})
        answer = link.getresponse()
        return answer.status, answer.read().decode()


@test
def nodes_fail_while_a_user_asks():
    """Risk 1: he asks while every node is down. It is taken down all the same, and he hears of
    all of it when one is back; the other one never is."""
    with Hall() as hall, desk_behind(2, 1, quorum=1) as (anvil, nodes, desk):
        desk.env["HOOK_SECRET"] = TOKEN
        desk.env["PAWL_TELL__WEBHOOK__SECRET"] = "env:HOOK_SECRET"
        desk.env["PAWL_TELL__WEBHOOK__ALLOW_PRIVATE"] = "true"
        child = desk.start("serve")
        wait_until(lambda: nodes[0].calls, 20, "a start")
        for node in nodes:
            node.fault = lambda methods: "503"
        tx = anvil.rpc.transact(OWNER, PAYER, value=1)
        anvil.rpc.receipt(tx)
        words = ("track", tx, "--chain", desk.name, "--notify", hall.name())
        desk.expect(0, *words)
        desk.expect(0, *words)  # he is impatient, and asks again
        nodes[1].fault = lambda methods: None
        # whom five answers failed before this is not asked for a minute
        wait_until(lambda: "final" in hall.types(), 150, "the end of it")
        told = hall.types()
        ids = {event["event_id"] for event in list(hall.told)}
        same(len(told), len(ids), f"what he hears is said once: {told}")
        within("included", told, "on its way")
        stop(desk, child)


@test
def nodes_that_hang_hold_nobody():
    """Risk 2: no node answers, and requests to them stand open. 120 users ask at once, and one
    who reads the journal, and one who writes to it: nobody waits for a node."""
    with desk_behind(2, 5, timeout_ms=60000) as (_, nodes, desk):
        child, port = serve(desk)
        run = desk.start(*desk.airdrop())
        wait_until(lambda: ask(port, "GET", "/v1/operations/list")[0] == 200, 30, "a list")
        hung = threading.Event()

        def hang(methods):
            hung.set()
            return "hang"

        for node in nodes:
            node.fault = hang
        wait_until(hung.is_set, 30, "a question that stands open")
        with concurrent.futures.ThreadPoolExecutor(USERS) as users:
            asked = [
                users.submit(ask, port, "GET", "/v1/operations/list") for _ in range(USERS)
            ]
            asked += [users.submit(ask, port, "GET", "/health") for _ in range(8)]
            paused = users.submit(ask, port, "POST", "/v1/operations/list/pause", "{}")
            read = users.submit(desk.status, "list")
            codes = {future.result(30)[0] for future in asked}
        same((codes, paused.result()[0]), ({200}, 200), "what they were answered")
        check(read.result(), "who reads the journal")
        same(child.poll(), None, "the daemon's end")
        end(run)
        for node in nodes:
            node.fault = lambda methods: None
        stop(desk, child)


def of_process(child):
    """(descriptors, kilobytes) that it has."""
    proc = pathlib.Path(f"/proc/{child.pid}")
    line = next(s for s in (proc / "status").read_text().splitlines() if s.startswith("VmRSS"))
    return len(list((proc / "fd").iterdir())), int(line.split()[1])


@test
def what_fails_midway_leaves_nothing_open():
    """Risk 3: requests that are refused, half said, or left before their answer. What they took
    is given back: neither descriptors nor memory grow with their number."""
    with Desk(["http://127.0.0.1:1"]) as desk:
        child, port = serve(desk)

        def fail(rounds):
            for _ in range(rounds):
                same(ask(port, "POST", "/v1/operations/none/pause", "{}")[0], 404, "none")
                same(ask(port, "POST", "/v1/tell", '{"text":1}')[0], 400, "no text")
                same(ask(port, "GET", "/nothing")[0], 404, "no route")
                link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                link.request("GET", "/metrics", None, {"Authorization": f"Bearer {TOKEN}"})
                link.close()
            for _ in range(rounds):
                link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                link.connect()
                link.sock.sendall(b"POST /v1/tell HTTP/1.1\r\nContent-Length: 99\r\n")
                link.close()

        def rested():
            return of_process(child)[0] < before[0] + 10

        before = of_process(child)
        fail(40)
        wait_until(rested, 12, f"{before[0]} descriptors")
        before = of_process(child)
        fail(100)
        wait_until(rested, 12, f"{before[0]} descriptors")
        after = of_process(child)
        check(after[1] < before[1] + 2048, f"{before[1]} KiB, then {after[1]}")
        stop(desk, child)


if __name__ == "__main__":
    main()
