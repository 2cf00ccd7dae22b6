"""A Bot API server that answers as Telegram's documentation says, and keeps its limits.

30 messages in any second, one in any second to a chat, 20 in any minute to a group: what
exceeds one is answered 429 with `retry_after`, and counted. `scripts` may spoil the answers
of a chat: a function of how often it was asked, that names what goes wrong, or None:

  reset    the message is taken, then the connection is reset
  hang     the message is taken, and never answered
  drop     the connection is closed, nothing was taken
  (code, description[, parameters])    that answer, nothing was taken

`says` puts an update in line for getUpdates, which polls as long as it is asked to. Not
Telegram itself: limits and descriptions are those that are documented or known of it.
"""

import collections
import http.server
import json
import socket
import struct
import threading
import time

TOKEN = "123456789:AAExampleExampleExample_-0123456789"
Message = collections.namedtuple("Message", "chat text at edits id")


class Telegram(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, token=TOKEN):
        super().__init__(("127.0.0.1", 0), Handler)
        self.token = token
        self.lock = threading.Condition()
        self.scripts = {}
        self.asked = collections.Counter()
        self.messages = []  # taken, in order
        self.exceeded = []  # (chat, which limit)
        self.wrong = []  # requests that the API would not understand
        self.updates = []
        self.confirmed = 0
        self.polls = 0
        self.polling = 0
        self.poll_answers = []  # what getUpdates says instead, in turn
        self.recent = collections.deque()
        self.of_chat = collections.defaultdict(collections.deque)
        self.next_id = 1
        self.closing = False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with self.lock:
            self.closing = True
            self.lock.notify_all()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Who sends is killed."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def texts(self, chat):
        with self.lock:
            return [m.text for m in self.messages if m.chat == chat]

    def says(self, chat, text, user=None, kind="private"):
        with self.lock:
            self.updates.append({
                "update_id": 700 + len(self.updates),
                "message": {
                    "message_id": 9000 + len(self.updates), "date": 1700000000,
                    "chat": {"id": chat, "type": kind},
                    "from": {"id": chat if user is None else user, "is_bot": False,
                             "first_name": "A"},
                    "text": text,
                },
            })
            self.lock.notify_all()

    # -- its limits ------------------------------------------------------------------

    def limit(self, chat, now):
        """What this message exceeds; the lock is held."""
        while self.recent and self.recent[0] <= now - 1:
            self.recent.popleft()
        mine = self.of_chat[chat]
        while mine and mine[0] <= now - 60:
            mine.popleft()
        if len(self.recent) >= 30:
            return "30 in a second", 1
        if mine and mine[-1] > now - 1:
            return "one in a second to a chat", 1
        if str(chat)[0] in "-@" and len(mine) >= 20:
            return "20 in a minute to a group", 60
        self.recent.append(now)
        mine.append(now)
        return None

    # -- its methods -----------------------------------------------------------------

    def message(self, method, body):
        now = time.monotonic()
        chat, text = body.get("chat_id"), body.get("text")
        units = len(text.encode("utf-16-le")) // 2 if isinstance(text, str) else 0
        with self.lock:
            if not chat or not 1 <= units <= 4096:
                self.wrong.append(body)
                return 400, "Bad Request: message text is empty", {}
            n = self.asked[chat]
            self.asked[chat] += 1
            exceeded = self.limit(chat, now)
            if exceeded:
                self.exceeded.append((chat, exceeded[0]))
                return (429, f"Too Many Requests: retry after {exceeded[1]}",
                        {"retry_after": exceeded[1]})
            how = self.scripts.get(chat, lambda n: None)(n)
            if how == "drop" or isinstance(how, tuple):
                return how
            edits = body.get("message_id")
            if method == "editMessageText":
                old = [m for m in self.messages if m.id == edits and m.chat == chat]
                if not old:
                    return 400, "Bad Request: message to edit not found", {}
                if old[-1].text == text:
                    return 400, ("Bad Request: message is not modified: specified new "
                                 "message content and reply markup are exactly the same"), {}
            number = edits or self.next_id
            self.next_id += 1
            self.messages.append(Message(chat, text, now, edits, number))
            self.lock.notify_all()
        return how or {"message_id": number, "chat": {"id": chat}, "text": text}

    def poll(self, body):
        until = time.monotonic() + body.get("timeout", 0)
        with self.lock:
            self.polls += 1
            if self.poll_answers:
                return self.poll_answers.pop(0)
            if self.polling:
                return 409, ("Conflict: terminated by other getUpdates request; make sure that "
                             "only one bot instance is running"), {}
            self.polling += 1
            offset = body.get("offset", 0)
            self.confirmed = max(self.confirmed, offset)

            def due():
                return [u for u in self.updates if u["update_id"] >= self.confirmed]

            while not due() and not self.closing and time.monotonic() < until:
                self.lock.wait(until - time.monotonic())
            self.polling -= 1
            return due()[: body.get("limit", 100)]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        """Nothing."""

    def reset(self):
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def do_POST(self):
        hall = self.server
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return
        lead, _, method = self.path[1:].partition("/")
        if lead != "bot" + hall.token:
            self.reply((401, "Unauthorized", {}))
            return
        body = json.loads(body)
        if method == "getUpdates":
            self.reply(hall.poll(body))
            return
        answer = hall.message(method, body)
        if answer == "hang":
            time.sleep(16)
        if answer in ("reset", "hang", "drop"):
            self.reset()
            return
        self.reply(answer)

    def reply(self, answer):
        status, said = 200, {"ok": True, "result": answer}
        if isinstance(answer, tuple):
            status, description, *parameters = answer
            said = {"ok": False, "error_code": status, "description": description}
            if parameters and parameters[0]:
                said["parameters"] = parameters[0]
        text = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
