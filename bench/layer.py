"""How long the node of a layer 2 takes to serve again after a kill, beside a chain of a million
blocks: a fake node, with the answers that Bitcoin Core documents, and headers that hash."""

import json
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "cli"))

from bitcoind import Chain, Server  # noqa: E402
from rocks import Rocks  # noqa: E402

BALANCES = 240000  # 10 MB a snapshot
ROUNDS = 5
COPIES = 3


def desk_of(folder, url):
    folder.mkdir()
    path = folder / "pawl.yaml"
    path.write_text(json.dumps({
        "journal": "pawl.db",
        "chains": {"btc": {"kind": "bitcoin", "network": "regtest", "endpoints": [url],
                           "finality": {"depth": 6}, "poll_ms": 100}},
        "node": {"chain": "btc", "data_dir": ".", "backup": {"every": "never"}},
    }) + "\n", encoding="ascii")
    path.chmod(0o600)
    return folder


def started(bench, env, desk, limit_s):
    """Seconds until each step of the start has ended; then it is killed."""
    said = desk / "said"
    with open(said, "wb") as out:
        began = time.monotonic()
        child = subprocess.Popen([bench.pawl, "serve"], cwd=desk, env=env, stderr=out,
                                 stdout=subprocess.DEVNULL)
        try:
            while "node: started: " not in said.read_text():
                if child.poll() is not None or time.monotonic() - began > limit_s:
                    raise RuntimeError(f"it did not start: {said.read_text()}")
                time.sleep(0.005)
            took = time.monotonic() - began
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    if "node: started: all is well" not in said.read_text():
        raise RuntimeError(f"a step is in trouble: {said.read_text()}")
    return took


def copied(bench, env, desk):
    """Seconds of each: a backup, one put back, and the same files by a plain cp and tar."""
    def took(words):
        began = time.monotonic()
        subprocess.run(words, cwd=desk, env=env, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return time.monotonic() - began

    plain = "cp l2_snapshots.dat plain.dat && tar -czf plain.tar.gz reorg_db"
    lines = {"pawl node backup": [bench.pawl, "node", "backup", "--keep", "1"],
             "pawl node restore": [bench.pawl, "node", "restore"],
             "pawl node verify": [bench.pawl, "node", "verify"],
             "cp and tar -cz of the same": ["sh", "-c", plain]}
    for name, words in lines.items():
        times = []
        for _ in range(COPIES):
            times.append(took(words))
            for kept in desk.glob("*.before_*"):  # what a restore replaced
                shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
        yield name, times


def report(bench, env, tool, percent):
    """percent: of a log of 100 snapshots, and of a million blocks in the database."""
    snapshots, height = max(2, percent), 10000 * percent
    chain = Chain(height)
    with Server(chain.answer) as node:
        desk = desk_of(bench.folder / "layer", node.url)
        log = desk / "l2_snapshots.dat"
        subprocess.run([bench.pawl, "init"], cwd=desk, env=env, check=True,
                       stdout=subprocess.DEVNULL)
        tool(bench, "make", 1, snapshots, BALANCES, log)
        log.chmod(0o600)
        with Rocks(desk / "reorg_db") as db:
            for at in range(height + 1):
                db.put(f"block:{at:020}", chain.hash(at))
            db.flush()
        subprocess.run([bench.pawl, "node", "import", str(log)], cwd=desk, env=env,
                       check=True, stdout=subprocess.DEVNULL)
        started(bench, env, desk, 120)  # its first one
        took = [started(bench, env, desk, 120) for _ in range(ROUNDS)]
    bench.say(f"start after a kill: a log of {log.stat().st_size / 1e9:.2f} GB in {snapshots}"
              f" snapshots, {height:,} blocks in the reorg database, {BALANCES:,} balances",
              f"{statistics.median(took):.2f} s until all is followed and recounted"
              f" ({min(took):.2f} to {max(took):.2f} s)", "within 2 s",
              statistics.median(took) <= 2)
    for name, times in copied(bench, env, desk):
        barred = name == "pawl node restore"
        bench.say(f"the same files: {name}", f"{statistics.median(times):.1f} s"
                  f" ({min(times):.1f} to {max(times):.1f} s)",
                  "within 4 h" if barred else "none",
                  statistics.median(times) <= 4 * 3600 if barred else None)
