"""A node that misbehaves: an HTTP proxy in front of one that doesn't.

A `Proxy` forwards each request to its upstream. Its `fault` is asked before, with the
methods of the calls in the request, and names what shall go wrong this time, or None:

  504      forwarded, and answered as a gateway does that lost patience
  reset    forwarded, then the connection is reset
  hang     forwarded, and never answered
  drop     the connection is closed, nothing was forwarded
  429      not forwarded: too many requests, Retry-After
  503      not forwarded

With `lag` set it shows the chain as it was that many blocks ago, with `frozen` as it was
at that height for ever; `alter` may change the result of a call, and `upstream` may become
another node's port at any time. It counts all calls by their method, and those of
eth_sendRawTransaction that came in and were not answered: `holding()` stops the answers,
so that the count is true for as long as it takes to look at it and to kill somebody.
`heard` is told the calls of each request before anything else happens to it.
"""

import collections
import contextlib
import http.client
import http.server
import json
import random
import socket
import struct
import threading
import time

SEND = "eth_sendRawTransaction"
JSON_TYPE = {"Content-Type": "application/json"}
TAGS = ("latest", "pending")
IDLE_S = 2  # some nodes end a connection that rests for five seconds


class Faults:
    """Draws a fault for a request by chance: {fault: probability}, from a seed."""

    def __init__(self, seed, chances, only=None):
        self.random = random.Random(seed)
        self.chances = chances
        self.only = only
        self.seen = dict.fromkeys(chances, 0)
        self.lock = threading.Lock()

    def __call__(self, methods):
        if self.only and self.only not in methods:
            return None
        with self.lock:
            draw = self.random.random()
            for name, chance in self.chances.items():
                if draw < chance:
                    self.seen[name] += 1
                    return name
                draw -= chance
        return None


class Refusal(Exception):
    """What `alter` raises so that the call ends with an error of this text."""


class Limit:
    """So many requests a second, and 429 for what is more."""

    def __init__(self, rate):
        self.rate = rate
        self.tokens = float(rate)
        self.filled = time.monotonic()
        self.refused = 0
        self.lock = threading.Lock()

    def __call__(self, methods):
        with self.lock:
            now = time.monotonic()
            self.tokens = min(self.rate, self.tokens + (now - self.filled) * self.rate)
            self.filled = now
            if self.tokens >= 1:
                self.tokens -= 1
                return None
            self.refused += 1
            return "429"


def number(text):
    return int(text, 16)


class Past:
    """Rewrites calls and results, so that no block above `height` is to be seen."""

    def __init__(self, height):
        self.height = height

    def call(self, call):
        params = [hex(self.height) if p in TAGS else p for p in call.get("params") or []]
        if call.get("method") == "eth_feeHistory" and len(params) > 1:
            params[1] = hex(self.height)
        return {**call, "params": params}

    def result(self, method, result):
        if method == "eth_blockNumber":
            return hex(self.height)
        if isinstance(result, dict):
            height = result.get("number") or result.get("blockNumber")
            if height and number(height) > self.height:
                return None
        if isinstance(result, list) and result and isinstance(result[0], dict):
            height = result[0].get("blockNumber")
            if height and number(height) > self.height:
                return None
        return result


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    upstream = None
    fetched = 0.0
    sends = 0

    def log_message(self, *args):
        pass

    def finish(self):
        if self.upstream:
            self.upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self):
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        calls = json.loads(body)
        calls = calls if isinstance(calls, list) else [calls]
        methods = [call.get("method") for call in calls]
        self.sends = methods.count(SEND)
        with proxy.gate:
            if proxy.heard:
                proxy.heard(calls)
            proxy.requests += 1
            proxy.calls += len(methods)
            proxy.by_method.update(methods)
            proxy.outstanding += self.sends
            proxy.sends += self.sends
        try:
            self.serve(proxy, body, methods)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            with proxy.gate:
                proxy.outstanding -= self.sends

    def serve(self, proxy, body, methods):
        fault = proxy.fault(methods) if proxy.fault else None
        if fault == "drop":
            self.close_connection = True
        elif fault == "429":
            self.answer(429, b'{"error":"too many requests"}', {"Retry-After": "1"})
        elif fault == "503":
            self.answer(503, b"no upstream")
        else:
            answer = self.forward(proxy, body)
            if fault == "504":
                self.answer(504, b"<html>504 Gateway Time-out</html>")
            elif fault == "reset":
                self.reset()
            elif fault == "hang":
                proxy.closing.wait()
            else:
                proxy.closing.wait(proxy.delay_s)
                self.answer(200, answer, JSON_TYPE)

    def forward(self, proxy, body):
        past = Past(proxy.frozen) if proxy.frozen else None
        if proxy.lag:
            past = Past(max(0, proxy.head() - proxy.lag))
        if not past and not proxy.alter:
            return self.fetch(proxy, body)
        asked = json.loads(body)
        calls = asked if isinstance(asked, list) else [asked]
        wanted = [past.call(call) if past else call for call in calls]
        answers = json.loads(self.fetch(proxy, json.dumps(wanted).encode()))
        for answer in answers:
            call = next(c for c in calls if c["id"] == answer["id"])
            if past and "result" in answer:
                answer["result"] = past.result(call["method"], answer["result"])
            if proxy.alter and "result" in answer:
                self.altered(proxy, call, answer)
        whole = answers if isinstance(asked, list) else answers[0]
        return json.dumps(whole).encode()

    def altered(self, proxy, call, answer):
        try:
            answer["result"] = proxy.alter(call, answer["result"])
        except Refusal as refusal:
            del answer["result"]
            answer["error"] = {"code": -32000, "message": str(refusal)}

    def fetch(self, proxy, body):
        if self.upstream and (
            time.monotonic() > self.fetched + IDLE_S
            or self.upstream.port != proxy.upstream
        ):
            self.upstream.close()
            self.upstream = None
        self.fetched = time.monotonic()
        if not self.upstream:
            self.upstream = http.client.HTTPConnection("127.0.0.1", proxy.upstream)
        self.upstream.request("POST", "/", body, JSON_TYPE)
        return self.upstream.getresponse().read()

    def answer(self, status, body, headers=None):
        with self.server.proxy.gate:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
            self.server.proxy.outstanding -= self.sends
            self.sends = 0

    def reset(self):
        self.connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.close_connection = True
        self.connection.close()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # the client was killed, or we reset it: that is what we are here for

    def shutdown_request(self, request):
        with contextlib.suppress(OSError):
            super().shutdown_request(request)


class Proxy:
    """Listens on a free port from the constructor on, until close()."""

    def __init__(self, upstream, fault=None, delay_s=0.0):
        self.upstream = upstream
        self.fault = fault
        self.delay_s = delay_s
        self.lag = 0
        self.frozen = None
        self.alter = None
        self.heard = None
        self.requests = self.calls = self.sends = self.outstanding = 0
        self.by_method = collections.Counter()
        self.gate = threading.RLock()
        self.closing = threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.proxy = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(0.02,), daemon=True
        )
        self.thread.start()

    def head(self):
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        link = http.client.HTTPConnection("127.0.0.1", self.upstream)
        with contextlib.closing(link):
            link.request("POST", "/", json.dumps(body), JSON_TYPE)
            return number(json.loads(link.getresponse().read())["result"])

    @contextlib.contextmanager
    def holding(self):
        """While it lasts no answer leaves, and `outstanding` stands still or grows."""
        with self.gate:
            yield self

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
