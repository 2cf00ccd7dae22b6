#!/usr/bin/env python3
"""Snapshots read by a second implementation of grammar and root, which shares nothing.

usage: l2_differs.py PROBE VECTORS [SEED]

Makes blocks as the grammar has them and spoils some; what PROBE thinks of each must be
what is thought of it here. Where they differ the block is kept, and its name said.
"""

import hashlib
import pathlib
import random
import re
import subprocess
import sys
import tempfile

U64, U32, INT, BOOL, TEXT = "u64", "u32", "int", "bool", "text"
LISTS = (
    ("balance", "balances", (TEXT, U64)),
    ("escrow", "escrows", (TEXT, TEXT, U64, BOOL, U64)),
    ("pegin", "pegins", (TEXT, TEXT, U32, U64, TEXT, TEXT, INT, U64, U64, U64)),
    ("pegout", "pegouts", (TEXT, TEXT, TEXT, U64, U64, INT, TEXT, U64, U64)),
    ("task", "tasks", (TEXT, INT, INT, TEXT, U64, TEXT, TEXT)),
)
RANGES = {U64: (0, 2**64 - 1), U32: (0, 2**32 - 1), INT: (-2**31, 2**31 - 1), BOOL: (0, 1)}
QUOTED = rb'"(?:[^"\\\n]|\\["\\])*"'
NUMBER = rb"(?:0|-?[1-9][0-9]*)"
ANCHOR = re.compile(rb"anchor (?:none|(%s) (%s) (%s) (%s) (%s))" % (
    QUOTED, NUMBER, QUOTED, QUOTED, QUOTED), re.DOTALL)
LIMITS = (1023, 1024)  # of what a change may have
HOLDS, MALFORMED, ROOT, HASH, BOUND = 0, 1, 3, 4, 5


class Malformed(Exception):
    pass


def plain(quoted):
    return re.sub(rb"\\(.)", rb"\1", quoted[1:-1], flags=re.DOTALL)


def number(text, kind):
    low, high = RANGES[kind]
    if not low <= int(text) <= high:
        raise Malformed
    return int(text)


def record(line, tag, kinds):
    pattern = tag.encode() + b"".join(
        b" (" + (QUOTED if kind == TEXT else NUMBER) + b")" for kind in kinds)
    match = re.fullmatch(pattern, line, re.DOTALL)
    if not match:
        raise Malformed
    return [plain(value) if kind == TEXT else number(value, kind)
            for kind, value in zip(kinds, match.groups())]


def counted(line, tag):
    match = re.fullmatch(tag.encode() + rb" (0|[1-9][0-9]*)", line)
    if not match:
        raise Malformed
    return number(match[1], U64)


def judged(block):
    """(fault, root or None, texts with a colon)"""
    try:
        return understood(block)
    except Malformed:
        return MALFORMED, None, None


def understood(block):
    if block.endswith(b"END_SNAPSHOT"):
        block += b"\n"
    if not block.endswith(b"\n"):
        raise Malformed
    lines = iter(block[:-1].split(b"\n"))

    def line():
        try:
            return next(lines)
        except StopIteration:
            raise Malformed from None

    if line() != b"SNAPSHOT v1":
        raise Malformed
    counted(line(), "timestamp_ms")
    text, colons = [b"L2STATE|v1"], 0
    for tag, many, kinds in LISTS:
        n = counted(line(), many)
        rows = []
        for _ in range(n):
            rows.append(record(line(), tag, kinds))
        if len({row[0] for row in rows}) != len(rows):
            raise Malformed
        text.append(b"%s:%d" % (many.encode(), n))
        for row in sorted(rows, key=lambda row: row[0]):
            values = [v if isinstance(v, bytes) else b"%d" % v for v in row]
            colons += sum(b":" in v for v in values)
            text.append(b":".join([tag.encode()] + values))
    root = hashlib.sha256(b"\n".join(text) + b"\n").hexdigest()
    anchor = ANCHOR.fullmatch(line())
    if not anchor or line() != b"END_SNAPSHOT" or next(lines, None) is not None:
        raise Malformed
    if anchor[1] is None:
        return HOLDS, root, colons
    named, metadata, payload, digest = (plain(anchor[i]) for i in (1, 3, 4, 5))
    time = number(anchor[2], U64)
    fault = HOLDS
    if payload != b"%s:%d:%s" % (named, time, metadata):
        fault = BOUND
    if hashlib.sha256(payload).hexdigest().encode() != digest.lower():
        fault = HASH
    if named != root.encode():
        fault = ROOT
    return fault, root, colons


# -- blocks ---------------------------------------------------------------------------


def quoted(text):
    return b'"' + re.sub(rb'(["\\])', rb"\\\1", text) + b'"'


def any_text(luck):
    bits = [b'"', b"\\", b" ", "ä€🍋".encode(), b"\0", b"\xff", b"\r", b"\t", b"peer-",
            b"END_SNAPSHOT", b"SNAPSHOT v1"]
    if luck.random() < 0.02:
        bits.append(b":")
    n = luck.choice((0, 1, 3, 8, 30, 300, 3, 8, 30, *LIMITS))
    text = b"".join(luck.choice(bits) if luck.random() < 0.2
                    else bytes([luck.randrange(97, 123)]) for _ in range(n))
    return text[:n] if n in LIMITS else text


def any_number(luck, kind):
    low, high = RANGES[kind]
    return luck.choice((low, high, luck.randint(low, high), luck.randint(0, min(high, 99))))


def made(luck):
    lines = [b"SNAPSHOT v1", b"timestamp_ms %d" % any_number(luck, U64)]
    for tag, many, kinds in LISTS:
        n = luck.choice((0, 0, 1, 3, 60))
        lines.append(b"%s %d" % (many.encode(), n))
        for i in range(n):
            values = [any_text(luck) if kind == TEXT else any_number(luck, kind)
                      for kind in kinds]
            values[0] += b"%d" % i if luck.random() < 0.999 else b""
            lines.append(b" ".join([tag.encode()] + [
                quoted(v) if isinstance(v, bytes) else b"%d" % v for v in values]))
    block = b"\n".join(lines + [b"anchor none", b"END_SNAPSHOT", b""])
    root = judged(block)[1]
    if root and luck.random() < 0.7:
        metadata = any_text(luck)
        time = any_number(luck, U64)
        payload = b"%s:%d:%s" % (root.encode(), time, metadata)
        digest = hashlib.sha256(payload).hexdigest().encode()
        block = block.replace(b"\nanchor none\n", b"\nanchor %s %d %s %s %s\n" % (
            quoted(root.encode()), time, quoted(metadata), quoted(payload), quoted(digest)))
    return block


def spoilt(luck, block):
    block = bytearray(block)
    for _ in range(luck.choice((1, 1, 1, 2, 5))):
        at = luck.randrange(len(block))
        how = luck.randrange(6)
        if how == 0:
            block[at] = luck.randrange(256)
        elif how == 1:
            del block[at:at + luck.choice((1, 1, 2, 40))]
        elif how == 2:
            block[at:at] = luck.choice((b"0", b" ", b"\n", b'"', b"\\", b"-", b"9" * 20, b"\r"))
        elif how == 3:
            lines = bytes(block).split(b"\n")
            lines.insert(luck.randrange(len(lines)), luck.choice(lines))
            block = bytearray(b"\n".join(lines))
        elif how == 4:
            lines = bytes(block).split(b"\n")
            del lines[luck.randrange(len(lines))]
            block = bytearray(b"\n".join(lines))
        else:
            digits = [i for i, c in enumerate(block) if 48 <= c < 58]
            if digits:
                block[luck.choice(digits)] = luck.randrange(48, 58)
        if not block:
            break
    return bytes(block)


def main():
    probe, vectors = sys.argv[1:3]
    luck = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    blocks = [path.read_bytes() for path in sorted(pathlib.Path(vectors).glob("*.dat"))]
    for _ in range(60):
        block = made(luck)
        blocks.append(block)
        blocks.extend(spoilt(luck, block) for _ in range(8))
    ok = blocks[2]
    blocks.extend(spoilt(luck, ok) for _ in range(600))
    print("1..1")
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for i, block in enumerate(blocks):
            names.append(f"{folder}/{i}")
            pathlib.Path(names[-1]).write_bytes(block)
        said = subprocess.run([probe], input="\n".join(names) + "\n", check=True,
                              capture_output=True, text=True).stdout.split("\n")
    held = differ = 0
    for block, line in zip(blocks, said):
        fault, root, colons = line.split()
        fault = int(fault)
        here, root_here, colons_here = judged(block)
        same = fault == here if MALFORMED in (fault, here) else (
            (fault, root, int(colons)) == (here, root_here, colons_here))
        held += same and here == HOLDS
        if not same:
            differ += 1
            kept = pathlib.Path(tempfile.mkstemp(prefix="l2-differs-")[1])
            kept.write_bytes(block)
            print(f"# {kept}: {line}, and here {here} {root_here} {colons_here}")
    if not 50 < held < len(blocks) / 2:
        print(f"# {held} of {len(blocks)} hold: the blocks are of one sort")
        differ += 1
    print(f"{'not ' if differ else ''}ok 1 - two readers think the same of {len(blocks)} "
          f"snapshots, of which {held} hold")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
