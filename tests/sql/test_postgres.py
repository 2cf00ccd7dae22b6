#!/usr/bin/env python3
"""Every migration and every named statement on a real PostgreSQL, by PREPARE.

    test_postgres.py sql.gen.pg.sql

Starts a server of its own in a temporary folder, reachable by a socket in it alone, and
stops it by its pid, whatever happens. As root it runs as `postgres` or `nobody`, because
PostgreSQL refuses root. Where / is closed to all but root (a system that was unpacked by
hand), nobody else reaches any program: there it stays root, and is told that it is not.
"""

import glob
import os
import pathlib
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

START_S = 30
NEEDED = ("initdb", "postgres", "psql")


def find_programs():
    """name -> path, from PATH or from where Debian keeps each version's."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", "")] + folders)
    return {name: shutil.which(name, path=path) for name in NEEDED}


def user():
    """Whom the server runs as: ids for subprocess, none unless we are root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("root, and neither postgres nor nobody is there to run as")


def masked(ids, folder):
    """An environment in which programs take themselves for that user."""
    library = os.path.join(folder, "mask.so")
    code = "#include <unistd.h>\n" + "".join(
        "uid_t %s(void) { return %d; }\n" % (name, ids["user"]) for name in ("getuid", "geteuid"))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-x", "c", "-"],
                   input=code, text=True, check=True)
    return {"env": {**os.environ, "LD_PRELOAD": library}}


class Server:
    """A PostgreSQL for the length of a `with`."""

    def __init__(self, programs):
        self.programs, self.ids = programs, user()
        self.folder = tempfile.mkdtemp(prefix="pawl-pg-")
        self.process = None
        self.runs_as = self.ids
        if self.ids and not os.stat("/").st_mode & stat.S_IXOTH:
            self.runs_as = masked(self.ids, self.folder)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        data = os.path.join(self.folder, "data")
        os.mkdir(data, 0o700)
        for path in (self.folder, data) if self.ids else ():
            os.chown(path, self.ids["user"], self.ids["group"])
        subprocess.run(
            [self.programs["initdb"], "-D", data, "-U", "pawl", "-A", "trust", "-E", "UTF8"]
            + ["--no-sync", "--locale=C"],
            check=True, capture_output=True, text=True, cwd=self.folder, **self.runs_as)
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [self.programs["postgres"], "-D", data, "-k", self.folder]
                + ["-c", "listen_addresses=", "-c", "fsync=off"],
                stdout=log, stderr=log, cwd=self.folder, **self.runs_as)
        self.wait()

    def wait(self):
        end = time.monotonic() + START_S
        while self.run("SELECT 1;").returncode != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(pathlib.Path(self.folder, "log").read_text())
            time.sleep(0.05)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # disconnects all, then stops
            try:
                self.process.wait(START_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, text):
        """psql over the socket; each error names the line of the text."""
        return subprocess.run(
            [self.programs["psql"], "-X", "-q", "-h", self.folder, "-U", "pawl"]
            + ["-d", "postgres", "-f", "-"],
            input=text, capture_output=True, text=True)


def sections(text):
    """[(title, first line, last line)] of the generated file."""
    lines = text.splitlines()
    heads = [i for i, line in enumerate(lines) if re.match(r"-- (migration|statement) ", line)]
    ends = heads[1:] + [len(lines)]
    return [(lines[i][3:], i + 1, end) for i, end in zip(heads, ends)]


def judge(text, answer):
    """title -> what psql said in its lines."""
    said = {}
    for match in re.finditer(r"psql:<stdin>:(\d+): (.*(?:\n(?!psql:).*)*)", answer):
        for title, first, last in sections(text):
            if first <= int(match[1]) <= last:
                said.setdefault(title, match[2].strip())
    return said


def main():
    text = pathlib.Path(sys.argv[1]).read_text()
    programs = find_programs()
    missing = [name for name, path in programs.items() if not path]
    if missing:
        print("1..1\nnot ok 1 - no %s here: ./do test installs it" % ", ".join(missing))
        return 1
    with Server(programs) as server:
        answer = server.run(text)
        # the judge must be able to say no
        probe = "-- statement probe\nPREPARE probe AS SELECT nothing_of_this_name;\n"
        probed = judge(probe, server.run(probe).stderr)
    said = judge(text, answer.stderr)
    tests = [(title, said.get(title)) for title, _, _ in sections(text)]
    tests.append(("a wrong statement is refused", None if probed else "it is not"))
    if answer.stderr and not said:
        tests.append(("psql", answer.stderr))
    print("1..%d" % len(tests))
    for number, (title, problem) in enumerate(tests, 1):
        print("%sok %d - %s" % ("not " if problem else "", number, title))
        if problem:
            print("# " + problem.replace("\n", "\n# "))
    return 1 if any(problem for _, problem in tests) else 0


if __name__ == "__main__":
    sys.exit(main())
