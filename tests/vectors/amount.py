#!/usr/bin/env python3
"""Writes amount.def: 256-bit arithmetic and decimal text as Python's integers have it."""
import random

random.seed(256)
TOP = 2**256
EDGES = [0, 1, 9, 10, 2**64 - 1, 2**64, 10**18, 2**128 - 1, 2**128, 2**192 - 1, 2**192,
         2**255, TOP - 2, TOP - 1]


def number():
    if random.random() < 0.3:
        return random.choice(EDGES)
    return random.getrandbits(random.choice([8, 64, 65, 128, 200, 256]))


def word():
    return random.choice([1, 2, 3, 10, 10**9, 10**18, 10**19, 2**63, 2**64 - 1,
                          random.getrandbits(random.randrange(1, 65)) | 1])


def decimal(v, places):
    whole, rest = divmod(v, 10**places)
    tail = str(rest).zfill(places).rstrip("0") if rest else ""
    return f"{whole}.{tail}" if tail else str(whole)


def text(v):
    return f'"{v:#x}"' if 0 <= v < TOP else "NULL"


print("""/* Made by amount.py from Python's integers. NULL: it does not fit.
 * ROW(a, b, a + b, a - b, word, a * word, a / word, a % word, decimals, a as text) */""")
for i in range(120):
    a, b, w = number(), number(), word()
    if i % 3 == 0:
        a %= 2**random.choice([64, 128, 192])
    d = random.choice([0, 1, 6, 8, 9, 18, 18, 19, 38, 77, 78, 79, 255])
    print(f'ROW({text(a)}, {text(b)}, {text(a + b)}, {text(a - b)}, {w}u, {text(a * w)}, '
          f'{text(a // w)}, {a % w}u, {d}, "{decimal(a, d)}")')
