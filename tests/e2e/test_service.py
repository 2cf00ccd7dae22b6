#!/usr/bin/env python3
"""`pawl serve` as a service: what its manager hears, how it ends, and what it takes up anew."""

import contextlib
import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import urllib.parse

from harness import (
    Desk, check, desk_behind, desk_of, end, exact, in_pool, main, paid, same, spawn, stop, test,
    wait_until, within,
)
from alerts import agree
from proxy import SEND
from receiver import Receiver, ears

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "1f0c5fd3a1e94f0ab8f7c6d5e4c3b2a1"


class Manager:
    """The side of systemd: a datagram socket, and all that it was told."""

    def __init__(self, desk, watchdog_us=None, abstract=False):
        at = desk.folder / "notify"
        name = f"\0{at}" if abstract else str(at)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name)
        self.socket.setblocking(False)
        self.told = []
        desk.env["NOTIFY_SOCKET"] = name.replace("\0", "@")
        if watchdog_us:
            desk.env["WATCHDOG_USEC"] = str(watchdog_us)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()

    def heard(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.told.append(self.socket.recv(4096).decode())
        return self.told

    def hears(self, word, seconds=20):
        """What it is told from that word on, which is forgotten."""
        self.until(word, seconds)
        at = next(n for n, text in enumerate(self.told) if text.startswith(word))
        found, self.told = self.told[at], self.told[at + 1 :]
        return found

    def until(self, word, seconds=20):
        def said():
            return any(text.startswith(word) for text in self.heard())

        wait_until(said, seconds, f"{word} for the service manager")


def serve(desk, serve="tokens: {ops: env:OPS_TOKEN}"):
    """(child, port): a daemon that is asked over TCP."""
    config = desk.folder / "pawl.yaml"
    text = config.read_text()
    config.write_text(f"serve: {{{serve}}}\n" + text[text.index("journal:") :])
    desk.env.update(OPS_TOKEN=TOKEN, PAWL_SERVE__LISTEN="127.0.0.1:0")
    child = desk.start("serve")

    def port():
        _, found, rest = child.paths[1].read_text().partition("HTTP on 127.0.0.1:")
        return found and "\n" in rest and rest.split("\n")[0]

    return child, int(wait_until(port, 20, "the port that it got"))


def dial(port, method="GET", path="/health", body=None, token=TOKEN):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    link.request(method, path, body, {"Authorization": f"Bearer {token}"})
    return link


def ask(port, *words, **more):
    with contextlib.closing(dial(port, *words, **more)) as link:
        answer = link.getresponse()
        return answer.status, answer.read().decode()


@test
def a_manager_hears_its_life():
    """It is up although its node is down; it goes on to be fed while turns end."""
    with Desk(["http://127.0.0.1:1"]) as desk, Manager(desk, 300000) as manager:
        child = desk.start("serve")
        manager.hears("READY=1")
        within("0 operations are open", manager.hears("STATUS="), "the status")
        for _ in range(3):
            manager.hears("WATCHDOG=1")
        child.send_signal(signal.SIGSTOP)
        manager.heard()
        manager.told = []
        child.send_signal(signal.SIGCONT)
        manager.hears("WATCHDOG=1")
        stop(desk, child)
        manager.hears("STOPPING=1")


@test
def a_hung_one_is_killed_and_goes_on():
    """What a watchdog does: SIGABRT to one that is silent, and a new one."""
    with desk_of(60, max_in_flight=10) as (anvil, desk), Manager(desk, 300000, True) as manager:
        child = desk.start("serve")
        manager.hears("READY=1")
        run = desk.start(*desk.airdrop())
        paid(anvil, 10)
        end(run)
        child.send_signal(signal.SIGSTOP)
        child.send_signal(signal.SIGABRT)
        child.send_signal(signal.SIGCONT)
        same(desk.ended(child, 10).code, -signal.SIGABRT, "how it ended")
        manager.told = []
        child = desk.start("serve")
        manager.hears("READY=1")
        desk.expect(0, *desk.airdrop())
        exact(anvil, desk)
        stop(desk, child)


@test
def its_unit_is_one_for_systemd():
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        print("# there is no systemd-analyze here")
        return
    with Desk(["http://127.0.0.1:1"]) as desk:
        unit = desk.folder / "pawl.service"
        text = (ROOT / "ops/systemd/pawl.service").read_text()
        unit.write_text(text.replace("/usr/local/bin/pawl", desk.binary))
        judged = subprocess.run(
            [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
        )
        ours = [line for line in judged.stderr.splitlines() if "pawl.service" in line]
        same((judged.returncode, ours), (0, []), "what systemd-analyze says")


@test
def it_takes_up_its_config_anew():
    """Tokens, the log and what is told; what it can not take up is named; a config with an
    error is refused as a whole."""
    with Desk(["env:A_NODE"]) as desk, Manager(desk) as manager:
        desk.env["A_NODE"] = "http://user:hunter2@127.0.0.1:1"
        secret, config = desk.folder / "token", desk.folder / "pawl.yaml"
        secret.touch(0o600)
        secret.write_text(TOKEN)
        child, port = serve(desk, f"tokens: {{ops: 'file:{secret}'}}")
        manager.hears("READY=1")
        other = TOKEN[::-1]

        def reload(text=None):
            before = len(child.paths[1].read_text())
            if text:
                config.write_text(text)
            child.send_signal(signal.SIGHUP)
            check("MONOTONIC_USEC=" in manager.hears("RELOADING=1"), "since when")
            manager.hears("READY=1")
            return child.paths[1].read_text()[before:]

        def codes(*tokens):
            return [ask(port, "GET", "/v1/endpoints", token=t)[0] for t in tokens]

        same(codes(TOKEN, other), [200, 401], "before")
        secret.write_text(other)
        within("0 keys were taken up", reload(), "a secret alone")
        same(codes(TOKEN, other), [401, 200], "a token that was turned")
        text = config.read_text()
        told = reload(text.replace("poll_ms: 50", "poll_mss: 50").replace("ops", "root"))
        within(("poll_mss", "refused"), told, "a key that is none")
        told = reload(text.replace("{ops:", "{new: env:NO_SUCH, ops:"))
        within(("NO_SUCH", "refused"), told, "a token that nobody has")
        told = reload(text + "log: {level: warn, file: no/such/folder}\n")
        within(("no/such/folder", "refused"), told, "a log that can not be opened")
        same(codes(TOKEN, other), [401, 200], "after what was refused")
        more = "tell: {stuck_after: 5m}\nlog: {level: debug}\n" \
            "track: {expire_after: 1d, milestones: [50]}\n"
        changed = text.replace("poll_ms: 50", "poll_ms: 70").replace("pawl.db", "other.db")
        told = reload(changed + more)
        within(
            ("tell.stuck_after: taken up", "log.level: taken up", "track.expire_after: taken up",
             "track.milestones: taken up", "4 keys were taken up, 2 left"),
            told, "what it took up",
        )
        check("hunter2" not in told, "a secret of a URL")
        third = "  third: {source: env:THIRD_KEY}\n  till:"
        more_keys = reload(text.replace("  till:", third) + more)
        within("keys.third.source: it changed", more_keys, "a key more")
        check("password" not in more_keys, f"what nobody named: {more_keys}")
        for key in ("chains.local.poll_ms", "journal"):
            within(f"{key}: it changed, and stays", told, "what it did not")
        same(codes(TOKEN, other), [401, 200], "it goes on")
        paced = text.replace("[env:A_NODE]", "[{url: env:A_NODE, rate: 5}]")
        within("endpoints.1.rate: taken up", reload(paced + more), "a pace")
        told = reload(paced.replace("env:A_NODE", "http://127.0.0.1:2") + more)
        within("endpoints.1.url: it changed, and stays", told, "another node")
        stop(desk, child)
        config.write_text(text.replace("{ops:", "{new: env:NO_SUCH, ops:"))
        ended = desk.expect(1, "serve")
        within("NO_SUCH", ended.err, "why it does not start")
        check("HTTP on" not in ended.err, "it said that it can be asked")


class Prometheus:
    """A real one on a free port, which scrapes a daemon and goes by our rules, as they are."""

    CONFIG = """
global: {{scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}}
rule_files: [{rules}]
scrape_configs:
  - job_name: pawl
    authorization: {{credentials: {token}}}
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""

    def __init__(self, folder, port):
        binary = shutil.which("prometheus")
        check(binary, "prometheus, of the Debian package of that name, is missing")
        config, self.log = folder / "prometheus.yml", folder / "prometheus.log"
        rules = ROOT / "ops/prometheus/pawl.rules.yml"
        config.write_text(self.CONFIG.format(rules=rules, token=TOKEN, port=port))
        words = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'series'}"]
        words += ["--web.listen-address=127.0.0.1:0", "--log.format=json"]
        with open(self.log, "wb") as log:
            self.child = spawn([binary, *words], stdout=log, stderr=log)
        self.port = int(wait_until(self.told_port, 30, "Prometheus listens"))
        wait_until(lambda: self.get("/-/ready")[0] == 200, 30, "Prometheus is ready")

    def told_port(self):
        found = re.search(r'"address":"127.0.0.1:([1-9]\d*)"', self.log.read_text())
        return found and found[1]

    def get(self, path):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(link):
            link.request("GET", path)
            answer = link.getresponse()
            return answer.status, answer.read()

    def ask(self, path):
        return json.loads(self.get(path)[1])["data"]

    def value(self, query):
        """Of the only series; None: there is none."""
        found = self.ask("/api/v1/query?query=" + urllib.parse.quote(query))["result"]
        return float(found[0]["value"][1]) if found else None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        end(self.child)


@test
def prometheus_wakes_somebody():
    """It scrapes a daemon, and the alert for a stuck operation fires, also when the daemon was
    begun anew meanwhile; tell.stuck_after is a second."""
    with Receiver() as hall, desk_of(4, max_in_flight=2) as (anvil, desk):
        ears(desk)
        hall.scripts["/gone"] = lambda n: 410
        desk.env["PAWL_TELL__STUCK_AFTER"] = "1s"
        anvil.interval(0)
        run = desk.start(*desk.airdrop("list.csv", "--notify", hall.url("/gone")))
        wait_until(lambda: in_pool(anvil) >= 2, 30, "payments that no block takes")
        end(run)
        child, port = serve(desk)
        with Prometheus(desk.folder, port) as prometheus:
            firing = 'ALERTS{alertname="PawlOperationStuck",alertstate="firing"}'
            wait_until(lambda: prometheus.value(firing), 40, "the alert")
            same(prometheus.value('up{job="pawl"}'), 1, "what it scrapes")
            same(prometheus.value("pawl_operations_stuck"), 1, "what is stuck")
            check(prometheus.value("pawl_distribution_still_seconds") > 0, "it stands")
            check(prometheus.value("pawl_account_need") > 0, "what the next hour takes")
            same(prometheus.value("sum(pawl_messages_due)"), 0, "what is due")
            (group,) = prometheus.ask("/api/v1/rules")["groups"]
            bad = [r["name"] for r in group["rules"] if r["health"] != "ok"]
            same(bad, [], "rules that can not be evaluated")
            same(
                prometheus.value('ALERTS{alertname="PawlAbsent",alertstate="firing"}'),
                None, "an alert about nothing",
            )
        wait_until(lambda: hall.asked["/gone"], 10, "a message that nobody wants")
        wait_until(
            lambda: json.loads(ask(port)[1])["components"]["deliveries"]["suspended"],
            10, "a suspension",
        )
        told = json.loads(ask(port)[1])
        same((told["status"], told["components"]["operations"]["stuck"]), ("degraded", 1), "it")
        found = agree(ask(port, "GET", "/metrics")[1], json.dumps(told))
        same(found, {"PawlOperationStuck", "PawlSubscriberSuspended"}, "what fires in the end")
        anvil.interval(0.2)
        desk.expect(0, *desk.airdrop())
        exact(anvil, desk)
        stop(desk, child)


class Slow:
    """Sends are forwarded, and answered only when let go."""

    def __init__(self, proxy):
        self.go = threading.Event()
        proxy.fault = self

    def __call__(self, methods):
        if SEND in methods:
            self.go.wait(20)


@test
def a_stop_waits_for_what_is_out():
    """Outcomes of sends are awaited, streams end with a word, nobody new is let in; a second
    signal ends the waiting."""
    with desk_behind(1, 40, max_in_flight=40) as (anvil, (proxy,), desk):
        slow = Slow(proxy)
        child, port = serve(desk)
        run = desk.start(*desk.airdrop())
        wait_until(lambda: proxy.outstanding, 30, "sends that are out")
        stream = dial(port, "GET", "/v1/operations/list/events").getresponse()
        feed = dial(port, "GET", "/v1/events?after=0").getresponse()
        feed.read1(64)
        child.send_signal(signal.SIGTERM)
        for told in (stream.read().decode(), feed.read().decode()):
            within(("event: stopping", '"STOPPED"'), told, "the last word of a stream")
        refused = 0
        with contextlib.suppress(OSError):
            ask(port)
            refused = -1
        same((refused, child.poll()), (0, None), "who comes now, and who still waits")
        slow.go.set()
        ended = desk.ended(child, 9)
        same(ended.code, 0, "exit of what waited")
        check("no answer yet" not in ended.err, ended.err[-300:])
        same(desk.ended(run, 60).code, 0, "who followed went on with it")
        exact(anvil, desk)
        slow.go.clear()
        desk.write_list("more.csv", [("0x" + "11" * 20, 1000)])
        child, port = serve(desk)
        desk.start(*desk.airdrop("more.csv"))
        wait_until(lambda: proxy.outstanding, 30, "one more that is out")
        child.send_signal(signal.SIGTERM)
        wait_until(lambda: not (desk.folder / "pawl.db.sock").exists(), 10, "the drain")
        child.send_signal(signal.SIGTERM)
        ended = desk.ended(child, 5)
        same(ended.code, 0, "exit after a second signal")
        within("no answer yet to 1 transactions", ended.err, "what was left")
        slow.go.set()


if __name__ == "__main__":
    main()
