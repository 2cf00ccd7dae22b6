#!/usr/bin/env python3
"""The HTTP API of `pawl serve`: where it listens, who may ask, and that the slow and the
many harm nobody."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

from api import TOKEN, Api
from harness import check, desk_of, exact, main, paid, same, stop, test, wait_until, within

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAYER_SHOWN = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"  # of the harness


@test
def an_operation_is_asked_for_and_moved():
    with desk_of(100, max_in_flight=20) as (anvil, desk):
        api = Api(desk)
        run = desk.start(*desk.airdrop())
        paid(anvil, 20)
        status, _, body = api.ask("POST", "/v1/operations/list/pause", "{}")
        same((status, json.loads(body)["state"]), (200, "paused"), "paused over TCP")
        same(desk.ended(run).code, 4, "exit of who followed")
        status, _, body = api.ask("GET", "/v1/operations/list")
        same((status, json.loads(body)["rows"]), (200, 100), "what it is told")
        same(api.ask("POST", "/v1/operations/list/resume", "{}")[0], 200, "resumed")
        desk.expect(0, *desk.airdrop())
        exact(anvil, desk)
        stop(desk, api.child)


@test
def nobody_asks_without_a_token():
    with desk_of(5) as (_, desk):
        api = Api(desk)
        words = ("POST", "/v1/operations/list/pause", "{}")
        for token in (None, "", TOKEN[:-1], TOKEN + "0", TOKEN.upper()):
            headers, _ = api.refused(401, *words, token=token)
            check(headers["WWW-Authenticate"].startswith("Bearer"), f"{headers}")
        api.refused(403, *words, Origin="http://evil.example")
        api.refused(404, *words)
        stop(desk, api.child)
        check(TOKEN not in api.said(), "a token in the log")


@test
def what_is_asked_in_another_way_is_told():
    with desk_of(5) as (_, desk):
        api = Api(desk)
        for method, path, allow in (
                ("DELETE", "/v1/operations", "GET, HEAD, POST"), ("PUT", "/v1/tell", "POST"),
                ("HEAD", "/v1/events", "GET"), ("POST", "/health", "GET, HEAD")):
            status, headers, _ = api.ask(method, path)
            same((status, headers["Allow"]), (405, allow), f"{method} {path}")
        wait_until(lambda: api.ask("GET", "/ready", token=None)[0] == 200, 20, "that it is ready")
        for path, token in (("/health", None), ("/ready", None), ("/v1/operations", TOKEN)):
            status, headers, body = api.ask("HEAD", path, token=token)
            same((status, body), (200, ""), f"HEAD {path}")
            check(int(headers["Content-Length"]) > 10, f"the length of {path}")
        _, why = api.refused(400, "POST", "/v1/track", "\n\n")
        within("nothing to follow", why, "lines of nothing")
        line = json.dumps({"hash": "0x" + "5a" * 32})
        same(api.ask("POST", "/v1/track", line, **{"Idempotency-Key": "one"})[0], 200, "a line")
        _, why = api.refused(409, "POST", "/v1/track", line.replace("5a", "6b"),
                             **{"Idempotency-Key": "one"})
        within("not the same in its lines", why, "another command with its key")
        _, why = api.refused(400, "POST", "/v1/track", json.dumps(
            {"hash": "0x" + "5a" * 32, "notify": ["webhook:http://10.0.0.1/"]}))
        within("tell.webhook.", why, "a target that nothing is sent to")
        stop(desk, api.child)


@test
def without_tokens_it_says_what_to_configure():
    with desk_of(5) as (_, desk):
        api = Api(desk, serve="")
        _, why = api.refused(401, "GET", "/v1/operations/list")
        within("serve: {tokens: {NAME: env:VAR}}", why, "what to configure")
        stop(desk, api.child)


@test
def who_can_not_listen_says_so():
    with desk_of(5) as (_, desk), socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        desk.env["PAWL_SERVE__LISTEN"] = at
        within(("serve.listen", at, "in use"), desk.expect(1, "serve").err, "in use")
        for wrong in ("8080", "example.org:80", "127.0.0.1:99999", ""):
            desk.env["PAWL_SERVE__LISTEN"] = wrong
            within("PAWL_SERVE__LISTEN", desk.expect(1, "serve").err, "which key")
        desk.env["PAWL_SERVE__LISTEN"] = "127.0.0.1:0"
        config = desk.folder / "pawl.yaml"
        config.write_text("serve: {tokens: {ops: env:NO_SUCH}}\n" + config.read_text())
        within(("serve.tokens.ops", "NO_SUCH"), desk.expect(1, "serve").err, "no token")


@test
def other_machines_are_warned_of():
    with desk_of(5) as (_, desk):
        api = Api(desk, at="0.0.0.0:0")
        within("other machines reach", wait_until(api.said), "the warning")
        stop(desk, api.child)


@test
def how_it_is_and_whether_it_is_ready():
    with desk_of(20, max_in_flight=5) as (anvil, desk):
        api = Api(desk)

        def health():
            status, _, body = api.ask("GET", "/health", token=None)
            return status, json.loads(body)

        wait_until(lambda: health()[1]["status"] == "healthy", 20, "that it is healthy")
        (line,) = re.findall(r"^curl .*", (ROOT / "docs/api.md").read_text(), re.M)
        said = subprocess.run(
            ["bash", "-c", line.replace("127.0.0.1:8080", f"{api.host}:{api.port}")],
            env={**os.environ, "PAWL_TOKEN": TOKEN}, capture_output=True, check=True)
        same(json.loads(said.stdout), {"operations": [], "next": None}, "the line of the page")
        status, told = health()
        chain = told["components"]["chains"]["local"]
        same((status, chain["quorum"], chain["stopped"]), (200, True, False), f"{told}")
        check(chain["head"] >= 0 and chain["head_age_ms"] >= 0, f"{chain}")
        check(told["components"]["journal"]["disk_free_bytes"] > 0, f"{told}")
        same(api.ask("GET", "/ready", token=None)[0], 200, "ready")
        run = desk.start(*desk.airdrop())
        paid(anvil, 5)
        desk.expect(0, "pause", "list")
        desk.ended(run)
        _, told = health()
        operations = told["components"]["operations"]
        same((operations["paused"], operations["tasks_queued"]), (1, 0), "paused")
        same(told["alerts"], [], "what is wrong")
        same(told["components"]["deliveries"], {"due": 0, "suspended": 0, "status": "healthy"}, "")
        for at in (told["timestamp"], told["components"]["chains"]["local"]["last_tx"]):
            check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", at), f"a time: {at}")
        node = f"127.0.0.1:{anvil.port}"
        anvil.close()
        wait_until(lambda: health()[1]["status"] == "degraded", 20, "that it is degraded")
        status, told = health()
        (endpoint,) = told["components"]["chains"]["local"]["endpoints"]
        same((status, endpoint["name"]), (200, node), "whom it can not reach")
        check(endpoint["standing"] != "well", f"{endpoint}")
        check({"component": "local", "why": "an endpoint is not well"} in told["alerts"], f"{told}")
        stop(desk, api.child)
        api = Api(desk, serve="")
        status, _, body = api.ask("GET", "/ready", token=None)
        same((status, json.loads(body)["ready"]), (503, False), "ready without a head")
        within("the head of local is not known", json.loads(body)["why"], "why")
        stop(desk, api.child)


def figures(text):
    """{series: value} of the text format."""
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines)}


@test
def promtool_accepts_its_metrics():
    """And they are true: what was paid, and what Anvil was asked, without the URL's secrets."""
    promtool = shutil.which("promtool")
    check(promtool, "promtool, of the Debian package prometheus, is missing")
    with desk_of(20, max_in_flight=5) as (anvil, desk):
        desk.configure([f"http://user:hunter2@127.0.0.1:{anvil.port}/?key=sekret"], 2)
        api = Api(desk)
        desk.expect(0, *desk.airdrop())
        exact(anvil, desk)
        desk.expect(0, "track", "0x" + "77" * 32, "--chain", "local")
        text = api.ask("GET", "/metrics")[2]
        judged = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        same((judged.returncode, judged.stdout + judged.stderr), (0, ""), text)
        check("sekret" not in text and "hunter2" not in text, "a secret of a URL")
        got = figures(text)
        node = f'chain="local",endpoint="127.0.0.1:{anvil.port}"'
        payer = f'chain="local",account="{PAYER_SHOWN}"'
        same(got['pawl_items{state="final"}'], 20, "rows")
        same(got['pawl_operations{kind="airdrop",state="completed"}'], 1, "operations")
        same(got[f"pawl_account_nonce_next{{{payer}}}"], 20, "the next nonce")
        same(got[f"pawl_intents_live{{{payer}}}"], 0, "live intents")
        check(got['pawl_sends_total{chain="local",outcome="accepted"}'] >= 20, "sends")
        check(got['pawl_chain_head_height{chain="local"}'] >= 12, "the head")
        asked = got[f"pawl_endpoint_requests_total{{{node}}}"]
        answered = got[f"pawl_endpoint_latency_seconds_count{{{node}}}"]
        check(asked >= answered > 20, f"{asked} asked, {answered} answered")
        same(got[f"pawl_endpoint_breaker_open{{{node}}}"], 0, "the breaker")
        balance = got[f"pawl_account_balance{{{payer}}}"]
        check(0 < balance <= 10**22, f"{balance} of coin")
        same(got['pawl_tracked{chain="local",state="unseen"}'], 1, "what is followed")
        same(got['pawl_tracked_looks_due{chain="local"}'], 1, "what nodes are asked for")
        check(got['pawl_tracked_unseen_oldest_seconds{chain="local"}'] < 60, "for how long")
        check(got["pawl_journal_commits_total"] > 3, "commits")
        check(got["pawl_journal_disk_free_bytes"] > 0, "room on the disk")
        stop(desk, api.child)


@test
def its_alerts_fire():
    """By their own tests, and of no metric that is not there."""
    promtool = shutil.which("promtool")
    check(promtool, "promtool, of the Debian package prometheus, is missing")
    ops = ROOT / "ops" / "prometheus"
    judged = subprocess.run(
        [promtool, "test", "rules", "pawl.rules.test.yml"],
        cwd=ops, capture_output=True, text=True, check=False,
    )
    same(judged.returncode, 0, judged.stdout + judged.stderr)
    table = (ROOT / "src" / "serve" / "vital" / "metrics.def").read_text()
    for name in set(re.findall(r"pawl_\w+", (ops / "pawl.rules.yml").read_text())):
        check(f'"{name}"' in table, f"{name} is no metric")


@test
def metrics_may_be_open():
    with desk_of(5) as (_, desk):
        api = Api(desk)
        same(api.ask("GET", "/metrics", token=None)[0], 401, "without a token")
        stop(desk, api.child)
        api = Api(desk, serve="metrics_open: true")
        same(api.ask("GET", "/metrics", token=None)[0], 200, "open")
        api.refused(401, "GET", "/v1/operations/list", token=None)
        stop(desk, api.child)


@test
def the_slow_and_the_many_harm_nobody():
    """Two hundred that drip or say nothing; commands go on by the socket, and so does
    who pays, and who asks for something finds room beside them."""
    with desk_of(60, max_in_flight=10) as (anvil, desk), contextlib.ExitStack() as them:
        api = Api(desk)
        for number in range(200):
            one = socket.create_connection((api.host, api.port), timeout=30)
            them.enter_context(contextlib.closing(one))
            if number % 2:
                one.sendall(b"POST /v1/operations HTTP/1.1\r\nHost: x\r\nContent-Le")
        desk.expect(0, *desk.airdrop())
        exact(anvil, desk)
        same(api.ask("GET", "/v1/operations/list")[0], 200, "TCP beside them")
        them.close()
        same(api.ask("GET", "/v1/operations/list")[0], 200, "TCP when they are gone")
        stop(desk, api.child)


if __name__ == "__main__":
    main()
