"""The program run in a folder, and tests of it that speak TAP."""

import json
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
import traceback

PAWL = os.path.abspath(sys.argv[1])

# a chain of the name b for a config, for whose node nobody answers
SILENT_CHAIN = "chains: {b: {kind: bitcoin, network: regtest, endpoints: [http://127.0.0.1:1], finality: {depth: 6}}}"

said = []
tests = []


def test(function):
    """A test is a function of the folder that it may use."""
    tests.append(function)
    return function


def environment():
    """Ours, without what the program would take for a key of its config."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PAWL_") or k == "PAWL_MUTANT"}


def unwarned(err):
    """What a program said, but that it has a defect: of one that is broken on purpose."""
    return re.sub(r"\S+: warning: PAWL_MUTANT: .*\n", "", err)


class Run:
    """One run of the program, over. room: no file of it grows larger, as on a disk that is full then."""

    def __init__(self, folder, *args, env=None, stdin="", user=None, room=None):
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        done = subprocess.run(  # pylint: disable=subprocess-popen-preexec-fn
            [PAWL, *args],
            cwd=folder,
            env={**environment(), **(env or {})},
            input=stdin.encode(),
            capture_output=True,
            timeout=60,
            start_new_session=True,
            check=False,
            user=user if os.geteuid() == 0 else None,
            restore_signals=room is None,  # who is over the limit is told, and not killed
            preexec_fn=room and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, limit))),
        )
        self.args, self.code = args, done.returncode
        self.out, self.err = done.stdout.decode(), unwarned(done.stderr.decode())
        said.append(self.out + self.err)

    def ends(self, code, out=None, err=None):
        """Check the exit code, and patterns in what was printed."""
        shown = f"{self.args}: exit {self.code}\n{self.out}{self.err}"
        assert self.code == code, f"wanted exit {code}: {shown}"
        assert out is None or re.search(out, self.out), f"wanted {out!r}: {shown}"
        assert err is None or re.search(err, self.err), f"wanted {err!r}: {shown}"
        return self

    def json(self):
        """The objects that were printed, one a line and without needless blanks."""
        objects = [json.loads(line) for line in self.out.splitlines()]
        again = [json.dumps(o, separators=(",", ":"), ensure_ascii=False) for o in objects]
        assert again == self.out.splitlines(), self.out
        return objects


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.01)


class Serve:
    """pawl serve, while a block lasts: it must end well then. Of a block that fails it is killed, and nobody waits.

    until, a function of this, says whether it is ready; else its socket does.
    """

    def __init__(self, folder, until=None):
        self.folder = folder
        self.until = until or (lambda _: self.listens())
        self.log = os.path.join(folder, "serve.log")

    def said(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def listens(self):
        """Its socket takes who comes: that is there a moment before it does."""
        with socket.socket(socket.AF_UNIX) as link:
            return link.connect_ex(os.path.join(self.folder, "pawl.db.sock")) == 0

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(  # pylint: disable=consider-using-with
                [PAWL, "serve"], cwd=self.folder, stdout=log, stderr=log, env=environment())
        self.pid = self.child.pid
        try:
            deadline = time.monotonic() + 60
            while not self.until(self):
                assert self.child.poll() is None and time.monotonic() < deadline, self.said()
                time.sleep(0.01)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, failed, *_):
        if failed:
            self.child.kill()
        else:
            self.child.terminate()
        code = self.child.wait(60)
        said.append(self.said())
        assert failed or code == 0, (code, self.said())


def main(looks_back=None):
    """Runs all tests; looks_back, after each of them, sees the folder that it left."""
    failed = False
    print(f"1..{len(tests)}")
    for number, function in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="pawl-cli-") as folder:
            try:
                function(folder)
                if looks_back:
                    looks_back(folder)
                print(f"ok {number} - {function.__doc__}", flush=True)
            except Exception:  # pylint: disable=broad-except
                failed = True
                print(f"not ok {number} - {function.__doc__}")
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}", flush=True)
    return 1 if failed else 0
