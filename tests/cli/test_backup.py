#!/usr/bin/env python3
"""Backups of a layer 2's files, as their user meets them.

usage: test_backup.py PAWL

Speaks TAP.
"""

import contextlib
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys

from program import PAWL, SILENT_CHAIN, Run, Serve, environment, main, test, wait_for
from rocks import Rocks

VECTORS = pathlib.Path(__file__).parent.parent / "vectors" / "l2"
ROOT = "fe8edd9032df9ef412738c3a4ed7d188e9e5012257340a359b40808dc7ccbf42"
TAKE = """#!/bin/sh
[ -z "$PAWL_SECRET" ] && cp "$@" taken/
"""


def config(folder, backup="{}"):
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        os.chmod(file.fileno(), 0o600)
        file.write(f"node: {{data_dir: l2, backup: {backup}}}\n")


def filled(folder, backup="{}"):
    config(folder, backup)
    Run(folder, "node", "init").ends(0)
    shutil.copy(VECTORS / "ok.dat", os.path.join(folder, "l2", "l2_snapshots.dat"))
    with Rocks(os.path.join(folder, "l2", "reorg_db")) as db:
        db.put(f"block:{7:020}", "7" * 64)


def names(path):
    return sorted(os.listdir(path))


@test
def one_is_made_and_put_back(folder):
    """a backup is made, taken away, and put back; what it replaces stays"""
    filled(folder, "{keep: 2, copy_to: away, command: take}")
    with open(os.path.join(folder, "take"), "w", encoding="utf-8") as file:
        file.write(TAKE)
        os.chmod(file.fileno(), 0o700)
    for there in ("taken", "away"):
        os.mkdir(os.path.join(folder, there))
    backups = os.path.join(folder, "l2", "backups")
    made = Run(folder, "node", "backup", "--json", env={"PAWL_SECRET": "x"}).ends(0).json()[0]
    assert made["log"]["root"] == ROOT and made["reorg_db"]["values"] == 1, made
    files = sorted([made["log"]["file"], made["reorg_db"]["file"],
                    f"backup_{made['time']}.sha256"])
    for there in ("away", "taken"):
        assert names(os.path.join(folder, there)) == files, names(os.path.join(folder, there))
        subprocess.run(["sha256sum", "--quiet", "-c", files[0]],
                       cwd=os.path.join(folder, there), check=True)
    assert os.readlink(os.path.join(backups, "l2_snapshots_latest.dat.bak")) == files[1]
    for _ in range(2):
        Run(folder, "node", "backup").ends(0, rf"1 snapshot, .*root {ROOT}\n.*: 1 value, .*\n.*\nTo put it back")
    left = names(backups)
    assert len(left) == 8 and files[0] not in left and "backup.lock" in left, left

    with open(os.path.join(folder, "l2", "l2_snapshots.dat"), "a", encoding="utf-8") as file:
        file.write("SNAPSHOT v1\n")
    Run(folder, "node", "restore", made["time"], "--from", "away").ends(
        0, f"of the backup {made['time']}, root {ROOT}\n.*kept: l2/l2_snapshots.dat.before_")
    with open(os.path.join(folder, "l2", "l2_snapshots.dat"), "rb") as file:
        assert file.read() == (VECTORS / "ok.dat").read_bytes()
    with Rocks(os.path.join(folder, "l2", "reorg_db")):
        Run(folder, "node", "restore").ends(5, err=rf"process {os.getpid()}")
    # a file with the name of a backup's log is what the sums beside it say, or is not taken; of another name it has none
    copy = os.path.join("away", files[1])
    os.symlink(files[1], os.path.join(folder, "away", "newest"))
    assert "no sums" not in Run(folder, "node", "restore", "--file", copy).ends(0).err
    with open(os.path.join(folder, copy), "a", encoding="utf-8") as file:
        file.write("SNAPSHOT v1\n")
    for name in (copy, "away/newest"):
        Run(folder, "node", "restore", "--file", name).ends(6, err=f"{copy} is not what was copied: .*Nothing was changed")
    shutil.copyfile(os.path.join(folder, copy), os.path.join(folder, "some.dat"))
    Run(folder, "node", "restore", "--file", "some.dat").ends(0, err="some.dat has no sums")
    # no other is taken in silence
    newest = max(name for name in names(backups) if name.endswith(".sha256"))[7:-7]
    os.remove(os.path.join(backups, f"l2_snapshots_{newest}.dat.bak"))
    Run(folder, "node", "restore").ends(1, err=f"{newest} has lost its log.*--only reorg-db {newest} ")
    Run(folder, "node", "restore", "--only", "log").ends(0, err=f"newest backup, {newest}, has no log: it is that of ")
    said = Run(folder, "node", "restore", "--only", "reorg-db", "--json").ends(0).json()[0]
    assert said["reorg_db"] and not said["log"] and said["reorg_db_kept"], said


@test
def each_node_has_its_own(folder):
    """two nodes have one folder for their backups: each keeps its own, takes no other's silently, and is told"""
    bk = os.path.join(folder, "bk")
    os.mkdir(bk, 0o700)
    node = {}
    for name in ("one", "two"):
        node[name] = os.path.join(folder, name)
        os.mkdir(node[name])
        config(node[name], f"{{folder: {bk}, keep: 1}}")
        Run(node[name], "init").ends(0)
        Run(node[name], "node", "init").ends(0)
        Run(node[name], "node", "apply", "-", stdin=f'{{"do":"credit","peer":"{name}","amount":"5","id":"c"}}\n').ends(0)
        Run(node[name], "node", "create-anchor").ends(0)
    own = Run(node["one"], "node", "backup", "--json").ends(0).json()[0]
    wait_for(lambda: Run(node["two"], "node", "backup", "--json").ends(0).json()[0]["time"] > own["time"])
    other = Run(node["two"], "node", "backup", "--json").ends(0).json()[0]
    with open(os.path.join(bk, f"backup_{own['time']}.sha256"), encoding="utf-8") as file:
        assert re.search("\n# journal [0-9a-f]{32}\n", file.read())
    assert len([name for name in names(bk) if name.endswith(".sha256")]) == 2, names(bk)
    told = "1 of the backups in it is another journal's, newer than one of this one"
    Run(node["one"], "node", "doctor").ends(1, out=f"{told}(.|\n)*1, and the newest, {own['time']}")
    assert told in Run(node["one"], "status").ends(0).out
    assert told not in Run(node["two"], "status").ends(0).out
    Run(node["one"], "node", "backup").ends(0, err="1 of the backups in .* another journal's, and stays")
    time = Run(node["one"], "node", "backup", "--json").ends(0).json()[0]["time"]
    wait_for(lambda: Run(node["two"], "node", "backup", "--json").ends(0).json()[0]["time"] > time)
    Run(node["one"], "node", "restore").ends(0, err="1 newer backup in .* another journal's, and is not taken")
    # by its time, a part, and a copy by its name alone
    time = max(name for name in names(bk) if name.endswith(".sha256"))[7:-7]
    for args in ([time], [time, "--only", "reorg-db"], ["--file", os.path.join(bk, f"l2_snapshots_{time}.dat.bak")]):
        Run(node["one"], "node", "restore", *args).ends(5, err="another journal's: pawl.db has none of its .*Nothing was changed")
    shutil.copyfile(os.path.join(bk, f"l2_snapshots_{time}.dat.bak"), os.path.join(folder, "some.dat"))
    said = Run(node["one"], "node", "restore", "--file", "../some.dat").ends(
        5, err="not known to be of this node: pawl.db has none of its anchors, and never had its newest state")
    line = re.search(r"pawl (node restore --file ../some.dat --yes=\w+)", said.err)[1]
    Run(node["one"], *line.split()).ends(0, out=f"root {other['log']['root']}")
    # a journal that has nothing yet takes what there is
    for name in names(node["one"]):
        if name.startswith("pawl.db"):
            os.remove(os.path.join(node["one"], name))
    Run(node["one"], "init").ends(0)
    Run(node["one"], "node", "restore").ends(0, out=time)


@test
def one_that_began_with_the_same_log_is_another(folder):
    """a journal that began with this one's log has an anchor in common with it: its backups are another's all the same"""
    bk = os.path.join(folder, "bk")
    os.mkdir(bk, 0o700)
    one, two = os.path.join(folder, "one"), os.path.join(folder, "two")
    log = os.path.join(one, "l2", "l2_snapshots.dat")
    for node in (one, two):
        os.mkdir(node)
        config(node, f"{{folder: {bk}}}")
        Run(node, "init").ends(0)
        Run(node, "node", "init").ends(0)
        if node == two:
            shutil.copyfile(log, os.path.join(two, "l2", "l2_snapshots.dat"))
            Run(two, "node", "recover", "--latest-valid").ends(0)
        Run(node, "node", "apply", "-", stdin=f'{{"do":"credit","peer":"a","amount":"{len(names(folder))}","id":"{node[-3:]}"}}\n').ends(0)
        Run(node, "node", "create-anchor").ends(0)
    other = Run(two, "node", "backup", "--json").ends(0).json()[0]
    before = pathlib.Path(log).read_bytes()
    Run(one, "node", "doctor").ends(1, out="backup .*none of those there is of this journal")
    said = Run(one, "node", "restore").ends(
        5, err=f"no backup in {bk} is of pawl.db: the newest there, {other['time']}, is another journal's: pawl.db has some of its anchors")
    for args in (["--only", "log"], ["--only", "reorg-db"], [other["time"]], ["--file", os.path.join(bk, other["log"]["file"])]):
        Run(one, "node", "restore", *args).ends(5, err=f"another journal's: .*Nothing was changed.*pawl node restore .*{other['time']}.*--yes=")
    assert pathlib.Path(log).read_bytes() == before
    line = re.search(rf"pawl (node restore {other['time']} --yes=\w+)", said.err)[1]
    Run(one, *line.split()).ends(0, out=f"root {other['log']['root']}")
    # an older one that nobody knows to be another's goes before it
    pathlib.Path(log).write_bytes(before)
    pathlib.Path(bk, "l2_snapshots_20200102_030405.dat.bak").write_bytes(before)
    Run(one, "node", "restore").ends(0, out="of the backup 20200102_030405", err="1 newer backup in .* is another journal's, and is not taken")
    assert pathlib.Path(log).read_bytes() == before


@test
def a_copy_of_a_node_is_not_itself(folder):
    """a node, a copy of it and its journal, and one folder for their backups: each keeps its own, and asks before it
    takes the other's; so does one whose journal was put back from an older copy"""
    bk = os.path.join(folder, "bk")
    os.mkdir(bk, 0o700)
    one, two = os.path.join(folder, "one"), os.path.join(folder, "two")
    os.mkdir(one)
    config(one, f"{{folder: {bk}, keep: 1}}")
    Run(one, "init").ends(0)
    Run(one, "node", "init").ends(0)

    def goes_on(node, change):
        Run(node, "node", "apply", "-", stdin=f'{{"do":"credit","peer":"a","amount":"5","id":"{change}"}}\n').ends(0)
        Run(node, "node", "create-anchor").ends(0)

    def there():
        return [name[7:-7] for name in names(bk) if name.endswith(".sha256")]

    def backup(node):
        """Its newest one is newer than all: a clock of seconds may need two."""
        before = max(there(), default="")
        made = []
        wait_for(lambda: made.append(Run(node, "node", "backup", "--json").ends(0).json()[0]["time"]) or made[-1] > before)
        return made[-1]

    goes_on(one, "1")
    common = backup(one)
    with open(os.path.join(bk, f"backup_{common}.sha256"), encoding="utf-8") as file:
        assert re.search("\n# journal [0-9a-f]{32}\n# past [0-9]+ [0-9a-f]{64}\n", file.read())
    Run(one, "backup", "../older.db").ends(0)
    shutil.copytree(one, two)
    goes_on(one, "2")
    goes_on(two, "3")
    own = backup(one)
    assert there() == [own]  # what both have come from is the past of each
    other = backup(two)
    assert there() == [own, other], there()
    told = "1 of the backups in it is of this journal by name, and not of its past: a copy of this node makes them"
    Run(one, "node", "doctor").ends(1, out=f"{told}(.|\n)*1, and the newest, {own}, ")
    assert told in Run(one, "status").ends(0).out
    assert told not in Run(two, "status").ends(0).out
    asks = Run(one, "node", "restore").ends(5, err="nothing was changed: the newest backup, .* is of this journal by its name, and not of its past")
    assert f"pawl node restore {other} takes it, pawl node restore {own} the newest that this journal made" in asks.err, asks.err
    Run(one, "node", "restore", own).ends(0)
    Run(two, "node", "restore").ends(0, out=f"of the backup {other}")
    Run(one, "node", "backup").ends(0, err="1 of the backups in .* is of this journal by name, and not of its past, and stays: a copy of this node made it")
    assert len(there()) == 2 and other in there(), there()
    own = backup(one)
    Run(one, "node", "restore").ends(0, out=f"of the backup {own}")
    Run(one, "node", "restore", other).ends(0, out=f"of the backup {other}", err="is not of this journal's past: a copy of this node made it")
    Run(one, "node", "restore", own).ends(0)

    # what is newer than the copy of the journal which was put back is asked about, and taken by its name
    for name in names(one):
        if name.startswith("pawl.db"):
            os.remove(os.path.join(one, name))
    shutil.rmtree(os.path.join(one, "l2"))
    Run(one, "restore", "../older.db").ends(0)
    said = Run(one, "node", "init").ends(5)
    Run(one, *re.search(r"pawl (node init .*--yes=\w+)", said.err)[1].split()).ends(0)
    asks = Run(one, "node", "restore").ends(5, err=f"pawl node restore {own} takes it$")
    Run(one, "node", "restore", own).ends(0, out=f"of the backup {own}", err="or this one did before its journal was put back")


@test
def an_older_journal_says_what_the_layer_lacks(folder):
    """where the journal of a layer 2 is put back from a copy, the end says of which change its state is, that nothing
    may be sent again, and what to type: the list of airdrops alone is not it"""
    config(folder)
    Run(folder, "init").ends(0)
    Run(folder, "backup", "empty.db").ends(0)
    Run(folder, "node", "init").ends(0)

    def apply(change):
        Run(folder, "node", "apply", "-", stdin=f'{{"do":"credit","peer":"a","amount":"5","id":"{change}"}}\n').ends(0)
        Run(folder, "node", "create-anchor").ends(0)

    apply("1")
    Run(folder, "backup", "older.db").ends(0)
    apply("2")
    said = Run(folder, "restore", "older.db").ends(
        0, out=r"layer 2 is the one behind change 2, of 20\d\d-.*: what was applied since .* would do twice. .*send none of those "
        r"again.*pawl node recover --latest-valid(.|\n)*Nothing is under way in it. Then: pawl node doctor\n")
    assert "airdrop" not in said.out, said.out
    # it is as it says
    Run(folder, "node", "doctor").ends(1, out="a state that this journal never had: .*an older copy of itself")
    (told,) = Run(folder, "restore", "replaced-1-pawl.db", "--latest", "--json").ends(0).json()
    assert told["node_change"] == 4 and told["then"] == "pawl node doctor", told
    Run(folder, "backup", "newest.db").ends(0)
    Run(folder, "restore", "--latest", "newest.db").ends(0, out=r"layer 2 is the one behind change 4, of [-0-9T:]*Z\n")
    said = Run(folder, "restore", "empty.db").ends(0, out="Then: pawl airdrop run")
    assert "layer" not in said.out, said.out


@test
def none_is_in_the_reorg_database(folder):
    """a folder for backups that is in the one of the reorg database is refused, however it is written"""
    filled(folder)
    os.symlink("l2/reorg_db", os.path.join(folder, "link"))
    os.mkdir(os.path.join(folder, "l2", "other"))
    for name in ("l2/reorg_db", "link", "link/backups", "l2/other/../reorg_db/backups"):
        config(folder, f"{{folder: {name}}}")
        for args in (["backup"], ["doctor"], ["rebuild-reorg-db"]):
            Run(folder, "node", *args).ends(
                1, err=rf"pawl.yaml:1:\d+: node.backup.folder: '{name}' is in the folder of the reorg database, .*Make a folder outside")
    config(folder)
    Run(folder, "node", "backup", env={"PAWL_NODE__BACKUP__FOLDER": "link"}).ends(
        1, err="^pawl: PAWL_NODE__BACKUP__FOLDER: node.backup.folder: 'link' is in")
    config(folder, "{folder: l2/reorg_db/../backups}")
    Run(folder, "node", "backup").ends(0)


@test
def a_folder_that_is_lost_is_not_made_anew(folder):
    """the disk of a data folder is not mounted: all that asks says so, and an empty one is made by a word alone"""
    config(folder)
    Run(folder, "init").ends(0)
    Run(folder, "node", "init").ends(0)
    Run(folder, "node", "apply", "-", stdin='{"do":"credit","peer":"a","amount":"5","id":"c"}\n').ends(0)
    Run(folder, "node", "create-anchor").ends(0)
    made = Run(folder, "node", "backup", "--json").ends(0).json()[0]
    os.rename(os.path.join(folder, "l2"), os.path.join(folder, "gone"))
    told = "is not there, and the journal has anchored 1 state: it is lost(.|\\n)*Mount its disk first"
    Run(folder, "node", "doctor").ends(2, out=told)
    Run(folder, "status").ends(0, out=told)
    for line in ("create-anchor", "restore", "recover --latest-valid", "reset", "backup"):
        Run(folder, "node", *line.split()).ends(1, err="no folder l2, .* anchored 1 state: is the disk .*Mount its disk first")
    said = Run(folder, "node", "init").ends(5, err="has anchored 1 state, and its data folder l2 is not there: is its disk mounted")
    assert not os.path.exists(os.path.join(folder, "l2"))
    Run(folder, *re.search(r"pawl (node init --data-dir l2 --yes=\w+)", said.err)[1].split()).ends(0)
    Run(folder, "node", "restore", "--from", "gone/backups").ends(0, out=f"root {made['log']['root']}")
    Run(folder, "node", "verify").ends(0)


@test
def what_can_not_be_done_is_said(folder):
    """there is nothing to copy, no such backup, a damaged one, words that mean nothing"""
    config(folder)
    os.mkdir(os.path.join(folder, "l2"))
    Run(folder, "node", "backup").ends(1, err="nothing to copy")
    Run(folder, "node", "restore").ends(1, err="no backup in l2/backups")
    Run(folder, "node", "restore", "--only", "x").ends(1, err="log or reorg-db")
    Run(folder, "node", "restore", "--file", "x", "1").ends(1, err="not both")
    filled(folder)
    Run(folder, "node", "restore", "19990101_000000").ends(1, err="no backup")
    Run(folder, "node", "restore", "--file", str(VECTORS / "crlf.dat")).ends(6)
    config(folder, "{command: /bin/false}")
    Run(folder, "node", "backup").ends(1, err="/bin/false: it ended with 1")
    config(folder, "{keep: 0}")
    Run(folder, "node", "backup").ends(1, err="node.backup.keep")
    config(folder)
    with open(os.path.join(folder, "l2", "l2_snapshots.dat"), "r+", encoding="utf-8") as file:
        text = file.read().replace("1000", "1001", 1)
        file.seek(0)
        file.write(text)
    Run(folder, "node", "backup").ends(6, err="no snapshot of .* holds.*pawl node restore")


@test
def a_copy_that_failed_is_known(folder):
    """a folder for copies that is missing is not made, and each that asks is told, until one is taken there"""
    filled(folder, "{copy_to: disk/node, command: /bin/false}")
    os.mkdir(os.path.join(folder, "disk"))  # where nothing is mounted
    Run(folder, "init").ends(0)
    made = Run(folder, "node", "backup", "--json").ends(
        1, err=r"is in l2/backups, and not in disk/node: the folder disk/node is not there, and none is made: "
               r"mount the disk .* install -d -m 0700 -o \d+ disk/node; and node.backup.command: /bin/false: .* with 1")
    assert names(os.path.join(folder, "disk")) == []
    subprocess.run(["sha256sum", "--quiet", "-c", f"backup_{made.json()[0]['time']}.sha256"],
                   cwd=os.path.join(folder, "l2", "backups"), check=True)

    def known(what):
        told = Run(folder, "node", "doctor", "--json")
        said = [x for x in told.json() if x.get("check") == "backup" and "the last one failed: " in x["text"]]
        assert bool(said) == bool(what) and all(what in x["text"] for x in said), (what, told.out)
        status = Run(folder, "status").ends(0).out
        assert ("the last backup failed: " + what in status) == bool(what), status

    known("backup " + made.json()[0]["time"] + " is in l2/backups, and not in disk/node")
    Run(folder, "node", "backup", "--to", "l2").ends(1, err="/bin/false")
    for there in ("disk/node", "../disk/node", "l2/../disk/node"):
        config(folder, f"{{folder: {there}}}")
        Run(folder, "node", "backup").ends(1, err="folder .*disk/node is not there, and none is made: mount the disk .* install -d")
    assert names(os.path.join(folder, "disk")) == []
    os.mkdir(os.path.join(folder, "l2more"))  # beside what is copied, whose name it begins with
    config(folder, "{folder: l2more/node}")
    Run(folder, "node", "backup").ends(1, err="folder .*l2more/node is not there, and none is made")
    for there in ("l2/mine", "./l2//more"):  # no other disk than that of what is copied
        config(folder, f"{{folder: {there}}}")
        Run(folder, "node", "backup").ends(0)
    config(folder, "{copy_to: disk/node}")
    os.mkdir(os.path.join(folder, "disk", "node"))
    Run(folder, "node", "backup", "--to", "l2").ends(0)  # is not what the config wants
    known("backup " + made.json()[0]["time"])
    Run(folder, "node", "backup").ends(0)
    known("")
    Run(folder, "node", "doctor").ends(1, "FINDING backup   disk/node: copies in it are on the file system of the backups")


def begins(folder, *words, said):
    """What a command says first, on a terminal, where each line comes when it is said; it does not wait for the rest."""
    here, there = pty.openpty()
    told = b""
    with subprocess.Popen([PAWL, *words], cwd=folder, stdout=there, stderr=there, env=environment()) as child:
        os.close(there)
        with contextlib.suppress(OSError):  # of its end
            while not re.search(said, told.decode(errors="replace")) and (part := os.read(here, 4096)):
                told += part.replace(b"\r", b"")
        child.kill()
    os.close(here)
    assert re.search(said, told.decode()), told.decode()


@test
def what_grows_is_said(folder):
    """a log over 5000 MB and a database over 1000 MB are warned of, by status, doctor and the log of serve"""
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        os.chmod(file.fileno(), 0o600)
        file.write("serve: {listen: none}\nnode: {data_dir: l2, chain: b, backup: {every: never}}\n"
                   f"{SILENT_CHAIN}\n")
    Run(folder, "init").ends(0)
    Run(folder, "node", "init").ends(0)
    log, aside = os.path.join(folder, "l2", "l2_snapshots.dat"), os.path.join(folder, "l2", "reorg_db", "aside")
    # a hole for the log; the database counts as du has it, so it takes that room, unwritten, while the test runs
    room = shutil.disk_usage(folder).free > 3 << 30
    if not room:
        print("# too little room here for a database of 1000 MB")

    def grown(log_mb, database_mb):
        os.truncate(log, log_mb << 20)
        with open(aside, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, (database_mb if room else 1) << 20)
        said = next(o["node"] for o in Run(folder, "status", "--json").ends(0).json() if "node" in o)
        assert said["snapshot_unseen"] == (log_mb > 64), said  # no snapshot begins in the part that is looked at
        return [any(what in text for text in said["warnings"])
                for what in ("the log of snapshots is large", "the reorg database is large")]

    assert grown(64, 1) == [False, False]
    assert grown(5000, 999) == [False, False]
    assert grown(5001, 1001) == [True, room]
    Run(folder, "status").ends(0, "the newest is too large to be looked at here: pawl node verify")
    begins(folder, "node", "doctor", said="FINDING files +l2/l2_snapshots.dat: it is 5001 MB\n +do: pawl node prune --keep 1000 ")
    logged = ["l2/l2_snapshots.dat is 5001 MB: pawl node prune "]
    logged += ["l2/reorg_db is 1001 MB: pawl node prune-reorg-db, while the node is stopped\n"] if room else []
    with Serve(folder, lambda serve: all(line in serve.said() for line in logged)):
        os.truncate(log, 0)  # or its end waits until that is read
    told = {(x["of"], x["text"]) for x in Run(folder, "node", "doctor", "--json").json() if x.get("check") == "files"}
    assert (("l2/reorg_db", "it is 1001 MB") in told) == room, told
    os.remove(aside)


@test
def a_log_goes_back_to_a_snapshot(folder):
    """recover makes a snapshot that holds the newest, and keeps the log as it was"""
    filled(folder)
    log = os.path.join(folder, "l2", "l2_snapshots.dat")
    whole = (VECTORS / "ok.dat").read_text(encoding="utf-8")
    with open(log, "a", encoding="utf-8") as file:
        file.write(whole.replace("1000", "1001", 1))
    Run(folder, "node", "recover").ends(1, err="one of the two")
    Run(folder, "node", "recover", "--to", "2").ends(6, err="snapshot 2 .*does not hold")
    Run(folder, "node", "recover", "--to", "3").ends(1, err="2 whole snapshots")
    Run(folder, "node", "recover", "--latest-valid").ends(
        0, f"number 1 of 2, root {ROOT}\n.*kept: l2/l2_snapshots.dat.before_")
    with open(log, encoding="utf-8") as file:
        assert file.read() == whole
    Run(folder, "node", "recover", "--to", "1").ends(0, "stays as it is")


@test
def a_daemon_makes_them(folder):
    """pawl serve makes one at its start, and none while the newest is not old"""
    filled(folder)
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write(
            "serve: {listen: none}\n"
            "node: {data_dir: l2, chain: b}\n"
            f"{SILENT_CHAIN}\n")
    Run(folder, "init").ends(0)
    latest = os.path.join(folder, "l2", "backups", "l2_snapshots_latest.dat.bak")
    socket = os.path.join(folder, "pawl.db.sock")
    for _ in range(2):
        with Serve(folder, lambda _: os.path.lexists(latest) and os.path.exists(socket)) as serve:
            pass
    count = [n for n in names(os.path.dirname(latest)) if n.endswith(".sha256")]
    assert len(count) == 1, serve.said()


@test
def a_command_ends_with_what_it_runs(folder):
    """a daemon that ends takes the script of node.backup.command with it, and the program that this waits for"""
    filled(folder)
    lasting, command = os.path.join(folder, "lasting"), os.path.join(folder, "take")
    os.mkfifo(lasting)
    with open(command, "w", encoding="utf-8") as file:
        os.chmod(command, 0o700)
        file.write("#!/bin/sh\n(echo begun; exec sleep 1000) > lasting\ntrue\n")
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write("serve: {listen: none}\n"
                   f"node: {{data_dir: l2, chain: b, backup: {{command: {command}}}}}\n"
                   f"{SILENT_CHAIN}\n")
    Run(folder, "init").ends(0)
    with Serve(folder):
        pipe = open(lasting, "rb", buffering=0)  # pylint: disable=consider-using-with
        assert pipe.readline() == b"begun\n"
    with pipe:
        ready, _, _ = select.select([pipe], [], [], 30)
        assert ready and pipe.read() == b"", "it has it open yet"


@test
def no_backup_has_a_log_yet(folder):
    """before the first one that has a log, what is missing is named, and no line that finds nothing"""
    config(folder)
    Run(folder, "node", "init").ends(0)
    Run(folder, "node", "restore").ends(1, err="no backup in l2/backups; .*restore --from DIR$")
    Run(folder, "node", "backup").ends(0)
    shutil.copy(VECTORS / "ok.dat", os.path.join(folder, "l2", "l2_snapshots.dat"))
    Run(folder, "node", "restore").ends(1, err="has no log, and no other has one; pawl node restore --only reorg-db 2")
    Run(folder, "node", "restore", "--only", "log").ends(1, err="none of the 1 backups in l2/backups has a log; the newest is 2")


@test
def a_log_that_may_not_be_read(folder):
    """a right that lacks is no bad disk: doctor has the line that gives it, restore changes nothing and leaves nothing"""
    filled(folder)
    Run(folder, "init").ends(0)
    Run(folder, "node", "backup").ends(0)
    log, data = (os.path.join(folder, "l2", *name) for name in (["l2_snapshots.dat"], []))
    for path in [folder] + [os.path.join(top, n) for top, dirs, files in os.walk(folder) for n in dirs + files]:
        os.chown(path, 65534, 65534) if os.geteuid() == 0 else None
    os.chmod(log, 0)
    there = names(data)
    told = Run(folder, "node", "doctor", user=65534).ends(1).out
    assert re.search(r"Failed to load snapshot: .*denied\n +do: chmod u\+rw l2/l2_snapshots.dat\n", told), told
    assert "procedure 1" not in told and "chmod u+rw l2" in Run(folder, "status", user=65534).out, told
    Run(folder, "node", "restore", "--only", "log", user=65534).ends(
        1, err="nothing was changed: what is in place can't be opened, .*move it away: .*Permission denied")
    assert names(data) == there
    os.chmod(log, 0o600)
    if os.geteuid() == 0:
        os.chown(log, 0, 0)
        told = Run(folder, "node", "doctor", user=65534).ends(1).out
        assert re.search(r"denied\n +do: sudo chown -R \S+: l2/l2_snapshots.dat\n", told), told
        os.chown(log, 65534, 65534)
    Run(folder, "node", "restore", user=65534).ends(0)


@test
def a_backup_without_a_database_says_so(folder):
    """where a backup has a log alone, restore says what becomes of the database, and what puts it right"""
    filled(folder)
    database = os.path.join(folder, "l2", "reorg_db")
    log_alone = r"warning: the backup \S+ has no reorg database: .* l2/reorg_db %s\. .*: pawl node rebuild-reorg-db%s"
    os.rename(database, database + ".x")
    Run(folder, "node", "backup").ends(0)
    Run(folder, "node", "restore").ends(0, "l2_snapshots.dat is that", log_alone % ("is not there either", "\n"))
    os.rename(database + ".x", database)
    whole = Run(folder, "node", "backup", "--json").ends(0).json()[0]["time"]
    assert "no reorg database" not in Run(folder, "node", "restore").ends(0).err
    with open(os.path.join(database, "CURRENT"), "w", encoding="utf-8") as file:
        file.write("damaged\n")
    Run(folder, "node", "backup").ends(6)
    way = f"; that of another backup: pawl node restore --only reorg-db {whole}\n"
    Run(folder, "node", "restore").ends(0, "l2_snapshots.dat is that", log_alone % ("stays as it is", way))
    Run(folder, "node", "restore", "--only", "reorg-db", whole).ends(0)


@test
def nobody_waits_for_a_large_log(folder):
    """who makes a backup of a large log ends when he is asked to, and leaves nothing"""
    filled(folder)
    with open(os.path.join(folder, "pawl.yaml"), "w", encoding="utf-8") as file:
        file.write("serve: {listen: none}\n"
                   "node: {data_dir: l2, chain: b, backup: {folder: b}}\n"
                   f"{SILENT_CHAIN}\n")
    Run(folder, "init").ends(0)
    os.truncate(os.path.join(folder, "l2", "l2_snapshots.dat"), 16 << 30)  # read whole for each backup
    lock = os.path.join(folder, "b", "backup.lock")
    os.mkdir(os.path.dirname(lock))
    for word in ("node backup", "serve"):
        with open(os.path.join(folder, "said"), "w+", encoding="utf-8") as said:
            child = subprocess.Popen([PAWL, *word.split()], cwd=folder, stdout=said, stderr=said,
                                     env=environment())
            wait_for(lambda: os.path.exists(lock))
            child.send_signal(signal.SIGTERM)
            code = child.wait(60)
            said.seek(0)
            text = said.read()
        assert code == (0 if word == "serve" else 3), (code, text)
        assert "stopped while l2/l2_snapshots.dat was read" in text, text
        assert names(os.path.join(folder, "b")) == ["backup.lock"], names(os.path.join(folder, "b"))
        os.remove(lock)


if __name__ == "__main__":
    sys.exit(main())
