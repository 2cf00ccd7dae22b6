#!/usr/bin/env python3
"""The description of the HTTP API, OpenAPI 3.1, from the tables of src/serve.

usage: gen_openapi.py SRC VERSION OUT.c

SRC is the folder src. OUT.c holds the document as bytes, behind src/serve/request/openapi.h.
"""

import json
import pathlib
import re
import sys

from gen_docs import members_of, read_table, sentence

AMOUNT = r"^[0-9]+(\.[0-9]+)?$"
TYPES = {
    "text": {"type": "string"},
    "name": {"type": "string", "minLength": 1, "maxLength": 127},
    "word": {"type": "string", "pattern": "^[0-9a-fA-F]{8}$"},
    "coin": {"type": "string", "pattern": AMOUNT},
    "units": {"type": "string", "pattern": "^[0-9]+$"},
    "hash": {"type": "string", "pattern": "^0x[0-9a-fA-F]{64}$"},
    "address": {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"},
    "int": {"type": "integer"},
    "count": {"type": "integer", "minimum": 0},
    "id": {"type": "integer", "minimum": 1},
    "time": {"type": "integer", "minimum": 0},
    "flag": {"type": "boolean"},
    "any": {},
}
# What {name} is, by what stands before it in the path.
NAMES = {
    "operations": "the name of an operation, or its id",
    "endpoints": "CHAIN/HOST:PORT, with %2F for the slash",
    "chains": "the name of a chain in the configuration",
    "keys": "the name of a key in the configuration",
    "subscribers": "the number of a subscriber",
    "track": "the hash of a transaction",
}
BODIES = {"JSON": "application/json", "LIST": "application/json", "LINES": "application/x-ndjson"}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Done once for each key of a token; sent again, it is answered as before.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
REPLAYED = {
    "description": "It was done before: this is the answer of then, with the state of now.",
    "schema": {"type": "string", "enum": ["true"]},
}


def states(src, machine):
    rows = read_table(src / "engine" / "states.def")
    return [
        row[1].lower() for row in rows if row.macro == "STATE" and row[0] == machine.upper()
    ]


class Document:
    """What is written, and the tables that it comes from."""

    def __init__(self, src, version):
        self.members = read_table(src / "serve" / "request" / "members.def")
        self.routes = read_table(src / "serve" / "request" / "routes.def")
        self.vitals = read_table(src / "serve" / "vital" / "vitals.def")
        self.types = dict(TYPES)
        for machine in ("operation", "item", "attempt", "tracked"):
            self.types[f"{machine}-state"] = {"type": "string", "enum": states(src, machine)}
        errors = [row[0] for row in read_table(src / "base" / "err.def") if row[0] != "OK"]
        self.errors = errors
        self.version = version

    def schema(self, name, text=""):
        """Of a type of the tables."""
        if name.endswith("?"):
            inner = self.schema(name[:-1])
            either = [inner, {"type": "null"}]
            got = {"anyOf": either} if "type" not in inner else inner | {"type": [inner["type"], "null"]}
        elif name.endswith("[]"):
            got = {"type": "array", "items": self.schema(name[:-2])}
        elif name in self.types:
            got = dict(self.types[name])
        else:
            got = {"$ref": f"#/components/schemas/{name}"}
        return got | {"description": text} if text else got

    def object(self, rows, must, closed=False):
        """must: when a member is there always."""
        got = {"type": "object"}
        for row in rows:
            if row[1] == "*":
                return got | {"additionalProperties": self.schema(row[3], row[4])}
        got["properties"] = {row[1]: self.schema(row[3], row[4]) for row in rows}
        needed = [row[1] for row in rows if row[2] == must]
        if needed:
            got["required"] = needed
        if closed:
            got["additionalProperties"] = False
        return got

    def things(self):
        names = dict.fromkeys(row[0] for row in self.members if row.macro == "OF")
        return {name: self.thing(name) for name in names}

    def thing(self, name):
        rows = members_of(self.members, "OF", name)
        return self.object(rows, "NEEDED" if any(r[2] == "NEEDED" for r in rows) else "ALWAYS")

    def parameters(self, route):
        got = []
        if "{name}" in route[2]:
            got.append({
                "name": "name",
                "in": "path",
                "required": True,
                "description": NAMES[route[2].split("/")[2]],
                "schema": self.schema("name"),
            })
        for row in members_of(self.members, "ASK", route[0], "QUERY"):
            got.append({
                "name": row[1], "in": "query", "description": row[4], "schema": self.schema(row[3]),
            })
        if route[0] == "FEED":
            got.append({
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The id of the last event that was heard.",
                "schema": {"type": "string", "pattern": "^[0-9]+$"},
            })
        if route[1] == "POST":
            got.append({"$ref": "#/components/parameters/IdempotencyKey"})
        return got

    def body(self, route):
        rows = members_of(self.members, "ASK", route[0], "BODY", "NEEDED")
        schema = self.object(rows, "NEEDED", closed=True)
        if route[3] == "LINES":
            text = "An object a line, each with an end: " + json.dumps(schema)
            schema = {"type": "string", "description": text}
        return {
            "required": any(row[2] == "NEEDED" for row in rows),
            "content": {BODIES[route[3]]: {"schema": schema}},
        }

    def answers(self, route):
        given = members_of(self.members, "GIVE", route[0])
        schema = self.object(given, "ALWAYS")
        if route[4] == "STREAM":
            text = "Server-sent events; the data of each is JSON"
            text += f": {json.dumps(schema)}" if given else "."
            content = {"text/event-stream": {"schema": {"type": "string", "description": text}}}
        else:
            content = {"application/json": {"schema": schema}}
        done = {"description": "It is so, and durable.", "content": content}
        if route[1] == "POST":
            done["headers"] = {"Idempotency-Replayed": {"$ref": "#/components/headers/Replayed"}}
        if route[4] == "MADE":
            return {"200": done, "201": done, "default": {"$ref": "#/components/responses/Refused"}}
        return {"200": done, "default": {"$ref": "#/components/responses/Refused"}}

    def route(self, route):
        got = {
            "operationId": route[0].lower(),
            "summary": sentence(route[5].split(";")[0].split(":")[0])[:-1],
            "description": sentence(route[5]),
            "parameters": self.parameters(route),
            "responses": self.answers(route),
        }
        if route[3] in BODIES:
            got["requestBody"] = self.body(route)
        return got

    def vital(self, vital):
        given = members_of(self.members, "GIVE", vital[0])
        content = {"application/json": {"schema": self.object(given, "ALWAYS")}}
        if vital[0] == "METRICS":
            content = {"text/plain": {"schema": {"type": "string"}}}
        answer = {"description": sentence(re.sub(r"[\[\]`]|\(.*?\)", "", vital[4])), "content": content}
        got = {
            "operationId": vital[0].lower(),
            "summary": sentence(vital[3])[:-1],
            "responses": {"200": answer},
        }
        if vital[2] == "OPEN":
            got["security"] = []
            got["responses"]["503"] = answer
        got["responses"]["default"] = {"$ref": "#/components/responses/Refused"}
        return got

    def paths(self):
        got = {}
        for route in self.routes:
            got.setdefault(route[2], {})[route[1].lower()] = self.route(route)
        for vital in self.vitals:
            got.setdefault(vital[1], {})["get"] = self.vital(vital)
        return got

    def components(self):
        refused = {
            "type": "object",
            "properties": {
                "error": {"type": "string", "description": "a sentence"},
                "name": {"type": "string", "enum": self.errors},
                "exit": {"type": "integer", "description": "of the command that asks it"},
            },
            "required": ["error", "name", "exit"],
        }
        return {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "parameters": {"IdempotencyKey": KEY},
            "headers": {"Replayed": REPLAYED},
            "responses": {
                "Refused": {
                    "description": "Nothing was changed.",
                    "content": {"application/json": {
                        "schema": {"$ref": "#/components/schemas/Refusal"},
                    }},
                },
            },
            "schemas": self.things() | {"Refusal": refused},
        }

    def whole(self):
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Pawl",
                "version": self.version,
                "description": "What the owner of a journal answers, over TCP and on its socket.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "security": [{"token": []}],
            "paths": self.paths(),
            "components": self.components(),
        }


def main():
    src, version, out = sys.argv[1:]
    document = Document(pathlib.Path(src), version).whole()
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True) + "\n"
    numbers = ",".join(map(str, text.encode()))
    with open(out, "w", encoding="utf-8") as file:
        file.write('#include "serve/request/openapi.h"\n\n')
        file.write(f"const size_t openapi_len = {len(text)};\n")
        file.write(f"const char openapi_text[] = {{{numbers},0}};\n")


if __name__ == "__main__":
    main()
