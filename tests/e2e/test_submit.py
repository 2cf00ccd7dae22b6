#!/usr/bin/env python3
"""Airdrops that a program asks for over HTTP, in one request each."""

import json

from api import Api
from harness import (
    PAYER, check, deploy, desk_of, end, exact, exactly_once, main, paid, recipients, same, stop,
    test, wait_until, whole, within,
)


def asked(name, rows, decimals=18, **more):
    rows = [{"to": to, "amount": whole(amount, decimals)} for to, amount in rows]
    return {"name": name, "chain": "local", "key": "payer", "rows": rows, **more}


def post(api, body, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    status, headers, text = api.ask("POST", "/v1/operations", json.dumps(body), **headers)
    return status, headers, json.loads(text)


def completed(api, name):
    def is_so():
        return json.loads(api.ask("GET", f"/v1/operations/{name}")[2])["state"] == "completed"

    wait_until(is_so, 30, f"the end of {name}")


@test
def a_list_is_one_request():
    with desk_of(20) as (anvil, desk):
        api = Api(desk)
        body = asked("list", desk.rows, max_total_fee="1.50")
        status, headers, told = post(api, body, "one")
        same((status, told["rows"], told["imported"]), (201, 20, 20), f"{told}")
        same(headers["Idempotency-Replayed"], None, "replayed")
        body["max_total_fee"] = "1.5"
        status, headers, again = post(api, body, "one")
        same((status, again["id"], headers["Idempotency-Replayed"]), (201, told["id"], "true"), "replayed")
        completed(api, "list")
        exact(anvil, desk)
        same(post(api, body, "one")[2]["state"], "completed", "the state of now")
        same(post(api, body)[0], 200, "it is there")
        body["rows"][3]["amount"] = "9"
        status, _, told = post(api, body, "one")
        same(status, 409, f"{told}")
        within("`rows`", told["error"], "what differs")
        status, _, told = post(api, body)
        same(status, 409, f"{told}")
        within("another plan", told["error"], "the same name")
        desk.verify("list")
        stop(desk, api.child)


@test
def what_run_refuses_is_refused():
    with desk_of(3) as (anvil, desk):
        api = Api(desk)
        rows = desk.rows
        token = deploy(anvil, "Plain", PAYER)

        def refused(status, words, **more):
            body = asked("other", rows) | more
            got, _, told = post(api, {k: v for k, v in body.items() if v is not None}, "refused")
            same(got, status, f"{more}: {told}")
            within(words, told["error"], f"{more}")

        same(post(api, asked("list", rows))[0], 201, "the first")
        completed(api, "list")
        refused(409, ("list", "again"))
        refused(409, "1 of 2 rows equal rows", rows=asked("x", [rows[0], (rows[1][0], 7)])["rows"])
        refused(400, "paid on line 1 already", rows=asked("x", [(rows[0][0], 7)] * 2)["rows"])
        refused(400, "the sender itself", rows=asked("x", [(PAYER, 7)])["rows"])
        refused(400, ("rows:2:", "more decimals"), rows=asked("x", [(rows[0][0], 7)])["rows"] + [{"to": rows[1][0], "amount": "0." + 19 * "1"}])
        refused(400, "is not an address", rows=[{"to": "0x12", "amount": "1"}])
        refused(400, "all text", rows=[{"to": rows[0][0], "amount": 1}])
        refused(400, "rows", rows=[])
        refused(400, "is missing", key=None)
        refused(400, "nokey", key="nokey")
        refused(400, "nochain", chain="nochain")
        refused(400, "no member", file="/etc/passwd")
        refused(400, "digits or dots alone", name="17")
        refused(400, "dots alone", name="..")
        refused(400, "max_total_fee", max_total_fee="0.000000000000000001", again=True)
        refused(400, "no contract", token=rows[0][0])
        refused(400, "CHANNEL", notify=["pigeon:roof"], again=True)
        same(anvil.rpc.count(PAYER), 3, "payments")
        same(post(api, asked("other", rows, again=True), "refused")[0], 201, "the key was free")
        completed(api, "other")
        # A token, whose decimals the nodes say; a fee behind it; and what it pays already.
        status, _, told = post(api, asked("token", rows, 18, token=token, again=True))
        same(status, 201, f"{told}")
        completed(api, "token")
        shown = json.loads(api.ask("GET", "/v1/operations/token")[2])
        same((shown["token"].lower(), shown["final"]), (token.lower(), 3), "the token")
        within("this very plan", post(api, asked("x", rows, token=token))[2]["error"], "its plan")
        stop(desk, api.child)


@test
def each_is_paid_once_through_kills():
    """A program that is told nothing sends again, with its key, until it is told."""
    with desk_of(1, max_in_flight=20) as (anvil, desk):
        lists = [recipients(4, f"list {n}") for n in range(6)]
        api = Api(desk)
        told = {}
        for number, rows in enumerate(lists):
            body = asked(f"list-{number}", rows)
            first = post(api, body, f"key {number}".replace(" ", "-"))
            same(first[0], 201, f"{first}")
            end(api.child)
            api = Api(desk)
            status, headers, again = post(api, body, f"key {number}".replace(" ", "-"))
            same((status, headers["Idempotency-Replayed"]), (201, "true"), "replayed")
            same(again["id"], first[2]["id"], "the same operation")
            told[number] = again["id"]
        paid(anvil, 24)
        for number in told:
            completed(api, f"list-{number}")
        everybody = [row for rows in lists for row in rows]
        same(exactly_once(anvil.rpc, PAYER, None, everybody), 24, "payments")
        check(len(set(told.values())) == 6, f"{told}")
        stop(desk, api.child)


if __name__ == "__main__":
    main()
