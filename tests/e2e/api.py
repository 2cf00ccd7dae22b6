"""The HTTP API of a daemon, for those who test it."""

import contextlib
import http.client
import json

from harness import same, wait_until

TOKEN = "1f0c5fd3a1e94f0ab8f7c6d5e4c3b2a1"


class Api:
    """A daemon that listens on a free port, and who asks it with a token."""

    def __init__(self, desk, serve="tokens: {ops: env:OPS_TOKEN}", at="127.0.0.1:0"):
        self.desk = desk
        config = desk.folder / "pawl.yaml"
        text = config.read_text().partition("journal:")
        config.write_text(f"serve: {{{serve}}}\n" + "".join(text[1:]))
        desk.env.update(OPS_TOKEN=TOKEN, PAWL_SERVE__LISTEN=at)
        self.child = desk.start("serve")
        line = wait_until(self.told, 20, "the port that it got")
        self.host, _, port = line.rpartition(":")
        self.port = int(port)

    def said(self):
        return self.child.paths[1].read_text()

    def told(self):
        _, found, rest = self.said().partition("HTTP on ")
        return rest.split("\n")[0] if found and "\n" in rest else None

    def ask(self, method, path, body=None, token=TOKEN, **headers):
        """(status, headers, body)"""
        link = http.client.HTTPConnection(self.host.strip("[]"), self.port, timeout=30)
        with contextlib.closing(link):
            if token:
                headers["Authorization"] = f"Bearer {token}"
            link.request(method, path, body, headers)
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def follow(self, path="/v1/events", last=None):
        """Events of a stream, as (id, data), until it breaks off."""
        link = http.client.HTTPConnection(self.host.strip("[]"), self.port, timeout=30)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        with contextlib.closing(link), contextlib.suppress(OSError, http.client.HTTPException):
            link.request("GET", path, None, headers)
            answer = link.getresponse()
            same(answer.headers["Content-Type"], "text/event-stream", f"{answer.status} {path}")
            number = None
            while line := answer.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "id":
                    number = int(value)
                elif name == "data":
                    yield number, json.loads(value)

    def refused(self, status, *words, **more):
        """The sentence of a refusal."""
        got, headers, body = self.ask(*words, **more)
        same(got, status, f"{words} {more}: {body}")
        return headers, json.loads(body)["error"]
