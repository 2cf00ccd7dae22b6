#!/usr/bin/env python3
"""Writes plan_hash.def: names of plans, from the layout in plan_hash.h and hashlib."""
import hashlib


def address(byte):
    return bytes([byte]) * 20


def plan(chain, token, decimals, fee, rows):
    h = b"pawl plan 1" + chain.to_bytes(8, "big") + bytes(range(32))
    h += bytes([token is not None]) + (address(token) if token is not None else bytes(20))
    h += bytes([decimals]) + address(0xAA)
    h += fee.to_bytes(32, "big") + (address(0xFE) if fee else bytes(20))
    for to, amount, memo in rows:
        h += address(to) + amount.to_bytes(32, "big") + bytes([memo is not None])
        h += len(memo or b"").to_bytes(4, "big") + (memo or b"")
    return hashlib.sha256(h + len(rows).to_bytes(8, "big")).hexdigest()


ROWS = [(0x11, 1, None), (0x22, 2**256 - 1, b"hello"), (0x33, 10**18, "gr\u00fc\u00df\n".encode())]

print("/* Written by plan_hash.py: PLAN(what, hash) */")
print(f'PLAN(NATIVE_EMPTY, "{plan(1, None, 18, 0, [])}")')
print(f'PLAN(NATIVE, "{plan(31337, None, 18, 0, ROWS)}")')
print(f'PLAN(TOKEN, "{plan(31337, 0x70, 6, 0, ROWS)}")')
print(f'PLAN(TOKEN_FEE, "{plan(2**64 - 1, 0x70, 6, 12345, ROWS[:2])}")')
