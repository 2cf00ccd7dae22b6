"""A Bitcoin node that knows heights and hashes: a fake, with the answers that Bitcoin Core documents."""

import base64
import hashlib
import http.server
import json
import threading


GENESIS = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"  # of regtest
MAINNET = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"  # its genesis


def block_hash(height, branch=""):
    if height == 0:
        return GENESIS
    return "00000000" + hashlib.sha256(f"{height}{branch}".encode()).hexdigest()[8:]


class Server:
    """Of JSON-RPC, on a free port, until it is left. login: user:password that it wants."""

    def __init__(self, answer, login=None):
        self.refused = refused = []  # requests without that
        wanted = "Basic " + base64.b64encode((login or "").encode()).decode()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if login and self.headers["Authorization"] != wanted:
                    refused.append(asked)
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="jsonrpc"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                told = [answer(q) for q in asked] if isinstance(asked, list) else answer(asked)
                body = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Bitcoind(Server):
    """One whose blocks are known by their heights; those above `fork` are of another branch."""

    def __init__(self, height, login=None, genesis=GENESIS, fork=None):
        super().__init__(self.answer, login)
        self.height = height
        self.fork = height if fork is None else fork
        self.genesis = genesis

    def hash(self, height):
        return block_hash(height, "b" if height > self.fork else "") if height else self.genesis

    def answer(self, asked):
        result, error = None, None
        if asked["method"] == "getblockcount":
            result = self.height
        elif asked["method"] != "getblockhash":
            error = {"code": -32601, "message": "Method not found"}
        elif not 0 <= asked["params"][0] <= self.height:
            error = {"code": -8, "message": "Block height out of range"}
        else:
            result = self.hash(asked["params"][0])
        return {"result": result, "error": error, "id": asked.get("id")}


def twice(raw):
    return hashlib.sha256(hashlib.sha256(raw).digest()).digest()


class Chain:
    """The answers of a node that can be followed: of its newest 64 blocks it has headers, which hash."""

    def __init__(self, height):
        self.height = height
        self.hashes, self.headers = {}, {}
        lowest = max(1, height - 63)
        parent = bytes.fromhex(block_hash(lowest - 1))[::-1]
        for at in range(lowest, height + 1):
            tx = hashlib.sha256(b"tx %d" % at).digest()
            raw = (1).to_bytes(4, "little") + parent + tx + at.to_bytes(12, "little")
            parent = twice(raw)
            self.hashes[at] = parent[::-1].hex()
            self.headers[self.hashes[at]] = (at, raw, tx[::-1].hex())

    def hash(self, height):
        return self.hashes.get(height) or block_hash(height)

    def result(self, method, params):
        if method == "getbestblockhash":
            return self.hash(self.height)
        if method == "getblockcount":
            return self.height
        if method == "getblockhash":
            return self.hash(params[0]) if 0 <= params[0] <= self.height else None
        if method in ("getblockheader", "getblock") and params[0] in self.headers:
            at, raw, tx = self.headers[params[0]]
            if params[1] in (False, 0):
                return raw.hex()
            return {"hash": params[0], "height": at, "tx": [tx],
                    "confirmations": self.height - at + 1}
        return None

    def answer(self, asked):
        result = self.result(asked["method"], asked.get("params", []))
        error = None if result is not None else {"code": -5, "message": "Block not found"}
        return {"result": result, "error": error, "id": asked.get("id")}
