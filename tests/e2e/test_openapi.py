#!/usr/bin/env python3
"""What /v1/openapi.json says of the HTTP API, judged by packages of others, and path by path
against the daemon; and the log of events, followed through its deaths."""

import contextlib
import json
import os
import pathlib
import subprocess
import threading

from api import Api
from harness import check, desk_of, end, exact, main, paid, same, stop, test, wait_until, within

HERE = pathlib.Path(__file__).resolve().parent
GONE = {"type": "object", "properties": {"no_such": {"$ref": "#/components/schemas/NoSuch"}}}


def faults(document, answers=()):
    """What the judge says, a line each."""
    peers = pathlib.Path(os.environ["PAWL_PEERS"])
    runtime = next((peers / "node_modules").glob("node-linux-*/bin/node"))
    judged = subprocess.run(
        [runtime, HERE / "openapi.mjs", peers],
        input=json.dumps({"document": document, "answers": list(answers)}),
        capture_output=True, text=True, check=False,
    )
    same((judged.returncode, judged.stderr), (0, ""), "the judge")
    return judged.stdout.splitlines()


def names_of(anvil):
    return {
        "operations": "list",
        "endpoints": f"local%2F127.0.0.1%3A{anvil.port}",
        "chains": "local",
        "keys": "payer",
        "subscribers": "1",
        "track": HASH,
    }


HASH = "0x" + "5e" * 32


# What is sent with a POST, where an empty object is not enough.
BODIES = {
    "/v1/operations/{name}/rows": '{"row":1}\n',
    "/v1/operations/{name}/repair": '{"row":1,"do":"skip"}',
    "/v1/endpoints/{name}/off": '{"yes":true}',
    "/v1/track": f'{{"hash":"{HASH}","chain":"local"}}\n',
    "/v1/node/changes": '{"do":"credit","peer":"a","amount":"1"}\n',
    "/v1/untrack": f'{{"hash":"{HASH}"}}\n',
    "/v1/tell": '{"text":"all is well"}',
}
REFUSED = {"/v1/operations/{name}/rows", "/v1/operations/{name}/repair", "/v1/operations", "/v1/handover",
           "/v1/operations/{name}/run", "/v1/operations/{name}/pause",
           "/v1/operations/{name}/cancel", "/v1/chains/{name}/resume",
           "/v1/subscribers/{name}/resume"}  # of a list that is paid


def answer_of(api, anvil, path, method):
    """As the judge takes it."""
    kind = path.split("/")[2] if "{name}" in path else None
    asked = path.replace("{name}", names_of(anvil).get(kind, ""))
    body = BODIES.get(path, "{}") if method == "post" else None
    status, headers, text = api.ask(method.upper(), asked, body)
    kind = headers["Content-Type"].partition(";")[0]
    if method == "get":
        same(status, 200, f"{asked}: {text}")
    elif status != 200:
        check(path in REFUSED, f"{asked}: {status} {text}")
        check("there is no path" not in text, f"{asked}: {text}")
    value = json.loads(text) if kind == "application/json" else text
    return {"path": path, "method": method, "status": status, "type": kind, "body": value}


def is_stream(told):
    return "text/event-stream" in told["responses"]["200"]["content"]


@test
def its_description_is_true():
    with desk_of(5) as (anvil, desk):
        api = Api(desk)
        desk.expect(0, *desk.airdrop())
        exact(anvil, desk)
        api.refused(401, "GET", "/v1/openapi.json", token=None)
        document = json.loads(api.ask("GET", "/v1/openapi.json")[2])
        answers = []
        for path, methods in document["paths"].items():
            for method, told in methods.items():
                if is_stream(told):
                    asked = path.replace("{name}", "list") + ("?after=0" if path == "/v1/events" else "")
                    number, data = next(api.follow(asked))
                    check(data and (number or path != "/v1/events"), f"{path}: {data}")
                else:
                    answers.append(answer_of(api, anvil, path, method))
        check(len(answers) > 20, f"{len(answers)} answers")
        same(faults(document, answers), [], "faults")
        (items,) = (a["body"] for a in answers if a["path"].endswith("/items"))
        check(all("hash" in item and item["attempt"] == "final" for item in items["items"]), f"{items}")
        # The judge can say no: of a document, of a reference, of an answer.
        (whole,) = (a for a in answers if a["path"] == "/v1/operations/{name}" and a["method"] == "get")
        wrong = {**whole, "body": {**whole["body"], "id": "1"}}
        within("/id must be integer", "".join(faults(document, [wrong])), "a wrong answer")
        within("info", "".join(faults({**document, "info": {}})), "no title")
        document["components"]["schemas"]["Gone"] = GONE
        within("NoSuch", "".join(faults(document)), "a reference to nothing")
        stop(desk, api.child)


class Follower(threading.Thread):
    """Follows the log as a browser does: when it breaks off, behind what was heard."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api = api
        self.heard = []
        self.ended = threading.Event()
        self.start()

    def run(self):
        while not self.ended.is_set():
            last = self.heard[-1][0] if self.heard else 0
            with contextlib.suppress(OSError):
                for event in self.api.follow(last=last):
                    self.heard.append(event)
                    if self.ended.is_set():
                        break
            self.ended.wait(0.05)

    def has(self, what, to):
        return any(data["what"] == what and data["to"] == to for _, data in self.heard)


@test
def the_log_is_heard_once_through_kills():
    with desk_of(60, max_in_flight=10) as (anvil, desk):
        api = Api(desk)
        follower = Follower(api)
        run = desk.start(*desk.airdrop())
        for count in (5, 25):
            paid(anvil, count)
            end(run)
            end(api.child)
            api = follower.api = Api(desk)
            run = desk.start(*desk.airdrop())
        same(desk.ended(run).code, 0, "exit of the run")
        wait_until(lambda: follower.has("operation", "completed"), 20, "the end in the log")
        follower.ended.set()
        exact(anvil, desk)
        ids = [number for number, _ in follower.heard]
        same(ids, list(range(1, len(ids) + 1)), "ids")
        final = [data["row"] for _, data in follower.heard if data["what"] == "item" and data["to"] == "final"]
        same(sorted(final), list(range(1, 61)), "rows that became final")
        stop(desk, api.child)


if __name__ == "__main__":
    main()
