#!/usr/bin/env python3
"""Logs of snapshots that are damaged at random, and what a second opinion finds in them.

usage: l2_damages.py PROBE [--rounds N] [--blocks N] [--balances N] [--seed N]

Of text, of records plain and packed, and of both in one file. Known is which blocks were
written; what is left of them is found here by bytes alone, and a text that was changed is
read by l2_differs. PROBE must see the same blocks, choose the newest that holds, pass over
none of the newer ones in silence, and tell of every byte that is in no block that holds and
fills no sector. A log of which another thing was thought is kept, and its name said.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import l2_differs

HEADER, END = b"SNAPSHOT v1\n", re.compile(rb"\nEND_SNAPSHOT(?:\n|\Z|(?=SNAPSHOT v1\n))")
LINE = re.compile(rb"(?:\A|\n)(?:timestamp_ms |(?:balance|escrow|pegin|pegout|task)(?:s | \"))")
SECTOR, HEAD, FOOT = 4096, 160, 64
MAGIC, FOOT_MAGIC = b"\x89L2SNAP2", b"L2SNAP2\x89"
FILL = b" \n\0"
SHOWN = 10
DIFFER = "are thought of otherwise"

Block = collections.namedtuple("Block", "offset len root anchor stands record")


# -- what is written ------------------------------------------------------------------


def snapshot(number, balances, stands):
    """Text of a state with an anchor, in its sectors; and the hash of that anchor."""
    people = sorted((b"peer-%d" % i, number * 1000 + i) for i in range(balances))
    lines = [b"SNAPSHOT v1", b"timestamp_ms %d" % (1700000000000 + number),
             b"balances %d" % balances]
    lines += [b'balance "%s" %d' % one for one in people]
    lines += [b"escrows 0", b"pegins 0", b"pegouts %d" % bool(stands)]
    if stands:
        lines.append(b'pegout "out" "peer-1" "bc1q" 5000 4000 4 "%s" 1700000000 0' % stands)
    lines += [b"tasks 0", b"anchor none", b"END_SNAPSHOT", b""]
    root = l2_differs.judged(b"\n".join(lines))[1].encode()
    payload = b"%s:%d:m %d" % (root, 1700000000500 + number, number)
    anchor = hashlib.sha256(payload).hexdigest().encode()
    lines[-3] = b'anchor "%s" %d "m %d" "%s" "%s"' % (
        root, 1700000000500 + number, number, payload, anchor)
    text = b"\n".join(lines)
    fill = -len(text) % SECTOR
    return text + (b" " * (fill - 1) + b"\n" if fill else b""), anchor


def text_log(blocks, balances):
    anchors, text = [], []
    for i in range(blocks):
        stands = anchors[i // 2] if i % 3 == 2 else None
        one, anchor = snapshot(i, balances + i, stands)
        text.append(one)
        anchors.append(anchor)
    return b"".join(text)


class Probe:
    def __init__(self, program):
        self.pipe = subprocess.Popen([program], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.pipe.stdin.write(line + "\n")
        self.pipe.stdin.flush()
        return self.pipe.stdout.readline().strip()

    def end(self):
        self.pipe.stdin.close()
        assert not self.pipe.wait()


# -- what is known of it --------------------------------------------------------------


def canonical(block):
    """What the root and the anchor cover of a text, in any order."""
    return sorted(line for line in block.split(b"\n") if not line.startswith(b"timestamp_ms "))


class Known:
    """The blocks of a log as they were written."""

    def __init__(self, log):
        self.texts, self.records = {}, {}
        self.heads, self.feet, self.lines = {}, collections.defaultdict(set), []
        self.newest = None
        for at, end in text_blocks(log):
            block = log[at:end]
            fault, root, _ = l2_differs.judged(block)
            assert not fault, fault
            self.texts[block] = root
            self.lines.append(canonical(block))
        before = None
        at = log.find(MAGIC)
        while at >= 0:
            size = int.from_bytes(log[at + 16:at + 24], "little")
            size = -(-(HEAD + size + FOOT) // SECTOR) * SECTOR
            record = log[at:at + size]
            foot = record[-FOOT:]
            assert foot[48:56] == FOOT_MAGIC and int.from_bytes(foot[8:16], "little") == size
            assert foot[16:48] == hashlib.sha256(record[:-FOOT]).digest()
            self.heads[record[:HEAD]] = size
            self.feet[size].add(foot)
            # How far below it the one before it began, and the hash of that.
            self.records[record] = (before and at - before[0], record[56:88])
            before = (at, foot[16:48])
            at = log.find(MAGIC, at + size)


def text_blocks(log, low=0, high=None):
    """From header to end, of the text between two places."""
    high = len(log) if high is None else high
    at = log.find(HEADER, low, high)
    while at >= 0:
        following = log.find(HEADER, at + 1, high)
        end = END.search(log, at, high)
        # One that lacks its line feed is an end before a header, or where all ends.
        if end and (following < 0 or end.end() <= following):
            yield at, end.end()
        at = following


def is_whole(known, log, at, high):
    """Length of the record that begins there, by its two ends alone."""
    size = known.heads.get(log[at:at + HEAD])
    if size and at + size <= high and log[at + size - FOOT:at + size] in known.feet[size]:
        return size
    return 0


def record_blocks(known, log, low=0, high=None):
    high = len(log) if high is None else high
    at = log.find(MAGIC, low, high)
    while at >= 0:
        size = is_whole(known, log, at, high)
        if size:
            yield at, at + size
        at = log.find(MAGIC, at + (size or 1), high)


def text_root(known, block, luck):
    """Of a text that was changed, if it holds all the same."""
    root = known.texts.get(block if block.endswith(b"\n") else block + b"\n")
    if root:
        return root
    lines = canonical(block if block.endswith(b"\n") else block + b"\n")
    folded = [line.lower() for line in lines]
    like = any(len(lines) == len(one) and folded == [line.lower() for line in one]
               for one in known.lines)
    if not like and luck.random() > 0.02:
        return None
    fault, root, _ = l2_differs.judged(block)
    assert like or fault, "what no second reader takes"
    return root if not fault else None


def record_root(known, log, at, end):
    record = log[at:end]
    if record not in known.records:
        return None
    back, hash_before = known.records[record]
    if back and back <= at:
        size = is_whole(known, log, at - back, at)
        if size and log[at - back + size - FOOT + 16:at - back + size - FOOT + 48] != hash_before:
            return None
    return record[88:120].hex()


def text_anchor(block):
    found = re.search(rb'"([0-9a-f]{64})"\nEND_SNAPSHOT\n?\Z', block)
    return found and found[1].decode()


def places(known, log):
    """Where blocks are: those of the format that the file begins with; those of the other in
    what is in none of them; and between these what else the first one has."""
    text, record = log.find(HEADER), log.find(MAGIC)
    readers = [lambda a, b: list(text_blocks(log, a, b)),
               lambda a, b: unquoted(log, record_blocks(known, log, a, b), a)]
    if 0 <= record and not 0 <= text < record:
        readers.reverse()
    ret = readers[0](0, len(log))
    for low, high in between(ret, 0, len(log)):
        others = readers[1](low, high)
        if others:
            ret += others
            for gap in between(others, low, high):
                ret += readers[0](*gap)
    return sorted(ret)


def unquoted(log, records, low):
    """Those that are in no line of a text: behind one only where a line begins."""
    ret, behind = [], low
    for at, end in records:
        alone = not LINE.search(log[behind:at])
        if (alone or at == low or log[at - 1:at] == b"\n"
                or log[max(low, at - 13):at] == b"\nEND_SNAPSHOT"):
            ret.append((at, end))
            behind = end
    return ret


def between(blocks, low, high):
    at = [low, *(edge for block in blocks for edge in block), high]
    return [(a, b) for a, b in zip(at[::2], at[1::2]) if a < b]


def found_in(known, log, luck):
    """Each whole block, with its root where it holds."""
    ret, anchors = [], set()
    for at, end in places(known, log):
        record = log.startswith(MAGIC, at)
        block = log[at:end]
        root = (record_root(known, log, at, end) if record
                else text_root(known, block, luck))
        anchor = stands = None
        if root and record:
            anchor = block[120:152].hex()
            stands = known.stands.get(root)
        elif root:
            anchor = text_anchor(block)
            stands = known.stands.get(root)
        # An older anchor counts if its own block holds, whatever that one stands on.
        backed = not stands or stands in anchors
        if root and anchor:
            anchors.add(anchor)
        ret.append(Block(at, end - at, root if backed else None, anchor, stands, record))
    return ret


# -- damages --------------------------------------------------------------------------


def somewhere(luck, log, edges):
    """Any byte; every third time one near where a block begins or ends."""
    if edges and luck.random() < 0.33:
        return max(0, min(len(log) - 1, luck.choice(edges) + luck.randrange(-200, 200)))
    return luck.randrange(len(log))


def exchanged(luck, log, edges):
    """A piece from one edge to another stands where another one stood, or before it."""
    low, high, at = sorted(luck.sample(edges, 2)) + [luck.choice(edges)]
    gone = luck.choice((0, high - low))
    log[at:at + gone] = log[low:high]


def damaged(luck, log, edges):
    log = bytearray(log)
    for _ in range(luck.choice((1, 1, 1, 2, 5))):
        if luck.random() < 0.1:
            exchanged(luck, log, edges)
            continue
        log = log or bytearray(b"x")
        at = somewhere(luck, log, edges)
        run = 1 + luck.randrange(luck.choice((1, 60, 3000, max(1, len(log) // 4))))
        how = luck.randrange(9)
        if how == 0:
            del log[at:at + run]
        elif how == 1:
            log[at:at] = log[at:at + run]
        elif how == 2:
            to = somewhere(luck, log, edges)
            log[to:to + run] = log[at:at + run]
        elif how == 3:
            run = min(run, 500, len(log) - at)
            log[at:at + run] = luck.randbytes(run)
        elif how == 4:
            log[at] ^= 1 << luck.randrange(8)
        elif how == 5:
            log[at] = luck.randrange(256)
        elif how == 6:
            at -= at % 512
            run = min(len(log) - at, luck.choice((512, 4096, 16384)))
            log[at:at + run] = bytes(run)
        elif how == 7:
            del log[at:]
        else:
            to = somewhere(luck, log, edges)
            log[to:to] = log[at:at + run]
    return bytes(log or b"x")


# -- two opinions ---------------------------------------------------------------------


def is_fill(log, low, high):
    return not log[low:high].strip(FILL)


def untold(log, blocks):
    """Is there a byte that is in no block that holds, and fills no sector?"""
    at = 0
    for block in blocks:
        if not block.root or not is_fill(log, at, block.offset):
            return True
        at = block.offset + block.len
    return not is_fill(log, at, len(log))


def differs(log, blocks, said):
    """What is thought otherwise of it, or None."""
    if said.startswith("error"):
        return said
    head, newest, end, listed, faults = (part.split() for part in said.split("|"))
    damages = int(head[1])
    seen = list(zip(map(int, listed[::2]), map(int, listed[1::2])))
    if seen != [(b.offset, b.len) for b in blocks]:
        return f"blocks {seen}, and here {[(b.offset, b.len) for b in blocks]}"
    judged = [(b.offset, fault == "0") for b, fault in
              zip([b for b in blocks if not b.root or b.stands], faults)]
    for b in blocks:
        if (b.offset, not b.root) in judged:
            return f"the block at {b.offset}: {faults}, and here {b.root}"
    holds = [b for b in blocks if b.root]
    best = holds[-1] if holds else None
    wanted = [str(best.offset), str(best.len), best.root] if best else ["0", "0", "-"]
    if newest[:3] != wanted:
        return f"newest {newest}, and here {wanted}"
    if end != newest:
        return f"from its end {end}, in all {newest}"
    newer = sum(b.offset > best.offset for b in blocks) if best else len(blocks)
    failed = int(newest[3])
    if not newer <= failed <= newer + damages:
        return f"{failed} newer ones failed, and here {newer}; {damages} damages"
    behind = best.offset + best.len if best else 0
    if not is_fill(log, behind, len(log)) and not failed and not damages:
        return f"what is behind byte {behind} is not told"
    if untold(log, blocks) and not damages and all(b.root for b in blocks):
        return "damage is not told"
    return None


def keep(log):
    kept = pathlib.Path(tempfile.mkstemp(prefix="l2-damages-")[1])
    kept.write_bytes(log)
    return kept


def logs(probe, folder, blocks, balances):
    """Each by its name."""
    half = text_log(blocks // 2, balances)
    path = folder / "text"
    path.write_bytes(half)
    made = {}
    for name, packed in (("plain", 0), ("packed", 1)):
        said = probe.ask(f"convert {path} {folder / name} 2 {packed}")
        assert said == str(blocks // 2), said
        made[name] = (folder / name).read_bytes()
    whole = text_log(blocks, balances)
    path.write_bytes(whole)
    yield "text", whole
    for name, packed in (("records", 0), ("packed records", 1)):
        said = probe.ask(f"convert {path} {folder / 'records'} 2 {packed}")
        assert said == str(blocks), said
        yield name, (folder / "records").read_bytes()
    yield "text, then records", half + made["packed"]
    yield "records, then text", made["plain"] + half


def stands_of(log):
    """On which anchor the peg-out of a root stands."""
    ret = {}
    for at, end in text_blocks(log):
        block = log[at:end]
        found = re.search(rb'\npegout .* "([0-9a-f]{64})" \d+ \d+\n', block)
        if found:
            ret[l2_differs.judged(block)[1]] = found[1].decode()
    return ret


def try_log(probe, path, log, known, luck, rounds):
    whole = found_in(known, log, luck)
    edges = [edge for b in whole for edge in (b.offset, b.offset + b.len)]
    seen = collections.Counter()
    for i in range(rounds):
        hurt = damaged(luck, log, edges) if i else log
        blocks = found_in(known, hurt, luck)
        path.write_bytes(hurt)
        asked = "".join(f" {b.offset}" for b in blocks if not b.root or b.stands)
        why = differs(hurt, blocks, probe.ask(
            f"find {luck.choice((7, 5000, 100000, 64 << 20))} {path}{asked}"))
        if why:
            seen[DIFFER] += 1
            if seen[DIFFER] <= SHOWN:
                print(f"# {keep(hurt)}: {why}", flush=True)
        holds = [b for b in blocks if b.root]
        seen["none holds" if not holds else "the newest holds"
             if holds[-1].root == whole[-1].root else "an older one holds"] += 1
    return seen


def try_some(program, memory, log, known, seed, rounds):
    probe = Probe(program)
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        seen = try_log(probe, pathlib.Path(folder) / "hurt", log, known,
                       random.Random(seed), rounds)
    probe.end()
    return seen


def try_each(args, memory, made):
    """The log as it is, and its damages: shared by so many processes."""
    stands = stands_of(made[0][1])
    each = -(-args.rounds // (len(made) * args.jobs))
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        for name, log in made:
            known = Known(log)
            known.stands = stands
            parts = [pool.submit(try_some, args.probe, memory, log, known,
                                 f"{args.seed} {name} {job}", each)
                     for job in range(args.jobs)]
            yield name, log, sum((part.result() for part in parts), collections.Counter())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("probe")
    parser.add_argument("--rounds", type=int, default=500, help="in all")
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--balances", type=int, default=60, help="of each block")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    bad = 0
    print("1..5")
    probe = Probe(args.probe)
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        made = list(logs(probe, pathlib.Path(folder), args.blocks, args.balances))
    probe.end()
    for number, (name, log, seen) in enumerate(try_each(args, memory, made), 1):
        one_sort = len(+seen) < 2 and args.rounds >= 500
        wrong = seen[DIFFER] or one_sort
        bad += bool(wrong)
        told = ", ".join(f"{n} {what}" for what, n in sorted((+seen).items()))
        print(f"{'not ' if wrong else ''}ok {number} - {name}, {len(log)} bytes, "
              f"{args.blocks} blocks: {told}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
