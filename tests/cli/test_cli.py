#!/usr/bin/env python3
"""The program as its user meets it: what it prints, writes, refuses and ends with.

usage: test_cli.py PAWL

Speaks TAP. Each test runs in a folder of its own. Everything that any run printed, and
every file that it left, is searched for the private keys that the tests use.
"""

import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time

from program import PAWL, Run, environment, main, said, test, unwarned, wait_for

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"
PASSWORD = "correct horse battery"
# Where the tests themselves put the key.
KEY_FILES = ("plain.key",)

CHAIN = """chains:
  main:
    kind: evm
    chain_id: 1
    endpoints: [http://127.0.0.1:8545]
    finality: {depth: 12}
"""

TWO_CHAINS = """chains:
  main: {kind: evm, chain_id: 31337, endpoints: ["http://127.0.0.1:9"], finality: {depth: 12}}
  side: {kind: evm, chain_id: 31338, endpoints: ["http://127.0.0.1:9"], finality: {depth: 12}}
"""


def write(folder, name, text, mode=0o600):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def mode(folder, name):
    return stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)


def typed(folder, args, answers):
    """Run on a terminal, answer each prompt, and return (exit code, what was shown)."""
    pid, terminal = pty.fork()
    if pid == 0:
        # a shell's background job would hand on that it ignores Ctrl-C
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.chdir(folder)
        os.execv(PAWL, [PAWL, *args])
    shown, deadline = b"", time.monotonic() + 60
    answers = list(answers)
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            piece = b""
        if not piece:
            break
        shown += piece
        if answers and re.search(answers[0][0].encode(), shown):
            os.write(terminal, answers.pop(0)[1].encode())
    else:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    os.close(terminal)
    text = shown.decode(errors="replace")
    said.append(text)
    assert not answers, f"was never asked for {answers[0][0]!r}: {text}"
    return os.waitstatus_to_exitcode(status), text


# --- init -----------------------------------------------------------------------------


@test
def init_makes_both_and_keeps_them(folder):
    """init writes a config and a journal, privately, and keeps what is there"""
    Run(folder, "init").ends(0, out="pawl.yaml: written")
    assert mode(folder, "pawl.yaml") == 0o600
    assert mode(folder, "pawl.db") == 0o600
    with open(os.path.join(folder, "pawl.yaml"), encoding="utf-8") as file:
        before = file.read()
    Run(folder, "init").ends(0, out="is there, and kept")
    with open(os.path.join(folder, "pawl.yaml"), encoding="utf-8") as file:
        assert file.read() == before
    again = Run(folder, "init", "--json").ends(0).json()
    assert again == [
        {
            "config": "pawl.yaml",
            "config_made": False,
            "journal": "pawl.db",
            "journal_made": False,
        }
    ]


@test
def init_elsewhere(folder):
    """init makes the folder that --config names, private, and the journal in it"""
    Run(folder, "init", "--config", "ops/pawl.yaml").ends(0)
    assert mode(folder, "ops") == 0o700
    assert os.path.exists(os.path.join(folder, "ops/pawl.db"))
    Run(folder, "migrate", "--check", env={"PAWL_CONFIG": "ops/pawl.yaml"}).ends(0)


@test
def init_makes_the_journal_that_the_config_names(folder):
    """an existing config decides where the journal is; the environment goes before it"""
    write(folder, "pawl.yaml", "journal: data/j.db\n")
    Run(folder, "init").ends(0, out="data/j.db: an empty journal")
    assert mode(folder, "data") == 0o700
    Run(folder, "init", env={"PAWL_JOURNAL": "other.db"}).ends(0, out="other.db: an empty")


@test
def init_refuses_what_is_no_journal(folder):
    """a file in the journal's place that is none is named, and left alone"""
    write(folder, "pawl.db", "this is not a database, and never was\n" * 100)
    run = Run(folder, "init")
    assert run.code != 0 and "pawl.db" in run.err, run.err
    with open(os.path.join(folder, "pawl.db"), encoding="utf-8") as file:
        assert file.read().startswith("this is not")


# --- the command line ------------------------------------------------------------------


@test
def mistyped_words_name_the_nearest(folder):
    """an unknown command or option ends with 1 and names the nearest"""
    Run(folder).ends(1, err="no command; see: pawl help")
    Run(folder, "inti").ends(1, err="no command 'inti'; did you mean pawl init")
    Run(folder, "key", "nwe").ends(1, err="key has no 'nwe'; did you mean pawl key new")
    Run(folder, "key").ends(1, err="key needs one of: new, import, list, remove")
    Run(folder, "version", "--jsno").ends(1, err="did you mean --json")
    Run(folder, "key", "new", "a", "--pasword", "x").ends(1, err="did you mean --password")
    Run(folder, "key", "list", "--password", "x").ends(1, err="'--password' here; it is of: key new, key im")
    Run(folder, "airdrop", "plan", "x", "--adopt").ends(1, err="'--adopt' here; it is of: airdrop run\n")
    Run(folder, "migrate", "--check=1").ends(1, err="--check takes no value")
    Run(folder, "version", "--config").ends(1, err="--config needs its FILE")
    Run(folder, "version", "--json", "--json").ends(1, err="--json is there twice")
    Run(folder, "key", "new").ends(1, err="NAME is missing; usage: pawl key new NAME")
    Run(folder, "init", "x").ends(1, err="'x' is too much")
    write(folder, "list.csv", "address,amount\n")
    words = ("airdrop", "plan", "list.csv")
    Run(folder, "init").ends(0)
    Run(folder, *words).ends(1, err="--chain is missing; write one under `chains:`; see: pawl help c")
    write(folder, "pawl.yaml", TWO_CHAINS)
    Run(folder, *words).ends(1, err="plan: --chain is missing; it is one of: main, side\n")
    Run(folder, *words, "--chain", "main").ends(1, err="--from is missing; for one: pawl key new")
    Run(folder, "init", "--foo").ends(1, err="no option '--foo' here; see: pawl help init\n")
    Run(folder, "--xyzzy", "init").ends(1, err="'--xyzzy' here; see: pawl help\n")
    Run(folder, "key", "new", "--" + "x" * 99).ends(1, err="'--x.*here; see: pawl help key new\n")


@test
def errors_in_json_end_standard_output(folder):
    """with --json an error is also the last line of standard output"""
    run = Run(folder, "migrate", "--json").ends(1, err="^pawl: pawl.yaml: there is no such")
    (error,) = run.json()
    assert list(error) == ["error", "exit"] and error["exit"] == 1, error
    (error,) = Run(folder, "--json", "nothing").ends(1).json()
    assert "no command 'nothing'" in error["error"], error


@test
def help_has_an_example(folder):
    """--help works anywhere, for every command, and shows an example"""
    usage = Run(folder, "help").ends(0, out="^usage: pawl").out
    assert Run(folder, "--help").ends(0).out == usage
    # a row of the usage is words, ARGUMENTS and, behind two blanks, what it does
    rows = re.findall(r"^  ([a-z]+(?: [a-z]+)?)(?: [A-Z\[(-].*?)?(?:  |$)", usage, re.M)
    assert {"init", "key new", "version", "migrate"} <= set(rows), rows
    for row in rows:
        words = row.split()
        text = Run(folder, *words, "--help").ends(0, out=r"\nexample: pawl ").out
        assert Run(folder, "--help", *words).ends(0).out == text
        assert Run(folder, "help", *words).ends(0).out == text
    Run(folder, "key", "--help").ends(0, out="^usage: pawl key COMMAND(.|\n)*key import NAME")
    # what no line goes without is part of it, wherever a usage is told
    needed = {"airdrop run": r"FILE (--chain) NAME (--from) KEY", "node convert": r"FILE OUTPUT (--to) VERSION",
              "node prune": "(--output) FILE", "node recover": r"\((--latest-valid) \| (--to) N\)"}
    write(folder, "pawl.yaml", TWO_CHAINS)
    for words, wanted in needed.items():
        Run(folder, *words.split(), "--help").ends(0, out=f"^usage: pawl {words} {wanted}( |$)")
        assert re.search(f"^  {words} {wanted}$|^  {words} {wanted}  ", usage, re.M), usage
        files = wanted.split("(")[0].replace("\\", "").split()
        told = Run(folder, *words.split(), *files).ends(1).err
        assert any(option in told for option in re.findall("--[a-z-]+", wanted)), told
        if files:
            Run(folder, *words.split()).ends(1, err=f"FILE is missing; usage: pawl {words} {wanted}\n")
    assert not re.findall(r"^  node import FILE.*--yes", usage, re.M), "what may be left out"
    Run(folder, "help", "key").ends(0, out="^usage: pawl key COMMAND")
    Run(folder, "help", "config").ends(0, out=r"chains\.NAME\.poll_ms   \(default: 1000\)")
    Run(folder, "help", "nonsense").ends(1, err="no command 'nonsense'")


@test
def version_says_itself(folder):
    """version works without a config, as text and as JSON"""
    Run(folder, "version").ends(0, out=r"^pawl \d+\.\d+\.\d+ \(journal schema \d+\)\n$")
    (version,) = Run(folder, "version", "--json").ends(0).json()
    assert list(version) == ["version", "schema"], version
    said_so = Run(folder, "version").out
    assert Run(folder, "--version").ends(0).out == said_so
    assert Run(folder, "--version", "--json").ends(0).json() == [version]


@test
def output_that_is_lost_is_an_error(folder):
    """a full or closed standard output is not success, and hits no file"""
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([PAWL, "version"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b"standard output: No space" in done.stderr, done
    Run(folder, "init").ends(0)
    for closed, code in ((">&-", 1), (">&- 2>&- <&-", 1), ("2>&- <&-", 0)):
        done = subprocess.run(["sh", "-c", f'"$0" migrate {closed}', PAWL], cwd=folder,
                              env=environment(), capture_output=True, check=False)
        told = unwarned(done.stderr.decode())
        with open(os.path.join(folder, "pawl.db"), "rb") as file:
            assert b"nothing to do" not in file.read()
        assert done.returncode == code, done
        assert told == "pawl: standard output: it is closed\n" or "2" in closed, done


# --- the config ------------------------------------------------------------------------


@test
def a_wrong_config_names_its_lines(folder):
    """every problem of the config is told with line and column, and ends with 1"""
    write(folder, "pawl.yaml", CHAIN + "    pol_ms: 5\n    batch: 0\n")
    run = Run(folder, "key", "list").ends(1)
    assert run.err.splitlines() == [
        "pawl: pawl.yaml:7:5: chains.main: no key 'pol_ms' here; did you mean poll_ms?",
        "pawl: pawl.yaml:8:12: chains.main.batch: '0' is not a whole number from 1 to 1000",
    ], run.err
    (error,) = Run(folder, "key", "list", "--json").ends(1).json()
    assert error["error"].count("\n") == 1, error


@test
def without_a_config_each_says_so(folder):
    """what would own the journal, or ask its owner, ends with what is wrong with the config, missing or damaged"""
    write(folder, "change", '{"do":"credit","peer":"a","amount":5}')

    def told(why):
        for line in ("pause a", "resume a", "resume chain:b", "cancel a", "retry a", "track x", "untrack x", "serve",
                     "endpoints off b/1", "node apply change", "node settle a --why b", "node create-anchor", "archive"):
            Run(folder, *line.split()).ends(1, err=why)

    told("^pawl: pawl.yaml: there is no such file; `pawl init` writes one")
    write(folder, "pawl.yaml", "chains: [")
    told("^pawl: pawl.yaml:.*did not find")


@test
def the_environment_overrides_the_config(folder):
    """a twin in the environment is checked like the file, and a mistyped one refused"""
    write(folder, "pawl.yaml", CHAIN)
    Run(folder, "key", "list", env={"PAWL_CHAINS__MAIN__POLL_MS": "500"}).ends(0)
    Run(folder, "key", "list", env={"PAWL_CHAINS__MAIN__POLL_MS": "5"}).ends(
        1, err="^pawl: PAWL_CHAINS__MAIN__POLL_MS: chains.main.poll_ms: '5' is not"
    )
    Run(folder, "key", "list", env={"PAWL_CHAINS__MAIN__POL_MS": "500"}).ends(
        1, err="did you mean PAWL_CHAINS__MAIN__POLL_MS"
    )


@test
def a_config_without_anything_says_what_comes_next(folder):
    """where there is no chain or key at all, how to get one is said"""
    Run(folder, "init").ends(0)
    write(folder, "list.csv", "address,amount\n")
    plan = ("airdrop", "plan", "list.csv", "--chain", "main", "--from", "payer")
    Run(folder, *plan).ends(1, err="names no chain yet: .*pawl help config")
    write(folder, "pawl.yaml", CHAIN)
    Run(folder, *plan).ends(1, err="names no key yet: pawl key new NAME")


@test
def unknown_variables_are_warned_of(folder):
    """a PAWL_ variable that nothing reads is a warning, with the nearest that is read"""
    write(folder, "pawl.yaml", CHAIN + "keys: {a: {source: env:PAWL_PAYER}}\n")
    unknown = {"PAWL_JURNAL": "x.db", "PAWL_CONFG": "x", "PAWL_PAYER": KEY, "PAWL_ELSE": "1",
               "PAWL_ANVIL": "x"}
    err = Run(folder, "key", "list", env=unknown).ends(0).err
    for line in ("PAWL_JURNAL: pawl knows no such variable; did you mean PAWL_JOURNAL?",
                 "PAWL_CONFG: pawl knows no such variable; did you mean PAWL_CONFIG?",
                 "PAWL_ELSE: pawl knows no such variable\n", "PAWL_ANVIL: pawl knows no such variable\n"):
        assert "pawl: warning: " + line in err, err
    assert "PAWL_PAYER" not in err, err


@test
def a_config_that_others_can_read_is_warned_about(folder):
    """a config that everybody can read works, with a warning"""
    write(folder, "pawl.yaml", CHAIN, 0o644)
    Run(folder, "key", "list").ends(0, err="^pawl: warning: pawl.yaml can be read by")
    assert Run(folder, "key", "list", "--quiet").ends(0).err == ""
    write(folder, "pawl.yaml", CHAIN, 0o600)
    assert Run(folder, "key", "list").ends(0).err == ""


@test
def odd_config_files(folder):
    """a missing, a special and a huge config are refused, and one names pawl init"""
    Run(folder, "key", "list").ends(1, err="there is no such file; `pawl init` writes one")
    Run(folder, "key", "list", "--config", ".").ends(1, err="not a regular file")
    os.mkfifo(os.path.join(folder, "fifo"))
    Run(folder, "key", "list", "--config", "fifo").ends(1, err="not a regular file")
    write(folder, "big.yaml", "#" * (1024 * 1024 + 1))
    Run(folder, "key", "list", "--config", "big.yaml").ends(1, err="larger than")


@test
def names_that_are_no_text(folder):
    """paths that are no UTF-8 work, and stay valid in JSON"""
    name = b"p\xff\n.yaml"
    for args in ([b"init"], [b"init"], [b"migrate"], [b"key", b"list"], [b"key", b"remove", name]):
        line = [PAWL.encode(), *args, b"--json", b"--config", name]
        done = subprocess.run(line, cwd=folder, capture_output=True, timeout=60, check=False)
        assert done.returncode in (0, 1), done
        for row in done.stdout.decode("utf-8").splitlines():
            json.loads(row)


# --- keys ------------------------------------------------------------------------------


@test
def keys_are_made_and_listed(folder):
    """key new makes a private keystore that key list shows; a name is used once"""
    write(folder, "pawl.yaml", CHAIN)
    write(folder, "pw", PASSWORD + "\n")
    made = Run(folder, "key", "new", "payer", "--password", "file:pw").ends(
        0, out="keystore:keys/payer.json, password: file:pw}")
    address = made.out.splitlines()[0]
    assert re.fullmatch("0x[0-9a-fA-F]{40}", address), made.out
    assert mode(folder, "keys") == 0o700
    assert mode(folder, "keys/payer.json") == 0o600
    assert os.listdir(os.path.join(folder, "keys")) == ["payer.json"]
    assert Run(folder, "key", "list", "--json").ends(0).json() == [
        {
            "key": "payer",
            "source": "keystore:keys/payer.json",
            "address": address,
            "usable": True,
        }
    ]
    Run(folder, "key", "new", "payer", "--password", "file:pw").ends(
        1, err="a key payer already: .*keys/payer.json")
    Run(folder, "key", "new", "Payer", "--password", "file:pw").ends(1, err="is no name")
    with open(os.path.join(folder, "pawl.yaml"), encoding="utf-8") as file:
        assert file.read() == CHAIN
    write(folder, "pawl.yaml", CHAIN + "keys:\n  named: {source: env:NAMED}\n")
    Run(folder, "key", "new", "named", "--password", "file:pw").ends(
        1, err="a key named already: .*pawl.yaml names it")


@test
def keys_are_imported(folder):
    """key import reads a variable, a file or standard input, and finds the same address"""
    write(folder, "pawl.yaml", CHAIN)
    write(folder, "plain.key", f"  0x{KEY}\n")
    password = {"PW": PASSWORD}
    for name, more in (
        ("a", {"args": ["--from", "env:SECRET_KEY"], "env": {"SECRET_KEY": KEY}}),
        ("b", {"args": ["--from", "file:plain.key"]}),
        ("c", {"stdin": KEY + "\n"}),
    ):
        run = Run(
            folder,
            "key",
            "import",
            name,
            "--password",
            "env:PW",
            *more.get("args", []),
            env={**password, **more.get("env", {})},
            stdin=more.get("stdin", ""),
        )
        run.ends(0, out=f"^{ADDRESS}\n")
        os.unlink(os.path.join(folder, f"keys/{name}.json"))
    Run(folder, "key", "import", "a", "--password", "env:PW", env=password, stdin=KEY).ends(0)
    Run(folder, "key", "import", "b", "--password", "env:PW", env=password, stdin=KEY).ends(
        1, err="this key is there already, as a"
    )
    Run(folder, "key", "import", "b", "--password", "env:PW", env=password, stdin=KEY[1:]).ends(
        1, err="not 32 bytes in hex"
    )


@test
def keys_of_the_config_are_listed(folder):
    """key list tells which keys can't be used, and why"""
    write(folder, "plain.key", KEY)
    write(
        folder,
        "pawl.yaml",
        "keys:\n"
        "  variable: {source: env:SECRET_KEY}\n"
        "  plain: {source: file:plain.key}\n"
        "  gone: {source: keystore:gone.json}\n",
    )
    rows = Run(folder, "key", "list", "--json").ends(0).json()
    assert [row["usable"] for row in rows] == [False, True, False], rows
    assert "SECRET_KEY is not set" in rows[0]["why"], rows
    assert rows[1]["address"] == ADDRESS, rows
    assert "gone.json: No such file" in rows[2]["why"], rows
    rows = Run(folder, "key", "list", "--json", env={"SECRET_KEY": KEY}).ends(0).json()
    assert "it is the same key as" in rows[1]["why"], rows


@test
def a_wrong_password_has_a_way_on(folder):
    """a password that does not fit says where the right one belongs"""
    write(folder, "right", "abc")
    write(folder, "wrong", "abd")
    Run(folder, "init").ends(0)
    Run(folder, "key", "new", "payer", "--password", "file:right").ends(0)
    write(folder, "pawl.yaml", TWO_CHAINS + "keys: {payer: {source: 'keystore:keys/payer.json', "
                                            "password: 'file:wrong'}}\n")
    write(folder, "list.csv", "address,amount\n")
    Run(folder, "airdrop", "run", "list.csv", "--chain", "main", "--from", "payer", "--yes").ends(
        1, err="key payer: .*password does not fit.*correct what `password:` of the key names")


@test
def a_plan_says_that_there_is_no_journal(folder):
    """a plan without a journal says that nothing is compared, and how to make one"""
    write(folder, "pawl.yaml", TWO_CHAINS + "keys: {payer: {source: 'env:SECRET_KEY'}}\n")
    write(folder, "list.csv", f"address,amount\n0x{'11' * 20},1\n")
    words = ("airdrop", "plan", "list.csv", "--chain", "main", "--from", "payer")
    env = {"SECRET_KEY": KEY}
    said = "there is no journal yet, .* pawl init\n"
    Run(folder, *words, env=env).ends(0, err=said)
    (told,) = Run(folder, *words, "--json", env=env).ends(0).json()
    assert any("no journal yet" in text for text in told["warnings"]), told
    Run(folder, "init").ends(0)
    assert "no journal" not in Run(folder, *words, env=env).ends(0).err


@test
def a_quiet_daemon_prints_no_news(folder):
    """serve --quiet keeps the log's information to itself, but for a file"""
    write(folder, "pawl.yaml", TWO_CHAINS)
    Run(folder, "init").ends(0)
    for words, news in ((["serve"], True), (["--quiet", "serve"], False)):
        env = {**environment(), "PAWL_SERVE__LISTEN": "127.0.0.1:0"}
        with subprocess.Popen(
            [PAWL, *words], cwd=folder, env=env, stderr=subprocess.PIPE
        ) as daemon:
            wait_for(lambda: os.path.exists(os.path.join(folder, "pawl.db.sock")))
            daemon.terminate()
            said = daemon.communicate(timeout=30)[1].decode()
        assert daemon.returncode == 0 and (" info " in said) == news, said


@test
def files_that_others_can_read_are_refused(folder):
    """a key, a password or a keystore that others can read is refused"""
    write(folder, "plain.key", KEY, 0o640)
    write(folder, "pw", PASSWORD, 0o604)
    write(folder, "pawl.yaml", "keys: {plain: {source: file:plain.key}}\n")
    (row,) = Run(folder, "key", "list", "--json").ends(0).json()
    assert "plain.key: others can read it (mode 0640)" in row["why"], row
    Run(folder, "key", "new", "a", "--password", "file:pw").ends(
        1, err="pw: others can read it .mode 0604.: chmod 600 pw"
    )
    os.chmod(os.path.join(folder, "pw"), 0o600)
    Run(folder, "key", "new", "a", "--password", "file:pw").ends(0)
    os.chmod(os.path.join(folder, "keys/a.json"), 0o644)
    rows = Run(folder, "key", "list", "--json").ends(0).json()
    assert "keys/a.json: others can read it" in rows[1]["why"], rows


@test
def keys_in_the_wrong_place_are_not_repeated(folder):
    """a key that was written where a reference belongs never shows in a message"""
    write(folder, "pawl.yaml", f"keys: {{a: {{source: {KEY}}}}}\n")
    Run(folder, "key", "list").ends(1, err="pawl.yaml:1:20: keys.a.source: this looks like a secret")
    os.unlink(os.path.join(folder, "pawl.yaml"))
    write(folder, "pawl.yaml", CHAIN)
    Run(folder, KEY).ends(1)
    Run(folder, "--" + KEY).ends(1)
    Run(folder, "key", "new", KEY).ends(1)
    Run(folder, "key", "remove", KEY).ends(1)
    Run(folder, "key", "import", "a", "--from", KEY).ends(1, err="looks like a secret itself")
    Run(folder, "key", "import", "a", "--from", "file:0x" + KEY).ends(1)
    Run(folder, "key", "list", env={"PAWL_LOG__LEVEL": KEY}).ends(1)
    Run(folder, "key", "list", env={"PAWL_KEYS__" + KEY: "1"}).ends(1)
    Run(folder, "help", KEY).ends(1)


@test
def passwords_are_asked_for_unseen(folder):
    """on a terminal a password is asked for twice, and never shown"""
    write(folder, "pawl.yaml", CHAIN)
    code, shown = typed(
        folder,
        ["key", "new", "payer"],
        [("A password for key payer: ", PASSWORD + "\n"), ("Once more: ", PASSWORD + "\n")],
    )
    assert code == 0 and PASSWORD not in shown, shown
    assert os.path.exists(os.path.join(folder, "keys/payer.json"))
    code, shown = typed(
        folder,
        ["key", "new", "other"],
        [("A password for key other: ", PASSWORD + "\n"), ("Once more: ", "another\n")],
    )
    assert code == 1 and "the two passwords differ" in shown, shown
    assert not os.path.exists(os.path.join(folder, "keys/other.json"))
    code, shown = typed(folder, ["key", "new", "other"], [("A password", "\n")])
    assert code == 1 and "the password is empty" in shown, shown


@test
def keys_are_typed_unseen(folder):
    """on a terminal the key to import is asked for, and never shown"""
    write(folder, "pawl.yaml", CHAIN)
    code, shown = typed(
        folder,
        ["key", "import", "payer"],
        [
            ("The private key in hex: ", KEY + "\n"),
            ("A password for key payer: ", PASSWORD + "\n"),
            ("Once more: ", PASSWORD + "\n"),
        ],
    )
    assert code == 0 and ADDRESS in shown and PASSWORD not in shown, shown


@test
def control_c_at_a_prompt_ends_it(folder):
    """Ctrl-C while a password is asked for ends the program and gives the terminal back"""
    write(folder, "pawl.yaml", CHAIN)
    code, shown = typed(folder, ["key", "new", "payer"], [("A password", "\x03")])
    assert code == -2, (code, shown)
    assert not os.path.exists(os.path.join(folder, "keys"))


@test
def keys_without_a_terminal_need_a_password(folder):
    """without a terminal and --password nothing is made"""
    write(folder, "pawl.yaml", CHAIN)
    Run(folder, "key", "new", "payer").ends(1, err="password")
    assert not os.path.exists(os.path.join(folder, "keys/payer.json"))


@test
def a_used_key_is_not_removed(folder):
    """key remove keeps a key of which it can't know that it is empty"""
    write(folder, "pawl.yaml", CHAIN)
    write(folder, "pw", PASSWORD)
    Run(folder, "key", "new", "payer", "--password", "file:pw").ends(0)
    Run(folder, "key", "remove", "payer").ends(5)
    assert os.path.exists(os.path.join(folder, "keys/payer.json"))
    Run(folder, "key", "remove", "payr").ends(1, err="there is no key payr; did you mean payer")


@test
def a_key_is_not_deleted_blindly(folder):
    """key remove without a chain says what it can't know, and asks or needs --yes"""
    Run(folder, "init").ends(0)
    write(folder, "pw", PASSWORD)
    Run(folder, "key", "new", "payer", "--password", "file:pw").ends(0)
    Run(folder, "key", "remove", "payer").ends(1, err="names no chain.*key remove payer --yes")
    code, shown = typed(folder, ["key", "remove", "payer"], [("Delete key payer", "n\n")])
    assert code == 3 and "is kept" in shown, (code, shown)
    assert os.path.exists(os.path.join(folder, "keys/payer.json"))
    code, shown = typed(folder, ["key", "remove", "payer"], [("Delete key payer", "y\n")])
    assert code == 0 and not os.path.exists(os.path.join(folder, "keys/payer.json")), shown
    Run(folder, "key", "new", "payer", "--password", "file:pw").ends(0)
    Run(folder, "key", "remove", "payer", "--yes").ends(0, err="warning: pawl.yaml names no chain")


# --- the journal -------------------------------------------------------------------------


@test
def migrate_looks_at_the_journal(folder):
    """migrate says when nothing is to do, and names pawl init without a journal"""
    write(folder, "pawl.yaml", CHAIN)
    Run(folder, "migrate").ends(1, err="pawl.db.*pawl init")
    Run(folder, "init").ends(0)
    Run(folder, "migrate", "--check").ends(0, out="nothing to do")
    (told,) = Run(folder, "migrate", "--json").ends(0).json()
    assert told["from"] == told["to"] and told["backup"] is None, told


# --- all of it -----------------------------------------------------------------------------


def key_leaks(folder):
    """Files that hold the key and are not the ones that a test wrote itself."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if name in KEY_FILES or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                content = file.read().lower()
            if name != "pawl.yaml" and KEY.encode() in content:
                yield path


def no_key_leaks(folder):
    leaks = [*key_leaks(folder), *(text for text in said if KEY in text.lower())]
    said.clear()
    assert not leaks, leaks


if __name__ == "__main__":
    sys.exit(main(looks_back=no_key_leaks))
