"""Who hears: a server that checks each message's signature, by the snippet of docs/webhooks.md,
and answers as it is told to."""

import collections
import contextlib
import http.server
import json
import pathlib
import re
import socket
import struct
import threading
import time

SECRET = "0123456789abcdef0123456789abcdef"
PAGE = (pathlib.Path(__file__).parents[2] / "docs/webhooks.md").read_text()
SNIPPET = {}
exec(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1), SNIPPET)
verify = SNIPPET["verify"]

Arrival = collections.namedtuple("Arrival", "event type taken text body at")


class Receiver(http.server.ThreadingHTTPServer):
    """Answers each path as its script says: a function of how often it was asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts = {}
        self.heard = collections.defaultdict(list)
        self.asked = collections.Counter()
        self.bad = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Who sends is killed."""

    def url(self, path):
        return f"webhook:http://127.0.0.1:{self.server_address[1]}{path}"

    def types(self, path):
        return [a.type for a in self.heard[path] if a.taken]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        """Nothing."""

    def reset(self):
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def do_POST(self):
        hall, path = self.server, self.path.split("?")[0]
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return
        if not verify(SECRET.encode(), self.headers, body):
            hall.bad.append(body)
        if verify(SECRET.encode(), self.headers, body + b" "):
            hall.bad.append(b"any signature will do")
        event = json.loads(body)
        n = hall.asked[path]
        hall.asked[path] += 1
        how = hall.scripts.get(path, lambda n: 200)(n)
        taken = how in (200, 204, "reset", "hang")
        hall.heard[path].append(Arrival(event["event_id"], event["type"], taken,
                                        event.get("text"), event, time.monotonic()))
        if how == "hang":
            time.sleep(11)
        if how in ("reset", "hang"):
            self.reset()
            return
        self.send_response(how)
        if how == 429:
            self.send_header("Retry-After", "1")
        if how == 302:
            self.send_header("Location", "/elsewhere")
        body = b"x" * (20000 if path == "/slow" else 0)  # more than is read
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)


def ears(desk):
    """The desk signs, and may send to this machine."""
    desk.env["HOOK_SECRET"] = SECRET
    desk.env["PAWL_TELL__WEBHOOK__SECRET"] = "env:HOOK_SECRET"
    desk.env["PAWL_TELL__WEBHOOK__ALLOW_PRIVATE"] = "true"
